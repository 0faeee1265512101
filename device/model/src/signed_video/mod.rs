//! Signed video by ONVIF Media Signing 1.0 (GEN-21, VIDEO-17): the hashes of all slices of a group of pictures, signed, in a SEI of the stream itself.
//!
//! [`Signer`] makes the SEIs of a stream, [`Verifier`] says which parts of one are as they were signed. Both take NAL units and times as arguments.
//! The layout and what the standard leaves open are in ADR 0038.

mod chain;
mod der;
mod nal;
mod sei;
mod signer;
mod timeline;
mod verify;

use std::sync::Arc;

use ring::digest::{SHA256, digest};

pub use chain::{Certified, Trust};
pub use nal::Coding;
pub use sei::{Malformed, Vendor, is_ours};
pub use signer::Signer;
pub use timeline::{Span, Verdict};
pub use verify::{Report, Verifier};

use crate::ports::PictureSigner;

/// Longest watermark text, bytes (VIDEO-17).
pub const MAX_TEXT: usize = 85;

const HASH_LENGTH: usize = 32;
type Hash = [u8; HASH_LENGTH];

/// SHA-256 of the pieces, one after the other.
fn hash(pieces: &[&[u8]]) -> Hash {
    let mut out = [0; HASH_LENGTH];
    let made = match pieces {
        [one] => digest(&SHA256, one),
        more => digest(&SHA256, &more.concat()),
    };
    out.copy_from_slice(made.as_ref());
    out
}

/// What the video of a unit is signed with, the same for all its streams.
#[derive(Clone)]
pub struct Signing {
    /// Key of the unit.
    pub signer: Arc<dyn PictureSigner>,
    /// Certificate of that key and those between it and the root, as PEM; the root is not among them.
    pub chain: String,
    /// Who the unit is.
    pub vendor: Vendor,
    /// Watermark text, empty for none.
    pub text: String,
}

impl std::fmt::Debug for Signing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signing")
            .field("vendor", &self.vendor)
            .field("text", &self.text)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
