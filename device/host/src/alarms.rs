//! Alarms in SQLite, their pictures as JPEG files beside it. Messages about them that are still to be sent are a column:
//! the queue is as durable as the alarms.

use std::{fs, io, path::PathBuf};

use bytes::Bytes;
use platecam_model::{
    Error, Result, UtcTime,
    alarm::{AlarmId, AlarmKind, AlarmPage, AlarmQuery, MailState, NewAlarm, StoredAlarm},
    ports::Alarms,
};
use rusqlite::{OptionalExtension, Row, ToSql, params, params_from_iter};

use crate::{Database, database::internal, state_dir::write_atomic};

/// The step of the schema. Numbers are never used again: pages and files are called by them.
pub(crate) const STEP: &str = "
    CREATE TABLE alarms (
        id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, kind TEXT NOT NULL, channel INTEGER NOT NULL,
        name TEXT NOT NULL, outputs TEXT NOT NULL, mail TEXT NOT NULL, mail_due INTEGER NOT NULL,
        picture_bytes INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX alarms_by_time ON alarms (at);
    CREATE INDEX alarms_due ON alarms (id) WHERE mail_due = 1;";

/// How much alarms may take.
#[derive(Clone, Copy, Debug)]
pub struct AlarmLimits {
    /// Alarms; the oldest go.
    pub alarms: u64,
    /// Bytes of all pictures; the oldest go, their alarms stay.
    pub picture_bytes: u64,
}

impl Default for AlarmLimits {
    fn default() -> Self {
        Self {
            alarms: 10_000,
            picture_bytes: 256 << 20,
        }
    }
}

/// Rows a page may hold.
const MAX_PAGE: u32 = 500;
/// Messages that are looked at together; more of them wait behind.
const MAX_DUE: u32 = 1000;
const COLUMNS: &str = "id, at, kind, channel, name, outputs, mail, picture_bytes";

/// The store of alarms.
#[derive(Debug)]
pub struct AlarmStore {
    db: Database,
    pictures: PathBuf,
    limits: AlarmLimits,
}

impl AlarmStore {
    /// Uses `db` and the directory `pictures`.
    ///
    /// # Errors
    /// [`Error::Internal`] when the directory cannot be made.
    pub fn open(db: Database, pictures: PathBuf, limits: AlarmLimits) -> Result<Self> {
        fs::create_dir_all(&pictures)
            .map_err(|e| Error::internal(format!("{}: {e}", pictures.display())))?;
        let store = Self {
            db,
            pictures,
            limits,
        };
        // A power cut between a picture and its row leaves the picture of the next number.
        let newest: i64 = store
            .db
            .writer
            .lock()
            .query_row(
                "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'alarms'",
                [],
                |r| r.get(0),
            )
            .map_err(internal)?;
        store.remove_picture(newest + 1)?;
        Ok(store)
    }

    fn path(&self, id: i64) -> PathBuf {
        self.pictures.join(format!("{id}.jpg"))
    }

    fn remove_picture(&self, id: i64) -> Result<()> {
        match fs::remove_file(self.path(id)) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                Err(Error::internal(format!("old picture: {e}")))
            }
            _ => Ok(()),
        }
    }

    /// Keeps the bounds. Pictures go before their rows say so: a row never promises what is not there for long.
    fn prune(&self) -> Result<()> {
        let ids = |sql: &str, bound: u64| -> Result<Vec<i64>> {
            let bound = i64::try_from(bound).unwrap_or(i64::MAX);
            let db = self.db.writer.lock();
            let mut rows = db.prepare_cached(sql).map_err(internal)?;
            let rows = rows.query_map([bound], |r| r.get(0)).map_err(internal)?;
            rows.collect::<Result<_, _>>().map_err(internal)
        };
        let each = |ids: Vec<i64>, sql: &str| {
            for id in ids {
                self.remove_picture(id)?;
                let db = self.db.writer.lock();
                db.execute(sql, [id]).map_err(internal)?;
            }
            Ok(())
        };
        let old = "SELECT id FROM alarms ORDER BY id DESC LIMIT -1 OFFSET ?1";
        each(
            ids(old, self.limits.alarms)?,
            "DELETE FROM alarms WHERE id = ?1",
        )?;
        let heavy = "SELECT id FROM (
                SELECT id, sum(picture_bytes) OVER (ORDER BY id DESC) AS held, row_number() OVER (ORDER BY id DESC) AS n
                FROM alarms WHERE picture_bytes > 0
            ) WHERE held > ?1 AND n > 1";
        each(
            ids(heavy, self.limits.picture_bytes)?,
            "UPDATE alarms SET picture_bytes = 0 WHERE id = ?1",
        )
    }
}

fn json<T: serde::Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(Error::internal)
}

fn due(state: &MailState) -> bool {
    matches!(state, MailState::Due { .. })
}

fn alarm(r: &Row<'_>) -> Result<StoredAlarm> {
    let text = |i| r.get::<_, String>(i).map_err(internal);
    let kind = text(2)?;
    Ok(StoredAlarm {
        id: AlarmId(r.get(0).map_err(internal)?),
        at: UtcTime::from_micros(r.get(1).map_err(internal)?),
        kind: AlarmKind::of_word(&kind)
            .ok_or_else(|| Error::internal(format!("an alarm of the kind '{kind}'")))?,
        channel: r.get(3).map_err(internal)?,
        name: text(4)?,
        outputs: serde_json::from_str(&text(5)?).map_err(Error::internal)?,
        mail: serde_json::from_str(&text(6)?).map_err(Error::internal)?,
        has_picture: r.get::<_, i64>(7).map_err(internal)? > 0,
    })
}

