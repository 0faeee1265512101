//! The running unit uploads to OpenSSH's server and is killed in the middle of it, its memory card pulled and put back (FTP-2, FTP-9, GEN-12, STOR-9). On a machine of its
//! own (`conformance/netns/run.sh`); needs root.

use std::{
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use conformance::{Camera, Options, QUIET, Web, run_inside};
use serde_json::json;

const PATIENCE: Duration = Duration::from_secs(120);
const PASSWORD: &str = "Right-2026";
/// Times that the unit is killed.
const KILLS: usize = 4;

#[test]
fn a_killed_unit_uploads_everything_once() {
    run_inside("none").unwrap();
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
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
    assert!(child.wait().unwrap().success(), "{program}");
}

fn sshd(dir: &Path) -> (Running, u16) {
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let key = dir.join("key").to_string_lossy().into_owned();
    run(
        "ssh-keygen",
        &["-q", "-t", "ed25519", "-N", "", "-f", &key],
        "",
    );
    fs::create_dir_all("/run/sshd").unwrap();
    let child = Command::new("/usr/sbin/sshd")
        .args([
            "-D",
            "-e",
            "-f",
            "/dev/null",
            "-h",
            &key,
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
    let end = Instant::now() + PATIENCE;
    loop {
        let answered = TcpStream::connect(("127.0.0.1", port))
            .is_ok_and(|mut s| s.read(&mut [0; 3]).is_ok_and(|n| n > 0));
        if answered {
            return (child, port);
        }
        assert!(Instant::now() < end, "sshd does not answer");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[tokio::test]
#[ignore = "runs within the test above"]
async fn inside() {
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
    let (_server, port) = sshd(dir.path());
    let state = dir.path().join("state");
    // The card is pulled and put back while the unit is dead, and while it lives.
    let (card, pulled) = (dir.path().join("card"), dir.path().join("pulled"));
    fs::create_dir(&card).unwrap();
    let options = Options {
        source: QUIET.into(),
        args: ["--card", card.to_str().unwrap()].map(Into::into).into(),
        ..Options::default()
    };
    let mut camera = Camera::start_in(&options, &state).unwrap();
    let mut web = Web::login(&camera).await.unwrap();
    let wanted = json!({
        "enabled": true, "spot": "Both", "host": "127.0.0.1", "port": port, "username": "up", "password": PASSWORD,
        "name_rule": "{event}_{number}",
    });
    let (status, answer) = web.change("upload.server", wanted).await.unwrap();
    assert_eq!(status, 200, "{answer}");
    let (status, tested) = web
        .send("POST", "/api/v1/upload/test", Some(json!({})))
        .await
        .unwrap();
    assert_eq!((status, &tested["sent"]), (200, &json!(true)), "{tested}");
    let mut taken = Vec::new();
    for round in 0..KILLS {
        // Taken as fast as the unit can; killed while they are on their way.
        for _ in 0..8 {
            let (status, record) = web
                .send("POST", "/api/v1/snapshots", Some(json!({})))
                .await
                .unwrap();
            assert_eq!(status, 201, "{record}");
            taken.push(record["id"].as_i64().unwrap());
        }
        if round == 1 {
            fs::rename(&card, &pulled).unwrap();
        }
        camera.kill().unwrap();
        if round == 2 {
            fs::rename(&pulled, &card).unwrap();
        }
        camera = Camera::start_in(&options, &state).unwrap();
        web = Web::login(&camera).await.unwrap();
    }
    let end = Instant::now() + PATIENCE;
    loop {
        let now = web.get("/api/v1/upload").await.unwrap();
        if now["state"] == "idle" && now["waiting"] == 0 {
            assert!(
                now["host_key"].as_str().unwrap().starts_with("SHA256:"),
                "{now}"
            );
            break;
        }
        assert!(Instant::now() < end, "never all: {now}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let storage = web.get("/api/v1/storage").await.unwrap();
    assert_eq!(storage["card"]["state"], "ready", "{storage}");
    assert!(card.join("platecam").exists(), "pictures are on the card");
    let mut found: Vec<_> = fs::read_dir(&home)
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    found.sort();
    let mut expect: Vec<_> = taken.iter().map(|id| format!("manual_{id}.jpg")).collect();
    expect.sort();
    assert_eq!(found, expect, "each once, whole, and no pieces");
    for id in taken {
        let there = fs::read(home.join(format!("manual_{id}.jpg"))).unwrap();
        assert!(
            there.starts_with(b"\xff\xd8") && there.ends_with(b"\xff\xd9"),
            "record {id}"
        );
    }
}
