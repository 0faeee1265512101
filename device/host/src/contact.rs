//! Contacts: on lines of a GPIO character device (HW-3, HW-10), and simulated ones.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use gpiocdev::{
    Request,
    line::{EdgeDetection, EdgeKind, Value},
};
use platecam_model::{
    Error, Result,
    ports::{Contact, ContactLine},
};

/// Contacts bounce for a few milliseconds.
const DEBOUNCE: Duration = Duration::from_millis(20);

/// A contact at a GPIO line, debounced by the kernel.
#[derive(Debug)]
pub struct GpioContact {
    request: Request,
    line: ContactLine,
}

impl GpioContact {
    /// Takes the line for this process.
    ///
    /// # Errors
    /// [`Error::Unsupported`] naming chip and line when it cannot be had.
    pub fn open(line: ContactLine) -> Result<Self> {
        let mut builder = Request::builder();
        builder
            .on_chip(&line.chip)
            .with_consumer("platecam")
            .with_line(line.line)
            .as_input()
            .with_edge_detection(EdgeDetection::BothEdges)
            .with_debounce_period(DEBOUNCE);
        if line.active_low {
            builder.as_active_low();
        }
        let request = builder.request().map_err(|e| {
            let (chip, line) = (&line.chip, line.line);
            Error::Unsupported(format!("contact at {chip} line {line}: {e}"))
        })?;
        Ok(Self { request, line })
    }
}

impl Contact for GpioContact {
    fn wait(&mut self, timeout: Duration) -> Result<bool> {
        let gone = |e: gpiocdev::Error| {
            let (chip, line) = (&self.line.chip, self.line.line);
            Error::internal(format!("contact at {chip} line {line}: {e}"))
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

/// How often a simulated contact is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// A contact that is closed while a file says `1`: for `--host simulated`.
#[derive(Debug)]
pub struct FileContact {
    path: PathBuf,
    closed: bool,
}

impl FileContact {
    /// The contact of this file, which need not be there.
    pub fn new(path: PathBuf) -> Self {
        let closed = false;
        Self { path, closed }
    }
}

impl Contact for FileContact {
    fn wait(&mut self, timeout: Duration) -> Result<bool> {
        let end = Instant::now() + timeout;
        loop {
            let text = std::fs::read(&self.path).unwrap_or_default();
            let closed = text.starts_with(b"1");
            if std::mem::replace(&mut self.closed, closed) != closed || Instant::now() >= end {
                return Ok(closed);
            }
            std::thread::sleep(LOOK);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_closes_a_simulated_contact() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("input1");
        let mut contact = FileContact::new(path.clone());
        assert!(!contact.wait(Duration::ZERO).unwrap());
        std::fs::write(&path, "1").unwrap();
        assert!(contact.wait(Duration::from_secs(60)).unwrap());
        std::fs::write(&path, "0").unwrap();
        assert!(!contact.wait(Duration::from_secs(60)).unwrap());
    }

    #[test]
    fn a_missing_line_is_named() {
        let line = ContactLine {
            chip: "/dev/gpiochip999".into(),
            line: 7,
            active_low: true,
        };
        let e = GpioContact::open(line).unwrap_err();
        assert!(
            matches!(&e, Error::Unsupported(t) if t.contains("gpiochip999 line 7")),
            "{e}"
        );
    }
}
