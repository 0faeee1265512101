//! The Wiegand output on two lines of a GPIO character device (HW-5).
//!
//! The pulses are made by a thread of their own, which waits for the end of each pulse without sleeping and asks for a high
//! priority. User space has no guarantee beyond that: a pulse or the time between two can become longer, never shorter,
//! and how long they were is measured and told.

use std::{
    fmt,
    path::PathBuf,
    str::FromStr,
    sync::mpsc,
    time::{Duration, Instant},
};

use gpiocdev::{Request, line::Value};
use parking_lot::Mutex;
use platecam_model::{
    Error, Result,
    peripheral::{DataLine, DataLines, Frame, drive},
    ports::{WiegandOut, WiegandPace, WiegandTimes},
};

/// A sleep ends late by up to so much; the rest of a time is waited for awake.
const AWAKE: Duration = Duration::from_micros(300);
/// The longest frame takes less than a second; others wait so long for their turn.
const TURN: Duration = Duration::from_secs(2);
/// A frame is sent by then, or the thread is gone.
const SENT_WITHIN: Duration = Duration::from_secs(10);
/// What the thread asks for; the package's unit allows it (`LimitNICE`).
const NICE: i32 = -20;

/// The lines as the command line names them: `/dev/gpiochip0:23,24`, with `:inverted` behind where transistors turn them
/// round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WiegandLines {
    /// The character device.
    pub chip: PathBuf,
    /// Offset of D0.
    pub d0: u32,
    /// Offset of D1.
    pub d1: u32,
    /// A high line of the chip is a low one of Wiegand.
    pub inverted: bool,
}

impl FromStr for WiegandLines {
    type Err = String;

    fn from_str(s: &str) -> std::result::Result<Self, String> {
        let (lines, inverted) = match s.strip_suffix(":inverted") {
            Some(lines) => (lines, true),
            None => (s, false),
        };
        lines
            .rsplit_once(':')
            .filter(|(chip, _)| chip.starts_with("/dev/"))
            .and_then(|(chip, lines)| {
                let (d0, d1) = lines.split_once(',')?;
                Some(Self {
                    chip: chip.into(),
                    d0: d0.parse().ok()?,
                    d1: d1.parse().ok()?,
                    inverted,
                })
            })
            .filter(|lines| lines.d0 != lines.d1)
            .ok_or_else(|| {
                format!("'{s}' is not two lines such as /dev/gpiochip0:23,24, D0 before D1")
            })
    }
}

impl fmt::Display for WiegandLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inverted = if self.inverted { ":inverted" } else { "" };
        let (chip, d0, d1) = (self.chip.display(), self.d0, self.d1);
        write!(f, "{chip}:{d0},{d1}{inverted}")
    }
}

struct Job {
    frame: Frame,
    pace: WiegandPace,
    sent: mpsc::Sender<Result<WiegandTimes>>,
}

/// The lines, held for the whole run; they rest high.
#[derive(Debug)]
pub struct GpioWiegand {
    /// Held by whoever sends.
    turn: Mutex<mpsc::Sender<Job>>,
}

impl GpioWiegand {
    /// Takes the lines.
    ///
    /// # Errors
    /// [`Error::Unsupported`] naming the lines that cannot be had, [`Error::Internal`] without a thread.
    pub fn open(lines: &WiegandLines) -> Result<Self> {
        let mut builder = Request::builder();
        builder
            .on_chip(&lines.chip)
            .with_consumer("platecam")
            .with_lines(&[lines.d0, lines.d1])
            .as_output(Value::Inactive);
        if !lines.inverted {
            // A pulse is an active line.
            builder.as_active_low();
        }
        let request = builder
            .request()
            .map_err(|e| Error::Unsupported(format!("{lines}: {e}")))?;
        let (jobs, queue) = mpsc::channel();
        let mut wires = Wires {
            request,
            lines: lines.clone(),
            start: Instant::now(),
        };
        std::thread::Builder::new()
            .name("wiegand".into())
            .spawn(move || serve(&mut wires, &queue))
            .map_err(Error::internal)?;
        Ok(Self {
            turn: Mutex::new(jobs),
        })
    }
}

