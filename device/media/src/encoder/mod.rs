//! One stream's encoder: an actor that owns the pipeline and starts it anew when something changes.

mod choose;
mod interest;
mod pace;
pub(crate) mod pipeline;
mod settings;
mod sign;
mod soften;
#[cfg(test)]
mod tests;
mod worker;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use parking_lot::Mutex;

#[cfg(test)]
pub(crate) use choose::ORDER;
pub use choose::{EncoderChoice, available_encoders};
pub(crate) use choose::{candidates, refusals};

use lpr_core::MediaTime;
use platecam_model::settings::RegionOfInterest;
use platecam_model::signed_video::Signing;

use crate::clock::{MediaClock, Span};
use crate::config::{Codec, EncoderConfig, PictureSize, StreamId};
use crate::frame::RawFrame;
use crate::stats::StreamCounters;
use crate::unit::{AccessUnit, AccessUnitSink, StreamFormat};
use crate::{Error, Result};
pub(crate) use interest::{Regions, matters};
pub(crate) use worker::access_unit;

/// What one stream's encoder is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EncoderState {
    /// The stream is switched off (VIDEO-2).
    Off,
    /// Waits for the first frame.
    Waiting,
    /// Nobody watches, and the stream is encoded on demand only.
    Idle,
    /// Encodes.
    Running {
        /// The GStreamer element.
        element: &'static str,
        /// False when the CPU does the work.
        hardware: bool,
        /// Encoded size; smaller than configured where the source is smaller.
        size: PictureSize,
        /// Frames per second; lower than configured where the source is slower.
        frame_rate: u32,
    },
    /// The source's own stream is passed on as it is.
    PassedThrough {
        /// The source's codec.
        codec: Codec,
    },
    /// Cannot encode; tried again by itself.
    Failed {
        /// What GStreamer said.
        reason: String,
    },
}

enum Message {
    Frame(Arc<RawFrame>),
    Configure(Option<EncoderConfig>),
    KeyFrame,
    /// Passing the source's units through began or ended.
    Suspend(Option<Codec>),
    Failed {
        generation: u64,
        reason: String,
    },
    Stop,
}

/// State that the actor's thread, GStreamer's threads and askers share.
pub(crate) struct Shared {
    pub(crate) stream: StreamId,
    pub(crate) counters: StreamCounters,
    state: Mutex<EncoderState>,
    /// Held over calls of the sink, to keep their order; nobody who only asks takes it.
    output: Mutex<Output>,
    format: Mutex<Option<StreamFormat>>,
    /// The source's own access units are passed on; its pictures are not encoded.
    passing: AtomicBool,
    /// Apart, because a sink may hold it: a sink that held all of this would never be freed.
    wanted: Arc<AtomicBool>,
    config: Mutex<Option<EncoderConfig>>,
    regions: Regions,
    sink: Arc<dyn AccessUnitSink>,
}

#[derive(Default)]
struct Output {
    last_at: Option<MediaTime>,
    /// Units before the next key picture cannot be decoded and are not sent.
    awaits_key: bool,
    signature: sign::Signature,
}

impl Shared {
    /// Sends a unit on, and its format first where it is new. `parameter_sets` come with key units.
    ///
    /// `passed` tells the source's own units from the encoder's: only those are sent that are wanted now.
    fn emit(&self, mut unit: AccessUnit, format: StreamFormat, passed: bool) {
        let mut output = self.output.lock();
        if passed != self.passing.load(Ordering::Acquire) {
            return;
        }
        if output.awaits_key && !unit.key {
            return;
        }
        output.awaits_key = false;
        let codec = format.codec;
        if unit.key {
            let complete = format.codec == Codec::Jpeg || !format.parameter_sets.is_empty();
            if complete && self.format.lock().as_ref() != Some(&format) {
                self.sink.format(&format);
                *self.format.lock() = Some(format);
            }
        }
        if output.last_at.is_some_and(|last| unit.at <= last) {
            unit.at = output
                .last_at
                .unwrap_or_default()
                .plus(std::time::Duration::from_micros(100));
        }
        output.last_at = Some(unit.at);
        output.signature.put(&mut unit, codec);
        self.counters.unit(unit.at, unit.data.len(), unit.key);
        self.sink.push(unit);
    }

    fn expect_key(&self) {
        self.output.lock().awaits_key = true;
    }

    pub(crate) fn state(&self) -> EncoderState {
        self.state.lock().clone()
    }

    pub(crate) fn format(&self) -> Option<StreamFormat> {
        self.format.lock().clone()
    }
}

/// The way into an encoder; cheap to clone.
#[derive(Clone)]
pub(crate) struct EncoderInput {
    messages: SyncSender<Message>,
    pub(crate) shared: Arc<Shared>,
}

