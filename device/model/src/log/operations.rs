//! What adapters do with the log.

use super::{LogEntry, LogPage, LogQuery, NewLogEntry, Severity, export_header, export_line};
use crate::{Actor, Device, LogKind, Permission, Result, log::AuditCheck, settings::TimeSettings};

impl Device {
    /// One page of the system log, newest first (LOG-1..3).
    ///
    /// # Errors
    /// [`crate::Error::Forbidden`], [`crate::Error::Internal`].
    pub fn search_log(&self, by: &Actor, query: &LogQuery) -> Result<LogPage> {
        by.require(Permission::ReadLog)?;
        self.log.search(query)
    }

    /// The matching entries as text, oldest first, times as the unit shows them (LOG-4, SYS-16). At most
    /// 1,024 lines of some kilobytes at the very most.
    ///
    /// # Errors
    /// [`crate::Error::Forbidden`], [`crate::Error::Internal`].
    pub fn export_log(&self, by: &Actor, query: &LogQuery) -> Result<String> {
        let everything = LogQuery {
            before: None,
            limit: 0,
            ..query.clone()
        };
        let page = self.search_log(by, &everything)?;
        let time = self.settings.get::<TimeSettings>();
        let mut text = export_header(&time);
        for entry in page.items.iter().rev() {
            text.push_str(&export_line(entry, &time));
        }
        Ok(text)
    }

    /// Empties the system log; the audit trail stays. Leaves one entry that says who did it and
    /// returns how many went.
    ///
    /// # Errors
    /// [`crate::Error::Forbidden`], [`crate::Error::Internal`].
    pub fn clear_log(&self, by: &Actor) -> Result<u64> {
        by.require(Permission::Maintenance)?;
        let now = self.clock.now();
        let note = NewLogEntry::new(
            now,
            LogKind::Clear,
            Severity::Notice,
            by,
            "The log was cleared.",
        );
        let (removed, entry) = self.log.clear(note)?;
        self.bus.publish_entry(entry.into());
        Ok(removed)
    }

    /// Entries of the audit trail after number `after` that match, with the place of each in the chain, and
    /// the number to go on after; `None` at the end.
    ///
    /// # Errors
    /// [`crate::Error::Forbidden`], [`crate::Error::Internal`].
    pub fn audit_trail(
        &self,
        by: &Actor,
        query: &LogQuery,
        after: u64,
    ) -> Result<(Vec<super::TrailEntry>, Option<u64>)> {
        by.require(Permission::ReadLog)?;
        let page = self.log.trail(after, PAGE)?;
        let more = page.len() == PAGE as usize;
        let next = page.last().filter(|_| more).map(|e| e.entry.id);
        let matches = |e: &LogEntry| query.matches(e);
        Ok((
            page.into_iter().filter(|e| matches(&e.entry)).collect(),
            next,
        ))
    }

    /// Computes the chain of the audit trail anew.
    ///
    /// # Errors
    /// [`crate::Error::Forbidden`], [`crate::Error::Internal`].
    pub fn verify_audit_trail(&self, by: &Actor) -> Result<AuditCheck> {
        by.require(Permission::ReadLog)?;
        self.log.verify_trail()
    }
}

/// Entries of the trail read in one step.
const PAGE: u32 = 1000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Clock, Error, EventKind, Origin, log::Scribe, ports::LogStore, testing::initialised,
    };

    /// LOG-4, SYS-16, LOG-8, and clearing.
    #[test]
    fn export_and_clear() {
        let t = initialised();
        let by = Actor {
            user: Some("admin".into()),
            peer: "192.0.2.7".parse().ok(),
            origin: Origin::Web,
            ..Actor::system()
        };
        let now = t.clock.now();
        let entry = NewLogEntry::new(now, LogKind::Login, Severity::Info, &by, "Logged\tin.\n");
        t.log.append(vec![entry.with("a", "b")]).unwrap();
        let nobody = Actor::anonymous(Origin::Web, None);
        let all = LogQuery::default();
        for refused in [
            t.device.search_log(&nobody, &all).map(drop),
            t.device.export_log(&nobody, &all).map(drop),
            t.device.clear_log(&nobody).map(drop),
            t.device.audit_trail(&nobody, &all, 0).map(drop),
            t.device.verify_audit_trail(&nobody).map(drop),
        ] {
            assert!(matches!(refused, Err(Error::Forbidden(_))));
        }
        let text = t.device.export_log(&by, &all).unwrap();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(
            lines[0],
            "No.\tTime (UTC0)\tUser\tAddress\tType\tText\tDetails"
        );
        assert_eq!(
            lines[1],
            "1\t11-18-2026 11:06:40\tadmin\t192.0.2.7\tlogin\tLogged\u{FFFD}in.\u{FFFD}\ta=b"
        );
        assert_eq!(t.device.clear_log(&by).unwrap(), 1);
        let left = t.device.search_log(&by, &all).unwrap().items;
        assert_eq!((left.len(), left[0].kind), (1, LogKind::Clear));
        assert_eq!(t.device.audit_trail(&by, &all, 0).unwrap().0.len(), 2);
    }

    /// LOG-8: a changed secret leaves its field's name and nothing else. AUTH-7: logins with their address.
    #[test]
    fn entries_name_who_and_what_but_no_values() {
        use serde_json::json;
        let t = initialised();
        let mut events = t.device.bus.subscribe();
        let by = Actor {
            peer: "192.0.2.9".parse().ok(),
            ..Actor::system()
        };
        let patch = json!({"name": "s3cret-name"});
        t.device
            .settings
            .patch("device.general", &patch, None, &by)
            .unwrap();
        let mut scribe = Scribe::default();
        let event = events.try_recv().unwrap();
        assert!(matches!(event.kind, EventKind::SettingsChanged { .. }));
        let e = scribe.entry(&event).unwrap();
        assert_eq!((e.kind, e.address), (LogKind::SaveConfig, by.peer));
        assert_eq!(
            (e.details["section"].as_str(), e.details["fields"].as_str()),
            ("device.general", "name")
        );
        assert!(!format!("{e:?}").contains("s3cret"));
    }
}
