use std::net::IpAddr;

use crate::{
    Device,
    settings::{Ipv4Mode, Ipv4Prefix, Ipv6Mode, Ipv6Prefix, MaybeAddress, NetIp, TimeSettings},
};

impl Device {
    /// NTP servers that the DHCP server gives the unit's interface; asks the host.
    pub fn leased_ntp(&self) -> Vec<IpAddr> {
        let interface = self.managed_interface(&self.settings.get::<NetIp>());
        let lease = interface.and_then(|i| self.networking.control.lease(&i.name));
        let mut servers = lease.map(|l| l.ntp).unwrap_or_default();
        servers.truncate(TimeSettings::MAX_FALLBACK + 1);
        servers
    }

    /// The settings in force; where the machine manages its network itself, settings that mean what it has.
    /// Who changes one part of the network begins with them, so that the other parts stay (ONVIF).
    pub fn network_in_force(&self) -> NetIp {
        let set = self.settings.get::<NetIp>();
        if set.managed {
            return NetIp::clone(&set);
        }
        let mut found = NetIp {
            managed: true,
            ipv4_mode: Ipv4Mode::Off,
            ipv6_mode: Ipv6Mode::Off,
            ..NetIp::clone(&set)
        };
        let Some(interface) = self.managed_interface(&set) else {
            return NetIp {
                managed: true,
                ..NetIp::clone(&set)
            };
        };
        let lease = self.networking.control.lease(&interface.name);
        let gateways = self.network.gateways();
        for (ip, prefix) in &interface.addresses {
            match ip {
                IpAddr::V4(ip) if ip.is_link_local() => found.zero_configuration = true,
                IpAddr::V4(ip) if found.ipv4_mode == Ipv4Mode::Off => {
                    found.ipv4_mode = if lease.is_some() {
                        Ipv4Mode::Dhcp
                    } else {
                        Ipv4Mode::Static
                    };
                    found.ipv4_address = MaybeAddress(Some(*ip));
                    found.ipv4_prefix =
                        Ipv4Prefix::try_from(i64::from(*prefix)).unwrap_or(found.ipv4_prefix);
                }
                // Whether by hand or by a router cannot be seen; the router is by far more common.
                IpAddr::V6(ip)
                    if !ip.is_unicast_link_local() && found.ipv6_mode == Ipv6Mode::Off =>
                {
                    found.ipv6_mode = Ipv6Mode::Auto;
                    found.ipv6_address = MaybeAddress(Some(*ip));
                    found.ipv6_prefix = Ipv6Prefix::clamped(i64::from(*prefix));
                }
                _ => {}
            }
        }
        if found.ipv4_mode == Ipv4Mode::Off {
            found.ipv4_mode = Ipv4Mode::Dhcp;
        }
        found.ipv4_gateway = MaybeAddress(gateways.iter().find_map(|g| match g {
            IpAddr::V4(g) => Some(*g),
            IpAddr::V6(_) => None,
        }));
        found.interface = interface.name;
        let dns = self.network.dns_servers();
        found.dns_from_dhcp = lease.is_some() || dns.is_empty();
        let mut dns = dns.into_iter().filter(|ip| !ip.is_loopback());
        found.dns_preferred = MaybeAddress(dns.next());
        found.dns_backup = MaybeAddress(dns.next());
        found
    }
}
