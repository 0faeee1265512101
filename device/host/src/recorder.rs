use std::{
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::JoinHandle,
};

use bytes::Bytes;
use lpr_core::PlateCapture;
use platecam_model::{
    Error, EventBus, EventKind, NewRecord, Record, RecordKind, Result, UtcTime, ports::Records,
};

/// Makes a JPEG of a raw picture that was taken then.
pub type EncodeJpeg = Arc<dyn Fn(&lpr_core::Picture, UtcTime) -> Result<Bytes> + Send + Sync>;

/// Reads that wait for the disk; beyond it the recogniser waits (video does not).
const QUEUE: usize = 32;

/// Turns plate reads into records on a thread of its own, so that a slow card does not hold up
/// recognition. Publishes [`EventKind::RecordStored`] when a record can be fetched.
#[derive(Debug)]
pub struct Recorder {
    queue: Option<SyncSender<(RecordKind, PlateCapture)>>,
    thread: Option<JoinHandle<()>>,
}

impl Recorder {
    /// Starts the thread.
    ///
    /// # Errors
    /// [`Error::Internal`] when it cannot start.
    pub fn start(records: Arc<dyn Records>, bus: EventBus, encode: EncodeJpeg) -> Result<Self> {
        let (queue, reads) = sync_channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("recorder".into())
            .spawn(move || work(&reads, &*records, &bus, &encode))
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
        if let Some(queue) = &self.queue
            && queue.send((kind, capture)).is_err()
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

fn work(
    reads: &Receiver<(RecordKind, PlateCapture)>,
    records: &dyn Records,
    bus: &EventBus,
    encode: &EncodeJpeg,
) {
    while let Ok((kind, capture)) = reads.recv() {
        match store(kind, &capture, records, encode) {
            Ok(record) => {
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
        plate_rect: Some(read.plate_rect),
        frame_size: read.frame_size,
        full: jpeg("full", &pictures.full),
        plate: jpeg("plate", &pictures.cutout),
        track_id: read.track_id,
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
            plate_rect: rect,
            plate_quad: PxQuad::from(rect),
            frame_size: size,
            frames_seen: 3,
            frames_read: 3,
            test: false,
        };
        PlateCapture {
            read,
            pictures: PlatePictures {
                full: picture.clone(),
                cutout: picture,
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
}
