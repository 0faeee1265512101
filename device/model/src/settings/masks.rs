//! Privacy masks.

use lpr_core::NormPoint;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    CheckContext, Paint, Section,
    area::{check_area, check_token},
};
use crate::{
    Permission, Violation, Violations,
    product::{Function, Need},
};

/// An area of the picture that nobody sees. ONVIF: `tr2:Mask`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(deny_unknown_fields)]
pub struct PrivacyMask {
    /// Name in lists, ONVIF's token, 1 to 64 characters.
    #[schemars(title = "Name", length(min = 1, max = 64))]
    pub token: String,
    /// Off keeps the area but does not cover it.
    #[schemars(title = "Enable")]
    pub enabled: bool,
    /// Its colour.
    #[schemars(title = "Color")]
    pub color: Paint,
    /// Its 3 to 10 corners: x from -1 (left) to 1, y from -1 (bottom) to 1.
    #[schemars(title = "Area", length(min = 3, max = 10), extend("default" = [
        {"x": -0.25, "y": 0.25}, {"x": 0.25, "y": 0.25}, {"x": 0.25, "y": -0.25}, {"x": -0.25, "y": -0.25}
    ]))]
    pub polygon: Vec<NormPoint>,
}

/// Areas that are covered before anything else sees the picture: streams, snapshots, records and recognition.
///
/// ONVIF: `tr2:CreateMask`, `tr2:SetMask`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VideoMasks {
    /// The masks, at most 8.
    #[schemars(title = "Privacy Masks", length(max = 8))]
    pub masks: Vec<PrivacyMask>,
}

impl VideoMasks {
    /// Most masks.
    pub const MAX: usize = 8;
}

impl Section for VideoMasks {
    const KEY: &'static str = "video.masks";
    const TITLE: &'static str = "Privacy Masks";
    const PAGE: &'static str = "Setting/Video/Audio/Video/Privacy Masks";
    const WRITE: Permission = Permission::VideoConfig;
    const NEEDS: Option<Need> = Some(Need::Function(Function::PrivacyMasks));

    fn check(&self, _cx: &CheckContext<'_>, violations: &mut Violations) {
        let n = self.masks.len();
        violations.require(n <= Self::MAX, || {
            Violation::new("/masks", n, format!("at most {} masks", Self::MAX))
        });
        for (i, mask) in self.masks.iter().enumerate() {
            let before = self.masks[..i].iter().map(|m| m.token.as_str());
            check_token(
                &format!("/masks/{i}/token"),
                &mask.token,
                before,
                violations,
            );
            check_area(&format!("/masks/{i}/polygon"), &mask.polygon, violations);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Actor, testing::uninitialised};

    #[test]
    fn masks_are_areas_of_the_picture() {
        let t = uninitialised();
        let mask = |corners: &[(f32, f32)]| PrivacyMask {
            token: "a".into(),
            enabled: true,
            color: Paint::Black,
            polygon: corners.iter().map(|&(x, y)| NormPoint { x, y }).collect(),
        };
        let set = |masks: Vec<PrivacyMask>| {
            let change = |s: &mut VideoMasks| s.masks = masks;
            t.device.settings.update(&Actor::system(), change)
        };
        let triangle = mask(&[(-1.0, -1.0), (0.0, 1.0), (1.0, -1.0)]);
        set(vec![triangle.clone()]).unwrap();
        for (masks, pointer) in [
            (vec![mask(&[(0.0, 0.0), (1.0, 1.0)])], "/masks/0/polygon"),
            (vec![mask(&[(0.0, 0.0); 11])], "/masks/0/polygon"),
            (
                vec![mask(&[(0.0, 0.0), (0.5, 0.5), (1.0, 1.0)])],
                "/masks/0/polygon",
            ),
            (
                vec![mask(&[(0.0, 0.0), (0.5, 0.5), (1.5, 0.0)])],
                "/masks/0/polygon/2/x",
            ),
            (vec![triangle.clone(), triangle.clone()], "/masks/1/token"),
        ] {
            let Err(crate::Error::Invalid(v)) = set(masks) else {
                panic!("{pointer} was accepted");
            };
            assert_eq!(v.0[0].pointer, pointer);
        }
        assert_eq!(t.device.settings.get::<VideoMasks>().masks, [triangle]);
    }
}
