//! Pictures of records go to a server (FTP-1..12, GEN-16, STOR-9; docs/adr/0028).

mod ftp;
mod kept;
mod remote;
mod seconds;
mod sftp;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use kept::Kept;
use parking_lot::Mutex;
use platecam_model::{
    Actor, Clock, Error, EventBus, EventKind, LogKind, Picture, Record, RecordId, Result,
    log::{NewLogEntry, Severity},
    naming::{DEFAULT_RULE, NameContext, NameRule, Named},
    ports::{MemoryCard, Records, UploadState, UploadStatus, Uploads},
    settings::{
        DeviceGeneral, Settings, SettingsStore, TimeSettings, UploadProtocol, UploadServer,
    },
};
use remote::{Failure, Remote};
use tokio::sync::{Notify, broadcast::error::RecvError};

use crate::Database;

/// A connection without work is closed after this time.
const IDLE: Duration = Duration::from_secs(20);

/// How patient the upload is.
#[derive(Clone, Copy, Debug)]
pub struct UploadPace {
    /// First wait after a failure; doubled with each further one.
    pub first_retry: Duration,
    /// Longest wait.
    pub longest_retry: Duration,
    /// Wait after a refused login or a changed key: servers lock out who asks too often.
    pub refused_retry: Duration,
}

impl Default for UploadPace {
    fn default() -> Self {
        Self {
            first_retry: Duration::from_secs(1),
            longest_retry: Duration::from_secs(60),
            refused_retry: Duration::from_secs(300),
        }
    }
}

/// What the upload needs.
#[derive(Clone)]
pub struct UploadParts {
    /// Keeps where it stands.
    pub db: Database,
    /// The records with their pictures.
    pub records: Arc<dyn Records>,
    /// Where some of the pictures lie.
    pub card: Arc<dyn MemoryCard>,
    /// The section.
    pub settings: Arc<SettingsStore>,
    /// Tells of new records; takes what the log is told.
    pub bus: EventBus,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// The unit's serial number, for names.
    pub serial: String,
}

impl std::fmt::Debug for UploadParts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UploadParts").finish_non_exhaustive()
    }
}

/// Uploads in a thread of its own: recognition and recorder never wait for it. Dropping it ends the thread.
#[derive(Debug)]
pub struct Uploader {
    parts: UploadParts,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    kept: Kept,
    told: Mutex<UploadStatus>,
    /// The key that a server showed in place of the known one, and where.
    offered: Mutex<Option<(String, String)>>,
    testing: Mutex<()>,
    stop: AtomicBool,
    news: Notify,
    /// Somebody mended something: the next attempt comes at once.
    again: Notify,
}

impl Uploader {
    /// Starts the thread.
    ///
    /// # Errors
    /// [`Error::Internal`] without one, or when what was kept cannot be read.
    pub fn start(parts: UploadParts, pace: UploadPace) -> Result<Self> {
        let shared = Arc::new(Shared {
            kept: Kept::load(parts.db.clone())?,
            told: Mutex::default(),
            offered: Mutex::default(),
            testing: Mutex::default(),
            stop: AtomicBool::new(false),
            news: Notify::new(),
            again: Notify::new(),
        });
        let runtime = runtime()?;
        let (own, around) = (shared.clone(), parts.clone());
        let thread = std::thread::Builder::new()
            .name("upload".into())
            .spawn(move || {
                runtime.block_on(async {
                    let mut keeper = Keeper::new(around, pace, &own);
                    tokio::select! {
                        () = keeper.run() => {}
                        () = stopped(&own) => {}
                    }
                });
            })
            .map_err(Error::internal)?;
        Ok(Self {
            parts,
            shared,
            thread: Some(thread),
        })
    }
}

