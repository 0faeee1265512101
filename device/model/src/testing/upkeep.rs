use lpr_core::UtcTime;
use parking_lot::Mutex;

use crate::{
    Error, Result,
    ports::{LastRun, Power, Reach, RestartNote},
};

/// A switch that only remembers; also `--host simulated`.
#[derive(Debug, Default)]
pub struct SimulatedPower {
    /// What was remembered, in order, with the scheduled moments served.
    pub notes: Mutex<Vec<(RestartNote, Option<UtcTime>)>>,
    /// Makes the memory fail.
    pub fail: Mutex<bool>,
}

impl Power for SimulatedPower {
    fn reach(&self) -> Reach {
        Reach::Simulated
    }

    fn last_run(&self) -> LastRun {
        LastRun::None
    }

    fn last_scheduled(&self) -> Option<UtcTime> {
        self.notes.lock().iter().rev().find_map(|(_, s)| *s)
    }

    fn remember(&self, note: &RestartNote, scheduled: Option<UtcTime>) -> Result<()> {
        if *self.fail.lock() {
            return Err(Error::internal("disk full"));
        }
        self.notes.lock().push((note.clone(), scheduled));
        Ok(())
    }

    fn reboot_machine(&self) -> Result<()> {
        Err(Error::Unsupported("there is no machine".into()))
    }
}
