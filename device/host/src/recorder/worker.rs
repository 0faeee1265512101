use std::{
    collections::VecDeque,
    sync::{Arc, mpsc::Receiver},
};

use bytes::Bytes;
use lpr_core::{LateSpeed, PlateCapture, SecondPicture};
use platecam_model::{
    Error, EventBus, EventKind, NewRecord, NewSecond, RecordId, RecordKind, UtcTime, ports::Records,
};

use super::EncodeJpeg;

/// Records of which a speed may come yet.
const RECENT: usize = 32;
/// Records whose second picture may come; beyond it the oldest stays without.
const MAX_OWED: usize = 16;
/// Second pictures that wait for their capture; beyond it the oldest goes.
const MAX_EARLY: usize = 8;

/// What the thread does, one after the other.
#[derive(Debug)]
pub(super) enum Job {
    Store {
        kind: RecordKind,
        capture: Box<PlateCapture>,
        /// Whether a second picture belongs to it.
        twice: bool,
    },
    Second(SecondPicture),
    Speed(LateSpeed),
}

/// A stored record whose second picture is to come.
struct Owed {
    track_id: u64,
    first_at: UtcTime,
    record: RecordId,
}

/// A second picture whose capture may come.
struct Early {
    track_id: u64,
    first_at: UtcTime,
    second: NewSecond,
}

pub(super) struct Worker {
    records: Arc<dyn Records>,
    bus: EventBus,
    encode: EncodeJpeg,
    recent: VecDeque<(u64, RecordId)>,
    owed: VecDeque<Owed>,
    early: VecDeque<Early>,
}

impl Worker {
    pub(super) fn new(records: Arc<dyn Records>, bus: EventBus, encode: EncodeJpeg) -> Self {
        Self {
            records,
            bus,
            encode,
            recent: VecDeque::new(),
            owed: VecDeque::new(),
            early: VecDeque::new(),
        }
    }

    /// Works until nobody queues any more.
    pub(super) fn run(mut self, jobs: &Receiver<Job>) {
        while let Ok(job) = jobs.recv() {
            self.work(job);
        }
    }

    fn work(&mut self, job: Job) {
        match job {
            Job::Store {
                kind,
                capture,
                twice,
            } => {
                let new = self.new_record(kind, &capture);
                if twice {
                    self.store_twice(new);
                } else {
                    self.store(new);
                }
            }
            Job::Second(second) => self.second(&second),
            Job::Speed(late) => self.speed(late),
        }
    }

    /// A picture that cannot be encoded must not lose the read.
    fn jpeg(
        &self,
        what: &str,
        picture: &lpr_core::Picture,
        taken_at: UtcTime,
        plate: &str,
    ) -> Bytes {
        (self.encode)(picture, taken_at).unwrap_or_else(|e| {
            tracing::error!(plate, error = ?e, "no {what} picture");
            Bytes::new()
        })
    }

    fn new_record(&self, kind: RecordKind, capture: &PlateCapture) -> NewRecord {
        let PlateCapture { read, pictures } = capture;
        let jpeg = |what: &str, picture: &lpr_core::Picture| {
            self.jpeg(what, picture, read.captured_at, &read.plate_number)
        };
        NewRecord {
            kind,
            captured_at: read.captured_at,
            plate_number: read.plate_number.clone(),
            likelihood: read.likelihood,
            direction: read.direction,
            country_code: read.country_code.clone(),
            issuing_entity: read.issuing_entity.clone(),
            colors: read.colors,
            vehicle_type: read.vehicle_type,
            plate_rect: read.plate_rect,
            frame_size: read.frame_size,
            full: jpeg("full", &pictures.full),
            plate: pictures
                .cutout
                .as_ref()
                .map(|cutout| jpeg("plate", cutout))
                .unwrap_or_default(),
            second: None,
            track_id: read.track_id,
            speed_mps: read.speed_mps,
        }
    }

    /// Stores a record at once, with its second picture where that was taken; otherwise it follows.
    fn store_twice(&mut self, mut new: NewRecord) {
        let (track_id, first_at) = (new.track_id, new.captured_at);
        let own = |e: &Early| (e.track_id, e.first_at) == (track_id, first_at);
        let early = self.early.iter().position(own);
        new.second = early.and_then(|i| self.early.remove(i)).map(|e| e.second);
        let waits = new.second.is_none();
        let Some(record) = self.store(new).filter(|_| waits) else {
            return;
        };
        if self.owed.len() == MAX_OWED {
            self.owed.pop_front();
        }
        self.owed.push_back(Owed {
            track_id,
            first_at,
            record,
        });
    }

    fn second(&mut self, second: &SecondPicture) {
        let (track_id, first_at) = (second.track_id, second.first_at);
        let own = |o: &Owed| (o.track_id, o.first_at) == (track_id, first_at);
        let owed = self.owed.iter().position(own);
        let owed = owed.and_then(|i| self.owed.remove(i));
        let jpeg = self.jpeg("second", &second.full, second.captured_at, "");
        if jpeg.is_empty() {
            return;
        }
        let second = NewSecond {
            captured_at: second.captured_at,
            jpeg,
        };
        if let Some(Owed { record, .. }) = owed {
            return self.add(record, second);
        }
        // A better first picture of the same vehicle came after the one before.
        self.early.retain(|e| e.track_id != track_id);
        if self.early.len() == MAX_EARLY {
            self.early.pop_front();
        }
        self.early.push_back(Early {
            track_id,
            first_at,
            second,
        });
    }

    fn add(&self, id: RecordId, second: NewSecond) {
        let at = second.captured_at;
        match self.records.add_second(id, second) {
            Ok(record) => {
                self.bus.publish(at, EventKind::SecondStored(record.into()));
            }
            Err(e) => {
                tracing::error!(record = id.0, error = ?e, "a second picture could not be stored");
            }
        }
    }

    fn speed(&mut self, late: LateSpeed) {
        let of = self
            .recent
            .iter()
            .find(|(track, _)| *track == late.track_id);
        if let Some((_, id)) = of
            && let Err(e) = self.records.set_speed(*id, late.speed_mps)
        {
            tracing::error!(record = id.0, error = ?e, "a speed could not be stored");
        }
    }

    /// Stores a record and tells of it; its number.
    fn store(&mut self, new: NewRecord) -> Option<RecordId> {
        let (kind, plate, captured_at) = (new.kind, new.plate_number.clone(), new.captured_at);
        let (told, stored) = match self.records.insert(new) {
            Ok(record) => {
                let id = record.id;
                // Who turned back has a record of its pass beside this one.
                if kind == RecordKind::Lpr {
                    if self.recent.len() == RECENT {
                        self.recent.pop_front();
                    }
                    self.recent.push_back((record.track_id, id));
                }
                (EventKind::RecordStored(record.into()), Some(id))
            }
            Err(e) => {
                tracing::error!(plate, error = ?e, "a read could not be stored");
                let reason = match e {
                    Error::Internal { detail } => detail,
                    other => other.to_string(),
                };
                (EventKind::RecordLost { reason }, None)
            }
        };
        self.bus.publish(captured_at, told);
        stored
    }
}
