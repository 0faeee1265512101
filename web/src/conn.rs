use std::net::SocketAddr;

use axum::extract::ConnectInfo;
use http::{Extensions, HeaderMap, header, uri::Scheme};

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

/// Whether a browser's `Origin` is this server: same scheme, host and port as the request's own.
///
/// `None` means that there is no `Origin`: not a browser, or a browser's plain navigation.
pub(crate) fn same_origin(headers: &HeaderMap, secure: bool) -> Option<bool> {
    let origin = headers.get(header::ORIGIN)?;
    let host = headers
        .get(header::HOST)
        .and_then(|h| h.to_str().ok())
        .unwrap_or_default();
    let scheme = if secure { "https" } else { "http" };
    Some(
        origin
            .to_str()
            .is_ok_and(|o| o.eq_ignore_ascii_case(&format!("{scheme}://{host}"))),
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
            assert_eq!(same_origin(&headers, secure), want, "{host} {origin:?}");
        }
    }
}
