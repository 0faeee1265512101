//! Keeps an eye on the store of records.

use std::time::Duration;

use platecam_model::Device;
use tokio::{
    sync::broadcast::error::RecvError,
    time::{MissedTickBehavior, interval},
};

/// How often the disk is looked at.
const LOOK: Duration = Duration::from_secs(10);

/// Looks at the disk and listens to the recorder until it is aborted.
pub(crate) async fn keep(device: Device) {
    let mut events = device.bus.subscribe();
    let mut look = interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = look.tick() => device.look_at_storage(),
            event = events.recv() => match event {
                Ok(event) => device.storage_event(&event.kind),
                // The next record tells again.
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            },
        }
    }
}
