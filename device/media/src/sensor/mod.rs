//! Controls of the picture source's sensor: found at run time, set by one owner, and set again when the camera comes
//! back. What a source lacks is corrected in the picture where that is honest.

mod id;
mod lens;
mod plan;
mod simulated;
mod v4l2;
mod worker;

use std::ops::RangeInclusive;

use lpr_core::NormRect;
use lpr_core::metering::Metered;

use crate::Result;
use crate::source::SourceSpec;

pub use lens::ControlLens;
pub use simulated::SimulatedControls;
pub use v4l2::V4l2Controls;
pub(crate) use worker::Imaging;

/// A control as its driver describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlInfo {
    /// V4L2's number of it.
    pub id: u32,
    /// Its name, for the log.
    pub name: String,
    /// Its values.
    pub range: RangeInclusive<i64>,
    /// From one value to the next.
    pub step: i64,
    /// What the driver begins with.
    pub default: i64,
    /// Of a menu, the values that there are.
    pub items: Option<Vec<i64>>,
}

impl ControlInfo {
    /// The value that the control takes nearest to `n`; of a menu `n` itself, where it is there.
    #[must_use]
    pub fn nearest(&self, n: i64) -> i64 {
        if self.items.is_some() {
            return n;
        }
        let (least, most, step) = (*self.range.start(), *self.range.end(), self.step.max(1));
        let over = n.clamp(least, most.max(least)) - least;
        (least + (over + step / 2) / step * step).min(most)
    }

    /// The value that lies at `level` of 100 of the way.
    #[must_use]
    pub fn at_level(&self, level: u8) -> i64 {
        let (least, most) = (*self.range.start(), *self.range.end());
        self.nearest(least + (most - least) * i64::from(level.min(100)) / 100)
    }
}

/// The port to a sensor's controls.
pub trait SensorControls: Send {
    /// All controls that can be written.
    ///
    /// # Errors
    /// [`crate::Error::Source`] when the device does not answer.
    fn list(&mut self) -> Result<Vec<ControlInfo>>;

    /// A control's value.
    ///
    /// # Errors
    /// [`crate::Error::Source`] with control and reason.
    fn get(&mut self, id: u32) -> Result<i64>;

    /// Sets a control.
    ///
    /// # Errors
    /// [`crate::Error::Source`] with control, value and reason.
    fn set(&mut self, id: u32, value: i64) -> Result<()>;
}

/// Opens the controls of a source; `None` where its kind has none.
fn open(spec: &SourceSpec) -> Result<Option<Box<dyn SensorControls>>> {
    Ok(match spec {
        SourceSpec::V4l2 { device, .. } => Some(Box::new(V4l2Controls::open(device)?)),
        SourceSpec::Test { wish } if wish.controls => Some(Box::new(SimulatedControls::camera())),
        _ => None,
    })
}

/// Whether a kind of source may have controls.
fn may_have_controls(spec: &SourceSpec) -> bool {
    match spec {
        SourceSpec::V4l2 { .. } => true,
        SourceSpec::Test { wish } => wish.controls,
        _ => false,
    }
}

/// Colours in the day, black and white at night.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum DayNight {
    /// Always in colour.
    #[default]
    Color,
    /// Always black and white.
    BlackWhite,
    /// Black and white while the picture is darker than this, 0 to 1.
    Auto(f32),
}

/// White balance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum White {
    /// As the source gives it.
    #[default]
    Source,
    /// Measured.
    Auto,
    /// A colour of light in kelvin; levels of red and blue where the camera cannot be told.
    Light {
        /// Kelvin.
        kelvin: u32,
        /// Level of red.
        red: u8,
        /// Level of blue.
        blue: u8,
    },
    /// Levels of red and blue, 50 for none.
    Levels {
        /// Level of red.
        red: u8,
        /// Level of blue.
        blue: u8,
    },
}

/// When the lamp shines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lamp {
    /// Never.
    #[default]
    Off,
    /// Always.
    On,
    /// At night.
    AtNight,
}

/// What is wanted of sensor and light. The default asks for nothing and costs nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ImagingSetup {
    /// Colours or not.
    pub day_night: DayNight,
    /// Microseconds and gain by hand.
    pub exposure: Option<(u32, u32)>,
    /// Iris by hand, 0 to 100.
    pub iris: Option<u8>,
    /// Wide dynamic range.
    pub wdr: bool,
    /// White balance.
    pub white: White,
    /// The lamp.
    pub lamp: Lamp,
    /// Its brightness, 0 to 100.
    pub lamp_level: u8,
    /// What decides about brightness.
    pub metered: Metered,
    /// The metered areas; none for the whole picture.
    pub areas: Vec<NormRect>,
}

impl ImagingSetup {
    /// Whether pictures have to be looked at.
    fn measures(&self) -> bool {
        self.metered.any()
            || matches!(self.day_night, DayNight::Auto(_))
            || self.white == White::Auto
    }

    /// Whether the picture is changed, or may be.
    fn corrects(&self) -> bool {
        self.metered.any() || self.day_night != DayNight::Color || self.white != White::Source
    }
}

/// Range and step of a control, in the unit of the settings.
pub type Steps = (RangeInclusive<u32>, u32);

/// What the sensor of the source can be told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SensorCaps {
    /// The source was asked, or has no controls by its kind.
    pub known: bool,
    /// Exposure time by hand, microseconds.
    pub shutter: Option<Steps>,
    /// Gain by hand.
    pub gain: Option<Steps>,
    /// Iris by hand.
    pub iris: bool,
    /// Wide dynamic range.
    pub wdr: bool,
    /// A lamp.
    pub lamp: bool,
    /// Its brightness.
    pub lamp_level: bool,
}
