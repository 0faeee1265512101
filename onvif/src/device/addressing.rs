//! Changes of the host's network (NET-1..10). Each operation begins with what is in force and changes its part of the section
//! `net.ip`. A changed address is on trial until its user calls again over the new one: any authenticated request will do.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use onvif_contracts::{tds, tt};
use onvif_xml::soap::Fault;
use platecam_model::{
    Error,
    settings::{Ipv4Mode, Ipv4Prefix, Ipv6Mode, Ipv6Prefix, MaybeAddress, NetIp, Patch},
};

use crate::{
    call::{Answer, Call},
    fault::{self, shortened},
};

/// DNS servers that there can be.
const DNS_SERVERS: usize = 2;

fn invalid(subcode: &'static str, why: String) -> Fault {
    Fault::sender(&["InvalidArgVal", subcode], why)
}

/// Commits `value`, a merge patch of the section.
fn commit(call: &Call<'_>, value: serde_json::Value) -> Answer<()> {
    let patch = Patch {
        key: "net.ip".into(),
        value,
        if_revision: None,
    };
    let applied = call.device().settings.apply(&[patch], call.actor);
    applied.map(drop).map_err(|error| {
        let first = match &error {
            Error::Invalid(violations) => violations.0.first().map(|v| v.pointer.clone()),
            _ => None,
        };
        let invalid = match first.as_deref() {
            Some(
                "/ipv4_gateway"
                | "/ipv4_gateway_waiting"
                | "/ipv6_gateway"
                | "/ipv6_gateway_waiting",
            ) => "InvalidGatewayAddress",
            Some("/ipv6_address" | "/ipv6_prefix" | "/ipv6_mode") => "InvalidIPv6Address",
            Some("/interface") => "InvalidNetworkInterface",
            Some("/hostname") => "InvalidHostname",
            Some(p) if p.starts_with("/search_domains") => "InvalidDnsName",
            // Nobody can change this host.
            Some("/managed") => return Fault::receiver(&["ActionNotSupported"], error.to_string()),
            _ => "InvalidIPv4Address",
        };
        let own = fault::Subcodes {
            invalid,
            ..Default::default()
        };
        fault::of_operation(error, own)
    })
}

fn change(call: &Call<'_>, edit: impl FnOnce(&mut NetIp) -> Answer<()>) -> Answer<()> {
    let mut wanted = call.device().network_in_force();
    edit(&mut wanted)?;
    let value = serde_json::to_value(&wanted).map_err(|e| fault::of(Error::internal(e)))?;
    commit(call, value)
}

/// `SetHostname` (NET-4): this name, no other from DHCP.
pub(super) fn set_hostname(call: &Call<'_>, name: &str) -> Answer<()> {
    if name.is_empty() {
        let why = "a name of at least one letter or digit is needed".into();
        return Err(invalid("InvalidHostname", why));
    }
    commit(
        call,
        serde_json::json!({ "hostname": name, "hostname_from_dhcp": false }),
    )
}

/// `SetHostnameFromDHCP`: while the address comes from DHCP, and as long as the server gives a name.
pub(super) fn set_hostname_from_dhcp(call: &Call<'_>, from_dhcp: bool) -> Answer<()> {
    if !from_dhcp {
        return commit(call, serde_json::json!({ "hostname_from_dhcp": false }));
    }
    change(call, |net| {
        if net.ipv4_mode != Ipv4Mode::Dhcp {
            let why = "FromDHCP: the IPv4 address does not come from DHCP";
            return Err(Fault::sender(&["InvalidArgVal"], why));
        }
        net.hostname_from_dhcp = true;
        Ok(())
    })
}

/// `SetZeroConfiguration`: a link-local IPv4 address beside the others (RFC 3927).
pub(super) fn set_zero_configuration(
    call: &Call<'_>,
    request: &tds::SetZeroConfiguration,
) -> Answer<()> {
    let token = request.interface_token.as_str();
    change(call, |net| {
        let ours = call.device().network.interfaces();
        let known = ours.iter().any(|i| i.name == token && !i.loopback);
        if !known || !(net.interface.is_empty() || net.interface == token) {
            let why = format!("'{}' is not the unit's network interface", shortened(token));
            return Err(invalid("InvalidNetworkInterface", why));
        }
        if request.enabled && net.ipv4_mode == Ipv4Mode::Off {
            let why = "Enabled: IPv4 is off";
            return Err(Fault::sender(&["InvalidArgVal"], why));
        }
        net.zero_configuration = request.enabled;
        Ok(())
    })
}

