//! The watermark of pictures (GEN-21, FILE-12, FILE-13, SNAP-6): a signature inside the JPEG that covers every other byte of it.
//!
//! The pictures of records, alarms and snapshots carry it. It says which unit took the picture and when; whoever has the unit's public key sees
//! whether one byte was changed since. What is shown on the picture is not touched.

mod key;
mod segment;

use std::{fmt, sync::Arc};

use bytes::Bytes;
use lpr_core::UtcTime;
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use serde::Serialize;

use crate::{
    Result,
    ports::{Media, MediaStatus, PictureSigner, Snapshot, StreamId},
    signed_video::{Signing, Vendor},
};
pub use key::SigningKey;
pub use segment::MAX_SERIAL;

/// Length of an uncompressed point of P-256.
pub const PUBLIC_KEY_LENGTH: usize = 65;
/// Length of r and s together.
pub const SIGNATURE_LENGTH: usize = 64;

/// Public key of a unit's watermarks: an uncompressed point of P-256.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(pub [u8; PUBLIC_KEY_LENGTH]);

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

impl std::str::FromStr for PublicKey {
    type Err = String;

    /// Of 130 hexadecimal digits, as `Display` writes them.
    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let text = text.trim();
        let wrong = || {
            format!(
                "must be {} hexadecimal digits that begin with 04",
                2 * PUBLIC_KEY_LENGTH
            )
        };
        if text.len() != 2 * PUBLIC_KEY_LENGTH || !text.is_ascii() {
            return Err(wrong());
        }
        let mut key = [0; PUBLIC_KEY_LENGTH];
        for (byte, digits) in key.iter_mut().zip(text.as_bytes().chunks(2)) {
            let digits = std::str::from_utf8(digits).map_err(|_| wrong())?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| wrong())?;
        }
        if key[0] == 4 {
            Ok(Self(key))
        } else {
            Err(wrong())
        }
    }
}

/// Why a picture does not count as authentic (C-29: none and a foreign one do not either).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// Not a JPEG.
    NotJpeg,
    /// A JPEG without a watermark, or with one that cannot be read.
    NoWatermark,
    /// Signed with another key than the one asked for.
    Foreign,
    /// At least one byte is not what was signed.
    Changed,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotJpeg => "not a JPEG picture",
            Self::NoWatermark => "no watermark",
            Self::Foreign => "watermark of another unit",
            Self::Changed => "changed since it was taken",
        })
    }
}

/// What a watermark says; true only of an authentic picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Serial number of the unit.
    pub serial: String,
    /// When the picture was taken.
    pub taken_at: UtcTime,
    /// Key that it is signed with.
    pub key: PublicKey,
}

/// Looks at a picture: its claim when not one byte was changed since `key` signed it.
///
/// # Errors
/// The fault.
pub fn check(jpeg: &[u8], key: &PublicKey) -> std::result::Result<Claim, Fault> {
    let found = segment::find(jpeg)?;
    if found.claim.key != *key {
        return Err(Fault::Foreign);
    }
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &key.0)
        .verify(&found.signed(jpeg), found.signature(jpeg))
        .map_err(|_| Fault::Changed)?;
    Ok(found.claim)
}

/// Marks the pictures of this unit and checks them.
#[derive(Clone)]
pub struct Watermark {
    signer: Arc<dyn PictureSigner>,
    serial: String,
    /// Certificate of the key, as PEM.
    chain: Arc<str>,
}

impl fmt::Debug for Watermark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watermark")
            .field("serial", &self.serial)
            .finish_non_exhaustive()
    }
}

impl Watermark {
    /// Of the unit `serial`, whose first [`MAX_SERIAL`] bytes are told.
    #[must_use]
    pub fn new(signer: Arc<dyn PictureSigner>, serial: &str) -> Self {
        let end = (0..=MAX_SERIAL.min(serial.len()))
            .rev()
            .find(|i| serial.is_char_boundary(*i))
            .unwrap_or(0);
        Self {
            signer,
            serial: serial[..end].to_owned(),
            chain: "".into(),
        }
    }

    /// The same with the certificate of its key (PEM, without the root), by which video is signed.
    #[must_use]
    pub fn with_chain(self, chain: &str) -> Self {
        Self {
            chain: chain.into(),
            ..self
        }
    }

    /// The certificate of the key; empty where there is none.
    #[must_use]
    pub fn chain(&self) -> &str {
        &self.chain
    }

    /// The same in DER.
    #[must_use]
    pub fn certificate(&self) -> Option<Vec<u8>> {
        let (_, pem) = x509_parser::pem::parse_x509_pem(self.chain.as_bytes()).ok()?;
        Some(pem.contents)
    }

    /// What video is signed with; `None` without a certificate.
    #[must_use]
    pub fn video(&self, vendor: Vendor, text: &str) -> Option<Signing> {
        (!self.chain.is_empty()).then(|| Signing {
            signer: self.signer.clone(),
            chain: self.chain.to_string(),
            vendor,
            text: text.to_owned(),
        })
    }

    /// Key by which others check the pictures.
    #[must_use]
    pub fn key(&self) -> PublicKey {
        self.signer.public_key()
    }

    /// The JPEG with its watermark; something else comes back as it is.
    ///
    /// # Errors
    /// [`crate::Error::Internal`] when the signer fails.
    pub fn mark(&self, jpeg: Bytes, taken_at: UtcTime) -> Result<Bytes> {
        let claim = Claim {
            serial: self.serial.clone(),
            taken_at,
            key: self.key(),
        };
        let Some((mut marked, found)) = segment::insert(&jpeg, claim) else {
            return Ok(jpeg);
        };
        let signature = self.signer.sign(&found.signed(&marked))?;
        found.put(&mut marked, &signature);
        Ok(marked.into())
    }

    /// As [`check`] with the key of this unit.
    ///
    /// # Errors
    /// The fault.
    pub fn check(&self, jpeg: &[u8]) -> std::result::Result<Claim, Fault> {
        check(jpeg, &self.key())
    }
}

/// The media side with the watermark in every snapshot.
pub struct MarkedMedia {
    media: Arc<dyn Media>,
    watermark: Watermark,
}

impl MarkedMedia {
    /// Around `media`.
    #[must_use]
    pub fn new(media: Arc<dyn Media>, watermark: Watermark) -> Self {
        Self { media, watermark }
    }
}

impl Media for MarkedMedia {
    fn status(&self) -> MediaStatus {
        self.media.status()
    }

    fn snapshot(&self, stream: StreamId) -> Result<Snapshot> {
        let snapshot = self.media.snapshot(stream)?;
        Ok(Snapshot {
            jpeg: self.watermark.mark(snapshot.jpeg, snapshot.captured_at)?,
            ..snapshot
        })
    }

    fn newest_picture(&self) -> Result<(lpr_core::Picture, UtcTime)> {
        self.media.newest_picture()
    }

    fn request_key_frame(&self, stream: StreamId) {
        self.media.request_key_frame(stream);
    }
}

#[cfg(test)]
mod tests;
