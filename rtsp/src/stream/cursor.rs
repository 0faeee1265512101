//! One viewer's place in a stream.

use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::{ClockPoint, MAX_TRACKS, State, Stream, key};
use crate::packet::Frame;

/// A viewer starts with the last key frame when it is younger than this.
const FRESH: Duration = Duration::from_millis(250);

/// How old it may be when no other can be asked for yet: in a crowd nobody waits for the next one.
const FRESH_IN_A_CROWD: Duration = key::INTERVAL;

/// How far a viewer may fall behind before frames are dropped for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lag {
    pub(crate) age: Duration,
    pub(crate) bytes: u64,
}

impl Default for Lag {
    fn default() -> Self {
        Lag {
            age: Duration::from_millis(500),
            bytes: 2 << 20,
        }
    }
}

/// What comes next for a viewer.
#[derive(Debug)]
pub(crate) enum Next {
    /// A frame to send.
    Frame(Arc<Frame>),
    /// The stream was closed or changed its codecs.
    Ended,
}

/// Where a viewer starts, for RTP-Info.
#[derive(Clone, Debug)]
pub(crate) struct StartPoint {
    /// Track, first sequence number, RTP time of the start.
    pub(crate) tracks: Vec<(usize, u16, u32)>,
}

/// Reads a stream for one viewer. Never holds the producer up: whoever is too slow misses whole frames.
pub(crate) struct Cursor {
    stream: Arc<Stream>,
    head: watch::Receiver<u64>,
    generation: u64,
    next: u64,
    selected: [bool; MAX_TRACKS],
    wait_key: [bool; MAX_TRACKS],
    lag: Lag,
    /// Has not caught up since the start: what came since its key frame is not held against it.
    opening: bool,
    /// Frames of the selected tracks that were not given out since the start.
    pub(crate) dropped: u64,
    /// How often the viewer fell behind.
    pub(crate) episodes: u64,
}

impl Cursor {
    /// A cursor on the tracks `selected`. Waits up to `wait` for a key frame to start with; without one it
    /// starts later by itself, and there is no start point.
    pub(crate) async fn start(
        stream: &Arc<Stream>,
        generation: u64,
        selected: [bool; MAX_TRACKS],
        wait: Duration,
    ) -> (Cursor, Option<StartPoint>) {
        let mut cursor = Cursor {
            stream: stream.clone(),
            head: stream.head.subscribe(),
            generation,
            next: 0,
            selected,
            wait_key: [true; MAX_TRACKS],
            lag: Lag::default(),
            opening: true,
            dropped: 0,
            episodes: 0,
        };
        let deadline = Instant::now() + wait;
        loop {
            cursor.head.borrow_and_update();
            let now = Instant::now();
            let fresh = if stream.key.answered(now) {
                FRESH_IN_A_CROWD
            } else {
                FRESH
            };
            if let Some(point) = cursor.try_start(now, fresh) {
                return (cursor, point);
            }
            stream.request_key_frame();
            let changed = tokio::time::timeout_at(deadline, cursor.head.changed()).await;
            if !matches!(changed, Ok(Ok(()))) {
                return (cursor, None);
            }
        }
    }

    /// The next frame; waits for it. Nothing is lost when the future is dropped.
    pub(crate) async fn next(&mut self) -> Next {
        loop {
            self.head.borrow_and_update();
            if let Poll::Ready(next) = self.poll(Instant::now()) {
                return next;
            }
            if self.head.changed().await.is_err() {
                return Next::Ended;
            }
        }
    }

    /// Sets the place to start from. `Some(None)` when the stream has ended.
    fn try_start(&mut self, now: Instant, fresh: Duration) -> Option<Option<StartPoint>> {
        let stream = self.stream.clone();
        let state = stream.state.lock();
        if state.generation != Some(self.generation) {
            return Some(None);
        }
        let wants_video = state
            .tracks
            .iter()
            .any(|track| self.wants(track.index) && track.codec.is_video());
        self.next = state.ring.head();
        if !wants_video {
            let now = state.clock?.pts_at(now);
            return Some(Some(self.start_point(&state, now)));
        }
        let (index, frame) = self.fresh_key(&state, state.ring.first(), now, fresh)?;
        self.next = index;
        Some(Some(self.start_point(&state, frame.pts)))
    }

