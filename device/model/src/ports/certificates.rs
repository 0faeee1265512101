use std::net::IpAddr;

use lpr_core::UtcTime;
use serde::{Deserialize, Serialize};

use super::Keystore;
use crate::{Result, Secret};

/// Most certificates and requests of the store, those of chains among them.
pub const MAX_CERTIFICATES: usize = 64;

/// Whether an entry has its certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CertificateKind {
    /// A key with its certificate.
    Certificate,
    /// A key that waits for its signed certificate.
    Request,
    /// A key alone, or one that is being made; its identifier is the key's.
    Key,
    /// A certificate of somebody else's: its private key is not here.
    Authority,
}

/// How a certificate stands in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CertificateState {
    /// Good for more than 30 days.
    Valid,
    /// Ends within 30 days.
    Expiring,
    /// Over.
    Expired,
    /// Not begun; mostly the clock is wrong.
    NotYetValid,
}

/// An entry of the store, without its key.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CertificateInfo {
    /// Its number in every interface.
    pub id: String,
    /// Free text.
    pub alias: String,
    /// Certificate or request.
    pub kind: CertificateKind,
    /// Distinguished name.
    pub subject: String,
    /// Who signed it; empty for a request.
    pub issuer: String,
    /// Serial number, hexadecimal; empty for a request.
    pub serial: String,
    /// Host names and addresses that it is for.
    pub names: Vec<String>,
    /// Begin; `None` for a request.
    pub not_before: Option<UtcTime>,
    /// End; `None` for a request.
    pub not_after: Option<UtcTime>,
    /// SHA-256 of the certificate, hexadecimal; empty for a request.
    pub fingerprint: String,
    /// Signed with its own key.
    pub self_signed: bool,
    /// Signed by this unit's root.
    pub ca_issued: bool,
    /// HTTPS uses it.
    pub in_use: bool,
    /// How it stands; `None` for a request.
    pub state: Option<CertificateState>,
    /// Whether one of the unit's present addresses or names is in it (HTTPS-5).
    pub covers_address: bool,
}

/// The root certificate, for installing on computers (HTTPS-3).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RootInfo {
    /// Distinguished name.
    pub subject: String,
    /// SHA-256, hexadecimal.
    pub fingerprint: String,
    /// End.
    pub not_after: UtcTime,
}

/// The fields of a distinguished name (HTTPS-1); empty ones are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Subject {
    /// Two letters.
    pub country: String,
    /// State or province.
    pub state: String,
    /// City.
    pub city: String,
    /// Organisation.
    pub organization: String,
    /// Unit of it.
    pub unit: String,
    /// Common name; empty takes the unit's host name.
    pub common_name: String,
}

/// Who signs a new certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignedBy {
    /// This unit's root.
    #[default]
    DeviceCa,
    /// Its own key.
    #[serde(rename = "self")]
    Itself,
}

/// What to make a key with its certificate or request of; checked by the model.
#[derive(Clone, Debug, PartialEq)]
pub struct NewCertificate {
    /// Free text.
    pub alias: String,
    /// Who it is for.
    pub subject: Subject,
    /// Host names and addresses; empty takes the unit's.
    pub names: Vec<String>,
    /// Days that it is valid; unused for a request.
    pub valid_days: u32,
    /// Who signs; unused for a request.
    pub signed_by: SignedBy,
}

/// A key and its certificate from elsewhere.
#[derive(Clone, Debug)]
pub enum UploadedCertificate {
    /// Certificate (PEM, a chain may follow, or base64 of DER) and private key (PEM).
    Pem {
        /// Certificate.
        certificate: String,
        /// Private key.
        key: Secret,
    },
    /// PKCS#12, base64.
    Pkcs12 {
        /// The file.
        file: String,
        /// Its password.
        password: Secret,
    },
}

/// The one store of keys and certificates; private keys never leave it. This is what the web sees of it, an
/// entry for a key with its certificate; [`Keystore`] is what ONVIF sees.
pub trait Certificates: Keystore {
    /// All entries in order of creation; `here` are the unit's present names and addresses.
    ///
    /// # Errors
    /// [`crate::Error::Internal`].
    fn list(&self, now: UtcTime, here: &[String]) -> Result<Vec<CertificateInfo>>;
    /// The unit's root certificate.
    ///
    /// # Errors
    /// [`crate::Error::Internal`].
    fn root(&self) -> Result<RootInfo>;
    /// The root certificate, DER.
    ///
    /// # Errors
    /// [`crate::Error::Internal`].
    fn root_der(&self) -> Result<Vec<u8>>;
    /// Makes a key and its certificate; returns the entry's id.
    ///
    /// # Errors
    /// [`crate::Error::Invalid`], [`crate::Error::Exhausted`], [`crate::Error::Internal`].
    fn create(&self, new: &NewCertificate, now: UtcTime) -> Result<String>;
    /// Makes a key and a request for a certificate (PKCS#10); returns the entry's id.
    ///
    /// # Errors
    /// As [`Certificates::create`].
    fn request(&self, new: &NewCertificate) -> Result<String>;
    /// The PKCS#10 request of an entry, PEM.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`].
    fn request_pem(&self, id: &str) -> Result<String>;
    /// Gives a request its signed certificate.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`], [`crate::Error::Conflict`] when it has one, [`crate::Error::Invalid`]
    /// naming `/certificate`.
    fn complete(&self, id: &str, certificate: &str, now: UtcTime) -> Result<()>;
    /// Stores a key and its certificate from elsewhere; returns the entry's id.
    ///
    /// # Errors
    /// [`crate::Error::Invalid`] naming `/certificate`, `/key`, `/pkcs12` or `/password`,
    /// [`crate::Error::Exhausted`].
    fn upload(&self, alias: &str, upload: &UploadedCertificate, now: UtcTime) -> Result<String>;
    /// Lets HTTPS use it from the next connection on.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`], [`crate::Error::Conflict`] for a request or an expired certificate.
    fn install(&self, id: &str, now: UtcTime) -> Result<()>;
    /// Deletes an entry.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`], [`crate::Error::Conflict`] while it is in use (HTTPS-9).
    fn delete(&self, id: &str) -> Result<()>;
    /// The certificate of an entry, PEM, with its chain.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`].
    fn certificate_pem(&self, id: &str) -> Result<String>;
}

/// Whether `name` is a host name or an address that a certificate can be for.
pub fn is_certificate_name(name: &str) -> bool {
    let label = |l: &str| {
        (1..=63).contains(&l.len())
            && !l.starts_with('-')
            && !l.ends_with('-')
            && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    name.parse::<IpAddr>().is_ok()
        || (name.len() <= 253
            && name
                .strip_prefix("*.")
                .unwrap_or(name)
                .split('.')
                .all(label))
}
