//! What a request does: the same calls of the model that every other interface makes.

use platecam_model::{
    Actor, Device, Error, Result, Secret,
    ports::ResetScope,
    settings::{Patch, Revision},
};
use serde_json::{Value, json};

use super::{Change, Request, log, people};

/// Changes of a section that are kept.
const HISTORY: usize = 200;

/// Serves `request` on behalf of `by`.
///
/// # Errors
/// Whatever the model refuses.
pub(super) fn answer(device: &Device, by: &Actor, request: Request) -> Result<Value> {
    match request {
        Request::Get { key } => get(device, by, key.as_deref()),
        Request::Set { changes } => set(device, by, &changes),
        Request::History { key, limit } => {
            let changes = device.settings_history(by, &key, None, limit.min(HISTORY))?;
            Ok(json!(changes))
        }
        Request::Export { sections, password } => {
            let password = password.map(Secret::new);
            let file = device.export_config(by, sections.as_deref(), password.as_ref())?;
            let file = String::from_utf8(file).map_err(Error::internal)?;
            Ok(json!({ "file": file }))
        }
        Request::Import {
            file,
            password,
            dry_run,
        } => {
            let password = password.map(Secret::new);
            let report = device.import_config(by, file.as_bytes(), password.as_ref(), dry_run)?;
            Ok(json!(report))
        }
        Request::Restore => Ok(json!(device.restore_settings(by)?)),
        Request::Reset { records } => {
            let scope = if records {
                ResetScope::Everything
            } else {
                ResetScope::Configuration
            };
            Ok(json!(device.factory_reset(by, scope)?))
        }
        Request::People { request } => people::answer(device, by, request),
        Request::Log { request } => log::answer(device, by, &request),
    }
}

fn get(device: &Device, by: &Actor, key: Option<&str>) -> Result<Value> {
    let settings = &device.settings;
    let keys: Vec<&str> = match key {
        Some(key) => vec![key],
        None => settings.sections().map(|d| d.key).collect(),
    };
    let views = keys.into_iter().map(|key| settings.read(key, by));
    Ok(json!(views.collect::<Result<Vec<_>>>()?))
}

fn set(device: &Device, by: &Actor, changes: &[Change]) -> Result<Value> {
    let patches: Vec<Patch> = changes
        .iter()
        .map(|c| Patch {
            key: c.key.clone(),
            value: c.value.clone(),
            if_revision: Some(Revision(c.revision)),
        })
        .collect();
    let revisions = device.settings.apply(&patches, by)?;
    let done = changes.iter().zip(revisions);
    let done = done.map(|(c, revision)| json!({"key": c.key, "revision": revision}));
    Ok(done.collect())
}
