//! Recognition on video: frames in, scenes and one read for each pass out.

mod loops;
mod seconds;

use std::time::Duration;

use crate::Error;
use crate::ctc::{Decoded, decode};
use crate::cut::CutFinder;
use crate::frame::FrameView;
use crate::geometry::{FrameSize, PxPoint, PxRect, polygon_contains};
use crate::join::{Joiner, LateSpeed};
use crate::lines::{Whole, read_two_lines};
use crate::nets::{DetectRequest, Detector, Reader};
use crate::picture::Picture;
use crate::plate::{
    Direction, PlateCapture, PlateDetection, PlateRead, PlateText, Scene, TrackedObject, Unreadable,
};
use crate::quality::{LEAST_CONTRAST, LEAST_SHARPNESS, Quality};
use crate::repeat::{Repeats, Sighting};
use crate::second::{SecondPicture, Seconds};
use crate::settings::{CaptureMode, DirectionFilter, RecognitionSettings};
use crate::time::UtcTime;
use crate::track::{BestFrame, Observation, Track};
use crate::tracker::Tracker;
use crate::unread::Unread;
use crate::warp::{rectify, usable_quad};

/// Most net pixels for a frame pixel on video.
const MAX_SCALE: f32 = 2.0;
/// Share of the least score with which a followed plate of the preferred direction is still taken (SCENE-1, SCENE-2).
const WEAK: f32 = 0.6;
/// How much a weak box must overlap where its plate should be.
const WEAK_OVERLAP: f32 = 0.3;
/// Plates read in one frame at most, the best scored.
const MAX_READS: usize = 8;
/// A gap this long between frames, or time that runs back, ends all tracks.
const GAP: Duration = Duration::from_secs(5);
/// Likelihood from which a stable text is sent before its track ends.
const EARLY_LIKELIHOOD: f32 = 0.9;
/// A plate that stands is sent without a direction after this.
const WAIT_FOR_DIRECTION: Duration = Duration::from_millis(1500);
/// A plate that comes nearer is waited for until it is this wide, pixels: its text and pictures get better.
const WIDE: f32 = 100.0;
/// But no longer than this.
const WAIT_FOR_WIDTH: Duration = Duration::from_secs(4);
/// A plate that did not leave its place for this long is parked.
const PARKED_AFTER: Duration = Duration::from_secs(3);
/// Likelihood from which a single frame is enough for a read.
const SINGLE_FRAME: f32 = 0.97;
/// A detection of this score is shown at once, others from their second frame on.
const SHOWN_AT_ONCE: f32 = 0.6;
/// A read this sure is not looked at as two lines.
const SURE: f32 = 0.9;
/// Frames of a track by which its colours are judged.
const COLOR_FRAMES: u32 = 16;
/// Frames of a track by which the type of its vehicle is judged.
const TYPE_FRAMES: u32 = 8;
/// How far a plate may reach beyond the picture's edge and count as whole, pixels.
const EDGE: f32 = 1.0;

/// Boxes that end this near to the edge of what was looked at may be cut off there, pixels.
const CUT_OFF: f32 = 3.0;

/// Numbers that belong to the nets in use.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tuning {
    /// Fewest characters of a plate.
    pub min_length: usize,
}

impl Default for Tuning {
    fn default() -> Self {
        Self { min_length: 3 }
    }
}

/// What one frame gave.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// The frame's objects.
    pub scene: Scene,
    /// Reads that became ready with this frame; mostly none.
    pub reads: Vec<PlateCapture>,
    /// Vehicles that passed with a plate that was found and never read, where that is asked for (SNAPRULE-9): once a pass, when it is
    /// over; their plate is empty.
    pub unread: Vec<PlateCapture>,
    /// Vehicles that were found in this frame to have turned back, where that is asked for (INTEL-6): once a track, with this
    /// frame's pictures. The direction is the one in which they leave; the plate is empty where none was read.
    pub returned: Vec<PlateCapture>,
    /// Second pictures that this frame is, where they are asked for (SNAPRULE-4).
    pub seconds: Vec<SecondPicture>,
    /// Speeds of vehicles that were told before their loops measured them.
    pub late_speeds: Vec<LateSpeed>,
    /// Whether the frame began another scene, so that all tracks before it ended.
    pub scene_cut: bool,
}

