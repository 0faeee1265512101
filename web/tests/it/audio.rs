//! Voice prompts (GEN-20, AUDIO-3, AUDIO-4).

use axum::body::Body;
use http::{Method, StatusCode};
use serde_json::json;

use crate::support::{Client, Reply};

/// A WAV file of a tenth of a second, 8 kHz, 16 bit.
fn wav() -> Vec<u8> {
    let mut file = b"RIFF\0\0\0\0WAVEfmt ".to_vec();
    file.extend(16u32.to_le_bytes());
    for half in [1u16, 1, 8000, 0, 16000, 0, 2, 16] {
        file.extend(half.to_le_bytes());
    }
    file.extend(b"data");
    file.extend(1600u32.to_le_bytes());
    file.extend([0x20; 1600]);
    file
}

async fn upload(client: &Client, query: &str, file: Vec<u8>) -> Reply {
    let path = format!("/api/v1/audio/clips{query}");
    let request = client.request(Method::POST, &path);
    client.send(request.body(Body::from(file)).unwrap()).await
}

#[tokio::test]
async fn prompts_are_added_listed_and_deleted() {
    let client = Client::logged_in().await;
    let said = json!({"name": "Welcome", "text": "Welcome"});
    let said = client.post("/api/v1/audio/texts", &said).await;
    assert_eq!(said.status, StatusCode::CREATED);
    let heard = upload(&client, "?name=Gong", wav()).await;
    assert_eq!(heard.status, StatusCode::CREATED);
    let list = client.get("/api/v1/audio/clips").await.json();
    let names = ["/clips/0/name", "/clips/1/name"].map(|p| list.pointer(p).unwrap().clone());
    assert_eq!(names, [json!("Welcome"), json!("Gong")]);
    assert_eq!(list["missing"], json!([]));
    for reply in [said, heard] {
        let path = format!(
            "/api/v1/audio/clips/{}",
            reply.json()["token"].as_str().unwrap()
        );
        assert_eq!(client.delete(&path).await.status, StatusCode::NO_CONTENT);
        assert_eq!(client.delete(&path).await.status, StatusCode::NOT_FOUND);
    }
    let list = client.get("/api/v1/audio/clips").await.json();
    assert_eq!(list["clips"], json!([]));
}

#[tokio::test]
async fn what_is_no_prompt_is_refused_and_nothing_is_kept() {
    let client = Client::logged_in().await;
    let empty = json!({"name": "Welcome", "text": ""});
    let empty = client.post("/api/v1/audio/texts", &empty).await;
    assert_eq!(empty.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(empty.pointers(), ["/text"]);
    let long = json!({"name": "Welcome", "text": "x".repeat(10_000)});
    let long = client.post("/api/v1/audio/texts", &long).await;
    assert_eq!(long.status, StatusCode::UNPROCESSABLE_ENTITY);
    let more = json!({"name": "Welcome", "text": "x", "volume": 3});
    let more = client.post("/api/v1/audio/texts", &more).await;
    assert!(more.status.is_client_error());
    let no_wav = upload(&client, "?name=Gong", b"ID3 no WAV".to_vec()).await;
    assert!(no_wav.status.is_client_error(), "{}", no_wav.status);
    let unnamed = upload(&client, "", wav()).await;
    assert_eq!(unnamed.status, StatusCode::BAD_REQUEST);
    let huge = upload(&client, "?name=Gong", vec![0; 3 << 20]).await;
    assert!(huge.status.is_client_error(), "{}", huge.status);
    let play = json!({});
    let play = client.post("/api/v1/audio/clips/none/play", &play).await;
    assert!(play.status.is_client_error() || play.status == StatusCode::NOT_IMPLEMENTED);
    let list = client.get("/api/v1/audio/clips").await.json();
    assert_eq!(list["clips"], json!([]));
}
