//! Streams: MEDIA2_RTSS-x through media 2, RTSS-x through media 1.
//!
//! Pictures are not decoded: packets, reports, intra frames and metadata documents are judged.

mod behaviour;
mod metadata;
mod multicast;
mod open;
mod packets;
mod play;

use std::time::{Duration, Instant};

use super::media2::{by_token, encoder_options_of, extreme, list, profiles, token, write};
use crate::{
    case::{Case, Need, Outcome, Present, Run, case},
    check,
    device::Device,
    fail,
    rtsp::{Client, Media, Packet, Transport},
    skip,
    xml::{self, Element, QName},
};

use self::{behaviour::*, metadata::*, open::*, packets::*, play::*};

const M2: Need = Need::Service("tr2");
const M1: Need = Need::Service("trt");
const RTSP: Need = Need::Flag("tr2", "StreamingCapabilities@RTSPStreaming");
const TCP: Need = Need::Flag("tr2", "StreamingCapabilities@RTP_RTSP_TCP");
const MULTICAST: Need = Need::Flag("tr2", "StreamingCapabilities@RTPMulticast");
const MULTICAST1: Need = Need::Flag("trt", "StreamingCapabilities@RTPMulticast");
const METADATA: Need = Need::Lists(
    "tr2",
    "ProfileCapabilities@ConfigurationsSupported",
    "Metadata",
);
const AUDIO: Need = Need::Lists(
    "tr2",
    "ProfileCapabilities@ConfigurationsSupported",
    "AudioEncoder",
);
const BACK: Need = Need::Lists(
    "tr2",
    "ProfileCapabilities@ConfigurationsSupported",
    "AudioDecoder",
);
/// Time for one stream, encoder restarts included.
const LONG: Duration = Duration::from_secs(150);
/// Time in which a stream must have shown everything.
const SHOW: Duration = Duration::from_secs(30);

/// Identifiers and what is played: encoding, transport, service, and `v6` over IPv6.
const STREAMS: &[(&str, &str)] = &[
    ("MEDIA2_RTSS-1-1-1", "H264 udp tr2"),
    ("MEDIA2_RTSS-1-1-2", "H264 http tr2"),
    ("MEDIA2_RTSS-1-1-3", "H264 tcp tr2"),
    ("MEDIA2_RTSS-1-1-5", "H264 udp tr2 v6"),
    ("MEDIA2_RTSS-1-1-6", "H264 http tr2 v6"),
    ("MEDIA2_RTSS-1-1-7", "H264 tcp tr2 v6"),
    ("MEDIA2_RTSS-1-1-8", "H265 udp tr2"),
    ("MEDIA2_RTSS-1-1-9", "H265 http tr2"),
    ("MEDIA2_RTSS-1-1-10", "H265 tcp tr2"),
    ("MEDIA2_RTSS-1-1-12", "H265 udp tr2 v6"),
    ("MEDIA2_RTSS-1-1-13", "H265 http tr2 v6"),
    ("MEDIA2_RTSS-1-1-14", "H265 tcp tr2 v6"),
    ("MEDIA2_RTSS-1-1-19", "H264 websocket tr2"),
    ("MEDIA2_RTSS-1-1-20", "H265 websocket tr2"),
    ("MEDIA2_RTSS-1-1-21", "H264 websocket tr2 v6"),
    ("MEDIA2_RTSS-1-1-22", "H265 websocket tr2 v6"),
    ("MEDIA2_RTSS-1-2-1", "H264 multicast tr2"),
    ("MEDIA2_RTSS-1-2-3", "H265 multicast tr2"),
    ("MEDIA2_RTSS-2-1-1", "PCMU udp tr2"),
    ("MEDIA2_RTSS-2-1-2", "PCMU http tr2"),
    ("MEDIA2_RTSS-2-1-3", "PCMU tcp tr2"),
    ("MEDIA2_RTSS-2-1-17", "PCMU websocket tr2"),
    ("RTSS-1-1-34", "JPEG udp trt"),
    ("RTSS-1-1-35", "JPEG http trt"),
    ("RTSS-1-1-36", "JPEG tcp trt"),
    ("RTSS-1-1-41", "H264 udp trt"),
    ("RTSS-1-1-42", "H264 http trt"),
    ("RTSS-1-1-43", "H264 tcp trt"),
    ("RTSS-1-2-13", "JPEG multicast trt"),
    ("RTSS-1-2-15", "H264 multicast trt"),
    ("RTSS-1-1-60", "H264 udp trt v6"),
    ("RTSS-1-1-61", "H264 http trt v6"),
    ("RTSS-1-1-62", "H264 tcp trt v6"),
];

