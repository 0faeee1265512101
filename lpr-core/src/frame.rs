//! A borrowed view of one decoded video frame or picture.

use crate::Error;
use crate::geometry::{FrameSize, PxRect};
use crate::picture::{GreyImage, Picture, PixelFormat};
use crate::time::{MediaTime, UtcTime};

/// Pixels of a frame, 8 bits a sample. Strides are bytes from one row to the next.
///
/// Chroma is subsampled 2x2; its planes are `ceil(width / 2) x ceil(height / 2)`. Y'CbCr is BT.709
/// or BT.601 limited range alike: recognition does not depend on the difference.
#[derive(Clone, Copy, Debug)]
pub enum Planes<'a> {
    /// Luma, then two chroma planes.
    I420 {
        /// Luma.
        y: &'a [u8],
        /// Bytes a luma row.
        y_stride: usize,
        /// Blue difference.
        u: &'a [u8],
        /// Red difference.
        v: &'a [u8],
        /// Bytes a row of `u` and of `v`.
        uv_stride: usize,
    },
    /// Luma, then one plane with blue and red difference by turns.
    Nv12 {
        /// Luma.
        y: &'a [u8],
        /// Bytes a luma row.
        y_stride: usize,
        /// Blue and red difference, interleaved.
        uv: &'a [u8],
        /// Bytes a row of `uv`.
        uv_stride: usize,
    },
    /// Red, green, blue; three bytes a pixel.
    Rgb {
        /// The samples.
        data: &'a [u8],
        /// Bytes a row.
        stride: usize,
    },
    /// Grey only, full range; one byte a pixel.
    Grey {
        /// The samples.
        data: &'a [u8],
        /// Bytes a row.
        stride: usize,
    },
}

/// One frame: pixels, their size, and when they were captured.
///
/// A value that exists is valid: every plane is long enough for its size and stride.
#[derive(Clone, Copy, Debug)]
pub struct FrameView<'a> {
    planes: Planes<'a>,
    size: FrameSize,
    /// When the sensor took the picture (or when the source says it did).
    pub captured_at: UtcTime,
    /// The frame's place in its stream.
    pub pts: MediaTime,
}

/// Checks one plane: `rows` rows of `row` bytes, `stride` apart; the last row may be short of a stride.
fn check(
    plane: &'static str,
    size: FrameSize,
    data: &[u8],
    stride: usize,
    row: usize,
    rows: usize,
) -> Result<(), Error> {
    let needed = stride
        .saturating_mul(rows.saturating_sub(1))
        .saturating_add(row);
    if stride < row || data.len() < needed {
        return Err(Error::Plane {
            plane,
            size,
            stride,
            needed: needed.max(row * rows),
            got: data.len(),
        });
    }
    Ok(())
}

impl<'a> FrameView<'a> {
    /// A frame of `size` over `planes`.
    ///
    /// # Errors
    /// [`Error::Plane`] when a plane is shorter than its size and stride need.
    pub fn new(
        planes: Planes<'a>,
        size: FrameSize,
        captured_at: UtcTime,
        pts: MediaTime,
    ) -> Result<Self, Error> {
        let (w, h) = (size.width() as usize, size.height() as usize);
        let (cw, ch) = (w.div_ceil(2), h.div_ceil(2));
        match planes {
            Planes::I420 {
                y,
                y_stride,
                u,
                v,
                uv_stride,
            } => {
                check("luma", size, y, y_stride, w, h)?;
                check("u", size, u, uv_stride, cw, ch)?;
                check("v", size, v, uv_stride, cw, ch)?;
            }
            Planes::Nv12 {
                y,
                y_stride,
                uv,
                uv_stride,
            } => {
                check("luma", size, y, y_stride, w, h)?;
                check("chroma", size, uv, uv_stride, 2 * cw, ch)?;
            }
            Planes::Rgb { data, stride } => check("rgb", size, data, stride, 3 * w, h)?,
            Planes::Grey { data, stride } => check("luma", size, data, stride, w, h)?,
        }
        Ok(Self {
            planes,
            size,
            captured_at,
            pts,
        })
    }

