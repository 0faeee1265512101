use std::collections::HashMap;

use lpr_core::{UtcTime, WatchKind};

use super::{NewLogEntry, Severity};
use crate::{
    Actor, Event, EventKind, LogKind, LoginEvent, LoginOutcome, SourceState, ports::KeyStatus,
};

/// Turns what happens into log entries (AUTH-7, LOG-7). Pure; remembers only what keeps the log from
/// saying the same thing again and again.
#[derive(Debug, Default)]
pub struct Scribe {
    /// Whether the source was told as failed.
    source_failed: bool,
    /// Attempts on a locked name or address since the last one written.
    locked: HashMap<String, (UtcTime, u32)>,
}

/// Attempts during a lock within this time are counted, not written again: a guessing program must not push
/// everything else out of 1,024 entries. Each failure that counts towards the lock is written.
const REPEAT_MS: u64 = 10_000;
/// Names and addresses remembered.
const MAX_LOCKED: usize = 512;

impl Scribe {
    /// The entry for an event; `None` for what the log does not keep.
    pub fn entry(&mut self, event: &Event) -> Option<NewLogEntry> {
        let at = event.at;
        let system = |severity, text: String| {
            NewLogEntry::new(at, LogKind::System, severity, &Actor::system(), text)
        };
        Some(match &event.kind {
            EventKind::Login(login) => self.login(at, login)?,
            EventKind::Audit(a) => {
                NewLogEntry::new(at, a.kind, severity_of(a.kind), &a.actor, &a.what)
            }
            EventKind::Log(entry) => entry.clone(),
            EventKind::SettingsChanged {
                key,
                revision,
                fields,
                actor,
            } => NewLogEntry::new(
                at,
                LogKind::SaveConfig,
                Severity::Notice,
                actor,
                format!("Settings of '{key}' saved."),
            )
            .with("section", key)
            .with("fields", fields.join(", "))
            .with("revision", revision.to_string()),
            EventKind::Source(state) => self.source(at, state)?,
            EventKind::PictureAlarm { alarm, active } => picture(at, *alarm, *active)?,
            EventKind::Initialised(true) => NewLogEntry::new(
                at,
                LogKind::Account,
                Severity::Notice,
                &Actor::system(),
                "The device was initialised: it has its first administrator.",
            ),
            EventKind::Initialised(false) => NewLogEntry::new(
                at,
                LogKind::Account,
                Severity::Warning,
                &Actor::system(),
                "All users were removed; the device waits for its first administrator.",
            ),
            EventKind::ServiceReady(service) => {
                system(Severity::Info, format!("Listening: {service:?}."))
            }
            EventKind::ClockJumped { before, after } => {
                system(Severity::Notice, "The clock was set.".into())
                    .with("before", before.to_string())
                    .with("after", after.to_string())
            }
            EventKind::UpgradeAvailable { version } => NewLogEntry::new(
                at,
                LogKind::Upgrade,
                Severity::Notice,
                &Actor::system(),
                format!("Version {version} is available at the upgrade server."),
            ),
            EventKind::Storage { failure } => {
                let by = Actor::system();
                let entry = |severity, text| {
                    NewLogEntry::new(at, LogKind::Storage, severity, &by, text)
                };
                match failure {
                    Some(why) => {
                        entry(Severity::Error, format!("Records cannot be stored: {why}."))
                    }
                    None => entry(Severity::Notice, "Records are stored again.".into()),
                }
            }
            EventKind::Card(card) => return card.entry(at),
            EventKind::Network(news) => news.entry(at),
            EventKind::Alarm(alarm) => alarm.entry(at),
            EventKind::KeyStatus { key, new, .. } => match new {
                KeyStatus::Ok => system(Severity::Info, format!("Key {key} was made.")),
                KeyStatus::Corrupt => {
                    system(Severity::Error, format!("Key {key} could not be made."))
                }
                // Told as an audit event.
                KeyStatus::Generating => return None,
            },
            EventKind::ShuttingDown => system(Severity::Notice, "The device stops.".into()),
            EventKind::PlateRead(_)
            // Told as its alarm.
            | EventKind::TurnedBack(_)
            | EventKind::RecordStored(_)
            | EventKind::SecondStored(_)
            | EventKind::StreamChanged { .. }
            // Who switched an output is told as an audit event.
            | EventKind::Relay { .. }
            | EventKind::Input { .. }
            | EventKind::AtLoop(_)
            | EventKind::AlarmStored(_)
            // Told as audit events, or before.
            | EventKind::LockedOut { .. }
            | EventKind::Moment(_)
            | EventKind::Upgrading { .. }
            // The end of storing is told, not every read that it costs.
            | EventKind::RecordLost { .. }
            // As motion in the whole picture: it comes with every vehicle.
            | EventKind::RegionMotion { .. }
            // Told as an audit event before it is wanted.
            | EventKind::RestartWanted { .. }
            | EventKind::ClockSynchronised { .. } => return None,
        })
    }

