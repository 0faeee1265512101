//! Detection loops: from edges of one or two loops to "capture this vehicle now" (SNAPRULE-13..18, C-45).
//!
//! The plan chooses the loop at which a vehicle is captured, the trigger chooses the moment. Times are monotonic.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which loops there are and where a vehicle is captured; the manual's words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum LoopPlan {
    /// One loop; a vehicle is captured there.
    #[default]
    #[serde(rename = "single_in-snap_nospeed")]
    SingleIn,
    /// Two loops; a vehicle is captured at the first one.
    #[serde(rename = "double_in1-snap_nospeed")]
    DoubleIn1,
    /// Two loops; a vehicle is captured at the second one, and its speed is measured.
    #[serde(rename = "double_in2-snap_speed")]
    DoubleIn2Speed,
}

impl LoopPlan {
    /// All plans with their words.
    pub const ALL: [(&'static str, Self); 3] = [
        ("single_in-snap_nospeed", Self::SingleIn),
        ("double_in1-snap_nospeed", Self::DoubleIn1),
        ("double_in2-snap_speed", Self::DoubleIn2Speed),
    ];

    /// Whether there is a second loop.
    #[must_use]
    pub const fn is_double(self) -> bool {
        !matches!(self, Self::SingleIn)
    }

    /// The loop at which a vehicle is captured; 0 is Loop1.
    #[must_use]
    pub const fn captures_at(self) -> usize {
        match self {
            Self::SingleIn | Self::DoubleIn1 => 0,
            Self::DoubleIn2Speed => 1,
        }
    }
}

/// The edge of a loop at which its vehicle is captured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(rename_all = "snake_case")]
pub enum LoopTrigger {
    /// Do Not Trigger.
    #[default]
    None,
    /// The vehicle enters the loop.
    Rising,
    /// The vehicle leaves the loop.
    Falling,
}

impl LoopTrigger {
    /// All of them with their words in ONVIF.
    pub const ALL: [(&'static str, Self); 3] = [
        ("None", Self::None),
        ("Rising", Self::Rising),
        ("Falling", Self::Falling),
    ];

    /// Whether this is the edge at which a loop becomes occupied, or free.
    #[must_use]
    pub const fn is(self, occupied: bool) -> bool {
        match self {
            Self::None => false,
            Self::Rising => occupied,
            Self::Falling => !occupied,
        }
    }
}

/// How edges are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoopRules {
    /// Where a vehicle is captured.
    pub plan: LoopPlan,
    /// The moment, for each loop.
    pub triggers: [LoopTrigger; 2],
    /// From the begin of Loop1 to the begin of Loop2.
    pub distance_cm: u32,
    /// After a longer gap another vehicle begins.
    pub max_pass: Duration,
}

/// A vehicle is to be captured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LoopCapture {
    /// Counts vehicles from 1 in this run.
    pub vehicle: u64,
    /// When it reached its first loop; not after the edge that captures it.
    pub arrived: Duration,
    /// Metres a second, where the plan measures it and both loops told.
    pub speed_mps: Option<f32>,
}

/// A speed above this is no vehicle's: an edge was wrong.
const FASTEST_MPS: f32 = 100.0;
/// Vehicles over or between two loops; beyond it the oldest is given up.
const MAX_PASSES: usize = 4;

/// One vehicle on its way over the loops.
#[derive(Clone, Debug)]
struct Pass {
    vehicle: u64,
    arrived: Duration,
    last_edge: Duration,
    /// Whether it came over Loop2 first: it drives the other way, or Loop1 missed it.
    from_behind: bool,
    reached: [bool; 2],
    captured: bool,
    /// First time of each loop's falling and rising edge.
    edges: [[Option<Duration>; 2]; 2],
}

/// The vehicles over the loops.
#[derive(Debug)]
pub struct LoopWatch {
    rules: LoopRules,
    occupied: [Option<bool>; 2],
    /// The vehicle on each loop.
    on: [Option<u64>; 2],
    passes: Vec<Pass>,
    vehicles: u64,
}

impl LoopWatch {
    /// Nobody is there.
    #[must_use]
    pub const fn new(rules: LoopRules) -> Self {
        Self {
            rules,
            occupied: [None; 2],
            on: [None; 2],
            passes: Vec::new(),
            vehicles: 0,
        }
    }

