//! Recognition on one still picture.

use crate::Error;
use crate::ctc::{Decoded, decode};
use crate::frame::FrameView;
use crate::geometry::{FrameSize, PxQuad, PxRect};
use crate::nets::{DetectRequest, Detector, Reader};
use crate::plate::{PlateDetection, PlateText};
use crate::settings::Region;
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
    /// Fewest characters of a plate.
    pub min_length: usize,
}

/// A plate in a still picture.
#[derive(Clone, Debug, PartialEq)]
pub struct StillPlate {
    /// Text and likelihood.
    pub plate: PlateText,
    /// The detector's score, 0..=1.
    pub score: f32,
    /// Upright box, pixels of the picture.
    pub rect: PxRect,
    /// Corners, pixels of the picture.
    pub quad: PxQuad,
}

/// Most net pixels for a picture pixel.
const MAX_SCALE: f32 = 1.0;
/// Plates read in one picture at most, the best scored.
const MAX_PLATES: usize = 16;

/// Finds and reads the plates of one picture, most likely first.
///
/// # Errors
/// [`Error::Net`] when a net fails.
pub fn recognize_still<D: Detector, R: Reader>(
    detector: &mut D,
    reader: &mut R,
    picture: &FrameView<'_>,
    options: &StillOptions,
) -> Result<Vec<StillPlate>, Error> {
    let found = find(detector, picture, options)?;
    let size = reader.crop_size();
    let quads: Vec<PxQuad> = found
        .iter()
        .map(|d| usable_quad(&d.quad, &d.rect))
        .collect();
    let crops: Vec<_> = quads.iter().map(|q| rectify(picture, q, size)).collect();
    let outputs = if crops.is_empty() {
        Vec::new()
    } else {
        reader.read(&crops)?
    };
    let mut plates: Vec<StillPlate> = found
        .iter()
        .zip(&quads)
        .zip(&outputs)
        .filter_map(|((d, quad), output)| {
            let plate = text_of(decode(output), options)?;
            Some(StillPlate {
                plate,
                score: d.score,
                rect: d.rect,
                quad: *quad,
            })
        })
        .collect();
    plates.sort_by(|a, b| b.plate.likelihood.total_cmp(&a.plate.likelihood));
    Ok(plates)
}

/// Boxes in the whole picture.
fn find<D: Detector>(
    detector: &mut D,
    picture: &FrameView<'_>,
    options: &StillOptions,
) -> Result<Vec<PlateDetection>, Error> {
    let side = options.long_side.clamp(32, 4096).next_multiple_of(32);
    let request = DetectRequest {
        region: picture.size().rect(),
        max_input: FrameSize::new(side, side)?,
        max_scale: MAX_SCALE,
        min_score: options.min_score,
    };
    let mut found = detector.detect(picture, &request)?;
    found.truncate(MAX_PLATES);
    Ok(found)
}

/// The text, when it passes for a plate's.
fn text_of(read: Decoded, options: &StillOptions) -> Option<PlateText> {
    if read.places.len() < options.min_length {
        return None;
    }
    let mut ballot = Ballot::default();
    ballot.cast(read, 1.0);
    ballot
        .outcome(options.region)
        .filter(|t| t.likelihood >= options.min_likelihood)
}
