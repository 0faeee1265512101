use std::{fs, path::Path, sync::Arc};

use arc_swap::ArcSwapOption;
use base64::{Engine, engine::general_purpose::STANDARD};
use platecam_model::{
    Error, Result, UtcTime,
    ports::{
        CertificateInfo, CertificateKind, Certificates, MAX_CERTIFICATES, NewCertificate, RootInfo,
        Sealer, SignedBy, Subject, UploadedCertificate,
    },
};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, SanType,
};
use rusqlite::{OptionalExtension, params};
use rustls::{
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    sign::CertifiedKey,
};

use super::parse::{self, Facts};
use crate::{Database, database::internal};

/// Context of sealed keys.
const SEAL: &[u8] = b"certificates/key";
/// Facts of the root.
const ROOT_CERT: &str = "root_certificate";
const ROOT_KEY: &str = "root_key_sealed";
/// Validity of the certificate that the unit makes for itself.
const OWN_DAYS: u32 = 3650;

/// The store of a state directory, and the certificate that HTTPS uses now.
pub struct CertificateStore {
    db: Database,
    sealer: Arc<dyn Sealer>,
    root_cert: String,
    root_name: String,
    current: ArcSwapOption<CertifiedKey>,
}

impl std::fmt::Debug for CertificateStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CertificateStore").finish_non_exhaustive()
    }
}

struct Row {
    id: i64,
    alias: String,
    chain: Option<String>,
    request: Option<String>,
    sealed_key: Vec<u8>,
    in_use: bool,
}

fn rc(e: rcgen::Error) -> Error {
    Error::internal(format!("certificate: {e}"))
}

fn pem(chain: &[CertificateDer<'_>]) -> String {
    let mut out = String::new();
    for der in chain {
        out.push_str("-----BEGIN CERTIFICATE-----\n");
        let text = STANDARD.encode(der);
        for line in text.as_bytes().chunks(64) {
            out.push_str(&String::from_utf8_lossy(line));
            out.push('\n');
        }
        out.push_str("-----END CERTIFICATE-----\n");
    }
    out
}

fn distinguished(subject: &Subject) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    for (kind, text) in [
        (DnType::CountryName, &subject.country),
        (DnType::StateOrProvinceName, &subject.state),
        (DnType::LocalityName, &subject.city),
        (DnType::OrganizationName, &subject.organization),
        (DnType::OrganizationalUnitName, &subject.unit),
        (DnType::CommonName, &subject.common_name),
    ] {
        if !text.is_empty() {
            name.push(kind, text.clone());
        }
    }
    name
}

fn server_params(new: &NewCertificate) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = distinguished(&new.subject);
    params.subject_alt_names = new
        .names
        .iter()
        .filter_map(|name| match name.parse() {
            Ok(address) => Some(SanType::IpAddress(address)),
            Err(_) => name.as_str().try_into().ok().map(SanType::DnsName),
        })
        .collect();
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params
}

fn root_params(serial: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    let name = format!("Platecam {serial} Root CA");
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    // The unit may start before its clock was ever set: valid from long ago, for a long time.
    params.not_before = rcgen::date_time_ymd(2024, 1, 1);
    params.not_after = rcgen::date_time_ymd(2054, 1, 1);
    params
}

impl CertificateStore {
    /// Opens the store; the first time it makes the root and a certificate for `names`, or takes over the
    /// one that earlier versions kept as files in `legacy`.
    ///
    /// # Errors
    /// [`Error::Internal`].
    pub fn open(
        db: Database,
        sealer: Arc<dyn Sealer>,
        serial: &str,
        names: &[String],
        legacy: &Path,
        now: UtcTime,
    ) -> Result<Self> {
        let root_cert = match db.known_fact(ROOT_CERT)? {
            Some(known) => known,
            None => {
                let key = KeyPair::generate().map_err(rc)?;
                let cert = root_params(serial).self_signed(&key).map_err(rc)?;
                let sealed = sealer.seal(key.serialize_pem().as_bytes(), SEAL)?;
                // The key first: a certificate without its key would be worse than none.
                db.fact(ROOT_KEY, || STANDARD.encode(sealed))?;
                db.fact(ROOT_CERT, || cert.pem())?
            }
        };
        let root = parse::chain(&root_cert)?;
        let store = Self {
            db,
            sealer,
            root_name: Facts::of(&root[0])?.subject,
            root_cert,
            current: ArcSwapOption::empty(),
        };
        if store.in_use()?.is_none() {
            let id = match store.take_over(legacy)? {
                Some(id) => id,
                None => store.create(
                    &NewCertificate {
                        alias: "device".into(),
                        subject: Subject {
                            organization: "Platecam".into(),
                            common_name: format!("Platecam {serial}"),
                            ..Subject::default()
                        },
                        names: names.to_vec(),
                        valid_days: OWN_DAYS,
                        signed_by: SignedBy::DeviceCa,
                    },
                    now,
                )?,
            };
            store.use_it(&store.row(&id)?)?;
        }
        let row = store.in_use()?;
        let row = row.ok_or_else(|| Error::internal("no certificate is in use"))?;
        store.current.store(Some(Arc::new(store.certified(&row)?)));
        Ok(store)
    }

