//! Names of the contract as names of Rust.

/// Spellings that the rules below would tear apart.
const WORDS: &[(&str, &str)] = &[
    ("IPv4", "Ipv4"),
    ("IPv6", "Ipv6"),
    ("UPnP", "Upnp"),
    ("URIs", "Uris"),
    ("OSDs", "Osds"),
    ("CRLs", "Crls"),
    ("QoS", "Qos"),
    ("SDcard", "Sdcard"),
    ("WebRTC", "Webrtc"),
    ("RTSPS", "Rtsps"),
];

/// Name of a type: the contract's own, without punctuation, first letter upper case.
#[must_use]
pub fn type_name(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for word in name.split(|c: char| !c.is_alphanumeric()) {
        push_capitalised(&mut out, word);
    }
    if out.starts_with(|c: char| c.is_ascii_digit()) {
        out.insert(0, 'V');
    }
    if PRELUDE.contains(&out.as_str()) {
        out.push_str("Type");
    }
    out
}

/// Names that the generated source uses for Rust's own types.
const PRELUDE: &[&str] = &[
    "Box",
    "Clone",
    "Debug",
    "Default",
    "Err",
    "From",
    "None",
    "Ns",
    "Ok",
    "Option",
    "PartialEq",
    "Result",
    "Self",
    "Some",
    "String",
    "Vec",
];

/// Name of an enumeration's variant.
#[must_use]
pub fn variant_name(text: &str) -> String {
    let mut out = String::new();
    for word in text.split(|c: char| !c.is_alphanumeric()) {
        let shouted = word.len() > 1 && !word.chars().any(char::is_lowercase);
        let word = if shouted {
            word.to_ascii_lowercase()
        } else {
            word.to_owned()
        };
        push_capitalised(&mut out, &word);
    }
    match out.chars().next() {
        None => "Empty".to_owned(),
        Some(c) if c.is_ascii_digit() => format!("V{out}"),
        // `Other` is the variant for unknown texts.
        _ if out == "Other" => "OtherListed".to_owned(),
        _ => out,
    }
}

/// Name of a field, method or module.
#[must_use]
pub fn snake(name: &str) -> String {
    let mut name = name.to_owned();
    for (from, to) in WORDS {
        name = name.replace(from, to);
    }
    let chars: Vec<char> = name.chars().collect();
    let mut out = String::with_capacity(name.len() + 4);
    for (i, &c) in chars.iter().enumerate() {
        if !c.is_alphanumeric() {
            out.push('_');
            continue;
        }
        let next_lower = chars.get(i + 1).is_some_and(|n| n.is_lowercase());
        let starts_word = i > 0
            && c.is_uppercase()
            && match chars[i - 1] {
                p if p.is_lowercase() => true,
                p if p.is_uppercase() || p.is_ascii_digit() => next_lower,
                _ => false,
            };
        if starts_word {
            out.push('_');
        }
        out.extend(c.to_lowercase());
    }
    match out.as_str() {
        "self" | "super" | "crate" => out + "_",
        "as" | "async" | "await" | "break" | "const" | "continue" | "dyn" | "else" | "enum"
        | "extern" | "false" | "fn" | "for" | "if" | "impl" | "in" | "let" | "loop" | "match"
        | "mod" | "move" | "mut" | "pub" | "ref" | "return" | "static" | "struct" | "trait"
        | "true" | "type" | "unsafe" | "use" | "where" | "while" | "abstract" | "become"
        | "box" | "do" | "final" | "gen" | "macro" | "override" | "priv" | "try" | "typeof"
        | "unsized" | "virtual" | "yield" => format!("r#{out}"),
        _ => out,
    }
}

fn push_capitalised(out: &mut String, word: &str) {
    let mut chars = word.chars();
    if let Some(first) = chars.next() {
        out.extend(first.to_uppercase());
        out.push_str(chars.as_str());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_well() {
        for (name, expect) in [
            ("GetServices", "get_services"),
            ("IPv4Address", "ipv4_address"),
            ("SetIPAddressFilter", "set_ip_address_filter"),
            ("Dot1XConfiguration", "dot1x_configuration"),
            ("GetOSDs", "get_osds"),
            ("H264", "h264"),
            ("UseCount", "use_count"),
            ("DHCP", "dhcp"),
            ("type", "r#type"),
            ("X509v3Extension", "x509v3_extension"),
            ("EAP-TLS_Options", "eap_tls_options"),
        ] {
            assert_eq!(snake(name), expect);
        }
        for (text, expect) in [
            ("IDLE", "Idle"),
            ("Code-25-Interleaved", "Code25Interleaved"),
            ("H264", "H264"),
            ("802.11", "V80211"),
            ("", "Empty"),
            ("Other", "OtherListed"),
            ("NTP", "Ntp"),
        ] {
            assert_eq!(variant_name(text), expect);
        }
        assert_eq!(type_name("userMode-x"), "UserModeX");
    }
}
