use chrono::{DateTime, Datelike, FixedOffset, Timelike};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Order of year, month and day (SYS-11).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum DateFormat {
    /// 11-26-2026.
    #[serde(rename = "MM-DD-YYYY")]
    MonthDayYear,
    /// 2026-11-26.
    #[serde(rename = "YYYY-MM-DD")]
    YearMonthDay,
    /// 26-11-2026.
    #[serde(rename = "DD-MM-YYYY")]
    DayMonthYear,
}

/// Hours to 12 or to 24 (SYS-12).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum TimeFormat {
    /// 06:48:45 AM.
    #[serde(rename = "12-hour")]
    Twelve,
    /// 06:48:45.
    #[serde(rename = "24-hour")]
    TwentyFour,
}

/// Date and time as people read them on this unit: pages, exports, names of files (SYS-11, SYS-12, SYS-16).
pub fn local_text(at: DateTime<FixedOffset>, date: DateFormat, time: TimeFormat) -> String {
    format!("{} {}", date_text(at, date), time_text(at, time))
}

/// The date alone.
pub fn date_text(at: DateTime<FixedOffset>, format: DateFormat) -> String {
    let (y, m, d) = (at.year(), at.month(), at.day());
    match format {
        DateFormat::MonthDayYear => format!("{m:02}-{d:02}-{y:04}"),
        DateFormat::YearMonthDay => format!("{y:04}-{m:02}-{d:02}"),
        DateFormat::DayMonthYear => format!("{d:02}-{m:02}-{y:04}"),
    }
}

/// The time alone.
pub fn time_text(at: DateTime<FixedOffset>, format: TimeFormat) -> String {
    let (minute, second) = (at.minute(), at.second());
    match format {
        TimeFormat::TwentyFour => format!("{:02}:{minute:02}:{second:02}", at.hour()),
        TimeFormat::Twelve => {
            let (pm, hour) = at.hour12();
            let half = if pm { "PM" } else { "AM" };
            format!("{hour:02}:{minute:02}:{second:02} {half}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SYS-11, SYS-12.
    #[test]
    fn all_formats() {
        let at = |text: &str| DateTime::parse_from_rfc3339(text).unwrap();
        let (night, noon) = (
            at("2026-11-05T00:07:09-05:00"),
            at("2026-11-05T12:07:09-05:00"),
        );
        use DateFormat as D;
        use TimeFormat as T;
        for (date, time, want_night, want_noon) in [
            (
                D::MonthDayYear,
                T::Twelve,
                "11-05-2026 12:07:09 AM",
                "11-05-2026 12:07:09 PM",
            ),
            (
                D::YearMonthDay,
                T::TwentyFour,
                "2026-11-05 00:07:09",
                "2026-11-05 12:07:09",
            ),
            (
                D::DayMonthYear,
                T::TwentyFour,
                "05-11-2026 00:07:09",
                "05-11-2026 12:07:09",
            ),
        ] {
            assert_eq!(local_text(night, date, time), want_night);
            assert_eq!(local_text(noon, date, time), want_noon);
        }
    }
}
