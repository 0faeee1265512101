//! Splitting an Annex B byte stream into NAL units.

/// NAL units of `data` without start codes and trailing zero bytes; empty ones are skipped.
///
/// Bytes before the first start code are not part of any unit. ITU-T H.264 Annex B.
pub(crate) fn nal_units(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = match start_code(data, 0) {
        Some(at) => &data[at + 3..],
        None => &data[data.len()..],
    };
    std::iter::from_fn(move || {
        while !rest.is_empty() {
            let (unit, after) = match start_code(rest, 0) {
                Some(at) => (&rest[..at], &rest[at + 3..]),
                None => (rest, &rest[rest.len()..]),
            };
            rest = after;
            let end = unit
                .iter()
                .rposition(|&byte| byte != 0)
                .map_or(0, |last| last + 1);
            if end > 0 {
                return Some(&unit[..end]);
            }
        }
        None
    })
}

/// Offset of the next `00 00 01` at or after `from`.
fn start_code(data: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    while at + 2 < data.len() {
        // Looking at the third byte first lets most positions be skipped three at a time.
        match data[at + 2] {
            0 => at += 1,
            1 if data[at] == 0 && data[at + 1] == 0 => return Some(at),
            _ => at += 3,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_units() {
        let check = |data: &[u8], expect: &[&[u8]]| {
            assert_eq!(nal_units(data).collect::<Vec<_>>(), expect, "{data:02x?}");
        };
        // strict
        check(
            &[0, 0, 0, 1, 0x67, 1, 0, 0, 1, 0x68, 2],
            &[&[0x67, 1], &[0x68, 2]],
        );
        check(&[0, 0, 1, 0x65], &[&[0x65]]);
        // tolerated: trailing zeros, empty units, bytes before the first start code
        check(
            &[9, 9, 0, 0, 1, 0x65, 1, 0, 0, 0, 0, 1, 0x41, 0, 0],
            &[&[0x65, 1], &[0x41]],
        );
        check(&[0, 0, 1, 0, 0, 1, 0x41], &[&[0x41]]);
        // not this one
        check(&[0x65, 1, 2, 3], &[]);
        check(&[], &[]);
        check(&[0, 0], &[]);
        check(&[0, 0, 1], &[]);
        check(
            &[0, 0, 1, 5, 0, 1, 1, 0, 0, 3, 1],
            &[&[5, 0, 1, 1, 0, 0, 3, 1]],
        );
    }
}
