//! Serial ports for peripherals: RS-232, RS-485 (HW-4, GEN-23).

use std::time::Duration;

use crate::{Result, settings::SerialSettings};

/// What a serial port is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SerialKind {
    /// RS-232, or nobody said.
    Rs232,
    /// RS-485 on one pair: one side speaks at a time.
    Rs485HalfDuplex,
}

/// When an answer is whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SerialAnswer {
    /// At the latest.
    pub within: Duration,
    /// After so many bytes.
    pub length: Option<usize>,
    /// After these bytes, which belong to it.
    pub delimiter: Vec<u8>,
}

/// The serial ports of this unit that peripherals are connected to; never a console.
pub trait SerialPorts: Send + Sync {
    /// What each of them is, in their order; empty where none was named.
    fn kinds(&self) -> Vec<SerialKind>;

    /// Sends bytes with these settings and takes what comes back. Waits for those before it at the same port, no
    /// longer than for the answer.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`] for another index, [`crate::Error::Exhausted`] while others use it,
    /// [`crate::Error::Internal`] when the port is gone.
    fn exchange(
        &self,
        index: usize,
        settings: &SerialSettings,
        send: &[u8],
        answer: &SerialAnswer,
    ) -> Result<Vec<u8>>;
}
