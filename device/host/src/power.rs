use std::{fs, io, path::PathBuf, process::Command};

use parking_lot::Mutex;
use platecam_model::{
    Error, Result, UtcTime,
    ports::{LastRun, Power, Reach, RestartNote},
};
use serde::{Deserialize, Serialize};

use crate::{HostMode, StateDir, state_dir::write_atomic};

/// The power switch of this host; why it was used is a file of the state directory.
#[derive(Debug)]
pub struct HostPower {
    mode: HostMode,
    path: PathBuf,
    kept: Mutex<Kept>,
    last: LastRun,
}

/// The file's content.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Kept {
    /// Why the run that wrote it ends.
    note: Option<RestartNote>,
    /// The last moment of Auto Restart that was served.
    scheduled: Option<UtcTime>,
    /// Whether the run ended in order.
    clean: bool,
}

impl HostPower {
    /// Reads how the last run ended and notes that this one runs.
    ///
    /// # Errors
    /// [`Error::Internal`] when the state directory cannot be written.
    pub fn open(dir: &StateDir, mode: HostMode) -> Result<Self> {
        let path = dir.join("run.json");
        let before: Option<Kept> = match fs::read(&path) {
            // A file that cannot be read tells as much as a lost run: nothing is refused for it.
            Ok(bytes) => Some(serde_json::from_slice(&bytes).unwrap_or_default()),
            Err(e) if e.kind() == io::ErrorKind::NotFound => None,
            Err(e) => return Err(Error::internal(format!("{}: {e}", path.display()))),
        };
        let (last, scheduled) = match before {
            None => (LastRun::None, None),
            Some(kept) => {
                let last = match (kept.note, kept.clean) {
                    (Some(note), _) => LastRun::Wanted(note),
                    (None, true) => LastRun::Stopped,
                    (None, false) => LastRun::Lost,
                };
                (last, kept.scheduled)
            }
        };
        let power = Self {
            mode,
            path,
            kept: Mutex::new(Kept::default()),
            last,
        };
        power.keep(Kept {
            scheduled,
            ..Kept::default()
        })?;
        Ok(power)
    }

    /// Notes that this run ends in order; a reason noted before stays.
    pub fn ends(&self) {
        let kept = Kept {
            clean: true,
            ..self.kept.lock().clone()
        };
        if let Err(e) = self.keep(kept) {
            tracing::warn!(error = ?e, "the next start will take this stop for a power cut");
        }
    }

    fn keep(&self, kept: Kept) -> Result<()> {
        let mut held = self.kept.lock();
        let bytes = serde_json::to_vec(&kept).map_err(Error::internal)?;
        write_atomic(&self.path, &bytes, 0o600)
            .map_err(|e| Error::internal(format!("{}: {e}", self.path.display())))?;
        *held = kept;
        Ok(())
    }
}

impl Power for HostPower {
    fn reach(&self) -> Reach {
        match self.mode {
            HostMode::System => Reach::Machine,
            HostMode::Observe => Reach::Process,
            HostMode::Simulated => Reach::Simulated,
        }
    }

    fn last_run(&self) -> LastRun {
        self.last.clone()
    }

    fn last_scheduled(&self) -> Option<UtcTime> {
        self.kept.lock().scheduled
    }

    fn remember(&self, note: &RestartNote, scheduled: Option<UtcTime>) -> Result<()> {
        let before = self.kept.lock().scheduled;
        self.keep(Kept {
            note: Some(note.clone()),
            scheduled: scheduled.or(before),
            clean: false,
        })
    }

    fn reboot_machine(&self) -> Result<()> {
        if self.mode != HostMode::System {
            return Err(Error::Unsupported(
                "the machine is not ours: it is rebooted with --host system only".into(),
            ));
        }
        // logind decides by polkit; the package's rule lets the user platecam reboot.
        let refused = |why: String| Error::Unsupported(format!("systemctl reboot: {why}"));
        let done = Command::new("systemctl")
            .args(["--no-ask-password", "reboot"])
            .output()
            .map_err(|e| refused(e.to_string()))?;
        if done.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&done.stderr);
        Err(refused(said.trim().chars().take(200).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(reason: &str) -> RestartNote {
        RestartNote {
            reason: reason.into(),
            by: "admin@192.0.2.1".into(),
            at: UtcTime::from_millis(1000),
        }
    }

    /// SYS-18, HW-7: each way to end is told by the next start.
    #[test]
    fn the_next_start_knows_how_this_run_ended() {
        let tmp = tempfile::tempdir().unwrap();
        let dir = StateDir::open(tmp.path()).unwrap();
        let open = || HostPower::open(&dir, HostMode::Observe).unwrap();
        assert_eq!(open().last_run(), LastRun::None);
        // Not ended in order.
        let run = open();
        assert_eq!(run.last_run(), LastRun::Lost);
        run.ends();
        let run = open();
        assert_eq!(run.last_run(), LastRun::Stopped);
        let moment = UtcTime::from_millis(5);
        run.remember(&note("Auto Restart at 03:00"), Some(moment))
            .unwrap();
        run.ends();
        let run = open();
        assert_eq!(
            run.last_run(),
            LastRun::Wanted(note("Auto Restart at 03:00"))
        );
        assert_eq!(run.last_scheduled(), Some(moment));
        // A reason is told once; the moment stays.
        drop(run);
        let run = open();
        assert_eq!(
            (run.last_run(), run.last_scheduled()),
            (LastRun::Lost, Some(moment))
        );
        fs::write(tmp.path().join("run.json"), b"{not json").unwrap();
        assert_eq!(open().last_run(), LastRun::Lost);
    }

    #[test]
    fn a_machine_that_is_not_ours_is_not_rebooted() {
        let tmp = tempfile::tempdir().unwrap();
        let dir = StateDir::open(tmp.path()).unwrap();
        for mode in [HostMode::Observe, HostMode::Simulated] {
            let power = HostPower::open(&dir, mode).unwrap();
            let e = power.reboot_machine().unwrap_err();
            assert!(e.to_string().contains("--host system"), "{e}");
        }
    }
}
