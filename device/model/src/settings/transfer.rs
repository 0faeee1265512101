//! Whole configurations: history, Restore, export and import.

use lpr_core::UtcTime;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    Descriptor, Difference, Restore, Revision, SettingsStore,
    diff::differences,
    secrets,
    store::{Held, raise},
};
use crate::{Actor, Error, Permission, Result, Violation, Violations};

/// One change of a section in its history.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// The revision that it made.
    pub revision: Revision,
    /// Who.
    pub changed_by: String,
    /// When.
    pub changed_at: Option<UtcTime>,
    /// What, secrets masked. The oldest change that is kept is compared with the defaults.
    pub changes: Vec<Difference>,
}

/// A section in an exported configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SectionExport {
    /// Version of its form.
    pub version: u32,
    /// Its values.
    pub value: Value,
}

/// What an import would change, or did.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SectionImport {
    /// The section.
    pub key: &'static str,
    /// Its title.
    pub title: &'static str,
    /// Field by field, secrets masked.
    pub changes: Vec<Difference>,
}

impl SettingsStore {
    /// The changes of a section, newest first, at most `limit`, older than `before`.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Forbidden`], [`Error::Internal`].
    pub fn history(
        &self,
        key: &str,
        before: Option<Revision>,
        limit: usize,
        actor: &Actor,
    ) -> Result<Vec<Change>> {
        let d = self.descriptor(key)?;
        actor.require(d.read)?;
        // One more than asked for: the oldest is compared with the one before it.
        let mut stored = self.backend.history(d.key, before, limit + 1)?;
        for s in &mut stored {
            secrets::mask(d, &mut s.value);
        }
        let mut default = (d.value)(&self.default_of(d));
        secrets::mask(d, &mut default);
        let changes = stored.iter().enumerate().take(limit).map(|(i, s)| {
            let earlier = stored.get(i + 1).map_or(&default, |older| &older.value);
            Change {
                revision: s.revision,
                changed_by: s.changed_by.clone(),
                changed_at: s.changed_at,
                changes: differences(earlier, &s.value),
            }
        });
        Ok(changes.collect())
    }

    /// Puts every section back to its defaults but those that keep the unit reachable (SYS-20); returns
    /// the keys that changed.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::Internal`]; nothing changed then.
    pub fn restore(&self, actor: &Actor) -> Result<Vec<&'static str>> {
        actor.require(Permission::Maintenance)?;
        let (now, mut keys) = (self.now(), Vec::new());
        self.change(actor, |after| {
            let mut touched = Vec::new();
            for d in self.sections() {
                let Some(held) = after.get_mut(d.key) else {
                    continue;
                };
                let default = self.default_of(d);
                if d.on_restore == Restore::ToDefault
                    && (d.value)(&held.section) != (d.value)(&default)
                {
                    held.replace(default, actor, now);
                    keys.push(d.key);
                    touched.push(*d);
                }
            }
            Ok(touched)
        })?;
        Ok(keys)
    }

    /// The values of the named sections, or of all; with their secrets only where `with_secrets`.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`].
    pub fn export(
        &self,
        keys: Option<&[String]>,
        with_secrets: bool,
        actor: &Actor,
    ) -> Result<Map<String, Value>> {
        actor.require(Permission::Maintenance)?;
        let settings = self.snapshot();
        let wanted: Vec<&Descriptor> = match keys {
            Some(keys) => keys
                .iter()
                .map(|k| self.descriptor(k))
                .collect::<Result<_>>()?,
            None => self.sections().collect(),
        };
        let mut out = Map::new();
        for d in wanted {
            actor.require(d.read)?;
            let Some(held) = settings.0.get(d.key) else {
                continue;
            };
            let mut value = (d.value)(&held.section);
            if !with_secrets {
                secrets::remove(d, &mut value);
            }
            let section = SectionExport {
                version: d.version,
                value,
            };
            let section = serde_json::to_value(section).map_err(Error::internal)?;
            out.insert(d.key.to_owned(), section);
        }
        Ok(out)
    }

    /// Takes over exported sections: all of them or none; `dry_run` only tells what would change.
    ///
    /// Older forms are lifted. A secret that the export does not hold stays as it is.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::Invalid`] naming `/sections/KEY/...`, [`Error::Internal`]; nothing
    /// changed then.
    pub fn import(
        &self,
        sections: &Map<String, Value>,
        dry_run: bool,
        actor: &Actor,
    ) -> Result<Vec<SectionImport>> {
        actor.require(Permission::Maintenance)?;
        let mut told = Vec::new();
        let now = self.now();
        let edit = |after: &mut std::collections::BTreeMap<&'static str, Held>| {
            let (mut touched, mut violations) = (Vec::new(), Violations::default());
            for (key, section) in sections {
                let place = format!("/sections/{key}");
                match self.take_over(key, section, after, actor, now) {
                    Ok(None) => {}
                    Ok(Some((d, import))) => {
                        touched.push(d);
                        told.push(import);
                    }
                    Err(Error::Invalid(v)) => violations.0.extend(v.0.into_iter().map(|v| {
                        Violation::new(&format!("{place}{}", v.pointer), v.value, v.reason)
                    })),
                    Err(other) => return Err(other),
                }
            }
            violations.into_result()?;
            Ok(touched)
        };
        if dry_run {
            self.try_change(actor, edit)?;
        } else {
            self.change(actor, edit)?;
        }
        Ok(told)
    }

    /// One section of an import; `None` when it is as it should be already.
    fn take_over(
        &self,
        key: &str,
        section: &Value,
        after: &mut std::collections::BTreeMap<&'static str, Held>,
        actor: &Actor,
        now: UtcTime,
    ) -> Result<Option<(Descriptor, SectionImport)>> {
        let d = self.descriptor(key).map_err(|e| match e {
            Error::Unsupported(why) => Error::invalid("", key, why),
            _ => Error::invalid("", key, "no such settings section"),
        })?;
        actor.require(d.write)?;
        let section: SectionExport = serde_json::from_value(section.clone())
            .map_err(|e| Error::invalid("", "", e.to_string()))?;
        let mut value = raise(d, section.version, section.value.clone())
            .map_err(|why| Error::invalid("/version", section.version, why))?;
        let held = after
            .get_mut(d.key)
            .ok_or_else(|| Error::not_found("settings section", key))?;
        let mut before = (d.value)(&held.section);
        for field in d.secrets {
            if section.value.get(*field).is_none() {
                value[*field] = before[*field].clone();
            }
        }
        let parsed = (d.parse)(&value).map_err(below_value)?;
        if before == value {
            return Ok(None);
        }
        held.replace(parsed, actor, now);
        // A changed secret shows as a change though both are set.
        let secret_changed = d.secrets.iter().any(|f| before[*f] != value[*f]);
        secrets::mask(d, &mut before);
        secrets::mask(d, &mut value);
        let mut changes = differences(&before, &value);
        if secret_changed && changes.is_empty() {
            changes.extend(d.secrets.iter().map(|field| Difference {
                pointer: format!("/{field}"),
                from: before[*field].clone(),
                to: value[*field].clone(),
            }));
        }
        let import = SectionImport {
            key: d.key,
            title: d.title,
            changes,
        };
        Ok(Some((*d, import)))
    }
}

/// Pointers of a section's parser lie below `/value` in an export.
fn below_value(e: Error) -> Error {
    match e {
        Error::Invalid(v) => Error::Invalid(Violations(
            v.0.into_iter()
                .map(|v| Violation::new(&format!("/value{}", v.pointer), v.value, v.reason))
                .collect(),
        )),
        other => other,
    }
}
