//! Event brokers against a real mosquitto: versions, guarantees, TLS, and that nothing is lost.
#![allow(missing_docs, reason = "a test")]

use std::{
    collections::{BTreeMap, VecDeque},
    fs,
    io::{BufRead, BufReader},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

use platecam_host::{Database, DeviceKey, MqttBrokers};
use platecam_model::{
    Actor, EventBus, EventKind, SystemClock,
    ports::{BrokerMessage, BrokerState, Brokers},
    settings::{SettingsStore, all_sections},
};
use serde_json::{Value, json};

/// A wait for something that must happen; only a broken program waits so long.
const PATIENCE: Duration = Duration::from_secs(60);

fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "never happened: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A private mosquitto that lets in `camera` with the password `secret` and keeps sessions on the disk.
struct Broker {
    dir: PathBuf,
    port: u16,
    /// The port of its WebSockets.
    web: u16,
    ca: Option<String>,
    child: Option<Child>,
}

impl Broker {
    fn start(dir: &Path, tls: bool) -> Self {
        // Both at once, so that they differ.
        let free = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let [port, web] = free.map(|l| l.local_addr().unwrap().port());
        let passwords = dir.join("passwords");
        let made = Command::new("mosquitto_passwd")
            .args(["-b", "-c"])
            .arg(&passwords)
            .args(["camera", "secret"])
            .status()
            .expect("mosquitto_passwd: see scripts/packages.txt");
        assert!(made.success());
        let d = dir.display();
        let mut config = format!(
            "listener {port} 127.0.0.1\nallow_anonymous false\npassword_file {d}/passwords\n\
             persistence true\npersistence_location {d}/\nautosave_interval 1\n\
             max_inflight_messages 20\nmax_queued_messages 0\n"
        );
        if unsafe_root() {
            config.push_str("user root\n");
        }
        let ca = tls.then(|| {
            let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
            fs::write(dir.join("cert.pem"), made.cert.pem()).unwrap();
            fs::write(dir.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
            made.cert.pem()
        });
        let encrypted = format!("certfile {d}/cert.pem\nkeyfile {d}/key.pem\n");
        let encrypted = if tls { &*encrypted } else { "" };
        config.push_str(encrypted);
        config.push_str(&format!(
            "listener {web} 127.0.0.1\nprotocol websockets\n{encrypted}"
        ));
        fs::write(dir.join("mosquitto.conf"), config).unwrap();
        let mut broker = Self {
            dir: dir.to_owned(),
            port,
            web,
            ca,
            child: None,
        };
        broker.up();
        broker
    }

    fn up(&mut self) {
        let child = Command::new("mosquitto")
            .arg("-c")
            .arg(self.dir.join("mosquitto.conf"))
            .stdout(Stdio::null())
            .stderr(fs::File::create(self.dir.join("mosquitto.log")).unwrap())
            .spawn()
            .expect("mosquitto: see scripts/packages.txt");
        self.child = Some(child);
        eventually("mosquitto listens", || {
            TcpStream::connect(("127.0.0.1", self.port)).is_ok()
        });
    }

    fn down(&mut self) {
        if let Some(mut child) = self.child.take() {
            let pid = child.id().to_string();
            let _ = Command::new("kill").arg(pid).status();
            let _ = child.wait();
        }
    }

    fn say(&self, topic: &str) {
        let mut command = Command::new("mosquitto_pub");
        command
            .args(["-h", "localhost", "-p", &self.port.to_string()])
            .args(["-u", "camera", "-P", "secret", "-t", topic, "-m", "x"]);
        if self.ca.is_some() {
            command.arg("--cafile").arg(self.dir.join("cert.pem"));
        }
        let _ = command.stderr(Stdio::null()).status();
    }

    /// What a subscriber with a session of its own gets, one line for each message.
    fn listen(&self, name: &str) -> Listener {
        let mut command = Command::new("mosquitto_sub");
        command
            .args(["-h", "localhost", "-p", &self.port.to_string(), "-q", "2"])
            .args(["-u", "camera", "-P", "secret", "-c", "-i", name])
            .args(["-t", "#", "-F", "%r %q %t %p"]);
        if self.ca.is_some() {
            command.arg("--cafile").arg(self.dir.join("cert.pem"));
        }
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("mosquitto_sub: see scripts/packages.txt");
        let out = BufReader::new(child.stdout.take().unwrap());
        let (tx, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                let _ = tx.send(line);
            }
        });
        let mut listener = Listener {
            child,
            lines,
            early: VecDeque::new(),
        };
        // It has subscribed when it hears itself called.
        let probe = format!("probe/{name}");
        let end = Instant::now() + PATIENCE;
        loop {
            assert!(Instant::now() < end, "the listener does not subscribe");
            self.say(&probe);
            match listener.lines.recv_timeout(Duration::from_millis(200)) {
                Ok(line) if line.contains(&probe) => return listener,
                Ok(line) => listener.early.push_back(line),
                Err(_) => {}
            }
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.down();
    }
}

/// mosquitto gives up the rights of root, and with them the test's files, unless it is told not to.
fn unsafe_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout.trim_ascii() == b"0"
}

