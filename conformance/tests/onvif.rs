//! ONVIF as other people's clients use it, and its answers against ONVIF's own schemas.
//!
//! The scripts are in `conformance/onvif`. Two clients of the same package name need two places:
//! onvif-zeep-async is in the virtual environment, onvif-python beside it in `.cache/onvif-python`. The client of Node.js is with
//! the packages of `conformance/browser`.

use std::{process::Command, time::Duration};

use conformance::{Camera, PASSWORD, demo_truth, output, python, root};

fn script(name: &str, camera: &Camera) -> Command {
    let mut command = python();
    command.arg(root().join("conformance/onvif").join(name));
    command.args(["--http", &camera.http.to_string(), "--password", PASSWORD]);
    // Proxies of the environment have no business between a client and a camera on loopback.
    command
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("no_proxy", "127.0.0.1")
        .env("NO_PROXY", "127.0.0.1");
    command
}

fn run(command: &mut Command) {
    println!("{}", output(command, Duration::from_secs(300)).unwrap());
}

#[test]
fn third_party_clients_find_play_configure_and_hear_the_camera() {
    let camera = Camera::demo().unwrap();
    let contracts = root().join(".cache/wsdl/onvif/wsdl");
    run(script("schema_check.py", &camera)
        .arg("--contracts")
        .arg(contracts));
    run(script("zeep_client.py", &camera)
        .arg("--truth")
        .arg(root().join("assets/demo.truth.json")));
    run(script("python_client.py", &camera).env("PYTHONPATH", root().join(".cache/onvif-python")));
}

/// LPRCFG-2, Profile M 8.6: a region set by a client decides at once which plates are told.
#[test]
fn the_capture_area_is_changed_by_a_client() {
    let camera = Camera::demo().unwrap();
    // The clip lasts 40 s.
    run(script("rules_client.py", &camera).args(["--quiet", "42"]));
}

/// The npm package `onvif`.
#[test]
fn the_client_of_node_finds_plays_and_hears_the_camera() {
    let camera = Camera::demo().unwrap();
    let truth: Vec<_> = demo_truth().unwrap().into_iter().map(|p| p.plate).collect();
    let path = std::env::var("PATH").unwrap_or_default();
    let node = root().join(".cache/node/bin");
    let mut command = Command::new("node");
    command
        .current_dir(root().join("conformance/browser"))
        .arg("onvif-client.mjs")
        .env("HTTP_PORT", camera.http.to_string())
        .env("PASSWORD", PASSWORD)
        .env("TRUTH", truth.join(","))
        .env("PATH", format!("{}:{path}", node.display()));
    run(&mut command);
}
