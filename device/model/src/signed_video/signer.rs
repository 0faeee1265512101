//! Makes the SEIs of one stream while its access units pass.

use std::{sync::Arc, time::Duration};

use lpr_core::{MediaTime, UtcTime};

use super::{
    Hash, MAX_TEXT, Signing, der, hash,
    nal::{Coding, Kind},
    sei::{Gop, Values},
};
use crate::Result;

/// A part is closed after so long, if its group of pictures goes on: what is watched is proven soon, and the end of a recording short.
pub(super) const LONGEST: Duration = Duration::from_secs(4);
/// And after so many hashes, which are 8 KiB.
const MOST_HASHES: usize = 256;

/// Signs one stream. A SEI proves what was sent before it and goes before the first slice of the next picture: the pictures themselves are never held back.
#[derive(Debug)]
pub struct Signer {
    coding: Coding,
    signing: Arc<Signing>,
    part: Option<Part>,
    counter: u32,
    anchor: Hash,
    /// First hash of the last part that was signed.
    link: Hash,
}

/// Signs nothing.
type Unsigned = fn(&[u8]) -> Result<Vec<u8>>;

#[derive(Debug)]
struct Part {
    hashes: Vec<Hash>,
    at: MediaTime,
    start: UtcTime,
    pictures: u32,
}

impl Signer {
    /// Of a stream that begins now. It is signed from its next key picture on.
    #[must_use]
    pub fn new(coding: Coding, signing: Arc<Signing>) -> Self {
        Self {
            coding,
            signing,
            part: None,
            counter: 1,
            anchor: Hash::default(),
            link: Hash::default(),
        }
    }

    /// Coding that it is for.
    #[must_use]
    pub fn coding(&self) -> Coding {
        self.coding
    }

    /// Signs with this from the end of the present part on.
    pub fn set_signing(&mut self, signing: Arc<Signing>) {
        self.signing = signing;
    }

    /// Takes the NAL units of the next access unit, without start codes; the SEIs to be put before its first slice.
    ///
    /// # Errors
    /// [`crate::Error::Internal`] when the key cannot sign. The part is lost then, the next one is tried anew.
    pub fn access_unit(
        &mut self,
        nals: &[impl AsRef<[u8]>],
        at: MediaTime,
        utc: UtcTime,
    ) -> Result<Vec<Vec<u8>>> {
        let slices = nals.iter().map(AsRef::as_ref);
        let slices = slices.map(|nal| (self.coding.kind(nal), nal));
        let slices: Vec<_> = slices
            .filter(|(kind, _)| matches!(kind, Kind::Slice { .. }))
            .collect();
        let group = slices.first().is_some_and(|(kind, _)| kind.starts_group());
        let mut seis = Vec::new();
        let full = self.part.as_ref().is_some_and(|part| {
            part.hashes.len() >= MOST_HASHES || at.saturating_since(part.at) >= LONGEST
        });
        let mut failed = None;
        if group || full {
            if let Some(part) = self.part.take() {
                match self.close(part, utc, !group) {
                    Ok(sei) => seis.push(sei),
                    Err(e) => failed = Some(e),
                }
                self.counter = self.counter.wrapping_add(1);
            }
            self.part = Some(Part {
                hashes: Vec::new(),
                at,
                start: utc,
                pictures: 0,
            });
        }
        let Some(part) = &mut self.part else {
            return Ok(seis);
        };
        if part.pictures == 1 && !self.signing.text.is_empty() {
            let text =
                &self.signing.text.as_bytes()[..self.signing.text.floor_char_boundary(MAX_TEXT)];
            let unsigned: Option<Unsigned> = None;
            let sei = Values::default().data(text).sei(self.coding, unsigned)?;
            part.hashes.push(hash(&[&sei]));
            seis.push(sei);
        }
        for (kind, nal) in &slices {
            let own = hash(&[nal]);
            part.hashes.push(if kind.starts_group() {
                self.anchor = own;
                own
            } else {
                hash(&[&self.anchor, &own])
            });
        }
        part.pictures += 1;
        match failed {
            Some(e) => Err(e),
            None => Ok(seis),
        }
    }

    fn close(&mut self, part: Part, end: UtcTime, partial: bool) -> Result<Vec<u8>> {
        let link = std::mem::replace(
            &mut self.link,
            part.hashes.first().copied().unwrap_or_default(),
        );
        let gop = Gop {
            partial,
            start: part.start,
            end,
            counter: self.counter,
            units: u16::try_from(part.hashes.len()).unwrap_or(u16::MAX),
            hash: hash(&[part.hashes.as_flattened()]),
            link,
        };
        let sign = |document: &[u8]| self.signing.signer.sign(document).map(|s| der::of(&s));
        Values::default()
            .crypto()
            .vendor(&self.signing.vendor)
            .chain(&self.signing.chain)
            .gop(&gop)
            .hashes(&part.hashes)
            .sei(self.coding, Some(sign))
    }
}
