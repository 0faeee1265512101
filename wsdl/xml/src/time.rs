//! Times and durations.

use std::fmt;

use chrono::{FixedOffset, NaiveDate, NaiveTime, TimeZone, Timelike, Utc};

use crate::reader::trim;
use crate::value::{Text, ValueError};
use crate::{Reader, Writer};

const A_TIME: ValueError = ValueError("a date and time such as 2026-01-31T23:59:59Z");
const A_DURATION: ValueError = ValueError("a duration such as PT60S");

/// A point in time (`xs:dateTime`). A time without zone is read as UTC. Written in UTC with `Z`, to the
/// millisecond. Equal when the instant is equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DateTime(pub chrono::DateTime<FixedOffset>);

impl DateTime {
    /// The time in UTC.
    #[must_use]
    pub fn utc(self) -> chrono::DateTime<Utc> {
        self.0.with_timezone(&Utc)
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn unix_millis(self) -> i64 {
        self.0.timestamp_millis()
    }

    /// From milliseconds since 1970-01-01T00:00:00Z; `None` beyond what a calendar holds.
    #[must_use]
    pub fn from_unix_millis(millis: i64) -> Option<Self> {
        chrono::DateTime::from_timestamp_millis(millis).map(Self::from)
    }

    /// Reads `xs:dateTime`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = trim(text);
        let (date, time) = text.split_once('T')?;
        let mut parts = date.split('-');
        let (y, m, d) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() || y.len() < 4 || y.len() > 5 || m.len() != 2 || d.len() != 2 {
            return None;
        }
        let date = NaiveDate::from_ymd_opt(digits(y)?.try_into().ok()?, digits(m)?, digits(d)?)?;
        let (time, offset) = parse_clock(time)?;
        let (date, time) = match time {
            Some(time) => (date, time),
            None => (date.succ_opt()?, NaiveTime::MIN),
        };
        offset
            .unwrap_or(UTC)
            .from_local_datetime(&date.and_time(time))
            .single()
            .map(Self)
    }
}

const UTC: FixedOffset = match FixedOffset::east_opt(0) {
    Some(utc) => utc,
    None => panic!("zero is an offset"),
};

impl Default for DateTime {
    /// 1970-01-01T00:00:00Z.
    fn default() -> Self {
        Self(chrono::DateTime::UNIX_EPOCH.with_timezone(&UTC))
    }
}

impl From<chrono::DateTime<Utc>> for DateTime {
    fn from(at: chrono::DateTime<Utc>) -> Self {
        Self(at.with_timezone(&UTC))
    }
}

impl From<std::time::SystemTime> for DateTime {
    fn from(at: std::time::SystemTime) -> Self {
        chrono::DateTime::<Utc>::from(at).into()
    }
}

impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.0.naive_utc();
        write!(f, "{}", at.format("%Y-%m-%dT%H:%M:%S"))?;
        let millis = at.nanosecond() / 1_000_000 % 1000;
        if millis > 0 {
            write!(f, ".{millis:03}")?;
        }
        f.write_str("Z")
    }
}

impl Text for DateTime {
    fn parse_text(text: &str, _r: &Reader<'_>) -> Result<Self, ValueError> {
        Self::parse(text).ok_or(A_TIME)
    }

    fn write_text(&self, w: &mut Writer) {
        w.push_display(self);
    }
}

/// A time of day (`xs:time`), with a zone or local.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct TimeOfDay {
    /// Clock time.
    pub time: NaiveTime,
    /// Zone, when given.
    pub offset: Option<FixedOffset>,
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.time.format("%H:%M:%S%.f"))?;
        match self.offset {
            None => Ok(()),
            Some(o) if o.local_minus_utc() == 0 => f.write_str("Z"),
            Some(o) => write!(f, "{o}"),
        }
    }
}

impl Text for TimeOfDay {
    fn parse_text(text: &str, _r: &Reader<'_>) -> Result<Self, ValueError> {
        let (time, offset) =
            parse_clock(trim(text)).ok_or(ValueError("a time such as 23:59:59"))?;
        Ok(Self {
            time: time.unwrap_or(NaiveTime::MIN),
            offset,
        })
    }

    fn write_text(&self, w: &mut Writer) {
        w.push_display(self);
    }
}

