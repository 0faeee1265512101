//! Rectifies a plate: the reader's 128x64 grey crop from four corners in a frame.
//!
//! The rule is that of `models/README.md`, section 2: twice the size, bilinear, then 2x2 averages.

use crate::frame::{FrameView, Planes};
use crate::geometry::{FrameSize, PxPoint, PxQuad, PxRect};
use crate::picture::GreyImage;

/// Margin left and right of the plate, in plate widths.
const MARGIN_X: f32 = 0.05;
/// Margin above and below the plate, in plate heights.
const MARGIN_Y: f32 = 0.10;
/// Samples taken for each pixel of the crop, each way.
const OVER: u32 = 2;
/// Plates wider than this many source pixels for a sample are first shrunk by whole factors.
const MAX_STEP: f32 = 2.0;

/// A projective map of the unit square to a quadrilateral: `x = (a u + b v + c) / (g u + h v + 1)`.
#[derive(Clone, Copy, Debug)]
struct Projection {
    a: f32,
    b: f32,
    c: f32,
    d: f32,
    e: f32,
    f: f32,
    g: f32,
    h: f32,
}

impl Projection {
    /// (0,0), (1,0), (1,1), (0,1) go to the corners in order (Heckbert 1989, square to quadrilateral).
    fn new(q: &PxQuad) -> Self {
        let [p0, p1, p2, p3] = q.corners;
        let (sx, sy) = (p0.x - p1.x + p2.x - p3.x, p0.y - p1.y + p2.y - p3.y);
        let (dx1, dy1) = (p1.x - p2.x, p1.y - p2.y);
        let (dx2, dy2) = (p3.x - p2.x, p3.y - p2.y);
        let det = dx1 * dy2 - dx2 * dy1;
        let (g, h) = if det.abs() < 1e-6 {
            (0.0, 0.0)
        } else {
            ((sx * dy2 - dx2 * sy) / det, (dx1 * sy - sx * dy1) / det)
        };
        Self {
            a: p1.x - p0.x + g * p1.x,
            b: p3.x - p0.x + h * p3.x,
            c: p0.x,
            d: p1.y - p0.y + g * p1.y,
            e: p3.y - p0.y + h * p3.y,
            f: p0.y,
            g,
            h,
        }
    }

    fn at(&self, u: f32, v: f32) -> PxPoint {
        let w = self.g * u + self.h * v + 1.0;
        // The horizon of a sane plate is far outside the crop; never divide by nothing all the same.
        let w = if w.abs() < 1e-3 { 1e-3 } else { w };
        PxPoint::new(
            (self.a * u + self.b * v + self.c) / w,
            (self.d * u + self.e * v + self.f) / w,
        )
    }
}

/// Area of a quadrilateral in square pixels, positive when it turns clockwise on the screen.
fn area(q: &PxQuad) -> f32 {
    let p = q.corners;
    (0..4)
        .map(|i| p[i].x * p[(i + 1) % 4].y - p[(i + 1) % 4].x * p[i].y)
        .sum::<f32>()
        / 2.0
}

/// The corners to warp by: those of `quad`, or those of `rect` when the quadrilateral is folded or
/// covers less than half of the box.
#[must_use]
pub fn usable_quad(quad: &PxQuad, rect: &PxRect) -> PxQuad {
    let finite = quad
        .corners
        .iter()
        .all(|p| p.x.is_finite() && p.y.is_finite());
    if finite && quad.is_convex() && area(quad) >= 0.5 * rect.area() {
        *quad
    } else {
        PxQuad::from(*rect)
    }
}

/// Cuts the plate with corners `quad` out of `frame`, rectified to `size`; pixels beyond the frame
/// repeat its edge.
#[must_use]
pub fn rectify(frame: &FrameView<'_>, quad: &PxQuad, size: FrameSize) -> GreyImage {
    let around = quad
        .grown(2.0 * MARGIN_X, 2.0 * MARGIN_Y)
        .bounds()
        .clipped(frame.size());
    let x0 = around.x.floor().max(0.0);
    let y0 = around.y.floor().max(0.0);
    // An even origin, as `FrameView::copy_rect` takes it.
    let origin = PxPoint::new((x0 as u32 & !1) as f32, (y0 as u32 & !1) as f32);
    let mut source = frame.luma(around);
    if matches!(frame.planes(), Planes::I420 { .. } | Planes::Nv12 { .. }) {
        to_full_range(&mut source);
    }
    let mut corners = quad.moved(-origin.x, -origin.y);
    while corners.width() / (OVER * size.width()) as f32 > MAX_STEP
        && source.size().height() > 1
        && source.size().width() > 1
    {
        source = halved(&source);
        corners = PxQuad::new(corners.corners.map(|p| PxPoint::new(p.x / 2.0, p.y / 2.0)));
    }
    warp(&source, &corners, size)
}

