//! Which plate belongs to a vehicle that a loop told of (SNAPRULE-1..3): times of the loop against times of tracks.

use std::collections::VecDeque;
use std::time::Duration;

use crate::picture::Picture;
use crate::plate::PlateCapture;
use crate::second::First;
use crate::time::UtcTime;
use crate::track::Track;

/// A plate that was seen this long before its vehicle reached the loop, or after it was captured there, can be its.
pub(crate) const AROUND: Duration = Duration::from_millis(1500);
/// The best frame is looked for until this long after the edge.
pub(crate) const AFTER: Duration = Duration::from_millis(300);
/// A plate in sight that cannot be read is waited for so long after the edge.
pub(crate) const PATIENCE: Duration = Duration::from_secs(4);
/// Tracks that ended and may be of a vehicle that reaches its loop yet.
const MAX_ENDED: usize = 8;

/// A vehicle that loops captured, on the clock of the frames.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LoopPass {
    /// Its number among the vehicles of the loops.
    pub vehicle: u64,
    /// When it reached its first loop.
    pub arrived: UtcTime,
    /// The edge that captures it.
    pub at: UtcTime,
    /// Metres a second, when measured.
    pub speed_mps: Option<f32>,
}

/// The speed of a vehicle that was told before: its loop came later.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LateSpeed {
    /// The track of its read.
    pub track_id: u64,
    /// Metres a second.
    pub speed_mps: f32,
}

impl LoopPass {
    /// Whether a plate seen from `first` to `last` can be this vehicle's.
    pub(crate) fn meets(&self, first: UtcTime, last: UtcTime) -> bool {
        first <= self.at + AROUND && last + AROUND >= self.arrived
    }

    /// Whether a plate seen from `first` to `last` was there while the vehicle was at its loops.
    pub(crate) fn overlaps(&self, first: UtcTime, last: UtcTime) -> bool {
        first <= self.at && last >= self.arrived
    }
}

/// A vehicle at its loop that waits for its plate.
pub(crate) struct Pending {
    pub(crate) pass: LoopPass,
    /// Its number where no track is found.
    pub(crate) id: u64,
    /// The track that is its, once one is found.
    pub(crate) track: Option<u64>,
    /// The frame of the edge and its time, for when no plate is read; one at a time.
    pub(crate) full: Option<(Picture, UtcTime)>,
}

impl Pending {
    /// What it is told by while no plate is read.
    pub(crate) fn track_id(&self) -> u64 {
        self.track.unwrap_or(self.id)
    }

    /// Its first picture while no better one is there.
    pub(crate) fn first(&self) -> Option<First> {
        let (_, at) = self.full.as_ref()?;
        Some(First {
            track_id: self.track_id(),
            at: *at,
        })
    }
}

/// The vehicle that waits for a plate, and plates that wait for a vehicle.
#[derive(Default)]
pub(crate) struct Joiner {
    pub(crate) pending: Option<Pending>,
    /// Oldest first; the newest alone has its full picture.
    pub(crate) ended: VecDeque<Track>,
    /// Vehicles of which there is no picture, as no frame came.
    pub(crate) unseen: u64,
}

impl Joiner {
    /// Times before and after are not to be compared any more.
    pub(crate) fn forget(&mut self) {
        self.pending = None;
        self.ended.clear();
    }

    /// Whether this track is the waiting vehicle's.
    pub(crate) fn is_of(&self, track: u64) -> bool {
        self.pending
            .as_ref()
            .is_some_and(|p| p.track == Some(track))
    }

    /// What is told of this track, with what the loops know when it is the waiting vehicle's, which waits no more then.
    pub(crate) fn take_for(
        &mut self,
        track: u64,
        capture: Option<PlateCapture>,
    ) -> Option<PlateCapture> {
        let pending = self.pending.take_if(|p| p.track == Some(track));
        let speed = pending.and_then(|p| p.pass.speed_mps);
        capture.map(|mut c| {
            c.read.speed_mps = speed;
            c
        })
    }

    /// Keeps a track that ended, in case its vehicle reaches its loop now.
    pub(crate) fn keep(&mut self, track: Track) {
        // One full picture is kept: older ones make room, their cut-outs stay.
        for older in &mut self.ended {
            if let Some(best) = &mut older.best
                && let Some(cutout) = &best.pictures.cutout
            {
                best.place = None;
                best.pictures.full = cutout.clone();
            }
        }
        if self.ended.len() == MAX_ENDED {
            self.ended.pop_front();
        }
        self.ended.push_back(track);
    }
}
