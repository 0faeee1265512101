//! Scopes and discovery mode (SYS-1..4). Name and place of the unit are scopes as well.

use onvif_contracts::{tds, tt};
use onvif_xml::soap::Fault;
use platecam_model::{
    Device,
    settings::{DeviceGeneral, DiscoveryMode, OnvifService, Patch},
};

use super::profiles;
use crate::{
    call::{Answer, Call},
    fault::{self, shortened},
};

const PREFIX: &str = "onvif://www.onvif.org/";
const NAME: &str = "onvif://www.onvif.org/name/";
const LOCATION: &str = "onvif://www.onvif.org/location/";

/// Percent-encodes text for a scope; `/` separates levels and stays.
fn encode(text: &str) -> String {
    use std::fmt::Write;
    let mut out = String::with_capacity(text.len());
    for b in text.bytes() {
        if b.is_ascii_alphanumeric() || b"-._~/".contains(&b) {
            out.push(char::from(b));
        } else {
            // Writing to a String never fails.
            let _ = write!(out, "%{b:02X}");
        }
    }
    out
}

/// Undoes [`encode`]; what is no encoding stays as it is.
fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        let hex = text
            .get(i + 1..i + 3)
            .filter(|h| bytes[i] == b'%' && h.bytes().all(|b| b.is_ascii_hexdigit()));
        match hex.and_then(|h| u8::from_str_radix(h, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                i += 3;
            }
            None => {
                out.push(bytes[i]);
                i += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn fixed(device: &Device) -> Vec<String> {
    let mut scopes = vec![
        format!("{PREFIX}type/video_encoder"),
        format!("{PREFIX}type/Network_Video_Transmitter"),
        format!("{PREFIX}hardware/{}", encode(&device.identity.model)),
        fixed_name(device),
    ];
    scopes.extend(profiles::scopes(device));
    scopes
}

/// ONVIF asks for a name that stays (Core §9.3.2.2): the model's.
fn fixed_name(device: &Device) -> String {
    format!("{NAME}{}", encode(&device.identity.model))
}

fn configurable(device: &Device) -> Vec<String> {
    let general = device.settings.get::<DeviceGeneral>();
    let mut scopes = vec![format!("{NAME}{}", encode(&general.name))];
    // A unit that is called as its model has one name.
    scopes.retain(|name| *name != fixed_name(device));
    // Discovery wants a location scope even when nobody set one.
    scopes.push(format!("{LOCATION}{}", encode(&general.location)));
    scopes.extend(device.settings.get::<OnvifService>().scopes.iter().cloned());
    scopes
}

/// All scopes. The name that stays is the last: clients show the first name, which is the unit's own.
fn rows(device: &Device) -> Vec<(tt::ScopeDefinition, String)> {
    use tt::ScopeDefinition::{Configurable, Fixed};
    let name = fixed_name(device);
    let (last, first): (Vec<_>, Vec<_>) = fixed(device).into_iter().partition(|s| *s == name);
    let row = |def: tt::ScopeDefinition| move |scope| (def.clone(), scope);
    let own = configurable(device).into_iter().map(row(Configurable));
    let first = first.into_iter().map(row(Fixed));
    first
        .chain(own)
        .chain(last.into_iter().map(row(Fixed)))
        .collect()
}

/// All scopes, for discovery.
pub(crate) fn all(device: &Device) -> Vec<String> {
    rows(device).into_iter().map(|(_, scope)| scope).collect()
}

/// `GetScopes`.
pub(super) fn get(call: &Call<'_>) -> tds::GetScopesResponse {
    let scopes = rows(call.device()).into_iter();
    let scopes = scopes.map(|(scope_def, scope_item)| tt::Scope {
        scope_def,
        scope_item,
    });
    let scopes = scopes.collect();
    tds::GetScopesResponse { scopes }
}

/// The three places where configurable scopes are kept.
#[derive(Debug, PartialEq, Eq)]
struct Kept {
    name: String,
    location: String,
    others: Vec<String>,
}

impl Kept {
    fn now(device: &Device) -> Self {
        let general = device.settings.get::<DeviceGeneral>();
        Self {
            name: general.name.clone(),
            location: general.location.clone(),
            others: device.settings.get::<OnvifService>().scopes.clone(),
        }
    }

    /// Sorts `scopes`; without a name among them the present one stays, because a unit has one.
    fn replace(&mut self, scopes: Vec<String>) {
        let mut name = None;
        let mut location = None;
        self.others.clear();
        for scope in scopes {
            match (scope.strip_prefix(NAME), scope.strip_prefix(LOCATION)) {
                (Some(text), _) if name.is_none() && !text.is_empty() => name = Some(decode(text)),
                (_, Some(text)) if location.is_none() => location = Some(decode(text)),
                _ => self.others.push(scope),
            }
        }
        self.name = name.unwrap_or_else(|| std::mem::take(&mut self.name));
        self.location = location.unwrap_or_default();
        self.dedup();
    }

    fn dedup(&mut self) {
        let mut seen = Vec::new();
        self.others.retain(|s| {
            let new = !seen.contains(s);
            seen.push(s.clone());
            new
        });
    }

    fn write(self, call: &Call<'_>) -> Answer<()> {
        let n = self.others.len();
        if n > OnvifService::MAX_SCOPES {
            return Err(Fault::receiver(
                &["Action", "TooManyScopes"],
                format!("{n} scopes; at most {}", OnvifService::MAX_SCOPES),
            ));
        }
        let patch = |key: &str, value| Patch {
            key: key.to_owned(),
            value,
            if_revision: None,
        };
        let mut patches = Vec::new();
        let before = Self::now(call.device());
        if (&before.name, &before.location) != (&self.name, &self.location) {
            let value = serde_json::json!({ "name": self.name, "location": self.location });
            patches.push(patch("device.general", value));
        }
        if before.others != self.others {
            patches.push(patch("onvif", serde_json::json!({ "scopes": self.others })));
        }
        if !patches.is_empty() {
            call.device()
                .settings
                .apply(&patches, call.actor)
                .map_err(fault::of)?;
        }
        Ok(())
    }
}

fn is_fixed(device: &Device, scope: &str) -> bool {
    fixed(device).iter().any(|f| f == scope)
}

/// `SetScopes`: replaces the configurable ones.
pub(super) fn set(call: &Call<'_>, scopes: Vec<String>) -> Answer<()> {
    // The unit may be called as its model.
    let taken = |s: &&String| is_fixed(call.device(), s) && !s.starts_with(NAME);
    if let Some(scope) = scopes.iter().find(taken) {
        return Err(Fault::sender(
            &["OperationProhibited", "ScopeOverwrite"],
            format!("{} is fixed", shortened(scope)),
        ));
    }
    let mut kept = Kept::now(call.device());
    kept.replace(scopes);
    kept.write(call)
}

/// `AddScopes`.
pub(super) fn add(call: &Call<'_>, scopes: Vec<String>) -> Answer<()> {
    let mut kept = Kept::now(call.device());
    let present = all(call.device());
    for scope in scopes.into_iter().filter(|s| !present.contains(s)) {
        match scope.strip_prefix(LOCATION) {
            Some(text) if kept.location.is_empty() => kept.location = decode(text),
            _ => kept.others.push(scope),
        }
    }
    kept.dedup();
    kept.write(call)
}

/// `RemoveScopes`: all of them or none; returns the removed ones.
pub(super) fn remove(call: &Call<'_>, scopes: Vec<String>) -> Answer<Vec<String>> {
    let device = call.device();
    let mut kept = Kept::now(device);
    for scope in &scopes {
        let same = |prefix: &str, text: &str| {
            scope
                .strip_prefix(prefix)
                .is_some_and(|s| decode(s) == text)
        };
        if is_fixed(device, scope) || same(NAME, &kept.name) {
            return Err(Fault::sender(
                &["OperationProhibited", "FixedScope"],
                format!("{} cannot be removed", shortened(scope)),
            ));
        }
        if let Some(at) = kept.others.iter().position(|s| s == scope) {
            kept.others.remove(at);
        } else if same(LOCATION, &kept.location) {
            kept.location.clear();
        } else {
            return Err(Fault::sender(
                &["InvalidArgVal", "NoScope"],
                format!("there is no scope {}", shortened(scope)),
            ));
        }
    }
    kept.write(call)?;
    Ok(scopes)
}

/// `GetDiscoveryMode`.
pub(super) fn discovery_mode(call: &Call<'_>) -> tds::GetDiscoveryModeResponse {
    let mode = call.device().settings.get::<OnvifService>().discovery;
    tds::GetDiscoveryModeResponse {
        discovery_mode: match mode {
            DiscoveryMode::Discoverable => tt::DiscoveryMode::Discoverable,
            DiscoveryMode::NonDiscoverable => tt::DiscoveryMode::NonDiscoverable,
        },
    }
}

/// `SetDiscoveryMode`.
pub(super) fn set_discovery_mode(call: &Call<'_>, mode: &tt::DiscoveryMode) -> Answer<()> {
    let discovery = match mode {
        tt::DiscoveryMode::Discoverable => DiscoveryMode::Discoverable,
        tt::DiscoveryMode::NonDiscoverable => DiscoveryMode::NonDiscoverable,
        tt::DiscoveryMode::Other(text) => {
            return Err(Fault::sender(
                &["InvalidArgVal"],
                format!(
                    "DiscoveryMode {}: must be Discoverable or NonDiscoverable",
                    shortened(text)
                ),
            ));
        }
    };
    call.device()
        .settings
        .update::<OnvifService>(call.actor, |s| s.discovery = discovery)
        .map_err(fault::of)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn encoding_is_reversible(text in "\\PC{0,40}") {
            let encoded = encode(&text);
            proptest::prop_assert!(encoded.is_ascii());
            proptest::prop_assert!(!encoded.contains(' '));
            proptest::prop_assert_eq!(decode(&encoded), text);
        }

        #[test]
        fn any_text_decodes(text in "[%a-f0-9é]{0,20}") {
            decode(&text);
        }
    }
}
