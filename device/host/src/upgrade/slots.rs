//! The slots: which version starts next, and what happens when it does not work.
//!
//! `DIR/current.json` is the one pointer, replaced atomically. `DIR/a` and `DIR/b` each hold an unpacked package with its
//! `manifest.json`; `base` is what the system's package manager installed. `DIR/rollback` holds the database as it was before
//! the version on trial first saw it. A slot that a pointer names is never written to.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use platecam_model::{
    UtcTime,
    ports::{FirmwareVersion, LastUpgrade, Outcome},
};
use serde::{Deserialize, Serialize};

use super::manifest::{Manifest, PROGRAM};
use crate::state_dir::write_atomic;

/// Starts that a version on trial gets to prove itself.
pub(crate) const MAX_STARTS: u32 = 3;
/// What the package manager installed.
pub(crate) const BASE: &str = "base";
/// Files of a state directory that a newer version may change the form of.
const STATE_FILES: [&str; 3] = ["platecam.db", "platecam.db-wal", "platecam.db-shm"];
const COMPLETE: &str = "complete";

/// A directory with slots.
#[derive(Clone, Debug)]
pub struct Slots {
    dir: PathBuf,
}

/// The pointer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Pointer {
    /// Name of the slot that runs.
    pub(crate) active: String,
    /// A version to try at the next start.
    pub(crate) trial: Option<PointerTrial>,
    /// How the last trial ended.
    pub(crate) last: Option<LastUpgrade>,
    /// Whether the log was told of it.
    pub(crate) told: bool,
}

/// A version on trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct PointerTrial {
    pub(crate) slot: String,
    pub(crate) version: FirmwareVersion,
    /// Times that it was started.
    pub(crate) starts: u32,
    /// Why it is given up.
    pub(crate) failed: Option<String>,
    /// Recognition ran before.
    pub(crate) recognition: bool,
}

impl Default for Pointer {
    fn default() -> Self {
        Self {
            active: BASE.into(),
            trial: None,
            last: None,
            told: true,
        }
    }
}

/// What to start.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// Name of the slot.
    pub slot: String,
    /// Its program; `None` for `base`.
    pub program: Option<PathBuf>,
    /// Its version; `None` for `base`.
    pub version: Option<FirmwareVersion>,
    /// Its ONNX Runtime, when it brings one.
    pub onnxruntime: Option<PathBuf>,
    /// Whether it has to prove itself.
    pub trial: bool,
}

