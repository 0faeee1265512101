//! One motor on its way.

use std::time::Duration;

use crate::{
    Error, Result,
    ports::{Lens, Motor},
};

/// A motor that gets no further for so long is at fault.
const STUCK: Duration = Duration::from_secs(3);
/// The fastest held button takes so long from one end to the other.
const FASTEST: Duration = Duration::from_secs(2);

/// What a motor is to do.
#[derive(Clone, Copy, Debug)]
enum Plan {
    Rest,
    To {
        to: u32,
        sent: bool,
        /// When it was seen to get on.
        got_on: Duration,
    },
    On {
        forward: bool,
        /// Steps a second.
        pace: f32,
        from: f32,
        since: Duration,
        until: Option<Duration>,
    },
    Halt,
}

/// A motor, where it is and what it does.
#[derive(Clone, Debug)]
pub(super) struct Drive {
    motor: Motor,
    pub(super) travel: u32,
    pub(super) at: u32,
    /// Movements that it has made.
    pub(super) moves: u64,
    plan: Plan,
}

impl Drive {
    pub(super) fn new(motor: Motor, travel: u32, at: u32) -> Self {
        let (travel, plan) = (travel.max(1), Plan::Rest);
        Self {
            motor,
            travel,
            at: at.min(travel),
            moves: 0,
            plan,
        }
    }

    pub(super) fn rests(&self) -> bool {
        matches!(self.plan, Plan::Rest)
    }

    /// From the wide or near end, 0 to 1.
    pub(super) fn position(&self) -> f32 {
        self.at as f32 / self.travel as f32
    }

    /// Steps of a part of the whole way.
    pub(super) fn steps(&self, part: f32) -> u32 {
        (part.clamp(0.0, 1.0) * self.travel as f32).round() as u32
    }

    /// Where it goes, or is.
    pub(super) fn goal(&self) -> u32 {
        match self.plan {
            Plan::To { to, .. } => to,
            _ => self.at,
        }
    }

    pub(super) fn go(&mut self, to: u32, now: Duration) {
        self.plan = Plan::To {
            to: to.min(self.travel),
            sent: false,
            got_on: now,
        };
    }

    /// On and on, at `speed` of 1 to 100, until it is at the end or `until`.
    pub(super) fn go_on(
        &mut self,
        forward: bool,
        speed: u8,
        until: Option<Duration>,
        now: Duration,
    ) {
        let fastest = self.travel as f32 / FASTEST.as_secs_f32();
        self.plan = Plan::On {
            forward,
            pace: fastest * f32::from(speed.clamp(1, 100)) / 100.0,
            from: self.at as f32,
            since: now,
            until,
        };
    }

    pub(super) fn halt(&mut self) {
        if !self.rests() {
            self.plan = Plan::Halt;
        }
    }

    /// Looks where it is and sends it on. What fails ends the movement.
    pub(super) fn step(&mut self, lens: &dyn Lens, now: Duration) -> Result<()> {
        let done = self.try_step(lens, now);
        if done.is_err() {
            self.plan = Plan::Rest;
        }
        if self.rests() {
            self.moves = self.moves.saturating_add(1);
        }
        done
    }

    fn try_step(&mut self, lens: &dyn Lens, now: Duration) -> Result<()> {
        match self.plan {
            Plan::Rest => Ok(()),
            Plan::Halt => {
                self.look(lens)?;
                lens.drive(self.motor, self.at)?;
                self.plan = Plan::Rest;
                Ok(())
            }
            Plan::To { to, sent, got_on } => {
                if !sent {
                    lens.drive(self.motor, to)?;
                }
                let was = self.at;
                let moving = self.look(lens)?;
                if self.at == to && !moving {
                    self.plan = Plan::Rest;
                    return Ok(());
                }
                let got_on = if self.at == was { got_on } else { now };
                if now.saturating_sub(got_on) >= STUCK {
                    let (at, travel) = (self.at, self.travel);
                    return Err(Error::internal(format!(
                        "it stands at {at} of {travel} and was sent to {to}"
                    )));
                }
                self.plan = Plan::To {
                    to,
                    sent: true,
                    got_on,
                };
                Ok(())
            }
            Plan::On {
                forward,
                pace,
                from,
                since,
                until,
            } => {
                let over = until.is_some_and(|until| now >= until);
                let end = until.map_or(now, |until| until.min(now));
                let way = pace * end.saturating_sub(since).as_secs_f32();
                let to = if forward { from + way } else { from - way };
                let to = to.clamp(0.0, self.travel as f32).round() as u32;
                let end = if forward { self.travel } else { 0 };
                if over || to == end {
                    self.go(to, now);
                    return self.try_step(lens, now);
                }
                lens.drive(self.motor, to)?;
                self.look(lens)?;
                Ok(())
            }
        }
    }

    /// Reads where it is; says whether it moves.
    fn look(&mut self, lens: &dyn Lens) -> Result<bool> {
        let seen = lens.read(self.motor)?;
        self.at = seen.at.min(self.travel);
        Ok(seen.moving)
    }

    /// Looks where it is while something else moves it.
    pub(super) fn follow(&mut self, lens: &dyn Lens) -> Result<u32> {
        self.look(lens)?;
        Ok(self.at)
    }
}
