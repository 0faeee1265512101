//! One unbroken row of samples out of what sources give: late, early, twice, or not at all.

use std::collections::VecDeque;
use std::time::Duration;

use lpr_core::MediaTime;
use parking_lot::Mutex;

use crate::clock::Span;

/// Samples a second, one channel.
pub(crate) const RATE: u32 = 48_000;
/// Samples of a block: 20 ms.
pub(super) const BLOCK: usize = 960;
/// A source may be off by this much before samples are left out or silence is put in: a sound card's clock is not ours.
const LOOSE: usize = BLOCK;
/// A gap above this is no gap: time begins anew behind it.
const LEAP: Duration = Duration::from_secs(2);
/// Silence is sent where a source says nothing for this long: a busy processor is not taken for a source that fell silent.
const SILENT_AFTER: Duration = Duration::from_millis(500);
/// Samples that may wait for the encoder: 2 s.
const MOST: usize = 2 * RATE as usize;

/// 20 ms of sound and when it began.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Block {
    pub(super) at: MediaTime,
    pub(super) samples: Vec<i16>,
}

/// Where the samples of one source meet; shared by whoever gives and the worker that takes.
#[derive(Default)]
pub(crate) struct Line {
    state: Mutex<Row>,
}

#[derive(Default)]
struct Row {
    /// Only then is anything taken.
    open: bool,
    /// Time of `origin`'s sample; `None` before the first sample.
    origin: Option<MediaTime>,
    /// Samples since `origin` that were given out.
    given: u64,
    waiting: VecDeque<i16>,
    /// Silence stands where samples of the source would be: what comes next is put at its time to the sample.
    patched: bool,
}

impl Line {
    /// Begins to take samples, or ends it; what waits is forgotten.
    pub(crate) fn open(&self, open: bool) {
        *self.state.lock() = Row {
            open,
            ..Row::default()
        };
    }

    /// Takes samples whose first was heard at `at`.
    pub(crate) fn push(&self, at: MediaTime, samples: &[i16]) {
        let mut row = self.state.lock();
        if row.open {
            row.push(at, samples);
        }
    }

    /// The next 20 ms, when they are whole, or when it is time for silence instead.
    pub(super) fn take(&self, now: MediaTime) -> Option<Block> {
        self.state.lock().take(now)
    }
}

impl Row {
    fn time_of(&self, sample: u64) -> MediaTime {
        let nanos = sample * 1_000_000_000 / u64::from(RATE);
        self.origin
            .unwrap_or_default()
            .plus(Duration::from_nanos(nanos))
    }

    /// Time of the sample that comes next.
    fn end(&self) -> MediaTime {
        self.time_of(self.given + self.waiting.len() as u64)
    }

    fn restart(&mut self, at: MediaTime) {
        self.origin = Some(at);
        self.given = 0;
        self.waiting.clear();
    }

    fn push(&mut self, at: MediaTime, samples: &[i16]) {
        if self.origin.is_none() || at.since(self.end()) > LEAP || self.end().since(at) > LEAP {
            self.restart(at);
        }
        let loose = if std::mem::take(&mut self.patched) {
            0
        } else {
            LOOSE
        };
        let gap = samples_in(at.since(self.end()));
        let twice = samples_in(self.end().since(at));
        if gap > loose {
            self.waiting.extend(std::iter::repeat_n(0, gap));
        }
        let new = if twice > loose {
            samples.get(twice..).unwrap_or_default()
        } else {
            samples
        };
        self.waiting.extend(new);
        if self.waiting.len() > MOST {
            let over = self.waiting.len() - MOST;
            self.waiting.drain(..over);
            self.given += over as u64;
        }
    }

    fn take(&mut self, now: MediaTime) -> Option<Block> {
        self.origin?;
        if self.waiting.len() < BLOCK && now.since(self.end()) > SILENT_AFTER {
            if now.since(self.end()) > LEAP {
                self.restart(MediaTime::from_nanos(
                    now.as_nanos()
                        .saturating_sub(SILENT_AFTER.as_nanos() as u64),
                ));
            }
            self.waiting.resize(BLOCK, 0);
            self.patched = true;
        }
        if self.waiting.len() < BLOCK {
            return None;
        }
        let at = self.time_of(self.given);
        self.given += BLOCK as u64;
        Some(Block {
            at,
            samples: self.waiting.drain(..BLOCK).collect(),
        })
    }
}

