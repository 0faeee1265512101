//! Event brokers: a queue on the disk and a thread for each (Core §11.12; docs/adr/0020).

mod codec;
mod queue;
mod session;
mod web_socket;
mod wire;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use parking_lot::Mutex;
use platecam_model::{
    Actor, Clock, Error, EventBus, EventKind, LogKind, Result,
    log::{NewLogEntry, Severity},
    ports::{BrokerMessage, BrokerState, BrokerStatus, Brokers},
    settings::{BrokerConfig, MAX_BROKERS, MqttVersion, SettingsStore, brokers},
};
use tokio::sync::{Notify, broadcast};

use crate::Database;
use queue::Queue;
pub(crate) use queue::STEP;
use session::{Ended, Progress, Session, disk};

/// First wait after a failure; doubled with each further one.
const FIRST_RETRY: Duration = Duration::from_secs(1);
/// Longest wait.
const LONGEST_RETRY: Duration = Duration::from_secs(60);
/// A connection that lasted so long was a good one: the next wait is short again.
const GOOD: Duration = Duration::from_secs(30);

/// Publishes to the brokers of the settings. Dropping it ends its threads.
#[derive(Debug)]
pub struct MqttBrokers {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

#[derive(Debug)]
struct Shared {
    lines: [Line; MAX_BROKERS],
    reached: broadcast::Sender<usize>,
    stop: AtomicBool,
}

/// What a broker's thread and the rest share.
#[derive(Debug)]
struct Line {
    queue: Queue,
    enabled: AtomicBool,
    news: Notify,
    /// Messages up to this number may be on their way.
    sent: AtomicI64,
    arrived: AtomicU64,
    told: Mutex<BrokerStatus>,
}

/// What the threads need.
struct Surroundings {
    settings: Arc<SettingsStore>,
    bus: EventBus,
    clock: Arc<dyn Clock>,
    /// Begins the client identifier.
    serial: String,
}

impl MqttBrokers {
    /// Starts a thread for each broker; `serial` is the unit's name at the brokers.
    ///
    /// # Errors
    /// [`Error::Internal`] without threads.
    pub fn start(
        db: &Database,
        settings: Arc<SettingsStore>,
        bus: EventBus,
        clock: Arc<dyn Clock>,
        serial: &str,
    ) -> Result<Self> {
        let now = brokers(&settings.snapshot());
        let line = |broker: usize| Line {
            queue: Queue {
                db: db.clone(),
                broker,
            },
            enabled: AtomicBool::new(now[broker].enabled),
            news: Notify::new(),
            sent: AtomicI64::new(0),
            arrived: AtomicU64::new(0),
            told: Mutex::default(),
        };
        let shared = Arc::new(Shared {
            lines: std::array::from_fn(line),
            reached: broadcast::channel(16).0,
            stop: AtomicBool::new(false),
        });
        let around = Arc::new(Surroundings {
            settings,
            bus,
            clock,
            serial: serial.to_owned(),
        });
        let mut threads = Vec::new();
        for n in 0..MAX_BROKERS {
            let (shared, around) = (shared.clone(), around.clone());
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(Error::internal)?;
            let thread = std::thread::Builder::new()
                .name(format!("broker {}", n + 1))
                .spawn(move || runtime.block_on(run(n, &shared, &around)))
                .map_err(Error::internal)?;
            threads.push(thread);
        }
        Ok(Self {
            shared,
            threads: Mutex::new(threads),
        })
    }

    /// Ends the threads with a good-bye to the brokers, and waits for them; what waits stays on the disk.
    pub fn stop(&self) {
        self.shared.stop.store(true, Ordering::Release);
        for line in &self.shared.lines {
            line.news.notify_one();
        }
        for thread in std::mem::take(&mut *self.threads.lock()) {
            let _ = thread.join();
        }
    }
}

impl Drop for MqttBrokers {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Brokers for MqttBrokers {
    fn publish(&self, broker: usize, messages: &[BrokerMessage]) -> Result<()> {
        let Some(line) = self.shared.lines.get(broker) else {
            return Ok(());
        };
        if messages.is_empty() || !line.enabled.load(Ordering::Acquire) {
            return Ok(());
        }
        line.queue
            .push(messages, line.sent.load(Ordering::Acquire))?;
        line.news.notify_one();
        Ok(())
    }

    fn status(&self, broker: usize) -> BrokerStatus {
        let Some(line) = self.shared.lines.get(broker) else {
            return BrokerStatus::default();
        };
        let (queued, dropped) = line.queue.length().unwrap_or_default();
        BrokerStatus {
            queued,
            dropped,
            sent: line.arrived.load(Ordering::Relaxed),
            ..line.told.lock().clone()
        }
    }

