//! Capabilities and services: DEVICE-1-1-x and the services' own consistency cases.

use std::collections::BTreeSet;

use crate::{
    case::{Case, LIMIT, Need, Outcome, Present, Run, case},
    check,
    device::Device,
    fail, skip, soap,
    xml::Element,
};

const NO_SERVICE: &str = "Receiver/ActionNotSupported/NoSuchService";

/// The cases of this file.
pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        case(
            "DEVICE-1-1-2",
            "GetCapabilities, all categories",
            "S",
            &[],
            all_capabilities,
        ),
        case(
            "DEVICE-1-1-9",
            "GetCapabilities, a category that does not exist",
            "S",
            &[],
            |d| {
                let body = "<tds:Category>XYZ</tds:Category>";
                let fault = d.fault("tds:GetCapabilities", body)?;
                check!(
                    fault.codes[0] == "Sender",
                    "fault {} where Sender is due",
                    fault.chain()
                );
                Ok(())
            },
        ),
        case(
            "DEVICE-1-1-18",
            "GetServiceCapabilities of the device service",
            "STMG",
            &[],
            |d| {
                let a = d.call("tds:GetServiceCapabilities", "")?;
                for part in ["Network", "Security", "System"] {
                    a.find(&format!("Capabilities/{part}")).present(part)?;
                }
                Ok(())
            },
        ),
        case(
            "DEVICE-1-1-30",
            "GetCapabilities and GetServices agree",
            "S",
            &[],
            old_and_new,
        ),
        case(
            "DEVICE-1-1-31",
            "XAddrs have scheme, host and port of the request",
            "STMG",
            &[],
            xaddrs,
        ),
        case("X-WSDL", "GetWsdlUrl is a URL", "S", &[], |d| {
            let a = d.call("tds:GetWsdlUrl", "")?;
            let url = a.text_of("WsdlUrl").present("WsdlUrl")?.to_owned();
            check!(url::Url::parse(&url).is_ok(), "{url:?} is no URL");
            Ok(())
        }),
        case(
            "X-SUPPORT-S",
            "mandatory features of Profile S, by scope",
            "S",
            &[],
            support_s,
        ),
        case(
            "X-SUPPORT-T",
            "mandatory features of Profile T, by scope",
            "T",
            &[],
            support_t,
        ),
        case(
            "X-SUPPORT-M",
            "mandatory features of Profile M, by scope",
            "M",
            &[],
            support_m,
        ),
        case(
            "X-UNKNOWN",
            "an operation that does not exist is refused",
            "STM",
            &[],
            unknown_operation,
        ),
        case(
            "X-MALFORMED",
            "what is no XML is refused, and the device lives on",
            "STM",
            &[],
            malformed,
        ),
    ];
    for (id, category) in [
        ("DEVICE-1-1-3", "Device"),
        ("DEVICE-1-1-4", "Media"),
        ("DEVICE-1-1-5", "Events"),
        ("DEVICE-1-1-6", "PTZ"),
        ("DEVICE-1-1-10", "Imaging"),
        ("DEVICE-1-1-11", "Analytics"),
    ] {
        cases.push(Case {
            id: id.into(),
            title: format!("GetCapabilities, category {category} alone"),
            profiles: "S",
            needs: std::borrow::Cow::Borrowed(&[]),
            run: Run::For(one_category, category),
            limit: LIMIT,
        });
    }
    // Case, prefix, profiles.
    for (id, prefix, profiles, needs) in [
        ("DEVICE-1-1-13", "tds", "STMG", &[Need::Service("tds")]),
        ("DEVICE-1-1-14", "trt", "S", &[Need::Service("trt")]),
        ("DEVICE-1-1-15", "tptz", "ST", &[Need::Service("tptz")]),
        ("DEVICE-1-1-16", "tev", "STMG", &[Need::Service("tev")]),
        ("DEVICE-1-1-17", "timg", "STM", &[Need::Service("timg")]),
        ("DEVICE-1-1-20", "trp", "G", &[Need::Service("trp")]),
        ("DEVICE-1-1-21", "tse", "G", &[Need::Service("tse")]),
        ("DEVICE-1-1-22", "trc", "G", &[Need::Service("trc")]),
        ("DEVICE-1-1-23", "trv", "G", &[Need::Service("trv")]),
        ("DEVICE-1-1-26", "tas", "T", &[Need::Service("tas")]),
        ("X-SERVICE-tr2", "tr2", "TM", &[Need::Service("tr2")]),
        ("X-SERVICE-tan", "tan", "TM", &[Need::Service("tan")]),
        ("X-SERVICE-tmd", "tmd", "STM", &[Need::Service("tmd")]),
    ] {
        cases.push(Case {
            id: id.into(),
            title: format!(
                "GetServices lists {} with and without capabilities",
                soap::ns(prefix)
            ),
            profiles,
            needs: needs.into(),
            run: Run::For(service, prefix),
            limit: LIMIT,
        });
    }
    for (id, prefix, profiles, needs) in [
        ("DEVICE-1-1-19", "tds", "STMG", &[Need::Service("tds")]),
        ("EVENT-5-1-2", "tev", "STMG", &[Need::Service("tev")]),
        ("MEDIA2-7-1-2", "tr2", "TM", &[Need::Service("tr2")]),
        ("IMAGING-3-1-2", "timg", "TM", &[Need::Service("timg")]),
        ("ANALYTICS-3-1-1", "tan", "TM", &[Need::Service("tan")]),
        (
            "ADVANCED_SECURITY-5-1-2",
            "tas",
            "T",
            &[Need::Service("tas")],
        ),
        ("RECORDING-1-1-3", "trc", "G", &[Need::Service("trc")]),
        ("SEARCH-1-1-2", "tse", "G", &[Need::Service("tse")]),
        ("X-CAPABILITIES-trt", "trt", "S", &[Need::Service("trt")]),
        ("X-CAPABILITIES-tmd", "tmd", "STM", &[Need::Service("tmd")]),
    ] {
        cases.push(Case {
            id: id.into(),
            title: format!(
                "GetServices and GetServiceCapabilities agree: {}",
                soap::ns(prefix)
            ),
            profiles,
            needs: needs.into(),
            run: Run::For(same_capabilities, prefix),
            limit: LIMIT,
        });
    }
    cases
}

