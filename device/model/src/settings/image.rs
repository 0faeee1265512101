//! Corrections of the picture (IMG-1..4, IMG-13).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Section;
use crate::{
    Permission, bounded,
    product::{Function, Need},
};

bounded! {
    /// Strength of a correction; 50 leaves the picture as it is.
    pub struct Level(u8) in 0..=100, unit ""
}

/// Corrections of the picture, computed for any source; streams, snapshots, records and recognition get the
/// corrected picture. ONVIF: `timg:SetImagingSettings`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VideoImage {
    /// Higher is brighter; 40 to 60 is recommended.
    #[schemars(title = "Brightness", extend("x-widget" = "range"))]
    pub brightness: Level,
    /// Higher spreads light and dark; 40 to 60 is recommended.
    #[schemars(title = "Contrast", extend("x-widget" = "range"))]
    pub contrast: Level,
    /// Amount of colour, 0 is grey; 40 to 60 is recommended.
    #[schemars(title = "Saturation", extend("x-widget" = "range"))]
    pub saturation: Level,
    /// Higher brightens the dark parts.
    #[schemars(title = "Gamma", extend("x-widget" = "range"))]
    pub gamma: Level,
    /// Higher is clearer, too high gives noise; costs the processor some milliseconds a picture when it is not 50.
    #[schemars(title = "Sharpness", extend("x-widget" = "range"))]
    pub sharpness: Level,
}

impl Default for VideoImage {
    fn default() -> Self {
        let neutral = Level::clamped(50);
        Self {
            brightness: neutral,
            contrast: neutral,
            saturation: neutral,
            gamma: neutral,
            sharpness: neutral,
        }
    }
}

impl Section for VideoImage {
    const KEY: &'static str = "video.image";
    const TITLE: &'static str = "Picture";
    const PAGE: &'static str = "Setting/Camera/Attribute/General";
    const WRITE: Permission = Permission::ImageConfig;
    const NEEDS: Option<Need> = Some(Need::Function(Function::PictureSettings));
}
