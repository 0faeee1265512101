use std::{fmt, sync::Arc};

use parking_lot::{Condvar, Mutex};
use platecam_model::{
    Actor, Error, LogEntry, LogKind, Result, UtcTime,
    log::{AuditCheck, LogPage, LogQuery, NewLogEntry, Severity, TrailEntry},
    ports::{LOG_CAPACITY, LogStore, Sealer, TRAIL_CAPACITY},
};
use rusqlite::{Connection, OptionalExtension, Row, ToSql, Transaction, params, params_from_iter};

use super::chain::{self, GENESIS, Hash, Head};
use crate::{Database, database::internal};

/// Context under which the head of the trail is sealed.
const SEAL: &[u8] = b"audit trail head";
/// Rows a page may hold, trail included.
const MAX_PAGE: u32 = 1024;

/// Whether an entry is to wait for the log server.
type WantsQueue = Box<dyn Fn(&LogEntry) -> bool + Send + Sync>;

/// Log, audit trail and the log server's queue in the state directory's database.
pub struct LogDatabase {
    pub(super) db: Database,
    sealer: Arc<dyn Sealer>,
    queued: WantsQueue,
    /// Newest number and hash; writers queue here, before the database's own lock.
    head: Mutex<Head>,
    /// Raised when the queue got something or settings changed.
    pub(super) news: (Mutex<bool>, Condvar),
}

impl fmt::Debug for LogDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogDatabase").finish_non_exhaustive()
    }
}

impl LogDatabase {
    /// Uses the tables in `db`; the head of the trail is sealed by `sealer`; entries for which `queued`
    /// holds wait for the log server as well. A trail whose ends are not where this device left them gets an
    /// entry that says so: from then on the seal is right again, the entry stays.
    ///
    /// # Errors
    /// [`Error::Internal`] when the tables cannot be read or written.
    pub fn open(
        db: Database,
        sealer: Arc<dyn Sealer>,
        now: UtcTime,
        queued: impl Fn(&LogEntry) -> bool + Send + Sync + 'static,
    ) -> Result<Self> {
        let found = head_of(&db.writer.lock())?;
        let sealed = sealed_head(&db.writer.lock())?;
        let known = sealed.as_ref().and_then(|s| sealer.open(s, SEAL).ok());
        let known = known.and_then(|s| Head::read(&s)).map_or(0, |h| h.last);
        let logged = newest_logged(&db.writer.lock())?;
        // A number is never given twice, also where the end of the trail was cut off.
        let last = found.last.max(known).max(logged);
        let store = Self {
            db,
            sealer,
            queued: Box::new(queued),
            head: Mutex::new(Head { last, ..found }),
            news: (Mutex::new(false), Condvar::new()),
        };
        if let Some(problem) = judge(&*store.sealer, sealed, found) {
            let text = format!("The audit trail was changed from outside: {problem}.");
            let by = Actor::system();
            let entry = NewLogEntry::new(now, LogKind::Alarm, Severity::Error, &by, text);
            store.append(vec![entry])?;
        }
        Ok(store)
    }

    /// Computes the chain of the trail in `db` anew and compares its ends with the sealed head, without changing
    /// anything.
    ///
    /// # Errors
    /// [`Error::Internal`] when the trail cannot be read; what is wrong with it is no error.
    pub fn verify(db: &Database, sealer: &dyn Sealer) -> Result<AuditCheck> {
        // Of one moment: nobody may write between the rows and the sealed head.
        let mut db = db.reader.lock();
        let tx = db.transaction().map_err(internal)?;
        let mut check = AuditCheck::default();
        let walked = walk(&tx, &mut check)?;
        let judged = judge(sealer, sealed_head(&tx)?, walked).map(str::to_owned);
        check.problem = check.problem.take().or(judged);
        check.ok = check.problem.is_none();
        Ok(check)
    }

    /// Writes the entries behind `head` and seals the new head.
    fn write(
        &self,
        tx: &Transaction<'_>,
        head: &mut Head,
        entries: Vec<NewLogEntry>,
    ) -> Result<Vec<LogEntry>> {
        let mut out = Vec::with_capacity(entries.len());
        for new in entries {
            let entry = LogEntry::numbered(head.last + 1, new);
            let json = chain::json(&entry).map_err(Error::internal)?;
            let hash = chain::next(&head.hash, &json);
            let (id, at) = (entry.id as i64, entry.at.as_micros());
            let user = entry.user.as_ref().map(|u| u.to_lowercase());
            tx.prepare_cached("INSERT INTO audit (id, entry, prev, hash) VALUES (?1, ?2, ?3, ?4)")
                .and_then(|mut s| s.execute(params![id, json, head.hash, hash]))
                .map_err(internal)?;
            tx.prepare_cached(
                "INSERT INTO log (id, at, kind, user, entry) VALUES (?1, ?2, ?3, ?4, ?5)",
            )
            .and_then(|mut s| s.execute(params![id, at, entry.kind.word(), user, json]))
            .map_err(internal)?;
            if (self.queued)(&entry) {
                super::queue::push(tx, id, &json)?;
            }
            head.last = entry.id;
            head.hash = hash;
            out.push(entry);
        }
        trim(tx, head)?;
        let sealed = self.sealer.seal(&head.bytes(), SEAL)?;
        tx.execute(
            "INSERT INTO audit_head (one, sealed) VALUES (1, ?1) ON CONFLICT (one) DO UPDATE SET sealed = ?1",
            [sealed],
        )
        .map_err(internal)?;
        Ok(out)
    }

