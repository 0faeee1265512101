//! One plate followed over frames: where it is, where it will be, and what is known of it.

use std::time::Duration;

use crate::color::ColorBallot;
use crate::ctc::Decoded;
use crate::frame::FrameView;
use crate::geometry::{FrameSize, PxPoint, PxQuad, PxRect};
use crate::picture::Picture;
use crate::plate::{PlatePictures, PlateText, Unreadable};
use crate::plausibility::Origin;
use crate::settings::Region;
use crate::state::issuer;
use crate::time::UtcTime;
use crate::travel::Travel;
use crate::vehicle_type::TypeBallot;
use crate::vote::Ballot;

/// Share of a new velocity in the running one.
const VELOCITY_GAIN: f32 = 0.6;
/// A new best frame must be this much better, so that pictures are not copied for nothing.
const BETTER: f32 = 1.15;
/// How far a vehicle reaches around its plate, in plate widths.
const BODY: f32 = 2.5;
/// Most that a frame counts in which a plate was found and not read: less than any that was.
const UNREAD_FITNESS: f32 = 1e-4;
/// Margin of a cut-out, in plate widths and heights.
const CUTOUT_MARGIN: (f32, f32) = (0.15, 0.3);

/// One detection with what was read of it.
#[derive(Clone, Debug)]
pub(crate) struct Observation {
    /// Upright box, pixels of the frame.
    pub(crate) rect: PxRect,
    /// Usable corners, pixels of the frame.
    pub(crate) quad: PxQuad,
    /// The detector's score.
    pub(crate) score: f32,
    /// What this frame alone says; `None` where it was not read.
    pub(crate) read: Option<Decoded>,
    /// Weight of the read, and fitness of the frame to be the best one; above 0.
    pub(crate) weight: f32,
    /// Why it cannot be read, when it cannot.
    pub(crate) unreadable: Option<Unreadable>,
    /// Whether the box ends before what was looked at does.
    pub(crate) whole: bool,
}

/// The frame in which a plate is seen best.
#[derive(Clone, Debug)]
pub(crate) struct BestFrame {
    /// Capture time.
    pub(crate) at: UtcTime,
    /// Box and corners in that frame; `None` when it had to make room, and the full picture is another one.
    pub(crate) place: Option<(PxRect, PxQuad)>,
    /// Size of that frame.
    pub(crate) size: FrameSize,
    /// The pictures.
    pub(crate) pictures: PlatePictures,
    fitness: f32,
}

impl BestFrame {
    /// The plate as `frame` shows it; `full` is made at most once for a frame.
    pub(crate) fn of(
        frame: &FrameView<'_>,
        seen: &Observation,
        full: &mut Option<Picture>,
    ) -> Self {
        let full = full.get_or_insert_with(|| frame.to_picture()).clone();
        let (mx, my) = (
            seen.rect.width * CUTOUT_MARGIN.0,
            seen.rect.height * CUTOUT_MARGIN.1,
        );
        let cutout = frame.copy_rect(seen.rect.grown(mx, my));
        Self {
            at: frame.captured_at,
            place: Some((seen.rect, seen.quad)),
            size: frame.size(),
            pictures: PlatePictures {
                full,
                cutout: Some(cutout),
            },
            fitness: 0.0,
        }
    }

    /// Whose a plate with `text` is, also by its look where the picture is the frame that shows it.
    pub(crate) fn issuer(&self, text: &str, region: Region) -> Origin {
        let view = self.pictures.full.view(self.at);
        let shown = view.as_ref().zip(self.place.as_ref());
        issuer(text, region, shown.map(|(frame, (_, quad))| (frame, quad)))
    }
}

/// One followed plate.
pub(crate) struct Track {
    /// Unique, rising.
    pub(crate) id: u64,
    /// Box in the last frame with the plate.
    pub(crate) rect: PxRect,
    /// Corners in that frame.
    pub(crate) quad: PxQuad,
    /// Score in that frame.
    pub(crate) score: f32,
    /// Reason for no read in that frame.
    pub(crate) unreadable: Option<Unreadable>,
    /// Capture time of the first frame.
    pub(crate) first_seen: UtcTime,
    /// Capture time of the last frame with the plate.
    pub(crate) last_seen: UtcTime,
    /// Frames with the plate.
    pub(crate) hits: u32,
    /// The way so far.
    pub(crate) travel: Travel,
    /// All reads so far.
    pub(crate) ballot: Ballot,
    /// The vote's outcome after the last frame.
    pub(crate) text: Option<PlateText>,
    /// Frames in a row after which the outcome was the same text.
    pub(crate) unchanged: u32,
    /// What the frames said of the colours.
    pub(crate) colors: ColorBallot,
    /// What the frames said of the type of the vehicle.
    pub(crate) vehicle_type: TypeBallot,
    /// The best frame so far.
    pub(crate) best: Option<BestFrame>,
    /// Whether its read was sent (or found to be a repeat).
    pub(crate) done: bool,
    /// Whether its vehicle is looked for around it (SNAPRULE-8).
    pub(crate) by_body: bool,
    /// Whether a plate that was read moved beside it, so that it is something else on the same vehicle.
    pub(crate) beside_read: bool,
    /// Whether it was told that it turned back.
    pub(crate) returned: bool,
    /// Whether it is the vehicle of a loop's capture.
    pub(crate) at_loop: bool,
    /// Middle of the box in the first frame.
    pub(crate) start: PxPoint,
    roamed: f32,
    /// Pixels a second; `None` before the second frame.
    velocity: Option<PxPoint>,
    /// Growth of the logarithm of the width a second.
    growth: f32,
}

