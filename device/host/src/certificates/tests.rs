use std::{path::Path, sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use p12_keystore::{Certificate, KeyStore, KeyStoreEntry, PrivateKey, PrivateKeyChain};
use platecam_model::{
    Error, EventBus, Secret, UtcTime,
    ports::{
        CertificateKind, CertificateState, Certificates, Keystore, MAX_CERTIFICATES,
        NewCertificate, Sealer, SignedBy, Subject, UploadedCertificate,
    },
    testing::TestClock,
};
use rcgen::{CertificateParams, CertificateSigningRequestParams, Issuer, KeyPair};

use super::{CertificateStore, StoreParts};
use crate::{Database, DeviceKey};

pub(super) fn now() -> UtcTime {
    UtcTime::from_millis(1_795_000_000_000)
}

pub(super) fn open(dir: &Path) -> CertificateStore {
    open_with(dir, EventBus::default())
}

pub(super) fn open_with(dir: &Path, bus: EventBus) -> CertificateStore {
    let names = ["192.0.2.10".to_owned(), "gate.local".into()];
    CertificateStore::open(StoreParts {
        db: Database::open(&dir.join("db")).unwrap(),
        sealer: Arc::new(DeviceKey::open(&dir.join("key")).unwrap()),
        bus,
        clock: Arc::new(TestClock::default()),
        serial: "PC1",
        names: &names,
        legacy: &dir.join("tls"),
    })
    .unwrap()
}

pub(super) fn new(alias: &str, signed_by: SignedBy) -> NewCertificate {
    NewCertificate {
        alias: alias.into(),
        subject: Subject {
            country: "US".into(),
            organization: "Example".into(),
            common_name: "gate.example.org".into(),
            ..Subject::default()
        },
        names: vec!["gate.example.org".into(), "2001:db8::7".into()],
        valid_days: 365,
        signed_by,
    }
}

pub(super) fn served(store: &CertificateStore) -> Vec<u8> {
    store.current().unwrap().cert[0].to_vec()
}

pub(super) fn pointer(e: &Error) -> &str {
    match e {
        Error::Invalid(v) => &v.0[0].pointer,
        other => panic!("{other}"),
    }
}

/// A key and certificate of somebody else's.
fn foreign() -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let cert = CertificateParams::new(vec!["other.example.org".to_owned()])
        .unwrap()
        .self_signed(&key)
        .unwrap();
    (cert.pem(), key.serialize_pem())
}

fn pem(certificate: &str, key: &str) -> UploadedCertificate {
    UploadedCertificate::Pem {
        certificate: certificate.into(),
        key: Secret::new(key),
    }
}

/// HTTPS-3: the unit's first certificate is signed by a root that computers can install; both stay.
#[test]
fn the_first_start_makes_a_root_and_a_certificate() {
    let dir = tempfile::tempdir().unwrap();
    let (first, root) = {
        let store = open(dir.path());
        let all = store.list(now(), &["192.0.2.10".into()]).unwrap();
        assert_eq!(all.len(), 1);
        let own = &all[0];
        assert!(own.in_use && own.ca_issued && !own.self_signed && own.covers_address);
        assert_eq!(own.issuer, store.root().unwrap().subject);
        assert_eq!(own.names, ["192.0.2.10", "gate.local"]);
        assert!(
            !store.list(now(), &["192.0.2.11".into()]).unwrap()[0].covers_address,
            "HTTPS-5"
        );
        (served(&store), store.root_der().unwrap())
    };
    let store = open(dir.path());
    assert_eq!(
        (served(&store), store.root_der().unwrap()),
        (first, root),
        "kept"
    );
    let raw = std::fs::read(dir.path().join("db")).unwrap();
    let text = String::from_utf8_lossy(&raw);
    assert!(!text.contains("PRIVATE KEY"), "keys are sealed");
}

/// State directories of earlier versions: the certificate that browsers know goes on, its key leaves the disk.
#[test]
fn takes_over_the_files_of_earlier_versions() {
    let dir = tempfile::tempdir().unwrap();
    let tls = dir.path().join("tls");
    std::fs::create_dir(&tls).unwrap();
    let (cert, key) = foreign();
    std::fs::write(tls.join("device.crt"), &cert).unwrap();
    std::fs::write(tls.join("device.key"), &key).unwrap();
    let store = open(dir.path());
    let all = store.list(now(), &[]).unwrap();
    assert_eq!(
        (all.len(), all[0].in_use, all[0].self_signed),
        (1, true, true)
    );
    assert_eq!(all[0].names, ["other.example.org"]);
    assert!(!tls.join("device.key").exists() && !tls.join("device.crt").exists());
}

