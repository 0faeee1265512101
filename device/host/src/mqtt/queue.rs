//! Messages that wait for a broker, on the disk.

use platecam_model::{Result, ports::BrokerMessage};
use rusqlite::{OptionalExtension, Transaction, params};

use crate::{Database, database::internal};

/// The step of the schema.
pub(crate) const STEP: &str = "
    CREATE TABLE broker_queue (
        id INTEGER PRIMARY KEY AUTOINCREMENT, broker INTEGER NOT NULL, topic TEXT NOT NULL, payload BLOB NOT NULL,
        retain INTEGER NOT NULL, received INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE INDEX broker_queue_by_broker ON broker_queue (broker, id);
    CREATE TABLE broker_counters (broker INTEGER PRIMARY KEY, dropped INTEGER NOT NULL) STRICT;";

/// Messages that wait for one broker at most; beyond it the oldest are dropped and counted.
pub(super) const CAPACITY: i64 = 8192;

/// A message as it waits.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Waiting {
    pub(super) id: i64,
    pub(super) message: BrokerMessage,
    /// The broker said that it has it (QoS 2), not yet that it is done.
    pub(super) received: bool,
}

impl Waiting {
    /// Names the message towards the broker: never 0, and the same after a restart. Two messages that wait
    /// at a time have unlike names as long as fewer than 65,535 of both brokers wait.
    pub(super) fn packet_id(&self) -> u16 {
        (self.id.rem_euclid(65_535) + 1) as u16
    }
}

/// The queue of one broker.
#[derive(Clone, Debug)]
pub(super) struct Queue {
    pub(super) db: Database,
    pub(super) broker: usize,
}

impl Queue {
    fn number(&self) -> i64 {
        self.broker as i64
    }

    /// Adds messages, all or none. States after `sent` that wait for the same topics are replaced: those up
    /// to it may be on their way.
    pub(super) fn push(&self, messages: &[BrokerMessage], sent: i64) -> Result<()> {
        let mut db = self.db.writer.lock();
        let tx = db.transaction().map_err(internal)?;
        for m in messages {
            if m.retain {
                tx.prepare_cached(
                    "DELETE FROM broker_queue WHERE broker = ?1 AND id > ?2 AND topic = ?3 AND retain = 1",
                )
                .and_then(|mut s| s.execute(params![self.number(), sent, m.topic]))
                .map_err(internal)?;
            }
            tx.prepare_cached(
                "INSERT INTO broker_queue (broker, topic, payload, retain) VALUES (?1, ?2, ?3, ?4)",
            )
            .and_then(|mut s| s.execute(params![self.number(), m.topic, m.payload, m.retain]))
            .map_err(internal)?;
        }
        let dropped = tx
            .execute(
                "DELETE FROM broker_queue WHERE broker = ?1 AND id <= (SELECT id FROM broker_queue
                 WHERE broker = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
                params![self.number(), CAPACITY],
            )
            .map_err(internal)?;
        self.count(&tx, dropped)?;
        tx.commit().map_err(internal)
    }

    fn count(&self, tx: &Transaction<'_>, dropped: usize) -> Result<()> {
        if dropped == 0 {
            return Ok(());
        }
        tx.execute(
            "INSERT INTO broker_counters VALUES (?1, ?2) ON CONFLICT (broker) DO UPDATE SET dropped = dropped + ?2",
            params![self.number(), dropped as i64],
        )
        .map(drop)
        .map_err(internal)
    }

    /// The oldest messages behind number `after`, at most `limit`.
    pub(super) fn after(&self, after: i64, limit: usize) -> Result<Vec<Waiting>> {
        let db = self.db.reader.lock();
        let mut rows = db
            .prepare_cached(
                "SELECT id, topic, payload, retain, received FROM broker_queue
                 WHERE broker = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
            )
            .map_err(internal)?;
        rows.query_map(params![self.number(), after, limit as i64], |r| {
            Ok(Waiting {
                id: r.get(0)?,
                message: BrokerMessage {
                    topic: r.get(1)?,
                    payload: r.get(2)?,
                    retain: r.get(3)?,
                },
                received: r.get(4)?,
            })
        })
        .and_then(Iterator::collect)
        .map_err(internal)
    }

    /// Notes that the broker has a message of QoS 2: it must not be published again.
    pub(super) fn received(&self, id: i64) -> Result<()> {
        let db = self.db.writer.lock();
        db.prepare_cached("UPDATE broker_queue SET received = 1 WHERE id = ?1")
            .and_then(|mut s| s.execute([id]))
            .map(drop)
            .map_err(internal)
    }

