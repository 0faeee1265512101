use lpr_core::UtcTime;

use crate::Result;

/// Events that are kept at most; the oldest go first.
pub const HISTORY_EVENTS: u64 = 10_000;

/// An event as it is kept. Its content is the adapter's own text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptEvent {
    /// Counts up with each event, also over restarts.
    pub id: i64,
    /// When it happened, whole milliseconds; events may be told later than younger ones.
    pub at: UtcTime,
    /// What it was.
    pub content: String,
}

/// A place between two kept events, which are ordered by time and then by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryPlace {
    /// Time of the event before the place.
    pub at: UtcTime,
    /// Its number.
    pub id: i64,
    /// Read towards the past: older events follow.
    pub reverse: bool,
}

impl HistoryPlace {
    /// The place from which all events of `at` and later are read, or of `at` and earlier in reverse.
    pub const fn from(at: UtcTime, reverse: bool) -> Self {
        let id = if reverse { i64::MAX } else { -1 };
        Self { at, id, reverse }
    }

    /// The place behind an event.
    #[must_use]
    pub const fn behind(self, event: &KeptEvent) -> Self {
        Self {
            at: event.at,
            id: event.id,
            reverse: self.reverse,
        }
    }
}

/// Keeps events over restarts (Core §11.1.6).
///
/// Every method fails with [`crate::Error::Internal`] when the store cannot be read or written.
#[allow(clippy::missing_errors_doc)]
pub trait EventHistory: Send + Sync {
    /// Adds events in this order, all or none, and drops the oldest beyond [`HISTORY_EVENTS`]; durable when it
    /// returns.
    fn append(&self, events: &[(UtcTime, String)]) -> Result<()>;

    /// Number of the newest event; 0 for none.
    fn newest(&self) -> Result<i64>;

    /// Time of the oldest event; `None` for none.
    fn begin(&self) -> Result<Option<UtcTime>>;

    /// The next events behind a place whose number is at most `up_to`, at most `limit` of them, in the place's order.
    fn read(&self, place: HistoryPlace, up_to: i64, limit: usize) -> Result<Vec<KeptEvent>>;
}
