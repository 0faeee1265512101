//! What a device looks like before and after a run.

use std::collections::BTreeMap;

use crate::{device::Device, xml::Element};

/// Operations whose answers must be the same after a run.
const WATCHED: &[(&str, &str)] = &[
    ("tds:GetHostname", ""),
    ("tds:GetDNS", ""),
    ("tds:GetNTP", ""),
    ("tds:GetNetworkInterfaces", ""),
    ("tds:GetNetworkProtocols", ""),
    ("tds:GetNetworkDefaultGateway", ""),
    ("tds:GetScopes", ""),
    ("tds:GetDiscoveryMode", ""),
    ("tds:GetUsers", ""),
    ("tds:GetRelayOutputs", ""),
    ("tds:GetIPAddressFilter", ""),
    ("tds:GetZeroConfiguration", ""),
    ("tds:GetDynamicDNS", ""),
    ("tds:GetGeoLocation", ""),
    ("trt:GetProfiles", ""),
    ("tr2:GetProfiles", "<tr2:Type>All</tr2:Type>"),
    ("tr2:GetVideoEncoderConfigurations", ""),
    ("tr2:GetVideoSourceConfigurations", ""),
    ("tr2:GetMetadataConfigurations", ""),
    ("tr2:GetAnalyticsConfigurations", ""),
    ("tr2:GetOSDs", ""),
    ("tr2:GetMasks", ""),
    ("tmd:GetDigitalInputs", ""),
    ("tmd:GetRelayOutputs", ""),
    ("tev:GetEventBrokers", ""),
    ("tas:GetAllKeys", ""),
    ("tas:GetAllCertificates", ""),
    ("tas:GetAllCertificationPaths", ""),
    ("tas:GetAllPassphrases", ""),
    ("tas:GetAllCertPathValidationPolicies", ""),
    ("tas:GetAssignedCertPathValidationPolicies", ""),
    ("tas:GetClientAuthenticationRequired", ""),
    ("tas:GetAllCRLs", ""),
];

/// Answers, by operation.
#[derive(Clone, Debug, Default)]
pub struct Snapshot(BTreeMap<String, Element>);

/// Asks for everything that is watched; what is not answered is left out.
#[must_use]
pub fn snapshot(device: &Device) -> Snapshot {
    let mut answers = BTreeMap::new();
    for (operation, body) in WATCHED {
        let prefix = operation.split(':').next().unwrap_or_default();
        if device.features().services.contains_key(prefix)
            && let Ok(answer) = device.call(operation, body)
        {
            answers.insert((*operation).to_owned(), answer);
        }
    }
    if device.features().services.contains_key("timg")
        && let Ok(sources) = device.call("trt:GetVideoSources", "")
    {
        for source in sources.all("VideoSources") {
            let token = source.attr("token").unwrap_or_default();
            let body = format!("<timg:VideoSourceToken>{token}</timg:VideoSourceToken>");
            if let Ok(answer) = device.call("timg:GetImagingSettings", &body) {
                answers.insert(format!("timg:GetImagingSettings {token}"), answer);
            }
        }
    }
    Snapshot(answers)
}

impl Snapshot {
    /// What differs, one line each.
    #[must_use]
    pub fn differences(&self, after: &Self) -> Vec<String> {
        let mut found = Vec::new();
        for (operation, was) in &self.0 {
            match after.0.get(operation) {
                Some(is) => compare(was, is, operation, &mut found),
                None => found.push(format!("{operation} is not answered any more")),
            }
        }
        found
    }
}

fn compare(was: &Element, is: &Element, path: &str, found: &mut Vec<String>) {
    // Use counts follow whoever plays the stream.
    if was.name.name == "UseCount" {
        return;
    }
    let path = format!("{path}/{}", was.name.name);
    if was.text.trim() != is.text.trim() {
        found.push(format!(
            "{path} was {:?}, is {:?}",
            was.text.trim(),
            is.text.trim()
        ));
    }
    if was.attributes != is.attributes {
        found.push(format!("{path}: other attributes"));
    }
    if was.children.len() != is.children.len() {
        found.push(format!(
            "{path} had {} elements, has {}",
            was.children.len(),
            is.children.len()
        ));
        return;
    }
    for (was, is) in was.children.iter().zip(&is.children) {
        compare(was, is, &path, found);
    }
}
