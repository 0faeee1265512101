use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CheckContext, Section};
use crate::{Permission, Violation, Violations};

/// Name and place of the unit (SYS-1..4). ONVIF: scopes `name` and `location`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeviceGeneral {
    /// What people call the unit, 1 to 63 characters.
    #[schemars(title = "Device Name", length(min = 1, max = 63))]
    pub name: String,
    /// Where it is, up to 63 characters.
    #[schemars(title = "Location", length(max = 63))]
    pub location: String,
}

impl Default for DeviceGeneral {
    fn default() -> Self {
        Self {
            name: "Platecam".into(),
            location: String::new(),
        }
    }
}

impl Section for DeviceGeneral {
    const KEY: &'static str = "device.general";
    const TITLE: &'static str = "General Settings";
    const PAGE: &'static str = "Setting/System/General Settings";
    const WRITE: Permission = Permission::SystemConfig;

    fn check(&self, _cx: &CheckContext<'_>, violations: &mut Violations) {
        for (pointer, text, min) in [("/name", &self.name, 1), ("/location", &self.location, 0)] {
            let n = text.chars().count();
            violations.require((min..=63).contains(&n), || {
                Violation::new(
                    pointer,
                    text,
                    format!("has {n} characters; allowed are {min} to 63"),
                )
            });
            violations.require(!text.chars().any(char::is_control), || {
                Violation::new(pointer, "", "contains control characters")
            });
        }
    }
}
