//! JPEG pictures: snapshots of the newest frame and pictures for records.

use std::time::Duration;

use bytes::Bytes;
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;
use gstreamer_video as gst_video;
use gstreamer_video::prelude::*;

use crate::config::PictureSize;
use crate::frame::RawFrame;
use crate::{Error, Result, chain};
use lpr_core::{MediaTime, UtcTime};

/// A picture that takes longer than this has met a hung encoder.
const PATIENCE: Duration = Duration::from_secs(3);

/// A raw picture in memory, rows without padding.
#[derive(Copy, Clone, Debug)]
pub enum Picture<'a> {
    /// Red, green, blue; 3 bytes a pixel.
    Rgb {
        /// Width in pixels.
        width: u32,
        /// Rows.
        height: u32,
        /// `width * height * 3` bytes.
        data: &'a [u8],
    },
    /// Luma; 1 byte a pixel.
    Grey {
        /// Width in pixels.
        width: u32,
        /// Rows.
        height: u32,
        /// `width * height` bytes.
        data: &'a [u8],
    },
    /// Planar Y, U, V; chroma planes of half width and height, rounded up.
    I420 {
        /// Width in pixels.
        width: u32,
        /// Rows.
        height: u32,
        /// Y, then U, then V.
        data: &'a [u8],
    },
}

/// Encodes a picture by an encoder of its own; for many pictures keep a [`JpegEncoder`].
///
/// `quality` is 1 to 100.
///
/// # Errors
/// [`Error::PictureBytes`] when the data do not match the size, else as [`JpegEncoder::encode`].
pub fn encode_jpeg(picture: Picture<'_>, quality: u8) -> Result<Bytes> {
    JpegEncoder::new()?.encode(picture, quality)
}

/// A JPEG encoder that stays up between pictures; a 1080p picture takes some 8 ms.
pub struct JpegEncoder {
    pipeline: gst::Pipeline,
    source: gst_app::AppSrc,
    filter: gst::Element,
    encoder: gst::Element,
    sink: gst_app::AppSink,
    asked: Option<(gst_video::VideoInfo, PictureSize)>,
    broken: bool,
}

impl JpegEncoder {
    /// Largest side of a JPEG picture that is taken.
    pub const MAX_SIDE: u32 = 8192;

    /// Starts an encoder.
    ///
    /// # Errors
    /// [`Error::Init`] or [`Error::Pipeline`] when GStreamer cannot do it.
    pub fn new() -> Result<Self> {
        crate::init()?;
        let failed = |e: gst::glib::BoolError| Error::pipeline("JPEG encoder", e);
        let source = gst_app::AppSrc::builder()
            .format(gst::Format::Time)
            .is_live(true)
            .build();
        let make = |name: &str| gst::ElementFactory::make(name).build().map_err(failed);
        let (scale, filter, encoder) = (
            make("videoconvertscale")?,
            make("capsfilter")?,
            make("jpegenc")?,
        );
        scale.set_property("add-borders", false);
        let sink = gst_app::AppSink::builder().sync(false).build();
        let chain = [
            source.upcast_ref(),
            &scale,
            &filter,
            &encoder,
            sink.upcast_ref(),
        ];
        let pipeline = chain::playing("JPEG encoder", &chain)?;
        Ok(Self {
            pipeline,
            source,
            filter,
            encoder,
            sink,
            asked: None,
            broken: false,
        })
    }

    /// True after a failure that may have left pictures inside: start a new one.
    pub fn is_broken(&self) -> bool {
        self.broken
    }

    /// Encodes a picture in memory. `quality` is 1 to 100.
    ///
    /// # Errors
    /// [`Error::PictureBytes`] when the data do not match the size, [`Error::PictureSize`] when a
    /// side is 0 or above [`Self::MAX_SIDE`], [`Error::Pipeline`] when GStreamer fails.
    pub fn encode(&mut self, picture: Picture<'_>, quality: u8) -> Result<Bytes> {
        let (format, width, height, data) = match picture {
            Picture::Rgb {
                width,
                height,
                data,
            } => (gst_video::VideoFormat::Rgb, width, height, data),
            Picture::Grey {
                width,
                height,
                data,
            } => (gst_video::VideoFormat::Gray8, width, height, data),
            Picture::I420 {
                width,
                height,
                data,
            } => (gst_video::VideoFormat::I420, width, height, data),
        };
        let size = PictureSize { width, height };
        let max = PictureSize::new(Self::MAX_SIDE, Self::MAX_SIDE);
        if width == 0 || height == 0 || !size.fits_in(max) {
            return Err(Error::PictureSize { asked: size, max });
        }
        let info = gst_video::VideoInfo::builder(format, width, height)
            .build()
            .map_err(|e| Error::pipeline("JPEG encoder", e))?;
        let buffer = packed(&info, data)?;
        self.run(buffer, &info, size, quality)
    }

