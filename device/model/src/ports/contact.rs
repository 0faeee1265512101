use std::time::Duration;

use crate::Result;

/// Where a contact is wired: the reset button, an alarm input (HW-3, HW-10).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContactLine {
    /// GPIO character device, for example `/dev/gpiochip0`.
    pub chip: String,
    /// Line of the chip.
    pub line: u32,
    /// The closed contact, the pressed button, pulls the line low.
    pub active_low: bool,
}

/// A contact, debounced: a push button, an alarm input.
pub trait Contact: Send {
    /// Waits until the contact changes or `timeout` is over; tells whether it is closed then. One change at a time:
    /// short ones are not missed.
    ///
    /// # Errors
    /// [`crate::Error::Internal`] when the line is gone.
    fn wait(&mut self, timeout: Duration) -> Result<bool>;
}
