//! The store as ONVIF sees it (`tas`): keys, certificates and paths one by one.

use platecam_model::{
    Error, Result, Secret, UtcTime,
    ports::{
        CertificateUpload, CertificationPath, KeyInfo, KeyStatus, Keystore, MAX_ANCHORS,
        MAX_PASSPHRASES, MAX_PATH_LENGTH, NewKey, PassphraseInfo, Pkcs12Upload, RequestContent,
        RevocationList, SelfSigned, StoredCertificate, ValidationPolicy,
    },
};
use rusqlite::{Connection, OptionalExtension, params};
use rustls::pki_types::CertificateDer;
use zeroize::Zeroizing;

use super::{
    build, entries,
    import::{self, Import},
    keys::{self, PrivateKey},
    parse,
    rows::{
        CERTIFICATE, Contents, KEY, KeyRow, NewCertificateRow, NewKeyRow, PASSPHRASE, PATH, POLICY,
        assign, delete, insert_certificate, insert_key, insert_path, insert_policy, number,
        write_anchors, write_members,
    },
    store::{CertificateStore, SEAL},
};
use crate::database::internal;

/// Context of sealed passphrases.
const SEAL_PASSPHRASE: &[u8] = b"certificates/passphrase";
/// Algorithms whose signatures can be checked here (x509-parser over ring).
const SIGNATURES: [&str; 9] = [
    "1.2.840.113549.1.1.5",
    "1.2.840.113549.1.1.10",
    "1.2.840.113549.1.1.11",
    "1.2.840.113549.1.1.12",
    "1.2.840.113549.1.1.13",
    "1.2.840.10045.4.3.2",
    "1.2.840.10045.4.3.3",
    "1.2.840.10045.4.3.4",
    "1.3.101.112",
];
/// Algorithms of public keys: RSA, EC, Ed25519.
const PUBLIC_KEYS: [&str; 3] = ["1.2.840.113549.1.1.1", "1.2.840.10045.2.1", "1.3.101.112"];

/// A certificate that this store can work with.
fn acceptable(der: &[u8]) -> Result<()> {
    let certificate = parse::certificate(der)?;
    let signature = certificate.signature_algorithm.algorithm.to_id_string();
    if !SIGNATURES.contains(&signature.as_str()) {
        let why = "of the certificate is not known here";
        return Err(Error::invalid("/signature_algorithm", signature, why));
    }
    let public = certificate.public_key().algorithm.algorithm.to_id_string();
    if !PUBLIC_KEYS.contains(&public.as_str()) {
        let why = "of the certificate is of no algorithm that is known here";
        return Err(Error::invalid("/public_key", public, why));
    }
    Ok(())
}

fn ready(key: &KeyRow) -> Result<()> {
    if key.status == KeyStatus::Ok {
        return Ok(());
    }
    let why = format!("{KEY}{} is not ready", key.id);
    Err(Error::invalid("/key_status", key.status.word(), why))
}

/// A certificate refers to it, or is being waited for.
fn referenced(what: &str, id: &str, by: &str) -> Error {
    Error::Conflict(format!("the {what} {id} is referred to by {by}"))
}

/// The rows of a path that is to be, each signed by the next.
fn members(contents: &Contents, ids: &[String]) -> Result<Vec<i64>> {
    let n = ids.len();
    if !(1..=MAX_PATH_LENGTH).contains(&n) {
        let why = format!("has {n} certificates; allowed are 1 to {MAX_PATH_LENGTH}");
        return Err(Error::invalid("/path", "", why));
    }
    let rows = ids.iter().map(|id| contents.named_certificate(id));
    let rows = rows.collect::<Result<Vec<_>>>()?;
    for pair in rows.windows(2) {
        let (one, next) = (pair[0].der.as_deref(), pair[1].der.as_deref());
        if !matches!((one, next), (Some(one), Some(next)) if parse::signed_by(one, next)) {
            let why = format!(
                "{CERTIFICATE}{} is not signed with the key of {CERTIFICATE}{}",
                pair[0].id, pair[1].id
            );
            return Err(Error::invalid("/path", "", why));
        }
    }
    Ok(rows.iter().map(|r| r.id).collect())
}