    /// The newest key frame of a selected video track, from `from` on, if it is younger than `fresh`.
    fn fresh_key<'a>(
        &self,
        state: &'a State,
        from: u64,
        now: Instant,
        fresh: Duration,
    ) -> Option<(u64, &'a Arc<Frame>)> {
        state
            .ring
            .from(from)
            .rev()
            .take_while(|(_, frame)| now.saturating_duration_since(frame.pushed) < fresh)
            .find(|(_, frame)| frame.video && frame.key && self.wants(frame.track))
    }

    fn start_point(&self, state: &State, pts: Duration) -> StartPoint {
        let tracks = state
            .tracks
            .iter()
            .filter(|track| self.wants(track.index))
            .map(|track| {
                let first = state
                    .ring
                    .from(self.next)
                    .find(|(_, frame)| frame.track == track.index);
                let seq = first.map_or(state.counters[track.index].next_seq, |(_, frame)| {
                    frame.first_seq
                });
                (track.index, seq, track.rtp_time(pts))
            });
        StartPoint {
            tracks: tracks.collect(),
        }
    }

    fn wants(&self, track: usize) -> bool {
        self.selected.get(track).copied().unwrap_or(false)
    }

    /// True when there is no frame to give.
    pub(crate) fn caught_up(&self) -> bool {
        let state = self.stream.state.lock();
        state.generation == Some(self.generation) && self.next >= state.ring.head()
    }

    /// The next frame at `now`, if there is one.
    pub(crate) fn poll(&mut self, now: Instant) -> Poll<Next> {
        let stream = self.stream.clone();
        let state = stream.state.lock();
        if state.generation != Some(self.generation) {
            return Poll::Ready(Next::Ended);
        }
        let mut wants_key = false;
        let found = loop {
            if self.next < state.ring.first() {
                self.dropped += state.ring.first() - self.next;
                wants_key |= self.skip(&state, state.ring.first(), now);
            }
            let Some(frame) = state.ring.get(self.next) else {
                self.opening = false;
                break None;
            };
            if !self.wants(frame.track) {
                self.next += 1;
                continue;
            }
            if self.wait_key[frame.track] && !frame.key {
                self.dropped += 1;
                self.next += 1;
                continue;
            }
            if self.too_late(&state, frame, now) {
                wants_key |= self.skip(&state, self.next + 1, now);
                continue;
            }
            self.wait_key[frame.track] = false;
            self.next += 1;
            break Some(frame.clone());
        };
        drop(state);
        if wants_key {
            stream.request_key_frame();
        }
        found.map_or(Poll::Pending, |frame| Poll::Ready(Next::Frame(frame)))
    }

    /// True when `frame`, the next one, lies too far behind the newest. The newest itself never does.
    fn too_late(&self, state: &State, frame: &Frame, now: Instant) -> bool {
        let newer = state
            .ring
            .from(self.next + 1)
            .any(|(_, frame)| self.wants(frame.track));
        newer
            && ((!self.opening && now.saturating_duration_since(frame.pushed) > self.lag.age)
                || (state.ring.bytes_from(self.next) > self.lag.bytes
                    && !self.is_resume_point(state, now)))
    }

    /// A fresh key frame is not skipped for bytes: nothing better could follow.
    fn is_resume_point(&self, state: &State, now: Instant) -> bool {
        self.fresh_key(state, self.next, now, FRESH)
            .is_some_and(|(index, _)| index == self.next)
    }

    /// Goes on from the newest fresh key frame at or after `from`, or from the next one to come: true when
    /// that has to be asked for.
    fn skip(&mut self, state: &State, from: u64, now: Instant) -> bool {
        self.episodes += 1;
        self.opening = false;
        let wants_video = state
            .tracks
            .iter()
            .any(|track| self.wants(track.index) && track.codec.is_video());
        let resume = self
            .fresh_key(state, from, now, FRESH)
            .map(|(index, _)| index);
        let to = resume.unwrap_or(state.ring.head());
        let passed = state
            .ring
            .from(self.next)
            .take_while(|(index, _)| *index < to);
        self.dropped += passed.filter(|(_, frame)| self.wants(frame.track)).count() as u64;
        self.next = to;
        self.wait_key = [true; MAX_TRACKS];
        wants_video && resume.is_none()
    }
}

impl ClockPoint {
    /// Media time at `now`.
    fn pts_at(&self, now: Instant) -> Duration {
        self.pts + now.saturating_duration_since(self.at)
    }
}
