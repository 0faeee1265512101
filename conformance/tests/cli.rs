//! The command line as a contract: exit codes, messages, state.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Output, Stdio},
    sync::mpsc,
    time::Duration,
};

use conformance::{Camera, Options, QUIET, binary, root};

fn platecam(args: &[&str]) -> Output {
    Command::new(binary().unwrap()).args(args).output().unwrap()
}

fn stderr(o: &Output) -> String {
    String::from_utf8_lossy(&o.stderr).into_owned()
}

#[test]
fn version_and_help_say_what_they_should() {
    let version = platecam(&["version"]);
    assert!(version.status.success());
    assert!(String::from_utf8_lossy(&version.stdout).starts_with("platecam 0."));
    let help = platecam(&["run", "--help"]);
    let text = String::from_utf8_lossy(&help.stdout);
    for option in [
        "--state-dir",
        "--listen",
        "--http-port",
        "--https-port",
        "--rtsp-port",
        "--source",
        "--max-sessions",
        "--no-discovery",
    ] {
        assert!(text.contains(option), "{option} is missing in --help");
    }
}

/// Bad input names what, which value and which bound; the state stays untouched.
#[test]
fn wrong_arguments_exit_with_2_and_leave_no_state() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let state = state.to_str().unwrap();
    for (args, says) in [
        (
            vec!["run", "--state-dir", state, "--source", "ftp://x"],
            "ftp",
        ),
        (
            vec!["run", "--state-dir", state, "--source", "file:"],
            "file",
        ),
        (
            vec!["run", "--state-dir", state, "--source", "v4l2:video0"],
            "v4l2",
        ),
        (
            vec!["run", "--state-dir", state, "--rtsp-port", "70000"],
            "70000",
        ),
        (
            vec!["run", "--state-dir", state, "--max-sessions", "5000"],
            "4096",
        ),
        (
            vec!["run", "--state-dir", state, "--listen", "300.0.0.1"],
            "300.0.0.1",
        ),
        (vec!["recognize", "--threads", "0", "x"], "1..=64"),
    ] {
        let o = platecam(&args);
        assert_eq!(o.status.code(), Some(2), "{args:?}: {}", stderr(&o));
        assert!(stderr(&o).contains(says), "{args:?}: {}", stderr(&o));
    }
    assert!(!Path::new(state).exists());
}

#[test]
fn an_unusable_state_directory_exits_with_3() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, b"").unwrap();
    let o = platecam(&[
        "run",
        "--state-dir",
        file.to_str().unwrap(),
        "--source",
        "test:",
    ]);
    assert_eq!(o.status.code(), Some(3), "{}", stderr(&o));
    assert!(stderr(&o).contains("file"), "{}", stderr(&o));
}

#[test]
fn a_second_process_on_the_same_state_is_refused() {
    let camera = Camera::start(&Options {
        source: QUIET.into(),
        ..Options::default()
    })
    .unwrap();
    let o = platecam(&[
        "run",
        "--state-dir",
        camera.state.to_str().unwrap(),
        "--source",
        "test:",
    ]);
    assert_eq!(o.status.code(), Some(3), "{}", stderr(&o));
    assert!(stderr(&o).contains("in use"), "{}", stderr(&o));
}

#[test]
fn a_taken_port_exits_with_4_and_names_it() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let dir = tempfile::tempdir().unwrap();
    let o = platecam(&[
        "run",
        "--state-dir",
        dir.path().to_str().unwrap(),
        "--source",
        "test:",
        "--listen",
        "127.0.0.1",
        "--http-port",
        "0",
        "--https-port",
        "0",
        "--rtsp-port",
        &port,
    ]);
    assert_eq!(o.status.code(), Some(4), "{}", stderr(&o));
    assert!(stderr(&o).contains(&port), "{}", stderr(&o));
}

#[test]
fn a_weak_initial_password_is_refused_and_a_good_one_counts_once() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let o = Command::new(binary().unwrap())
        .args([
            "run",
            "--source",
            "test:",
            "--state-dir",
            state.to_str().unwrap(),
        ])
        .env("PLATECAM_INITIAL_PASSWORD", "short")
        .output()
        .unwrap();
    assert_eq!(o.status.code(), Some(2), "{}", stderr(&o));
    assert!(
        stderr(&o).contains("8 to 32") && !stderr(&o).contains("short'"),
        "{}",
        stderr(&o)
    );
}

/// Ends cleanly within 2 s of SIGTERM. The bound is the contract with service managers; the
/// clock here is generous to a busy machine in everything else.
#[test]
fn sigterm_stops_cleanly() {
    let camera = Camera::demo().unwrap();
    let (status, took) = camera.stop().unwrap();
    assert!(status.success(), "{status}");
    println!("stopped in {took:?}");
}

