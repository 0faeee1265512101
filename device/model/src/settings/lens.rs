use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Section;
use crate::{
    Permission, bounded,
    product::{Limit, Need},
};

bounded! {
    /// How far a click moves the lens, and how fast a held button.
    pub struct LensSpeed(u8) in 1..=100, unit ""
}

/// The motorised lens. Positions are no settings: zoom and focus are moved on the page, by ONVIF or by the API, and are
/// remembered.
///
/// ONVIF: `tt:FocusConfiguration20`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LensSettings {
    /// Focuses by itself after each zoom, with a camera that can also while it zooms.
    #[schemars(title = "Focus after Zoom")]
    pub auto_focus: bool,
    /// How far each click on + or - moves zoom and focus, in thousandths of the whole way; a held button moves faster by it.
    #[schemars(title = "Speed", extend("x-widget" = "range"))]
    pub speed: LensSpeed,
}

impl Default for LensSettings {
    fn default() -> Self {
        Self {
            auto_focus: true,
            speed: LensSpeed::clamped(50),
        }
    }
}

impl Section for LensSettings {
    const KEY: &'static str = "lens";
    const TITLE: &'static str = "Zoom and Focus";
    const PAGE: &'static str = "Config (LPR)/Advanced Set";
    const WRITE: Permission = Permission::LprConfig;
    const NEEDS: Option<Need> = Some(Need::AtLeast(Limit::Lenses, 1));

    fn off() -> Self {
        Self {
            auto_focus: false,
            ..Self::default()
        }
    }
}
