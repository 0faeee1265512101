use lpr_core::UtcTime;
use parking_lot::Mutex;

use super::MemoryCertificates;
use crate::{
    Error, Result, Secret,
    ports::{
        CertificateUpload, CertificationPath, KeyInfo, KeyStatus, Keystore, MAX_CRLS, MAX_POLICIES,
        NewKey, PassphraseInfo, Pkcs12Upload, RequestContent, RevocationList, SelfSigned,
        StoredCertificate, ValidationPolicy,
    },
};

/// Keys, certificates and paths without cryptography: the references between them are kept, nothing is signed.
#[derive(Debug, Default)]
pub(super) struct MemoryKeystore {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    made: u32,
    keys: Vec<KeyInfo>,
    certificates: Vec<StoredCertificate>,
    paths: Vec<CertificationPath>,
    policies: Vec<ValidationPolicy>,
    crls: Vec<RevocationList>,
    passphrases: Vec<(PassphraseInfo, Secret)>,
    assigned: Option<String>,
}

impl State {
    fn id(&mut self, prefix: &str) -> String {
        self.made += 1;
        format!("{prefix}-{}", self.made)
    }

    fn key(&mut self, alias: &str, has_private: bool, external: bool) -> String {
        let id = self.id("key");
        self.keys.push(KeyInfo {
            id: id.clone(),
            alias: alias.into(),
            status: KeyStatus::Ok,
            has_private,
            external,
        });
        id
    }

    fn certificate(&mut self, key: &str, alias: &str, der: Vec<u8>) -> String {
        let id = self.id("cert");
        let has_private = self.keys.iter().any(|k| k.id == key && k.has_private);
        self.certificates.push(StoredCertificate {
            id: id.clone(),
            key: key.into(),
            alias: alias.into(),
            der,
            has_private,
        });
        id
    }

    fn known_key(&self, id: &str) -> Result<()> {
        let known = self.keys.iter().any(|k| k.id == id);
        known
            .then_some(())
            .ok_or_else(|| Error::not_found("key", id))
    }

    fn known_certificates(&self, ids: &[String]) -> Result<()> {
        let known = |id: &&String| self.certificates.iter().any(|c| c.id == **id);
        match ids.iter().find(|id| !known(id)) {
            Some(id) => Err(Error::not_found("certificate", id.clone())),
            None => Ok(()),
        }
    }

    fn path(&mut self, certificates: &[String], alias: &str) -> String {
        let id = self.id("path");
        self.paths.push(CertificationPath {
            id: id.clone(),
            alias: alias.into(),
            certificates: certificates.to_vec(),
        });
        id
    }
}

fn referenced(id: &str) -> Error {
    Error::Conflict(format!("{id} is referred to"))
}

impl Keystore for MemoryCertificates {
    fn keys(&self) -> Result<Vec<KeyInfo>> {
        Ok(self.keystore.state.lock().keys.clone())
    }

    fn generate_key(&self, new: NewKey, alias: &str) -> Result<String> {
        match new {
            NewKey::Rsa(bits) if !NewKey::RSA_LENGTHS.contains(&bits) => {
                Err(Error::invalid("/key_length", bits, "is not among them"))
            }
            _ => Ok(self.keystore.state.lock().key(alias, true, false)),
        }
    }

    fn upload_key(&self, _: &[u8], _: Option<&Secret>, alias: &str) -> Result<String> {
        Ok(self.keystore.state.lock().key(alias, true, true))
    }

    fn delete_key(&self, id: &str) -> Result<()> {
        let mut state = self.keystore.state.lock();
        state.known_key(id)?;
        if state.certificates.iter().any(|c| c.key == id) {
            return Err(referenced(id));
        }
        state.keys.retain(|k| k.id != id);
        Ok(())
    }

    fn certification_request(&self, content: &RequestContent) -> Result<Vec<u8>> {
        self.keystore.state.lock().known_key(&content.key)?;
        Ok(b"request".to_vec())
    }

