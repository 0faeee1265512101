//! Takes a package into the free slot while the running version goes on.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use parking_lot::Mutex;
use platecam_model::{
    Error, Result, UtcTime,
    ports::{
        Available, Expectation, FirmwareVersion, LastUpgrade, Slot, Trial, UpgradePhase,
        UpgradeStatus, Upgrades, Upload,
    },
};

use super::{
    FileEntry, Manifest, Refused, Sink, Slots, TrustedKeys, Verifier, Wanted,
    manifest::below,
    online,
    slots::{BASE, PointerTrial, sync_dir},
};

/// Upgrades of this host.
#[derive(Clone, Debug)]
pub struct HostUpgrades(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    wanted: Wanted,
    keys: TrustedKeys,
    /// `None` when the launcher did not start this process.
    slots: Option<Slots>,
    running: String,
    base: FirmwareVersion,
    trial_until: Option<UtcTime>,
    now: Mutex<Now>,
}

/// What changes while the process runs.
#[derive(Debug, Default)]
struct Now {
    phase: UpgradePhase,
    received: u64,
    total: u64,
    error: Option<String>,
    available: Option<Available>,
    checked_at: Option<UtcTime>,
}

impl HostUpgrades {
    /// `slots` and the name of the slot that runs come from the launcher; `base` is the version of the package manager.
    pub fn new(
        wanted: Wanted,
        keys: TrustedKeys,
        slots: Option<(Slots, String)>,
        base: FirmwareVersion,
        trial_until: Option<UtcTime>,
    ) -> Self {
        let (slots, running) = match slots {
            Some((slots, running)) => (Some(slots), running),
            None => (None, BASE.to_owned()),
        };
        Self(Arc::new(Inner {
            wanted,
            keys,
            slots,
            running,
            base,
            trial_until,
            now: Mutex::default(),
        }))
    }

    fn slots(&self) -> Result<&Slots> {
        if let Some(reason) = self.unsupported() {
            return Err(Error::Unsupported(reason));
        }
        self.0
            .slots
            .as_ref()
            .ok_or_else(|| Error::Unsupported("no slots".into()))
    }

    fn unsupported(&self) -> Option<String> {
        if self.0.slots.is_none() {
            return Some(
                "Platecam was not started by `platecam launch`: there is no second slot".into(),
            );
        }
        if self.0.keys.is_empty() {
            return Some(
                "no key is trusted: the trust file for upgrades is missing or empty".into(),
            );
        }
        None
    }

    /// Recognition ran before the upgrade whose version is on trial now.
    pub fn expects_recognition(&self) -> bool {
        let trial = self.0.slots.as_ref().and_then(|s| s.pointer().trial);
        trial.is_some_and(|t| t.recognition)
    }

    fn installed(&self, slots: &Slots) -> Vec<Slot> {
        let base = Slot {
            name: BASE.into(),
            version: self.0.base,
            built_at: None,
            active: self.0.running == BASE,
        };
        let unpacked = ["a", "b"].into_iter().filter_map(|name| {
            let manifest = slots.manifest(name)?;
            Some(Slot {
                name: name.into(),
                version: manifest.version,
                built_at: Some(manifest.built_at),
                active: self.0.running == name,
            })
        });
        std::iter::once(base).chain(unpacked).collect()
    }
}

impl Upgrades for HostUpgrades {
    fn status(&self) -> UpgradeStatus {
        let now = self.0.now.lock();
        let pointer = self
            .0
            .slots
            .as_ref()
            .map(Slots::pointer)
            .unwrap_or_default();
        let unsupported_reason = self.unsupported();
        UpgradeStatus {
            current: self.0.wanted.current,
            model: self.0.wanted.model.clone(),
            arch: self.0.wanted.arch.clone(),
            supported: unsupported_reason.is_none(),
            unsupported_reason,
            phase: now.phase,
            received: now.received,
            total: now.total,
            error: now.error.clone(),
            slots: self
                .0
                .slots
                .as_ref()
                .map(|s| self.installed(s))
                .unwrap_or_default(),
            active: self.0.running.clone(),
            trial: pointer.trial.map(|t| Trial {
                version: t.version,
                until: self.0.trial_until,
            }),
            last: pointer.last,
            available: now.available.clone(),
            checked_at: now.checked_at,
            trusted_keys: self.0.keys.ids(),
        }
    }

    fn begin(&self, total: u64, expect: Expectation) -> Result<Box<dyn Upload>> {
        let slots = self.slots()?.clone();
        if slots.pointer().trial.is_some() {
            return Err(Error::Conflict(
                "a new version is on trial; wait until it stays or returns".into(),
            ));
        }
        {
            let mut now = self.0.now.lock();
            if now.phase != UpgradePhase::Idle {
                return Err(Error::Conflict("another upgrade runs".into()));
            }
            now.phase = UpgradePhase::Receiving;
            (now.received, now.total, now.error) = (0, total, None);
        }
        // From here on dropping it makes way for the next one.
        let free = slots.free();
        let mut incoming = Incoming {
            upgrades: self.clone(),
            verifier: None,
            total,
            expect,
            done: false,
        };
        slots.clean();
        let sink = Unpack {
            dir: slots.dir().join(".incoming"),
            slots,
            free,
            file: None,
        };
        let (keys, wanted) = (self.0.keys.clone(), self.0.wanted.clone());
        incoming.verifier = Some(Verifier::new(keys, Some(wanted), sink));
        Ok(Box::new(incoming))
    }

