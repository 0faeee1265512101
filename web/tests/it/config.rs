//! Export, import, Restore, Default and history over the web (SYS-20..25).

use http::StatusCode;
use platecam_model::ports::ResetScope;
use serde_json::{Value, json};

use crate::support::Client;

#[tokio::test]
async fn a_file_goes_out_and_comes_in() {
    let one = Client::logged_in().await;
    one.patch("device.general", "\"0\"", &json!({"name": "North"}))
        .await;
    let file = one.post("/api/v1/config/export", &json!({})).await;
    assert_eq!(file.status, StatusCode::OK);
    assert!(
        file.header("content-disposition")
            .contains("platecam-config-PC00000001.json")
    );
    assert_eq!(file.header("cache-control"), "no-store");
    let file = file.json();
    let two = Client::logged_in().await;
    let dry = two
        .post("/api/v1/config/import?dry_run=true", &json!({"file": file}))
        .await;
    assert_eq!(
        (dry.status, dry.json()["dry_run"].clone()),
        (StatusCode::OK, json!(true))
    );
    assert_eq!(dry.json()["sections"][0]["changes"][0]["to"], "North");
    assert_eq!(
        two.get("/api/v1/settings/device.general").await.json()["value"]["name"],
        "Platecam"
    );
    let done = two
        .post("/api/v1/config/import", &json!({"file": file}))
        .await;
    assert_eq!(done.status, StatusCode::OK);
    assert_eq!(
        two.get("/api/v1/settings/device.general").await.json()["value"]["name"],
        "North"
    );
    let mut damaged = file.clone();
    damaged["sections"]["device.general"]["value"]["name"] = "South".into();
    let refused = two
        .post("/api/v1/config/import", &json!({"file": damaged}))
        .await;
    assert_eq!(
        (refused.status, refused.problem()),
        (StatusCode::BAD_REQUEST, "malformed".into())
    );
    let history = two
        .get("/api/v1/settings/device.general/history")
        .await
        .json();
    assert_eq!(
        history["items"][0]["changes"][0],
        json!({"pointer": "/name", "from": "Platecam", "to": "North"})
    );
    let refused = two
        .get("/api/v1/settings/device.general/history?limit=0")
        .await;
    assert_eq!(refused.pointers(), ["/limit"]);
}

#[tokio::test]
async fn restore_and_default_want_to_be_confirmed() {
    let client = Client::logged_in().await;
    client
        .patch("device.general", "\"0\"", &json!({"name": "North"}))
        .await;
    let refused = client.post("/api/v1/config/restore", &json!({})).await;
    assert_eq!(refused.pointers(), ["/confirm"]);
    let done = client
        .post("/api/v1/config/restore", &json!({"confirm": true}))
        .await;
    assert_eq!(done.json(), json!({"sections": ["device.general"]}));
    for confirm in [
        json!({}),
        json!({"confirm": true}),
        json!({"confirm": "reset"}),
    ] {
        let refused = client.post("/api/v1/config/reset", &confirm).await;
        assert_eq!(refused.pointers(), ["/confirm"]);
    }
    assert_eq!(*client.test.store.reset.lock(), None);
    let body = json!({"confirm": "RESET", "records": true});
    let done = client.post("/api/v1/config/reset", &body).await;
    assert_eq!(done.status, StatusCode::ACCEPTED);
    assert_eq!(
        *client.test.store.reset.lock(),
        Some(ResetScope::Everything)
    );
    let _: Value = done.json();
}
