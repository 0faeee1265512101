//! Dynamic DNS (Core, device management: GetDynamicDNS, SetDynamicDNS): the settings section `net.ddns`.
//!
//! The unit itself updates its name, at the provider of the section: `ClientUpdates`. It asks no DHCP server to do it.

use onvif_contracts::{tds, tt};
use onvif_xml::soap::Fault;
use platecam_model::settings::NetDdns;
use serde_json::json;

use crate::{
    call::{Answer, Call},
    fault,
};

/// `GetDynamicDNS`. The time to live is the provider's.
pub(super) fn get(call: &Call<'_>) -> tds::GetDynamicDNSResponse {
    let s = call.device().settings.get::<NetDdns>();
    tds::GetDynamicDNSResponse {
        dynamic_dns_information: tt::DynamicDNSInformation {
            r#type: if s.enabled {
                tt::DynamicDNSType::ClientUpdates
            } else {
                tt::DynamicDNSType::NoUpdate
            },
            name: (!s.domain.is_empty()).then(|| s.domain.clone()),
            ttl: None,
            extension: None,
        },
    }
}

/// `SetDynamicDNS`: the account is the section's, and without one `ClientUpdates` is refused.
pub(super) fn set(call: &Call<'_>, wanted: &tds::SetDynamicDNS) -> Answer<()> {
    let enabled = match &wanted.r#type {
        tt::DynamicDNSType::NoUpdate => false,
        tt::DynamicDNSType::ClientUpdates => true,
        tt::DynamicDNSType::Other(other) => {
            let why = format!("Type: '{}' is unknown", fault::shortened(other));
            return Err(Fault::sender(&["InvalidArgVal"], why));
        }
        tt::DynamicDNSType::ServerUpdates => {
            let why = "Type: ServerUpdates is not supported; the unit updates its name itself";
            return Err(Fault::sender(&["InvalidArgVal"], why));
        }
    };
    let mut value = json!({"enabled": enabled});
    if let Some(name) = &wanted.name {
        value["domain"] = json!(name);
    }
    let settings = &call.device().settings;
    let done = settings.patch("net.ddns", &value, None, call.actor);
    done.map(drop).map_err(fault::of)
}
