//! Owned raw pictures. JPEG and PNG are made outside the domain.

use std::sync::Arc;

use crate::Error;
use crate::frame::{FrameView, Planes};
use crate::geometry::FrameSize;
use crate::time::{MediaTime, UtcTime};

/// How a [`Picture`]'s bytes are laid out; rows follow each other without padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PixelFormat {
    /// Luma, blue difference, red difference; chroma halved both ways, rounded up. Limited range.
    I420,
    /// Luma, then blue and red difference by turns; chroma halved both ways, rounded up. Limited range.
    Nv12,
    /// Red, green, blue.
    Rgb,
    /// Grey, full range.
    Grey,
}

impl PixelFormat {
    /// Bytes a picture of `size` takes.
    #[must_use]
    pub fn bytes(self, size: FrameSize) -> usize {
        let (w, h) = (size.width() as usize, size.height() as usize);
        match self {
            Self::I420 | Self::Nv12 => w * h + 2 * w.div_ceil(2) * h.div_ceil(2),
            Self::Rgb => 3 * w * h,
            Self::Grey => w * h,
        }
    }
}

/// An owned picture; cheap to clone, as its pixels are shared.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    size: FrameSize,
    format: PixelFormat,
    data: Arc<[u8]>,
}

impl std::fmt::Debug for Picture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Picture({} {:?})", self.size, self.format)
    }
}

impl Picture {
    /// A picture of `size` from bytes laid out as `format` says.
    ///
    /// # Errors
    /// [`Error::Plane`] when `data` is not exactly [`PixelFormat::bytes`] long.
    pub fn new(size: FrameSize, format: PixelFormat, data: Vec<u8>) -> Result<Self, Error> {
        let needed = format.bytes(size);
        if data.len() != needed {
            return Err(Error::Plane {
                plane: "all",
                size,
                stride: size.width() as usize,
                needed,
                got: data.len(),
            });
        }
        Ok(Self {
            size,
            format,
            data: data.into(),
        })
    }

    /// For callers that laid out `data` themselves.
    pub(crate) fn from_parts(size: FrameSize, format: PixelFormat, data: Vec<u8>) -> Self {
        debug_assert_eq!(data.len(), format.bytes(size));
        Self {
            size,
            format,
            data: data.into(),
        }
    }

    /// Size in pixels.
    #[must_use]
    pub fn size(&self) -> FrameSize {
        self.size
    }

    /// Layout of [`Picture::data`].
    #[must_use]
    pub fn format(&self) -> PixelFormat {
        self.format
    }

    /// The bytes.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// The picture as a frame taken at `captured_at`.
    #[must_use]
    pub fn view(&self, captured_at: UtcTime) -> Option<FrameView<'_>> {
        let (w, h) = (self.size.width() as usize, self.size.height() as usize);
        let (cw, d) = (w.div_ceil(2), &*self.data);
        let planes = match self.format {
            PixelFormat::I420 => {
                let (y, c) = d.split_at_checked(w * h)?;
                let (u, v) = c.split_at_checked(cw * h.div_ceil(2))?;
                Planes::I420 {
                    y,
                    y_stride: w,
                    u,
                    v,
                    uv_stride: cw,
                }
            }
            PixelFormat::Nv12 => {
                let (y, uv) = d.split_at_checked(w * h)?;
                Planes::Nv12 {
                    y,
                    y_stride: w,
                    uv,
                    uv_stride: 2 * cw,
                }
            }
            PixelFormat::Rgb => Planes::Rgb {
                data: d,
                stride: 3 * w,
            },
            PixelFormat::Grey => Planes::Grey { data: d, stride: w },
        };
        FrameView::new(planes, self.size, captured_at, MediaTime::default()).ok()
    }

    /// Red, green and blue, three bytes a pixel; Y'CbCr is taken as limited range, BT.709 from 720
    /// lines up and BT.601 below.
    #[must_use]
    pub fn to_rgb(&self) -> Vec<u8> {
        let (w, h) = (self.size.width() as usize, self.size.height() as usize);
        let (cw, luma) = (w.div_ceil(2), w * h);
        let d = &*self.data;
        match self.format {
            PixelFormat::Rgb => d.to_vec(),
            PixelFormat::Grey => d.iter().flat_map(|&g| [g, g, g]).collect(),
            PixelFormat::I420 | PixelFormat::Nv12 => {
                let mut out = Vec::with_capacity(3 * luma);
                let k = YuvToRgb::for_height(h);
                for y in 0..h {
                    for x in 0..w {
                        let at = (y / 2) * cw + x / 2;
                        let (u, v) = if self.format == PixelFormat::I420 {
                            (d[luma + at], d[luma + cw * h.div_ceil(2) + at])
                        } else {
                            (d[luma + 2 * at], d[luma + 2 * at + 1])
                        };
                        out.extend_from_slice(&k.rgb(d[y * w + x], u, v));
                    }
                }
                out
            }
        }
    }

    /// Luma, one byte a pixel: the luma plane as it is, or BT.601 weights of red, green and blue.
    #[must_use]
    pub fn to_grey(&self) -> GreyImage {
        let n = self.size.width() as usize * self.size.height() as usize;
        let data = match self.format {
            PixelFormat::Rgb => self
                .data
                .chunks_exact(3)
                .map(|p| grey_of(p[0], p[1], p[2]))
                .collect(),
            _ => self.data[..n].to_vec(),
        };
        GreyImage {
            size: self.size,
            data,
        }
    }
}