impl Slots {
    /// Makes the directory when it is missing.
    ///
    /// # Errors
    /// What the system says.
    pub fn open(dir: &Path) -> io::Result<Self> {
        fs::create_dir_all(dir)?;
        let dir = dir.canonicalize()?;
        Ok(Self { dir })
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    fn path(&self) -> PathBuf {
        self.dir.join("current.json")
    }

    /// The pointer; a missing or unreadable one means `base`, which always works.
    pub(crate) fn pointer(&self) -> Pointer {
        match fs::read(self.path()) {
            Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_else(|e| {
                tracing::error!(error = %e, "the pointer to the slots cannot be read: the base version counts");
                Pointer::default()
            }),
            Err(_) => Pointer::default(),
        }
    }

    pub(crate) fn point(&self, pointer: &Pointer) -> io::Result<()> {
        let bytes = serde_json::to_vec_pretty(pointer)?;
        write_atomic(&self.path(), &bytes, 0o644)
    }

    /// The manifest of a slot, when it holds a version.
    pub(crate) fn manifest(&self, slot: &str) -> Option<Manifest> {
        let bytes = fs::read(self.dir.join(slot).join("manifest.json")).ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    /// The slot that the next version goes to: neither runs nor is on trial.
    pub(crate) fn free(&self) -> &'static str {
        if self.pointer().active == "a" {
            "b"
        } else {
            "a"
        }
    }

    /// Chooses what to start and counts the start of a version on trial. `base` is the version of the package manager;
    /// `state` the state directory, which a failed version leaves as it found it.
    ///
    /// # Errors
    /// What the system says when the pointer or the copy of the state cannot be written.
    pub fn choose(&self, base: FirmwareVersion, state: &Path, now: UtcTime) -> io::Result<Choice> {
        let mut pointer = self.pointer();
        self.clean();
        if let Some(mut trial) = pointer.trial.take() {
            let gone = self.program(&trial.slot).is_none();
            let why = match &trial.failed {
                Some(why) => Some(why.clone()),
                None if gone => Some("its program is missing".into()),
                None if trial.starts >= MAX_STARTS => {
                    Some(format!("it did not work after {} starts", trial.starts))
                }
                None => None,
            };
            let Some(reason) = why else {
                if trial.starts == 0 {
                    self.keep_state(state)?;
                }
                trial.starts += 1;
                let choice = self.choice(&trial.slot, true);
                pointer.trial = Some(trial);
                self.point(&pointer)?;
                return Ok(choice);
            };
            self.bring_back_state(state)?;
            pointer.last = Some(LastUpgrade {
                version: trial.version,
                outcome: Outcome::Returned,
                reason,
                at: now,
            });
            pointer.told = false;
            self.point(&pointer)?;
            self.forget_state();
        }
        let active = pointer.active.clone();
        let installed = self.manifest(&active).map(|m| m.version);
        let usable = active != BASE
            && self.program(&active).is_some()
            // The package manager brought a newer one meanwhile.
            && installed.is_some_and(|v| v >= base);
        if !usable && active != BASE {
            pointer.active = BASE.into();
            self.point(&pointer)?;
        }
        Ok(self.choice(if usable { &active } else { BASE }, false))
    }

    fn choice(&self, slot: &str, trial: bool) -> Choice {
        let library = self.dir.join(slot).join("lib/libonnxruntime.so");
        Choice {
            slot: slot.to_owned(),
            program: self.program(slot),
            version: self.manifest(slot).map(|m| m.version),
            onnxruntime: Some(library).filter(|l| slot != BASE && l.is_file()),
            trial,
        }
    }

    fn program(&self, slot: &str) -> Option<PathBuf> {
        let path = self.dir.join(slot).join(PROGRAM);
        (slot != BASE && path.is_file()).then_some(path)
    }

    /// The version on trial is the active one now.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn confirm(&self, now: UtcTime) -> io::Result<()> {
        let mut pointer = self.pointer();
        let Some(trial) = pointer.trial.take() else {
            return Ok(());
        };
        pointer.active = trial.slot;
        pointer.last = Some(LastUpgrade {
            version: trial.version,
            outcome: Outcome::Confirmed,
            reason: String::new(),
            at: now,
        });
        pointer.told = false;
        self.point(&pointer)?;
        self.forget_state();
        Ok(())
    }

    /// What an interrupted installation left behind.
    pub(crate) fn clean(&self) {
        for name in [".incoming", ".old"] {
            let _ = fs::remove_dir_all(self.dir.join(name));
        }
    }

    fn rollback(&self) -> PathBuf {
        self.dir.join("rollback")
    }

    /// Copies the database before a newer version changes its form. No process uses it now.
    fn keep_state(&self, state: &Path) -> io::Result<()> {
        let kept = self.rollback();
        self.forget_state();
        fs::create_dir(&kept)?;
        for name in STATE_FILES {
            copy_if_there(&state.join(name), &kept.join(name))?;
        }
        // Without this file the copy does not count.
        File::create(kept.join(COMPLETE))?.sync_all()?;
        sync_dir(&kept)?;
        sync_dir(&self.dir)
    }

    /// Puts the database back. Repeated after an interruption, with the same result.
    fn bring_back_state(&self, state: &Path) -> io::Result<()> {
        let kept = self.rollback();
        if !kept.join(COMPLETE).exists() {
            return Ok(());
        }
        for name in STATE_FILES {
            let (from, to) = (kept.join(name), state.join(name));
            if from.exists() {
                let temporary = state.join(format!("{name}.back"));
                copy_if_there(&from, &temporary)?;
                fs::rename(&temporary, &to)?;
            } else if to.exists() {
                fs::remove_file(&to)?;
            }
        }
        if state.exists() {
            sync_dir(state)
        } else {
            Ok(())
        }
    }

    fn forget_state(&self) {
        let _ = fs::remove_dir_all(self.rollback());
    }
}

fn copy_if_there(from: &Path, to: &Path) -> io::Result<()> {
    match fs::copy(from, to) {
        Ok(_) => File::open(to)?.sync_all(),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(e),
    }
}

pub(crate) fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}
