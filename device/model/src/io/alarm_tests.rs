use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    Origin, Subscription, UserLevel,
    log::{Scribe, Severity},
    testing::{TestDevice, initialised},
};

/// A device whose first input is seen open, with these settings of its alarm.
fn armed(input1: &Value) -> TestDevice {
    let t = initialised();
    set(
        &t,
        "event.alarm_inputs",
        &json!({"input1": {"enabled": true}}),
    );
    set(&t, "event.alarm_inputs", &json!({"input1": input1}));
    t.device.follow_io_settings();
    t.device.contact_seen(0, false);
    t
}

fn set(t: &TestDevice, key: &str, value: &Value) {
    let by = Actor::system();
    t.device.settings.patch(key, value, None, &by).unwrap();
}

fn pulse(t: &TestDevice) {
    t.device.contact_seen(0, true);
    t.device.contact_seen(0, false);
}

fn later(t: &TestDevice, seconds: u64) {
    t.clock.advance(Duration::from_secs(seconds));
    t.device.serve_outputs();
}

/// What was told, in its order: `i1+`, `o2-`, `A1` for an alarm.
fn told(events: &mut Subscription) -> Vec<String> {
    let sign = |active: bool| if active { '+' } else { '-' };
    std::iter::from_fn(|| events.try_recv().ok())
        .filter_map(|e| match &e.kind {
            EventKind::Relay { index, active } => Some(format!("o{}{}", index + 1, sign(*active))),
            EventKind::Input { index, active } => Some(format!("i{}{}", index + 1, sign(*active))),
            EventKind::Alarm(alarm) => Some(format!("A{}", alarm.channel + 1)),
            _ => None,
        })
        .collect()
}

/// GEN-18, ALARM-10..12: when the edge was heard, the outputs are driven already; they go back after their time.
#[test]
fn an_edge_drives_the_linked_outputs_before_it_returns() {
    let t = armed(&json!({"output2": true, "duration_seconds": 7}));
    let mut events = t.device.bus.subscribe();
    t.device.contact_seen(0, true);
    assert_eq!(t.outputs.contacts(), [false, true]);
    assert_eq!(told(&mut events), ["i1+", "o2+", "A1"]);
    later(&t, 6);
    assert_eq!(t.outputs.contacts(), [false, true]);
    later(&t, 1);
    assert_eq!(t.outputs.contacts(), [false, false]);
    t.device.contact_seen(0, false);
    assert_eq!(
        told(&mut events),
        ["o2-", "i1-"],
        "the end of a trigger is no alarm"
    );
}

/// ALARM-8: triggers within the interval are one alarm, and each holds the outputs anew.
#[test]
fn triggers_within_the_interval_are_one_alarm() {
    let t = armed(&json!({"output1": true, "duration_seconds": 4, "interval_seconds": 10}));
    let mut events = t.device.bus.subscribe();
    pulse(&t);
    later(&t, 3);
    pulse(&t);
    later(&t, 3);
    assert_eq!(
        t.outputs.contacts(),
        [true, false],
        "held from the second trigger"
    );
    later(&t, 1);
    assert_eq!(
        told(&mut events),
        ["i1+", "o1+", "A1", "i1-", "i1+", "i1-", "o1-"]
    );
    later(&t, 3);
    pulse(&t);
    assert_eq!(told(&mut events), ["i1+", "o1+", "A1", "i1-"]);
}

