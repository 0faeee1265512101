//! What plays in a session, and the way its packets take.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;

use tokio::net::tcp::OwnedWriteHalf;
use tokio::time::Instant;

use super::session::{LagLog, Route, Routes, Session};
use super::udp::UdpPair;
use crate::packet::Frame;
use crate::stream::{Cursor, Next};

/// What plays in one session.
pub(crate) struct Player {
    pub(crate) session: Arc<Session>,
    cursor: Cursor,
    pub(crate) routes: Routes,
    lag: LagLog,
}

impl Player {
    pub(crate) fn new(session: Arc<Session>, cursor: Cursor, routes: Routes) -> Box<Self> {
        Box::new(Player {
            session,
            cursor,
            routes,
            lag: LagLog::default(),
        })
    }

    /// What comes next for the viewer, waited for.
    pub(super) async fn next(&mut self) -> Next {
        self.cursor.next().await
    }

    /// Logs what the viewer missed.
    pub(crate) fn note(&mut self) {
        self.lag.note(&self.session, &self.cursor);
    }

    /// Counts a frame that was sent.
    pub(crate) fn sent(&self, frame: &Frame) {
        self.session
            .stats
            .bytes
            .fetch_add(frame.wire.len() as u64, Ordering::Relaxed);
    }

    /// Nothing waits for the viewer.
    pub(crate) fn caught_up(&self) -> bool {
        self.cursor.caught_up()
    }

    /// Every frame goes out as it lies in its buffer.
    pub(super) fn takes_frames_as_they_are(&self) -> bool {
        let usual = |(track, route): (usize, &Option<Route>)| match route {
            Some(Route::Interleaved(channel, _)) => usize::from(*channel) == track * 2,
            _ => true,
        };
        self.routes.iter().enumerate().all(usual)
    }

    /// Sends what there is; `Some` when the viewer's own task must go on, perhaps with the rest of a frame.
    pub(super) fn turn(&mut self, exit: &Exit) -> Option<Option<Rest>> {
        let now = Instant::now();
        loop {
            let frame = match self.cursor.poll(now) {
                Poll::Pending => return None,
                Poll::Ready(Next::Ended) => return Some(None),
                Poll::Ready(Next::Frame(frame)) => frame,
            };
            self.note();
            match exit.give(self.routes[frame.track], &frame) {
                Ok(()) => self.sent(&frame),
                Err(sent) => return Some(Some(Rest { frame, sent })),
            }
        }
    }
}

/// Where a viewer's packets go.
#[derive(Clone)]
pub(crate) enum Exit {
    Tcp(Arc<OwnedWriteHalf>),
    Udp(Arc<UdpPair>),
}

impl Exit {
    /// Sends a frame without waiting.
    ///
    /// # Errors
    /// How much was sent (see [`Rest::sent`]) when it is not all.
    fn give(&self, route: Option<Route>, frame: &Frame) -> Result<(), usize> {
        match (self, route) {
            (Exit::Tcp(half), Some(Route::Interleaved(..))) => match half.try_write(&frame.wire) {
                Ok(sent) if sent == frame.wire.len() => Ok(()),
                Ok(sent) => Err(sent),
                // Full, or broken: the viewer's own task finds out.
                Err(_) => Err(0),
            },
            (Exit::Udp(pair), Some(Route::Udp(rtp, _))) => pair.try_send_frame(frame, rtp),
            _ => Ok(()),
        }
    }
}

/// The end of a frame that was sent in part.
pub(crate) struct Rest {
    pub(crate) frame: Arc<Frame>,
    /// Bytes of [`Frame::wire`] sent over TCP, packets sent over UDP.
    pub(crate) sent: usize,
}
