//! The recognition worker: newest frame in, scenes and reads out. Never holds up video.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use lpr_core::{LoopPass, Pipeline, PlateCapture, RecognitionSettings, SecondPicture};
use lpr_onnx::{Nets, NetsOptions};
use parking_lot::Mutex;
use platecam_host::Recorder;
use platecam_media::FrameReader;
use platecam_model::{
    Error, EventBus, EventKind, RecordKind, Result, Subscription,
    settings::{LprAreas, LprIntelligence, LprRecognition, Settings, SettingsStore},
};
use tokio::sync::broadcast::error::TryRecvError;

/// How long one wait for a frame lasts before the stop flag is looked at again.
const WAIT: Duration = Duration::from_millis(200);

/// Nice value of the worker's thread.
const BELOW_ENCODERS: i32 = 8;

/// Figures of the worker.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    dropped: AtomicU64,
    window: Mutex<Window>,
}

/// Analysed frames of the last seconds.
#[derive(Debug)]
struct Window {
    since: Instant,
    frames: u32,
    busy: Duration,
    fps: f32,
    mean_ms: f32,
}

impl Default for Window {
    fn default() -> Self {
        Self {
            since: Instant::now(),
            frames: 0,
            busy: Duration::ZERO,
            fps: 0.0,
            mean_ms: 0.0,
        }
    }
}

impl Meter {
    /// Frames passed over because the worker was busy.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Analysed frames a second and milliseconds a frame, over the last two seconds or so.
    pub(crate) fn rates(&self) -> (f32, f32) {
        let w = self.window.lock();
        // Nothing analysed for long: the last figures are history.
        if w.since.elapsed() > Duration::from_secs(6) {
            (0.0, w.mean_ms)
        } else {
            (w.fps, w.mean_ms)
        }
    }

    fn record(&self, took: Duration) {
        let mut w = self.window.lock();
        w.frames += 1;
        w.busy += took;
        let span = w.since.elapsed();
        if span >= Duration::from_secs(2) {
            let fps = w.frames as f32 / span.as_secs_f32();
            let mean_ms = w.busy.as_secs_f32() * 1000.0 / w.frames as f32;
            *w = Window {
                fps,
                mean_ms,
                ..Window::default()
            };
        }
    }
}

