//! Source, encoders and RTSP streams, and the tasks that make them follow the settings.

use std::{path::PathBuf, sync::Arc, time::Instant};

use lpr_core::PixelFormat;
use platecam_media::{
    AudioEncoding, AudioInput, AudioSetup, Codec, EncoderConfig, EngineOptions, ImagingSetup,
    KeyFrameHooks, Look, MediaEngine, RtspAudio, RtspSink, SensorCaps, SourceSpec, StreamId,
    audio_capabilities, image_capabilities,
};
use platecam_model::{
    Clock, EventBus, EventKind,
    settings::{
        self, DeviceGeneral, Settings, SettingsStore, TimeSettings, VideoImage, VideoMain,
        VideoMasks, VideoMetering, VideoOsd, VideoRoi, VideoSensor, VideoSub,
    },
    signed_video::Vendor,
    watermark::Watermark,
};
use tokio::{sync::watch, task::JoinHandle};

use crate::{Failure, cli::exit};

/// The clip that `--source demo` plays: beside the installed program, or in the checkout it was built in.
pub(crate) fn demo_clip() -> PathBuf {
    let installed = PathBuf::from("/usr/share/platecam/demo.mp4");
    if installed.exists() {
        return installed;
    }
    PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../assets/demo.mp4"
    ))
}

/// What the unit signs its video with (GEN-21).
#[derive(Clone)]
pub(crate) struct Mark {
    pub(crate) watermark: Watermark,
    pub(crate) vendor: Vendor,
}

impl Mark {
    /// Signs both streams as the settings say (VIDEO-17).
    fn put(&self, engine: &MediaEngine, all: &Settings) {
        let (main, sub) = (all.get::<VideoMain>(), all.get::<VideoSub>());
        for (stream, on, text) in [
            (StreamId::Main, main.watermark, &main.watermark_text),
            (StreamId::Sub, sub.watermark, &sub.watermark_text),
        ] {
            let signing = on.then(|| self.watermark.video(self.vendor.clone(), text));
            engine.set_signing(stream, signing.flatten());
        }
    }
}

/// The running media side.
pub(crate) struct Media {
    pub(crate) engine: Arc<MediaEngine>,
    pub(crate) main: Arc<RtspSink>,
    pub(crate) sub: Arc<RtspSink>,
    pub(crate) tasks: Vec<JoinHandle<()>>,
}

impl Media {
    /// Starts the source and both encoders with the stored settings.
    ///
    /// # Errors
    /// [`Failure`] when GStreamer is unusable.
    pub(crate) fn start(
        source: SourceSpec,
        settings: &Arc<SettingsStore>,
        bus: &EventBus,
        clock: Arc<dyn Clock>,
        mark: Mark,
        loudspeaker: bool,
    ) -> Result<Self, Failure> {
        let failed = |e: &dyn std::fmt::Display| Failure::new(exit::FAILED, e);
        let hooks = [
            Arc::new(KeyFrameHooks::default()),
            Arc::new(KeyFrameHooks::default()),
        ];
        let sink = |name, codec, hooks: &Arc<KeyFrameHooks>| {
            RtspSink::new(name, codec, [rtsp::Codec::OnvifMetadata], hooks.clone())
                .map(Arc::new)
                .map_err(|e| failed(&e))
        };
        let main = sink(
            "main",
            Codec::from(settings.get::<VideoMain>().codec),
            &hooks[0],
        )?;
        let sub = sink(
            "sub",
            Codec::from(settings.get::<VideoSub>().codec),
            &hooks[1],
        )?;
        let options = EngineOptions {
            source,
            pass_through: true,
            main: main.clone(),
            sub: sub.clone(),
        };
        // The camera's own clock, so that a simulated one is everywhere the same.
        let wall = clock.clone();
        let engine = MediaEngine::start_with(options, Arc::new(move || wall.now()))
            .map_err(|e| failed(&e))?;
        let engine = Arc::new(engine);
        hooks[0].attach(&engine, StreamId::Main);
        hooks[1].attach(&engine, StreamId::Sub);
        // Before the first picture is shown.
        look(&engine, &settings.snapshot());
        imaging(&engine, &settings.snapshot());
        engine.set_regions(&settings.get::<VideoRoi>().regions);
        mark.put(&engine, &settings.snapshot());
        let sinks = [main.clone(), sub.clone()];
        let audio = Arc::new(RtspAudio(sinks.to_vec()));
        configure(&engine, &sinks, settings, bus, &*clock, &mut None);
        let tasks = vec![
            tokio::spawn(follow_audio(
                engine.clone(),
                audio,
                settings.clone(),
                loudspeaker,
            )),
            tokio::spawn(follow_sensor(engine.sensor_caps(), settings.clone())),
            tokio::spawn(follow_settings(
                engine.clone(),
                sinks,
                settings.clone(),
                bus.clone(),
                clock.clone(),
                mark,
            )),
            tokio::spawn(follow_source(
                engine.clone(),
                settings.clone(),
                bus.clone(),
                clock,
            )),
        ];
        Ok(Self {
            engine,
            main,
            sub,
            tasks,
        })
    }
}

