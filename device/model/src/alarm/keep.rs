//! What follows from an alarm and takes time: its picture, its record, its message.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;

use super::{Alarm, AlarmPage, AlarmQuery, MailState, NewAlarm, StoredAlarm};
use crate::{
    Actor, Device, Error, EventKind, LogKind, Permission, Result,
    log::{NewLogEntry, Severity},
    ports::{Mail, MailPicture, StreamId},
    settings::{DeviceGeneral, NetMail, TimeSettings},
};

/// A message is tried so often, then given up (MAIL-11).
const TRIES: u32 = 10;
/// A message older than this is of no use any more.
const TOO_OLD: Duration = Duration::from_secs(24 * 3600);
/// Messages that wait at a time; beyond it the oldest is given up.
const MAX_DUE: usize = 100;
/// Waits after failures in a row; the last one from then on.
const WAITS: [Duration; 4] = [
    Duration::from_secs(10),
    Duration::from_secs(60),
    Duration::from_secs(300),
    Duration::from_secs(900),
];
/// Another message was under way.
const BUSY: Duration = Duration::from_secs(2);

/// When the next message may be tried: a server that does not answer is left alone longer and longer.
#[derive(Clone, Copy, Debug, Default)]
pub struct MailPace {
    failures: usize,
    /// Monotonic time.
    not_before: Duration,
}

impl Device {
    /// Keeps what just happened: takes the picture where one is wanted, stores the alarm, notes the message that is to
    /// be sent, and tells that it can be fetched.
    ///
    /// # Errors
    /// [`Error::Internal`] when the store cannot be written. A missing picture is logged, and the alarm kept.
    pub fn keep_alarm(&self, alarm: &Alarm) -> Result<StoredAlarm> {
        let mail_settings = self.settings.get::<NetMail>();
        let mail = match alarm.send_email {
            false => MailState::None,
            true if !mail_settings.enabled => failed("e-mail is switched off"),
            true if mail_settings.receivers.is_empty() => failed("nobody is to receive mail"),
            true => MailState::Due { tries: 0 },
        };
        let attached = mail == MailState::Due { tries: 0 } && mail_settings.attachments;
        let picture = if alarm.snapshot || attached {
            self.moment_picture(alarm)
        } else {
            Bytes::new()
        };
        if let MailState::Failed { reason } = &mail {
            let text = format!("An alarm was not sent by e-mail: {reason}.");
            self.alarm_entry(Severity::Warning, text);
        }
        let stored = self.alarms.insert(NewAlarm {
            kind: alarm.kind,
            channel: number(alarm.channel),
            at: alarm.at,
            name: alarm.name.clone(),
            outputs: alarm.outputs.iter().copied().map(number).collect(),
            mail,
            picture,
        })?;
        let told = EventKind::AlarmStored(Arc::new(stored.clone()));
        self.bus.publish(stored.at, told);
        Ok(stored)
    }

    /// The picture of now, or none.
    fn moment_picture(&self, alarm: &Alarm) -> Bytes {
        match self.media.snapshot(StreamId::Main) {
            Ok(snapshot) => snapshot.jpeg,
            Err(e) => {
                let what = alarm.kind.what(number(alarm.channel));
                let text = format!("The alarm of {what} has no picture: {e}.");
                self.alarm_entry(Severity::Warning, text);
                Bytes::new()
            }
        }
    }

