//! Plates of two lines (motorcycles, square plates): an upper and a lower part, read one after the other.

use crate::Error;
use crate::ctc::{Decoded, decode};
use crate::frame::FrameView;
use crate::geometry::PxQuad;
use crate::nets::Reader;
use crate::warp::rectify;

/// Plates wider than so many heights have one line.
const WIDEST: f32 = 2.4;
/// Where the lines part, in plate heights from above: the upper one may be the smaller or the larger.
const PARTINGS: [f32; 3] = [0.42, 0.5, 0.58];
/// How far a line reaches beyond the plate's own edge, in plate heights.
const BEYOND: f32 = 0.02;
/// Least confidence of every sign of both lines: half a line of one-line plates reads as rubbish, seldom as sure rubbish.
const LEAST: f32 = 0.6;

/// Plates narrower than so many heights are looked at as two lines even if one was read for sure: it may be the lower one alone.
const SQUARE: f32 = 1.8;

/// Whether a plate is high enough for two lines.
fn has_room(quad: &PxQuad) -> bool {
    quad.width() < WIDEST * quad.height()
}

/// What was read on a plate as a whole.
pub(crate) struct Whole<'a> {
    /// The text, empty for none.
    pub(crate) text: &'a str,
    /// Its likelihood, 0..=1.
    pub(crate) likelihood: f32,
    /// Whether it is beyond doubt.
    pub(crate) sure: bool,
}

impl Whole<'_> {
    /// Whether a plate of this shape may have two lines, judged by its shape and what was read.
    fn leaves_doubt(&self, quad: &PxQuad) -> bool {
        has_room(quad) && (!self.sure || quad.width() < SQUARE * quad.height())
    }

    /// Whether two lines are the better read: surer, or this is no more than the lower one.
    fn yields_to(&self, lines: &Decoded) -> bool {
        let text = lines.text();
        lines.confidence() > self.likelihood
            || text.len() > self.text.len() && text.ends_with(self.text)
    }
}

/// What a plate says when it is taken for one of two lines, upper line first; `None` where that is no better than the `whole`: by its shape, an empty line, an unsure sign
/// or fewer than `min_length` signs.
///
/// # Errors
/// [`Error::Net`] when the net fails.
pub(crate) fn read_two_lines<R: Reader>(
    reader: &mut R,
    picture: &FrameView<'_>,
    quad: &PxQuad,
    whole: &Whole<'_>,
    min_length: usize,
) -> Result<Option<Decoded>, Error> {
    if !whole.leaves_doubt(quad) {
        return Ok(None);
    }
    let size = reader.crop_size();
    let crops: Vec<_> = PARTINGS
        .iter()
        .flat_map(|v| [quad.band(-BEYOND, *v), quad.band(*v, 1.0 + BEYOND)])
        .map(|line| rectify(picture, &line, size))
        .collect();
    let lines: Vec<_> = reader.read(&crops)?.iter().map(decode).collect();
    Ok(surest(&lines).filter(|l| l.places.len() >= min_length && whole.yields_to(l)))
}

/// The surest of pairs of lines, joined.
fn surest(lines: &[Decoded]) -> Option<Decoded> {
    lines
        .chunks_exact(2)
        .filter(|pair| pair.iter().all(|l| l.confidence() >= LEAST))
        .map(|pair| Decoded {
            places: pair.iter().flat_map(|l| l.places.clone()).collect(),
        })
        .max_by(|a, b| a.confidence().total_cmp(&b.confidence()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::PxRect;
    use crate::vote::tests::read;

    #[test]
    fn the_surest_pair_is_joined_and_a_line_without_text_is_none() {
        type Line = (&'static str, f32);
        let rows: [(&[Line], Option<&str>); 5] = [
            (&[("LZL", 0.9), ("6947", 0.8)], Some("LZL6947")),
            (
                &[("LZI", 0.7), ("6947", 0.8), ("LZL", 0.9), ("6947", 0.8)],
                Some("LZL6947"),
            ),
            (&[("", 0.0), ("6947", 0.99)], None),
            (&[("LZL", 0.99), ("6947", 0.5)], None),
            (&[], None),
        ];
        for (lines, expect) in rows {
            let lines: Vec<_> = lines.iter().map(|(t, p)| read(t, *p)).collect();
            assert_eq!(
                surest(&lines).map(|d| d.text()).as_deref(),
                expect,
                "{lines:?}"
            );
        }
    }

    #[test]
    fn shape_and_doubt_ask_for_a_look() {
        let quad = |w, h| PxQuad::from(PxRect::new(0.0, 0.0, w, h));
        let whole = |sure| Whole {
            text: "ABC123",
            likelihood: 0.95,
            sure,
        };
        let rows = [
            ((100.0, 60.0), true, true),
            ((100.0, 50.0), true, false),
            ((100.0, 50.0), false, true),
            ((100.0, 41.0), false, false),
            ((470.0, 100.0), false, false),
        ];
        for ((w, h), sure, expect) in rows {
            assert_eq!(
                whole(sure).leaves_doubt(&quad(w, h)),
                expect,
                "{w} x {h}, {sure}"
            );
        }
    }

    #[test]
    fn the_lower_line_alone_yields_to_both_and_a_sure_whole_to_nothing_else() {
        let rows = [
            ("WP24", 0.99, "36WP24", 0.7, true),
            ("", 0.0, "36WP24", 0.7, true),
            ("3WPZ4", 0.5, "36WP24", 0.7, true),
            ("3WPZ4", 0.8, "36WP24", 0.7, false),
            ("36WP24", 0.8, "36WP24", 0.7, false),
        ];
        for (text, likelihood, lines, p, expect) in rows {
            let whole = Whole {
                text,
                likelihood,
                sure: likelihood > 0.9,
            };
            assert_eq!(whole.yields_to(&read(lines, p)), expect, "{text} {lines}");
        }
    }
}
