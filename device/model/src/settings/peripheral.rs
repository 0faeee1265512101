//! Plates to devices that are wired to the unit (GEN-23, HW-4, HW-5, C-67).

use std::time::Duration;

use lpr_core::DirectionFilter;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CheckContext, Section};
use crate::{
    Permission, Violation, Violations, bounded,
    peripheral::{DEFAULT_LINE, LineRule},
    ports::WiegandPace,
    product::{Limit, Need},
};

bounded! {
    /// A plate that could not be sent within this time is not sent any more: a barrier must not open for the vehicle
    /// before.
    pub struct DiscardSeconds(u32) in 1..=30, unit "s"
}
bounded! {
    /// Number of a serial port.
    pub struct SerialPortNumber(u32) in 1..=2, unit ""
}
bounded! {
    /// Facility code of Wiegand; 26 bit carry 0 to 255 of it.
    pub struct FacilityCode(u32) in 0..=65_535, unit ""
}
bounded! {
    /// How long a Wiegand line is pulled low.
    pub struct PulseMicros(u32) in 20..=200, unit "µs"
}
bounded! {
    /// From the begin of a Wiegand pulse to the begin of the next.
    pub struct IntervalMicros(u32) in 400..=20_000, unit "µs"
}

/// The text of each plate goes out on a serial port, one line a vehicle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SerialPlates {
    /// Sends the line of every vehicle.
    #[schemars(title = "Enable")]
    pub enabled: bool,
    /// The port, as the page Serial Ports numbers them. ONVIF clients that use it meanwhile wait, and are waited for.
    #[schemars(title = "Serial Port")]
    pub port: SerialPortNumber,
    /// What is sent: ASCII text with {plate} and other tokens in braces; \r, \n, \t and \xHH stand for bytes that cannot be
    /// typed, two backslashes for one.
    #[schemars(title = "Line Format", length(min = 1, max = 200))]
    pub format: String,
    /// Whose plates are sent. Who stands, or was seen too shortly to tell, counts with both ways only.
    #[schemars(title = "Driving Direction")]
    pub direction: DirectionFilter,
    /// A plate that could not be sent within this time is not sent any more: a barrier must not open for the vehicle
    /// before.
    #[schemars(title = "Discard After")]
    pub discard_seconds: DiscardSeconds,
}

impl Default for SerialPlates {
    fn default() -> Self {
        Self {
            enabled: false,
            port: SerialPortNumber::clamped(1),
            format: DEFAULT_LINE.into(),
            direction: DirectionFilter::Both,
            discard_seconds: DiscardSeconds::clamped(5),
        }
    }
}

impl Section for SerialPlates {
    const KEY: &'static str = "peripheral.serial";
    const TITLE: &'static str = "Plates on a Serial Port";
    const PAGE: &'static str = "Setting/Event/Peripherals";
    const WRITE: Permission = Permission::EventConfig;
    const NEEDS: Option<Need> = Some(Need::AtLeast(Limit::SerialPorts, 1));
    const LIMITED: &'static [(&'static str, Limit)] = &[("port", Limit::SerialPorts)];

    fn check(&self, _cx: &CheckContext<'_>, violations: &mut Violations) {
        if let Err(e) = LineRule::parse(&self.format) {
            let wrong = Violation::new("/format", &self.format, e.to_string());
            violations.0.push(wrong);
        }
    }
}

/// Length of a Wiegand frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum WiegandFormat {
    /// 24 bits of number: facility code of 8, card number of 16.
    #[default]
    #[serde(rename = "26")]
    #[schemars(title = "26 bit")]
    Bits26,
    /// 32 bits of number: facility code of 16, card number of 16.
    #[serde(rename = "34")]
    #[schemars(title = "34 bit")]
    Bits34,
}

impl WiegandFormat {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Bits26, Self::Bits34];

    /// Bits between the two parity bits.
    #[must_use]
    pub const fn data_bits(self) -> u32 {
        match self {
            Self::Bits26 => 24,
            Self::Bits34 => 32,
        }
    }
}