    /// Runs `work` in one transaction behind the head; the head moves only when it was committed.
    fn committed<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>, &mut Head) -> Result<T>,
    ) -> Result<T> {
        let mut head = self.head.lock();
        let mut moved = *head;
        let mut db = self.db.writer.lock();
        let tx = db.transaction().map_err(internal)?;
        let out = work(&tx, &mut moved)?;
        tx.commit().map_err(internal)?;
        *head = moved;
        drop((db, head));
        self.tell();
        Ok(out)
    }

    /// Wakes whoever waits for the queue.
    pub(super) fn tell(&self) {
        *self.news.0.lock() = true;
        self.news.1.notify_all();
    }
}

/// The newest number and hash, and the oldest number.
fn head_of(db: &Connection) -> Result<Head> {
    let row = |r: &Row<'_>| Ok((r.get::<_, i64>(0)?, r.get::<_, Hash>(1)?));
    let newest = db
        .query_row(
            "SELECT id, hash FROM audit ORDER BY id DESC LIMIT 1",
            [],
            row,
        )
        .optional()
        .map_err(internal)?;
    let Some((last, hash)) = newest else {
        return Ok(Head::EMPTY);
    };
    let first: i64 = db
        .query_row("SELECT min(id) FROM audit", [], |r| r.get(0))
        .map_err(internal)?;
    Ok(Head {
        first: first.unsigned_abs(),
        last: last.unsigned_abs(),
        hash,
    })
}

/// What is wrong with `found` in the light of the sealed head.
fn judge(sealer: &dyn Sealer, sealed: Option<Vec<u8>>, found: Head) -> Option<&'static str> {
    match sealed {
        None if found == Head::EMPTY => None,
        None => Some("the sealed head is missing"),
        Some(sealed) => match sealer.open(&sealed, SEAL) {
            Err(_) => Some("the sealed head is not of this device's key"),
            Ok(head) if Head::read(&head) == Some(found) => None,
            Ok(_) => Some("entries are missing at an end, or the chain was computed anew"),
        },
    }
}

/// The newest number in the system log and in the queue.
fn newest_logged(db: &Connection) -> Result<u64> {
    let sql = "SELECT max(coalesce((SELECT max(id) FROM log), 0), coalesce((SELECT max(id) FROM log_queue), 0))";
    db.query_row(sql, [], |r| r.get::<_, i64>(0))
        .map(i64::unsigned_abs)
        .map_err(internal)
}

fn sealed_head(db: &Connection) -> Result<Option<Vec<u8>>> {
    db.query_row("SELECT sealed FROM audit_head", [], |r| r.get(0))
        .optional()
        .map_err(internal)
}

/// Removes what is beyond the bounds.
fn trim(tx: &Transaction<'_>, head: &mut Head) -> Result<()> {
    tx.execute(
        "DELETE FROM log WHERE id <= (SELECT id FROM log ORDER BY id DESC LIMIT 1 OFFSET ?1)",
        [LOG_CAPACITY as i64],
    )
    .map_err(internal)?;
    let oldest = (head.last.saturating_sub(TRAIL_CAPACITY) + 1).max(head.first);
    tx.execute("DELETE FROM audit WHERE id < ?1", [oldest as i64])
        .map_err(internal)?;
    head.first = oldest;
    Ok(())
}

fn read_entry(json: &str) -> Result<LogEntry> {
    serde_json::from_str(json).map_err(|e| Error::internal(format!("stored log entry: {e}")))
}

/// `WHERE` of a query, paging apart, with its values.
fn condition(q: &LogQuery) -> (String, Vec<Box<dyn ToSql>>) {
    let mut values: Vec<Box<dyn ToSql>> = Vec::new();
    let mut parts = vec!["1".to_owned()];
    let mut add = |sql: &str, value: Box<dyn ToSql>| {
        values.push(value);
        parts.push(format!("{sql}?{}", values.len()));
    };
    if let Some(from) = q.from {
        add("at >= ", Box::new(from.as_micros()));
    }
    if let Some(to) = q.to {
        add("at <= ", Box::new(to.as_micros()));
    }
    if let Some(user) = &q.user {
        add("user = ", Box::new(user.to_lowercase()));
    }
    if !q.kinds.is_empty() {
        // Words of an enum: nothing to quote.
        let words: Vec<_> = q.kinds.iter().map(|k| format!("'{}'", k.word())).collect();
        parts.push(format!("kind IN ({})", words.join(", ")));
    }
    (parts.join(" AND "), values)
}

