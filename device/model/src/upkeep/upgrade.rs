//! Upgrade: who may, what the log keeps, what restarts (SYS-26..28).

use serde::Serialize;

use crate::{
    Actor, Device, Error, EventKind, LogKind, Permission, RestartScope, Result, UtcTime,
    ports::{Available, Expectation, FirmwareVersion, Outcome, UpgradeStatus, Upload},
    settings::Maintenance,
};

/// Largest package, bytes.
pub const MAX_PACKAGE: u64 = 1 << 30;

/// An upgrade that takes its package in. Dropping it leaves everything as it was.
pub struct Upgrading {
    device: Device,
    by: Actor,
    upload: Box<dyn Upload>,
    progress: Progress,
}

/// How much of a package has come, told in steps of [`STEP`] per cent.
struct Progress {
    total: u64,
    taken: u64,
    told: u8,
}

/// Per cent between two tellings.
const STEP: u8 = 10;

impl Progress {
    /// The per cent to tell, if they are news.
    fn take(&mut self, bytes: usize) -> Option<u8> {
        self.taken = self.taken.saturating_add(bytes as u64).min(self.total);
        // A package has at least one byte.
        let percent = self.taken.saturating_mul(100) / self.total.max(1);
        let percent = u8::try_from(percent).unwrap_or(100);
        if percent < self.told.saturating_add(STEP) {
            return None;
        }
        self.told = percent;
        Some(percent)
    }
}

/// The answer of a check for a newer version.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Checked {
    /// The running version.
    pub current: FirmwareVersion,
    /// A newer one.
    pub available: Option<Available>,
    /// When the server was asked.
    pub checked_at: UtcTime,
}

impl Upgrading {
    /// Takes the next bytes of the package.
    ///
    /// # Errors
    /// Those of [`Upload::write`]; the log is told.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.upload
            .write(bytes)
            .map_err(|e| refused(&self.device, &self.by, e))?;
        if let Some(percent) = self.progress.take(bytes.len()) {
            tell(&self.device, percent, false);
        }
        Ok(())
    }

    /// The package is complete: installs it and restarts the unit into it.
    ///
    /// # Errors
    /// Those of [`Upload::finish`]; the log is told.
    pub fn finish(self) -> Result<FirmwareVersion> {
        let Self {
            device, by, upload, ..
        } = self;
        let version = upload.finish().map_err(|e| refused(&device, &by, e))?;
        let from = device.upkeep.upgrades()?.status().current;
        device.audit(
            LogKind::Upgrade,
            &by,
            format!("Version {version} was installed beside version {from} and starts on trial."),
        );
        device.restart(
            &by,
            RestartScope::Process,
            &format!("upgrade to version {version}"),
        )?;
        Ok(version)
    }
}

fn tell(device: &Device, percent: u8, begins: bool) {
    let kind = EventKind::Upgrading { percent, begins };
    device.bus.publish(device.clock.now(), kind);
}

fn refused(device: &Device, by: &Actor, e: Error) -> Error {
    tell(device, 0, false);
    let text = match &e {
        Error::Internal { .. } => "an internal error".to_owned(),
        other => other.to_string(),
    };
    device.audit(
        LogKind::Upgrade,
        by,
        format!("An upgrade was refused, nothing was changed: {text}."),
    );
    e
}

impl Device {
    /// State of slots, trial and running upgrade.
    ///
    /// # Errors
    /// [`Error::Forbidden`].
    pub fn upgrade_status(&self, by: &Actor) -> Result<UpgradeStatus> {
        by.require(Permission::Maintenance)?;
        Ok(self.upkeep.upgrades()?.status())
    }

    /// Begins an upgrade from a package of `total` bytes (SYS-26).
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::Invalid`] for a size out of bounds, those of
    /// [`crate::ports::Upgrades::begin`].
    pub fn upgrade(&self, by: &Actor, total: u64) -> Result<Upgrading> {
        by.require(Permission::Maintenance)?;
        if !(1..=MAX_PACKAGE).contains(&total) {
            let reason = format!("a package has 1 to {MAX_PACKAGE} bytes");
            return Err(Error::invalid("/package", total, reason));
        }
        let expect = Expectation {
            recognition: self.media.status().recognition_error.is_none(),
        };
        let upload = self.upkeep.upgrades()?.begin(total, expect)?;
        self.audit(LogKind::Upgrade, by, "An upgrade was begun.");
        tell(self, 0, true);
        Ok(Upgrading {
            device: self.clone(),
            by: by.clone(),
            upload,
            progress: Progress {
                total,
                taken: 0,
                told: 0,
            },
        })
    }

    /// Asks the upgrade server now (SYS-28).
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::Invalid`] for `/url` when none is set or it does not answer as it should.
    pub fn upgrade_check(&self, by: &Actor) -> Result<Checked> {
        by.require(Permission::Maintenance)?;
        let url = &self.settings.get::<Maintenance>().url;
        if url.is_empty() {
            return Err(Error::invalid("/url", "", "no upgrade server is set"));
        }
        let upgrades = self.upkeep.upgrades()?;
        let (now, before) = (self.clock.now(), upgrades.status().available);
        let available = upgrades.check(url, now)?;
        if let Some(found) = &available
            && before.is_none_or(|b| b.version != found.version)
        {
            // Once for each version (SYS-27).
            let version = found.version.to_string();
            self.bus
                .publish(now, EventKind::UpgradeAvailable { version });
        }
        Ok(Checked {
            current: upgrades.status().current,
            available,
            checked_at: now,
        })
    }

    /// What the last check found, for [`Device::upgrade_online`].
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::Conflict`] when it found nothing.
    pub fn upgrade_offer(&self, by: &Actor) -> Result<Available> {
        by.require(Permission::Maintenance)?;
        let found = self.upkeep.upgrades()?.status().available;
        found.ok_or_else(|| Error::Conflict("the last check found no newer version".into()))
    }

    /// Fetches and installs what the last check found; takes as long as the fetching does.
    ///
    /// # Errors
    /// Those of [`Device::upgrade`] and [`crate::ports::Upgrades::fetch`].
    pub fn upgrade_online(&self, by: &Actor, offer: &Available) -> Result<FirmwareVersion> {
        let mut upgrading = self.upgrade(by, offer.size)?;
        let upgrades = self.upkeep.upgrades()?;
        upgrades.fetch(offer, &mut |bytes| upgrading.write(bytes))?;
        upgrading.finish()
    }

    /// Asks the upgrade server on the device's own account, when that is switched on (SYS-27, SEC-16).
    ///
    /// # Errors
    /// Those of [`Device::upgrade_check`].
    pub fn upgrade_auto_check(&self) -> Result<()> {
        if self.settings.get::<Maintenance>().auto_check {
            self.upgrade_check(&Actor::system())?;
        }
        Ok(())
    }

    /// Tells the log how the last upgrade ended, once.
    pub fn tell_upgrade(&self) {
        let Ok(upgrades) = self.upkeep.upgrades() else {
            return;
        };
        let Some(last) = upgrades.untold() else {
            return;
        };
        let text = match last.outcome {
            Outcome::Confirmed => format!("Version {} has proved itself and stays.", last.version),
            Outcome::Returned => format!(
                "Version {} failed its trial, the old version runs again: {}.",
                last.version, last.reason
            ),
        };
        self.audit(LogKind::Upgrade, &Actor::system(), text);
    }
}