impl Drop for Uploader {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        self.shared.news.notify_one();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn stopped(shared: &Shared) {
    while !shared.stop.load(Ordering::Acquire) {
        shared.news.notified().await;
    }
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().map_err(Error::internal)
}

/// The key that the server must show: the one of the settings, or the remembered one.
fn known_key(settings: &UploadServer, kept: &Kept) -> Option<String> {
    match settings.host_key.as_str() {
        "" => kept.key(&settings.place()),
        pinned => Some(pinned.to_owned()),
    }
}

/// Connects, and remembers the key of a server that showed one for the first time, or which other one it shows.
async fn open(settings: &UploadServer, shared: &Shared) -> std::result::Result<Remote, Failure> {
    let kept = &shared.kept;
    let opened = Remote::open(settings, known_key(settings, kept)).await;
    match &opened {
        Ok(_) => *shared.offered.lock() = None,
        Err(Failure::HostKey { seen, .. }) => {
            *shared.offered.lock() = Some((settings.place(), seen.clone()));
        }
        Err(_) => {}
    }
    let (remote, key) = opened?;
    if let Some(key) = key
        && settings.host_key.is_empty()
    {
        kept.learn(&settings.place(), &key)
            .map_err(Failure::broken)?;
    }
    Ok(remote)
}

/// The path of a file below the folder of the settings.
fn path(settings: &UploadServer, parts: &[String]) -> String {
    let folder = settings.directory.trim_end_matches('/');
    match (folder, settings.directory.starts_with('/')) {
        ("", false) => parts.join("/"),
        (folder, _) => format!("{folder}/{}", parts.join("/")),
    }
}

impl Uploads for Uploader {
    fn status(&self) -> UploadStatus {
        let settings = self.parts.settings.get::<UploadServer>();
        let kept = &self.shared.kept;
        let sftp = settings.protocol == UploadProtocol::Sftp;
        let waiting = match settings.enabled {
            true => kept
                .done()
                .and_then(|done| kept.behind(done))
                .unwrap_or_default(),
            false => 0,
        };
        UploadStatus {
            waiting,
            offered_key: self.offered(&settings),
            host_key: known_key(&settings, kept).filter(|_| sftp),
            ..self.shared.told.lock().clone()
        }
    }

    fn test(&self) -> Result<Duration> {
        let Some(_one_at_a_time) = self.shared.testing.try_lock() else {
            return Err(Error::Conflict("another test is under way".into()));
        };
        let settings = self.parts.settings.get::<UploadServer>();
        if settings.host.is_empty() {
            return Err(Error::invalid("/host", "", "must be set first"));
        }
        let began = Instant::now();
        let name = path(
            &settings,
            &[format!("platecam-test-{}.txt", self.parts.serial)],
        );
        let tested = runtime()?.block_on(async {
            let mut remote = open(&settings, &self.shared).await?;
            remote.put(&name, b"This unit can upload.\r\n").await?;
            remote.remove(&name).await?;
            remote.close().await;
            Ok::<_, Failure>(())
        });
        tested.map_err(|e| Error::Unsupported(e.to_string()))?;
        Ok(began.elapsed())
    }

    fn forget_keys(&self) -> Result<()> {
        self.shared.kept.forget_keys()?;
        self.shared.again.notify_one();
        Ok(())
    }

