//! The adapters over a device in memory: SOAP, the web API, Digest headers.

use std::{
    future::Future,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    pin::Pin,
    sync::Arc,
};

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Uri};
use http_body_util::BodyExt;
use md5::{Digest, Md5};
use platecam_model::{
    Origin,
    settings::SystemServices,
    testing::{PASSWORD, TestDevice, initialised},
};
use platecam_onvif::{DEVICE_PATH, HttpRequest, OnvifService, ServicePorts};
use platecam_web::{ByteStream, ConnInfo, Limits, RtspTunnel, Viewer};
use tokio::{runtime::Runtime, sync::watch};
use tower::ServiceExt;

use crate::{Target, rtsp::runtime};

const PEER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)), 50_000);
const LOCAL: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 10)), 8080);

/// `Authorization` headers, as HTTP and RTSP bring them.
pub(crate) fn digest() -> Box<dyn Target> {
    let test = initialised();
    Box::new(move |input: &[u8]| {
        let Ok(header) = std::str::from_utf8(input) else {
            return;
        };
        // A wrong proof locks; another address each time keeps the path to the proof open.
        let outcome = test
            .device
            .accounts
            .digest(header, "GET", "/onvif/x", Origin::Onvif, None);
        assert!(!matches!(outcome, Ok(Some(_))), "nobody knows this nonce");
    })
}

/// The administrator's Digest proofs for one nonce.
struct Administrator {
    realm: String,
    nonce: String,
    count: u32,
}

impl Administrator {
    fn new(test: &TestDevice) -> Self {
        let challenges = test.device.accounts.challenges(false);
        let of = |name: &str| {
            challenges
                .iter()
                .find(|c| !c.contains("SHA-256"))
                .and_then(|c| c.split_once(&format!("{name}=\"")))
                .and_then(|(_, rest)| rest.split_once('"'))
                .map(|(value, _)| value.to_owned())
                .expect("an MD5 challenge has realm and nonce")
        };
        Self {
            realm: of("realm"),
            nonce: of("nonce"),
            count: 0,
        }
    }

    fn authorization(&mut self, method: &str, target: &str) -> String {
        let md5 = |text: String| hex::encode(Md5::digest(text));
        self.count += 1;
        let (nc, realm, nonce) = (format!("{:08x}", self.count), &self.realm, &self.nonce);
        let ha1 = md5(format!("admin:{realm}:{PASSWORD}"));
        let ha2 = md5(format!("{method}:{target}"));
        let response = md5(format!("{ha1}:{nonce}:{nc}:c:auth:{ha2}"));
        format!(
            "Digest username=\"admin\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{target}\", \
             algorithm=MD5, qop=auth, nc={nc}, cnonce=\"c\", response=\"{response}\""
        )
    }
}

/// SOAP requests of an administrator: envelope, headers, every operation's body.
pub(crate) fn soap() -> Box<dyn Target> {
    struct Soap {
        runtime: Runtime,
        test: TestDevice,
        service: OnvifService,
        admin: Administrator,
    }
    impl Target for Soap {
        fn run(&mut self, input: &[u8]) {
            // Operations leave users, profiles and pull points behind: begin anew now and then.
            if self.admin.count >= 2_000 {
                *self = make();
            }
            let mut headers = HeaderMap::new();
            let authorization = self.admin.authorization("POST", DEVICE_PATH);
            for (name, value) in [
                ("host", "192.0.2.10:8080"),
                ("content-type", "application/soap+xml"),
                ("authorization", &authorization),
            ] {
                headers.insert(name, value.parse().expect("visible ASCII"));
            }
            let request = HttpRequest {
                method: Method::POST,
                uri: Uri::from_static(DEVICE_PATH),
                headers,
                peer: Some(PEER),
                local: Some(LOCAL),
                tls: false,
            };
            let handled = self.service.handle(request, Bytes::copy_from_slice(input));
            // A pull point may wait for messages: what waits is parsed already.
            let answer = self.runtime.block_on(async {
                tokio::time::timeout(std::time::Duration::from_millis(50), handled).await
            });
            if let Ok(answer) = answer {
                let status = answer.status().as_u16();
                assert_ne!(status, 401, "the administrator is let in");
            }
        }
    }
    fn make() -> Soap {
        let test = initialised();
        let ports = ServicePorts {
            http: Some(8080),
            rtsp: 8554,
            ..ServicePorts::default()
        };
        Soap {
            runtime: runtime(),
            service: OnvifService::new(test.device.clone(), ports),
            admin: Administrator::new(&test),
            test,
        }
    }
    let made = make();
    debug_assert!(made.test.device.accounts.is_initialised());
    Box::new(made)
}

struct NoTunnel;

impl RtspTunnel for NoTunnel {
    fn serve(
        &self,
        _stream: Box<dyn ByteStream>,
        _viewer: Viewer,
    ) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(std::future::ready(()))
    }

    fn port(&self) -> Option<u16> {
        Some(8554)
    }
}

