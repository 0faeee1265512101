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

/// ONVIF's own settings. ONVIF: `tds:SetDiscoveryMode`, `tds:SetScopes`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OnvifService {
    /// Found by ONVIF clients in the network.
    #[schemars(title = "Discovery")]
    pub discovery: DiscoveryMode,
    /// Scopes added by clients, absolute URIs of at most 256 characters, at most 32.
    #[schemars(title = "Additional Scopes")]
    pub scopes: Vec<String>,
}

impl Default for OnvifService {
    fn default() -> Self {
        Self {
            discovery: DiscoveryMode::Discoverable,
            scopes: Vec::new(),
        }
    }
}

impl OnvifService {
    /// Most scopes that clients may add.
    pub const MAX_SCOPES: usize = 32;
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
