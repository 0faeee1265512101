//! Listeners follow the settings while the camera runs (NET-13..17, HTTPS-6, HTTPS-7, SEC-7, SYS-35, C-16).

use std::{
    net::{Ipv4Addr, TcpStream},
    time::{Duration, Instant},
};

use conformance::{Camera, Options, PASSWORD, QUIET, Web, free_ports, unreserved};
use serde_json::json;

const PATIENCE: Duration = Duration::from_secs(60);

fn options(stored_ports: bool) -> Options {
    Options {
        source: QUIET.into(),
        stored_ports,
        ..Options::default()
    }
}

/// A camera on three ports of its settings. That the first run keeps its ports although the settings
/// change shows that the command line comes first.
async fn camera(state: &std::path::Path) -> Camera {
    let first = Camera::start_in(&options(false), state).unwrap();
    let web = Web::login(&first).await.unwrap();
    let [http, https, rtsp] = free_ports().unwrap();
    let ports = json!({"http": http, "https": https, "rtsp": rtsp});
    let (status, answer) = web.change("net.ports", ports).await.unwrap();
    assert_eq!(status, 200, "{answer}");
    conformance::ffprobe("tcp", &first.rtsp_url(0)).unwrap();
    first.stop().unwrap();
    let camera = Camera::start_in(&options(true), state).unwrap();
    assert_eq!(
        (camera.http, camera.https, camera.rtsp),
        (http, https, rtsp)
    );
    camera
}