fn all_capabilities(d: &Device) -> Outcome {
    let a = d.call("tds:GetCapabilities", "<tds:Category>All</tds:Category>")?;
    for category in ["Device", "Events"] {
        let address = a.text_of(&format!("Capabilities/{category}/XAddr"));
        let address = address.present(&format!("{category}/XAddr"))?;
        check!(url::Url::parse(address).is_ok(), "{address:?} is no URL");
    }
    for (prefix, category) in [
        ("trt", "Media"),
        ("timg", "Imaging"),
        ("tptz", "PTZ"),
        ("tan", "Analytics"),
    ] {
        let listed = d.features().services.contains_key(prefix);
        let there = a.find(&format!("Capabilities/{category}")).is_some();
        check!(
            listed == there,
            "{category}: GetCapabilities {there}, GetServices {listed}"
        );
    }
    Ok(())
}

fn one_category(d: &Device, category: &'static str) -> Outcome {
    let body = format!("<tds:Category>{category}</tds:Category>");
    let prefix = match category {
        "Device" => "tds",
        "Media" => "trt",
        "Events" => "tev",
        "PTZ" => "tptz",
        "Imaging" => "timg",
        _ => "tan",
    };
    if !d.features().services.contains_key(prefix) {
        return d.refused("tds:GetCapabilities", &body, NO_SERVICE);
    }
    let a = d.call("tds:GetCapabilities", &body)?;
    let address = a.text_of(&format!("Capabilities/{category}/XAddr"));
    let address = address.present("XAddr")?;
    check!(url::Url::parse(address).is_ok(), "{address:?} is no URL");
    for other in ["Device", "Media", "Events", "PTZ", "Imaging", "Analytics"] {
        let there = a.find(&format!("Capabilities/{other}")).is_some();
        check!(other == category || !there, "{other} is there as well");
    }
    Ok(())
}

