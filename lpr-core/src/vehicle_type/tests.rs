use proptest::prelude::*;

use super::*;
use crate::geometry::{FrameSize, PxPoint, PxRect};
use crate::picture::{Picture, PixelFormat};
use crate::time::UtcTime;

/// A picture of stripes and steps, and a plate in it.
fn pattern(format: PixelFormat) -> Picture {
    let (w, h) = (300u32, 220u32);
    let shade = |x: u32, y: u32| ((7 * x + 3 * y + x * y / 16) % 251) as u8;
    let size = FrameSize::new(w, h).unwrap();
    let places = (0..h).flat_map(|y| (0..w).map(move |x| (x, y)));
    let data = match format {
        PixelFormat::Rgb => places.flat_map(|(x, y)| [shade(x, y); 3]).collect(),
        _ => {
            let luma = places.map(|(x, y)| shade(x, y));
            luma.chain(std::iter::repeat(128))
                .take(format.bytes(size))
                .collect()
        }
    };
    Picture::new(size, format, data).unwrap()
}

const PLATE: PxRect = PxRect {
    x: 110.23,
    y: 150.41,
    width: 51.37,
    height: 14.2,
};

/// RECOG-1: what the net was trained with is what it is given, and its answers are the trainer's, whatever the frame's format:
/// numbers from `training/vehicle_types.py --check`.
#[test]
fn the_trainer_sees_and_says_the_same() {
    for format in [
        PixelFormat::Grey,
        PixelFormat::Rgb,
        PixelFormat::I420,
        PixelFormat::Nv12,
    ] {
        let picture = pattern(format);
        let view = picture.view(UtcTime::EPOCH).unwrap();
        let input = input::around(&view, &PLATE).unwrap();
        let sum = |from: usize| input.iter().skip(from).step_by(2).sum::<f32>();
        let firm = |got: f32, expect: f32| {
            assert!(
                (got - expect).abs() < 2e-3 * expect.abs().max(1.0),
                "{format:?}: {got}, not {expect}"
            );
        };
        firm(sum(1), INSIDE);
        for (place, expect) in CELLS {
            firm(input[2 * place], expect);
        }
        for (got, expect) in net::judge(&input).into_iter().zip(ANSWERS) {
            firm(got, expect);
        }
    }
}

const INSIDE: f32 = 2537.0;
#[rustfmt::skip]
const CELLS: [(usize, f32); 6] = [(2016, -0.0000), (2417, 0.1845), (2818, 0.2532), (3219, -0.1628), (3620, 1.1882), (4021, -0.0000)];
#[rustfmt::skip]
const ANSWERS: [f32; 5] = [0.05146, 0.05304, 0.03727, 0.7291, 0.12914];

/// Frames vote by their weight, and what is not likely enough is unknown.
#[test]
fn frames_vote() {
    let sure = |p: f32, weight: f32| TypeBallot {
        sums: [weight * p, 0.0, weight * (1.0 - p), 0.0, 0.0],
        weight,
    };
    assert_eq!(TypeBallot::default().outcome(), None);
    let car = sure(0.95, 2.0).outcome().unwrap();
    assert_eq!(car.vehicle_type, VehicleType::Car);
    assert!((car.likelihood - 0.95).abs() < 1e-6);
    assert_eq!(sure(LEAST_OF_CARS - 0.01, 2.0).outcome(), None);
    assert_eq!(
        sure(1.01 - LEAST_OF_OTHERS, 1.0).outcome(),
        None,
        "a pickup must be surer"
    );
    let pickup = sure(0.99 - LEAST_OF_OTHERS, 1.0).outcome().unwrap();
    assert_eq!(pickup.vehicle_type, VehicleType::Pickup);

    let picture = pattern(PixelFormat::Grey);
    let view = picture.view(UtcTime::EPOCH).unwrap();
    let mut ballot = sure(0.95, 2.0);
    for weight in [0.0, -1.0, f32::NAN, f32::INFINITY] {
        ballot.cast(&view, &PLATE.into(), weight);
    }
    let far = PxRect::new(100.0, 100.0, 15.0, 4.0);
    ballot.cast(&view, &far.into(), 1.0);
    assert_eq!(
        ballot.outcome(),
        Some(car),
        "no weight or no plate near enough, no vote"
    );
    ballot.cast(&view, &PLATE.into(), 1.0);
    assert!((ballot.weight - 3.0).abs() < 1e-6);
    assert!((ballot.sums.iter().sum::<f32>() - 3.0).abs() < 1e-4);
}

/// A plate that fills the picture tells nothing of its vehicle.
#[test]
fn a_plate_alone_tells_nothing() {
    let picture = pattern(PixelFormat::Grey);
    let view = picture.view(UtcTime::EPOCH).unwrap();
    let all = PxRect::new(0.0, 40.0, 300.0, 140.0);
    assert!(input::around(&view, &all).is_none());
    assert_eq!(type_of(&view, &all.into()), None);
}

#[test]
fn types_are_words() {
    for t in VehicleType::ALL {
        assert_eq!(VehicleType::of_word(t.as_str()), Some(t));
        assert_eq!(serde_json::to_value(t).unwrap(), t.as_str());
    }
    assert_eq!(VehicleType::of_word("tank"), None);
}

proptest! {
    /// Any plate in any picture: no panic, and what is told is likely enough.
    #[test]
    fn any_plate_in_any_picture(
        seed in any::<u32>(), format in 0usize..4,
        p in prop::array::uniform8(prop_oneof![-1e4f32..1e4, Just(f32::NAN), Just(0.0)]),
        (w, h) in (1u32..70, 1u32..70),
    ) {
        let format = [PixelFormat::I420, PixelFormat::Nv12, PixelFormat::Rgb, PixelFormat::Grey][format];
        let size = FrameSize::new(w, h).unwrap();
        let data = (0..format.bytes(size)).map(|i| (i as u32).wrapping_mul(seed | 1).rotate_left(9) as u8).collect();
        let picture = Picture::new(size, format, data).unwrap();
        let quad = PxQuad::new(std::array::from_fn(|i| PxPoint::new(p[2 * i], p[2 * i + 1])));
        if let Some(t) = type_of(&picture.view(UtcTime::EPOCH).unwrap(), &quad) {
            prop_assert!((t.vehicle_type.least()..=1.0).contains(&t.likelihood));
        }
    }
}
