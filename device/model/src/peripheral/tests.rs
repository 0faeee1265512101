//! What is sent of the vehicles, in time or not at all.

use std::{sync::Arc, time::Duration};

use lpr_core::{Colors, Direction, FrameSize, PlateRead, PxQuad, PxRect, UtcTime};
use serde_json::{Value, json};

use super::{PlateWay, outbox::WAITING};
use crate::{
    Actor, Error, EventKind, Origin, Subscription,
    log::Severity,
    testing::{TestDevice, initialised, of_model},
};

fn read(plate: &str, direction: Direction) -> Arc<PlateRead> {
    let at = UtcTime::from_millis(1_795_000_000_123);
    let rect = PxRect::new(0.0, 0.0, 10.0, 10.0);
    Arc::new(PlateRead {
        track_id: 1,
        plate_number: plate.into(),
        likelihood: 0.9,
        chars: Vec::new(),
        country_code: None,
        issuing_entity: None,
        colors: Colors::default(),
        vehicle_type: None,
        direction,
        captured_at: at,
        first_seen: at,
        last_seen: at,
        plate_rect: Some(rect),
        plate_quad: Some(PxQuad::from(rect)),
        frame_size: FrameSize::new(100, 100).unwrap(),
        frames_seen: 3,
        frames_read: 3,
        speed_mps: None,
        test: false,
    })
}

fn set(t: &TestDevice, key: &str, patch: &Value) {
    let settings = &t.device.settings;
    settings.patch(key, patch, None, &Actor::system()).unwrap();
}

fn logged(events: &mut Subscription) -> Vec<(Severity, String)> {
    let mut all = Vec::new();
    while let Ok(event) = events.try_recv() {
        if let EventKind::Log(entry) = &event.kind {
            all.push((entry.severity, entry.text.clone()));
        }
    }
    all
}

fn lines(t: &TestDevice) -> Vec<(usize, String)> {
    let sent = t.serial.sent().into_iter();
    sent.map(|(port, line)| (port, String::from_utf8(line).unwrap()))
        .collect()
}

/// GEN-23, HW-4, HW-5: off at first; then each vehicle of the chosen way goes out, a test of what follows a read does not.
#[test]
fn vehicles_go_out_by_the_ways_that_want_them() {
    let t = initialised();
    let pass = |plate, direction| t.device.output_plate(&read(plate, direction));
    let send = || PlateWay::ALL.map(|way| t.device.send_plate(way));
    pass("OFF", Direction::Approaching);
    send();
    assert_eq!((lines(&t), t.wiegand.heard()), (vec![], vec![]));
    let serial = json!({"enabled": true, "port": 2, "direction": "departing", "format": r"{plate};{direction}\r"});
    set(&t, "peripheral.serial", &serial);
    let wiegand = json!({"enabled": true, "direction": "approaching", "format": "34"});
    set(&t, "peripheral.wiegand", &wiegand);
    pass("ABC123", Direction::Approaching);
    pass("DEF456", Direction::Departing);
    pass("NOWAY", Direction::Unknown);
    let mut by_hand = (*read("TEST", Direction::Departing)).clone();
    by_hand.test = true;
    t.device.output_plate(&Arc::new(by_hand));
    send();
    send();
    assert_eq!(lines(&t), [(1, "DEF456;departing\r".into())]);
    let heard = t.wiegand.heard();
    assert_eq!(heard.len(), 1);
    assert_eq!(heard[0].unwrap().number(), 685_892_560);
    // Switched off while it waits.
    pass("GHI789", Direction::Departing);
    set(&t, "peripheral.serial", &json!({"enabled": false}));
    send();
    assert_eq!(lines(&t).len(), 1);
}

/// GEN-23: what could not be sent in time is not sent, nor is it sent twice; the log has the begin and the end of it.
#[test]
fn late_plates_are_dropped_and_told() {
    let t = initialised();
    set(
        &t,
        "peripheral.serial",
        &json!({"enabled": true, "discard_seconds": 3}),
    );
    let mut events = t.device.bus.subscribe();
    let pass = |plate: &str| t.device.output_plate(&read(plate, Direction::Unknown));
    let send = || t.device.send_plate(PlateWay::Serial);
    pass("LATE1");
    pass("LATE2");
    t.clock.advance(Duration::from_secs(3));
    pass("NOW1");
    t.serial.fail(true);
    send();
    send();
    t.serial.fail(false);
    pass("NOW2");
    send();
    assert_eq!(lines(&t), [(0, "NOW2\r\n".into())]);
    let said = logged(&mut events);
    assert_eq!(said.len(), 2, "{said:?}");
    assert_eq!(said[0].0, Severity::Warning);
    assert!(
        said[0].1.contains("serial port: its time was over"),
        "{said:?}"
    );
    assert_eq!(said[1].0, Severity::Notice);
    assert!(said[1].1.ends_with("plates not sent: 3."), "{said:?}");
    for i in 0..=WAITING {
        pass(&format!("P{i}"));
    }
    for _ in 0..=WAITING {
        send();
    }
    let sent = lines(&t);
    assert_eq!(sent.len(), 1 + WAITING, "{sent:?}");
    assert_eq!(sent[1].1, "P1\r\n");
    let said = logged(&mut events);
    assert!(said[0].1.contains("others wait already"), "{said:?}");
}

