//! Which texts are likely as plates of a region: a prior that weighs, and never forces.
//!
//! The prior is a mixture. With the region's share a text follows one of its patterns, each letter and
//! digit equally likely; with the rest it is any text, in which letters mostly follow letters and digits digits.
//! So a plate that fits no pattern (vanity, foreign) is still read, and the prior only decides between
//! signs that the reader itself finds hard to tell apart. `O` and `0`, and `I` and `1`, are one glyph on
//! many plates: between those the reader's own preference counts less.

use crate::ctc::{SignProbs, sign_char};
use crate::plate::CharRead;
use crate::settings::Region;

/// Digits and letters of the alphabet: signs 0..10 and 10..36.
const DIGITS: usize = 10;
/// Signs below this probability are no candidates at their place.
const LEAST: f32 = 0.01;
/// Candidates for one place.
const PER_PLACE: usize = 4;
/// Texts kept while places are joined.
const BEAM: usize = 96;

/// One layout: `A` a letter, `9` a digit; how common it is against the region's others, and whose it is
/// when that is certain.
struct Pattern(&'static str, f32, Option<&'static str>);

/// Standard series of the US states and Canada's provinces, grouped by layout and weighed by the number
/// of vehicles; states' own public descriptions of their series.
const US: [Pattern; 14] = [
    Pattern("AAA9999", 30.0, Some("US")),
    Pattern("9AAA999", 16.0, Some("US")),
    Pattern("AAA999", 10.0, Some("US")),
    Pattern("999AAA", 6.0, Some("US")),
    Pattern("AA99999", 5.0, Some("US")),
    Pattern("999AA9", 2.0, Some("US")),
    Pattern("AAAA99", 3.0, Some("US")),
    Pattern("AAA99A", 2.0, Some("US")),
    Pattern("A99AAA", 3.0, Some("US")),
    Pattern("AAAA999", 5.0, None),
    Pattern("9A99999", 1.0, Some("US")),
    Pattern("999999", 1.5, None),
    Pattern("9999999", 1.0, None),
    Pattern("99A9AA", 1.0, Some("US")),
];

/// Current and common older series of European states and Turkey.
const EU: [Pattern; 26] = [
    Pattern("AA99AAA", 14.0, None),
    Pattern("AA999AA", 16.0, None),
    Pattern("9999AAA", 8.0, Some("ES")),
    Pattern("A999AAA", 4.0, None),
    Pattern("A99AAA", 4.0, None),
    Pattern("AAA999", 4.0, None),
    Pattern("9AAA999", 3.0, Some("BE")),
    Pattern("99AAA9", 3.0, Some("NL")),
    Pattern("9AAA99", 3.0, Some("NL")),
    Pattern("99AAAA", 2.0, Some("NL")),
    Pattern("AAAA99", 2.0, None),
    Pattern("AA999A", 3.0, Some("NL")),
    Pattern("A999AA", 2.0, None),
    Pattern("AA9999AA", 3.0, None),
    Pattern("AAA99999", 2.0, None),
    Pattern("AAA99AA", 2.0, None),
    Pattern("AA99999", 3.0, None),
    Pattern("AA9999", 2.0, None),
    Pattern("AAA9999", 2.0, None),
    Pattern("AAAA9999", 1.5, None),
    Pattern("AAAA999", 1.5, None),
    Pattern("AAA999A", 1.5, None),
    Pattern("99A9999", 1.0, Some("TR")),
    Pattern("99AA999", 1.5, Some("TR")),
    Pattern("99AAA999", 1.0, Some("TR")),
    Pattern("99A99999", 1.0, Some("TR")),
];

/// Brazil before Mercosur (1990-2018) and with it.
const BR: [Pattern; 2] = [
    Pattern("AAA9999", 3.0, Some("BR")),
    Pattern("AAA9A99", 1.0, Some("BR")),
];

/// What is expected of plates in a region.
struct Prior {
    patterns: &'static [Pattern],
    /// Share of plates that follow a pattern.
    share: f32,
    /// How much the prior counts against the reader, as an exponent: 0 not at all, 1 as much as probability
    /// theory says.
    strength: f32,
    /// Whether drivers choose names (vanity plates): there a lone zero between letters is an `O`.
    names: bool,
    /// Part of the difference between twins (`O`/`0`, `I`/`1`) that the reader cannot know: 0 none, 1 all.
    twins: f32,
}

