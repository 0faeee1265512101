//! Frames of AAC as packets bring them (RFC 3640, mode AAC-hbr).

/// Samples of a frame of AAC-LC.
pub const AAC_FRAME_SAMPLES: u32 = 1024;
/// Longest frame of one channel, bytes: 6144 bits (ISO/IEC 14496-3). It fits into a packet, so no frame comes in parts.
pub const MAX_AAC_FRAME: usize = 768;
/// Bits of a frame's header: 13 of its size, 3 of its index.
const HEADER_BITS: usize = 16;

/// The frames of a packet's payload, in their order. `None` where the payload is not whole frames of one channel one after the other: parts of
/// frames and interleaved ones are not offered, and nothing is guessed.
#[must_use]
pub fn aac_frames(payload: &[u8]) -> Option<Vec<&[u8]>> {
    let (bits, rest) = payload.split_first_chunk::<2>()?;
    let bits = usize::from(u16::from_be_bytes(*bits));
    if bits == 0 || !bits.is_multiple_of(HEADER_BITS) {
        return None;
    }
    let (headers, mut rest) = rest.split_at_checked(bits / 8)?;
    let mut frames = Vec::new();
    for header in headers.chunks_exact(2) {
        let header = u16::from_be_bytes([header[0], header[1]]);
        let (size, index) = (usize::from(header >> 3), header & 7);
        if index != 0 || !(1..=MAX_AAC_FRAME).contains(&size) {
            return None;
        }
        let (frame, after) = rest.split_at_checked(size)?;
        frames.push(frame);
        rest = after;
    }
    Some(frames)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(sizes: &[usize]) -> Vec<u8> {
        let mut out = ((sizes.len() * HEADER_BITS) as u16).to_be_bytes().to_vec();
        for size in sizes {
            out.extend(((*size as u16) << 3).to_be_bytes());
        }
        for (n, size) in sizes.iter().enumerate() {
            out.extend(vec![n as u8; *size]);
        }
        out
    }

    #[test]
    fn whole_frames_are_read() {
        for sizes in [&[1][..], &[MAX_AAC_FRAME], &[3, 1, 200], &[9; 40]] {
            let payload = payload(sizes);
            let frames = aac_frames(&payload).unwrap();
            let read: Vec<_> = frames.iter().map(|f| f.len()).collect();
            assert_eq!(read, sizes);
            assert!(frames.iter().enumerate().all(|(n, f)| f[0] == n as u8));
        }
    }

    #[test]
    fn what_is_not_whole_is_nothing() {
        let good = payload(&[3, 5]);
        for cut in 0..good.len() {
            assert_eq!(aac_frames(&good[..cut]), None, "cut at {cut}");
        }
        let with = |at: usize, byte: u8| {
            let mut bad = good.clone();
            bad[at] = byte;
            bad
        };
        assert_eq!(aac_frames(&with(1, 0)), None, "no header");
        assert_eq!(aac_frames(&with(1, 31)), None, "half a header");
        assert_eq!(aac_frames(&with(3, (3 << 3) | 1)), None, "interleaved");
        assert_eq!(aac_frames(&with(3, 0)), None, "a frame of nothing");
        assert_eq!(aac_frames(&payload(&[MAX_AAC_FRAME + 1])), None, "too long");
    }

    proptest::proptest! {
        #[test]
        fn reading_never_panics_nor_gives_more_than_came(payload in proptest::collection::vec(proptest::num::u8::ANY, 0..2000)) {
            let frames = aac_frames(&payload).unwrap_or_default();
            assert!(frames.iter().map(|f| f.len() + 2).sum::<usize>() <= payload.len());
        }
    }
}
