//! What is heard at alarms and at vehicles, and the one who plays it.

use platecam_model::{Device, EventKind, Subscription};
use tokio::{sync::broadcast::error::RecvError, task::spawn_blocking};

/// Puts into the queue what alarms and vehicles want.
pub(crate) async fn listen(device: Device, mut bus: Subscription) {
    loop {
        match bus.recv().await.map(|e| e.kind.clone()) {
            Ok(EventKind::Alarm(alarm)) => device.announce_alarm(&alarm),
            Ok(EventKind::PlateRead(read)) => device.announce_plate(&read),
            Ok(_) => {}
            Err(RecvError::Lagged(n)) => {
                tracing::error!(
                    n,
                    "events were missed: voice prompts may not have been played"
                );
            }
            Err(RecvError::Closed) => return,
        }
    }
}

/// Plays one after the other. A thread is borrowed only while something is heard.
pub(crate) async fn play(device: Device) {
    let tidy = device.clone();
    match spawn_blocking(move || tidy.tidy_clips()).await {
        Ok(Ok(())) => {}
        Ok(Err(e)) => tracing::warn!(error = ?e, "sounds without a prompt were not removed"),
        Err(_) => return,
    }
    loop {
        device.broadcast.wanted().await;
        let device = device.clone();
        if spawn_blocking(move || device.play_next()).await.is_err() {
            return;
        }
    }
}
