//! Where plates are read, and where not (LPRCFG-2..6).

use lpr_core::NormPoint;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    CheckContext, Section,
    area::{check_area, check_simple, check_token},
};
use crate::{Permission, Violation, Violations};

/// The whole picture, counter-clockwise from its upper left corner.
const WHOLE: [NormPoint; 4] = [
    NormPoint { x: -1.0, y: 1.0 },
    NormPoint { x: -1.0, y: -1.0 },
    NormPoint { x: 1.0, y: -1.0 },
    NormPoint { x: 1.0, y: 1.0 },
];

/// A zone in which plates are ignored: one whose middle lies in it. ONVIF: module `ShieldArea`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(deny_unknown_fields)]
pub struct ShieldArea {
    /// Name in lists, 1 to 64 characters.
    #[schemars(title = "Name", length(min = 1, max = 64))]
    pub name: String,
    /// Its 3 to 10 corners: x from -1 (left) to 1, y from -1 (bottom) to 1.
    #[schemars(title = "Area", length(min = 3, max = 10), extend("default" = [
        {"x": -0.25, "y": 0.25}, {"x": -0.25, "y": -0.25}, {"x": 0.25, "y": -0.25}, {"x": 0.25, "y": 0.25}
    ]))]
    pub polygon: Vec<NormPoint>,
}

impl ShieldArea {
    /// The area that one without corners gets: a square in the middle.
    #[must_use]
    pub fn of_default_shape(name: String) -> Self {
        let polygon = WHOLE.map(|p| NormPoint {
            x: p.x / 4.0,
            y: p.y / 4.0,
        });
        Self {
            name,
            polygon: polygon.to_vec(),
        }
    }
}

/// Where plates are recognised: a plate counts when its middle is in the capture area and in no shield area.
///
/// ONVIF: parameter `Region` of the rule `tt:LicensePlateRecognition`, modules `ShieldArea`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LprAreas {
    /// The area in which plates are recognised, its 4 corners; at first the whole picture.
    #[schemars(title = "Capture Area", length(min = 4, max = 4))]
    pub capture_area: Vec<NormPoint>,
    /// Zones in which plates are ignored, at most 3.
    #[schemars(title = "Shield Areas", length(max = 3))]
    pub shield_areas: Vec<ShieldArea>,
}

impl Default for LprAreas {
    fn default() -> Self {
        Self {
            capture_area: WHOLE.to_vec(),
            shield_areas: Vec::new(),
        }
    }
}

impl LprAreas {
    /// Most shield areas: the manual says two on one page and three on another (C-1).
    pub const MAX_SHIELDS: usize = 3;
    /// Corners of the capture area.
    pub const CORNERS: usize = 4;

    /// The capture area; empty when it is the whole picture.
    #[must_use]
    pub fn capture(&self) -> &[NormPoint] {
        let corner = |p: &NormPoint| p.x.abs() == 1.0 && p.y.abs() == 1.0;
        if self.capture_area.iter().all(corner) {
            &[]
        } else {
            &self.capture_area
        }
    }

    /// The shield areas.
    #[must_use]
    pub fn shields(&self) -> Vec<Vec<NormPoint>> {
        self.shield_areas
            .iter()
            .map(|s| s.polygon.clone())
            .collect()
    }
}

impl Section for LprAreas {
    const KEY: &'static str = "lpr.areas";
    const TITLE: &'static str = "Capture and Shield Areas";
    const PAGE: &'static str = "Live/Config (LPR)";
    const WRITE: Permission = Permission::LprConfig;

