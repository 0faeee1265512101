//! Two nets of one hidden layer each.

use super::features::{BODY_INPUTS, PLATE_INPUTS};
use super::weights;

/// Units of the hidden layers.
pub(super) const HIDDEN: usize = 16;

/// Probabilities of the plate's colours.
pub(super) fn plate(x: &[f32; PLATE_INPUTS]) -> [f32; 6] {
    judge(x, &weights::PLATE_IN, &weights::PLATE_OUT)
}

/// Probabilities of the vehicle's colours.
pub(super) fn body(x: &[f32; BODY_INPUTS]) -> [f32; 8] {
    judge(x, &weights::BODY_IN, &weights::BODY_OUT)
}

/// Rows of weights, the last entry of each row its bias; `W` is `N + 1`.
fn judge<const N: usize, const W: usize, const C: usize>(
    x: &[f32; N],
    first: &[[f32; W]; HIDDEN],
    second: &[[f32; HIDDEN + 1]; C],
) -> [f32; C] {
    let dot = |w: &[f32], x: &[f32]| {
        w.iter().zip(x).map(|(w, x)| w * x).sum::<f32>() + w.last().copied().unwrap_or(0.0)
    };
    let hidden: [f32; HIDDEN] = std::array::from_fn(|i| dot(&first[i], x).max(0.0));
    let out: [f32; C] = std::array::from_fn(|i| dot(&second[i], &hidden));
    let top = out.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let raw = out.map(|o| (o - top).exp());
    let sum: f32 = raw.iter().sum();
    raw.map(|r| r / sum)
}