/// The rows of trust anchors.
fn trusted(contents: &Contents, ids: &[String]) -> Result<Vec<i64>> {
    let n = ids.len();
    if !(1..=MAX_ANCHORS).contains(&n) {
        let why = format!("has {n} certificates; allowed are 1 to {MAX_ANCHORS}");
        return Err(Error::invalid("/anchors", "", why));
    }
    let rows = ids.iter().map(|id| contents.named_certificate(id));
    rows.map(|row| row.map(|r| r.id)).collect()
}

/// Stores one certificate; returns the numbers of it and its key.
fn store_certificate(db: &Connection, upload: &CertificateUpload) -> Result<(i64, i64)> {
    let contents = Contents::load(db)?;
    let public = parse::public_key(&upload.der)?;
    let known = contents.key_of(&public);
    if let Some(key) = known {
        ready(key)?;
    }
    if upload.private_key_required && known.is_none_or(|k| k.sealed.is_none()) {
        let why = "that fits the certificate is not here";
        return Err(Error::invalid("/private_key", "", why));
    }
    if let Some(row) = contents.certificate_of(&upload.der) {
        if !row.implied {
            let why = format!("is {CERTIFICATE}{} already", row.id);
            return Err(Error::invalid("/duplicate", "", why));
        }
        let sql = "UPDATE keystore_certificates SET implied = 0, alias = ?1 WHERE id = ?2";
        db.execute(sql, params![upload.alias, row.id])
            .map_err(internal)?;
        return Ok((row.id, row.key));
    }
    // A request made on the web that waits for it.
    let waiting = known.and_then(|k| {
        let waits = |c: &&super::rows::CertificateRow| c.key == k.id && c.der.is_none();
        contents.certificates.iter().find(waits)
    });
    if let Some(row) = waiting {
        entries::fill(db, row.id, &upload.der)?;
        return Ok((row.id, row.key));
    }
    let key = match known {
        Some(key) => key.id,
        None => import::public_key(db, &public, &upload.key_alias)?,
    };
    let row = NewCertificateRow {
        alias: &upload.alias,
        der: Some(&upload.der),
        key,
        ..Default::default()
    };
    Ok((insert_certificate(db, &row)?, key))
}

impl Keystore for CertificateStore {
    fn keys(&self) -> Result<Vec<KeyInfo>> {
        let info = |k: KeyRow| KeyInfo {
            id: format!("{KEY}{}", k.id),
            alias: k.alias,
            status: k.status,
            has_private: k.sealed.is_some() || k.status == KeyStatus::Generating,
            external: k.external,
        };
        Ok(self.read()?.keys.into_iter().map(info).collect())
    }

    fn generate_key(&self, new: NewKey, alias: &str) -> Result<String> {
        if let NewKey::Rsa(bits) = new
            && !NewKey::RSA_LENGTHS.contains(&bits)
        {
            let why = "must be 2048, 3072 or 4096 bits";
            return Err(Error::invalid("/key_length", bits, why));
        }
        self.generator.start(new, alias)
    }

    fn upload_key(&self, pkcs8: &[u8], password: Option<&Secret>, alias: &str) -> Result<String> {
        let key = PrivateKey::from_pkcs8(pkcs8, password)?;
        let sealed = self.sealer.seal(key.pem().as_bytes(), SEAL)?;
        let id = self.write(|tx| {
            let contents = Contents::load(tx)?;
            if let Some(known) = contents.key_of(key.public()) {
                ready(known)?;
                import::add_private(tx, known.id, known.sealed.is_some(), &sealed)?;
                return Ok(known.id);
            }
            let row = NewKeyRow {
                alias,
                status: KeyStatus::Ok,
                public: Some(key.public()),
                sealed: Some(&sealed),
                external: true,
            };
            insert_key(tx, &row)
        })?;
        Ok(format!("{KEY}{id}"))
    }

    fn delete_key(&self, id: &str) -> Result<()> {
        self.write(|tx| {
            let contents = Contents::load(tx)?;
            let key = contents.named_key(id)?.id;
            let mut of = contents.certificates.iter().filter(|c| c.key == key);
            if let Some(by) = of.clone().find(|c| c.der.is_some()) {
                return Err(referenced("key", id, &format!("{CERTIFICATE}{}", by.id)));
            }
            // Requests that wait for their certificate go with their key.
            of.try_for_each(|c| delete(tx, "keystore_certificates", c.id))?;
            delete(tx, "keystore_keys", key)
        })
    }