fn listens(port: u16) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// Waits until `port` is listened on, or not.
async fn until(port: u16, wanted: bool) {
    let end = Instant::now() + PATIENCE;
    while listens(port) != wanted {
        assert!(Instant::now() < end, "port {port} is to listen: {wanted}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn ports_move_at_once_and_stay_over_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let mut camera = camera(dir.path()).await;
    let web = Web::login(&camera).await.unwrap();
    let [http, rtsp] = free_ports().unwrap();
    let (status, answer) = web
        .change("net.ports", json!({"http": http, "rtsp": rtsp}))
        .await
        .unwrap();
    assert_eq!(status, 200, "the request that asked is answered: {answer}");
    for (old, new) in [(camera.http, http), (camera.rtsp, rtsp)] {
        until(new, true).await;
        until(old, false).await;
    }
    (camera.http, camera.rtsp) = (http, rtsp);
    conformance::ffprobe("tcp", &camera.rtsp_url(0)).unwrap();
    // Two may exchange their ports.
    let swap = json!({"http": rtsp, "rtsp": http});
    let web = Web::login(&camera).await.unwrap();
    let (status, answer) = web.change("net.ports", swap).await.unwrap();
    assert_eq!(status, 200, "{answer}");
    (camera.http, camera.rtsp) = (rtsp, http);
    let end = Instant::now() + PATIENCE;
    while Web::login(&camera).await.is_err() {
        assert!(Instant::now() < end, "HTTP is to answer where RTSP was");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    until(camera.rtsp, true).await;
    conformance::ffprobe("tcp", &camera.rtsp_url(0)).unwrap();
    let moved = (camera.http, camera.https, camera.rtsp);
    camera.stop().unwrap();
    let again = Camera::start_in(&options(true), dir.path()).unwrap();
    assert_eq!((again.http, again.https, again.rtsp), moved);
    Web::login(&again).await.unwrap();
}

#[tokio::test]
async fn a_port_in_use_is_refused_with_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    let camera = camera(dir.path()).await;
    let web = Web::login(&camera).await.unwrap();
    let other = unreserved().unwrap();
    let taken = other.local_addr().unwrap().port();
    let before = web.get("/api/v1/settings/net.ports").await.unwrap();
    for (field, value) in [("http", json!(taken)), ("rtsp", json!(taken))] {
        let (status, answer) = web
            .change("net.ports", json!({ field: value }))
            .await
            .unwrap();
        assert_eq!(status, 422, "{answer}");
        let error = &answer["errors"][0];
        assert_eq!(error["pointer"], format!("/{field}"));
        assert!(error.to_string().contains("in use"), "{answer}");
    }
    let after = web.get("/api/v1/settings/net.ports").await.unwrap();
    assert_eq!(before, after);
    assert!(listens(camera.http) && listens(camera.rtsp));
}

#[tokio::test]
async fn https_goes_and_comes_and_stays_off_over_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let camera = camera(dir.path()).await;
    let web = Web::login(&camera).await.unwrap();
    let both = json!({"enabled": false, "http_enabled": false});
    let (status, answer) = web.change("net.https", both).await.unwrap();
    assert_eq!(
        (status, &answer["errors"][0]["pointer"]),
        (422, &json!("/http_enabled"))
    );
    let (status, answer) = web
        .change("net.https", json!({"enabled": false}))
        .await
        .unwrap();
    assert_eq!(status, 200, "{answer}");
    until(camera.https, false).await;
    let https = camera.https;
    camera.stop().unwrap();
    let camera = Camera::start_in(&options(true), dir.path()).unwrap();
    assert_eq!(camera.https, 0, "it stays off");
    assert!(!listens(https));
    let web = Web::login(&camera).await.unwrap();
    let on = json!({"enabled": true, "redirect": true});
    let (status, answer) = web.change("net.https", on).await.unwrap();
    assert_eq!(status, 200, "{answer}");
    until(https, true).await;
    // The client follows 308 to HTTPS, with method and body.
    let end = Instant::now() + PATIENCE;
    loop {
        let answer = web.raw("GET", "/healthz", None, &[]).await.unwrap();
        if answer.url().scheme() == "https" {
            assert_eq!(answer.url().port(), Some(https));
            assert_eq!(answer.status().as_u16(), 200);
            break;
        }
        assert!(Instant::now() < end, "HTTP is to redirect");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// SEC-7, SYS-35: ONVIF switches plain HTTP off, and is reached by HTTPS alone.
#[tokio::test]
async fn onvif_switches_and_moves_protocols() {
    let dir = tempfile::tempdir().unwrap();
    let camera = camera(dir.path()).await;
    let [https] = free_ports().unwrap();
    let row = |name: &str, enabled: bool, port: u16| {
        format!(
            r#"<NetworkProtocols><Name xmlns="http://www.onvif.org/ver10/schema">{name}</Name><Enabled xmlns="http://www.onvif.org/ver10/schema">{enabled}</Enabled><Port xmlns="http://www.onvif.org/ver10/schema">{port}</Port></NetworkProtocols>"#
        )
    };
    let set = row("HTTP", false, camera.http) + &row("HTTPS", true, https);
    let set = format!(
        r#"<SetNetworkProtocols xmlns="http://www.onvif.org/ver10/device/wsdl">{set}</SetNetworkProtocols>"#
    );
    let answer = soap(&camera.url("/onvif/device_service"), &set);
    assert!(answer.contains("SetNetworkProtocolsResponse"), "{answer}");
    until(https, true).await;
    until(camera.http, false).await;
    until(camera.https, false).await;
    let get = r#"<GetNetworkProtocols xmlns="http://www.onvif.org/ver10/device/wsdl"/>"#;
    let service = format!("https://127.0.0.1:{https}/onvif/device_service");
    let answer = soap(&service, get);
    let text: String = answer.split_whitespace().collect();
    let off = "<tt:Name>HTTP</tt:Name><tt:Enabled>false</tt:Enabled>";
    assert!(text.contains(off), "{answer}");
    let on =
        format!("<tt:Name>HTTPS</tt:Name><tt:Enabled>true</tt:Enabled><tt:Port>{https}</tt:Port>");
    assert!(text.contains(&on), "{answer}");
}

/// SYS-35: ports of the command line are told as they are in use, at the first start and at every other.
#[test]
fn onvif_tells_the_ports_of_the_command_line() {
    let dir = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let camera = Camera::start_in(&options(false), dir.path()).unwrap();
        let get = r#"<GetNetworkProtocols xmlns="http://www.onvif.org/ver10/device/wsdl"/>"#;
        let answer = soap(&camera.url("/onvif/device_service"), get);
        for (name, port) in [
            ("HTTP", camera.http),
            ("HTTPS", camera.https),
            ("RTSP", camera.rtsp),
        ] {
            let text: String = answer.split_whitespace().collect();
            let row = format!(
                "<tt:Name>{name}</tt:Name><tt:Enabled>true</tt:Enabled><tt:Port>{port}</tt:Port>"
            );
            assert!(text.contains(&row), "{row}: {answer}");
        }
        camera.stop().unwrap();
    }
}

/// One call with HTTP Digest.
fn soap(service: &str, body: &str) -> String {
    let envelope = format!(
        r#"<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body>{body}</s:Body></s:Envelope>"#
    );
    let digest = format!("admin:{PASSWORD}");
    let mut curl = std::process::Command::new("curl");
    curl.args(["-sSk", "--digest", "-u", &digest])
        .args(["-H", "Content-Type: application/soap+xml", "-d", &envelope])
        .arg(service);
    conformance::output(&mut curl, PATIENCE).unwrap()
}
