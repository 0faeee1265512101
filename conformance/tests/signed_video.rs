//! Signed video from the stream to the check of a recording (GEN-21, VIDEO-17).
#![allow(missing_docs, reason = "a test")]

use std::{path::Path, process::Command, time::Duration};

use conformance::{Camera, Options, Web, binary, output};
use serde_json::json;

const WITHIN: Duration = Duration::from_secs(90);

/// Keeps some seconds of the main stream as they come.
fn record(camera: &Camera, seconds: u32, to: &Path) {
    let mut command = Command::new("ffmpeg");
    command.args([
        "-v",
        "error",
        "-y",
        "-rtsp_transport",
        "tcp",
        "-i",
        &camera.rtsp_url(0),
    ]);
    command.args(["-t", &seconds.to_string(), "-map", "0:v", "-c", "copy"]);
    output(command.arg(to), WITHIN).unwrap();
}

/// What `platecam check-video` prints, and whether it is content.
fn check(key: &str, file: &Path) -> (bool, String) {
    let mut command = Command::new(binary().unwrap());
    command.args(["check-video", "--key", key]).arg(file);
    let done = command.output().unwrap();
    let said = String::from_utf8(done.stdout).unwrap();
    println!("{said}");
    (done.status.success(), said)
}

/// GEN-21, VIDEO-17, C-28.
#[tokio::test(flavor = "multi_thread")]
async fn a_recording_of_a_signed_stream_is_genuine_and_a_changed_one_is_not() {
    let options = Options {
        source: "test:".into(),
        ..Options::default()
    };
    let camera = Camera::start(&options).unwrap();
    let web = Web::login(&camera).await.unwrap();
    let key = web.get("/api/v1/watermark").await.unwrap();
    let key = key["key"].as_str().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str| dir.path().join(name);

    let plain = file("plain.mp4");
    record(&camera, 6, &plain);
    let (content, said) = check(key, &plain);
    assert!(!content && said.contains("\tError\tno watermark"), "{said}");

    for codec in ["H.264", "H.265"] {
        let change = json!({"codec": codec, "gop_length": 25, "watermark": true, "watermark_text": "North gate"});
        let (status, answer) = web.change("video.main", change).await.unwrap();
        assert_eq!(status, 200, "{answer}");
        // The encoder of the new codec makes its first picture, and the first part is signed.
        let warm = file("warm.mkv");
        record(&camera, 6, &warm);
        let signed = file(&format!("signed-{codec}.mp4"));
        record(&camera, 16, &signed);
        let (content, said) = check(key, &signed);
        assert!(
            content && said.contains("\tNormal\t") && said.contains("North gate"),
            "{said}"
        );
        let mut decode = Command::new("ffmpeg");
        decode
            .args(["-v", "error", "-i"])
            .arg(&signed)
            .args(["-f", "null", "-"]);
        let done = decode.output().unwrap();
        let complaints = String::from_utf8_lossy(&done.stderr);
        assert!(
            done.status.success() && complaints.trim().is_empty(),
            "{complaints}"
        );

        let mut bytes = std::fs::read(&signed).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x08;
        let changed = file(&format!("changed-{codec}.mp4"));
        std::fs::write(&changed, bytes).unwrap();
        let (content, said) = check(key, &changed);
        assert!(!content && said.contains("\tError\t"), "{said}");
        let foreign = format!("04{}", "11".repeat(64));
        let (content, said) = check(&foreign, &signed);
        assert!(!content && said.contains("\tforeign\t"), "{said}");
    }

    let (status, answer) = web
        .change("video.main", json!({"codec": "MJPEG"}))
        .await
        .unwrap();
    assert_eq!(status, 200, "{answer}");
    let pictures = file("pictures.mkv");
    record(&camera, 4, &pictures);
    let (content, said) = check(key, &pictures);
    assert!(!content && said.contains("check-picture"), "{said}");
}
