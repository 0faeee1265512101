use std::{fs, path::Path};

use platecam_model::{
    Error, Result,
    ports::{PictureSigner, Sealer},
    watermark::{PublicKey, SIGNATURE_LENGTH},
};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use zeroize::Zeroizing;

use crate::state_dir::write_atomic;

/// What the sealed file is for.
const CONTEXT: &[u8] = b"watermark key";

/// The key of this unit's watermarks (GEN-21): P-256, in a file that the device key seals.
///
/// Made at the first start. It stays over Restore and Default, so that pictures taken before are still known as this unit's.
#[derive(Debug)]
pub struct PictureKey {
    pair: EcdsaKeyPair,
    random: SystemRandom,
}

impl PictureKey {
    /// Reads the key at `path`, or makes one. One that cannot be opened is put aside under the ending `unreadable`, with an entry in the log: a unit
    /// without it still takes pictures, only those from before are no longer known as its own.
    ///
    /// # Errors
    /// [`Error::Internal`] naming the file, when it can be neither read nor written.
    pub fn open(path: &Path, sealer: &dyn Sealer) -> Result<Self> {
        let bad = |e: &dyn std::fmt::Display| Error::internal(format!("{}: {e}", path.display()));
        match fs::read(path) {
            Ok(sealed) => match sealer
                .open(&sealed, CONTEXT)
                .map(Zeroizing::new)
                .and_then(|der| Self::of(&der))
            {
                Ok(key) => return Ok(key),
                Err(e) => {
                    tracing::error!(file = %path.display(), error = %e, "the key of the watermarks cannot be opened; a new one is made");
                    fs::rename(path, path.with_extension("unreadable")).map_err(|e| bad(&e))?;
                }
            },
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
            Err(e) => return Err(bad(&e)),
        }
        let random = SystemRandom::new();
        let der = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random)
            .map_err(|e| bad(&e))?;
        write_atomic(path, &sealer.seal(der.as_ref(), CONTEXT)?, 0o600).map_err(|e| bad(&e))?;
        Self::of(der.as_ref())
    }

    fn of(der: &[u8]) -> Result<Self> {
        let random = SystemRandom::new();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der, &random)
            .map_err(Error::internal)?;
        Ok(Self { pair, random })
    }
}

impl PictureSigner for PictureKey {
    fn public_key(&self) -> PublicKey {
        let mut key = PublicKey([0; 65]);
        key.0.copy_from_slice(self.pair.public_key().as_ref());
        key
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; SIGNATURE_LENGTH]> {
        let signature = self
            .pair
            .sign(&self.random, message)
            .map_err(Error::internal)?;
        signature.as_ref().try_into().map_err(Error::internal)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use platecam_model::{UtcTime, watermark::Watermark};

    use super::*;
    use crate::DeviceKey;

    const JPEG: Bytes = Bytes::from_static(&[0xff, 0xd8, 1, 2, 3, 0xff, 0xd9]);

    #[test]
    fn the_key_stays_over_a_restart_and_is_sealed() {
        let dir = tempfile::tempdir().unwrap();
        let device = DeviceKey::open(&dir.path().join("device.key")).unwrap();
        let path = dir.path().join("watermark.key");
        let open = || Watermark::new(Arc::new(PictureKey::open(&path, &device).unwrap()), "PC-1");
        let marked = open().mark(JPEG, UtcTime::from_millis(5)).unwrap();
        assert!(open().check(&marked).is_ok());
        let file = fs::read(&path).unwrap();
        assert!(
            PictureKey::of(&file).is_err(),
            "the key lies there in clear"
        );
    }

    #[test]
    fn a_key_that_cannot_be_opened_is_put_aside() {
        let dir = tempfile::tempdir().unwrap();
        let device = DeviceKey::open(&dir.path().join("device.key")).unwrap();
        let path = dir.path().join("watermark.key");
        fs::write(&path, b"not a key").unwrap();
        let first = PictureKey::open(&path, &device).unwrap().public_key();
        assert_eq!(
            PictureKey::open(&path, &device).unwrap().public_key(),
            first
        );
        assert_eq!(
            fs::read(path.with_extension("unreadable")).unwrap(),
            b"not a key"
        );
    }
}
