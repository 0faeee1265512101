mod checks;
mod gateway;
mod values;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) use self::checks::is_host_name;
pub use self::gateway::WaitingGateway;
pub use self::values::{ConfirmWithin, Ipv4Prefix, Ipv6Prefix, MaybeAddress};
use super::{CheckContext, Restore, Section};
use crate::{
    Permission, Violation, Violations,
    ports::{Assigned, Ipv4Plan, Ipv6Plan, NetworkPlan},
};

/// Where the IPv4 address comes from (NET-2, NET-3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(rename_all = "lowercase")]
pub enum Ipv4Mode {
    /// No IPv4.
    Off,
    /// From a DHCP server.
    #[schemars(title = "DHCP")]
    Dhcp,
    /// Entered by hand.
    Static,
}

/// Where the IPv6 address comes from (NET-1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(rename_all = "lowercase")]
pub enum Ipv6Mode {
    /// No IPv6.
    Off,
    /// From router advertisements.
    Auto,
    /// From a DHCPv6 server.
    #[schemars(title = "DHCP")]
    Dhcp,
    /// Entered by hand.
    Static,
}

/// Address, DNS and name of the unit (NET-1..10). ONVIF: `tds:SetNetworkInterfaces`,
/// `tds:SetNetworkDefaultGateway`, `tds:SetDNS`, `tds:SetHostname`.
///
/// At first the network of the machine is left as it is. A change of the address goes back by itself unless
/// it is confirmed over the new address.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NetIp {
    /// The camera sets address and DNS of the machine; off leaves them to the machine.
    #[schemars(title = "Managed by the Camera")]
    pub managed: bool,
    /// Network interface; empty takes the one with the default route.
    #[schemars(title = "Interface", length(max = 15), extend("x-visible-when" = {"managed": true}))]
    pub interface: String,
    /// Where the IPv4 address comes from.
    #[schemars(title = "IPv4 Mode", extend("x-widget" = "radio", "x-visible-when" = {"managed": true}))]
    pub ipv4_mode: Ipv4Mode,
    /// IPv4 address.
    #[schemars(title = "IP Address", extend("x-visible-when" = {"managed": true, "ipv4_mode": "static"}))]
    pub ipv4_address: MaybeAddress<Ipv4Addr>,
    /// Bits of the subnet mask.
    #[schemars(title = "Subnet Prefix", extend("x-visible-when" = {"managed": true, "ipv4_mode": "static"}))]
    pub ipv4_prefix: Ipv4Prefix,
    /// Router in the same segment; may be empty.
    #[schemars(title = "Default Gateway", extend("x-visible-when" = {"managed": true, "ipv4_mode": "static"}))]
    pub ipv4_gateway: MaybeAddress<Ipv4Addr>,
    /// Gateway that lies outside the segment: it becomes the default gateway as soon as the segment of the address holds it. ONVIF may
    /// set it before the address. Empty it to give it up.
    #[schemars(title = "Waiting Gateway", extend("x-visible-when" = {"managed": true, "ipv4_mode": "static"}, "x-hidden-when" = {"ipv4_gateway_waiting": ""}))]
    pub ipv4_gateway_waiting: MaybeAddress<Ipv4Addr>,
    /// Takes a link-local IPv4 address (169.254.x.y) as well, to be found without a DHCP server; under systemd-networkd not while DHCP gives one.
    #[schemars(title = "Zero Configuration", extend("x-visible-when" = {"managed": true, "ipv4_mode": ["dhcp", "static"]}))]
    pub zero_configuration: bool,
    /// Where the IPv6 address comes from.
    #[schemars(title = "IPv6 Mode", extend("x-widget" = "radio", "x-visible-when" = {"managed": true}))]
    pub ipv6_mode: Ipv6Mode,
    /// IPv6 address.
    #[schemars(title = "IPv6 Address", extend("x-visible-when" = {"managed": true, "ipv6_mode": "static"}))]
    pub ipv6_address: MaybeAddress<Ipv6Addr>,
    /// Bits of the IPv6 prefix.
    #[schemars(title = "IPv6 Prefix", extend("x-visible-when" = {"managed": true, "ipv6_mode": "static"}))]
    pub ipv6_prefix: Ipv6Prefix,
    /// Router in the same segment or link-local; may be empty.
    #[schemars(title = "IPv6 Default Gateway", extend("x-visible-when" = {"managed": true, "ipv6_mode": "static"}))]
    pub ipv6_gateway: MaybeAddress<Ipv6Addr>,
    /// IPv6 gateway that lies outside the segment: it becomes the default gateway as soon as the segment of the address holds it. ONVIF may
    /// set it before the address. Empty it to give it up.
    #[schemars(title = "Waiting IPv6 Gateway", extend("x-visible-when" = {"managed": true, "ipv6_mode": "static"}, "x-hidden-when" = {"ipv6_gateway_waiting": ""}))]
    pub ipv6_gateway_waiting: MaybeAddress<Ipv6Addr>,
    /// Takes DNS servers from DHCP or the router.
    #[schemars(title = "DNS from DHCP", extend("x-visible-when" = {"managed": true}))]
    pub dns_from_dhcp: bool,
    /// Address of the first DNS server.
    #[schemars(title = "Preferred DNS Server", extend("x-visible-when" = {"managed": true, "dns_from_dhcp": false}))]
    pub dns_preferred: MaybeAddress<IpAddr>,
    /// Address of the second DNS server.
    #[schemars(title = "Backup DNS Server", extend("x-visible-when" = {"managed": true, "dns_from_dhcp": false}))]
    pub dns_backup: MaybeAddress<IpAddr>,
    /// Domains in which short names are looked up, in this order, at most 6.
    #[schemars(title = "Search Domains", length(max = 6), extend("x-visible-when" = {"managed": true}))]
    pub search_domains: Vec<String>,
    /// Takes the name of the machine from the DHCP server, as long as that gives one.
    #[schemars(title = "Host Name from DHCP", extend("x-visible-when" = {"managed": true, "ipv4_mode": "dhcp"}))]
    pub hostname_from_dhcp: bool,
    /// Name of the machine in the network; empty leaves it as it is.
    #[schemars(title = "Host Name", length(max = 63))]
    pub hostname: String,
    /// Tells the DHCP server the host name, for its DNS.
    #[schemars(title = "Announce Host Name", extend("x-visible-when" = {"managed": true}))]
    pub announce_hostname: bool,
    /// A changed address that nobody confirms goes back after this time.
    #[schemars(title = "Confirm Within")]
    pub confirm_within_s: ConfirmWithin,
}

