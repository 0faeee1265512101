//! retina, an independent client, plays every track over both transports.

use std::sync::Arc;

use futures_util::StreamExt;
use retina::client::{PlayOptions, Session, SessionGroup, SessionOptions, SetupOptions, Transport};
use retina::codec::CodecItem;
use rtsp::Codec;

use crate::clip::Clip;
use crate::server::{H264, JPEG, TestServer, within};

/// The units of a picture as retina gives them: each with its length in front.
fn length_prefixed(annex_b: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for unit in split_units(&annex_b[4..]) {
        out.extend((unit.len() as u32).to_be_bytes());
        out.extend(unit);
    }
    out
}

fn split_units(data: &[u8]) -> Vec<&[u8]> {
    let mut units = Vec::new();
    let mut start = 0;
    while let Some(at) = data[start..]
        .windows(4)
        .position(|window| window == [0, 0, 0, 1])
    {
        units.push(&data[start..start + at]);
        start += at + 4;
    }
    units.push(&data[start..]);
    units
}

async fn play(server: &TestServer, transport: &str) -> retina::client::Demuxed {
    let options = SessionOptions::default().session_group(Arc::new(SessionGroup::default()));
    let mut session = Session::describe(server.url().parse().unwrap(), options)
        .await
        .unwrap();
    let tracks = session.streams().len();
    for track in 0..tracks {
        let transport: Transport = transport.parse().unwrap();
        session
            .setup(track, SetupOptions::default().transport(transport))
            .await
            .unwrap();
    }
    session
        .play(PlayOptions::default())
        .await
        .unwrap()
        .demuxed()
        .unwrap()
}

/// VIDEO-4 (H.264), GEN-7 (TCP, UDP): pictures arrive whole, in order, from a key frame on, with a document each.
async fn plays_h264(transport: &str) {
    let server = TestServer::open([Codec::H264, Codec::OnvifMetadata]).await;
    let clip = Clip::new(Codec::H264, H264);
    let expected: Vec<Vec<u8>> = clip
        .units
        .iter()
        .map(|(_, data)| length_prefixed(data))
        .collect();
    let _feed = server.feed(clip);
    let mut session = within(play(&server, transport)).await;
    let (mut at, mut pictures, mut documents) = (None, 0, 0);
    while pictures < 60 || documents < 20 {
        match within(session.next()).await.unwrap().unwrap() {
            CodecItem::VideoFrame(frame) => {
                assert_eq!(frame.loss(), 0);
                let index = match at {
                    None => {
                        assert!(frame.is_random_access_point(), "starts with a key frame");
                        expected
                            .iter()
                            .position(|unit| unit == frame.data())
                            .expect("a picture of the clip")
                    }
                    Some(before) => (before + 1) % expected.len(),
                };
                assert_eq!(frame.data(), expected[index], "picture {index}");
                at = Some(index);
                pictures += 1;
            }
            CodecItem::MessageFrame(frame) => {
                assert_eq!(frame.loss(), 0);
                let text = std::str::from_utf8(frame.data()).unwrap();
                assert!(
                    text.starts_with("<tt:MetadataStream>")
                        && text.ends_with("</tt:MetadataStream>"),
                    "{text}"
                );
                documents += 1;
            }
            _ => {}
        }
    }
    let info = &server.server.sessions()[0];
    assert_eq!(
        (info.stream.as_str(), info.playing, info.dropped_frames),
        ("main", true, 0)
    );
    assert_eq!(format!("{:?}", info.transport).to_lowercase(), transport);
    assert!(info.bytes > 10_000);
}

#[tokio::test]
async fn plays_h264_over_tcp() {
    plays_h264("tcp").await;
}

#[tokio::test]
async fn plays_h264_over_udp() {
    plays_h264("udp").await;
}

#[tokio::test]
async fn plays_jpeg_over_tcp() {
    let server = TestServer::open([Codec::Jpeg]).await;
    let _feed = server.feed(Clip::new(Codec::Jpeg, JPEG));
    let mut session = within(play(&server, "tcp")).await;
    let mut pictures = 0;
    while pictures < 5 {
        if let CodecItem::VideoFrame(frame) = within(session.next()).await.unwrap().unwrap() {
            assert_eq!(frame.loss(), 0);
            // The scan is ours byte for byte; headers are the client's reconstruction.
            let scan = |data: &[u8]| {
                let at = data
                    .windows(2)
                    .position(|window| window == [0xff, 0xda])
                    .unwrap();
                data[at + 14..data.len() - 2].to_vec()
            };
            assert_eq!(scan(frame.data()), scan(JPEG));
            pictures += 1;
        }
    }
}
