//! One clock map: monotonic media time to UTC, the same for frames, access units and snapshots.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use gstreamer as gst;
use gstreamer::prelude::*;
use lpr_core::{MediaTime, UtcTime};
use parking_lot::Mutex;

/// Arithmetic on media time, which in this crate counts from the engine's start on the monotonic
/// clock: it never jumps, and any two values of one engine can be compared.
pub(crate) trait Span {
    /// Time since `earlier`, zero when `earlier` is later.
    fn since(self, earlier: Self) -> Duration;
    /// This time plus `by`.
    fn plus(self, by: Duration) -> Self;
}

impl Span for MediaTime {
    fn since(self, earlier: Self) -> Duration {
        self.as_duration().saturating_sub(earlier.as_duration())
    }

    fn plus(self, by: Duration) -> Self {
        Self::from_nanos(
            self.as_nanos()
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
    /// The offset before the last jump.
    before: Option<i64>,
    jumps: u64,
}

impl ClockMap {
    /// A map that says `utc` is the UTC time of `media`.
    pub fn new(media: MediaTime, utc: UtcTime) -> Self {
        Self {
            offset: offset(media, utc),
            before: None,
            jumps: 0,
        }
    }

    /// Takes in that `utc` was read at `media`; true when the system clock jumped.
    pub fn observe(&mut self, media: MediaTime, utc: UtcTime) -> bool {
        let measured = offset(media, utc);
        let difference = measured.saturating_sub(self.offset);
        if difference.abs() >= JUMP_NANOS {
            self.before = Some(self.offset);
            self.offset = measured;
            self.jumps += 1;
            return true;
        }
        self.offset += difference / SLEW_SHARE;
        false
    }

    /// UTC of a media time.
    pub fn utc(&self, media: MediaTime) -> UtcTime {
        let nanos = i64::try_from(media.as_nanos())
            .unwrap_or(i64::MAX)
            .saturating_add(self.offset);
        UtcTime::from_micros(nanos.div_euclid(1000))
    }

    /// Media time of a UTC time that this map gave: joins metadata to the picture it is about.
    /// Times before the start of media time are zero.
    pub fn media(&self, utc: UtcTime) -> MediaTime {
        let nanos = utc
            .as_micros()
            .saturating_mul(1000)
            .saturating_sub(self.offset);
        MediaTime::from_nanos(u64::try_from(nanos).unwrap_or(0))
    }

    /// Media time of a UTC time that this map gave a short while before `now`, perhaps before the system
    /// clock was set: of the two readings the one nearer to `now` counts (SYS-16). A jump shorter than the
    /// time passed since stays ambiguous; the error is the jump then.
    pub fn recent(&self, utc: UtcTime, now: MediaTime) -> MediaTime {
        let with = |offset: i64| Self { offset, ..*self }.media(utc);
        let distance = |m: &MediaTime| m.as_nanos().abs_diff(now.as_nanos());
        let readings = std::iter::once(self.offset).chain(self.before).map(with);
        readings.min_by_key(distance).unwrap_or_default()
    }

    /// How often the system clock was set since the start.
    pub fn jumps(&self) -> u64 {
        self.jumps
    }
}

fn offset(media: MediaTime, utc: UtcTime) -> i64 {
    let media = i64::try_from(media.as_nanos()).unwrap_or(i64::MAX);
    utc.as_micros().saturating_mul(1000).saturating_sub(media)
}

/// Where UTC is read: the machine's clock, or what a simulation takes for it.
pub type WallClock = Arc<dyn Fn() -> UtcTime + Send + Sync>;

/// The system clock now.
fn system_time() -> UtcTime {
    let now = SystemTime::now();
    let micros = match now.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_micros()).unwrap_or(i64::MAX),
        Err(before) => -i64::try_from(before.duration().as_micros()).unwrap_or(i64::MAX),
    };
    UtcTime::from_micros(micros)
}

/// The running clock: GStreamer's monotonic system clock and the map to UTC.
#[derive(Clone)]
pub struct MediaClock(Arc<Inner>);

struct Inner {
    clock: gst::Clock,
    epoch: u64,
    wall: WallClock,
    map: Mutex<ClockMap>,
}

