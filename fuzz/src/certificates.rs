//! Keys, certificates and revocation lists from elsewhere (HTTPS-4, SEC-17): PEM, DER, PKCS#8, PKCS#12, into the store that HTTPS
//! serves from.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD};
use platecam_host::{CertificateStore, Database, DeviceKey, StoreParts};
use platecam_model::{
    Actor, EventBus, Result, Secret, UtcTime,
    ports::{
        CertificateUpload, Certificates, Keystore, NewCertificate, Pkcs12Upload, SignedBy, Subject,
        UploadedCertificate,
    },
    testing::{TestClock, initialised},
};

use crate::Target;

/// The password of the files in the corpus.
const PASSWORD: &str = "Travel-2026";
/// Things taken before the store begins anew.
const FULL: u32 = 16;

fn now() -> UtcTime {
    UtcTime::from_millis(1_795_000_000_000)
}

/// A store with a request that waits for its certificate.
struct Store {
    store: CertificateStore,
    request: String,
    taken: u32,
    _dir: tempfile::TempDir,
}

impl Store {
    fn open() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let store = CertificateStore::open(StoreParts {
            db: Database::open(&dir.path().join("db")).expect("a database"),
            sealer: Arc::new(DeviceKey::open(&dir.path().join("key")).expect("a key")),
            bus: EventBus::default(),
            clock: Arc::new(TestClock::default()),
            serial: "PC1",
            names: &[],
            legacy: &dir.path().join("tls"),
        })
        .expect("a store");
        let request = NewCertificate {
            alias: "request".into(),
            subject: Subject::default(),
            names: vec!["gate.example.org".into()],
            valid_days: 365,
            signed_by: SignedBy::Itself,
        };
        let request = store.request(&request).expect("a request");
        Self {
            store,
            request,
            taken: 0,
            _dir: dir,
        }
    }

    /// What was taken is shown like everything else, and HTTPS goes on.
    fn took<T>(&mut self, what: &str, outcome: Result<T>) -> Option<T> {
        let taken = outcome.ok()?;
        self.taken += 1;
        let shown = (
            self.store.list(now(), &[]).map(|_| ()),
            self.store.keys().map(|_| ()),
            self.store.paths().map(|_| ()),
            self.store.stored_certificates().map(|_| ()),
        );
        assert!(
            matches!(shown, (Ok(()), Ok(()), Ok(()), Ok(()))),
            "{what} was taken and the store is unreadable: {shown:?}"
        );
        assert!(self.store.current().is_some(), "{what}: HTTPS has nothing");
        Some(taken)
    }

    /// An upload of the web: once in, it can be served at once.
    fn upload(&mut self, upload: &UploadedCertificate) {
        let outcome = self.store.upload("fuzz", upload, now());
        if let Some(id) = self.took("an upload", outcome) {
            let installed = self.store.install(&id, now());
            assert!(installed.is_ok(), "{id} cannot be served: {installed:?}");
        }
    }

    fn renew_when_full(&mut self) {
        if self.taken >= FULL {
            *self = Self::open();
        }
    }
}

/// Certificates and keys as text and as DER.
pub(crate) fn certificate() -> Box<dyn Target> {
    let mut it = Store::open();
    Box::new(move |input: &[u8]| {
        it.renew_when_full();
        let text = String::from_utf8_lossy(input);
        it.upload(&UploadedCertificate::Pem {
            certificate: text.clone().into_owned(),
            key: Secret::new(&*text),
        });
        let completed = it.store.complete(&it.request, &text, now());
        assert!(completed.is_err(), "nobody has signed this request");
        let text_der = STANDARD.decode(text.split_whitespace().collect::<String>());
        for der in [Some(input.to_vec()), text_der.ok()].into_iter().flatten() {
            for password in [None, Some(Secret::new(PASSWORD))] {
                let outcome = it.store.upload_key(&der, password.as_ref(), "fuzz");
                it.took("a key", outcome);
            }
            let outcome = it.store.upload_der(&CertificateUpload {
                der,
                alias: "fuzz".into(),
                ..CertificateUpload::default()
            });
            it.took("a certificate", outcome);
        }
    })
}

/// PKCS#12 files.
pub(crate) fn pkcs12() -> Box<dyn Target> {
    let mut it = Store::open();
    Box::new(move |input: &[u8]| {
        it.renew_when_full();
        it.upload(&UploadedCertificate::Pkcs12 {
            file: STANDARD.encode(input),
            password: Secret::new(PASSWORD),
        });
        for integrity in [false, true] {
            let outcome = it.store.upload_pkcs12(&Pkcs12Upload {
                file: input.to_vec(),
                password: Secret::new(PASSWORD),
                integrity,
                path_alias: "fuzz".into(),
                key_alias: "fuzz".into(),
                first_only: false,
            });
            it.took("a PKCS#12 file", outcome);
        }
    })
}

/// Revocation lists: what is taken can be told and verified by.
pub(crate) fn crl() -> Box<dyn Target> {
    const CA: &str = include_str!("../corpus/crl/ca.pem");
    let mut it = Store::open();
    let test = initialised();
    let by = Actor::system();
    Box::new(move |input: &[u8]| {
        it.renew_when_full();
        let text = String::from_utf8_lossy(input);
        if let Ok(id) = test.device.upload_revocation_text(&by, &text, "fuzz") {
            let list = test.device.revocation_list(&by, &id).expect("a list");
            test.device
                .delete_revocation_list(&by, &id)
                .expect("deleted");
            let outcome = it.store.upload_crl(&list.der, "fuzz");
            it.took("a list", outcome);
        }
        let outcome = it.store.upload_crl(input, "fuzz");
        it.took("a list", outcome);
        let told = it.store.crls();
        assert!(
            told.is_ok(),
            "a list was taken and cannot be told: {told:?}"
        );
        for ca in [CA, &text] {
            let _ = it.store.client_verifier(ca, false);
        }
        for list in told.unwrap_or_default() {
            it.store.delete_crl(&list.id).expect("deleted");
        }
    })
}
