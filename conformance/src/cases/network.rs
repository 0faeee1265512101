//! Network of the device service: DEVICE-2-1-x, IPCONFIG-x, DEVICE-7-1-x.

use crate::{
    case::{Case, Need, Outcome, Present, case},
    check,
    device::Device,
    fail, skip,
    xml::{Element, escape},
};

const DNS: Need = Need::Service("tds");
const NTP: Need = Need::AtLeast("tds", "Network@NTP", 1);
const IPV6: Need = Need::Flag("tds", "Network@IPVersion6");
const FILTER: Need = Need::Flag("tds", "Network@IPFilter");
const V4: &str = "Sender/InvalidArgVal/InvalidIPv4Address";
const V6: &str = "Sender/InvalidArgVal/InvalidIPv6Address";

/// The cases of this file.
pub(super) fn cases() -> Vec<Case> {
    vec![
        case("DEVICE-2-1-1", "GetHostname", "STG", &[], |d| {
            let a = d.call("tds:GetHostname", "")?;
            a.text_of("HostnameInformation/FromDHCP")
                .present("FromDHCP")?;
            Ok(())
        }),
        case(
            "DEVICE-2-1-3",
            "SetHostname with a name that is none",
            "STG",
            &[],
            |d| {
                let body = "<tds:Name>Onvif_test1</tds:Name>";
                d.refused(
                    "tds:SetHostname",
                    body,
                    "Sender/InvalidArgVal/InvalidHostname",
                )?;
                check!(
                    hostname(d)?.0 != "Onvif_test1",
                    "the name was taken all the same"
                );
                Ok(())
            },
        ),
        case(
            "DEVICE-2-1-32",
            "SetHostname, read back as written",
            "STG",
            &[Need::Network],
            set_hostname,
        ),
        case("DEVICE-2-1-4", "GetDNS", "STG", &[DNS], |d| {
            let a = d.call("tds:GetDNS", "")?;
            let info = a.find("DNSInformation").present("DNSInformation")?;
            let dhcp = info.text_of("FromDHCP") == Some("true");
            check!(
                !dhcp || info.find("DNSManual").is_none(),
                "FromDHCP, but DNSManual is there"
            );
            Ok(())
        }),
        case(
            "DEVICE-2-1-5",
            "SetDNS with a search domain",
            "STG",
            &[Need::Network],
            |d| {
                dns(
                    d,
                    "<tds:FromDHCP>false</tds:FromDHCP><tds:SearchDomain>domain.name</tds:SearchDomain>",
                    |i| {
                        check!(
                            i.texts("SearchDomain").contains(&"domain.name".into()),
                            "the domain was not kept"
                        );
                        Ok(())
                    },
                )
            },
        ),
        case(
            "DEVICE-2-1-6",
            "SetDNS with an IPv4 address",
            "STG",
            &[Need::Network],
            |d| {
                dns(
                    d,
                    "<tds:FromDHCP>false</tds:FromDHCP><tds:DNSManual><tt:Type>IPv4</tt:Type><tt:IPv4Address>10.1.1.1</tt:IPv4Address></tds:DNSManual>",
                    |i| {
                        check!(
                            i.text_of("FromDHCP") == Some("false"),
                            "FromDHCP is not false"
                        );
                        check!(
                            i.texts("DNSManual/IPv4Address")
                                .contains(&"10.1.1.1".into()),
                            "the address was not kept"
                        );
                        Ok(())
                    },
                )
            },
        ),
        case(
            "DEVICE-2-1-7",
            "SetDNS with an IPv6 address",
            "STG",
            &[Need::Network, IPV6],
            |d| {
                dns(
                    d,
                    "<tds:FromDHCP>false</tds:FromDHCP><tds:DNSManual><tt:Type>IPv6</tt:Type><tt:IPv6Address>2001:1:1:1:1:1:1:1</tt:IPv6Address></tds:DNSManual>",
                    |i| {
                        check!(
                            i.texts("DNSManual/IPv6Address")
                                .iter()
                                .any(|a| same_ip(a, "2001:1:1:1:1:1:1:1")),
                            "the address was not kept"
                        );
                        Ok(())
                    },
                )
            },
        ),
        case(
            "DEVICE-2-1-8",
            "SetDNS from DHCP",
            "STG",
            &[Need::Network],
            |d| {
                dns(d, "<tds:FromDHCP>true</tds:FromDHCP>", |i| {
                    check!(
                        i.text_of("FromDHCP") == Some("true"),
                        "FromDHCP is not true"
                    );
                    Ok(())
                })
            },
        ),
        case(
            "DEVICE-2-1-9",
            "SetDNS with an IPv4 address that is none",
            "STG",
            &[],
            |d| {
                let body = "<tds:FromDHCP>false</tds:FromDHCP><tds:DNSManual><tt:Type>IPv4</tt:Type><tt:IPv4Address>10.1.1</tt:IPv4Address></tds:DNSManual>";
                refused_unchanged(d, "tds:SetDNS", body, V4, "tds:GetDNS")
            },
        ),
        case(
            "DEVICE-2-1-10",
            "SetDNS with an IPv6 address that is none",
            "STG",
            &[IPV6],
            |d| {
                let body = "<tds:FromDHCP>false</tds:FromDHCP><tds:DNSManual><tt:Type>IPv6</tt:Type><tt:IPv6Address>FF02:1</tt:IPv6Address></tds:DNSManual>";
                refused_unchanged(d, "tds:SetDNS", body, V6, "tds:GetDNS")
            },
        ),
        case("DEVICE-2-1-11", "GetNTP", "STG", &[NTP], |d| {
            d.call("tds:GetNTP", "")?
                .text_of("NTPInformation/FromDHCP")
                .present("FromDHCP")?;
            Ok(())
        }),
        case(
            "DEVICE-2-1-12",
            "SetNTP with an IPv4 address",
            "STG",
            &[NTP],
            |d| {
                ntp(
                    d,
                    "<tt:Type>IPv4</tt:Type><tt:IPv4Address>10.1.1.1</tt:IPv4Address>",
                    "IPv4Address",
                    "10.1.1.1",
                )
            },
        ),
        case(
            "DEVICE-2-1-13",
            "SetNTP with an IPv6 address",
            "STG",
            &[NTP, IPV6],
            |d| {
                ntp(
                    d,
                    "<tt:Type>IPv6</tt:Type><tt:IPv6Address>2001:1:1:1:1:1:1:1</tt:IPv6Address>",
                    "IPv6Address",
                    "2001:1:1:1:1:1:1:1",
                )
            },
        ),
        case(
            "DEVICE-2-1-14",
            "SetNTP from DHCP",
            "STG",
            &[NTP],
            ntp_from_dhcp,
        ),
        case(
            "DEVICE-2-1-15",
            "SetNTP with an IPv4 address that is none",
            "STG",
            &[NTP],
            |d| {
                let body = "<tds:FromDHCP>false</tds:FromDHCP><tds:NTPManual><tt:Type>IPv4</tt:Type><tt:IPv4Address>10.1.1</tt:IPv4Address></tds:NTPManual>";
                refused_unchanged(d, "tds:SetNTP", body, V4, "tds:GetNTP")
            },
        ),
        case(
            "DEVICE-2-1-16",
            "SetNTP with an IPv6 address that is none",
            "STG",
            &[NTP, IPV6],
            |d| {
                let body = "<tds:FromDHCP>false</tds:FromDHCP><tds:NTPManual><tt:Type>IPv6</tt:Type><tt:IPv6Address>FF02:1</tt:IPv6Address></tds:NTPManual>";
                refused_unchanged(d, "tds:SetNTP", body, V6, "tds:GetNTP")
            },
        ),
        case("DEVICE-2-1-17", "GetNetworkInterfaces", "STG", &[], |d| {
            let a = d.call("tds:GetNetworkInterfaces", "")?;
            let all = a.all("NetworkInterfaces");
            check!(!all.is_empty(), "no interface");
            for i in all {
                i.attr("token").present("token")?;
                i.text_of("Enabled").present("Enabled")?;
                i.text_of("Info/HwAddress").present("Info/HwAddress")?;
            }
            check!(
                a.find("NetworkInterfaces/IPv4/Config").is_some(),
                "no interface with IPv4"
            );
            Ok(())
        }),
        case(
            "DEVICE-2-1-20",
            "SetNetworkInterfaces with an IPv4 address that is none",
            "STG",
            &[Need::Network],
            |d| {
                let inner = "<tt:IPv4><tt:Enabled>true</tt:Enabled><tt:Manual><tt:Address>10.1.1</tt:Address><tt:PrefixLength>24</tt:PrefixLength></tt:Manual><tt:DHCP>false</tt:DHCP></tt:IPv4>";
                interface_refused(d, inner, V4)
            },
        ),
        case(
            "DEVICE-2-1-21",
            "SetNetworkInterfaces with an IPv6 address that is none",
            "STG",
            &[Need::Network, IPV6],
            |d| {
                let inner = "<tt:IPv6><tt:Enabled>true</tt:Enabled><tt:Manual><tt:Address>FF02:1</tt:Address><tt:PrefixLength>64</tt:PrefixLength></tt:Manual><tt:DHCP>Off</tt:DHCP></tt:IPv6>";
                interface_refused(d, inner, V6)
            },
        ),
        case(
            "X-NETWORK-1",
            "SetNetworkInterfaces, an interface that does not exist",
            "STG",
            &[Need::Network],
            |d| {
                let body = "<tds:InterfaceToken>conformance-unknown</tds:InterfaceToken><tds:NetworkInterface/>";
                d.refused(
                    "tds:SetNetworkInterfaces",
                    body,
                    "Sender/InvalidArgVal/InvalidNetworkInterface",
                )
            },
        ),
        case(
            "DEVICE-2-1-33",
            "GetNetworkProtocols lists HTTP and RTSP",
            "STG",
            &[],
            |d| {
                let names = d
                    .call("tds:GetNetworkProtocols", "")?
                    .texts("NetworkProtocols/Name");
                check!(names.contains(&"HTTP".into()), "no HTTP: {names:?}");
                let streams = d.features().services.contains_key("trt")
                    || d.features().services.contains_key("tr2");
                check!(
                    !streams || names.contains(&"RTSP".into()),
                    "no RTSP: {names:?}"
                );
                Ok(())
            },
        ),
        case(
            "DEVICE-2-1-34",
            "SetNetworkProtocols changes RTSP's port and switch",
            "STG",
            &[Need::Disruptive],
            protocols,
        ),
        case(
            "DEVICE-2-1-35",
            "SetNetworkProtocols with a protocol that is not there",
            "STG",
            &[],
            unknown_protocol,
        ),
        case(
            "DEVICE-2-1-25",
            "GetNetworkDefaultGateway",
            "STG",
            &[],
            |d| {
                d.call("tds:GetNetworkDefaultGateway", "")?
                    .find("NetworkGateway")
                    .present("NetworkGateway")?;
                Ok(())
            },
        ),
        case(
            "DEVICE-2-1-28",
            "SetNetworkDefaultGateway with an IPv4 address that is none",
            "STG",
            &[],
            |d| {
                let body = "<tds:IPv4Address>10.1.1</tds:IPv4Address>";
                refused_unchanged(
                    d,
                    "tds:SetNetworkDefaultGateway",
                    body,
                    "Sender/InvalidArgVal/InvalidGatewayAddress",
                    "tds:GetNetworkDefaultGateway",
                )
            },
        ),
        case(
            "DEVICE-2-1-29",
            "SetNetworkDefaultGateway with an IPv6 address that is none",
            "STG",
            &[IPV6],
            |d| {
                let body = "<tds:IPv6Address>FF02:1</tds:IPv6Address>";
                refused_unchanged(
                    d,
                    "tds:SetNetworkDefaultGateway",
                    body,
                    "Sender/InvalidArgVal/InvalidGatewayAddress",
                    "tds:GetNetworkDefaultGateway",
                )
            },
        ),
        case(
            "DEVICE-2-1-30",
            "SetNetworkDefaultGateway with an IPv4 address, read back",
            "STG",
            &[Need::Network],
            gateway,
        ),
        case(
            "DEVICE-2-1-31",
            "SetNetworkDefaultGateway with an IPv6 address, read back",
            "STG",
            &[Need::Network, IPV6],
            gateway_v6,
        ),
        case(
            "DEVICE-2-1-36",
            "GetDynamicDNS",
            "STG",
            &[Need::Flag("tds", "Network@DynDNS")],
            |d| {
                d.call("tds:GetDynamicDNS", "")?
                    .text_of("DynamicDNSInformation/Type")
                    .present("Type")?;
                Ok(())
            },
        ),
        case(
            "DEVICE-2-1-37",
            "SetDynamicDNS, read back as written",
            "STG",
            &[Need::Flag("tds", "Network@DynDNS"), Need::Network],
            dynamic_dns,
        ),
        case(
            "IPCONFIG-1-1-5",
            "SetZeroConfiguration",
            "STG",
            &[
                Need::Flag("tds", "Network@ZeroConfiguration"),
                Need::Network,
            ],
            zero_configuration,
        ),
        case(
            "DEVICE-7-1-1",
            "GetIPAddressFilter",
            "STG",
            &[FILTER],
            |d| {
                d.call("tds:GetIPAddressFilter", "")?
                    .text_of("IPAddressFilter/Type")
                    .present("Type")?;
                Ok(())
            },
        ),
        case(
            "DEVICE-7-1-2",
            "SetIPAddressFilter",
            "STG",
            &[FILTER, Need::Network],
            |d| filter(d, "tds:SetIPAddressFilter"),
        ),
        case(
            "DEVICE-7-1-3",
            "AddIPAddressFilter",
            "STG",
            &[FILTER, Need::Network],
            |d| filter(d, "tds:AddIPAddressFilter"),
        ),
        case(
            "DEVICE-7-1-4",
            "RemoveIPAddressFilter",
            "STG",
            &[FILTER, Need::Network],
            |d| filter(d, "tds:RemoveIPAddressFilter"),
        ),
    ]
}

