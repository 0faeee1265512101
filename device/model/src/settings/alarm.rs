//! Alarm inputs: when a trigger is an alarm, and what follows from it.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AlarmIo, AudioClips, CheckContext, OutputDelay, Section, WeekSchedule};
use crate::{
    Permission, Violation, Violations, bounded,
    product::{Function, Limit, Need},
};

bounded! {
    /// Triggers within this time of an alarm belong to it (ALARM-8).
    pub struct EventInterval(u32) in 1..=100, unit "s"
}

/// A schedule that alarms choose by its name (ALARM-3).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(deny_unknown_fields)]
pub struct AlarmSchedule {
    /// Its name, 1 to 31 characters.
    #[schemars(title = "Name", length(min = 1, max = 31))]
    pub name: String,
    /// When alarms are raised.
    #[schemars(title = "Schedule", extend("x-widget" = "week", "default" = {
        "sunday": ["00:00-24:00"], "monday": ["00:00-24:00"], "tuesday": ["00:00-24:00"], "wednesday": ["00:00-24:00"],
        "thursday": ["00:00-24:00"], "friday": ["00:00-24:00"], "saturday": ["00:00-24:00"]
    }))]
    pub week: WeekSchedule,
}

/// Schedules that alarms choose from (ALARM-3..6). A schedule in use keeps its name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AlarmSchedules {
    /// The schedules, at most 8. Without one of them an alarm is raised all day.
    #[schemars(title = "Schedules", length(max = 8))]
    pub schedules: Vec<AlarmSchedule>,
}

impl AlarmSchedules {
    /// Most schedules.
    pub const MAX: usize = 8;

    /// The schedule with this name; an empty name is all day.
    pub fn week(&self, name: &str) -> Option<WeekSchedule> {
        if name.is_empty() {
            return Some(WeekSchedule::default());
        }
        let mut all = self.schedules.iter();
        all.find(|s| s.name == name).map(|s| s.week.clone())
    }
}

impl Section for AlarmSchedules {
    const KEY: &'static str = "event.schedules";
    const TITLE: &'static str = "Alarm Schedules";
    const PAGE: &'static str = "Setting/Event/Alarm Settings";
    const WRITE: Permission = Permission::EventConfig;
    const NEEDS: Option<Need> = Some(Need::AtLeast(Limit::AlarmInputs, 1));

    fn check(&self, cx: &CheckContext<'_>, violations: &mut Violations) {
        // Where the inputs change too, it is their choice that is wrong.
        let used = cx.settings.get::<AlarmInputs>();
        for (n, input) in (1..).zip(used.inputs()) {
            let gone = self.week(&input.schedule).is_none() && !cx.touches::<AlarmInputs>();
            violations.require(!gone, || {
                let reason = format!("is the schedule of alarm input {n}: it must stay");
                Violation::new("/schedules", &input.schedule, reason)
            });
        }
        let n = self.schedules.len();
        violations.require(n <= Self::MAX, || {
            let reason = format!("are too many schedules; allowed are 0 to {}", Self::MAX);
            Violation::new("/schedules", n, reason)
        });
        for (i, schedule) in self.schedules.iter().enumerate() {
            let name = &schedule.name;
            let pointer = format!("/schedules/{i}/name");
            let n = name.chars().count();
            let fits = (1..=31).contains(&n) && !name.chars().any(char::is_control);
            violations.require(fits, || {
                let reason = format!("has {n} characters; allowed are 1 to 31 visible ones");
                Violation::new(&pointer, name, reason)
            });
            let taken = self.schedules[..i].iter().any(|s| s.name == *name);
            violations.require(!taken, || {
                Violation::new(&pointer, name, "is the name of another one")
            });
        }
    }
}

