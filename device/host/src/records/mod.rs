mod place;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use lpr_core::{Color, ColorRead, Colors, Direction, FrameSize, PxRect, TypeRead, VehicleType};
use parking_lot::Mutex;
use platecam_model::{
    Error, NewRecord, NewSecond, Picture, Record, RecordId, RecordKind, RecordPage, RecordQuery,
    Result, UtcTime, ports::Records,
};
use rusqlite::{Row, ToSql, params, params_from_iter};
use serde::{Serialize, de::DeserializeOwned};

pub use place::PicturePlaces;

use crate::{Database, database::internal, state_dir::write_atomic};

/// How much records may take.
#[derive(Clone, Copy, Debug)]
pub struct RecordLimits {
    /// Bytes of all pictures; the oldest records go when it is exceeded (GEN-14).
    pub picture_bytes: u64,
    /// Rows, whatever their pictures take.
    pub records: u64,
}

impl Default for RecordLimits {
    fn default() -> Self {
        Self {
            picture_bytes: 4 << 30,
            records: 1_000_000,
        }
    }
}

/// Records in SQLite, their pictures as JPEG files beside it or on the memory card.
#[derive(Debug)]
pub struct RecordStore {
    db: Database,
    pictures: PathBuf,
    limits: RecordLimits,
    /// Without them everything is in the unit.
    places: Option<PicturePlaces>,
    /// One record after the other: its number is known before its row is written.
    inserting: Mutex<()>,
}

const COLUMNS: &str = "id, kind, captured_at, plate, likelihood, direction, country, entity, rect, width, height, full_bytes, plate_bytes, track,
    plate_color, plate_color_likelihood, vehicle_color, vehicle_color_likelihood, speed, second_bytes, second_at, vehicle_type, vehicle_type_likelihood";
/// Colours of plate and vehicle; null is unknown.
pub(crate) const COLORS_STEP: &str = "ALTER TABLE records ADD COLUMN plate_color TEXT;
     ALTER TABLE records ADD COLUMN plate_color_likelihood REAL;
     ALTER TABLE records ADD COLUMN vehicle_color TEXT;
     ALTER TABLE records ADD COLUMN vehicle_color_likelihood REAL;";
/// Type of the vehicle; null is unknown.
pub(crate) const TYPE_STEP: &str = "ALTER TABLE records ADD COLUMN vehicle_type TEXT;
     ALTER TABLE records ADD COLUMN vehicle_type_likelihood REAL;";
/// Speed in metres a second; null is not measured.
pub(crate) const SPEED_STEP: &str = "ALTER TABLE records ADD COLUMN speed REAL;";
/// The second picture and when it was taken; no bytes are none.
pub(crate) const SECOND_STEP: &str =
    "ALTER TABLE records ADD COLUMN second_bytes INTEGER NOT NULL DEFAULT 0;
     ALTER TABLE records ADD COLUMN second_at INTEGER;";
/// Where pictures lie: `card` is a memory card by its name, null the unit. `brief` ones go when they are on the server, `owed` ones were
/// not uploaded because their card was not there.
pub(crate) const CARD_STEP: &str = "ALTER TABLE records ADD COLUMN card TEXT;
     ALTER TABLE records ADD COLUMN brief INTEGER NOT NULL DEFAULT 0;
     ALTER TABLE records ADD COLUMN owed INTEGER NOT NULL DEFAULT 0;
     CREATE INDEX records_by_card ON records (card, id) WHERE card IS NOT NULL;
     CREATE INDEX records_brief ON records (id) WHERE brief = 1;
     CREATE INDEX records_owed ON records (card, id) WHERE owed = 1;";
/// Rows a page may hold.
const MAX_PAGE: u32 = 500;

impl RecordStore {
    /// Uses `db` and the directory `pictures`; pictures whose row was never written (a power cut
    /// between the two) are removed.
    ///
    /// # Errors
    /// [`Error::Internal`] when the directory cannot be made.
    pub fn open(db: Database, pictures: PathBuf, limits: RecordLimits) -> Result<Self> {
        fs::create_dir_all(&pictures)
            .map_err(|e| Error::internal(format!("{}: {e}", pictures.display())))?;
        let store = Self {
            db,
            pictures,
            limits,
            places: None,
            inserting: Mutex::default(),
        };
        store.remove_orphans()?;
        Ok(store)
    }

