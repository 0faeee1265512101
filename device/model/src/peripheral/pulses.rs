//! The pulses of a Wiegand frame (HW-5): which line is pulled low when.

use std::time::Duration;

use super::Frame;
use crate::{
    Result,
    ports::{WiegandPace, WiegandTimes},
};

/// Rest after a frame: controllers take a shorter one for a part of the same.
pub const FRAME_REST: Duration = Duration::from_millis(250);

/// One of the two lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataLine {
    /// A pulse here is a zero.
    D0,
    /// A pulse here is a one.
    D1,
}

/// Two lines and a time that passes.
pub trait DataLines {
    /// Pulls a line low, or lets it go.
    ///
    /// # Errors
    /// [`crate::Error::Internal`] when it does not follow.
    fn pull(&mut self, line: DataLine, low: bool) -> Result<()>;

    /// Lets at least this time pass.
    fn pass(&mut self, time: Duration);

    /// The time that has passed since any moment.
    fn now(&self) -> Duration;
}

/// Sends a frame over lines that rest high: a pulse on one of them for each bit. Both are high when it returns, and the
/// rest after the frame is over.
///
/// # Errors
/// As the lines; what was sent until then is no frame.
pub fn drive(frame: Frame, pace: WiegandPace, lines: &mut dyn DataLines) -> Result<WiegandTimes> {
    let sent = pulses(frame, pace, lines);
    if sent.is_err() {
        for line in [DataLine::D0, DataLine::D1] {
            // The first failure is told.
            let _ = lines.pull(line, false);
        }
    }
    lines.pass(FRAME_REST);
    sent
}

fn pulses(frame: Frame, pace: WiegandPace, lines: &mut dyn DataLines) -> Result<WiegandTimes> {
    let mut times = WiegandTimes::default();
    let mut before = None;
    for bit in frame.bits() {
        let line = if bit { DataLine::D1 } else { DataLine::D0 };
        let begin = lines.now();
        lines.pull(line, true)?;
        lines.pass(pace.pulse);
        lines.pull(line, false)?;
        let pulse = lines.now().saturating_sub(begin);
        times.longest_pulse = times.longest_pulse.max(pulse);
        if let Some(before) = before.replace(begin) {
            times.longest_interval = times.longest_interval.max(begin.saturating_sub(before));
        }
        lines.pass(pace.interval.saturating_sub(pace.pulse));
    }
    Ok(times)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Error,
        peripheral::Code,
        ports::WiegandOut,
        settings::{WiegandFormat, WiegandPlates},
        testing::{SimulatedWiegand, WiegandStep},
    };

    /// HW-5: one pulse a bit, never two lines at once, the times as set, a rest at the end.
    #[test]
    fn each_bit_is_one_pulse() {
        let wires = SimulatedWiegand::default();
        let pace = WiegandPlates::default().pace();
        let code = Code::new(WiegandFormat::Bits26, 0x12_3456).unwrap();
        let times = wires.send(code.into(), pace).unwrap();
        assert_eq!(
            times,
            WiegandTimes {
                longest_pulse: Duration::from_micros(50),
                longest_interval: Duration::from_micros(2000),
            }
        );
        let mut expect = Vec::new();
        for bit in Frame::from(code).bits() {
            let line = if bit { DataLine::D1 } else { DataLine::D0 };
            expect.extend([
                WiegandStep::Low(line),
                WiegandStep::Pass(Duration::from_micros(50)),
                WiegandStep::High(line),
                WiegandStep::Pass(Duration::from_micros(1950)),
            ]);
        }
        expect.push(WiegandStep::Pass(FRAME_REST));
        assert_eq!(wires.steps(), expect);
        assert_eq!(wires.heard(), [Ok(code)]);
    }

    /// A line that does not follow leaves none of them low.
    #[test]
    fn a_failure_lets_the_lines_go() {
        struct Stuck(Vec<(DataLine, bool)>);
        impl DataLines for Stuck {
            fn pull(&mut self, line: DataLine, low: bool) -> Result<()> {
                self.0.push((line, low));
                match self.0.len() {
                    4 => Err(Error::internal("stuck")),
                    _ => Ok(()),
                }
            }

            fn pass(&mut self, _: Duration) {}

            fn now(&self) -> Duration {
                Duration::ZERO
            }
        }
        let mut lines = Stuck(Vec::new());
        let code = Code::new(WiegandFormat::Bits26, 0).unwrap();
        let pace = WiegandPlates::default().pace();
        assert!(drive(code.into(), pace, &mut lines).is_err());
        let (d0, d1) = (DataLine::D0, DataLine::D1);
        let done = [(d0, true), (d0, false), (d0, true), (d0, false)];
        assert_eq!(lines.0[..4], done);
        assert_eq!(lines.0[4..], [(d0, false), (d1, false)]);
    }
}
