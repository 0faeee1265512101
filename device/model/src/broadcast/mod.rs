//! Voice broadcast: what comes out of the loudspeaker (GEN-20, AUDIO-1..5).

mod clips;
mod queue;
mod sound;
mod text;

use crate::{
    Device,
    settings::{AudioOutput, DeviceGeneral, Language, SpeechSpeed},
};

pub use clips::NewClip;
use queue::Item;
pub use queue::{Broadcast, Playing};
pub use sound::{MAX_CLIP_BYTES, MAX_CLIP_SECONDS, Sound, from_alaw, from_mulaw};
pub use text::{MAX_TEXT, speakable, spelled};

/// How a text is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Manner {
    /// Language of the voice.
    pub language: Language,
    /// How quickly (AUDIO-2).
    pub speed: SpeechSpeed,
}

impl Device {
    /// How texts are said now: in the unit's language, at the speed that is set.
    #[must_use]
    pub fn manner(&self) -> Manner {
        Manner {
            language: self.settings.get::<DeviceGeneral>().language,
            speed: self.settings.get::<AudioOutput>().speed,
        }
    }
}