#[test]
fn recognize_prints_one_line_a_plate() {
    let data = root().join("lpr-core/testdata");
    let truth = std::fs::read_to_string(data.join("labels.tsv")).unwrap();
    let mut files = Vec::new();
    for line in truth.lines().skip(1) {
        let name = line.split('\t').next().unwrap();
        if !files.contains(&name) {
            files.push(name);
        }
    }
    assert!(files.len() >= 4);
    let missing = data.join("missing.jpg");
    let o = Command::new(binary().unwrap())
        .arg("recognize")
        .args(files.iter().map(|f| data.join(f)))
        .arg(&missing)
        .output()
        .unwrap();
    assert_eq!(
        o.status.code(),
        Some(1),
        "a missing file is reported at the end: {}",
        stderr(&o)
    );
    assert!(stderr(&o).contains("missing.jpg"));
    let text = String::from_utf8(o.stdout).unwrap();
    for file in &files {
        let lines: Vec<_> = text
            .lines()
            .filter(|l| l.split('\t').next().unwrap().ends_with(file))
            .collect();
        assert!(!lines.is_empty(), "{file} has no line in\n{text}");
        for line in lines {
            let fields: Vec<_> = line.split('\t').collect();
            assert_eq!(fields.len(), 4, "{line}");
            if !fields[1].is_empty() {
                let confidence: f32 = fields[2].parse().unwrap();
                assert!((0.0..=1.0).contains(&confidence), "{line}");
                let numbers: Vec<i64> = fields[3].split(',').map(|n| n.parse().unwrap()).collect();
                assert!(
                    numbers.len() == 4 && numbers[2] > 0 && numbers[3] > 0,
                    "{line}"
                );
            }
        }
    }
    let json = Command::new(binary().unwrap())
        .args(["recognize", "--json"])
        .arg(data.join(files[0]))
        .output()
        .unwrap();
    assert!(json.status.success());
    for line in String::from_utf8(json.stdout).unwrap().lines() {
        serde_json::from_str::<serde_json::Value>(line).unwrap();
    }
}

/// Each vehicle of the bundled clip with a legible plate once, in order, within its time; a file that is no film says so.
#[test]
fn recognize_video_prints_one_line_a_pass() {
    let clip = root().join("assets/demo.mp4");
    let truth = std::fs::read(root().join("assets/demo.truth.json")).unwrap();
    let truth: serde_json::Value = serde_json::from_slice(&truth).unwrap();
    let passes = truth["passes"].as_array().unwrap();
    let run = |json: bool, file: &Path| {
        let mut c = Command::new(binary().unwrap());
        c.arg("recognize-video").args(["--region", "us"]);
        c.args(json.then_some("--json")).arg(file).output().unwrap()
    };
    let o = run(true, &clip);
    assert!(o.status.success(), "{}", stderr(&o));
    let lines: Vec<serde_json::Value> = String::from_utf8(o.stdout)
        .unwrap()
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    assert!(!lines.is_empty());
    for l in &lines {
        let pass = passes.iter().find(|p| p["plate"] == l["plate"]);
        let pass = pass.unwrap_or_else(|| panic!("nobody has this plate: {l}"));
        assert_eq!(l["direction"], pass["direction"], "{l}");
        let (first, best, last) = (l["first"].as_f64(), l["best"].as_f64(), l["last"].as_f64());
        assert!(first <= best && best <= last, "{l}");
        let known = |colour: &str| l[colour].is_null() || l[colour]["color"].is_string();
        assert!(known("plate_color") && known("vehicle_color"), "{l}");
        let kind = &l.as_object().unwrap()["vehicle_type"];
        assert!(kind.is_null() || kind["type"].is_string(), "{l}");
    }
    // Who comes by twice has two lines, and nobody is told twice for one pass.
    for pass in passes
        .iter()
        .filter(|p| p["best_width_px"].as_f64() >= truth["min_plate_px"].as_f64())
    {
        let count =
            |all: &[serde_json::Value]| all.iter().filter(|p| p["plate"] == pass["plate"]).count();
        assert_eq!(count(&lines), count(passes), "{}", pass["plate"]);
    }
    let text = root().join("README.md");
    let o = run(false, &text);
    assert_eq!(o.status.code(), Some(1));
    assert!(
        o.stdout.is_empty() && stderr(&o).contains("README.md"),
        "{}",
        stderr(&o)
    );
}

