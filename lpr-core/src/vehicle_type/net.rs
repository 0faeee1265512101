//! Four convolutions of 3x3, each halving the sides, and one layer that judges the mean and the most of what they give.

use std::sync::OnceLock;

use super::VehicleType;
use super::input::{HEIGHT, WIDTH};

/// Channels of the input and of each layer.
const PLANES: [usize; 5] = [2, 16, 24, 40, 64];
const LAST: usize = PLANES[PLANES.len() - 1];
const TYPES: usize = VehicleType::ALL.len();
/// Little-endian `f32`, written by `training/vehicle_types.py`: for each convolution its weights by row, column, channel in and channel out, then a bias
/// for each channel out; the last layer in the same way.
static BYTES: &[u8] = include_bytes!("weights.bin");
const _: () = assert!(
    BYTES.len() == 4 * (convolution(0) + convolution(1) + convolution(2) + convolution(3) + JUDGE)
);
const JUDGE: usize = 2 * LAST * TYPES + TYPES;

/// Numbers of one convolution.
const fn convolution(layer: usize) -> usize {
    9 * PLANES[layer] * PLANES[layer + 1] + PLANES[layer + 1]
}

/// Likelihoods of the types for an input of [`super::input::around`].
pub(super) fn judge(input: &[f32]) -> [f32; TYPES] {
    static WEIGHTS: OnceLock<Vec<f32>> = OnceLock::new();
    let mut rest: &[f32] = WEIGHTS.get_or_init(|| {
        let (numbers, _) = BYTES.as_chunks();
        numbers.iter().map(|b| f32::from_le_bytes(*b)).collect()
    });
    let (mut x, mut w, mut h) = (input.to_vec(), WIDTH, HEIGHT);
    for layer in PLANES.windows(2) {
        let (weights, more) = rest.split_at(9 * layer[0] * layer[1]);
        let (bias, more) = more.split_at(layer[1]);
        x = halved(&x, (w, h), layer[0], weights, bias);
        (w, h, rest) = (w.div_ceil(2), h.div_ceil(2), more);
    }
    // Nothing is below 0 after a layer.
    let mut told = [0.0f32; 2 * LAST];
    for cell in x.chunks_exact(LAST) {
        for (k, v) in cell.iter().enumerate() {
            told[k] += v / (w * h) as f32;
            told[LAST + k] = told[LAST + k].max(*v);
        }
    }
    let (weights, bias) = rest.split_at(2 * LAST * TYPES);
    let mut out: [f32; TYPES] = std::array::from_fn(|t| bias[t]);
    for (v, row) in told.iter().zip(weights.chunks_exact(TYPES)) {
        for (o, k) in out.iter_mut().zip(row) {
            *o += v * k;
        }
    }
    let top = out.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let raw = out.map(|o| (o - top).exp());
    let sum: f32 = raw.iter().sum();
    raw.map(|r| r / sum)
}

/// A convolution with steps of 2 over `channels` values a cell, zeros around, nothing below 0 left.
fn halved(
    x: &[f32],
    (w, h): (usize, usize),
    channels: usize,
    weights: &[f32],
    bias: &[f32],
) -> Vec<f32> {
    let mut out = Vec::with_capacity(w.div_ceil(2) * h.div_ceil(2) * bias.len());
    let mut sums = bias.to_vec();
    for top in (0..h).step_by(2) {
        for left in (0..w).step_by(2) {
            sums.copy_from_slice(bias);
            for k in 0..9 {
                let (y, x_at) = (top + k / 3, left + k % 3);
                if y == 0 || y > h || x_at == 0 || x_at > w {
                    continue;
                }
                let cell = &x[((y - 1) * w + x_at - 1) * channels..][..channels];
                let rows = weights[k * channels * bias.len()..].chunks_exact(bias.len());
                for (v, row) in cell.iter().zip(rows).filter(|(v, _)| **v != 0.0) {
                    for (s, weight) in sums.iter_mut().zip(row) {
                        *s += v * weight;
                    }
                }
            }
            out.extend(sums.iter().map(|s| s.max(0.0)));
        }
    }
    out
}
