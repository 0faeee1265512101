//! The motorised lens (HW-11, LPRCFG-7..14): one owner of its motors.
//!
//! Commands say what is wanted and return at once; [`Device::serve_lens`] moves the motors, looks where they are and
//! remembers where they rest. Nothing runs while nothing moves.

mod drive;
mod focus;
mod search;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use lpr_core::NormRect;
use parking_lot::{Condvar, Mutex, MutexGuard};
use serde::Serialize;

use crate::{
    Actor, Device, Error, EventKind, LogKind, Permission, Result,
    log::{NewLogEntry, Severity},
    ports::{KeptPosition, Lens, LensMemory, Motor},
    product::Limit,
    settings::{LensSettings, LensSpeed},
};
use drive::Drive;
use focus::Focusing;

/// Between two looks at motors on their way.
const TICK: Duration = Duration::from_millis(50);
/// Least side of an area that is focused on; the picture is 2 wide and high.
const MIN_SIDE: f32 = 0.05;
/// Zoom rests for so long before it is focused anew: one click more is not answered by a search.
const AFTER_ZOOM: Duration = Duration::from_secs(1);

/// A movement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LensMove {
    /// To a position, 0 (wide, near) to 1 (tele, far).
    To(f32),
    /// By a part of the whole way, -1 to 1.
    By(f32),
    /// One click, as far as the speed that is set (LPRCFG-12).
    Step {
        /// Towards tele or far.
        forward: bool,
    },
    /// On and on until it is stopped, at the end, or its time is over.
    On {
        /// Towards tele or far.
        forward: bool,
        /// Another speed than the one that is set.
        speed: Option<LensSpeed>,
        /// Longest time.
        within: Option<Duration>,
    },
}

/// How a motor is doing.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MotorStatus {
    /// 0 (wide, near) to 1 (tele, far).
    pub position: f32,
    /// The least movement, a part of the whole way.
    pub step: f32,
    /// It is on its way.
    pub moving: bool,
    /// The end stop that it is at: `wide`, `tele`, `near` or `far` (LPRCFG-13).
    pub end: Option<&'static str>,
    /// Movements that it has made.
    pub moves: u64,
}

/// How the lens is doing.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LensStatus {
    /// The zoom motor, where there is one.
    pub zoom: Option<MotorStatus>,
    /// The focus motor, where there is one.
    pub focus: Option<MotorStatus>,
    /// An automatic focus runs.
    pub focusing: bool,
    /// It was asked for, and nothing else moves the lens until it has ended (LPRCFG-10).
    pub busy: bool,
    /// Why the last movement did not end where it should (LPRCFG-13).
    pub fault: Option<String>,
}

/// The motors of the lens.
pub struct LensControl {
    lens: Arc<dyn Lens>,
    memory: Arc<dyn LensMemory>,
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Debug, Default)]
struct State {
    motors: BTreeMap<Motor, Drive>,
    focusing: Option<Focusing>,
    /// An automatic focus that was asked for and has not begun.
    wanted: Option<(Option<NormRect>, bool)>,
    /// When zoom has rested long enough to be focused.
    after_zoom: Option<Duration>,
    /// Where zoom was when it was told to move.
    zoomed_from: Option<u32>,
    /// The camera focuses while it zooms.
    along: bool,
    fault: Option<String>,
    unsaved: bool,
    /// Something was wanted since [`LensControl::wait`] returned.
    news: bool,
}

impl LensControl {
    /// The lens, which goes to where it last rested.
    pub fn new(lens: Arc<dyn Lens>, memory: Arc<dyn LensMemory>, now: Duration) -> Self {
        let kept = memory.kept().unwrap_or_else(|error| {
            tracing::warn!(%error, "the last position of the lens is not known");
            Vec::new()
        });
        let mut state = State::default();
        for motor in Motor::ALL {
            let Some(travel) = lens.travel(motor) else {
                continue;
            };
            let at = match lens.read(motor) {
                Ok(seen) => seen.at,
                Err(error) => {
                    state.fault = Some(fault_text(motor, &error));
                    0
                }
            };
            let mut drive = Drive::new(motor, travel, at);
            let last = kept.iter().find(|k| (k.motor, k.travel) == (motor, travel));
            if let Some(last) = last {
                drive.moves = last.moves;
                drive.go(last.at, now);
            }
            state.motors.insert(motor, drive);
        }
        Self {
            lens,
            memory,
            state: Mutex::new(state),
            wake: Condvar::new(),
        }
    }

