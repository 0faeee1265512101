use std::path::Path;

use platecam_model::{
    Actor, NewSecond, RecordQuery, UtcTime,
    ports::CardState,
    testing::{TestDevice, initialised, new_record},
};
use serde_json::{Value, json};

use super::*;

/// Bytes of a card with room for about `n` records of 1000 bytes.
const fn room(n: u64) -> u64 {
    n * 1000 * 20 / 19
}

struct Unit {
    dir: tempfile::TempDir,
    t: TestDevice,
    store: RecordStore,
}

fn store(dir: &Path, t: &TestDevice, picture_bytes: u64) -> RecordStore {
    let limits = RecordLimits {
        picture_bytes,
        ..RecordLimits::default()
    };
    let db = Database::open(&dir.join("db")).unwrap();
    let places = PicturePlaces::new(t.card.clone(), t.device.settings.clone(), "PC1");
    RecordStore::open(db, dir.join("pictures"), limits)
        .unwrap()
        .with_places(places)
}

impl Unit {
    fn new(picture_bytes: u64) -> Self {
        let (dir, t) = (tempfile::tempdir().unwrap(), initialised());
        let store = store(dir.path(), &t, picture_bytes);
        Self { dir, t, store }
    }

    fn set(&self, key: &str, value: Value) {
        let by = Actor::system();
        self.t
            .device
            .settings
            .patch(key, &value, None, &by)
            .unwrap();
    }

    fn upload(&self, spot: &str) {
        let server = json!({"enabled": true, "spot": spot, "host": "h", "username": "u"});
        self.set("upload.server", server);
    }

    /// A record with pictures of 800 and 200 bytes.
    fn pass(&self, plate: &str) -> Result<Record> {
        let mut new = new_record(plate, UtcTime::from_millis(1));
        new.full = vec![1; 800].into();
        new.plate = vec![2; 200].into();
        self.store.insert(new)
    }

    /// The same with a second one of 100 bytes (SNAPRULE-4).
    fn pass_twice(&self, plate: &str) -> Result<Record> {
        let mut new = new_record(plate, UtcTime::from_millis(1));
        new.second = Some(NewSecond {
            captured_at: UtcTime::from_millis(1001),
            jpeg: vec![3; 100].into(),
        });
        self.store.insert(new)
    }

    fn seen(&self, record: &Record) -> [bool; 2] {
        [Picture::Full, Picture::Plate].map(|w| self.store.picture(record.id, w).is_ok())
    }

    fn plates(&self) -> Vec<String> {
        let page = self.store.search(&RecordQuery::default()).unwrap();
        page.items.into_iter().map(|r| r.plate_number).collect()
    }

    fn in_unit(&self) -> usize {
        let folder = self.dir.path().join("pictures/000000");
        fs::read_dir(folder).map_or(0, Iterator::count)
    }
}

/// STOR-2, GEN-12, GEN-13: on the card while there is one, in the unit otherwise; the row stays when the card goes, and so
/// does the picture when it is back.
#[test]
fn pictures_go_to_the_card_and_stay_there() {
    let unit = Unit::new(1 << 20);
    let before = unit.pass("BEFORE").unwrap();
    unit.t.card.insert("aa", 1 << 20);
    let on_card = unit.pass("ONCARD").unwrap();
    assert_eq!(unit.in_unit(), 2);
    assert_eq!(unit.t.card.files().len(), 2);
    assert!(unit.t.card.files()[0].starts_with("platecam/PC1/000000/"));
    unit.t.card.pull();
    let pulled = unit.pass("PULLED").unwrap();
    assert_eq!(unit.seen(&before), [true, true]);
    assert_eq!(unit.seen(&pulled), [true, true]);
    assert_eq!(unit.seen(&on_card), [false, false]);
    assert!(unit.store.get(on_card.id).unwrap().has_picture);
    let e = unit.store.picture(on_card.id, Picture::Full).unwrap_err();
    assert!(e.to_string().contains("not in the unit"), "{e}");
    // Another card is not the one.
    unit.t.card.put_back("bb", 1 << 20);
    assert_eq!(unit.seen(&on_card), [false, false]);
    unit.t.card.put_back("aa", 1 << 20);
    assert_eq!(unit.seen(&on_card), [true, true]);
    unit.set("storage.local", json!({"use_card": false}));
    unit.pass("UNIT").unwrap();
    assert_eq!(unit.t.card.files().len(), 2);
    assert_eq!(unit.plates(), ["UNIT", "PULLED", "ONCARD", "BEFORE"]);
}

