use std::{fs, path::Path};

use platecam_model::{Error, Result, ports::Sealer, watermark::SigningKey};
use zeroize::Zeroizing;

use crate::state_dir::write_atomic;

/// What the sealed file is for.
const CONTEXT: &[u8] = b"watermark key";

/// The key of this unit's watermarks (GEN-21), in a file that the device key seals; made at the first start.
///
/// It stays over Restore and Default, so that pictures taken before are still known as this unit's. One that cannot be opened is put aside under the
/// ending `unreadable`, with an entry in the log: a unit without it still takes pictures, only those from before are no longer known as its own.
///
/// # Errors
/// [`Error::Internal`] naming the file, when it can be neither read nor written.
pub fn picture_key(path: &Path, sealer: &dyn Sealer) -> Result<SigningKey> {
    let bad = |e: &dyn std::fmt::Display| Error::internal(format!("{}: {e}", path.display()));
    match fs::read(path) {
        Ok(sealed) => match sealer
            .open(&sealed, CONTEXT)
            .map(Zeroizing::new)
            .and_then(|der| SigningKey::from_pkcs8(&der))
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
    let der = SigningKey::generate()?;
    write_atomic(path, &sealer.seal(&der, CONTEXT)?, 0o600).map_err(|e| bad(&e))?;
    SigningKey::from_pkcs8(&der)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use platecam_model::{UtcTime, ports::PictureSigner, watermark::Watermark};

    use super::*;
    use crate::DeviceKey;

    const JPEG: Bytes = Bytes::from_static(&[0xff, 0xd8, 1, 2, 3, 0xff, 0xd9]);

    #[test]
    fn the_key_stays_over_a_restart_and_is_sealed() {
        let dir = tempfile::tempdir().unwrap();
        let device = DeviceKey::open(&dir.path().join("device.key")).unwrap();
        let path = dir.path().join("watermark.key");
        let open = || Watermark::new(Arc::new(picture_key(&path, &device).unwrap()), "PC-1");
        let marked = open().mark(JPEG, UtcTime::from_millis(5)).unwrap();
        assert!(open().check(&marked).is_ok());
        let file = fs::read(&path).unwrap();
        assert!(
            SigningKey::from_pkcs8(&file).is_err(),
            "the key lies there in clear"
        );
    }

    #[test]
    fn a_key_that_cannot_be_opened_is_put_aside() {
        let dir = tempfile::tempdir().unwrap();
        let device = DeviceKey::open(&dir.path().join("device.key")).unwrap();
        let path = dir.path().join("watermark.key");
        fs::write(&path, b"not a key").unwrap();
        let first = picture_key(&path, &device).unwrap().public_key();
        assert_eq!(picture_key(&path, &device).unwrap().public_key(), first);
        assert_eq!(
            fs::read(path.with_extension("unreadable")).unwrap(),
            b"not a key"
        );
    }
}