impl Default for NetIp {
    fn default() -> Self {
        Self {
            managed: false,
            interface: String::new(),
            ipv4_mode: Ipv4Mode::Dhcp,
            ipv4_address: MaybeAddress(None),
            ipv4_prefix: Ipv4Prefix(24),
            ipv4_gateway: MaybeAddress(None),
            ipv4_gateway_waiting: MaybeAddress(None),
            zero_configuration: false,
            ipv6_mode: Ipv6Mode::Auto,
            ipv6_address: MaybeAddress(None),
            ipv6_prefix: Ipv6Prefix::clamped(64),
            ipv6_gateway: MaybeAddress(None),
            ipv6_gateway_waiting: MaybeAddress(None),
            dns_from_dhcp: true,
            dns_preferred: MaybeAddress(None),
            dns_backup: MaybeAddress(None),
            search_domains: Vec::new(),
            hostname_from_dhcp: false,
            hostname: String::new(),
            announce_hostname: true,
            confirm_within_s: ConfirmWithin::clamped(120),
        }
    }
}

impl NetIp {
    /// Most search domains, as resolvers take them.
    pub const MAX_SEARCH: usize = 6;

    /// Whether the machine takes the name that a DHCP server gives.
    pub fn named_by_dhcp(&self) -> bool {
        self.managed && self.hostname_from_dhcp && self.ipv4_mode == Ipv4Mode::Dhcp
    }

