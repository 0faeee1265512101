//! The host's network as it is, and the ports.

use std::net::IpAddr;

use onvif_contracts::{tds, tt};
use onvif_xml::soap::Fault;
use platecam_model::{
    ports::Interface,
    settings::{Ipv4Mode, Ipv6Mode, NetHttps, NetIp, NetPorts, Patch, Port},
};

use crate::{
    call::{Answer, Call},
    fault,
};

/// `GetHostname`.
pub(super) fn hostname(call: &Call<'_>) -> tds::GetHostnameResponse {
    // What was set counts at once; the host follows within a second.
    let set = call.device().settings.get::<NetIp>();
    let from_dhcp = set.named_by_dhcp();
    let name = if set.hostname.is_empty() || from_dhcp {
        call.device().network.hostname()
    } else {
        set.hostname.clone()
    };
    tds::GetHostnameResponse {
        hostname_information: tt::HostnameInformation {
            from_dhcp,
            name: Some(name),
            extension: None,
        },
    }
}

fn ip_address(ip: IpAddr) -> tt::IPAddress {
    match ip {
        IpAddr::V4(v4) => tt::IPAddress {
            r#type: tt::IPType::IPv4,
            ipv4_address: Some(v4.to_string()),
            ipv6_address: None,
        },
        IpAddr::V6(v6) => tt::IPAddress {
            r#type: tt::IPType::IPv6,
            ipv4_address: None,
            ipv6_address: Some(v6.to_string()),
        },
    }
}

/// `GetDNS`.
pub(super) fn dns(call: &Call<'_>) -> tds::GetDNSResponse {
    let set = call.device().network_in_force();
    let in_use = || call.device().network.dns_servers();
    let list = |servers: Vec<IpAddr>| servers.into_iter().map(ip_address).collect();
    let mut dns_information = tt::DNSInformation {
        from_dhcp: set.dns_from_dhcp,
        search_domain: set.search_domains.clone(),
        ..Default::default()
    };
    if set.dns_from_dhcp {
        dns_information.dns_from_dhcp = list(in_use());
    } else {
        dns_information.dns_manual = list(set.dns_servers());
    }
    tds::GetDNSResponse { dns_information }
}

/// `GetNetworkInterfaces`. The loopback is left out: Home Assistant takes the first hardware address
/// as the unit's unique id.
pub(super) fn interfaces(call: &Call<'_>) -> tds::GetNetworkInterfacesResponse {
    let all = call.device().network.interfaces();
    let set = call.device().network_in_force();
    let of = |i: &Interface| {
        interface(
            i,
            Some(&set).filter(|s| s.interface == i.name || s.interface.is_empty()),
        )
    };
    tds::GetNetworkInterfacesResponse {
        network_interfaces: all.iter().filter(|i| !i.loopback).map(of).collect(),
    }
}

/// `set` is what is wanted of this interface, where it is the unit's.
fn interface(i: &Interface, set: Option<&NetIp>) -> tt::NetworkInterface {
    let leased = set.is_some_and(|s| s.ipv4_mode == Ipv4Mode::Dhcp);
    let mode = set.map_or(Ipv6Mode::Static, |s| s.ipv6_mode);
    let mut v4 = Vec::new();
    let mut zero = None;
    let mut v6 = tt::IPv6Configuration {
        accept_router_advert: Some(matches!(mode, Ipv6Mode::Auto | Ipv6Mode::Dhcp)),
        dhcp: match mode {
            Ipv6Mode::Dhcp => tt::IPv6DHCPConfiguration::Stateful,
            Ipv6Mode::Auto => tt::IPv6DHCPConfiguration::Auto,
            Ipv6Mode::Off | Ipv6Mode::Static => tt::IPv6DHCPConfiguration::Off,
        },
        ..Default::default()
    };
    for (ip, prefix) in &i.addresses {
        let prefix_length = i32::from(*prefix);
        match ip {
            IpAddr::V4(ip) => {
                let one = tt::PrefixedIPv4Address {
                    address: ip.to_string(),
                    prefix_length,
                };
                if ip.is_link_local() {
                    zero = Some(Box::new(one));
                } else {
                    v4.push(one);
                }
            }
            IpAddr::V6(ip) => {
                let list = if ip.is_unicast_link_local() {
                    &mut v6.link_local
                } else {
                    match mode {
                        Ipv6Mode::Auto => &mut v6.from_ra,
                        Ipv6Mode::Dhcp => &mut v6.from_dhcp,
                        Ipv6Mode::Off | Ipv6Mode::Static => &mut v6.manual,
                    }
                };
                list.push(tt::PrefixedIPv6Address {
                    address: ip.to_string(),
                    prefix_length,
                });
            }
        }
    }
    let has_v6 = i.addresses.iter().any(|(ip, _)| ip.is_ipv6());
    let (manual, from_dhcp) = match leased {
        true => (Vec::new(), v4.pop().map(Box::new)),
        false => (v4, None),
    };
    tt::NetworkInterface {
        token: i.name.clone(),
        enabled: i.up,
        info: Some(Box::new(tt::NetworkInterfaceInfo {
            name: Some(i.name.clone()),
            hw_address: i.mac.clone(),
            mtu: i32::try_from(i.mtu).ok().filter(|m| *m > 0),
        })),
        ipv4: Some(Box::new(tt::IPv4NetworkInterface {
            enabled: leased || zero.is_some() || !manual.is_empty(),
            config: tt::IPv4Configuration {
                manual,
                link_local: zero,
                from_dhcp,
                dhcp: leased,
            },
        })),
        ipv6: has_v6.then(|| {
            Box::new(tt::IPv6NetworkInterface {
                enabled: true,
                config: Some(Box::new(v6)),
            })
        }),
        ..Default::default()
    }
}

