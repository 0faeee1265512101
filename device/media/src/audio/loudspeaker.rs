//! The one loudspeaker: who is heard, and how loud.
//!
//! Opened only while something is heard. Who talks goes before what is played: a sound is cut, or waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use platecam_model::broadcast::{Sound, from_alaw, from_mulaw};
use platecam_model::ports;

use super::jitter::{BLOCK, Jitter, RATE};
use super::speaker::{Speaker, SpeakerLine};
use crate::{Error, Result};

/// Sound is given to the loudspeaker in pieces of this length.
const TURN: Duration = Duration::from_millis(20);
/// Behind by more than this, what was missed is not made up for.
const BEHIND: Duration = Duration::from_millis(200);
/// A talker from whom nothing came for this long lets others be heard.
const SILENCE: Duration = Duration::from_secs(1);
/// A loudspeaker that could not be opened is left alone for this long.
const REST: Duration = Duration::from_secs(5);
/// A waiting sound looks so often whether it is still wanted.
const LOOK: Duration = Duration::from_millis(50);

/// The loudspeaker and who talks: one at a time.
pub struct Loudspeaker {
    out: Arc<Out>,
    /// Somebody has the right to talk.
    taken: Arc<AtomicBool>,
}

struct Out {
    speaker: Box<dyn Speaker>,
    volume: Box<dyn Fn() -> u8 + Send + Sync>,
    line: Mutex<Line>,
    changed: Condvar,
}

/// The way to the loudspeaker.
#[derive(Default)]
struct Line {
    open: bool,
    /// Who talks wants it.
    talk: bool,
}

/// An open line; given back when it goes.
struct Claim<'a>(&'a Out);

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.0.line.lock().open = false;
        self.0.changed.notify_all();
    }
}

impl Out {
    /// Waits until the line is free, as long as `go_on`.
    fn claim(&self, talks: bool, go_on: &dyn Fn() -> bool) -> Option<Claim<'_>> {
        let mut line = self.line.lock();
        loop {
            if !go_on() {
                return None;
            }
            if !line.open && (talks || !line.talk) {
                line.open = true;
                return Some(Claim(self));
            }
            self.changed.wait_for(&mut line, LOOK);
        }
    }

    fn talks(&self, talks: bool) {
        self.line.lock().talk = talks;
        self.changed.notify_all();
    }

    /// 50 is as it came; 100 is twice that.
    fn loud(&self, level: Option<u8>) -> impl Fn(i16) -> i16 + use<> {
        let loud = i32::from(level.unwrap_or_else(|| (self.volume)()));
        move |sample| {
            let sample = i32::from(sample) * loud / 50;
            // It fits after the clamp.
            sample.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16
        }
    }
}

impl Loudspeaker {
    /// `volume` says how loud it is to be now, 0 to 100.
    pub fn new(
        speaker: impl Speaker + 'static,
        volume: impl Fn() -> u8 + Send + Sync + 'static,
    ) -> Self {
        let out = Out {
            speaker: Box::new(speaker),
            volume: Box::new(volume),
            line: Mutex::default(),
            changed: Condvar::new(),
        };
        Self {
            out: Arc::new(out),
            taken: Arc::default(),
        }
    }

    /// Lets somebody talk; `None` while another may.
    ///
    /// # Errors
    /// [`Error::Pipeline`] without a thread for it.
    pub fn begin(&self) -> Result<Option<Talker>> {
        if self.taken.swap(true, Ordering::AcqRel) {
            return Ok(None);
        }
        let talker = Talker {
            talk: Arc::default(),
            taken: self.taken.clone(),
        };
        let (out, talk) = (self.out.clone(), talker.talk.clone());
        std::thread::Builder::new()
            .name("audio-out".into())
            .spawn(move || talk.run(&out))
            .map_err(|e| Error::pipeline("audio output", e))?;
        Ok(Some(talker))
    }
}

/// Plays a sound piece by piece, each in its time. True when all of it was heard.
fn play(
    out: &Out,
    line: &mut dyn SpeakerLine,
    sound: &Sound,
    level: Option<u8>,
    go_on: &dyn Fn() -> bool,
) -> Result<bool> {
    let piece = (sound.rate as usize / 50).max(1);
    let mut due = Instant::now();
    for samples in sound.samples.chunks(piece) {
        let mut state = out.line.lock();
        while Instant::now() < due && !state.talk {
            out.changed.wait_until(&mut state, due);
        }
        let cut = state.talk;
        drop(state);
        if cut || !go_on() {
            return Ok(false);
        }
        let samples: Vec<i16> = samples.iter().copied().map(out.loud(level)).collect();
        line.play(&samples)?;
        due = (due + TURN).max(Instant::now().checked_sub(BEHIND).unwrap_or(due));
    }
    line.finish();
    Ok(true)
}

