//! RTSP over TLS (RFC 7826 section 19.2): the library accepts and bounds, somebody else makes TLS of it.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::connection::{Connection, Ends};
use super::registry::ConnectionPlace;
use super::{ConnectionContext, Shared, Transport, tune};

/// A connection's bytes, both ways.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// What an accepted connection becomes.
pub type Handshake = Pin<Box<dyn Future<Output = io::Result<Box<dyn Duplex>>> + Send>>;

/// Knows the device's certificate.
pub trait Secure: Send + Sync + 'static {
    /// Does the server's side of a TLS handshake; it is given up when it takes too long.
    fn accept(&self, stream: TcpStream) -> Handshake;
}

/// Serves one connection; it has its place before the handshake costs anything.
pub(super) async fn serve(
    shared: Arc<Shared>,
    stream: TcpStream,
    peer: SocketAddr,
    secure: Arc<dyn Secure>,
) {
    let Some(place) = ConnectionPlace::take(&shared, peer) else {
        tracing::debug!(%peer, "too many connections");
        return;
    };
    tune(&stream);
    let connection = Connection {
        shared,
        peer,
        context: ConnectionContext {
            user: None,
            local: stream.local_addr().ok(),
            secure: true,
            transport: Transport::Tls,
        },
        udp: None,
        exit: None,
    };
    let limit = connection.shared.config.unauthenticated_time;
    let handshake = tokio::select! {
        () = connection.shared.cancel.cancelled() => return,
        handshake = tokio::time::timeout(limit, secure.accept(stream)) => handshake,
    };
    match handshake {
        Ok(Ok(stream)) => {
            let (reader, writer) = tokio::io::split(stream);
            connection.begin(place, Ends::new(reader, writer)).await;
        }
        Ok(Err(error)) => tracing::debug!(%peer, %error, "TLS handshake failed"),
        Err(_) => tracing::debug!(%peer, "TLS handshake took too long"),
    }
}