impl Track {
    /// A track that begins with `seen`.
    #[must_use]
    pub(crate) fn new(id: u64, at: UtcTime, frame: FrameSize, seen: &Observation) -> Self {
        let mut travel = Travel::default();
        travel.add(seen.quad.width(), &seen.rect, frame, seen.whole);
        Self {
            id,
            rect: seen.rect,
            quad: seen.quad,
            score: seen.score,
            unreadable: seen.unreadable,
            first_seen: at,
            last_seen: at,
            hits: 1,
            travel,
            ballot: Ballot::default(),
            text: None,
            unchanged: 0,
            colors: ColorBallot::default(),
            vehicle_type: TypeBallot::default(),
            best: None,
            done: false,
            by_body: false,
            beside_read: false,
            returned: false,
            at_loop: false,
            start: seen.rect.center(),
            roamed: 0.0,
            velocity: None,
            growth: 0.0,
        }
    }

    /// Where the plate should be at `at`, if it goes on as before.
    #[must_use]
    pub(crate) fn predicted(&self, at: UtcTime) -> PxRect {
        // Half a second ahead is as far as a straight line is worth anything.
        let dt = at.saturating_since(self.last_seen).as_secs_f32().min(0.5);
        let v = self.velocity.unwrap_or_default();
        let scale = (self.growth * dt).clamp(-0.7, 0.7).exp();
        let c = self.rect.center();
        let (w, h) = (self.rect.width * scale, self.rect.height * scale);
        PxRect::new(c.x + v.x * dt - w / 2.0, c.y + v.y * dt - h / 2.0, w, h)
    }

    /// Where the vehicle of a plate at `rect` reaches to: about three of its plates to each side, and as far up and down.
    #[must_use]
    pub(crate) fn body(rect: &PxRect) -> PxRect {
        rect.grown(BODY * rect.width, BODY * rect.width)
    }

    /// Whether a velocity is known.
    #[must_use]
    pub(crate) fn has_velocity(&self) -> bool {
        self.velocity.is_some()
    }

    /// Takes the plate's new place.
    pub(crate) fn follow(&mut self, at: UtcTime, frame: FrameSize, seen: &Observation) {
        let dt = at.saturating_since(self.last_seen).as_secs_f32();
        if dt > 1e-3 {
            let (a, b) = (self.rect.center(), seen.rect.center());
            let now = PxPoint::new((b.x - a.x) / dt, (b.y - a.y) / dt);
            let growth = (seen.rect.width.max(1.0) / self.rect.width.max(1.0)).ln() / dt;
            let mix = |old: f32, new: f32| old + (new - old) * VELOCITY_GAIN;
            self.velocity = Some(match self.velocity {
                Some(v) => PxPoint::new(mix(v.x, now.x), mix(v.y, now.y)),
                None => now,
            });
            self.growth = mix(self.growth, growth.clamp(-3.0, 3.0));
        }
        self.rect = seen.rect;
        self.quad = seen.quad;
        self.score = seen.score;
        self.unreadable = seen.unreadable;
        self.last_seen = at;
        self.hits += 1;
        self.travel
            .add(seen.quad.width(), &seen.rect, frame, seen.whole);
        self.roamed = self.roamed.max(self.start.distance(seen.rect.center()));
    }

    /// Whether the plate never left its place by more than half its width in `least` or longer.
    #[must_use]
    pub(crate) fn is_parked(&self, least: Duration) -> bool {
        self.last_seen.saturating_since(self.first_seen) >= least
            && self.roamed < 0.5 * self.rect.width
    }

    /// Keeps `frame` when the plate is seen better in it than in all before, or those are longer ago than `lasts`; `full`
    /// is made at most once for a frame.
    pub(crate) fn offer_best(
        &mut self,
        frame: &FrameView<'_>,
        seen: &Observation,
        full: &mut Option<Picture>,
        lasts: Option<Duration>,
    ) {
        self.offer(seen.weight, frame, seen, full, lasts);
    }

    /// Keeps `frame` when the plate, which was not read in any, is seen larger in it than in all before (SNAPRULE-9).
    pub(crate) fn offer_unread(
        &mut self,
        frame: &FrameView<'_>,
        seen: &Observation,
        full: &mut Option<Picture>,
    ) {
        let share = seen.quad.width() / frame.size().width() as f32;
        self.offer(UNREAD_FITNESS * share.min(1.0), frame, seen, full, None);
    }

    fn offer(
        &mut self,
        weight: f32,
        frame: &FrameView<'_>,
        seen: &Observation,
        full: &mut Option<Picture>,
        lasts: Option<Duration>,
    ) {
        let inside = if seen.quad.is_inside(frame.size(), 1.0) {
            1.0
        } else {
            0.2
        };
        let fitness = weight * inside;
        let stays = |b: &BestFrame| {
            let age = frame.captured_at.saturating_since(b.at);
            fitness <= b.fitness * BETTER && lasts.is_none_or(|most| age <= most)
        };
        if self.best.as_ref().is_some_and(stays) {
            return;
        }
        self.best = Some(BestFrame {
            fitness,
            ..BestFrame::of(frame, seen, full)
        });
    }
}
