//! How bright areas of the picture are, and what exposure should do about it.
//!
//! Pure and cheap: a few thousand samples of a frame, a few times a second. Light is 0 (black) to 1 (white) in the
//! picture's own gamma; corrections are in stops (EV), each of which doubles or halves the light.

mod exposure;
mod twilight;
mod white;

pub use exposure::{ExposureLoop, MAX_EV, Metered};
pub use twilight::Twilight;
pub use white::{WhiteBalance, WhiteGains};

use crate::frame::{FrameView, Planes};
use crate::geometry::NormRect;

/// Samples of an area each way.
const SAMPLES: usize = 32;
/// Samples of the whole picture each way.
const COLUMNS: usize = 64;
const ROWS: usize = 36;

/// Light of some part of a picture.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Light {
    /// Mean of all samples.
    pub mean: f32,
    /// A quarter of the samples is darker.
    pub shadow: f32,
    /// A tenth of the samples is brighter.
    pub glare: f32,
}

impl Light {
    /// Light of samples of luma in video range.
    fn of(samples: &mut [u8]) -> Self {
        if samples.is_empty() {
            return Self::default();
        }
        samples.sort_unstable();
        let light = |n: f32| ((n - 16.0) / 219.0).clamp(0.0, 1.0);
        let at = |part: usize| light(f32::from(samples[(samples.len() - 1) * part / 100]));
        let sum: u64 = samples.iter().map(|n| u64::from(*n)).sum();
        Self {
            mean: light(sum as f32 / samples.len() as f32),
            shadow: at(25),
            glare: at(90),
        }
    }

    /// Light of areas of a frame taken together, each with the same weight; of the whole frame without any.
    #[must_use]
    pub fn measure(frame: &FrameView<'_>, areas: &[NormRect]) -> Self {
        let mut samples = Vec::with_capacity(if areas.is_empty() {
            COLUMNS * ROWS
        } else {
            SAMPLES * SAMPLES * areas.len()
        });
        if areas.is_empty() {
            sample(frame, &NormRect::FULL, (COLUMNS, ROWS), &mut samples);
        }
        for area in areas {
            sample(frame, area, (SAMPLES, SAMPLES), &mut samples);
        }
        Self::of(&mut samples)
    }
}

/// Luma of an even grid of points of an area; of RGB green stands for it.
fn sample(frame: &FrameView<'_>, area: &NormRect, grid: (usize, usize), into: &mut Vec<u8>) {
    let (data, stride, pixel, offset) = match frame.planes() {
        Planes::I420 { y, y_stride, .. } | Planes::Nv12 { y, y_stride, .. } => (y, y_stride, 1, 0),
        Planes::Rgb { data, stride } => (data, stride, 3, 1),
        Planes::Grey { data, stride } => (data, stride, 1, 0),
    };
    let (w, h) = (
        frame.size().width() as usize,
        frame.size().height() as usize,
    );
    // `as` saturates below 0; the far end is cut.
    let column = |part: f32| {
        let x = area.left + (area.right - area.left) * part;
        (((x + 1.0) / 2.0 * w as f32) as usize).min(w - 1)
    };
    let row = |part: f32| {
        let y = area.top + (area.bottom - area.top) * part;
        (((1.0 - y) / 2.0 * h as f32) as usize).min(h - 1)
    };
    let middle = |n: usize, of: usize| (n as f32 + 0.5) / of as f32;
    for r in 0..grid.1 {
        let start = row(middle(r, grid.1)) * stride + offset;
        let points = (0..grid.0).map(|c| start + column(middle(c, grid.0)) * pixel);
        into.extend(points.filter_map(|at| data.get(at)));
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::geometry::FrameSize;
    use crate::time::{MediaTime, UtcTime};

    pub(crate) const W: usize = 320;
    pub(crate) const H: usize = 180;

    /// A drawn frame: luma by column and row, one chroma for all of it.
    pub(crate) fn drawn(luma: impl Fn(usize, usize) -> u8, u: u8, v: u8) -> Vec<u8> {
        let mut data: Vec<u8> = (0..W * H).map(|i| luma(i % W, i / W)).collect();
        data.extend(std::iter::repeat_n(u, W * H / 4));
        data.extend(std::iter::repeat_n(v, W * H / 4));
        data
    }

    pub(crate) fn view(data: &[u8]) -> FrameView<'_> {
        let planes = Planes::I420 {
            y: &data[..W * H],
            y_stride: W,
            u: &data[W * H..W * H * 5 / 4],
            v: &data[W * H * 5 / 4..],
            uv_stride: W / 2,
        };
        let size = FrameSize::new(W as u32, H as u32).unwrap();
        FrameView::new(planes, size, UtcTime::from_millis(0), MediaTime::default()).unwrap()
    }

    pub(crate) const fn area(left: f32, top: f32, right: f32, bottom: f32) -> NormRect {
        NormRect {
            left,
            top,
            right,
            bottom,
        }
    }

    /// METER-4, METER-5: an area is measured alone, all of them together, and the whole picture without any.
    #[test]
    fn light_is_that_of_the_areas() {
        // White left quarter, black elsewhere.
        let data = drawn(|x, _| if x < W / 4 { 235 } else { 16 }, 128, 128);
        let frame = view(&data);
        let white = area(-1.0, 1.0, -0.5, -1.0);
        let black = area(0.0, 0.5, 0.5, -0.5);
        let whole = Light::measure(&frame, &[]);
        assert!((whole.mean - 0.25).abs() < 0.01, "{whole:?}");
        assert_eq!((whole.shadow, whole.glare), (0.0, 1.0));
        let lit = Light::measure(&frame, &[white]);
        assert_eq!((lit.mean, lit.shadow, lit.glare), (1.0, 1.0, 1.0));
        assert_eq!(Light::measure(&frame, &[black]).mean, 0.0);
        let both = Light::measure(&frame, &[white, black]);
        assert!((both.mean - 0.5).abs() < 0.01, "{both:?}");
    }

    proptest::proptest! {
        #[test]
        fn any_area_is_measured(a in -2f32..2.0, b in -2f32..2.0, c in -2f32..2.0, d in -2f32..2.0) {
            let data = drawn(|x, y| (x ^ y) as u8, 128, 128);
            let light = Light::measure(&view(&data), &[area(a, b, c, d)]);
            proptest::prop_assert!((0.0..=1.0).contains(&light.mean));
        }
    }
}
