//! People from the command line of a camera that runs and of one that does not, and one setting seen alike by
//! web, ONVIF and command line.

use std::{
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use conformance::{Camera, Options, PASSWORD, QUIET, Web, binary, ffprobe, output};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(60);
const GUARD: &str = "Guard-2026-one";

fn test_picture() -> Options {
    Options {
        source: QUIET.into(),
        ..Options::default()
    }
}

/// Runs `platecam` with `stdin` as its standard input.
fn platecam(state: &Path, args: &[&str], stdin: &str) -> Output {
    // What follows the verb of `config set` are keys and values.
    let verb = if args[0] == "config" { 2 } else { args.len() };
    let (before, after) = args.split_at(verb);
    let mut child = Command::new(binary().unwrap())
        .args(before)
        .arg("--state-dir")
        .arg(state)
        .args(after)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that is refused before it reads closes the pipe.
    let _ = writeln!(child.stdin.take().unwrap(), "{stdin}");
    child.wait_with_output().unwrap()
}

/// Standard output of a command that must succeed.
fn done(state: &Path, args: &[&str], stdin: &str) -> String {
    let o = platecam(state, args, stdin);
    let says = String::from_utf8_lossy(&o.stderr);
    assert!(o.status.success(), "{args:?}: {says}");
    String::from_utf8(o.stdout).unwrap()
}

/// What a command that must be refused says.
fn refused(state: &Path, args: &[&str], stdin: &str) -> String {
    let o = platecam(state, args, stdin);
    assert_eq!(o.status.code(), Some(1), "{args:?}: {o:?}");
    String::from_utf8(o.stderr).unwrap()
}

fn users(state: &Path) -> Vec<Value> {
    let lines = done(state, &["user", "list", "--json"], "");
    lines
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect()
}

/// What holds whether the camera runs or not: group, user, rights, passwords, refusals with their bounds.
fn people_are_made_and_changed(state: &Path) {
    let made = ["user", "group", "add", "guards", "--permission"];
    let rights = "live-view,search-records";
    done(
        state,
        &[&made[..], &[rights, "--remark", "Gate house"]].concat(),
        "",
    );
    done(
        state,
        &["user", "add", "guard1", "--group", "guards"],
        GUARD,
    );
    let groups = done(state, &["user", "group", "list"], "");
    let line = groups.lines().find(|l| l.starts_with("guards\t")).unwrap();
    assert!(
        line.contains("\t1\t") && line.ends_with("\tGate house"),
        "{line}"
    );
    let list = done(state, &["user", "list"], "");
    let line = list.lines().find(|l| l.starts_with("guard1\t")).unwrap();
    assert!(line.starts_with("guard1\tguards\t-\t"), "{line}");
    let guard = users(state).into_iter().find(|u| u["name"] == "guard1");
    assert_eq!(guard.unwrap()["effective"].as_array().unwrap().len(), 2);

    for (args, stdin, says) in [
        (&["user", "add", "guard1"][..], GUARD, "guard1"),
        (&["user", "add", "guard2"], "short", "8 to 32"),
        (&["user", "add", "no blank"], GUARD, "/name"),
        // Never more than the group (GEN-2).
        (
            &[
                "user",
                "add",
                "g3",
                "--group",
                "guards",
                "--permission",
                "maintenance",
            ],
            GUARD,
            "/permissions",
        ),
        (&["user", "delete", "admin"], "", "admin"),
        (&["user", "set-password", "nobody"], GUARD, "nobody"),
        (&["user", "unlock", "nobody"], "", "nobody"),
        (&["user", "group", "delete", "guards"], "", "guards"),
    ] {
        let text = refused(state, args, stdin);
        assert!(text.contains(says), "{args:?}: {text}");
        assert!(!text.contains(GUARD), "a password is told: {text}");
    }
    assert_eq!(users(state).len(), 2);

    done(
        state,
        &[
            "user",
            "group",
            "set",
            "guards",
            "--permission",
            "live-view",
        ],
        "",
    );
    let guard = users(state).into_iter().find(|u| u["name"] == "guard1");
    assert_eq!(guard.unwrap()["effective"], json!(["live-view"]));
}

/// USER-2..19, GEN-2: the running camera makes the change itself, so that it counts at once.
#[tokio::test(flavor = "multi_thread")]
async fn people_are_administered_while_the_camera_runs_and_while_it_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path();
    let camera = Camera::start_in(&test_picture(), state).unwrap();
    people_are_made_and_changed(state);
    let guard = Web::login_as(&camera, "guard1", GUARD).await.unwrap();
    assert_eq!(
        guard.send("GET", "/api/v1/users", None).await.unwrap().0,
        403
    );

    // A new password ends the sessions of before (USER-13).
    done(state, &["user", "set-password", "guard1"], "Guard-2026-two");
    assert_eq!(
        guard.send("GET", "/api/v1/status", None).await.unwrap().0,
        401
    );
    let old = Web::login_as(&camera, "guard1", GUARD).await.unwrap_err();
    assert!(old.to_string().starts_with("401"), "{old}");

    // Locked out, seen so, and let in again (AUTH-5).
    for _ in 0..4 {
        Web::login_as(&camera, "guard1", "Wrong-2026")
            .await
            .unwrap_err();
    }
    let locked = Web::login_as(&camera, "guard1", "Guard-2026-two").await;
    let locked = locked.unwrap_err().to_string();
    assert!(locked.starts_with("423"), "{locked}");
    let list = done(state, &["user", "list"], "");
    assert!(list.contains("\tlocked for "), "{list}");
    done(state, &["user", "unlock", "guard1"], "");
    assert!(!done(state, &["user", "list"], "").contains("locked for"));
    // The address has a lock of its own.
    done(state, &["user", "unlock", "--all"], "");
    Web::login_as(&camera, "guard1", "Guard-2026-two")
        .await
        .unwrap();

    // The physical way to a lost administrator's password.
    done(state, &["reset-password", "--local"], "Owner-2026-new");
    let old = Web::login(&camera).await.unwrap_err().to_string();
    assert!(old.starts_with("401"), "{old}");
    let admin = Web::login_as(&camera, "admin", "Owner-2026-new")
        .await
        .unwrap();
    let log = admin
        .get("/api/v1/log?limit=100")
        .await
        .unwrap()
        .to_string();
    for says in [
        "guard1",
        "reset on the device itself",
        "The lock of 'guard1'",
        "local",
    ] {
        assert!(log.contains(says), "{says}: {log}");
    }
    assert!(
        !log.contains("2026-two") && !log.contains("2026-new"),
        "{log}"
    );

    done(state, &["user", "delete", "guard1"], "");
    done(state, &["user", "group", "delete", "guards"], "");
    camera.stop().unwrap();
    people_are_made_and_changed(state);
    done(state, &["reset-password", "--local"], PASSWORD);
    let options = Options {
        initialised: false,
        ..test_picture()
    };
    let camera = Camera::start_in(&options, state).unwrap();
    Web::login(&camera).await.unwrap();
    Web::login_as(&camera, "guard1", GUARD).await.unwrap();
}

