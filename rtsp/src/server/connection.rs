//! One connection: its reader here, its writer in a task of its own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::handler::Handler;
use super::registry::ConnectionPlace;
use super::udp::UdpPair;
use super::writer::{Out, Writer};
use super::{ConnectionContext, Shared};
use crate::message::{Decoder, Incoming, Response, Status};

/// Longest time a connection may stay without authenticating, however busy it is.
const UNAUTHENTICATED_TOTAL: Duration = Duration::from_secs(30);
/// Answers that may wait for a client that does not read; then its requests are not read either.
const QUEUE: usize = 16;

/// Runs connections.
pub(crate) struct Connection;

impl Connection {
    /// Serves one connection until it ends; ends its interleaved sessions.
    pub(crate) async fn run<R, W>(
        shared: Arc<Shared>,
        mut reader: R,
        mut writer: W,
        peer: SocketAddr,
        context: ConnectionContext,
        udp: Option<Arc<UdpPair>>,
    ) where
        R: AsyncRead + Send + Unpin + 'static,
        W: AsyncWrite + Send + Unpin + 'static,
    {
        let Some(mut place) = ConnectionPlace::take(&shared, peer) else {
            let refusal = Response::new(Status::Unavailable).with("Retry-After", "5");
            let refusal = refusal.encode(None, &shared.config.server_name);
            let _ = tokio::time::timeout(Duration::from_secs(1), writer.write_all(&refusal)).await;
            tracing::debug!(%peer, "too many connections");
            return;
        };
        if context.user.is_some() {
            place.authenticated();
        }
        let cancel = shared.cancel.child_token();
        let (out, queue) = mpsc::channel(QUEUE);
        let writing = Writer::new(shared.clone(), writer, peer, cancel.clone()).run(queue);
        let writing = shared.tasks.spawn(writing);
        let number = shared.connection_number();
        let mut handler = Handler::new(shared.clone(), peer, context, udp, number, out);
        read(&shared, &mut reader, &mut handler, &mut place, &cancel).await;
        // Dropping the handler closes the queue: the writer sends what waits, and ends.
        drop(handler);
        let _ = writing.await;
        shared
            .registry
            .end_where(|session| session.connection == number && session.is_interleaved());
    }
}

async fn read<R: AsyncRead + Unpin>(
    shared: &Shared,
    reader: &mut R,
    handler: &mut Handler,
    place: &mut ConnectionPlace,
    cancel: &CancellationToken,
) {
    let mut decoder = Decoder::default();
    let mut buffer = BytesMut::with_capacity(4096);
    let began = Instant::now();
    let mut since = began;
    loop {
        while let Some(incoming) = decoder.decode(&mut buffer) {
            since = Instant::now();
            let go_on = tokio::select! {
                () = cancel.cancelled() => return,
                go_on = handle(handler, incoming) => go_on,
            };
            if handler.is_authenticated() {
                place.authenticated();
            }
            if !go_on {
                return;
            }
        }
        let deadline = if !handler.is_authenticated() {
            (since + shared.config.unauthenticated_time).min(began + UNAUTHENTICATED_TOTAL)
        } else if decoder.in_message(&buffer) {
            Instant::now() + shared.config.stall_time
        } else if handler.has_sessions() {
            // Its sessions keep it; a dead peer is found by the writer or by TCP.
            Instant::now() + Duration::from_secs(86_400)
        } else {
            Instant::now() + shared.config.session_timeout
        };
        let got = tokio::select! {
            () = cancel.cancelled() => return,
            got = tokio::time::timeout_at(deadline, reader.read_buf(&mut buffer)) => got,
        };
        match got {
            Ok(Ok(0)) | Ok(Err(_)) => return,
            Ok(Ok(_)) => {}
            Err(_) if handler.has_sessions() && !decoder.in_message(&buffer) => {}
            Err(_) => {
                let timeout =
                    Response::new(Status::RequestTimeout).encode(None, &shared.config.server_name);
                handler.send(Out::Bytes(timeout)).await;
                return;
            }
        }
    }
}

/// False when the connection is to be closed.
async fn handle(handler: &mut Handler, incoming: Incoming) -> bool {
    match incoming {
        Incoming::Request(request) => handler.handle(&request).await,
        Incoming::Data { channel, payload } => {
            handler.receive_data(channel, &payload);
            true
        }
        Incoming::Response => true,
        Incoming::Bad {
            status,
            cseq,
            close,
        } => {
            handler.refuse(status, cseq.as_deref()).await;
            !close
        }
    }
}