impl EncoderInput {
    /// Offers a frame; dropped and counted when the encoder is behind.
    pub(crate) fn offer(&self, frame: &Arc<RawFrame>) {
        if self.shared.passing.load(Ordering::Acquire) {
            return;
        }
        if let Err(TrySendError::Full(_)) = self.messages.try_send(Message::Frame(frame.clone())) {
            self.shared
                .counters
                .frames_dropped
                .fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Takes a checked configuration, or `None` to switch the stream off.
    pub(crate) fn configure(&self, config: Option<EncoderConfig>) -> Result<()> {
        *self.shared.config.lock() = config;
        self.messages
            .send(Message::Configure(config))
            .map_err(|_| Error::Stopped)
    }

    /// The configuration given last.
    pub(crate) fn config(&self) -> Option<EncoderConfig> {
        *self.shared.config.lock()
    }

    /// Takes where the bits go, from the next picture on.
    pub(crate) fn set_regions(&self, regions: Arc<[RegionOfInterest]>) {
        self.shared.regions.set(regions);
    }

    /// Takes what the stream is signed with from its next key picture on; `None` for not at all.
    pub(crate) fn set_signing(&self, signing: Option<Arc<Signing>>) {
        self.shared.output.lock().signature.set(signing);
    }

    pub(crate) fn key_frames(&self) -> KeyFrameRequests {
        KeyFrameRequests {
            messages: self.messages.clone(),
            wanted: self.shared.wanted.clone(),
        }
    }

    /// Begins or ends passing the source's own units on.
    pub(crate) fn set_passing(&self, codec: Option<Codec>) {
        {
            // Under the lock of `emit`, so that no unit of the other kind slips in behind the change.
            let mut output = self.shared.output.lock();
            let was = self.shared.passing.swap(codec.is_some(), Ordering::AcqRel);
            if was == codec.is_some() {
                return;
            }
            output.awaits_key = true;
        }
        let _ = self.messages.send(Message::Suspend(codec));
    }

    /// Passes one unit of the source on.
    pub(crate) fn pass(&self, unit: AccessUnit, format: StreamFormat) {
        self.shared.emit(unit, format, true);
    }
}

/// Asks one stream for key pictures. Cheap to clone; does not keep the engine alive, so that a sink,
/// which the engine's threads call, may hold it.
#[derive(Clone)]
pub struct KeyFrameRequests {
    messages: SyncSender<Message>,
    wanted: Arc<AtomicBool>,
}

impl KeyFrameRequests {
    /// Makes the next frame a key picture, at most twice a second. Never blocks.
    pub fn request(&self) {
        // A full queue means frames are coming anyway; who needs a key picture asks again.
        let _ = self.messages.try_send(Message::KeyFrame);
    }

    /// Says whether anybody wants the stream; at the start somebody does. Unwanted for 10 s, it is not
    /// encoded, which leaves the processor to recognition; wanted again, it starts with the next frame.
    pub fn set_wanted(&self, wanted: bool) {
        self.wanted.store(wanted, Ordering::Release);
    }
}

/// A running encoder actor.
pub(crate) struct Encoder {
    input: EncoderInput,
    thread: Option<JoinHandle<()>>,
}

impl Encoder {
    /// Starts the actor's thread, switched off.
    pub(crate) fn start(
        stream: StreamId,
        clock: MediaClock,
        sink: Arc<dyn AccessUnitSink>,
    ) -> Result<Self> {
        // Deep enough for a burst, shallow enough that a slow encoder does not add delay.
        let (messages, inbox) = sync_channel(4);
        let shared = Arc::new(Shared {
            stream,
            counters: StreamCounters::default(),
            state: Mutex::new(EncoderState::Off),
            output: Mutex::default(),
            format: Mutex::default(),
            passing: AtomicBool::new(false),
            wanted: Arc::new(AtomicBool::new(true)),
            config: Mutex::new(None),
            regions: Regions::default(),
            sink,
        });
        let input = EncoderInput { messages, shared };
        let worker = worker::Worker::new(&input, clock);
        let thread = std::thread::Builder::new()
            .name(format!("encode-{stream}"))
            .spawn(move || worker.run(&inbox))
            .map_err(|e| Error::pipeline(format!("{stream} stream"), e))?;
        Ok(Self {
            input,
            thread: Some(thread),
        })
    }

    pub(crate) fn input(&self) -> &EncoderInput {
        &self.input
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        let _ = self.input.messages.send(Message::Stop);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!(stream = %self.input.shared.stream, "the encoder's thread panicked");
        }
    }
}
