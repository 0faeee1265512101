//! One record for each vehicle that loops and video see, whoever is first (SNAPRULE-1..3).

mod world;

use std::time::Duration;

use lpr_core::{
    CaptureMode, DirectionFilter, LateSpeed, LoopPass, PlateCapture, PxRect, RecognitionSettings,
    UtcTime,
};
use proptest::prelude::*;
use world::{FakePipeline, Noise, Vehicle, pipeline, settings, step};

/// A vehicle that comes down the lane for two seconds.
fn vehicle(text: &str, from_ms: u64) -> Vehicle {
    Vehicle {
        text: text.to_owned(),
        from_ms,
        until_ms: from_ms + 2000,
        start: PxRect::new(200.0, 30.0, 55.0, 18.0),
        end: PxRect::new(200.0, 270.0, 135.0, 45.0),
    }
}

fn at(ms: u64) -> UtcTime {
    UtcTime::EPOCH + Duration::from_millis(ms)
}

fn edge(number: u64, ms: u64, speed_mps: Option<f32>) -> LoopPass {
    LoopPass {
        vehicle: number,
        arrived: at(ms),
        at: at(ms),
        speed_mps,
    }
}

fn with(capture: CaptureMode) -> RecognitionSettings {
    RecognitionSettings {
        capture,
        ..settings()
    }
}

/// Runs the world; each edge comes to the pipeline before the first frame after it.
fn run(
    p: &mut FakePipeline,
    cars: &[Vehicle],
    edges: &[LoopPass],
    until_ms: u64,
) -> (Vec<PlateCapture>, Vec<LateSpeed>) {
    let (mut reads, mut late) = (Vec::new(), Vec::new());
    let mut edges = edges.iter().peekable();
    for ms in (0..until_ms).step_by(100) {
        while let Some(pass) = edges.next_if(|e| e.at <= at(ms)) {
            reads.extend(p.at_loop(*pass));
        }
        let output = step(p, cars, ms);
        reads.extend(output.reads);
        late.extend(output.late_speeds);
    }
    reads.extend(p.flush());
    (reads, late)
}

fn texts(reads: &[PlateCapture]) -> Vec<&str> {
    reads.iter().map(|c| c.read.plate_number.as_str()).collect()
}

/// SNAPRULE-1: a plate without an edge is no record, an edge without a plate is one with its picture, and the picture is
/// of about the edge.
#[test]
fn loops_alone_decide_who_is_told() {
    let cars = [
        vehicle("FIRST11", 1000),
        vehicle("SECOND2", 8000),
        vehicle("THIRD33", 16_000),
    ];
    let mut p = pipeline(&cars, Noise::default(), 1, with(CaptureMode::Loop));
    let edges = [
        edge(1, 2000, Some(8.5)),
        edge(2, 17_900, None),
        edge(3, 25_050, None),
    ];
    let (reads, late) = run(&mut p, &cars, &edges, 30_000);
    assert_eq!(texts(&reads), ["FIRST11", "THIRD33", ""]);
    let speeds: Vec<_> = reads.iter().map(|c| c.read.speed_mps).collect();
    assert_eq!((speeds, late), (vec![Some(8.5), None, None], vec![]));
    for (capture, pass) in reads.iter().zip(&edges) {
        let off = capture.read.captured_at.abs_diff(pass.at);
        assert!(off <= Duration::from_millis(1000), "{off:?}");
        assert_eq!(capture.pictures.full.size(), capture.read.frame_size);
    }
    let none = &reads[2];
    assert!(none.pictures.cutout.is_none() && none.read.plate_rect.is_none());
    assert_eq!(
        none.read.captured_at,
        at(25_100),
        "the first frame after the edge"
    );
    let mut ids: Vec<_> = reads.iter().map(|c| c.read.track_id).collect();
    ids.dedup();
    assert_eq!(ids.len(), 3);
}

