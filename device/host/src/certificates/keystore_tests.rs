//! The store as ONVIF sees it, and that it is the one of the web.

use std::time::{Duration, Instant};

use platecam_model::{
    Error, EventBus, EventKind, Secret, UtcTime,
    ports::{
        CertificateKind, CertificateUpload, Certificates, CertificationPath, DistinguishedName,
        Extension, KeyStatus, Keystore, MAX_PASSPHRASES, MAX_POLICIES, NameAttribute, NewKey,
        Pkcs12Upload, RequestContent, SelfSigned, SignatureAlgorithm, UploadedCertificate,
        ValidationPolicy,
    },
};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use x509_parser::prelude::*;

use super::{
    CertificateStore, parse,
    tests::{now, open, open_with, pointer, served},
};

fn subject(common_name: &str) -> DistinguishedName {
    let one = |oid: &str, value: &str| {
        vec![NameAttribute {
            oid: oid.into(),
            value: value.into(),
        }]
    };
    DistinguishedName(vec![one("2.5.4.6", "US"), one("2.5.4.3", common_name)])
}

/// Makes a key and waits until it is there.
fn key(store: &CertificateStore, new: NewKey) -> String {
    let id = store.generate_key(new, "test").unwrap();
    let begin = Instant::now();
    loop {
        let all = store.keys().unwrap();
        match all.iter().find(|k| k.id == id).unwrap().status {
            KeyStatus::Ok => return id,
            KeyStatus::Generating => assert!(begin.elapsed() < Duration::from_secs(300)),
            KeyStatus::Corrupt => panic!("{id} is corrupt"),
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn self_signed(key: &str, algorithm: SignatureAlgorithm) -> SelfSigned {
    SelfSigned {
        subject: subject("ONVIF TT"),
        key: key.into(),
        alias: "own".into(),
        not_before: None,
        not_after: None,
        extensions: Vec::new(),
        algorithm,
    }
}

fn der_of(store: &CertificateStore, id: &str) -> Vec<u8> {
    let all = store.stored_certificates().unwrap();
    all.into_iter().find(|c| c.id == id).unwrap().der
}

fn authority() -> (Vec<u8>, Issuer<'static, KeyPair>) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let cert = params.self_signed(&key).unwrap();
    (cert.der().to_vec(), Issuer::new(params, key))
}

/// ADVANCED_SECURITY-1-1-1, -1-1-2: the status goes from generating to ok, and both are told.
#[tokio::test]
async fn keys_are_made_in_the_background_and_told() {
    let dir = tempfile::tempdir().unwrap();
    let bus = EventBus::default();
    let mut told = bus.subscribe();
    let store = open_with(dir.path(), bus);
    for new in [NewKey::Rsa(2048), NewKey::P256, NewKey::P384] {
        let id = store.generate_key(new, "k").unwrap();
        for (was, is) in [
            (None, KeyStatus::Generating),
            (Some(KeyStatus::Generating), KeyStatus::Ok),
        ] {
            let event = tokio::time::timeout(Duration::from_secs(300), told.recv());
            match &event.await.unwrap().unwrap().kind {
                EventKind::KeyStatus { key, old, new } => {
                    assert_eq!((key, *old, *new), (&id, was, is));
                }
                other => panic!("{other:?}"),
            }
        }
    }
    let all = store.keys().unwrap();
    let made: Vec<_> = all.iter().filter(|k| k.alias == "k").collect();
    assert!(made.iter().all(|k| k.has_private && !k.external));
    assert_eq!(made.len(), 3);
    let refused = store.generate_key(NewKey::Rsa(1024), "").unwrap_err();
    assert_eq!(pointer(&refused), "/key_length");
}

/// A stop in the middle leaves a corrupt key, which can be deleted; so can one that is being made.
#[test]
fn unfinished_and_deleted_keys() {
    let dir = tempfile::tempdir().unwrap();
    let id = {
        let store = open(dir.path());
        let id = store.generate_key(NewKey::Rsa(2048), "gone").unwrap();
        store.delete_key(&id).unwrap();
        // Made after the deleted one: it did not come back.
        key(&store, NewKey::P256);
        assert!(store.keys().unwrap().iter().all(|k| k.id != id));
        let db = store.db.writer.lock();
        db.execute(
            "INSERT INTO keystore_keys (alias, status, external) VALUES ('x', 'generating', 0)",
            [],
        )
        .unwrap();
        format!("key-{}", db.last_insert_rowid())
    };
    let store = open(dir.path());
    let all = store.keys().unwrap();
    let status = all.iter().find(|k| k.id == id).unwrap().status;
    assert_eq!(status, KeyStatus::Corrupt);
    let refused = store.self_sign(&self_signed(&id, SignatureAlgorithm::RsaSha256), now());
    assert_eq!(pointer(&refused.unwrap_err()), "/key_status");
    store.delete_key(&id).unwrap();
    let again = store.delete_key(&id);
    assert!(matches!(again, Err(Error::NotFound { what: "key", .. })));
}

/// ADVANCED_SECURITY-2-1-1, -2-1-2, -2-1-6: what is signed says what was asked for and can be verified.
#[test]
fn requests_and_certificates_say_what_was_asked() {
    use SignatureAlgorithm as S;
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let rsa = key(&store, NewKey::Rsa(2048));
    let p256 = key(&store, NewKey::P256);
    let p384 = key(&store, NewKey::P384);
    let names = GeneralNames::dns("gate.example.org");
    for (key, algorithm) in [
        (&rsa, S::RsaSha1),
        (&rsa, S::RsaSha256),
        (&rsa, S::RsaSha384),
        (&rsa, S::RsaSha512),
        (&p256, S::EcdsaSha256),
        (&p384, S::EcdsaSha384),
    ] {
        let extension = Extension {
            oid: "2.5.29.17".into(),
            critical: false,
            value: names.0.clone(),
        };
        let der = store
            .certification_request(&RequestContent {
                subject: subject("gate"),
                key: key.clone(),
                extensions: vec![extension.clone()],
                attributes: Vec::new(),
                algorithm,
            })
            .unwrap();
        let (rest, request) = X509CertificationRequest::from_der(&der).unwrap();
        assert!(rest.is_empty());
        request.verify_signature().unwrap();
        let info = &request.certification_request_info;
        assert_eq!(info.subject.to_string(), "C=US, CN=gate");
        assert_eq!(request.requested_extensions().unwrap().count(), 1);

        let mut content = self_signed(key, algorithm);
        content.extensions.push(extension);
        let id = store.self_sign(&content, now()).unwrap();
        let der = der_of(&store, &id);
        let certificate = parse::certificate(&der).unwrap();
        certificate.verify_signature(None).unwrap();
        assert_eq!(certificate.subject().to_string(), "C=US, CN=ONVIF TT");
        let oid = &certificate.signature_algorithm.algorithm;
        assert_eq!(oid.to_id_string(), algorithm.oid());
        let end = certificate.validity().not_after.timestamp();
        assert_eq!(end, super::build::NEVER, "9999-12-31T23:59:59Z");
        let alternative = certificate.subject_alternative_name().unwrap();
        assert_eq!(alternative.unwrap().value.general_names.len(), 1);
    }
    let refused = |content: &SelfSigned| {
        let error = store.self_sign(content, now()).unwrap_err();
        pointer(&error).to_owned()
    };
    assert_eq!(refused(&self_signed(&p256, S::RsaSha256)), "/key_algorithm");
    assert_eq!(
        refused(&self_signed(&rsa, S::EcdsaSha256)),
        "/key_algorithm"
    );
    let mut content = self_signed(&rsa, S::RsaSha256);
    content.not_after = Some(UtcTime::from_millis(0));
    assert_eq!(refused(&content), "/validity");
    for bad in ["", "Deutschland", "#zz", "#0c05ff"] {
        let mut content = self_signed(&rsa, S::RsaSha256);
        content.subject.0[0][0].value = bad.into();
        assert_eq!(refused(&content), "/subject", "{bad}");
    }
    let unknown = store.self_sign(&self_signed("key-999", S::RsaSha256), now());
    assert!(matches!(unknown, Err(Error::NotFound { what: "key", .. })));
}

/// DER of a subject alternative name.
struct GeneralNames(Vec<u8>);

impl GeneralNames {
    fn dns(name: &str) -> Self {
        Self(super::der::sequence(&[&super::der::value(
            0x82,
            name.as_bytes(),
        )]))
    }
}

/// ADVANCED_SECURITY-2-1-3 to -2-1-5, -2-1-21, -2-1-23, -2-1-24.
#[test]
fn uploaded_certificates_find_their_key() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let upload = |der: &[u8], required| {
        store.upload_der(&CertificateUpload {
            der: der.to_vec(),
            private_key_required: required,
            ..Default::default()
        })
    };
    let (ca, issuer) = authority();
    assert_eq!(pointer(&upload(&ca, true).unwrap_err()), "/private_key");
    let (ca_id, ca_key) = upload(&ca, false).unwrap();
    assert_eq!(pointer(&upload(&ca, false).unwrap_err()), "/duplicate");
    let mut broken = ca.clone();
    broken.truncate(ca.len() - 3);
    assert_eq!(
        pointer(&upload(&broken, false).unwrap_err()),
        "/certificate"
    );

    let own = key(&store, NewKey::P256);
    let request = store
        .certification_request(&RequestContent {
            subject: subject("gate"),
            key: own.clone(),
            extensions: Vec::new(),
            attributes: Vec::new(),
            algorithm: SignatureAlgorithm::EcdsaSha256,
        })
        .unwrap();
    let request: rcgen::CertificateSigningRequestParams =
        rcgen::CertificateSigningRequestParams::from_der(&request.into()).unwrap();
    let mut request = request;
    // Long over: that alone is no reason to refuse it.
    request.params.not_after = rcgen::date_time_ymd(2001, 1, 1);
    request.params.not_before = rcgen::date_time_ymd(2000, 1, 1);
    let signed = request.signed_by(&issuer).unwrap();
    let (id, found) = upload(signed.der(), true).unwrap();
    assert_eq!(found, own);

    let path = store
        .create_path(&[id.clone(), ca_id.clone()], "p")
        .unwrap();
    let wrong = store.create_path(&[ca_id.clone(), id.clone()], "p");
    assert_eq!(pointer(&wrong.unwrap_err()), "/path");
    assert_eq!(pointer(&store.create_path(&[], "").unwrap_err()), "/path");
    let missing = store.create_path(&["cert-999".into()], "");
    assert!(matches!(
        missing,
        Err(Error::NotFound {
            what: "certificate",
            ..
        })
    ));

    for refused in [
        store.delete_key(&own),
        store.delete_certificate(&id),
        store.delete_certificate(&ca_id),
    ] {
        assert!(matches!(refused, Err(Error::Conflict(_))), "{refused:?}");
    }
    let all = store.paths().unwrap();
    let stored = all.iter().find(|p| p.id == path).unwrap();
    assert_eq!(stored.certificates, [id.clone(), ca_id.clone()]);
    store
        .set_path(&CertificationPath {
            id: path.clone(),
            alias: "short".into(),
            certificates: vec![id.clone()],
        })
        .unwrap();
    store.delete_certificate(&ca_id).unwrap();
    assert!(
        store.keys().unwrap().iter().any(|k| k.id == ca_key),
        "its key stays"
    );
    store.delete_path(&path).unwrap();
    store.delete_certificate(&id).unwrap();
    store.delete_key(&own).unwrap();
}

/// ADVANCED_SECURITY-3-1-1 to -3-1-8, -4-1-1: what is assigned is served, and cannot be deleted.
#[test]
fn assigned_paths_are_served_and_kept() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let own = key(&store, NewKey::Rsa(2048));
    let id = store
        .self_sign(&self_signed(&own, SignatureAlgorithm::RsaSha256), now())
        .unwrap();
    let path = store.create_path(std::slice::from_ref(&id), "tls").unwrap();
    let first = store.assigned().unwrap().unwrap();
    let full = store.assign(None, &path);
    assert!(matches!(full, Err(Error::Exhausted { .. })));
    assert!(
        store.assign(Some(&path), &first).is_err(),
        "not the old one"
    );
    store.assign(Some(&first), &path).unwrap();
    assert_eq!(store.assigned().unwrap().as_deref(), Some(path.as_str()));
    assert_eq!(served(&store), der_of(&store, &id));
    let entry = |id: &str| {
        let all = store.list(now(), &[]).unwrap();
        all.into_iter().find(|c| c.id == id).unwrap()
    };
    assert!(entry(&id).in_use, "the web sees it");
    for refused in [
        store.delete_path(&path),
        store.delete_certificate(&id),
        store.delete_key(&own),
        store.delete(&id),
    ] {
        assert!(matches!(refused, Err(Error::Conflict(_))), "{refused:?}");
    }
    store.unassign(&path).unwrap();
    assert!(store.current().is_none(), "nothing is served");
    store.assign(None, &path).unwrap();
    store.assign(None, &path).unwrap();
    // What the web installs is what ONVIF says is assigned.
    let other = store.list(now(), &[]).unwrap()[0].id.clone();
    store.install(&other, now()).unwrap();
    assert_eq!(store.assigned().unwrap().unwrap(), first);

    let (ca, _) = authority();
    let upload = CertificateUpload {
        der: ca,
        ..Default::default()
    };
    let (ca, _) = store.upload_der(&upload).unwrap();
    assert_eq!(entry(&ca).kind, CertificateKind::Authority);
    let bare = store.create_path(&[ca], "").unwrap();
    let refused = store.assign(Some(&first), &bare).unwrap_err();
    assert_eq!(pointer(&refused), "/private_key");
    assert_eq!(store.assigned().unwrap().unwrap(), first);
    // The web deletes an entry with everything that only it needs.
    store.delete(&id).unwrap();
    assert!(store.keys().unwrap().iter().all(|k| k.id != own));
    assert!(store.paths().unwrap().iter().all(|p| p.id != path));
}

/// A key made over ONVIF is an entry of the web, and a request made on the web is completed over ONVIF.
#[test]
fn both_views_are_of_one_store() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let own = key(&store, NewKey::P256);
    let all = store.list(now(), &[]).unwrap();
    let entry = all.iter().find(|c| c.id == own).unwrap();
    assert_eq!(entry.kind, CertificateKind::Key);
    store.delete(&own).unwrap();

    let new = super::tests::new("web", platecam_model::ports::SignedBy::Itself);
    let waiting = store.request(&new).unwrap();
    assert!(
        store
            .stored_certificates()
            .unwrap()
            .iter()
            .all(|c| c.id != waiting)
    );
    let request = store.request_pem(&waiting).unwrap();
    let (_, issuer) = authority();
    let signed = rcgen::CertificateSigningRequestParams::from_pem(&request)
        .unwrap()
        .signed_by(&issuer)
        .unwrap();
    let upload = CertificateUpload {
        der: signed.der().to_vec(),
        private_key_required: true,
        ..Default::default()
    };
    assert_eq!(store.upload_der(&upload).unwrap().0, waiting);
    store.install(&waiting, now()).unwrap();
    assert_eq!(served(&store), signed.der().to_vec());
}

