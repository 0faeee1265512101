use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use lpr_core::{LoopPass, PlateRead, Scene, UtcTime, WatchKind};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;

use crate::{
    Actor, LogEntry, Record,
    alarm::{Alarm, StoredAlarm},
    log::NewLogEntry,
    network::NetworkNews,
    ports::{CardStatus, KeyStatus, Moment},
    settings::Revision,
};

/// One thing that happened.
#[derive(Clone, Debug)]
pub struct Event {
    /// Counts up from 1 in this run of the process.
    pub seq: u64,
    /// When it happened (not when it was told).
    pub at: UtcTime,
    /// What happened.
    pub kind: EventKind,
}

/// The things that happen. Subscribers pick what they translate.
#[derive(Clone, Debug)]
pub enum EventKind {
    /// One plate in one pass was recognised; exactly one per pass.
    PlateRead(Arc<PlateRead>),
    /// A vehicle came, turned back and leaves (INTEL-6). Told where that is asked for; its pictures become a record.
    TurnedBack(Arc<PlateRead>),
    /// A record was stored (after its plate read, or by a manual snapshot) and can be fetched.
    RecordStored(Arc<Record>),
    /// A record that was told before has its second picture now (SNAPRULE-4).
    SecondStored(Arc<Record>),
    /// A settings section has a new revision.
    SettingsChanged {
        /// The section's key.
        key: &'static str,
        /// Its new revision.
        revision: Revision,
        /// Names of the fields whose values differ now, in alphabetical order. Never values (LOG-8).
        fields: Vec<String>,
        /// Who changed it.
        actor: Actor,
    },
    /// The picture source came, went or retries.
    Source(SourceState),
    /// The picture itself raised or ended an alarm: motion, tampering.
    PictureAlarm {
        /// Which.
        alarm: WatchKind,
        /// Whether it holds now.
        active: bool,
    },
    /// Motion began or ended in a region that is watched on its own.
    RegionMotion {
        /// The region's name.
        region: String,
        /// Whether something moves in it now.
        active: bool,
    },
    /// Login, logout, refused login.
    Login(LoginEvent),
    /// Somebody or the device itself did something that the log keeps (LOG-2, LOG-7).
    Audit(AuditEvent),
    /// The device got its first administrator, or lost all users.
    Initialised(bool),
    /// The encoder of a stream was rebuilt or changed.
    StreamChanged {
        /// `true` for the main stream.
        main: bool,
    },
    /// Listening sockets, for status pages and discovery.
    ServiceReady(Service),
    /// The wall clock was set, by whomever: it read `before` when it should have read on, and reads
    /// `after` now (SYS-16). Durations measured by the wall clock across it are wrong.
    ClockJumped {
        /// What it would read now without the jump.
        before: UtcTime,
        /// What it reads.
        after: UtcTime,
    },
    /// The unit is to restart, once this was told to everybody; publish it by `Device::restart`.
    RestartWanted {
        /// One English sentence without secrets; the log has it before and after the restart.
        reason: String,
        /// How much restarts.
        scope: RestartScope,
    },
    /// A newer firmware was found at the upgrade server (SYS-27).
    UpgradeAvailable {
        /// Its version.
        version: String,
    },
    /// An alarm output became active, or went back to its idle state.
    Relay {
        /// 0 is NO1.
        index: usize,
        /// Whether it is active.
        active: bool,
    },
    /// An alarm input became active, or went back to its idle state.
    Input {
        /// 0 is the first.
        index: usize,
        /// Whether it is active.
        active: bool,
    },
    /// Loops captured a vehicle; recognition tells of it (SNAPRULE-1).
    AtLoop(LoopPass),
    /// An alarm was raised; what follows from it by itself, such as outputs, was done.
    Alarm(Arc<Alarm>),
    /// An alarm was stored and can be fetched.
    AlarmStored(Arc<StoredAlarm>),
    /// A key of the certificate store is being made, was made, or could not be.
    KeyStatus {
        /// Its identifier.
        key: String,
        /// What it was; `None` for a new one.
        old: Option<KeyStatus>,
        /// What it is.
        new: KeyStatus,
    },
    /// Too many failed logins from one address: it is locked from now on (AUTH-5).
    LockedOut {
        /// From where; `None` for a way without an address.
        peer: Option<IpAddr>,
    },
    /// Records cannot be stored, or can again.
    Storage {
        /// Why not, for people; `None` once it works again.
        failure: Option<String>,
    },
    /// The memory card came, went or changed.
    Card(Arc<CardStatus>),
    /// One read could not be stored.
    RecordLost {
        /// Why, for people and the log.
        reason: String,
    },
    /// Something that is remembered over restarts happened.
    Moment(Moment),
    /// A firmware package comes in, per cent; 0 at the begin, and when it was refused.
    Upgrading {
        /// 0 to 100.
        percent: u8,
        /// Whether it just began.
        begins: bool,
    },
    /// NTP corrected the clock at that time by what `source` said.
    ClockSynchronised {
        /// Time of the measurement.
        at: UtcTime,
        /// The server.
        source: String,
    },
    /// The unit's own network changed, or somebody else uses its address (NET-10, NET-11).
    Network(NetworkNews),
    /// Something for the log and nobody else: a fault of a service, its end (SYS-17, RLOG-3).
    Log(NewLogEntry),
    /// The process is about to stop: send Bye, close sessions.
    ShuttingDown,
}

/// How much a restart takes along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestartScope {
    /// The process alone: it stops cleanly and begins anew on the same ports.
    Process,
    /// The machine where it belongs to the product, otherwise the process.
    Machine,
}

