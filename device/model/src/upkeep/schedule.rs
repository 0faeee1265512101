//! When Auto Restart is due. Pure: time and time zone are arguments.

use std::time::Duration;

use chrono::{Datelike, Days, NaiveDate, NaiveDateTime, Weekday};
use lpr_core::UtcTime;

use crate::{
    settings::{Maintenance, RestartDay},
    time::{PosixTz, Resolved},
};

/// A moment that the clock has passed by more than this is left out: it lay in a jump of the clock, and
/// a restart in the middle of the day helps nobody.
const LATE: Duration = Duration::from_secs(600);
/// A served moment further ahead than this was served by a wrong clock and counts no more.
const AHEAD: Duration = Duration::from_secs(26 * 3600);

/// Which moment is waited for (SYS-19).
///
/// The clock may jump and the schedule may change between two calls of [`RestartPlan::due`]; no moment is
/// ever served twice.
#[derive(Clone, Debug, Default)]
pub struct RestartPlan {
    served: Option<UtcTime>,
    waiting: Option<(Maintenance, UtcTime)>,
    seen: Option<UtcTime>,
}

impl RestartPlan {
    /// `served` is the last moment that was served, also before a restart.
    pub fn new(served: Option<UtcTime>) -> Self {
        Self {
            served,
            ..Self::default()
        }
    }

    /// The moment to serve now, once. The caller restarts.
    pub fn due(&mut self, section: &Maintenance, now: UtcTime, zone: &PosixTz) -> Option<UtcTime> {
        let back = self.seen.is_some_and(|seen| now < seen);
        self.seen = Some(now);
        if !section.auto_restart {
            self.waiting = None;
            return None;
        }
        // Another schedule or a clock set back: the moment is sought anew. A change of the time zone shows as
        // another moment too.
        let moment = match &self.waiting {
            Some((same, moment)) if !back && same == section && now >= *moment => *moment,
            _ => self.next_after(section, now, zone)?,
        };
        if now < moment {
            self.waiting = Some((section.clone(), moment));
            return None;
        }
        self.served = Some(moment);
        let following = self.next_after(section, now, zone);
        self.waiting = following.map(|m| (section.clone(), m));
        (since(now, moment) <= LATE).then_some(moment)
    }

    /// The next moment after `now` that was not served, for showing and waiting; `None` when it is off.
    pub fn next_after(
        &self,
        section: &Maintenance,
        now: UtcTime,
        zone: &PosixTz,
    ) -> Option<UtcTime> {
        if !section.auto_restart {
            return None;
        }
        let served = self.served.filter(|s| since(*s, now) <= AHEAD);
        let after = served.map_or(now, |s| s.max(now));
        next(section, after, zone)
    }
}

fn since(later: UtcTime, earlier: UtcTime) -> Duration {
    Duration::from_micros(u64::try_from(later.as_micros() - earlier.as_micros()).unwrap_or(0))
}

/// The first moment of the schedule strictly after `after`.
fn next(section: &Maintenance, after: UtcTime, zone: &PosixTz) -> Option<UtcTime> {
    let today = zone.local(after).at.date_naive();
    let first = today.checked_sub_days(Days::new(1))?;
    (0..=9)
        .filter_map(|n| first.checked_add_days(Days::new(n)))
        .filter(|day| matches(section.day, *day))
        .filter_map(|day| {
            let local =
                day.and_hms_opt(section.time.hour().into(), section.time.minute().into(), 0)?;
            moment(local, zone)
        })
        .find(|m| *m > after)
}

fn matches(day: RestartDay, date: NaiveDate) -> bool {
    let wanted = match day {
        RestartDay::EveryDay => return true,
        RestartDay::Monday => Weekday::Mon,
        RestartDay::Tuesday => Weekday::Tue,
        RestartDay::Wednesday => Weekday::Wed,
        RestartDay::Thursday => Weekday::Thu,
        RestartDay::Friday => Weekday::Fri,
        RestartDay::Saturday => Weekday::Sat,
        RestartDay::Sunday => Weekday::Sun,
    };
    date.weekday() == wanted
}

