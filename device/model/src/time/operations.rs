//! What adapters do with the clock.

use chrono::{NaiveDateTime, SecondsFormat};
use lpr_core::UtcTime;
use serde::Serialize;

use super::{DateFormat, PosixTz, Resolved, TimeFormat, in_bounds};
use crate::{
    Actor, Device, Error, LogKind, Origin, Permission, Result, ports::NtpStatus,
    settings::TimeSettings,
};

/// What the clock says and how it is kept.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TimeReport {
    /// The clock.
    pub utc: UtcTime,
    /// The same on the wall, RFC 3339.
    pub local: String,
    /// The same in the unit's own format (SYS-11, SYS-12).
    pub local_text: String,
    /// Name of the zone.
    pub zone: String,
    /// Zone in force.
    pub posix: PosixTz,
    /// Minutes east of UTC now.
    pub utc_offset_minutes: i32,
    /// Whether DST is in force now.
    pub dst_active: bool,
    /// The next change of the offset.
    pub next_change: Option<UtcTime>,
    /// Order of year, month, day.
    pub date_format: DateFormat,
    /// 12 or 24 hours.
    pub time_format: TimeFormat,
    /// Whether this program may set the clock.
    pub settable: bool,
    /// Why not.
    pub unsettable_reason: Option<String>,
    /// The NTP daemon.
    pub ntp: NtpReport,
}

/// How the clock is kept by NTP.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NtpReport {
    /// The setting.
    pub enabled: bool,
    /// What the daemon says.
    #[serde(flatten)]
    pub status: NtpStatus,
}

/// Where a time to be set comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockSource {
    /// Typed in (SYS-9).
    Manual,
    /// From the user's computer (SYS-10).
    Pc,
}

/// A time to which the clock is to be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WallTime {
    /// In UTC.
    Utc(UtcTime),
    /// On the wall of this unit.
    Local {
        /// Date and time.
        time: NaiveDateTime,
        /// Of a time that comes twice, the second one.
        fold: bool,
    },
}

impl Device {
    /// What the clock says and how it is kept (SYS-8..17). Asks the NTP daemon.
    ///
    /// # Errors
    /// [`Error::Forbidden`].
    pub fn time_report(&self, by: &Actor) -> Result<TimeReport> {
        by.require(Permission::ReadConfig)?;
        let settings = self.settings.get::<TimeSettings>();
        let (now, posix) = (self.clock.now(), settings.effective());
        let local = posix.local(now);
        let unsettable = self.time.changeable().err();
        Ok(TimeReport {
            utc: now,
            local: local.at.to_rfc3339_opts(SecondsFormat::Millis, false),
            local_text: settings.text(now),
            zone: settings.zone_name.clone(),
            utc_offset_minutes: posix.offset_at(now) / 60,
            dst_active: local.dst,
            next_change: posix.next_change(now),
            posix,
            date_format: settings.date_format,
            time_format: settings.time_format,
            settable: unsettable.is_none(),
            unsettable_reason: unsettable.map(|e| e.to_string()),
            ntp: NtpReport {
                enabled: settings.ntp_enabled,
                status: self.time.ntp_status(),
            },
        })
    }

    /// Sets the clock; returns what it read before and reads now (SYS-9, SYS-10, LOG-7).
    ///
    /// # Errors
    /// [`Error::Forbidden`]; [`Error::Invalid`] for a time outside 2000 to 2099 or one that a DST change
    /// skips; [`Error::Conflict`] while NTP is on; [`Error::Unsupported`] where this program may not.
    pub fn set_clock(
        &self,
        by: &Actor,
        to: WallTime,
        source: ClockSource,
    ) -> Result<(UtcTime, UtcTime)> {
        by.require(Permission::SystemConfig)?;
        let settings = self.settings.get::<TimeSettings>();
        let to = match to {
            WallTime::Utc(t) => t,
            WallTime::Local { time, fold } => match settings.effective().resolve(time) {
                Resolved::Once(t) => t,
                Resolved::Twice(first, second) => {
                    if fold {
                        second
                    } else {
                        first
                    }
                }
                Resolved::Never => {
                    let reason = "the clock is put forward over this time (start of DST)";
                    return Err(Error::invalid("/local", time, reason));
                }
            },
        };
        if !in_bounds(to) {
            return Err(Error::invalid(
                "/utc",
                to,
                "must be in the years 2000 to 2099",
            ));
        }
        if settings.ntp_enabled {
            let why = "NTP sets the clock; switch it off first";
            return Err(Error::Conflict(why.into()));
        }
        self.time.changeable()?;
        let decided = self.settings.snapshot().is_decided::<TimeSettings>();
        if !decided && by.origin != Origin::System {
            // From now on the machine's own NTP daemon does not set the clock back.
            self.settings
                .patch("time", &serde_json::json!({}), None, by)?;
        }
        let before = self.clock.now();
        self.time.set_clock(to)?;
        let after = self.clock.now();
        let how = match source {
            ClockSource::Manual => "by hand",
            ClockSource::Pc => "from the user's computer",
        };
        self.audit(
            LogKind::System,
            by,
            format!("Clock set {how} from {before} to {after}."),
        );
        Ok((before, after))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Clock, EventKind, Origin, testing::initialised};