impl LogStore for LogDatabase {
    fn append(&self, entries: Vec<NewLogEntry>) -> Result<Vec<LogEntry>> {
        if entries.is_empty() {
            return Ok(Vec::new());
        }
        self.committed(|tx, head| self.write(tx, head, entries))
    }

    fn search(&self, q: &LogQuery) -> Result<LogPage> {
        let limit = if q.limit == 0 {
            MAX_PAGE
        } else {
            q.limit.min(MAX_PAGE)
        };
        let (condition, values) = condition(q);
        let db = self.db.reader.lock();
        let total: i64 = db
            .prepare(&format!("SELECT count(*) FROM log WHERE {condition}"))
            .and_then(|mut s| s.query_row(params_from_iter(&values), |r| r.get(0)))
            .map_err(internal)?;
        let before = q
            .before
            .map_or(i64::MAX, |b| i64::try_from(b).unwrap_or(i64::MAX));
        let sql = format!(
            "SELECT entry FROM log WHERE {condition} AND id < {before} ORDER BY id DESC LIMIT {}",
            limit + 1
        );
        let mut rows = db.prepare(&sql).map_err(internal)?;
        let rows = rows
            .query_map(params_from_iter(&values), |r| r.get::<_, String>(0))
            .map_err(internal)?;
        let mut items = Vec::new();
        for row in rows {
            items.push(read_entry(&row.map_err(internal)?)?);
        }
        let more = items.len() > limit as usize;
        items.truncate(limit as usize);
        Ok(LogPage {
            next_before: items.last().filter(|_| more).map(|e| e.id),
            items,
            total: total.unsigned_abs(),
        })
    }

    fn clear(&self, note: NewLogEntry) -> Result<(u64, LogEntry)> {
        self.committed(|tx, head| {
            let removed = tx.execute("DELETE FROM log", []).map_err(internal)?;
            let note = self.write(tx, head, vec![note])?.pop();
            let note = note.ok_or_else(|| Error::internal("the note was not written"))?;
            Ok((removed as u64, note))
        })
    }

    fn trail(&self, after: u64, limit: u32) -> Result<Vec<TrailEntry>> {
        let db = self.db.reader.lock();
        let mut rows = db
            .prepare_cached(
                "SELECT entry, prev, hash FROM audit WHERE id > ?1 ORDER BY id LIMIT ?2",
            )
            .map_err(internal)?;
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        let rows = rows
            .query_map(params![after, limit.min(MAX_PAGE)], |r| {
                Ok((
                    r.get::<_, String>(0)?,
                    r.get::<_, Hash>(1)?,
                    r.get::<_, Hash>(2)?,
                ))
            })
            .map_err(internal)?;
        let mut out = Vec::new();
        for row in rows {
            let (json, prev, hash) = row.map_err(internal)?;
            out.push(TrailEntry {
                entry: read_entry(&json)?,
                prev: hex(&prev),
                hash: hex(&hash),
            });
        }
        Ok(out)
    }

    fn verify_trail(&self) -> Result<AuditCheck> {
        Self::verify(&self.db, &*self.sealer)
    }
}

/// Computes the chain anew; notes in `check` what is wrong, returns the head found.
fn walk(tx: &Transaction<'_>, check: &mut AuditCheck) -> Result<Head> {
    let mut rows = tx
        .prepare("SELECT id, entry, prev, hash FROM audit ORDER BY id")
        .map_err(internal)?;
    let mut rows = rows.query([]).map_err(internal)?;
    let mut head = Head::EMPTY;
    while let Some(r) = rows.next().map_err(internal)? {
        let id = r.get::<_, i64>(0).map_err(internal)?.unsigned_abs();
        let json: String = r.get(1).map_err(internal)?;
        let (prev, hash): (Hash, Hash) = (r.get(2).map_err(internal)?, r.get(3).map_err(internal)?);
        let wrong = if check.entries > 0 && id != head.last + 1 {
            Some("is not the one after its neighbour")
        } else if check.entries > 0 && prev != head.hash || id == 1 && prev != GENESIS {
            Some("does not continue the chain")
        } else if chain::next(&prev, &json) != hash {
            Some("was changed")
        } else {
            None
        };
        if let (None, Some(wrong)) = (&check.problem, wrong) {
            check.problem = Some(format!("entry {id} {wrong}"));
        }
        if check.entries == 0 {
            check.first_id = Some(id);
            head.first = id;
        }
        check.entries += 1;
        check.last_id = Some(id);
        (head.last, head.hash) = (id, hash);
    }
    if check.entries > 0 {
        check.head = hex(&head.hash);
    }
    Ok(head)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
