use std::{
    fs,
    net::{IpAddr, Ipv4Addr},
    path::Path,
};

use platecam_model::ports::{Interface, Network};

/// The network of this Linux host, read from the kernel and the usual configuration files.
#[derive(Clone, Copy, Debug, Default)]
pub struct LinuxNetwork;

impl Network for LinuxNetwork {
    fn interfaces(&self) -> Vec<Interface> {
        let addresses = if_addrs::get_if_addrs().unwrap_or_default();
        let mut out: Vec<Interface> = Vec::new();
        for a in addresses {
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
        dns_servers(&fs::read_to_string("/etc/resolv.conf").unwrap_or_default())
    }

    fn gateways(&self) -> Vec<IpAddr> {
        gateways(&fs::read_to_string("/proc/net/route").unwrap_or_default())
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

/// Default routes of `/proc/net/route`: destination and mask zero; numbers are little-endian hex.
fn gateways(route: &str) -> Vec<IpAddr> {
    let gateway = |line: &str| {
        let columns: Vec<_> = line.split_whitespace().collect();
        let (destination, gateway, mask) = (columns.get(1)?, columns.get(2)?, columns.get(7)?);
        if *destination != "00000000" || *mask != "00000000" {
            return None;
        }
        let n = u32::from_str_radix(gateway, 16).ok().filter(|n| *n != 0)?;
        Some(IpAddr::V4(Ipv4Addr::from(n.to_le_bytes())))
    };
    route.lines().skip(1).filter_map(gateway).collect()
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
        assert_eq!(gateways(route), ["192.0.2.1".parse::<IpAddr>().unwrap()]);
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