/// `make run` twice: the second start finds everything in place. Here: the state is reused.
#[test]
fn a_restart_keeps_identity_and_settings() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        source: QUIET.into(),
        ..Options::default()
    };
    // The root is what owners install on their computers: another one would lock them out.
    let root = |camera: &Camera| {
        let url = format!("http://127.0.0.1:{}/api/v1/certificates/root", camera.http);
        let got = Command::new("curl").args(["-sSf", &url]).output().unwrap();
        assert!(got.status.success() && got.stdout.len() > 200, "{got:?}");
        got.stdout
    };
    let first = Camera::start_in(&options, dir.path()).unwrap();
    let before = root(&first);
    first.stop().unwrap();
    let second = Camera::start_in(
        &Options {
            initialised: false,
            ..options
        },
        dir.path(),
    )
    .unwrap();
    assert_eq!(root(&second), before);
    let within = Duration::from_secs(30);
    let mut probe = Command::new("ffprobe");
    probe.args([
        "-v",
        "error",
        "-rtsp_transport",
        "tcp",
        "-show_entries",
        "stream=codec_name",
        &second.rtsp_url(0),
    ]);
    assert!(
        conformance::output(&mut probe, within)
            .unwrap()
            .contains("h264"),
        "the password still counts"
    );
}

/// The same settings by the command line, whether the camera runs or not; what is refused names field, value and bound.
#[test]
fn settings_are_read_and_changed_from_the_command_line() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        source: QUIET.into(),
        ..Options::default()
    };
    let state = dir.path().to_str().unwrap();
    let config = |args: &[&str]| {
        let (verb, rest) = args.split_first().unwrap();
        let all = [&["config", verb, "--state-dir", state], rest].concat();
        platecam(&all)
    };
    let stdout = |o: &Output| String::from_utf8_lossy(&o.stdout).into_owned();
    let nothing = config(&["get"]);
    assert_eq!(nothing.status.code(), Some(3), "{}", stderr(&nothing));
    assert!(stderr(&nothing).contains(state), "{}", stderr(&nothing));

    let check = |runs: &str, rate: &str| {
        let set = config(&[
            "set",
            "video.sub/bit_rate",
            rate,
            "device.general/name",
            "17",
        ]);
        assert!(set.status.success(), "{runs}: {}", stderr(&set));
        let get = config(&["get", "video.sub/bit_rate"]);
        assert_eq!(stdout(&get).trim(), rate, "{runs}");
        let get = config(&["get", "device.general"]);
        assert!(stdout(&get).contains("device.general/name 17\n"), "{runs}");
        let json = config(&["get", "--json"]);
        let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
        assert_eq!(json["device.general"]["name"], "17");
        // All or none: the good one of the two is not stored.
        let bad = config(&[
            "set",
            "video.sub/frame_rate",
            "9",
            "video.main/bit_rate",
            "1",
        ]);
        assert_eq!(bad.status.code(), Some(1), "{runs}");
        let says = stderr(&bad);
        assert!(
            says.contains("/bit_rate") && says.contains("32 to 16384 kbit/s"),
            "{runs}: {says}"
        );
        assert_eq!(
            stdout(&config(&["get", "video.sub/frame_rate"])).trim(),
            "15"
        );
        let unknown = config(&["get", "video.sub/colour"]);
        assert!(
            stderr(&unknown).contains("bit_rate"),
            "{}",
            stderr(&unknown)
        );
    };
    let camera = Camera::start_in(&options, dir.path()).unwrap();
    check("while it runs", "600");
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", camera.pid())).unwrap();
    let core = limits.lines().find(|l| l.starts_with("Max core file size"));
    let core: Vec<_> = core.unwrap().split_whitespace().collect();
    assert_eq!(
        core[4..6],
        ["0", "0"],
        "no core dumps with secrets (SEC-18)"
    );
    let history = config(&["history", "video.sub"]);
    assert!(
        stdout(&history).contains("  video.sub/bit_rate 512 -> 600\n"),
        "{}",
        stdout(&history)
    );
    // What is exported while it runs is taken back while it does not.
    let (file, password) = (dir.path().join("c.json"), dir.path().join("password"));
    let (file, password) = (file.to_str().unwrap(), password.to_str().unwrap());
    std::fs::write(password, "Travel-2026\n").unwrap();
    let export = config(&["export", file, "--password-file", password]);
    assert!(export.status.success(), "{}", stderr(&export));
    camera.stop().unwrap();
    assert!(!dir.path().join("control.sock").exists());
    assert!(
        config(&["set", "video.sub/bit_rate", "650"])
            .status
            .success()
    );
    let denied = config(&["import", file]);
    assert!(stderr(&denied).contains("/password"), "{}", stderr(&denied));
    let import = |more: &[&str]| {
        let o = config(&[&["import", file, "--password-file", password], more].concat());
        assert!(o.status.success(), "{}", stderr(&o));
        stdout(&o)
    };
    let change = "  video.sub/bit_rate 650 -> 600\n";
    assert_eq!(import(&["--dry-run"]), change);
    assert_eq!(import(&[]), change);
    assert_eq!(import(&[]), "", "the same again changes nothing");
    check("while it does not", "700");
    let log = platecam(&["log", "show", "--state-dir", state, "--json"]);
    assert!(stdout(&log).contains("local"), "{}", stdout(&log));

    let camera = Camera::start_in(&options, dir.path()).unwrap();
    assert_eq!(
        stdout(&config(&["get", "video.sub/bit_rate"])).trim(),
        "700"
    );
    camera.kill().unwrap();
    // The socket of a killed run is in nobody's way.
    assert_eq!(
        stdout(&config(&["get", "video.sub/bit_rate"])).trim(),
        "700"
    );
    let restore = config(&["restore", "--yes"]);
    assert!(
        stdout(&restore).contains("video.sub restored\n"),
        "{}",
        stderr(&restore)
    );
    assert!(
        config(&["set", "device.general/name", "Gate"])
            .status
            .success()
    );
    let reset = config(&["factory-reset", "--yes"]);
    assert!(reset.status.success(), "{}", stderr(&reset));
    assert_eq!(
        stdout(&config(&["get", "device.general/name"])).trim(),
        "Platecam"
    );
}

