//! Sound that comes in packets: a small buffer against the network's moods.

use std::collections::BTreeMap;

/// Samples a second of the back channel.
pub(super) const RATE: u32 = 8_000;
/// Samples given out at a time: 20 ms.
pub(super) const BLOCK: usize = 160;
/// Samples that are waited for before the first is played, so that packets may be late: 60 ms.
const AHEAD: u64 = 3 * BLOCK as u64;
/// Samples that may wait; older ones are left out then, so that a talker who sends too quickly is not heard later and
/// later: 400 ms.
const MOST: u64 = 20 * BLOCK as u64;
/// Packets that may wait, however small.
const MOST_PACKETS: usize = 400;

/// Puts packets in order and gives samples out in their time; silence where one is missing.
#[derive(Default)]
pub(super) struct Jitter {
    /// Samples by their place; RTP time carried on beyond its 32 bits.
    waiting: BTreeMap<u64, Box<[i16]>>,
    /// Place of the newest packet.
    newest: Option<u64>,
    /// Place of the next sample to play; `None` while packets are gathered.
    next: Option<u64>,
}

impl Jitter {
    /// Whether anything waits.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Takes the samples of a packet.
    pub(super) fn push(&mut self, time: u32, samples: &[i16]) {
        if samples.is_empty() {
            return;
        }
        let newest = self.newest.unwrap_or(1 << 32);
        // As many samples before or after the newest as the shorter way round says.
        let way = i64::from(time.wrapping_sub(newest as u32) as i32);
        let mut at = newest.saturating_add_signed(if self.newest.is_some() { way } else { 0 });
        if self.newest.is_none() {
            at = (1 << 32) | u64::from(time);
        }
        if way.unsigned_abs() > u64::from(RATE) && self.newest.is_some() {
            // The talker began anew.
            self.waiting.clear();
            self.next = None;
        }
        self.newest = Some(match self.next {
            None if self.waiting.is_empty() => at,
            _ => newest.max(at),
        });
        if self.next.is_some_and(|next| at < next) || self.waiting.len() >= MOST_PACKETS {
            return;
        }
        self.waiting.insert(at, samples.into());
        let end = at + samples.len() as u64;
        if let Some(next) = self.next
            && end.saturating_sub(next) > MOST
        {
            self.next = Some(end - AHEAD);
            self.waiting.retain(|at, _| *at >= end - AHEAD);
        }
    }

    /// The next 20 ms; `None` while nothing is to be played.
    pub(super) fn take(&mut self) -> Option<[i16; BLOCK]> {
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
            None if last - first >= AHEAD => first,
            None => return None,
        };
        let mut block = [0; BLOCK];
        let end = next + BLOCK as u64;
        while let Some((at, samples)) = self.waiting.pop_first() {
            if at >= end {
                self.waiting.insert(at, samples);
                break;
            }
            let from = next.saturating_sub(at) as usize;
            let to = at.saturating_sub(next) as usize;
            let part = samples.get(from..).unwrap_or_default();
            let fits = part.len().min(BLOCK - to);
            block[to..to + fits].copy_from_slice(&part[..fits]);
            if fits < part.len() {
                self.waiting
                    .insert(at + (from + fits) as u64, part[fits..].into());
                break;
            }
        }
        self.next = Some(end);
        Some(block)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn packet(n: i16) -> [i16; BLOCK] {
        [n; BLOCK]
    }

    fn all(jitter: &mut Jitter) -> Vec<i16> {
        std::iter::from_fn(|| jitter.take()).map(|b| b[0]).collect()
    }

    #[test]
    fn packets_are_put_in_order_and_what_is_missing_is_silence() {
        let mut jitter = Jitter::default();
        // Over the end of RTP's 32 bits.
        let time = |n: u32| (u32::MAX - 300).wrapping_add(n * BLOCK as u32);
        jitter.push(time(0), &packet(0));
        jitter.push(time(2), &packet(2));
        assert_eq!(
            jitter.take(),
            Some(packet(0)),
            "60 ms are there, a gap in them"
        );
        jitter.push(time(1), &packet(1));
        jitter.push(time(4), &packet(4));
        assert_eq!(all(&mut jitter), [1, 2, 0, 4]);
        jitter.push(time(3), &packet(3));
        assert_eq!(
            all(&mut jitter),
            Vec::<i16>::new(),
            "too late, or too little to begin"
        );
    }

    #[test]
    fn a_talker_who_sends_too_quickly_is_not_heard_later_and_later() {
        let mut jitter = Jitter::default();
        for n in 0..3 {
            jitter.push(n * 160, &packet(0));
        }
        jitter.take();
        for n in 3..100 {
            jitter.push(n * 160, &packet(n as i16));
        }
        let heard = all(&mut jitter);
        assert!(heard.len() <= 20 && heard.ends_with(&[98, 99]), "{heard:?}");
    }

    proptest! {
        /// Whatever comes, memory is bounded and nothing panics.
        #[test]
        fn hostile_packets(packets in prop::collection::vec((any::<u32>(), 0usize..1500, any::<bool>()), 1..600)) {
            let mut jitter = Jitter::default();
            for (time, length, take) in packets {
                jitter.push(time, &vec![1; length]);
                prop_assert!(jitter.waiting.len() <= MOST_PACKETS);
                if take {
                    jitter.take();
                }
            }
        }
    }
}
