//! The rules `tt:MotionRegionDetector` (Profile T 8.6): motion in parts of the picture.

use onvif_contracts::{axt, tan, tt};
use onvif_xml::{Any, QName, Value, ns};
use platecam_model::settings::{MAX_CORNERS, MotionRegion, MotionRegions, RegionSensitivity};

use super::{
    draft::Draft,
    items::{self, Parameter, Sent, Wrong, element},
};

/// Their type.
pub(super) fn kind() -> QName {
    QName::new(ns::TT, "MotionRegionDetector")
}

const ITEM: &str = "MotionRegion";
const CONFIG: &str = "MotionRegionConfig";

/// Their parameter.
pub(super) const PARAMETERS: [Parameter; 1] = [element(ITEM, (ns::AXT, CONFIG))];

/// What it may be.
pub(super) fn options() -> Vec<tan::ConfigOptions> {
    let options = axt::MotionRegionConfigOptions {
        max_regions: i32::try_from(MotionRegions::MAX).ok(),
        disarm_support: Some(true),
        polygon_support: Some(true),
        polygon_limits: Some(Box::new(items::corners(3, MAX_CORNERS))),
        single_sensitivity_support: Some(false),
        rule_notification: Some(true),
        ptz_preset_motion_support: Some(false),
    };
    let any = Any::written(|w| options.write(w, ns::AXT, "MotionRegionConfigOptions"));
    vec![items::of(ITEM, any)]
}

/// The rules as they are.
pub(super) fn current(draft: &Draft) -> Vec<tt::Config> {
    let rule = |r: &MotionRegion| {
        let config = axt::MotionRegionConfig {
            polygon: Some(Box::new(items::polygon(&r.polygon))),
            preset_token: None,
            armed: Some(r.enabled),
            sensitivity: Some(r.sensitivity.get() as f32 / 100.0),
        };
        tt::Config {
            name: r.name.clone(),
            r#type: kind(),
            parameters: items::values(
                vec![],
                vec![(ITEM, Any::written(|w| config.write(w, ns::AXT, CONFIG)))],
            ),
        }
    };
    draft.motion.regions.iter().map(rule).collect()
}

/// Makes a rule; what is not said is as for one drawn by hand.
pub(super) fn create(draft: &mut Draft, rule: &tt::Config) -> Result<(), Wrong> {
    let mut region = MotionRegion::of_default_shape(rule.name.clone());
    read(&mut region, rule)?;
    draft.motion.regions.push(region);
    Ok(())
}

/// Changes the rule at this place.
pub(super) fn modify(draft: &mut Draft, at: usize, rule: &tt::Config) -> Result<(), Wrong> {
    read(&mut draft.motion.regions[at], rule)
}

fn read(region: &mut MotionRegion, rule: &tt::Config) -> Result<(), Wrong> {
    let mut sent = Sent::new(&rule.parameters);
    if let Some(config) = sent.element::<axt::MotionRegionConfig>(ITEM, CONFIG)? {
        if config.preset_token.is_some_and(|t| !t.is_empty()) {
            return Err("PresetToken: the camera has no presets".into());
        }
        if let Some(polygon) = &config.polygon {
            region.polygon = items::points(polygon);
        }
        region.enabled = config.armed.unwrap_or(region.enabled);
        if let Some(n) = config.sensitivity {
            if !(0.0..=1.0).contains(&n) {
                return Err(format!("Sensitivity {n}: must be from 0 to 1"));
            }
            region.sensitivity = RegionSensitivity::clamped((n * 100.0).round() as i64);
        }
    }
    sent.finish()
}
