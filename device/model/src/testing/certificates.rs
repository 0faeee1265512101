use lpr_core::UtcTime;
use parking_lot::Mutex;

use super::keystore::MemoryKeystore;
use crate::{
    Error, Result,
    ports::{
        CertificateInfo, CertificateKind, CertificateState, Certificates, NewCertificate, RootInfo,
        UploadedCertificate,
    },
};

/// A store that remembers what it was asked for; no cryptography.
#[derive(Debug, Default)]
pub struct MemoryCertificates {
    entries: Mutex<Vec<CertificateInfo>>,
    pub(super) keystore: MemoryKeystore,
}

impl MemoryCertificates {
    fn push(&self, alias: &str, kind: CertificateKind, not_after: Option<UtcTime>) -> String {
        let mut all = self.entries.lock();
        let id = format!("cert-{}", all.len() + 1);
        all.push(CertificateInfo {
            id: id.clone(),
            alias: alias.to_owned(),
            kind,
            subject: format!("CN={alias}"),
            issuer: String::new(),
            serial: String::new(),
            names: Vec::new(),
            not_before: None,
            not_after,
            fingerprint: String::new(),
            self_signed: false,
            ca_issued: false,
            in_use: false,
            state: not_after.map(|_| CertificateState::Valid),
            covers_address: false,
        });
        id
    }

    fn with<T>(&self, id: &str, f: impl FnOnce(&mut CertificateInfo) -> Result<T>) -> Result<T> {
        let mut all = self.entries.lock();
        let found = all.iter_mut().find(|c| c.id == id);
        f(found.ok_or_else(|| Error::not_found("certificate", id))?)
    }
}

impl Certificates for MemoryCertificates {
    fn list(&self, _now: UtcTime, _here: &[String]) -> Result<Vec<CertificateInfo>> {
        Ok(self.entries.lock().clone())
    }

    fn root(&self) -> Result<RootInfo> {
        Ok(RootInfo {
            subject: "CN=Test Root".into(),
            fingerprint: "00".into(),
            not_after: UtcTime::from_millis(4_000_000_000_000),
        })
    }

    fn root_der(&self) -> Result<Vec<u8>> {
        Ok(b"root".to_vec())
    }

    fn create(&self, new: &NewCertificate, now: UtcTime) -> Result<String> {
        Ok(self.push(&new.alias, CertificateKind::Certificate, Some(now)))
    }

    fn request(&self, new: &NewCertificate) -> Result<String> {
        Ok(self.push(&new.alias, CertificateKind::Request, None))
    }

    fn request_pem(&self, id: &str) -> Result<String> {
        self.with(id, |c| Ok(format!("request of {}", c.alias)))
    }

    fn complete(&self, id: &str, _certificate: &str, now: UtcTime) -> Result<()> {
        self.with(id, |c| {
            c.kind = CertificateKind::Certificate;
            c.not_after = Some(now);
            Ok(())
        })
    }

    fn upload(&self, alias: &str, _upload: &UploadedCertificate, now: UtcTime) -> Result<String> {
        Ok(self.push(alias, CertificateKind::Certificate, Some(now)))
    }

    fn install(&self, id: &str, _now: UtcTime) -> Result<()> {
        self.with(id, |_| Ok(()))?;
        for c in self.entries.lock().iter_mut() {
            c.in_use = c.id == id;
        }
        Ok(())
    }

    fn delete(&self, id: &str) -> Result<()> {
        self.with(id, |c| match c.in_use {
            true => Err(Error::Conflict("in use".into())),
            false => Ok(()),
        })?;
        self.entries.lock().retain(|c| c.id != id);
        Ok(())
    }

    fn certificate_pem(&self, id: &str) -> Result<String> {
        self.with(id, |c| Ok(c.alias.clone()))
    }
}
