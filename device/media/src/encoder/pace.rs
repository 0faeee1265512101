//! Chooses which source frames a slower stream takes.

use std::time::Duration;

use crate::clock::Span;
use lpr_core::MediaTime;

/// Drops frames so that a stream has its frame rate; time stamps stay the source's own.
///
/// A target at or above the source's rate takes every frame: none is invented.
pub(crate) struct Pace {
    interval: Duration,
    all: bool,
    due: Option<MediaTime>,
}

impl Pace {
    pub(crate) fn new(target: u32, source: Option<f64>) -> Self {
        let all = source.is_some_and(|rate| f64::from(target) >= rate * 0.995);
        Self {
            interval: Duration::from_secs(1) / target.max(1),
            all,
            due: None,
        }
    }

    /// Whether the frame at this time is taken.
    pub(crate) fn takes(&mut self, at: MediaTime) -> bool {
        if self.all {
            return true;
        }
        // A source's clock jitters; a frame a quarter interval early is the one meant.
        let early = at.plus(self.interval / 4);
        match self.due {
            Some(due) if early < due => false,
            Some(due) if at.since(due) < self.interval * 4 => {
                self.due = Some(due.plus(self.interval));
                true
            }
            // The first frame, or the first after a pause.
            _ => {
                self.due = Some(at.plus(self.interval));
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn equal_rates_take_every_frame() {
        for (target, source) in [(25, 25.0), (30, 29.97), (30, 25.0)] {
            let mut pace = Pace::new(target, Some(source));
            assert!(
                (0..100).all(|n| pace.takes(MediaTime::from_nanos(n * n))),
                "{target} of {source}"
            );
        }
    }

    proptest! {
        #[test]
        fn the_rate_is_kept(target in 1u32..=30, source in 1u32..=60, jitter in 0u64..5_000_000) {
            let mut pace = Pace::new(target, Some(f64::from(source)));
            let interval = 1_000_000_000 / u64::from(source);
            let seconds = 20;
            let taken = (0..u64::from(source) * seconds)
                .filter(|n| pace.takes(MediaTime::from_nanos(n * interval + (n * 7919) % (jitter + 1))))
                .count() as i64;
            let expect = i64::from(target.min(source)) * seconds as i64;
            prop_assert!((taken - expect).abs() <= 1 + expect / 100, "{taken} of {expect}");
        }

        #[test]
        fn an_unknown_rate_is_limited(target in 1u32..=30) {
            let mut pace = Pace::new(target, None);
            let taken = (0..600u64).filter(|n| pace.takes(MediaTime::from_nanos(n * 1_000_000_000 / 60))).count();
            prop_assert!(taken.abs_diff(target as usize * 10) <= 1, "{}", taken);
        }

        #[test]
        fn a_pause_costs_nothing(pause_ms in 0u64..100_000) {
            let mut pace = Pace::new(10, Some(25.0));
            let before = (0..250u64).filter(|n| pace.takes(MediaTime::from_nanos(n * 40_000_000))).count();
            let start = 10_000_000_000 + pause_ms * 1_000_000;
            let after = (0..250u64).filter(|n| pace.takes(MediaTime::from_nanos(start + n * 40_000_000))).count();
            prop_assert!(before.abs_diff(100) <= 1 && after.abs_diff(100) <= 4, "{} {}", before, after);
        }
    }
}
