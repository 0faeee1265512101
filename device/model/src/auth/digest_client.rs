//! The other side of HTTP Digest (RFC 7616): the unit proves itself to somebody else's server.

use super::digest::{Algorithm, parameters};
use crate::Secret;

/// Challenges that are looked at.
const MAX_CHALLENGES: usize = 8;
/// Longest challenge, bytes.
const MAX_CHALLENGE: usize = 4096;

/// What a proof is made for.
#[derive(Clone, Copy, Debug)]
pub struct ProofFor<'a> {
    /// The request's method.
    pub method: &'a str,
    /// Path and query of its target.
    pub uri: &'a str,
    /// A fresh random text of letters and digits.
    pub cnonce: &'a str,
}

/// The value of `Authorization` that answers the strongest of these `WWW-Authenticate` values.
///
/// `None` when none is a readable Digest challenge that is understood: MD5 or SHA-256, with the protection `auth` or
/// without one. Nothing else is answered; a password is never sent.
#[must_use]
pub fn answer_challenge(
    challenges: &[&str],
    user: &str,
    password: &Secret,
    what: ProofFor<'_>,
) -> Option<String> {
    let read = challenges.iter().take(MAX_CHALLENGES);
    let best = read.filter_map(|c| Challenge::parse(c)).max_by_key(|c| {
        // The first of two that are as strong.
        u8::from(c.algorithm == Algorithm::Sha256)
    })?;
    if [user, what.uri]
        .iter()
        .any(|t| t.chars().any(char::is_control))
    {
        return None;
    }
    let Challenge {
        realm,
        nonce,
        opaque,
        algorithm,
        named,
        auth,
    } = best;
    let ha1 = algorithm.hash(&[user, &realm, password.expose()]);
    let ha2 = algorithm.hash(&[what.method, what.uri]);
    const COUNT: &str = "00000001";
    let response = if auth {
        algorithm.hash(&[&ha1, &nonce, COUNT, what.cnonce, "auth", &ha2])
    } else {
        algorithm.hash(&[&ha1, &nonce, &ha2])
    };
    let mut header = format!(
        r#"Digest username="{}", realm="{}", nonce="{}", uri="{}", response="{response}""#,
        quoted(user),
        quoted(&realm),
        quoted(&nonce),
        quoted(what.uri),
    );
    if named {
        header += &format!(", algorithm={}", algorithm.name());
    }
    if auth {
        header += &format!(r#", qop=auth, nc={COUNT}, cnonce="{}""#, what.cnonce);
    }
    if let Some(opaque) = opaque {
        header += &format!(r#", opaque="{}""#, quoted(&opaque));
    }
    Some(header)
}

/// One challenge that is understood.
struct Challenge {
    realm: String,
    nonce: String,
    opaque: Option<String>,
    algorithm: Algorithm,
    /// The challenge named its algorithm.
    named: bool,
    /// Protection `auth`; otherwise that of RFC 2069.
    auth: bool,
}

impl Challenge {
    fn parse(header: &str) -> Option<Self> {
        if header.len() > MAX_CHALLENGE || header.chars().any(char::is_control) {
            return None;
        }
        let (scheme, rest) = header.trim().split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("digest") {
            return None;
        }
        let mut p = parameters(rest)?;
        let algorithm = p.remove("algorithm").map(|a| a.to_ascii_uppercase());
        let named = algorithm.is_some();
        let algorithm = match algorithm.as_deref() {
            None | Some("MD5") => Algorithm::Md5,
            Some("SHA-256") => Algorithm::Sha256,
            Some(_) => return None,
        };
        let auth = match p.remove("qop") {
            None => false,
            Some(offered) => {
                let mut offered = offered.split(',').map(str::trim);
                offered
                    .any(|q| q.eq_ignore_ascii_case("auth"))
                    .then_some(true)?
            }
        };
        Some(Self {
            realm: p.remove("realm")?,
            nonce: p.remove("nonce")?,
            opaque: p.remove("opaque"),
            algorithm,
            named,
            auth,
        })
    }
}

fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    const CNONCE: &str = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";

    fn answer(challenges: &[&str]) -> Option<String> {
        let what = ProofFor {
            method: "GET",
            uri: "/dir/index.html",
            cnonce: CNONCE,
        };
        let password = Secret::new("Circle of Life");
        answer_challenge(challenges, "Mufasa", &password, what)
    }

    const MD5: &str = r#"Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=MD5, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS""#;
    const SHA256: &str = r#"Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=SHA-256, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS""#;

    /// RFC 7616 §3.9.1: its example, with both algorithms.
    #[test]
    fn answers_are_those_of_the_standard() {
        let md5 = answer(&[MD5]).unwrap();
        assert!(
            md5.contains(r#"response="8ca523f5e9506fed4657c9700eebdbec""#),
            "{md5}"
        );
        let both = answer(&[MD5, SHA256]).unwrap();
        let wanted =
            r#"response="753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1""#;
        assert!(both.contains(wanted), "the stronger one: {both}");
        assert!(
            both.contains("algorithm=SHA-256") && both.contains("opaque=\"FQhe"),
            "{both}"
        );
    }

    /// Neither a password nor a proof that is not understood goes out.
    #[test]
    fn other_challenges_are_not_answered() {
        let long = format!("Digest realm=\"{}\", nonce=\"b\"", "x".repeat(4096));
        for challenge in [
            "",
            "Basic realm=\"a\"",
            "Digest realm=\"a\"",
            "Digest nonce=\"a\"",
            "Digest realm=\"a\", nonce=\"b\", algorithm=MD5-sess",
            "Digest realm=\"a\", nonce=\"b\", qop=\"auth-int\"",
            "Digest realm=\"a\", nonce=\"b",
            "Digest realm=\"a\rb\", nonce=\"b\"",
            &long,
        ] {
            assert_eq!(answer(&[challenge]), None, "{challenge}");
        }
    }

    /// The server's own words come back quoted, so that none of them ends its place.
    #[test]
    fn words_of_the_server_stay_where_they_belong() {
        let answer = answer(&[r#"Digest realm="a\", evil=\"b", nonce="n""#]).unwrap();
        assert!(
            answer.contains(r#"realm="a\", evil=\"b", nonce="n""#),
            "{answer}"
        );
    }
}
