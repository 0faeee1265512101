use std::{path::Path, sync::Arc};

use parking_lot::Mutex;
use platecam_model::{
    Error, Result, UtcTime,
    ports::{SettingsBackend, StoredSection},
    settings::Revision,
};
use rusqlite::{Connection, OptionalExtension, params};
use rusqlite_migration::{M, Migrations};

/// The schema, one step per released form. Steps are never edited, only added.
const STEPS: &[M<'static>] = &[M::up(
    "CREATE TABLE settings (
        key TEXT PRIMARY KEY, version INTEGER NOT NULL, revision INTEGER NOT NULL,
        value TEXT NOT NULL, changed_by TEXT NOT NULL, changed_at INTEGER
     ) STRICT;
     CREATE TABLE settings_history (
        id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL, revision INTEGER NOT NULL,
        value TEXT NOT NULL, changed_by TEXT NOT NULL, changed_at INTEGER
     ) STRICT;
     CREATE TABLE users (
        position INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE COLLATE NOCASE, level TEXT NOT NULL,
        password_hash TEXT NOT NULL, sealed_password BLOB NOT NULL, remark TEXT NOT NULL, email TEXT
     ) STRICT;
     CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
     CREATE TABLE records (
        id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, captured_at INTEGER NOT NULL,
        plate TEXT NOT NULL, likelihood REAL NOT NULL, direction TEXT NOT NULL, country TEXT, entity TEXT,
        rect TEXT, width INTEGER NOT NULL, height INTEGER NOT NULL, full_bytes INTEGER NOT NULL,
        plate_bytes INTEGER NOT NULL, track INTEGER NOT NULL
     ) STRICT;
     CREATE INDEX records_by_time ON records (captured_at);
     CREATE INDEX records_by_plate ON records (plate);",
), M::up(
    "CREATE TABLE log (
        id INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL, user TEXT, entry TEXT NOT NULL
     ) STRICT;
     CREATE INDEX log_by_time ON log (at);
     CREATE TABLE audit (
        id INTEGER PRIMARY KEY, entry TEXT NOT NULL, prev BLOB NOT NULL, hash BLOB NOT NULL
     ) STRICT;
     CREATE TRIGGER audit_is_append_only BEFORE UPDATE ON audit
        BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
     CREATE TRIGGER audit_loses_the_oldest_only BEFORE DELETE ON audit
        WHEN OLD.id <> (SELECT min(id) FROM audit)
        BEGIN SELECT RAISE(ABORT, 'only the oldest entries leave the audit trail'); END;
     CREATE TABLE audit_head (one INTEGER PRIMARY KEY CHECK (one = 1), sealed BLOB NOT NULL) STRICT;
     CREATE TABLE log_queue (id INTEGER PRIMARY KEY, entry TEXT NOT NULL) STRICT;
     CREATE TABLE log_counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;",
), M::up(crate::people::STEP), M::up(crate::certificates::STEP), M::up(crate::mqtt::STEP), M::up(crate::certificates::KEYSTORE_STEP), M::up(crate::people::FUNCTIONS_STEP), M::up(crate::history::STEP), M::up(crate::alarms::STEP), M::up(crate::records::COLORS_STEP), M::up(crate::records::CARD_STEP), M::up(crate::certificates::POLICIES_STEP), M::up(crate::records::SPEED_STEP), M::up(crate::records::SECOND_STEP), M::up(crate::certificates::CRLS_STEP), M::up(crate::records::TYPE_STEP)];

/// Changes of a section that are remembered.
const HISTORY: i64 = 200;

/// The SQLite database of a state directory. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Database {
    pub(crate) writer: Arc<Mutex<Connection>>,
    pub(crate) reader: Arc<Mutex<Connection>>,
}

pub(crate) fn internal(e: rusqlite::Error) -> Error {
    Error::internal(format!("database: {e}"))
}

