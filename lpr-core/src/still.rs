//! Recognition on one still picture.

use crate::Error;
use crate::color::{Colors, colors_of};
use crate::ctc::{Decoded, decode};
use crate::frame::FrameView;
use crate::geometry::{FrameSize, PxQuad, PxRect};
use crate::lines::{Whole, read_two_lines};
use crate::nets::{DetectRequest, Detector, Reader};
use crate::plate::{PlateDetection, PlateText};
use crate::plausibility::Origin;
use crate::settings::Region;
use crate::state::issuer;
use crate::vehicle_type::{TypeRead, type_of};
use crate::vote::Ballot;
use crate::warp::{rectify, usable_quad};

/// How to look at a still picture; the numbers belong to the nets in use.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StillOptions {
    /// Whose plates are expected.
    pub region: Region,
    /// Long side of the detector's input, pixels, 32..=4096.
    pub long_side: u32,
    /// Least detector score, 0..=1.
    pub min_score: f32,
    /// Least likelihood of a text, 0..=1.
    pub min_likelihood: f32,
    /// Fewest characters of a plate; two or three count when there is no doubt about them.
    pub min_length: usize,
}

/// A plate in a still picture.
#[derive(Clone, Debug, PartialEq)]
pub struct StillPlate {
    /// Text and likelihood; `None` for a plate that was found and cannot be read.
    pub plate: Option<PlateText>,
    /// The detector's score, 0..=1.
    pub score: f32,
    /// Upright box, pixels of the picture.
    pub rect: PxRect,
    /// Corners, pixels of the picture.
    pub quad: PxQuad,
    /// Colours of plate and vehicle.
    pub colors: Colors,
    /// Type of the vehicle; `None` is unknown.
    pub vehicle_type: Option<TypeRead>,
    /// Country and state of a plate that was read, as far as text and look tell.
    pub origin: Origin,
}

/// Most net pixels for a picture pixel.
const MAX_SCALE: f32 = 1.0;
/// Plates read in one picture at most, the best scored.
const MAX_PLATES: usize = 16;
/// A read this sure needs no second look.
const SURE: f32 = 0.9;
/// The second look at a large picture uses an input so much longer.
const CLOSER: f32 = 1.7;
/// A text that holds another one is taken for the whole plate from this likelihood.
const WHOLE: f32 = 0.4;
/// Boxes of two looks that overlap more than this are one plate.
const SAME_PLATE: f32 = 0.3;
/// Fewest characters of the shortest plates (vanity, `V8`).
const SHORTEST: usize = 2;
/// Likelihood and detector score that a text below the least length needs: lettering reads short too.
const SHORT_LIKELIHOOD: f32 = 0.9;
const SHORT_SCORE: f32 = 0.75;
/// Detector score of a plate that is reported without a text.
const UNREAD_SCORE: f32 = 0.5;

impl StillPlate {
    /// Likelihood of the text, 0 without one.
    #[must_use]
    pub fn likelihood(&self) -> f32 {
        self.plate.as_ref().map_or(0.0, |p| p.likelihood)
    }

    /// The text, empty without one.
    #[must_use]
    pub fn text(&self) -> &str {
        self.plate.as_ref().map_or("", |p| &p.text)
    }

    /// Whether there is a text good enough to be reported.
    fn is_read(&self, options: &StillOptions) -> bool {
        let short = self.text().len() < options.min_length;
        self.plate.is_some()
            && self.likelihood() >= options.min_likelihood
            && (!short || self.likelihood() >= SHORT_LIKELIHOOD && self.score >= SHORT_SCORE)
    }
}