    fn wall(text: &str) -> WallTime {
        WallTime::Local {
            time: text.parse().unwrap(),
            fold: false,
        }
    }

    /// SYS-9, SYS-10, LOG-7, SYS-17.
    #[test]
    fn the_clock_is_set_by_those_who_may_and_the_log_says_so() {
        let t = initialised();
        let by = Actor::system();
        let to = WallTime::Utc("2027-01-02T03:04:05Z".parse().unwrap());
        let nobody = Actor::anonymous(Origin::Web, None);
        let refused = t.device.set_clock(&nobody, to, ClockSource::Pc);
        assert!(matches!(refused, Err(Error::Forbidden(_))));
        let mut events = t.device.bus.subscribe();
        let before = t.clock.now();
        let (was, is) = t.device.set_clock(&by, to, ClockSource::Pc).unwrap();
        assert_eq!((was, WallTime::Utc(is)), (before, to));
        let event = events.try_recv().unwrap();
        assert!(
            matches!(&event.kind, EventKind::Audit(a) if a.what.contains("user's computer from 2026"))
        );

        for wrong in ["1999-12-31T23:59:59Z", "2100-01-01T00:00:00Z"] {
            let to = WallTime::Utc(wrong.parse().unwrap());
            let e = t.device.set_clock(&by, to, ClockSource::Manual);
            assert!(matches!(e, Err(Error::Invalid(_))), "{wrong}");
        }
        t.time.fix(true);
        let e = t.device.set_clock(&by, to, ClockSource::Manual);
        assert!(matches!(e, Err(Error::Unsupported(_))));
        assert!(!t.device.time_report(&by).unwrap().settable);
        t.time.fix(false);
        let on = json!({"ntp_enabled": true});
        t.device.settings.patch("time", &on, None, &by).unwrap();
        let e = t.device.set_clock(&by, to, ClockSource::Manual);
        assert!(matches!(e, Err(Error::Conflict(_))));
        assert_eq!(t.clock.now(), is, "refused means untouched");
    }

    #[test]
    fn local_times_are_those_of_the_unit() {
        let t = initialised();
        let by = Actor::system();
        let eastern = json!({"time_zone": "EST5EDT,M3.2.0,M11.1.0", "zone_name": "America/New_York",
            "dst_enabled": true, "dst_rule": "zone", "time_format": "12-hour"});
        t.device
            .settings
            .patch("time", &eastern, None, &by)
            .unwrap();
        let set = |to| t.device.set_clock(&by, to, ClockSource::Manual);
        let (_, after) = set(wall("2026-11-01T01:30:00")).unwrap();
        assert_eq!(after.to_string(), "2026-11-01T05:30:00.000Z");
        let fold = WallTime::Local {
            time: "2026-11-01T01:30:00".parse().unwrap(),
            fold: true,
        };
        assert_eq!(set(fold).unwrap().1.to_string(), "2026-11-01T06:30:00.000Z");
        let gap = set(wall("2026-03-08T02:30:00")).unwrap_err();
        assert!(gap.to_string().contains("DST"), "{gap}");
        let r = t.device.time_report(&by).unwrap();
        assert_eq!(r.local, "2026-11-01T01:30:00.000-05:00");
        assert_eq!(r.local_text, "11-01-2026 01:30:00 AM");
        assert_eq!((r.dst_active, r.utc_offset_minutes), (false, -300));
        assert_eq!(
            r.next_change.unwrap().to_string(),
            "2027-03-14T07:00:00.000Z"
        );
    }
}
