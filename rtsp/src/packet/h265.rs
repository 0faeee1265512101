//! H.265 over RTP (RFC 7798), no DONL fields: single NAL units, AP and FU.

use bytes::Bytes;

use super::annexb::nal_units;
use super::h264::MAX_SETS;
use super::{FrameBuilder, MAX_PAYLOAD, Parameters};
use crate::error::MediaError;

const IRAP: std::ops::RangeInclusive<u8> = 16..=23;
const VPS: u8 = 32;
const SPS: u8 = 33;
const PPS: u8 = 34;
const AUD: u8 = 35;
const AP: u8 = 48;
const FU: u8 = 49;

/// Packetises one access unit; true when decoding can start with it.
pub(super) fn packetize(
    parameters: &mut Parameters,
    data: &Bytes,
    key: bool,
    out: &mut FrameBuilder,
) -> Result<bool, MediaError> {
    // A unit has a header of two bytes; anything shorter is no unit.
    let units: Vec<&[u8]> = nal_units(data)
        .filter(|unit| unit.len() >= 2 && kind(unit) != AUD)
        .collect();
    if units.is_empty() {
        return Err(MediaError::NoNalUnits { bytes: data.len() });
    }
    let has_sps = units.iter().any(|unit| kind(unit) == SPS);
    if has_sps {
        let sets = |wanted: u8| -> Vec<&[u8]> {
            units
                .iter()
                .copied()
                .filter(|unit| kind(unit) == wanted)
                .take(MAX_SETS)
                .collect()
        };
        for (wanted, have) in [
            (VPS, &mut parameters.vps),
            (SPS, &mut parameters.sps),
            (PPS, &mut parameters.pps),
        ] {
            let found = sets(wanted);
            if *have != found && !found.is_empty() {
                *have = found.into_iter().map(Bytes::copy_from_slice).collect();
            }
        }
    }
    let key = key || units.iter().any(|unit| IRAP.contains(&kind(unit)));

    let stored: Vec<&[u8]> = if key && !has_sps {
        let Parameters { vps, sps, pps, .. } = &*parameters;
        vps.iter()
            .chain(sps)
            .chain(pps)
            .map(|set| set.as_ref())
            .collect()
    } else {
        Vec::new()
    };
    let mut small: Vec<&[u8]> = Vec::new();
    for unit in stored.into_iter().chain(units) {
        // Slices (types 0 to 31) go alone, for fragments of equal size.
        if kind(unit) >= VPS && unit.len() + 4 <= MAX_PAYLOAD {
            if ap_len(&small) + 2 + unit.len() > MAX_PAYLOAD {
                flush(&mut small, out);
            }
            small.push(unit);
            continue;
        }
        flush(&mut small, out);
        if unit.len() <= MAX_PAYLOAD {
            out.push(&[unit]);
        } else {
            fragment(unit, out);
        }
    }
    flush(&mut small, out);
    Ok(key)
}

fn kind(unit: &[u8]) -> u8 {
    (unit[0] >> 1) & 0x3f
}

fn ap_len(units: &[&[u8]]) -> usize {
    2 + units.iter().map(|unit| 2 + unit.len()).sum::<usize>()
}

fn flush(units: &mut Vec<&[u8]>, out: &mut FrameBuilder) {
    if let [unit] = units.as_slice() {
        out.push(&[unit]);
    } else if !units.is_empty() {
        // The lowest layer and temporal id of the units inside (RFC 7798 §4.4.2).
        let lowest = units
            .iter()
            .map(|unit| u16::from_be_bytes([unit[0], unit[1]]) & 0x01ff)
            .min()
            .unwrap_or(1);
        let header = (u16::from(AP) << 9 | lowest).to_be_bytes();
        let lengths: Vec<[u8; 2]> = units
            .iter()
            .map(|unit| (unit.len() as u16).to_be_bytes())
            .collect();
        let mut parts: Vec<&[u8]> = vec![&header];
        for (length, unit) in lengths.iter().zip(units.iter()) {
            parts.extend([length.as_slice(), unit]);
        }
        out.push(&parts);
    }
    units.clear();
}

fn fragment(unit: &[u8], out: &mut FrameBuilder) {
    let header = [(unit[0] & 0x81) | FU << 1, unit[1]];
    let body = &unit[2..];
    let chunks = body.chunks(MAX_PAYLOAD - 3);
    let last = chunks.len() - 1;
    for (index, chunk) in chunks.enumerate() {
        let flags = u8::from(index == 0) << 7 | u8::from(index == last) << 6;
        out.push(&[&header, &[flags | kind(unit)], chunk]);
    }
}
