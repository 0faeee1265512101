use axum::body::Body;
use http::{Method, StatusCode, header};
use platecam_model::{ports::VideoCapabilities, settings::H264Profile};
use serde_json::json;

use crate::support::Client;

/// UI-4: stored values, defaults, revision and author.
#[tokio::test]
async fn read_and_patch() {
    let client = Client::logged_in().await;
    let before = client.get("/api/v1/settings/video.main").await.json();
    assert_eq!(before["revision"], 0);
    assert_eq!(before["value"], before["defaults"]);
    let reply = client
        .patch("video.main", "\"0\"", &json!({"bit_rate": 2048}))
        .await;
    assert_eq!(reply.status, StatusCode::OK, "{:?}", reply.body);
    assert_eq!(
        (
            &reply.json()["revision"],
            &reply.json()["value"]["bit_rate"]
        ),
        (&json!(1), &json!(2048))
    );
    let after = client.get("/api/v1/settings/video.main").await.json();
    assert_eq!(after["value"]["bit_rate"], 2048);
    assert_eq!(
        after["value"]["gop_length"], before["value"]["gop_length"],
        "the rest stays"
    );
    assert!(
        after["changed_by"].as_str().unwrap().contains("admin"),
        "{after}"
    );
    assert!(after["changed_at"].as_str().unwrap().ends_with('Z'));
}

/// Two writers: the second is told, nothing is lost.
#[tokio::test]
async fn a_stale_revision_is_refused() {
    let client = Client::logged_in().await;
    client
        .patch("video.main", "\"0\"", &json!({"bit_rate": 2048}))
        .await;
    let reply = client
        .patch("video.main", "\"0\"", &json!({"bit_rate": 1024}))
        .await;
    assert_eq!(
        (reply.status, reply.problem().as_str()),
        (StatusCode::PRECONDITION_FAILED, "conflict")
    );
    assert_eq!(
        client.get("/api/v1/settings/video.main").await.json()["value"]["bit_rate"],
        2048
    );
}

