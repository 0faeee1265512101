//! What a model lacks is absent from ONVIF, too (GEN-24).

mod common;

use common::{ADMIN, As, Bench};
use onvif_contracts::{tds, tev, tr2};
use platecam_model::testing::of_model;

const DEVICE: &str = "/onvif/device_service";

fn bench(file: &str) -> Bench {
    Bench::over(of_model(file))
}

fn small() -> Bench {
    bench(
        r#"{"model": "Small", "without": ["video-texts", "privacy-masks", "picture-settings", "picture-alarms",
            "geo-location", "address-filter", "upgrade", "media1", "security-configuration"],
            "limits": {"streams": 1, "event-brokers": 0, "users": 12, "alarm-outputs": 0, "lenses": 0}}"#,
    )
}

async fn read<T: onvif_xml::Element>(bench: &Bench, body: &str) -> T {
    bench.call(DEVICE, body, ADMIN).await.read()
}

/// GEN-24: services that a model lacks are in no list, and what is asked of them is not supported.
#[tokio::test]
async fn services_that_a_model_lacks_are_absent() {
    let bench = small();
    let with =
        "<tds:GetServices><tds:IncludeCapability>true</tds:IncludeCapability></tds:GetServices>";
    let listed: tds::GetServicesResponse = read(&bench, with).await;
    let names: Vec<_> = listed
        .service
        .iter()
        .map(|s| s.namespace.as_str())
        .collect();
    assert_eq!(
        names,
        [
            "http://www.onvif.org/ver10/device/wsdl",
            "http://www.onvif.org/ver20/media/wsdl",
            "http://www.onvif.org/ver20/analytics/wsdl",
            "http://www.onvif.org/ver10/events/wsdl",
            "http://www.onvif.org/ver10/deviceIO/wsdl",
        ]
    );
    let old: tds::GetCapabilitiesResponse = read(&bench, "<tds:GetCapabilities/>").await;
    assert!(old.capabilities.media.is_none() && old.capabilities.imaging.is_none());
    assert!(old.capabilities.events.is_some());
    for category in ["Media", "Imaging"] {
        let body = format!(
            "<tds:GetCapabilities><tds:Category>{category}</tds:Category></tds:GetCapabilities>"
        );
        let fault = bench.call(DEVICE, &body, ADMIN).await.fault();
        assert_eq!(fault, ["Receiver", "ActionNotSupported", "NoSuchService"]);
    }
}

/// GEN-24: flags and counts say what is missing, in both shapes.
#[tokio::test]
async fn capabilities_say_what_a_model_lacks() {
    let bench = small();
    let device: tds::GetServiceCapabilitiesResponse =
        read(&bench, "<tds:GetServiceCapabilities/>").await;
    let device = device.capabilities;
    assert_eq!(device.network.ip_filter, Some(false));
    assert_eq!(device.system.geo_location_entries, Some(0));
    assert_eq!(device.system.http_firmware_upgrade, Some(false));
    assert_eq!(device.system.addons, None);
    assert_eq!(device.security.max_users, Some(12));
    let media: tr2::GetServiceCapabilitiesResponse =
        read(&bench, "<tr2:GetServiceCapabilities/>").await;
    assert_eq!(
        (media.capabilities.osd, media.capabilities.mask),
        (Some(false), Some(false))
    );
    let events: tev::GetServiceCapabilitiesResponse =
        read(&bench, "<tev:GetServiceCapabilities/>").await;
    assert_eq!(events.capabilities.max_event_brokers, Some(0));
    assert_eq!(events.capabilities.event_broker_protocols, None);
    let io = bench
        .call(
            DEVICE,
            "<tmd:GetServiceCapabilities xmlns:tmd=\"http://www.onvif.org/ver10/deviceIO/wsdl\"/>",
            ADMIN,
        )
        .await;
    assert!(io.text().contains("RelayOutputs=\"0\""), "{}", io.text());
    let topics = bench.call(DEVICE, "<tev:GetEventProperties/>", ADMIN).await;
    for absent in [
        "MotionAlarm",
        "ImageTooDark",
        "Keystore",
        "Trigger/Relay",
        "<Relay",
    ] {
        assert!(!topics.text().contains(absent), "{absent}");
    }
    assert!(topics.text().contains("DigitalInput"));
}

