//! The memory card and the unit's own storage.

use http::StatusCode;
use platecam_model::ports::MemoryCard;
use serde_json::json;

use crate::support::Client;

/// STOR-5, STOR-6.
#[tokio::test]
async fn the_card_is_shown_and_erased_only_when_that_is_typed() {
    let client = Client::logged_in().await;
    let shown = client.get("/api/v1/storage").await.json();
    assert_eq!(shown["card"]["state"], "no-slot");
    assert!(shown["unit"]["total"].as_u64() > Some(0), "{shown}");
    let card = client.test.card.clone();
    card.insert("aa", 1000);
    card.write("platecam/x", "12345".into()).unwrap();
    let shown = client.get("/api/v1/storage").await.json();
    assert_eq!(shown["card"]["state"], "ready");
    assert_eq!(shown["card"]["total"], 1000);
    assert_eq!(shown["card"]["free"], 995);
    let format = "/api/v1/storage/card/format";
    for body in [
        json!({}),
        json!({"confirm": true}),
        json!({"confirm": "format"}),
    ] {
        let refused = client.post(format, &body).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
        assert_eq!(refused.pointers(), ["/confirm"]);
    }
    assert_eq!(card.files(), ["platecam/x"]);
    let body = json!({"confirm": "FORMAT"});
    let begun = client.post(format, &body).await;
    assert_eq!(begun.status, StatusCode::ACCEPTED);
    assert_eq!(card.files(), [""; 0]);
    card.pull();
    let refused = client.post(format, &body).await;
    assert_eq!(refused.status, StatusCode::NOT_IMPLEMENTED);
}
