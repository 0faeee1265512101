//! LPRCFG-7 to LPRCFG-14, HW-11.

use std::{sync::Arc, time::Duration};

use lpr_core::{FrameSize, NormRect, Picture, PixelFormat, UtcTime};
use serde_json::json;

use super::*;
use crate::{
    Clock, Origin,
    ports::{Media, MediaStatus, Snapshot, StreamId},
    settings::SettingsStore,
    testing::{MemoryLens, SimulatedLens, TestClock, TestDevice, customised, uninitialised},
};

/// Until all rests; the time it took.
fn run(t: &TestDevice) -> Duration {
    let begun = t.clock.monotonic();
    while let Some(next) = t.device.serve_lens() {
        t.clock.advance(next);
        let over = t.clock.monotonic() - begun;
        assert!(over < Duration::from_secs(120), "it never rests");
    }
    t.clock.monotonic() - begun
}

fn serve_for(t: &TestDevice, length: Duration) {
    let end = t.clock.monotonic() + length;
    while t.clock.monotonic() < end {
        t.device.serve_lens();
        t.clock.advance(TICK);
    }
}

fn at(t: &TestDevice, motor: Motor) -> f32 {
    let status = t.device.lens_status().unwrap();
    let of = match motor {
        Motor::Zoom => status.zoom,
        Motor::Focus => status.focus,
    };
    of.unwrap().position
}

fn go(t: &TestDevice, motor: Motor, how: LensMove) {
    t.device.move_lens(motor, how, &Actor::system()).unwrap();
}

fn set(settings: &SettingsStore, value: serde_json::Value) {
    settings
        .patch("lens", &value, None, &Actor::system())
        .unwrap();
}

/// A device whose pictures are sharp where the focus is right: at `left` in the left half, at `right` in the right one.
struct Scene {
    lens: Arc<SimulatedLens>,
    clock: Arc<TestClock>,
    best: [u32; 2],
}

impl Media for Scene {
    fn status(&self) -> MediaStatus {
        panic!("not asked for")
    }

    fn snapshot(&self, _: StreamId) -> Result<Snapshot> {
        panic!("not asked for")
    }

    fn newest_picture(&self) -> Result<(Picture, UtcTime)> {
        const W: usize = 320;
        let at = self.lens.read(Motor::Focus)?.at;
        let swing = self.best.map(|best| {
            let off = at.abs_diff(best) as f32 / 100.0;
            (100.0 / (1.0 + off * off)) as u8
        });
        let grey = (0..W * 180).map(|i| 128 + swing[i % W / (W / 2)] * u8::from(i % 4 < 2));
        let size = FrameSize::new(W as u32, 180).unwrap();
        let picture = Picture::new(size, PixelFormat::Grey, grey.collect()).unwrap();
        Ok((picture, self.clock.now()))
    }

    fn request_key_frame(&self, _: StreamId) {}
}

fn scene(best: [u32; 2]) -> TestDevice {
    let clock = Arc::new(TestClock::default());
    let lens = Arc::new(SimulatedLens::new(clock.clone()));
    let mut t = customised(|parts| {
        let memory = Arc::new(MemoryLens::default());
        let now = clock.monotonic();
        parts.lens = Some(Arc::new(LensControl::new(lens.clone(), memory, now)));
        parts.clock = clock.clone();
        parts.media = Arc::new(Scene {
            lens: lens.clone(),
            clock: clock.clone(),
            best,
        });
    });
    (t.lens, t.clock) = (lens, clock);
    t
}

/// LPRCFG-7, LPRCFG-9, LPRCFG-12: slider, click and hold; a click is as far as the speed says.
#[test]
fn the_lens_moves_to_a_place_by_a_step_and_on() {
    let t = uninitialised();
    set(&t.device.settings, json!({"auto_focus": false}));
    for motor in Motor::ALL {
        go(&t, motor, LensMove::To(0.4));
        run(&t);
        assert_eq!(at(&t, motor), 0.4);
        for (speed, after) in [(50, 0.45), (100, 0.55), (1, 0.551)] {
            set(&t.device.settings, json!({"speed": speed}));
            go(&t, motor, LensMove::Step { forward: true });
            run(&t);
            assert_eq!(at(&t, motor), after);
        }
        go(&t, motor, LensMove::By(-0.051));
        run(&t);
        assert_eq!(at(&t, motor), 0.5);
        // Two clicks before the first has ended are two steps.
        set(&t.device.settings, json!({"speed": 50}));
        for _ in 0..2 {
            go(&t, motor, LensMove::Step { forward: false });
        }
        run(&t);
        assert_eq!(at(&t, motor), 0.4);

        let on = |forward| LensMove::On {
            forward,
            speed: None,
            within: None,
        };
        go(&t, motor, on(true));
        serve_for(&t, Duration::from_secs(1));
        t.device.stop_lens(Some(motor), &Actor::system()).unwrap();
        run(&t);
        let stopped = at(&t, motor);
        assert!((0.6..0.7).contains(&stopped), "{stopped}");
        let within = LensMove::On {
            forward: false,
            speed: Some(LensSpeed::clamped(100)),
            within: Some(Duration::from_millis(500)),
        };
        go(&t, motor, within);
        run(&t);
        assert!((at(&t, motor) - (stopped - 0.25)).abs() < 0.01);
        go(&t, motor, on(true));
        run(&t);
        assert_eq!(at(&t, motor), 1.0, "nobody stopped it: it ends at the end");
    }
}

