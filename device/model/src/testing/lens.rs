use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;

use crate::{
    Clock, Error, Result,
    ports::{KeptPosition, Lens, LensMemory, Motor, MotorReading},
};

/// A lens without glass: two motors that take their time, with end stops.
pub struct SimulatedLens {
    clock: Arc<dyn Clock>,
    /// Zoom and focus.
    motors: Mutex<[Travelling; 2]>,
    own_focus: Mutex<Option<u32>>,
    broken: Mutex<bool>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Travelling {
    from: u32,
    to: u32,
    since: Duration,
    jammed: bool,
}

impl Travelling {
    fn at(&self, now: Duration) -> u32 {
        if self.jammed {
            return self.from;
        }
        let way = now.saturating_sub(self.since).as_millis() * u128::from(SimulatedLens::PACE);
        let way = u32::try_from(way / 1000).unwrap_or(u32::MAX);
        if self.to > self.from {
            self.from.saturating_add(way).min(self.to)
        } else {
            self.from.saturating_sub(way).max(self.to)
        }
    }
}

impl SimulatedLens {
    /// Steps from one end to the other.
    pub const TRAVEL: u32 = 1000;
    /// Steps a second.
    pub const PACE: u32 = 1000;

    /// A lens at its wide and near ends.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            motors: Mutex::default(),
            own_focus: Mutex::default(),
            broken: Mutex::default(),
        }
    }

    /// The camera has an automatic focus of its own, which ends here.
    pub fn focuses_itself(&self, at: u32) {
        *self.own_focus.lock() = Some(at);
    }

    /// A motor stands where it is, or goes again.
    pub fn jam(&self, motor: Motor, jammed: bool) {
        let now = self.clock.monotonic();
        let mut motors = self.motors.lock();
        let m = &mut motors[motor as usize];
        (m.from, m.since) = (m.at(now), now);
        m.jammed = jammed;
    }

    /// Every command fails, or works again.
    pub fn break_off(&self, broken: bool) {
        *self.broken.lock() = broken;
    }

    fn working(&self) -> Result<()> {
        if *self.broken.lock() {
            return Err(Error::internal("it does not answer"));
        }
        Ok(())
    }

    fn send(&self, motor: Motor, to: u32) {
        let now = self.clock.monotonic();
        let mut motors = self.motors.lock();
        let m = &mut motors[motor as usize];
        (m.from, m.since) = (m.at(now), now);
        m.to = to.min(Self::TRAVEL);
    }
}

impl Lens for SimulatedLens {
    fn travel(&self, _: Motor) -> Option<u32> {
        Some(Self::TRAVEL)
    }

    fn has_auto_focus(&self) -> bool {
        self.own_focus.lock().is_some()
    }

    fn read(&self, motor: Motor) -> Result<MotorReading> {
        self.working()?;
        let m = self.motors.lock()[motor as usize];
        let at = m.at(self.clock.monotonic());
        Ok(MotorReading {
            at,
            moving: at != m.to && !m.jammed,
        })
    }

    fn drive(&self, motor: Motor, to: u32) -> Result<()> {
        self.working()?;
        self.send(motor, to);
        Ok(())
    }

    fn set_auto_focus(&self, on: bool) -> Result<()> {
        self.working()?;
        let best = *self.own_focus.lock();
        let best = best.ok_or_else(|| Error::internal("it has no automatic focus"))?;
        let at = self.read(Motor::Focus)?.at;
        self.send(Motor::Focus, if on { best } else { at });
        Ok(())
    }
}

/// Positions in memory, and how often they were remembered.
#[derive(Debug, Default)]
pub struct MemoryLens(pub Mutex<(Vec<KeptPosition>, u32)>);

impl LensMemory for MemoryLens {
    fn keep(&self, positions: &[KeptPosition]) -> Result<()> {
        let mut kept = self.0.lock();
        kept.0 = positions.to_vec();
        kept.1 += 1;
        Ok(())
    }

    fn kept(&self) -> Result<Vec<KeptPosition>> {
        Ok(self.0.lock().0.clone())
    }
}

impl std::fmt::Debug for SimulatedLens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SimulatedLens").finish_non_exhaustive()
    }
}
