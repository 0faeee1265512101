//! Streams: MEDIA2_RTSS-x through media 2, RTSS-x through media 1.
//!
//! Pictures are not decoded: packets, reports, intra frames and metadata documents are judged.

use std::time::{Duration, Instant};

use super::media2::{encoder_options_of, extreme, list, profiles, token, write};
use crate::{
    case::{Case, Need, Outcome, Present, Run, case},
    check,
    device::Device,
    fail,
    rtsp::{Client, Media, Packet, Transport},
    skip,
    xml::{self, Element, QName},
};

const M2: Need = Need::Service("tr2");
const M1: Need = Need::Service("trt");
const RTSP: Need = Need::Flag("tr2", "StreamingCapabilities@RTSPStreaming");
const TCP: Need = Need::Flag("tr2", "StreamingCapabilities@RTP_RTSP_TCP");
const MULTICAST: Need = Need::Flag("tr2", "StreamingCapabilities@RTPMulticast");
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
    // Identifier, "encoding transport service", needs, profiles.
    let rows: &[(&str, &str, &[Need], &str)] = &[
        (
            "MEDIA2_RTSS-1-1-1",
            "H264 udp tr2",
            &[M2, RTSP, Need::Encoding("H264")],
            "T",
        ),
        (
            "MEDIA2_RTSS-1-1-2",
            "H264 http tr2",
            &[M2, RTSP, Need::Encoding("H264")],
            "T",
        ),
        (
            "MEDIA2_RTSS-1-1-3",
            "H264 tcp tr2",
            &[M2, RTSP, TCP, Need::Encoding("H264")],
            "T",
        ),
        (
            "MEDIA2_RTSS-1-1-5",
            "H264 udp tr2 v6",
            &[M2, RTSP, Need::Encoding("H264"), Need::Ipv6],
            "T",
        ),
        (
            "MEDIA2_RTSS-1-1-6",
            "H264 http tr2 v6",
            &[M2, RTSP, Need::Encoding("H264"), Need::Ipv6],
            "T",
        ),
        (
            "MEDIA2_RTSS-1-1-7",
            "H264 tcp tr2 v6",
            &[M2, RTSP, TCP, Need::Encoding("H264"), Need::Ipv6],
            "T",
        ),
        (
            "MEDIA2_RTSS-1-1-8",
            "H265 udp tr2",
            &[M2, RTSP, Need::Encoding("H265")],
            "T",
        ),
        (
            "MEDIA2_RTSS-1-1-9",
            "H265 http tr2",
            &[M2, RTSP, Need::Encoding("H265")],
            "T",
        ),
        (
            "MEDIA2_RTSS-1-1-10",
            "H265 tcp tr2",
            &[M2, RTSP, TCP, Need::Encoding("H265")],
            "T",
        ),
        (
            "MEDIA2_RTSS-1-1-12",
            "H265 udp tr2 v6",
            &[M2, RTSP, Need::Encoding("H265"), Need::Ipv6],
            "T",
        ),
        (
            "MEDIA2_RTSS-1-1-13",
            "H265 http tr2 v6",
            &[M2, RTSP, Need::Encoding("H265"), Need::Ipv6],
            "T",
        ),
        (
            "MEDIA2_RTSS-1-1-14",
            "H265 tcp tr2 v6",
            &[M2, RTSP, TCP, Need::Encoding("H265"), Need::Ipv6],
            "T",
        ),
        (
            "MEDIA2_RTSS-1-1-19",
            "H264 websocket tr2",
            &[M2, RTSP, Need::Encoding("H264")],
            "T",
        ),
        (
            "MEDIA2_RTSS-1-1-20",
            "H265 websocket tr2",
            &[M2, RTSP, Need::Encoding("H265")],
            "T",
        ),
        (
            "MEDIA2_RTSS-1-1-21",
            "H264 websocket tr2 v6",
            &[M2, RTSP, Need::Encoding("H264"), Need::Ipv6],
            "T",
        ),
        (
            "MEDIA2_RTSS-1-1-22",
            "H265 websocket tr2 v6",
            &[M2, RTSP, Need::Encoding("H265"), Need::Ipv6],
            "T",
        ),
        (
            "MEDIA2_RTSS-1-2-1",
            "H264 multicast tr2",
            &[M2, RTSP, MULTICAST, Need::Encoding("H264")],
            "T",
        ),
        (
            "MEDIA2_RTSS-1-2-3",
            "H265 multicast tr2",
            &[M2, RTSP, MULTICAST, Need::Encoding("H265")],
            "T",
        ),
        ("MEDIA2_RTSS-2-1-1", "PCMU udp tr2", &[M2, RTSP, AUDIO], "T"),
        (
            "MEDIA2_RTSS-2-1-2",
            "PCMU http tr2",
            &[M2, RTSP, AUDIO],
            "T",
        ),
        (
            "MEDIA2_RTSS-2-1-3",
            "PCMU tcp tr2",
            &[M2, RTSP, AUDIO, TCP],
            "T",
        ),
        (
            "MEDIA2_RTSS-2-1-17",
            "PCMU websocket tr2",
            &[M2, RTSP, AUDIO],
            "T",
        ),
        (
            "RTSS-1-1-34",
            "JPEG udp trt",
            &[M1, M2, Need::Encoding("JPEG")],
            "S",
        ),
        (
            "RTSS-1-1-35",
            "JPEG http trt",
            &[M1, M2, Need::Encoding("JPEG")],
            "S",
        ),
        (
            "RTSS-1-1-36",
            "JPEG tcp trt",
            &[M1, M2, Need::Encoding("JPEG")],
            "S",
        ),
        (
            "RTSS-1-1-41",
            "H264 udp trt",
            &[M1, M2, Need::Encoding("H264")],
            "S",
        ),
        (
            "RTSS-1-1-42",
            "H264 http trt",
            &[M1, M2, Need::Encoding("H264")],
            "S",
        ),
        (
            "RTSS-1-1-43",
            "H264 tcp trt",
            &[M1, M2, Need::Encoding("H264")],
            "S",
        ),
        (
            "RTSS-1-1-60",
            "H264 udp trt v6",
            &[M1, M2, Need::Encoding("H264"), Need::Ipv6],
            "S",
        ),
        (
            "RTSS-1-1-61",
            "H264 http trt v6",
            &[M1, M2, Need::Encoding("H264"), Need::Ipv6],
            "S",
        ),
        (
            "RTSS-1-1-62",
            "H264 tcp trt v6",
            &[M1, M2, Need::Encoding("H264"), Need::Ipv6],
            "S",
        ),
    ];
    for (id, words, needs, profiles) in rows {
        cases.push(Case {
            id: (*id).into(),
            title: format!("stream {words}"),
            profiles,
            needs,
            run: Run::For(stream, words),
            limit: LONG,
        });
    }
    for case in &mut cases {
        case.limit = LONG;
    }
    cases
}

