//! Separable resizing of one 8-bit plane to `f32`: area average down, bilinear up.

/// Weights of one output sample: source samples `first..first + weights.len()`.
struct Taps {
    first: usize,
    start: usize,
    len: usize,
}

/// The taps of every output sample along one axis.
pub(crate) struct Axis {
    taps: Vec<Taps>,
    weights: Vec<f32>,
}

impl Axis {
    /// `out` samples over `len` source samples from `origin`, one output covering `step` of them;
    /// taps stay inside `origin..origin + len`. `len` and `out` are at least 1.
    pub(crate) fn new(origin: usize, len: usize, out: usize, step: f64) -> Self {
        let mut axis = Self {
            taps: Vec::with_capacity(out),
            weights: Vec::new(),
        };
        for i in 0..out {
            let start = axis.weights.len();
            let first = if step > 1.0 {
                axis.area(i, len, step)
            } else {
                axis.bilinear(i, len, step)
            };
            axis.taps.push(Taps {
                first: origin + first,
                start,
                len: axis.weights.len() - start,
            });
        }
        axis
    }

    /// Average over `[i * step, (i + 1) * step)`, with parts of samples at both ends.
    fn area(&mut self, i: usize, len: usize, step: f64) -> usize {
        let a = (i as f64 * step).min(len as f64 - 1e-3);
        let b = ((i + 1) as f64 * step).min(len as f64);
        let first = a as usize;
        let last = (b.ceil() as usize).clamp(first + 1, len);
        let at = self.weights.len();
        for k in first..last {
            let part = (b.min((k + 1) as f64) - a.max(k as f64)).max(0.0);
            self.weights.push(part as f32);
        }
        let sum: f32 = self.weights[at..].iter().sum();
        for w in &mut self.weights[at..] {
            *w /= sum;
        }
        first
    }

    /// Between the two samples nearest the middle of output `i`; the ends are repeated.
    fn bilinear(&mut self, i: usize, len: usize, step: f64) -> usize {
        let at = ((i as f64 + 0.5) * step - 0.5).clamp(0.0, (len - 1) as f64);
        let first = (at as usize).min(len - 1);
        let part = (at - first as f64) as f32;
        if first + 1 < len {
            self.weights.extend([1.0 - part, part]);
        } else {
            self.weights.push(1.0);
        }
        first
    }

    /// Number of output samples.
    pub(crate) fn len(&self) -> usize {
        self.taps.len()
    }

    /// First source sample and weights of output `i`.
    fn of(&self, i: usize) -> (usize, &[f32]) {
        let t = &self.taps[i];
        (t.first, &self.weights[t.start..t.start + t.len])
    }
}

/// One row of `samples` interleaved channels, resized along both axes into planar `f32` rows.
///
/// `out[c]` gets row `row` of channel `c`: `across.len()` values. `acc` is scratch.
pub(crate) fn resize_row<const C: usize>(
    plane: &[u8],
    stride: usize,
    across: &Axis,
    down: &Axis,
    row: usize,
    acc: &mut Vec<f32>,
    out: [&mut [f32]; C],
) {
    let (y0, weights) = down.of(row);
    // Only the columns that some output uses are summed.
    let x0 = across.taps[0].first * C;
    let last = &across.taps[across.len() - 1];
    let x1 = (last.first + last.len) * C;
    acc.clear();
    acc.resize(x1 - x0, 0.0);
    for (k, w) in weights.iter().enumerate() {
        let at = (y0 + k) * stride;
        for (a, p) in acc.iter_mut().zip(&plane[at + x0..at + x1]) {
            *a += w * f32::from(*p);
        }
    }
    for (c, line) in out.into_iter().enumerate() {
        for (i, o) in line.iter_mut().enumerate() {
            let (first, weights) = across.of(i);
            let from = &acc[first * C - x0 + c..];
            *o = weights
                .iter()
                .zip(from.iter().step_by(C))
                .map(|(w, v)| w * v)
                .sum();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn resize(src: &[u8], w: usize, h: usize, ow: usize, oh: usize) -> Vec<f32> {
        let across = Axis::new(0, w, ow, w as f64 / ow as f64);
        let down = Axis::new(0, h, oh, h as f64 / oh as f64);
        let (mut acc, mut out) = (Vec::new(), vec![0.0; ow * oh]);
        for (y, line) in out.chunks_mut(ow).enumerate() {
            resize_row(src, w, &across, &down, y, &mut acc, [line]);
        }
        out
    }

    #[test]
    fn halving_averages_four_pixels() {
        let out = resize(&[0, 10, 20, 30, 40, 50, 60, 70], 4, 2, 2, 1);
        assert_eq!(out, [25.0, 45.0]);
    }

    #[test]
    fn parts_of_pixels_count_in_part() {
        // Three samples to two: each output is one and a half samples.
        assert_eq!(resize(&[0, 30, 90], 3, 1, 2, 1), [10.0, 70.0]);
    }

    #[test]
    fn doubling_interpolates_between_centres() {
        assert_eq!(resize(&[0, 100], 2, 1, 4, 1), [0.0, 25.0, 75.0, 100.0]);
    }

    #[test]
    fn channels_stay_apart_and_a_window_is_respected() {
        let src = [9, 9, 1, 101, 3, 103, 9, 9];
        let across = Axis::new(1, 2, 1, 2.0);
        let down = Axis::new(0, 1, 1, 1.0);
        let (mut a, mut b, mut acc) = ([0.0], [0.0], Vec::new());
        resize_row(&src, 8, &across, &down, 0, &mut acc, [&mut a, &mut b]);
        assert_eq!((a[0], b[0]), (2.0, 102.0));
    }

    proptest! {
        #[test]
        fn any_size_stays_in_range_and_keeps_flat_pictures(w in 1usize..70, h in 1usize..70, ow in 1usize..90, oh in 1usize..90, v in 0u8..) {
            let out = resize(&vec![v; w * h], w, h, ow, oh);
            prop_assert!(out.iter().all(|o| (o - f32::from(v)).abs() < 1e-2));
        }
    }
}
