//! RTSP tunnelled in HTTP (ONVIF Streaming Specification 5.1.1.4): a GET carries what the server says, as it is,
//! a POST with the same `x-sessioncookie` what the client says, in base64. Neither has an end that its
//! `Content-Length` tells: clients write past it.

mod base64;
mod head;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};
use tokio_util::sync::CancellationToken;

pub(crate) use head::{Beginning, beginning};

use super::connection::{Connection, Ends};
use super::registry::ConnectionPlace;
use super::{ConnectionContext, Transport};
use head::{Half, Head, NoHead};

/// Decoded bytes on their way to the connection; a client that sends more waits.
const UPSTREAM: usize = 16 << 10;
/// Bytes read at once.
const CHUNK: usize = 4096;
/// Time for a short answer.
const ANSWER: Duration = Duration::from_secs(1);
/// Fields of every answer. Nothing on the way may keep it.
const FIELDS: &str = "Connection: close\r\nCache-Control: no-store\r\nPragma: no-cache\r\n";

/// The tunnels whose GET is open, by cookie.
#[derive(Default)]
pub(crate) struct Tunnels(Mutex<HashMap<String, Upstream>>);

/// Where the POSTs of a tunnel lead.
struct Upstream {
    peer: IpAddr,
    to_connection: Arc<tokio::sync::Mutex<DuplexStream>>,
    /// Ends the POST that is open, for one that follows it.
    post: CancellationToken,
}

/// Keeps a tunnel known; without it POSTs find nothing, and the one that is open ends.
struct Opened<'a> {
    tunnels: &'a Tunnels,
    cookie: &'a str,
}

impl Drop for Opened<'_> {
    fn drop(&mut self) {
        if let Some(upstream) = self.tunnels.0.lock().remove(self.cookie) {
            upstream.post.cancel();
        }
    }
}

impl Tunnels {
    /// Makes a tunnel known; `None` when its cookie is in use.
    fn open<'a>(&'a self, cookie: &'a str, peer: IpAddr, to: DuplexStream) -> Option<Opened<'a>> {
        let mut all = self.0.lock();
        if all.contains_key(cookie) {
            return None;
        }
        let upstream = Upstream {
            peer,
            to_connection: Arc::new(tokio::sync::Mutex::new(to)),
            post: CancellationToken::new(),
        };
        all.insert(cookie.to_owned(), upstream);
        Some(Opened {
            tunnels: self,
            cookie,
        })
    }

    /// The way into the tunnel of a POST, and what ends it. Only the address that sent the GET is let in.
    fn join(
        &self,
        cookie: &str,
        peer: IpAddr,
    ) -> Option<(Arc<tokio::sync::Mutex<DuplexStream>>, CancellationToken)> {
        let mut all = self.0.lock();
        let upstream = all.get_mut(cookie).filter(|found| found.peer == peer)?;
        upstream.post.cancel();
        upstream.post = CancellationToken::new();
        Some((upstream.to_connection.clone(), upstream.post.clone()))
    }
}

/// Serves a connection that began with a request of HTTP; `buffer` holds what was read of it.
pub(crate) async fn serve<R, W>(
    connection: Connection,
    place: ConnectionPlace,
    mut ends: Ends<R, W>,
) where
    R: AsyncRead + Send + Unpin + 'static,
    W: AsyncWrite + Send + Unpin + 'static,
{
    let reading = head::read(&mut ends.reader, &mut ends.buffer);
    let limit = connection.shared.config.unauthenticated_time;
    let refusal = match tokio::time::timeout(limit, reading).await {
        Ok(Ok(head)) => {
            return match head.half {
                Half::Down => down(connection, place, ends, &head).await,
                Half::Up => up(connection, place, ends, &head).await,
            };
        }
        Ok(Err(NoHead::Gone)) => return,
        Ok(Err(NoHead::Bad)) => "400 Bad Request",
        Ok(Err(NoHead::TooLarge)) => "431 Request Header Fields Too Large",
        Err(_) => "408 Request Timeout",
    };
    refuse(&mut ends.writer, refusal).await;
}

