//! Information and time.

use chrono::{DateTime, Datelike, Timelike, Utc};
use onvif_contracts::{tds, tt};
use platecam_model::ports::Reach;

use crate::{
    call::{Answer, Call},
    fault,
};

/// `GetDeviceInformation`.
pub(super) fn information(call: &Call<'_>) -> tds::GetDeviceInformationResponse {
    let id = &call.device().identity;
    tds::GetDeviceInformationResponse {
        manufacturer: id.manufacturer.clone(),
        model: id.model.clone(),
        firmware_version: id.firmware.clone(),
        serial_number: id.serial.clone(),
        hardware_id: id.hardware_id.clone(),
    }
}

/// `SystemReboot` (SYS-18): the answer goes out first, then Bye, then a new Hello.
pub(super) fn reboot(call: &Call<'_>) -> Answer<tds::SystemRebootResponse> {
    let reach = call.device().reboot(call.actor).map_err(fault::of)?;
    let message = match reach {
        Reach::Machine => "The device reboots; it is back in about 60 seconds.",
        Reach::Process | Reach::Simulated => "The device restarts; it is back in a few seconds.",
    };
    Ok(tds::SystemRebootResponse {
        message: message.into(),
    })
}

/// `GetSystemDateAndTime`: always in UTC, so that clients can correct their skew (interop #6).
pub(super) fn date_and_time(call: &Call<'_>) -> tds::GetSystemDateAndTimeResponse {
    let network = &call.device().network;
    let now: DateTime<Utc> = call.inner.now().into();
    let small = |n: u32| i32::try_from(n).unwrap_or(0);
    let utc = tt::DateTime {
        time: tt::Time {
            hour: small(now.hour()),
            minute: small(now.minute()),
            second: small(now.second()),
        },
        date: tt::Date {
            year: now.year(),
            month: small(now.month()),
            day: small(now.day()),
        },
    };
    tds::GetSystemDateAndTimeResponse {
        system_date_and_time: tt::SystemDateTime {
            date_time_type: if network.ntp_servers().is_empty() {
                tt::SetDateTimeType::Manual
            } else {
                tt::SetDateTimeType::Ntp
            },
            daylight_savings: false,
            time_zone: Some(Box::new(tt::TimeZone {
                tz: network.posix_time_zone(),
            })),
            utc_date_time: Some(Box::new(utc)),
            ..Default::default()
        },
    }
}
