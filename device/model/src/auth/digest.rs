//! HTTP Digest access authentication (RFC 7616), for HTTP and RTSP alike.

use std::{collections::HashMap, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use md5::Md5;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::{Error, Result, Secret};

/// The protection space of every protocol of the device: one password base, one realm.
pub const REALM: &str = "Platecam";

/// A nonce is good for this long; then the client is told `stale=true` and tries again by itself.
const NONCE_LIFE: Duration = Duration::from_secs(300);
/// Nonces whose counts are remembered; the oldest go first.
const NONCES: usize = 2048;
/// Longest header looked at, bytes.
const MAX_HEADER: usize = 4096;

/// Hash of a challenge. MD5 comes first because old recorders stop at the first one they see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    Md5,
    Sha256,
}

impl Algorithm {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha256 => "SHA-256",
        }
    }

    pub(super) fn hash(self, parts: &[&str]) -> String {
        let text = parts.join(":");
        match self {
            Self::Md5 => hex::encode(Md5::digest(text.as_bytes())),
            Self::Sha256 => hex::encode(Sha256::digest(text.as_bytes())),
        }
    }
}

/// Makes and checks nonces; holds the counts seen.
#[derive(Debug)]
pub struct DigestChallenge {
    key: [u8; 32],
    seen: Mutex<HashMap<String, Counts>>,
}

/// Highest count and a window of the 64 before it, so that parallel connections may overtake.
#[derive(Clone, Copy, Debug)]
struct Counts {
    highest: u64,
    window: u64,
    born: Duration,
}

/// What a client's `Authorization` header says.
#[derive(Debug)]
pub(super) struct Response {
    pub(super) username: String,
    uri: String,
    nonce: String,
    response: String,
    algorithm: Algorithm,
    qop: Option<(String, String)>, // cnonce, nc as sent
}

/// Why a response was not accepted.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// The nonce is too old or unknown, or its count was used: a fresh challenge cures it.
    Stale,
    /// Wrong proof.
    Wrong,
}

