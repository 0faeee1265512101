use proptest::prelude::*;

use super::*;

fn rules(plan: LoopPlan, triggers: [LoopTrigger; 2]) -> LoopRules {
    LoopRules {
        plan,
        triggers,
        distance_cm: 300,
        max_pass: Duration::from_secs(5),
    }
}

/// Edges as `1+` (Loop1 becomes occupied) and `2-`, each with its milliseconds; the captures as vehicle and edge.
fn run(rules: LoopRules, edges: &[(&str, u64)]) -> Vec<(u64, u64, Option<f32>)> {
    let mut watch = LoopWatch::new(rules);
    let mut captures = Vec::new();
    for (edge, ms) in edges {
        let no = usize::from(edge.starts_with('2'));
        let at = Duration::from_millis(*ms);
        if let Some(c) = watch.edge(no, edge.ends_with('+'), at) {
            assert!(c.arrived <= at);
            captures.push((c.vehicle, *ms, c.speed_mps));
        }
    }
    captures
}

fn moments(rules: LoopRules, edges: &[(&str, u64)]) -> Vec<(u64, u64)> {
    let captures = run(rules, edges);
    captures.into_iter().map(|c| (c.0, c.1)).collect()
}

const NONE: LoopTrigger = LoopTrigger::None;
const UP: LoopTrigger = LoopTrigger::Rising;
const DOWN: LoopTrigger = LoopTrigger::Falling;

/// SNAPRULE-13, SNAPRULE-17, SNAPRULE-18: one loop, each trigger; Loop2 has no say.
#[test]
fn one_loop_captures_at_its_edge() {
    let two_vehicles = [
        ("1+", 1000),
        ("2+", 1100),
        ("1-", 2000),
        ("1+", 9000),
        ("1-", 9500),
    ];
    for (trigger, want) in [
        (NONE, vec![]),
        (UP, vec![(1, 1000), (2, 9000)]),
        (DOWN, vec![(1, 2000), (2, 9500)]),
    ] {
        let rules = rules(LoopPlan::SingleIn, [trigger, UP]);
        assert_eq!(moments(rules, &two_vehicles), want, "{trigger:?}");
    }
    // A trailer within the time belongs to its car; one millisecond more is another vehicle.
    let trailer = |gap: u64| {
        [
            ("1+", 0),
            ("1-", 900),
            ("1+", 900 + gap),
            ("1-", 2000 + gap),
        ]
    };
    let single = rules(LoopPlan::SingleIn, [UP, NONE]);
    assert_eq!(moments(single, &trailer(5000)), [(1, 0)]);
    assert_eq!(moments(single, &trailer(5001)), [(1, 0), (2, 5901)]);
    // Who stands on the loop for a minute leaves it as who came.
    let standing = [("1+", 0), ("1-", 60_000)];
    let leaving = rules(LoopPlan::SingleIn, [DOWN, NONE]);
    assert_eq!(moments(leaving, &standing), [(1, 60_000)]);
}

/// SNAPRULE-14: two loops, captured at the first. Two that follow closely are two, a long one is one, and who comes over
/// the second loop first does not drive in.
#[test]
fn two_loops_capture_at_the_first() {
    let rules = rules(LoopPlan::DoubleIn1, [UP, NONE]);
    let close = [
        ("1+", 0),
        ("2+", 500),
        ("1-", 900),
        ("2-", 1400),
        ("1+", 1500),
        ("2+", 2000),
        ("1-", 2400),
        ("2-", 2900),
    ];
    assert_eq!(moments(rules, &close), [(1, 0), (2, 1500)]);
    let with_trailer = [
        ("1+", 0),
        ("2+", 500),
        ("1-", 900),
        ("1+", 1000),
        ("2-", 1400),
        ("2+", 1500),
        ("1-", 1600),
        ("2-", 2100),
    ];
    assert_eq!(moments(rules, &with_trailer), [(1, 0)]);
    let backwards = [("2+", 0), ("1+", 500), ("2-", 900), ("1-", 1400)];
    assert_eq!(moments(rules, &backwards), []);
    // Came, went back, came again: one vehicle.
    let again = [("1+", 0), ("1-", 1000), ("1+", 3000), ("2+", 3500)];
    assert_eq!(moments(rules, &again), [(1, 0)]);
    // One stands at the barrier, on the second loop; the next comes to the first.
    let queue = [
        ("1+", 0),
        ("2+", 500),
        ("1-", 900),
        ("1+", 20_000),
        ("2-", 21_000),
        ("2+", 22_000),
    ];
    assert_eq!(moments(rules, &queue), [(1, 0), (2, 20_000)]);
}

/// SNAPRULE-15: speed is distance by time, between the same edge of both loops; without Loop1 there is a capture and no speed.
#[test]
fn two_loops_measure_the_speed() {
    let passing = [("1+", 0), ("2+", 300), ("1-", 400), ("2-", 1000)];
    let up = rules(LoopPlan::DoubleIn2Speed, [UP, UP]);
    assert_eq!(run(up, &passing), [(1, 300, Some(10.0))]);
    let down = rules(LoopPlan::DoubleIn2Speed, [UP, DOWN]);
    assert_eq!(run(down, &passing), [(1, 1000, Some(5.0))]);
    assert_eq!(run(up, &[("2+", 300), ("2-", 900)]), [(1, 300, None)]);
    // Loop1 misses the second vehicle.
    let missed = [
        ("1+", 0),
        ("2+", 300),
        ("1-", 400),
        ("2-", 700),
        ("2+", 9000),
    ];
    assert_eq!(run(up, &missed), [(1, 300, Some(10.0)), (2, 9000, None)]);
    // Slower than the longest pass, and faster than any vehicle.
    let slow = [("1+", 0), ("2+", 5100)];
    assert_eq!(run(up, &slow), [(1, 5100, None)]);
    let at_once = [("1+", 0), ("2+", 1)];
    assert_eq!(run(up, &at_once), [(1, 1, None)]);
}

