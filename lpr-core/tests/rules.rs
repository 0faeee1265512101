//! Rules about a pass: how it is followed, what is looked for, who is told without a read (SNAPRULE-8, 9, 11, SCENE-1..4).

mod world;

use lpr_core::{
    DetectionScene, Direction, DirectionFilter, PlateCapture, PxRect, RecognitionSettings,
    Trajectory, Unreadable,
};
use proptest::prelude::*;
use world::{Noise, Vehicle, pipeline, settings, step, texts, vehicle};

/// Who is told without a read, and with one, after the last frame and a while.
fn told(
    cars: &[Vehicle],
    noise: Noise,
    s: RecognitionSettings,
) -> (Vec<PlateCapture>, Vec<PlateCapture>) {
    let mut p = pipeline(cars, noise, 5, s);
    let (mut unread, mut reads) = (Vec::new(), Vec::new());
    let end = cars.iter().map(|c| c.until_ms).max().unwrap_or(0) + 8000;
    for ms in (0..end).step_by(100) {
        let output = step(&mut p, cars, ms);
        unread.extend(output.unread);
        reads.extend(output.reads);
    }
    (unread, reads)
}

fn after(unread_frames: u32) -> RecognitionSettings {
    RecognitionSettings {
        unread_frames,
        ..settings()
    }
}

/// SNAPRULE-9, SNAPRULE-11: a vehicle whose plate says nothing is told once, when it has passed, with its largest picture; not when it
/// is off, nor when it was seen in too few frames, nor in a direction that is not wanted.
#[test]
fn a_vehicle_without_a_read_is_told_after_its_frames() {
    let cars = [vehicle("", 1, 0, 2000, (55.0, 135.0))];
    let (unread, reads) = told(&cars, Noise::default(), after(10));
    let [PlateCapture { read, pictures }] = unread.as_slice() else {
        panic!("{:?}", texts(&unread));
    };
    assert!(reads.is_empty());
    assert_eq!(
        (read.plate_number.as_str(), read.direction),
        ("", Direction::Approaching)
    );
    assert!(read.frames_seen >= 10 && read.likelihood == 0.0);
    assert!(read.captured_at.as_millis() > 1500, "{}", read.captured_at);
    let cutout = pictures.cutout.as_ref().unwrap().size().width();
    assert!(cutout as f32 > read.plate_rect.unwrap().width);
    for frames in [0, 60] {
        assert!(told(&cars, Noise::default(), after(frames)).0.is_empty());
    }
    let departing = RecognitionSettings {
        direction: DirectionFilter::Departing,
        ..after(10)
    };
    assert!(told(&cars, Noise::default(), departing).0.is_empty());
}

/// SNAPRULE-9: a sign that stands is no vehicle, and one on a vehicle whose plate was read is none of its own.
#[test]
fn signs_are_no_vehicles() {
    let shift = |v: Vehicle| Vehicle {
        start: v.start.moved(0.0, -30.0),
        end: v.end.moved(10.0, -60.0),
        ..v
    };
    let cars = [
        vehicle("", 3, 0, 6000, (100.0, 100.0)),
        vehicle("LORRY12", 1, 0, 2000, (55.0, 135.0)),
        shift(vehicle("", 1, 0, 2000, (55.0, 135.0))),
    ];
    let (unread, reads) = told(&cars, Noise::default(), after(5));
    assert_eq!(texts(&reads), ["LORRY12"]);
    assert!(unread.is_empty());
}

/// SNAPRULE-9: one record a pass, though its track breaks: the read counts, whether it comes before or after the gap.
#[test]
fn a_broken_track_is_one_vehicle() {
    let half = |text: &str, from_ms, start: f32, end: f32| Vehicle {
        from_ms,
        ..vehicle(text, 1, from_ms, 1400, (start, end))
    };
    for (first, second, expect) in [
        ("", "", (1, 0)),
        ("", "READ123", (0, 1)),
        ("READ123", "", (0, 1)),
    ] {
        let cars = [half(first, 0, 55.0, 90.0), half(second, 3000, 95.0, 135.0)];
        let (unread, reads) = told(&cars, Noise::default(), after(5));
        assert_eq!((unread.len(), reads.len()), expect, "{first:?} {second:?}");
    }
}

