//! What keeps a unit running and helps who puts it into service: restart, schedule, upgrade, support bundle, checks and tests.

mod check;
mod commission;
mod conditions;
mod counters;
mod rules;
mod scenes;
mod schedule;
mod storage;
mod support;
mod upgrade;

use std::sync::Arc;

pub use check::{Facts, Finding, FindingSeverity, findings};
pub use commission::{Availability, BarrierAction, Tests};
pub use conditions::{Condition, Conditions};
pub use counters::Counters;
use lpr_core::UtcTime;
pub use scenes::SceneKeeper;
pub use schedule::RestartPlan;
pub use storage::{LEAST_FREE, StorageWatch};
pub use support::BundlePart;
pub use upgrade::{Checked, MAX_PACKAGE, Upgrading};

use crate::{
    Actor, Device, Error, EventKind, LogKind, Permission, RestartScope, Result,
    ports::{
        ClipFiles, Loudspeaker, Machine, Moment, Moments, Power, Reach, RestartNote, Upgrades,
        Voice,
    },
    settings::TimeSettings,
};

/// The parts behind the maintenance pages.
#[derive(Clone)]
pub struct Upkeep {
    /// The power switch.
    pub power: Arc<dyn Power>,
    /// Versions and slots, where there are any.
    pub upgrades: Option<Arc<dyn Upgrades>>,
    /// Figures of process and machine.
    pub machine: Arc<dyn Machine>,
    /// The voice.
    pub voice: Arc<dyn Voice>,
    /// The loudspeaker.
    pub loudspeaker: Arc<dyn Loudspeaker>,
    /// Uploaded sounds.
    pub clips: Arc<dyn ClipFiles>,
    /// What happened since the start.
    pub counters: Arc<Counters>,
    /// Whether records can be stored.
    pub storage: Arc<StorageWatch>,
    /// What is wrong now and may end by itself.
    pub conditions: Arc<Conditions>,
    /// When what is remembered happened last.
    pub moments: Arc<dyn Moments>,
}

impl Upkeep {
    fn upgrades(&self) -> Result<&dyn Upgrades> {
        let none = || Error::Unsupported("this unit has no slots for upgrades".into());
        self.upgrades.as_deref().ok_or_else(none)
    }
}

impl Device {
    /// Remembers that something happened now, and tells everybody. A store that cannot be written stops nothing.
    pub fn note_moment(&self, what: Moment) {
        let now = self.clock.now();
        if let Err(e) = self.upkeep.moments.note(what, now) {
            tracing::warn!(error = ?e, ?what, "a moment was not stored");
        }
        self.bus.publish(now, EventKind::Moment(what));
    }

    /// When something happened last; `None` for never, or when the store cannot be read.
    pub fn last_moment(&self, what: Moment) -> Option<UtcTime> {
        let last = self.upkeep.moments.last(what);
        last.unwrap_or_else(|e| {
            tracing::warn!(error = ?e, ?what, "a moment could not be read");
            None
        })
    }

    /// Restarts on behalf of `by` (SYS-18): needs the permission to maintain; the log has it before it runs
    /// (SYS-22).
    ///
    /// # Errors
    /// [`crate::Error::Forbidden`], [`crate::Error::Internal`] when the reason cannot be kept; nothing restarts then.
    pub fn reboot(&self, by: &Actor) -> Result<Reach> {
        by.require(Permission::Maintenance)?;
        self.restart(by, RestartScope::Machine, "reboot by hand")?;
        Ok(self.upkeep.power.reach())
    }

    /// Keeps `reason`, tells the log and everybody who listens; then the process stops and starts again.
    ///
    /// The caller has checked that `by` may cause it.
    ///
    /// # Errors
    /// [`crate::Error::Internal`] when the reason cannot be kept; nothing restarts then.
    pub fn restart(&self, by: &Actor, scope: RestartScope, reason: &str) -> Result<()> {
        self.restart_for(by, scope, reason, None)
    }