    fn accept_key(&self, key: &str) -> Result<()> {
        let settings = self.parts.settings.get::<UploadServer>();
        if !settings.host_key.is_empty() {
            let why = "the key is one of the settings, and is changed there";
            return Err(Error::Conflict(why.into()));
        }
        if self.offered(&settings).as_deref() != Some(key) {
            let why = "this is not the key that the server showed last";
            return Err(Error::Conflict(why.into()));
        }
        self.shared.kept.replace(&settings.place(), key)?;
        self.shared.again.notify_one();
        Ok(())
    }
}

impl Uploader {
    /// The key that the server of these settings showed in place of the known one.
    fn offered(&self, settings: &UploadServer) -> Option<String> {
        let known = known_key(settings, &self.shared.kept);
        let offered = self.shared.offered.lock();
        let here = offered.as_ref().filter(|(at, _)| *at == settings.place());
        here.map(|(_, key)| key.clone())
            .filter(|key| known.is_some_and(|known| known != *key))
    }
}

struct Keeper<'a> {
    parts: UploadParts,
    pace: UploadPace,
    shared: &'a Shared,
    remote: Option<Remote>,
    settings: Option<UploadServer>,
    failures: u32,
    next: Option<tokio::time::Instant>,
    /// The outage is in the log.
    told: bool,
    /// So is the changed key.
    alarmed: bool,
    /// Records of this outage that were skipped.
    skipped: u64,
    /// The card that was last seen, counted, and up to which of the records that it owes it was asked.
    asked: (u64, i64),
    /// When records were done whose second picture may come.
    passed: BTreeMap<RecordId, Instant>,
}

impl<'a> Keeper<'a> {
    fn new(parts: UploadParts, pace: UploadPace, shared: &'a Shared) -> Self {
        Self {
            parts,
            pace,
            shared,
            remote: None,
            settings: None,
            failures: 0,
            next: None,
            told: false,
            alarmed: false,
            skipped: 0,
            asked: (0, 0),
            passed: BTreeMap::new(),
        }
    }

    async fn run(&mut self) {
        let mut changes = self.parts.settings.watch();
        let mut news = self.parts.bus.subscribe();
        loop {
            let all = changes.borrow_and_update().clone();
            let more = match self.follow(&all).await {
                Ok(more) => more,
                Err(e) => {
                    tracing::error!(error = ?e, "upload");
                    self.next = Some(tokio::time::Instant::now() + self.pace.longest_retry);
                    false
                }
            };
            if more {
                continue;
            }
            // Without a failure only news count; an idle connection is closed.
            let wake = self
                .next
                .unwrap_or_else(|| tokio::time::Instant::now() + IDLE);
            loop {
                tokio::select! {
                    changed = changes.changed() => match changed {
                        Ok(()) => break,
                        Err(_) => return,
                    },
                    event = news.recv() => match event {
                        Ok(event) if matches!(event.kind, EventKind::RecordStored(_) | EventKind::SecondStored(_) | EventKind::Card(_)) && self.next.is_none() => break,
                        Ok(_) => {}
                        Err(RecvError::Lagged(_)) => break,
                        Err(RecvError::Closed) => return,
                    },
                    () = self.shared.again.notified() => {
                        self.next = None;
                        break;
                    }
                    () = tokio::time::sleep_until(wake) => {
                        if self.next.is_none() {
                            self.close().await;
                        }
                        break;
                    }
                }
            }
        }
    }

    async fn close(&mut self) {
        if let Some(remote) = self.remote.take() {
            remote.close().await;
        }
    }

    fn state(&self, state: UploadState) {
        self.shared.told.lock().state = state;
    }

