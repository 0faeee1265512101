use http::StatusCode;
use platecam_model::{EventKind, ports::NtpStatus};
use serde_json::{Value, json};

use crate::support::Client;

/// SYS-8..12: zone, formats, local time; SYS-13: what NTP says.
#[tokio::test]
async fn the_clock_is_shown_in_the_units_zone_and_format() {
    let client = Client::logged_in().await;
    let patch = json!({"zone_name": "America/New_York", "time_zone": "EST5EDT,M3.2.0,M11.1.0", "dst_enabled": true,
        "dst_rule": "zone", "date_format": "DD-MM-YYYY", "time_format": "12-hour", "ntp_server": "ntp.example"});
    assert_eq!(
        client.patch("time", "\"0\"", &patch).await.status,
        StatusCode::OK
    );
    client.test.time.pretend(Some(NtpStatus {
        running: true,
        error: Some("no answer from ntp.example".into()),
        ..NtpStatus::default()
    }));
    let t = client.get("/api/v1/time").await.json();
    assert_eq!(t["utc"], "2026-11-18T11:06:40.000Z");
    assert_eq!(t["local"], "2026-11-18T06:06:40.000-05:00");
    assert_eq!(t["local_text"], "18-11-2026 06:06:40 AM");
    assert_eq!(
        (&t["zone"], &t["posix"]),
        (&json!("America/New_York"), &json!("EST5EDT,M3.2.0,M11.1.0"))
    );
    assert_eq!(
        (&t["dst_active"], &t["utc_offset_minutes"]),
        (&json!(false), &json!(-300))
    );
    assert_eq!(t["next_change"], "2027-03-14T07:00:00.000Z");
    assert_eq!(
        (&t["settable"], &t["unsettable_reason"]),
        (&json!(true), &Value::Null)
    );
    assert_eq!(t["ntp"]["last_sync"], Value::Null);
    assert_eq!(
        (&t["ntp"]["enabled"], &t["ntp"]["synchronised"]),
        (&json!(false), &json!(false))
    );
    assert_eq!(t["ntp"]["error"], "no answer from ntp.example");
    let zones = client.get("/api/v1/time/zones").await.json();
    assert_eq!(zones[0]["label"], "(UTC-05:00) America/New_York");
    assert_eq!(
        zones[0]["dst_start"],
        json!({"month": 3, "week": "2", "weekday": "sun", "hour": 2})
    );
    assert_eq!(
        zones[2]["dst_end"],
        json!({"month": 10, "week": "last", "weekday": "sun", "hour": 3})
    );
}

/// SYS-9, SYS-10.
#[tokio::test]
async fn the_clock_is_set_by_hand_and_from_the_pc() {
    let client = Client::logged_in().await;
    let mut events = client.test.device.bus.subscribe();
    let set = |body: Value| {
        let client = &client;
        async move { client.post("/api/v1/time", &body).await }
    };
    let pc = set(json!({"utc": "2027-01-02T03:04:05.678Z", "source": "pc"})).await;
    assert_eq!(
        pc.json(),
        json!({"before": "2026-11-18T11:06:40.000Z", "after": "2027-01-02T03:04:05.678Z"})
    );
    let told = std::iter::from_fn(|| events.try_recv().ok());
    let audits: Vec<String> = told
        .filter_map(|e| match &e.kind {
            EventKind::Audit(a) => Some(format!("{} {}", a.actor, a.what)),
            _ => None,
        })
        .collect();
    assert_eq!(audits.len(), 1);
    assert!(
        audits[0].starts_with("admin@192.0.2.7 Clock set from the user's computer"),
        "{audits:?}"
    );
    let hand = set(json!({"local": "2027-01-02T04:00:00"})).await;
    assert_eq!(hand.json()["after"], "2027-01-02T04:00:00.000Z");
    for (body, pointer) in [
        (json!({}), "/utc"),
        (
            json!({"utc": "2027-01-02T04:00:00Z", "local": "2027-01-02T04:00:00"}),
            "/utc",
        ),
        (json!({"utc": "1970-01-01T00:00:00Z"}), "/utc"),
        (json!({"local": "noon"}), "/local"),
    ] {
        let reply = set(body.clone()).await;
        assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
        assert_eq!(reply.pointers(), [pointer], "{body}");
    }
    assert_eq!(
        set(json!({"utc": "now"})).await.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    client.test.time.fix(true);
    let fixed = set(json!({"utc": "2027-01-02T04:00:00Z"})).await;
    assert_eq!(
        (fixed.status, fixed.problem().as_str()),
        (StatusCode::NOT_IMPLEMENTED, "unsupported")
    );
    client.test.time.fix(false);
    client
        .patch("time", "\"1\"", &json!({"ntp_enabled": true}))
        .await;
    let ntp = set(json!({"utc": "2027-01-02T04:00:00Z"})).await;
    assert_eq!(
        (ntp.status, ntp.problem().as_str()),
        (StatusCode::CONFLICT, "conflict")
    );
}

/// A session outlives every jump of the wall clock (SYS-16).
#[tokio::test]
async fn sessions_outlive_jumps_of_the_clock() {
    let client = Client::logged_in().await;
    for to in ["2099-01-01T00:00:00Z", "2001-01-01T00:00:00Z"] {
        let reply = client.post("/api/v1/time", &json!({"utc": to})).await;
        assert_eq!(reply.status, StatusCode::OK);
        assert_eq!(
            client.get("/api/v1/session").await.status,
            StatusCode::OK,
            "{to}"
        );
    }
}