    /// Takes messages off: they arrived. `refused` of them were dropped by the broker.
    pub(super) fn done(&self, ids: &[i64], refused: usize) -> Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        let mut db = self.db.writer.lock();
        let tx = db.transaction().map_err(internal)?;
        for id in ids {
            tx.prepare_cached("DELETE FROM broker_queue WHERE id = ?1")
                .and_then(|mut s| s.execute([id]))
                .map_err(internal)?;
        }
        self.count(&tx, refused)?;
        tx.commit().map_err(internal)
    }

    /// The broker forgot the session: what it has, it has.
    pub(super) fn session_lost(&self) -> Result<()> {
        let db = self.db.writer.lock();
        db.execute(
            "DELETE FROM broker_queue WHERE broker = ?1 AND received = 1",
            [self.number()],
        )
        .map(drop)
        .map_err(internal)
    }

    /// Removes everything that waits: the broker was switched off.
    pub(super) fn forget(&self) -> Result<()> {
        let db = self.db.writer.lock();
        db.execute(
            "DELETE FROM broker_queue WHERE broker = ?1",
            [self.number()],
        )
        .map(drop)
        .map_err(internal)
    }

    /// How many wait, and how many were dropped ever.
    pub(super) fn length(&self) -> Result<(u64, u64)> {
        let db = self.db.reader.lock();
        let queued: i64 = db
            .query_row(
                "SELECT count(*) FROM broker_queue WHERE broker = ?1",
                [self.number()],
                |r| r.get(0),
            )
            .map_err(internal)?;
        let dropped: Option<i64> = db
            .query_row(
                "SELECT dropped FROM broker_counters WHERE broker = ?1",
                [self.number()],
                |r| r.get(0),
            )
            .optional()
            .map_err(internal)?;
        Ok((
            queued.unsigned_abs(),
            dropped.unwrap_or_default().unsigned_abs(),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(dir: &tempfile::TempDir, broker: usize) -> Queue {
        Queue {
            db: Database::open(&dir.path().join("db")).unwrap(),
            broker,
        }
    }

    fn message(topic: &str, n: i64, retain: bool) -> BrokerMessage {
        BrokerMessage {
            topic: topic.into(),
            payload: n.to_string().into_bytes(),
            retain,
        }
    }

    fn payloads(q: &Queue) -> Vec<String> {
        let all = q.after(0, 100).unwrap();
        all.iter()
            .map(|w| String::from_utf8(w.message.payload.clone()).unwrap())
            .collect()
    }

    #[test]
    fn messages_wait_in_order_over_restarts_and_brokers_apart() {
        let dir = tempfile::tempdir().unwrap();
        {
            let (a, b) = (queue(&dir, 0), queue(&dir, 1));
            a.push(&[message("p", 1, false), message("p", 2, false)], 0)
                .unwrap();
            b.push(&[message("p", 3, false)], 0).unwrap();
        }
        let q = queue(&dir, 0);
        assert_eq!(payloads(&q), ["1", "2"]);
        let all = q.after(0, 1).unwrap();
        q.received(all[0].id).unwrap();
        assert!(queue(&dir, 0).after(0, 1).unwrap()[0].received);
        q.session_lost().unwrap();
        assert_eq!(payloads(&q), ["2"]);
        q.done(&[q.after(0, 1).unwrap()[0].id], 1).unwrap();
        assert_eq!(q.length().unwrap(), (0, 1));
        assert_eq!(payloads(&queue(&dir, 1)), ["3"]);
    }

    #[test]
    fn a_state_replaces_the_one_that_waits_but_not_one_on_its_way() {
        let dir = tempfile::tempdir().unwrap();
        let q = queue(&dir, 0);
        q.push(&[message("s", 1, true), message("p", 2, false)], 0)
            .unwrap();
        let sent = q.after(0, 1).unwrap()[0].id;
        q.push(&[message("s", 3, true)], sent).unwrap();
        assert_eq!(payloads(&q), ["1", "2", "3"]);
        q.push(&[message("s", 4, true)], sent).unwrap();
        assert_eq!(payloads(&q), ["1", "2", "4"]);
    }

    #[test]
    fn the_queue_is_bounded_and_says_what_it_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let q = queue(&dir, 0);
        let many: Vec<_> = (0..CAPACITY + 3).map(|n| message("p", n, false)).collect();
        q.push(&many, 0).unwrap();
        assert_eq!(q.length().unwrap(), (CAPACITY as u64, 3));
        assert_eq!(payloads(&q)[0], "3");
    }

    #[test]
    fn packets_have_names_from_1_on() {
        let waiting = |id| Waiting {
            id,
            message: message("p", 0, false),
            received: false,
        };
        let names: Vec<_> = [1, 65_534, 65_535, 65_536]
            .map(|id| waiting(id).packet_id())
            .into();
        assert_eq!(names, [2, 65_535, 1, 2]);
    }
}