    /// Takes other rules; who is on the loops is forgotten then, and vehicles count on.
    pub fn set_rules(&mut self, rules: LoopRules) {
        if rules != self.rules {
            let vehicles = self.vehicles;
            *self = Self::new(rules);
            self.vehicles = vehicles;
        }
    }

    /// Loop `no` (0 is Loop1) is seen occupied or free, which is no edge: at the start, or as its contact is judged otherwise.
    pub fn seen(&mut self, no: usize, occupied: bool) {
        if let (Some(level), Some(on)) = (self.occupied.get_mut(no), self.on.get_mut(no)) {
            (*level, *on) = (Some(occupied), None);
        }
    }

    /// Loop `no` (0 is Loop1) became occupied or free at `at`.
    ///
    /// One capture a vehicle at most, however often an edge comes.
    pub fn edge(&mut self, no: usize, occupied: bool, at: Duration) -> Option<LoopCapture> {
        let there = if self.rules.plan.is_double() { 2 } else { 1 };
        if no >= there || self.occupied[no].replace(occupied) == Some(occupied) {
            return None;
        }
        let vehicle = match self.on[no].filter(|_| !occupied) {
            Some(vehicle) => vehicle,
            None => self.vehicle_of(no, at),
        };
        self.on[no] = occupied.then_some(vehicle);
        let rules = self.rules;
        let pass = self.passes.iter_mut().find(|p| p.vehicle == vehicle)?;
        (pass.last_edge, pass.reached[no]) = (at, true);
        pass.edges[no][usize::from(occupied)].get_or_insert(at);
        let due = no == rules.plan.captures_at() && rules.triggers[no].is(occupied);
        // Who comes over Loop2 first is not on the way in.
        let inwards = rules.plan != LoopPlan::DoubleIn1 || !pass.from_behind;
        if !due || !inwards || std::mem::replace(&mut pass.captured, true) {
            return None;
        }
        Some(LoopCapture {
            vehicle,
            arrived: pass.arrived,
            speed_mps: rules.speed(pass, occupied, at),
        })
    }

    /// The vehicle whose edge this is: one that is known, or the next one.
    fn vehicle_of(&mut self, no: usize, at: Duration) -> u64 {
        let (max_pass, on) = (self.rules.max_pass, self.on);
        let is_on = |p: &Pass| on.contains(&Some(p.vehicle));
        let recent = |p: &Pass| at.saturating_sub(p.last_edge) <= max_pass;
        self.passes.retain(|p| recent(p) || is_on(p));
        // Vehicles keep their order: the oldest that has not reached Loop2 does.
        let next = self
            .passes
            .iter()
            .find(|p| no == 1 && !p.reached[1] && !p.from_behind);
        let newest = self.passes.last().filter(|p| recent(p));
        // Who was over Loop2 and is on no loop has gone: what comes to Loop1 now is another one.
        let gone = |p: &Pass| no == 0 && p.reached[1] && !is_on(p);
        if let Some(known) = next.or(newest.filter(|p| !gone(p))) {
            return known.vehicle;
        }
        if self.passes.len() == MAX_PASSES {
            self.passes.remove(0);
        }
        self.vehicles += 1;
        self.passes.push(Pass {
            vehicle: self.vehicles,
            arrived: at,
            last_edge: at,
            from_behind: no == 1,
            reached: [false; 2],
            captured: false,
            edges: [[None; 2]; 2],
        });
        self.vehicles
    }
}

impl LoopRules {
    /// The speed between the same edge of both loops; `None` where it was not measured, or cannot be right.
    fn speed(&self, pass: &Pass, occupied: bool, at: Duration) -> Option<f32> {
        if self.plan != LoopPlan::DoubleIn2Speed {
            return None;
        }
        let first = pass.edges[0][usize::from(occupied)]?;
        // Who stood between the loops has no speed worth telling.
        let took = at.checked_sub(first).filter(|t| *t <= self.max_pass)?;
        let speed = self.distance_cm as f32 / 100.0 / took.as_secs_f32();
        (speed > 0.0 && speed <= FASTEST_MPS).then_some(speed)
    }
}

#[cfg(test)]
#[path = "loops_tests.rs"]
mod tests;
