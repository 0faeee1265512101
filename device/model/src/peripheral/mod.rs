//! Plates to devices that are wired to the unit (GEN-23, HW-4, HW-5): a line on a serial port, a number on Wiegand.
//!
//! Each way has a short queue. What could not be sent in time is not sent any more, and nothing is sent twice: at the other
//! end a barrier opens.

mod line;
mod outbox;
mod pulses;
mod send;
#[cfg(test)]
mod tests;
mod wiegand;

use std::time::Duration;

pub use line::{DEFAULT_LINE, LINE_TOKENS, LineError, LineRule, Passed, shown};
use outbox::Outbox;
use parking_lot::Mutex;
pub use pulses::{DataLine, DataLines, FRAME_REST, drive};
pub use send::PlateNumber;
pub use wiegand::{Code, Frame, FrameError, NoNumber};

/// The ways of a plate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlateWay {
    /// A serial port.
    Serial,
    /// The Wiegand output.
    Wiegand,
}

impl PlateWay {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Serial, Self::Wiegand];

    /// For sentences.
    const fn what(self) -> &'static str {
        match self {
            Self::Serial => "serial port",
            Self::Wiegand => "Wiegand output",
        }
    }
}

/// Plates on their way. Nothing runs while none waits: who sends them waits for [`Self::wanted`].
#[derive(Debug, Default)]
pub struct Peripherals {
    serial: Outbox,
    wiegand: Outbox,
    /// Until then, monotonic time, pulses that were late are not told again.
    late_pulses_told: Mutex<Duration>,
}

impl Peripherals {
    /// Returns when a plate waits for this way.
    pub async fn wanted(&self, way: PlateWay) {
        self.outbox(way).wanted().await;
    }

    fn outbox(&self, way: PlateWay) -> &Outbox {
        match way {
            PlateWay::Serial => &self.serial,
            PlateWay::Wiegand => &self.wiegand,
        }
    }
}
