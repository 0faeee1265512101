//! The thread that encodes what a line gives.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::watch;

use super::device::Capture;
use super::encode::Encoder;
use super::line::Line;
use super::{AudioInput, AudioSetup, AudioState, AudioUnit};
use crate::clock::MediaClock;
use crate::stop::StopToken;
use crate::{Error, Result};

/// How often the line is looked at: half a block.
const LOOK: Duration = Duration::from_millis(10);
/// Wait after an encoder failed.
const AGAIN: Duration = Duration::from_secs(2);

/// Sound at work. Dropping it ends it; the sink is told that there is none.
pub(crate) struct Worker {
    line: Arc<Line>,
    stop: StopToken,
    thread: Option<JoinHandle<()>>,
    _capture: Option<Capture>,
}

impl Worker {
    /// Starts. `heard` says that the same input gave sound before: the sink is told at once.
    pub(crate) fn start(
        setup: AudioSetup,
        line: Arc<Line>,
        clock: MediaClock,
        state: Arc<watch::Sender<AudioState>>,
        heard: bool,
    ) -> Result<Self> {
        line.open(true);
        let capture = match &setup.input {
            AudioInput::OfSource => None,
            AudioInput::Alsa(device) => {
                let capture = Capture::start(device, line.clone(), clock.clone(), state.clone());
                Some(capture?)
            }
        };
        state.send_replace(if heard {
            AudioState::Running
        } else {
            AudioState::Waiting
        });
        let stop = StopToken::default();
        let work = Work {
            setup,
            line: line.clone(),
            clock,
            state,
            told: false,
        };
        let thread = std::thread::Builder::new()
            .name("audio".into())
            .spawn({
                let stop = stop.clone();
                move || work.run(&stop, heard)
            })
            .map_err(|e| Error::pipeline("audio", e))?;
        Ok(Self {
            line,
            stop,
            thread: Some(thread),
            _capture: capture,
        })
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.stop.stop();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the audio thread panicked");
        }
        self.line.open(false);
    }
}

struct Work {
    setup: AudioSetup,
    line: Arc<Line>,
    clock: MediaClock,
    state: Arc<watch::Sender<AudioState>>,
    /// The sink knows that there is sound.
    told: bool,
}

impl Work {
    fn run(mut self, stop: &StopToken, heard: bool) {
        if heard {
            self.tell();
        }
        while !stop.is_stopped() {
            if let Err(error) = self.encode(stop) {
                tracing::warn!(%error, "sound is not encoded");
                let reason = error.to_string();
                self.state.send_replace(AudioState::Failed { reason });
                if stop.wait(AGAIN) {
                    break;
                }
            }
        }
        self.setup.sink.format(None);
    }

    fn tell(&mut self) {
        if !self.told {
            self.told = true;
            self.setup.sink.format(Some(self.setup.encoding.codec));
        }
        self.state
            .send_if_modified(|s| std::mem::replace(s, AudioState::Running) != AudioState::Running);
    }

    fn encode(&mut self, stop: &StopToken) -> Result<()> {
        let mut encoder = Encoder::new(self.setup.encoding)?;
        while !stop.wait(LOOK) {
            while let Some(block) = self.line.take(self.clock.now()) {
                encoder.push(&block)?;
                self.tell();
            }
            for (at, data) in encoder.take() {
                let utc = self.clock.utc(at);
                self.setup.sink.push(AudioUnit { at, utc, data });
            }
        }
        Ok(())
    }
}
