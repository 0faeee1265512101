//! Faults of the security configuration service (Security Service §5.2, §5.3): each refusal of the store has a
//! subcode of its own.

use onvif_xml::soap::Fault;
use platecam_model::Error;

use crate::fault;

/// What the store refused, as a fault.
pub(super) fn of(error: Error) -> Fault {
    let text = error.to_string();
    let sender = |subcode| Fault::sender(&["InvalidArgVal", subcode], text.clone());
    let receiver = |subcode| Fault::receiver(&["Action", subcode], text.clone());
    match &error {
        Error::Invalid(violations) => {
            let pointer = violations.0.first().map_or("", |v| v.pointer.as_str());
            match subcode(pointer) {
                Some(subcode) => sender(subcode),
                None => fault::of(error),
            }
        }
        Error::NotFound { what, .. } => match *what {
            "key" => sender("KeyID"),
            "certificate" => sender("CertificateID"),
            "certification path" => sender("CertificationPathID"),
            "old certification path" => sender("OldCertificationPathID"),
            "passphrase" => sender("PassphraseID"),
            "validation policy" => sender("CertPathValidationPolicyID"),
            "old validation policy" => sender("OldCertPathValidationPolicyID"),
            "revocation list" => sender("CRLID"),
            _ => fault::of(error),
        },
        Error::Conflict(_) => sender("ReferenceExists"),
        Error::Exhausted { what, .. } => match *what {
            "keys" => receiver("MaximumNumberOfKeysReached"),
            "certificates" => receiver("MaximumNumberOfCertificatesReached"),
            "certification paths" => receiver("MaximumNumberOfCertificationPathsReached"),
            "passphrases" => receiver("MaximumNumberOfPassphrasesReached"),
            "validation policies" => receiver("MaximumNumberOfCertPathValidationPoliciesReached"),
            "revocation lists" => receiver("MaximumNumberOfCRLsReached"),
            "assigned validation policies" => {
                receiver("MaximumNumberOfTLSCertPathValidationPoliciesReached")
            }
            "assigned certification paths" => {
                receiver("MaximumNumberOfTLSCertificationPathsReached")
            }
            _ => fault::of(error),
        },
        Error::Malformed { .. }
        | Error::Unauthenticated
        | Error::SecondFactor
        | Error::PasswordExpired
        | Error::Locked { .. }
        | Error::Forbidden(_)
        | Error::NotInRole { .. }
        | Error::NotInitialised
        | Error::Unsupported(_)
        | Error::Internal { .. } => fault::of(error),
    }
}

fn subcode(pointer: &str) -> Option<&'static str> {
    Some(match pointer {
        "/key_length" => "KeyLength",
        "/elliptic_curve" => "UnsupportedEllipticCurve",
        "/signature_algorithm" => "UnsupportedSignatureAlgorithm",
        "/key_algorithm" => "KeySignatureAlgorithmMismatch",
        "/key_status" => "InvalidKeyStatus",
        "/private_key" => "NoPrivateKey",
        "/subject" => "InvalidSubject",
        "/attribute" => "InvalidAttribute",
        "/validity" => "InvalidDateTime",
        "/certificate" => "BadCertificate",
        "/duplicate" => "Duplicate",
        "/public_key" => "UnsupportedPublicKeyAlgorithm",
        "/pkcs8" => "BadPKCS8File",
        "/pkcs12" => "BadPKCS12File",
        "/password" => "DecryptionFailed",
        "/key" => "PublicPrivateKeyMismatch",
        "/path" => "InvalidCertificationPath",
        "/anchors" | "/parameters" => "CertPathValidationParameters",
        "/crl" => "BadCRL",
        "/passphrase" => "BadPassphrase",
        _ => return None,
    })
}

/// Whether the store misses a private key.
pub(super) fn no_private_key(error: &Error) -> bool {
    matches!(error, Error::Invalid(v) if v.0.iter().any(|v| v.pointer == "/private_key"))
}

#[cfg(test)]
mod tests {
    use platecam_model::Permission;

    use super::*;

    fn told(error: Error) -> String {
        let fault = of(error);
        let all: Vec<_> = fault
            .subcodes
            .iter()
            .map(|s| s.local().to_owned())
            .collect();
        format!("{:?}/{}", fault.code, all.join("/"))
    }

    #[test]
    fn every_refusal_has_its_subcode() {
        for (pointer, want) in [
            ("/key_length", "Sender/InvalidArgVal/KeyLength"),
            ("/key_status", "Sender/InvalidArgVal/InvalidKeyStatus"),
            ("/certificate", "Sender/InvalidArgVal/BadCertificate"),
            ("/password", "Sender/InvalidArgVal/DecryptionFailed"),
            ("/pkcs12", "Sender/InvalidArgVal/BadPKCS12File"),
            ("/crl", "Sender/InvalidArgVal/BadCRL"),
            ("/alias", "Sender/InvalidArgVal"),
        ] {
            assert_eq!(told(Error::invalid(pointer, "", "x")), want, "{pointer}");
        }
        for (what, want) in [
            ("key", "Sender/InvalidArgVal/KeyID"),
            ("certificate", "Sender/InvalidArgVal/CertificateID"),
            (
                "certification path",
                "Sender/InvalidArgVal/CertificationPathID",
            ),
            (
                "old certification path",
                "Sender/InvalidArgVal/OldCertificationPathID",
            ),
            ("passphrase", "Sender/InvalidArgVal/PassphraseID"),
            (
                "validation policy",
                "Sender/InvalidArgVal/CertPathValidationPolicyID",
            ),
            ("revocation list", "Sender/InvalidArgVal/CRLID"),
        ] {
            assert_eq!(told(Error::not_found(what, "x")), want);
        }
        let conflict = told(Error::Conflict("x".into()));
        assert_eq!(conflict, "Sender/InvalidArgVal/ReferenceExists");
        let full = |what| told(Error::Exhausted { what, limit: 1 });
        assert_eq!(full("keys"), "Receiver/Action/MaximumNumberOfKeysReached");
        assert_eq!(
            full("assigned certification paths"),
            "Receiver/Action/MaximumNumberOfTLSCertificationPathsReached"
        );
        let forbidden = told(Error::Forbidden(Permission::SecurityConfig));
        assert_eq!(forbidden, "Sender/NotAuthorized");
    }
}
