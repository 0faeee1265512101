//! Where pictures lie: on the memory card while one is in the unit, otherwise in the unit; what makes room for them, and what is
//! dropped once it is on the server (STOR-1..4, GEN-13, GEN-14; docs/adr/0033).

use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use platecam_model::{
    Error, NewRecord, Picture, RecordId, Result,
    ports::{CardState, MemoryCard},
    settings::{DiskFull, SettingsStore, StorageLocal, StorageSpot, UploadServer},
};
use rusqlite::{OptionalExtension, ToSql, params};

use super::{RecordStore, file_name, remove};
use crate::database::internal;

/// Free space that is left on a card: a twentieth of it, at most this many bytes.
const MOST_LEFT: u64 = 64 << 20;
/// Records that are deleted at once to make room.
const BATCH: usize = 16;
/// Records whose pictures are dropped at once.
const DROPPED: usize = 64;

/// What decides where pictures go.
pub struct PicturePlaces {
    card: Arc<dyn MemoryCard>,
    settings: Arc<SettingsStore>,
    /// This unit's folder on every card.
    folder: String,
    /// The last card, counted, on which nothing is left over.
    tidied: Mutex<u64>,
}

impl std::fmt::Debug for PicturePlaces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PicturePlaces")
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

impl PicturePlaces {
    /// The card, the sections, and the unit's serial number: a card may hold pictures of several units.
    pub fn new(card: Arc<dyn MemoryCard>, settings: Arc<SettingsStore>, serial: &str) -> Self {
        Self {
            card,
            settings,
            folder: format!("platecam/{serial}"),
            tidied: Mutex::new(0),
        }
    }

    fn path(&self, id: i64, which: Picture) -> String {
        format!("{}/{:06}/{}", self.folder, id / 1000, file_name(id, which))
    }
}

/// Where the pictures of one record go.
#[derive(Debug, Default)]
pub(super) struct Place {
    /// Name of the card; `None` is the unit.
    pub(super) card: Option<String>,
    /// Only until they are on the server.
    pub(super) brief: bool,
}

/// For whoever takes a snapshot by hand, too.
fn full(what: &str) -> Error {
    Error::Conflict(format!("{what} is full, and Disk Full Options says Stop"))
}

impl RecordStore {
    /// Decides where pictures of so many bytes go, and makes room there.
    pub(super) fn place(&self, bytes: u64) -> Result<Place> {
        let Some(places) = &self.places else {
            return Ok(Place::default());
        };
        let local = places.settings.get::<StorageLocal>();
        let server = places.settings.get::<UploadServer>();
        let stop = local.when_full == DiskFull::Stop;
        let mut brief = server.enabled && server.spot == StorageSpot::Ftp;
        if stop && self.usage()?.0 >= self.limits.records {
            return Err(full("the list of records"));
        }
        let card = places.card.status();
        if let (true, CardState::Ready, Some(id)) = (local.use_card, card.state, card.id) {
            self.tidy(places, &id, card.insertions);
            if self.make_room(places, &id, bytes, stop)? {
                return Ok(Place {
                    card: Some(id),
                    brief,
                });
            }
            if stop && !brief {
                if !server.enabled {
                    return Err(full("the memory card"));
                }
                // The copy on the server is made all the same.
                brief = true;
            }
        }
        self.in_unit(bytes, brief)
    }

    /// The unit itself, where it may take them.
    pub(super) fn in_unit(&self, bytes: u64, brief: bool) -> Result<Place> {
        let stop = self.places.as_ref().is_some_and(|places| {
            places.settings.get::<StorageLocal>().when_full == DiskFull::Stop
        });
        if stop && self.usage()?.1.saturating_add(bytes) > self.limits.picture_bytes {
            return Err(full("the unit's storage"));
        }
        Ok(Place { card: None, brief })
    }