/// A profile with a video encoder.
fn any_profile(d: &Device) -> Outcome<Element> {
    let all = profiles(d)?;
    all.into_iter()
        .rev()
        .find(|p| p.find("Configurations/VideoEncoder").is_some())
        .present("a profile with an encoder")
}

/// The stream URI of a profile, and its token.
fn uri_of(d: &Device, profile: &Element, protocol: &str) -> Outcome<(String, String)> {
    let t = token(profile)?;
    let a = d.call(
        "tr2:GetStreamUri",
        &format!("<tr2:Protocol>{protocol}</tr2:Protocol><tr2:ProfileToken>{t}</tr2:ProfileToken>"),
    )?;
    Ok((a.text_of("Uri").present("Uri")?.to_owned(), t))
}

/// The same through media 1.
fn uri_of_media1(d: &Device, t: &str, transport: Transport) -> Outcome<String> {
    let (stream, protocol) = match transport {
        Transport::Udp => ("RTP-Unicast", "UDP"),
        Transport::Http => ("RTP-Unicast", "HTTP"),
        Transport::Multicast => ("RTP-Multicast", "UDP"),
        _ => ("RTP-Unicast", "RTSP"),
    };
    let a = d.call(
        "trt:GetStreamUri",
        &format!("<trt:StreamSetup><tt:Stream>{stream}</tt:Stream><tt:Transport><tt:Protocol>{protocol}</tt:Protocol></tt:Transport></trt:StreamSetup><trt:ProfileToken>{t}</trt:ProfileToken>"),
    )?;
    for part in ["InvalidAfterConnect", "InvalidAfterReboot", "Timeout"] {
        a.text_of(&format!("MediaUri/{part}")).present(part)?;
    }
    Ok(a.text_of("MediaUri/Uri").present("Uri")?.to_owned())
}

