//! Restart by the web and by ONVIF: the same process, the same ports, a reason that is told (SYS-18, HW-7).

use std::time::{Duration, Instant};

use conformance::{Camera, Options, PASSWORD, QUIET, Web};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(60);

fn camera() -> Camera {
    Camera::start(&Options {
        source: QUIET.into(),
        ..Options::default()
    })
    .unwrap()
}

/// Logs in until that works and `true_of` holds for `GET /maintenance`.
async fn until(camera: &Camera, true_of: impl Fn(&Value) -> bool) -> Value {
    let end = Instant::now() + PATIENCE;
    let mut last = Value::Null;
    while Instant::now() < end {
        if let Ok(web) = Web::login(camera).await
            && let Ok(seen) = web.get("/api/v1/maintenance").await
        {
            if true_of(&seen) {
                return seen;
            }
            last = seen;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("not within {PATIENCE:?}: {last}");
}

#[tokio::test]
async fn a_reboot_by_the_web_keeps_process_and_ports_and_tells_why() {
    let camera = camera();
    let web = Web::login(&camera).await.unwrap();
    let before = web.get("/api/v1/maintenance").await.unwrap();
    assert_eq!(before["reach"], "process");
    assert_eq!(before["last_restart"], Value::Null);
    let (status, _) = web
        .send("POST", "/api/v1/maintenance/reboot", Some(json!({})))
        .await
        .unwrap();
    assert_eq!(status, 422, "without confirmation");
    let (status, answer) = web
        .send(
            "POST",
            "/api/v1/maintenance/reboot",
            Some(json!({"confirm": true})),
        )
        .await
        .unwrap();
    assert_eq!((status, &answer["reach"]), (202, &json!("process")));
    // The ports of the harness are those of before: reaching it at all shows that they were kept.
    let after = until(&camera, |m| m["last_restart"]["kind"] == "wanted").await;
    assert_eq!(after["last_restart"]["reason"], "reboot by hand");
    assert!(
        after["last_restart"]["by"]
            .as_str()
            .unwrap()
            .starts_with("admin@")
    );
    conformance::ffprobe("tcp", &camera.rtsp_url(0)).unwrap();
    let (status, _) = camera.stop().unwrap();
    assert!(status.success(), "the same process ends: {status}");
}

#[tokio::test]
async fn onvif_reboots_with_a_message_and_a_power_cut_is_told_too() {
    let camera = camera();
    let digest = format!("admin:{PASSWORD}");
    let body = r#"<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body><SystemReboot xmlns="http://www.onvif.org/ver10/device/wsdl"/></s:Body></s:Envelope>"#;
    let mut curl = std::process::Command::new("curl");
    curl.args([
        "-sS",
        "--digest",
        "-u",
        &digest,
        "-H",
        "Content-Type: application/soap+xml",
        "-d",
        body,
    ])
    .arg(camera.url("/onvif/device_service"));
    let answer = conformance::output(&mut curl, PATIENCE).unwrap();
    assert!(
        answer.contains("SystemRebootResponse") && answer.contains("restarts"),
        "{answer}"
    );
    until(&camera, |m| m["last_restart"]["kind"] == "wanted").await;
    let options = Options {
        source: QUIET.into(),
        ..Options::default()
    };
    let dir = tempfile::tempdir().unwrap();
    let first = Camera::start_in(&options, dir.path()).unwrap();
    first.kill().unwrap();
    let second = Camera::start_in(&options, dir.path()).unwrap();
    until(&second, |m| m["last_restart"]["kind"] == "lost").await;
    second.stop().unwrap();
    let third = Camera::start_in(&options, dir.path()).unwrap();
    until(&third, |m| m["last_restart"]["kind"] == "stopped").await;
}