/// ADVANCED_SECURITY-6-1-1, -6-1-2; SEC-18: sealed on the disk.
#[test]
fn passphrases_are_sealed() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let secret = Secret::new("a very remarkable passphrase");
    let id = store.store_passphrase(&secret, "p").unwrap();
    assert_eq!(store.passphrase(&id).unwrap().expose(), secret.expose());
    for _ in 1..MAX_PASSPHRASES {
        store.store_passphrase(&secret, "").unwrap();
    }
    let full = store.store_passphrase(&secret, "");
    assert!(matches!(full, Err(Error::Exhausted { .. })));
    store.delete_passphrase(&id).unwrap();
    assert!(store.delete_passphrase(&id).is_err());
    for file in ["db", "db-wal"] {
        let raw = std::fs::read(dir.path().join(file)).unwrap_or_default();
        assert!(
            !String::from_utf8_lossy(&raw).contains("remarkable"),
            "{file}"
        );
    }
}

/// ADVANCED_SECURITY-6-2-1, -6-2-2, -6-3-1, -6-3-2; made by OpenSSL in every way that it knows.
#[test]
fn keys_and_files_of_openssl() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let at = |name: &str| dir.path().join(name).display().to_string();
    let openssl = |args: &str| {
        let all = args.replace('@', &format!("{}/", dir.path().display()));
        let done = std::process::Command::new("openssl")
            .args(all.split(' '))
            .output();
        let done = done.expect("openssl is needed");
        assert!(
            done.status.success(),
            "{all}: {}",
            String::from_utf8_lossy(&done.stderr)
        );
    };
    openssl("req -x509 -newkey rsa:2048 -nodes -keyout @k.pem -out @c.pem -subj /CN=p12 -days 9");
    openssl("pkcs8 -topk8 -nocrypt -in @k.pem -outform DER -out @plain");
    let mut known = None;
    for (name, how) in [
        ("pbes2", "-v2 aes-256-cbc -v2prf hmacWithSHA256"),
        ("3des", "-v1 PBE-SHA1-3DES"),
    ] {
        openssl(&format!(
            "pkcs8 -topk8 -in @k.pem -outform DER -out @{name} -passout pass:secret-1 {how}"
        ));
        let file = std::fs::read(at(name)).unwrap();
        let wrong = store.upload_key(&file, Some(&Secret::new("other")), "");
        assert_eq!(pointer(&wrong.unwrap_err()), "/password", "{name}");
        assert_eq!(
            pointer(&store.upload_key(&file, None, "").unwrap_err()),
            "/pkcs8"
        );
        let id = store
            .upload_key(&file, Some(&Secret::new("secret-1")), name)
            .unwrap();
        assert_eq!(*known.get_or_insert(id.clone()), id, "the same key");
    }
    let plain = std::fs::read(at("plain")).unwrap();
    assert_eq!(store.upload_key(&plain, None, "").ok(), known);
    let bad = store.upload_key(b"nonsense", None, "").unwrap_err();
    assert_eq!(pointer(&bad), "/pkcs8");

    openssl("pkcs12 -export -in @c.pem -inkey @k.pem -out @p12 -passout pass:secret-1");
    openssl("pkcs12 -export -in @c.pem -inkey @k.pem -out @nomac -nomac -passout pass:secret-1");
    let upload = |name: &str, password: &str, integrity| {
        store.upload_pkcs12(&Pkcs12Upload {
            file: std::fs::read(at(name)).unwrap(),
            password: Secret::new(password),
            integrity,
            path_alias: "path".into(),
            key_alias: "key".into(),
            first_only: false,
        })
    };
    assert_eq!(pointer(&upload("p12", "x", true).unwrap_err()), "/password");
    assert_eq!(
        pointer(&upload("nomac", "secret-1", true).unwrap_err()),
        "/pkcs12"
    );
    assert_eq!(
        pointer(&upload("c.pem", "secret-1", false).unwrap_err()),
        "/pkcs12"
    );
    let (path, key) = upload("p12", "secret-1", true).unwrap();
    assert_eq!(Some(&key), known.as_ref());
    let all = store.paths().unwrap();
    let stored = all.iter().find(|p| p.id == path).unwrap();
    assert_eq!(
        (stored.alias.as_str(), stored.certificates.len()),
        ("path", 1)
    );
    upload("nomac", "secret-1", false).unwrap();

    // Version 1, as `openssl x509 -req` makes it without an extensions file: served as it is.
    openssl("req -new -key @k.pem -out @r.csr -subj /CN=v1");
    openssl("x509 -req -in @r.csr -signkey @k.pem -days 9 -out @v1.pem");
    let read = |name: &str| std::fs::read_to_string(at(name)).unwrap();
    let pem = UploadedCertificate::Pem {
        certificate: read("v1.pem"),
        key: Secret::new(read("k.pem")),
    };
    let id = store.upload("v1", &pem, UtcTime::from_millis(0)).unwrap();
    store.install(&id, UtcTime::from_millis(0)).unwrap();
    assert_eq!(served(&store), der_of(&store, &id));
}

