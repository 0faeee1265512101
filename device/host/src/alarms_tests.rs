use std::path::Path;

use super::*;

fn open(dir: &Path, limits: AlarmLimits) -> AlarmStore {
    let db = Database::open(&dir.join("db")).unwrap();
    AlarmStore::open(db, dir.join("alarms"), limits).unwrap()
}

fn new(at_ms: i64, mail: MailState, picture: &'static [u8]) -> NewAlarm {
    NewAlarm {
        kind: AlarmKind::Input,
        channel: 1,
        at: UtcTime::from_millis(at_ms),
        name: "Gate".into(),
        outputs: vec![1, 2],
        mail,
        picture: Bytes::from_static(picture),
    }
}

fn ids(items: &[StoredAlarm]) -> Vec<i64> {
    items.iter().map(|a| a.id.0).collect()
}

const DUE: MailState = MailState::Due { tries: 0 };

/// MAIL-11: alarms, pictures and the messages that wait outlast a restart.
#[test]
fn alarms_and_their_messages_survive_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let (kept, failed) = {
        let store = open(dir.path(), AlarmLimits::default());
        let kept = store.insert(new(1000, DUE, b"one")).unwrap();
        let sent = store.insert(new(2000, DUE, b"")).unwrap();
        store.note_mail(sent.id, &MailState::Sent).unwrap();
        let failed = store.insert(new(3000, DUE, b"")).unwrap();
        let tries = MailState::Due { tries: 2 };
        store.note_mail(failed.id, &tries).unwrap();
        (kept, failed)
    };
    let store = open(dir.path(), AlarmLimits::default());
    let due = store.due().unwrap();
    assert_eq!(due[0], kept);
    assert_eq!((due.len(), due[1].id), (2, failed.id));
    assert_eq!(due[1].mail, MailState::Due { tries: 2 });
    assert_eq!(store.picture(kept.id).unwrap(), "one");
    assert!(matches!(
        store.picture(failed.id),
        Err(Error::NotFound { .. })
    ));
    assert!(matches!(
        store.picture(AlarmId(99)),
        Err(Error::NotFound { .. })
    ));
    let later = store.insert(new(1, MailState::None, b"")).unwrap();
    assert_eq!(
        later.id,
        AlarmId(4),
        "numbers count up whatever the clock says"
    );
}

/// FILE-29, in pages, newest first.
#[test]
fn alarms_are_found_by_time() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), AlarmLimits::default());
    for at in 1..=5 {
        store.insert(new(at * 1000, MailState::None, b"")).unwrap();
    }
    let between = AlarmQuery {
        from: Some(UtcTime::from_millis(2000)),
        to: Some(UtcTime::from_millis(5000)),
        kind: Some(AlarmKind::Input),
        limit: 2,
        ..AlarmQuery::default()
    };
    let page = store.search(&between).unwrap();
    assert_eq!((ids(&page.items), page.total), (vec![4, 3], 3));
    let rest = AlarmQuery {
        before: page.next_before,
        ..between
    };
    let page = store.search(&rest).unwrap();
    assert_eq!((ids(&page.items), page.next_before), (vec![2], None));
}

#[test]
fn the_oldest_make_room_and_pictures_before_alarms() {
    let dir = tempfile::tempdir().unwrap();
    let limits = AlarmLimits {
        alarms: 4,
        picture_bytes: 8,
    };
    let store = open(dir.path(), limits);
    for at in 1..=6 {
        store.insert(new(at, MailState::None, b"1234")).unwrap();
    }
    let page = store.search(&AlarmQuery::default()).unwrap();
    let with: Vec<_> = page.items.iter().map(|a| (a.id.0, a.has_picture)).collect();
    assert_eq!(with, [(6, true), (5, true), (4, false), (3, false)]);
    let files = || fs::read_dir(dir.path().join("alarms")).unwrap().count();
    assert_eq!(files(), 2);
    // The newest picture stays, however large: it was just acknowledged.
    let big = store.insert(new(7, MailState::None, b"123456789")).unwrap();
    assert_eq!(store.picture(big.id).unwrap().len(), 9);
    assert_eq!(files(), 1);
}

#[test]
fn a_picture_written_before_a_power_cut_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), AlarmLimits::default());
    store.insert(new(1, MailState::None, b"one")).unwrap();
    let orphan = dir.path().join("alarms/2.jpg");
    fs::write(&orphan, "half").unwrap();
    drop(store);
    open(dir.path(), AlarmLimits::default());
    assert!(!orphan.exists() && dir.path().join("alarms/1.jpg").exists());
}
