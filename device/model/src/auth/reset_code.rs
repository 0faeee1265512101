//! The text of a password reset and its security code (AUTH-11..13, C-21; ADR 0010).
//!
//! The text is HPKE (RFC 9180, base mode, DHKEM X25519 with HKDF-SHA256, ChaCha20-Poly1305) to the
//! public key in the settings: only the holder of the private key reads the code in it. The device
//! keeps no code: it computes it anew from a secret of its own, the number of the challenge and the
//! hash of the password that is to be replaced, so that a used or overtaken code is worth nothing.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use hpke::{
    Deserializable, Kem, OpModeR, OpModeS, Serializable, aead::ChaCha20Poly1305, kdf::HkdfSha256,
    kem::X25519HkdfSha256,
};
use lpr_core::UtcTime;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::totp::base32;
use crate::{Error, Result, Secret};

/// First characters of the text: kind and version.
const PREFIX: &str = "PCR1.";
/// Bound to every text, so that none made for another purpose is taken.
const INFO: &[u8] = b"platecam password reset 1";
/// Longest text read.
const MAX_TEXT: usize = 2048;
/// Characters of a code: 50 bits.
const CODE: usize = 10;

/// Keys of whoever makes security codes.
#[derive(Debug)]
pub struct ResetKey;

/// What the holder of the private key reads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResetRequest {
    /// The unit.
    pub serial: String,
    /// Where the code may be sent: the address stored in the unit, empty when there is none.
    pub email: String,
    /// The security code.
    pub code: String,
    /// Until when it counts.
    pub expires_at: UtcTime,
}

impl ResetKey {
    /// A new pair, both 64 hexadecimal digits: private, public.
    pub fn generate() -> (Secret, String) {
        let (private, public) = X25519HkdfSha256::gen_keypair();
        (
            Secret::new(hex::encode(private.to_bytes())),
            hex::encode(public.to_bytes()),
        )
    }

    /// The bytes of a public key, when it is one.
    pub fn public(text: &str) -> Option<Vec<u8>> {
        let bytes = hex::decode(text).ok()?;
        let all_zero = bytes.iter().all(|b| *b == 0);
        <X25519HkdfSha256 as Kem>::PublicKey::from_bytes(&bytes).ok()?;
        (!all_zero).then_some(bytes)
    }
}

impl ResetRequest {
    /// The text for the holder of `public_key`.
    ///
    /// # Errors
    /// [`Error::Internal`] for a key that is none.
    pub(super) fn seal(&self, public_key: &str) -> Result<String> {
        let bad = |e: hpke::HpkeError| Error::internal(format!("password reset: {e}"));
        let bytes = ResetKey::public(public_key)
            .ok_or_else(|| Error::internal("password reset: public key is none"))?;
        let key = <X25519HkdfSha256 as Kem>::PublicKey::from_bytes(&bytes).map_err(bad)?;
        let plain = serde_json::to_vec(self).map_err(Error::internal)?;
        let (encapsulated, sealed) = hpke::single_shot_seal::<
            ChaCha20Poly1305,
            HkdfSha256,
            X25519HkdfSha256,
        >(&OpModeS::Base, &key, INFO, &plain, b"")
        .map_err(bad)?;
        let all = [encapsulated.to_bytes().as_slice(), &sealed].concat();
        Ok(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(all)))
    }

    /// Reads a text with the private key, 64 hexadecimal digits.
    ///
    /// # Errors
    /// [`Error::Malformed`] for a text or key that is none, or that do not belong together.
    pub fn open(text: &str, private_key: &Secret) -> Result<Self> {
        let bad = |reason: &str| Error::Malformed {
            what: "password reset text",
            reason: reason.to_owned(),
        };
        let text: String = text
            .chars()
            .filter(|c| !c.is_whitespace())
            .take(MAX_TEXT)
            .collect();
        let body = text
            .strip_prefix(PREFIX)
            .ok_or_else(|| bad("does not begin with PCR1."))?;
        let all = URL_SAFE_NO_PAD
            .decode(body)
            .map_err(|_| bad("is not base64url"))?;
        let (encapsulated, sealed) = all.split_at_checked(32).ok_or_else(|| bad("is cut"))?;
        let key = hex::decode(private_key.expose().trim())
            .ok()
            .and_then(|b| <X25519HkdfSha256 as Kem>::PrivateKey::from_bytes(&b).ok())
            .ok_or_else(|| bad("the private key is not 64 hexadecimal digits"))?;
        let encapsulated = <X25519HkdfSha256 as Kem>::EncappedKey::from_bytes(encapsulated)
            .map_err(|_| bad("is cut"))?;
        let plain = hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
            &OpModeR::Base,
            &key,
            &encapsulated,
            INFO,
            sealed,
            b"",
        )
        .map_err(|_| bad("was made for another key, or was changed"))?;
        serde_json::from_slice(&plain).map_err(|_| bad("holds something else"))
    }
}

