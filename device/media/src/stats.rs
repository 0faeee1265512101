//! Measured rates and counters.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use crate::clock::Span;
use lpr_core::MediaTime;

/// How far back rates are measured (VIDEO-15 speaks of 10 s).
const WINDOW: Duration = Duration::from_secs(10);
/// Nothing for this long means a rate of zero.
const STALLED: Duration = Duration::from_secs(2);
/// Bound on remembered pictures, whatever their times say: 10 s at 240 per second.
const MOST: usize = 2400;

/// Rates over the last 10 s.
#[derive(Copy, Clone, Debug, Default, PartialEq)]
pub struct Rates {
    /// Pictures per second.
    pub frames_per_second: f64,
    /// Bit rate in kbit/s; zero for raw frames.
    pub kbps: f64,
}

/// One stream's counters since the start and its rates now.
#[derive(Copy, Clone, Debug, Default, PartialEq)]
pub struct StreamStats {
    /// Rates of the encoded stream.
    pub rates: Rates,
    /// Raw frames that reached the encoder.
    pub frames_in: u64,
    /// Raw frames that the encoder was too slow for.
    pub frames_dropped: u64,
    /// Encoded pictures.
    pub units: u64,
    /// Key pictures among them.
    pub key_units: u64,
    /// Encoded bytes.
    pub bytes: u64,
    /// How often the encoder was started again, by a changed setting or an error.
    pub restarts: u64,
}

/// Sizes of the pictures of the last 10 s.
#[derive(Default)]
pub(crate) struct RateWindow(VecDeque<(MediaTime, usize)>);

impl RateWindow {
    pub(crate) fn record(&mut self, at: MediaTime, bytes: usize) {
        self.0.push_back((at, bytes));
        while self.0.len() > MOST
            || self
                .0
                .front()
                .is_some_and(|(first, _)| at.since(*first) > WINDOW)
        {
            self.0.pop_front();
        }
    }

    pub(crate) fn rates(&self, now: MediaTime) -> Rates {
        let (Some((first, _)), Some((last, last_bytes))) = (self.0.front(), self.0.back()) else {
            return Rates::default();
        };
        let span = last.since(*first).as_secs_f64();
        if now.since(*last) > STALLED || span <= 0.0 {
            return Rates::default();
        }
        // n pictures span n - 1 intervals; the last one's interval has not passed yet.
        let bytes: usize = self.0.iter().map(|(_, bytes)| bytes).sum::<usize>() - last_bytes;
        Rates {
            frames_per_second: (self.0.len() - 1) as f64 / span,
            kbps: bytes as f64 * 8.0 / 1000.0 / span,
        }
    }
}

/// Counters shared between an encoder's threads and whoever asks.
#[derive(Default)]
pub(crate) struct StreamCounters {
    window: Mutex<RateWindow>,
    pub(crate) frames_in: AtomicU64,
    pub(crate) frames_dropped: AtomicU64,
    pub(crate) restarts: AtomicU64,
    units: AtomicU64,
    key_units: AtomicU64,
    bytes: AtomicU64,
}

impl StreamCounters {
    pub(crate) fn unit(&self, at: MediaTime, bytes: usize, key: bool) {
        self.window.lock().record(at, bytes);
        self.units.fetch_add(1, Ordering::Relaxed);
        self.key_units.fetch_add(u64::from(key), Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn units(&self) -> u64 {
        self.units.load(Ordering::Relaxed)
    }

    pub(crate) fn read(&self, now: MediaTime) -> StreamStats {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        StreamStats {
            rates: self.window.lock().rates(now),
            frames_in: load(&self.frames_in),
            frames_dropped: load(&self.frames_dropped),
            units: load(&self.units),
            key_units: load(&self.key_units),
            bytes: load(&self.bytes),
            restarts: load(&self.restarts),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> MediaTime {
        MediaTime::from_nanos(ms * 1_000_000)
    }

    #[test]
    fn rates_are_of_the_last_ten_seconds() {
        let mut window = RateWindow::default();
        assert_eq!(window.rates(ms(0)), Rates::default());
        // 20 s at 25 pictures of 2000 bytes, then 10 s at 10 pictures of 1000.
        for n in 0..500 {
            window.record(ms(n * 40), 2000);
        }
        let rates = window.rates(ms(20_000));
        assert!((rates.frames_per_second - 25.0).abs() < 1e-9, "{rates:?}");
        assert!((rates.kbps - 400.0).abs() < 1e-9, "{rates:?}");
        for n in 0..=105 {
            window.record(ms(20_000 + n * 100), 1000);
        }
        let rates = window.rates(ms(30_600));
        assert!((rates.frames_per_second - 10.0).abs() < 1e-9, "{rates:?}");
        assert!((rates.kbps - 80.0).abs() < 1e-9, "{rates:?}");
        assert_eq!(
            window.rates(ms(33_000)),
            Rates::default(),
            "a stalled stream has no rate"
        );
    }

    #[test]
    fn memory_is_bounded_when_time_stands_still() {
        let mut window = RateWindow::default();
        for _ in 0..10_000 {
            window.record(ms(1), 1);
        }
        assert!(window.0.len() <= MOST);
        assert_eq!(window.rates(ms(1)), Rates::default());
    }
}