    /// What the next TLS connection is served with.
    pub fn current(&self) -> Option<Arc<CertifiedKey>> {
        self.current.load_full()
    }

    /// The end of the certificate in use.
    pub fn ends(&self) -> Option<UtcTime> {
        let current = self.current()?;
        Some(Facts::of(current.cert.first()?).ok()?.not_after)
    }

    fn take_over(&self, legacy: &Path) -> Result<Option<String>> {
        let (cert, key) = (legacy.join("device.crt"), legacy.join("device.key"));
        let (Ok(cert_pem), Ok(key_pem)) = (fs::read_to_string(&cert), fs::read_to_string(&key))
        else {
            return Ok(None);
        };
        let chain = parse::chain(&cert_pem)?;
        let der = PrivateKeyDer::from_pem_slice(key_pem.as_bytes()).map_err(Error::internal)?;
        parse::certified(chain, der)?;
        let id = self.insert("device", Some(&cert_pem), None, key_pem.as_bytes())?;
        // The key is sealed in the store now; in the clear it has no business on the disk.
        if let Err(error) = fs::remove_file(&key).and_then(|()| fs::remove_file(&cert)) {
            tracing::warn!(%error, "the old certificate files could not be removed");
        }
        Ok(Some(id))
    }

    fn root_key(&self) -> Result<KeyPair> {
        let sealed = self.db.known_fact(ROOT_KEY)?;
        let sealed = sealed.ok_or_else(|| Error::internal("the root's key is missing"))?;
        let sealed = STANDARD.decode(sealed).map_err(Error::internal)?;
        let plain = String::from_utf8(self.sealer.open(&sealed, SEAL)?).map_err(Error::internal)?;
        KeyPair::from_pem(&plain).map_err(rc)
    }

    fn insert(
        &self,
        alias: &str,
        chain: Option<&str>,
        request: Option<&str>,
        key_pem: &[u8],
    ) -> Result<String> {
        let sealed = self.sealer.seal(key_pem, SEAL)?;
        let db = self.db.writer.lock();
        let n: i64 = db
            .query_row("SELECT count(*) FROM certificates", [], |r| r.get(0))
            .map_err(internal)?;
        if n >= MAX_CERTIFICATES as i64 {
            return Err(Error::Exhausted {
                what: "certificates",
                limit: MAX_CERTIFICATES as u64,
            });
        }
        db.execute(
            "INSERT INTO certificates (alias, chain, request, sealed_key) VALUES (?1, ?2, ?3, ?4)",
            params![alias, chain, request, sealed],
        )
        .map_err(internal)?;
        Ok(format!("cert-{}", db.last_insert_rowid()))
    }

    fn rows(&self) -> Result<Vec<Row>> {
        let db = self.db.writer.lock();
        let mut query = db
            .prepare(
                "SELECT id, alias, chain, request, sealed_key, in_use FROM certificates ORDER BY id",
            )
            .map_err(internal)?;
        let rows = query.query_map([], |r| {
            Ok(Row {
                id: r.get(0)?,
                alias: r.get(1)?,
                chain: r.get(2)?,
                request: r.get(3)?,
                sealed_key: r.get(4)?,
                in_use: r.get::<_, i64>(5)? == 1,
            })
        });
        rows.and_then(Iterator::collect).map_err(internal)
    }

    fn row(&self, id: &str) -> Result<Row> {
        let all = self.rows()?;
        let found = all.into_iter().find(|r| format!("cert-{}", r.id) == id);
        found.ok_or_else(|| Error::not_found("certificate", id))
    }

    fn in_use(&self) -> Result<Option<Row>> {
        Ok(self.rows()?.into_iter().find(|r| r.in_use))
    }

    fn key_der(&self, row: &Row) -> Result<PrivateKeyDer<'static>> {
        let plain = self.sealer.open(&row.sealed_key, SEAL)?;
        PrivateKeyDer::from_pem_slice(&plain).map_err(Error::internal)
    }

    fn certified(&self, row: &Row) -> Result<CertifiedKey> {
        let chain = row.chain.as_deref().ok_or_else(|| {
            Error::Conflict("the request has no signed certificate yet".to_owned())
        })?;
        parse::certified(parse::chain(chain)?, self.key_der(row)?)
    }

    fn use_it(&self, row: &Row) -> Result<()> {
        let certified = self.certified(row)?;
        let mut db = self.db.writer.lock();
        let tx = db.transaction().map_err(internal)?;
        tx.execute("UPDATE certificates SET in_use = 0 WHERE in_use = 1", [])
            .and_then(|_| tx.execute("UPDATE certificates SET in_use = 1 WHERE id = ?1", [row.id]))
            .map_err(internal)?;
        tx.commit().map_err(internal)?;
        self.current.store(Some(Arc::new(certified)));
        Ok(())
    }

    fn info(&self, row: &Row, now: UtcTime, here: &[String]) -> Result<CertificateInfo> {
        let mut info = CertificateInfo {
            id: format!("cert-{}", row.id),
            alias: row.alias.clone(),
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
            in_use: row.in_use,
            state: None,
            covers_address: false,
        };
        if let Some(chain) = &row.chain {
            let facts = Facts::of(&parse::chain(chain)?[0])?;
            info.kind = CertificateKind::Certificate;
            info.self_signed = facts.subject == facts.issuer;
            info.ca_issued = facts.issuer == self.root_name;
            info.state = Some(facts.state(now));
            info.covers_address = here.iter().any(|n| facts.names.contains(n));
            (info.subject, info.issuer, info.serial) = (facts.subject, facts.issuer, facts.serial);
            (info.names, info.fingerprint) = (facts.names, facts.fingerprint);
            info.not_before = Some(facts.not_before);
            info.not_after = Some(facts.not_after);
        }
        Ok(info)
    }
}