/// LPRCFG-13: at an end stop nothing happens, and it is told; faults are told and gone with the next movement.
#[test]
fn ends_and_faults_are_told() {
    let t = uninitialised();
    set(&t.device.settings, json!({"auto_focus": false}));
    let end = || t.device.lens_status().unwrap().zoom.unwrap().end;
    assert_eq!(end(), Some("wide"));
    go(&t, Motor::Zoom, LensMove::Step { forward: false });
    run(&t);
    assert_eq!(
        (end(), t.device.lens_status().unwrap().fault),
        (Some("wide"), None)
    );
    go(&t, Motor::Zoom, LensMove::To(1.0));
    run(&t);
    go(&t, Motor::Zoom, LensMove::By(0.5));
    run(&t);
    assert_eq!(end(), Some("tele"));
    for position in [-0.1, 1.1, f32::NAN, f32::INFINITY] {
        let refused = t
            .device
            .move_lens(Motor::Zoom, LensMove::To(position), &Actor::system());
        assert!(matches!(refused, Err(Error::Invalid(_))), "{position}");
    }

    let mut events = t.device.bus.subscribe();
    t.lens.jam(Motor::Zoom, true);
    go(&t, Motor::Zoom, LensMove::To(0.5));
    run(&t);
    let fault = t.device.lens_status().unwrap().fault.unwrap();
    assert_eq!(
        fault,
        "zoom motor: it stands at 1000 of 1000 and was sent to 500"
    );
    let logged = std::iter::from_fn(|| events.try_recv().ok())
        .filter(|e| matches!(&e.kind, EventKind::Log(entry) if entry.text.contains("zoom motor")));
    assert_eq!(logged.count(), 1);
    t.lens.jam(Motor::Zoom, false);
    t.lens.break_off(true);
    go(&t, Motor::Zoom, LensMove::To(0.5));
    run(&t);
    let fault = t.device.lens_status().unwrap().fault;
    assert_eq!(fault.as_deref(), Some("zoom motor: it does not answer"));
    t.lens.break_off(false);
    go(&t, Motor::Zoom, LensMove::To(0.5));
    run(&t);
    assert_eq!(
        (at(&t, Motor::Zoom), t.device.lens_status().unwrap().fault),
        (0.5, None)
    );
}

/// LPRCFG-10: one automatic focus finds the sharpest picture; nothing else moves the lens meanwhile, save a stop.
#[test]
fn an_automatic_focus_finds_the_sharpest_picture() {
    let t = scene([700, 700]);
    let admin = Actor::system();
    t.device.auto_focus(None, &admin).unwrap();
    serve_for(&t, Duration::from_secs(1));
    let status = t.device.lens_status().unwrap();
    assert!(status.busy && status.focusing && status.focus.unwrap().moving);
    for refused in [
        t.device.move_lens(Motor::Zoom, LensMove::To(0.5), &admin),
        t.device
            .move_lens(Motor::Focus, LensMove::Step { forward: true }, &admin),
        t.device.auto_focus(None, &admin),
    ] {
        assert!(matches!(refused, Err(Error::Conflict(_))), "{refused:?}");
    }
    let took = run(&t);
    assert!(took < Duration::from_secs(30), "{took:?}");
    let status = t.device.lens_status().unwrap();
    assert!(!status.busy && status.fault.is_none());
    let found = status.focus.unwrap().position;
    assert!((found - 0.7).abs() < 0.01, "{found}");

    t.device.auto_focus(None, &admin).unwrap();
    serve_for(&t, Duration::from_secs(1));
    t.device.stop_lens(None, &admin).unwrap();
    assert!(!t.device.lens_status().unwrap().busy);
    go(&t, Motor::Focus, LensMove::To(0.2));
    run(&t);
    assert_eq!(at(&t, Motor::Focus), 0.2);
}

/// LPRCFG-11: the rectangle is sharp, whatever becomes of the rest.
#[test]
fn an_area_is_focused_on() {
    let t = scene([300, 800]);
    let half = |left: f32| NormRect {
        left,
        right: left + 0.9,
        ..NormRect::FULL
    };
    for (area, best) in [(half(-1.0), 0.3), (half(0.1), 0.8)] {
        t.device.auto_focus(Some(area), &Actor::system()).unwrap();
        run(&t);
        let found = at(&t, Motor::Focus);
        assert!((found - best).abs() < 0.01, "{found} for {best}");
    }
    for bad in [
        NormRect {
            left: -1.5,
            ..NormRect::FULL
        },
        NormRect {
            left: 1.0,
            ..NormRect::FULL
        },
        NormRect {
            top: f32::NAN,
            ..NormRect::FULL
        },
    ] {
        let refused = t.device.auto_focus(Some(bad), &Actor::system());
        assert!(matches!(refused, Err(Error::Invalid(_))), "{bad:?}");
    }
}

