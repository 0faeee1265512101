use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CheckContext, FrameRate, Section};
use crate::{Permission, Violation, Violations};

/// Language of the web interface where a browser has not chosen one itself (SYS-2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum Language {
    /// English.
    #[default]
    #[serde(rename = "en")]
    #[schemars(title = "English")]
    English,
    /// German.
    #[serde(rename = "de")]
    #[schemars(title = "Deutsch")]
    German,
}

/// Video standard: which frame rates there are (SYS-3, C-5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum VideoStandard {
    /// Up to 30 frames a second.
    #[default]
    #[serde(rename = "NTSC")]
    Ntsc,
    /// Up to 25 frames a second.
    #[serde(rename = "PAL")]
    Pal,
}

impl VideoStandard {
    /// Both, in the order of the manual.
    pub const ALL: [Self; 2] = [Self::Ntsc, Self::Pal];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ntsc => "NTSC",
            Self::Pal => "PAL",
        }
    }

    /// The highest frame rate (VIDEO-7).
    pub fn max_frame_rate(self) -> FrameRate {
        FrameRate::clamped(match self {
            Self::Ntsc => 30,
            Self::Pal => 25,
        })
    }
}

impl std::fmt::Display for VideoStandard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Name and place of the unit, language and video standard (SYS-1..3). ONVIF: scopes `name` and `location`,
/// video source modes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeviceGeneral {
    /// What people call the unit, 1 to 63 characters.
    #[schemars(title = "Device Name", length(min = 1, max = 63))]
    pub name: String,
    /// Where it is, up to 63 characters.
    #[schemars(title = "Location", length(max = 63))]
    pub location: String,
    /// Language of the web interface where a browser has not chosen one itself.
    #[schemars(title = "Language")]
    pub language: Language,
    /// NTSC has up to 30 frames a second, PAL up to 25; streams above the limit are lowered to it.
    #[schemars(title = "Video Standard")]
    pub video_standard: VideoStandard,
}

impl Default for DeviceGeneral {
    fn default() -> Self {
        Self {
            name: "Platecam".into(),
            location: String::new(),
            language: Language::default(),
            video_standard: VideoStandard::default(),
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
