//! What the picture source's sensor can be told (IMG-5..15).

use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    Violation, Violations,
    settings::{AutoManual, IrLight, VideoSensor},
};

/// Values that a control takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ControlRange {
    /// Smallest.
    pub min: u32,
    /// Largest.
    pub max: u32,
    /// From one to the next.
    pub step: u32,
}

impl ControlRange {
    /// Whether the control takes a value.
    #[must_use]
    pub fn holds(&self, n: u32) -> bool {
        (self.min..=self.max).contains(&n) && (n - self.min).is_multiple_of(self.step.max(1))
    }

    /// The value that the control takes nearest to `n`.
    #[must_use]
    pub fn nearest(&self, n: u32) -> u32 {
        let step = self.step.max(1);
        let over = n.clamp(self.min, self.max) - self.min;
        let steps = (over + step / 2) / step;
        (self.min + steps.min((self.max - self.min) / step) * step).min(self.max)
    }

    fn check(&self, pointer: &str, n: u32, violations: &mut Violations) {
        violations.require(self.holds(n), || {
            let Self { min, max, step } = self;
            let mut reason = format!("must be {min} to {max}");
            if *step > 1 {
                reason += &format!(" in steps of {step}");
            }
            Violation::new(pointer, n, reason)
        });
    }
}

/// Controls of the picture source. What is missing here is missing in it; what is made in the picture instead is not
/// listed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ImageCapabilities {
    /// The source was asked. Before, everything may be set.
    pub known: bool,
    /// Exposure time by hand, microseconds.
    pub shutter: Option<ControlRange>,
    /// Gain by hand, in the sensor's steps.
    pub gain: Option<ControlRange>,
    /// Iris by hand.
    pub iris: bool,
    /// Wide dynamic range.
    pub wdr: bool,
    /// A lamp.
    pub light: bool,
    /// Its brightness.
    pub light_level: bool,
}

impl ImageCapabilities {
    /// Whether exposure can be set by hand.
    #[must_use]
    pub fn exposure(&self) -> bool {
        self.shutter.is_some() || self.gain.is_some()
    }

    /// Fields of [`VideoSensor`] that nothing stands behind.
    fn lacking(&self) -> Vec<&'static str> {
        if !self.known {
            return Vec::new();
        }
        [
            ("exposure", self.exposure()),
            ("shutter", self.shutter.is_some()),
            ("gain", self.gain.is_some()),
            ("iris", self.iris),
            ("iris_level", self.iris),
            ("wdr", self.wdr),
            ("ir_light", self.light),
            ("light_level", self.light_level),
        ]
        .into_iter()
        .filter_map(|(field, there)| (!there).then_some(field))
        .collect()
    }

    /// Leaves of the schema of [`VideoSensor`] what the source has, with its ranges.
    pub(crate) fn narrow_schema(&self, schema: &mut Value) {
        let lacking = self.lacking();
        if let Some(fields) = schema["properties"].as_object_mut() {
            fields.retain(|field, _| !lacking.contains(&field.as_str()));
        }
        if let Some(required) = schema["required"].as_array_mut() {
            required.retain(|f| !f.as_str().is_some_and(|f| lacking.contains(&f)));
        }
        for (field, range) in [("shutter", self.shutter), ("gain", self.gain)] {
            let Some(range) = range else { continue };
            if let Some(field) = schema.pointer_mut(&format!("/properties/{field}")) {
                field["minimum"] = json!(range.min);
                field["maximum"] = json!(range.max);
                if range.step > 1 && range.min.is_multiple_of(range.step) {
                    field["multipleOf"] = json!(range.step);
                }
            }
        }
    }

    /// Refuses what the source cannot do.
    pub(crate) fn check(&self, wanted: &VideoSensor, violations: &mut Violations) {
        if !self.known {
            return;
        }
        let manual_exposure = wanted.exposure == AutoManual::Manual;
        for (field, asked, there, what) in [
            ("/exposure", manual_exposure, self.exposure(), "exposure"),
            (
                "/iris",
                wanted.iris == AutoManual::Manual,
                self.iris,
                "iris",
            ),
            ("/wdr", wanted.wdr, self.wdr, "WDR"),
            (
                "/ir_light",
                wanted.ir_light != IrLight::Off,
                self.light,
                "light",
            ),
        ] {
            violations.require(there || !asked, || {
                let reason = format!("the picture source has no control of its {what}");
                Violation::new(field, "", reason)
            });
        }
        if manual_exposure {
            if let Some(range) = self.shutter {
                range.check("/shutter", wanted.shutter.get(), violations);
            }
            if let Some(range) = self.gain {
                range.check("/gain", wanted.gain.get(), violations);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_value_is_one_that_the_control_takes() {
        let range = ControlRange {
            min: 16,
            max: 250,
            step: 8,
        };
        for (n, nearest) in [(0, 16), (19, 16), (20, 24), (248, 248), (65_535, 248)] {
            assert_eq!(range.nearest(n), nearest, "{n}");
            assert!(range.holds(nearest));
        }
        assert!(!range.holds(250) && !range.holds(8) && !range.holds(17));
    }
}
