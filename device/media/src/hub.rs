//! Gives each raw frame to the encoders and to the newest-frame slot of each reader.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use gstreamer as gst;
use gstreamer_video as gst_video;
use parking_lot::{Condvar, Mutex};

use lpr_core::{MediaTime, UtcTime};

use crate::clock::{MediaClock, Span};
use crate::config::PictureSize;
use crate::encoder::EncoderInput;
use crate::frame::{FrameKind, RawFrame};
use crate::look::{Correction, Look, Stage};
use crate::stats::{RateWindow, Rates};

/// Takes decoded frames from one source and hands them on.
pub(crate) struct Hub {
    pub(crate) clock: MediaClock,
    state: Mutex<State>,
    readers: Mutex<Vec<Weak<Slot>>>,
    encoders: Vec<EncoderInput>,
    stage: Mutex<Stage>,
    /// Nothing is done to the picture.
    plain: AtomicBool,
    /// Nothing stands in for the sensor, now or later.
    uncorrected: AtomicBool,
    /// No part of the picture is encoded better or worse than another.
    even: AtomicBool,
    /// Media nanoseconds of a source's first sign of life; its first picture is being decoded.
    expected: AtomicU64,
}

#[derive(Default)]
struct State {
    latest: Option<Arc<RawFrame>>,
    /// The same with texts; the same frame where there are none.
    shown: Option<Arc<RawFrame>>,
    sequence: u64,
    source_size: Option<PictureSize>,
    window: RateWindow,
    bad_frames: u64,
}

/// A frame on its way into the hub.
pub(crate) struct Incoming<'a> {
    pub(crate) buffer: gst::Buffer,
    pub(crate) info: &'a gst_video::VideoInfo,
    pub(crate) at: MediaTime,
    /// UTC where it was settled before decoding; else the clock map's.
    pub(crate) utc: Option<UtcTime>,
    pub(crate) kind: FrameKind,
    pub(crate) discontinuity: bool,
}

impl Hub {
    pub(crate) fn new(clock: MediaClock, encoders: Vec<EncoderInput>) -> Self {
        Self {
            clock,
            state: Mutex::default(),
            readers: Mutex::default(),
            encoders,
            stage: Mutex::default(),
            plain: AtomicBool::new(true),
            uncorrected: AtomicBool::new(true),
            even: AtomicBool::new(true),
            expected: AtomicU64::new(0),
        }
    }

    /// Takes what is done to the next picture and all after it.
    pub(crate) fn set_look(&self, look: Look) -> crate::Result<()> {
        // First, so that no unit of the source is passed on past a new mask.
        let plain = look.is_plain();
        self.plain.store(plain, Ordering::Release);
        self.stage.lock().set(look)
    }

    /// Takes what stands in for the sensor from the next picture on.
    pub(crate) fn correct(&self, correction: Correction) {
        self.stage.lock().correct(correction);
    }

    /// Takes whether anything may stand in for the sensor: the source's stream is not passed on then, also while the
    /// picture happens to need nothing.
    pub(crate) fn set_uncorrected(&self, uncorrected: bool) {
        self.uncorrected.store(uncorrected, Ordering::Release);
    }

    /// Takes whether all parts of the picture are encoded alike.
    pub(crate) fn set_even(&self, even: bool) {
        self.even.store(even, Ordering::Release);
    }

    /// Whether the source's picture is shown as it is.
    pub(crate) fn is_plain(&self) -> bool {
        [&self.plain, &self.uncorrected, &self.even]
            .into_iter()
            .all(|flag| flag.load(Ordering::Acquire))
    }

