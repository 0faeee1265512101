use proptest::prelude::*;

use super::*;
use crate::frame::Planes;
use crate::geometry::{FrameSize, NormPoint};
use crate::time::UtcTime;

const W: usize = 960;
const H: usize = 540;

fn noise(seed: &mut u32) -> u32 {
    *seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
    *seed >> 16
}

/// A street of grey blocks of all sizes.
fn street(mut seed: u32) -> Vec<u8> {
    let mut p = vec![90u8; W * H];
    for _ in 0..160 {
        let (x, y) = (noise(&mut seed) as usize % W, noise(&mut seed) as usize % H);
        let (w, h) = (
            8 + noise(&mut seed) as usize % 160,
            8 + noise(&mut seed) as usize % 120,
        );
        let grey = 40 + (noise(&mut seed) % 170) as u8;
        rectangle(&mut p, (x, y, w, h), grey);
    }
    p
}

fn rectangle(p: &mut [u8], (x, y, w, h): (usize, usize, usize, usize), grey: u8) {
    for row in p.chunks_exact_mut(W).skip(y).take(h) {
        let end = (x + w).min(W);
        row[x.min(end)..end].fill(grey);
    }
}

/// Each pixel the mean of its neighbours `r` to both sides, three times, along the rows.
fn blurred(p: &[u8], r: usize) -> Vec<u8> {
    let mut p = p.to_vec();
    for _ in 0..3 {
        for row in p.chunks_exact_mut(W) {
            let old = row.to_vec();
            for (x, v) in row.iter_mut().enumerate() {
                let part = &old[x.saturating_sub(r)..(x + r + 1).min(W)];
                *v = (part.iter().map(|v| u32::from(*v)).sum::<u32>() / part.len() as u32) as u8;
            }
        }
    }
    p
}

fn grainy(p: &[u8], seed: u32) -> Vec<u8> {
    let mut seed = seed;
    p.iter()
        .map(|v| {
            v.saturating_add((noise(&mut seed) % 7) as u8)
                .saturating_sub(3)
        })
        .collect()
}

fn s(n: u32) -> Option<Sensitivity> {
    Some(Sensitivity::clamped(n))
}

fn all(n: u32) -> WatchSettings {
    WatchSettings {
        motion: s(n),
        motion_hold: Duration::from_secs(2),
        dark: s(n),
        bright: s(n),
        blurry: s(n),
        scene: s(n),
        tampering_after: Duration::from_secs(3),
    }
}

struct Bench {
    watch: Watch,
    ms: u64,
}

impl Bench {
    fn new(settings: WatchSettings) -> Self {
        Self {
            watch: Watch::new(settings),
            ms: 0,
        }
    }

    /// Shows a picture for some time; what changed and after how many milliseconds.
    fn show(&mut self, picture: &[u8], ms: u64) -> Vec<(WatchKind, bool, u64)> {
        let mut seen = Vec::new();
        for k in 0..ms / 200 {
            let grain = grainy(picture, (self.ms + k) as u32);
            for c in self.look(&grain) {
                seen.push((c.kind, c.active, k * 200));
            }
        }
        seen
    }

    fn look(&mut self, picture: &[u8]) -> Vec<WatchChange> {
        let planes = Planes::Grey {
            data: picture,
            stride: W,
        };
        let size = FrameSize::new(W as u32, H as u32).unwrap();
        let pts = MediaTime::from_nanos(self.ms * 1_000_000);
        self.ms += 200;
        let frame = FrameView::new(planes, size, UtcTime::EPOCH, pts).unwrap();
        assert!(self.watch.wants(pts));
        self.watch.look(&frame, false)
    }
}

#[test]
fn a_still_scene_with_grain_and_changing_light_is_quiet() {
    let mut b = Bench::new(all(50));
    let street = street(1);
    for light in [100u32, 98, 96, 94, 92, 90, 92, 95, 99, 105, 110] {
        let lit: Vec<u8> = street
            .iter()
            .map(|v| (u32::from(*v) * light / 100).min(255) as u8)
            .collect();
        assert_eq!(b.show(&lit, 1000), [], "light {light}");
    }
}

#[test]
fn a_car_is_motion_and_ends_after_the_hold() {
    let mut b = Bench::new(all(50));
    let empty = street(2);
    assert_eq!(b.show(&empty, 3000), []);
    let mut began = None;
    for k in 0..10 {
        let mut with_car = empty.clone();
        rectangle(&mut with_car, (k * 60, 200, 150, 120), 230);
        for change in b.look(&with_car) {
            assert_eq!((change.kind, change.active), (WatchKind::Motion, true));
            began = Some(k);
        }
    }
    assert!(began.is_some_and(|k| k <= 1), "{began:?}");
    let after = b.show(&empty, 20_000);
    let [(WatchKind::Motion, false, ms)] = after[..] else {
        panic!("{after:?}")
    };
    // What the car uncovered fades from the background before the hold begins.
    assert!((2000..12_000).contains(&ms), "{ms}");
}

