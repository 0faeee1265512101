//! Detection loops of the recognition settings: which there are, where they are wired and when they capture.

use std::time::Duration;

use lpr_core::{CaptureMode, LoopPlan, LoopRules, LoopTrigger};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::AlarmIo;
use crate::{Violation, Violations, bounded};

bounded! {
    /// Number of an alarm input.
    pub struct LoopInput(u32) in 1..=2, unit ""
}
bounded! {
    /// From the begin of Loop1 to the begin of Loop2.
    pub struct LoopDistance(u32) in 20..=5000, unit "cm"
}
bounded! {
    /// After a longer gap another vehicle begins.
    pub struct PassTime(u32) in 1..=60, unit "s"
}

/// Detection loops at alarm inputs (SNAPRULE-12..18, C-45): the plan chooses the loop, the trigger the moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(deny_unknown_fields)]
pub struct LprLoops {
    /// How many loops there are, at which one a vehicle is captured, and whether its speed is measured.
    #[schemars(title = "Plan")]
    pub plan: LoopPlan,
    /// Alarm input at which Loop1 is wired. Its sensor type says what "vehicle on the loop" is.
    #[schemars(title = "Loop No. Mapping: Loop1")]
    pub loop1_input: LoopInput,
    /// Alarm input at which Loop2 is wired; another one than Loop1's.
    #[schemars(title = "Loop No. Mapping: Loop2", extend("x-hidden-when" = {"plan": "single_in-snap_nospeed"}))]
    pub loop2_input: LoopInput,
    /// When Loop1 captures, where the plan captures there: as a vehicle enters the loop (rising) or leaves it (falling).
    #[schemars(title = "Loop1")]
    pub loop1: LoopTrigger,
    /// The same of Loop2. Without effect in the plan with one loop.
    #[schemars(title = "Loop2", extend("x-hidden-when" = {"plan": "single_in-snap_nospeed"}))]
    pub loop2: LoopTrigger,
    /// From the begin of Loop1 to the begin of Loop2: with it time becomes speed.
    #[schemars(title = "Loop Distance", extend("x-visible-when" = {"plan": "double_in2-snap_speed"}))]
    pub distance: LoopDistance,
    /// Edges with a longer gap between them are of two vehicles; within it a trailer belongs to its car.
    #[schemars(title = "Max Vehicle Pass Time")]
    pub max_pass_seconds: PassTime,
}

impl Default for LprLoops {
    fn default() -> Self {
        Self {
            plan: LoopPlan::SingleIn,
            loop1_input: LoopInput::clamped(1),
            loop2_input: LoopInput::clamped(2),
            loop1: LoopTrigger::Falling,
            loop2: LoopTrigger::None,
            distance: LoopDistance::clamped(300),
            max_pass_seconds: PassTime::clamped(5),
        }
    }
}

impl LprLoops {
    /// How edges are judged.
    #[must_use]
    pub fn rules(&self) -> LoopRules {
        LoopRules {
            plan: self.plan,
            triggers: [self.loop1, self.loop2],
            distance_cm: self.distance.get(),
            max_pass: Duration::from_secs(self.max_pass_seconds.get().into()),
        }
    }

    /// The alarm inputs of the loops, 0 is the first; Loop1's first.
    pub fn inputs(&self) -> impl Iterator<Item = usize> + use<> {
        let all = [self.loop1_input, self.loop2_input].map(|i| i.get() as usize - 1);
        let loops = if self.plan.is_double() { 2 } else { 1 };
        all.into_iter().take(loops)
    }

    /// What cannot work, as far as loops capture in `mode`.
    pub(super) fn check(&self, mode: CaptureMode, violations: &mut Violations) {
        if !mode.has_loops() {
            return;
        }
        let [first, second] = [self.loop1_input, self.loop2_input].map(LoopInput::get);
        violations.require(!self.plan.is_double() || first != second, || {
            Violation::new("/loops/loop2_input", second, "is the input of Loop1")
        });
        let no = self.plan.captures_at();
        let never = [self.loop1, self.loop2][no] == LoopTrigger::None;
        violations.require(!never, || {
            let reason = "captures no vehicle: it is the loop at which the plan captures";
            Violation::new(&format!("/loops/loop{}", no + 1), "none", reason)
        });
    }
}

/// Two inputs are all that loops can be wired to.
const _: () = assert!(LoopInput::MAX as usize == AlarmIo::MAX);

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        Actor, Error,
        settings::{LprRecognition, Patch, Section},
        testing::{TestDevice, uninitialised},
    };

    fn set(t: &TestDevice, value: Value) -> Result<(), Vec<String>> {
        let patch = Patch {
            key: LprRecognition::KEY.into(),
            value,
            if_revision: None,
        };
        match t.device.settings.apply(&[patch], &Actor::system()) {
            Ok(_) => Ok(()),
            Err(Error::Invalid(v)) => Err(v.0.into_iter().map(|v| v.pointer).collect()),
            Err(other) => panic!("{other}"),
        }
    }

    /// SNAPRULE-13..18: the manual's values at first, the bounds, and what can never capture.
    #[test]
    fn loops_that_cannot_capture_are_refused() {
        let t = uninitialised();
        let fresh = t.device.settings.get::<LprRecognition>();
        assert_eq!(fresh.capture_mode, CaptureMode::Video);
        assert_eq!(
            (fresh.loops.plan, fresh.loops.loop1, fresh.loops.loop2),
            (LoopPlan::SingleIn, LoopTrigger::Falling, LoopTrigger::None)
        );
        assert_eq!(fresh.loops.max_pass_seconds.get(), 5);
        for (value, pointer) in [
            (json!({"max_pass_seconds": 0}), "/loops/max_pass_seconds"),
            (json!({"max_pass_seconds": 61}), "/loops/max_pass_seconds"),
            (json!({"distance": 19}), "/loops/distance"),
            (json!({"loop1_input": 3}), "/loops/loop1_input"),
            (json!({"plan": "double_in2-snap_speed"}), "/loops/loop2"),
            (json!({"loop1": "none"}), "/loops/loop1"),
            (
                json!({"plan": "double_in1-snap_nospeed", "loop2_input": 1}),
                "/loops/loop2_input",
            ),
        ] {
            let refused = set(&t, json!({"capture_mode": "loop", "loops": value}));
            assert_eq!(refused, Err(vec![pointer.to_owned()]), "{value}");
        }
        // Without loops it does not matter what they are.
        set(
            &t,
            json!({"loops": {"plan": "double_in2-snap_speed", "loop1": "none"}}),
        )
        .unwrap();
        let both = json!({"capture_mode": "mixed", "loops": {"loop2": "rising", "distance": 250}});
        set(&t, both).unwrap();
        let stored = t.device.settings.get::<LprRecognition>();
        assert_eq!(stored.loops.rules().distance_cm, 250);
        assert_eq!(stored.loops.inputs().collect::<Vec<_>>(), [0, 1]);
    }
}
