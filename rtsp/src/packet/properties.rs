//! `depacketise(packetise(x)) == x`, and the rules every frame keeps.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use tokio::time::Instant;

use super::*;
use crate::error::MediaError;

fn unit(key: bool, data: impl Into<Bytes>) -> AccessUnit {
    AccessUnit {
        pts: Duration::ZERO,
        utc: SystemTime::UNIX_EPOCH,
        key,
        data: data.into(),
    }
}

/// Packetises with sequence numbers from `seq` and checks what holds for every frame.
fn frame(packetizer: &mut Packetizer, unit: &AccessUnit, seq: u16) -> Result<Frame, MediaError> {
    let mut builder = FrameBuilder::new(6, 99, 0xabcd_0123, seq, 0xffff_fff0, unit.data.len());
    let key = packetizer.packetize(unit, &mut builder)?;
    let (wire, packets) = builder.finish(packetizer.codec.marks_last_packet());
    let video = packetizer.codec.is_video();
    let frame = Frame {
        track: 3,
        key,
        video,
        wire,
        packets,
        first_seq: seq,
        pts: unit.pts,
        utc: unit.utc,
        pushed: Instant::now(),
    };
    let read = depacket::packets(&frame.wire);
    assert_eq!(read.len(), frame.packets.len());
    let last = read.len() - 1;
    for (index, (channel, packet)) in read.iter().enumerate() {
        assert_eq!(
            (*channel, packet.payload_type, packet.ssrc, packet.time),
            (6, 99, 0xabcd_0123, 0xffff_fff0)
        );
        assert_eq!(
            packet.seq,
            seq.wrapping_add(index as u16),
            "sequence numbers go on and wrap"
        );
        assert_eq!(
            packet.marker,
            index == last && packetizer.codec.marks_last_packet(),
            "the marker is on the last packet"
        );
        assert!(
            (1..=MAX_PAYLOAD).contains(&packet.payload.len()),
            "{} bytes",
            packet.payload.len()
        );
        assert_eq!(depacket::payloads(&frame)[index], packet.payload);
    }
    assert_eq!(frame.next_seq(), seq.wrapping_add(read.len() as u16));
    assert_eq!(
        frame.payload_bytes(),
        read.iter()
            .map(|(_, packet)| packet.payload.len())
            .sum::<usize>()
    );
    Ok(frame)
}

fn annex_b(units: &[Vec<u8>], long: bool) -> Vec<u8> {
    let code: &[u8] = if long { &[0, 0, 0, 1] } else { &[0, 0, 1] };
    units
        .iter()
        .flat_map(|unit| [code, unit].concat())
        .collect()
}

/// Bytes of a unit after its header: no zeros, hence no start codes. Sizes around the packet size are likely.
fn body() -> impl Strategy<Value = Vec<u8>> {
    let size = prop_oneof![1usize..40, 1380usize..1395, 2760usize..2790, 1usize..6000];
    (size, 1u8..=255).prop_map(|(size, seed)| {
        (0..size)
            .map(|at| (at as u8).wrapping_mul(31).wrapping_add(seed).max(1))
            .collect()
    })
}

fn h264_unit() -> impl Strategy<Value = Vec<u8>> {
    let kinds = prop_oneof![Just(1u8), Just(5), Just(6), Just(7), Just(8)];
    (kinds, 0u8..4, body())
        .prop_map(|(kind, importance, body)| [vec![kind | importance << 5], body].concat())
}

fn h265_unit() -> impl Strategy<Value = Vec<u8>> {
    let kinds = prop_oneof![
        Just(1u8),
        Just(19),
        Just(21),
        Just(32),
        Just(33),
        Just(34),
        Just(39)
    ];
    (kinds, 1u8..8, body())
        .prop_map(|(kind, temporal, body)| [vec![kind << 1, temporal], body].concat())
}