fn services(d: &Device, with: bool) -> Outcome<Element> {
    let body = format!("<tds:IncludeCapability>{with}</tds:IncludeCapability>");
    d.call("tds:GetServices", &body)
}

fn listed<'a>(services: &'a Element, prefix: &str) -> Outcome<&'a Element> {
    services
        .all("Service")
        .into_iter()
        .find(|s| s.text_of("Namespace") == Some(soap::ns(prefix)))
        .present(&format!("the service {}", soap::ns(prefix)))
}

fn service(d: &Device, prefix: &'static str) -> Outcome {
    let without = services(d, false)?;
    check!(
        listed(&without, prefix)?.find("Capabilities").is_none(),
        "Capabilities although none were asked for"
    );
    let with = services(d, true)?;
    let capabilities = listed(&with, prefix)?.find("Capabilities");
    let capabilities = capabilities.present("Capabilities")?;
    let inner = capabilities.children.first();
    let inner = inner.present("the service's own Capabilities")?;
    check!(
        inner.name.ns == soap::ns(prefix) && inner.name.name == "Capabilities",
        "{} where the service's own Capabilities are due",
        inner.name
    );
    let violations = d.schemas().violations(inner);
    check!(violations.is_empty(), "{}", violations.join("; "));
    Ok(())
}

fn same_capabilities(d: &Device, prefix: &'static str) -> Outcome {
    let all = services(d, true)?;
    let path = "Capabilities/Capabilities";
    let one = listed(&all, prefix)?.find(path).present("Capabilities")?;
    let a = d.call(&format!("{prefix}:GetServiceCapabilities"), "")?;
    let two = a.find("Capabilities").present("Capabilities")?;
    let (one, two) = (flat(one, ""), flat(two, ""));
    let differing: Vec<&String> = one.symmetric_difference(&two).collect();
    check!(differing.is_empty(), "these differ: {differing:?}");
    Ok(())
}

/// Every attribute and text as `path=value`.
fn flat(element: &Element, path: &str) -> BTreeSet<String> {
    let mut all: BTreeSet<String> = element
        .attributes
        .iter()
        .map(|(n, v)| format!("{path}@{}={v}", n.name))
        .collect();
    if !element.text.trim().is_empty() {
        all.insert(format!("{path}={}", element.text.trim()));
    }
    for child in &element.children {
        all.extend(flat(child, &format!("{path}/{}", child.name.name)));
    }
    all
}