    /// Alarms that were kept, newest first (FILE-29).
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::Internal`].
    pub fn search_alarms(&self, by: &Actor, query: &AlarmQuery) -> Result<AlarmPage> {
        by.require(Permission::SearchRecords)?;
        self.alarms.search(query)
    }

    /// The picture of a kept alarm, JPEG.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`], [`Error::Internal`].
    pub fn alarm_picture(&self, by: &Actor, id: super::AlarmId) -> Result<Bytes> {
        by.require(Permission::SearchRecords)?;
        self.alarms.picture(id)
    }

    /// Sends the next message that is due, if its time has come (MAIL-10, MAIL-11). Blocks as long as the mail server
    /// does. Returns when to come again, monotonic time; `None` when nothing is due.
    ///
    /// # Errors
    /// [`Error::Internal`] when the store does not work.
    pub fn send_alarm_mail(&self, pace: &mut MailPace) -> Result<Option<Duration>> {
        let mut due = self.alarms.due()?;
        let now = self.clock.now();
        let mut of_use = Vec::new();
        due.sort_by_key(|a| std::cmp::Reverse(a.id));
        for alarm in due {
            let old = alarm.at + TOO_OLD < now;
            if old || of_use.len() >= MAX_DUE {
                let why = if old {
                    "it is older than a day"
                } else {
                    "too many messages wait"
                };
                self.give_up(&alarm, why.into())?;
            } else {
                of_use.push(alarm);
            }
        }
        let tries = |a: &StoredAlarm| match a.mail {
            MailState::Due { tries } => tries,
            _ => 0,
        };
        let Some(next) = of_use.iter().min_by_key(|a| (tries(a), a.id)) else {
            return Ok(None);
        };
        let monotonic = self.clock.monotonic();
        if monotonic < pace.not_before {
            return Ok(Some(pace.not_before));
        }
        match self.mail.send(&self.message_of(next)) {
            Ok(_) => {
                pace.failures = 0;
                self.alarms.note_mail(next.id, &MailState::Sent)?;
                return Ok((of_use.len() > 1).then_some(monotonic));
            }
            Err(Error::Conflict(_)) if self.settings.get::<NetMail>().enabled => {
                pace.not_before = monotonic + BUSY;
            }
            Err(Error::Conflict(why)) => self.give_up(next, why)?,
            Err(e) => {
                let n = tries(next) + 1;
                if n >= TRIES {
                    self.give_up(next, e.to_string())?;
                } else {
                    let state = MailState::Due { tries: n };
                    self.alarms.note_mail(next.id, &state)?;
                }
                if pace.failures == 0 {
                    let text = format!(
                        "A message about an alarm could not be sent and is tried again: {e}."
                    );
                    self.alarm_entry(Severity::Warning, text);
                }
                let wait = WAITS[pace.failures.min(WAITS.len() - 1)];
                pace.failures += 1;
                // Counted from the end of the try: a server that hangs is not asked at once again.
                pace.not_before = self.clock.monotonic() + wait;
            }
        }
        Ok(Some(pace.not_before.max(monotonic)))
    }

    fn give_up(&self, alarm: &StoredAlarm, reason: String) -> Result<()> {
        let text = format!(
            "The message about alarm {} was given up: {reason}.",
            alarm.id.0
        );
        self.alarms
            .note_mail(alarm.id, &MailState::Failed { reason })?;
        self.alarm_entry(Severity::Error, text);
        Ok(())
    }

    fn message_of(&self, alarm: &StoredAlarm) -> Mail {
        let settings = self.settings.get::<NetMail>();
        let unit = self.settings.get::<DeviceGeneral>().name.clone();
        let time = self.settings.get::<TimeSettings>().text(alarm.at);
        let what = alarm.kind.what(alarm.channel);
        let named = match alarm.name.as_str() {
            "" => what.clone(),
            name => format!("{what} ({name})"),
        };
        let outputs: Vec<_> = alarm
            .outputs
            .iter()
            .map(|n| (*n as usize).saturating_sub(1))
            .collect();
        let outputs = match outputs.as_slice() {
            [] => "none".into(),
            some => super::output_names(some),
        };
        let picture = match settings.attachments && alarm.has_picture {
            true => self.alarms.picture(alarm.id).ok(),
            false => None,
        };
        let pictures = picture.map(|jpeg| MailPicture {
            name: format!("alarm-{}.jpg", alarm.id.0),
            jpeg,
        });
        Mail {
            to: settings.receivers.clone(),
            subject: format!("{unit}: {what}"),
            text: format!(
                "Alarm: {named}\nTime: {time}\nOutputs: {outputs}\nUnit: {unit}, serial number {}\n",
                self.identity.serial
            ),
            pictures: pictures.into_iter().collect(),
        }
    }

    fn alarm_entry(&self, severity: Severity, text: String) {
        let now = self.clock.now();
        let entry = NewLogEntry::new(now, LogKind::Alarm, severity, &Actor::system(), text);
        self.bus.publish(now, EventKind::Log(entry));
    }
}

/// As people count.
fn number(index: usize) -> u32 {
    u32::try_from(index + 1).unwrap_or(u32::MAX)
}

fn failed(reason: &str) -> MailState {
    MailState::Failed {
        reason: reason.into(),
    }
}

#[cfg(test)]
#[path = "keep_tests.rs"]
mod tests;
