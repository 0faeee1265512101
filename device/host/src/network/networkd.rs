//! systemd-networkd: one drop-in of ours below a file that matches nothing without it.

use std::{
    fmt::Write,
    fs, io,
    net::IpAddr,
    path::Path,
    time::{Duration, Instant},
};

use platecam_model::ports::{Ipv4Plan, Ipv6Plan, Lease, NetworkPlan};

use super::{
    command::run,
    linux::{addresses, is_up},
};
use crate::state_dir::write_atomic;

/// Before the files that images bring: the first that matches an interface counts.
const FILE: &str = "05-platecam.network";
/// Where networkd looks for it besides the folder of the machine.
const ELSEWHERE: [&str; 2] = ["/usr/lib/systemd/network", "/lib/systemd/network"];
/// The file without its drop-in.
const EMPTY: &str = "# Settings of the camera are in 05-platecam.network.d; without them this is for no interface.\n[Match]\nName=platecam-none\n";
/// A static address is there within this time, or the host does not take it.
const UP_WITHIN: Duration = Duration::from_secs(15);
/// networkd begins anew when it is told so, and takes the addresses away for a moment.
const STAYS_FOR: Duration = Duration::from_millis(800);

pub(super) struct Networkd<'a> {
    pub(super) folder: &'a Path,
}

impl Networkd<'_> {
    fn drop_in(&self) -> std::path::PathBuf {
        self.folder.join(format!("{FILE}.d")).join("settings.conf")
    }

    /// The interface that the drop-in is for.
    pub(super) fn interface(&self) -> Option<String> {
        let text = fs::read_to_string(self.drop_in()).ok()?;
        let names = text.lines().filter_map(|l| l.strip_prefix("Name="));
        let mut named = names.filter(|n| !n.is_empty());
        named.next_back().map(str::to_owned)
    }

    pub(super) fn apply(&self, interface: &str, plan: &NetworkPlan) -> Result<(), String> {
        let (file, before) = (self.drop_in(), self.interface());
        let text = drop_in(interface, plan);
        let same = fs::read_to_string(&file).is_ok_and(|old| old == text);
        if !same || !has_static(interface, plan) {
            self.put_file()?;
            let at = |e: io::Error| format!("{}: {e}", file.display());
            if let Some(folder) = file.parent() {
                fs::create_dir_all(folder).map_err(at)?;
            }
            write_atomic(&file, text.as_bytes(), 0o644).map_err(at)?;
            run("networkctl", &["reload"])?;
            if let Some(other) = before.filter(|b| b != interface) {
                run("networkctl", &["reconfigure", &other])?;
            }
            run("networkctl", &["reconfigure", interface])?;
            return came_up(interface, plan);
        }
        Ok(())
    }

    pub(super) fn release(&self) -> Result<(), String> {
        let Some(interface) = self.interface() else {
            return Ok(());
        };
        let file = self.drop_in();
        fs::remove_file(&file).map_err(|e| format!("{}: {e}", file.display()))?;
        run("networkctl", &["reload"])?;
        run("networkctl", &["reconfigure", &interface]).map(drop)
    }

    /// The package brings the file; who runs the camera without it is root.
    fn put_file(&self) -> Result<(), String> {
        let own = self.folder.join(FILE);
        let there = ELSEWHERE.iter().map(|d| Path::new(d).join(FILE));
        if std::iter::once(own.clone())
            .chain(there)
            .any(|f| f.exists())
        {
            return Ok(());
        }
        write_atomic(&own, EMPTY.as_bytes(), 0o644).map_err(|e| format!("{}: {e}", own.display()))
    }
}

/// Whether the static addresses of the plan are there.
pub(super) fn has_static(interface: &str, plan: &NetworkPlan) -> bool {
    let now = addresses(interface);
    let v4 = match plan.ipv4 {
        Ipv4Plan::Static(a) => now.contains(&(IpAddr::V4(a.address), a.prefix)),
        Ipv4Plan::Dhcp | Ipv4Plan::Off => true,
    };
    let v6 = match plan.ipv6 {
        Ipv6Plan::Static(a) => now.contains(&(IpAddr::V6(a.address), a.prefix)),
        Ipv6Plan::Auto | Ipv6Plan::Dhcp | Ipv6Plan::Off => true,
    };
    v4 && v6
}

