//! What is sent, when, and who is told of failures.

use std::{sync::Arc, time::Duration};

use lpr_core::{Direction, PlateRead};
use serde::Serialize;

use super::{Code, LineRule, Passed, PlateWay, shown};
use crate::{
    Actor, Device, Error, EventKind, LogKind, Permission, Result,
    log::{NewLogEntry, Severity},
    naming::NameContext,
    ports::{SerialAnswer, WiegandTimes},
    settings::{DeviceGeneral, SerialPlates, TimeSettings, WiegandFormat, WiegandPlates},
};

/// Longest text of a test, characters.
const MAX_PLATE: usize = 32;
/// A test waits so long for others at the port.
const TEST_WITHIN: Duration = Duration::from_secs(5);
/// A pulse may be so much longer than it is set before the log says so.
const PULSE_SLACK: Duration = Duration::from_micros(500);
/// The same for the time between two pulses: controllers give a frame up after 20 ms and more.
const INTERVAL_SLACK: Duration = Duration::from_millis(10);
/// Late pulses are told once within this time.
const TELL_AGAIN: Duration = Duration::from_secs(3600);

/// What an access controller is taught for a plate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlateNumber {
    /// Length of the frame.
    pub format: WiegandFormat,
    /// Facility code and card number in one.
    pub number: u32,
    /// The facility code.
    pub facility: u32,
    /// The card number.
    pub card: u32,
}

impl From<Code> for PlateNumber {
    fn from(code: Code) -> Self {
        Self {
            format: code.format(),
            number: code.number(),
            facility: code.facility(),
            card: code.card(),
        }
    }
}

impl Device {
    /// Puts a plate into the queues of the ways that want it. What was made by hand is no vehicle (COMM-7), and a vehicle
    /// without a readable plate has none.
    pub fn output_plate(&self, read: &Arc<PlateRead>) {
        if read.test || read.plate_number.is_empty() {
            return;
        }
        for way in PlateWay::ALL {
            if let Some(within) = self.wanted_within(way, read.direction) {
                let until = self.clock.monotonic() + within;
                if self.peripherals.outbox(way).add(read.clone(), until) {
                    self.plates_lost(way, 1, "others wait already");
                }
            }
        }
    }

    /// Sends the next plate of a way, or finds that it is too late for it. Waits; nobody else calls it for the same way at
    /// the same time.
    pub fn send_plate(&self, way: PlateWay) {
        let now = self.clock.monotonic();
        let (next, late) = self.peripherals.outbox(way).take(now);
        if late > 0 {
            self.plates_lost(way, late, "its time was over");
        }
        let Some((read, until)) = next else { return };
        if self.wanted_within(way, read.direction).is_none() {
            // Switched off meanwhile.
            return;
        }
        let sent = match way {
            PlateWay::Serial => {
                let passed = Passed {
                    plate: &read.plate_number,
                    at: read.captured_at,
                    direction: read.direction,
                    likelihood: read.likelihood,
                    country: read.country_code.as_deref(),
                };
                self.send_line(passed, until.saturating_sub(now)).map(drop)
            }
            PlateWay::Wiegand => self.send_number(&read.plate_number).map(drop),
        };
        match sent {
            Ok(()) => self.plates_go(way),
            // The plate's own fault, not the way's.
            Err(Error::Invalid(wrong)) => {
                let why = wrong.0.first().map_or("", |v| v.reason.as_str());
                self.plates_lost(way, 1, &format!("it {why}"));
            }
            Err(Error::Internal { detail }) => self.plates_lost(way, 1, &detail),
            Err(e) => self.plates_lost(way, 1, &e.to_string()),
        }
    }

    /// Sends a text as if it were the plate of a vehicle, also while the way is switched off. Returns the line as its rule
    /// would write it.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::Unsupported`] without the port, [`Error::Invalid`], [`Error::Exhausted`],
    /// [`Error::Internal`].
    pub fn test_serial_plate(&self, by: &Actor, plate: &str) -> Result<String> {
        by.require(Permission::BarrierControl)?;
        check(plate)?;
        let passed = Passed {
            plate,
            at: self.clock.now(),
            direction: Direction::Approaching,
            likelihood: 1.0,
            country: None,
        };
        let sent = self.send_line(passed, TEST_WITHIN);
        self.tell_test(by, PlateWay::Serial, sent.is_ok());
        Ok(shown(&sent?))
    }

    /// The same with the number of the text on Wiegand.
    ///
    /// # Errors
    /// As [`Device::test_serial_plate`].
    pub fn test_wiegand_plate(&self, by: &Actor, plate: &str) -> Result<PlateNumber> {
        by.require(Permission::BarrierControl)?;
        check(plate)?;
        let sent = self.send_number(plate);
        self.tell_test(by, PlateWay::Wiegand, sent.is_ok());
        sent.map(PlateNumber::from)
    }

