//! Upload of pictures.

use http::StatusCode;
use platecam_model::Actor;
use serde_json::json;

use crate::support::Client;

/// FTP-11: only the key that is offered can be taken, and where the section holds one, the section gets it.
#[tokio::test]
async fn a_changed_host_key_is_accepted_by_name() {
    let client = Client::logged_in().await;
    let accept = async |key: &str| {
        let body = json!({"key": key});
        client.post("/api/v1/upload/accept-key", &body).await
    };
    let settings = &client.test.device.settings;
    let pinned = || {
        settings
            .read("upload.server", &Actor::system())
            .unwrap()
            .value["host_key"]
            .clone()
    };
    assert_eq!(accept("SHA256:new").await.status, StatusCode::CONFLICT);
    client.test.uploads.status.lock().offered_key = Some("SHA256:new".into());
    assert_eq!(accept("SHA256:old").await.status, StatusCode::CONFLICT);
    let taken = accept("SHA256:new").await;
    assert_eq!(taken.status, StatusCode::OK);
    let now = taken.json();
    assert_eq!(
        (&now["host_key"], &now["offered_key"]),
        (&json!("SHA256:new"), &json!(null))
    );
    assert_eq!(pinned(), "");

    let key = |c: char| format!("SHA256:{}", c.to_string().repeat(43));
    let pin = json!({"host_key": key('A')});
    settings
        .patch("upload.server", &pin, None, &Actor::system())
        .unwrap();
    client.test.uploads.status.lock().offered_key = Some(key('B'));
    assert_eq!(accept(&key('B')).await.status, StatusCode::OK);
    assert_eq!(pinned(), key('B').as_str());
}
