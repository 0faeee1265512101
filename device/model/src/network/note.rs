use std::sync::Arc;

use serde_json::{Value, json};

use crate::{
    Error, Result,
    ports::{SettingsBackend, StoredSection},
    settings::{NetIp, Revision},
};

/// Where it is kept: beside the sections, so that Default takes it along, but no section: nobody can patch,
/// export or import it.
const KEY: &str = "net.ip.note";

/// What is remembered beside the settings.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Note {
    /// The settings under which somebody reached the unit last.
    pub(super) confirmed: NetIp,
    /// The settings that the unit has begun to try. Written before the host is touched.
    pub(super) tried: Option<NetIp>,
    /// Counts its versions.
    revision: u64,
}

/// Keeps the note.
#[derive(Clone)]
pub(super) struct Notebook(pub(super) Arc<dyn SettingsBackend>);

impl Notebook {
    pub(super) fn load(&self) -> Result<Note> {
        let stored = self.0.load()?.into_iter().find(|s| s.key == KEY);
        let Some(s) = stored else {
            return Ok(Note::default());
        };
        let tried = match &s.value["tried"] {
            Value::Null => None,
            tried => Some(whole(tried)?),
        };
        Ok(Note {
            confirmed: whole(&s.value["confirmed"])?,
            tried,
            revision: s.revision.0,
        })
    }

    /// Durable when it returns.
    pub(super) fn store(&self, note: &mut Note) -> Result<()> {
        note.revision += 1;
        self.0.commit(&[StoredSection {
            key: KEY.into(),
            version: 1,
            revision: Revision(note.revision),
            value: json!({"confirmed": note.confirmed, "tried": note.tried}),
            changed_by: String::new(),
            changed_at: None,
        }])
    }
}

/// Settings of an earlier form have the defaults of what came later.
fn whole(stored: &Value) -> Result<NetIp> {
    let bad = |e| Error::internal(format!("stored network note: {e}"));
    let mut value = serde_json::to_value(NetIp::default()).map_err(bad)?;
    if let (Some(all), Some(stored)) = (value.as_object_mut(), stored.as_object()) {
        all.extend(stored.clone());
    }
    serde_json::from_value(value).map_err(bad)
}
