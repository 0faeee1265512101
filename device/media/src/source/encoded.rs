//! A video file unit by unit, not decoded.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;

use super::decode::{discard, make};
use crate::config::Codec;
use crate::{Error, Result};

/// A file that gives nothing for so long is given up.
const HUNG: gst::ClockTime = gst::ClockTime::from_seconds(30);
/// Time of a picture where the file has none.
const NO_TIMES: Duration = Duration::from_millis(40);

/// The first video of a file (MP4, Matroska, MPEG-TS or a bare stream of H.264 or H.265) as it was encoded.
pub struct EncodedFilm {
    pipeline: gst::Pipeline,
    sink: gst_app::AppSink,
    at: Option<Duration>,
}

impl EncodedFilm {
    /// Opens a file.
    ///
    /// # Errors
    /// [`Error::Source`] when there is no such file, [`Error::Pipeline`] when GStreamer cannot start, [`Error::Init`] without GStreamer.
    pub fn open(path: &Path) -> Result<Self> {
        crate::init()?;
        super::file::exists(path)?;
        let failed = |e: gst::glib::BoolError| Error::pipeline("film", e);
        let source = make("filesrc")?;
        source.set_property("location", path);
        let parse = make("parsebin")?;
        let sink = gst_app::AppSink::builder()
            .sync(false)
            .max_buffers(8)
            .build();
        let pipeline = gst::Pipeline::new();
        pipeline
            .add_many([&source, &parse, sink.upcast_ref()])
            .map_err(failed)?;
        source.link(&parse).map_err(failed)?;
        let (weak, target) = (pipeline.downgrade(), sink.clone());
        parse.connect_pad_added(move |_, pad| {
            let Some(pipeline) = weak.upgrade() else {
                return;
            };
            if let Err(error) = take(&pipeline, pad, &target) {
                tracing::warn!(%error, pad = %pad.name(), "a track of the file is left unread");
                discard(&pipeline, pad);
            }
        });
        let film = Self {
            pipeline,
            sink,
            at: None,
        };
        film.pipeline
            .set_state(gst::State::Playing)
            .map_err(|e| Error::Source(e.to_string()))?;
        Ok(film)
    }

    /// The next access unit: codec, bytes (an Annex B stream, or one JPEG) and time since the begin; `None` at the end.
    ///
    /// # Errors
    /// [`Error::Source`] when the file holds no such video or is broken here.
    pub fn next_unit(&mut self) -> Result<Option<(Codec, Bytes, Duration)>> {
        let broken = |what: String| Err(Error::Source(what));
        let Some(sample) = self.sink.try_pull_sample(HUNG) else {
            if let Some(why) = self.failure() {
                return broken(why);
            }
            return match (self.sink.is_eos(), self.at) {
                (true, Some(_)) => Ok(None),
                (true, None) => broken(NO_VIDEO.into()),
                (false, _) => broken(format!("nothing came for {} s", HUNG.seconds())),
            };
        };
        let name = sample.caps().and_then(|c| c.structure(0));
        let codec = match name.map(|s| s.name().as_str()) {
            Some("video/x-h264") => Codec::H264,
            Some("video/x-h265") => Codec::H265,
            _ => Codec::Jpeg,
        };
        let Some(buffer) = sample.buffer() else {
            return broken("a unit without bytes".into());
        };
        let map = buffer
            .map_readable()
            .map_err(|_| Error::Source("a unit cannot be read".into()))?;
        let after = self.at.map_or(Duration::ZERO, |at| at + NO_TIMES);
        let at = buffer.pts().map_or(after, Duration::from);
        self.at = Some(at);
        Ok(Some((codec, Bytes::copy_from_slice(&map), at)))
    }

    fn failure(&self) -> Option<String> {
        let bus = self.pipeline.bus()?;
        let message = bus.pop_filtered(&[gst::MessageType::Error])?;
        match message.view() {
            gst::MessageView::Error(e) => Some(e.error().to_string()),
            _ => None,
        }
    }
}

const NO_VIDEO: &str = "holds no H.264, H.265 or motion JPEG";

impl Drop for EncodedFilm {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

/// Leads the first video to the sink, as a byte stream of whole pictures.
fn take(pipeline: &gst::Pipeline, pad: &gst::Pad, sink: &gst_app::AppSink) -> Result<()> {
    let failed = |e: &dyn std::fmt::Display| Error::pipeline("film", e);
    let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
    let kind = caps.structure(0).map(|s| s.name().to_string());
    let kind = kind.unwrap_or_default();
    let input = sink
        .static_pad("sink")
        .filter(|pad| !pad.is_linked())
        .ok_or_else(|| failed(&"there is a video already"))?;
    let parser = match kind.as_str() {
        "video/x-h264" => "h264parse",
        "video/x-h265" => "h265parse",
        "image/jpeg" => {
            return pad.link(&input).map(drop).map_err(|e| failed(&e));
        }
        other => return Err(failed(&format!("{other} is none of H.264, H.265 and JPEG"))),
    };
    let parser = make(parser)?;
    pipeline.add(&parser).map_err(|e| failed(&e))?;
    sink.set_caps(Some(
        &gst::Caps::builder(kind.as_str())
            .field("stream-format", "byte-stream")
            .field("alignment", "au")
            .build(),
    ));
    parser.link(sink).map_err(|e| failed(&e))?;
    let into = parser
        .static_pad("sink")
        .ok_or_else(|| failed(&"the parser has no input"))?;
    pad.link(&into).map_err(|e| failed(&e))?;
    parser.sync_state_with_parent().map_err(|e| failed(&e))
}
