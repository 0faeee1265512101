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
use super::player::Exit;
use super::registry::ConnectionPlace;
use super::session::Session;
use super::tunnel::{self, Beginning};
use super::udp::UdpPair;
use super::writer::{Out, Writer};
use super::{ConnectionContext, Shared};
use crate::message::{Decoder, Incoming, Response, Status};

/// Longest time a connection may stay without authenticating, however busy it is.
const UNAUTHENTICATED_TOTAL: Duration = Duration::from_secs(30);
/// Answers that may wait for a client that does not read; then its requests are not read either.
const QUEUE: usize = 16;

/// What is known of a connection before anything is read of it.
pub(crate) struct Connection {
    pub(crate) shared: Arc<Shared>,
    pub(crate) peer: SocketAddr,
    pub(crate) context: ConnectionContext,
    /// The ports for media by UDP, where that is offered.
    pub(crate) udp: Option<Arc<UdpPair>>,
    /// Where the writer leads, if it is a socket of our own.
    pub(crate) exit: Option<Exit>,
}

impl Connection {
    /// Serves one connection of RTSP, or of an HTTP tunnel, until it ends; ends its interleaved sessions.
    pub(crate) async fn run<R, W>(self, mut ends: Ends<R, W>)
    where
        R: AsyncRead + Send + Unpin + 'static,
        W: AsyncWrite + Send + Unpin + 'static,
    {
        let Some(place) = ConnectionPlace::take(&self.shared, self.peer) else {
            ends.refuse(&self.shared, Status::Unavailable).await;
            tracing::debug!(peer = %self.peer, "too many connections");
            return;
        };
        self.begin(place, ends).await;
    }

    /// The same for a connection that has its place.
    pub(crate) async fn begin<R, W>(self, place: ConnectionPlace, mut ends: Ends<R, W>)
    where
        R: AsyncRead + Send + Unpin + 'static,
        W: AsyncWrite + Send + Unpin + 'static,
    {
        let limit = self.shared.config.unauthenticated_time;
        let began = tokio::select! {
            () = self.shared.cancel.cancelled() => return,
            began = tokio::time::timeout(limit, ends.beginning()) => began,
        };
        match began {
            Ok(Beginning::Http) => tunnel::serve(self, place, ends).await,
            Ok(_) => self.run_in(place, ends).await,
            Err(_) => ends.refuse(&self.shared, Status::RequestTimeout).await,
        }
    }

    /// The same for a connection that has its place and speaks RTSP.
    pub(crate) async fn run_in<R, W>(self, mut place: ConnectionPlace, ends: Ends<R, W>)
    where
        R: AsyncRead + Send + Unpin + 'static,
        W: AsyncWrite + Send + Unpin + 'static,
    {
        let Self {
            shared,
            peer,
            context,
            udp,
            exit,
        } = self;
        let Ends {
            mut reader,
            writer,
            buffer,
        } = ends;
        if context.user.is_some() {
            place.authenticated();
        }
        let cancel = shared.cancel.child_token();
        let (out, queue) = mpsc::channel(QUEUE);
        let number = shared.connection_number();
        // Also when this is dropped half-way, as with the HTTP or WebSocket connection around it.
        let _over = Over {
            shared: shared.clone(),
            number,
            cancel: cancel.clone(),
        };
        let writing = Writer::new(shared.clone(), writer, exit, peer, cancel.clone()).run(queue);
        let writing = shared.tasks.spawn(writing);
        let mut handler = Handler::new(shared.clone(), peer, context, udp, number, out);
        read(
            &shared,
            &mut reader,
            buffer,
            &mut handler,
            &mut place,
            &cancel,
        )
        .await;
        // Dropping the handler closes the queue: the writer sends what waits, and ends.
        drop(handler);
        let _ = writing.await;
    }
}

/// Ends the interleaved sessions of a connection that is over.
struct Over {
    shared: Arc<Shared>,
    number: u64,
    cancel: CancellationToken,
}

impl Drop for Over {
    fn drop(&mut self) {
        self.cancel.cancel();
        let own = |session: &Session| session.connection == self.number && session.is_interleaved();
        self.shared.registry.end_where(own);
    }
}

/// The two ends of a connection, and what was read already.
pub(crate) struct Ends<R, W> {
    pub(crate) reader: R,
    pub(crate) writer: W,
    pub(crate) buffer: BytesMut,
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Ends<R, W> {
    pub(crate) fn new(reader: R, writer: W) -> Self {
        let buffer = BytesMut::with_capacity(4096);
        Ends {
            reader,
            writer,
            buffer,
        }
    }

    /// Reads until it is clear what is spoken.
    async fn beginning(&mut self) -> Beginning {
        loop {
            match tunnel::beginning(&self.buffer) {
                Beginning::Unknown => {}
                known => return known,
            }
            match self.reader.read_buf(&mut self.buffer).await {
                Ok(0) | Err(_) => return Beginning::Unknown,
                Ok(_) => {}
            }
        }
    }

    async fn refuse(&mut self, shared: &Shared, status: Status) {
        let refusal = match status {
            Status::Unavailable => Response::new(status).with("Retry-After", "5"),
            _ => Response::new(status),
        };
        let refusal = refusal.encode(None, &shared.config.server_name);
        let _ = tokio::time::timeout(Duration::from_secs(1), self.writer.write_all(&refusal)).await;
    }
}

async fn read<R: AsyncRead + Unpin>(
    shared: &Shared,
    reader: &mut R,
    mut buffer: BytesMut,
    handler: &mut Handler,
    place: &mut ConnectionPlace,
    cancel: &CancellationToken,
) {
    let mut decoder = Decoder::default();
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
