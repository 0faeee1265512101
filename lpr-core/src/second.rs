//! The second picture of a vehicle: one second after its first, or where it leaves (SNAPRULE-4, C-46).

use std::collections::VecDeque;
use std::time::Duration;

use crate::picture::Picture;
use crate::time::UtcTime;

/// So long after the first picture the second is taken, unless the vehicle leaves earlier.
pub(crate) const AFTER: Duration = Duration::from_secs(1);
/// Vehicles told without their second picture at a time; beyond it the oldest gets none.
const MAX_OWED: usize = 16;
/// Second pictures that are remembered as taken.
const MAX_TAKEN: usize = 64;

/// A second, later picture of a vehicle. It is of the capture with this track and time; the capture may come before it or after it, or
/// never: not every vehicle that is seen is told.
#[derive(Clone, Debug, PartialEq)]
pub struct SecondPicture {
    /// The track of the capture's read.
    pub track_id: u64,
    /// Capture time of the first picture, that of the read.
    pub first_at: UtcTime,
    /// Capture time of this one; later.
    pub captured_at: UtcTime,
    /// The whole frame.
    pub full: Picture,
}

/// A first picture: its track and time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct First {
    pub(crate) track_id: u64,
    pub(crate) at: UtcTime,
}

impl First {
    /// Whether its second picture is one taken `now`, from a vehicle that leaves or not.
    pub(crate) fn is_due(&self, now: UtcTime, leaves: bool) -> bool {
        now > self.at && (leaves || now.saturating_since(self.at) >= AFTER)
    }
}

/// First pictures with and without their second.
#[derive(Default)]
pub(crate) struct Seconds {
    /// When the present scene began, if not with the source.
    since: Option<UtcTime>,
    owed: Vec<First>,
    taken: VecDeque<First>,
}

impl Seconds {
    /// Another scene begins: it is no picture of who was seen before.
    pub(crate) fn begin(&mut self, at: UtcTime) {
        self.forget();
        self.since = Some(at);
    }

    /// Whoever was told has all the pictures it gets.
    pub(crate) fn forget(&mut self) {
        self.owed.clear();
        self.taken.clear();
    }

    /// Captures that were told and wait.
    pub(crate) fn owed(&self) -> &[First] {
        &self.owed
    }

    /// A capture with this picture was told: its second is still to be taken, unless it was.
    pub(crate) fn tell(&mut self, first: First) {
        if self.is_settled(first) {
            return;
        }
        if self.owed.len() == MAX_OWED {
            self.owed.remove(0);
        }
        self.owed.push(first);
    }

    /// Whether the second picture was taken, or is of another scene by now.
    fn is_settled(&self, first: First) -> bool {
        self.taken.contains(&first) || self.since.is_some_and(|since| first.at < since)
    }

    /// Whether the second picture is to be taken now, once for each first one.
    pub(crate) fn take(&mut self, first: First) -> bool {
        if self.is_settled(first) {
            return false;
        }
        self.owed.retain(|o| *o != first);
        if self.taken.len() == MAX_TAKEN {
            self.taken.pop_front();
        }
        self.taken.push_back(first);
        true
    }
}