    /// Waits until something is wanted of the lens, `length` at most.
    pub fn wait(&self, length: Duration) {
        let mut state = self.state.lock();
        let quiet = |state: &mut State| !state.news;
        self.wake.wait_while_for(&mut state, quiet, length);
        state.news = false;
    }

    fn tell(&self, mut state: MutexGuard<'_, State>) {
        state.news = true;
        drop(state);
        self.wake.notify_all();
    }

    fn status(&self) -> LensStatus {
        let state = self.state.lock();
        let of = |motor: Motor| {
            let drive = state.motors.get(&motor)?;
            let ends = match motor {
                Motor::Zoom => ("wide", "tele"),
                Motor::Focus => ("near", "far"),
            };
            let end = match drive.at {
                0 => Some(ends.0),
                at if at == drive.travel => Some(ends.1),
                _ => None,
            };
            let focuses = motor == Motor::Focus && state.focuses();
            Some(MotorStatus {
                position: drive.position(),
                step: 1.0 / drive.travel as f32,
                moving: !drive.rests() || focuses,
                end,
                moves: drive.moves,
            })
        };
        LensStatus {
            zoom: of(Motor::Zoom),
            focus: of(Motor::Focus),
            focusing: state.focuses(),
            busy: state.busy(),
            fault: state.fault.clone(),
        }
    }
}

impl fmt::Debug for LensControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LensControl").finish_non_exhaustive()
    }
}

fn fault_text(motor: Motor, error: &Error) -> String {
    match error {
        Error::Internal { detail } => format!("{} motor: {detail}", motor.word()),
        Error::Unsupported(reason) => reason.clone(),
        other => format!("{} motor: {other}", motor.word()),
    }
}

impl State {
    fn focuses(&self) -> bool {
        self.focusing.is_some() || self.wanted.is_some()
    }

    /// An automatic focus runs that a person asked for.
    fn busy(&self) -> bool {
        let by_hand = |(_, by_hand): &(Option<NormRect>, bool)| *by_hand;
        self.focusing.as_ref().is_some_and(|f| f.by_hand)
            || self.wanted.as_ref().is_some_and(by_hand)
    }

    fn refuse_while_busy(&self) -> Result<()> {
        if self.busy() {
            let why = "the lens focuses; it is moved again when that has ended";
            return Err(Error::Conflict(why.into()));
        }
        Ok(())
    }

    /// Ends what moves the focus by itself.
    fn end_focusing(&mut self, lens: &dyn Lens) {
        (self.wanted, self.after_zoom) = (None, None);
        self.let_go(lens);
        let Some(focusing) = self.focusing.take() else {
            return;
        };
        if let Err(error) = focusing.abort(lens) {
            self.fault = Some(fault_text(Motor::Focus, &error));
        }
        self.unsaved = true;
    }
}

impl State {
    /// The camera holds its focus, where it was to focus while it zoomed.
    fn let_go(&mut self, lens: &dyn Lens) {
        if std::mem::take(&mut self.along)
            && let Err(error) = lens.set_auto_focus(false)
        {
            self.fault = Some(fault_text(Motor::Focus, &error));
        }
    }
}

/// A number of a request within its bounds.
fn within(pointer: &str, n: f32, least: f32, most: f32) -> Result<f32> {
    if (least..=most).contains(&n) {
        return Ok(n);
    }
    Err(Error::invalid(
        pointer,
        n,
        format!("is outside {least} to {most}"),
    ))
}

impl Device {
    fn lens_control(&self) -> Result<&LensControl> {
        let there = self.product().limit(Limit::Lenses) > 0;
        let lens = self.lens.as_deref().filter(|_| there);
        lens.ok_or_else(|| Error::Unsupported("the picture source has no motorised lens".into()))
    }

    /// Where the lens is, and what it does.
    ///
    /// # Errors
    /// [`Error::Unsupported`] without a motorised lens.
    pub fn lens_status(&self) -> Result<LensStatus> {
        Ok(self.lens_control()?.status())
    }

