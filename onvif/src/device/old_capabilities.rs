//! `GetCapabilities`, for clients of before `GetServices`: the same statements in the older shape, every one
//! taken from the newer.

use onvif_contracts::{tds, tev, tt};
use onvif_xml::{ns, soap::Fault};

use super::capabilities::{device, version};
use crate::{
    analytics,
    call::{Answer, Call},
    deviceio, events,
    fault::shortened,
    media::configurations as media,
    model,
    service::{ANALYTICS_PATH, DEVICE_IO_PATH, DEVICE_PATH, EVENT_PATH, IMAGING_PATH, MEDIA_PATH},
};

/// `GetCapabilities`.
pub(super) fn by_category(
    call: &Call<'_>,
    categories: &[tt::CapabilityCategory],
) -> Answer<tds::GetCapabilitiesResponse> {
    use tt::CapabilityCategory as C;
    let mut capabilities = tt::Capabilities::default();
    let has = |ns| call.device().meets(model::of_service(ns));
    let all = [C::All];
    let asked = if categories.is_empty() {
        &all
    } else {
        categories
    };
    for category in asked {
        match category {
            C::All => {
                capabilities.analytics = Some(Box::new(old_analytics(call)));
                capabilities.device = Some(Box::new(old_device(call)));
                capabilities.events = Some(Box::new(old_events(call)));
                capabilities.media = has(ns::TRT).then(|| Box::new(old_media(call)));
                capabilities.extension = Some(Box::new(tt::CapabilitiesExtension {
                    device_io: Some(Box::new(old_device_io(call))),
                    ..Default::default()
                }));
                capabilities.imaging = has(ns::TIMG).then(|| Box::new(old_imaging(call)));
            }
            C::Media if !has(ns::TRT) => return Err(no_service(category)),
            C::Imaging if !has(ns::TIMG) => return Err(no_service(category)),
            C::Device => capabilities.device = Some(Box::new(old_device(call))),
            C::Events => capabilities.events = Some(Box::new(old_events(call))),
            C::Media => capabilities.media = Some(Box::new(old_media(call))),
            C::Imaging => capabilities.imaging = Some(Box::new(old_imaging(call))),
            C::Analytics => capabilities.analytics = Some(Box::new(old_analytics(call))),
            C::Ptz => return Err(no_service(category)),
            C::Other(text) => {
                return Err(Fault::sender(
                    &["InvalidArgVal"],
                    format!("Category {}: unknown", shortened(text)),
                ));
            }
        }
    }
    Ok(tds::GetCapabilitiesResponse { capabilities })
}

fn no_service(category: &tt::CapabilityCategory) -> Fault {
    Fault::receiver(
        &["ActionNotSupported", "NoSuchService"],
        format!("there is no {category} service"),
    )
}

fn yes(flag: Option<bool>) -> bool {
    flag.unwrap_or(false)
}

fn old_device(call: &Call<'_>) -> tt::DeviceCapabilities {
    let tds::DeviceServiceCapabilities {
        network,
        security,
        system,
        ..
    } = device(call);
    let io = deviceio::capabilities(call.device());
    tt::DeviceCapabilities {
        x_addr: call.url(DEVICE_PATH),
        network: Some(Box::new(tt::NetworkCapabilities {
            ip_filter: network.ip_filter,
            zero_configuration: network.zero_configuration,
            ip_version6: network.ip_version6,
            dyn_dns: network.dyn_dns,
            extension: Some(Box::new(tt::NetworkCapabilitiesExtension {
                dot11_configuration: network.dot11_configuration,
                extension: None,
            })),
        })),
        system: Some(Box::new(old_system(&system))),
        io: Some(Box::new(tt::IOCapabilities {
            input_connectors: io.digital_inputs,
            relay_outputs: io.relay_outputs,
            extension: Some(super::auxiliary::commands(call))
                .filter(|commands| !commands.is_empty())
                .map(|auxiliary_commands| {
                    Box::new(tt::IOCapabilitiesExtension {
                        auxiliary: Some(true),
                        auxiliary_commands,
                        ..Default::default()
                    })
                }),
        })),
        security: Some(Box::new(old_security(&security))),
        extension: None,
    }
}

