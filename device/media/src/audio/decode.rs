//! AAC of the back channel: frames in, samples of one channel out, on a thread of its own.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;
use rtsp::{AAC_FRAME_SAMPLES, Codec, MAX_AAC_FRAME};

use super::element;
use super::jitter::Place;
use crate::{Error, Result, chain};

/// Decoders, better ones first.
const DECODERS: &[&str] = &["avdec_aac", "faad"];
/// Frames that may wait for the decoder; more are left out.
const WAITING: usize = 32;
/// Frames whose samples may still come.
const INSIDE: usize = 64;
/// Samples are looked for so often while frames come.
const LOOK: Duration = Duration::from_millis(10);
/// And no longer than this after the last.
const QUIET: Duration = Duration::from_secs(1);
/// After a decoder failed, or for another rate, a new one is made this often at most.
const REST: Duration = Duration::from_secs(1);

/// Whether AAC can be heard.
pub(super) fn is_available() -> bool {
    DECODERS
        .iter()
        .any(|name| gst::ElementFactory::find(name).is_some())
}

/// A frame as it came.
pub(super) struct Frame {
    /// AAC and its rate.
    pub(super) codec: Codec,
    pub(super) place: Place,
    pub(super) data: Box<[u8]>,
}

/// The thread that decodes; it ends when this goes.
pub(super) struct Decoding(SyncSender<Frame>);

impl Decoding {
    /// `hear` is given the rate, the place of the samples and the samples.
    pub(super) fn begin(hear: impl Fn(u32, Place, &[i16]) + Send + 'static) -> Result<Self> {
        let (sender, frames) = sync_channel(WAITING);
        std::thread::Builder::new()
            .name("audio-decode".into())
            .spawn(move || run(&frames, &hear))
            .map_err(|e| Error::pipeline("audio decoder", e))?;
        Ok(Self(sender))
    }

    /// Takes a frame, never waiting: one too many is lost as on the network.
    pub(super) fn take(&self, frame: Frame) {
        let _ = self.0.try_send(frame);
    }
}

