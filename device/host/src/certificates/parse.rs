//! Certificates and keys from elsewhere: PEM, DER in base64, PKCS#12.

use std::net::IpAddr;

use super::keys;
use base64::{Engine, engine::general_purpose::STANDARD};
use p12_keystore::{KeyStore, KeyStoreEntry, Pkcs12ImportPolicy};
use platecam_model::{
    Error, Result, UtcTime,
    ports::{CertificateState, MAX_PATH_LENGTH, UploadedCertificate},
};
use ring::digest::{SHA256, digest};
use rustls::{
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    sign::CertifiedKey,
};
use x509_parser::{extensions::GeneralName, prelude::*};

/// Certificates of a chain at most.
const MAX_CHAIN: usize = MAX_PATH_LENGTH;
/// Time before the end from which on a certificate is "expiring".
const SOON: std::time::Duration = std::time::Duration::from_secs(30 * 86_400);

/// What a certificate says.
pub(super) struct Facts {
    pub(super) subject: String,
    pub(super) issuer: String,
    pub(super) serial: String,
    pub(super) names: Vec<String>,
    pub(super) not_before: UtcTime,
    pub(super) not_after: UtcTime,
    pub(super) fingerprint: String,
}

impl Facts {
    pub(super) fn of(der: &[u8]) -> Result<Self> {
        let (_, cert) = X509Certificate::from_der(der)
            .map_err(|e| Error::invalid("/certificate", "", format!("is no certificate: {e}")))?;
        let time = |t: ASN1Time| UtcTime::from_millis(t.timestamp().saturating_mul(1000));
        let names = cert.subject_alternative_name().ok().flatten();
        let names = names.map(|n| n.value.general_names.iter().filter_map(name).collect());
        Ok(Self {
            subject: cert.subject().to_string(),
            issuer: cert.issuer().to_string(),
            serial: hex::encode(cert.raw_serial()),
            names: names.unwrap_or_default(),
            not_before: time(cert.validity().not_before),
            not_after: time(cert.validity().not_after),
            fingerprint: hex::encode(digest(&SHA256, der)),
        })
    }

    pub(super) fn state(&self, now: UtcTime) -> CertificateState {
        if now < self.not_before {
            CertificateState::NotYetValid
        } else if now >= self.not_after {
            CertificateState::Expired
        } else if now + SOON >= self.not_after {
            CertificateState::Expiring
        } else {
            CertificateState::Valid
        }
    }
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(n) => Some((*n).to_owned()),
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 => Some(IpAddr::from(<[u8; 4]>::try_from(*bytes).ok()?).to_string()),
            16 => Some(IpAddr::from(<[u8; 16]>::try_from(*bytes).ok()?).to_string()),
            _ => None,
        },
        _ => None,
    }
}

/// A chain out of PEM text, or one certificate out of base64 of DER.
pub(super) fn chain(text: &str) -> Result<Vec<CertificateDer<'static>>> {
    let bad = |why: String| Error::invalid("/certificate", "", why);
    let all: Vec<CertificateDer<'static>> = if text.contains("-----BEGIN") {
        CertificateDer::pem_slice_iter(text.as_bytes())
            .collect::<std::result::Result<_, _>>()
            .map_err(|e| bad(format!("is no PEM certificate: {e}")))?
    } else {
        let compact: String = text.split_whitespace().collect();
        let der = STANDARD.decode(compact);
        vec![
            der.map_err(|e| bad(format!("is neither PEM nor base64: {e}")))?
                .into(),
        ]
    };
    if !(1..=MAX_CHAIN).contains(&all.len()) {
        let n = all.len();
        return Err(bad(format!(
            "holds {n} certificates; allowed are 1 to {MAX_CHAIN}"
        )));
    }
    for pair in all.windows(2) {
        let (one, next) = (Facts::of(&pair[0])?, Facts::of(&pair[1])?);
        if one.issuer != next.subject || !signed_by(&pair[0], &pair[1]) {
            let why = format!(
                "is no chain: '{}' did not sign '{}'",
                next.subject, one.subject
            );
            return Err(bad(why));
        }
    }
    Facts::of(&all[0])?;
    Ok(all)
}

/// The subject's public key info of a certificate, DER.
pub(super) fn public_key(der: &[u8]) -> Result<Vec<u8>> {
    Ok(certificate(der)?.public_key().raw.to_vec())
}

