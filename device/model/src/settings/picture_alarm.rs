use std::time::Duration;

use lpr_core::{Sensitivity, WatchSettings};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Section;
use crate::{
    Permission, bounded,
    product::{Function, Need},
};

bounded! {
    /// How sensitive a detection is.
    pub struct SensitivityPercent(u32) in 1..=100, unit "%"
}
bounded! {
    /// Seconds that a motion alarm lasts beyond the motion.
    pub struct MotionHold(u32) in 1..=60, unit "s"
}
bounded! {
    /// Seconds that tampering must last.
    pub struct TamperingSeconds(u32) in 1..=300, unit "s"
}

/// Alarms of the picture itself. ONVIF: `tns1:VideoSource/MotionAlarm`, `ImageTooDark`, `ImageTooBright`,
/// `ImageTooBlurry`, `GlobalSceneChange` (Imaging §5.5, Profile T 7.17 and 7.20).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EventPicture {
    /// Tells when something moves in the picture.
    #[schemars(title = "Motion Detection")]
    pub motion: bool,
    /// Higher sees smaller and weaker motion.
    #[schemars(title = "Motion Sensitivity", extend("x-widget" = "range"))]
    pub motion_sensitivity: SensitivityPercent,
    /// The alarm lasts so long beyond the last motion.
    #[schemars(title = "Motion Hold Time")]
    pub motion_hold: MotionHold,
    /// Tells when almost everything is black.
    #[schemars(title = "Picture Too Dark")]
    pub dark: bool,
    /// Tells when almost everything is white.
    #[schemars(title = "Picture Too Bright")]
    pub bright: bool,
    /// Tells when no edge is sharp.
    #[schemars(title = "Picture Too Blurry")]
    pub blurry: bool,
    /// Tells when the camera shows another scene: it was turned, or covered.
    #[schemars(title = "Scene Change")]
    pub scene_change: bool,
    /// Higher tells lesser disturbances of the four above.
    #[schemars(title = "Tampering Sensitivity", extend("x-widget" = "range"))]
    pub tampering_sensitivity: SensitivityPercent,
    /// A disturbance must last so long to be told, and be gone so long to end.
    #[schemars(title = "Tampering Duration")]
    pub tampering_after: TamperingSeconds,
}

impl Default for EventPicture {
    fn default() -> Self {
        Self {
            motion: true,
            motion_sensitivity: SensitivityPercent::clamped(50),
            motion_hold: MotionHold::clamped(5),
            dark: true,
            bright: true,
            blurry: true,
            scene_change: true,
            tampering_sensitivity: SensitivityPercent::clamped(50),
            tampering_after: TamperingSeconds::clamped(10),
        }
    }
}

impl EventPicture {
    /// In the domain's terms.
    #[must_use]
    pub fn watch(&self) -> WatchSettings {
        let sensitivity =
            |on: bool, s: SensitivityPercent| on.then(|| Sensitivity::clamped(s.get()));
        let tampering = |on| sensitivity(on, self.tampering_sensitivity);
        WatchSettings {
            motion: sensitivity(self.motion, self.motion_sensitivity),
            motion_hold: Duration::from_secs(self.motion_hold.get().into()),
            dark: tampering(self.dark),
            bright: tampering(self.bright),
            blurry: tampering(self.blurry),
            scene: tampering(self.scene_change),
            tampering_after: Duration::from_secs(self.tampering_after.get().into()),
        }
    }
}

impl Section for EventPicture {
    const KEY: &'static str = "event.picture";
    const TITLE: &'static str = "Motion and Tampering";
    const PAGE: &'static str = "Setting/Event/Motion and Tampering";
    const WRITE: Permission = Permission::EventConfig;
    const NEEDS: Option<Need> = Some(Need::Function(Function::PictureAlarms));

    fn off() -> Self {
        Self {
            motion: false,
            dark: false,
            bright: false,
            blurry: false,
            scene_change: false,
            ..Self::default()
        }
    }
}