impl DigestChallenge {
    /// With a key of its own: nonces of an earlier run are stale.
    ///
    /// # Errors
    /// [`Error::Internal`] without random numbers.
    pub fn new() -> Result<Self> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(Error::internal)?;
        Ok(Self {
            key,
            seen: Mutex::new(HashMap::new()),
        })
    }

    /// Values of `WWW-Authenticate`, in this order.
    pub fn challenges(&self, now: Duration, stale: bool) -> Vec<String> {
        let nonce = self.nonce(now);
        let stale = if stale { ", stale=true" } else { "" };
        [Algorithm::Md5, Algorithm::Sha256]
            .map(|a| {
                format!(
                    r#"Digest realm="{REALM}", qop="auth", algorithm={}, nonce="{nonce}"{stale}"#,
                    a.name()
                )
            })
            .to_vec()
    }

    fn nonce(&self, now: Duration) -> String {
        let mut raw = [0u8; 32];
        raw[..8].copy_from_slice(&(now.as_millis() as u64).to_be_bytes());
        // Without random bits two challenges of one millisecond share a nonce, which is harmless.
        let _ = getrandom::fill(&mut raw[8..16]);
        let tag = self.tag(&raw[..16]);
        raw[16..].copy_from_slice(&tag);
        URL_SAFE_NO_PAD.encode(raw)
    }

    fn tag(&self, head: &[u8]) -> [u8; 16] {
        let digest = Sha256::new()
            .chain_update(self.key)
            .chain_update(head)
            .chain_update(self.key)
            .finalize();
        let mut tag = [0; 16];
        tag.copy_from_slice(&digest[..16]);
        tag
    }

    /// When a nonce of ours was made, if it is still good.
    fn born(&self, nonce: &str, now: Duration) -> Option<Duration> {
        let raw: [u8; 32] = URL_SAFE_NO_PAD.decode(nonce).ok()?.try_into().ok()?;
        if !bool::from(self.tag(&raw[..16]).ct_eq(&raw[16..])) {
            return None;
        }
        let mut millis = [0; 8];
        millis.copy_from_slice(&raw[..8]);
        let born = Duration::from_millis(u64::from_be_bytes(millis));
        (now.saturating_sub(born) < NONCE_LIFE).then_some(born)
    }

    /// Checks a response against the password; `target` is the request's own URI.
    pub(super) fn check(
        &self,
        r: &Response,
        method: &str,
        target: &str,
        password: &Secret,
        now: Duration,
    ) -> std::result::Result<(), Refused> {
        let a = r.algorithm;
        let ha1 = a.hash(&[&r.username, REALM, password.expose()]);
        let ha2 = a.hash(&[method, &r.uri]);
        let want = match &r.qop {
            Some((cnonce, nc)) => a.hash(&[&ha1, &r.nonce, nc, cnonce, "auth", &ha2]),
            None => a.hash(&[&ha1, &r.nonce, &ha2]),
        };
        if !bool::from(
            want.as_bytes()
                .ct_eq(r.response.to_ascii_lowercase().as_bytes()),
        ) || !same_target(&r.uri, target)
        {
            return Err(Refused::Wrong);
        }
        // The proof is right; only now the nonce matters, so that guessing is never "stale".
        let born = self.born(&r.nonce, now).ok_or(Refused::Stale)?;
        if let Some((_, nc)) = &r.qop {
            let nc = u64::from_str_radix(nc, 16).map_err(|_| Refused::Wrong)?;
            self.count(&r.nonce, nc, born)?;
        }
        Ok(())
    }

    /// Refuses a count that was used already (replay).
    fn count(&self, nonce: &str, nc: u64, born: Duration) -> std::result::Result<(), Refused> {
        let mut seen = self.seen.lock();
        if seen.len() >= NONCES && !seen.contains_key(nonce) {
            let oldest = seen
                .iter()
                .min_by_key(|(_, c)| c.born)
                .map(|(k, _)| k.clone());
            oldest.and_then(|k| seen.remove(&k));
        }
        let c = seen.entry(nonce.to_owned()).or_insert(Counts {
            highest: 0,
            window: 0,
            born,
        });
        if nc > c.highest {
            let shift = nc - c.highest;
            c.window = if shift >= 64 {
                1
            } else {
                c.window << shift | 1
            };
            c.highest = nc;
            return Ok(());
        }
        let back = c.highest - nc;
        if back >= 64 || c.window >> back & 1 == 1 {
            return Err(Refused::Stale);
        }
        c.window |= 1 << back;
        Ok(())
    }
}

/// Whether the client's `uri` and the request's target mean the same.
///
/// Proxies and players write them with or without scheme and host, and RTSP clients sign the
/// presentation URL for a track's request or the other way round.
fn same_target(signed: &str, target: &str) -> bool {
    fn path(uri: &str) -> &str {
        match uri.split_once("://") {
            Some((_, rest)) => rest.find('/').map_or("/", |i| &rest[i..]),
            None => uri,
        }
    }
    let (a, b) = (
        path(signed).trim_end_matches('/'),
        path(target).trim_end_matches('/'),
    );
    a == b || (target.starts_with("rtsp") && (a.starts_with(b) || b.starts_with(a)))
}

