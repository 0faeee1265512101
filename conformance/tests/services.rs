//! Services are switched while the camera runs, and the access filter shuts out whom it names (SYS-31..35, ONVIF-1, CGI-1..4,
//! SEC-12). The camera is on a machine of its own; the other end of its cable is the network namespace `$PEER`.

use std::{
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use conformance::{Camera, Options, PASSWORD, QUIET, Web, run_inside};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(90);
/// The camera's address, see `conformance/netns/run.sh`.
const CAMERA: &str = "192.0.2.10";
const SOAP: &str = r#"<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body><GetSystemDateAndTime xmlns="http://www.onvif.org/ver10/device/wsdl"/></s:Body></s:Envelope>"#;

/// A probe to the camera itself: a closed port says so at once, so nobody has to wait for silence.
const PROBE: &str = r#"
import socket, sys
probe = '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"><s:Header><a:MessageID>urn:uuid:1</a:MessageID><a:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To><a:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</a:Action></s:Header><s:Body><d:Probe/></s:Body></s:Envelope>'
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(10)
s.connect((sys.argv[1], 3702))
try:
    s.send(probe.encode())
    print('answered' if b'ProbeMatch' in s.recv(65536) else 'strange')
except ConnectionRefusedError:
    print('closed')
except TimeoutError:
    print('silent')
"#;

/// Runs the test below in a network of its own (root).
#[test]
fn services_and_filter_follow_the_settings() {
    run_inside("none").unwrap();
}

#[tokio::test]
#[ignore = "runs within the test above"]
async fn inside() {
    let options = Options {
        source: QUIET.into(),
        listen: "0.0.0.0",
        ..Options::default()
    };
    let camera = Camera::start(&options).unwrap();
    let web = Web::login(&camera).await.unwrap();
    onvif_and_discovery(&camera, &web).await;
    cgi(&camera, &web).await;
    filter(&camera, &web).await;
    // The machine is not the camera's own: its SSH server is shown, never switched.
    let (status, refused) = web.change("services", json!({"ssh": "on"})).await.unwrap();
    assert_eq!(
        (status, refused["errors"][0]["pointer"].as_str()),
        (422, Some("/ssh"))
    );
    assert!(refused.to_string().contains("--host system"), "{refused}");
    let state = web.get("/api/v1/services").await.unwrap();
    assert_eq!(state["gateway"]["address"], "192.0.2.1");
}

/// Runs a program at the other end of the cable.
fn peer(program: &str) -> Command {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", &std::env::var("PEER").unwrap(), program]);
    command
}

fn curl(args: &[&str]) -> Output {
    let mut command = peer("curl");
    command.args(["-sk", "--noproxy", "*", "--max-time", "60"]);
    command.args(args).output().unwrap()
}

/// The status of a request from there; `None` when there was no answer.
fn status(args: &[&str]) -> Option<u16> {
    let out = curl(&[&["-o", "/dev/null", "-w", "%{http_code}"], args].concat());
    let code = String::from_utf8_lossy(&out.stdout).parse().unwrap();
    (out.status.success() && code != 0).then_some(code)
}

fn probe() -> String {
    let out = peer("python3")
        .args(["-c", PROBE, CAMERA])
        .output()
        .unwrap();
    assert!(out.status.success(), "{out:?}");
    String::from_utf8_lossy(&out.stdout).trim().to_owned()
}

async fn set(web: &Web, key: &str, value: Value) {
    let (status, answer) = web.change(key, value).await.unwrap();
    assert_eq!(status, 200, "{answer}");
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "never happened: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// SYS-31, SYS-34, ONVIF-1.
async fn onvif_and_discovery(camera: &Camera, web: &Web) {
    let url = format!("http://{CAMERA}:{}/onvif/device_service", camera.http);
    let soap = || status(&["-H", "Content-Type: application/soap+xml", "-d", SOAP, &url]);
    assert_eq!(soap(), Some(200));
    until("a probe is answered", || probe() == "answered").await;
    set(web, "onvif", json!({"enabled": false})).await;
    assert_eq!(soap(), Some(404));
    until("nobody listens for probes", || probe() == "closed").await;
    set(web, "onvif", json!({"enabled": true})).await;
    assert_eq!(soap(), Some(200));
    until("a probe is answered again", || probe() == "answered").await;
    set(web, "onvif", json!({"discovery": "NonDiscoverable"})).await;
    until("hidden", || probe() == "closed").await;
    assert_eq!(soap(), Some(200));
    set(web, "onvif", json!({"discovery": "Discoverable"})).await;
    until("found again", || probe() == "answered").await;
}

/// CGI-1..4.
async fn cgi(camera: &Camera, web: &Web) {
    let user = format!("admin:{PASSWORD}");
    let url = |command: &str| format!("http://{CAMERA}:{}/cgi-bin/{command}", camera.http);
    let ask = |command: &str| {
        let out = curl(&["--digest", "-u", &user, &url(command)]);
        String::from_utf8_lossy(&out.stdout).into_owned()
    };
    let info = || status(&["--digest", "-u", &user, &url("device.cgi")]);
    assert_eq!(status(&[&url("device.cgi")]), Some(401));
    assert_eq!(info(), Some(200));
    let streams = ask("streams.cgi");
    let want = format!(
        "main.url=rtsp://{CAMERA}:{}/video/livemedia?Ch=1&Streamtype=0",
        camera.rtsp
    );
    assert!(streams.contains(&want), "{streams}");
    let picture = curl(&["--digest", "-u", &user, &url("snapshot.cgi")]);
    assert!(picture.stdout.starts_with(&[0xFF, 0xD8]), "{picture:?}");
    assert!(ask("param.cgi?action=list&group=net.ports").contains("http.max=65535"));
    let online = web.get("/api/v1/online").await.unwrap();
    let all = online.to_string();
    assert!(
        all.contains("\"cgi\"") && all.contains("192.0.2.1"),
        "{online}"
    );
    set(web, "services", json!({"cgi": false})).await;
    assert_eq!(info(), Some(404));
    set(web, "services", json!({"cgi": true})).await;
    assert_eq!(info(), Some(200));
    // SEC-12: not even an administrator shuts out the own address by mistake.
    let lock_out = "param.cgi?action=set&group=security.access_filter&mode=deny&addresses=%5B%22192.0.2.0/24%22%5D";
    let refused = ask(lock_out);
    assert!(
        refused.contains("value=192.0.2.1") && refused.contains("own_lock_out"),
        "{refused}"
    );
    assert_eq!(info(), Some(200));
}

struct Viewer(Child);

impl Drop for Viewer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// SEC-12: new connections of every protocol are refused, a running stream ends, and this machine itself stays in.
async fn filter(camera: &Camera, web: &Web) {
    let http = format!("http://{CAMERA}:{}/api/v1/device", camera.http);
    let https = format!("https://{CAMERA}:{}/api/v1/device", camera.https);
    let onvif = format!("http://{CAMERA}:{}/onvif/device_service", camera.http);
    let cgi = format!("http://{CAMERA}:{}/cgi-bin/device.cgi", camera.http);
    let rtsp = format!("rtsp://{CAMERA}:{}/", camera.rtsp);
    let all = [http, https, onvif, cgi, rtsp];
    let answered = || {
        all.iter()
            .map(|url| status(&[url]).is_some())
            .collect::<Vec<_>>()
    };
    assert_eq!(answered(), [true; 5]);
    let stream = camera.rtsp_url(0).replace("127.0.0.1", CAMERA);
    let viewer = peer("ffmpeg")
        .args([
            "-v",
            "error",
            "-rtsp_transport",
            "tcp",
            "-i",
            &stream,
            "-f",
            "null",
            "-",
        ])
        .stdin(Stdio::null())
        .spawn();
    let mut viewer = Viewer(viewer.unwrap());
    let end = Instant::now() + PATIENCE;
    while !web
        .get("/api/v1/online")
        .await
        .unwrap()
        .to_string()
        .contains("\"rtsp\"")
    {
        assert!(Instant::now() < end, "the viewer is not online");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let deny = json!({"mode": "deny", "addresses": ["192.0.2.1"]});
    set(web, "security.access_filter", deny).await;
    assert_eq!(answered(), [false; 5]);
    until("the stream ends", || viewer.0.try_wait().unwrap().is_some()).await;
    assert_eq!(probe(), "silent");
    // Over loopback everything goes on.
    web.get("/api/v1/status").await.unwrap();
    let log = web.get("/api/v1/log?limit=100").await.unwrap().to_string();
    assert!(log.contains("refused by the access filter"), "{log}");
    assert_eq!(
        log.matches("refused by the access filter").count(),
        1,
        "told once"
    );
    set(
        web,
        "security.access_filter",
        json!({"mode": "allow", "addresses": ["192.0.2.0/24"]}),
    )
    .await;
    assert_eq!(answered(), [true; 5]);
    set(web, "security.access_filter", json!({"mode": "off"})).await;
    assert_eq!(answered(), [true; 5]);
}