/// Whether two texts are the same address.
fn same_ip(a: &str, b: &str) -> bool {
    match (a.parse::<std::net::IpAddr>(), b.parse::<std::net::IpAddr>()) {
        (Ok(a), Ok(b)) => a == b,
        _ => a == b,
    }
}

/// A refused change leaves what `get` answers as it was.
fn refused_unchanged(d: &Device, set: &str, body: &str, chain: &str, get: &str) -> Outcome {
    let before = d.call(get, "")?;
    d.refused(set, body, chain)?;
    check!(
        d.call(get, "")? == before,
        "{get} answers something else after the refusal"
    );
    Ok(())
}

fn hostname(d: &Device) -> Outcome<(String, bool)> {
    let a = d.call("tds:GetHostname", "")?;
    Ok((
        a.text_of("HostnameInformation/Name")
            .unwrap_or_default()
            .to_owned(),
        a.text_of("HostnameInformation/FromDHCP") == Some("true"),
    ))
}

fn set_hostname(d: &Device) -> Outcome {
    let (old, dhcp) = hostname(d)?;
    let new = "Onvif-Test0-oNvif-Onv12";
    d.call("tds:SetHostname", &format!("<tds:Name>{new}</tds:Name>"))?;
    let read = hostname(d);
    if dhcp {
        d.call(
            "tds:SetHostnameFromDHCP",
            "<tds:FromDHCP>true</tds:FromDHCP>",
        )?;
    } else {
        d.call(
            "tds:SetHostname",
            &format!("<tds:Name>{}</tds:Name>", escape(&old)),
        )?;
    }
    let (name, dhcp) = read?;
    check!(name == new && !dhcp, "{name:?}, FromDHCP {dhcp}");
    Ok(())
}

