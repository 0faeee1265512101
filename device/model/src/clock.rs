use std::time::{Duration, Instant, SystemTime};

use lpr_core::UtcTime;

/// Where time comes from; a port, so that tests and replays decide it.
pub trait Clock: Send + Sync + 'static {
    /// The wall clock: may jump when somebody sets it.
    fn now(&self) -> UtcTime;
    /// Time since an arbitrary start; never jumps. For time-outs, lock-outs and expiry.
    fn monotonic(&self) -> Duration;
}

/// The machine's clock.
#[derive(Debug)]
pub struct SystemClock {
    start: Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self {
            start: Instant::now(),
        }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> UtcTime {
        chrono::DateTime::<chrono::Utc>::from(SystemTime::now()).into()
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }
}