type Configured = (EncoderConfig, Option<EncoderConfig>);

/// Gives the encoders what the settings say, where it differs from what they have.
fn configure(
    engine: &MediaEngine,
    [to_main, to_sub]: &[Arc<RtspSink>; 2],
    settings: &SettingsStore,
    bus: &EventBus,
    clock: &dyn Clock,
    have: &mut Option<Configured>,
) {
    let all = settings.snapshot();
    let (main, sub) = (all.get::<VideoMain>(), all.get::<VideoSub>());
    let want: Configured = (
        main.stream().into(),
        sub.enabled.then(|| sub.stream().into()),
    );
    let changed = |stream, sink: &RtspSink, config: Option<EncoderConfig>| {
        let announce = |config: Option<EncoderConfig>| {
            if let Some(config) = config {
                sink.announce(config.codec);
            }
        };
        announce(config);
        match engine.configure(stream, config) {
            Ok(()) => drop(bus.publish(
                clock.now(),
                EventKind::StreamChanged {
                    main: stream == StreamId::Main,
                },
            )),
            Err(e) => {
                announce(engine.config(stream));
                tracing::error!(%stream, error = %e, "the encoder keeps its settings");
            }
        }
    };
    if have.as_ref().is_none_or(|h| h.0 != want.0) {
        changed(StreamId::Main, to_main, Some(want.0));
    }
    if have.as_ref().is_none_or(|h| h.1 != want.1) {
        changed(StreamId::Sub, to_sub, want.1);
    }
    *have = Some(want);
}

/// Hears what the settings say, and tells them whether there is anything to hear (AUDIO-6).
async fn follow_audio(
    engine: Arc<MediaEngine>,
    sink: Arc<RtspAudio>,
    settings: Arc<SettingsStore>,
    loudspeaker: bool,
) {
    let mut changes = settings.watch();
    let mut states = engine.audio_state();
    let mut have = None;
    loop {
        let want = changes.borrow_and_update().get::<settings::AudioInput>();
        if have.as_ref() != Some(&want) {
            let setup = AudioInput::of(&want).map(|input| AudioSetup {
                input,
                encoding: AudioEncoding::from(&*want),
                sink: sink.clone(),
            });
            have = Some(want);
            // Closing a source waits for its threads.
            let engine = engine.clone();
            let set = tokio::task::spawn_blocking(move || engine.set_audio(setup));
            if let Ok(Err(e)) = set.await {
                tracing::error!(error = %e, "the audio input is off");
            }
        }
        let state = states.borrow_and_update().clone();
        settings.set_audio_capabilities(audio_capabilities(&state, loudspeaker));
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return },
            changed = states.changed() => if changed.is_err() { return },
        }
    }
}

