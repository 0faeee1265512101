use std::time::Duration;

use lpr_core::UtcTime;
use serde::Serialize;

use crate::{
    Result,
    log::{AuditCheck, LogEntry, LogPage, LogQuery, NewLogEntry, TrailEntry},
};

/// Entries the system log holds; one more replaces the oldest (GEN-15, LOG-6).
pub const LOG_CAPACITY: u64 = 1024;
/// Entries the audit trail holds.
pub const TRAIL_CAPACITY: u64 = 100_000;

/// Keeps the system log and the audit trail.
pub trait LogStore: Send + Sync {
    /// Writes entries to log and audit trail, all or none; durable when it returns. The oldest leave.
    ///
    /// # Errors
    /// [`crate::Error::Internal`]; nothing is written then.
    fn append(&self, entries: Vec<NewLogEntry>) -> Result<Vec<LogEntry>>;

    /// One page of the system log, newest first. A limit of 0 means all of it.
    ///
    /// # Errors
    /// [`crate::Error::Internal`].
    fn search(&self, query: &LogQuery) -> Result<LogPage>;

    /// Empties the system log and writes `note` into it, in one step; the audit trail stays and gets
    /// the note as well. Returns how many went, and the note.
    ///
    /// # Errors
    /// [`crate::Error::Internal`]; nothing is removed then.
    fn clear(&self, note: NewLogEntry) -> Result<(u64, LogEntry)>;

    /// Entries of the audit trail after number `after`, oldest first, at most `limit`.
    ///
    /// # Errors
    /// [`crate::Error::Internal`].
    fn trail(&self, after: u64, limit: u32) -> Result<Vec<TrailEntry>>;

    /// Computes the whole chain anew and compares.
    ///
    /// # Errors
    /// [`crate::Error::Internal`] when the trail cannot be read; what is wrong with it is no error.
    fn verify_trail(&self) -> Result<AuditCheck>;
}

/// How the remote log is doing (RLOG-3).
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RemoteLogStatus {
    /// Whether it is switched on.
    pub enabled: bool,
    /// Whether the last attempt to send worked. Over UDP: that nobody refused.
    pub connected: bool,
    /// Host, port and transport, for people; empty while off.
    pub target: String,
    /// Entries that wait.
    pub queued: u64,
    /// Entries sent since the start.
    pub sent: u64,
    /// Entries that were dropped because too many waited, ever.
    pub dropped: u64,
    /// When the last one was sent.
    pub last_sent: Option<UtcTime>,
    /// What went wrong last, for people.
    pub last_error: Option<String>,
    /// When.
    pub last_error_at: Option<UtcTime>,
}

/// The log server.
pub trait RemoteLog: Send + Sync {
    /// How it is doing.
    fn status(&self) -> RemoteLogStatus;

    /// Sends one message now, beside the queue; returns how long it took.
    ///
    /// # Errors
    /// [`crate::Error::Conflict`] while it is switched off; [`crate::Error::Unsupported`] with what went
    /// wrong when the server cannot be reached.
    fn test(&self) -> Result<Duration>;
}
