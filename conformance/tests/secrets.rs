//! No secret comes out again: not by the log, the audit trail, the history, an export, a support bundle or the program's own output at its most
//! talkative (LOG-8, SEC-18).

use std::io::{Cursor, Read};

use conformance::{Camera, Options, PASSWORD, QUIET, Web};
use serde_json::json;

/// Every secret typed into the unit below carries this word.
const WORD: &str = "xq7Secret";

fn secret(n: u32) -> String {
    format!("{WORD}-{n:02}-Aa")
}

fn unzipped(zip: &[u8]) -> Vec<u8> {
    let mut archive = zip::ZipArchive::new(Cursor::new(zip)).unwrap();
    let mut all = Vec::new();
    for i in 0..archive.len() {
        archive.by_index(i).unwrap().read_to_end(&mut all).unwrap();
    }
    all
}

/// The body of a SOAP answer.
fn soap(camera: &Camera, password: &str, body: &str) -> String {
    conformance::soap(camera, password, body).unwrap().1
}

/// LOG-8: set every secret over the web and over ONVIF, make mistakes with them, and read everything that can be read.
#[tokio::test]
async fn no_secret_comes_out_again() {
    let dir = tempfile::tempdir().unwrap();
    let talk = dir.path().join("stderr");
    let camera = Camera::start(&Options {
        source: QUIET.into(),
        args: ["--host", "simulated", "--no-discovery"]
            .map(String::from)
            .to_vec(),
        env: vec![("PLATECAM_LOG".into(), "trace".into())],
        stderr: Some(talk.clone()),
        ..Options::default()
    })
    .unwrap();
    let web = Web::login(&camera).await.unwrap();
    let mut read = String::new();
    let mut take = |text: String| read.push_str(&text);

    // Settings with a secret, each by its own schema: no section is forgotten.
    let sections = web.get("/api/v1/settings").await.unwrap();
    let mut set = 0;
    for key in sections
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|s| s["key"].as_str())
    {
        let schema = web.get(&format!("/api/v1/schema/{key}")).await.unwrap();
        for (field, property) in schema["properties"].as_object().into_iter().flatten() {
            if property["writeOnly"] == json!(true) || property["x-widget"] == json!("password") {
                set += 1;
                let mut patch = json!({ field: secret(set) });
                // A password wants a name beside it.
                for name in ["user_name", "username"] {
                    if schema["properties"].get(name).is_some() {
                        patch[name] = json!("gate");
                    }
                }
                let (status, answer) = web.change(key, patch).await.unwrap();
                assert_eq!(status, 200, "{key}/{field}: {answer}");
                take(answer.to_string());
            }
        }
    }
    assert!(set >= 3, "mail and two brokers at least: {set}");

    // People: a user, its change, a wrong login, a secret as a name, a refused password, over web and ONVIF.
    let user =
        json!({"name": "guard", "password": secret(20), "confirm": secret(20), "group": "user"});
    let (status, answer) = web.send("POST", "/api/v1/users", Some(user)).await.unwrap();
    assert_eq!(status, 201, "{answer}");
    take(answer.to_string());
    for (name, password) in [("guard", secret(21)), ("admin", secret(22))] {
        let wrong = json!({"username": name, "password": password});
        let (status, answer) = web
            .send("POST", "/api/v1/session", Some(wrong))
            .await
            .unwrap();
        assert_eq!(status, 401);
        take(answer.to_string());
    }
    let weak = json!({"name": "other", "password": WORD, "confirm": WORD, "group": "none"});
    let (_, answer) = web.send("POST", "/api/v1/users", Some(weak)).await.unwrap();
    take(answer.to_string());
    let tds = "xmlns=\"http://www.onvif.org/ver10/device/wsdl\" xmlns:tt=\"http://www.onvif.org/ver10/schema\"";
    let user = |verb: &str, n: u32, name: &str| {
        format!(
            "<{verb}Users {tds}><User><tt:Username>{name}</tt:Username><tt:Password>{}</tt:Password><tt:UserLevel>User</tt:UserLevel></User></{verb}Users>",
            secret(n)
        )
    };
    for body in [
        user("Create", 30, "recorder"),
        user("Create", 31, "recorder"),
        user("Create", 32, "not a name"),
        format!(
            "<SetUser {tds}><User><tt:Username>recorder</tt:Username><tt:Password>{}</tt:Password><tt:UserLevel>User</tt:UserLevel></User></SetUser>",
            secret(33)
        ),
    ] {
        take(soap(&camera, PASSWORD, &body));
    }
    soap(&camera, &secret(34), &format!("<GetUsers {tds}/>"));
    let tev = "xmlns=\"http://www.onvif.org/ver10/events/wsdl\"";
    take(soap(
        &camera,
        PASSWORD,
        &format!(
            "<AddEventBroker {tev}><EventBroker><Address>mqtt://192.0.2.99:1883</Address><TopicPrefix>x</TopicPrefix><UserName>u</UserName><Password>{}</Password></EventBroker></AddEventBroker>",
            secret(35)
        ),
    ));
    take(soap(
        &camera,
        PASSWORD,
        &format!("<GetEventBrokers {tev}/>"),
    ));

    // Everything that can be read.
    let (status, answer) = web
        .change("monitoring", json!({"metrics": true}))
        .await
        .unwrap();
    assert_eq!(status, 200, "{answer}");
    for path in [
        "/api/v1/log?limit=500",
        "/api/v1/users",
        "/api/v1/settings/net.mail",
        "/api/v1/settings/event.broker1",
        "/api/v1/settings/net.mail/history",
        "/metrics",
    ] {
        let response = web.raw("GET", path, None, &[]).await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        take(response.text().await.unwrap());
    }
    for path in ["/api/v1/log/export.txt", "/api/v1/audit/export.jsonl"] {
        let response = web.raw("GET", path, None, &[]).await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        let text = response.text().await.unwrap();
        assert!(text.contains("guard"), "{path} holds what was done: {text}");
        take(text);
    }
    let bundle = web
        .raw("POST", "/api/v1/debug/bundle", Some(json!({})), &[])
        .await
        .unwrap();
    let bundle = unzipped(&bundle.bytes().await.unwrap());
    take(String::from_utf8_lossy(&bundle).into_owned());
    let output = std::fs::read(&talk).unwrap();
    let output = String::from_utf8_lossy(&output);
    assert!(
        output.contains("TRACE"),
        "it is at its most talkative: {output}"
    );
    take(output.into_owned());
    if let Some(at) = read.find(WORD) {
        let from = (0..=at)
            .rev()
            .find(|i| at - i > 200 && read.is_char_boundary(*i))
            .unwrap_or(0);
        panic!(
            "a secret came out: ...{}",
            &read[from..(at + 40).min(read.len())]
        );
    }
}