    /// Pictures go where this says.
    #[must_use]
    pub fn with_places(mut self, places: PicturePlaces) -> Self {
        self.places = Some(places);
        self
    }

    /// Files are spread over directories of 1000 records, so that no directory grows without bound.
    fn path(&self, id: i64, which: Picture) -> PathBuf {
        let folder = self.pictures.join(format!("{:06}", id / 1000));
        folder.join(file_name(id, which))
    }

    fn write_to_unit(&self, id: i64, which: Picture, jpeg: &[u8]) -> Result<()> {
        let path = self.path(id, which);
        let dir = path.parent().unwrap_or(&self.pictures);
        fs::create_dir_all(dir)
            .and_then(|()| write_atomic(&path, jpeg, 0o600))
            .map_err(|e| Error::internal(format!("{}: {e}", path.display())))
    }

    /// Only the newest directory can hold pictures without a row: ids count up.
    fn remove_orphans(&self) -> Result<()> {
        let newest = self.newest()?;
        for which in Picture::ALL {
            remove(&self.path(newest + 1, which))
                .map_err(|e| Error::internal(format!("orphaned picture: {e}")))?;
        }
        Ok(())
    }

    /// The oldest make room: of all while there are too many, of those in the unit while their pictures take too much.
    fn prune(&self) -> Result<()> {
        loop {
            let (rows, bytes) = self.usage()?;
            let which = match (
                rows > self.limits.records,
                bytes > self.limits.picture_bytes,
            ) {
                (true, _) => "1 = 1",
                (false, true) => "card IS NULL AND full_bytes + plate_bytes + second_bytes > 0",
                (false, false) => return Ok(()),
            };
            let sql = format!("SELECT id FROM records WHERE {which} ORDER BY id LIMIT 16");
            let victims: Vec<i64> = {
                let db = self.db.writer.lock();
                let mut oldest = db.prepare(&sql).map_err(internal)?;
                let ids = oldest.query_map([], |r| r.get(0)).map_err(internal)?;
                ids.collect::<Result<_, _>>().map_err(internal)?
            };
            // Never the newest: it was just acknowledged.
            let Some((_, victims)) = victims.split_last().filter(|(_, v)| !v.is_empty()) else {
                return Ok(());
            };
            for id in victims {
                self.delete(*id)?;
            }
        }
    }
}

