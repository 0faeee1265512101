//! Functions that a user role may hold (`tt:UserRole`, Core §10.4.10): the operations that this device has, written
//! with the contract's prefix, `tds:GetUsers`; and what each needs.

use onvif_contracts::port::{AccessClass, Operation};
use platecam_model::{Permission, Permissions};

use crate::{access::needed, route::operations};

/// Operations by prefix. A test compares them with the code.
#[rustfmt::skip]
static IMPLEMENTED: &[(&str, &[&str])] = &[
    ("tds", &[
        "AddIPAddressFilter", "AddScopes", "CreateStorageConfiguration", "CreateUsers", "DeleteGeoLocation", "DeleteStorageConfiguration", "DeleteUserRole", "DeleteUsers",
        "GetAuthFailureWarningConfiguration", "GetAuthFailureWarningOptions", "GetCapabilities", "GetDNS",
        "GetDeviceInformation", "GetDiscoveryMode", "GetDynamicDNS", "GetEndpointReference", "GetGeoLocation", "GetHostname",
        "GetIPAddressFilter", "GetNTP", "GetNetworkDefaultGateway", "GetNetworkInterfaces", "GetNetworkProtocols",
        "GetPasswordComplexityConfiguration", "GetPasswordComplexityOptions", "GetPasswordHistoryConfiguration",
        "GetRelayOutputs", "GetRemoteUser", "GetScopes", "GetServiceCapabilities", "GetServices", "GetStorageConfiguration", "GetStorageConfigurations", "GetSystemDateAndTime", "GetSystemLog",
        "GetSystemSupportInformation", "GetSystemUris", "GetUserRoles", "GetUsers", "GetWsdlUrl",
        "GetZeroConfiguration", "RemoveIPAddressFilter", "RemoveScopes", "SendAuxiliaryCommand", "SetAuthFailureWarningConfiguration", "SetDNS",
        "SetDiscoveryMode", "SetDynamicDNS", "SetGeoLocation", "SetHostname", "SetHostnameFromDHCP", "SetIPAddressFilter", "SetNTP",
        "SetNetworkDefaultGateway", "SetNetworkInterfaces", "SetNetworkProtocols", "SetPasswordComplexityConfiguration",
        "SetPasswordHistoryConfiguration", "SetRelayOutputSettings", "SetRelayOutputState", "SetRemoteUser", "SetScopes",
        "SetStorageConfiguration", "SetSystemDateAndTime", "SetSystemFactoryDefault", "SetUser", "SetUserRole", "SetZeroConfiguration",
        "StartFirmwareUpgrade", "StartSystemRestore", "SystemReboot",
    ]),
    ("trt", &[
        "AddAudioDecoderConfiguration", "AddAudioEncoderConfiguration", "AddAudioOutputConfiguration",
        "AddAudioSourceConfiguration", "AddMetadataConfiguration", "AddVideoAnalyticsConfiguration",
        "AddVideoEncoderConfiguration", "AddVideoSourceConfiguration", "CreateOSD", "CreateProfile", "DeleteOSD",
        "DeleteProfile", "GetAudioDecoderConfiguration", "GetAudioDecoderConfigurationOptions",
        "GetAudioDecoderConfigurations", "GetAudioEncoderConfiguration", "GetAudioEncoderConfigurationOptions",
        "GetAudioEncoderConfigurations", "GetAudioOutputConfiguration", "GetAudioOutputConfigurationOptions",
        "GetAudioOutputConfigurations", "GetAudioOutputs", "GetAudioSourceConfiguration",
        "GetAudioSourceConfigurationOptions", "GetAudioSourceConfigurations", "GetAudioSources",
        "GetCompatibleAudioDecoderConfigurations", "GetCompatibleAudioEncoderConfigurations",
        "GetCompatibleAudioOutputConfigurations", "GetCompatibleAudioSourceConfigurations",
        "GetCompatibleMetadataConfigurations", "GetCompatibleVideoAnalyticsConfigurations",
        "GetCompatibleVideoEncoderConfigurations", "GetCompatibleVideoSourceConfigurations",
        "GetGuaranteedNumberOfVideoEncoderInstances", "GetMetadataConfiguration", "GetMetadataConfigurationOptions",
        "GetMetadataConfigurations", "GetOSD", "GetOSDOptions", "GetOSDs", "GetProfile", "GetProfiles",
        "GetServiceCapabilities", "GetSnapshotUri", "GetStreamUri", "GetVideoAnalyticsConfiguration",
        "GetVideoAnalyticsConfigurations", "GetVideoEncoderConfiguration", "GetVideoEncoderConfigurationOptions",
        "GetVideoEncoderConfigurations", "GetVideoSourceConfiguration", "GetVideoSourceConfigurationOptions",
        "GetVideoSourceConfigurations", "GetVideoSources", "RemoveAudioDecoderConfiguration",
        "RemoveAudioEncoderConfiguration", "RemoveAudioOutputConfiguration", "RemoveAudioSourceConfiguration",
        "RemoveMetadataConfiguration", "RemoveVideoAnalyticsConfiguration", "RemoveVideoEncoderConfiguration",
        "RemoveVideoSourceConfiguration", "SetAudioDecoderConfiguration", "SetAudioEncoderConfiguration",
        "SetAudioOutputConfiguration", "SetAudioSourceConfiguration", "SetMetadataConfiguration", "SetOSD",
        "SetSynchronizationPoint", "SetVideoAnalyticsConfiguration", "SetVideoEncoderConfiguration",
        "SetVideoSourceConfiguration", "StartMulticastStreaming", "StopMulticastStreaming",
    ]),
    ("tr2", &[
        "AddAudioClip", "AddConfiguration", "AddTTSAudioClip", "CreateMask", "CreateOSD", "CreateProfile",
        "DeleteAudioClip", "DeleteMask", "DeleteOSD", "DeleteProfile", "GetAnalyticsConfigurations", "GetAudioClips",
        "GetAudioDecoderConfigurationOptions", "GetAudioDecoderConfigurations", "GetAudioEncoderConfigurationOptions",
        "GetAudioEncoderConfigurations", "GetAudioOutputConfigurationOptions", "GetAudioOutputConfigurations",
        "GetAudioSourceConfigurationOptions", "GetAudioSourceConfigurations", "GetMaskOptions", "GetMasks",
        "GetMetadataConfigurationOptions", "GetMetadataConfigurations", "GetOSDOptions", "GetOSDs",
        "GetPlayingAudioClips", "GetProfiles", "GetServiceCapabilities", "GetSnapshotUri", "GetStreamUri",
        "GetVideoEncoderConfigurationOptions", "GetVideoEncoderConfigurations", "GetVideoEncoderInstances",
        "GetVideoSourceConfigurationOptions", "GetVideoSourceConfigurations", "GetVideoSourceModes", "PlayAudioClip",
        "RemoveConfiguration", "SetAudioClip", "SetAudioDecoderConfiguration", "SetAudioEncoderConfiguration",
        "SetAudioOutputConfiguration", "SetAudioSourceConfiguration", "SetMask", "SetMetadataConfiguration", "SetOSD",
        "SetSynchronizationPoint", "SetVideoEncoderConfiguration", "SetVideoSourceConfiguration", "SetVideoSourceMode",
        "StartMulticastStreaming", "StopMulticastStreaming",
    ]),
    ("timg", &[
        "GetCurrentPreset", "GetImagingSettings", "GetMoveOptions", "GetOptions", "GetPresets", "GetServiceCapabilities",
        "GetStatus", "Move", "SetCurrentPreset", "SetImagingSettings", "Stop",
    ]),
    ("tpv", &["FocusMove", "GetServiceCapabilities", "GetUsage", "Stop", "ZoomMove"]),
    ("tev", &[
        "AddEventBroker", "CreatePullPointSubscription", "DeleteEventBroker", "GetEventBrokers", "GetEventProperties",
        "GetServiceCapabilities", "PullMessages", "Seek", "SetSynchronizationPoint",
    ]),
    ("wsnt", &[
        "Renew", "Subscribe", "Unsubscribe",
    ]),
    ("tmd", &[
        "GetAudioOutputConfiguration", "GetAudioOutputConfigurationOptions", "GetAudioOutputs", "GetAudioSources",
        "GetDigitalInputConfigurationOptions", "GetDigitalInputs", "GetRelayOutputOptions",
        "GetSerialPortConfiguration", "GetSerialPortConfigurationOptions", "GetSerialPorts", "GetServiceCapabilities",
        "GetVideoOutputs", "GetVideoSourceConfiguration", "GetVideoSourceConfigurationOptions", "GetVideoSources",
        "SendReceiveSerialCommand", "SetAudioOutputConfiguration", "SetDigitalInputConfigurations",
        "SetRelayOutputSettings", "SetSerialPortConfiguration", "SetVideoSourceConfiguration",
    ]),
    ("tas", &[
        "AddCertPathValidationPolicyAssignment", "AddDot1XConfiguration", "AddServerCertificateAssignment",
        "CreateCertPathValidationPolicy", "CreateCertificationPath", "CreateECCKeyPair", "CreatePKCS10CSR", "CreateRSAKeyPair",
        "CreateSelfSignedCertificate", "DeleteCRL", "DeleteCertPathValidationPolicy", "DeleteCertificate",
        "DeleteCertificationPath", "DeleteDot1XConfiguration", "DeleteKey", "DeleteNetworkInterfaceDot1XConfiguration",
        "DeletePassphrase", "GetAllCRLs", "GetAllCertPathValidationPolicies", "GetAllCertificates", "GetAllCertificationPaths",
        "GetAllDot1XConfigurations", "GetAllKeys", "GetAllPassphrases", "GetAssignedCertPathValidationPolicies",
        "GetAssignedMediaSigningCertificates", "GetAssignedServerCertificates", "GetCRL", "GetCertPathValidationPolicy",
        "GetCertificate", "GetCertificationPath", "GetClientAuthenticationRequired", "GetDot1XConfiguration",
        "GetEnabledTLSVersions", "GetKeyStatus", "GetNetworkInterfaceDot1XConfiguration", "GetPrivateKeyStatus",
        "GetServiceCapabilities", "RemoveCertPathValidationPolicyAssignment", "RemoveServerCertificateAssignment",
        "ReplaceCertPathValidationPolicyAssignment", "ReplaceServerCertificateAssignment", "SetCertPathValidationPolicy",
        "SetCertificationPath", "SetClientAuthenticationRequired", "SetEnabledTLSVersions",
        "SetNetworkInterfaceDot1XConfiguration", "UploadCRL", "UploadCertificate", "UploadCertificateWithPrivateKeyInPKCS12",
        "UploadKeyPairInPKCS8", "UploadPassphrase",
    ]),
    ("tan", &[
        "CreateAnalyticsModules", "CreateRules", "DeleteAnalyticsModules", "DeleteRules", "GetAnalyticsModuleOptions",
        "GetAnalyticsModules", "GetRuleOptions", "GetRules", "GetServiceCapabilities", "GetSupportedAnalyticsModules",
        "GetSupportedMetadata", "GetSupportedRules", "ModifyAnalyticsModules", "ModifyRules",
    ]),
];