#[tokio::test]
async fn a_revision_is_required() {
    let client = Client::logged_in().await;
    let request = client
        .request(Method::PATCH, "/api/v1/settings/video.main")
        .header(header::CONTENT_TYPE, "application/json");
    let reply = client
        .send(request.body(Body::from(r#"{"bit_rate":2048}"#)).unwrap())
        .await;
    assert_eq!(
        (reply.status, reply.problem().as_str()),
        (StatusCode::PRECONDITION_REQUIRED, "precondition")
    );
    let reply = client
        .patch("video.main", "\"last\"", &json!({"bit_rate": 2048}))
        .await;
    assert_eq!(
        (reply.status, reply.problem().as_str()),
        (StatusCode::BAD_REQUEST, "malformed")
    );
}

/// Errors come back at their fields, all at once, with value and bound.
#[tokio::test]
async fn wrong_values_are_named() {
    let client = Client::logged_in().await;
    let reply = client
        .patch(
            "video.main",
            "\"0\"",
            &json!({"bit_rate": 7, "frame_rate": 31, "colour": "red"}),
        )
        .await;
    assert_eq!(
        (reply.status, reply.problem().as_str()),
        (StatusCode::UNPROCESSABLE_ENTITY, "invalid")
    );
    let mut pointers = reply.pointers();
    pointers.sort();
    assert_eq!(pointers, ["/bit_rate", "/colour", "/frame_rate"]);
    let errors = reply.json()["errors"].clone();
    let rate = errors
        .as_array()
        .unwrap()
        .iter()
        .find(|e| e["pointer"] == "/bit_rate")
        .unwrap();
    assert_eq!(rate["value"], "7");
    assert!(rate["reason"].as_str().unwrap().contains("16384"), "{rate}");
    assert_eq!(
        client.get("/api/v1/settings/video.main").await.json()["revision"],
        0
    );
}

#[tokio::test]
async fn unreadable_patches_are_refused() {
    let client = Client::logged_in().await;
    for (body, status) in [
        ("[1]", StatusCode::BAD_REQUEST),
        ("7", StatusCode::BAD_REQUEST),
        ("{", StatusCode::BAD_REQUEST),
    ] {
        let request = client
            .request(Method::PATCH, "/api/v1/settings/video.main")
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::IF_MATCH, "\"0\"");
        let reply = client.send(request.body(Body::from(body)).unwrap()).await;
        assert_eq!(
            (reply.status, reply.problem().as_str()),
            (status, "malformed"),
            "{body}"
        );
    }
    let reply = client.patch("video.none", "\"0\"", &json!({})).await;
    assert_eq!(
        (reply.status, reply.problem().as_str()),
        (StatusCode::NOT_FOUND, "not-found")
    );
}

/// VIDEO-5: the form offers what this unit can do; the stored value stays visible.
#[tokio::test]
async fn the_schema_is_narrowed_to_the_unit() {
    let client = Client::logged_in().await;
    let all = client.get("/api/v1/schema/video.main").await.json();
    assert!(
        all["properties"]["resolution"]["enum"]
            .as_array()
            .unwrap()
            .contains(&json!("2688x1520"))
    );
    assert_eq!(all["properties"]["bit_rate"]["x-unit"], "kbit/s");
    let video = VideoCapabilities {
        source_size: Some((1280, 720)),
        h264_profiles: vec![H264Profile::Baseline, H264Profile::Main],
        ..VideoCapabilities::default()
    };
    client.test.device.settings.set_video_capabilities(video);
    let some = client.get("/api/v1/schema/video.main").await.json();
    let offered = some["properties"]["resolution"]["enum"]
        .as_array()
        .unwrap()
        .clone();
    assert!(
        !offered.contains(&json!("2688x1520")) && offered.contains(&json!("1280x720")),
        "{offered:?}"
    );
    assert!(offered.contains(&json!("1920x1080")), "the stored value");
    // NET-24: profiles of the encoder in use, and the stored one.
    let field = |schema: &serde_json::Value| {
        let profile = &schema["properties"]["h264_profile"];
        let all: Vec<_> = profile["oneOf"].as_array().unwrap().iter().collect();
        all.iter().map(|v| v["const"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(field(&all), ["Baseline", "Main", "High"]);
    assert_eq!(field(&some), ["Baseline", "Main", "High"]);
    let low = json!({"h264_profile": "Baseline"});
    let reply = client.patch("video.sub", "\"0\"", &low).await;
    assert_eq!(reply.status, StatusCode::OK);
    let sub = client.get("/api/v1/schema/video.sub").await.json();
    assert_eq!(field(&sub), ["Baseline", "Main"]);
    let high = json!({"h264_profile": "High"});
    let reply = client.patch("video.sub", "\"1\"", &high).await;
    assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn every_listed_section_has_a_view_and_a_schema() {
    let client = Client::logged_in().await;
    let list = client.get("/api/v1/settings").await.json();
    assert!(list.as_array().unwrap().len() >= 5);
    for section in list.as_array().unwrap() {
        let key = section["key"].as_str().unwrap();
        let view = client.get(&format!("/api/v1/settings/{key}")).await;
        let schema = client.get(&format!("/api/v1/schema/{key}")).await.json();
        for field in view.json()["value"].as_object().unwrap().keys() {
            assert!(
                schema["properties"].get(field).is_some(),
                "{key}/{field} is in no form"
            );
        }
    }
}

/// A failed commit is our fault: no details for the peer, nothing changed.
#[tokio::test]
async fn internal_errors_say_a_number_only() {
    let client = Client::logged_in().await;
    client.test.store.fail_writes(true);
    let reply = client
        .patch("video.main", "\"0\"", &json!({"bit_rate": 2048}))
        .await;
    assert_eq!(
        (reply.status, reply.problem().as_str()),
        (StatusCode::INTERNAL_SERVER_ERROR, "internal")
    );
    assert!(
        !reply.json().to_string().contains("disk"),
        "{:?}",
        reply.body
    );
}

/// IMG-1, IMG-5: what is entered is tried and not stored, and is refused as Save would refuse it.
#[tokio::test]
async fn values_are_tried_before_they_are_saved() {
    use platecam_model::settings::VideoImage;
    use std::time::Instant;
    let client = Client::logged_in().await;
    let put = async |key: &str, value: serde_json::Value| {
        let request = client
            .request(Method::PUT, &format!("/api/v1/settings/{key}/preview"))
            .header(header::CONTENT_TYPE, "application/json");
        let body = Body::from(value.to_string());
        client.send(request.body(body).unwrap()).await
    };
    let tried = || {
        let (all, _) = client.test.device.settings.previewed(Instant::now());
        all.get::<VideoImage>().brightness.get()
    };
    let before = tried();
    let reply = put("video.image", json!({"brightness": 91})).await;
    assert_eq!(reply.status, StatusCode::NO_CONTENT, "{:?}", reply.body);
    assert_eq!(tried(), 91);
    let stored = client.get("/api/v1/settings/video.image").await.json();
    assert_eq!(
        (&stored["revision"], &stored["value"]["brightness"]),
        (&json!(0), &json!(before))
    );
    let reply = put("video.image", json!({"brightness": 101})).await;
    assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(reply.json()["errors"][0]["pointer"], "/brightness");
    let reply = put("video.main", json!({})).await;
    assert_eq!(reply.status, StatusCode::NOT_FOUND);
    let path = "/api/v1/settings/video.image/preview";
    assert_eq!(client.delete(path).await.status, StatusCode::NO_CONTENT);
    assert_eq!(tried(), before);
}
