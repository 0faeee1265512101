//! What the service can do. Only what is there is announced.

use onvif_contracts::tas;
use onvif_xml::{Duration, List};
use platecam_model::ports::{
    MAX_CERTIFICATES, MAX_CRLS, MAX_KEYS, MAX_PASSPHRASES, MAX_PATHS, MAX_POLICIES, NewKey,
    SignatureAlgorithm,
};

use super::{dot1x, signing};
use crate::call::Call;

/// TLS versions that can be enabled, by the name of their setting.
pub(super) const TLS_VERSIONS: [(&str, &str); 2] = [("1.2", "tls12"), ("1.3", "tls13")];

fn words(words: &[&str]) -> Option<List<String>> {
    Some(List(words.iter().map(|w| (*w).to_owned()).collect()))
}

/// Capabilities of the service.
pub(crate) fn all(call: &Call<'_>) -> tas::Capabilities {
    tas::Capabilities {
        keystore_capabilities: keystore(),
        tls_server_capabilities: tas::TLSServerCapabilities {
            tls_server_supported: words(&TLS_VERSIONS.map(|(version, _)| version)),
            enabled_versions_supported: Some(true),
            maximum_number_of_tls_certification_paths: Some(1),
            // The next connection has it.
            setup_duration: Some(Duration::from_secs(1)),
            tls_client_auth_supported: Some(true),
            cn_maps_to_user_supported: Some(false),
            maximum_number_of_tls_certification_path_validation_policies: Some(1),
            ..Default::default()
        },
        dot1x_capabilities: dot1x::capabilities(call),
        authorization_server: None,
        media_signing: signing::capabilities(call),
    }
}

fn keystore() -> tas::KeystoreCapabilities {
    let count = |n: usize| u64::try_from(n).ok();
    let algorithm = |(oid, _): (&str, SignatureAlgorithm)| tas::AlgorithmIdentifier {
        algorithm: oid.to_owned(),
        ..Default::default()
    };
    tas::KeystoreCapabilities {
        signature_algorithms: SignatureAlgorithm::ALL.map(algorithm).to_vec(),
        maximum_number_of_keys: count(MAX_KEYS),
        maximum_number_of_certificates: count(MAX_CERTIFICATES),
        maximum_number_of_certification_paths: count(MAX_PATHS),
        set_cert_path: Some(true),
        rsa_key_pair_generation: Some(true),
        ecc_key_pair_generation: Some(true),
        key_pair_generation: words(&["RSA", "ECC"]),
        rsa_key_lengths: Some(List(NewKey::RSA_LENGTHS.map(u64::from).to_vec())),
        elliptic_curves: words(&NewKey::CURVES.map(|(name, _)| name)),
        pkcs10_external_certification_with_rsa: Some(true),
        pkcs10: Some(true),
        self_signed_certificate_creation_with_rsa: Some(true),
        self_signed_certificate_creation: Some(true),
        x509_versions: Some(List(vec![3])),
        maximum_number_of_passphrases: count(MAX_PASSPHRASES),
        pkcs8rsa_key_pair_upload: Some(true),
        pkcs8: Some(true),
        pkcs12_certificate_with_rsa_private_key_upload: Some(true),
        pkcs12: Some(true),
        password_based_encryption_algorithms: words(&["pbeWithSHAAnd3-KeyTripleDES-CBC", "pbes2"]),
        password_based_mac_algorithms: words(&["hmacWithSHA1", "hmacWithSHA256"]),
        maximum_number_of_crls: count(MAX_CRLS),
        maximum_number_of_certification_path_validation_policies: count(MAX_POLICIES),
        enforce_tls_web_client_auth_ext_key_usage: Some(true),
        no_private_key_sharing: Some(false),
        ..Default::default()
    }
}
