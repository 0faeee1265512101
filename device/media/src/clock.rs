//! One clock map: monotonic media time to UTC, the same for frames, access units and snapshots.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use gstreamer as gst;
use gstreamer::prelude::*;
use parking_lot::Mutex;

/// Nanoseconds on the monotonic clock since the engine's start. Never jumps.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MediaTime(u64);

impl MediaTime {
    /// From nanoseconds since the engine's start.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the engine's start.
    pub const fn nanos(self) -> u64 {
        self.0
    }

    /// Ticks of a media clock of `rate` Hz (90 000 for video, RFC 6184 §8.2.1), not wrapped.
    pub fn ticks(self, rate: u32) -> u64 {
        // Cannot overflow: u64 * u32 fits u128; the quotient wraps after 5 million years at 90 kHz.
        (u128::from(self.0) * u128::from(rate) / 1_000_000_000) as u64
    }

    /// Time since `earlier`, zero when `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// This time plus `by`.
    #[must_use]
    pub fn plus(self, by: Duration) -> Self {
        Self(
            self.0
                .saturating_add(u64::try_from(by.as_nanos()).unwrap_or(u64::MAX)),
        )
    }
}

/// A difference above which the system clock was set rather than disciplined.
const JUMP_NANOS: i64 = 250_000_000;
/// Share of a small difference that one observation corrects (slewing by NTP is followed smoothly).
const SLEW_SHARE: i64 = 16;

/// Maps media time to UTC by an offset that is read again and again.
///
/// A jump of the system clock (250 ms or more) is taken over at once and counted; smaller
/// differences are followed by a sixteenth each time, so that reading noise does not show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClockMap {
    /// UTC nanoseconds since 1970 minus media nanoseconds.
    offset: i64,
    jumps: u64,
}

impl ClockMap {
    /// A map that says `utc` is the UTC time of `media`.
    pub fn new(media: MediaTime, utc: SystemTime) -> Self {
        Self {
            offset: offset(media, utc),
            jumps: 0,
        }
    }

    /// Takes in that `utc` was read at `media`; true when the system clock jumped.
    pub fn observe(&mut self, media: MediaTime, utc: SystemTime) -> bool {
        let measured = offset(media, utc);
        let difference = measured.saturating_sub(self.offset);
        if difference.abs() >= JUMP_NANOS {
            self.offset = measured;
            self.jumps += 1;
            return true;
        }
        self.offset += difference / SLEW_SHARE;
        false
    }

    /// UTC of a media time.
    pub fn utc(&self, media: MediaTime) -> SystemTime {
        let nanos = i64::try_from(media.0)
            .unwrap_or(i64::MAX)
            .saturating_add(self.offset);
        match u64::try_from(nanos) {
            Ok(after) => UNIX_EPOCH + Duration::from_nanos(after),
            Err(_) => UNIX_EPOCH - Duration::from_nanos(nanos.unsigned_abs()),
        }
    }

    /// How often the system clock was set since the start.
    pub fn jumps(&self) -> u64 {
        self.jumps
    }
}

fn offset(media: MediaTime, utc: SystemTime) -> i64 {
    let utc = match utc.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_nanos()).unwrap_or(i64::MAX),
        Err(before) => -i64::try_from(before.duration().as_nanos()).unwrap_or(i64::MAX),
    };
    utc.saturating_sub(i64::try_from(media.0).unwrap_or(i64::MAX))
}

/// The running clock: GStreamer's monotonic system clock and the map to UTC.
#[derive(Clone)]
pub struct MediaClock(Arc<Inner>);

struct Inner {
    clock: gst::Clock,
    epoch: u64,
    map: Mutex<ClockMap>,
}

impl MediaClock {
    /// Starts media time at zero, now. GStreamer must have been started by [`crate::init`].
    pub fn start() -> Self {
        let clock = gst::SystemClock::obtain();
        let epoch = clock.time().nseconds();
        let map = ClockMap::new(MediaTime(0), SystemTime::now());
        Self(Arc::new(Inner {
            clock,
            epoch,
            map: Mutex::new(map),
        }))
    }

    /// Media time now.
    pub fn now(&self) -> MediaTime {
        MediaTime(self.0.clock.time().nseconds().saturating_sub(self.0.epoch))
    }

    /// UTC of a media time; reads the system clock on the way.
    pub fn utc(&self, media: MediaTime) -> SystemTime {
        let mut map = self.0.map.lock();
        let (now, utc) = (self.now(), SystemTime::now());
        if map.observe(now, utc) {
            tracing::warn!(
                jumps = map.jumps(),
                "the system clock was set; the UTC of frames follows it"
            );
        }
        map.utc(media)
    }

    /// A copy of the map as it is now.
    pub fn map(&self) -> ClockMap {
        self.0.map.lock().clone()
    }

    /// GStreamer's clock, for pipelines of live sources.
    pub(crate) fn gst(&self) -> &gst::Clock {
        &self.0.clock
    }

    /// Media time of an absolute time of GStreamer's clock.
    pub(crate) fn media_time(&self, time: gst::ClockTime) -> MediaTime {
        MediaTime(time.nseconds().saturating_sub(self.0.epoch))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(secs: f64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs_f64(secs)
    }

    #[test]
    fn ticks_are_90_khz() {
        for (nanos, ticks) in [
            (0, 0),
            (1_000_000_000, 90_000),
            (40_000_000, 3_600),
            (33_366_700, 3_003),
        ] {
            assert_eq!(
                MediaTime::from_nanos(nanos).ticks(90_000),
                ticks,
                "{nanos} ns"
            );
        }
    }

    #[test]
    fn a_jump_is_taken_over_at_once_and_counted() {
        let second = |n: u64| MediaTime::from_nanos(n * 1_000_000_000);
        for (set_to, expect_jumps) in [
            (1010.0, 0),
            (1010.2, 0),
            (1010.25, 1),
            (5000.0, 1),
            (500.0, 1),
        ] {
            let mut map = ClockMap::new(second(0), at(1000.0));
            map.observe(second(10), at(set_to));
            assert_eq!(map.jumps(), expect_jumps, "{set_to}");
            if expect_jumps == 1 {
                assert_eq!(map.utc(second(10)), at(set_to), "{set_to}");
            }
        }
    }

    #[test]
    fn a_slow_drift_is_followed_without_a_jump() {
        // 500 ppm is the most that NTP slews; read 25 times a second for ten minutes.
        let mut map = ClockMap::new(MediaTime(0), at(1000.0));
        let mut worst = Duration::ZERO;
        for n in 0..15_000u64 {
            let media = MediaTime::from_nanos(n * 40_000_000);
            let utc = at(1000.0) + Duration::from_nanos(n * 40_000_000 + n * 20_000);
            map.observe(media, utc);
            worst = worst.max(utc.duration_since(map.utc(media)).unwrap_or_default());
        }
        assert_eq!(map.jumps(), 0);
        assert!(worst < Duration::from_millis(1), "{worst:?}");
    }

    proptest! {
        #[test]
        fn utc_keeps_distances(a in 0u64..1 << 50, b in 0u64..1 << 50) {
            let map = ClockMap::new(MediaTime(0), at(1.7e9));
            let (a, b) = (a.min(b), a.max(b));
            let apart = map.utc(MediaTime(b)).duration_since(map.utc(MediaTime(a))).unwrap();
            prop_assert_eq!(apart, Duration::from_nanos(b - a));
        }
    }
}