/// Finds and reads the plates of one picture, most likely first; those found but not read come last, without a text.
///
/// The picture is looked at in two sizes, for plates near and far. One larger than the net's input in which nothing sure was found is looked at once more in more
/// detail; a plate that is not sure is cut out in several ways, which vote.
///
/// # Errors
/// [`Error::Net`] when a net fails.
pub fn recognize_still<D: Detector, R: Reader>(
    detector: &mut D,
    reader: &mut R,
    picture: &FrameView<'_>,
    options: &StillOptions,
) -> Result<Vec<StillPlate>, Error> {
    // Plates that fill the input are found whole in a smaller one only.
    let mut plates = look(detector, reader, picture, options, options.long_side / 2)?;
    merge(
        &mut plates,
        look(detector, reader, picture, options, options.long_side)?,
    );
    let long = picture.size().width().max(picture.size().height());
    let sure = plates
        .iter()
        .any(|p| p.likelihood() >= SURE.min(options.min_likelihood + 0.2));
    if !sure && long as f32 > 1.2 * options.long_side as f32 {
        let closer = look(
            detector,
            reader,
            picture,
            options,
            (options.long_side as f32 * CLOSER) as u32,
        )?;
        merge(&mut plates, closer);
    }
    for p in &mut plates {
        if !p.is_read(options) {
            p.plate = None;
        }
    }
    plates.retain(|p| p.plate.is_some() || p.score >= UNREAD_SCORE);
    for p in &mut plates {
        p.colors = colors_of(picture, &p.quad);
        p.vehicle_type = type_of(picture, &p.quad);
        if let Some(text) = &p.plate {
            p.origin = issuer(&text.text, options.region, Some((picture, &p.quad)));
        }
    }
    plates.sort_by(|a, b| {
        let key = |p: &StillPlate| (p.likelihood(), p.score);
        let (a, b) = (key(a), key(b));
        b.0.total_cmp(&a.0).then(b.1.total_cmp(&a.1))
    });
    Ok(plates)
}

/// One pass over the picture with an input of `long_side`; unlikely texts and plates without one included.
fn look<D: Detector, R: Reader>(
    detector: &mut D,
    reader: &mut R,
    picture: &FrameView<'_>,
    options: &StillOptions,
    long_side: u32,
) -> Result<Vec<StillPlate>, Error> {
    let side = long_side.clamp(32, 4096).next_multiple_of(32);
    let request = DetectRequest {
        region: picture.size().rect(),
        max_input: FrameSize::new(side, side)?,
        max_scale: MAX_SCALE,
        min_score: options.min_score,
    };
    let mut found = detector.detect(picture, &request)?;
    found.truncate(MAX_PLATES);
    let mut plates = Vec::new();
    for d in &found {
        let quad = usable_quad(&d.quad, &d.rect);
        plates.push(StillPlate {
            plate: read(reader, picture, &quad, d, options)?,
            score: d.score,
            rect: d.rect,
            quad,
            colors: Colors::default(),
            vehicle_type: None,
            origin: Origin::default(),
        });
    }
    Ok(plates)
}

/// The text of one plate, unless it is none.
fn read<R: Reader>(
    reader: &mut R,
    picture: &FrameView<'_>,
    quad: &PxQuad,
    found: &PlateDetection,
    options: &StillOptions,
) -> Result<Option<PlateText>, Error> {
    let size = reader.crop_size();
    let mut cut = |views: &[PxQuad]| -> Result<Vec<Decoded>, Error> {
        let crops: Vec<_> = views.iter().map(|q| rectify(picture, q, size)).collect();
        Ok(reader.read(&crops)?.iter().map(decode).collect())
    };
    let mut reads = cut(&[*quad])?;
    if reads
        .iter()
        .all(|r| r.confidence() < SURE || r.places.len() < options.min_length)
    {
        reads.extend(cut(&views(quad, &found.rect))?);
    }
    let looks = reads.len();
    let shortest = SHORTEST.min(options.min_length);
    reads.retain(|r| r.places.len() >= shortest);
    // Lettering reads as a plate in one cut and as nothing in the others.
    if reads.len() * 2 < looks {
        reads.clear();
    }
    let mut ballot = Ballot::of_one_picture();
    for r in reads {
        // Squared: a cut that misses a character is seldom sure of the others.
        let weight = 0.02 + r.confidence() * r.confidence();
        ballot.cast(r, weight);
    }
    let whole = ballot.outcome(options.region);
    let likelihood = whole.as_ref().map_or(0.0, |t| t.likelihood);
    let seen = Whole {
        text: whole.as_ref().map_or("", |t| &t.text),
        likelihood,
        sure: likelihood >= SURE,
    };
    if let Some(lines) = read_two_lines(reader, picture, quad, &seen, options.min_length)? {
        let mut ballot = Ballot::of_one_picture();
        ballot.cast(lines, 1.0);
        return Ok(ballot.outcome(options.region));
    }
    Ok(whole.filter(|t| t.text.len() >= shortest))
}

