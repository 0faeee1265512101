//! RTSP as players and recorders use it: ffprobe, GStreamer, retina.

use std::{process::Command, time::Duration};

use conformance::{Camera, Options, PASSWORD, ffprobe, output};
use futures_util::StreamExt;
use retina::{client, codec::CodecItem};

const WITHIN: Duration = Duration::from_secs(60);

/// NET-19..22, GEN-9: both streams play over TCP and UDP with the manual's URL, and only with credentials.
#[test]
fn ffprobe_plays_main_and_sub_over_tcp_and_udp() {
    let camera = Camera::demo().unwrap();
    for transport in ["tcp", "udp"] {
        for (stream, width, height) in [(0, 1920, 1080), (1, 640, 360)] {
            let found = ffprobe(transport, &camera.rtsp_url(stream)).unwrap();
            let video = &found["streams"][0];
            assert_eq!(video["codec_name"], "h264", "{transport} {stream}: {found}");
            assert_eq!(
                (video["width"].as_i64(), video["height"].as_i64()),
                (Some(width), Some(height))
            );
        }
    }
    let refused = ffprobe("tcp", &camera.rtsp_url_anonymous(0))
        .unwrap_err()
        .to_string();
    assert!(refused.contains("401"), "{refused}");
    let unknown = ffprobe("tcp", &camera.rtsp_url(7)).unwrap_err().to_string();
    assert!(unknown.contains("404"), "{unknown}");
}

#[test]
fn gstreamer_decodes_frames_over_tcp() {
    let camera = Camera::demo().unwrap();
    let location = format!("location={}", camera.rtsp_url_anonymous(1));
    let mut command = Command::new("gst-launch-1.0");
    command.args([
        "-q",
        "rtspsrc",
        &location,
        "user-id=admin",
        &format!("user-pw={PASSWORD}"),
        "protocols=tcp",
        "!",
    ]);
    command.args([
        "rtph264depay",
        "!",
        "avdec_h264",
        "!",
        "fakesink",
        "num-buffers=30",
        "silent=false",
        "-v",
    ]);
    output(&mut command, WITHIN).unwrap();
}

/// retina gets pictures and metadata documents of one presentation, on one clock.
#[tokio::test(flavor = "multi_thread")]
async fn retina_plays_video_and_metadata() {
    let camera = Camera::demo().unwrap();
    let url = url::Url::parse(&camera.rtsp_url_anonymous(0)).unwrap();
    let credentials = client::Credentials {
        username: "admin".into(),
        password: PASSWORD.into(),
    };
    let options = client::SessionOptions::default().creds(Some(credentials));
    let mut session = client::Session::describe(url, options).await.unwrap();
    let media: Vec<_> = session
        .streams()
        .iter()
        .map(|s| s.media().to_owned())
        .collect();
    assert_eq!(media, ["video", "application"]);
    for i in 0..media.len() {
        session
            .setup(i, client::SetupOptions::default())
            .await
            .unwrap();
    }
    let playing = session.play(client::PlayOptions::default()).await.unwrap();
    let mut demuxed = playing.demuxed().unwrap();
    let (mut frames, mut documents) = (0, Vec::new());
    let collect = async {
        while frames < 50 || documents.len() < 5 {
            match demuxed
                .next()
                .await
                .expect("the stream goes on")
                .expect("without errors")
            {
                CodecItem::VideoFrame(_) => frames += 1,
                CodecItem::MessageFrame(m) => {
                    documents.push(String::from_utf8(m.data().to_vec()).unwrap())
                }
                _ => {}
            }
        }
    };
    tokio::time::timeout(WITHIN, collect)
        .await
        .expect("pictures and metadata within a minute");
    for d in &documents {
        assert!(
            d.contains("MetadataStream") && d.contains("http://www.onvif.org/ver10/schema"),
            "{d}"
        );
    }
}

/// `--max-sessions`: the next one is refused politely, those connected go on (GEN-5).
#[tokio::test(flavor = "multi_thread")]
async fn one_session_too_many_is_refused() {
    let options = Options {
        args: vec!["--max-sessions".into(), "1".into()],
        ..Options::default()
    };
    let camera = Camera::start(&options).unwrap();
    let open = || async {
        let url = url::Url::parse(&camera.rtsp_url_anonymous(1)).unwrap();
        let credentials = client::Credentials {
            username: "admin".into(),
            password: PASSWORD.into(),
        };
        let mut session = client::Session::describe(
            url,
            client::SessionOptions::default().creds(Some(credentials)),
        )
        .await?;
        session.setup(0, client::SetupOptions::default()).await?;
        session
            .play(client::PlayOptions::default())
            .await?
            .demuxed()
    };
    let mut first = open().await.unwrap();
    assert!(first.next().await.unwrap().is_ok());
    let refused = match open().await {
        Ok(_) => panic!("a second session"),
        Err(e) => e.to_string(),
    };
    assert!(refused.contains("453"), "{refused}");
    for _ in 0..10 {
        assert!(first.next().await.unwrap().is_ok(), "the first goes on");
    }
}

/// Every kind of source but a sensor: the test pattern, a file, another RTSP camera passed through.
#[test]
fn other_sources_play_too() {
    let pattern = Camera::start(&Options {
        source: "test:".into(),
        ..Options::default()
    })
    .unwrap();
    let found = ffprobe("tcp", &pattern.rtsp_url(0)).unwrap();
    assert_eq!(found["streams"][0]["codec_name"], "h264");
    let upstream = pattern.rtsp_url(0);
    let chained = Camera::start(&Options {
        source: upstream,
        ..Options::default()
    })
    .unwrap();
    let found = ffprobe("tcp", &chained.rtsp_url(0)).unwrap();
    assert_eq!(found["streams"][0]["codec_name"], "h264", "{found}");
    let clip = conformance::root()
        .join("assets/demo.mp4")
        .canonicalize()
        .unwrap();
    let file = Camera::start(&Options {
        source: format!("file:{}", clip.display()),
        ..Options::default()
    })
    .unwrap();
    assert_eq!(
        ffprobe("tcp", &file.rtsp_url(0)).unwrap()["streams"][0]["width"],
        1920
    );
}

/// A source that is not there is reported, and the stream shows so; nothing else stops.
#[test]
fn a_missing_source_leaves_the_streams_up() {
    let options = Options {
        source: "file:/nonexistent/clip.mp4".into(),
        ..Options::default()
    };
    let camera = Camera::start(&options).unwrap();
    let found = ffprobe("tcp", &camera.rtsp_url(0)).unwrap();
    assert_eq!(
        found["streams"][0]["codec_name"], "h264",
        "the no-signal picture"
    );
}
