//! The encoder actor's thread.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, SyncSender};
use std::time::Duration;

use bytes::Bytes;

use super::choose::EncoderChoice;
use super::pace::Pace;
use super::pipeline::{Encoded, EncoderPipeline, Plan};
use super::{EncoderInput, EncoderState, Message, Shared, candidates, refusals};
use crate::annexb::{NalKind, nal_kind, nal_units};
use lpr_core::{MediaTime, UtcTime};

use crate::clock::{MediaClock, Span};
use crate::config::{Codec, EncoderConfig, PictureSize};
use crate::frame::{FrameKind, RawFrame};
use crate::unit::{AccessUnit, StreamFormat};

/// After all encoders of a codec have failed, the next try waits this long.
const RETRY: Duration = Duration::from_secs(5);
/// An unwanted stream is encoded on for so long: viewers come again, and their clients open twice.
const LINGER: Duration = Duration::from_secs(10);
/// At most two forced key pictures a second, however many viewers join.
const KEY_SPACING: Duration = Duration::from_millis(500);

pub(super) struct Worker {
    shared: Arc<Shared>,
    messages: SyncSender<Message>,
    clock: MediaClock,
    config: Option<EncoderConfig>,
    running: Option<Running>,
    /// Raised with each start, so that a late message of an old pipeline is told apart.
    generation: u64,
    /// Which of the codec's encoders is used; raised when one fails before its first picture.
    candidate: usize,
    not_before: Option<MediaTime>,
    source_rate: Option<f64>,
    last_forced: Option<MediaTime>,
    key_wanted: bool,
    /// When an unwanted stream is stopped.
    unwanted_until: Option<MediaTime>,
}

struct Running {
    pipeline: EncoderPipeline,
    plan: Plan,
    pace: Pace,
    /// The stream's unit count at the start: a higher one means this encoder works.
    units_before: u64,
}

impl Worker {
    pub(super) fn new(input: &EncoderInput, clock: MediaClock) -> Self {
        Self {
            shared: input.shared.clone(),
            messages: input.messages.clone(),
            clock,
            config: None,
            running: None,
            generation: 0,
            candidate: 0,
            not_before: None,
            source_rate: None,
            last_forced: None,
            key_wanted: false,
            unwanted_until: None,
        }
    }

    pub(super) fn run(mut self, inbox: &Receiver<Message>) {
        while let Ok(message) = inbox.recv() {
            match message {
                // Left over from before the source's own units were passed on.
                Message::Frame(_) if self.shared.passing.load(Ordering::Acquire) => {}
                Message::Frame(frame) => self.frame(&frame),
                Message::Configure(config) => self.configure(config),
                Message::KeyFrame => self.key_wanted = true,
                Message::Suspend(passed) => {
                    self.stop();
                    self.set_state(match (passed, self.config) {
                        (Some(codec), _) => EncoderState::PassedThrough { codec },
                        (None, Some(_)) => EncoderState::Waiting,
                        (None, None) => EncoderState::Off,
                    });
                }
                Message::Failed { generation, reason } if generation == self.generation => {
                    self.failed(&reason)
                }
                Message::Failed { .. } => {}
                Message::Stop => break,
            }
        }
    }

    fn set_state(&self, state: EncoderState) {
        *self.shared.state.lock() = state;
    }

    fn configure(&mut self, config: Option<EncoderConfig>) {
        if self.config == config {
            return;
        }
        self.config = config;
        self.candidate = 0;
        self.not_before = None;
        if config.is_none() {
            self.stop();
            self.set_state(EncoderState::Off);
        } else if self.running.is_none() && !self.shared.passing.load(Ordering::Acquire) {
            self.set_state(EncoderState::Waiting);
        }
        // A running pipeline is replaced by the next frame, which knows the source's size.
    }

    fn stop(&mut self) {
        self.running = None;
        self.generation += 1;
    }

    fn failed(&mut self, reason: &str) {
        let worked = self
            .running
            .as_ref()
            .is_some_and(|r| self.shared.counters.units() > r.units_before);
        tracing::warn!(stream = %self.shared.stream, reason, worked, "the encoder failed");
        self.stop();
        if !worked {
            self.candidate += 1;
        }
        self.set_state(EncoderState::Failed {
            reason: reason.to_owned(),
        });
    }

    fn frame(&mut self, frame: &Arc<RawFrame>) {
        let Some(config) = self.config else { return };
        if frame.kind == FrameKind::Picture {
            self.source_rate = source_rate(frame);
        }
        if self.is_idle(frame.at) {
            return;
        }
        self.shared
            .counters
            .frames_in
            .fetch_add(1, Ordering::Relaxed);
        let plan = self.plan(config, frame.size());
        if self
            .running
            .as_ref()
            .is_none_or(|running| running.plan != plan)
            && !self.start(plan, frame)
        {
            return;
        }
        let Some(running) = &mut self.running else {
            return;
        };
        if frame.kind == FrameKind::Picture && !running.pace.takes(frame.at) {
            return;
        }
        let spaced = self
            .last_forced
            .is_none_or(|last| frame.at.since(last) >= KEY_SPACING);
        if self.key_wanted && spaced {
            running.pipeline.force_key();
            self.key_wanted = false;
            self.last_forced = Some(frame.at);
        }
        if !running.pipeline.push(frame) {
            self.shared
                .counters
                .frames_dropped
                .fetch_add(1, Ordering::Relaxed);
        }
    }

