//! What the sources share: decodebin into an appsink of I420 frames.

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;
use gstreamer_video as gst_video;

use parking_lot::Mutex;

use crate::audio::append_sound;
use crate::capabilities::SourceCaps;
use crate::config::{Codec, PictureSize};
use crate::{Error, Result};

pub(crate) const NO_VIDEO: &str = "the source holds no video that can be decoded";

/// A pipeline that ends in an appsink of I420 frames. Dropping it stops its threads.
pub(crate) struct Decoder {
    pub(crate) pipeline: gst::Pipeline,
    pub(crate) sink: gst_app::AppSink,
}

pub(crate) fn make(name: &str) -> Result<gst::Element> {
    gst::ElementFactory::make(name)
        .build()
        .map_err(|_| Error::pipeline("source", format!("GStreamer element {name} is missing")))
}

impl Decoder {
    /// Builds `source ! decodebin ! videoconvertscale ! appsink`, not yet started. The first sound goes to `sound`.
    ///
    /// The decoder has one thread: it keeps up with real time several times over, and each further one
    /// would hold a frame back and its memory.
    pub(crate) fn new(
        source: &gst::Element,
        sink: gst_app::AppSink,
        sound: Option<gst_app::AppSink>,
    ) -> Result<Self> {
        let decode = make("decodebin")?;
        let convert = make("videoconvertscale")?;
        sink.set_caps(Some(
            &gst::Caps::builder("video/x-raw")
                .field("format", "I420")
                .build(),
        ));
        let pipeline = gst::Pipeline::new();
        let failed = |e: gst::glib::BoolError| Error::pipeline("source", e);
        pipeline
            .add_many([source, &decode, &convert, sink.upcast_ref()])
            .map_err(failed)?;
        source.link(&decode).map_err(failed)?;
        convert.link(&sink).map_err(failed)?;

        // Sound that nobody wants is left as it is: decoding it would cost.
        let deaf = sound.is_none();
        let sound = Mutex::new(sound);
        decode.connect("autoplug-continue", false, move |args| {
            let audio = args
                .get(2)
                .and_then(|value| value.get::<gst::Caps>().ok())
                .is_some_and(|caps| {
                    caps.structure(0)
                        .is_some_and(|s| s.name().starts_with("audio/"))
                });
            Some((!(audio && deaf)).to_value())
        });
        let (weak, target) = (pipeline.downgrade(), convert.downgrade());
        decode.connect_pad_added(move |_, pad| {
            let (Some(pipeline), Some(convert)) = (weak.upgrade(), target.upgrade()) else {
                return;
            };
            let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
            let video = caps
                .structure(0)
                .is_some_and(|s| s.name().starts_with("video/x-raw"));
            let audio = caps
                .structure(0)
                .is_some_and(|s| s.name().starts_with("audio/x-raw"));
            if let Some(sound) = audio.then(|| sound.lock().take()).flatten() {
                if let Err(error) = append_sound(&pipeline, pad, &sound) {
                    tracing::warn!(%error, "the sound of the source is left unread");
                }
                return;
            }
            let free = convert
                .static_pad("sink")
                .filter(|pad| video && !pad.is_linked());
            let linked = match free {
                Some(sink) => pad.link(&sink).is_ok(),
                None => discard(&pipeline, pad).is_some(),
            };
            if !linked {
                tracing::warn!(pad = %pad.name(), %caps, "a track of the source is left unread");
            }
        });
        let (weak, target) = (pipeline.downgrade(), convert.downgrade());
        decode.connect_no_more_pads(move |decode| {
            let video = target
                .upgrade()
                .and_then(|c| c.static_pad("sink"))
                .is_some_and(|pad| pad.is_linked());
            if let Some(bus) = weak
                .upgrade()
                .and_then(|pipeline| pipeline.bus())
                .filter(|_| !video)
            {
                let error = gst::message::Error::builder(gst::StreamError::WrongType, NO_VIDEO)
                    .src(decode)
                    .build();
                let _ = bus.post(error);
            }
        });
        pipeline.connect_deep_element_added(|_, _, element| {
            if element.find_property("max-threads").is_some() && is_decoder(element) {
                element.set_property_from_str("max-threads", "1");
            }
        });
        Ok(Self { pipeline, sink })
    }

    pub(crate) fn play(&self) -> Result<()> {
        match self.pipeline.set_state(gst::State::Playing) {
            Ok(_) => Ok(()),
            Err(_) => Err(self
                .error()
                .unwrap_or_else(|| Error::Source("the source does not start".into()))),
        }
    }

    /// The error that the pipeline reported, if any.
    pub(crate) fn error(&self) -> Option<Error> {
        let message = self
            .pipeline
            .bus()?
            .pop_filtered(&[gst::MessageType::Error])?;
        let gst::MessageView::Error(error) = message.view() else {
            return None;
        };
        Some(Error::Source(error.error().to_string()))
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

fn is_decoder(element: &gst::Element) -> bool {
    element
        .factory()
        .is_some_and(|f| f.has_type(gst::ElementFactoryType::DECODER))
}

pub(super) fn discard(pipeline: &gst::Pipeline, pad: &gst::Pad) -> Option<()> {
    let sink = gst::ElementFactory::make("fakesink")
        .property("sync", false)
        .property("async", false)
        .build()
        .ok()?;
    pipeline.add(&sink).ok()?;
    sink.sync_state_with_parent().ok()?;
    pad.link(&sink.static_pad("sink")?).ok().map(|_| ())
}

/// The caps of a decoded frame; the rate is unknown where the source does not say it.
pub(crate) fn source_caps(info: &gst_video::VideoInfo, codec: Option<Codec>) -> SourceCaps {
    let fps = info.fps();
    let rate = f64::from(fps.numer()) / f64::from(fps.denom().max(1));
    SourceCaps {
        size: PictureSize::new(info.width(), info.height()),
        frame_rate: (1.0..=240.0).contains(&rate).then_some(rate),
        codec,
    }
}

/// The picture description of a sample; cached by the caller, as it seldom changes.
pub(crate) fn video_info(sample: &gst::Sample) -> Option<gst_video::VideoInfo> {
    gst_video::VideoInfo::from_caps(sample.caps()?).ok()
}
