//! When the second picture of a vehicle is taken (SNAPRULE-4).

use std::time::Duration;

use crate::frame::FrameView;
use crate::geometry::FrameSize;
use crate::nets::{Detector, Reader};
use crate::picture::Picture;
use crate::plate::PlateCapture;
use crate::second::{First, SecondPicture};
use crate::time::UtcTime;
use crate::track::Track;

use super::Pipeline;

impl<D: Detector, R: Reader> Pipeline<D, R> {
    /// The second pictures that this frame is: of vehicles that were told, and of those whose best frame so far, or that of their edge, would
    /// be their first picture if they were told now. `step` is the time from the frame before.
    pub(super) fn second_pictures(
        &mut self,
        frame: &FrameView<'_>,
        full: &mut Option<Picture>,
        step: Duration,
    ) -> Vec<SecondPicture> {
        if !self.settings.second_picture {
            return Vec::new();
        }
        let (now, size) = (frame.captured_at, frame.size());
        let tracks = self.tracker.tracks();
        let leaves = |t: &Track| self.leaves(t, now + step, size);
        let first = |t: &Track| {
            let best = t.best.as_ref().filter(|_| !t.done)?;
            let first = First {
                track_id: t.id,
                at: best.at,
            };
            first.is_due(now, leaves(t)).then_some(first)
        };
        let told = self.seconds.owed().iter().copied().filter(|first| {
            let track = tracks.iter().find(|t| t.id == first.track_id);
            first.is_due(now, track.is_some_and(leaves))
        });
        let at_loop = self.join.pending.iter().filter_map(|p| p.first());
        let at_loop = at_loop.filter(|first| first.is_due(now, false));
        let due: Vec<First> = tracks
            .iter()
            .filter_map(first)
            .chain(told)
            .chain(at_loop)
            .collect();
        due.into_iter()
            .filter(|first| self.seconds.take(*first))
            .map(|first| SecondPicture {
                track_id: first.track_id,
                first_at: first.at,
                captured_at: now,
                full: full.get_or_insert_with(|| frame.to_picture()).clone(),
            })
            .collect()
    }

    /// Whether a plate is at the far edge of what is looked at: by the next frame it would be out of it.
    fn leaves(&self, track: &Track, next: UtcTime, size: FrameSize) -> bool {
        let there = track.predicted(next);
        !size.rect().contains(there.center()) || !self.is_wanted(&there, size)
    }

    /// Vehicles are told: their second pictures are to come, where they were not taken.
    pub(super) fn owe_seconds<'a>(&mut self, told: impl Iterator<Item = &'a PlateCapture>) {
        if !self.settings.second_picture {
            return;
        }
        for capture in told {
            self.seconds.tell(First {
                track_id: capture.read.track_id,
                at: capture.read.captured_at,
            });
        }
    }
}
