//! The whole engine on synthetic sources: streams, live changes, failure and recovery.

mod common;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use common::{Collector, HUNG, Item, assert_well_formed, write_clip};
use platecam_media::{
    Codec, EncoderConfig, EncoderState, EngineOptions, FrameKind, MediaEngine, MediaTime,
    PictureSize, Rate, SourceSpec, SourceState, StreamId, nal_units,
};
use platecam_model::settings::H264Profile;

fn since(later: MediaTime, earlier: MediaTime) -> Duration {
    later.as_duration() - earlier.as_duration()
}

struct Rig {
    engine: MediaEngine,
    main: Arc<Collector>,
    sub: Arc<Collector>,
}

fn rig(source: &str) -> Rig {
    let (main, sub) = (Collector::new(), Collector::new());
    let source = SourceSpec::parse(source, Path::new("/no/clip")).unwrap();
    let options = EngineOptions {
        source,
        pass_through: true,
        main: main.clone(),
        sub: sub.clone(),
    };
    Rig {
        engine: MediaEngine::start(options).unwrap(),
        main,
        sub,
    }
}

fn small(codec: Codec, width: u32, height: u32) -> EncoderConfig {
    let rate = Rate::Vbr {
        quality: 4,
        max_kbps: 1000,
    };
    EncoderConfig {
        codec,
        h264_profile: H264Profile::High,
        size: PictureSize::new(width, height),
        frame_rate: 25,
        rate,
        gop: 25,
    }
}

/// VIDEO-1, VIDEO-4, VIDEO-14: each codec gives time-ordered units, key pictures and what an SDP needs.
#[test]
fn each_codec_encodes_on_both_streams() {
    let Rig { engine, main, sub } = rig("test:?size=320x240&fps=25");
    for (codec, parameter_sets) in [(Codec::H264, 2), (Codec::H265, 3), (Codec::Jpeg, 0)] {
        engine
            .configure(StreamId::Main, Some(small(codec, 320, 240)))
            .unwrap();
        engine
            .configure(StreamId::Sub, Some(small(codec, 160, 120)))
            .unwrap();
        for (stream, size) in [
            (&main, PictureSize::new(320, 240)),
            (&sub, PictureSize::new(160, 120)),
        ] {
            stream.wait("ten units of the codec", |items| {
                let from = items
                    .iter()
                    .position(|item| matches!(item, Item::Format(f) if f.codec == codec));
                from.is_some_and(|from| items.len() > from + 10)
            });
            let format = stream
                .formats()
                .into_iter()
                .find(|f| f.codec == codec)
                .unwrap();
            assert_eq!(
                (format.size, format.parameter_sets.len()),
                (size, parameter_sets),
                "{codec}"
            );
            let unit = stream.units().pop().unwrap();
            match codec {
                Codec::Jpeg => assert!(unit.key && unit.data.starts_with(&[0xff, 0xd8])),
                Codec::H264 | Codec::H265 => assert!(!nal_units(&unit.data).is_empty()),
            }
        }
    }
    engine.stop();
    assert_well_formed(&main.items());
    assert_well_formed(&sub.items());
}

