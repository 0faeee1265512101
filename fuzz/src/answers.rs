//! What servers of others answer: dynamic DNS, event brokers, and those that want a proof by Digest.

use platecam_host::hostile;
use platecam_model::{
    Secret,
    auth::{ProofFor, answer_challenge},
    settings::MqttVersion,
};

use crate::Target;

/// A status (two bytes) and the body of an answer of dynamic DNS.
pub(crate) fn ddns() -> Box<dyn Target> {
    Box::new(|input: &[u8]| {
        let (status, body) = input.split_at(input.len().min(2));
        let status = status.iter().fold(0, |n, b| n << 8 | u16::from(*b));
        let body = String::from_utf8_lossy(body);
        for status in [200, status] {
            let (verdict, shown, address) = hostile::dynamic_dns(status, &body);
            assert!(status == 200 || !matches!(&*verdict, "Taken" | "Same"));
            assert!(shown.chars().count() <= 200, "{shown}");
            assert!(!shown.contains(char::is_control), "{shown:?}");
            let bad =
                |a: std::net::IpAddr| a.is_loopback() || a.is_multicast() || a.is_unspecified();
            assert!(!address.is_some_and(bad), "{address:?}");
        }
    })
}

/// What a broker sends in both versions; it must mean the same however it is cut.
pub(crate) fn broker() -> Box<dyn Target> {
    Box::new(|input: &[u8]| {
        for version in [MqttVersion::V3, MqttVersion::V5] {
            let whole = hostile::broker(version, std::iter::once(input));
            for piece in [1, 7] {
                let cut = hostile::broker(version, input.chunks(piece));
                assert_eq!(whole, cut, "pieces of {piece}");
            }
        }
    })
}

/// Challenges, one a line: the proof holds no password and no line break, whatever the server says.
pub(crate) fn challenge() -> Box<dyn Target> {
    let password = Secret::new("Travel-2026");
    Box::new(move |input: &[u8]| {
        let text = String::from_utf8_lossy(input);
        let lines: Vec<_> = text.split('\n').collect();
        let what = ProofFor {
            method: "POST",
            uri: "/consumer",
            cnonce: "0a1b2c",
        };
        if let Some(proof) = answer_challenge(&lines, "camera", &password, what) {
            assert!(proof.starts_with("Digest username=\"camera\""), "{proof}");
            assert!(!proof.contains(char::is_control), "{proof:?}");
            assert!(!proof.contains(password.expose()), "{proof}");
        }
    })
}
