//! Debug bundles of a real camera: whole, encrypted on wish, and without a single secret (DEBUG-1..3, DEBUG-6).

use std::{
    fs,
    io::{Cursor, Read},
    path::Path,
};

use conformance::{Camera, Options, PASSWORD, QUIET, Web};
use serde_json::json;

fn files(zip: &[u8], password: Option<&str>) -> Vec<(String, Vec<u8>)> {
    let mut archive = zip::ZipArchive::new(Cursor::new(zip)).unwrap();
    (0..archive.len())
        .map(|i| {
            let mut file = match password {
                Some(p) => archive.by_index_decrypt(i, p.as_bytes()).unwrap(),
                None => archive.by_index(i).unwrap(),
            };
            let mut content = Vec::new();
            file.read_to_end(&mut content).unwrap();
            (file.name().unwrap().into_owned(), content)
        })
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// What must never leave the unit: what was typed in, the device key, and whatever looks like a private key. The
/// certificates' keys are sealed in the database: none lies in the clear under the state directory.
fn secrets(state: &Path) -> Vec<Vec<u8>> {
    const KEY: &[u8] = b"PRIVATE KEY";
    let key = fs::read(state.join("device.key")).unwrap();
    let all = vec![
        PASSWORD.as_bytes().to_vec(),
        hex(&key).into_bytes(),
        key,
        KEY.to_vec(),
    ];
    let mut dirs = vec![state.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).unwrap().flatten() {
            if entry.path().is_dir() {
                dirs.push(entry.path());
            } else if let Ok(bytes) = fs::read(entry.path()) {
                let clear = bytes.windows(KEY.len()).any(|w| w == KEY);
                assert!(!clear, "{} holds a key", entry.path().display());
            }
        }
    }
    all
}

#[tokio::test]
async fn bundles_are_whole_and_hold_no_secret() {
    let camera = Camera::start(&Options {
        source: QUIET.into(),
        ..Options::default()
    })
    .unwrap();
    let web = Web::login(&camera).await.unwrap();
    // A wrong password is a secret too: people type right ones into wrong fields.
    let wrong = json!({"username": "admin", "password": "Mistyped-0815-secret"});
    web.send("POST", "/api/v1/session", Some(wrong))
        .await
        .unwrap();
    let bundle = async |body: serde_json::Value| {
        let response = web
            .raw("POST", "/api/v1/debug/bundle", Some(body), &[])
            .await
            .unwrap();
        assert_eq!(response.status(), 200);
        response.bytes().await.unwrap()
    };
    let plain = bundle(json!({})).await;
    let held = files(&plain, None);
    let names: Vec<_> = held.iter().map(|(n, _)| n.as_str()).collect();
    for name in [
        "device.json",
        "settings.json",
        "log.json",
        "audit.json",
        "media.json",
        "system/version.txt",
    ] {
        assert!(names.contains(&name), "{name} is missing: {names:?}");
    }
    let mut secrets = secrets(&camera.state);
    secrets.push(b"Mistyped-0815-secret".to_vec());
    for (name, content) in &held {
        for secret in &secrets {
            let found = content
                .windows(secret.len())
                .any(|w| w == secret.as_slice());
            assert!(
                !found,
                "{name} holds a secret: {}",
                String::from_utf8_lossy(secret)
            );
        }
        assert!(
            !content.windows(9).any(|w| w == b"$argon2id"),
            "{name} holds a password hash"
        );
    }
    let sealed = bundle(json!({"parts": ["device"], "password": "correct horse"})).await;
    let opened = files(&sealed, Some("correct horse"));
    assert_eq!(opened.len(), 1);
    assert!(String::from_utf8_lossy(&opened[0].1).contains("\"serial\""));
}
