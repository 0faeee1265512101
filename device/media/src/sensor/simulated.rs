//! A table of controls in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::{ControlInfo, SensorControls, id};
use crate::{Error, Result};

/// Controls without a camera: they keep their values, hold their bounds as a driver does, and change no picture.
/// Clones share the table.
#[derive(Clone, Default)]
pub struct SimulatedControls(Arc<Mutex<BTreeMap<u32, (ControlInfo, i64)>>>);

impl SimulatedControls {
    /// A table of these controls, at their defaults.
    #[must_use]
    pub fn of(controls: impl IntoIterator<Item = ControlInfo>) -> Self {
        let table = controls.into_iter().map(|c| {
            let value = c.default;
            (c.id, (c, value))
        });
        Self(Arc::new(Mutex::new(table.collect())))
    }

    /// The controls of an ordinary camera with a lamp.
    #[must_use]
    pub fn camera() -> Self {
        let number = |id, name: &str, least, most, step, default| ControlInfo {
            id,
            name: name.into(),
            range: least..=most,
            step,
            default,
            items: None,
        };
        let menu = |id, name: &str, items: &[i64], default| ControlInfo {
            items: Some(items.to_vec()),
            ..number(
                id,
                name,
                0,
                items.iter().copied().max().unwrap_or(0),
                1,
                default,
            )
        };
        Self::of([
            menu(
                id::EXPOSURE_AUTO,
                "Auto Exposure",
                &[id::EXPOSURE_ALL_MANUAL, id::EXPOSURE_IRIS_MANUAL],
                id::EXPOSURE_IRIS_MANUAL,
            ),
            number(id::EXPOSURE_ABSOLUTE, "Exposure Time", 3, 2_000, 1, 250),
            number(id::GAIN, "Gain", 0, 255, 1, 64),
            number(id::AUTO_WHITE_BALANCE, "White Balance, Auto", 0, 1, 1, 1),
            number(
                id::WHITE_BALANCE_TEMPERATURE,
                "White Balance Temperature",
                2_800,
                6_500,
                10,
                4_600,
            ),
            number(
                id::BACKLIGHT_COMPENSATION,
                "Backlight Compensation",
                0,
                2,
                1,
                0,
            ),
            number(id::IRIS_ABSOLUTE, "Iris", 0, 255, 1, 128),
            number(id::WIDE_DYNAMIC_RANGE, "Wide Dynamic Range", 0, 1, 1, 0),
            menu(
                id::FLASH_LED_MODE,
                "Lamp",
                &[id::LED_OFF, id::LED_TORCH],
                id::LED_OFF,
            ),
            number(
                id::FLASH_TORCH_INTENSITY,
                "Lamp Brightness",
                0,
                500,
                25,
                100,
            ),
        ])
    }

    /// Back to the defaults, as a camera is that was plugged in again.
    pub fn plug_in(&self) {
        for (control, value) in self.0.lock().values_mut() {
            *value = control.default;
        }
    }
}

impl SensorControls for SimulatedControls {
    fn list(&mut self) -> Result<Vec<ControlInfo>> {
        Ok(self.0.lock().values().map(|(c, _)| c.clone()).collect())
    }

    fn get(&mut self, id: u32) -> Result<i64> {
        let table = self.0.lock();
        let value = table.get(&id).map(|(_, value)| *value);
        value.ok_or_else(|| Error::Source(format!("there is no control {id:#x}")))
    }

    fn set(&mut self, id: u32, value: i64) -> Result<()> {
        let mut table = self.0.lock();
        let (control, now) = table
            .get_mut(&id)
            .ok_or_else(|| Error::Source(format!("there is no control {id:#x}")))?;
        let taken = match &control.items {
            Some(items) => items.contains(&value),
            None => control.range.contains(&value),
        };
        if !taken {
            let (name, range) = (&control.name, &control.range);
            return Err(Error::Source(format!(
                "control {name}: {value} is outside {range:?}"
            )));
        }
        *now = value;
        Ok(())
    }
}
