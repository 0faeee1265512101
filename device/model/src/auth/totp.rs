//! Time-based one-time passwords (RFC 6238, RFC 4226): SHA-1, 6 digits, 30 s, as every
//! authenticator takes them.

use hmac::{Hmac, KeyInit, Mac};
use lpr_core::UtcTime;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::{Error, Result};

/// Seconds of a time step.
const STEP: u64 = 30;
/// Steps that a clock may be off, both ways.
const TOLERANCE: u64 = 1;
/// Recovery codes that are made.
pub(super) const RECOVERY_CODES: usize = 10;

/// A shared secret: 160 bits, the length of the hash (RFC 4226 §4).
#[derive(Clone)]
pub(super) struct TotpSecret(Zeroizing<Vec<u8>>);

impl TotpSecret {
    pub(super) fn random() -> Result<Self> {
        let mut bytes = Zeroizing::new(vec![0; 20]);
        getrandom::fill(&mut bytes).map_err(Error::internal)?;
        Ok(Self(bytes))
    }

    pub(super) fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// For typing in: RFC 4648 base32 without padding.
    pub(super) fn base32(&self) -> String {
        base32(&self.0)
    }

    /// For the QR code of an authenticator.
    pub(super) fn uri(&self, issuer: &str, user: &str) -> String {
        let issuer = escape(issuer);
        format!(
            "otpauth://totp/{issuer}:{}?secret={}&issuer={issuer}&algorithm=SHA1&digits=6&period=30",
            escape(user),
            self.base32()
        )
    }

    fn code(&self, step: u64) -> u32 {
        // HMAC takes keys of any length.
        let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(&self.0) else {
            return u32::MAX;
        };
        mac.update(&step.to_be_bytes());
        let hash = mac.finalize().into_bytes();
        let at = usize::from(hash[19] & 15);
        let word = [hash[at] & 0x7f, hash[at + 1], hash[at + 2], hash[at + 3]];
        u32::from_be_bytes(word) % 1_000_000
    }

    /// The step whose code this is, when it is within the tolerance and newer than `last`.
    pub(super) fn check(&self, code: &str, now: UtcTime, last: u64) -> Option<u64> {
        let given: String = code.chars().filter(|c| !c.is_whitespace()).collect();
        if given.len() != 6 || !given.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let now = u64::try_from(now.as_millis()).ok()? / 1000 / STEP;
        let mut found = None;
        for step in now.saturating_sub(TOLERANCE)..=now + TOLERANCE {
            let want = format!("{:06}", self.code(step));
            if bool::from(want.as_bytes().ct_eq(given.as_bytes())) && step > last {
                found = Some(step);
            }
        }
        found
    }
}

/// New recovery codes, and what is stored of them.
pub(super) fn recovery_codes() -> Result<(Vec<String>, Vec<String>)> {
    let mut codes = Vec::new();
    for _ in 0..RECOVERY_CODES {
        let mut bytes = [0; 10];
        getrandom::fill(&mut bytes).map_err(Error::internal)?;
        let text = base32(&bytes).to_ascii_lowercase();
        codes.push(format!("{}-{}", &text[..8], &text[8..]));
    }
    let hashes = codes.iter().map(|c| recovery_hash(c)).collect();
    Ok((codes, hashes))
}

/// What is stored of a recovery code: 80 random bits need no slow hash.
pub(super) fn recovery_hash(code: &str) -> String {
    let plain: String = code
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .take(64)
        .collect();
    hex::encode(Sha256::digest(plain.as_bytes()))
}

/// RFC 4648 §6 without padding.
pub(super) fn base32(bytes: &[u8]) -> String {
    const SIGNS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut out = String::new();
    let (mut bits, mut held) = (0_u32, 0);
    for byte in bytes {
        bits = (bits << 8) | u32::from(*byte);
        held += 8;
        while held >= 5 {
            held -= 5;
            out.push(char::from(SIGNS[(bits >> held) as usize & 31]));
        }
    }
    if held > 0 {
        out.push(char::from(SIGNS[(bits << (5 - held)) as usize & 31]));
    }
    out
}

fn escape(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    text.bytes()
        .map(|b| {
            if plain(b) {
                char::from(b).to_string()
            } else {
                format!("%{b:02X}")
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: u64) -> UtcTime {
        UtcTime::from_millis(i64::try_from(s).unwrap() * 1000)
    }

    /// RFC 6238 appendix B (its eight digits, the last six), RFC 4226 appendix D.
    #[test]
    fn computes_the_published_values() {
        let secret = TotpSecret::from_bytes(b"12345678901234567890".to_vec());
        for (time, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(secret.check(code, at(time), 0), Some(time / 30), "{time}");
        }
        for (counter, code) in [(0, 755_224), (1, 287_082), (9, 520_489)] {
            assert_eq!(secret.code(counter), code);
        }
    }

    #[test]
    fn one_step_of_tolerance_and_each_code_once() {
        let secret = TotpSecret::from_bytes(b"12345678901234567890".to_vec());
        // The code of step 1 (30 s to 59 s).
        let code = "287082";
        for (now, known) in [(0, true), (29, true), (45, true), (89, true), (90, false)] {
            assert_eq!(secret.check(code, at(now), 0).is_some(), known, "{now}");
        }
        assert_eq!(secret.check(code, at(45), 1), None, "used");
        assert_eq!(secret.check("287 082", at(45), 0), Some(1));
        for wrong in ["", "28708", "2870822", "287o82", "２87082", "-87082"] {
            assert_eq!(secret.check(wrong, at(45), 0), None, "{wrong}");
        }
    }

    /// RFC 4648 §10.
    #[test]
    fn base32_and_uri() {
        for (bytes, text) in [
            ("", ""),
            ("f", "MY"),
            ("fo", "MZXQ"),
            ("foo", "MZXW6"),
            ("foob", "MZXW6YQ"),
            ("fooba", "MZXW6YTB"),
        ] {
            assert_eq!(base32(bytes.as_bytes()), text);
        }
        let uri = TotpSecret::from_bytes(b"fooba".to_vec()).uri("Gate 1", "a@b");
        assert_eq!(
            uri,
            "otpauth://totp/Gate%201:a%40b?secret=MZXW6YTB&issuer=Gate%201&algorithm=SHA1&digits=6&period=30"
        );
    }

    #[test]
    fn recovery_codes_differ_and_are_read_tolerantly() {
        let (codes, hashes) = recovery_codes().unwrap();
        assert_eq!(
            (codes.len(), hashes.len()),
            (RECOVERY_CODES, RECOVERY_CODES)
        );
        let mut unlike = codes.clone();
        unlike.sort();
        unlike.dedup();
        assert_eq!(unlike.len(), RECOVERY_CODES);
        assert_eq!(
            recovery_hash(&codes[0].to_uppercase().replace('-', " ")),
            hashes[0]
        );
        assert_ne!(recovery_hash(&codes[1]), hashes[0]);
    }
}
