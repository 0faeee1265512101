use chrono::{DateTime, Datelike, FixedOffset, NaiveDateTime, Utc};
use lpr_core::UtcTime;

use super::posix::{PosixTz, days_from_civil};

/// First and last moment to which the clock may be set: 2000-01-01 and 2099-12-31T23:59:59, UTC.
const BOUNDS: (i64, i64) = (946_684_800_000, 4_102_444_799_999);

/// Whether the clock may be set to `t`.
pub fn in_bounds(t: UtcTime) -> bool {
    (BOUNDS.0..=BOUNDS.1).contains(&t.as_millis())
}

/// A moment as the clock on the wall shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalTime {
    /// Date and time with the offset of this moment.
    pub at: DateTime<FixedOffset>,
    /// Whether DST is in force.
    pub dst: bool,
}

/// Which moments a local time means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolved {
    /// One.
    Once(UtcTime),
    /// The clock was put back: it shows this time twice.
    Twice(UtcTime, UtcTime),
    /// The clock was put forward over it.
    Never,
}

impl PosixTz {
    /// Whether DST is in force at `t`.
    pub fn is_dst(&self, t: UtcTime) -> bool {
        let seconds = t.as_micros().div_euclid(1_000_000);
        // The year on the wall of standard time; rules with large hours reach into the neighbours.
        let year = year_of(seconds + i64::from(self.std_offset));
        let last = (year - 1..=year + 1)
            .filter_map(|y| self.transitions(y))
            .flat_map(|t| [(t.start, true), (t.end, false)])
            .filter(|(at, _)| *at <= seconds)
            // Where both fall on one moment the start wins: such strings mean "DST all year".
            .max();
        last.is_some_and(|(_, dst)| dst)
    }

    /// Seconds east of UTC at `t`.
    pub fn offset_at(&self, t: UtcTime) -> i32 {
        match &self.dst {
            Some(dst) if self.is_dst(t) => dst.offset,
            _ => self.std_offset,
        }
    }

    /// `t` on the wall.
    pub fn local(&self, t: UtcTime) -> LocalTime {
        let dst = self.is_dst(t);
        let utc = DateTime::<Utc>::from(t);
        let zero = utc.fixed_offset();
        // Offsets of a parsed zone are at most 25 h; those FixedOffset cannot hold read as UTC.
        let at = FixedOffset::east_opt(self.offset_at(t)).map_or(zero, |o| utc.with_timezone(&o));
        LocalTime { at, dst }
    }

    /// The moments at which the wall shows `local`.
    pub fn resolve(&self, local: NaiveDateTime) -> Resolved {
        let micros = local.and_utc().timestamp_micros();
        let candidate = |offset: i32| {
            let t = UtcTime::from_micros(micros - i64::from(offset) * 1_000_000);
            (self.offset_at(t) == offset).then_some(t)
        };
        let standard = candidate(self.std_offset);
        let dst = self.dst.as_ref().and_then(|d| candidate(d.offset));
        match (standard, dst) {
            (Some(a), Some(b)) if a != b => Resolved::Twice(a.min(b), a.max(b)),
            (Some(t), _) | (None, Some(t)) => Resolved::Once(t),
            (None, None) => Resolved::Never,
        }
    }

    /// The next change of the offset after `t`, if there is one.
    pub fn next_change(&self, t: UtcTime) -> Option<UtcTime> {
        let seconds = t.as_micros().div_euclid(1_000_000);
        let year = year_of(seconds);
        let changes = (year - 1..=year + 2)
            .filter_map(|y| self.transitions(y))
            .flat_map(|t| [t.start, t.end])
            .filter(|at| *at > seconds);
        let mut changes: Vec<_> = changes.collect();
        changes.sort_unstable();
        let moment = |s: i64| UtcTime::from_micros(s * 1_000_000);
        let before = |s: i64| UtcTime::from_micros(s * 1_000_000 - 1);
        changes
            .into_iter()
            .find(|s| self.offset_at(moment(*s)) != self.offset_at(before(*s)))
            .map(moment)
    }
}

