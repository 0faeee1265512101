use lpr_core::Region;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Section;
use crate::{Permission, bounded};

bounded! {
    /// Confidence in percent.
    pub struct Percent(u32) in 0..=100, unit "%"
}
bounded! {
    /// Analysed frames a second.
    pub struct AnalysisRate(u32) in 1..=30, unit "fps"
}
bounded! {
    /// Width in pixels of the source picture.
    pub struct PlateWidth(u32) in 30..=600, unit "px"
}
bounded! {
    /// Seconds in which a plate seen again is the same pass.
    pub struct RepeatSeconds(u32) in 1..=300, unit "s"
}

/// Plate recognition. ONVIF: rule `tt:LicensePlateRecognition`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LprRecognition {
    /// Off stops the analysis; video goes on.
    #[schemars(title = "Enable")]
    pub enabled: bool,
    /// Plate formats that are preferred when a sign is doubtful.
    #[schemars(title = "Region")]
    pub region: Region,
    /// Reads below it are not reported.
    #[schemars(title = "Minimum Confidence", extend("x-widget" = "range"))]
    pub min_confidence: Percent,
    /// Narrower plates are not read.
    #[schemars(title = "Minimum Plate Width")]
    pub min_plate_width: PlateWidth,
    /// At most so many frames a second are analysed; fewer when the processor is short.
    #[schemars(title = "Analysis Rate")]
    pub analysis_rate: AnalysisRate,
    /// The same plate again within this time is the same pass.
    #[schemars(title = "Repeat Interval")]
    pub repeat_seconds: RepeatSeconds,
}

impl Default for LprRecognition {
    fn default() -> Self {
        Self {
            enabled: true,
            region: Region::Us,
            min_confidence: Percent::clamped(50),
            min_plate_width: PlateWidth::clamped(50),
            analysis_rate: AnalysisRate::clamped(12),
            repeat_seconds: RepeatSeconds::clamped(10),
        }
    }
}

impl Section for LprRecognition {
    const KEY: &'static str = "lpr.recognition";
    const TITLE: &'static str = "Plate Recognition";
    const PAGE: &'static str = "Setting/LPR/Scene Config";
    const WRITE: Permission = Permission::LprConfig;
}