/// ALARM-1, ALARM-7: off or outside of the schedule there is an event, and no alarm. The schedule goes by local time.
#[test]
fn outside_of_the_schedule_there_are_events_only() {
    let t = armed(&json!({"output1": true, "interval_seconds": 1}));
    // 2026-11-18T11:06:40Z is a Wednesday; 20:06 in Tokyo.
    let mut week = json!({});
    for day in [
        "sunday",
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
    ] {
        week[day] = json!([]);
    }
    week["wednesday"] = json!(["20:00-20:07"]);
    set(
        &t,
        "event.schedules",
        &json!({"schedules": [{"name": "Evening", "week": week}]}),
    );
    set(
        &t,
        "event.alarm_inputs",
        &json!({"input1": {"schedule": "Evening"}}),
    );
    let mut events = t.device.bus.subscribe();
    set(&t, "time", &json!({"time_zone": "UTC0"}));
    pulse(&t);
    assert_eq!(told(&mut events), ["i1+", "i1-"]);
    set(&t, "time", &json!({"time_zone": "JST-9"}));
    pulse(&t);
    assert_eq!(told(&mut events), ["i1+", "o1+", "A1", "i1-"]);
    later(&t, 20);
    pulse(&t);
    assert_eq!(
        told(&mut events),
        ["o1-", "i1+", "i1-"],
        "20:07:00 is outside"
    );
    set(
        &t,
        "event.alarm_inputs",
        &json!({"input1": {"schedule": "", "enabled": false}}),
    );
    pulse(&t);
    assert_eq!(told(&mut events), ["i1+", "i1-"]);
}

/// Neither a start nor a change of settings is an edge: they open no barrier.
#[test]
fn what_was_active_before_is_no_alarm() {
    let t = initialised();
    set(
        &t,
        "event.alarm_inputs",
        &json!({"input1": {"enabled": true, "output1": true}}),
    );
    let mut events = t.device.bus.subscribe();
    t.device.contact_seen(0, true);
    assert_eq!(told(&mut events), ["i1+"]);
    set(&t, "io", &json!({"input1": {"idle": "closed"}}));
    t.device.follow_io_settings();
    set(&t, "io", &json!({"input1": {"idle": "open"}}));
    t.device.follow_io_settings();
    assert_eq!(told(&mut events), ["i1-", "i1+"]);
    // ALARM-9: with a normally closed contact, opening it is the edge.
    set(&t, "io", &json!({"input1": {"idle": "closed"}}));
    t.device.follow_io_settings();
    t.device.contact_seen(0, false);
    assert_eq!(told(&mut events), ["i1-", "i1+", "o1+", "A1"]);
}

/// GEN-19: the alarm is told with what it did, also what it could not do.
#[test]
fn an_output_that_does_not_follow_is_told() {
    let t = armed(&json!({"output1": true, "output2": true}));
    set(&t, "io", &json!({"input1": {"name": "Gate"}}));
    let mut events = t.device.bus.subscribe();
    t.outputs.fail(true);
    t.device.contact_seen(0, true);
    let event = std::iter::from_fn(|| events.try_recv().ok());
    let event = event
        .into_iter()
        .find(|e| matches!(e.kind, EventKind::Alarm(_)));
    let event = event.expect("an alarm");
    let entry = Scribe::default().entry(&event).unwrap();
    assert_eq!(
        (entry.kind, entry.severity),
        (LogKind::Alarm, Severity::Error)
    );
    assert_eq!(
        (
            entry.details["failed"].as_str(),
            entry.details["name"].as_str()
        ),
        ("NO1, NO2", "Gate")
    );
    assert!(!entry.details.contains_key("outputs"));
}

/// ALARM-14, ALARM-15: all that are chosen, back after their time, also a bistable one, and logged.
#[test]
fn a_test_goes_back_and_is_logged() {
    let t = initialised();
    set(
        &t,
        "io",
        &json!({"output1": {"delay_seconds": 2}, "output2": {"mode": "bistable", "delay_seconds": 3}}),
    );
    let by = Actor::system();
    let mut events = t.device.bus.subscribe();
    t.device.test_outputs(&by, &[0, 1]).unwrap();
    assert_eq!(t.outputs.contacts(), [true, true]);
    later(&t, 2);
    assert_eq!(t.outputs.contacts(), [false, true]);
    later(&t, 1);
    assert_eq!(t.outputs.contacts(), [false, false]);
    let mut said = Vec::new();
    while let Ok(e) = events.try_recv() {
        if let EventKind::Audit(audit) = &e.kind {
            said.push((audit.kind, audit.what.clone()));
        }
    }
    assert_eq!(
        said,
        [(
            LogKind::Alarm,
            "Alarm outputs were tested: NO1, NO2.".to_owned()
        )]
    );
}

