//! Secrets within sections (SEC-18): sealed where they are stored, never shown, changed by naming a new one.

use base64::{Engine, engine::general_purpose::STANDARD};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value, json};

use super::Descriptor;
use crate::{Error, Result, Secret, ports::Sealer};

/// A secret of a section, such as a password of somebody else's server; empty when there is none.
///
/// Its serde form is the text itself, which only the store ever sees: a section names such fields in
/// [`Section::SECRETS`](super::Section::SECRETS), and the store seals, hides and exports them accordingly.
#[derive(Clone, Debug, PartialEq)]
pub struct SecretText(Secret);

impl SecretText {
    /// Most characters.
    pub const MAX: usize = 256;

    /// The text itself; call only where it is used.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// Whether there is one.
    pub fn is_set(&self) -> bool {
        !self.expose().is_empty()
    }
}

impl Default for SecretText {
    fn default() -> Self {
        Self(Secret::new(""))
    }
}

impl Serialize for SecretText {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(self.expose())
    }
}

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let secret = Secret::new(String::deserialize(deserializer)?);
        let n = secret.expose().chars().count();
        if n > Self::MAX {
            let text = format!("has {n} characters; allowed are 0 to {}", Self::MAX);
            return Err(serde::de::Error::custom(text));
        }
        Ok(Self(secret))
    }
}

impl JsonSchema for SecretText {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "SecretText".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "maxLength": Self::MAX, "writeOnly": true, "x-widget": "password"})
    }

    fn inline_schema() -> bool {
        true
    }
}

fn context(key: &str, field: &str) -> Vec<u8> {
    format!("settings/{key}/{field}").into_bytes()
}

fn each(
    d: &Descriptor,
    value: &mut Value,
    mut change: impl FnMut(&str, &mut Value) -> Result<()>,
) -> Result<()> {
    for field in d.secrets {
        if let Some(v) = value.get_mut(*field) {
            change(field, v)?;
        }
    }
    Ok(())
}

/// The form that is stored: each secret as `{"sealed": BASE64}`, bound to section and field.
pub(super) fn seal(d: &Descriptor, sealer: &dyn Sealer, value: &mut Value) -> Result<()> {
    each(d, value, |field, v| {
        if let Some(text) = v.as_str().filter(|t| !t.is_empty()) {
            let sealed = sealer.seal(text.as_bytes(), &context(d.key, field))?;
            *v = json!({ "sealed": STANDARD.encode(sealed) });
        }
        Ok(())
    })
}

/// Takes back [`seal`].
pub(super) fn open(d: &Descriptor, sealer: &dyn Sealer, value: &mut Value) -> Result<()> {
    each(d, value, |field, v| {
        if let Some(sealed) = v.get("sealed").and_then(Value::as_str) {
            let sealed = STANDARD.decode(sealed).map_err(Error::internal)?;
            let plain = sealer.open(&sealed, &context(d.key, field))?;
            *v = String::from_utf8(plain).map_err(Error::internal)?.into();
        }
        Ok(())
    })
}

/// The form that is shown, kept in the history and exported without a password: `{"set": true}`.
pub(super) fn mask(d: &Descriptor, value: &mut Value) {
    let masked = each(d, value, |_, v| {
        let set = v.get("sealed").is_some() || v.as_str().is_some_and(|t| !t.is_empty());
        *v = json!({ "set": set });
        Ok(())
    });
    debug_assert!(masked.is_ok(), "masking does not fail");
}

/// A patch as adapters send it: the shown form keeps the secret, `null` clears it, a text replaces it.
pub(super) fn patch(d: &Descriptor, value: &mut Value) {
    let Some(map) = value.as_object_mut() else {
        return;
    };
    for field in d.secrets {
        match map.get(*field) {
            Some(Value::Null) => {
                map.insert((*field).into(), "".into());
            }
            Some(Value::Object(_)) => {
                map.remove(*field);
            }
            _ => {}
        }
    }
}

/// Leaves the secrets out, for an export without a password.
pub(super) fn remove(d: &Descriptor, value: &mut Value) {
    if let Some(map) = value.as_object_mut() {
        map.retain(|field, _| !d.secrets.contains(&field.as_str()));
    }
}
