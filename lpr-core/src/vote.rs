//! Joins the reads of one plate over many frames, place by place.

use crate::ctc::{Decoded, SignProbs};
use crate::plate::PlateText;
use crate::plausibility::rerank;
use crate::settings::Region;

/// Reads kept for one track; when there are more, the lightest goes.
const MAX_READS: usize = 32;
/// Longest text that takes part.
const MAX_LENGTH: usize = 12;
/// Cost of leaving a place out when two reads are laid side by side; a swap costs at most 1.
const GAP: f32 = 0.6;
/// Added to each probability before logarithms: how much one frame alone can rule out.
const DOUBT: f32 = 0.01;
/// Most independent witnesses that many frames count for: they share camera, light and dirt.
const MAX_WITNESSES: f32 = 3.0;

/// One frame's read and its weight.
struct Vote {
    decoded: Decoded,
    weight: f32,
}

/// All reads of one plate.
pub struct Ballot {
    votes: Vec<Vote>,
    cast: u32,
    most_witnesses: f32,
}

impl Default for Ballot {
    /// For reads from different frames.
    fn default() -> Self {
        Self {
            votes: Vec::new(),
            cast: 0,
            most_witnesses: MAX_WITNESSES,
        }
    }
}

impl Ballot {
    /// For several reads of one and the same picture: they do not confirm each other.
    #[must_use]
    pub fn of_one_picture() -> Self {
        Self {
            most_witnesses: 1.0,
            ..Self::default()
        }
    }

    /// Adds a frame's read with its weight (above 0); one without text, or with an absurdly long one, is left out.
    pub fn cast(&mut self, decoded: Decoded, weight: f32) {
        let length = decoded.places.len();
        if length == 0 || length > MAX_LENGTH || !(weight.is_finite() && weight > 0.0) {
            return;
        }
        self.cast += 1;
        self.votes.push(Vote { decoded, weight });
        if self.votes.len() > MAX_READS {
            let lightest = (0..self.votes.len())
                .min_by(|a, b| self.votes[*a].weight.total_cmp(&self.votes[*b].weight));
            self.votes.swap_remove(lightest.unwrap_or(0));
        }
    }

    /// Frames that voted.
    #[must_use]
    pub fn cast_votes(&self) -> u32 {
        self.cast
    }

    /// The text that the frames agree on best, or `None` before the first vote.
    #[must_use]
    pub fn outcome(&self, region: Region) -> Option<PlateText> {
        let length = self.length()?;
        let mut tally = vec![Tally::default(); length];
        for v in self
            .votes
            .iter()
            .filter(|v| v.decoded.places.len() == length)
        {
            for (t, p) in tally.iter_mut().zip(&v.decoded.places) {
                t.add(&p.probs, presence(p.confidence, p.probs[p.sign]), v.weight);
            }
        }
        // The others are laid along what those say.
        let middle: Vec<SignProbs> = tally.iter().map(|t| t.mean()).collect();
        for v in self
            .votes
            .iter()
            .filter(|v| v.decoded.places.len() != length)
        {
            for (t, place) in tally.iter_mut().zip(align(&middle, &v.decoded)) {
                match place.map(|k| &v.decoded.places[k]) {
                    Some(p) => t.add(&p.probs, presence(p.confidence, p.probs[p.sign]), v.weight),
                    None => t.miss(v.weight),
                }
            }
        }
        let witnesses = (self.votes.len() as f32).sqrt().min(self.most_witnesses);
        let places: Vec<SignProbs> = tally.iter().map(|t| t.pooled(witnesses)).collect();
        let mut chars = rerank(&places, region);
        for (c, t) in chars.iter_mut().zip(&tally) {
            c.likelihood = (c.likelihood * t.presence()).clamp(0.0, 1.0);
        }
        let likelihood = chars.iter().map(|c| c.likelihood).fold(1.0, f32::min);
        Some(PlateText {
            text: chars.iter().map(|c| c.sign).collect(),
            likelihood,
            chars,
        })
    }

    /// The length with the most weight, each vote counting by its confidence; the longer of equals.
    fn length(&self) -> Option<usize> {
        let mut weight = [0.0f32; MAX_LENGTH + 1];
        for v in &self.votes {
            weight[v.decoded.places.len()] += v.weight * (0.05 + v.decoded.confidence());
        }
        (1..=MAX_LENGTH)
            .max_by(|a, b| weight[*a].total_cmp(&weight[*b]))
            .filter(|l| weight[*l] > 0.0)
    }
}

