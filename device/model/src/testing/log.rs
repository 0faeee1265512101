use std::time::Duration;

use parking_lot::Mutex;

use crate::{
    Error, LogEntry, Result,
    log::{AuditCheck, LogPage, LogQuery, NewLogEntry, TrailEntry},
    ports::{LOG_CAPACITY, LogStore, RemoteLog, RemoteLogStatus},
};

/// A log in memory; its trail has no hashes.
#[derive(Debug, Default)]
pub struct MemoryLog {
    entries: Mutex<(Vec<LogEntry>, Vec<LogEntry>)>,
}

impl LogStore for MemoryLog {
    fn append(&self, entries: Vec<NewLogEntry>) -> Result<Vec<LogEntry>> {
        let (log, trail) = &mut *self.entries.lock();
        let mut out = Vec::new();
        for new in entries {
            let entry = LogEntry::numbered(trail.len() as u64 + 1, new);
            trail.push(entry.clone());
            log.push(entry.clone());
            out.push(entry);
        }
        let beyond = log.len().saturating_sub(LOG_CAPACITY as usize);
        log.drain(..beyond);
        Ok(out)
    }

    fn search(&self, q: &LogQuery) -> Result<LogPage> {
        let all = self.entries.lock();
        let matching: Vec<_> = all.0.iter().rev().filter(|e| q.matches(e)).collect();
        let limit = if q.limit == 0 {
            usize::MAX
        } else {
            q.limit as usize
        };
        let before = |e: &&&LogEntry| q.before.is_none_or(|b| e.id < b);
        let mut rest = matching.iter().filter(before);
        let items: Vec<LogEntry> = rest.by_ref().take(limit).map(|e| (**e).clone()).collect();
        let more = rest.next().is_some();
        Ok(LogPage {
            next_before: items.last().filter(|_| more).map(|e| e.id),
            items,
            total: matching.len() as u64,
        })
    }

    fn clear(&self, note: NewLogEntry) -> Result<(u64, LogEntry)> {
        let removed = std::mem::take(&mut self.entries.lock().0).len() as u64;
        let note = self.append(vec![note])?.pop();
        Ok((removed, note.ok_or_else(|| Error::internal("no note"))?))
    }

    fn trail(&self, after: u64, limit: u32) -> Result<Vec<TrailEntry>> {
        let all = self.entries.lock();
        let rest = all.1.iter().filter(|e| e.id > after).take(limit as usize);
        let entry = |e: &LogEntry| TrailEntry {
            entry: e.clone(),
            prev: String::new(),
            hash: String::new(),
        };
        Ok(rest.map(entry).collect())
    }

    fn verify_trail(&self) -> Result<AuditCheck> {
        let all = self.entries.lock();
        Ok(AuditCheck {
            ok: true,
            entries: all.1.len() as u64,
            first_id: all.1.first().map(|e| e.id),
            last_id: all.1.last().map(|e| e.id),
            ..AuditCheck::default()
        })
    }
}

/// A log server that is switched off.
#[derive(Clone, Copy, Debug)]
pub struct OffRemoteLog;

impl RemoteLog for OffRemoteLog {
    fn status(&self) -> RemoteLogStatus {
        RemoteLogStatus::default()
    }

    fn test(&self) -> Result<Duration> {
        Err(Error::Conflict("the remote log is switched off".into()))
    }
}
