//! Backup and restore of the configuration by HTTP (Core §8.5.8; SYS-23, SYS-24).

use bytes::Bytes;
use http::{Response, StatusCode};
use onvif_contracts::tds;
use onvif_xml::Duration as XsDuration;
use platecam_model::{Actor, Device, Error, Permission, Result, config::MAX_CONFIG};

use crate::{
    answer,
    call::{Answer, Call},
    fault,
    service::OnvifService,
};

/// What a restore takes until the unit is back, seconds.
const DOWN_S: u64 = 15;
/// Path of the backup.
pub(crate) const BACKUP_PATH: &str = "/onvif/backup.json";
/// Path of uploads; the ticket follows.
pub(crate) const RESTORE_PATH: &str = "/onvif/restore/";

/// Address of the backup for those who may fetch it.
pub(super) fn uri(call: &Call<'_>) -> Option<String> {
    let may = call.actor.require(Permission::Maintenance).is_ok();
    may.then(|| call.url(BACKUP_PATH))
}

/// The backup: all sections, without secrets, because nobody gave a password for them.
///
/// # Errors
/// As [`Device::export_config`].
pub(crate) fn backup(device: &Device, by: &Actor) -> Result<Bytes> {
    device.export_config(by, None, None).map(Bytes::from)
}

/// `StartSystemRestore`: a later call makes the earlier address void.
pub(super) fn start_restore(call: &Call<'_>) -> Answer<tds::StartSystemRestoreResponse> {
    let permitted = call.actor.require(Permission::Maintenance);
    permitted.map_err(fault::of)?;
    let now = call.device().clock.monotonic();
    let word = call.inner.restore.issue(call.actor, now);
    Ok(tds::StartSystemRestoreResponse {
        upload_uri: call.url(&format!("{RESTORE_PATH}{}", word.map_err(fault::of)?)),
        expected_down_time: XsDuration::from_secs(DOWN_S),
    })
}

impl OnvifService {
    /// Takes the backup that was posted to `path`, an address of `StartSystemRestore`, and restarts with it. All
    /// of it or nothing; at most [`MAX_CONFIG`] bytes. It takes the disk's time.
    #[must_use]
    pub fn restore(&self, path: &str, file: &[u8]) -> Response<Bytes> {
        let device = &self.0.device;
        let word = path.strip_prefix(RESTORE_PATH).unwrap_or_default();
        let Some(by) = self.0.restore.redeem(word, device.clock.monotonic()) else {
            let why = "the address is used up: ask StartSystemRestore for another\n";
            return answer::text(StatusCode::FORBIDDEN, why);
        };
        if file.len() > MAX_CONFIG {
            let why = format!("more than {MAX_CONFIG} bytes\n");
            return answer::text(StatusCode::UNSUPPORTED_MEDIA_TYPE, why);
        }
        match device.restore_backup(&by, file) {
            Ok(report) => {
                let n = report.sections.len();
                answer::text(StatusCode::OK, format!("{n} sections were restored\n"))
            }
            Err(e @ (Error::Forbidden(_) | Error::Unauthenticated | Error::NotInitialised)) => {
                answer::text(StatusCode::FORBIDDEN, format!("{e}\n"))
            }
            Err(Error::Internal { detail }) => {
                tracing::error!("restore: {detail}");
                answer::text(StatusCode::INTERNAL_SERVER_ERROR, "internal error\n")
            }
            // What the file says is wrong: 415 by the specification.
            Err(e) => answer::text(StatusCode::UNSUPPORTED_MEDIA_TYPE, format!("{e}\n")),
        }
    }
}
