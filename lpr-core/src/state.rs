//! The state of the US whose plate this is, by its look (RECOG-1, LPRCFG-17).
//!
//! Few coarse cells of the plate in colour are judged by a small net whose weights are part of the program: grounds, stripes and pictures of a state's
//! plates, not its letters. Series that tell their state by the text alone are in `regions/us.tsv`. What is not likely enough is unknown.

mod net;

use crate::color::pixel;
use crate::frame::FrameView;
use crate::geometry::{PxPoint, PxQuad};
use crate::plausibility::{Origin, origin};
use crate::settings::Region;

/// Cells across and down.
const WIDTH: usize = 24;
const HEIGHT: usize = 12;
/// Points that are looked at along each side of a cell.
const TAPS: usize = 3;
/// Plates narrower than this, in pixels, show too little.
const LEAST_WIDTH: f32 = 40.0;
/// Added to the spread of shades, so that noise is not blown up.
const QUIET: f32 = 8.0;
/// Likelihood below which a state is not told.
const LEAST_LIKELIHOOD: f32 = 0.8;

/// The country and state of a plate: by its text where that leaves no doubt, else by the look of the plate with the corners `quad` in `frame`.
///
/// Looks are known of states of the US only, and they count only where plates from there are expected.
#[must_use]
pub fn issuer(text: &str, region: Region, shown: Option<(&FrameView<'_>, &PxQuad)>) -> Origin {
    let look = || shown.and_then(|(frame, quad)| state_of(frame, quad));
    joined(origin(text, region), region, look)
}

/// What the text tells, and what the look adds to it: a text that names its state, or another country, is surer than any look.
fn joined(by_text: Origin, region: Region, look: impl FnOnce() -> Option<&'static str>) -> Origin {
    let open = by_text.entity.is_none() && by_text.country.is_none_or(|c| c == "US");
    let state = (region == Region::Us && open).then(look).flatten();
    state.map_or(by_text, |state| Origin {
        country: Some("US"),
        entity: Some(state),
    })
}

/// The postal letters of the state whose plates look like the one with the corners `quad`, where one is likely enough.
fn state_of(frame: &FrameView<'_>, quad: &PxQuad) -> Option<&'static str> {
    told(net::judge(&cells(frame, quad)?))
}

/// The most likely answer, where it is a state and likely enough.
fn told(answers: [f32; net::ANSWERS]) -> Option<&'static str> {
    let each = net::STATES.into_iter().zip(answers.into_iter().skip(1));
    let (state, likelihood) = each.max_by(|a, b| a.1.total_cmp(&b.1))?;
    (likelihood >= LEAST_LIKELIHOOD).then_some(state)
}

/// Red, green and blue of each cell against the plate's shades. `None` where the plate is too small or not all in the picture.
fn cells(frame: &FrameView<'_>, quad: &PxQuad) -> Option<Vec<f32>> {
    let width = quad.width();
    if !(width >= LEAST_WIDTH && width.is_finite()) {
        return None;
    }
    let [a, b, c, d] = quad.corners;
    let mix =
        |p: PxPoint, q: PxPoint, t: f32| PxPoint::new(p.x + (q.x - p.x) * t, p.y + (q.y - p.y) * t);
    let (columns, rows) = (WIDTH * TAPS, HEIGHT * TAPS);
    let mut cells = vec![0.0f32; WIDTH * HEIGHT * 3];
    for j in 0..rows {
        let v = (j as f32 + 0.5) / rows as f32;
        let (left, right) = (mix(a, d, v), mix(b, c, v));
        for i in 0..columns {
            let at = mix(left, right, (i as f32 + 0.5) / columns as f32);
            let rgb = pixel(frame, at)?;
            let cell = 3 * (j / TAPS * WIDTH + i / TAPS);
            for (sum, value) in cells[cell..].iter_mut().zip(rgb) {
                *sum += f32::from(value) / (TAPS * TAPS) as f32;
            }
        }
    }
    let shades = || {
        cells
            .chunks_exact(3)
            .map(|p| 0.3 * p[0] + 0.59 * p[1] + 0.11 * p[2])
    };
    let n = (WIDTH * HEIGHT) as f32;
    let mean = shades().sum::<f32>() / n;
    let spread = (shades().map(|s| (s - mean).powi(2)).sum::<f32>() / n).sqrt();
    Some(
        cells
            .iter()
            .map(|c| (c - mean) / (spread + QUIET))
            .collect(),
    )
}

#[cfg(test)]
mod tests;
