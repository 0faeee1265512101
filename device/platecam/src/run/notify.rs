//! What systemd is told: ready, stopping, and that the process still works (watchdog).

use std::time::Duration;

use platecam_model::Device;
use sd_notify::NotifyState;

/// Listeners are open; ends the start-up of the unit.
pub(crate) fn ready() {
    tell(&[NotifyState::Ready]);
}

/// The orderly stop has begun.
pub(crate) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

fn tell(states: &[NotifyState<'_>]) {
    // Without systemd there is nobody to tell.
    if let Err(e) = sd_notify::notify(states) {
        tracing::debug!(error = %e, "systemd was not told");
    }
}

/// Pets the watchdog at a third of its time, where the unit has one: each time only after the event loop, a worker
/// thread and the settings answered. A process that hangs is then killed and started anew by systemd.
pub(crate) async fn watchdog(device: Device) {
    let Some(every) = sd_notify::watchdog_enabled() else {
        return;
    };
    let mut tick = tokio::time::interval((every / 3).max(Duration::from_millis(100)));
    loop {
        tick.tick().await;
        let device = device.clone();
        if tokio::task::spawn_blocking(move || device.settings.snapshot())
            .await
            .is_ok()
        {
            tell(&[NotifyState::Watchdog]);
        }
    }
}