/// HW-5: what has no number is told, and a line that does not follow.
#[test]
fn wiegand_failures_are_told() {
    let t = initialised();
    set(
        &t,
        "peripheral.wiegand",
        &json!({"enabled": true, "coding": "digits"}),
    );
    let mut events = t.device.bus.subscribe();
    t.device.output_plate(&read("ABC", Direction::Unknown));
    t.device.send_plate(PlateWay::Wiegand);
    let said = logged(&mut events);
    assert!(said[0].1.contains("it has no digit"), "{said:?}");
    t.wiegand.fail(true);
    let refused = t.device.test_wiegand_plate(&Actor::system(), "A1");
    assert!(
        matches!(refused, Err(Error::Internal { .. })),
        "{refused:?}"
    );
    t.wiegand.fail(false);
    let sent = t.device.test_wiegand_plate(&Actor::system(), "A1").unwrap();
    assert_eq!((sent.number, sent.facility, sent.card), (1, 0, 1));
    assert_eq!(t.wiegand.heard().len(), 1);
}

/// GEN-23: a test is for those who may open the barrier, and in the audit trail; also while it is switched off.
#[test]
fn tests_are_bounded_and_kept() {
    let t = initialised();
    let (by, nobody) = (Actor::system(), Actor::anonymous(Origin::Web, None));
    let refused = t.device.test_serial_plate(&nobody, "ABC");
    assert!(matches!(refused, Err(Error::Forbidden(_))), "{refused:?}");
    let refused = t.device.test_wiegand_plate(&nobody, "ABC");
    assert!(matches!(refused, Err(Error::Forbidden(_))), "{refused:?}");
    let mut events = t.device.bus.subscribe();
    assert_eq!(t.device.test_serial_plate(&by, "ABC").unwrap(), r"ABC\r\n");
    let told = format!("{:?}", events.try_recv().unwrap().kind);
    assert!(
        told.contains("was sent by the serial port as a test"),
        "{told}"
    );
    for plate in ["", "A\r\nB", &"A".repeat(33)] {
        let refused = t.device.test_serial_plate(&by, plate);
        assert!(matches!(refused, Err(Error::Invalid(_))), "{refused:?}");
        let refused = t.device.plate_number(plate);
        assert!(matches!(refused, Err(Error::Invalid(_))), "{refused:?}");
    }
    assert_eq!(t.serial.sent().len(), 1);
}

/// GEN-23, GEN-24: wrong rules and codes are named with their bound; a model may lack either way.
#[test]
fn settings_are_bounded() {
    let t = initialised();
    let refused = |t: &TestDevice, key: &str, patch: Value| {
        let by = Actor::system();
        t.device.settings.patch(key, &patch, None, &by).unwrap_err()
    };
    for (key, patch, pointer) in [
        (
            "peripheral.serial",
            json!({"format": "{colour}"}),
            "/format",
        ),
        ("peripheral.serial", json!({"format": ""}), "/format"),
        ("peripheral.serial", json!({"port": 3}), "/port"),
        (
            "peripheral.serial",
            json!({"discard_seconds": 31}),
            "/discard_seconds",
        ),
        (
            "peripheral.wiegand",
            json!({"facility": "fixed", "facility_code": 256}),
            "/facility_code",
        ),
        (
            "peripheral.wiegand",
            json!({"pulse_micros": 19}),
            "/pulse_micros",
        ),
        (
            "peripheral.wiegand",
            json!({"interval_micros": 399}),
            "/interval_micros",
        ),
    ] {
        let Error::Invalid(wrong) = refused(&t, key, patch.clone()) else {
            panic!("{patch}");
        };
        assert_eq!(wrong.0[0].pointer, pointer, "{patch}");
    }
    let long = json!({"facility": "fixed", "facility_code": 65_535, "format": "34"});
    set(&t, "peripheral.wiegand", &long);
    let small =
        of_model(r#"{"model": "Small", "limits": {"serial-ports": 1, "wiegand-outputs": 0}}"#);
    let Error::Invalid(wrong) = refused(&small, "peripheral.serial", json!({"port": 2})) else {
        panic!("port 2");
    };
    assert_eq!(wrong.0[0].reason, "must be at most 1 on the model Small");
    let gone = refused(&small, "peripheral.wiegand", json!({"enabled": true}));
    assert!(
        gone.to_string().ends_with("has no Wiegand output"),
        "{gone}"
    );
}
