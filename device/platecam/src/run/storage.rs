//! Keeps an eye on the store of records and on what else may go wrong by itself.

use std::time::Duration;

use platecam_model::Device;
use tokio::{
    sync::{Notify, broadcast::error::RecvError},
    time::{MissedTickBehavior, interval},
};

/// How often the disk is looked at.
const LOOK_AT_DISK: Duration = Duration::from_secs(10);
/// How often everything else is, when nothing tells of a change.
const LOOK: Duration = Duration::from_secs(30);

/// Looks at the unit and listens to its parts until it is aborted.
pub(crate) async fn keep(device: Device) {
    let news = Notify::new();
    tokio::select! {
        () = follow(&device, &news) => {}
        () = conditions(&device, &news) => {}
    }
}

async fn follow(device: &Device, news: &Notify) {
    let mut events = device.bus.subscribe();
    let mut look = interval(LOOK_AT_DISK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = look.tick() => device.look_at_storage(),
            event = events.recv() => match event {
                Ok(event) => {
                    device.storage_event(&event.kind);
                    if device.condition_event(&event.kind) {
                        news.notify_one();
                    }
                }
                // The next record tells again.
                Err(RecvError::Lagged(_)) => news.notify_one(),
                Err(RecvError::Closed) => return,
            },
        }
    }
}

/// Apart from the events: the certificate store and the daemon of the clock may take their time.
async fn conditions(device: &Device, news: &Notify) {
    let mut look = interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = look.tick() => {}
            () = news.notified() => {}
        }
        let asked = device.clone();
        let looked = tokio::task::spawn_blocking(move || asked.look_at_conditions());
        if looked.await.is_err() {
            tracing::error!("the look at the state of the unit ended by itself");
        }
    }
}
