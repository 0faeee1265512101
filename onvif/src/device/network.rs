//! The host's network as it is, and the ports.

use std::net::IpAddr;

use onvif_contracts::{tds, tt};
use onvif_xml::soap::Fault;
use platecam_model::{
    ports::Interface,
    settings::{NetPorts, Port},
};

use crate::{
    call::{Answer, Call},
    fault,
};

/// `GetHostname`.
pub(super) fn hostname(call: &Call<'_>) -> tds::GetHostnameResponse {
    tds::GetHostnameResponse {
        hostname_information: tt::HostnameInformation {
            from_dhcp: false,
            name: Some(call.device().network.hostname()),
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
    let servers = call.device().network.dns_servers();
    tds::GetDNSResponse {
        dns_information: tt::DNSInformation {
            from_dhcp: false,
            dns_manual: servers.into_iter().map(ip_address).collect(),
            ..Default::default()
        },
    }
}

/// `GetNetworkInterfaces`. The loopback is left out: Home Assistant takes the first hardware address
/// as the unit's unique id.
pub(super) fn interfaces(call: &Call<'_>) -> tds::GetNetworkInterfacesResponse {
    let all = call.device().network.interfaces();
    tds::GetNetworkInterfacesResponse {
        network_interfaces: all.iter().filter(|i| !i.loopback).map(interface).collect(),
    }
}

fn interface(i: &Interface) -> tt::NetworkInterface {
    let mut v4 = Vec::new();
    let mut v6 = tt::IPv6Configuration {
        dhcp: tt::IPv6DHCPConfiguration::Off,
        ..Default::default()
    };
    for (ip, prefix) in &i.addresses {
        let prefix_length = i32::from(*prefix);
        match ip {
            IpAddr::V4(ip) => v4.push(tt::PrefixedIPv4Address {
                address: ip.to_string(),
                prefix_length,
            }),
            IpAddr::V6(ip) => {
                let list = if ip.is_unicast_link_local() {
                    &mut v6.link_local
                } else {
                    &mut v6.manual
                };
                list.push(tt::PrefixedIPv6Address {
                    address: ip.to_string(),
                    prefix_length,
                });
            }
        }
    }
    let has_v6 = !(v6.link_local.is_empty() && v6.manual.is_empty());
    tt::NetworkInterface {
        token: i.name.clone(),
        enabled: i.up,
        info: Some(Box::new(tt::NetworkInterfaceInfo {
            name: Some(i.name.clone()),
            hw_address: i.mac.clone(),
            mtu: i32::try_from(i.mtu).ok().filter(|m| *m > 0),
        })),
        ipv4: Some(Box::new(tt::IPv4NetworkInterface {
            enabled: !v4.is_empty(),
            config: tt::IPv4Configuration {
                manual: v4,
                dhcp: false,
                ..Default::default()
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

/// `GetNetworkDefaultGateway`.
pub(super) fn gateway(call: &Call<'_>) -> tds::GetNetworkDefaultGatewayResponse {
    let mut network_gateway = tt::NetworkGateway::default();
    for ip in call.device().network.gateways() {
        match ip {
            IpAddr::V4(v4) => network_gateway.ipv4_address.push(v4.to_string()),
            IpAddr::V6(v6) => network_gateway.ipv6_address.push(v6.to_string()),
        }
    }
    tds::GetNetworkDefaultGatewayResponse { network_gateway }
}

/// `GetNetworkProtocols`: the set port, or where nobody set one the port in use (the command line may
/// have chosen it).
pub(super) fn protocols(call: &Call<'_>) -> tds::GetNetworkProtocolsResponse {
    let set = call.device().settings.get::<NetPorts>();
    let default = NetPorts::default();
    let used = call.inner.ports.get();
    let row = |name, set: Port, default: Port, used: Option<u16>| {
        let port = match used {
            Some(used) if set == default => used,
            _ => set.get(),
        };
        tt::NetworkProtocol {
            name,
            enabled: used.is_some(),
            port: vec![i32::from(port)],
            extension: None,
        }
    };
    use tt::NetworkProtocolType as P;
    tds::GetNetworkProtocolsResponse {
        network_protocols: vec![
            row(P::Http, set.http, default.http, Some(used.http)),
            row(P::Https, set.https, default.https, used.https),
            row(P::Rtsp, set.rtsp, default.rtsp, Some(used.rtsp)),
        ],
    }
}

/// `SetNetworkProtocols`: ports; protocols cannot be switched off here.
pub(super) fn set_protocols(call: &Call<'_>, wanted: &[tt::NetworkProtocol]) -> Answer<()> {
    let mut patch = serde_json::Map::new();
    for protocol in wanted {
        let field = match &protocol.name {
            tt::NetworkProtocolType::Http => "http",
            tt::NetworkProtocolType::Https => "https",
            tt::NetworkProtocolType::Rtsp => "rtsp",
            tt::NetworkProtocolType::Other(name) => {
                return Err(not_supported(&fault::shortened(name), "is unknown"));
            }
        };
        if !protocol.enabled {
            return Err(not_supported(
                protocol.name.as_str(),
                "cannot be switched off",
            ));
        }
        match protocol.port.as_slice() {
            [] => {}
            [port] => {
                patch.insert(field.into(), (*port).into());
            }
            more => {
                let n = more.len();
                return Err(not_supported(
                    protocol.name.as_str(),
                    &format!("has {n} ports; it can have one"),
                ));
            }
        }
    }
    if patch.is_empty() {
        return Ok(());
    }
    let own = fault::Subcodes {
        invalid: "PortAlreadyInUse",
        ..Default::default()
    };
    call.device()
        .settings
        .patch("net.ports", &patch.into(), None, call.actor)
        .map_err(|e| fault::of_operation(e, own))?;
    Ok(())
}

fn not_supported(name: &str, why: &str) -> Fault {
    Fault::sender(
        &["InvalidArgVal", "ServiceNotSupported"],
        format!("{name} {why}"),
    )
}
