//! The model's media port and the way into an RTSP stream.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, UNIX_EPOCH};

use parking_lot::Mutex;
use platecam_model as model;
use platecam_model::ports;
use platecam_model::settings::BitRateType;

use crate::audio::{AudioCodec, AudioSink, AudioUnit};
use crate::config::{Codec, EncoderConfig, PictureSize, Rate, StreamId};
use crate::encoder::{EncoderState, KeyFrameRequests};
use crate::engine::MediaEngine;
use crate::unit::{AccessUnit, AccessUnitSink, StreamFormat};
use crate::{Error, StreamStatus};

/// JPEG quality of snapshots.
const SNAPSHOT_QUALITY: u8 = 85;

/// How recognition is doing; known to whoever runs it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecognitionFigures {
    /// Analysed frames a second.
    pub analysed_fps: f32,
    /// Frames passed over since the start, as [`crate::FrameReader::dropped`] counts them.
    pub dropped: u64,
    /// Mean milliseconds a frame.
    pub mean_ms: f32,
    /// Why it does not run.
    pub error: Option<String>,
}

/// The model's media port over an engine.
pub struct MediaPort {
    engine: Arc<MediaEngine>,
    recognition: Box<dyn Fn() -> RecognitionFigures + Send + Sync>,
}

impl MediaPort {
    /// A port that reports recognition's figures beside the engine's.
    pub fn new(
        engine: Arc<MediaEngine>,
        recognition: impl Fn() -> RecognitionFigures + Send + Sync + 'static,
    ) -> Self {
        Self {
            engine,
            recognition: Box::new(recognition),
        }
    }

    fn stream(&self, stream: StreamId, status: &StreamStatus) -> ports::StreamStatus {
        let config = self.engine.config(stream);
        let enabled = config.is_some();
        let config = config.unwrap_or(match stream {
            StreamId::Main => EncoderConfig::main(),
            StreamId::Sub => EncoderConfig::sub(),
        });
        let format = status.format.as_ref().filter(|_| enabled);
        let size = format.map_or(config.size, |format| format.size);
        ports::StreamStatus {
            stream: stream.into(),
            codec: format.map_or(config.codec, |format| format.codec).into(),
            bit_rate_type: match config.rate {
                Rate::Cbr { .. } => BitRateType::Cbr,
                Rate::Vbr { .. } => BitRateType::Vbr,
            },
            width: size.width,
            height: size.height,
            encoder: match &status.state {
                EncoderState::Running { element, .. } => (*element).into(),
                EncoderState::PassedThrough { .. } => "passthrough".into(),
                EncoderState::Off => "off".into(),
                EncoderState::Idle => "idle".into(),
                EncoderState::Waiting => "waiting".into(),
                EncoderState::Failed { reason } => format!("failed: {reason}"),
            },
            fps: status.stats.rates.frames_per_second as f32,
            kbps: status.stats.rates.kbps.round() as u32,
            enabled,
        }
    }

    /// The size of a stream's snapshot: the stream's, where the picture is large enough.
    fn snapshot_size(&self, stream: StreamId) -> Option<PictureSize> {
        let frame = self.engine.latest_frame()?.size();
        let config = self.engine.config(stream).unwrap_or(match stream {
            StreamId::Main => EncoderConfig::main(),
            StreamId::Sub => EncoderConfig::sub(),
        });
        config.size.fits_in(frame).then_some(config.size)
    }
}

impl ports::Media for MediaPort {
    fn status(&self) -> ports::MediaStatus {
        let status = self.engine.status();
        let recognition = (self.recognition)();
        ports::MediaStatus {
            source: status.source,
            state: status.source_state.into(),
            streams: status
                .streams
                .iter()
                .map(|(id, stream)| self.stream(*id, stream))
                .collect(),
            capture_fps: status.capture.frames_per_second as f32,
            analysed_fps: recognition.analysed_fps,
            recognition_dropped: recognition.dropped,
            recognition_ms: recognition.mean_ms,
            recognition_error: recognition.error,
        }
    }

    fn snapshot(&self, stream: ports::StreamId) -> model::Result<ports::Snapshot> {
        let size = self.snapshot_size(stream.into());
        match self.engine.snapshot(size, SNAPSHOT_QUALITY) {
            Ok(snapshot) => Ok(ports::Snapshot {
                jpeg: snapshot.jpeg,
                captured_at: snapshot.utc,
                width: snapshot.size.width,
                height: snapshot.size.height,
            }),
            Err(error @ Error::NoPicture) => Err(model::Error::Unsupported(error.to_string())),
            Err(error) => Err(model::Error::internal(error)),
        }
    }