    /// What the host is to do; `None` where the machine keeps its own network.
    pub fn plan(&self) -> Option<NetworkPlan> {
        if !self.managed {
            return None;
        }
        let ipv4 = match (self.ipv4_mode, self.ipv4_address.0) {
            (Ipv4Mode::Dhcp, _) => Ipv4Plan::Dhcp,
            (Ipv4Mode::Static, Some(address)) => Ipv4Plan::Static(Assigned {
                address,
                prefix: self.ipv4_prefix.get(),
                gateway: self.ipv4_gateway.0,
            }),
            (Ipv4Mode::Off | Ipv4Mode::Static, _) => Ipv4Plan::Off,
        };
        let ipv6 = match (self.ipv6_mode, self.ipv6_address.0) {
            (Ipv6Mode::Auto, _) => Ipv6Plan::Auto,
            (Ipv6Mode::Dhcp, _) => Ipv6Plan::Dhcp,
            (Ipv6Mode::Static, Some(address)) => Ipv6Plan::Static(Assigned {
                address,
                prefix: self.ipv6_prefix.get(),
                gateway: self.ipv6_gateway.0,
            }),
            (Ipv6Mode::Off | Ipv6Mode::Static, _) => Ipv6Plan::Off,
        };
        Some(NetworkPlan {
            interface: self.interface.clone(),
            ipv4,
            ipv6,
            dns_from_dhcp: self.dns_from_dhcp,
            dns: self.dns_servers(),
            search: self.search_domains.clone(),
            link_local: self.zero_configuration && self.ipv4_mode != Ipv4Mode::Off,
            announce: self.announce_hostname.then(|| self.hostname.clone()),
        })
    }

    /// The DNS servers entered by hand, while they count.
    pub fn dns_servers(&self) -> Vec<IpAddr> {
        let entered = [self.dns_preferred.0, self.dns_backup.0];
        let entered = entered.into_iter().flatten();
        entered.filter(|_| !self.dns_from_dhcp).collect()
    }

    /// The values that decide whether the unit can be reached, in force.
    fn reach(&self) -> Option<(String, Ipv4Plan, Ipv6Plan)> {
        self.plan().map(|p| (p.interface, p.ipv4, p.ipv6))
    }

    /// Whether this, after `before`, may make the unit unreachable.
    pub fn is_risky_after(&self, before: &Self) -> bool {
        self.reach() != before.reach()
    }

    /// Whether IPv4 and IPv6 addressing differ from `other`.
    pub(crate) fn differs(&self, other: &Self) -> (bool, bool) {
        match (self.reach(), other.reach()) {
            (Some((i, v4, v6)), Some((j, w4, w6))) if i == j => (v4 != w4, v6 != w6),
            (None, None) => (false, false),
            _ => (true, true),
        }
    }
}

impl Section for NetIp {
    const KEY: &'static str = "net.ip";
    const TITLE: &'static str = "TCP/IP";
    const PAGE: &'static str = "Setting/Network/TCP/IP";
    const WRITE: Permission = Permission::NetworkConfig;
    const ON_RESTORE: Restore = Restore::Keep;

    fn settle(&mut self, before: &Self) {
        self.settle_gateways(before);
    }

