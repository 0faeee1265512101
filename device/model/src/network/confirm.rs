//! Who may confirm or take back a change that is on trial, and what proves that it works (NET-10).

use std::net::IpAddr;

use super::{NetworkNews, TrialEnd};
use crate::{
    Actor, Device, Error, Permission, Result,
    ports::{Ipv4Plan, Ipv6Plan},
    settings::NetIp,
};

impl Device {
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
