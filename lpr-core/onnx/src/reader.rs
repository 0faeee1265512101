//! The plate reader.

use lpr_core::nets::CLASSES;
use lpr_core::{FrameSize, GreyImage, NetError, ReadOutput, Reader};

use crate::session::{Contract, Net};
use crate::{Error, Runtime};

/// Width and height of a crop, pixels.
const CROP: (u32, u32) = (128, 64);
/// Steps from left to right.
const STEPS: usize = 32;
/// Crops of one run at most; more are split. Eight in one run cost eight times one, and hold eight times its memory.
const MAX_BATCH: usize = 1;
/// Added to a crop's deviation, so that an empty crop is not blown up to noise.
const DEVIATION_FLOOR: f32 = 4.0;

/// The reader net with its input buffer.
pub struct OnnxReader {
    net: Net,
    temperature: f32,
    input: Vec<f32>,
}

impl OnnxReader {
    /// Opens `model`, an ONNX file as `lpr-core/models/README.md` section 2 describes, on `threads` threads;
    /// its logits are divided by `temperature` (above 0).
    ///
    /// # Errors
    /// [`Error::Model`] when the engine refuses the model or it is not as described.
    pub fn open(
        runtime: &Runtime,
        model: &[u8],
        threads: usize,
        temperature: f32,
    ) -> Result<Self, Error> {
        if !(temperature.is_finite() && temperature > 0.0) {
            return Err(Error::Model {
                net: "reader",
                message: format!("temperature is {temperature}, must be above 0"),
            });
        }
        let contract = Contract {
            net: "reader",
            input: ("crops", [-1, 1, i64::from(CROP.1), i64::from(CROP.0)]),
            output: ("logits", &[-1, STEPS as i64, CLASSES as i64]),
        };
        Ok(Self {
            net: Net::open(runtime, model, threads, contract)?,
            temperature,
            input: Vec::new(),
        })
    }

    /// Reads at most [`MAX_BATCH`] crops.
    fn batch(&mut self, crops: &[GreyImage], out: &mut Vec<ReadOutput>) -> Result<(), NetError> {
        self.input.clear();
        for crop in crops {
            if (crop.size().width(), crop.size().height()) != CROP {
                return Err(NetError::new(
                    "reader",
                    format!("a crop is {}, must be {}x{}", crop.size(), CROP.0, CROP.1),
                ));
            }
            standardise(crop.data(), &mut self.input);
        }
        let (n, temperature) = (crops.len(), self.temperature);
        self.net.run(
            [n, 1, CROP.1 as usize, CROP.0 as usize],
            &self.input,
            |shape, logits| {
                let expect = [n as i64, STEPS as i64, CLASSES as i64];
                if shape != expect {
                    return Err(NetError::new(
                        "reader",
                        format!("output has shape {shape:?}, must be {expect:?}"),
                    ));
                }
                for one in logits.chunks_exact(STEPS * CLASSES) {
                    out.push(ReadOutput::from_logits(one, temperature)?);
                }
                Ok(())
            },
        )
    }
}

impl Reader for OnnxReader {
    fn read(&mut self, crops: &[GreyImage]) -> Result<Vec<ReadOutput>, NetError> {
        let mut out = Vec::with_capacity(crops.len());
        for part in crops.chunks(MAX_BATCH) {
            self.batch(part, &mut out)?;
        }
        Ok(out)
    }

    fn crop_size(&self) -> FrameSize {
        // Both sides are constants within a size's bounds.
        FrameSize::new(CROP.0, CROP.1).expect("128x64 is a size")
    }
}

/// Appends `crop` with its mean taken away, divided by its deviation.
fn standardise(crop: &[u8], out: &mut Vec<f32>) {
    let (mut sum, mut squares) = (0u64, 0u64);
    for p in crop {
        sum += u64::from(*p);
        squares += u64::from(*p) * u64::from(*p);
    }
    let n = crop.len().max(1) as f64;
    let mean = sum as f64 / n;
    let deviation = (squares as f64 / n - mean * mean).max(0.0).sqrt();
    let (mean, scale) = (mean as f32, 1.0 / (deviation as f32 + DEVIATION_FLOOR));
    out.extend(crop.iter().map(|p| (f32::from(*p) - mean) * scale));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crops_are_standardised() {
        let mut out = Vec::new();
        standardise(&[10, 20, 10, 20], &mut out);
        // Mean 15, deviation 5, floor 4.
        assert!(
            out.iter()
                .zip([-5.0, 5.0, -5.0, 5.0])
                .all(|(a, b)| (a - b / 9.0).abs() < 1e-6),
            "{out:?}"
        );
        out.clear();
        standardise(&[77; 9], &mut out);
        assert!(out.iter().all(|v| *v == 0.0), "flat stays flat");
    }
}
