use lpr_core::UtcTime;
use serde::Serialize;
use tokio::sync::broadcast;

use crate::Result;

/// A message for a broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerMessage {
    /// Its whole topic, with the prefix.
    pub topic: String,
    /// What it says.
    pub payload: Vec<u8>,
    /// The broker keeps the last one of the topic: a state.
    pub retain: bool,
}

/// Whether a broker is reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum BrokerState {
    /// Switched off, or lost and waiting for the next attempt.
    #[default]
    Offline,
    /// An attempt is being made.
    Connecting,
    /// Messages go out.
    Connected,
}

/// How a broker is doing.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct BrokerStatus {
    /// Whether it is reached.
    pub state: BrokerState,
    /// Messages that wait on the disk.
    pub queued: u64,
    /// Messages that arrived since the start.
    pub sent: u64,
    /// Messages that were dropped because too many waited, or that the broker refused, ever.
    pub dropped: u64,
    /// What went wrong last, for people.
    pub last_error: Option<String>,
    /// When.
    pub last_error_at: Option<UtcTime>,
}

/// The event brokers. They are numbered from 0 in the order of
/// [`settings::brokers`](crate::settings::brokers).
pub trait Brokers: Send + Sync {
    /// Queues messages; they are on the disk when it returns, and go out in their order. A state replaces an
    /// older one of its topic that still waits. Ignored while the broker is switched off.
    ///
    /// # Errors
    /// [`crate::Error::Internal`] when the disk fails.
    fn publish(&self, broker: usize, messages: &[BrokerMessage]) -> Result<()>;

    /// How a broker is doing.
    fn status(&self, broker: usize) -> BrokerStatus;

    /// The numbers of brokers as they are reached, each time anew.
    fn connections(&self) -> broadcast::Receiver<usize>;
}