/// Probability that there is a sign at all, from a sign's probability with and without blank.
fn presence(with_blank: f32, without: f32) -> f32 {
    if without > 0.0 {
        (with_blank / without).clamp(0.0, 1.0)
    } else {
        0.0
    }
}

/// Votes for one place.
#[derive(Clone)]
struct Tally {
    sum: SignProbs,
    logs: SignProbs,
    present: f32,
    weight: f32,
    all: f32,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            sum: [0.0; 36],
            logs: [0.0; 36],
            present: 0.0,
            weight: 0.0,
            all: 0.0,
        }
    }
}

impl Tally {
    fn add(&mut self, probs: &SignProbs, presence: f32, weight: f32) {
        for ((s, l), p) in self.sum.iter_mut().zip(&mut self.logs).zip(probs) {
            *s += weight * p;
            *l += weight * (p + DOUBT).ln();
        }
        self.present += weight * presence;
        self.weight += weight;
        self.all += weight;
    }

    /// A read that has nothing at this place.
    fn miss(&mut self, weight: f32) {
        self.all += weight;
    }

    fn mean(&self) -> SignProbs {
        self.sum.map(|s| {
            if self.weight > 0.0 {
                s / self.weight
            } else {
                0.0
            }
        })
    }

    /// Product of all votes, counted as `witnesses` independent ones, made to sum to 1.
    fn pooled(&self, witnesses: f32) -> SignProbs {
        if witnesses <= 1.0 {
            return self.mean();
        }
        let logs = self
            .logs
            .map(|l| witnesses * l / self.weight.max(f32::MIN_POSITIVE));
        let top = logs.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let raw = logs.map(|l| (l - top).exp());
        let sum: f32 = raw.iter().sum();
        raw.map(|r| r / sum)
    }

    fn presence(&self) -> f32 {
        if self.all > 0.0 {
            self.present / self.all
        } else {
            0.0
        }
    }
}

