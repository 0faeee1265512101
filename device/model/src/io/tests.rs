use serde_json::json;

use super::*;
use crate::{
    Origin, UserLevel,
    testing::{TestDevice, initialised},
};

fn by() -> Actor {
    Actor::system()
}

fn patch(t: &TestDevice, value: &serde_json::Value) {
    t.device.settings.patch("io", value, None, &by()).unwrap();
    t.device.follow_io_settings();
}

/// Changes since the last look: `o1+` is "output 1 became active".
fn told(events: &mut crate::Subscription) -> Vec<String> {
    let sign = |active: &bool| if *active { '+' } else { '-' };
    std::iter::from_fn(|| events.try_recv().ok())
        .filter_map(|e| match &e.kind {
            EventKind::Relay { index, active } => Some(format!("o{}{}", index + 1, sign(active))),
            EventKind::Input { index, active } => Some(format!("i{}{}", index + 1, sign(active))),
            _ => None,
        })
        .collect()
}

/// ALARM-11, ALARM-15: it goes back after its time, and not before.
#[test]
fn a_monostable_output_goes_back() {
    let t = initialised();
    patch(&t, &json!({"output1": {"delay_seconds": 5}}));
    let mut events = t.device.bus.subscribe();
    t.device.switch_output(&by(), 0, true).unwrap();
    assert_eq!(t.outputs.contacts(), [true, false]);
    let due = t.device.serve_outputs().unwrap();
    assert_eq!(due, t.device.clock.monotonic() + Duration::from_secs(5));
    t.clock.advance(Duration::from_millis(4999));
    t.device.serve_outputs();
    assert!(t.device.outputs()[0].active);
    t.clock.advance(Duration::from_millis(1));
    assert_eq!(t.device.serve_outputs(), None);
    assert_eq!(t.outputs.contacts(), [false, false]);
    // Let go before its time.
    t.device.switch_output(&by(), 0, true).unwrap();
    t.device.switch_output(&by(), 0, false).unwrap();
    assert_eq!(told(&mut events), ["o1+", "o1-", "o1+", "o1-"]);
    assert_eq!(t.device.serve_outputs(), None);
}

#[test]
fn a_bistable_output_stays() {
    let t = initialised();
    patch(&t, &json!({"output2": {"mode": "bistable"}}));
    t.device.switch_output(&by(), 1, true).unwrap();
    assert_eq!(t.device.serve_outputs(), None);
    t.clock.advance(Duration::from_secs(3600));
    t.device.serve_outputs();
    assert_eq!(t.outputs.contacts(), [false, true]);
}

/// ALARM-16: the longer active time holds, whoever came first.
#[test]
fn neither_of_two_cuts_the_other_short() {
    for times in [[Some(9), Some(3)], [Some(3), Some(9)]] {
        let t = initialised();
        let mut events = t.device.bus.subscribe();
        for seconds in times {
            let hold_for = seconds.map(Duration::from_secs);
            t.device.drive_output(0, hold_for).unwrap();
        }
        t.clock.advance(Duration::from_secs(4));
        t.device.serve_outputs();
        assert!(t.device.outputs()[0].active, "{times:?}");
        t.clock.advance(Duration::from_secs(5));
        t.device.serve_outputs();
        assert_eq!(told(&mut events), ["o1+", "o1-"], "{times:?}");
    }
    let t = initialised();
    t.device.drive_output(0, None).unwrap();
    t.device
        .drive_output(0, Some(Duration::from_secs(1)))
        .unwrap();
    assert_eq!(t.device.serve_outputs(), None, "nobody's end");
}

/// ALARM-9, BARRIER-14: what is at rest is idle, also right after the start and after a change of the setting.
#[test]
fn contacts_follow_their_idle_state() {
    let t = initialised();
    t.device.follow_io_settings();
    assert_eq!(t.outputs.contacts(), [false, false]);
    patch(&t, &json!({"output1": {"idle": "closed"}}));
    assert_eq!(t.outputs.contacts(), [true, false]);
    t.device.switch_output(&by(), 0, true).unwrap();
    assert_eq!(t.outputs.contacts(), [false, false]);
    assert!(t.device.outputs()[0].active);

    let mut events = t.device.bus.subscribe();
    assert!(!t.device.inputs()[0].active);
    for closed in [false, true, true, false] {
        t.device.contact_seen(0, closed);
    }
    patch(&t, &json!({"input1": {"idle": "closed"}}));
    assert!(t.device.inputs()[0].active, "open is not idle any more");
    t.device.contact_seen(0, true);
    t.device.contact_seen(7, true);
    assert_eq!(told(&mut events), ["i1+", "i1-", "i1+", "i1-"]);
}

#[test]
fn a_line_that_does_not_follow_changes_nothing() {
    let t = initialised();
    let mut events = t.device.bus.subscribe();
    t.outputs.fail(true);
    let failed = t.device.switch_output(&by(), 0, true);
    assert!(matches!(failed, Err(Error::Internal { .. })));
    assert!(!t.device.outputs()[0].active);
    assert_eq!(told(&mut events), [""; 0]);
    t.outputs.fail(false);
    t.device.switch_output(&by(), 0, true).unwrap();
    t.outputs.fail(true);
    t.clock.advance(Duration::from_secs(10));
    let again = t.device.serve_outputs().expect("tried again");
    assert!(again > t.device.clock.monotonic() && t.device.outputs()[0].active);
    t.outputs.fail(false);
    t.clock.advance(Duration::from_secs(1));
    assert_eq!(t.device.serve_outputs(), None);
    assert_eq!(t.outputs.contacts(), [false, false]);
}

/// GEN-3.
#[test]
fn outputs_need_the_permission_and_must_exist() {
    let t = initialised();
    let mut user = Actor::anonymous(Origin::Web, None);
    user.permissions = UserLevel::User.permissions();
    let refused = t.device.switch_output(&user, 0, true);
    assert!(matches!(
        refused,
        Err(Error::Forbidden(Permission::BarrierControl))
    ));
    let missing = t.device.switch_output(&by(), 2, true);
    assert!(matches!(missing, Err(Error::NotFound { .. })));
}

#[test]
fn values_outside_their_bounds_are_named() {
    let t = initialised();
    for (value, pointer) in [
        (json!({"output1": {"delay_seconds": 0}}), "/output1"),
        (json!({"output1": {"delay_seconds": 301}}), "/output1"),
        (
            json!({"output2": {"name": "x".repeat(32)}}),
            "/output2/name",
        ),
        (json!({"input1": {"name": "a\nb"}}), "/input1/name"),
        (json!({"input1": {"idle": "x"}}), "/input1"),
    ] {
        let refused = t.device.settings.patch("io", &value, None, &by());
        let Err(Error::Invalid(v)) = refused else {
            panic!("{value}")
        };
        assert!(v.0[0].pointer.starts_with(pointer), "{value}: {v}");
    }
}
