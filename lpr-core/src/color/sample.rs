//! Pixels that colours are judged by.

use crate::frame::{FrameView, Planes};
use crate::geometry::{PxPoint, PxQuad};

/// Red, green and blue, full range.
pub type Rgb = [u8; 3];

/// Pixels of a plate and around it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Samples {
    /// The plate without its edge.
    pub plate: Vec<Rgb>,
    /// Above the plate: bonnet or boot; what lies outside the frame is left out.
    pub above: Vec<Rgb>,
    /// Left and right of the plate: bumper or doors of the boot; what lies outside the frame is left out.
    pub beside: Vec<Rgb>,
    /// The whole frame: its light.
    pub frame: Vec<Rgb>,
}

/// Columns and rows of samples on the plate.
const PLATE: (usize, usize) = (32, 10);
/// Columns and rows of samples above it.
const ABOVE: (usize, usize) = (22, 12);
/// Columns and rows of samples on each side of it.
const BESIDE: (usize, usize) = (8, 6);
/// Columns and rows of samples of the whole frame.
const FRAME: (usize, usize) = (32, 18);

impl Samples {
    /// The samples for a plate with corners `quad`.
    #[must_use]
    pub fn of(frame: &FrameView<'_>, quad: &PxQuad) -> Self {
        let (w, h) = (frame.size().width() as f32, frame.size().height() as f32);
        let plate = grid(PLATE, (0.05, 0.95), (0.12, 0.88)).map(|(u, v)| {
            let [a, b, c, d] = quad.corners;
            let mix = |p: PxPoint, q: PxPoint, t: f32| {
                PxPoint::new(p.x + (q.x - p.x) * t, p.y + (q.y - p.y) * t)
            };
            mix(mix(a, b, u), mix(d, c, u), v)
        });
        let bounds = quad.bounds();
        let (middle, side) = (bounds.center(), quad.width());
        let place = |(x, y): (f32, f32)| PxPoint::new(middle.x + x * side, bounds.y + y * side);
        let above = grid(ABOVE, (-1.1, 1.1), (-1.3, -0.1)).map(place);
        let low = bounds.height / side.max(1.0);
        let left = grid(BESIDE, (-1.5, -0.65), (-0.1, low)).map(place);
        let right = grid(BESIDE, (0.65, 1.5), (-0.1, low)).map(place);
        let all = grid(FRAME, (0.0, w), (0.0, h)).map(|(x, y)| PxPoint::new(x, y));
        let look = |points: &mut dyn Iterator<Item = PxPoint>| {
            points.filter_map(|p| pixel(frame, p)).collect::<Vec<_>>()
        };
        Self {
            plate: look(&mut plate.into_iter()),
            above: look(&mut above.into_iter()),
            beside: look(&mut left.into_iter().chain(right)),
            frame: look(&mut all.into_iter()),
        }
    }
}

/// The middles of `columns` x `rows` cells of a rectangle.
fn grid(
    (columns, rows): (usize, usize),
    x: (f32, f32),
    y: (f32, f32),
) -> impl Iterator<Item = (f32, f32)> {
    let at = |(from, to): (f32, f32), i: usize, n: usize| {
        from + (to - from) * (i as f32 + 0.5) / n as f32
    };
    (0..rows).flat_map(move |j| (0..columns).map(move |i| (at(x, i, columns), at(y, j, rows))))
}

/// The pixel that holds `p`; `None` outside the frame.
pub(crate) fn pixel(frame: &FrameView<'_>, p: PxPoint) -> Option<Rgb> {
    let (w, h) = (frame.size().width() as f32, frame.size().height() as f32);
    if !(p.x >= 0.0 && p.y >= 0.0 && p.x < w && p.y < h) {
        return None;
    }
    let (x, y) = (p.x as usize, p.y as usize);
    Some(match frame.planes() {
        Planes::Rgb { data, stride } => {
            let at = y * stride + 3 * x;
            [data[at], data[at + 1], data[at + 2]]
        }
        Planes::Grey { data, stride } => [data[y * stride + x]; 3],
        Planes::I420 {
            y: luma,
            y_stride,
            u,
            v,
            uv_stride,
        } => {
            let c = y / 2 * uv_stride + x / 2;
            rgb_of(luma[y * y_stride + x], u[c], v[c])
        }
        Planes::Nv12 {
            y: luma,
            y_stride,
            uv,
            uv_stride,
        } => {
            let c = y / 2 * uv_stride + x / 2 * 2;
            rgb_of(luma[y * y_stride + x], uv[c], uv[c + 1])
        }
    })
}

/// BT.709, limited range.
fn rgb_of(y: u8, u: u8, v: u8) -> Rgb {
    let y = 1.164 * (f32::from(y) - 16.0);
    let (u, v) = (f32::from(u) - 128.0, f32::from(v) - 128.0);
    [y + 1.793 * v, y - 0.213 * u - 0.533 * v, y + 2.112 * u]
        .map(|c| c.round().clamp(0.0, 255.0) as u8)
}
