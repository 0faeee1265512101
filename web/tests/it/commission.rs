use http::{Method, StatusCode, header};
use platecam_model::{EventKind, Secret, UserLevel, auth::NewUser, testing::PASSWORD};
use serde_json::json;

use crate::support::Client;

/// COMM-3, COMM-7: told and stored as every read, marked, and no traffic.
#[tokio::test]
async fn a_test_capture_takes_the_way_of_a_read_and_is_no_traffic() {
    let client = Client::logged_in().await;
    let mut events = client.test.device.bus.subscribe();
    let reply = client
        .post(
            "/api/v1/commission/test-capture",
            &json!({"plate": "ab-12 c"}),
        )
        .await;
    assert_eq!(reply.status, StatusCode::CREATED);
    let record = reply.json();
    assert_eq!(
        (&record["kind"], &record["plate_number"]),
        (&json!("test"), &json!("AB12C"))
    );
    assert_eq!(record["has_picture"], true);
    let counters = &client.test.device.upkeep.counters;
    let mut read = false;
    while let Ok(event) = events.try_recv() {
        if let EventKind::PlateRead(r) = &event.kind {
            assert!(r.test && r.plate_number == "AB12C");
            read = true;
        }
        counters.count(&event);
    }
    assert!(read, "the bus has it");
    assert_eq!((counters.traffic(), counters.get("test_reads", "")), (0, 1));
    let found = client.get("/api/v1/records?kind=test").await.json();
    assert_eq!(found["total"], 1);
    for plate in ["", "ABCDEFGHIJKLM", "AB_12", "ÄB12"] {
        let reply = client
            .post("/api/v1/commission/test-capture", &json!({"plate": plate}))
            .await;
        assert_eq!(reply.pointers(), ["/plate"], "{plate}");
    }
}

/// COMM-4, COMM-5.
#[tokio::test]
async fn voice_and_barrier_are_tested() {
    let client = Client::logged_in().await;
    let tests = client.get("/api/v1/commission").await.json();
    assert_eq!(tests["voice"], json!({"available": true, "reason": null}));
    let reply = client
        .post("/api/v1/commission/voice", &json!({"text": "Welcome"}))
        .await;
    assert_eq!(reply.status, StatusCode::NO_CONTENT);
    for text in [String::new(), "a\nb".into(), "x".repeat(257)] {
        let reply = client
            .post("/api/v1/commission/voice", &json!({"text": text}))
            .await;
        assert_eq!(reply.pointers(), ["/text"]);
    }
    for action in ["open", "close"] {
        let reply = client
            .post("/api/v1/commission/barrier", &json!({"action": action}))
            .await;
        assert_eq!(reply.status, StatusCode::NO_CONTENT);
    }
    let reply = client
        .post("/api/v1/commission/barrier", &json!({"action": "explode"}))
        .await;
    assert!(reply.status.is_client_error());
}

/// COMM-6.
#[tokio::test]
async fn findings_name_their_page() {
    let client = Client::logged_in().await;
    let checked = client.get("/api/v1/commission/check").await.json();
    let ids: Vec<_> = checked["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| f["id"].clone())
        .collect();
    assert!(ids.contains(&json!("default-name")), "{checked}");
    assert!(
        checked["findings"][0]["page"]
            .as_str()
            .unwrap()
            .starts_with("/setting/")
    );
}

/// DEBUG-1, DEBUG-3, DEBUG-6: chosen parts, and nothing secret in any of them.
#[tokio::test]
async fn bundles_hold_what_was_chosen_and_no_secrets() {
    let client = Client::logged_in().await;
    let parts = client.get("/api/v1/debug/parts").await.json();
    assert_eq!(parts.as_array().unwrap().len(), 6);
    let reply = client
        .post(
            "/api/v1/debug/bundle",
            &json!({"parts": ["device", "media"]}),
        )
        .await;
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(reply.header(header::CONTENT_TYPE), "application/zip");
    assert!(
        reply
            .header(header::CONTENT_DISPOSITION)
            .contains("PC00000001")
    );
    let text = String::from_utf8_lossy(&reply.body).into_owned();
    assert!(
        text.contains("device.json")
            && text.contains("media.json")
            && !text.contains("settings.json")
    );
    let all = client
        .post("/api/v1/debug/bundle", &json!({"parts": []}))
        .await;
    let text = String::from_utf8_lossy(&all.body).into_owned();
    let session = client.cookie.clone().unwrap();
    for secret in [
        PASSWORD,
        session.split('=').nth(1).unwrap(),
        client.csrf.as_ref().unwrap(),
    ] {
        assert!(!text.contains(secret), "{secret}");
    }
    for (body, pointer) in [
        (json!({"parts": ["everything"]}), "/parts"),
        (json!({"password": "short"}), "/password"),
    ] {
        assert_eq!(
            client.post("/api/v1/debug/bundle", &body).await.pointers(),
            [pointer]
        );
    }
}

/// Metrics are off at first, then there for whoever may read the log.
#[tokio::test]
async fn metrics_are_switched_on_and_need_the_permission() {
    let mut client = Client::logged_in().await;
    assert_eq!(client.get("/metrics").await.problem(), "not-found");
    let reply = client
        .patch("monitoring", "\"0\"", &json!({"metrics": true}))
        .await;
    assert_eq!(reply.status, StatusCode::OK);
    let reply = client.get("/metrics").await;
    let text = String::from_utf8_lossy(&reply.body).into_owned();
    for line in [
        "platecam_build_info{version=\"0.1.0\",model=\"Platecam\"} 1",
        "process_resident_memory_bytes 209715200",
        "process_cpu_seconds_total 12.5",
        "platecam_stream_fps{stream=\"main\"} 25",
        "platecam_recognition_up 1",
        "platecam_plate_reads_total 0",
        "# EOF",
    ] {
        assert!(text.contains(line), "{line} is missing in\n{text}");
    }
    let user = NewUser::new("watcher", Secret::new(PASSWORD), UserLevel::User);
    let by = platecam_model::Actor::system();
    client.test.device.accounts.create(vec![user], &by).unwrap();
    client.login("watcher", PASSWORD).await;
    assert_eq!(client.get("/metrics").await.problem(), "forbidden");
    client.cookie = None;
    assert_eq!(client.get("/metrics").await.problem(), "login");
    let reply = client
        .send(
            client
                .request(Method::POST, "/metrics")
                .body(axum::body::Body::empty())
                .unwrap(),
        )
        .await;
    assert_eq!(reply.status, StatusCode::METHOD_NOT_ALLOWED);
}