/// Sends frames until nobody can ask for one any more.
fn serve(wires: &mut Wires, queue: &mpsc::Receiver<Job>) {
    // Linux gives each thread its own.
    if let Err(e) = rustix::process::setpriority_process(None, NICE) {
        tracing::info!(error = %e, "Wiegand pulses go out without a high priority");
    }
    for job in queue {
        // Who asked may have given up.
        let _ = job.sent.send(drive(job.frame, job.pace, wires));
    }
}

impl WiegandOut for GpioWiegand {
    fn send(&self, frame: Frame, pace: WiegandPace) -> Result<WiegandTimes> {
        let busy = || Error::Exhausted {
            what: "turns at the Wiegand output",
            limit: 1,
        };
        let jobs = self.turn.try_lock_for(TURN).ok_or_else(busy)?;
        let (sent, done) = mpsc::channel();
        let gone = || Error::internal("the Wiegand thread is gone");
        jobs.send(Job { frame, pace, sent }).map_err(|_| gone())?;
        done.recv_timeout(SENT_WITHIN).map_err(|_| gone())?
    }
}

struct Wires {
    request: Request,
    lines: WiegandLines,
    start: Instant,
}

impl DataLines for Wires {
    fn pull(&mut self, line: DataLine, low: bool) -> Result<()> {
        let (name, offset) = match line {
            DataLine::D0 => ("D0", self.lines.d0),
            DataLine::D1 => ("D1", self.lines.d1),
        };
        let value = if low { Value::Active } else { Value::Inactive };
        let set = self.request.set_value(offset, value);
        set.map_err(|e| Error::internal(format!("Wiegand {name} at {}: {e}", self.lines)))
    }

    fn pass(&mut self, time: Duration) {
        pass(time);
    }

    fn now(&self) -> Duration {
        self.start.elapsed()
    }
}

/// Waits no less than this time, and little more while the processor is free.
fn pass(time: Duration) {
    let end = Instant::now() + time;
    if let Some(asleep) = time.checked_sub(AWAKE).filter(|t| !t.is_zero()) {
        std::thread::sleep(asleep);
    }
    while Instant::now() < end {
        std::hint::spin_loop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_a_chip_and_two_offsets() {
        let named = "/dev/gpiochip0:23,24";
        let lines: WiegandLines = named.parse().unwrap();
        assert_eq!((lines.d0, lines.d1, lines.inverted), (23, 24, false));
        assert_eq!(lines.to_string(), named);
        let named = "/dev/gpiochip1:0,9:inverted";
        let lines: WiegandLines = named.parse().unwrap();
        assert!(lines.inverted);
        assert_eq!(lines.to_string(), named);
        for bad in [
            "",
            "23,24",
            "gpiochip0:23,24",
            "/dev/gpiochip0:23",
            "/dev/gpiochip0:23,23",
            "/dev/gpiochip0:23,-1",
            "/dev/gpiochip0:23,24,25",
            "/dev/gpiochip0:23,24:upside",
        ] {
            let e = bad.parse::<WiegandLines>().unwrap_err();
            assert!(e.contains("/dev/gpiochip0:23,24"), "{bad}");
        }
    }

    /// HW-5: times are never shorter than asked for.
    #[test]
    fn no_time_is_cut_short() {
        for micros in [1, 50, 299, 300, 301, 2000] {
            let (time, begin) = (Duration::from_micros(micros), Instant::now());
            pass(time);
            assert!(begin.elapsed() >= time, "{micros}");
        }
    }

    #[test]
    fn lines_that_are_not_there_are_named() {
        let lines: WiegandLines = "/dev/no-such-chip:3,4".parse().unwrap();
        let e = GpioWiegand::open(&lines).unwrap_err();
        assert!(
            matches!(&e, Error::Unsupported(t) if t.contains("/dev/no-such-chip:3,4")),
            "{e}"
        );
    }
}
