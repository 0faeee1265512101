//! The embedded nets and what their card says of them.

use lpr_core::{Region, StillOptions, Tuning};
use serde::Deserialize;

use crate::Error;

/// The detector's ONNX file.
pub(crate) const DETECTOR: &[u8] = include_bytes!("../../models/detector.onnx");
/// The reader's ONNX file.
pub(crate) const READER: &[u8] = include_bytes!("../../models/reader.onnx");
/// What the trainer found for them, `lpr-core/models/models.json`.
const CARD: &str = include_str!("../../models/models.json");

/// Numbers that belong to the weights and change with them.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct ModelCard {
    /// The detector's numbers.
    pub detector: DetectorCard,
    /// The reader's numbers.
    pub reader: ReaderCard,
}

/// Numbers of the detector.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct DetectorCard {
    /// Least score of a plate, 0..=1, that the trainer recommends.
    pub score_threshold: f32,
    /// Long side of the net's input for a still picture, pixels.
    pub still_long_side: u32,
}

/// Numbers of the reader.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct ReaderCard {
    /// The signs in class order; blank follows.
    pub alphabet: String,
    /// Divides the logits: the calibration.
    pub temperature: f32,
    /// Fewest characters of a plate.
    pub min_length: usize,
    /// Least plate confidence of a still picture that is reported, 0..=1.
    pub min_confidence: f32,
}

impl ModelCard {
    /// The card of the embedded nets.
    ///
    /// # Errors
    /// [`Error::Model`] when the card cannot be read or its alphabet is not the domain's.
    pub fn embedded() -> Result<Self, Error> {
        Self::parse(CARD)
    }

    /// Options for still pictures with the trainer's thresholds.
    #[must_use]
    pub fn still_options(&self, region: Region) -> StillOptions {
        StillOptions {
            region,
            long_side: self.detector.still_long_side,
            min_score: self.detector.score_threshold,
            min_likelihood: self.reader.min_confidence,
            min_length: self.reader.min_length,
        }
    }

    /// The numbers that a video pipeline takes.
    #[must_use]
    pub fn tuning(&self) -> Tuning {
        Tuning {
            min_length: self.reader.min_length,
        }
    }

    fn parse(text: &str) -> Result<Self, Error> {
        let fail = |message: String| Error::Model {
            net: "card",
            message,
        };
        let card: Self = serde_json::from_str(text).map_err(|e| fail(e.to_string()))?;
        if card.reader.alphabet.as_bytes() != lpr_core::nets::ALPHABET {
            return Err(fail(format!(
                "alphabet is {:?}, must be 0-9 and A-Z",
                card.reader.alphabet
            )));
        }
        Ok(card)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_card_is_complete() {
        let card = ModelCard::embedded().unwrap();
        assert!(
            card.reader.temperature > 0.0 && card.detector.still_long_side >= 320,
            "{card:?}"
        );
    }

    /// RECOG-7: the figures that the model card reports, the numbers for programs and the embedded nets belong together: whoever changes a net
    /// has to measure anew.
    #[test]
    fn the_reported_figures_are_of_the_embedded_nets() {
        use sha2::{Digest, Sha256};
        let reported = include_str!("../../models/MODEL_CARD.md");
        let numbers: serde_json::Value = serde_json::from_str(CARD).unwrap();
        for (net, bytes) in [("detector", DETECTOR), ("reader", READER)] {
            let digest = Sha256::digest(bytes);
            let sum: String = digest.iter().map(|b| format!("{b:02x}")).collect();
            assert_eq!(numbers[net]["sha256"], sum, "{net} in models.json");
            assert!(reported.contains(&format!("`{sum}`")), "{net} in the card");
        }
        // Thresholds of programs are those with which the card says it measured.
        let least = numbers["detector"]["score_threshold"].as_f64().unwrap();
        assert!(reported.contains(&format!("score at least {least}")));
        let temperature = numbers["reader"]["temperature"].as_f64().unwrap();
        assert!(reported.contains(&format!("temperature {temperature},")));
    }

    #[test]
    fn another_alphabet_is_refused() {
        let e = ModelCard::parse(&CARD.replace("ABCDEF", "BACDEF"))
            .unwrap_err()
            .to_string();
        assert!(e.contains("BACDEF"), "{e}");
    }
}
