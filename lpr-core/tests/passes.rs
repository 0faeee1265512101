//! One read for each pass, whatever the nets and the frame rate do (RECOG-2, RECOG-4, RECOG-8).

mod world;

use lpr_core::{
    Direction, DirectionFilter, NormPoint, PlateCapture, PxRect, RecognitionSettings, Unreadable,
};
use proptest::prelude::*;
use world::{
    Dice, Noise, Vehicle, pipeline, run, settings, step, step_over, texts, try_step, vehicle,
};

#[test]
fn a_pass_gives_one_read_with_its_best_frame() {
    let cars = [vehicle("ABC1234", 1, 200, 2000, (55.0, 135.0))];
    let mut p = pipeline(&cars, Noise::default(), 1, settings());
    let reads = run(&mut p, &cars, (0..4000).step_by(100));
    let [PlateCapture { read: r, pictures }] = &reads[..] else {
        panic!("{:?}", texts(&reads))
    };
    assert_eq!(
        (r.plate_number.as_str(), r.direction),
        ("ABC1234", Direction::Approaching)
    );
    assert!(r.likelihood > 0.9 && r.chars.len() == 7);
    assert!(
        r.first_seen.as_millis() == 200
            && r.captured_at >= r.first_seen
            && r.captured_at <= r.last_seen
    );
    assert_eq!(pictures.full.size(), r.frame_size);
    assert!(pictures.cutout.as_ref().unwrap().size().width() as f32 > r.plate_rect.unwrap().width);
    assert!(r.frames_read >= 2 && r.frames_read <= r.frames_seen);
}

#[test]
fn a_parked_car_reports_once() {
    // Ten minutes at five frames a second, boxes trembling.
    let cars = [vehicle("PARKED1", 2, 0, 600_000, (100.0, 100.0))];
    let noise = Noise {
        missed: 10,
        misread: 5,
        jitter: 2.0,
        ..Noise::default()
    };
    let mut p = pipeline(&cars, noise, 7, settings());
    let reads = run(&mut p, &cars, (0..600_000).step_by(200));
    assert_eq!(texts(&reads), ["PARKED1"]);
    assert_eq!(reads[0].read.direction, Direction::Unknown);
}

#[test]
fn a_parked_car_hidden_for_a_while_is_no_new_one() {
    let stay = |from| vehicle("PARKED1", 2, from, 10_000, (100.0, 100.0));
    let cars = [stay(0), stay(40_000)];
    let mut p = pipeline(&cars, Noise::default(), 7, settings());
    assert_eq!(
        texts(&run(&mut p, &cars, (0..50_000).step_by(200))),
        ["PARKED1"]
    );
}

#[test]
fn the_same_plate_passing_again_later_is_a_new_read() {
    let cars = [
        vehicle("ABC1234", 1, 0, 1500, (55.0, 135.0)),
        vehicle("ABC1234", 1, 30_000, 1500, (55.0, 135.0)),
    ];
    let mut p = pipeline(&cars, Noise::default(), 3, settings());
    assert_eq!(
        texts(&run(&mut p, &cars, (0..33_000).step_by(100))).len(),
        2
    );
}

/// SYS-16: an hour is taken back between two passes.
#[test]
fn a_clock_set_back_loses_no_pass() {
    let cars = [
        vehicle("ABC1234", 1, 3_600_000, 1500, (55.0, 135.0)),
        vehicle("ABC1234", 1, 30_000, 1500, (55.0, 135.0)),
    ];
    let mut p = pipeline(&cars, Noise::default(), 3, settings());
    let times = (3_600_000..3_602_000)
        .step_by(100)
        .chain((22_000..33_000).step_by(100));
    assert_eq!(texts(&run(&mut p, &cars, times)), ["ABC1234", "ABC1234"]);
}

#[test]
fn a_track_broken_by_a_gap_is_one_pass() {
    let cars = [vehicle("ABC1234", 1, 0, 6000, (55.0, 135.0))];
    let mut p = pipeline(&cars, Noise::default(), 3, settings());
    // Nothing analysed from 2 s to 4.5 s.
    let times = (0..2000).step_by(100).chain((4500..7000).step_by(100));
    assert_eq!(texts(&run(&mut p, &cars, times)), ["ABC1234"]);
}