/// Two lanes in sight: who goes away was seen first and still is, but the one at the loop is near.
#[test]
fn who_is_near_is_at_the_loop() {
    let leaves = Vehicle {
        text: "LEAVES1".to_owned(),
        from_ms: 1000,
        until_ms: 6000,
        start: PxRect::new(450.0, 270.0, 135.0, 45.0),
        end: PxRect::new(450.0, 30.0, 55.0, 18.0),
    };
    let cars = [leaves, vehicle("COMES22", 3500)];
    for capture in [CaptureMode::Loop, CaptureMode::Mixed] {
        let mut p = pipeline(&cars, Noise::default(), 1, with(capture));
        let (reads, late) = run(&mut p, &cars, &[edge(1, 5000, Some(8.5))], 10_000);
        let told: Vec<_> = reads
            .iter()
            .map(|c| (c.read.plate_number.as_str(), c.read.track_id))
            .collect();
        let come = told.iter().find(|(text, _)| *text == "COMES22");
        let come = come.unwrap_or_else(|| panic!("{told:?}"));
        assert_eq!(
            told.len(),
            if capture == CaptureMode::Loop { 1 } else { 2 },
            "{told:?}"
        );
        // In Mixed it may have been told before its loop: the speed comes after it then, and is its own.
        let read = reads.iter().find(|c| c.read.track_id == come.1);
        let speed = read.and_then(|c| c.read.speed_mps);
        let speed = speed.or(late
            .iter()
            .find(|l| l.track_id == come.1)
            .map(|l| l.speed_mps));
        assert_eq!(speed, Some(8.5), "{late:?}");
    }
}

/// The plate is out of sight when the vehicle leaves the loop: it was there while the vehicle was.
#[test]
fn a_plate_that_is_gone_belongs_to_who_was_there() {
    let cars = [vehicle("FIRST11", 1000), vehicle("SECOND2", 7000)];
    let mut p = pipeline(&cars, Noise::default(), 1, with(CaptureMode::Loop));
    let leaves = |vehicle, arrived, left| LoopPass {
        arrived: at(arrived),
        ..edge(vehicle, left, None)
    };
    let edges = [leaves(1, 2500, 6000), leaves(2, 8500, 12_000)];
    let (reads, _) = run(&mut p, &cars, &edges, 15_000);
    assert_eq!(texts(&reads), ["FIRST11", "SECOND2"]);
    assert!(reads.iter().all(|c| c.read.plate_rect.is_some()));

    // Two have gone before the edge of the first: its own picture made room, its text did not.
    let cars = [vehicle("FIRST11", 1000), vehicle("SECOND2", 4000)];
    let mut p = pipeline(&cars, Noise::default(), 1, with(CaptureMode::Loop));
    let edges = [leaves(1, 2500, 8000), leaves(2, 5500, 8600)];
    let (reads, _) = run(&mut p, &cars, &edges, 12_000);
    assert_eq!(texts(&reads), ["FIRST11", "SECOND2"]);
    assert_eq!(reads[0].read.captured_at, at(8000));
    assert!(reads[0].read.plate_rect.is_none() && reads[0].pictures.cutout.is_some());
}

/// SNAPRULE-3: whoever is first, and the other adds to it.
#[test]
fn both_see_one_vehicle() {
    let cars = [vehicle("FIRST11", 1000)];
    for (ms, early) in [(200, true), (1200, true), (4000, true), (4350, false)] {
        let mut p = pipeline(&cars, Noise::default(), 1, with(CaptureMode::Mixed));
        let (reads, late) = run(&mut p, &cars, &[edge(1, ms, Some(7.0))], 8000);
        assert_eq!(texts(&reads), ["FIRST11"], "edge at {ms} ms");
        let [read] = &reads[..] else { panic!() };
        let told = LateSpeed {
            track_id: read.read.track_id,
            speed_mps: 7.0,
        };
        if early {
            assert_eq!((read.read.speed_mps, late), (Some(7.0), vec![]), "{ms}");
        } else {
            assert_eq!((read.read.speed_mps, late), (None, vec![told]), "{ms}");
        }
    }
}

/// Without loops it is as if there were none, whatever edges come.
#[test]
fn video_takes_no_edge() {
    let cars = [vehicle("FIRST11", 1000)];
    let mut p = pipeline(&cars, Noise::default(), 1, with(CaptureMode::Video));
    let (reads, _) = run(
        &mut p,
        &cars,
        &[edge(1, 1500, Some(7.0)), edge(2, 9000, None)],
        12_000,
    );
    assert_eq!(texts(&reads), ["FIRST11"]);
    assert_eq!(reads[0].read.speed_mps, None);
}

