//! A database of every earlier form of the schema opens with the newest program, and nothing of it is lost.
#![allow(missing_docs, reason = "a test")]

use std::{fs, path::Path, sync::Arc};

use platecam_host::{Database, DeviceKey, RecordLimits, RecordStore};
use platecam_model::{
    Actor, Error, EventBus, RecordQuery, SystemClock,
    ports::{Records, UserBackend},
    settings::{
        Codec, DeviceGeneral, NetPorts, SettingsStore, VideoMain, VideoStandard, VideoSub,
        all_sections,
    },
};
use rusqlite::Connection;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures");

fn step_of(db: &Path) -> u32 {
    let db = Connection::open(db).unwrap();
    db.pragma_query_value(None, "user_version", |r| r.get(0))
        .unwrap()
}

fn settings(dir: &Path, db: &Database) -> platecam_model::Result<SettingsStore> {
    SettingsStore::load(
        all_sections(),
        Arc::new(db.clone()),
        Arc::new(DeviceKey::open(&dir.join("device.key")).unwrap()),
        EventBus::default(),
        Arc::new(SystemClock::default()),
    )
}

fn check(step: u32, newest: u32) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("platecam.db");
    let fixture = format!("{FIXTURES}/step-{step}.sql");
    let sql = fs::read_to_string(&fixture).unwrap_or_else(|e| {
        panic!("{fixture}: {e}; a new step of the schema needs a dump of a database that it made")
    });
    Connection::open(&path)
        .unwrap()
        .execute_batch(&sql)
        .unwrap();
    assert_eq!(step_of(&path), step, "{fixture}");

    let db = Database::open(&path).unwrap();
    assert_eq!(step_of(&path), newest, "{fixture}");
    let store = settings(dir.path(), &db).unwrap();
    let general = store.get::<DeviceGeneral>();
    assert_eq!(
        (general.name.as_str(), general.location.as_str()),
        ("Gate 7", "North")
    );
    assert_eq!(
        general.video_standard,
        VideoStandard::Ntsc,
        "a field that is newer than the fixture has its default"
    );
    let view = store.read("device.general", &Actor::system()).unwrap();
    assert_eq!(
        (view.revision.0, view.changed_by.as_str()),
        (2, "admin@192.0.2.7")
    );
    let main = store.get::<VideoMain>();
    assert_eq!(
        (main.codec, main.bit_rate.get(), main.frame_rate.get()),
        (Codec::H265, 2048, 30)
    );
    assert_eq!(store.get::<NetPorts>().rtsp.get(), 8555);
    assert_eq!(*store.get::<VideoSub>(), VideoSub::default());

    let users = db.load_users().unwrap();
    let of = |u: &platecam_model::ports::StoredUser| (u.name.clone(), u.sealed_password.clone());
    let names: Vec<_> = users.iter().map(of).collect();
    assert_eq!(
        names,
        ["admin", "Guard", "viewer"].map(|n| (n.to_owned(), vec![1, 2, 3]))
    );
    assert_eq!(users[0].group, "admin", "{fixture}");
    assert_eq!(users[1].group, "operator", "{fixture}");
    assert_eq!(users[0].email.as_deref(), Some("owner@example.com"));
    assert_eq!(users[1].remark, "night shift");

    assert_eq!(db.fact("serial", || "new".into()).unwrap(), "PC0000001234");
    let pictures = dir.path().join("pictures");
    let records = RecordStore::open(db, pictures, RecordLimits::default()).unwrap();
    let page = records.search(&RecordQuery::default()).unwrap();
    assert_eq!(page.items[0].plate_number, "ABC1234");
    assert_eq!(page.items[0].second_at, None);
}

#[test]
fn every_earlier_form_opens_with_all_its_values() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    drop(Database::open(&path).unwrap());
    let newest = step_of(&path);
    assert!(newest >= 3);
    for step in 1..=newest {
        check(step, newest);
    }
}

/// Running on with other values than the owner's would be worse than not starting.
#[test]
fn what_a_newer_program_stored_stops_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    drop(Database::open(&path).unwrap());
    let raw = Connection::open(&path).unwrap();
    raw.execute(
        "INSERT INTO settings VALUES ('video.main', 999, 1, '{}', 'admin', 0)",
        [],
    )
    .unwrap();
    let db = Database::open(&path).unwrap();
    let Err(Error::Internal { detail }) = settings(dir.path(), &db) else {
        panic!("a section of version 999 was read")
    };
    assert!(
        detail.contains("video.main") && detail.contains("999"),
        "{detail}"
    );
    drop(db);
    raw.pragma_update(None, "user_version", 999).unwrap();
    assert!(
        Database::open(&path).is_err(),
        "a schema of a later program was opened"
    );
}
