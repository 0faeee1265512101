use std::{
    fmt,
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use parking_lot::Mutex;

use crate::{
    Error, Result,
    ports::{Interface, Ipv4Plan, Ipv6Plan, Lease, Network, NetworkControl, NetworkPlan},
};

/// A network that can be changed in memory. It begins as one Ethernet interface with a documentation address, or as
/// the network of the machine below it. Its DHCP server always gives 192.0.2.100 and the name `leased-1`; routers advertise what the interface
/// had before.
#[derive(Default)]
pub struct SimulatedNetwork {
    below: Option<Arc<dyn Network>>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    plan: Option<NetworkPlan>,
    hostname: Option<String>,
    refusal: Option<String>,
    fixed: bool,
    neighbour: Option<(Ipv4Addr, String)>,
    applied: u32,
}

const OWN: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 10);
const ROUTER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const LEASED: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 100);
const ZERO: Ipv4Addr = Ipv4Addr::new(169, 254, 7, 8);

impl fmt::Debug for SimulatedNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimulatedNetwork")
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

impl SimulatedNetwork {
    /// Begins as `machine`, which is only read.
    pub fn over(machine: Arc<dyn Network>) -> Self {
        Self {
            below: Some(machine),
            state: Mutex::default(),
        }
    }

    /// The interfaces before anything was changed.
    fn original(&self) -> Vec<Interface> {
        if let Some(machine) = &self.below {
            return machine.interfaces();
        }
        vec![Interface {
            name: "eth0".into(),
            mac: "02:00:5e:10:00:01".into(),
            addresses: vec![(IpAddr::V4(OWN), 24)],
            mtu: 1500,
            up: true,
            loopback: false,
        }]
    }

    /// Makes every change of addresses fail with `why`, or work again.
    pub fn refuse(&self, why: Option<&str>) {
        self.state.lock().refusal = why.map(str::to_owned);
    }

    /// Makes every change answer that this program may not, or allows it again.
    pub fn fix(&self, fixed: bool) {
        self.state.lock().fixed = fixed;
    }

    /// Lets another host use an address.
    pub fn neighbour(&self, other: Option<(Ipv4Addr, &str)>) {
        self.state.lock().neighbour = other.map(|(ip, hw)| (ip, hw.to_owned()));
    }

    /// What was applied last, and how often anything was.
    pub fn applied(&self) -> (Option<NetworkPlan>, u32) {
        let s = self.state.lock();
        (s.plan.clone(), s.applied)
    }

    fn check_interface(&self, plan: &NetworkPlan) -> Result<()> {
        let mut all = self.original().into_iter();
        if plan.interface.is_empty() || all.any(|i| !i.loopback && i.name == plan.interface) {
            return Ok(());
        }
        Err(Error::not_found("network interface", &plan.interface))
    }
}

impl Network for SimulatedNetwork {
    fn interfaces(&self) -> Vec<Interface> {
        let mut all = self.original();
        let Some(plan) = self.state.lock().plan.clone() else {
            return all;
        };
        let v4 = match plan.ipv4 {
            Ipv4Plan::Off => None,
            Ipv4Plan::Dhcp => Some((LEASED.into(), 24)),
            Ipv4Plan::Static(a) => Some((a.address.into(), a.prefix)),
        };
        let own_v6 = |(ip, _): &(IpAddr, u8)| match ip {
            IpAddr::V6(ip) if ip.is_unicast_link_local() => plan.ipv6 != Ipv6Plan::Off,
            IpAddr::V6(_) => matches!(plan.ipv6, Ipv6Plan::Auto | Ipv6Plan::Dhcp),
            IpAddr::V4(_) => false,
        };
        let entered_v6 = match plan.ipv6 {
            Ipv6Plan::Static(a) => Some((a.address.into(), a.prefix)),
            _ => None,
        };
        let name = (!plan.interface.is_empty()).then_some(plan.interface);
        let name = name.or_else(|| self.default_interface());
        if let Some(one) = all.iter_mut().find(|i| Some(&i.name) == name.as_ref()) {
            let own = one.addresses.iter().copied().filter(own_v6);
            let zero = plan.link_local.then_some((IpAddr::V4(ZERO), 16));
            one.addresses = v4
                .into_iter()
                .chain(entered_v6)
                .chain(own)
                .chain(zero)
                .collect();
        }
        all
    }

