use parking_lot::Mutex;
use tokio::sync::broadcast;

use crate::{
    Result,
    ports::{BrokerMessage, BrokerState, BrokerStatus, Brokers},
};

/// Brokers that take everything.
#[derive(Debug)]
pub struct MemoryBrokers {
    /// What was published, with the broker's number.
    pub published: Mutex<Vec<(usize, BrokerMessage)>>,
    reached: broadcast::Sender<usize>,
}

impl Default for MemoryBrokers {
    fn default() -> Self {
        Self {
            published: Mutex::default(),
            reached: broadcast::channel(8).0,
        }
    }
}

impl MemoryBrokers {
    /// As if the broker was reached.
    pub fn reach(&self, broker: usize) {
        let _ = self.reached.send(broker);
    }
}

impl Brokers for MemoryBrokers {
    fn publish(&self, broker: usize, messages: &[BrokerMessage]) -> Result<()> {
        let mut all = self.published.lock();
        all.extend(messages.iter().map(|m| (broker, m.clone())));
        Ok(())
    }

    fn status(&self, _: usize) -> BrokerStatus {
        BrokerStatus {
            state: BrokerState::Connected,
            ..BrokerStatus::default()
        }
    }

    fn connections(&self) -> broadcast::Receiver<usize> {
        self.reached.subscribe()
    }
}