/// `hh:mm:ss[.fraction][zone]`; no time for 24:00:00, the end of the day.
fn parse_clock(text: &str) -> Option<(Option<NaiveTime>, Option<FixedOffset>)> {
    let (clock, offset) = if let Some(clock) = text.strip_suffix('Z') {
        (clock, Some(UTC))
    } else if let Some(at) = text.rfind(['+', '-']) {
        let (clock, zone) = text.split_at(at);
        let (hours, minutes) = zone[1..].split_once(':')?;
        if hours.len() != 2 || minutes.len() != 2 {
            return None;
        }
        let (hours, minutes) = (digits(hours)?, digits(minutes)?);
        if minutes > 59 || hours * 60 + minutes > 14 * 60 {
            return None;
        }
        let seconds = i32::try_from(hours * 3600 + minutes * 60).ok()?;
        let seconds = if zone.starts_with('-') {
            -seconds
        } else {
            seconds
        };
        (clock, Some(FixedOffset::east_opt(seconds)?))
    } else {
        (text, None)
    };
    let (whole, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let mut parts = whole.split(':');
    let (h, m, s) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || h.len() != 2 || m.len() != 2 || s.len() != 2 {
        return None;
    }
    let nanos = nanos(fraction)?;
    let (h, m, s) = (digits(h)?, digits(m)?, digits(s)?);
    if (h, m, s, nanos) == (24, 0, 0, 0) {
        return Some((None, offset));
    }
    Some((Some(NaiveTime::from_hms_nano_opt(h, m, s, nanos)?), offset))
}

fn digits(text: &str) -> Option<u32> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// Nanoseconds of a decimal fraction; digits beyond nine are cut.
fn nanos(fraction: &str) -> Option<u32> {
    if fraction.is_empty() || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let nine: String = fraction
        .chars()
        .chain(std::iter::repeat('0'))
        .take(9)
        .collect();
    nine.parse().ok()
}

/// A length of time (`xs:duration`): months and seconds are counted apart, as in XML Schema.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Duration {
    /// Whether the duration points backwards.
    pub negative: bool,
    /// Years and months, in months.
    pub months: u32,
    /// Days and clock time, in whole seconds.
    pub seconds: u64,
    /// The fraction of a second, below 1,000,000,000.
    pub nanos: u32,
}

impl Duration {
    /// A duration of whole seconds.
    #[must_use]
    pub const fn from_secs(seconds: u64) -> Self {
        Self {
            negative: false,
            months: 0,
            seconds,
            nanos: 0,
        }
    }

    /// The duration as clock time, a month counted as 30 days; zero when it points backwards, and cut at
    /// `u64::MAX` seconds.
    #[must_use]
    pub fn to_std(self) -> std::time::Duration {
        if self.negative {
            return std::time::Duration::ZERO;
        }
        let months = u64::from(self.months) * 30 * 86_400;
        std::time::Duration::new(
            self.seconds.saturating_add(months),
            self.nanos.min(999_999_999),
        )
    }

    /// Reads `xs:duration`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = trim(text);
        let (negative, rest) = text.strip_prefix('-').map_or((false, text), |r| (true, r));
        let rest = rest.strip_prefix('P')?;
        let (date, time) = match rest.split_once('T') {
            Some((_, "")) => return None,
            Some((date, time)) => (date, time),
            None => (rest, ""),
        };
        if date.is_empty() && time.is_empty() {
            return None;
        }
        let mut out = Self {
            negative,
            ..Self::default()
        };
        let mut months = 0u64;
        for (number, unit) in fields(date, "YMD")? {
            let n: u64 = number.parse().ok()?;
            match unit {
                'Y' => months = months.checked_add(n.checked_mul(12)?)?,
                'M' => months = months.checked_add(n)?,
                _ => out.seconds = out.seconds.checked_add(n.checked_mul(86_400)?)?,
            }
        }
        out.months = u32::try_from(months).ok()?;
        for (number, unit) in fields(time, "HMS")? {
            let (whole, fraction) = match number.split_once('.') {
                Some((whole, fraction)) if unit == 'S' => (whole, fraction),
                Some(_) => return None,
                None => (number, "0"),
            };
            let n: u64 = whole.parse().ok()?;
            let scale = match unit {
                'H' => 3600,
                'M' => 60,
                _ => 1,
            };
            out.seconds = out.seconds.checked_add(n.checked_mul(scale)?)?;
            if unit == 'S' {
                out.nanos = nanos(fraction)?;
            }
        }
        Some(out)
    }
}

/// Number and unit pairs; units must come in the order of `units`, each once.
fn fields<'t>(text: &'t str, units: &str) -> Option<Vec<(&'t str, char)>> {
    let mut found = Vec::new();
    let (mut rest, mut left) = (text, units);
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let unit = rest[end..].chars().next()?;
        let at = left.find(unit)?;
        left = &left[at + 1..];
        if end == 0 {
            return None;
        }
        found.push((&rest[..end], unit));
        rest = &rest[end + unit.len_utf8()..];
    }
    Some(found)
}