/// Name of the file of a picture.
fn file_name(id: i64, which: Picture) -> String {
    let name = match which {
        Picture::Full => "full",
        Picture::Plate => "plate",
        Picture::Second => "second",
    };
    format!("{id}-{name}.jpg")
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

impl Records for RecordStore {
    fn insert(&self, new: NewRecord) -> Result<Record> {
        let _one_at_a_time = self.inserting.lock();
        let bytes: usize = Picture::ALL.iter().map(|p| new.jpeg(*p).len()).sum();
        let mut place = self.place(bytes as u64)?;
        let id = self.newest()? + 1;
        // Before the database is held: a card may take seconds to fail.
        if place.card.is_some()
            && let Err(e) = self.write_to_card(id, &new)
        {
            tracing::warn!(id, error = ?e, "pictures go to the unit instead of the memory card");
            place = self.in_unit(bytes as u64, place.brief)?;
        }
        let mut db = self.db.writer.lock();
        let tx = db.transaction().map_err(internal)?;
        tx.execute(
            "INSERT INTO records (id, card, brief, kind, captured_at, plate, likelihood, direction, country, entity, rect, width, height,
             full_bytes, plate_bytes, track, plate_color, plate_color_likelihood, vehicle_color, vehicle_color_likelihood, speed,
             second_bytes, second_at, vehicle_type, vehicle_type_likelihood)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22,
             ?23, ?24, ?25)",
            params![
                id,
                place.card,
                place.brief,
                new.kind.word(),
                new.captured_at.as_micros(),
                new.plate_number,
                f64::from(new.likelihood),
                word(&new.direction)?,
                new.country_code,
                new.issuing_entity,
                new.plate_rect.map(|r| serde_json::to_string(&r)).transpose().map_err(Error::internal)?,
                new.frame_size.width(),
                new.frame_size.height(),
                new.full.len() as i64,
                new.plate.len() as i64,
                new.track_id as i64,
                new.colors.plate.map(|c| c.color.as_str()),
                new.colors.plate.map(|c| f64::from(c.likelihood)),
                new.colors.vehicle.map(|c| c.color.as_str()),
                new.colors.vehicle.map(|c| f64::from(c.likelihood)),
                new.speed_mps.map(f64::from),
                new.jpeg(Picture::Second).len() as i64,
                new.second.as_ref().map(|s| s.captured_at.as_micros()),
                new.vehicle_type.map(|t| t.vehicle_type.as_str()),
                new.vehicle_type.map(|t| f64::from(t.likelihood)),
            ],
        )
        .map_err(internal)?;
        // Pictures first, row second: what is acknowledged is complete.
        for which in Picture::ALL {
            let jpeg = new.jpeg(which);
            if jpeg.is_empty() || place.card.is_some() {
                continue;
            }
            self.write_to_unit(id, which, jpeg)?;
        }
        tx.commit().map_err(internal)?;
        drop(db);
        self.prune()?;
        self.get(RecordId(id))
    }

    fn add_second(&self, id: RecordId, second: NewSecond) -> Result<Record> {
        let _one_at_a_time = self.inserting.lock();
        let gone = || Error::not_found("record", id.0.to_string());
        self.get(id)?;
        let card = self.card_of(id.0)?;
        self.make_room_beside(card.as_deref(), second.jpeg.len() as u64)?;
        // The picture first, its row second: what the row tells is there. Cut between the two it goes with its record.
        match &card {
            Some(_) => self.write_one_to_card(id.0, Picture::Second, second.jpeg.clone())?,
            None => self.write_to_unit(id.0, Picture::Second, &second.jpeg)?,
        }
        // Where the others were meanwhile dropped from the card, this one is not left there.
        let sql =
            "UPDATE records SET second_bytes = ?3, second_at = ?4 WHERE id = ?1 AND card IS ?2";
        let at = second.captured_at.as_micros();
        let values = params![id.0, card, second.jpeg.len() as i64, at];
        let changed = self.db.writer.lock().execute(sql, values);
        if changed.map_err(internal)? == 0 {
            self.remove_pictures(id.0, card.as_deref())?;
            return Err(gone());
        }
        self.prune()?;
        self.get(id)
    }

    fn set_speed(&self, id: RecordId, speed_mps: f32) -> Result<()> {
        let db = self.db.writer.lock();
        let sql = "UPDATE records SET speed = ?2 WHERE id = ?1";
        match db.execute(sql, params![id.0, f64::from(speed_mps)]) {
            Ok(0) => Err(Error::not_found("record", id.0.to_string())),
            other => other.map(drop).map_err(internal),
        }
    }

    fn get(&self, id: RecordId) -> Result<Record> {
        let db = self.db.reader.lock();
        let row = db.query_row(
            &format!("SELECT {COLUMNS} FROM records WHERE id = ?1"),
            [id.0],
            |r| Ok(record(r)),
        );
        match row {
            Err(rusqlite::Error::QueryReturnedNoRows) => {
                Err(Error::not_found("record", id.0.to_string()))
            }
            other => other.map_err(internal)?,
        }
    }

    fn search(&self, q: &RecordQuery) -> Result<RecordPage> {
        let (filter, values) = filter(q)?;
        let db = self.db.reader.lock();
        let total: i64 = db
            .query_row(
                &format!("SELECT count(*) FROM records WHERE {filter}"),
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
            "SELECT {COLUMNS} FROM records WHERE {filter} AND id < {before} ORDER BY id DESC LIMIT {}",
            limit + 1
        );
        let mut rows = db.prepare(&sql).map_err(internal)?;
        let rows = rows
            .query_map(params_from_iter(&values), |r| Ok(record(r)))
            .map_err(internal)?;
        let mut items = rows
            .map(|r| r.map_err(internal)?)
            .collect::<Result<Vec<_>>>()?;
        let more = items.len() > limit;
        items.truncate(limit);
        let next_before = items.last().filter(|_| more).map(|r| r.id);
        Ok(RecordPage {
            items,
            next_before,
            total: total.unsigned_abs(),
        })
    }

    fn picture(&self, id: RecordId, which: Picture) -> Result<Bytes> {
        let none = || Error::not_found("picture of record", id.0.to_string());
        if !self.get(id)?.has(which) {
            return Err(none());
        }
        if let Some(card) = self.card_of(id.0)? {
            return self.read_from_card(id.0, &card, which);
        }
        match fs::read(self.path(id.0, which)) {
            Ok(jpeg) => Ok(jpeg.into()),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Err(none()),
            Err(e) => Err(Error::internal(format!("picture of record {}: {e}", id.0))),
        }
    }

    fn release(&self, up_to: RecordId) -> Result<()> {
        self.drop_brief(up_to)
    }

    fn forget_card(&self, card: &str) -> Result<u64> {
        self.forget(card)
    }
}

