//! NTP by a real chronyd against a real NTP server (SYS-13, SYS-14, SYS-17). Both run with `-x`: the
//! machine's clock is never touched.

use std::{
    fs,
    net::UdpSocket,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use platecam_host::{HostMode, LinuxTime, TimePace, TimePaths, keep_time};
use platecam_model::{
    Actor, Clock, Event, EventKind, Origin, Subscription,
    ports::{NtpPlan, TimeControl},
    testing::{customised, initialised},
};
use serde_json::json;

const PATIENCE: Duration = Duration::from_secs(90);

fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "never happened: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// A person: what nobody has set is left as the machine has it.
fn somebody() -> Actor {
    Actor {
        user: Some("admin".into()),
        origin: Origin::Web,
        ..Actor::system()
    }
}

struct Daemon(Child);

impl Daemon {
    fn start(dir: &Path, name: &str, conf: &str) -> Self {
        // chronyd wants a directory that nobody else can write for its socket.
        fs::set_permissions(dir, fs::Permissions::from_mode(0o700)).unwrap();
        let file = dir.join(format!("{name}.conf"));
        let d = dir.display();
        let own = format!("pidfile {d}/{name}.pid\nbindcmdaddress {d}/{name}.sock\ncmdport 0\n");
        fs::write(&file, conf.to_owned() + &own).unwrap();
        let user = Command::new("id").arg("-un").output().unwrap().stdout;
        let child = Command::new("chronyd")
            .args([
                "-x",
                "-d",
                "-u",
                String::from_utf8_lossy(&user).trim(),
                "-f",
            ])
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("chronyd is needed: package chrony");
        Self(child)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> u16 {
    UdpSocket::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

fn server(dir: &Path, port: u16) -> Daemon {
    server_at(dir, "127.0.0.1", port)
}

fn server_at(dir: &Path, address: &str, port: u16) -> Daemon {
    let conf = format!("local stratum 5\nallow 127.0.0.0/8\nport {port}\nbindaddress {address}\n");
    Daemon::start(dir, "server", &conf)
}

/// A chronyd that is the unit's own, with a source of somebody else's.
fn client(dir: &Path, stranger: u16) -> (Daemon, LinuxTime) {
    fs::create_dir(dir.join("sources.d")).unwrap();
    let conf = format!(
        "sourcedir {0}/sources.d\nport 0\nserver 127.0.0.2 port {stranger} minpoll 4 iburst\n",
        dir.display()
    );
    let daemon = Daemon::start(dir, "client", &conf);
    let paths = TimePaths {
        sources: dir.join("sources.d/platecam.sources"),
        socket: Some(dir.join("client.sock")),
        localtime: dir.join("localtime"),
        zoneinfo: PathBuf::from("/usr/share/zoneinfo"),
        systemctl: PathBuf::from("/bin/false"),
    };
    let time = LinuxTime::new(HostMode::System, paths);
    eventually("the daemon answers", || time.ntp_status().running);
    (daemon, time)
}

fn plan(port: u16) -> NtpPlan {
    NtpPlan {
        servers: vec!["127.0.0.1".into()],
        port,
        update_minutes: 1,
    }
}

#[test]
fn the_last_synchronisation_is_true() {
    let (server_dir, unit_dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (port, stranger) = (free_port(), free_port());
    let (_daemon, time) = client(unit_dir.path(), stranger);
    time.set_ntp(None).unwrap();
    let off = time.ntp_status();
    assert!(
        !off.synchronised && off.last_sync.is_none() && off.error.is_some(),
        "{off:?}"
    );

    // The server is away: nothing is claimed.
    time.set_ntp(Some(&plan(port))).unwrap();
    eventually("no answer is told", || {
        time.ntp_status()
            .error
            .is_some_and(|e| e == "no answer from 127.0.0.1")
    });
    assert_eq!(time.ntp_status().last_sync, None);

    let _server = server(server_dir.path(), port);
    // Asked anew, so that the test need not wait for the next poll.
    time.set_ntp(None).unwrap();
    time.set_ntp(Some(&plan(port))).unwrap();
    eventually("it synchronises", || time.ntp_status().synchronised);
    let s = time.ntp_status();
    assert_eq!((s.source.as_deref(), s.error), (Some("127.0.0.1"), None));
    assert!(s.stratum.is_some_and(|n| n > 5));
    let now = platecam_model::SystemClock::default().now();
    assert!(
        now.abs_diff(s.last_sync.unwrap()) < PATIENCE,
        "{:?}",
        s.last_sync
    );
    assert!(s.offset_ms.is_some_and(|ms| ms.abs() < 1000.0));
}

fn logged(events: &mut Subscription) -> Vec<String> {
    let mut out = Vec::new();
    while let Ok(event) = events.try_recv() {
        match &*event {
            Event {
                kind: EventKind::Log(entry),
                ..
            } => out.push(entry.text.clone()),
            Event {
                kind: EventKind::ClockSynchronised { source, .. },
                ..
            } => out.push(format!("sync {source}")),
            _ => {}
        }
    }
    out
}

/// SYS-17: a failing server is logged once and asked again; the time set by hand stays.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failing_server_is_logged_once_and_its_return_too() {
    let (server_dir, unit_dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let port = free_port();
    let (_daemon, time) = client(unit_dir.path(), free_port());
    let time = Arc::new(time);
    let device = customised(|parts| {
        parts.time = time.clone();
        parts.clock = Arc::new(platecam_model::SystemClock::default());
    })
    .device;
    let mut events = device.bus.subscribe();
    let pace = TimePace {
        clock: Duration::from_millis(100),
        ntp: Duration::from_millis(200),
        grace: Duration::from_millis(1500),
    };
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let keeper = tokio::spawn(keep_time(device.clone(), pace, async {
        let _ = stopped.await;
    }));
    let by = somebody();
    let on = json!({"ntp_enabled": true, "ntp_server": "127.0.0.1", "ntp_port": port, "ntp_update_minutes": 1});
    device.settings.patch("time", &on, None, &by).unwrap();
    let mut seen = Vec::new();
    eventually("the failure is logged", || {
        seen.extend(logged(&mut events));
        seen.iter()
            .any(|s| s.starts_with("NTP does not work: no answer from 127.0.0.1"))
    });
    // Several further looks, bounded by what the daemon does in the meantime.
    for _ in 0..5 {
        assert!(!time.ntp_status().synchronised);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    seen.extend(logged(&mut events));
    assert_eq!(
        seen.len(),
        1,
        "told once, nothing synchronised, no jump: {seen:?}"
    );

    let _server = server(server_dir.path(), port);
    let off = json!({"ntp_enabled": false});
    device.settings.patch("time", &off, None, &by).unwrap();
    let sources = unit_dir.path().join("sources.d/platecam.sources");
    let servers = || {
        fs::read_to_string(&sources)
            .unwrap()
            .matches("\nserver ")
            .count()
    };
    eventually("the daemon is left alone", || servers() == 0);
    device.settings.patch("time", &on, None, &by).unwrap();
    eventually("the return is logged", || {
        seen.extend(logged(&mut events));
        seen.iter()
            .any(|s| s.contains("follows the NTP server 127.0.0.1"))
            && seen.iter().any(|s| s == "sync 127.0.0.1")
    });
    assert_eq!(servers(), 1);
    drop(stop);
    keeper.await.unwrap();
}

/// SYS-17: while NTP is off nobody sets the clock, also not the machine's own servers after a restart of the
/// daemon.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_of_others_are_kept_off() {
    let (server_dir, unit_dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let stranger = free_port();
    let _server = server_at(server_dir.path(), "127.0.0.2", stranger);
    let (_daemon, time) = client(unit_dir.path(), stranger);
    let time = Arc::new(time);
    eventually("the machine's own server is followed", || {
        time.ntp_status().source.is_some()
    });
    let device = customised(|parts| parts.time = time.clone()).device;
    let pace = TimePace {
        clock: Duration::from_millis(100),
        ntp: Duration::from_millis(300),
        ..TimePace::default()
    };
    // Nobody has set the time of this unit, the unit itself at its first start apart: the machine's daemon goes on.
    let zone = json!({"zone_name": "Europe/Berlin"});
    let unit = Actor::system();
    device.settings.patch("time", &zone, None, &unit).unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let keeper = tokio::spawn(keep_time(device.clone(), pace, async {
        let _ = stopped.await;
    }));
    let sources = unit_dir.path().join("sources.d/platecam.sources");
    for _ in 0..5 {
        tokio::time::sleep(pace.ntp).await;
        assert!(time.ntp_status().source.is_some(), "the machine's own time");
        assert!(!sources.exists(), "nothing of ours");
    }
    // Now somebody has, and NTP is off.
    let format = json!({"time_format": "12-hour"});
    device
        .settings
        .patch("time", &format, None, &somebody())
        .unwrap();
    eventually("it is switched off", || time.ntp_status().source.is_none());
    // What a restart of the daemon does.
    let online = Command::new("chronyc")
        .arg("-h")
        .arg(unit_dir.path().join("client.sock"))
        .arg("online")
        .stdout(Stdio::null())
        .status();
    assert!(online.unwrap().success());
    let activity = || {
        let out = Command::new("chronyc")
            .arg("-h")
            .arg(unit_dir.path().join("client.sock"))
            .args(["-c", "activity"])
            .output();
        // Online, offline, and three more numbers.
        String::from_utf8_lossy(&out.unwrap().stdout)
            .trim()
            .starts_with("0,1")
    };
    eventually("it is switched off again", || {
        activity() && time.ntp_status().source.is_none()
    });
    drop(stop);
    keeper.await.unwrap();
}

/// SYS-16: whoever sets the clock, everybody hears of it, once.
#[tokio::test]
async fn jumps_of_the_clock_are_told() {
    let t = initialised();
    let mut events = t.device.bus.subscribe();
    let pace = TimePace {
        clock: Duration::from_millis(5),
        ..TimePace::default()
    };
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let keeper = tokio::spawn(keep_time(t.device.clone(), pace, async {
        let _ = stopped.await;
    }));
    // One thread: the keeper has read both clocks once it was polled.
    tokio::task::yield_now().await;
    let before = t.clock.now();
    let to = platecam_model::time::WallTime::Utc("2031-01-01T00:00:00Z".parse().unwrap());
    let how = platecam_model::time::ClockSource::Manual;
    let (_, after) = t.device.set_clock(&Actor::system(), to, how).unwrap();
    let jump = loop {
        let event = tokio::time::timeout(PATIENCE, events.recv())
            .await
            .unwrap()
            .unwrap();
        if let EventKind::ClockJumped { before, after } = event.kind {
            break (before, after);
        }
    };
    assert_eq!(jump, (before, after));
    t.clock.advance(Duration::from_secs(3600));
    drop(stop);
    keeper.await.unwrap();
    let more = std::iter::from_fn(|| events.try_recv().ok());
    assert_eq!(
        more.filter(|e| matches!(e.kind, EventKind::ClockJumped { .. }))
            .count(),
        0
    );
}

/// DEVICE-2-1-14: the daemon follows the servers of the lease while there are some, and the entered ones otherwise.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_come_from_dhcp() {
    let t = initialised();
    let pace = TimePace {
        clock: Duration::from_millis(50),
        ntp: Duration::from_millis(100),
        ..TimePace::default()
    };
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let keeper = tokio::spawn(keep_time(t.device.clone(), pace, async {
        let _ = stopped.await;
    }));
    let by = somebody();
    let set = |key: &str, value: serde_json::Value| {
        t.device.settings.patch(key, &value, None, &by).unwrap();
    };
    let follows = |server: &str| t.time.plan().is_some_and(|p| p.servers == [server]);
    set(
        "time",
        json!({"ntp_enabled": true, "ntp_from_dhcp": true, "ntp_server": "ntp.example"}),
    );
    eventually("nobody gave one: the entered server", || {
        follows("ntp.example")
    });
    set("net.ip", json!({"managed": true}));
    t.device.serve_network();
    eventually("the server of the lease", || follows("192.0.2.1"));
    set("time", json!({"ntp_from_dhcp": false}));
    eventually("the entered server", || follows("ntp.example"));
    drop(stop);
    keeper.await.unwrap();
}
