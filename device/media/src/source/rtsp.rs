//! Another camera over RTSP: its stream is decoded once for recognition and the sub stream, and
//! passed on as the main stream where codec and profile are the configured ones.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;
use parking_lot::Mutex;
use retina::client::{
    Credentials, Demuxed, PlayOptions, Session, SessionOptions, SetupOptions, Stream,
};
use retina::codec::{AudioFrame, CodecItem, FrameFormat, ParametersRef, VideoFrame};
use tokio::time::timeout;
use url::Url;

use super::decode::{Decoder, source_caps, video_info};
use super::{Context, SILENCE};
use crate::annexb::h264_profile;
use crate::audio::{Line, append_sound, chunks_of};
use crate::clock::Span;
use crate::config::{Codec, PictureSize};
use crate::encoder::access_unit;
use crate::encoder::pipeline::{Encoded, InFlight};
use crate::frame::FrameKind;
use crate::hub::Incoming;
use crate::unit::StreamFormat;
use crate::{Error, Result};
use lpr_core::MediaTime;
use platecam_model::settings::H264Profile;

/// From the first packet to PLAY's answer.
const CONNECT: Duration = Duration::from_secs(10);
/// Encoded pictures that may wait in front of the decoder.
const QUEUE: u64 = 50;
/// Sound and picture of a camera that are further apart than this do not count from the same moment.
const SYNC: Duration = Duration::from_millis(500);

pub(super) fn run(url: &Url, context: &Context) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Error::pipeline("RTSP source", e))?;
    let ended = runtime.block_on(async {
        tokio::select! {
            () = context.stop.stopped() => Ok(()),
            ended = session(url, context) => ended,
        }
    });
    // Lets a TEARDOWN go out, but not for long.
    runtime.shutdown_timeout(Duration::from_millis(200));
    ended
}

/// The codec of an SDP encoding name, as retina writes it.
fn codec_of(name: &str) -> Option<Codec> {
    match name {
        "h264" => Some(Codec::H264),
        "h265" => Some(Codec::H265),
        "jpeg" => Some(Codec::Jpeg),
        _ => None,
    }
}

fn refused(error: retina::Error) -> Error {
    Error::Source(error.to_string())
}

async fn session(url: &Url, context: &Context) -> Result<()> {
    let connecting = timeout(CONNECT, connect(url, context.sound.is_some()));
    let (mut frames, index, codec) = connecting
        .await
        .map_err(|_| Error::Source(format!("no answer within {} s", CONNECT.as_secs())))??;
    let mut input = Input::start(codec, context)?;
    let mut sound = context.sound.clone().map(RemoteSound::new);
    loop {
        let item = timeout(SILENCE, frames.next())
            .await
            .map_err(|_| Error::Source(format!("no picture for {} s", SILENCE.as_secs())))?
            .ok_or_else(|| Error::Source("the camera ended the stream".into()))?
            .map_err(refused)?;
        match item {
            CodecItem::VideoFrame(frame) => {
                let look = look(&frames, index);
                input.frame(frame, look)?;
            }
            CodecItem::AudioFrame(frame) => {
                if let Some(sound) = &mut sound {
                    let stream = frames.streams().get(frame.stream_id());
                    sound.frame(&frame, stream, &input);
                }
            }
            _ => {}
        }
    }
}

async fn connect(url: &Url, listen: bool) -> Result<(Demuxed, usize, Codec)> {
    let (address, creds) = split_credentials(url);
    let options = SessionOptions::default()
        .creds(creds)
        .user_agent("Platecam".into());
    let mut session = Session::describe(address, options).await.map_err(refused)?;
    let video = session
        .streams()
        .iter()
        .enumerate()
        .find_map(|(index, stream)| {
            (stream.media() == "video")
                .then(|| codec_of(stream.encoding_name()).map(|codec| (index, codec)))
                .flatten()
        });
    let Some((index, codec)) = video else {
        let offered: Vec<_> = session
            .streams()
            .iter()
            .map(|s| format!("{}/{}", s.media(), s.encoding_name()))
            .collect();
        return Err(Error::Source(format!(
            "the camera offers no H.264, H.265 or JPEG video, but {}",
            if offered.is_empty() {
                "nothing".into()
            } else {
                offered.join(", ")
            }
        )));
    };
    let setup = SetupOptions::default().frame_format(FrameFormat::SIMPLE);
    session.setup(index, setup).await.map_err(refused)?;
    let heard = session
        .streams()
        .iter()
        .position(|stream| listen && stream.media() == "audio" && is_understood(stream));
    if let Some(heard) = heard {
        let setup = session.setup(heard, SetupOptions::default());
        // The picture comes without it, too.
        if let Err(error) = setup.await {
            tracing::warn!(%error, "the camera's sound cannot be had");
        }
    }
    let playing = session
        .play(PlayOptions::default())
        .await
        .map_err(refused)?;
    Ok((playing.demuxed().map_err(refused)?, index, codec))
}