/// VIDEO-13: codec, size, rate control and frame rate change live; the other stream has no gap.
#[test]
fn one_stream_changes_while_the_other_goes_on() {
    let Rig { engine, main, sub } = rig("test:?size=320x240&fps=25");
    engine
        .configure(StreamId::Main, Some(small(Codec::H264, 320, 240)))
        .unwrap();
    engine
        .configure(StreamId::Sub, Some(small(Codec::H264, 160, 120)))
        .unwrap();
    main.wait_units(10);
    sub.wait_units(10);
    let changes = [
        small(Codec::Jpeg, 160, 120),
        EncoderConfig {
            frame_rate: 10,
            ..small(Codec::H264, 96, 64)
        },
        EncoderConfig {
            rate: Rate::Cbr { kbps: 300 },
            ..small(Codec::H264, 96, 64)
        },
        small(Codec::H264, 160, 120),
    ];
    for config in changes {
        let before = sub.items().len();
        engine.configure(StreamId::Sub, Some(config)).unwrap();
        sub.wait("the changed stream", |items| {
            let new = &items[before..];
            new.iter().any(|item| matches!(item, Item::Format(f) if f.size == config.size && f.codec == config.codec))
                // The same size and codec with another rate need not change the format.
                || engine.status().streams[&StreamId::Sub].stats.restarts >= 3 && new.len() > 10
        });
    }
    let status = engine.status();
    engine.stop();
    assert_well_formed(&sub.items());
    assert_well_formed(&main.items());
    assert_eq!(status.streams[&StreamId::Main].stats.restarts, 0);
    assert_eq!(status.streams[&StreamId::Sub].stats.restarts, 4);
    assert_eq!(main.formats().len(), 1);
    // The main stream lacks no frame: each step is one of the source's.
    let times: Vec<_> = main.units().iter().map(|unit| unit.at).collect();
    let dropped = status.streams[&StreamId::Main].stats.frames_dropped;
    if dropped == 0 {
        for pair in times.windows(2) {
            assert_eq!(since(pair[1], pair[0]).as_millis(), 40);
        }
    }
}

/// VIDEO-2: switched off, the sub stream ends; switched on, it comes back.
#[test]
fn the_sub_stream_is_switched_off_and_on() {
    let Rig { engine, main, sub } = rig("test:?size=320x240&fps=25");
    engine
        .configure(StreamId::Main, Some(small(Codec::H264, 320, 240)))
        .unwrap();
    engine
        .configure(StreamId::Sub, Some(small(Codec::H264, 160, 120)))
        .unwrap();
    sub.wait_units(3);
    engine.configure(StreamId::Sub, None).unwrap();
    let mut seen = 0;
    main.wait("the off state", |items| {
        seen = items.len();
        engine.status().streams[&StreamId::Sub].state == EncoderState::Off
    });
    let at_off = sub.units().len();
    main.wait_units(seen + 10);
    assert_eq!(sub.units().len(), at_off);
    engine
        .configure(StreamId::Sub, Some(small(Codec::H264, 160, 120)))
        .unwrap();
    sub.wait_units(at_off + 3);
}

#[test]
fn a_bad_configuration_is_refused_and_changes_nothing() {
    let Rig { engine, main, .. } = rig("test:?size=320x240&fps=25");
    let good = small(Codec::H264, 320, 240);
    engine.configure(StreamId::Main, Some(good)).unwrap();
    main.wait_units(2);
    let bad = EncoderConfig { gop: 0, ..good };
    let error = engine
        .configure(StreamId::Main, Some(bad))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("gop = 0") && error.contains("1 to 600"),
        "{error}"
    );
    let seen = main.units().len();
    main.wait_units(seen + 5);
    assert_eq!(main.formats().len(), 1);
}

/// VIDEO-5, VIDEO-7: a stream is never larger or faster than its source; the status says what it is.
#[test]
fn a_stream_is_bounded_by_its_source() {
    let Rig { engine, main, .. } = rig("test:?size=320x240&fps=10");
    engine
        .configure(StreamId::Main, Some(EncoderConfig::main()))
        .unwrap();
    main.wait_units(5);
    assert_eq!(main.formats()[0].size, PictureSize::new(320, 240));
    match engine.status().streams[&StreamId::Main].state {
        EncoderState::Running {
            size, frame_rate, ..
        } => {
            assert_eq!((size, frame_rate), (PictureSize::new(320, 240), 10));
        }
        ref other => panic!("{other:?}"),
    }
}

