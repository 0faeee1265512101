//! Who is let in by TLS (HTTPS-8): real handshakes in memory, in both versions.

use std::{path::Path, sync::Arc};

use platecam_model::{
    Error,
    ports::{CertificateUpload, Keystore, MAX_CRL_BYTES, MAX_CRLS},
};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams,
    SerialNumber, date_time_ymd,
};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
};

use super::{
    CertificateStore,
    tests::{open, pointer},
};

type Authority = CertifiedIssuer<'static, KeyPair>;

pub(super) fn authority(name: &str) -> Authority {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

struct Client {
    chain: Vec<CertificateDer<'static>>,
    key: Vec<u8>,
}

fn client(by: &Authority, serial: u64, usages: &[ExtendedKeyUsagePurpose]) -> Client {
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, "recorder");
    params.serial_number = Some(SerialNumber::from(serial));
    params.extended_key_usages = usages.to_vec();
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, by).unwrap();
    Client {
        chain: vec![certificate.der().clone()],
        key: key.serialize_der(),
    }
}

pub(super) fn list(by: &Authority, year: i32, serials: &[u64]) -> Vec<u8> {
    let revoked = |serial: &u64| RevokedCertParams {
        serial_number: SerialNumber::from(*serial),
        revocation_time: date_time_ymd(2025, 1, 1),
        reason_code: None,
        invalidity_date: None,
    };
    let params = CertificateRevocationListParams {
        this_update: date_time_ymd(year, 1, 1),
        next_update: date_time_ymd(year, 2, 1),
        crl_number: SerialNumber::from(u64::try_from(year).unwrap()),
        issuing_distribution_point: None,
        revoked_certs: serials.iter().map(revoked).collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    params.signed_by(by).unwrap().der().to_vec()
}

/// Whether the server takes the client, in both versions alike.
fn admitted(store: &CertificateStore, ca: &str, usage: bool, client: Option<&Client>) -> bool {
    use rustls::version::{TLS12, TLS13};
    let one = |version| {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let versions = [version];
        let builder = ServerConfig::builder_with_provider(provider.clone());
        let server = builder
            .with_protocol_versions(&versions)
            .unwrap()
            .with_client_cert_verifier(store.client_verifier(ca, usage))
            .with_cert_resolver(Arc::new(Fixed(store.current().unwrap())));
        let mut roots = RootCertStore::empty();
        let root = platecam_model::ports::Certificates::root_der(store).unwrap();
        roots.add(root.into()).unwrap();
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&versions)
            .unwrap()
            .with_root_certificates(roots);
        let config = match client {
            None => builder.with_no_client_auth(),
            Some(c) => {
                let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(c.key.clone()));
                builder.with_client_auth_cert(c.chain.clone(), key).unwrap()
            }
        };
        let name = "gate.local".try_into().unwrap();
        let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
        let mut server = ServerConnection::new(Arc::new(server)).unwrap();
        for _ in 0..4 {
            let mut wire = Vec::new();
            client.write_tls(&mut wire).unwrap();
            server.read_tls(&mut wire.as_slice()).unwrap();
            if server.process_new_packets().is_err() {
                return false;
            }
            let mut wire = Vec::new();
            server.write_tls(&mut wire).unwrap();
            client.read_tls(&mut wire.as_slice()).unwrap();
            client.process_new_packets().unwrap();
        }
        !server.is_handshaking()
    };
    let (old, new) = (one(&TLS12), one(&TLS13));
    assert_eq!(old, new, "TLS 1.2 and 1.3");
    new
}

#[derive(Debug)]
struct Fixed(Arc<rustls::sign::CertifiedKey>);

impl rustls::server::ResolvesServerCert for Fixed {
    fn resolve(
        &self,
        _: rustls::server::ClientHello<'_>,
    ) -> Option<Arc<rustls::sign::CertifiedKey>> {
        Some(self.0.clone())
    }
}