/// Sets DNS, judges what is read, and restores.
fn dns(d: &Device, body: &str, judge: impl FnOnce(&Element) -> Outcome) -> Outcome {
    let before = d.call("tds:GetDNS", "")?;
    let before = before.find("DNSInformation").present("DNSInformation")?;
    d.call("tds:SetDNS", body)?;
    let read = d.call("tds:GetDNS", "");
    let tds = crate::soap::ns("tds");
    let mut restore = format!(
        "<tds:FromDHCP>{}</tds:FromDHCP>",
        before.text_of("FromDHCP").unwrap_or("false")
    );
    for part in ["SearchDomain", "DNSManual"] {
        for e in before.all(part) {
            restore += &e.clone().named(tds, part).to_xml();
        }
    }
    d.call("tds:SetDNS", &restore)?;
    judge(read?.find("DNSInformation").present("DNSInformation")?)
}

fn restore_ntp(d: &Device, before: &Element) -> Outcome {
    let tds = crate::soap::ns("tds");
    let mut restore = format!(
        "<tds:FromDHCP>{}</tds:FromDHCP>",
        before.text_of("FromDHCP").unwrap_or("false")
    );
    for e in before.all("NTPManual") {
        restore += &e.clone().named(tds, "NTPManual").to_xml();
    }
    d.call("tds:SetNTP", &restore)?;
    Ok(())
}

