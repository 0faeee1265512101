use lpr_core::{
    Direction, FrameSize, Picture, PixelFormat, PlateCapture, PlatePictures, PlateRead, PxQuad,
    PxRect,
};
use platecam_model::{RecordQuery, testing::MemoryStore};

use super::*;
use platecam_model::EventKind;

fn read(plate: &str) -> PlateCapture {
    let size = FrameSize::new(4, 2).unwrap();
    let picture = Picture::new(size, PixelFormat::Grey, vec![0; 8]).unwrap();
    let rect = PxRect {
        x: 0.0,
        y: 0.0,
        width: 4.0,
        height: 2.0,
    };
    let read = PlateRead {
        track_id: 7,
        plate_number: plate.into(),
        likelihood: 0.9,
        chars: Vec::new(),
        country_code: None,
        issuing_entity: None,
        colors: lpr_core::Colors::default(),
        vehicle_type: None,
        direction: Direction::Departing,
        captured_at: UtcTime::from_millis(5),
        first_seen: UtcTime::from_millis(1),
        last_seen: UtcTime::from_millis(9),
        plate_rect: Some(rect),
        plate_quad: Some(PxQuad::from(rect)),
        frame_size: size,
        frames_seen: 3,
        frames_read: 3,
        speed_mps: None,
        test: false,
    };
    PlateCapture {
        read,
        pictures: PlatePictures {
            full: picture.clone(),
            cutout: Some(picture),
        },
    }
}

/// Everything queued is stored before the recorder is gone, also when pictures fail.
#[test]
fn stores_all_that_was_queued_and_tells() {
    let (store, bus) = (Arc::new(MemoryStore::default()), EventBus::default());
    let mut events = bus.subscribe();
    let encode: EncodeJpeg = Arc::new(|p, _| {
        if p.size().width() == 4 {
            Ok(Bytes::from_static(b"jpeg"))
        } else {
            Err(Error::internal("size"))
        }
    });
    let recorder = Recorder::start(store.clone(), bus.clone(), encode.clone()).unwrap();
    for i in 0..50 {
        recorder.record_as(RecordKind::Lpr, read(&format!("P{i}")));
    }
    recorder.record_as(RecordKind::Backing, read("BACK"));
    drop(recorder);
    let kinds = |kind| {
        let query = RecordQuery {
            kind: Some(kind),
            ..RecordQuery::default()
        };
        store.search(&query).unwrap().total
    };
    assert_eq!(
        (kinds(RecordKind::Lpr), kinds(RecordKind::Backing)),
        (50, 1)
    );
    let page = store
        .search(&RecordQuery {
            limit: 100,
            ..RecordQuery::default()
        })
        .unwrap();
    assert_eq!(page.total, 51);
    assert_eq!(
        (page.items[0].track_id, page.items[0].direction),
        (7, Direction::Departing)
    );
    let event = events.try_recv().unwrap();
    let EventKind::RecordStored(first) = &event.kind else {
        panic!("{event:?}")
    };
    assert_eq!(
        (first.plate_number.as_str(), event.at),
        ("P0", UtcTime::from_millis(5))
    );

    store.fail_writes(true);
    let r = Recorder::start(store.clone(), bus.clone(), encode).unwrap();
    r.record_as(RecordKind::Lpr, read("LOST"));
    drop(r);
    store.fail_writes(false);
    let lost = std::iter::from_fn(|| events.try_recv().ok())
        .last()
        .unwrap();
    assert!(
        matches!(&lost.kind, EventKind::RecordLost { reason } if reason == "disk full"),
        "{lost:?}"
    );

    let failing: EncodeJpeg = Arc::new(|_, _| Err(Error::internal("no encoder")));
    drop({
        let r = Recorder::start(store.clone(), bus, failing).unwrap();
        r.record_as(RecordKind::Lpr, read("NOPIC"));
        r
    });
    let page = store
        .search(&RecordQuery {
            plate: Some("NOPIC".into()),
            ..RecordQuery::default()
        })
        .unwrap();
    assert!(
        page.total == 1 && !page.items[0].has_picture,
        "the read is kept without its pictures"
    );
}

