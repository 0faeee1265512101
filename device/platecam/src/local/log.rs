//! System log and audit trail over the local way: the same model calls that the pages make.

use platecam_model::{
    Actor, Device, Error, LogEntry, LogKind, Result,
    log::{LogQuery, export_header, export_line},
    settings::TimeSettings,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What is asked about the log.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(tag = "what", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum LogRequest {
    /// Entries that are there.
    Show(Wanted),
    /// Entries that are there, then those that come, until one side goes. Only a running camera.
    Follow(Wanted),
    /// A page of the audit trail.
    Trail {
        /// Entries after this number.
        after: u64,
    },
    /// Whether the audit trail is intact.
    Verify,
}

/// Which entries.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    /// Their kinds; all without.
    pub(crate) kinds: Vec<LogKind>,
    /// Whose, whatever the case.
    pub(crate) user: Option<String>,
    /// The newest so many, at most 1024; 0 for none.
    pub(crate) limit: u32,
}

impl Wanted {
    /// In the model's terms.
    pub(super) fn query(&self) -> LogQuery {
        LogQuery {
            kinds: self.kinds.clone(),
            user: self.user.clone(),
            limit: self.limit,
            ..LogQuery::default()
        }
    }
}

pub(super) fn answer(device: &Device, by: &Actor, request: &LogRequest) -> Result<Value> {
    match request {
        LogRequest::Show(wanted) | LogRequest::Follow(wanted) => show(device, by, wanted),
        LogRequest::Trail { after } => {
            let (entries, next) = device.audit_trail(by, &LogQuery::default(), *after)?;
            let lines: Result<Vec<_>> = entries.iter().map(text).collect();
            Ok(json!({ "lines": lines?, "next": next }))
        }
        LogRequest::Verify => Ok(json!(device.verify_audit_trail(by)?)),
    }
}

fn show(device: &Device, by: &Actor, wanted: &Wanted) -> Result<Value> {
    let time = device.settings.get::<TimeSettings>();
    // The store takes 0 for everything.
    let items = match wanted.limit {
        0 => Vec::new(),
        _ => device.search_log(by, &wanted.query())?.items,
    };
    let entries: Result<Vec<_>> = items.iter().rev().map(|e| line(e, &time)).collect();
    Ok(json!({ "header": export_header(&time), "entries": entries? }))
}

/// An entry as JSON, and its line as the unit shows it (LOG-4, SYS-16).
pub(super) fn line(entry: &LogEntry, time: &TimeSettings) -> Result<Value> {
    Ok(json!({ "id": entry.id, "json": text(entry)?, "line": export_line(entry, time) }))
}

/// As text, because the order of the fields is what the trail's hashes are made of.
fn text(entry: &impl Serialize) -> Result<String> {
    serde_json::to_string(entry).map_err(Error::internal)
}