    /// Moves zoom or focus. At an end stop nothing happens, and the status tells it (LPRCFG-13).
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::Unsupported`] without this motor, [`Error::Invalid`] outside of the way,
    /// [`Error::Conflict`] while an automatic focus runs (LPRCFG-10).
    pub fn move_lens(&self, motor: Motor, how: LensMove, by: &Actor) -> Result<()> {
        by.require(Permission::LprConfig)?;
        let control = self.lens_control()?;
        let settings = self.settings.get::<LensSettings>();
        let now = self.clock.monotonic();
        let mut state = control.state.lock();
        state.refuse_while_busy()?;
        let Some(drive) = state.motors.get(&motor) else {
            let motor = motor.word();
            return Err(Error::Unsupported(format!("the lens has no {motor} motor")));
        };
        let mut drive = drive.clone();
        let shifted = |drive: &Drive, by: u32, forward: bool| {
            let from = drive.goal();
            if forward {
                from.saturating_add(by)
            } else {
                from.saturating_sub(by)
            }
        };
        match how {
            LensMove::To(position) => {
                let to = drive.steps(within("/position", position, 0.0, 1.0)?);
                drive.go(to, now);
            }
            LensMove::By(part) => {
                let part = within("/distance", part, -1.0, 1.0)?;
                let steps = drive.steps(part.abs());
                let to = shifted(&drive, steps, part > 0.0);
                drive.go(to, now);
            }
            LensMove::Step { forward } => {
                let part = f32::from(settings.speed.get()) / 1000.0;
                let steps = drive.steps(part).max(1);
                let to = shifted(&drive, steps, forward);
                drive.go(to, now);
            }
            LensMove::On {
                forward,
                speed,
                within,
            } => {
                let speed = speed.unwrap_or(settings.speed).get();
                drive.go_on(forward, speed, within.map(|w| now + w), now);
            }
        }
        state.end_focusing(&*control.lens);
        state.fault = None;
        if motor == Motor::Zoom {
            state.zoomed_from.get_or_insert(drive.at);
        }
        state.motors.insert(motor, drive);
        let along = motor == Motor::Zoom && settings.auto_focus && control.lens.has_auto_focus();
        if along {
            state.along = control.lens.set_auto_focus(true).is_ok();
        }
        control.tell(state);
        Ok(())
    }

    /// Stops one motor or both, and an automatic focus with its motor.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::Unsupported`] without a motorised lens.
    pub fn stop_lens(&self, motor: Option<Motor>, by: &Actor) -> Result<()> {
        by.require(Permission::LprConfig)?;
        let control = self.lens_control()?;
        let mut state = control.state.lock();
        if motor != Some(Motor::Zoom) {
            state.end_focusing(&*control.lens);
        }
        for (_, drive) in state
            .motors
            .iter_mut()
            .filter(|(m, _)| motor.is_none_or(|wanted| wanted == **m))
        {
            drive.halt();
        }
        control.tell(state);
        Ok(())
    }

    /// Runs one automatic focus, of the whole picture or of a rectangle (LPRCFG-10, LPRCFG-11).
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::Unsupported`] without a focus motor, [`Error::Invalid`] for no rectangle of the
    /// picture, [`Error::Conflict`] while one runs.
    pub fn auto_focus(&self, area: Option<NormRect>, by: &Actor) -> Result<()> {
        by.require(Permission::LprConfig)?;
        let control = self.lens_control()?;
        if let Some(r) = area {
            for (pointer, n) in [
                ("/area/left", r.left),
                ("/area/top", r.top),
                ("/area/right", r.right),
                ("/area/bottom", r.bottom),
            ] {
                within(pointer, n, -1.0, 1.0)?;
            }
            if r.right - r.left < MIN_SIDE || r.top - r.bottom < MIN_SIDE {
                let sides = format!("{} x {}", r.right - r.left, r.top - r.bottom);
                let why = format!("must be at least {MIN_SIDE} wide and high");
                return Err(Error::invalid("/area", sides, why));
            }
        }
        let mut state = control.state.lock();
        state.refuse_while_busy()?;
        if !state.motors.contains_key(&Motor::Focus) {
            return Err(Error::Unsupported("the lens has no focus motor".into()));
        }
        state.end_focusing(&*control.lens);
        for drive in state.motors.values_mut() {
            drive.halt();
        }
        state.fault = None;
        state.wanted = Some((area, true));
        control.tell(state);
        self.audit(LogKind::System, by, "An automatic focus was started.");
        Ok(())
    }

    /// Moves what is to move. Returns when to call again; `None` while all rests.
    pub fn serve_lens(&self) -> Option<Duration> {
        let control = self.lens.as_deref()?;
        let now = self.clock.monotonic();
        let mut state = control.state.lock();
        let known = state.fault.clone();
        let next = self.step_lens(control, &mut state, now);
        let fault = state.fault.clone().filter(|f| known.as_ref() != Some(f));
        drop(state);
        if let Some(fault) = fault {
            let at = self.clock.now();
            let text = format!("The lens does not move as it should: {fault}.");
            let by = Actor::system();
            let entry = NewLogEntry::new(at, LogKind::System, Severity::Warning, &by, text);
            self.bus.publish(at, EventKind::Log(entry));
        }
        next
    }

    fn step_lens(
        &self,
        control: &LensControl,
        state: &mut State,
        now: Duration,
    ) -> Option<Duration> {
        let lens = &*control.lens;
        for motor in Motor::ALL {
            let Some(drive) = state.motors.get_mut(&motor).filter(|d| !d.rests()) else {
                continue;
            };
            let failed = drive.step(lens, now).err();
            let (rests, at) = (drive.rests(), drive.at);
            state.unsaved = true;
            if let Some(error) = &failed {
                state.end_focusing(lens);
                state.fault = Some(fault_text(motor, error));
            }
            if motor == Motor::Zoom && rests {
                let moved = state.zoomed_from.take().is_some_and(|from| from != at);
                if moved && failed.is_none() {
                    state.after_zoom = Some(now + AFTER_ZOOM);
                } else {
                    state.let_go(lens);
                }
            }
        }
        if state.motors.values().all(Drive::rests) {
            self.focus_on(lens, state, now);
        }
        if state.unsaved && state.focusing.is_none() && state.motors.values().all(Drive::rests) {
            state.unsaved = false;
            let positions = state.motors.iter().map(|(motor, drive)| KeptPosition {
                motor: *motor,
                at: drive.at,
                travel: drive.travel,
                moves: drive.moves,
            });
            if let Err(error) = control.memory.keep(&positions.collect::<Vec<_>>()) {
                tracing::error!(?error, "the position of the lens is not remembered");
            }
        }
        let moving = state.focuses() || !state.motors.values().all(Drive::rests);
        let due = state
            .after_zoom
            .map(|due| due.saturating_sub(now).max(TICK));
        if moving { Some(TICK) } else { due }
    }

    /// Begins and goes on with an automatic focus; the motors rest.
    fn focus_on(&self, lens: &dyn Lens, state: &mut State, now: Duration) {
        if state.after_zoom.is_some_and(|due| now >= due) {
            state.after_zoom = None;
            let wanted = self.settings.get::<LensSettings>().auto_focus;
            if wanted && !state.focuses() {
                state.wanted = Some((None, false));
            } else {
                state.let_go(lens);
            }
        }
        let Some(drive) = state.motors.get_mut(&Motor::Focus) else {
            (state.wanted, state.focusing) = (None, None);
            return;
        };
        let begun = match state.wanted.take() {
            Some((area, by_hand)) => {
                // It goes on with what the camera does already.
                state.along = false;
                let begun = Focusing::begin(area, by_hand, drive, lens, now);
                begun.map(|focusing| state.focusing = Some(focusing))
            }
            None => Ok(()),
        };
        let done = begun.and_then(|()| match &mut state.focusing {
            Some(focusing) => focusing.step(drive, lens, &*self.media, now),
            None => Ok(false),
        });
        let ended = match &done {
            Ok(false) => None,
            _ => state.focusing.take(),
        };
        state.unsaved |= ended.is_some();
        if let Err(error) = done {
            if let Some(focusing) = ended {
                focusing.give_up(drive, now);
            }
            state.fault = Some(fault_text(Motor::Focus, &error));
        }
    }
}