/// CGI commands of an administrator: the first line names the command, the rest is its form.
pub(crate) fn cgi() -> Box<dyn Target> {
    let runtime = runtime();
    let test = initialised();
    let (stop, stopping) = watch::channel(false);
    let router = platecam_web::router(
        test.device.clone(),
        Arc::new(NoTunnel),
        Limits::default(),
        Vec::new(),
        stopping,
    );
    let mut admin = Administrator::new(&test);
    Box::new(move |input: &[u8]| {
        let _running = &stop;
        let mut parts = input.splitn(2, |b| *b == b'\n');
        let command = parts.next().unwrap_or_default();
        let form = parts.next().unwrap_or_default();
        if let Ok(text) = std::str::from_utf8(form) {
            let _ = platecam_web::cgi::query::Query::parse(text);
        }
        let Some(target) = std::str::from_utf8(command)
            .ok()
            .and_then(|name| format!("/cgi-bin/{name}").parse::<Uri>().ok())
            .map(|uri| uri.path_and_query().map_or("/", |p| p.as_str()).to_owned())
            .filter(|target| !target.contains('"'))
        else {
            return;
        };
        let Ok(mut request) = Request::post(&target)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("authorization", admin.authorization("POST", &target))
            .body(Body::from(form.to_vec()))
        else {
            return;
        };
        ConnInfo {
            peer: PEER,
            local: LOCAL,
            secure: false,
        }
        .attach(request.extensions_mut());
        let status = runtime.block_on(async {
            let Ok(response) = router.clone().oneshot(request).await;
            let status = response.status();
            let _ = response.into_body().collect().await;
            status
        });
        assert_ne!(
            status,
            http::StatusCode::UNAUTHORIZED,
            "the administrator is let in"
        );
        assert_ne!(status, http::StatusCode::INTERNAL_SERVER_ERROR);
        // A command may have switched the CGI off.
        let by = platecam_model::Actor::system();
        let on = |services: &mut SystemServices| services.cgi = true;
        let again = test.device.settings.update(&by, on);
        assert!(again.is_ok());
    })
}

/// Requests of the web server: method, target, headers, body, written as in HTTP/1.1. A cookie value of
/// `SESSION` and a CSRF value of `CSRF` stand for those of a logged-in administrator.
pub(crate) fn http() -> Box<dyn Target> {
    let runtime = runtime();
    let test = initialised();
    let (stop, stopping) = watch::channel(false);
    let router = platecam_web::router(
        test.device.clone(),
        Arc::new(NoTunnel),
        Limits::default(),
        Vec::new(),
        stopping,
    );
    let (token, csrf) = runtime.block_on(session(&router));
    Box::new(move |input: &[u8]| {
        let _running = &stop;
        let Some(mut request) = request(input, &token, &csrf) else {
            return;
        };
        ConnInfo {
            peer: PEER,
            local: LOCAL,
            secure: false,
        }
        .attach(request.extensions_mut());
        let answered = async {
            let Ok(response) = router.clone().oneshot(request).await;
            let status = response.status();
            let _ = response.into_body().collect().await;
            status
        };
        let status = runtime.block_on(async {
            tokio::time::timeout(std::time::Duration::from_millis(500), answered).await
        });
        if let Ok(status) = status {
            assert_ne!(status, http::StatusCode::INTERNAL_SERVER_ERROR);
        }
    })
}

/// Logs in; cookie and CSRF value.
async fn session(router: &axum::Router) -> (String, String) {
    let body = format!("{{\"username\":\"admin\",\"password\":\"{PASSWORD}\"}}");
    let mut request = Request::post("/api/v1/session")
        .header("content-type", "application/json")
        .body(Body::from(body))
        .expect("a request");
    ConnInfo {
        peer: PEER,
        local: LOCAL,
        secure: false,
    }
    .attach(request.extensions_mut());
    let Ok(response) = router.clone().oneshot(request).await;
    let cookie = response
        .headers()
        .get("set-cookie")
        .and_then(|c| c.to_str().ok())
        .and_then(|c| c.split([';', '=']).nth(1))
        .expect("a session cookie")
        .to_owned();
    let body = response.into_body().collect().await.expect("a body");
    let body = String::from_utf8(body.to_bytes().to_vec()).expect("JSON");
    let csrf = body
        .split("\"csrf\":\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .expect("a CSRF value")
        .to_owned();
    (cookie, csrf)
}

/// `METHOD TARGET`, header lines, an empty line, the body.
fn request(input: &[u8], token: &str, csrf: &str) -> Option<Request<Body>> {
    let split = input.windows(2).position(|w| w == b"\n\n");
    let (head, body) = match split {
        Some(at) => (&input[..at], &input[at + 2..]),
        None => (input, &[][..]),
    };
    let head = std::str::from_utf8(head).ok()?;
    let head = head.replace("SESSION", token).replace("CSRF", csrf);
    let mut lines = head.lines();
    let (method, target) = lines.next()?.split_once(' ')?;
    let mut request = Request::builder()
        .method(method)
        .uri(target)
        .header("host", "192.0.2.10:8080");
    for line in lines {
        let (name, value) = line.split_once(':')?;
        request = request.header(name.trim(), value.trim());
    }
    request.body(Body::from(body.to_vec())).ok()
}
