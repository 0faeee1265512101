//! Wall-clock and media time. The domain never asks a clock: every time comes in with a frame.

use std::fmt;
use std::ops::{Add, Sub};
use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Error;

/// A moment in UTC, in microseconds since 1970-01-01T00:00:00Z.
///
/// As text (JSON, `Display`) it is RFC 3339 with milliseconds, `2026-11-22T15:04:05.320Z`; text with
/// more digits or another offset is understood. Writing as text cuts to the millisecond.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UtcTime(i64);

impl UtcTime {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);
    /// Years 0001 to 9999, which every text form can carry.
    const RANGE: (i64, i64) = (-62_135_596_800_000_000, 253_402_300_799_999_999);

    /// The moment `micros` microseconds after the epoch, limited to the years 1 to 9999.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        if micros < Self::RANGE.0 {
            Self(Self::RANGE.0)
        } else if micros > Self::RANGE.1 {
            Self(Self::RANGE.1)
        } else {
            Self(micros)
        }
    }

    /// The moment `millis` milliseconds after the epoch, limited to the years 1 to 9999.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self::from_micros(millis.saturating_mul(1000))
    }

    /// Microseconds since the epoch.
    #[must_use]
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Milliseconds since the epoch, rounded down.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// Time from `earlier` to `self`; zero when `earlier` is later.
    #[must_use]
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        let micros = self.0.saturating_sub(earlier.0);
        if micros <= 0 {
            Duration::ZERO
        } else {
            Duration::from_micros(micros.unsigned_abs())
        }
    }

    /// Time between the two moments, whichever is earlier.
    #[must_use]
    pub const fn abs_diff(self, other: Self) -> Duration {
        Duration::from_micros(self.0.abs_diff(other.0))
    }
}

/// Microseconds of `d`, at most `i64::MAX`.
fn micros(d: Duration) -> i64 {
    i64::try_from(d.as_micros()).unwrap_or(i64::MAX)
}

impl Add<Duration> for UtcTime {
    type Output = Self;
    /// Stops at the end of the year 9999.
    fn add(self, d: Duration) -> Self {
        Self::from_micros(self.0.saturating_add(micros(d)))
    }
}

impl Sub<Duration> for UtcTime {
    type Output = Self;
    /// Stops at the start of the year 1.
    fn sub(self, d: Duration) -> Self {
        Self::from_micros(self.0.saturating_sub(micros(d)))
    }
}

impl From<DateTime<Utc>> for UtcTime {
    fn from(t: DateTime<Utc>) -> Self {
        Self::from_micros(t.timestamp_micros())
    }
}

impl From<UtcTime> for DateTime<Utc> {
    fn from(t: UtcTime) -> Self {
        // `from_micros` keeps the value in chrono's range; the fallback is never taken.
        Self::from_timestamp_micros(t.0).unwrap_or(Self::UNIX_EPOCH)
    }
}

impl fmt::Display for UtcTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // chrono rounds nothing: it cuts the digits that do not fit.
        f.write_str(&DateTime::<Utc>::from(*self).to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

impl FromStr for UtcTime {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        DateTime::parse_from_rfc3339(text)
            .map(|t| t.with_timezone(&Utc).into())
            .map_err(|_| Error::Time(text.chars().take(64).collect()))
    }
}

impl Serialize for UtcTime {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for UtcTime {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<'de, str>::deserialize(d)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for UtcTime {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "UtcTime".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "date-time" })
    }
}

/// Position in a stream's own time, in nanoseconds from its start (GStreamer's running time).
///
/// Never mixed with [`UtcTime`]: whoever captures knows both and stamps a frame with both.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct MediaTime(u64);

impl MediaTime {
    /// The position `nanos` nanoseconds after the start.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the start.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The position as a duration from the start.
    #[must_use]
    pub const fn as_duration(self) -> Duration {
        Duration::from_nanos(self.0)
    }

    /// Time from `earlier` to `self`; zero when `earlier` is later.
    #[must_use]
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_has_milliseconds_and_z() {
        for (micros, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_795_360_805_320_999, "2026-11-22T15:20:05.320Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (i64::MAX, "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(UtcTime::from_micros(micros).to_string(), text);
        }
    }

    #[test]
    fn reads_other_offsets_and_digits_and_refuses_the_rest() {
        let t: UtcTime = "2026-11-22T16:20:05.320123+01:00".parse().unwrap();
        assert_eq!(t.as_micros(), 1_795_360_805_320_123);
        for bad in ["", "2026-11-22", "2026-11-22T15:04:05", "yesterday"] {
            let e = bad.parse::<UtcTime>().unwrap_err().to_string();
            assert!(e.contains("RFC 3339"), "{e}");
        }
    }

    proptest! {
        #[test]
        fn text_round_trips_to_the_millisecond(ms in -62_135_596_800_000i64..253_402_300_800_000) {
            let t = UtcTime::from_millis(ms);
            prop_assert_eq!(t.to_string().parse::<UtcTime>().unwrap(), t);
            prop_assert_eq!(t.as_millis(), ms);
        }

        #[test]
        fn adding_and_taking_away_agree(a in 0i64..4_000_000_000_000_000, us in 0u64..1_000_000_000_000) {
            let (t, d) = (UtcTime::from_micros(a), Duration::from_micros(us));
            prop_assert_eq!((t + d) - d, t);
            prop_assert_eq!((t + d).saturating_since(t), d);
            prop_assert_eq!(t.saturating_since(t + d), Duration::ZERO);
        }
    }
}