impl Alarms for AlarmStore {
    fn insert(&self, new: NewAlarm) -> Result<StoredAlarm> {
        let mut db = self.db.writer.lock();
        let tx = db.transaction().map_err(internal)?;
        tx.execute(
            "INSERT INTO alarms (at, kind, channel, name, outputs, mail, mail_due, picture_bytes)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                new.at.as_micros(),
                new.kind.word(),
                new.channel,
                new.name,
                json(&new.outputs)?,
                json(&new.mail)?,
                due(&new.mail),
                i64::try_from(new.picture.len()).unwrap_or(i64::MAX),
            ],
        )
        .map_err(internal)?;
        let id = tx.last_insert_rowid();
        // The picture first, the row second: what is acknowledged is complete.
        if !new.picture.is_empty() {
            let path = self.path(id);
            write_atomic(&path, &new.picture, 0o600)
                .map_err(|e| Error::internal(format!("{}: {e}", path.display())))?;
        }
        tx.commit().map_err(internal)?;
        drop(db);
        self.prune()?;
        Ok(StoredAlarm {
            id: AlarmId(id),
            kind: new.kind,
            channel: new.channel,
            at: new.at,
            name: new.name,
            outputs: new.outputs,
            mail: new.mail,
            has_picture: !new.picture.is_empty(),
        })
    }

    fn search(&self, q: &AlarmQuery) -> Result<AlarmPage> {
        let mut filter = String::from("1");
        let mut values: Vec<Box<dyn ToSql>> = Vec::new();
        let mut only = |sql: &str, value: Box<dyn ToSql>| {
            filter.push_str(sql);
            values.push(value);
        };
        if let Some(from) = q.from {
            only(" AND at >= ?", Box::new(from.as_micros()));
        }
        if let Some(to) = q.to {
            only(" AND at < ?", Box::new(to.as_micros()));
        }
        if let Some(kind) = q.kind {
            only(" AND kind = ?", Box::new(kind.word()));
        }
        let db = self.db.reader.lock();
        let total: i64 = db
            .query_row(
                &format!("SELECT count(*) FROM alarms WHERE {filter}"),
                params_from_iter(&values),
                |r| r.get(0),
            )
            .map_err(internal)?;
        let limit = if q.limit == 0 {
            50
        } else {
            q.limit.min(MAX_PAGE)
        } as usize;
        let before = q.before.map_or(i64::MAX, |b| b.0);
        let sql = format!(
            "SELECT {COLUMNS} FROM alarms WHERE {filter} AND id < {before} ORDER BY id DESC LIMIT {}",
            limit + 1
        );
        let mut rows = db.prepare(&sql).map_err(internal)?;
        let rows = rows
            .query_map(params_from_iter(&values), |r| Ok(alarm(r)))
            .map_err(internal)?;
        let mut items = rows
            .map(|r| r.map_err(internal)?)
            .collect::<Result<Vec<_>>>()?;
        let more = items.len() > limit;
        items.truncate(limit);
        Ok(AlarmPage {
            next_before: items.last().filter(|_| more).map(|a| a.id),
            items,
            total: total.unsigned_abs(),
        })
    }

    fn picture(&self, id: AlarmId) -> Result<Bytes> {
        let none = || Error::not_found("picture of alarm", id.0.to_string());
        let bytes: Option<i64> = self
            .db
            .reader
            .lock()
            .query_row(
                "SELECT picture_bytes FROM alarms WHERE id = ?1",
                [id.0],
                |r| r.get(0),
            )
            .optional()
            .map_err(internal)?;
        bytes.filter(|n| *n > 0).ok_or_else(none)?;
        match fs::read(self.path(id.0)) {
            Ok(jpeg) => Ok(jpeg.into()),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Err(none()),
            Err(e) => Err(Error::internal(format!("picture of alarm {}: {e}", id.0))),
        }
    }

    fn due(&self) -> Result<Vec<StoredAlarm>> {
        let db = self.db.writer.lock();
        let sql =
            format!("SELECT {COLUMNS} FROM alarms WHERE mail_due = 1 ORDER BY id LIMIT {MAX_DUE}");
        let mut rows = db.prepare_cached(&sql).map_err(internal)?;
        let rows = rows.query_map([], |r| Ok(alarm(r))).map_err(internal)?;
        let mut all = rows
            .map(|r| r.map_err(internal)?)
            .collect::<Result<Vec<_>>>()?;
        all.sort_by_key(|a| match a.mail {
            MailState::Due { tries } => (tries, a.id),
            _ => (0, a.id),
        });
        Ok(all)
    }

    fn note_mail(&self, id: AlarmId, state: &MailState) -> Result<()> {
        self.db
            .writer
            .lock()
            .execute(
                "UPDATE alarms SET mail = ?2, mail_due = ?3 WHERE id = ?1",
                params![id.0, json(state)?, due(state)],
            )
            .map_err(internal)?;
        Ok(())
    }
}

#[cfg(test)]
#[path = "alarms_tests.rs"]
mod tests;