proptest! {
    #[test]
    fn h264_comes_back(units in vec(h264_unit(), 1..12), key: bool, long: bool, seq: u16) {
        let mut packetizer = Packetizer::new(Codec::H264);
        let sent = frame(&mut packetizer, &unit(key, annex_b(&units, long)), seq).unwrap();
        // Without a sequence parameter set in it a key frame gets what is remembered: here at most its own PPS.
        let kind = |unit: &Vec<u8>| unit[0] & 31;
        let has_sps = units.iter().any(|unit| kind(unit) == 7);
        let is_key = key || units.iter().any(|unit| kind(unit) == 5);
        let mut got = depacket::h264(&depacket::payloads(&sent));
        if is_key && !has_sps {
            let extra = packetizer.parameters().pps.len();
            got.drain(..extra);
        }
        prop_assert_eq!(&got, &units);
        prop_assert_eq!(sent.key, is_key);
    }

    #[test]
    fn h265_comes_back(units in vec(h265_unit(), 1..12), key: bool, long: bool, seq: u16) {
        let mut packetizer = Packetizer::new(Codec::H265);
        let sent = frame(&mut packetizer, &unit(key, annex_b(&units, long)), seq).unwrap();
        prop_assert_eq!(depacket::h265(&depacket::payloads(&sent)), units.clone());
        let irap = units.iter().any(|unit| (16..=23).contains(&(unit[0] >> 1)));
        prop_assert_eq!(sent.key, key || irap);
    }

    #[test]
    fn metadata_comes_back(text in "[<>a-z é]{1,4000}", seq: u16) {
        let mut packetizer = Packetizer::new(Codec::OnvifMetadata);
        let sent = frame(&mut packetizer, &unit(false, text.clone().into_bytes()), seq).unwrap();
        prop_assert_eq!(depacket::payloads(&sent).concat(), text.into_bytes());
        prop_assert!(sent.key);
    }

    #[test]
    fn jpeg_comes_back(scan in vec(any::<u8>(), 1..6000), restart: u16, sampling in prop_oneof![Just(0x21u8), Just(0x22)],
                       width in 1u16..3000, height in 1u16..3000, seq: u16) {
        // An end marker inside would be taken for the end of the picture.
        prop_assume!(!scan.ends_with(&[0xff, 0xd9]));
        let tables: Vec<u8> = (0..128).map(|at| at as u8 + 1).collect();
        let picture = jpeg_file(&scan, restart, sampling, (width, height), &tables);
        let mut packetizer = Packetizer::new(Codec::Jpeg);
        let sent = frame(&mut packetizer, &unit(false, picture), seq).unwrap();
        let large = width > 2040 || height > 2040;
        let blocks = |side: u16| if large { 0 } else { (side as usize).div_ceil(8) as u8 };
        prop_assert_eq!(depacket::jpeg(&depacket::payloads(&sent)), depacket::Jpeg {
            kind: u8::from(sampling == 0x22), blocks: (blocks(width), blocks(height)), restart, tables, scan,
        });
        prop_assert_eq!(packetizer.parameters().size, Some((width, height)));
        prop_assert!(sent.key);
    }

    #[test]
    fn hostile_data_never_panics(data in vec(prop_oneof![Just(0u8), Just(1), Just(0xff), any::<u8>()], 0..600), start in 0usize..4) {
        let starts: [&[u8]; 4] = [b"", &[0, 0, 1], &[0xff, 0xd8], &[0xff, 0xd8, 0xff, 0xc0]];
        let data = [starts[start], &data].concat();
        let aac = Codec::Aac { rate: 8_000, channels: 1 };
        for codec in [Codec::H264, Codec::H265, Codec::Jpeg, Codec::OnvifMetadata, Codec::Pcmu, Codec::Opus, aac] {
            let _ = frame(&mut Packetizer::new(codec), &unit(true, data.clone()), 65_535);
        }
    }
}

fn jpeg_file(scan: &[u8], restart: u16, sampling: u8, size: (u16, u16), tables: &[u8]) -> Vec<u8> {
    let segment = |marker: u8, body: &[u8]| {
        [
            &[0xff, marker],
            &(body.len() as u16 + 2).to_be_bytes()[..],
            body,
        ]
        .concat()
    };
    let (w, h) = (size.0.to_be_bytes(), size.1.to_be_bytes());
    let frame = [
        8, h[0], h[1], w[0], w[1], 3, 1, sampling, 0, 2, 0x11, 1, 3, 0x11, 1,
    ];
    let mut file = vec![0xff, 0xd8];
    file.extend(segment(
        0xdb,
        &[&[0], &tables[..64], &[1], &tables[64..]].concat(),
    ));
    file.extend(segment(0xc0, &frame));
    if restart > 0 {
        file.extend(segment(0xdd, &restart.to_be_bytes()));
    }
    file.extend(segment(0xda, &[3, 1, 0, 2, 0x11, 3, 0x11, 0, 0x3f, 0]));
    file.extend_from_slice(scan);
    file.extend([0xff, 0xd9]);
    file
}