    /// Encodes a frame, scaled to `size`. `quality` is 1 to 100.
    ///
    /// # Errors
    /// [`Error::Pipeline`] when GStreamer fails.
    pub fn encode_frame(
        &mut self,
        frame: &RawFrame,
        size: PictureSize,
        quality: u8,
    ) -> Result<Bytes> {
        self.run(frame.buffer(), frame.info(), size, quality)
    }

    fn run(
        &mut self,
        buffer: gst::Buffer,
        info: &gst_video::VideoInfo,
        size: PictureSize,
        quality: u8,
    ) -> Result<Bytes> {
        let failed = |reason: String| Error::pipeline("JPEG encoder", reason);
        // Whatever goes wrong from here on leaves the pipeline in doubt.
        self.broken = true;
        if self.asked.as_ref() != Some(&(info.clone(), size)) {
            let caps = info.to_caps().map_err(|e| failed(e.to_string()))?;
            self.source.set_caps(Some(&caps));
            // JFIF is full-range BT.601; the encoder writes what it gets.
            let jfif = gst::Caps::builder("video/x-raw")
                .field("format", if info.is_gray() { "GRAY8" } else { "I420" })
                .field("width", i32::try_from(size.width).unwrap_or(i32::MAX))
                .field("height", i32::try_from(size.height).unwrap_or(i32::MAX))
                .field("pixel-aspect-ratio", gst::Fraction::new(1, 1));
            let jfif = if info.is_gray() {
                jfif
            } else {
                jfif.field("colorimetry", "1:4:0:0")
            };
            self.filter.set_property("caps", jfif.build());
            self.asked = Some((info.clone(), size));
        }
        self.encoder
            .set_property("quality", i32::from(quality.clamp(1, 100)));
        self.source
            .push_buffer(buffer)
            .map_err(|e| failed(format!("{e:?}")))?;
        let patience = gst::ClockTime::from_nseconds(PATIENCE.as_nanos() as u64);
        let sample = self
            .sink
            .try_pull_sample(patience)
            .ok_or_else(|| failed(self.reason()))?;
        let buffer = sample
            .buffer_owned()
            .ok_or_else(|| failed("gave no data".into()))?;
        let data = buffer
            .into_mapped_buffer_readable()
            .map_err(|_| failed("unreadable data".into()))?;
        self.broken = false;
        Ok(Bytes::from_owner(data))
    }

    fn reason(&self) -> String {
        let error = self
            .pipeline
            .bus()
            .and_then(|bus| bus.pop_filtered(&[gst::MessageType::Error]));
        match error.as_ref().map(|message| message.view()) {
            Some(gst::MessageView::Error(error)) => error.error().to_string(),
            _ => format!("gave nothing within {} s", PATIENCE.as_secs()),
        }
    }
}

