use std::time::Duration;

use lpr_core::UtcTime;

/// A difference between wall and monotonic clock from which on it counts as set rather than slewed.
/// chrony slews at most 83 333 ppm by default: within a second that stays below.
pub const JUMP: Duration = Duration::from_millis(500);

/// Tells from pairs of wall and monotonic time when somebody set the wall clock (SYS-16).
///
/// Look at least once a second: slow corrections (slewing) add up between two looks.
#[derive(Clone, Copy, Debug)]
pub struct JumpDetector {
    wall: UtcTime,
    monotonic: Duration,
}

impl JumpDetector {
    /// Starts with the two clocks of one moment.
    pub const fn new(wall: UtcTime, monotonic: Duration) -> Self {
        Self { wall, monotonic }
    }

    /// The clocks of a later moment; `Some` is what the wall clock should have read when it jumped.
    pub fn look(&mut self, wall: UtcTime, monotonic: Duration) -> Option<UtcTime> {
        let expected = self.wall + monotonic.saturating_sub(self.monotonic);
        *self = Self { wall, monotonic };
        (expected.abs_diff(wall) >= JUMP).then_some(expected)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: i64 = 1_795_000_000_000;

    fn at(ms: i64) -> UtcTime {
        UtcTime::from_millis(ms)
    }

    #[test]
    fn tells_jumps_forward_and_back_once() {
        let mut d = JumpDetector::new(at(START), Duration::from_secs(5));
        assert_eq!(d.look(at(START + 1000), Duration::from_secs(6)), None);
        let forward = d.look(at(START + 3_602_000), Duration::from_secs(7));
        assert_eq!(forward, Some(at(START + 2000)));
        assert_eq!(
            d.look(at(START + 3_603_000), Duration::from_secs(8)),
            None,
            "told once"
        );
        let back = d.look(at(START), Duration::from_secs(9));
        assert_eq!(back, Some(at(START + 3_604_000)));
        // The monotonic clock does not count a suspended machine: the wall clock jumps.
        assert_eq!(d.look(at(START + 499), Duration::from_secs(9)), None);
        assert!(d.look(at(START + 999), Duration::from_secs(9)).is_some());
    }

    proptest! {
        #[test]
        fn neither_slow_looks_nor_slewing_are_jumps(steps in prop::collection::vec((0u64..5_000, -80i64..80), 1..50)) {
            let (mut wall, mut mono) = (START, 0u64);
            let mut d = JumpDetector::new(at(wall), Duration::ZERO);
            for (step, slew) in steps {
                mono += step;
                wall += step as i64 + step as i64 * slew / 1000;
                prop_assert_eq!(d.look(at(wall), Duration::from_millis(mono)), None);
            }
        }

        #[test]
        fn every_jump_is_told_with_its_size(step in 0u64..5_000, jump in prop_oneof![500i64..1_000_000_000, -1_000_000_000i64..-500]) {
            let mut d = JumpDetector::new(at(START), Duration::ZERO);
            let wall = START + step as i64 + jump;
            prop_assert_eq!(d.look(at(wall), Duration::from_millis(step)), Some(at(START + step as i64)));
        }
    }
}