/// GEN-24: one stream is one encoder and one profile of the device's own.
#[tokio::test]
async fn a_model_with_one_stream_has_one_profile() {
    let bench = small();
    let profiles: tr2::GetProfilesResponse = read(&bench, "<tr2:GetProfiles/>").await;
    let tokens: Vec<_> = profiles.profiles.iter().map(|p| p.token.as_str()).collect();
    assert_eq!(tokens, ["profile_main"]);
    let encoders = bench
        .call(DEVICE, "<tr2:GetVideoEncoderConfigurations/>", ADMIN)
        .await;
    assert!(!encoders.text().contains("encoder_sub"));
    let instances = "<tr2:GetVideoEncoderInstances><tr2:ConfigurationToken>source_config_1</tr2:ConfigurationToken></tr2:GetVideoEncoderInstances>";
    let instances: tr2::GetVideoEncoderInstancesResponse = read(&bench, instances).await;
    assert_eq!(instances.info.total, 1);
    let sub = "<tr2:GetStreamUri><tr2:Protocol>RtspUnicast</tr2:Protocol><tr2:ProfileToken>profile_sub</tr2:ProfileToken></tr2:GetStreamUri>";
    let fault = bench.call(DEVICE, sub, ADMIN).await.fault();
    assert_eq!(fault[..3], ["Sender", "InvalidArgVal", "NoProfile"]);
}

/// GEN-24: every operation of what a model lacks faults before anybody looks into the request; all others do not.
#[tokio::test]
async fn operations_that_a_model_lacks_are_not_supported() {
    let (bench, all) = (small(), Bench::new());
    let mut gone = Vec::new();
    for (service, op) in platecam_onvif::operations() {
        if op.waits {
            continue;
        }
        let body = format!("<x:{0} xmlns:x=\"{1}\"/>", op.element, op.ns.uri());
        let lacks = |answer: common::Answer| {
            answer.status != 200 && answer.text().contains("the model Small has no ")
        };
        let answer = bench.call(DEVICE, &body, ADMIN).await;
        if lacks(answer) {
            let fault = bench.call(DEVICE, &body, ADMIN).await.fault();
            assert_eq!(fault, ["Receiver", "ActionNotSupported"], "{}", op.name);
            assert!(!lacks(all.call(DEVICE, &body, ADMIN).await));
            gone.push((service, op.name));
        }
    }
    for (service, name) in [
        ("Media 1", "GetProfiles"),
        ("Media 1", "GetOSDs"),
        ("Media 2", "GetOSDs"),
        ("Media 2", "SetMask"),
        ("Imaging", "GetImagingSettings"),
        ("Provisioning", "ZoomMove"),
        ("Security configuration: keystore", "CreateRSAKeyPair"),
        ("Events", "AddEventBroker"),
        ("Device", "GetIPAddressFilter"),
        ("Device", "GetGeoLocation"),
        ("Device", "StartFirmwareUpgrade"),
        ("Device", "SetRelayOutputState"),
    ] {
        assert!(gone.contains(&(service, name)), "{service}: {name}");
    }
    for (service, name) in &gone {
        let whole = ["Media 1", "Imaging", "Provisioning"].contains(service)
            || service.starts_with("Security");
        let some = [
            "OSD",
            "Mask",
            "EventBroker",
            "IPAddressFilter",
            "GeoLocation",
            "Firmware",
            "SetRelay",
        ];
        assert!(
            whole || some.iter().any(|s| name.contains(s)),
            "{service}: {name}"
        );
    }
    // Who is nobody is asked for a proof first.
    let nobody = bench
        .call(DEVICE, "<tds:GetIPAddressFilter/>", As::Nobody)
        .await;
    assert_eq!(nobody.status, 401);
}
