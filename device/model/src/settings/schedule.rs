//! Times of a week: when something may happen. One form for everything that has a schedule (ALARM-3..6).

use std::{fmt, str::FromStr};

use chrono::{Datelike, NaiveDateTime, Timelike, Weekday};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Minutes of a day.
const DAY: u16 = 24 * 60;

/// A part of a day, to the minute, without its end; as text `hh:mm-hh:mm`, the end of the day is `24:00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Period {
    from: u16,
    to: u16,
}

impl Period {
    /// The whole day.
    pub const ALL_DAY: Self = Self { from: 0, to: DAY };

    /// From one minute of the day until another, which is no longer in it; `None` when that is no period of a day.
    pub const fn new(from: u16, to: u16) -> Option<Self> {
        if from < to && to <= DAY {
            Some(Self { from, to })
        } else {
            None
        }
    }

    /// Its first minute of the day.
    pub const fn from(self) -> u16 {
        self.from
    }

    /// The minute of the day that ends it.
    pub const fn to(self) -> u16 {
        self.to
    }

    /// Whether a minute of the day is in it.
    pub const fn contains(self, minute: u16) -> bool {
        self.from <= minute && minute < self.to
    }
}

/// Minute of the day of `hh:mm`, up to 24:00.
fn minute(text: &str) -> Option<u16> {
    let two = |t: &str| {
        let digits = t.len() == 2 && t.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| t.parse::<u16>().ok()).flatten()
    };
    let (h, m) = text.split_once(':')?;
    let (h, m) = (two(h)?, two(m)?);
    Some(h * 60 + m).filter(|n| m < 60 && *n <= DAY)
}

impl FromStr for Period {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        s.split_once('-')
            .and_then(|(from, to)| Self::new(minute(from)?, minute(to)?))
            .ok_or_else(|| {
                format!("'{s:.16}' is not a period such as 08:00-17:30, its end after its start, 24:00 at the latest")
            })
    }
}

impl TryFrom<String> for Period {
    type Error = String;

    fn try_from(s: String) -> Result<Self, String> {
        s.parse()
    }
}

impl From<Period> for String {
    fn from(p: Period) -> Self {
        p.to_string()
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [from, to] = [self.from, self.to].map(|m| (m / 60, m % 60));
        write!(f, "{:02}:{:02}-{:02}:{:02}", from.0, from.1, to.0, to.1)
    }
}

impl JsonSchema for Period {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Period".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$",
        })
    }

    fn inline_schema() -> bool {
        true
    }
}

/// The periods of one day: at most six, in their order, none over another (ALARM-5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Period>", into = "Vec<Period>")]
pub struct DayPeriods(Vec<Period>);

impl DayPeriods {
    /// Most periods of a day.
    pub const MAX: usize = 6;

    /// The periods in their order.
    pub fn periods(&self) -> &[Period] {
        &self.0
    }
}

/// All day.
impl Default for DayPeriods {
    fn default() -> Self {
        Self(vec![Period::ALL_DAY])
    }
}

impl TryFrom<Vec<Period>> for DayPeriods {
    type Error = String;

    fn try_from(mut periods: Vec<Period>) -> Result<Self, String> {
        let n = periods.len();
        if n > Self::MAX {
            return Err(format!("{n} periods; a day has at most {}", Self::MAX));
        }
        periods.sort_unstable();
        let over = periods.windows(2).find(|w| w[1].from < w[0].to);
        match over {
            Some(w) => Err(format!("{} and {} overlap", w[0], w[1])),
            None => Ok(Self(periods)),
        }
    }
}

impl From<DayPeriods> for Vec<Period> {
    fn from(day: DayPeriods) -> Self {
        day.0
    }
}

impl JsonSchema for DayPeriods {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "DayPeriods".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let items = Period::json_schema(generator);
        schemars::json_schema!({"type": "array", "items": items, "maxItems": 6})
    }

    fn inline_schema() -> bool {
        true
    }
}

/// When something may happen, by the unit's clock: periods of each day of the week.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(deny_unknown_fields)]
pub struct WeekSchedule {
    /// Periods of Sundays such as `08:00-17:30`, at most six.
    #[schemars(title = "Sunday")]
    pub sunday: DayPeriods,
    /// Periods of Mondays.
    #[schemars(title = "Monday")]
    pub monday: DayPeriods,
    /// Periods of Tuesdays.
    #[schemars(title = "Tuesday")]
    pub tuesday: DayPeriods,
    /// Periods of Wednesdays.
    #[schemars(title = "Wednesday")]
    pub wednesday: DayPeriods,
    /// Periods of Thursdays.
    #[schemars(title = "Thursday")]
    pub thursday: DayPeriods,
    /// Periods of Fridays.
    #[schemars(title = "Friday")]
    pub friday: DayPeriods,
    /// Periods of Saturdays.
    #[schemars(title = "Saturday")]
    pub saturday: DayPeriods,
}

