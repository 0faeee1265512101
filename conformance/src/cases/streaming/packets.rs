//! RTP: what the packets of a stream must show.

use super::*;

/// Reads RFC 3550 §5.1.
pub(in crate::cases) fn rtp(packet: &Packet) -> Outcome<Rtp<'_>> {
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
pub(in crate::cases) fn intra(encoding: &str, body: &[u8]) -> bool {
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

pub(in crate::cases) fn aggregated(mut rest: &[u8], wanted: impl Fn(u8) -> bool) -> bool {
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
pub(in crate::cases) fn watch(c: &mut Client<'_>, media: &Media) -> Outcome {
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
