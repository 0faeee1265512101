//! Captures by loops and by video together (SNAPRULE-1..3): one vehicle is told once, whoever saw it first.

use crate::color::Colors;
use crate::frame::FrameView;
use crate::join::{AFTER, AROUND, LateSpeed, LoopPass, PATIENCE, Pending};
use crate::nets::{Detector, Reader};
use crate::picture::Picture;
use crate::plate::{Direction, PlateCapture, PlatePictures, PlateRead};
use crate::settings::{CaptureMode, DirectionFilter};
use crate::track::Track;
use crate::vehicle_type::TypeRead;

use super::{PARKED_AFTER, Pipeline, read_of, sighting};

/// A plate that may be the waiting vehicle's.
#[derive(Clone, Copy)]
enum Found {
    /// In sight, by its place among the tracks.
    Here(usize),
    /// Gone, by its place among those that are kept.
    Gone(usize),
}

impl<D: Detector, R: Reader> Pipeline<D, R> {
    /// Loops captured a vehicle: its read comes with one of the next frames, its speed with the read or after it. Where
    /// loops do not capture, nothing follows. Gives the read of the vehicle before, if that was still open.
    pub fn at_loop(&mut self, pass: LoopPass) -> Vec<PlateCapture> {
        if !self.settings.capture.has_loops() {
            return Vec::new();
        }
        let before = self.settle_loops();
        self.owe_seconds(before.iter());
        self.join.pending = Some(Pending {
            pass,
            id: self.tracker.take_id(),
            track: None,
            full: None,
        });
        before.into_iter().collect()
    }

    /// How many vehicles at loops have no picture, as no frame came, since this was asked last.
    pub fn take_unseen(&mut self) -> u64 {
        std::mem::take(&mut self.join.unseen)
    }

    /// The end of a track where loops capture.
    pub(super) fn finish_with_loops(&mut self, mut track: Track) -> Option<PlateCapture> {
        let of_vehicle = self.join.is_of(track.id);
        let wanted = of_vehicle || self.settings.capture == CaptureMode::Mixed;
        let mut capture = None;
        if wanted && !track.done && self.is_good(&track) {
            track.done = true;
            capture = read_of(&track, &self.settings, &mut self.repeats);
        }
        if !of_vehicle {
            if track.done {
                track.best = None;
            }
            self.join.keep(track);
            return capture;
        }
        if track.done {
            return self.join.take_for(track.id, capture);
        }
        let pending = self.join.pending.take()?;
        self.without_plate(pending, Some(Seen::of(&track)))
    }

    /// Ends the wait of a vehicle with what is known of it.
    pub(super) fn settle_loops(&mut self) -> Option<PlateCapture> {
        let id = self.join.pending.as_ref()?.track;
        let own = |t: &Track| id == Some(t.id);
        let here = self.tracker.tracks().iter().position(own);
        if let Some(i) = here.filter(|i| self.has_read(&self.tracker.tracks()[*i])) {
            return self.close(i);
        }
        let seen = here.map(|i| {
            let track = &mut self.tracker.tracks_mut()[i];
            // Not told later either: it is told now, without its plate.
            (track.done, track.best) = (true, None);
            Seen::of(track)
        });
        let pending = self.join.pending.take()?;
        self.without_plate(pending, seen)
    }

    /// After a frame: finds the waiting vehicle's plate, and tells of it when it is time.
    pub(super) fn join_loops(
        &mut self,
        frame: &FrameView<'_>,
        full: &mut Option<Picture>,
    ) -> (Option<PlateCapture>, Vec<LateSpeed>) {
        let now = frame.captured_at;
        let Some(pass) = self.join.pending.as_ref().map(|p| p.pass) else {
            return (None, Vec::new());
        };
        if self
            .join
            .pending
            .as_ref()
            .is_some_and(|p| p.track.is_none())
        {
            match self.find(&pass) {
                Some(Found::Here(i)) => {
                    let track = &mut self.tracker.tracks_mut()[i];
                    track.at_loop = true;
                    let (id, done) = (track.id, track.done);
                    if done {
                        self.join.pending = None;
                        return (None, late(id, pass));
                    }
                    if let Some(pending) = &mut self.join.pending {
                        pending.track = Some(id);
                    }
                }
                Some(Found::Gone(i)) => {
                    let Some(track) = self.join.ended.remove(i) else {
                        return (None, Vec::new());
                    };
                    let id = track.id;
                    if track.done {
                        self.join.pending = None;
                        return (None, late(id, pass));
                    }
                    return (self.tell_gone(track, frame, full), Vec::new());
                }
                None => {}
            }
        }
        let own = |t: &Track| self.join.is_of(t.id);
        let here = self.tracker.tracks().iter().position(own);
        self.keep_frame(here, frame, full);
        let since = now.saturating_since(pass.at);
        let due = match here.map(|i| &self.tracker.tracks()[i]) {
            Some(track) => {
                let told = self.settings.direction == DirectionFilter::Both
                    || track.travel.direction() != Direction::Unknown;
                since >= PATIENCE || (since >= AFTER && told && self.has_read(track))
            }
            None => since >= AROUND,
        };
        if !due {
            return (None, Vec::new());
        }
        if here.is_none() && self.is_seen_already(&pass) {
            self.join.pending = None;
            return (None, Vec::new());
        }
        (self.settle_loops(), Vec::new())
    }