/// SNAPRULE-8: a plate that is hidden for two seconds keeps its number where its vehicle is followed by its body.
#[test]
fn the_body_of_a_vehicle_keeps_its_number() {
    let seen = |from_ms, start, end| vehicle("LORRY12", 1, from_ms, 1200, (start, end));
    let alone = vec![seen(0, 85.0, 105.0), seen(3200, 112.0, 125.0)];
    let mut close = alone.clone();
    close.push(Vehicle {
        text: "NEXT123".into(),
        from_ms: 0,
        until_ms: 4400,
        start: PxRect::new(330.0, 150.0, 95.0, 32.0),
        end: PxRect::new(335.0, 155.0, 95.0, 32.0),
    });
    let ids = |cars: &[Vehicle], trajectory| {
        let s = RecognitionSettings {
            trajectory,
            direction: DirectionFilter::Both,
            ..settings()
        };
        let mut p = pipeline(cars, Noise::default(), 5, s);
        let mut ids = Vec::new();
        for ms in (0..4400).step_by(100) {
            let scene = step(&mut p, cars, ms).scene;
            let mine = scene.objects.iter().filter(|o| {
                let text = o.plate.as_ref().map(|p| p.text.as_str());
                text == Some("LORRY12")
            });
            ids.extend(mine.map(|o| o.track_id));
        }
        ids.dedup();
        ids.len()
    };
    for (trajectory, numbers) in [
        (Trajectory::VehicleBody, (1, 1)),
        (Trajectory::Plate, (2, 2)),
        (Trajectory::SelfAdaptive, (1, 2)),
    ] {
        let got = (ids(&alone, trajectory), ids(&close, trajectory));
        assert_eq!(got, numbers, "{trajectory:?}");
    }
}

/// SCENE-1, SCENE-2, SCENE-4: where a plate gets hard to find, the scene decides which one is followed on.
#[test]
fn the_scene_decides_whose_plate_is_followed_longer() {
    let cars = [
        vehicle("FRONT12", 0, 0, 3000, (60.0, 120.0)),
        vehicle("REAR123", 2, 0, 3000, (120.0, 60.0)),
    ];
    let noise = Noise {
        weak_from_ms: Some(1200),
        ..Noise::default()
    };
    for (scene, expect) in [
        (DetectionScene::HeadFirst, vec!["FRONT12"]),
        (DetectionScene::TailFirst, vec!["REAR123"]),
        (DetectionScene::MountingHeight, vec![]),
    ] {
        let s = RecognitionSettings {
            scene,
            ..settings()
        };
        let mut p = pipeline(&cars, noise, 5, s);
        let last = (0..2900)
            .step_by(100)
            .map(|ms| step(&mut p, &cars, ms).scene)
            .last()
            .unwrap();
        let mut seen: Vec<_> = last
            .objects
            .iter()
            .filter_map(|o| o.plate.as_ref().map(|p| p.text.as_str()))
            .collect();
        seen.sort_unstable();
        assert_eq!(seen, expect, "{scene:?}");
    }
}

/// SCENE-3: from high above the net gets more pixels, so that smaller plates are found, and narrower ones are read.
#[test]
fn a_camera_high_above_reads_smaller_plates() {
    let cars = [vehicle("HIGH123", 1, 0, 2000, (40.0, 48.0))];
    let noise = Noise {
        least_net_px: 56.0,
        ..Noise::default()
    };
    for (scene, expect) in [
        (DetectionScene::HeadFirst, vec![]),
        (DetectionScene::MountingHeight, vec!["HIGH123"]),
    ] {
        let s = RecognitionSettings {
            scene,
            ..settings()
        };
        assert_eq!(texts(&told(&cars, noise, s).1), expect, "{scene:?}");
    }
    let s = RecognitionSettings {
        scene: DetectionScene::HeadFirst,
        ..settings()
    };
    let mut p = pipeline(&cars, Noise::default(), 5, s);
    let scene = (0..500)
        .step_by(100)
        .map(|ms| step(&mut p, &cars, ms).scene);
    let last = scene.last().unwrap();
    assert_eq!(last.objects[0].unreadable, Some(Unreadable::TooSmall));
}

