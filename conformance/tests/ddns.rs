//! Dynamic DNS of the running unit against a server of our own that speaks dyndns2 (DDNS-1..6).

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use conformance::{Camera, Options, QUIET, Web};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(90);

/// A provider: takes logins, answers what it is told to.
#[derive(Clone)]
struct Provider {
    base: String,
    answer: Arc<Mutex<&'static str>>,
    seen: Arc<Mutex<&'static str>>,
    updates: Arc<Mutex<Vec<String>>>,
}

impl Provider {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let this = Self {
            base: format!("http://{}", listener.local_addr().unwrap()),
            answer: Arc::new(Mutex::new("good")),
            seen: Arc::new(Mutex::new("203.0.113.5")),
            updates: Arc::default(),
        };
        let own = this.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                // A unit that is killed hangs up before it has asked.
                let Some(Ok(line)) = lines.next() else {
                    continue;
                };
                let headers: Vec<_> = lines
                    .map_while(Result::ok)
                    .take_while(|l| !l.is_empty())
                    .collect();
                let body = if line.starts_with("GET /ip ") {
                    *own.seen.lock().unwrap()
                } else {
                    // "u:right" in base64.
                    let known = headers.iter().any(|h| h.ends_with("Basic dTpyaWdodA=="));
                    own.updates.lock().unwrap().push(line);
                    if known {
                        *own.answer.lock().unwrap()
                    } else {
                        "badauth"
                    }
                };
                let n = body.len();
                let _ = write!(
                    stream,
                    "HTTP/1.1 200 OK\r\nContent-Length: {n}\r\nConnection: close\r\n\r\n{body}"
                );
            }
        });
        this
    }

    fn updates(&self) -> Vec<String> {
        self.updates.lock().unwrap().clone()
    }
}

async fn set(web: &Web, value: Value) {
    let (status, answer) = web.change("net.ddns", value).await.unwrap();
    assert_eq!(status, 200, "{answer}");
}

async fn until(web: &Web, state: &str) -> Value {
    let end = Instant::now() + PATIENCE;
    loop {
        let now = web.get("/api/v1/ddns").await.unwrap();
        if now["state"] == state {
            return now;
        }
        assert!(Instant::now() < end, "never {state}: {now}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn onvif(camera: &Camera) -> String {
    let web = Web::login(camera).await.unwrap();
    let shown = web.get("/api/v1/settings/net.ddns").await.unwrap();
    assert!(!shown.to_string().contains("right"), "{shown}");
    shown["value"]["domain"].as_str().unwrap().to_owned()
}

/// DDNS-1..6: a wrong password stops, the right one goes on; what the server has is known after a kill; a fault waits.
#[tokio::test]
async fn the_unit_keeps_its_name() {
    let provider = Provider::start();
    let state = tempfile::tempdir().unwrap();
    let options = Options {
        source: QUIET.into(),
        ..Options::default()
    };
    let camera = Camera::start_in(&options, state.path()).unwrap();
    let web = Web::login(&camera).await.unwrap();
    until(&web, "off").await;
    set(
        &web,
        json!({
            "enabled": true, "service": "Custom", "domain": "cam.example.org", "username": "u", "password": "wrong",
            "address": format!("{}/nic/update", provider.base), "check_address": format!("{}/ip", provider.base),
        }),
    )
    .await;
    let now = until(&web, "stopped").await;
    assert_eq!(now["answer"], "badauth");
    assert_eq!(provider.updates().len(), 1);
    set(&web, json!({"password": "right"})).await;
    let now = until(&web, "current").await;
    assert_eq!(
        (&now["address"], &now["answer"]),
        (&json!("203.0.113.5"), &json!("good"))
    );
    assert_eq!(
        provider.updates()[1],
        "GET /nic/update?hostname=cam.example.org&myip=203.0.113.5 HTTP/1.1"
    );
    assert_eq!(onvif(&camera).await, "cam.example.org");

    camera.kill().unwrap();
    let camera = Camera::start_in(&options, state.path()).unwrap();
    let web = Web::login(&camera).await.unwrap();
    until(&web, "current").await;
    assert_eq!(provider.updates().len(), 2, "nothing new to tell");

    *provider.answer.lock().unwrap() = "911";
    set(&web, json!({"domain": "other.example.org"})).await;
    let now = until(&web, "retrying").await;
    assert!(
        now["next_try"].is_string() && now["answer"].as_str().unwrap().contains("911"),
        "{now}"
    );
    assert_eq!(provider.updates().len(), 3);
    *provider.answer.lock().unwrap() = "nochg";
    set(&web, json!({"source": "interface"})).await;
    let now = until(&web, "current").await;
    assert_eq!(now["answer"], "nochg");
    let log = web.get("/api/v1/log").await.unwrap().to_string();
    for text in [
        "points to 203.0.113.5 now",
        "the server refused cam.example.org",
        "could not be updated",
    ] {
        assert!(log.contains(text), "{text} in {log}");
    }
}
