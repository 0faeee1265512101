use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::{Duration, Instant, SystemTime},
};

use lpr_core::UtcTime;

/// Where time comes from; a port, so that tests and replays decide it.
pub trait Clock: Send + Sync + 'static {
    /// The wall clock: may jump when somebody sets it.
    fn now(&self) -> UtcTime;
    /// Time since an arbitrary start; never jumps. For time-outs, lock-outs and expiry.
    fn monotonic(&self) -> Duration;
}

/// A clock of this process that can be set without touching the machine's (`--host simulated`, tests).
pub trait SettableClock: Clock {
    /// From now on the wall clock reads on from `to`.
    fn set(&self, to: UtcTime);
}

/// The machine's clock, shifted by what [`SettableClock::set`] asked for: by nothing otherwise.
#[derive(Debug)]
pub struct SystemClock {
    start: Instant,
    /// Microseconds.
    shift: AtomicI64,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self {
            start: Instant::now(),
            shift: AtomicI64::new(0),
        }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> UtcTime {
        let machine = machine_time().as_micros();
        UtcTime::from_micros(machine + self.shift.load(Ordering::Relaxed))
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }
}

impl SettableClock for SystemClock {
    fn set(&self, to: UtcTime) {
        let shift = to.as_micros().saturating_sub(machine_time().as_micros());
        self.shift.store(shift, Ordering::Relaxed);
    }
}

fn machine_time() -> UtcTime {
    chrono::DateTime::<chrono::Utc>::from(SystemTime::now()).into()
}
