//! The whole configuration: export, import, Restore and Default (SYS-20..25).

mod envelope;

pub use envelope::{MAX_CONFIG, Source};
use serde::Serialize;

use crate::{
    Actor, Device, Error, LogKind, Permission, RestartScope, Result, Secret,
    auth::PasswordPolicy,
    ports::{Moment, Reach, ResetScope},
    settings::{Change, Revision, SectionImport},
};

/// What an import did, or would do.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ImportReport {
    /// Which unit the file is of.
    pub source: Source,
    /// The sections that change, with their differences.
    pub sections: Vec<SectionImport>,
    /// Whether it was only asked what would change.
    pub dry_run: bool,
}

impl Device {
    /// The configuration as a file (SYS-23): all sections, or the named ones.
    ///
    /// With a password the file is encrypted and holds the secrets; without one it holds none. Users, keys
    /// and certificates never travel (SYS-25).
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`] for an unknown section, [`Error::Invalid`] naming
    /// `/password`, [`Error::Internal`].
    pub fn export_config(
        &self,
        by: &Actor,
        sections: Option<&[String]>,
        password: Option<&Secret>,
    ) -> Result<Vec<u8>> {
        by.require(Permission::Maintenance)?;
        if let Some(password) = password {
            file_password(password)?;
        }
        let values = self.settings.export(sections, password.is_some(), by)?;
        let n = values.len();
        let source = Source {
            product: self.identity.manufacturer.clone(),
            model: self.identity.model.clone(),
            firmware: self.identity.firmware.clone(),
            serial: self.identity.serial.clone(),
            created: self.clock.now().to_string(),
        };
        let file = envelope::write(source, values, password)?;
        let how = if password.is_some() {
            "encrypted"
        } else {
            "without secrets"
        };
        let what = format!("Configuration exported: {n} sections, {how}.");
        self.audit(LogKind::Configuration, by, what);
        self.note_moment(Moment::Backup);
        Ok(file)
    }

    /// Takes over an exported file (SYS-24): all of it or nothing; `dry_run` only tells what would change.
    ///
    /// # Errors
    /// [`Error::Forbidden`]; [`Error::Malformed`] for a damaged, foreign or newer file; [`Error::Invalid`]
    /// naming `/password` or `/sections/KEY/value/FIELD`; nothing changed then.
    pub fn import_config(
        &self,
        by: &Actor,
        file: &[u8],
        password: Option<&Secret>,
        dry_run: bool,
    ) -> Result<ImportReport> {
        by.require(Permission::Maintenance)?;
        let (source, values) = envelope::read(file, password)?;
        for (what, its, ours) in [
            ("product", &source.product, &self.identity.manufacturer),
            ("model", &source.model, &self.identity.model),
        ] {
            if its != ours {
                let pointer = format!("/source/{what}");
                let reason = format!("the file is of another {what}; this unit's is '{ours}'");
                return Err(Error::invalid(&pointer, its, reason));
            }
        }
        if !dry_run {
            let what = format!("Configuration of {} is imported.", source.serial);
            self.audit(LogKind::Configuration, by, what);
        }
        let sections = self.settings.import(&values, dry_run, by)?;
        Ok(ImportReport {
            source,
            sections,
            dry_run,
        })
    }

    /// Takes over a backup as [`Device::import_config`] without a password, then restarts so that what is read at
    /// the start holds as well.
    ///
    /// # Errors
    /// As [`Device::import_config`]; nothing changed then.
    pub fn restore_backup(&self, by: &Actor, file: &[u8]) -> Result<ImportReport> {
        let report = self.import_config(by, file, None, false)?;
        self.restart(by, RestartScope::Process, "restore of a backup")?;
        Ok(report)
    }

    /// Puts all settings back to their defaults but those that keep the unit reachable (SYS-20, C-27); users,
    /// records and logs stay. Returns the sections that changed.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::Internal`]; nothing changed then.
    pub fn restore_settings(&self, by: &Actor) -> Result<Vec<&'static str>> {
        by.require(Permission::Maintenance)?;
        let what = "Restore: settings go back to their defaults, address, ports and HTTPS stay.";
        self.audit(LogKind::Configuration, by, what);
        let changed = self.settings.restore(by)?;
        self.note_moment(Moment::Reset);
        Ok(changed)
    }

    /// Puts everything back to factory (SYS-21, INIT-7): settings, users and what belongs to them are gone
    /// at the next start, which follows at once. Log, audit trail and the unit's identity stay; records only
    /// go with [`ResetScope::Everything`].
    ///
    /// The wish is on the disk before anything is lost, so that a power cut leaves either the old
    /// configuration or none.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::Internal`]; nothing changed then.
    pub fn factory_reset(&self, by: &Actor, scope: ResetScope) -> Result<Reach> {
        by.require(Permission::Maintenance)?;
        let what = match scope {
            ResetScope::Configuration => "Default: settings and users are deleted.",
            ResetScope::Everything => "Default: settings, users, records and pictures are deleted.",
        };
        self.audit(LogKind::Configuration, by, what);
        self.factory.request(scope)?;
        self.restart(by, RestartScope::Process, "factory default")?;
        Ok(self.upkeep.power.reach())
    }

    /// The changes of a section, newest first; see [`crate::settings::SettingsStore::history`].
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Forbidden`], [`Error::Internal`].
    pub fn settings_history(
        &self,
        by: &Actor,
        key: &str,
        before: Option<Revision>,
        limit: usize,
    ) -> Result<Vec<Change>> {
        self.settings.history(key, before, limit, by)
    }
}

/// A file leaves the house: its password obeys the rule for users' (USER-8).
fn file_password(password: &Secret) -> Result<()> {
    let mut violations = crate::Violations::default();
    PasswordPolicy::check("/password", password, &mut violations);
    violations.into_result()
}