/// `GetZeroConfiguration`: of the unit's interface.
pub(super) fn zero_configuration(call: &Call<'_>) -> tds::GetZeroConfigurationResponse {
    let set = call.device().network_in_force();
    let all = call.device().network.interfaces();
    let named = |i: &&Interface| !i.loopback && i.name == set.interface;
    let ours = all.iter().find(named);
    let ours = ours.or_else(|| all.iter().find(|i| !i.loopback));
    let of_link = |(ip, _): &(IpAddr, u8)| match ip {
        IpAddr::V4(ip) if ip.is_link_local() => Some(ip.to_string()),
        _ => None,
    };
    tds::GetZeroConfigurationResponse {
        zero_configuration: tt::NetworkZeroConfiguration {
            interface_token: ours.map(|i| i.name.clone()).unwrap_or_default(),
            enabled: set.zero_configuration,
            addresses: ours
                .map(|i| i.addresses.iter().filter_map(of_link).collect())
                .unwrap_or_default(),
            extension: None,
        },
    }
}

/// `GetNetworkDefaultGateway`: what is wanted counts at once, also a gateway that waits for its segment.
pub(super) fn gateway(call: &Call<'_>) -> tds::GetNetworkDefaultGatewayResponse {
    let in_use = call.device().network.gateways();
    let wanted = call.device().settings.get::<NetIp>();
    let mut network_gateway = tt::NetworkGateway::default();
    for ip in wanted.wanted_gateways(&in_use) {
        match ip {
            IpAddr::V4(v4) => network_gateway.ipv4_address.push(v4.to_string()),
            IpAddr::V6(v6) => network_gateway.ipv6_address.push(v6.to_string()),
        }
    }
    tds::GetNetworkDefaultGatewayResponse { network_gateway }
}

/// `GetNetworkProtocols`: what is set. A port that the command line replaced for this run is told as it is in use, until
/// another one is set.
pub(super) fn protocols(call: &Call<'_>) -> tds::GetNetworkProtocolsResponse {
    let settings = call.device().settings.snapshot();
    let (set, on) = (settings.get::<NetPorts>(), settings.get::<NetHttps>());
    let used = call.inner.ports.get();
    let row = |name, enabled, set: Port, replaced: Option<u16>, used: Option<u16>| {
        let port = match used {
            Some(used) if replaced == Some(set.get()) => used,
            _ => set.get(),
        };
        tt::NetworkProtocol {
            name,
            enabled,
            port: vec![i32::from(port)],
            extension: None,
        }
    };
    let was = used.replaced;
    // It is 0 where the port was lost to another program.
    let rtsp = Some(used.rtsp).filter(|port| *port != 0);
    use tt::NetworkProtocolType as P;
    tds::GetNetworkProtocolsResponse {
        network_protocols: vec![
            row(P::Http, on.http_enabled, set.http, was.http, used.http),
            row(P::Https, on.enabled, set.https, was.https, used.https),
            row(P::Rtsp, true, set.rtsp, was.rtsp, rtsp),
        ],
    }
}

/// `SetNetworkProtocols`: ports, and which of HTTP and HTTPS are served, in one step (SYS-35, HTTPS-6,
/// SEC-7). RTSP cannot be switched off, nor both of the others.
pub(super) fn set_protocols(call: &Call<'_>, wanted: &[tt::NetworkProtocol]) -> Answer<()> {
    let settings = &call.device().settings;
    let before = settings.get::<NetHttps>();
    let (mut ports, mut on) = (serde_json::Map::new(), NetHttps::clone(&before));
    for protocol in wanted {
        let name = protocol.name.as_str();
        let field = match &protocol.name {
            tt::NetworkProtocolType::Http => {
                on.http_enabled = protocol.enabled;
                "http"
            }
            tt::NetworkProtocolType::Https => {
                on.enabled = protocol.enabled;
                "https"
            }
            tt::NetworkProtocolType::Rtsp if protocol.enabled => "rtsp",
            tt::NetworkProtocolType::Rtsp => {
                return Err(not_supported(name, "cannot be switched off"));
            }
            tt::NetworkProtocolType::Other(name) => {
                return Err(not_supported(&fault::shortened(name), "is unknown"));
            }
        };
        match protocol.port.as_slice() {
            [] => {}
            [port] => {
                ports.insert(field.into(), (*port).into());
            }
            more => {
                let n = more.len();
                return Err(not_supported(
                    name,
                    &format!("has {n} ports; it can have one"),
                ));
            }
        }
    }
    if !on.enabled && !on.http_enabled {
        return Err(not_supported("HTTP", "cannot be off together with HTTPS"));
    }
    // Without HTTPS there is nowhere to redirect to.
    on.redirect &= on.enabled;
    let mut patches = Vec::new();
    let mut patch = |key: &str, value| {
        let (key, if_revision) = (key.to_owned(), None);
        patches.push(Patch {
            key,
            value,
            if_revision,
        });
    };
    if !ports.is_empty() {
        patch("net.ports", ports.into());
    }
    // Who may only set ports can say again what is on.
    if on != *before {
        let value = serde_json::json!({
            "enabled": on.enabled, "http_enabled": on.http_enabled, "redirect": on.redirect,
        });
        patch("net.https", value);
    }
    if patches.is_empty() {
        return Ok(());
    }
    let own = fault::Subcodes {
        invalid: "PortAlreadyInUse",
        ..Default::default()
    };
    let applied = settings.apply(&patches, call.actor);
    applied.map_err(|e| fault::of_operation(e, own))?;
    Ok(())
}

fn not_supported(name: &str, why: &str) -> Fault {
    Fault::sender(
        &["InvalidArgVal", "ServiceNotSupported"],
        format!("{name} {why}"),
    )
}
