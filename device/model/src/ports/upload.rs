//! Pictures that go to a server.

use std::time::Duration;

use lpr_core::UtcTime;
use serde::Serialize;

use crate::Result;

/// What the upload is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum UploadState {
    /// Switched off.
    #[default]
    Off,
    /// Everything is on the server.
    Idle,
    /// Pictures are on their way.
    Uploading,
    /// The last attempt failed; it is tried again by itself.
    Retrying,
}

/// How the upload is doing (FTP-12).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct UploadStatus {
    /// What it is doing.
    pub state: UploadState,
    /// Records whose pictures wait.
    pub waiting: u64,
    /// Pictures on the server since the start.
    pub uploaded: u64,
    /// Records of outages that were skipped, ANR being off, since the start.
    pub skipped: u64,
    /// Records that made room in the unit before they could be uploaded, since the start.
    pub lost: u64,
    /// Path of the last picture on the server.
    pub last_name: Option<String>,
    /// When it arrived.
    pub last_at: Option<UtcTime>,
    /// What went wrong last.
    pub last_error: Option<String>,
    /// When.
    pub last_error_at: Option<UtcTime>,
    /// The key that the server must show (SFTP): the one of the settings, or the one that it showed at first.
    pub host_key: Option<String>,
    /// Another key that it showed since; nothing is sent to it until somebody takes it (FTP-11).
    pub offered_key: Option<String>,
}

/// Uploads the pictures of records as the section `upload.server` says.
pub trait Uploads: Send + Sync {
    /// How it is doing.
    fn status(&self) -> UploadStatus;

    /// Logs in and writes, renames and removes a small file, with the stored settings (FTP-9). Blocks, a minute at most.
    ///
    /// # Errors
    /// [`crate::Error::Unsupported`] with what went wrong.
    fn test(&self) -> Result<Duration>;

    /// Forgets the keys that servers showed: the next one is remembered (FTP-11).
    ///
    /// # Errors
    /// [`crate::Error::Internal`] when that cannot be stored.
    fn forget_keys(&self) -> Result<()>;

    /// Takes the key that the server of the section shows now in place of the remembered one (FTP-11); a key of the
    /// settings is changed there.
    ///
    /// # Errors
    /// [`crate::Error::Conflict`] when that is not the key it showed last, [`crate::Error::Internal`] when it cannot be
    /// stored.
    fn accept_key(&self, key: &str) -> Result<()>;
}
