//! Security configuration: ADVANCED_SECURITY-x. Needs no certificate authority of its own; what does is in `clients`.

use std::time::{Duration, Instant};

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::{
    case::{Case, Need, Outcome, Present, case},
    check,
    device::Device,
    fail, skip,
    xml::escape,
};

const TAS: Need = Need::Service("tas");
const KEYS: &[Need] = &[
    TAS,
    Need::Flag("tas", "KeystoreCapabilities@RSAKeyPairGeneration"),
];
const SELF_SIGNED: &[Need] = &[
    TAS,
    Need::Flag("tas", "KeystoreCapabilities@RSAKeyPairGeneration"),
    Need::Flag(
        "tas",
        "KeystoreCapabilities@SelfSignedCertificateCreationWithRSA",
    ),
];
const REQUESTS: &[Need] = &[
    TAS,
    Need::Flag("tas", "KeystoreCapabilities@RSAKeyPairGeneration"),
    Need::Flag(
        "tas",
        "KeystoreCapabilities@PKCS10ExternalCertificationWithRSA",
    ),
];
const PASSPHRASES: &[Need] = &[
    TAS,
    Need::AtLeast("tas", "KeystoreCapabilities@MaximumNumberOfPassphrases", 1),
];
const POLICIES: &[Need] = &[
    TAS,
    Need::Flag("tas", "KeystoreCapabilities@RSAKeyPairGeneration"),
    Need::Flag(
        "tas",
        "KeystoreCapabilities@SelfSignedCertificateCreationWithRSA",
    ),
    Need::AtLeast(
        "tas",
        "KeystoreCapabilities@MaximumNumberOfCertificationPathValidationPolicies",
        1,
    ),
];
const SUBJECT: &str = "<tas:Subject><tas:Country>US</tas:Country><tas:CommonName>ONVIF TT</tas:CommonName></tas:Subject>";
const REFERENCED: &str = "Sender/InvalidArgVal/ReferenceExists";
const NO_KEY: &str = "Sender/InvalidArgVal/KeyID";

