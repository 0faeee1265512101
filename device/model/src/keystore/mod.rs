//! Keys, certificates and paths one by one, as ONVIF's security configuration handles them: who may, and what
//! the log says (SEC-18, HTTPS-1..4, HTTPS-9).

mod clients;
mod policies;
mod revocation;

use crate::{
    Actor, Device, Error, LogKind, Permission, Result, Secret, Violation, Violations,
    ports::{
        CertificateUpload, CertificationPath, KeyInfo, NewKey, PassphraseInfo, Pkcs12Upload,
        RequestContent, SelfSigned, StoredCertificate,
    },
    settings::{NetDot1x, NetHttps},
};

/// Characters of an alias.
const ALIAS: usize = 128;
/// Bytes of a passphrase.
const PASSPHRASE: usize = 1024;

fn alias(text: &str) -> Result<()> {
    let n = text.chars().count();
    if n <= ALIAS && !text.chars().any(char::is_control) {
        return Ok(());
    }
    let why = format!("has {n} characters; allowed are 0 to {ALIAS} visible ones");
    Err(Error::invalid("/alias", text, why))
}

impl Device {
    fn keystore(&self, by: &Actor) -> Result<&dyn crate::ports::Certificates> {
        by.require(Permission::SecurityConfig)?;
        Ok(&*self.certificates)
    }

    fn noted(&self, by: &Actor, what: String) {
        self.audit(LogKind::Configuration, by, what);
    }

    /// All keys, never with their private halves.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::Internal`].
    pub fn keys(&self, by: &Actor) -> Result<Vec<KeyInfo>> {
        self.keystore(by)?.keys()
    }

    /// One key.
    ///
    /// # Errors
    /// As [`Device::keys`], and [`Error::NotFound`].
    pub fn key(&self, by: &Actor, id: &str) -> Result<KeyInfo> {
        let found = self.keys(by)?.into_iter().find(|k| k.id == id);
        found.ok_or_else(|| Error::not_found("key", id))
    }

    /// Begins to make a key.
    ///
    /// # Errors
    /// As [`crate::ports::Keystore::generate_key`], and [`Error::Forbidden`].
    pub fn generate_key(&self, by: &Actor, new: NewKey, name: &str) -> Result<String> {
        let store = self.keystore(by)?;
        alias(name)?;
        let id = store.generate_key(new, name)?;
        self.noted(by, format!("Key {id} is being made."));
        Ok(id)
    }

    /// Stores a key from elsewhere.
    ///
    /// # Errors
    /// As [`crate::ports::Keystore::upload_key`], and [`Error::Forbidden`].
    pub fn upload_key(
        &self,
        by: &Actor,
        pkcs8: &[u8],
        password: Option<&Secret>,
        name: &str,
    ) -> Result<String> {
        let store = self.keystore(by)?;
        alias(name)?;
        let id = store.upload_key(pkcs8, password, name)?;
        self.noted(by, format!("Private key uploaded: {id}."));
        Ok(id)
    }

    /// Deletes a key.
    ///
    /// # Errors
    /// As [`crate::ports::Keystore::delete_key`], and [`Error::Forbidden`].
    pub fn delete_key(&self, by: &Actor, id: &str) -> Result<()> {
        self.keystore(by)?.delete_key(id)?;
        self.noted(by, format!("Key {id} deleted."));
        Ok(())
    }

    /// A PKCS#10 request for a key, DER. Nothing changes by it: who may read the configuration may ask.
    ///
    /// # Errors
    /// As [`crate::ports::Keystore::certification_request`], and [`Error::Forbidden`].
    pub fn certification_request(&self, by: &Actor, content: &RequestContent) -> Result<Vec<u8>> {
        by.require(Permission::ReadConfig)?;
        self.certificates.certification_request(content)
    }

    /// Makes a self-signed certificate for a key.
    ///
    /// # Errors
    /// As [`crate::ports::Keystore::self_sign`], and [`Error::Forbidden`].
    pub fn self_sign(&self, by: &Actor, content: &SelfSigned) -> Result<String> {
        let store = self.keystore(by)?;
        alias(&content.alias)?;
        let id = store.self_sign(content, self.clock.now())?;
        self.noted(by, format!("Certificate made: {id} for {}.", content.key));
        Ok(id)
    }

    /// Stores a certificate; returns the ids of it and its key.
    ///
    /// # Errors
    /// As [`crate::ports::Keystore::upload_der`], and [`Error::Forbidden`].
    pub fn upload_der(&self, by: &Actor, upload: &CertificateUpload) -> Result<(String, String)> {
        let store = self.keystore(by)?;
        alias(&upload.alias)?;
        alias(&upload.key_alias)?;
        let (id, key) = store.upload_der(upload)?;
        self.noted(by, format!("Certificate uploaded: {id} for {key}."));
        Ok((id, key))
    }

    /// All certificates.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::Internal`].
    pub fn stored_certificates(&self, by: &Actor) -> Result<Vec<StoredCertificate>> {
        self.keystore(by)?.stored_certificates()
    }

    /// Deletes a certificate; its key stays.
    ///
    /// # Errors
    /// As [`crate::ports::Keystore::delete_certificate`], and [`Error::Forbidden`].
    pub fn delete_stored_certificate(&self, by: &Actor, id: &str) -> Result<()> {
        let store = self.keystore(by)?;
        crate::ports::Keystore::delete_certificate(store, id)?;
        self.noted(by, format!("Certificate {id} deleted."));
        Ok(())
    }

