//! Sound that comes in packets: a small buffer against the network's moods.

use std::collections::BTreeMap;

/// Samples a second of G.711.
pub(super) const G711_RATE: u32 = 8_000;
/// Blocks a second: samples are given out 20 ms at a time.
const BLOCKS: u32 = 50;
/// Blocks that are waited for before the first is played, so that packets may be late: 60 ms, and as much more as packets are longer than a
/// block.
const AHEAD: u64 = 3;
/// But no more than this: 400 ms.
const MOST_AHEAD: u64 = 20;
/// Blocks that may wait; older ones are left out then, so that a talker who sends too quickly is not heard later and
/// later: 400 ms, or five packets where those are longer.
const MOST: u64 = 20;
/// But no more than this: 1 s.
const MOST_EVER: u64 = 50;
/// Packets that may wait, however small.
const MOST_PACKETS: usize = 400;

/// Where samples belong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// RTP time of the first.
    pub(super) time: u32,
    /// Samples of the whole packet in which they came.
    pub(super) packet: u32,
}

/// The rate of a block's samples.
pub(super) fn rate_of(block: &[i16]) -> u32 {
    block.len() as u32 * BLOCKS
}

/// Puts packets in order and gives samples out in their time; silence where one is missing.
pub(super) struct Jitter {
    /// Samples a second.
    rate: u32,
    /// Samples of the longest packet.
    longest: u64,
    /// Samples by their place; RTP time carried on beyond its 32 bits.
    waiting: BTreeMap<u64, Box<[i16]>>,
    /// Place of the newest packet.
    newest: Option<u64>,
    /// Place of the next sample to play; `None` while packets are gathered.
    next: Option<u64>,
}

impl Jitter {
    /// For samples of this rate, at least 50 a second.
    pub(super) fn new(rate: u32) -> Self {
        Self {
            rate,
            longest: 0,
            waiting: BTreeMap::new(),
            newest: None,
            next: None,
        }
    }

    /// Samples a second.
    pub(super) fn rate(&self) -> u32 {
        self.rate
    }

    /// Samples of so many blocks.
    fn samples(&self, blocks: u64) -> u64 {
        blocks * u64::from(self.rate / BLOCKS)
    }

    /// Samples that are waited for.
    fn ahead(&self) -> u64 {
        let longer = self.longest.saturating_sub(self.samples(1));
        (self.samples(AHEAD) + longer).min(self.samples(MOST_AHEAD))
    }

    /// Samples that may wait.
    fn most(&self) -> u64 {
        let five = self.longest.saturating_mul(5);
        self.samples(MOST).max(five).min(self.samples(MOST_EVER))
    }

    /// Whether anything waits.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Takes the samples of a packet, or a part of them. Longer ones than may ever wait are none.
    pub(super) fn push(&mut self, place: Place, samples: &[i16]) {
        let length = samples.len() as u64;
        if samples.is_empty() || length > self.samples(MOST_EVER) {
            return;
        }
        let time = place.time;
        self.longest = self.longest.max(u64::from(place.packet));
        let newest = self.newest.unwrap_or(1 << 32);
        // As many samples before or after the newest as the shorter way round says.
        let way = i64::from(time.wrapping_sub(newest as u32) as i32);
        let mut at = newest.saturating_add_signed(if self.newest.is_some() { way } else { 0 });
        if self.newest.is_none() {
            at = (1 << 32) | u64::from(time);
        }
        if way.unsigned_abs() > u64::from(self.rate) && self.newest.is_some() {
            // The talker began anew.
            self.waiting.clear();
            self.next = None;
        }
        self.newest = Some(match self.next {
            None if self.waiting.is_empty() => at,
            _ => newest.max(at),
        });
        let end = at + length;
        // Of what comes late the end may still be in time.
        if self.next.is_some_and(|next| end <= next) || self.waiting.len() >= MOST_PACKETS {
            return;
        }
        self.waiting.insert(at, samples.into());
        if let Some(next) = self.next
            && end.saturating_sub(next) > self.most()
        {
            let from = end - self.ahead();
            self.next = Some(from);
            self.waiting.retain(|at, _| *at >= from);
        }
    }

    /// The next 20 ms; `None` while nothing is to be played.
    pub(super) fn take(&mut self) -> Option<Box<[i16]>> {
        let (first, last) = match (
            self.waiting.first_key_value(),
            self.waiting.last_key_value(),
        ) {
            (Some((first, _)), Some((last, samples))) => (*first, last + samples.len() as u64),
            _ => {
                self.next = None;
                return None;
            }
        };
        let next = match self.next {
            Some(next) => next,
            None if last - first >= self.ahead() => first,
            None => return None,
        };
        let whole = self.samples(1) as usize;
        let mut block = vec![0; whole];
        let end = next + whole as u64;
        while let Some((at, samples)) = self.waiting.pop_first() {
            if at >= end {
                self.waiting.insert(at, samples);
                break;
            }
            let from = next.saturating_sub(at) as usize;
            let to = at.saturating_sub(next) as usize;
            let part = samples.get(from..).unwrap_or_default();
            let fits = part.len().min(whole - to);
            block[to..to + fits].copy_from_slice(&part[..fits]);
            if fits < part.len() {
                self.waiting
                    .insert(at + (from + fits) as u64, part[fits..].into());
                break;
            }
        }
        self.next = Some(end);
        Some(block.into())
    }
}

#[cfg(test)]
#[path = "jitter_tests.rs"]
mod tests;
