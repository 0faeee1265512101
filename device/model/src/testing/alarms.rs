use bytes::Bytes;
use parking_lot::Mutex;

use crate::{
    Error, Result,
    alarm::{AlarmId, AlarmPage, AlarmQuery, MailState, NewAlarm, StoredAlarm},
    ports::Alarms,
};

/// Alarms in memory.
#[derive(Debug, Default)]
pub struct MemoryAlarms {
    all: Mutex<Vec<(StoredAlarm, Bytes)>>,
}

impl MemoryAlarms {
    /// All alarms, oldest first.
    pub fn all(&self) -> Vec<StoredAlarm> {
        self.all.lock().iter().map(|(a, _)| a.clone()).collect()
    }
}

impl Alarms for MemoryAlarms {
    fn insert(&self, new: NewAlarm) -> Result<StoredAlarm> {
        let mut all = self.all.lock();
        let alarm = StoredAlarm {
            id: AlarmId(all.len() as i64 + 1),
            kind: new.kind,
            channel: new.channel,
            at: new.at,
            name: new.name,
            outputs: new.outputs,
            mail: new.mail,
            has_picture: !new.picture.is_empty(),
        };
        all.push((alarm.clone(), new.picture));
        Ok(alarm)
    }

    fn search(&self, q: &AlarmQuery) -> Result<AlarmPage> {
        let all = self.all.lock();
        let hit = |a: &&StoredAlarm| {
            q.from.is_none_or(|t| a.at >= t)
                && q.to.is_none_or(|t| a.at < t)
                && q.kind.is_none_or(|k| a.kind == k)
        };
        let matching: Vec<_> = all.iter().rev().map(|(a, _)| a).filter(hit).collect();
        let limit = if q.limit == 0 { 50 } else { q.limit as usize };
        let older = matching
            .iter()
            .filter(|a| q.before.is_none_or(|b| a.id < b));
        let mut items: Vec<StoredAlarm> = older.take(limit + 1).map(|a| (*a).clone()).collect();
        let more = items.len() > limit;
        items.truncate(limit);
        Ok(AlarmPage {
            next_before: items.last().filter(|_| more).map(|a| a.id),
            items,
            total: matching.len() as u64,
        })
    }

    fn picture(&self, id: AlarmId) -> Result<Bytes> {
        let all = self.all.lock();
        let found = all.iter().find(|(a, _)| a.id == id && a.has_picture);
        let none = || Error::not_found("picture of alarm", id.0.to_string());
        found.map(|(_, jpeg)| jpeg.clone()).ok_or_else(none)
    }

    fn due(&self) -> Result<Vec<StoredAlarm>> {
        let tries = |a: &StoredAlarm| match a.mail {
            MailState::Due { tries } => Some(tries),
            _ => None,
        };
        let mut due = self.all();
        due.retain(|a| tries(a).is_some());
        due.sort_by_key(|a| (tries(a), a.id));
        Ok(due)
    }

    fn note_mail(&self, id: AlarmId, state: &MailState) -> Result<()> {
        let mut all = self.all.lock();
        if let Some((alarm, _)) = all.iter_mut().find(|(a, _)| a.id == id) {
            alarm.mail = state.clone();
        }
        Ok(())
    }
}
