//! Moments that are remembered over restarts, as facts: Default keeps them.

use platecam_model::{
    Error, Result, UtcTime,
    ports::{Moment, Moments},
};
use rusqlite::Connection;

use crate::{Database, database::internal};

fn fact(what: Moment) -> String {
    format!("last_{}", what.word())
}

/// Notes it within what `db` is doing.
pub(crate) fn note(db: &Connection, what: Moment, at: UtcTime) -> Result<()> {
    db.execute(
        "INSERT INTO facts VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = ?2",
        [fact(what), at.as_micros().to_string()],
    )
    .map_err(internal)?;
    Ok(())
}

impl Moments for Database {
    fn note(&self, what: Moment, at: UtcTime) -> Result<()> {
        note(&self.writer.lock(), what, at)
    }

    fn last(&self, what: Moment) -> Result<Option<UtcTime>> {
        let name = fact(what);
        let Some(text) = self.known_fact(&name)? else {
            return Ok(None);
        };
        let micros = text
            .parse()
            .map_err(|e| Error::internal(format!("fact {name}: {e}")))?;
        Ok(Some(UtcTime::from_micros(micros)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_time_is_remembered() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("db");
        {
            let db = Database::open(&path).unwrap();
            assert_eq!(db.last(Moment::Backup).unwrap(), None);
            for n in [1, 7] {
                Moments::note(&db, Moment::Backup, UtcTime::from_millis(n)).unwrap();
            }
        }
        let db = Database::open(&path).unwrap();
        let last = db.last(Moment::Backup).unwrap();
        assert_eq!(last, Some(UtcTime::from_millis(7)));
        assert_eq!(db.last(Moment::Reset).unwrap(), None);
    }
}
