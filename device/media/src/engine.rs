//! The whole of it: one source, two encoders, snapshots.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use lpr_core::MediaTime;
use parking_lot::Mutex;
use platecam_model::settings::RegionOfInterest;
use platecam_model::signed_video::Signing;
use tokio::sync::watch;

use crate::audio::{self, AudioInput, AudioSetup, AudioState, Line};
use crate::capabilities::{Capabilities, SourceCaps, capabilities};
use crate::clock::{MediaClock, Span, WallClock};
use crate::config::{EncoderConfig, PictureSize, StreamId};
use crate::encoder::{
    Encoder, EncoderInput, EncoderState, KeyFrameRequests, available_encoders, matters,
};
use crate::frame::{FrameKind, RawFrame};
use crate::hub::{FrameReader, Hub, Incoming};
use crate::jpeg::{JpegEncoder, Snapshot};
use crate::look::Look;
use crate::sensor::{Imaging, ImagingSetup, SensorCaps};
use crate::source::{Context, Source, SourceSpec, SourceState};
use crate::stats::{Rates, StreamStats};
use crate::stop::StopToken;
use crate::unit::{AccessUnitSink, StreamFormat};
use crate::{Error, Result, no_signal};

/// No frame for this long, and the "no signal" picture is shown.
const NO_SIGNAL_AFTER: Duration = Duration::from_secs(1);
/// The same while the source says that it runs: the slowest gives one frame a second.
const STALLED_AFTER: Duration = Duration::from_millis(2500);
/// How often it is shown: enough for viewers to stay connected.
const NO_SIGNAL_EVERY: Duration = Duration::from_millis(200);

/// How an engine is started.
pub struct EngineOptions {
    /// Where the picture comes from.
    pub source: SourceSpec,
    /// Passes an RTSP source's stream on as the main stream where codec and profile are the configured ones,
    /// instead of encoding it again. Size, rate and bit rate are then the source's.
    pub pass_through: bool,
    /// Where the main stream goes.
    pub main: Arc<dyn AccessUnitSink>,
    /// Where the sub stream goes.
    pub sub: Arc<dyn AccessUnitSink>,
}

/// One stream's state and figures.
#[derive(Clone, Debug)]
pub struct StreamStatus {
    /// What the encoder does, and which one it is.
    pub state: EncoderState,
    /// What comes out; `None` before the first key picture.
    pub format: Option<StreamFormat>,
    /// Counters and rates.
    pub stats: StreamStats,
}

/// State and figures of the whole engine.
#[derive(Clone, Debug)]
pub struct MediaStatus {
    /// The source, without a password.
    pub source: String,
    /// What the source does.
    pub source_state: SourceState,
    /// Measured rate of raw frames.
    pub capture: Rates,
    /// Times a file has begun again.
    pub loops: u64,
    /// Times the system clock was set.
    pub clock_jumps: u64,
    /// Each stream.
    pub streams: BTreeMap<StreamId, StreamStatus>,
}

/// The sound, and what is wanted of it.
#[derive(Default)]
struct Sound {
    line: Arc<Line>,
    state: Arc<watch::Sender<AudioState>>,
    work: Mutex<(Option<AudioSetup>, Option<audio::Worker>)>,
}

impl Sound {
    /// The line, where the picture source's own sound is wanted.
    fn of_source(&self) -> Option<Arc<Line>> {
        let work = self.work.lock();
        let input = work.0.as_ref().map(|setup| &setup.input);
        (input == Some(&AudioInput::OfSource)).then(|| self.line.clone())
    }
}

/// Capture, encoders and snapshots, running on threads of their own. Dropping it stops all of them.
///
/// All calls return at once, save [`Self::snapshot`] (some 10 ms) and [`Self::set_source`] (until
/// the old source is closed).
pub struct MediaEngine {
    hub: Arc<Hub>,
    clock: MediaClock,
    state: Arc<watch::Sender<SourceState>>,
    source: Mutex<(SourceSpec, Option<Source>)>,
    pass_through: bool,
    loops: Arc<AtomicU64>,
    snapshots: Mutex<Option<JpegEncoder>>,
    sound: Sound,
    imaging: Imaging,
    stop: StopToken,
    ticker: Option<JoinHandle<()>>,
    // Dropped last: the source and the ticker give them frames.
    main: Encoder,
    sub: Encoder,
}