/// The name of an operation as a function of a role.
pub(crate) fn name(operation: &Operation) -> String {
    format!("{}:{}", operation.ns.prefix(), operation.name)
}

fn is_implemented(prefix: &str, name: &str) -> bool {
    let of = IMPLEMENTED.iter().find(|(p, _)| *p == prefix);
    of.is_some_and(|(_, names)| names.binary_search(&name).is_ok())
}

/// Whether the operation has an answer of its own here: it is served, or refused with a reason.
pub(crate) fn is_answered(operation: &Operation) -> bool {
    let own = (operation.ns.prefix(), operation.name);
    own == ("tds", "UpgradeSystemFirmware") || is_implemented(own.0, own.1)
}

/// The operation that a function names; `None` for what this device does not have.
pub(crate) fn find(function: &str) -> Option<&'static Operation> {
    let (prefix, wanted) = function.split_once(':')?;
    if !is_implemented(prefix, wanted) {
        return None;
    }
    let of = |op: &&'static Operation| op.name == wanted && op.ns.prefix() == prefix;
    operations().into_iter().map(|(_, op)| op).find(of)
}

/// Every function of this device: the operations that are served, for tests and documents too.
#[must_use]
pub fn all() -> Vec<&'static Operation> {
    let mut found: Vec<&'static Operation> = Vec::new();
    for (_, op) in operations() {
        // Two operations of relays stand in two services.
        let known = found.iter().any(|f| (f.ns, f.name) == (op.ns, op.name));
        if !known && is_implemented(op.ns.prefix(), op.name) {
            found.push(op);
        }
    }
    found
}

