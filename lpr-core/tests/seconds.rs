//! The second picture of a vehicle (SNAPRULE-4, C-46).

mod world;

use std::time::Duration;

use lpr_core::{
    CaptureMode, LoopPass, NormPoint, PlateCapture, RecognitionSettings, SecondPicture, UtcTime,
};
use proptest::prelude::*;
use world::{Noise, SIZE, Vehicle, paint, pipeline, settings, step, texts, vehicle};

fn two() -> RecognitionSettings {
    RecognitionSettings {
        second_picture: true,
        unread_frames: 5,
        ..settings()
    }
}

fn at(ms: u64) -> UtcTime {
    UtcTime::EPOCH + Duration::from_millis(ms)
}

fn edge(ms: u64) -> LoopPass {
    LoopPass {
        vehicle: ms,
        arrived: at(ms),
        at: at(ms),
        speed_mps: None,
    }
}

/// Who is told, read or not, and the second pictures, after the last frame and a while.
fn told(
    cars: &[Vehicle],
    noise: Noise,
    s: RecognitionSettings,
) -> (Vec<PlateCapture>, Vec<SecondPicture>) {
    let mut p = pipeline(cars, noise, 5, s);
    let (mut captures, mut seconds) = (Vec::new(), Vec::new());
    let end = cars.iter().map(|c| c.until_ms).max().unwrap_or(0) + 8000;
    for ms in (0..end).step_by(100) {
        let output = step(&mut p, cars, ms);
        captures.extend(output.reads);
        captures.extend(output.unread);
        seconds.extend(output.seconds);
    }
    (captures, seconds)
}

/// The second pictures of one capture.
fn of<'a>(capture: &PlateCapture, seconds: &'a [SecondPicture]) -> Vec<&'a SecondPicture> {
    let own = |s: &&SecondPicture| {
        (s.track_id, s.first_at) == (capture.read.track_id, capture.read.captured_at)
    };
    seconds.iter().filter(own).collect()
}

/// Whether a picture is the frame of its time.
fn is_of_its_time(cars: &[Vehicle], second: &SecondPicture) -> bool {
    let ms = second.captured_at.as_millis() as u64;
    second.full.to_grey().data() == paint(cars, ms, 20)
}

/// SNAPRULE-4: one second later, a frame of then, while the vehicle is in sight; none where one picture is set.
#[test]
fn the_second_picture_is_of_a_second_later() {
    let cars = [vehicle("LATER11", 1, 0, 6000, (60.0, 135.0))];
    let (captures, seconds) = told(&cars, Noise::default(), two());
    assert_eq!(texts(&captures), ["LATER11"]);
    let [second] = of(&captures[0], &seconds)[..] else {
        panic!("{seconds:?}");
    };
    let first_at = captures[0].read.captured_at;
    assert_eq!(second.captured_at, first_at + Duration::from_secs(1));
    assert!(is_of_its_time(&cars, second));
    assert_ne!(second.full, captures[0].pictures.full);
    assert_eq!(second.full.size().width(), SIZE.0);

    let (captures, seconds) = told(&cars, Noise::default(), settings());
    assert_eq!((captures.len(), seconds.len()), (1, 0));
}

/// SNAPRULE-4: who is out of the capture area before is taken at its far edge, still in sight.
#[test]
fn who_leaves_is_taken_at_the_far_edge() {
    let mut car = vehicle("QUICK11", 1, 0, 900, (60.0, 135.0));
    car.end = car.end.moved(0.0, 120.0);
    let cars = [car];
    let (captures, seconds) = told(&cars, Noise::default(), two());
    let [second] = of(&captures[0], &seconds)[..] else {
        panic!("{seconds:?}");
    };
    let later = second.captured_at.saturating_since(second.first_at);
    assert!(
        !later.is_zero() && later < Duration::from_secs(1),
        "{later:?}"
    );
    assert!(is_of_its_time(&cars, second));

    // The far edge of an area in the middle of the picture.
    let corner = |x, y| NormPoint { x, y };
    let area = RecognitionSettings {
        capture_area: vec![
            corner(-1.0, 1.0),
            corner(1.0, 1.0),
            corner(1.0, -0.2),
            corner(-1.0, -0.2),
        ],
        ..two()
    };
    let cars = [vehicle("MIDDLE1", 1, 0, 2500, (60.0, 135.0))];
    let (captures, seconds) = told(&cars, Noise::default(), area);
    let [second] = of(&captures[0], &seconds)[..] else {
        panic!("{seconds:?}");
    };
    let ms = second.captured_at.as_millis() as u64;
    let plate = cars[0].rect_at(ms).unwrap().center();
    let edge = 0.6 * SIZE.1 as f32;
    assert!((plate.y - edge).abs() < 30.0, "{} at {ms} ms", plate.y);
}

