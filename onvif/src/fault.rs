//! From the model's errors to SOAP faults: the only place that knows both.

use onvif_contracts::wsrf_bf::BaseFaultTypeDescription;
use onvif_xml::{DateTime, soap::Fault};
use platecam_model::Error;

/// Subcodes that an operation uses where the general mapping has none of its own.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Subcodes {
    /// Below `ter:InvalidArgVal` for refused values; empty for none.
    pub(crate) invalid: &'static str,
    /// Below `ter:InvalidArgVal` for a missing thing; empty for none.
    pub(crate) not_found: &'static str,
    /// For a conflict; empty for `ter:InvalidArgVal/ter:ConfigModify`.
    pub(crate) conflict: &'static [&'static str],
    /// Below `ter:Action` for a limit; empty for none.
    pub(crate) exhausted: &'static str,
}

/// The fault for `error`, with the general subcodes.
pub(crate) fn of(error: Error) -> Fault {
    of_operation(error, Subcodes::default())
}

/// The fault for `error` in an operation with subcodes of its own (style guide §5, Core §7.8.2).
pub(crate) fn of_operation(error: Error, own: Subcodes) -> Fault {
    let text = error.to_string();
    match error {
        Error::Invalid(_) => Fault::sender(&below("InvalidArgVal", own.invalid), text),
        Error::Malformed { .. } => Fault::sender(&["InvalidArgs"], text),
        Error::Unauthenticated
        | Error::SecondFactor
        | Error::PasswordExpired
        | Error::Locked { .. } => Fault::not_authorized(text),
        Error::Forbidden(_) | Error::NotInRole { .. } => Fault::not_authorized(text),
        Error::NotInitialised => Fault::not_authorized(text),
        Error::NotFound { what, .. } => {
            let subcode = match what {
                _ if !own.not_found.is_empty() => own.not_found,
                "profile" => "NoProfile",
                "configuration" => "NoConfig",
                "video source" => "NoVideoSource",
                "user" => "UsernameMissing",
                _ => "",
            };
            Fault::sender(&below("InvalidArgVal", subcode), text)
        }
        Error::Conflict(_) if own.conflict.is_empty() => {
            Fault::sender(&["InvalidArgVal", "ConfigModify"], text)
        }
        Error::Conflict(_) => Fault::sender(own.conflict, text),
        Error::Unsupported(_) => Fault::receiver(&["ActionNotSupported"], text),
        Error::Exhausted { .. } => Fault::receiver(&below("Action", own.exhausted), text),
        Error::Internal { detail } => {
            let id = uuid::Uuid::new_v4().simple().to_string();
            tracing::error!(%id, "{detail}");
            Fault::receiver(&["Action"], format!("internal error {id}"))
        }
    }
}

fn below(general: &'static str, particular: &'static str) -> Vec<&'static str> {
    if particular.is_empty() {
        vec![general]
    } else {
        vec![general, particular]
    }
}

/// The fault for a missing profile.
pub(crate) fn no_profile(token: &str) -> Fault {
    of(Error::not_found("profile", shortened(token)))
}

/// The fault for a missing configuration.
pub(crate) fn no_config(token: &str) -> Fault {
    of(Error::not_found("configuration", shortened(token)))
}

/// At most 64 characters of what a peer sent, for messages.
pub(crate) fn shortened(text: &str) -> String {
    text.chars().take(64).collect()
}

/// Description of a WS-BaseNotification fault.
pub(crate) fn description(text: &str) -> Vec<BaseFaultTypeDescription> {
    vec![BaseFaultTypeDescription {
        value: text.to_owned(),
        lang: Some("en".into()),
    }]
}

/// A moment on the wire, always in UTC.
pub(crate) fn date_time(at: lpr_core::UtcTime) -> DateTime {
    // UtcTime holds the years 1 to 9999 only, which every date type can.
    DateTime::from_unix_millis(at.as_millis()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use onvif_xml::soap::Code;
    use platecam_model::Permission;

    use super::*;

    /// Every error of the model and its fault (style guide §5).
    #[test]
    fn every_error_has_its_fault() {
        let conflict = || Error::Conflict("taken".into());
        let users = Subcodes {
            invalid: "Password",
            not_found: "UsernameMissing",
            conflict: &["OperationProhibited", "UsernameClash"],
            exhausted: "TooManyUsers",
        };
        let plain = Subcodes::default();
        use Code::{Receiver, Sender};
        for (error, own, code, subcodes) in [
            (
                Error::invalid("/x", 1, "must be 2"),
                plain,
                Sender,
                &["InvalidArgVal"][..],
            ),
            (
                Error::invalid("/password", "", "is too short"),
                users,
                Sender,
                &["InvalidArgVal", "Password"],
            ),
            (
                Error::Malformed {
                    what: "x",
                    reason: "y".into(),
                },
                plain,
                Sender,
                &["InvalidArgs"],
            ),
            (Error::Unauthenticated, plain, Sender, &["NotAuthorized"]),
            (
                Error::Locked {
                    retry_after: Duration::from_secs(9),
                },
                plain,
                Sender,
                &["NotAuthorized"],
            ),
            (
                Error::Forbidden(Permission::Maintenance),
                plain,
                Sender,
                &["NotAuthorized"],
            ),
            (Error::NotInitialised, plain, Sender, &["NotAuthorized"]),
            (
                Error::not_found("profile", "p"),
                plain,
                Sender,
                &["InvalidArgVal", "NoProfile"],
            ),
            (
                Error::not_found("configuration", "c"),
                plain,
                Sender,
                &["InvalidArgVal", "NoConfig"],
            ),
            (
                Error::not_found("video source", "c"),
                plain,
                Sender,
                &["InvalidArgVal", "NoVideoSource"],
            ),
            (
                Error::not_found("user", "u"),
                plain,
                Sender,
                &["InvalidArgVal", "UsernameMissing"],
            ),
            (
                Error::not_found("settings section", "s"),
                plain,
                Sender,
                &["InvalidArgVal"],
            ),
            (
                conflict(),
                plain,
                Sender,
                &["InvalidArgVal", "ConfigModify"],
            ),
            (
                conflict(),
                users,
                Sender,
                &["OperationProhibited", "UsernameClash"],
            ),
            (
                Error::Unsupported("x".into()),
                plain,
                Receiver,
                &["ActionNotSupported"],
            ),
            (
                Error::Exhausted {
                    what: "users",
                    limit: 2,
                },
                plain,
                Receiver,
                &["Action"],
            ),
            (
                Error::Exhausted {
                    what: "users",
                    limit: 2,
                },
                users,
                Receiver,
                &["Action", "TooManyUsers"],
            ),
            (Error::internal("secret path"), plain, Receiver, &["Action"]),
        ] {
            let text = error.to_string();
            let fault = of_operation(error, own);
            let found: Vec<_> = fault
                .subcodes
                .iter()
                .map(|s| s.local().to_owned())
                .collect();
            assert_eq!(
                (fault.code, found),
                (code, subcodes.iter().map(ToString::to_string).collect()),
                "{text}"
            );
            assert!(!fault.reason.is_empty());
            assert!(!fault.reason.contains("secret"), "{}", fault.reason);
        }
    }
}