    /// Makes room for another picture of a record whose pictures lie on this card, or in the unit.
    pub(super) fn make_room_beside(&self, card: Option<&str>, bytes: u64) -> Result<()> {
        let Some(card) = card else {
            return self.in_unit(bytes, false).map(drop);
        };
        let here = self.places.as_ref();
        let here = here.filter(|p| p.card.status().id.as_deref() == Some(card));
        let Some(places) = here else {
            return Err(Error::Conflict("its memory card is not in the unit".into()));
        };
        let stop = places.settings.get::<StorageLocal>().when_full == DiskFull::Stop;
        match self.make_room(places, card, bytes, stop)? {
            true => Ok(()),
            false => Err(full("the memory card")),
        }
    }

    /// Whether there is room on the card; without `stop` the oldest records there make it.
    fn make_room(&self, places: &PicturePlaces, id: &str, bytes: u64, stop: bool) -> Result<bool> {
        loop {
            let now = places.card.status();
            let left = (now.total / 20).min(MOST_LEFT);
            if now.id.as_deref() != Some(id) {
                return Ok(false);
            }
            if now.free >= left.saturating_add(bytes) {
                return Ok(true);
            }
            if stop {
                return Ok(false);
            }
            let oldest = self.ids(
                "SELECT id FROM records WHERE card = ?1 ORDER BY id LIMIT ?2",
                &id,
                BATCH,
            )?;
            // Never the newest of all: it was just acknowledged.
            let newest = self.newest()?;
            let victims: Vec<i64> = oldest.into_iter().filter(|v| *v != newest).collect();
            if victims.is_empty() {
                return Ok(false);
            }
            for victim in victims {
                self.delete(victim)?;
            }
        }
    }

    fn ids(&self, sql: &str, which: &dyn ToSql, limit: usize) -> Result<Vec<i64>> {
        let db = self.db.reader.lock();
        let mut rows = db.prepare(sql).map_err(internal)?;
        let rows = rows.query_map(params![which, limit as i64], |r| r.get(0));
        rows.and_then(Iterator::collect).map_err(internal)
    }

    /// All records, and the bytes of those pictures that lie in the unit.
    pub(super) fn usage(&self) -> Result<(u64, u64)> {
        let sql = "SELECT count(*),
            coalesce(sum(CASE WHEN card IS NULL THEN full_bytes + plate_bytes + second_bytes ELSE 0 END), 0) FROM records";
        let db = self.db.writer.lock();
        let (rows, bytes): (i64, i64) = db
            .query_row(sql, [], |r| Ok((r.get(0)?, r.get(1)?)))
            .map_err(internal)?;
        Ok((rows.unsigned_abs(), bytes.unsigned_abs()))
    }

    /// Number of the newest record that ever was.
    pub(super) fn newest(&self) -> Result<i64> {
        let sql = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'records'";
        let db = self.db.writer.lock();
        db.query_row(sql, [], |r| r.get(0)).map_err(internal)
    }

    /// Name of the card on which the pictures of a record lie.
    pub(super) fn card_of(&self, id: i64) -> Result<Option<String>> {
        let db = self.db.reader.lock();
        let card = db.query_row("SELECT card FROM records WHERE id = ?1", [id], |r| r.get(0));
        card.optional().map(Option::flatten).map_err(internal)
    }

    /// Deletes a record, and its pictures where they can be reached: what stays on a card that is not there is removed
    /// when it is back, see [`RecordStore::tidy`].
    pub(super) fn delete(&self, id: i64) -> Result<()> {
        let card = self.card_of(id)?;
        self.db
            .writer
            .lock()
            .execute("DELETE FROM records WHERE id = ?1", [id])
            .map_err(internal)?;
        self.remove_pictures(id, card.as_deref())
    }

    pub(super) fn remove_pictures(&self, id: i64, card: Option<&str>) -> Result<()> {
        for which in Picture::ALL {
            match (card, &self.places) {
                (None, _) => remove(&self.path(id, which))
                    .map_err(|e| Error::internal(format!("old picture: {e}")))?,
                (Some(card), Some(places)) if places.card.status().id.as_deref() == Some(card) => {
                    if let Err(e) = places.card.remove(&places.path(id, which)) {
                        tracing::warn!(id, error = ?e, "an old picture stays on the memory card");
                        return Ok(());
                    }
                }
                (Some(_), _) => {}
            }
        }
        Ok(())
    }