fn v4(text: &str, subcode: &'static str) -> Answer<Ipv4Addr> {
    let bad = |_| {
        invalid(
            subcode,
            format!("'{}' is not an IPv4 address", shortened(text)),
        )
    };
    text.parse().map_err(bad)
}

fn v6(text: &str, subcode: &'static str) -> Answer<Ipv6Addr> {
    let bad = |_| {
        invalid(
            subcode,
            format!("'{}' is not an IPv6 address", shortened(text)),
        )
    };
    text.parse().map_err(bad)
}

/// At most one of a list.
fn one<'a, T>(list: &'a [T], what: &str, subcode: &'static str) -> Answer<Option<&'a T>> {
    match list {
        [] => Ok(None),
        [one] => Ok(Some(one)),
        more => {
            let why = format!("{} of {what}; there can be one", more.len());
            Err(invalid(subcode, why))
        }
    }
}

/// `SetDNS` (NET-8, NET-9).
pub(super) fn set_dns(call: &Call<'_>, request: &tds::SetDNS) -> Answer<()> {
    let mut servers = Vec::new();
    for entered in &request.dns_manual {
        servers.push(match (&entered.ipv4_address, &entered.ipv6_address) {
            (Some(text), _) => IpAddr::V4(v4(text, "InvalidIPv4Address")?),
            (None, Some(text)) => IpAddr::V6(v6(text, "InvalidIPv6Address")?),
            (None, None) => {
                return Err(invalid(
                    "InvalidIPv4Address",
                    "DNSManual: no address".into(),
                ));
            }
        });
    }
    if servers.len() > DNS_SERVERS {
        let why = format!(
            "DNSManual: {} servers; there can be {DNS_SERVERS}",
            servers.len()
        );
        return Err(Fault::sender(&["InvalidArgVal"], why));
    }
    change(call, |net| {
        net.dns_from_dhcp = request.from_dhcp;
        net.search_domains.clone_from(&request.search_domain);
        if !request.from_dhcp {
            net.dns_preferred = MaybeAddress(servers.first().copied());
            net.dns_backup = MaybeAddress(servers.get(1).copied());
        }
        Ok(())
    })
}

/// `SetNetworkDefaultGateway` (NET-7): of a family whose address is entered by hand; the others get theirs with the address.
/// One outside the segment waits for its address. A request without any takes those entered away.
pub(super) fn set_gateway(call: &Call<'_>, request: &tds::SetNetworkDefaultGateway) -> Answer<()> {
    const SUBCODE: &str = "InvalidGatewayAddress";
    let ipv4 = one(&request.ipv4_address, "IPv4Address", SUBCODE)?;
    let ipv6 = one(&request.ipv6_address, "IPv6Address", SUBCODE)?;
    change(call, |net| {
        let by_hand = |is: bool, family: &str| {
            let why =
                format!("the {family} address is not a static one: its gateway comes with it");
            if is {
                Ok(())
            } else {
                Err(invalid(SUBCODE, why))
            }
        };
        if let Some(text) = ipv4 {
            by_hand(net.ipv4_mode == Ipv4Mode::Static, "IPv4")?;
            net.ipv4_gateway_waiting = MaybeAddress(Some(v4(text, SUBCODE)?));
        }
        if let Some(text) = ipv6 {
            by_hand(net.ipv6_mode == Ipv6Mode::Static, "IPv6")?;
            net.ipv6_gateway_waiting = MaybeAddress(Some(v6(text, SUBCODE)?));
        }
        if ipv4.is_none() && ipv6.is_none() {
            (net.ipv4_gateway, net.ipv4_gateway_waiting) = (MaybeAddress(None), MaybeAddress(None));
            (net.ipv6_gateway, net.ipv6_gateway_waiting) = (MaybeAddress(None), MaybeAddress(None));
        }
        Ok(())
    })
}

/// `SetNetworkInterfaces` (NET-1..6, NET-10): answers before the address changes, a second later.
pub(super) fn set_interface(call: &Call<'_>, request: &tds::SetNetworkInterfaces) -> Answer<()> {
    let token = request.interface_token.as_str();
    let all = call.device().network.interfaces();
    let known = all.iter().find(|i| i.name == token && !i.loopback);
    let Some(interface) = known else {
        let why = format!("there is no network interface '{}'", shortened(token));
        return Err(invalid("InvalidNetworkInterface", why));
    };
    let wanted = &request.network_interface;
    if wanted.enabled == Some(false) {
        let why = format!("{token} is the way to the unit and cannot be switched off");
        return Err(invalid("InvalidNetworkInterface", why));
    }
    if wanted.link.is_some() {
        let why = "Link: speed and duplex are negotiated".into();
        return Err(invalid("SetLinkValuesNotSupported", why));
    }
    if let Some(mtu) = wanted
        .mtu
        .filter(|m| u32::try_from(*m) != Ok(interface.mtu))
    {
        let why = format!("MTU = {mtu}: is {} and cannot be changed", interface.mtu);
        return Err(invalid("SetMtuNotSupported", why));
    }
    let gateways = call.device().network.gateways();
    change(call, |net| {
        net.interface = token.to_owned();
        if let Some(ipv4) = &wanted.ipv4 {
            set_ipv4(net, ipv4, &gateways)?;
        }
        if let Some(ipv6) = &wanted.ipv6 {
            set_ipv6(net, ipv6)?;
        }
        Ok(())
    })
}

