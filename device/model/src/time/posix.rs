//! POSIX TZ strings: IEEE 1003.1 section 8.3, with the hours of −167 to 167 that RFC 8536 section
//! 3.3.1 allows and the tz database uses.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::calendar::{Week, Weekday, YearMoment};

/// Longest text that is read, bytes.
const MAX_LEN: usize = 63;
const HOUR: i32 = 3600;

/// A time zone as a POSIX TZ string such as `EST5EDT,M3.2.0,M11.1.0`: the truth for ONVIF (SYS-8).
///
/// Offsets are kept as seconds *east* of UTC; the string counts them west. A zone with a DST name and
/// no rule gets the rule of the U.S., as the C library does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PosixTz {
    /// Name of standard time, 3 to 16 letters, or with digits and signs.
    pub std_name: String,
    /// Seconds east of UTC in standard time.
    pub std_offset: i32,
    /// DST, when the zone has one.
    pub dst: Option<Dst>,
    /// As somebody wrote it, where that is not how [`fmt::Display`] writes it.
    pub(super) spelling: Option<Box<str>>,
}

/// The DST half of a zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dst {
    /// Its name.
    pub name: String,
    /// Seconds east of UTC.
    pub offset: i32,
    /// When it begins, on the clock of standard time.
    pub start: Rule,
    /// When it ends, on the clock of DST.
    pub end: Rule,
}

/// A day of the year and a time of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The day.
    pub day: RuleDay,
    /// Seconds after its midnight; −167 h to 167 h.
    pub time: i32,
}

/// A day of the year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleDay {
    /// `Jn`: 1 to 365, 29 February is never counted.
    Julian(u16),
    /// `n`: 0 to 365, 29 February is counted.
    Zero(u16),
    /// `Mm.w.d`: month 1 to 12, week 1 to 5 (5 is the last), day 0 to 6 (0 is Sunday).
    Month(u8, u8, u8),
}

/// The two changes of a year in UTC seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transitions {
    /// DST begins.
    pub start: i64,
    /// DST ends.
    pub end: i64,
}

/// Why a text is no POSIX TZ.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is no POSIX time zone such as EST5EDT,M3.2.0,M11.1.0: {reason}")]
pub struct PosixTzError {
    text: String,
    reason: &'static str,
}

impl PosixTz {
    /// Coordinated universal time.
    pub fn utc() -> Self {
        Self::fixed("UTC", 0)
    }

    /// A zone without DST, `std_offset` seconds east of UTC.
    pub fn fixed(std_name: impl Into<String>, std_offset: i32) -> Self {
        Self {
            std_name: std_name.into(),
            std_offset,
            dst: None,
            spelling: None,
        }
    }

    /// As it was written by whoever set it: a client finds the text again that it sent. The stored form.
    pub fn written(&self) -> String {
        self.spelling
            .as_ref()
            .map_or_else(|| self.to_string(), ToString::to_string)
    }

    /// Whether both tell the same time, however they are written.
    pub fn same_time(&self, other: &Self) -> bool {
        let of = |z: &Self| (z.std_name.clone(), z.std_offset, z.dst.clone());
        of(self) == of(other)
    }

    /// The same zone without DST.
    #[must_use]
    pub fn without_dst(&self) -> Self {
        match self.dst {
            None => self.clone(),
            Some(_) => Self::fixed(self.std_name.clone(), self.std_offset),
        }
    }

    /// Whether both show the same time at every moment; names do not count.
    pub fn same_rule(&self, other: &Self) -> bool {
        let rule = |zone: &Self| {
            let dst = zone.dst.as_ref();
            (zone.std_offset, dst.map(|d| (d.offset, d.start, d.end)))
        };
        rule(self) == rule(other)
    }

    /// The same zone with DST of one hour by the rule of the page (SYS-15).
    #[must_use]
    pub fn with_dst(&self, start: YearMoment, end: YearMoment) -> Self {
        let offset = self.std_offset + HOUR;
        let name = match &self.dst {
            Some(dst) => dst.name.clone(),
            None => numeric_name(offset),
        };
        Self {
            dst: Some(Dst {
                name,
                offset,
                start: Rule::of_moment(start),
                end: Rule::of_moment(end),
            }),
            ..Self::fixed(self.std_name.clone(), self.std_offset)
        }
    }

