//! The words of dyndns2, the update API that DynDNS published, and of pages that tell an address. Pure.

use std::net::IpAddr;

/// Longest answer that is kept for people, characters.
const MAX_SHOWN: usize = 200;

/// What an answer to an update means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The name points to the address now.
    Taken,
    /// It did already.
    Same,
    /// The account, the name or this program is refused: asking again is abuse.
    Refused(&'static str),
    /// The server has a fault of its own and wants half an hour of silence.
    Busy(&'static str),
    /// No answer of the protocol.
    Strange,
}

/// Reads an answer with its HTTP status; only the first word counts.
pub(super) fn verdict(status: u16, body: &str) -> Verdict {
    match status {
        200 => {}
        401 | 403 => return Verdict::Refused("user name or password are wrong"),
        429 => return Verdict::Busy("too many updates"),
        _ => return Verdict::Strange,
    }
    let word = body.split_whitespace().next().unwrap_or_default();
    match word {
        "good" => Verdict::Taken,
        "nochg" => Verdict::Same,
        "badauth" => Verdict::Refused("user name or password are wrong"),
        "abuse" => Verdict::Refused("the name is blocked for too many updates"),
        "!donator" => Verdict::Refused("the account does not have this function"),
        "!yours" | "!active" => Verdict::Refused("the name belongs to another account"),
        "nohost" => Verdict::Refused("the name is not known there"),
        "notfqdn" => Verdict::Refused("the name is not whole"),
        "numhost" => Verdict::Refused("too many names at once"),
        "badagent" => Verdict::Refused("this program is not admitted"),
        "911" => Verdict::Busy("the server has a fault"),
        "dnserr" => Verdict::Busy("the server's DNS has a fault"),
        _ => Verdict::Strange,
    }
}

/// The first line of an answer as it can be shown.
pub(super) fn shown(body: &str) -> String {
    let line = body.trim().lines().next().unwrap_or_default().trim();
    line.chars()
        .filter(|c| !c.is_control())
        .take(MAX_SHOWN)
        .collect()
}

/// The first address in a page, such as `Current IP Address: 192.0.2.1` within HTML.
pub(super) fn address_in(page: &str) -> Option<IpAddr> {
    page.split(|c: char| !(c.is_ascii_hexdigit() || c == '.' || c == ':'))
        .filter_map(|word| word.trim_matches('.').parse().ok())
        // An IPv4 address in the dress of IPv6 is one of IPv4.
        .map(|address: IpAddr| address.to_canonical())
        .find(|address| is_publishable(*address))
}

/// Whether a name may point there: one station, and not only on its own machine or cable.
pub(super) fn is_publishable(address: IpAddr) -> bool {
    let address = address.to_canonical();
    let link = match address {
        IpAddr::V4(v4) => v4.is_link_local() || v4.is_broadcast() || v4.octets()[0] == 0,
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    };
    !link && !address.is_loopback() && !address.is_unspecified() && !address.is_multicast()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn answers_mean_what_the_protocol_says() {
        for (status, body, meant) in [
            (200, "good 192.0.2.1\r\n", Verdict::Taken),
            (200, "nochg", Verdict::Same),
            (200, "nochg 192.0.2.1", Verdict::Same),
            (200, "911", Verdict::Busy("the server has a fault")),
            (200, "dnserr", Verdict::Busy("the server's DNS has a fault")),
            (429, "good", Verdict::Busy("too many updates")),
            (500, "good", Verdict::Strange),
            (302, "", Verdict::Strange),
            (200, "<html>good", Verdict::Strange),
            (200, "", Verdict::Strange),
        ] {
            assert_eq!(verdict(status, body), meant, "{status} {body}");
        }
        for (status, refused) in [
            (200, "badauth"),
            (200, "abuse"),
            (200, "!donator"),
            (200, "nohost"),
            (200, "notfqdn"),
            (200, "numhost"),
            (200, "badagent"),
            (200, "!yours"),
            (401, ""),
            (403, "x"),
        ] {
            assert!(
                matches!(verdict(status, refused), Verdict::Refused(_)),
                "{refused}"
            );
        }
    }

    #[test]
    fn addresses_are_found_in_pages() {
        for (page, found) in [
            ("192.0.2.7", Some("192.0.2.7")),
            (
                "<html><body>Current IP Address: 192.0.2.7</body></html>",
                Some("192.0.2.7"),
            ),
            ("2001:db8::7\n", Some("2001:db8::7")),
            ("You are 127.0.0.1, seen as 192.0.2.8.", Some("192.0.2.8")),
            ("fe80::1", None),
            ("0.0.0.0 255.255.255.255 224.0.0.1 169.254.1.1 ::1", None),
            ("::ffff:192.0.2.9", Some("192.0.2.9")),
            ("::ffff:127.0.0.1", None),
            ("192.0.2", None),
            ("12:30", None),
            ("", None),
        ] {
            let found = found.map(|a| a.parse::<IpAddr>().unwrap());
            assert_eq!(address_in(page), found, "{page}");
        }
    }

    proptest! {
        /// Whatever a hostile server says is read or refused.
        #[test]
        fn any_answer_is_read(status in any::<u16>(), body in ".{0,300}") {
            verdict(status, &body);
            prop_assert!(shown(&body).chars().count() <= MAX_SHOWN);
            if let Some(address) = address_in(&body) {
                prop_assert!(is_publishable(address));
            }
        }
    }
}