/// GET: the connection itself; it ends when the client closes it.
async fn down<R, W>(connection: Connection, place: ConnectionPlace, ends: Ends<R, W>, head: &Head)
where
    R: AsyncRead + Send + Unpin + 'static,
    W: AsyncWrite + Send + Unpin + 'static,
{
    let Ends {
        reader, mut writer, ..
    } = ends;
    let (near, far) = tokio::io::duplex(UPSTREAM);
    let (shared, peer) = (connection.shared.clone(), connection.peer.ip());
    let Some(_opened) = shared.tunnels.open(&head.cookie, peer.to_canonical(), near) else {
        refuse(&mut writer, "409 Conflict").await;
        return;
    };
    let granted =
        format!("HTTP/1.0 200 OK\r\n{FIELDS}Content-Type: application/x-rtsp-tunnelled\r\n\r\n");
    if !write(&mut writer, granted.as_bytes()).await {
        return;
    }
    let connection = Connection {
        context: ConnectionContext {
            transport: Transport::HttpTunnel,
            ..connection.context
        },
        udp: None,
        ..connection
    };
    let ends = Ends {
        reader: far,
        writer,
        buffer: BytesMut::new(),
    };
    tokio::select! {
        () = connection.run_in(place, ends) => {}
        () = closed(reader) => {}
    }
}

/// POST: feeds the tunnel it belongs to. It is never answered, as there is no end of it.
async fn up<R, W>(connection: Connection, mut place: ConnectionPlace, ends: Ends<R, W>, head: &Head)
where
    R: AsyncRead + Send + Unpin + 'static,
    W: AsyncWrite + Send + Unpin + 'static,
{
    let Ends {
        mut reader,
        mut writer,
        mut buffer,
    } = ends;
    let Connection { shared, peer, .. } = connection;
    let joined = shared.tunnels.join(&head.cookie, peer.ip().to_canonical());
    let Some((to, over)) = joined else {
        refuse(&mut writer, "404 Not Found").await;
        return;
    };
    // The GET stands for both.
    place.authenticated();
    let feeding = async {
        let mut to = to.lock().await;
        let mut decoder = base64::Decoder::default();
        let mut decoded = Vec::with_capacity(CHUNK);
        loop {
            decoded.clear();
            let good = decoder.decode(&buffer, &mut decoded).is_ok();
            buffer.clear();
            if to.write_all(&decoded).await.is_err() {
                return true;
            }
            if !good {
                // What follows would be guessed at: the tunnel ends.
                let _ = to.shutdown().await;
                return false;
            }
            buffer.reserve(CHUNK);
            match (&mut reader).take(CHUNK as u64).read_buf(&mut buffer).await {
                Ok(0) | Err(_) => return true,
                Ok(_) => {}
            }
        }
    };
    let good = tokio::select! {
        good = feeding => good,
        () = over.cancelled() => true,
        () = shared.cancel.cancelled() => true,
    };
    if !good {
        tracing::debug!(%peer, "a tunnel's POST is not base64");
        refuse(&mut writer, "400 Bad Request").await;
    }
}

/// Returns when the client has closed the connection; what it sends in vain is thrown away.
async fn closed<R: AsyncRead + Unpin>(mut reader: R) {
    let mut scratch = [0u8; 256];
    while matches!(reader.read(&mut scratch).await, Ok(1..)) {}
}

async fn refuse<W: AsyncWrite + Unpin>(writer: &mut W, status: &str) {
    let answer = format!("HTTP/1.0 {status}\r\n{FIELDS}Content-Length: 0\r\n\r\n");
    write(writer, answer.as_bytes()).await;
    let _ = tokio::time::timeout(ANSWER, writer.shutdown()).await;
}

async fn write<W: AsyncWrite + Unpin>(writer: &mut W, bytes: &[u8]) -> bool {
    let writing = async {
        writer.write_all(bytes).await?;
        writer.flush().await
    };
    matches!(tokio::time::timeout(ANSWER, writing).await, Ok(Ok(())))
}
