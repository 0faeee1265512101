//! The certificate of the key that signs pictures and video.

use platecam_model::{Result, ports::Certificates, watermark::PublicKey};
use rcgen::{
    CertificateParams, DnType, Issuer, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PublicKeyData,
    SignatureAlgorithm,
};
use rustls::pki_types::CertificateDer;

use super::{
    parse,
    store::{CertificateStore, rc},
};

/// Fact of the certificate.
const SIGNING_CERT: &str = "video_certificate";
/// It is checked long after the recording: as long as the root.
const END: (i32, u8, u8) = (2054, 1, 1);
/// The unit may start before its clock was ever set.
const BEGIN: (i32, u8, u8) = (2024, 1, 1);

struct Point<'a>(&'a PublicKey);

impl PublicKeyData for Point<'_> {
    fn der_bytes(&self) -> &[u8] {
        &self.0.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ECDSA_P256_SHA256
    }
}

impl CertificateStore {
    /// The certificate of `key` by this unit's root, as PEM (GEN-21); made when there is none that fits.
    ///
    /// # Errors
    /// [`platecam_model::Error::Internal`].
    pub fn video_certificate(&self, key: &PublicKey, serial: &str) -> Result<String> {
        let root = CertificateDer::from(self.root_der()?);
        if let Some(known) = self.db.known_fact(SIGNING_CERT)?
            && let Ok(chain) = parse::chain(&known)
            && chain.first().is_some_and(|der| {
                parse::signed_by(der, &root) && parse::point(der).as_deref() == Some(&key.0)
            })
        {
            return Ok(known);
        }
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        let name = format!("Platecam {serial} video");
        params.distinguished_name.push(DnType::CommonName, name);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.not_before = rcgen::date_time_ymd(BEGIN.0, BEGIN.1, BEGIN.2);
        params.not_after = rcgen::date_time_ymd(END.0, END.1, END.2);
        let issuer = Issuer::from_ca_cert_der(&root, self.root_key()?).map_err(rc)?;
        let made = params.signed_by(&Point(key), &issuer).map_err(rc)?.pem();
        self.db.set_fact(SIGNING_CERT, &made)?;
        Ok(made)
    }
}
