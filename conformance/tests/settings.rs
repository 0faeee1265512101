//! Settings while people watch, conflicts, power cuts, the lock after wrong passwords, and the device
//! that nobody has initialised.

use std::{
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use conformance::{Camera, Options, PASSWORD, Web, ffprobe, output};
use futures_util::StreamExt;
use retina::{client, codec::CodecItem};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(60);

/// One `PATCH` with `If-Match`.
async fn patch(web: &Web, key: &str, revision: &Value, body: Value) -> (u16, Value) {
    let tag = format!("\"{revision}\"");
    let response = web
        .raw(
            "PATCH",
            &format!("/api/v1/settings/{key}"),
            Some(body),
            &[("If-Match", &tag)],
        )
        .await
        .unwrap();
    (
        response.status().as_u16(),
        response.json().await.unwrap_or_default(),
    )
}

/// Changes a section as it is now.
async fn set(web: &Web, key: &str, body: Value) -> Value {
    let revision = web.get(&format!("/api/v1/settings/{key}")).await.unwrap()["revision"].clone();
    let (status, answer) = patch(web, key, &revision, body).await;
    assert_eq!(status, 200, "{answer}");
    answer
}

/// A viewer of the main stream, who counts.
async fn viewer(camera: &Camera) -> (Arc<AtomicU64>, tokio::task::JoinHandle<String>) {
    let url = url::Url::parse(&camera.rtsp_url_anonymous(0)).unwrap();
    let credentials = client::Credentials {
        username: "admin".into(),
        password: PASSWORD.into(),
    };
    let options = client::SessionOptions::default().creds(Some(credentials));
    let mut session = client::Session::describe(url, options).await.unwrap();
    session
        .setup(0, client::SetupOptions::default())
        .await
        .unwrap();
    let mut demuxed = session
        .play(client::PlayOptions::default())
        .await
        .unwrap()
        .demuxed()
        .unwrap();
    let frames = Arc::new(AtomicU64::new(0));
    let counter = frames.clone();
    let task = tokio::spawn(async move {
        loop {
            match demuxed.next().await {
                Some(Ok(CodecItem::VideoFrame(_))) => {
                    counter.fetch_add(1, Ordering::Relaxed);
                }
                Some(Ok(_)) => {}
                Some(Err(e)) => return e.to_string(),
                None => return "the end".into(),
            }
        }
    });
    (frames, task)
}

/// Waits for `n` more frames.
async fn more(frames: &AtomicU64, n: u64) {
    let want = frames.load(Ordering::Relaxed) + n;
    let wait = async {
        while frames.load(Ordering::Relaxed) < want {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait)
        .await
        .expect("the viewer goes on");
}

/// Until ffprobe sees the sub stream so; the encoder changes while the answer is already there.
async fn sub_becomes(camera: &Camera, codec: &str, width: i64, height: i64, rate: &str) {
    let end = Instant::now() + PATIENCE;
    loop {
        let url = camera.rtsp_url(1);
        let found = tokio::task::spawn_blocking(move || ffprobe("tcp", &url))
            .await
            .unwrap();
        if let Ok(found) = &found {
            let v = &found["streams"][0];
            let is = (
                v["codec_name"].as_str(),
                v["width"].as_i64(),
                v["height"].as_i64(),
            );
            let rate_is =
                codec == "mjpeg" || v["avg_frame_rate"] == rate || v["r_frame_rate"] == rate;
            if is == (Some(codec), Some(width), Some(height)) && rate_is {
                return;
            }
        }
        assert!(
            Instant::now() < end,
            "{codec} {width}x{height} {rate}: {found:?}"
        );
    }
}

/// VIDEO-4, 5, 7: codec, size and rate of one stream change live; viewers of the other see nothing of it.
#[tokio::test(flavor = "multi_thread")]
async fn the_sub_stream_changes_while_the_main_stream_plays_and_all_survives_a_power_cut() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        source: "test:".into(),
        ..Options::default()
    };
    let camera = Camera::start_in(&options, dir.path()).unwrap();
    let web = Web::login(&camera).await.unwrap();
    let (frames, watching) = viewer(&camera).await;
    more(&frames, 10).await;
    for (change, codec, width, height, rate) in [
        (json!({"resolution": "352x288"}), "h264", 352, 288, "15/1"),
        (
            json!({"frame_rate": 10, "gop_length": 25}),
            "h264",
            352,
            288,
            "10/1",
        ),
        (json!({"codec": "MJPEG"}), "mjpeg", 352, 288, "10/1"),
        (
            json!({"codec": "H.265", "resolution": "640x480"}),
            "hevc",
            640,
            480,
            "10/1",
        ),
    ] {
        println!("  {change}");
        set(&web, "video.sub", change).await;
        sub_becomes(&camera, codec, width, height, rate).await;
        assert!(
            !watching.is_finished(),
            "the viewer of the main stream was dropped: {:?}",
            watching.await
        );
        more(&frames, 10).await;
    }
    conflicts(&web).await;
    refusals(&web).await;

    let before = set(&web, "video.main", json!({"bit_rate": 3000})).await;
    camera.kill().unwrap();
    let camera = Camera::start_in(
        &Options {
            initialised: false,
            ..options
        },
        dir.path(),
    )
    .unwrap();
    let web = Web::login(&camera).await.unwrap();
    let after = web.get("/api/v1/settings/video.main").await.unwrap();
    assert_eq!(
        (&after["value"], &after["revision"]),
        (&before["value"], &before["revision"])
    );
    assert_eq!(after["value"]["bit_rate"], 3000);
    sub_becomes(&camera, "hevc", 640, 480, "10/1").await;
}