/// The running worker; dropping it stops it.
pub(crate) struct Recognition {
    pub(crate) meter: Arc<Meter>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Recognition {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What the worker needs.
pub(crate) struct Parts {
    pub(crate) frames: FrameReader,
    pub(crate) settings: Arc<SettingsStore>,
    pub(crate) bus: EventBus,
    pub(crate) recorder: Recorder,
}

impl Recognition {
    /// Loads the nets and starts the worker.
    ///
    /// # Errors
    /// [`Error::Unsupported`] when ONNX Runtime or a net cannot be loaded.
    pub(crate) fn start(parts: Parts) -> Result<Self> {
        let nets =
            Nets::load(NetsOptions::default()).map_err(|e| Error::Unsupported(e.to_string()))?;
        let (meter, stop) = (Arc::new(Meter::default()), Arc::new(AtomicBool::new(false)));
        let worker = Worker {
            parts,
            meter: meter.clone(),
            stop: stop.clone(),
        };
        let thread = std::thread::Builder::new()
            .name("recognition".into())
            .spawn(move || worker.run(nets))
            .map_err(Error::internal)?;
        Ok(Self {
            meter,
            stop,
            thread: Some(thread),
        })
    }
}

/// What the recogniser is to do.
fn told(all: &Settings) -> RecognitionSettings {
    let plates = all.get::<LprRecognition>();
    plates.settings(&all.get::<LprAreas>(), &all.get::<LprIntelligence>())
}

struct Worker {
    parts: Parts,
    meter: Arc<Meter>,
    stop: Arc<AtomicBool>,
}

impl Worker {
    fn run(self, nets: Nets) {
        // Linux keeps a nice value for each thread: the encoders come first, analysed frames give way.
        if let Err(e) = rustix::process::setpriority_process(None, BELOW_ENCODERS) {
            tracing::warn!(error = %e, "recognition runs at the encoders' priority");
        }
        let mut watch = self.parts.settings.watch();
        let (mut stored, first) = {
            let all = watch.borrow_and_update();
            (all.get::<LprRecognition>(), told(&all))
        };
        let tuning = nets.card.tuning();
        let mut pipeline = match Pipeline::new(nets.detector, nets.reader, first, tuning, 1) {
            Ok(pipeline) => pipeline,
            Err(e) => return tracing::error!(error = %e, "recognition cannot start"),
        };
        let mut bus = self.parts.bus.subscribe();
        while !self.stop.load(Ordering::Relaxed) && !self.parts.frames.is_closed() {
            if watch.has_changed().unwrap_or(false) {
                let all = watch.borrow_and_update();
                stored = all.get::<LprRecognition>();
                if let Err(e) = pipeline.set_settings(told(&all)) {
                    tracing::error!(error = %e, "recognition keeps its settings");
                }
            }
            let Some((frame, broken)) = self.parts.frames.next(WAIT) else {
                continue;
            };
            self.meter
                .dropped
                .store(self.parts.frames.dropped(), Ordering::Relaxed);
            if broken {
                self.report(&stored, pipeline.flush());
            }
            for pass in at_loops(&mut bus) {
                tracing::info!(vehicle = pass.vehicle, speed = ?pass.speed_mps, "loop");
                self.report(&stored, pipeline.at_loop(pass));
            }
            if !stored.enabled || !pipeline.wants(frame.utc) {
                continue;
            }
            let started = Instant::now();
            let Ok(view) = frame.view() else { continue };
            match pipeline.process(&view) {
                Ok(output) => {
                    self.parts.bus.publish_scene(Arc::new(output.scene));
                    self.add_seconds(&stored, output.seconds);
                    self.report(&stored, output.reads);
                    for capture in output.unread {
                        tracing::info!(frames = capture.read.frames_seen, "plate without a read");
                        self.keep_unread(&stored, capture);
                    }
                    output
                        .returned
                        .into_iter()
                        .for_each(|c| self.tell_return(c));
                    for speed in output.late_speeds {
                        self.parts.recorder.add_speed(speed);
                    }
                }
                Err(e) => tracing::error!(error = %e, "a frame could not be analysed"),
            }
            self.meter.record(started.elapsed());
            let unseen = pipeline.take_unseen();
            if unseen > 0 {
                tracing::warn!(vehicles = unseen, "no picture of vehicles at the loops");
            }
        }
        self.report(&stored, pipeline.flush());
    }

    /// Has a vehicle recorded whose plate was never read (SNAPRULE-9): no read is told, there is none.
    fn keep_unread(&self, settings: &LprRecognition, capture: PlateCapture) {
        if settings.report {
            self.keep(settings, RecordKind::Unlicensed, capture);
        }
    }

    /// Tells of a vehicle that turned back, and has its pictures kept (INTEL-6).
    fn tell_return(&self, capture: PlateCapture) {
        let read = Arc::new(capture.read.clone());
        tracing::info!(plate = read.plate_number, direction = ?read.direction, "turned back");
        self.parts
            .bus
            .publish(read.captured_at, EventKind::TurnedBack(read));
        self.parts.recorder.record_as(RecordKind::Backing, capture);
    }

    /// Tells who passed and has it recorded, as far as that is wanted.
    fn report(&self, settings: &LprRecognition, captures: Vec<PlateCapture>) {
        if !settings.report {
            return;
        }
        for capture in captures {
            let read = Arc::new(capture.read.clone());
            tracing::info!(
                plate = read.plate_number,
                likelihood = format!("{:.2}", read.likelihood),
                direction = ?read.direction,
                frames = read.frames_read,
                "plate"
            );
            self.parts
                .bus
                .publish(read.captured_at, EventKind::PlateRead(read));
            self.keep(settings, RecordKind::Lpr, capture);
        }
    }

    /// Has a vehicle recorded, with as many pictures as are wanted.
    fn keep(&self, settings: &LprRecognition, kind: RecordKind, capture: PlateCapture) {
        if settings.snapshot_quantity.get() > 1 {
            self.parts.recorder.record_twice(kind, capture);
        } else {
            self.parts.recorder.record_as(kind, capture);
        }
    }

    /// Second pictures of vehicles that are recorded, or may be (SNAPRULE-4).
    fn add_seconds(&self, settings: &LprRecognition, seconds: Vec<SecondPicture>) {
        if settings.report {
            for second in seconds {
                self.parts.recorder.add_second(second);
            }
        }
    }
}

/// The vehicles that loops captured since this was asked last.
fn at_loops(bus: &mut Subscription) -> Vec<LoopPass> {
    let mut passes = Vec::new();
    loop {
        match bus.try_recv() {
            Ok(event) => {
                if let EventKind::AtLoop(pass) = event.kind {
                    passes.push(pass);
                }
            }
            Err(TryRecvError::Lagged(n)) => {
                tracing::error!(
                    n,
                    "events were missed: vehicles at loops may not have been told"
                );
            }
            Err(TryRecvError::Empty | TryRecvError::Closed) => return passes,
        }
    }
}