    /// The entry that says that `lost` events were not seen.
    pub fn gap(at: UtcTime, lost: u64) -> NewLogEntry {
        let text = format!("{lost} events came faster than the log could keep them.");
        NewLogEntry::new(at, LogKind::System, Severity::Error, &Actor::system(), text)
            .with("lost", lost.to_string())
    }

    fn login(&mut self, at: UtcTime, login: &LoginEvent) -> Option<NewLogEntry> {
        let actor = Actor {
            user: Some(login.user.clone()).filter(|u| !u.is_empty()),
            ..login.actor.clone()
        };
        let entry = |kind, severity, text| NewLogEntry::new(at, kind, severity, &actor, text);
        let mut repeated = 0;
        if login.outcome == LoginOutcome::Locked {
            repeated = self.repeated(at, &actor)?;
        }
        let e = match login.outcome {
            LoginOutcome::Granted => entry(LogKind::Login, Severity::Info, "Logged in."),
            LoginOutcome::Refused => entry(
                LogKind::Login,
                Severity::Warning,
                "Login refused: wrong name or password.",
            ),
            LoginOutcome::Locked => entry(
                LogKind::Login,
                Severity::Warning,
                "Login refused: locked after too many failures.",
            ),
            LoginOutcome::LoggedOut => entry(LogKind::Logout, Severity::Info, "Logged out."),
        };
        Some(if repeated > 0 {
            e.with("repeated", repeated.to_string())
        } else {
            e
        })
    }

    /// How many attempts like this were left out since the last entry; `None` to leave this one out too.
    fn repeated(&mut self, at: UtcTime, actor: &Actor) -> Option<u32> {
        // The peer decides, and the name only as far as it is bounded: names are anybody's text.
        let name: String = actor.user.iter().flat_map(|u| u.chars()).take(64).collect();
        let key = format!("{:?} {:?} {name}", actor.peer, actor.origin);
        if let Some((written, count)) = self.locked.get_mut(&key)
            && u128::from(REPEAT_MS) > at.abs_diff(*written).as_millis()
        {
            *count += 1;
            return None;
        }
        if self.locked.len() >= MAX_LOCKED {
            self.locked.retain(|_, (written, _)| {
                u128::from(REPEAT_MS) > at.abs_diff(*written).as_millis()
            });
        }
        if self.locked.len() >= MAX_LOCKED {
            self.locked.clear();
        }
        let before = self.locked.insert(key, (at, 0));
        Some(before.map_or(0, |(_, count)| count))
    }

    fn source(&mut self, at: UtcTime, state: &SourceState) -> Option<NewLogEntry> {
        let entry = |severity, text: String| {
            NewLogEntry::new(at, LogKind::System, severity, &Actor::system(), text)
        };
        match state {
            SourceState::Connecting => None,
            SourceState::Running { width, height, .. } => {
                self.source_failed = false;
                Some(entry(
                    Severity::Info,
                    format!("Picture source: {width} x {height}."),
                ))
            }
            SourceState::Failed { reason, .. } => {
                let first = !std::mem::replace(&mut self.source_failed, true);
                first.then(|| {
                    entry(Severity::Error, "Picture source failed.".into()).with("reason", reason)
                })
            }
        }
    }
}

/// Tampering is logged; motion is what a road has all day.
fn picture(at: UtcTime, alarm: WatchKind, active: bool) -> Option<NewLogEntry> {
    let what = match alarm {
        WatchKind::Motion => return None,
        WatchKind::TooDark => "The picture is too dark",
        WatchKind::TooBright => "The picture is too bright",
        WatchKind::TooBlurry => "The picture is too blurry",
        WatchKind::SceneChange => "The picture shows another scene",
    };
    let (severity, end) = if active {
        (Severity::Warning, ".")
    } else {
        (Severity::Notice, ": over.")
    };
    let text = format!("{what}{end}");
    Some(NewLogEntry::new(
        at,
        LogKind::Alarm,
        severity,
        &Actor::system(),
        text,
    ))
}

