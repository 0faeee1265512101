use proptest::prelude::*;

use super::*;
use crate::geometry::{FrameSize, PxRect};
use crate::picture::{Picture, PixelFormat};
use crate::time::UtcTime;

/// A picture of coloured stripes and steps.
fn pattern() -> Picture {
    let (w, h) = (300u32, 220u32);
    let shades = |x: u32, y: u32| {
        let (r, g, b) = (
            (7 * x + 3 * y + x * y / 16) % 251,
            (5 * x + y) % 241,
            (x + 9 * y) % 239,
        );
        [r as u8, g as u8, b as u8]
    };
    let size = FrameSize::new(w, h).unwrap();
    let data = (0..h).flat_map(|y| (0..w).flat_map(move |x| shades(x, y)));
    Picture::new(size, PixelFormat::Rgb, data.collect()).unwrap()
}

/// RECOG-1, LPRCFG-17: what the net was trained with is what it is given, and its answers are the trainer's: numbers from `training/states.py --check`.
#[test]
fn the_trainer_sees_and_says_the_same() {
    let picture = pattern();
    let view = picture.view(UtcTime::EPOCH).unwrap();
    let corners = [(60.3, 90.4), (190.2, 84.1), (193.7, 150.9), (58.8, 155.2)];
    let quad = PxQuad::new(corners.map(|(x, y)| PxPoint::new(x, y)));
    let got = cells(&view, &quad).unwrap();
    let firm = |got: f32, expect: f32| assert!((got - expect).abs() < 2e-3, "{got}, not {expect}");
    for (place, expect) in CELLS {
        firm(got[place], expect);
    }
    for (got, expect) in net::judge(&got).into_iter().zip(ANSWERS) {
        firm(got, expect);
    }
}

#[rustfmt::skip]
const CELLS: [(usize, f32); 9] = [(0, -1.0224), (97, 0.4951), (194, -0.6742), (291, -1.6353), (388, 1.4743), (485, -1.4205), (582, -0.8370), (679, -0.2354), (776, -0.5091)];
#[rustfmt::skip]
const ANSWERS: [f32; 44] = [0.92681, 0.00154, 0.00205, 0.00017, 2e-05, 3e-05, 0.0, 0.00078, 0.00012, 3e-05, 0.00922, 1e-05, 1e-05, 0.0, 0.0021, 0.00025, 0.00012, 0.00012, 0.00018, 1e-05, 0.00082, 5e-05, 0.00029, 0.0, 0.00082, 1e-05, 1e-05, 6e-05, 0.0, 1e-05, 0.0, 8e-05, 0.04224, 0.0, 3e-05, 0.0061, 0.0038, 0.00162, 0.0, 0.0, 0.00011, 1e-05, 0.00036, 1e-05];

/// What is not likely enough, and what is none of the states, is unknown.
#[test]
fn only_a_likely_state_is_told() {
    let answers = |index: usize, likelihood: f32| {
        let mut a = [(1.0 - likelihood) / (net::ANSWERS - 1) as f32; net::ANSWERS];
        a[index] = likelihood;
        told(a)
    };
    assert_eq!(answers(0, 0.99), None);
    for (i, state) in net::STATES.into_iter().enumerate() {
        assert_eq!(answers(i + 1, LEAST_LIKELIHOOD + 0.01), Some(state));
        assert_eq!(answers(i + 1, LEAST_LIKELIHOOD - 0.01), None);
    }
}

/// LPRCFG-17: the text is believed first, and looks count only where plates of the US are expected.
#[test]
fn text_goes_before_look() {
    let at = |country, entity| Origin { country, entity };
    let look = || Some("NY");
    let both = at(Some("US"), Some("NY"));
    let (open, us) = (Origin::default(), at(Some("US"), None));
    assert_eq!(joined(open, Region::Us, look), both);
    assert_eq!(joined(us, Region::Us, look), both);
    assert_eq!(joined(us, Region::Us, || None), us);
    for told in [at(Some("US"), Some("CA")), at(Some("CA"), None)] {
        assert_eq!(joined(told, Region::Us, look), told);
    }
    for region in [Region::Eu, Region::Br, Region::Any] {
        assert_eq!(joined(open, region, look), open);
    }
    assert_eq!(
        issuer("7ABC123", Region::Us, None),
        at(Some("US"), Some("CA"))
    );
}

/// RECOG-1, LPRCFG-17: a plate with Pennsylvania's bands is Pennsylvania's, unless its text is another state's or none of the US is expected.
#[test]
fn bands_tell_their_state() {
    let (w, h) = (300u32, 220u32);
    let shade = |x: u32, y: u32| match (x.wrapping_sub(30), y.wrapping_sub(50)) {
        (0..240, 0..24) => [120, 170, 230],
        (px @ 20..230, 36..86) if (px - 20) % 30 < 18 => [120, 170, 230],
        (0..240, 24..96) => [235, 235, 235],
        (0..240, 96..120) => [250, 190, 40],
        _ => [60, 60, 60],
    };
    let size = FrameSize::new(w, h).unwrap();
    let data = (0..h).flat_map(|y| (0..w).flat_map(move |x| shade(x, y)));
    let picture = Picture::new(size, PixelFormat::Rgb, data.collect()).unwrap();
    let view = picture.view(UtcTime::EPOCH).unwrap();
    let quad = PxQuad::from(PxRect::new(30.0, 50.0, 240.0, 120.0));
    let of = |text, region| issuer(text, region, Some((&view, &quad))).entity;
    assert_eq!(of("ABC1234", Region::Us), Some("PA"));
    assert_eq!(of("7ABC123", Region::Us), Some("CA"));
    assert_eq!(of("ABC1234", Region::Eu), None);
}

/// Plates that are too small or reach out of the picture are not judged.
#[test]
fn a_plate_must_be_seen_whole() {
    let picture = pattern();
    let view = picture.view(UtcTime::EPOCH).unwrap();
    for rect in [
        PxRect::new(100.0, 100.0, 39.0, 20.0),
        PxRect::new(250.0, 100.0, 80.0, 40.0),
        PxRect::new(100.0, -5.0, 80.0, 40.0),
    ] {
        assert_eq!(cells(&view, &rect.into()), None, "{rect:?}");
    }
}

proptest! {
    /// Any plate in any picture: no panic.
    #[test]
    fn any_plate_in_any_picture(
        seed in any::<u32>(), format in 0usize..4,
        p in prop::array::uniform8(prop_oneof![0f32..70.0, -1e4f32..1e4, Just(f32::NAN), Just(0.0)]),
        (w, h) in (1u32..70, 1u32..70),
    ) {
        let format = [PixelFormat::I420, PixelFormat::Nv12, PixelFormat::Rgb, PixelFormat::Grey][format];
        let size = FrameSize::new(w, h).unwrap();
        let data = (0..format.bytes(size)).map(|i| (i as u32).wrapping_mul(seed | 1).rotate_left(9) as u8).collect();
        let picture = Picture::new(size, format, data).unwrap();
        let quad = PxQuad::new(std::array::from_fn(|i| PxPoint::new(p[2 * i], p[2 * i + 1])));
        let _ = state_of(&picture.view(UtcTime::EPOCH).unwrap(), &quad);
    }
}
