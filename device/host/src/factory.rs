//! Back to factory (SYS-21): noted at once, done by the next start before anything is read.

use std::{fs, io, path::Path};

use platecam_model::{
    Error, Result, UtcTime,
    ports::{Factory, Moment, ResetScope},
};

use crate::{Database, database::internal, moments};

/// Tables that survive: identity, log and audit trail, and the wish itself (in `facts`). Whatever else there
/// is belongs to the configuration or to users, also what later schema steps add.
const KEPT: &[&str] = &["facts", "log", "audit", "audit_head", "log_counters"];
/// Survive unless everything goes.
const RECORDS: &[&str] = &["records", "alarms"];
/// The fact that notes the wish.
const WISH: &str = "factory_reset";

impl Factory for Database {
    fn request(&self, scope: ResetScope) -> Result<()> {
        let word = match scope {
            ResetScope::Configuration => "configuration",
            ResetScope::Everything => "everything",
        };
        self.writer
            .lock()
            .execute(
                "INSERT INTO facts VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = ?2",
                [WISH, word],
            )
            .map_err(internal)?;
        Ok(())
    }
}

impl Database {
    /// Empties the store if that was asked for; true when it was, and `now` is remembered as the last reset. Call it
    /// before anything is loaded.
    ///
    /// Pictures (those of alarms are in a folder of theirs) go before their rows, and the wish last, together with the rows: a power cut in between
    /// leaves the wish, and the next start does the rest.
    ///
    /// # Errors
    /// [`Error::Internal`]; the wish stays then.
    pub fn finish_reset(&self, pictures: &Path, now: UtcTime) -> Result<bool> {
        let scope = match self.known_fact(WISH)?.as_deref() {
            None => return Ok(false),
            Some("everything") => ResetScope::Everything,
            Some(_) => ResetScope::Configuration,
        };
        if scope == ResetScope::Everything {
            match fs::remove_dir_all(pictures) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => {
                    return Err(Error::internal(format!("{}: {e}", pictures.display())));
                }
                _ => {}
            }
        }
        let mut db = self.writer.lock();
        let tx = db.transaction().map_err(internal)?;
        let tables: Vec<String> = tx
            .prepare(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
            )
            .and_then(|mut rows| rows.query_map([], |r| r.get(0))?.collect())
            .map_err(internal)?;
        for table in tables {
            let kept = KEPT.contains(&table.as_str())
                || (scope == ResetScope::Configuration && RECORDS.contains(&table.as_str()));
            if !kept {
                // The name comes from the schema.
                tx.execute(&format!("DELETE FROM \"{table}\""), [])
                    .map_err(internal)?;
            }
        }
        tx.execute("DELETE FROM facts WHERE name = ?1", [WISH])
            .map_err(internal)?;
        moments::note(&tx, Moment::Reset, now)?;
        tx.commit().map_err(internal)?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use platecam_model::{
        ports::{Moments, SettingsBackend, StoredSection, UserBackend},
        settings::Revision,
    };
    use serde_json::json;

    use super::*;

    const NOW: UtcTime = UtcTime::from_millis(7);

    fn filled(dir: &Path) -> Database {
        let db = Database::open(&dir.join("db")).unwrap();
        db.commit(&[StoredSection {
            key: "a".into(),
            version: 1,
            revision: Revision(1),
            value: json!({}),
            changed_by: "admin".into(),
            changed_at: Some(UtcTime::from_millis(1)),
        }])
        .unwrap();
        db.writer
            .lock()
            .execute_batch(
                "INSERT INTO users (position, name, level, password_hash, sealed_password, remark)
                 VALUES (0, 'admin', 'administrator', 'h', x'01', '');
                 INSERT INTO user_groups VALUES (0, 'guards', '', '[]', NULL);
                 INSERT INTO api_tokens VALUES ('t', 'erp', 'admin', x'01', '[]', 1, NULL, NULL, NULL);
                 INSERT INTO remembered_sessions VALUES (x'01', 'admin', NULL, 1, 2);
                 INSERT INTO alarms VALUES (1, 1, 'input', 1, '', '[]', '{\"state\":\"none\"}', 0, 0);",
            )
            .unwrap();
        db.fact("serial", || "PC1".into()).unwrap();
        db
    }

    /// SYS-21, INIT-7.
    #[test]
    fn settings_history_and_users_go_identity_stays() {
        let dir = tempfile::tempdir().unwrap();
        let pictures = dir.path().join("pictures");
        fs::create_dir(&pictures).unwrap();
        {
            let db = filled(dir.path());
            assert!(!db.finish_reset(&pictures, NOW).unwrap(), "nobody asked");
            db.request(ResetScope::Configuration).unwrap();
            assert_eq!(
                db.load().unwrap().len(),
                1,
                "until the next start all is there"
            );
        }
        let db = Database::open(&dir.path().join("db")).unwrap();
        assert!(db.finish_reset(&pictures, NOW).unwrap());
        assert!(db.load().unwrap().is_empty());
        assert!(db.history("a", None, 10).unwrap().is_empty());
        assert!(db.load_users().unwrap().is_empty());
        for table in ["user_groups", "api_tokens", "remembered_sessions"] {
            let count = format!("SELECT count(*) FROM {table}");
            let left: i64 = db
                .writer
                .lock()
                .query_row(&count, [], |r| r.get(0))
                .unwrap();
            assert_eq!(left, 0, "{table}");
        }
        assert_eq!(db.fact("serial", || "other".into()).unwrap(), "PC1");
        assert!(pictures.exists(), "records stay");
        let alarms = "SELECT count(*) FROM alarms";
        let left: i64 = db
            .writer
            .lock()
            .query_row(alarms, [], |r| r.get(0))
            .unwrap();
        assert_eq!(left, 1, "and alarms");
        assert!(!db.finish_reset(&pictures, NOW).unwrap(), "once");
        assert_eq!(db.last(Moment::Reset).unwrap(), Some(NOW));
    }

    #[test]
    fn everything_takes_the_pictures_too() {
        let dir = tempfile::tempdir().unwrap();
        let pictures = dir.path().join("pictures");
        fs::create_dir_all(pictures.join("2026")).unwrap();
        let db = filled(dir.path());
        db.request(ResetScope::Configuration).unwrap();
        db.request(ResetScope::Everything).unwrap();
        assert!(db.finish_reset(&pictures, NOW).unwrap());
        assert!(!pictures.exists());
    }
}
