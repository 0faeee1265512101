use lpr_core::UtcTime;
use serde::{Deserialize, Serialize};

use crate::Result;

/// Why the unit restarts: kept over the restart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestartNote {
    /// One sentence without secrets.
    pub reason: String,
    /// Who wanted it, as [`crate::Actor`] shows itself.
    pub by: String,
    /// When.
    pub at: UtcTime,
}

/// How the run before this one ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LastRun {
    /// There was none.
    None,
    /// Somebody or a schedule wanted the restart.
    Wanted(RestartNote),
    /// It was stopped from outside and ended cleanly.
    Stopped,
    /// It did not end cleanly: power cut, crash, kill (HW-7).
    Lost,
}

/// What a reboot does here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Reach {
    /// The machine boots.
    Machine,
    /// The process begins anew.
    Process,
    /// Nothing but a note in memory.
    Simulated,
}

/// The power switch, and the memory of why it was used.
pub trait Power: Send + Sync {
    /// What a reboot does.
    fn reach(&self) -> Reach;

    /// How the run before this one ended; the same during the whole run.
    fn last_run(&self) -> LastRun;

    /// When the last scheduled restart was due; `None` before the first one.
    fn last_scheduled(&self) -> Option<UtcTime>;

    /// Keeps why the unit restarts; durable when it returns. `scheduled` is the moment of Auto Restart
    /// that this restart serves, so that no moment is served twice.
    ///
    /// # Errors
    /// [`crate::Error::Internal`] when it cannot be kept.
    fn remember(&self, note: &RestartNote, scheduled: Option<UtcTime>) -> Result<()>;

    /// Boots the machine. Called at the end of an orderly stop, when [`Power::reach`] is the machine.
    ///
    /// # Errors
    /// [`crate::Error::Unsupported`] with what the system said.
    fn reboot_machine(&self) -> Result<()>;
}