fn set_ipv4(
    net: &mut NetIp,
    wanted: &tt::IPv4NetworkInterfaceSetConfiguration,
    gateways: &[IpAddr],
) -> Answer<()> {
    const SUBCODE: &str = "InvalidIPv4Address";
    if wanted.enabled == Some(false) {
        net.ipv4_mode = Ipv4Mode::Off;
        return Ok(());
    }
    if wanted.dhcp == Some(true) {
        net.ipv4_mode = Ipv4Mode::Dhcp;
        return Ok(());
    }
    let Some(entered) = one(&wanted.manual, "Manual", SUBCODE)? else {
        // An address of DHCP becomes a static one when only DHCP is switched off.
        if wanted.dhcp == Some(false) {
            net.ipv4_mode = Ipv4Mode::Static;
        }
        return Ok(());
    };
    let address = v4(&entered.address, SUBCODE)?;
    let prefix = i64::from(entered.prefix_length);
    let prefix = Ipv4Prefix::try_from(prefix)
        .map_err(|e| invalid(SUBCODE, format!("PrefixLength = {e}")))?;
    net.ipv4_mode = Ipv4Mode::Static;
    net.ipv4_address = MaybeAddress(Some(address));
    net.ipv4_prefix = prefix;
    // The gateway is an operation of its own: the one that waits for this segment, or one that fits it; no other can stay.
    let in_use = gateways.iter().filter_map(|g| match g {
        IpAddr::V4(g) => Some(*g),
        IpAddr::V6(_) => None,
    });
    let known = [net.ipv4_gateway_waiting.0, net.ipv4_gateway.0];
    let mut known = known.into_iter().flatten().chain(in_use);
    net.ipv4_gateway = MaybeAddress(known.find(|g| net.holds_v4(*g)));
    Ok(())
}

fn set_ipv6(net: &mut NetIp, wanted: &tt::IPv6NetworkInterfaceSetConfiguration) -> Answer<()> {
    const SUBCODE: &str = "InvalidIPv6Address";
    use tt::IPv6DHCPConfiguration as Dhcp;
    let entered = one(&wanted.manual, "Manual", SUBCODE)?;
    let advertised = wanted.accept_router_advert;
    let off = wanted.enabled == Some(false);
    net.ipv6_mode = match (&wanted.dhcp, entered) {
        _ if off => Ipv6Mode::Off,
        (_, Some(entered)) => {
            net.ipv6_address = MaybeAddress(Some(v6(&entered.address, SUBCODE)?));
            let bits = u8::try_from(entered.prefix_length).ok();
            let bits = bits.filter(|b| (1..=128).contains(b));
            let out = || {
                format!(
                    "PrefixLength = {}: is outside 1 to 128",
                    entered.prefix_length
                )
            };
            let bits = bits.ok_or_else(|| invalid(SUBCODE, out()))?;
            net.ipv6_prefix = Ipv6Prefix::clamped(bits.into());
            let known = [net.ipv6_gateway_waiting.0, net.ipv6_gateway.0];
            let mut known = known.into_iter().flatten();
            net.ipv6_gateway = MaybeAddress(known.find(|g| net.holds_v6(*g)));
            Ipv6Mode::Static
        }
        (Some(Dhcp::Stateful), None) => Ipv6Mode::Dhcp,
        (Some(Dhcp::Auto | Dhcp::Stateless), None) => Ipv6Mode::Auto,
        (_, None) if advertised == Some(true) => Ipv6Mode::Auto,
        // Neither routers nor a server nor an address.
        (Some(Dhcp::Off), None) if advertised == Some(false) => Ipv6Mode::Off,
        (_, None) if wanted.enabled == Some(true) && net.ipv6_mode == Ipv6Mode::Off => {
            Ipv6Mode::Auto
        }
        _ => net.ipv6_mode,
    };
    Ok(())
}