fn prior(region: Region) -> Prior {
    match region {
        Region::Us => Prior {
            patterns: &US,
            share: 0.7,
            strength: 0.35,
            names: true,
            twins: 0.25,
        },
        Region::Eu => Prior {
            patterns: &EU,
            share: 0.8,
            strength: 0.45,
            names: false,
            twins: 0.4,
        },
        Region::Br => Prior {
            patterns: &BR,
            share: 0.97,
            strength: 0.6,
            names: false,
            twins: 0.4,
        },
        Region::Any => Prior {
            patterns: &[],
            share: 0.0,
            strength: 0.35,
            names: true,
            twins: 0.25,
        },
    }
}

/// Probability that a sign is of the same kind, letter or digit, as the one before it.
const SAME_KIND: f32 = 0.85;

/// Probability of a text that follows no pattern.
fn free_text(signs: &[u8]) -> f32 {
    let mut p = 1.0;
    for (i, s) in signs.iter().enumerate() {
        let digit = usize::from(*s) < DIGITS;
        p *= if digit { 0.1 } else { 1.0 / 26.0 };
        p *= match i.checked_sub(1).map(|k| usize::from(signs[k]) < DIGITS) {
            None => 0.5,
            Some(before) if before == digit => SAME_KIND,
            Some(_) => 1.0 - SAME_KIND,
        };
    }
    p
}

/// Moves the reader's opinion on twins towards "either".
fn soften(probs: &SignProbs, by: f32) -> SignProbs {
    let mut out = *probs;
    // 0 and O, 1 and I.
    for (digit, letter) in [(0, 24), (1, 18)] {
        let middle = f32::midpoint(out[digit], out[letter]);
        out[digit] += (middle - out[digit]) * by;
        out[letter] += (middle - out[letter]) * by;
    }
    out
}

/// Whether `signs` has the layout of `pattern`.
fn fits(pattern: &str, signs: &[u8]) -> bool {
    pattern.len() == signs.len()
        && pattern
            .bytes()
            .zip(signs)
            .all(|(p, s)| (p == b'9') == (usize::from(*s) < DIGITS))
}

/// Whether a text is a name but for its zeros: at least four letters, no other digit, and zeros where no series
/// counts: one in front, one at the end, or one or two between letters (`0RINNIE`, `LAMB0`, `EWWP00P`, but not `ABC00`).
fn misspelled(signs: &[u8]) -> bool {
    let letter = |s: &u8| usize::from(*s) >= DIGITS;
    let zeros = signs.iter().filter(|s| **s == 0).count();
    let letters = signs.iter().filter(|s| letter(s)).count();
    if zeros == 0 || letters < 4 || letters + zeros < signs.len() {
        return false;
    }
    let (mut at, mut fits) = (0, true);
    for run in signs.chunk_by(|a, b| letter(a) == letter(b)) {
        let inner = at > 0 && at + run.len() < signs.len();
        fits &= letter(&run[0]) || run.len() <= 1 + usize::from(inner);
        at += run.len();
    }
    fits
}

/// The texts with their weights (natural logarithms), names spelled with `O`; what two spellings had is one text's.
fn respelled(beam: Vec<(f32, Vec<u8>)>) -> Vec<(f32, Vec<u8>)> {
    let mut out: Vec<(f32, Vec<u8>)> = Vec::with_capacity(beam.len());
    for (log, mut text) in beam {
        if misspelled(&text) {
            for s in text.iter_mut().filter(|s| **s == 0) {
                *s = 24;
            }
        }
        match out.iter_mut().find(|(_, t)| *t == text) {
            Some((sum, _)) => *sum = sum.max(log) + (-(*sum - log).abs()).exp().ln_1p(),
            None => out.push((log, text)),
        }
    }
    out
}

/// Weight of a text, as a natural logarithm, with its share of the decision.
fn log_prior(prior: &Prior, signs: &[u8]) -> f32 {
    let total: f32 = prior.patterns.iter().map(|p| p.1).sum();
    let digits = signs.iter().filter(|s| usize::from(**s) < DIGITS).count() as i32;
    let letters = signs.len() as i32 - digits;
    let each = 26f32.powi(-letters) * 10f32.powi(-digits);
    let fitting: f32 = prior
        .patterns
        .iter()
        .filter(|p| fits(p.0, signs))
        .map(|p| p.1 / total)
        .sum();
    prior.strength * (prior.share * fitting * each + (1.0 - prior.share) * free_text(signs)).ln()
}