impl MediaEngine {
    /// Starts the source, with both streams switched off until [`Self::configure`].
    ///
    /// # Errors
    /// [`Error::Init`] when GStreamer is unusable, [`Error::Pipeline`] when a thread cannot start.
    /// A source that gives no picture is no error: see [`Self::source_state`].
    pub fn start(options: EngineOptions) -> Result<Self> {
        crate::init()?;
        Self::start_on(options, MediaClock::start())
    }

    /// The same with UTC read from `wall` instead of the machine's clock.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_with(options: EngineOptions, wall: WallClock) -> Result<Self> {
        crate::init()?;
        Self::start_on(options, MediaClock::start_on(wall))
    }

    fn start_on(options: EngineOptions, clock: MediaClock) -> Result<Self> {
        let main = Encoder::start(StreamId::Main, clock.clone(), options.main)?;
        let sub = Encoder::start(StreamId::Sub, clock.clone(), options.sub)?;
        let hub = Arc::new(Hub::new(
            clock.clone(),
            vec![main.input().clone(), sub.input().clone()],
        ));
        let state = Arc::new(watch::Sender::new(SourceState::Connecting));
        let stop = StopToken::default();
        let mut engine = Self {
            hub,
            clock,
            state,
            source: Mutex::new((options.source.clone(), None)),
            pass_through: options.pass_through,
            loops: Arc::default(),
            snapshots: Mutex::new(None),
            sound: Sound::default(),
            imaging: Imaging::default(),
            stop,
            ticker: None,
            main,
            sub,
        };
        engine.ticker = Some(engine.start_ticker()?);
        engine.set_source(options.source)?;
        Ok(engine)
    }

    fn start_ticker(&self) -> Result<JoinHandle<()>> {
        let ticker = Ticker {
            hub: self.hub.clone(),
            state: self.state.subscribe(),
            main: self.main.input().clone(),
            drawn: None,
        };
        let stop = self.stop.clone();
        std::thread::Builder::new()
            .name("no-signal".into())
            .spawn(move || ticker.run(&stop))
            .map_err(|e| Error::pipeline("no-signal picture", e))
    }

    /// Closes the source and opens another; the streams stay up.
    ///
    /// # Errors
    /// [`Error::Pipeline`] when a thread cannot start.
    pub fn set_source(&self, spec: SourceSpec) -> Result<()> {
        let mut source = self.source.lock();
        // Closed first: a V4L2 device can be open only once.
        source.1 = None;
        self.loops.store(0, Ordering::Relaxed);
        let context = Context {
            hub: self.hub.clone(),
            stop: StopToken::default(),
            state: self.state.clone(),
            pass_to: self.pass_through.then(|| self.main.input().clone()),
            loops: self.loops.clone(),
            sound: self.sound.of_source(),
        };
        *source = (spec.clone(), Some(Source::start(spec.clone(), context)?));
        self.imaging.follow(&spec, &self.hub, &self.state, true)
    }

    /// Sets what is heard, or that nothing is. Where the source's own sound is wanted now and was not before, or the
    /// other way round, the source is opened anew.
    ///
    /// # Errors
    /// [`Error::Pipeline`] when a thread cannot start.
    pub fn set_audio(&self, setup: Option<AudioSetup>) -> Result<()> {
        let before = self.sound.of_source().is_some();
        {
            let mut work = self.sound.work.lock();
            let same = |a: &AudioSetup| setup.as_ref().is_some_and(|b| a.input == b.input);
            // What was heard once goes on, if only as silence.
            let heard = work.0.as_ref().is_some_and(same)
                && *self.sound.state.borrow() == AudioState::Running;
            // The old one ends first: a device can be open only once.
            *work = (None, None);
            if let Some(setup) = &setup {
                work.1 = Some(audio::Worker::start(
                    setup.clone(),
                    self.sound.line.clone(),
                    self.clock.clone(),
                    self.sound.state.clone(),
                    heard,
                )?);
            } else {
                self.sound.state.send_replace(AudioState::Off);
            }
            work.0 = setup;
        }
        if before != self.sound.of_source().is_some() {
            let spec = self.source.lock().0.clone();
            self.set_source(spec)?;
        }
        Ok(())
    }

    /// What the sound is doing, and each change of it.
    pub fn audio_state(&self) -> watch::Receiver<AudioState> {
        self.sound.state.subscribe()
    }

    fn input(&self, stream: StreamId) -> &EncoderInput {
        match stream {
            StreamId::Main => self.main.input(),
            StreamId::Sub => self.sub.input(),
        }
    }

    /// Sets one stream's encoder, or switches the stream off. Takes effect with the next frame; the
    /// other stream goes on untouched (VIDEO-13).
    ///
    /// # Errors
    /// [`Error::Config`] with field, value and bound; nothing is changed then.
    pub fn configure(&self, stream: StreamId, config: Option<EncoderConfig>) -> Result<()> {
        if let Some(config) = &config {
            config.check()?;
        }
        self.input(stream).configure(config)
    }

    /// Sets what is done to each picture from the next one on. A stream that is passed through is encoded
    /// while anything is done.
    ///
    /// # Errors
    /// [`Error::Pipeline`] when there are texts and no font; tone and masks are in force all the same.
    pub fn set_look(&self, look: Look) -> Result<()> {
        self.hub.set_look(look)
    }

    /// Sets what is wanted of sensor and light: in the source where it has the control, in the picture where that can
    /// stand in for it. What can do neither is left. A stream that is passed through is encoded while the picture may
    /// be corrected.
    ///
    /// # Errors
    /// [`Error::Pipeline`] when a thread cannot start.
    pub fn set_imaging(&self, setup: ImagingSetup) -> Result<()> {
        let source = self.source.lock();
        self.imaging.set(setup, &source.0, &self.hub, &self.state)
    }

    /// What the source's sensor can be told, and each change of it.
    pub fn sensor_caps(&self) -> watch::Receiver<SensorCaps> {
        self.imaging.caps()
    }

    /// Sets where the bits of both streams go, from the next picture on (ROI). A stream that is passed through is
    /// encoded while that differs from place to place.
    pub fn set_regions(&self, regions: &[RegionOfInterest]) {
        self.hub.set_even(!matters(regions));
        let regions: Arc<[RegionOfInterest]> = regions.into();
        for encoder in [&self.main, &self.sub] {
            encoder.input().set_regions(regions.clone());
        }
    }

    /// Sets what a stream is signed with from its next key picture on; `None` for not at all. Motion JPEG stays unsigned.
    pub fn set_signing(&self, stream: StreamId, signing: Option<Signing>) {
        self.input(stream).set_signing(signing.map(Arc::new));
    }

    /// A stream's configuration; `None` when it is off.
    pub fn config(&self, stream: StreamId) -> Option<EncoderConfig> {
        self.input(stream).config()
    }

    /// What this machine and this source can offer, as known now.
    pub fn capabilities(&self) -> Capabilities {
        let source = match *self.state.borrow() {
            SourceState::Running { caps } => Some(caps),
            _ => self.hub.source_size().map(|size| SourceCaps {
                size,
                frame_rate: None,
                codec: None,
            }),
        };
        capabilities(source, available_encoders())
    }

    /// Makes the next frame of a stream a key picture, at most twice a second (VIDEO-14). A stream that
    /// is passed through keeps its source's own key pictures.
    pub fn request_key_frame(&self, stream: StreamId) {
        self.key_frame_requests(stream).request();
    }

    /// The same as a handle that does not keep the engine alive.
    pub fn key_frame_requests(&self, stream: StreamId) -> KeyFrameRequests {
        self.input(stream).key_frames()
    }

    /// The newest frame as recognition gets it, "no signal" included.
    pub fn latest_frame(&self) -> Option<Arc<RawFrame>> {
        self.hub.latest()
    }

    /// A new reader of the newest frame; each has its own count of dropped frames.
    pub fn frames(&self) -> FrameReader {
        self.hub.reader()
    }

    /// The newest frame as JPEG, in the source's size or smaller. `quality` is 1 to 100.
    ///
    /// # Errors
    /// [`Error::NoPicture`] before the first frame, [`Error::PictureSize`] for a size larger than the
    /// source's, [`Error::Pipeline`] when the encoder fails.
    pub fn snapshot(&self, size: Option<PictureSize>, quality: u8) -> Result<Snapshot> {
        let frame = self.hub.shown().ok_or(Error::NoPicture)?;
        let max = frame.size();
        let size = size.unwrap_or(max);
        if !size.fits_in(max) || size.width < 16 || size.height < 16 {
            return Err(Error::PictureSize { asked: size, max });
        }
        let mut kept = self.snapshots.lock();
        let mut encoder = match kept.take() {
            Some(encoder) => encoder,
            None => JpegEncoder::new()?,
        };
        let encoded = encoder.encode_frame(&frame, size, quality);
        if !encoder.is_broken() {
            *kept = Some(encoder);
        }
        Ok(Snapshot {
            jpeg: encoded?,
            size,
            at: frame.at,
            utc: frame.utc,
        })
    }

    /// The source's state, and each change of it.
    pub fn source_state(&self) -> watch::Receiver<SourceState> {
        self.state.subscribe()
    }

    /// The clock map that all frames and access units share.
    pub fn clock(&self) -> &MediaClock {
        &self.clock
    }

    /// Size of the source's picture, once one came.
    pub fn source_size(&self) -> Option<PictureSize> {
        self.hub.source_size()
    }

    /// State and figures.
    pub fn status(&self) -> MediaStatus {
        let stream = |encoder: &Encoder| {
            let shared = &encoder.input().shared;
            StreamStatus {
                state: shared.state(),
                format: shared.format(),
                stats: shared.counters.read(self.clock.now()),
            }
        };
        MediaStatus {
            source: self.source.lock().0.to_string(),
            source_state: self.state.borrow().clone(),
            capture: self.hub.rates(),
            loops: self.loops.load(Ordering::Relaxed),
            clock_jumps: self.clock.map().jumps(),
            streams: [
                (StreamId::Main, stream(&self.main)),
                (StreamId::Sub, stream(&self.sub)),
            ]
            .into(),
        }
    }

    /// Stops everything and returns when all threads have ended. Dropping does the same.
    pub fn stop(self) {}
}

