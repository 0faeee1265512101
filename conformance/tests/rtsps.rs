//! RTSP over TLS (SEC-8): its switch, its port, its certificate.

use std::{
    net::{Ipv4Addr, TcpStream},
    process::Command,
    time::{Duration, Instant},
};

use conformance::{Camera, Options, PASSWORD, QUIET, Web, ffprobe, free_ports, output};
use serde_json::json;

const PATIENCE: Duration = Duration::from_secs(60);

async fn until(port: u16, wanted: bool) {
    let end = Instant::now() + PATIENCE;
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() != wanted {
        assert!(Instant::now() < end, "port {port} is to listen: {wanted}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// What OpenSSL's client says of a port.
fn handshake(port: u16, more: &[&str]) -> Result<String, String> {
    let mut command = Command::new("openssl");
    command
        .args(["s_client", "-showcerts", "-connect"])
        .arg(format!("127.0.0.1:{port}"))
        .args(more)
        .stdin(std::process::Stdio::null());
    output(&mut command, PATIENCE).map_err(|e| e.to_string())
}

fn certificate(port: u16) -> String {
    let text = handshake(port, &[]).unwrap();
    let begin = text.find("-----BEGIN").expect("a certificate");
    let end = text.find("-----END").expect("its end");
    text[begin..end].to_owned()
}

/// NET-14, NET-16, NET-17, NET-22, HTTPS-8: off until it is switched on, then ffmpeg plays by it, with credentials only.
#[tokio::test]
async fn streams_play_over_tls() {
    let camera = Camera::start(&Options {
        source: QUIET.into(),
        ..Options::default()
    })
    .unwrap();
    let web = Web::login(&camera).await.unwrap();
    for (port, why) in [
        (1024, "is a reserved port"),
        (37_790, "is a reserved port"),
        (8554, "is already the port of rtsp"),
    ] {
        let (status, answer) = web
            .change("net.ports", json!({"rtsps": port}))
            .await
            .unwrap();
        assert_eq!(status, 422, "{answer}");
        let text = answer.to_string();
        assert!(text.contains("/rtsps") && text.contains(why), "{text}");
    }
    let [port] = free_ports().unwrap();
    let (status, answer) = web
        .change("net.ports", json!({"rtsps_enabled": true, "rtsps": port}))
        .await
        .unwrap();
    assert_eq!(status, 200, "{answer}");
    until(port, true).await;
    let url =
        |who: &str| format!("rtsps://{who}127.0.0.1:{port}/video/livemedia?Ch=1&Streamtype=0");
    let found = ffprobe("tcp", &url(&format!("admin:{PASSWORD}@"))).unwrap();
    assert_eq!(found["streams"][0]["codec_name"], "h264", "{found}");
    let refused = ffprobe("tcp", &url("")).unwrap_err().to_string();
    assert!(refused.contains("401"), "{refused}");
    // The device's own certificate, the one of HTTPS, and nothing older than TLS 1.2.
    assert_eq!(certificate(port), certificate(camera.https));
    let old = ["-tls1_1", "-cipher", "DEFAULT:@SECLEVEL=0"];
    assert!(handshake(port, &old).is_err(), "TLS 1.1");
    // A peer that speaks no TLS is given up; the others play on.
    let plain = ffprobe("tcp", &url("").replace("rtsps:", "rtsp:"));
    assert!(plain.is_err(), "{plain:?}");
    // A new certificate is served without a restart.
    let before = certificate(port);
    let new = json!({"alias": "second"});
    let (status, made) = web
        .send("POST", "/api/v1/certificates", Some(new))
        .await
        .unwrap();
    assert_eq!(status, 201, "{made}");
    let id = made["id"].as_str().unwrap();
    let install = format!("/api/v1/certificates/{id}/install");
    let (status, answer) = web.send("POST", &install, None).await.unwrap();
    assert_eq!(status, 204, "{answer}");
    let end = Instant::now() + PATIENCE;
    while certificate(port) == before {
        assert!(Instant::now() < end, "the new certificate is to be served");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(certificate(port), certificate(camera.https));
    let (status, answer) = web
        .change("net.ports", json!({"rtsps_enabled": false}))
        .await
        .unwrap();
    assert_eq!(status, 200, "{answer}");
    until(port, false).await;
}
