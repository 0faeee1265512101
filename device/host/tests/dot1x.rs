//! 802.1X against hostapd at the other end of a cable, on a machine of its own (`conformance/netns/run.sh`): DOT1X-1..6.
//! Needs root.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use platecam_host::{CertificateStore, Database, DeviceKey, HostMode, StoreParts, WiredSupplicant};
use platecam_model::{
    Error, EventBus, Secret,
    ports::{Certificates, Supplicant, SupplicantPlan, SupplicantState, UploadedCertificate},
    settings::Dot1xMethod,
    testing::TestClock,
};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair,
};

const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn a_switch_admits_whom_it_knows() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance/netns/run.sh");
    let done = Command::new(script)
        .arg("none")
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "the_switch_decides", "--ignored", "--nocapture"])
        .output()
        .unwrap();
    let said = [done.stdout, done.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(done.status.success() && said.contains("1 passed"), "{said}");
}

struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::CommonName, "Test CA");
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    /// Certificate and key as PEM.
    fn sign(&self, name: &str, purpose: ExtendedKeyUsagePurpose) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.extended_key_usages = vec![purpose];
        params.distinguished_name.push(DnType::CommonName, name);
        let cert = params.signed_by(&key, &self.0).unwrap();
        (cert.pem(), key.serialize_pem())
    }
}

/// The switch: hostapd with its own authentication server.
struct Switch(Child);

impl Switch {
    fn start(dir: &Path, ca: &Authority) -> Self {
        let (cert, key) = ca.sign("radius.example.org", ExtendedKeyUsagePurpose::ServerAuth);
        let put = |name: &str, text: &str| fs::write(dir.join(name), text).unwrap();
        put("ca.pem", &ca.0.pem());
        put("server.pem", &cert);
        put("server.key", &key);
        // The password in hexadecimal: this file has no quotes within quotes.
        put(
            "users",
            "\"anyone\" PEAP,TTLS\n\"camera\" PEAP,TTLS\n\"gate\" TLS\n\
             \"camera\" MSCHAPV2,TTLS-MSCHAPV2 736563726574202231 [2]\n",
        );
        let at = |name: &str| dir.join(name).display().to_string();
        put(
            "hostapd.conf",
            &format!(
                "interface=peer0\ndriver=wired\nieee8021x=1\neap_server=1\neap_reauth_period=3600\n\
                 eap_user_file={}\nca_cert={}\nserver_cert={}\nprivate_key={}\n",
                at("users"),
                at("ca.pem"),
                at("server.pem"),
                at("server.key")
            ),
        );
        let peer = std::env::var("PEER").expect("started by run.sh only");
        let child = Command::new("ip")
            .args(["netns", "exec", &peer, "hostapd", &at("hostapd.conf")])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn wait(s: &WiredSupplicant, what: &str, met: impl Fn(&SupplicantState) -> bool) {
    let end = Instant::now() + PATIENCE;
    while !met(&s.state()) {
        assert!(Instant::now() < end, "{what}: {:?}", s.state());
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
#[ignore = "runs on a machine of its own, started by the test above"]
fn the_switch_decides() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(TestClock::default());
    let store = CertificateStore::open(StoreParts {
        db: Database::open(&dir.path().join("db")).unwrap(),
        sealer: Arc::new(DeviceKey::open(&dir.path().join("key")).unwrap()),
        bus: EventBus::default(),
        clock,
        serial: "PC1",
        names: &["192.0.2.10".to_owned()],
        legacy: &dir.path().join("tls"),
    })
    .unwrap();
    let store = Arc::new(store);
    let files = dir.path().join("dot1x");
    let supplicant = WiredSupplicant::new(HostMode::System, files.clone(), store.clone());
    let observer = WiredSupplicant::new(HostMode::Observe, files.clone(), store.clone());
    assert!(matches!(observer.changeable(), Err(Error::Unsupported(_))));
    supplicant.changeable().unwrap();

    let ca = Authority::new();
    let plan = |method| SupplicantPlan {
        interface: "cam0".into(),
        method,
        identity: "camera".into(),
        anonymous_identity: "anyone".into(),
        password: Secret::new("secret \"1"),
        certification_path: String::new(),
        ca: Some(ca.0.pem()),
        server_name: "example.org".into(),
    };
    let admitted = |s: &SupplicantState| *s == SupplicantState::Authenticated;
    let failed = |s: &SupplicantState| matches!(s, SupplicantState::Failed(_));
    assert_eq!(supplicant.state(), SupplicantState::Off);
    supplicant.apply(Some(&plan(Dot1xMethod::Peap))).unwrap();
    // Nobody asks yet; it waits, and is there when somebody does.
    assert_eq!(supplicant.state(), SupplicantState::Waiting);
    let switch = Switch::start(dir.path(), &ca);
    wait(&supplicant, "PEAP", admitted);
    for method in [Dot1xMethod::Ttls, Dot1xMethod::Peap] {
        supplicant.apply(Some(&plan(method))).unwrap();
        wait(&supplicant, "name and password", admitted);
        let same = supplicant.apply(Some(&plan(method)));
        same.unwrap();
        assert!(
            admitted(&supplicant.state()),
            "what is done already is left"
        );
    }

    // Neither a wrong password, nor somebody else who poses as the switch, nor one of another name.
    let mut wrong = plan(Dot1xMethod::Peap);
    wrong.password = Secret::new("secret-2");
    supplicant.apply(Some(&wrong)).unwrap();
    wait(&supplicant, "a wrong password", failed);
    let mut other = plan(Dot1xMethod::Peap);
    other.ca = Some(Authority::new().0.pem());
    supplicant.apply(Some(&other)).unwrap();
    wait(
        &supplicant,
        "another CA",
        |s| matches!(s, SupplicantState::Failed(why) if why.contains("certificate")),
    );
    let mut other = plan(Dot1xMethod::Peap);
    other.server_name = "example.net".into();
    supplicant.apply(Some(&other)).unwrap();
    wait(&supplicant, "another name", failed);

    // DOT1X-4: both sides have certificates; the key lies in the store.
    let (certificate, key) = ca.sign("gate.example.org", ExtendedKeyUsagePurpose::ClientAuth);
    let key = Secret::new(key);
    let upload = UploadedCertificate::Pem { certificate, key };
    let id = store
        .upload("gate", &upload, "2026-11-27T00:00:00Z".parse().unwrap())
        .unwrap();
    let mut tls = plan(Dot1xMethod::Tls);
    tls.identity = "gate".into();
    for (named, known) in [("cert-999", false), ("path-999", false), (&*id, true)] {
        tls.certification_path = named.to_owned();
        let done = supplicant.apply(Some(&tls));
        assert_eq!(done.is_ok(), known, "{named}: {done:?}");
    }
    wait(&supplicant, "EAP-TLS", admitted);
    let mode = |name: &str| {
        use std::os::unix::fs::PermissionsExt;
        fs::metadata(files.join(name)).unwrap().permissions().mode() & 0o777
    };
    assert_eq!(
        (mode("client.key"), mode("wpa_supplicant.conf")),
        (0o600, 0o600)
    );

    supplicant.apply(None).unwrap();
    assert_eq!(supplicant.state(), SupplicantState::Off);
    assert_eq!(
        fs::read_dir(&files).unwrap().count(),
        0,
        "no key is left behind"
    );
    drop(switch);
}