/// One SOAP request to Media2 with HTTP Digest, by curl.
fn media2(camera: &Camera, body: &str) -> String {
    let envelope = format!(
        r#"<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:tr2="http://www.onvif.org/ver20/media/wsdl" xmlns:tt="http://www.onvif.org/ver10/schema"><s:Body>{body}</s:Body></s:Envelope>"#
    );
    let mut curl = Command::new("curl");
    curl.args(["-sS", "--digest", "-u", &format!("admin:{PASSWORD}")]);
    curl.args([
        "-H",
        "Content-Type: application/soap+xml",
        "--data-binary",
        &envelope,
    ]);
    curl.arg(camera.url("/onvif/media2_service"));
    output(&mut curl, PATIENCE).unwrap()
}

/// The sub stream's encoder configuration as ONVIF has it, and its bit rate.
fn encoder(camera: &Camera) -> (String, u64) {
    let answer = media2(
        camera,
        "<tr2:GetVideoEncoderConfigurations><tr2:ConfigurationToken>encoder_sub</tr2:ConfigurationToken></tr2:GetVideoEncoderConfigurations>",
    );
    let begin = answer.find("<tr2:Configurations ").expect(&answer);
    let end = answer.find("</tr2:GetVideoEncoderConfigurationsResponse>");
    let xml = answer[begin..end.unwrap()].replace("tr2:Configurations", "tr2:Configuration");
    let rate = xml.split("BitrateLimit>").nth(1).unwrap();
    let rate = rate.split('<').next().unwrap().parse().unwrap();
    (xml, rate)
}

