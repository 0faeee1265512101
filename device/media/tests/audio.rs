//! Sound of ALSA devices, without any sound hardware: ALSA's own null device gives silence in its own time.

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{Collector, HUNG};
use parking_lot::{Condvar, Mutex};
use platecam_media::{
    AudioCodec, AudioEncoding, AudioInput, AudioSetup, AudioSink, AudioState, AudioUnit,
    EngineOptions, MediaEngine, SourceSpec,
};

#[derive(Default)]
struct Ears {
    heard: Mutex<(Vec<Option<AudioCodec>>, Vec<AudioUnit>)>,
    changed: Condvar,
}

impl AudioSink for Ears {
    fn format(&self, codec: Option<AudioCodec>) {
        self.heard.lock().0.push(codec);
    }

    fn push(&self, unit: AudioUnit) {
        self.heard.lock().1.push(unit);
        self.changed.notify_all();
    }
}

fn engine() -> MediaEngine {
    MediaEngine::start(EngineOptions {
        source: SourceSpec::parse("test:?size=320x240&fps=5", "/".as_ref()).unwrap(),
        pass_through: false,
        main: Collector::new(),
        sub: Collector::new(),
    })
    .unwrap()
}

fn setup(device: &str, ears: &Arc<Ears>) -> AudioSetup {
    AudioSetup {
        input: AudioInput::Alsa(device.into()),
        encoding: AudioEncoding {
            codec: AudioCodec::Pcmu,
            kbps: 64,
        },
        sink: ears.clone(),
    }
}

/// 20 ms after 20 ms, on the pictures' clock; the sink knows when there is sound and when there is none any more.
#[test]
fn a_device_is_heard_until_it_is_switched_off() {
    let engine = engine();
    let ears = Arc::new(Ears::default());
    engine.set_audio(Some(setup("null", &ears))).unwrap();
    let mut heard = ears.heard.lock();
    let late = ears
        .changed
        .wait_while_for(&mut heard, |(_, units)| units.len() < 25, HUNG)
        .timed_out();
    assert!(!late, "{} units came", heard.1.len());
    assert_eq!(heard.0, [Some(AudioCodec::Pcmu)]);
    for pair in heard.1.windows(2) {
        assert_eq!(pair[1].at.as_nanos() - pair[0].at.as_nanos(), 20_000_000);
    }
    assert!(
        heard.1.iter().all(|unit| unit.data[..] == [0xff; 160]),
        "silence in µ-law"
    );
    drop(heard);
    assert_eq!(*engine.audio_state().borrow(), AudioState::Running);
    engine.set_audio(None).unwrap();
    assert_eq!(*engine.audio_state().borrow(), AudioState::Off);
    assert_eq!(ears.heard.lock().0, [Some(AudioCodec::Pcmu), None]);
}

/// AUDIO-6: a device that is not there gives no track, and the reason is told.
#[test]
fn a_device_that_is_not_there_is_no_source() {
    let engine = engine();
    let ears = Arc::new(Ears::default());
    engine
        .set_audio(Some(setup("no-such-device", &ears)))
        .unwrap();
    let state = engine.audio_state();
    let begun = std::time::Instant::now();
    while !matches!(*state.borrow(), AudioState::Failed { .. }) {
        assert!(begun.elapsed() < HUNG, "{:?}", *state.borrow());
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(ears.heard.lock().0.is_empty());
}