impl WeekSchedule {
    /// The periods of a day.
    pub fn day(&self, day: Weekday) -> &DayPeriods {
        match day {
            Weekday::Sun => &self.sunday,
            Weekday::Mon => &self.monday,
            Weekday::Tue => &self.tuesday,
            Weekday::Wed => &self.wednesday,
            Weekday::Thu => &self.thursday,
            Weekday::Fri => &self.friday,
            Weekday::Sat => &self.saturday,
        }
    }

    /// Whether a local time is in one of its periods.
    pub fn contains(&self, local: NaiveDateTime) -> bool {
        // At most 23 * 60 + 59.
        let minute = u16::try_from(local.hour() * 60 + local.minute()).unwrap_or(DAY);
        let periods = self.day(local.weekday()).periods();
        periods.iter().any(|p| p.contains(minute))
    }
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;
    use proptest::prelude::*;

    use super::*;

    fn day(texts: &[&str]) -> Result<DayPeriods, String> {
        let periods = texts
            .iter()
            .map(|t| t.parse())
            .collect::<Result<Vec<_>, _>>()?;
        periods.try_into()
    }

    fn at(text: &str) -> NaiveDateTime {
        text.parse().unwrap()
    }

    /// ALARM-5: up to six, in any order, touching ones are two; the mistakes name what is wrong.
    #[test]
    fn a_day_has_up_to_six_periods_that_do_not_overlap() {
        let six = [
            "20:00-24:00",
            "00:00-01:00",
            "01:00-02:00",
            "03:00-04:00",
            "05:00-06:00",
            "07:00-08:00",
        ];
        let good = day(&six).unwrap();
        assert_eq!(good.periods()[0].to_string(), "00:00-01:00");
        assert_eq!(good.periods().len(), 6);
        let seven = [&six[..], &["09:00-10:00"]].concat();
        for (texts, why) in [
            (&seven[..], "7 periods; a day has at most 6"),
            (
                &["08:00-12:00", "11:59-13:00"],
                "08:00-12:00 and 11:59-13:00 overlap",
            ),
            (&["08:00-12:00", "08:00-12:00"], "overlap"),
            (&["00:00-24:00", "08:00-12:00"], "overlap"),
            (&["12:00-08:00"], "not a period"),
            (&["08:00-08:00"], "not a period"),
            (&["08:00-24:01"], "not a period"),
            (&["24:00-24:00"], "not a period"),
            (&["8:00-9:00"], "not a period"),
            (&["08:60-09:00"], "not a period"),
            (&["08:00"], "not a period"),
            (&["+8:00-09:00"], "not a period"),
        ] {
            let e = day(texts).unwrap_err();
            assert!(e.contains(why), "{texts:?}: {e}");
        }
    }

    /// ALARM-4, ALARM-7: each day by itself, the end of a period is not in it.
    #[test]
    fn a_week_tells_when_it_holds() {
        let mut week = WeekSchedule::default();
        assert!(week.contains(at("2026-11-27T00:00:00")), "all day at first");
        assert!(week.contains(at("2026-11-28T23:59:59")));
        // 2026-11-27 is a Friday.
        week.friday = day(&["08:00-12:00", "22:00-24:00"]).unwrap();
        week.saturday = day(&[]).unwrap();
        for (time, holds) in [
            ("2026-11-27T07:59:59", false),
            ("2026-11-27T08:00:00", true),
            ("2026-11-27T11:59:59", true),
            ("2026-11-27T12:00:00", false),
            ("2026-11-27T23:59:59", true),
            ("2026-11-28T00:00:00", false),
            ("2026-11-28T12:00:00", false),
            ("2026-11-29T00:00:00", true),
        ] {
            assert_eq!(week.contains(at(time)), holds, "{time}");
        }
    }

    proptest! {
        /// What is written is read again, and hostile text is refused, never worse.
        #[test]
        fn periods_are_read_as_written(from in 0u16..1440, len in 1u16..1440) {
            if let Some(p) = Period::new(from, from + len) {
                prop_assert_eq!(p.to_string().parse(), Ok(p));
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,40}") {
            let _ = text.parse::<Period>();
        }

        /// A week holds exactly in the minutes of its periods.
        #[test]
        fn a_day_holds_in_the_minutes_of_its_periods(
            cuts in proptest::collection::btree_set(0u16..=1440, 0..12), minute in 0u32..1440
        ) {
            let cuts: Vec<u16> = cuts.into_iter().collect();
            let periods: Vec<Period> = cuts.chunks_exact(2).filter_map(|c| Period::new(c[0], c[1])).collect();
            let want = periods.iter().any(|p| u32::from(p.from()) <= minute && minute < u32::from(p.to()));
            let day = DayPeriods::try_from(periods).unwrap();
            let text = serde_json::to_string(&day).unwrap();
            prop_assert_eq!(&serde_json::from_str::<DayPeriods>(&text).unwrap(), &day);
            let week = WeekSchedule { wednesday: day, ..WeekSchedule::default() };
            let date = NaiveDate::from_ymd_opt(2026, 11, 25).unwrap();
            let local = date.and_hms_opt(minute / 60, minute % 60, 30).unwrap();
            prop_assert_eq!(week.contains(local), want);
        }
    }
}
