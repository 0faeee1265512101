//! Firmware upgrade by HTTP upload (Core §8.5.10), and the support bundle.

use onvif_contracts::{tds, tt};
use onvif_xml::{Duration as XsDuration, soap::Fault};
use platecam_model::{Error, Permission};

use crate::{
    call::{Answer, Call},
    fault,
};

/// What an upgrade takes until the unit is back, seconds.
const DOWN_S: u64 = 15;
/// Path of uploads; the ticket follows.
pub(crate) const FIRMWARE_PATH: &str = "/onvif/firmware/";
/// Path of the support bundle.
pub(crate) const SUPPORT_PATH: &str = "/onvif/support.zip";

/// `StartFirmwareUpgrade` (SYS-26): a later call makes the earlier address void.
pub(super) fn start(call: &Call<'_>) -> Answer<tds::StartFirmwareUpgradeResponse> {
    let status = call
        .device()
        .upgrade_status(call.actor)
        .map_err(fault::of)?;
    if let Some(reason) = status.unsupported_reason {
        return Err(fault::of(Error::Unsupported(reason)));
    }
    let now = call.device().clock.monotonic();
    let word = call.inner.firmware.issue(call.actor, now);
    let upload_uri = call.url(&format!("{FIRMWARE_PATH}{}", word.map_err(fault::of)?));
    Ok(tds::StartFirmwareUpgradeResponse {
        upload_uri,
        upload_delay: XsDuration::from_secs(0),
        expected_down_time: XsDuration::from_secs(DOWN_S),
    })
}

/// `GetSystemSupportInformation` (DEBUG-1): device, video and machine as text.
pub(super) fn support(call: &Call<'_>) -> Answer<tds::GetSystemSupportInformationResponse> {
    let text = call.device().support_text(call.actor).map_err(fault::of)?;
    Ok(tds::GetSystemSupportInformationResponse {
        support_information: tt::SupportInformation {
            binary: None,
            // XML cannot carry other control characters.
            string: Some(text.replace(|c: char| c.is_control() && c != '\n' && c != '\t', " ")),
        },
    })
}

/// Address of the support bundle for those who may fetch it.
pub(super) fn support_uri(call: &Call<'_>) -> Option<String> {
    let may = [Permission::Maintenance, Permission::ReadLog];
    may.iter()
        .all(|p| call.actor.require(*p).is_ok())
        .then(|| call.url(SUPPORT_PATH))
}

/// The old operation carries the package within SOAP, up to 256 KiB of it: it cannot work.
pub(super) fn within_soap() -> Fault {
    Fault::receiver(
        &["ActionNotSupported"],
        "use StartFirmwareUpgrade: packages are larger than a SOAP message may be",
    )
}
