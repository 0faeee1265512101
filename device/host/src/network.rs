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

    fn ntp_servers(&self) -> Vec<String> {
        let mut all = Vec::new();
        for file in ["/etc/chrony/chrony.conf", "/etc/systemd/timesyncd.conf"] {
            all.extend(ntp_servers(&fs::read_to_string(file).unwrap_or_default()));
        }
        all
    }

    fn posix_time_zone(&self) -> String {
        fs::read(Path::new("/etc/localtime"))
            .ok()
            .and_then(|f| time_zone_footer(&f))
            .unwrap_or_else(|| "UTC0".into())
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

/// `server`/`pool` lines of chrony, `NTP=` lines of systemd-timesyncd.
fn ntp_servers(conf: &str) -> Vec<String> {
    let mut out = Vec::new();
    for line in conf.lines().map(str::trim) {
        if let Some(list) = line.strip_prefix("NTP=") {
            out.extend(list.split_whitespace().map(String::from));
        } else if let Some(("server" | "pool", rest)) = line.split_once(char::is_whitespace) {
            out.extend(rest.split_whitespace().next().map(String::from));
        }
    }
    out
}

/// The POSIX time zone at the end of a TZif file of version 2 or later (RFC 8536 section 3.3).
fn time_zone_footer(tzif: &[u8]) -> Option<String> {
    if !tzif.starts_with(b"TZif") {
        return None;
    }
    let body = tzif.strip_suffix(b"\n")?;
    let start = body.iter().rposition(|b| *b == b'\n')? + 1;
    let text = std::str::from_utf8(&body[start..]).ok()?;
    (!text.is_empty() && text.len() < 64 && text.bytes().all(|b| b.is_ascii_graphic()))
        .then(|| text.to_owned())
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
        assert_eq!(
            ntp_servers(
                "pool a.example iburst\n#server c\nserver b.example\nNTP=d.example e.example\n"
            ),
            ["a.example", "b.example", "d.example", "e.example"]
        );
    }

    #[test]
    fn finds_the_time_zone_and_survives_garbage() {
        assert_eq!(
            time_zone_footer(b"TZif2....\nCET-1CEST,M3.5.0,M10.5.0/3\n").as_deref(),
            Some("CET-1CEST,M3.5.0,M10.5.0/3")
        );
        for bad in [
            &b""[..],
            b"TZif",
            b"TZif2\n\n",
            b"TZif\n\xFF\n",
            b"nonsense\nUTC0\n",
        ] {
            assert_eq!(time_zone_footer(bad), None);
        }
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