/// The most likely text of `places` in `region`, each sign with its probability given the whole.
///
/// The likelihoods are those of the joint distribution of reader and prior, place by place.
#[must_use]
pub fn rerank(places: &[SignProbs], region: Region) -> Vec<CharRead> {
    let prior = prior(region);
    let softened: Vec<SignProbs> = places.iter().map(|p| soften(p, prior.twins)).collect();
    let mut beam: Vec<(f32, Vec<u8>)> = vec![(0.0, Vec::new())];
    // Probability of each place that its candidates hold; the rest speaks against the whole text.
    let mut held = Vec::with_capacity(places.len());
    for probs in &softened {
        let mut signs: Vec<u8> = (0..probs.len() as u8).collect();
        signs.sort_unstable_by(|a, b| probs[usize::from(*b)].total_cmp(&probs[usize::from(*a)]));
        let kept = signs.iter().take(PER_PLACE).enumerate();
        let kept: Vec<u8> = kept
            .filter(|(i, s)| *i == 0 || probs[usize::from(**s)] >= LEAST)
            .map(|(_, s)| *s)
            .collect();
        held.push(
            kept.iter()
                .map(|s| probs[usize::from(*s)])
                .sum::<f32>()
                .min(1.0),
        );
        let mut next = Vec::with_capacity(beam.len() * kept.len());
        for (log, text) in &beam {
            for s in &kept {
                let mut longer = text.clone();
                longer.push(*s);
                next.push((log + probs[usize::from(*s)].max(1e-6).ln(), longer));
            }
        }
        next.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
        next.truncate(BEAM);
        beam = next;
    }
    if prior.names {
        beam = respelled(beam);
    }
    for (log, text) in &mut beam {
        *log += log_prior(&prior, text);
    }
    let top = beam.iter().map(|b| b.0).fold(f32::NEG_INFINITY, f32::max);
    let best = beam
        .iter()
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|b| b.1.clone())
        .unwrap_or_default();
    let total: f32 = beam.iter().map(|b| (b.0 - top).exp()).sum();
    let place = |i: usize| {
        let mut share = [0.0f32; 36];
        for (log, text) in &beam {
            share[usize::from(text[i])] += (log - top).exp() / total;
        }
        let mut others: Vec<(char, f32)> = (0..36u8)
            .filter(|s| *s != best[i] && share[usize::from(*s)] >= LEAST)
            .map(|s| (sign_char(s.into()), share[usize::from(s)] * held[i]))
            .collect();
        others.sort_unstable_by(|a, b| b.1.total_cmp(&a.1));
        others.truncate(3);
        CharRead {
            sign: sign_char(best[i].into()),
            likelihood: (share[usize::from(best[i])] * held[i]).min(1.0),
            alternatives: others,
        }
    };
    (0..places.len()).map(place).collect()
}

/// ISO 3166-1 alpha-2 of the country whose series `text` follows, where the region leaves no doubt.
#[must_use]
pub fn country_code(text: &str, region: Region) -> Option<&'static str> {
    let signs: Option<Vec<u8>> = text
        .chars()
        .map(|c| crate::ctc::sign_index(c).map(|s| s as u8))
        .collect();
    let signs = signs?;
    let patterns = prior(region).patterns;
    patterns
        .iter()
        .find(|p| fits(p.0, &signs))
        .and_then(|p| p.2)
}

/// Folds signs that share a glyph or are swapped most: `O`, `Q` and `D` become `0`, `I` becomes `1`, `Z` `2`,
/// `S` `5`, `B` `8`. For comparing texts, never for showing them.
#[must_use]
pub fn folded(text: &str) -> String {
    let fold = |c| match c {
        'O' | 'Q' | 'D' => '0',
        'I' => '1',
        'Z' => '2',
        'S' => '5',
        'B' => '8',
        other => other,
    };
    text.chars().map(fold).collect()
}

/// Fewest insertions, removals and swaps that turn `a` into `b`.
#[must_use]
pub fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut before = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let swap = before + usize::from(ca != *cb);
            before = row[j + 1];
            row[j + 1] = swap.min(row[j] + 1).min(before + 1);
        }
    }
    row[b.len()]
}

