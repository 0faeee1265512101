use std::{fmt, net::IpAddr, sync::Arc, time::Duration};

use lpr_core::UtcTime;
use parking_lot::Mutex;
use serde::Serialize;

use super::{
    NetworkNews,
    note::{Note, Notebook},
};
use crate::{
    Actor, Device, Error, Event, EventBus, EventKind, Origin, Permission, Result, Subscription,
    ports::{Ipv4Plan, Ipv6Plan, NetworkControl, SettingsBackend},
    settings::{NetIp, Section, SettingsStore},
};

/// The answer to who changed the address leaves before the address does.
const GRACE: Duration = Duration::from_secs(1);
/// Time until something that the host refused is tried again.
const AGAIN: Duration = Duration::from_secs(5);
/// Time between two looks for somebody else with our address (NET-11).
const LOOK: Duration = Duration::from_secs(60);

/// Changes the host's network and takes back what nobody confirms. Cheap to clone.
#[derive(Clone)]
pub struct Networking {
    /// The host.
    pub control: Arc<dyn NetworkControl>,
    guard: Arc<Guard>,
}

struct Guard {
    notebook: Notebook,
    state: Mutex<State>,
    /// One at a time touches the host.
    turn: Mutex<Subscription>,
}

#[derive(Default)]
struct State {
    note: Note,
    /// What the host was brought to in this run.
    applied: Option<NetIp>,
    trial: Option<Trial>,
    /// Who changed the settings last.
    changed_by: Option<Actor>,
    waits: Option<(NetIp, Duration)>,
    /// What the host did not take, and when it is tried again.
    retry: Option<(NetIp, Duration)>,
    look_at: Duration,
    conflict: Option<(std::net::Ipv4Addr, String)>,
    last: Option<LastTrial>,
    revert: Option<Actor>,
    /// Whether the host could be changed when it was asked last, and when to ask again.
    changeable: (bool, Duration),
    /// When the name that DHCP gives is looked at next.
    name_at: Duration,
}

#[derive(Clone)]
struct Trial {
    wanted: NetIp,
    by: Actor,
    until: Duration,
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
enum Step {
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
    /// [`Error::Internal`] when it cannot be read.
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

