//! Recordings that claim to be signed.

use std::time::Duration;

use platecam_model::{
    signed_video::{Coding, Trust, Verifier},
    watermark::PublicKey,
};

use crate::Target;

/// A stream of H.264 or H.265, its units apart by `00 00 01`.
pub(crate) fn stream() -> Box<dyn Target> {
    Box::new(|input: &[u8]| {
        for coding in [Coding::H264, Coding::H265] {
            let mut verifier = Verifier::new(coding, Trust::Key(PublicKey([4; 65])));
            let (mut rest, mut at) = (input, Duration::ZERO);
            while !rest.is_empty() {
                let code = rest.windows(3).position(|w| w == [0, 0, 1]);
                let (unit, after) = rest.split_at(code.unwrap_or(rest.len()));
                verifier.push(unit, at);
                rest = after.get(3..).unwrap_or_default();
                at += Duration::from_millis(40);
            }
            let report = verifier.finish();
            assert!(!report.is_genuine(), "nobody has this key");
        }
    })
}