impl ports::Loudspeaker for Loudspeaker {
    fn unavailable(&self) -> Option<String> {
        self.out.speaker.unavailable()
    }

    fn play(
        &self,
        sound: &Sound,
        level: Option<u8>,
        go_on: &dyn Fn() -> bool,
    ) -> platecam_model::Result<bool> {
        if let Some(reason) = self.out.speaker.unavailable() {
            return Err(platecam_model::Error::Unsupported(reason));
        }
        let Some(_claim) = self.out.claim(false, go_on) else {
            return Ok(false);
        };
        let played = self.out.speaker.open(sound.rate).and_then(|mut line| {
            // The line is closed before the claim is given back.
            play(&self.out, &mut *line, sound, level, go_on)
        });
        played.map_err(|e| {
            let why = format!("the audio output does not play: {e}");
            platecam_model::Error::Unsupported(why)
        })
    }
}

/// What somebody says.
#[derive(Default)]
struct Talk {
    heard: Mutex<Heard>,
    changed: Condvar,
}

#[derive(Default)]
struct Heard {
    jitter: Jitter,
    over: bool,
}

enum Next {
    Block(Box<[i16; BLOCK]>),
    Silence,
    Over,
}

impl Talk {
    fn over(&self) -> bool {
        self.heard.lock().over
    }

    /// The next 20 ms, waited for as long as `within`.
    fn next(&self, within: Option<Duration>) -> Next {
        let end = within.map(|w| Instant::now() + w);
        let mut heard = self.heard.lock();
        loop {
            if heard.over {
                return Next::Over;
            }
            if let Some(block) = heard.jitter.take() {
                return Next::Block(block.into());
            }
            if end.is_some_and(|end| Instant::now() >= end) {
                return Next::Silence;
            }
            if heard.jitter.is_empty() && end.is_none() {
                self.changed.wait(&mut heard);
            } else {
                self.changed.wait_for(&mut heard, TURN);
            }
        }
    }

    /// Waits; true when the talk is over.
    fn wait_until(&self, at: Instant) -> bool {
        let mut heard = self.heard.lock();
        while !heard.over && Instant::now() < at {
            self.changed.wait_until(&mut heard, at);
        }
        heard.over
    }

    fn run(&self, out: &Out) {
        while let Next::Block(first) = self.next(None) {
            out.talks(true);
            let said = out.claim(true, &|| !self.over()).map(|_claim| {
                let mut line = out.speaker.open(RATE)?;
                self.say(out, &mut *line, *first)
            });
            out.talks(false);
            if let Some(Err(error)) = said {
                tracing::warn!(%error, "who talks is not heard");
                if self.wait_until(Instant::now() + REST) {
                    return;
                }
            }
        }
    }

    /// Plays until nothing more is said.
    fn say(&self, out: &Out, line: &mut dyn SpeakerLine, first: [i16; BLOCK]) -> Result<()> {
        let (mut block, mut due) = (first, Instant::now());
        loop {
            line.play(&block.map(out.loud(None)))?;
            due += TURN;
            if self.wait_until(due) {
                return Ok(());
            }
            block = match self.next(Some(SILENCE)) {
                Next::Block(block) => *block,
                Next::Silence => {
                    line.finish();
                    return Ok(());
                }
                Next::Over => return Ok(()),
            };
            due = due.max(Instant::now().checked_sub(BEHIND).unwrap_or(due));
        }
    }
}

/// Somebody who may talk: packets in, sound out, until it is dropped.
pub struct Talker {
    talk: Arc<Talk>,
    taken: Arc<AtomicBool>,
}

impl rtsp::Talk for Talker {
    fn hear(&self, packet: rtsp::Heard<'_>) {
        let read = match packet.codec {
            rtsp::Codec::Pcma => from_alaw,
            _ => from_mulaw,
        };
        let samples: Vec<i16> = packet.samples.iter().copied().map(read).collect();
        let mut heard = self.talk.heard.lock();
        heard.jitter.push(packet.time, &samples);
        drop(heard);
        self.talk.changed.notify_all();
    }
}

impl Drop for Talker {
    fn drop(&mut self) {
        self.talk.heard.lock().over = true;
        self.talk.changed.notify_all();
        self.taken.store(false, Ordering::Release);
    }
}

#[cfg(test)]
#[path = "loudspeaker_tests.rs"]
mod tests;
