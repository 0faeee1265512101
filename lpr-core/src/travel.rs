//! Which way a vehicle goes, from the growth and the way of its plate (RECOG-4), and whether it turned back (INTEL-6).

use crate::geometry::{FrameSize, PxRect};
use crate::plate::Direction;

/// Positions kept; when full, every other one goes.
const MAX_POINTS: usize = 64;
/// Fewest positions for a decision.
const LEAST_POINTS: usize = 4;
/// Growth of the plate (natural logarithm of its width) that alone decides.
const GROWTH: f32 = 0.18;
/// Way down or up, in picture heights, that alone decides: a camera above a lane sees who
/// comes nearer move down.
const WAY: f32 = 0.09;
/// Plates narrower than this share of the picture have boxes too coarse to tell growth (the net sees
/// the picture shrunk to 640 pixels); their way still counts.
const MEASURABLE: f32 = 1.0 / 27.0;

/// Positions whose middle is one place of the way in and back: single wrong boxes do not count.
const SMOOTHED: usize = 5;
/// Least way in, and back, of a vehicle that turned back. A way of 1 is what decides a direction; boxes of a vehicle that
/// stands tremble by less than half of that.
const TURN: f32 = 2.0;
/// Share of its way in that a vehicle must have gone back: who only makes room goes on.
const WAY_BACK: f32 = 0.7;

/// One position.
#[derive(Clone, Copy)]
struct Point {
    /// `None` where the width is not worth much.
    log_width: Option<f32>,
    y: f32,
}

/// The way of one plate through the picture.
#[derive(Default)]
pub struct Travel {
    points: Vec<Point>,
    /// Of so many positions one is kept, 2 to the power of this.
    thinning: u32,
    seen: u64,
    turn: Turn,
}

/// How far a vehicle came, went, and is now. It takes every position: a way back may be short beside a long wait.
#[derive(Default)]
struct Turn {
    recent: [f32; SMOOTHED],
    seen: usize,
    start: f32,
    nearest: f32,
    farthest: f32,
    now: f32,
}

impl Turn {
    fn add(&mut self, place: f32) {
        self.recent[self.seen % SMOOTHED] = place;
        self.seen += 1;
        if self.seen < SMOOTHED {
            return;
        }
        self.now = median(&self.recent);
        if self.seen == SMOOTHED {
            (self.start, self.nearest, self.farthest) = (self.now, self.now, self.now);
        }
        self.nearest = self.nearest.max(self.now);
        self.farthest = self.farthest.min(self.now);
    }

    fn direction(&self) -> Option<Direction> {
        let is_back = |way: f32, back: f32| way >= TURN && back >= TURN.max(WAY_BACK * way);
        if is_back(self.nearest - self.start, self.nearest - self.now) {
            Some(Direction::Departing)
        } else if is_back(self.start - self.farthest, self.now - self.farthest) {
            Some(Direction::Approaching)
        } else {
            None
        }
    }
}

impl Travel {
    /// Adds a position. A box that is not `whole` shrinks and grows with what of the plate is inside: nobody turns back by it.
    pub fn add(&mut self, width: f32, rect: &PxRect, frame: FrameSize, whole: bool) {
        if whole {
            let least = MEASURABLE * frame.width() as f32;
            let y = rect.center().y / frame.height() as f32;
            self.turn.add(width.max(least).ln() / GROWTH + y / WAY);
        }
        let due = self.seen.is_multiple_of(1 << self.thinning.min(63));
        self.seen += 1;
        if !due {
            return;
        }
        if self.points.len() == MAX_POINTS {
            // Every other one goes, so that those kept stay evenly spread over the whole way.
            let mut keep = false;
            self.points.retain(|_| {
                keep = !keep;
                keep
            });
            self.thinning += 1;
        }
        let log_width = (width >= MEASURABLE * frame.width() as f32).then(|| width.ln());
        self.points.push(Point {
            log_width,
            y: rect.center().y / frame.height() as f32,
        });
    }