fn old_and_new(d: &Device) -> Outcome {
    let a = d.call("tds:GetCapabilities", "<tds:Category>All</tds:Category>")?;
    let old = a.find("Capabilities").present("Capabilities")?;
    let features = d.features();
    // Path in the old tree, service and capability in the new one.
    let pairs = [
        ("Device/Network/IPFilter", "tds", "Network@IPFilter"),
        (
            "Device/Network/ZeroConfiguration",
            "tds",
            "Network@ZeroConfiguration",
        ),
        ("Device/Network/IPVersion6", "tds", "Network@IPVersion6"),
        ("Device/Network/DynDNS", "tds", "Network@DynDNS"),
        (
            "Device/Network/Extension/Dot11Configuration",
            "tds",
            "Network@Dot11Configuration",
        ),
        (
            "Device/System/DiscoveryResolve",
            "tds",
            "System@DiscoveryResolve",
        ),
        ("Device/System/DiscoveryBye", "tds", "System@DiscoveryBye"),
        (
            "Device/System/RemoteDiscovery",
            "tds",
            "System@RemoteDiscovery",
        ),
        ("Device/System/SystemBackup", "tds", "System@SystemBackup"),
        ("Device/System/SystemLogging", "tds", "System@SystemLogging"),
        (
            "Device/System/FirmwareUpgrade",
            "tds",
            "System@FirmwareUpgrade",
        ),
        (
            "Device/System/Extension/HttpFirmwareUpgrade",
            "tds",
            "System@HttpFirmwareUpgrade",
        ),
        (
            "Device/System/Extension/HttpSystemBackup",
            "tds",
            "System@HttpSystemBackup",
        ),
        (
            "Device/System/Extension/HttpSystemLogging",
            "tds",
            "System@HttpSystemLogging",
        ),
        (
            "Device/System/Extension/HttpSupportInformation",
            "tds",
            "System@HttpSupportInformation",
        ),
        ("Device/Security/TLS1.1", "tds", "Security@TLS1.1"),
        ("Device/Security/TLS1.2", "tds", "Security@TLS1.2"),
        ("Device/Security/Extension/TLS1.0", "tds", "Security@TLS1.0"),
        (
            "Device/Security/OnboardKeyGeneration",
            "tds",
            "Security@OnboardKeyGeneration",
        ),
        (
            "Device/Security/AccessPolicyConfig",
            "tds",
            "Security@AccessPolicyConfig",
        ),
        ("Device/Security/X.509Token", "tds", "Security@X.509Token"),
        ("Device/Security/SAMLToken", "tds", "Security@SAMLToken"),
        (
            "Device/Security/KerberosToken",
            "tds",
            "Security@KerberosToken",
        ),
        ("Device/Security/RELToken", "tds", "Security@RELToken"),
        (
            "Device/Security/Extension/Extension/Dot1X",
            "tds",
            "Security@Dot1X",
        ),
        (
            "Device/Security/Extension/Extension/RemoteUserHandling",
            "tds",
            "Security@RemoteUserHandling",
        ),
        (
            "Events/WSSubscriptionPolicySupport",
            "tev",
            "@WSSubscriptionPolicySupport",
        ),
        ("Events/WSPullPointSupport", "tev", "@WSPullPointSupport"),
        (
            "Events/WSPausableSubscriptionManagerInterfaceSupport",
            "tev",
            "@WSPausableSubscriptionManagerInterfaceSupport",
        ),
        ("Analytics/RuleSupport", "tan", "@RuleSupport"),
        (
            "Analytics/AnalyticsModuleSupport",
            "tan",
            "@AnalyticsModuleSupport",
        ),
        (
            "Media/StreamingCapabilities/RTPMulticast",
            "trt",
            "StreamingCapabilities@RTPMulticast",
        ),
        (
            "Media/StreamingCapabilities/RTP_TCP",
            "trt",
            "StreamingCapabilities@RTP_TCP",
        ),
        (
            "Media/StreamingCapabilities/RTP_RTSP_TCP",
            "trt",
            "StreamingCapabilities@RTP_RTSP_TCP",
        ),
    ];
    for (path, prefix, new) in pairs {
        let was = matches!(old.text_of(path), Some("true" | "1"));
        let is = features.flag(prefix, new);
        check!(was == is, "{path} is {was}, {prefix} {new} is {is}");
    }
    Ok(())
}

fn xaddrs(d: &Device) -> Outcome {
    let asked = &d.target().device_service;
    for service in services(d, false)?.all("Service") {
        let text = service.text_of("XAddr").present("XAddr")?;
        let url = match url::Url::parse(text) {
            Ok(url) => url,
            Err(e) => fail!("XAddr {text:?}: {e}"),
        };
        check!(
            url.scheme() == asked.scheme()
                && url.host_str() == asked.host_str()
                && url.port_or_known_default() == asked.port_or_known_default(),
            "XAddr {text} was answered to a request at {asked}"
        );
    }
    Ok(())
}

fn scopes(d: &Device) -> Outcome<Vec<String>> {
    Ok(d.call("tds:GetScopes", "")?.texts("Scopes/ScopeItem"))
}

fn profile_scope(d: &Device, profile: &str) -> Outcome {
    let scope = format!("onvif://www.onvif.org/Profile/{profile}");
    // Profile S devices have "Streaming".
    let streaming = "onvif://www.onvif.org/Profile/Streaming";
    let found = scopes(d)?;
    let there = found.iter().any(|s| {
        *s == scope
            || s.starts_with(&format!("{scope}/"))
            || (profile == "S" && s.as_str() == streaming)
    });
    if !there {
        skip!("no scope {scope}");
    }
    Ok(())
}

fn demands(d: &Device, needs: &[Need]) -> Outcome {
    let features = d.features();
    let lacking: Vec<String> = needs
        .iter()
        .filter_map(|n| features.lacks(*n, d))
        .map(|s| crate::features::told(&s))
        .collect();
    check!(lacking.is_empty(), "{}", lacking.join("; "));
    Ok(())
}

