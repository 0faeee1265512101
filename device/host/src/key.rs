use std::{fs, os::unix::fs::MetadataExt, path::Path};

use platecam_model::{Error, Result, ports::Sealer};
use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    rand::{SecureRandom, SystemRandom},
};

use zeroize::Zeroizing;

use crate::{state_dir::write_atomic, tpm::Tpm};

/// The device key: seals secrets at rest (AES-256-GCM, random nonces).
///
/// 32 bytes in a file that only its owner may read; made at the first start. A key file that others
/// can read, or that belongs to somebody else, is refused rather than used. Where there is a TPM, the
/// file beside it with the ending `tpm` holds the key sealed, and no file holds it in clear.
#[derive(Debug)]
pub struct DeviceKey {
    key: LessSafeKey,
    random: SystemRandom,
}

/// First byte of sealed data: the format.
const FORMAT: u8 = 1;
const LENGTH: usize = 32;

impl DeviceKey {
    /// Reads the key at `path`, or the one that a TPM keeps, or makes one.
    ///
    /// # Errors
    /// [`Error::Internal`] naming the file, when it has the wrong owner, mode or length, or its TPM does not open it.
    pub fn open(path: &Path) -> Result<Self> {
        let sealed = path.with_extension("tpm");
        let raw = if path.exists() || !sealed.exists() {
            clear(path)?
        } else {
            guarded(&sealed)?;
            Tpm::unseal(&sealed).map_err(|e| bad(&sealed, e))?
        };
        let key = UnboundKey::new(&AES_256_GCM, &raw).map_err(|_| {
            bad(
                path,
                format!("has {} bytes; it must have {LENGTH}", raw.len()),
            )
        })?;
        Ok(Self {
            key: LessSafeKey::new(key),
            random: SystemRandom::new(),
        })
    }

    /// Like [`Self::open`], and leaves the key with `tpm` only: a key in clear is sealed, then its file is overwritten and removed.
    ///
    /// # Errors
    /// As [`Self::open`], or [`Error::Internal`] with what the TPM said; the key in clear then stays.
    pub fn open_in(path: &Path, tpm: &Tpm) -> Result<Self> {
        let sealed = path.with_extension("tpm");
        if path.exists() || !sealed.exists() {
            let raw = clear(path)?;
            tpm.seal(&raw, &sealed).map_err(|e| bad(&sealed, e))?;
            let gone = fs::write(path, [0; LENGTH])
                .and_then(|()| fs::File::open(path)?.sync_all())
                .and_then(|()| fs::remove_file(path));
            gone.map_err(|e| bad(path, e.to_string()))?;
            tracing::info!(%tpm, "the device key is sealed by the TPM");
        }
        Self::open(path)
    }
}

/// The key in the file at `path`, which is made when it is missing.
fn clear(path: &Path) -> Result<Zeroizing<Vec<u8>>> {
    if !path.exists() {
        let mut fresh = Zeroizing::new([0; LENGTH]);
        SystemRandom::new()
            .fill(&mut *fresh)
            .map_err(|_| bad(path, "no random numbers"))?;
        write_atomic(path, &*fresh, 0o600).map_err(|e| bad(path, e.to_string()))?;
    }
    guarded(path)?;
    let raw = fs::read(path).map_err(|e| bad(path, e.to_string()))?;
    Ok(Zeroizing::new(raw))
}

/// Only its owner may read it, and that is the owner of its directory.
fn guarded(path: &Path) -> Result<()> {
    let meta = fs::metadata(path).map_err(|e| bad(path, e.to_string()))?;
    if meta.mode() & 0o077 != 0 {
        let mode = meta.mode() & 0o777;
        return Err(bad(path, format!("mode is {mode:o}; it must be 600")));
    }
    let parent = path.parent().and_then(|p| fs::metadata(p).ok());
    if parent.is_some_and(|p| p.uid() != meta.uid()) {
        return Err(bad(path, "belongs to another user than its directory"));
    }
    Ok(())
}

fn bad(path: &Path, why: impl std::fmt::Display) -> Error {
    Error::internal(format!("device key {}: {why}", path.display()))
}

impl Sealer for DeviceKey {
    fn seal(&self, plain: &[u8], context: &[u8]) -> Result<Vec<u8>> {
        let mut nonce = [0; NONCE_LEN];
        self.random
            .fill(&mut nonce)
            .map_err(|_| Error::internal("no random numbers"))?;
        let mut data = plain.to_vec();
        self.key
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(context),
                &mut data,
            )
            .map_err(|_| Error::internal("sealing failed"))?;
        Ok([&[FORMAT], nonce.as_slice(), &data].concat())
    }

    fn open(&self, sealed: &[u8], context: &[u8]) -> Result<Vec<u8>> {
        let bad = || Error::internal("a sealed secret does not open with this device's key");
        let (format, rest) = sealed.split_first().ok_or_else(bad)?;
        let (nonce, data) = rest.split_at_checked(NONCE_LEN).ok_or_else(bad)?;
        if *format != FORMAT {
            return Err(bad());
        }
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| bad())?;
        let mut data = data.to_vec();
        let plain = self
            .key
            .open_in_place(nonce, Aad::from(context), &mut data)
            .map_err(|_| bad())?;
        Ok(plain.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn seals_for_one_context_and_detects_every_change() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        let sealed = DeviceKey::open(&path)
            .unwrap()
            .seal(b"secret", b"admin")
            .unwrap();
        let again = DeviceKey::open(&path).unwrap();
        assert_eq!(again.open(&sealed, b"admin").unwrap(), b"secret");
        assert!(again.open(&sealed, b"guard").is_err());
        for i in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[i] ^= 1;
            assert!(again.open(&changed, b"admin").is_err(), "byte {i}");
            assert!(again.open(&sealed[..i], b"admin").is_err(), "cut at {i}");
        }
        let other = DeviceKey::open(&dir.path().join("other")).unwrap();
        assert!(other.open(&sealed, b"admin").is_err());
        assert!(!sealed.windows(6).any(|w| w == b"secret"));
    }

    #[test]
    fn refuses_a_key_that_others_can_read_or_that_is_cut() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        DeviceKey::open(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let detail = |r: Result<DeviceKey>| match r {
            Err(Error::Internal { detail }) => detail,
            other => panic!("{other:?}"),
        };
        assert!(detail(DeviceKey::open(&path)).contains("must be 600"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, b"short").unwrap();
        assert!(detail(DeviceKey::open(&path)).contains("5 bytes"));
    }
}