    /// Removes one folder that holds pictures of no record any more, if there is one on this card.
    fn tidy(&self, places: &PicturePlaces, id: &str, number: u64) {
        let mut tidied = places.tidied.lock();
        if *tidied == number {
            return;
        }
        let left = || -> Result<Option<String>> {
            let sql = "SELECT min(id) FROM records WHERE card = ?1 LIMIT ?2";
            let oldest: Option<i64> = {
                let db = self.db.reader.lock();
                db.query_row(sql, params![id, 1], |r| r.get(0))
                    .map_err(internal)?
            };
            // No record at all: after Default with the records, too, nothing of them stays.
            let first = oldest.map_or(i64::MAX, |id| id / 1000);
            let folders = places.card.list(&places.folder)?;
            let old = |name: &String| name.parse::<i64>().is_ok_and(|n| n < first);
            Ok(folders.into_iter().find(old))
        };
        match left() {
            Ok(Some(folder)) => {
                let path = format!("{}/{folder}", places.folder);
                if let Err(e) = places.card.remove(&path) {
                    tracing::warn!(folder, error = ?e, "old pictures stay on the memory card");
                    *tidied = number;
                }
            }
            Ok(None) => *tidied = number,
            Err(e) => {
                tracing::warn!(error = ?e, "the memory card could not be tidied");
                *tidied = number;
            }
        }
    }

    /// Writes the pictures of a record to the card.
    pub(super) fn write_to_card(&self, id: i64, new: &NewRecord) -> Result<()> {
        for which in Picture::ALL {
            let jpeg = new.jpeg(which);
            if !jpeg.is_empty() {
                self.write_one_to_card(id, which, jpeg.clone())?;
            }
        }
        Ok(())
    }

    pub(super) fn write_one_to_card(&self, id: i64, which: Picture, jpeg: Bytes) -> Result<()> {
        let places = self.places.as_ref();
        let places = places.ok_or_else(|| Error::internal("no memory card"))?;
        places.card.write(&places.path(id, which), jpeg)
    }

    /// A picture that lies on a card.
    pub(super) fn read_from_card(&self, id: i64, card: &str, which: Picture) -> Result<Bytes> {
        let here = self.places.as_ref();
        let here = here.filter(|p| p.card.status().id.as_deref() == Some(card));
        let Some(places) = here else {
            let what = "picture (it is on a memory card that is not in the unit) of record";
            return Err(Error::not_found(what, id.to_string()));
        };
        match places.card.read(&places.path(id, which)) {
            Err(Error::NotFound { .. }) => {
                Err(Error::not_found("picture of record", id.to_string()))
            }
            other => other,
        }
    }

    /// The server has all it gets of the records up to `up_to`: pictures that were kept for it alone go.
    pub(super) fn drop_brief(&self, up_to: RecordId) -> Result<()> {
        loop {
            let sql = "SELECT id FROM records WHERE brief = 1 AND owed = 0 AND id <= ?1 ORDER BY id LIMIT ?2";
            let ids = self.ids(sql, &up_to.0, DROPPED)?;
            for id in &ids {
                let card = self.card_of(*id)?;
                let sql = "UPDATE records SET full_bytes = 0, plate_bytes = 0, second_bytes = 0, card = NULL, brief = 0 WHERE id = ?1";
                let db = self.db.writer.lock();
                db.execute(sql, [id]).map_err(internal)?;
                drop(db);
                self.remove_pictures(*id, card.as_deref())?;
            }
            if ids.len() < DROPPED {
                return Ok(());
            }
        }
    }

    /// The card was erased: its pictures are gone for good.
    pub(super) fn forget(&self, card: &str) -> Result<u64> {
        let sql = "UPDATE records SET full_bytes = 0, plate_bytes = 0, second_bytes = 0, card = NULL, brief = 0, owed = 0 WHERE card = ?1";
        let db = self.db.writer.lock();
        let lost = db.execute(sql, [card]).map_err(internal)?;
        Ok(lost as u64)
    }
}
