//! Somebody who talks: packets in, sound out of the loudspeaker, each piece in its time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use platecam_model::broadcast::{from_alaw, from_mulaw};

use super::decode::{Decoding, Frame};
use super::jitter::{G711_RATE, Jitter, Place, rate_of};
use super::loudspeaker::{BEHIND, Out, TURN};
use super::speaker::SpeakerLine;
use crate::{Error, Result};

/// A talker from whom nothing came for this long lets others be heard.
const SILENCE: Duration = Duration::from_secs(1);
/// A loudspeaker that could not be opened is left alone for this long.
const REST: Duration = Duration::from_secs(5);

/// What somebody says.
#[derive(Default)]
struct Talk {
    heard: Mutex<Heard>,
    changed: Condvar,
}

struct Heard {
    jitter: Jitter,
    over: bool,
}

impl Default for Heard {
    fn default() -> Self {
        Self {
            jitter: Jitter::new(G711_RATE),
            over: false,
        }
    }
}

enum Next {
    Block(Box<[i16]>),
    Silence,
    Over,
}

impl Talk {
    fn over(&self) -> bool {
        self.heard.lock().over
    }

    /// Takes samples of this rate, to be heard in their time.
    fn take(&self, rate: u32, place: Place, samples: &[i16]) {
        let mut heard = self.heard.lock();
        if heard.jitter.rate() != rate {
            heard.jitter = Jitter::new(rate);
        }
        heard.jitter.push(place, samples);
        drop(heard);
        self.changed.notify_all();
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
                return Next::Block(block);
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
        let mut next = self.next(None);
        while let Next::Block(first) = next {
            out.talks(true);
            let said = out.claim(true, &|| !self.over()).map(|_claim| {
                let mut line = out.speaker.open(rate_of(&first))?;
                self.say(out, &mut *line, first)
            });
            out.talks(false);
            next = match said {
                Some(Ok(Some(other))) => Next::Block(other),
                Some(Err(error)) => {
                    tracing::warn!(%error, "who talks is not heard");
                    if self.wait_until(Instant::now() + REST) {
                        return;
                    }
                    self.next(None)
                }
                Some(Ok(None)) | None => self.next(None),
            };
        }
    }

    /// Plays until nothing more is said, or it goes on at another rate: that block is given back.
    fn say(
        &self,
        out: &Out,
        line: &mut dyn SpeakerLine,
        first: Box<[i16]>,
    ) -> Result<Option<Box<[i16]>>> {
        let (mut block, mut due) = (first, Instant::now());
        loop {
            let samples: Vec<i16> = block.iter().copied().map(out.loud(None)).collect();
            line.play(&samples)?;
            due += TURN;
            if self.wait_until(due) {
                return Ok(None);
            }
            let before = block.len();
            block = match self.next(Some(SILENCE)) {
                Next::Block(block) => block,
                Next::Silence => {
                    line.finish();
                    return Ok(None);
                }
                Next::Over => return Ok(None),
            };
            if block.len() != before {
                line.finish();
                return Ok(Some(block));
            }
            due = due.max(Instant::now().checked_sub(BEHIND).unwrap_or(due));
        }
    }
}

/// Somebody who may talk: packets in, sound out, until it is dropped.
pub struct Talker {
    talk: Arc<Talk>,
    taken: Arc<AtomicBool>,
    /// Made by the first frame of AAC; `None` where there is no thread for it.
    decoding: OnceLock<Option<Decoding>>,
}

impl Talker {
    /// `taken` is set until it is dropped.
    pub(super) fn begin(out: Arc<Out>, taken: Arc<AtomicBool>) -> Result<Self> {
        let talker = Self {
            talk: Arc::default(),
            taken,
            decoding: OnceLock::new(),
        };
        let talk = talker.talk.clone();
        std::thread::Builder::new()
            .name("audio-out".into())
            .spawn(move || talk.run(&out))
            .map_err(|e| Error::pipeline("audio output", e))?;
        Ok(talker)
    }

    fn decode(&self, frame: Frame) {
        let decoding = self.decoding.get_or_init(|| {
            let talk = self.talk.clone();
            let begun = Decoding::begin(move |rate, place, samples: &[i16]| {
                talk.take(rate, place, samples);
            });
            begun
                .inspect_err(|error| tracing::warn!(%error, "AAC is not heard"))
                .ok()
        });
        if let Some(decoding) = decoding {
            decoding.take(frame);
        }
    }
}

impl rtsp::Talk for Talker {
    fn hear(&self, packet: rtsp::Heard<'_>) {
        let place = Place {
            time: packet.time,
            packet: packet.packet,
        };
        let read = match packet.codec {
            rtsp::Codec::Aac { .. } => {
                return self.decode(Frame {
                    codec: packet.codec,
                    place,
                    data: packet.samples.into(),
                });
            }
            rtsp::Codec::Pcma => from_alaw,
            _ => from_mulaw,
        };
        let samples: Vec<i16> = packet.samples.iter().copied().map(read).collect();
        self.talk.take(G711_RATE, place, &samples);
    }
}

impl Drop for Talker {
    fn drop(&mut self) {
        self.talk.heard.lock().over = true;
        self.talk.changed.notify_all();
        self.taken.store(false, Ordering::Release);
    }
}
