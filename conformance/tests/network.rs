//! The camera changes its own address and finds back (NET-2, NET-5..10, GEN-4, ADR 0015). It runs on a machine of its own with the real
//! systemd-networkd (`conformance/netns/run.sh`); everything is asked from the other end of the cable, the network namespace `$PEER`.

use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use conformance::{Camera, Options, PASSWORD, QUIET, run_inside};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(90);
/// Longer than the tests take even on a busy machine.
const LONG: u32 = 600;

/// Runs the test below in a network of its own (root).
#[test]
fn the_address_is_changed_on_trial() {
    run_inside("networkd").unwrap();
}

#[test]
#[ignore = "runs within the test above"]
fn inside() {
    let dir = tempfile::tempdir().unwrap();
    let camera = start(dir.path());
    refused(&camera);
    goes_back(&camera);
    stays(&camera);
    falls_back_after_a_kill(camera, dir.path());
}

fn start(state: &Path) -> Camera {
    let options = Options {
        source: QUIET.into(),
        listen: "0.0.0.0",
        args: ["--host", "system", "--no-discovery"]
            .map(String::from)
            .into(),
        ..Options::default()
    };
    Camera::start_in(&options, state).unwrap()
}

/// A browser at the other end of the cable, logged in as `admin` at one address of the camera.
struct There {
    base: String,
    jar: tempfile::NamedTempFile,
    csrf: String,
}

impl There {
    fn login(camera: &Camera, address: &str) -> Option<Self> {
        let mut there = Self {
            base: format!("http://{address}:{}/api/v1", camera.http),
            jar: tempfile::NamedTempFile::new().unwrap(),
            csrf: String::new(),
        };
        let who = json!({"username": "admin", "password": PASSWORD});
        let (status, session) = there.send("POST", "/session", &who, &[])?;
        assert_eq!(status, 201, "{session}");
        there.csrf = session["csrf"].as_str().unwrap().to_owned();
        Some(there)
    }

    /// `None` when nobody answers.
    fn send(&self, method: &str, path: &str, body: &Value, more: &[&str]) -> Option<(u16, Value)> {
        let peer = std::env::var("PEER").unwrap();
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &peer, "curl", "-s", "--noproxy", "*"]);
        command.args(["--max-time", "30", "--connect-timeout", "3", "-X", method]);
        command.args(["-b".as_ref(), self.jar.path().as_os_str()]);
        command.args(["-c".as_ref(), self.jar.path().as_os_str()]);
        command.args(["-H", "Content-Type: application/json"]);
        command.args(["-H", &format!("X-Platecam-CSRF: {}", self.csrf)]);
        for header in more {
            command.args(["-H", header]);
        }
        if !body.is_null() {
            command.args(["-d", &body.to_string()]);
        }
        command.args(["-w", "\n%{http_code}", &format!("{}{path}", self.base)]);
        let out = command.output().unwrap();
        let text = String::from_utf8_lossy(&out.stdout);
        let (body, status) = text.rsplit_once('\n')?;
        let status = status.parse().ok().filter(|s| *s != 0)?;
        Some((status, serde_json::from_str(body).unwrap_or_default()))
    }

    fn get(&self, path: &str) -> Option<Value> {
        let (status, said) = self.send("GET", path, &Value::Null, &[])?;
        assert_eq!(status, 200, "{said}");
        Some(said)
    }

    fn change(&self, patch: &Value) -> (u16, Value) {
        let before = self.get("/settings/net.ip").unwrap();
        let revision = format!("If-Match: \"{}\"", before["revision"]);
        let said = self.send("PATCH", "/settings/net.ip", patch, &[&revision]);
        said.expect("the answer leaves before the address does")
    }
}

fn at(camera: &Camera, address: &str) -> There {
    until(&format!("reached at {address}"), || {
        There::login(camera, address)
    })
}

