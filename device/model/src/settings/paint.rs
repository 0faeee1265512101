use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Colours of what is drawn into the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(rename_all = "lowercase")]
pub enum Paint {
    /// White.
    White,
    /// Black.
    Black,
    /// Grey.
    Grey,
    /// Red.
    Red,
    /// Yellow.
    Yellow,
    /// Green.
    Green,
    /// Blue.
    Blue,
}

impl Paint {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::White,
        Self::Black,
        Self::Grey,
        Self::Red,
        Self::Yellow,
        Self::Green,
        Self::Blue,
    ];

    /// Red, green and blue, 0 to 255.
    pub const fn rgb(self) -> [u8; 3] {
        match self {
            Self::White => [255, 255, 255],
            Self::Black => [0, 0, 0],
            Self::Grey => [128, 128, 128],
            Self::Red => [255, 0, 0],
            Self::Yellow => [255, 255, 0],
            Self::Green => [0, 255, 0],
            Self::Blue => [0, 0, 255],
        }
    }
}
