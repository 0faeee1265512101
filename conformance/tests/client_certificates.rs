//! Client certificates as peers meet them (HTTPS-8; ADVANCED_SECURITY-3-3-1, -3-3-2): curl and OpenSSL's client with a
//! good certificate, none, that of another authority, and a revoked one, on the running unit and after a restart.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use conformance::{Camera, Options, PASSWORD, QUIET, Web, free_ports, output};
use serde_json::json;

const PATIENCE: Duration = Duration::from_secs(60);
const CONFIG: &str = "[ca]\ndefault_ca = d\n[d]\ndatabase = index.txt\ncrlnumber = crlnumber\ndefault_md = sha256\n\
                      certificate = ca.pem\nprivate_key = ca.key\ncrl_extensions = e\n[e]\nauthorityKeyIdentifier = keyid\n";

fn openssl(dir: &Path, args: &str) {
    let mut command = Command::new("openssl");
    output(command.args(args.split(' ')).current_dir(dir), PATIENCE).unwrap();
}

/// The files of an owner: authority, a good and a lost certificate for recorders, a list with the lost one; and a certificate of
/// somebody else's authority.
struct Owner(tempfile::TempDir);

impl Owner {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path();
        let write = |name: &str, text: &str| std::fs::write(at.join(name), text).unwrap();
        write("ca.cnf", CONFIG);
        write("crlnumber", "01\n");
        write(
            "index.txt",
            "R\t400101000000Z\t260101000000Z\t1002\tunknown\t/CN=lost\n",
        );
        write(
            "ext",
            "basicConstraints=CA:FALSE\nextendedKeyUsage=clientAuth\n",
        );
        for (ca, name) in [("ca", "Owner"), ("strange", "Somebody")] {
            openssl(
                at,
                &format!(
                    "req -x509 -newkey rsa:2048 -nodes -keyout {ca}.key -out {ca}.pem -subj /CN={name} -days 9"
                ),
            );
        }
        for (name, ca, serial) in [
            ("good", "ca", "0x1001"),
            ("lost", "ca", "0x1002"),
            ("other", "strange", "0x1001"),
        ] {
            openssl(
                at,
                &format!(
                    "req -newkey rsa:2048 -nodes -keyout {name}.key -out {name}.csr -subj /CN={name}"
                ),
            );
            openssl(
                at,
                &format!(
                    "x509 -req -in {name}.csr -CA {ca}.pem -CAkey {ca}.key -set_serial {serial} -days 9 -extfile ext -out {name}.pem"
                ),
            );
        }
        openssl(at, "ca -config ca.cnf -gencrl -crldays 9 -out crl.pem");
        Self(dir)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Base64 of the DER in a PEM file.
    fn base64(&self, name: &str) -> String {
        let text = std::fs::read_to_string(self.path(name)).unwrap();
        let body = text.lines().skip_while(|l| !l.starts_with("-----BEGIN"));
        let body = body.skip(1).take_while(|l| !l.starts_with("-----"));
        body.collect()
    }

    /// Whether curl gets an answer over HTTPS with this certificate.
    fn answered(&self, camera: &Camera, certificate: Option<&str>) -> bool {
        let mut command = Command::new("curl");
        command.args(["-sk", "--max-time", "20"]);
        if let Some(name) = certificate {
            command.arg("--cert").arg(self.path(&format!("{name}.pem")));
            command.arg("--key").arg(self.path(&format!("{name}.key")));
        }
        command.arg(format!("https://127.0.0.1:{}/healthz", camera.https));
        output(&mut command, PATIENCE).is_ok()
    }

    /// Whether the handshake of RTSPS is done with this certificate; TLS 1.2 tells that at its end.
    fn shakes(&self, port: u16, certificate: Option<&str>) -> bool {
        let mut command = Command::new("openssl");
        command.args([
            "s_client",
            "-tls1_2",
            "-connect",
            &format!("127.0.0.1:{port}"),
        ]);
        if let Some(name) = certificate {
            command.arg("-cert").arg(self.path(&format!("{name}.pem")));
            command.arg("-key").arg(self.path(&format!("{name}.key")));
        }
        command.stdin(std::process::Stdio::null());
        output(&mut command, PATIENCE).is_ok()
    }