    /// The number of a text, as it would be sent.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a text without one.
    pub fn plate_number(&self, plate: &str) -> Result<PlateNumber> {
        check(plate)?;
        self.code(plate).map(PlateNumber::from)
    }

    /// How long a plate may wait for a way; `None` where it does not go there.
    fn wanted_within(&self, way: PlateWay, direction: Direction) -> Option<Duration> {
        let (wanted, seconds) = match way {
            PlateWay::Serial => {
                let s = self.settings.get::<SerialPlates>();
                (
                    s.enabled && s.direction.passes(direction),
                    s.discard_seconds,
                )
            }
            PlateWay::Wiegand => {
                let s = self.settings.get::<WiegandPlates>();
                (
                    s.enabled && s.direction.passes(direction),
                    s.discard_seconds,
                )
            }
        };
        wanted.then(|| Duration::from_secs(seconds.get().into()))
    }

    fn send_line(&self, passed: Passed<'_>, within: Duration) -> Result<Vec<u8>> {
        let settings = self.settings.get::<SerialPlates>();
        let index = settings.port.get() as usize - 1;
        let ports = self.serial_ports();
        let (_, port) = ports.get(index).ok_or_else(|| {
            Error::Unsupported(format!("there is no serial port {}", settings.port.get()))
        })?;
        // The store takes no other rule.
        let rule = LineRule::parse(&settings.format).map_err(Error::internal)?;
        let (general, time) = (
            self.settings.get::<DeviceGeneral>(),
            self.settings.get::<TimeSettings>(),
        );
        let zone = time.effective();
        let cx = NameContext {
            device: &general.name,
            serial: &self.identity.serial,
            zone: &zone,
        };
        let line = rule.line(passed, cx);
        let no_answer = SerialAnswer {
            within,
            length: Some(0),
            delimiter: Vec::new(),
        };
        self.host.serial.exchange(index, port, &line, &no_answer)?;
        Ok(line)
    }

    fn code(&self, plate: &str) -> Result<Code> {
        let settings = self.settings.get::<WiegandPlates>();
        Code::of(plate, &settings).map_err(|e| Error::invalid("/plate", plate, e.to_string()))
    }

    fn send_number(&self, plate: &str) -> Result<Code> {
        let out = self.host.wiegand.as_ref();
        let out = out.ok_or_else(|| Error::Unsupported("there is no Wiegand output".into()))?;
        let code = self.code(plate)?;
        let pace = self.settings.get::<WiegandPlates>().pace();
        let times = out.send(code.into(), pace)?;
        let late = times.longest_pulse > pace.pulse + PULSE_SLACK
            || times.longest_interval > pace.interval + INTERVAL_SLACK;
        if late {
            self.tell_late_pulses(times);
        }
        Ok(code)
    }

    fn tell_late_pulses(&self, times: WiegandTimes) {
        let now = self.clock.monotonic();
        let mut told = self.peripherals.late_pulses_told.lock();
        if now < *told {
            return;
        }
        *told = now + TELL_AGAIN;
        drop(told);
        let text = format!(
            "Wiegand: the processor was short, and a pulse took {} µs, the time between two {} µs. The controller may not \
             have understood the number.",
            times.longest_pulse.as_micros(),
            times.longest_interval.as_micros()
        );
        self.tell_peripheral(Severity::Warning, text);
    }

    fn tell_test(&self, by: &Actor, way: PlateWay, sent: bool) {
        let outcome = if sent { "was" } else { "could not be" };
        let text = format!("A plate {outcome} sent by the {} as a test.", way.what());
        self.audit(LogKind::System, by, text);
    }

    /// The log has the first failure, and with the end of all how many there were.
    fn plates_lost(&self, way: PlateWay, n: u64, why: &str) {
        if self.peripherals.outbox(way).lose(n) {
            let text = format!(
                "A plate was not sent by the {}: {why}. Further ones are counted until it works again.",
                way.what()
            );
            self.tell_peripheral(Severity::Warning, text);
        }
    }

    fn plates_go(&self, way: PlateWay) {
        if let Some(lost) = self.peripherals.outbox(way).recovered() {
            let text = format!("The {} works again; plates not sent: {lost}.", way.what());
            self.tell_peripheral(Severity::Notice, text);
        }
    }

    fn tell_peripheral(&self, severity: Severity, text: String) {
        let at = self.clock.now();
        let entry = NewLogEntry::new(at, LogKind::System, severity, &Actor::system(), text);
        self.bus.publish(at, EventKind::Log(entry));
    }
}

fn check(plate: &str) -> Result<()> {
    let n = plate.chars().count();
    if (1..=MAX_PLATE).contains(&n) && !plate.chars().any(char::is_control) {
        return Ok(());
    }
    let why = format!("has {n} characters; allowed are 1 to {MAX_PLATE} visible ones");
    Err(Error::invalid("/plate", plate, why))
}
