//! Counts for monitoring: what happened since the start.

use std::collections::BTreeMap;

use parking_lot::Mutex;

use crate::{Event, EventKind, LoginOutcome, RecordKind};

/// Counts by name and label value. Names and labels are fixed words: nothing a peer sends becomes one.
#[derive(Debug, Default)]
pub struct Counters(Mutex<BTreeMap<(&'static str, &'static str), u64>>);

impl Counters {
    /// Counts an event.
    pub fn count(&self, event: &Event) {
        let mut counts = self.0.lock();
        let mut add = |name, label| *counts.entry((name, label)).or_insert(0) += 1;
        add("events", kind(&event.kind));
        match &event.kind {
            EventKind::PlateRead(read) if read.test => add("test_reads", ""),
            EventKind::PlateRead(_) => add("plate_reads", ""),
            EventKind::RecordStored(record) => add("records_stored", record.kind.word()),
            EventKind::Login(login) => add(
                "logins",
                match login.outcome {
                    LoginOutcome::Granted => "granted",
                    LoginOutcome::Refused => "refused",
                    LoginOutcome::Locked => "locked",
                    LoginOutcome::LoggedOut => "logged-out",
                },
            ),
            _ => {}
        }
    }

    /// Counts events that came too fast to be seen.
    pub fn lost(&self, n: u64) {
        *self.0.lock().entry(("events", "lost")).or_insert(0) += n;
    }

    /// One count; 0 when it never happened.
    pub fn get(&self, name: &'static str, label: &'static str) -> u64 {
        self.0.lock().get(&(name, label)).copied().unwrap_or(0)
    }

    /// All counts of a name by label.
    pub fn all(&self, name: &str) -> Vec<(&'static str, u64)> {
        let counts = self.0.lock();
        let of = counts.iter().filter(|((n, _), _)| *n == name);
        of.map(|((_, label), n)| (*label, *n)).collect()
    }

    /// Reads by recognition: test captures are no traffic (COMM-7).
    pub fn traffic(&self) -> u64 {
        self.get("plate_reads", "")
    }
}

/// The word of an event in metrics.
fn kind(kind: &EventKind) -> &'static str {
    match kind {
        EventKind::PlateRead(_) => "plate-read",
        EventKind::TurnedBack(_) => "turned-back",
        EventKind::RecordStored(r) if r.kind == RecordKind::Test => "test-record-stored",
        EventKind::RecordStored(_) => "record-stored",
        EventKind::SecondStored(_) => "second-stored",
        EventKind::SettingsChanged { .. } => "settings-changed",
        EventKind::Source(_) => "source",
        EventKind::PictureAlarm { .. } => "picture-alarm",
        EventKind::RegionMotion { .. } => "region-motion",
        EventKind::Alarm(_) => "alarm",
        EventKind::Login(_) => "login",
        EventKind::Audit(_) => "audit",
        EventKind::Log(_) => "log",
        EventKind::RestartWanted { .. } => "restart-wanted",
        EventKind::StreamChanged { .. } => "stream-changed",
        _ => "other",
    }
}
