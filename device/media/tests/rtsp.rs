//! One engine's streams over RTSP, and another engine that has them as its source.

mod common;
#[path = "common/serve.rs"]
mod serve;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use common::{Collector, HUNG, Item, assert_well_formed};
use platecam_media::{
    Codec, EncoderConfig, EncoderState, EngineOptions, FrameKind, KeyFrameHooks, MediaEngine,
    MediaPort, PictureSize, Rate, RecognitionFigures, RtspSink, SourceSpec, SourceState, StreamId,
    nal_units,
};
use platecam_model::ports::{self, Media};
use platecam_model::settings::H264Profile;
use serve::{Streams, serve};

fn config(codec: Codec, width: u32, height: u32) -> EncoderConfig {
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

/// A camera on a synthetic source whose streams are there to be served.
struct Camera {
    engine: Arc<MediaEngine>,
    main: Arc<RtspSink>,
    sub: Arc<RtspSink>,
}

impl Camera {
    fn start(codec: Codec) -> Self {
        Self::with_hooks(codec, KeyFrameHooks::default)
    }

    fn with_hooks(codec: Codec, hooks: fn() -> KeyFrameHooks) -> Self {
        let hooks = [Arc::new(hooks()), Arc::new(hooks())];
        let sink = |name, hooks: &Arc<KeyFrameHooks>| {
            Arc::new(
                RtspSink::new(
                    name,
                    Codec::H264,
                    [rtsp::Codec::OnvifMetadata],
                    hooks.clone(),
                )
                .unwrap(),
            )
        };
        let (main, sub) = (sink("main", &hooks[0]), sink("sub", &hooks[1]));
        let source = SourceSpec::parse("test:?size=320x240&fps=25", Path::new("")).unwrap();
        let options = EngineOptions {
            source,
            pass_through: true,
            main: main.clone(),
            sub: sub.clone(),
        };
        let engine = Arc::new(MediaEngine::start(options).unwrap());
        hooks[0].attach(&engine, StreamId::Main);
        hooks[1].attach(&engine, StreamId::Sub);
        engine
            .configure(StreamId::Main, Some(config(codec, 320, 240)))
            .unwrap();
        engine
            .configure(StreamId::Sub, Some(config(Codec::H264, 160, 120)))
            .unwrap();
        Self { engine, main, sub }
    }

    fn streams(&self) -> Streams {
        Streams {
            main: self.main.stream().clone(),
            sub: self.sub.stream().clone(),
        }
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
}

fn any_port() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

fn viewer(address: SocketAddr, codec: Codec) -> (MediaEngine, Arc<Collector>, Arc<Collector>) {
    let (main, sub) = (Collector::new(), Collector::new());
    let url = format!("rtsp://{address}/video/livemedia?Ch=1&Streamtype=0");
    let source = SourceSpec::parse(&url, Path::new("")).unwrap();
    let options = EngineOptions {
        source,
        pass_through: true,
        main: main.clone(),
        sub: sub.clone(),
    };
    let engine = MediaEngine::start(options).unwrap();
    engine
        .configure(StreamId::Main, Some(config(codec, 320, 240)))
        .unwrap();
    engine
        .configure(StreamId::Sub, Some(config(Codec::H264, 160, 120)))
        .unwrap();
    (engine, main, sub)
}

/// Another camera as source: its stream is passed on, its pictures reach recognition and the sub
/// stream, with one time for each picture.
#[test]
fn a_camera_is_a_source_and_is_passed_through() {
    for codec in [Codec::H264, Codec::H265] {
        let camera = Camera::start(codec);
        let runtime = runtime();
        let server = runtime
            .block_on(serve(any_port(), camera.streams()))
            .unwrap();
        let (engine, main, sub) = viewer(server.local_addrs()[0], codec);
        let reader = engine.frames();
        // Past the start, where a "no signal" picture may have pushed the first frame forward.
        let mut frame = reader.next(HUNG).expect("a decoded picture").0;
        for _ in 0..10 {
            frame = reader.next(HUNG).expect("a decoded picture").0;
        }
        assert_eq!(
            (frame.size(), frame.kind),
            (PictureSize::new(320, 240), FrameKind::Picture)
        );
        main.wait("the unit of the decoded picture", |items| {
            items
                .iter()
                .any(|item| matches!(item, Item::Unit(unit) if unit.at >= frame.at))
        });
        let unit = main
            .units()
            .into_iter()
            .find(|unit| unit.at == frame.at)
            .expect("passed on");
        assert_eq!(unit.utc, frame.utc);
        let seen = main.units().len();
        main.wait_units(seen + 30);
        sub.wait_units(5);
        let status = engine.status();
        assert_eq!(
            status.streams[&StreamId::Main].state,
            EncoderState::PassedThrough { codec }
        );
        assert!(matches!(
            status.streams[&StreamId::Sub].state,
            EncoderState::Running { .. }
        ));
        assert_eq!(
            main.formats().last().unwrap().size,
            PictureSize::new(320, 240)
        );
        engine.stop();
        assert_well_formed(&main.items());
        assert_well_formed(&sub.items());
        runtime.block_on(server.shutdown());
    }
}

/// Where the source's codec is not the configured one, the main stream is encoded.
#[test]
fn another_codec_is_encoded() {
    let camera = Camera::start(Codec::H264);
    let runtime = runtime();
    let server = runtime
        .block_on(serve(any_port(), camera.streams()))
        .unwrap();
    let (engine, main, _) = viewer(server.local_addrs()[0], Codec::Jpeg);
    let reader = engine.frames();
    reader.next(HUNG).expect("a decoded picture");
    let seen = main.units().len();
    main.wait_units(seen + 5);
    assert!(main.units().last().unwrap().data.starts_with(&[0xff, 0xd8]));
    assert!(matches!(
        engine.status().streams[&StreamId::Main].state,
        EncoderState::Running { .. }
    ));
    // Changed live to the source's codec, it is passed on from the next key picture.
    engine
        .configure(StreamId::Main, Some(config(Codec::H264, 320, 240)))
        .unwrap();
    main.wait("the passed-on stream", |_| {
        matches!(
            engine.status().streams[&StreamId::Main].state,
            EncoderState::PassedThrough { codec: Codec::H264 }
        )
    });
    let seen = main.units().len();
    main.wait_units(seen + 30);
    assert_eq!(main.formats().last().unwrap().codec, Codec::H264);
    engine.stop();
    assert_well_formed(&main.items());
    runtime.block_on(server.shutdown());
}

/// A camera that goes away: "no signal" for viewers, and the picture again once it is back.
#[test]
fn a_lost_camera_comes_back() {
    let camera = Camera::start(Codec::H264);
    let runtime = runtime();
    let server = runtime
        .block_on(serve(any_port(), camera.streams()))
        .unwrap();
    let address = server.local_addrs()[0];
    let (engine, main, _) = viewer(address, Codec::H264);
    let reader = engine.frames();
    reader.next(HUNG).expect("a decoded picture");
    runtime.block_on(server.shutdown());
    let mut state = engine.source_state();
    runtime.block_on(async {
        let failed = state.wait_for(|state| matches!(state, SourceState::Failed { .. }));
        tokio::time::timeout(HUNG, failed)
            .await
            .expect("the loss is reported")
            .unwrap();
    });
    let seen = main.units().len();
    main.wait_units(seen + 3);
    assert_eq!(engine.latest_frame().unwrap().kind, FrameKind::NoSignal);
    let server = runtime.block_on(serve(address, camera.streams())).unwrap();
    while reader.next(HUNG).expect("the picture comes back").0.kind != FrameKind::Picture {}
    let seen = main.units().len();
    main.wait_units(seen + 3);
    engine.stop();
    assert_well_formed(&main.items());
    runtime.block_on(server.shutdown());
}

/// The model's port over an engine: status, snapshots in each stream's size, key pictures.
#[test]
fn the_models_port_reports_what_runs() {
    let camera = Camera::start(Codec::H264);
    let reader = camera.engine.frames();
    reader.next(HUNG).expect("a picture");
    let figures = RecognitionFigures {
        analysed_fps: 7.5,
        dropped: 3,
        mean_ms: 40.0,
        error: Some("no engine".into()),
    };
    let port = MediaPort::new(camera.engine.clone(), move || figures.clone());
    let mut status = port.status();
    while !status
        .streams
        .iter()
        .all(|stream| stream.encoder == "x264enc")
    {
        reader.next(HUNG).expect("a picture");
        status = port.status();
    }
    assert_eq!((status.analysed_fps, status.recognition_dropped), (7.5, 3));
    assert_eq!(status.recognition_error.as_deref(), Some("no engine"));
    assert_eq!(status.source, "test:?size=320x240&fps=25");
    let sizes: Vec<_> = status
        .streams
        .iter()
        .map(|s| (s.stream, s.width, s.height, s.enabled))
        .collect();
    assert_eq!(
        sizes,
        [
            (ports::StreamId::Main, 320, 240, true),
            (ports::StreamId::Sub, 160, 120, true)
        ]
    );
    for (stream, width) in [(ports::StreamId::Main, 320), (ports::StreamId::Sub, 160)] {
        let snapshot = port.snapshot(stream).unwrap();
        let picture =
            image::load_from_memory_with_format(&snapshot.jpeg, image::ImageFormat::Jpeg).unwrap();
        assert_eq!((snapshot.width, picture.width()), (width, width));
    }
    let caps = camera.engine.capabilities().for_settings();
    assert_eq!(caps.source_size, Some((320, 240)));
    assert!(caps.codecs.contains(&platecam_model::settings::Codec::H264));
    camera.engine.configure(StreamId::Sub, None).unwrap();
    assert!(!port.status().streams[1].enabled);
}

/// A stream that nobody watches costs nothing; the first viewer still gets the parameter sets in its
/// DESCRIBE and a picture.
#[test]
fn an_idle_stream_starts_with_its_first_viewer() {
    let camera = Camera::with_hooks(Codec::H264, KeyFrameHooks::on_demand);
    let watched = camera.engine.frames();
    while camera.engine.status().streams[&StreamId::Main].state != EncoderState::Idle {
        watched.next(HUNG).expect("a picture");
    }
    let runtime = runtime();
    let server = runtime
        .block_on(serve(any_port(), camera.streams()))
        .unwrap();
    let (engine, main, _) = viewer(server.local_addrs()[0], Codec::H264);
    engine.frames().next(HUNG).expect("a decoded picture");
    main.wait_units(3);
    let status = camera.engine.status();
    assert!(matches!(
        status.streams[&StreamId::Main].state,
        EncoderState::Running { .. }
    ));
    assert_eq!(
        status.streams[&StreamId::Sub].state,
        EncoderState::Idle,
        "nobody watches the sub stream"
    );
    engine.stop();
    runtime.block_on(server.shutdown());
}

/// DESCRIBE by a plain socket; the answer with its SDP.
fn describe(address: SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    let url = format!("rtsp://{address}/video/livemedia?Ch=1&Streamtype=0");
    write!(
        stream,
        "DESCRIBE {url} RTSP/1.0\r\nCSeq: 1\r\nAccept: application/sdp\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    let mut part = [0; 4096];
    // The metadata track is the last one of the description.
    while !answer.contains("vnd.onvif.metadata") {
        let n = stream.read(&mut part).unwrap();
        assert!(n > 0, "closed after {answer:?}");
        answer.push_str(std::str::from_utf8(&part[..n]).unwrap());
    }
    answer
}

/// MEDIA2_RTSS-1-1-3, RTSS-1-1-36: who asks right after a change of the codec is told the new one, even while the encoder still
/// makes the old one; an announcement that is taken back before the encoder followed changes nothing.
#[test]
fn an_announced_codec_is_the_one_described() {
    let camera = Camera::start(Codec::H264);
    let runtime = runtime();
    let server = runtime
        .block_on(serve(any_port(), camera.streams()))
        .unwrap();
    let address = server.local_addrs()[0];
    assert!(describe(address).contains("H264/90000"));

    camera.main.announce(Codec::H265);
    let asked = std::thread::spawn(move || describe(address));
    camera
        .engine
        .configure(StreamId::Main, Some(config(Codec::H265, 320, 240)))
        .unwrap();
    let told = asked.join().unwrap();
    assert!(
        told.contains("H265/90000") && !told.contains("H264/90000"),
        "{told}"
    );

    camera.main.announce(Codec::Jpeg);
    camera.main.announce(Codec::H265);
    let told = describe(address);
    assert!(
        told.contains("H265/90000") && told.contains("sprop-vps"),
        "{told}"
    );
}

/// `profile_idc` of a stream's newest key picture.
fn profile_idc(units: &[Item]) -> Option<u8> {
    let newest = units.iter().rev().find_map(|item| match item {
        Item::Unit(unit) if unit.key => Some(nal_units(&unit.data)),
        _ => None,
    })?;
    let set = newest.iter().find(|nal| nal[0] & 0x1f == 7)?;
    set.get(1).copied()
}

fn with_profile(h264_profile: H264Profile) -> EncoderConfig {
    EncoderConfig {
        h264_profile,
        ..config(Codec::H264, 320, 240)
    }
}

/// NET-24: the profile changes live: who watches stays and decodes on, who asks now is told the new one.
#[test]
fn the_profile_changes_under_a_viewer() {
    let camera = Camera::start(Codec::H264);
    let runtime = runtime();
    let server = runtime
        .block_on(serve(any_port(), camera.streams()))
        .unwrap();
    let address = server.local_addrs()[0];
    let (engine, main, _) = viewer(address, Codec::H264);
    let reader = engine.frames();
    reader.next(HUNG).expect("a decoded picture");
    main.wait("High", |items| profile_idc(items) == Some(100));
    let mut state = engine.source_state();
    state.borrow_and_update();
    for (profile, idc, told) in [
        (H264Profile::Baseline, 66, "profile-level-id=42C0"),
        (H264Profile::Main, 77, "profile-level-id=4D40"),
        (H264Profile::High, 100, "profile-level-id=6400"),
    ] {
        camera
            .engine
            .configure(StreamId::Main, Some(with_profile(profile)))
            .unwrap();
        main.wait("the new profile", |items| profile_idc(items) == Some(idc));
        let sdp = describe(address);
        assert!(sdp.contains(told), "{profile}: {sdp}");
        for _ in 0..10 {
            let frame = reader.next(HUNG).expect("a decoded picture").0;
            assert_eq!(frame.kind, FrameKind::Picture, "{profile}");
        }
    }
    assert!(!state.has_changed().unwrap(), "connected anew");
    engine.stop();
    assert_well_formed(&main.items());
    runtime.block_on(server.shutdown());
}

/// NET-24: another camera's stream of a higher profile than the chosen one is encoded, of the same it is passed on.
#[test]
fn a_stream_above_the_profile_is_not_passed_through() {
    let camera = Camera::start(Codec::H264);
    let runtime = runtime();
    let server = runtime
        .block_on(serve(any_port(), camera.streams()))
        .unwrap();
    let (engine, main, _) = viewer(server.local_addrs()[0], Codec::H264);
    let state = || engine.status().streams[&StreamId::Main].state.clone();
    let passed = || matches!(state(), EncoderState::PassedThrough { .. });
    main.wait("High", |items| profile_idc(items) == Some(100) && passed());
    engine
        .configure(StreamId::Main, Some(with_profile(H264Profile::Baseline)))
        .unwrap();
    main.wait("encoded", |items| {
        profile_idc(items) == Some(66) && matches!(state(), EncoderState::Running { .. })
    });
    camera
        .engine
        .configure(StreamId::Main, Some(with_profile(H264Profile::Baseline)))
        .unwrap();
    main.wait("passed on", |_| passed());
    let seen = main.units().len();
    main.wait_units(seen + 30);
    assert_eq!(profile_idc(&main.items()), Some(66));
    engine.stop();
    assert_well_formed(&main.items());
    runtime.block_on(server.shutdown());
}