/// Waits for the static addresses.
pub(super) fn came_up(interface: &str, plan: &NetworkPlan) -> Result<(), String> {
    let end = Instant::now() + UP_WITHIN;
    let mut there_since = None;
    loop {
        if has_static(interface, plan) {
            let since = *there_since.get_or_insert_with(Instant::now);
            if since.elapsed() >= STAYS_FOR {
                return Ok(());
            }
        } else {
            there_since = None;
            if !is_up(interface) {
                // Without a cable nothing can be tried, but nothing is wrong with it either.
                return Ok(());
            }
            if Instant::now() >= end {
                return Err(format!("the address did not come up on {interface}"));
            }
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn yes(flag: bool) -> &'static str {
    if flag { "yes" } else { "no" }
}

/// The drop-in for a plan. Every value was checked to fit into a line.
fn drop_in(interface: &str, plan: &NetworkPlan) -> String {
    let (v4, v6) = (plan.ipv4 == Ipv4Plan::Dhcp, plan.ipv6 == Ipv6Plan::Dhcp);
    let dhcp = match (v4, v6) {
        (true, true) => "yes",
        (true, false) => "ipv4",
        (false, true) => "ipv6",
        (false, false) => "no",
    };
    let on6 = plan.ipv6 != Ipv6Plan::Off;
    let routed = matches!(plan.ipv6, Ipv6Plan::Auto | Ipv6Plan::Dhcp);
    let mut text = format!(
        "# Written by Platecam from its settings (net.ip); changes are lost.\n\
         [Match]\nName=\nName={interface}\n\n\
         [Network]\nDHCP={dhcp}\nLinkLocalAddressing={}\nIPv6AcceptRA={}\n",
        match (plan.link_local, on6) {
            (true, true) => "yes",
            (true, false) => "ipv4",
            (false, true) => "ipv6",
            (false, false) => "no",
        },
        yes(routed),
    );
    let mut line = |key: &str, value: String| {
        // Writing to a text cannot fail.
        let _ = writeln!(text, "{key}={value}");
    };
    if let Ipv4Plan::Static(a) = plan.ipv4 {
        line("Address", format!("{}/{}", a.address, a.prefix));
        if let Some(gateway) = a.gateway {
            line("Gateway", gateway.to_string());
        }
    }
    if let Ipv6Plan::Static(a) = plan.ipv6 {
        line("Address", format!("{}/{}", a.address, a.prefix));
        if let Some(gateway) = a.gateway {
            line("Gateway", gateway.to_string());
        }
    }
    for server in &plan.dns {
        line("DNS", server.to_string());
    }
    if !plan.search.is_empty() {
        line("Domains", plan.search.join(" "));
    }
    let dns = yes(plan.dns_from_dhcp);
    let _ = write!(
        text,
        "\n[DHCPv4]\nUseDNS={dns}\nUseHostname=no\nSendHostname={}\n",
        yes(plan.announce.is_some())
    );
    if let Some(name) = plan.announce.as_deref().filter(|n| !n.is_empty()) {
        let _ = writeln!(text, "Hostname={name}");
    }
    let _ = write!(text, "\n[DHCPv6]\nUseDNS={dns}\n");
    if v6 {
        let _ = writeln!(text, "WithoutRA=solicit");
    }
    let _ = write!(text, "\n[IPv6AcceptRA]\nUseDNS={dns}\n");
    text
}

/// A lease as networkd keeps it.
pub(super) fn lease(text: &str) -> Lease {
    let value = |key: &str| {
        let mut lines = text.lines();
        lines.find_map(|l| l.strip_prefix(key)?.strip_prefix('='))
    };
    let all = |key| -> Vec<IpAddr> {
        let words = value(key).unwrap_or_default().split_whitespace();
        words.filter_map(|w| w.parse().ok()).collect()
    };
    let one = |key| value(key)?.parse().ok();
    Lease {
        server: one("SERVER_ADDRESS"),
        address: one("ADDRESS"),
        lifetime_s: value("LIFETIME").and_then(|n| n.parse().ok()),
        routers: all("ROUTER"),
        dns: all("DNS"),
        ntp: all("NTP"),
        hostname: value("HOSTNAME").map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use platecam_model::ports::Assigned;

    use super::*;

    fn plan() -> NetworkPlan {
        NetworkPlan {
            interface: String::new(),
            ipv4: Ipv4Plan::Static(Assigned {
                address: [192, 0, 2, 77].into(),
                prefix: 24,
                gateway: Some([192, 0, 2, 1].into()),
            }),
            ipv6: Ipv6Plan::Off,
            dns_from_dhcp: false,
            dns: vec![[192, 0, 2, 53].into()],
            search: vec!["site.example".into(), "example".into()],
            link_local: true,
            announce: Some("gate-1".into()),
        }
    }

    #[test]
    fn plans_become_drop_ins() {
        let text = drop_in("eth0", &plan());
        for line in [
            "Name=\nName=eth0\n",
            "DHCP=no\nLinkLocalAddressing=ipv4\nIPv6AcceptRA=no\nAddress=192.0.2.77/24\nGateway=192.0.2.1\nDNS=192.0.2.53\nDomains=site.example example\n",
            "UseDNS=no\nUseHostname=no\nSendHostname=yes\nHostname=gate-1\n",
        ] {
            assert!(text.contains(line), "{text}");
        }
        let automatic = NetworkPlan {
            ipv4: Ipv4Plan::Dhcp,
            ipv6: Ipv6Plan::Dhcp,
            dns_from_dhcp: true,
            dns: Vec::new(),
            search: Vec::new(),
            link_local: false,
            announce: None,
            ..plan()
        };
        let text = drop_in("eth0", &automatic);
        assert!(text.contains("DHCP=yes\nLinkLocalAddressing=ipv6\nIPv6AcceptRA=yes\n"));
        assert!(
            text.contains("SendHostname=no\n") && text.contains("WithoutRA=solicit"),
            "{text}"
        );
    }

    #[test]
    fn leases_are_read() {
        let text = "# This is private data. Do not parse.\nADDRESS=192.0.2.100\nROUTER=192.0.2.1\n\
            SERVER_ADDRESS=192.0.2.2\nLIFETIME=3600\nDNS=192.0.2.53 192.0.2.54\nNTP=192.0.2.9\nHOSTNAME=gate-9\n";
        let lease = lease(text);
        assert_eq!(lease.address, Some([192, 0, 2, 100].into()));
        assert_eq!(
            (lease.lifetime_s, lease.dns.len(), lease.ntp.len()),
            (Some(3600), 2, 1)
        );
        assert_eq!(lease.hostname.as_deref(), Some("gate-9"));
        assert_eq!(super::lease(""), Lease::default());
    }
}