/// Recognition on one video source. One worker owns it and gives it one frame after the other.
///
/// Frames may be left out at will: tracks, votes and times follow the frames' capture times.
pub struct Pipeline<D, R> {
    detector: D,
    reader: R,
    settings: RecognitionSettings,
    tuning: Tuning,
    tracker: Tracker,
    repeats: Repeats,
    join: Joiner,
    unread: Unread,
    seconds: Seconds,
    cut: CutFinder,
    last: Option<(UtcTime, FrameSize)>,
}

impl<D: Detector, R: Reader> Pipeline<D, R> {
    /// Recognition with these nets and settings; the first track gets `first_track_id`.
    ///
    /// # Errors
    /// [`Error::Setting`] when `settings` is out of bounds.
    pub fn new(
        detector: D,
        reader: R,
        settings: RecognitionSettings,
        tuning: Tuning,
        first_track_id: u64,
    ) -> Result<Self, Error> {
        settings.check()?;
        Ok(Self {
            detector,
            reader,
            settings,
            tuning,
            tracker: Tracker::new(first_track_id),
            repeats: Repeats::default(),
            join: Joiner::default(),
            unread: Unread::default(),
            seconds: Seconds::default(),
            cut: CutFinder::default(),
            last: None,
        })
    }

    /// Takes other settings from the next frame on; tracks go on (LPRCFG-6).
    ///
    /// # Errors
    /// [`Error::Setting`] when `settings` is out of bounds; the old ones stay.
    pub fn set_settings(&mut self, settings: RecognitionSettings) -> Result<(), Error> {
        settings.check()?;
        if settings.capture != self.settings.capture {
            self.join = Joiner::default();
        }
        if !settings.second_picture {
            self.seconds.forget();
        }
        self.settings = settings;
        Ok(())
    }

    /// The settings in use.
    #[must_use]
    pub fn settings(&self) -> &RecognitionSettings {
        &self.settings
    }

    /// Whether a frame captured at `at` should be analysed, or is too soon after the last one.
    #[must_use]
    pub fn wants(&self, at: UtcTime) -> bool {
        // A tenth of the interval of slack, so that jitter does not halve the rate.
        let interval = self.settings.detection_interval();
        self.last.is_none_or(|(last, _)| {
            at < last || at.saturating_since(last) >= interval - interval / 10
        })
    }

    /// Analyses one frame.
    ///
    /// # Errors
    /// [`Error::Net`] when a net fails; the frame is lost, tracks stay.
    pub fn process(&mut self, frame: &FrameView<'_>) -> Result<Output, Error> {
        let (at, size) = (frame.captured_at, frame.size());
        let mut reads = Vec::new();
        let jumped = self
            .last
            .is_some_and(|(last, _)| at < last || at.saturating_since(last) > GAP);
        let scene_cut = self.cut.is_cut(frame) || jumped;
        if scene_cut {
            reads.extend(self.end_tracks());
        }
        if let Some((last, _)) = self.last.filter(|(last, _)| at < *last) {
            reads.extend(self.settle_loops());
            self.join.forget();
            self.repeats.clock_set_back(last.saturating_since(at));
        }
        if scene_cut {
            self.seconds.begin(at);
        }
        let step = self
            .last
            .map_or(Duration::ZERO, |(last, _)| at.saturating_since(last));
        self.last = Some((at, size));
        let found = self.detect(frame, at)?;
        let seen = self.observe(frame, &found)?;
        let of = self
            .tracker
            .update(at, size, &seen, self.settings.trajectory);
        let mut full: Option<Picture> = None;
        let mut returned = Vec::new();
        for (observation, slot) in seen.iter().zip(of) {
            if let Some(track) = slot.and_then(|i| self.tracker.tracks_mut().get_mut(i)) {
                learn(track, observation, frame, &mut full, &self.settings);
                returned.extend(turned_back(
                    track,
                    observation,
                    frame,
                    &mut full,
                    &self.settings,
                ));
            }
        }
        let seconds = self.second_pictures(frame, &mut full, step);
        for i in 0..self.tracker.tracks().len() {
            if self.is_ready(&self.tracker.tracks()[i]) {
                reads.extend(self.close(i));
            }
            self.note_presence(i);
        }
        note_companions(self.tracker.tracks_mut(), at, self.settings.min_likelihood);
        for track in self.tracker.take_lost(at, size) {
            reads.extend(self.finish(track));
        }
        let unread = self.unread.due(at, self.tracker.tracks());
        let (joined, late_speeds) = self.join_loops(frame, &mut full);
        reads.extend(joined);
        self.owe_seconds(reads.iter().chain(&unread));
        Ok(Output {
            scene: self.scene(at, size),
            reads,
            unread,
            returned,
            seconds,
            late_speeds,
            scene_cut,
        })
    }