fn old_system(new: &tds::SystemCapabilities) -> tt::SystemCapabilities {
    tt::SystemCapabilities {
        discovery_resolve: yes(new.discovery_resolve),
        discovery_bye: yes(new.discovery_bye),
        remote_discovery: yes(new.remote_discovery),
        system_backup: yes(new.system_backup),
        system_logging: yes(new.system_logging),
        // A package within SOAP, which UpgradeSystemFirmware refuses; by HTTP it is in the extension.
        firmware_upgrade: false,
        supported_versions: vec![version(ns::TDS)],
        extension: Some(Box::new(tt::SystemCapabilitiesExtension {
            http_firmware_upgrade: new.http_firmware_upgrade,
            http_system_backup: new.http_system_backup,
            http_system_logging: new.http_system_logging,
            http_support_information: new.http_support_information,
            extension: None,
        })),
    }
}

fn old_security(new: &tds::SecurityCapabilities) -> tt::SecurityCapabilities {
    tt::SecurityCapabilities {
        tls1_1: yes(new.tls1_1),
        tls1_2: yes(new.tls1_2),
        onboard_key_generation: yes(new.onboard_key_generation),
        access_policy_config: yes(new.access_policy_config),
        x_509_token: yes(new.x_509_token),
        saml_token: yes(new.saml_token),
        kerberos_token: yes(new.kerberos_token),
        rel_token: yes(new.rel_token),
        extension: Some(Box::new(tt::SecurityCapabilitiesExtension {
            tls1_0: yes(new.tls1_0),
            extension: Some(Box::new(tt::SecurityCapabilitiesExtension2 {
                dot1x: yes(new.dot1x),
                supported_eap_method: Vec::new(),
                remote_user_handling: yes(new.remote_user_handling),
            })),
        })),
    }
}

fn old_events(call: &Call<'_>) -> tt::EventCapabilities {
    let tev::Capabilities {
        ws_subscription_policy_support,
        ws_pausable_subscription_manager_interface_support,
        ..
    } = events::capabilities(call.device());
    tt::EventCapabilities {
        x_addr: call.url(EVENT_PATH),
        ws_subscription_policy_support: yes(ws_subscription_policy_support),
        // The pull point of WS-BaseNotification (GetMessages), which is not served and has no word in the newer
        // shape; ONVIF's own pull point is mandatory and needs none.
        ws_pull_point_support: false,
        ws_pausable_subscription_manager_interface_support: yes(
            ws_pausable_subscription_manager_interface_support,
        ),
    }
}

fn old_device_io(call: &Call<'_>) -> tt::DeviceIOCapabilities {
    let new = deviceio::capabilities(call.device());
    let count = |n: Option<i32>| n.unwrap_or(0);
    tt::DeviceIOCapabilities {
        x_addr: call.url(DEVICE_IO_PATH),
        video_sources: count(new.video_sources),
        video_outputs: count(new.video_outputs),
        audio_sources: count(new.audio_sources),
        audio_outputs: count(new.audio_outputs),
        relay_outputs: count(new.relay_outputs),
    }
}

fn old_analytics(call: &Call<'_>) -> tt::AnalyticsCapabilities {
    let new = analytics::capabilities();
    tt::AnalyticsCapabilities {
        x_addr: call.url(ANALYTICS_PATH),
        rule_support: yes(new.rule_support),
        analytics_module_support: yes(new.analytics_module_support),
    }
}

fn old_imaging(call: &Call<'_>) -> tt::ImagingCapabilities {
    tt::ImagingCapabilities {
        x_addr: call.url(IMAGING_PATH),
    }
}

fn old_media(call: &Call<'_>) -> tt::MediaCapabilities {
    let new = media::media1_capabilities(call);
    tt::MediaCapabilities {
        x_addr: call.url(MEDIA_PATH),
        streaming_capabilities: tt::RealTimeStreamingCapabilities {
            rtp_multicast: new.streaming_capabilities.rtp_multicast,
            rtp_tcp: new.streaming_capabilities.rtp_tcp,
            rtp_rtsp_tcp: new.streaming_capabilities.rtp_rtsp_tcp,
            extension: None,
        },
        extension: Some(Box::new(tt::MediaCapabilitiesExtension {
            profile_capabilities: tt::ProfileCapabilities {
                maximum_number_of_profiles: media::MAX_PROFILES,
            },
        })),
    }
}