/// The SQL condition of a query and its values.
fn filter(q: &RecordQuery) -> Result<(String, Vec<Box<dyn ToSql>>)> {
    let mut sql = vec!["1 = 1".to_owned()];
    let mut values: Vec<Box<dyn ToSql>> = Vec::new();
    let mut and = |condition: &str, value: Box<dyn ToSql>| {
        values.push(value);
        sql.push(format!("{condition} ?{}", values.len()));
    };
    if let Some(from) = q.from {
        and("captured_at >=", Box::new(from.as_micros()));
    }
    if let Some(to) = q.to {
        and("captured_at <", Box::new(to.as_micros()));
    }
    if let Some(kind) = q.kind {
        and("kind =", Box::new(kind.word()));
    }
    if let Some(direction) = q.direction {
        and("direction =", Box::new(word(&direction)?));
    }
    if let Some(plate) = q.plate.as_deref().map(str::trim).filter(|p| !p.is_empty()) {
        if plate.chars().count() > 32 {
            return Err(Error::invalid(
                "/plate",
                plate,
                "has more than 32 characters",
            ));
        }
        and("plate GLOB", Box::new(glob(plate)));
    }
    Ok((sql.join(" AND "), values))
}

/// `?` and `*` are wild, everything else stands for itself; without wild cards any part matches.
fn glob(plate: &str) -> String {
    let wild = plate.contains(['?', '*']);
    let body: String = plate
        .to_ascii_uppercase()
        .chars()
        .flat_map(|c| {
            if c == '[' {
                "[[]".chars().collect::<Vec<_>>()
            } else {
                vec![c]
            }
        })
        .collect();
    if wild { body } else { format!("*{body}*") }
}

/// A unit enum's serde word.
fn word<T: Serialize>(value: &T) -> Result<String> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(s)) => Ok(s),
        other => Err(Error::internal(format!("not a word: {other:?}"))),
    }
}

fn unword<T: DeserializeOwned>(text: String) -> Result<T> {
    serde_json::from_value(text.into()).map_err(Error::internal)
}

