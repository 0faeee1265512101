//! How busy the processors are, told when it changes.

use std::time::Duration;

use platecam_model::ports::{Machine, ProcessorTimes};

/// How often it is measured: the value is the mean over this time.
pub(super) const EVERY: Duration = Duration::from_secs(10);
/// A smaller change is not told, per cent of all processors.
const STEP: f64 = 5.0;

/// What was measured and told last.
#[derive(Debug, Default)]
pub(super) struct Load {
    before: ProcessorTimes,
    told: Option<f64>,
}

impl Load {
    /// Mean usage since the last look, the first time since the machine was started; per cent.
    pub(super) fn look(&mut self, machine: &dyn Machine) -> f64 {
        let now = machine.processors();
        now.usage_since(std::mem::replace(&mut self.before, now))
    }

    /// The same, if it is worth telling.
    pub(super) fn news(&mut self, machine: &dyn Machine) -> Option<f64> {
        let usage = self.look(machine);
        // The state that a subscriber begins with is the first look.
        let told = *self.told.get_or_insert(usage);
        ((usage - told).abs() >= STEP).then(|| {
            self.told = Some(usage);
            usage
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_is_a_share_of_the_time_between_two_looks() {
        let times = |busy, all| ProcessorTimes { busy, all };
        assert_eq!(times(30.0, 120.0).usage_since(times(20.0, 100.0)), 50.0);
        assert_eq!(times(20.0, 100.0).usage_since(times(20.0, 100.0)), 0.0);
        // A counter of iowait may go back (proc(5)).
        assert_eq!(times(19.0, 101.0).usage_since(times(20.0, 100.0)), 0.0);
    }
}
