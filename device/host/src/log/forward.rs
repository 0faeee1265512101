use std::{
    collections::VecDeque,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use platecam_model::{
    Actor, Clock, Error, EventBus, EventKind, LogEntry, LogKind, Result,
    log::{NewLogEntry, Severity, syslog},
    ports::{RemoteLog, RemoteLogStatus},
    settings::{LogRemote, LogTransport, SettingsStore},
};

use super::{
    LogDatabase,
    wire::{Wire, reason},
};

/// Entries on their way at most: sent, not yet taken off the disk.
const MAX_IN_FLIGHT: usize = 512;
/// Entries read from the disk at a time.
const BATCH: usize = 64;
/// How often the connection is looked at when nothing happens.
const LOOK: Duration = Duration::from_secs(1);

/// How patient the sender is.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// First wait after a failure; doubled with each further one.
    pub first_retry: Duration,
    /// Longest wait.
    pub longest_retry: Duration,
    /// How long a connection must live on after an entry was sent and confirmed until the entry counts as
    /// arrived: a server that is killed takes with it what it had not read.
    pub hold: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            first_retry: Duration::from_secs(1),
            longest_retry: Duration::from_secs(60),
            hold: Duration::from_secs(2),
        }
    }
}

/// Sends what waits in the queue to the log server, on a thread of its own: nothing else ever waits for it
/// (RLOG-3).
#[derive(Debug)]
pub struct Forwarder {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    db: Arc<LogDatabase>,
    settings: Arc<SettingsStore>,
    bus: EventBus,
    clock: Arc<dyn Clock>,
    host: String,
    pace: Pace,
    told: Mutex<RemoteLogStatus>,
    stop: AtomicBool,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl Forwarder {
    /// Starts the thread; `host` is the host name in the messages.
    ///
    /// # Errors
    /// [`Error::Internal`] without a thread.
    pub fn start(
        db: Arc<LogDatabase>,
        settings: Arc<SettingsStore>,
        bus: EventBus,
        clock: Arc<dyn Clock>,
        host: String,
        pace: Pace,
    ) -> Result<Self> {
        let shared = Arc::new(Shared {
            db,
            settings,
            bus,
            clock,
            host,
            pace,
            told: Mutex::default(),
            stop: AtomicBool::new(false),
        });
        let thread = std::thread::Builder::new()
            .name("remote log".into())
            .spawn({
                let shared = shared.clone();
                move || Sending::default().run(&shared)
            });
        Ok(Self {
            shared,
            thread: Some(thread.map_err(Error::internal)?),
        })
    }

    /// Ends the thread and waits for it; what waits stays on the disk.
    pub fn stop(mut self) {
        self.shared.end();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Forwarder {
    /// Ends the thread; it may take a few seconds when it is connecting.
    fn drop(&mut self) {
        self.shared.end();
    }
}

impl RemoteLog for Forwarder {
    fn status(&self) -> RemoteLogStatus {
        let config = self.shared.settings.get::<LogRemote>();
        let (queued, dropped) = self.shared.db.queue_length().unwrap_or_default();
        let told = self.shared.told.lock().clone();
        RemoteLogStatus {
            enabled: config.enabled,
            connected: config.enabled && told.connected,
            target: if config.enabled {
                target(&config)
            } else {
                String::new()
            },
            queued,
            dropped,
            ..told
        }
    }

    fn test(&self) -> Result<Duration> {
        let config = self.shared.settings.get::<LogRemote>();
        if !config.enabled {
            return Err(Error::Conflict("the remote log is switched off".into()));
        }
        let entry = NewLogEntry::new(
            self.shared.clock.now(),
            LogKind::System,
            Severity::Info,
            &Actor::system(),
            "Test of the remote log.",
        );
        let start = Instant::now();
        self.shared
            .send_now(&config, &LogEntry::numbered(0, entry))
            .map(|()| start.elapsed())
            .map_err(|e| Error::Unsupported(format!("{}: {}", target(&config), reason(&e))))
    }
}

fn target(config: &LogRemote) -> String {
    let transport = match config.transport {
        LogTransport::Udp => "UDP",
        LogTransport::Tcp => "TCP",
        LogTransport::Tls => "TLS",
    };
    let (host, port) = (&config.host, config.port.get());
    if host.contains(':') {
        format!("[{host}]:{port} over {transport}")
    } else {
        format!("{host}:{port} over {transport}")
    }
}

impl Shared {
    fn end(&self) {
        self.stop.store(true, Ordering::Release);
        self.db.tell();
    }

    fn stopping(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    fn message(&self, entry: &LogEntry, facility: u8, most: usize) -> String {
        let sender = syslog::Sender {
            host: self.host.clone(),
            app: "platecam".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            facility,
        };
        syslog::message(entry, &sender, most)
    }

    /// Sends over a connection of its own and waits until the peer's system has it.
    fn send_now(&self, config: &LogRemote, entry: &LogEntry) -> io::Result<()> {
        let mut wire = Wire::open(config)?;
        wire.send(&self.message(entry, config.facility.get(), wire.most()))?;
        let until = Instant::now() + Duration::from_secs(5);
        loop {
            std::thread::sleep(Duration::from_millis(50));
            wire.look()?;
            if wire.confirmed() {
                return Ok(());
            }
            if Instant::now() > until {
                return Err(io::ErrorKind::TimedOut.into());
            }
        }
    }

    /// Waits for news, at most `most`.
    fn wait(&self, most: Duration) {
        let mut news = self.db.news.0.lock();
        if !*news && !self.stopping() {
            self.db.news.1.wait_for(&mut news, most);
        }
        *news = false;
    }

    fn note(&self, severity: Severity, text: String) {
        let at = self.clock.now();
        let entry = NewLogEntry::new(at, LogKind::System, severity, &Actor::system(), text);
        self.bus.publish(at, EventKind::Log(entry));
    }
}

/// Forgets what waits, for the remote log is off; but not what came after it was switched on again meanwhile.
fn forget(shared: &Shared) -> Result<()> {
    let newest = shared.db.newest_waiting()?;
    if shared.settings.get::<LogRemote>().enabled {
        return Ok(());
    }
    shared.db.take_off(newest)
}

/// A connection and what was sent over it.
struct Link {
    wire: Wire,
    since: Instant,
    /// Numbers sent and not yet taken off the disk, with their time.
    in_flight: VecDeque<(u64, Instant)>,
    /// The newest number sent.
    sent: u64,
}

#[derive(Default)]
struct Sending {
    config: Option<Arc<LogRemote>>,
    link: Option<Link>,
    failures: u32,
    retry_at: Option<Instant>,
    /// The loss was logged; the next success is logged as well (RLOG-3).
    loss_told: bool,
}

impl Sending {
    fn run(mut self, shared: &Shared) {
        while !shared.stopping() {
            let config = shared.settings.get::<LogRemote>();
            if self.config.as_ref() != Some(&config) {
                // Another server: everything that was not confirmed goes to it.
                let told = self.loss_told && config.enabled;
                self = Self {
                    config: Some(config.clone()),
                    loss_told: told,
                    ..Self::default()
                };
                shared.told.lock().connected = false;
                if !config.enabled {
                    self.quietly(forget(shared));
                }
            }
            let wait = if config.enabled {
                self.turn(shared, &config)
            } else {
                LOOK
            };
            shared.wait(wait);
        }
    }

    /// One turn; how long to wait until the next.
    fn turn(&mut self, shared: &Shared, config: &LogRemote) -> Duration {
        if let Some(left) = self
            .retry_at
            .and_then(|at| at.checked_duration_since(Instant::now()))
        {
            return left.min(LOOK);
        }
        match self.work(shared, config) {
            Ok(wait) => {
                self.retry_at = None;
                shared.told.lock().connected = true;
                let settled = |l: &Link| l.since.elapsed() >= shared.pace.hold;
                if self.link.as_ref().is_some_and(settled) {
                    self.failures = 0;
                    if std::mem::take(&mut self.loss_told) {
                        let text = format!("The log server {} is reached again.", target(config));
                        shared.note(Severity::Notice, text);
                    }
                }
                wait
            }
            Err(e) => {
                self.lost(shared, config, &reason(&e));
                Duration::ZERO
            }
        }
    }

    fn lost(&mut self, shared: &Shared, config: &LogRemote, why: &str) {
        self.link = None;
        let factor = 1u32 << self.failures.min(16);
        let wait = (shared.pace.first_retry * factor).min(shared.pace.longest_retry);
        self.failures += 1;
        self.retry_at = Some(Instant::now() + wait);
        let mut told = shared.told.lock();
        told.connected = false;
        told.last_error = Some(why.to_owned());
        told.last_error_at = Some(shared.clock.now());
        drop(told);
        if !std::mem::replace(&mut self.loss_told, true) {
            let text = format!(
                "The log server {} is lost: {why}. Entries wait until it is back.",
                target(config)
            );
            shared.note(Severity::Warning, text);
        }
    }

    fn work(&mut self, shared: &Shared, config: &LogRemote) -> io::Result<Duration> {
        let link = match &mut self.link {
            Some(link) => link,
            none => none.insert(Link {
                wire: Wire::open(config)?,
                since: Instant::now(),
                in_flight: VecDeque::new(),
                sent: 0,
            }),
        };
        link.wire.look()?;
        link.take_off(shared)?;
        let room = MAX_IN_FLIGHT - link.in_flight.len().min(MAX_IN_FLIGHT);
        let waiting = shared
            .db
            .waiting(link.sent, BATCH.min(room))
            .map_err(disk)?;
        for entry in &waiting {
            let message = shared.message(entry, config.facility.get(), link.wire.most());
            link.wire.send(&message)?;
            link.in_flight.push_back((entry.id, Instant::now()));
            link.sent = entry.id;
        }
        Ok(if waiting.len() == BATCH {
            Duration::ZERO
        } else if link.in_flight.is_empty() {
            LOOK
        } else {
            (shared.pace.hold / 4).clamp(Duration::from_millis(10), LOOK)
        })
    }

    fn quietly(&self, result: Result<()>) {
        if let Err(error) = result {
            tracing::error!(?error, "the queue of the remote log");
        }
    }
}

impl Link {
    /// Takes off the disk what arrived for certain.
    fn take_off(&mut self, shared: &Shared) -> io::Result<()> {
        let old = |sent: &Instant| sent.elapsed() >= shared.pace.hold;
        if !self.in_flight.front().is_some_and(|(_, sent)| old(sent)) || !self.wire.confirmed() {
            return Ok(());
        }
        let n = self
            .in_flight
            .iter()
            .take_while(|(_, sent)| old(sent))
            .count();
        if let Some((newest, _)) = self.in_flight.drain(..n).next_back() {
            shared.db.take_off(newest).map_err(disk)?;
            let mut told = shared.told.lock();
            told.sent += n as u64;
            told.last_sent = Some(shared.clock.now());
        }
        Ok(())
    }
}

fn disk(e: Error) -> io::Error {
    tracing::error!(error = ?e, "the queue of the remote log");
    io::Error::other("the queue on the disk cannot be used")
}
