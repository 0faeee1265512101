//! Tracks of plates, from their first analysed frame to the last, told once (Analytics Service §7.10). Pure.

use std::{collections::BTreeMap, time::Duration};

use lpr_core::{FrameSize, Scene, TrackedObject, UtcTime};
use onvif_contracts::tt;
use onvif_xml::{Any, Value, ns};
use platecam_model::settings::Percent;
use tokio::time::Instant;

use super::{
    catalog::OBJECT_TRACK,
    notice::{ItemValue, Notice},
};
use crate::{
    fault::date_time,
    media::SOURCE,
    metadata::{track_state, track_summary},
};

/// A plate has left when it was not seen for so long.
const HOLD: Duration = Duration::from_millis(1500);
/// Most tracks at a time: the one that was not seen for the longest makes room.
const MAX_TRACKS: usize = 64;

/// One followed plate.
#[derive(Debug)]
struct Pass {
    first: (UtcTime, TrackedObject, FrameSize),
    /// The newest frame, with what earlier ones had known and this one does not.
    last: (UtcTime, TrackedObject, FrameSize),
    /// The detector's best score.
    best: f32,
    until: Instant,
}

/// All that are in the picture.
#[derive(Debug, Default)]
pub(super) struct Tracks(BTreeMap<u64, Pass>);

impl Tracks {
    /// Takes an analysed frame.
    pub(super) fn see(&mut self, scene: &Scene, now: Instant) {
        for o in &scene.objects {
            let seen = (scene.captured_at, o.clone(), scene.frame_size);
            let until = now + HOLD;
            let Some(pass) = self.0.get_mut(&o.track_id) else {
                self.make_room();
                let pass = Pass {
                    first: seen.clone(),
                    last: seen,
                    best: o.score,
                    until,
                };
                self.0.insert(o.track_id, pass);
                continue;
            };
            let before = std::mem::replace(&mut pass.last, seen).1;
            let known = &mut pass.last.1;
            known.plate = known.plate.take().or(before.plate);
            known.colors.plate = known.colors.plate.or(before.colors.plate);
            known.colors.vehicle = known.colors.vehicle.or(before.colors.vehicle);
            known.vehicle_type = known.vehicle_type.or(before.vehicle_type);
            if known.direction == lpr_core::Direction::Unknown {
                known.direction = before.direction;
            }
            pass.best = pass.best.max(o.score);
            pass.until = until;
        }
    }

    fn make_room(&mut self) {
        if self.0.len() >= MAX_TRACKS {
            let oldest = self.0.iter().min_by_key(|(_, p)| p.until);
            if let Some(id) = oldest.map(|(id, _)| *id) {
                self.0.remove(&id);
            }
        }
    }

    /// When the next one has left.
    pub(super) fn due(&self) -> Option<Instant> {
        self.0.values().map(|p| p.until).min()
    }

    /// Those that have left by `now`, as `rule` tells of them.
    pub(super) fn left(&mut self, now: Instant, rule: &(String, Percent)) -> Vec<Notice> {
        let gone = self.0.extract_if(.., |_, p| p.until <= now);
        told(gone.map(|(_, pass)| pass), rule)
    }

    /// All: the picture source is gone.
    pub(super) fn all(&mut self, rule: &(String, Percent)) -> Vec<Notice> {
        told(std::mem::take(&mut self.0).into_values(), rule)
    }

    /// Nobody is told any more.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }
}

fn told(passes: impl Iterator<Item = Pass>, rule: &(String, Percent)) -> Vec<Notice> {
    let (name, least) = rule;
    let sure = |p: &Pass| p.best * 100.0 >= least.get() as f32;
    let mut passes: Vec<Pass> = passes.filter(sure).collect();
    // Who left first is told of first.
    passes.sort_by_key(|p| p.last.0);
    passes.iter().map(|p| notice(p, name)).collect()
}

fn notice(pass: &Pass, rule: &str) -> Notice {
    let state = |(at, object, size): &(UtcTime, TrackedObject, FrameSize)| {
        track_state(object, *size, date_time(*at))
    };
    let mut states = vec![state(&pass.first)];
    if pass.last.0 != pass.first.0 {
        states.push(state(&pass.last));
    }
    let track = tt::ObjectTrack {
        object_state: states,
    };
    let object = track_summary(&pass.last.1, pass.best);
    Notice {
        topic: &OBJECT_TRACK,
        at: pass.last.0,
        operation: None,
        source: vec![
            ("VideoSource", SOURCE.to_owned()),
            ("Rule", rule.to_owned()),
        ],
        data: vec![
            (
                "AggregationStart",
                ItemValue::Text(pass.first.0.to_string()),
            ),
            ("Final", ItemValue::Text("true".into())),
        ],
        elements: vec![
            (
                "Object",
                Any::written(|w| object.write(w, ns::TT, "Object")),
            ),
            (
                "ObjectTrack",
                Any::written(|w| track.write(w, ns::TT, "ObjectTrack")),
            ),
        ],
    }
}