/// The cases of this file.
pub(super) fn cases() -> Vec<Case> {
    vec![
        case(
            "ADVANCED_SECURITY-1-1-1",
            "CreateRSAKeyPair, its status becomes ok",
            "T",
            KEYS,
            |d| with_key(d, |_, _| Ok(())),
        )
        .within(180),
        case(
            "ADVANCED_SECURITY-1-1-3",
            "GetAllKeys: a created key has its private key",
            "T",
            KEYS,
            |d| {
                with_key(d, |d, key| {
                    let a = d.call("tas:GetAllKeys", "")?;
                    let found = a
                        .all("KeyAttribute")
                        .into_iter()
                        .find(|k| k.text_of("KeyID") == Some(key))
                        .present("the key")?;
                    check!(
                        found.text_of("hasPrivateKey") == Some("true"),
                        "hasPrivateKey is not true"
                    );
                    Ok(())
                })
            },
        )
        .within(180),
        case(
            "ADVANCED_SECURITY-1-1-4",
            "GetAllKeys before and after creation",
            "T",
            KEYS,
            |d| {
                let before = ids(d, "tas:GetAllKeys", "KeyAttribute/KeyID")?;
                let check_new = |d: &Device, key: &str| {
                    let after = ids(d, "tas:GetAllKeys", "KeyAttribute/KeyID")?;
                    check!(
                        after.len() == before.len() + 1 && after.contains(&key.to_owned()),
                        "{after:?} after {before:?} and {key}"
                    );
                    Ok(())
                };
                with_key(d, check_new)
            },
        )
        .within(180),
        case("ADVANCED_SECURITY-1-1-5", "DeleteKey", "T", KEYS, |d| {
            let before = ids(d, "tas:GetAllKeys", "KeyAttribute/KeyID")?;
            with_key(d, |_, _| Ok(()))?;
            let after = ids(d, "tas:GetAllKeys", "KeyAttribute/KeyID")?;
            check!(before == after, "{after:?} where {before:?} is due");
            Ok(())
        })
        .within(180),
        case(
            "X-KEY-UNKNOWN",
            "GetKeyStatus of a key that does not exist",
            "T",
            KEYS,
            |d| {
                d.refused(
                    "tas:GetKeyStatus",
                    "<tas:KeyID>conformance-unknown</tas:KeyID>",
                    NO_KEY,
                )
            },
        ),
        case(
            "X-KEY-DELETE",
            "DeleteKey of a key that does not exist",
            "T",
            KEYS,
            |d| {
                d.refused(
                    "tas:DeleteKey",
                    "<tas:KeyID>conformance-unknown</tas:KeyID>",
                    NO_KEY,
                )
            },
        ),
        case(
            "ADVANCED_SECURITY-2-1-1",
            "CreatePKCS10CSR",
            "T",
            REQUESTS,
            |d| {
                with_key(d, |d, key| {
                    let body = format!("{SUBJECT}<tas:KeyID>{key}</tas:KeyID>{}", algorithm());
                    let a = d.call("tas:CreatePKCS10CSR", &body)?;
                    let der = decoded(a.text_of("PKCS10CSR").present("PKCS10CSR")?)?;
                    check!(der.first() == Some(&0x30), "no DER sequence");
                    check!(contains(&der, b"ONVIF TT"), "another subject");
                    Ok(())
                })
            },
        )
        .within(180),
        case(
            "ADVANCED_SECURITY-2-1-2",
            "CreateSelfSignedCertificate",
            "T",
            SELF_SIGNED,
            |d| with_certificate(d, |_, _, _| Ok(())),
        )
        .within(180),
        case(
            "ADVANCED_SECURITY-2-1-6",
            "GetCertificate of a self-signed certificate",
            "T",
            SELF_SIGNED,
            |d| {
                with_certificate(d, |d, _, certificate| {
                    let a = d.call(
                        "tas:GetCertificate",
                        &format!("<tas:CertificateID>{certificate}</tas:CertificateID>"),
                    )?;
                    let der = decoded(
                        a.text_of("Certificate/CertificateContent")
                            .present("CertificateContent")?,
                    )?;
                    check!(der.first() == Some(&0x30), "no DER sequence");
                    check!(contains(&der, b"ONVIF TT"), "another subject");
                    Ok(())
                })
            },
        )
        .within(180),
        case(
            "ADVANCED_SECURITY-2-1-8",
            "GetAllCertificates before and after",
            "T",
            SELF_SIGNED,
            |d| {
                let path = "Certificate/CertificateID";
                let before = ids(d, "tas:GetAllCertificates", path)?;
                with_certificate(d, |d, _, certificate| {
                    let after = ids(d, "tas:GetAllCertificates", path)?;
                    check!(
                        after.len() == before.len() + 1 && after.contains(&certificate.to_owned()),
                        "{after:?} after {before:?} and {certificate}"
                    );
                    Ok(())
                })
            },
        )
        .within(180),
        case(
            "ADVANCED_SECURITY-2-1-10",
            "DeleteCertificate",
            "T",
            SELF_SIGNED,
            |d| {
                let path = "Certificate/CertificateID";
                let before = ids(d, "tas:GetAllCertificates", path)?;
                with_certificate(d, |_, _, _| Ok(()))?;
                check!(
                    before == ids(d, "tas:GetAllCertificates", path)?,
                    "another list than before"
                );
                Ok(())
            },
        )
        .within(180),
        case(
            "ADVANCED_SECURITY-2-1-12",
            "CreateCertificationPath",
            "T",
            SELF_SIGNED,
            |d| with_path(d, |_, _, _| Ok(())),
        )
        .within(180),
        case(
            "ADVANCED_SECURITY-2-1-14",
            "GetCertificationPath",
            "T",
            SELF_SIGNED,
            |d| {
                with_path(d, |d, certificate, path| {
                    let a = d.call(
                        "tas:GetCertificationPath",
                        &format!("<tas:CertificationPathID>{path}</tas:CertificationPathID>"),
                    )?;
                    let found = a.texts("CertificationPath/CertificateID");
                    check!(
                        found == [certificate],
                        "{found:?} where {certificate} is due"
                    );
                    Ok(())
                })
            },
        )
        .within(180),
        case(
            "ADVANCED_SECURITY-2-1-16",
            "GetAllCertificationPaths before and after",
            "T",
            SELF_SIGNED,
            |d| {
                let before = ids(d, "tas:GetAllCertificationPaths", "CertificationPathID")?;
                with_path(d, |d, _, path| {
                    let after = ids(d, "tas:GetAllCertificationPaths", "CertificationPathID")?;
                    check!(
                        after.len() == before.len() + 1 && after.contains(&path.to_owned()),
                        "{after:?} after {before:?} and {path}"
                    );
                    Ok(())
                })
            },
        )
        .within(180),
        case(
            "ADVANCED_SECURITY-2-1-22",
            "DeleteKey of a key with a certificate",
            "T",
            SELF_SIGNED,
            |d| {
                with_certificate(d, |d, key, _| {
                    d.refused(
                        "tas:DeleteKey",
                        &format!("<tas:KeyID>{key}</tas:KeyID>"),
                        REFERENCED,
                    )
                })
            },
        )
        .within(180),
        case(
            "ADVANCED_SECURITY-2-1-23",
            "UploadCertificate of what is none",
            "T",
            &[
                TAS,
                Need::AtLeast("tas", "KeystoreCapabilities@MaximumNumberOfCertificates", 1),
            ],
            |d| {
                let body = format!(
                    "<tas:Certificate>{}</tas:Certificate><tas:PrivateKeyRequired>false</tas:PrivateKeyRequired>",
                    STANDARD.encode(b"no certificate")
                );
                d.refused(
                    "tas:UploadCertificate",
                    &body,
                    "Sender/InvalidArgVal/BadCertificate",
                )
            },
        ),
        case(
            "ADVANCED_SECURITY-3-1-5",
            "GetAssignedServerCertificates",
            "T",
            &[
                TAS,
                Need::AtLeast(
                    "tas",
                    "TLSServerCapabilities@MaximumNumberOfTLSCertificationPaths",
                    1,
                ),
            ],
            |d| d.call("tas:GetAssignedServerCertificates", "").map(drop),
        ),
        case(
            "ADVANCED_SECURITY-6-1-1",
            "UploadPassphrase and GetAllPassphrases",
            "T",
            PASSPHRASES,
            passphrase,
        ),
        case(
            "ADVANCED_SECURITY-6-1-2",
            "DeletePassphrase",
            "T",
            PASSPHRASES,
            passphrase,
        ),
        case(
            "ADVANCED_SECURITY-5-1-1",
            "GetServiceCapabilities obeys its rules",
            "T",
            &[TAS],
            capabilities,
        ),
        case(
            "ADVANCED_SECURITY-8-1-5",
            "GetCertPathValidationPolicy: content as created",
            "T",
            POLICIES,
            |d| with_policy(d, policy_as_created),
        )
        .within(180),
        case(
            "ADVANCED_SECURITY-8-1-6",
            "DeleteCertPathValidationPolicy",
            "T",
            POLICIES,
            |d| {
                const ALL: &str = "tas:GetAllCertPathValidationPolicies";
                const ID: &str = "CertPathValidationPolicy/CertPathValidationPolicyID";
                let before = ids(d, ALL, ID)?;
                with_policy(d, |d, _, policy| {
                    let listed = ids(d, ALL, ID)?;
                    check!(listed.iter().any(|id| id == policy), "it is not listed");
                    Ok(())
                })?;
                let after = ids(d, ALL, ID)?;
                check!(after == before, "{after:?} after {before:?}");
                Ok(())
            },
        )
        .within(180),
        case(
            "ADVANCED_SECURITY-9-1-1",
            "SetEnabledTLSVersions, read back",
            "T",
            &[
                TAS,
                Need::Flag("tas", "TLSServerCapabilities@EnabledVersionsSupported"),
                Need::Disruptive,
            ],
            tls_versions,
        ),
    ]
}

