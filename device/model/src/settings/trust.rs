//! Certificates that a section trusts: pasted PEM, the same rules wherever they stand.

use x509_parser::pem::Pem;

use crate::{Violation, Violations};

/// Longest text, bytes.
pub(super) const MAX_PEM: usize = 16_384;

/// Notes a text that is neither empty nor readable PEM certificates, at the field `/ca_certificate`.
pub(super) fn check_ca(text: &str, violations: &mut Violations) {
    check_pem("/ca_certificate", text, violations);
}

/// The same at a field of another name.
pub(super) fn check_pem(pointer: &str, text: &str, violations: &mut Violations) {
    let text = text.trim();
    let reason = if text.len() > MAX_PEM {
        format!("has {} bytes; at most {MAX_PEM}", text.len())
    } else if let Err(why) = certificates(text) {
        format!("is no PEM certificate: {why}")
    } else {
        return;
    };
    violations.0.push(Violation::new(pointer, "", reason));
}

/// Whether all of the text is certificates; words before and between them are comments, as in files of `openssl`.
fn certificates(text: &str) -> Result<(), String> {
    let mut found = 0;
    for block in Pem::iter_from_buffer(text.as_bytes()) {
        let block = block.map_err(|e| e.to_string())?;
        if block.label != "CERTIFICATE" {
            return Err(format!("it holds '{}'", block.label));
        }
        block.parse_x509().map_err(|e| e.to_string())?;
        found += 1;
    }
    match found {
        0 if !text.is_empty() => Err("it holds none".into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A certificate of nobody's.
    pub(crate) const CA: &str = "\
-----BEGIN CERTIFICATE-----
MIIBaTCCAQ6gAwIBAgIBATAKBggqhkjOPQQDAjASMRAwDgYDVQQDDAdUZXN0IENB
MCAXDTI2MTEyNzE0NTE1NFoYDzIxMjYxMTAzMTQ1MTU0WjASMRAwDgYDVQQDDAdU
ZXN0IENBMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAELzmlEAIjmB0hG5IsVI/2
6ZuRZMPk8iP4e1b4RoEYXz5fBTttucn3TyKWYhBnb7+Nt/06414LQgPLBp3WGfwN
TqNTMFEwHQYDVR0OBBYEFEj192bSWKBmJanBREuZ0xpklp+IMB8GA1UdIwQYMBaA
FEj192bSWKBmJanBREuZ0xpklp+IMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0E
AwIDSQAwRgIhAKvPN/HV8sU0X9GkhJCeBjcBGTXZ8sw8+/A1vqzm2ttpAiEA37uk
TUq6tW6aFhVcJ34Q3UHPmA99XDrnQj8NtAzvWrM=
-----END CERTIFICATE-----
";

    #[test]
    fn certificates_are_read_not_only_their_frames() {
        let two = CA.repeat(2);
        let key = CA.replace("CERTIFICATE", "PRIVATE KEY");
        let cut = CA.replace("MIIB", "MIIC");
        let long = format!("{}{CA}", "# words\n".repeat(2048));
        for (text, reason) in [
            ("", None),
            (CA, None),
            (two.as_str(), None),
            ("words", Some("it holds none")),
            (
                "-----BEGIN CERTIFICATE-----\nrubbish\n-----END CERTIFICATE-----",
                Some("is no PEM certificate: "),
            ),
            (
                "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
                Some("is no PEM certificate: "),
            ),
            (cut.as_str(), Some("is no PEM certificate: ")),
            (key.as_str(), Some("it holds 'PRIVATE KEY'")),
            (long.as_str(), Some("at most 16384")),
        ] {
            let mut found = Violations::default();
            check_ca(text, &mut found);
            let told = found.0.first().map(|v| v.reason.as_str());
            match (told, reason) {
                (None, None) => {}
                (Some(told), Some(reason)) => assert!(told.contains(reason), "{text}: {told}"),
                _ => panic!("{text}: {told:?}"),
            }
        }
    }
}