/// A card that fails in the middle loses nothing: the record is in the unit.
#[test]
fn a_card_that_does_not_take_it_is_passed_over() {
    let unit = Unit::new(1 << 20);
    unit.t.card.insert("aa", 1 << 20);
    // It claims room and has none.
    unit.t.card.status.lock().total = 100;
    unit.t.card.status.lock().free = 900;
    let record = unit.pass("A").unwrap();
    assert_eq!(unit.seen(&record), [true, true]);
    for state in [CardState::ReadOnly, CardState::Damaged, CardState::Failed] {
        unit.t.card.status.lock().state = state;
        let record = unit.pass("B").unwrap();
        assert_eq!(unit.seen(&record), [true, true], "{state:?}");
    }
}

/// STOR-4, GEN-14: the oldest of the card make room, with their pictures, and none of the unit.
#[test]
fn a_full_card_is_overwritten_from_the_oldest_on() {
    let unit = Unit::new(1 << 20);
    unit.pass("UNIT").unwrap();
    unit.t.card.insert("aa", room(20));
    for i in 0..60 {
        unit.pass(&format!("P{i}")).unwrap();
    }
    let plates = unit.plates();
    assert_eq!(plates[0], "P59");
    assert_eq!(plates.last().unwrap(), "UNIT");
    assert!((5..=21).contains(&plates.len()), "{plates:?}");
    assert_eq!(unit.t.card.files().len(), (plates.len() - 1) * 2);
    assert_eq!(unit.in_unit(), 2);
}

/// STOR-4: Stop keeps what there is, and says that it keeps nothing more.
#[test]
fn stop_keeps_the_old_and_refuses_the_new() {
    let unit = Unit::new(3000);
    unit.set("storage.local", json!({"when_full": "Stop"}));
    unit.t.card.insert("aa", room(5));
    let kept = (0..20)
        .filter(|i| unit.pass(&format!("P{i}")).is_ok())
        .count();
    assert!((4..=5).contains(&kept), "{kept}");
    let plates = unit.plates();
    assert_eq!(
        (plates.len(), plates.last().unwrap().as_str()),
        (kept, "P0")
    );
    let Err(Error::Conflict(detail)) = unit.pass("X") else {
        panic!("a full card took more")
    };
    assert!(detail.contains("memory card is full"), "{detail}");
    // The unit's own storage stops as well.
    unit.t.card.pull();
    let kept = (0..20)
        .filter(|i| unit.pass(&format!("U{i}")).is_ok())
        .count();
    assert_eq!(kept, 3);
    // The copy on the server is made all the same: it waits in the unit, and leaves it afterwards.
    let unit = Unit::new(1 << 20);
    unit.set("storage.local", json!({"when_full": "Stop"}));
    unit.upload("Both");
    unit.t.card.insert("aa", 100);
    let waits = unit.pass("WAITS").unwrap();
    assert_eq!(unit.seen(&waits), [true, true]);
    unit.store.release(waits.id).unwrap();
    assert_eq!(unit.seen(&waits), [false, false]);
}

/// STOR-1: with the server alone, pictures are in the unit or on the card until they are there; the rows stay.
#[test]
fn the_server_alone_keeps_pictures_elsewhere() {
    let unit = Unit::new(1 << 20);
    unit.upload("FTP");
    let first = unit.pass("FIRST").unwrap();
    unit.t.card.insert("aa", 1 << 20);
    let second = unit.pass("SECOND").unwrap();
    let third = unit.pass("THIRD").unwrap();
    unit.store.release(second.id).unwrap();
    assert_eq!(unit.seen(&first), [false, false]);
    assert_eq!(unit.seen(&second), [false, false]);
    assert_eq!(unit.seen(&third), [true, true]);
    assert!(!unit.store.get(second.id).unwrap().has_picture);
    assert_eq!((unit.in_unit(), unit.t.card.files().len()), (0, 2));
    unit.upload("Both");
    let both = unit.pass("BOTH").unwrap();
    unit.store.release(both.id).unwrap();
    assert_eq!(unit.seen(&both), [true, true]);
    assert_eq!(unit.plates(), ["BOTH", "THIRD", "SECOND", "FIRST"]);
}

/// STOR-6: an erased card has no pictures, and nobody claims that it has.
#[test]
fn records_of_an_erased_card_have_no_pictures() {
    let unit = Unit::new(1 << 20);
    let own = unit.pass("OWN").unwrap();
    unit.t.card.insert("aa", 1 << 20);
    let erased = unit.pass("ERASED").unwrap();
    assert_eq!(unit.store.forget_card("aa").unwrap(), 1);
    assert!(!unit.store.get(erased.id).unwrap().has_picture);
    assert!(unit.store.get(own.id).unwrap().has_picture);
}

