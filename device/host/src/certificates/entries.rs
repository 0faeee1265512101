//! The store as the web shows it: one entry for a key with its certificate, request or nothing yet.

use platecam_model::{
    Error, Result, UtcTime,
    ports::{
        CertificateInfo, CertificateKind, Certificates, KeyStatus, NewCertificate, RootInfo,
        SignedBy, UploadedCertificate,
    },
};
use rcgen::{Issuer, KeyPair};
use rusqlite::{Connection, params};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::{
    import,
    keys::PrivateKey,
    parse::{self, Facts},
    rows::{
        CERTIFICATE, CertificateRow, Contents, KEY, KeyRow, NewCertificateRow, NewKeyRow, POLICY,
        PathRow, delete, insert_certificate, insert_key, number, prune,
    },
    store::{CertificateStore, SEAL, path_of, pem, rc, server_params},
};
use crate::database::internal;

impl CertificateStore {
    fn delete_key_entry(&self, contents: &Contents, id: &str) -> Result<()> {
        let key = contents.named_key(id)?.id;
        if contents.certificates.iter().any(|c| c.key == key) {
            return Err(Error::Conflict(format!("a certificate has the key {id}")));
        }
        self.write(|tx| delete(tx, "keystore_keys", key))
    }

    fn delete_certificate_entry(&self, contents: &Contents, row: &CertificateRow) -> Result<()> {
        let id = row.id;
        let with = |p: &&PathRow| p.certificates.contains(&id);
        if contents.in_use().is_some_and(|p| with(&p)) {
            return Err(Error::Conflict(format!(
                "HTTPS uses {CERTIFICATE}{id}: install another one first"
            )));
        }
        if let Some(policy) = contents.trusting(id) {
            return Err(Error::Conflict(format!(
                "{CERTIFICATE}{id} is trusted by {POLICY}{}",
                policy.id
            )));
        }
        let above = |p: &&PathRow| with(p) && p.certificates.first() != Some(&id);
        if let Some(path) = contents.paths.iter().find(above) {
            let first = path.certificates.first().copied().unwrap_or_default();
            return Err(Error::Conflict(format!(
                "{CERTIFICATE}{id} is in the chain of {CERTIFICATE}{first}"
            )));
        }
        let paths: Vec<i64> = contents.paths.iter().filter(with).map(|p| p.id).collect();
        let others = contents.certificates.iter().filter(|c| c.key == row.key);
        let last = others.count() == 1;
        self.write(|tx| {
            for path in paths {
                delete(tx, "keystore_paths", path)?;
            }
            delete(tx, "keystore_certificates", id)?;
            if last {
                delete(tx, "keystore_keys", row.key)?;
            }
            prune(tx)
        })
    }

    fn entry(
        &self,
        contents: &Contents,
        row: &CertificateRow,
        now: UtcTime,
        here: &[String],
    ) -> Result<CertificateInfo> {
        let mut info = empty(format!("{CERTIFICATE}{}", row.id), &row.alias);
        if let Some(der) = &row.der {
            let facts = Facts::of(der)?;
            let private = contents.key(row.key).is_some_and(|k| k.sealed.is_some());
            info.kind = match private {
                true => CertificateKind::Certificate,
                false => CertificateKind::Authority,
            };
            info.self_signed = facts.subject == facts.issuer;
            info.ca_issued = facts.issuer == self.root_name;
            info.state = Some(facts.state(now));
            info.covers_address = here.iter().any(|n| facts.names.contains(n));
            (info.subject, info.issuer, info.serial) = (facts.subject, facts.issuer, facts.serial);
            (info.names, info.fingerprint) = (facts.names, facts.fingerprint);
            info.not_before = Some(facts.not_before);
            info.not_after = Some(facts.not_after);
            let first = contents.in_use().and_then(|p| p.certificates.first());
            info.in_use = first == Some(&row.id);
        }
        Ok(info)
    }
}

fn empty(id: String, alias: &str) -> CertificateInfo {
    CertificateInfo {
        id,
        alias: alias.to_owned(),
        kind: CertificateKind::Request,
        subject: String::new(),
        issuer: String::new(),
        serial: String::new(),
        names: Vec::new(),
        not_before: None,
        not_after: None,
        fingerprint: String::new(),
        self_signed: false,
        ca_issued: false,
        in_use: false,
        state: None,
        covers_address: false,
    }
}

impl Certificates for CertificateStore {
    fn list(&self, now: UtcTime, here: &[String]) -> Result<Vec<CertificateInfo>> {
        let contents = self.read()?;
        let shown = |c: &&CertificateRow| !c.implied;
        let mut all = contents
            .certificates
            .iter()
            .filter(shown)
            .map(|c| self.entry(&contents, c, now, here))
            .collect::<Result<Vec<_>>>()?;
        // Keys that ONVIF clients made and that have no certificate yet.
        let bare = |k: &&KeyRow| {
            let used = contents.certificates.iter().any(|c| c.key == k.id);
            !used && (k.sealed.is_some() || k.status != KeyStatus::Ok)
        };
        for key in contents.keys.iter().filter(bare) {
            let mut info = empty(format!("{KEY}{}", key.id), &key.alias);
            info.kind = CertificateKind::Key;
            all.push(info);
        }
        Ok(all)
    }

    fn root(&self) -> Result<RootInfo> {
        let facts = Facts::of(&self.root_der()?)?;
        Ok(RootInfo {
            subject: facts.subject,
            fingerprint: facts.fingerprint,
            not_after: facts.not_after,
        })
    }