impl Database {
    /// Opens or makes the database and lifts it to the newest form.
    ///
    /// # Errors
    /// [`Error::Internal`] naming the file.
    pub fn open(path: &Path) -> Result<Self> {
        let bad = |e: &dyn std::fmt::Display| {
            Error::internal(format!("database {}: {e}", path.display()))
        };
        let mut writer = Connection::open(path).map_err(|e| bad(&e))?;
        for (pragma, value) in [
            ("journal_mode", "WAL"),
            ("synchronous", "FULL"),
            ("foreign_keys", "ON"),
        ] {
            writer
                .pragma_update(None, pragma, value)
                .map_err(|e| bad(&e))?;
        }
        writer
            .busy_timeout(std::time::Duration::from_secs(5))
            .map_err(|e| bad(&e))?;
        Migrations::from_slice(STEPS)
            .to_latest(&mut writer)
            .map_err(|e| bad(&e))?;
        let reader = Connection::open_with_flags(path, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY)
            .map_err(|e| bad(&e))?;
        reader
            .busy_timeout(std::time::Duration::from_secs(5))
            .map_err(|e| bad(&e))?;
        Ok(Self {
            writer: Arc::new(Mutex::new(writer)),
            reader: Arc::new(Mutex::new(reader)),
        })
    }

    /// A fact, if it is known.
    ///
    /// # Errors
    /// [`Error::Internal`].
    pub fn known_fact(&self, name: &str) -> Result<Option<String>> {
        self.writer
            .lock()
            .query_row("SELECT value FROM facts WHERE name = ?1", [name], |r| {
                r.get(0)
            })
            .optional()
            .map_err(internal)
    }

    /// A fact made once and kept, such as the serial number.
    ///
    /// # Errors
    /// [`Error::Internal`].
    pub fn fact(&self, name: &str, make: impl FnOnce() -> String) -> Result<String> {
        let db = self.writer.lock();
        let known = db
            .query_row("SELECT value FROM facts WHERE name = ?1", [name], |r| {
                r.get(0)
            })
            .optional()
            .map_err(internal)?;
        if let Some(known) = known {
            return Ok(known);
        }
        let value = make();
        db.execute(
            "INSERT INTO facts (name, value) VALUES (?1, ?2)",
            [name, &value],
        )
        .map_err(internal)?;
        Ok(value)
    }

    /// Sets a fact that may change.
    ///
    /// # Errors
    /// [`Error::Internal`].
    pub(crate) fn set_fact(&self, name: &str, value: &str) -> Result<()> {
        let db = self.writer.lock();
        db.execute(
            "INSERT INTO facts VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = ?2",
            [name, value],
        )
        .map(drop)
        .map_err(internal)
    }
}

impl SettingsBackend for Database {
    fn load(&self) -> Result<Vec<StoredSection>> {
        let db = self.writer.lock();
        let mut rows = db
            .prepare("SELECT key, version, revision, value, changed_by, changed_at FROM settings")
            .map_err(internal)?;
        let rows = rows
            .query_map([], |r| {
                Ok((
                    r.get::<_, String>(0)?,
                    r.get(1)?,
                    r.get::<_, i64>(2)?,
                    r.get::<_, String>(3)?,
                    r.get(4)?,
                    r.get::<_, Option<i64>>(5)?,
                ))
            })
            .map_err(internal)?;
        let mut out = Vec::new();
        for row in rows {
            let (key, version, revision, value, changed_by, changed_at) = row.map_err(internal)?;
            let value = serde_json::from_str(&value)
                .map_err(|e| Error::internal(format!("settings section '{key}': {e}")))?;
            let revision = Revision(revision.unsigned_abs());
            out.push(StoredSection {
                key,
                version,
                revision,
                value,
                changed_by,
                changed_at: changed_at.map(UtcTime::from_micros),
            });
        }
        Ok(out)
    }

    fn commit(&self, sections: &[StoredSection]) -> Result<()> {
        let mut db = self.writer.lock();
        let tx = db.transaction().map_err(internal)?;
        for s in sections {
            let at = s.changed_at.map(UtcTime::as_micros);
            let (value, revision) = (s.value.to_string(), s.revision.0 as i64);
            tx.execute(
                "INSERT INTO settings VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (key) DO UPDATE SET
                 version = ?2, revision = ?3, value = ?4, changed_by = ?5, changed_at = ?6",
                params![s.key, s.version, revision, value, s.changed_by, at],
            )
            .map_err(internal)?;
            tx.execute(
                "INSERT INTO settings_history (key, revision, value, changed_by, changed_at) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![s.key, revision, value, s.changed_by, at],
            )
            .map_err(internal)?;
            tx.execute(
                "DELETE FROM settings_history WHERE key = ?1 AND revision <= ?2",
                params![s.key, revision - HISTORY],
            )
            .map_err(internal)?;
        }
        tx.commit().map_err(internal)
    }

