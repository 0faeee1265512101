//! What alarms do with outputs (ALARM-10..16).

use std::{sync::Arc, time::Duration};

use crate::{
    Actor, Device, Error, EventKind, LogKind, Permission, Result,
    alarm::{Alarm, AlarmKind, Trigger, output_names},
    settings::{AlarmInputs, AlarmIo, LprIntelligence},
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
                self.drive_linked(input.outputs(), input.hold_for());
            }
            Trigger::Alarm => {
                let (outputs, failed) = self.drive_linked(input.outputs(), input.hold_for());
                let io = self.settings.get::<AlarmIo>();
                let name = io.inputs().get(index).map(|i| i.name.clone());
                let alarm = Alarm {
                    at: self.clock.now(),
                    kind: AlarmKind::Input,
                    channel: index,
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

    /// Raises the alarm about a vehicle that turned back and leaves, where it is wanted (INTEL-6).
    pub fn raise_backing(&self, plate: &str) {
        let settings = self.settings.get::<LprIntelligence>();
        if !settings.backing {
            return;
        }
        let (outputs, failed) = self.drive_linked(settings.outputs(), settings.hold_for());
        let alarm = Alarm {
            at: self.clock.now(),
            kind: AlarmKind::Backing,
            channel: 0,
            name: plate.into(),
            outputs,
            failed,
            hold_for: settings.hold_for(),
            send_email: settings.send_email,
            snapshot: true,
            prompt: String::new(),
        };
        self.bus
            .publish(alarm.at, EventKind::Alarm(Arc::new(alarm)));
    }

    /// Activates the outputs linked to an alarm (ALARM-10, ALARM-11): those that follow, and those that do not.
    fn drive_linked(
        &self,
        outputs: impl Iterator<Item = usize>,
        hold_for: Duration,
    ) -> (Vec<usize>, Vec<usize>) {
        let there = self.io.outputs();
        outputs.filter(|o| *o < there).partition(|output| {
            let driven = self.drive_output(*output, Some(hold_for));
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