    fn restart_for(
        &self,
        by: &Actor,
        scope: RestartScope,
        reason: &str,
        scheduled: Option<UtcTime>,
    ) -> Result<()> {
        let at = self.clock.now();
        let note = RestartNote {
            reason: reason.to_owned(),
            by: by.to_string(),
            at,
        };
        self.upkeep.power.remember(&note, scheduled)?;
        self.audit(LogKind::System, by, format!("Restart wanted: {reason}."));
        let reason = reason.to_owned();
        self.bus
            .publish(at, EventKind::RestartWanted { reason, scope });
        Ok(())
    }

    /// Serves Auto Restart (SYS-19): restarts when a moment of the schedule has come. Call it every second.
    ///
    /// # Errors
    /// As [`Device::restart`]; the moment is then left out.
    pub fn serve_schedule(&self, plan: &mut RestartPlan) -> Result<()> {
        let section = self.settings.get();
        let zone = self.settings.get::<TimeSettings>().effective();
        let Some(moment) = plan.due(&section, self.clock.now(), &zone) else {
            return Ok(());
        };
        let reason = format!("Auto Restart at {}", section.time);
        let by = Actor::system();
        self.restart_for(&by, RestartScope::Machine, &reason, Some(moment))
    }

    /// The next moment of Auto Restart; `None` when it is off.
    pub fn next_restart(&self) -> Option<UtcTime> {
        let plan = RestartPlan::new(self.upkeep.power.last_scheduled());
        let zone = self.settings.get::<TimeSettings>().effective();
        plan.next_after(&self.settings.get(), self.clock.now(), &zone)
    }
}

impl std::fmt::Debug for Upkeep {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upkeep").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{Origin, settings::Maintenance, testing::initialised};

    /// SYS-18, SYS-22: permission first, then the note, then the log, then the restart.
    #[test]
    fn a_reboot_is_permitted_kept_logged_and_told_in_this_order() {
        let t = initialised();
        let mut events = t.device.bus.subscribe();
        let nobody = Actor::anonymous(Origin::Web, None);
        assert!(matches!(t.device.reboot(&nobody), Err(Error::Forbidden(_))));
        *t.power.fail.lock() = true;
        assert!(t.device.reboot(&Actor::system()).is_err());
        assert!(
            events.try_recv().is_err(),
            "what cannot be kept does not happen"
        );
        *t.power.fail.lock() = false;
        t.device.reboot(&Actor::system()).unwrap();
        assert_eq!(t.power.notes.lock()[0].0.reason, "reboot by hand");
        let first = events.try_recv().unwrap();
        assert!(
            matches!(&first.kind, EventKind::Audit(a) if a.what == "Restart wanted: reboot by hand.")
        );
        let second = events.try_recv().unwrap();
        let EventKind::RestartWanted { scope, .. } = second.kind else {
            panic!("{second:?}")
        };
        assert_eq!(scope, RestartScope::Machine);
    }

    /// SYS-19.
    #[test]
    fn the_schedule_restarts_once_and_remembers_the_moment() {
        let t = initialised();
        assert_eq!(t.device.next_restart(), None);
        let on = serde_json::json!({"auto_restart": true, "time": "03:00"});
        t.device
            .settings
            .patch("maintenance", &on, None, &Actor::system())
            .unwrap();
        let moment = t.device.next_restart().unwrap();
        let mut plan = RestartPlan::new(None);
        let mut events = t.device.bus.subscribe();
        t.device.serve_schedule(&mut plan).unwrap();
        assert!(events.try_recv().is_err());
        let wait = moment.as_millis() - t.device.clock.now().as_millis();
        t.clock.advance(Duration::from_millis(wait.unsigned_abs()));
        for _ in 0..3 {
            t.device.serve_schedule(&mut plan).unwrap();
        }
        assert_eq!(t.power.notes.lock().len(), 1);
        assert_eq!(t.power.last_scheduled(), Some(moment));
        assert_eq!(
            t.device.settings.get::<Maintenance>().time.to_string(),
            "03:00"
        );
        assert!(t.device.next_restart().unwrap() > moment);
    }
}
