//! WS-UsernameToken with PasswordDigest (ONVIF Core, OASIS UsernameToken Profile 1.0).

use std::{collections::HashMap, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use lpr_core::UtcTime;
use parking_lot::Mutex;
use sha1::{Digest, Sha1};
use subtle::ConstantTimeEq;

use crate::Secret;

/// How far a client's clock may be off. Clients without a clock of their own ask
/// `GetSystemDateAndTime` first, so this is generous but finite.
const SKEW: Duration = Duration::from_secs(300);
/// Tokens remembered against replay.
const SEEN: usize = 4096;

/// A UsernameToken as read from the SOAP header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsernameToken {
    /// `wsse:Username`.
    pub username: String,
    /// `wsse:Password` of type PasswordDigest, as sent.
    pub password_digest: String,
    /// `wsse:Nonce`, as sent (base64).
    pub nonce: String,
    /// `wsu:Created`, as sent: its very text is hashed.
    pub created: String,
}

/// Tokens seen within the window of acceptance.
#[derive(Debug, Default)]
pub(super) struct Replays(Mutex<HashMap<[u8; 20], UtcTime>>);

impl UsernameToken {
    fn digest(&self, password: &Secret) -> Option<[u8; 20]> {
        let nonce = STANDARD.decode(self.nonce.trim()).ok()?;
        let hash = Sha1::new()
            .chain_update(nonce)
            .chain_update(self.created.as_bytes())
            .chain_update(password.expose().as_bytes());
        Some(hash.finalize().into())
    }

    /// Whether the token proves `password` at `now` and was not used before.
    pub(super) fn proves(&self, password: &Secret, now: UtcTime, replays: &Replays) -> bool {
        let Some(want) = self.digest(password) else {
            return false;
        };
        let Ok(given) = STANDARD.decode(self.password_digest.trim()) else {
            return false;
        };
        let Ok(created) = self.created.trim().parse::<UtcTime>() else {
            return false;
        };
        bool::from(want.as_slice().ct_eq(&given))
            && created.abs_diff(now) <= SKEW
            && replays.first(want, created, now)
    }
}

impl Replays {
    fn first(&self, digest: [u8; 20], created: UtcTime, now: UtcTime) -> bool {
        let mut seen = self.0.lock();
        if seen.contains_key(&digest) {
            return false;
        }
        if seen.len() >= SEEN {
            seen.retain(|_, c| c.abs_diff(now) <= SKEW);
        }
        // Still full within one window: more than thirteen logins a second. Refuse rather than forget.
        if seen.len() >= SEEN {
            return false;
        }
        seen.insert(digest, created);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(password: &str, created: &str) -> UsernameToken {
        let nonce = STANDARD.encode(b"0123456789abcdef");
        let mut t = UsernameToken {
            username: "admin".into(),
            password_digest: String::new(),
            nonce,
            created: created.into(),
        };
        t.password_digest = STANDARD.encode(t.digest(&Secret::new(password)).unwrap());
        t
    }

    #[test]
    fn one_use_within_the_window() {
        let now: UtcTime = "2026-11-22T12:00:00Z".parse().unwrap();
        let secret = Secret::new("secret-1");
        let seen = Replays::default();
        let good = token("secret-1", "2026-11-22T12:00:00Z");
        assert!(good.proves(&secret, now, &seen));
        assert!(!good.proves(&secret, now, &seen), "replayed");
        for (password, created, ok) in [
            ("secret-1", "2026-11-22T12:04:59Z", true),
            ("secret-1", "2026-11-22T11:55:01.123Z", true),
            ("secret-1", "2026-11-22T13:59:00+02:00", true),
            ("secret-1", "2026-11-22T12:05:01Z", false),
            ("secret-1", "2026-11-22T11:54:58Z", false),
            ("secret-2", "2026-11-22T12:00:01Z", false),
            ("secret-1", "yesterday", false),
        ] {
            assert_eq!(
                token(password, created).proves(&secret, now, &seen),
                ok,
                "{password} {created}"
            );
        }
        let broken = UsernameToken {
            nonce: "***".into(),
            ..token("secret-1", "2026-11-22T12:00:02Z")
        };
        assert!(!broken.proves(&secret, now, &seen));
    }

    /// The worked example of the UsernameToken profile's algorithm, computed independently with openssl.
    #[test]
    fn digest_is_sha1_of_nonce_created_password() {
        let t = UsernameToken {
            username: "user".into(),
            password_digest: String::new(),
            nonce: "LKqI6G/AikKCQrN0zqZFlg==".into(),
            created: "2010-09-16T07:50:45Z".into(),
        };
        assert_eq!(
            STANDARD.encode(t.digest(&Secret::new("userpassword")).unwrap()),
            "tuOSpGlFlIXsozq4HFNeeGeFLEI="
        );
    }

    /// What was seen is not forgotten within the window, however much comes; a full memory refuses until it ages.
    #[test]
    fn the_memory_is_bounded_and_forgets_nothing_within_the_window() {
        let now: UtcTime = "2026-11-22T12:00:00Z".parse().unwrap();
        let seen = Replays::default();
        let digest = |n: usize| -> [u8; 20] { Sha1::digest(n.to_be_bytes()).into() };
        for n in 0..SEEN {
            assert!(seen.first(digest(n), now, now));
        }
        assert!(!seen.first(digest(SEEN), now, now), "full");
        assert!(!seen.first(digest(0), now, now), "not forgotten");
        assert_eq!(seen.0.lock().len(), SEEN);
        let later = now + SKEW + Duration::from_secs(1);
        assert!(
            seen.first(digest(SEEN), later, later),
            "the others are too old by then"
        );
        assert_eq!(seen.0.lock().len(), 1);
    }
}