#[test]
fn a_cut_ends_the_pass_and_another_car_in_the_same_place_is_another_read() {
    let stay = |text, from| vehicle(text, 1, from, 1000, (100.0, 100.0));
    let cars = [stay("AAA1111", 0), stay("BBB2222", 1100)];
    // Told apart by the picture, and by the text alone.
    for backs in [(20, 250), (20, 20)] {
        let mut p = pipeline(&cars, Noise::default(), 3, settings());
        let mut reads = Vec::new();
        for ms in (0..2200).step_by(100) {
            let back = if ms < 1100 { backs.0 } else { backs.1 };
            reads.extend(step_over(&mut p, &cars, ms, back).reads);
        }
        reads.extend(p.flush());
        assert_eq!(
            texts(&reads),
            ["AAA1111", "BBB2222"],
            "backgrounds {backs:?}"
        );
    }
}

#[test]
fn areas_decide_by_the_middle_of_the_plate() {
    let cars = [
        vehicle("LEFT123", 0, 0, 2000, (60.0, 120.0)),
        vehicle("RIGHT12", 3, 0, 2000, (60.0, 120.0)),
    ];
    let half = |left: f32, right: f32| {
        [(left, 1.0), (right, 1.0), (right, -1.0), (left, -1.0)]
            .map(|(x, y)| NormPoint { x, y })
            .to_vec()
    };
    let only_left = RecognitionSettings {
        capture_area: half(-1.0, 0.0),
        ..settings()
    };
    let not_left = RecognitionSettings {
        shield_areas: vec![half(-1.0, 0.0)],
        ..settings()
    };
    for (s, expect) in [(only_left, "LEFT123"), (not_left, "RIGHT12")] {
        let mut p = pipeline(&cars, Noise::default(), 3, s);
        assert_eq!(texts(&run(&mut p, &cars, (0..3000).step_by(100))), [expect]);
    }
}

/// SNAPRULE-5: one direction only, or both; who stands or cannot be told passes with both alone.
#[test]
fn the_direction_decides_whose_pass_is_reported() {
    let cars = [
        vehicle("CAME123", 0, 0, 2000, (60.0, 120.0)),
        vehicle("WENT123", 1, 0, 2000, (120.0, 60.0)),
        vehicle("STANDS1", 3, 0, 9000, (100.0, 100.0)),
    ];
    for (direction, mut expect) in [
        (DirectionFilter::Approaching, vec!["CAME123"]),
        (DirectionFilter::Departing, vec!["WENT123"]),
        (DirectionFilter::Both, vec!["CAME123", "WENT123", "STANDS1"]),
    ] {
        let s = RecognitionSettings {
            direction,
            ..settings()
        };
        let mut p = pipeline(&cars, Noise::default(), 3, s);
        let reads = run(&mut p, &cars, (0..10_000).step_by(100));
        let mut seen = texts(&reads);
        seen.sort_unstable();
        expect.sort_unstable();
        assert_eq!(seen, expect, "{direction:?}");
    }
}

/// LPRCFG-6: an area that is set while a plate is followed counts from the next frame on, and a plate that it
/// excludes is not told after all unless enough of it was read before.
#[test]
fn an_area_counts_from_the_next_frame_on() {
    let cars = [
        vehicle("FIRST12", 0, 0, 2000, (60.0, 120.0)),
        vehicle("SECOND1", 0, 6000, 2000, (60.0, 120.0)),
        vehicle("THIRD12", 0, 12_000, 2000, (60.0, 120.0)),
    ];
    let shield = vec![
        [(-1.0, 1.0), (0.0, 1.0), (0.0, -1.0), (-1.0, -1.0)]
            .map(|(x, y)| NormPoint { x, y })
            .to_vec(),
    ];
    let mut p = pipeline(&cars, Noise::default(), 3, settings());
    let mut reads = Vec::new();
    for ms in (0..16_000).step_by(100) {
        let shielded = (5000..11_000).contains(&ms);
        let wanted = RecognitionSettings {
            shield_areas: if shielded { shield.clone() } else { vec![] },
            ..settings()
        };
        if p.settings() != &wanted {
            p.set_settings(wanted).unwrap();
        }
        reads.extend(step(&mut p, &cars, ms).reads);
    }
    reads.extend(p.flush());
    assert_eq!(texts(&reads), ["FIRST12", "THIRD12"]);
}

