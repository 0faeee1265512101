//! Firmware upgrade by HTTP upload (Core §8.5.10), and the support bundle.

use std::time::Duration;

use onvif_contracts::{tds, tt};
use onvif_xml::{Duration as XsDuration, soap::Fault};
use platecam_model::{Actor, Error, Permission};

use crate::{
    call::{Answer, Call},
    fault,
};

/// An upload address is good for so long.
const GOOD_FOR: Duration = Duration::from_secs(300);
/// What an upgrade takes until the unit is back, seconds.
const DOWN_S: u64 = 15;
/// Path of uploads; the ticket follows.
pub(crate) const FIRMWARE_PATH: &str = "/onvif/firmware/";
/// Path of the support bundle.
pub(crate) const SUPPORT_PATH: &str = "/onvif/support.zip";

/// The right to upload one package, once: whoever has the address is the caller of `StartFirmwareUpgrade`.
#[derive(Debug)]
pub(crate) struct Ticket {
    word: String,
    by: Actor,
    /// Monotonic time.
    until: Duration,
}

impl Ticket {
    /// The caller, when `word` is the ticket's and its time is not over.
    pub(crate) fn redeem(self, word: &str, now: Duration) -> Option<Actor> {
        (self.word == word && now < self.until).then_some(self.by)
    }
}

/// `StartFirmwareUpgrade` (SYS-26): a later call makes the earlier address void.
pub(super) fn start(call: &Call<'_>) -> Answer<tds::StartFirmwareUpgradeResponse> {
    let status = call
        .device()
        .upgrade_status(call.actor)
        .map_err(fault::of)?;
    if let Some(reason) = status.unsupported_reason {
        return Err(fault::of(Error::Unsupported(reason)));
    }
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(|e| fault::of(Error::internal(e)))?;
    let word: String = random.iter().map(|b| format!("{b:02x}")).collect();
    let upload_uri = call.url(&format!("{FIRMWARE_PATH}{word}"));
    *call.inner.ticket.lock() = Some(Ticket {
        word,
        by: call.actor.clone(),
        until: call.device().clock.monotonic() + GOOD_FOR,
    });
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
