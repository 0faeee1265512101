//! A camera that does not run: settings, users and log of its state directory, everything else in memory.

use std::sync::Arc;

use platecam_host::{Database, DeviceKey, LogDatabase, StateDir, write_log};
use platecam_model::{
    Clock, Device, EventBus, SystemClock,
    auth::Accounts,
    ports::LogStore,
    settings::{LogRemote, SettingsStore, all_sections},
    testing::customised,
};
use serde_json::{Value, json};

use super::{LogRequest, Request, actor, answer::answer, socket::refusal};
use crate::{Failure, cli::exit, launch::Launched, run::state};

/// Answers from the directory, which is locked meanwhile; what happens is in its log when this returns.
pub(super) fn ask(dir: StateDir, request: &Request) -> Result<Value, Failure> {
    let db = Database::open(&dir.join("platecam.db"))?;
    db.finish_reset(&dir.join("pictures"), SystemClock::default().now())?;
    let key = Arc::new(DeviceKey::open(&dir.join("device.key"))?);
    if let Request::Log {
        request: LogRequest::Verify,
    } = request
    {
        // Opening the log writes down what is wrong with the trail; a check changes nothing.
        return Ok(json!(LogDatabase::verify(&db, &*key)?));
    }
    let (bus, clock) = (EventBus::default(), Arc::new(SystemClock::default()));
    let backend = Arc::new(db.clone());
    let settings = Arc::new(SettingsStore::load(
        all_sections(),
        backend.clone(),
        key.clone(),
        bus.clone(),
        clock.clone(),
    )?);
    settings.set_product(state::model_table(None)?);
    let queued = {
        let settings = settings.clone();
        move |e: &_| settings.get::<LogRemote>().wants(e)
    };
    let log = Arc::new(LogDatabase::open(
        db.clone(),
        key.clone(),
        clock.now(),
        queued,
    )?);
    let accounts = Accounts::load(backend, key, settings.clone(), bus.clone(), clock.clone())?;
    let identity = state::identity(&db, &Launched::from_environment(), &settings.product())?;
    let events = bus.subscribe();
    let store: Arc<dyn LogStore> = log.clone();
    let device: Device = customised(|parts| {
        parts.identity = identity;
        parts.factory = Arc::new(db);
        parts.settings = settings;
        parts.accounts = Arc::new(accounts);
        parts.bus = bus.clone();
        parts.log = log;
        parts.clock = clock.clone();
    })
    .device;
    // The request travels as text, as it would through the socket.
    let request = serde_json::to_value(request).and_then(serde_json::from_value);
    let request = request.map_err(|e| Failure::new(exit::FAILED, e))?;
    let answered = answer(&device, &actor(), request);
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.map_err(|e| Failure::new(exit::FAILED, e))?;
    runtime.block_on(write_log(events, store, bus, clock, std::future::ready(())));
    answered.map_err(|e| Failure::new(exit::FAILED, refusal(&e)))
}