/// One owner for each setting: whichever way changes it, the others see it at once, also in its history.
#[tokio::test(flavor = "multi_thread")]
async fn a_setting_changed_one_way_is_seen_by_the_other_two() {
    let camera = Camera::start(&test_picture()).unwrap();
    let web = Web::login(&camera).await.unwrap();
    let section = "/api/v1/settings/video.sub";
    let key = "video.sub/bit_rate";
    let all_say = async |rate: u64| {
        let by_web = web.get(section).await.unwrap()["value"]["bit_rate"].clone();
        let by_line = done(&camera.state, &["config", "get", key], "");
        let by_onvif = encoder(&camera).1;
        assert_eq!(
            (by_web, by_line.trim(), by_onvif),
            (json!(rate), &*rate.to_string(), rate)
        );
    };
    all_say(512).await;

    let revision = web.get(section).await.unwrap()["revision"].to_string();
    let tag = format!("\"{revision}\"");
    let change = Some(json!({"bit_rate": 601}));
    let answer = web
        .raw("PATCH", section, change, &[("If-Match", &tag)])
        .await;
    assert_eq!(answer.unwrap().status(), 200);
    all_say(601).await;

    let (xml, _) = encoder(&camera);
    let changed = xml.replace(">601<", ">602<");
    let set =
        format!("<tr2:SetVideoEncoderConfiguration>{changed}</tr2:SetVideoEncoderConfiguration>");
    let answer = media2(&camera, &set);
    assert!(
        answer.contains("SetVideoEncoderConfigurationResponse"),
        "{answer}"
    );
    all_say(602).await;

    done(&camera.state, &["config", "set", key, "603"], "");
    all_say(603).await;

    let history = done(&camera.state, &["config", "history", "video.sub"], "");
    let steps: Vec<_> = history.lines().filter(|l| l.contains("bit_rate")).collect();
    let want = ["602 -> 603", "601 -> 602", "512 -> 601"];
    assert_eq!(steps, want.map(|s| format!("  {key} {s}")));
}

/// Until ffprobe sees the sub stream so: one track of video, no B frames, no sound.
async fn sub_plays(camera: &Camera, profile: &str, height: i64) {
    let end = Instant::now() + PATIENCE;
    loop {
        let url = camera.rtsp_url(1);
        let found = tokio::task::spawn_blocking(move || ffprobe("tcp", &url))
            .await
            .unwrap();
        if let Ok(found) = &found {
            let v = &found["streams"][0];
            let size = (v["width"].as_i64(), v["height"].as_i64());
            if v["profile"] == profile && size == (Some(352), Some(height)) {
                assert_eq!(
                    (&v["codec_name"], &v["has_b_frames"]),
                    (&json!("h264"), &json!(0))
                );
                let all = found["streams"].as_array().unwrap();
                assert!(all.iter().all(|s| s["codec_type"] != "audio"), "{found}");
                return;
            }
        }
        assert!(Instant::now() < end, "{profile} 352x{height}: {found:?}");
    }
}

/// NET-24, C-84: no sound, H.264 Baseline and CIF, of NTSC by the web and of PAL by ONVIF, which can also go back to High.
#[tokio::test(flavor = "multi_thread")]
async fn the_low_end_profile_is_chosen_by_web_and_by_onvif() {
    let camera = Camera::start(&test_picture()).unwrap();
    let web = Web::login(&camera).await.unwrap();
    let section = "/api/v1/settings/video.sub";
    let revision = web.get(section).await.unwrap()["revision"].to_string();
    let tag = format!("\"{revision}\"");
    let change = Some(json!({"h264_profile": "Baseline", "resolution": "352x240"}));
    let answer = web
        .raw("PATCH", section, change, &[("If-Match", &tag)])
        .await;
    assert_eq!(answer.unwrap().status(), 200);
    sub_plays(&camera, "Constrained Baseline", 240).await;
    for (profile, height, plays) in [
        ("High", 240, "High"),
        ("Main", 240, "Main"),
        ("Baseline", 288, "Constrained Baseline"),
    ] {
        let (xml, _) = encoder(&camera);
        let old = xml.split("Profile=\"").nth(1).unwrap();
        let old = old.split('"').next().unwrap();
        let changed = xml
            .replace(
                &format!("Profile=\"{old}\""),
                &format!("Profile=\"{profile}\""),
            )
            .replace("Height>240<", &format!("Height>{height}<"));
        let answer = media2(
            &camera,
            &format!(
                "<tr2:SetVideoEncoderConfiguration>{changed}</tr2:SetVideoEncoderConfiguration>"
            ),
        );
        assert!(
            answer.contains("SetVideoEncoderConfigurationResponse"),
            "{answer}"
        );
        let now = &web.get(section).await.unwrap()["value"]["h264_profile"];
        assert_eq!(now, profile);
        sub_plays(&camera, plays, height).await;
    }
}