/// HTTPS-1, HTTPS-2, HTTPS-9.
#[test]
fn made_installed_and_deleted_without_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let before = served(&store);
    let own = store.create(&new("mine", SignedBy::Itself), now()).unwrap();
    let by_root = store
        .create(&new("root's", SignedBy::DeviceCa), now())
        .unwrap();
    let all = store.list(now(), &[]).unwrap();
    assert!(all[1].self_signed && !all[1].ca_issued && all[2].ca_issued);
    assert_eq!(all[1].subject, "C=US, O=Example, CN=gate.example.org");
    assert_eq!(all[1].names, ["gate.example.org", "2001:db8::7"]);
    assert_eq!(served(&store), before, "until it is installed");
    store.install(&by_root, now()).unwrap();
    assert_ne!(served(&store), before);
    assert_eq!(store.current().unwrap().cert.len(), 2, "with its root");
    assert!(matches!(store.delete(&by_root), Err(Error::Conflict(_))));
    store.delete(&own).unwrap();
    store.delete(&all[0].id).unwrap();
    assert!(matches!(store.delete(&own), Err(Error::NotFound { .. })));
    let after = served(&store);
    drop(store);
    assert_eq!(
        served(&open(dir.path())),
        after,
        "also after a restart (HTTPS-7)"
    );
}

#[test]
fn states_follow_the_clock() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let id = store.create(&new("year", SignedBy::Itself), now()).unwrap();
    let day = Duration::from_secs(86_400);
    let state = |at: UtcTime| store.list(at, &[]).unwrap()[1].state.unwrap();
    for (days, want) in [
        (0, CertificateState::Valid),
        (334, CertificateState::Valid),
        (336, CertificateState::Expiring),
        (366, CertificateState::Expired),
    ] {
        assert_eq!(state(now() + day * days), want, "{days}");
    }
    assert_eq!(
        state(UtcTime::from_millis(0)),
        CertificateState::NotYetValid
    );
    let late = store.install(&id, now() + day * 366);
    assert!(
        matches!(late, Err(Error::Conflict(_))),
        "an expired one is not installed"
    );
}

#[test]
fn a_request_takes_only_its_own_certificate() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let id = store.request(&new("csr", SignedBy::DeviceCa)).unwrap();
    let info = store.list(now(), &[]).unwrap()[1].clone();
    assert_eq!((info.kind, info.state), (CertificateKind::Request, None));
    assert!(matches!(store.install(&id, now()), Err(Error::Conflict(_))));
    let request = store.request_pem(&id).unwrap();
    assert!(
        request.starts_with("-----BEGIN CERTIFICATE REQUEST-----"),
        "{request}"
    );
    let other = store.complete(&id, &foreign().0, now()).unwrap_err();
    assert_eq!(pointer(&other), "/certificate");
    // A certification authority of the owner's signs it.
    let ca_key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::default();
    ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let ca_cert = ca.self_signed(&ca_key).unwrap();
    let issuer = Issuer::new(ca, ca_key);
    let signed = CertificateSigningRequestParams::from_pem(&request)
        .unwrap()
        .signed_by(&issuer)
        .unwrap();
    let chain = format!("{}{}", signed.pem(), ca_cert.pem());
    store.complete(&id, &chain, now()).unwrap();
    store.install(&id, now()).unwrap();
    assert_eq!(served(&store), signed.der().to_vec());
    let again = store.complete(&id, &chain, now());
    assert!(matches!(again, Err(Error::Conflict(_))));
    let wrong_way = format!("{}{}", ca_cert.pem(), signed.pem());
    let second = store.request(&new("csr2", SignedBy::DeviceCa)).unwrap();
    let refused = store.complete(&second, &wrong_way, now()).unwrap_err();
    assert!(refused.to_string().contains("is no chain"), "{refused}");
    // Names alone make no chain: the key of another authority of the same name did not sign it.
    let mut twin = CertificateParams::default();
    twin.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let twin = twin.self_signed(&KeyPair::generate().unwrap()).unwrap();
    let forged = format!("{}{}", signed.pem(), twin.pem());
    let refused = store.complete(&second, &forged, now()).unwrap_err();
    assert!(refused.to_string().contains("is no chain"), "{refused}");
}

