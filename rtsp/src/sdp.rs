//! Session descriptions (RFC 4566, RFC 2326 appendix C).

use std::fmt::Write;
use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use crate::back;
use crate::group::Group;
use crate::media::Codec;
use crate::message;
use crate::packet::Parameters;
use crate::stream::Description;

/// Describes a stream; `base` is its URL as the client wrote it, `address` the server's own. A track with a `group`
/// is described as multicast, and a player will then ask for nothing else. Tracks that are not shown are left out.
pub(crate) fn describe(
    stream: &Description,
    base: &str,
    address: IpAddr,
    group: impl Fn(usize) -> Option<Group>,
    shows: impl Fn(Codec) -> bool,
    back: Option<&[Codec]>,
) -> String {
    let family = if address.is_ipv4() { "IP4" } else { "IP6" };
    let any = if address.is_ipv4() { "0.0.0.0" } else { "::" };
    let name: String = stream
        .name
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let name = if name.trim().is_empty() {
        "-"
    } else {
        name.trim()
    };
    let mut out = String::with_capacity(1024);
    // Writing to a String cannot fail.
    let _ = write!(
        out,
        "v=0\r\no=- {} {} IN {family} {address}\r\ns={name}\r\nc=IN {family} {any}\r\nt=0 0\r\na=control:{base}\r\na=range:npt=now-\r\n",
        stream.id,
        stream.generation + 1,
    );
    let all = stream.tracks.iter().enumerate();
    for (index, (codec, parameters)) in all.filter(|(_, (codec, _))| shows(*codec)) {
        let payload_type = codec.payload_type();
        let group = group(index);
        let _ = write!(
            out,
            "m={} {} RTP/AVP {payload_type}\r\n",
            codec.sdp_media(),
            group.map_or(0, |group| group.port())
        );
        if let Some(group) = group {
            let _ = write!(out, "c=IN {group}\r\n");
        }
        let _ = write!(
            out,
            "a=rtpmap:{payload_type} {}/{}{}\r\n",
            encoding_name(*codec),
            codec.clock_rate(),
            channels(*codec).map_or_else(String::new, |n| format!("/{n}"))
        );
        if let Some(format) = format_parameters(*codec, parameters) {
            let _ = write!(out, "a=fmtp:{payload_type} {format}\r\n");
        }
        if let (Codec::Jpeg, Some((width, height))) = (codec, parameters.size)
            && (width > 2040 || height > 2040)
        {
            let _ = write!(out, "a=x-dimensions:{width},{height}\r\n");
        }
        if back.is_some() {
            let _ = write!(out, "a=recvonly\r\n");
        }
        let _ = write!(out, "a=control:{}\r\n", message::control(base, index));
    }
    if let Some(codecs) = back {
        // From the client to the device; numbered behind the stream's own tracks.
        let control = message::control(base, stream.tracks.len());
        let said = codecs
            .iter()
            .filter_map(|codec| Some((*codec, back::payload_type(*codec)?)));
        let types: Vec<_> = said.clone().map(|(_, number)| number.to_string()).collect();
        let _ = write!(out, "m=audio 0 RTP/AVP {}\r\n", types.join(" "));
        for (codec, number) in said {
            let (name, rate) = (encoding_name(codec), codec.clock_rate());
            let channels = channels(codec).map_or_else(String::new, |n| format!("/{n}"));
            let _ = write!(out, "a=rtpmap:{number} {name}/{rate}{channels}\r\n");
            if let Some(format) = format_parameters(codec, &Parameters::default()) {
                let _ = write!(out, "a=fmtp:{number} {format}\r\n");
            }
        }
        let _ = write!(out, "a=sendonly\r\na=control:{control}\r\n");
    }
    out
}

fn encoding_name(codec: Codec) -> &'static str {
    match codec {
        Codec::H264 => "H264",
        Codec::H265 => "H265",
        Codec::Jpeg => "JPEG",
        Codec::OnvifMetadata => "vnd.onvif.metadata",
        Codec::Pcmu => "PCMU",
        Codec::Pcma => "PCMA",
        Codec::Aac { .. } => "mpeg4-generic",
        Codec::Opus => "opus",
    }
}

/// Channels as `rtpmap` says them: Opus always as two (RFC 7587 §4.1), G.711 not at all.
fn channels(codec: Codec) -> Option<u8> {
    match codec {
        Codec::Aac { channels, .. } => Some(channels),
        Codec::Opus => Some(2),
        Codec::H264
        | Codec::H265
        | Codec::Jpeg
        | Codec::OnvifMetadata
        | Codec::Pcmu
        | Codec::Pcma => None,
    }
}