    fn root_der(&self) -> Result<Vec<u8>> {
        Ok(parse::chain(&self.root_cert)?[0].to_vec())
    }

    fn create(&self, new: &NewCertificate, now: UtcTime) -> Result<String> {
        let key = KeyPair::generate().map_err(rc)?;
        let mut params = server_params(new);
        let begin = time::OffsetDateTime::from_unix_timestamp(now.as_micros() / 1_000_000)
            .map_err(Error::internal)?;
        // Clocks of others may be a little behind.
        params.not_before = begin - time::Duration::days(1);
        params.not_after = begin + time::Duration::days(i64::from(new.valid_days));
        let root = CertificateDer::from(self.root_der()?);
        let chain = match new.signed_by {
            SignedBy::Itself => vec![params.self_signed(&key).map_err(rc)?.der().clone()],
            SignedBy::DeviceCa => {
                let issuer = Issuer::from_ca_cert_der(&root, self.root_key()?).map_err(rc)?;
                let cert = params.signed_by(&key, &issuer).map_err(rc)?;
                vec![cert.der().clone(), root.clone()]
            }
        };
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        self.bring_in(&new.alias, &chain, key, false)
    }

    fn request(&self, new: &NewCertificate) -> Result<String> {
        let key = KeyPair::generate().map_err(rc)?;
        let request = server_params(new).serialize_request(&key).map_err(rc)?;
        let request = request.pem().map_err(rc)?;
        let key = PrivateKey::new(PrivateKeyDer::Pkcs8(key.serialize_der().into()))?;
        let sealed = self.sealer.seal(key.pem().as_bytes(), SEAL)?;
        let id = self.write(|tx| {
            let key = insert_key(
                tx,
                &NewKeyRow {
                    alias: &new.alias,
                    status: KeyStatus::Ok,
                    public: Some(key.public()),
                    sealed: Some(&sealed),
                    external: false,
                },
            )?;
            insert_certificate(
                tx,
                &NewCertificateRow {
                    alias: &new.alias,
                    request: Some(&request),
                    key,
                    ..Default::default()
                },
            )
        })?;
        Ok(format!("{CERTIFICATE}{id}"))
    }

    fn request_pem(&self, id: &str) -> Result<String> {
        let contents = self.read()?;
        let row = number(id, CERTIFICATE).and_then(|n| contents.certificate(n));
        row.and_then(|r| r.request.clone())
            .ok_or_else(|| Error::not_found("certificate request", id))
    }

    fn complete(&self, id: &str, certificate: &str, now: UtcTime) -> Result<()> {
        let contents = self.read()?;
        let row = number(id, CERTIFICATE).and_then(|n| contents.certificate(n));
        let row = row.ok_or_else(|| Error::not_found("certificate", id))?;
        if row.der.is_some() {
            return Err(Error::Conflict(format!("{id} has its certificate already")));
        }
        let chain = parse::chain(certificate)?;
        parse::usable(&chain, now)?;
        let public = parse::public_key(&chain[0])?;
        if contents.key(row.key).and_then(|k| k.public.as_ref()) != Some(&public) {
            let why = "is not for the key of this request";
            return Err(Error::invalid("/certificate", "", why));
        }
        if contents.certificate_of(&chain[0]).is_some() {
            let why = "is in the store already";
            return Err(Error::invalid("/certificate", "", why));
        }
        self.write(|tx| {
            fill(tx, row.id, &chain[0])?;
            import::path(tx, row.id, &chain[1..], &row.alias)
        })?;
        Ok(())
    }

    fn upload(&self, alias: &str, upload: &UploadedCertificate, now: UtcTime) -> Result<String> {
        let (chain, key) = parse::upload(upload)?;
        parse::usable(&chain, now)?;
        self.bring_in(alias, &chain, key, true)
    }

    fn install(&self, id: &str, now: UtcTime) -> Result<()> {
        let contents = self.read()?;
        let row = number(id, CERTIFICATE).and_then(|n| contents.certificate(n));
        let row = row.ok_or_else(|| Error::not_found("certificate", id))?;
        let der = row.der.clone().ok_or_else(|| {
            Error::Conflict("the request has no signed certificate yet".to_owned())
        })?;
        if contents.key(row.key).is_none_or(|k| k.sealed.is_none()) {
            let why = format!("the private key of {id} is not here");
            return Err(Error::Conflict(why));
        }
        parse::usable(&[der.into()], now)
            .map_err(|_| Error::Conflict(format!("the certificate {id} has expired")))?;
        self.use_entry(id)
    }

    fn delete(&self, id: &str) -> Result<()> {
        let contents = self.read()?;
        if id.starts_with(KEY) {
            return self.delete_key_entry(&contents, id);
        }
        let row = number(id, CERTIFICATE).and_then(|n| contents.certificate(n));
        let row = row.ok_or_else(|| Error::not_found("certificate", id))?;
        self.delete_certificate_entry(&contents, row)
    }

    fn certificate_pem(&self, id: &str) -> Result<String> {
        let contents = self.read()?;
        let row = contents.named_certificate(id)?;
        let chain = match path_of(&contents, row.id) {
            Some(path) => contents.chain(path),
            None => row.der.iter().cloned().collect(),
        };
        Ok(pem(&chain.into_iter().map(Into::into).collect::<Vec<_>>()))
    }
}

/// Gives a request its certificate.
pub(super) fn fill(db: &Connection, row: i64, der: &[u8]) -> Result<()> {
    db.execute(
        "UPDATE keystore_certificates SET der = ?1 WHERE id = ?2 AND der IS NULL",
        params![der, row],
    )
    .map_err(internal)?;
    Ok(())
}
