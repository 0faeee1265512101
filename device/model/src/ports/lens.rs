use serde::{Deserialize, Serialize};

use crate::Result;

/// A motor of a lens (HW-11).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Motor {
    /// From wide to tele.
    Zoom,
    /// From near to far.
    Focus,
}

impl Motor {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Zoom, Self::Focus];

    /// Its word in the API and in messages.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Zoom => "zoom",
            Self::Focus => "focus",
        }
    }
}

/// What a motor says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MotorReading {
    /// Steps from the wide or near end.
    pub at: u32,
    /// It is on its way.
    pub moving: bool,
}

/// A lens whose motors go to positions. None of these calls waits until a motor is where it was sent to.
pub trait Lens: Send + Sync {
    /// Steps from one end of a motor to the other, at least 1; `None` without this motor.
    fn travel(&self, motor: Motor) -> Option<u32>;

    /// Whether the camera focuses by itself when it is told to.
    fn has_auto_focus(&self) -> bool;

    /// Where a motor is.
    ///
    /// # Errors
    /// [`crate::Error::Internal`] with what the motor's driver said.
    fn read(&self, motor: Motor) -> Result<MotorReading>;

    /// Sends a motor to a position, steps from the wide or near end.
    ///
    /// # Errors
    /// As [`Lens::read`].
    fn drive(&self, motor: Motor, to: u32) -> Result<()>;

    /// Lets the camera focus by itself, or hold the focus.
    ///
    /// # Errors
    /// As [`Lens::read`].
    fn set_auto_focus(&self, on: bool) -> Result<()>;
}

/// Where a motor rested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptPosition {
    /// Which motor.
    pub motor: Motor,
    /// Steps from the wide or near end.
    pub at: u32,
    /// Steps between its ends: the position means nothing to another lens.
    pub travel: u32,
    /// Movements that it has made.
    #[serde(default)]
    pub moves: u64,
}

/// Remembers where the motors rested, over restarts and Default (LPRCFG-14).
pub trait LensMemory: Send + Sync {
    /// Remembers; durable when it returns.
    ///
    /// # Errors
    /// [`crate::Error::Internal`] when the store cannot be written.
    fn keep(&self, positions: &[KeptPosition]) -> Result<()>;

    /// What was remembered last; nothing at first.
    ///
    /// # Errors
    /// [`crate::Error::Internal`] when the store cannot be read.
    fn kept(&self) -> Result<Vec<KeptPosition>>;
}
