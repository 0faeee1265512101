//! HTTP Digest (RFC 7616, MD5 and SHA-256) and WS-UsernameToken, the caller's side.

use base64::{Engine, engine::general_purpose::STANDARD};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::xml::escape;

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// Name of the user.
    pub user: String,
    /// Password.
    pub password: String,
}

impl Credentials {
    /// A name and a password.
    #[must_use]
    pub fn new(user: &str, password: &str) -> Self {
        Self {
            user: user.into(),
            password: password.into(),
        }
    }
}

/// Hash of a challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// MD5, which every ONVIF device has.
    Md5,
    /// SHA-256.
    Sha256,
}

/// A `WWW-Authenticate: Digest` header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// Realm.
    pub realm: String,
    /// Nonce.
    pub nonce: String,
    /// Passed back as it came.
    pub opaque: Option<String>,
    /// Whether `qop` lists `auth`.
    pub auth: bool,
    /// Hash.
    pub algorithm: Algorithm,
    /// Only the nonce was too old.
    pub stale: bool,
}

impl Challenge {
    /// Reads one header; `None` when it is not Digest, or of an unknown algorithm.
    #[must_use]
    pub fn parse(header: &str) -> Option<Self> {
        let (scheme, rest) = header.trim().split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("digest") {
            return None;
        }
        let fields = parameters(rest);
        let field = |name: &str| {
            fields
                .iter()
                .find(|(n, _)| n.eq_ignore_ascii_case(name))
                .map(|(_, v)| v.clone())
        };
        let algorithm = match field("algorithm").as_deref() {
            None => Algorithm::Md5,
            Some(a) if a.eq_ignore_ascii_case("md5") => Algorithm::Md5,
            Some(a) if a.eq_ignore_ascii_case("sha-256") => Algorithm::Sha256,
            Some(_) => return None,
        };
        Some(Self {
            realm: field("realm")?,
            nonce: field("nonce")?,
            opaque: field("opaque"),
            auth: field("qop").is_some_and(|q| q.split(',').any(|q| q.trim() == "auth")),
            algorithm,
            stale: field("stale").is_some_and(|s| s.eq_ignore_ascii_case("true")),
        })
    }

    /// The `Authorization` header; `count` is how often the nonce was used, from 1.
    #[must_use]
    pub fn answer(&self, who: &Credentials, method: &str, uri: &str, count: u32) -> String {
        let hash = |text: &str| match self.algorithm {
            Algorithm::Md5 => hex::encode(Md5::digest(text)),
            Algorithm::Sha256 => hex::encode(Sha256::digest(text)),
        };
        let ha1 = hash(&format!("{}:{}:{}", who.user, self.realm, who.password));
        let ha2 = hash(&format!("{method}:{uri}"));
        let mut header = format!(
            "Digest username=\"{}\", realm=\"{}\", nonce=\"{}\", uri=\"{uri}\"",
            who.user, self.realm, self.nonce
        );
        let response = if self.auth {
            let cnonce = hex::encode(random::<8>());
            header += &format!(", qop=auth, nc={count:08x}, cnonce=\"{cnonce}\"");
            hash(&format!(
                "{ha1}:{}:{count:08x}:{cnonce}:auth:{ha2}",
                self.nonce
            ))
        } else {
            hash(&format!("{ha1}:{}:{ha2}", self.nonce))
        };
        header += &format!(", response=\"{response}\"");
        if self.algorithm == Algorithm::Sha256 {
            header += ", algorithm=SHA-256";
        }
        if let Some(opaque) = &self.opaque {
            header += &format!(", opaque=\"{opaque}\"");
        }
        header
    }
}

/// Splits `a=b, c="d, e"`.
fn parameters(text: &str) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    let (mut part, mut quoted) = (String::new(), false);
    for c in text.chars().chain([',']) {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => {
                if let Some((name, value)) = part.split_once('=') {
                    fields.push((name.trim().to_owned(), value.trim().to_owned()));
                }
                part.clear();
            }
            c => part.push(c),
        }
    }
    fields
}

/// Random bytes.
#[must_use]
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // Without random numbers nonces repeat, which a device may refuse: its answer tells.
    let _ = getrandom::fill(&mut bytes);
    bytes
}

/// A name for a message: `urn:uuid:` and random digits.
#[must_use]
pub fn message_id() -> String {
    let h = hex::encode(random::<16>());
    format!(
        "urn:uuid:{}-{}-4{}-a{}-{}",
        &h[..8],
        &h[8..12],
        &h[13..16],
        &h[17..20],
        &h[20..]
    )
}

/// What is left out of, or wrong in, a UsernameToken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flaw {
    /// Nothing.
    #[default]
    None,
    /// No `Nonce`.
    NoNonce,
    /// No `Created`.
    NoCreated,
    /// The password in the clear.
    PlainText,
    /// The digest of another password.
    WrongDigest,
}

/// A `wsse:Security` header (WS-UsernameToken profile 1.0); `created` is the device's time.
#[must_use]
pub fn username_token(who: &Credentials, created: &str, flaw: Flaw) -> String {
    let nonce = random::<16>();
    let mut hash = Sha1::new();
    hash.update(nonce);
    hash.update(created);
    hash.update(&who.password);
    if flaw == Flaw::WrongDigest {
        hash.update("x");
    }
    let (kind, password) = match flaw {
        Flaw::PlainText => ("PasswordText", escape(&who.password)),
        _ => ("PasswordDigest", STANDARD.encode(hash.finalize())),
    };
    let nonce = match flaw {
        Flaw::NoNonce => String::new(),
        _ => format!(
            "<wsse:Nonce EncodingType=\"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary\">{}</wsse:Nonce>",
            STANDARD.encode(nonce)
        ),
    };
    let created = match flaw {
        Flaw::NoCreated => String::new(),
        _ => format!("<wsu:Created>{created}</wsu:Created>"),
    };
    format!(
        "<wsse:Security xmlns:wsse=\"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd\" \
         xmlns:wsu=\"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd\">\
         <wsse:UsernameToken><wsse:Username>{}</wsse:Username>\
         <wsse:Password Type=\"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#{kind}\">{password}</wsse:Password>\
         {nonce}{created}</wsse:UsernameToken></wsse:Security>",
        escape(&who.user)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 2617 §3.5 without qop: MD5 of known parts.
    #[test]
    fn a_digest_without_qop_is_reproducible() {
        let challenge = Challenge::parse("Digest realm=\"testrealm@host.com\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", opaque=\"5ccc\"").unwrap();
        let who = Credentials::new("Mufasa", "Circle Of Life");
        let header = challenge.answer(&who, "GET", "/dir/index.html", 1);
        assert!(
            header.contains("response=\"670fd8c2df070c60b045671b8b24ff02\""),
            "{header}"
        );
        assert!(header.ends_with("opaque=\"5ccc\""), "{header}");
    }

    #[test]
    fn challenges_strict_and_refused() {
        let c = Challenge::parse(
            "digest realm=\"a, b\", qop=\"auth,auth-int\", nonce=n, algorithm=SHA-256, stale=TRUE",
        )
        .unwrap();
        assert_eq!((c.realm.as_str(), c.auth, c.stale), ("a, b", true, true));
        assert_eq!(c.algorithm, Algorithm::Sha256);
        for bad in [
            "Basic realm=\"x\"",
            "Digest realm=\"x\"",
            "Digest nonce=x, realm=y, algorithm=SHA-512-256",
        ] {
            assert_eq!(Challenge::parse(bad), None, "{bad}");
        }
    }
}
