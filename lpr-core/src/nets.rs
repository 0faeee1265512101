//! The two nets as recognition sees them. `lpr-onnx` implements both; tests use fakes.

use crate::frame::FrameView;
use crate::geometry::{FrameSize, PxRect};
use crate::picture::GreyImage;
use crate::plate::PlateDetection;

/// A net could not be loaded or run.
#[derive(Debug, thiserror::Error)]
#[error("{net}: {message}")]
pub struct NetError {
    /// Which net: `detector` or `reader`.
    pub net: &'static str,
    /// What happened.
    pub message: String,
    /// The engine's own error.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl NetError {
    /// An error of `net` without a cause of its own.
    #[must_use]
    pub fn new(net: &'static str, message: impl Into<String>) -> Self {
        Self {
            net,
            message: message.into(),
            source: None,
        }
    }
}

/// What to look for and where.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DetectRequest {
    /// The part of the frame to look at, pixels; plates are reported in pixels of the whole frame.
    pub region: PxRect,
    /// Largest input given to the net; the region is shrunk to fit, its aspect kept.
    pub max_input: FrameSize,
    /// Most net pixels for a frame pixel: how far a small region is enlarged.
    pub max_scale: f32,
    /// Least score to report, 0..=1.
    pub min_score: f32,
}

/// Finds plates.
pub trait Detector {
    /// Plates in `frame`, best score first, overlapping ones already dropped.
    ///
    /// # Errors
    /// [`NetError`] when the net fails; the frame itself cannot be at fault.
    fn detect(
        &mut self,
        frame: &FrameView<'_>,
        request: &DetectRequest,
    ) -> Result<Vec<PlateDetection>, NetError>;
}

/// Reads rectified plates.
pub trait Reader {
    /// Reads plates that were warped to [`crop_size`](Reader::crop_size); one output for each crop, in order.
    ///
    /// # Errors
    /// [`NetError`] when the net fails or a crop has another size.
    fn read(&mut self, crops: &[GreyImage]) -> Result<Vec<ReadOutput>, NetError>;

    /// Size of the crops that [`read`](Reader::read) takes.
    fn crop_size(&self) -> FrameSize;
}

/// A reader's raw answer for one crop: a probability for each class at each step from left to right.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadOutput {
    /// Classes of each step: the signs of [`ALPHABET`], then blank.
    probs: Vec<f32>,
}

/// Signs that a reader knows, in class order; the class after the last one is CTC's blank.
pub const ALPHABET: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
/// Classes of one step: [`ALPHABET`] and blank.
pub const CLASSES: usize = ALPHABET.len() + 1;
/// Class of CTC's blank.
pub const BLANK: usize = ALPHABET.len();

impl ReadOutput {
    /// From probabilities, `CLASSES` for each step; each step sums to 1.
    ///
    /// # Errors
    /// [`NetError`] when the length is no multiple of [`CLASSES`] or a value is no finite number.
    pub fn from_probs(probs: Vec<f32>) -> Result<Self, NetError> {
        if probs.is_empty() || !probs.len().is_multiple_of(CLASSES) {
            return Err(NetError::new(
                "reader",
                format!(
                    "{} values are no multiple of {CLASSES} classes",
                    probs.len()
                ),
            ));
        }
        if probs.iter().any(|p| !p.is_finite()) {
            return Err(NetError::new("reader", "a probability is no finite number"));
        }
        Ok(Self { probs })
    }

    /// From logits: softmax of each step after division by `temperature` (the calibration; above 0).
    ///
    /// # Errors
    /// As [`ReadOutput::from_probs`].
    pub fn from_logits(logits: &[f32], temperature: f32) -> Result<Self, NetError> {
        let mut probs = Vec::with_capacity(logits.len());
        for step in logits.chunks(CLASSES) {
            let top = step.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let at = probs.len();
            probs.extend(step.iter().map(|x| ((x - top) / temperature).exp()));
            let sum: f32 = probs[at..].iter().sum();
            for p in &mut probs[at..] {
                *p /= sum;
            }
        }
        Self::from_probs(probs)
    }

    /// Steps from left to right, [`CLASSES`] probabilities each.
    pub fn steps(&self) -> impl ExactSizeIterator<Item = &[f32]> + Clone {
        self.probs.chunks_exact(CLASSES)
    }

    /// Number of steps.
    #[must_use]
    pub fn len(&self) -> usize {
        self.probs.len() / CLASSES
    }

    /// Never true: an output has at least one step.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.probs.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logits_become_probabilities() {
        let mut l = vec![0.0; 2 * CLASSES];
        l[3] = 10.0;
        let o = ReadOutput::from_logits(&l, 1.0).unwrap();
        assert_eq!(o.len(), 2);
        for s in o.steps() {
            assert!((s.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        }
        assert!(o.steps().next().unwrap()[3] > 0.99);
        let soft = ReadOutput::from_logits(&l, 5.0).unwrap();
        assert!(soft.steps().next().unwrap()[3] < o.steps().next().unwrap()[3]);
    }

    #[test]
    fn broken_outputs_are_refused() {
        assert!(ReadOutput::from_logits(&[0.0; 36], 1.0).is_err());
        assert!(ReadOutput::from_logits(&[], 1.0).is_err());
        assert!(ReadOutput::from_logits(&[f32::NAN; CLASSES], 1.0).is_err());
    }
}
