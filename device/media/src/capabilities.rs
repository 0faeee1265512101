//! What source and encoders together can offer: never more than really works here.

use std::ops::RangeInclusive;

use platecam_model::ports::VideoCapabilities;
use platecam_model::settings::Resolution;

use crate::config::{Codec, PictureSize};
use crate::encoder::EncoderChoice;

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

/// Options of one codec at one size (VIDEO-7, VIDEO-10, VIDEO-11, VIDEO-16).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamOptions {
    /// Frames per second.
    pub frame_rate: RangeInclusive<u32>,
    /// kbit/s; `None` where the bit rate means nothing (VIDEO-12).
    pub bit_rate: Option<RangeInclusive<u32>>,
    /// Distance of sensible bit rates in kbit/s.
    pub bit_rate_step: u32,
    /// Recommended kbit/s at the highest frame rate.
    pub recommended_bit_rate: Option<u32>,
    /// Frames from one key picture to the next; `None` where every picture is one (VIDEO-12).
    pub gop: Option<RangeInclusive<u32>>,
    /// Quality levels of VBR and of motion JPEG (C-4).
    pub quality: RangeInclusive<u8>,
}

/// What one machine with one source can do. Options are asked of it, not stored.
#[derive(Clone, Debug)]
pub struct Capabilities {
    source: Option<SourceCaps>,
    encoders: Vec<EncoderChoice>,
}

/// Builds the capabilities from the source, once known, and the encoders that work.
pub fn capabilities(source: Option<SourceCaps>, encoders: &[EncoderChoice]) -> Capabilities {
    Capabilities {
        source,
        encoders: encoders.to_vec(),
    }
}

impl Capabilities {
    /// Pixels a second that a software encoder manages on one of the camera's two cores (measured,
    /// docs/adr/0003-media-pipeline.md): H.264 1080p30, H.265 1080p10, JPEG 1080p30.
    const SOFTWARE_PIXEL_RATE: [(Codec, u64); 3] = [
        (Codec::H264, 1920 * 1080 * 30),
        (Codec::H265, 1920 * 1080 * 10),
        (Codec::Jpeg, 1920 * 1080 * 30),
    ];
    /// NTSC's highest rate; PAL's 25 is the settings' business (SYS-3).
    const MOST_FRAMES: u32 = 30;
    /// The settings' bounds (VIDEO-10).
    const BIT_RATES: RangeInclusive<u32> = 32..=16_384;

    /// Codecs that an encoder works for, H.264 first.
    pub fn codecs(&self) -> Vec<Codec> {
        let works = |codec: &Codec| self.encoder(*codec).is_some();
        [Codec::H264, Codec::H265, Codec::Jpeg]
            .into_iter()
            .filter(works)
            .collect()
    }

    fn encoder(&self, codec: Codec) -> Option<&EncoderChoice> {
        self.encoders.iter().find(|encoder| encoder.codec == codec)
    }

    /// The product's sizes that fit in `within` and in the source, largest first (VIDEO-5). For the sub
    /// stream `within` is the main stream's size.
    ///
    /// A source smaller than all of them is offered in its own size.
    pub fn resolutions(&self, within: Option<PictureSize>) -> Vec<PictureSize> {
        let bound = self.source.map(|source| source.size);
        let fits = |size: &PictureSize| {
            bound.is_none_or(|source| size.fits_in(source))
                && within.is_none_or(|within| size.fits_in(within))
        };
        let sizes = Resolution::ALL
            .iter()
            .map(|r| PictureSize::new(r.width(), r.height()));
        let found: Vec<PictureSize> = sizes.filter(fits).collect();
        match bound {
            Some(source) if found.is_empty() => {
                vec![PictureSize::new(source.width & !1, source.height & !1)]
            }
            _ => found,
        }
    }

    /// Options of a codec at a size; `None` when no encoder works for it.
    pub fn options(&self, codec: Codec, size: PictureSize) -> Option<StreamOptions> {
        let encoder = self.encoder(codec)?;
        let most = self.most_frames(encoder, size);
        let (bit_rate, recommended) = match codec {
            Codec::Jpeg => (None, None),
            Codec::H264 => (
                Some(bit_rates(size, 1.0)),
                Some(recommended(size, most, 1.0)),
            ),
            Codec::H265 => (
                Some(bit_rates(size, 0.6)),
                Some(recommended(size, most, 0.6)),
            ),
        };
        Some(StreamOptions {
            frame_rate: 1..=most,
            bit_rate,
            bit_rate_step: 32,
            recommended_bit_rate: recommended,
            gop: (codec != Codec::Jpeg).then_some(25..=150),
            quality: 1..=6,
        })
    }

    fn most_frames(&self, encoder: &EncoderChoice, size: PictureSize) -> u32 {
        let source = self.source.and_then(|source| source.frame_rate);
        let source = source.map_or(Self::MOST_FRAMES, |rate| {
            rate.round().clamp(1.0, 240.0) as u32
        });
        let encoder = if encoder.hardware {
            Self::MOST_FRAMES
        } else {
            let budget = Self::SOFTWARE_PIXEL_RATE
                .iter()
                .find(|(codec, _)| *codec == encoder.codec);
            let frames = budget.map_or(u64::MAX, |(_, rate)| rate / size.pixels().max(1));
            u32::try_from(frames).unwrap_or(u32::MAX)
        };
        source.min(encoder).clamp(1, Self::MOST_FRAMES)
    }