/// A state directory of the form before keys, certificates and paths were apart goes on as it was.
#[test]
fn rows_of_the_old_form_are_converted() {
    let dir = tempfile::tempdir().unwrap();
    let root = open(dir.path()).root_cert.clone();
    let (cert, key) = foreign();
    let sealer = DeviceKey::open(&dir.path().join("key")).unwrap();
    let seal = |pem: &str| sealer.seal(pem.as_bytes(), b"certificates/key").unwrap();
    let waiting = KeyPair::generate().unwrap().serialize_pem();
    {
        let db = Database::open(&dir.path().join("db")).unwrap();
        let db = db.writer.lock();
        db.execute_batch(
            "DELETE FROM keystore_paths; DELETE FROM keystore_certificates; DELETE FROM keystore_keys;",
        )
        .unwrap_or_else(|e| panic!("{e}"));
        let insert = "INSERT INTO certificates (id, alias, chain, request, sealed_key, in_use)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let chain = Some(&cert);
        db.execute(
            insert,
            rusqlite::params![7, "old", chain, None::<String>, seal(&key), 1],
        )
        .unwrap();
        db.execute(
            insert,
            rusqlite::params![9, "csr", None::<String>, "PEM", seal(&waiting), 0],
        )
        .unwrap();
        // What nobody can open any more does not keep the unit from starting.
        db.execute(
            insert,
            rusqlite::params![11, "bad", chain, None::<String>, vec![1u8], 0],
        )
        .unwrap();
    }
    let store = open(dir.path());
    let all = store.list(now(), &[]).unwrap();
    let told: Vec<_> = all
        .iter()
        .map(|c| (c.id.as_str(), c.alias.as_str(), c.in_use))
        .collect();
    assert_eq!(told, [("cert-7", "old", true), ("cert-9", "csr", false)]);
    assert_eq!(store.request_pem("cert-9").unwrap(), "PEM");
    let body: String = cert.lines().filter(|l| !l.starts_with("-----")).collect();
    assert_eq!(served(&store), STANDARD.decode(body).unwrap());
    assert_eq!(store.root_cert, root);
}

/// HTTPS-4: what fits is taken, what does not is named by its field.
#[test]
fn uploads_are_checked() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let (cert, key) = foreign();
    let id = store.upload("pem", &pem(&cert, &key), now()).unwrap();
    assert!(
        store
            .certificate_pem(&id)
            .unwrap()
            .contains("BEGIN CERTIFICATE")
    );
    let body: String = cert.lines().filter(|l| !l.starts_with("-----")).collect();
    store.upload("der", &pem(&body, &key), now()).unwrap();

    let der = STANDARD.decode(&body).unwrap();
    let key_der = KeyPair::from_pem(&key).unwrap().serialize_der();
    let mut keystore = KeyStore::new();
    let chain = PrivateKeyChain::new(
        "1",
        PrivateKey::from_der(&key_der).unwrap(),
        [Certificate::from_der(&der).unwrap()],
    );
    keystore.add_entry("k", KeyStoreEntry::PrivateKeyChain(chain));
    let file = STANDARD.encode(keystore.writer("secret-1").write().unwrap());
    let p12 = |file: &str, password: &str| UploadedCertificate::Pkcs12 {
        file: file.into(),
        password: Secret::new(password),
    };
    let id = store.upload("p12", &p12(&file, "secret-1"), now()).unwrap();
    store.install(&id, now()).unwrap();
    assert_eq!(served(&store), der);

    let (_, other_key) = foreign();
    for (upload, at) in [
        (pem(&cert, &other_key), "/key"),
        (pem(&cert, "nothing"), "/key"),
        (pem("nothing", &key), "/certificate"),
        (
            pem(
                "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                &key,
            ),
            "/certificate",
        ),
        (pem(&cert.repeat(9), &key), "/certificate"),
        (p12(&file, "wrong"), "/password"),
        (p12("AAAA", "secret-1"), "/password"),
        (p12("%", ""), "/pkcs12"),
    ] {
        let refused = store.upload("x", &upload, now()).unwrap_err();
        assert_eq!(pointer(&refused), at, "{refused}");
        assert!(
            !refused.to_string().contains("PRIVATE"),
            "no key in a message"
        );
    }
}

#[test]
fn the_store_is_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let before = store.stored_certificates().unwrap().len();
    for _ in before..MAX_CERTIFICATES {
        store.request(&new("r", SignedBy::Itself)).unwrap();
    }
    let full = store.request(&new("r", SignedBy::Itself));
    assert!(matches!(full, Err(Error::Exhausted { limit: 64, .. })));
}

/// GEN-21: one certificate of the key that signs video for all starts, by the unit's root; another key gets another.
#[test]
fn the_key_of_video_has_a_certificate_of_the_root() {
    use platecam_model::{ports::PictureSigner, watermark::SigningKey};

    let dir = tempfile::tempdir().unwrap();
    let key = || {
        SigningKey::from_pkcs8(&SigningKey::generate().unwrap())
            .unwrap()
            .public_key()
    };
    let (one, other) = (key(), key());
    let store = open(dir.path());
    let made = store.video_certificate(&one, "PC1").unwrap();
    let der = super::parse::chain(&made).unwrap();
    let root = store.root_der().unwrap();
    assert!(super::parse::signed_by(&der[0], &root));
    assert_eq!(super::parse::point(&der[0]).unwrap(), one.0);
    drop(store);
    let store = open(dir.path());
    assert_eq!(store.video_certificate(&one, "PC1").unwrap(), made);
    let exchanged = store.video_certificate(&other, "PC1").unwrap();
    assert_eq!(
        super::parse::point(&super::parse::chain(&exchanged).unwrap()[0]).unwrap(),
        other.0
    );
}