fn samples_in(time: Duration) -> usize {
    usize::try_from(time.as_nanos() * u128::from(RATE) / 1_000_000_000).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ms(n: u64) -> MediaTime {
        MediaTime::from_nanos(n * 1_000_000)
    }

    fn line() -> Line {
        let line = Line::default();
        line.open(true);
        line
    }

    fn all(line: &Line, now: MediaTime) -> Vec<Block> {
        std::iter::from_fn(|| line.take(now)).collect()
    }

    #[test]
    fn blocks_follow_each_other_whatever_pieces_came() {
        let line = line();
        for n in 0..30u64 {
            line.push(ms(1000 + n * 10), &[n as i16; 480]);
        }
        let blocks = all(&line, ms(1300));
        assert_eq!(blocks.len(), 15);
        for (n, block) in blocks.iter().enumerate() {
            assert_eq!(block.at, ms(1000 + n as u64 * 20));
            assert_eq!(block.samples[0], n as i16 * 2);
            assert_eq!(block.samples[480], n as i16 * 2 + 1);
        }
    }

    #[test]
    fn a_gap_is_silence_and_what_comes_twice_is_left_out() {
        let line = line();
        line.push(ms(0), &[1; 960]);
        line.push(ms(60), &[2; 960]);
        line.push(ms(40), &[3; 1920]);
        line.push(ms(78), &[4; 960]);
        let first: Vec<_> = all(&line, ms(80)).iter().map(|b| b.samples[0]).collect();
        // 2 ms are within what a clock may be off.
        assert_eq!(first, [1, 0, 0, 2, 4]);
    }

    #[test]
    fn a_source_that_falls_silent_is_heard_as_silence() {
        let line = line();
        line.push(ms(0), &[7; 960]);
        assert_eq!(all(&line, ms(20)).len(), 1);
        assert_eq!(all(&line, ms(520)).len(), 0, "it may be late");
        let silence = all(&line, ms(550));
        assert_eq!(silence.len(), 2);
        assert_eq!((silence[0].at, silence[0].samples[5]), (ms(20), 0));
        // Asleep for a minute: time goes on from now.
        let later = all(&line, ms(60_000));
        assert!(
            later.len() < 3 && later[0].at > ms(59_000),
            "{}",
            later.len()
        );
    }

    /// A stalled machine costs what it missed and moves nothing: sound stays beside its picture (AUDIO-6).
    #[test]
    fn sound_that_comes_after_its_silence_keeps_its_time() {
        let line = line();
        line.push(ms(0), &[1; 1344]);
        assert_eq!(all(&line, ms(28)).len(), 1);
        let silence = all(&line, ms(530));
        assert_eq!(silence.len(), 1);
        assert_eq!((silence[0].samples[383], silence[0].samples[384]), (1, 0));
        line.push(ms(28), &[2; 1536]);
        let late = all(&line, ms(60));
        assert_eq!((late[0].at, late.len()), (ms(40), 1));
        assert_eq!(late[0].samples, vec![2; 960]);
    }

    #[test]
    fn a_leap_begins_anew_and_a_closed_line_takes_nothing() {
        let line = line();
        line.push(ms(0), &[1; 960]);
        line.push(ms(9000), &[2; 960]);
        assert_eq!(
            all(&line, ms(9020)),
            [Block {
                at: ms(9000),
                samples: vec![2; 960]
            }]
        );
        line.open(false);
        line.push(ms(9020), &[3; 960]);
        assert_eq!(all(&line, ms(9100)), []);
    }

    proptest! {
        /// Whatever a source does, the worker gets whole blocks in order, and memory is bounded.
        #[test]
        fn time_goes_forward_within_bounds(pieces in prop::collection::vec((0u64..5_000, 0usize..20_000), 1..40)) {
            let line = line();
            let mut last = None;
            for (at, samples) in pieces {
                line.push(ms(at), &vec![1; samples]);
                prop_assert!(line.state.lock().waiting.len() <= MOST);
                while let Some(block) = line.take(ms(0)) {
                    prop_assert_eq!(block.samples.len(), BLOCK);
                    // Only a leap goes back.
                    if let Some(last) = last && block.at < last {
                        prop_assert!(last.since(block.at) > Duration::from_millis(1));
                    }
                    last = Some(block.at);
                }
            }
        }
    }
}
