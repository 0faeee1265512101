//! Alarms, inputs and outputs.

use http::StatusCode;
use platecam_model::{Actor, UtcTime, alarm::MailState};
use serde_json::json;

use crate::support::Client;

/// ALARM-14, ALARM-15: the numbers of a test are those of the outputs; what is not there is named.
#[tokio::test]
async fn outputs_are_tested_and_seen() {
    let client = Client::logged_in().await;
    let test = async |body| client.post("/api/v1/io/outputs/test", &body).await;
    for (outputs, pointer) in [
        (json!([]), "/outputs"),
        (json!([0]), "/outputs/0"),
        (json!([1, 3]), "/outputs/1"),
        (json!([1, 1, 1, 1, 1, 1, 1, 1, 1]), "/outputs"),
    ] {
        let refused = test(json!({"outputs": outputs})).await;
        assert_eq!(
            refused.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{outputs}"
        );
        assert_eq!(refused.pointers(), [pointer], "{outputs}");
    }
    let done = test(json!({"outputs": [2]})).await;
    assert_eq!(done.status, StatusCode::NO_CONTENT);
    let lines = client.get("/api/v1/io").await.json();
    assert_eq!(lines["outputs"][0]["active"], false);
    assert_eq!(lines["outputs"][1]["active"], true);
    assert_eq!(lines["inputs"].as_array().unwrap().len(), 2);
}

/// FILE-29, GEN-19.
#[tokio::test]
async fn alarms_are_listed_with_their_pictures() {
    let client = Client::logged_in().await;
    let device = client.test.device.clone();
    let alarm = json!({"input1": {"enabled": true, "output1": true, "snapshot": true}});
    let by = Actor::system();
    device
        .settings
        .patch("event.alarm_inputs", &alarm, None, &by)
        .unwrap();
    let mut events = device.bus.subscribe();
    for closed in [false, true] {
        device.contact_seen(0, closed);
    }
    while let Ok(event) = events.try_recv() {
        if let platecam_model::EventKind::Alarm(alarm) = &event.kind {
            device.keep_alarm(alarm).unwrap();
        }
    }
    let page = client.get("/api/v1/alarms?kind=input&limit=5").await.json();
    assert_eq!(page["total"], 1);
    let alarm = &page["items"][0];
    assert_eq!(alarm["channel"], 1);
    assert_eq!(alarm["outputs"], json!([1]));
    assert_eq!(
        alarm["mail"],
        serde_json::to_value(MailState::None).unwrap()
    );
    let at: UtcTime = alarm["at"].as_str().unwrap().parse().unwrap();
    assert_eq!(at, device.clock.now());
    let table = client.get("/api/v1/alarms/export.csv").await;
    let text = String::from_utf8(table.body.to_vec()).unwrap();
    let rows: Vec<_> = text.split_terminator("\r\n").collect();
    assert_eq!(rows.len(), 2, "{text}");
    assert!(rows[0].starts_with("number,time_utc,type,"));
    assert!(
        rows[1].starts_with("1,20") && rows[1].ends_with(",yes"),
        "{text}"
    );
    let refused = client.get("/api/v1/alarms/export.csv?from=now").await;
    assert_eq!(refused.pointers(), ["/from"]);
    let picture = client.get("/api/v1/alarms/1/picture.jpg").await;
    assert_eq!(
        (picture.status, &picture.body[..2]),
        (StatusCode::OK, &[0xFF, 0xD8][..])
    );
    for missing in [
        "/api/v1/alarms/2/picture.jpg",
        "/api/v1/alarms/x/picture.jpg",
    ] {
        assert_eq!(
            client.get(missing).await.status,
            StatusCode::NOT_FOUND,
            "{missing}"
        );
    }
    let wrong = client
        .get("/api/v1/alarms?from=now&kind=all&limit=0&before_id=x")
        .await;
    assert_eq!(wrong.pointers(), ["/from", "/kind", "/before_id", "/limit"]);
}
