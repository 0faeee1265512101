use proptest::prelude::*;

use super::*;
use crate::geometry::{FrameSize, PxRect};
use crate::picture::{Picture, PixelFormat};
use crate::time::UtcTime;

const SIZE: (u32, u32) = (480, 270);

/// A vehicle with a plate on a street; the colours are given.
fn scene(body: Rgb, plate: Rgb, signs: Rgb) -> Picture {
    picture(|x, y| match (x, y) {
        (130..190, 120..140) if (x / 4) % 3 == 0 && (124..136).contains(&y) => signs,
        (130..190, 120..140) => plate,
        (100..220, 50..68) => [30, 34, 40],
        (60..260, 30..160) => body,
        (_, 0..60) => [150, 185, 225],
        (0..60, _) => [70, 110, 50],
        _ => [105, 102, 98],
    })
}

fn picture(at: impl Fn(u32, u32) -> Rgb) -> Picture {
    let size = FrameSize::new(SIZE.0, SIZE.1).unwrap();
    let places = (0..SIZE.1).flat_map(|y| (0..SIZE.0).map(move |x| (x, y)));
    let data = places.flat_map(|(x, y)| at(x, y)).collect();
    Picture::new(size, PixelFormat::Rgb, data).unwrap()
}

fn quad() -> PxQuad {
    PxQuad::from(PxRect::new(130.0, 120.0, 60.0, 20.0))
}

fn seen(p: &Picture) -> Colors {
    colors_of(&p.view(UtcTime::EPOCH).unwrap(), &quad())
}

/// BT.709, limited range, as cameras send it.
fn as_i420(p: &Picture) -> Picture {
    let rgb: Vec<[f32; 3]> = p
        .data()
        .chunks(3)
        .map(|c| [c[0], c[1], c[2]].map(f32::from))
        .collect();
    let y = |c: &[f32; 3]| (16.0 + 0.183 * c[0] + 0.614 * c[1] + 0.062 * c[2]).round() as u8;
    let u = |c: &[f32; 3]| (128.0 - 0.101 * c[0] - 0.339 * c[1] + 0.439 * c[2]).round() as u8;
    let v = |c: &[f32; 3]| (128.0 + 0.439 * c[0] - 0.399 * c[1] - 0.04 * c[2]).round() as u8;
    let w = SIZE.0 as usize;
    let coarse: Vec<usize> = (0..SIZE.1 as usize / 2)
        .flat_map(|j| (0..w / 2).map(move |i| 2 * j * w + 2 * i))
        .collect();
    let mut data: Vec<u8> = rgb.iter().map(y).collect();
    data.extend(coarse.iter().map(|i| u(&rgb[*i])));
    data.extend(coarse.iter().map(|i| v(&rgb[*i])));
    Picture::new(p.size(), PixelFormat::I420, data).unwrap()
}

/// RECOG-1: plate and vehicle have each the colour they are painted in, whatever the frame's format.
#[test]
fn painted_colours_are_told() {
    let plates: [(Rgb, Rgb, Color); 5] = [
        ([235, 235, 230], [20, 20, 25], Color::White),
        ([245, 195, 30], [20, 20, 20], Color::Yellow),
        ([18, 18, 20], [225, 225, 225], Color::Black),
        ([25, 70, 170], [235, 235, 235], Color::Blue),
        ([20, 120, 60], [235, 235, 235], Color::Green),
    ];
    for (plate, signs, expect) in plates {
        let p = scene([150, 152, 155], plate, signs);
        for p in [as_i420(&p), p] {
            let got = seen(&p)
                .plate
                .unwrap_or_else(|| panic!("{expect:?} is unknown"));
            assert_eq!(got.color, expect, "{got:?}");
            assert!((LEAST_LIKELIHOOD..=1.0).contains(&got.likelihood));
        }
    }
    for (body, expect) in [
        ([170, 20, 25], Color::Red),
        ([25, 55, 140], Color::Blue),
        ([245, 245, 245], Color::White),
        ([22, 22, 24], Color::Black),
    ] {
        let p = scene(body, [235, 235, 230], [20, 20, 25]);
        let got = seen(&p).vehicle.map(|c| c.color);
        assert_eq!(got, Some(expect));
    }
}

/// Infrared and black and white: nobody knows a colour, though the same picture in colour has one.
#[test]
fn light_without_colour_tells_none() {
    let colour = scene([170, 20, 25], [245, 195, 30], [20, 20, 20]);
    assert!(seen(&colour).plate.is_some());
    let size = colour.size();
    let grey = colour.view(UtcTime::EPOCH).unwrap().luma(size.rect());
    let tint = |by: [f32; 3]| {
        picture(|x, y| {
            let g = f32::from(grey.data()[(y * SIZE.0 + x) as usize]);
            by.map(|b| (b + 0.6 * g + 40.0) as u8)
        })
    };
    for p in [
        Picture::new(size, PixelFormat::Grey, grey.data().to_vec()).unwrap(),
        tint([0.0; 3]),
        // A cast over everything is no colour of anything.
        tint([40.0, -10.0, 20.0]),
    ] {
        assert_eq!(seen(&p), Colors::default());
    }
}