fn ntp(d: &Device, inner: &str, kind: &str, address: &str) -> Outcome {
    let before = d.call("tds:GetNTP", "")?;
    let before = before.find("NTPInformation").present("NTPInformation")?;
    d.call(
        "tds:SetNTP",
        &format!("<tds:FromDHCP>false</tds:FromDHCP><tds:NTPManual>{inner}</tds:NTPManual>"),
    )?;
    let read = d.call("tds:GetNTP", "");
    restore_ntp(d, before)?;
    let read = read?;
    check!(
        read.text_of("NTPInformation/FromDHCP") == Some("false"),
        "FromDHCP is not false"
    );
    let found = read.texts(&format!("NTPInformation/NTPManual/{kind}"));
    check!(
        found.len() == 1 && same_ip(&found[0], address),
        "{found:?} where {address} was set"
    );
    Ok(())
}

fn ntp_from_dhcp(d: &Device) -> Outcome {
    let before = d.call("tds:GetNTP", "")?;
    let before = before.find("NTPInformation").present("NTPInformation")?;
    d.call("tds:SetNTP", "<tds:FromDHCP>true</tds:FromDHCP>")?;
    let read = d.call("tds:GetNTP", "");
    restore_ntp(d, before)?;
    check!(
        read?.text_of("NTPInformation/FromDHCP") == Some("true"),
        "FromDHCP is not true"
    );
    Ok(())
}