impl Certificates for CertificateStore {
    fn list(&self, now: UtcTime, here: &[String]) -> Result<Vec<CertificateInfo>> {
        self.rows()?
            .iter()
            .map(|r| self.info(r, now, here))
            .collect()
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
        let chain = match new.signed_by {
            SignedBy::Itself => params.self_signed(&key).map_err(rc)?.pem(),
            SignedBy::DeviceCa => {
                let root = CertificateDer::from(self.root_der()?);
                let issuer = Issuer::from_ca_cert_der(&root, self.root_key()?).map_err(rc)?;
                let cert = params.signed_by(&key, &issuer).map_err(rc)?;
                format!("{}{}", cert.pem(), self.root_cert)
            }
        };
        self.insert(
            &new.alias,
            Some(&chain),
            None,
            key.serialize_pem().as_bytes(),
        )
    }

    fn request(&self, new: &NewCertificate) -> Result<String> {
        let key = KeyPair::generate().map_err(rc)?;
        let request = server_params(new).serialize_request(&key).map_err(rc)?;
        let request = request.pem().map_err(rc)?;
        self.insert(
            &new.alias,
            None,
            Some(&request),
            key.serialize_pem().as_bytes(),
        )
    }

    fn request_pem(&self, id: &str) -> Result<String> {
        let row = self.row(id)?;
        row.request
            .ok_or_else(|| Error::not_found("certificate request", id))
    }

    fn complete(&self, id: &str, certificate: &str, now: UtcTime) -> Result<()> {
        let row = self.row(id)?;
        if row.chain.is_some() {
            return Err(Error::Conflict(format!("{id} has its certificate already")));
        }
        let chain = parse::chain(certificate)?;
        parse::usable(&chain, now)?;
        parse::certified(chain.clone(), self.key_der(&row)?).map_err(|_| {
            Error::invalid("/certificate", "", "is not for the key of this request")
        })?;
        self.db
            .writer
            .lock()
            .execute(
                "UPDATE certificates SET chain = ?1 WHERE id = ?2",
                params![pem(&chain), row.id],
            )
            .map_err(internal)?;
        Ok(())
    }

    fn upload(&self, alias: &str, upload: &UploadedCertificate, now: UtcTime) -> Result<String> {
        let (chain, key) = parse::upload(upload)?;
        parse::usable(&chain, now)?;
        let label = match &key {
            PrivateKeyDer::Pkcs1(_) => "RSA PRIVATE KEY",
            PrivateKeyDer::Sec1(_) => "EC PRIVATE KEY",
            _ => "PRIVATE KEY",
        };
        let key_pem = zeroize_pem(label, key.secret_der());
        parse::certified(chain.clone(), key)?;
        self.insert(alias, Some(&pem(&chain)), None, key_pem.as_bytes())
    }

    fn install(&self, id: &str, now: UtcTime) -> Result<()> {
        let row = self.row(id)?;
        if let Some(chain) = &row.chain {
            parse::usable(&parse::chain(chain)?, now)
                .map_err(|_| Error::Conflict(format!("the certificate {id} has expired")))?;
        }
        self.use_it(&row)
    }

    fn delete(&self, id: &str) -> Result<()> {
        let row = self.row(id)?;
        if row.in_use {
            return Err(Error::Conflict(format!(
                "HTTPS uses {id}: install another one first"
            )));
        }
        self.db
            .writer
            .lock()
            .query_row(
                "DELETE FROM certificates WHERE id = ?1 AND in_use = 0 RETURNING id",
                [row.id],
                |r| r.get::<_, i64>(0),
            )
            .optional()
            .map_err(internal)?
            .map(drop)
            .ok_or_else(|| Error::Conflict(format!("HTTPS uses {id}")))
    }

    fn certificate_pem(&self, id: &str) -> Result<String> {
        let row = self.row(id)?;
        row.chain.ok_or_else(|| Error::not_found("certificate", id))
    }
}

fn zeroize_pem(label: &str, der: &[u8]) -> zeroize::Zeroizing<String> {
    let body = zeroize::Zeroizing::new(STANDARD.encode(der));
    zeroize::Zeroizing::new(format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        *body
    ))
}