/// The moment of a local date and time: the first of two; the end of the gap when it does not exist.
fn moment(local: NaiveDateTime, zone: &PosixTz) -> Option<UtcTime> {
    match zone.resolve(local) {
        Resolved::Once(t) | Resolved::Twice(t, _) => Some(t),
        // Put forward within the two days around it.
        Resolved::Never => {
            let day_before = local.checked_sub_days(Days::new(1))?.and_utc();
            zone.next_change(day_before.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::TimeOfDay;

    fn at(text: &str) -> UtcTime {
        text.parse().unwrap()
    }

    fn schedule(day: RestartDay, hour: u8, minute: u8) -> Maintenance {
        Maintenance {
            auto_restart: true,
            day,
            time: TimeOfDay::new(hour, minute).unwrap(),
            ..Maintenance::default()
        }
    }

    /// In 2026 summer time lasts from 29 March 01:00 UTC to 25 October 01:00 UTC.
    fn berlin() -> PosixTz {
        "CET-1CEST,M3.5.0,M10.5.0/3".parse().unwrap()
    }

    /// SYS-19: every row is schedule, now, next moment.
    #[test]
    fn next_moments() {
        use RestartDay::{EveryDay, Monday, Sunday};
        for (day, hour, minute, now, want) in [
            (
                EveryDay,
                3,
                0,
                "2026-01-10T01:59:59Z",
                "2026-01-10T02:00:00Z",
            ),
            (
                EveryDay,
                3,
                0,
                "2026-01-10T02:00:00Z",
                "2026-01-11T02:00:00Z",
            ),
            (
                EveryDay,
                0,
                0,
                "2026-01-10T22:30:00Z",
                "2026-01-10T23:00:00Z",
            ),
            (
                EveryDay,
                23,
                59,
                "2026-01-10T23:30:00Z",
                "2026-01-11T22:59:00Z",
            ),
            // 2026-01-12 is a Monday.
            (Monday, 3, 0, "2026-01-10T00:00:00Z", "2026-01-12T02:00:00Z"),
            (Monday, 3, 0, "2026-01-12T02:00:00Z", "2026-01-19T02:00:00Z"),
            // The gap: 02:30 does not exist on 29 March; its end does.
            (
                EveryDay,
                2,
                30,
                "2026-03-28T12:00:00Z",
                "2026-03-29T01:00:00Z",
            ),
            (
                EveryDay,
                2,
                30,
                "2026-03-29T01:00:00Z",
                "2026-03-30T00:30:00Z",
            ),
            // The hour that exists twice: the first one, and not the second.
            (
                Sunday,
                2,
                30,
                "2026-10-24T12:00:00Z",
                "2026-10-25T00:30:00Z",
            ),
            (
                EveryDay,
                2,
                30,
                "2026-10-25T00:30:00Z",
                "2026-10-26T01:30:00Z",
            ),
        ] {
            let got = next(&schedule(day, hour, minute), at(now), &berlin());
            assert_eq!(got, Some(at(want)), "{day:?} {hour}:{minute} after {now}");
        }
    }

    #[test]
    fn a_moment_is_served_once_whatever_the_clock_does() {
        let s = schedule(RestartDay::EveryDay, 3, 0);
        let mut plan = RestartPlan::new(None);
        let utc = PosixTz::utc();
        assert_eq!(plan.due(&s, at("2026-01-10T02:59:58Z"), &utc), None);
        assert_eq!(
            plan.due(&s, at("2026-01-10T03:00:01Z"), &utc),
            Some(at("2026-01-10T03:00:00Z"))
        );
        // Set back by NTP, and again after the restart that it caused.
        for mut plan in [
            plan.clone(),
            RestartPlan::new(Some(at("2026-01-10T03:00:00Z"))),
        ] {
            for now in [
                "2026-01-10T02:59:59Z",
                "2026-01-10T03:00:00Z",
                "2026-01-10T03:00:02Z",
            ] {
                assert_eq!(plan.due(&s, at(now), &utc), None, "{now}");
            }
            assert_eq!(
                plan.due(&s, at("2026-01-11T03:00:00Z"), &utc),
                Some(at("2026-01-11T03:00:00Z"))
            );
        }
        // A jump over the moment leaves it out; the next one counts.
        let mut plan = RestartPlan::new(None);
        assert_eq!(plan.due(&s, at("2026-01-10T02:00:00Z"), &utc), None);
        assert_eq!(plan.due(&s, at("2026-01-10T12:00:00Z"), &utc), None);
        assert_eq!(
            plan.due(&s, at("2026-01-11T03:00:30Z"), &utc),
            Some(at("2026-01-11T03:00:00Z"))
        );
        // Served while the clock was years ahead: that does not hold up the right clock.
        let mut plan = RestartPlan::new(Some(at("2036-01-10T03:00:00Z")));
        assert_eq!(plan.due(&s, at("2026-01-10T02:59:58Z"), &utc), None);
        assert_eq!(
            plan.due(&s, at("2026-01-10T03:00:00Z"), &utc),
            Some(at("2026-01-10T03:00:00Z"))
        );
    }

    #[test]
    fn switching_off_and_changing_the_schedule_count_at_once() {
        let utc = PosixTz::utc();
        let mut plan = RestartPlan::new(None);
        let s = schedule(RestartDay::EveryDay, 3, 0);
        assert_eq!(plan.due(&s, at("2026-01-10T02:59:00Z"), &utc), None);
        let off = Maintenance {
            auto_restart: false,
            ..s.clone()
        };
        assert_eq!(plan.due(&off, at("2026-01-10T03:00:00Z"), &utc), None);
        assert_eq!(
            plan.next_after(&off, at("2026-01-10T03:00:00Z"), &utc),
            None
        );
        // On again a second after the moment: it is over.
        assert_eq!(plan.due(&s, at("2026-01-10T03:00:01Z"), &utc), None);
        let later = schedule(RestartDay::EveryDay, 3, 1);
        assert_eq!(plan.due(&later, at("2026-01-10T03:00:02Z"), &utc), None);
        assert_eq!(
            plan.due(&later, at("2026-01-10T03:01:00Z"), &utc),
            Some(at("2026-01-10T03:01:00Z"))
        );
    }

    proptest::proptest! {
        /// Over a year of seconds-long steps with random jumps: moments are a day apart, none is served twice,
        /// and each reads as the wanted local time unless that falls into the gap.
        #[test]
        fn moments_read_as_the_wanted_time(hour in 0u8..24, minute in 0u8..60, start in 0i64..365 * 24 * 60) {
            let s = schedule(RestartDay::EveryDay, hour, minute);
            let now = UtcTime::from_millis(at("2026-01-01T00:00:00Z").as_millis() + start * 60_000);
            let m = next(&s, now, &berlin()).unwrap();
            proptest::prop_assert!(m > now);
            proptest::prop_assert!(since(m, now) <= Duration::from_secs(25 * 3600));
            let text = berlin().local(m).at.format("%H:%M").to_string();
            proptest::prop_assert!(text == s.time.to_string() || m == at("2026-03-29T01:00:00Z"), "{m} reads {text}");
        }
    }
}
