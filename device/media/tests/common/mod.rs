//! Shared by the integration tests: a sink that collects, and a clip made by x264.
#![allow(dead_code, unreachable_pub, missing_docs)]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use gstreamer as gst;
use gstreamer::prelude::*;
use parking_lot::{Condvar, Mutex};
use platecam_media::{AccessUnit, AccessUnitSink, StreamFormat};

/// Fails a hung test; no test's outcome depends on how long things take.
pub const HUNG: Duration = Duration::from_secs(60);

#[derive(Default)]
pub struct Collector {
    items: Mutex<Vec<Item>>,
    changed: Condvar,
}

#[derive(Clone, Debug)]
pub enum Item {
    Format(StreamFormat),
    Unit(AccessUnit),
}

impl Collector {
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    pub fn items(&self) -> Vec<Item> {
        self.items.lock().clone()
    }

    pub fn units(&self) -> Vec<AccessUnit> {
        let unit = |item| {
            if let Item::Unit(unit) = item {
                Some(unit)
            } else {
                None
            }
        };
        self.items().into_iter().filter_map(unit).collect()
    }

    pub fn formats(&self) -> Vec<StreamFormat> {
        let format = |item| {
            if let Item::Format(format) = item {
                Some(format)
            } else {
                None
            }
        };
        self.items().into_iter().filter_map(format).collect()
    }

    /// Waits until what was collected satisfies `enough`.
    #[track_caller]
    pub fn wait(&self, what: &str, mut enough: impl FnMut(&[Item]) -> bool) {
        let mut items = self.items.lock();
        let timed_out = self
            .changed
            .wait_while_for(&mut items, |items| !enough(items), HUNG)
            .timed_out();
        assert!(!timed_out, "{what} did not come; {} items", items.len());
    }

    #[track_caller]
    pub fn wait_units(&self, count: usize) {
        self.wait(&format!("{count} access units"), |items| {
            items
                .iter()
                .filter(|item| matches!(item, Item::Unit(_)))
                .count()
                >= count
        });
    }

    fn add(&self, item: Item) {
        self.items.lock().push(item);
        self.changed.notify_all();
    }
}

impl AccessUnitSink for Collector {
    fn format(&self, format: &StreamFormat) {
        self.add(Item::Format(format.clone()));
    }

    fn push(&self, unit: AccessUnit) {
        self.add(Item::Unit(unit));
    }
}

/// What every stream promises: time goes forward, a format and a key picture come first, and each
/// format is followed by a key picture.
#[track_caller]
pub fn assert_well_formed(items: &[Item]) {
    let mut last = None;
    let mut key_due = true;
    assert!(
        matches!(items.first(), Some(Item::Format(_))),
        "the format comes first"
    );
    for item in items {
        match item {
            Item::Format(_) => key_due = true,
            Item::Unit(unit) => {
                assert!(
                    last.is_none_or(|last| unit.at > last),
                    "{:?} after {last:?}",
                    unit.at
                );
                assert!(
                    unit.key || !key_due,
                    "a format is followed by a key picture"
                );
                last = Some(unit.at);
                key_due = false;
            }
        }
    }
}

/// Runs a pipeline to its end.
pub fn run_to_end(description: &str) {
    platecam_media::init().unwrap();
    let pipeline = gst::parse::launch(description).unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let bus = pipeline.bus().unwrap();
    let ended = bus
        .timed_pop_filtered(
            gst::ClockTime::from_seconds(60),
            &[gst::MessageType::Eos, gst::MessageType::Error],
        )
        .expect("the pipeline ends");
    pipeline.set_state(gst::State::Null).unwrap();
    assert!(
        matches!(ended.view(), gst::MessageView::Eos(_)),
        "{ended:?}"
    );
}

/// Writes a clip of `frames` moving frames, 320x240 at 25 frames per second.
pub fn write_clip(path: &Path, frames: u32) {
    run_to_end(&format!(
        "videotestsrc num-buffers={frames} pattern=ball ! video/x-raw,format=I420,width=320,height=240,framerate=25/1 \
         ! x264enc speed-preset=superfast key-int-max=10 bframes=0 ! h264parse ! mp4mux ! filesink location={}",
        path.display()
    ));
}
