use std::{fs, path::Path, sync::Arc};

use arc_swap::ArcSwapOption;
use base64::{Engine, engine::general_purpose::STANDARD};
use platecam_model::{
    Clock, Error, EventBus, Result, UtcTime,
    ports::{Certificates, NewCertificate, Sealer, SignedBy, Subject},
};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, SanType,
};
use rusqlite::Transaction;
use rustls::{
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    sign::CertifiedKey,
};
use tokio::sync::watch;
use zeroize::Zeroizing;

use super::{
    convert,
    generate::Generator,
    import::{self, Import},
    keys::{self, PrivateKey},
    parse::{self, Facts},
    rows::{CERTIFICATE, Contents, KeyRow, PathRow, assign, insert_path},
};
use crate::{Database, database::internal};

/// Context of sealed keys.
pub(super) const SEAL: &[u8] = b"certificates/key";
/// Facts of the root.
const ROOT_CERT: &str = "root_certificate";
const ROOT_KEY: &str = "root_key_sealed";
/// Validity of the certificate that the unit makes for itself.
const OWN_DAYS: u32 = 3650;

/// What a store is opened with.
pub struct StoreParts<'a> {
    /// Where it is kept.
    pub db: Database,
    /// Seals private keys and passphrases.
    pub sealer: Arc<dyn Sealer>,
    /// Is told when a key is made.
    pub bus: EventBus,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Serial number of the unit, for the names of the first certificates.
    pub serial: &'a str,
    /// Names and addresses of the unit, for its first certificate.
    pub names: &'a [String],
    /// Folder in which earlier versions kept a certificate as files.
    pub legacy: &'a Path,
}

impl std::fmt::Debug for StoreParts<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoreParts").finish_non_exhaustive()
    }
}

/// The store of a state directory, and the certificate that HTTPS uses now.
pub struct CertificateStore {
    pub(super) db: Database,
    pub(super) sealer: Arc<dyn Sealer>,
    pub(super) generator: Generator,
    pub(super) root_cert: String,
    pub(super) root_name: String,
    current: ArcSwapOption<CertifiedKey>,
    /// Counts the changes of the revocation lists.
    pub(super) revoked: watch::Sender<u64>,
}

impl std::fmt::Debug for CertificateStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CertificateStore").finish_non_exhaustive()
    }
}

pub(super) fn rc(e: rcgen::Error) -> Error {
    Error::internal(format!("certificate: {e}"))
}