/// SCENE-3: what is asked of the net stays within what it takes.
#[test]
fn every_scene_is_within_the_nets_bounds() {
    for detector_width_px in (256..=1280).step_by(32) {
        for scene in [DetectionScene::HeadFirst, DetectionScene::MountingHeight] {
            let s = RecognitionSettings {
                detector_width_px,
                scene,
                ..settings()
            };
            let width = s.input_width_px();
            assert!(width <= 1280 && width.is_multiple_of(32) && width >= detector_width_px);
            assert!(s.readable_width_px() >= 30);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// SNAPRULE-8: who follows in the same lane soon after is a vehicle of its own in every trajectory.
    #[test]
    fn who_follows_is_told_too(
        seed in any::<u64>(), gaps in prop::collection::vec(3000u64..5500, 2..4), which in 0usize..3
    ) {
        let texts_of = ["KQ4711", "ABC123", "77ZTF9", "B8XW21"];
        let (mut cars, mut now) = (Vec::new(), 0);
        for (i, text) in texts_of.iter().enumerate().take(gaps.len() + 1) {
            cars.push(vehicle(text, 1, now, 2000, (55.0, 135.0)));
            now += gaps.get(i).copied().unwrap_or_default();
        }
        let trajectory = Trajectory::ALL[which].1;
        let noise = Noise { missed: 10, misread: 5, jitter: 1.0, ..Noise::default() };
        let s = RecognitionSettings { trajectory, ..after(5) };
        let mut p = pipeline(&cars, noise, seed, s);
        let (mut reads, mut unread) = (Vec::new(), 0);
        for ms in (0..now + 8000).step_by(100) {
            let output = step(&mut p, &cars, ms);
            unread += output.unread.len();
            reads.extend(output.reads);
        }
        let expect: Vec<&str> = cars.iter().map(|c| c.text.as_str()).collect();
        prop_assert_eq!(texts(&reads), expect);
        prop_assert_eq!(unread, 0);
    }

    /// SNAPRULE-8, SNAPRULE-9: whatever is missed and misread, readable vehicles are read once each, and none is told as unread too.
    #[test]
    fn a_vehicle_is_told_once_in_every_trajectory(
        seed in any::<u64>(), coming in any::<[bool; 3]>(), missed in 0u64..15, which in 0usize..3
    ) {
        let cars: Vec<Vehicle> = coming.iter().enumerate().map(|(i, coming)| {
            let text = format!("{}{}", ["KLM", "TUV", "WXY"][i], 1234 + 2222 * i);
            let widths = if *coming { (55.0, 135.0) } else { (135.0, 55.0) };
            vehicle(&text, i as u32, 300 * i as u64, 2500, widths)
        }).collect();
        let trajectory = [Trajectory::VehicleBody, Trajectory::Plate, Trajectory::SelfAdaptive][which];
        let noise = Noise { missed, misread: 15, jitter: 1.0, ..Noise::default() };
        let s = RecognitionSettings { trajectory, ..after(3) };
        let mut p = pipeline(&cars, noise, seed, s);
        let (mut reads, mut unread) = (Vec::new(), 0);
        for ms in (0..10_000).step_by(80) {
            let output = step(&mut p, &cars, ms);
            unread += output.unread.len();
            reads.extend(output.reads);
        }
        reads.extend(p.flush());
        let mut got = texts(&reads);
        got.sort_unstable();
        let expect: Vec<&str> = cars.iter().map(|c| c.text.as_str()).collect();
        prop_assert_eq!(got, expect);
        prop_assert_eq!(unread, 0);
    }
}
