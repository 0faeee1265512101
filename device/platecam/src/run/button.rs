//! The hardware reset button: held long enough, the device forgets everybody (HW-10).

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use platecam_host::GpioButton;
use platecam_model::{Actor, Device, LogKind, auth::watch_button, settings::DeviceResetButton};

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
    let mut button = GpioButton::open(line)
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

fn reset(device: &Device) {
    let by = Actor::system();
    let what = match device.accounts.forget_everybody(&by) {
        Ok(()) => "The reset button was held: all users were removed.",
        Err(e) => {
            tracing::error!(error = ?e, "reset button");
            "The reset button was held, but the users could not be removed."
        }
    };
    device.audit(LogKind::Configuration, &by, what);
}