/// SNAPRULE-4: in mode Loop the moment is that of the loop's picture, also of a vehicle without a plate.
#[test]
fn loops_have_a_second_picture_too() {
    let cars = [vehicle("LOOPED1", 1, 1000, 4000, (60.0, 135.0))];
    let s = RecognitionSettings {
        capture: CaptureMode::Loop,
        ..two()
    };
    let mut p = pipeline(&cars, Noise::default(), 1, s);
    let (mut captures, mut seconds) = (Vec::new(), Vec::new());
    for ms in (0..20_000u64).step_by(100) {
        if [2500, 12_000].contains(&ms) {
            captures.extend(p.at_loop(edge(ms)));
        }
        let output = step(&mut p, &cars, ms);
        captures.extend(output.reads);
        seconds.extend(output.seconds);
    }
    assert_eq!(texts(&captures), ["LOOPED1", ""]);
    for capture in &captures {
        let [second] = of(capture, &seconds)[..] else {
            panic!("{:?}", texts(&captures));
        };
        let later = second.captured_at.saturating_since(second.first_at);
        assert!(later >= Duration::from_secs(1), "{later:?}");
        assert!(later < Duration::from_millis(1300), "{later:?}");
        assert!(is_of_its_time(&cars, second));
    }
}

/// SNAPRULE-4: what comes after a gap is another scene, and no picture of the vehicle before it.
#[test]
fn another_scene_is_no_second_picture() {
    let s = RecognitionSettings {
        capture: CaptureMode::Loop,
        ..two()
    };
    for gap in [0..0, 3000..9000, 6000..12_000] {
        let mut p = pipeline(&[], Noise::default(), 1, s.clone());
        let (mut told, mut seconds) = (Vec::new(), Vec::new());
        for ms in (0..15_000).step_by(100).filter(|ms| !gap.contains(ms)) {
            if ms == 2500 {
                told.extend(p.at_loop(edge(ms)));
            }
            let output = step(&mut p, &[], ms);
            assert_eq!(output.scene_cut, gap.end == ms && ms > 0);
            told.extend(output.reads);
            seconds.extend(output.seconds);
        }
        assert_eq!(texts(&told), [""]);
        let own = of(&told[0], &seconds).len();
        assert_eq!(own, usize::from(gap.start != 3000), "{gap:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    /// SNAPRULE-4: whatever is missed and misread, a vehicle has one second picture at most, later than the first and of its own time;
    /// who stays in sight long enough has one.
    #[test]
    fn each_vehicle_has_one_second_picture(
        lasts in prop::collection::vec(500u64..5000, 1..4), missed in 0u64..30, misread in 0u64..20, mute in any::<bool>(),
    ) {
        let cars: Vec<_> = lasts.iter().enumerate().map(|(i, lasts_ms)| {
            let text = if mute && i == 0 { String::new() } else { format!("CAR{i}{i}{i}") };
            vehicle(&text, i as u32, 300 * i as u64, *lasts_ms, (60.0, 135.0))
        }).collect();
        let noise = Noise { missed, misread, ..Noise::default() };
        let (captures, seconds) = told(&cars, noise, two());
        for capture in &captures {
            let own = of(capture, &seconds);
            prop_assert_eq!(own.len(), 1, "{}", capture.read.plate_number);
            prop_assert!(own[0].captured_at > capture.read.captured_at);
            prop_assert!(own[0].captured_at <= capture.read.captured_at + Duration::from_millis(1100));
            prop_assert!(is_of_its_time(&cars, own[0]));
        }
    }
}
