//! Heads of the two HTTP requests that make a tunnel.

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

/// Longest head.
const MAX_HEAD: usize = 16 << 10;
/// Longest cookie.
const MAX_COOKIE: usize = 256;
/// The header that joins GET and POST.
const COOKIE: &str = "x-sessioncookie";

/// Which half of a tunnel a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Half {
    /// GET: what the server says.
    Down,
    /// POST: what the client says.
    Up,
}

/// One request for a tunnel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) half: Half,
    pub(super) cookie: String,
}

/// Why there is no head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoHead {
    /// The connection ended.
    Gone,
    /// Not a request for a tunnel.
    Bad,
    /// Too many bytes.
    TooLarge,
}

/// What the first bytes of a connection begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beginning {
    /// A request of HTTP.
    Http,
    /// Something else.
    Other,
    /// That cannot be told yet.
    Unknown,
}

/// Tells HTTP's GET and POST from RTSP; the difference to GET_PARAMETER is in the fourth byte.
pub(crate) fn beginning(bytes: &[u8]) -> Beginning {
    for method in [b"GET ".as_slice(), b"POST "] {
        let common = bytes.len().min(method.len());
        if bytes[..common] == method[..common] {
            return if common == method.len() {
                Beginning::Http
            } else {
                Beginning::Unknown
            };
        }
    }
    Beginning::Other
}

/// Reads a head; what follows it stays in `buffer`.
pub(super) async fn read<R: AsyncRead + Unpin>(
    reader: &mut R,
    buffer: &mut BytesMut,
) -> Result<Head, NoHead> {
    loop {
        if let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = parse(&buffer[..end]);
            buffer.advance(end + 4);
            return head.ok_or(NoHead::Bad);
        }
        if buffer.len() > MAX_HEAD {
            return Err(NoHead::TooLarge);
        }
        match reader.read_buf(buffer).await {
            Ok(0) | Err(_) => return Err(NoHead::Gone),
            Ok(_) => {}
        }
    }
}

fn parse(head: &[u8]) -> Option<Head> {
    let head = std::str::from_utf8(head).ok()?;
    let mut lines = head.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let half = match first.next()? {
        "GET" => Half::Down,
        "POST" => Half::Up,
        _ => return None,
    };
    let (_path, version) = (first.next()?, first.next()?);
    if !version.starts_with("HTTP/1.") || first.next().is_some() {
        return None;
    }
    let cookie = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim()
            .eq_ignore_ascii_case(COOKIE)
            .then(|| value.trim())
    })?;
    let fits = (1..=MAX_COOKIE).contains(&cookie.len())
        && cookie.bytes().all(|byte| byte.is_ascii_graphic());
    fits.then(|| Head {
        half,
        cookie: cookie.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginnings() {
        for (text, what) in [
            ("", Beginning::Unknown),
            ("GET", Beginning::Unknown),
            ("PO", Beginning::Unknown),
            ("GET /", Beginning::Http),
            ("POST /", Beginning::Http),
            ("GET_PARAMETER", Beginning::Other),
            ("OPTIONS", Beginning::Other),
            ("PLAY", Beginning::Other),
            ("$", Beginning::Other),
            ("get /", Beginning::Other),
        ] {
            assert_eq!(beginning(text.as_bytes()), what, "{text}");
        }
    }

    #[test]
    fn heads() {
        let half = |text: &str| parse(text.as_bytes()).map(|head| (head.half, head.cookie));
        let down = Some((Half::Down, "aB9".to_owned()));
        // strict
        assert_eq!(
            half(
                "GET /p?a=b HTTP/1.0\r\nx-sessioncookie: aB9\r\nAccept: application/x-rtsp-tunnelled"
            ),
            down
        );
        assert_eq!(
            half("POST /p HTTP/1.1\r\nX-SessionCookie: aB9").map(|(half, _)| half),
            Some(Half::Up)
        );
        // tolerated
        assert_eq!(
            half("GET /p HTTP/1.1\r\nodd\r\nX-SESSIONCOOKIE :aB9 "),
            down
        );
        // refused
        let long = format!("GET / HTTP/1.1\r\nx-sessioncookie: {}", "a".repeat(257));
        for text in [
            "GET / HTTP/1.1",
            "GET / HTTP/1.1\r\nx-sessioncookie:",
            "GET / HTTP/1.1\r\nx-sessioncookie: a b",
            "GET / HTTP/2\r\nx-sessioncookie: a",
            "GET / a HTTP/1.1\r\nx-sessioncookie: a",
            "PUT / HTTP/1.1\r\nx-sessioncookie: a",
            "GET / RTSP/1.0\r\nx-sessioncookie: a",
            "",
            &long,
        ] {
            assert_eq!(half(text), None, "{text}");
        }
    }

    #[tokio::test]
    async fn reading_is_bounded() {
        let mut buffer = BytesMut::new();
        let endless = [b'a'; 40_000];
        let head = read(&mut endless.as_slice(), &mut buffer).await;
        assert_eq!(head, Err(NoHead::TooLarge));
        let mut buffer = BytesMut::new();
        let text = b"POST / HTTP/1.1\r\nx-sessioncookie: a\r\n\r\nT1BU";
        let head = read(&mut text.as_slice(), &mut buffer).await.unwrap();
        assert_eq!((head.half, &buffer[..]), (Half::Up, b"T1BU".as_slice()));
    }

    proptest::proptest! {
        #[test]
        fn never_panics(head in proptest::collection::vec(0u8.., 0..300)) {
            let _ = parse(&head);
            let _ = beginning(&head);
        }
    }
}