/// VIDEO-14: a synchronisation point gives a key picture long before the group ends.
#[test]
fn a_key_picture_comes_on_demand() {
    let Rig { engine, main, .. } = rig("test:?size=320x240&fps=25");
    engine
        .configure(
            StreamId::Main,
            Some(EncoderConfig {
                gop: 600,
                ..small(Codec::H264, 320, 240)
            }),
        )
        .unwrap();
    main.wait_units(30);
    assert_eq!(main.units().iter().filter(|unit| unit.key).count(), 1);
    let asked = main.units().len();
    engine.request_key_frame(StreamId::Main);
    main.wait("a second key picture", |items| {
        items
            .iter()
            .filter(|item| matches!(item, Item::Unit(unit) if unit.key))
            .count()
            == 2
    });
    let came = main.units().iter().rposition(|unit| unit.key).unwrap();
    assert!(came < asked + 25, "asked at {asked}, came at {came}");
}

/// A file that is not there is reported and tried again; viewers see "no signal" meanwhile, and the
/// picture once the file appears.
#[test]
fn a_missing_source_is_reported_retried_and_recovers() {
    let dir = tempfile::tempdir().unwrap();
    let clip = dir.path().join("clip.mp4");
    let Rig { engine, main, .. } = rig(&format!("file:{}", clip.display()));
    let reader = engine.frames();
    engine
        .configure(StreamId::Main, Some(small(Codec::H264, 320, 240)))
        .unwrap();
    let mut state = engine.source_state();
    main.wait_units(3);
    assert_eq!(engine.latest_frame().unwrap().kind, FrameKind::NoSignal);
    match &*state.borrow_and_update() {
        SourceState::Failed { reason, retry_in } => {
            assert!(reason.contains("clip.mp4 does not exist"), "{reason}");
            assert!(*retry_in >= Duration::from_secs(1));
        }
        SourceState::Connecting => {}
        other => panic!("{other:?}"),
    }
    assert!(
        reader.next(Duration::ZERO).is_none(),
        "recognition does not see the no-signal picture"
    );
    let unfinished = dir.path().join("unfinished.mp4");
    write_clip(&unfinished, 10);
    std::fs::rename(&unfinished, &clip).unwrap();
    let (frame, broken) = reader.next(HUNG).expect("the file's picture");
    assert!(broken && frame.kind == FrameKind::Picture);
    assert!(matches!(
        *state.borrow_and_update(),
        SourceState::Running { .. }
    ));
    let seen = main.units().len();
    main.wait_units(seen + 5);
    engine.stop();
    assert_well_formed(&main.items());
    assert_eq!(
        main.formats().len(),
        1,
        "viewers stay connected: the stream did not change"
    );
}

/// A file loops without a gap: one frame interval across the seam, which is marked.
#[test]
fn a_file_loops_seamlessly() {
    let dir = tempfile::tempdir().unwrap();
    let clip = dir.path().join("clip.mp4");
    write_clip(&clip, 15);
    let Rig { engine, main, .. } = rig(&format!("file:{}", clip.display()));
    let reader = engine.frames();
    engine
        .configure(StreamId::Main, Some(small(Codec::H264, 320, 240)))
        .unwrap();
    let mut seams = 0;
    // The first frame of a round.
    let mut begin = None;
    let mut last: Option<Arc<platecam_media::RawFrame>> = None;
    while seams < 4 {
        let (frame, broken) = reader.next(HUNG).expect("a frame");
        if let Some(last) = &last
            && frame.sequence == last.sequence + 1
        {
            assert_eq!(
                since(frame.at, last.at),
                Duration::from_millis(40),
                "frame {}",
                frame.sequence
            );
            assert_eq!(frame.discontinuity, broken);
            // A slow start shows pictures of no signal first, which count too.
            if let Some(begin) = begin {
                let whole = (frame.sequence - begin) % 15 == 0;
                assert_eq!(broken, whole, "frame {} after {begin}", frame.sequence);
            }
            let utc = frame.utc.saturating_since(last.utc);
            assert!(
                utc.abs_diff(Duration::from_millis(40)) < Duration::from_millis(20),
                "{utc:?}"
            );
        }
        if frame.discontinuity {
            seams += 1;
            begin = begin.or(Some(frame.sequence));
        }
        last = Some(frame);
    }
    assert!(engine.status().loops >= 3);
    // Access units carry their frames' own times.
    let last = last.unwrap();
    main.wait("the unit of the last frame", |items| {
        items
            .iter()
            .any(|item| matches!(item, Item::Unit(unit) if unit.at >= last.at))
    });
    let unit = main
        .units()
        .into_iter()
        .find(|unit| unit.at == last.at)
        .expect("same media time");
    assert_eq!(unit.utc, last.utc);
}