fn record(r: &Row<'_>) -> Result<Record> {
    let get = |i: usize| -> Result<String> { r.get(i).map_err(internal) };
    let number = |i: usize| -> Result<i64> { r.get(i).map_err(internal) };
    let rect: Option<String> = r.get(8).map_err(internal)?;
    let kind = get(1)?;
    let kind = RecordKind::of_word(&kind)
        .ok_or_else(|| Error::internal(format!("record of unknown kind '{kind}'")))?;
    let second = number(19)?;
    let side = |i| u32::try_from(number(i)?).map_err(Error::internal);
    Ok(Record {
        id: RecordId(number(0)?),
        kind,
        captured_at: UtcTime::from_micros(number(2)?),
        plate_number: get(3)?,
        likelihood: r.get::<_, f64>(4).map_err(internal)? as f32,
        direction: unword::<Direction>(get(5)?)?,
        country_code: r.get(6).map_err(internal)?,
        issuing_entity: r.get(7).map_err(internal)?,
        plate_rect: rect
            .map(|t| serde_json::from_str::<PxRect>(&t))
            .transpose()
            .map_err(Error::internal)?,
        frame: FrameSize::new(side(9)?, side(10)?).map_err(Error::internal)?,
        has_picture: number(11)? > 0,
        has_plate: number(12)? > 0,
        track_id: number(13)?.unsigned_abs(),
        colors: Colors {
            plate: color(r, 14)?,
            vehicle: color(r, 16)?,
        },
        vehicle_type: vehicle_type(r, 21)?,
        second_at: r
            .get::<_, Option<i64>>(20)
            .map_err(internal)?
            .filter(|_| second > 0)
            .map(UtcTime::from_micros),
        speed_mps: r
            .get::<_, Option<f64>>(18)
            .map_err(internal)?
            .map(|v| v as f32),
    })
}

/// A word and, in the column after it, its likelihood.
fn likely(r: &Row<'_>, column: usize) -> Result<Option<(String, f32)>> {
    let word: Option<String> = r.get(column).map_err(internal)?;
    let Some(word) = word else { return Ok(None) };
    let likelihood: f64 = r.get(column + 1).map_err(internal)?;
    Ok(Some((word, likelihood as f32)))
}

fn color(r: &Row<'_>, column: usize) -> Result<Option<ColorRead>> {
    let Some((word, likelihood)) = likely(r, column)? else {
        return Ok(None);
    };
    let color = Color::of_word(&word)
        .ok_or_else(|| Error::internal(format!("record of unknown colour '{word}'")))?;
    Ok(Some(ColorRead { color, likelihood }))
}

fn vehicle_type(r: &Row<'_>, column: usize) -> Result<Option<TypeRead>> {
    let Some((word, likelihood)) = likely(r, column)? else {
        return Ok(None);
    };
    let vehicle_type = VehicleType::of_word(&word)
        .ok_or_else(|| Error::internal(format!("record of unknown vehicle type '{word}'")))?;
    Ok(Some(TypeRead {
        vehicle_type,
        likelihood,
    }))
}

#[cfg(test)]
mod place_tests;

#[cfg(test)]
mod tests {
    use platecam_model::{NewSecond, testing::new_record};

    use super::*;

    fn open(dir: &Path, limits: RecordLimits) -> RecordStore {
        RecordStore::open(
            Database::open(&dir.join("db")).unwrap(),
            dir.join("pictures"),
            limits,
        )
        .unwrap()
    }

    fn at(ms: i64) -> UtcTime {
        UtcTime::from_millis(1_795_000_000_000 + ms)
    }

    fn plates(s: &RecordStore, q: RecordQuery) -> Vec<String> {
        s.search(&q)
            .unwrap()
            .items
            .into_iter()
            .map(|r| r.plate_number)
            .collect()
    }

    #[test]
    fn records_and_pictures_survive_reopening() {
        let dir = tempfile::tempdir().unwrap();
        let mut new = new_record("ABC123", at(0));
        new.plate_rect = Some(PxRect {
            x: 1.0,
            y: 2.0,
            width: 120.0,
            height: 30.5,
        });
        let stored = open(dir.path(), RecordLimits::default())
            .insert(new.clone())
            .unwrap();
        let s = open(dir.path(), RecordLimits::default());
        assert_eq!(s.get(stored.id).unwrap(), stored);
        assert_eq!(
            (stored.plate_rect, stored.captured_at),
            (new.plate_rect, at(0))
        );
        assert_eq!(s.picture(stored.id, Picture::Full).unwrap(), new.full);
        assert_eq!(s.picture(stored.id, Picture::Plate).unwrap(), new.plate);
        let none = s.picture(stored.id, Picture::Second);
        assert!(matches!(none, Err(Error::NotFound { .. })), "{none:?}");
        assert!(matches!(s.get(RecordId(99)), Err(Error::NotFound { .. })));
    }

