//! The log writer: starts before everything else that tells, ends after it.

use std::time::Duration;

use platecam_host::write_log;
use tokio::{sync::oneshot, task::JoinHandle};

use super::state::State;

/// What is still to be written at the end may take so long.
const FINISH_WITHIN: Duration = Duration::from_secs(1);

/// Starts writing what has happened since the state was opened.
pub(super) fn start(state: &mut State) -> (oneshot::Sender<()>, JoinHandle<()>) {
    let (done, stop) = oneshot::channel();
    // Taken, not replaced: a subscription that nobody reads keeps every event in memory.
    let events = state.log_events.take();
    let events = events.unwrap_or_else(|| state.bus.subscribe());
    let task = tokio::spawn(write_log(
        events,
        state.log.clone(),
        state.bus.clone(),
        state.clock.clone(),
        async {
            let _ = stop.await;
        },
    ));
    (done, task)
}

/// Waits until everything that was told is written.
pub(super) async fn finish(done: oneshot::Sender<()>, task: JoinHandle<()>) {
    let _ = done.send(());
    if tokio::time::timeout(FINISH_WITHIN, task).await.is_err() {
        tracing::warn!("the end of the log was not written in time");
    }
}