fn protocol(transport: Transport) -> &'static str {
    match transport {
        Transport::Udp => "RtspUnicast",
        Transport::Http => "RtspOverHttp",
        Transport::Multicast => "RtspMulticast",
        Transport::Tcp | Transport::WebSocket => "RTSP",
    }
}

/// Opens the stream of a profile by a transport.
fn open<'d>(d: &'d Device, t: &str, transport: Transport, service: &str) -> Outcome<Client<'d>> {
    let mut websocket = String::new();
    if transport == Transport::WebSocket {
        match d
            .features()
            .capability("tr2", "StreamingCapabilities@RTSPWebSocketUri")
        {
            Some(uri) => websocket = uri.to_owned(),
            None => skip!("no RTSPWebSocketUri"),
        }
    }
    let uri = if service == "trt" {
        uri_of_media1(d, t, transport)?
    } else {
        let a = d.call(
            "tr2:GetStreamUri",
            &format!(
                "<tr2:Protocol>{}</tr2:Protocol><tr2:ProfileToken>{t}</tr2:ProfileToken>",
                protocol(transport)
            ),
        )?;
        a.text_of("Uri").present("Uri")?.to_owned()
    };
    Client::open(d, &uri, transport, &websocket)
}

/// Runs `steps` with a profile whose encoder makes `encoding`, small pictures and a long GOP; restores it.
fn with_encoding(d: &Device, encoding: &str, steps: impl FnOnce(&str, f64) -> Outcome) -> Outcome {
    let all = profiles(d)?;
    for profile in all.iter().rev() {
        let Some(own) = profile.find("Configurations/VideoEncoder") else {
            continue;
        };
        let t = token(own)?;
        let fits = encoder_options_of(d, &t)?
            .into_iter()
            .find(|o| o.text_of("Encoding") == Some(encoding));
        let Some(option) = fits else { continue };
        let found = list(
            d,
            "VideoEncoder",
            &format!("<tr2:ConfigurationToken>{t}</tr2:ConfigurationToken>"),
        )?;
        let before = found.first().present("the encoder configuration")?;
        let mut wanted = extreme(before, &option, false);
        let rates: Vec<f64> = option
            .attr("FrameRatesSupported")
            .unwrap_or_default()
            .split_whitespace()
            .filter_map(|r| r.parse().ok())
            .collect();
        let rate = rates
            .iter()
            .copied()
            .min_by(|a, b| (a - 15.0).abs().total_cmp(&(b - 15.0).abs()))
            .unwrap_or(15.0);
        let longest = option
            .attr("GovLengthRange")
            .and_then(|g| g.split_whitespace().last()?.parse::<f64>().ok())
            .unwrap_or(50.0);
        wanted = wanted.with("RateControl/FrameRateLimit", &rate.to_string());
        if option.attr("GovLengthRange").is_some() {
            wanted.attributes.retain(|(n, _)| n.name != "GovLength");
            wanted
                .attributes
                .push((QName::new("", "GovLength"), longest.to_string()));
        }
        write(d, "VideoEncoder", &wanted)?;
        let judged = steps(&token(profile)?, longest / rate);
        write(d, "VideoEncoder", before)?;
        return judged;
    }
    skip!("no profile whose encoder makes {encoding}")
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

/// Reads RFC 3550 §5.1.
fn rtp(packet: &Packet) -> Outcome<Rtp<'_>> {
    let b = &packet.bytes;
    check!(b.len() >= 12, "an RTP packet of {} bytes", b.len());
    check!(b[0] >> 6 == 2, "RTP version {}", b[0] >> 6);
    let mut start = 12 + 4 * usize::from(b[0] & 0x0f);
    if b[0] & 0x10 != 0 {
        check!(b.len() >= start + 4, "a cut RTP header extension");
        start += 4 + 4 * usize::from(u16::from_be_bytes([b[start + 2], b[start + 3]]));
    }
    let padding = if b[0] & 0x20 != 0 {
        usize::from(b[b.len() - 1])
    } else {
        0
    };
    check!(
        b.len() >= start + padding,
        "an RTP header longer than the packet"
    );
    Ok(Rtp {
        marker: b[1] & 0x80 != 0,
        payload: b[1] & 0x7f,
        sequence: u16::from_be_bytes([b[2], b[3]]),
        timestamp: u32::from_be_bytes([b[4], b[5], b[6], b[7]]),
        ssrc: u32::from_be_bytes([b[8], b[9], b[10], b[11]]),
        body: &b[start..b.len() - padding],
    })
}

