//! Random numbers.

use std::hash::{BuildHasher, Hasher, RandomState};

/// An unpredictable identifier of 128 bits in hexadecimal.
///
/// # Errors
/// When the system has no randomness to give.
pub(crate) fn session_id() -> Result<String, getrandom::Error> {
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes)?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}

/// A number that differs from stream to stream; for SSRC and offsets, where nobody must be kept from guessing.
pub(crate) fn weak_u32() -> u32 {
    RandomState::new().build_hasher().finish() as u32
}