    fn check(&self, _cx: &CheckContext<'_>, violations: &mut Violations) {
        let n = self.capture_area.len();
        violations.require(n == Self::CORNERS, || {
            Violation::new(
                "/capture_area",
                n,
                format!("must have {} corners", Self::CORNERS),
            )
        });
        check_area("/capture_area", &self.capture_area, violations);
        check_simple("/capture_area", &self.capture_area, violations);
        let n = self.shield_areas.len();
        violations.require(n <= Self::MAX_SHIELDS, || {
            let most = format!("at most {} areas", Self::MAX_SHIELDS);
            Violation::new("/shield_areas", n, most)
        });
        for (i, shield) in self.shield_areas.iter().enumerate() {
            let before = self.shield_areas[..i].iter().map(|s| s.name.as_str());
            let name = format!("/shield_areas/{i}/name");
            check_token(&name, &shield.name, before, violations);
            let polygon = format!("/shield_areas/{i}/polygon");
            check_area(&polygon, &shield.polygon, violations);
            check_simple(&polygon, &shield.polygon, violations);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Actor, settings::LprRecognition, testing::uninitialised};

    fn corners(list: &[(f32, f32)]) -> Vec<NormPoint> {
        list.iter().map(|&(x, y)| NormPoint { x, y }).collect()
    }

    /// LPRCFG-2..4, C-1: a simple quadrilateral in the picture, and up to three shield areas.
    #[test]
    fn areas_are_simple_and_in_the_picture() {
        let t = uninitialised();
        let set = |areas: LprAreas| {
            t.device
                .settings
                .update(&Actor::system(), |s: &mut LprAreas| *s = areas)
        };
        let capture = |list: &[(f32, f32)]| LprAreas {
            capture_area: corners(list),
            ..LprAreas::default()
        };
        let shields = |shields: Vec<ShieldArea>| LprAreas {
            shield_areas: shields,
            ..LprAreas::default()
        };
        let shield = |name: &str| ShieldArea::of_default_shape(name.into());
        let good = LprAreas {
            capture_area: corners(&[(-0.9, 0.5), (-0.5, -1.0), (1.0, -1.0), (0.2, 0.6)]),
            shield_areas: vec![shield("a"), shield("b"), shield("c")],
        };
        set(good.clone()).unwrap();
        for (areas, pointer) in [
            (
                capture(&[(0.0, 0.0), (1.0, 0.0), (1.0, 1.0)]),
                "/capture_area",
            ),
            (
                capture(&[(-1.0, 1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, -1.0)]),
                "/capture_area",
            ),
            (
                capture(&[(-1.0, 1.0), (-1.0, -1.0), (1.0, -1.0), (1.5, 1.0)]),
                "/capture_area/3/x",
            ),
            (
                shields(["a", "b", "c", "d"].map(shield).to_vec()),
                "/shield_areas",
            ),
            (
                shields(vec![shield("a"), shield("a")]),
                "/shield_areas/1/name",
            ),
            (
                shields(vec![ShieldArea {
                    polygon: corners(&[(0.0, 0.0), (0.5, 0.5)]),
                    ..shield("a")
                }]),
                "/shield_areas/0/polygon",
            ),
        ] {
            let Err(crate::Error::Invalid(v)) = set(areas) else {
                panic!("{pointer} was accepted");
            };
            assert!(v.0.iter().any(|v| v.pointer == pointer), "{pointer}: {v:?}");
        }
        assert_eq!(*t.device.settings.get::<LprAreas>(), good);
    }

    /// LPRCFG-2, LPRCFG-5: what is stored is what the recogniser is told.
    #[test]
    fn the_recogniser_is_told_the_areas() {
        let areas = LprAreas {
            capture_area: corners(&[(-0.9, 0.5), (-0.5, -1.0), (1.0, -1.0), (0.2, 0.6)]),
            shield_areas: vec![ShieldArea::of_default_shape("a".into())],
        };
        let told =
            LprRecognition::default().settings(&areas, &super::super::LprIntelligence::default());
        told.check().unwrap();
        assert_eq!(told.capture_area, areas.capture_area);
        assert_eq!(told.shield_areas, [areas.shield_areas[0].polygon.clone()]);
    }
}