impl Response {
    /// Reads `Digest username="…", …`.
    ///
    /// # Errors
    /// [`Error::Malformed`] naming the missing or unreadable parameter.
    pub(super) fn parse(header: &str) -> Result<Self> {
        let bad = |reason: &str| Error::Malformed {
            what: "Authorization header",
            reason: reason.to_owned(),
        };
        if header.len() > MAX_HEADER {
            return Err(bad("longer than 4096 bytes"));
        }
        let (scheme, rest) = header
            .trim()
            .split_once(' ')
            .ok_or_else(|| bad("no scheme"))?;
        if !scheme.eq_ignore_ascii_case("digest") {
            return Err(bad("the scheme is not Digest"));
        }
        let mut p = parameters(rest).ok_or_else(|| bad("unreadable parameters"))?;
        let mut take = |name: &str| p.remove(name);
        let algorithm = match take("algorithm").map(|a| a.to_ascii_uppercase()).as_deref() {
            None | Some("MD5") => Algorithm::Md5,
            Some("SHA-256") => Algorithm::Sha256,
            Some(_) => return Err(bad("unknown algorithm")),
        };
        let qop = match take("qop").as_deref() {
            None => None,
            Some("auth") => Some((
                take("cnonce").ok_or_else(|| bad("cnonce is missing"))?,
                take("nc").ok_or_else(|| bad("nc is missing"))?,
            )),
            Some(_) => return Err(bad("unknown qop")),
        };
        if take("realm").is_some_and(|r| r != REALM) {
            return Err(bad("made for another realm"));
        }
        let mut need =
            |name: &'static str| take(name).ok_or_else(|| bad(&format!("{name} is missing")));
        Ok(Self {
            username: need("username")?,
            uri: need("uri")?,
            nonce: need("nonce")?,
            response: need("response")?,
            algorithm,
            qop,
        })
    }
}

