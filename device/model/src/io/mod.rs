//! Alarm inputs and outputs: who is active, for how long, and who is told (HW-2, HW-3, ALARM-9..16).

mod alarms;
mod loops;
mod serial;

use std::{fmt, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::sync::watch;

use crate::{
    Actor, Device, Error, EventKind, LogKind, Permission, Result,
    alarm::{AlarmEngine, Trigger},
    ports::RelayOutputs,
    settings::{
        AlarmInputs, AlarmIo, AlarmSchedules, InputSettings, LprRecognition, OutputSettings,
        TimeSettings,
    },
};
use loops::Loops;

pub use serial::{MAX_SERIAL, MAX_SERIAL_WAIT, end, whole};

/// How long a pulse is (COMM-5, CGI-4).
pub(crate) const PULSE: Duration = Duration::from_millis(500);

/// The state of all contacts; it alone drives the outputs.
pub struct Io {
    relays: Arc<dyn RelayOutputs>,
    state: Mutex<State>,
    /// Told when an output has a new end.
    timers: watch::Sender<()>,
}

#[derive(Debug)]
struct State {
    outputs: Vec<Output>,
    inputs: Vec<Input>,
    alarms: AlarmEngine,
    loops: Loops,
}

#[derive(Clone, Copy, Debug, Default)]
struct Output {
    active: bool,
    /// Monotonic time at which it goes back by itself.
    until: Option<Duration>,
    /// As the contact was driven last; at first nobody knows.
    closed: Option<bool>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Input {
    /// As the contact was seen last; at first nobody knows.
    closed: Option<bool>,
    active: bool,
}

/// An output as it is.
#[derive(Clone, Debug, PartialEq)]
pub struct OutputStatus {
    /// Its settings.
    pub settings: OutputSettings,
    /// Whether it is active, which is not its idle state.
    pub active: bool,
}

/// An input as it is.
#[derive(Clone, Debug, PartialEq)]
pub struct InputStatus {
    /// Its settings.
    pub settings: InputSettings,
    /// Whether it is active, which is not its idle state.
    pub active: bool,
}

impl Io {
    /// Outputs and the number of inputs, at most [`AlarmIo::MAX`] of each; more are not used.
    pub fn new(relays: Arc<dyn RelayOutputs>, inputs: usize) -> Self {
        let outputs = relays.count().min(AlarmIo::MAX);
        Self {
            relays,
            state: Mutex::new(State {
                outputs: vec![Output::default(); outputs],
                inputs: vec![Input::default(); inputs.min(AlarmIo::MAX)],
                alarms: AlarmEngine::new(AlarmIo::MAX),
                loops: Loops::default(),
            }),
            timers: watch::Sender::new(()),
        }
    }

    /// Leaves out what the model does not have (GEN-24).
    pub(crate) fn narrow(&self, outputs: u32, inputs: u32) {
        let mut state = self.state.lock();
        state.outputs.truncate(outputs as usize);
        state.inputs.truncate(inputs as usize);
    }

    /// How many outputs there are.
    pub fn outputs(&self) -> usize {
        self.state.lock().outputs.len()
    }

    /// How many inputs there are.
    pub fn inputs(&self) -> usize {
        self.state.lock().inputs.len()
    }

    /// Tells when [`Device::serve_outputs`] is to be asked anew.
    pub fn timers(&self) -> watch::Receiver<()> {
        self.timers.subscribe()
    }
}

impl fmt::Debug for Io {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Io")
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

fn no_output(index: usize) -> Error {
    Error::not_found("relay output", format!("NO{}", index + 1))
}

impl Device {
    /// All outputs.
    pub fn outputs(&self) -> Vec<OutputStatus> {
        let settings = self.settings.get::<AlarmIo>();
        let state = self.io.state.lock();
        let all = settings.outputs().into_iter().zip(&state.outputs);
        all.map(|(settings, output)| OutputStatus {
            settings: settings.clone(),
            active: output.active,
        })
        .collect()
    }

    /// All inputs.
    pub fn inputs(&self) -> Vec<InputStatus> {
        let settings = self.settings.get::<AlarmIo>();
        let state = self.io.state.lock();
        let all = settings.inputs().into_iter().zip(&state.inputs);
        all.map(|(settings, input)| InputStatus {
            settings: settings.clone(),
            active: input.active,
        })
        .collect()
    }

    /// Activates an output, or lets it go, on behalf of `by`; a monostable one goes back after its time.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`], [`Error::Internal`] when the line does not follow.
    pub fn switch_output(&self, by: &Actor, index: usize, active: bool) -> Result<()> {
        by.require(Permission::BarrierControl)?;
        let settings = self.settings.get::<AlarmIo>();
        let output = settings.outputs().into_iter().nth(index);
        let hold_for = output.ok_or_else(|| no_output(index))?.hold_for();
        if active {
            self.drive_output(index, hold_for)?;
        } else {
            self.move_output(index, |output| {
                (output.active, output.until) = (false, None);
            })?;
        }
        let what = if active { "activated" } else { "released" };
        let text = format!("Alarm output NO{} was {what}.", index + 1);
        self.audit(LogKind::Alarm, by, text);
        Ok(())
    }

    /// Activates an output for half a second: the barrier (GEN-3, CGI-4).
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::Unsupported`] without such an output, [`Error::Internal`] when the line does not
    /// follow.
    pub fn pulse_output(&self, by: &Actor, index: usize) -> Result<()> {
        by.require(Permission::BarrierControl)?;
        if index >= self.io.outputs() {
            let why = format!("there is no output NO{}", index + 1);
            return Err(Error::Unsupported(why));
        }
        self.drive_output(index, Some(PULSE))?;
        let done = format!("Output NO{} was pulsed by hand.", index + 1);
        self.audit(LogKind::Alarm, by, done);
        Ok(())
    }

    /// Activates an output for `hold_for`, or until it is let go. Of two who drive it the longer time holds: neither
    /// cuts the other short (ALARM-16). The caller has checked that it may be.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Internal`] when the line does not follow.
    pub fn drive_output(&self, index: usize, hold_for: Option<Duration>) -> Result<()> {
        let until = hold_for.map(|d| self.clock.monotonic() + d);
        self.move_output(index, |output| {
            output.until = match (output.active, output.until, until) {
                (true, None, _) | (_, _, None) => None,
                (true, Some(old), Some(new)) => Some(old.max(new)),
                (false, _, new) => new,
            };
            output.active = true;
        })
    }

    /// Lets go what has been active for its time; returns when to come again, monotonic time. Ask anew when
    /// [`Io::timers`] tells.
    pub fn serve_outputs(&self) -> Option<Duration> {
        let now = self.clock.monotonic();
        let over = |o: &Output| o.until.is_some_and(|t| t <= now);
        for index in 0..self.io.outputs() {
            let released = self.move_output(index, |output| {
                if over(output) {
                    (output.active, output.until) = (false, None);
                }
            });
            if let Err(e) = released {
                tracing::error!(output = index + 1, error = ?e, "alarm output");
                // Tried again soon: a barrier must not stay driven.
                return Some(now + Duration::from_secs(1));
            }
        }
        let state = self.io.state.lock();
        state.outputs.iter().filter_map(|o| o.until).min()
    }

    /// Brings contacts and states in line with the settings; at the start it opens or closes what rests (BARRIER-14).
    pub fn follow_io_settings(&self) {
        for index in 0..self.io.outputs() {
            if let Err(e) = self.move_output(index, |_| {}) {
                tracing::error!(output = index + 1, error = ?e, "alarm output");
            }
        }
        for index in 0..self.io.inputs() {
            let closed = self.io.state.lock().inputs[index].closed;
            if let Some(closed) = closed {
                // Another sensor type is no edge: settings open no barrier.
                self.input_is(index, closed, false);
            }
        }
    }

    /// The contact of an input is closed or open now: told when that changes whether it is active, and an alarm when
    /// it is one (GEN-18). The outputs of the alarm are driven before this returns; the rest follows from the event.
    ///
    /// An input that is active when it is seen first was so before this start: that is no alarm.
    pub fn contact_seen(&self, index: usize, closed: bool) {
        if let Some(trigger) = self.input_is(index, closed, true) {
            self.raise(index, trigger);
        }
    }

    /// Takes over the contact of an input; what its change is for alarms, if it is an edge of the contact.
    fn input_is(&self, index: usize, closed: bool, edge: bool) -> Option<Trigger> {
        let settings = self.settings.snapshot();
        let io = settings.get::<AlarmIo>();
        let of_input = io.inputs().into_iter().nth(index)?;
        let mut state = self.io.state.lock();
        let State {
            inputs,
            alarms,
            loops,
            ..
        } = &mut *state;
        let input = inputs.get_mut(index)?;
        let first = input.closed.replace(closed).is_none();
        let active = of_input.idle.active(closed);
        if std::mem::replace(&mut input.active, active) == active {
            return None;
        }
        // With the lock held: changes are told in their order.
        let at = self.clock.now();
        self.bus.publish(at, EventKind::Input { index, active });
        let lpr = settings.get::<LprRecognition>();
        if first || !edge {
            loops.seen(&lpr, index, active);
            return None;
        }
        let now = (at, self.clock.monotonic());
        if let Some(pass) = loops.edge(&lpr, index, active, now) {
            self.bus.publish(at, EventKind::AtLoop(pass));
        }
        if !active {
            return None;
        }
        let inputs = settings.get::<AlarmInputs>();
        let alarm = inputs.inputs().into_iter().nth(index)?;
        // The store lets nobody choose a schedule that is not there.
        let week = settings.get::<AlarmSchedules>().week(&alarm.schedule)?;
        let zone = settings.get::<TimeSettings>().effective();
        let local = zone.local(at).at.naive_local();
        Some(alarms.trigger(index, alarm, &week, local, self.clock.monotonic()))
    }

    /// Changes an output, then its contact where that differs, then tells. A line that does not follow leaves all as it was.
    fn move_output(&self, index: usize, change: impl FnOnce(&mut Output)) -> Result<()> {
        let settings = self.settings.get::<AlarmIo>();
        let mut state = self.io.state.lock();
        let output = state.outputs.get_mut(index);
        let (settings, output) = settings
            .outputs()
            .into_iter()
            .nth(index)
            .zip(output)
            .ok_or_else(|| no_output(index))?;
        let before = *output;
        let mut after = before;
        change(&mut after);
        let closed = settings.idle.closed(after.active);
        if before.closed != Some(closed) {
            self.io.relays.set(index, closed)?;
            after.closed = Some(closed);
        }
        *output = after;
        if before.active != after.active {
            let active = after.active;
            let kind = EventKind::Relay { index, active };
            self.bus.publish(self.clock.now(), kind);
        }
        if before.until != after.until {
            self.io.timers.send_replace(());
        }
        Ok(())
    }
}

#[cfg(test)]
mod loop_tests;
#[cfg(test)]
mod tests;
