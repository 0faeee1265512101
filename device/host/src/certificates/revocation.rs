//! Revocation lists (RFC 5280): what is taken, and what it says.

use platecam_model::{
    Error, Result, UtcTime,
    ports::{MAX_CRL_BYTES, RevocationList},
};
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
    server::WebPkiClientVerifier,
};
use std::sync::Arc;
use tokio::sync::watch;
use x509_parser::prelude::*;

use super::{
    parse,
    rows::{CERTIFICATE, CRL, Contents, crls, delete, insert_crl, number},
    store::CertificateStore,
};

/// Algorithms whose signatures TLS can check on a list (rustls over ring): RSA, RSA-PSS, ECDSA and Ed25519, no SHA-1.
const SIGNATURES: [&str; 7] = [
    "1.2.840.113549.1.1.10",
    "1.2.840.113549.1.1.11",
    "1.2.840.113549.1.1.12",
    "1.2.840.113549.1.1.13",
    "1.2.840.10045.4.3.2",
    "1.2.840.10045.4.3.3",
    "1.3.101.112",
];

fn bad(why: impl Into<String>) -> Error {
    Error::invalid("/crl", "", why.into())
}

/// Exactly one list.
fn list(der: &[u8]) -> Result<CertificateRevocationList<'_>> {
    if der.len() > MAX_CRL_BYTES {
        let n = der.len();
        return Err(bad(format!("has {n} bytes; at most {MAX_CRL_BYTES}")));
    }
    match CertificateRevocationList::from_der(der) {
        Ok(([], list)) => Ok(list),
        Ok(_) => Err(bad("has bytes after its end")),
        Err(e) => Err(bad(format!("is no revocation list: {e}"))),
    }
}

fn facts(number: i64, alias: String, der: Vec<u8>) -> Result<RevocationList> {
    let list = list(&der)?;
    let time = |t: ASN1Time| UtcTime::from_millis(t.timestamp().saturating_mul(1000));
    let (issuer, this_update) = (list.issuer().to_string(), time(list.last_update()));
    let next_update = list.next_update().map(time);
    let revoked = list.iter_revoked_certificates().count();
    Ok(RevocationList {
        id: format!("{CRL}{number}"),
        alias,
        issuer,
        this_update,
        next_update,
        revoked,
        der,
    })
}

/// Whether the certificate of its issuer signed a list; `None` for that of somebody else.
pub(super) fn signed_by(der: &[u8], authority: &[u8]) -> Option<bool> {
    let (list, authority) = (list(der).ok()?, parse::certificate(authority).ok()?);
    let issuer = list.issuer().as_raw() == authority.subject().as_raw();
    issuer.then(|| list.verify_signature(authority.public_key()).is_ok())
}

impl CertificateStore {
    /// Told at every change of the revocation lists.
    pub fn revocations(&self) -> watch::Receiver<u64> {
        self.revoked.subscribe()
    }

    pub(super) fn add_crl(&self, der: &[u8], alias: &str) -> Result<String> {
        let algorithm = list(der)?.signature_algorithm.algorithm.to_id_string();
        if !SIGNATURES.contains(&algorithm.as_str()) {
            let why = "of the revocation list is not known here";
            return Err(Error::invalid("/signature_algorithm", algorithm, why));
        }
        self.usable(der)?;
        let id = self.write(|tx| {
            if let Some((known, ..)) = crls(tx)?.iter().find(|(_, _, d)| d == der) {
                return Ok(*known);
            }
            let contents = Contents::load(tx)?;
            let of = |c: &super::rows::CertificateRow| {
                let signed = signed_by(der, c.der.as_deref()?)?;
                Some((c.id, signed))
            };
            let verdicts: Vec<(i64, bool)> = contents.certificates.iter().filter_map(of).collect();
            if let Some((id, _)) = verdicts.first()
                && !verdicts.iter().any(|(_, signed)| *signed)
            {
                return Err(bad(format!(
                    "is not signed with the key of its issuer, {CERTIFICATE}{id}"
                )));
            }
            insert_crl(tx, alias, der)
        })?;
        self.revoked.send_modify(|n| *n += 1);
        Ok(format!("{CRL}{id}"))
    }

    /// Refuses what TLS could not work with: version 1, delta and indirect lists, unknown critical extensions.
    fn usable(&self, der: &[u8]) -> Result<()> {
        let mut roots = RootCertStore::empty();
        let root = CertificateDer::from_pem_slice(self.root_cert.as_bytes());
        roots
            .add(root.map_err(Error::internal)?)
            .map_err(Error::internal)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        let built = verifier.with_crls([der.to_vec().into()]).build();
        built
            .map(drop)
            .map_err(|e| bad(format!("cannot be used: {e}")))
    }

    pub(super) fn all_crls(&self) -> Result<Vec<RevocationList>> {
        let rows = crls(&self.db.writer.lock())?;
        rows.into_iter()
            .map(|(n, alias, der)| facts(n, alias, der))
            .collect()
    }

    pub(super) fn remove_crl(&self, id: &str) -> Result<()> {
        let found = number(id, CRL);
        self.write(|tx| {
            let known = crls(tx)?.into_iter().map(|(n, ..)| n);
            let row = found.filter(|n| known.into_iter().any(|k| k == *n));
            let row = row.ok_or_else(|| Error::not_found("revocation list", id))?;
            delete(tx, "keystore_crls", row)
        })?;
        self.revoked.send_modify(|n| *n += 1);
        Ok(())
    }
}
