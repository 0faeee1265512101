//! From the reader's steps to characters: greedy CTC decoding with the alternatives of each place.
//!
//! The rule is that of `models/README.md`, section 2.

use crate::nets::{ALPHABET, BLANK, CLASSES, ReadOutput};

/// Probabilities of the 36 signs at one place of a plate; they sum to 1.
pub type SignProbs = [f32; BLANK];

/// One place of a decoded plate.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// The sign's index in [`ALPHABET`].
    pub sign: usize,
    /// Probability of the sign against all others **and blank** at its best step, 0..=1.
    pub confidence: f32,
    /// Probabilities of all signs at that step, without blank.
    pub probs: SignProbs,
}

/// A decoded plate, place by place, from left to right.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decoded {
    /// The places.
    pub places: Vec<Place>,
}

impl Decoded {
    /// The text.
    #[must_use]
    pub fn text(&self) -> String {
        self.places.iter().map(|p| sign_char(p.sign)).collect()
    }

    /// The smallest confidence of all places; 0 for no text.
    #[must_use]
    pub fn confidence(&self) -> f32 {
        let least = self
            .places
            .iter()
            .map(|p| p.confidence)
            .fold(f32::INFINITY, f32::min);
        if least.is_finite() { least } else { 0.0 }
    }
}

/// The sign with index `sign` (below 36).
#[must_use]
pub fn sign_char(sign: usize) -> char {
    ALPHABET.get(sign).map_or('?', |b| char::from(*b))
}

/// Index of a sign, or `None` for anything but `0-9` and `A-Z`.
#[must_use]
pub fn sign_index(sign: char) -> Option<usize> {
    ALPHABET.iter().position(|b| char::from(*b) == sign)
}

/// Takes the best class of each step; a run of one sign is one character, blank divides.
#[must_use]
pub fn decode(output: &ReadOutput) -> Decoded {
    let mut places: Vec<Place> = Vec::new();
    let mut before = BLANK;
    for step in output.steps() {
        let (class, p) = best(step);
        if class != BLANK {
            if class != before {
                places.push(Place {
                    sign: class,
                    confidence: p,
                    probs: without_blank(step),
                });
            } else if let Some(last) = places.last_mut()
                && p > last.confidence
            {
                *last = Place {
                    sign: class,
                    confidence: p,
                    probs: without_blank(step),
                };
            }
        }
        before = class;
    }
    Decoded { places }
}

/// The class with the largest probability (the first of equals) and that probability.
fn best(step: &[f32]) -> (usize, f32) {
    let mut top = (0, f32::NEG_INFINITY);
    for (class, p) in step.iter().enumerate().take(CLASSES) {
        if *p > top.1 {
            top = (class, *p);
        }
    }
    top
}

/// The signs' probabilities of a step, made to sum to 1.
fn without_blank(step: &[f32]) -> SignProbs {
    let mut probs: SignProbs = std::array::from_fn(|i| step[i]);
    let sum: f32 = probs.iter().sum();
    for p in &mut probs {
        *p = if sum > 0.0 {
            *p / sum
        } else {
            1.0 / BLANK as f32
        };
    }
    probs
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Steps given as (sign, probability); the rest of the mass is blank. `-` is a blank step.
    fn output(steps: &[(char, f32)]) -> ReadOutput {
        let mut probs = Vec::new();
        for &(c, p) in steps {
            let mut step = [0.0; CLASSES];
            match sign_index(c) {
                Some(i) => {
                    step[i] = p;
                    step[BLANK] = 1.0 - p;
                }
                None => step[BLANK] = 1.0,
            }
            probs.extend(step);
        }
        ReadOutput::from_probs(probs).unwrap()
    }

    #[test]
    fn runs_merge_and_blanks_divide() {
        type Row<'a> = (&'a [(char, f32)], &'a str, f32);
        let rows: [Row; 5] = [
            (
                &[('A', 0.9), ('A', 0.95), ('-', 1.0), ('B', 0.8)],
                "AB",
                0.8,
            ),
            (&[('A', 0.9), ('-', 1.0), ('A', 0.7)], "AA", 0.7),
            (&[('-', 1.0), ('-', 1.0)], "", 0.0),
            // Blank wins where the sign has less than half.
            (&[('7', 0.4), ('7', 0.9)], "7", 0.9),
            (&[('0', 0.9), ('O', 0.9)], "0O", 0.9),
        ];
        for (steps, text, confidence) in rows {
            let d = decode(&output(steps));
            assert_eq!(d.text(), text);
            assert!((d.confidence() - confidence).abs() < 1e-6, "{text}");
        }
    }

    #[test]
    fn alternatives_leave_blank_out() {
        let mut step = [0.0; CLASSES];
        step[sign_index('O').unwrap()] = 0.5;
        step[sign_index('0').unwrap()] = 0.3;
        step[BLANK] = 0.2;
        let d = decode(&ReadOutput::from_probs(step.to_vec()).unwrap());
        assert!((d.places[0].probs[0] - 0.375).abs() < 1e-6);
        assert!((d.places[0].confidence - 0.5).abs() < 1e-6);
    }

    proptest! {
        #[test]
        fn certain_steps_give_back_the_text(text in "[0-9A-Z]{0,12}") {
            let steps: Vec<(char, f32)> = text.chars().flat_map(|c| [('-', 1.0), (c, 0.99), (c, 0.98)]).collect();
            if !steps.is_empty() {
                prop_assert_eq!(decode(&output(&steps)).text(), text);
            }
        }

        #[test]
        fn never_more_characters_than_steps(logits in prop::collection::vec(-9f32..9., CLASSES * 32)) {
            let d = decode(&ReadOutput::from_logits(&logits, 1.0).unwrap());
            prop_assert!(d.places.len() <= 32);
            prop_assert!(d.places.iter().all(|p| (p.probs.iter().sum::<f32>() - 1.0).abs() < 1e-3));
        }
    }
}
