use lpr_core::UtcTime;

use crate::Result;

/// Something whose last time is remembered over restarts, also over Default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Moment {
    /// Default or Restore: the configuration went back to what it was at first.
    Reset,
    /// The configuration was fetched as a backup.
    Backup,
}

impl Moment {
    /// The word that the store uses.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Reset => "reset",
            Self::Backup => "backup",
        }
    }
}

/// Remembers when something happened last.
pub trait Moments: Send + Sync {
    /// Notes that it happened at `at`; durable when it returns.
    ///
    /// # Errors
    /// [`crate::Error::Internal`] when the store cannot be written.
    fn note(&self, what: Moment, at: UtcTime) -> Result<()>;

    /// When it happened last; `None` for never.
    ///
    /// # Errors
    /// [`crate::Error::Internal`] when the store cannot be read.
    fn last(&self, what: Moment) -> Result<Option<UtcTime>>;
}