/// What somebody needs to call an operation with effect: the permission of its access class and those that the
/// model asks for beside it.
pub(crate) fn permissions(operation: &Operation) -> Permissions {
    use Permission as P;
    let own: &[Permission] = match (operation.ns.prefix(), operation.name) {
        ("tds", "CreateUsers" | "SetUser" | "DeleteUsers" | "SetUserRole" | "DeleteUserRole") => {
            &[P::UserManagement]
        }
        ("tds", "GetSystemLog") => &[P::ReadLog],
        ("tds", "GetSystemSupportInformation") => &[P::Maintenance],
        ("tds", "SetNetworkProtocols") => &[P::NetworkConfig, P::SecurityConfig],
        (
            "tds",
            "SetHostname"
            | "SetHostnameFromDHCP"
            | "SetDNS"
            | "SetNetworkInterfaces"
            | "SetNetworkDefaultGateway"
            | "SetZeroConfiguration"
            | "SetScopes"
            | "AddScopes"
            | "RemoveScopes"
            | "SetDiscoveryMode"
            | "SetDynamicDNS",
        ) => &[P::NetworkConfig],
        (
            "tds",
            "CreateStorageConfiguration" | "SetStorageConfiguration" | "DeleteStorageConfiguration",
        ) => &[P::StorageConfig],
        (
            "tds",
            "SetIPAddressFilter"
            | "AddIPAddressFilter"
            | "RemoveIPAddressFilter"
            | "SetPasswordComplexityConfiguration"
            | "SetPasswordHistoryConfiguration"
            | "SetAuthFailureWarningConfiguration",
        ) => &[P::SecurityConfig],
        ("tds" | "tmd", "SetRelayOutputState") | ("tmd", "SendReceiveSerialCommand") => {
            &[P::BarrierControl]
        }
        ("tds" | "tmd", "SetRelayOutputSettings")
        | ("tmd", "SetDigitalInputConfigurations" | "SetSerialPortConfiguration") => {
            &[P::EventConfig]
        }
        ("timg", "SetImagingSettings" | "SetCurrentPreset") | ("tds", "SendAuxiliaryCommand") => {
            &[P::ImageConfig]
        }
        ("timg", "Move" | "Stop") | ("tpv", "ZoomMove" | "FocusMove" | "Stop") => &[P::LprConfig],
        ("tan", "CreateAnalyticsModules" | "ModifyAnalyticsModules" | "DeleteAnalyticsModules") => {
            &[P::LprConfig]
        }
        // Rules read plates or see motion.
        ("tan", "CreateRules" | "ModifyRules" | "DeleteRules")
        | ("trt", "SetVideoAnalyticsConfiguration") => &[P::LprConfig, P::EventConfig],
        ("tev", "GetEventBrokers" | "AddEventBroker" | "DeleteEventBroker") => &[P::EventConfig],
        ("tas", name) if name.contains("Dot1X") && !name.contains("Get") => {
            &[P::SecurityConfig, P::NetworkConfig]
        }
        ("tas", _) if operation.access != AccessClass::PreAuth => &[P::SecurityConfig],
        _ => &[],
    };
    needed(operation)
        .into_iter()
        .chain(own.iter().copied())
        .collect()
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use onvif_xml::{Limits, soap::Message};

    use super::*;

    fn sources(dir: &Path, into: &mut String) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, into);
            } else {
                into.push_str(&fs::read_to_string(path).unwrap());
            }
        }
    }

    /// Upper-case letters begin words: `GetNTP` is `get_ntp`. Only letters and digits count here.
    fn plain(name: &str) -> String {
        // `move` is a word of the language.
        name.trim_start_matches("r#")
            .chars()
            .filter(|c| *c != '_')
            .collect::<String>()
            .to_ascii_lowercase()
    }

    /// What is listed is what has a method of its own, in the traits implemented for a call.
    #[test]
    fn the_list_is_what_the_code_has() {
        let mut text = String::new();
        sources(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
            &mut text,
        );
        let mut written = BTreeSet::new();
        for block in text.split("\nimpl ").skip(1) {
            let (head, body) = block.split_once('\n').unwrap();
            if !head.contains(" for Call<'_> {") {
                continue;
            }
            let body = format!("\n{}", body.split("\n}").next().unwrap());
            let methods = body.split("\n    fn ").skip(1);
            written.extend(methods.map(|m| plain(m.split('(').next().unwrap())));
        }
        // Refused by a method of its own: an upgrade within SOAP. PullMessages waits, and has no method.
        written.remove("upgradesystemfirmware");
        let mut listed: BTreeSet<String> = all().into_iter().map(|op| plain(op.name)).collect();
        assert!(listed.remove("pullmessages"));
        assert_eq!(listed, written);
        for (_, names) in IMPLEMENTED {
            assert!(names.is_sorted(), "{names:?}");
        }
    }

    /// Operations that the device of the tests can only refuse.
    const REFUSED: &[&str] = &["tds:StartFirmwareUpgrade"];

    /// Every operation that is served has a golden pair, and one that is no fault.
    #[test]
    fn every_operation_has_a_golden_pair() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
        let mut answered = BTreeSet::new();
        for service in fs::read_dir(root).unwrap() {
            for entry in fs::read_dir(service.unwrap().path()).unwrap() {
                let path = entry.unwrap().path().to_string_lossy().into_owned();
                let Some(pair) = path.strip_suffix(".request.xml") else {
                    continue;
                };
                let request = fs::read_to_string(&path).unwrap();
                let response = fs::read_to_string(format!("{pair}.response.xml")).unwrap();
                let request = Message::parse(request.as_bytes(), Limits::default()).unwrap();
                let called = format!("{}:{}", request.body.ns.prefix(), request.body.name);
                if REFUSED.contains(&called.as_str()) || !response.contains(":Fault>") {
                    answered.insert(called);
                }
            }
        }
        let missing: Vec<_> = all()
            .into_iter()
            .map(|op| format!("{}:{}", op.ns.prefix(), op.element))
            .filter(|op| !answered.contains(op))
            .collect();
        assert!(missing.is_empty(), "no golden pair of {missing:?}");
    }

    #[test]
    fn functions_are_found_by_their_names() {
        for op in all() {
            let found = find(&name(op)).unwrap();
            assert_eq!((found.ns, found.name), (op.ns, op.name));
        }
        for unknown in [
            "",
            "GetUsers",
            "tds:",
            "tds:getUsers",
            "trt:GetUsers",
            "tds:UpgradeSystemFirmware",
            "tptz:Stop",
        ] {
            assert!(find(unknown).is_none(), "{unknown}");
        }
    }
}
