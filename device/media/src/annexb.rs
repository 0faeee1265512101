//! The Annex B byte stream of H.264 and H.265.

use bytes::Bytes;

use platecam_model::settings::H264Profile;

use crate::config::Codec;

/// Splits a byte stream into NAL units without start codes; empty units are left out.
///
/// Trailing zero bytes belong to the next start code or to padding and are not part of a unit.
///
/// ITU-T H.264 Annex B.1, H.265 Annex B.2.
pub fn nal_units(stream: &Bytes) -> Vec<Bytes> {
    let mut units = Vec::new();
    let mut begin = None;
    let mut at = 0;
    while let Some(code) = next_start_code(stream, at) {
        if let Some(begin) = begin {
            push_trimmed(&mut units, stream, begin, code);
        }
        at = code + 3;
        begin = Some(at);
    }
    if let Some(begin) = begin {
        push_trimmed(&mut units, stream, begin, stream.len());
    }
    units
}

/// Offset of the next `00 00 01` from `from` on.
fn next_start_code(stream: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    // The third byte tells how far to step: above 1 no code can begin in these three bytes.
    while at + 2 < stream.len() {
        match stream[at + 2] {
            1 if stream[at] == 0 && stream[at + 1] == 0 => return Some(at),
            0 => at += 1,
            _ => at += 3,
        }
    }
    None
}

fn push_trimmed(units: &mut Vec<Bytes>, stream: &Bytes, begin: usize, end: usize) {
    let trailing = stream[begin..end]
        .iter()
        .rev()
        .take_while(|byte| **byte == 0)
        .count();
    if begin < end - trailing {
        units.push(stream.slice(begin..end - trailing));
    }
}

/// What a NAL unit is for us.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum NalKind {
    ParameterSet,
    Other,
}

/// Kind of one NAL unit (H.264 table 7-1, H.265 table 7-1).
pub(crate) fn nal_kind(codec: Codec, nal: &[u8]) -> NalKind {
    let Some(first) = nal.first() else {
        return NalKind::Other;
    };
    match codec {
        Codec::H264 if matches!(first & 0x1f, 7 | 8) => NalKind::ParameterSet,
        Codec::H265 if matches!((first >> 1) & 0x3f, 32..=34) => NalKind::ParameterSet,
        Codec::H264 | Codec::H265 | Codec::Jpeg => NalKind::Other,
    }
}

/// The profile that a player needs for a stream of H.264, by its first sequence parameter set (H.264 7.3.2.1.1,
/// `profile_idc`); High for what is above it too.
pub(crate) fn h264_profile(stream: &Bytes) -> Option<H264Profile> {
    let units = nal_units(stream);
    let set = units
        .iter()
        .find(|nal| nal.first().is_some_and(|first| first & 0x1f == 7))?;
    Some(match set.get(1)? {
        66 => H264Profile::Baseline,
        77 => H264Profile::Main,
        _ => H264Profile::High,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split(bytes: &[u8]) -> Vec<Vec<u8>> {
        nal_units(&Bytes::copy_from_slice(bytes))
            .iter()
            .map(|unit| unit.to_vec())
            .collect()
    }

    #[test]
    fn byte_streams_are_split() {
        let rows: &[(&[u8], &[&[u8]])] = &[
            (&[], &[]),
            (&[1, 2, 3], &[]),
            (&[0, 0, 1], &[]),
            (&[0, 0, 1, 0x65], &[&[0x65]]),
            (
                &[0, 0, 0, 1, 0x67, 9, 0, 0, 1, 0x68],
                &[&[0x67, 9], &[0x68]],
            ),
            (
                &[0, 0, 0, 1, 0x67, 9, 0, 0, 0, 1, 0x68, 0, 0],
                &[&[0x67, 9], &[0x68]],
            ),
            (
                &[0, 0, 1, 0x67, 0, 3, 0, 2, 0, 0, 1, 5],
                &[&[0x67, 0, 3, 0, 2], &[5]],
            ),
            (&[7, 0, 0, 1, 0, 0, 1, 4], &[&[4]]),
        ];
        for (stream, expect) in rows {
            assert_eq!(split(stream), *expect, "{stream:?}");
        }
    }

    #[test]
    fn kinds_follow_the_codec() {
        for (codec, first, kind) in [
            (Codec::H264, 0x67, NalKind::ParameterSet),
            (Codec::H264, 0x65, NalKind::Other),
            (Codec::H264, 0x41, NalKind::Other),
            (Codec::H264, 0x09, NalKind::Other),
            (Codec::H265, 0x40, NalKind::ParameterSet),
            (Codec::H265, 0x26, NalKind::Other),
            (Codec::H265, 0x02, NalKind::Other),
            (Codec::H265, 0x46, NalKind::Other),
        ] {
            assert_eq!(nal_kind(codec, &[first, 1]), kind, "{codec} {first:#x}");
        }
        assert_eq!(nal_kind(Codec::H264, &[]), NalKind::Other);
    }

    /// NET-24: the byte behind the head of the first sequence parameter set.
    #[test]
    fn the_profile_is_the_parameter_sets() {
        for (stream, profile) in [
            (
                &[0, 0, 1, 9, 16, 0, 0, 1, 0x67, 66, 0xc0, 30][..],
                Some(H264Profile::Baseline),
            ),
            (
                &[0, 0, 1, 0x67, 77, 64, 30, 0, 0, 1, 0x67, 66, 0, 30],
                Some(H264Profile::Main),
            ),
            (&[0, 0, 1, 0x27, 100], Some(H264Profile::High)),
            (&[0, 0, 1, 0x67, 110], Some(H264Profile::High)),
            (&[0, 0, 1, 0x67], None),
            (&[0, 0, 1, 0x65, 66], None),
            (&[], None),
        ] {
            assert_eq!(
                h264_profile(&Bytes::copy_from_slice(stream)),
                profile,
                "{stream:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn joined_units_split_again(units in proptest::collection::vec(
            // No start code and no trailing zero inside a unit: emulation prevention sees to that.
            proptest::collection::vec(2u8..=255, 1..40), 0..6), long in any::<bool>())
        {
            let mut stream = Vec::new();
            for unit in &units {
                stream.extend_from_slice(if long { &[0, 0, 0, 1] } else { &[0, 0, 1] });
                stream.extend_from_slice(unit);
            }
            prop_assert_eq!(split(&stream), units);
        }

        #[test]
        fn any_bytes_are_taken(bytes in proptest::collection::vec(0u8..3, 0..200)) {
            let total: usize = split(&bytes).iter().map(Vec::len).sum();
            prop_assert!(total <= bytes.len());
        }
    }
}
