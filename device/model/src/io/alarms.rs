//! What alarms do with outputs (ALARM-10..16).

use std::sync::Arc;

use crate::{
    Actor, Device, Error, EventKind, LogKind, Permission, Result,
    alarm::{Alarm, Trigger, output_names},
    settings::{AlarmInput, AlarmInputs, AlarmIo},
};

impl Device {
    /// Activates outputs for their time, to see whether what is wired to them follows (ALARM-14). All of them go back
    /// by themselves, also those that stay as they are set otherwise; one that is held longer by somebody else stays
    /// (ALARM-15, ALARM-16).
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::Invalid`] without an output or with one that is not there, [`Error::Internal`]
    /// when a line does not follow.
    pub fn test_outputs(&self, by: &Actor, outputs: &[usize]) -> Result<()> {
        by.require(Permission::BarrierControl)?;
        if outputs.is_empty() {
            let reason = "names no output to be tested";
            return Err(Error::invalid("/outputs", "", reason));
        }
        let settings = self.settings.get::<AlarmIo>();
        let count = self.io.outputs();
        let mut tested = Vec::new();
        for (i, output) in outputs.iter().enumerate() {
            let there = settings.outputs().into_iter().take(count).nth(*output);
            let there = there.ok_or_else(|| {
                let reason = format!("is no output of this unit; it has {count}");
                Error::invalid(&format!("/outputs/{i}"), output.saturating_add(1), reason)
            })?;
            tested.push((*output, there.delay()));
        }
        let result = tested
            .iter()
            .try_for_each(|(output, time)| self.drive_output(*output, Some(*time)));
        let outcome = if result.is_ok() {
            "were"
        } else {
            "could not be"
        };
        let text = format!("Alarm outputs {outcome} tested: {}.", output_names(outputs));
        self.audit(LogKind::Alarm, by, text);
        result
    }

    /// Does what follows at once from a trigger, and tells of an alarm.
    pub(super) fn raise(&self, index: usize, trigger: Trigger) {
        let inputs = self.settings.get::<AlarmInputs>();
        let Some(input) = inputs.inputs().into_iter().nth(index) else {
            return;
        };
        match trigger {
            Trigger::Event => {}
            Trigger::Again => {
                self.drive_linked(input);
            }
            Trigger::Alarm => {
                let (outputs, failed) = self.drive_linked(input);
                let io = self.settings.get::<AlarmIo>();
                let name = io.inputs().get(index).map(|i| i.name.clone());
                let alarm = Alarm {
                    at: self.clock.now(),
                    input: index,
                    name: name.unwrap_or_default(),
                    outputs,
                    failed,
                    hold_for: input.hold_for(),
                    send_email: input.send_email,
                    snapshot: input.snapshot,
                    prompt: input.prompt.clone(),
                };
                self.bus
                    .publish(alarm.at, EventKind::Alarm(Arc::new(alarm)));
            }
        }
    }

    /// Activates the outputs linked to an input (ALARM-10, ALARM-11): those that follow, and those that do not.
    fn drive_linked(&self, input: &AlarmInput) -> (Vec<usize>, Vec<usize>) {
        let there = self.io.outputs();
        input.outputs().filter(|o| *o < there).partition(|output| {
            let driven = self.drive_output(*output, Some(input.hold_for()));
            if let Err(e) = &driven {
                tracing::error!(output = output + 1, error = ?e, "alarm output");
            }
            driven.is_ok()
        })
    }
}

#[cfg(test)]
#[path = "alarm_tests.rs"]
mod tests;
