//! Voice prompts as they are uploaded.

use platecam_model::broadcast::Sound;

use crate::Target;

/// A WAV file.
pub(crate) fn wav() -> Box<dyn Target> {
    Box::new(|input: &[u8]| {
        if let Ok(sound) = Sound::from_wav(input) {
            assert!(sound.samples.len() <= input.len(), "more than was sent");
        }
    })
}
