//! The surroundings of a plate as the net's input; `look` of `training/vehicle_types.py` is the same.

use super::{LEAST_SEEN, LEAST_WIDTH};
use crate::frame::{FrameView, Planes};
use crate::geometry::PxRect;

/// Cells across and down.
pub(super) const WIDTH: usize = 72;
pub(super) const HEIGHT: usize = 56;
/// Points that are looked at along each side of a cell.
const TAPS: usize = 3;
/// Side of a cell in plate widths.
const CELL: f32 = 0.1;
/// How far below the plate's middle the input ends, in plate widths.
const BELOW: f32 = 1.4;
/// Plates of two lines are narrower than their vehicle lets expect: least width by height.
const LEAST_ASPECT: f32 = 2.2;
/// Added to the spread of shades, so that noise is not blown up.
const QUIET: f32 = 8.0;

/// Cell by cell its shade against the others, and 1 where it is in the picture (else both are 0). `None` where too little is to be seen.
pub(super) fn around(frame: &FrameView<'_>, plate: &PxRect) -> Option<Vec<f32>> {
    let unit = plate.width.max(LEAST_ASPECT * plate.height);
    if !(unit >= LEAST_WIDTH && unit.is_finite()) {
        return None;
    }
    let middle = plate.center();
    let (w, h) = (frame.size().width(), frame.size().height());
    let columns = taps(WIDTH, middle.x, WIDTH as f32 / 2.0, unit, w);
    let rows = taps(HEIGHT, middle.y + BELOW * unit, HEIGHT as f32, unit, h);
    let shade = shades(frame);
    let mut cells = vec![(0.0f32, 0.0f32); WIDTH * HEIGHT];
    for (j, y) in rows.iter().enumerate() {
        let Some(y) = *y else { continue };
        for (i, x) in columns.iter().enumerate() {
            if let Some(x) = *x {
                let (sum, n) = &mut cells[j / TAPS * WIDTH + i / TAPS];
                *sum += f32::from(shade(x, y));
                *n += 1.0;
            }
        }
    }
    let seen = cells.iter().filter(|c| c.1 > 0.0).count() as f32;
    if seen < LEAST_SEEN * (WIDTH * HEIGHT) as f32 {
        return None;
    }
    for (sum, n) in &mut cells {
        *sum /= n.max(1.0);
    }
    let inside = || cells.iter().filter(|c| c.1 > 0.0).map(|c| c.0);
    let mean = inside().sum::<f32>() / seen;
    let spread = (inside().map(|g| (g - mean).powi(2)).sum::<f32>() / seen).sqrt();
    let both = |&(shade, n): &(f32, f32)| match n > 0.0 {
        true => [(shade - mean) / (spread + QUIET), 1.0],
        false => [0.0, 0.0],
    };
    Some(cells.iter().flat_map(both).collect())
}

/// The pixel of each point along one side, `None` outside the picture's `length`; point `zero` cells in lies at `origin`.
fn taps(cells: usize, origin: f32, zero: f32, unit: f32, length: u32) -> Vec<Option<usize>> {
    let at = |i: usize| origin + ((i as f32 + 0.5) / TAPS as f32 - zero) * (CELL * unit);
    (0..cells * TAPS)
        .map(at)
        .map(|p| (p >= 0.0 && p < length as f32).then_some(p as usize))
        .collect()
}

/// How bright a pixel is.
fn shades<'a>(frame: &FrameView<'a>) -> impl Fn(usize, usize) -> u8 + use<'a> {
    let planes = frame.planes();
    move |x, y| match planes {
        Planes::I420 {
            y: luma, y_stride, ..
        }
        | Planes::Nv12 {
            y: luma, y_stride, ..
        } => luma[y * y_stride + x],
        Planes::Grey { data, stride } => data[y * stride + x],
        Planes::Rgb { data, stride } => {
            let p = &data[y * stride + 3 * x..][..3];
            let [r, g, b] = [p[0], p[1], p[2]].map(u32::from);
            ((77 * r + 150 * g + 29 * b) >> 8) as u8
        }
    }
}
