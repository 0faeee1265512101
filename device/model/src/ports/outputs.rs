use crate::{
    Result,
    broadcast::{Manner, Sound},
};

/// The voice: makes sound of text (AUDIO-3).
pub trait Voice: Send + Sync {
    /// Why nothing can be said; `None` when it can.
    fn unavailable(&self) -> Option<String>;

    /// The sound of a text; blocks until it is made.
    ///
    /// # Errors
    /// [`crate::Error::Unsupported`] without a voice.
    fn speak(&self, text: &str, manner: Manner) -> Result<Sound>;
}

/// The loudspeaker (HW-1). One is heard at a time: a sound waits while another is played, and who talks over the back
/// channel cuts it.
pub trait Loudspeaker: Send + Sync {
    /// Why nothing can be heard; `None` when it can.
    fn unavailable(&self) -> Option<String>;

    /// Plays a sound as loud as the settings say, or as `level` (0 to 100), and returns when it was heard. True when it
    /// was heard to its end; false when it was cut, or `go_on` said no.
    ///
    /// # Errors
    /// [`crate::Error::Unsupported`] without an output, or when it does not play.
    fn play(&self, sound: &Sound, level: Option<u8>, go_on: &dyn Fn() -> bool) -> Result<bool>;
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