/// The log by the command line, whether the camera runs or not (LOG-1..4, DEBUG-4): printed, followed, checked.
#[test]
fn the_log_is_read_and_followed_from_the_command_line() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        source: QUIET.into(),
        ..Options::default()
    };
    let state = dir.path().to_str().unwrap();
    let log = |verb: &str, args: &[&str]| {
        let o = platecam(&[&["log", verb, "--state-dir", state], args].concat());
        (
            o.status.code(),
            String::from_utf8_lossy(&o.stdout).into_owned(),
            stderr(&o),
        )
    };
    let rename = |name: &str| {
        let args = ["config", "set", "--state-dir", state, "device.general/name"];
        let o = platecam(&[&args[..], &[name]].concat());
        assert!(o.status.success(), "{}", stderr(&o));
    };
    let camera = Camera::start_in(&options, dir.path()).unwrap();
    rename("Gate 1");
    let (code, text, says) = log("show", &["--kind", "save-config"]);
    assert_eq!(code, Some(0), "{says}");
    assert!(text.starts_with("No.\tTime ("), "{text}");
    assert!(
        text.contains("\tsave-config\tSettings of 'device.general' saved."),
        "{text}"
    );

    // Nothing of what was there, then only what is wanted and new.
    let mut child = Command::new(binary().unwrap())
        .args(["log", "show", "--state-dir", state, "--limit", "0"])
        .args(["--json", "--follow", "--kind", "save-config"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (told, lines) = mpsc::channel();
    let out = BufReader::new(child.stdout.take().unwrap());
    std::thread::spawn(move || {
        for line in out.lines().map_while(Result::ok) {
            let _ = told.send(line);
        }
    });
    // It may not listen yet: changes go on until one is told.
    let mut n = 1;
    let first = loop {
        n += 1;
        assert!(n < 200, "nothing is told");
        rename(&format!("Gate {n}"));
        if let Ok(line) = lines.recv_timeout(Duration::from_millis(500)) {
            break line;
        }
    };
    let entry: serde_json::Value = serde_json::from_str(&first).unwrap();
    assert_eq!(
        (&entry["kind"], &entry["origin"]),
        (&"save-config".into(), &"local".into())
    );
    assert!(entry["id"].as_u64().unwrap() > 2, "{entry}");
    camera.stop().unwrap();
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(3), "{}", stderr(&ended));
    assert!(stderr(&ended).contains("has ended"), "{}", stderr(&ended));

    // The same while it does not run, but nothing can be followed.
    let (code, text, says) = log("show", &["--limit", "1", "--kind", "save-config", "--json"]);
    assert_eq!(code, Some(0), "{says}");
    assert_eq!(text.lines().count(), 1, "{text}");
    let (code, _, says) = log("show", &["--follow"]);
    assert!(code == Some(3) && says.contains("no camera runs"), "{says}");

    // The trail is whole by either way, and what is printed can be checked elsewhere.
    let camera = Camera::start_in(&options, dir.path()).unwrap();
    let (code, text, says) = log("verify", &[]);
    assert!(
        code == Some(0) && text.ends_with("intact\n"),
        "{text}{says}"
    );
    let (code, trail, says) = log("audit", &[]);
    assert_eq!(code, Some(0), "{says}");
    let file = dir.path().join("trail.jsonl");
    std::fs::write(&file, &trail).unwrap();
    let file = file.to_str().unwrap();
    let o = platecam(&["log", "verify", file]);
    let text = String::from_utf8_lossy(&o.stdout).into_owned();
    let head = format!("{} entries, ", trail.lines().count());
    assert!(
        o.status.success() && text.starts_with(&head),
        "{text}{}",
        stderr(&o)
    );
    drop(camera);
}