    fn hostname(&self) -> String {
        let name = self.state.lock().hostname.clone();
        let below = || self.below.as_ref().map(|b| b.hostname());
        name.or_else(below).unwrap_or_else(|| "platecam".into())
    }

    fn dns_servers(&self) -> Vec<IpAddr> {
        match (&self.state.lock().plan, &self.below) {
            (Some(p), _) if !p.dns.is_empty() => p.dns.clone(),
            (None, Some(machine)) => machine.dns_servers(),
            _ => vec![ROUTER.into()],
        }
    }

    fn gateways(&self) -> Vec<IpAddr> {
        let s = self.state.lock();
        let below = || self.below.as_ref().map(|b| b.gateways());
        let Some(plan) = &s.plan else {
            return below().unwrap_or_else(|| vec![ROUTER.into()]);
        };
        let v4 = match plan.ipv4 {
            Ipv4Plan::Static(a) => a.gateway.map(IpAddr::V4),
            Ipv4Plan::Dhcp => Some(ROUTER.into()),
            Ipv4Plan::Off => None,
        };
        let v6: Vec<IpAddr> = match plan.ipv6 {
            Ipv6Plan::Static(a) => a.gateway.map(IpAddr::V6).into_iter().collect(),
            Ipv6Plan::Auto | Ipv6Plan::Dhcp => below().unwrap_or_default(),
            Ipv6Plan::Off => Vec::new(),
        };
        let v6 = v6.into_iter().filter(IpAddr::is_ipv6);
        v4.into_iter().chain(v6).collect()
    }
}

impl NetworkControl for SimulatedNetwork {
    fn changeable(&self) -> Result<String> {
        if self.state.lock().fixed {
            let why = "the network belongs to this machine; start with --host system";
            return Err(Error::Unsupported(why.into()));
        }
        Ok("simulation".into())
    }

    fn default_interface(&self) -> Option<String> {
        let mut all = self.original().into_iter();
        all.find(|i| !i.loopback).map(|i| i.name)
    }

    fn apply(&self, plan: Option<&NetworkPlan>) -> Result<()> {
        self.changeable()?;
        plan.map_or(Ok(()), |p| self.check_interface(p))?;
        let mut s = self.state.lock();
        if let Some(why) = &s.refusal {
            return Err(Error::internal(why));
        }
        s.plan = plan.cloned();
        s.applied += 1;
        Ok(())
    }

    fn set_hostname(&self, name: &str) -> Result<()> {
        self.changeable()?;
        self.state.lock().hostname = Some(name.to_owned());
        Ok(())
    }

    fn used_by(&self, _interface: &str, address: Ipv4Addr) -> Result<Option<String>> {
        let s = self.state.lock();
        let other = s.neighbour.as_ref().filter(|(ip, _)| *ip == address);
        Ok(other.map(|(_, hardware)| hardware.clone()))
    }

    fn lease(&self, _interface: &str) -> Option<Lease> {
        let s = self.state.lock();
        let plan = s.plan.as_ref()?;
        (plan.ipv4 == Ipv4Plan::Dhcp).then(|| Lease {
            server: Some(ROUTER.into()),
            address: Some(LEASED.into()),
            lifetime_s: Some(3600),
            routers: vec![ROUTER.into()],
            dns: vec![ROUTER.into()],
            ntp: vec![ROUTER.into()],
            hostname: Some("leased-1".into()),
        })
    }
}
