//! Encoded pictures and where they go.

use bytes::Bytes;

use crate::config::{Codec, PictureSize};
use lpr_core::{MediaTime, UtcTime};

/// One encoded picture.
#[derive(Clone, Debug)]
pub struct AccessUnit {
    /// Presentation time on the monotonic clock; equals the raw frame's.
    pub at: MediaTime,
    /// UTC of capture; equals the raw frame's.
    pub utc: UtcTime,
    /// Decoding can start here. Always true for JPEG.
    pub key: bool,
    /// H.264/H.265: Annex B byte stream, parameter sets before each key picture. JPEG: one image.
    pub data: Bytes,
}

/// What a decoder or an SDP must know of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamFormat {
    /// Codec of the access units.
    pub codec: Codec,
    /// Size of the encoded picture.
    pub size: PictureSize,
    /// Nominal frames per second.
    pub frame_rate: u32,
    /// H.264: SPS, PPS. H.265: VPS, SPS, PPS. Without start codes. JPEG: empty.
    pub parameter_sets: Vec<Bytes>,
}

/// Takes a stream's encoded pictures. Called on GStreamer's threads: must not block.
pub trait AccessUnitSink: Send + Sync {
    /// The stream begins, or its codec, size, rate or parameter sets changed. The next unit is a key
    /// picture in this format.
    fn format(&self, format: &StreamFormat);

    /// The next access unit. Times are strictly increasing.
    fn push(&self, unit: AccessUnit);
}