    /// All certification paths.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::Internal`].
    pub fn certification_paths(&self, by: &Actor) -> Result<Vec<CertificationPath>> {
        self.keystore(by)?.paths()
    }

    /// Makes a path of stored certificates.
    ///
    /// # Errors
    /// As [`crate::ports::Keystore::create_path`], and [`Error::Forbidden`].
    pub fn create_certification_path(
        &self,
        by: &Actor,
        certificates: &[String],
        name: &str,
    ) -> Result<String> {
        let store = self.keystore(by)?;
        alias(name)?;
        let id = store.create_path(certificates, name)?;
        let all = certificates.join(", ");
        self.noted(by, format!("Certification path made: {id} of {all}."));
        Ok(id)
    }

    /// Changes a path.
    ///
    /// # Errors
    /// As [`crate::ports::Keystore::set_path`], and [`Error::Forbidden`].
    pub fn set_certification_path(&self, by: &Actor, path: &CertificationPath) -> Result<()> {
        let store = self.keystore(by)?;
        alias(&path.alias)?;
        store.set_path(path)?;
        let all = path.certificates.join(", ");
        self.noted(
            by,
            format!("Certification path {} is of {all} now.", path.id),
        );
        Ok(())
    }

    /// Deletes a path; its certificates stay.
    ///
    /// # Errors
    /// As [`crate::ports::Keystore::delete_path`], and [`Error::Forbidden`].
    pub fn delete_certification_path(&self, by: &Actor, id: &str) -> Result<()> {
        let store = self.keystore(by)?;
        if self.settings.get::<NetDot1x>().certification_path == id {
            let text = format!("certification path {id} is the one of 802.1x");
            return Err(Error::Conflict(text));
        }
        store.delete_path(id)?;
        self.noted(by, format!("Certification path {id} deleted."));
        Ok(())
    }

    /// Stores the key and certificates of a PKCS#12 file; returns the ids of path and key.
    ///
    /// # Errors
    /// As [`crate::ports::Keystore::upload_pkcs12`], and [`Error::Forbidden`].
    pub fn upload_pkcs12(&self, by: &Actor, upload: &Pkcs12Upload) -> Result<(String, String)> {
        let store = self.keystore(by)?;
        alias(&upload.path_alias)?;
        alias(&upload.key_alias)?;
        let (path, key) = store.upload_pkcs12(upload)?;
        self.noted(by, format!("PKCS#12 file uploaded: {path} with {key}."));
        Ok((path, key))
    }

    /// Stores a passphrase for later uploads.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming `/passphrase`, [`Error::Exhausted`], [`Error::Forbidden`].
    pub fn store_passphrase(&self, by: &Actor, passphrase: &Secret, name: &str) -> Result<String> {
        let store = self.keystore(by)?;
        alias(name)?;
        let n = passphrase.expose().len();
        let mut violations = Violations::default();
        violations.require((1..=PASSPHRASE).contains(&n), || {
            let why = format!("has {n} bytes; allowed are 1 to {PASSPHRASE}");
            Violation::new("/passphrase", "", why)
        });
        violations.into_result()?;
        let id = store.store_passphrase(passphrase, name)?;
        self.noted(by, format!("Passphrase stored: {id}."));
        Ok(id)
    }

    /// A stored passphrase, to open an upload with.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Forbidden`].
    pub fn passphrase(&self, by: &Actor, id: &str) -> Result<Secret> {
        self.keystore(by)?.passphrase(id)
    }

    /// All passphrases, without them.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::Internal`].
    pub fn passphrases(&self, by: &Actor) -> Result<Vec<PassphraseInfo>> {
        self.keystore(by)?.passphrases()
    }

    /// Deletes a passphrase.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Forbidden`].
    pub fn delete_passphrase(&self, by: &Actor, id: &str) -> Result<()> {
        self.keystore(by)?.delete_passphrase(id)?;
        self.noted(by, format!("Passphrase {id} deleted."));
        Ok(())
    }

    /// The path that HTTPS serves.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::Internal`].
    pub fn assigned_path(&self, by: &Actor) -> Result<Option<String>> {
        self.keystore(by)?.assigned()
    }

    /// Lets HTTPS serve a path from the next connection on, instead of `old` if that is named.
    ///
    /// # Errors
    /// As [`crate::ports::Keystore::assign`], and [`Error::Forbidden`].
    pub fn assign_path(&self, by: &Actor, old: Option<&str>, new: &str) -> Result<()> {
        self.keystore(by)?.assign(old, new)?;
        self.noted(
            by,
            format!("HTTPS uses the certification path {new} from now on."),
        );
        Ok(())
    }

    /// Takes a path from HTTPS.
    ///
    /// # Errors
    /// [`Error::Conflict`] while HTTPS is enabled, [`Error::NotFound`], [`Error::Forbidden`].
    pub fn unassign_path(&self, by: &Actor, path: &str) -> Result<()> {
        let store = self.keystore(by)?;
        if store.assigned()?.as_deref() != Some(path) {
            return Err(Error::not_found("old certification path", path));
        }
        if self.settings.get::<NetHttps>().enabled {
            let why =
                "HTTPS is enabled and needs its certificate: replace it, or disable HTTPS first";
            return Err(Error::Conflict(why.into()));
        }
        store.unassign(path)?;
        self.noted(
            by,
            format!("HTTPS uses the certification path {path} no more."),
        );
        Ok(())
    }
}
