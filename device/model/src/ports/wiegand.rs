//! The Wiegand output: two lines to an access controller (HW-5).

use std::time::Duration;

use crate::{Result, peripheral::Frame};

/// The times of pulses, each at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WiegandPace {
    /// How long a line is pulled low.
    pub pulse: Duration,
    /// From the begin of a pulse to the begin of the next; longer than the pulse.
    pub interval: Duration,
}

/// How a frame went out; what is no real-time system is late at times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WiegandTimes {
    /// The longest pulse.
    pub longest_pulse: Duration,
    /// The longest time from the begin of a pulse to the begin of the next.
    pub longest_interval: Duration,
}

/// Two lines, D0 and D1, which rest high. Whoever sends is alone at them.
pub trait WiegandOut: Send + Sync {
    /// Sends a frame, and returns when the next one may follow.
    ///
    /// # Errors
    /// [`crate::Error::Exhausted`] while another is sent, [`crate::Error::Internal`] when a line does not follow.
    fn send(&self, frame: Frame, pace: WiegandPace) -> Result<WiegandTimes>;
}