fn format_parameters(codec: Codec, parameters: &Parameters) -> Option<String> {
    let list = |sets: &[Bytes]| {
        sets.iter()
            .map(|set| STANDARD.encode(set))
            .collect::<Vec<_>>()
            .join(",")
    };
    match codec {
        Codec::H264 => {
            let mut format = "packetization-mode=1".to_owned();
            if let Some([_, profile, constraints, level, ..]) =
                parameters.sps.first().map(|sps| &sps[..])
            {
                let sets: Vec<Bytes> = parameters
                    .sps
                    .iter()
                    .chain(&parameters.pps)
                    .cloned()
                    .collect();
                let _ = write!(
                    format,
                    ";profile-level-id={profile:02X}{constraints:02X}{level:02X};sprop-parameter-sets={}",
                    list(&sets)
                );
            }
            Some(format)
        }
        Codec::H265 if parameters.is_complete(codec) => Some(format!(
            "sprop-vps={};sprop-sps={};sprop-pps={}",
            list(&parameters.vps),
            list(&parameters.sps),
            list(&parameters.pps)
        )),
        // Rates are checked where a stream is made.
        Codec::Aac { .. } => Some(format!(
            "streamtype=5;profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3;config={:04X}",
            codec.audio_specific_config().unwrap_or_default()
        )),
        Codec::Opus => Some("sprop-stereo=0;stereo=0".into()),
        Codec::H265 | Codec::Jpeg | Codec::OnvifMetadata | Codec::Pcmu | Codec::Pcma => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn describes_tracks() {
        let parameters = Parameters {
            sps: vec![Bytes::from_static(&[0x67, 0x4d, 0x00, 0x28])],
            pps: vec![Bytes::from_static(&[0x68, 0xee])],
            ..Parameters::default()
        };
        let description = Description {
            id: 4,
            generation: 0,
            name: "main\r\nx".into(),
            tracks: vec![
                (Codec::H264, parameters),
                (Codec::OnvifMetadata, Parameters::default()),
            ],
        };
        let sdp = |group: Option<Group>| {
            let address = "10.0.0.1".parse().unwrap();
            describe(
                &description,
                "rtsp://c/p?a=1",
                address,
                |track| group.filter(|_| track == 0),
                |_| true,
                None,
            )
        };
        let group = Group::new("224.2.1.1".parse().unwrap(), 5000, 7).unwrap();
        let multicast = sdp(Some(group));
        assert!(
            multicast.contains("m=video 5000 RTP/AVP 96\r\nc=IN IP4 224.2.1.1/7\r\na=rtpmap"),
            "{multicast}"
        );
        assert!(multicast.contains("m=application 0 RTP/AVP 107\r\na="));
        let sdp = sdp(None);
        let expect = "v=0\r\no=- 4 1 IN IP4 10.0.0.1\r\ns=main  x\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\na=control:rtsp://c/p?a=1\r\n\
            a=range:npt=now-\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n\
            a=fmtp:96 packetization-mode=1;profile-level-id=4D0028;sprop-parameter-sets=Z00AKA==,aO4=\r\n\
            a=control:rtsp://c/p?a=1/trackID=0\r\nm=application 0 RTP/AVP 107\r\n\
            a=rtpmap:107 vnd.onvif.metadata/90000\r\na=control:rtsp://c/p?a=1/trackID=1\r\n";
        assert_eq!(sdp, expect);
    }

    #[test]
    fn other_codecs() {
        let sdp = |codec, parameters| {
            let description = Description {
                id: 1,
                generation: 2,
                name: String::new(),
                tracks: vec![(codec, parameters)],
            };
            describe(
                &description,
                "rtsp://c/p",
                "fe80::1".parse().unwrap(),
                |_| None,
                |_| true,
                Some(&[
                    Codec::Pcmu,
                    Codec::Pcma,
                    Codec::Aac {
                        rate: 16_000,
                        channels: 1,
                    },
                ]),
            )
        };
        let size = Parameters {
            size: Some((2688, 1520)),
            ..Parameters::default()
        };
        assert!(sdp(Codec::Jpeg, size).contains("a=x-dimensions:2688,1520\r\n"));
        let size = Parameters {
            size: Some((2040, 1520)),
            ..Parameters::default()
        };
        assert!(!sdp(Codec::Jpeg, size).contains("x-dimensions"));
        let unknown = sdp(Codec::H264, Parameters::default());
        assert!(unknown.contains("a=fmtp:96 packetization-mode=1\r\n"));
        assert!(unknown.contains("s=-\r\nc=IN IP6 ::\r\n"));
        assert!(!sdp(Codec::H265, Parameters::default()).contains("fmtp:98"));
        for (codec, expect) in [
            (
                Codec::Pcmu,
                "m=audio 0 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=recvonly\r\na=control",
            ),
            (
                Codec::Pcma,
                "m=audio 0 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\na=recvonly\r\na=control",
            ),
            (
                Codec::Opus,
                "a=rtpmap:111 opus/48000/2\r\na=fmtp:111 sprop-stereo=0",
            ),
            (
                Codec::Aac {
                    rate: 16_000,
                    channels: 1,
                },
                "a=rtpmap:97 mpeg4-generic/16000/1\r\na=fmtp:97 streamtype=5;profile-level-id=1;mode=AAC-hbr;\
                 sizelength=13;indexlength=3;indexdeltalength=3;config=1408\r\n",
            ),
        ] {
            let text = sdp(codec, Parameters::default());
            assert!(text.contains(expect), "{text}");
            let back = "m=audio 0 RTP/AVP 0 8 120\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:120 mpeg4-generic/16000/1\r\n\
                a=fmtp:120 streamtype=5;profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3;config=1408\r\n\
                a=sendonly\r\na=control:rtsp://c/p/trackID=1\r\n";
            assert!(text.ends_with(back), "{text}");
        }
        let set = |byte| vec![Bytes::copy_from_slice(&[byte, 1])];
        let all = Parameters {
            vps: set(0x40),
            sps: set(0x42),
            pps: set(0x44),
            size: None,
        };
        assert!(
            sdp(Codec::H265, all)
                .contains("a=fmtp:98 sprop-vps=QAE=;sprop-sps=QgE=;sprop-pps=RAE=\r\n")
        );
    }
}
