//! An HTTP request as the web server hands it over.

use std::{
    borrow::Cow,
    net::{IpAddr, SocketAddr},
};

use http::{HeaderMap, Method, Uri, header::CONTENT_TYPE};

/// Longest request body that is read, bytes; the web server should stop reading there.
pub const MAX_BODY: usize = 256 * 1024;

/// An HTTP request without its body.
#[derive(Clone, Debug)]
pub struct HttpRequest {
    /// Method.
    pub method: Method,
    /// Target as in the request line.
    pub uri: Uri,
    /// Headers.
    pub headers: HeaderMap,
    /// Who asks.
    pub peer: Option<SocketAddr>,
    /// Our end of the connection.
    pub local: Option<SocketAddr>,
    /// Whether it came over TLS.
    pub tls: bool,
}

impl HttpRequest {
    /// The peer's address without port, an IPv4 address in IPv6 form as IPv4.
    pub(crate) fn peer_ip(&self) -> Option<IpAddr> {
        self.peer.map(|p| p.ip().to_canonical())
    }

    /// Path and query, as Digest signs them.
    pub(crate) fn target(&self) -> &str {
        self.uri.path_and_query().map_or("/", |p| p.as_str())
    }

    /// The text of a body: UTF-8 by default, UTF-16 by its byte order mark, ISO 8859-1 when the
    /// content type says so (all seen; interop trap 8).
    pub(crate) fn decode<'b>(&self, body: &'b [u8]) -> Cow<'b, [u8]> {
        let wide = |body: &[u8], unit: fn([u8; 2]) -> u16| {
            let units = body.chunks_exact(2).map(|c| unit([c[0], c[1]]));
            let text: String = char::decode_utf16(units)
                .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
                .collect();
            Cow::Owned(text.into_bytes())
        };
        match body {
            [0xFF, 0xFE, rest @ ..] => wide(rest, u16::from_le_bytes),
            [0xFE, 0xFF, rest @ ..] => wide(rest, u16::from_be_bytes),
            _ if self.is_latin1() && std::str::from_utf8(body).is_err() => {
                let text: String = body.iter().map(|b| char::from(*b)).collect();
                Cow::Owned(text.into_bytes())
            }
            _ => Cow::Borrowed(body),
        }
    }

    fn is_latin1(&self) -> bool {
        let kind = self
            .headers
            .get(CONTENT_TYPE)
            .and_then(|v| v.to_str().ok())
            .unwrap_or("");
        let kind = kind.to_ascii_lowercase();
        kind.contains("8859-1") || kind.contains("windows-1252")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(kind: &str) -> HttpRequest {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, kind.parse().unwrap());
        HttpRequest {
            method: Method::POST,
            uri: Uri::from_static("/onvif/device_service?x=1"),
            headers,
            peer: Some("[::ffff:192.0.2.1]:5".parse().unwrap()),
            local: None,
            tls: false,
        }
    }

    #[test]
    fn bodies_are_text_whatever_their_encoding() {
        let utf16 = |bom: u16, f: fn(u16) -> [u8; 2]| -> Vec<u8> {
            std::iter::once(bom)
                .chain("<é/>".encode_utf16())
                .flat_map(f)
                .collect()
        };
        let utf8 = request("application/soap+xml; charset=utf-8");
        let latin = request("text/xml; charset=ISO-8859-1");
        for (r, body, text) in [
            (&utf8, "<é/>".as_bytes().to_vec(), "<é/>"),
            (&utf8, utf16(0xFEFF, u16::to_le_bytes), "<é/>"),
            (&utf8, utf16(0xFEFF, u16::to_be_bytes), "<é/>"),
            (&latin, b"<\xE9/>".to_vec(), "<é/>"),
            (&latin, "<é/>".as_bytes().to_vec(), "<é/>"),
        ] {
            assert_eq!(&*r.decode(&body), text.as_bytes());
        }
        // Broken UTF-8 stays broken: the XML reader refuses it.
        assert_eq!(&*utf8.decode(b"<\xE9/>"), b"<\xE9/>");
        assert_eq!(utf8.target(), "/onvif/device_service?x=1");
        assert_eq!(utf8.peer_ip(), "192.0.2.1".parse().ok());
    }
}
