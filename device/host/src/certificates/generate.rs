//! Making a key in the background (`tas:CreateRSAKeyPair`): the row is there at once, its key comes later.

use std::sync::Arc;

use parking_lot::Mutex;
use platecam_model::{
    Clock, Error, EventBus, EventKind, Result,
    ports::{KeyStatus, NewKey, Sealer},
};
use rusqlite::params;

use super::{
    keys::PrivateKey,
    rows::{KEY, NewKeyRow, insert_key},
    store::SEAL,
};
use crate::{Database, database::internal};

/// Makes keys one after the other. Cheap to clone.
#[derive(Clone)]
pub(super) struct Generator {
    pub(super) db: Database,
    pub(super) sealer: Arc<dyn Sealer>,
    pub(super) bus: EventBus,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) one: Arc<Mutex<()>>,
}

impl Generator {
    /// Keys that a stopped process left unmade are corrupt: what they were to be is not known any more.
    pub(super) fn give_up_unfinished(&self) -> Result<()> {
        let db = self.db.writer.lock();
        db.execute(
            "UPDATE keystore_keys SET status = 'corrupt' WHERE status = 'generating'",
            [],
        )
        .map_err(internal)?;
        Ok(())
    }

    pub(super) fn start(&self, new: NewKey, alias: &str) -> Result<String> {
        let row = NewKeyRow {
            alias,
            status: KeyStatus::Generating,
            public: None,
            sealed: None,
            external: false,
        };
        let number = insert_key(&self.db.writer.lock(), &row)?;
        self.tell(number, None, KeyStatus::Generating);
        let work = self.clone();
        let thread = std::thread::Builder::new().name("make-key".into());
        let started = thread.spawn(move || work.make(number, new));
        if let Err(e) = started {
            self.finish(number, None)?;
            tracing::error!(error = %e, "no thread for making a key");
        }
        Ok(format!("{KEY}{number}"))
    }

    fn make(&self, number: i64, new: NewKey) {
        // All processors for one key at a time: video needs them as well.
        let _one = self.one.lock();
        if !self.wanted(number) {
            return;
        }
        let made = PrivateKey::generate(new).and_then(|key| {
            let sealed = self.sealer.seal(key.pem().as_bytes(), SEAL)?;
            Ok((key.public().to_vec(), sealed))
        });
        let made = made.inspect_err(|e| tracing::error!(error = ?e, "a key could not be made"));
        if let Err(e) = self.finish(number, made.ok()) {
            tracing::error!(error = ?e, "a new key could not be stored");
        }
    }

    /// Whether it was not deleted while it waited.
    fn wanted(&self, number: i64) -> bool {
        let sql = "SELECT count(*) FROM keystore_keys WHERE id = ?1 AND status = 'generating'";
        let db = self.db.writer.lock();
        let n: rusqlite::Result<i64> = db.query_row(sql, [number], |r| r.get(0));
        n.is_ok_and(|n| n == 1)
    }

    fn finish(&self, number: i64, made: Option<(Vec<u8>, Vec<u8>)>) -> Result<()> {
        let status = match made {
            Some(_) => KeyStatus::Ok,
            None => KeyStatus::Corrupt,
        };
        let (public, sealed) = made.unzip();
        let changed = self
            .db
            .writer
            .lock()
            .execute(
                "UPDATE keystore_keys SET status = ?1, public = ?2, sealed = ?3
                 WHERE id = ?4 AND status = 'generating'",
                params![status.word(), public, sealed, number],
            )
            .map_err(|e| Error::internal(format!("key {number}: {e}")))?;
        // A key that was deleted in the meantime is dropped.
        if changed == 1 {
            self.tell(number, Some(KeyStatus::Generating), status);
        }
        Ok(())
    }

    fn tell(&self, number: i64, old: Option<KeyStatus>, new: KeyStatus) {
        let key = format!("{KEY}{number}");
        let kind = EventKind::KeyStatus { key, old, new };
        self.bus.publish(self.clock.now(), kind);
    }
}
