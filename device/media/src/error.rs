//! The one error of this crate.

use crate::config::{Codec, PictureSize};

/// Why a media operation failed. `Display` names what failed and with which value.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// GStreamer itself, or a plug-in that everything needs, is missing.
    #[error("GStreamer cannot be used: {0}")]
    Init(String),
    /// A source was given that cannot be understood.
    #[error("source {value:?}: {reason}; allowed are {}", crate::source::ALLOWED)]
    BadSource {
        /// The text as it was given, without a password.
        value: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A source was understood but gives no picture.
    #[error("{0}")]
    Source(String),
    /// A value of an encoder's configuration is outside its bounds.
    #[error("{field} = {value} is refused: {bound}")]
    Config {
        /// Name of the field.
        field: &'static str,
        /// The value as it was given.
        value: String,
        /// What would be accepted.
        bound: String,
    },
    /// No installed encoder can produce this codec.
    #[error("no encoder for {codec} works here; tried {tried}")]
    NoEncoder {
        /// The codec that was asked for.
        codec: Codec,
        /// Element names and why each was refused.
        tried: String,
    },
    /// A pipeline could not be built or stopped by itself.
    #[error("{what}: {reason}")]
    Pipeline {
        /// Which pipeline or element.
        what: String,
        /// GStreamer's message.
        reason: String,
    },
    /// There is no frame yet.
    #[error("no picture has arrived from the source yet")]
    NoPicture,
    /// A snapshot larger than the source was asked for.
    #[error("picture size {asked} is refused: from 16x16 to {max}, both sides even")]
    PictureSize {
        /// What was asked for.
        asked: PictureSize,
        /// The largest size.
        max: PictureSize,
    },
    /// A picture's buffer does not hold what its size says.
    #[error("picture {width}x{height} needs {need} bytes, {given} were given")]
    PictureBytes {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// Bytes needed.
        need: usize,
        /// Bytes given.
        given: usize,
    },
    /// The engine is being stopped.
    #[error("the media engine has been stopped")]
    Stopped,
}

impl Error {
    pub(crate) fn pipeline(what: impl Into<String>, reason: impl std::fmt::Display) -> Self {
        Self::Pipeline {
            what: what.into(),
            reason: reason.to_string(),
        }
    }
}
