//! Certificate authorities of the runner: certificates for TLS clients and revocation lists. Keys are RSA, which every
//! device takes; certificates hold for centuries, so that a device with a wrong clock takes them too.

use std::fmt;

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DistinguishedName,
    DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose,
    RevokedCertParams, SerialNumber, date_time_ymd,
};
use rsa::{pkcs8::EncodePrivateKey, rand_core::UnwrapErr};

const BITS: usize = 2048;

/// One authority.
pub struct Authority {
    der: Vec<u8>,
    issuer: Issuer<'static, KeyPair>,
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authority")
    }
}

fn key() -> Result<KeyPair> {
    let key = rsa::PrivateKey::new(&mut UnwrapErr(getrandom::SysRng), BITS)?;
    let der = key.to_pkcs8_der()?;
    KeyPair::try_from(der.as_bytes()).context("an RSA key")
}

fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CountryName, "US");
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

impl Authority {
    /// A new one with this common name.
    ///
    /// # Errors
    /// When no key can be made.
    pub fn new(name: &str) -> Result<Self> {
        let mut params = named(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = key()?;
        let der = params.self_signed(&key)?.der().to_vec();
        let issuer = Issuer::new(params, key);
        Ok(Self { der, issuer })
    }

    /// Its own certificate, as DER.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// A certificate for a TLS client and its key, as PEM.
    ///
    /// # Errors
    /// When no key can be made.
    pub fn client(&self, name: &str, serial: u64) -> Result<String> {
        let mut params = named(name);
        params.serial_number = Some(SerialNumber::from(serial));
        params.is_ca = IsCa::ExplicitNoCa;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        let key = key()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(certificate.pem() + &key.serialize_pem())
    }

    /// A list that revokes one certificate, as DER.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub fn revokes(&self, serial: u64) -> Result<Vec<u8>> {
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2020, 1, 1),
            next_update: date_time_ymd(2049, 12, 31),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: vec![RevokedCertParams {
                serial_number: SerialNumber::from(serial),
                revocation_time: date_time_ymd(2020, 1, 1),
                reason_code: None,
                invalidity_date: None,
            }],
            key_identifier_method: KeyIdMethod::Sha256,
        };
        Ok(list.signed_by(&self.issuer)?.der().to_vec())
    }
}