fn ids(d: &Device, operation: &str, path: &str) -> Outcome<Vec<String>> {
    let mut found = d.call(operation, "")?.texts(path);
    found.sort();
    Ok(found)
}

fn algorithm() -> String {
    // sha256WithRSAEncryption.
    "<tas:SignatureAlgorithm><tas:algorithm>1.2.840.113549.1.1.11</tas:algorithm></tas:SignatureAlgorithm>".into()
}

fn decoded(text: &str) -> Outcome<Vec<u8>> {
    let text: String = text.split_whitespace().collect();
    match STANDARD.decode(text) {
        Ok(der) => Ok(der),
        Err(e) => fail!("no base64: {e}"),
    }
}

fn contains(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|w| w == what)
}

/// A key of the test; gone afterwards.
fn with_key(d: &Device, steps: impl FnOnce(&Device, &str) -> Outcome) -> Outcome {
    let lengths = d
        .features()
        .capability("tas", "KeystoreCapabilities@RSAKeyLengths")
        .unwrap_or_default()
        .to_owned();
    let length = lengths
        .split_whitespace()
        .filter_map(|l| l.parse::<u32>().ok())
        .min()
        .present("RSAKeyLengths")?;
    let a = d.call(
        "tas:CreateRSAKeyPair",
        &format!("<tas:KeyLength>{length}</tas:KeyLength><tas:Alias>ONVIF_Key_Test</tas:Alias>"),
    )?;
    let key = escape(a.text_of("KeyID").present("KeyID")?);
    a.text_of("EstimatedCreationTime")
        .present("EstimatedCreationTime")?;
    let id = format!("<tas:KeyID>{key}</tas:KeyID>");
    let judged = (|| {
        let end = Instant::now() + Duration::from_secs(120);
        loop {
            let status = d.call("tas:GetKeyStatus", &id)?;
            match status.text_of("KeyStatus").unwrap_or_default() {
                "ok" => break,
                "generating" => check!(Instant::now() < end, "still generating after two minutes"),
                other => fail!("the status is {other}"),
            }
            d.wait(Duration::from_millis(300))?;
        }
        steps(d, &key)
    })();
    d.call("tas:DeleteKey", &id)?;
    judged
}