fn interface_refused(d: &Device, inner: &str, chain: &str) -> Outcome {
    let a = d.call("tds:GetNetworkInterfaces", "")?;
    let token = a
        .find("NetworkInterfaces")
        .and_then(|i| i.attr("token"))
        .present("an interface")?;
    let body = format!(
        "<tds:InterfaceToken>{}</tds:InterfaceToken><tds:NetworkInterface>{inner}</tds:NetworkInterface>",
        escape(token)
    );
    refused_unchanged(
        d,
        "tds:SetNetworkInterfaces",
        &body,
        chain,
        "tds:GetNetworkInterfaces",
    )
}

fn protocol(name: &str, enabled: bool, port: &str) -> String {
    format!(
        "<tds:NetworkProtocols><tt:Name>{name}</tt:Name><tt:Enabled>{enabled}</tt:Enabled><tt:Port>{port}</tt:Port></tds:NetworkProtocols>"
    )
}

fn rtsp(d: &Device) -> Outcome<(bool, String)> {
    let a = d.call("tds:GetNetworkProtocols", "")?;
    let found = a
        .all("NetworkProtocols")
        .into_iter()
        .find(|p| p.text_of("Name") == Some("RTSP"));
    let Some(p) = found else {
        skip!("RTSP is not listed")
    };
    Ok((
        p.text_of("Enabled") == Some("true"),
        p.text_of("Port").unwrap_or("554").to_owned(),
    ))
}

