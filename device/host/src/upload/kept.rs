//! What the upload remembers over restarts. The records themselves are the queue: they lie on the disk in their order,
//! with numbers that are never used again, and one number tells which of them are done.

use std::collections::{BTreeMap, BTreeSet};

use parking_lot::Mutex;
use platecam_model::{Error, RecordId, Result};
use rusqlite::{OptionalExtension, params};
use serde::{Deserialize, Serialize};

use crate::{Database, database::internal};

/// The fact that holds it.
const FACT: &str = "upload";
/// Most records that wait for their second picture; beyond it the oldest is not waited for.
const MAX_AWAITING: usize = 64;
/// Most servers whose keys are remembered.
const MAX_KEYS: usize = 16;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Content {
    /// Records up to this number are done; `None` while upload is off.
    done: Option<i64>,
    /// Records that are done and may get a second picture yet, oldest first.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    awaiting: BTreeSet<i64>,
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

    /// A record is done but for the second picture that it may get; durable when it returns.
    pub(super) fn finish_first(&self, id: i64) -> Result<()> {
        self.change(|c| {
            c.done = Some(id);
            c.awaiting.insert(id);
            if c.awaiting.len() > MAX_AWAITING {
                c.awaiting.pop_first();
            }
        })
    }

    /// Records that are done but for their second picture.
    pub(super) fn awaiting(&self) -> Vec<RecordId> {
        let content = self.content.lock();
        content.awaiting.iter().copied().map(RecordId).collect()
    }

    /// Nothing of this record is waited for any more.
    pub(super) fn settle(&self, id: RecordId) -> Result<()> {
        self.change(|c| {
            c.awaiting.remove(&id.0);
        })
    }

    /// Up to here the server has all that it gets, where records up to `done` are done.
    pub(super) fn complete(&self, done: i64) -> RecordId {
        let first = self.content.lock().awaiting.first().copied();
        RecordId(first.map_or(done, |id| done.min(id - 1)))
    }

    /// Upload is off: what is recorded now is never uploaded.
    pub(super) fn rest(&self) -> Result<()> {
        if self.content.lock().done.is_some() {
            // What was kept for the server alone is all there is: it stays.
            let sql = "UPDATE records SET owed = 0, brief = 0 WHERE owed = 1 OR brief = 1";
            self.db.writer.lock().execute(sql, []).map_err(internal)?;
        }
        self.change(|c| {
            c.done = None;
            c.awaiting.clear();
        })
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

    /// The oldest record behind `after` whose pictures lie on this card and were not uploaded when it was missing.
    pub(super) fn owed(&self, card: &str, after: i64) -> Result<Option<RecordId>> {
        let sql = "SELECT min(id) FROM records WHERE owed = 1 AND card = ?1 AND id > ?2";
        let db = self.db.reader.lock();
        db.query_row(sql, params![card, after], |r| r.get(0))
            .optional()
            .map(|found| found.flatten().map(RecordId))
            .map_err(internal)
    }

    /// The record is uploaded when its card is back, or is not owed any more.
    pub(super) fn owe(&self, id: RecordId, owed: bool) -> Result<()> {
        let sql = "UPDATE records SET owed = ?2 WHERE id = ?1";
        let db = self.db.writer.lock();
        db.execute(sql, params![id.0, owed])
            .map(drop)
            .map_err(internal)
    }

    /// Nothing is owed or waited for any more.
    pub(super) fn remit(&self) -> Result<()> {
        self.change(|c| c.awaiting.clear())?;
        let db = self.db.writer.lock();
        db.execute("UPDATE records SET owed = 0 WHERE owed = 1", [])
            .map(drop)
            .map_err(internal)
    }

    /// Name of the card on which a record's pictures lie.
    pub(super) fn card(&self, id: RecordId) -> Result<Option<String>> {
        let db = self.db.reader.lock();
        let card = db.query_row("SELECT card FROM records WHERE id = ?1", [id.0], |r| {
            r.get(0)
        });
        card.optional().map(Option::flatten).map_err(internal)
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

    /// How many records lie behind `id`, wait for their card, or have a second picture that came later.
    pub(super) fn behind(&self, id: i64) -> Result<u64> {
        let awaiting = serde_json::to_string(&self.content.lock().awaiting);
        let awaiting = awaiting.map_err(Error::internal)?;
        let sql = "SELECT count(*) FROM records WHERE id > ?1 OR owed = 1
            OR (second_bytes > 0 AND id IN (SELECT value FROM json_each(?2)))";
        let db = self.db.reader.lock();
        let n: i64 = db
            .query_row(sql, params![id, awaiting], |r| r.get(0))
            .map_err(internal)?;
        Ok(n.unsigned_abs())
    }
}
