//! Notices when a picture has nothing to do with the one before: a source that was switched, looped or cut.

use crate::frame::{FrameView, Planes};
use crate::geometry::FrameSize;

/// Columns and rows of the small picture that is compared.
const GRID: (usize, usize) = (32, 18);
/// Mean difference of grey values above which the scene is another.
const CUT: u32 = 24;
/// Share of cells, in per cent, that must have changed clearly: one lorry in front of the lens is no cut.
const CHANGED_PERCENT: usize = 65;

/// Remembers a small picture of the last frame.
#[derive(Default)]
pub(crate) struct CutFinder {
    last: Vec<u8>,
    size: Option<FrameSize>,
}

impl CutFinder {
    /// Whether `frame` begins another scene than the frame before; the first frame does not.
    pub(crate) fn is_cut(&mut self, frame: &FrameView<'_>) -> bool {
        let now = small(frame);
        let resized = self.size.is_some_and(|s| s != frame.size());
        let differs = !self.last.is_empty() && differs(&self.last, &now);
        self.last = now;
        self.size = Some(frame.size());
        resized || differs
    }

    /// Forgets the last frame.
    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }
}

/// Whether two small pictures show different scenes, whatever the exposure.
fn differs(a: &[u8], b: &[u8]) -> bool {
    let mean = |v: &[u8]| v.iter().map(|p| i32::from(*p)).sum::<i32>() / v.len().max(1) as i32;
    let shift = mean(b) - mean(a);
    let apart = a
        .iter()
        .zip(b)
        .map(|(x, y)| (i32::from(*y) - i32::from(*x) - shift).unsigned_abs());
    let sum: u32 = apart.clone().sum();
    let changed = apart.filter(|d| *d > CUT / 2).count();
    sum / a.len().max(1) as u32 > CUT && changed * 100 > CHANGED_PERCENT * a.len()
}

/// Mean luma (green for RGB) over a few samples of each cell.
fn small(frame: &FrameView<'_>) -> Vec<u8> {
    let (data, stride, step, offset) = match frame.planes() {
        Planes::I420 { y, y_stride, .. } | Planes::Nv12 { y, y_stride, .. } => (y, y_stride, 1, 0),
        Planes::Grey { data, stride } => (data, stride, 1, 0),
        Planes::Rgb { data, stride } => (data, stride, 3, 1),
    };
    let (w, h) = (
        frame.size().width() as usize,
        frame.size().height() as usize,
    );
    let mut out = Vec::with_capacity(GRID.0 * GRID.1);
    for gy in 0..GRID.1 {
        for gx in 0..GRID.0 {
            let mut sum = 0u32;
            for k in 0..16 {
                let (kx, ky) = (k % 4, k / 4);
                let x = ((gx * 8 + 2 * kx + 1) * w / (GRID.0 * 8)).min(w - 1);
                let y = ((gy * 8 + 2 * ky + 1) * h / (GRID.1 * 8)).min(h - 1);
                sum += u32::from(data[y * stride + x * step + offset]);
            }
            out.push((sum / 16) as u8);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::{Picture, PixelFormat};
    use crate::time::UtcTime;

    fn picture(w: u32, h: u32, f: impl Fn(u32, u32) -> u8) -> Picture {
        let data = (0..h)
            .flat_map(|y| (0..w).map(move |x| (x, y)))
            .map(|(x, y)| f(x, y))
            .collect();
        Picture::new(FrameSize::new(w, h).unwrap(), PixelFormat::Grey, data).unwrap()
    }

    #[test]
    fn cuts_and_what_is_none() {
        let base = |x: u32, y: u32| ((x / 40 + y / 30) % 2 * 120 + 40) as u8;
        let first = picture(640, 360, base);
        let rows = [
            (picture(640, 360, base), false, "the same"),
            (
                picture(640, 360, move |x, y| base(x, y) + 50),
                false,
                "brighter",
            ),
            (
                picture(640, 360, move |x, y| if x < 250 { 90 } else { base(x, y) }),
                false,
                "a lorry",
            ),
            (
                picture(640, 360, |x, y| ((x / 160 + y / 120) % 2 * 200) as u8),
                true,
                "another scene",
            ),
            (picture(320, 180, base), true, "another size"),
        ];
        for (next, cut, what) in rows {
            let mut f = CutFinder::default();
            assert!(!f.is_cut(&first.view(UtcTime::EPOCH).unwrap()));
            assert_eq!(f.is_cut(&next.view(UtcTime::EPOCH).unwrap()), cut, "{what}");
        }
    }

    #[test]
    fn tiny_pictures_do_not_panic() {
        let p = picture(1, 1, |_, _| 9);
        assert!(!CutFinder::default().is_cut(&p.view(UtcTime::EPOCH).unwrap()));
    }
}