/// LPRCFG-13: without edges there is nothing to focus by; the lens goes back to where it was.
#[test]
fn a_wall_is_no_scene() {
    let t = uninitialised();
    go(&t, Motor::Focus, LensMove::To(0.6));
    run(&t);
    t.device.auto_focus(None, &Actor::system()).unwrap();
    run(&t);
    let status = t.device.lens_status().unwrap();
    let why = status.fault.unwrap();
    assert!(why.contains("no edges"), "{why}");
    assert_eq!(status.focus.unwrap().position, 0.6);
}

/// LPRCFG-8: zoom is followed by a focus, unless that is switched off; another click does not wait for it.
#[test]
fn zoom_is_focused_when_it_rests() {
    let t = scene([420, 420]);
    go(&t, Motor::Zoom, LensMove::To(0.5));
    serve_for(&t, Duration::from_secs(4));
    let status = t.device.lens_status().unwrap();
    assert!(status.focusing && !status.busy);
    go(&t, Motor::Zoom, LensMove::Step { forward: true });
    run(&t);
    assert!((at(&t, Motor::Focus) - 0.42).abs() < 0.01);
    set(&t.device.settings, json!({"auto_focus": false}));
    go(&t, Motor::Focus, LensMove::To(0.1));
    go(&t, Motor::Zoom, LensMove::To(0.2));
    run(&t);
    assert_eq!(at(&t, Motor::Focus), 0.1);
}

/// LPRCFG-8, LPRCFG-10: a camera that focuses by itself does so during and after zoom, and holds it then.
#[test]
fn a_camera_focuses_by_itself() {
    let t = uninitialised();
    t.lens.focuses_itself(900);
    go(&t, Motor::Zoom, LensMove::To(1.0));
    run(&t);
    assert_eq!(at(&t, Motor::Focus), 0.9);
    t.lens.focuses_itself(100);
    run(&t);
    assert_eq!(at(&t, Motor::Focus), 0.9, "it is held");
    t.device.auto_focus(None, &Actor::system()).unwrap();
    run(&t);
    assert_eq!(at(&t, Motor::Focus), 0.1);
}

/// LPRCFG-14: the lens goes back to where it rested; it is remembered when it rests, not on the way.
#[test]
fn positions_survive_a_restart() {
    let memory = Arc::new(MemoryLens::default());
    let with = |memory: Arc<MemoryLens>| {
        let clock = Arc::new(TestClock::default());
        let lens = Arc::new(SimulatedLens::new(clock.clone()));
        let mut t = customised(|parts| {
            let control = LensControl::new(lens.clone(), memory, clock.monotonic());
            parts.lens = Some(Arc::new(control));
            parts.clock = clock.clone();
        });
        (t.lens, t.clock) = (lens, clock);
        t
    };
    let t = with(memory.clone());
    set(&t.device.settings, json!({"auto_focus": false}));
    go(&t, Motor::Zoom, LensMove::To(0.75));
    serve_for(&t, Duration::from_millis(300));
    assert_eq!(memory.0.lock().1, 0, "it is on its way");
    run(&t);
    assert_eq!(memory.0.lock().1, 1);
    go(&t, Motor::Focus, LensMove::To(0.25));
    run(&t);
    let moves = |t: &TestDevice| t.device.lens_status().unwrap().zoom.unwrap().moves;
    assert_eq!(moves(&t), 1);

    let t = with(memory.clone());
    run(&t);
    assert_eq!(moves(&t), 2, "it went back");
    assert_eq!((at(&t, Motor::Zoom), at(&t, Motor::Focus)), (0.75, 0.25));
    // Of another lens.
    memory.0.lock().0[0].travel = 33;
    let t = with(memory);
    run(&t);
    assert_eq!((at(&t, Motor::Zoom), at(&t, Motor::Focus)), (0.0, 0.25));
}

/// HW-11: without a lens, and without the right, nothing moves.
#[test]
fn who_may_not_and_what_is_not_there() {
    let t = uninitialised();
    let nobody = Actor::anonymous(Origin::Web, None);
    let moved = t.device.move_lens(Motor::Zoom, LensMove::To(0.5), &nobody);
    assert!(matches!(moved, Err(Error::Forbidden(_))));
    assert!(matches!(
        t.device.stop_lens(None, &nobody),
        Err(Error::Forbidden(_))
    ));
    assert!(matches!(
        t.device.auto_focus(None, &nobody),
        Err(Error::Forbidden(_))
    ));
    assert_eq!(t.device.product().limit(Limit::Lenses), 1);

    let t = customised(|parts| parts.lens = None);
    assert!(matches!(t.device.lens_status(), Err(Error::Unsupported(_))));
    assert_eq!(t.device.serve_lens(), None);
    assert_eq!(t.device.product().limit(Limit::Lenses), 0);
    let read = t.device.settings.read("lens", &Actor::system());
    assert!(read.is_err());
}
