//! A frame as a few thousand samples of luma.

use crate::frame::{FrameView, Planes};
use crate::geometry::PxRect;

/// Columns of the grid.
pub const COLUMNS: usize = 64;
/// Rows of the grid.
pub const ROWS: usize = 36;
/// Cells of the grid.
pub const CELLS: usize = COLUMNS * ROWS;
/// Samples of a cell each way.
const SAMPLES: usize = 4;
/// Differences up to this are noise.
const NOISE: i32 = 4;

/// What a frame's samples tell.
#[derive(Clone, Debug, PartialEq)]
pub struct Cells {
    /// Mean luma of each cell, rows from the top, 0 to 255.
    pub mean: [f32; CELLS],
    /// Mean squared difference of luma over a thousandth of the width.
    near: f32,
    /// The same over eight times as far.
    far: f32,
}

/// Where luma lies in a plane; of RGB green stands for it.
#[derive(Clone, Copy)]
struct Luma<'a> {
    data: &'a [u8],
    stride: usize,
    pixel: usize,
    offset: usize,
}

impl<'a> Luma<'a> {
    fn of(frame: &FrameView<'a>) -> Self {
        let (data, stride, pixel, offset) = match frame.planes() {
            Planes::I420 { y, y_stride, .. } | Planes::Nv12 { y, y_stride, .. } => {
                (y, y_stride, 1, 0)
            }
            Planes::Rgb { data, stride } => (data, stride, 3, 1),
            Planes::Grey { data, stride } => (data, stride, 1, 0),
        };
        Self {
            data,
            stride,
            pixel,
            offset,
        }
    }

    fn at(&self, x: usize, y: usize) -> i32 {
        let at = y * self.stride + x * self.pixel + self.offset;
        self.data.get(at).map_or(0, |v| i32::from(*v))
    }
}

impl Cells {
    /// Samples a frame.
    #[must_use]
    pub fn of(frame: &FrameView<'_>) -> Self {
        let luma = Luma::of(frame);
        let (w, h) = (
            frame.size().width() as usize,
            frame.size().height() as usize,
        );
        let step = (w / 960).max(1);
        let mut sums = [0i32; CELLS];
        let (mut near, mut far, mut pairs) = (0u64, 0u64, 0u64);
        for row in 0..ROWS * SAMPLES {
            let y = (2 * row + 1) * h / (2 * ROWS * SAMPLES);
            for column in 0..COLUMNS * SAMPLES {
                let x = (2 * column + 1) * w / (2 * COLUMNS * SAMPLES);
                let here = luma.at(x, y);
                sums[row / SAMPLES * COLUMNS + column / SAMPLES] += here;
                if x + 8 * step < w {
                    near += squared(here - luma.at(x + step, y));
                    far += squared(here - luma.at(x + 8 * step, y));
                    pairs += 1;
                }
            }
        }
        let pairs = pairs.max(1) as f32;
        Self {
            mean: sums.map(|s| s as f32 / (SAMPLES * SAMPLES) as f32),
            near: near as f32 / pairs,
            far: far as f32 / pairs,
        }
    }

    /// Share of the cells whose mean passes.
    pub(super) fn share(&self, pass: impl Fn(f32) -> bool) -> f32 {
        self.mean.iter().filter(|c| pass(**c)).count() as f32 / CELLS as f32
    }

    /// How steep the edges are: 1 when luma changes as slowly as it can, about 4 with crisp edges, more with
    /// fine texture. `None` without edges.
    pub(super) fn softness(&self) -> Option<f32> {
        (self.far > 9.0).then(|| 64.0 * self.near / self.far)
    }
}

/// How much fine detail there is in a part of a frame: mean squared difference of luma over a thousandth of the frame's
/// width, without noise. A measure to compare frames of one scene by, as a search for the focus does (LPRCFG-11).
#[must_use]
pub fn sharpness(frame: &FrameView<'_>, part: PxRect) -> f32 {
    const GRID: usize = 256;
    let luma = Luma::of(frame);
    let (w, h) = (
        frame.size().width() as usize,
        frame.size().height() as usize,
    );
    let step = (w / 960).max(1);
    // Negative is 0.
    let edge = |at: f32, most: usize| (at.max(0.0) as usize).min(most);
    let (left, right) = (edge(part.x, w), edge(part.x + part.width, w));
    let (top, bottom) = (edge(part.y, h), edge(part.y + part.height, h));
    let right = right.min(w.saturating_sub(step));
    let (mut sum, mut pairs) = (0u64, 0u64);
    for y in (top..bottom).step_by((bottom.saturating_sub(top) / GRID).max(1)) {
        for x in (left..right).step_by((right.saturating_sub(left) / GRID).max(1)) {
            sum += squared(luma.at(x, y) - luma.at(x + step, y));
            pairs += 1;
        }
    }
    sum as f32 / pairs.max(1) as f32
}

/// The square of what of a difference is no noise.
fn squared(difference: i32) -> u64 {
    let d = (difference.abs() - NOISE).max(0).unsigned_abs();
    u64::from(d * d)
}
