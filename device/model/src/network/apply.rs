//! Brings the host to the settings, and back: the only file that changes the host's network.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use super::{
    NetworkNews,
    guard::{LOOK, LastTrial, Step, Trial, TrialEnd},
};
use crate::{
    Actor, Device, Error, Event, EventKind, Origin, Subscription,
    ports::Ipv4Plan,
    settings::{NetIp, Section},
};

/// Time until something that the host refused is tried again.
const AGAIN: Duration = Duration::from_secs(5);

impl Device {
    /// Brings the host's network to the settings, and back (NET-10, NET-11). Blocks; call it after changes of
    /// settings and every second.
    pub fn serve_network(&self) {
        let mut events = self.networking.guard.turn.lock();
        self.learn_who(&mut events);
        let (wanted, now) = (self.settings.get::<NetIp>(), self.clock.monotonic());
        self.networking.ask_changeable(now);
        self.take_leased_name(&wanted, now);
        match self.networking.next(&wanted, now) {
            Step::Nothing => {}
            Step::Look => self.look_for_conflict(&wanted),
            Step::Apply => self.apply_network(&wanted),
            Step::Back(reason) => self.take_back(reason),
        }
    }

    fn learn_who(&self, events: &mut Subscription) {
        use tokio::sync::broadcast::error::TryRecvError;
        loop {
            match events.try_recv().as_deref() {
                Ok(Event {
                    kind: EventKind::SettingsChanged { key, actor, .. },
                    ..
                }) if *key == NetIp::KEY => {
                    self.networking.guard.state.lock().changed_by = Some(actor.clone());
                }
                Ok(_) => {}
                // Who it was may be lost; then nobody in particular has to confirm.
                Err(TryRecvError::Lagged(_)) => {
                    self.networking.guard.state.lock().changed_by = None;
                }
                Err(TryRecvError::Empty | TryRecvError::Closed) => return,
            }
        }
    }

    fn apply_network(&self, wanted: &NetIp) {
        let guard = &self.networking.guard;
        let confirmed = guard.state.lock().note.confirmed.clone();
        let control = &self.networking.control;
        if let Err(why) = control.changeable() {
            if *wanted == confirmed {
                tracing::debug!("the network stays as the machine has it: {why}");
                self.try_again(wanted, LOOK);
                return;
            }
            return self.take_back(why.to_string());
        }
        let name = &wanted.hostname;
        // While DHCP names the machine, the entered name waits.
        let leased = wanted.named_by_dhcp() && self.leased_name(wanted).is_some();
        if !name.is_empty()
            && !leased
            && *name != self.network.hostname()
            && let Err(e) = control.set_hostname(name)
        {
            tracing::error!(error = ?e, "the host name cannot be set");
            if *wanted != confirmed {
                return self.take_back(format!("the host refuses the name '{name}'"));
            }
        }
        let risky = wanted.is_risky_after(&confirmed);
        if risky && let Err(reason) = self.prepare(wanted) {
            return self.take_back(reason);
        }
        match control.apply(wanted.plan().as_ref()) {
            Ok(()) if risky => self.begin_trial(wanted),
            Ok(()) => self.settle(wanted),
            Err(e) => {
                tracing::error!(error = ?e, "the network cannot be changed");
                if *wanted == confirmed {
                    self.try_again(wanted, AGAIN);
                } else {
                    self.take_back(reason(&e));
                }
            }
        }
    }

    /// Before the host is touched: nobody else has the address, and the trial is on the disk.
    fn prepare(&self, wanted: &NetIp) -> Result<(), String> {
        if let Some(Ipv4Plan::Static(new)) = wanted.plan().map(|p| p.ipv4) {
            let own = self.network.interfaces();
            let mut own = own.iter().flat_map(|i| &i.addresses);
            let ours = own.any(|(ip, _)| *ip == IpAddr::V4(new.address));
            if !ours && let Some(hardware) = self.other_user(wanted, new.address) {
                let (address, text) = (new.address, hardware.clone());
                self.tell(NetworkNews::Conflict { address, hardware });
                return Err(format!("{address} is used by another host ({text})"));
            }
        }
        let guard = &self.networking.guard;
        let mut note = guard.state.lock().note.clone();
        note.tried = Some(wanted.clone());
        guard.notebook.store(&mut note).map_err(|e| {
            tracing::error!(error = ?e, "the trial of the network cannot be kept");
            "it could not be kept".to_owned()
        })?;
        guard.state.lock().note = note;
        Ok(())
    }

    fn other_user(&self, wanted: &NetIp, address: Ipv4Addr) -> Option<String> {
        let control = &self.networking.control;
        let interface = if wanted.interface.is_empty() {
            control.default_interface()?
        } else {
            wanted.interface.clone()
        };
        control.used_by(&interface, address).unwrap_or_else(|e| {
            tracing::warn!("{address} was not looked for on the network: {e:?}");
            None
        })
    }

