use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CheckContext, Section};
use crate::{
    Permission, Violation, Violations, bounded,
    time::{DateFormat, PosixTz, TimeFormat, Week, Weekday, YearMoment, local_text},
};

bounded! {
    /// UDP port of an NTP server (SYS-13).
    pub struct NtpPort(u16) in 1..=65535, unit ""
}
bounded! {
    /// Time between two questions to the NTP server (SYS-14, C-59).
    pub struct NtpUpdate(u16) in 1..=65535, unit "minutes"
}

/// Where the DST rule comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(rename_all = "lowercase")]
pub enum DstRule {
    /// From the two moments of the page, one hour ahead.
    Manual,
    /// From the POSIX string of the time zone.
    Zone,
}

/// Time zone, formats, daylight saving time and NTP (SYS-8, SYS-11..15).
///
/// ONVIF: `tds:SetSystemDateAndTime`, `tds:SetNTP`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TimeSettings {
    /// What people call the zone, for example `America/New_York`; the POSIX string decides.
    #[schemars(title = "Time Zone", length(max = 64), extend("x-widget" = "time-zone"))]
    pub zone_name: String,
    /// POSIX TZ string, for example `EST5EDT,M3.2.0,M11.1.0`.
    #[schemars(title = "POSIX Time Zone")]
    pub time_zone: PosixTz,
    /// Order of year, month and day.
    #[schemars(title = "Date Format")]
    pub date_format: DateFormat,
    /// Hours to 12 or to 24.
    #[schemars(title = "Time Format", extend("x-widget" = "radio"))]
    pub time_format: TimeFormat,
    /// Applies daylight saving time.
    #[schemars(title = "DST")]
    pub dst_enabled: bool,
    /// Rule of the page, or that of the zone.
    #[schemars(title = "DST Rule", extend("x-widget" = "radio", "x-visible-when" = {"dst_enabled": true}))]
    pub dst_rule: DstRule,
    /// DST begins.
    #[schemars(title = "Start", extend("x-widget" = "year-moment", "x-visible-when" = {"dst_enabled": true, "dst_rule": "manual"}))]
    pub dst_start: YearMoment,
    /// DST ends.
    #[schemars(title = "End", extend("x-widget" = "year-moment", "x-visible-when" = {"dst_enabled": true, "dst_rule": "manual"}))]
    pub dst_end: YearMoment,
    /// Sets the clock by NTP.
    #[schemars(title = "NTP")]
    pub ntp_enabled: bool,
    /// Takes the servers that the DHCP server gives; without any the entered ones count.
    #[schemars(title = "NTP from DHCP", extend("x-visible-when" = {"ntp_enabled": true}))]
    pub ntp_from_dhcp: bool,
    /// Name or address of the server.
    #[schemars(title = "Server", length(min = 1, max = 253), extend("x-visible-when" = {"ntp_enabled": true}))]
    pub ntp_server: String,
    /// Further servers, at most 3.
    #[schemars(title = "Further Servers", length(max = 3), extend("x-visible-when" = {"ntp_enabled": true}))]
    pub ntp_fallback_servers: Vec<String>,
    /// UDP port of the servers.
    #[schemars(title = "Port", extend("x-visible-when" = {"ntp_enabled": true}))]
    pub ntp_port: NtpPort,
    /// Time between two questions; the daemon takes the nearest power of two seconds.
    #[schemars(title = "Update Cycle", extend("x-visible-when" = {"ntp_enabled": true}))]
    pub ntp_update_minutes: NtpUpdate,
}

impl Default for TimeSettings {
    fn default() -> Self {
        Self {
            zone_name: "UTC".into(),
            time_zone: PosixTz::utc(),
            date_format: DateFormat::MonthDayYear,
            time_format: TimeFormat::TwentyFour,
            dst_enabled: false,
            dst_rule: DstRule::Manual,
            dst_start: YearMoment::new(3, Week::Second, Weekday::Sun, 2),
            dst_end: YearMoment::new(11, Week::First, Weekday::Sun, 2),
            ntp_enabled: false,
            ntp_from_dhcp: false,
            ntp_server: "time.windows.com".into(),
            ntp_fallback_servers: Vec::new(),
            ntp_port: NtpPort::clamped(123),
            ntp_update_minutes: NtpUpdate::clamped(1440),
        }
    }
}

impl TimeSettings {
    /// Most servers besides the first.
    pub const MAX_FALLBACK: usize = 3;

    /// The zone as it is in force: with the DST rule that is chosen, without one when DST is off.
    pub fn effective(&self) -> PosixTz {
        match (self.dst_enabled, self.dst_rule) {
            (false, _) => self.time_zone.without_dst(),
            (true, DstRule::Zone) => self.time_zone.clone(),
            (true, DstRule::Manual) => self.time_zone.with_dst(self.dst_start, self.dst_end),
        }
    }

    /// The zone as ONVIF shows it beside its `DaylightSavings` flag: with a rule also while DST is off.
    pub fn announced(&self) -> PosixTz {
        if self.dst_enabled {
            self.effective()
        } else {
            self.time_zone.clone()
        }
    }

    /// A moment as this unit writes it for people (SYS-16).
    pub fn text(&self, at: lpr_core::UtcTime) -> String {
        local_text(
            self.effective().local(at).at,
            self.date_format,
            self.time_format,
        )
    }

    /// All NTP servers, the first one preferred.
    pub fn ntp_servers(&self) -> impl Iterator<Item = &str> {
        let first = std::iter::once(&self.ntp_server);
        first.chain(&self.ntp_fallback_servers).map(String::as_str)
    }
}