/// For each place of `middle` the place of `read` that belongs to it, by least cost.
fn align(middle: &[SignProbs], read: &Decoded) -> Vec<Option<usize>> {
    let (n, m) = (middle.len(), read.places.len());
    let unlike = |i: usize, j: usize| {
        1.0 - middle[i]
            .iter()
            .zip(&read.places[j].probs)
            .map(|(a, b)| a * b)
            .sum::<f32>()
            .min(1.0)
    };
    let mut cost = vec![vec![0.0f32; m + 1]; n + 1];
    for i in 0..=n {
        for j in 0..=m {
            cost[i][j] = match (i, j) {
                (0, _) => j as f32 * GAP,
                (_, 0) => i as f32 * GAP,
                _ => (cost[i - 1][j - 1] + unlike(i - 1, j - 1))
                    .min(cost[i - 1][j] + GAP)
                    .min(cost[i][j - 1] + GAP),
            };
        }
    }
    let mut pairs = vec![None; n];
    let (mut i, mut j) = (n, m);
    while i > 0 && j > 0 {
        if (cost[i][j] - (cost[i - 1][j - 1] + unlike(i - 1, j - 1))).abs() < 1e-5 {
            (i, j) = (i - 1, j - 1);
            pairs[i] = Some(j);
        } else if (cost[i][j] - (cost[i - 1][j] + GAP)).abs() < 1e-5 {
            i -= 1;
        } else {
            j -= 1;
        }
    }
    pairs
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::ctc::{Place, sign_index};
    use proptest::prelude::*;

    /// A read of `text`, every sign with confidence `p`, the rest spread evenly.
    pub(crate) fn read(text: &str, p: f32) -> Decoded {
        let place = |c| {
            let sign = sign_index(c).unwrap();
            let mut probs = [(1.0 - p) / 35.0; 36];
            probs[sign] = p;
            Place {
                sign,
                confidence: p,
                probs,
            }
        };
        Decoded {
            places: text.chars().map(place).collect(),
        }
    }

    fn outcome(votes: &[(&str, f32, f32)]) -> PlateText {
        let mut b = Ballot::default();
        for (text, p, weight) in votes {
            b.cast(read(text, *p), *weight);
        }
        b.outcome(Region::Any).unwrap()
    }

    #[test]
    fn the_majority_wins_and_weight_counts() {
        type Row<'a> = (&'a [(&'a str, f32, f32)], &'a str);
        let rows: [Row; 6] = [
            (&[("ABC123", 0.9, 1.0)], "ABC123"),
            (
                &[
                    ("ABC123", 0.9, 1.0),
                    ("A8C123", 0.9, 1.0),
                    ("ABC123", 0.9, 1.0),
                ],
                "ABC123",
            ),
            // One sharp frame against two poor ones.
            (
                &[
                    ("ABC123", 0.95, 4.0),
                    ("A8C123", 0.6, 0.5),
                    ("A8C123", 0.6, 0.5),
                ],
                "ABC123",
            ),
            // A lost first character.
            (
                &[
                    ("ABC123", 0.9, 1.0),
                    ("BC123", 0.9, 1.0),
                    ("ABC123", 0.9, 1.0),
                ],
                "ABC123",
            ),
            // Different errors at different places.
            (
                &[
                    ("A8C123", 0.9, 1.0),
                    ("ABG123", 0.9, 1.0),
                    ("ABC128", 0.9, 1.0),
                ],
                "ABC123",
            ),
            // One too many.
            (
                &[
                    ("ABC1231", 0.7, 1.0),
                    ("ABC123", 0.9, 1.0),
                    ("ABC123", 0.9, 1.0),
                ],
                "ABC123",
            ),
        ];
        for (votes, expect) in rows {
            assert_eq!(outcome(votes).text, expect, "{votes:?}");
        }
    }

    #[test]
    fn agreement_raises_and_disagreement_lowers_the_likelihood() {
        let one = outcome(&[("ABC234", 0.8, 1.0)]).likelihood;
        let four = outcome(&[("ABC234", 0.8, 1.0); 4]).likelihood;
        let mixed = outcome(&[
            ("ABC234", 0.8, 1.0),
            ("ABC234", 0.8, 1.0),
            ("A8C234", 0.8, 1.0),
        ])
        .likelihood;
        let shorter = outcome(&[
            ("ABC234", 0.8, 1.0),
            ("ABC234", 0.8, 1.0),
            ("BC234", 0.8, 1.0),
        ]);
        assert!((one - 0.8).abs() < 0.01, "{one}");
        assert!(four > 0.95, "{four}");
        assert!(mixed < one, "{mixed}");
        // The doubt is at the lost place only.
        assert!(
            shorter.likelihood < 0.75 && shorter.chars[1].likelihood > 0.9,
            "{shorter:?}"
        );
    }

    #[test]
    fn nothing_cast_is_no_outcome() {
        let mut b = Ballot::default();
        b.cast(Decoded::default(), 1.0);
        b.cast(read("ABC", 0.9), 0.0);
        b.cast(read("ABC", 0.9), f32::NAN);
        b.cast(read("ABCDEFGHIJKLM", 0.9), 1.0);
        assert!(b.outcome(Region::Us).is_none());
        assert_eq!(b.cast_votes(), 0);
    }

    proptest! {
        /// The order of frames does not matter, and memory is bounded.
        #[test]
        fn order_does_not_matter(texts in prop::collection::vec(("[A-D]{3,6}", 0.5f32..0.99, 0.1f32..2.0), 1..20)) {
            let run = |it: &mut dyn Iterator<Item = &(String, f32, f32)>| {
                let mut b = Ballot::default();
                for (t, p, w) in it { b.cast(read(t, *p), *w); }
                b.outcome(Region::Any).unwrap()
            };
            let (a, b) = (run(&mut texts.iter()), run(&mut texts.iter().rev()));
            prop_assert_eq!(a.text.len(), b.text.len());
            prop_assert!((a.likelihood - b.likelihood).abs() < 1e-3);
        }

        #[test]
        fn any_number_of_votes(n in 0usize..200) {
            let mut b = Ballot::default();
            for _ in 0..n { b.cast(read("AB12", 0.9), 1.0); }
            prop_assert!(b.votes.len() <= MAX_READS);
            prop_assert_eq!(b.cast_votes() as usize, n);
        }
    }
}
