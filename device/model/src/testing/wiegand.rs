use std::{collections::VecDeque, time::Duration};

use parking_lot::Mutex;

use crate::{
    Error, Result,
    peripheral::{Code, DataLine, DataLines, Frame, FrameError, drive},
    ports::{WiegandOut, WiegandPace, WiegandTimes},
};

/// Frames that are remembered, at most.
const KEPT: usize = 64;

/// What happened at the lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WiegandStep {
    /// A line was pulled low.
    Low(DataLine),
    /// A line was let go.
    High(DataLine),
    /// So much time passed.
    Pass(Duration),
}

/// A Wiegand output with an access controller that reads what comes; time passes in its notes alone. Also
/// `--host simulated`.
#[derive(Debug, Default)]
pub struct SimulatedWiegand {
    /// Of the last frame.
    steps: Mutex<Vec<WiegandStep>>,
    heard: Mutex<VecDeque<Result<Code, FrameError>>>,
    fail: Mutex<bool>,
}

impl SimulatedWiegand {
    /// What happened at the lines with the last frame.
    pub fn steps(&self) -> Vec<WiegandStep> {
        self.steps.lock().clone()
    }

    /// What the controller read of late.
    pub fn heard(&self) -> Vec<Result<Code, FrameError>> {
        self.heard.lock().iter().copied().collect()
    }

    /// Makes the lines not follow, or follow again.
    pub fn fail(&self, fail: bool) {
        *self.fail.lock() = fail;
    }
}

struct Notes {
    steps: Vec<WiegandStep>,
    now: Duration,
}

impl DataLines for Notes {
    fn pull(&mut self, line: DataLine, low: bool) -> Result<()> {
        let step = if low {
            WiegandStep::Low
        } else {
            WiegandStep::High
        };
        self.steps.push(step(line));
        Ok(())
    }

    fn pass(&mut self, time: Duration) {
        self.steps.push(WiegandStep::Pass(time));
        self.now += time;
    }

    fn now(&self) -> Duration {
        self.now
    }
}

impl WiegandOut for SimulatedWiegand {
    fn send(&self, frame: Frame, pace: WiegandPace) -> Result<WiegandTimes> {
        if *self.fail.lock() {
            return Err(Error::internal("the line does not follow"));
        }
        let mut notes = Notes {
            steps: Vec::new(),
            now: Duration::ZERO,
        };
        let times = drive(frame, pace, &mut notes)?;
        let bits = notes.steps.iter().filter_map(|step| match step {
            WiegandStep::Low(line) => Some(*line == DataLine::D1),
            _ => None,
        });
        let bits: Vec<bool> = bits.collect();
        let mut heard = self.heard.lock();
        heard.push_back(Frame::read(&bits));
        if heard.len() > KEPT {
            heard.pop_front();
        }
        *self.steps.lock() = notes.steps;
        Ok(times)
    }
}
