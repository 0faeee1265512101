//! The watermark of pictures (GEN-21, FILE-12, FILE-13).

use axum::body::Body;
use bytes::Bytes;
use http::{Method, StatusCode};
use platecam_model::UtcTime;

use crate::support::{Client, Reply};

const JPEG: &[u8] = &[0xff, 0xd8, 0xff, 0xdb, 0, 3, 7, 0xff, 0xd9];

async fn post(client: &Client, picture: &[u8]) -> Reply {
    let request = client.request(Method::POST, "/api/v1/watermark/check");
    client
        .send(request.body(Body::from(picture.to_vec())).unwrap())
        .await
}

#[tokio::test]
async fn pictures_are_normal_or_an_error_with_its_reason() {
    let client = Client::logged_in().await;
    let watermark = client.test.device.watermark.clone();
    let marked = watermark
        .mark(
            Bytes::from_static(JPEG),
            UtcTime::from_millis(1_795_000_000_000),
        )
        .unwrap();
    let check = async |body: &[u8]| {
        let reply = post(&client, body).await;
        assert_eq!(reply.status, StatusCode::OK);
        reply.json()
    };
    let normal = check(&marked).await;
    assert_eq!(normal["result"], "normal");
    assert_eq!(normal["serial"], "PC00000001");
    assert_eq!(normal["taken_at"], "2026-11-18T11:06:40.000Z");
    let mut changed = marked.to_vec();
    *changed.last_mut().unwrap() ^= 1;
    for (body, fault) in [
        (&*changed, "changed"),
        (JPEG, "no_watermark"),
        (b"PNG", "not_jpeg"),
        (b"", "not_jpeg"),
    ] {
        let error = check(body).await;
        assert_eq!(error["result"], "error");
        assert_eq!(error["fault"], fault);
    }
    let key = client.get("/api/v1/watermark").await.json();
    assert_eq!(key["key"], watermark.key().to_string());
}

#[tokio::test]
async fn a_huge_picture_is_refused() {
    let client = Client::logged_in().await;
    let huge = vec![0; 16 * 1024 * 1024 + 1];
    let reply = post(&client, &huge).await;
    assert_eq!(reply.status, StatusCode::PAYLOAD_TOO_LARGE);
}