fn run(frames: &Receiver<Frame>, hear: &dyn Fn(u32, Place, &[i16])) {
    let mut decoder: Option<Decoder> = None;
    let mut made: Option<Instant> = None;
    let mut last = Instant::now();
    loop {
        let frame = if last.elapsed() < QUIET {
            frames.recv_timeout(LOOK)
        } else {
            frames.recv().map_err(|_| RecvTimeoutError::Disconnected)
        };
        match frame {
            Ok(frame) => {
                last = Instant::now();
                if decoder.as_ref().is_none_or(|d| d.codec != frame.codec) {
                    decoder = None;
                    if made.is_some_and(|made| made.elapsed() < REST) {
                        continue;
                    }
                    made = Some(Instant::now());
                    decoder = Decoder::new(frame.codec)
                        .inspect_err(|error| tracing::warn!(%error, "AAC is not heard"))
                        .ok();
                }
                if let Some(d) = &mut decoder
                    && let Err(error) = d.push(frame)
                {
                    tracing::debug!(%error, "a decoder of the back channel failed");
                    decoder = None;
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        if let Some(decoder) = &mut decoder {
            decoder.give(hear);
        }
    }
}

/// A pipeline that decodes. Its own time runs on with each frame, whatever times the talker tells: those are put back at the other end.
struct Decoder {
    codec: Codec,
    pipeline: gst::Pipeline,
    source: gst_app::AppSrc,
    sink: gst_app::AppSink,
    /// Frames that went in.
    count: u64,
    /// The newest of them, by number, with the talker's places.
    inside: VecDeque<(u64, Place)>,
}

impl Decoder {
    fn new(codec: Codec) -> Result<Self> {
        crate::init()?;
        let config = codec.audio_specific_config();
        let config = config.ok_or_else(|| Error::pipeline("audio decoder", "not a rate of AAC"))?;
        let rate = codec.clock_rate() as i32;
        let caps = gst::Caps::builder("audio/mpeg")
            .field("mpegversion", 4i32)
            .field("stream-format", "raw")
            .field("framed", true)
            .field("rate", rate)
            .field("channels", 1i32)
            .field("codec_data", gst::Buffer::from_slice(config.to_be_bytes()))
            .build();
        let source = gst_app::AppSrc::builder()
            .caps(&caps)
            .format(gst::Format::Time)
            .build();
        let out = gst::Caps::builder("audio/x-raw")
            .field("format", "S16LE")
            .field("layout", "interleaved")
            .field("rate", rate)
            .field("channels", 1i32)
            .build();
        let sink = gst_app::AppSink::builder()
            .caps(&out)
            .sync(false)
            .max_buffers(INSIDE as u32)
            .drop(true)
            .build();
        let decoder = element("audio decoder", DECODERS)?;
        let convert = element("audio decoder", &["audioconvert"])?;
        let resample = element("audio decoder", &["audioresample"])?;
        let chain = [
            source.upcast_ref(),
            &decoder,
            &convert,
            &resample,
            sink.upcast_ref(),
        ];
        let pipeline = chain::playing("audio decoder", &chain)?;
        Ok(Self {
            codec,
            pipeline,
            source,
            sink,
            count: 0,
            inside: VecDeque::new(),
        })
    }

    fn rate(&self) -> u64 {
        u64::from(self.codec.clock_rate())
    }

    fn push(&mut self, frame: Frame) -> Result<()> {
        let failure = self.pipeline.bus().and_then(|bus| {
            bus.timed_pop_filtered(gst::ClockTime::ZERO, &[gst::MessageType::Error])
        });
        if let Some(gst::MessageView::Error(e)) = failure.as_ref().map(|m| m.view()) {
            return Err(Error::pipeline("audio decoder", e.error()));
        }
        if self.source.current_level_bytes() >= (WAITING * MAX_AAC_FRAME) as u64 {
            return Ok(());
        }
        let at = |n: u64| n * u64::from(AAC_FRAME_SAMPLES) * 1_000_000_000 / self.rate();
        let (begin, end) = (at(self.count), at(self.count + 1));
        let mut buffer = gst::Buffer::from_mut_slice(frame.data.into_vec());
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_pts(gst::ClockTime::from_nseconds(begin));
            buffer.set_duration(gst::ClockTime::from_nseconds(end - begin));
        }
        if self.inside.len() == INSIDE {
            self.inside.pop_front();
        }
        self.inside.push_back((self.count, frame.place));
        self.count += 1;
        let pushed = self.source.push_buffer(buffer);
        pushed
            .map(drop)
            .map_err(|e| Error::pipeline("audio decoder", e))
    }

    /// What is decoded by now, at the places that the talker told.
    fn give(&mut self, hear: &dyn Fn(u32, Place, &[i16])) {
        while let Some(sample) = self.sink.try_pull_sample(gst::ClockTime::ZERO) {
            let Some(buffer) = sample.buffer() else {
                continue;
            };
            let (Some(pts), Ok(data)) = (buffer.pts(), buffer.map_readable()) else {
                continue;
            };
            // To the nearest: nanoseconds were cut.
            let nanos = u128::from(pts.nseconds()) * u128::from(self.rate());
            let at = ((nanos + 500_000_000) / 1_000_000_000) as u64;
            let frame = u64::from(AAC_FRAME_SAMPLES);
            let (number, offset) = (at / frame, (at % frame) as u32);
            let Some((_, told)) = self.inside.iter().find(|(n, _)| *n == number) else {
                continue;
            };
            let samples = data.chunks_exact(2);
            let samples: Vec<i16> = samples.map(|b| i16::from_le_bytes([b[0], b[1]])).collect();
            let place = Place {
                time: told.time.wrapping_add(offset),
                ..*told
            };
            hear(self.codec.clock_rate(), place, &samples);
        }
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

#[cfg(test)]
#[path = "decode_tests.rs"]
pub(super) mod tests;
