//! A device in memory and a small SOAP client, shared by the integration tests.
#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    reason = "each test file uses its part"
)]

pub mod plates;
pub mod pulled;

use std::sync::atomic::{AtomicU32, Ordering};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, Method, Response, Uri};
use lpr_core::{Direction, PlateText, PxPoint, PxQuad, PxRect, TrackedObject};
use md5::Md5;
use onvif_xml::{Element, Limits, soap::Message};
use platecam_model::testing::{PASSWORD, TestDevice, initialised};
use platecam_onvif::{HttpRequest, OnvifService, ReplacedPorts, ServicePorts};
use sha1::{Digest, Sha1};

/// As the command line would have them.
pub const PORTS: ServicePorts = ServicePorts {
    http: Some(8080),
    redirect: false,
    https: Some(8443),
    rtsp: 8554,
    replaced: ReplacedPorts {
        http: Some(80),
        https: Some(443),
        rtsp: Some(554),
    },
};

pub struct Bench {
    pub test: TestDevice,
    pub service: OnvifService,
    nonce: AtomicU32,
}

/// How a request proves who sends it.
#[derive(Clone, Copy)]
pub enum As<'a> {
    Nobody,
    /// WS-UsernameToken.
    Token(&'a str, &'a str),
    /// HTTP Digest.
    Digest(&'a str, &'a str),
}

pub const ADMIN: As<'static> = As::Token("admin", PASSWORD);

pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Bench {
    pub fn new() -> Self {
        Self::over(initialised())
    }

    pub fn over(test: TestDevice) -> Self {
        let service = OnvifService::new(test.device.clone(), PORTS);
        Self {
            test,
            service,
            nonce: AtomicU32::new(0),
        }
    }

    /// Sound comes from somewhere.
    pub fn hear(&self) {
        let audio = platecam_model::ports::AudioCapabilities {
            present: true,
            encodings: Vec::new(),
            output: true,
            hears_aac: true,
        };
        self.test.device.settings.set_audio_capabilities(audio);
    }

    /// The picture source has a light.
    pub fn light(&self) {
        let image = platecam_model::ports::ImageCapabilities {
            known: true,
            light: true,
            ..Default::default()
        };
        self.test.device.settings.set_image_capabilities(image);
    }

    pub fn request(method: Method, path: &str) -> HttpRequest {
        let mut headers = HeaderMap::new();
        headers.insert("host", "192.0.2.10:8080".parse().unwrap());
        headers.insert(
            "content-type",
            "application/soap+xml; charset=utf-8".parse().unwrap(),
        );
        HttpRequest {
            method,
            uri: path.parse::<Uri>().unwrap(),
            headers,
            peer: Some("192.0.2.99:40000".parse().unwrap()),
            local: Some("192.0.2.10:8080".parse().unwrap()),
            tls: false,
        }
    }

    /// Sends `body` as it is.
    pub async fn raw(&self, request: HttpRequest, body: impl Into<Bytes>) -> Answer {
        let response: Response<Bytes> = self.service.handle(request, body.into()).await;
        Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.into_body(),
        }
    }

    /// Calls an operation: `body` is the XML of its request element; the usual prefixes are
    /// declared.
    pub async fn call(&self, path: &str, body: &str, who: As<'_>) -> Answer {
        let mut request = Self::request(Method::POST, path);
        let mut header = String::new();
        match who {
            As::Nobody => {}
            As::Token(user, password) => header = self.token(user, password),
            As::Digest(user, password) => {
                let first = self.raw(request.clone(), envelope("", body)).await;
                self.sign(&mut request, &first, user, password);
            }
        }
        self.raw(request, envelope(&header, body)).await
    }

    /// The header block of WS-UsernameToken.
    pub fn token(&self, user: &str, password: &str) -> String {
        let n = self.nonce.fetch_add(1, Ordering::Relaxed);
        let nonce = format!("nonce-{n:012}");
        // Seconds only, as Home Assistant sends it.
        let created = self.test.device.clock.now().to_string();
        let created = format!("{}Z", &created[..19]);
        let digest = Sha1::new()
            .chain_update(nonce.as_bytes())
            .chain_update(created.as_bytes())
            .chain_update(password.as_bytes())
            .finalize();
        token_header(
            user,
            &STANDARD.encode(digest),
            &STANDARD.encode(nonce),
            &created,
        )
    }

    /// Adds an `Authorization` header for the challenge in `answer`.
    pub fn sign(&self, request: &mut HttpRequest, answer: &Answer, user: &str, password: &str) {
        let challenge = answer.headers["www-authenticate"].to_str().unwrap();
        assert!(challenge.contains("algorithm=MD5"), "{challenge}");
        let part = |name: &str| {
            let start = challenge.find(&format!("{name}=\"")).unwrap() + name.len() + 2;
            challenge[start..].split('"').next().unwrap().to_owned()
        };
        let (realm, nonce) = (part("realm"), part("nonce"));
        let hex = |text: String| -> String {
            Md5::digest(text.as_bytes())
                .iter()
                .map(|b| format!("{b:02x}"))
                .collect()
        };
        let n = self.nonce.fetch_add(1, Ordering::Relaxed) + 1;
        let uri = request.uri.path();
        let ha1 = hex(format!("{user}:{realm}:{password}"));
        let ha2 = hex(format!("{}:{uri}", request.method));
        let response = hex(format!("{ha1}:{nonce}:{n:08x}:c:auth:{ha2}"));
        let header = format!(
            r#"Digest username="{user}", realm="{realm}", nonce="{nonce}", uri="{uri}", qop=auth, nc={n:08x}, cnonce="c", response="{response}""#
        );
        request
            .headers
            .insert("authorization", header.parse().unwrap());
    }
}