    /// Uploads one record; tells whether another one may wait.
    async fn follow(&mut self, all: &Settings) -> Result<bool> {
        let settings = all.get::<UploadServer>();
        if self.settings.as_ref() != Some(&*settings) {
            self.close().await;
            (self.failures, self.next) = (0, None);
            self.settings = Some((*settings).clone());
        }
        let kept = &self.shared.kept;
        if !settings.enabled {
            if !all.is_decided::<UploadServer>() {
                kept.forget_keys()?;
            }
            kept.rest()?;
            *self.shared.told.lock() = UploadStatus::default();
            self.told = false;
            return Ok(false);
        }
        if self
            .next
            .is_some_and(|next| tokio::time::Instant::now() < next)
        {
            return Ok(false);
        }
        self.next = None;
        let done = kept.done()?;
        let card = self.parts.card.status();
        if self.asked.0 != card.insertions {
            self.asked = (card.insertions, 0);
        }
        if let Some(here) = &card.id
            && let Some(id) = kept.owed(here, self.asked.1)?
        {
            return self.pay(&settings, all, id).await;
        }
        if let Some(more) = self.late_second(&settings, all).await? {
            return Ok(more);
        }
        self.parts.records.release(kept.complete(done))?;
        let Some(id) = kept.next(done)? else {
            if self.failures == 0 {
                self.state(UploadState::Idle);
            }
            return Ok(false);
        };
        let lost = id.0 - done - 1;
        if lost > 0 {
            self.shared.told.lock().lost += lost.unsigned_abs();
            let text =
                format!("Upload: {lost} records made room in the unit before they were uploaded.");
            self.log(Severity::Error, text);
            kept.finish(id.0 - 1)?;
        }
        self.state(UploadState::Uploading);
        let record = match self.parts.records.get(id) {
            Ok(record) => record,
            // It made room in this moment.
            Err(Error::NotFound { .. }) => return Ok(true),
            Err(e) => return Err(e),
        };
        // Its card is not there, or fails: the others do not wait for it.
        if !self.readable(&record)? {
            kept.owe(id, true)?;
            kept.finish(id.0)?;
            return Ok(true);
        }
        let waits = self.may_get_second(all, &record);
        let note = |kept: &Kept| match waits {
            true => kept.finish_first(id.0),
            false => kept.finish(id.0),
        };
        self.send(&settings, all, &record, &Picture::ALL, note)
            .await
    }

    /// Uploads these pictures of a record and notes it; tells whether another one may wait.
    async fn send(
        &mut self,
        settings: &UploadServer,
        all: &Settings,
        record: &Record,
        pictures: &[Picture],
        note: impl FnOnce(&Kept) -> Result<()>,
    ) -> Result<bool> {
        match self.upload(settings, all, record, pictures).await {
            Ok(()) => {
                note(&self.shared.kept)?;
                self.recovered(settings);
                Ok(true)
            }
            Err(why) => {
                self.remote = None;
                self.failed(settings, why)?;
                Ok(false)
            }
        }
    }

    /// Whether the pictures of a record can be read now; one that is gone for good is no reason to wait.
    fn readable(&self, record: &Record) -> Result<bool> {
        let Some(card) = self.shared.kept.card(record.id)? else {
            return Ok(true);
        };
        if self.parts.card.status().id != Some(card) {
            return Ok(false);
        }
        Ok(Picture::ALL
            .into_iter()
            .filter(|which| record.has(*which))
            .all(|which| {
                matches!(
                    self.parts.records.picture(record.id, which),
                    Ok(_) | Err(Error::NotFound { .. })
                )
            }))
    }

    /// Uploads a record whose card is back. One that cannot be read is asked for when the card is put in anew.
    async fn pay(&mut self, settings: &UploadServer, all: &Settings, id: RecordId) -> Result<bool> {
        self.state(UploadState::Uploading);
        let record = match self.parts.records.get(id) {
            Ok(record) => record,
            Err(Error::NotFound { .. }) => return Ok(true),
            Err(e) => return Err(e),
        };
        if !self.readable(&record)? {
            self.asked.1 = id.0;
            return Ok(true);
        }
        let note = |kept: &Kept| kept.owe(id, false);
        self.send(settings, all, &record, &Picture::ALL, note).await
    }