    fn check(&self, url: &str, now: UtcTime) -> Result<Option<Available>> {
        let found = online::check(url, &self.0.keys, &self.0.wanted)?;
        let mut held = self.0.now.lock();
        held.available.clone_from(&found);
        held.checked_at = Some(now);
        Ok(found)
    }

    fn fetch(
        &self,
        available: &Available,
        take: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        online::fetch(available, take)
    }

    fn confirm(&self, now: UtcTime) -> Result<()> {
        match &self.0.slots {
            Some(slots) => slots.confirm(now).map_err(Error::internal),
            None => Ok(()),
        }
    }

    fn give_up(&self, reason: &str) -> Result<()> {
        let Some(slots) = &self.0.slots else {
            return Ok(());
        };
        let mut pointer = slots.pointer();
        if let Some(trial) = &mut pointer.trial {
            trial.failed = Some(reason.to_owned());
        }
        slots.point(&pointer).map_err(Error::internal)
    }

    fn untold(&self) -> Option<LastUpgrade> {
        let slots = self.0.slots.as_ref()?;
        let mut pointer = slots.pointer();
        if pointer.told {
            return None;
        }
        pointer.told = true;
        if let Err(e) = slots.point(&pointer) {
            tracing::error!(error = %e, "the end of the upgrade will be told again");
        }
        pointer.last
    }
}

/// A package on its way into the free slot.
struct Incoming {
    upgrades: HostUpgrades,
    verifier: Option<Verifier<Unpack>>,
    total: u64,
    expect: Expectation,
    done: bool,
}

impl Incoming {
    fn refused(&self, refused: Refused) -> Error {
        self.upgrades.0.now.lock().error = Some(match &refused {
            Refused::Io(_) => "the package could not be stored".into(),
            other => other.to_string(),
        });
        refused.into()
    }
}

impl Upload for Incoming {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let received = {
            let mut now = self.upgrades.0.now.lock();
            now.received += bytes.len() as u64;
            now.received
        };
        let Some(verifier) = &mut self.verifier else {
            return Err(Error::Conflict("the upgrade was refused already".into()));
        };
        let result = if received > self.total {
            Err(Refused::Trailing)
        } else {
            verifier.push(bytes)
        };
        result.map_err(|refused| {
            self.verifier = None;
            self.refused(refused)
        })
    }

    fn finish(mut self: Box<Self>) -> Result<FirmwareVersion> {
        let Some(verifier) = self.verifier.take() else {
            return Err(Error::Conflict("the upgrade was refused already".into()));
        };
        self.upgrades.0.now.lock().phase = UpgradePhase::Verifying;
        let (manifest, sink) = verifier.finish().map_err(|r| self.refused(r))?;
        sink.install(&manifest, self.expect)
            .map_err(|e| self.refused(Refused::Io(e)))?;
        self.done = true;
        Ok(manifest.version)
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        self.verifier = None;
        let mut now = self.upgrades.0.now.lock();
        now.phase = if self.done {
            UpgradePhase::Installed
        } else {
            UpgradePhase::Idle
        };
        if !self.done
            && let Some(slots) = &self.upgrades.0.slots
        {
            slots.clean();
        }
    }
}

/// Writes files to `.incoming`, which becomes the slot in one step.
struct Unpack {
    slots: Slots,
    dir: PathBuf,
    free: &'static str,
    file: Option<File>,
}

impl Sink for Unpack {
    fn begin(&mut self, manifest: &Manifest) -> io::Result<()> {
        fs::create_dir_all(&self.dir)?;
        let json = serde_json::to_vec(manifest)?;
        synced(&self.dir.join("manifest.json"), &json)
    }

    fn open(&mut self, file: &FileEntry) -> io::Result<()> {
        let path = below(&self.dir, file);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        let mode = if file.executable { 0o755 } else { 0o644 };
        let opened = OpenOptions::new()
            .create_new(true)
            .write(true)
            .mode(mode)
            .open(path)?;
        self.file = Some(opened);
        Ok(())
    }

    fn data(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.file {
            Some(file) => file.write_all(bytes),
            None => Err(io::Error::other("no file is open")),
        }
    }

    fn close(&mut self) -> io::Result<()> {
        self.file.take().map_or(Ok(()), |f| f.sync_all())
    }
}

impl Unpack {
    /// Everything is on the disk before the pointer names it: a power cut at any moment leaves either version whole.
    fn install(self, manifest: &Manifest, expect: Expectation) -> io::Result<()> {
        sync_tree(&self.dir)?;
        let (slot, old) = (
            self.slots.dir().join(self.free),
            self.slots.dir().join(".old"),
        );
        if slot.exists() {
            // Nothing points to it: it neither runs nor is on trial.
            fs::rename(&slot, &old)?;
        }
        fs::rename(&self.dir, &slot)?;
        sync_dir(self.slots.dir())?;
        let mut pointer = self.slots.pointer();
        pointer.trial = Some(PointerTrial {
            slot: self.free.into(),
            version: manifest.version,
            starts: 0,
            failed: None,
            recognition: expect.recognition,
        });
        self.slots.point(&pointer)?;
        let _ = fs::remove_dir_all(old);
        Ok(())
    }
}

fn synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn sync_tree(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_tree(&entry.path())?;
        }
    }
    sync_dir(dir)
}