/// Whether a payload begins an intra frame.
fn intra(encoding: &str, body: &[u8]) -> bool {
    match (encoding, body) {
        ("H264", [nal, ..]) if nal & 0x1f == 5 => true,
        ("H264", [nal, header, ..]) if nal & 0x1f == 28 => header & 0x80 != 0 && header & 0x1f == 5,
        ("H264", [nal, rest @ ..]) if nal & 0x1f == 24 => aggregated(rest, |n| n & 0x1f == 5),
        ("H265", [a, _, header, ..]) if (a >> 1) & 0x3f == 49 => {
            header & 0x80 != 0 && (16..=21).contains(&(header & 0x3f))
        }
        ("H265", [a, _, rest @ ..]) if (a >> 1) & 0x3f == 48 => {
            aggregated(rest, |n| (16..=21).contains(&((n >> 1) & 0x3f)))
        }
        ("H265", [a, ..]) => (16..=21).contains(&((a >> 1) & 0x3f)),
        ("JPEG" | "PCMU", [_, ..]) => true,
        _ => false,
    }
}

fn aggregated(mut rest: &[u8], wanted: impl Fn(u8) -> bool) -> bool {
    while let [a, b, tail @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*a, *b]));
        match tail.first() {
            Some(first) if wanted(*first) => return true,
            _ => rest = tail.get(length..).unwrap_or_default(),
        }
    }
    false
}

/// Watches one stream until packets, a sender report and an intra frame were there.
fn watch(c: &mut Client<'_>, media: &Media) -> Outcome {
    let end = Instant::now() + SHOW;
    let (mut count, mut lost, mut report, mut key) = (0_u32, 0_u32, false, false);
    let mut last: Option<(u16, u32)> = None;
    while Instant::now() < end {
        let Some(packet) = c.packet(Duration::from_secs(5))? else {
            fail!("no packet for 5 s after {count}");
        };
        if packet.control {
            check!(
                packet.bytes.len() >= 8 && packet.bytes[0] >> 6 == 2,
                "a malformed RTCP packet"
            );
            report |= packet.bytes[1] == 200 && packet.bytes.len() >= 28;
        } else {
            let p = rtp(&packet)?;
            check!(
                p.payload == media.payload,
                "payload type {} where {} is due",
                p.payload,
                media.payload
            );
            if let Some((sequence, ssrc)) = last {
                check!(ssrc == p.ssrc, "the SSRC changed");
                if p.sequence != sequence.wrapping_add(1) {
                    lost += 1;
                }
            }
            last = Some((p.sequence, p.ssrc));
            key |= intra(&media.encoding, p.body);
            count += 1;
        }
        if count >= 20 && report && key {
            // A loaded machine may lose a datagram; interleaved nothing may be lost.
            check!(lost * 20 <= count, "{lost} gaps in {count} packets");
            return Ok(());
        }
    }
    fail!("after {SHOW:?}: {count} packets, sender report {report}, intra frame {key}")
}

