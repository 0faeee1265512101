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