/// ADVANCED_SECURITY-3-3-1, -3-3-2: certificates of the authority alone, none that is revoked, and lists outlast a restart.
#[test]
fn only_clients_of_the_authority_that_are_not_revoked() {
    use ExtendedKeyUsagePurpose::{ClientAuth, ServerAuth};
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let (own, other) = (authority("Owner"), authority("Somebody"));
    let both = format!("comment\n{}{}", own.pem(), other.pem());
    let ca = own.pem();
    let plain = client(&own, 1, &[]);
    let named = client(&own, 2, &[ClientAuth]);
    let server = client(&own, 3, &[ServerAuth]);
    let strange = client(&other, 1, &[]);
    assert!(!admitted(&store, &ca, false, None), "no certificate");
    assert!(admitted(&store, &ca, false, Some(&plain)));
    assert!(!admitted(&store, &ca, false, Some(&server)), "of a server");
    assert!(
        !admitted(&store, &ca, false, Some(&strange)),
        "another authority"
    );
    assert!(admitted(&store, &both, false, Some(&strange)));
    assert!(!admitted(&store, &ca, true, Some(&plain)), "says nothing");
    assert!(admitted(&store, &ca, true, Some(&named)));
    for nobody in [
        "",
        "words",
        "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n",
    ] {
        assert!(!admitted(&store, nobody, false, Some(&plain)), "{nobody}");
    }

    let told = store.revocations();
    let first = store.upload_crl(&list(&own, 2025, &[2]), "first").unwrap();
    assert_eq!(*told.borrow(), 1);
    let again = store.upload_crl(&list(&own, 2025, &[2]), "again");
    assert_eq!(pointer_or(&again), "", "another signature is another list");
    store.delete_crl(&again.unwrap()).unwrap();
    assert!(!admitted(&store, &ca, false, Some(&named)), "revoked");
    assert!(
        admitted(&store, &ca, false, Some(&plain)),
        "late lists count as they are"
    );
    assert!(
        admitted(&store, &both, false, Some(&strange)),
        "no list of this one"
    );
    drop(store);
    let store = open(dir.path());
    assert!(
        !admitted(&store, &ca, false, Some(&named)),
        "after a restart"
    );
    let newer = store.upload_crl(&list(&own, 2026, &[1]), "").unwrap();
    assert!(
        admitted(&store, &ca, false, Some(&named)),
        "the newest list counts"
    );
    assert!(!admitted(&store, &ca, false, Some(&plain)));
    let all = store.crls().unwrap();
    let told: Vec<_> = all
        .iter()
        .map(|l| (l.id.as_str(), l.alias.as_str(), l.revoked))
        .collect();
    assert_eq!(
        told,
        [(first.as_str(), "first", 1), (newer.as_str(), "", 1)]
    );
    assert_eq!(all[0].issuer, "CN=Owner");
    assert!(all[0].next_update > Some(all[0].this_update));
    store.delete_crl(&newer).unwrap();
    store.delete_crl(&first).unwrap();
    assert!(
        admitted(&store, &ca, false, Some(&named)),
        "revoked by nobody"
    );
    let gone = store.delete_crl(&first).unwrap_err();
    assert!(
        matches!(
            gone,
            Error::NotFound {
                what: "revocation list",
                ..
            }
        ),
        "{gone}"
    );
}

fn pointer_or(outcome: &platecam_model::Result<String>) -> &str {
    outcome.as_ref().err().map_or("", pointer)
}

/// Security Service §5.2.6.4: what could not be followed is not taken, and a forged list locks nobody out.
#[test]
fn lists_that_cannot_be_followed_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let own = authority("Owner");
    let good = list(&own, 2026, &[1]);
    let reason = |der: &[u8]| store.upload_crl(der, "").unwrap_err().to_string();
    let after = |n| [good.clone(), vec![0; n]].concat();
    for (der, why) in [
        (Vec::new(), "is no revocation list"),
        (own.der().to_vec(), "is no revocation list"),
        (good[..good.len() - 1].to_vec(), "is no revocation list"),
        (after(1), "has bytes after its end"),
        (after(MAX_CRL_BYTES), "at most 131072"),
    ] {
        let told = reason(&der);
        assert!(told.contains(why), "{told}");
    }
    // Of a name that is known here, with another's key.
    let forged = list(&authority("Owner"), 2026, &[1]);
    let upload = CertificateUpload {
        der: own.der().to_vec(),
        ..CertificateUpload::default()
    };
    store.upload_der(&upload).unwrap();
    let told = reason(&forged);
    assert!(
        told.contains("is not signed with the key of its issuer"),
        "{told}"
    );
    // Only the page knows the authority: it is left out where it would be asked.
    let elsewhere = tempfile::tempdir().unwrap();
    let bare = open(elsewhere.path());
    bare.upload_crl(&forged, "").unwrap();
    let one = client(&own, 1, &[]);
    assert!(admitted(&bare, &own.pem(), false, Some(&one)));

    for year in 0..i32::try_from(MAX_CRLS).unwrap() {
        store.upload_crl(&list(&own, 2020 + year, &[]), "").unwrap();
    }
    let full = store.upload_crl(&good, "").unwrap_err();
    assert!(
        matches!(
            full,
            Error::Exhausted {
                what: "revocation lists",
                limit: 8
            }
        ),
        "{full}"
    );
    assert!(algorithm_is_named(dir.path()));
}

/// SHA-1 is told as what it is.
fn algorithm_is_named(dir: &Path) -> bool {
    let store = open(dir);
    let mut weak = list(&authority("Owner"), 2026, &[]);
    // ecdsa-with-SHA256 becomes ecdsa-with-SHA1, in both places.
    let (sha256, sha1) = (
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2],
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 9],
    );
    for at in 0..weak.len() - sha256.len() {
        if weak[at..].starts_with(&sha256) {
            weak[at..at + sha1.len()].copy_from_slice(&sha1);
        }
    }
    pointer(&store.upload_crl(&weak, "").unwrap_err()) == "/signature_algorithm"
}
