//! The one loudspeaker: who is heard, and how loud.
//!
//! Opened only while something is heard. Who talks goes before what is played: a sound is cut, or waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use platecam_model::broadcast::Sound;
use platecam_model::ports;

use super::speaker::{Speaker, SpeakerLine};
use super::talk::Talker;
use crate::Result;

/// Sound is given to the loudspeaker in pieces of this length.
pub(super) const TURN: Duration = Duration::from_millis(20);
/// Behind by more than this, what was missed is not made up for.
pub(super) const BEHIND: Duration = Duration::from_millis(200);
/// A waiting sound looks so often whether it is still wanted.
const LOOK: Duration = Duration::from_millis(50);

/// The loudspeaker and who talks: one at a time.
pub struct Loudspeaker {
    out: Arc<Out>,
    /// Somebody has the right to talk.
    taken: Arc<AtomicBool>,
}

/// The way to the loudspeaker, and who goes it.
pub(super) struct Out {
    pub(super) speaker: Box<dyn Speaker>,
    volume: Box<dyn Fn() -> u8 + Send + Sync>,
    line: Mutex<Line>,
    changed: Condvar,
}

/// Who has the way, and who wants it.
#[derive(Default)]
struct Line {
    open: bool,
    /// Who talks wants it.
    talk: bool,
}

/// An open line; given back when it goes.
pub(super) struct Claim<'a>(&'a Out);

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.0.line.lock().open = false;
        self.0.changed.notify_all();
    }
}

impl Out {
    /// Waits until the line is free, as long as `go_on`.
    pub(super) fn claim(&self, talks: bool, go_on: &dyn Fn() -> bool) -> Option<Claim<'_>> {
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

    /// Who talks wants the way, or does not any more.
    pub(super) fn talks(&self, talks: bool) {
        self.line.lock().talk = talks;
        self.changed.notify_all();
    }

    /// 50 is as it came; 100 is twice that.
    pub(super) fn loud(&self, level: Option<u8>) -> impl Fn(i16) -> i16 + use<> {
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
    /// [`crate::Error::Pipeline`] without a thread for it.
    pub fn begin(&self) -> Result<Option<Talker>> {
        if self.taken.swap(true, Ordering::AcqRel) {
            return Ok(None);
        }
        Talker::begin(self.out.clone(), self.taken.clone()).map(Some)
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

#[cfg(test)]
#[path = "loudspeaker_tests.rs"]
mod tests;
