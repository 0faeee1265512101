//! The memory card (GEN-12, STOR-5..7; docs/adr/0033): found in sysfs, mounted, and used by a thread of its own that may hang
//! with a dead card while nobody else does.

mod slot;
mod superblock;
mod volume;
mod watch;
mod worker;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, Ordering},
        mpsc::{RecvTimeoutError, SyncSender, TrySendError, sync_channel},
    },
    thread::JoinHandle,
    time::Duration,
};

use bytes::Bytes;
use parking_lot::Mutex;
use platecam_model::{
    Clock, Error, EventBus, EventKind, Result,
    ports::{CardState, CardStatus, MemoryCard},
};

pub use slot::CardSlot;
use watch::Waker;
use worker::{Answer, Card, Job};

/// How long anybody waits for a card that does not answer.
pub const CARD_PATIENCE: Duration = Duration::from_secs(5);
/// Jobs that wait for a card; beyond it they are refused.
const QUEUE: usize = 8;
/// Threads of pulled cards that hang; beyond it no further card is taken before a restart.
const MAX_HUNG: usize = 4;

/// What the slot needs.
#[derive(Clone)]
pub struct CardParts {
    /// Where the card is.
    pub slot: CardSlot,
    /// Whether devices are mounted and formatted; folders are used in any case.
    pub may_mount: bool,
    /// Folder below which cards are mounted.
    pub mounts: PathBuf,
    /// How long anybody waits for a card, [`CARD_PATIENCE`] outside of tests.
    pub patience: Duration,
    /// Takes the news.
    pub bus: EventBus,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for CardParts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CardParts")
            .field("slot", &self.slot)
            .finish_non_exhaustive()
    }
}

/// The slot of this machine. Dropping it unmounts the card.
#[derive(Debug)]
pub struct LinuxCard {
    shared: Arc<Shared>,
    watcher: Mutex<Option<JoinHandle<()>>>,
    waker: Option<Waker>,
}

#[derive(Debug)]
struct Shared {
    parts: CardParts,
    now: Mutex<Now>,
    stop: AtomicBool,
}

#[derive(Debug, Default)]
struct Now {
    status: CardStatus,
    /// The way to the card's thread, while there is a card.
    jobs: Option<SyncSender<Job>>,
    /// Which card it is, counted.
    number: u64,
    /// The card does not answer.
    hangs: bool,
    /// How often this card was to be formatted.
    formats: u64,
}

impl Shared {
    /// What a card's thread says of it; one that was pulled meanwhile says nothing any more.
    fn tell(&self, number: u64, status: &CardStatus, formatted: u64) {
        let mut now = self.now.lock();
        if now.number != number || now.jobs.is_none() {
            return;
        }
        now.hangs = false;
        // It was like this before the format that waits or goes on.
        if formatted < now.formats {
            return;
        }
        let status = CardStatus {
            insertions: number,
            pulled: false,
            ..status.clone()
        };
        self.publish(&mut now, status);
    }

    /// Only another state is news; figures are looked at by whom they interest.
    fn publish(&self, now: &mut Now, status: CardStatus) {
        let news = (status.state, status.pulled, &status.id)
            != (now.status.state, now.status.pulled, &now.status.id);
        now.status = status;
        if news {
            let card = Arc::new(now.status.clone());
            let at = self.parts.clock.now();
            self.parts.bus.publish(at, EventKind::Card(card));
        }
    }

    /// Has the card's thread do something and waits, but not long.
    fn ask<T: Send + 'static>(
        &self,
        what: impl FnOnce(&mut Card) -> Result<T> + Send + 'static,
        undo: impl FnOnce(&mut Card) + Send + 'static,
    ) -> Result<T> {
        const PENDING: u8 = 0;
        let refused = || Error::Unsupported("there is no memory card that answers".into());
        let (answer, answered) = sync_channel(1);
        // Who is first decides: the thread that has done it, or the caller that gives up.
        let turn = Arc::new(AtomicU8::new(PENDING));
        let mine = turn.clone();
        let first = |turn: &AtomicU8| {
            turn.compare_exchange(PENDING, 1, Ordering::AcqRel, Ordering::Acquire)
                .is_ok()
        };
        let job: Job = Box::new(move |card| {
            if turn.load(Ordering::Acquire) != PENDING {
                return None;
            }
            let done = what(card);
            if !first(&turn) {
                undo(card);
                return None;
            }
            let answer: Answer = Box::new(move || {
                let _ = answer.send(done);
            });
            Some(answer)
        });
        let number = {
            let now = self.now.lock();
            // Formatting takes longer than anybody waits, and that is no fault.
            if now.hangs || now.status.state == CardState::Formatting {
                return Err(refused());
            }
            let jobs = now.jobs.as_ref().ok_or_else(refused)?;
            match jobs.try_send(job) {
                Ok(()) => now.number,
                Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                    return Err(refused());
                }
            }
        };
        match answered.recv_timeout(self.parts.patience) {
            Ok(done) => done,
            Err(RecvTimeoutError::Disconnected) => Err(refused()),
            Err(RecvTimeoutError::Timeout) => {
                if !first(&mine) {
                    return answered.recv().unwrap_or_else(|_| Err(refused()));
                }
                self.hangs(number);
                Err(Error::internal("the memory card does not answer"))
            }
        }
    }

    fn hangs(&self, number: u64) {
        let mut now = self.now.lock();
        if now.number == number && now.jobs.is_some() {
            now.hangs = true;
            let status = CardStatus {
                state: CardState::Failed,
                error: Some("it does not answer".into()),
                id: None,
                ..now.status.clone()
            };
            self.publish(&mut now, status);
        }
    }
}

