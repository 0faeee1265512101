//! The writing side of a connection: answers, and the frames of an interleaved session between them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::Shared;
use super::player::{Exit, Player};
use super::round::{self, Playing};
use super::session::Route;
use crate::packet::Frame;
use crate::stream::Next;

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

enum Event {
    Command(Option<Out>),
    Session(round::Event),
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
    /// Where `out` leads, if it is a socket that a round can write to.
    exit: Option<Exit>,
    peer: SocketAddr,
    cancel: CancellationToken,
    scratch: Vec<u8>,
}

impl<W: AsyncWrite + Send + Unpin> Writer<W> {
    pub(crate) fn new(
        shared: Arc<Shared>,
        out: W,
        exit: Option<Exit>,
        peer: SocketAddr,
        cancel: CancellationToken,
    ) -> Self {
        Writer {
            shared,
            out,
            exit,
            peer,
            cancel,
            scratch: Vec::new(),
        }
    }

    /// Writes until the queue is closed, the connection breaks or the server stops.
    pub(crate) async fn run(mut self, mut queue: mpsc::Receiver<Out>) {
        let mut playing: Option<Playing> = None;
        loop {
            if let (Some(playing), Some(exit)) = (&mut playing, &self.exit) {
                playing.lend(&self.shared, exit);
            }
            let event = tokio::select! {
                biased;
                () = self.cancel.cancelled() => break,
                command = queue.recv() => Event::Command(command),
                event = next_event(playing.as_mut()) => Event::Session(event),
            };
            let done = match event {
                Event::Command(None) => break,
                Event::Command(Some(command)) => self.command(command, &mut playing).await,
                Event::Session(round::Event::Ended) => {
                    // The answer to the TEARDOWN that ended the session may still wait.
                    match queue.try_recv() {
                        Ok(command) => self.command(command, &mut playing).await,
                        Err(_) => break,
                    }
                }
                Event::Session(round::Event::Media(Next::Ended)) => break,
                Event::Session(round::Event::Media(Next::Frame(frame))) => match &mut playing {
                    Some(playing) => self.frame(playing, &frame).await,
                    None => Ok(()),
                },
                Event::Session(round::Event::Back) => self.recall(&mut playing).await,
                Event::Session(round::Event::Report) => match self.recall(&mut playing).await {
                    Ok(()) => self.reports(&mut playing).await,
                    broken => broken,
                },
            };
            if let Err(Stop::Broken) = done {
                self.cancel.cancel();
                return;
            }
        }
        self.cancel.cancel();
        let _ = tokio::time::timeout(FAREWELL, self.farewell(playing)).await;
    }

    async fn command(&mut self, command: Out, playing: &mut Option<Playing>) -> Result<(), Stop> {
        self.recall(playing).await?;
        match command {
            Out::Bytes(bytes) => self.write(&bytes).await,
            Out::Then(bytes, then) => {
                self.write(&bytes).await?;
                let _ = then.send(());
                Ok(())
            }
            Out::Play(bytes, player) => {
                self.write(&bytes).await?;
                *playing = Some(Playing::new(player));
                Ok(())
            }
            Out::Stop(bytes) => {
                *playing = None;
                self.write(&bytes).await
            }
        }
    }

    /// Takes the player back from its round; nothing is written before the rest of a frame.
    async fn recall(&mut self, playing: &mut Option<Playing>) -> Result<(), Stop> {
        let Some(playing) = playing else {
            return Ok(());
        };
        let Some(rest) = playing.recall() else {
            return Ok(());
        };
        self.write(&rest.frame.wire[rest.sent..]).await?;
        if let Some(player) = playing.player() {
            player.sent(&rest.frame);
        }
        Ok(())
    }

    async fn frame(&mut self, playing: &mut Playing, frame: &Frame) -> Result<(), Stop> {
        if playing.is_new() {
            self.report(playing).await?;
        }
        let Some(player) = playing.player() else {
            return Ok(());
        };
        player.note();
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
        player.sent(frame);
        Ok(())
    }

    async fn reports(&mut self, playing: &mut Option<Playing>) -> Result<(), Stop> {
        match playing {
            Some(playing) => self.report(playing).await,
            None => Ok(()),
        }
    }

    async fn report(&mut self, playing: &mut Playing) -> Result<(), Stop> {
        playing.reports();
        let Some(player) = playing.player() else {
            return Ok(());
        };
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

    async fn farewell(mut self, mut playing: Option<Playing>) {
        self.cancel = CancellationToken::new();
        let whole = self.recall(&mut playing).await.is_ok();
        if let Some(player) = playing.as_mut().and_then(Playing::player)
            && whole
        {
            let goodbyes = player.session.goodbyes(&player.routes, &self.shared.cname);
            let _ = self.rtcp(goodbyes).await;
        }
        let _ = self.out.shutdown().await;
    }
}

/// What an interleaved session has to send next; waits for ever without one.
async fn next_event(playing: Option<&mut Playing>) -> round::Event {
    match playing {
        Some(playing) => playing.next().await,
        None => std::future::pending().await,
    }
}
