//! Information, restart and factory default.

use onvif_contracts::{tds, tt};
use onvif_xml::soap::Fault;
use platecam_model::ports::{Reach, ResetScope};

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

/// `SetSystemFactoryDefault`: Soft is Restore (SYS-20), Hard is Default (SYS-21); records stay with both.
pub(super) fn factory_default(call: &Call<'_>, kind: &tt::FactoryDefaultType) -> Answer<()> {
    let device = call.device();
    match kind {
        tt::FactoryDefaultType::Soft => device.restore_settings(call.actor).map(drop),
        tt::FactoryDefaultType::Hard => device
            .factory_reset(call.actor, ResetScope::Configuration)
            .map(drop),
        tt::FactoryDefaultType::Other(text) => {
            let text = fault::shortened(text);
            let text = format!("FactoryDefault {text}: must be Hard or Soft");
            return Err(Fault::sender(&["InvalidArgVal"], text));
        }
    }
    .map_err(fault::of)
}
