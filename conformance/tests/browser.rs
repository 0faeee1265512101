//! The web pages in Chromium, without a plug-in (GEN-8, AUTH-2): a new camera over plain http by name, then https; people and maintenance. The scripts are in
//! `conformance/browser`; pictures of every page go to `target/screenshots`.

use std::{fs, process::Command, time::Duration};

use conformance::{
    Camera, Options, PASSWORD, QUIET, Workshop, beeping_clip, binary, demo_truth, output, root,
};

/// Versions that the unit is taken to: by a file, and from an upgrade server.
const GOOD: &str = "0.9.0";
const NEWER: &str = "0.9.5";

fn script(name: &str, camera: &Camera) {
    script_with(name, camera, &[]);
}

/// `more` are further environment variables.
fn script_with(name: &str, camera: &Camera, more: &[(&str, &str)]) {
    let truth: Vec<_> = demo_truth().unwrap().into_iter().map(|p| p.plate).collect();
    let mut node = Command::new("node");
    node.current_dir(root().join("conformance/browser"))
        .arg(name);
    node.env("HTTP_PORT", camera.http.to_string())
        .env("HTTPS_PORT", camera.https.to_string());
    node.env("PASSWORD", PASSWORD).env("TRUTH", truth.join(","));
    node.env("PLATECAM", binary().unwrap());
    node.envs(more.iter().copied());
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
    println!("{}", output(&mut node, Duration::from_secs(900)).unwrap());
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

/// A camera with a picture that costs little; the machine's clock is its own.
fn simulated() -> Options {
    Options {
        source: QUIET.into(),
        args: vec!["--host".into(), "simulated".into()],
        ..Options::default()
    }
}

/// AUTH-4..17, USER-2, USER-7..13, USER-16..21, SYS-32, MAIL-1..5, MAIL-7..9, UI-1, UI-3.
#[test]
fn people_come_are_locked_out_forget_their_passwords_and_go() {
    let camera = Camera::start(&simulated()).unwrap();
    script("people.mjs", &camera);
    script("reset.mjs", &camera);
}

/// SYS-2, SYS-5..7, SYS-19..24, SYS-26..30, SYS-33, SYS-35, LOG-3, LOG-5, DEBUG-2..5, COMM-1, INIT-7: the unit really starts anew.
#[test]
fn a_unit_is_upgraded_saved_watched_and_taken_back_to_factory() {
    let shop = Workshop::new().unwrap();
    let at = |name: &str| shop.path(&format!("packages/{name}"));
    fs::create_dir(shop.path("packages")).unwrap();
    for (name, version) in [("older", "0.0.1"), ("good", GOOD), ("newer", NEWER)] {
        // Large enough to be seen on its way.
        let share = shop.path(&format!("root-{version}/share"));
        fs::create_dir_all(&share).unwrap();
        fs::write(share.join("filler"), vec![7; 8 << 20]).unwrap();
        let package = shop.build(version, Some("exec \"$real\" \"$@\"")).unwrap();
        fs::write(at(&format!("{name}.pkg")), package).unwrap();
    }
    let foreign = Workshop::new().unwrap().build(GOOD, Some("exit 1"));
    fs::write(at("foreign.pkg"), foreign.unwrap()).unwrap();
    let list = shop.announce("packages/newer.pkg").unwrap();
    fs::write(at("versions.json"), list).unwrap();

    let mut options = shop.options(60);
    options.initialised = false;
    options.args.extend(["--host".into(), "simulated".into()]);
    let camera = Camera::start_in(&options, &shop.path("state")).unwrap();
    let packages = shop.text("packages");
    let more = [("PACKAGES", &*packages), ("GOOD", GOOD), ("NEWER", NEWER)];
    script_with("maintenance.mjs", &camera, &more);
}

/// HTTPS-1..5, HTTPS-9, NET-2, NET-5..10: certificates are made, requested, uploaded and served; an address is on trial.
#[test]
fn certificates_and_addresses_are_changed_in_the_browser() {
    let camera = Camera::start(&simulated()).unwrap();
    script("network.mjs", &camera);
}

/// ROI-1..3, ROI-5, METER-4..7, IMG-1, IMG-5: what is drawn on the picture is stored, what is entered is seen before it is.
#[test]
fn regions_are_drawn_in_the_browser() {
    let camera = Camera::start(&simulated()).unwrap();
    script("video.mjs", &camera);
}

/// NET-24: decoders are asked for the profile that is sent.
#[test]
fn every_profile_is_shown_in_the_browser() {
    let camera = Camera::start(&simulated()).unwrap();
    script("baseline.mjs", &camera);
}

/// GEN-8, LIVE-11, AUDIO-6: what is heard is what was sent, in step with the picture.
#[test]
fn sound_is_heard_in_the_browser() {
    let dir = tempfile::tempdir().unwrap();
    let clip = beeping_clip(dir.path()).unwrap();
    let camera = Camera::start(&Options {
        source: format!("file:{}", clip.display()),
        ..Options::default()
    })
    .unwrap();
    script("sound.mjs", &camera);
}

/// LIVE-6, LIVE-11, STOR-13: snapshots and videos go to the folder that was chosen.
#[test]
fn snapshots_are_saved_by_themselves_in_the_browser() {
    let camera = Camera::start(&simulated()).unwrap();
    script("saving.mjs", &camera);
}

/// GEN-24: what the model lacks is in no menu and on no page.
#[test]
fn a_model_without_functions_hides_their_pages() {
    let file = root().join("packaging/models/platecam-basic.json");
    let camera = Camera::start(&Options {
        source: QUIET.into(),
        args: [
            "--host",
            "simulated",
            "--model",
            &file.display().to_string(),
        ]
        .map(String::from)
        .to_vec(),
        ..Options::default()
    })
    .unwrap();
    script("models.mjs", &camera);
}

#[test]
fn settings_pages_do_their_work() {
    let camera = Camera::start(&simulated()).unwrap();
    script("pages.mjs", &camera);
}

/// UI-1, UI-6, UI-7: every page in both themes, in two widths and in German.
#[test]
fn every_page_is_accessible() {
    let camera = Camera::start(&simulated()).unwrap();
    script("walk.mjs", &camera);
}

/// ALARM-1..6, ALARM-10, ALARM-13..15.
#[test]
fn schedules_are_drawn_and_outputs_tested_in_the_browser() {
    let camera = Camera::start(&simulated()).unwrap();
    script("alarms.mjs", &camera);
}

/// GEN-6: from the capture of a picture to the screen, by MSE and by WebCodecs.
#[test]
fn the_age_of_pictures_on_the_screen_is_measured() {
    let camera = Camera::start(&Options {
        source: "test:?timecode=drawn".into(),
        ..Options::default()
    })
    .unwrap();
    script("latency.mjs", &camera);
}

/// LIVE-1, LIVE-7, GEN-8: the live view in a browser of another make.
#[test]
fn firefox_shows_the_live_picture() {
    script("firefox.mjs", &Camera::demo().unwrap());
}
