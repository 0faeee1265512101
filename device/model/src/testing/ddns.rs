use parking_lot::Mutex;

use crate::ports::{DdnsStatus, DynamicDns};

/// Dynamic DNS that does nothing and says what it is told to say.
#[derive(Debug, Default)]
pub struct MemoryDdns(pub Mutex<DdnsStatus>);

impl DynamicDns for MemoryDdns {
    fn status(&self) -> DdnsStatus {
        self.0.lock().clone()
    }
}