    fn history(
        &self,
        key: &str,
        before: Option<Revision>,
        limit: usize,
    ) -> Result<Vec<StoredSection>> {
        let db = self.reader.lock();
        let mut rows = db
            .prepare(
                "SELECT revision, value, changed_by, changed_at FROM settings_history
                 WHERE key = ?1 AND revision < ?2 ORDER BY id DESC LIMIT ?3",
            )
            .map_err(internal)?;
        let before = before.map_or(i64::MAX, |r| r.0 as i64);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = rows
            .query_map(params![key, before, limit], |r| {
                Ok((
                    r.get::<_, i64>(0)?,
                    r.get::<_, String>(1)?,
                    r.get(2)?,
                    r.get::<_, Option<i64>>(3)?,
                ))
            })
            .map_err(internal)?;
        let mut out = Vec::new();
        for row in rows {
            let (revision, value, changed_by, changed_at) = row.map_err(internal)?;
            out.push(StoredSection {
                key: key.to_owned(),
                version: 0,
                revision: Revision(revision.unsigned_abs()),
                value: serde_json::from_str(&value)
                    .map_err(|e| Error::internal(format!("history of '{key}': {e}")))?,
                changed_by,
                changed_at: changed_at.map(UtcTime::from_micros),
            });
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn section(key: &str, revision: u64) -> StoredSection {
        StoredSection {
            key: key.into(),
            version: 1,
            revision: Revision(revision),
            value: json!({"n": revision}),
            changed_by: "admin".into(),
            changed_at: Some(UtcTime::from_millis(1)),
        }
    }

    #[test]
    fn settings_and_facts_come_back_after_reopening() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("db");
        let serial;
        {
            let db = Database::open(&path).unwrap();
            db.commit(&[section("a", 1), section("b", 1)]).unwrap();
            db.commit(&[section("a", 2)]).unwrap();
            serial = db.fact("serial", || "one".into()).unwrap();
        }
        let db = Database::open(&path).unwrap();
        assert_eq!(db.load().unwrap(), [section("a", 2), section("b", 1)]);
        assert_eq!(db.fact("serial", || "two".into()).unwrap(), serial);
    }

    #[test]
    fn history_is_kept_and_bounded() {
        let dir = tempfile::tempdir().unwrap();
        let db = Database::open(&dir.path().join("db")).unwrap();
        for i in 1..=HISTORY as u64 + 5 {
            db.commit(&[section("a", i)]).unwrap();
        }
        let n: i64 = db
            .writer
            .lock()
            .query_row("SELECT count(*) FROM settings_history", [], |r| r.get(0))
            .unwrap();
        assert_eq!(n, HISTORY);
    }

    /// A state directory of the first form: users keep their rights as groups.
    #[test]
    fn users_of_the_first_form_become_members_of_groups() {
        use platecam_model::ports::UserBackend;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("db");
        {
            let mut old = Connection::open(&path).unwrap();
            Migrations::from_slice(&STEPS[..1])
                .to_latest(&mut old)
                .unwrap();
            for (i, (name, level)) in [("admin", "administrator"), ("o", "operator"), ("u", "user")]
                .into_iter()
                .enumerate()
            {
                old.execute(
                    "INSERT INTO users VALUES (?1, ?2, ?3, 'h', x'01', '', NULL)",
                    params![i as i64, name, level],
                )
                .unwrap();
            }
        }
        let users = Database::open(&path).unwrap().load_users().unwrap();
        let groups: Vec<_> = users
            .iter()
            .map(|u| (u.name.as_str(), u.group.as_str(), u.permissions))
            .collect();
        assert_eq!(
            groups,
            [
                ("admin", "admin", None),
                ("o", "operator", None),
                ("u", "user", None)
            ]
        );
    }

    #[test]
    fn the_migrations_are_sound_and_damage_is_named() {
        Migrations::from_slice(STEPS).validate().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("db");
        std::fs::write(&path, vec![7; 4096]).unwrap();
        let Err(Error::Internal { detail }) = Database::open(&path) else {
            panic!()
        };
        assert!(detail.contains(path.to_str().unwrap()), "{detail}");
    }
}
