use http::StatusCode;
use serde_json::json;

use crate::support::Client;

/// SYS-18, SYS-22: nothing without confirmation; then the reason is kept and the unit restarts.
#[tokio::test]
async fn a_reboot_needs_a_confirmation() {
    let client = Client::logged_in().await;
    for body in [json!({}), json!({"confirm": false})] {
        let reply = client.post("/api/v1/maintenance/reboot", &body).await;
        assert_eq!(reply.problem(), "invalid");
        assert_eq!(reply.pointers(), ["/confirm"]);
    }
    assert!(client.test.power.notes.lock().is_empty());
    let reply = client
        .post("/api/v1/maintenance/reboot", &json!({"confirm": true}))
        .await;
    assert_eq!(reply.status, StatusCode::ACCEPTED);
    assert_eq!(
        reply.json(),
        json!({"reach": "simulated", "expected_down_s": 5})
    );
    let notes = client.test.power.notes.lock();
    assert_eq!(notes.len(), 1);
    assert!(notes[0].0.by.starts_with("admin@"), "{:?}", notes[0]);
}

/// SYS-19: the page shows the next moment.
#[tokio::test]
async fn the_schedule_is_shown() {
    let client = Client::logged_in().await;
    let before = client.get("/api/v1/maintenance").await.json();
    assert_eq!(before["next_restart"], json!(null));
    assert_eq!(before["reach"], "simulated");
    let on = json!({"auto_restart": true, "day": "every-day", "time": "03:00"});
    let reply = client.patch("maintenance", "\"0\"", &on).await;
    assert_eq!(reply.status, StatusCode::OK);
    let after = client.get("/api/v1/maintenance").await.json();
    assert!(
        after["next_restart"]
            .as_str()
            .unwrap()
            .ends_with("T03:00:00.000Z"),
        "{after}"
    );
    for (field, value) in [("time", "24:00"), ("day", "someday"), ("url", "ftp://x")] {
        let reply = client
            .patch("maintenance", "\"1\"", &json!({field: value}))
            .await;
        assert_eq!(reply.pointers(), [format!("/{field}")]);
    }
    let reply = client
        .patch("maintenance", "\"1\"", &json!({"auto_check": true}))
        .await;
    assert_eq!(reply.pointers(), ["/url"], "needs an address");
}

/// SYS-26: without slots nothing can be installed, and the answer says so; without a length nothing is read.
#[tokio::test]
async fn a_unit_without_slots_says_so() {
    let client = Client::logged_in().await;
    for path in ["/api/v1/upgrade/check", "/api/v1/upgrade/online"] {
        let reply = client.post(path, &json!({})).await;
        assert!(["invalid", "unsupported"].contains(&reply.problem().as_str()));
    }
    let upload = |length: Option<usize>| {
        let mut request = client.request(http::Method::POST, "/api/v1/upgrade");
        if let Some(length) = length {
            request = request.header(http::header::CONTENT_LENGTH, length);
        }
        client.send(request.body(axum::body::Body::from("x")).unwrap())
    };
    assert_eq!(upload(None).await.problem(), "length");
    assert_eq!(upload(Some(1)).await.problem(), "unsupported");
    assert_eq!(upload(Some(2 << 30)).await.pointers(), ["/package"]);
}

/// Probes need no session, also before the initialisation, and learn nothing but one word.
#[tokio::test]
async fn health_is_open_and_says_one_word() {
    for test in [
        platecam_model::testing::initialised(),
        platecam_model::testing::uninitialised(),
    ] {
        let client = Client::new(test);
        let reply = client.get("/healthz").await;
        assert_eq!(
            (reply.status, reply.json()),
            (StatusCode::OK, json!({"status": "ok"}))
        );
        let reply = client.get("/readyz").await;
        assert_eq!(
            (reply.status, reply.json()),
            (StatusCode::OK, json!({"status": "ready"}))
        );
    }
}

/// SYS-26: a refused package is read to its end all the same, so that its sender hears the reason instead of a broken
/// connection.
#[tokio::test]
async fn a_refused_package_is_read_to_its_end() {
    use futures_util::StreamExt;
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };
    const PIECES: usize = 40;
    let client = Client::logged_in().await;
    let read = Arc::new(AtomicUsize::new(0));
    let counted = read.clone();
    let pieces = futures_util::stream::iter(0..PIECES).map(move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
        Ok::<_, std::io::Error>(bytes::Bytes::from_static(&[0; 1024]))
    });
    let request = client
        .request(http::Method::POST, "/api/v1/upgrade")
        .header("content-length", PIECES * 1024)
        .body(axum::body::Body::from_stream(pieces))
        .unwrap();
    let refused = client.send(request).await;
    assert!(
        refused.status.is_client_error() || refused.status == 501,
        "{:?}",
        refused.status
    );
    assert_eq!(read.load(Ordering::Relaxed), PIECES);
}
