//! Certificates as peers see them (HTTPS-1..4, HTTPS-8, HTTPS-9; ADVANCED_SECURITY): OpenSSL's client sees the
//! new certificate right after it is assigned, by the web and by ONVIF; old TLS is refused.

use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use conformance::{Camera, Options, PASSWORD, QUIET, Web, output};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(60);

fn camera() -> Camera {
    Camera::start(&Options {
        source: QUIET.into(),
        ..Options::default()
    })
    .unwrap()
}

fn openssl(dir: &Path, args: &str) -> String {
    let mut command = Command::new("openssl");
    output(command.args(args.split(' ')).current_dir(dir), PATIENCE).unwrap()
}

/// What a TLS client gets: the connection's description with all certificates, or why there is none.
fn handshake(camera: &Camera, more: &[&str]) -> Result<String, String> {
    let mut command = Command::new("openssl");
    command
        .args(["s_client", "-showcerts", "-connect"])
        .arg(format!("127.0.0.1:{}", camera.https))
        .args(more)
        .stdin(std::process::Stdio::null());
    output(&mut command, PATIENCE).map_err(|e| e.to_string())
}

/// The served chain, PEM, in order.
fn served(camera: &Camera) -> Vec<String> {
    let text = handshake(camera, &[]).unwrap();
    let parts = text.split("-----BEGIN CERTIFICATE-----").skip(1);
    let body = |part: &str| {
        let body = part.split("-----END").next().unwrap_or_default();
        body.split_whitespace().collect::<String>()
    };
    parts.map(body).collect()
}

fn pem_body(pem: &str) -> String {
    pem.lines().filter(|l| !l.starts_with("-----")).collect()
}

/// One `tas` operation over HTTP Digest; the answer's text.
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

/// The first element of this name.
fn element<'a>(xml: &'a str, name: &str) -> &'a str {
    let found = xml.split(&format!("<tas:{name}>")).nth(1);
    let found = found.and_then(|rest| rest.split("</").next());
    found.unwrap_or_else(|| panic!("no {name}: {xml}"))
}

async fn sent(web: &Web, method: &str, path: &str, body: Option<Value>, want: u16) -> Value {
    let (status, answer) = web.send(method, path, body).await.unwrap();
    assert_eq!(status, want, "{method} {path}: {answer}");
    answer
}

/// HTTPS-1, HTTPS-2, HTTPS-4: a request signed by an authority of the owner's is served with its path.
#[tokio::test]
async fn a_signed_request_is_served_with_its_path() {
    let camera = camera();
    let web = Web::login(&camera).await.unwrap();
    let before = served(&camera);
    assert_eq!(before.len(), 2, "certificate and root");
    let new = json!({"alias": "signed", "subject": {"common_name": "gate.example.org"}});
    let request = sent(
        &web,
        "POST",
        "/api/v1/certificates/requests",
        Some(new),
        201,
    )
    .await;
    let id = request["id"].as_str().unwrap();
    let path = format!("/api/v1/certificates/{id}");
    let csr = web
        .raw("GET", &format!("{path}/request"), None, &[])
        .await
        .unwrap();
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("r.csr"), csr.text().await.unwrap()).unwrap();
    openssl(
        dir.path(),
        "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj /CN=Owner -days 9",
    );
    // Without extensions openssl signs a certificate of version 1, which TLS libraries refuse.
    std::fs::write(dir.path().join("ext"), "basicConstraints=CA:FALSE\n").unwrap();
    openssl(
        dir.path(),
        "x509 -req -in r.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 9 -extfile ext -out c.pem",
    );
    let read = |name: &str| std::fs::read_to_string(dir.path().join(name)).unwrap();
    let chain = format!("{}{}", read("c.pem"), read("ca.pem"));
    let body = json!({"certificate": chain});
    sent(&web, "PUT", &format!("{path}/certificate"), Some(body), 200).await;
    assert_eq!(served(&camera), before, "until it is installed");
    sent(&web, "POST", &format!("{path}/install"), None, 204).await;
    let want = [pem_body(&read("c.pem")), pem_body(&read("ca.pem"))];
    assert_eq!(served(&camera), want);
    // HTTPS-9, and ONVIF sees what the web did.
    sent(&web, "DELETE", &path, None, 409).await;
    let all = tas(&camera, "GetAllCertificates", "");
    assert!(all.contains(&want[0]) && all.contains(&want[1]), "{all}");
    assert!(!all.contains("PRIVATE"), "never a private key");
    camera.stop().unwrap();
}

