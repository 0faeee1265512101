//! Plain HTTP sends everybody to HTTPS, where that is wanted (SEC-7).

use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{Request, StatusCode, header};

use crate::{ConnInfo, conn::host};

/// Where plain HTTP is answered from.
#[derive(Debug, Default)]
pub(crate) struct Redirect {
    /// Whether it is wanted at all.
    pub(crate) wanted: AtomicBool,
    /// Port of HTTPS; 0 while it is not served.
    pub(crate) port: AtomicU16,
}

impl Redirect {
    /// Whether plain HTTP is answered with nothing else.
    pub(crate) fn is_on(&self) -> bool {
        self.port.load(Ordering::Relaxed) != 0 && self.wanted.load(Ordering::Relaxed)
    }

    /// The answer in place of the real one: 308 keeps method and body (RFC 9110 section 15.4.9).
    pub(crate) fn answer<B>(&self, request: &Request<B>, conn: &ConnInfo) -> Option<Response> {
        let port = self.port.load(Ordering::Relaxed);
        if conn.secure || !self.is_on() {
            return None;
        }
        let location = location(request, conn, port);
        let headers = [
            (header::LOCATION, location.as_str()),
            (header::CACHE_CONTROL, "no-store"),
        ];
        Some((StatusCode::PERMANENT_REDIRECT, headers, Body::empty()).into_response())
    }
}

/// The same address under HTTPS.
fn location<B>(request: &Request<B>, conn: &ConnInfo, port: u16) -> String {
    let host = host(request.uri(), request.headers(), conn);
    let path = request.uri().path_and_query().map_or("/", |p| p.as_str());
    let path = if path.starts_with('/') { path } else { "/" };
    match port {
        443 => format!("https://{host}{path}"),
        port => format!("https://{host}:{port}{path}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_under_https() {
        let conn = ConnInfo {
            peer: ([192, 0, 2, 7], 50_000).into(),
            local: ([192, 0, 2, 1], 80).into(),
            secure: false,
        };
        for (host, uri, port, want) in [
            (
                Some("cam.lan:8080"),
                "/a?b=c",
                8443,
                "https://cam.lan:8443/a?b=c",
            ),
            (Some("cam.lan"), "/", 443, "https://cam.lan/"),
            (
                Some("[2001:db8::1]:80"),
                "/x",
                443,
                "https://[2001:db8::1]/x",
            ),
            (None, "/x", 443, "https://192.0.2.1/x"),
            (Some("a b"), "/x", 443, "https://192.0.2.1/x"),
            (Some("user@cam.lan"), "/x", 443, "https://cam.lan/x"),
            (None, "http://cam.lan:8080/x", 443, "https://cam.lan/x"),
            (Some("cam.lan"), "*", 443, "https://cam.lan/"),
        ] {
            let mut request = Request::builder().uri(uri);
            if let Some(host) = host {
                request = request.header(header::HOST, host);
            }
            let request = request.body(()).unwrap();
            assert_eq!(location(&request, &conn, port), want, "{host:?} {uri}");
        }
    }
}
