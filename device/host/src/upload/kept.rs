//! What the upload remembers over restarts. The records themselves are the queue: they lie on the disk in their order,
//! with numbers that are never used again, and one number tells which of them are done.

use std::collections::BTreeMap;

use parking_lot::Mutex;
use platecam_model::{Error, RecordId, Result};
use rusqlite::OptionalExtension;
use serde::{Deserialize, Serialize};

use crate::{Database, database::internal};

/// The fact that holds it.
const FACT: &str = "upload";
/// Most servers whose keys are remembered.
const MAX_KEYS: usize = 16;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Content {
    /// Records up to this number are done; `None` while upload is off.
    done: Option<i64>,
    /// Keys that servers showed, by host and port.
    keys: BTreeMap<String, String>,
}

/// The memory, and the records it is about.
#[derive(Debug)]
pub(super) struct Kept {
    db: Database,
    content: Mutex<Content>,
}

impl Kept {
    pub(super) fn load(db: Database) -> Result<Self> {
        let text = db.known_fact(FACT)?;
        let content = text.map(|t| serde_json::from_str(&t)).transpose();
        let content = content.map_err(|e| Error::internal(format!("fact {FACT}: {e}")))?;
        Ok(Self {
            db,
            content: Mutex::new(content.unwrap_or_default()),
        })
    }

    fn change(&self, change: impl FnOnce(&mut Content)) -> Result<()> {
        let mut content = self.content.lock();
        let mut next = content.clone();
        change(&mut next);
        if next != *content {
            let text = serde_json::to_string(&next).map_err(Error::internal)?;
            self.db.set_fact(FACT, &text)?;
            *content = next;
        }
        Ok(())
    }

    /// Where the upload stands; begins behind the newest record when it was off.
    pub(super) fn done(&self) -> Result<i64> {
        if let Some(done) = self.content.lock().done {
            return Ok(done);
        }
        let newest = self.newest()?;
        self.finish(newest)?;
        Ok(newest)
    }

    /// Records up to `id` are done; durable when it returns.
    pub(super) fn finish(&self, id: i64) -> Result<()> {
        self.change(|c| c.done = Some(id))
    }

    /// Upload is off: what is recorded now is never uploaded.
    pub(super) fn rest(&self) -> Result<()> {
        self.change(|c| c.done = None)
    }

    /// The key of a server.
    pub(super) fn key(&self, place: &str) -> Option<String> {
        self.content.lock().keys.get(place).cloned()
    }

    /// Remembers the key of a server that has none yet.
    pub(super) fn learn(&self, place: &str, key: &str) -> Result<()> {
        self.change(|c| {
            if c.keys.len() >= MAX_KEYS && !c.keys.contains_key(place) {
                c.keys.pop_first();
            }
            c.keys
                .entry(place.to_owned())
                .or_insert_with(|| key.to_owned());
        })
    }

    /// Another key counts from now on.
    pub(super) fn replace(&self, place: &str, key: &str) -> Result<()> {
        self.change(|c| {
            c.keys.insert(place.to_owned(), key.to_owned());
        })
    }

    /// Forgets all keys.
    pub(super) fn forget_keys(&self) -> Result<()> {
        self.change(|c| c.keys.clear())
    }

    /// The number of the newest record that ever was.
    pub(super) fn newest(&self) -> Result<i64> {
        let sql = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'records'";
        let db = self.db.reader.lock();
        db.query_row(sql, [], |r| r.get(0)).map_err(internal)
    }

    /// The oldest record behind `id`.
    pub(super) fn next(&self, id: i64) -> Result<Option<RecordId>> {
        let db = self.db.reader.lock();
        db.query_row("SELECT min(id) FROM records WHERE id > ?1", [id], |r| {
            r.get(0)
        })
        .optional()
        .map(|found| found.flatten().map(RecordId))
        .map_err(internal)
    }

    /// How many records lie behind `id`.
    pub(super) fn behind(&self, id: i64) -> Result<u64> {
        let db = self.db.reader.lock();
        let n: i64 = db
            .query_row("SELECT count(*) FROM records WHERE id > ?1", [id], |r| {
                r.get(0)
            })
            .map_err(internal)?;
        Ok(n.unsigned_abs())
    }
}
