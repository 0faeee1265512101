//! The writing side of a connection: answers, and the frames of an interleaved session between them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Shared;
use super::session::{LagLog, REPORT_INTERVAL, Route, Routes, Session, report_due};
use crate::packet::Frame;
use crate::stream::{Cursor, Next};

/// Time for the last words of a connection.
const FAREWELL: Duration = Duration::from_millis(300);

/// What the reader hands over.
pub(crate) enum Out {
    /// An answer.
    Bytes(Bytes),
    /// An answer, after which somebody waits to go on.
    Then(Bytes, oneshot::Sender<()>),
    /// The answer to PLAY; frames follow it.
    Play(Bytes, Box<Player>),
    /// The answer to PAUSE or TEARDOWN; no frame follows it.
    Stop(Bytes),
}

/// An interleaved session that plays.
pub(crate) struct Player {
    pub(crate) session: Arc<Session>,
    pub(crate) cursor: Cursor,
    pub(crate) routes: Routes,
    report_at: Option<Instant>,
    lag: LagLog,
}

impl Player {
    pub(crate) fn new(session: Arc<Session>, cursor: Cursor, routes: Routes) -> Box<Self> {
        Box::new(Player {
            session,
            cursor,
            routes,
            report_at: None,
            lag: LagLog::default(),
        })
    }
}

enum Event {
    Command(Option<Out>),
    Media(Next),
    Report,
    Ended,
}

/// Why writing stops.
enum Stop {
    /// Nothing more can be written.
    Broken,
}

/// Writes to one connection.
pub(crate) struct Writer<W> {
    shared: Arc<Shared>,
    out: W,
    peer: SocketAddr,
    cancel: CancellationToken,
    scratch: Vec<u8>,
}

impl<W: AsyncWrite + Send + Unpin> Writer<W> {
    pub(crate) fn new(
        shared: Arc<Shared>,
        out: W,
        peer: SocketAddr,
        cancel: CancellationToken,
    ) -> Self {
        Writer {
            shared,
            out,
            peer,
            cancel,
            scratch: Vec::new(),
        }
    }

    /// Writes until the queue is closed, the connection breaks or the server stops.
    pub(crate) async fn run(mut self, mut queue: mpsc::Receiver<Out>) {
        let mut player: Option<Box<Player>> = None;
        loop {
            let event = tokio::select! {
                biased;
                () = self.cancel.cancelled() => break,
                command = queue.recv() => Event::Command(command),
                event = next_event(player.as_deref_mut()) => event,
            };
            let done = match event {
                Event::Ended => {
                    // The answer to the TEARDOWN that ended the session may still wait.
                    match queue.try_recv() {
                        Ok(command) => self.command(command, &mut player).await,
                        Err(_) => break,
                    }
                }
                Event::Command(None) => break,
                Event::Command(Some(command)) => self.command(command, &mut player).await,
                Event::Media(Next::Ended) => break,
                Event::Media(Next::Frame(frame)) => match &mut player {
                    Some(player) => self.frame(player, &frame).await,
                    None => Ok(()),
                },
                Event::Report => match &mut player {
                    Some(player) => self.reports(player).await,
                    None => Ok(()),
                },
            };
            if let Err(Stop::Broken) = done {
                self.cancel.cancel();
                return;
            }
        }
        self.cancel.cancel();
        let _ = tokio::time::timeout(FAREWELL, self.farewell(player)).await;
    }

    async fn command(
        &mut self,
        command: Out,
        player: &mut Option<Box<Player>>,
    ) -> Result<(), Stop> {
        match command {
            Out::Bytes(bytes) => self.write(&bytes).await,
            Out::Then(bytes, then) => {
                self.write(&bytes).await?;
                let _ = then.send(());
                Ok(())
            }
            Out::Play(bytes, next) => {
                self.write(&bytes).await?;
                *player = Some(next);
                Ok(())
            }
            Out::Stop(bytes) => {
                *player = None;
                self.write(&bytes).await
            }
        }
    }

    async fn frame(&mut self, player: &mut Player, frame: &Frame) -> Result<(), Stop> {
        if player.report_at.is_none() {
            // Before the first frame, so that clients know its capture time at once.
            self.reports(player).await?;
        }
        player.lag.note(&player.session, &player.cursor);
        let Some(Route::Interleaved(channel, _)) = player.routes[frame.track] else {
            return Ok(());
        };
        if usize::from(channel) == frame.track * 2 {
            self.write(&frame.wire).await?;
        } else {
            // The client chose other channels than the buffer was built for.
            let mut scratch = std::mem::take(&mut self.scratch);
            scratch.clear();
            scratch.extend_from_slice(&frame.wire);
            for span in &frame.packets {
                scratch[span.start as usize + 1] = channel;
            }
            let written = self.write(&scratch).await;
            self.scratch = scratch;
            written?;
        }
        player
            .session
            .stats
            .bytes
            .fetch_add(frame.wire.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    async fn reports(&mut self, player: &mut Player) -> Result<(), Stop> {
        player.report_at = Some(Instant::now() + REPORT_INTERVAL);
        let reports = player
            .session
            .sender_reports(&player.routes, &self.shared.cname);
        self.rtcp(reports).await
    }

    async fn rtcp(&mut self, packets: Vec<(Route, Vec<u8>)>) -> Result<(), Stop> {
        let mut all = Vec::new();
        for (route, packet) in packets {
            if let Route::Interleaved(_, channel) = route {
                all.extend([b'$', channel]);
                all.extend((packet.len() as u16).to_be_bytes());
                all.extend(packet);
            }
        }
        if all.is_empty() {
            Ok(())
        } else {
            self.write(&all).await
        }
    }

    /// Writes all of `bytes`; gives up when the server stops, or the peer takes nothing for too long.
    async fn write(&mut self, mut bytes: &[u8]) -> Result<(), Stop> {
        let stall = self.shared.config.stall_time;
        while !bytes.is_empty() {
            let written = tokio::select! {
                biased;
                written = tokio::time::timeout(stall, self.out.write(bytes)) => written,
                () = self.cancel.cancelled() => return Err(Stop::Broken),
            };
            match written {
                Ok(Ok(count)) if count > 0 => bytes = &bytes[count..],
                Ok(_) => return Err(Stop::Broken),
                Err(_) => {
                    tracing::info!(peer = %self.peer, waiting = bytes.len(), ?stall, "RTSP client takes nothing, closing");
                    return Err(Stop::Broken);
                }
            }
        }
        match tokio::time::timeout(stall, self.out.flush()).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(Stop::Broken),
        }
    }

    async fn farewell(mut self, player: Option<Box<Player>>) {
        if let Some(player) = player {
            self.cancel = CancellationToken::new();
            let goodbyes = player.session.goodbyes(&player.routes, &self.shared.cname);
            let _ = self.rtcp(goodbyes).await;
        }
        let _ = self.out.shutdown().await;
    }
}

/// What an interleaved session has to send next; waits for ever without one.
async fn next_event(player: Option<&mut Player>) -> Event {
    let Some(player) = player else {
        return std::future::pending().await;
    };
    tokio::select! {
        biased;
        () = player.session.cancel.cancelled() => Event::Ended,
        () = report_due(player.report_at) => Event::Report,
        next = player.cursor.next() => Event::Media(next),
    }
}