/// An object of the metadata stream whose plate is at `x` in a picture of 1920 x 1080 pixels.
pub fn tracked(track_id: u64, x: f32, plate: Option<&str>) -> TrackedObject {
    let rect = PxRect::new(x, 540.0, 192.0, 54.0);
    TrackedObject {
        track_id,
        rect,
        quad: PxQuad::new([
            PxPoint::new(x, 545.0),
            PxPoint::new(rect.right(), 540.0),
            PxPoint::new(rect.right(), 589.0),
            PxPoint::new(x, rect.bottom()),
        ]),
        score: 0.75,
        plate: plate.map(|text| PlateText {
            text: text.into(),
            likelihood: 0.5,
            chars: vec![],
        }),
        direction: Direction::Approaching,
        unreadable: None,
        colors: lpr_core::Colors::default(),
        vehicle_type: None,
    }
}

pub fn token_header(user: &str, digest: &str, nonce: &str, created: &str) -> String {
    format!(
        r#"<wsse:Security xmlns:wsse="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd" xmlns:wsu="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd" s:mustUnderstand="1"><wsse:UsernameToken><wsse:Username>{user}</wsse:Username><wsse:Password Type="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordDigest">{digest}</wsse:Password><wsse:Nonce>{nonce}</wsse:Nonce><wsu:Created>{created}</wsu:Created></wsse:UsernameToken></wsse:Security>"#
    )
}

pub fn envelope(header: &str, body: &str) -> String {
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:tds="http://www.onvif.org/ver10/device/wsdl" xmlns:trt="http://www.onvif.org/ver10/media/wsdl" xmlns:tr2="http://www.onvif.org/ver20/media/wsdl" xmlns:tev="http://www.onvif.org/ver10/events/wsdl" xmlns:tmd="http://www.onvif.org/ver10/deviceIO/wsdl" xmlns:tan="http://www.onvif.org/ver20/analytics/wsdl" xmlns:tas="http://www.onvif.org/ver10/advancedsecurity/wsdl" xmlns:wsnt="http://docs.oasis-open.org/wsn/b-2" xmlns:tt="http://www.onvif.org/ver10/schema" xmlns:tns1="http://www.onvif.org/ver10/topics" xmlns:plt="urn:platecam:onvif:analytics"><s:Header>{header}</s:Header><s:Body>{body}</s:Body></s:Envelope>"#
    )
}

impl Answer {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The answer read as its type.
    pub fn read<T: Element>(&self) -> T {
        assert_eq!(self.status, 200, "{}", self.text());
        let message = Message::parse(&self.body, Limits::default()).unwrap();
        message
            .body
            .read()
            .unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }

    /// Subcodes of a fault in document order, `Sender` or `Receiver` first.
    pub fn fault(&self) -> Vec<String> {
        let text = self.text();
        assert!(text.contains("Fault>"), "{text}");
        let code = text
            .split("<s:Code>")
            .nth(1)
            .and_then(|t| t.split("</s:Code>").next())
            .unwrap_or_else(|| panic!("no code: {text}"));
        code.split("<s:Value>")
            .skip(1)
            .map(|v| {
                let value = v.split('<').next().unwrap();
                value.split(':').next_back().unwrap().to_owned()
            })
            .collect()
    }
}