    /// What the settings check against.
    pub fn for_settings(&self) -> VideoCapabilities {
        VideoCapabilities {
            source_size: self
                .source
                .map(|source| (source.size.width, source.size.height)),
            codecs: self.codecs().into_iter().map(Into::into).collect(),
            h264_profiles: self
                .encoder(Codec::H264)
                .map_or_else(Vec::new, EncoderChoice::h264_profiles),
        }
    }
}

fn step(kbps: f64) -> u32 {
    let kbps = (kbps / 32.0).round() as u32 * 32;
    kbps.clamp(
        *Capabilities::BIT_RATES.start(),
        *Capabilities::BIT_RATES.end(),
    )
}

/// From a legible slow picture (0.1 bit a pixel at one frame a second) to no visible loss.
fn bit_rates(size: PictureSize, share: f64) -> RangeInclusive<u32> {
    let pixels = size.pixels() as f64 / 1000.0 * share;
    step(pixels * 0.1)..=step(pixels * 30.0 * 0.3)
}

/// 0.08 bit a pixel (VIDEO-10); H.265 needs some 60 % of it.
fn recommended(size: PictureSize, frame_rate: u32, share: f64) -> u32 {
    step(size.pixels() as f64 / 1000.0 * f64::from(frame_rate) * 0.08 * share)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoder::ORDER;

    fn with(size: Option<(u32, u32, f64)>, elements: &[&str]) -> Capabilities {
        let encoders: Vec<_> = ORDER
            .iter()
            .filter(|e| elements.contains(&e.element))
            .copied()
            .collect();
        let source = size.map(|(width, height, rate)| SourceCaps {
            size: PictureSize::new(width, height),
            frame_rate: Some(rate),
            codec: None,
        });
        capabilities(source, &encoders)
    }

    /// VIDEO-5: nothing larger than the source or, for the sub stream, than the main stream.
    #[test]
    fn resolutions_fit() {
        let all = with(None, &["x264enc"]);
        assert_eq!(all.resolutions(None).len(), Resolution::ALL.len());
        let hd = with(Some((1920, 1080, 25.0)), &["x264enc"]);
        assert_eq!(hd.resolutions(None)[0], PictureSize::new(1920, 1080));
        let sub = hd.resolutions(Some(PictureSize::new(704, 480)));
        assert_eq!(sub[0], PictureSize::new(704, 480));
        assert!(!sub.contains(&PictureSize::new(704, 576)));
        let tiny = with(Some((161, 121, 5.0)), &["x264enc"]);
        assert_eq!(tiny.resolutions(None), [PictureSize::new(160, 120)]);
    }

    /// VIDEO-7: no more frames than the source gives and the encoder manages.
    #[test]
    fn frame_rates_are_what_works() {
        let software = with(Some((2688, 1520, 30.0)), &["x264enc", "x265enc", "jpegenc"]);
        let hardware = with(Some((2688, 1520, 30.0)), &["v4l2h264enc", "v4l2h265enc"]);
        let slow = with(Some((1920, 1080, 12.5)), &["x264enc"]);
        let most = |caps: &Capabilities, codec, width, height| {
            *caps
                .options(codec, PictureSize::new(width, height))
                .unwrap()
                .frame_rate
                .end()
        };
        for (got, expect) in [
            (most(&software, Codec::H264, 1920, 1080), 30),
            (most(&software, Codec::H264, 2688, 1520), 15),
            (most(&software, Codec::H265, 1920, 1080), 10),
            (most(&software, Codec::H265, 352, 240), 30),
            (most(&hardware, Codec::H265, 2688, 1520), 30),
            (most(&slow, Codec::H264, 352, 240), 13),
        ] {
            assert_eq!(got, expect);
        }
    }

    /// VIDEO-12, VIDEO-16: ranges per size and codec; none where they mean nothing.
    #[test]
    fn bit_rates_follow_size_and_codec() {
        let caps = with(None, &["x264enc", "x265enc", "jpegenc"]);
        for r in Resolution::ALL {
            let size = PictureSize::new(r.width(), r.height());
            let (h264, h265) = (
                caps.options(Codec::H264, size).unwrap(),
                caps.options(Codec::H265, size).unwrap(),
            );
            for options in [&h264, &h265] {
                let range = options.bit_rate.clone().unwrap();
                assert!(
                    range.contains(&options.recommended_bit_rate.unwrap()),
                    "{size}: {options:?}"
                );
                assert!(
                    range.contains(&320) || size.pixels() < 100_000 || size.pixels() > 3_500_000,
                    "{size}"
                );
                assert_eq!(options.gop, Some(25..=150));
            }
            assert!(
                h265.recommended_bit_rate < h264.recommended_bit_rate,
                "{size}"
            );
            let jpeg = caps.options(Codec::Jpeg, size).unwrap();
            assert_eq!((jpeg.bit_rate, jpeg.gop, jpeg.quality), (None, None, 1..=6));
        }
        let none = with(None, &["x264enc"]);
        assert_eq!(none.options(Codec::H265, PictureSize::new(352, 240)), None);
        assert_eq!(none.codecs(), [Codec::H264]);
    }
}
