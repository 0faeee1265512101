use std::time::Duration;

use axum::body::Body;
use http::{Method, StatusCode, header};
use platecam_model::{Clock, EventKind, ports::Records, testing::new_record};
use serde_json::json;

use crate::support::Client;

async fn with_records(plates: &[&str]) -> Client {
    let client = Client::logged_in().await;
    for plate in plates {
        client.test.clock.advance(Duration::from_secs(1));
        client
            .test
            .store
            .insert(new_record(plate, client.test.clock.now()))
            .unwrap();
    }
    client
}

#[tokio::test]
async fn search_newest_first_in_pages() {
    let client = with_records(&["AAA111", "BBB222", "AAB333"]).await;
    let page = client.get("/api/v1/records?limit=2").await.json();
    let plates = |page: &serde_json::Value| -> Vec<String> {
        page["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|r| r["plate_number"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(plates(&page), ["AAB333", "BBB222"]);
    assert_eq!(page["total"], 3);
    let next = page["next_before_id"].as_i64().unwrap();
    let rest = client
        .get(&format!("/api/v1/records?limit=2&before_id={next}"))
        .await
        .json();
    assert_eq!(plates(&rest), ["AAA111"]);
    assert_eq!(rest["next_before_id"], json!(null));
    let found = client
        .get("/api/v1/records?plate=aaa&kind=lpr&direction=approaching")
        .await
        .json();
    assert_eq!(
        plates(&found),
        ["AAA111"],
        "plates are compared in upper case"
    );
    let times = client
        .get("/api/v1/records?to=2000-01-01T00:00:00Z")
        .await
        .json();
    assert_eq!(times["total"], 0);
}

#[tokio::test]
async fn wrong_queries_name_their_fields() {
    let client = with_records(&[]).await;
    let reply = client
        .get("/api/v1/records?from=today&limit=0&kind=x")
        .await;
    assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(reply.pointers(), ["/from", "/kind", "/limit"]);
    let reply = client.get("/api/v1/records?colour=red").await;
    assert_eq!(
        (reply.status, reply.problem().as_str()),
        (StatusCode::BAD_REQUEST, "malformed")
    );
}

#[tokio::test]
async fn one_record_with_its_pictures() {
    let client = with_records(&["AAA111"]).await;
    let record = client.get("/api/v1/records/1").await.json();
    assert_eq!(record["plate_number"], "AAA111");
    assert_eq!(record["frame"], json!({"width": 1920, "height": 1080}));
    for (name, content) in [
        ("picture", &b"\xFF\xD8full\xFF\xD9"[..]),
        ("plate", b"\xFF\xD8plate\xFF\xD9"),
    ] {
        let path = format!("/api/v1/records/1/{name}.jpg");
        let reply = client.get(&path).await;
        assert_eq!(reply.header(header::CONTENT_TYPE), "image/jpeg");
        assert_eq!(&reply.body[..], content);
        // By the naming rule, which makes folders (LIVE-6, STOR-12).
        let saved_as = reply.header(header::CONTENT_DISPOSITION);
        let ending = if name == "plate" { "_plate" } else { "" };
        assert!(
            saved_as.starts_with("inline; filename*=UTF-8''")
                && saved_as.matches("%2F").count() == 2
                && saved_as.ends_with(&format!("_AAA111_1{ending}.jpg")),
            "{saved_as}"
        );
        assert_eq!(
            reply.header(header::CACHE_CONTROL),
            "private, no-cache",
            "each use is checked"
        );
        let request = client
            .request(Method::GET, &path)
            .header(header::IF_NONE_MATCH, reply.header(header::ETAG));
        let again = client.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(
            (again.status, again.body.len()),
            (StatusCode::NOT_MODIFIED, 0)
        );
    }
    for path in [
        "/api/v1/records/2",
        "/api/v1/records/x",
        "/api/v1/records/2/picture.jpg",
        "/api/v1/records/-1/plate.jpg",
    ] {
        assert_eq!(client.get(path).await.problem(), "not-found", "{path}");
    }
}

/// LIVE-13, COMM-2: a manual snapshot is a record with its own type, and everybody hears of it.
#[tokio::test]
async fn manual_snapshot() {
    let client = with_records(&[]).await;
    let mut bus = client.test.device.bus.subscribe();
    let reply = client.post("/api/v1/snapshots", &json!({})).await;
    assert_eq!(reply.status, StatusCode::CREATED);
    let record = reply.json();
    assert_eq!(
        (
            &record["kind"],
            &record["plate_number"],
            &record["has_plate"]
        ),
        (&json!("manual"), &json!(""), &json!(false))
    );
    let id = record["id"].as_i64().unwrap();
    assert_eq!(
        client
            .get(&format!("/api/v1/records/{id}/picture.jpg"))
            .await
            .status,
        StatusCode::OK
    );
    let event = bus.try_recv().unwrap();
    assert!(matches!(&event.kind, EventKind::RecordStored(r) if r.id.0 == id));
}

#[tokio::test]
async fn newest_picture() {
    let client = with_records(&[]).await;
    for path in ["/api/v1/snapshot.jpg", "/api/v1/snapshot.jpg?stream=sub"] {
        let reply = client.get(path).await;
        assert_eq!(
            (reply.status, reply.header(header::CONTENT_TYPE)),
            (StatusCode::OK, "image/jpeg")
        );
        assert_eq!(reply.header(header::CACHE_CONTROL), "no-store");
    }
    assert_eq!(
        client.get("/api/v1/snapshot.jpg?stream=third").await.status,
        StatusCode::BAD_REQUEST
    );
}

/// FILE-27, FILE-28: every row of the search, over more than one page, each once.
#[tokio::test]
async fn a_table_has_every_row() {
    let plates: Vec<String> = (0..1001).map(|i| format!("P{i}")).collect();
    let plates: Vec<&str> = plates.iter().map(String::as_str).collect();
    let client = with_records(&plates).await;
    let table = client.get("/api/v1/records/export.csv").await;
    assert_eq!(table.status, StatusCode::OK);
    assert!(
        table.headers[header::CONTENT_DISPOSITION]
            .to_str()
            .unwrap()
            .starts_with("attachment")
    );
    let text = String::from_utf8(table.body.to_vec()).unwrap();
    let rows: Vec<&str> = text.split_terminator("\r\n").collect();
    assert_eq!(rows.len(), 1002);
    assert!(rows[0].starts_with("number,time_utc,type,plate,"));
    let told: Vec<&str> = rows[1..]
        .iter()
        .map(|r| r.split(',').nth(3).unwrap())
        .collect();
    assert!(told.iter().eq(plates.iter().rev()), "{}", rows[1]);
    let some = client
        .get("/api/v1/records/export.csv?plate=P1000&direction=approaching")
        .await;
    assert_eq!(some.body.iter().filter(|b| **b == b'\n').count(), 2);
}