const fn severity_of(kind: LogKind) -> Severity {
    match kind {
        LogKind::Login | LogKind::Logout | LogKind::Record => Severity::Info,
        LogKind::SaveConfig
        | LogKind::System
        | LogKind::Configuration
        | LogKind::Storage
        | LogKind::Account
        | LogKind::Upgrade
        | LogKind::Clear => Severity::Notice,
        LogKind::Alarm => Severity::Warning,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Origin;

    fn login(at_ms: i64, user: &str, outcome: LoginOutcome) -> Event {
        let actor = Actor::anonymous(Origin::Rtsp, "192.0.2.66".parse().ok());
        let user = user.to_owned();
        Event {
            seq: 1,
            at: UtcTime::from_millis(at_ms),
            kind: EventKind::Login(LoginEvent {
                user,
                actor,
                outcome,
            }),
        }
    }

    /// Tampering is kept, motion is not.
    #[test]
    fn tampering_is_logged() {
        let mut scribe = Scribe::default();
        let mut told = |alarm, active| {
            let at = UtcTime::from_millis(1);
            let kind = EventKind::PictureAlarm { alarm, active };
            scribe.entry(&Event { seq: 1, at, kind })
        };
        assert_eq!(told(WatchKind::Motion, true), None);
        for alarm in WatchKind::ALL.into_iter().skip(1) {
            let raised = told(alarm, true).unwrap();
            assert_eq!(
                (raised.kind, raised.severity),
                (LogKind::Alarm, Severity::Warning)
            );
            assert_eq!(told(alarm, false).unwrap().severity, Severity::Notice);
        }
    }

    /// AUTH-3, AUTH-7, SEC-14: every failure with its address; a flood during a lock is counted.
    #[test]
    fn failures_are_written_and_floods_counted() {
        let mut scribe = Scribe::default();
        for n in 0..5 {
            let e = scribe
                .entry(&login(n, "admin", LoginOutcome::Refused))
                .unwrap();
            assert_eq!((e.kind, e.severity), (LogKind::Login, Severity::Warning));
            assert_eq!(
                (e.user.as_deref(), e.address),
                (Some("admin"), "192.0.2.66".parse().ok())
            );
        }
        let mut written = Vec::new();
        for n in 0..10_000 {
            written.extend(scribe.entry(&login(10 + n * 3, "admin", LoginOutcome::Locked)));
        }
        assert_eq!(written.len(), 3, "one in ten seconds");
        assert_eq!(written[1].details["repeated"], "3333");
        assert!(
            scribe
                .entry(&login(20, "other", LoginOutcome::Locked))
                .is_some()
        );
        let many = (0..5000)
            .filter_map(|n| scribe.entry(&login(50, &format!("u{n}"), LoginOutcome::Locked)));
        assert_eq!(many.count(), 5000, "other names are other attempts");
        assert!(scribe.locked.len() <= MAX_LOCKED, "and memory is bounded");
        let out = scribe
            .entry(&login(60, "admin", LoginOutcome::LoggedOut))
            .unwrap();
        assert_eq!(out.kind, LogKind::Logout);
    }

    /// A source that fails and is tried again is told once, and once when it is back.
    #[test]
    fn a_failing_source_is_told_once() {
        let mut scribe = Scribe::default();
        let failed = || SourceState::Failed {
            reason: "no route".into(),
            retry_in_ms: 1000,
        };
        let running = SourceState::Running {
            width: 1920,
            height: 1080,
            millifps: 25_000,
        };
        let states = [
            SourceState::Connecting,
            failed(),
            SourceState::Connecting,
            failed(),
            running,
            failed(),
        ];
        let told = states.map(|s| {
            let event = Event {
                seq: 1,
                at: UtcTime::from_millis(1),
                kind: EventKind::Source(s),
            };
            scribe.entry(&event).map(|e| e.severity)
        });
        assert_eq!(
            told,
            [
                None,
                Some(Severity::Error),
                None,
                None,
                Some(Severity::Info),
                Some(Severity::Error)
            ]
        );
    }
}
