use bytes::Bytes;

use crate::{Result, Secret};

/// What the process uses now.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ProcessFigures {
    /// Processor time since the start, seconds, all threads.
    pub cpu_seconds: f64,
    /// Resident memory, bytes.
    pub resident_bytes: u64,
    /// Open files and sockets.
    pub open_files: u64,
    /// Threads.
    pub threads: u64,
}

/// Time of all processors of the machine since its start, seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ProcessorTimes {
    /// Spent on any work.
    pub busy: f64,
    /// Spent at all.
    pub all: f64,
}

impl ProcessorTimes {
    /// Share of the time since `before` that was spent on work, 0 to 100 per cent; 0 when none has passed.
    pub fn usage_since(self, before: Self) -> f64 {
        let all = self.all - before.all;
        if all <= 0.0 {
            return 0.0;
        }
        ((self.busy - before.busy) / all * 100.0).clamp(0.0, 100.0)
    }
}

/// What the state takes on the disk, and what is left; bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StorageFigures {
    /// Free for us.
    pub free: u64,
    /// Size of the file system.
    pub total: u64,
    /// The database with its log.
    pub database: u64,
}

/// One text of a support bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleFile {
    /// Name within the archive.
    pub name: String,
    /// Content.
    pub content: Vec<u8>,
}

/// What the model wants to know of the machine and the process.
pub trait Machine: Send + Sync {
    /// What the process uses.
    fn process(&self) -> ProcessFigures;

    /// What all processors have done; not a number of this process alone.
    fn processors(&self) -> ProcessorTimes;

    /// The disk under the state.
    fn storage(&self) -> StorageFigures;

    /// Kernel, processor, memory, file systems, threads: texts for a support bundle, without secrets.
    fn report(&self) -> Vec<BundleFile>;

    /// Packs files into a ZIP archive, encrypted with AES-256 when there is a password (DEBUG-2).
    ///
    /// # Errors
    /// [`crate::Error::Internal`].
    fn pack(&self, files: &[BundleFile], password: Option<&Secret>) -> Result<Bytes>;
}
