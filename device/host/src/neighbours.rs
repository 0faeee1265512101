//! The kernel's table of hardware addresses behind [`platecam_model::ports::Neighbours`] (SEC-13).

use std::{
    fs,
    net::Ipv4Addr,
    path::PathBuf,
    process::{Command, Stdio},
};

use platecam_model::{
    Error, Result,
    ports::{Gateway, MacAddress, Neighbour, Neighbours},
};

use crate::HostMode;

/// Flag of an entry that nothing from the network changes (`ATF_PERM`, linux/if_arp.h).
const PERMANENT: u32 = 0x04;
/// Flag of an entry with a known address (`ATF_COM`).
const COMPLETE: u32 = 0x02;

/// This machine's neighbours: read from `/proc`, changed by iproute2's `ip`.
#[derive(Debug)]
pub struct LinuxNeighbours {
    mode: HostMode,
    proc_net: PathBuf,
    /// Program and what goes before its words.
    ip: Vec<String>,
}

impl LinuxNeighbours {
    /// Changes the machine only in [`HostMode::System`].
    pub fn new(mode: HostMode) -> Self {
        Self::within(mode, "/proc/net".into(), vec!["ip".into()])
    }

    /// The same for the network whose files are in `proc_net`, into which `ip` leads; for tests.
    pub fn within(mode: HostMode, proc_net: PathBuf, ip: Vec<String>) -> Self {
        Self { mode, proc_net, ip }
    }

    fn neigh(&self, words: &[&str]) -> Result<()> {
        self.changeable()?;
        let (program, before) = self
            .ip
            .split_first()
            .ok_or_else(|| Error::internal("no program to change neighbours"))?;
        let out = Command::new(program)
            .args(before)
            .arg("neigh")
            .args(words)
            .stdin(Stdio::null())
            .output()
            .map_err(|e| Error::internal(format!("{program}: {e}")))?;
        if out.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&out.stderr);
        let words = words.join(" ");
        Err(Error::internal(format!(
            "ip neigh {words}: {}",
            said.trim()
        )))
    }
}

impl Neighbours for LinuxNeighbours {
    fn changeable(&self) -> Result<()> {
        if self.mode == HostMode::System {
            return Ok(());
        }
        let why = "the network belongs to this machine; start with --host system to let the camera bind its gateway";
        Err(Error::Unsupported(why.into()))
    }

    fn gateway(&self) -> Option<Gateway> {
        let routes = fs::read_to_string(self.proc_net.join("route")).ok()?;
        default_route(&routes)
    }

    fn look(&self, gateway: &Gateway) -> Result<Option<Neighbour>> {
        let path = self.proc_net.join("arp");
        let table = fs::read_to_string(&path)
            .map_err(|e| Error::internal(format!("{}: {e}", path.display())))?;
        Ok(entry(&table, gateway))
    }

    fn bind(&self, gateway: &Gateway, mac: MacAddress) -> Result<()> {
        let (address, mac) = (gateway.address.to_string(), mac.to_string());
        let dev = gateway.interface.as_str();
        self.neigh(&[
            "replace",
            &address,
            "lladdr",
            &mac,
            "dev",
            dev,
            "nud",
            "permanent",
        ])
    }

    fn release(&self, gateway: &Gateway) -> Result<()> {
        let address = gateway.address.to_string();
        self.neigh(&["del", &address, "dev", &gateway.interface])
    }
}

/// The default route of `/proc/net/route` with the smallest metric; addresses are little-endian hex.
fn default_route(routes: &str) -> Option<Gateway> {
    let route = |line: &str| {
        let c: Vec<_> = line.split_whitespace().collect();
        let is_default = *c.get(1)? == "00000000" && *c.get(7)? == "00000000";
        let n = u32::from_str_radix(c.get(2)?, 16).ok();
        let n = n.filter(|n| is_default && *n != 0)?;
        let metric: u32 = c.get(6)?.parse().ok()?;
        let gateway = Gateway {
            address: Ipv4Addr::from(n.to_le_bytes()),
            interface: (*c.first()?).to_owned(),
        };
        Some((metric, gateway))
    };
    let all = routes.lines().skip(1).filter_map(route);
    all.min_by_key(|(metric, _)| *metric).map(|(_, g)| g)
}

/// The entry of `/proc/net/arp` for the gateway.
fn entry(table: &str, gateway: &Gateway) -> Option<Neighbour> {
    table.lines().skip(1).find_map(|line| {
        let c: Vec<_> = line.split_whitespace().collect();
        let is = c.first()?.parse() == Ok(gateway.address) && *c.last()? == gateway.interface;
        let flags = u32::from_str_radix(c.get(2)?.strip_prefix("0x")?, 16).ok()?;
        let mac = c.get(3)?.parse().ok()?;
        (is && flags & COMPLETE != 0).then_some(Neighbour {
            mac,
            permanent: flags & PERMANENT != 0,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_kernels_tables() {
        let routes = "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT\n\
             wlan0 00000000 010200C0 0003 0 0 600 00000000 0 0 0\n\
             eth0 00000000 FE6433C6 0003 0 0 100 00000000 0 0 0\n\
             eth0 006433C6 00000000 0001 0 0 0 00FFFFFF 0 0 0\n";
        let gateway = default_route(routes).unwrap();
        assert_eq!(gateway.address.to_string(), "198.51.100.254");
        assert_eq!(gateway.interface, "eth0");
        let arp = "IP address       HW type     Flags       HW address            Mask     Device\n\
             198.51.100.254   0x1         0x2         02:00:5e:00:00:09     *        wlan0\n\
             198.51.100.254   0x1         0x6         02:00:5e:00:00:01     *        eth0\n\
             198.51.100.7     0x1         0x0         00:00:00:00:00:00     *        eth0\n";
        let found = entry(arp, &gateway).unwrap();
        assert!(found.permanent);
        assert_eq!(found.mac.to_string(), "02:00:5e:00:00:01");
        let silent = Gateway {
            address: Ipv4Addr::new(198, 51, 100, 7),
            ..gateway.clone()
        };
        assert_eq!(entry(arp, &silent), None);
        assert_eq!(default_route(""), None);
        assert_eq!(entry("x\ny z\n", &gateway), None);
    }

    #[test]
    fn an_observer_changes_nothing() {
        let n =
            LinuxNeighbours::within(HostMode::Observe, "/proc/net".into(), vec!["/none".into()]);
        let gateway = Gateway {
            address: Ipv4Addr::new(192, 0, 2, 1),
            interface: "eth0".into(),
        };
        for refused in [
            n.release(&gateway),
            n.bind(&gateway, "02:00:5e:00:00:01".parse().unwrap()),
        ] {
            let Err(Error::Unsupported(why)) = refused else {
                panic!("{refused:?}")
            };
            assert!(why.contains("--host system"), "{why}");
        }
    }
}