fn with_certificate(d: &Device, steps: impl FnOnce(&Device, &str, &str) -> Outcome) -> Outcome {
    with_key(d, |d, key| {
        let body = format!("{SUBJECT}<tas:KeyID>{key}</tas:KeyID>{}", algorithm());
        let a = d.call("tas:CreateSelfSignedCertificate", &body)?;
        let certificate = escape(a.text_of("CertificateID").present("CertificateID")?);
        let judged = steps(d, key, &certificate);
        d.call(
            "tas:DeleteCertificate",
            &format!("<tas:CertificateID>{certificate}</tas:CertificateID>"),
        )?;
        judged
    })
}

fn with_path(d: &Device, steps: impl FnOnce(&Device, &str, &str) -> Outcome) -> Outcome {
    with_certificate(d, |d, _, certificate| {
        let body = format!(
            "<tas:CertificateIDs><tas:CertificateID>{certificate}</tas:CertificateID></tas:CertificateIDs><tas:Alias>ONVIF_CertificationPath_Test</tas:Alias>"
        );
        let a = d.call("tas:CreateCertificationPath", &body)?;
        let path = escape(
            a.text_of("CertificationPathID")
                .present("CertificationPathID")?,
        );
        let id = format!("<tas:CertificationPathID>{path}</tas:CertificationPathID>");
        let held = d.refused(
            "tas:DeleteCertificate",
            &format!("<tas:CertificateID>{certificate}</tas:CertificateID>"),
            REFERENCED,
        );
        let judged = held.and_then(|()| steps(d, certificate, &path));
        d.call("tas:DeleteCertificationPath", &id)?;
        judged
    })
}