    /// Publishes a frame; never blocks on a consumer. Returns the frame's final place on the clock.
    pub(crate) fn publish(&self, incoming: Incoming<'_>) -> Option<Arc<RawFrame>> {
        let utc = incoming.utc.unwrap_or_else(|| self.clock.utc(incoming.at));
        let picture = incoming.kind == FrameKind::Picture;
        let mut stage = self.stage.lock();
        let finished = stage.apply(incoming.buffer, incoming.info, utc, picture);
        // Held on, so that frames stay in the order in which they were finished.
        let mut state = self.state.lock();
        drop(stage);
        let mapped = finished.ok().and_then(|finished| {
            let map =
                |buffer| gst_video::VideoFrame::from_buffer_readable(buffer, incoming.info).ok();
            let shown = finished.shown.map(|buffer| map(buffer).ok_or(()));
            Some((map(finished.analysed)?, shown.transpose().ok()?))
        });
        let Some((video, shown)) = mapped else {
            state.bad_frames += 1;
            if state.bad_frames.is_power_of_two() {
                tracing::warn!(
                    bad_frames = state.bad_frames,
                    "a decoded frame could not be mapped"
                );
            }
            return None;
        };
        let mut frame = RawFrame {
            video,
            at: incoming.at,
            utc,
            sequence: state.sequence,
            kind: incoming.kind,
            discontinuity: incoming.discontinuity,
        };
        if let Some(latest) = &state.latest {
            // Whatever the source says, time goes forward: RTP and the records depend on it.
            if frame.at <= latest.at {
                frame.at = latest.at.plus(Duration::from_micros(100));
            }
            frame.discontinuity |= latest.kind != frame.kind || latest.size() != frame.size();
        } else {
            frame.discontinuity = true;
        }
        let shown = shown.map(|video| Arc::new(RawFrame { video, ..frame }));
        let frame = Arc::new(frame);
        let shown = shown.unwrap_or_else(|| frame.clone());
        state.sequence += 1;
        state.latest = Some(frame.clone());
        state.shown = Some(shown.clone());
        if frame.kind == FrameKind::Picture {
            state.window.record(frame.at, 0);
            state.source_size = Some(frame.size());
        }
        // Still under the lock, so that all consumers see one order.
        for encoder in &self.encoders {
            encoder.offer(&shown);
        }
        drop(state);
        if frame.kind == FrameKind::Picture {
            self.readers.lock().retain(|reader| match reader.upgrade() {
                Some(slot) => {
                    slot.put(frame.clone());
                    true
                }
                None => false,
            });
        }
        Some(frame)
    }

    /// Says that a picture is on its way, so that no "no signal" picture comes between it and its time.
    pub(crate) fn expect_picture(&self) {
        self.expected
            .store(self.clock.now().as_nanos(), Ordering::Release);
    }

    /// When a picture was last expected.
    pub(crate) fn expected(&self) -> MediaTime {
        MediaTime::from_nanos(self.expected.load(Ordering::Acquire))
    }

    /// The newest frame as recognition gets it.
    pub(crate) fn latest(&self) -> Option<Arc<RawFrame>> {
        self.state.lock().latest.clone()
    }

    /// The newest frame as viewers get it.
    pub(crate) fn shown(&self) -> Option<Arc<RawFrame>> {
        self.state.lock().shown.clone()
    }

    /// Size of the source's picture, as last seen.
    pub(crate) fn source_size(&self) -> Option<PictureSize> {
        self.state.lock().source_size
    }

    /// Measured rate of the source.
    pub(crate) fn rates(&self) -> Rates {
        self.state.lock().window.rates(self.clock.now())
    }

    pub(crate) fn reader(&self) -> FrameReader {
        let slot = Arc::new(Slot::default());
        self.readers.lock().push(Arc::downgrade(&slot));
        FrameReader(slot)
    }

    /// Ends all readers.
    pub(crate) fn close(&self) {
        for slot in self
            .readers
            .lock()
            .drain(..)
            .filter_map(|slot| slot.upgrade())
        {
            slot.value.lock().closed = true;
            slot.changed.notify_all();
        }
        let mut state = self.state.lock();
        (state.latest, state.shown) = (None, None);
    }
}

#[derive(Default)]
struct Slot {
    value: Mutex<Value>,
    changed: Condvar,
    seen: AtomicU64,
    dropped: AtomicU64,
}

#[derive(Default)]
struct Value {
    frame: Option<Arc<RawFrame>>,
    lost_discontinuity: bool,
    closed: bool,
}

