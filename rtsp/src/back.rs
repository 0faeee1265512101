//! The audio back channel: sound that a client sends to the device (ONVIF Streaming Specification §5.3).

mod aac;

use std::net::SocketAddr;
use std::sync::Arc;

pub use aac::{AAC_FRAME_SAMPLES, MAX_AAC_FRAME, aac_frames};

use crate::auth::User;
use crate::media::Codec;
use crate::source::OpenError;

/// Feature tag of the back channel, in `Require` headers.
pub(crate) const BACK_CHANNEL: &str = "www.onvif.org/ver20/backchannel";
/// What everybody can say: G.711, µ-law and A-law.
const G711: [Codec; 2] = [Codec::Pcmu, Codec::Pcma];
/// Payload type of the first of [`Codec::AAC_RATES`]; each rate has one. None of the stream's own tracks has one of them.
const AAC: u8 = 112;

/// The payload type by which a codec is said, if it can be.
pub(crate) fn payload_type(codec: Codec) -> Option<u8> {
    match codec {
        Codec::Pcmu | Codec::Pcma => Some(codec.payload_type()),
        Codec::Aac { rate, channels: 1 } => {
            let index = Codec::AAC_RATES.iter().position(|known| *known == rate)?;
            Some(AAC + index as u8)
        }
        _ => None,
    }
}

/// The codec of a payload type.
fn codec(payload_type: u8) -> Option<Codec> {
    let g711 = G711.into_iter();
    let aac = Codec::AAC_RATES.map(|rate| Codec::Aac { rate, channels: 1 });
    g711.chain(aac)
        .find(|codec| self::payload_type(*codec) == Some(payload_type))
}

/// Where a device lets people talk. Calls must be quick and must not block.
pub trait BackChannel: Send + Sync + 'static {
    /// Somebody wants to talk, from SETUP to the end of the session.
    ///
    /// # Errors
    /// [`OpenError`], which becomes the RTSP status of the answer: [`OpenError::Busy`] while another talks,
    /// [`OpenError::Forbidden`] for who may not.
    fn talk(&self, user: &User, peer: SocketAddr) -> Result<Arc<dyn Talk>, OpenError>;

    /// What may be said, as it is offered: of G.711 and AAC with one channel. Nothing else is heard.
    fn codecs(&self) -> &[Codec] {
        &G711
    }
}

/// One that talks; dropped at the end of the session.
pub trait Talk: Send + Sync + 'static {
    /// Takes a packet of G.711, 8 kHz, or a frame of AAC, in the order in which packets arrive.
    fn hear(&self, packet: Heard<'_>);
}

/// A piece of sound as it arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard<'a> {
    /// RTP sequence number.
    pub sequence: u16,
    /// RTP time: samples since any zero, of the codec's rate.
    pub time: u32,
    /// [`Codec::Pcmu`], [`Codec::Pcma`] or [`Codec::Aac`].
    pub codec: Codec,
    /// Samples of the whole packet, of which a frame of AAC may be a part.
    pub packet: u32,
    /// Samples of G.711, at most one packet's, or one frame of AAC, at most [`MAX_AAC_FRAME`] bytes.
    pub samples: &'a [u8],
}

/// Reads an RTP packet of the back channel (RFC 3550 §5.1); `None` for anything else.
pub(crate) fn parse(packet: &[u8]) -> Option<Heard<'_>> {
    let &[
        first,
        second,
        s0,
        s1,
        t0,
        t1,
        t2,
        t3,
        _,
        _,
        _,
        _,
        ref rest @ ..,
    ] = packet
    else {
        return None;
    };
    let codec = codec(second & 0x7f)?;
    if first >> 6 != 2 {
        return None;
    }
    let mut rest = rest.get(usize::from(first & 15) * 4..)?;
    if first & 0x10 != 0 {
        let &[_, _, high, low, ref after @ ..] = rest else {
            return None;
        };
        rest = after.get(usize::from(u16::from_be_bytes([high, low])) * 4..)?;
    }
    if first & 0x20 != 0 {
        let padding = usize::from(*rest.last()?);
        rest = rest.get(..rest.len().checked_sub(padding.max(1))?)?;
    }
    Some(Heard {
        sequence: u16::from_be_bytes([s0, s1]),
        time: u32::from_be_bytes([t0, t1, t2, t3]),
        codec,
        packet: rest.len() as u32,
        samples: rest,
    })
}

