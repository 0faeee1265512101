//! Whether records can be stored: what the recorder says and what the disk has left.

use parking_lot::Mutex;

use crate::{Device, EventKind, ports::StorageFigures};

/// Less free space than this stores no pictures that are worth their name, bytes.
pub const LEAST_FREE: u64 = 16 << 20;

/// What is known of the store. Shared; looks and losses may come from several threads.
#[derive(Debug, Default)]
pub struct StorageWatch(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The last record that was to be stored was not: why.
    lost: Option<String>,
    /// The disk is full, as it was last looked at.
    full: Option<String>,
    /// What was told.
    told: Option<String>,
}

impl State {
    /// What is to be told, if it is news. While it fails another reason is none.
    fn news(&mut self) -> Option<Option<String>> {
        let now = self.lost.clone().or_else(|| self.full.clone());
        if now.is_some() == self.told.is_some() {
            return None;
        }
        self.told = now;
        Some(self.told.clone())
    }
}

impl StorageWatch {
    /// Why records cannot be stored now; `None` while they can.
    pub fn failure(&self) -> Option<String> {
        self.0.lock().told.clone()
    }

    fn looked(&self, disk: StorageFigures) -> Option<Option<String>> {
        let mut state = self.0.lock();
        let full = disk.total > 0 && disk.free < LEAST_FREE;
        state.full = full.then(|| {
            let (free, total) = (disk.free >> 20, disk.total >> 20);
            format!("the disk is full: {free} MiB of {total} MiB are free")
        });
        state.news()
    }

    fn stored(&self) -> Option<Option<String>> {
        let mut state = self.0.lock();
        state.lost = None;
        state.news()
    }

    fn lost(&self, reason: &str) -> Option<Option<String>> {
        let mut state = self.0.lock();
        state.lost = Some(reason.to_owned());
        state.news()
    }
}

impl Device {
    /// Looks at the disk; call it every few seconds. Tells everybody when records cannot be stored any more, or can
    /// again.
    pub fn look_at_storage(&self) {
        let disk = self.upkeep.machine.storage();
        self.tell_storage(self.upkeep.storage.looked(disk));
    }

    /// Takes note of a record that was stored, or was not.
    pub fn storage_event(&self, event: &EventKind) {
        let news = match event {
            EventKind::RecordStored(_) => self.upkeep.storage.stored(),
            EventKind::RecordLost { reason } => self.upkeep.storage.lost(reason),
            _ => None,
        };
        self.tell_storage(news);
    }

    fn tell_storage(&self, news: Option<Option<String>>) {
        if let Some(failure) = news {
            self.bus
                .publish(self.clock.now(), EventKind::Storage { failure });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk(free: u64) -> StorageFigures {
        StorageFigures {
            free,
            total: 1 << 30,
            database: 0,
        }
    }

    /// Told once when it begins and once when it ends, whatever the reasons are meanwhile.
    #[test]
    fn a_failure_is_told_once_and_its_end_too() {
        let w = StorageWatch::default();
        assert_eq!(w.looked(disk(LEAST_FREE)), None);
        assert_eq!(w.looked(StorageFigures::default()), None, "not known");
        let full = w.looked(disk(LEAST_FREE - 1)).unwrap().unwrap();
        assert!(full.contains("15 MiB of 1024 MiB"), "{full}");
        assert_eq!(w.failure(), Some(full));
        assert_eq!(w.lost("no space"), None);
        assert_eq!(w.looked(disk(LEAST_FREE)), None, "the last record was lost");
        assert_eq!(w.stored(), Some(None));
        assert_eq!(w.failure(), None);
        assert_eq!(w.stored(), None);
        assert_eq!(w.lost("I/O error"), Some(Some("I/O error".into())));
        assert_eq!(w.lost("again"), None);
    }
}
