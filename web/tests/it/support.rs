//! A device in memory behind the router, and a client that keeps its cookie and CSRF value.

use std::{future::Future, net::SocketAddr, pin::Pin, sync::Arc};

use axum::{Router, body::Body};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use platecam_model::testing::{self, TestDevice};
use platecam_web::{ByteStream, ConnInfo, Limits, RtspTunnel, Viewer, router};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::watch,
};
use tower::ServiceExt;

/// Answers every byte with who sent it and the byte itself.
pub(crate) struct Echo;

impl RtspTunnel for Echo {
    fn port(&self) -> Option<u16> {
        Some(8554)
    }

    fn serve(
        &self,
        mut stream: Box<dyn ByteStream>,
        viewer: Viewer,
    ) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move {
            let user = viewer
                .actor
                .and_then(|a| a.user)
                .unwrap_or_else(|| "-".into());
            let mut buffer = [0; 4096];
            while let Ok(n @ 1..) = stream.read(&mut buffer).await {
                let answer = [user.as_bytes(), b":", &buffer[..n]].concat();
                if stream.write_all(&answer).await.is_err() {
                    return;
                }
            }
        })
    }
}

/// A router over a device, and a browser that talks to it.
pub(crate) struct Client {
    pub(crate) test: TestDevice,
    pub(crate) router: Router,
    pub(crate) conn: ConnInfo,
    pub(crate) cookie: Option<String>,
    pub(crate) csrf: Option<String>,
    _stop: watch::Sender<bool>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {:?}", self.body))
    }

    pub(crate) fn header(&self, name: impl header::AsHeaderName) -> &str {
        self.headers
            .get(name)
            .and_then(|v| v.to_str().ok())
            .unwrap_or_default()
    }

    /// The last part of the problem's type; also checks the media type.
    pub(crate) fn problem(&self) -> String {
        assert_eq!(
            self.header(header::CONTENT_TYPE),
            "application/problem+json"
        );
        let json = self.json();
        assert_eq!(json["status"], self.status.as_u16());
        json["type"]
            .as_str()
            .unwrap()
            .rsplit(':')
            .next()
            .unwrap()
            .to_owned()
    }

    /// JSON pointers of the refused fields.
    pub(crate) fn pointers(&self) -> Vec<String> {
        let json = self.json();
        json["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|e| e["pointer"].as_str().unwrap().to_owned())
            .collect()
    }
}

impl Client {
    pub(crate) fn new(test: TestDevice) -> Self {
        Self::with_limits(test, Limits::default())
    }

    pub(crate) fn with_limits(test: TestDevice, limits: Limits) -> Self {
        let (stop, stopping) = watch::channel(false);
        let router = router(
            test.device.clone(),
            Arc::new(Echo),
            limits,
            Vec::new(),
            stopping,
        );
        let address = |s: &str| s.parse::<SocketAddr>().unwrap();
        let conn = ConnInfo {
            peer: address("192.0.2.7:50000"),
            local: address("192.0.2.1:80"),
            secure: false,
        };
        Self {
            test,
            router,
            conn,
            cookie: None,
            csrf: None,
            _stop: stop,
        }
    }

    /// An initialised device with `admin` logged in.
    pub(crate) async fn logged_in() -> Self {
        let mut client = Self::new(testing::initialised());
        let reply = client.login("admin", testing::PASSWORD).await;
        assert_eq!(reply.status, StatusCode::CREATED);
        client
    }

    pub(crate) async fn login(&mut self, username: &str, password: &str) -> Reply {
        let body = serde_json::json!({ "username": username, "password": password });
        let reply = self.post("/api/v1/session", &body).await;
        self.keep(&reply);
        reply
    }

    /// Takes over cookie and CSRF value of an answer that started a session.
    pub(crate) fn keep(&mut self, reply: &Reply) {
        if reply.status == StatusCode::CREATED {
            let set = reply.header(header::SET_COOKIE);
            self.cookie = Some(set.split(';').next().unwrap().to_owned());
            self.csrf = Some(reply.json()["csrf"].as_str().unwrap().to_owned());
        }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> http::request::Builder {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "cam.lan");
        if let Some(cookie) = &self.cookie {
            request = request.header(header::COOKIE, cookie);
        }
        if let Some(csrf) = &self.csrf {
            request = request.header("x-platecam-csrf", csrf);
        }
        request
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Reply {
        let mut request = request;
        self.conn.attach(request.extensions_mut());
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Reply {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send(self.request(Method::GET, path).body(Body::empty()).unwrap())
            .await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Reply {
        let request = self
            .request(Method::POST, path)
            .header(header::CONTENT_TYPE, "application/json");
        self.send(request.body(Body::from(body.to_string())).unwrap())
            .await
    }

    pub(crate) async fn delete(&self, path: &str) -> Reply {
        self.send(
            self.request(Method::DELETE, path)
                .body(Body::empty())
                .unwrap(),
        )
        .await
    }

    pub(crate) async fn patch(&self, key: &str, revision: &str, body: &Value) -> Reply {
        let request = self
            .request(Method::PATCH, &format!("/api/v1/settings/{key}"))
            .header(header::CONTENT_TYPE, "application/merge-patch+json")
            .header(header::IF_MATCH, revision);
        self.send(request.body(Body::from(body.to_string())).unwrap())
            .await
    }
}
