//! The motorised lens: finds it, and moves it in a thread of its own.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use platecam_host::HostMode;
use platecam_media::{ControlLens, SourceSpec};
use platecam_model::{Clock, Device, lens::LensControl, ports::Lens, testing::SimulatedLens};

use super::state::State;

/// The end of a run is noticed within this time.
const LOOK: Duration = Duration::from_millis(300);

/// The lens of the picture source: motors behind V4L2 controls, or a simulated one beside a source that is no device.
pub(super) fn find(source: &SourceSpec, mode: HostMode, state: &State) -> Option<Arc<LensControl>> {
    let lens: Arc<dyn Lens> = match source {
        SourceSpec::V4l2 { .. } => match ControlLens::of(source) {
            Ok(lens) => Arc::new(lens?),
            Err(error) => {
                tracing::warn!(%error, "the camera was not asked for a motorised lens");
                return None;
            }
        },
        _ if mode == HostMode::Simulated => Arc::new(SimulatedLens::new(state.clock.clone())),
        _ => return None,
    };
    let now = state.clock.monotonic();
    Some(Arc::new(LensControl::new(lens, state.factory.clone(), now)))
}

/// Stops the thread when dropped.
#[derive(Debug)]
pub(super) struct LensThread(Arc<AtomicBool>);

impl Drop for LensThread {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// Moves the lens as it is wanted: drivers may hold whoever calls them.
pub(super) fn serve(device: &Device) -> Option<LensThread> {
    let control = device.lens.clone()?;
    let running = Arc::new(AtomicBool::new(true));
    let (device, go_on) = (device.clone(), running.clone());
    let work = move || {
        while go_on.load(Ordering::Relaxed) {
            let next = device.serve_lens();
            control.wait(next.map_or(LOOK, |next| next.min(LOOK)));
        }
    };
    std::thread::Builder::new()
        .name("lens".into())
        .spawn(work)
        .inspect_err(|e| tracing::error!(error = %e, "the lens does not move"))
        .ok()?;
    Some(LensThread(running))
}