    fn certification_request(&self, content: &RequestContent) -> Result<Vec<u8>> {
        let contents = self.read()?;
        let key = contents.named_key(&content.key)?;
        ready(key)?;
        let key = self.private_key(Some(key))?;
        let RequestContent {
            subject,
            extensions,
            attributes,
            algorithm,
            ..
        } = content;
        build::request(subject, extensions, attributes, *algorithm, &key)
    }

    fn self_sign(&self, content: &SelfSigned, now: UtcTime) -> Result<String> {
        let contents = self.read()?;
        let row = contents.named_key(&content.key)?;
        ready(row)?;
        let key = self.private_key(Some(row))?;
        let seconds = |t: UtcTime| t.as_millis().div_euclid(1000);
        let der = build::certificate(
            &build::Content {
                subject: &content.subject,
                not_before: seconds(content.not_before.unwrap_or(now)),
                not_after: content.not_after.map_or(build::NEVER, seconds),
                extensions: &content.extensions,
                algorithm: content.algorithm,
            },
            &key,
        )?;
        let new = NewCertificateRow {
            alias: &content.alias,
            der: Some(&der),
            key: row.id,
            ..Default::default()
        };
        let id = self.write(|tx| insert_certificate(tx, &new))?;
        Ok(format!("{CERTIFICATE}{id}"))
    }

    fn upload_der(&self, upload: &CertificateUpload) -> Result<(String, String)> {
        acceptable(&upload.der)?;
        let (certificate, key) = self.write(|tx| store_certificate(tx, upload))?;
        Ok((format!("{CERTIFICATE}{certificate}"), format!("{KEY}{key}")))
    }

    fn stored_certificates(&self) -> Result<Vec<StoredCertificate>> {
        let contents = self.read()?;
        let one = |c: &super::rows::CertificateRow| {
            Some(StoredCertificate {
                id: format!("{CERTIFICATE}{}", c.id),
                key: format!("{KEY}{}", c.key),
                alias: c.alias.clone(),
                der: c.der.clone()?,
                has_private: contents.key(c.key).is_some_and(|k| k.sealed.is_some()),
            })
        };
        Ok(contents.certificates.iter().filter_map(one).collect())
    }

    fn delete_certificate(&self, id: &str) -> Result<()> {
        self.write(|tx| {
            let contents = Contents::load(tx)?;
            let row = contents.named_certificate(id)?.id;
            let mut paths = contents.paths.iter();
            if let Some(path) = paths.find(|p| p.certificates.contains(&row)) {
                return Err(referenced("certificate", id, &format!("{PATH}{}", path.id)));
            }
            if let Some(policy) = contents.trusting(row) {
                let by = format!("{POLICY}{}", policy.id);
                return Err(referenced("certificate", id, &by));
            }
            delete(tx, "keystore_certificates", row)
        })
    }

    fn create_path(&self, certificates: &[String], alias: &str) -> Result<String> {
        let id = self.write(|tx| {
            let members = members(&Contents::load(tx)?, certificates)?;
            insert_path(tx, alias, &members)
        })?;
        Ok(format!("{PATH}{id}"))
    }

    fn set_path(&self, path: &CertificationPath) -> Result<()> {
        let in_use = self.write(|tx| {
            let contents = Contents::load(tx)?;
            let row = contents.named_path(&path.id)?;
            let members = members(&contents, &path.certificates)?;
            write_members(tx, row.id, &members)?;
            let sql = "UPDATE keystore_paths SET alias = ?1 WHERE id = ?2";
            tx.execute(sql, params![path.alias, row.id])
                .map_err(internal)?;
            if row.in_use {
                self.assign_checked(tx, row.id)?;
            }
            Ok(row.in_use)
        })?;
        if in_use {
            self.serve_assigned()
        } else {
            Ok(())
        }
    }

    fn paths(&self) -> Result<Vec<CertificationPath>> {
        let one = |p: super::rows::PathRow| CertificationPath {
            id: format!("{PATH}{}", p.id),
            alias: p.alias,
            certificates: p
                .certificates
                .iter()
                .map(|c| format!("{CERTIFICATE}{c}"))
                .collect(),
        };
        Ok(self.read()?.paths.into_iter().map(one).collect())
    }

