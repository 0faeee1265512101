//! Revocation lists: which certificates of an authority are not to be trusted any more (Security Service §5.2.6.4).

use base64::{Engine, engine::general_purpose::STANDARD};
use x509_parser::pem::Pem;

use super::alias;
use crate::{
    Actor, Device, Error, Result,
    ports::{MAX_CRL_BYTES, RevocationList},
};

/// Longest text of a list: PEM takes a third more than DER, and its lines.
const MAX_TEXT: usize = MAX_CRL_BYTES * 3 / 2;

/// The list in a text: PEM, or base64 of DER.
fn der(text: &str) -> Result<Vec<u8>> {
    let bad = |why: String| Err(Error::invalid("/crl", "", why));
    if text.len() > MAX_TEXT {
        return bad(format!("has {} bytes; at most {MAX_TEXT}", text.len()));
    }
    if !text.contains("-----BEGIN") {
        let compact: String = text.split_whitespace().collect();
        return STANDARD
            .decode(compact)
            .or_else(|e| bad(format!("is neither PEM nor base64: {e}")));
    }
    let mut blocks = Pem::iter_from_buffer(text.as_bytes());
    match (blocks.next(), blocks.next()) {
        (Some(Ok(one)), None) if one.label == "X509 CRL" => Ok(one.contents),
        (Some(Ok(one)), None) => bad(format!("holds '{}', no X509 CRL", one.label)),
        (Some(Ok(_)), Some(_)) => bad("holds more than one list".into()),
        (Some(Err(e)), _) => bad(format!("is no PEM: {e}")),
        (None, _) => bad("holds no list".into()),
    }
}

impl Device {
    /// All revocation lists.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::Internal`].
    pub fn revocation_lists(&self, by: &Actor) -> Result<Vec<RevocationList>> {
        self.keystore(by)?.crls()
    }

    /// One revocation list.
    ///
    /// # Errors
    /// As [`Device::revocation_lists`], and [`Error::NotFound`].
    pub fn revocation_list(&self, by: &Actor, id: &str) -> Result<RevocationList> {
        let found = self.revocation_lists(by)?.into_iter().find(|c| c.id == id);
        found.ok_or_else(|| Error::not_found("revocation list", id))
    }

    /// Stores a revocation list (DER): new connections of those in it are refused from now on.
    ///
    /// # Errors
    /// As [`crate::ports::Keystore::upload_crl`], and [`Error::Forbidden`].
    pub fn upload_revocation_list(&self, by: &Actor, der: &[u8], name: &str) -> Result<String> {
        let store = self.keystore(by)?;
        alias(name)?;
        let id = store.upload_crl(der, name)?;
        self.noted(by, format!("Revocation list uploaded: {id}."));
        Ok(id)
    }

    /// The same as text: PEM, or base64 of DER.
    ///
    /// # Errors
    /// As [`Device::upload_revocation_list`].
    pub fn upload_revocation_text(&self, by: &Actor, text: &str, name: &str) -> Result<String> {
        self.keystore(by)?;
        self.upload_revocation_list(by, &der(text)?, name)
    }

    /// Deletes a revocation list.
    ///
    /// # Errors
    /// As [`crate::ports::Keystore::delete_crl`], and [`Error::Forbidden`].
    pub fn delete_revocation_list(&self, by: &Actor, id: &str) -> Result<()> {
        self.keystore(by)?.delete_crl(id)?;
        self.noted(by, format!("Revocation list {id} deleted."));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{settings::trust::tests::CA, testing::initialised};

    /// Security Service §5.2.6.4: PEM and base64 are taken, the reason for a refusal is told.
    #[test]
    fn lists_come_as_text_too() {
        let pem = "-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n";
        assert_eq!(der(pem).unwrap(), [0x30, 0]);
        assert_eq!(der("MA\n A=").unwrap(), [0x30, 0]);
        let long = "A".repeat(MAX_TEXT + 1);
        for (text, reason) in [
            (CA, "holds 'CERTIFICATE', no X509 CRL"),
            (&pem.repeat(2), "holds more than one list"),
            ("words!", "is neither PEM nor base64"),
            ("-----BEGIN X509 CRL-----", "is no PEM"),
            (&long, "at most 196608"),
        ] {
            let refused = der(text).unwrap_err().to_string();
            assert!(refused.contains(reason), "{refused}");
        }
        let t = initialised();
        let by = Actor::system();
        let id = t.device.upload_revocation_text(&by, pem, "old").unwrap();
        assert_eq!(t.device.revocation_list(&by, &id).unwrap().alias, "old");
        t.device.delete_revocation_list(&by, &id).unwrap();
        let gone = t.device.revocation_list(&by, &id).unwrap_err();
        assert!(matches!(gone, Error::NotFound { .. }), "{gone}");
        let stranger = Actor {
            permissions: Default::default(),
            ..by
        };
        assert!(t.device.revocation_lists(&stranger).is_err());
    }
}
