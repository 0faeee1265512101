//! Clock, zone and NTP servers (Core §8.2: `GetSystemDateAndTime` and its neighbours).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use chrono::{DateTime, Datelike, NaiveDate, TimeZone, Timelike};
use lpr_core::UtcTime;
use onvif_contracts::{tds, tt};
use onvif_xml::soap::Fault;
use platecam_model::{
    settings::{DstRule, TimeSettings},
    time::{ClockSource, PosixTz, WallTime, in_bounds},
};

use crate::{
    call::{Answer, Call},
    fault,
};

/// `GetSystemDateAndTime`: always with UTC, so that clients can correct their skew (interop #6).
///
/// `TZ` has its DST rule also while `DaylightSavings` is false, which then says that it is not applied.
pub(super) fn get(call: &Call<'_>) -> tds::GetSystemDateAndTimeResponse {
    let settings = call.device().settings.get::<TimeSettings>();
    let now = call.inner.now();
    let utc: DateTime<chrono::Utc> = now.into();
    tds::GetSystemDateAndTimeResponse {
        system_date_and_time: tt::SystemDateTime {
            date_time_type: if settings.ntp_enabled {
                tt::SetDateTimeType::Ntp
            } else {
                tt::SetDateTimeType::Manual
            },
            daylight_savings: settings.dst_enabled,
            time_zone: Some(Box::new(tt::TimeZone {
                tz: settings.announced().written(),
            })),
            utc_date_time: Some(Box::new(date_time(&utc))),
            local_date_time: Some(Box::new(date_time(&settings.effective().local(now).at))),
            ..Default::default()
        },
    }
}

fn date_time<Z: TimeZone>(at: &DateTime<Z>) -> tt::DateTime {
    let small = |n: u32| i32::try_from(n).unwrap_or(0);
    tt::DateTime {
        time: tt::Time {
            hour: small(at.hour()),
            minute: small(at.minute()),
            second: small(at.second()),
        },
        date: tt::Date {
            year: at.year(),
            month: small(at.month()),
            day: small(at.day()),
        },
    }
}

/// `SetSystemDateAndTime`: everything is checked before anything changes.
pub(super) fn set(call: &Call<'_>, r: tds::SetSystemDateAndTime) -> Answer<()> {
    let zone = r.time_zone.as_ref().map(|z| zone(&z.tz)).transpose()?;
    let ntp = match &r.date_time_type {
        tt::SetDateTimeType::Ntp => true,
        tt::SetDateTimeType::Manual => false,
        tt::SetDateTimeType::Other(text) => {
            let text = format!("DateTimeType {}: unknown", fault::shortened(text));
            return Err(Fault::sender(&["InvalidArgVal"], text));
        }
    };
    let to = match (&r.utc_date_time, ntp) {
        (_, true) => None,
        (Some(at), false) => Some(moment(at)?),
        (None, false) => return Err(invalid_date("UTCDateTime is missing")),
    };
    if to.is_some() {
        call.device().time.changeable().map_err(fault::of)?;
    }
    let change = |s: &mut TimeSettings| {
        if let Some(zone) = zone {
            if !zone.same_time(&s.time_zone) {
                s.zone_name.clear();
            }
            s.time_zone = zone;
            s.dst_rule = DstRule::Zone;
        }
        s.dst_enabled = r.daylight_savings;
        s.ntp_enabled = ntp;
    };
    call.device()
        .settings
        .update(call.actor, change)
        .map_err(|e| {
            let own = fault::Subcodes {
                invalid: "InvalidTimeZone",
                ..Default::default()
            };
            fault::of_operation(e, own)
        })?;
    if let Some(to) = to {
        call.device()
            .set_clock(call.actor, WallTime::Utc(to), ClockSource::Manual)
            .map_err(fault::of)?;
    }
    Ok(())
}

fn zone(text: &str) -> Answer<PosixTz> {
    let text = text.trim();
    text.parse()
        .map_err(|e| Fault::sender(&["InvalidArgVal", "InvalidTimeZone"], format!("TZ: {e}")))
}

fn invalid_date(why: &str) -> Fault {
    Fault::sender(&["InvalidArgVal", "InvalidDateTime"], why.to_owned())
}

