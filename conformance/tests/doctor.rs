//! `platecam doctor`, `health`, `legal`: contracts of the command line.

use std::process::{Command, Output};

use conformance::{Camera, Options, QUIET, binary};

fn platecam(args: &[&str]) -> Output {
    Command::new(binary().unwrap()).args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn doctor_finds_a_fit_machine_fit_and_a_taken_port_taken() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let free = || {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port().to_string()
    };
    let (http, https, rtsp) = (free(), free(), free());
    let args = [
        "doctor",
        "--json",
        "--listen",
        "127.0.0.1",
        "--state-dir",
        state.to_str().unwrap(),
        "--http-port",
        &http,
        "--https-port",
        &https,
        "--rtsp-port",
        &rtsp,
    ];
    let o = platecam(&args);
    let found: serde_json::Value = serde_json::from_slice(&o.stdout).unwrap();
    assert!(o.status.success(), "{found}");
    let ids: Vec<_> = found["checks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["id"].as_str().unwrap())
        .collect();
    for id in [
        "gstreamer",
        "encoders",
        "recognition",
        "state",
        "disk",
        "clock",
        "port-web",
        "discovery",
    ] {
        assert!(ids.contains(&id), "{id}: {found}");
    }
    assert!(!state.exists(), "looking changes nothing");
    let taken = std::net::TcpListener::bind(("127.0.0.1", http.parse::<u16>().unwrap())).unwrap();
    let o = platecam(&args);
    assert_eq!(o.status.code(), Some(1));
    assert!(text(&o.stdout).contains("failed"), "{}", text(&o.stdout));
    drop(taken);
    let mut human = args.to_vec();
    human.remove(1);
    let o = platecam(&human);
    assert!(
        text(&o.stdout)
            .lines()
            .all(|l| l.starts_with("ok") || l.starts_with("warning")),
        "{}",
        text(&o.stdout)
    );
}

#[test]
fn health_answers_for_a_running_camera_and_fails_without_one() {
    let camera = Camera::start(&Options {
        source: QUIET.into(),
        ..Options::default()
    })
    .unwrap();
    let port = camera.http.to_string();
    let o = platecam(&["health", "--http-port", &port]);
    assert!(o.status.success(), "{}", text(&o.stderr));
    let running = platecam(&["doctor", "--state-dir", camera.state.to_str().unwrap()]);
    assert!(
        text(&running.stdout).contains("in use by a running camera"),
        "{}",
        text(&running.stdout)
    );
    camera.stop().unwrap();
    let o = platecam(&["health", "--http-port", &port]);
    assert_eq!(o.status.code(), Some(1));
    assert!(text(&o.stderr).contains(&port));
}

/// SYS-36.
#[test]
fn legal_prints_own_licence_and_those_of_others() {
    let o = platecam(&["legal"]);
    let text = text(&o.stdout);
    for part in [
        "Apache License",
        "rustls",
        "svelte",
        "onnxruntime",
        "Permission is hereby granted",
    ] {
        assert!(text.contains(part), "{part}");
    }
}