impl Slot {
    fn put(&self, frame: Arc<RawFrame>) {
        let mut value = self.value.lock();
        if let Some(missed) = value.frame.replace(frame) {
            value.lost_discontinuity |= missed.discontinuity;
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        self.seen.fetch_add(1, Ordering::Relaxed);
        self.changed.notify_one();
    }
}

/// A slow consumer's view of the frames: always the newest, older ones are dropped and counted.
///
/// "No signal" pictures are not seen here.
pub struct FrameReader(Arc<Slot>);

/// A frame and whether a break in time lies before it, be it in this frame or a dropped one.
pub type ReadFrame = (Arc<RawFrame>, bool);

impl FrameReader {
    /// Waits at most `at_most` for a frame that was not read before; `None` when none came.
    ///
    /// The flag is true when this frame, or one dropped since the last read, is a discontinuity.
    pub fn next(&self, at_most: Duration) -> Option<ReadFrame> {
        let mut value = self.0.value.lock();
        if value.frame.is_none() && !value.closed {
            self.0
                .changed
                .wait_while_for(&mut value, |v| v.frame.is_none() && !v.closed, at_most);
        }
        let frame = value.frame.take()?;
        let broken = std::mem::take(&mut value.lost_discontinuity) || frame.discontinuity;
        Some((frame, broken))
    }

    /// True once the engine has stopped: no frame will come.
    pub fn is_closed(&self) -> bool {
        self.0.value.lock().closed
    }

    /// Frames offered to this reader so far.
    pub fn offered(&self) -> u64 {
        self.0.seen.load(Ordering::Relaxed)
    }

    /// Frames that a newer one replaced before they were read.
    pub fn dropped(&self) -> u64 {
        self.0.dropped.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn grey(width: u32, height: u32) -> (gst::Buffer, gst_video::VideoInfo) {
        crate::init().unwrap();
        let info = gst_video::VideoInfo::builder(gst_video::VideoFormat::I420, width, height)
            .build()
            .unwrap();
        let buffer = gst::Buffer::from_mut_slice(vec![128u8; info.size()]);
        (buffer, info)
    }

    fn publish(hub: &Hub, ms: u64, kind: FrameKind, discontinuity: bool) -> Arc<RawFrame> {
        let (buffer, info) = grey(64, 64);
        let at = MediaTime::from_nanos(ms * 1_000_000);
        hub.publish(Incoming {
            buffer,
            info: &info,
            at,
            utc: None,
            kind,
            discontinuity,
        })
        .unwrap()
    }

    fn hub() -> Hub {
        crate::init().unwrap();
        Hub::new(MediaClock::start(), Vec::new())
    }

    #[test]
    fn a_reader_gets_the_newest_frame_and_knows_what_it_missed() {
        let hub = hub();
        let reader = hub.reader();
        publish(&hub, 0, FrameKind::Picture, false);
        let (first, broken) = reader.next(Duration::ZERO).unwrap();
        assert_eq!(
            (first.sequence, broken),
            (0, true),
            "the first frame follows from nothing"
        );
        publish(&hub, 40, FrameKind::Picture, false);
        publish(&hub, 80, FrameKind::Picture, true);
        publish(&hub, 120, FrameKind::Picture, false);
        let (newest, broken) = reader.next(Duration::ZERO).unwrap();
        assert_eq!(
            (newest.sequence, broken),
            (3, true),
            "the seam was in a dropped frame"
        );
        assert_eq!((reader.offered(), reader.dropped()), (4, 2));
        assert!(reader.next(Duration::ZERO).is_none());
        publish(&hub, 160, FrameKind::Picture, false);
        assert!(!reader.next(Duration::ZERO).unwrap().1);
        hub.close();
        assert!(reader.is_closed() && reader.next(Duration::from_secs(3600)).is_none());
    }

    #[test]
    fn readers_never_see_the_no_signal_picture_and_a_break_follows_it() {
        let hub = hub();
        let reader = hub.reader();
        publish(&hub, 0, FrameKind::Picture, false);
        reader.next(Duration::ZERO);
        publish(&hub, 40, FrameKind::NoSignal, false);
        assert!(reader.next(Duration::ZERO).is_none());
        publish(&hub, 80, FrameKind::Picture, false);
        assert!(reader.next(Duration::ZERO).unwrap().1);
    }

    #[test]
    fn time_goes_forward_whatever_the_source_says() {
        let hub = hub();
        let mut last = publish(&hub, 1000, FrameKind::Picture, false);
        for ms in [1040, 1040, 900, 0, 1041] {
            let next = publish(&hub, ms, FrameKind::Picture, false);
            assert!(
                next.at > last.at && next.sequence == last.sequence + 1,
                "{ms}"
            );
            last = next;
        }
    }

    #[test]
    fn a_reader_that_went_away_is_forgotten() {
        let hub = hub();
        drop(hub.reader());
        publish(&hub, 0, FrameKind::Picture, false);
        assert!(hub.readers.lock().is_empty());
    }
}
