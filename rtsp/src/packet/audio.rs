//! Sound over RTP: G.711 (RFC 3551 §4.5.14), Opus (RFC 7587) and AAC (RFC 3640, mode AAC-hbr).

use super::{FrameBuilder, MAX_PAYLOAD};
use crate::error::MediaError;

/// Bytes of the AU header section of one AU: the length of the headers in bits, and one header.
const AU_HEADERS: usize = 4;
/// What the 13 bits of an AU's size can say.
const MAX_AU: usize = (1 << 13) - 1;

/// One packet: samples of G.711, or a packet of Opus.
pub(super) fn packetize(data: &[u8], out: &mut FrameBuilder) -> Result<(), MediaError> {
    check(data, MAX_PAYLOAD)?;
    out.push(&[data]);
    Ok(())
}

/// One AAC frame: a packet, or fragments that each say the size of the whole (RFC 3640 §3.2.3.1).
pub(super) fn packetize_aac(data: &[u8], out: &mut FrameBuilder) -> Result<(), MediaError> {
    check(data, MAX_AU)?;
    // `check` holds the size within 13 bits; the index, 3 bits, is 0.
    let [high, low] = ((data.len() as u16) << 3).to_be_bytes();
    for chunk in data.chunks(MAX_PAYLOAD - AU_HEADERS) {
        out.push(&[&[0, 16, high, low], chunk]);
    }
    Ok(())
}

fn check(data: &[u8], limit: usize) -> Result<(), MediaError> {
    match data.len() {
        0 => Err(MediaError::Empty),
        bytes if bytes > limit => Err(MediaError::TooLarge { bytes, limit }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use bytes::Bytes;

    use super::super::{Packetizer, RTP_HEADER};
    use super::*;
    use crate::media::{AccessUnit, Codec};

    /// RTP packets of one unit, without their interleaved prefix.
    fn packets(codec: Codec, data: Vec<u8>) -> Result<Vec<Vec<u8>>, MediaError> {
        let mut out = FrameBuilder::new(4, codec.payload_type(), 7, 1, 160, data.len());
        let unit = AccessUnit {
            pts: Duration::ZERO,
            utc: SystemTime::UNIX_EPOCH,
            key: true,
            data: Bytes::from(data),
        };
        assert!(Packetizer::new(codec).packetize(&unit, &mut out)?);
        let (wire, spans) = out.finish(codec.marks_last_packet());
        let packet = |s: &super::super::Span| {
            let start = s.start as usize + 4;
            wire[start..start + usize::from(s.len)].to_vec()
        };
        Ok(spans.iter().map(packet).collect())
    }

    #[test]
    fn g711_and_opus_are_one_packet_without_marker() {
        for (codec, payload_type) in [(Codec::Pcmu, 0), (Codec::Pcma, 8), (Codec::Opus, 111)] {
            let sound: Vec<u8> = (0..160).map(|n| n as u8).collect();
            let all = packets(codec, sound.clone()).unwrap();
            assert_eq!(all.len(), 1);
            assert_eq!(all[0][1], payload_type, "no marker, {codec:?}");
            assert_eq!(all[0][RTP_HEADER..], sound);
            assert!(matches!(packets(codec, vec![]), Err(MediaError::Empty)));
            let large = packets(codec, vec![0; MAX_PAYLOAD + 1]);
            assert!(
                matches!(large, Err(MediaError::TooLarge { limit, .. }) if limit == MAX_PAYLOAD)
            );
        }
    }

    #[test]
    fn aac_says_its_size_in_every_fragment() {
        let codec = Codec::Aac {
            rate: 16_000,
            channels: 1,
        };
        let sound = |n: usize| (0..n).map(|n| n as u8).collect::<Vec<u8>>();
        for (bytes, count) in [
            (1, 1),
            (300, 1),
            (MAX_PAYLOAD - 4, 1),
            (MAX_PAYLOAD, 2),
            (8191, 6),
        ] {
            let all = packets(codec, sound(bytes)).unwrap();
            assert_eq!(all.len(), count, "{bytes}");
            let mut whole = Vec::new();
            for (n, packet) in all.iter().enumerate() {
                let payload = &packet[RTP_HEADER..];
                assert_eq!(payload[..2], [0, 16], "one header of 16 bits");
                let header = u16::from_be_bytes([payload[2], payload[3]]);
                assert_eq!((usize::from(header >> 3), header & 7), (bytes, 0));
                assert_eq!(packet[1] & 0x80 != 0, n + 1 == count, "marker on the last");
                whole.extend_from_slice(&payload[4..]);
            }
            assert_eq!(whole, sound(bytes));
        }
        assert!(matches!(
            packets(codec, vec![0; 8192]),
            Err(MediaError::TooLarge { limit: 8191, .. })
        ));
    }
}
