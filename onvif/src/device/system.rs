//! Information and restart.

use onvif_contracts::tds;
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