/// Outputs open barriers: to test them takes what opening takes.
#[test]
fn a_test_needs_the_permission_and_outputs() {
    let t = initialised();
    let mut by = Actor::anonymous(Origin::Web, None);
    by.permissions = UserLevel::Operator.permissions();
    t.device.test_outputs(&by, &[0]).unwrap();
    for (outputs, pointer) in [(&[][..], "/outputs"), (&[1, 2], "/outputs/1")] {
        let Err(Error::Invalid(v)) = t.device.test_outputs(&by, outputs) else {
            panic!("{outputs:?} were taken");
        };
        assert_eq!(v.0[0].pointer, pointer);
    }
    let barrier = crate::Permissions::of(&[Permission::BarrierControl]);
    by.permissions = by.permissions.without(barrier);
    let refused = t.device.test_outputs(&by, &[0]);
    assert!(matches!(
        refused,
        Err(Error::Forbidden(Permission::BarrierControl))
    ));
    assert_eq!(t.outputs.contacts(), [true, false], "the first test alone");
}

proptest! {
    /// ALARM-16: whoever drives an output, alarm, barrier or test, and in whatever order: it is active exactly until
    /// the last of their ends.
    #[test]
    fn an_output_is_active_until_the_last_end(
        drives in proptest::collection::vec((0u64..40, 1u64..=60), 1..20)
    ) {
        let t = initialised();
        let (mut now, mut end) = (0, 0);
        for (gap, hold) in drives {
            for _ in 0..gap {
                now += 1;
                later(&t, 1);
                prop_assert_eq!(t.outputs.contacts()[0], now < end, "at {}", now);
            }
            t.device.drive_output(0, Some(Duration::from_secs(hold))).unwrap();
            end = end.max(now + hold);
            prop_assert!(t.outputs.contacts()[0]);
        }
    }
}

/// INTEL-6: a vehicle that turned back drives its outputs and raises an alarm with its plate, picture and message; nothing while
/// it is off.
#[test]
fn a_vehicle_that_turned_back_raises_an_alarm_where_it_is_wanted() {
    let t = initialised();
    t.device.follow_io_settings();
    let mut events = t.device.bus.subscribe();
    t.device.raise_backing("BACK123");
    assert_eq!(told(&mut events), Vec::<String>::new());
    let wanted =
        json!({"backing": true, "output1": true, "duration_seconds": 3, "send_email": true});
    set(&t, "lpr.intelligence", &wanted);
    let mut events = t.device.bus.subscribe();
    t.device.raise_backing("BACK123");
    assert_eq!(t.outputs.contacts(), [true, false]);
    let alarm = std::iter::from_fn(|| events.try_recv().ok())
        .find_map(|e| match &e.kind {
            EventKind::Alarm(alarm) => Some(alarm.clone()),
            _ => None,
        })
        .unwrap();
    assert_eq!(
        (alarm.kind, alarm.name.as_str(), alarm.outputs.as_slice()),
        (AlarmKind::Backing, "BACK123", &[0][..])
    );
    let entry = Scribe::default().entry(&crate::Event {
        seq: 1,
        at: alarm.at,
        kind: EventKind::Alarm(alarm.clone()),
    });
    let entry = entry.unwrap();
    assert!(entry.text.contains("turned back"), "{}", entry.text);
    let kept = t.device.keep_alarm(&alarm).unwrap();
    assert!(kept.has_picture, "its pictures are taken");
    later(&t, 3);
    assert_eq!(t.outputs.contacts(), [false, false]);
}

/// INTEL-7: it takes the right to blocklist alarms to switch it.
#[test]
fn intelligent_analysis_needs_the_right_to_blocklist_alarms() {
    use crate::settings::{LprIntelligence, Section};
    assert_eq!(LprIntelligence::WRITE, Permission::BlocklistAlarm);
    let t = initialised();
    let nobody = Actor::anonymous(Origin::Web, None);
    let wanted = json!({"backing": true});
    let refused = t
        .device
        .settings
        .patch("lpr.intelligence", &wanted, None, &nobody);
    assert!(matches!(
        refused,
        Err(Error::Forbidden(Permission::BlocklistAlarm))
    ));
}