impl Drop for JpegEncoder {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

/// Copies rows without padding into GStreamer's layout.
fn packed(info: &gst_video::VideoInfo, data: &[u8]) -> Result<gst::Buffer> {
    let (width, height) = (info.width() as usize, info.height() as usize);
    let half = |side: usize| side.div_ceil(2);
    let planes: &[(usize, usize)] = match info.format() {
        gst_video::VideoFormat::Rgb => &[(width * 3, height)],
        gst_video::VideoFormat::Gray8 => &[(width, height)],
        _ => &[
            (width, height),
            (half(width), half(height)),
            (half(width), half(height)),
        ],
    };
    let need: usize = planes.iter().map(|(row, rows)| row * rows).sum();
    if data.len() != need {
        let (width, height) = (info.width(), info.height());
        return Err(Error::PictureBytes {
            width,
            height,
            need,
            given: data.len(),
        });
    }
    let failed = |reason: String| Error::pipeline("JPEG encoder", reason);
    let buffer = gst::Buffer::with_size(info.size()).map_err(|e| failed(e.to_string()))?;
    let mut video = gst_video::VideoFrame::from_buffer_writable(buffer, info)
        .map_err(|_| failed("the picture cannot be mapped".into()))?;
    let mut rest = data;
    for (plane, (row, rows)) in planes.iter().enumerate() {
        let (source, after) = rest.split_at(row * rows);
        rest = after;
        let stride =
            usize::try_from(video.plane_stride()[plane]).map_err(|e| failed(e.to_string()))?;
        let target = video
            .plane_data_mut(plane as u32)
            .map_err(|e| failed(e.to_string()))?;
        for (to, from) in target.chunks_mut(stride).zip(source.chunks(*row)) {
            to[..*row].copy_from_slice(from);
        }
    }
    Ok(video.into_buffer())
}

/// A JPEG picture of the newest frame.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// JFIF.
    pub jpeg: Bytes,
    /// Its size.
    pub size: PictureSize,
    /// The frame's place on the monotonic clock.
    pub at: MediaTime,
    /// UTC of capture.
    pub utc: UtcTime,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(jpeg: &[u8]) -> image::RgbImage {
        image::load_from_memory_with_format(jpeg, image::ImageFormat::Jpeg)
            .unwrap()
            .to_rgb8()
    }

    #[test]
    fn colours_and_odd_sizes_survive() {
        let mut encoder = JpegEncoder::new().unwrap();
        for (width, height) in [(16, 16), (33, 17), (640, 359), (1, 1)] {
            let data: Vec<u8> = [200u8, 60, 30].repeat((width * height) as usize);
            let jpeg = encoder
                .encode(
                    Picture::Rgb {
                        width,
                        height,
                        data: &data,
                    },
                    95,
                )
                .unwrap();
            let picture = decoded(&jpeg);
            assert_eq!(picture.dimensions(), (width, height));
            for (got, expect) in picture
                .get_pixel(width / 2, height / 2)
                .0
                .iter()
                .zip([200u8, 60, 30])
            {
                assert!(
                    got.abs_diff(expect) <= 6,
                    "{width}x{height}: {got} for {expect}"
                );
            }
        }
        let grey = encoder
            .encode(
                Picture::Grey {
                    width: 35,
                    height: 20,
                    data: &[77; 700],
                },
                90,
            )
            .unwrap();
        assert!(
            decoded(&grey)
                .get_pixel(17, 10)
                .0
                .iter()
                .all(|v| v.abs_diff(77) <= 3)
        );
        let (width, height) = (35, 21);
        let mut data = vec![126u8; 35 * 21];
        data.resize(35 * 21 + 2 * 18 * 11, 128);
        let i420 = encoder
            .encode(
                Picture::I420 {
                    width,
                    height,
                    data: &data,
                },
                90,
            )
            .unwrap();
        // Video-range luma 126 is full-range 128.
        assert!(
            decoded(&i420)
                .get_pixel(17, 10)
                .0
                .iter()
                .all(|v| v.abs_diff(128) <= 4)
        );
    }

    #[test]
    fn quality_means_bytes() {
        let (width, height) = (320, 240);
        let data: Vec<u8> = (0..width * height * 3)
            .map(|n: u32| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
            .collect();
        let mut encoder = JpegEncoder::new().unwrap();
        let sizes: Vec<usize> = [10, 50, 90]
            .map(|quality| {
                encoder
                    .encode(
                        Picture::Rgb {
                            width,
                            height,
                            data: &data,
                        },
                        quality,
                    )
                    .unwrap()
                    .len()
            })
            .to_vec();
        assert!(sizes.is_sorted() && sizes[0] * 2 < sizes[2], "{sizes:?}");
    }

    #[test]
    fn wrong_data_is_refused_with_its_numbers() {
        let mut encoder = JpegEncoder::new().unwrap();
        for (picture, expect) in [
            (
                Picture::Rgb {
                    width: 4,
                    height: 4,
                    data: &[0; 47],
                },
                "picture 4x4 needs 48 bytes, 47 were given",
            ),
            (
                Picture::Grey {
                    width: 0,
                    height: 4,
                    data: &[],
                },
                "0x4 is refused",
            ),
            (
                Picture::Grey {
                    width: 9000,
                    height: 1,
                    data: &[],
                },
                "9000x1 is refused",
            ),
        ] {
            let error = encoder.encode(picture, 80).unwrap_err().to_string();
            assert!(error.contains(expect), "{error}");
            assert!(!encoder.is_broken());
        }
    }
}
