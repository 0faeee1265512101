use std::{collections::BTreeMap, net::IpAddr};

use lpr_core::UtcTime;
use serde::{Deserialize, Serialize};

use crate::{Actor, LogKind, Origin};

/// Longest sentence and longest detail of an entry, characters; more is cut.
pub const MAX_TEXT: usize = 500;
/// Most details of an entry.
const MAX_DETAILS: usize = 16;

/// How bad it is, in the words and numbers of RFC 5424 section 6.2.1.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[schemars(inline)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// For the record.
    #[default]
    Info,
    /// Normal but of note: somebody changed something.
    Notice,
    /// Somebody should look at it.
    Warning,
    /// Something does not work.
    Error,
}

impl Severity {
    /// The number of RFC 5424: 3 for errors to 6 for information.
    pub const fn number(self) -> u8 {
        match self {
            Self::Error => 3,
            Self::Warning => 4,
            Self::Notice => 5,
            Self::Info => 6,
        }
    }

    /// The word of the API and the store.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Notice => "notice",
            Self::Info => "info",
        }
    }
}

/// An entry to be written; see [`LogEntry`].
#[derive(Clone, Debug, PartialEq)]
pub struct NewLogEntry {
    /// When it happened.
    pub at: UtcTime,
    /// Its kind.
    pub kind: LogKind,
    /// How bad it is.
    pub severity: Severity,
    /// The user, as claimed for refused logins.
    pub user: Option<String>,
    /// Source address.
    pub address: Option<IpAddr>,
    /// The way in.
    pub origin: Origin,
    /// One sentence.
    pub text: String,
    /// Facts by name.
    pub details: BTreeMap<String, String>,
}

impl NewLogEntry {
    /// An entry about what `by` did; text is cut to [`MAX_TEXT`] and freed of control characters.
    pub fn new(
        at: UtcTime,
        kind: LogKind,
        severity: Severity,
        by: &Actor,
        text: impl AsRef<str>,
    ) -> Self {
        Self {
            at,
            kind,
            severity,
            user: by.user.as_deref().map(clean),
            address: by.peer,
            origin: by.origin,
            text: clean(text.as_ref()),
            details: BTreeMap::new(),
        }
    }

    /// Adds a fact; beyond 16 of them it is left out.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl AsRef<str>) -> Self {
        if self.details.len() < MAX_DETAILS {
            self.details.insert(name.to_owned(), clean(value.as_ref()));
        }
        self
    }
}

/// No control characters (a name given at a login is anybody's text), nothing that XML cannot carry,
/// bounded length.
fn clean(text: &str) -> String {
    let fits = |c: char| !c.is_control() && !matches!(c, '\u{FFFE}' | '\u{FFFF}');
    let visible = |c: char| if fits(c) { c } else { '\u{FFFD}' };
    text.chars().take(MAX_TEXT).map(visible).collect()
}

/// One entry of the log (LOG-3, LOG-7). The serde form is that of the API, of the audit trail's
/// hash and of its export: fields stay in this order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogEntry {
    /// Only grows; never used twice in one state directory.
    pub id: u64,
    /// When it happened.
    pub at: UtcTime,
    /// Its kind (LOG-2).
    pub kind: LogKind,
    /// How bad it is.
    pub severity: Severity,
    /// Who; `None` for the device itself and before a login.
    pub user: Option<String>,
    /// From where (SEC-14).
    pub address: Option<IpAddr>,
    /// By which way.
    pub origin: Origin,
    /// One sentence without secrets (LOG-8).
    pub text: String,
    /// Facts by name, without secrets.
    pub details: BTreeMap<String, String>,
}

impl LogEntry {
    /// `new` under its number.
    pub fn numbered(id: u64, new: NewLogEntry) -> Self {
        Self {
            id,
            at: new.at,
            kind: new.kind,
            severity: new.severity,
            user: new.user,
            address: new.address,
            origin: new.origin,
            text: new.text,
            details: new.details,
        }
    }
}

/// What is searched for; an empty query is everything.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogQuery {
    /// From this time on, included (LOG-1).
    pub from: Option<UtcTime>,
    /// Until this time, included (LOG-1).
    pub to: Option<UtcTime>,
    /// Of these kinds; empty means all.
    pub kinds: Vec<LogKind>,
    /// By this user, whatever the case.
    pub user: Option<String>,
    /// Entries older than this one, for the next page.
    pub before: Option<u64>,
    /// Entries wanted; 0 takes the store's own bound.
    pub limit: u32,
}

impl LogQuery {
    /// Whether an entry is meant; paging apart.
    pub fn matches(&self, e: &LogEntry) -> bool {
        let user = |wanted: &String| {
            e.user
                .as_ref()
                .is_some_and(|u| u.to_lowercase() == wanted.to_lowercase())
        };
        self.from.is_none_or(|t| e.at >= t)
            && self.to.is_none_or(|t| e.at <= t)
            && (self.kinds.is_empty() || self.kinds.contains(&e.kind))
            && self.user.as_ref().is_none_or(user)
    }
}

/// One page of a search, newest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogPage {
    /// The entries.
    pub items: Vec<LogEntry>,
    /// Ask for the next page with it.
    pub next_before: Option<u64>,
    /// Entries that match in all.
    pub total: u64,
}

/// An entry of the audit trail with its place in the chain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrailEntry {
    /// The entry.
    #[serde(flatten)]
    pub entry: LogEntry,
    /// Hash of the entry before, hexadecimal.
    pub prev: String,
    /// SHA-256 over the 32 bytes of `prev` and the entry's JSON, hexadecimal.
    pub hash: String,
}

/// What a check of the audit trail found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AuditCheck {
    /// Whether chain and sealed head are intact.
    pub ok: bool,
    /// Entries checked.
    pub entries: u64,
    /// Oldest entry.
    pub first_id: Option<u64>,
    /// Newest entry.
    pub last_id: Option<u64>,
    /// Hash of the newest entry, hexadecimal; empty without entries.
    pub head: String,
    /// The first thing found wrong, for people.
    pub problem: Option<String>,
}