/// Samples `source` under `corners` (pixels of `source`) into a crop of `size`.
fn warp(source: &GreyImage, corners: &PxQuad, size: FrameSize) -> GreyImage {
    let map = Projection::new(corners);
    let (w, h) = (
        (size.width() * OVER) as usize,
        (size.height() * OVER) as usize,
    );
    let mut out = GreyImage::filled(size, 0);
    let mut sums = vec![0.0f32; size.width() as usize];
    for (row, line) in out
        .data_mut()
        .chunks_exact_mut(size.width() as usize)
        .enumerate()
    {
        sums.fill(0.0);
        for sub in 0..OVER as usize {
            let v = ((row * OVER as usize + sub) as f32 + 0.5) / h as f32;
            let v = v * (1.0 + 2.0 * MARGIN_Y) - MARGIN_Y;
            for x in 0..w {
                let u = (x as f32 + 0.5) / w as f32;
                let p = map.at(u * (1.0 + 2.0 * MARGIN_X) - MARGIN_X, v);
                sums[x / OVER as usize] += bilinear(source, p);
            }
        }
        for (o, s) in line.iter_mut().zip(&sums) {
            *o = (s / (OVER * OVER) as f32 + 0.5) as u8;
        }
    }
    out
}

/// The value at `p`, pixel centres at integer + 0.5; beyond the border the border's.
#[inline]
fn bilinear(source: &GreyImage, p: PxPoint) -> f32 {
    let (w, h) = (
        source.size().width() as usize,
        source.size().height() as usize,
    );
    let x = (p.x - 0.5).clamp(0.0, (w - 1) as f32);
    let y = (p.y - 0.5).clamp(0.0, (h - 1) as f32);
    let (xi, yi) = (x as usize, y as usize);
    let (fx, fy) = (x - xi as f32, y - yi as f32);
    let (xj, yj) = ((xi + 1).min(w - 1), (yi + 1).min(h - 1));
    let d = source.data();
    let at = |x: usize, y: usize| f32::from(d[y * w + x]);
    let top = at(xi, yi) + (at(xj, yi) - at(xi, yi)) * fx;
    let low = at(xi, yj) + (at(xj, yj) - at(xi, yj)) * fx;
    top + (low - top) * fy
}

/// Spreads limited-range luma, 16..=235, over 0..=255.
fn to_full_range(image: &mut GreyImage) {
    let table: [u8; 256] =
        std::array::from_fn(|y| (((y as i32 - 16) * 255 + 109) / 219).clamp(0, 255) as u8);
    for p in image.data_mut() {
        *p = table[usize::from(*p)];
    }
}

