//! ONVIF over HTTP/2, as curl speaks it: under TLS by ALPN, and in clear text for who says so at once (issue 4).

use std::process::Command;

use conformance::{Camera, Options, PASSWORD, QUIET};

const TDS: &str = "http://www.onvif.org/ver10/device/wsdl";

/// `version status` and body of the answer; `more` are arguments of curl.
fn soap(url: &str, more: &[&str], operation: &str) -> (String, String) {
    let envelope = format!(
        "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\"><s:Body>{operation}</s:Body></s:Envelope>"
    );
    let out = Command::new("curl")
        .args(["-s", "-k", "--noproxy", "*", "--max-time", "60"])
        .args(more)
        .args(["-w", "\n%{http_version} %{http_code}"])
        .args(["-H", "Content-Type: application/soap+xml", "-d", &envelope])
        .arg(url)
        .output()
        .unwrap();
    assert!(out.status.success(), "{url} {more:?}: {out:?}");
    let text = String::from_utf8(out.stdout).unwrap();
    let (answer, told) = text.rsplit_once('\n').unwrap();
    (told.into(), answer.into())
}

#[test]
fn soap_is_answered_in_both_versions_of_http() {
    let camera = Camera::start(&Options {
        source: QUIET.into(),
        ..Options::default()
    })
    .unwrap();
    let plain = camera.url("/onvif/device_service");
    let secure = format!("https://127.0.0.1:{}/onvif/device_service", camera.https);
    let services = format!(
        "<GetServices xmlns=\"{TDS}\"><IncludeCapability>false</IncludeCapability></GetServices>"
    );
    for (url, ask, told) in [
        (&secure, "--http2", "2 200"),
        (&secure, "--http1.1", "1.1 200"),
        (&plain, "--http2-prior-knowledge", "2 200"),
        (&plain, "--http1.1", "1.1 200"),
    ] {
        let (spoken, answer) = soap(url, &[ask], &services);
        assert_eq!(spoken, told, "{url} {ask}");
        // The address in the answer is the one that was used, which HTTP/2 tells in no `Host` header.
        assert!(answer.contains(url), "{url} {ask}: {answer}");
    }
    let users = format!("<GetUsers xmlns=\"{TDS}\"/>");
    let user = format!("admin:{PASSWORD}");
    // In clear text curl 7.88 breaks a connection that it uses again in HTTP/2, as Digest does.
    for (ask, told) in [("--http2", "2 200"), ("--http1.1", "1.1 200")] {
        let (spoken, answer) = soap(&secure, &[ask, "--digest", "-u", &user], &users);
        assert_eq!(spoken, told, "{ask}");
        assert!(answer.contains("<tt:Username>admin<"), "{answer}");
    }
    let (spoken, _) = soap(&secure, &["--http2"], &users);
    assert_eq!(spoken, "2 401");
}