fn protocols(d: &Device) -> Outcome {
    let (enabled, port) = rtsp(d)?;
    let judged = (|| {
        d.call("tds:SetNetworkProtocols", &protocol("RTSP", true, "10554"))?;
        let (on, at) = rtsp(d)?;
        check!(
            on && at == "10554",
            "enabled {on}, port {at} where true, 10554 was set"
        );
        d.call("tds:SetNetworkProtocols", &protocol("RTSP", false, "10554"))?;
        check!(!rtsp(d)?.0, "RTSP is still enabled");
        Ok(())
    })();
    d.call("tds:SetNetworkProtocols", &protocol("RTSP", enabled, &port))?;
    judged
}

fn unknown_protocol(d: &Device) -> Outcome {
    let names = d
        .call("tds:GetNetworkProtocols", "")?
        .texts("NetworkProtocols/Name");
    let Some(name) = ["HTTPS", "RTSP"]
        .into_iter()
        .find(|n| !names.contains(&(*n).to_string()))
    else {
        skip!("every protocol is there: {names:?}");
    };
    d.refused(
        "tds:SetNetworkProtocols",
        &protocol(name, true, "443"),
        "Sender/InvalidArgVal/ServiceNotSupported",
    )
}

fn dynamic_dns(d: &Device) -> Outcome {
    let before = d.call("tds:GetDynamicDNS", "")?;
    let was = before
        .text_of("DynamicDNSInformation/Type")
        .present("Type")?;
    let mut kept = Vec::new();
    for (wanted, ttl) in [
        ("NoUpdate", "PT20S"),
        ("ServerUpdates", "PT25S"),
        ("ClientUpdates", "PT30S"),
    ] {
        let body = format!("<tds:Type>{wanted}</tds:Type><tds:TTL>{ttl}</tds:TTL>");
        match d.call("tds:SetDynamicDNS", &body) {
            // Who updates the name is the device's choice; that nobody does it is not.
            Err(e) if wanted == "NoUpdate" => return Err(e),
            Err(_) => continue,
            Ok(_) => {}
        }
        let read = d.call("tds:GetDynamicDNS", "")?;
        let found = read
            .text_of("DynamicDNSInformation/Type")
            .unwrap_or_default()
            .to_owned();
        let time = read.text_of("DynamicDNSInformation/TTL").map(str::to_owned);
        kept.push((wanted, ttl, found, time));
    }
    let name = before.text_of("DynamicDNSInformation/Name");
    let name = name
        .map(|n| format!("<tds:Name>{}</tds:Name>", escape(n)))
        .unwrap_or_default();
    d.call(
        "tds:SetDynamicDNS",
        &format!("<tds:Type>{was}</tds:Type>{name}"),
    )?;
    for (wanted, ttl, found, time) in kept {
        check!(found == wanted, "{wanted} is read as '{found}'");
        check!(
            time.as_deref().is_none_or(|t| t == ttl),
            "{wanted}: TTL {ttl} is read as {time:?}"
        );
    }
    Ok(())
}

fn zero_configuration(d: &Device) -> Outcome {
    let before = d.call("tds:GetZeroConfiguration", "")?;
    let zero = before
        .find("ZeroConfiguration")
        .present("ZeroConfiguration")?;
    let token = escape(zero.text_of("InterfaceToken").present("InterfaceToken")?);
    let was = zero.text_of("Enabled").unwrap_or("false");
    let set = |on: &str| {
        let body = format!(
            "<tds:InterfaceToken>{token}</tds:InterfaceToken><tds:Enabled>{on}</tds:Enabled>"
        );
        d.call("tds:SetZeroConfiguration", &body)
    };
    set("true")?;
    let end = std::time::Instant::now() + d.options().operation_delay;
    let judged = loop {
        let a = d.call("tds:GetZeroConfiguration", "")?;
        let on = a.text_of("ZeroConfiguration/Enabled") == Some("true");
        if on && a.find("ZeroConfiguration/Addresses").is_some() {
            break Ok(());
        }
        if std::time::Instant::now() > end {
            break Err(crate::case::Stop::Fail(format!(
                "enabled {on}, and no address in time"
            )));
        }
        d.wait(std::time::Duration::from_millis(300))?;
    };
    set(was)?;
    judged
}