fn moment(at: &tt::DateTime) -> Answer<UtcTime> {
    let (d, t) = (&at.date, &at.time);
    let part = |n: i32| u32::try_from(n).ok();
    let date = || NaiveDate::from_ymd_opt(d.year, part(d.month)?, part(d.day)?);
    let time = || date()?.and_hms_opt(part(t.hour)?, part(t.minute)?, part(t.second)?);
    let utc = time().map(|t| UtcTime::from(t.and_utc()));
    utc.filter(|t| in_bounds(*t)).ok_or_else(|| {
        let (y, mo, d) = (d.year, d.month, d.day);
        let (h, mi, s) = (t.hour, t.minute, t.second);
        invalid_date(&format!(
            "UTCDateTime {y}-{mo}-{d} {h}:{mi}:{s} is no time of the years 2000 to 2099"
        ))
    })
}

/// `GetNTP`.
pub(super) fn ntp(call: &Call<'_>) -> tds::GetNTPResponse {
    let settings = call.device().settings.get::<TimeSettings>();
    let from_dhcp = settings.ntp_from_dhcp;
    let leased = if from_dhcp {
        call.device().leased_ntp()
    } else {
        Vec::new()
    };
    tds::GetNTPResponse {
        ntp_information: tt::NTPInformation {
            from_dhcp,
            ntp_from_dhcp: leased.iter().map(|ip| host(&ip.to_string())).collect(),
            ntp_manual: if from_dhcp {
                Vec::new()
            } else {
                settings.ntp_servers().map(host).collect()
            },
            extension: None,
        },
    }
}

fn host(name: &str) -> tt::NetworkHost {
    match name.parse() {
        Ok(IpAddr::V4(v4)) => tt::NetworkHost {
            r#type: tt::NetworkHostType::IPv4,
            ipv4_address: Some(v4.to_string()),
            ..Default::default()
        },
        Ok(IpAddr::V6(v6)) => tt::NetworkHost {
            r#type: tt::NetworkHostType::IPv6,
            ipv6_address: Some(v6.to_string()),
            ..Default::default()
        },
        Err(_) => tt::NetworkHost {
            r#type: tt::NetworkHostType::Dns,
            dn_sname: Some(name.to_owned()),
            ..Default::default()
        },
    }
}

/// `SetNTP`: from DHCP, or one to four servers.
pub(super) fn set_ntp(call: &Call<'_>, r: tds::SetNTP) -> Answer<()> {
    if r.from_dhcp {
        let change = |s: &mut TimeSettings| s.ntp_from_dhcp = true;
        let done = call.device().settings.update(call.actor, change);
        return done.map(drop).map_err(fault::of);
    }
    let mut servers = r
        .ntp_manual
        .iter()
        .map(server)
        .collect::<Answer<Vec<_>>>()?;
    if servers.is_empty() {
        let why = "NTPManual: at least one server is needed";
        return Err(Fault::sender(
            &["InvalidArgVal", "TimeSyncedToNtp"],
            why.to_owned(),
        ));
    }
    let first = servers.remove(0);
    let change = |s: &mut TimeSettings| {
        s.ntp_from_dhcp = false;
        s.ntp_server = first;
        s.ntp_fallback_servers = servers;
    };
    call.device()
        .settings
        .update(call.actor, change)
        .map_err(|e| {
            let own = fault::Subcodes {
                invalid: "InvalidDnsName",
                ..Default::default()
            };
            fault::of_operation(e, own)
        })?;
    Ok(())
}

fn server(host: &tt::NetworkHost) -> Answer<String> {
    let given = |text: &Option<String>| text.as_deref().unwrap_or_default().trim().to_owned();
    let refuse = |subcode: &'static str, text: &str| {
        let text = format!("NTPManual: '{}' is not one", fault::shortened(text));
        Fault::sender(&["InvalidArgVal", subcode], text)
    };
    match &host.r#type {
        tt::NetworkHostType::IPv4 => {
            let text = given(&host.ipv4_address);
            let ip = text.parse::<Ipv4Addr>();
            ip.map(|ip| ip.to_string())
                .map_err(|_| refuse("InvalidIPv4Address", &text))
        }
        tt::NetworkHostType::IPv6 => {
            let text = given(&host.ipv6_address);
            let ip = text.parse::<Ipv6Addr>();
            ip.map(|ip| ip.to_string())
                .map_err(|_| refuse("InvalidIPv6Address", &text))
        }
        // Whether it is a name is judged by the setting.
        tt::NetworkHostType::Dns => Ok(given(&host.dn_sname)),
        tt::NetworkHostType::Other(text) => Err(refuse("InvalidDnsName", text)),
    }
}