/// Exactly one certificate.
pub(super) fn certificate(der: &[u8]) -> Result<X509Certificate<'_>> {
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Ok(certificate),
        Ok(_) => Err(Error::invalid(
            "/certificate",
            "",
            "has bytes after its end",
        )),
        Err(e) => Err(Error::invalid(
            "/certificate",
            "",
            format!("is no certificate: {e}"),
        )),
    }
}

/// Whether the key of `issuer` made the signature of `one`; not, when the algorithm is unknown here.
pub(super) fn signed_by(one: &[u8], issuer: &[u8]) -> bool {
    match (certificate(one), certificate(issuer)) {
        (Ok(one), Ok(issuer)) => one.verify_signature(Some(issuer.public_key())).is_ok(),
        _ => false,
    }
}

/// The key of a certificate as the point of a curve.
pub(super) fn point(der: &[u8]) -> Option<Vec<u8>> {
    let one = certificate(der).ok()?;
    Some(one.public_key().subject_public_key.data.to_vec())
}

/// Key and chain as the TLS server takes them; refuses a key that does not fit.
pub(super) fn certified(
    chain: Vec<CertificateDer<'static>>,
    key_der: PrivateKeyDer<'static>,
) -> Result<CertifiedKey> {
    // Not by `CertifiedKey::from_der`: it refuses certificates of version 1, which `openssl x509 -req` makes
    // without an extensions file. The chain is sent as it is (Security Service §5.3.2.1).
    let signer = rustls::crypto::ring::sign::any_supported_type(&key_der)
        .map_err(|e| Error::invalid("/key", "", format!("cannot be used: {e}")))?;
    let leaf = chain
        .first()
        .ok_or_else(|| Error::internal("an empty chain"))?;
    let public = public_key(leaf)?;
    if signer.public_key().is_none_or(|own| *own != *public) {
        return Err(Error::invalid("/key", "", "does not fit the certificate"));
    }
    Ok(CertifiedKey::new(chain, signer))
}

/// A certificate that could not serve from now on is refused.
pub(super) fn usable(chain: &[CertificateDer<'_>], now: UtcTime) -> Result<()> {
    let facts = Facts::of(&chain[0])?;
    if facts.state(now) == CertificateState::Expired {
        let why = format!("ended at {}", facts.not_after);
        return Err(Error::invalid("/certificate", "", why));
    }
    Ok(())
}

/// Chain and private key (PKCS#8, SEC1 or PKCS#1) of an upload.
pub(super) fn upload(
    upload: &UploadedCertificate,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)> {
    match upload {
        UploadedCertificate::Pem { certificate, key } => {
            let key = PrivateKeyDer::from_pem_slice(key.expose().as_bytes());
            let no_key = |e| Error::invalid("/key", "", format!("is no PEM private key: {e}"));
            Ok((chain(certificate)?, key.map_err(no_key)?))
        }
        UploadedCertificate::Pkcs12 { file, password } => {
            let compact: String = file.split_whitespace().collect();
            let bad = |why: String| Error::invalid("/pkcs12", "", why);
            let der = STANDARD
                .decode(compact)
                .map_err(|e| bad(format!("is not base64: {e}")))?;
            keys::bounded(&der)?;
            let store = KeyStore::from_pkcs12(&der, password.expose(), Pkcs12ImportPolicy::Relaxed)
                .map_err(|e| {
                    let why = format!("does not open the file, or it is damaged: {e}");
                    Error::invalid("/password", "", why)
                })?;
            let found = store.entries().find_map(|(_, entry)| match entry {
                KeyStoreEntry::PrivateKeyChain(chain) => Some(chain),
                _ => None,
            });
            let found = found.ok_or_else(|| bad("holds no private key".into()))?;
            let chain: Vec<CertificateDer<'static>> = found
                .certs()
                .iter()
                .map(|c| c.as_der().to_vec().into())
                .collect();
            if chain.is_empty() || chain.len() > MAX_CHAIN {
                return Err(bad(format!("must hold 1 to {MAX_CHAIN} certificates")));
            }
            let key = PrivateKeyDer::try_from(found.key().as_der().to_vec())
                .map_err(|e| bad(format!("its key cannot be read: {e}")))?;
            Ok((chain, key))
        }
    }
}