    fn self_sign(&self, content: &SelfSigned, _: UtcTime) -> Result<String> {
        let mut state = self.keystore.state.lock();
        state.known_key(&content.key)?;
        Ok(state.certificate(&content.key, &content.alias, b"certificate".to_vec()))
    }

    fn upload_der(&self, upload: &CertificateUpload) -> Result<(String, String)> {
        if upload.private_key_required {
            return Err(Error::invalid("/private_key", "", "is not here"));
        }
        let mut state = self.keystore.state.lock();
        let key = state.key(&upload.key_alias, false, true);
        let id = state.certificate(&key, &upload.alias, upload.der.clone());
        Ok((id, key))
    }

    fn stored_certificates(&self) -> Result<Vec<StoredCertificate>> {
        Ok(self.keystore.state.lock().certificates.clone())
    }

    fn delete_certificate(&self, id: &str) -> Result<()> {
        let mut state = self.keystore.state.lock();
        state.known_certificates(&[id.to_owned()])?;
        let with = |p: &CertificationPath| p.certificates.iter().any(|c| c == id);
        let trusts = |p: &ValidationPolicy| p.anchors.iter().any(|c| c == id);
        if state.paths.iter().any(with) || state.policies.iter().any(trusts) {
            return Err(referenced(id));
        }
        state.certificates.retain(|c| c.id != id);
        Ok(())
    }

    fn create_path(&self, certificates: &[String], alias: &str) -> Result<String> {
        let mut state = self.keystore.state.lock();
        state.known_certificates(certificates)?;
        Ok(state.path(certificates, alias))
    }

    fn set_path(&self, path: &CertificationPath) -> Result<()> {
        let mut state = self.keystore.state.lock();
        state.known_certificates(&path.certificates)?;
        let found = state.paths.iter_mut().find(|p| p.id == path.id);
        *found.ok_or_else(|| Error::not_found("certification path", path.id.clone()))? =
            path.clone();
        Ok(())
    }

    fn paths(&self) -> Result<Vec<CertificationPath>> {
        Ok(self.keystore.state.lock().paths.clone())
    }

    fn delete_path(&self, id: &str) -> Result<()> {
        let mut state = self.keystore.state.lock();
        if !state.paths.iter().any(|p| p.id == id) {
            return Err(Error::not_found("certification path", id));
        }
        if state.assigned.as_deref() == Some(id) {
            return Err(referenced(id));
        }
        state.paths.retain(|p| p.id != id);
        Ok(())
    }

    fn create_policy(&self, anchors: &[String], alias: &str, client_usage: bool) -> Result<String> {
        let mut state = self.keystore.state.lock();
        state.known_certificates(anchors)?;
        if state.policies.len() >= MAX_POLICIES {
            let limit = MAX_POLICIES as u64;
            return Err(Error::Exhausted {
                what: "validation policies",
                limit,
            });
        }
        let id = state.id("policy");
        state.policies.push(ValidationPolicy {
            id: id.clone(),
            alias: alias.into(),
            anchors: anchors.to_vec(),
            client_usage,
        });
        Ok(id)
    }

    fn set_policy(&self, policy: &ValidationPolicy) -> Result<()> {
        let mut state = self.keystore.state.lock();
        state.known_certificates(&policy.anchors)?;
        let found = state.policies.iter_mut().find(|p| p.id == policy.id);
        *found.ok_or_else(|| Error::not_found("validation policy", policy.id.clone()))? =
            policy.clone();
        Ok(())
    }

    fn policies(&self) -> Result<Vec<ValidationPolicy>> {
        Ok(self.keystore.state.lock().policies.clone())
    }

    fn delete_policy(&self, id: &str) -> Result<()> {
        let mut state = self.keystore.state.lock();
        let before = state.policies.len();
        state.policies.retain(|p| p.id != id);
        if state.policies.len() == before {
            return Err(Error::not_found("validation policy", id));
        }
        Ok(())
    }