#[cfg(test)]
mod tests {
    use lpr_core::{Color, ColorRead, Colors, Direction, PlateText, PxPoint, PxQuad, PxRect};

    use super::*;

    fn object(track_id: u64, x: f32, score: f32) -> TrackedObject {
        let rect = PxRect::new(x, 500.0, 200.0, 50.0);
        TrackedObject {
            track_id,
            rect,
            quad: PxQuad::new([
                PxPoint::new(rect.x, rect.y),
                PxPoint::new(rect.right(), rect.y),
                PxPoint::new(rect.right(), rect.bottom()),
                PxPoint::new(rect.x, rect.bottom()),
            ]),
            score,
            plate: None,
            direction: Direction::Unknown,
            unreadable: None,
            colors: Colors::default(),
            vehicle_type: None,
        }
    }

    fn scene(ms: i64, objects: Vec<TrackedObject>) -> Scene {
        Scene {
            captured_at: UtcTime::from_millis(1_795_000_000_000 + ms),
            frame_size: FrameSize::new(1920, 1080).unwrap(),
            objects,
        }
    }

    fn rule() -> (String, Percent) {
        ("Tracks".into(), Percent::clamped(50))
    }

    /// Once a pass, with the first and the last time, and with everything that was known in between.
    #[tokio::test(start_paused = true)]
    async fn a_pass_is_told_when_it_has_left() {
        let mut tracks = Tracks::default();
        let begin = Instant::now();
        tracks.see(
            &scene(0, vec![object(7, 100.0, 0.4), object(8, 900.0, 0.4)]),
            begin,
        );
        let read = TrackedObject {
            plate: Some(PlateText {
                text: "ABC123".into(),
                likelihood: 0.8,
                chars: vec![],
            }),
            direction: Direction::Approaching,
            colors: Colors {
                plate: None,
                vehicle: Some(ColorRead {
                    color: Color::Blue,
                    likelihood: 0.5,
                }),
            },
            ..object(7, 400.0, 0.9)
        };
        tracks.see(&scene(500, vec![read]), begin + Duration::from_millis(500));
        tracks.see(
            &scene(1000, vec![object(7, 700.0, 0.6)]),
            begin + Duration::from_millis(1000),
        );
        assert_eq!(tracks.due(), Some(begin + HOLD), "that of the other one");
        assert!(
            tracks.left(begin + HOLD, &rule()).is_empty(),
            "never sure enough"
        );
        assert!(tracks.left(begin + HOLD, &rule()).is_empty());
        let end = begin + Duration::from_millis(2500);
        assert_eq!(tracks.due(), Some(end));
        let told = tracks.left(end, &rule());
        let [notice] = &told[..] else {
            panic!("{told:?}")
        };
        assert_eq!(notice.at, UtcTime::from_millis(1_795_000_001_000));
        assert_eq!(
            notice.data,
            [
                (
                    "AggregationStart",
                    ItemValue::Text("2026-11-18T11:06:40.000Z".into())
                ),
                ("Final", ItemValue::Text("true".into())),
            ]
        );
        let object: tt::Object = notice.elements[0].1.read_as().unwrap();
        assert_eq!(object.object_id, Some(7));
        let seen = object.appearance.unwrap();
        assert!(seen.shape.is_none(), "where it was is momentary");
        let class = &seen.class.unwrap().r#type[0];
        assert_eq!(
            (class.value.as_str(), class.likelihood),
            ("LicensePlate", Some(0.9))
        );
        assert_eq!(
            seen.license_plate_info.unwrap().plate_number.value,
            "ABC123"
        );
        assert!(seen.vehicle_info[0].color.is_some());
        assert!(object.behaviour.unwrap().direction.is_some());
        let track: tt::ObjectTrack = notice.elements[1].1.read_as().unwrap();
        let times: Vec<_> = track
            .object_state
            .iter()
            .map(|s| s.capture_time.unix_millis() - 1_795_000_000_000)
            .collect();
        assert_eq!(times, [0, 1000]);
        let x = |n: usize| {
            let seen = track.object_state[n].appearance.as_ref().unwrap();
            seen.shape.as_ref().unwrap().bounding_box.left
        };
        assert!(x(0) < x(1));
        assert_eq!(tracks.due(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn many_at_a_time_are_bounded() {
        let mut tracks = Tracks::default();
        let now = Instant::now();
        for id in 0..500u64 {
            let at = now + Duration::from_millis(id);
            tracks.see(
                &scene(i64::try_from(id).unwrap(), vec![object(id, 0.0, 0.9)]),
                at,
            );
        }
        let told = tracks.all(&rule());
        assert_eq!(told.len(), MAX_TRACKS);
        assert!(told.is_sorted_by_key(|n| n.at));
        assert!(tracks.all(&rule()).is_empty());
    }
}