#[test]
fn a_small_plate_is_followed_and_says_why_it_is_not_read() {
    let cars = [vehicle("TINY123", 1, 0, 2000, (40.0, 44.0))];
    let mut p = pipeline(&cars, Noise::default(), 3, settings());
    let scene = (0..500)
        .step_by(100)
        .map(|ms| step(&mut p, &cars, ms).scene)
        .last()
        .unwrap();
    assert_eq!(scene.objects[0].unreadable, Some(Unreadable::TooSmall));
    assert!(scene.objects[0].plate.is_none());
    assert!(p.flush().is_empty());
}

/// INTEL-6: a vehicle that came, turned back and leaves is told once with the pictures of that moment, beside its one read;
/// nobody else is, and nobody while it is not asked for.
#[test]
fn who_turns_back_is_told_once() {
    let way = |text: &str, lane, from, widths| vehicle(text, lane, from, 2000, widths);
    let cars = [
        way("BACK123", 0, 0, (60.0, 120.0)),
        way("BACK123", 0, 2001, (120.0, 60.0)),
        way("PASS123", 2, 0, (60.0, 130.0)),
        way("WENT123", 3, 0, (130.0, 60.0)),
    ];
    for tell_returns in [true, false] {
        let s = RecognitionSettings {
            tell_returns,
            ..settings()
        };
        let mut p = pipeline(&cars, Noise::default(), 3, s);
        let (mut reads, mut returned) = (Vec::new(), Vec::new());
        for ms in (0..5000).step_by(100) {
            let output = step(&mut p, &cars, ms);
            returned.extend(output.returned);
            reads.extend(output.reads);
        }
        reads.extend(p.flush());
        let mut all = texts(&reads);
        all.sort_unstable();
        assert_eq!(all, ["BACK123", "PASS123", "WENT123"]);
        assert_eq!(texts(&returned), ["BACK123"][..usize::from(tell_returns)]);
        for PlateCapture { read, pictures } in &returned {
            assert_eq!(read.direction, Direction::Departing);
            assert!((2500..4000).contains(&read.captured_at.as_millis()));
            let cutout = pictures.cutout.as_ref().unwrap().size();
            assert!(cutout.width() as f32 > read.plate_rect.unwrap().width);
        }
    }
}

/// INTEL-6: a plate that leaves through the edge of the picture or of the capture area gets narrower there: it does not go back.
#[test]
fn a_plate_that_is_cut_off_does_not_turn_back() {
    let cut = |right: f32| {
        let at = |x: f32, w: f32| PxRect::new(x, 200.0, w, 40.0);
        let leg = |from_ms, start, end| Vehicle {
            text: "CUT1234".into(),
            from_ms,
            until_ms: from_ms + 1499,
            start,
            end,
        };
        [
            leg(0, at(right - 300.0, 60.0), at(right - 122.0, 120.0)),
            leg(1500, at(right - 120.0, 120.0), at(right - 40.0, 40.0)),
        ]
    };
    let left_half = [(-1.0, 1.0), (0.5, 1.0), (0.5, -1.0), (-1.0, -1.0)];
    let left_half = left_half.map(|(x, y)| NormPoint { x, y }).to_vec();
    // 0.5 is 480 pixels from the left, and 2 % more are looked at.
    for (right, capture_area) in [(640.0, vec![]), (492.8, left_half)] {
        let cars = cut(right);
        let s = RecognitionSettings {
            tell_returns: true,
            capture_area,
            ..settings()
        };
        let mut p = pipeline(&cars, Noise::default(), 3, s);
        for ms in (0..4000).step_by(50) {
            let returned = step(&mut p, &cars, ms).returned;
            assert!(returned.is_empty(), "at {ms} ms");
        }
    }
}

#[test]
fn scenes_carry_the_text_and_empty_out() {
    let cars = [vehicle("ABC1234", 1, 0, 1000, (60.0, 120.0))];
    let mut p = pipeline(&cars, Noise::default(), 3, settings());
    let ids: Vec<u64> = (0..1000)
        .step_by(100)
        .map(|ms| {
            let s = step(&mut p, &cars, ms).scene;
            assert_eq!(s.objects.len(), 1, "at {ms}");
            assert_eq!(s.objects[0].plate.as_ref().unwrap().text, "ABC1234");
            s.objects[0].track_id
        })
        .collect();
    assert!(ids.iter().all(|i| *i == 1), "one track: {ids:?}");
    assert!(step(&mut p, &cars, 1100).scene.objects.is_empty());
}

