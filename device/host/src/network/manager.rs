//! NetworkManager: one profile of ours, preferred to the machine's own.

use std::net::IpAddr;

use platecam_model::ports::{Ipv4Plan, Ipv6Plan, Lease, NetworkPlan};
use sha2::{Digest, Sha256};

use super::{
    command::{ask, run},
    networkd::came_up,
};

/// What the name of our profile begins with.
const PREFIX: &str = "platecam-";
/// nmcli's exit status when the activation goes on after the time to wait.
const STILL_TRYING: i32 = 3;

/// Whether NetworkManager has this interface.
pub(super) fn has(interface: &str) -> bool {
    let words = ["-g", "GENERAL.STATE", "device", "show", interface];
    run("nmcli", &words).is_ok_and(|state| !state.starts_with("10 "))
}

/// Our profile, if there is one: its name tells its plan.
fn profile() -> Option<String> {
    let all = run("nmcli", &["-g", "NAME", "connection", "show"]).ok()?;
    all.lines()
        .find(|n| n.starts_with(PREFIX))
        .map(str::to_owned)
}

pub(super) fn apply(interface: &str, plan: &NetworkPlan) -> Result<(), String> {
    let properties = properties(plan);
    let name = name(interface, &properties);
    let known = profile();
    let active = run(
        "nmcli",
        &["-g", "GENERAL.CONNECTION", "device", "show", interface],
    );
    if known.as_ref() == Some(&name) && active.is_ok_and(|a| a.trim() == name) {
        return Ok(());
    }
    let mut words = match &known {
        Some(old) => vec!["connection", "modify", old],
        None => vec!["connection", "add", "type", "ethernet"],
    };
    words.extend([
        "connection.id",
        &name,
        "connection.interface-name",
        interface,
    ]);
    words.extend(["connection.autoconnect-priority", "100"]);
    for (key, value) in &properties {
        words.extend([*key, value.as_str()]);
    }
    run("nmcli", &words)?;
    let up = [
        "--wait",
        "10",
        "connection",
        "up",
        &name,
        "ifname",
        interface,
    ];
    let said = ask("nmcli", &up)?;
    if ![0, STILL_TRYING].contains(&said.code) {
        return Err(format!(
            "nmcli connection up: {} {}",
            said.out.trim(),
            said.err.trim()
        ));
    }
    came_up(interface, plan)
}

pub(super) fn release() -> Result<(), String> {
    let Some(profile) = profile() else {
        return Ok(());
    };
    // The machine's own profile comes up by itself.
    run("nmcli", &["connection", "delete", &profile]).map(drop)
}

/// The profile's name; it tells one plan from another.
fn name(interface: &str, properties: &[(&str, String)]) -> String {
    let digest = Sha256::digest(format!("{interface} {properties:?}"));
    format!("{PREFIX}{}", hex::encode(&digest[..8]))
}

fn joined(servers: &[IpAddr], v4: bool) -> String {
    let servers = servers.iter().filter(|s| s.is_ipv4() == v4);
    let servers: Vec<String> = servers.map(ToString::to_string).collect();
    servers.join(",")
}

/// The properties of a plan; all of them are always given, so that none stays of an earlier one.
fn properties(plan: &NetworkPlan) -> Vec<(&'static str, String)> {
    let (method4, address4, gateway4) = match plan.ipv4 {
        Ipv4Plan::Off => ("disabled", String::new(), String::new()),
        Ipv4Plan::Dhcp => ("auto", String::new(), String::new()),
        Ipv4Plan::Static(a) => (
            "manual",
            format!("{}/{}", a.address, a.prefix),
            a.gateway.map(|g| g.to_string()).unwrap_or_default(),
        ),
    };
    let (method6, address6, gateway6) = match plan.ipv6 {
        Ipv6Plan::Off => ("disabled", String::new(), String::new()),
        Ipv6Plan::Auto => ("auto", String::new(), String::new()),
        Ipv6Plan::Dhcp => ("dhcp", String::new(), String::new()),
        Ipv6Plan::Static(a) => (
            "manual",
            format!("{}/{}", a.address, a.prefix),
            a.gateway.map(|g| g.to_string()).unwrap_or_default(),
        ),
    };
    let word = |flag: bool| if flag { "yes" } else { "no" }.to_owned();
    // Servers of a family that is off are refused.
    let dns = |v4, method| match method {
        "disabled" => String::new(),
        _ => joined(&plan.dns, v4),
    };
    let search = |method| match method {
        "disabled" => String::new(),
        _ => plan.search.join(","),
    };
    vec![
        ("ipv4.method", method4.into()),
        ("ipv4.addresses", address4),
        ("ipv4.gateway", gateway4),
        ("ipv4.dns", dns(true, method4)),
        ("ipv4.dns-search", search(method4)),
        // Beside the method's own address, as RFC 3927 asks of hosts that others reach.
        (
            "ipv4.link-local",
            if plan.link_local {
                "enabled"
            } else {
                "disabled"
            }
            .into(),
        ),
        ("ipv4.ignore-auto-dns", word(!plan.dns_from_dhcp)),
        ("ipv4.dhcp-send-hostname", word(plan.announce.is_some())),
        (
            "ipv4.dhcp-hostname",
            plan.announce.clone().unwrap_or_default(),
        ),
        ("ipv6.method", method6.into()),
        ("ipv6.addresses", address6),
        ("ipv6.gateway", gateway6),
        ("ipv6.dns", dns(false, method6)),
        ("ipv6.dns-search", search(method6)),
        ("ipv6.ignore-auto-dns", word(!plan.dns_from_dhcp)),
    ]
}

/// The lease of an interface.
pub(super) fn lease(interface: &str) -> Option<Lease> {
    let words = ["-t", "-f", "DHCP4", "device", "show", interface];
    let said = ask("nmcli", &words).ok().filter(|s| s.code == 0)?;
    read_lease(&said.out)
}

fn read_lease(text: &str) -> Option<Lease> {
    let option = |key: &str| {
        text.lines().find_map(|l| {
            let (_, option) = l.split_once(':')?;
            let (name, value) = option.split_once(" = ")?;
            (name == key).then_some(value)
        })
    };
    let all = |key| -> Vec<IpAddr> {
        let words = option(key).unwrap_or_default().split_whitespace();
        words.filter_map(|w| w.parse().ok()).collect()
    };
    let address = option("ip_address")?.parse().ok();
    Some(Lease {
        address,
        server: option("dhcp_server_identifier").and_then(|w| w.parse().ok()),
        lifetime_s: option("dhcp_lease_time").and_then(|w| w.parse().ok()),
        routers: all("routers"),
        dns: all("domain_name_servers"),
        ntp: all("ntp_servers"),
        hostname: option("host_name").map(str::to_owned),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leases_are_read() {
        let text = "DHCP4.OPTION[1]:dhcp_lease_time = 3600\nDHCP4.OPTION[2]:ip_address = 192.0.2.100\n\
            DHCP4.OPTION[3]:routers = 192.0.2.1\nDHCP4.OPTION[4]:dhcp_server_identifier = 192.0.2.2\n\
            DHCP4.OPTION[5]:domain_name_servers = 192.0.2.53 192.0.2.54\nDHCP4.OPTION[6]:host_name = gate-9\n";
        let lease = read_lease(text).unwrap();
        assert_eq!(lease.address, Some([192, 0, 2, 100].into()));
        assert_eq!((lease.lifetime_s, lease.dns.len()), (Some(3600), 2));
        assert_eq!(lease.hostname.as_deref(), Some("gate-9"));
        assert_eq!(read_lease(""), None);
    }
}