impl From<std::time::Duration> for Duration {
    fn from(d: std::time::Duration) -> Self {
        Self {
            negative: false,
            months: 0,
            seconds: d.as_secs(),
            nanos: d.subsec_nanos(),
        }
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.negative { "-P" } else { "P" })?;
        let (years, months, days) = (self.months / 12, self.months % 12, self.seconds / 86_400);
        let (hours, minutes, seconds) = (
            self.seconds / 3600 % 24,
            self.seconds / 60 % 60,
            self.seconds % 60,
        );
        for (n, unit) in [
            (u64::from(years), 'Y'),
            (u64::from(months), 'M'),
            (days, 'D'),
        ] {
            if n > 0 {
                write!(f, "{n}{unit}")?;
            }
        }
        let clock = hours > 0 || minutes > 0 || seconds > 0 || self.nanos > 0;
        if !clock && (self.months > 0 || days > 0) {
            return Ok(());
        }
        f.write_str("T")?;
        for (n, unit) in [(hours, 'H'), (minutes, 'M')] {
            if n > 0 {
                write!(f, "{n}{unit}")?;
            }
        }
        if self.nanos > 0 {
            let fraction = format!("{:09}", self.nanos);
            write!(f, "{seconds}.{}S", fraction.trim_end_matches('0'))
        } else if seconds > 0 || (hours == 0 && minutes == 0) {
            write!(f, "{seconds}S")
        } else {
            Ok(())
        }
    }
}

impl Text for Duration {
    fn parse_text(text: &str, _r: &Reader<'_>) -> Result<Self, ValueError> {
        Self::parse(text).ok_or(A_DURATION)
    }

    fn write_text(&self, w: &mut Writer) {
        w.push_display(self);
    }
}

/// When a subscription ends: at a time, or after a time (`wsnt:AbsoluteOrRelativeTimeType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AbsoluteOrRelative {
    /// At this time.
    Absolute(DateTime),
    /// This long from now.
    Relative(Duration),
}

impl Default for AbsoluteOrRelative {
    fn default() -> Self {
        Self::Relative(Duration::default())
    }
}

impl Text for AbsoluteOrRelative {
    fn parse_text(text: &str, _r: &Reader<'_>) -> Result<Self, ValueError> {
        match Duration::parse(text) {
            Some(duration) => Ok(Self::Relative(duration)),
            None => DateTime::parse(text)
                .map(Self::Absolute)
                .ok_or(ValueError("a date and time or a duration such as PT60S")),
        }
    }

    fn write_text(&self, w: &mut Writer) {
        match self {
            Self::Absolute(at) => w.push_display(at),
            Self::Relative(duration) => w.push_display(duration),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_zone_and_fraction() {
        for (text, expect) in [
            ("2026-01-31T23:59:59Z", Some("2026-01-31T23:59:59Z")),
            (
                " 2026-01-31T23:59:59.1239Z\n",
                Some("2026-01-31T23:59:59.123Z"),
            ),
            ("2026-01-01T00:30:00+01:00", Some("2025-12-31T23:30:00Z")),
            ("2026-01-01T00:30:00-14:00", Some("2026-01-01T14:30:00Z")),
            ("2026-01-01T00:30:00", Some("2026-01-01T00:30:00Z")),
            ("2026-12-31T24:00:00Z", Some("2027-01-01T00:00:00Z")),
            ("2024-02-29T00:00:00Z", Some("2024-02-29T00:00:00Z")),
            ("2026-02-29T00:00:00Z", None),
            ("2026-1-1T00:00:00Z", None),
            ("2026-01-01", None),
            ("2026-01-01T00:00Z", None),
            ("2026-01-01T24:00:01Z", None),
            ("2026-01-01T00:00:60Z", None),
            ("2026-01-01T00:00:00+14:01", None),
            ("2026-01-01T00:00:00.Z", None),
            ("999999-01-01T00:00:00Z", None),
            ("-001-01-01T00:00:00Z", None),
            ("2026-01-01T00:00:00\u{e9}Z", None),
            ("", None),
        ] {
            assert_eq!(
                DateTime::parse(text).map(|t| t.to_string()).as_deref(),
                expect,
                "{text:?}"
            );
        }
    }

    #[test]
    fn durations_are_read_and_written() {
        for (text, expect) in [
            ("PT60S", Some("PT1M")),
            ("PT0S", Some("PT0S")),
            ("P1Y2M3DT4H5M6.5S", Some("P1Y2M3DT4H5M6.5S")),
            ("-P1D", Some("-P1D")),
            ("P30D", Some("P30D")),
            ("PT0.000000001S", Some("PT0.000000001S")),
            ("PT10M", Some("PT10M")),
            ("P", None),
            ("PT", None),
            ("P1DT", None),
            ("60", None),
            ("PT1.5M", None),
            ("PT1S1M", None),
            ("P1S", None),
            ("PT99999999999999999999S", None),
            ("P9999999999Y", None),
            ("PT1\u{e9}", None),
        ] {
            assert_eq!(
                Duration::parse(text).map(|d| d.to_string()).as_deref(),
                expect,
                "{text:?}"
            );
        }
        assert_eq!(
            Duration::parse("P1MT1S").unwrap().to_std().as_secs(),
            30 * 86_400 + 1
        );
        assert_eq!(
            Duration::parse("-PT1S").unwrap().to_std(),
            std::time::Duration::ZERO
        );
    }
}