/// Luma of one RGB pixel, BT.601 weights, full range.
#[must_use]
pub(crate) fn grey_of(r: u8, g: u8, b: u8) -> u8 {
    ((u32::from(r) * 19_595 + u32::from(g) * 38_470 + u32::from(b) * 7_471 + 32_768) >> 16) as u8
}

/// Fixed-point coefficients, 16 fractional bits, of limited-range Y'CbCr to RGB.
#[derive(Clone, Copy)]
pub(crate) struct YuvToRgb {
    rv: i32,
    gu: i32,
    gv: i32,
    bu: i32,
}

impl YuvToRgb {
    /// BT.709 from 720 lines up, BT.601 below: what encoders assume when a stream does not say.
    pub(crate) fn for_height(height: usize) -> Self {
        if height >= 720 {
            Self {
                rv: 117_489,
                gu: 13_975,
                gv: 34_925,
                bu: 138_438,
            }
        } else {
            Self {
                rv: 104_597,
                gu: 25_675,
                gv: 53_279,
                bu: 132_201,
            }
        }
    }

    /// The same for luma less 16 and chroma less 128 as `f32`, giving 0..=1.
    pub(crate) fn as_f32(self) -> YuvToRgbF32 {
        let k = |x: i32| x as f32 / (65_536.0 * 255.0);
        YuvToRgbF32 {
            luma: k(76_309),
            rv: k(self.rv),
            gu: k(self.gu),
            gv: k(self.gv),
            bu: k(self.bu),
        }
    }

    /// Red, green and blue of one pixel.
    pub(crate) fn rgb(self, y: u8, u: u8, v: u8) -> [u8; 3] {
        let l = (i32::from(y) - 16) * 76_309 + 32_768;
        let (u, v) = (i32::from(u) - 128, i32::from(v) - 128);
        let c = |x: i32| (x >> 16).clamp(0, 255) as u8;
        [
            c(l + self.rv * v),
            c(l - self.gu * u - self.gv * v),
            c(l + self.bu * u),
        ]
    }
}

/// Coefficients of [`YuvToRgb`] for `f32` samples.
pub(crate) struct YuvToRgbF32 {
    pub(crate) luma: f32,
    pub(crate) rv: f32,
    pub(crate) gu: f32,
    pub(crate) gv: f32,
    pub(crate) bu: f32,
}

/// An owned grey picture, one byte a pixel, rows without padding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GreyImage {
    size: FrameSize,
    data: Vec<u8>,
}

impl GreyImage {
    /// A grey picture of `size`.
    ///
    /// # Errors
    /// [`Error::Plane`] when `data` is not width x height bytes long.
    pub fn new(size: FrameSize, data: Vec<u8>) -> Result<Self, Error> {
        let needed = PixelFormat::Grey.bytes(size);
        if data.len() != needed {
            return Err(Error::Plane {
                plane: "luma",
                size,
                stride: size.width() as usize,
                needed,
                got: data.len(),
            });
        }
        Ok(Self { size, data })
    }

    /// A picture of `size`, every pixel `value`.
    #[must_use]
    pub fn filled(size: FrameSize, value: u8) -> Self {
        Self {
            size,
            data: vec![value; PixelFormat::Grey.bytes(size)],
        }
    }

    /// Size in pixels.
    #[must_use]
    pub fn size(&self) -> FrameSize {
        self.size
    }

    /// The pixels, row by row.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// The pixels, for writing.
    #[must_use]
    pub fn data_mut(&mut self) -> &mut [u8] {
        &mut self.data
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_checked() {
        let s = FrameSize::new(3, 3).unwrap();
        assert_eq!(PixelFormat::I420.bytes(s), 17);
        assert!(Picture::new(s, PixelFormat::I420, vec![0; 17]).is_ok());
        assert!(Picture::new(s, PixelFormat::Rgb, vec![0; 26]).is_err());
        assert!(GreyImage::new(s, vec![0; 10]).is_err());
    }

    #[test]
    fn known_colours_come_out() {
        // Limited-range white, black and BT.601 red.
        let k = YuvToRgb::for_height(480);
        assert_eq!(k.rgb(235, 128, 128), [255, 255, 255]);
        assert_eq!(k.rgb(16, 128, 128), [0, 0, 0]);
        let [r, g, b] = k.rgb(81, 90, 240);
        assert!(r >= 252 && g <= 3 && b <= 3, "{r} {g} {b}");
        assert_eq!(grey_of(255, 255, 255), 255);
        assert_eq!(grey_of(0, 0, 0), 0);
    }

    #[test]
    fn planar_and_interleaved_chroma_give_the_same_colours() {
        let s = FrameSize::new(4, 2).unwrap();
        let y = [50, 60, 70, 80, 90, 100, 110, 120];
        let planar: Vec<u8> = y.iter().chain(&[100, 110, 140, 150]).copied().collect();
        let inter: Vec<u8> = y.iter().chain(&[100, 140, 110, 150]).copied().collect();
        let a = Picture::new(s, PixelFormat::I420, planar).unwrap();
        let b = Picture::new(s, PixelFormat::Nv12, inter).unwrap();
        assert_eq!(a.to_rgb(), b.to_rgb());
        assert_eq!(a.to_grey().data(), y);
        assert!(a.view(UtcTime::EPOCH).is_some() && b.view(UtcTime::EPOCH).is_some());
    }
}
