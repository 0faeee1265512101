//! The audio back channel: sound that a client sends to the device (ONVIF Streaming Specification §5.3).

use std::net::SocketAddr;
use std::sync::Arc;

use crate::auth::User;
use crate::media::Codec;
use crate::source::OpenError;

/// Feature tag of the back channel, in `Require` headers.
pub(crate) const BACK_CHANNEL: &str = "www.onvif.org/ver20/backchannel";
/// What may be said: G.711, µ-law and A-law.
pub(crate) const CODECS: [Codec; 2] = [Codec::Pcmu, Codec::Pcma];

/// Where a device lets people talk. Calls must be quick and must not block.
pub trait BackChannel: Send + Sync + 'static {
    /// Somebody wants to talk, from SETUP to the end of the session.
    ///
    /// # Errors
    /// [`OpenError`], which becomes the RTSP status of the answer: [`OpenError::Busy`] while another talks,
    /// [`OpenError::Forbidden`] for who may not.
    fn talk(&self, user: &User, peer: SocketAddr) -> Result<Arc<dyn Talk>, OpenError>;
}

/// One that talks; dropped at the end of the session.
pub trait Talk: Send + Sync + 'static {
    /// Takes a packet of G.711, 8 kHz, in the order in which packets arrive.
    fn hear(&self, packet: Heard<'_>);
}

/// A packet of sound as it arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard<'a> {
    /// RTP sequence number.
    pub sequence: u16,
    /// RTP time: samples since any zero.
    pub time: u32,
    /// [`Codec::Pcmu`] or [`Codec::Pcma`].
    pub codec: Codec,
    /// Samples, at most one packet's.
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
    let codec = CODECS
        .into_iter()
        .find(|codec| codec.payload_type() == second & 0x7f)?;
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
        samples: rest,
    })
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

    proptest::proptest! {
        #[test]
        fn reading_never_panics(packet in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            parse(&packet);
        }
    }
}
