//! MQTT over a WebSocket (MQTT 3.1.1 and 5 §6): the bytes of the connection in binary messages.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use futures_util::{Sink, Stream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{
        Error, Message,
        client::IntoClientRequest,
        http::{HeaderValue, header::SEC_WEBSOCKET_PROTOCOL},
        protocol::WebSocketConfig,
    },
};

use super::codec::MAX_PACKET;

/// The longest message that is taken from a broker: some packets, of which each has its own bound.
const MAX_MESSAGE: usize = 2 * MAX_PACKET;
/// The longest message that is sent.
const CHUNK: usize = 16 * 1024;

/// The stream of bytes that a WebSocket carries.
pub(super) struct WebSocket<S> {
    messages: WebSocketStream<S>,
    /// What came and was not read yet.
    came: Bytes,
}

impl<S: AsyncRead + AsyncWrite + Unpin> WebSocket<S> {
    /// Asks the server behind `stream` for a WebSocket at `address` with the subprotocol `mqtt`, which it must take.
    pub(super) async fn open(stream: S, address: &str) -> io::Result<Self> {
        let mut request = address.into_client_request().map_err(as_io)?;
        request
            .headers_mut()
            .insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static("mqtt"));
        let config = WebSocketConfig::default()
            .read_buffer_size(4096)
            .write_buffer_size(4096)
            .max_message_size(Some(MAX_MESSAGE))
            .max_frame_size(Some(MAX_MESSAGE));
        let (messages, _) = client_async_with_config(request, stream, Some(config))
            .await
            .map_err(as_io)?;
        Ok(Self {
            messages,
            came: Bytes::new(),
        })
    }
}

fn as_io(e: Error) -> io::Error {
    match e {
        Error::Io(e) => e,
        other => io::Error::other(format!("WebSocket: {other}")),
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for WebSocket<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.came.is_empty() {
            match ready!(Pin::new(&mut self.messages).poll_next(cx)) {
                Some(Ok(Message::Binary(bytes))) => self.came = bytes,
                Some(Ok(Message::Text(_))) => {
                    let reason = "the broker sends text over the WebSocket";
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, reason)));
                }
                // The end, whether or not the connection under it ends too.
                Some(Ok(Message::Close(_))) | None => return Poll::Ready(Ok(())),
                // Pings are answered by the library, with what is sent next at the latest.
                Some(Ok(_)) => {}
                Some(Err(e)) => return Poll::Ready(Err(as_io(e))),
            }
        }
        let n = self.came.len().min(buf.remaining());
        buf.put_slice(&self.came[..n]);
        self.came.advance(n);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for WebSocket<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut messages = Pin::new(&mut self.messages);
        ready!(messages.as_mut().poll_ready(cx)).map_err(as_io)?;
        let part = &buf[..buf.len().min(CHUNK)];
        let message = Message::Binary(Bytes::copy_from_slice(part));
        messages.start_send(message).map_err(as_io)?;
        Poll::Ready(Ok(part.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.messages).poll_flush(cx).map_err(as_io)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.messages).poll_close(cx).map_err(as_io)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{SinkExt, StreamExt};
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio_tungstenite::{
        accept_hdr_async,
        tungstenite::handshake::server::{ErrorResponse, Request, Response},
    };

    use super::*;

    /// The server's end, which takes the subprotocol when told so, and what was asked for.
    async fn accept(
        stream: tokio::io::DuplexStream,
        takes: bool,
    ) -> (WebSocketStream<tokio::io::DuplexStream>, String) {
        let mut asked = String::new();
        #[expect(clippy::result_large_err, reason = "the library's type")]
        let answer = |r: &Request, mut a: Response| -> Result<Response, ErrorResponse> {
            let protocol = r.headers()[SEC_WEBSOCKET_PROTOCOL].clone();
            asked = format!("{} {}", r.uri(), protocol.to_str().unwrap());
            if takes {
                a.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, protocol);
            }
            Ok(a)
        };
        let socket = accept_hdr_async(stream, answer).await.unwrap();
        (socket, asked)
    }

    /// Packets may be cut anywhere and lie in one message; pings lie between them.
    #[tokio::test]
    async fn bytes_cross_whatever_their_messages_are() {
        let (ours, theirs) = duplex(1 << 16);
        let server = tokio::spawn(accept(theirs, true));
        let mut client = WebSocket::open(ours, "ws://broker.example:80/mqtt?a=b")
            .await
            .unwrap();
        let (mut server, asked) = server.await.unwrap();
        assert_eq!(asked, "/mqtt?a=b mqtt");
        let long: Vec<u8> = (0..40_000u32).map(|n| n.to_le_bytes()[0]).collect();
        for part in [&long[..1], &[], &long[1..20_000], &long[20_000..]] {
            let message = Bytes::copy_from_slice(part);
            server.feed(Message::Binary(message)).await.unwrap();
            server.feed(Message::Ping(Bytes::new())).await.unwrap();
        }
        server.flush().await.unwrap();
        let mut came = vec![0; long.len()];
        client.read_exact(&mut came).await.unwrap();
        assert_eq!(came, long);
        client.write_all(&long).await.unwrap();
        client.flush().await.unwrap();
        let mut went = Vec::new();
        while went.len() < long.len() {
            match server.next().await.unwrap().unwrap() {
                Message::Binary(b) => {
                    assert!(b.len() <= CHUNK);
                    went.extend_from_slice(&b);
                }
                other => assert!(other.is_pong(), "{other:?}"),
            }
        }
        assert_eq!(went, long);
        server.close(None).await.unwrap();
        assert_eq!(client.read(&mut came).await.unwrap(), 0, "its end");
    }

    #[tokio::test]
    async fn what_is_no_mqtt_is_refused() {
        for (message, told) in [
            (Message::text("x"), "sends text"),
            (Message::binary(vec![0; MAX_MESSAGE + 1]), "too"),
        ] {
            let (ours, theirs) = duplex(1 << 20);
            let server = tokio::spawn(accept(theirs, true));
            let mut client = WebSocket::open(ours, "ws://b").await.unwrap();
            let (mut server, _) = server.await.unwrap();
            server.send(message).await.unwrap();
            let error = client.read_u8().await.unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
        let (ours, theirs) = duplex(1 << 16);
        let server = tokio::spawn(accept(theirs, false));
        let error = WebSocket::open(ours, "ws://b").await.err().unwrap();
        assert!(error.to_string().contains("SubProtocol"), "{error}");
        drop(server);
    }
}