    fn newest_picture(&self) -> model::Result<(lpr_core::Picture, lpr_core::UtcTime)> {
        let none = || model::Error::Unsupported(Error::NoPicture.to_string());
        let frame = self.engine.latest_frame().ok_or_else(none)?;
        let size = frame.size();
        let mut data = Vec::with_capacity((size.width * size.height) as usize * 3 / 2);
        for (index, shrink) in [(0, 1), (1, 2), (2, 2)] {
            let plane = frame.plane(index).ok_or_else(none)?;
            let columns = size.width.div_ceil(shrink) as usize;
            let rows = size.height.div_ceil(shrink) as usize;
            for row in plane.data.chunks(plane.stride).take(rows) {
                data.extend_from_slice(row.get(..columns).ok_or_else(none)?);
            }
        }
        let size =
            lpr_core::FrameSize::new(size.width, size.height).map_err(model::Error::internal)?;
        let picture = lpr_core::Picture::new(size, lpr_core::PixelFormat::I420, data)
            .map_err(model::Error::internal)?;
        Ok((picture, frame.utc))
    }

    fn request_key_frame(&self, stream: ports::StreamId) {
        self.engine.request_key_frame(stream.into());
    }
}

/// Asks the engine for the key picture that an RTSP viewer needs. Made before the engine, joined to it
/// afterwards.
#[derive(Default)]
pub struct KeyFrameHooks {
    target: OnceLock<KeyFrameRequests>,
    on_demand: bool,
}

impl KeyFrameHooks {
    /// Hooks that also stop the encoder while nobody watches: see [`KeyFrameRequests::set_wanted`].
    pub fn on_demand() -> Self {
        Self {
            target: OnceLock::new(),
            on_demand: true,
        }
    }

    /// Joins the hooks to the stream of an engine; the first call counts.
    pub fn attach(&self, engine: &MediaEngine, stream: StreamId) {
        let requests = engine.key_frame_requests(stream);
        if self.on_demand {
            requests.set_wanted(false);
        }
        let _ = self.target.set(requests);
    }
}

impl rtsp::StreamHooks for KeyFrameHooks {
    fn key_frame_wanted(&self) {
        if let Some(requests) = self.target.get() {
            requests.request();
        }
    }

    fn viewers_changed(&self, viewers: usize) {
        if let Some(requests) = self.target.get().filter(|_| self.on_demand) {
            requests.set_wanted(viewers > 0);
        }
    }
}

/// Gives a stream's access units to the first track of an RTSP stream; a new codec reconfigures the
/// stream, so that its viewers are told.
pub struct RtspSink {
    stream: Arc<rtsp::Stream>,
    /// Tracks behind the video, kept when the video's codec changes.
    others: Vec<rtsp::Codec>,
    feed: Mutex<Feed>,
    sound: Mutex<Option<rtsp::TrackSink>>,
}

struct Feed {
    /// The codec that was [announced](RtspSink::announce); the encoder's decides while none was.
    announced: Option<Codec>,
    /// The codec that the encoder makes.
    made: Codec,
    track: Option<(Codec, rtsp::TrackSink)>,
    /// The last track, where there is sound.
    audio: Option<rtsp::Codec>,
}

impl RtspSink {
    /// Makes an RTSP stream of a video track and `others` behind it, and the sink that feeds it.
    ///
    /// # Errors
    /// [`rtsp::MediaError`] when there are too many tracks.
    pub fn new(
        name: &str,
        video: Codec,
        others: impl IntoIterator<Item = rtsp::Codec>,
        hooks: Arc<dyn rtsp::StreamHooks>,
    ) -> Result<Self, rtsp::MediaError> {
        let others: Vec<_> = others.into_iter().collect();
        let tracks = std::iter::once(video.into()).chain(others.iter().copied());
        let stream = rtsp::Stream::new(rtsp::StreamConfig::new(name, tracks), hooks)?;
        let track = stream.sink(0)?;
        Ok(Self {
            stream,
            others,
            feed: Mutex::new(Feed {
                announced: None,
                made: video,
                track: Some((video, track)),
                audio: None,
            }),
            sound: Mutex::default(),
        })
    }

