//! Regions of interest.

use lpr_core::NormRect;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CheckContext, Section, area::check_rect};
use crate::{
    Permission, Violation, Violations,
    product::{Function, Need},
};

/// How well a region is encoded (ROI-2).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum RoiQuality {
    /// Worse than the rest of the picture.
    Low,
    /// As well as the stream's own settings say.
    #[default]
    Medium,
    /// Better: the rest of the picture gives up fine detail for it.
    High,
}

/// A rectangle of the picture and how well it is encoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(deny_unknown_fields)]
pub struct RegionOfInterest {
    /// Low: worse than the rest. Medium: as the stream is set. High: better; the rest gives up fine detail for it.
    #[schemars(title = "Quality")]
    pub quality: RoiQuality,
    /// Its edges, from -1 (left, bottom) to 1 (right, top); the same in both streams.
    #[schemars(title = "Area", extend("default" = {"left": -0.25, "top": 0.25, "right": 0.25, "bottom": -0.25}))]
    pub area: NormRect,
}

/// Where the bits of both streams go. No ONVIF operation; pictures for recognition, records and snapshots stay as they are.
///
/// Rows ROI-1 to ROI-5.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VideoRoi {
    /// The regions, at most 3. Where they overlap the better quality counts.
    #[schemars(title = "Regions of Interest", length(max = 3))]
    pub regions: Vec<RegionOfInterest>,
}

impl VideoRoi {
    /// Most regions.
    pub const MAX: usize = 3;
}

impl Section for VideoRoi {
    const KEY: &'static str = "video.roi";
    const TITLE: &'static str = "Regions of Interest";
    const PAGE: &'static str = "Setting/Video/Audio/Video/ROI";
    const WRITE: Permission = Permission::VideoConfig;
    const NEEDS: Option<Need> = Some(Need::Function(Function::RegionsOfInterest));

    fn check(&self, _cx: &CheckContext<'_>, violations: &mut Violations) {
        let n = self.regions.len();
        violations.require(n <= Self::MAX, || {
            Violation::new("/regions", n, format!("at most {} regions", Self::MAX))
        });
        for (i, region) in self.regions.iter().enumerate() {
            check_rect(&format!("/regions/{i}/area"), &region.area, violations);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Actor, testing::uninitialised};

    /// ROI-1, ROI-5.
    #[test]
    fn regions_are_up_to_three_rectangles_of_the_picture() {
        let t = uninitialised();
        let region = |left, top, right, bottom| RegionOfInterest {
            quality: RoiQuality::High,
            area: NormRect {
                left,
                top,
                right,
                bottom,
            },
        };
        let set = |regions: Vec<RegionOfInterest>| {
            let change = |s: &mut VideoRoi| s.regions = regions;
            t.device.settings.update(&Actor::system(), change)
        };
        let good = region(-0.5, 0.5, 0.5, -0.5);
        set(vec![good; 3]).unwrap();
        for (regions, pointer) in [
            (vec![good; 4], "/regions"),
            (vec![region(-1.5, 0.5, 0.5, -0.5)], "/regions/0/area/left"),
            (
                vec![good, region(-0.5, 0.5, 0.5, f32::NAN)],
                "/regions/1/area/bottom",
            ),
            (vec![region(0.5, 0.5, -0.5, -0.5)], "/regions/0/area/right"),
            (vec![region(-0.5, -0.5, 0.5, 0.5)], "/regions/0/area/top"),
            (vec![region(0.1, 0.5, 0.1, -0.5)], "/regions/0/area/right"),
        ] {
            let Err(crate::Error::Invalid(v)) = set(regions) else {
                panic!("{pointer} was accepted");
            };
            assert_eq!(v.0[0].pointer, pointer);
        }
        assert_eq!(t.device.settings.get::<VideoRoi>().regions.len(), 3);
    }
}