/// What an alarm input does (ALARM-1..11). What is connected, its name and its sensor type, is in section `io`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(deny_unknown_fields)]
pub struct AlarmInput {
    /// A trigger raises an alarm. Off, changes of the input are events and nothing else.
    #[schemars(title = "Enable")]
    pub enabled: bool,
    /// Name of the schedule in which it does; empty is all day.
    #[schemars(title = "Schedule", length(max = 31), extend("x-widget" = "schedule"))]
    pub schedule: String,
    /// Several triggers within this time give one alarm.
    #[schemars(title = "Event Interval")]
    pub interval_seconds: EventInterval,
    /// The alarm activates output NO1, which opens the barrier.
    #[schemars(title = "Alarm-out NO1")]
    pub output1: bool,
    /// The alarm activates output NO2, which closes the barrier.
    #[schemars(title = "Alarm-out NO2")]
    pub output2: bool,
    /// How long the outputs stay active after a trigger.
    #[schemars(title = "Duration")]
    pub duration_seconds: OutputDelay,
    /// The alarm is sent to the mail receivers.
    #[schemars(title = "Send Email")]
    pub send_email: bool,
    /// The picture of the moment is kept with the alarm.
    #[schemars(title = "Snapshot")]
    pub snapshot: bool,
    /// Token of the voice prompt that the alarm plays; empty is none.
    #[serde(default)]
    #[schemars(title = "Voice Prompt", length(max = 64), extend("x-widget" = "prompt"))]
    pub prompt: String,
}

impl Default for AlarmInput {
    fn default() -> Self {
        Self {
            enabled: false,
            schedule: String::new(),
            interval_seconds: EventInterval::clamped(5),
            output1: false,
            output2: false,
            duration_seconds: OutputDelay::clamped(10),
            send_email: false,
            snapshot: false,
            prompt: String::new(),
        }
    }
}

impl AlarmInput {
    /// The outputs that it activates, 0 is NO1.
    pub fn outputs(&self) -> impl Iterator<Item = usize> + use<> {
        let chosen = [self.output1, self.output2];
        (0..AlarmIo::MAX).filter(move |i| chosen[*i])
    }

    /// How long the outputs stay active after a trigger.
    pub fn hold_for(&self) -> Duration {
        Duration::from_secs(self.duration_seconds.get().into())
    }

    /// Triggers within this time of an alarm belong to it.
    pub fn interval(&self) -> Duration {
        Duration::from_secs(self.interval_seconds.get().into())
    }
}

/// The alarm of each input, and what is linked to it (GEN-18, GEN-19).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AlarmInputs {
    /// First input.
    #[schemars(title = "Alarm-in 1")]
    pub input1: AlarmInput,
    /// Second input.
    #[schemars(title = "Alarm-in 2")]
    pub input2: AlarmInput,
}

impl AlarmInputs {
    /// The inputs in their order.
    pub fn inputs(&self) -> [&AlarmInput; AlarmIo::MAX] {
        [&self.input1, &self.input2]
    }
}

