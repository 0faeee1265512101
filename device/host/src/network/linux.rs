use std::{
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::Path,
};

use platecam_model::ports::{Interface, Network};

/// The network of this Linux host, read from the kernel and the usual configuration files.
#[derive(Clone, Copy, Debug, Default)]
pub struct LinuxNetwork;

impl Network for LinuxNetwork {
    fn interfaces(&self) -> Vec<Interface> {
        let addresses = if_addrs::get_if_addrs().unwrap_or_default();
        let unusable = unusable_v6(&read("/proc/net/if_inet6"));
        let mut out: Vec<Interface> = Vec::new();
        for a in addresses {
            if unusable.contains(&(a.name.clone(), a.ip())) {
                continue;
            }
            let prefix = match &a.addr {
                if_addrs::IfAddr::V4(v4) => u32::from(v4.netmask).leading_ones(),
                if_addrs::IfAddr::V6(v6) => u128::from(v6.netmask).leading_ones(),
            };
            let address = (a.ip(), prefix as u8);
            match out.iter_mut().find(|i| i.name == a.name) {
                Some(known) => known.addresses.push(address),
                None => out.push(Interface {
                    mac: sys(&a.name, "address")
                        .filter(|m| m != "00:00:00:00:00:00")
                        .unwrap_or_default(),
                    mtu: sys(&a.name, "mtu")
                        .and_then(|m| m.parse().ok())
                        .unwrap_or(0),
                    up: sys(&a.name, "operstate").is_none_or(|s| s != "down"),
                    loopback: a.is_loopback(),
                    addresses: vec![address],
                    name: a.name,
                }),
            }
        }
        // Whoever takes the first one means that of the network.
        for i in &mut out {
            i.addresses.sort_by_key(|(ip, _)| match ip {
                IpAddr::V4(ip) => ip.is_link_local(),
                IpAddr::V6(ip) => ip.is_unicast_link_local(),
            });
        }
        out
    }

    fn hostname(&self) -> String {
        let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let name = name.trim();
        if name.is_empty() {
            "platecam".into()
        } else {
            name.into()
        }
    }

    fn dns_servers(&self) -> Vec<IpAddr> {
        let servers = dns_servers(&read("/etc/resolv.conf"));
        // systemd-resolved names itself there, and whom it asks elsewhere.
        let asked = dns_servers(&read("/run/systemd/resolve/resolv.conf"));
        if !asked.is_empty() && servers.iter().all(IpAddr::is_loopback) {
            return asked;
        }
        servers
    }

    fn gateways(&self) -> Vec<IpAddr> {
        let mut all: Vec<IpAddr> = Vec::new();
        let v4 = routes(&read("/proc/net/route"));
        let v6 = routes_v6(&read("/proc/net/ipv6_route"));
        for gateway in v4.into_iter().chain(v6).filter_map(|(_, gateway)| gateway) {
            if !all.contains(&gateway) {
                all.push(gateway);
            }
        }
        all
    }
}

fn sys(interface: &str, file: &str) -> Option<String> {
    let text = fs::read_to_string(Path::new("/sys/class/net").join(interface).join(file)).ok()?;
    Some(text.trim().to_owned())
}

