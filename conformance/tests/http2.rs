//! ONVIF over HTTP/2, as curl speaks it: under TLS by ALPN, and in clear text for who says so at once (issue 4).

use std::process::Command;

use conformance::{Camera, Options, PASSWORD};

/// Version of HTTP, status and body of the answer.
fn soap(camera: &Camera, url: &str, version: &str, body: &str) -> (String, String, String) {
    let envelope = format!(
        "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\"><s:Body>{body}</s:Body></s:Envelope>"
    );
    let out = Command::new("curl")
        .args(["-s", "-k", "--noproxy", "*", "--max-time", "60", version])
        .args(["--digest", "-u", &format!("admin:{PASSWORD}")])
        .args(["-w", "\n%{http_version} %{http_code}"])
        .args(["-H", "Content-Type: application/soap+xml", "-d", &envelope])
        .arg(url)
        .output()
        .unwrap();
    assert!(out.status.success(), "{out:?} {:?}", camera.http);
    let text = String::from_utf8(out.stdout).unwrap();
    let (answer, told) = text.rsplit_once('\n').unwrap();
    let (version, status) = told.split_once(' ').unwrap();
    (version.into(), status.into(), answer.into())
}

#[test]
fn soap_is_answered_in_both_versions_of_http() {
    let camera = Camera::start(&Options {
        source: "test:".into(),
        ..Options::default()
    })
    .unwrap();
    let plain = camera.url("/onvif/device_service");
    let secure = format!("https://127.0.0.1:{}/onvif/device_service", camera.https);
    let users = "<GetUsers xmlns=\"http://www.onvif.org/ver10/device/wsdl\"/>";
    for (url, ask, version) in [
        (&secure, "--http2", "2"),
        (&secure, "--http1.1", "1.1"),
        (&plain, "--http2-prior-knowledge", "2"),
        (&plain, "--http1.1", "1.1"),
    ] {
        let (spoken, status, answer) = soap(&camera, url, ask, users);
        assert_eq!(
            (spoken.as_str(), status.as_str()),
            (version, "200"),
            "{url} {ask}"
        );
        assert!(
            answer.contains("<tt:Username>admin</tt:Username>"),
            "{answer}"
        );
    }
    // The address in the answer is the one that was used, which HTTP/2 tells in the request line alone.
    let services = "<GetServices xmlns=\"http://www.onvif.org/ver10/device/wsdl\"><IncludeCapability>false</IncludeCapability></GetServices>";
    let (_, _, answer) = soap(&camera, &secure, "--http2", services);
    assert!(answer.contains(&secure), "{answer}");
}