    /// The DST rule as the page can show it; `None` without DST or when the page cannot express it.
    pub fn page_rule(&self) -> Option<(YearMoment, YearMoment)> {
        let dst = self.dst.as_ref()?;
        let hour_ahead = dst.offset == self.std_offset + HOUR;
        Some((dst.start.moment()?, dst.end.moment()?)).filter(|_| hour_ahead)
    }

    /// The changes of the year, in UTC; `None` without DST.
    pub fn transitions(&self, year: i32) -> Option<Transitions> {
        let dst = self.dst.as_ref()?;
        let at = |rule: Rule, offset: i32| {
            rule.day.days(year) * 86_400 + i64::from(rule.time) - i64::from(offset)
        };
        Some(Transitions {
            start: at(dst.start, self.std_offset),
            end: at(dst.end, dst.offset),
        })
    }
}

impl Rule {
    const fn of_moment(m: YearMoment) -> Self {
        Self {
            day: RuleDay::Month(m.month.get(), m.week.number(), m.weekday.number()),
            time: m.hour.get() as i32 * HOUR,
        }
    }

    fn moment(self) -> Option<YearMoment> {
        let RuleDay::Month(month, week, day) = self.day else {
            return None;
        };
        let hour = u8::try_from(self.time / HOUR).ok().filter(|h| *h < 24)?;
        let whole = self.time % HOUR == 0 && self.time >= 0;
        let weekday = *Weekday::ALL.get(usize::from(day))?;
        Some(YearMoment::new(month, Week::of(week)?, weekday, hour)).filter(|_| whole)
    }
}

impl RuleDay {
    /// Days since 1970-01-01.
    fn days(self, year: i32) -> i64 {
        let new_year = days_from_civil(year, 1, 1);
        match self {
            Self::Zero(n) => new_year + i64::from(n),
            Self::Julian(n) => {
                let n = i64::from(n);
                new_year + n - 1 + i64::from(is_leap(year) && n >= 60)
            }
            Self::Month(month, week, day) => {
                let first = days_from_civil(year, month, 1);
                // 1970-01-01 was a Thursday.
                let weekday = (first + 4).rem_euclid(7);
                let mut n = first + (i64::from(day) - weekday).rem_euclid(7);
                n += 7 * (i64::from(week) - 1);
                let (y, m) = if month == 12 {
                    (year + 1, 1)
                } else {
                    (year, month + 1)
                };
                let next = days_from_civil(y, m, 1);
                if n >= next { n - 7 } else { n }
            }
        }
    }
}

fn is_leap(year: i32) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// Days since 1970-01-01 in the Gregorian calendar.
pub(super) fn days_from_civil(year: i32, month: u8, day: u8) -> i64 {
    let year = i64::from(year) - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let month = (i64::from(month) + 9) % 12;
    let of_year = (153 * month + 2) / 5 + i64::from(day) - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// `<-03>` and the like: the name the tz database gives to zones that have none.
fn numeric_name(offset: i32) -> String {
    let minutes = offset.abs() / 60;
    let (h, m) = (minutes / 60, minutes % 60);
    let sign = if offset < 0 { '-' } else { '+' };
    if m == 0 {
        format!("{sign}{h:02}")
    } else {
        format!("{sign}{h:02}{m:02}")
    }
}

impl fmt::Display for PosixTz {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        name(f, &self.std_name)?;
        clock(f, -self.std_offset)?;
        let Some(dst) = &self.dst else { return Ok(()) };
        name(f, &dst.name)?;
        if dst.offset != self.std_offset + HOUR {
            clock(f, -dst.offset)?;
        }
        for rule in [dst.start, dst.end] {
            match rule.day {
                RuleDay::Julian(n) => write!(f, ",J{n}")?,
                RuleDay::Zero(n) => write!(f, ",{n}")?,
                RuleDay::Month(m, w, d) => write!(f, ",M{m}.{w}.{d}")?,
            }
            if rule.time != 2 * HOUR {
                f.write_str("/")?;
                clock(f, rule.time)?;
            }
        }
        Ok(())
    }
}

fn name(f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
    if name.bytes().all(|b| b.is_ascii_alphabetic()) {
        f.write_str(name)
    } else {
        write!(f, "<{name}>")
    }
}