#[test]
fn a_failing_net_loses_one_frame_only() {
    let cars = [vehicle("ABC1234", 1, 0, 2000, (60.0, 120.0))];
    let mut p = pipeline(
        &cars,
        Noise {
            broken_at_ms: Some(700),
            ..Noise::default()
        },
        3,
        settings(),
    );
    let mut reads = Vec::new();
    for ms in (0..2500).step_by(100) {
        match try_step(&mut p, &cars, ms, 20) {
            Ok(output) => reads.extend(output.reads),
            Err(e) => assert_eq!(
                (ms, e.to_string()),
                (700, "detector: broken for the test".to_owned())
            ),
        }
    }
    reads.extend(p.flush());
    assert_eq!(texts(&reads), ["ABC1234"]);
}

#[test]
fn the_interval_limits_what_is_wanted() {
    let s = RecognitionSettings {
        detection_interval_ms: 100,
        ..settings()
    };
    let mut p = pipeline(&[], Noise::default(), 1, s);
    let at = |ms: i64| lpr_core::UtcTime::from_millis(ms);
    assert!(p.wants(at(0)));
    step(&mut p, &[], 0);
    assert!(!p.wants(at(40)) && !p.wants(at(80)) && p.wants(at(95)));
    assert!(p.wants(at(-5)), "time that runs back starts anew");
}

#[test]
fn bad_settings_are_refused_and_the_old_ones_stay() {
    let mut p = pipeline(&[], Noise::default(), 1, settings());
    let bad = RecognitionSettings {
        stable_reads: 0,
        ..settings()
    };
    assert!(
        p.set_settings(bad)
            .unwrap_err()
            .to_string()
            .starts_with("stable_reads is 0")
    );
    assert_eq!(p.settings(), &settings());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Up to four lanes, each with one pass; frames dropped, plates missed, characters misread.
    #[test]
    fn one_right_read_a_pass_whatever_is_dropped(
        seed in any::<u64>(),
        ways in prop::collection::vec((any::<bool>(), 1500u64..6000, 0u64..3000), 1..4),
        dropped in 0u64..50,
        missed in 0u64..15,
        step_ms in 40u64..120,
    ) {
        let cars: Vec<Vehicle> = ways.iter().enumerate().map(|(i, (coming, lasts, from))| {
            let text = format!("{}{}", ["KLM", "TUV", "WXY", "PRH"][i], 1234 + 2222 * i);
            let widths = if *coming { (55.0, 135.0) } else { (135.0, 55.0) };
            vehicle(&text, i as u32, *from, *lasts, widths)
        }).collect();
        let noise = Noise { missed, misread: 15, jitter: 1.0, ..Noise::default() };
        let mut p = pipeline(&cars, noise, seed, settings());
        let mut dice = Dice(seed.rotate_left(17));
        let times: Vec<u64> = (0..12_000).step_by(step_ms as usize).filter(|_| dice.roll(100) >= dropped).collect();
        let reads = run(&mut p, &cars, times.into_iter());
        let mut got = texts(&reads);
        got.sort_unstable();
        let mut expect: Vec<&str> = cars.iter().map(|c| c.text.as_str()).collect();
        expect.sort_unstable();
        prop_assert_eq!(got, expect);
        for PlateCapture { read: r, .. } in &reads {
            let i = cars.iter().position(|c| c.text == r.plate_number).unwrap();
            let opposite = if ways[i].0 { Direction::Departing } else { Direction::Approaching };
            prop_assert!(r.direction != opposite, "{} {:?}", r.plate_number, r.direction);
        }
    }

    /// Frames in any order and any distance never panic and never report what was not there.
    #[test]
    fn any_order_of_frames(times in prop::collection::vec(0u64..20_000, 1..120), seed in any::<u64>()) {
        let cars = [vehicle("ABC1234", 1, 0, 20_000, (55.0, 135.0))];
        let mut p = pipeline(&cars, Noise { missed: 30, misread: 30, jitter: 3.0, ..Noise::default() }, seed, settings());
        let reads = run(&mut p, &cars, times.into_iter());
        prop_assert!(reads.iter().all(|c| c.read.plate_number.len() == 7));
    }
}
