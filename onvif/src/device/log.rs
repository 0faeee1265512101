//! System and access log (Core §8.4; LOG-1..4, AUTH-7).

use onvif_contracts::{tds, tt};
use onvif_xml::soap::Fault;
use platecam_model::{Actor, Device, LogKind, Permission, Result, log::LogQuery};

use crate::{
    call::{Answer, Call},
    fault,
};

/// Which of the two logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Log {
    /// What the device and its people did.
    System,
    /// Who came in, left or was refused.
    Access,
}

/// Entries of the access log; all others are the system log's.
const ACCESS: [LogKind; 2] = [LogKind::Login, LogKind::Logout];

impl Log {
    /// Its path for download.
    pub(crate) const fn path(self) -> &'static str {
        match self {
            Self::System => "/onvif/log/system.txt",
            Self::Access => "/onvif/log/access.txt",
        }
    }

    /// The log with this path.
    pub(crate) fn of_path(path: &str) -> Option<Self> {
        [Self::System, Self::Access]
            .into_iter()
            .find(|l| l.path() == path)
    }

    /// The log as text, oldest entry first.
    ///
    /// # Errors
    /// As [`Device::export_log`].
    pub(crate) fn text(self, device: &Device, by: &Actor) -> Result<String> {
        let of_access = |k: &LogKind| ACCESS.contains(k);
        let kinds = match self {
            Self::Access => ACCESS.to_vec(),
            Self::System => LogKind::ALL.into_iter().filter(|k| !of_access(k)).collect(),
        };
        let query = LogQuery {
            kinds,
            ..LogQuery::default()
        };
        device.export_log(by, &query)
    }
}

/// `GetSystemLog`.
pub(super) fn get(call: &Call<'_>, which: &tt::SystemLogType) -> Answer<tds::GetSystemLogResponse> {
    let log = match which {
        tt::SystemLogType::System => Log::System,
        tt::SystemLogType::Access => Log::Access,
        tt::SystemLogType::Other(text) => {
            let text = format!("LogType {}: there is no such log", fault::shortened(text));
            return Err(Fault::sender(
                &["InvalidArgs", "AccesslogUnavailable"],
                text,
            ));
        }
    };
    let text = log.text(call.device(), call.actor).map_err(fault::of)?;
    Ok(tds::GetSystemLogResponse {
        system_log: tt::SystemLog {
            binary: None,
            string: Some(text),
        },
    })
}

/// `GetSystemUris` (`READ_SYSTEM`): what this user may download; each download asks for Digest and its permission again.
pub(super) fn uris(call: &Call<'_>) -> tds::GetSystemUrisResponse {
    let reads_logs = call.actor.require(Permission::ReadLog).is_ok();
    let uri = |r#type, log: Log| tt::SystemLogUri {
        r#type,
        uri: call.url(log.path()),
    };
    let logs = || tt::SystemLogUriList {
        system_log: vec![
            uri(tt::SystemLogType::System, Log::System),
            uri(tt::SystemLogType::Access, Log::Access),
        ],
    };
    tds::GetSystemUrisResponse {
        system_log_uris: reads_logs.then(|| Box::new(logs())),
        support_info_uri: super::firmware::support_uri(call),
        system_backup_uri: super::backup::uri(call),
        ..Default::default()
    }
}
