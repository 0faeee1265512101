//! What real clients sent, played back: every request of theirs is answered 200.

use rtsp::Codec;

use crate::client::{Client, Message};
use crate::clip::Clip;
use crate::server::{H264, TestServer};

async fn replay(text: &str) {
    let server = TestServer::open([Codec::H264, Codec::OnvifMetadata]).await;
    let _feed = server.feed(Clip::new(Codec::H264, H264));
    let mut client = Client::connect(&server).await;
    let (title, requests) = text.split_once('\n').unwrap();
    let mut media = 0;
    for request in requests
        .split_inclusive("\n\n")
        .filter(|request| !request.trim().is_empty())
    {
        let request = request
            .replace("SESSION", &client.session)
            .replace('\n', "\r\n");
        client.send(request.as_bytes()).await;
        let answer = client.answer().await;
        assert_eq!(answer.status, 200, "{title}\n{request}\n{answer:?}");
        if request.starts_with("PLAY") {
            let info = answer.header("RTP-Info");
            assert!(
                info.contains("trackID=0;seq=") && info.contains("trackID=1;seq="),
                "{info}"
            );
            if request.contains("Range") {
                assert_eq!(
                    answer.header("Range"),
                    "npt=now-",
                    "a live stream has no other"
                );
            }
        }
        media += client.data.len();
    }
    assert!(!client.session.is_empty());
    if requests.contains("/TCP") {
        // Nothing follows the answer to TEARDOWN.
        tokio::select! {
            message = client.message() => assert_eq!(message, Message::End),
            () = server.viewers(0) => {}
        }
    } else {
        assert_eq!(media, 0);
    }
}

macro_rules! captured {
    ($($name:ident)*) => { $(
        #[tokio::test]
        async fn $name() {
            replay(include_str!(concat!("../../src/testdata/", stringify!($name), ".txt"))).await;
        }
    )* };
}

captured!(ffmpeg_play_tcp ffmpeg_play_udp gstreamer_play_tcp gstreamer_play_udp);
