//! Which texts are likely as plates of a region: a prior that weighs, and never forces.
//!
//! The prior is a mixture. With the region's share a text follows one of its patterns, each letter and
//! digit equally likely; with the rest it is any text, in which letters mostly follow letters and digits digits.
//! So a plate that fits no pattern (vanity, foreign) is still read, and the prior only decides between
//! signs that the reader itself finds hard to tell apart. `O` and `0`, and `I` and `1`, are one glyph on
//! many plates: between those the reader's own preference counts less.

use std::sync::LazyLock;

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
struct Pattern {
    layout: &'static str,
    weight: f32,
    country: Option<&'static str>,
    entity: Option<&'static str>,
}

/// The layouts of the regions `us`, `eu` and `br`: data that anybody can add to.
static LAYOUTS: LazyLock<[Vec<Pattern>; 3]> = LazyLock::new(|| FILES.map(patterns));
const FILES: [&str; 3] = [
    include_str!("regions/us.tsv"),
    include_str!("regions/eu.tsv"),
    include_str!("regions/br.tsv"),
];

/// The lines of a file of layouts that are sound; a test holds that all are.
fn patterns(file: &'static str) -> Vec<Pattern> {
    file.lines().filter_map(pattern).collect()
}

fn pattern(line: &'static str) -> Option<Pattern> {
    let mut fields = line.split('\t');
    let layout = fields.next()?;
    let weight = fields.next()?.parse().ok()?;
    let (country, entity) = (fields.next()?, fields.next()?);
    let sound = (2..=10).contains(&layout.len()) && layout.bytes().all(|b| b == b'A' || b == b'9');
    let known = |word: &'static str| (word != "-").then_some(word);
    (sound && weight > 0.0 && fields.next().is_none()).then_some(Pattern {
        layout,
        weight,
        country: known(country),
        entity: known(entity),
    })
}

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
            patterns: &LAYOUTS[0],
            share: 0.7,
            strength: 0.35,
            names: true,
            twins: 0.25,
        },
        Region::Eu => Prior {
            patterns: &LAYOUTS[1],
            share: 0.8,
            strength: 0.45,
            names: false,
            twins: 0.4,
        },
        Region::Br => Prior {
            patterns: &LAYOUTS[2],
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
    let total: f32 = prior.patterns.iter().map(|p| p.weight).sum();
    let digits = signs.iter().filter(|s| usize::from(**s) < DIGITS).count() as i32;
    let letters = signs.len() as i32 - digits;
    let each = 26f32.powi(-letters) * 10f32.powi(-digits);
    let fitting: f32 = prior
        .patterns
        .iter()
        .filter(|p| fits(p.layout, signs))
        .map(|p| p.weight / total)
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

/// Whose a plate is, as far as its text tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// ISO 3166-1 alpha-2.
    pub country: Option<&'static str>,
    /// State or province, by its postal letters.
    pub entity: Option<&'static str>,
}

/// The country and state whose series `text` follows, where the region leaves no doubt (LPRCFG-17).
#[must_use]
pub fn origin(text: &str, region: Region) -> Origin {
    let signs: Option<Vec<u8>> = text
        .chars()
        .map(|c| crate::ctc::sign_index(c).map(|s| s as u8))
        .collect();
    let Some(signs) = signs else {
        return Origin::default();
    };
    let patterns = prior(region).patterns;
    let found = patterns.iter().find(|p| fits(p.layout, &signs));
    found.map_or_else(Origin::default, |p| Origin {
        country: p.country,
        entity: p.entity,
    })
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
            ("ABC1234", Region::Us, Some("US")),
            ("7ABC123", Region::Us, Some("US")),
            // States and provinces alike.
            ("ABC123", Region::Us, None),
            ("LOVE", Region::Us, None),
            ("AB123CD", Region::Eu, None),
            ("1234BCD", Region::Eu, Some("ES")),
            ("ABC1234", Region::Any, None),
            ("ab", Region::Us, None),
        ] {
            assert_eq!(origin(text, region).country, expect, "{text} {region}");
        }
        for (text, country, entity) in [
            ("7ABC123", "US", "CA"),
            ("AB1C2D", "US", "MO"),
            ("1234ABC", "US", "KS"),
            ("AB1C234", "US", "TX"),
            ("123456A", "US", "MT"),
            ("AB123C", "CA", "BC"),
        ] {
            let found = origin(text, Region::Us);
            assert_eq!(
                (found.country, found.entity),
                (Some(country), Some(entity)),
                "{text}"
            );
        }
        assert_eq!(origin("7ABC123", Region::Any), Origin::default());
        assert_eq!(origin("ABC1234", Region::Us).entity, None);
    }

    /// LPRCFG-16: a layout is a line of a file; every line counts, once, and says whose it is in two letters or not at all.
    #[test]
    fn the_files_of_layouts_are_sound() {
        for file in FILES {
            let lines: Vec<&str> = file.lines().filter(|l| !l.starts_with('#')).collect();
            assert_eq!(lines[0], "layout\tweight\tcountry\tentity");
            for (i, line) in lines.iter().enumerate().skip(1) {
                let p = pattern(line).unwrap_or_else(|| panic!("{line}"));
                for word in [p.country, p.entity].into_iter().flatten() {
                    assert!(word.len() == 2 && word.bytes().all(|b| b.is_ascii_uppercase()));
                }
                assert!(p.entity.is_none() || p.country.is_some(), "{line}");
                let twice = lines[..i]
                    .iter()
                    .any(|l| l.split('\t').next() == Some(p.layout));
                assert!(!twice, "{line} is there twice");
            }
        }
        for bad in [
            "",
            "AAA9999",
            "AAA9999\t0\t-\t-",
            "AAB9\t1\t-\t-",
            "AAA9\tx\t-\t-",
            "AAA9\t1\t-\t-\t-",
            "A\t1\t-\t-",
        ] {
            assert!(pattern(bad).is_none(), "{bad}");
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
