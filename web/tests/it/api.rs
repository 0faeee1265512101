use axum::body::Body;
use http::{Method, StatusCode, header};
use platecam_model::testing::{self, PASSWORD};
use platecam_web::Limits;
use serde_json::json;

use crate::support::Client;

/// Before a login the device tells what the first pages need, and no more.
#[tokio::test]
async fn device_info() {
    let mut client = Client::new(testing::initialised());
    let before = client.get("/api/v1/device").await.json();
    let mut names: Vec<_> = before.as_object().unwrap().keys().cloned().collect();
    names.sort();
    assert_eq!(names, ["initialized", "language", "model", "name"]);
    client.login("admin", PASSWORD).await;
    let after = client.get("/api/v1/device").await.json();
    for name in ["serial", "version", "time", "manufacturer"] {
        assert!(after[name].is_string(), "{name}: {after}");
    }
    // SYS-4..7.
    for (name, value) in [
        ("language", "en"),
        ("mac", "02:00:5e:10:00:01"),
        ("build_date", "2026-11-26"),
        ("system_version", "0.1.0, Build Date: 2026-11-26"),
        ("onvif_version", "24.06"),
    ] {
        assert_eq!(after[name], value, "{name}");
    }
    assert!(
        after["copyright"].as_str().unwrap().contains("Platecam"),
        "{after}"
    );
}

/// SYS-36, SEC-19: licence, privacy and open-source notices are open to everybody, also before the login.
#[tokio::test]
async fn legal_notices_are_open() {
    let client = Client::new(testing::uninitialised());
    let legal = client.get("/api/v1/legal").await.json();
    let text = |id: &str| {
        let all = legal["texts"].as_array().unwrap().iter();
        let found = all.clone().find(|t| t["id"] == id);
        found.and_then(|t| t["text"].as_str()).unwrap_or_default()
    };
    assert!(text("privacy").contains("personal data"), "{legal}");
    assert!(!text("licence").is_empty(), "{legal}");
    assert!(legal["packages"].as_array().unwrap().len() > 100);
}

/// SYS-3: the form of a stream offers no more than the video standard has.
#[tokio::test]
async fn the_video_standard_narrows_the_frame_rate() {
    let t = testing::initialised();
    let pal = json!({"video_standard": "PAL"});
    let by = platecam_model::Actor::system();
    let settings = t.device.settings.clone();
    let mut client = Client::new(t);
    client.login("admin", PASSWORD).await;
    for max in [30, 25] {
        let schema = client.get("/api/v1/schema/video.main").await.json();
        assert_eq!(schema["properties"]["frame_rate"]["maximum"], max);
        settings.patch("device.general", &pal, None, &by).unwrap();
    }
}

#[tokio::test]
async fn status_names_encoders_and_source() {
    let client = Client::logged_in().await;
    let status = client.get("/api/v1/status").await.json();
    assert_eq!(
        status["source_state"],
        json!({"state": "running", "width": 1920, "height": 1080, "fps": 25.0})
    );
    assert_eq!(status["streams"][0]["stream"], "main");
    assert_eq!(status["streams"][1]["encoder"], "x264enc");
    assert!(status["time"].as_str().unwrap().ends_with('Z'));
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems() {
    let client = Client::logged_in().await;
    assert_eq!(client.get("/api/v1/nothing").await.problem(), "not-found");
    assert_eq!(client.get("/api/v2/device").await.problem(), "not-found");
    let reply = client.delete("/api/v1/records").await;
    assert_eq!(
        (reply.status, reply.problem().as_str()),
        (StatusCode::METHOD_NOT_ALLOWED, "method")
    );
}

#[tokio::test]
async fn bodies_are_bounded() {
    let client = Client::with_limits(
        testing::initialised(),
        Limits {
            body_bytes: 100,
            ..Limits::default()
        },
    );
    let request = client
        .request(Method::POST, "/api/v1/session")
        .header(header::CONTENT_TYPE, "application/json");
    let body = json!({"username": "admin", "password": "x".repeat(200)}).to_string();
    let reply = client.send(request.body(Body::from(body)).unwrap()).await;
    assert_eq!(
        (reply.status, reply.problem().as_str()),
        (StatusCode::PAYLOAD_TOO_LARGE, "too-large")
    );
}

/// A body that never ends does not hold the handler for ever.
#[tokio::test(start_paused = true)]
async fn slow_bodies_are_given_up() {
    let client = Client::new(testing::initialised());
    let never = Body::from_stream(futures_util::stream::pending::<
        Result<bytes::Bytes, std::io::Error>,
    >());
    let request = client
        .request(Method::POST, "/api/v1/session")
        .header(header::CONTENT_TYPE, "application/json");
    let reply = client.send(request.body(never).unwrap()).await;
    assert_eq!(
        (reply.status, reply.problem().as_str()),
        (StatusCode::REQUEST_TIMEOUT, "timeout")
    );
}

/// Every answer carries the headers, errors and files alike.
#[tokio::test]
async fn security_headers() {
    let mut client = Client::new(testing::initialised());
    for path in [
        "/",
        "/live",
        "/api/v1/device",
        "/api/v1/status",
        "/api/v1/nothing",
        "/missing.js",
    ] {
        let reply = client.get(path).await;
        let csp = reply.header(header::CONTENT_SECURITY_POLICY);
        for part in [
            "default-src 'self'",
            "frame-ancestors 'none'",
            "object-src 'none'",
            "base-uri 'none'",
        ] {
            assert!(csp.contains(part), "{path}: {csp}");
        }
        assert!(!csp.contains("unsafe"), "{csp}");
        assert_eq!(
            reply.header(header::X_CONTENT_TYPE_OPTIONS),
            "nosniff",
            "{path}"
        );
        assert_eq!(
            reply.header(header::REFERRER_POLICY),
            "no-referrer",
            "{path}"
        );
        assert_eq!(reply.header(header::X_FRAME_OPTIONS), "DENY", "{path}");
        assert!(
            !reply.headers.contains_key("cross-origin-opener-policy"),
            "ignored on plain http"
        );
        if path.starts_with("/api") {
            assert_eq!(reply.header(header::CACHE_CONTROL), "no-store", "{path}");
        }
    }
    client.conn.secure = true;
    assert_eq!(
        client.get("/").await.header("cross-origin-opener-policy"),
        "same-origin"
    );
}