    fn delete_path(&self, id: &str) -> Result<()> {
        self.write(|tx| {
            let contents = Contents::load(tx)?;
            let row = contents.named_path(id)?;
            if row.in_use {
                return Err(referenced("certification path", id, "the TLS server"));
            }
            delete(tx, "keystore_paths", row.id)
        })
    }

    fn create_policy(&self, anchors: &[String], alias: &str, client_usage: bool) -> Result<String> {
        let id = self.write(|tx| {
            let anchors = trusted(&Contents::load(tx)?, anchors)?;
            insert_policy(tx, alias, &anchors, client_usage)
        })?;
        Ok(format!("{POLICY}{id}"))
    }

    fn set_policy(&self, policy: &ValidationPolicy) -> Result<()> {
        self.write(|tx| {
            let contents = Contents::load(tx)?;
            let row = contents.named_policy(&policy.id)?.id;
            write_anchors(tx, row, &trusted(&contents, &policy.anchors)?)?;
            let sql = "UPDATE keystore_policies SET alias = ?1, client_usage = ?2 WHERE id = ?3";
            let usage = i64::from(policy.client_usage);
            tx.execute(sql, params![policy.alias, usage, row])
                .map_err(internal)?;
            Ok(())
        })
    }

    fn policies(&self) -> Result<Vec<ValidationPolicy>> {
        let one = |p: super::rows::PolicyRow| ValidationPolicy {
            id: format!("{POLICY}{}", p.id),
            alias: p.alias,
            client_usage: p.client_usage,
            anchors: p
                .anchors
                .iter()
                .map(|c| format!("{CERTIFICATE}{c}"))
                .collect(),
        };
        Ok(self.read()?.policies.into_iter().map(one).collect())
    }

    fn delete_policy(&self, id: &str) -> Result<()> {
        self.write(|tx| {
            let row = Contents::load(tx)?.named_policy(id)?.id;
            delete(tx, "keystore_policies", row)
        })
    }

    fn upload_crl(&self, der: &[u8], alias: &str) -> Result<String> {
        self.add_crl(der, alias)
    }

    fn crls(&self) -> Result<Vec<RevocationList>> {
        self.all_crls()
    }

    fn delete_crl(&self, id: &str) -> Result<()> {
        self.remove_crl(id)
    }

    fn upload_pkcs12(&self, upload: &Pkcs12Upload) -> Result<(String, String)> {
        if upload.integrity && !keys::has_mac(&upload.file) {
            return Err(Error::invalid(
                "/pkcs12",
                "",
                "has no protection of its integrity",
            ));
        }
        let archive = keys::archive(&upload.file, &upload.password)?;
        let [key] = archive.keys.as_slice() else {
            let why = format!("holds {} private keys; it must be one", archive.keys.len());
            return Err(Error::invalid("/pkcs12", "", why));
        };
        let key = PrivateKey::from_pkcs8(key.key.as_der(), None)?;
        let all = archive
            .certs
            .iter()
            .map(|c| c.cert.as_der().to_vec().into());
        let mut chain: Vec<CertificateDer<'static>> = all.collect();
        if upload.first_only {
            chain.truncate(1);
        }
        if !(1..=MAX_PATH_LENGTH).contains(&chain.len()) {
            let n = chain.len();
            let why = format!("holds {n} certificates; allowed are 1 to {MAX_PATH_LENGTH}");
            return Err(Error::invalid("/pkcs12", "", why));
        }
        chain.iter().try_for_each(|c| acceptable(c))?;
        if parse::public_key(&chain[0])? != key.public() {
            let why = "does not fit the first certificate";
            return Err(Error::invalid("/key", "", why));
        }
        if !chain.windows(2).all(|p| parse::signed_by(&p[0], &p[1])) {
            let why = "a certificate is not signed with the key of the next one";
            return Err(Error::invalid("/path", "", why));
        }
        let sealed = self.sealer.seal(key.pem().as_bytes(), SEAL)?;
        let what = Import {
            alias: &upload.path_alias,
            key_alias: &upload.key_alias,
            path_alias: &upload.path_alias,
            chain: &chain,
            sealed: &sealed,
            external: true,
        };
        let done = self.write(|tx| {
            if let Some(known) = Contents::load(tx)?.key_of(key.public()) {
                ready(known)?;
            }
            import::import(tx, &what)
        })?;
        Ok((format!("{PATH}{}", done.path), format!("{KEY}{}", done.key)))
    }

