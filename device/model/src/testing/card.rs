use std::collections::BTreeMap;

use bytes::Bytes;
use parking_lot::Mutex;

use crate::{
    Error, Result,
    ports::{CardState, CardStatus, MemoryCard},
};

/// A slot in memory whose card is as it is told to be.
#[derive(Debug, Default)]
pub struct SimulatedCard {
    /// The card.
    pub status: Mutex<CardStatus>,
    files: Mutex<BTreeMap<String, Bytes>>,
}

impl SimulatedCard {
    /// An empty card of so many bytes is in the slot.
    pub fn insert(&self, id: &str, total: u64) {
        let mut status = self.status.lock();
        *status = CardStatus {
            state: CardState::Ready,
            id: Some(id.to_owned()),
            total,
            free: total,
            insertions: status.insertions + 1,
            ..CardStatus::default()
        };
        self.files.lock().clear();
    }

    /// It is pulled; its files stay on it.
    pub fn pull(&self) {
        let mut status = self.status.lock();
        *status = CardStatus {
            state: CardState::Absent,
            pulled: true,
            insertions: status.insertions,
            ..CardStatus::default()
        };
    }

    /// The same card again, as it was pulled.
    pub fn put_back(&self, id: &str, total: u64) {
        let files = self.files.lock().clone();
        self.insert(id, total);
        self.status.lock().free -= files.values().map(|f| f.len() as u64).sum::<u64>();
        *self.files.lock() = files;
    }

    /// Names of all files.
    pub fn files(&self) -> Vec<String> {
        self.files.lock().keys().cloned().collect()
    }

    fn readable(&self) -> Result<()> {
        match self.status.lock().state.readable() {
            true => Ok(()),
            false => Err(Error::Unsupported("no memory card can be read".into())),
        }
    }

    fn writable(&self) -> Result<()> {
        match self.status.lock().state {
            CardState::Ready => Ok(()),
            _ => Err(Error::Unsupported("no memory card can be written".into())),
        }
    }
}

impl MemoryCard for SimulatedCard {
    fn status(&self) -> CardStatus {
        self.status.lock().clone()
    }

    fn write(&self, path: &str, content: Bytes) -> Result<()> {
        self.writable()?;
        let mut status = self.status.lock();
        let before = self.files.lock().get(path).map_or(0, Bytes::len) as u64;
        let free = (status.free + before).checked_sub(content.len() as u64);
        status.free = free.ok_or_else(|| Error::internal("no space left on the card"))?;
        self.files.lock().insert(path.to_owned(), content);
        Ok(())
    }

    fn read(&self, path: &str) -> Result<Bytes> {
        self.readable()?;
        let files = self.files.lock();
        let found = files.get(path).cloned();
        found.ok_or_else(|| Error::not_found("file", path))
    }

    fn remove(&self, path: &str) -> Result<()> {
        self.writable()?;
        let folder = format!("{path}/");
        let mut files = self.files.lock();
        let before: usize = files.values().map(Bytes::len).sum();
        files.retain(|name, _| name != path && !name.starts_with(&folder));
        let after: usize = files.values().map(Bytes::len).sum();
        self.status.lock().free += (before - after) as u64;
        Ok(())
    }

    fn list(&self, path: &str) -> Result<Vec<String>> {
        self.readable()?;
        let folder = format!("{path}/");
        let files = self.files.lock();
        let below = files.keys().filter_map(|name| name.strip_prefix(&folder));
        let mut names: Vec<String> = below
            .filter_map(|rest| rest.split('/').next())
            .map(str::to_owned)
            .collect();
        names.dedup();
        Ok(names)
    }

    fn format(&self) -> Result<()> {
        let (id, total) = {
            let status = self.status.lock();
            if matches!(status.state, CardState::NoSlot | CardState::Absent) {
                return Err(Error::Unsupported("there is no memory card".into()));
            }
            (format!("card-{}", status.insertions + 1), status.total)
        };
        self.insert(&id, total);
        Ok(())
    }
}