/// What a device needs to play that.
fn needs_of(words: &'static str) -> Vec<Need> {
    let mut parts = words.split(' ');
    let (encoding, transport, service) = (parts.next(), parts.next(), parts.next());
    let mut needs = match (service, transport) {
        (Some("tr2"), Some("tcp")) => vec![M2, RTSP, TCP],
        (Some("tr2"), Some("multicast")) => vec![M2, RTSP, MULTICAST],
        (Some("tr2"), _) => vec![M2, RTSP],
        (_, Some("multicast")) => vec![M1, M2, MULTICAST1],
        _ => vec![M1, M2],
    };
    needs.push(match encoding {
        Some("PCMU") | None => AUDIO,
        Some(encoding) => Need::Encoding(encoding),
    });
    if parts.next().is_some() {
        needs.push(Need::Ipv6);
    }
    needs
}

/// The cases of this file.
pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        case(
            "X-RTSP-DIGEST",
            "RTSP without credentials: 401 with a Digest challenge",
            "STM",
            &[M2, RTSP],
            |d| {
                let (uri, _) = uri_of(d, &any_profile(d)?, "RTSP")?;
                Client::open(d, &uri, Transport::Tcp, "")?.challenged()
            },
        ),
        case(
            "X-RTSP-UNKNOWN",
            "RTSP: a session and a path that do not exist are refused",
            "STM",
            &[M2, RTSP],
            unknown,
        ),
        case(
            "X-RTSP-OPTIONS",
            "RTSP OPTIONS lists the methods",
            "STM",
            &[M2, RTSP],
            |d| {
                let (uri, _) = uri_of(d, &any_profile(d)?, "RTSP")?;
                let mut c = Client::open(d, &uri, Transport::Tcp, "")?;
                let answer = c.request("OPTIONS", &uri, "")?;
                let public = answer.header("Public").present("Public")?;
                for method in ["DESCRIBE", "SETUP", "PLAY", "TEARDOWN"] {
                    check!(public.contains(method), "no {method}: {public}");
                }
                Ok(())
            },
        ),
        case(
            "MEDIA2_RTSS-1-1-23",
            "as many streams at once as GetVideoEncoderInstances says",
            "T",
            &[M2, RTSP],
            at_once,
        ),
        case(
            "RTSS-1-1-31",
            "DESCRIBE, SETUP, PLAY, TEARDOWN in detail",
            "S",
            &[M1],
            in_detail,
        ),
        case(
            "RTSS-1-1-32",
            "keep-alive by SET_PARAMETER",
            "S",
            &[M1],
            |d| keep_alive(d, "SET_PARAMETER"),
        ),
        case("RTSS-1-1-33", "keep-alive by OPTIONS", "S", &[M1], |d| {
            keep_alive(d, "OPTIONS")
        }),
        case(
            "X-RTSS-KEEP-GET",
            "keep-alive by GET_PARAMETER",
            "S",
            &[M1],
            |d| keep_alive(d, "GET_PARAMETER"),
        ),
        case(
            "RTSS-1-1-44",
            "H.264: SetSynchronizationPoint of media 1 gives an intra frame",
            "S",
            &[M1, M2, Need::Encoding("H264")],
            |d| sync(d, "H264", "trt"),
        ),
        case(
            "MEDIA2_RTSS-1-1-4",
            "H.264: SetSynchronizationPoint gives an intra frame",
            "T",
            &[M2, RTSP, Need::Encoding("H264")],
            |d| sync(d, "H264", "tr2"),
        ),
        case(
            "MEDIA2_RTSS-1-1-11",
            "H.265: SetSynchronizationPoint gives an intra frame",
            "T",
            &[M2, RTSP, Need::Encoding("H265")],
            |d| sync(d, "H265", "tr2"),
        ),
        case(
            "MEDIA2_RTSS-4-1-1",
            "metadata over UDP",
            "TM",
            &[M2, RTSP, METADATA],
            |d| metadata(d, Transport::Udp),
        ),
        case(
            "MEDIA2_RTSS-4-1-2",
            "metadata in the HTTP tunnel",
            "TM",
            &[M2, RTSP, METADATA],
            |d| metadata(d, Transport::Http),
        ),
        case(
            "MEDIA2_RTSS-4-1-3",
            "metadata interleaved in TCP",
            "TM",
            &[M2, RTSP, METADATA, TCP],
            |d| metadata(d, Transport::Tcp),
        ),
        case(
            "MEDIA2_RTSS-4-1-4",
            "metadata: SetSynchronizationPoint gives the states again",
            "TM",
            &[M2, RTSP, METADATA],
            metadata_sync,
        ),
        case(
            "MEDIA2_RTSS-4-1-5",
            "metadata over UDP and IPv6",
            "TM",
            &[M2, RTSP, METADATA, Need::Ipv6],
            |d| metadata(d, Transport::Udp),
        ),
        case(
            "MEDIA2_RTSS-4-1-6",
            "metadata in the HTTP tunnel over IPv6",
            "TM",
            &[M2, RTSP, METADATA, Need::Ipv6],
            |d| metadata(d, Transport::Http),
        ),
        case(
            "MEDIA2_RTSS-4-1-7",
            "metadata interleaved in TCP over IPv6",
            "TM",
            &[M2, RTSP, METADATA, TCP, Need::Ipv6],
            |d| metadata(d, Transport::Tcp),
        ),
        case(
            "MEDIA2_RTSS-4-1-10",
            "metadata over WebSocket",
            "TM",
            &[M2, RTSP, METADATA],
            |d| metadata(d, Transport::WebSocket),
        ),
        case(
            "MEDIA2_RTSS-4-1-11",
            "metadata over WebSocket and IPv6",
            "TM",
            &[M2, RTSP, METADATA, Need::Ipv6],
            |d| metadata(d, Transport::WebSocket),
        ),
        case(
            "MEDIA2_RTSS-4-2-1",
            "metadata by multicast",
            "T",
            &[M2, RTSP, METADATA, MULTICAST],
            |d| metadata(d, Transport::Multicast),
        ),
        case(
            "RTSS-5-1-1",
            "StartMulticastStreaming sends without a session, StopMulticastStreaming ends that",
            "S",
            &[M1, M2, MULTICAST1],
            |d| multicast::start_stop(d, "trt"),
        ),
        case(
            "X-MEDIA2-MULTICAST",
            "the same by media 2",
            "T",
            &[M2, MULTICAST],
            |d| multicast::start_stop(d, "tr2"),
        ),
        case(
            "RTSS-1-2-19",
            "a changed multicast port counts for the next session",
            "S",
            &[M2, RTSP, MULTICAST],
            multicast::another_port,
        ),
        case(
            "MEDIA2_RTSS-3-1-1",
            "back channel: DESCRIBE offers a sendonly medium (G.711)",
            "T",
            &[M2, RTSP, BACK],
            |d| back_channel(d, Transport::Udp),
        ),
        case(
            "MEDIA2_RTSS-3-1-3",
            "back channel, interleaved in TCP",
            "T",
            &[M2, RTSP, BACK, TCP],
            |d| back_channel(d, Transport::Tcp),
        ),
    ];
    for (id, words) in STREAMS {
        cases.push(Case {
            id: (*id).into(),
            title: format!("stream {words}"),
            profiles: if words.contains("tr2") { "T" } else { "S" },
            needs: needs_of(words).into(),
            run: Run::For(stream, words),
            limit: LONG,
        });
    }
    for case in &mut cases {
        case.limit = LONG;
    }
    cases
}

/// An RTP packet's parts.
struct Rtp<'a> {
    marker: bool,
    payload: u8,
    sequence: u16,
    timestamp: u32,
    ssrc: u32,
    body: &'a [u8],
}