fn until<T>(what: &str, mut holds: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(held) = holds() {
            return held;
        }
        assert!(Instant::now() < end, "never happened: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn fixed(address: &str, confirm_within_s: u32) -> Value {
    json!({"managed": true, "ipv4_mode": "static", "ipv4_address": address, "ipv4_prefix": 24, "ipv4_gateway": "192.0.2.1",
        "ipv6_mode": "off", "confirm_within_s": confirm_within_s})
}

/// Addresses of the machine itself, by the kernel.
fn has(address: &str) -> bool {
    let out = Command::new("ip")
        .args(["-4", "-o", "addr", "show", "dev", "cam0"])
        .output()
        .unwrap();
    String::from_utf8_lossy(&out.stdout).contains(&format!("inet {address}/24"))
}

fn gone(address: &str) {
    until(&format!("{address} goes"), || (!has(address)).then_some(()));
}

/// The trial, once it has begun.
fn trial(there: &There) -> Value {
    until("the trial", || {
        there
            .get("/network")
            .map(|n| n["trial"].clone())
            .filter(|t| !t.is_null())
    })
}

fn confirm(there: &There) -> (u16, Value) {
    there
        .send("POST", "/network/confirm", &Value::Null, &[])
        .unwrap()
}

/// NET-5..7: field, value and bound are named, and nothing changes.
fn refused(camera: &Camera) {
    let there = at(camera, "192.0.2.10");
    let report = there.get("/network").unwrap();
    assert_eq!(report["daemon"], "systemd-networkd", "{report}");
    for (field, value, bound) in [
        (
            "ipv4_address",
            json!("224.0.0.1"),
            "host in a net of 24 bits",
        ),
        (
            "ipv4_address",
            json!("192.0.2.255"),
            "host in a net of 24 bits",
        ),
        ("ipv4_address", json!("192.0.2"), "not an address"),
        ("ipv4_prefix", json!(33), "1 to 32"),
        ("ipv4_prefix", json!("255.0.255.0"), "contiguous"),
        (
            "ipv4_gateway",
            json!("198.51.100.1"),
            "segment of 192.0.2.77/24",
        ),
        ("confirm_within_s", json!(9), "10"),
    ] {
        let mut patch = fixed("192.0.2.77", LONG);
        patch[field] = value.clone();
        let (status, said) = there.change(&patch);
        assert_eq!(status, 422, "{field} = {value}: {said}");
        let error = &said["errors"][0];
        assert_eq!(error["pointer"], format!("/{field}"), "{said}");
        let shown = value.as_str().map_or(value.to_string(), str::to_owned);
        assert!(error["value"].to_string().contains(&shown), "{said}");
        assert!(error.to_string().contains(bound), "{bound}: {said}");
    }
    assert_eq!(there.get("/network").unwrap()["trial"], Value::Null);
    assert!(has("192.0.2.10"));
}

/// NET-10: what nobody confirms goes back after its time.
fn goes_back(camera: &Camera) {
    let there = at(camera, "192.0.2.10");
    let (status, said) = there.change(&fixed("192.0.2.77", 10));
    assert_eq!(status, 200, "{said}");
    until("the new address", || has("192.0.2.77").then_some(()));
    gone("192.0.2.77");
    let there = at(camera, "192.0.2.10");
    let last = until("the end of the trial", || {
        Some(there.get("/network")?["last"].clone()).filter(|l| !l.is_null())
    });
    assert_eq!(last["end"], "rolled-back", "{last}");
    assert_eq!(last["reason"], "nobody confirmed it within 10 s");
    let settings = there.get("/settings/net.ip").unwrap();
    assert_eq!(settings["value"]["managed"], false, "{settings}");
}

/// NET-2, NET-10: what its user confirms over the new address is kept, also by the next start.
fn stays(camera: &Camera) {
    let there = at(camera, "192.0.2.10");
    assert_eq!(there.change(&fixed("192.0.2.78", LONG)).0, 200);
    let new = at(camera, "192.0.2.78");
    let open = trial(&new);
    assert_eq!(open["addresses"], json!(["192.0.2.78"]));
    assert_eq!(open["confirmable"], true, "{open}");
    gone("192.0.2.10");
    // Over the loopback nothing is proved.
    let url = camera.url("/api/v1/session");
    let who = json!({"username": "admin", "password": PASSWORD}).to_string();
    let jar = tempfile::NamedTempFile::new().unwrap();
    let local = |args: &[&str]| {
        let mut command = Command::new("curl");
        command.args([
            "-s",
            "--noproxy",
            "*",
            "-H",
            "Content-Type: application/json",
        ]);
        command.args(["-b".as_ref(), jar.path().as_os_str()]);
        command.args(["-c".as_ref(), jar.path().as_os_str()]);
        let out = command.args(args).output().unwrap();
        String::from_utf8_lossy(&out.stdout).into_owned()
    };
    let session: Value = serde_json::from_str(&local(&["-d", &who, &url])).unwrap();
    let csrf = format!("X-Platecam-CSRF: {}", session["csrf"].as_str().unwrap());
    let here = camera.url("/api/v1/network/confirm");
    let said = local(&["-X", "POST", "-H", &csrf, &here]);
    assert!(said.contains("confirm at 192.0.2.78"), "{said}");

    let (status, said) = confirm(&new);
    assert_eq!(status, 204, "{said}");
    let report = new.get("/network").unwrap();
    assert_eq!(report["last"]["end"], "confirmed", "{report}");
    assert_eq!(report["trial"], Value::Null, "{report}");
    assert_eq!(confirm(&new).0, 409, "once is enough");
    let log = new.get("/log?limit=100").unwrap().to_string();
    for told in [
        "was changed; it goes back in",
        "was confirmed",
        "was taken back",
    ] {
        assert!(log.contains(told), "{told}: {log}");
    }
}

/// NET-10, HW-7: who is cut off in mid-trial begins with what was confirmed.
fn falls_back_after_a_kill(camera: Camera, state: &Path) {
    let there = at(&camera, "192.0.2.78");
    assert_eq!(there.change(&fixed("192.0.2.79", LONG)).0, 200);
    trial(&at(&camera, "192.0.2.79"));
    camera.kill().unwrap();
    assert!(has("192.0.2.79"), "nobody is there to take it back");
    let camera = start(state);
    until("the confirmed address", || has("192.0.2.78").then_some(()));
    gone("192.0.2.79");
    let there = at(&camera, "192.0.2.78");
    let settings = there.get("/settings/net.ip").unwrap();
    assert_eq!(
        settings["value"]["ipv4_address"], "192.0.2.78",
        "{settings}"
    );
    let report = until("the end of the trial", || {
        there.get("/network").filter(|n| !n["last"].is_null())
    });
    assert_eq!(report["trial"], Value::Null, "{report}");
    let reason = report["last"]["reason"].to_string();
    assert!(
        reason.contains("restarted before anybody confirmed"),
        "{report}"
    );
    camera.stop().unwrap();
    assert!(
        has("192.0.2.78"),
        "the address is the machine's, not the program's"
    );
}