/// Whether `host` can be a host's name or address: it ends up in a daemon's configuration.
pub(super) fn host_name(host: &str) -> bool {
    let label = |l: &str| {
        (1..=63).contains(&l.len())
            && l.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && !l.starts_with('-')
            && !l.ends_with('-')
    };
    host.parse::<std::net::IpAddr>().is_ok()
        || host.len() <= 253 && host.strip_suffix('.').unwrap_or(host).split('.').all(label)
}

impl Section for TimeSettings {
    const KEY: &'static str = "time";
    const TITLE: &'static str = "Time";
    const PAGE: &'static str = "Setting/System/Time";
    const WRITE: Permission = Permission::SystemConfig;

    fn check(&self, _cx: &CheckContext<'_>, violations: &mut Violations) {
        let n = self.zone_name.chars().count();
        let fits = n <= 64 && !self.zone_name.chars().any(char::is_control);
        violations.require(fits, || {
            Violation::new(
                "/zone_name",
                &self.zone_name,
                "at most 64 visible characters",
            )
        });
        let n = self.ntp_fallback_servers.len();
        violations.require(n <= Self::MAX_FALLBACK, || {
            let reason = format!("{n} servers; at most {}", Self::MAX_FALLBACK);
            Violation::new("/ntp_fallback_servers", n, reason)
        });
        let pointers = std::iter::once("/ntp_server".to_owned())
            .chain((0..n).map(|i| format!("/ntp_fallback_servers/{i}")));
        for (pointer, host) in pointers.zip(self.ntp_servers()) {
            violations.require(host_name(host), || {
                let reason = "must be a host's name of at most 253 characters, or an address";
                Violation::new(&pointer, host, reason)
            });
        }
        let (start, end) = (self.dst_start, self.dst_end);
        let apart = (start.month, start.week) != (end.month, end.week);
        violations.require(
            apart || !self.dst_enabled || self.dst_rule == DstRule::Zone,
            || Violation::new("/dst_end", "", "must be in another week than the start"),
        );
        // A standard offset beyond a day cannot be shown on a wall clock.
        let zone = self.effective();
        let most = 23 * 3600;
        let offsets = [zone.std_offset, zone.dst.map_or(0, |d| d.offset)];
        violations.require(offsets.iter().all(|o| o.abs() <= most), || {
            Violation::new("/time_zone", &self.time_zone, "is more than 23 h from UTC")
        });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Actor, Error, testing::uninitialised};

    /// SYS-13..15: bounds, and messages that name the field.
    #[test]
    fn values_outside_their_bounds_are_named() {
        let t = uninitialised();
        let by = Actor::system();
        for (patch, pointer) in [
            (json!({"ntp_update_minutes": 0}), "/ntp_update_minutes"),
            (json!({"ntp_update_minutes": 65536}), "/ntp_update_minutes"),
            (json!({"ntp_port": 0}), "/ntp_port"),
            (json!({"ntp_server": "a b"}), "/ntp_server"),
            (json!({"ntp_server": "x\nserver evil"}), "/ntp_server"),
            (json!({"ntp_server": ""}), "/ntp_server"),
            (
                json!({"ntp_fallback_servers": ["a", "-b"]}),
                "/ntp_fallback_servers/1",
            ),
            (
                json!({"ntp_fallback_servers": ["a", "b", "c", "d"]}),
                "/ntp_fallback_servers",
            ),
            (json!({"time_zone": "Mars/Olympus"}), "/time_zone"),
            (json!({"time_zone": "AAA24"}), "/time_zone"),
            (json!({"dst_start": {"month": 13}}), "/dst_start"),
            (json!({"dst_start": {"week": "5"}}), "/dst_start"),
            (json!({"dst_start": {"hour": 24}}), "/dst_start"),
            (
                json!({"dst_enabled": true, "dst_end": {"month": 3, "week": "2"}}),
                "/dst_end",
            ),
            (json!({"date_format": "YY"}), "/date_format"),
        ] {
            let e = t
                .device
                .settings
                .patch("time", &patch, None, &by)
                .unwrap_err();
            let Error::Invalid(v) = e else {
                panic!("{patch}: {e}")
            };
            // A parser that knows the nested field may name it more exactly.
            assert!(v.0[0].pointer.starts_with(pointer), "{patch}: {v}");
        }
        for host in [
            "time.windows.com",
            "192.0.2.1",
            "2001:db8::1",
            "ntp",
            "a_b.example.",
        ] {
            assert!(host_name(host), "{host}");
        }
    }

    /// SYS-15: base zone and rule give the POSIX string; ONVIF sees the rule also while DST is off.
    #[test]
    fn dst_gives_the_effective_zone() {
        let eastern: PosixTz = "EST5EDT,M3.2.0,M11.1.0".parse().unwrap();
        let mut s = TimeSettings {
            time_zone: eastern.clone(),
            ..TimeSettings::default()
        };
        assert_eq!(s.effective().to_string(), "EST5");
        assert_eq!(s.announced(), eastern);
        s.dst_enabled = true;
        assert_eq!(
            s.effective(),
            eastern,
            "the defaults are the rule of the U.S."
        );
        s.dst_start = YearMoment::new(4, Week::Last, Weekday::Sat, 0);
        assert_eq!(s.effective().to_string(), "EST5EDT,M4.5.6/0,M11.1.0");
        s.dst_rule = DstRule::Zone;
        assert_eq!(s.effective(), eastern);
        assert_eq!(
            s.text("2026-07-01T16:00:00Z".parse().unwrap()),
            "07-01-2026 12:00:00"
        );
    }
}