/// What was deleted while its card was away leaves the card when it is back; another unit's pictures stay.
#[test]
fn what_no_record_has_any_more_leaves_the_card() {
    use platecam_model::ports::MemoryCard;
    let unit = Unit::new(1 << 20);
    unit.t.card.insert("aa", 1 << 20);
    let old = unit.pass("OLD").unwrap();
    unit.t.card.pull();
    unit.store.delete(old.id.0).unwrap();
    let db = unit.store.db.clone();
    let later = "UPDATE sqlite_sequence SET seq = 5000 WHERE name = 'records'";
    db.writer.lock().execute(later, []).unwrap();
    unit.t.card.put_back("aa", 1 << 20);
    unit.t
        .card
        .write("platecam/PC2/000000/1-full.jpg", "x".into())
        .unwrap();
    let new = unit.pass("NEW").unwrap();
    assert_eq!(new.id, RecordId(5001));
    let mut files = unit.t.card.files();
    files.sort();
    assert_eq!(
        files,
        [
            "platecam/PC1/000005/5001-full.jpg",
            "platecam/PC1/000005/5001-plate.jpg",
            "platecam/PC2/000000/1-full.jpg"
        ]
    );
}

/// SNAPRULE-4, STOR-9: the second picture lies on the card beside the others, and is dropped with them once the server has all.
#[test]
fn a_second_picture_lies_with_the_others() {
    let unit = Unit::new(1 << 20);
    unit.t.card.insert("aa", 1 << 20);
    unit.upload("FTP");
    let record = unit.pass_twice("TWICE").unwrap();
    let files = unit.t.card.files();
    assert!(files.contains(&"platecam/PC1/000000/1-second.jpg".to_owned()));
    let jpeg = unit.store.picture(record.id, Picture::Second).unwrap();
    assert_eq!(jpeg, vec![3; 100]);
    unit.store.release(record.id).unwrap();
    assert!(unit.t.card.files().is_empty());
    assert_eq!(unit.store.get(record.id).unwrap().second_at, None);
}

/// SNAPRULE-4, STOR-1..4: a second picture that comes later goes where the others are, and nowhere else.
#[test]
fn a_late_second_picture_follows_the_others() {
    let unit = Unit::new(2000);
    let second = || NewSecond {
        captured_at: UtcTime::from_millis(1001),
        jpeg: vec![3; 100].into(),
    };
    let add = |record: &Record| unit.store.add_second(record.id, second());
    let inside = unit.pass("IN").unwrap();
    unit.t.card.insert("aa", 1 << 20);
    let outside = unit.pass("OUT").unwrap();
    add(&inside).unwrap();
    add(&outside).unwrap();
    let file = |r: &Record| format!("platecam/PC1/000000/{}-second.jpg", r.id.0);
    let files = unit.t.card.files();
    assert!(files.contains(&file(&outside)) && !files.contains(&file(&inside)));
    for record in [&inside, &outside] {
        let jpeg = unit.store.picture(record.id, Picture::Second).unwrap();
        assert_eq!(jpeg, vec![3; 100]);
    }
    // Its card was pulled meanwhile: the record stays as it is.
    let pulled = unit.pass("PULLED").unwrap();
    unit.t.card.pull();
    let refused = add(&pulled).unwrap_err().to_string();
    assert!(refused.contains("not in the unit"), "{refused}");
    assert_eq!(unit.store.get(pulled.id).unwrap(), pulled);
    // Full, and nothing may be overwritten: 1100 of 2000 bytes are taken.
    unit.set("storage.local", json!({"when_full": "Stop"}));
    let large = NewSecond {
        jpeg: vec![3; 1000].into(),
        ..second()
    };
    let refused = unit.store.add_second(inside.id, large).unwrap_err();
    assert!(refused.to_string().contains("storage is full"), "{refused}");
}

/// A power cut between picture and row on the card: the number is used again, and the picture is the new one's.
#[test]
fn a_picture_without_a_row_is_replaced() {
    use platecam_model::ports::MemoryCard;
    let unit = Unit::new(1 << 20);
    unit.t.card.insert("aa", 1 << 20);
    unit.t
        .card
        .write("platecam/PC1/000000/1-full.jpg", "cut".into())
        .unwrap();
    let again = store(unit.dir.path(), &unit.t, 1 << 20);
    drop(again);
    let record = unit.pass("A").unwrap();
    let picture = unit.store.picture(record.id, Picture::Full).unwrap();
    assert_eq!((record.id, picture.len()), (RecordId(1), 800));
}