    /// Those of these pictures of a record that are chosen.
    async fn upload(
        &mut self,
        settings: &UploadServer,
        all: &Settings,
        record: &Record,
        pictures: &[Picture],
    ) -> std::result::Result<(), Failure> {
        let rule = NameRule::parse(&settings.name_rule).or_else(|_| NameRule::parse(DEFAULT_RULE));
        let rule = rule.map_err(Failure::broken)?;
        let (general, time) = (all.get::<DeviceGeneral>(), all.get::<TimeSettings>());
        let zone = time.effective();
        let context = NameContext {
            device: &general.name,
            serial: &self.parts.serial,
            zone: &zone,
        };
        for picture in pictures.iter().copied() {
            let wanted = match picture {
                Picture::Full | Picture::Second => settings.original,
                Picture::Plate => settings.plate,
            };
            if !wanted || !record.has(picture) {
                continue;
            }
            let jpeg = match self.parts.records.picture(record.id, picture) {
                Ok(jpeg) => jpeg,
                // Gone for good: `readable` has looked for its card.
                Err(Error::NotFound { .. }) => continue,
                Err(e) => return Err(Failure::broken(e)),
            };
            let name = path(settings, &rule.path(Named::from(record), picture, context));
            if self.remote.is_none() {
                self.remote = Some(open(settings, self.shared).await?);
            }
            let Some(remote) = &mut self.remote else {
                return Err(Failure::Broken("no connection".into()));
            };
            remote.put(&name, &jpeg).await?;
            let mut told = self.shared.told.lock();
            told.uploaded += 1;
            told.last_name = Some(name);
            told.last_at = Some(self.parts.clock.now());
        }
        Ok(())
    }

    fn recovered(&mut self, settings: &UploadServer) {
        (self.failures, self.next, self.alarmed) = (0, None, false);
        if std::mem::take(&mut self.told) {
            let mut text = format!("Upload: {} takes pictures again.", settings.place());
            if self.skipped > 0 {
                let n = std::mem::take(&mut self.skipped);
                text += &format!(" {n} records of the outage were skipped.");
            }
            self.log(Severity::Notice, text);
        }
    }

    fn failed(&mut self, settings: &UploadServer, why: Failure) -> Result<()> {
        let refused = matches!(why, Failure::HostKey { .. } | Failure::Login(_));
        let wait = match refused {
            true => self.pace.refused_retry,
            false => self
                .pace
                .first_retry
                .saturating_mul(1 << self.failures.min(16))
                .min(self.pace.longest_retry),
        };
        self.next = Some(tokio::time::Instant::now() + wait);
        self.failures += 1;
        {
            let mut told = self.shared.told.lock();
            told.state = UploadState::Retrying;
            told.last_error = Some(why.to_string());
            told.last_error_at = Some(self.parts.clock.now());
        }
        let place = settings.place();
        let outage = !std::mem::replace(&mut self.told, true);
        match &why {
            Failure::HostKey { .. } => {
                if !std::mem::replace(&mut self.alarmed, true) {
                    let text = format!("Upload: {place}: {why}. Nothing is sent.");
                    self.log_as(LogKind::Alarm, Severity::Error, text);
                }
            }
            Failure::Login(_) | Failure::Refused(_) | Failure::Broken(_) if outage => {
                let then = match settings.anr {
                    true => "Pictures wait in the unit.",
                    false => "Pictures of the outage are not uploaded.",
                };
                self.log(Severity::Warning, format!("Upload: {place}: {why}. {then}"));
            }
            Failure::Login(_) | Failure::Refused(_) | Failure::Broken(_) => {}
        }
        if !settings.anr {
            self.skip()?;
        }
        Ok(())
    }

    /// ANR is off: what came in the outage is not uploaded, and counted (FTP-2).
    fn skip(&mut self) -> Result<()> {
        let kept = &self.shared.kept;
        let (done, newest) = (kept.done()?, kept.newest()?);
        let skipped = kept.behind(done)?;
        kept.remit()?;
        kept.finish(newest)?;
        self.parts.records.release(RecordId(newest))?;
        self.shared.told.lock().skipped += skipped;
        self.skipped += skipped;
        Ok(())
    }

    fn log(&self, severity: Severity, text: String) {
        self.log_as(LogKind::Storage, severity, text);
    }

    fn log_as(&self, kind: LogKind, severity: Severity, text: String) {
        let at = self.parts.clock.now();
        let entry = NewLogEntry::new(at, kind, severity, &Actor::system(), text);
        self.parts.bus.publish(at, EventKind::Log(entry));
    }
}