    /// True when nobody has wanted the stream for a while; the encoder is stopped then.
    fn is_idle(&mut self, now: MediaTime) -> bool {
        if self.shared.wanted.load(Ordering::Acquire) {
            self.unwanted_until = None;
            return false;
        }
        // A stream that has not begun has no viewer to wait for.
        let linger = if self.running.is_some() {
            LINGER
        } else {
            Duration::ZERO
        };
        if now < *self.unwanted_until.get_or_insert_with(|| now.plus(linger)) {
            return false;
        }
        if self.running.is_some() {
            tracing::info!(stream = %self.shared.stream, "nobody watches; the encoder stops");
            self.stop();
        }
        self.set_state(EncoderState::Idle);
        true
    }

    fn plan(&self, config: EncoderConfig, source: PictureSize) -> Plan {
        let size = if config.size.fits_in(source) {
            config.size
        } else {
            even(source)
        };
        let frame_rate = match self.source_rate {
            Some(rate) => config.frame_rate.min(rate.round().max(1.0) as u32),
            None => config.frame_rate,
        };
        Plan {
            stream: self.shared.stream,
            config,
            size,
            frame_rate,
        }
    }

    /// Starts the pipeline of a plan; false when that is not possible now.
    fn start(&mut self, plan: Plan, frame: &RawFrame) -> bool {
        if self.not_before.is_some_and(|until| frame.at < until) {
            return false;
        }
        self.stop();
        let choices = candidates(plan.config.codec);
        let Some(choice) = choices.get(self.candidate) else {
            let reason = match self.candidate {
                0 => crate::Error::NoEncoder {
                    codec: plan.config.codec,
                    tried: refusals(plan.config.codec),
                }
                .to_string(),
                _ => format!("every encoder for {} failed", plan.config.codec),
            };
            tracing::error!(stream = %plan.stream, reason, retry_in = ?RETRY, "no encoder");
            self.set_state(EncoderState::Failed { reason });
            self.candidate = 0;
            self.not_before = Some(frame.at.plus(RETRY));
            return false;
        };
        self.not_before = None;
        let units_before = self.shared.counters.units();
        self.shared.expect_key();
        let started = EncoderPipeline::start(
            choice,
            &plan,
            frame.info(),
            &self.shared.regions,
            self.on_unit(&plan),
            self.on_error(),
        );
        match started {
            Ok(pipeline) => {
                self.announce(choice, &plan);
                let pace = Pace::new(plan.frame_rate, self.source_rate);
                self.running = Some(Running {
                    pipeline,
                    plan,
                    pace,
                    units_before,
                });
                true
            }
            Err(error) => {
                self.failed(&error.to_string());
                false
            }
        }
    }

    fn announce(&self, choice: &EncoderChoice, plan: &Plan) {
        tracing::info!(
            stream = %plan.stream, encoder = choice.element, hardware = choice.hardware,
            codec = %plan.config.codec, size = %plan.size, frame_rate = plan.frame_rate, rate = ?plan.config.rate,
            "encoder starts"
        );
        self.shared.counters.restarts.fetch_add(
            u64::from(self.shared.counters.units() > 0),
            Ordering::Relaxed,
        );
        self.set_state(EncoderState::Running {
            element: choice.element,
            hardware: choice.hardware,
            size: plan.size,
            frame_rate: plan.frame_rate,
        });
    }

    fn on_unit(&self, plan: &Plan) -> impl Fn(Encoded) + Send + Sync + 'static {
        let (shared, clock, codec) = (self.shared.clone(), self.clock.clone(), plan.config.codec);
        let (size, frame_rate) = (plan.size, plan.frame_rate);
        move |encoded| {
            let utc = encoded.utc.unwrap_or_else(|| clock.utc(encoded.at));
            let (unit, parameter_sets) = access_unit(codec, encoded, utc);
            shared.emit(
                unit,
                StreamFormat {
                    codec,
                    size,
                    frame_rate,
                    parameter_sets,
                },
                false,
            );
        }
    }

    fn on_error(&self) -> impl Fn(String) + Send + Sync + 'static {
        let (messages, generation) = (self.messages.clone(), self.generation);
        // Never blocks: the actor may be waiting for this very thread to end.
        move |reason| {
            let _ = messages.try_send(Message::Failed { generation, reason });
        }
    }
}

/// Joins an encoded picture with its time, and takes its parameter sets out for the format.
pub(crate) fn access_unit(
    codec: Codec,
    encoded: Encoded,
    utc: UtcTime,
) -> (AccessUnit, Vec<Bytes>) {
    let Encoded { at, data, key, .. } = encoded;
    if codec == Codec::Jpeg {
        return (
            AccessUnit {
                at,
                utc,
                key: true,
                data,
            },
            Vec::new(),
        );
    }
    let mut sets = Vec::new();
    if key {
        let units = nal_units(&data);
        let kept = units
            .iter()
            .filter(|nal| nal_kind(codec, nal) == NalKind::ParameterSet);
        // Copied: a format outlives the encoder's buffer by far.
        sets.extend(kept.map(|nal| Bytes::copy_from_slice(nal)));
    }
    (AccessUnit { at, utc, key, data }, sets)
}

fn source_rate(frame: &RawFrame) -> Option<f64> {
    let fps = frame.info().fps();
    let rate = f64::from(fps.numer()) / f64::from(fps.denom().max(1));
    (1.0..=240.0).contains(&rate).then_some(rate)
}

fn even(size: PictureSize) -> PictureSize {
    PictureSize::new(size.width & !1, size.height & !1)
}