fn transport_of(words: &str) -> Transport {
    match words.split(' ').nth(1) {
        Some("udp") => Transport::Udp,
        Some("http") => Transport::Http,
        Some("websocket") => Transport::WebSocket,
        Some("multicast") => Transport::Multicast,
        _ => Transport::Tcp,
    }
}

fn stream(d: &Device, words: &'static str) -> Outcome {
    let encoding = words.split(' ').next().unwrap_or_default();
    let service = words.split(' ').nth(2).unwrap_or("tr2");
    let transport = transport_of(words);
    if encoding == "PCMU" {
        let all = profiles(d)?;
        let audio = all
            .iter()
            .find(|p| p.find("Configurations/AudioEncoder").is_some());
        let Some(p) = audio else {
            skip!("no profile with audio")
        };
        return play_one(d, &token(p)?, encoding, transport, service);
    }
    with_encoding(d, encoding, |t, _| {
        play_one(d, t, encoding, transport, service)
    })
}

/// Opens a stream and finds its medium; an encoder that was just changed gets its time to restart.
fn describe<'d>(
    d: &'d Device,
    t: &str,
    encoding: &str,
    transport: Transport,
    service: &str,
) -> Outcome<(Client<'d>, Media, String)> {
    let end = Instant::now() + d.options().operation_delay;
    loop {
        let mut c = open(d, t, transport, service)?;
        let (all, aggregate) = c.describe("")?;
        if let Some(media) = all
            .iter()
            .find(|m| m.encoding.eq_ignore_ascii_case(encoding))
        {
            return Ok((c, media.clone(), aggregate));
        }
        let found: Vec<&str> = all.iter().map(|m| m.encoding.as_str()).collect();
        check!(
            Instant::now() < end,
            "no {encoding} in the SDP, but {found:?}"
        );
        d.wait(Duration::from_millis(500))?;
    }
}

fn play_one(d: &Device, t: &str, encoding: &str, transport: Transport, service: &str) -> Outcome {
    let (mut c, media, aggregate) = describe(d, t, encoding, transport, service)?;
    c.setup(&media, "")?;
    c.play(&aggregate, "")?;
    watch(&mut c, &media)?;
    c.teardown(&aggregate)
}

fn unknown(d: &Device) -> Outcome {
    let (uri, _) = uri_of(d, &any_profile(d)?, "RTSP")?;
    let mut c = Client::open(d, &uri, Transport::Tcp, "")?;
    c.describe("")?;
    let answer = c.once("PLAY", &uri, "Session: 0123456789\r\n")?;
    check!(
        answer.status == 454 || answer.status == 401,
        "PLAY in a session that does not exist: {}",
        answer.status
    );
    let url = url::Url::parse(&uri).ok();
    let other = url.map(|mut u| {
        u.set_path("/conformance/unknown");
        u.set_query(None);
        u.to_string()
    });
    let other = other.present("a URL")?;
    let answer = c.once("DESCRIBE", &other, "Accept: application/sdp\r\n")?;
    check!(
        matches!(answer.status, 401 | 404),
        "DESCRIBE of a path that does not exist: {}",
        answer.status
    );
    Ok(())
}

fn at_once(d: &Device) -> Outcome {
    let all: Vec<Element> = profiles(d)?
        .into_iter()
        .filter(|p| p.find("Configurations/VideoEncoder").is_some())
        .collect();
    let mut opened = Vec::new();
    for p in &all {
        let t = token(p)?;
        let mut c = open(d, &t, Transport::Udp, "tr2")?;
        let (media, aggregate) = c.describe("")?;
        let video = media
            .into_iter()
            .find(|m| m.kind == "video")
            .present("video in the SDP")?;
        c.setup(&video, "")?;
        c.play(&aggregate, "")?;
        opened.push((c, video, aggregate));
    }
    check!(!opened.is_empty(), "no profile with an encoder");
    for (c, media, _) in &mut opened {
        watch(c, media)?;
    }
    for (c, _, aggregate) in &mut opened {
        c.teardown(aggregate)?;
    }
    Ok(())
}

