use std::{future::Future, sync::Arc};

use platecam_model::{
    Clock, EventBus, Subscription,
    log::{NewLogEntry, Scribe},
    ports::LogStore,
};
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

/// Entries written in one step at most.
const BATCH: usize = 64;

/// Writes what happens on the bus into the log, and tells the bus of each entry, until `stop` is ready;
/// then writes what is still there (AUTH-7, LOG-7).
///
/// `events` should be subscribed before anything happens. A gap of the bus becomes an entry itself.
pub async fn write_log(
    mut events: Subscription,
    store: Arc<dyn LogStore>,
    bus: EventBus,
    clock: Arc<dyn Clock>,
    stop: impl Future<Output = ()>,
) {
    let mut scribe = Scribe::default();
    let mut stop = std::pin::pin!(stop);
    let mut stopping = false;
    loop {
        let mut batch = Vec::new();
        if !stopping {
            tokio::select! {
                event = events.recv() => match event {
                    Ok(event) => batch.extend(scribe.entry(&event)),
                    Err(RecvError::Lagged(lost)) => batch.push(Scribe::gap(clock.now(), lost)),
                    Err(RecvError::Closed) => stopping = true,
                },
                () = &mut stop => stopping = true,
            }
        }
        let mut empty = false;
        while batch.len() < BATCH && !empty {
            match events.try_recv() {
                Ok(event) => batch.extend(scribe.entry(&event)),
                Err(TryRecvError::Lagged(lost)) => batch.push(Scribe::gap(clock.now(), lost)),
                Err(TryRecvError::Empty | TryRecvError::Closed) => empty = true,
            }
        }
        if !batch.is_empty() {
            write(batch, &store, &bus).await;
        }
        if stopping && empty {
            return;
        }
    }
}

async fn write(batch: Vec<NewLogEntry>, store: &Arc<dyn LogStore>, bus: &EventBus) {
    let (n, store) = (batch.len(), store.clone());
    let written = tokio::task::spawn_blocking(move || store.append(batch)).await;
    match written {
        Ok(Ok(entries)) => {
            for entry in entries {
                bus.publish_entry(Arc::new(entry));
            }
        }
        Ok(Err(error)) => tracing::error!(?error, entries = n, "the log could not be written"),
        Err(error) => tracing::error!(%error, entries = n, "the log could not be written"),
    }
}