    /// Ends all tracks, as when the source ends; gives the reads that were still open.
    pub fn flush(&mut self) -> Vec<PlateCapture> {
        self.cut.reset();
        self.seconds.forget();
        self.last = None;
        let mut reads = self.end_tracks();
        reads.extend(self.settle_loops());
        reads
    }

    /// Begins anew, as on another source: no track, and no plate that a coming one could repeat.
    pub fn forget(&mut self) {
        drop(self.flush());
        self.repeats = Repeats::default();
        self.join = Joiner::default();
        self.unread = Unread::default();
    }

    /// Plates of the frame inside the capture area and outside the shield areas.
    fn detect(&mut self, frame: &FrameView<'_>, at: UtcTime) -> Result<Vec<PlateDetection>, Error> {
        let size = frame.size();
        let region = self.region(size);
        let width = self.settings.input_width_px();
        // Tall regions get as many pixels as wide ones.
        let max_input = FrameSize::new(width, width)?;
        let fitted = fit(region, width);
        let request = DetectRequest {
            region,
            max_input: fitted.unwrap_or(max_input),
            max_scale: MAX_SCALE,
            min_score: match self.settings.scene.prefers() {
                Some(_) => WEAK * self.settings.min_detection_score,
                None => self.settings.min_detection_score,
            },
        };
        let mut found = self.detector.detect(frame, &request)?;
        found.retain(|d| self.is_wanted(&d.rect, size));
        let least = self.settings.min_detection_score;
        let (mut found, weak): (Vec<_>, Vec<_>) = found.into_iter().partition(|d| d.score >= least);
        let held = weak.into_iter().filter(|d| self.is_held(d, at));
        let held: Vec<_> = held
            .filter(|d| found.iter().all(|f| f.rect.iou(&d.rect) < WEAK_OVERLAP))
            .collect();
        found.extend(held);
        Ok(found)
    }

    /// SCENE-1, SCENE-2: a weak box is a plate where one is followed that drives in the preferred direction.
    fn is_held(&self, weak: &PlateDetection, at: UtcTime) -> bool {
        let Some(preferred) = self.settings.scene.prefers() else {
            return false;
        };
        self.tracker.tracks().iter().any(|t| {
            t.travel.direction() == preferred && t.predicted(at).iou(&weak.rect) >= WEAK_OVERLAP
        })
    }

    /// What is looked at: a plate at the capture area's edge must be seen whole.
    fn region(&self, size: FrameSize) -> PxRect {
        let region = self.settings.capture_bounds().to_px(size);
        region
            .grown(0.02 * size.width() as f32, 0.02 * size.height() as f32)
            .clipped(size)
    }

    /// LPRCFG-2 and LPRCFG-5: the middle of the plate decides.
    fn is_wanted(&self, rect: &PxRect, size: FrameSize) -> bool {
        let middle = rect.center().to_norm(size);
        let area = &self.settings.capture_area;
        (area.is_empty() || polygon_contains(area, middle))
            && !self
                .settings
                .shield_areas
                .iter()
                .any(|s| polygon_contains(s, middle))
    }

