use std::net::IpAddr;

use serde::Serialize;

use super::{LastTrial, TrialView};
use crate::{
    Actor, Device, Permission, Result,
    ports::{Interface, Ipv4Plan, Ipv6Plan, Lease},
    settings::{NetIp, WaitingGateway},
};

/// One interface as it is now (NET-12).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct InterfaceView {
    /// Name.
    pub name: String,
    /// Hardware address.
    pub mac: String,
    /// Addresses with their prefixes, `192.0.2.10/24`.
    pub addresses: Vec<String>,
    /// Largest packet, bytes.
    pub mtu: u32,
    /// Whether it is up.
    pub up: bool,
    /// What the DHCP server gave.
    pub lease: Option<Lease>,
}

/// The unit's network as it is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NetworkReport {
    /// Who changes it on this host, for example `systemd-networkd`.
    pub daemon: Option<String>,
    /// Why nobody can.
    pub unchangeable_reason: Option<String>,
    /// Interfaces but the loopback.
    pub interfaces: Vec<InterfaceView>,
    /// The machine's name.
    pub hostname: String,
    /// DNS servers in use.
    pub dns: Vec<IpAddr>,
    /// Default gateways.
    pub gateways: Vec<IpAddr>,
    /// Gateways that wait until the segment of the address holds them.
    pub waiting_gateways: Vec<WaitingGateway>,
    /// The change that waits for its confirmation.
    pub trial: Option<TrialView>,
    /// How the last one ended.
    pub last: Option<LastTrial>,
    /// Address that another host uses as well, and that host's hardware address (NET-11).
    pub conflict: Option<(IpAddr, String)>,
}

impl Device {
    /// The unit's network as it is, and what is on trial; `local` is the address at which the request arrived. Asks the
    /// host.
    ///
    /// # Errors
    /// [`crate::Error::Forbidden`].
    pub fn network_report(&self, by: &Actor, local: Option<IpAddr>) -> Result<NetworkReport> {
        by.require(Permission::ReadConfig)?;
        let (daemon, reason) = match self.networking.control.changeable() {
            Ok(daemon) => (Some(daemon), None),
            Err(e) => (None, Some(e.to_string())),
        };
        let view = |i: Interface| InterfaceView {
            lease: self.networking.control.lease(&i.name),
            addresses: i
                .addresses
                .iter()
                .map(|(ip, n)| format!("{ip}/{n}"))
                .collect(),
            name: i.name,
            mac: i.mac,
            mtu: i.mtu,
            up: i.up,
        };
        let all = self.network.interfaces().into_iter();
        let trial = self.networking.trial(self.clock.monotonic());
        Ok(NetworkReport {
            daemon,
            unchangeable_reason: reason,
            interfaces: all.filter(|i| !i.loopback).map(view).collect(),
            hostname: self.network.hostname(),
            dns: self.network.dns_servers(),
            gateways: self.network.gateways(),
            waiting_gateways: self.settings.get::<NetIp>().waiting_gateways(),
            trial: trial.map(|(wanted, confirmed, who, seconds_left)| TrialView {
                confirmable: self
                    .may_confirm(by, local, (&wanted, &confirmed), &who)
                    .is_ok(),
                by: who.to_string(),
                addresses: self.where_to_go(&wanted),
                seconds_left,
            }),
            last: self.networking.last(),
            conflict: self.networking.conflict().map(|(ip, hw)| (ip.into(), hw)),
        })
    }

    /// The interface that `wanted` is about, as it is now.
    pub(crate) fn managed_interface(&self, wanted: &NetIp) -> Option<Interface> {
        let name = if wanted.interface.is_empty() {
            self.networking.control.default_interface()
        } else {
            Some(wanted.interface.clone())
        };
        let mut all = self.network.interfaces().into_iter();
        match name {
            Some(name) => all.find(|i| i.name == name),
            None => all.find(|i| !i.loopback),
        }
    }

    /// Addresses at which the unit is to be reached with `wanted` in force: those entered by hand, and those
    /// that somebody else gives as far as they are there.
    pub(super) fn where_to_go(&self, wanted: &NetIp) -> Vec<String> {
        let now = self.managed_interface(wanted).map(|i| i.addresses);
        let now = now.unwrap_or_default();
        let present = |v4: bool| {
            let link_local = |ip: &IpAddr| match ip {
                IpAddr::V4(ip) => ip.is_link_local(),
                IpAddr::V6(ip) => ip.is_unicast_link_local(),
            };
            let all = now.iter().map(|(ip, _)| *ip);
            all.filter(move |ip| ip.is_ipv4() == v4 && !link_local(ip))
        };
        let plan = wanted.plan();
        let v4: Vec<IpAddr> = match plan.as_ref().map(|p| p.ipv4) {
            Some(Ipv4Plan::Static(a)) => vec![a.address.into()],
            Some(Ipv4Plan::Off) => Vec::new(),
            Some(Ipv4Plan::Dhcp) | None => present(true).collect(),
        };
        let v6: Vec<IpAddr> = match plan.as_ref().map(|p| p.ipv6) {
            Some(Ipv6Plan::Static(a)) => vec![a.address.into()],
            Some(Ipv6Plan::Off) => Vec::new(),
            Some(Ipv6Plan::Auto | Ipv6Plan::Dhcp) | None => present(false).collect(),
        };
        v4.into_iter().chain(v6).map(|ip| ip.to_string()).collect()
    }
}
