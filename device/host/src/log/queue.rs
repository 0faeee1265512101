//! Entries that wait for the log server, on the disk.

use platecam_model::{Error, LogEntry, Result};
use rusqlite::{Transaction, params};

use super::LogDatabase;
use crate::database::internal;

/// Entries that wait at most; beyond it the oldest are dropped and counted (RLOG-3).
pub(super) const CAPACITY: i64 = 16_384;

/// Adds an entry within the transaction that writes it to the log.
pub(super) fn push(tx: &Transaction<'_>, id: i64, json: &str) -> Result<()> {
    tx.prepare_cached("INSERT INTO log_queue (id, entry) VALUES (?1, ?2)")
        .and_then(|mut s| s.execute(params![id, json]))
        .map_err(internal)?;
    let dropped = tx
        .prepare_cached(
            "DELETE FROM log_queue WHERE id <= (SELECT id FROM log_queue ORDER BY id DESC LIMIT 1 OFFSET ?1)",
        )
        .and_then(|mut s| s.execute([CAPACITY]))
        .map_err(internal)?;
    if dropped > 0 {
        count(tx, "dropped", dropped)?;
    }
    Ok(())
}

fn count(tx: &Transaction<'_>, name: &str, by: usize) -> Result<()> {
    tx.execute(
        "INSERT INTO log_counters (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = value + ?2",
        params![name, by as i64],
    )
    .map(drop)
    .map_err(internal)
}

impl LogDatabase {
    /// The oldest entries that wait behind number `after`, at most `limit`.
    pub(super) fn waiting(&self, after: u64, limit: usize) -> Result<Vec<LogEntry>> {
        let db = self.db.reader.lock();
        let mut rows = db
            .prepare_cached("SELECT entry FROM log_queue WHERE id > ?1 ORDER BY id LIMIT ?2")
            .map_err(internal)?;
        let rows = rows
            .query_map(params![after as i64, limit as i64], |r| {
                r.get::<_, String>(0)
            })
            .map_err(internal)?;
        let mut out = Vec::new();
        for row in rows {
            let entry = serde_json::from_str(&row.map_err(internal)?);
            out.push(entry.map_err(|e| Error::internal(format!("queued log entry: {e}")))?);
        }
        Ok(out)
    }

    /// Removes the entries up to number `id`: they arrived, or nobody wants them any more.
    pub(super) fn take_off(&self, id: u64) -> Result<()> {
        let db = self.db.writer.lock();
        db.execute("DELETE FROM log_queue WHERE id <= ?1", [id as i64])
            .map(drop)
            .map_err(internal)
    }

    /// Number of the newest entry that waits; 0 without one.
    pub(super) fn newest_waiting(&self) -> Result<u64> {
        let db = self.db.reader.lock();
        db.query_row("SELECT coalesce(max(id), 0) FROM log_queue", [], |r| {
            r.get::<_, i64>(0)
        })
        .map(i64::unsigned_abs)
        .map_err(internal)
    }

    /// How many wait, and how many were dropped ever.
    pub(super) fn queue_length(&self) -> Result<(u64, u64)> {
        let db = self.db.reader.lock();
        let number = |sql: &str| {
            db.query_row(sql, [], |r| r.get::<_, i64>(0))
                .map_err(internal)
        };
        Ok((
            number("SELECT count(*) FROM log_queue")?.unsigned_abs(),
            number("SELECT coalesce(sum(value), 0) FROM log_counters WHERE name = 'dropped'")?
                .unsigned_abs(),
        ))
    }
}
