use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::testing::{TestDevice, initialised};

fn set(t: &TestDevice, key: &str, value: &Value) {
    let by = Actor::system();
    t.device.settings.patch(key, value, None, &by).unwrap();
    t.device.follow_io_settings();
}

/// A device whose inputs were seen open.
fn looped(lpr: &Value) -> TestDevice {
    let t = initialised();
    set(&t, "lpr.recognition", lpr);
    for input in [0, 1] {
        t.device.contact_seen(input, false);
    }
    t
}

/// Vehicles that loops captured and alarms that were raised: `v1`, `v2 at 8.0`, `A1`.
fn told(events: &mut crate::Subscription) -> Vec<String> {
    std::iter::from_fn(|| events.try_recv().ok())
        .filter_map(|e| match &e.kind {
            EventKind::AtLoop(pass) => {
                assert!(pass.arrived <= pass.at && pass.at == e.at);
                let speed = pass.speed_mps.map(|v| format!(" at {v:.1}"));
                Some(format!("v{}{}", pass.vehicle, speed.unwrap_or_default()))
            }
            EventKind::Alarm(alarm) => Some(format!("A{}", alarm.channel + 1)),
            _ => None,
        })
        .collect()
}

/// SNAPRULE-13, SNAPRULE-17: the manual's default captures as the vehicle leaves; the first sight of a contact, other modes and
/// other inputs capture nothing, and a loop raises no alarm.
#[test]
fn the_edge_of_a_loop_captures() {
    let t = looped(&json!({"capture_mode": "loop"}));
    let mut events = t.device.bus.subscribe();
    t.device.contact_seen(0, true);
    t.device.contact_seen(1, true);
    t.device.contact_seen(1, false);
    assert_eq!(told(&mut events), [""; 0]);
    t.clock.advance(Duration::from_secs(2));
    t.device.contact_seen(0, false);
    assert_eq!(told(&mut events), ["v1"]);
    // A normally closed contact: open is a vehicle. Its setting is no edge.
    t.clock.advance(Duration::from_secs(60));
    set(&t, "io", &json!({"input1": {"idle": "closed"}}));
    assert_eq!(told(&mut events), [""; 0]);
    t.device.contact_seen(0, true);
    assert_eq!(told(&mut events), ["v2"]);
    set(&t, "lpr.recognition", &json!({"capture_mode": "video"}));
    for closed in [false, true] {
        t.device.contact_seen(0, closed);
    }
    assert_eq!(told(&mut events), [""; 0]);
    // Wished: an alarm as well.
    set(
        &t,
        "event.alarm_inputs",
        &json!({"input1": {"enabled": true}}),
    );
    set(
        &t,
        "lpr.recognition",
        &json!({"capture_mode": "mixed", "loops": {"loop1": "rising"}}),
    );
    t.device.contact_seen(0, false);
    assert_eq!(told(&mut events), ["v1", "A1"]);
}

/// SNAPRULE-15, SNAPRULE-16: crossed wires, and the speed over the distance that is set.
#[test]
fn crossed_loops_measure_the_speed() {
    let t = looped(
        &json!({"capture_mode": "mixed", "loops": {"plan": "double_in2-snap_speed", "loop1_input": 2,
        "loop2_input": 1, "loop2": "rising", "distance": 400}}),
    );
    let mut events = t.device.bus.subscribe();
    t.device.contact_seen(1, true);
    t.clock.advance(Duration::from_millis(500));
    t.device.contact_seen(0, true);
    assert_eq!(told(&mut events), ["v1 at 8.0"]);
}
