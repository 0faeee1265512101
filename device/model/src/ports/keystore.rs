use lpr_core::UtcTime;
use serde::Serialize;

use crate::{Result, Secret};

/// Most keys of the store, public ones of others' certificates among them.
pub const MAX_KEYS: usize = 64;
/// Most certification paths.
pub const MAX_PATHS: usize = 32;
/// Most passphrases.
pub const MAX_PASSPHRASES: usize = 16;
/// Most certificates of one path.
pub const MAX_PATH_LENGTH: usize = 8;
/// Most validation policies.
pub const MAX_POLICIES: usize = 16;
/// Most trust anchors of one policy.
pub const MAX_ANCHORS: usize = 8;
/// Most revocation lists.
pub const MAX_CRLS: usize = 8;
/// Longest revocation list, bytes of DER: about 3500 certificates.
pub const MAX_CRL_BYTES: usize = 128 * 1024;

/// What a key to be made is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewKey {
    /// RSA of so many bits, one of [`NewKey::RSA_LENGTHS`].
    Rsa(u32),
    /// Elliptic curve secp256r1.
    P256,
    /// Elliptic curve secp384r1.
    P384,
}

impl NewKey {
    /// Lengths of RSA keys in bits (Security Baseline: 3072 and more; 2048 for what others still use).
    pub const RSA_LENGTHS: [u32; 3] = [2048, 3072, 4096];
    /// Curves, by their IANA names.
    pub const CURVES: [(&'static str, Self); 2] =
        [("secp256r1", Self::P256), ("secp384r1", Self::P384)];
}

/// Whether a key can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyStatus {
    /// Ready.
    Ok,
    /// Being made.
    Generating,
    /// Could not be made.
    Corrupt,
}

impl KeyStatus {
    /// The word for it in `tas:KeyStatus` and in the database.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Generating => "generating",
            Self::Corrupt => "corrupt",
        }
    }
}

/// A key pair, never with its private half.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyInfo {
    /// Its identifier.
    pub id: String,
    /// Free text, may be empty.
    pub alias: String,
    /// Whether it can be used.
    pub status: KeyStatus,
    /// Whether the private half is here.
    pub has_private: bool,
    /// Made elsewhere.
    pub external: bool,
}

/// A certificate as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredCertificate {
    /// Its identifier.
    pub id: String,
    /// The key that it certifies.
    pub key: String,
    /// Free text, may be empty.
    pub alias: String,
    /// DER.
    pub der: Vec<u8>,
    /// Whether the private half of its key is here.
    pub has_private: bool,
}

/// Certificates in order, each signed by the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificationPath {
    /// Its identifier.
    pub id: String,
    /// Free text, may be empty.
    pub alias: String,
    /// Identifiers of its certificates, the end entity's first.
    pub certificates: Vec<String>,
}

/// Whom somebody else's certificate must lead to (`tas:CertPathValidationPolicy`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidationPolicy {
    /// Its identifier.
    pub id: String,
    /// Free text, may be empty.
    pub alias: String,
    /// Identifiers of the certificates that are trusted.
    pub anchors: Vec<String>,
    /// A certificate must say that it is for clients of TLS (`RequireTLSWWWClientAuthExtendedKeyUsage`).
    pub client_usage: bool,
}

/// Which certificates of an authority are revoked (`tas:CRL`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RevocationList {
    /// Its identifier.
    pub id: String,
    /// Free text, may be empty.
    pub alias: String,
    /// Distinguished name of the authority.
    pub issuer: String,
    /// When it was made.
    pub this_update: UtcTime,
    /// When the next one is due.
    pub next_update: Option<UtcTime>,
    /// Certificates in it.
    pub revoked: usize,
    /// DER.
    #[serde(skip)]
    pub der: Vec<u8>,
}

/// A stored passphrase, without it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassphraseInfo {
    /// Its identifier.
    pub id: String,
    /// Free text, may be empty.
    pub alias: String,
}

/// One attribute of a distinguished name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameAttribute {
    /// Dotted object identifier.
    pub oid: String,
    /// UTF-8 text, or `#` and the hexadecimal DER of the value (RFC 4514).
    pub value: String,
}

/// A distinguished name: relative names in order, mostly of one attribute each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DistinguishedName(pub Vec<Vec<NameAttribute>>);

/// How a request or certificate is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureAlgorithm {
    /// sha1WithRSAEncryption: only where a client asks for it; the contract demands it.
    RsaSha1,
    /// sha256WithRSAEncryption.
    RsaSha256,
    /// sha384WithRSAEncryption.
    RsaSha384,
    /// sha512WithRSAEncryption.
    RsaSha512,
    /// ecdsa-with-SHA256, for keys on secp256r1.
    EcdsaSha256,
    /// ecdsa-with-SHA384, for keys on secp384r1.
    EcdsaSha384,
}

