//! What is announced is announced both ways, and only what answers (Core §8.1.2; test cases DEVICE-1-1-19,
//! DEVICE-1-1-30).

mod common;

use common::{ADMIN, As, Bench};
use onvif_contracts::{tan, tds, tev, trt};

const DEVICE: &str = "/onvif/device_service";

/// The `Capabilities` element of a text, with its prefix.
fn capabilities<'t>(text: &'t str, prefix: &str) -> &'t str {
    let start = text
        .find(&format!("<{prefix}:Capabilities"))
        .unwrap_or_else(|| panic!("no {prefix}:Capabilities: {text}"));
    let rest = &text[start..];
    let open = rest.find('>').unwrap();
    if rest[..open].ends_with('/') {
        return &rest[..=open];
    }
    let close = format!("</{prefix}:Capabilities>");
    &rest[..rest.find(&close).unwrap() + close.len()]
}

/// DEVICE-1-1-19 and its neighbours for the other services.
#[tokio::test]
async fn services_embed_what_each_says_itself() {
    let bench = Bench::new();
    let body =
        "<tds:GetServices><tds:IncludeCapability>true</tds:IncludeCapability></tds:GetServices>";
    let services = bench.call(DEVICE, body, As::Nobody).await;
    let listed: tds::GetServicesResponse = services.read();
    let all = services.text();
    for service in &listed.service {
        let ns = onvif_xml::Ns::of(&service.namespace);
        let prefix = ns.prefix();
        assert!(!prefix.is_empty(), "{}", service.namespace);
        let body = format!(
            "<{prefix}:GetServiceCapabilities xmlns:{prefix}=\"{}\"/>",
            ns.uri()
        );
        let own = bench.call(DEVICE, &body, As::Nobody).await;
        assert_eq!(own.status, 200, "{}", own.text());
        // `GetServices` has a `tds:Capabilities` around each.
        let embedded = all
            .split("<tds:Service>")
            .find(|s| s.contains(&format!("<tds:Namespace>{}<", ns.uri())))
            .unwrap();
        let inner = embedded.split_once("<tds:Capabilities>").unwrap().1;
        assert_eq!(
            capabilities(inner, prefix),
            capabilities(own.text(), prefix),
            "{}",
            service.namespace
        );
    }
}

/// DEVICE-1-1-30: every flag of the older shape is that of the newer; what is absent is false.
#[tokio::test]
async fn both_shapes_say_the_same() {
    let bench = Bench::new();
    let old: tds::GetCapabilitiesResponse = bench
        .call(DEVICE, "<tds:GetCapabilities/>", As::Nobody)
        .await
        .read();
    let old = old.capabilities;
    let new: tds::GetServiceCapabilitiesResponse = bench
        .call(DEVICE, "<tds:GetServiceCapabilities/>", As::Nobody)
        .await
        .read();
    let new = new.capabilities;
    let device = old.device.unwrap();
    let (network, system) = (device.network.unwrap(), device.system.unwrap());
    let dot11 = network.extension.unwrap().dot11_configuration;
    let http = system.extension.unwrap();
    let security = device.security.unwrap();
    let tls = security.extension.unwrap();
    let more = tls.extension.unwrap();
    let is = Some;
    for (name, old, new) in [
        ("IPFilter", network.ip_filter, new.network.ip_filter),
        (
            "ZeroConfiguration",
            network.zero_configuration,
            new.network.zero_configuration,
        ),
        ("IPVersion6", network.ip_version6, new.network.ip_version6),
        ("DynDNS", network.dyn_dns, new.network.dyn_dns),
        ("Dot11", dot11, new.network.dot11_configuration),
        (
            "DiscoveryResolve",
            is(system.discovery_resolve),
            new.system.discovery_resolve,
        ),
        (
            "DiscoveryBye",
            is(system.discovery_bye),
            new.system.discovery_bye,
        ),
        (
            "RemoteDiscovery",
            is(system.remote_discovery),
            new.system.remote_discovery,
        ),
        (
            "SystemBackup",
            is(system.system_backup),
            new.system.system_backup,
        ),
        (
            "SystemLogging",
            is(system.system_logging),
            new.system.system_logging,
        ),
        ("FirmwareUpgrade", is(system.firmware_upgrade), None),
        (
            "HttpFirmwareUpgrade",
            http.http_firmware_upgrade,
            new.system.http_firmware_upgrade,
        ),
        (
            "HttpSystemBackup",
            http.http_system_backup,
            new.system.http_system_backup,
        ),
        (
            "HttpSystemLogging",
            http.http_system_logging,
            new.system.http_system_logging,
        ),
        (
            "HttpSupportInformation",
            http.http_support_information,
            new.system.http_support_information,
        ),
        ("TLS1.0", is(tls.tls1_0), new.security.tls1_0),
        ("TLS1.1", is(security.tls1_1), new.security.tls1_1),
        ("TLS1.2", is(security.tls1_2), new.security.tls1_2),
        (
            "OnboardKeyGeneration",
            is(security.onboard_key_generation),
            new.security.onboard_key_generation,
        ),
        (
            "AccessPolicyConfig",
            is(security.access_policy_config),
            new.security.access_policy_config,
        ),
        (
            "X.509Token",
            is(security.x_509_token),
            new.security.x_509_token,
        ),
        (
            "SAMLToken",
            is(security.saml_token),
            new.security.saml_token,
        ),
        (
            "KerberosToken",
            is(security.kerberos_token),
            new.security.kerberos_token,
        ),
        ("RELToken", is(security.rel_token), new.security.rel_token),
        ("Dot1X", is(more.dot1x), new.security.dot1x),
        (
            "RemoteUserHandling",
            is(more.remote_user_handling),
            new.security.remote_user_handling,
        ),
    ] {
        assert_eq!(old.unwrap_or(false), new.unwrap_or(false), "{name}");
    }
    let events = old.events.unwrap();
    let answer = bench.call(DEVICE, "<tev:GetServiceCapabilities/>", As::Nobody);
    let new: tev::GetServiceCapabilitiesResponse = answer.await.read();
    let new = new.capabilities;
    assert!(
        !events.ws_pull_point_support,
        "the newer contract has no such word, and GetMessages is not served"
    );
    assert_eq!(
        (
            Some(events.ws_subscription_policy_support),
            Some(events.ws_pausable_subscription_manager_interface_support),
        ),
        (
            new.ws_subscription_policy_support,
            new.ws_pausable_subscription_manager_interface_support,
        )
    );
    let analytics = old.analytics.unwrap();
    let answer = bench.call(DEVICE, "<tan:GetServiceCapabilities/>", As::Nobody);
    let new: tan::GetServiceCapabilitiesResponse = answer.await.read();
    let new = new.capabilities;
    assert!(analytics.x_addr.ends_with("/onvif/analytics_service"));
    assert_eq!(
        (
            Some(analytics.rule_support),
            Some(analytics.analytics_module_support)
        ),
        (new.rule_support, new.analytics_module_support)
    );
    let media = old.media.unwrap().streaming_capabilities;
    let answer = bench.call(DEVICE, "<trt:GetServiceCapabilities/>", ADMIN);
    let new: trt::GetServiceCapabilitiesResponse = answer.await.read();
    let new = new.capabilities.streaming_capabilities;
    assert_eq!(
        (media.rtp_multicast, media.rtp_tcp, media.rtp_rtsp_tcp),
        (new.rtp_multicast, new.rtp_tcp, new.rtp_rtsp_tcp)
    );
}