/// A listening service and its port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Plain HTTP.
    Http(u16),
    /// HTTP over TLS.
    Https(u16),
    /// RTSP over TCP.
    Rtsp(u16),
    /// RTSP over TLS.
    Rtsps(u16),
}

/// Login, logout and refused login (AUTH-3, AUTH-7).
#[derive(Clone, Debug)]
pub struct LoginEvent {
    /// The name given; may not exist.
    pub user: String,
    /// Way and address.
    pub actor: Actor,
    /// What happened.
    pub outcome: LoginOutcome,
}

/// Kinds of log entries, as the log page filters them (LOG-2, C-57).
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum LogKind {
    /// Somebody came in, or was refused.
    Login,
    /// Somebody left or was disconnected.
    Logout,
    /// Settings were changed.
    SaveConfig,
    /// Start, stop, reboot, time, faults of the device.
    System,
    /// Import, export, restore, reset of the configuration.
    Configuration,
    /// Memory card and uploads.
    Storage,
    /// Alarms and exceptions.
    Alarm,
    /// Users, groups, tokens, passwords.
    Account,
    /// Records and lists.
    Record,
    /// Firmware.
    Upgrade,
    /// The log was cleared.
    Clear,
}

impl LogKind {
    /// All of them, in the order of the log page's list.
    pub const ALL: [Self; 11] = [
        Self::Login,
        Self::Logout,
        Self::SaveConfig,
        Self::System,
        Self::Configuration,
        Self::Storage,
        Self::Alarm,
        Self::Account,
        Self::Record,
        Self::Upgrade,
        Self::Clear,
    ];

    /// The word of the API, the store and exports.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Logout => "logout",
            Self::SaveConfig => "save-config",
            Self::System => "system",
            Self::Configuration => "configuration",
            Self::Storage => "storage",
            Self::Alarm => "alarm",
            Self::Account => "account",
            Self::Record => "record",
            Self::Upgrade => "upgrade",
            Self::Clear => "clear",
        }
    }

    /// The kind with this word.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.word() == word)
    }
}

/// An operation that the log keeps. Logins and settings have events of their own.
///
/// `what` is one English sentence without secrets (LOG-8): what was done, to what, with which result.
#[derive(Clone, Debug)]
pub struct AuditEvent {
    /// Kind of the entry.
    pub kind: LogKind,
    /// Who, by which way, from where.
    pub actor: Actor,
    /// What was done.
    pub what: String,
}

/// How a login ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginOutcome {
    /// Let in.
    Granted,
    /// Wrong name or password.
    Refused,
    /// Refused because of earlier failures.
    Locked,
    /// Logged out or disconnected.
    LoggedOut,
}

/// State of the picture source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceState {
    /// Opening.
    Connecting,
    /// Pictures flow.
    Running {
        /// Width, height in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// Frames a second, times 1000.
        millifps: u32,
    },
    /// No picture; tried again after `retry_in_ms`.
    Failed {
        /// What went wrong, for people.
        reason: String,
        /// Milliseconds until the next try.
        retry_in_ms: u64,
    },
}

/// The one event bus. Cheap to clone.
///
/// Publishing never blocks: a subscriber that lags more than the capacity loses the oldest events
/// and is told how many. Analysed frames ([`Scene`]) and log entries have channels of their own: the rate of
/// the former, and the answer of the log to every event, cannot push out events.
#[derive(Clone, Debug)]
pub struct EventBus {
    events: broadcast::Sender<Arc<Event>>,
    scenes: broadcast::Sender<Arc<Scene>>,
    entries: broadcast::Sender<Arc<LogEntry>>,
    next: Arc<AtomicU64>,
}

/// Events from the moment of subscription on.
pub type Subscription = broadcast::Receiver<Arc<Event>>;
/// Analysed frames from the moment of subscription on.
pub type SceneSubscription = broadcast::Receiver<Arc<Scene>>;

/// Log entries from the moment of subscription on.
pub type LogSubscription = broadcast::Receiver<Arc<LogEntry>>;

/// Events a subscriber may lag behind.
const EVENT_CAPACITY: usize = 1024;
/// Analysed frames a subscriber may lag behind.
const SCENE_CAPACITY: usize = 64;
/// Log entries a live reader may lag behind.
const ENTRY_CAPACITY: usize = 256;

impl Default for EventBus {
    fn default() -> Self {
        Self {
            events: broadcast::channel(EVENT_CAPACITY).0,
            scenes: broadcast::channel(SCENE_CAPACITY).0,
            entries: broadcast::channel(ENTRY_CAPACITY).0,
            next: Arc::new(AtomicU64::new(1)),
        }
    }
}

impl EventBus {
    /// Tells everybody who listens; returns the event's number.
    pub fn publish(&self, at: UtcTime, kind: EventKind) -> u64 {
        let seq = self.next.fetch_add(1, Ordering::Relaxed);
        // An error only means that nobody listens.
        let _ = self.events.send(Arc::new(Event { seq, at, kind }));
        seq
    }

    /// Passes on one analysed frame.
    pub fn publish_scene(&self, scene: Arc<Scene>) {
        let _ = self.scenes.send(scene);
    }

    /// Tells live readers of an entry that the log has (DEBUG-4).
    pub fn publish_entry(&self, entry: Arc<LogEntry>) {
        let _ = self.entries.send(entry);
    }

    /// Listens to new log entries from now on.
    pub fn subscribe_entries(&self) -> LogSubscription {
        self.entries.subscribe()
    }

    /// Listens to events from now on.
    pub fn subscribe(&self) -> Subscription {
        self.events.subscribe()
    }

    /// Listens to analysed frames from now on.
    pub fn subscribe_scenes(&self) -> SceneSubscription {
        self.scenes.subscribe()
    }
}