/// Other ways to cut a plate out: the box, a little wider and narrower, a little higher and lower.
fn views(quad: &PxQuad, rect: &PxRect) -> [PxQuad; 5] {
    let shift = 0.05 * quad.height();
    [
        PxQuad::from(*rect),
        quad.grown(0.04, 0.08),
        quad.grown(-0.02, -0.04),
        quad.moved(0.0, shift),
        quad.moved(0.0, -shift),
    ]
}

/// Adds the plates of another look; of two reads of one plate the better stays.
fn merge(plates: &mut Vec<StillPlate>, more: Vec<StillPlate>) {
    for p in more {
        match plates.iter_mut().find(|q| is_same(&q.rect, &p.rect)) {
            Some(q) if is_better(&p, q) => *q = p,
            Some(_) => {}
            None => plates.push(p),
        }
    }
}

/// Whether two boxes are of one plate: they overlap, or one holds the other's middle.
fn is_same(a: &PxRect, b: &PxRect) -> bool {
    a.iou(b) > SAME_PLATE || a.contains(b.center()) || b.contains(a.center())
}

/// Whether `new` is the better read: it has the other's text and more, or is likelier.
fn is_better(new: &StillPlate, old: &StillPlate) -> bool {
    let (Some(n), Some(o)) = (&new.plate, &old.plate) else {
        return new.plate.is_some() || old.plate.is_none() && new.score > old.score;
    };
    let longer = n.text.len() > o.text.len() && n.text.contains(&o.text);
    let shorter = n.text.len() < o.text.len() && o.text.contains(&n.text);
    if longer {
        n.likelihood >= WHOLE
    } else if shorter {
        o.likelihood < WHOLE
    } else {
        n.likelihood > o.likelihood
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plate(text: &str, likelihood: f32, x: f32, width: f32) -> StillPlate {
        let rect = PxRect::new(x, 100.0, width, 40.0);
        let plate = (!text.is_empty()).then(|| PlateText {
            text: text.into(),
            likelihood,
            chars: Vec::new(),
        });
        StillPlate {
            plate,
            score: 0.9,
            rect,
            quad: rect.into(),
            colors: Colors::default(),
            vehicle_type: None,
            origin: Origin::default(),
        }
    }

    #[test]
    fn of_two_reads_of_one_plate_the_better_stays() {
        let rows = [
            // likelier
            (
                plate("ABC128", 0.6, 0., 100.),
                plate("ABC123", 0.9, 2., 100.),
                vec!["ABC123"],
            ),
            (
                plate("ABC123", 0.9, 0., 100.),
                plate("ABC128", 0.6, 2., 100.),
                vec!["ABC123"],
            ),
            // half a plate, however sure
            (
                plate("C123", 0.99, 40., 60.),
                plate("ABC123", 0.8, 0., 100.),
                vec!["ABC123"],
            ),
            (
                plate("ABC123", 0.8, 0., 100.),
                plate("C123", 0.99, 40., 60.),
                vec!["ABC123"],
            ),
            (
                plate("C123", 0.99, 40., 60.),
                plate("ABC123", 0.2, 0., 100.),
                vec!["C123"],
            ),
            // any text before none
            (
                plate("", 0.0, 0., 100.),
                plate("ABC123", 0.3, 2., 100.),
                vec!["ABC123"],
            ),
            (
                plate("ABC123", 0.3, 0., 100.),
                plate("", 0.0, 2., 100.),
                vec!["ABC123"],
            ),
            // two plates
            (
                plate("ABC123", 0.9, 0., 100.),
                plate("XYZ789", 0.9, 300., 100.),
                vec!["ABC123", "XYZ789"],
            ),
        ];
        for (first, second, expect) in rows {
            let mut plates = vec![first];
            merge(&mut plates, vec![second]);
            assert_eq!(
                plates.iter().map(StillPlate::text).collect::<Vec<_>>(),
                expect
            );
        }
    }

    #[test]
    fn short_texts_need_more() {
        let options = StillOptions {
            region: Region::Any,
            long_side: 640,
            min_score: 0.4,
            min_likelihood: 0.5,
            min_length: 4,
        };
        let read = |text, likelihood, score| {
            let p = StillPlate {
                score,
                ..plate(text, likelihood, 0., 100.)
            };
            p.is_read(&options)
        };
        assert!(read("ABCD", 0.5, 0.4) && !read("ABCD", 0.49, 0.9));
        assert!(read("V8", 0.95, 0.8) && !read("V8", 0.89, 0.8) && !read("V8", 0.95, 0.7));
        assert!(!read("", 0.0, 0.99));
    }
}
