//! The type of the vehicle that bears a plate (RECOG-1), with a calibrated likelihood.
//!
//! The surroundings of the plate, grey and coarse, are judged by a small convolutional net whose weights are part of the program.
//! What the net is not sure of is unknown; so are vehicles that it never saw, such as motorcycles.

mod input;
mod net;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::frame::FrameView;
use crate::geometry::PxQuad;

/// Plates narrower than this, in pixels, are too far away.
const LEAST_WIDTH: f32 = 20.0;
/// Share of the input that the picture must fill: less shows too little of the vehicle.
const LEAST_SEEN: f32 = 0.1;

/// What kind of vehicle it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum VehicleType {
    /// Saloons, estates, coupés, off-roaders.
    Car,
    /// Vans and minibuses.
    Van,
    /// Cars with an open bed.
    Pickup,
    /// Lorries.
    Truck,
    /// Buses and coaches.
    Bus,
}

impl VehicleType {
    /// Every type, in the order of the net's answers.
    pub const ALL: [Self; 5] = [Self::Car, Self::Van, Self::Pickup, Self::Truck, Self::Bus];

    /// The word used in records and on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Car => "car",
            Self::Van => "van",
            Self::Pickup => "pickup",
            Self::Truck => "truck",
            Self::Bus => "bus",
        }
    }

    /// The type of this word.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|t| t.as_str() == word)
    }

    /// Likelihood below which it is not told.
    const fn least(self) -> f32 {
        match self {
            Self::Car => LEAST_OF_CARS,
            _ => LEAST_OF_OTHERS,
        }
    }
}

/// Nearly every vehicle is a car.
const LEAST_OF_CARS: f32 = 0.8;
/// The others are rare, in life and in training.
const LEAST_OF_OTHERS: f32 = 0.9;

/// A type and how likely it is right.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TypeRead {
    /// The type.
    #[serde(rename = "type")]
    pub vehicle_type: VehicleType,
    /// Calibrated likelihood, 0..=1.
    pub likelihood: f32,
}

/// What frames say about the type of one vehicle, each by its weight.
#[derive(Clone, Debug, Default)]
pub(crate) struct TypeBallot {
    sums: [f32; VehicleType::ALL.len()],
    weight: f32,
}

impl TypeBallot {
    /// Adds what `frame` says about the vehicle whose plate has the corners `quad`.
    pub(crate) fn cast(&mut self, frame: &FrameView<'_>, quad: &PxQuad, weight: f32) {
        if !(weight > 0.0 && weight.is_finite()) {
            return;
        }
        let Some(input) = input::around(frame, &quad.bounds()) else {
            return;
        };
        self.weight += weight;
        for (s, p) in self.sums.iter_mut().zip(net::judge(&input)) {
            *s += weight * p;
        }
    }

    /// The type, where it is likely enough.
    pub(crate) fn outcome(&self) -> Option<TypeRead> {
        let each = VehicleType::ALL.into_iter().zip(self.sums);
        let (vehicle_type, sum) = each
            .max_by(|a, b| a.1.total_cmp(&b.1))
            .filter(|_| self.weight > 0.0)?;
        let likelihood = (sum / self.weight).min(1.0);
        (likelihood >= vehicle_type.least()).then_some(TypeRead {
            vehicle_type,
            likelihood,
        })
    }
}

/// The type of the vehicle whose plate has the corners `quad`, as one frame shows it.
#[must_use]
pub fn type_of(frame: &FrameView<'_>, quad: &PxQuad) -> Option<TypeRead> {
    let mut ballot = TypeBallot::default();
    ballot.cast(frame, quad, 1.0);
    ballot.outcome()
}

#[cfg(test)]
mod tests;
