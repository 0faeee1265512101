//! Services and capabilities. Only what is there is announced.

use onvif_contracts::{VERSIONS, tds, tt};
use onvif_xml::{Any, List, Ns, Value, ns};
use platecam_model::{
    auth::{MAX_ROLES, PasswordPolicy},
    product::{Function, Need},
    settings::{SecurityLogin, TimeSettings},
};

use crate::{
    analytics,
    call::{Answer, Call},
    deviceio, events, imaging,
    media::configurations as media,
    provisioning, security,
};

/// Version of a service's contract.
pub(super) fn version(of: Ns) -> tt::OnvifVersion {
    let found = VERSIONS.iter().find(|(ns, ..)| *ns == of);
    let (major, minor) = found.map_or((1, 0), |(_, major, minor)| (*major, *minor));
    tt::OnvifVersion {
        major: i32::try_from(major).unwrap_or(1),
        minor: i32::try_from(minor).unwrap_or(0),
    }
}

/// Version of the ONVIF interface for people: that of the device service, year and month, `26.06` (SYS-6).
pub fn onvif_version() -> String {
    let tt::OnvifVersion { major, minor } = version(ns::TDS);
    format!("{major}.{minor:02}")
}

/// `GetServices`.
pub(super) fn services(call: &Call<'_>, with: bool) -> Answer<tds::GetServicesResponse> {
    let service = call
        .services()
        .map(|(entry, x_addr)| tds::Service {
            namespace: entry.ns.uri().into(),
            x_addr,
            capabilities: with.then(|| {
                Box::new(tds::ServiceCapabilities {
                    any: vec![embedded(call, entry.ns)],
                })
            }),
            version: version(entry.ns),
        })
        .collect();
    Ok(tds::GetServicesResponse { service })
}

/// The capabilities of a service as its own `GetServiceCapabilities` gives them.
fn embedded(call: &Call<'_>, of: Ns) -> Any {
    fn wrap(of: Ns, value: &impl Value) -> Any {
        Any::written(|w| value.write(w, of, "Capabilities"))
    }
    match of {
        ns::TRT => wrap(of, &media::media1_capabilities(call)),
        ns::TR2 => wrap(of, &media::media2_capabilities(call)),
        ns::TIMG => wrap(of, &imaging::capabilities()),
        ns::TPV => wrap(of, &provisioning::capabilities(call.device())),
        ns::TAN => wrap(of, &analytics::capabilities()),
        ns::TEV => wrap(of, &events::capabilities(call.device())),
        ns::TMD => wrap(of, &deviceio::capabilities(call.device())),
        ns::TAS => wrap(of, &security::capabilities::all(call)),
        _ => wrap(of, &device(call)),
    }
}

/// Capabilities of the device service.
pub(super) fn device(call: &Call<'_>) -> tds::DeviceServiceCapabilities {
    let login = call.device().settings.get::<SecurityLogin>();
    let has = |function| call.device().product().has(function);
    let int = |n: usize| i32::try_from(n).ok();
    tds::DeviceServiceCapabilities {
        network: tds::NetworkCapabilities {
            ip_filter: Some(has(Function::AddressFilter)),
            zero_configuration: Some(true),
            ip_version6: Some(false),
            dyn_dns: Some(true),
            dot11_configuration: Some(false),
            dot1x_configurations: Some(0),
            hostname_from_dhcp: Some(true),
            ntp: int(TimeSettings::MAX_FALLBACK + 1),
            dhc_pv6: Some(false),
        },
        security: tds::SecurityCapabilities {
            tls1_0: Some(false),
            tls1_1: Some(false),
            tls1_2: Some(has_tls(call)),
            onboard_key_generation: Some(false),
            access_policy_config: Some(false),
            default_access_policy: Some(true),
            dot1x: Some(false),
            remote_user_handling: Some(true),
            x_509_token: Some(false),
            saml_token: Some(false),
            kerberos_token: Some(false),
            username_token: Some(true),
            http_digest: Some(true),
            rel_token: Some(false),
            max_users: i32::try_from(login.max_users.get()).ok(),
            max_user_name_length: int(PasswordPolicy::MAX_NAME),
            max_password_length: int(PasswordPolicy::MAX),
            security_policies: Some(List(vec![
                "PasswordComplexity".into(),
                "AuthFailureWarnings".into(),
            ])),
            max_password_history: Some(10),
            max_user_roles: int(MAX_ROLES),
            hashing_algorithms: Some(List(vec!["MD5".into(), "SHA-256".into()])),
            ..Default::default()
        },
        system: tds::SystemCapabilities {
            discovery_resolve: Some(true),
            discovery_bye: Some(true),
            remote_discovery: Some(false),
            system_backup: Some(false),
            system_logging: Some(true),
            http_firmware_upgrade: Some(upgrades(call)),
            http_system_backup: Some(true),
            http_system_logging: Some(true),
            http_support_information: Some(true),
            storage_configuration: Some(true),
            max_storage_configurations: Some(super::storage::max(call)),
            storage_types_supported: Some(List(super::storage::TYPES.map(String::from).into())),
            geo_location_entries: Some(if has(Function::GeoLocation) {
                super::geo::ENTRIES
            } else {
                0
            }),
            // Whose network the host does not let us change.
            network_config_not_supported: Some(!call.device().networking.is_changeable()),
            addons: has(Function::SecurityConfiguration)
                .then(|| List(vec!["TLSServerConfiguration".into()])),
            ..Default::default()
        },
        misc: Some(super::auxiliary::commands(call))
            .filter(|commands| !commands.is_empty())
            .map(|commands| {
                Box::new(tds::MiscCapabilities {
                    auxiliary_commands: Some(List(commands)),
                })
            }),
    }
}

/// Whether packages can be installed here.
fn upgrades(call: &Call<'_>) -> bool {
    let upgrades = call.device().upkeep.upgrades.as_ref();
    call.device().meets(Some(Need::Function(Function::Upgrade)))
        && upgrades.is_some_and(|u| u.status().supported)
}

fn has_tls(call: &Call<'_>) -> bool {
    call.inner.ports.get().https.is_some()
}
