//! Upload to real servers, OpenSSH's SFTP and vsftpd, on a machine of its own (`conformance/netns/run.sh`): FTP-1..12, STOR-9.
//! Needs root.

use std::{
    fs,
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use platecam_host::{
    Database, PicturePlaces, RecordLimits, RecordStore, UploadPace, UploadParts, Uploader,
};
use platecam_model::{
    Actor, Error, EventKind, LogKind, NewRecord, NewSecond, RecordId, RecordQuery, Subscription,
    UtcTime,
    ports::{Records, UploadState, UploadStatus, Uploads},
    testing::{TestDevice, initialised, new_record},
};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(60);
const PASSWORD: &str = "Right-2026";

#[test]
fn servers_take_pictures() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance/netns/run.sh");
    let done = Command::new(script)
        .arg("none")
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "inside", "--ignored", "--nocapture"])
        .output()
        .unwrap();
    let said = [done.stdout, done.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(done.status.success() && said.contains("1 passed"), "{said}");
}

fn run(program: &str, args: &[&str], input: &str) {
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    assert!(child.wait().unwrap().success(), "{program} {args:?}");
}

/// Ends a program with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A cable to a server that can be cut.
#[derive(Clone)]
struct Cable {
    port: u16,
    to: Arc<Mutex<Option<u16>>>,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Cable {
    fn new(to: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let this = Self {
            port: listener.local_addr().unwrap().port(),
            to: Arc::new(Mutex::new(Some(to))),
            open: Arc::default(),
        };
        let cable = this.clone();
        std::thread::spawn(move || {
            for near in listener.incoming() {
                let near = near.unwrap();
                let Some(to) = *cable.to.lock().unwrap() else {
                    continue;
                };
                let Ok(far) = TcpStream::connect(("127.0.0.1", to)) else {
                    continue;
                };
                for (mut from, mut into) in [
                    (near.try_clone().unwrap(), far.try_clone().unwrap()),
                    (far.try_clone().unwrap(), near.try_clone().unwrap()),
                ] {
                    std::thread::spawn(move || {
                        let _ = std::io::copy(&mut from, &mut into);
                        let _ = into.shutdown(Shutdown::Both);
                    });
                }
                cable.open.lock().unwrap().extend([near, far]);
            }
        });
        this
    }

    fn plug(&self, to: Option<u16>) {
        *self.to.lock().unwrap() = to;
        for stream in self.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

fn answers(port: u16) {
    until("a server answers", || {
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else {
            return false;
        };
        stream.read(&mut [0; 3]).is_ok_and(|n| n > 0)
    });
}

fn sshd(dir: &Path, key: &str) -> (Running, u16) {
    let port = free_port();
    let file = dir.join(key).to_string_lossy().into_owned();
    if !dir.join(key).exists() {
        run(
            "ssh-keygen",
            &["-q", "-t", "ed25519", "-N", "", "-f", &file],
            "",
        );
    }
    fs::create_dir_all("/run/sshd").unwrap();
    let child = Command::new("/usr/sbin/sshd")
        .args([
            "-D",
            "-e",
            "-f",
            "/dev/null",
            "-h",
            &file,
            "-p",
            &port.to_string(),
        ])
        .args([
            "-o",
            "ListenAddress=127.0.0.1",
            "-o",
            "UsePAM=no",
            "-o",
            "PidFile=none",
        ])
        .args([
            "-o",
            "PasswordAuthentication=yes",
            "-o",
            "Subsystem=sftp internal-sftp",
        ])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let child = Running(child);
    answers(port);
    (child, port)
}

fn vsftpd(dir: &Path) -> (Running, u16) {
    let port = free_port();
    let config = dir.join("vsftpd.conf");
    let text = format!(
        "listen=YES\nbackground=NO\nlisten_port={port}\nlisten_address=127.0.0.1\nlocal_enable=YES\nwrite_enable=YES\n\
         anonymous_enable=NO\npam_service_name=vsftpd\nseccomp_sandbox=NO\nisolate=NO\nisolate_network=NO\n\
         local_umask=022\nsecure_chroot_dir=/run/vsftpd/empty\nxferlog_enable=NO\n"
    );
    fs::create_dir_all("/run/vsftpd/empty").unwrap();
    fs::write(&config, text).unwrap();
    let child = Command::new("/usr/sbin/vsftpd")
        .arg(&config)
        .spawn()
        .unwrap();
    let child = Running(child);
    answers(port);
    (child, port)
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "never happened: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A unit without the rest of it.
struct Unit {
    t: TestDevice,
    _dir: Option<tempfile::TempDir>,
    db: Database,
    records: Arc<RecordStore>,
    log: Subscription,
}

impl Unit {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let unit = Self::at(dir.path());
        Self {
            _dir: Some(dir),
            ..unit
        }
    }

    fn at(dir: &Path) -> Self {
        let t = initialised();
        let db = Database::open(&dir.join("db")).unwrap();
        let limits = RecordLimits::default();
        let places = PicturePlaces::new(t.card.clone(), t.device.settings.clone(), "PC1");
        let records = RecordStore::open(db.clone(), dir.join("pictures"), limits)
            .unwrap()
            .with_places(places);
        Self {
            log: t.device.bus.subscribe(),
            t,
            _dir: None,
            db,
            records: Arc::new(records),
        }
    }

    fn start(&self) -> Uploader {
        let parts = UploadParts {
            card: self.t.card.clone(),
            db: self.db.clone(),
            records: self.records.clone(),
            settings: self.t.device.settings.clone(),
            bus: self.t.device.bus.clone(),
            clock: self.t.clock.clone(),
            serial: "PC1".into(),
        };
        let pace = UploadPace {
            first_retry: Duration::from_millis(50),
            longest_retry: Duration::from_millis(200),
            refused_retry: Duration::from_secs(600),
        };
        Uploader::start(parts, pace).unwrap()
    }

    fn set(&self, value: Value) {
        let by = Actor::system();
        self.t
            .device
            .settings
            .patch("upload.server", &value, None, &by)
            .unwrap();
    }

    /// A vehicle drives by; its pictures are large enough to take a while.
    fn drive(&self, plate: &str) {
        let mut new = new_record(plate, UtcTime::from_millis(1_795_000_000_000));
        new.full = vec![plate.len() as u8; 300_000].into();
        self.store(new);
    }

    fn store(&self, new: NewRecord) {
        let record = self.records.insert(new).unwrap();
        let bus = &self.t.device.bus;
        bus.publish(
            record.captured_at,
            EventKind::RecordStored(Arc::new(record)),
        );
    }

    fn told(&mut self, kind: LogKind) -> Vec<String> {
        let mut texts = Vec::new();
        while let Ok(event) = self.log.try_recv() {
            if let EventKind::Log(entry) = &event.kind
                && entry.kind == kind
            {
                texts.push(entry.text.clone());
            }
        }
        texts
    }
}

/// Names of what the server has, in order.
fn files(folder: &Path) -> Vec<String> {
    let mut found: Vec<_> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    found.sort();
    found
}

fn pair(plate: &str, number: u32) -> [String; 2] {
    [
        format!("{plate}_{number}.jpg"),
        format!("{plate}_{number}_plate.jpg"),
    ]
}

fn idle(up: &Uploader) -> UploadStatus {
    until("all is uploaded", || {
        let s = up.status();
        s.state == UploadState::Idle && s.waiting == 0
    });
    up.status()
}

#[test]
#[ignore = "runs within the test above"]
fn inside() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    fs::create_dir_all(&home).unwrap();
    for folder in [dir.path(), &home] {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    }
    run(
        "useradd",
        &["-M", "-d", home.to_str().unwrap(), "-s", "/bin/sh", "up"],
        "",
    );
    run("chpasswd", &[], &format!("up:{PASSWORD}\n"));
    run("chown", &["up", home.to_str().unwrap()], "");
    let (_ssh, ssh_port) = sshd(dir.path(), "key");
    let (_ftp, ftp_port) = vsftpd(dir.path());
    for (protocol, port) in [("SFTP", ssh_port), ("FTP", ftp_port)] {
        println!("{protocol}");
        outage(protocol, port, &home);
        skipped(protocol, port, &home);
        killed(protocol, port, &home);
    }
    card(ssh_port, &home);
    server_alone(ssh_port, &home);
    keys(dir.path(), ssh_port, &home);
}

/// GEN-12, GEN-13, FTP-2, STOR-9: pictures of an outage wait on the card; what is on a card that was pulled is uploaded when it is
/// back, once, and holds up nothing else.
fn card(port: u16, home: &Path) {
    let unit = Unit::new();
    let cable = Cable::new(port);
    let mut up = unit.start();
    unit.set(settings("SFTP", &cable, "card"));
    let folder: PathBuf = home.join("card/2026");
    idle(&up);
    let told = || {
        let card = unit.t.card.status.lock().clone();
        let now = unit.t.device.clock.now();
        unit.t.device.bus.publish(now, EventKind::Card(card.into()));
    };
    unit.t.card.insert("aa", 1 << 30);
    told();
    cable.plug(None);
    unit.drive("A");
    unit.drive("B");
    assert_eq!(unit.t.card.files().len(), 4);
    until("the outage is seen", || {
        up.status().state == UploadState::Retrying
    });
    unit.t.card.pull();
    told();
    unit.drive("C");
    cable.plug(Some(port));
    until("the one in the unit arrives", || up.status().waiting == 2);
    assert_eq!(files(&folder), pair("C", 3));
    // Nothing of that is forgotten by a restart.
    drop(up);
    up = unit.start();
    until("it is idle", || up.status().state == UploadState::Idle);
    assert_eq!(up.status().waiting, 2);
    // Another card is not the one.
    unit.t.card.put_back("bb", 1 << 30);
    told();
    unit.t.card.put_back("aa", 1 << 30);
    told();
    assert_eq!(idle(&up).uploaded, 4);
    let all = [pair("A", 1), pair("B", 2), pair("C", 3)].concat();
    assert_eq!(files(&folder), all);
    unit.t.card.pull();
    unit.t.card.put_back("aa", 1 << 30);
    told();
    unit.drive("D");
    until("the next one arrives", || up.status().uploaded == 6);
    assert_eq!(idle(&up).uploaded, 6, "once");
}

/// STOR-1, C-10: with the server alone, pictures leave the unit when they are there; those of an outage before ANR is off, too.
fn server_alone(port: u16, home: &Path) {
    let unit = Unit::new();
    let cable = Cable::new(port);
    let up = unit.start();
    let mut server = settings("SFTP", &cable, "alone");
    server["spot"] = json!("FTP");
    unit.set(server);
    idle(&up);
    unit.t.card.insert("aa", 1 << 30);
    cable.plug(None);
    unit.drive("A");
    until("the outage is seen", || {
        up.status().state == UploadState::Retrying
    });
    assert_eq!(unit.t.card.files().len(), 2, "it waits");
    cable.plug(Some(port));
    assert_eq!(idle(&up).uploaded, 2);
    until("it leaves the card", || unit.t.card.files().is_empty());
    assert_eq!(files(&home.join("alone/2026")), pair("A", 1));
    assert!(!unit.records.get(RecordId(1)).unwrap().has_picture);
    unit.set(json!({"anr": false}));
    cable.plug(None);
    unit.drive("B");
    until("it is skipped", || up.status().skipped == 1);
    until("it is not kept", || unit.t.card.files().is_empty());
    // Switched off, what comes is kept in the unit.
    unit.set(json!({"enabled": false}));
    until("it is off", || up.status().state == UploadState::Off);
    unit.drive("C");
    assert_eq!(unit.t.card.files().len(), 2);
}

fn settings(protocol: &str, cable: &Cable, folder: &str) -> Value {
    json!({
        "enabled": true, "spot": "Both", "protocol": protocol, "host": "127.0.0.1", "port": cable.port,
        "username": "up", "password": PASSWORD, "directory": folder, "name_rule": "{year}/{plate}_{number}",
    })
}

/// FTP-2, 4..10, STOR-9: what waits in an outage arrives in order, once, over restarts of the unit.
fn outage(protocol: &str, port: u16, home: &Path) {
    let mut unit = Unit::new();
    let cable = Cable::new(port);
    let up = unit.start();
    unit.drive("BEFORE");
    unit.set(settings(protocol, &cable, &format!("anr-{protocol}")));
    let folder: PathBuf = home.join(format!("anr-{protocol}/2026"));
    // Only what comes from now on.
    idle(&up);
    unit.drive("A");
    until("the first arrives", || up.status().uploaded == 2);
    assert_eq!(files(&folder), pair("A", 2));
    assert_eq!(fs::read(folder.join("A_2.jpg")).unwrap(), vec![1; 300_000]);
    assert!(
        up.status()
            .last_name
            .unwrap()
            .ends_with("2026/A_2_plate.jpg")
    );
    assert_eq!(up.status().host_key.is_some(), protocol == "SFTP");
    up.test().unwrap();
    assert_eq!(
        files(&home.join(format!("anr-{protocol}"))),
        ["2026"],
        "the test left nothing"
    );

    cable.plug(None);
    for plate in ["B", "C", "D"] {
        unit.drive(plate);
    }
    until("the outage is seen", || {
        up.status().state == UploadState::Retrying
    });
    assert_eq!(up.status().waiting, 3);
    assert!(up.test().is_err());
    drop(up);
    unit.drive("E");
    let up = unit.start();
    until("it is still there", || up.status().waiting == 4);
    until("the outage is seen again", || {
        up.status().state == UploadState::Retrying
    });
    assert_eq!(files(&folder).len(), 2, "nothing came meanwhile");
    cable.plug(Some(port));
    let status = idle(&up);
    assert_eq!(status.uploaded, 8);
    let all = [
        pair("A", 2),
        pair("B", 3),
        pair("C", 4),
        pair("D", 5),
        pair("E", 6),
    ]
    .concat();
    assert_eq!(files(&folder), all);
    let time = |name: &str| fs::metadata(folder.join(name)).unwrap().modified().unwrap();
    assert!(time("B_3.jpg") <= time("C_4.jpg") && time("D_5.jpg") <= time("E_6.jpg"));
    let told = unit.told(LogKind::Storage);
    assert!(
        told.iter().any(|t| t.contains("Pictures wait in the unit")),
        "{told:?}"
    );
    assert!(
        told.iter().any(|t| t.contains("takes pictures again")),
        "{told:?}"
    );

    // The cable is cut again and again in the middle of it: all arrive, whole, once.
    for n in 0..12 {
        unit.drive(&format!("X{n:02}"));
        std::thread::sleep(Duration::from_millis(15));
        cable.plug(Some(port));
    }
    idle(&up);
    let names = files(&folder);
    assert_eq!(names.len(), 10 + 24, "{names:?}");
    for n in 0..12 {
        let whole = fs::read(folder.join(format!("X{n:02}_{}.jpg", 7 + n))).unwrap();
        assert_eq!(whole, vec![3; 300_000]);
    }

    // SNAPRULE-4: a second picture arrives beside the first.
    let mut new = new_record("TWICE", UtcTime::from_millis(1_795_000_000_000));
    new.second = Some(NewSecond {
        captured_at: UtcTime::from_millis(1_795_000_001_000),
        jpeg: vec![9; 1000].into(),
    });
    unit.store(new);
    idle(&up);
    let mut names = files(&folder);
    names.retain(|n| n.starts_with("TWICE"));
    let expect = ["", "_plate", "_second"].map(|kind| format!("TWICE_19{kind}.jpg"));
    assert_eq!(names, expect);
    assert_eq!(fs::read(folder.join(&expect[2])).unwrap(), vec![9; 1000]);

    // So does one that comes when its record is uploaded, over a restart too; a record that gets none is done all the same.
    let quantity = json!({"snapshot_quantity": 2});
    let settings = &unit.t.device.settings;
    settings
        .patch("lpr.recognition", &quantity, None, &Actor::system())
        .unwrap();
    let late = |plate| {
        unit.drive(plate);
        let page = unit.records.search(&RecordQuery::default()).unwrap();
        page.items[0].id
    };
    let add = |id| {
        let second = NewSecond {
            captured_at: UtcTime::from_millis(1_795_000_001_000),
            jpeg: vec![8; 1000].into(),
        };
        let both = unit.records.add_second(id, second).unwrap();
        let told = EventKind::SecondStored(both.clone().into());
        unit.t.device.bus.publish(both.captured_at, told);
    };
    let id = late("LATE");
    idle(&up);
    assert_eq!(
        files(&folder)
            .iter()
            .filter(|n| n.starts_with("LATE"))
            .count(),
        2
    );
    add(id);
    let arrives = |name: String| {
        until(&name, || folder.join(&name).exists());
        assert_eq!(fs::read(folder.join(&name)).unwrap(), vec![8; 1000]);
    };
    arrives(format!("LATE_{}_second.jpg", id.0));
    let id = late("AGAIN");
    late("NEVER");
    idle(&up);
    drop(up);
    add(id);
    let up = unit.start();
    arrives(format!("AGAIN_{}_second.jpg", id.0));
    idle(&up);

    // FTP-9: a clear answer.
    unit.set(json!({"password": "wrong"}));
    let refused = up.test().unwrap_err().to_string();
    assert!(refused.contains("user name or password"), "{refused}");
    unit.set(json!({"password": PASSWORD, "directory": "/proc"}));
    let refused = up.test().unwrap_err().to_string();
    assert!(refused.contains("refuses the file"), "{refused}");
}

/// FTP-2, STOR-3: without ANR what comes in an outage is skipped and counted.
fn skipped(protocol: &str, port: u16, home: &Path) {
    let mut unit = Unit::new();
    let cable = Cable::new(port);
    cable.plug(None);
    let up = unit.start();
    unit.set(settings(protocol, &cable, &format!("plain-{protocol}")));
    unit.set(json!({"anr": false, "plate": false}));
    idle(&up);
    for plate in ["A", "B"] {
        unit.drive(plate);
    }
    until("both are skipped", || up.status().skipped == 2);
    assert_eq!(up.status().waiting, 0);
    cable.plug(Some(port));
    until("the next arrives", || {
        unit.drive("C");
        std::thread::sleep(Duration::from_millis(300));
        up.status().uploaded > 0
    });
    idle(&up);
    let names = files(&home.join(format!("plain-{protocol}/2026")));
    assert!(
        names
            .iter()
            .all(|n| n.starts_with("C_") && !n.contains("plate")),
        "{names:?}"
    );
    let told = unit.told(LogKind::Storage);
    assert!(
        told.iter()
            .any(|t| t.contains("of the outage were skipped")),
        "{told:?}"
    );
}

/// FTP-11: another key is refused, with an alarm, until somebody forgets the first one.
fn keys(dir: &Path, port: u16, home: &Path) {
    let mut unit = Unit::new();
    let cable = Cable::new(port);
    let up = unit.start();
    unit.set(settings("SFTP", &cable, "keys"));
    idle(&up);
    unit.drive("A");
    until("the first arrives", || up.status().uploaded == 2);
    let known = up.status().host_key.unwrap();
    let shown = Command::new("ssh-keygen")
        .arg("-lf")
        .arg(dir.join("key.pub"))
        .output()
        .unwrap();
    assert!(
        String::from_utf8_lossy(&shown.stdout).contains(&known),
        "{known}"
    );

    let (_other, other_port) = sshd(dir, "other");
    cable.plug(Some(other_port));
    unit.drive("B");
    let refused = "somebody may stand in between";
    let error = || up.status().last_error.unwrap_or_default();
    until("it is refused", || error().contains(refused));
    assert!(error().contains(&known), "{}", error());
    assert!(up.test().unwrap_err().to_string().contains("shows the key"));
    let told = unit.told(LogKind::Alarm);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(files(&home.join("keys/2026")), pair("A", 1));
    // Both are shown, and only the one that was shown can be taken.
    let offered = up.status().offered_key.unwrap();
    assert_eq!(up.status().host_key.as_ref(), Some(&known));
    assert!(error().contains(&offered), "{}", error());
    let e = up.accept_key(&known).unwrap_err();
    assert!(matches!(e, Error::Conflict(_)), "{e}");
    up.accept_key(&offered).unwrap();
    assert_eq!(up.status().offered_key, None);
    until("it goes on", || up.status().uploaded == 4);
    assert_eq!(up.status().host_key.as_ref(), Some(&offered));
    cable.plug(Some(port));
    until("the first key is another now", || up.test().is_err());
    assert_eq!(up.status().offered_key.as_ref(), Some(&known));
    up.forget_keys().unwrap();
    assert_eq!(up.status().offered_key, None);
    up.test().unwrap();

    // A pinned key counts more than what is remembered.
    unit.set(json!({"host_key": offered}));
    assert!(up.test().unwrap_err().to_string().contains("shows the key"));
    let now = up.status();
    assert_eq!(
        (now.host_key, now.offered_key),
        (Some(offered.clone()), Some(known.clone()))
    );
    let e = up.accept_key(&known).unwrap_err();
    assert!(e.to_string().contains("settings"), "{e}");
    cable.plug(Some(other_port));
    up.test().unwrap();
    assert_eq!(up.status().offered_key, None);
}

/// What is killed.
const VICTIM: &str = "UPLOAD_VICTIM";
/// Records of each life of the victim, and its lives.
const RECORDS: usize = 6;
const LIVES: u64 = 8;

/// FTP-2, STOR-9: nothing is lost or doubled however often the unit is killed in the middle of it.
fn killed(protocol: &str, port: u16, home: &Path) {
    let dir = tempfile::tempdir().unwrap();
    for life in 0..=LIVES {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "victim", "--ignored", "--nocapture"])
            .env(
                VICTIM,
                format!("{protocol} {port} {}", dir.path().display()),
            )
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        if life == LIVES {
            // The last one may finish.
            let mut said = String::new();
            child
                .stdout
                .take()
                .unwrap()
                .read_to_string(&mut said)
                .unwrap();
            assert!(child.wait().unwrap().success(), "{said}");
            break;
        }
        // It has taken its records once it says so.
        let mut out = child.stdout.take().unwrap();
        let mut said = Vec::new();
        let mut byte = [0];
        while !said.ends_with(b"recorded") {
            assert_eq!(out.read(&mut byte).unwrap(), 1, "{said:?}");
            said.push(byte[0]);
        }
        std::thread::sleep(Duration::from_millis(37 * life));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let count = RECORDS * (LIVES as usize + 1);
    let folder = home.join(format!("kill-{protocol}/2026"));
    let mut expect: Vec<_> = (1..=count as u32).flat_map(|n| pair("V", n)).collect();
    expect.sort();
    assert_eq!(
        files(&folder),
        expect,
        "{protocol}: each once, and no pieces"
    );
    for n in 1..=count {
        let whole = fs::read(folder.join(format!("V_{n}.jpg"))).unwrap();
        assert!(whole == vec![1; 300_000], "{protocol}: {n} is whole");
    }
}

#[test]
#[ignore = "is killed by the test above"]
fn victim() {
    let told = std::env::var(VICTIM).unwrap();
    let mut told = told.split(' ');
    let mut next = || told.next().unwrap();
    let (protocol, port, dir) = (next(), next(), next());
    let unit = Unit::at(Path::new(dir));
    let mut wanted = settings(
        protocol,
        &Cable::new(port.parse().unwrap()),
        &format!("kill-{protocol}"),
    );
    wanted["port"] = json!(port.parse::<u16>().unwrap());
    unit.set(wanted);
    let up = unit.start();
    // What the first life takes must come after its upload began.
    idle_or_busy(&up);
    for _ in 0..RECORDS {
        unit.drive("V");
    }
    println!("recorded");
    idle(&up);
}

/// The upload knows where it stands.
fn idle_or_busy(up: &Uploader) {
    until("it begins", || up.status().state != UploadState::Off);
}
