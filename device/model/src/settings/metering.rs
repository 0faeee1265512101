//! Metering and plate brightness compensation (METER-1..7).

use lpr_core::NormRect;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CheckContext, Section, area::check_rect};
use crate::{
    Permission, Violation, Violations,
    product::{Function, Need},
};

/// What is metered (METER-4, METER-5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum MeteringMode {
    /// The whole picture.
    #[default]
    Global,
    /// The areas.
    Partial,
}

/// Which parts of the picture decide about its brightness. ONVIF: `tt:Exposure20` with one window,
/// `tt:BacklightCompensation20`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VideoMetering {
    /// Allows the two compensations.
    #[schemars(title = "Plate Brightness Compensation")]
    pub compensation: bool,
    /// Brightens dark parts of what is metered while the rest is bright.
    #[schemars(title = "Backlighting Compensation", extend("x-visible-when" = {"compensation": true}))]
    pub backlight: bool,
    /// Dims glaring parts of what is metered, as head lights make them.
    #[schemars(title = "Frontlighting Compensation", extend("x-visible-when" = {"compensation": true}))]
    pub frontlight: bool,
    /// Global: the whole picture. Partial: the areas are brought to a middle brightness; when they brighten the rest
    /// darkens, and the other way round.
    #[schemars(title = "Metering Mode")]
    pub mode: MeteringMode,
    /// At most 5 rectangles, each from -1 (left, bottom) to 1 (right, top). Without any the whole picture is metered.
    #[schemars(title = "Areas", length(max = 5), extend("x-visible-when" = {"mode": "partial"}))]
    pub areas: Vec<NormRect>,
}

impl VideoMetering {
    /// Most areas (METER-6).
    pub const MAX: usize = 5;

    /// The areas that are metered; none for the whole picture.
    pub fn metered(&self) -> &[NormRect] {
        match self.mode {
            MeteringMode::Partial => &self.areas,
            MeteringMode::Global => &[],
        }
    }
}

impl Section for VideoMetering {
    const KEY: &'static str = "video.metering";
    const TITLE: &'static str = "Metering";
    const PAGE: &'static str = "Setting/Image/Display Settings/Metering";
    const WRITE: Permission = Permission::ImageConfig;
    const NEEDS: Option<Need> = Some(Need::Function(Function::PictureSettings));

    fn check(&self, _cx: &CheckContext<'_>, violations: &mut Violations) {
        let n = self.areas.len();
        violations.require(n <= Self::MAX, || {
            Violation::new("/areas", n, format!("at most {} areas", Self::MAX))
        });
        for (i, area) in self.areas.iter().enumerate() {
            check_rect(&format!("/areas/{i}"), area, violations);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Actor, testing::uninitialised};

    /// METER-4..6: a sixth area is refused with the bound; areas count in partial metering only.
    #[test]
    fn areas_are_up_to_five_rectangles() {
        let t = uninitialised();
        let area = |left, right| NormRect {
            left,
            top: 0.5,
            right,
            bottom: -0.5,
        };
        let set = |areas: Vec<NormRect>, mode| {
            let change = |s: &mut VideoMetering| (s.areas, s.mode) = (areas, mode);
            t.device.settings.update(&Actor::system(), change)
        };
        let metered = || t.device.settings.get::<VideoMetering>().metered().len();
        let good = area(-0.5, 0.5);
        set(vec![good; 5], MeteringMode::Global).unwrap();
        assert_eq!(metered(), 0);
        set(vec![good; 5], MeteringMode::Partial).unwrap();
        assert_eq!(metered(), 5);
        for (areas, pointer, reason) in [
            (vec![good; 6], "/areas", "at most 5 areas"),
            (vec![good, area(0.5, -0.5)], "/areas/1/right", "left edge"),
            (vec![area(-2.0, 0.5)], "/areas/0/left", "-1 to 1"),
        ] {
            let Err(crate::Error::Invalid(v)) = set(areas, MeteringMode::Partial) else {
                panic!("{pointer} was taken");
            };
            assert_eq!(v.0[0].pointer, pointer);
            assert!(v.0[0].reason.contains(reason), "{}", v.0[0].reason);
        }
        assert_eq!(metered(), 5);
    }
}