    /// The pixels.
    #[must_use]
    pub fn planes(&self) -> Planes<'a> {
        self.planes
    }

    /// Size in pixels.
    #[must_use]
    pub fn size(&self) -> FrameSize {
        self.size
    }

    /// Copies the pixels inside `rect` (limited to the frame, widened to even pixels) as they are.
    #[must_use]
    pub fn copy_rect(&self, rect: PxRect) -> Picture {
        let (w, h) = (self.size.width() as usize, self.size.height() as usize);
        let r = rect.clipped(self.size);
        // Even corners keep chroma samples on their pixels.
        let x0 = (r.x.max(0.0) as usize).min(w - 1) & !1;
        let y0 = (r.y.max(0.0) as usize).min(h - 1) & !1;
        let x1 = (r.right().ceil() as usize).clamp(x0 + 1, w);
        let y1 = (r.bottom().ceil() as usize).clamp(y0 + 1, h);
        let x1 = if x1 % 2 == 1 && x1 < w { x1 + 1 } else { x1 };
        let y1 = if y1 % 2 == 1 && y1 < h { y1 + 1 } else { y1 };
        let (cw, ch) = (x1 - x0, y1 - y0);
        let (uw, uh) = (cw.div_ceil(2), ch.div_ceil(2));
        let mut data = Vec::new();
        let mut rows = |plane: &[u8], stride: usize, x: usize, y: usize, bytes: usize, n: usize| {
            for row in plane.chunks(stride).skip(y).take(n) {
                data.extend_from_slice(&row[x..x + bytes]);
            }
        };
        let format = match self.planes {
            Planes::I420 {
                y,
                y_stride,
                u,
                v,
                uv_stride,
            } => {
                rows(y, y_stride, x0, y0, cw, ch);
                rows(u, uv_stride, x0 / 2, y0 / 2, uw, uh);
                rows(v, uv_stride, x0 / 2, y0 / 2, uw, uh);
                PixelFormat::I420
            }
            Planes::Nv12 {
                y,
                y_stride,
                uv,
                uv_stride,
            } => {
                rows(y, y_stride, x0, y0, cw, ch);
                rows(uv, uv_stride, x0, y0 / 2, 2 * uw, uh);
                PixelFormat::Nv12
            }
            Planes::Rgb { data: rgb, stride } => {
                rows(rgb, stride, 3 * x0, y0, 3 * cw, ch);
                PixelFormat::Rgb
            }
            Planes::Grey { data: grey, stride } => {
                rows(grey, stride, x0, y0, cw, ch);
                PixelFormat::Grey
            }
        };
        // Sides are within the frame's, which are valid; the fallback is never taken.
        let size = FrameSize::new(cw as u32, ch as u32).unwrap_or(self.size);
        Picture::from_parts(size, format, data)
    }

    /// Copies the whole frame.
    #[must_use]
    pub fn to_picture(&self) -> Picture {
        self.copy_rect(self.size.rect())
    }

    /// Luma of the pixels inside `rect`; computed from red, green and blue where there is no luma plane.
    #[must_use]
    pub fn luma(&self, rect: PxRect) -> GreyImage {
        self.copy_rect(rect).to_grey()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(w: u32, h: u32) -> FrameSize {
        FrameSize::new(w, h).unwrap()
    }

    fn view(planes: Planes<'_>, w: u32, h: u32) -> Result<FrameView<'_>, Error> {
        FrameView::new(planes, size(w, h), UtcTime::EPOCH, MediaTime::default())
    }

    #[test]
    fn short_planes_are_refused_by_name() {
        let (y, c) = ([0u8; 64], [0u8; 16]);
        assert!(
            view(
                Planes::I420 {
                    y: &y,
                    y_stride: 8,
                    u: &c,
                    v: &c,
                    uv_stride: 4
                },
                8,
                8
            )
            .is_ok()
        );
        let e = view(
            Planes::I420 {
                y: &y,
                y_stride: 8,
                u: &c,
                v: &c[..15],
                uv_stride: 4,
            },
            8,
            8,
        )
        .unwrap_err();
        assert!(e.to_string().contains("plane v of a 8x8"), "{e}");
        assert!(
            view(
                Planes::Nv12 {
                    y: &y,
                    y_stride: 7,
                    uv: &y,
                    uv_stride: 8
                },
                8,
                8
            )
            .is_err(),
            "stride below row"
        );
        assert!(
            view(
                Planes::Rgb {
                    data: &y,
                    stride: usize::MAX
                },
                4,
                4
            )
            .is_err(),
            "no overflow"
        );
        // The last row may end before its stride.
        assert!(
            view(
                Planes::Grey {
                    data: &y[..62],
                    stride: 8
                },
                6,
                8
            )
            .is_ok()
        );
    }

    #[test]
    fn copies_keep_chroma_with_its_pixels() {
        let y: Vec<u8> = (0..64).collect();
        let u: Vec<u8> = (100..116).collect();
        let v: Vec<u8> = (150..166).collect();
        let f = view(
            Planes::I420 {
                y: &y,
                y_stride: 8,
                u: &u,
                v: &v,
                uv_stride: 4,
            },
            8,
            8,
        )
        .unwrap();
        let p = f.copy_rect(PxRect::new(3.0, 5.0, 2.5, 1.0));
        assert_eq!(p.size(), size(4, 2));
        assert_eq!(
            p.data(),
            [34, 35, 36, 37, 42, 43, 44, 45, 109, 110, 159, 160]
        );
        assert_eq!(f.to_picture().data().len(), 96);
        assert_eq!(
            f.copy_rect(PxRect::new(-50.0, 900.0, 1.0, 1.0)).size(),
            size(2, 2),
            "outside: still a picture"
        );
    }

    #[test]
    fn odd_sizes_round_chroma_up() {
        let (y, uv) = ([7u8; 15], [9u8; 12]);
        let f = view(
            Planes::Nv12 {
                y: &y,
                y_stride: 5,
                uv: &uv,
                uv_stride: 6,
            },
            5,
            3,
        )
        .unwrap();
        assert_eq!(f.to_picture().data().len(), 15 + 12);
    }
}
