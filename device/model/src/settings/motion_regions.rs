//! Parts of the picture that are watched for motion on their own.

use lpr_core::{NormPoint, RegionWatch, Sensitivity};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    CheckContext, LprRecognition, Section,
    area::{check_area, check_simple, check_token},
};
use crate::{Permission, Violation, Violations, bounded};

bounded! {
    /// How sensitive the detection in a region is.
    pub struct RegionSensitivity(u32) in 0..=100, unit "%"
}

/// A part of the picture that is watched for motion. ONVIF: rule `tt:MotionRegionDetector`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(deny_unknown_fields)]
pub struct MotionRegion {
    /// Name of the ONVIF rule, as events carry it, 1 to 64 characters.
    #[schemars(title = "Name", length(min = 1, max = 64))]
    pub name: String,
    /// Off keeps the region but does not watch it.
    #[schemars(title = "Enable")]
    pub enabled: bool,
    /// Higher sees smaller and weaker motion.
    #[schemars(title = "Sensitivity", extend("x-widget" = "range"))]
    pub sensitivity: RegionSensitivity,
    /// Its 3 to 10 corners: x from -1 (left) to 1, y from -1 (bottom) to 1.
    #[schemars(title = "Area", length(min = 3, max = 10), extend("default" = [
        {"x": -0.5, "y": 0.5}, {"x": -0.5, "y": -0.5}, {"x": 0.5, "y": -0.5}, {"x": 0.5, "y": 0.5}
    ]))]
    pub polygon: Vec<NormPoint>,
}

impl MotionRegion {
    /// A region of which nothing but the name is known: half the picture's width and height, in its middle.
    #[must_use]
    pub fn of_default_shape(name: String) -> Self {
        let polygon = [(-0.5, 0.5), (-0.5, -0.5), (0.5, -0.5), (0.5, 0.5)];
        Self {
            name,
            enabled: true,
            sensitivity: RegionSensitivity::clamped(50),
            polygon: polygon.map(|(x, y)| NormPoint { x, y }).to_vec(),
        }
    }
}

/// Motion in parts of the picture, told part by part. The alarm lasts as long as that of the whole picture does.
///
/// ONVIF: rules `tt:MotionRegionDetector`, `tns1:RuleEngine/MotionRegionDetector/Motion` (Profile T 8.6).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MotionRegions {
    /// The regions, at most 4.
    #[schemars(title = "Motion Regions", length(max = 4))]
    pub regions: Vec<MotionRegion>,
}

impl MotionRegions {
    /// Most regions.
    pub const MAX: usize = 4;

    /// Those that are watched, in the domain's terms.
    #[must_use]
    pub fn watch(&self) -> Vec<RegionWatch> {
        let on = self.regions.iter().filter(|r| r.enabled);
        on.map(|r| RegionWatch {
            name: r.name.clone(),
            polygon: r.polygon.clone(),
            sensitivity: Sensitivity::clamped(r.sensitivity.get()),
        })
        .collect()
    }
}

impl Section for MotionRegions {
    const KEY: &'static str = "event.motion_regions";
    const TITLE: &'static str = "Motion Regions";
    const PAGE: &'static str = "Setting/Event/Motion Regions";
    const WRITE: Permission = Permission::EventConfig;

    fn check(&self, cx: &CheckContext<'_>, violations: &mut Violations) {
        let n = self.regions.len();
        violations.require(n <= Self::MAX, || {
            Violation::new("/regions", n, format!("at most {} regions", Self::MAX))
        });
        // Rules of one engine are told apart by their names.
        let plates = cx.settings.get::<LprRecognition>();
        let plates = plates.report.then_some(plates.rule_name.as_str());
        for (i, region) in self.regions.iter().enumerate() {
            let before = self.regions[..i].iter().map(|r| r.name.as_str());
            let before = before.chain(plates);
            check_token(
                &format!("/regions/{i}/name"),
                &region.name,
                before,
                violations,
            );
            let polygon = format!("/regions/{i}/polygon");
            check_area(&polygon, &region.polygon, violations);
            check_simple(&polygon, &region.polygon, violations);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Actor, testing::uninitialised};

    #[test]
    fn regions_are_areas_with_names_of_their_own() {
        let t = uninitialised();
        let region = |name: &str| MotionRegion::of_default_shape(name.into());
        let set = |regions: Vec<MotionRegion>| {
            let change = |s: &mut MotionRegions| s.regions = regions;
            t.device.settings.update(&Actor::system(), change)
        };
        set(vec![region("a"), region("b")]).unwrap();
        let mut crossing = region("a");
        crossing.polygon.swap(1, 2);
        for (regions, pointer) in [
            (vec![region("a"), region("a")], "/regions/1/name"),
            (vec![region("Plates")], "/regions/0/name"),
            (vec![crossing], "/regions/0/polygon"),
            ((0..5).map(|i| region(&i.to_string())).collect(), "/regions"),
        ] {
            let Err(crate::Error::Invalid(v)) = set(regions) else {
                panic!("{pointer} was accepted");
            };
            assert!(v.0.iter().any(|v| v.pointer == pointer), "{pointer}: {v:?}");
        }
        // The other way round: the plate rule may not take a region's name.
        let change = |s: &mut LprRecognition| s.rule_name = "b".into();
        let refused = t.device.settings.update(&Actor::system(), change);
        assert!(matches!(refused, Err(crate::Error::Invalid(_))));
        assert_eq!(t.device.settings.get::<MotionRegions>().regions.len(), 2);
    }

    #[test]
    fn only_enabled_regions_are_watched() {
        let mut off = MotionRegion::of_default_shape("off".into());
        off.enabled = false;
        let on = MotionRegion::of_default_shape("on".into());
        let regions = MotionRegions {
            regions: vec![off, on.clone()],
        };
        let watched = regions.watch();
        assert_eq!(watched.len(), 1);
        assert_eq!(
            (&watched[0].name, &watched[0].polygon),
            (&on.name, &on.polygon)
        );
    }
}
