//! The remote log against a real rsyslogd (RLOG-1..3, SEC-15). Nothing is ever lost over TCP and TLS.

use std::{
    collections::BTreeSet,
    fs,
    net::{TcpListener, UdpSocket},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use platecam_host::{Database, DeviceKey, Forwarder, LogDatabase, Pace, write_log};
use platecam_model::{
    Actor, EventBus, LogKind, SystemClock, UtcTime,
    log::{LogQuery, NewLogEntry, Severity},
    ports::{LogStore, RemoteLog},
    settings::{LogRemote, SettingsStore, all_sections},
};
use serde_json::json;

/// A wait for something that must happen; only a broken program waits so long.
const PATIENCE: Duration = Duration::from_secs(60);

fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "never happened: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A private rsyslogd that writes messages as they came into one file.
struct Server {
    dir: PathBuf,
    port: u16,
    child: Option<Child>,
}

impl Server {
    fn new(dir: &Path, transport: &str) -> Self {
        let port = match transport {
            "udp" => UdpSocket::bind("127.0.0.1:0")
                .unwrap()
                .local_addr()
                .unwrap()
                .port(),
            _ => TcpListener::bind("127.0.0.1:0")
                .unwrap()
                .local_addr()
                .unwrap()
                .port(),
        };
        let d = dir.display();
        let input = match transport {
            "udp" => format!(
                "module(load=\"imudp\")\ninput(type=\"imudp\" address=\"127.0.0.1\" port=\"{port}\")\n"
            ),
            "tcp" => format!(
                "module(load=\"imtcp\")\ninput(type=\"imtcp\" address=\"127.0.0.1\" port=\"{port}\")\n"
            ),
            "tls" => format!(
                "global(defaultNetstreamDriver=\"gtls\" defaultNetstreamDriverCAFile=\"{d}/ca.pem\" \
                 defaultNetstreamDriverCertFile=\"{d}/server.pem\" defaultNetstreamDriverKeyFile=\"{d}/server.key\")\n\
                 module(load=\"imtcp\" streamDriver.name=\"gtls\" streamDriver.mode=\"1\" streamDriver.authMode=\"anon\")\n\
                 input(type=\"imtcp\" address=\"127.0.0.1\" port=\"{port}\")\n"
            ),
            other => panic!("{other}"),
        };
        let conf = format!(
            "global(workDirectory=\"{d}\")\n{input}\
             template(name=\"raw\" type=\"string\" string=\"%rawmsg%\\n\")\n\
             action(type=\"omfile\" file=\"{d}/messages\" template=\"raw\" flushOnTXEnd=\"on\")\n"
        );
        fs::write(dir.join("rsyslog.conf"), conf).unwrap();
        Self {
            dir: dir.to_owned(),
            port,
            child: None,
        }
    }

    fn start(&mut self) {
        let child = Command::new("rsyslogd")
            .arg("-n")
            .arg("-f")
            .arg(self.dir.join("rsyslog.conf"))
            .arg("-i")
            .arg(self.dir.join("pid"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("rsyslogd is needed: package rsyslog");
        self.child = Some(child);
    }

    /// kill -9: what it had not read is gone.
    fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = fs::remove_file(self.dir.join("pid"));
    }

    fn messages(&self) -> Vec<String> {
        let all = fs::read(self.dir.join("messages")).unwrap_or_default();
        String::from_utf8_lossy(&all)
            .lines()
            .map(str::to_owned)
            .collect()
    }

    /// The numbers that arrived, once each.
    fn arrived(&self) -> BTreeSet<u64> {
        let number = |m: &String| {
            m.split("sequenceId=\"")
                .nth(1)?
                .split('"')
                .next()?
                .parse()
                .ok()
        };
        self.messages().iter().filter_map(number).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A unit's log with its sender, in its own state directory.
struct Unit {
    settings: Arc<SettingsStore>,
    log: Arc<LogDatabase>,
    forwarder: Option<Forwarder>,
    _runtime: tokio::runtime::Runtime,
    _stop: tokio::sync::oneshot::Sender<()>,
}

const PACE: Pace = Pace {
    first_retry: Duration::from_millis(50),
    longest_retry: Duration::from_millis(400),
    hold: Duration::from_millis(300),
};

impl Unit {
    fn start(dir: &Path) -> Self {
        let db = Database::open(&dir.join("db")).unwrap();
        let key = Arc::new(DeviceKey::open(&dir.join("key")).unwrap());
        let (bus, clock) = (EventBus::default(), Arc::new(SystemClock::default()));
        let settings = Arc::new(
            SettingsStore::load(
                all_sections(),
                Arc::new(db.clone()),
                key.clone(),
                bus.clone(),
                clock.clone(),
            )
            .unwrap(),
        );
        let remote = settings.clone();
        let wanted = move |e: &platecam_model::LogEntry| remote.get::<LogRemote>().wants(e);
        let log = Arc::new(LogDatabase::open(db, key, UtcTime::default(), wanted).unwrap());
        let forwarder = Forwarder::start(
            log.clone(),
            settings.clone(),
            bus.clone(),
            clock.clone(),
            "gate-1".into(),
            PACE,
        )
        .unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let store: Arc<dyn LogStore> = log.clone();
        runtime.spawn(write_log(
            bus.subscribe(),
            store,
            bus.clone(),
            clock,
            async {
                let _ = stopped.await;
            },
        ));
        Self {
            settings,
            log,
            forwarder: Some(forwarder),
            _runtime: runtime,
            _stop: stop,
        }
    }

    fn point(&self, patch: serde_json::Value) {
        self.settings
            .patch("log.remote", &patch, None, &Actor::system())
            .unwrap();
    }

    fn write(&self, n: usize) {
        for i in 0..n {
            let text = format!("Größe {i}");
            let new = NewLogEntry::new(
                UtcTime::from_millis(i as i64),
                LogKind::System,
                Severity::Info,
                &Actor::system(),
                text,
            );
            self.log.append(vec![new]).unwrap();
        }
    }

    fn status(&self) -> platecam_model::ports::RemoteLogStatus {
        self.forwarder.as_ref().unwrap().status()
    }

    fn texts(&self, part: &str) -> usize {
        let page = self.log.search(&LogQuery::default()).unwrap();
        page.items.iter().filter(|e| e.text.contains(part)).count()
    }

    /// Every entry of the log after the switch-on, by number.
    fn numbers(&self, from: u64) -> BTreeSet<u64> {
        let page = self.log.search(&LogQuery::default()).unwrap();
        page.items
            .iter()
            .map(|e| e.id)
            .filter(|id| *id >= from)
            .collect()
    }

    fn newest(&self) -> u64 {
        self.log
            .search(&LogQuery::default())
            .unwrap()
            .items
            .first()
            .map_or(0, |e| e.id)
    }
}

/// RLOG-3 over TCP or TLS: killed twice, restarted, the unit restarted between; all arrive.
fn nothing_is_lost(transport: &str, extra: serde_json::Value) {
    let (unit_dir, server_dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut server = if transport == "tls" {
        certificates(server_dir.path());
        Server::new(server_dir.path(), transport)
    } else {
        Server::new(server_dir.path(), transport)
    };
    server.start();
    let mut unit = Unit::start(unit_dir.path());
    let mut patch = json!({"enabled": true, "host": "127.0.0.1", "port": server.port, "transport": transport, "facility": 23});
    patch
        .as_object_mut()
        .unwrap()
        .extend(extra.as_object().unwrap().clone());
    unit.point(patch);
    eventually("the switch-on is logged", || unit.texts("log.remote") > 0);
    let first = unit.newest();
    unit.write(40);
    eventually("the first entries arrive", || server.arrived().len() >= 40);
    eventually("a test message works", || {
        unit.forwarder.as_ref().unwrap().test().is_ok()
    });

    // A slow server may have been away at first: that loss is told and over before the next one.
    let told = || (unit.texts("is lost"), unit.texts("is reached again"));
    eventually("the connection holds", || {
        let (lost, back) = told();
        lost == back && unit.status().connected
    });
    let before = told().0;

    server.kill();
    unit.write(40);
    eventually("the loss is seen", || !unit.status().connected);
    unit.write(10);
    eventually("the loss is logged", || told().0 == before + 1);
    assert!(unit.status().last_error.is_some() && unit.status().queued >= 10);
    server.start();
    eventually("the queue empties", || unit.status().queued == 0);
    eventually("the return is logged", || told().1 == before + 1);
    assert_eq!(
        told().0,
        before + 1,
        "the loss is told once, whatever number of attempts failed"
    );

    // The unit goes while the server is away; the queue is on the disk.
    server.kill();
    unit.write(25);
    let queued = unit.status().queued;
    assert!(queued >= 25, "{queued}");
    unit.forwarder.take().unwrap().stop();
    drop(unit);
    let unit = Unit::start(unit_dir.path());
    server.start();
    eventually("the queue of the run before empties", || {
        unit.status().queued == 0
    });
    let wanted = unit.numbers(first);
    eventually("all arrived", || wanted.is_subset(&server.arrived()));
    assert!(wanted.len() >= 115);
    let message = server
        .messages()
        .into_iter()
        .find(|m| m.contains("Größe 7"))
        .unwrap();
    assert!(
        message.contains("gate-1 platecam ") && message.contains("<190>1 "),
        "local7 info: {message}"
    );
}

#[test]
fn nothing_is_lost_over_tcp() {
    nothing_is_lost("tcp", json!({}));
}

#[test]
fn nothing_is_lost_over_tls() {
    let ca = shared_ca();
    nothing_is_lost("tls", json!({"ca_certificate": ca.0}));
}

#[test]
fn udp_arrives_and_a_server_that_is_away_is_noticed() {
    let (unit_dir, server_dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut server = Server::new(server_dir.path(), "udp");
    let unit = Unit::start(unit_dir.path());
    unit.point(json!({"enabled": true, "host": "127.0.0.1", "port": server.port, "min_severity": "warning"}));
    let warning = |text: &str| {
        let new = NewLogEntry::new(
            UtcTime::default(),
            LogKind::System,
            Severity::Warning,
            &Actor::system(),
            text,
        );
        unit.log.append(vec![new]).unwrap();
    };
    warning("one");
    eventually("nobody listens", || {
        !unit.status().connected && unit.status().last_error.is_some()
    });
    server.start();
    unit.write(3);
    warning("two");
    eventually("both warnings arrive", || {
        let all = server.messages().join("\n");
        all.contains(" one") && all.contains(" two")
    });
    assert!(
        !server.messages().join("\n").contains("Größe"),
        "lesser entries stay on the unit"
    );
}

/// A server with a certificate of somebody else gets nothing.
#[test]
fn a_strange_certificate_is_refused() {
    let (unit_dir, server_dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    certificates(server_dir.path());
    let mut server = Server::new(server_dir.path(), "tls");
    server.start();
    let unit = Unit::start(unit_dir.path());
    let key = rcgen::KeyPair::generate().unwrap();
    let other = authority().self_signed(&key).unwrap().pem();
    unit.point(json!({"enabled": true, "host": "127.0.0.1", "port": server.port, "transport": "tls", "ca_certificate": other}));
    eventually("it is refused", || {
        unit.status()
            .last_error
            .is_some_and(|e| e.contains("certificate"))
    });
    assert!(unit.forwarder.as_ref().unwrap().test().is_err());
    assert!(server.arrived().is_empty());
}

/// RLOG-1: switched off, nothing waits; and the bound of the queue holds with a count.
#[test]
fn off_means_off_and_the_queue_is_bounded() {
    let unit_dir = tempfile::tempdir().unwrap();
    let unit = Unit::start(unit_dir.path());
    unit.write(5);
    assert_eq!((unit.status().queued, unit.status().enabled), (0, false));
    assert!(matches!(
        unit.forwarder.as_ref().unwrap().test(),
        Err(platecam_model::Error::Conflict(_))
    ));
    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    unit.point(json!({"enabled": true, "host": "127.0.0.1", "port": closed, "transport": "tcp"}));
    for _ in 0..17 {
        let many = (0..1000).map(|i| {
            NewLogEntry::new(
                UtcTime::from_millis(i),
                LogKind::System,
                Severity::Info,
                &Actor::system(),
                "x",
            )
        });
        unit.log.append(many.collect()).unwrap();
    }
    let status = unit.status();
    assert_eq!(status.queued, 16_384);
    assert!(status.dropped >= 616, "{}", status.dropped);
    unit.point(json!({"enabled": false}));
    eventually("the queue is forgotten", || unit.status().queued == 0);
}

fn authority() -> rcgen::CertificateParams {
    let mut ca = rcgen::CertificateParams::new(Vec::new()).unwrap();
    ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    ca.distinguished_name
        .push(rcgen::DnType::CommonName, "log test CA");
    ca
}

/// The CA of this test process: certificate and key, PEM.
fn shared_ca() -> &'static (String, String) {
    static CA: std::sync::OnceLock<(String, String)> = std::sync::OnceLock::new();
    CA.get_or_init(|| {
        let key = rcgen::KeyPair::generate().unwrap();
        (
            authority().self_signed(&key).unwrap().pem(),
            key.serialize_pem(),
        )
    })
}

/// Server certificate for 127.0.0.1 in `dir`.
fn certificates(dir: &Path) {
    let (ca_pem, ca_key) = shared_ca();
    let issuer = rcgen::Issuer::new(authority(), rcgen::KeyPair::from_pem(ca_key).unwrap());
    let key = rcgen::KeyPair::generate().unwrap();
    let server = rcgen::CertificateParams::new(vec!["127.0.0.1".into()]).unwrap();
    let pem = server.signed_by(&key, &issuer).unwrap().pem();
    fs::write(dir.join("ca.pem"), ca_pem).unwrap();
    fs::write(dir.join("server.pem"), pem).unwrap();
    fs::write(dir.join("server.key"), key.serialize_pem()).unwrap();
}
