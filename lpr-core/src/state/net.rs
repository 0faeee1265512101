//! One hidden layer on the cells of a plate, and one that judges it.

use super::{HEIGHT, WIDTH};

/// Cells of the input, in three colours.
const INPUTS: usize = 3 * WIDTH * HEIGHT;
/// Units of the hidden layer.
const HIDDEN: usize = 40;
/// The states of which there were plates enough, in the order of the net's answers from the second on; the first is "none of them".
#[rustfmt::skip]
pub(super) const STATES: [&str; 43] = [
    "AL", "AR", "AZ", "CA", "CO", "CT", "DC", "DE", "FL", "GA", "HI", "IA", "ID", "IL", "IN", "KY", "LA", "MA", "MD", "ME", "MI", "MN", "MO", "MS", "NC",
    "ND", "NH", "NJ", "NM", "NV", "NY", "OK", "OR", "PA", "RI", "TN", "TX", "VA", "VT", "WA", "WI", "WV", "WY",
];
pub(super) const ANSWERS: usize = STATES.len() + 1;
/// Written by `training/states.py`: first little-endian `f32`: for each hidden unit what its weights are multiplied by, then their biases, the weights of
/// the last layer by unit and answer, and its biases; then one signed byte a weight of the hidden layer, by unit and input.
static BYTES: &[u8] = include_bytes!("weights.bin");
const FLOATS: usize = 2 * HIDDEN + HIDDEN * ANSWERS + ANSWERS;
const _: () = assert!(BYTES.len() == 4 * FLOATS + HIDDEN * INPUTS);

/// Likelihoods of "none" and of each state for the cells of [`super::cells`].
pub(super) fn judge(cells: &[f32]) -> [f32; ANSWERS] {
    let (floats, bytes) = BYTES.split_at(4 * FLOATS);
    let (floats, _) = floats.as_chunks();
    let number = |i: usize| f32::from_le_bytes(floats[i]);
    let mut out: [f32; ANSWERS] = std::array::from_fn(|k| number(FLOATS - ANSWERS + k));
    for (unit, weights) in bytes.chunks_exact(INPUTS).enumerate() {
        let products = weights.iter().zip(cells);
        let sum: f32 = products.map(|(w, c)| f32::from(w.cast_signed()) * c).sum();
        let value = (sum * number(unit) + number(HIDDEN + unit)).max(0.0);
        for (k, o) in out.iter_mut().enumerate() {
            *o += value * number(2 * HIDDEN + unit * ANSWERS + k);
        }
    }
    let top = out.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let raw = out.map(|o| (o - top).exp());
    let sum: f32 = raw.iter().sum();
    raw.map(|r| r / sum)
}
