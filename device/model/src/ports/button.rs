use std::time::Duration;

use crate::Result;

/// Where the reset button is wired (HW-10).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ButtonLine {
    /// GPIO character device, for example `/dev/gpiochip0`.
    pub chip: String,
    /// Line of the chip.
    pub line: u32,
    /// Pressed pulls the line low.
    pub active_low: bool,
}

/// A push button, debounced.
pub trait ResetButton: Send {
    /// Waits until the button changes or `timeout` is over; tells whether it is pressed then.
    ///
    /// # Errors
    /// [`crate::Error::Internal`] when the line is gone.
    fn wait(&mut self, timeout: Duration) -> Result<bool>;
}