#[test]
fn a_file_without_video_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let (text, sound) = (dir.path().join("a.txt"), dir.path().join("a.wav"));
    std::fs::write(&text, "no video\n".repeat(1000)).unwrap();
    common::run_to_end(&format!(
        "audiotestsrc num-buffers=10 ! wavenc ! filesink location={}",
        sound.display()
    ));
    let folder = dir.path().to_path_buf();
    for (path, expect) in [
        (&text, "text file"),
        (&sound, "no video"),
        (&folder, "is not a file"),
    ] {
        let Rig { engine, .. } = rig(&format!("file:{}", path.display()));
        let mut state = engine.source_state();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let failed = runtime.block_on(async {
            let failed = state.wait_for(|state| matches!(state, SourceState::Failed { .. }));
            tokio::time::timeout(HUNG, failed)
                .await
                .expect("a failure")
                .unwrap()
                .clone()
        });
        let SourceState::Failed { reason, .. } = failed else {
            unreachable!()
        };
        assert!(reason.contains(expect), "{}: {reason}", path.display());
    }
}

#[test]
fn the_source_is_exchanged_while_the_streams_stay_up() {
    let Rig { engine, main, .. } = rig("test:?size=320x240&fps=25");
    engine
        .configure(StreamId::Main, Some(small(Codec::H264, 160, 120)))
        .unwrap();
    main.wait_units(5);
    engine
        .set_source(SourceSpec::parse("test:?size=640x480&fps=25", Path::new("")).unwrap())
        .unwrap();
    let reader = engine.frames();
    while reader.next(HUNG).expect("a frame").0.size() != PictureSize::new(640, 480) {}
    let seen = main.units().len();
    main.wait_units(seen + 5);
    assert_eq!(engine.source_size(), Some(PictureSize::new(640, 480)));
    engine.stop();
    assert_well_formed(&main.items());
    assert_eq!(
        main.formats().len(),
        1,
        "the same encoder scales the new source"
    );
}

/// A snapshot at any time, in the source's size or smaller.
#[test]
fn snapshots_have_the_asked_size() {
    let Rig { engine, main, .. } = rig("test:?size=640x480&fps=25");
    engine
        .configure(StreamId::Main, Some(small(Codec::H264, 320, 240)))
        .unwrap();
    main.wait_units(1);
    let full = PictureSize::new(640, 480);
    for (asked, expect) in [
        (None, full),
        (Some(full), full),
        (Some(PictureSize::new(320, 240)), PictureSize::new(320, 240)),
        (Some(PictureSize::new(100, 50)), PictureSize::new(100, 50)),
        (None, full),
    ] {
        let snapshot = engine.snapshot(asked, 85).unwrap();
        let picture =
            image::load_from_memory_with_format(&snapshot.jpeg, image::ImageFormat::Jpeg).unwrap();
        assert_eq!(snapshot.size, expect);
        assert_eq!(
            (picture.width(), picture.height()),
            (expect.width, expect.height)
        );
    }
    for asked in [
        PictureSize::new(642, 480),
        PictureSize::new(8, 480),
        PictureSize::new(0, 0),
    ] {
        let error = engine.snapshot(Some(asked), 85).unwrap_err().to_string();
        assert!(
            error.contains(&asked.to_string()) && error.contains("640x480"),
            "{error}"
        );
    }
}

#[test]
fn before_the_first_frame_there_is_no_snapshot() {
    let Rig { engine, .. } = rig("file:/no/such/file");
    // The no-signal picture comes after a second at the earliest; both answers are right by then.
    if let Err(error) = engine.snapshot(None, 85) {
        assert!(error.to_string().contains("no picture"), "{error}");
    }
}