async fn follow_settings(
    engine: Arc<MediaEngine>,
    sinks: [Arc<RtspSink>; 2],
    settings: Arc<SettingsStore>,
    bus: EventBus,
    clock: Arc<dyn Clock>,
    mark: Mark,
) {
    let mut changes = settings.watch();
    let mut previews = settings.watch_previews();
    let mut have = None;
    let (mut before, mut end) = settings.previewed(Instant::now());
    loop {
        // A preview that nobody goes on with ends here.
        let over = async {
            match end {
                Some(end) => tokio::time::sleep_until(end.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return },
            changed = previews.changed() => if changed.is_err() { return },
            () = over => {}
        }
        let now;
        (now, end) = settings.previewed(Instant::now());
        if looks_different(&before, &now) {
            look(&engine, &now);
        }
        if before.get::<VideoSensor>() != now.get::<VideoSensor>()
            || before.get::<VideoMetering>() != now.get::<VideoMetering>()
        {
            imaging(&engine, &now);
        }
        if before.get::<VideoRoi>() != now.get::<VideoRoi>() {
            engine.set_regions(&now.get::<VideoRoi>().regions);
        }
        if before.get::<VideoMain>() != now.get::<VideoMain>()
            || before.get::<VideoSub>() != now.get::<VideoSub>()
        {
            mark.put(&engine, &now);
        }
        before = now;
        configure(&engine, &sinks, &settings, &bus, &*clock, &mut have);
    }
}

/// Draws into the pictures what the settings say.
fn look(engine: &MediaEngine, all: &Settings) {
    if let Err(e) = engine.set_look(Look::of(all)) {
        tracing::error!(error = %e, "the picture has no texts");
    }
}

/// Wants of sensor and light what the settings say.
fn imaging(engine: &MediaEngine, all: &Settings) {
    if let Err(e) = engine.set_imaging(ImagingSetup::of(all)) {
        tracing::error!(error = %e, "exposure and light are not controlled");
    }
}

/// Tells the settings what the source's sensor can do.
async fn follow_sensor(mut caps: watch::Receiver<SensorCaps>, settings: Arc<SettingsStore>) {
    loop {
        settings.set_image_capabilities(image_capabilities(&caps.borrow_and_update()));
        if caps.changed().await.is_err() {
            return;
        }
    }
}

/// Whether a section changed that says what is done to the picture.
fn looks_different(before: &Settings, now: &Settings) -> bool {
    before.get::<VideoOsd>() != now.get::<VideoOsd>()
        || before.get::<VideoImage>() != now.get::<VideoImage>()
        || before.get::<VideoSensor>() != now.get::<VideoSensor>()
        || before.get::<VideoMasks>() != now.get::<VideoMasks>()
        || before.get::<TimeSettings>() != now.get::<TimeSettings>()
        || before.get::<DeviceGeneral>().language != now.get::<DeviceGeneral>().language
}

/// Tells the bus what the source does, and the settings what it can do.
async fn follow_source(
    engine: Arc<MediaEngine>,
    settings: Arc<SettingsStore>,
    bus: EventBus,
    clock: Arc<dyn Clock>,
) {
    settings.set_video_capabilities(engine.capabilities().for_settings());
    let mut states = engine.source_state();
    loop {
        let state = platecam_model::SourceState::from(states.borrow_and_update().clone());
        settings.set_video_capabilities(engine.capabilities().for_settings());
        bus.publish(clock.now(), EventKind::Source(state));
        if states.changed().await.is_err() {
            return;
        }
    }
}

/// JPEG quality of the pictures in records.
const RECORD_QUALITY: u8 = 88;

/// A record's picture as JPEG.
pub(crate) fn record_jpeg(picture: &lpr_core::Picture) -> platecam_model::Result<bytes::Bytes> {
    use platecam_media::Picture;
    let (width, height) = (picture.size().width(), picture.size().height());
    let converted;
    let raw = match picture.format() {
        PixelFormat::Rgb => Picture::Rgb {
            width,
            height,
            data: picture.data(),
        },
        PixelFormat::Grey => Picture::Grey {
            width,
            height,
            data: picture.data(),
        },
        PixelFormat::I420 => Picture::I420 {
            width,
            height,
            data: picture.data(),
        },
        PixelFormat::Nv12 => {
            converted = picture.to_rgb();
            Picture::Rgb {
                width,
                height,
                data: &converted,
            }
        }
    };
    platecam_media::encode_jpeg(raw, RECORD_QUALITY).map_err(platecam_model::Error::internal)
}