    fn ask_changeable(&self, now: Duration) {
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

    pub(super) fn conflict(&self) -> Option<(std::net::Ipv4Addr, String)> {
        self.guard.state.lock().conflict.clone()
    }

    fn next(&self, wanted: &NetIp, now: Duration) -> Step {
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
                guard.state.lock().retry = Some((wanted.clone(), self.clock.monotonic() + LOOK));
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
                    guard.state.lock().retry =
                        Some((wanted.clone(), self.clock.monotonic() + AGAIN));
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

    fn other_user(&self, wanted: &NetIp, address: std::net::Ipv4Addr) -> Option<String> {
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
            guard.state.lock().retry = Some((wanted.clone(), self.clock.monotonic() + AGAIN));
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
            let wanted = NetIp::clone(&self.settings.get());
            guard.state.lock().retry = Some((wanted, self.clock.monotonic() + AGAIN));
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

    fn end(&self, end: TrialEnd, reason: String) {
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

    /// Confirms the change of the network that is on trial; `local` is the address at which the request
    /// arrived (NET-10).
    ///
    /// # Errors
    /// [`Error::Forbidden`]; [`Error::Conflict`] without a trial, for another user than the one who changed it,
    /// or when the request came over an address that proves nothing; [`Error::Internal`].
    pub fn confirm_network(&self, by: &Actor, local: Option<IpAddr>) -> Result<()> {
        by.require(Permission::NetworkConfig)?;
        let guard = &self.networking.guard;
        let now = self.clock.monotonic();
        let open = || Error::Conflict("no change of the network waits for confirmation".into());
        let (wanted, confirmed, who, _) = self.networking.trial(now).ok_or_else(open)?;
        self.may_confirm(by, local, (&wanted, &confirmed), &who)?;
        {
            let mut s = guard.state.lock();
            // The time may have run out, or somebody else was faster.
            if s.trial.as_ref().is_none_or(|t| t.wanted != wanted) {
                return Err(open());
            }
            let mut note = s.note.clone();
            note.confirmed = wanted;
            note.tried = None;
            guard.notebook.store(&mut note)?;
            s.note = note;
            s.trial = None;
        }
        self.end(TrialEnd::Confirmed, String::new());
        self.tell(NetworkNews::Confirmed { by: by.clone() });
        Ok(())
    }

    /// What every authenticated ONVIF request does: a change made over ONVIF is confirmed by the first request
    /// of its user that arrives at the new address.
    pub fn network_reached(&self, by: &Actor, local: Option<IpAddr>) {
        let made_here = {
            let s = self.networking.guard.state.lock();
            let trial = s.trial.as_ref();
            trial.is_some_and(|t| t.by.origin == by.origin && t.by.user == by.user)
        };
        if made_here && let Err(e) = self.confirm_network(by, local) {
            tracing::debug!("the network stays on trial: {e:?}");
        }
    }

    /// Takes back the change of the network that is on trial, within a second.
    ///
    /// # Errors
    /// [`Error::Forbidden`]; [`Error::Conflict`] without a trial.
    pub fn revert_network(&self, by: &Actor) -> Result<()> {
        by.require(Permission::NetworkConfig)?;
        let mut s = self.networking.guard.state.lock();
        if s.trial.is_none() {
            return Err(Error::Conflict(
                "no change of the network is on trial".into(),
            ));
        }
        s.revert = Some(by.clone());
        Ok(())
    }

    /// Whether `by`, coming in at `local`, can confirm a trial of `who` from the second settings to the first.
    pub(super) fn may_confirm(
        &self,
        by: &Actor,
        local: Option<IpAddr>,
        (wanted, confirmed): (&NetIp, &NetIp),
        who: &Actor,
    ) -> Result<()> {
        by.require(Permission::NetworkConfig)?;
        if let Some(user) = who.user.as_ref().filter(|u| by.user.as_ref() != Some(*u)) {
            let text = format!("'{user}' changed the network and has to confirm it");
            return Err(Error::Conflict(text));
        }
        if self.proves(wanted, confirmed, local) {
            return Ok(());
        }
        let here = local.map_or_else(|| "no known address".to_owned(), |l| l.to_string());
        let there = self.where_to_go(wanted).join(" or ");
        let text = format!("this request reached the unit at {here}; confirm at {there}");
        Err(Error::Conflict(text))
    }

    /// Whether a request that arrived at `local` shows that the changed part works.
    fn proves(&self, wanted: &NetIp, confirmed: &NetIp, local: Option<IpAddr>) -> bool {
        let Some(local) = local.map(|l| l.to_canonical()) else {
            return false;
        };
        let (v4, v6) = wanted.differs(confirmed);
        let plan = wanted.plan();
        let planned = match (local, plan.as_ref()) {
            (_, None) => true,
            (IpAddr::V4(ip), Some(p)) => match p.ipv4 {
                Ipv4Plan::Static(a) => a.address == ip,
                Ipv4Plan::Dhcp => true,
                Ipv4Plan::Off => false,
            },
            (IpAddr::V6(ip), Some(p)) => match p.ipv6 {
                Ipv6Plan::Static(a) => a.address == ip,
                Ipv6Plan::Auto | Ipv6Plan::Dhcp => true,
                Ipv6Plan::Off => false,
            },
        };
        let changed = if local.is_ipv4() { v4 } else { v6 };
        let outside = self
            .network
            .interfaces()
            .iter()
            .any(|i| !i.loopback && i.addresses.iter().any(|(ip, _)| *ip == local));
        planned && changed && outside
    }
}

/// What the log and the page say of an error; details are in the service's own log.
fn reason(e: &Error) -> String {
    match e {
        Error::Internal { .. } => "the host refuses it; the service's own log says why".into(),
        other => other.to_string(),
    }
}

impl fmt::Debug for Networking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Networking").finish_non_exhaustive()
    }
}