/// Only where addresses are set by hand: a gateway from DHCP is not the caller's to change.
fn gateway(d: &Device) -> Outcome {
    let interfaces = d.call("tds:GetNetworkInterfaces", "")?;
    if interfaces
        .texts("NetworkInterfaces/IPv4/Config/DHCP")
        .contains(&"true".into())
    {
        skip!("IPv4 comes from DHCP");
    }
    set_gateway(d, "IPv4Address", "10.1.1.1")
}

/// The same for IPv6, where an address is entered by hand.
fn gateway_v6(d: &Device) -> Outcome {
    let interfaces = d.call("tds:GetNetworkInterfaces", "")?;
    let config = "NetworkInterfaces/IPv6/Config";
    if interfaces.find(&format!("{config}/Manual")).is_none() {
        skip!("no IPv6 address is entered by hand");
    }
    set_gateway(d, "IPv6Address", "2001:1:1:1:1:1:1:1")
}

/// Sets a gateway, judges what is read, and restores.
fn set_gateway(d: &Device, kind: &str, address: &str) -> Outcome {
    let before = d.call("tds:GetNetworkDefaultGateway", "")?;
    let old: String = before
        .texts(&format!("NetworkGateway/{kind}"))
        .iter()
        .map(|a| format!("<tds:{kind}>{}</tds:{kind}>", escape(a)))
        .collect();
    let body = format!("<tds:{kind}>{address}</tds:{kind}>");
    d.call("tds:SetNetworkDefaultGateway", &body)?;
    let read = d.call("tds:GetNetworkDefaultGateway", "");
    d.call("tds:SetNetworkDefaultGateway", &old)?;
    let found = read?.texts(&format!("NetworkGateway/{kind}"));
    check!(
        found.iter().any(|a| same_ip(a, address)),
        "{found:?} where {address} was set"
    );
    Ok(())
}

/// Fills, adds to and empties the filter; `last` is the operation that the case is about.
fn filter(d: &Device, last: &str) -> Outcome {
    let before = d.call("tds:GetIPAddressFilter", "")?;
    let old = before.find("IPAddressFilter").present("IPAddressFilter")?;
    let tds = crate::soap::ns("tds");
    let body = |addresses: &[&str]| {
        let list: String = addresses
            .iter()
            .map(|a| format!("<tt:IPv4Address><tt:Address>{a}</tt:Address><tt:PrefixLength>32</tt:PrefixLength></tt:IPv4Address>"))
            .collect();
        format!("<tds:IPAddressFilter><tt:Type>Deny</tt:Type>{list}</tds:IPAddressFilter>")
    };
    let read = || -> Outcome<(String, Vec<String>)> {
        let a = d.call("tds:GetIPAddressFilter", "")?;
        let kind = a
            .text_of("IPAddressFilter/Type")
            .unwrap_or_default()
            .to_owned();
        Ok((kind, a.texts("IPAddressFilter/IPv4Address/Address")))
    };
    let expect = |list: &[&str]| {
        let (kind, found) = read()?;
        if kind != "Deny" || found != list {
            fail!("{kind} {found:?} where Deny {list:?} is due");
        }
        Ok(())
    };
    let judged = (|| {
        d.call("tds:SetIPAddressFilter", &body(&["192.0.2.77"]))?;
        expect(&["192.0.2.77"])?;
        if last == "tds:SetIPAddressFilter" {
            d.call(last, &body(&[]))?;
            return expect(&[]);
        }
        d.call("tds:AddIPAddressFilter", &body(&["192.0.2.78"]))?;
        expect(&["192.0.2.77", "192.0.2.78"])?;
        if last == "tds:RemoveIPAddressFilter" {
            d.call(last, &body(&["192.0.2.77"]))?;
            expect(&["192.0.2.78"])?;
        }
        Ok(())
    })();
    d.call(
        "tds:SetIPAddressFilter",
        &old.clone().named(tds, "IPAddressFilter").to_xml(),
    )?;
    judged
}
