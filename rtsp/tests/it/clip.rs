//! The test clips, cut into access units.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use rtsp::{AccessUnit, Codec};

/// A clip as a producer would push it.
pub(crate) struct Clip {
    pub(crate) units: Vec<(bool, Bytes)>,
}

impl Clip {
    /// Cuts an elementary stream (or one JPEG) into pictures.
    pub(crate) fn new(codec: Codec, data: &[u8]) -> Clip {
        let units = match codec {
            Codec::H264 => annex_b(data, |unit| match unit[0] & 31 {
                kind @ 1..=5 => Some((unit.get(1).is_some_and(|byte| byte & 0x80 != 0), kind == 5)),
                _ => None,
            }),
            Codec::H265 => annex_b(data, |unit| match unit[0] >> 1 & 63 {
                kind @ 0..=31 => Some((
                    unit.get(2).is_some_and(|byte| byte & 0x80 != 0),
                    (16..=23).contains(&kind),
                )),
                _ => None,
            }),
            _ => vec![(true, Bytes::copy_from_slice(data))],
        };
        Clip { units }
    }

    /// The index of the next picture after `index` where decoding can start.
    pub(crate) fn next_key(&self, index: usize) -> usize {
        let after = (index..self.units.len()).find(|&at| self.units[at].0);
        after.unwrap_or(0)
    }

    /// Picture `number` of the endlessly repeated clip, at `fps`.
    pub(crate) fn unit(
        &self,
        index: usize,
        number: u32,
        fps: u32,
        start: SystemTime,
    ) -> AccessUnit {
        let (key, data) = self.units[index % self.units.len()].clone();
        let pts = Duration::from_secs(1) * number / fps;
        AccessUnit {
            pts,
            utc: start + pts,
            key,
            data,
        }
    }
}

/// `slice` says of a unit whether it is a slice, and then: first of its picture, key.
fn annex_b(data: &[u8], slice: impl Fn(&[u8]) -> Option<(bool, bool)>) -> Vec<(bool, Bytes)> {
    let starts: Vec<usize> = (0..data.len().saturating_sub(3))
        .filter(|&at| data[at..at + 3] == [0, 0, 1])
        .collect();
    let mut units: Vec<(bool, Vec<u8>)> = Vec::new();
    let mut begun = true;
    for (index, &start) in starts.iter().enumerate() {
        let end = starts.get(index + 1).copied().unwrap_or(data.len());
        // The first zero of a start code of four bytes is not part of the unit before it.
        let zeros = data[start + 3..end]
            .iter()
            .rev()
            .take_while(|byte| **byte == 0)
            .count();
        let end = end - zeros;
        let what = slice(&data[start + 3..end]);
        // A new picture begins with its first slice, or with the parameter sets before that.
        if units.is_empty() || (begun && what.is_none_or(|(first, _)| first)) {
            units.push((false, Vec::new()));
            begun = false;
        }
        if let Some((key, unit)) = units.last_mut() {
            unit.extend_from_slice(&[0, 0, 0, 1]);
            unit.extend_from_slice(&data[start + 3..end]);
            if let Some((_, is_key)) = what {
                *key |= is_key;
                begun = true;
            }
        }
    }
    units
        .into_iter()
        .map(|(key, unit)| (key, Bytes::from(unit)))
        .collect()
}