    /// Travel so far; [`Direction::Unknown`] for a vehicle that stands or was hardly seen.
    #[must_use]
    pub fn direction(&self) -> Direction {
        if self.points.len() < LEAST_POINTS {
            return Direction::Unknown;
        }
        let widths: Vec<f32> = self.points.iter().filter_map(|p| p.log_width).collect();
        let ways: Vec<f32> = self.points.iter().map(|p| p.y).collect();
        let score = change(&widths) / GROWTH + change(&ways) / WAY;
        if score >= 1.0 {
            Direction::Approaching
        } else if score <= -1.0 {
            Direction::Departing
        } else {
            Direction::Unknown
        }
    }

    /// Where a vehicle goes that turned back in sight and went most of its way again (INTEL-6): `Departing` for one that
    /// came, `Approaching` for one that had driven away. `None` for who passes, stands or only makes room.
    #[must_use]
    pub fn turned_back(&self) -> Option<Direction> {
        self.turn.direction()
    }
}

/// Median of the last third less that of the first: single wrong values do not count. 0 for too few values.
fn change(values: &[f32]) -> f32 {
    if values.len() < LEAST_POINTS {
        return 0.0;
    }
    let third = (values.len() / 3).max(2);
    median(&values[values.len() - third..]) - median(&values[..third])
}