/// ADVANCED_SECURITY-1-1-1, -2-1-2, -2-1-12, -3-2-4, -4-1-1: made, assigned and served over ONVIF alone.
#[tokio::test]
async fn onvif_makes_assigns_and_serves() {
    let camera = camera();
    let key = tas(
        &camera,
        "CreateRSAKeyPair",
        "<tas:KeyLength>2048</tas:KeyLength>",
    );
    let key = element(&key, "KeyID").to_owned();
    let named = format!("<tas:KeyID>{key}</tas:KeyID>");
    let begin = Instant::now();
    loop {
        let status = tas(&camera, "GetKeyStatus", &named);
        match element(&status, "KeyStatus") {
            "ok" => break,
            other => assert_eq!(other, "generating"),
        }
        assert!(begin.elapsed() < PATIENCE * 5, "still generating");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let content = format!(
        "<tas:Subject><tas:Country>US</tas:Country><tas:CommonName>ONVIF TT</tas:CommonName></tas:Subject>{named}\
         <tas:SignatureAlgorithm><tas:algorithm>1.2.840.113549.1.1.11</tas:algorithm></tas:SignatureAlgorithm>"
    );
    let made = tas(&camera, "CreateSelfSignedCertificate", &content);
    let certificate = element(&made, "CertificateID").to_owned();
    let certificate = format!("<tas:CertificateID>{certificate}</tas:CertificateID>");
    let ids = format!("<tas:CertificateIDs>{certificate}</tas:CertificateIDs>");
    let made = tas(&camera, "CreateCertificationPath", &ids);
    let path = element(&made, "CertificationPathID").to_owned();
    let assigned = tas(&camera, "GetAssignedServerCertificates", "");
    let old = element(&assigned, "CertificationPathID").to_owned();
    let both = format!(
        "<tas:OldCertificationPathID>{old}</tas:OldCertificationPathID>\
         <tas:NewCertificationPathID>{path}</tas:NewCertificationPathID>"
    );
    let replaced = tas(&camera, "ReplaceServerCertificateAssignment", &both);
    assert!(
        replaced.contains("ReplaceServerCertificateAssignmentResponse"),
        "{replaced}"
    );
    let stored = tas(&camera, "GetCertificate", &certificate);
    assert_eq!(served(&camera), [element(&stored, "CertificateContent")]);
    let named_path = format!("<tas:CertificationPathID>{path}</tas:CertificationPathID>");
    for (operation, content) in [
        ("DeleteKey", &named),
        ("DeleteCertificate", &certificate),
        ("DeleteCertificationPath", &named_path),
        ("RemoveServerCertificateAssignment", &named_path),
    ] {
        let refused = tas(&camera, operation, content);
        assert!(
            refused.contains("ter:ReferenceExists"),
            "{operation}: {refused}"
        );
    }
    let web = Web::login(&camera).await.unwrap();
    let list = web.get("/api/v1/certificates").await.unwrap();
    let in_use = list["certificates"]
        .as_array()
        .unwrap()
        .iter()
        .find(|c| c["in_use"] == true);
    assert_eq!(
        in_use.unwrap()["subject"],
        "C=US, CN=ONVIF TT",
        "the web sees it: {list}"
    );
    camera.stop().unwrap();
}

/// HTTPS-8, ADVANCED_SECURITY-9-1-1: TLS 1.1 never; 1.2 and 1.3 as enabled, from the next connection on.
#[tokio::test]
async fn only_enabled_versions_of_tls_are_accepted() {
    let camera = camera();
    // OpenSSL itself offers old versions at security level 0 only.
    let old = handshake(&camera, &["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"]);
    assert!(old.is_err(), "{old:?}");
    handshake(&camera, &["-tls1_2"]).unwrap();
    handshake(&camera, &["-tls1_3"]).unwrap();
    let set = tas(
        &camera,
        "SetEnabledTLSVersions",
        "<tas:Versions>1.3</tas:Versions>",
    );
    assert!(set.contains("SetEnabledTLSVersionsResponse"), "{set}");
    let begin = Instant::now();
    // The listener follows the setting; wait for that, not for a time.
    while handshake(&camera, &["-tls1_2"]).is_ok() {
        assert!(begin.elapsed() < PATIENCE, "TLS 1.2 is still accepted");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    handshake(&camera, &["-tls1_3"]).unwrap();
    let got = tas(&camera, "GetEnabledTLSVersions", "");
    assert_eq!(element(&got, "Versions"), "1.3");
    camera.stop().unwrap();
}
