//! RTSP tunnelled in HTTP and HTTPS (SEC-8), as players use it and as a client in odd pieces does.

use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    process::Command,
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use conformance::{Camera, PASSWORD, ffprobe, output};

const WITHIN: Duration = Duration::from_secs(60);
const STREAM: &str = "/video/livemedia?Ch=1&Streamtype=1";

fn url(port: u16) -> String {
    format!("rtsp://admin:{PASSWORD}@127.0.0.1:{port}{STREAM}")
}

/// MEDIA2_RTSS-1-1-2: on the web port as `GetStreamUri` says, and on the port of RTSP, where ffmpeg looks for it.
#[test]
fn ffmpeg_plays_through_http_on_both_ports() {
    let camera = Camera::demo().unwrap();
    for port in [camera.http, camera.rtsp] {
        let found = ffprobe("http", &url(port)).unwrap();
        let video = &found["streams"][0];
        assert_eq!(
            (&video["codec_name"], video["width"].as_i64()),
            (&"h264".into(), Some(640)),
            "{found}"
        );
    }
    let wrong = url(camera.http).replace(PASSWORD, "Wrong-2026-gate");
    let refused = ffprobe("http", &wrong).unwrap_err().to_string();
    assert!(refused.contains("401"), "{refused}");
}

/// MEDIA2_RTSS-1-1-15.
#[test]
fn ffmpeg_plays_through_https() {
    let camera = Camera::demo().unwrap();
    let found = ffprobe("https", &url(camera.https)).unwrap();
    assert_eq!(found["streams"][0]["codec_name"], "h264", "{found}");
}

/// What it decoded is judged, not how it ends: GStreamer cuts its own PAUSE off by the CLOSE after it now and then, and
/// then says that it could not send it.
#[test]
fn gstreamer_plays_through_http() {
    const PICTURE: usize = 640 * 360 * 3 / 2;
    let camera = Camera::demo().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let pictures = dir.path().join("pictures.yuv");
    let mut command = Command::new("gst-launch-1.0");
    command
        .args(["-q", "rtspsrc", "user-id=admin"])
        .arg(format!(
            "location=rtsph://127.0.0.1:{}{STREAM}",
            camera.http
        ))
        .arg(format!("user-pw={PASSWORD}"))
        .args(["!", "rtph264depay", "!", "avdec_h264", "!"])
        .args(["video/x-raw,format=I420,width=640,height=360", "!"])
        .args(["identity", "eos-after=31", "!", "filesink"])
        .arg(format!("location={}", pictures.display()));
    let ended = output(&mut command, WITHIN);
    let decoded = std::fs::metadata(&pictures).map_or(0, |m| m.len());
    assert_eq!(decoded, 30 * PICTURE as u64, "{ended:?}");
}

/// Reads until `mark` has come, or the connection ends.
fn until(stream: &mut TcpStream, mark: &str) -> String {
    stream
        .set_read_timeout(Some(Duration::from_millis(200)))
        .unwrap();
    let (mut all, end) = (Vec::new(), Instant::now() + WITHIN);
    let mut byte = [0];
    while !all.ends_with(mark.as_bytes()) && Instant::now() < end {
        match stream.read(&mut byte) {
            Ok(0) => break,
            Ok(_) => all.push(byte[0]),
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => break,
        }
    }
    String::from_utf8_lossy(&all).into_owned()
}

/// RTSS-1-1-45: heads and base64 in odd pieces, with line breaks; what is no base64 ends that tunnel alone.
#[test]
fn odd_pieces_are_understood_and_garbage_harms_nobody() {
    let camera = Camera::demo().unwrap();
    let half = |method: &str, cookie: &str| {
        let mut stream = TcpStream::connect(("127.0.0.1", camera.http)).unwrap();
        stream.set_nodelay(true).unwrap();
        let head = format!(
            "{method} {STREAM} HTTP/1.0\r\nX-SessionCookie: {cookie}\r\nContent-Length: 9\r\n\r\n"
        );
        for piece in head.as_bytes().chunks(5) {
            stream.write_all(piece).unwrap();
        }
        stream
    };
    let mut get = half("GET", "good");
    assert!(until(&mut get, "\r\n\r\n").starts_with("HTTP/1.0 200"));
    let mut post = half("POST", "good");
    let mut ask = |n: u32| {
        let text = format!("DESCRIBE rtsp://127.0.0.1{STREAM} RTSP/1.0\r\nCSeq: {n}\r\n\r\n");
        for piece in STANDARD.encode(text).as_bytes().chunks(3) {
            post.write_all(piece).unwrap();
            post.write_all(b"\r\n").unwrap();
        }
        until(&mut get, "\r\n\r\n")
    };
    let answer = ask(1);
    assert!(
        answer.starts_with("RTSP/1.0 401") && answer.contains("WWW-Authenticate: Digest"),
        "{answer}"
    );
    // Another tunnel sends rubbish and is closed.
    let mut bad = half("GET", "bad");
    assert!(until(&mut bad, "\r\n\r\n").starts_with("HTTP/1.0 200"));
    let mut rubbish = half("POST", "bad");
    rubbish.write_all(b"\0\x01{}").unwrap();
    assert!(until(&mut rubbish, "never").starts_with("HTTP/1.0 400"));
    assert_eq!(until(&mut bad, "never"), "");
    // A POST nobody waits for.
    assert!(until(&mut half("POST", "alone"), "never").starts_with("HTTP/1.0 404"));
    let answer = ask(2);
    assert!(answer.contains("CSeq: 2"), "{answer}");
}
