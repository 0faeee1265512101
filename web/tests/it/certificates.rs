//! The HTTPS page's resource (HTTPS-1..5, HTTPS-9).

use http::StatusCode;
use serde_json::json;

use crate::support::Client;

#[tokio::test]
async fn made_installed_and_deleted() {
    let client = Client::logged_in().await;
    let made = client
        .post(
            "/api/v1/certificates",
            &json!({"alias": "gate", "names": ["gate.example.org", "192.0.2.7"]}),
        )
        .await;
    assert_eq!(made.status, StatusCode::CREATED, "{:?}", made.body);
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let install = client
        .post(&format!("/api/v1/certificates/{id}/install"), &json!({}))
        .await;
    assert_eq!(install.status, StatusCode::NO_CONTENT);
    let list = client.get("/api/v1/certificates").await.json();
    assert_eq!(
        (&list["certificates"][0]["in_use"], &list["limit"]),
        (&json!(true), &json!(64))
    );
    assert!(list["root"]["subject"].is_string());
    let in_use = client.delete(&format!("/api/v1/certificates/{id}")).await;
    assert_eq!(in_use.status, StatusCode::CONFLICT);
    let request = client
        .post("/api/v1/certificates/requests", &json!({"alias": "csr"}))
        .await
        .json();
    let id = request["id"].as_str().unwrap().to_owned();
    let csr = client
        .get(&format!("/api/v1/certificates/{id}/request"))
        .await;
    assert!(csr.header("content-disposition").contains("request.csr"));
    let gone = client.delete(&format!("/api/v1/certificates/{id}")).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    let missing = client
        .get(&format!("/api/v1/certificates/{id}/certificate"))
        .await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
}

/// HTTPS-3: any computer may fetch the root before it trusts the unit.
#[tokio::test]
async fn the_root_needs_no_login() {
    let mut client = Client::logged_in().await;
    client.cookie = None;
    let root = client.get("/api/v1/certificates/root").await;
    assert_eq!(root.status, StatusCode::OK);
    assert!(root.header("content-disposition").contains("RootCert.cer"));
    assert_eq!(
        client.get("/api/v1/certificates").await.status,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn wrong_fields_are_named() {
    let client = Client::logged_in().await;
    let long = "x".repeat(65);
    let body = json!({
        "alias": "", "subject": {"country": "USA", "city": long}, "names": ["ok.example", "not ok"], "valid_days": 0,
    });
    let refused = client.post("/api/v1/certificates", &body).await;
    assert_eq!(
        refused.pointers(),
        [
            "/alias",
            "/subject/country",
            "/subject/city",
            "/names/1",
            "/valid_days"
        ]
    );
    let half = client
        .post(
            "/api/v1/certificates/upload",
            &json!({"alias": "a", "certificate": "x"}),
        )
        .await;
    assert_eq!(half.pointers(), ["/certificate"]);
}

/// HTTPS-8: revocation lists are told what they are, and what is wrong with one is named.
#[tokio::test]
async fn revocation_lists_come_and_go() {
    const PATH: &str = "/api/v1/revocation-lists";
    let mut client = Client::logged_in().await;
    let body = json!({"alias": "clients", "crl": "MAA="});
    let made = client.post(PATH, &body).await;
    assert_eq!(made.status, StatusCode::CREATED, "{:?}", made.body);
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let all = client.get(PATH).await.json();
    assert_eq!(all["lists"][0]["alias"], "clients");
    assert_eq!(
        (&all["limit"], &all["lists"][0]["der"]),
        (&json!(8), &json!(null))
    );
    let bad = client.post(PATH, &json!({"crl": "no list!"})).await;
    assert_eq!(bad.pointers(), ["/crl"]);
    // Longer than other bodies may be, shorter than the longest list.
    let long = client
        .post(PATH, &json!({"crl": "A".repeat(190_000)}))
        .await;
    assert_eq!(long.pointers(), ["/crl"]);
    let one = format!("{PATH}/{id}");
    assert_eq!(client.delete(&one).await.status, StatusCode::NO_CONTENT);
    assert_eq!(client.delete(&one).await.status, StatusCode::NOT_FOUND);
    client.cookie = None;
    assert_eq!(client.get(PATH).await.status, StatusCode::UNAUTHORIZED);
}
