//! What can go wrong in the domain.

use crate::geometry::FrameSize;

/// An input that recognition refuses, or a net that failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A width or height of zero, or one above [`FrameSize::MAX_SIDE`].
    #[error("picture size {width}x{height} is outside 1x1 to {max}x{max} pixels", max = FrameSize::MAX_SIDE)]
    Size {
        /// Width in pixels, as given.
        width: u32,
        /// Height in pixels, as given.
        height: u32,
    },
    /// A plane holds fewer bytes than its size and stride need.
    #[error(
        "plane {plane} of a {size} picture with stride {stride} has {got} bytes, needs {needed}"
    )]
    Plane {
        /// Which plane: `luma`, `chroma`, `u`, `v` or `rgb`.
        plane: &'static str,
        /// Size of the picture.
        size: FrameSize,
        /// Bytes from one row to the next, as given.
        stride: usize,
        /// Bytes needed.
        needed: usize,
        /// Bytes given.
        got: usize,
    },
    /// A setting outside its bounds.
    #[error("{field} is {value}, must be {bounds}")]
    Setting {
        /// The field of [`crate::RecognitionSettings`].
        field: &'static str,
        /// The value, as given.
        value: String,
        /// What is allowed.
        bounds: &'static str,
    },
    /// A text that is no time in RFC 3339.
    #[error("{0:?} is no time in RFC 3339, for example 2026-11-22T15:04:05.320Z")]
    Time(String),
    /// A net failed.
    #[error(transparent)]
    Net(#[from] crate::nets::NetError),
}
