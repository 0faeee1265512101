//! The last frames of a stream.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::packet::Frame;

/// Oldest frame kept, beside the newest one.
const MAX_AGE: Duration = Duration::from_secs(1);
/// Most bytes kept, beside the newest frame.
const MAX_BYTES: usize = 8 << 20;

/// Frames by running index, bounded by age and bytes.
#[derive(Default)]
pub(super) struct Ring {
    /// Frame, and the bytes of all frames before it since the stream began.
    frames: VecDeque<(Arc<Frame>, u64)>,
    /// Index of the first frame kept.
    first: u64,
    /// Bytes of all frames since the stream began.
    total: u64,
    bytes: usize,
}

impl Ring {
    /// Adds a frame, drops old ones and gives the index after the new one.
    pub(super) fn push(&mut self, frame: Arc<Frame>, now: Instant) -> u64 {
        while let Some((oldest, _)) = self.frames.front() {
            let old = now.saturating_duration_since(oldest.pushed) > MAX_AGE;
            if !old && self.bytes + frame.wire.len() <= MAX_BYTES {
                break;
            }
            self.bytes -= oldest.wire.len();
            self.frames.pop_front();
            self.first += 1;
        }
        self.bytes += frame.wire.len();
        let before = self.total;
        self.total += frame.wire.len() as u64;
        self.frames.push_back((frame, before));
        self.head()
    }

    /// Forgets all frames; indices go on.
    pub(super) fn clear(&mut self) {
        self.first = self.head();
        self.frames.clear();
        self.bytes = 0;
    }

    /// Index of the first frame kept.
    pub(super) fn first(&self) -> u64 {
        self.first
    }

    /// Index after the newest frame.
    pub(super) fn head(&self) -> u64 {
        self.first + self.frames.len() as u64
    }

    /// Frame `index`, if it is kept.
    pub(super) fn get(&self, index: u64) -> Option<&Arc<Frame>> {
        self.entry(index).map(|(frame, _)| frame)
    }

    /// Bytes from frame `index` to the newest.
    pub(super) fn bytes_from(&self, index: u64) -> u64 {
        self.entry(index)
            .map_or(0, |(_, before)| self.total - before)
    }

    /// Frames from `index` on, with their indices; newest last.
    pub(super) fn from(&self, index: u64) -> impl DoubleEndedIterator<Item = (u64, &Arc<Frame>)> {
        let skip = index
            .saturating_sub(self.first)
            .min(self.frames.len() as u64) as usize;
        let first = self.first + skip as u64;
        self.frames
            .range(skip..)
            .enumerate()
            .map(move |(at, (frame, _))| (first + at as u64, frame))
    }

    fn entry(&self, index: u64) -> Option<&(Arc<Frame>, u64)> {
        self.frames
            .get(usize::try_from(index.checked_sub(self.first)?).ok()?)
    }
}