/// Half the size, 2x2 averages; an odd last row or column is dropped.
fn halved(image: &GreyImage) -> GreyImage {
    let w = image.size().width() as usize;
    let (ow, oh) = (w / 2, image.size().height() as usize / 2);
    // Callers made sure that both sides are above 1.
    let size = FrameSize::new(ow as u32, oh as u32).unwrap_or(image.size());
    let mut out = GreyImage::filled(size, 0);
    for (y, line) in out.data_mut().chunks_exact_mut(ow).enumerate() {
        let (a, b) = (&image.data()[2 * y * w..], &image.data()[(2 * y + 1) * w..]);
        for (x, o) in line.iter_mut().enumerate() {
            let sum = [a[2 * x], a[2 * x + 1], b[2 * x], b[2 * x + 1]]
                .map(u16::from)
                .iter()
                .sum::<u16>();
            *o = ((sum + 2) / 4) as u8;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::{Picture, PixelFormat};
    use crate::time::UtcTime;
    use proptest::prelude::*;

    const CROP: (u32, u32) = (128, 64);

    fn crop_size() -> FrameSize {
        FrameSize::new(CROP.0, CROP.1).unwrap()
    }

    fn grey(w: u32, h: u32, f: impl Fn(u32, u32) -> u8) -> Picture {
        let data = (0..h)
            .flat_map(|y| (0..w).map(move |x| (x, y)))
            .map(|(x, y)| f(x, y))
            .collect();
        Picture::new(FrameSize::new(w, h).unwrap(), PixelFormat::Grey, data).unwrap()
    }

    #[test]
    fn corners_map_to_corners() {
        let q = PxQuad::new(
            [(3., 5.), (90., 12.), (95., 60.), (7., 40.)].map(|(x, y)| PxPoint::new(x, y)),
        );
        let m = Projection::new(&q);
        for (i, (u, v)) in [(0., 0.), (1., 0.), (1., 1.), (0., 1.)]
            .into_iter()
            .enumerate()
        {
            assert!(m.at(u, v).distance(q.corners[i]) < 1e-3, "corner {i}");
        }
    }

    #[test]
    fn an_upright_plate_is_cut_with_its_margin() {
        // Left half dark, right half light: the edge must come out in the middle, the margin outside.
        let p = grey(400, 200, |x, _| if x < 200 { 10 } else { 240 });
        let q = PxQuad::from(PxRect::new(100.0, 50.0, 200.0, 100.0));
        let c = rectify(&p.view(UtcTime::EPOCH).unwrap(), &q, crop_size());
        let row = &c.data()[32 * 128..33 * 128];
        assert!(
            row[..63].iter().all(|v| *v == 10) && row[65..].iter().all(|v| *v == 240),
            "{row:?}"
        );
    }

    #[test]
    fn a_turned_plate_comes_out_straight() {
        // A bright bar along the plate's base line, drawn in a picture turned by 20 degrees.
        let (s, c) = 20f32.to_radians().sin_cos();
        let turn = |x: f32, y: f32| PxPoint::new(150.0 + x * c - y * s, 120.0 + x * s + y * c);
        let p = grey(300, 240, |x, y| {
            let (dx, dy) = (x as f32 + 0.5 - 150.0, y as f32 + 0.5 - 120.0);
            if (-dx * s + dy * c).abs() < 8.0 {
                250
            } else {
                20
            }
        });
        let q = PxQuad::new([
            turn(-80., -40.),
            turn(80., -40.),
            turn(80., 40.),
            turn(-80., 40.),
        ]);
        let crop = rectify(&p.view(UtcTime::EPOCH).unwrap(), &q, crop_size());
        for x in [4, 64, 123] {
            let at = |y: usize| crop.data()[y * 128 + x];
            assert!(
                at(32) > 230 && at(12) < 40 && at(52) < 40,
                "column {x}: {} {} {}",
                at(32),
                at(12),
                at(52)
            );
        }
    }

    #[test]
    fn limited_range_luma_is_spread() {
        let size = FrameSize::new(64, 64).unwrap();
        let mut data = vec![16; 32 * 64];
        data.extend(vec![235; 32 * 64]);
        data.extend(vec![128; 2 * 32 * 32]);
        let p = Picture::new(size, PixelFormat::I420, data).unwrap();
        let q = PxQuad::from(PxRect::new(8.0, 16.0, 48.0, 32.0));
        let c = rectify(&p.view(UtcTime::EPOCH).unwrap(), &q, crop_size());
        assert_eq!((c.data()[10 * 128], c.data()[54 * 128]), (0, 255));
    }

    #[test]
    fn folded_or_thin_corners_give_way_to_the_box() {
        let r = PxRect::new(10.0, 10.0, 40.0, 20.0);
        let good = PxQuad::from(r);
        assert_eq!(usable_quad(&good, &r), good);
        let [a, b, c, d] = good.corners;
        for bad in [
            PxQuad::new([a, c, b, d]),
            PxQuad::new([
                a,
                b,
                PxPoint::new(b.x, b.y + 2.0),
                PxPoint::new(a.x, a.y + 2.0),
            ]),
            PxQuad::new([PxPoint::new(f32::NAN, 0.0), b, c, d]),
        ] {
            assert_eq!(usable_quad(&bad, &r), good);
        }
    }

    proptest! {
        /// Whatever corners a net invents, a crop comes back.
        #[test]
        fn any_corners_give_a_crop(c in prop::array::uniform8(-5000f32..5000.), w in 1u32..90, h in 1u32..90) {
            let p = grey(w, h, |x, y| (x * 7 + y * 3) as u8);
            let q = PxQuad::new([(c[0], c[1]), (c[2], c[3]), (c[4], c[5]), (c[6], c[7])].map(|(x, y)| PxPoint::new(x, y)));
            let crop = rectify(&p.view(UtcTime::EPOCH).unwrap(), &usable_quad(&q, &q.bounds()), crop_size());
            prop_assert_eq!(crop.size(), crop_size());
        }
    }
}