impl SignatureAlgorithm {
    /// All of them with their object identifiers.
    pub const ALL: [(&'static str, Self); 6] = [
        ("1.2.840.113549.1.1.5", Self::RsaSha1),
        ("1.2.840.113549.1.1.11", Self::RsaSha256),
        ("1.2.840.113549.1.1.12", Self::RsaSha384),
        ("1.2.840.113549.1.1.13", Self::RsaSha512),
        ("1.2.840.10045.4.3.2", Self::EcdsaSha256),
        ("1.2.840.10045.4.3.3", Self::EcdsaSha384),
    ];

    /// The algorithm with this dotted object identifier.
    pub fn of(oid: &str) -> Option<Self> {
        Self::ALL.iter().find(|(o, _)| *o == oid).map(|(_, a)| *a)
    }

    /// Its dotted object identifier.
    pub fn oid(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(_, a)| *a == self)
            .map_or("", |(o, _)| o)
    }
}

/// An extension of a certificate or of a request for one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension {
    /// Dotted object identifier.
    pub oid: String,
    /// Who does not know it must refuse the certificate.
    pub critical: bool,
    /// DER of the value.
    pub value: Vec<u8>,
}

/// What a PKCS#10 request is to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestContent {
    /// Who it is for.
    pub subject: DistinguishedName,
    /// The key.
    pub key: String,
    /// Extensions asked for.
    pub extensions: Vec<Extension>,
    /// Other attributes: object identifier and DER of one value.
    pub attributes: Vec<(String, Vec<u8>)>,
    /// How it is signed.
    pub algorithm: SignatureAlgorithm,
}

/// What a self-signed certificate is to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelfSigned {
    /// Who it is for.
    pub subject: DistinguishedName,
    /// The key.
    pub key: String,
    /// Free text.
    pub alias: String,
    /// Begin; now where it is absent.
    pub not_before: Option<UtcTime>,
    /// End; without one it never ends.
    pub not_after: Option<UtcTime>,
    /// Extensions.
    pub extensions: Vec<Extension>,
    /// How it is signed.
    pub algorithm: SignatureAlgorithm,
}

/// A certificate from elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CertificateUpload {
    /// DER.
    pub der: Vec<u8>,
    /// Free text.
    pub alias: String,
    /// For its key, if that is new here.
    pub key_alias: String,
    /// Refuse it unless the private half of its key is here.
    pub private_key_required: bool,
}

/// A key with its certificates from elsewhere.
#[derive(Clone, Debug)]
pub struct Pkcs12Upload {
    /// The file, DER.
    pub file: Vec<u8>,
    /// Opens it.
    pub password: Secret,
    /// The file must have a message authentication code.
    pub integrity: bool,
    /// Free text of the path.
    pub path_alias: String,
    /// Free text of the key, if it is new here.
    pub key_alias: String,
    /// Take the first certificate alone.
    pub first_only: bool,
}