/// How alike two texts are, 0..=1, after folding.
#[must_use]
pub fn similarity(a: &str, b: &str) -> f32 {
    let longest = a.chars().count().max(b.chars().count());
    if longest == 0 {
        return 0.0;
    }
    1.0 - edit_distance(&folded(a), &folded(b)) as f32 / longest as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ctc::sign_index;
    use proptest::prelude::*;

    /// Places from alternatives: `[('O', .6), ('0', .4)]`.
    fn places(rows: &[&[(char, f32)]]) -> Vec<SignProbs> {
        let place = |row: &&[(char, f32)]| {
            let mut p = [0.0; 36];
            for (c, v) in *row {
                p[sign_index(*c).unwrap()] = *v;
            }
            p
        };
        rows.iter().map(place).collect()
    }

    fn text(chars: &[CharRead]) -> String {
        chars.iter().map(|c| c.sign).collect()
    }

    #[test]
    fn a_pattern_decides_between_close_signs_only() {
        let sure = |c| [(c, 1.0f32)];
        let (a, b, c) = (sure('A'), sure('B'), sure('C'));
        let (one, two) = (sure('1'), sure('2'));
        let close = [('B', 0.6), ('8', 0.4)];
        let clear = [('B', 0.97), ('8', 0.03)];
        let twins = [('O', 0.9), ('0', 0.1)];
        for (region, last, expect) in [
            (Region::Us, &close[..], "ABC1128"),
            (Region::Br, &close[..], "ABC1128"),
            // Digits follow digits anywhere.
            (Region::Any, &close[..], "ABC1128"),
            // Never forced: a sure reader keeps its letter, even where no plate has one.
            (Region::Us, &clear[..], "ABC112B"),
            (Region::Any, &clear[..], "ABC112B"),
            // One glyph on many plates: the reader's preference counts less.
            (Region::Us, &twins[..], "ABC1120"),
        ] {
            let p = places(&[&a, &b, &c, &one, &one, &two, last]);
            assert_eq!(text(&rerank(&p, region)), expect, "{region} {last:?}");
        }
    }

    #[test]
    fn likelihoods_follow_the_decision() {
        let p = places(&[&[('A', 1.0)], &[('M', 0.5), ('N', 0.5)]]);
        let r = rerank(&p, Region::Any);
        assert!((r[1].likelihood - 0.5).abs() < 1e-3);
        assert_eq!(r[1].alternatives.len(), 1);
        assert!((r[0].likelihood - 1.0).abs() < 1e-3 && r[0].alternatives.is_empty());
    }

    #[test]
    fn names_are_spelled_with_letters() {
        let signs =
            |t: &str| -> Vec<u8> { t.chars().map(|c| sign_index(c).unwrap() as u8).collect() };
        for (text, expect) in [
            ("NBY0ND", true),
            ("EWWP00P", true),
            ("0RINNIE", true),
            ("LAMB0", true),
            // Series, and what may be one.
            ("ABC00", false),
            ("00ABCD", false),
            ("ABC0", false),
            ("6CED502", false),
            ("G0T2P00", false),
            ("NBYOND", false),
        ] {
            assert_eq!(misspelled(&signs(text)), expect, "{text}");
        }
        let sure = |c| [(c, 1.0f32)];
        let zero = [('0', 0.95f32), ('O', 0.05)];
        let name = ['N', 'B', 'Y', 'N', 'D'].map(sure);
        let p = places(&[&name[0], &name[1], &name[2], &zero, &name[3], &name[4]]);
        for region in [Region::Us, Region::Any] {
            let read = rerank(&p, region);
            assert_eq!(text(&read), "NBYOND", "{region}");
            assert!(read[3].likelihood > 0.9, "both spellings count: {read:?}");
        }
    }

    #[test]
    fn countries_only_where_certain() {
        for (text, region, expect) in [
            ("ABC1234", Region::Br, Some("BR")),
            ("ABC1D23", Region::Br, Some("BR")),
            ("7ABC123", Region::Us, Some("US")),
            ("LOVE", Region::Us, None),
            ("AB123CD", Region::Eu, None),
            ("1234BCD", Region::Eu, Some("ES")),
            ("ABC1234", Region::Any, None),
            ("ab", Region::Us, None),
        ] {
            assert_eq!(country_code(text, region), expect, "{text} {region}");
        }
    }

    #[test]
    fn distances() {
        for (a, b, d) in [
            ("", "", 0),
            ("ABC", "ABC", 0),
            ("ABC", "AC", 1),
            ("ABC", "XABC", 1),
            ("KITTEN", "SITTING", 3),
        ] {
            assert_eq!(edit_distance(a, b), d);
        }
        assert!((similarity("OI8", "018") - 1.0).abs() < 1e-6);
        assert!(similarity("", "").abs() < 1e-6);
    }

    proptest! {
        #[test]
        fn every_place_comes_out_with_a_probability(raw in prop::collection::vec(prop::collection::vec(0.001f32..1.0, 36), 0..10)) {
            let p: Vec<SignProbs> = raw.iter().map(|r| { let s: f32 = r.iter().sum(); std::array::from_fn(|i| r[i] / s) }).collect();
            for region in Region::ALL {
                let out = rerank(&p, region);
                prop_assert_eq!(out.len(), p.len());
                prop_assert!(out.iter().all(|c| c.likelihood > 0.0 && c.likelihood <= 1.0));
            }
        }

        #[test]
        fn distance_is_symmetric(a in "[A-C]{0,6}", b in "[A-C]{0,6}") {
            prop_assert_eq!(edit_distance(&a, &b), edit_distance(&b, &a));
        }
    }
}