/// The middle value.
fn median(values: &[f32]) -> f32 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f32::total_cmp);
    sorted[sorted.len() / 2]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn run(widths: impl Iterator<Item = f32>, y: impl Fn(usize) -> f32) -> Direction {
        let mut t = Travel::default();
        for (i, w) in widths.enumerate() {
            let frame = FrameSize::new(1920, 1080).unwrap();
            t.add(
                w,
                &PxRect::new(900.0, y(i) - w / 8.0, w, w / 4.0),
                frame,
                true,
            );
        }
        t.direction()
    }

    fn turned(
        places: impl Iterator<Item = f32>,
        mut off: impl FnMut() -> f32,
    ) -> Option<Direction> {
        let frame = FrameSize::new(1920, 1080).unwrap();
        let mut t = Travel::default();
        for at in places {
            // A plate 60 pixels wide at the far end of the way and 220 at its near end.
            let w = 60.0 * (220.0f32 / 60.0).powf(at) + off();
            let y = 150.0 + 750.0 * at + off();
            t.add(w, &PxRect::new(900.0 + off(), y, w, w / 4.0), frame, true);
        }
        t.turned_back()
    }

    /// A way in thirds of a second of ten frames each, between shares of the picture's depth.
    fn way(points: &[f32], frames: usize) -> Vec<f32> {
        points
            .windows(2)
            .flat_map(|w| (0..frames).map(move |i| w[0] + (w[1] - w[0]) * i as f32 / frames as f32))
            .chain(points.last().copied())
            .collect()
    }

    /// INTEL-6.
    #[test]
    fn who_comes_and_goes_again_has_turned_back() {
        let rows: [(&[f32], Option<Direction>, &str); 8] = [
            (&[0.0, 1.0], None, "comes and passes"),
            (&[1.0, 0.0], None, "goes"),
            (
                &[0.1, 0.8, 0.8, 0.1],
                Some(Direction::Departing),
                "came, stood, left",
            ),
            (
                &[0.9, 0.3, 0.9],
                Some(Direction::Approaching),
                "went, came back",
            ),
            (&[0.0, 0.7, 0.5, 1.0], None, "made room and went on"),
            (&[0.5, 0.55, 0.5], None, "a little to and fro"),
            (&[0.0, 0.8, 0.8, 0.8, 0.8], None, "came and stays"),
            (&[0.0, 0.8, 0.6], None, "has not gone far yet"),
        ];
        for (points, expect, why) in rows {
            let places = way(points, 20);
            assert_eq!(turned(places.into_iter(), || 0.0), expect, "{why}");
        }
    }

    /// INTEL-6: a short way back after a long wait.
    #[test]
    fn a_long_wait_hides_no_way_back() {
        let stay = std::iter::repeat_n(0.8, 50_000);
        let back = way(&[0.8, 0.2], 15);
        let places = way(&[0.2, 0.8], 15).into_iter().chain(stay).chain(back);
        assert_eq!(turned(places, || 0.0), Some(Direction::Departing));
    }

    #[test]
    fn growth_and_way_decide() {
        let grow = |n: usize, f: f32| (0..n).map(move |i| 100.0 * f.powi(i as i32));
        assert_eq!(run(grow(10, 1.05), |_| 500.0), Direction::Approaching);
        assert_eq!(run(grow(10, 0.95), |_| 500.0), Direction::Departing);
        assert_eq!(
            run(grow(10, 1.0), |i| 100.0 + 60.0 * i as f32),
            Direction::Approaching
        );
        assert_eq!(
            run(grow(10, 1.0), |i| 900.0 - 60.0 * i as f32),
            Direction::Departing
        );
        assert_eq!(
            run(grow(3, 1.5), |_| 500.0),
            Direction::Unknown,
            "too short"
        );
        // Across the picture: neither.
        assert_eq!(run(grow(20, 1.0), |_| 500.0), Direction::Unknown);
    }

    #[test]
    fn a_far_plate_is_judged_by_its_way_not_by_its_coarse_box() {
        // Boxes of a plate 30 to 60 pixels wide, as a net at a third of the size draws them.
        let w = [
            79.0, 82.0, 63.0, 60.0, 58.0, 59.0, 62.0, 57.0, 55.0, 60.0, 61.0, 63.0,
        ];
        assert_eq!(
            run(w.into_iter(), |i| 120.0 + 20.0 * i as f32),
            Direction::Approaching
        );
    }

    #[test]
    fn one_wrong_box_does_not_decide() {
        let w = (0..12).map(|i| if i == 11 { 300.0 } else { 100.0 });
        assert_eq!(run(w, |_| 500.0), Direction::Unknown);
    }

    proptest! {
        #[test]
        fn a_parked_car_has_no_direction(jitter in prop::collection::vec(-4f32..4., 1..300)) {
            prop_assert_eq!(run(jitter.iter().map(|j| 120.0 + j), |i| 700.0 + jitter[i]), Direction::Unknown);
        }

        /// INTEL-6: whatever trembles and however long.
        #[test]
        fn who_stands_does_not_turn_back(
            at in 0.0f32..1.0, offs in prop::collection::vec(-6f32..6., 3..900)
        ) {
            let mut next = offs.iter().cycle().copied();
            let stays = std::iter::repeat_n(at, offs.len());
            prop_assert_eq!(turned(stays, || next.next().unwrap()), None);
        }

        /// INTEL-6: whoever passes, at any speed, with stops, one box in ten far off.
        #[test]
        fn who_passes_does_not_turn_back(
            legs in prop::collection::vec(0.0f32..0.4, 1..8), frames in 4usize..40, goes in any::<bool>(), seed in any::<u64>()
        ) {
            let mut points = vec![0.0f32];
            points.extend(legs.iter().scan(0.0, |sum, leg| { *sum += leg; Some(f32::min(*sum, 1.0)) }));
            if goes {
                points.iter_mut().for_each(|p| *p = 1.0 - *p);
            }
            let mut n = seed;
            let off = || {
                n = n.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let small = ((n >> 33) % 80) as f32 / 10.0 - 4.0;
                if (n >> 40).is_multiple_of(30) { 8.0 * small } else { small }
            };
            prop_assert_eq!(turned(way(&points, frames).into_iter(), off), None);
        }

        /// INTEL-6: whoever turns back is seen, with boxes that tremble.
        #[test]
        fn who_turns_back_is_seen(
            deep in 0.45f32..0.9, waits in 0usize..200, frames in 8usize..40,
            offs in prop::collection::vec(-3f32..3., 64)
        ) {
            let mut next = offs.iter().cycle().copied();
            let stay = std::iter::repeat_n(deep, waits);
            let places = way(&[0.05, deep], frames).into_iter().chain(stay).chain(way(&[deep, 0.05], frames));
            prop_assert_eq!(turned(places, || next.next().unwrap()), Some(Direction::Departing));
        }

        #[test]
        fn a_long_approach_stays_an_approach(n in 6usize..400, f in 1.3f32..6.0) {
            let w = (0..n).map(|i| 60.0 * f.powf(i as f32 / n as f32));
            // Whatever was dropped to save memory.
            prop_assert_eq!(run(w, |i| 300.0 + 400.0 * i as f32 / n as f32), Direction::Approaching);
        }
    }
}