/// Keys, certificates and paths one by one, as `tas` sees the store of [`super::Certificates`] (SEC-18).
///
/// Not found are `key`, `certificate`, `certification path`, `validation policy`, `revocation list`,
/// `passphrase`; exhausted the same in the plural.
/// A conflict is a reference that exists. Refused values name what by the pointer of
/// [`crate::Error::Invalid`]: `/key_length`, `/elliptic_curve`, `/signature_algorithm`, `/key_algorithm` (does
/// not fit the key), `/key_status`, `/private_key` (not here), `/subject`, `/attribute`, `/validity`,
/// `/certificate`, `/duplicate`, `/public_key` (unknown algorithm), `/pkcs8`, `/pkcs12`, `/password`, `/key`
/// (does not fit the certificate), `/path`, `/anchors`, `/crl`, `/passphrase`.
pub trait Keystore: Send + Sync {
    /// All keys in order of creation.
    ///
    /// # Errors
    /// [`crate::Error::Internal`].
    fn keys(&self) -> Result<Vec<KeyInfo>>;
    /// Begins to make a key; its end is told on the event bus ([`crate::EventKind::KeyStatus`]).
    ///
    /// # Errors
    /// [`crate::Error::Exhausted`], [`crate::Error::Invalid`].
    fn generate_key(&self, new: NewKey, alias: &str) -> Result<String>;
    /// Stores a private key (PKCS#8, encrypted where there is a password); returns its key's id, which may be
    /// that of one that is here.
    ///
    /// # Errors
    /// [`crate::Error::Exhausted`], [`crate::Error::Invalid`].
    fn upload_key(&self, pkcs8: &[u8], password: Option<&Secret>, alias: &str) -> Result<String>;
    /// Deletes a key; one that is being made is not finished.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`], [`crate::Error::Conflict`].
    fn delete_key(&self, id: &str) -> Result<()>;
    /// A PKCS#10 request, DER; nothing is stored.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`], [`crate::Error::Invalid`].
    fn certification_request(&self, content: &RequestContent) -> Result<Vec<u8>>;
    /// Makes a self-signed certificate; returns its id.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`], [`crate::Error::Invalid`], [`crate::Error::Exhausted`].
    fn self_sign(&self, content: &SelfSigned, now: UtcTime) -> Result<String>;
    /// Stores a certificate; returns its id and that of its key.
    ///
    /// # Errors
    /// [`crate::Error::Invalid`], [`crate::Error::Exhausted`].
    fn upload_der(&self, upload: &CertificateUpload) -> Result<(String, String)>;
    /// All certificates in order of creation.
    ///
    /// # Errors
    /// [`crate::Error::Internal`].
    fn stored_certificates(&self) -> Result<Vec<StoredCertificate>>;
    /// Deletes a certificate, its key stays.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`], [`crate::Error::Conflict`].
    fn delete_certificate(&self, id: &str) -> Result<()>;
    /// Makes a path of certificates that are here; returns its id.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`], [`crate::Error::Invalid`], [`crate::Error::Exhausted`].
    fn create_path(&self, certificates: &[String], alias: &str) -> Result<String>;
    /// Changes a path; where it is assigned, what is served changes with it.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`], [`crate::Error::Invalid`].
    fn set_path(&self, path: &CertificationPath) -> Result<()>;
    /// All paths in order of creation.
    ///
    /// # Errors
    /// [`crate::Error::Internal`].
    fn paths(&self) -> Result<Vec<CertificationPath>>;
    /// Deletes a path, its certificates stay.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`], [`crate::Error::Conflict`] while it is assigned.
    fn delete_path(&self, id: &str) -> Result<()>;
    /// Makes a policy whose trust anchors are certificates that are here; returns its id.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`], [`crate::Error::Invalid`], [`crate::Error::Exhausted`].
    fn create_policy(&self, anchors: &[String], alias: &str, client_usage: bool) -> Result<String>;
    /// Changes a policy.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`], [`crate::Error::Invalid`].
    fn set_policy(&self, policy: &ValidationPolicy) -> Result<()>;
    /// All policies in order of creation.
    ///
    /// # Errors
    /// [`crate::Error::Internal`].
    fn policies(&self) -> Result<Vec<ValidationPolicy>>;
    /// Deletes a policy, its certificates stay.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`].
    fn delete_policy(&self, id: &str) -> Result<()>;
    /// Stores a revocation list (DER); returns its id, which is that of the same one where it is here.
    ///
    /// # Errors
    /// [`crate::Error::Invalid`], [`crate::Error::Exhausted`].
    fn upload_crl(&self, der: &[u8], alias: &str) -> Result<String>;
    /// All revocation lists in order of creation.
    ///
    /// # Errors
    /// [`crate::Error::Internal`].
    fn crls(&self) -> Result<Vec<RevocationList>>;
    /// Deletes a revocation list: what it alone revoked is accepted again.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`].
    fn delete_crl(&self, id: &str) -> Result<()>;
    /// Stores the key and the certificates of a PKCS#12 file as a path; returns the ids of path and key.
    ///
    /// # Errors
    /// [`crate::Error::Invalid`], [`crate::Error::Exhausted`].
    fn upload_pkcs12(&self, upload: &Pkcs12Upload) -> Result<(String, String)>;
    /// Stores a passphrase, sealed; returns its id.
    ///
    /// # Errors
    /// [`crate::Error::Exhausted`].
    fn store_passphrase(&self, passphrase: &Secret, alias: &str) -> Result<String>;
    /// All passphrases, without them.
    ///
    /// # Errors
    /// [`crate::Error::Internal`].
    fn passphrases(&self) -> Result<Vec<PassphraseInfo>>;
    /// A passphrase, for opening what is being uploaded; never for a peer.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`].
    fn passphrase(&self, id: &str) -> Result<Secret>;
    /// Deletes a passphrase.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`].
    fn delete_passphrase(&self, id: &str) -> Result<()>;
    /// The path that HTTPS serves.
    ///
    /// # Errors
    /// [`crate::Error::Internal`].
    fn assigned(&self) -> Result<Option<String>>;
    /// Lets HTTPS serve this path instead of `old`, which is `None` when none is to be assigned before.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`] (`old certification path` or `certification path`), [`crate::Error::Invalid`]
    /// naming `/private_key`, [`crate::Error::Exhausted`] while another one is assigned.
    fn assign(&self, old: Option<&str>, new: &str) -> Result<()>;
    /// HTTPS serves it no more; no connection is accepted until another one is assigned.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`] (`old certification path`).
    fn unassign(&self, path: &str) -> Result<()>;
}
