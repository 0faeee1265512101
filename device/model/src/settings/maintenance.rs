use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CheckContext, Section, url};
use crate::{Permission, Violation, Violations};

/// A time of day, local, to the minute; as text `hh:mm`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TimeOfDay {
    hour: u8,
    minute: u8,
}

impl TimeOfDay {
    /// `None` outside 00:00 to 23:59.
    pub const fn new(hour: u8, minute: u8) -> Option<Self> {
        if hour < 24 && minute < 60 {
            Some(Self { hour, minute })
        } else {
            None
        }
    }

    /// Hour, 0 to 23.
    pub const fn hour(self) -> u8 {
        self.hour
    }

    /// Minute, 0 to 59.
    pub const fn minute(self) -> u8 {
        self.minute
    }
}

impl FromStr for TimeOfDay {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        let two = |t: &str| (t.len() == 2).then(|| t.parse().ok()).flatten();
        s.split_once(':')
            .filter(|_| s.bytes().all(|b| b == b':' || b.is_ascii_digit()))
            .and_then(|(h, m)| Self::new(two(h)?, two(m)?))
            .ok_or_else(|| format!("'{s:.16}' is not a time from 00:00 to 23:59"))
    }
}

impl TryFrom<String> for TimeOfDay {
    type Error = String;

    fn try_from(s: String) -> Result<Self, String> {
        s.parse()
    }
}

impl From<TimeOfDay> for String {
    fn from(t: TimeOfDay) -> Self {
        t.to_string()
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.hour, self.minute)
    }
}

impl JsonSchema for TimeOfDay {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "TimeOfDay".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$", "x-widget": "time",
        })
    }

    fn inline_schema() -> bool {
        true
    }
}

/// The days of Auto Restart (SYS-19, C-26).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub enum RestartDay {
    /// All days.
    EveryDay,
    /// Mondays.
    Monday,
    /// Tuesdays.
    Tuesday,
    /// Wednesdays.
    Wednesday,
    /// Thursdays.
    Thursday,
    /// Fridays.
    Friday,
    /// Saturdays.
    Saturday,
    /// Sundays.
    Sunday,
}

/// Scheduled restart and search for upgrades (SYS-19, SYS-27, SYS-29).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Maintenance {
    /// Restart the unit at each scheduled moment.
    #[schemars(title = "Auto Restart")]
    pub auto_restart: bool,
    /// On which days.
    #[schemars(title = "Day", extend("x-visible-when" = {"auto_restart": true}))]
    pub day: RestartDay,
    /// Local time.
    #[schemars(title = "Time", extend("x-visible-when" = {"auto_restart": true}))]
    pub time: TimeOfDay,
    /// Look once a day for a newer version at the address below and tell about it.
    #[schemars(title = "Automatic Detection")]
    pub auto_check: bool,
    /// Address of the signed list of versions, https or http; empty: there is none.
    #[schemars(title = "Upgrade Server", length(max = 255))]
    pub url: String,
}

impl Default for Maintenance {
    fn default() -> Self {
        Self {
            auto_restart: false,
            day: RestartDay::EveryDay,
            time: TimeOfDay { hour: 3, minute: 0 },
            auto_check: false,
            url: String::new(),
        }
    }
}

impl Section for Maintenance {
    const KEY: &'static str = "maintenance";
    const TITLE: &'static str = "Upgrade and Maintenance";
    const PAGE: &'static str = "Setting/System/Upgrade and Maintenance";
    const WRITE: Permission = Permission::Maintenance;

    fn check(&self, _cx: &CheckContext<'_>, violations: &mut Violations) {
        url::require("/url", &self.url, violations);
        violations.require(!self.auto_check || !self.url.is_empty(), || {
            Violation::new("/url", "", "Automatic Detection needs an address")
        });
    }
}

/// What is offered to monitoring systems.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Monitoring {
    /// Serve `/metrics` in Prometheus' text format to users who may read the log.
    #[schemars(title = "Metrics")]
    pub metrics: bool,
}

impl Section for Monitoring {
    const KEY: &'static str = "monitoring";
    const TITLE: &'static str = "Monitoring";
    const PAGE: &'static str = "Setting/System/System Service";
    const WRITE: Permission = Permission::SystemConfig;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_hours_and_minutes() {
        for (text, want) in [
            ("00:00", Some((0, 0))),
            ("23:59", Some((23, 59))),
            // refused
            ("24:00", None),
            ("3:00", None),
            ("03:60", None),
            ("+3:00", None),
            ("03:00:00", None),
            ("", None),
            ("ää:ää", None),
        ] {
            let got = text.parse::<TimeOfDay>();
            let want = want.and_then(|(h, m)| TimeOfDay::new(h, m));
            assert_eq!(got.as_ref().ok(), want.as_ref(), "{text}: {got:?}");
            assert!(want.is_none_or(|t| t.to_string() == text));
        }
    }
}
