//! Dynamic DNS against a server of our own that speaks dyndns2 (DDNS-1..6).

use std::{
    collections::VecDeque,
    io::{BufRead, BufReader, Write},
    net::{IpAddr, TcpListener},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use platecam_host::{Database, DdnsPace, DdnsParts, DdnsUpdater};
use platecam_model::{
    Actor, EventKind, Subscription,
    ports::{DdnsState, DynamicDns, Interface, Network},
    testing::{TestDevice, initialised},
};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(30);

/// A server: tells the address, takes updates as it is told to.
#[derive(Clone)]
struct Server {
    base: String,
    seen: Arc<Mutex<String>>,
    /// Status line and body of the next updates; afterwards all are good.
    next: Arc<Mutex<VecDeque<(&'static str, &'static str)>>>,
    /// Request lines with the credentials of all updates.
    updates: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let this = Self {
            base: format!("http://{}", listener.local_addr().unwrap()),
            seen: Arc::new(Mutex::new("203.0.113.5".into())),
            next: Arc::default(),
            updates: Arc::default(),
        };
        let server = this.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                // An updater that is stopped hangs up before it has asked.
                let Some(Ok(line)) = lines.next() else {
                    continue;
                };
                let mut login = String::new();
                for header in lines.map_while(Result::ok).take_while(|l| !l.is_empty()) {
                    if let Some(value) = header.strip_prefix("authorization: ") {
                        login = value.to_owned();
                    }
                }
                let (status, body) = server.answer(&line, &login);
                let n = body.len();
                // A client that is gone already is not this thread's business.
                let _ = write!(
                    stream,
                    "HTTP/1.1 {status}\r\nContent-Length: {n}\r\nConnection: close\r\n\r\n{body}"
                );
            }
        });
        this
    }

    fn answer(&self, line: &str, login: &str) -> (&'static str, String) {
        if line.starts_with("GET /ip ") {
            return (
                "200 OK",
                format!("<p>You are {}</p>", self.seen.lock().unwrap()),
            );
        }
        self.updates.lock().unwrap().push(format!("{line} {login}"));
        let (status, body) = self
            .next
            .lock()
            .unwrap()
            .pop_front()
            .unwrap_or(("200 OK", "good"));
        (status, body.to_owned())
    }

    fn updates(&self) -> Vec<String> {
        self.updates.lock().unwrap().clone()
    }

    fn will(&self, answers: &[(&'static str, &'static str)]) {
        self.next.lock().unwrap().extend(answers);
    }
}

/// One interface whose address changes as it is told to.
struct Addresses(Mutex<Vec<(IpAddr, u8)>>);

impl Network for Addresses {
    fn interfaces(&self) -> Vec<Interface> {
        vec![Interface {
            name: "eth0".into(),
            mac: "02:00:00:00:00:01".into(),
            addresses: self.0.lock().unwrap().clone(),
            mtu: 1500,
            up: true,
            loopback: false,
        }]
    }
    fn hostname(&self) -> String {
        "camera".into()
    }
    fn dns_servers(&self) -> Vec<IpAddr> {
        Vec::new()
    }
    fn gateways(&self) -> Vec<IpAddr> {
        Vec::new()
    }
}

struct Bench {
    server: Server,
    t: TestDevice,
    dir: tempfile::TempDir,
    network: Arc<Addresses>,
    log: Subscription,
}

impl Bench {
    fn new() -> Self {
        let t = initialised();
        let own = ["fe80::1", "198.51.100.7", "2001:db8::7"].map(|a| (a.parse().unwrap(), 24));
        Self {
            server: Server::start(),
            log: t.device.bus.subscribe(),
            t,
            dir: tempfile::tempdir().unwrap(),
            network: Arc::new(Addresses(Mutex::new(own.into()))),
        }
    }

    fn start(&self, pace: DdnsPace) -> DdnsUpdater {
        let parts = DdnsParts {
            db: Database::open(&self.dir.path().join("db")).unwrap(),
            settings: self.t.device.settings.clone(),
            network: self.network.clone(),
            bus: self.t.device.bus.clone(),
            clock: self.t.clock.clone(),
        };
        DdnsUpdater::start(parts, pace).unwrap()
    }

    fn set(&self, value: Value) {
        let by = Actor::system();
        self.t
            .device
            .settings
            .patch("net.ddns", &value, None, &by)
            .unwrap();
    }

    /// The account at the server; the address that the internet sees is published.
    fn enable(&self) {
        self.set(json!({
            "enabled": true, "service": "Custom", "domain": "cam.example.org", "username": "u", "password": "p",
            "address": format!("{}/nic/update", self.server.base),
            "check_address": format!("{}/ip", self.server.base),
        }));
    }

    fn told(&mut self) -> Vec<String> {
        let mut texts = Vec::new();
        while let Ok(event) = self.log.try_recv() {
            if let EventKind::Log(entry) = &event.kind {
                texts.push(entry.text.clone());
            }
        }
        texts
    }
}

