//! The memory card (GEN-12, HW-8): a medium that may be pulled at any time.

use bytes::Bytes;
use lpr_core::UtcTime;
use serde::Serialize;

use crate::{
    Actor, LogKind, Result,
    log::{NewLogEntry, Severity},
};

/// What a memory card is like (STOR-5, STOR-7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CardState {
    /// This unit has no slot, or it is not used.
    #[default]
    NoSlot,
    /// The slot is empty.
    Absent,
    /// It was put in and is being looked at.
    Opening,
    /// Pictures are kept on it.
    Ready,
    /// It is write-protected: what is on it can be read.
    ReadOnly,
    /// It has no file system, or one that does not survive a pulled card: it must be formatted first.
    Unformatted,
    /// Its file system has errors.
    Damaged,
    /// It does not answer, or may not be used; `error` says why.
    Failed,
    /// It is being erased.
    Formatting,
}

impl CardState {
    /// What is on it can be read.
    pub const fn readable(self) -> bool {
        matches!(self, Self::Ready | Self::ReadOnly)
    }

    /// There is a card, and nothing can be kept on it.
    pub const fn fails(self) -> bool {
        matches!(
            self,
            Self::ReadOnly | Self::Unformatted | Self::Damaged | Self::Failed
        )
    }
}

/// The memory card as it is now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CardStatus {
    /// What it is like.
    pub state: CardState,
    /// It was in use and pulled, and no other came since.
    pub pulled: bool,
    /// Name that it got from the first unit that used it; only while it can be read.
    pub id: Option<String>,
    /// Device or folder.
    pub device: Option<String>,
    /// Its file system, where that is known.
    pub file_system: Option<String>,
    /// Bytes of the file system; 0 while it cannot be read.
    pub total: u64,
    /// Bytes that are free for pictures.
    pub free: u64,
    /// What is wrong, for people.
    pub error: Option<String>,
    /// How many cards came since the start, counting each time one is put in.
    pub insertions: u64,
}

impl CardStatus {
    /// Nothing can be kept on a card that is meant to be there.
    pub fn fails(&self) -> bool {
        self.pulled || self.state.fails()
    }

    /// The news as the log has it.
    pub(crate) fn entry(&self, at: UtcTime) -> Option<NewLogEntry> {
        let why = self.error.as_deref().unwrap_or("no reason is known");
        let (severity, text) = match self.state {
            CardState::NoSlot | CardState::Opening => return None,
            CardState::Absent if self.pulled => {
                (Severity::Warning, "The memory card was removed.".to_owned())
            }
            CardState::Absent => return None,
            CardState::Ready => (
                Severity::Notice,
                format!(
                    "The memory card is ready: {} of {} MiB are free.",
                    self.free >> 20,
                    self.total >> 20
                ),
            ),
            CardState::ReadOnly => (
                Severity::Warning,
                "The memory card is write-protected.".to_owned(),
            ),
            CardState::Unformatted => (
                Severity::Warning,
                format!("The memory card must be formatted: {why}."),
            ),
            CardState::Damaged => (
                Severity::Error,
                format!("The file system of the memory card is damaged: {why}."),
            ),
            CardState::Failed => (
                Severity::Error,
                format!("The memory card cannot be used: {why}."),
            ),
            CardState::Formatting => (
                Severity::Notice,
                "The memory card is being formatted.".to_owned(),
            ),
        };
        let by = Actor::system();
        let mut entry = NewLogEntry::new(at, LogKind::Storage, severity, &by, text);
        if let Some(device) = &self.device {
            entry = entry.with("device", device);
        }
        Some(entry)
    }
}

/// The slot of the memory card. Nothing here waits for a card longer than a few seconds: one that does not answer fails
/// until it is pulled. Changes of [`CardStatus`] are told as [`crate::EventKind::Card`].
pub trait MemoryCard: Send + Sync {
    /// The card as it is now; at once.
    fn status(&self) -> CardStatus;

    /// Writes a whole file; durable when it returns. A path is names of letters, digits, dots, `-` and `_`, with `/` in between.
    ///
    /// # Errors
    /// [`crate::Error::Unsupported`] without a card that can be written, [`crate::Error::Internal`] when it fails.
    fn write(&self, path: &str, content: Bytes) -> Result<()>;

    /// Reads a whole file.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`] without this file, [`crate::Error::Unsupported`] without a card that can be read,
    /// [`crate::Error::Internal`] when it fails.
    fn read(&self, path: &str) -> Result<Bytes>;

    /// Removes a file, or a folder of files; fine when there is none.
    ///
    /// # Errors
    /// As [`MemoryCard::write`].
    fn remove(&self, path: &str) -> Result<()>;

    /// Names in a folder, at most some thousand; none where there is no such folder.
    ///
    /// # Errors
    /// As [`MemoryCard::read`].
    fn list(&self, path: &str) -> Result<Vec<String>>;

    /// Begins to erase the card; its end is told as an event. Everything on it is lost.
    ///
    /// # Errors
    /// [`crate::Error::Unsupported`] without a card that can be formatted, [`crate::Error::Conflict`] while one is.
    fn format(&self) -> Result<()>;
}
