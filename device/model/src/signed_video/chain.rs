//! Who signed: the certificates in the stream.

use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use x509_parser::{pem::Pem, prelude::*};

use super::hash;
use crate::watermark::PublicKey;

/// Most certificates of a chain that is looked at.
const MAX_CHAIN: usize = 5;

/// What makes a signature one of the unit in question.
#[derive(Clone, Debug)]
pub enum Trust {
    /// Its public key.
    Key(PublicKey),
    /// A root certificate in DER, which signed the unit's.
    Root(Vec<u8>),
}

impl Trust {
    /// A root out of PEM.
    ///
    /// # Errors
    /// Why it is none.
    pub fn root(pem: &[u8]) -> Result<Self, String> {
        let (_, pem) = parse_x509_pem(pem).map_err(|e| format!("is no PEM certificate: {e}"))?;
        pem.parse_x509()
            .map_err(|e| format!("is no certificate: {e}"))?;
        Ok(Self::Root(pem.contents))
    }
}

/// The certificate that a stream was signed with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certified {
    /// Distinguished name.
    pub subject: String,
    /// Who signed it.
    pub issuer: String,
    /// SHA-256 of it, hexadecimal.
    pub fingerprint: String,
    /// Its key.
    pub key: PublicKey,
    /// It is of the unit in question.
    pub trusted: bool,
}

impl Certified {
    /// Of a chain in PEM; `None` when there is no certificate with a key that is known here (P-256).
    pub(super) fn of(chain: &str, trust: &Trust) -> Option<Self> {
        let chain: Vec<Vec<u8>> = Pem::iter_from_buffer(chain.as_bytes())
            .take(MAX_CHAIN)
            .map(|pem| pem.map(|pem| pem.contents))
            .collect::<Result<_, _>>()
            .ok()?;
        let der = chain.first()?;
        let (_, leaf) = X509Certificate::from_der(der).ok()?;
        let key: &[u8] = &leaf.public_key().subject_public_key.data;
        let key = PublicKey(key.try_into().ok()?);
        (key.0[0] == 4).then_some(())?;
        Some(Self {
            subject: leaf.subject().to_string(),
            issuer: leaf.issuer().to_string(),
            fingerprint: hex::encode(hash(&[der])),
            key,
            trusted: match trust {
                Trust::Key(wanted) => *wanted == key,
                Trust::Root(root) => leads_to(&chain, root),
            },
        })
    }

    /// Whether its key signed the document.
    pub(super) fn signed(&self, document: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &self.key.0)
            .verify(document, signature)
            .is_ok()
    }
}

/// Whether each certificate is signed by the next, and the last by the root. When they end is not asked: a recording is older than its check.
fn leads_to(chain: &[Vec<u8>], root: &[u8]) -> bool {
    let above = chain.iter().skip(1).map(Vec::as_slice);
    let above = above.filter(|der| *der != root).chain([root]);
    let mut below = chain.first().map(Vec::as_slice).unwrap_or_default();
    for der in above {
        let (Ok((_, one)), Ok((_, issuer))) = (
            X509Certificate::from_der(below),
            X509Certificate::from_der(der),
        ) else {
            return false;
        };
        if !issuer.is_ca()
            || one.issuer() != issuer.subject()
            || one.verify_signature(Some(issuer.public_key())).is_err()
        {
            return false;
        }
        below = der;
    }
    true
}
