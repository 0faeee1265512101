//! How long a source that failed is left alone.

use std::time::Duration;

/// Waits of 1 s, doubled with each failure up to 30 s; a source that ran well starts anew.
#[derive(Clone, Debug, Default)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// First wait.
    pub const FIRST: Duration = Duration::from_secs(1);
    /// Longest wait.
    pub const LONGEST: Duration = Duration::from_secs(30);
    /// A source that ran this long has recovered.
    pub const WELL: Duration = Duration::from_secs(10);

    /// The wait after a failure that followed `ran` of running.
    pub fn failed(&mut self, ran: Duration) -> Duration {
        if ran >= Self::WELL {
            self.failures = 0;
        }
        let wait = Self::FIRST.saturating_mul(1 << self.failures.min(5));
        self.failures = self.failures.saturating_add(1);
        wait.min(Self::LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_to_thirty_seconds_and_start_anew_after_a_good_run() {
        let mut backoff = Backoff::default();
        let waits: Vec<u64> = (0..8)
            .map(|_| backoff.failed(Duration::ZERO).as_secs())
            .collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30, 30]);
        assert_eq!(backoff.failed(Backoff::WELL).as_secs(), 1);
        assert_eq!(backoff.failed(Duration::from_secs(9)).as_secs(), 2);
    }
}
