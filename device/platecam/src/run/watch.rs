//! Motion and tampering: looks at a few of the frames that are decoded anyway.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use lpr_core::{RegionChange, Watch, WatchChange};
use platecam_media::FrameReader;
use platecam_model::{
    Clock, Error, EventBus, EventKind, Result,
    settings::{EventPicture, MotionRegions, SettingsStore},
};

/// How long one wait for a frame lasts before the stop flag is looked at again.
const WAIT: Duration = Duration::from_millis(200);

/// The running thread; dropping it stops it.
pub(crate) struct PictureWatch {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for PictureWatch {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl PictureWatch {
    /// Starts the thread.
    ///
    /// # Errors
    /// [`Error::Internal`] without a thread.
    pub(crate) fn start(
        frames: FrameReader,
        settings: Arc<SettingsStore>,
        bus: EventBus,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let thread = std::thread::Builder::new()
            .name("picture watch".into())
            .spawn({
                let stop = stop.clone();
                move || run(&frames, &settings, &bus, &*clock, &stop)
            })
            .map_err(Error::internal)?;
        Ok(Self {
            stop,
            thread: Some(thread),
        })
    }
}

fn run(
    frames: &FrameReader,
    settings: &SettingsStore,
    bus: &EventBus,
    clock: &dyn Clock,
    stop: &AtomicBool,
) {
    let current = settings.watch();
    let mut stored = settings.get::<EventPicture>();
    let mut regions = settings.get::<MotionRegions>();
    let mut watch = Watch::new(stored.watch());
    watch.set_regions(regions.watch());
    let mut broken = false;
    while !stop.load(Ordering::Relaxed) && !frames.is_closed() {
        let now = current.borrow().get::<EventPicture>();
        if now != stored {
            stored = now;
            tell(bus, clock, watch.set_settings(stored.watch()));
        }
        let now = current.borrow().get::<MotionRegions>();
        if now != regions {
            regions = now;
            watch.set_regions(regions.watch());
            tell_regions(bus, clock, watch.region_changes());
        }
        let Some((frame, after_break)) = frames.next(WAIT) else {
            continue;
        };
        broken |= after_break;
        if !watch.wants(frame.at) {
            continue;
        }
        if let Ok(view) = frame.view() {
            tell(bus, clock, watch.look(&view, std::mem::take(&mut broken)));
            tell_regions(bus, clock, watch.region_changes());
        }
    }
}

fn tell(bus: &EventBus, clock: &dyn Clock, changes: Vec<WatchChange>) {
    for WatchChange { kind, active } in changes {
        tracing::debug!(?kind, active, "picture alarm");
        bus.publish(
            clock.now(),
            EventKind::PictureAlarm {
                alarm: kind,
                active,
            },
        );
    }
}

fn tell_regions(bus: &EventBus, clock: &dyn Clock, changes: Vec<RegionChange>) {
    for RegionChange { name, active } in changes {
        tracing::debug!(region = name, active, "motion in a region");
        let region = name;
        bus.publish(clock.now(), EventKind::RegionMotion { region, active });
    }
}
