//! Vehicles whose plate was found and never read: one capture a pass, though tracks break (SNAPRULE-9).

use std::time::Duration;

use crate::geometry::{PxPoint, PxRect};
use crate::plate::PlateCapture;
use crate::time::UtcTime;
use crate::track::Track;

/// A capture waits so long for a track that goes on with its pass.
const WAIT: Duration = Duration::from_millis(2500);
/// Captures that wait at a time; beyond it the oldest is told early.
const MAX_WAITING: usize = 8;
/// Ends of reads that are remembered at a time.
const MAX_ENDS: usize = 32;
/// And for how long: the track that goes on with one may itself last.
const ENDS_FOR: Duration = Duration::from_secs(60);

/// Where and when a track was seen last.
#[derive(Clone, Copy)]
struct End {
    at: UtcTime,
    body: PxRect,
}

impl End {
    fn of(track: &Track) -> Self {
        Self {
            at: track.last_seen,
            body: Track::body(&track.rect),
        }
    }

    /// Whether a track that began there and then goes on with this one.
    fn goes_on(&self, first_seen: UtcTime, start: PxPoint) -> bool {
        first_seen >= self.at
            && first_seen.saturating_since(self.at) <= WAIT
            && self.body.contains(start)
    }
}

/// Passes without a read that are over, or may go on.
#[derive(Default)]
pub(crate) struct Unread {
    waiting: Vec<(End, PlateCapture)>,
    reads: Vec<End>,
}

impl Unread {
    /// A track with a read is over: what went before in its pass needs no capture of its own.
    pub(crate) fn end_of_read(&mut self, track: &Track) {
        self.drop_before(track);
        if self.reads.len() == MAX_ENDS {
            self.reads.remove(0);
        }
        self.reads.push(End::of(track));
    }

    /// A track without a read is over; it is the rest of a pass, or one of its own.
    pub(crate) fn end_of_unread(&mut self, track: &Track, told: PlateCapture) {
        self.drop_before(track);
        let rest = |end: &End| end.goes_on(track.first_seen, track.start);
        if !self.reads.iter().any(rest) {
            self.waiting.push((End::of(track), told));
        }
    }

    fn drop_before(&mut self, track: &Track) {
        self.waiting
            .retain(|(end, _)| !end.goes_on(track.first_seen, track.start));
    }

    /// The captures whose passes are over at `at`: no track goes on with them.
    pub(crate) fn due(&mut self, at: UtcTime, tracks: &[Track]) -> Vec<PlateCapture> {
        let old = |end: &End| at < end.at || at.saturating_since(end.at) > WAIT;
        self.reads
            .retain(|end| at >= end.at && at.saturating_since(end.at) <= ENDS_FOR);
        let live = |end: &End| tracks.iter().any(|t| end.goes_on(t.first_seen, t.start));
        let is_read = |end: &End| {
            let mut on = tracks.iter().filter(|t| end.goes_on(t.first_seen, t.start));
            on.any(|t| t.done)
        };
        self.waiting.retain(|(end, _)| !is_read(end));
        let mut told: Vec<PlateCapture> = self
            .waiting
            .extract_if(.., |(end, _)| old(end) && !live(end))
            .map(|(_, capture)| capture)
            .collect();
        let more = self.waiting.len().saturating_sub(MAX_WAITING);
        told.extend(self.waiting.drain(..more).map(|(_, capture)| capture));
        told
    }
}
