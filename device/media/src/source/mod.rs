//! The source actor: connects, runs, reports, and tries again with growing waits.

mod backoff;
mod decode;
mod encoded;
mod file;
mod live;
mod rtsp;
mod spec;
mod timecode;

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::watch;

pub use backoff::Backoff;
pub(crate) use decode::make;
pub use encoded::EncodedFilm;
pub use file::Film;
pub(crate) use spec::ALLOWED;
pub use spec::{SourceSpec, Wish};

use crate::audio::Line;
use crate::capabilities::SourceCaps;
use crate::clock::Span;
use crate::encoder::EncoderInput;
use crate::hub::Hub;
use crate::stop::StopToken;
use crate::{Error, Result};
use lpr_core::MediaTime;

/// A source without a picture for this long has failed.
const SILENCE: Duration = Duration::from_secs(5);

/// What the source is doing.
#[derive(Clone, Debug, PartialEq)]
pub enum SourceState {
    /// Being opened.
    Connecting,
    /// Gives pictures.
    Running {
        /// Size, rate and codec.
        caps: SourceCaps,
    },
    /// Gives none; opened again after `retry_in`.
    Failed {
        /// Why, in words for the operator.
        reason: String,
        /// Wait before the next try.
        retry_in: Duration,
    },
    /// Closed for good.
    Stopped,
}

impl SourceState {
    /// One short line for the "no signal" picture.
    pub(crate) fn line(&self) -> String {
        match self {
            Self::Connecting => "connecting".into(),
            Self::Running { .. } => "waiting for the picture".into(),
            Self::Failed { reason, .. } => reason.clone(),
            Self::Stopped => String::new(),
        }
    }
}

/// What a source's run needs.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) hub: Arc<Hub>,
    pub(crate) stop: StopToken,
    pub(crate) state: Arc<watch::Sender<SourceState>>,
    /// The main stream's encoder, where the source's own units may be passed on.
    pub(crate) pass_to: Option<EncoderInput>,
    /// Times a file began again.
    pub(crate) loops: Arc<std::sync::atomic::AtomicU64>,
    /// Where the source's own sound goes, where it is wanted.
    pub(crate) sound: Option<Arc<Line>>,
}

impl Context {
    /// Reports the source's caps, once they are known and whenever they change.
    pub(crate) fn running(&self, caps: SourceCaps) {
        let news = SourceState::Running { caps };
        self.state.send_if_modified(|state| {
            let changed = *state != news;
            if changed {
                tracing::info!(size = %caps.size, frame_rate = caps.frame_rate, codec = ?caps.codec, "source runs");
                *state = news;
            }
            changed
        });
    }
}

/// A running source actor. Dropping it closes the source.
pub(crate) struct Source {
    stop: StopToken,
    thread: Option<JoinHandle<()>>,
}

impl Source {
    pub(crate) fn start(spec: SourceSpec, context: Context) -> Result<Self> {
        let stop = context.stop.clone();
        let thread = std::thread::Builder::new()
            .name("source".into())
            .spawn(move || actor(&spec, &context))
            .map_err(|e| Error::pipeline("source", e))?;
        Ok(Self {
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.stop.stop();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the source's thread panicked");
        }
    }
}

fn actor(spec: &SourceSpec, context: &Context) {
    let mut backoff = Backoff::default();
    while !context.stop.is_stopped() {
        context.state.send_replace(SourceState::Connecting);
        let began = context.hub.clock.now();
        let ended = run(spec, context);
        if let Some(encoder) = &context.pass_to {
            encoder.set_passing(None);
        }
        let Err(error) = ended else { break };
        let ran = match *context.state.borrow() {
            SourceState::Running { .. } => context.hub.clock.now().since(began),
            _ => Duration::ZERO,
        };
        let retry_in = backoff.failed(ran);
        tracing::warn!(source = %spec, %error, ?retry_in, "the source gives no picture");
        context.state.send_replace(SourceState::Failed {
            reason: error.to_string(),
            retry_in,
        });
        if context.stop.wait(retry_in) {
            break;
        }
    }
    context.state.send_replace(SourceState::Stopped);
}

/// Runs a source until it fails (`Err`) or is stopped (`Ok`).
fn run(spec: &SourceSpec, context: &Context) -> Result<()> {
    match spec {
        SourceSpec::Demo { clip } => file::run(clip, context),
        SourceSpec::File { path } => file::run(path, context),
        SourceSpec::V4l2 { device, wish } => live::v4l2(device, *wish, context),
        SourceSpec::Test { wish } => live::test(*wish, context),
        SourceSpec::Rtsp { url } => rtsp::run(url, context),
    }
}

/// Watches that pictures keep coming.
pub(crate) struct Watchdog {
    last: MediaTime,
    frames: u64,
}

impl Watchdog {
    pub(crate) fn new(now: MediaTime) -> Self {
        Self {
            last: now,
            frames: 0,
        }
    }

    /// # Errors
    /// [`Error::Source`] when `frames` has not changed for 5 s.
    pub(crate) fn check(&mut self, now: MediaTime, frames: u64) -> Result<()> {
        if frames != self.frames {
            (self.last, self.frames) = (now, frames);
        } else if now.since(self.last) >= SILENCE {
            return Err(Error::Source(format!(
                "no picture for {} s",
                SILENCE.as_secs()
            )));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_of_five_seconds_is_a_failure() {
        let at = |ms: u64| MediaTime::from_nanos(ms * 1_000_000);
        let mut watchdog = Watchdog::new(at(0));
        for (ms, frames, good) in [
            (4_999, 0, true),
            (5_000, 1, true),
            (9_999, 1, true),
            (10_000, 1, false),
            (10_001, 2, true),
            (15_000, 2, true),
        ] {
            assert_eq!(watchdog.check(at(ms), frames).is_ok(), good, "{ms} ms");
        }
    }
}