    fn upload_crl(&self, der: &[u8], alias: &str) -> Result<String> {
        // A sequence, as every list is.
        if der.first() != Some(&0x30) {
            return Err(Error::invalid("/crl", "", "is no revocation list"));
        }
        let mut state = self.keystore.state.lock();
        if state.crls.len() >= MAX_CRLS {
            let limit = MAX_CRLS as u64;
            return Err(Error::Exhausted {
                what: "revocation lists",
                limit,
            });
        }
        let id = state.id("crl");
        state.crls.push(RevocationList {
            id: id.clone(),
            alias: alias.into(),
            issuer: "CN=Test".into(),
            this_update: UtcTime::from_millis(0),
            next_update: None,
            revoked: 0,
            der: der.to_vec(),
        });
        Ok(id)
    }

    fn crls(&self) -> Result<Vec<RevocationList>> {
        Ok(self.keystore.state.lock().crls.clone())
    }

    fn delete_crl(&self, id: &str) -> Result<()> {
        let mut state = self.keystore.state.lock();
        let before = state.crls.len();
        state.crls.retain(|c| c.id != id);
        if state.crls.len() == before {
            return Err(Error::not_found("revocation list", id));
        }
        Ok(())
    }

    fn upload_pkcs12(&self, upload: &Pkcs12Upload) -> Result<(String, String)> {
        let mut state = self.keystore.state.lock();
        let key = state.key(&upload.key_alias, true, true);
        let id = state.certificate(&key, &upload.path_alias, b"certificate".to_vec());
        Ok((state.path(&[id], &upload.path_alias), key))
    }

    fn store_passphrase(&self, passphrase: &Secret, alias: &str) -> Result<String> {
        let mut state = self.keystore.state.lock();
        let id = state.id("pass");
        let info = PassphraseInfo {
            id: id.clone(),
            alias: alias.into(),
        };
        state.passphrases.push((info, passphrase.clone()));
        Ok(id)
    }

    fn passphrases(&self) -> Result<Vec<PassphraseInfo>> {
        let state = self.keystore.state.lock();
        Ok(state.passphrases.iter().map(|(p, _)| p.clone()).collect())
    }

    fn passphrase(&self, id: &str) -> Result<Secret> {
        let state = self.keystore.state.lock();
        let found = state.passphrases.iter().find(|(p, _)| p.id == id);
        let found = found.map(|(_, secret)| secret.clone());
        found.ok_or_else(|| Error::not_found("passphrase", id))
    }

    fn delete_passphrase(&self, id: &str) -> Result<()> {
        self.passphrase(id)?;
        self.keystore
            .state
            .lock()
            .passphrases
            .retain(|(p, _)| p.id != id);
        Ok(())
    }

    fn assigned(&self) -> Result<Option<String>> {
        Ok(self.keystore.state.lock().assigned.clone())
    }

    fn assign(&self, old: Option<&str>, new: &str) -> Result<()> {
        let mut state = self.keystore.state.lock();
        if old.is_some() && state.assigned.as_deref() != old {
            return Err(Error::not_found(
                "old certification path",
                old.unwrap_or_default(),
            ));
        }
        if !state.paths.iter().any(|p| p.id == new) {
            return Err(Error::not_found("certification path", new));
        }
        if old.is_none() && state.assigned.as_ref().is_some_and(|a| a != new) {
            return Err(Error::Exhausted {
                what: "assigned certification paths",
                limit: 1,
            });
        }
        state.assigned = Some(new.to_owned());
        Ok(())
    }

    fn unassign(&self, path: &str) -> Result<()> {
        let mut state = self.keystore.state.lock();
        match state.assigned.take_if(|a| a == path) {
            Some(_) => Ok(()),
            None => Err(Error::not_found("old certification path", path)),
        }
    }
}