fn with_policy(d: &Device, steps: impl FnOnce(&Device, &str, &str) -> Outcome) -> Outcome {
    with_certificate(d, |d, _, certificate| {
        let anchor = format!("<tas:CertificateID>{certificate}</tas:CertificateID>");
        let body = format!(
            "<tas:Alias>ONVIF_Policy_Test</tas:Alias><tas:Parameters/><tas:TrustAnchor>{anchor}</tas:TrustAnchor>"
        );
        let a = d.call("tas:CreateCertPathValidationPolicy", &body)?;
        let policy = escape(
            a.text_of("CertPathValidationPolicyID")
                .present("CertPathValidationPolicyID")?,
        );
        let held = d.refused("tas:DeleteCertificate", &anchor, REFERENCED);
        let judged = held.and_then(|()| steps(d, certificate, &policy));
        d.call(
            "tas:DeleteCertPathValidationPolicy",
            &format!("<tas:CertPathValidationPolicyID>{policy}</tas:CertPathValidationPolicyID>"),
        )?;
        judged
    })
}

fn policy_as_created(d: &Device, certificate: &str, policy: &str) -> Outcome {
    let id = format!("<tas:CertPathValidationPolicyID>{policy}</tas:CertPathValidationPolicyID>");
    let a = d.call("tas:GetCertPathValidationPolicy", &id)?;
    let found = a
        .all("CertPathValidationPolicy")
        .into_iter()
        .next()
        .present("CertPathValidationPolicy")?;
    check!(
        found.text_of("CertPathValidationPolicyID") == Some(policy),
        "another identifier"
    );
    check!(
        found.text_of("Alias") == Some("ONVIF_Policy_Test"),
        "another alias"
    );
    let anchors = found.texts("TrustAnchor/CertificateID");
    check!(anchors == [certificate], "other trust anchors: {anchors:?}");
    Ok(())
}

fn passphrase(d: &Device) -> Outcome {
    let a = d.call("tas:UploadPassphrase", "<tas:Passphrase>Conformance-1</tas:Passphrase><tas:PassphraseAlias>ONVIF_Passphrase_Test</tas:PassphraseAlias>")?;
    let id = escape(a.text_of("PassphraseID").present("PassphraseID")?);
    let listed = d.call("tas:GetAllPassphrases", "");
    d.call(
        "tas:DeletePassphrase",
        &format!("<tas:PassphraseID>{id}</tas:PassphraseID>"),
    )?;
    let listed = listed?;
    let found = listed
        .all("PassphraseAttribute")
        .into_iter()
        .find(|p| p.text_of("PassphraseID") == Some(&id))
        .present("the passphrase")?;
    check!(
        found.text_of("Alias") == Some("ONVIF_Passphrase_Test"),
        "another alias"
    );
    let after = d
        .call("tas:GetAllPassphrases", "")?
        .texts("PassphraseAttribute/PassphraseID");
    check!(!after.contains(&id), "it is still there");
    Ok(())
}

