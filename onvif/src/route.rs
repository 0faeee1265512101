//! Which operation a request means.
//!
//! Only the body's element decides, not the path: many clients send everything to one address.

use onvif_contracts::{
    port::{Operation, find},
    ports,
};
use onvif_xml::{Ns, Writer, ns, soap::Body, soap::Fault};

use crate::call::Call;

/// A port type of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Port {
    Device,
    DeviceIo,
    Media,
    Media2,
    Imaging,
    Provisioning,
    Analytics,
    Rules,
    Event,
    PullPoint,
    Producer,
    Manager,
    Security,
    Keystore,
    TlsServer,
    Dot1x,
    MediaSigning,
}

impl Port {
    const ALL: [Self; 17] = [
        Self::Device,
        Self::DeviceIo,
        Self::Media,
        Self::Media2,
        Self::Imaging,
        Self::Provisioning,
        Self::Analytics,
        Self::Rules,
        Self::Event,
        Self::PullPoint,
        Self::Producer,
        Self::Manager,
        Self::Security,
        Self::Keystore,
        Self::TlsServer,
        Self::Dot1x,
        Self::MediaSigning,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Device => "Device",
            Self::DeviceIo => "Device IO",
            Self::Media => "Media 1",
            Self::Media2 => "Media 2",
            Self::Imaging => "Imaging",
            Self::Provisioning => "Provisioning",
            Self::Analytics => "Analytics",
            Self::Rules => "Analytics: rules",
            Self::Event => "Events",
            Self::PullPoint => "Pull point",
            Self::Producer => "Notification producer",
            Self::Manager => "Subscription manager",
            Self::Security => "Security configuration",
            Self::Keystore => "Security configuration: keystore",
            Self::TlsServer => "Security configuration: TLS server",
            Self::Dot1x => "Security configuration: 802.1X",
            Self::MediaSigning => "Security configuration: media signing",
        }
    }

    fn operations(self) -> &'static [Operation] {
        match self {
            Self::Device => &ports::device::OPERATIONS,
            Self::DeviceIo => &ports::device_io_port::OPERATIONS,
            Self::Media => &ports::media::OPERATIONS,
            Self::Media2 => &ports::media2::OPERATIONS,
            Self::Imaging => &ports::imaging_port::OPERATIONS,
            Self::Provisioning => &ports::provisioning_service::OPERATIONS,
            Self::Analytics => &ports::analytics_engine_port::OPERATIONS,
            Self::Rules => &ports::rule_engine_port::OPERATIONS,
            Self::Event => &ports::event_port_type::OPERATIONS,
            Self::PullPoint => &ports::pull_point_subscription::OPERATIONS,
            Self::Producer => &ports::notification_producer::OPERATIONS,
            Self::Manager => &ports::subscription_manager::OPERATIONS,
            Self::Security => &ports::advanced_security_service::OPERATIONS,
            Self::Keystore => &ports::keystore::OPERATIONS,
            Self::TlsServer => &ports::tls_server::OPERATIONS,
            Self::Dot1x => &ports::dot1x::OPERATIONS,
            Self::MediaSigning => &ports::media_signing::OPERATIONS,
        }
    }

    /// Port and operation of a request element.
    pub(crate) fn of(ns: Ns, element: &str) -> Option<(Self, &'static Operation)> {
        Self::ALL
            .into_iter()
            .find_map(|p| find(p.operations(), ns, element).map(|op| (p, op)))
    }

    /// Reads the request, calls the method, writes the answer's element.
    pub(crate) fn dispatch(
        self,
        call: &Call<'_>,
        operation: &'static Operation,
        body: Body<'_>,
    ) -> Result<Writer, Fault> {
        match self {
            Self::Device => ports::device::dispatch(call, operation, body),
            Self::DeviceIo => ports::device_io_port::dispatch(call, operation, body),
            Self::Media => ports::media::dispatch(call, operation, body),
            Self::Media2 => ports::media2::dispatch(call, operation, body),
            Self::Imaging => ports::imaging_port::dispatch(call, operation, body),
            Self::Provisioning => ports::provisioning_service::dispatch(call, operation, body),
            Self::Analytics => ports::analytics_engine_port::dispatch(call, operation, body),
            Self::Rules => {
                let mut answer = ports::rule_engine_port::dispatch(call, operation, body)?;
                // Topics are texts in it, whose prefix no name declares.
                answer.needs(ns::TNS1);
                Ok(answer)
            }
            Self::Event => ports::event_port_type::dispatch(call, operation, body),
            Self::PullPoint => ports::pull_point_subscription::dispatch(call, operation, body),
            Self::Producer => ports::notification_producer::dispatch(call, operation, body),
            Self::Manager => ports::subscription_manager::dispatch(call, operation, body),
            Self::Security => ports::advanced_security_service::dispatch(call, operation, body),
            Self::Keystore => ports::keystore::dispatch(call, operation, body),
            Self::TlsServer => ports::tls_server::dispatch(call, operation, body),
            Self::Dot1x => ports::dot1x::dispatch(call, operation, body),
            Self::MediaSigning => ports::media_signing::dispatch(call, operation, body),
        }
    }
}

/// Every operation that is routed, with the name of its service; for documents and tests.
#[must_use]
pub fn operations() -> Vec<(&'static str, &'static Operation)> {
    let of = |port: Port| port.operations().iter().map(move |op| (port.name(), op));
    Port::ALL.into_iter().flat_map(of).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_request_element_means_one_operation() {
        let mut seen: BTreeMap<(&str, &str), &str> = BTreeMap::new();
        for port in Port::ALL {
            for op in port.operations() {
                if let Some(other) = seen.insert((op.ns.uri(), op.element), op.name) {
                    // Unsubscribe stands in both subscription ports, two operations of relays in Device and
                    // Device IO; the first one serves them.
                    let shared = ["Unsubscribe", "GetRelayOutputs", "SetRelayOutputState"];
                    assert!(other == op.name && shared.contains(&other), "{other}");
                }
                assert!(Port::of(op.ns, op.element).is_some());
            }
        }
        assert!(seen.len() > 200, "{}", seen.len());
    }
}