    /// The listener follows the settings; waits for that, not for a time.
    async fn until(&self, camera: &Camera, certificate: Option<&str>, want: bool) {
        let begin = Instant::now();
        while self.answered(camera, certificate) != want {
            assert!(begin.elapsed() < PATIENCE, "{certificate:?}: never {want}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// One `tas` operation over plain HTTP with Digest; the answer's text.
fn tas(camera: &Camera, operation: &str, content: &str) -> String {
    let envelope = format!(
        "<s:Envelope xmlns:s='http://www.w3.org/2003/05/soap-envelope' \
         xmlns:tas='http://www.onvif.org/ver10/advancedsecurity/wsdl'><s:Body>\
         <tas:{operation}>{content}</tas:{operation}></s:Body></s:Envelope>"
    );
    let mut command = Command::new("curl");
    command
        .args(["-s", "--digest", "-u", &format!("admin:{PASSWORD}")])
        .args([
            "-H",
            "Content-Type: application/soap+xml",
            "--data",
            &envelope,
        ])
        .arg(camera.url("/onvif/security_service"));
    output(&mut command, PATIENCE).unwrap()
}

fn done(camera: &Camera, operation: &str, content: &str) -> String {
    let answer = tas(camera, operation, content);
    assert!(answer.contains(&format!("{operation}Response")), "{answer}");
    answer
}

fn element(xml: &str, name: &str) -> String {
    let found = xml.split(&format!("<tas:{name}>")).nth(1);
    let found = found.and_then(|rest| rest.split("</").next());
    found
        .unwrap_or_else(|| panic!("no {name}: {xml}"))
        .to_owned()
}

fn required(on: bool) -> String {
    format!("<tas:clientAuthenticationRequired>{on}</tas:clientAuthenticationRequired>")
}

/// ADVANCED_SECURITY-3-3-1, -3-3-2: demanded and verified from the next connection on, over HTTPS and RTSPS, also after a
/// restart; plain HTTP switches it off.
#[tokio::test]
async fn clients_show_certificates() {
    let owner = Owner::new();
    let state = tempfile::tempdir().unwrap();
    let options = Options {
        source: QUIET.into(),
        ..Options::default()
    };
    let camera = Camera::start_in(&options, state.path()).unwrap();
    let web = Web::login(&camera).await.unwrap();
    let [rtsps] = free_ports().unwrap();
    let ports = json!({"rtsps_enabled": true, "rtsps": rtsps});
    let (status, answer) = web.change("net.ports", ports).await.unwrap();
    assert_eq!(status, 200, "{answer}");

    let nobody = tas(&camera, "SetClientAuthenticationRequired", &required(true));
    assert!(
        nobody.contains("ter:EnablingTLSClientAuthenticationFailed"),
        "{nobody}"
    );
    let ca = format!(
        "<tas:Certificate>{}</tas:Certificate>",
        owner.base64("ca.pem")
    );
    let ca = element(&done(&camera, "UploadCertificate", &ca), "CertificateID");
    let policy = format!(
        "<tas:Parameters><tas:RequireTLSWWWClientAuthExtendedKeyUsage>true</tas:RequireTLSWWWClientAuthExtendedKeyUsage></tas:Parameters>\
         <tas:TrustAnchor><tas:CertificateID>{ca}</tas:CertificateID></tas:TrustAnchor>"
    );
    let policy = done(&camera, "CreateCertPathValidationPolicy", &policy);
    let id = element(&policy, "CertPathValidationPolicyID");
    let policy = format!("<tas:CertPathValidationPolicyID>{id}</tas:CertPathValidationPolicyID>");
    done(&camera, "AddCertPathValidationPolicyAssignment", &policy);
    assert!(owner.answered(&camera, None), "not required yet");
    done(&camera, "SetClientAuthenticationRequired", &required(true));
    owner.until(&camera, None, false).await;
    assert!(owner.answered(&camera, Some("good")));
    assert!(owner.answered(&camera, Some("lost")), "not revoked yet");
    assert!(!owner.answered(&camera, Some("other")), "another authority");
    assert!(owner.shakes(rtsps, Some("good")));
    assert!(!owner.shakes(rtsps, None));

    let list = format!(
        "<tas:Crl>{}</tas:Crl><tas:Alias>recorders</tas:Alias>",
        owner.base64("crl.pem")
    );
    let list = element(&done(&camera, "UploadCRL", &list), "CrlID");
    owner.until(&camera, Some("lost"), false).await;
    assert!(!owner.shakes(rtsps, Some("lost")));
    assert!(owner.answered(&camera, Some("good")));
    let bad = tas(&camera, "UploadCRL", "<tas:Crl>MAA=</tas:Crl>");
    assert!(bad.contains("ter:BadCRL"), "{bad}");
    for operation in [
        "RemoveCertPathValidationPolicyAssignment",
        "DeleteCertPathValidationPolicy",
    ] {
        let refused = tas(&camera, operation, &policy);
        assert!(
            refused.contains("ter:ReferenceExists"),
            "{operation}: {refused}"
        );
    }
    camera.stop().unwrap();

    let camera = Camera::start_in(&options, state.path()).unwrap();
    assert!(!owner.answered(&camera, None), "after a restart");
    assert!(!owner.answered(&camera, Some("lost")), "after a restart");
    assert!(owner.answered(&camera, Some("good")));
    let assigned = done(&camera, "GetAssignedCertPathValidationPolicies", "");
    assert_eq!(element(&assigned, "CertPathValidationPolicyID"), id);
    let list = format!("<tas:CrlID>{list}</tas:CrlID>");
    let kept = element(&done(&camera, "GetCRL", &list), "CRLContent");
    assert_eq!(kept, owner.base64("crl.pem"));
    done(&camera, "DeleteCRL", &list);
    owner.until(&camera, Some("lost"), true).await;
    done(&camera, "SetClientAuthenticationRequired", &required(false));
    owner.until(&camera, None, true).await;
    done(&camera, "RemoveCertPathValidationPolicyAssignment", &policy);
    done(&camera, "DeleteCertPathValidationPolicy", &policy);
    let ca = format!("<tas:CertificateID>{ca}</tas:CertificateID>");
    done(&camera, "DeleteCertificate", &ca);

    // The page shows the same: a CA that a person enters there; the page is reached with a certificate alone.
    let web = Web::login(&camera).await.unwrap();
    let pem = std::fs::read_to_string(owner.path("ca.pem")).unwrap();
    let change = json!({"client_certificates": true, "client_ca": pem});
    let (status, answer) = web.change("net.https", change).await.unwrap();
    assert_eq!(status, 200, "{answer}");
    owner.until(&camera, None, false).await;
    assert!(owner.answered(&camera, Some("good")));
    camera.stop().unwrap();
}
