//! Sound of an ALSA device.

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;
use lpr_core::MediaTime;
use tokio::sync::watch;

use super::{AudioState, Line, RATE};
use crate::clock::{MediaClock, Span};
use crate::source::{Backoff, make};
use crate::stop::StopToken;
use crate::{Error, Result};

/// A device that gives nothing for this long is opened anew.
const SILENCE: Duration = Duration::from_secs(5);

/// Whether this machine has any ALSA device that can be listened to.
#[must_use]
pub fn device_exists() -> bool {
    let pcm = std::fs::read_to_string(Path::new("/proc/asound/pcm"));
    pcm.unwrap_or_default().contains("capture")
}

/// A device being listened to. Dropping it closes it.
pub(super) struct Capture {
    stop: StopToken,
    thread: Option<JoinHandle<()>>,
}

impl Capture {
    pub(super) fn start(
        device: &str,
        line: Arc<Line>,
        clock: MediaClock,
        state: Arc<watch::Sender<AudioState>>,
    ) -> Result<Self> {
        let stop = StopToken::default();
        let actor = Actor {
            device: device.to_owned(),
            line,
            clock,
            state,
            stop: stop.clone(),
        };
        let thread = std::thread::Builder::new()
            .name("audio-in".into())
            .spawn(move || actor.run())
            .map_err(|e| Error::pipeline("audio input", e))?;
        Ok(Self {
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.stop.stop();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread of the audio input panicked");
        }
    }
}

struct Actor {
    device: String,
    line: Arc<Line>,
    clock: MediaClock,
    state: Arc<watch::Sender<AudioState>>,
    stop: StopToken,
}

impl Actor {
    fn run(&self) {
        let mut backoff = Backoff::default();
        while !self.stop.is_stopped() {
            let began = self.clock.now();
            let Err(error) = self.capture() else { break };
            let retry_in = backoff.failed(self.clock.now().since(began));
            tracing::warn!(device = self.device, %error, ?retry_in, "the audio input gives nothing");
            self.state.send_if_modified(|state| {
                // Where there was sound before, silence is sent.
                let news = AudioState::Failed {
                    reason: error.to_string(),
                };
                *state != AudioState::Running && std::mem::replace(state, news.clone()) != news
            });
            if self.stop.wait(retry_in) {
                break;
            }
        }
    }

    fn capture(&self) -> Result<()> {
        let failed = |e: gst::glib::BoolError| Error::pipeline("audio input", e);
        let source = make("alsasrc")?;
        source.set_property("device", &self.device);
        // Its drift against our clock is followed by leaving out samples or repeating them.
        source.set_property("provide-clock", false);
        let (convert, resample) = (make("audioconvert")?, make("audioresample")?);
        let sink = gst_app::AppSink::builder()
            .caps(
                &gst::Caps::builder("audio/x-raw")
                    .field("format", "S16LE")
                    .field("layout", "interleaved")
                    .field("rate", RATE as i32)
                    .field("channels", 1i32)
                    .build(),
            )
            .sync(false)
            .max_buffers(50)
            .build();
        let pipeline = Running(gst::Pipeline::new());
        let chain = [&source, &convert, &resample, sink.upcast_ref()];
        pipeline.0.add_many(chain).map_err(failed)?;
        gst::Element::link_many(chain).map_err(failed)?;
        pipeline.0.use_clock(Some(self.clock.gst()));
        if pipeline.0.set_state(gst::State::Playing).is_err() {
            let unknown = || Error::Source("the audio input does not start".into());
            return Err(pipeline.error().unwrap_or_else(unknown));
        }
        let mut heard = self.clock.now();
        while !self.stop.is_stopped() {
            if let Some(error) = pipeline.error() {
                return Err(error);
            }
            if sink.is_eos() {
                return Err(Error::Source("the audio input ended".into()));
            }
            let Some(sample) = sink.try_pull_sample(gst::ClockTime::from_mseconds(100)) else {
                if self.clock.now().since(heard) > SILENCE {
                    let secs = SILENCE.as_secs();
                    return Err(Error::Source(format!("no sound for {secs} s")));
                }
                continue;
            };
            heard = self.clock.now();
            let place = sample.segment().and_then(|segment| {
                let segment = segment.downcast_ref::<gst::ClockTime>()?;
                segment.to_running_time(sample.buffer()?.pts()?)
            });
            let at: MediaTime = match place.zip(pipeline.0.base_time()) {
                Some((running, base)) => self.clock.media_time(base + running),
                None => heard,
            };
            if let Some(data) = sample.buffer().and_then(|b| b.map_readable().ok()) {
                let samples = data.chunks_exact(2);
                let samples: Vec<i16> = samples.map(|b| i16::from_le_bytes([b[0], b[1]])).collect();
                self.line.push(at, &samples);
            }
        }
        Ok(())
    }
}

/// A pipeline that is stopped when it goes.
struct Running(gst::Pipeline);

impl Running {
    fn error(&self) -> Option<Error> {
        let message = self.0.bus()?.pop_filtered(&[gst::MessageType::Error])?;
        match message.view() {
            gst::MessageView::Error(error) => Some(Error::Source(error.error().to_string())),
            _ => None,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.set_state(gst::State::Null);
    }
}