    fn connections(&self) -> broadcast::Receiver<usize> {
        self.shared.reached.subscribe()
    }
}

/// How a connection is over.
enum Over {
    /// Other settings, or the end.
    Wanted,
    Lost(Ended),
}

/// The life of one broker's thread.
async fn run(n: usize, shared: &Shared, around: &Surroundings) {
    let line = &shared.lines[n];
    let mut changes = around.settings.watch();
    let mut wait = FIRST_RETRY;
    let mut loss_told = false;
    while !shared.stop.load(Ordering::Acquire) {
        let config = brokers(&changes.borrow_and_update())[n].clone();
        line.enabled.store(config.enabled, Ordering::Release);
        if !config.enabled {
            disk(line.queue.forget());
            *line.told.lock() = BrokerStatus::default();
            loss_told = false;
            wait = FIRST_RETRY;
            tokio::select! {
                _ = changes.changed() => {}
                () = line.news.notified() => {}
            }
            continue;
        }
        line.told.lock().state = BrokerState::Connecting;
        let began = tokio::time::Instant::now();
        let over = connection(n, shared, around, &config, &mut changes, &mut loss_told).await;
        line.sent.store(0, Ordering::Release);
        line.told.lock().state = BrokerState::Offline;
        let Over::Lost(error) = over else {
            wait = FIRST_RETRY;
            continue;
        };
        if let Ended::Disk(e) = &error {
            tracing::error!(error = ?e, "the queue of a broker");
        }
        {
            let mut told = line.told.lock();
            told.last_error = Some(error.to_string());
            told.last_error_at = Some(around.clock.now());
        }
        if !std::mem::replace(&mut loss_told, true) {
            let text = format!(
                "The event broker {} is lost: {error}. Events wait until it is back.",
                config.address()
            );
            note(around, Severity::Warning, text);
        }
        if began.elapsed() >= GOOD {
            wait = FIRST_RETRY;
        }
        let until = tokio::time::Instant::now() + wait;
        wait = (wait * 2).min(LONGEST_RETRY);
        loop {
            tokio::select! {
                () = tokio::time::sleep_until(until) => break,
                _ = changes.changed() => {
                    if brokers(&changes.borrow_and_update())[n] != config {
                        wait = FIRST_RETRY;
                        break;
                    }
                }
                () = line.news.notified() => {
                    if shared.stop.load(Ordering::Acquire) {
                        return;
                    }
                }
            }
        }
    }
}

/// One connection from its beginning to its end.
async fn connection(
    n: usize,
    shared: &Shared,
    around: &Surroundings,
    config: &BrokerConfig,
    changes: &mut tokio::sync::watch::Receiver<platecam_model::settings::Settings>,
    loss_told: &mut bool,
) -> Over {
    let line = &shared.lines[n];
    let client = format!("{}-{}", around.serial, n + 1);
    let opened = tokio::select! {
        opened = Session::open(config, &client, line.queue.clone()) => opened,
        () = unwanted(n, shared, config, changes) => return Over::Wanted,
    };
    let mut session = match opened {
        Ok((session, progress)) => {
            line.arrived
                .fetch_add(progress.arrived as u64, Ordering::Relaxed);
            session
        }
        Err(e) => return Over::Lost(e),
    };
    tracing::info!(broker = %config.address(), "event broker reached");
    line.told.lock().state = BrokerState::Connected;
    if std::mem::take(loss_told) {
        let text = format!("The event broker {} is reached again.", config.address());
        note(around, Severity::Notice, text);
    }
    // Nobody may be listening yet.
    let _ = shared.reached.send(n);
    loop {
        line.sent.store(session.sent(), Ordering::Release);
        let step = tokio::select! {
            packet = session.next() => match packet {
                Ok(packet) => session.handle(packet).await,
                Err(e) => Err(e),
            },
            () = line.news.notified() => {
                if shared.stop.load(Ordering::Acquire) {
                    session.close().await;
                    return Over::Wanted;
                }
                session.fill(false).await
            }
            _ = changes.changed() => {
                if brokers(&changes.borrow_and_update())[n] != *config {
                    session.close().await;
                    return Over::Wanted;
                }
                Ok(Progress::default())
            }
        };
        match step {
            Ok(progress) => {
                line.arrived
                    .fetch_add(progress.arrived as u64, Ordering::Relaxed);
            }
            Err(e) => return Over::Lost(e),
        }
    }
}

/// Waits until the settings are others, or the end.
async fn unwanted(
    n: usize,
    shared: &Shared,
    config: &BrokerConfig,
    changes: &mut tokio::sync::watch::Receiver<platecam_model::settings::Settings>,
) {
    loop {
        tokio::select! {
            changed = changes.changed() => {
                if changed.is_err() || brokers(&changes.borrow_and_update())[n] != *config {
                    return;
                }
            }
            () = shared.lines[n].news.notified() => {
                if shared.stop.load(Ordering::Acquire) {
                    return;
                }
            }
        }
    }
}

fn note(around: &Surroundings, severity: Severity, text: String) {
    let at = around.clock.now();
    let entry = NewLogEntry::new(at, LogKind::System, severity, &Actor::system(), text);
    around.bus.publish(at, EventKind::Log(entry));
}

/// Reads what a broker sends as its pieces come, for `crate::hostile`.
pub(crate) fn read_answers<'a>(
    version: MqttVersion,
    pieces: impl Iterator<Item = &'a [u8]>,
) -> Vec<String> {
    let (mut buffer, mut words) = (Vec::new(), Vec::new());
    for piece in pieces {
        buffer.extend_from_slice(piece);
        loop {
            match codec::take(&mut buffer, version) {
                Ok(Some(packet)) => words.push(format!("{packet:?}")),
                Ok(None) => break,
                Err(e) => {
                    words.push(e.to_string());
                    return words;
                }
            }
        }
    }
    words
}
