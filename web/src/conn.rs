use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use http::{
    Extensions, HeaderMap, Uri, header,
    uri::{Authority, Scheme},
};

/// What the server knows of the connection a request came by.
///
/// It is in the extensions of every request. Routers of other crates, which do not know this type,
/// find the peer as [`ConnectInfo<SocketAddr>`] and the scheme as [`http::uri::Scheme`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnInfo {
    /// The client's address.
    pub peer: SocketAddr,
    /// The address the client reached.
    pub local: SocketAddr,
    /// Whether it is under TLS.
    pub secure: bool,
}

impl ConnInfo {
    /// Puts the connection into a request's extensions.
    pub fn attach(self, extensions: &mut Extensions) {
        extensions.insert(self);
        extensions.insert(ConnectInfo(self.peer));
        extensions.insert(if self.secure {
            Scheme::HTTPS
        } else {
            Scheme::HTTP
        });
    }
}

/// The host that the client used, else the address it reached, as in a URL.
pub(crate) fn host(uri: &Uri, headers: &HeaderMap, conn: &ConnInfo) -> String {
    let named = match headers.get(header::HOST) {
        Some(host) => Authority::try_from(host.as_bytes()).ok(),
        None => uri.authority().cloned(),
    };
    match named.as_ref().map(Authority::host) {
        Some(host) if !host.is_empty() => host.to_owned(),
        _ => match conn.local.ip().to_canonical() {
            IpAddr::V6(ip) => format!("[{ip}]"),
            ip => ip.to_string(),
        },
    }
}

/// Whether a browser's `Origin` is this server: same scheme, host and port as the request's own.
///
/// `None` means that there is no `Origin`: not a browser, or a browser's plain navigation. The host
/// is the `Host` header in HTTP/1.1 and the authority of the URI in HTTP/2.
pub(crate) fn same_origin(uri: &Uri, headers: &HeaderMap, secure: bool) -> Option<bool> {
    let origin = headers.get(header::ORIGIN)?;
    let host = match headers.get(header::HOST) {
        Some(host) => host.to_str().ok(),
        None => uri.authority().map(Authority::as_str),
    };
    let scheme = if secure { "https" } else { "http" };
    let own = host.map(|host| format!("{scheme}://{host}"));
    Some(
        origin
            .to_str()
            .is_ok_and(|o| own.is_some_and(|own| o.eq_ignore_ascii_case(&own))),
    )
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn origins() {
        let rows = [
            // strict
            (
                "cam.lan:8080",
                Some("http://cam.lan:8080"),
                false,
                Some(true),
            ),
            ("192.0.2.1", Some("https://192.0.2.1"), true, Some(true)),
            (
                "[2001:db8::1]:8443",
                Some("https://[2001:DB8::1]:8443"),
                true,
                Some(true),
            ),
            // not this one
            ("cam.lan", None, false, None),
            // refused
            ("cam.lan:8080", Some("http://cam.lan"), false, Some(false)),
            ("cam.lan", Some("https://cam.lan"), false, Some(false)),
            ("cam.lan", Some("http://evil.example"), false, Some(false)),
            (
                "cam.lan",
                Some("http://cam.lan.evil.example"),
                false,
                Some(false),
            ),
            ("cam.lan", Some("null"), false, Some(false)),
            ("cam.lan", Some(""), false, Some(false)),
        ];
        for (host, origin, secure, want) in rows {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_static(host));
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
            }
            assert_eq!(
                same_origin(&Uri::from_static("/"), &headers, secure),
                want,
                "{host} {origin:?}"
            );
        }
    }

    /// HTTP/2 has no `Host` header.
    #[test]
    fn origins_over_http_2() {
        let uri = Uri::from_static("https://cam.lan:8443/api/v1/session");
        for (origin, want) in [
            (Some("https://cam.lan:8443"), Some(true)),
            (Some("https://cam.lan"), Some(false)),
            (None, None),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
            }
            assert_eq!(same_origin(&uri, &headers, true), want, "{origin:?}");
            assert_eq!(
                same_origin(&Uri::from_static("/"), &headers, true),
                want.map(|_| false),
                "neither host nor authority"
            );
        }
    }
}