/// Number of a challenge: 128 random bits and the end of its validity.
pub(super) fn new_id(expires_at: UtcTime) -> Result<String> {
    let mut bytes = [0; 24];
    getrandom::fill(&mut bytes[..16]).map_err(Error::internal)?;
    bytes[16..].copy_from_slice(&expires_at.as_millis().to_be_bytes());
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// The end of a challenge's validity; `None` for what is no number of one.
pub(super) fn expiry(id: &str) -> Option<UtcTime> {
    if id.len() != 32 {
        return None;
    }
    let bytes: [u8; 24] = URL_SAFE_NO_PAD.decode(id).ok()?.try_into().ok()?;
    let millis = i64::from_be_bytes(bytes[16..].try_into().ok()?);
    // Far from what a time can hold, so that sums with it stay within it.
    (0..=32_503_680_000_000)
        .contains(&millis)
        .then(|| UtcTime::from_millis(millis))
}

/// The code of a challenge: ten characters of base32, shown in two groups.
pub(super) fn code(secret: &[u8], password_hash: &str, id: &str) -> String {
    // HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else {
        return String::new();
    };
    mac.update(&(password_hash.len() as u64).to_be_bytes());
    mac.update(password_hash.as_bytes());
    mac.update(id.as_bytes());
    let text = base32(&mac.finalize().into_bytes());
    format!("{}-{}", &text[..CODE / 2], &text[CODE / 2..CODE])
}

/// Compares in constant time; blanks, dashes and case do not count.
pub(super) fn same(given: &str, want: &str) -> bool {
    let plain = |t: &str| {
        t.chars()
            .filter(char::is_ascii_alphanumeric)
            .map(|c| c.to_ascii_uppercase())
            .take(64)
            .collect::<String>()
    };
    let (given, want) = (plain(given), plain(want));
    want.len() == CODE && bool::from(given.as_bytes().ct_eq(want.as_bytes()))
}

/// A serial number for the page: the first two and the last six characters (AUTH-11).
pub(super) fn masked(serial: &str) -> String {
    let signs: Vec<char> = serial.chars().collect();
    if signs.len() <= 8 {
        return "*".repeat(signs.len());
    }
    let tail = 6.min(signs.len() - 4);
    let head: String = signs[..2].iter().collect();
    let end: String = signs[signs.len() - tail..].iter().collect();
    format!("{head}*****{end}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn request() -> ResetRequest {
        ResetRequest {
            serial: "PC00000001".into(),
            email: "a@example.org".into(),
            code: "ABCDE-23456".into(),
            expires_at: UtcTime::from_millis(1_795_000_000_000),
        }
    }

    #[test]
    fn only_the_private_key_reads_the_text() {
        let (private, public) = ResetKey::generate();
        let text = request().seal(&public).unwrap();
        assert!(text.starts_with("PCR1.") && !text.contains("ABCDE"));
        assert_eq!(ResetRequest::open(&text, &private).unwrap(), request());
        let broken = format!(" {}\n{} ", &text[..40], &text[40..]);
        assert_eq!(
            ResetRequest::open(&broken, &private).unwrap(),
            request(),
            "as mail breaks it"
        );
        let (other, _) = ResetKey::generate();
        for (text, key) in [
            (text.clone(), other),
            (text[..text.len() - 1].to_owned(), private.clone()),
            (text.replace("PCR1", "PCR2"), private.clone()),
            (format!("{text}A"), private.clone()),
            ("PCR1.AAAA".into(), private.clone()),
            (text.clone(), Secret::new("12")),
        ] {
            assert!(ResetRequest::open(&text, &key).is_err(), "{text}");
        }
        assert_ne!(request().seal(&public).unwrap(), text, "each text is new");
    }

    #[test]
    fn keys_are_checked() {
        let (_, public) = ResetKey::generate();
        assert!(ResetKey::public(&public).is_some());
        for bad in ["", "00", &"0".repeat(64), &"g".repeat(64), &public[1..]] {
            assert!(ResetKey::public(bad).is_none(), "{bad}");
            assert!(request().seal(bad).is_err());
        }
    }

    #[test]
    fn a_code_belongs_to_device_password_and_challenge() {
        let id = new_id(UtcTime::from_millis(77)).unwrap();
        assert_eq!(expiry(&id), Some(UtcTime::from_millis(77)));
        let one = code(b"secret", "hash", &id);
        assert!(same(&one, &one) && same(&one.to_lowercase().replace('-', " "), &one));
        for other in [
            code(b"Secret", "hash", &id),
            code(b"secret", "hash2", &id),
            code(
                b"secret",
                "hash",
                &new_id(UtcTime::from_millis(77)).unwrap(),
            ),
            String::new(),
            one[1..].to_owned(),
        ] {
            assert!(!same(&other, &one), "{other}");
        }
    }

    /// AUTH-11.
    #[test]
    fn serials_are_masked() {
        for (serial, shown) in [
            ("20210412XSP001", "20*****XSP001"),
            ("PC00000001", "PC*****000001"),
            ("SHORT", "*****"),
            ("", ""),
        ] {
            assert_eq!(masked(serial), shown);
        }
    }

    proptest! {
        /// Whatever stands in a QR code or a request is refused, not a crash.
        #[test]
        fn hostile_texts_are_refused(text in ".{0,200}", tail in "[A-Za-z0-9_-]{0,200}") {
            let key = Secret::new("11".repeat(32));
            prop_assert!(ResetRequest::open(&text, &key).is_err());
            let prefixed = format!("PCR1.{tail}");
            prop_assert!(ResetRequest::open(&prefixed, &key).is_err());
            let _ = expiry(&text);
            let _ = expiry(&tail);
        }
    }
}
