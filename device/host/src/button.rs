//! The reset button on a line of a GPIO character device (HW-10).

use std::time::Duration;

use gpiocdev::{
    Request,
    line::{EdgeDetection, EdgeKind, Value},
};
use platecam_model::{
    Error, Result,
    ports::{ButtonLine, ResetButton},
};

/// Contacts bounce for a few milliseconds.
const DEBOUNCE: Duration = Duration::from_millis(20);

/// A button at a GPIO line, debounced by the kernel.
#[derive(Debug)]
pub struct GpioButton {
    request: Request,
    line: ButtonLine,
}

impl GpioButton {
    /// Takes the line for this process.
    ///
    /// # Errors
    /// [`Error::Unsupported`] naming chip and line when it cannot be had.
    pub fn open(line: ButtonLine) -> Result<Self> {
        let mut builder = Request::builder();
        builder
            .on_chip(&line.chip)
            .with_consumer("platecam reset")
            .with_line(line.line)
            .as_input()
            .with_edge_detection(EdgeDetection::BothEdges)
            .with_debounce_period(DEBOUNCE);
        if line.active_low {
            builder.as_active_low();
        }
        let request = builder.request().map_err(|e| {
            let (chip, line) = (&line.chip, line.line);
            Error::Unsupported(format!("reset button at {chip} line {line}: {e}"))
        })?;
        Ok(Self { request, line })
    }
}

impl ResetButton for GpioButton {
    fn wait(&mut self, timeout: Duration) -> Result<bool> {
        let gone = |e: gpiocdev::Error| {
            let (chip, line) = (&self.line.chip, self.line.line);
            Error::internal(format!("reset button at {chip} line {line}: {e}"))
        };
        // One edge at a time: a short release between two looks must not be missed.
        if self.request.wait_edge_event(timeout).map_err(gone)? {
            let event = self.request.read_edge_event().map_err(gone)?;
            return Ok(event.kind == EdgeKind::Rising);
        }
        let value = self.request.value(self.line.line).map_err(gone)?;
        Ok(value == Value::Active)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_line_is_named() {
        let line = ButtonLine {
            chip: "/dev/gpiochip999".into(),
            line: 7,
            active_low: true,
        };
        let e = GpioButton::open(line).unwrap_err();
        assert!(
            matches!(&e, Error::Unsupported(t) if t.contains("gpiochip999 line 7")),
            "{e}"
        );
    }
}