    fn check(&self, cx: &CheckContext<'_>, violations: &mut Violations) {
        let name = &self.interface;
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        violations.require(name.len() <= 15 && name.bytes().all(plain), || {
            let reason = "must be at most 15 letters, digits, '.', '_' and '-'";
            Violation::new("/interface", name, reason)
        });
        violations.require(
            self.hostname.is_empty() || is_host_name(&self.hostname),
            || {
                let reason = "must be labels of letters, digits and hyphens, 63 characters at most";
                Violation::new("/hostname", &self.hostname, reason)
            },
        );
        if self.managed {
            if self.ipv4_mode == Ipv4Mode::Static {
                self.check_v4(violations);
            }
            if self.ipv6_mode == Ipv6Mode::Static {
                self.check_v6(violations);
            }
            let reachable = (self.ipv4_mode, self.ipv6_mode) != (Ipv4Mode::Off, Ipv6Mode::Off);
            violations.require(reachable, || {
                let reason = "one of IPv4 and IPv6 must be on";
                Violation::new("/ipv6_mode", "off", reason)
            });
        }
        self.check_waiting(violations);
        self.check_dns(violations);
        self.check_search(violations);
        let before = cx.before.get::<Self>();
        let changes = self.is_risky_after(&before) || self.hostname != before.hostname;
        if cx.touches::<Self>()
            && changes
            && let Err(why) = (cx.network)(self)
        {
            let pointer = if self.hostname == before.hostname {
                "/managed"
            } else {
                "/hostname"
            };
            violations.0.push(Violation::new(pointer, "", why));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::{Actor, Error, testing::uninitialised};

    fn violations(patch: &Value) -> Vec<(String, String, String)> {
        let t = uninitialised();
        match t
            .device
            .settings
            .patch("net.ip", patch, None, &Actor::system())
        {
            Ok(_) => Vec::new(),
            Err(Error::Invalid(v)) => {
                v.0.into_iter()
                    .map(|v| (v.pointer, v.value, v.reason))
                    .collect()
            }
            Err(e) => panic!("{patch}: {e}"),
        }
    }

    fn fixed(address: &str, prefix: Value, gateway: &str) -> Value {
        json!({"managed": true, "ipv4_mode": "static", "ipv4_address": address, "ipv4_prefix": prefix,
            "ipv4_gateway": gateway})
    }

    /// NET-5..9: what is refused is named with its value.
    #[test]
    fn illegal_values_are_named() {
        let v6 = |address: &str, prefix: i64, gateway: &str| {
            json!({"managed": true, "ipv6_mode": "static", "ipv6_address": address, "ipv6_prefix": prefix,
                "ipv6_gateway": gateway})
        };
        for (patch, pointer, value) in [
            (
                fixed("224.0.0.1", 24.into(), ""),
                "/ipv4_address",
                "224.0.0.1",
            ),
            (fixed("0.1.2.3", 8.into(), ""), "/ipv4_address", "0.1.2.3"),
            (
                fixed("127.0.0.1", 8.into(), ""),
                "/ipv4_address",
                "127.0.0.1",
            ),
            (
                fixed("255.255.255.255", 24.into(), ""),
                "/ipv4_address",
                "255.255.255.255",
            ),
            (
                fixed("192.0.2.0", 24.into(), ""),
                "/ipv4_address",
                "192.0.2.0",
            ),
            (
                fixed("192.0.2.255", 24.into(), ""),
                "/ipv4_address",
                "192.0.2.255",
            ),
            (fixed("", 24.into(), ""), "/ipv4_address", ""),
            (
                fixed("192.0.2.9", 24.into(), "192.0.3.1"),
                "/ipv4_gateway",
                "192.0.3.1",
            ),
            (
                fixed("192.0.2.9", 24.into(), "192.0.2.9"),
                "/ipv4_gateway",
                "192.0.2.9",
            ),
            (
                fixed("192.0.2.9", 24.into(), "192.0.2.255"),
                "/ipv4_gateway",
                "192.0.2.255",
            ),
            (
                fixed("192.0.2.9", 32.into(), "192.0.2.1"),
                "/ipv4_gateway",
                "192.0.2.1",
            ),
            (fixed("192.0.2.9", 0.into(), ""), "/ipv4_prefix", "0"),
            (fixed("192.0.2.9", 33.into(), ""), "/ipv4_prefix", "33"),
            (
                fixed("192.0.2.9", "255.0.255.0".into(), ""),
                "/ipv4_prefix",
                "\"255.0.255.0\"",
            ),
            (
                fixed("192.0.2.9", "0.0.0.0".into(), ""),
                "/ipv4_prefix",
                "\"0.0.0.0\"",
            ),
            (
                json!({"ipv4_address": "192.0.2"}),
                "/ipv4_address",
                "\"192.0.2\"",
            ),
            (v6("ff02::1", 64, ""), "/ipv6_address", "ff02::1"),
            (v6("::1", 64, ""), "/ipv6_address", "::1"),
            (v6("fe80::5", 64, ""), "/ipv6_address", "fe80::5"),
            (v6("2001:db8::5", 129, ""), "/ipv6_prefix", "129"),
            (
                v6("2001:db8::5", 64, "2001:db8:1::1"),
                "/ipv6_gateway",
                "2001:db8:1::1",
            ),
            (
                json!({"managed": true, "ipv4_mode": "off", "ipv6_mode": "off"}),
                "/ipv6_mode",
                "off",
            ),
            (
                json!({"dns_preferred": "0.0.0.0"}),
                "/dns_preferred",
                "0.0.0.0",
            ),
            (json!({"dns_backup": "192.0.2.1"}), "/dns_preferred", ""),
            (
                json!({"search_domains": ["a.example", "b c"]}),
                "/search_domains/1",
                "b c",
            ),
            (
                json!({"search_domains": ["a\n[Match]"]}),
                "/search_domains/0",
                "a\n[Match]",
            ),
            (
                json!({"search_domains": ["a", "b", "c", "d", "e", "f", "g"]}),
                "/search_domains",
                "7",
            ),
            (json!({"hostname": "a_b"}), "/hostname", "a_b"),
            (json!({"hostname": "-a"}), "/hostname", "-a"),
            (
                json!({"interface": "eth0\n[Network]"}),
                "/interface",
                "eth0\n[Network]",
            ),
            (json!({"confirm_within_s": 9}), "/confirm_within_s", "9"),
        ] {
            let found = violations(&patch);
            assert_eq!(
                found.first().map(|(p, v, _)| (p.as_str(), v.as_str())),
                Some((pointer, value)),
                "{patch}: {found:?}"
            );
        }
        for fine in [
            fixed("192.0.2.9", "255.255.255.0".into(), "192.0.2.1"),
            fixed("10.0.0.0", 31.into(), "10.0.0.1"),
            fixed("192.0.2.9", 32.into(), ""),
            v6("2001:db8::5", 64, "fe80::1"),
            json!({"dns_from_dhcp": false, "dns_preferred": "2001:db8::53", "dns_backup": "192.0.2.1"}),
            json!({"hostname": "gate-1.site"}),
            json!({"search_domains": ["site.example", "example"]}),
        ] {
            assert_eq!(violations(&fine), [], "{fine}");
        }
    }

    proptest! {
        /// A mask and its prefix are the same; every other mask is refused.
        #[test]
        fn masks_are_contiguous(bits in any::<u32>(), n in 1i64..=32) {
            let prefix = Ipv4Prefix::try_from(n).unwrap();
            prop_assert_eq!(prefix.mask().to_string().parse(), Ok(prefix));
            let mask = Ipv4Addr::from(bits);
            match mask.to_string().parse::<Ipv4Prefix>() {
                Ok(prefix) => prop_assert_eq!(prefix.mask(), mask),
                Err(_) => prop_assert!(bits == 0 || (bits | (bits - 1)) != u32::MAX),
            }
        }

        /// What is accepted makes a plan whose gateway is in the segment of the address, and neither is net nor
        /// broadcast; hostile texts are read or refused.
        #[test]
        fn accepted_addresses_are_hosts(a in any::<u32>(), g in any::<u32>(), near in any::<bool>(), n in 1i64..=32, text in ".{0,40}") {
            let gateway = if near { (a & !0xFF) | (g & 0xFF) } else { g };
            let (a, gateway) = (Ipv4Addr::from(a), Ipv4Addr::from(gateway));
            let patch = fixed(&a.to_string(), n.into(), &gateway.to_string());
            if violations(&patch).is_empty() {
                let mask = u32::MAX << (32 - n);
                prop_assert_eq!(u32::from(a) & mask, u32::from(gateway) & mask);
                prop_assert!(a != gateway && !a.is_loopback() && !a.is_multicast() && !a.is_broadcast());
                if n < 31 {
                    prop_assert!(![0, !mask].contains(&(u32::from(a) & !mask)));
                    prop_assert!(![0, !mask].contains(&(u32::from(gateway) & !mask)));
                }
            }
            let hostile = json!({"interface": text, "hostname": text, "ipv4_address": text, "ipv4_prefix": text,
                "dns_preferred": text});
            for (pointer, _, reason) in violations(&hostile) {
                prop_assert!(!pointer.is_empty() && !reason.is_empty());
            }
        }

        #[test]
        fn host_names_are_safe_for_configuration_files(text in "[a-zA-Z0-9.\\-_ =\n\"\\[]{0,70}") {
            if is_host_name(&text) {
                prop_assert!(text.len() <= 63 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.'));
            }
        }
    }
}
