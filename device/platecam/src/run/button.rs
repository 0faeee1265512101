//! The hardware reset button: held long enough, the unit goes back to factory (HW-10).

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use platecam_host::GpioContact;
use platecam_model::{
    Actor, Device, LogKind, auth::watch_button, ports::ResetScope, settings::DeviceResetButton,
};

/// Stops the watch when dropped.
#[derive(Debug)]
pub(super) struct ButtonWatch(Arc<AtomicBool>);

impl Drop for ButtonWatch {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// Watches the button that the settings name; nothing without one. A button that cannot be had is
/// logged, and everything else goes on.
pub(super) fn start(device: &Device) -> Option<ButtonWatch> {
    let settings = device.settings.get::<DeviceResetButton>();
    let line = settings.line()?;
    let mut button = GpioContact::open(line)
        .inspect_err(|e| tracing::error!(error = %e, "no reset button"))
        .ok()?;
    let hold = std::time::Duration::from_secs(u64::from(settings.hold_seconds.get()));
    let running = Arc::new(AtomicBool::new(true));
    let (device, go_on) = (device.clone(), running.clone());
    let watch = move || loop {
        let clock = device.clock.clone();
        match watch_button(&mut button, hold, &*clock, || go_on.load(Ordering::Relaxed)) {
            Ok(true) => reset(&device),
            Ok(false) => return,
            Err(e) => {
                tracing::error!(error = ?e, "the reset button is gone");
                return;
            }
        }
    };
    std::thread::Builder::new()
        .name("reset-button".into())
        .spawn(watch)
        .inspect_err(|e| tracing::error!(error = %e, "no reset button"))
        .ok()?;
    Some(ButtonWatch(running))
}

/// The same as Default by hand (SYS-21): settings and users go, and the unit starts anew.
fn reset(device: &Device) {
    let by = Actor::system();
    let held = "The reset button was held.";
    device.audit(LogKind::Configuration, &by, held);
    if let Err(e) = device.factory_reset(&by, ResetScope::Configuration) {
        tracing::error!(error = ?e, "reset button");
        let failed = "The reset button was held, but the unit could not be reset.";
        device.audit(LogKind::Configuration, &by, failed);
    }
}