/// The pieces of a packet: of AAC its frames, each with its own time.
pub(crate) fn units(heard: Heard<'_>) -> Vec<Heard<'_>> {
    if !matches!(heard.codec, Codec::Aac { .. }) {
        return vec![heard];
    }
    let frames = aac_frames(heard.samples).unwrap_or_default();
    let packet = (frames.len() as u32).wrapping_mul(AAC_FRAME_SAMPLES);
    let times = (0..).map(|n: u32| heard.time.wrapping_add(n.wrapping_mul(AAC_FRAME_SAMPLES)));
    let unit = |(samples, time)| Heard {
        time,
        packet,
        samples,
        ..heard
    };
    frames.into_iter().zip(times).map(unit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: [u8; 12] = [0x80, 0x80, 1, 2, 0, 0, 0, 160, 9, 9, 9, 9];

    #[test]
    fn packets_are_read_whatever_stands_before_and_behind() {
        let with = |first: u8, rest: &[u8]| {
            let mut packet = HEAD.to_vec();
            packet[0] = first;
            packet.extend_from_slice(rest);
            packet
        };
        let samples = [7u8; 160];
        let csrc = [[1u8; 8].as_slice(), &samples].concat();
        let extension = [[0xbe, 0xde, 0, 1, 5, 5, 5, 5].as_slice(), &samples].concat();
        let padded = [samples.as_slice(), &[0, 0, 3]].concat();
        for packet in [
            with(0x80, &samples),
            with(0x82, &csrc),
            with(0x90, &extension),
            with(0xa0, &padded),
        ] {
            let heard = parse(&packet).unwrap();
            assert_eq!((heard.sequence, heard.time), (0x102, 160));
            assert_eq!((heard.codec, heard.samples), (Codec::Pcmu, &samples[..]));
        }
        assert_eq!(parse(&HEAD[..11]), None);
        assert_eq!(parse(&with(0x40, &samples)), None, "another version");
        assert_eq!(
            parse(&with(0x8f, &samples[..10])),
            None,
            "more sources than bytes"
        );
        assert_eq!(parse(&with(0x90, &[0, 0, 0xff, 0xff])), None);
        assert_eq!(parse(&with(0xa0, &[200])), None, "more padding than bytes");
        let mut other = with(0x80, &samples);
        other[1] = 8;
        assert_eq!(parse(&other).map(|h| h.codec), Some(Codec::Pcma));
        other[1] = 111;
        assert_eq!(parse(&other), None, "another codec");
    }

    /// AAC beside G.711: each rate has its own payload type, each frame of a packet its own time.
    #[test]
    fn frames_of_aac_are_told_one_by_one() {
        for (index, rate) in Codec::AAC_RATES.into_iter().enumerate() {
            let mut packet = HEAD.to_vec();
            packet[1] = 112 + index as u8;
            packet.extend([0, 32, 0, 2 << 3, 0, 1 << 3, 7, 8, 9]);
            let heard = parse(&packet).unwrap();
            assert_eq!(heard.codec, Codec::Aac { rate, channels: 1 });
            let units = units(heard);
            let told = units.iter().map(|u| (u.time, u.packet, u.samples));
            let expect = [(160, 2048, &[7, 8][..]), (160 + 1024, 2048, &[9])];
            assert_eq!(told.collect::<Vec<_>>(), expect);
        }
        let stereo = Codec::Aac {
            rate: 16_000,
            channels: 2,
        };
        assert_eq!(payload_type(stereo), None);
        assert_eq!(payload_type(Codec::Opus), None);
    }

    proptest::proptest! {
        #[test]
        fn reading_never_panics(packet in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let _ = parse(&packet).map(units);
        }
    }
}