struct Listener {
    child: Child,
    lines: mpsc::Receiver<String>,
    early: VecDeque<String>,
}

impl Listener {
    fn next(&mut self) -> String {
        loop {
            let line = self.early.pop_front().unwrap_or_else(|| {
                self.lines
                    .recv_timeout(PATIENCE)
                    .expect("a message within a minute")
            });
            if !line.contains(" probe/") {
                return line;
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A unit on a state directory.
struct Unit {
    settings: Arc<SettingsStore>,
    brokers: MqttBrokers,
    bus: EventBus,
}

impl Unit {
    fn start(dir: &Path) -> Self {
        let db = Database::open(&dir.join("db")).unwrap();
        let key = Arc::new(DeviceKey::open(&dir.join("key")).unwrap());
        let (bus, clock) = (EventBus::default(), Arc::new(SystemClock::default()));
        let settings = SettingsStore::load(
            all_sections(),
            Arc::new(db.clone()),
            key,
            bus.clone(),
            clock.clone(),
        );
        let settings = Arc::new(settings.unwrap());
        let brokers =
            MqttBrokers::start(&db, settings.clone(), bus.clone(), clock, "PC01").unwrap();
        Self {
            settings,
            brokers,
            bus,
        }
    }

    fn set(&self, value: &Value) {
        self.settings
            .patch("event.broker1", value, None, &Actor::system())
            .unwrap();
    }

    fn publish(&self, topic: &str, payload: &str, retain: bool) {
        let message = BrokerMessage {
            topic: topic.into(),
            payload: payload.as_bytes().to_vec(),
            retain,
        };
        self.brokers.publish(0, &[message]).unwrap();
    }

    fn connected(&self) {
        eventually("connected", || {
            self.brokers.status(0).state == BrokerState::Connected
        });
    }

    fn empty(&self) {
        let end = Instant::now() + PATIENCE;
        while self.brokers.status(0).queued > 0 {
            let status = self.brokers.status(0);
            assert!(Instant::now() < end, "not everything arrived: {status:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn config(broker: &Broker) -> Value {
    json!({
        "enabled": true, "host": "localhost", "port": broker.port, "user_name": "camera", "password": "secret",
    })
}

/// EVENT-7-2-1, 7-2-5, 7-2-6: both versions with each guarantee; states are retained.
#[test]
fn messages_arrive_in_both_versions_with_each_guarantee() {
    let dir = tempfile::tempdir().unwrap();
    let broker = Broker::start(dir.path(), false);
    let mut listener = broker.listen("listener");
    let unit = Unit::start(dir.path());
    let mut earlier: Vec<String> = Vec::new();
    for version in ["3.1.1", "5"] {
        for qos in [0, 1, 2] {
            let mut wanted = config(&broker);
            wanted["version"] = version.into();
            wanted["qos"] = qos.into();
            unit.set(&wanted);
            // The thread may not have seen the change yet: a message is only taken by the new connection.
            eventually("the new settings are used", || {
                unit.brokers.status(0).state == BrokerState::Connected
            });
            let topic = format!("t/{version}/{qos}");
            unit.publish(&topic, "{}", false);
            loop {
                let line = listener.next();
                if line == format!("0 {qos} {topic} {{}}") {
                    break;
                }
                // What the old connection had on its way, with its guarantee, comes once more over the new one where that
                // guarantee was at least once.
                if line.ends_with(&format!("{topic} {{}}")) {
                    unit.publish(&topic, "{}", false);
                } else {
                    assert!(earlier.iter().any(|t| line.ends_with(t)), "{line}");
                }
            }
            earlier.push(format!("{topic} {{}}"));
            unit.empty();
        }
    }
    unit.publish("state", "{\"a\":1}", true);
    unit.empty();
    let mut late = broker.listen("late");
    assert_eq!(
        late.next(),
        "1 2 state {\"a\":1}",
        "kept for those who come later"
    );
}

/// "Broker restart → nothing lost", and with QoS 2 nothing twice.
#[test]
fn nothing_is_lost_or_repeated_over_restarts_of_the_broker() {
    let dir = tempfile::tempdir().unwrap();
    let mut broker = Broker::start(dir.path(), false);
    let unit = Unit::start(dir.path());
    let mut wanted = config(&broker);
    wanted["qos"] = 2.into();
    unit.set(&wanted);
    unit.connected();
    // A session that keeps what comes while the listener's connection is gone.
    let mut listener = broker.listen("listener");
    unit.publish("first", "0", false);
    assert_eq!(listener.next(), "0 2 first 0");
    const N: usize = 400;
    for n in 1..=N {
        unit.publish("plate", &n.to_string(), false);
        if n % 150 == 0 {
            // In the middle of what is on its way.
            broker.down();
            unit.publish("plate", "down", false);
            broker.up();
        }
    }
    unit.empty();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    while seen.len() < N + 1 {
        *seen.entry(listener.next()).or_default() += 1;
    }
    for n in 1..=N {
        assert_eq!(seen[&format!("0 2 plate {n}")], 1, "{n}");
    }
    assert_eq!(unit.brokers.status(0).dropped, 0);
}

/// What waits is on the disk: it goes out after the program ended and began anew.
#[test]
fn what_waits_survives_the_end_of_the_program() {
    let dir = tempfile::tempdir().unwrap();
    let mut broker = Broker::start(dir.path(), false);
    broker.down();
    {
        let unit = Unit::start(dir.path());
        let mut events = unit.bus.subscribe();
        unit.set(&config(&broker));
        eventually("the loss is told", || {
            unit.brokers.status(0).last_error.is_some()
        });
        for n in 0..20 {
            unit.publish("plate", &n.to_string(), false);
        }
        assert_eq!(unit.brokers.status(0).queued, 20);
        let logged = std::iter::from_fn(|| events.try_recv().ok())
            .any(|e| matches!(&e.kind, EventKind::Log(l) if l.text.contains("is lost")));
        assert!(logged, "the log has it");
    }
    broker.up();
    let mut listener = broker.listen("listener");
    let unit = Unit::start(dir.path());
    for n in 0..20 {
        assert_eq!(listener.next(), format!("0 1 plate {n}"));
    }
    unit.empty();
}

/// EVENT-7-2-2: TLS, with the broker's certificate checked, and unchecked when the settings say so.
#[test]
fn tls_checks_the_broker_unless_told_otherwise() {
    let dir = tempfile::tempdir().unwrap();
    let broker = Broker::start(dir.path(), true);
    let mut listener = broker.listen("listener");
    let unit = Unit::start(dir.path());
    let mut wanted = config(&broker);
    wanted["transport"] = "mqtts".into();
    unit.set(&wanted);
    eventually("a strange certificate is refused", || {
        let error = unit.brokers.status(0).last_error.unwrap_or_default();
        error.contains("certificate")
    });
    assert_ne!(unit.brokers.status(0).state, BrokerState::Connected);
    unit.set(&json!({"ca_certificate": broker.ca.clone().unwrap()}));
    unit.connected();
    unit.publish("a", "1", false);
    assert_eq!(listener.next(), "0 1 a 1");
    unit.set(&json!({"ca_certificate": "", "verify_certificate": false}));
    unit.publish("a", "2", false);
    assert_eq!(listener.next(), "0 1 a 2");
    unit.connected();
}

/// EVENT-7-2-3, 7-2-4: the same through a WebSocket, with the same trust, and over a restart of the broker.
#[test]
fn a_web_socket_carries_the_same() {
    for (transport, tls) in [("ws", false), ("wss", true)] {
        let dir = tempfile::tempdir().unwrap();
        let mut broker = Broker::start(dir.path(), tls);
        let mut listener = broker.listen("listener");
        let unit = Unit::start(dir.path());
        let mut wanted = config(&broker);
        wanted["transport"] = transport.into();
        wanted["port"] = broker.web.into();
        wanted["path"] = "/mqtt".into();
        wanted["qos"] = 2.into();
        if tls {
            unit.set(&wanted);
            eventually("a strange certificate is refused", || {
                let error = unit.brokers.status(0).last_error.unwrap_or_default();
                error.contains("certificate")
            });
            wanted["ca_certificate"] = broker.ca.clone().unwrap().into();
        }
        unit.set(&wanted);
        unit.connected();
        // Longer than one message of the WebSocket.
        let long = "x".repeat(40_000);
        unit.publish("long", &long, false);
        assert_eq!(listener.next(), format!("0 2 long {long}"));
        unit.empty();
        broker.down();
        unit.publish("late", "1", false);
        broker.up();
        assert_eq!(listener.next(), "0 2 late 1");
        unit.empty();
        // A listener that speaks no HTTP.
        unit.set(&json!({"port": broker.port}));
        eventually("what is no WebSocket is told", || {
            let status = unit.brokers.status(0);
            status.state != BrokerState::Connected && status.last_error.is_some()
        });
    }
}

/// Wrong credentials are told as such; switched off, what waits is forgotten.
#[test]
fn refusals_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let broker = Broker::start(dir.path(), false);
    let unit = Unit::start(dir.path());
    for version in ["3.1.1", "5"] {
        let mut wanted = config(&broker);
        wanted["password"] = format!("wrong {version}").into();
        wanted["version"] = version.into();
        unit.set(&wanted);
        eventually("the refusal is told", || {
            let error = unit.brokers.status(0).last_error.unwrap_or_default();
            error.contains("authorised") || error.contains("password")
        });
    }
    unit.publish("a", "1", false);
    assert_eq!(unit.brokers.status(0).queued, 1);
    unit.set(&json!({"enabled": false}));
    eventually("forgotten", || unit.brokers.status(0).queued == 0);
    unit.publish("a", "2", false);
    assert_eq!(unit.brokers.status(0).queued, 0, "nobody wants it");
}
