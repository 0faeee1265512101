//! Where the watermark is in a JPEG: an application segment right after the start of the image.
//!
//! Marker `FFEA` (APP10), length, then `Platecam mark\0`, format 1, serial number with its length in one byte, time in milliseconds of Unix time as eight
//! bytes, public key (65), signature (64); numbers with their highest byte first. Signed is [`DOMAIN`], then the file without the signature.

use lpr_core::UtcTime;

use super::{Claim, Fault, PUBLIC_KEY_LENGTH, PublicKey, SIGNATURE_LENGTH};

/// Longest serial number in a watermark, bytes.
pub const MAX_SERIAL: usize = 64;
/// Keeps a signature of a picture from being one of anything else.
const DOMAIN: &[u8] = b"platecam picture watermark 1\0";
const NAME: &[u8] = b"Platecam mark\0";
const FORMAT: u8 = 1;
const START_OF_IMAGE: [u8; 2] = [0xff, 0xd8];
const MARKER: [u8; 2] = [0xff, 0xea];

/// A watermark in a JPEG.
pub(super) struct Found {
    pub(super) claim: Claim,
    /// Where the signature begins.
    at: usize,
}

impl Found {
    pub(super) fn signature<'a>(&self, jpeg: &'a [u8]) -> &'a [u8] {
        &jpeg[self.at..self.at + SIGNATURE_LENGTH]
    }

    /// What is signed.
    pub(super) fn signed(&self, jpeg: &[u8]) -> Vec<u8> {
        [
            DOMAIN,
            &jpeg[..self.at],
            &jpeg[self.at + SIGNATURE_LENGTH..],
        ]
        .concat()
    }

    pub(super) fn put(&self, jpeg: &mut [u8], signature: &[u8; SIGNATURE_LENGTH]) {
        jpeg[self.at..self.at + SIGNATURE_LENGTH].copy_from_slice(signature);
    }
}

/// The JPEG with room for the signature; `None` when it is none.
pub(super) fn insert(jpeg: &[u8], claim: Claim) -> Option<(Vec<u8>, Found)> {
    let rest = jpeg.strip_prefix(&START_OF_IMAGE)?;
    let content = NAME.len() + 2 + claim.serial.len() + 8 + PUBLIC_KEY_LENGTH + SIGNATURE_LENGTH;
    let length = u16::try_from(content + 2).ok()?;
    let serial = u8::try_from(claim.serial.len()).ok()?;
    let mut marked = Vec::with_capacity(jpeg.len() + content + 4);
    marked.extend(START_OF_IMAGE);
    marked.extend(MARKER);
    marked.extend(length.to_be_bytes());
    marked.extend(NAME);
    marked.extend([FORMAT, serial]);
    marked.extend(claim.serial.as_bytes());
    marked.extend(claim.taken_at.as_millis().to_be_bytes());
    marked.extend(claim.key.0);
    let at = marked.len();
    marked.extend([0; SIGNATURE_LENGTH]);
    marked.extend(rest);
    Some((marked, Found { claim, at }))
}

/// Reads the watermark of a JPEG; whether it is true is another question.
pub(super) fn find(jpeg: &[u8]) -> Result<Found, Fault> {
    let rest = jpeg.strip_prefix(&START_OF_IMAGE).ok_or(Fault::NotJpeg)?;
    read(rest, jpeg.len()).ok_or(Fault::NoWatermark)
}

fn read(rest: &[u8], total: usize) -> Option<Found> {
    let rest = rest.strip_prefix(&MARKER)?;
    let (length, rest) = rest.split_first_chunk::<2>()?;
    let content = rest.get(..usize::from(u16::from_be_bytes(*length)).checked_sub(2)?)?;
    let after = content.strip_prefix(NAME)?.strip_prefix(&[FORMAT])?;
    let (&serial, after) = after.split_first()?;
    let (serial, after) = after.split_at_checked(usize::from(serial))?;
    if serial.len() > MAX_SERIAL {
        return None;
    }
    let (time, after) = after.split_first_chunk::<8>()?;
    let (key, signature) = after.split_first_chunk::<PUBLIC_KEY_LENGTH>()?;
    if signature.len() != SIGNATURE_LENGTH {
        return None;
    }
    // Start of image, marker and length come before the content.
    let at = 6 + content.len() - SIGNATURE_LENGTH;
    (at + SIGNATURE_LENGTH <= total).then_some(())?;
    Some(Found {
        claim: Claim {
            serial: std::str::from_utf8(serial).ok()?.to_owned(),
            taken_at: UtcTime::from_millis(i64::from_be_bytes(*time)),
            key: PublicKey(*key),
        },
        at,
    })
}
