use std::io::{Cursor, Read};

use http::{StatusCode, header};
use platecam_model::{
    Actor, LogKind, Origin, UtcTime,
    log::{NewLogEntry, Severity},
    ports::LogStore,
};
use serde_json::{Value, json};

use crate::support::Client;

fn at(minute: i64) -> UtcTime {
    UtcTime::from_millis(1_795_000_000_000 + minute * 60_000)
}

/// A device whose log has a login, a saved setting and a logout.
async fn client() -> Client {
    let client = Client::logged_in().await;
    let by = Actor {
        user: Some("Guard".into()),
        peer: "192.0.2.9".parse().ok(),
        origin: Origin::Web,
        ..Actor::system()
    };
    let entry = |n, kind, text: &str| NewLogEntry::new(at(n), kind, Severity::Info, &by, text);
    let entries = vec![
        entry(0, LogKind::Login, "Logged in."),
        entry(1, LogKind::SaveConfig, "Saved.").with("fields", "name"),
        entry(2, LogKind::Logout, "Logged out."),
    ];
    client.test.log.append(entries).unwrap();
    client
}

fn ids(page: &Value) -> Vec<u64> {
    page["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["id"].as_u64().unwrap())
        .collect()
}

/// LOG-1..3, SEC-14.
#[tokio::test]
async fn the_log_is_searched_and_paged() {
    let client = client().await;
    let page = client.get("/api/v1/log?limit=2").await.json();
    assert_eq!(
        (ids(&page), &page["total"], &page["next_before_id"]),
        (vec![3, 2], &json!(3), &json!(2))
    );
    assert_eq!(
        page["items"][1],
        json!({"id": 2, "at": "2026-11-18T11:07:40.000Z", "kind": "save-config", "severity": "info", "user": "Guard",
            "address": "192.0.2.9", "origin": "web", "text": "Saved.", "details": {"fields": "name"}})
    );
    for (query, want) in [
        ("limit=2&before_id=2", vec![1]),
        (
            "from=2026-11-18T11:06:40Z&to=2026-11-18T11:07:40Z",
            vec![2, 1],
        ),
        ("kind=login,logout", vec![3, 1]),
        ("user=guard", vec![3, 2, 1]),
        ("user=admin", vec![]),
    ] {
        let page = client.get(&format!("/api/v1/log?{query}")).await.json();
        assert_eq!(ids(&page), want, "{query}");
    }
    let wrong = client.get("/api/v1/log?kind=all&limit=0").await;
    assert_eq!(wrong.pointers(), ["/kind", "/limit"]);
}

/// LOG-4, LOG-5.
#[tokio::test]
async fn exports_are_text_and_encrypted() {
    let client = client().await;
    let text = client.get("/api/v1/log/export.txt?kind=login,logout").await;
    assert_eq!(
        text.header(header::CONTENT_TYPE),
        "text/plain; charset=utf-8"
    );
    assert_eq!(
        text.header(header::CONTENT_DISPOSITION),
        "attachment; filename=\"platecam-log-PC00000001-2026-11-18.txt\""
    );
    let body = String::from_utf8(text.body.to_vec()).unwrap();
    assert_eq!(body.lines().count(), 3, "{body}");
    assert!(
        body.lines().nth(1).unwrap().contains("\tLogged in."),
        "oldest first: {body}"
    );

    // SYS-16: the day in the name is the unit's: here it is tomorrow already.
    let far = json!({"time_zone": "<+14>-14"});
    assert_eq!(
        client.patch("time", "\"0\"", &far).await.status,
        StatusCode::OK
    );
    let named = client.get("/api/v1/log/export.txt").await;
    assert!(
        named
            .header(header::CONTENT_DISPOSITION)
            .ends_with("-2026-11-19.txt\"")
    );
    assert_eq!(
        client
            .patch("time", "\"1\"", &json!({"time_zone": "UTC0"}))
            .await
            .status,
        StatusCode::OK
    );

    for password in ["short", &"x".repeat(65)] {
        let reply = client
            .post("/api/v1/log/export", &json!({"password": password}))
            .await;
        assert_eq!(reply.pointers(), ["/password"]);
        assert!(
            !String::from_utf8_lossy(&reply.body).contains("short"),
            "no secret comes back"
        );
    }
    let body = json!({"password": "gate and bar", "kind": "login,logout"});
    let zip = client.post("/api/v1/log/export", &body).await;
    assert_eq!(
        (zip.status, zip.header(header::CONTENT_TYPE)),
        (StatusCode::OK, "application/zip")
    );
    let mut archive = zip::ZipArchive::new(Cursor::new(zip.body.to_vec())).unwrap();
    assert!(archive.by_index(0).is_err(), "not without the password");
    let mut inside = Vec::new();
    archive
        .by_index_decrypt(0, b"gate and bar")
        .unwrap()
        .read_to_end(&mut inside)
        .unwrap();
    assert_eq!(inside, text.body);
}

#[tokio::test]
async fn clearing_leaves_who_did_it() {
    let client = client().await;
    let reply = client.post("/api/v1/log/clear", &json!({})).await;
    assert_eq!(reply.json(), json!({"removed": 3}));
    let page = client.get("/api/v1/log").await.json();
    assert_eq!(ids(&page), [4]);
    let left = &page["items"][0];
    assert_eq!(
        (&left["kind"], &left["user"], &left["address"]),
        (&json!("clear"), &json!("admin"), &json!("192.0.2.7"))
    );
    let trail = client
        .get("/api/v1/audit/export.jsonl?kind=login,clear")
        .await;
    assert_eq!(trail.header(header::CONTENT_TYPE), "application/jsonl");
    let lines = String::from_utf8(trail.body.to_vec()).unwrap();
    let lines: Vec<Value> = lines
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    assert_eq!(
        lines
            .iter()
            .map(|l| l["id"].as_u64().unwrap())
            .collect::<Vec<_>>(),
        [1, 4]
    );
    assert!(lines[0]["prev"].is_string() && lines[0]["hash"].is_string());
    let check = client.get("/api/v1/audit/verify").await.json();
    assert_eq!(
        (&check["ok"], &check["entries"], &check["last_id"]),
        (&json!(true), &json!(4), &json!(4))
    );
}

/// The trail is given page by page and whole.
#[tokio::test]
async fn a_long_trail_is_given_whole() {
    let client = Client::logged_in().await;
    let by = Actor::system();
    let many =
        (0..2500).map(|i| NewLogEntry::new(at(i), LogKind::System, Severity::Info, &by, "x"));
    client.test.log.append(many.collect()).unwrap();
    let trail = client.get("/api/v1/audit/export.jsonl").await;
    assert_eq!(
        String::from_utf8(trail.body.to_vec())
            .unwrap()
            .lines()
            .count(),
        2500
    );
}

/// RLOG-1, RLOG-3: the state of the log server.
#[tokio::test]
async fn the_remote_log_says_how_it_is() {
    let client = Client::logged_in().await;
    let status = client.get("/api/v1/log/remote").await.json();
    assert_eq!(
        (&status["enabled"], &status["queued"]),
        (&json!(false), &json!(0))
    );
    let reply = client.post("/api/v1/log/remote/test", &json!({})).await;
    assert_eq!(
        (reply.status, reply.problem().as_str()),
        (StatusCode::CONFLICT, "conflict")
    );
}
