use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CheckContext, Section};
use crate::{
    Permission, Violation, Violations, bounded,
    ports::ContactLine,
    product::{Function, Need},
};

bounded! {
    /// How long the button is held (HW-10, C-79).
    pub struct HoldSeconds(u32) in 3..=60, unit "s"
}
bounded! {
    /// Line of a GPIO chip.
    pub struct GpioLine(u32) in 0..=1023, unit ""
}

/// The hardware reset button: held long enough it restores factory settings (HW-10).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeviceResetButton {
    /// There is a button and it works. It is read at the start.
    #[schemars(title = "Reset Button")]
    pub enabled: bool,
    /// GPIO character device, for example `/dev/gpiochip0`.
    #[schemars(title = "GPIO Chip", length(max = 64))]
    pub chip: String,
    /// Line of the chip.
    #[schemars(title = "GPIO Line")]
    pub line: GpioLine,
    /// Pressed pulls the line low.
    #[schemars(title = "Active Low")]
    pub active_low: bool,
    /// Hold time.
    #[schemars(title = "Hold Time")]
    pub hold_seconds: HoldSeconds,
}

impl Default for DeviceResetButton {
    fn default() -> Self {
        Self {
            enabled: false,
            chip: String::new(),
            line: GpioLine::clamped(0),
            active_low: true,
            hold_seconds: HoldSeconds::clamped(10),
        }
    }
}

impl DeviceResetButton {
    /// Where the button is, when there is one.
    pub fn line(&self) -> Option<ContactLine> {
        self.enabled.then(|| ContactLine {
            chip: self.chip.clone(),
            line: self.line.get(),
            active_low: self.active_low,
        })
    }
}

impl Section for DeviceResetButton {
    const KEY: &'static str = "device.reset_button";
    const TITLE: &'static str = "Reset Button";
    const PAGE: &'static str = "Setting/LPR/Device Commission";
    const WRITE: Permission = Permission::Maintenance;
    const NEEDS: Option<Need> = Some(Need::Function(Function::ResetButton));

    fn check(&self, _cx: &CheckContext<'_>, violations: &mut Violations) {
        let path = &self.chip;
        let plain = path.strip_prefix("/dev/gpiochip").is_some_and(|n| {
            !n.is_empty() && n.len() <= 4 && n.bytes().all(|b| b.is_ascii_digit())
        });
        violations.require(plain || (path.is_empty() && !self.enabled), || {
            Violation::new("/chip", path, "must be /dev/gpiochipN")
        });
    }
}
