//! Validation policies (Security Service §5.2.6.5): whom the certificates of others must lead to. Used by 802.1X, by event
//! brokers and, for clients, by the TLS server.

use onvif_contracts::tas;
use platecam_model::{Error, ports::ValidationPolicy};

use super::faults;
use crate::call::{Answer, Call};

/// What is asked of a certificate beside its path. Refuses delta lists, which are not looked at here.
fn client_usage(parameters: &tas::CertPathValidationParameters) -> Answer<bool> {
    if parameters.use_delta_crls == Some(true) {
        let why = "UseDeltaCRLs cannot be done here";
        return Err(faults::of(Error::invalid("/parameters", "true", why)));
    }
    let usage = parameters.require_tlswww_client_auth_extended_key_usage;
    Ok(usage == Some(true))
}

fn ids(anchors: &[tas::TrustAnchor]) -> Vec<String> {
    anchors.iter().map(|a| a.certificate_id.clone()).collect()
}

fn written(policy: ValidationPolicy) -> tas::CertPathValidationPolicy {
    let anchor = |certificate_id| tas::TrustAnchor { certificate_id };
    tas::CertPathValidationPolicy {
        cert_path_validation_policy_id: policy.id,
        alias: Some(policy.alias).filter(|a| !a.is_empty()),
        parameters: tas::CertPathValidationParameters {
            require_tlswww_client_auth_extended_key_usage: Some(policy.client_usage),
            use_delta_crls: Some(false),
            any_parameters: None,
        },
        trust_anchor: policy.anchors.into_iter().map(anchor).collect(),
        any_parameters: None,
    }
}

/// `CreateCertPathValidationPolicy`.
pub(super) fn create(
    call: &Call<'_>,
    wanted: &tas::CreateCertPathValidationPolicy,
) -> Answer<tas::CreateCertPathValidationPolicyResponse> {
    let usage = client_usage(&wanted.parameters)?;
    let alias = wanted.alias.as_deref().unwrap_or_default();
    let anchors = ids(&wanted.trust_anchor);
    let id = call
        .device()
        .create_validation_policy(call.actor, &anchors, alias, usage)
        .map_err(faults::of)?;
    Ok(tas::CreateCertPathValidationPolicyResponse {
        cert_path_validation_policy_id: id,
    })
}

/// `SetCertPathValidationPolicy`: those who trust by it follow.
pub(super) fn set(call: &Call<'_>, wanted: &tas::CertPathValidationPolicy) -> Answer<()> {
    let client_usage = client_usage(&wanted.parameters)?;
    let policy = ValidationPolicy {
        id: wanted.cert_path_validation_policy_id.clone(),
        alias: wanted.alias.clone().unwrap_or_default(),
        anchors: ids(&wanted.trust_anchor),
        client_usage,
    };
    call.device()
        .set_validation_policy(call.actor, &policy)
        .map_err(faults::of)
}

/// `GetAllCertPathValidationPolicies`.
pub(super) fn all(call: &Call<'_>) -> Answer<Vec<tas::CertPathValidationPolicy>> {
    let all = call.device().validation_policies(call.actor);
    Ok(all.map_err(faults::of)?.into_iter().map(written).collect())
}

/// `GetCertPathValidationPolicy`.
pub(super) fn one(call: &Call<'_>, id: &str) -> Answer<tas::CertPathValidationPolicy> {
    let mut all = all(call)?.into_iter();
    let found = all.find(|p| p.cert_path_validation_policy_id == id);
    found.ok_or_else(|| faults::of(Error::not_found("validation policy", id)))
}

/// `DeleteCertPathValidationPolicy`, while nobody trusts by it.
pub(super) fn delete(call: &Call<'_>, id: &str) -> Answer<()> {
    call.device()
        .delete_validation_policy(call.actor, id)
        .map_err(faults::of)
}
