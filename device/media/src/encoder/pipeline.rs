//! One encoder as a pipeline of its own: appsrc, scale, encoder, parser, appsink.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;
use gstreamer_video as gst_video;
use parking_lot::Mutex;

use super::choose::EncoderChoice;
use super::interest::Regions;
use super::settings;
use crate::config::{Codec, EncoderConfig, PictureSize, StreamId};
use crate::frame::RawFrame;
use crate::{Error, Result};
use lpr_core::{MediaTime, UtcTime};

/// Frames that may wait in front of an encoder before one is dropped.
const QUEUE: u64 = 4;

/// What one pipeline encodes: the configuration bounded by what the source gives.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) stream: StreamId,
    pub(crate) config: EncoderConfig,
    /// Encoded size: the configured one, or the source's where that is smaller.
    pub(crate) size: PictureSize,
    /// Encoded rate: the configured one, or the source's where that is lower.
    pub(crate) frame_rate: u32,
}

impl PartialEq for Plan {
    fn eq(&self, other: &Self) -> bool {
        (self.config, self.size, self.frame_rate) == (other.config, other.size, other.frame_rate)
    }
}

/// An encoded picture as it leaves the pipeline.
pub(crate) struct Encoded {
    pub(crate) at: MediaTime,
    pub(crate) utc: Option<UtcTime>,
    pub(crate) key: bool,
    pub(crate) data: Bytes,
}

/// UTC of the frames that are inside an encoder, so that the unit gets its own frame's.
#[derive(Default)]
pub(crate) struct InFlight(VecDeque<(MediaTime, UtcTime)>);

impl InFlight {
    const MOST: usize = 128;

    pub(crate) fn put(&mut self, at: MediaTime, utc: UtcTime) {
        if self.0.len() == Self::MOST {
            self.0.pop_front();
        }
        self.0.push_back((at, utc));
    }

    /// Entries before `at` belong to frames that were never encoded; they are forgotten.
    pub(crate) fn take(&mut self, at: MediaTime) -> Option<UtcTime> {
        while let Some((first, utc)) = self.0.front().copied() {
            if first > at {
                return None;
            }
            self.0.pop_front();
            if first == at {
                return Some(utc);
            }
        }
        None
    }
}

/// A running encoder. Dropping it stops its threads.
pub(crate) struct EncoderPipeline {
    pipeline: gst::Pipeline,
    source: gst_app::AppSrc,
    encoder: gst::Element,
    in_flight: Arc<Mutex<InFlight>>,
    input: gst_video::VideoInfo,
    frame_rate: u32,
}

impl EncoderPipeline {
    /// Builds and starts. `on_unit` and `on_error` are called on GStreamer's threads.
    pub(crate) fn start(
        choice: &EncoderChoice,
        plan: &Plan,
        input: &gst_video::VideoInfo,
        regions: &Regions,
        on_unit: impl Fn(Encoded) + Send + Sync + 'static,
        on_error: impl Fn(String) + Send + Sync + 'static,
    ) -> Result<Self> {
        let failed = |reason: String| {
            Error::pipeline(
                format!("{} stream, {}", plan.stream, choice.element),
                reason,
            )
        };
        let make = |name: &str| {
            gst::ElementFactory::make(name)
                .build()
                .map_err(|_| failed(format!("element {name} is missing")))
        };
        let source = gst_app::AppSrc::builder()
            .caps(&input_caps(input, plan.frame_rate))
            .format(gst::Format::Time)
            .is_live(true)
            .max_buffers(QUEUE)
            .max_bytes(0)
            .build();
        let scale = make("videoconvertscale")?;
        // The whole picture fills the stream, so that normalised coordinates hold in both (ROI-5).
        settings::set(&scale, "add-borders", "false");
        let raw = make("capsfilter")?;
        raw.set_property("caps", raw_caps(choice, plan, input));
        if let Some(pad) = raw.static_pad("src") {
            regions.prepare(&pad);
        }
        let encoder = make(choice.element)?;
        for (name, value) in settings::properties(choice, plan) {
            settings::set(&encoder, name, &value);
        }
        let sink = gst_app::AppSink::builder()
            .caps(&encoded_caps(choice.codec))
            .sync(false)
            .build();
        let mut chain = vec![source.clone().upcast(), scale, raw, encoder.clone()];
        if let Some(caps) = choice.profile_caps(plan.config.h264_profile) {
            let profile = make("capsfilter")?;
            profile.set_property("caps", caps);
            chain.push(profile);
        }
        if let Some(parser) = parser(choice.codec) {
            let parse = make(parser)?;
            // Parameter sets before every key picture (VIDEO-14).
            settings::set(&parse, "config-interval", "-1");
            chain.push(parse);
        }
        chain.push(sink.clone().upcast());
        let pipeline = gst::Pipeline::new();
        pipeline
            .add_many(&chain)
            .map_err(|e| failed(e.to_string()))?;
        gst::Element::link_many(&chain).map_err(|e| failed(e.to_string()))?;

        let in_flight = Arc::new(Mutex::new(InFlight::default()));
        let times = in_flight.clone();
        sink.set_callbacks(
            gst_app::AppSinkCallbacks::builder()
                .new_sample(move |sink| {
                    let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
                    if let Some(unit) = encoded(&sample, &times) {
                        on_unit(unit);
                    }
                    Ok(gst::FlowSuccess::Ok)
                })
                .build(),
        );
        report_errors(&pipeline, on_error);
        let running = Self {
            pipeline,
            source,
            encoder,
            in_flight,
            input: input.clone(),
            frame_rate: plan.frame_rate,
        };
        running
            .pipeline
            .set_state(gst::State::Playing)
            .map_err(|_| failed("does not start".into()))?;
        Ok(running)
    }

