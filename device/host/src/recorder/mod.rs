mod worker;

use std::{
    sync::{
        Arc,
        mpsc::{SyncSender, sync_channel},
    },
    thread::JoinHandle,
};

use bytes::Bytes;
use lpr_core::{LateSpeed, PlateCapture, SecondPicture};
use platecam_model::{Error, EventBus, RecordKind, Result, UtcTime, ports::Records};
use worker::{Job, Worker};

/// Makes a JPEG of a raw picture that was taken then.
pub type EncodeJpeg = Arc<dyn Fn(&lpr_core::Picture, UtcTime) -> Result<Bytes> + Send + Sync>;

/// Reads that wait for the disk; beyond it the recogniser waits (video does not).
const QUEUE: usize = 32;

/// Turns plate reads into records on a thread of its own, so that a slow card does not hold up
/// recognition. Publishes [`EventKind::RecordStored`](platecam_model::EventKind::RecordStored) when a record can be fetched, and
/// [`EventKind::SecondStored`](platecam_model::EventKind::SecondStored) when its second picture was added.
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
            .spawn(move || Worker::new(records, bus, encode).run(&jobs))
            .map_err(Error::internal)?;
        Ok(Self {
            queue: Some(queue),
            thread: Some(thread),
        })
    }

    /// Queues what becomes a record of this kind; waits when the queue is full.
    pub fn record_as(&self, kind: RecordKind, capture: PlateCapture) {
        self.queue(Job::Store {
            kind,
            capture: Box::new(capture),
            twice: false,
        });
    }

    /// Queues what becomes a record of this kind, to which its second picture is added when it is there (SNAPRULE-4); waits when
    /// the queue is full.
    pub fn record_twice(&self, kind: RecordKind, capture: PlateCapture) {
        self.queue(Job::Store {
            kind,
            capture: Box::new(capture),
            twice: true,
        });
    }

    /// Queues a second picture: of a record that is stored, or of a capture that may come; waits when the queue is full.
    pub fn add_second(&self, second: SecondPicture) {
        self.queue(Job::Second(second));
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

#[cfg(test)]
mod tests;
