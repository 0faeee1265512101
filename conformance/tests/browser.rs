//! The web pages in Chromium: a new camera over plain http by name, then https. The scripts are in
//! `conformance/browser`; pictures of every page go to `target/screenshots`.

use std::{process::Command, time::Duration};

use conformance::{Camera, Options, PASSWORD, demo_truth, output, root};

fn script(name: &str, camera: &Camera) {
    let truth: Vec<_> = demo_truth().unwrap().into_iter().map(|p| p.plate).collect();
    let mut node = Command::new("node");
    node.current_dir(root().join("conformance/browser"))
        .arg(name);
    node.env("HTTP_PORT", camera.http.to_string())
        .env("HTTPS_PORT", camera.https.to_string());
    node.env("PASSWORD", PASSWORD).env("TRUTH", truth.join(","));
    node.env(
        "SHOTS",
        root().canonicalize().unwrap().join("target/screenshots"),
    );
    // The harness runs without `make` too: the set-up's Node.js, if there is one, comes first.
    let path = std::env::var("PATH").unwrap_or_default();
    node.env(
        "PATH",
        format!("{}:{path}", root().join(".cache/node/bin").display()),
    );
    println!("{}", output(&mut node, Duration::from_secs(420)).unwrap());
}

#[test]
fn a_new_camera_is_set_up_watched_searched_and_changed_in_the_browser() {
    let camera = Camera::start(&Options {
        initialised: false,
        ..Options::default()
    })
    .unwrap();
    script("first-run.mjs", &camera);
    script("https.mjs", &camera);
}

#[test]
fn every_settings_page_works_and_is_accessible() {
    let camera = Camera::start(&Options {
        args: vec!["--host".into(), "simulated".into()],
        ..Options::default()
    })
    .unwrap();
    script("pages.mjs", &camera);
}
