//! What is known of a change on trial, and what is to be done next. Touches nothing.

use std::{fmt, net::Ipv4Addr, sync::Arc, time::Duration};

use lpr_core::UtcTime;
use parking_lot::Mutex;
use serde::Serialize;

use super::note::{Note, Notebook};
use crate::{
    Actor, EventBus, Result, Subscription,
    ports::{NetworkControl, SettingsBackend},
    settings::{NetIp, SettingsStore},
};

/// The answer to who changed the address leaves before the address does.
const GRACE: Duration = Duration::from_secs(1);
/// Time between two looks for somebody else with our address (NET-11).
pub(super) const LOOK: Duration = Duration::from_secs(60);

/// Changes the host's network and takes back what nobody confirms. Cheap to clone.
#[derive(Clone)]
pub struct Networking {
    /// The host.
    pub control: Arc<dyn NetworkControl>,
    pub(super) guard: Arc<Guard>,
}

pub(super) struct Guard {
    pub(super) notebook: Notebook,
    pub(super) state: Mutex<State>,
    /// One at a time touches the host.
    pub(super) turn: Mutex<Subscription>,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) note: Note,
    /// What the host was brought to in this run.
    pub(super) applied: Option<NetIp>,
    pub(super) trial: Option<Trial>,
    /// Who changed the settings last.
    pub(super) changed_by: Option<Actor>,
    pub(super) waits: Option<(NetIp, Duration)>,
    /// What the host did not take, and when it is tried again.
    pub(super) retry: Option<(NetIp, Duration)>,
    pub(super) look_at: Duration,
    pub(super) conflict: Option<(Ipv4Addr, String)>,
    pub(super) last: Option<LastTrial>,
    pub(super) revert: Option<Actor>,
    /// Whether the host could be changed when it was asked last, and when to ask again.
    pub(super) changeable: (bool, Duration),
    /// When the name that DHCP gives is looked at next.
    pub(super) name_at: Duration,
    /// Why the last name that DHCP gave was not taken.
    pub(super) name_refused: Option<String>,
}

#[derive(Clone)]
pub(super) struct Trial {
    pub(super) wanted: NetIp,
    pub(super) by: Actor,
    pub(super) until: Duration,
}

/// A change that waits for its confirmation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrialView {
    /// Who changed it and has to confirm.
    pub by: String,
    /// Addresses at which the unit is to be reached now.
    pub addresses: Vec<String>,
    /// Seconds until it goes back.
    pub seconds_left: u64,
    /// Whether the one who asks could confirm it by this way.
    pub confirmable: bool,
}

/// How a trial ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TrialEnd {
    /// It stays.
    Confirmed,
    /// It is as it was before.
    RolledBack,
}

/// The last trial of this run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LastTrial {
    /// How it ended.
    pub end: TrialEnd,
    /// When.
    pub at: UtcTime,
    /// Why it was taken back; empty when it was not.
    pub reason: String,
}

/// What is to be done next.
pub(super) enum Step {
    Nothing,
    /// Look for somebody else with our address.
    Look,
    Apply,
    Back(String),
}

impl Networking {
    /// Remembers in `backend` what was confirmed; from now on `settings` takes only what `control` can do.
    ///
    /// # Errors
    /// [`crate::Error::Internal`] when it cannot be read.
    pub fn new(
        control: Arc<dyn NetworkControl>,
        backend: Arc<dyn SettingsBackend>,
        settings: &SettingsStore,
        bus: &EventBus,
    ) -> Result<Self> {
        let notebook = Notebook(backend);
        let state = State {
            note: notebook.load()?,
            ..State::default()
        };
        let guard = Arc::new(Guard {
            notebook,
            state: Mutex::new(state),
            turn: Mutex::new(bus.subscribe()),
        });
        let (gate_control, gate_guard) = (control.clone(), Arc::downgrade(&guard));
        settings.set_network_gate(Arc::new(move |wanted| {
            // The way back is always open.
            let back = gate_guard.upgrade().is_some_and(|g| {
                let state = g.state.lock();
                state.note.confirmed == *wanted
            });
            if back {
                return Ok(());
            }
            gate_control
                .changeable()
                .map(drop)
                .map_err(|e| e.to_string())
        }));
        Ok(Self { control, guard })
    }

    /// Whether the host's network could be changed a short while ago; asks nobody.
    pub fn is_changeable(&self) -> bool {
        self.guard.state.lock().changeable.0
    }

    /// Whether the name that DHCP gives is to be looked at; the next time is `pause` later.
    pub(super) fn name_due(&self, now: Duration, pause: Duration) -> bool {
        let mut s = self.guard.state.lock();
        let due = now >= s.name_at;
        if due {
            s.name_at = now + pause;
        }
        due
    }

    /// Notes why a name was not taken, or that it was; whether that is news.
    pub(super) fn name_refused(&self, why: Option<String>) -> bool {
        let mut s = self.guard.state.lock();
        let news = s.name_refused != why;
        s.name_refused = why;
        news
    }

    pub(super) fn ask_changeable(&self, now: Duration) {
        if now < self.guard.state.lock().changeable.1 {
            return;
        }
        let can = self.control.changeable().is_ok();
        self.guard.state.lock().changeable = (can, now + LOOK);
    }

    pub(super) fn trial(&self, now: Duration) -> Option<(NetIp, NetIp, Actor, u64)> {
        let state = self.guard.state.lock();
        let t = state.trial.as_ref()?;
        let left = t.until.saturating_sub(now).as_secs();
        let confirmed = state.note.confirmed.clone();
        Some((t.wanted.clone(), confirmed, t.by.clone(), left))
    }

    pub(super) fn last(&self) -> Option<LastTrial> {
        self.guard.state.lock().last.clone()
    }

    pub(super) fn conflict(&self) -> Option<(Ipv4Addr, String)> {
        self.guard.state.lock().conflict.clone()
    }

    pub(super) fn next(&self, wanted: &NetIp, now: Duration) -> Step {
        let mut s = self.guard.state.lock();
        let reverted = s.revert.take();
        if let Some(t) = s.trial.as_ref().filter(|t| t.wanted == *wanted) {
            return match reverted {
                Some(by) => Step::Back(format!("{by} wanted it back")),
                None if now >= t.until => Step::Back(format!(
                    "nobody confirmed it within {} s",
                    wanted.confirm_within_s.get()
                )),
                None => Step::Nothing,
            };
        }
        if s.applied.as_ref() == Some(wanted) {
            if now < s.look_at {
                return Step::Nothing;
            }
            s.look_at = now + LOOK;
            return Step::Look;
        }
        if s.applied.is_none() && s.note.tried.as_ref() == Some(wanted) {
            return Step::Back("the unit was restarted before anybody confirmed it".into());
        }
        if s.retry
            .as_ref()
            .is_some_and(|(w, at)| w == wanted && now < *at)
        {
            return Step::Nothing;
        }
        if s.applied.is_some() || s.retry.is_some() {
            match &s.waits {
                Some((w, due)) if w == wanted && now >= *due => s.waits = None,
                Some((w, _)) if w == wanted => return Step::Nothing,
                _ => {
                    s.waits = Some((wanted.clone(), now + GRACE));
                    return Step::Nothing;
                }
            }
        }
        Step::Apply
    }
}

impl fmt::Debug for Networking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Networking").finish_non_exhaustive()
    }
}