/// A profile token of media 1 with a video encoder.
fn media1_profile(d: &Device) -> Outcome<String> {
    let a = d.call("trt:GetProfiles", "")?;
    let all = a.all("Profiles");
    let p = all
        .into_iter()
        .find(|p| p.find("VideoEncoderConfiguration").is_some());
    token(p.present("a profile with an encoder")?)
}

fn in_detail(d: &Device) -> Outcome {
    let mut c = open(d, &media1_profile(d)?, Transport::Tcp, "trt")?;
    let (all, aggregate) = c.describe("")?;
    let video = all
        .iter()
        .find(|m| m.kind == "video")
        .present("video in the SDP")?
        .clone();
    check!(video.clock == 90_000, "a clock of {} Hz", video.clock);
    c.setup(&video, "")?;
    let answer = c.play(&aggregate, "")?;
    answer
        .header("Session")
        .present("Session in the answer to PLAY")?;
    let info = answer.header("RTP-Info").present("RTP-Info")?;
    for part in ["url=", "seq=", "rtptime="] {
        check!(info.contains(part), "RTP-Info without {part}: {info}");
    }
    watch(&mut c, &video)?;
    c.teardown(&aggregate)
}

fn keep_alive(d: &Device, method: &str) -> Outcome {
    let mut c = open(d, &media1_profile(d)?, Transport::Tcp, "trt")?;
    let (all, aggregate) = c.describe("")?;
    let video = all
        .iter()
        .find(|m| m.kind == "video")
        .present("video in the SDP")?
        .clone();
    c.setup(&video, "")?;
    c.play(&aggregate, "")?;
    for _ in 0..3 {
        c.request(method, &aggregate, "")?;
        check!(
            c.packet(Duration::from_secs(5))?.is_some(),
            "the stream stopped after {method}"
        );
    }
    c.teardown(&aggregate)
}

/// The RTP time of the next intra frame.
fn next_intra(
    c: &mut Client<'_>,
    media: &Media,
    after: Option<u32>,
    time: Duration,
) -> Outcome<u32> {
    let end = Instant::now() + time;
    while Instant::now() < end {
        let Some(packet) = c.packet(Duration::from_secs(5))? else {
            fail!("no packet for 5 s")
        };
        if packet.control {
            continue;
        }
        let p = rtp(&packet)?;
        if Some(p.timestamp) != after && intra(&media.encoding, p.body) {
            return Ok(p.timestamp);
        }
    }
    fail!("no intra frame in {time:?}")
}

fn sync(d: &Device, encoding: &str, service: &str) -> Outcome {
    with_encoding(d, encoding, |t, interval| {
        let (mut c, video, aggregate) = describe(d, t, encoding, Transport::Tcp, service)?;
        c.setup(&video, "")?;
        c.play(&aggregate, "")?;
        let first = next_intra(&mut c, &video, None, SHOW)?;
        d.call(
            &format!("{service}:SetSynchronizationPoint"),
            &format!("<{service}:ProfileToken>{t}</{service}:ProfileToken>"),
        )?;
        let second = next_intra(&mut c, &video, Some(first), SHOW)?;
        let seconds = f64::from(second.wrapping_sub(first)) / 90_000.0;
        check!(
            seconds < 0.8 * interval,
            "the next intra frame came after {seconds:.1} s, the regular interval is {interval:.1} s"
        );
        c.teardown(&aggregate)
    })
}

/// A profile with metadata.
fn metadata_profile(d: &Device) -> Outcome<String> {
    let all = profiles(d)?;
    match all
        .iter()
        .find(|p| p.find("Configurations/Metadata").is_some())
    {
        Some(p) => token(p),
        None => skip!("no profile with metadata"),
    }
}

