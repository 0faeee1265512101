//! RTCP: what the server sends, and what it reads of receiver reports (RFC 3550 §6).

use std::time::{SystemTime, UNIX_EPOCH};

use crate::stream::SenderInfo;

const SR: u8 = 200;
const RR: u8 = 201;
const SDES: u8 = 202;
const BYE: u8 = 203;

/// Seconds from 1900 to 1970.
const NTP_TO_UNIX: u64 = 2_208_988_800;

/// What a receiver says of one of our sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) ssrc: u32,
    /// Share of packets lost since the last report, in 1/256.
    pub(crate) fraction_lost: u8,
    /// Interarrival jitter in ticks of the RTP clock.
    pub(crate) jitter: u32,
}

/// NTP format: seconds since 1900 in the upper 32 bits, the fraction in the lower.
pub(crate) fn ntp(at: SystemTime) -> u64 {
    // Before 1970 the clock is not set; the report then says 1970.
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = since.as_secs().wrapping_add(NTP_TO_UNIX);
    let fraction = (u64::from(since.subsec_nanos()) << 32) / 1_000_000_000;
    (seconds << 32) | fraction
}

/// Sender report and SDES, one compound packet.
pub(crate) fn sender_report(info: &SenderInfo, cname: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(28 + 12 + cname.len());
    out.extend([0x80, SR, 0, 6]);
    out.extend(info.ssrc.to_be_bytes());
    out.extend(ntp(info.utc).to_be_bytes());
    out.extend(info.rtp_time.to_be_bytes());
    out.extend(info.packets.to_be_bytes());
    out.extend(info.octets.to_be_bytes());
    source_description(&mut out, info.ssrc, cname);
    out
}

/// Empty receiver report (a compound must start with a report), SDES and BYE.
pub(crate) fn goodbye(ssrc: u32, cname: &str) -> Vec<u8> {
    let mut out = vec![0x80, RR, 0, 1];
    out.extend(ssrc.to_be_bytes());
    source_description(&mut out, ssrc, cname);
    out.extend([0x81, BYE, 0, 1]);
    out.extend(ssrc.to_be_bytes());
    out
}

fn source_description(out: &mut Vec<u8>, ssrc: u32, cname: &str) {
    let name = &cname.as_bytes()[..cname.len().min(255)];
    // SSRC, item header and name, then one to four zero bytes to the next word.
    let chunk = (4 + 2 + name.len() + 1).next_multiple_of(4);
    out.extend([0x81, SDES]);
    out.extend(((chunk / 4) as u16).to_be_bytes());
    let end = out.len() + chunk;
    out.extend(ssrc.to_be_bytes());
    out.extend([1, name.len() as u8]);
    out.extend_from_slice(name);
    out.resize(end, 0);
}

/// Report blocks of a compound packet; reading stops at the first byte that makes no sense. `None` when not
/// even the first packet is RTCP.
pub(crate) fn parse_reports(packet: &[u8]) -> Option<Vec<Report>> {
    let mut reports = Vec::new();
    let mut rest = packet;
    let mut any = false;
    while let &[first, kind, high, low, ..] = rest {
        let length = (usize::from(u16::from_be_bytes([high, low])) + 1) * 4;
        if first >> 6 != 2 || !(192..=223).contains(&kind) || rest.len() < length {
            break;
        }
        any = true;
        let (body, after) = rest.split_at(length);
        let blocks_at = match kind {
            SR => 28,
            RR => 8,
            _ => length,
        };
        let blocks = body
            .get(blocks_at..)
            .unwrap_or(&[])
            .chunks_exact(24)
            .take(usize::from(first & 31));
        reports.extend(blocks.map(|block| Report {
            ssrc: u32::from_be_bytes([block[0], block[1], block[2], block[3]]),
            fraction_lost: block[4],
            jitter: u32::from_be_bytes([block[12], block[13], block[14], block[15]]),
        }));
        rest = after;
    }
    any.then_some(reports)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn sender_report_is_well_formed() {
        let info = SenderInfo {
            ssrc: 0x0102_0304,
            utc: UNIX_EPOCH + Duration::from_millis(1_500),
            rtp_time: 7,
            packets: 8,
            octets: 9,
        };
        for cname in ["", "c", "cam", "camera-1"] {
            let packet = sender_report(&info, cname);
            assert_eq!(packet.len() % 4, 0);
            assert_eq!(&packet[..8], [0x80, 200, 0, 6, 1, 2, 3, 4]);
            assert_eq!(
                &packet[8..16],
                ((NTP_TO_UNIX + 1) << 32 | 1 << 31).to_be_bytes()
            );
            let sdes = &packet[28..];
            assert_eq!(
                usize::from(sdes[3]) * 4 + 4,
                sdes.len(),
                "SDES ends with the packet"
            );
            assert_eq!(&sdes[8..10], [1, cname.len() as u8]);
            assert_eq!(sdes.last(), Some(&0), "the item list is closed");
            assert_eq!(parse_reports(&packet), Some(vec![]));
        }
        let bye = goodbye(info.ssrc, "cam");
        assert_eq!(&bye[bye.len() - 8..], [0x81, 203, 0, 1, 1, 2, 3, 4]);
        assert_eq!(parse_reports(&bye), Some(vec![]));
    }

    #[test]
    fn reads_reports() {
        let mut block = vec![0, 0, 0, 5, 64, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0];
        block.resize(24, 0);
        let rr = [vec![0x81, 201, 0, 7, 0, 0, 0, 9], block.clone()].concat();
        let expect = Report {
            ssrc: 5,
            fraction_lost: 64,
            jitter: 256,
        };
        assert_eq!(parse_reports(&rr), Some(vec![expect]));
        let sr = [vec![0x81, 200, 0, 12], vec![0; 24], block].concat();
        assert_eq!(
            parse_reports(&[sr, rr].concat()),
            Some(vec![expect, expect])
        );
        // Refused: too short, another version, RTP, a count that lies.
        assert_eq!(parse_reports(&[]), None);
        assert_eq!(parse_reports(&[0x80, 201, 0, 9, 0, 0, 0, 0]), None);
        assert_eq!(parse_reports(&[0x40, 201, 0, 0]), None);
        assert_eq!(
            parse_reports(&[0x80, 96, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]),
            None
        );
        assert_eq!(parse_reports(&[0x9f, 201, 0, 1, 0, 0, 0, 9]), Some(vec![]));
    }

    proptest::proptest! {
        #[test]
        fn reading_never_panics(packet in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            parse_reports(&packet);
        }
    }
}