/// `h[:mm[:ss]]` with its sign.
fn clock(f: &mut fmt::Formatter<'_>, seconds: i32) -> fmt::Result {
    if seconds < 0 {
        f.write_str("-")?;
    }
    let s = seconds.abs();
    write!(f, "{}", s / HOUR)?;
    if s % HOUR != 0 {
        write!(f, ":{:02}", s % HOUR / 60)?;
    }
    if s % 60 != 0 {
        write!(f, ":{:02}", s % 60)?;
    }
    Ok(())
}

impl FromStr for PosixTz {
    type Err = PosixTzError;

    fn from_str(text: &str) -> Result<Self, PosixTzError> {
        let fail = |reason| PosixTzError {
            text: text.chars().take(MAX_LEN).collect(),
            reason,
        };
        if text.len() > MAX_LEN {
            return Err(fail("more than 63 characters"));
        }
        let mut r = Reader(text);
        let mut zone = r.zone().map_err(fail)?;
        if r.0.is_empty() {
            zone.spelling = Some(text)
                .filter(|t| *t != zone.to_string())
                .map(Into::into);
            Ok(zone)
        } else {
            Err(fail("something follows the rule"))
        }
    }
}

type Read<T> = Result<T, &'static str>;

struct Reader<'a>(&'a str);

impl<'a> Reader<'a> {
    fn zone(&mut self) -> Read<PosixTz> {
        let std_name = self.name()?;
        if !self
            .0
            .starts_with(|c: char| c.is_ascii_digit() || "+-".contains(c))
        {
            return Err("the offset is missing");
        }
        let std_offset = -self.clock(24)?;
        if self.0.is_empty() {
            return Ok(PosixTz::fixed(std_name, std_offset));
        }
        let name = self.name()?;
        let offset = match self.0.chars().next() {
            None | Some(',') => std_offset + HOUR,
            Some(_) => -self.clock(24)?,
        };
        let (start, end) = if self.0.is_empty() {
            let usa = |month, week| Rule {
                day: RuleDay::Month(month, week, 0),
                time: 2 * HOUR,
            };
            (usa(3, 2), usa(11, 1))
        } else {
            (self.rule()?, self.rule()?)
        };
        let dst = Some(Dst {
            name,
            offset,
            start,
            end,
        });
        Ok(PosixTz {
            dst,
            ..PosixTz::fixed(std_name, std_offset)
        })
    }

    fn name(&mut self) -> Read<String> {
        let (name, rest) = match self.0.strip_prefix('<') {
            Some(quoted) => quoted.split_once('>').ok_or("'<' is not closed")?,
            None => {
                let other = |c: char| !c.is_ascii_alphabetic();
                let end = self.0.find(other).unwrap_or(self.0.len());
                self.0.split_at(end)
            }
        };
        let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'+' || b == b'-';
        if !(3..=16).contains(&name.len()) || !name.bytes().all(fits) {
            return Err("a zone's name has 3 to 16 letters, or digits and signs between < and >");
        }
        self.0 = rest;
        Ok(name.to_owned())
    }

    fn number(&mut self, most: u16) -> Read<u16> {
        let end = self.0.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.0.split_at(end);
        let n = digits.parse::<u16>().ok().filter(|n| *n <= most);
        self.0 = rest;
        n.ok_or("a number is missing or too large")
    }

    fn eat(&mut self, c: char) -> bool {
        match self.0.strip_prefix(c) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    /// `[+-]h[:mm[:ss]]` in seconds.
    fn clock(&mut self, hours: u16) -> Read<i32> {
        let negative = self.eat('-');
        if !negative {
            self.eat('+');
        }
        let mut seconds = i32::from(self.number(hours)?) * HOUR;
        if self.eat(':') {
            seconds += i32::from(self.number(59)?) * 60;
            if self.eat(':') {
                seconds += i32::from(self.number(59)?);
            }
        }
        Ok(if negative { -seconds } else { seconds })
    }

    fn rule(&mut self) -> Read<Rule> {
        if !self.eat(',') {
            return Err("a DST rule is ,start,end");
        }
        let day = if self.eat('J') {
            RuleDay::Julian(self.at_least(1, 365)?)
        } else if self.eat('M') {
            let month = self.at_least(1, 12)?;
            self.dot()?;
            let week = self.at_least(1, 5)?;
            self.dot()?;
            let day = self.number(6)?;
            RuleDay::Month(month as u8, week as u8, day as u8)
        } else {
            RuleDay::Zero(self.number(365)?)
        };
        let time = if self.eat('/') {
            self.clock(167)?
        } else {
            2 * HOUR
        };
        Ok(Rule { day, time })
    }

    fn at_least(&mut self, least: u16, most: u16) -> Read<u16> {
        let n = self.number(most)?;
        if n < least {
            return Err("a number is too small");
        }
        Ok(n)
    }

    fn dot(&mut self) -> Read<()> {
        if self.eat('.') {
            Ok(())
        } else {
            Err("a month rule is Mm.w.d")
        }
    }
}

impl Serialize for PosixTz {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.written())
    }
}