#[test]
fn other_rules_forget_who_is_there_and_count_on() {
    let mut watch = LoopWatch::new(rules(LoopPlan::SingleIn, [UP, NONE]));
    let s = Duration::from_secs;
    assert_eq!(watch.edge(0, true, s(1)).map(|c| c.vehicle), Some(1));
    watch.set_rules(rules(LoopPlan::SingleIn, [DOWN, NONE]));
    assert_eq!(watch.edge(0, false, s(2)).map(|c| c.vehicle), Some(2));
    watch.set_rules(rules(LoopPlan::SingleIn, [DOWN, NONE]));
    assert_eq!(watch.edge(0, false, s(3)), None, "no edge");
}

/// A loop that is seen occupied has a vehicle from before: it is captured as it leaves.
#[test]
fn what_is_seen_is_no_edge() {
    let mut watch = LoopWatch::new(rules(LoopPlan::SingleIn, [DOWN, NONE]));
    watch.seen(0, true);
    watch.seen(7, true);
    let s = Duration::from_secs;
    assert_eq!(watch.edge(0, true, s(1)), None);
    assert_eq!(watch.edge(0, false, s(2)).map(|c| c.vehicle), Some(1));
}

fn any_rules() -> impl Strategy<Value = LoopRules> {
    let plan = prop::sample::select(LoopPlan::ALL.map(|p| p.1).to_vec());
    let trigger = prop::sample::select(LoopTrigger::ALL.map(|t| t.1).to_vec());
    (plan, trigger.clone(), trigger, 1u32..=5000, 1u64..=60).prop_map(
        |(plan, a, b, distance_cm, s)| LoopRules {
            plan,
            triggers: [a, b],
            distance_cm,
            max_pass: Duration::from_secs(s),
        },
    )
}

proptest! {
    /// Whatever comes: no panic, bounded memory, a vehicle is captured once, at the loop and edge of the rules, and a
    /// speed is one of a vehicle.
    #[test]
    fn any_edges_give_each_vehicle_once(
        rules in any_rules(),
        edges in prop::collection::vec((0usize..3, any::<bool>(), 0u64..8000), 0..200),
    ) {
        let (mut watch, mut at, mut seen) = (LoopWatch::new(rules), Duration::ZERO, Vec::new());
        for (no, occupied, ms) in edges {
            at += Duration::from_millis(ms);
            let capture = watch.edge(no, occupied, at);
            prop_assert!(watch.passes.len() <= MAX_PASSES);
            let Some(c) = capture else { continue };
            prop_assert!(!seen.contains(&c.vehicle) && c.arrived <= at);
            prop_assert!(no == rules.plan.captures_at() && rules.triggers[no].is(occupied));
            prop_assert!(c.speed_mps.is_none_or(|v| v > 0.0 && v <= FASTEST_MPS && rules.plan == LoopPlan::DoubleIn2Speed));
            seen.push(c.vehicle);
        }
    }

    /// A contact that bounces within the pass changes nothing: as many captures, at the same vehicles.
    #[test]
    fn bounces_add_no_vehicle(
        gaps in prop::collection::vec(6u64..60, 1..12),
        bounce in prop::collection::vec(0usize..4, 12),
        falling in any::<bool>(),
    ) {
        let trigger = if falling { DOWN } else { UP };
        let rules = rules(LoopPlan::SingleIn, [trigger, NONE]);
        let (mut edges, mut now) = (Vec::new(), 0);
        for (gap, bounces) in gaps.iter().zip(&bounce) {
            now += gap * 1000;
            edges.push(("1+", now));
            for i in 0..*bounces as u64 {
                edges.push(("1-", now + 10 + 20 * i));
                edges.push(("1+", now + 20 + 20 * i));
            }
            now += 1000;
            edges.push(("1-", now));
        }
        let captured: Vec<u64> = run(rules, &edges).iter().map(|c| c.0).collect();
        prop_assert_eq!(captured, (1..=gaps.len() as u64).collect::<Vec<_>>());
    }

    /// Vehicles longer than the distance of the loops, in any order of following: each once, with its speed.
    #[test]
    fn vehicles_that_follow_each_other_are_told_apart(
        vehicles in prop::collection::vec((1u64..4000, 100u64..900), 1..20),
    ) {
        let rules = rules(LoopPlan::DoubleIn2Speed, [NONE, UP]);
        let (mut edges, mut now, mut want) = (Vec::new(), 0, Vec::new());
        for (i, (gap, between)) in vehicles.iter().enumerate() {
            let (enter, reach) = (now + gap, now + gap + between);
            edges.extend([("1+", enter), ("2+", reach), ("1-", reach + 200), ("2-", reach + 200 + between)]);
            now = reach + 200 + between;
            want.push((i as u64 + 1, reach, Some(3000.0 / *between as f32)));
        }
        let got = run(rules, &edges);
        prop_assert_eq!(got.len(), want.len());
        for (g, w) in got.iter().zip(&want) {
            prop_assert_eq!((g.0, g.1), (w.0, w.1));
            let (a, b) = (g.2.unwrap(), w.2.unwrap());
            prop_assert!((a - b).abs() < 0.01 * b);
        }
    }
}