/// How a plate becomes a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(rename_all = "lowercase")]
pub enum WiegandCoding {
    /// Letters and digits together.
    #[default]
    Base36,
    /// The last digits of the plate.
    Digits,
}

/// Where the facility code comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(rename_all = "lowercase")]
pub enum FacilityFrom {
    /// It is the upper part of the plate's number.
    #[default]
    Plate,
    /// It is always the same.
    Fixed,
}

/// The number of each plate goes out on Wiegand lines to an access controller, which is taught the numbers that may pass.
/// The lines are named when the camera is started (`--wiegand`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WiegandPlates {
    /// Sends the number of every vehicle.
    #[schemars(title = "Enable")]
    pub enabled: bool,
    /// Length of a frame, two parity bits included. With 34 bit no two plates of up to six signs share a number.
    #[schemars(title = "Format", extend("x-widget" = "radio"))]
    pub format: WiegandFormat,
    /// How a plate becomes a number: of all its letters and digits, or of its last digits alone, which plates share.
    #[schemars(title = "Number of a Plate", extend("x-widget" = "radio"))]
    pub coding: WiegandCoding,
    /// Where the facility code comes from. A fixed one leaves 16 bits for the plate: many plates share a number then.
    #[schemars(title = "Facility Code From", extend("x-widget" = "radio"))]
    pub facility: FacilityFrom,
    /// The fixed one; 26 bit carry 0 to 255.
    #[schemars(title = "Facility Code", extend("x-visible-when" = {"facility": "fixed"}))]
    pub facility_code: FacilityCode,
    /// How long a line is pulled low, at least.
    #[schemars(title = "Pulse Width")]
    pub pulse_micros: PulseMicros,
    /// From the begin of a pulse to the begin of the next, at least.
    #[schemars(title = "Pulse Interval")]
    pub interval_micros: IntervalMicros,
    /// Whose plates are sent. Who stands, or was seen too shortly to tell, counts with both ways only.
    #[schemars(title = "Driving Direction")]
    pub direction: DirectionFilter,
    /// A plate that could not be sent within this time is not sent any more: a barrier must not open for the vehicle
    /// before.
    #[schemars(title = "Discard After")]
    pub discard_seconds: DiscardSeconds,
}

impl Default for WiegandPlates {
    fn default() -> Self {
        Self {
            enabled: false,
            format: WiegandFormat::default(),
            coding: WiegandCoding::default(),
            facility: FacilityFrom::default(),
            facility_code: FacilityCode::clamped(1),
            pulse_micros: PulseMicros::clamped(50),
            interval_micros: IntervalMicros::clamped(2000),
            direction: DirectionFilter::Both,
            discard_seconds: DiscardSeconds::clamped(5),
        }
    }
}

impl WiegandPlates {
    /// The facility code, where it is fixed.
    #[must_use]
    pub fn fixed_facility(&self) -> Option<u32> {
        (self.facility == FacilityFrom::Fixed).then_some(self.facility_code.get())
    }

    /// The times of its pulses.
    #[must_use]
    pub fn pace(&self) -> WiegandPace {
        WiegandPace {
            pulse: Duration::from_micros(self.pulse_micros.get().into()),
            interval: Duration::from_micros(self.interval_micros.get().into()),
        }
    }
}

impl Section for WiegandPlates {
    const KEY: &'static str = "peripheral.wiegand";
    const TITLE: &'static str = "Plates on Wiegand";
    const PAGE: &'static str = "Setting/Event/Peripherals";
    const WRITE: Permission = Permission::EventConfig;
    const NEEDS: Option<Need> = Some(Need::AtLeast(Limit::WiegandOutputs, 1));

    fn check(&self, _cx: &CheckContext<'_>, violations: &mut Violations) {
        let most = (1 << (self.format.data_bits() - 16)) - 1;
        let fits = self.fixed_facility().is_none_or(|code| code <= most);
        violations.require(fits, || {
            let code = self.facility_code.get();
            Violation::new(
                "/facility_code",
                code,
                format!("is outside 0 to {most}, which this format carries"),
            )
        });
    }
}
