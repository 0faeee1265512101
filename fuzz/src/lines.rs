//! Rules for the lines of serial ports, and the numbers of plates (HW-4, HW-5).

use lpr_core::{Direction, UtcTime};
use platecam_model::{
    naming::NameContext,
    peripheral::{Code, Frame, LineRule, Passed, shown},
    settings::{WiegandCoding, WiegandFormat, WiegandPlates},
    time::PosixTz,
};

use crate::Target;

/// A rule, and in further lines the plate and the unit's name: a line is bounded, and is what its own form says; a number is
/// read as it was sent.
pub(crate) fn lines() -> Box<dyn Target> {
    let zone: PosixTz = "CET-1CEST,M3.5.0,M10.5.0/3".parse().expect("a zone");
    Box::new(move |input: &[u8]| {
        let text = String::from_utf8_lossy(input);
        let mut parts = text.splitn(3, '\n');
        let mut part = || parts.next().unwrap_or_default();
        let (rule, plate, device) = (part(), part(), part());
        numbers(plate);
        let Ok(rule) = LineRule::parse(rule) else {
            return;
        };
        let cx = NameContext {
            device,
            serial: "PC1",
            zone: &zone,
        };
        let passed = Passed {
            plate,
            at: UtcTime::from_millis(1_795_000_000_123),
            direction: Direction::Unknown,
            likelihood: f32::NAN,
            country: None,
        };
        let line = rule.line(passed, cx);
        let most = 40 * (plate.len() + device.len() + 20) + 200;
        assert!(line.len() <= most, "{} bytes", line.len());
        if let Ok(same) = LineRule::parse(&shown(&line)) {
            assert_eq!(same.line(passed, cx), line);
        }
    })
}

fn numbers(plate: &str) {
    for format in WiegandFormat::ALL {
        for coding in [WiegandCoding::Base36, WiegandCoding::Digits] {
            let settings = WiegandPlates {
                format,
                coding,
                ..WiegandPlates::default()
            };
            if let Ok(code) = Code::of(plate, &settings) {
                let bits: Vec<bool> = Frame::from(code).bits().collect();
                assert_eq!(Frame::read(&bits), Ok(code), "{plate}");
            }
        }
    }
}
