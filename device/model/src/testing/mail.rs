use std::time::Duration;

use parking_lot::Mutex;

use crate::{
    Error, Result,
    ports::{Mail, Mailer},
};

/// Keeps what it is given; refuses while it is told to.
#[derive(Debug, Default)]
pub struct MemoryMailer {
    sent: Mutex<Vec<Mail>>,
    refusal: Mutex<Option<String>>,
}

impl MemoryMailer {
    /// Everything sent so far.
    pub fn sent(&self) -> Vec<Mail> {
        self.sent.lock().clone()
    }

    /// From now on every message is refused with these words, or taken again.
    pub fn refuse(&self, why: Option<&str>) {
        *self.refusal.lock() = why.map(Into::into);
    }
}

impl Mailer for MemoryMailer {
    fn send(&self, mail: &Mail) -> Result<Duration> {
        if let Some(why) = &*self.refusal.lock() {
            return Err(Error::Unsupported(why.clone()));
        }
        self.sent.lock().push(mail.clone());
        Ok(Duration::from_millis(1))
    }
}