    fn store_passphrase(&self, passphrase: &Secret, alias: &str) -> Result<String> {
        let sealed = self
            .sealer
            .seal(passphrase.expose().as_bytes(), SEAL_PASSPHRASE)?;
        let id = self.write(|tx| {
            let n: i64 = tx
                .query_row("SELECT count(*) FROM keystore_passphrases", [], |r| {
                    r.get(0)
                })
                .map_err(internal)?;
            if usize::try_from(n).is_ok_and(|n| n >= MAX_PASSPHRASES) {
                let limit = MAX_PASSPHRASES as u64;
                return Err(Error::Exhausted {
                    what: "passphrases",
                    limit,
                });
            }
            let sql = "INSERT INTO keystore_passphrases (alias, sealed) VALUES (?1, ?2)";
            tx.execute(sql, params![alias, sealed]).map_err(internal)?;
            Ok(tx.last_insert_rowid())
        })?;
        Ok(format!("{PASSPHRASE}{id}"))
    }

    fn passphrases(&self) -> Result<Vec<PassphraseInfo>> {
        let db = self.db.writer.lock();
        let mut query = db
            .prepare("SELECT id, alias FROM keystore_passphrases ORDER BY id")
            .map_err(internal)?;
        let rows = query.query_map([], |r| {
            Ok(PassphraseInfo {
                id: format!("{PASSPHRASE}{}", r.get::<_, i64>(0)?),
                alias: r.get(1)?,
            })
        });
        rows.and_then(Iterator::collect).map_err(internal)
    }

    fn passphrase(&self, id: &str) -> Result<Secret> {
        let sql = "SELECT sealed FROM keystore_passphrases WHERE id = ?1";
        let row = number(id, PASSPHRASE).unwrap_or(-1);
        let sealed: Option<Vec<u8>> = self
            .db
            .writer
            .lock()
            .query_row(sql, [row], |r| r.get(0))
            .optional()
            .map_err(internal)?;
        let sealed = sealed.ok_or_else(|| Error::not_found("passphrase", id))?;
        let plain = Zeroizing::new(self.sealer.open(&sealed, SEAL_PASSPHRASE)?);
        let text = std::str::from_utf8(&plain).map_err(Error::internal)?;
        Ok(Secret::new(text))
    }

    fn delete_passphrase(&self, id: &str) -> Result<()> {
        let row = number(id, PASSPHRASE).unwrap_or(-1);
        let n = self
            .db
            .writer
            .lock()
            .execute("DELETE FROM keystore_passphrases WHERE id = ?1", [row])
            .map_err(internal)?;
        if n == 1 {
            return Ok(());
        }
        Err(Error::not_found("passphrase", id))
    }

    fn assigned(&self) -> Result<Option<String>> {
        let contents = self.read()?;
        Ok(contents.in_use().map(|p| format!("{PATH}{}", p.id)))
    }

    fn assign(&self, old: Option<&str>, new: &str) -> Result<()> {
        self.write(|tx| {
            let contents = Contents::load(tx)?;
            let now = contents.in_use().map(|p| p.id);
            if let Some(old) = old
                && number(old, PATH).is_none_or(|n| now != Some(n))
            {
                return Err(Error::not_found("old certification path", old));
            }
            let path = contents.named_path(new)?.id;
            match now {
                Some(now) if now == path => Ok(()),
                Some(_) if old.is_none() => Err(Error::Exhausted {
                    what: "assigned certification paths",
                    limit: 1,
                }),
                _ => self.assign_checked(tx, path),
            }
        })?;
        self.serve_assigned()
    }

    fn unassign(&self, path: &str) -> Result<()> {
        self.write(|tx| {
            let contents = Contents::load(tx)?;
            let now = contents.in_use().map(|p| p.id);
            if number(path, PATH).is_none_or(|n| now != Some(n)) {
                return Err(Error::not_found("old certification path", path));
            }
            assign(tx, None)
        })?;
        self.serve_assigned()
    }
}
