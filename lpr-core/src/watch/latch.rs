use std::time::Duration;

use crate::time::MediaTime;

/// A state that follows a raw one only when that lasts.
#[derive(Clone, Debug, Default)]
pub(super) struct Latch {
    active: bool,
    /// Since when the raw state differs.
    differs_since: Option<MediaTime>,
}

impl Latch {
    pub(super) fn active(&self) -> bool {
        self.active
    }

    /// Ends it; whether it was active.
    pub(super) fn end(&mut self) -> bool {
        std::mem::take(self).active
    }

    /// The raw state at `now`; `rise` and `fall` say how long it must last. Returns the new state on a change.
    pub(super) fn update(
        &mut self,
        raw: bool,
        now: MediaTime,
        rise: Duration,
        fall: Duration,
    ) -> Option<bool> {
        if raw == self.active {
            self.differs_since = None;
            return None;
        }
        let since = *self.differs_since.get_or_insert(now);
        let needed = if raw { rise } else { fall };
        if now.saturating_since(since) < needed {
            return None;
        }
        self.active = raw;
        self.differs_since = None;
        Some(raw)
    }
}
