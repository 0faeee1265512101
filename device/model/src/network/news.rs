use std::net::Ipv4Addr;

use lpr_core::UtcTime;

use crate::{
    Actor, LogKind,
    log::{NewLogEntry, Severity},
};

/// What happened to the unit's own network.
#[derive(Clone, Debug, PartialEq)]
pub enum NetworkNews {
    /// A changed address is in force and waits for its confirmation (NET-10).
    Applied {
        /// Who wanted it.
        by: Actor,
        /// Where the unit is to be reached now, as far as that is known.
        addresses: Vec<String>,
        /// Seconds until it goes back.
        confirm_within_s: u16,
    },
    /// Somebody reached the unit and confirmed.
    Confirmed {
        /// Who.
        by: Actor,
    },
    /// The network is as it was before.
    RolledBack {
        /// Why, one English sentence without its full stop.
        reason: String,
    },
    /// Another host uses the unit's address, or the one that it was to take (NET-11).
    Conflict {
        /// The address.
        address: Ipv4Addr,
        /// Hardware address of the other host.
        hardware: String,
    },
    /// The other host is gone.
    ConflictOver {
        /// The address.
        address: Ipv4Addr,
    },
}

impl NetworkNews {
    /// The entry of log and audit trail.
    pub(crate) fn entry(&self, at: UtcTime) -> NewLogEntry {
        let system = Actor::system();
        match self {
            Self::Applied {
                by,
                addresses,
                confirm_within_s,
            } => NewLogEntry::new(
                at,
                LogKind::System,
                Severity::Notice,
                by,
                format!(
                    "The network was changed; it goes back in {confirm_within_s} s unless that is confirmed."
                ),
            )
            .with("addresses", addresses.join(", ")),
            Self::Confirmed { by } => NewLogEntry::new(
                at,
                LogKind::System,
                Severity::Notice,
                by,
                "The change of the network was confirmed.",
            ),
            Self::RolledBack { reason } => NewLogEntry::new(
                at,
                LogKind::System,
                Severity::Warning,
                &system,
                format!("The change of the network was taken back: {reason}."),
            ),
            Self::Conflict { address, hardware } => NewLogEntry::new(
                at,
                LogKind::Alarm,
                Severity::Error,
                &system,
                format!("IP conflict: {address} is used by another host."),
            )
            .with("address", address.to_string())
            .with("hardware", hardware),
            Self::ConflictOver { address } => NewLogEntry::new(
                at,
                LogKind::Alarm,
                Severity::Notice,
                &system,
                format!("IP conflict is over: {address} is used by this unit alone."),
            ),
        }
    }
}
