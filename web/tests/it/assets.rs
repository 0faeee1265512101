use axum::body::Body;
use http::{Method, StatusCode, header};
use platecam_model::testing;

use crate::support::Client;

/// Pages are addresses: each gives the entry page, a missing file does not.
#[tokio::test]
async fn the_entry_page_answers_for_pages_only() {
    let client = Client::new(testing::uninitialised());
    for path in ["/", "/live", "/setting/video/stream", "/init"] {
        let reply = client.get(path).await;
        assert_eq!(reply.status, StatusCode::OK, "{path}");
        assert_eq!(
            reply.header(header::CONTENT_TYPE),
            "text/html; charset=utf-8"
        );
        assert_eq!(
            reply.header(header::CACHE_CONTROL),
            "no-cache",
            "a new version must be seen"
        );
    }
    for path in [
        "/missing.js",
        "/assets/old-12345678.css",
        "/../Cargo.toml",
        "/index.html.br",
        "/.env",
    ] {
        assert_eq!(
            client.get(path).await.status,
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
    assert_eq!(
        client.delete("/live").await.status,
        StatusCode::METHOD_NOT_ALLOWED
    );
}

#[tokio::test]
async fn an_unchanged_file_is_not_sent_again() {
    let client = Client::new(testing::uninitialised());
    let first = client.get("/").await;
    let etag = first.header(header::ETAG);
    for (tag, status) in [
        (etag.to_owned(), StatusCode::NOT_MODIFIED),
        (format!("\"x\", W/{etag}"), StatusCode::NOT_MODIFIED),
        ("*".to_owned(), StatusCode::NOT_MODIFIED),
        ("\"x\"".to_owned(), StatusCode::OK),
    ] {
        let request = client
            .request(Method::GET, "/")
            .header(header::IF_NONE_MATCH, &tag);
        assert_eq!(
            client
                .send(request.body(Body::empty()).unwrap())
                .await
                .status,
            status,
            "{tag}"
        );
    }
}
