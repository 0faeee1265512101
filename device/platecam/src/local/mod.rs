//! Administration from the machine itself: one set of requests, answered by the running camera through a socket
//! in its state directory, or by this process where no camera runs.
//!
//! A subcommand builds a [`Request`] and calls [`ask`]; `docs/reference/cli.md` says how to add one.

mod answer;
mod follow;
mod log;
mod offline;
mod people;
mod socket;

use std::{
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use platecam_host::{StateDir, StateDirError};
use platecam_model::{Actor, Origin, Permissions};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) use log::{LogRequest, Wanted};
pub(crate) use people::PeopleRequest;
pub(crate) use socket::{Socket, serve};

use crate::{Failure, cli::exit};

/// The socket's name in the state directory.
const SOCKET: &str = "control.sock";

/// What the command line asks of a camera. Never logged as a whole: it may hold passwords.
#[derive(Deserialize, Serialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Request {
    /// Sections: one, or all.
    Get {
        /// Its key.
        key: Option<String>,
    },
    /// Changes, all or none.
    Set {
        /// One for each section.
        changes: Vec<Change>,
    },
    /// Changes that were made to a section, newest first.
    History {
        /// Its key.
        key: String,
        /// How many, 1 to 200.
        limit: usize,
    },
    /// The whole configuration as a file, or some sections.
    Export {
        /// Their keys; all without.
        sections: Option<Vec<String>>,
        /// Encrypts the file, and lets secrets travel.
        password: Option<String>,
    },
    /// Takes over an exported file, all or nothing.
    Import {
        /// Its text.
        file: String,
        /// Of an encrypted file.
        password: Option<String>,
        /// Only tells what would change.
        dry_run: bool,
    },
    /// Defaults for everything but what keeps the unit reachable.
    Restore,
    /// Factory default.
    Reset {
        /// Whether records and pictures go as well.
        records: bool,
    },
    /// Users and groups.
    People {
        /// What about them.
        request: PeopleRequest,
    },
    /// System log and audit trail.
    Log {
        /// What of it.
        request: LogRequest,
    },
}

/// A change of one section.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Change {
    /// The section's key.
    pub(crate) key: String,
    /// JSON merge patch.
    pub(crate) value: Value,
    /// The revision it was made for.
    pub(crate) revision: u64,
}

/// Who works on the machine: the owner of the state directory may do everything.
fn actor() -> Actor {
    Actor {
        permissions: Permissions::all(),
        ..Actor::anonymous(Origin::Local, None)
    }
}

/// A state directory that no camera holds, or the socket of the one that does.
enum Found {
    Free(StateDir),
    Held(PathBuf),
}

fn find(state_dir: &Path) -> Result<Found, Failure> {
    if !state_dir.join("platecam.db").exists() {
        let text = format!(
            "{} is no state directory of a camera (--state-dir)",
            state_dir.display()
        );
        return Err(Failure::new(exit::STATE, text));
    }
    match StateDir::open(state_dir) {
        Ok(dir) => Ok(Found::Free(dir)),
        Err(StateDirError::InUse(path)) => Ok(Found::Held(path.join(SOCKET))),
        Err(e) => Err(Failure::new(exit::STATE, e)),
    }
}

/// Asks the camera of this state directory, whether it runs or not.
///
/// # Errors
/// [`Failure`] with [`exit::STATE`] when there is no such camera or it does not answer, [`exit::FAILED`] with what
/// it refused.
pub(crate) fn ask(state_dir: &Path, request: &Request) -> Result<Value, Failure> {
    match find(state_dir)? {
        Found::Free(dir) => offline::ask(dir, request),
        Found::Held(socket) => socket::ask(&socket, request),
    }
}

/// Follows the log of a running camera: gives `take` the first answer and each later one, until it has enough.
///
/// # Errors
/// [`Failure`] with [`exit::STATE`] when no camera runs or it ends, [`exit::FAILED`] with what it refused.
pub(crate) fn follow(
    state_dir: &Path,
    wanted: Wanted,
    take: impl FnMut(Value) -> Result<ControlFlow<()>, Failure>,
) -> Result<(), Failure> {
    match find(state_dir)? {
        Found::Held(socket) => {
            let request = LogRequest::Follow(wanted);
            follow::follow(&socket, &Request::Log { request }, take)
        }
        Found::Free(_) => {
            let text = "no camera runs on this state directory: nothing new comes to follow";
            Err(Failure::new(exit::STATE, text))
        }
    }
}
