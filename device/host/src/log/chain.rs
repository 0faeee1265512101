//! The hash chain of the audit trail. Pure.

use platecam_model::log::LogEntry;
use ring::digest::{Context, SHA256};

/// A hash of the chain.
pub(super) type Hash = [u8; 32];

/// The hash before the first entry.
pub(super) const GENESIS: Hash = [0; 32];

/// An entry in the form that is stored, exported and hashed.
///
/// # Errors
/// A text, never in practice: an entry is texts and numbers.
pub(super) fn json(entry: &LogEntry) -> Result<String, String> {
    serde_json::to_string(entry).map_err(|e| e.to_string())
}

/// SHA-256 over the hash before and the entry's JSON.
pub(super) fn next(prev: &Hash, json: &str) -> Hash {
    let mut context = Context::new(&SHA256);
    context.update(prev);
    context.update(json.as_bytes());
    let mut out = GENESIS;
    out.copy_from_slice(context.finish().as_ref());
    out
}

/// What is kept sealed with the device key beside the trail, so that neither end can be cut off nor
/// the whole be computed anew without the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// Oldest entry; 0 in an empty trail.
    pub(super) first: u64,
    /// Newest entry; 0 in an empty trail.
    pub(super) last: u64,
    /// Its hash.
    pub(super) hash: Hash,
}

impl Head {
    pub(super) const EMPTY: Self = Self {
        first: 0,
        last: 0,
        hash: GENESIS,
    };

    pub(super) fn bytes(&self) -> Vec<u8> {
        [
            &self.first.to_be_bytes()[..],
            &self.last.to_be_bytes()[..],
            &self.hash[..],
        ]
        .concat()
    }

    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let (first, rest) = bytes.split_first_chunk::<8>()?;
        let (last, hash) = rest.split_first_chunk::<8>()?;
        Some(Self {
            first: u64::from_be_bytes(*first),
            last: u64::from_be_bytes(*last),
            hash: hash.try_into().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_comes_back_and_others_do_not() {
        let head = Head {
            first: 7,
            last: u64::MAX,
            hash: next(&GENESIS, "x"),
        };
        assert_eq!(Head::read(&head.bytes()), Some(head));
        assert_eq!(Head::read(&head.bytes()[1..]), None);
        assert_eq!(Head::read(b""), None);
        assert_ne!(next(&GENESIS, "x"), next(&next(&GENESIS, "x"), "x"));
    }
}