/// Security Service §5.5.5: policies come back after a restart, and hold their certificates for the web too.
#[test]
fn validation_policies_hold_their_certificates() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let own = key(&store, NewKey::P256);
    let ca = store
        .self_sign(&self_signed(&own, SignatureAlgorithm::EcdsaSha256), now())
        .unwrap();
    let other = store
        .self_sign(&self_signed(&own, SignatureAlgorithm::EcdsaSha256), now())
        .unwrap();
    let many = vec![ca.clone(); 9];
    for (anchors, wrong) in [(&[][..], "/anchors"), (&many, "/anchors")] {
        assert_eq!(
            pointer(&store.create_policy(anchors, "", false).unwrap_err()),
            wrong
        );
    }
    let unknown = store
        .create_policy(&["cert-99".into()], "", false)
        .unwrap_err();
    assert!(matches!(
        unknown,
        Error::NotFound {
            what: "certificate",
            ..
        }
    ));
    let id = store
        .create_policy(std::slice::from_ref(&ca), "switch", false)
        .unwrap();
    let held = |store: &CertificateStore, id: &str| {
        let by_web = Certificates::delete(store, id);
        let by_onvif = Keystore::delete_certificate(store, id);
        [by_web, by_onvif].map(|r| matches!(r, Err(Error::Conflict(_))))
    };
    assert_eq!(held(&store, &ca), [true, true]);
    let wanted = ValidationPolicy {
        id: id.clone(),
        alias: "radius".into(),
        anchors: vec![other.clone(), ca.clone()],
        client_usage: true,
    };
    store.set_policy(&wanted).unwrap();
    drop(store);
    let store = open(dir.path());
    assert_eq!(store.policies().unwrap(), std::slice::from_ref(&wanted));
    assert_eq!(held(&store, &other), [true, true]);
    store.delete_policy(&id).unwrap();
    assert!(matches!(
        store.delete_policy(&id),
        Err(Error::NotFound { .. })
    ));
    assert!(matches!(
        store.set_policy(&wanted),
        Err(Error::NotFound { .. })
    ));
    Keystore::delete_certificate(&store, &ca).unwrap();
    for _ in 0..MAX_POLICIES {
        store
            .create_policy(std::slice::from_ref(&other), "", false)
            .unwrap();
    }
    let full = store
        .create_policy(std::slice::from_ref(&other), "", false)
        .unwrap_err();
    assert!(
        matches!(
            full,
            Error::Exhausted {
                what: "validation policies",
                ..
            }
        ),
        "{full}"
    );
}
