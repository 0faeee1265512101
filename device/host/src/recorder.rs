use std::{
    collections::VecDeque,
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::JoinHandle,
};

use bytes::Bytes;
use lpr_core::{LateSpeed, PlateCapture};
use platecam_model::{
    Error, EventBus, EventKind, NewRecord, Record, RecordId, RecordKind, Result, UtcTime,
    ports::Records,
};

/// Makes a JPEG of a raw picture that was taken then.
pub type EncodeJpeg = Arc<dyn Fn(&lpr_core::Picture, UtcTime) -> Result<Bytes> + Send + Sync>;

/// Reads that wait for the disk; beyond it the recogniser waits (video does not).
const QUEUE: usize = 32;

/// Records of which a speed may come yet.
const RECENT: usize = 32;

/// What the thread does, one after the other.
enum Job {
    Store(RecordKind, Box<PlateCapture>),
    Speed(LateSpeed),
}

/// Turns plate reads into records on a thread of its own, so that a slow card does not hold up
/// recognition. Publishes [`EventKind::RecordStored`] when a record can be fetched.
#[derive(Debug)]
pub struct Recorder {
    queue: Option<SyncSender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Recorder {
    /// Starts the thread.
    ///
    /// # Errors
    /// [`Error::Internal`] when it cannot start.
    pub fn start(records: Arc<dyn Records>, bus: EventBus, encode: EncodeJpeg) -> Result<Self> {
        let (queue, jobs) = sync_channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("recorder".into())
            .spawn(move || work(&jobs, &*records, &bus, &encode))
            .map_err(Error::internal)?;
        Ok(Self {
            queue: Some(queue),
            thread: Some(thread),
        })
    }

    /// Queues a read; waits when the queue is full.
    pub fn record(&self, capture: PlateCapture) {
        let kind = if capture.read.test {
            RecordKind::Test
        } else {
            RecordKind::Lpr
        };
        self.record_as(kind, capture);
    }

    /// Queues what becomes a record of this kind; waits when the queue is full.
    pub fn record_as(&self, kind: RecordKind, capture: PlateCapture) {
        self.queue(Job::Store(kind, Box::new(capture)));
    }

    /// Adds the speed to the record of a read that was queued lately; waits when the queue is full.
    pub fn add_speed(&self, speed: LateSpeed) {
        self.queue(Job::Speed(speed));
    }

    fn queue(&self, job: Job) {
        if let Some(queue) = &self.queue
            && queue.send(job).is_err()
        {
            tracing::error!("the recorder thread is gone; a read was not stored");
        }
    }
}

impl Drop for Recorder {
    /// Stores what is queued.
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn work(jobs: &Receiver<Job>, records: &dyn Records, bus: &EventBus, encode: &EncodeJpeg) {
    let mut recent: VecDeque<(u64, RecordId)> = VecDeque::new();
    while let Ok(job) = jobs.recv() {
        let (kind, capture) = match job {
            Job::Store(kind, capture) => (kind, capture),
            Job::Speed(late) => {
                let of = recent.iter().find(|(track, _)| *track == late.track_id);
                if let Some((_, id)) = of
                    && let Err(e) = records.set_speed(*id, late.speed_mps)
                {
                    tracing::error!(record = id.0, error = ?e, "a speed could not be stored");
                }
                continue;
            }
        };
        match store(kind, &capture, records, encode) {
            Ok(record) => {
                // Who turned back has a record of its pass beside this one.
                if kind == RecordKind::Lpr {
                    if recent.len() == RECENT {
                        recent.pop_front();
                    }
                    recent.push_back((record.track_id, record.id));
                }
                bus.publish(
                    record.captured_at,
                    EventKind::RecordStored(Arc::new(record)),
                );
            }
            Err(e) => {
                tracing::error!(plate = capture.read.plate_number, error = ?e, "a read could not be stored");
                let reason = match e {
                    Error::Internal { detail } => detail,
                    other => other.to_string(),
                };
                bus.publish(capture.read.captured_at, EventKind::RecordLost { reason });
            }
        }
    }
}

fn store(
    kind: RecordKind,
    capture: &PlateCapture,
    records: &dyn Records,
    encode: &EncodeJpeg,
) -> Result<Record> {
    let PlateCapture { read, pictures } = capture;
    // A picture that cannot be encoded must not lose the read.
    let jpeg = |what: &str, picture: &lpr_core::Picture| {
        encode(picture, read.captured_at).unwrap_or_else(|e| {
            tracing::error!(plate = read.plate_number, error = ?e, "no {what} picture");
            Bytes::new()
        })
    };
    records.insert(NewRecord {
        kind,
        captured_at: read.captured_at,
        plate_number: read.plate_number.clone(),
        likelihood: read.likelihood,
        direction: read.direction,
        country_code: read.country_code.clone(),
        issuing_entity: read.issuing_entity.clone(),
        colors: read.colors,
        plate_rect: read.plate_rect,
        frame_size: read.frame_size,
        full: jpeg("full", &pictures.full),
        plate: pictures
            .cutout
            .as_ref()
            .map(|cutout| jpeg("plate", cutout))
            .unwrap_or_default(),
        track_id: read.track_id,
        speed_mps: read.speed_mps,
    })
}

#[cfg(test)]
mod tests {
    use lpr_core::{
        Direction, FrameSize, Picture, PixelFormat, PlateCapture, PlatePictures, PlateRead, PxQuad,
        PxRect,
    };
    use platecam_model::{RecordQuery, testing::MemoryStore};

    use super::*;

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
            recorder.record(read(&format!("P{i}")));
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
        r.record(read("LOST"));
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
            r.record(read("NOPIC"));
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
        recorder.record(of(1, "FIRST"));
        let mut none = of(2, "");
        (none.read.plate_rect, none.pictures.cutout) = (None, None);
        none.read.speed_mps = Some(3.5);
        recorder.record(none);
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
}
