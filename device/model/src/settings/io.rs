use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CheckContext, Section};
use crate::{
    Permission, Violation, Violations, bounded,
    product::{Limit, Need},
};

bounded! {
    /// How long an output stays active (ALARM-11, C-56).
    pub struct OutputDelay(u32) in 1..=300, unit "s"
}

/// Whether an output goes back by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(rename_all = "lowercase")]
pub enum OutputMode {
    /// Stays as it is set.
    Bistable,
    /// Goes back after its time.
    #[default]
    Monostable,
}

/// The contact at rest (ALARM-9): open is a normally open contact (NO), closed a normally closed one (NC).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(rename_all = "lowercase")]
pub enum IdleState {
    /// Normally open.
    #[default]
    Open,
    /// Normally closed.
    Closed,
}

impl IdleState {
    /// Whether the contact is closed while the output or input is `active`.
    pub const fn closed(self, active: bool) -> bool {
        matches!(self, Self::Closed) != active
    }

    /// Whether an output or input whose contact is `closed` is active.
    pub const fn active(self, closed: bool) -> bool {
        matches!(self, Self::Closed) != closed
    }
}

/// An alarm output (HW-2, ALARM-10, ALARM-11).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(deny_unknown_fields)]
pub struct OutputSettings {
    /// What it drives, up to 31 characters.
    #[schemars(title = "Name", length(max = 31))]
    pub name: String,
    /// Whether it goes back by itself.
    #[schemars(title = "Mode")]
    pub mode: OutputMode,
    /// How long it stays active when it goes back by itself.
    #[schemars(title = "Duration", extend("x-visible-when" = {"mode": "monostable"}))]
    pub delay_seconds: OutputDelay,
    /// The contact at rest.
    #[schemars(title = "Idle State")]
    pub idle: IdleState,
}

impl Default for OutputSettings {
    fn default() -> Self {
        Self {
            name: String::new(),
            mode: OutputMode::default(),
            delay_seconds: OutputDelay::clamped(10),
            idle: IdleState::default(),
        }
    }
}

impl OutputSettings {
    /// How long it stays active; `None` until it is switched off.
    pub fn hold_for(&self) -> Option<Duration> {
        (self.mode == OutputMode::Monostable).then_some(self.delay())
    }

    /// Its time, also where it does not go back by itself.
    pub fn delay(&self) -> Duration {
        Duration::from_secs(self.delay_seconds.get().into())
    }
}

/// An alarm input (HW-3, ALARM-2, ALARM-9).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(deny_unknown_fields)]
pub struct InputSettings {
    /// What is connected, up to 31 characters.
    #[schemars(title = "Name", length(max = 31))]
    pub name: String,
    /// Sensor type: open is NO (low level active), closed is NC (high level active).
    #[schemars(title = "Idle State")]
    pub idle: IdleState,
}

/// Alarm inputs and outputs, two of each at most (C-56). ONVIF: `tmd:SetRelayOutputSettings`,
/// `tmd:SetDigitalInputConfigurations`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AlarmIo {
    /// Output NO1, which opens the barrier.
    #[schemars(title = "Alarm-out NO1")]
    pub output1: OutputSettings,
    /// Output NO2, which closes the barrier.
    #[schemars(title = "Alarm-out NO2")]
    pub output2: OutputSettings,
    /// First input.
    #[schemars(title = "Alarm-in 1")]
    pub input1: InputSettings,
    /// Second input.
    #[schemars(title = "Alarm-in 2")]
    pub input2: InputSettings,
}

impl AlarmIo {
    /// Most outputs, and most inputs.
    pub const MAX: usize = 2;

    /// The outputs in their order.
    pub fn outputs(&self) -> [&OutputSettings; Self::MAX] {
        [&self.output1, &self.output2]
    }

    /// The output with this index.
    pub fn output_mut(&mut self, index: usize) -> Option<&mut OutputSettings> {
        [&mut self.output1, &mut self.output2]
            .into_iter()
            .nth(index)
    }

    /// The inputs in their order.
    pub fn inputs(&self) -> [&InputSettings; Self::MAX] {
        [&self.input1, &self.input2]
    }

    /// The input with this index.
    pub fn input_mut(&mut self, index: usize) -> Option<&mut InputSettings> {
        [&mut self.input1, &mut self.input2].into_iter().nth(index)
    }
}

impl Section for AlarmIo {
    const KEY: &'static str = "io";
    const TITLE: &'static str = "Alarm-in and Alarm-out";
    const PAGE: &'static str = "Setting/Event/Alarm Settings";
    const WRITE: Permission = Permission::EventConfig;
    const NEEDS: Option<Need> = Some(Need::AnyOf(&[
        Need::AtLeast(Limit::AlarmInputs, 1),
        Need::AtLeast(Limit::AlarmOutputs, 1),
    ]));
    const FIELDS: &'static [(&'static str, Need)] = &[
        ("output1", Need::AtLeast(Limit::AlarmOutputs, 1)),
        ("output2", Need::AtLeast(Limit::AlarmOutputs, 2)),
        ("input1", Need::AtLeast(Limit::AlarmInputs, 1)),
        ("input2", Need::AtLeast(Limit::AlarmInputs, 2)),
    ];

    fn check(&self, _cx: &CheckContext<'_>, violations: &mut Violations) {
        for (pointer, name) in [
            ("/output1/name", &self.output1.name),
            ("/output2/name", &self.output2.name),
            ("/input1/name", &self.input1.name),
            ("/input2/name", &self.input2.name),
        ] {
            let n = name.chars().count();
            violations.require(n <= 31 && !name.chars().any(char::is_control), || {
                let reason = format!("has {n} characters; allowed are 0 to 31 visible ones");
                Violation::new(pointer, name, reason)
            });
        }
    }
}
