//! Plates to devices that are wired to the unit.

use http::StatusCode;
use platecam_model::Actor;
use serde_json::json;

use crate::support::Client;

/// GEN-23, HW-4: the line of a test goes out on the chosen port, and the answer shows it.
#[tokio::test]
async fn a_line_is_sent_as_a_test() {
    let client = Client::logged_in().await;
    let device = &client.test.device;
    let format = json!({"port": 2, "format": r"\x02{plate};{likelihood}\x03"});
    let by = Actor::system();
    let key = "peripheral.serial";
    device.settings.patch(key, &format, None, &by).unwrap();
    let path = "/api/v1/peripherals/serial/test";
    let done = client.post(path, &json!({"plate": "ABC123"})).await;
    assert_eq!(done.status, StatusCode::OK);
    assert_eq!(done.json()["line"], r"\x02ABC123;100\x03");
    let sent = client.test.serial.sent();
    assert_eq!(sent, [(1, b"\x02ABC123;100\x03".to_vec())]);
    let refused = client.post(path, &json!({"plate": ""})).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refused.pointers(), ["/plate"]);
    client.test.serial.fail(true);
    let failed = client.post(path, &json!({"plate": "A"})).await;
    assert_eq!(failed.status, StatusCode::INTERNAL_SERVER_ERROR);
}

/// GEN-23, HW-5: the number that an installer is shown is the one that the controller hears.
#[tokio::test]
async fn the_number_that_is_shown_is_sent() {
    let client = Client::logged_in().await;
    let path = "/api/v1/peripherals/wiegand/number?plate=ABC123";
    let shown = client.get(path).await.json();
    let number = json!({"format": "26", "number": 14_804_040, "facility": 225, "card": 58_440});
    assert_eq!(shown, number);
    let path = "/api/v1/peripherals/wiegand/test";
    let sent = client.post(path, &json!({"plate": "ABC123"})).await;
    assert_eq!((sent.status, sent.json()), (StatusCode::OK, number));
    let heard = client.test.wiegand.heard();
    assert_eq!(heard.len(), 1);
    assert_eq!(heard[0].unwrap().number(), 14_804_040);
    let path = "/api/v1/peripherals/wiegand/number?plate=--";
    let refused = client.get(path).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refused.pointers(), ["/plate"]);
}
