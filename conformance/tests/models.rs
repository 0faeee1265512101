//! A model that lacks functions, seen from the web and over ONVIF (GEN-24).

use std::process::Command;

use conformance::{Camera, Options, PASSWORD, Web, root};
use serde_json::json;

/// The smaller model that the package ships.
const BASIC: &str = "packaging/models/platecam-basic.json";

fn options() -> Options {
    let file = root().join(BASIC).display().to_string();
    Options {
        source: "test:".into(),
        args: ["--host", "simulated", "--no-discovery", "--model", &file]
            .map(String::from)
            .to_vec(),
        ..Options::default()
    }
}

fn soap(camera: &Camera, body: &str) -> (u16, String) {
    conformance::soap(camera, PASSWORD, body).unwrap()
}

/// GEN-24: absent for both, present for both, and what is not absent works.
#[tokio::test]
async fn web_and_onvif_agree_on_what_a_model_lacks() {
    let camera = Camera::start(&options()).unwrap();
    let web = Web::login(&camera).await.unwrap();
    let device = web.get("/api/v1/device").await.unwrap();
    assert_eq!(device["model"], "Platecam Basic");
    assert!(device["lacks"].to_string().contains("\"privacy-masks\""));

    let (status, _) = web
        .send("GET", "/api/v1/settings/video.masks", None)
        .await
        .unwrap();
    assert_eq!(status, 501);
    let (status, refused) = web
        .send("POST", "/api/v1/mail/test", Some(json!({})))
        .await
        .unwrap();
    let said = refused["detail"].as_str().unwrap_or_default();
    assert_eq!(status, 501);
    assert!(
        said.contains("the model Platecam Basic has no e-mail"),
        "{said}"
    );
    let (status, _) = web
        .change("video.main", json!({"frame_rate": 10}))
        .await
        .unwrap();
    assert_eq!(status, 200);

    let tds = "http://www.onvif.org/ver10/device/wsdl";
    let (status, info) = soap(&camera, &format!("<GetDeviceInformation xmlns=\"{tds}\"/>"));
    assert_eq!(status, 200);
    assert!(info.contains(">Platecam Basic<"), "{info}");
    let (_, services) = soap(
        &camera,
        &format!(
            "<GetServices xmlns=\"{tds}\"><IncludeCapability>true</IncludeCapability></GetServices>"
        ),
    );
    assert!(!services.contains("advancedsecurity"), "{services}");
    assert!(services.contains("MaxUsers=\"16\""), "{services}");
    assert!(services.contains("Mask=\"false\"") && services.contains("RelayOutputs=\"1\""));
    let tr2 = "http://www.onvif.org/ver20/media/wsdl";
    let (_, profiles) = soap(&camera, &format!("<GetProfiles xmlns=\"{tr2}\"/>"));
    assert!(profiles.contains("profile_main") && !profiles.contains("profile_sub"));
    for (ns, operation) in [
        (tr2, "GetMasks"),
        (tds, "GetGeoLocation"),
        (tds, "StartFirmwareUpgrade"),
        (
            "http://www.onvif.org/ver10/advancedsecurity/wsdl",
            "GetAllKeys",
        ),
        ("http://www.onvif.org/ver10/events/wsdl", "GetEventBrokers"),
    ] {
        let (status, fault) = soap(&camera, &format!("<{operation} xmlns=\"{ns}\"/>"));
        assert_eq!(status, 500, "{operation}: {fault}");
        assert!(fault.contains("ActionNotSupported"), "{operation}: {fault}");
    }
}

/// GEN-24: a mistake in the file stops the start and is named with its bound.
#[test]
fn a_wrong_model_file_stops_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("model.json");
    std::fs::write(
        &file,
        r#"{"model": "X", "without": ["wings"], "limits": {"users": 3}}"#,
    )
    .unwrap();
    let out = Command::new(conformance::binary().unwrap())
        .args(["run", "--source", "test:", "--no-discovery", "--state-dir"])
        .arg(dir.path().join("state"))
        .arg("--model")
        .arg(&file)
        .output()
        .unwrap();
    assert_eq!(out.status.code(), Some(2), "{out:?}");
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(
        said.contains("/without/0 = \"wings\": is no function"),
        "{said}"
    );
    assert!(
        said.contains("/limits/users = 3: must be 10 to 256"),
        "{said}"
    );
}
