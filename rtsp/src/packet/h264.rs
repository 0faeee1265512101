//! H.264 over RTP (RFC 6184), packetization-mode 1: single NAL units, STAP-A and FU-A.

use bytes::Bytes;

use super::annexb::nal_units;
use super::{FrameBuilder, MAX_PAYLOAD, Parameters};
use crate::error::MediaError;

const IDR: u8 = 5;
const SPS: u8 = 7;
const PPS: u8 = 8;
const AUD: u8 = 9;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;

/// Most parameter sets of one kind that are remembered.
pub(super) const MAX_SETS: usize = 16;

/// Packetises one access unit; true when decoding can start with it.
pub(super) fn packetize(
    parameters: &mut Parameters,
    data: &Bytes,
    key: bool,
    out: &mut FrameBuilder,
) -> Result<bool, MediaError> {
    let units: Vec<&[u8]> = nal_units(data).filter(|unit| kind(unit) != AUD).collect();
    if units.is_empty() {
        return Err(MediaError::NoNalUnits { bytes: data.len() });
    }
    let has_sps = units.iter().any(|unit| kind(unit) == SPS);
    remember(parameters, data, &units, has_sps);
    let key = key || units.iter().any(|unit| kind(unit) == IDR);

    let stored: Vec<&[u8]> = if key && !has_sps {
        parameters
            .sps
            .iter()
            .chain(&parameters.pps)
            .map(|set| set.as_ref())
            .collect()
    } else {
        Vec::new()
    };
    let mut small: Vec<&[u8]> = Vec::new();
    for unit in stored.into_iter().chain(units) {
        // Slices (types 1 to 5) go alone: their fragments then have equal sizes, as UDP offload wants.
        if !(1..=IDR).contains(&kind(unit)) && unit.len() + 3 <= MAX_PAYLOAD {
            if stap_len(&small) + 2 + unit.len() > MAX_PAYLOAD {
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
    unit[0] & 0x1f
}

fn remember(parameters: &mut Parameters, data: &Bytes, units: &[&[u8]], has_sps: bool) {
    let sets = |wanted: u8| {
        units
            .iter()
            .filter(move |unit| kind(unit) == wanted)
            .take(MAX_SETS)
    };
    if has_sps {
        let same = parameters
            .sps
            .iter()
            .map(|set| set.as_ref())
            .eq(sets(SPS).copied())
            && parameters
                .pps
                .iter()
                .map(|set| set.as_ref())
                .eq(sets(PPS).copied());
        if !same {
            // Copies: a slice would keep the whole access unit in memory.
            parameters.sps = sets(SPS).map(|set| Bytes::copy_from_slice(set)).collect();
            parameters.pps = sets(PPS).map(|set| Bytes::copy_from_slice(set)).collect();
        }
    } else {
        for set in sets(PPS) {
            if parameters.pps.len() < MAX_SETS && !parameters.pps.iter().any(|have| have == set) {
                parameters.pps.push(Bytes::copy_from_slice(set));
            }
        }
    }
    debug_assert!(!data.is_empty());
}

fn stap_len(units: &[&[u8]]) -> usize {
    1 + units.iter().map(|unit| 2 + unit.len()).sum::<usize>()
}

/// Sends collected small units: one alone as it is, more as a STAP-A.
fn flush(units: &mut Vec<&[u8]>, out: &mut FrameBuilder) {
    if let [unit] = units.as_slice() {
        out.push(&[unit]);
    } else if !units.is_empty() {
        let importance = units.iter().map(|unit| unit[0] & 0x60).max().unwrap_or(0);
        let lengths: Vec<[u8; 2]> = units
            .iter()
            .map(|unit| (unit.len() as u16).to_be_bytes())
            .collect();
        let header = [importance | STAP_A];
        let mut parts: Vec<&[u8]> = vec![&header];
        for (length, unit) in lengths.iter().zip(units.iter()) {
            parts.extend([length.as_slice(), unit]);
        }
        out.push(&parts);
    }
    units.clear();
}

/// Splits a unit larger than a packet into FU-A fragments, equal but for the last.
fn fragment(unit: &[u8], out: &mut FrameBuilder) {
    let indicator = (unit[0] & 0xe0) | FU_A;
    let body = &unit[1..];
    let chunks = body.chunks(MAX_PAYLOAD - 2);
    let last = chunks.len() - 1;
    for (index, chunk) in chunks.enumerate() {
        let flags = u8::from(index == 0) << 7 | u8::from(index == last) << 6;
        out.push(&[&[indicator, flags | kind(unit)], chunk]);
    }
}