impl MediaClock {
    /// Starts media time at zero, now. GStreamer must have been started by [`crate::init`].
    pub fn start() -> Self {
        Self::start_on(Arc::new(system_time))
    }

    /// The same with UTC read from `wall`.
    pub fn start_on(wall: WallClock) -> Self {
        let clock = gst::SystemClock::obtain();
        let epoch = clock.time().nseconds();
        let map = ClockMap::new(MediaTime::default(), wall());
        Self(Arc::new(Inner {
            clock,
            epoch,
            wall,
            map: Mutex::new(map),
        }))
    }

    /// Media time now.
    pub fn now(&self) -> MediaTime {
        MediaTime::from_nanos(self.0.clock.time().nseconds().saturating_sub(self.0.epoch))
    }

    /// UTC of a media time; reads the system clock on the way.
    pub fn utc(&self, media: MediaTime) -> UtcTime {
        let mut map = self.0.map.lock();
        let (now, utc) = (self.now(), (self.0.wall)());
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

    /// Media time of what happened at `utc`, a short while ago: joins metadata to its picture.
    pub fn recent(&self, utc: UtcTime) -> MediaTime {
        self.0.map.lock().recent(utc, self.now())
    }

    /// GStreamer's clock, for pipelines of live sources.
    pub(crate) fn gst(&self) -> &gst::Clock {
        &self.0.clock
    }

    /// Media time of an absolute time of GStreamer's clock.
    pub(crate) fn media_time(&self, time: gst::ClockTime) -> MediaTime {
        MediaTime::from_nanos(time.nseconds().saturating_sub(self.0.epoch))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(secs: f64) -> UtcTime {
        UtcTime::from_micros((secs * 1e6) as i64)
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
        let mut map = ClockMap::new(MediaTime::default(), at(1000.0));
        let mut worst = Duration::ZERO;
        for n in 0..15_000u64 {
            let media = MediaTime::from_nanos(n * 40_000_000);
            let utc = at(1000.0) + Duration::from_micros(n * 40_000 + n * 20);
            map.observe(media, utc);
            worst = worst.max(utc.abs_diff(map.utc(media)));
        }
        assert_eq!(map.jumps(), 0);
        assert!(worst < Duration::from_millis(1), "{worst:?}");
    }

    proptest! {
        #[test]
        fn utc_keeps_distances(a in 0u64..1 << 50, b in 0u64..1 << 50) {
            let map = ClockMap::new(MediaTime::default(), at(1.7e9));
            let (a, b) = (a.min(b), a.max(b));
            let utc = |nanos| map.utc(MediaTime::from_nanos(nanos));
            let apart = utc(b).saturating_since(utc(a));
            // UTC has microseconds.
            prop_assert!(apart.abs_diff(Duration::from_nanos(b - a)) <= Duration::from_micros(1));
        }
    }

    /// SYS-16: metadata of a picture from before a jump stays at its picture.
    #[test]
    fn what_was_before_a_jump_stays_where_it_was() {
        let second = |n: u64| MediaTime::from_nanos(n * 1_000_000_000);
        for set_to in [5000.0, 10.0, 1005.0] {
            let mut map = ClockMap::new(second(0), at(1000.0));
            let before = map.utc(second(10));
            assert!(map.observe(second(10), at(set_to)));
            let after = map.utc(second(11));
            assert_eq!(map.recent(before, second(11)), second(10), "{set_to}");
            assert_eq!(map.recent(after, second(11)), second(11), "{set_to}");
        }
    }

    #[test]
    fn utc_leads_back_to_the_media_time_it_came_from() {
        let map = ClockMap::new(
            MediaTime::from_nanos(5_000_000),
            UtcTime::from_millis(1_795_000_000_000),
        );
        for nanos in [5_000_000, 6_123_000, 90_000_000_000] {
            let media = MediaTime::from_nanos(nanos);
            assert_eq!(map.media(map.utc(media)), media);
        }
        assert_eq!(map.media(UtcTime::from_millis(1)), MediaTime::from_nanos(0));
    }
}
