use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::Serialize;

use crate::Result;

/// An address entered by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assigned<A> {
    /// Address.
    pub address: A,
    /// Bits of its net.
    pub prefix: u8,
    /// Router, when there is one.
    pub gateway: Option<A>,
}

/// Where the IPv4 address comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ipv4Plan {
    /// There is none.
    Off,
    /// A DHCP server.
    Dhcp,
    /// Entered by hand.
    Static(Assigned<Ipv4Addr>),
}

/// Where the IPv6 address comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ipv6Plan {
    /// There is none.
    Off,
    /// Router advertisements.
    Auto,
    /// A DHCPv6 server.
    Dhcp,
    /// Entered by hand.
    Static(Assigned<Ipv6Addr>),
}

/// What the host's network is to be like; every value was checked by the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkPlan {
    /// Name of the interface; empty takes the one that the host takes itself.
    pub interface: String,
    /// IPv4.
    pub ipv4: Ipv4Plan,
    /// IPv6.
    pub ipv6: Ipv6Plan,
    /// Takes DNS servers from DHCP and router advertisements.
    pub dns_from_dhcp: bool,
    /// DNS servers entered by hand, the preferred one first.
    pub dns: Vec<IpAddr>,
    /// Domains that names without a dot are looked up in, in this order.
    pub search: Vec<String>,
    /// Takes an IPv4 address of 169.254/16 as well (RFC 3927).
    pub link_local: bool,
    /// Tells the DHCP server a host name: this one, or when empty the machine's.
    pub announce: Option<String>,
}

/// What a DHCP server gave.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Lease {
    /// Address of the server.
    pub server: Option<IpAddr>,
    /// Address that it gave.
    pub address: Option<IpAddr>,
    /// For how long, seconds.
    pub lifetime_s: Option<u64>,
    /// Routers.
    pub routers: Vec<IpAddr>,
    /// DNS servers.
    pub dns: Vec<IpAddr>,
    /// NTP servers.
    pub ntp: Vec<IpAddr>,
    /// Name for this host (option 12), as it came.
    pub hostname: Option<String>,
}

/// Changes the host's network (NET-1..11).
pub trait NetworkControl: Send + Sync {
    /// Who does it on this host, for people, for example `systemd-networkd`.
    ///
    /// # Errors
    /// [`crate::Error::Unsupported`] with the reason why nobody can; every change answers the same.
    fn changeable(&self) -> Result<String>;

    /// The interface that a plan without one takes.
    fn default_interface(&self) -> Option<String>;

    /// Makes the host's network so, now and after every boot; `None` gives it back to the machine's own
    /// configuration. Doing what is done already changes nothing.
    ///
    /// # Errors
    /// [`crate::Error::Unsupported`] or [`crate::Error::NotFound`] for an interface that is not there;
    /// [`crate::Error::Internal`] when the host refuses. The network may then be anything: apply what it was.
    fn apply(&self, plan: Option<&NetworkPlan>) -> Result<()>;

    /// Sets the machine's name, now and after every boot.
    ///
    /// # Errors
    /// [`crate::Error::Unsupported`], [`crate::Error::Internal`].
    fn set_hostname(&self, name: &str) -> Result<()>;

    /// Hardware address of another host that uses `address`, found by probes (RFC 5227); takes some seconds.
    ///
    /// # Errors
    /// [`crate::Error::Unsupported`] where probes cannot be sent.
    fn used_by(&self, interface: &str, address: Ipv4Addr) -> Result<Option<String>>;

    /// What the DHCP server gave for IPv4.
    fn lease(&self, interface: &str) -> Option<Lease>;
}
