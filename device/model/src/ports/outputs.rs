use crate::Result;

/// The loudspeaker (HW-1, COMM-4). Small on purpose: queues and languages come with the alarm pages.
pub trait VoiceOutput: Send + Sync {
    /// Why nothing can be said; `None` when it can.
    fn unavailable(&self) -> Option<String>;

    /// Says a text and returns when it was said.
    ///
    /// # Errors
    /// [`crate::Error::Unsupported`] without output or voice.
    fn say(&self, text: &str) -> Result<()>;
}

/// The contacts of the alarm outputs NO1, NO2 (HW-2). What they mean, and for how long, is decided by
/// [`crate::io::Io`], which alone drives them.
pub trait RelayOutputs: Send + Sync {
    /// How many there are.
    fn count(&self) -> usize;

    /// Closes or opens the contact with this index; it stays so.
    ///
    /// # Errors
    /// [`crate::Error::Unsupported`] without such an output, [`crate::Error::Internal`] when the line does not follow.
    fn set(&self, index: usize, closed: bool) -> Result<()>;
}