    /// Reads the plates that are large enough.
    fn observe(
        &mut self,
        frame: &FrameView<'_>,
        found: &[PlateDetection],
    ) -> Result<Vec<Observation>, Error> {
        let inner = self.region(frame.size()).grown(-CUT_OFF, -CUT_OFF);
        let mut seen: Vec<Observation> = found
            .iter()
            .map(|d| {
                let quad = usable_quad(&d.quad, &d.rect);
                let small = quad.width() < self.settings.readable_width_px() as f32;
                let unreadable = small.then_some(Unreadable::TooSmall);
                Observation {
                    rect: d.rect,
                    quad,
                    score: d.score,
                    read: None,
                    weight: 0.01,
                    unreadable,
                    whole: inner.contains(PxPoint::new(d.rect.x, d.rect.y))
                        && inner.contains(PxPoint::new(d.rect.right(), d.rect.bottom())),
                }
            })
            .collect();
        let readable: Vec<usize> = (0..seen.len())
            .filter(|i| seen[*i].unreadable.is_none())
            .take(MAX_READS)
            .collect();
        let crop_size = self.reader.crop_size();
        let crops: Vec<_> = readable
            .iter()
            .map(|i| rectify(frame, &seen[*i].quad, crop_size))
            .collect();
        let outputs = if crops.is_empty() {
            Vec::new()
        } else {
            self.reader.read(&crops)?
        };
        for ((i, crop), output) in readable.iter().zip(&crops).zip(&outputs) {
            let mut read = decode(output);
            let legible = read.places.len() >= self.tuning.min_length;
            let whole = Whole {
                text: &read.text(),
                likelihood: if legible { read.confidence() } else { 0.0 },
                sure: legible && read.confidence() >= SURE,
            };
            let (quad, least) = (&seen[*i].quad, self.tuning.min_length);
            if let Some(lines) = read_two_lines(&mut self.reader, frame, quad, &whole, least)? {
                read = lines;
            }
            judge(
                &mut seen[*i],
                read,
                Quality::of(crop),
                frame.size(),
                self.tuning.min_length,
            );
        }
        Ok(seen)
    }

    /// Whether a track's read can be sent before its end.
    fn is_ready(&self, track: &Track) -> bool {
        if self.settings.capture == CaptureMode::Loop {
            return false;
        }
        let Some(text) = track.text.as_ref().filter(|_| !track.done) else {
            return false;
        };
        let stable =
            track.unchanged >= self.settings.stable_reads && track.last_seen > track.first_seen;
        let age = track.last_seen.saturating_since(track.first_seen);
        let known = match track.travel.direction() {
            Direction::Departing => true,
            Direction::Approaching => track.quad.width() >= WIDE || age >= WAIT_FOR_WIDTH,
            // Who reports one direction only waits until it is known.
            Direction::Unknown if self.settings.direction != DirectionFilter::Both => false,
            Direction::Unknown if track.is_parked(WAIT_FOR_DIRECTION) => true,
            Direction::Unknown => age >= WAIT_FOR_WIDTH,
        };
        stable && known && text.likelihood >= self.settings.min_likelihood.max(EARLY_LIKELIHOOD)
    }

    /// Makes the read of a track that goes on.
    fn close(&mut self, i: usize) -> Option<PlateCapture> {
        let track = &mut self.tracker.tracks_mut()[i];
        track.done = true;
        let capture = read_of(track, &self.settings, &mut self.repeats);
        // The pictures are in the read; they need not stay in memory.
        track.best = None;
        self.join.take_for(track.id, capture)
    }

    /// Makes the read of a track that is over, unless it was sent or is not good enough.
    fn finish(&mut self, track: Track) -> Option<PlateCapture> {
        if self.settings.capture.has_loops() {
            return self.finish_with_loops(track);
        }
        if track.done {
            self.unread.end_of_read(&track);
            return None;
        }
        if self.is_good(&track) {
            self.unread.end_of_read(&track);
            return read_of(&track, &self.settings, &mut self.repeats);
        }
        if self.passed_unread(&track)
            && let Some(shown) = track.best.clone()
        {
            let direction = track.travel.direction();
            let told = capture(&track, None, shown, direction, &self.settings);
            self.unread.end_of_unread(&track, told);
        }
        None
    }

    /// SNAPRULE-9, SNAPRULE-11: whether a plate that was never read was that of a vehicle which drove by. Loops tell of such vehicles
    /// themselves.
    fn passed_unread(&self, track: &Track) -> bool {
        let (least, direction) = (self.settings.unread_frames, track.travel.direction());
        least > 0
            && track.hits >= least
            && !track.beside_read
            && direction != Direction::Unknown
            && self.settings.direction.passes(direction)
    }

