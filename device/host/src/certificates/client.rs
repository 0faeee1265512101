//! Chain and key for programs of the machine that show who the unit is (802.1X).

use base64::{Engine, engine::general_purpose::STANDARD};
use platecam_model::{Error, Result};
use rustls::pki_types::PrivateKeyDer;
use zeroize::Zeroizing;

use super::{
    rows::{Contents, PATH},
    store::CertificateStore,
};

impl CertificateStore {
    /// Certificates, the own one first, and private key as PEM: of a certification path (`path-3`), or of a
    /// certificate with the longest path that begins with it (`cert-5`).
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`] naming `/private_key` when it is not here.
    pub fn client_pem(&self, id: &str) -> Result<(String, Zeroizing<String>)> {
        let contents = self.read()?;
        let (first, chain) = members(&contents, id)?;
        let key = contents
            .certificate(first)
            .and_then(|c| contents.key(c.key));
        let key = self.private_key(key)?.into_der();
        let label = match &key {
            PrivateKeyDer::Pkcs1(_) => "RSA PRIVATE KEY",
            PrivateKeyDer::Sec1(_) => "EC PRIVATE KEY",
            _ => "PRIVATE KEY",
        };
        let chain = chain
            .iter()
            .map(|der| String::clone(&pem("CERTIFICATE", der)));
        Ok((chain.collect(), pem(label, key.secret_der())))
    }
}

/// The first certificate of what is named, and the DER of all.
fn members(contents: &Contents, id: &str) -> Result<(i64, Vec<Vec<u8>>)> {
    let empty = || Error::not_found("certificate", id);
    if id.starts_with(PATH) {
        let path = contents.named_path(id)?;
        let first = path.certificates.first().copied().ok_or_else(empty)?;
        return Ok((first, contents.chain(path)));
    }
    let own = contents.named_certificate(id)?;
    let begin = |p: &&super::rows::PathRow| p.certificates.first() == Some(&own.id);
    let paths = contents.paths.iter().filter(begin);
    let chain = match paths.max_by_key(|p| p.certificates.len()) {
        Some(path) => contents.chain(path),
        None => own.der.clone().into_iter().collect(),
    };
    Ok((own.id, chain))
}

/// PEM in lines of 64 characters, which every reader takes.
fn pem(label: &str, der: &[u8]) -> Zeroizing<String> {
    let body = Zeroizing::new(STANDARD.encode(der));
    let mut text = Zeroizing::new(format!("-----BEGIN {label}-----\n"));
    for line in body.as_bytes().chunks(64) {
        // Base64 is ASCII.
        text.push_str(std::str::from_utf8(line).unwrap_or_default());
        text.push('\n');
    }
    text.push_str(&format!("-----END {label}-----\n"));
    text
}
