use std::time::Duration;

use parking_lot::Mutex;

use crate::{
    Error, Result,
    ports::{UploadStatus, Uploads},
};

/// An upload that says what it is told to say.
#[derive(Debug, Default)]
pub struct MemoryUploads {
    /// How it is doing.
    pub status: Mutex<UploadStatus>,
    /// Why tests fail.
    pub refusal: Mutex<Option<String>>,
}

impl Uploads for MemoryUploads {
    fn status(&self) -> UploadStatus {
        self.status.lock().clone()
    }

    fn test(&self) -> Result<Duration> {
        match &*self.refusal.lock() {
            Some(why) => Err(Error::Unsupported(why.clone())),
            None => Ok(Duration::from_millis(1)),
        }
    }

    fn forget_keys(&self) -> Result<()> {
        self.status.lock().host_key = None;
        Ok(())
    }

    fn accept_key(&self, key: &str) -> Result<()> {
        let mut status = self.status.lock();
        if status.offered_key.as_deref() != Some(key) {
            return Err(Error::Conflict("the server shows another key".into()));
        }
        status.host_key = status.offered_key.take();
        Ok(())
    }
}