    /// Hands in a frame; false when the queue is full and the frame was dropped.
    pub(crate) fn push(&mut self, frame: &RawFrame) -> bool {
        if self.source.current_level_buffers() >= QUEUE {
            return false;
        }
        if *frame.info() != self.input {
            self.input = frame.info().clone();
            self.source
                .set_caps(Some(&input_caps(&self.input, self.frame_rate)));
        }
        self.in_flight.lock().put(frame.at, frame.utc);
        self.source.push_buffer(frame.buffer()).is_ok()
    }

    /// The next frame becomes a key picture.
    pub(crate) fn force_key(&self) {
        let event = gst_video::UpstreamForceKeyUnitEvent::builder()
            .all_headers(true)
            .build();
        if let Some(pad) = self.encoder.static_pad("src") {
            pad.send_event(event);
        }
    }
}

impl Drop for EncoderPipeline {
    fn drop(&mut self) {
        if let Some(bus) = self.pipeline.bus() {
            bus.unset_sync_handler();
        }
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

/// Calls `on_error` with GStreamer's own words; all other messages are dropped.
pub(crate) fn report_errors(
    pipeline: &gst::Pipeline,
    on_error: impl Fn(String) + Send + Sync + 'static,
) {
    if let Some(bus) = pipeline.bus() {
        bus.set_sync_handler(move |_, message| {
            if let gst::MessageView::Error(error) = message.view() {
                on_error(error.error().to_string());
            }
            gst::BusSyncReply::Drop
        });
    }
}

fn input_caps(info: &gst_video::VideoInfo, frame_rate: u32) -> gst::Caps {
    let caps = gst_video::VideoCapsBuilder::new()
        .format(info.format())
        .width(i32::try_from(info.width()).unwrap_or(i32::MAX))
        .height(i32::try_from(info.height()).unwrap_or(i32::MAX))
        .framerate(gst::Fraction::new(
            i32::try_from(frame_rate).unwrap_or(25),
            1,
        ))
        .pixel_aspect_ratio(gst::Fraction::new(1, 1));
    match colorimetry(info) {
        Some(colorimetry) => caps.field("colorimetry", colorimetry).build(),
        None => caps.build(),
    }
}

fn colorimetry(info: &gst_video::VideoInfo) -> Option<String> {
    let text = info.colorimetry().to_string();
    (!text.is_empty()).then_some(text)
}

/// Size and shape in front of the encoder. Square pixels are stated, or scaling keeps the display
/// aspect by an odd pixel shape; colours are kept as they came.
fn raw_caps(choice: &EncoderChoice, plan: &Plan, input: &gst_video::VideoInfo) -> gst::Caps {
    let caps = gst::Caps::builder("video/x-raw")
        .field("format", settings::raw_format(choice))
        .field("width", i32::try_from(plan.size.width).unwrap_or(i32::MAX))
        .field(
            "height",
            i32::try_from(plan.size.height).unwrap_or(i32::MAX),
        )
        .field("pixel-aspect-ratio", gst::Fraction::new(1, 1));
    match colorimetry(input) {
        // JPEG is full-range BT.601 by definition (JFIF); jpegenc does not convert, so we do.
        _ if choice.codec == Codec::Jpeg => caps.field("colorimetry", "1:4:0:0").build(),
        Some(colorimetry) => caps.field("colorimetry", colorimetry).build(),
        None => caps.build(),
    }
}

fn parser(codec: Codec) -> Option<&'static str> {
    match codec {
        Codec::H264 => Some("h264parse"),
        Codec::H265 => Some("h265parse"),
        Codec::Jpeg => None,
    }
}

fn encoded_caps(codec: Codec) -> gst::Caps {
    let name = match codec {
        Codec::H264 => "video/x-h264",
        Codec::H265 => "video/x-h265",
        Codec::Jpeg => return gst::Caps::builder("image/jpeg").build(),
    };
    gst::Caps::builder(name)
        .field("stream-format", "byte-stream")
        .field("alignment", "au")
        .build()
}

fn encoded(sample: &gst::Sample, times: &Mutex<InFlight>) -> Option<Encoded> {
    let buffer = sample.buffer_owned()?;
    // x264enc shifts its time stamps by 1000 hours and says so in the segment.
    let running = sample
        .segment()?
        .downcast_ref::<gst::ClockTime>()?
        .to_running_time(buffer.pts()?)?;
    let at = MediaTime::from_nanos(running.nseconds());
    let key = !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
    let data = Bytes::from_owner(buffer.into_mapped_buffer_readable().ok()?);
    let utc = times.lock().take(at);
    Some(Encoded { at, utc, key, data })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_gets_the_utc_of_its_own_frame() {
        let at = |n: u64| MediaTime::from_nanos(n);
        let utc = |n: u64| UtcTime::from_millis(n as i64);
        let mut times = InFlight::default();
        for n in 1..=5 {
            times.put(at(n * 10), utc(n));
        }
        // 10 was dropped inside, 25 never went in.
        for (ask, expect) in [
            (20, Some(2)),
            (25, None),
            (30, Some(3)),
            (30, None),
            (50, Some(5)),
            (60, None),
        ] {
            assert_eq!(times.take(at(ask)), expect.map(utc), "{ask}");
        }
        for n in 0..1000 {
            times.put(at(n), utc(n));
        }
        assert_eq!(times.0.len(), InFlight::MOST);
    }
}
