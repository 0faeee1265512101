//! What source and encoders together can offer.

use crate::config::{Codec, PictureSize};

/// What a source gives.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct SourceCaps {
    /// Picture size.
    pub size: PictureSize,
    /// Frames per second where the source says so.
    pub frame_rate: Option<f64>,
    /// The source's own codec where its stream could be passed on.
    pub codec: Option<Codec>,
}
