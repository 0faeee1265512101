//! What an address, a gateway and a name must be (NET-5..7).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{MaybeAddress, NetIp};
use crate::{Violation, Violations};

/// Whether `a` can be the address of one host (NET-5).
fn host_v4(a: Ipv4Addr) -> bool {
    let first = a.octets()[0];
    first != 0 && first < 240 && !a.is_loopback() && !a.is_multicast()
}

/// Whether `a` is the address of the net itself or its broadcast; there are none with 31 and 32 bits.
fn net_or_broadcast(a: Ipv4Addr, prefix: u8) -> bool {
    let host = u32::MAX.checked_shr(prefix.into()).unwrap_or(0);
    prefix < 31 && [0, host].contains(&(u32::from(a) & host))
}

fn host_v6(a: Ipv6Addr) -> bool {
    !(a.is_unspecified() || a.is_loopback() || a.is_multicast() || a.to_ipv4_mapped().is_some())
}

fn same_v4(a: Ipv4Addr, b: Ipv4Addr, prefix: u8) -> bool {
    (u32::from(a) ^ u32::from(b)).leading_zeros() >= prefix.into()
}

fn same_v6(a: Ipv6Addr, b: Ipv6Addr, prefix: u8) -> bool {
    (u128::from(a) ^ u128::from(b)).leading_zeros() >= prefix.into()
}

impl NetIp {
    /// Whether `gateway` is another host in the segment of the IPv4 address (NET-7).
    pub fn holds_v4(&self, gateway: Ipv4Addr) -> bool {
        let prefix = self.ipv4_prefix.get();
        self.ipv4_address.0.is_some_and(|address| {
            same_v4(address, gateway, prefix)
                && gateway != address
                && host_v4(gateway)
                && !net_or_broadcast(gateway, prefix)
        })
    }

    /// The same of the IPv6 address; routers may have a link-local one.
    pub fn holds_v6(&self, gateway: Ipv6Addr) -> bool {
        let prefix = self.ipv6_prefix.get();
        self.ipv6_address.0.is_some_and(|address| {
            let near = gateway.is_unicast_link_local() || same_v6(address, gateway, prefix);
            near && gateway != address && host_v6(gateway)
        })
    }

    pub(super) fn check_v4(&self, violations: &mut Violations) {
        let prefix = self.ipv4_prefix.get();
        let Some(address) = self.ipv4_address.0 else {
            let reason = "a static address is needed";
            violations
                .0
                .push(Violation::new("/ipv4_address", "", reason));
            return;
        };
        let legal = host_v4(address) && !net_or_broadcast(address, prefix);
        violations.require(legal, || {
            let reason = format!("is not the address of a host in a net of {prefix} bits");
            Violation::new("/ipv4_address", address, reason)
        });
        if let Some(gateway) = self.ipv4_gateway.0 {
            violations.require(self.holds_v4(gateway), || {
                let reason = format!("must be another host in the segment of {address}/{prefix}");
                Violation::new("/ipv4_gateway", gateway, reason)
            });
        }
        if let Some(gateway) = self.ipv4_gateway_waiting.0 {
            violations.require(host_v4(gateway), || {
                let reason = "is not the address of a host";
                Violation::new("/ipv4_gateway_waiting", gateway, reason)
            });
        }
    }

    pub(super) fn check_v6(&self, violations: &mut Violations) {
        let prefix = self.ipv6_prefix.get();
        let Some(address) = self.ipv6_address.0 else {
            let reason = "a static address is needed";
            violations
                .0
                .push(Violation::new("/ipv6_address", "", reason));
            return;
        };
        violations.require(host_v6(address) && !address.is_unicast_link_local(), || {
            let reason = "is not the address of a host";
            Violation::new("/ipv6_address", address, reason)
        });
        if let Some(gateway) = self.ipv6_gateway.0 {
            violations.require(self.holds_v6(gateway), || {
                let reason = format!(
                    "must be another host in the segment of {address}/{prefix}, or link-local"
                );
                Violation::new("/ipv6_gateway", gateway, reason)
            });
        }
        if let Some(gateway) = self.ipv6_gateway_waiting.0 {
            violations.require(host_v6(gateway), || {
                let reason = "is not the address of a host";
                Violation::new("/ipv6_gateway_waiting", gateway, reason)
            });
        }
    }

    pub(super) fn check_dns(&self, violations: &mut Violations) {
        for (pointer, server) in [
            ("/dns_preferred", self.dns_preferred.0),
            ("/dns_backup", self.dns_backup.0),
        ] {
            let legal = match server {
                None => true,
                Some(IpAddr::V4(a)) => host_v4(a),
                Some(IpAddr::V6(a)) => host_v6(a),
            };
            violations.require(legal, || {
                Violation::new(
                    pointer,
                    MaybeAddress(server),
                    "is not the address of a host",
                )
            });
        }
        let order = self.dns_backup.0.is_none() || self.dns_preferred.0.is_some();
        violations.require(order, || {
            let reason = "is needed before there can be a backup";
            Violation::new("/dns_preferred", "", reason)
        });
    }
}

impl NetIp {
    pub(super) fn check_search(&self, violations: &mut Violations) {
        let n = self.search_domains.len();
        violations.require(n <= Self::MAX_SEARCH, || {
            let reason = format!("at most {} domains", Self::MAX_SEARCH);
            Violation::new("/search_domains", n, reason)
        });
        for (i, domain) in self.search_domains.iter().enumerate() {
            violations.require(is_domain(domain), || {
                let reason =
                    "must be labels of letters, digits and hyphens, 253 characters at most";
                Violation::new(&format!("/search_domains/{i}"), domain, reason)
            });
        }
    }
}

/// Whether `name` can be the name of a host: letters, digits and hyphens in labels of 1 to 63 (RFC 1123).
pub(crate) fn is_host_name(name: &str) -> bool {
    name.len() <= 63 && is_domain(name)
}

/// The same for a domain of at most 253 characters.
fn is_domain(name: &str) -> bool {
    let label = |l: &str| {
        (1..=63).contains(&l.len())
            && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !l.starts_with('-')
            && !l.ends_with('-')
    };
    name.len() <= 253 && name.split('.').all(label) && name.parse::<IpAddr>().is_err()
}