/// Two people change the same section: the second is told, nothing is lost.
async fn conflicts(web: &Web) {
    let seen = web.get("/api/v1/settings/video.sub").await.unwrap();
    let (status, _) = patch(
        web,
        "video.sub",
        &seen["revision"],
        json!({"bit_rate": 600}),
    )
    .await;
    assert_eq!(status, 200);
    let (status, problem) = patch(
        web,
        "video.sub",
        &seen["revision"],
        json!({"bit_rate": 700}),
    )
    .await;
    assert_eq!(status, 412, "{problem}");
    let now = web.get("/api/v1/settings/video.sub").await.unwrap();
    assert_eq!(now["value"]["bit_rate"], 600);
    let (status, problem) = web
        .send(
            "PATCH",
            "/api/v1/settings/video.sub",
            Some(json!({"bit_rate": 700})),
        )
        .await
        .unwrap();
    assert_eq!(status, 428, "{problem}");
}

/// Every wrong field is named with value and bound, and nothing is taken over.
async fn refusals(web: &Web) {
    let before = web.get("/api/v1/settings/video.sub").await.unwrap();
    for (change, pointer, says) in [
        (json!({"bit_rate": 99999}), "/bit_rate", "16384"),
        (json!({"frame_rate": 0}), "/frame_rate", "30"),
        (json!({"resolution": "9999x9"}), "/resolution", "1920x1080"),
        (json!({"codec": "VP8"}), "/codec", "H.264"),
        (json!({"bit_rate": 800, "speed": 1}), "/speed", ""),
    ] {
        let (status, problem) = patch(web, "video.sub", &before["revision"], change.clone()).await;
        assert_eq!(status, 422, "{change}: {problem}");
        let errors = problem["errors"].as_array().unwrap();
        let named = errors.iter().find(|e| e["pointer"] == pointer);
        let named = named.unwrap_or_else(|| panic!("{pointer} is not named: {problem}"));
        assert!(named["reason"].as_str().unwrap().contains(says), "{named}");
    }
    assert_eq!(web.get("/api/v1/settings/video.sub").await.unwrap(), before);
}

/// One SOAP request to the device service with HTTP Digest by curl; status and headers.
fn soap(camera: &Camera, password: &str) -> String {
    let body = r#"<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body><GetDeviceInformation xmlns="http://www.onvif.org/ver10/device/wsdl"/></s:Body></s:Envelope>"#;
    let mut curl = Command::new("curl");
    curl.args([
        "-s",
        "-o",
        "/dev/null",
        "-D",
        "-",
        "--digest",
        "-u",
        &format!("admin:{password}"),
    ]);
    curl.args([
        "-H",
        "Content-Type: application/soap+xml",
        "--data-binary",
        body,
        &camera.url("/onvif/device_service"),
    ]);
    let headers = output(&mut curl, PATIENCE).unwrap();
    // The last response is the one to the credentials.
    headers
        .trim_end()
        .rsplit("\r\n\r\n")
        .next()
        .unwrap()
        .to_lowercase()
}