pub(super) fn pem(chain: &[CertificateDer<'_>]) -> String {
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

pub(super) fn server_params(new: &NewCertificate) -> CertificateParams {
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
    /// Opens the store; the first time it makes the root and a certificate for the unit's names, or takes over
    /// the one that earlier versions kept as files. It also makes one when none is assigned: the unit must be
    /// reachable after a start.
    ///
    /// # Errors
    /// [`Error::Internal`].
    pub fn open(parts: StoreParts<'_>) -> Result<Self> {
        let StoreParts { db, sealer, .. } = parts;
        let root_cert = match db.known_fact(ROOT_CERT)? {
            Some(known) => known,
            None => {
                let key = KeyPair::generate().map_err(rc)?;
                let cert = root_params(parts.serial).self_signed(&key).map_err(rc)?;
                let sealed = sealer.seal(key.serialize_pem().as_bytes(), SEAL)?;
                // The key first: a certificate without its key would be worse than none.
                db.fact(ROOT_KEY, || STANDARD.encode(sealed))?;
                db.fact(ROOT_CERT, || cert.pem())?
            }
        };
        let root = parse::chain(&root_cert)?;
        let generator = Generator {
            db: db.clone(),
            sealer: sealer.clone(),
            bus: parts.bus,
            clock: parts.clock.clone(),
            one: Arc::default(),
        };
        let store = Self {
            db,
            sealer,
            generator,
            root_name: Facts::of(&root[0])?.subject,
            root_cert,
            current: ArcSwapOption::empty(),
            revoked: watch::Sender::new(0),
        };
        store.generator.give_up_unfinished()?;
        store.write(|tx| convert::convert(tx, &*store.sealer))?;
        if store.read()?.in_use().is_none() {
            let id = match store.take_over(parts.legacy)? {
                Some(id) => id,
                None => store.create(
                    &NewCertificate {
                        alias: "device".into(),
                        subject: Subject {
                            organization: "Platecam".into(),
                            common_name: format!("Platecam {}", parts.serial),
                            ..Subject::default()
                        },
                        names: parts.names.to_vec(),
                        valid_days: OWN_DAYS,
                        signed_by: SignedBy::DeviceCa,
                    },
                    parts.clock.now(),
                )?,
            };
            store.use_entry(&id)?;
        }
        store.serve_assigned()?;
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

    /// Everything as it is now.
    pub(super) fn read(&self) -> Result<Contents> {
        Contents::load(&self.db.writer.lock())
    }

    /// Does `work` wholly or not at all.
    pub(super) fn write<T>(&self, work: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
        let mut db = self.db.writer.lock();
        let tx = db.transaction().map_err(internal)?;
        let done = work(&tx)?;
        tx.commit().map_err(internal)?;
        Ok(done)
    }

    /// Serves from now on what is assigned in the database.
    pub(super) fn serve_assigned(&self) -> Result<()> {
        let contents = self.read()?;
        let serving = match contents.in_use() {
            Some(path) => Some(Arc::new(self.certified(&contents, path)?)),
            None => None,
        };
        self.current.store(serving);
        Ok(())
    }

    /// Key and chain of a path as TLS takes them.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming `/private_key` when it is not here, or `/certificate`.
    pub(super) fn certified(&self, contents: &Contents, path: &PathRow) -> Result<CertifiedKey> {
        let first = path.certificates.first().copied();
        let key = first
            .and_then(|c| contents.certificate(c))
            .and_then(|c| contents.key(c.key));
        let chain = contents.chain(path).into_iter().map(Into::into).collect();
        let key = self.private_key(key)?;
        parse::certified(chain, key.into_der())
    }

    /// The private half of a key.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming `/private_key` when it is not here.
    pub(super) fn private_key(&self, key: Option<&KeyRow>) -> Result<PrivateKey> {
        let sealed = key
            .and_then(|k| k.sealed.as_deref())
            .ok_or_else(|| Error::invalid("/private_key", "", "of the certificate is not here"))?;
        PrivateKey::from_pem(&Zeroizing::new(self.sealer.open(sealed, SEAL)?))
    }

    fn take_over(&self, legacy: &Path) -> Result<Option<String>> {
        let (cert, key) = (legacy.join("device.crt"), legacy.join("device.key"));
        let (Ok(cert_pem), Ok(key_pem)) = (fs::read_to_string(&cert), fs::read_to_string(&key))
        else {
            return Ok(None);
        };
        let chain = parse::chain(&cert_pem)?;
        let der = PrivateKeyDer::from_pem_slice(key_pem.as_bytes()).map_err(Error::internal)?;
        let id = self.bring_in("device", &chain, der, false)?;
        // The key is sealed in the store now; in the clear it has no business on the disk.
        if let Err(error) = fs::remove_file(&key).and_then(|()| fs::remove_file(&cert)) {
            tracing::warn!(%error, "the old certificate files could not be removed");
        }
        Ok(Some(id))
    }

    pub(super) fn root_key(&self) -> Result<KeyPair> {
        let sealed = self.db.known_fact(ROOT_KEY)?;
        let sealed = sealed.ok_or_else(|| Error::internal("the root's key is missing"))?;
        let sealed = STANDARD.decode(sealed).map_err(Error::internal)?;
        let plain = String::from_utf8(self.sealer.open(&sealed, SEAL)?).map_err(Error::internal)?;
        KeyPair::from_pem(&plain).map_err(rc)
    }

    /// Stores a chain with its key; returns the entry's id.
    pub(super) fn bring_in(
        &self,
        alias: &str,
        chain: &[CertificateDer<'static>],
        key: PrivateKeyDer<'static>,
        external: bool,
    ) -> Result<String> {
        let pem = keys::pem(&key);
        parse::certified(chain.to_vec(), key)?;
        let sealed = self.sealer.seal(pem.as_bytes(), SEAL)?;
        let what = Import {
            alias,
            key_alias: alias,
            path_alias: alias,
            chain,
            sealed: &sealed,
            external,
        };
        let done = self.write(|tx| import::import(tx, &what))?;
        Ok(format!("{CERTIFICATE}{}", done.certificate))
    }

    /// Lets HTTPS serve an entry; its path is made where there is none.
    pub(super) fn use_entry(&self, id: &str) -> Result<()> {
        self.write(|tx| {
            let contents = Contents::load(tx)?;
            let row = contents.named_certificate(id)?;
            let path = match path_of(&contents, row.id) {
                Some(path) => path.id,
                None => insert_path(tx, &row.alias, &[row.id])?,
            };
            self.assign_checked(tx, path)
        })?;
        self.serve_assigned()
    }

    /// Assigns a path that TLS can serve.
    pub(super) fn assign_checked(&self, tx: &Transaction<'_>, path: i64) -> Result<()> {
        let contents = Contents::load(tx)?;
        let row = contents.path(path);
        let row = row.ok_or_else(|| Error::internal("the path is gone"))?;
        self.certified(&contents, row)?;
        assign(tx, Some(path))
    }
}

/// The path that begins with a certificate: the one in use, otherwise the longest.
pub(super) fn path_of(contents: &Contents, certificate: i64) -> Option<&PathRow> {
    let with = |p: &&PathRow| p.certificates.first() == Some(&certificate);
    let mut all: Vec<&PathRow> = contents.paths.iter().filter(with).collect();
    all.sort_by_key(|p| (p.in_use, p.certificates.len()));
    all.last().copied()
}