#[test]
fn parameter_sets_are_repeated_before_key_frames() {
    let (sps, pps, idr, slice) = (
        vec![0x67, 1, 2, 3],
        vec![0x68, 4],
        vec![0x65, 5],
        vec![0x41, 6],
    );
    let mut packetizer = Packetizer::new(Codec::H264);
    let first = annex_b(
        &[vec![0x09, 0xf0], sps.clone(), pps.clone(), idr.clone()],
        true,
    );
    let mut units = |key, data: Vec<u8>| {
        depacket::h264(&depacket::payloads(
            &frame(&mut packetizer, &unit(key, data), 0).unwrap(),
        ))
    };
    assert_eq!(
        units(true, first),
        [sps.clone(), pps.clone(), idr.clone()],
        "the delimiter is left out"
    );
    assert_eq!(
        units(false, annex_b(std::slice::from_ref(&slice), true)),
        std::slice::from_ref(&slice)
    );
    assert_eq!(
        units(true, annex_b(std::slice::from_ref(&idr), true)),
        [sps.clone(), pps.clone(), idr.clone()]
    );
    // A new resolution: the new sets are the ones repeated from now on.
    let (sps2, pps2) = (vec![0x67, 9, 9, 9], vec![0x68, 9]);
    units(
        true,
        annex_b(&[sps2.clone(), pps2.clone(), idr.clone()], true),
    );
    assert_eq!(
        units(true, annex_b(std::slice::from_ref(&idr), true)),
        [sps2, pps2, idr]
    );

    let sets: Vec<Vec<u8>> = [32u8, 33, 34]
        .iter()
        .map(|kind| vec![kind << 1, 1, *kind])
        .collect();
    let idr = vec![19 << 1, 1, 7];
    let mut packetizer = Packetizer::new(Codec::H265);
    let mut units = |data: Vec<u8>| {
        depacket::h265(&depacket::payloads(
            &frame(&mut packetizer, &unit(true, data), 0).unwrap(),
        ))
    };
    let all = [sets.clone(), vec![idr.clone()]].concat();
    assert_eq!(units(annex_b(&all, true)), all);
    assert_eq!(units(annex_b(&[idr], true)), all);
}

#[test]
fn large_slices_are_cut_into_equal_packets() {
    for (codec, header) in [(Codec::H264, vec![0x65]), (Codec::H265, vec![19 << 1, 1])] {
        let slice = [header, vec![7; 200_000]].concat();
        let sent = frame(
            &mut Packetizer::new(codec),
            &unit(true, annex_b(&[slice], true)),
            0,
        )
        .unwrap();
        let sizes: Vec<u16> = sent.packets.iter().map(|span| span.len).collect();
        let (last, others) = sizes.split_last().unwrap();
        assert!(
            others.iter().all(|size| usize::from(*size) == MAX_PACKET) && *last <= 1400,
            "{codec:?}"
        );
    }
}

#[test]
fn refusals_name_the_reason() {
    let check = |codec, data: Vec<u8>, expect: &str| {
        let error = frame(&mut Packetizer::new(codec), &unit(true, data), 0)
            .unwrap_err()
            .to_string();
        assert!(error.contains(expect), "{error}");
    };
    check(Codec::H264, vec![1, 2, 3], "no NAL unit in 3 bytes");
    check(Codec::H265, vec![0, 0, 1, 0x42], "no NAL unit");
    check(Codec::OnvifMetadata, vec![], "empty");
    check(
        Codec::H264,
        vec![0; AccessUnit::MAX_BYTES + 1],
        "8388609 bytes, at most 8388608",
    );
}