    /// SYS-16: the clock is set back by an hour between two records: both stay, in the order in which they
    /// came, each found by its own time, and the one that came first goes first.
    #[test]
    fn records_survive_a_clock_that_is_set_back() {
        let dir = tempfile::tempdir().unwrap();
        let limits = RecordLimits {
            records: 2,
            ..RecordLimits::default()
        };
        let s = open(dir.path(), limits);
        s.insert(new_record("FIRST", at(3_600_000))).unwrap();
        s.insert(new_record("SECOND", at(0))).unwrap();
        assert_eq!(plates(&s, RecordQuery::default()), ["SECOND", "FIRST"]);
        let late = RecordQuery {
            from: Some(at(1_800_000)),
            ..RecordQuery::default()
        };
        assert_eq!(plates(&s, late), ["FIRST"]);
        s.insert(new_record("THIRD", at(1000))).unwrap();
        let kept = plates(&s, RecordQuery::default());
        assert!(
            kept[0] == "THIRD" && !kept.contains(&"FIRST".to_owned()),
            "{kept:?}"
        );
    }

    #[test]
    fn searches_by_time_plate_kind_and_direction() {
        let dir = tempfile::tempdir().unwrap();
        let s = open(dir.path(), RecordLimits::default());
        for (i, plate) in ["ABC123", "ABD124", "XYZ9", "A[B"].iter().enumerate() {
            s.insert(new_record(plate, at(i as i64 * 1000))).unwrap();
        }
        let mut manual = new_record("", at(9000));
        (manual.kind, manual.direction, manual.plate) =
            (RecordKind::Manual, Direction::Unknown, Bytes::new());
        s.insert(manual).unwrap();
        let q = RecordQuery::default();
        for (query, want) in [
            (
                RecordQuery {
                    plate: Some("ab".into()),
                    ..q.clone()
                },
                vec!["ABD124", "ABC123"],
            ),
            (
                RecordQuery {
                    plate: Some("AB?12?".into()),
                    ..q.clone()
                },
                vec!["ABD124", "ABC123"],
            ),
            (
                RecordQuery {
                    plate: Some("*9".into()),
                    ..q.clone()
                },
                vec!["XYZ9"],
            ),
            (
                RecordQuery {
                    plate: Some("[b".into()),
                    ..q.clone()
                },
                vec!["A[B"],
            ),
            (
                RecordQuery {
                    plate: Some("' OR 1=1 --".into()),
                    ..q.clone()
                },
                vec![],
            ),
            (
                RecordQuery {
                    from: Some(at(1000)),
                    to: Some(at(3000)),
                    ..q.clone()
                },
                vec!["XYZ9", "ABD124"],
            ),
            (
                RecordQuery {
                    kind: Some(RecordKind::Manual),
                    ..q.clone()
                },
                vec![""],
            ),
            (
                RecordQuery {
                    direction: Some(Direction::Unknown),
                    ..q.clone()
                },
                vec![""],
            ),
        ] {
            assert_eq!(plates(&s, query.clone()), want, "{query:?}");
        }
        let first = s
            .search(&RecordQuery {
                limit: 2,
                ..q.clone()
            })
            .unwrap();
        assert_eq!((first.items.len(), first.total), (2, 5));
        let rest = s
            .search(&RecordQuery {
                limit: 3,
                before: first.next_before,
                ..q.clone()
            })
            .unwrap();
        assert_eq!(
            (rest.items.len(), rest.next_before, rest.total),
            (3, None, 5)
        );
        let e = s
            .search(&RecordQuery {
                plate: Some("A".repeat(33)),
                ..q
            })
            .unwrap_err();
        assert!(e.to_string().contains("32 characters"), "{e}");
    }