/// AUTH-5: wrong passwords are counted over all doors, and the lock closes all of them.
#[tokio::test(flavor = "multi_thread")]
async fn wrong_passwords_lock_every_door() {
    let camera = Camera::start(&Options {
        source: "test:".into(),
        ..Options::default()
    })
    .unwrap();
    let inside = Web::login(&camera).await.unwrap();
    assert!(soap(&camera, PASSWORD).starts_with("http/1.1 200"));
    let stranger = Web::new(&camera).unwrap();
    let login = |password: &'static str| {
        let body = json!({"username": "admin", "password": password});
        stranger.send("POST", "/api/v1/session", Some(body))
    };
    for _ in 0..2 {
        assert_eq!(login("Wrong-2026").await.unwrap().0, 401);
        assert!(soap(&camera, "Wrong-2026").starts_with("http/1.1 401"));
    }
    let refused = ffprobe("tcp", &camera.rtsp_url(0).replace(PASSWORD, "Wrong-2026"))
        .unwrap_err()
        .to_string();
    assert!(
        refused.contains("401") || refused.contains("403"),
        "{refused}"
    );

    let (status, problem) = login(PASSWORD).await.unwrap();
    assert_eq!(status, 423, "{problem}");
    let retry = problem["retry_after_s"].as_u64().unwrap();
    assert!((1..=300).contains(&retry), "{problem}");
    let onvif = soap(&camera, PASSWORD);
    assert!(
        onvif.starts_with("http/1.1 401") && onvif.contains("retry-after:"),
        "{onvif}"
    );
    let rtsp = ffprobe("tcp", &camera.rtsp_url(0)).unwrap_err().to_string();
    assert!(rtsp.contains("403"), "{rtsp}");
    assert_eq!(
        inside.send("GET", "/api/v1/session", None).await.unwrap().0,
        200,
        "who is in stays in"
    );
}

/// INIT-1: before a password is set, no door opens; the web page sets it once (INIT-3..8).
#[tokio::test(flavor = "multi_thread")]
async fn an_uninitialised_device_refuses_everything_but_its_initialisation() {
    let camera = Camera::start(&Options {
        source: "test:".into(),
        initialised: false,
        ..Options::default()
    })
    .unwrap();
    let mut web = Web::new(&camera).unwrap();
    let device = web.get("/api/v1/device").await.unwrap();
    assert_eq!(device["initialized"], false);
    assert!(device.get("serial").is_none(), "{device}");
    for (method, path) in [
        ("GET", "/api/v1/settings/video.main"),
        ("GET", "/api/v1/records"),
        ("GET", "/api/v1/snapshot.jpg"),
        ("POST", "/api/v1/session"),
    ] {
        let body = (method == "POST").then(|| json!({"username": "admin", "password": PASSWORD}));
        let (status, problem) = web.send(method, path, body).await.unwrap();
        assert_eq!(status, 403, "{path}: {problem}");
    }
    for url in [camera.rtsp_url(0), camera.rtsp_url_anonymous(1)] {
        let refused = ffprobe("tcp", &url).unwrap_err().to_string();
        assert!(
            refused.contains("401") || refused.contains("403"),
            "{refused}"
        );
    }
    assert!(soap(&camera, PASSWORD).starts_with("http/1.1 401"));

    for (password, confirm, pointer) in [
        ("short1A", "short1A", "/password"),
        ("alllowercase", "alllowercase", "/password"),
        ("Gate 2026 open", "Gate 2026 open", "/password"),
        (PASSWORD, "Gate-2026-opem", "/confirm"),
    ] {
        let body = json!({"password": password, "confirm": confirm});
        let (status, problem) = web.send("POST", "/api/v1/init", Some(body)).await.unwrap();
        assert_eq!(status, 422, "{password}: {problem}");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
        assert!(
            !problem.to_string().contains(password),
            "the password is not sent back: {problem}"
        );
    }
    let body = json!({"password": PASSWORD, "confirm": PASSWORD});
    let (status, session) = web
        .send("POST", "/api/v1/init", Some(body.clone()))
        .await
        .unwrap();
    assert_eq!(status, 201, "{session}");
    web.take_csrf(&session);
    assert!(web.get("/api/v1/device").await.unwrap()["serial"].is_string());
    let (status, problem) = web.send("POST", "/api/v1/init", Some(body)).await.unwrap();
    assert_eq!(status, 409, "{problem}");
    assert!(ffprobe("tcp", &camera.rtsp_url(0)).is_ok());
    assert!(soap(&camera, PASSWORD).starts_with("http/1.1 200"));
}

/// Recognition that cannot start is told to people; video goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_missing_recognition_engine_is_told_and_stops_nothing_else() {
    let options = Options {
        env: vec![(
            "ORT_DYLIB_PATH".into(),
            "/nonexistent/libonnxruntime.so".into(),
        )],
        ..Options::default()
    };
    let camera = Camera::start(&options).unwrap();
    let web = Web::login(&camera).await.unwrap();
    let status = web.get("/api/v1/status").await.unwrap();
    let reason = status["recognition_error"].as_str().unwrap_or_default();
    assert!(
        reason.contains("/nonexistent/libonnxruntime.so"),
        "{status}"
    );
    let found = ffprobe("tcp", &camera.rtsp_url(1)).unwrap();
    assert_eq!(found["streams"][0]["codec_name"], "h264", "{found}");
}