/// SNAPRULE-3: a speed that was measured after the read goes to its record, a vehicle without a plate has its picture.
#[test]
fn a_late_speed_goes_to_its_record() {
    let (store, bus) = (Arc::new(MemoryStore::default()), EventBus::default());
    let encode: EncodeJpeg = Arc::new(|_, _| Ok(Bytes::from_static(b"jpeg")));
    let recorder = Recorder::start(store.clone(), bus, encode).unwrap();
    let of = |track_id, plate| {
        let mut capture = read(plate);
        capture.read.track_id = track_id;
        capture
    };
    recorder.record_as(RecordKind::Lpr, of(1, "FIRST"));
    let mut none = of(2, "");
    (none.read.plate_rect, none.pictures.cutout) = (None, None);
    none.read.speed_mps = Some(3.5);
    recorder.record_as(RecordKind::Lpr, none);
    for track_id in [1, 77] {
        recorder.add_speed(LateSpeed {
            track_id,
            speed_mps: 8.25,
        });
    }
    drop(recorder);
    let items = store.search(&RecordQuery::default()).unwrap().items;
    let told = |i: usize| {
        let r = &items[i];
        (
            r.plate_number.as_str(),
            r.speed_mps,
            r.has_picture,
            r.has_plate,
        )
    };
    assert_eq!(told(1), ("FIRST", Some(8.25), true, true));
    assert_eq!(told(0), ("", Some(3.5), true, false));
    assert_eq!(items[0].plate_rect, None);
}

fn second_of(track_id: u64, first_ms: i64, at_ms: i64, size: (u32, u32)) -> SecondPicture {
    let size = FrameSize::new(size.0, size.1).unwrap();
    let bytes = PixelFormat::Grey.bytes(size);
    SecondPicture {
        track_id,
        first_at: UtcTime::from_millis(first_ms),
        captured_at: UtcTime::from_millis(at_ms),
        full: Picture::new(size, PixelFormat::Grey, vec![9; bytes]).unwrap(),
    }
}

/// SNAPRULE-4: the second picture goes to its own record, whether it comes after the read or before; a record without one, or with
/// one that cannot be encoded, is there all the same.
#[test]
fn a_second_picture_goes_to_its_record() {
    let (store, bus) = (Arc::new(MemoryStore::default()), EventBus::default());
    let encode: EncodeJpeg = Arc::new(|p, at| match p.size().width() {
        6 => Err(Error::internal("no encoder")),
        w => Ok(format!("{w} at {}", at.as_millis()).into()),
    });
    let recorder = Recorder::start(store.clone(), bus, encode).unwrap();
    let of = |track_id, plate| {
        let mut capture = read(plate);
        capture.read.track_id = track_id;
        capture
    };
    recorder.record_twice(RecordKind::Lpr, of(1, "AFTER"));
    // Of another first picture of the same track, and of nobody.
    recorder.add_second(second_of(1, 4, 900, (8, 2)));
    recorder.add_second(second_of(9, 5, 900, (8, 2)));
    recorder.add_speed(LateSpeed {
        track_id: 1,
        speed_mps: 8.25,
    });
    recorder.add_second(second_of(1, 5, 1005, (8, 2)));
    recorder.add_second(second_of(2, 3, 700, (8, 2)));
    recorder.add_second(second_of(2, 5, 800, (8, 2)));
    recorder.record_twice(RecordKind::Unlicensed, of(2, "BEFORE"));
    recorder.record_twice(RecordKind::Lpr, of(3, "BROKEN"));
    recorder.add_second(second_of(3, 5, 1005, (6, 2)));
    recorder.record_as(RecordKind::Lpr, of(4, "ONE"));
    recorder.record_twice(RecordKind::Lpr, of(5, "NEVER"));
    drop(recorder);
    let items = store.search(&RecordQuery::default()).unwrap().items;
    let ms = |ms| Some(UtcTime::from_millis(ms));
    let told: Vec<_> = items
        .iter()
        .rev()
        .map(|r| (r.plate_number.as_str(), r.second_at))
        .collect();
    assert_eq!(
        told,
        [
            ("AFTER", ms(1005)),
            ("BEFORE", ms(800)),
            ("BROKEN", None),
            ("ONE", None),
            ("NEVER", None)
        ]
    );
    let (after, never) = (&items[4], &items[0]);
    assert_eq!(after.speed_mps, Some(8.25));
    let jpeg = |which| store.picture(after.id, which).unwrap();
    assert_eq!(jpeg(platecam_model::Picture::Second), "8 at 1005");
    assert_eq!(jpeg(platecam_model::Picture::Full), "4 at 5");
    let none = store.picture(never.id, platecam_model::Picture::Second);
    assert!(matches!(none, Err(Error::NotFound { .. })), "{none:?}");
}

