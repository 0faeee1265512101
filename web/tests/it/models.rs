//! What a model lacks is absent from the web API, too (GEN-24).

use http::StatusCode;
use platecam_model::testing::{PASSWORD, of_model};
use serde_json::{Value, json};

use crate::support::Client;

const SMALL: &str = r#"{"model": "Small", "without": ["email", "upgrade", "voice", "remote-log", "cgi", "video-texts"],
    "limits": {"streams": 1, "alarm-outputs": 1, "event-brokers": 0, "users": 12}}"#;

async fn small() -> Client {
    let mut client = Client::new(of_model(SMALL));
    client.login("admin", PASSWORD).await;
    client
}

/// GEN-24: pages hide what is not listed here.
#[tokio::test]
async fn what_a_model_lacks_is_told_and_not_listed() {
    let client = small().await;
    let device = client.get("/api/v1/device").await.json();
    assert_eq!(
        device["lacks"],
        json!([
            "video-texts",
            "email",
            "remote-log",
            "upgrade",
            "cgi",
            "voice"
        ])
    );
    assert_eq!(device["limits"]["streams"], 1);
    let listed = client.get("/api/v1/settings").await.json();
    let keys: Vec<_> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s["key"].as_str().unwrap())
        .collect();
    for absent in [
        "net.mail",
        "log.remote",
        "video.osd",
        "video.sub",
        "event.broker1",
    ] {
        assert!(!keys.contains(&absent), "{absent}");
    }
    assert!(keys.contains(&"video.main") && keys.contains(&"io"));
    let paths = client.get("/api/v1/openapi.json").await.json()["paths"].take();
    assert!(paths.get("/upgrade").is_none() && paths.get("/maintenance").is_some());
}

/// GEN-24: sections and routes of what is absent are refused with the model's name.
#[tokio::test]
async fn what_a_model_lacks_is_refused() {
    let client = small().await;
    let refused = |reply: &crate::support::Reply, what: &str| {
        assert_eq!(reply.status, StatusCode::NOT_IMPLEMENTED, "{reply:?}");
        let detail = reply.json()["detail"].to_string();
        assert!(detail.contains("the model Small has no "), "{detail}");
        assert!(detail.contains(what), "{detail}");
    };
    for (path, what) in [
        ("/api/v1/settings/net.mail", "e-mail"),
        ("/api/v1/schema/video.sub", "video stream number 2"),
        ("/api/v1/upgrade", "upgrade by package"),
        ("/api/v1/log/remote", "remote log"),
    ] {
        refused(&client.get(path).await, what);
    }
    for (path, what) in [
        ("/api/v1/mail/test", "e-mail"),
        ("/api/v1/commission/voice", "voice test"),
        ("/api/v1/upgrade/check", "upgrade by package"),
    ] {
        refused(&client.post(path, &Value::Null).await, what);
    }
    let patch = json!({"enabled": true});
    refused(&client.patch("net.mail", "\"0\"", &patch).await, "e-mail");
    // An anonymous caller learns nothing.
    let nobody = Client::new(client.test);
    let reply = nobody.get("/api/v1/upgrade").await;
    assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
}

/// GEN-24, CGI-2: a model without CGI has no such address.
#[tokio::test]
async fn a_model_without_cgi_has_no_commands() {
    let client = small().await;
    let reply = client.get("/cgi-bin/device?action=info").await;
    assert_eq!(reply.status, StatusCode::NOT_FOUND);
}