/// C-2: who is told by direction is told when the direction is known. A vehicle of which the picture knows none is not.
#[test]
fn the_direction_counts_for_loops_too() {
    let cars = [vehicle("FIRST11", 1000), vehicle("SECOND2", 8000)];
    for (direction, want) in [
        (DirectionFilter::Approaching, vec!["FIRST11", "SECOND2"]),
        (DirectionFilter::Departing, vec![]),
    ] {
        let settings = RecognitionSettings {
            direction,
            ..with(CaptureMode::Loop)
        };
        let mut p = pipeline(&cars, Noise::default(), 1, settings);
        let edges = [
            edge(1, 2500, None),
            edge(2, 9500, None),
            edge(3, 15_000, None),
        ];
        let (reads, _) = run(&mut p, &cars, &edges, 20_000);
        assert_eq!(texts(&reads), want, "{direction:?}");
    }
}

/// A parked car in the picture is not who drives over the loop.
#[test]
fn who_stands_beside_the_lane_is_not_who_comes() {
    let parked = Vehicle {
        text: "PARKED1".into(),
        from_ms: 0,
        until_ms: 60_000,
        start: PxRect::new(480.0, 200.0, 100.0, 33.0),
        end: PxRect::new(480.0, 200.0, 100.0, 33.0),
    };
    let cars = [parked, vehicle("FIRST11", 10_000)];
    let mut p = pipeline(&cars, Noise::default(), 1, with(CaptureMode::Loop));
    let edges = [edge(1, 11_500, None), edge(2, 30_000, None)];
    let (reads, _) = run(&mut p, &cars, &edges, 40_000);
    assert_eq!(texts(&reads), ["FIRST11", ""]);
}

/// The clock is set back while a vehicle waits for its plate: it is told with what there is, and the next one is not lost.
#[test]
fn a_clock_set_back_loses_no_vehicle() {
    let cars = [vehicle("FIRST11", 1000)];
    let mut p = pipeline(&cars, Noise::default(), 1, with(CaptureMode::Loop));
    let mut reads = p.at_loop(edge(1, 3_600_000, None));
    for ms in [3_600_000, 3_600_100] {
        reads.extend(step(&mut p, &cars, ms).reads);
    }
    let (next, _) = run(&mut p, &cars, &[edge(2, 2000, None)], 6000);
    reads.extend(next);
    assert_eq!(texts(&reads), ["", "FIRST11"]);
    assert_eq!(p.take_unseen(), 0);
    assert!(p.at_loop(edge(3, 7000, None)).is_empty());
    assert!(p.flush().is_empty());
    assert_eq!((p.take_unseen(), p.take_unseen()), (1, 0), "no frame came");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    /// Vehicles one after the other, each with or without an edge somewhere about its pass, through imperfect nets: Loop tells
    /// of the edges, Mixed of the vehicles, each once and with its own plate.
    #[test]
    fn each_vehicle_is_told_once(
        passes in prop::collection::vec((4000u64..6000, prop::option::of(0u64..3000)), 1..6),
        seed in any::<u64>(),
    ) {
        let (mut cars, mut edges, mut looped, mut now) = (Vec::new(), Vec::new(), Vec::new(), 1000);
        for (i, (gap, offset)) in passes.iter().enumerate() {
            let text = ["KQ4711", "ABC123", "77ZTF9", "B8XW21", "MNR505"][i].to_owned();
            if let Some(offset) = offset {
                edges.push(edge(i as u64, now + offset, Some(i as f32 + 1.0)));
                looped.push(text.clone());
            }
            cars.push(vehicle(&text, now));
            now += gap;
        }
        let noise = Noise { missed: 10, misread: 5, jitter: 1.0, ..Noise::default() };
        for (mode, mut want) in [
            (CaptureMode::Loop, looped),
            (CaptureMode::Mixed, cars.iter().map(|c| c.text.clone()).collect::<Vec<_>>()),
        ] {
            let mut p = pipeline(&cars, noise, seed, with(mode));
            let (reads, late) = run(&mut p, &cars, &edges, now + 6000);
            let mut told: Vec<_> = texts(&reads).into_iter().map(str::to_owned).collect();
            told.sort();
            want.sort();
            prop_assert_eq!(&told, &want, "{:?}", mode);
            // Each edge's speed came with its own vehicle.
            for pass in &edges {
                let text = &cars[pass.vehicle as usize].text;
                let read = reads.iter().find(|c| c.read.plate_number == *text).unwrap();
                let speed = read.read.speed_mps.or_else(|| {
                    let of = |l: &&LateSpeed| l.track_id == read.read.track_id;
                    late.iter().find(of).map(|l| l.speed_mps)
                });
                prop_assert_eq!(speed, pass.speed_mps);
            }
        }
    }
}