impl<'de> Deserialize<'de> for PosixTz {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for PosixTz {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "PosixTz".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "minLength": 4, "maxLength": MAX_LEN})
    }

    fn inline_schema() -> bool {
        true
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use chrono::{Datelike, NaiveDate};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn two_zones_are_the_same_by_their_rules_not_their_names() {
        let zone = |text: &str| text.parse::<PosixTz>().unwrap();
        let berlin = zone("CET-1CEST,M3.5.0,M10.5.0/3");
        assert!(berlin.same_rule(&zone("AAA-1BBB,M3.5.0,M10.5.0/3")));
        for other in [
            "CET-1",
            "CET-2CEST,M3.5.0,M10.5.0/3",
            "CET-1CEST,M3.5.0,M10.4.0/3",
        ] {
            assert!(!berlin.same_rule(&zone(other)), "{other}");
        }
    }

    #[test]
    fn reads_what_the_tz_database_writes() {
        for text in [
            "UTC0",
            "EST5EDT,M3.2.0,M11.1.0",
            "CET-1CEST,M3.5.0,M10.5.0/3",
            "<-03>3",
            "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0",
            "IST-1GMT0,M10.5.0,M3.5.0/1",
            "<-02>2<-01>,M3.5.0/-1,M10.5.0/0",
            "EET-2EEST,M3.4.4/50,M10.4.4/50",
            "IST-2IDT,M3.4.4/26,M10.5.0",
            "NZST-12NZDT,M9.5.0,M4.1.0/3",
            "AAA-12:34:56BBB,J60,J300/1:02:03",
            "AAA0BBB,59,364/23",
        ] {
            assert_eq!(text.parse::<PosixTz>().unwrap().to_string(), text);
        }
        assert_eq!(
            "EST+5EDT4".parse::<PosixTz>().unwrap().to_string(),
            "EST5EDT,M3.2.0,M11.1.0",
            "the rule of the U.S. where none is given"
        );
    }

    /// Core §8.2: what a client set, it reads back; the rule alone decides about the time.
    #[test]
    fn a_zone_is_kept_as_it_was_written() {
        for text in [
            "CET-1CEST,M3.5.0/2,M10.5.0/3",
            "EST+05EDT",
            "UTC-00:00",
            "<EST>5",
        ] {
            let zone: PosixTz = text.parse().unwrap();
            let stored = serde_json::to_value(&zone).unwrap();
            assert_eq!(stored, text);
            let again: PosixTz = serde_json::from_value(stored).unwrap();
            assert_eq!((again.written(), &again), (text.to_owned(), &zone));
            let plain: PosixTz = zone.to_string().parse().unwrap();
            assert!(plain.same_time(&zone) && plain != zone, "{text}");
            assert_eq!(plain.written(), zone.to_string());
        }
        let berlin: PosixTz = "CET-1CEST,M3.5.0/2,M10.5.0/3".parse().unwrap();
        assert_eq!(berlin.without_dst().written(), "CET-1");
    }

    #[test]
    fn refuses_what_is_none() {
        for text in [
            "",
            "U0",
            "UTC",
            "UTC25",
            "UTC0x",
            "<UTC0",
            "<U TC>0",
            "E5",
            "EST5EDT,M3.2.0",
            "EST5EDT,M13.1.0,M1.1.0",
            "EST5EDT,M3.6.0,M11.1.0",
            "EST5EDT,M3.2.7,M11.1.0",
            "EST5EDT,J0,J5",
            "EST5EDT,366,1",
            "EST5EDT,M3.2.0/168,M11.1.0",
            "EST5EDT,M3.2.0,M11.1.0,",
            "Europe/Berlin",
            "EST5EDT;M3.2.0,M11.1.0",
            "UTC0:60",
            "UTC65536",
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA0",
        ] {
            let e = text.parse::<PosixTz>().unwrap_err();
            assert!(e.to_string().contains("no POSIX time zone"), "{text}: {e}");
        }
    }

    /// SYS-15: the page's rule becomes the string, and back.
    #[test]
    fn the_page_and_the_string_say_the_same() {
        let std: PosixTz = "EST5".parse().unwrap();
        let start = YearMoment::new(3, Week::Second, Weekday::Sun, 2);
        let end = YearMoment::new(11, Week::First, Weekday::Sun, 2);
        let zone = std.with_dst(start, end);
        assert_eq!(zone.to_string(), "EST5<-04>,M3.2.0,M11.1.0");
        assert_eq!(zone.page_rule(), Some((start, end)));
        assert_eq!(zone.without_dst(), std);
        for unlike in [
            "UTC0",
            "IST-2IDT,M3.4.4/26,M10.5.0",
            "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0",
        ] {
            assert_eq!(
                unlike.parse::<PosixTz>().unwrap().page_rule(),
                None,
                "{unlike}"
            );
        }
    }

    #[test]
    fn days_are_those_of_the_calendar() {
        for (rule, year, want) in [
            (RuleDay::Month(3, 2, 0), 2026, (3, 8)),
            (RuleDay::Month(11, 1, 0), 2026, (11, 1)),
            (RuleDay::Month(3, 5, 0), 2026, (3, 29)),
            (RuleDay::Month(2, 5, 0), 2026, (2, 22)),
            (RuleDay::Month(12, 5, 4), 2026, (12, 31)),
            (RuleDay::Julian(60), 2024, (3, 1)),
            (RuleDay::Julian(59), 2024, (2, 28)),
            (RuleDay::Zero(59), 2024, (2, 29)),
        ] {
            let day = NaiveDate::from_epoch_days(rule.days(year) as i32).unwrap();
            assert_eq!((day.month(), day.day()), want, "{rule:?} {year}");
        }
    }

    pub(crate) fn any_zone() -> impl Strategy<Value = PosixTz> {
        let name = "[A-Z]{3,5}|[+-][0-9]{2,4}";
        let offset = (-24 * HOUR..=24 * HOUR).prop_map(|s| s / 900 * 900);
        let day = prop_oneof![
            (1u16..=365).prop_map(RuleDay::Julian),
            (0u16..=365).prop_map(RuleDay::Zero),
            (1u8..=12, 1u8..=5, 0u8..=6).prop_map(|(m, w, d)| RuleDay::Month(m, w, d)),
        ];
        let rule = (day, -167 * HOUR..=167 * HOUR).prop_map(|(day, time)| Rule { day, time });
        let dst =
            (name, offset.clone(), rule.clone(), rule).prop_map(|(name, offset, start, end)| Dst {
                name,
                offset,
                start,
                end,
            });
        (name, offset, proptest::option::of(dst)).prop_map(|(std_name, std_offset, dst)| PosixTz {
            dst,
            ..PosixTz::fixed(std_name, std_offset)
        })
    }

    proptest! {
        #[test]
        fn write_then_read_is_the_same(zone in any_zone()) {
            let text = zone.to_string();
            prop_assume!(text.len() <= MAX_LEN);
            prop_assert_eq!(text.parse::<PosixTz>().unwrap(), zone);
        }

        #[test]
        fn never_panics(text in ".{0,80}|[A-Z<>0-9,./:JM+-]{0,40}") {
            if let Ok(zone) = text.parse::<PosixTz>() {
                let _ = zone.transitions(2026);
                prop_assert_eq!(zone.written(), text);
                let again = zone.to_string().parse::<PosixTz>().unwrap();
                prop_assert!(again.same_time(&zone));
            }
        }

        #[test]
        fn days_count_like_chrono(year in 1900i32..2200, day in 0i32..365) {
            let date = NaiveDate::from_yo_opt(year, day as u32 + 1).unwrap();
            let days = days_from_civil(year, date.month() as u8, date.day() as u8);
            prop_assert_eq!(days, i64::from(date.to_epoch_days()));
        }
    }
}