/// retina wants user and password beside the address.
fn split_credentials(url: &Url) -> (Url, Option<Credentials>) {
    let mut address = url.clone();
    // Fails only for addresses without a host, which the parser of sources refuses.
    let _ = address.set_username("");
    let _ = address.set_password(None);
    let creds = (!url.username().is_empty()).then(|| Credentials {
        username: percent_decoded(url.username()),
        password: percent_decoded(url.password().unwrap_or_default()),
    });
    (address, creds)
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let code = tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match code
            .and_then(|hex| u8::from_str_radix(hex, 16).ok())
            .filter(|_| *first == b'%')
        {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Size and rate as the camera states them.
fn look(frames: &Demuxed, index: usize) -> Option<(PictureSize, Option<f64>)> {
    let ParametersRef::Video(video) = frames.streams().get(index)?.parameters()? else {
        return None;
    };
    let (width, height) = video.pixel_dimensions();
    let rate = video
        .frame_rate()
        .map(|(num, den)| f64::from(den) / f64::from(num.max(1)));
    Some((
        PictureSize { width, height },
        rate.filter(|rate| (1.0..=240.0).contains(rate)),
    ))
}

/// The decoder's end of the session.
struct Input {
    codec: Codec,
    context: Context,
    decoder: Decoder,
    source: gst_app::AppSrc,
    times: Arc<Mutex<InFlight>>,
    place: Place,
    seen_key: bool,
    /// What a player must be able to decode, while it is H.264.
    profile: H264Profile,
    skipped: u64,
    /// What the decoder could not do, if anything.
    decoded: Arc<AtomicU64>,
}

impl Input {
    fn start(codec: Codec, context: &Context) -> Result<Self> {
        let caps = match codec {
            Codec::H264 => gst::Caps::builder("video/x-h264"),
            Codec::H265 => gst::Caps::builder("video/x-h265"),
            Codec::Jpeg => gst::Caps::builder("image/jpeg"),
        };
        let caps = match codec {
            Codec::Jpeg => caps.build(),
            Codec::H264 | Codec::H265 => caps
                .field("stream-format", "byte-stream")
                .field("alignment", "au")
                .build(),
        };
        let source = gst_app::AppSrc::builder()
            .caps(&caps)
            .format(gst::Format::Time)
            .is_live(true)
            .max_bytes(0)
            .max_buffers(QUEUE)
            .build();
        let sink = gst_app::AppSink::builder().sync(false).build();
        let decoder = Decoder::new(gst::prelude::Cast::upcast_ref(&source), sink, None)?;
        let times = Arc::new(Mutex::new(InFlight::default()));
        let decoded = Arc::new(AtomicU64::new(0));
        decoder.sink.set_callbacks(
            gst_app::AppSinkCallbacks::builder()
                .new_sample(on_sample(
                    codec,
                    context.clone(),
                    times.clone(),
                    decoded.clone(),
                ))
                .build(),
        );
        decoder.play()?;
        let place = Place::default();
        let context = context.clone();
        Ok(Self {
            codec,
            context,
            decoder,
            source,
            times,
            place,
            seen_key: false,
            profile: H264Profile::High,
            skipped: 0,
            decoded,
        })
    }

    fn frame(&mut self, frame: VideoFrame, look: Option<(PictureSize, Option<f64>)>) -> Result<()> {
        if let Some(error) = self.decoder.error() {
            return Err(error);
        }
        let key = self.codec == Codec::Jpeg || frame.is_random_access_point();
        if !self.seen_key && !key {
            return Ok(());
        }
        if !self.seen_key {
            self.seen_key = true;
            self.context.hub.expect_picture();
        }
        let clock = &self.context.hub.clock;
        let elapsed = elapsed(frame.timestamp().elapsed(), frame.timestamp().clock_rate());
        let at = self.place.of(elapsed, clock.now());
        let utc = clock.utc(at);
        let data = Bytes::from(frame.into_data());
        if key && self.codec == Codec::H264 {
            self.profile = h264_profile(&data).unwrap_or(self.profile);
        }
        if self.source.current_level_buffers() < QUEUE {
            self.times.lock().put(at, utc);
            let mut buffer = gst::Buffer::from_slice(data.clone());
            if let Some(buffer) = buffer.get_mut() {
                buffer.set_pts(gst::ClockTime::from_nseconds(at.as_nanos()));
            }
            self.source
                .push_buffer(buffer)
                .map_err(|e| Error::Source(format!("the decoder stopped: {e:?}")))?;
        } else {
            // Only the decoder loses it; the passed-on stream does not.
            self.skipped += 1;
            if self.skipped.is_power_of_two() {
                let (skipped, decoded) = (self.skipped, self.decoded.load(Ordering::Relaxed));
                tracing::warn!(
                    skipped,
                    decoded,
                    "the decoder is too slow for the camera's stream"
                );
            }
        }
        self.pass(
            Encoded {
                at,
                utc: Some(utc),
                key,
                data,
            },
            look,
        );
        Ok(())
    }

    /// Passes the unit on where the main stream is configured for its codec, and for its profile or a higher one.
    fn pass(&self, encoded: Encoded, look: Option<(PictureSize, Option<f64>)>) {
        let Some(encoder) = &self.context.pass_to else {
            return;
        };
        let wanted = encoder.config().is_some_and(|config| {
            let decodable = self.profile <= config.h264_profile;
            config.codec == self.codec && (decodable || self.codec != Codec::H264)
        }) && self.context.hub.is_plain();
        encoder.set_passing(wanted.then_some(self.codec));
        let (true, Some((size, rate))) = (wanted, look) else {
            return;
        };
        let utc = encoded
            .utc
            .unwrap_or_else(|| self.context.hub.clock.utc(encoded.at));
        let (unit, parameter_sets) = access_unit(self.codec, encoded, utc);
        let frame_rate = rate.map_or(25, |rate| rate.round().clamp(1.0, 240.0) as u32);
        encoder.pass(
            unit,
            StreamFormat {
                codec: self.codec,
                size,
                frame_rate,
                parameter_sets,
            },
        );
    }
}

fn on_sample(
    codec: Codec,
    context: Context,
    times: Arc<Mutex<InFlight>>,
    decoded: Arc<AtomicU64>,
) -> impl FnMut(&gst_app::AppSink) -> std::result::Result<gst::FlowSuccess, gst::FlowError> + Send {
    let mut known = None;
    move |sink| {
        let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
        let Some(caps) = sample.caps_owned() else {
            return Ok(gst::FlowSuccess::Ok);
        };
        if known.as_ref().is_none_or(|(old, _)| *old != caps) {
            known = video_info(&sample).map(|info| (caps, info));
        }
        if let (Some((_, info)), Some(buffer)) = (&known, sample.buffer_owned())
            && let Some(pts) = buffer.pts()
        {
            let at = MediaTime::from_nanos(pts.nseconds());
            let utc = times.lock().take(at);
            let discontinuity = decoded.fetch_add(1, Ordering::Relaxed) == 0;
            context.running(source_caps(info, Some(codec)));
            context.hub.publish(Incoming {
                buffer,
                info,
                at,
                utc,
                kind: FrameKind::Picture,
                discontinuity,
            });
        }
        Ok(gst::FlowSuccess::Ok)
    }
}

/// Whether the sound of a stream can be decoded.
fn is_understood(stream: &Stream) -> bool {
    matches!(stream.encoding_name(), "pcmu" | "pcma" | "mpeg4-generic")
}

/// A camera's sound on its way to the line. What goes wrong costs the sound, never the picture.
struct RemoteSound {
    line: Arc<Line>,
    /// `None` before the first frame, and where it cannot be decoded.
    decoder: Option<Option<SoundDecoder>>,
    place: Place,
}

impl RemoteSound {
    fn new(line: Arc<Line>) -> Self {
        Self {
            line,
            decoder: None,
            place: Place::default(),
        }
    }

    fn frame(&mut self, frame: &AudioFrame, stream: Option<&Stream>, pictures: &Input) {
        let decoder = self.decoder.get_or_insert_with(|| {
            let line = self.line.clone();
            let made = stream.map(|stream| SoundDecoder::start(stream, line));
            made.transpose().unwrap_or_else(|error| {
                tracing::warn!(%error, "the camera's sound is not decoded");
                None
            })
        });
        let Some(decoder) = decoder else { return };
        let now = pictures.context.hub.clock.now();
        let elapsed = elapsed(frame.timestamp().elapsed(), frame.timestamp().clock_rate());
        let own = self.place.of(elapsed, now);
        // Both tracks count from the same moment, the answer to PLAY: then they fit exactly. A camera that does not
        // say so is believed by when its sound comes.
        let beside = pictures.place.known(elapsed);
        let fits = |at: &MediaTime| at.since(own).max(own.since(*at)) < SYNC;
        let at = beside.filter(fits).unwrap_or(own);
        decoder.push(at, Bytes::copy_from_slice(frame.data()));
    }
}

/// A pipeline from a camera's frames of sound to the line.
struct SoundDecoder {
    pipeline: gst::Pipeline,
    source: gst_app::AppSrc,
}

impl SoundDecoder {
    fn start(stream: &Stream, line: Arc<Line>) -> Result<Self> {
        let failed = |e: gst::glib::BoolError| Error::pipeline("sound of the camera", e);
        let rate = i32::try_from(stream.clock_rate_hz()).unwrap_or(8_000);
        let (element, caps) = match (stream.encoding_name(), stream.parameters()) {
            ("pcmu", _) => ("mulawdec", gst::Caps::builder("audio/x-mulaw")),
            ("pcma", _) => ("alawdec", gst::Caps::builder("audio/x-alaw")),
            (_, Some(ParametersRef::Audio(parameters))) => (
                "avdec_aac",
                gst::Caps::builder("audio/mpeg")
                    .field("mpegversion", 4i32)
                    .field("stream-format", "raw")
                    .field(
                        "codec_data",
                        gst::Buffer::from_slice(parameters.extra_data().to_vec()),
                    ),
            ),
            (other, _) => return Err(Error::Source(format!("{other} is not understood"))),
        };
        let channels = i32::from(stream.channels().map_or(1, std::num::NonZeroU16::get));
        let caps = caps.field("rate", rate).field("channels", channels).build();
        let source = gst_app::AppSrc::builder()
            .caps(&caps)
            .format(gst::Format::Time)
            .max_bytes(256 << 10)
            .build();
        let sink = chunks_of(move |chunk| {
            line.push(MediaTime::from_nanos(chunk.pts), &chunk.samples);
            true
        });
        let decode = super::make(element)?;
        let pipeline = gst::Pipeline::new();
        pipeline
            .add_many([source.upcast_ref(), &decode])
            .map_err(failed)?;
        source.link(&decode).map_err(failed)?;
        let end = decode
            .static_pad("src")
            .ok_or_else(|| Error::pipeline("sound of the camera", "the decoder has no pad"))?;
        append_sound(&pipeline, &end, &sink)?;
        let decoder = Self { pipeline, source };
        decoder
            .pipeline
            .set_state(gst::State::Playing)
            .map_err(|e| Error::pipeline("sound of the camera", e))?;
        Ok(decoder)
    }

    fn push(&self, at: MediaTime, data: Bytes) {
        let mut buffer = gst::Buffer::from_slice(data);
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_pts(gst::ClockTime::from_nseconds(at.as_nanos()));
        }
        // A decoder that stopped gives nothing more; the line sends silence.
        let _ = self.source.push_buffer(buffer);
    }
}

impl Drop for SoundDecoder {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

fn elapsed(ticks: i64, rate: NonZeroU32) -> i64 {
    i64::try_from(i128::from(ticks) * 1_000_000_000 / i128::from(rate.get())).unwrap_or(i64::MAX)
}

/// Puts the camera's RTP time on our clock: its spacing is kept, its drift against our clock is
/// followed, and a jump starts anew.
#[derive(Default)]
struct Place {
    /// Media nanoseconds of RTP time zero.
    zero: Option<i64>,
}

impl Place {
    const JUMP: i64 = 1_000_000_000;

    /// Where a time lies, once anything was placed.
    fn known(&self, elapsed: i64) -> Option<MediaTime> {
        let at = self.zero?.saturating_add(elapsed);
        Some(MediaTime::from_nanos(u64::try_from(at).unwrap_or(0)))
    }

    fn of(&mut self, elapsed: i64, arrived: MediaTime) -> MediaTime {
        let arrived = i64::try_from(arrived.as_nanos()).unwrap_or(i64::MAX);
        let fresh = arrived.saturating_sub(elapsed);
        let zero = match self.zero {
            Some(zero) if (fresh - zero).abs() < Self::JUMP => {
                // Late packets are the network's doing and hardly count; an early one shows that
                // what came before was late, so it counts more.
                let error = fresh - zero;
                zero + if error < 0 { error / 8 } else { error / 256 }
            }
            _ => fresh,
        };
        self.zero = Some(zero);
        MediaTime::from_nanos(u64::try_from(zero.saturating_add(elapsed)).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn credentials_are_taken_out_of_the_address() {
        let rows = [
            ("rtsp://cam/1", "rtsp://cam/1", None),
            ("rtsp://u:p@cam/1?x=y", "rtsp://cam/1?x=y", Some(("u", "p"))),
            ("rtsp://u@cam/1", "rtsp://cam/1", Some(("u", ""))),
            (
                "rtsp://a%40b:p%3Aq%2525%zz@cam/",
                "rtsp://cam/",
                Some(("a@b", "p:q%25%zz")),
            ),
        ];
        for (url, address, creds) in rows {
            let (left, found) = split_credentials(&Url::parse(url).unwrap());
            assert_eq!(left.as_str(), address);
            let found = found.map(|c| (c.username, c.password));
            assert_eq!(
                found,
                creds.map(|(u, p)| (u.to_owned(), p.to_owned())),
                "{url}"
            );
        }
    }

    #[test]
    fn a_jump_of_the_cameras_clock_starts_anew() {
        let mut place = Place::default();
        let ms = |n: u64| MediaTime::from_nanos(n * 1_000_000);
        assert_eq!(place.of(0, ms(5_000)), ms(5_000));
        assert_eq!(place.of(40_000_000, ms(5_040)), ms(5_040));
        assert_eq!(place.of(9_000_000_000, ms(5_080)), ms(5_080));
        assert_eq!(place.of(9_040_000_000, ms(5_120)), ms(5_120));
    }

    proptest! {
        #[test]
        fn drift_is_followed_and_jitter_is_not(ppm in -200i64..200, seed in 0u64..1000) {
            let mut place = Place::default();
            let (mut last, mut worst) = (0, 0);
            for n in 0..5_000u64 {
                let real = 1_000_000_000 + n * 40_000_000;
                let camera = i64::try_from(n * 40_000_000).unwrap();
                let camera = camera + camera * ppm / 1_000_000;
                // Up to 20 ms late, never early.
                let jitter = (n.wrapping_mul(seed * 2 + 1).wrapping_mul(2_654_435_761) >> 7) % 20_000_000;
                let at = place.of(camera, MediaTime::from_nanos(real + jitter)).as_nanos();
                prop_assert!(at > last);
                if n > 500 {
                    worst = worst.max(at.abs_diff(last).abs_diff(40_000_000));
                    prop_assert!(at.abs_diff(real) < 30_000_000, "{} ms off", at.abs_diff(real) / 1_000_000);
                }
                last = at;
            }
            prop_assert!(worst < 4_000_000, "spacing is off by {worst} ns");
        }
    }
}