fn quick() -> DdnsPace {
    DdnsPace {
        look: Duration::from_millis(10),
        first_retry: Duration::from_millis(20),
        ..DdnsPace::default()
    }
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "never happened: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// DDNS-1, 4, 5, 6: the name is updated once for each address, over restarts too.
#[test]
fn the_name_follows_the_address() {
    let mut b = Bench::new();
    let updater = b.start(quick());
    assert_eq!(updater.status().state, DdnsState::Off);
    b.enable();
    until("the first update", || {
        updater.status().state == DdnsState::Current
    });
    let status = updater.status();
    assert_eq!(status.address, Some("203.0.113.5".parse().unwrap()));
    assert_eq!(status.answer.as_deref(), Some("good"));
    assert!(status.updated_at.is_some() && status.next_try.is_none());
    // The first and only one; "u:p" in base64.
    assert_eq!(
        b.server.updates(),
        ["GET /nic/update?hostname=cam.example.org&myip=203.0.113.5 HTTP/1.1 Basic dTpw"]
    );
    assert_eq!(
        b.told(),
        ["DDNS: cam.example.org points to 203.0.113.5 now."]
    );
    drop(updater);

    let updater = b.start(quick());
    until("it is known after a restart", || {
        updater.status().state == DdnsState::Current
    });
    // Another address of its own: behind another router now, perhaps.
    *b.server.seen.lock().unwrap() = "203.0.113.6".into();
    *b.network.0.lock().unwrap() = vec![("198.51.100.8".parse().unwrap(), 24)];
    until("the second update", || b.server.updates().len() == 2);
    assert!(b.server.updates()[1].contains("myip=203.0.113.6"));

    // The unit's own address, IPv4 first; a change is seen at once.
    b.set(json!({"source": "interface"}));
    until("the third update", || b.server.updates().len() == 3);
    assert!(b.server.updates()[2].contains("myip=198.51.100.8"));
    *b.network.0.lock().unwrap() = vec![("2001:db8::9".parse().unwrap(), 64)];
    until("the fourth update", || b.server.updates().len() == 4);
    assert!(b.server.updates()[3].contains("myip=2001%3Adb8%3A%3A9"));
    let there = Some("2001:db8::9".parse().unwrap());
    until("it is known", || updater.status().address == there);

    // Providers let names go that nobody touches.
    b.server.will(&[("200 OK", "nochg 2001:db8::9")]);
    b.t.clock.advance(Duration::from_secs(26 * 24 * 3600));
    until("the name is told again", || b.server.updates().len() == 5);
    until("that counts", || {
        updater.status().answer.as_deref() == Some("nochg 2001:db8::9")
    });
    assert_eq!(updater.status().state, DdnsState::Current);

    b.set(json!({"enabled": false}));
    until("it is off", || updater.status().state == DdnsState::Off);
    assert_eq!(updater.status().address, None);
}

/// DDNS-6: what the server refuses is not asked again, over restarts too, until the settings change.
#[test]
fn a_refusal_stops_until_the_settings_change() {
    let mut b = Bench::new();
    for (i, refusal) in [
        ("200 OK", "badauth"),
        ("401 Unauthorized", ""),
        ("200 OK", "abuse"),
    ]
    .into_iter()
    .enumerate()
    {
        let before = b.server.updates().len();
        b.server.will(&[refusal]);
        // Before the start, or the refusal might meet the settings in between.
        b.enable();
        b.set(json!({"password": format!("password {i}")}));
        let updater = b.start(quick());
        until("it stops", || updater.status().state == DdnsState::Stopped);
        let sent = b.server.updates().len();
        assert!(sent > before);
        drop(updater);
        let updater = b.start(quick());
        until("it stays so", || {
            updater.status().state == DdnsState::Stopped
        });
        // Ten looks later nothing was sent.
        std::thread::sleep(Duration::from_millis(100));
        assert_eq!(b.server.updates().len(), sent, "{refusal:?}");
        let told = b.told();
        let refused: Vec<_> = told.iter().filter(|t| t.contains("refused")).collect();
        assert_eq!(refused.len(), 1, "{told:?}");
        b.set(json!({"password": format!("right {i}")}));
        until("it goes on", || {
            updater.status().state == DdnsState::Current
        });
        b.set(json!({"enabled": false}));
        until("it is off", || updater.status().state == DdnsState::Off);
    }
}

/// DDNS-6: failures are logged once and tried again, each time later; a fault of the server waits longest.
#[test]
fn failures_are_tried_again_later_and_later() {
    let mut b = Bench::new();
    b.server.will(&[
        ("200 OK", "<html>portal</html>"),
        ("500 Oops", "x"),
        ("302 Found", "good"),
    ]);
    let updater = b.start(quick());
    b.enable();
    until("it recovers by itself", || {
        updater.status().state == DdnsState::Current
    });
    assert_eq!(b.server.updates().len(), 4);
    let told = b.told();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        told[0].contains("could not be updated") && told[0].contains("portal"),
        "{told:?}"
    );

    b.server.will(&[("200 OK", "911")]);
    b.set(json!({"password": "other"}));
    until("the fault is known", || {
        updater.status().state == DdnsState::Retrying
    });
    let status = updater.status();
    let wait = status.next_try.unwrap().as_micros() - status.answered_at.unwrap().as_micros();
    assert!(wait > 25 * 60 * 1_000_000, "half an hour, not {wait} µs");
    assert!(status.answer.unwrap().contains("911"));
    drop(updater);

    // Nobody there at all.
    let pace = DdnsPace {
        first_retry: Duration::from_secs(60),
        ..quick()
    };
    let updater = b.start(pace);
    b.set(json!({"check_address": "http://127.0.0.1:1/"}));
    until("nobody answers", || {
        updater.status().state == DdnsState::Retrying
    });
    assert!(updater.status().answer.unwrap().contains("refused"));
}
