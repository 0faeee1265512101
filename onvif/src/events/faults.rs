//! Faults of WS-BaseNotification (Core §11.9): each has a type of its own in the detail.

use lpr_core::UtcTime;
use onvif_contracts::{wsnt, wsrf_r};
use onvif_xml::{
    Any, DateTime, Ns, Value, ns,
    soap::{Code, Fault},
};

use super::{subscriptions::Refused, topic::BadExpression};
use crate::fault::{date_time, description};

/// A fault with its detail element.
fn with(code: Code, reason: String, ns: Ns, name: &'static str, detail: &impl Value) -> Fault {
    let any = Any::written(|w| detail.write(w, ns, name));
    Fault::new(code, &[], reason).with_detail(any)
}

macro_rules! fault {
    ($(#[$doc:meta])* $fn:ident, $code:ident, $module:ident::$type:ident in $ns:expr, $name:literal) => {
        $(#[$doc])*
        pub(super) fn $fn(reason: &str, now: UtcTime) -> Fault {
            let detail = $module::$type {
                timestamp: date_time(now),
                description: description(reason),
                ..Default::default()
            };
            with(Code::$code, reason.to_owned(), $ns, $name, &detail)
        }
    };
}

fault! {
    /// The subscription is unknown or has ended.
    unknown_resource, Sender, wsrf_r::ResourceUnknownFaultType in ns::WSRF_R, "ResourceUnknownFault"
}
fault! {
    /// No more subscriptions.
    creation_failed, Receiver, wsnt::SubscribeCreationFailedFaultType in ns::WSNT, "SubscribeCreationFailedFault"
}
fault! {
    /// Another call waits for messages.
    unable_to_get, Receiver, wsnt::UnableToGetMessagesFaultType in ns::WSNT, "UnableToGetMessagesFault"
}
fault! {
    /// The topic expression cannot be read.
    invalid_topic, Sender, wsnt::InvalidTopicExpressionFaultType in ns::WSNT, "InvalidTopicExpressionFault"
}
fault! {
    /// No topic of ours matches.
    unsupported_topic, Sender, wsnt::TopicNotSupportedFaultType in ns::WSNT, "TopicNotSupportedFault"
}
fault! {
    /// Unknown dialect of a topic expression.
    unknown_dialect, Sender, wsnt::TopicExpressionDialectUnknownFaultType in ns::WSNT, "TopicExpressionDialectUnknownFault"
}
fault! {
    /// The content filter cannot be read.
    invalid_content, Sender, wsnt::InvalidMessageContentExpressionFaultType in ns::WSNT, "InvalidMessageContentExpressionFault"
}
fault! {
    /// A filter of a kind that we do not have.
    invalid_filter, Sender, wsnt::InvalidFilterFaultType in ns::WSNT, "InvalidFilterFault"
}

/// The asked end of a subscription is unacceptable, with the accepted bounds.
pub(super) fn unacceptable_time(
    initial: bool,
    reason: &str,
    now: UtcTime,
    (least, most): (DateTime, DateTime),
) -> Fault {
    if initial {
        let detail = wsnt::UnacceptableInitialTerminationTimeFaultType {
            timestamp: date_time(now),
            description: description(reason),
            minimum_time: least,
            maximum_time: Some(most),
            ..Default::default()
        };
        let name = "UnacceptableInitialTerminationTimeFault";
        with(Code::Sender, reason.to_owned(), ns::WSNT, name, &detail)
    } else {
        let detail = wsnt::UnacceptableTerminationTimeFaultType {
            timestamp: date_time(now),
            description: description(reason),
            minimum_time: least,
            maximum_time: Some(most),
            ..Default::default()
        };
        let name = "UnacceptableTerminationTimeFault";
        with(Code::Sender, reason.to_owned(), ns::WSNT, name, &detail)
    }
}

/// The fault for a refused subscription call.
pub(super) fn refused(refused: Refused, now: UtcTime) -> Fault {
    let reason = refused.to_string();
    match refused {
        Refused::Unknown => unknown_resource(&reason, now),
        Refused::Full => creation_failed(&reason, now),
        Refused::Busy | Refused::Pushed | Refused::Store => unable_to_get(&reason, now),
    }
}

/// The fault for an unreadable topic expression.
pub(super) fn bad_topic(e: &BadExpression, now: UtcTime) -> Fault {
    invalid_topic(&e.0, now)
}
