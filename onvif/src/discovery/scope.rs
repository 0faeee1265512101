//! Matching rules for scopes (WS-Discovery §5.1, Core §9.3.3).

use url::Url;

/// RFC 3986 matching: same scheme and authority whatever their case, and the probe's path is a prefix
/// of ours by whole segments. Query and fragment do not count.
pub fn matches_rfc3986(ours: &str, probed: &str) -> bool {
    if ours == probed {
        return true;
    }
    let (Ok(ours), Ok(probed)) = (Url::parse(ours), Url::parse(probed)) else {
        return false;
    };
    // "." and ".." are resolved by the parser, as the rule wants.
    let same_host = ours.scheme() == probed.scheme()
        && ours.port_or_known_default() == probed.port_or_known_default()
        && match (ours.host_str(), probed.host_str()) {
            (Some(a), Some(b)) => a.eq_ignore_ascii_case(b),
            (a, b) => a == b,
        };
    let segments = |u: &Url| -> Vec<String> {
        u.path()
            .split('/')
            .filter(|s| !s.is_empty())
            .map(str::to_owned)
            .collect()
    };
    same_host && segments(&ours).starts_with(&segments(&probed))
}

/// Equal strings.
pub fn matches_strcmp0(ours: &str, probed: &str) -> bool {
    ours == probed
}

#[cfg(test)]
mod tests {
    use super::*;

    /// WS-Discovery §5.1 and Core §9.3.3: `hardware/D1` does not match `hardware/D1-566`.
    #[test]
    fn prefixes_count_by_segment() {
        let ours = "onvif://www.onvif.org/hardware/D1-566";
        for (probed, matches) in [
            ("onvif://www.onvif.org/hardware/D1-566", true),
            ("onvif://www.onvif.org/hardware", true),
            ("onvif://www.onvif.org/hardware/", true),
            ("onvif://www.onvif.org", true),
            ("onvif://www.onvif.org/", true),
            ("ONVIF://WWW.ONVIF.ORG/hardware", true),
            ("onvif://www.onvif.org/hardware/./D1-566", true),
            ("onvif://www.onvif.org/hardware/D1", false),
            ("onvif://www.onvif.org/Hardware", false),
            ("onvif://www.onvif.org/hardware/D1-566/x", false),
            ("onvif://www.onvif.com/hardware", false),
            ("http://www.onvif.org/hardware", false),
            ("hardware", false),
            ("", false),
        ] {
            assert_eq!(matches_rfc3986(ours, probed), matches, "{probed}");
        }
        assert!(matches_strcmp0(ours, ours));
        assert!(!matches_strcmp0(ours, "onvif://www.onvif.org"));
    }
}
