//! Sound: from a device or the picture source, encoded once (AUDIO-6).
//!
//! Whatever the source, samples come as 48 kHz, one channel, with their place on the media clock. [`line`] makes one
//! unbroken row of them; a worker thread gives it to the encoder and what comes out to an [`AudioSink`].

mod decode;
mod device;
mod encode;
mod jitter;
mod line;
mod loudspeaker;
mod speaker;
mod talk;
mod track;
mod worker;

use std::sync::Arc;

use bytes::Bytes;
use gstreamer as gst;
use lpr_core::{MediaTime, UtcTime};

pub use device::device_exists;
pub(crate) use line::{Line, RATE};
pub use loudspeaker::Loudspeaker;
pub use speaker::{AlsaSpeaker, FileSpeaker, Speaker, SpeakerLine};
pub use talk::Talker;
pub(crate) use track::{Chunk, append as append_sound, chunks_of};
pub(crate) use worker::Worker;

use crate::{Error, Result};

/// The first of the elements that is installed, for this.
fn element(what: &'static str, names: &[&str]) -> Result<gst::Element> {
    let made = names
        .iter()
        .find_map(|name| gst::ElementFactory::make(name).build().ok());
    made.ok_or_else(|| {
        let names = names.join(" or ");
        Error::pipeline(what, format!("GStreamer element {names} is missing"))
    })
}

/// Whether AAC of the back channel can be heard.
#[must_use]
pub(crate) fn hears_aac() -> bool {
    decode::is_available()
}

/// How sound is coded.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum AudioCodec {
    /// G.711 µ-law, 8 kHz.
    Pcmu,
    /// G.711 A-law, 8 kHz.
    Pcma,
    /// AAC-LC, one channel.
    Aac {
        /// Samples a second.
        rate: u32,
    },
    /// Opus, 48 kHz, one channel.
    Opus,
}

/// Codec and bit rate.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct AudioEncoding {
    /// How it is coded.
    pub codec: AudioCodec,
    /// kbit/s; G.711 always has 64.
    pub kbps: u32,
}

/// Where sound comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AudioInput {
    /// The picture source's own sound, where it has any.
    OfSource,
    /// An ALSA device by its name.
    Alsa(String),
}

/// What is to be heard.
#[derive(Clone)]
pub struct AudioSetup {
    /// From where.
    pub input: AudioInput,
    /// How.
    pub encoding: AudioEncoding,
    /// Where to.
    pub sink: Arc<dyn AudioSink>,
}

/// Encoded sound: 20 ms of G.711 or Opus, one frame of AAC.
#[derive(Clone, Debug)]
pub struct AudioUnit {
    /// When its first sample was heard, on the clock of the pictures.
    pub at: MediaTime,
    /// The same in UTC.
    pub utc: UtcTime,
    /// The coded bytes.
    pub data: Bytes,
}

/// Takes encoded sound. Must not block.
pub trait AudioSink: Send + Sync {
    /// There is sound from now on, coded like this; or there is none any more.
    fn format(&self, codec: Option<AudioCodec>);

    /// The next unit. Times are strictly increasing.
    fn push(&self, unit: AudioUnit);
}

/// What the sound is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AudioState {
    /// None is wanted.
    #[default]
    Off,
    /// Nothing was heard yet.
    Waiting,
    /// Sound is sent. Where its source fails now, silence is.
    Running,
    /// Nothing is sent; tried again by itself.
    Failed {
        /// Why.
        reason: String,
    },
}
