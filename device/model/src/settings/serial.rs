//! Serial ports (HW-4, C-67).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Section;
use crate::{
    Permission, bounded,
    product::{Limit, Need},
};

/// Speed of a line, bits a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "u32", into = "u32")]
#[schemars(inline, with = "BaudRateSchema")]
pub struct BaudRate(u32);

/// The same as a list of choices.
#[derive(JsonSchema)]
#[schemars(inline, extend("enum" = BaudRate::ALL))]
#[allow(dead_code, reason = "only its schema is used")]
struct BaudRateSchema(u32);

impl BaudRate {
    /// What can be set.
    pub const ALL: [u32; 8] = [1200, 2400, 4800, 9600, 19_200, 38_400, 57_600, 115_200];

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl TryFrom<u32> for BaudRate {
    type Error = String;

    fn try_from(n: u32) -> Result<Self, String> {
        if Self::ALL.contains(&n) {
            return Ok(Self(n));
        }
        let all = Self::ALL.map(|n| n.to_string()).join(", ");
        Err(format!("{n} is none of {all} bit/s"))
    }
}

impl From<BaudRate> for u32 {
    fn from(rate: BaudRate) -> u32 {
        rate.0
    }
}

/// The bit that makes errors visible.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(rename_all = "lowercase")]
pub enum Parity {
    /// There is none.
    None,
    /// The number of ones is even.
    Even,
    /// The number of ones is odd.
    Odd,
}

impl Parity {
    /// What can be set.
    pub const ALL: [Self; 3] = [Self::None, Self::Even, Self::Odd];
}

bounded! {
    /// Bits of a character.
    pub struct CharacterLength(u8) in 7..=8, unit "bit"
}

bounded! {
    /// Bits after a character.
    pub struct StopBits(u8) in 1..=2, unit "bit"
}

/// One serial port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(deny_unknown_fields)]
pub struct SerialSettings {
    /// Speed.
    #[schemars(title = "Baud Rate", extend("x-unit" = "bit/s"))]
    pub baud_rate: BaudRate,
    /// Parity.
    #[schemars(title = "Parity")]
    pub parity: Parity,
    /// Bits of a character.
    #[schemars(title = "Data Bits")]
    pub character_length: CharacterLength,
    /// Stop bits.
    #[schemars(title = "Stop Bits")]
    pub stop_bits: StopBits,
}

impl Default for SerialSettings {
    fn default() -> Self {
        Self {
            baud_rate: BaudRate(9600),
            parity: Parity::None,
            character_length: CharacterLength::clamped(8),
            stop_bits: StopBits::clamped(1),
        }
    }
}

/// Serial ports that peripherals are connected to; they are named when the camera is started (`--serial`). ONVIF:
/// `tmd:SetSerialPortConfiguration`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SerialLines {
    /// First port.
    #[schemars(title = "Serial Port 1")]
    pub port1: SerialSettings,
    /// Second port.
    #[schemars(title = "Serial Port 2")]
    pub port2: SerialSettings,
}

impl SerialLines {
    /// Most ports.
    pub const MAX: usize = 2;

    /// The ports in their order.
    pub fn ports(&self) -> [&SerialSettings; Self::MAX] {
        [&self.port1, &self.port2]
    }

    /// The port with this index.
    pub fn port_mut(&mut self, index: usize) -> Option<&mut SerialSettings> {
        [&mut self.port1, &mut self.port2].into_iter().nth(index)
    }
}

impl Section for SerialLines {
    const KEY: &'static str = "serial";
    const TITLE: &'static str = "Serial Ports";
    const PAGE: &'static str = "Setting/Event/Alarm Settings";
    const WRITE: Permission = Permission::EventConfig;
    const NEEDS: Option<Need> = Some(Need::AtLeast(Limit::SerialPorts, 1));
    const FIELDS: &'static [(&'static str, Need)] = &[
        ("port1", Need::AtLeast(Limit::SerialPorts, 1)),
        ("port2", Need::AtLeast(Limit::SerialPorts, 2)),
    ];
}