fn region(name: &str, left: f32, right: f32, sensitivity: u32) -> RegionWatch {
    let corners = [(left, 1.0), (left, -1.0), (right, -1.0), (right, 1.0)];
    RegionWatch {
        name: name.into(),
        polygon: corners.map(|(x, y)| NormPoint { x, y }).to_vec(),
        sensitivity: Sensitivity::clamped(sensitivity),
    }
}

fn told(watch: &mut Watch) -> Vec<(String, bool)> {
    let changes = watch.region_changes();
    changes.into_iter().map(|c| (c.name, c.active)).collect()
}

/// Profile T 8.6: motion is told for the region that it is in, whatever the whole picture is set to.
#[test]
fn a_region_sees_its_own_motion_only() {
    let mut b = Bench::new(WatchSettings {
        motion_hold: Duration::from_secs(2),
        ..WatchSettings::default()
    });
    assert!(!b.watch.wants(MediaTime::default()), "nothing is watched");
    b.watch.set_regions(vec![
        region("left", -1.0, 0.0, 50),
        region("right", 0.0, 1.0, 50),
    ]);
    let empty = street(2);
    b.show(&empty, 3000);
    assert_eq!(told(&mut b.watch), []);
    for k in 0..5 {
        let mut with_car = empty.clone();
        rectangle(&mut with_car, (k * 60, 200, 150, 120), 230);
        b.look(&with_car);
    }
    assert_eq!(told(&mut b.watch), [("left".to_owned(), true)]);
    b.show(&empty, 20_000);
    assert_eq!(told(&mut b.watch), [("left".to_owned(), false)]);
}

#[test]
fn a_region_keeps_its_state_and_ends_when_it_is_gone() {
    let mut b = Bench::new(WatchSettings {
        motion_hold: Duration::from_secs(30),
        ..WatchSettings::default()
    });
    let left = || region("left", -1.0, 0.0, 50);
    b.watch.set_regions(vec![left()]);
    let empty = street(2);
    b.show(&empty, 3000);
    let mut with_car = empty.clone();
    rectangle(&mut with_car, (60, 200, 150, 120), 230);
    b.look(&with_car);
    assert_eq!(told(&mut b.watch), [("left".to_owned(), true)]);
    // Another region beside it, another sensitivity: it goes on.
    let mut other = left();
    other.sensitivity = Sensitivity::clamped(60);
    b.watch
        .set_regions(vec![region("new", 0.5, 1.0, 50), other]);
    assert_eq!(told(&mut b.watch), []);
    b.watch.set_regions(vec![region("new", 0.5, 1.0, 50)]);
    assert_eq!(told(&mut b.watch), [("left".to_owned(), false)]);
    b.watch.set_regions(Vec::new());
    assert_eq!(told(&mut b.watch), [], "nothing moved in it");
}

#[test]
fn the_least_sensitive_watch_does_not_see_a_cat() {
    for (sensitivity, sees) in [(1, false), (100, true)] {
        let mut b = Bench::new(all(sensitivity));
        let empty = street(3);
        b.show(&empty, 3000);
        let mut cat = empty.clone();
        rectangle(&mut cat, (300, 300, 60, 40), 20);
        let seen = b.show(&cat, 600);
        assert_eq!(!seen.is_empty(), sees, "{sensitivity}: {seen:?}");
    }
}

#[test]
fn tampering_is_told_after_its_time_and_ends() {
    let normal = street(4);
    let dark: Vec<u8> = normal.iter().map(|v| v / 12).collect();
    let bright: Vec<u8> = normal.iter().map(|v| 235 + v / 13).collect();
    let soft = blurred(&normal, 12);
    let other = street(99);
    let covered = vec![120u8; W * H];
    for (name, tampered, kind) in [
        ("dark", &dark, WatchKind::TooDark),
        ("bright", &bright, WatchKind::TooBright),
        ("blurred", &soft, WatchKind::TooBlurry),
        ("turned", &other, WatchKind::SceneChange),
        ("covered", &covered, WatchKind::SceneChange),
    ] {
        let mut b = Bench::new(WatchSettings {
            motion: None,
            ..all(50)
        });
        assert_eq!(b.show(&normal, 4000), [], "{name}");
        assert_eq!(b.show(tampered, 3000), [], "{name}: not yet");
        assert_eq!(b.show(tampered, 1000), [(kind, true, 0)], "{name}");
        assert!(b.watch.is_active(kind));
        let after = b.show(&normal, 8000);
        assert_eq!(after, [(kind, false, 3000)], "{name}");
    }
}

