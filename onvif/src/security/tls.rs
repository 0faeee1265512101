//! What the TLS server serves and speaks, and whom it lets in (Security Service §5.3).

use onvif_contracts::tas;
use onvif_xml::{List, soap::Fault};
use platecam_model::{
    Error,
    settings::{NetHttps, Section},
};
use serde_json::{Map, Value};

use super::{capabilities::TLS_VERSIONS, faults};
use crate::{
    call::{Answer, Call},
    fault::{self, shortened},
};

/// `AddServerCertificateAssignment`.
pub(super) fn add(call: &Call<'_>, path: &str) -> Answer<()> {
    let done = call.device().assign_path(call.actor, None, path);
    done.map_err(faults::of)
}

/// `RemoveServerCertificateAssignment`.
pub(super) fn remove(call: &Call<'_>, path: &str) -> Answer<()> {
    call.device()
        .unassign_path(call.actor, path)
        .map_err(faults::of)
}

/// `ReplaceServerCertificateAssignment`.
pub(super) fn replace(
    call: &Call<'_>,
    request: &tas::ReplaceServerCertificateAssignment,
) -> Answer<()> {
    let (old, new) = (
        request.old_certification_path_id.as_str(),
        request.new_certification_path_id.as_str(),
    );
    let done = call.device().assign_path(call.actor, Some(old), new);
    done.map_err(|e| match e {
        Error::NotFound {
            what: "certification path",
            ..
        } => Fault::sender(&["InvalidArgVal", "NewCertificationPathID"], e.to_string()),
        other => faults::of(other),
    })
}

/// `GetAssignedServerCertificates`.
pub(super) fn assigned(call: &Call<'_>) -> Answer<tas::GetAssignedServerCertificatesResponse> {
    let assigned = call
        .device()
        .assigned_path(call.actor)
        .map_err(faults::of)?;
    Ok(tas::GetAssignedServerCertificatesResponse {
        certification_path_id: assigned.into_iter().collect(),
    })
}

/// `GetEnabledTLSVersions`.
pub(super) fn versions(call: &Call<'_>) -> tas::GetEnabledTLSVersionsResponse {
    let on = call.device().settings.get::<NetHttps>();
    let all = TLS_VERSIONS.map(|(version, _)| version);
    let enabled = all.into_iter().zip([on.tls12, on.tls13]);
    let enabled = enabled.filter(|(_, on)| *on).map(|(v, _)| v.to_owned());
    tas::GetEnabledTLSVersionsResponse {
        versions: List(enabled.collect()),
    }
}

/// `SetEnabledTLSVersions`: the fields of `net.https`.
pub(super) fn set_versions(call: &Call<'_>, wanted: &[String]) -> Answer<()> {
    if wanted.is_empty() {
        let text = "Versions: is empty; at least one version stays enabled";
        return Err(Fault::sender(&["InvalidArgVal", "EmptyList"], text));
    }
    let known = |v: &&String| TLS_VERSIONS.iter().any(|(version, _)| version == v);
    if let Some(strange) = wanted.iter().find(|v| !known(v)) {
        let text = format!("Versions: {} is none of 1.2 and 1.3", shortened(strange));
        return Err(Fault::sender(&["InvalidArgVal", "TLSVersion"], text));
    }
    let field = |(version, field): (&str, &str)| {
        let on = wanted.iter().any(|w| w == version);
        (field.to_owned(), Value::Bool(on))
    };
    let patch: Map<String, Value> = TLS_VERSIONS.into_iter().map(field).collect();
    let settings = &call.device().settings;
    settings
        .patch(NetHttps::KEY, &Value::Object(patch), None, call.actor)
        .map(drop)
        .map_err(fault::of)
}

/// `SetClientAuthenticationRequired`: not while nobody is trusted.
pub(super) fn require_clients(call: &Call<'_>, required: bool) -> Answer<()> {
    let done = call
        .device()
        .require_client_certificates(call.actor, required);
    done.map_err(|e| {
        let nobody = |e: &Error| matches!(e, Error::Invalid(v) if v.0.iter().any(|v| v.pointer == "/client_ca"));
        if nobody(&e) {
            let subcode = "EnablingTLSClientAuthenticationFailed";
            return Fault::receiver(&["Action", subcode], e.to_string());
        }
        fault::of(e)
    })
}

/// `GetClientAuthenticationRequired`.
pub(super) fn clients_required(call: &Call<'_>) -> tas::GetClientAuthenticationRequiredResponse {
    tas::GetClientAuthenticationRequiredResponse {
        client_authentication_required: call
            .device()
            .settings
            .get::<NetHttps>()
            .client_certificates,
    }
}

/// `AddCertPathValidationPolicyAssignment`: there is room for one.
pub(super) fn add_policy(call: &Call<'_>, policy: &str) -> Answer<()> {
    let done = call.device().assign_client_policy(call.actor, None, policy);
    done.map_err(faults::of)
}

/// `RemoveCertPathValidationPolicyAssignment`, while no client certificates are required.
pub(super) fn remove_policy(call: &Call<'_>, policy: &str) -> Answer<()> {
    call.device()
        .unassign_client_policy(call.actor, policy)
        .map_err(faults::of)
}

/// `ReplaceCertPathValidationPolicyAssignment`.
pub(super) fn replace_policy(
    call: &Call<'_>,
    request: &tas::ReplaceCertPathValidationPolicyAssignment,
) -> Answer<()> {
    let (old, new) = (
        request.old_cert_path_validation_policy_id.as_str(),
        request.new_cert_path_validation_policy_id.as_str(),
    );
    let device = call.device();
    let done = device.assign_client_policy(call.actor, Some(old), new);
    done.map_err(|e| match e {
        Error::NotFound {
            what: "validation policy",
            ..
        } => Fault::sender(
            &["InvalidArgVal", "NewCertPathValidationPolicyID"],
            e.to_string(),
        ),
        other => faults::of(other),
    })
}

/// `GetAssignedCertPathValidationPolicies`.
pub(super) fn policies(
    call: &Call<'_>,
) -> Answer<tas::GetAssignedCertPathValidationPoliciesResponse> {
    let assigned = call.device().client_policy(call.actor);
    Ok(tas::GetAssignedCertPathValidationPoliciesResponse {
        cert_path_validation_policy_id: assigned.map_err(faults::of)?.into_iter().collect(),
    })
}