    /// The stream is to have this codec from now on, before its encoder has made anything of it: who asks for its
    /// description waits for the new one instead of getting one that ends in a moment. What the encoder still makes
    /// of another codec is dropped.
    pub fn announce(&self, codec: Codec) {
        let mut feed = self.feed.lock();
        feed.announced = Some(codec);
        self.take_up(&mut feed, codec);
    }

    /// The stream that is fed.
    pub fn stream(&self) -> &Arc<rtsp::Stream> {
        &self.stream
    }

    fn take_up(&self, feed: &mut Feed, codec: Codec) {
        if feed.track.as_ref().is_some_and(|(c, _)| *c == codec) {
            return;
        }
        self.apply(feed, codec);
    }

    /// Gives the stream the tracks that it has now.
    fn apply(&self, feed: &mut Feed, codec: Codec) {
        feed.track = match self.reconfigure(codec, feed.audio) {
            Ok((sink, sound)) => {
                *self.sound.lock() = sound;
                Some((codec, sink))
            }
            Err(error) => {
                tracing::warn!(stream = self.stream.name(), %error, "the RTSP stream cannot take the new codec");
                None
            }
        };
    }

    fn reconfigure(
        &self,
        codec: Codec,
        audio: Option<rtsp::Codec>,
    ) -> Result<(rtsp::TrackSink, Option<rtsp::TrackSink>), rtsp::MediaError> {
        let tracks = std::iter::once(codec.into())
            .chain(self.others.iter().copied())
            .chain(audio);
        self.stream
            .reconfigure(rtsp::StreamConfig::new(self.stream.name(), tracks))?;
        let sound = audio.map(|_| self.stream.sink(self.audio_track()));
        Ok((self.stream.sink(0)?, sound.transpose()?))
    }

    /// Number of the audio track, where there is one: the last.
    pub fn audio_track(&self) -> usize {
        1 + self.others.len()
    }

    /// The stream has an audio track of this codec from now on, or none. Where that changes, its viewers are told.
    pub fn set_audio(&self, audio: Option<rtsp::Codec>) {
        let mut feed = self.feed.lock();
        if feed.audio != audio {
            feed.audio = audio;
            if let Some((codec, _)) = feed.track {
                self.apply(&mut feed, codec);
            }
        }
    }

    fn push_audio(&self, unit: &rtsp::AccessUnit) {
        let sound = self.sound.lock().clone();
        if let Some(sound) = sound
            && let Err(error) = sound.push(unit)
        {
            tracing::debug!(stream = self.stream.name(), %error, "sound was not sent");
        }
    }
}

/// Gives sound to the audio tracks of RTSP streams.
pub struct RtspAudio(pub Vec<Arc<RtspSink>>);

impl AudioSink for RtspAudio {
    fn format(&self, codec: Option<AudioCodec>) {
        for sink in &self.0 {
            sink.set_audio(codec.map(Into::into));
        }
    }

    fn push(&self, unit: AudioUnit) {
        let unit = rtsp::AccessUnit {
            pts: unit.at.as_duration(),
            utc: system_time(unit.utc),
            key: true,
            data: unit.data,
        };
        for sink in &self.0 {
            sink.push_audio(&unit);
        }
    }
}

fn system_time(utc: lpr_core::UtcTime) -> std::time::SystemTime {
    // The years before 1970 are no capture time.
    UNIX_EPOCH + Duration::from_micros(u64::try_from(utc.as_micros()).unwrap_or(0))
}

impl AccessUnitSink for RtspSink {
    fn format(&self, format: &StreamFormat) {
        let mut feed = self.feed.lock();
        feed.made = format.codec;
        if feed.announced.is_none_or(|c| c == format.codec) {
            self.take_up(&mut feed, format.codec);
        }
    }

    fn push(&self, unit: AccessUnit) {
        let feed = self.feed.lock();
        let Some((_, sink)) = feed.track.as_ref().filter(|(c, _)| *c == feed.made) else {
            return;
        };
        let unit = rtsp::AccessUnit {
            pts: unit.at.as_duration(),
            utc: system_time(unit.utc),
            key: unit.key,
            data: unit.data,
        };
        if let Err(error) = sink.push(&unit) {
            tracing::warn!(stream = self.stream.name(), %error, "an access unit was not sent");
        }
    }
}
