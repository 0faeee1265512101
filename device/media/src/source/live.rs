//! Sources that keep their own time: V4L2 devices and GStreamer's test picture.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;

use super::decode::{Decoder, make, source_caps, video_info};
use super::spec::Wish;
use super::{Context, Watchdog, timecode};
use crate::config::PictureSize;
use crate::frame::FrameKind;
use crate::hub::Incoming;
use crate::{Error, Result};

pub(super) fn v4l2(device: &Path, wish: Wish, context: &Context) -> Result<()> {
    if !device.exists() {
        return Err(Error::Source(format!(
            "{} does not exist",
            device.display()
        )));
    }
    let source = make("v4l2src")?;
    source.set_property("device", device);
    live(&source, &wished(wish, None), false, context)
}

pub(super) fn test(wish: Wish, context: &Context) -> Result<()> {
    let source = make("videotestsrc")?;
    source.set_property("is-live", true);
    source.set_property_from_str("pattern", "smpte");
    source.set_property("horizontal-speed", 2i32);
    let size = wish.size.unwrap_or(PictureSize::new(1920, 1080));
    let wish = Wish {
        size: Some(size),
        frame_rate: Some(wish.frame_rate.unwrap_or(25)),
        ..wish
    };
    live(&source, &wished(wish, Some("I420")), wish.timecode, context)
}

/// Caps right behind the source; without a format, of whatever kind the device offers.
fn wished(wish: Wish, format: Option<&str>) -> gst::Caps {
    let kinds: &[&str] = if format.is_some() {
        &["video/x-raw"]
    } else {
        &["video/x-raw", "image/jpeg", "video/x-h264"]
    };
    let mut caps = gst::Caps::new_empty();
    {
        // Just made, so nobody shares it.
        let caps = caps.make_mut();
        for kind in kinds {
            let mut structure = gst::Structure::new_empty(*kind);
            if let Some(format) = format.filter(|_| *kind == "video/x-raw") {
                structure.set("format", format);
            }
            if let Some(size) = wish.size {
                structure.set("width", i32::try_from(size.width).unwrap_or(i32::MAX));
                structure.set("height", i32::try_from(size.height).unwrap_or(i32::MAX));
            }
            if let Some(rate) = wish.frame_rate {
                structure.set(
                    "framerate",
                    gst::Fraction::new(i32::try_from(rate).unwrap_or(i32::MAX), 1),
                );
            }
            caps.append_structure(structure);
        }
    }
    caps
}

/// `timed`: the time of each picture is drawn into it.
fn live(source: &gst::Element, caps: &gst::Caps, timed: bool, context: &Context) -> Result<()> {
    let bin = gst::Bin::new();
    let filter = make("capsfilter")?;
    filter.set_property("caps", caps);
    let failed = |e: gst::glib::BoolError| Error::pipeline("source", e);
    bin.add_many([source, &filter]).map_err(failed)?;
    source.link(&filter).map_err(failed)?;
    let end = filter
        .static_pad("src")
        .ok_or_else(|| Error::pipeline("source", "capsfilter has no pad"))?;
    let ghost = gst::GhostPad::with_target(&end).map_err(failed)?;
    bin.add_pad(&ghost).map_err(failed)?;

    let sink = gst_app::AppSink::builder()
        .sync(false)
        .max_buffers(2)
        .drop(true)
        .build();
    let decoder = Decoder::new(bin.upcast_ref(), sink, None)?;
    // The clock that media time is read from, whatever a device would offer.
    decoder.pipeline.use_clock(Some(context.hub.clock.gst()));
    let frames = Arc::new(AtomicU64::new(0));
    decoder.sink.set_callbacks(
        gst_app::AppSinkCallbacks::builder()
            .new_sample(on_sample(context, &decoder, timed, frames.clone()))
            .build(),
    );
    decoder.play()?;
    let mut watchdog = Watchdog::new(context.hub.clock.now());
    while !context.stop.wait(Duration::from_millis(100)) {
        if let Some(error) = decoder.error() {
            return Err(error);
        }
        if decoder.sink.is_eos() {
            return Err(Error::Source("the device ended its stream".into()));
        }
        watchdog.check(context.hub.clock.now(), frames.load(Ordering::Relaxed))?;
    }
    Ok(())
}

fn on_sample(
    context: &Context,
    decoder: &Decoder,
    timed: bool,
    frames: Arc<AtomicU64>,
) -> impl FnMut(&gst_app::AppSink) -> std::result::Result<gst::FlowSuccess, gst::FlowError> + Send + use<>
{
    let (context, pipeline) = (context.clone(), decoder.pipeline.downgrade());
    let mut known = None;
    move |sink| {
        let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
        let Some(caps) = sample.caps_owned() else {
            return Ok(gst::FlowSuccess::Ok);
        };
        if known.as_ref().is_none_or(|(old, _)| *old != caps) {
            known = video_info(&sample).map(|info| (caps, info));
        }
        let running = sample.segment().and_then(|s| {
            s.downcast_ref::<gst::ClockTime>()?
                .to_running_time(sample.buffer()?.pts()?)
        });
        let at = running
            .zip(pipeline.upgrade().and_then(|p| p.base_time()))
            .map_or_else(
                || context.hub.clock.now(),
                |(running, base)| context.hub.clock.media_time(base + running),
            );
        if let (Some((_, info)), Some(mut buffer)) = (&known, sample.buffer_owned()) {
            if timed {
                timecode::draw(&mut buffer, info, context.hub.clock.utc(at));
            }
            let first = frames.fetch_add(1, Ordering::Relaxed) == 0;
            context.running(source_caps(info, None));
            context.hub.publish(Incoming {
                buffer,
                info,
                at,
                utc: None,
                kind: FrameKind::Picture,
                discontinuity: first,
            });
        }
        Ok(gst::FlowSuccess::Ok)
    }
}
