use std::{
    collections::VecDeque,
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use lpr_core::{LateSpeed, PlateCapture, SecondPicture};
use platecam_model::{
    Error, EventBus, EventKind, NewRecord, NewSecond, RecordId, RecordKind, UtcTime, ports::Records,
};

use super::EncodeJpeg;

/// Records of which a speed may come yet.
const RECENT: usize = 32;
/// A record is stored without its second picture after this: whoever waits for records does so for three seconds.
const SECOND_WAIT: Duration = Duration::from_secs(2);
/// Records that wait for their second picture at a time; beyond it the oldest is stored without.
const MAX_WAITING: usize = 8;
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

/// A record that is stored when its second picture comes. Its pictures are JPEG already.
struct Waiting {
    new: NewRecord,
    until: Instant,
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
    waiting: VecDeque<Waiting>,
    early: VecDeque<Early>,
}

impl Worker {
    pub(super) fn new(records: Arc<dyn Records>, bus: EventBus, encode: EncodeJpeg) -> Self {
        Self {
            records,
            bus,
            encode,
            recent: VecDeque::new(),
            waiting: VecDeque::new(),
            early: VecDeque::new(),
        }
    }

    /// Works until nobody queues any more, and stores what waits then.
    pub(super) fn run(mut self, jobs: &Receiver<Job>) {
        loop {
            let job = match self.waiting.front() {
                None => jobs.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(w) => jobs.recv_timeout(w.until.saturating_duration_since(Instant::now())),
            };
            match job {
                Ok(job) => self.work(job),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            let now = Instant::now();
            while let Some(late) = self.waiting.pop_front_if(|w| w.until <= now) {
                tracing::warn!(plate = late.new.plate_number, "no second picture came");
                self.store(late.new);
            }
        }
        while let Some(last) = self.waiting.pop_front() {
            self.store(last.new);
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
                // The raw pictures need not stay in memory.
                drop(capture);
                if twice {
                    self.await_second(new);
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

    fn await_second(&mut self, mut new: NewRecord) {
        let own = |e: &Early| (e.track_id, e.first_at) == (new.track_id, new.captured_at);
        if let Some(i) = self.early.iter().position(own) {
            new.second = self.early.remove(i).map(|e| e.second);
            return self.store(new);
        }
        if self.waiting.len() == MAX_WAITING
            && let Some(oldest) = self.waiting.pop_front()
        {
            self.store(oldest.new);
        }
        let until = Instant::now() + SECOND_WAIT;
        self.waiting.push_back(Waiting { new, until });
    }

    fn second(&mut self, second: &SecondPicture) {
        let (track_id, first_at) = (second.track_id, second.first_at);
        let own = |w: &Waiting| (w.new.track_id, w.new.captured_at) == (track_id, first_at);
        let waiting = self.waiting.iter().position(own);
        let waiting = waiting.and_then(|i| self.waiting.remove(i));
        let plate = waiting.as_ref().map_or("", |w| &w.new.plate_number);
        let jpeg = self.jpeg("second", &second.full, second.captured_at, plate);
        let taken = (!jpeg.is_empty()).then_some(NewSecond {
            captured_at: second.captured_at,
            jpeg,
        });
        if let Some(Waiting { mut new, .. }) = waiting {
            new.second = taken;
            return self.store(new);
        }
        let Some(second) = taken else { return };
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

    fn speed(&mut self, late: LateSpeed) {
        let mut waiting = self.waiting.iter_mut();
        if let Some(w) = waiting.find(|w| w.new.track_id == late.track_id) {
            w.new.speed_mps = Some(late.speed_mps);
            return;
        }
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

    fn store(&mut self, new: NewRecord) {
        let (kind, plate, captured_at) = (new.kind, new.plate_number.clone(), new.captured_at);
        match self.records.insert(new) {
            Ok(record) => {
                // Who turned back has a record of its pass beside this one.
                if kind == RecordKind::Lpr {
                    if self.recent.len() == RECENT {
                        self.recent.pop_front();
                    }
                    self.recent.push_back((record.track_id, record.id));
                }
                self.bus
                    .publish(captured_at, EventKind::RecordStored(Arc::new(record)));
            }
            Err(e) => {
                tracing::error!(plate, error = ?e, "a read could not be stored");
                let reason = match e {
                    Error::Internal { detail } => detail,
                    other => other.to_string(),
                };
                self.bus
                    .publish(captured_at, EventKind::RecordLost { reason });
            }
        }
    }
}
