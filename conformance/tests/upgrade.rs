//! Upgrade of a running camera with packages of its own binary: kept when it works, left when it does not (SYS-26..28).

use std::{
    fs,
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use conformance::{Camera, Web, Workshop, output};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(120);

/// Asks until `true_of` holds for `GET /upgrade`.
async fn until(camera: &Camera, true_of: impl Fn(&Value) -> bool) -> Value {
    let end = Instant::now() + PATIENCE;
    let mut last = Value::Null;
    while Instant::now() < end {
        if let Ok(web) = Web::login(camera).await
            && let Ok(seen) = web.get("/api/v1/upgrade").await
        {
            if true_of(&seen) {
                return seen;
            }
            last = seen;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("not within {PATIENCE:?}: {last}");
}

async fn upload(camera: &Camera, package: Vec<u8>) -> (u16, Value) {
    let web = Web::login(camera).await.unwrap();
    web.upload("POST", "/api/v1/upgrade", package)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_good_version_starts_proves_itself_and_stays_over_a_power_cut() {
    let shop = Workshop::new().unwrap();
    let camera = shop.start(30).unwrap();
    let before = until(&camera, |u| u["supported"] == true).await;
    assert_eq!(
        (&before["active"], &before["trial"]),
        (&json!("base"), &Value::Null)
    );
    let good = shop.build("0.9.0", None).unwrap();
    let mut bad = good.clone();
    *bad.last_mut().unwrap() ^= 1;
    let (status, answer) = upload(&camera, bad).await;
    assert_eq!(status, 422, "{answer}");
    assert!(
        answer["errors"][0]["reason"]
            .as_str()
            .unwrap()
            .contains("hash of bin/platecam"),
        "{answer}"
    );
    let (status, answer) = upload(&camera, good.clone()).await;
    assert_eq!(
        (status, &answer["version"]),
        (202, &json!("0.9.0")),
        "{answer}"
    );
    let tried = until(&camera, |u| u["current"] == "0.9.0").await;
    assert_eq!(tried["active"], "a");
    let kept = until(&camera, |u| u["last"]["outcome"] == "confirmed").await;
    assert_eq!(kept["trial"], Value::Null);
    let (status, answer) = upload(&camera, good).await;
    assert!(
        status == 422 && answer.to_string().contains("runs already"),
        "{answer}"
    );
    camera.kill().unwrap();
    let again = shop.start(30).unwrap();
    until(&again, |u| u["current"] == "0.9.0").await;
}

/// As systemd does it, the test starts the launcher again after each crash.
#[tokio::test]
async fn a_version_that_dies_at_its_start_is_left_after_three_tries() {
    let shop = Workshop::new().unwrap();
    let camera = shop.start(30).unwrap();
    let (status, answer) = upload(&camera, shop.build("0.9.1", Some("exit 1")).unwrap()).await;
    assert_eq!(status, 202, "{answer}");
    // The first start was the restart itself.
    let died = camera.ended(PATIENCE).unwrap();
    assert_eq!(died.code(), Some(1));
    let mut starts = 1;
    let camera = loop {
        match Camera::start_in(&shop.options(30), &shop.path("state")) {
            Ok(camera) => break camera,
            Err(_) => starts += 1,
        }
        assert!(starts < 6, "it is never left");
    };
    assert_eq!(starts, 3);
    let back = until(&camera, |u| u["last"]["outcome"] == "returned").await;
    assert_eq!(
        (&back["active"], &back["last"]["version"]),
        (&json!("base"), &json!("0.9.1"))
    );
}

/// It runs, but recognition, which ran before, does not: the old version comes back by itself.
#[tokio::test]
async fn a_version_without_recognition_goes_back_by_itself() {
    let shop = Workshop::new().unwrap();
    let camera = shop.start(6).unwrap();
    let web = Web::login(&camera).await.unwrap();
    let status = web.get("/api/v1/status").await.unwrap();
    assert_eq!(
        status["recognition_error"],
        Value::Null,
        "the tests run with ONNX Runtime"
    );
    let lame = "ORT_DYLIB_PATH=/nonexistent exec \"$real\" \"$@\"";
    let (status, answer) = upload(&camera, shop.build("0.9.2", Some(lame)).unwrap()).await;
    assert_eq!(status, 202, "{answer}");
    let back = until(&camera, |u| u["last"]["outcome"] == "returned").await;
    let reason = back["last"]["reason"].as_str().unwrap();
    assert!(reason.starts_with("recognition: "), "{reason}");
    assert_eq!(back["active"], "base");
    let web = Web::login(&camera).await.unwrap();
    let status = web.get("/api/v1/status").await.unwrap();
    assert_eq!(
        status["recognition_error"],
        Value::Null,
        "nothing of the failed version is left"
    );
}

/// SYS-28.
#[tokio::test]
async fn the_upgrade_server_offers_and_the_camera_fetches() {
    let shop = Workshop::new().unwrap();
    let package = shop.build("0.9.3", None).unwrap();
    let list = shop.announce("package").unwrap();
    let server = serve(shop.path("package"), &list);
    let camera = shop.start(20).unwrap();
    let web = Web::login(&camera).await.unwrap();
    let (status, answer) = web
        .send("POST", "/api/v1/upgrade/check", None)
        .await
        .unwrap();
    assert_eq!(
        (status, &answer["errors"][0]["pointer"]),
        (422, &json!("/url")),
        "{answer}"
    );
    let (status, answer) = web
        .send("POST", "/api/v1/upgrade/online", None)
        .await
        .unwrap();
    assert_eq!(status, 409, "{answer}");
    let url = format!("http://{server}/list.json");
    let response = web
        .raw(
            "PATCH",
            "/api/v1/settings/maintenance",
            Some(json!({"url": url})),
            &[("If-Match", "\"0\"")],
        )
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    let (status, answer) = web
        .send("POST", "/api/v1/upgrade/check", None)
        .await
        .unwrap();
    assert_eq!(
        (status, &answer["available"]["version"]),
        (200, &json!("0.9.3")),
        "{answer}"
    );
    assert_eq!(answer["available"]["size"], package.len());
    let (status, answer) = web
        .send("POST", "/api/v1/upgrade/online", None)
        .await
        .unwrap();
    assert_eq!(status, 202, "{answer}");
    until(&camera, |u| u["current"] == "0.9.3").await;
}

/// Serves the list and the package until the test ends.
fn serve(package: PathBuf, list: &str) -> std::net::SocketAddr {
    use std::io::{BufRead, BufReader, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let list = list.as_bytes().to_vec();
    std::thread::spawn(move || {
        for tcp in listener.incoming() {
            let Ok(mut tcp) = tcp else { return };
            let mut lines = BufReader::new(tcp.try_clone().unwrap())
                .lines()
                .map_while(Result::ok);
            let first = lines.next().unwrap_or_default();
            while lines.next().is_some_and(|l| !l.is_empty()) {}
            let body = if first.contains("/list.json") {
                list.clone()
            } else {
                fs::read(&package).unwrap()
            };
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            let _ = tcp
                .write_all(head.as_bytes())
                .and_then(|()| tcp.write_all(&body));
        }
    });
    address
}

/// The way over ONVIF: a one-time address, then a plain POST; the address is good once.
#[tokio::test]
async fn onvif_gives_an_upload_address_that_is_good_once() {
    let shop = Workshop::new().unwrap();
    shop.build("0.9.4", None).unwrap();
    let camera = shop.start(20).unwrap();
    let package = format!("@{}", shop.text("package"));
    let post = |url: &str| {
        let mut curl = Command::new("curl");
        curl.args([
            "-sS",
            "-o",
            "/dev/stdout",
            "-w",
            "\n%{http_code}",
            "--data-binary",
            &package,
            url,
        ]);
        output(&mut curl, PATIENCE).unwrap()
    };
    let forged = camera.url(&format!("/onvif/firmware/{}", "0".repeat(64)));
    assert!(post(&forged).ends_with("403"));
    let ask = || {
        let digest = format!("admin:{}", conformance::PASSWORD);
        let body = r#"<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body><StartFirmwareUpgrade xmlns="http://www.onvif.org/ver10/device/wsdl"/></s:Body></s:Envelope>"#;
        let mut curl = Command::new("curl");
        curl.args([
            "-sS",
            "--digest",
            "-u",
            &digest,
            "-H",
            "Content-Type: application/soap+xml",
            "-d",
            body,
        ]);
        let answer = output(curl.arg(camera.url("/onvif/device_service")), PATIENCE).unwrap();
        let uri = answer
            .split("UploadUri>")
            .nth(1)
            .unwrap_or_else(|| panic!("{answer}"));
        uri.split('<').next().unwrap().to_owned()
    };
    let (first, second) = (ask(), ask());
    assert!(
        post(&first).ends_with("403"),
        "a later call makes the earlier address void"
    );
    assert!(post(&second).ends_with("403"), "and a wrong one uses it up");
    let said = post(&ask());
    assert!(said.ends_with("202"), "{said}");
    until(&camera, |u| u["current"] == "0.9.4").await;
}