    /// GEN-14: the oldest make room, with their pictures; numbers are not used again.
    #[test]
    fn the_oldest_make_room() {
        let dir = tempfile::tempdir().unwrap();
        let s = open(
            dir.path(),
            RecordLimits {
                picture_bytes: u64::MAX,
                records: 20,
            },
        );
        for i in 0..60 {
            s.insert(new_record(&format!("P{i}"), at(i))).unwrap();
        }
        let page = s
            .search(&RecordQuery {
                limit: 500,
                ..RecordQuery::default()
            })
            .unwrap();
        assert!((5..=20).contains(&page.total), "{}", page.total);
        assert_eq!(page.items[0].plate_number, "P59");
        let files = fs::read_dir(dir.path().join("pictures/000000"))
            .unwrap()
            .count() as u64;
        assert_eq!(files, page.total * 2);
    }

    /// SNAPRULE-4: the second picture is kept with its record, counts as the others do, and goes with it.
    #[test]
    fn the_second_picture_lives_and_goes_with_its_record() {
        let dir = tempfile::tempdir().unwrap();
        let limits = RecordLimits {
            picture_bytes: 2500,
            ..RecordLimits::default()
        };
        let second = |ms| NewSecond {
            captured_at: at(ms),
            jpeg: vec![7; 1000].into(),
        };
        let with = |ms| NewRecord {
            second: Some(second(ms)),
            ..new_record("TWICE", at(0))
        };
        let first = open(dir.path(), limits).insert(with(1000)).unwrap();
        assert_eq!(first.second_at, Some(at(1000)));
        let s = open(dir.path(), limits);
        assert_eq!(s.get(first.id).unwrap(), first);
        assert_eq!(
            s.picture(first.id, Picture::Second).unwrap(),
            second(0).jpeg
        );
        s.insert(with(2000)).unwrap();
        assert!(s.path(first.id.0, Picture::Second).exists());
        s.insert(with(3000)).unwrap();
        assert!(s.get(first.id).is_err(), "it made room");
        for which in Picture::ALL {
            assert!(!s.path(first.id.0, which).exists(), "{which:?}");
        }
    }

    /// SNAPRULE-4: a second picture that comes later is the record's as if it had come with it.
    #[test]
    fn a_second_picture_comes_later() {
        let dir = tempfile::tempdir().unwrap();
        let limits = RecordLimits {
            picture_bytes: 2500,
            ..RecordLimits::default()
        };
        let second = |ms| NewSecond {
            captured_at: at(ms),
            jpeg: vec![7; 1000].into(),
        };
        let s = open(dir.path(), limits);
        let first = s.insert(new_record("TWICE", at(0))).unwrap();
        assert_eq!(first.second_at, None);
        let both = s.add_second(first.id, second(1000)).unwrap();
        let expect = Record {
            second_at: Some(at(1000)),
            ..first.clone()
        };
        assert_eq!(both, expect);
        drop(s);
        let s = open(dir.path(), limits);
        assert_eq!(s.get(first.id).unwrap(), both);
        assert_eq!(
            s.picture(first.id, Picture::Second).unwrap(),
            second(0).jpeg
        );
        // It counts, and goes with its record.
        for ms in [2000, 3000] {
            let next = s.insert(new_record("NEXT", at(ms))).unwrap();
            s.add_second(next.id, second(ms)).unwrap();
        }
        assert!(s.get(first.id).is_err(), "it made room");
        assert!(!s.path(first.id.0, Picture::Second).exists());
        let gone = s.add_second(first.id, second(1000));
        assert!(matches!(gone, Err(Error::NotFound { .. })), "{gone:?}");
        assert!(!s.path(first.id.0, Picture::Second).exists());
    }

    #[test]
    fn a_picture_written_before_a_power_cut_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let s = open(dir.path(), RecordLimits::default());
        let last = s.insert(new_record("A", at(0))).unwrap();
        let orphan = s.path(last.id.0 + 1, Picture::Full);
        fs::write(&orphan, b"x").unwrap();
        drop(s);
        open(dir.path(), RecordLimits::default());
        assert!(!orphan.exists());
    }
}
