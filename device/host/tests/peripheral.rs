//! Plates over a real serial line: a pseudo terminal stands for the RS-485 pair (HW-4, GEN-23).

use std::{
    fs::{File, OpenOptions},
    io::{Read, Write},
    os::{fd::OwnedFd, unix::fs::OpenOptionsExt},
    sync::Arc,
    time::Duration,
};

use lpr_core::{Colors, Direction, FrameSize, PlateRead, PxQuad, PxRect, UtcTime};
use platecam_host::{LinuxSerial, SerialLine};
use platecam_model::{
    Actor, EventKind,
    peripheral::PlateWay,
    ports::SerialAnswer,
    testing::{TestDevice, customised},
};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
};
use serde_json::json;

/// A unit whose first serial port is a line, the far end of it, and the near end held open: without a user the far one hangs
/// up.
fn unit() -> (TestDevice, File, File) {
    let far: OwnedFd = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&far).unwrap();
    unlockpt(&far).unwrap();
    let name = ptsname(&far, Vec::new()).unwrap().into_string().unwrap();
    let line: SerialLine = format!("{name}:rs485").parse().unwrap();
    let near = OpenOptions::new()
        .read(true)
        .custom_flags(rustix::fs::OFlags::NOCTTY.bits() as i32)
        .open(&line.path)
        .unwrap();
    let serial = Arc::new(LinuxSerial::new(&[line]));
    let t = customised(|parts| parts.host.serial = serial);
    (t, far.into(), near)
}

fn set(t: &TestDevice, patch: &serde_json::Value) {
    let (settings, by) = (&t.device.settings, Actor::system());
    settings
        .patch("peripheral.serial", patch, None, &by)
        .unwrap();
}

fn read(plate: &str) -> Arc<PlateRead> {
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
        direction: Direction::Approaching,
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

/// What arrived, at most `n` bytes; less when nothing more comes for 20 s.
fn heard(far: &mut File, n: usize) -> String {
    let mut bytes = Vec::new();
    let patience = Timespec {
        tv_sec: 20,
        tv_nsec: 0,
    };
    while bytes.len() < n {
        let mut fds = [PollFd::new(&*far, PollFlags::IN)];
        if poll(&mut fds, Some(&patience)).unwrap() == 0 {
            break;
        }
        let mut part = vec![0; n - bytes.len()];
        let came = far.read(&mut part).unwrap();
        bytes.extend_from_slice(&part[..came]);
    }
    String::from_utf8(bytes).unwrap()
}

/// HW-4, GEN-23: the lines of two vehicles arrive byte for byte, one after the other.
#[test]
fn plates_arrive_at_the_other_end() {
    let (t, mut far, _near) = unit();
    set(
        &t,
        &json!({"enabled": true, "format": r"\x02{plate},{direction}\r\n\x03"}),
    );
    for plate in ["ABC123", "DEF456"] {
        t.device.output_plate(&read(plate));
    }
    // Nobody has read the first when the second is sent: it stays on its way.
    for _ in 0..2 {
        t.device.send_plate(PlateWay::Serial);
    }
    let expect = "\x02ABC123,approaching\r\n\x03\x02DEF456,approaching\r\n\x03";
    assert_eq!(heard(&mut far, expect.len()), expect);
}

/// HW-4: who talks over the port is not cut; a plate waits its time for it and is dropped then.
#[test]
fn a_plate_does_not_cut_a_talk() {
    let (t, mut far, _near) = unit();
    set(&t, &json!({"enabled": true, "discard_seconds": 1}));
    let (device, by) = (t.device.clone(), Actor::system());
    let talk = std::thread::spawn(move || {
        let answer = SerialAnswer {
            within: Duration::from_secs(60),
            length: None,
            delimiter: b";".to_vec(),
        };
        device.exchange_serial(&by, 0, b"open", &answer).unwrap()
    });
    assert_eq!(heard(&mut far, 4), "open");
    let mut events = t.device.bus.subscribe();
    t.device.output_plate(&read("LATE1"));
    t.device.send_plate(PlateWay::Serial);
    let told = events.try_recv().unwrap();
    let EventKind::Log(entry) = &told.kind else {
        panic!("{told:?}");
    };
    assert!(
        entry.text.contains("turns at the serial port"),
        "{}",
        entry.text
    );
    far.write_all(b"done;").unwrap();
    assert_eq!(talk.join().unwrap(), b"done;");
    t.device.output_plate(&read("NEXT1"));
    let device = t.device.clone();
    let sender = std::thread::spawn(move || device.send_plate(PlateWay::Serial));
    assert_eq!(heard(&mut far, 7), "NEXT1\r\n");
    sender.join().unwrap();
}