    fn begin_trial(&self, wanted: &NetIp) {
        let now = self.clock.monotonic();
        let seconds = wanted.confirm_within_s.get();
        let by = {
            let mut s = self.networking.guard.state.lock();
            let by = s.changed_by.clone();
            let by = by.unwrap_or_else(|| Actor::anonymous(Origin::Local, None));
            s.applied = Some(wanted.clone());
            s.trial = Some(Trial {
                wanted: wanted.clone(),
                by: by.clone(),
                until: now + Duration::from_secs(seconds.into()),
            });
            by
        };
        self.tell(NetworkNews::Applied {
            by,
            addresses: self.where_to_go(wanted),
            confirm_within_s: seconds,
        });
    }

    /// Nothing that needs a confirmation is open: what is in force is what was confirmed.
    fn settle(&self, wanted: &NetIp) {
        let guard = &self.networking.guard;
        let mut note = guard.state.lock().note.clone();
        let fresh = note.confirmed != *wanted || note.tried.is_some();
        note.confirmed = wanted.clone();
        note.tried = None;
        if fresh && let Err(e) = guard.notebook.store(&mut note) {
            tracing::error!(error = ?e, "the network settings are not kept as confirmed");
            self.try_again(wanted, AGAIN);
            return;
        }
        let ended = {
            let mut s = guard.state.lock();
            s.note = note;
            s.applied = Some(wanted.clone());
            s.retry = None;
            s.trial.take().is_some()
        };
        if ended {
            self.end(TrialEnd::RolledBack, "the settings were put back".into());
        }
    }

    fn take_back(&self, reason: String) {
        let guard = &self.networking.guard;
        let mut note = guard.state.lock().note.clone();
        let confirmed = note.confirmed.clone();
        let again = |what: &str, e: &Error| {
            tracing::error!(error = ?e, "{what}");
            self.try_again(&self.settings.get::<NetIp>(), AGAIN);
        };
        // The settings first: whatever happens then, the next start begins with them.
        if *self.settings.get::<NetIp>() != confirmed {
            let system = Actor::system();
            let back = self
                .settings
                .update(&system, |s: &mut NetIp| *s = confirmed.clone());
            if let Err(e) = back {
                return again("the network settings cannot be put back", &e);
            }
        }
        let done = self.networking.control.apply(confirmed.plan().as_ref());
        {
            let mut s = guard.state.lock();
            s.trial = None;
            s.waits = None;
            s.applied = done.is_ok().then(|| confirmed.clone());
        }
        match done {
            Ok(()) => {
                note.tried = None;
                match guard.notebook.store(&mut note) {
                    Ok(()) => guard.state.lock().note = note,
                    Err(e) => again("the end of the trial is not kept", &e),
                }
            }
            Err(e) => again("the network cannot be put back yet", &e),
        }
        self.end(TrialEnd::RolledBack, reason);
    }

    pub(super) fn end(&self, end: TrialEnd, reason: String) {
        let at = self.clock.now();
        self.networking.guard.state.lock().last = Some(LastTrial {
            end,
            at,
            reason: reason.clone(),
        });
        if end == TrialEnd::RolledBack {
            self.tell(NetworkNews::RolledBack { reason });
        }
    }

    pub(super) fn tell(&self, news: NetworkNews) {
        self.bus.publish(self.clock.now(), EventKind::Network(news));
    }

    /// The host did not take it; it is given the same again after `pause`.
    fn try_again(&self, wanted: &NetIp, pause: Duration) {
        let at = self.clock.monotonic() + pause;
        self.networking.guard.state.lock().retry = Some((wanted.clone(), at));
    }

    fn look_for_conflict(&self, wanted: &NetIp) {
        let found = match wanted.plan().map(|p| p.ipv4) {
            Some(Ipv4Plan::Static(own)) => self
                .other_user(wanted, own.address)
                .map(|hardware| (own.address, hardware)),
            _ => None,
        };
        let before = {
            let mut s = self.networking.guard.state.lock();
            std::mem::replace(&mut s.conflict, found.clone())
        };
        match (before, found) {
            (Some((address, _)), None) => self.tell(NetworkNews::ConflictOver { address }),
            (before, Some((address, hardware)))
                if before.as_ref().map(|b| &b.1) != Some(&hardware) =>
            {
                self.tell(NetworkNews::Conflict { address, hardware });
            }
            _ => {}
        }
    }
}

/// What the log and the page say of an error; details are in the service's own log.
fn reason(e: &Error) -> String {
    match e {
        Error::Internal { .. } => "the host refuses it; the service's own log says why".into(),
        other => other.to_string(),
    }
}
