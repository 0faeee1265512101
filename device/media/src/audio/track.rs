//! The sound of a source that is decoded with its pictures.

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;

use super::RATE;
use crate::source::make;
use crate::{Error, Result};

/// Samples of the line's kind and their place in the source.
pub(crate) struct Chunk {
    /// Presentation time as the source says it, nanoseconds.
    pub(crate) pts: u64,
    /// 48 kHz, one channel.
    pub(crate) samples: Vec<i16>,
}

/// An appsink that calls `take` with each piece of sound; it may block, and ends the branch by `false`.
pub(crate) fn chunks_of(mut take: impl FnMut(Chunk) -> bool + Send + 'static) -> gst_app::AppSink {
    let caps = gst::Caps::builder("audio/x-raw")
        .field("format", "S16LE")
        .field("layout", "interleaved")
        .field("rate", RATE as i32)
        .field("channels", 1i32)
        .build();
    let callbacks = gst_app::AppSinkCallbacks::builder().new_sample(move |sink| {
        let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
        let chunk = sample.buffer().and_then(|buffer| {
            let data = buffer.map_readable().ok()?;
            let samples = data.chunks_exact(2);
            Some(Chunk {
                pts: buffer.pts()?.nseconds(),
                samples: samples.map(|b| i16::from_le_bytes([b[0], b[1]])).collect(),
            })
        });
        if chunk.is_none_or(&mut take) {
            Ok(gst::FlowSuccess::Ok)
        } else {
            Err(gst::FlowError::Eos)
        }
    });
    gst_app::AppSink::builder()
        .caps(&caps)
        .sync(false)
        .async_(false)
        .max_buffers(8)
        .callbacks(callbacks.build())
        .build()
}

/// Appends conversion and `sink` to a pad of raw sound.
pub(crate) fn append(
    pipeline: &gst::Pipeline,
    pad: &gst::Pad,
    sink: &gst_app::AppSink,
) -> Result<()> {
    let failed = |e: gst::glib::BoolError| Error::pipeline("audio of the source", e);
    let convert = make("audioconvert")?;
    let resample = make("audioresample")?;
    let chain = [&convert, &resample, sink.upcast_ref()];
    pipeline.add_many(chain).map_err(failed)?;
    gst::Element::link_many(chain).map_err(failed)?;
    for element in chain {
        element.sync_state_with_parent().map_err(failed)?;
    }
    let end = convert
        .static_pad("sink")
        .ok_or_else(|| Error::pipeline("audio of the source", "audioconvert has no pad"))?;
    pad.link(&end)
        .map(drop)
        .map_err(|e| Error::pipeline("audio of the source", e))
}