/// `name=value` and `name="value"` pairs; names in lower case. `None` when unreadable.
pub(super) fn parameters(mut rest: &str) -> Option<HashMap<String, String>> {
    let mut out = HashMap::new();
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        if rest.is_empty() {
            return Some(out);
        }
        let (name, after) = rest.split_once('=')?;
        let after = after.trim_start();
        let value;
        if let Some(quoted) = after.strip_prefix('"') {
            let mut text = String::new();
            let mut chars = quoted.char_indices();
            let end = loop {
                match chars.next()? {
                    (i, '"') => break i,
                    (_, '\\') => text.push(chars.next()?.1),
                    (_, c) => text.push(c),
                }
            };
            value = text;
            rest = &quoted[end + 1..];
        } else {
            let end = after.find(',').unwrap_or(after.len());
            value = after[..end].trim().to_owned();
            rest = &after[end..];
        }
        out.insert(name.trim().to_ascii_lowercase(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: u64) -> Duration {
        Duration::from_secs(s)
    }

    fn nonce_of(challenge: &str) -> &str {
        challenge
            .split("nonce=\"")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap()
    }

    /// A client's answer, computed the way RFC 7616 section 3.4 says.
    fn answer(algorithm: Algorithm, nonce: &str, nc: u32, uri: &str, password: &str) -> String {
        let ha1 = algorithm.hash(&["admin", REALM, password]);
        let ha2 = algorithm.hash(&["GET", uri]);
        let nc = format!("{nc:08x}");
        let response = algorithm.hash(&[&ha1, nonce, &nc, "cn", "auth", &ha2]);
        format!(
            r#"Digest username="admin", realm="{REALM}", nonce="{nonce}", uri="{uri}", algorithm={}, qop=auth, nc={nc}, cnonce="cn", response="{response}""#,
            algorithm.name()
        )
    }

    fn check(d: &DigestChallenge, header: &str, now: Duration) -> std::result::Result<(), Refused> {
        d.check(
            &Response::parse(header).unwrap(),
            "GET",
            "/a?b=1",
            &Secret::new("secret-1"),
            now,
        )
    }

    #[test]
    fn accepts_both_algorithms_and_refuses_replay_age_and_wrong_proof() {
        let d = DigestChallenge::new().unwrap();
        let challenges = d.challenges(at(0), false);
        assert!(
            challenges[0].contains("algorithm=MD5") && challenges[1].contains("algorithm=SHA-256")
        );
        let nonce = nonce_of(&challenges[0]);
        let ok = answer(Algorithm::Md5, nonce, 1, "/a?b=1", "secret-1");
        assert_eq!(check(&d, &ok, at(1)), Ok(()));
        assert_eq!(
            check(&d, &ok, at(1)),
            Err(Refused::Stale),
            "the same count again"
        );
        assert_eq!(
            check(
                &d,
                &answer(Algorithm::Sha256, nonce, 3, "/a?b=1", "secret-1"),
                at(1)
            ),
            Ok(())
        );
        assert_eq!(
            check(
                &d,
                &answer(Algorithm::Md5, nonce, 2, "/a?b=1", "secret-1"),
                at(1)
            ),
            Ok(()),
            "overtaken"
        );
        assert_eq!(
            check(
                &d,
                &answer(Algorithm::Md5, nonce, 4, "/a?b=1", "secret-2"),
                at(1)
            ),
            Err(Refused::Wrong)
        );
        assert_eq!(
            check(
                &d,
                &answer(Algorithm::Md5, nonce, 4, "/other", "secret-1"),
                at(1)
            ),
            Err(Refused::Wrong)
        );
        assert_eq!(
            check(
                &d,
                &answer(Algorithm::Md5, nonce, 5, "/a?b=1", "secret-1"),
                at(300)
            ),
            Err(Refused::Stale)
        );
        let foreign = DigestChallenge::new().unwrap().challenges(at(0), true);
        assert!(foreign[0].contains("stale=true"));
        assert_eq!(
            check(
                &d,
                &answer(
                    Algorithm::Md5,
                    nonce_of(&foreign[0]),
                    1,
                    "/a?b=1",
                    "secret-1"
                ),
                at(1)
            ),
            Err(Refused::Stale)
        );
    }

    /// RFC 7616 section 3.9.1, the published example, both algorithms (its realm is not ours).
    #[test]
    fn computes_the_published_example() {
        for (a, want) in [
            (Algorithm::Md5, "8ca523f5e9506fed4657c9700eebdbec"),
            (
                Algorithm::Sha256,
                "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
            ),
        ] {
            let ha1 = a.hash(&["Mufasa", "http-auth@example.org", "Circle of Life"]);
            let ha2 = a.hash(&["GET", "/dir/index.html"]);
            let nonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v";
            let cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
            assert_eq!(
                a.hash(&[&ha1, nonce, "00000001", cnonce, "auth", &ha2]),
                want
            );
        }
    }

    #[test]
    fn rtsp_clients_may_sign_the_presentation_or_the_track() {
        for (signed, target, same) in [
            (
                "rtsp://h/video/livemedia?Ch=1",
                "rtsp://h:554/video/livemedia?Ch=1",
                true,
            ),
            ("rtsp://h/a", "rtsp://h/a/trackID=0", true),
            ("rtsp://h/a/trackID=0", "rtsp://h/a", true),
            ("/a", "rtsp://h/a/", true),
            ("/a", "/a/b", false),
            ("/a?x=1", "/a?x=2", false),
            ("rtsp://h/b", "rtsp://h/a", false),
        ] {
            assert_eq!(same_target(signed, target), same, "{signed} {target}");
        }
    }

    #[test]
    fn malformed_headers_are_named() {
        let long = format!("Digest username=\"{}\"", "a".repeat(MAX_HEADER));
        for (header, says) in [
            ("", "no scheme"),
            ("Basic YTpi", "not Digest"),
            ("Digest username=\"a", "unreadable"),
            ("Digest username=\"a\"", "uri is missing"),
            ("Digest username=\"a\", qop=auth, nc=1", "cnonce is missing"),
            ("Digest qop=auth-int", "unknown qop"),
            ("Digest algorithm=FOO", "unknown algorithm"),
            ("Digest realm=\"x\"", "another realm"),
            (&long, "longer than"),
        ] {
            let e = Response::parse(header).unwrap_err().to_string();
            assert!(e.contains(says), "{header}: {e}");
        }
    }

    proptest::proptest! {
        #[test]
        fn never_panics(header in ".{0,300}") {
            let _ = Response::parse(&header);
            let _ = Response::parse(&format!("Digest {header}"));
        }
    }
}
