use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Section;
use crate::Permission;

/// What the live picture shows over the video while a unit is put into service (COMM-1).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LprCommission {
    /// Boxes around plates.
    #[schemars(title = "Show Plate Boxes")]
    pub show_boxes: bool,
    /// Outlines of the areas that rules and masks have: capture, shield, motion, privacy.
    #[schemars(title = "Show Rules")]
    pub show_rules: bool,
    /// The way that each plate came.
    #[schemars(title = "Show Tracks")]
    pub show_tracks: bool,
}

impl Default for LprCommission {
    fn default() -> Self {
        Self {
            show_boxes: true,
            show_rules: false,
            show_tracks: false,
        }
    }
}

impl Section for LprCommission {
    const KEY: &'static str = "lpr.commission";
    const TITLE: &'static str = "Device Commission";
    const PAGE: &'static str = "Setting/LPR/Device Commission";
    const WRITE: Permission = Permission::LprConfig;
}
