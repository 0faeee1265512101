//! Signatures between encoder and packets, so that every way out carries them (GEN-21, VIDEO-17).

use std::sync::Arc;

use platecam_model::signed_video::{Coding, Signer, Signing, is_ours};

use crate::annexb::nal_units;
use crate::config::Codec;
use crate::unit::AccessUnit;

const START_CODE: [u8; 4] = [0, 0, 0, 1];

/// What one stream is signed with, and how far that has come.
#[derive(Default)]
pub(super) struct Signature {
    signing: Option<Arc<Signing>>,
    signer: Option<Signer>,
}

impl Signature {
    /// Signs with this from the next part of the stream on; `None` ends it.
    pub(super) fn set(&mut self, signing: Option<Arc<Signing>>) {
        match (&mut self.signer, &signing) {
            (Some(signer), Some(signing)) => signer.set_signing(signing.clone()),
            (signer, _) => *signer = None,
        }
        self.signing = signing;
    }

    /// Takes a unit up and puts into it what signs those before it.
    pub(super) fn put(&mut self, unit: &mut AccessUnit, codec: Codec) {
        let coding = match codec {
            Codec::H264 => Coding::H264,
            Codec::H265 => Coding::H265,
            Codec::Jpeg => return,
        };
        let Some(signing) = &self.signing else {
            return;
        };
        if self.signer.as_ref().is_none_or(|s| s.coding() != coding) {
            self.signer = Some(Signer::new(coding, signing.clone()));
        }
        let Some(signer) = &mut self.signer else {
            return;
        };
        let mut units = nal_units(&unit.data);
        let all = units.len();
        // A source's own signatures are about its own stream.
        units.retain(|nal| !is_ours(coding, nal));
        let seis = match signer.access_unit(&units, unit.at, unit.utc) {
            Ok(seis) => seis,
            Err(error) => {
                tracing::error!(%error, "a part of the video stays without its signature");
                Vec::new()
            }
        };
        if seis.is_empty() && units.len() == all {
            return;
        }
        let slice = units.iter().position(|nal| coding.is_slice(nal));
        let (before, after) = units.split_at(slice.unwrap_or(units.len()));
        let parts = before
            .iter()
            .map(AsRef::as_ref)
            .chain(seis.iter().map(Vec::as_slice))
            .chain(after.iter().map(AsRef::as_ref));
        let mut data = Vec::with_capacity(
            unit.data.len() + seis.iter().map(|s| s.len() + 4).sum::<usize>() + 64,
        );
        for part in parts {
            data.extend(START_CODE);
            data.extend::<&[u8]>(part);
        }
        unit.data = data.into();
    }
}
