use lpr_core::UtcTime;
use parking_lot::Mutex;

use crate::{
    Error, Result,
    ports::{EventHistory, HISTORY_EVENTS, HistoryPlace, KeptEvent},
};

/// Kept events in memory.
#[derive(Debug, Default)]
pub struct MemoryHistory {
    events: Mutex<(i64, Vec<KeptEvent>)>,
    /// Makes every call fail.
    pub fail: Mutex<bool>,
}

impl MemoryHistory {
    fn works(&self) -> Result<()> {
        if *self.fail.lock() {
            return Err(Error::internal("disk full"));
        }
        Ok(())
    }
}

impl EventHistory for MemoryHistory {
    fn append(&self, events: &[(UtcTime, String)]) -> Result<()> {
        self.works()?;
        let (newest, kept) = &mut *self.events.lock();
        for (at, content) in events {
            *newest += 1;
            kept.push(KeptEvent {
                id: *newest,
                at: UtcTime::from_millis(at.as_millis()),
                content: content.clone(),
            });
        }
        let most = usize::try_from(HISTORY_EVENTS).unwrap_or(usize::MAX);
        let beyond = kept.len().saturating_sub(most);
        kept.drain(..beyond);
        Ok(())
    }

    fn newest(&self) -> Result<i64> {
        self.works()?;
        Ok(self.events.lock().0)
    }

    fn begin(&self) -> Result<Option<UtcTime>> {
        self.works()?;
        Ok(self.events.lock().1.iter().map(|e| e.at).min())
    }

    fn read(&self, place: HistoryPlace, up_to: i64, limit: usize) -> Result<Vec<KeptEvent>> {
        self.works()?;
        let here = (place.at, place.id);
        let mut found: Vec<_> = self
            .events
            .lock()
            .1
            .iter()
            .filter(|e| e.id <= up_to)
            .filter(|e| match place.reverse {
                true => (e.at, e.id) < here,
                false => (e.at, e.id) > here,
            })
            .cloned()
            .collect();
        found.sort_by_key(|e| (e.at, e.id));
        if place.reverse {
            found.reverse();
        }
        found.truncate(limit);
        Ok(found)
    }
}
