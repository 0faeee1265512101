//! What ONVIF clients send around their operations: filters of events, the WS-Security header.

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, Method, Uri};
use platecam_model::testing::{PASSWORD, TestDevice, initialised};
use platecam_onvif::{
    DEVICE_PATH, HttpRequest, OnvifService, ServicePorts,
    events::{CATALOG, ContentFilter, Items, TopicExpression},
};
use sha1::{Digest, Sha1};
use tokio::runtime::Runtime;

use crate::{Target, rtsp::runtime};

/// A message with one item of each kind.
struct Message;

impl Items for Message {
    fn any_simple(&self, see: &mut dyn FnMut(&str, &str) -> bool) -> bool {
        see("State", "true")
    }

    fn any_element(&self, see: &mut dyn FnMut(&str) -> bool) -> bool {
        see("LicensePlateInfo")
    }
}

/// Filters of events: the first line is a topic expression, the rest a content filter. Both are tried on everything
/// that is published.
pub(crate) fn filters() -> Box<dyn Target> {
    Box::new(|input: &[u8]| {
        let text = String::from_utf8_lossy(input);
        let (topics, content) = text.split_once('\n').unwrap_or((&text, ""));
        let resolve = |prefix: &str| match prefix {
            "tns1" => Some("http://www.onvif.org/ver10/topics"),
            "v" => Some("urn:vendor"),
            _ => None,
        };
        if let Ok(wanted) = TopicExpression::parse(topics, resolve) {
            let matched = CATALOG.iter().filter(|t| wanted.matches(t.path)).count();
            let known = wanted.all_known(CATALOG.iter().map(|t| t.path));
            assert!(!known || matched > 0, "known, but matches nothing");
        }
        if let Ok(wanted) = ContentFilter::parse(content) {
            let once = wanted.matches(&Message);
            assert_eq!(once, wanted.matches(&Message), "a filter has no memory");
        }
    })
}

/// WS-Security headers of a request that needs an administrator, each sent twice. `NONCE`, `CREATED` and `DIGEST` in the
/// input stand for those of a right password: without `DIGEST` nobody is let in, and nobody twice.
pub(crate) fn security() -> Box<dyn Target> {
    Box::new(with_security(0))
}

/// A device and how many requests it had.
struct Security {
    runtime: Runtime,
    test: TestDevice,
    service: OnvifService,
    sent: u32,
}

impl Security {
    /// The header with a right proof in its places.
    fn header(&mut self, text: &str) -> String {
        self.sent += 1;
        let nonce = format!("nonce-{:010}", self.sent);
        let created = self.test.device.clock.now().to_string();
        let created = format!("{}Z", &created[..19]);
        let digest = Sha1::new()
            .chain_update(nonce.as_bytes())
            .chain_update(created.as_bytes())
            .chain_update(PASSWORD.as_bytes())
            .finalize();
        text.replace("NONCE", &STANDARD.encode(&nonce))
            .replace("CREATED", &created)
            .replace("DIGEST", &STANDARD.encode(digest))
    }

    fn status(&mut self, header: &str) -> u16 {
        let body = format!(
            "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" xmlns:wsse=\"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd\" xmlns:wsu=\"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd\"><s:Header>{header}</s:Header><s:Body><GetUsers xmlns=\"http://www.onvif.org/ver10/device/wsdl\"/></s:Body></s:Envelope>"
        );
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("host", "192.0.2.10:8080"),
            ("content-type", "application/soap+xml"),
        ] {
            headers.insert(name, value.parse().expect("visible ASCII"));
        }
        // Wrong proofs lock an address; another one each time keeps the way to the proof open.
        let [_, b, c, d] = self.sent.to_be_bytes();
        let request = HttpRequest {
            method: Method::POST,
            uri: Uri::from_static(DEVICE_PATH),
            headers,
            peer: Some(([10, b, c, d], 50_000).into()),
            local: Some(([192, 0, 2, 10], 8080).into()),
            tls: false,
        };
        let answer = self.service.handle(request, Bytes::from(body));
        self.runtime.block_on(answer).status().as_u16()
    }
}

impl Target for Security {
    fn run(&mut self, input: &[u8]) {
        // Wrong proofs lock the account as well: begin anew now and then.
        if self.sent % 4 == 3 {
            *self = with_security(self.sent);
        }
        let text = String::from_utf8_lossy(input);
        // What brings a body of its own brings another operation, which may be open to all.
        if text.contains("Body") {
            return;
        }
        let header = self.header(&text);
        let first = self.status(&header);
        assert!(
            first != 200 || text.contains("DIGEST"),
            "let in without a proof"
        );
        let again = self.status(&header);
        assert!(first != 200 || again != 200, "let in twice by one nonce");
    }
}

/// A device that has had `sent` requests.
fn with_security(sent: u32) -> Security {
    let test = initialised();
    let ports = ServicePorts {
        http: Some(8080),
        rtsp: 8554,
        ..ServicePorts::default()
    };
    Security {
        runtime: runtime(),
        service: OnvifService::new(test.device.clone(), ports),
        test,
        sent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The target means something: the first input of its corpus is let in, once.
    #[test]
    fn a_right_header_is_let_in_once() {
        let text = include_str!("../corpus/security/right.xml");
        let mut device = with_security(0);
        let header = device.header(text);
        assert_eq!(device.status(&header), 200);
        assert_eq!(device.status(&header), 400, "the nonce again");
        let other = device.header(&text.replace("DIGEST", "AAAA"));
        assert_eq!(device.status(&other), 400);
    }
}