fn year_of(seconds: i64) -> i32 {
    let days = seconds.div_euclid(86_400);
    let year = chrono::NaiveDate::from_epoch_days(days.clamp(-700_000, 700_000) as i32)
        .map_or(1970, |d| d.year());
    debug_assert!(days.abs() > 700_000 || days_from_civil(year, 1, 1) <= days);
    year
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;
    use proptest::prelude::*;

    use super::*;

    fn utc(text: &str) -> UtcTime {
        text.parse().unwrap()
    }

    fn wall(d: (i32, u32, u32), t: (u32, u32)) -> NaiveDateTime {
        NaiveDate::from_ymd_opt(d.0, d.1, d.2)
            .unwrap()
            .and_hms_opt(t.0, t.1, 0)
            .unwrap()
    }

    /// SYS-15, both hemispheres, a rule that reaches into the day before, negative DST.
    #[test]
    fn changes_come_to_the_second() {
        for (zone, last_before, offset_before, offset_after) in [
            (
                "EST5EDT,M3.2.0,M11.1.0",
                "2026-03-08T06:59:59Z",
                -5 * 60,
                -4 * 60,
            ),
            (
                "EST5EDT,M3.2.0,M11.1.0",
                "2026-11-01T05:59:59Z",
                -4 * 60,
                -5 * 60,
            ),
            (
                "CET-1CEST,M3.5.0,M10.5.0/3",
                "2026-03-29T00:59:59Z",
                60,
                120,
            ),
            (
                "CET-1CEST,M3.5.0,M10.5.0/3",
                "2026-10-25T00:59:59Z",
                120,
                60,
            ),
            (
                "NZST-12NZDT,M9.5.0,M4.1.0/3",
                "2026-04-04T13:59:59Z",
                13 * 60,
                12 * 60,
            ),
            (
                "NZST-12NZDT,M9.5.0,M4.1.0/3",
                "2026-09-26T13:59:59Z",
                12 * 60,
                13 * 60,
            ),
            (
                "<-02>2<-01>,M3.5.0/-1,M10.5.0/0",
                "2026-03-29T00:59:59Z",
                -120,
                -60,
            ),
            ("IST-1GMT0,M10.5.0,M3.5.0/1", "2026-10-25T00:59:59Z", 60, 0),
            (
                "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0",
                "2026-04-04T14:59:59Z",
                660,
                630,
            ),
        ] {
            let tz: PosixTz = zone.parse().unwrap();
            let before = utc(last_before);
            let after = UtcTime::from_millis(before.as_millis() + 1000);
            assert_eq!(
                tz.offset_at(before) / 60,
                offset_before,
                "{zone} {last_before}"
            );
            assert_eq!(
                tz.offset_at(after) / 60,
                offset_after,
                "{zone} {last_before}"
            );
            assert_eq!(tz.next_change(before), Some(after), "{zone}");
        }
        assert_eq!(
            PosixTz::utc().next_change(utc("2026-01-01T00:00:00Z")),
            None
        );
    }

    #[test]
    fn a_gap_has_no_moment_and_an_overlap_two() {
        let tz: PosixTz = "EST5EDT,M3.2.0,M11.1.0".parse().unwrap();
        assert_eq!(tz.resolve(wall((2026, 3, 8), (2, 30))), Resolved::Never);
        assert_eq!(
            tz.resolve(wall((2026, 3, 8), (1, 59))),
            Resolved::Once(utc("2026-03-08T06:59:00Z"))
        );
        assert_eq!(
            tz.resolve(wall((2026, 11, 1), (1, 30))),
            Resolved::Twice(utc("2026-11-01T05:30:00Z"), utc("2026-11-01T06:30:00Z"))
        );
        assert_eq!(
            tz.resolve(wall((2026, 7, 1), (12, 0))),
            Resolved::Once(utc("2026-07-01T16:00:00Z"))
        );
    }

    #[test]
    fn the_clock_is_not_set_to_nonsense() {
        for (text, fits) in [
            ("1999-12-31T23:59:59Z", false),
            ("2000-01-01T00:00:00Z", true),
            ("2099-12-31T23:59:59Z", true),
            ("2100-01-01T00:00:00Z", false),
        ] {
            assert_eq!(in_bounds(utc(text)), fits, "{text}");
        }
    }

    fn ordinary_zone() -> impl Strategy<Value = PosixTz> {
        // Rules as they exist: a month or more between start and end, shift of half an hour to two.
        let parts = (
            -12i32..=14,
            prop::sample::select(vec![1800, 3600, 7200]),
            1u8..=12,
            2u8..=10,
            1u8..=5,
            0u8..=6,
            0i32..=23,
        );
        parts.prop_map(|(h, shift, month, apart, week, day, hour)| {
            let rule = |month: u8| super::super::Rule {
                day: super::super::RuleDay::Month((month - 1) % 12 + 1, week, day),
                time: hour * 3600,
            };
            PosixTz {
                dst: Some(super::super::posix::Dst {
                    name: "BBB".into(),
                    offset: h * 3600 + shift,
                    start: rule(month),
                    end: rule(month + apart),
                }),
                ..PosixTz::fixed("AAA", h * 3600)
            }
        })
    }

    proptest! {
        /// Every moment is among those of its own wall time, also around the changes.
        #[test]
        fn local_and_back(tz in ordinary_zone(), year in 2000i32..2099, near in -7200i64..7200, end: bool) {
            let t = tz.transitions(year).unwrap();
            let moment = UtcTime::from_micros((if end { t.end } else { t.start } + near) * 1_000_000);
            let local = tz.local(moment);
            match tz.resolve(local.at.naive_local()) {
                Resolved::Once(t) => prop_assert_eq!(t, moment),
                Resolved::Twice(a, b) => {
                    prop_assert!(a == moment || b == moment);
                    prop_assert!(tz.offset_at(a) > tz.offset_at(b), "the first one is before the clock was put back");
                }
                Resolved::Never => prop_assert!(false, "{} is on the wall", local.at),
            }
        }

        #[test]
        fn never_panics(tz in super::super::posix::tests::any_zone(), micros: i64) {
            let t = UtcTime::from_micros(micros);
            let _ = (tz.local(t), tz.next_change(t), tz.resolve(wall((2026, 2, 28), (2, 30))));
        }
    }
}
