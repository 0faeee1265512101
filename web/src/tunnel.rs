//! RTSP tunnelled in HTTP: its two requests go to the RTSP server as they are, before HTTP is spoken.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

/// The header that joins the GET and the POST of a tunnel; nobody else sends it.
const COOKIE: &[u8] = b"x-sessioncookie";
const END: &[u8] = b"\r\n\r\n";

/// A stream whose first bytes were looked at, and are read again.
#[derive(Debug)]
pub(crate) struct Rewound<S> {
    head: BytesMut,
    stream: S,
}

impl<S: AsyncRead + Unpin> Rewound<S> {
    pub(crate) fn new(stream: S) -> Self {
        let head = BytesMut::new();
        Self { head, stream }
    }

    /// What was read by [`Rewound::read_head`].
    pub(crate) fn head(&self) -> &[u8] {
        &self.head
    }

    /// Reads until it is clear that this is no tunnel, or a request's head is whole, or `limit` bytes are there.
    /// Nothing is lost when the future is dropped.
    pub(crate) async fn read_head(&mut self, limit: usize) {
        while may_be_half(&self.head) && self.head.len() < limit {
            if matches!(self.stream.read_buf(&mut self.head).await, Ok(0) | Err(_)) {
                return;
            }
        }
    }
}

/// Whether more bytes could make this a tunnel's request.
fn may_be_half(head: &[u8]) -> bool {
    let begins = |method: &[u8]| {
        let common = head.len().min(method.len());
        head[..common] == method[..common]
    };
    (begins(b"GET ") || begins(b"POST ")) && !head.windows(END.len()).any(|w| w == END)
}

/// Whether a request's head, perhaps with more behind it, is one of the two of a tunnel.
pub(crate) fn is_half(head: &[u8]) -> bool {
    let method = head.starts_with(b"GET ") || head.starts_with(b"POST ");
    let Some(end) = head.windows(END.len()).position(|w| w == END) else {
        return false;
    };
    method
        && head[..end].split(|b| *b == b'\n').skip(1).any(|line| {
            let name = line.split(|b| *b == b':').next().unwrap_or_default();
            name.trim_ascii().eq_ignore_ascii_case(COOKIE) && name.len() < line.len()
        })
}

impl<S: AsyncRead + Unpin> AsyncRead for Rewound<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.head.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buf);
        }
        let n = self.head.len().min(buf.remaining());
        buf.put_slice(&self.head[..n]);
        self.head.advance(n);
        if self.head.is_empty() {
            // Its memory is not needed for the rest of the connection.
            self.head = BytesMut::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Rewound<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_told_from_http() {
        for (head, half) in [
            ("GET /p HTTP/1.0\r\nx-sessioncookie: a\r\n\r\n", true),
            (
                "POST /p HTTP/1.1\r\nHost: h\r\nX-SessionCookie:a\r\n\r\nT1BU",
                true,
            ),
            ("GET /x-sessioncookie: HTTP/1.1\r\nHost: h\r\n\r\n", false),
            (
                "POST / HTTP/1.1\r\nHost: h\r\n\r\nx-sessioncookie: a",
                false,
            ),
            ("GET / HTTP/1.1\r\nx-sessioncookie\r\n\r\n", false),
            ("PUT / HTTP/1.1\r\nx-sessioncookie: a\r\n\r\n", false),
            ("GET / HTTP/1.1\r\nx-sessioncookie: a\r\n", false),
            ("", false),
        ] {
            assert_eq!(is_half(head.as_bytes()), half, "{head}");
        }
    }

    /// What was looked at is read again, whole.
    #[tokio::test]
    async fn nothing_is_lost() {
        for text in [
            "GET / HTTP/1.1\r\n\r\nbody",
            "PRI * HTTP/2.0\r\n\r\n",
            "GET / HTTP",
            "",
        ] {
            let mut stream = Rewound::new(text.as_bytes());
            stream.read_head(32 * 1024).await;
            assert!(!may_be_half(stream.head()) || stream.head() == text.as_bytes());
            let mut all = String::new();
            stream.read_to_string(&mut all).await.unwrap();
            assert_eq!(all, text);
        }
    }

    #[tokio::test]
    async fn reading_ahead_is_bounded() {
        let endless = [b"GET /".as_slice(), &[b'a'; 200_000]].concat();
        let mut stream = Rewound::new(endless.as_slice());
        stream.read_head(1000).await;
        assert!(stream.head().len() < 100_000, "{}", stream.head().len());
    }
}