    /// Whether what was read of a track is good enough to be told.
    fn is_good(&self, track: &Track) -> bool {
        track.text.as_ref().is_some_and(|text| {
            (track.ballot.cast_votes() >= 2 || text.likelihood >= SINGLE_FRAME)
                && text.likelihood >= self.settings.min_likelihood
                && text.text.len() >= self.tuning.min_length
        })
    }

    fn end_tracks(&mut self) -> Vec<PlateCapture> {
        let tracks = self.tracker.take_all();
        tracks.into_iter().filter_map(|t| self.finish(t)).collect()
    }

    /// Keeps a reported plate that is still in sight from being reported again.
    fn note_presence(&mut self, i: usize) {
        let track = &self.tracker.tracks()[i];
        if track.done
            && let Some(text) = &track.text
        {
            self.repeats.still_there(&sighting(track, &text.text));
        }
    }

    /// The objects of the frame captured at `at`: tracks that were seen in it.
    fn scene(&self, at: UtcTime, frame_size: FrameSize) -> Scene {
        let shown = |t: &&Track| t.last_seen == at && (t.hits > 1 || t.score >= SHOWN_AT_ONCE);
        let object = |t: &Track| TrackedObject {
            track_id: t.id,
            rect: t.rect,
            quad: t.quad,
            score: t.score,
            plate: t
                .text
                .clone()
                .filter(|p| p.likelihood >= self.settings.min_likelihood),
            direction: t.travel.direction(),
            unreadable: t.unreadable,
            colors: t.colors.outcome(),
            vehicle_type: t.vehicle_type.outcome(),
        };
        Scene {
            captured_at: at,
            frame_size,
            objects: self
                .tracker
                .tracks()
                .iter()
                .filter(shown)
                .map(object)
                .collect(),
        }
    }
}

/// The input for `region` when its long side may be `width`, as many pixels as a 5:3 input of that width at most.
fn fit(region: PxRect, width: u32) -> Option<FrameSize> {
    let tall = region.height > 0.6 * region.width;
    let budget = (width as f32 * (width as f32 * 0.6).max(32.0)).max(1024.0);
    let height = if tall {
        (budget * region.height / region.width.max(1.0)).sqrt()
    } else {
        width as f32 * 0.6
    };
    let height = (height.min(width as f32) as u32).next_multiple_of(32);
    FrameSize::new(width, height).ok()
}

/// Enters what the reader said about a plate, its weight, and the reason where it said nothing.
fn judge(
    seen: &mut Observation,
    read: Decoded,
    quality: Quality,
    frame: FrameSize,
    min_length: usize,
) {
    let confidence = read.confidence();
    let legible = read.places.len() >= min_length;
    // Characters 30 pixels high are as good as they get.
    let height = (seen.quad.height() / 30.0).clamp(0.1, 1.0);
    seen.weight = quality.weight() * height * seen.score * (0.1 + confidence);
    seen.unreadable = if legible && confidence >= 0.5 {
        None
    } else if quality.contrast < LEAST_CONTRAST {
        Some(Unreadable::LowContrast)
    } else if !seen.quad.is_inside(frame, -EDGE) {
        Some(Unreadable::CutOff)
    } else if quality.sharpness < LEAST_SHARPNESS {
        Some(Unreadable::Blurred)
    } else {
        None
    };
    seen.read = legible.then_some(read);
}

/// Adds a frame's observation to what a track knows.
fn learn(
    track: &mut Track,
    seen: &Observation,
    frame: &FrameView<'_>,
    full: &mut Option<Picture>,
    settings: &RecognitionSettings,
) {
    let Some(read) = &seen.read else {
        let wanted = settings.unread_frames > 0 && !settings.capture.has_loops();
        if wanted && !track.done && track.text.is_none() {
            track.offer_unread(frame, seen, full);
        }
        return;
    };
    track.ballot.cast(read.clone(), seen.weight);
    let before = track.text.take();
    track.text = track.ballot.outcome(settings.region);
    let same =
        before.is_some() && before.map(|t| t.text) == track.text.as_ref().map(|t| t.text.clone());
    track.unchanged = if same { track.unchanged + 1 } else { 1 };
    if !track.done {
        if track.ballot.cast_votes() <= COLOR_FRAMES {
            track.colors.cast(frame, &seen.quad, seen.weight);
        }
        if track.ballot.cast_votes() <= TYPE_FRAMES {
            track.vehicle_type.cast(frame, &seen.quad, seen.weight);
        }
        let lasts = settings.capture.best_frame_lasts();
        if lasts.is_some() && !track.at_loop && track.is_parked(PARKED_AFTER) {
            // Waits for no loop: its picture need not stay in memory.
            track.best = None;
        } else {
            track.offer_best(frame, seen, full, lasts);
        }
    }
}

