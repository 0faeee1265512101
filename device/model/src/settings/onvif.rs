use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CheckContext, Section};
use crate::{Permission, Violation, Violations};

/// Whether WS-Discovery answers (`tds:SetDiscoveryMode`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum DiscoveryMode {
    /// Says hello and answers probes.
    Discoverable,
    /// Silent.
    NonDiscoverable,
}

/// ONVIF's own settings (ONVIF-1..3, SYS-31, SYS-34). ONVIF: `tds:SetDiscoveryMode`, `tds:SetScopes`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OnvifService {
    /// ONVIF services are offered. Off: requests are refused and discovery is silent.
    #[schemars(title = "ONVIF")]
    pub enabled: bool,
    /// ONVIF requests need user name and password. Off: everybody may read and watch without them, but change nothing.
    #[schemars(title = "Login Verification", extend("x-visible-when" = {"enabled": true}))]
    pub login_verification: bool,
    /// Found by ONVIF clients in the network (Retrieve by Multicast/Broadcast).
    #[schemars(title = "Discovery")]
    pub discovery: DiscoveryMode,
    /// Scopes added by clients, absolute URIs of at most 256 characters, at most 32.
    #[schemars(title = "Additional Scopes")]
    pub scopes: Vec<String>,
}

impl Default for OnvifService {
    fn default() -> Self {
        Self {
            enabled: true,
            login_verification: true,
            discovery: DiscoveryMode::Discoverable,
            scopes: Vec::new(),
        }
    }
}

impl OnvifService {
    /// Most scopes that clients may add.
    pub const MAX_SCOPES: usize = 32;

    /// Whether WS-Discovery says hello and answers: ONVIF is on and the mode is `Discoverable`.
    pub fn is_discoverable(&self) -> bool {
        self.enabled && self.discovery == DiscoveryMode::Discoverable
    }
}

impl Section for OnvifService {
    const KEY: &'static str = "onvif";
    const TITLE: &'static str = "ONVIF";
    const PAGE: &'static str = "Setting/Network/ONVIF";
    const WRITE: Permission = Permission::NetworkConfig;

    fn check(&self, _cx: &CheckContext<'_>, violations: &mut Violations) {
        let n = self.scopes.len();
        violations.require(n <= Self::MAX_SCOPES, || {
            Violation::new("/scopes", n, format!("at most {} scopes", Self::MAX_SCOPES))
        });
        for (i, s) in self.scopes.iter().enumerate() {
            let readable = s.len() <= 256
                && s.contains("://")
                && !s.chars().any(|c| c.is_whitespace() || c.is_control());
            violations.require(readable, || {
                Violation::new(
                    &format!("/scopes/{i}"),
                    s,
                    "must be an absolute URI of at most 256 characters without blanks",
                )
            });
        }
    }
}

/// The encoder of a media profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(rename_all = "lowercase")]
pub enum ProfileEncoder {
    /// Main stream.
    Main,
    /// Sub stream.
    Sub,
}

/// A media profile as a client put it together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(deny_unknown_fields)]
pub struct MediaProfile {
    /// Token, 1 to 64 characters.
    pub token: String,
    /// Name, up to 64 characters.
    pub name: String,
    /// Holds the video source.
    pub source: bool,
    /// Holds an encoder.
    pub encoder: Option<ProfileEncoder>,
    /// Holds the analytics.
    pub analytics: bool,
    /// Holds the metadata.
    pub metadata: bool,
    /// Holds the audio source.
    #[serde(default)]
    pub audio_source: bool,
    /// Holds the audio encoder.
    #[serde(default)]
    pub audio_encoder: bool,
    /// Holds the audio output.
    #[serde(default)]
    pub audio_output: bool,
    /// Holds the decoder of the back channel.
    #[serde(default)]
    pub audio_decoder: bool,
}

/// Media profiles made or changed by ONVIF clients. ONVIF: `trt:CreateProfile`, `tr2:AddConfiguration`.
///
/// The two profiles of the device itself are in here only when a client changed them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OnvifProfiles {
    /// The profiles, at most [`OnvifProfiles::MAX`].
    #[schemars(title = "Media Profiles")]
    pub profiles: Vec<MediaProfile>,
}

impl OnvifProfiles {
    /// Most profiles.
    pub const MAX: usize = 10;
}

impl Section for OnvifProfiles {
    const KEY: &'static str = "onvif.profiles";
    const TITLE: &'static str = "ONVIF Media Profiles";
    const PAGE: &'static str = "Setting/Network/ONVIF";
    const WRITE: Permission = Permission::VideoConfig;

    fn check(&self, _cx: &CheckContext<'_>, violations: &mut Violations) {
        let n = self.profiles.len();
        violations.require(n <= Self::MAX, || {
            Violation::new("/profiles", n, format!("at most {} profiles", Self::MAX))
        });
        for (i, p) in self.profiles.iter().enumerate() {
            for (field, text, least) in [("token", &p.token, 1), ("name", &p.name, 0)] {
                let n = text.chars().count();
                let good = (least..=64).contains(&n) && !text.chars().any(char::is_control);
                violations.require(good, || {
                    Violation::new(
                        &format!("/profiles/{i}/{field}"),
                        text,
                        format!("must have {least} to 64 characters, none of them a control"),
                    )
                });
            }
            let twin = self.profiles[..i].iter().any(|o| o.token == p.token);
            violations.require(!twin, || {
                Violation::new(&format!("/profiles/{i}/token"), &p.token, "exists already")
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Actor, testing::uninitialised};

    #[test]
    fn profiles_are_bounded_and_unlike() {
        let t = uninitialised();
        let profile = |token: &str| MediaProfile {
            token: token.into(),
            name: "n".into(),
            source: true,
            encoder: Some(ProfileEncoder::Sub),
            analytics: false,
            metadata: true,
            audio_source: false,
            audio_encoder: false,
            audio_output: false,
            audio_decoder: false,
        };
        let set = |profiles: Vec<MediaProfile>| {
            let change = |s: &mut OnvifProfiles| s.profiles = profiles;
            t.device.settings.update(&Actor::system(), change)
        };
        let many: Vec<_> = (0..=OnvifProfiles::MAX)
            .map(|i| profile(&i.to_string()))
            .collect();
        for (profiles, pointer) in [
            (vec![profile("a"), profile("b")], None),
            (vec![profile("a"), profile("a")], Some("/profiles/1/token")),
            (vec![profile("")], Some("/profiles/0/token")),
            (vec![profile(&"x".repeat(65))], Some("/profiles/0/token")),
            (vec![profile("a\n")], Some("/profiles/0/token")),
            (many, Some("/profiles")),
        ] {
            match (set(profiles), pointer) {
                (Ok(_), None) => {}
                (Err(crate::Error::Invalid(v)), Some(pointer)) => {
                    assert_eq!(v.0[0].pointer, pointer);
                }
                (other, pointer) => panic!("{pointer:?}: {other:?}"),
            }
        }
        let kept = t.device.settings.get::<OnvifProfiles>();
        assert_eq!(kept.profiles.len(), 2, "refused changes change nothing");
    }
}
