//! The receiving side, for tests only: what a client makes of our packets, written from the RFCs alone.

use super::Frame;

/// RTP header fields and the payload.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Packet<'a> {
    pub(super) marker: bool,
    pub(super) payload_type: u8,
    pub(super) seq: u16,
    pub(super) time: u32,
    pub(super) ssrc: u32,
    pub(super) payload: &'a [u8],
}

/// Reads the wire image as a client on TCP does: prefix, header, payload. Gives the channels too.
pub(super) fn packets(wire: &[u8]) -> Vec<(u8, Packet<'_>)> {
    let mut rest = wire;
    let mut found = Vec::new();
    while !rest.is_empty() {
        assert_eq!(rest[0], b'$');
        let len = usize::from(u16::from_be_bytes([rest[2], rest[3]]));
        let packet = &rest[4..4 + len];
        assert_eq!(
            packet[0], 0x80,
            "version 2, no padding, no extension, no CSRC"
        );
        found.push((
            rest[1],
            Packet {
                marker: packet[1] & 0x80 != 0,
                payload_type: packet[1] & 0x7f,
                seq: u16::from_be_bytes([packet[2], packet[3]]),
                time: u32::from_be_bytes(packet[4..8].try_into().unwrap()),
                ssrc: u32::from_be_bytes(packet[8..12].try_into().unwrap()),
                payload: &packet[12..],
            },
        ));
        rest = &rest[4 + len..];
    }
    found
}

/// Payloads of a frame, by its own index of packets.
pub(super) fn payloads(frame: &Frame) -> Vec<&[u8]> {
    frame
        .packets
        .iter()
        .map(|span| &frame.packet(*span)[12..])
        .collect()
}

/// NAL units from RFC 6184 payloads.
pub(super) fn h264(payloads: &[&[u8]]) -> Vec<Vec<u8>> {
    let mut units: Vec<Vec<u8>> = Vec::new();
    let mut open = false;
    for payload in payloads {
        match payload[0] & 31 {
            24 => units.extend(aggregated(&payload[1..])),
            28 => {
                let (start, end) = (payload[1] & 0x80 != 0, payload[1] & 0x40 != 0);
                assert!(!(start && end), "a fragment cannot be first and last");
                assert_eq!(start, !open);
                if start {
                    units.push(vec![payload[0] & 0xe0 | payload[1] & 31]);
                }
                units.last_mut().unwrap().extend_from_slice(&payload[2..]);
                open = !end;
            }
            1..=23 => units.push(payload.to_vec()),
            other => panic!("packet type {other}"),
        }
    }
    assert!(!open, "the last fragment is missing");
    units
}

/// NAL units from RFC 7798 payloads.
pub(super) fn h265(payloads: &[&[u8]]) -> Vec<Vec<u8>> {
    let mut units: Vec<Vec<u8>> = Vec::new();
    let mut open = false;
    for payload in payloads {
        match payload[0] >> 1 & 63 {
            48 => units.extend(aggregated(&payload[2..])),
            49 => {
                let (start, end) = (payload[2] & 0x80 != 0, payload[2] & 0x40 != 0);
                assert!(!(start && end), "a fragment cannot be first and last");
                assert_eq!(start, !open);
                if start {
                    units.push(vec![payload[0] & 0x81 | (payload[2] & 63) << 1, payload[1]]);
                }
                units.last_mut().unwrap().extend_from_slice(&payload[3..]);
                open = !end;
            }
            _ => units.push(payload.to_vec()),
        }
    }
    assert!(!open, "the last fragment is missing");
    units
}

fn aggregated(mut rest: &[u8]) -> Vec<Vec<u8>> {
    let mut units = Vec::new();
    while let [high, low, after @ ..] = rest {
        let len = usize::from(u16::from_be_bytes([*high, *low]));
        units.push(after[..len].to_vec());
        rest = &after[len..];
    }
    assert!(units.len() > 1, "an aggregate of one");
    units
}

/// What RFC 2435 carries of a picture.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Jpeg {
    pub(super) kind: u8,
    pub(super) blocks: (u8, u8),
    pub(super) restart: u16,
    pub(super) tables: Vec<u8>,
    pub(super) scan: Vec<u8>,
}

/// A picture from RFC 2435 payloads.
pub(super) fn jpeg(payloads: &[&[u8]]) -> Jpeg {
    let first = payloads[0];
    let mut picture = Jpeg {
        kind: first[4] & 63,
        blocks: (first[6], first[7]),
        restart: 0,
        tables: Vec::new(),
        scan: Vec::new(),
    };
    for payload in payloads {
        let offset = u32::from_be_bytes([0, payload[1], payload[2], payload[3]]);
        assert_eq!(offset as usize, picture.scan.len());
        assert_eq!((payload[0], payload[5]), (0, 255));
        assert_eq!(payload[4..8], first[4..8]);
        let mut rest = &payload[8..];
        if payload[4] & 64 != 0 {
            picture.restart = u16::from_be_bytes([rest[0], rest[1]]);
            assert_eq!(rest[2..4], [0xff, 0xff]);
            rest = &rest[4..];
        }
        if offset == 0 {
            assert_eq!(rest[..4], [0, 0, 0, 128]);
            picture.tables = rest[4..132].to_vec();
            rest = &rest[132..];
        }
        picture.scan.extend_from_slice(rest);
    }
    picture
}
