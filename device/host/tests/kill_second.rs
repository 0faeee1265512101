//! SNAPRULE-4: a unit that is killed between a record and its second picture has the record, with its first picture; killed at any other moment
//! it has each second picture that was told, and no half one.

use std::{
    env,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    sync::Arc,
};

use bytes::Bytes;
use lpr_core::{
    Colors, Direction, FrameSize, PixelFormat, PlateCapture, PlatePictures, PlateRead,
    SecondPicture, UtcTime,
};
use platecam_host::{Database, RecordLimits, RecordStore, Recorder};
use platecam_model::{
    EventBus, EventKind, Picture, RecordId, RecordKind, RecordQuery, ports::Records,
};

const CHILD: &str = "PLATECAM_KILL_SECOND_DIR";
/// Whether second pictures come at all.
const TWICE: &str = "PLATECAM_KILL_SECOND_TWICE";
/// Bytes of a picture of the child.
const JPEG: usize = 20_000;

fn store(dir: &Path) -> RecordStore {
    let db = Database::open(&dir.join("db")).unwrap();
    RecordStore::open(db, dir.join("pictures"), RecordLimits::default()).unwrap()
}

fn picture() -> lpr_core::Picture {
    let size = FrameSize::new(4, 2).unwrap();
    lpr_core::Picture::new(size, PixelFormat::Grey, vec![0; 8]).unwrap()
}

fn capture(track_id: u64) -> PlateCapture {
    let at = UtcTime::from_millis(5);
    let read = PlateRead {
        track_id,
        plate_number: format!("P{track_id}"),
        likelihood: 0.9,
        chars: Vec::new(),
        country_code: None,
        issuing_entity: None,
        colors: Colors::default(),
        vehicle_type: None,
        direction: Direction::Departing,
        captured_at: at,
        first_seen: at,
        last_seen: at,
        plate_rect: None,
        plate_quad: None,
        frame_size: FrameSize::new(4, 2).unwrap(),
        frames_seen: 3,
        frames_read: 3,
        speed_mps: None,
        test: false,
    };
    let full = picture();
    PlateCapture {
        read,
        pictures: PlatePictures { full, cutout: None },
    }
}

/// Records vehicles, for ever or, without second pictures, once; says what it was told.
#[test]
fn child_process() {
    let Ok(dir) = env::var(CHILD) else { return };
    let twice = env::var(TWICE).is_ok();
    let (bus, store) = (EventBus::default(), Arc::new(store(Path::new(&dir))));
    let mut events = bus.subscribe();
    let encode = Arc::new(|_: &_, _| Ok(Bytes::from(vec![7; JPEG])));
    let recorder = Recorder::start(store, bus, encode).unwrap();
    let mut out = std::io::stdout();
    for track_id in 1.. {
        let first = capture(track_id);
        let second = SecondPicture {
            track_id,
            first_at: first.read.captured_at,
            captured_at: UtcTime::from_millis(1005),
            full: picture(),
        };
        recorder.record_twice(RecordKind::Lpr, first);
        if twice {
            recorder.add_second(second);
        }
        loop {
            let event = events.blocking_recv().unwrap();
            match &event.kind {
                EventKind::RecordStored(r) => writeln!(out, "stored {}", r.id.0).unwrap(),
                EventKind::SecondStored(r) => {
                    writeln!(out, "completed {}", r.id.0).unwrap();
                    break;
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

fn spawn(dir: &Path, twice: bool) -> (Child, BufReader<ChildStdout>) {
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args(["--exact", "child_process", "--nocapture"])
        .env(CHILD, dir)
        .stdout(Stdio::piped());
    if twice {
        command.env(TWICE, "1");
    }
    let mut child = command.spawn().unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    (child, out)
}

/// Reads until so many lines of this kind came, or the output ends after the kill; the last number.
fn told(out: &mut BufReader<ChildStdout>, word: &str, enough: u32) -> Option<i64> {
    let (mut last, mut n, mut line) = (None, 0, String::new());
    while n < enough && out.read_line(&mut line).unwrap() > 0 {
        // A last line may be cut by the kill.
        if let [.., said, id] = line.split_whitespace().collect::<Vec<_>>()[..]
            && said == word
            && line.ends_with('\n')
        {
            last = id.parse().ok();
            n += 1;
        }
        line.clear();
    }
    last
}

#[test]
fn killed_between_the_two_pictures_the_record_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let (mut child, mut out) = spawn(dir.path(), false);
    let id = told(&mut out, "stored", 1).expect("the child ended by itself");
    child.kill().unwrap();
    child.wait().unwrap();
    let store = store(dir.path());
    let record = store.get(RecordId(id)).unwrap();
    assert_eq!((record.has_picture, record.second_at), (true, None));
    let full = store.picture(record.id, Picture::Full).unwrap();
    assert_eq!(full.len(), JPEG);
}

#[test]
fn no_second_picture_that_was_told_is_lost_nor_half_there() {
    let dir = tempfile::tempdir().unwrap();
    for round in 1..=20 {
        let (mut child, mut out) = spawn(dir.path(), true);
        told(&mut out, "completed", round % 7 + 1).expect("the child ended by itself");
        child.kill().unwrap();
        child.wait().unwrap();
        let last = told(&mut out, "completed", u32::MAX).unwrap_or(0);
        let store = store(dir.path());
        let query = RecordQuery {
            limit: 500,
            ..RecordQuery::default()
        };
        for record in store.search(&query).unwrap().items {
            let second = store.picture(record.id, Picture::Second);
            match record.second_at {
                Some(_) => assert_eq!(second.unwrap().len(), JPEG),
                None => assert!(second.is_err() && record.id.0 > last, "{record:?}"),
            }
            let full = store.picture(record.id, Picture::Full).unwrap();
            assert_eq!(full.len(), JPEG);
        }
    }
}
