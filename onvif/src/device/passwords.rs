//! Password rules, history and failed logins over ONVIF (Core §10.5): the same settings as the web's
//! (`security.password`, `security.login`).

use onvif_contracts::{tds, tt};
use onvif_xml::soap::Fault;
use platecam_model::settings::{SecurityLogin, SecurityPassword};
use serde_json::{Value, json};

use crate::{
    call::{Answer, Call},
    fault,
};

fn range(min: i32, max: i32) -> tt::IntRange {
    tt::IntRange { min, max }
}

/// `GetPasswordComplexityOptions`.
pub(super) fn complexity_options() -> tds::GetPasswordComplexityOptionsResponse {
    let of_class = || Some(Box::new(range(0, 4)));
    tds::GetPasswordComplexityOptionsResponse {
        min_len_range: Some(Box::new(range(8, 32))),
        uppercase_range: of_class(),
        number_range: of_class(),
        special_chars_range: of_class(),
        block_username_occurrence_supported: Some(true),
        policy_configuration_lock_supported: Some(false),
    }
}

/// `GetPasswordComplexityConfiguration`.
pub(super) fn complexity(call: &Call<'_>) -> tds::GetPasswordComplexityConfigurationResponse {
    let s = call.device().settings.get::<SecurityPassword>();
    let int = |n: u32| i32::try_from(n).ok();
    tds::GetPasswordComplexityConfigurationResponse {
        min_len: int(s.min_length.get()),
        uppercase: int(s.min_uppercase.get()),
        number: int(s.min_digits.get()),
        special_chars: int(s.min_special.get()),
        block_username_occurrence: Some(s.refuse_name),
        policy_configuration_locked: Some(false),
    }
}

fn patch(call: &Call<'_>, key: &str, value: &Value) -> Answer<()> {
    call.device()
        .settings
        .patch(key, value, None, call.actor)
        .map(drop)
        .map_err(fault::of)
}

/// `SetPasswordComplexityConfiguration`; what is absent stays.
pub(super) fn set_complexity(
    call: &Call<'_>,
    request: &tds::SetPasswordComplexityConfiguration,
) -> Answer<()> {
    if request.policy_configuration_locked == Some(true) {
        let text = "PolicyConfigurationLocked: the rules cannot be locked";
        return Err(Fault::sender(&["InvalidArgVal"], text));
    }
    let mut value = serde_json::Map::new();
    for (field, given) in [
        ("min_length", request.min_len),
        ("min_uppercase", request.uppercase),
        ("min_digits", request.number),
        ("min_special", request.special_chars),
    ] {
        if let Some(n) = given {
            value.insert(field.into(), json!(n));
        }
    }
    if let Some(block) = request.block_username_occurrence {
        value.insert("refuse_name".into(), json!(block));
    }
    patch(call, "security.password", &Value::Object(value))
}

/// `GetPasswordHistoryConfiguration`.
pub(super) fn history(call: &Call<'_>) -> tds::GetPasswordHistoryConfigurationResponse {
    let n = call
        .device()
        .settings
        .get::<SecurityPassword>()
        .history
        .get();
    tds::GetPasswordHistoryConfigurationResponse {
        enabled: n > 0,
        length: i32::try_from(n).unwrap_or(i32::MAX),
    }
}

/// `SetPasswordHistoryConfiguration`.
pub(super) fn set_history(
    call: &Call<'_>,
    request: &tds::SetPasswordHistoryConfiguration,
) -> Answer<()> {
    let length = if request.enabled { request.length } else { 0 };
    if request.enabled && length < 1 {
        let text = format!("Length {length}: must be 1 to 10 while it is enabled");
        return Err(Fault::sender(&["InvalidArgVal"], text));
    }
    patch(call, "security.password", &json!({ "history": length }))
}

/// `GetAuthFailureWarningOptions`.
pub(super) fn failure_options() -> tds::GetAuthFailureWarningOptionsResponse {
    tds::GetAuthFailureWarningOptionsResponse {
        monitor_period_range: range(60, 1800),
        auth_failure_range: range(3, 10),
    }
}

/// `GetAuthFailureWarningConfiguration`: the lock-out, which is always on (C-20).
pub(super) fn failures(call: &Call<'_>) -> tds::GetAuthFailureWarningConfigurationResponse {
    let s = call.device().settings.get::<SecurityLogin>();
    let int = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
    tds::GetAuthFailureWarningConfigurationResponse {
        enabled: true,
        monitor_period: int(s.lock_minutes.get() * 60),
        max_auth_failures: int(s.attempts.get()),
    }
}

/// `SetAuthFailureWarningConfiguration`; seconds are rounded up to whole minutes.
pub(super) fn set_failures(
    call: &Call<'_>,
    request: &tds::SetAuthFailureWarningConfiguration,
) -> Answer<()> {
    if !request.enabled {
        let text = "Enabled false: the lock-out cannot be switched off";
        return Err(Fault::sender(&["InvalidArgVal"], text));
    }
    let minutes = i64::from(request.monitor_period).saturating_add(59) / 60;
    let value = json!({"lock_minutes": minutes, "attempts": request.max_auth_failures});
    patch(call, "security.login", &value)
}