fn support_s(d: &Device) -> Outcome {
    profile_scope(d, "S")?;
    demands(
        d,
        &[
            Need::Service("trt"),
            Need::Service("tev"),
            // Pull points of ONVIF's own, which have no flag; WS-BaseNotification is announced by its number.
            Need::AtLeast("tev", "@MaxPullPoints", 1),
            Need::AtLeast("tev", "@MaxNotificationProducers", 1),
            Need::Flag("tds", "Security@UsernameToken"),
        ],
    )?;
    let options = d.call("trt:GetVideoEncoderConfigurationOptions", "")?;
    check!(
        options.find("Options/JPEG").is_some(),
        "media 1 has no encoder option for JPEG"
    );
    Ok(())
}

fn support_t(d: &Device) -> Outcome {
    profile_scope(d, "T")?;
    demands(
        d,
        &[
            Need::Flag("tds", "Security@HttpDigest"),
            Need::Service("tev"),
            Need::AtLeast("tev", "@MaxPullPoints", 2),
            Need::Service("tr2"),
            Need::Lists(
                "tr2",
                "ProfileCapabilities@ConfigurationsSupported",
                "VideoSource",
            ),
            Need::Lists(
                "tr2",
                "ProfileCapabilities@ConfigurationsSupported",
                "VideoEncoder",
            ),
            Need::Lists(
                "tr2",
                "ProfileCapabilities@ConfigurationsSupported",
                "Metadata",
            ),
            Need::Flag("tr2", "StreamingCapabilities@RTSPStreaming"),
            Need::Flag("tr2", "@SnapshotUri"),
            Need::Topic("Media/ProfileChanged"),
            Need::Topic("Media/ConfigurationChanged"),
            Need::Service("timg"),
        ],
    )?;
    let encodings = d.features().encodings.clone();
    check!(
        encodings.iter().any(|e| e == "H264" || e == "H265"),
        "neither H.264 nor H.265: {encodings:?}"
    );
    Ok(())
}

fn support_m(d: &Device) -> Outcome {
    profile_scope(d, "M")?;
    demands(
        d,
        &[
            Need::Flag("tds", "Security@HttpDigest"),
            Need::Service("tr2"),
            Need::Lists(
                "tr2",
                "ProfileCapabilities@ConfigurationsSupported",
                "Analytics",
            ),
            Need::Lists(
                "tr2",
                "ProfileCapabilities@ConfigurationsSupported",
                "Metadata",
            ),
            Need::Service("tan"),
            Need::Flag("tan", "@AnalyticsModuleSupport"),
            Need::Flag("tan", "@SupportedMetadata"),
            Need::Topic("Media/ProfileChanged"),
            Need::Topic("Media/ConfigurationChanged"),
        ],
    )?;
    let sending = d
        .features()
        .capability("tan", "@ImageSendingType")
        .map(str::to_owned);
    check!(
        sending.is_some_and(|s| !s.trim().is_empty()),
        "no ImageSendingType"
    );
    Ok(())
}

fn unknown_operation(d: &Device) -> Outcome {
    let fault = d.fault("tds:GetNothingAtAll", "")?;
    check!(
        fault.chain().contains("ActionNotSupported") || fault.codes[0] == "Sender",
        "fault {}",
        fault.chain()
    );
    Ok(())
}

fn malformed(d: &Device) -> Outcome {
    let url = d.target().device_service.to_string();
    let kind = "application/soap+xml; charset=utf-8";
    for text in [
        "",
        "nonsense",
        "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\"><s:Body>",
        "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\"/>",
        "<!DOCTYPE x [<!ENTITY a \"b\">]><x>&a;</x>",
    ] {
        let auth = d.administrator();
        let answer = d.http(
            &auth,
            "POST",
            &url,
            "malformed",
            Some((text.as_bytes(), kind)),
        )?;
        check!(
            (400..600).contains(&answer.status),
            "HTTP {} to {text:?}",
            answer.status
        );
    }
    d.call("tds:GetSystemDateAndTime", "")?;
    Ok(())
}
