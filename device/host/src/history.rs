//! Kept events in SQLite (Core §11.1.6).

use platecam_model::{
    Result, UtcTime,
    ports::{EventHistory, HISTORY_EVENTS, HistoryPlace, KeptEvent},
};
use rusqlite::{OptionalExtension, params};

use crate::{Database, database::internal};

/// The step of the schema. Numbers are never used again: readers hold on to them.
pub(crate) const STEP: &str = "
    CREATE TABLE event_history (
        id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, content TEXT NOT NULL
    ) STRICT;
    CREATE INDEX event_history_by_time ON event_history (at, id);";

impl EventHistory for Database {
    fn append(&self, events: &[(UtcTime, String)]) -> Result<()> {
        if events.is_empty() {
            return Ok(());
        }
        let mut db = self.writer.lock();
        let tx = db.transaction().map_err(internal)?;
        for (at, content) in events {
            tx.prepare_cached("INSERT INTO event_history (at, content) VALUES (?1, ?2)")
                .and_then(|mut s| s.execute(params![at.as_millis(), content]))
                .map_err(internal)?;
        }
        tx.prepare_cached(
            "DELETE FROM event_history WHERE id <=
             (SELECT id FROM event_history ORDER BY id DESC LIMIT 1 OFFSET ?1)",
        )
        .and_then(|mut s| s.execute([HISTORY_EVENTS as i64]))
        .map_err(internal)?;
        tx.commit().map_err(internal)
    }

    fn newest(&self) -> Result<i64> {
        self.writer
            .lock()
            .query_row("SELECT coalesce(max(id), 0) FROM event_history", [], |r| {
                r.get(0)
            })
            .map_err(internal)
    }

    fn begin(&self) -> Result<Option<UtcTime>> {
        let first = self
            .reader
            .lock()
            .query_row(
                "SELECT at FROM event_history ORDER BY at LIMIT 1",
                [],
                |r| r.get(0),
            )
            .optional()
            .map_err(internal)?;
        Ok(first.map(UtcTime::from_millis))
    }

    fn read(&self, place: HistoryPlace, up_to: i64, limit: usize) -> Result<Vec<KeptEvent>> {
        let db = self.reader.lock();
        let sql = match place.reverse {
            true => {
                "SELECT id, at, content FROM event_history WHERE (at, id) < (?1, ?2) AND id <= ?3
                 ORDER BY at DESC, id DESC LIMIT ?4"
            }
            false => {
                "SELECT id, at, content FROM event_history WHERE (at, id) > (?1, ?2) AND id <= ?3
                 ORDER BY at, id LIMIT ?4"
            }
        };
        let mut rows = db.prepare_cached(sql).map_err(internal)?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        rows.query_map(params![place.at.as_millis(), place.id, up_to, limit], |r| {
            Ok(KeptEvent {
                id: r.get(0)?,
                at: UtcTime::from_millis(r.get(1)?),
                content: r.get(2)?,
            })
        })
        .and_then(Iterator::collect)
        .map_err(internal)
    }
}

#[cfg(test)]
mod tests {
    use platecam_model::testing::MemoryHistory;

    use super::*;

    fn at(ms: i64) -> UtcTime {
        UtcTime::from_millis(ms)
    }

    /// The same questions to the database and to the one in memory, over a restart.
    #[test]
    fn events_are_read_in_the_order_of_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("db");
        let memory = MemoryHistory::default();
        let db = Database::open(&path).unwrap();
        assert_eq!((db.newest().unwrap(), db.begin().unwrap()), (0, None));
        // Told late: the third is older than the second.
        let events: Vec<_> = [10, 30, 20, 30]
            .into_iter()
            .enumerate()
            .map(|(i, ms)| (at(ms), i.to_string()))
            .collect();
        db.append(&events[..3]).unwrap();
        drop(db);
        let db = Database::open(&path).unwrap();
        db.append(&events[3..]).unwrap();
        memory.append(&events).unwrap();
        assert_eq!(
            (db.newest().unwrap(), db.begin().unwrap()),
            (4, Some(at(10)))
        );
        for reverse in [false, true] {
            for ms in [0, 10, 20, 29, 30, 31] {
                for (up_to, limit) in [(4, 10), (3, 10), (4, 2), (0, 10)] {
                    let place = HistoryPlace::from(at(ms), reverse);
                    let read = db.read(place, up_to, limit).unwrap();
                    assert_eq!(read, memory.read(place, up_to, limit).unwrap(), "{place:?}");
                    if let Some(first) = read.first() {
                        let rest = db.read(place.behind(first), up_to, 10).unwrap();
                        let all = db.read(place, up_to, 10).unwrap();
                        assert_eq!(rest, all[1..], "{place:?}");
                    }
                }
            }
        }
        let ids = |e: Vec<KeptEvent>| e.into_iter().map(|e| e.id).collect::<Vec<_>>();
        let all = db.read(HistoryPlace::from(at(0), false), 9, 9).unwrap();
        assert_eq!(ids(all), [1, 3, 2, 4]);
    }

    #[test]
    fn the_oldest_go_first() {
        let dir = tempfile::tempdir().unwrap();
        let db = Database::open(&dir.path().join("db")).unwrap();
        let many: Vec<_> = (0..HISTORY_EVENTS as i64 + 7)
            .map(|i| (at(i), String::new()))
            .collect();
        db.append(&many).unwrap();
        assert_eq!(db.begin().unwrap(), Some(at(7)));
        assert_eq!(db.newest().unwrap(), HISTORY_EVENTS as i64 + 7);
    }
}