fn capabilities(d: &Device) -> Outcome {
    let f = d.features().clone();
    let k = |name: &str| {
        f.number("tas", &format!("KeystoreCapabilities@{name}"))
            .unwrap_or(0)
    };
    let flag = |name: &str| f.flag("tas", &format!("KeystoreCapabilities@{name}"));
    let list = |name: &str| {
        f.capability("tas", &format!("KeystoreCapabilities@{name}"))
            .is_some_and(|l| !l.trim().is_empty())
    };
    let certificates = k("MaximumNumberOfCertificates");
    check!(
        certificates == 0 || k("MaximumNumberOfKeys") > 0,
        "certificates without keys"
    );
    check!(
        k("MaximumNumberOfCertificationPaths") == 0 || certificates >= 2,
        "paths, but fewer than two certificates"
    );
    if flag("RSAKeyPairGeneration") {
        check!(
            list("RSAKeyLengths") && k("MaximumNumberOfKeys") > 0,
            "key generation without RSAKeyLengths or keys"
        );
    }
    if flag("PKCS8RSAKeyPairUpload") {
        check!(
            k("MaximumNumberOfPassphrases") > 0 && list("PasswordBasedEncryptionAlgorithms"),
            "PKCS#8 without passphrases or their algorithms"
        );
    }
    if flag("PKCS12CertificateWithRSAPrivateKeyUpload") {
        check!(
            list("PasswordBasedMACAlgorithms") && list("X509Versions"),
            "PKCS#12 without its algorithms"
        );
    }
    if flag("PKCS10ExternalCertificationWithRSA") || flag("SelfSignedCertificateCreationWithRSA") {
        check!(
            certificates > 0,
            "certificates are made, but none can be held"
        );
        let held = f
            .capabilities
            .get("tas")
            .map(|c| c.texts("KeystoreCapabilities/SignatureAlgorithms/algorithm"))
            .unwrap_or_default();
        check!(
            held.iter().any(|a| a == "1.2.840.113549.1.1.11"),
            "no SHA-256 with RSA among {held:?}"
        );
    }
    let versions = f
        .capability("tas", "TLSServerCapabilities@TLSServerSupported")
        .unwrap_or_default();
    if !versions.trim().is_empty() {
        check!(
            k("MaximumNumberOfCertificationPaths") >= 2,
            "a TLS server, but fewer than two paths"
        );
        let paths = f
            .number(
                "tas",
                "TLSServerCapabilities@MaximumNumberOfTLSCertificationPaths",
            )
            .unwrap_or(0);
        check!(
            paths > 0,
            "a TLS server without MaximumNumberOfTLSCertificationPaths"
        );
    }
    let policies = k("MaximumNumberOfCertificationPathValidationPolicies");
    if f.flag("tas", "TLSServerCapabilities@TLSClientAuthSupported") {
        let assigned = f
            .number(
                "tas",
                "TLSServerCapabilities@MaximumNumberOfTLSCertificationPathValidationPolicies",
            )
            .unwrap_or(0);
        check!(
            !versions.trim().is_empty()
                && policies >= 2
                && assigned > 0
                && k("MaximumNumberOfCRLs") > 0,
            "clients are authenticated without a TLS server, two policies, one assigned, or revocation lists"
        );
    }
    check!(
        policies == 0
            || flag("SelfSignedCertificateCreationWithRSA")
            || flag("PKCS10ExternalCertificationWithRSA")
            || flag("PKCS12CertificateWithRSAPrivateKeyUpload"),
        "validation policies, but no way to certificates"
    );
    Ok(())
}

fn tls_versions(d: &Device) -> Outcome {
    let before = d.call("tas:GetEnabledTLSVersions", "")?;
    let before = before.text_of("Versions").present("Versions")?.to_owned();
    let Some(first) = before.split_whitespace().last() else {
        skip!("no version is enabled")
    };
    d.refused(
        "tas:SetEnabledTLSVersions",
        "<tas:Versions></tas:Versions>",
        "Sender/InvalidArgVal/EmptyList",
    )?;
    d.call(
        "tas:SetEnabledTLSVersions",
        &format!("<tas:Versions>{first}</tas:Versions>"),
    )?;
    let read = d.call("tas:GetEnabledTLSVersions", "");
    d.call(
        "tas:SetEnabledTLSVersions",
        &format!("<tas:Versions>{before}</tas:Versions>"),
    )?;
    check!(
        read?.text_of("Versions") == Some(first),
        "{first} was not kept"
    );
    Ok(())
}