impl LinuxCard {
    /// Looks at the slot from now on; without one nothing is started.
    ///
    /// # Errors
    /// [`Error::Internal`] when its thread cannot start.
    pub fn start(parts: CardParts) -> Result<Self> {
        let has_slot = parts.slot != CardSlot::Off;
        let status = CardStatus {
            state: if has_slot {
                CardState::Absent
            } else {
                CardState::NoSlot
            },
            ..CardStatus::default()
        };
        let now = Now {
            status,
            ..Now::default()
        };
        let shared = Arc::new(Shared {
            parts,
            now: Mutex::new(now),
            stop: AtomicBool::new(false),
        });
        if !has_slot {
            return Ok(Self {
                shared,
                watcher: Mutex::default(),
                waker: None,
            });
        }
        let (waker, alarm) = watch::waker().map_err(Error::internal)?;
        let own = shared.clone();
        let watcher = std::thread::Builder::new()
            .name("card-slot".into())
            .stack_size(256 << 10)
            .spawn(move || watch::run(&own, &alarm))
            .map_err(Error::internal)?;
        Ok(Self {
            shared,
            watcher: Mutex::new(Some(watcher)),
            waker: Some(waker),
        })
    }
}

impl LinuxCard {
    /// Unmounts, if the card still answers; nothing can be kept on it afterwards.
    pub fn close(&self) {
        self.shared.stop.store(true, Ordering::Release);
        if let Some(waker) = &self.waker {
            waker.wake();
        }
        if let Some(watcher) = self.watcher.lock().take() {
            let _ = watcher.join();
        }
    }
}

impl Drop for LinuxCard {
    fn drop(&mut self) {
        self.close();
    }
}

impl MemoryCard for LinuxCard {
    fn status(&self) -> CardStatus {
        self.shared.now.lock().status.clone()
    }

    fn write(&self, path: &str, content: Bytes) -> Result<()> {
        if self.status().state != CardState::Ready {
            return Err(Error::Unsupported("no memory card can be written".into()));
        }
        let (path, other) = (path.to_owned(), path.to_owned());
        self.shared.ask(
            move |card| card.does(|v| v.write(&path, &content)),
            move |card| {
                let _ = card.does(|v| v.remove(&other));
            },
        )
    }

    fn read(&self, path: &str) -> Result<Bytes> {
        let path = path.to_owned();
        let read = move |card: &mut Card| card.does(|v| v.read(&path));
        self.shared.ask(read, |_| {})
    }

    fn remove(&self, path: &str) -> Result<()> {
        let path = path.to_owned();
        let remove = move |card: &mut Card| card.does(|v| v.remove(&path));
        self.shared.ask(remove, |_| {})
    }

    fn list(&self, path: &str) -> Result<Vec<String>> {
        let path = path.to_owned();
        let list = move |card: &mut Card| card.does(|v| v.list(&path));
        self.shared.ask(list, |_| {})
    }

    fn format(&self) -> Result<()> {
        let mut now = self.shared.now.lock();
        match now.status.state {
            CardState::NoSlot | CardState::Absent => {
                return Err(Error::Unsupported("there is no memory card".into()));
            }
            CardState::Formatting | CardState::Opening => {
                return Err(Error::Conflict("the memory card is being worked on".into()));
            }
            CardState::Ready
            | CardState::ReadOnly
            | CardState::Unformatted
            | CardState::Damaged
            | CardState::Failed => {}
        }
        let job: Job = Box::new(|card| {
            card.format();
            None
        });
        let sent = now.jobs.as_ref().map(|jobs| jobs.try_send(job));
        if now.hangs || !matches!(sent, Some(Ok(()))) {
            let why = "the memory card does not answer; pull it and put it in again";
            return Err(Error::Unsupported(why.into()));
        }
        now.formats += 1;
        let status = CardStatus {
            state: CardState::Formatting,
            error: None,
            id: None,
            total: 0,
            free: 0,
            ..now.status.clone()
        };
        self.shared.publish(&mut now, status);
        Ok(())
    }
}

/// Mounts that an earlier run left behind, killed as it was.
fn clear(mounts: &Path) {
    let table = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let points = table.lines().filter_map(|line| line.split(' ').nth(4));
    for point in points.map(Path::new).filter(|p| p.starts_with(mounts)) {
        let _ = rustix::mount::unmount(point, rustix::mount::UnmountFlags::DETACH);
    }
}

#[cfg(test)]
mod tests;
