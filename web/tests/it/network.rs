use http::StatusCode;
use serde_json::{Value, json};

use crate::support::Client;

fn fixed(address: &str) -> Value {
    json!({"managed": true, "ipv4_mode": "static", "ipv4_address": address, "ipv4_gateway": "192.0.2.1", "ipv6_mode": "off"})
}

fn serve(client: &Client) {
    for _ in 0..2 {
        client.test.device.serve_network();
        client.test.clock.advance(std::time::Duration::from_secs(1));
    }
}

async fn report(client: &Client) -> Value {
    client.get("/api/v1/network").await.json()
}

/// NET-10, NET-12: shown, changed, confirmed over the new address only.
#[tokio::test]
async fn a_changed_address_is_confirmed_over_itself() {
    let mut client = Client::logged_in().await;
    serve(&client);
    let before = report(&client).await;
    assert_eq!(before["interfaces"][0]["mac"], "02:00:5e:10:00:01");
    assert_eq!(
        before["interfaces"][0]["addresses"],
        json!(["192.0.2.10/24"])
    );
    assert_eq!(
        (&before["daemon"], &before["trial"]),
        (&json!("simulation"), &Value::Null)
    );
    let none = client.post("/api/v1/network/confirm", &Value::Null).await;
    assert_eq!(
        (none.status, none.problem().as_str()),
        (StatusCode::CONFLICT, "conflict")
    );

    client.conn.local = "192.0.2.10:80".parse().unwrap();
    let reply = client.patch("net.ip", "\"0\"", &fixed("192.0.2.77")).await;
    assert_eq!(reply.status, StatusCode::OK);
    serve(&client);
    let trial = report(&client).await["trial"].take();
    assert_eq!(trial["addresses"], json!(["192.0.2.77"]));
    assert_eq!(
        (&trial["confirmable"], &trial["by"]),
        (&json!(false), &json!("admin@192.0.2.7"))
    );
    let early = client.post("/api/v1/network/confirm", &Value::Null).await;
    assert_eq!(early.status, StatusCode::CONFLICT);
    assert!(
        early.json()["detail"]
            .as_str()
            .unwrap()
            .contains("confirm at 192.0.2.77")
    );

    client.conn.local = "192.0.2.77:80".parse().unwrap();
    assert_eq!(report(&client).await["trial"]["confirmable"], true);
    let reply = client.post("/api/v1/network/confirm", &Value::Null).await;
    assert_eq!(reply.status, StatusCode::NO_CONTENT);
    let after = report(&client).await;
    assert_eq!(
        (&after["trial"], &after["last"]["end"]),
        (&Value::Null, &json!("confirmed"))
    );
}

#[tokio::test]
async fn a_change_is_taken_back_by_hand_and_refused_where_nobody_can() {
    let client = Client::logged_in().await;
    serve(&client);
    client.patch("net.ip", "\"0\"", &fixed("192.0.2.77")).await;
    serve(&client);
    let reply = client.post("/api/v1/network/revert", &Value::Null).await;
    assert_eq!(reply.status, StatusCode::ACCEPTED);
    serve(&client);
    let after = report(&client).await;
    assert_eq!(
        after["interfaces"][0]["addresses"],
        json!(["192.0.2.10/24"])
    );
    assert_eq!(after["last"]["end"], "rolled-back");

    client.test.network.fix(true);
    let reply = client.patch("net.ip", "\"2\"", &fixed("192.0.2.78")).await;
    assert_eq!(
        (reply.status, reply.pointers()),
        (
            StatusCode::UNPROCESSABLE_ENTITY,
            vec!["/managed".to_owned()]
        )
    );
    let fixed = report(&client).await;
    assert!(
        fixed["daemon"].is_null()
            && fixed["unchangeable_reason"]
                .as_str()
                .unwrap()
                .contains("--host system")
    );
}

/// NET-7: a wrong gateway is refused by name; one that waits is told, and ended by another.
#[tokio::test]
async fn a_wrong_gateway_is_refused_and_a_waiting_one_told() {
    let client = Client::logged_in().await;
    let mut wrong = fixed("192.0.2.77");
    wrong["ipv4_gateway"] = json!("198.51.100.1");
    let reply = client.patch("net.ip", "\"0\"", &wrong).await;
    assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY);
    let error = reply.json()["errors"][0].take();
    assert_eq!(
        (&error["pointer"], &error["value"]),
        (&json!("/ipv4_gateway"), &json!("198.51.100.1"))
    );
    let mut right = fixed("192.0.2.77");
    right["ipv4_gateway_waiting"] = json!("198.51.100.1");
    let reply = client.patch("net.ip", "\"0\"", &right).await;
    assert_eq!(reply.status, StatusCode::OK);
    let waits = json!([{"gateway": "198.51.100.1", "segment": "192.0.2.77/24"}]);
    assert_eq!(report(&client).await["waiting_gateways"], waits);
    let other = json!({"ipv4_gateway": "192.0.2.254"});
    let reply = client.patch("net.ip", "\"1\"", &other).await;
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(report(&client).await["waiting_gateways"], json!([]));
}
