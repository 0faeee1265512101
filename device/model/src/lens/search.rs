//! Finds the sharpest position: over the whole way in bounded steps, then ever closer around the best. Pure.

use std::collections::VecDeque;

/// Steps of the first walk over the whole way.
const WALK: u32 = 16;

/// One search. Each position that is looked at is named by [`Search::next`] and answered by [`Search::saw`].
#[derive(Clone, Debug)]
pub(super) struct Search {
    travel: u32,
    step: u32,
    waiting: VecDeque<u32>,
    best: (u32, f32),
}

impl Search {
    /// Begins where the motor is: it stays there if nothing is sharper.
    pub(super) fn new(travel: u32, from: u32) -> Self {
        let step = (travel / WALK).max(1);
        let mut waiting = VecDeque::from([from]);
        // From the nearer end, so that a motor with play comes to all positions from one side.
        let walk = (0..=travel / step).map(|n| n * step);
        if from > travel / 2 {
            waiting.extend(walk.rev());
        } else {
            waiting.extend(walk);
        }
        Self {
            travel,
            step,
            waiting,
            best: (from, -1.0),
        }
    }

    /// Where to look next; `None` when the best is found.
    pub(super) fn next(&mut self) -> Option<u32> {
        if self.waiting.is_empty() && self.step > 1 {
            let wide = self.step;
            self.step = (wide / 4).max(1);
            let (best, step) = (self.best.0, self.step);
            let around = (1..=(wide - 1) / step).flat_map(|n| {
                let lower = best.checked_sub(n * step);
                let upper = Some(best + n * step).filter(|to| *to <= self.travel);
                [lower, upper]
            });
            let mut around: Vec<u32> = around.flatten().collect();
            around.sort_unstable();
            self.waiting = around.into();
        }
        self.waiting.pop_front()
    }

    /// So sharp it was there.
    pub(super) fn saw(&mut self, at: u32, sharpness: f32) {
        if sharpness > self.best.1 {
            self.best = (at, sharpness);
        }
    }

    /// The best position and its sharpness.
    pub(super) fn best(&self) -> (u32, f32) {
        self.best
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Where it ends, and after how many looks.
    fn run(travel: u32, from: u32, sharp: impl Fn(u32) -> f32) -> (u32, u32) {
        let mut search = Search::new(travel, from);
        let mut looks = 0;
        while let Some(at) = search.next() {
            assert!(at <= travel);
            search.saw(at, sharp(at));
            looks += 1;
        }
        (search.best().0, looks)
    }

    proptest! {
        /// LPRCFG-10: one peak is found exactly, wherever the lens is, in a bounded number of looks.
        #[test]
        fn the_peak_is_found(travel in 1u32..4000, from in 0u32..4000, peak in 0u32..4000) {
            let (from, peak) = (from.min(travel), peak.min(travel));
            let (found, looks) = run(travel, from, |at| 1.0 / (1.0 + at.abs_diff(peak) as f32));
            prop_assert_eq!(found, peak);
            prop_assert!(looks < 70, "{} looks", looks);
        }
    }

    #[test]
    fn where_nothing_is_sharper_the_lens_stays() {
        assert_eq!(run(1000, 333, |_| 5.0).0, 333);
    }
}
