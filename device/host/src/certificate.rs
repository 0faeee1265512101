use std::{fs, path::Path};

use platecam_model::{Error, Result};
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, SanType};

use crate::state_dir::write_atomic;

/// The device's own TLS certificate, PEM. Made at the first start, self-signed, ECDSA P-256.
#[derive(Clone)]
pub struct DeviceCertificate {
    /// Certificate, PEM.
    pub certificate_pem: String,
    /// Private key, PKCS#8 PEM.
    pub key_pem: String,
}

impl std::fmt::Debug for DeviceCertificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DeviceCertificate(***)")
    }
}

impl DeviceCertificate {
    /// Reads the certificate in `dir`, or makes one for `names` (host names and addresses).
    ///
    /// # Errors
    /// [`Error::Internal`] naming the file.
    pub fn open(dir: &Path, serial: &str, names: &[String]) -> Result<Self> {
        let (cert, key) = (dir.join("device.crt"), dir.join("device.key"));
        let bad = |e: &dyn std::fmt::Display| {
            Error::internal(format!("certificate in {}: {e}", dir.display()))
        };
        if !(cert.exists() && key.exists()) {
            let made = Self::make(serial, names).map_err(|e| bad(&e))?;
            fs::create_dir_all(dir).map_err(|e| bad(&e))?;
            write_atomic(&key, made.key_pem.as_bytes(), 0o600).map_err(|e| bad(&e))?;
            write_atomic(&cert, made.certificate_pem.as_bytes(), 0o644).map_err(|e| bad(&e))?;
        }
        let read = |path: &Path| fs::read_to_string(path).map_err(|e| bad(&e));
        Ok(Self {
            certificate_pem: read(&cert)?,
            key_pem: read(&key)?,
        })
    }

    fn make(serial: &str, names: &[String]) -> Result<Self, rcgen::Error> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params
            .distinguished_name
            .push(DnType::CommonName, format!("Platecam {serial}"));
        params
            .distinguished_name
            .push(DnType::OrganizationName, "Platecam");
        for name in names {
            params.subject_alt_names.push(match name.parse() {
                Ok(address) => SanType::IpAddress(address),
                Err(_) => match name.as_str().try_into() {
                    Ok(dns) => SanType::DnsName(dns),
                    Err(_) => continue,
                },
            });
        }
        // The device may start before its clock was ever set: valid from long ago, for a long time.
        params.not_before = rcgen::date_time_ymd(2024, 1, 1);
        params.not_after = rcgen::date_time_ymd(2044, 1, 1);
        let cert = params.self_signed(&key)?;
        Ok(Self {
            certificate_pem: cert.pem(),
            key_pem: key.serialize_pem(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_made_once_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        let names = [
            "192.0.2.1".to_owned(),
            "platecam.local".into(),
            "bad name é".into(),
        ];
        let first = DeviceCertificate::open(dir.path(), "PC1", &names).unwrap();
        let second = DeviceCertificate::open(dir.path(), "PC2", &[]).unwrap();
        assert!(
            first
                .certificate_pem
                .starts_with("-----BEGIN CERTIFICATE-----")
        );
        assert_eq!(first.certificate_pem, second.certificate_pem);
        assert_eq!(first.key_pem, second.key_pem);
        assert!(
            !format!("{first:?}").contains("BEGIN"),
            "the key is not printed"
        );
    }
}
