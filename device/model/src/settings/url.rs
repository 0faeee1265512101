//! Web addresses within settings.

use super::time::host_name;
use crate::{Violation, Violations};

/// Longest web address, bytes.
const MAX: usize = 255;

/// Requires that `text` is empty or passes [`check`]. What may hold a password is not told again.
pub(super) fn require(pointer: &str, text: &str, violations: &mut Violations) {
    if !text.is_empty()
        && let Err(reason) = check(text)
    {
        let shown = if text.contains('@') { "" } else { text };
        violations.0.push(Violation::new(pointer, shown, reason));
    }
}

/// Whether `text` is `http://` or `https://` with a host, perhaps a port and a path; the reason when it is not.
pub(super) fn check(text: &str) -> Result<(), &'static str> {
    let rest = ["https://", "http://"]
        .into_iter()
        .find_map(|scheme| text.strip_prefix(scheme));
    let Some(rest) = rest.filter(|_| text.len() <= MAX) else {
        return Err("must begin with https:// or http:// and have at most 255 bytes");
    };
    let (authority, path) = match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    if authority.contains('@') {
        return Err("must hold no user name and password");
    }
    let (host, port) = match authority.strip_prefix('[').and_then(|a| a.split_once(']')) {
        Some((host, port)) if host.parse::<std::net::Ipv6Addr>().is_ok() => (host, port),
        Some(_) => return Err("has a host that is none"),
        None => match authority.find(':') {
            Some(at) => authority.split_at(at),
            None => (authority, ""),
        },
    };
    if host.is_empty() || !host_name(host) {
        return Err("has a host that is none");
    }
    let number = |p: &str| p.parse::<u16>().is_ok_and(|n| n > 0);
    if !port.is_empty() && !port.strip_prefix(':').is_some_and(number) {
        return Err("has a port that is none; allowed are 1 to 65535");
    }
    let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '<' | '>' | '\\' | '#');
    if !path.chars().all(plain) {
        return Err("has a character in its path that must be written as %XX");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_schemes_hosts_ports_and_paths() {
        for good in [
            "https://example.org",
            "http://192.0.2.1:8080/a?b=c&d=%20",
            "https://[2001:db8::1]/",
            "https://[2001:db8::1]:1",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        let long = format!("https://example.org/{}", "x".repeat(MAX));
        for bad in [
            "",
            "example.org",
            "ftp://example.org",
            "https://",
            "https://:80",
            "https://u:p@example.org/",
            "https://a b/",
            "https://[::1",
            "https://[x]/",
            "https://x:0/",
            "https://x:y",
            "https://x:",
            "https://x/\"",
            "https://x/a b",
            "https://x/#y",
            &long,
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_refusal_shows_the_address_but_no_password() {
        let shown = |text: &str| {
            let mut violations = Violations::default();
            require("/url", text, &mut violations);
            violations.0.into_iter().map(|v| (v.value, v.reason)).next()
        };
        assert_eq!(shown(""), None);
        assert_eq!(shown("https://example.org/list.json"), None);
        let (value, _) = shown("ftp://example.org").unwrap();
        assert_eq!(value, "ftp://example.org");
        let (value, reason) = shown("https://me:secret@example.org/").unwrap();
        assert_eq!(
            (value.as_str(), reason.as_str()),
            ("", "must hold no user name and password")
        );
    }
}
