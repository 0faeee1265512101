//! Colours: of a plate's background and of the vehicle around it (RECOG-1), each with a calibrated likelihood.
//!
//! A few hundred pixels of the plate, of what is above and beside it and of the whole frame become shares of shades and hues; two small nets judge them.
//! Where the light has no colour (infrared, black and white pictures), there is no answer.

mod features;
mod net;
mod sample;
mod weights;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::frame::FrameView;
use crate::geometry::PxQuad;
use features::Light;
pub(crate) use sample::pixel;
pub use sample::{Rgb, Samples};

/// Likelihood below which a plate's colour is not told.
const LEAST_LIKELIHOOD: f32 = 0.7;
/// The same for the vehicle's: shade and windows deceive more than print on a plate does.
const LEAST_OF_VEHICLES: f32 = 0.8;
/// Bumpers of dark plastic fill the picture around many a plate: black must be sure.
const LEAST_OF_BLACK: f32 = 0.95;
/// Spread of hues over the frame below which its light has no colour.
const LEAST_SPREAD: f32 = 0.012;
/// A cast stronger than this hides the colour of paint: 98 of 100 training pictures by day have less, infrared-sensitive cameras without a filter more.
const MOST_CAST: f32 = 0.3;
/// Plates narrower than this have too few pixels between their characters.
const LEAST_WIDTH: f32 = 24.0;

/// A colour by name. Plates have no grey and no brown; their white includes silver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Color {
    /// White; on plates silver too.
    White,
    /// Silver and grey.
    Grey,
    /// Black and nearly black.
    Black,
    /// Red.
    Red,
    /// Yellow and orange.
    Yellow,
    /// Green.
    Green,
    /// Blue.
    Blue,
    /// Brown and beige.
    Brown,
}

impl Color {
    /// Every colour.
    pub const ALL: [Self; 8] = [
        Self::White,
        Self::Grey,
        Self::Black,
        Self::Red,
        Self::Yellow,
        Self::Green,
        Self::Blue,
        Self::Brown,
    ];
    /// The colours of plates, in the order of the net's answers.
    const OF_PLATES: [Self; 6] = [
        Self::White,
        Self::Black,
        Self::Red,
        Self::Yellow,
        Self::Green,
        Self::Blue,
    ];

    /// The word used in records and on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::White => "white",
            Self::Grey => "grey",
            Self::Black => "black",
            Self::Red => "red",
            Self::Yellow => "yellow",
            Self::Green => "green",
            Self::Blue => "blue",
            Self::Brown => "brown",
        }
    }

    /// The colour of this word.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.as_str() == word)
    }

    /// Red, green and blue of a typical shade: ONVIF has values and no names.
    #[must_use]
    pub const fn rgb(self) -> [u8; 3] {
        match self {
            Self::White => [255, 255, 255],
            Self::Grey => [128, 128, 128],
            Self::Black => [0, 0, 0],
            Self::Red => [200, 0, 0],
            Self::Yellow => [255, 200, 0],
            Self::Green => [0, 128, 0],
            Self::Blue => [0, 64, 200],
            Self::Brown => [130, 90, 50],
        }
    }
}

/// A colour and how likely it is right.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ColorRead {
    /// The colour.
    pub color: Color,
    /// Calibrated likelihood, 0..=1.
    pub likelihood: f32,
}

/// Colours of one plate and its vehicle; `None` is unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Colors {
    /// Background of the plate.
    pub plate: Option<ColorRead>,
    /// Body of the vehicle.
    pub vehicle: Option<ColorRead>,
}

/// What frames say about the colours of one plate and its vehicle, each by its weight.
#[derive(Clone, Debug, Default)]
pub(crate) struct ColorBallot {
    plate: [f32; 6],
    vehicle: [f32; 8],
    weight: f32,
}

impl ColorBallot {
    /// Adds what `frame` says about the plate with corners `quad`.
    pub(crate) fn cast(&mut self, frame: &FrameView<'_>, quad: &PxQuad, weight: f32) {
        if quad.width() < LEAST_WIDTH || !(weight > 0.0 && weight.is_finite()) {
            return;
        }
        let samples = Samples::of(frame, quad);
        let light = Light::of(&samples.frame);
        // A frame without colour takes part: it makes the others' answer less sure.
        self.weight += weight;
        if light.spread() < LEAST_SPREAD {
            return;
        }
        add(
            &mut self.plate,
            net::plate(&features::plate(&samples, &light)),
            weight,
        );
        let plain = light.strength_of_cast() <= MOST_CAST;
        if let Some(body) = features::body(&samples, &light).filter(|_| plain) {
            add(&mut self.vehicle, net::body(&body), weight);
        }
    }

    /// The colours that are likely enough.
    pub(crate) fn outcome(&self) -> Colors {
        Colors {
            plate: likeliest(&self.plate, &Color::OF_PLATES, self.weight)
                .filter(|c| c.likelihood >= LEAST_LIKELIHOOD),
            vehicle: likeliest(&self.vehicle, &Color::ALL, self.weight).filter(|c| match c.color {
                Color::Black => c.likelihood >= LEAST_OF_BLACK,
                _ => c.likelihood >= LEAST_OF_VEHICLES,
            }),
        }
    }
}

fn add<const N: usize>(sum: &mut [f32; N], probs: [f32; N], weight: f32) {
    for (s, p) in sum.iter_mut().zip(probs) {
        *s += weight * p;
    }
}

fn likeliest(sums: &[f32], colors: &[Color], weight: f32) -> Option<ColorRead> {
    let best = colors.iter().zip(sums).max_by(|a, b| a.1.total_cmp(b.1));
    let (color, sum) = best.filter(|_| weight > 0.0)?;
    Some(ColorRead {
        color: *color,
        likelihood: (sum / weight).min(1.0),
    })
}

/// The colours of the plate with corners `quad` in one frame, and of its vehicle.
#[must_use]
pub fn colors_of(frame: &FrameView<'_>, quad: &PxQuad) -> Colors {
    let mut ballot = ColorBallot::default();
    ballot.cast(frame, quad, 1.0);
    ballot.outcome()
}

#[cfg(test)]
mod tests;