impl Drop for MediaEngine {
    fn drop(&mut self) {
        self.stop.stop();
        self.imaging.stop();
        self.source.lock().1 = None;
        if let Some(ticker) = self.ticker.take()
            && ticker.join().is_err()
        {
            tracing::error!("the no-signal thread panicked");
        }
        self.hub.close();
    }
}

/// Shows the "no signal" picture while no frames come.
struct Ticker {
    hub: Arc<Hub>,
    state: watch::Receiver<SourceState>,
    main: EncoderInput,
    /// The picture that was drawn last, for which size and text.
    drawn: Option<(
        (PictureSize, String),
        gstreamer::Buffer,
        gstreamer_video::VideoInfo,
    )>,
}

impl Ticker {
    fn run(mut self, stop: &StopToken) {
        let began = self.hub.clock.now();
        while !stop.wait(NO_SIGNAL_EVERY) {
            let now = self.hub.clock.now();
            let last = self.hub.latest();
            let ours = last
                .as_ref()
                .is_some_and(|frame| frame.kind == FrameKind::NoSignal);
            let idle = now.since(last.map_or(began, |frame| frame.at));
            let running = matches!(*self.state.borrow(), SourceState::Running { .. });
            let patience = if running {
                STALLED_AFTER
            } else {
                NO_SIGNAL_AFTER
            };
            // Read after `now`: a picture expected from here on has a later time than ours.
            let coming = now.since(self.hub.expected()) < NO_SIGNAL_AFTER
                && self.hub.expected() != MediaTime::default();
            if !coming && (ours || idle >= patience) {
                self.show(now);
            }
        }
    }

    fn show(&mut self, at: MediaTime) {
        // The source's last size, so that no encoder has to change; else the main stream's.
        let configured = || {
            self.main
                .config()
                .map_or(EncoderConfig::main().size, |config| config.size)
        };
        let size = self.hub.source_size().unwrap_or_else(configured);
        let wanted = (size, self.state.borrow().line());
        if self
            .drawn
            .as_ref()
            .is_none_or(|(drawn, ..)| *drawn != wanted)
        {
            match no_signal::picture(wanted.0, &wanted.1) {
                Ok((buffer, info)) => self.drawn = Some((wanted, buffer, info)),
                Err(error) => return tracing::warn!(%error, "cannot draw"),
            }
        }
        if let Some((_, buffer, info)) = &self.drawn {
            let kind = FrameKind::NoSignal;
            let buffer = buffer.clone();
            self.hub.publish(Incoming {
                buffer,
                info,
                at,
                utc: None,
                kind,
                discontinuity: false,
            });
        }
    }
}