/// Notes which unread plates are on vehicles whose plate was read: a sign on a lorry is no vehicle of its own.
fn note_companions(tracks: &mut [Track], at: UtcTime, least: f32) {
    let is_read = |t: &Track| {
        let sure = t.text.as_ref().is_some_and(|p| p.likelihood >= least);
        t.last_seen == at && (t.done || sure)
    };
    let bodies: Vec<_> = tracks
        .iter()
        .filter(|t| is_read(t))
        .map(|t| (t.id, Track::body(&t.rect)))
        .collect();
    for track in tracks.iter_mut().filter(|t| t.last_seen == at) {
        let middle = track.rect.center();
        let on = |(id, body): &(u64, PxRect)| *id != track.id && body.contains(middle);
        track.beside_read |= bodies.iter().any(on);
    }
}

fn sighting<'a>(track: &Track, text: &'a str) -> Sighting<'a> {
    Sighting {
        text,
        first_seen: track.first_seen,
        last_seen: track.last_seen,
        rect: track.rect,
        parked: track.is_parked(PARKED_AFTER),
    }
}

/// The read of a track, unless it repeats one.
fn read_of(
    track: &Track,
    settings: &RecognitionSettings,
    repeats: &mut Repeats,
) -> Option<PlateCapture> {
    let (text, best) = (track.text.as_ref()?, track.best.as_ref()?);
    if !settings.direction.passes(track.travel.direction()) {
        return None;
    }
    if repeats.is_repeat(&sighting(track, &text.text), settings.duplicate_delay()) {
        return None;
    }
    Some(capture(
        track,
        Some(text),
        best.clone(),
        track.travel.direction(),
        settings,
    ))
}

/// What a track and the frame that shows it say together.
fn capture(
    track: &Track,
    text: Option<&PlateText>,
    shown: BestFrame,
    direction: Direction,
    settings: &RecognitionSettings,
) -> PlateCapture {
    let origin = text.map(|t| shown.issuer(&t.text, settings.region));
    let read = PlateRead {
        track_id: track.id,
        plate_number: text.map_or_else(String::new, |t| t.text.clone()),
        likelihood: text.map_or(0.0, |t| t.likelihood),
        chars: text.map_or_else(Vec::new, |t| t.chars.clone()),
        country_code: origin.as_ref().and_then(|o| o.country).map(str::to_owned),
        issuing_entity: origin.as_ref().and_then(|o| o.entity).map(str::to_owned),
        colors: track.colors.outcome(),
        vehicle_type: track.vehicle_type.outcome(),
        direction,
        captured_at: shown.at,
        first_seen: track.first_seen,
        last_seen: track.last_seen,
        plate_rect: shown.place.map(|p| p.0),
        plate_quad: shown.place.map(|p| p.1),
        frame_size: shown.size,
        frames_seen: track.hits,
        frames_read: track.ballot.cast_votes(),
        speed_mps: None,
        test: false,
    };
    PlateCapture {
        read,
        pictures: shown.pictures,
    }
}

/// A vehicle that turned back, with the frame in which that is seen; once a track (INTEL-6).
fn turned_back(
    track: &mut Track,
    seen: &Observation,
    frame: &FrameView<'_>,
    full: &mut Option<Picture>,
    settings: &RecognitionSettings,
) -> Option<PlateCapture> {
    if !settings.tell_returns || track.returned {
        return None;
    }
    let leaves = track.travel.turned_back()?;
    track.returned = true;
    let shown = BestFrame::of(frame, seen, full);
    let text = track.text.as_ref();
    let text = text.filter(|t| t.likelihood >= settings.min_likelihood);
    Some(capture(track, text, shown, leaves, settings))
}