/// Metadata documents until `enough` says so.
fn documents(
    d: &Device,
    c: &mut Client<'_>,
    media: &Media,
    mut enough: impl FnMut(&Element) -> bool,
) -> Outcome {
    let end = Instant::now() + SHOW;
    let mut text = Vec::new();
    while Instant::now() < end {
        let Some(packet) = c.packet(Duration::from_secs(10))? else {
            fail!("no packet for 10 s")
        };
        if packet.control {
            continue;
        }
        let p = rtp(&packet)?;
        check!(
            p.payload == media.payload,
            "payload type {} where {} is due",
            p.payload,
            media.payload
        );
        text.extend_from_slice(p.body);
        if !p.marker {
            continue;
        }
        let document = String::from_utf8_lossy(&std::mem::take(&mut text)).into_owned();
        d.note("metadata", &c.url, "", &document);
        let root = match xml::parse(&document) {
            Ok(root) => root,
            Err(e) => fail!("a metadata document is no XML: {e:#}"),
        };
        check!(
            root.name == QName::new(crate::soap::ns("tt"), "MetadataStream"),
            "{} where tt:MetadataStream is due",
            root.name
        );
        let violations = d.schemas().violations(&root);
        check!(
            violations.is_empty(),
            "a metadata document breaks the schemas: {}",
            violations.join("; ")
        );
        if enough(&root) {
            return Ok(());
        }
    }
    fail!("what is due did not come in {SHOW:?}")
}

fn play_metadata<'d>(
    d: &'d Device,
    t: &str,
    transport: Transport,
) -> Outcome<(Client<'d>, Media, String)> {
    let mut c = open(d, t, transport, "tr2")?;
    let (all, aggregate) = c.describe("")?;
    let found = all
        .iter()
        .find(|m| m.kind == "application" && m.encoding.starts_with("vnd.onvif.metadata"));
    let media = found.present("vnd.onvif.metadata in the SDP")?.clone();
    c.setup(&media, "")?;
    c.play(&aggregate, "")?;
    Ok((c, media, aggregate))
}

fn metadata(d: &Device, transport: Transport) -> Outcome {
    let (mut c, media, aggregate) = play_metadata(d, &metadata_profile(d)?, transport)?;
    let mut count = 0;
    documents(d, &mut c, &media, |_| {
        count += 1;
        count >= 3
    })?;
    c.teardown(&aggregate)
}

fn metadata_sync(d: &Device) -> Outcome {
    let t = metadata_profile(d)?;
    let (mut c, media, aggregate) = play_metadata(d, &t, Transport::Tcp)?;
    documents(d, &mut c, &media, |_| true)?;
    d.call(
        "tr2:SetSynchronizationPoint",
        &format!("<tr2:ProfileToken>{t}</tr2:ProfileToken>"),
    )?;
    documents(d, &mut c, &media, |root| {
        root.walk()
            .iter()
            .any(|e| e.attr("PropertyOperation") == Some("Initialized"))
    })?;
    c.teardown(&aggregate)
}

fn back_channel(d: &Device, transport: Transport) -> Outcome {
    let all = profiles(d)?;
    let Some(p) = all
        .iter()
        .find(|p| p.find("Configurations/AudioDecoder").is_some())
    else {
        skip!("no profile with an audio decoder")
    };
    let require = "Require: www.onvif.org/ver20/backchannel\r\n";
    let mut c = open(d, &token(p)?, transport, "tr2")?;
    let (all, aggregate) = c.describe(require)?;
    let media = all
        .iter()
        .find(|m| m.kind == "audio" && m.sendonly)
        .present("a sendonly audio medium")?
        .clone();
    c.setup(&media, require)?;
    c.play(&aggregate, require)?;
    c.teardown(&aggregate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intra_frames_are_told_from_others() {
        let rows: [(&str, &[u8], bool); 9] = [
            ("H264", &[0x65, 1], true),
            ("H264", &[0x61, 1], false),
            ("H264", &[0x7c, 0x85], true),
            ("H264", &[0x7c, 0x05], false),
            ("H264", &[0x78, 0, 1, 0x67, 0, 1, 0x65], true),
            ("H265", &[0x26, 1, 0], true),
            ("H265", &[0x02, 1, 0], false),
            ("H265", &[0x62, 1, 0x93], true),
            ("H265", &[], false),
        ];
        for (encoding, body, key) in rows {
            assert_eq!(intra(encoding, body), key, "{encoding} {body:x?}");
        }
    }
}