#[test]
fn a_short_disturbance_is_no_tampering() {
    let mut b = Bench::new(WatchSettings {
        motion: None,
        ..all(50)
    });
    let normal = street(5);
    for _ in 0..4 {
        assert_eq!(b.show(&normal, 2000), []);
        assert_eq!(b.show(&vec![3; W * H], 2000), []);
    }
}

#[test]
fn a_turned_camera_is_the_scene_after_a_while() {
    let mut b = Bench::new(WatchSettings {
        motion: None,
        ..all(50)
    });
    b.show(&street(6), 3000);
    let seen = b.show(&street(77), 60_000);
    let kinds: Vec<_> = seen.iter().map(|(k, a, _)| (*k, *a)).collect();
    assert_eq!(
        kinds,
        [
            (WatchKind::SceneChange, true),
            (WatchKind::SceneChange, false)
        ],
        "{seen:?}"
    );
}

#[test]
fn what_is_switched_off_ends_and_wants_nothing() {
    let mut b = Bench::new(all(50));
    b.show(&street(7), 1000);
    b.show(&vec![2; W * H], 5000);
    assert!(b.watch.is_active(WatchKind::TooDark));
    let ended = b.watch.set_settings(WatchSettings::default());
    assert!(ended.contains(&WatchChange {
        kind: WatchKind::TooDark,
        active: false
    }));
    assert!(!b.watch.wants(MediaTime::from_nanos(u64::MAX)));
    assert_eq!(b.watch.set_settings(WatchSettings::default()), []);
}

#[test]
fn a_break_is_no_motion() {
    let mut b = Bench::new(all(100));
    b.show(&street(8), 2000);
    let other = street(9);
    let planes = Planes::Grey {
        data: &other,
        stride: W,
    };
    let size = FrameSize::new(W as u32, H as u32).unwrap();
    let pts = MediaTime::from_nanos(b.ms * 1_000_000);
    let frame = FrameView::new(planes, size, UtcTime::EPOCH, pts).unwrap();
    assert_eq!(b.watch.look(&frame, true), []);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Any picture of any size is looked at, and each change is a change.
    #[test]
    fn any_pictures_are_looked_at(
        (w, h) in (1u32..90, 1u32..90),
        frames in prop::collection::vec((any::<u8>(), any::<u8>(), any::<bool>(), 0u64..3000), 1..20),
        sensitivity in 0u32..200,
    ) {
        let mut watch = Watch::new(all(sensitivity));
        let size = FrameSize::new(w, h).unwrap();
        let mut state = [false; 5];
        let mut ms = 0;
        for (a, b, broken, step) in frames {
            let data: Vec<u8> = (0..w * h).map(|i| if i % 7 < 3 { a } else { b }).collect();
            ms += step;
            let planes = Planes::Grey { data: &data, stride: w as usize };
            let pts = MediaTime::from_nanos(ms * 1_000_000);
            let frame = FrameView::new(planes, size, UtcTime::EPOCH, pts).unwrap();
            for change in watch.look(&frame, broken) {
                prop_assert_ne!(state[change.kind as usize], change.active);
                state[change.kind as usize] = change.active;
            }
        }
        for kind in WatchKind::ALL {
            prop_assert_eq!(watch.is_active(kind), state[kind as usize]);
        }
    }

    /// What a watch sees, a more sensitive one sees as well.
    #[test]
    fn more_sensitive_sees_more(seed in any::<u32>(), scale in 1u32..40, low in 1u32..100) {
        let p: Vec<u8> = street(seed).iter().map(|v| (u32::from(*v) * scale / 20).min(255) as u8).collect();
        let planes = Planes::Grey { data: &p, stride: W };
        let size = FrameSize::new(W as u32, H as u32).unwrap();
        let frame = FrameView::new(planes, size, UtcTime::EPOCH, MediaTime::default()).unwrap();
        let cells = Cells::of(&frame);
        let (less, more) = (Sensitivity::clamped(low), Sensitivity::clamped(low + 1));
        prop_assert!(!too_dark(&cells, less) || too_dark(&cells, more));
        prop_assert!(!too_bright(&cells, less) || too_bright(&cells, more));
        prop_assert!(!too_blurry(&cells, less) || too_blurry(&cells, more));
    }
}
