//! Dynamic DNS: how the unit's name is doing.

use std::net::IpAddr;

use lpr_core::UtcTime;
use serde::Serialize;

/// What becomes of the name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DdnsState {
    /// Switched off.
    #[default]
    Off,
    /// The address is not known yet, or an update is under way.
    Waiting,
    /// The name points to the address.
    Current,
    /// The last attempt failed; it is tried again by itself.
    Retrying,
    /// The server refused for good: nothing is sent until the settings change.
    Stopped,
}

/// How dynamic DNS is doing (DDNS-6).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DdnsStatus {
    /// What becomes of the name.
    pub state: DdnsState,
    /// Where updates go; `None` while it is off.
    pub server: Option<String>,
    /// The address that the server took last.
    pub address: Option<IpAddr>,
    /// When it took it.
    pub updated_at: Option<UtcTime>,
    /// The server's last answer, or why there was none.
    pub answer: Option<String>,
    /// When that came.
    pub answered_at: Option<UtcTime>,
    /// When it is tried again.
    pub next_try: Option<UtcTime>,
}

/// Keeps the name of the section `net.ddns` up to date.
pub trait DynamicDns: Send + Sync {
    /// How it is doing.
    fn status(&self) -> DdnsStatus;
}
