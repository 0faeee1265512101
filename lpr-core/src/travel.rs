//! Which way a vehicle goes, from the growth and the way of its plate (RECOG-4).

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
}

impl Travel {
    /// Adds a position.
    pub fn add(&mut self, width: f32, rect: &PxRect, frame: FrameSize) {
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
            t.add(w, &PxRect::new(900.0, y(i) - w / 8.0, w, w / 4.0), frame);
        }
        t.direction()
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

        #[test]
        fn a_long_approach_stays_an_approach(n in 6usize..400, f in 1.3f32..6.0) {
            let w = (0..n).map(|i| 60.0 * f.powf(i as f32 / n as f32));
            // Whatever was dropped to save memory.
            prop_assert_eq!(run(w, |i| 300.0 + 400.0 * i as f32 / n as f32), Direction::Approaching);
        }
    }
}