impl Section for AlarmInputs {
    const KEY: &'static str = "event.alarm_inputs";
    const TITLE: &'static str = "Alarm";
    const PAGE: &'static str = "Setting/Event/Alarm Settings";
    const WRITE: Permission = Permission::EventConfig;
    const NEEDS: Option<Need> = Some(Need::AtLeast(Limit::AlarmInputs, 1));
    const FIELDS: &'static [(&'static str, Need)] = &[
        ("input2", Need::AtLeast(Limit::AlarmInputs, 2)),
        ("input1/output1", Need::AtLeast(Limit::AlarmOutputs, 1)),
        ("input1/output2", Need::AtLeast(Limit::AlarmOutputs, 2)),
        ("input2/output1", Need::AtLeast(Limit::AlarmOutputs, 1)),
        ("input2/output2", Need::AtLeast(Limit::AlarmOutputs, 2)),
        ("input1/send_email", Need::Function(Function::Email)),
        ("input2/send_email", Need::Function(Function::Email)),
        ("input1/prompt", Need::Function(Function::Voice)),
        ("input2/prompt", Need::Function(Function::Voice)),
    ];

    fn check(&self, cx: &CheckContext<'_>, violations: &mut Violations) {
        if !cx.touches::<Self>() {
            return;
        }
        let schedules = cx.settings.get::<AlarmSchedules>();
        let clips = cx.settings.get::<AudioClips>();
        for (n, input) in (1..).zip(self.inputs()) {
            violations.require(schedules.week(&input.schedule).is_some(), || {
                let pointer = format!("/input{n}/schedule");
                Violation::new(&pointer, &input.schedule, "is no schedule that there is")
            });
            let known = input.prompt.is_empty() || clips.find(&input.prompt).is_some();
            violations.require(known, || {
                let pointer = format!("/input{n}/prompt");
                Violation::new(&pointer, &input.prompt, "is no voice prompt that there is")
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::{
        Actor, Error,
        settings::Patch,
        testing::{TestDevice, uninitialised},
    };

    fn set(t: &TestDevice, key: &str, value: Value) -> Result<(), Vec<String>> {
        let patch = Patch {
            key: key.into(),
            value,
            if_revision: None,
        };
        match t.device.settings.apply(&[patch], &Actor::system()) {
            Ok(_) => Ok(()),
            Err(Error::Invalid(v)) => Err(v.0.into_iter().map(|v| v.pointer).collect()),
            Err(other) => panic!("{other}"),
        }
    }

    fn schedule(name: &str, monday: Value) -> Value {
        let all = json!(["00:00-24:00"]);
        let mut week = json!({"monday": monday});
        for day in [
            "sunday",
            "tuesday",
            "wednesday",
            "thursday",
            "friday",
            "saturday",
        ] {
            week[day] = all.clone();
        }
        json!({"name": name, "week": week})
    }

    /// ALARM-5, ALARM-8, ALARM-11: bounds, named by field.
    #[test]
    fn values_outside_their_bounds_are_named() {
        let t = uninitialised();
        for (value, pointer) in [
            (
                json!({"input1": {"interval_seconds": 0}}),
                "/input1/interval_seconds",
            ),
            (
                json!({"input1": {"interval_seconds": 101}}),
                "/input1/interval_seconds",
            ),
            (
                json!({"input2": {"duration_seconds": 0}}),
                "/input2/duration_seconds",
            ),
            (
                json!({"input2": {"duration_seconds": 301}}),
                "/input2/duration_seconds",
            ),
            (json!({"input2": {"schedule": "Night"}}), "/input2/schedule"),
        ] {
            let refused = set(&t, "event.alarm_inputs", value.clone());
            assert_eq!(refused, Err(vec![pointer.to_owned()]), "{value}");
        }
        let seven: Vec<String> = (0..7).map(|h| format!("0{h}:00-0{h}:30")).collect();
        for (schedules, pointer) in [
            (
                json!([schedule("a", json!(seven))]),
                "/schedules/0/week/monday",
            ),
            (
                json!([schedule("a", json!(["01:00-03:00", "02:00-04:00"]))]),
                "/schedules/0/week/monday",
            ),
            (json!([schedule("", json!([]))]), "/schedules/0/name"),
            (
                json!([schedule("a", json!([])), schedule("a", json!([]))]),
                "/schedules/1/name",
            ),
            (
                json!(
                    ["a", "b", "c", "d", "e", "f", "g", "h", "i"].map(|n| schedule(n, json!([])))
                ),
                "/schedules",
            ),
        ] {
            let refused = set(&t, "event.schedules", json!({"schedules": schedules}));
            assert_eq!(refused, Err(vec![pointer.to_owned()]), "{schedules}");
        }
        set(
            &t,
            "event.alarm_inputs",
            json!({"input1": {"interval_seconds": 100, "duration_seconds": 300}}),
        )
        .unwrap();
    }

    /// ALARM-3: what is chosen exists, and cannot be taken away.
    #[test]
    fn a_schedule_in_use_stays() {
        let t = uninitialised();
        set(
            &t,
            "event.schedules",
            json!({"schedules": [schedule("Night", json!(["20:00-24:00"]))]}),
        )
        .unwrap();
        set(
            &t,
            "event.alarm_inputs",
            json!({"input1": {"schedule": "Night"}}),
        )
        .unwrap();
        let gone = set(&t, "event.schedules", json!({"schedules": []}));
        assert_eq!(gone, Err(vec!["/schedules".to_owned()]));
        set(
            &t,
            "event.alarm_inputs",
            json!({"input1": {"schedule": ""}}),
        )
        .unwrap();
        set(&t, "event.schedules", json!({"schedules": []})).unwrap();
    }
}