    /// The plate of a vehicle: of those about its time the one that was last seen widest, as loops lie where the camera sees
    /// plates well; who goes away, comes from afar or follows is further off. Who stood there before is not the one who came.
    fn find(&self, pass: &LoopPass) -> Option<Found> {
        let may_be = |t: &Track| {
            let way = t.travel.direction();
            let parked = t.is_parked(PARKED_AFTER) && t.first_seen + AROUND < pass.arrived;
            pass.meets(t.first_seen, t.last_seen)
                && !t.at_loop
                && !parked
                && (way == Direction::Unknown || self.settings.direction.passes(way))
                && (t.done || !self.is_known(t))
        };
        let here = self.tracker.tracks().iter().enumerate();
        let here = here.filter(|(_, t)| t.hits > 1 && may_be(t));
        let here = here.map(|(i, t)| (t, Found::Here(i)));
        let gone = self.join.ended.iter().enumerate();
        let gone = gone.filter(|(_, t)| (t.done || self.has_read(t)) && may_be(t));
        let gone = gone.map(|(i, t)| (t, Found::Gone(i)));
        let nearer = |a: &Track, b: &Track| {
            let wider = a.rect.width.total_cmp(&b.rect.width);
            wider
                .then(b.first_seen.cmp(&a.first_seen))
                .then(b.id.cmp(&a.id))
        };
        here.chain(gone)
            .max_by(|(a, _), (b, _)| nearer(a, b))
            .map(|(_, found)| found)
    }

    /// Whether a plate was told lately, by another track.
    fn is_known(&self, track: &Track) -> bool {
        track.text.as_ref().is_some_and(|text| {
            let delay = self.settings.duplicate_delay();
            self.repeats.knows(&sighting(track, &text.text), delay)
        })
    }

    /// Whether the vehicle at the loops is one that was told already and moves to and fro.
    fn is_seen_already(&self, pass: &LoopPass) -> bool {
        let all = self.tracker.tracks().iter().chain(&self.join.ended);
        all.filter(|t| pass.overlaps(t.first_seen, t.last_seen))
            .any(|t| t.at_loop || (!t.done && self.is_known(t)))
    }

    /// Whether a track can be told with its plate.
    fn has_read(&self, track: &Track) -> bool {
        track.best.is_some() && self.is_good(track)
    }

    /// The frame of the edge is kept as long as there is no better one of the vehicle.
    fn keep_frame(
        &mut self,
        here: Option<usize>,
        frame: &FrameView<'_>,
        full: &mut Option<Picture>,
    ) {
        let better = here.is_some_and(|i| self.tracker.tracks()[i].best.is_some());
        let Some(pending) = &mut self.join.pending else {
            return;
        };
        if better {
            pending.full = None;
        } else if pending.full.is_none() && frame.captured_at >= pending.pass.at {
            let full = full.get_or_insert_with(|| frame.to_picture()).clone();
            pending.full = Some((full, frame.captured_at));
        }
    }

    /// Tells of a vehicle whose plate is out of sight; with the picture of now where its own had to make room.
    fn tell_gone(
        &mut self,
        mut track: Track,
        frame: &FrameView<'_>,
        full: &mut Option<Picture>,
    ) -> Option<PlateCapture> {
        let pending = self.join.pending.take()?;
        if let Some(best) = track.best.as_mut().filter(|b| b.place.is_none()) {
            let now = || {
                let full = full.get_or_insert_with(|| frame.to_picture());
                (full.clone(), frame.captured_at)
            };
            let (picture, at) = pending.full.unwrap_or_else(now);
            (best.size, best.at, best.pictures.full) = (picture.size(), at, picture);
        }
        let mut capture = read_of(&track, &self.settings, &mut self.repeats)?;
        capture.read.speed_mps = pending.pass.speed_mps;
        Some(capture)
    }

    /// A vehicle whose plate was not read, as far as its direction is wanted; `seen` is what its track knows of it.
    fn without_plate(&mut self, pending: Pending, seen: Option<Seen>) -> Option<PlateCapture> {
        let seen = seen.unwrap_or_else(|| Seen {
            track_id: pending.track_id(),
            ..Seen::default()
        });
        if !self.settings.direction.passes(seen.direction) {
            return None;
        }
        let Some((full, captured_at)) = pending.full else {
            self.join.unseen += 1;
            return None;
        };
        let read = PlateRead {
            track_id: seen.track_id,
            plate_number: String::new(),
            likelihood: 0.0,
            chars: Vec::new(),
            country_code: None,
            issuing_entity: None,
            colors: seen.colors,
            vehicle_type: seen.vehicle_type,
            direction: seen.direction,
            captured_at,
            first_seen: pending.pass.arrived,
            last_seen: captured_at.max(pending.pass.at),
            plate_rect: None,
            plate_quad: None,
            frame_size: full.size(),
            frames_seen: seen.frames,
            frames_read: 0,
            speed_mps: pending.pass.speed_mps,
            test: false,
        };
        let pictures = PlatePictures { full, cutout: None };
        Some(PlateCapture { read, pictures })
    }
}

/// What is known of a vehicle whose plate was not read.
#[derive(Default)]
struct Seen {
    track_id: u64,
    direction: Direction,
    colors: Colors,
    vehicle_type: Option<TypeRead>,
    frames: u32,
}

impl Seen {
    fn of(track: &Track) -> Self {
        Self {
            track_id: track.id,
            direction: track.travel.direction(),
            colors: track.colors.outcome(),
            vehicle_type: track.vehicle_type.outcome(),
            frames: track.hits,
        }
    }
}

/// The speed of a vehicle that was told before.
fn late(track_id: u64, pass: LoopPass) -> Vec<LateSpeed> {
    let of = |speed_mps| LateSpeed {
        track_id,
        speed_mps,
    };
    pass.speed_mps.map(of).into_iter().collect()
}
