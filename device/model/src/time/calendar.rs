use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bounded;

bounded! {
    /// Month, 1 for January.
    pub struct Month(u8) in 1..=12, unit ""
}
bounded! {
    /// Hour of the day.
    pub struct Hour(u8) in 0..=23, unit "h"
}

/// Which one of its kind in the month (SYS-15).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum Week {
    /// The first.
    #[serde(rename = "1")]
    First,
    /// The second.
    #[serde(rename = "2")]
    Second,
    /// The third.
    #[serde(rename = "3")]
    Third,
    /// The fourth.
    #[serde(rename = "4")]
    Fourth,
    /// The last, be it the fourth or the fifth.
    #[serde(rename = "last")]
    Last,
}

impl Week {
    /// The number of POSIX: 5 means the last.
    pub const fn number(self) -> u8 {
        match self {
            Self::First => 1,
            Self::Second => 2,
            Self::Third => 3,
            Self::Fourth => 4,
            Self::Last => 5,
        }
    }

    /// From the number of POSIX.
    pub const fn of(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::First,
            2 => Self::Second,
            3 => Self::Third,
            4 => Self::Fourth,
            5 => Self::Last,
            _ => return None,
        })
    }
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(rename_all = "lowercase")]
pub enum Weekday {
    /// Sunday.
    Sun,
    /// Monday.
    Mon,
    /// Tuesday.
    Tue,
    /// Wednesday.
    Wed,
    /// Thursday.
    Thu,
    /// Friday.
    Fri,
    /// Saturday.
    Sat,
}

impl Weekday {
    /// All of them, Sunday first; the place is the number of POSIX.
    pub const ALL: [Self; 7] = [
        Self::Sun,
        Self::Mon,
        Self::Tue,
        Self::Wed,
        Self::Thu,
        Self::Fri,
        Self::Sat,
    ];

    /// The number of POSIX: 0 for Sunday.
    pub const fn number(self) -> u8 {
        self as u8
    }
}

/// A moment that comes every year, as the page asks for it (SYS-15): "the second Sunday of March, 2 h".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(deny_unknown_fields)]
pub struct YearMoment {
    /// Month, 1 to 12.
    #[schemars(title = "Month")]
    pub month: Month,
    /// Which one in the month.
    #[schemars(title = "Week")]
    pub week: Week,
    /// Day of the week.
    #[schemars(title = "Weekday")]
    pub weekday: Weekday,
    /// Hour of the clock as it is before the change.
    #[schemars(title = "Hour")]
    pub hour: Hour,
}

impl YearMoment {
    /// Puts a moment together; numbers outside their bounds take the nearest one.
    pub const fn new(month: u8, week: Week, weekday: Weekday, hour: u8) -> Self {
        Self {
            month: Month::clamped(month as i64),
            week,
            weekday,
            hour: Hour::clamped(hour as i64),
        }
    }
}