/// Under a strong cast the plate, whose colours are few, is told and the paint is not.
#[test]
fn a_strong_cast_hides_the_paint() {
    let plain = scene([25, 55, 140], [235, 235, 230], [20, 20, 25]);
    let view = plain.view(UtcTime::EPOCH).unwrap();
    let at = |x: u32, y: u32| {
        let i = 3 * (y * SIZE.0 + x) as usize;
        [
            plain.data()[i],
            plain.data()[i + 1] / 2,
            plain.data()[i + 2],
        ]
    };
    assert!(colors_of(&view, &quad()).vehicle.is_some());
    assert_eq!(seen(&picture(at)).vehicle, None);
}

/// A frame without colour among others makes their answer less sure, and enough of them take it away.
#[test]
fn frames_vote() {
    let colour = scene([170, 20, 25], [245, 195, 30], [20, 20, 20]);
    let grey = picture(|x, y| [(x + y) as u8; 3]);
    let mut b = ColorBallot::default();
    assert_eq!(b.outcome(), Colors::default());
    b.cast(&colour.view(UtcTime::EPOCH).unwrap(), &quad(), 1.0);
    let one = b.outcome().plate.unwrap();
    for weight in [0.0, -1.0, f32::NAN, f32::INFINITY] {
        b.cast(&grey.view(UtcTime::EPOCH).unwrap(), &quad(), weight);
    }
    assert_eq!(b.outcome().plate, Some(one), "no weight, no vote");
    b.cast(&grey.view(UtcTime::EPOCH).unwrap(), &quad(), 0.1);
    assert!(
        b.outcome()
            .plate
            .is_some_and(|c| c.likelihood < one.likelihood)
    );
    b.cast(&grey.view(UtcTime::EPOCH).unwrap(), &quad(), 1.0);
    assert_eq!(b.outcome().plate, None);
}

#[test]
fn colours_are_words() {
    for c in Color::ALL {
        assert_eq!(Color::of_word(c.as_str()), Some(c));
        assert_eq!(serde_json::to_value(c).unwrap(), c.as_str());
    }
    assert_eq!(Color::of_word("purple"), None);
}

/// What the nets were trained with is what they are given: numbers from `training/colors.py` for the same pixels.
#[test]
fn the_trainer_sees_the_same() {
    let pixels = |n: usize, by: [usize; 3]| -> Vec<Rgb> {
        (0..n)
            .map(|i| [by[0] * i, by[1] * i + 13, by[2] * i + 7].map(|c| c as u8))
            .collect()
    };
    let mut samples = Samples {
        plate: pixels(320, [37, 91, 53]),
        above: pixels(264, [5, 3, 1]),
        beside: pixels(96, [11, 12, 13]),
        frame: pixels(576, [7, 2, 9]),
    };
    let light = Light::of(&samples.frame);
    let close = |got: &[f32], expect: &[f32]| {
        for (i, (a, b)) in got.iter().zip(expect).enumerate() {
            assert!((a - b).abs() < 2e-4, "{i}: {a}, not {b}");
        }
    };
    close(&features::plate(&samples, &light), &PLATE);
    close(&features::body(&samples, &light).unwrap(), &BODY);
    samples.above.truncate(59);
    assert!(
        features::body(&samples, &light).is_none(),
        "too little of the vehicle"
    );
}

#[rustfmt::skip]
const PLATE: [f32; features::PLATE_INPUTS] = [
    0.00000, 0.00145, 0.00349, 0.01643, 0.02716, 0.03105, 0.13416, 0.00823, 0.13281, 0.02019, 0.15959, 0.01968,
    0.13324, 0.05638, 0.09971, 0.03906, 0.11737, 0.78874, -0.16383, -0.18144, 0.40278, 0.28638, 0.32546, 0.48438,
    0.01507, 0.01995, 0.82865, 4.14868,
];
#[rustfmt::skip]
const BODY: [f32; features::BODY_INPUTS] = [
    0.00000, 0.00000, 0.00398, 0.04684, 0.02949, 0.03371, 0.11479, 0.06119, 0.13037, 0.02584, 0.10875, 0.02671,
    0.16604, 0.03158, 0.08681, 0.03322, 0.10065, 0.00000, 0.00594, 0.02056, 0.03452, 0.03771, 0.04272, 0.12068,
    0.00000, 0.08759, 0.01515, 0.05957, 0.08932, 0.24437, 0.03056, 0.12471, 0.01829, 0.06832, 0.01507, 0.01995,
    0.82865, 4.14868,
];

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
        let quad = PxQuad::new(std::array::from_fn(|i| crate::PxPoint::new(p[2 * i], p[2 * i + 1])));
        let got = colors_of(&picture.view(UtcTime::EPOCH).unwrap(), &quad);
        for c in [got.plate, got.vehicle].into_iter().flatten() {
            prop_assert!((LEAST_LIKELIHOOD..=1.0).contains(&c.likelihood));
        }
    }
}