fn of(track_id: u64) -> PlateCapture {
    let mut capture = read(&format!("P{track_id}"));
    capture.read.track_id = track_id;
    capture
}

/// SNAPRULE-4: nobody waits for the second picture: the record is there and told at once, and again when it has it.
#[test]
fn a_record_does_not_wait_for_its_second_picture() {
    let (store, bus) = (Arc::new(MemoryStore::default()), EventBus::default());
    let mut events = bus.subscribe();
    let encode: EncodeJpeg = Arc::new(|_, _| Ok(Bytes::from_static(b"jpeg")));
    let recorder = Recorder::start(store.clone(), bus, encode).unwrap();
    recorder.record_twice(RecordKind::Lpr, of(1));
    let told = events.blocking_recv().unwrap();
    let EventKind::RecordStored(first) = &told.kind else {
        panic!("{told:?}")
    };
    assert_eq!((first.has_picture, first.second_at), (true, None));
    assert_eq!(store.get(first.id).unwrap(), **first);
    recorder.add_second(second_of(1, 5, 1005, (8, 2)));
    let told = events.blocking_recv().unwrap();
    let EventKind::SecondStored(both) = &told.kind else {
        panic!("{told:?}")
    };
    let at = UtcTime::from_millis(1005);
    assert_eq!((both.id, both.second_at), (first.id, Some(at)));
    assert_eq!(told.at, at);
    assert_eq!(store.get(first.id).unwrap(), **both);

    // One that cannot be stored costs nothing but itself.
    recorder.record_twice(RecordKind::Lpr, of(2));
    events.blocking_recv().unwrap();
    store.fail_writes(true);
    recorder.add_second(second_of(2, 5, 1005, (8, 2)));
    drop(recorder);
    assert!(events.try_recv().is_err());
    let items = store.search(&RecordQuery::default()).unwrap().items;
    assert_eq!((items.len(), items[0].second_at), (2, None));
}

/// SNAPRULE-4: those that wait are bounded: the oldest stays without a second picture.
#[test]
fn few_wait_for_their_second_picture() {
    let (store, bus) = (Arc::new(MemoryStore::default()), EventBus::default());
    let encode: EncodeJpeg = Arc::new(|_, _| Ok(Bytes::from_static(b"jpeg")));
    let recorder = Recorder::start(store.clone(), bus, encode).unwrap();
    for track_id in 1..=20 {
        recorder.record_twice(RecordKind::Lpr, of(track_id));
    }
    for track_id in [4, 5, 20] {
        recorder.add_second(second_of(track_id, 5, 1005, (8, 2)));
    }
    drop(recorder);
    let items = store.search(&RecordQuery::default()).unwrap().items;
    let twice = items.iter().rev().filter(|r| r.second_at.is_some());
    assert_eq!(twice.map(|r| r.track_id).collect::<Vec<_>>(), [5, 20]);
    assert_eq!(items.len(), 20);
}
