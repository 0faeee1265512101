//! What an encoder is told to produce.

use std::fmt;

use platecam_model::settings::H264Profile;

use crate::{Error, Result};

/// The two video streams of the camera (VIDEO-1).
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StreamId {
    /// Full size, recorded.
    Main,
    /// Smaller, for overviews.
    Sub,
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Main => "main",
            Self::Sub => "sub",
        })
    }
}

/// Video codec (VIDEO-4).
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Codec {
    /// ITU-T H.264.
    H264,
    /// ITU-T H.265.
    H265,
    /// Motion JPEG.
    Jpeg,
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::H264 => "H.264",
            Self::H265 => "H.265",
            Self::Jpeg => "MJPEG",
        })
    }
}

/// Picture size in pixels.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PictureSize {
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

impl PictureSize {
    /// A size; not checked.
    pub const fn new(width: u32, height: u32) -> Self {
        Self { width, height }
    }

    /// Pixels of the picture.
    pub const fn pixels(self) -> u64 {
        self.width as u64 * self.height as u64
    }

    /// True when neither side is larger than the other size's.
    pub const fn fits_in(self, other: Self) -> bool {
        self.width <= other.width && self.height <= other.height
    }
}

impl fmt::Display for PictureSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

/// How bits are spent (VIDEO-8 to VIDEO-10, C-4).
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Rate {
    /// Constant bit rate.
    Cbr {
        /// Target in kbit/s.
        kbps: u32,
    },
    /// Constant quality under a ceiling.
    Vbr {
        /// 1 (lowest) to 6 (highest), 4 is medium.
        quality: u8,
        /// Ceiling in kbit/s.
        max_kbps: u32,
    },
}

/// One stream's encoder.
///
/// Motion JPEG uses the quality alone: the group of pictures and the bit rate mean nothing there
/// (VIDEO-12); under `Cbr` it takes the medium quality.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct EncoderConfig {
    /// Codec.
    pub codec: Codec,
    /// Profile while the codec is H.264; an encoder that lacks it makes the nearest below (NET-24).
    pub h264_profile: H264Profile,
    /// Encoded size; made smaller where the source is smaller.
    pub size: PictureSize,
    /// Most frames per second; a slower source keeps its own rate.
    pub frame_rate: u32,
    /// Rate control.
    pub rate: Rate,
    /// Frames from one key picture to the next (VIDEO-11, C-3).
    pub gop: u32,
}

impl EncoderConfig {
    /// Smallest side in pixels.
    pub const MIN_SIDE: u32 = 64;
    /// Largest side in pixels.
    pub const MAX_SIDE: u32 = 8192;

    /// The manual's sub stream and, in [`Self::main`], its main stream.
    pub const fn sub() -> Self {
        Self {
            codec: Codec::H264,
            h264_profile: H264Profile::High,
            size: PictureSize::new(704, 480),
            frame_rate: 15,
            rate: Rate::Cbr { kbps: 512 },
            gop: 30,
        }
    }

    /// 1920x1080 at 25 frames per second and 4 Mbit/s.
    pub const fn main() -> Self {
        Self {
            codec: Codec::H264,
            h264_profile: H264Profile::High,
            size: PictureSize::new(1920, 1080),
            frame_rate: 25,
            rate: Rate::Cbr { kbps: 4096 },
            gop: 32,
        }
    }

    /// Checks bounds that hold for any source and encoder.
    ///
    /// # Errors
    /// [`Error::Config`] with field, value and bound.
    pub fn check(&self) -> Result<()> {
        let refuse = |field, value: String, bound: String| {
            Err(Error::Config {
                field,
                value,
                bound,
            })
        };
        let PictureSize { width, height } = self.size;
        for side in [width, height] {
            if !(Self::MIN_SIDE..=Self::MAX_SIDE).contains(&side) || side % 2 != 0 {
                let bound = format!(
                    "both sides are even, {} to {} pixels",
                    Self::MIN_SIDE,
                    Self::MAX_SIDE
                );
                return refuse("resolution", self.size.to_string(), bound);
            }
        }
        if !(1..=120).contains(&self.frame_rate) {
            return refuse(
                "frame_rate",
                self.frame_rate.to_string(),
                "1 to 120 frames per second".into(),
            );
        }
        if !(1..=600).contains(&self.gop) {
            return refuse("gop", self.gop.to_string(), "1 to 600 frames".into());
        }
        let kbps = match self.rate {
            Rate::Cbr { kbps } => kbps,
            Rate::Vbr { quality, max_kbps } => {
                if !(1..=6).contains(&quality) {
                    return refuse(
                        "quality",
                        quality.to_string(),
                        "1 (lowest) to 6 (highest)".into(),
                    );
                }
                max_kbps
            }
        };
        if self.codec != Codec::Jpeg && !(16..=100_000).contains(&kbps) {
            return refuse(
                "bit_rate",
                format!("{kbps} kbit/s"),
                "16 to 100000 kbit/s".into(),
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_name_field_value_and_bound() {
        let good = EncoderConfig::main();
        good.check().unwrap();
        EncoderConfig::sub().check().unwrap();
        let rows = [
            (
                EncoderConfig {
                    size: PictureSize::new(1921, 1080),
                    ..good
                },
                "resolution = 1921x1080",
            ),
            (
                EncoderConfig {
                    size: PictureSize::new(0, 0),
                    ..good
                },
                "64 to 8192",
            ),
            (
                EncoderConfig {
                    size: PictureSize::new(1920, 100_000),
                    ..good
                },
                "1920x100000",
            ),
            (
                EncoderConfig {
                    frame_rate: 0,
                    ..good
                },
                "frame_rate = 0 is refused: 1 to 120",
            ),
            (EncoderConfig { gop: 601, ..good }, "gop = 601"),
            (
                EncoderConfig {
                    rate: Rate::Cbr { kbps: 1 },
                    ..good
                },
                "bit_rate = 1 kbit/s",
            ),
            (
                EncoderConfig {
                    rate: Rate::Vbr {
                        quality: 7,
                        max_kbps: 512,
                    },
                    ..good
                },
                "quality = 7",
            ),
            (
                EncoderConfig {
                    rate: Rate::Vbr {
                        quality: 0,
                        max_kbps: 512,
                    },
                    ..good
                },
                "quality = 0",
            ),
        ];
        for (config, expect) in rows {
            let error = config.check().unwrap_err().to_string();
            assert!(error.contains(expect), "{error:?} lacks {expect:?}");
        }
        // A bit rate means nothing to motion JPEG (VIDEO-12).
        EncoderConfig {
            codec: Codec::Jpeg,
            rate: Rate::Cbr { kbps: 1 },
            ..good
        }
        .check()
        .unwrap();
    }
}
