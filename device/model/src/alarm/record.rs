//! Alarms as they are told and kept.

use std::time::Duration;

use bytes::Bytes;
use lpr_core::UtcTime;
use serde::{Deserialize, Serialize};

use crate::{
    Actor, LogKind,
    log::{NewLogEntry, Severity},
};

/// An alarm that was just raised.
#[derive(Clone, Debug, PartialEq)]
pub struct Alarm {
    /// When.
    pub at: UtcTime,
    /// What raised it.
    pub kind: AlarmKind,
    /// Which of its kind, 0 is the first.
    pub channel: usize,
    /// What is connected to the channel, or the plate of the vehicle; may be empty.
    pub name: String,
    /// Outputs that were activated, 0 is NO1.
    pub outputs: Vec<usize>,
    /// Outputs that were to be activated and did not follow.
    pub failed: Vec<usize>,
    /// How long outputs stay active.
    pub hold_for: Duration,
    /// Whether a message is to be sent.
    pub send_email: bool,
    /// Whether its picture is to be kept.
    pub snapshot: bool,
    /// Token of the voice prompt that is to be played; may be empty.
    pub prompt: String,
}

impl Alarm {
    /// The alarm as the log has it (GEN-19).
    pub(crate) fn entry(&self, at: UtcTime) -> NewLogEntry {
        let by = Actor::system();
        let severity = if self.failed.is_empty() {
            Severity::Warning
        } else {
            Severity::Error
        };
        let text = match self.kind {
            AlarmKind::Input => format!("Alarm input {} raised an alarm.", self.channel + 1),
            AlarmKind::Backing => "A vehicle turned back and leaves.".into(),
        };
        let mut entry = NewLogEntry::new(at, LogKind::Alarm, severity, &by, text);
        if !self.name.is_empty() {
            let what = match self.kind {
                AlarmKind::Input => "name",
                AlarmKind::Backing => "plate",
            };
            entry = entry.with(what, &self.name);
        }
        for (what, outputs) in [("outputs", &self.outputs), ("failed", &self.failed)] {
            if !outputs.is_empty() {
                entry = entry.with(what, output_names(outputs));
            }
        }
        entry
    }
}

/// `NO1, NO2`.
pub(crate) fn output_names(outputs: &[usize]) -> String {
    let names: Vec<String> = outputs.iter().map(|i| format!("NO{}", i + 1)).collect();
    names.join(", ")
}

/// Number of an alarm; counts up, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AlarmId(pub i64);

/// What raised an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AlarmKind {
    /// An alarm input.
    Input,
    /// A vehicle that came, turned back and leaves (INTEL-6).
    Backing,
}

impl AlarmKind {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Input, Self::Backing];

    /// The word used in the store and the API.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Backing => "backing",
        }
    }

    /// What an alarm of this kind is about, in words; `channel` counts from 1.
    pub(crate) fn what(self, channel: u32) -> String {
        match self {
            Self::Input => format!("alarm input {channel}"),
            Self::Backing => "vehicle that turned back".into(),
        }
    }

    /// The kind with this word.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.word() == word)
    }
}

/// What became of the message about an alarm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum MailState {
    /// None was wanted.
    None,
    /// It is still to be sent.
    Due {
        /// How often that was tried.
        tries: u32,
    },
    /// It was taken by the server.
    Sent,
    /// It was given up.
    Failed {
        /// Why, for people.
        reason: String,
    },
}

/// An alarm to store.
#[derive(Clone, Debug)]
pub struct NewAlarm {
    /// What raised it.
    pub kind: AlarmKind,
    /// Which of its kind, 1 is the first.
    pub channel: u32,
    /// When.
    pub at: UtcTime,
    /// What is connected to the channel, or the plate of the vehicle; may be empty.
    pub name: String,
    /// Numbers of the outputs that were activated, 1 is NO1.
    pub outputs: Vec<u32>,
    /// The message about it.
    pub mail: MailState,
    /// Its picture, JPEG; empty without one.
    pub picture: Bytes,
}

/// A stored alarm without its picture.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StoredAlarm {
    /// Its number.
    pub id: AlarmId,
    /// What raised it.
    pub kind: AlarmKind,
    /// Which of its kind, 1 is the first.
    pub channel: u32,
    /// When.
    pub at: UtcTime,
    /// What is connected to the channel, or the plate of the vehicle; may be empty.
    pub name: String,
    /// Numbers of the outputs that were activated, 1 is NO1.
    pub outputs: Vec<u32>,
    /// The message about it.
    pub mail: MailState,
    /// Whether there is a picture.
    pub has_picture: bool,
}

/// A search for alarms. Empty fields do not restrict.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlarmQuery {
    /// Raised at or after.
    pub from: Option<UtcTime>,
    /// Raised before.
    pub to: Option<UtcTime>,
    /// Only this kind.
    pub kind: Option<AlarmKind>,
    /// Only alarms older than this one (paging, newest first).
    pub before: Option<AlarmId>,
    /// Rows per page, 1 to 500; 0 means 50.
    pub limit: u32,
}

/// One page of alarms, newest first.
#[derive(Clone, Debug, PartialEq)]
pub struct AlarmPage {
    /// The rows.
    pub items: Vec<StoredAlarm>,
    /// Pass as `before` to get the next page.
    pub next_before: Option<AlarmId>,
    /// How many match in all.
    pub total: u64,
}