fn dns_servers(resolv_conf: &str) -> Vec<IpAddr> {
    let server = |line: &str| line.trim().strip_prefix("nameserver")?.trim().parse().ok();
    resolv_conf.lines().filter_map(server).collect()
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// Addresses of an interface with their prefix lengths.
pub(super) fn addresses(interface: &str) -> Vec<(IpAddr, u8)> {
    let all = LinuxNetwork.interfaces();
    let found = all.into_iter().find(|i| i.name == interface);
    found.map(|i| i.addresses).unwrap_or_default()
}

/// Whether the interface has a carrier.
pub(super) fn is_up(interface: &str) -> bool {
    sys(interface, "carrier").is_some_and(|c| c == "1")
}

/// The interface of the default route; without one the first with a hardware address, by name.
pub(crate) fn main_interface() -> Option<String> {
    let routes = [
        routes(&read("/proc/net/route")),
        routes_v6(&read("/proc/net/ipv6_route")),
    ];
    if let Some((name, _)) = routes.into_iter().flatten().next() {
        return Some(name);
    }
    let all = fs::read_dir("/sys/class/net").ok()?;
    let mut names: Vec<String> = all
        .filter_map(|e| e.ok()?.file_name().into_string().ok())
        // Ethernet.
        .filter(|name| sys(name, "type").is_some_and(|t| t == "1"))
        .collect();
    // Real hardware before bridges and the like.
    names.sort_by_key(|n| {
        (
            !Path::new("/sys/class/net").join(n).join("device").exists(),
            n.clone(),
        )
    });
    names.into_iter().next()
}

/// Default routes of `/proc/net/route` with interface and gateway: destination and mask zero; numbers are
/// little-endian hex.
fn routes(route: &str) -> Vec<(String, Option<IpAddr>)> {
    let default = |line: &str| {
        let columns: Vec<_> = line.split_whitespace().collect();
        let (destination, gateway, mask) = (columns.get(1)?, columns.get(2)?, columns.get(7)?);
        if *destination != "00000000" || *mask != "00000000" {
            return None;
        }
        let n = u32::from_str_radix(gateway, 16).ok()?;
        let gateway = (n != 0).then(|| IpAddr::V4(Ipv4Addr::from(n.to_le_bytes())));
        Some(((*columns.first()?).to_owned(), gateway))
    };
    route.lines().skip(1).filter_map(default).collect()
}

/// Addresses of `/proc/net/if_inet6` by interface that nobody can reach: not yet known to be the only ones in their
/// network, or known not to be (RFC 4862 §5.4).
fn unusable_v6(if_inet6: &str) -> Vec<(String, IpAddr)> {
    const DAD_FAILED: u32 = 0x08;
    const TENTATIVE: u32 = 0x40;
    let one = |line: &str| {
        let columns: Vec<_> = line.split_whitespace().collect();
        let (address, flags, name) = (columns.first()?, columns.get(4)?, columns.get(5)?);
        let flags = u32::from_str_radix(flags, 16).ok()?;
        let address = u128::from_str_radix(address, 16).ok()?;
        let unusable = flags & (DAD_FAILED | TENTATIVE) != 0;
        unusable.then(|| ((*name).to_owned(), IpAddr::V6(Ipv6Addr::from(address))))
    };
    if_inet6.lines().filter_map(one).collect()
}

/// Default routes of `/proc/net/ipv6_route`; numbers are hex in network order.
fn routes_v6(route: &str) -> Vec<(String, Option<IpAddr>)> {
    let default = |line: &str| {
        let columns: Vec<_> = line.split_whitespace().collect();
        let (destination, bits, next) = (columns.first()?, columns.get(1)?, columns.get(4)?);
        let name = columns.get(9)?;
        // The kernel's own route to nowhere is on the loopback.
        if destination.bytes().any(|b| b != b'0') || *bits != "00" || *name == "lo" {
            return None;
        }
        let n = u128::from_str_radix(next, 16).ok()?;
        let gateway = (n != 0).then(|| IpAddr::V6(Ipv6Addr::from(n)));
        Some(((*name).to_owned(), gateway))
    };
    route.lines().filter_map(default).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_kernels_and_daemons_files() {
        assert_eq!(
            dns_servers(
                "# x\nnameserver 192.0.2.1\nsearch a\nnameserver 2001:db8::1\nnameserver x\n"
            ),
            [
                "192.0.2.1".parse::<IpAddr>().unwrap(),
                "2001:db8::1".parse().unwrap()
            ]
        );
        let route = "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT\n\
                     eth0 00000000 010200C0 0003 0 0 0 00000000 0 0 0\n\
                     eth0 000200C0 00000000 0001 0 0 0 00FFFFFF 0 0 0\n";
        let gateway = |text: &str| Some(text.parse::<IpAddr>().unwrap());
        assert_eq!(routes(route), [("eth0".into(), gateway("192.0.2.1"))]);
        let zero = "0".repeat(32);
        let route = format!(
            "20010db8000000000000000000000000 40 {zero} 00 {zero} 00000100 00000001 00000000 00000001 eth0\n\
             {zero} 00 {zero} 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003 eth0\n\
             {zero} 00 {zero} 00 {zero} ffffffff 00000001 00000000 00200200 lo\n"
        );
        assert_eq!(routes_v6(&route), [("eth0".into(), gateway("fe80::1"))]);
        assert!(routes("x").is_empty() && routes_v6("x y z").is_empty());
        let addresses = "20010db8000000000000000000000010 02 40 00 80     eth0\n\
                         20010db8000000000000000000000011 02 40 00 c0     eth0\n\
                         20010db8000000000000000000000012 02 40 00 88     eth0\n\
                         00000000000000000000000000000001 01 80 10 80       lo\nx\n";
        let unusable = |last: &str| ("eth0".into(), last.parse().unwrap());
        assert_eq!(
            unusable_v6(addresses),
            [unusable("2001:db8::11"), unusable("2001:db8::12")],
            "being tested, and found twice"
        );
    }

    #[test]
    fn this_host_has_a_loopback() {
        let all = LinuxNetwork.interfaces();
        let lo = all
            .iter()
            .find(|i| i.loopback)
            .expect("every Linux has one");
        assert!(lo.addresses.contains(&(IpAddr::V4(Ipv4Addr::LOCALHOST), 8)));
        assert!(!LinuxNetwork.hostname().is_empty());
    }
}
