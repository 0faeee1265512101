//! Scenes: pictures set beforehand, for chosen hours or by hand (IMG-12, IMG-13).

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CheckContext, Level, Section, TimeOfDay, VideoImage};
use crate::{
    Permission, Violation, Violations,
    product::{Function, Need},
};

/// The scenes of the manual (IMG-12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scene {
    /// Sunrise and sunset.
    MorningDusk,
    /// Daylight.
    Day,
    /// Dark.
    Night,
}

impl Scene {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::MorningDusk, Self::Day, Self::Night];

    /// Its name in settings and its ONVIF token.
    pub const fn name(self) -> &'static str {
        match self {
            Self::MorningDusk => "morning_dusk",
            Self::Day => "day",
            Self::Night => "night",
        }
    }

    /// Its name for people.
    pub const fn title(self) -> &'static str {
        match self {
            Self::MorningDusk => "Morning/Dusk",
            Self::Day => "Day",
            Self::Night => "Night",
        }
    }
}

impl fmt::Display for Scene {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.title())
    }
}

/// The picture of each scene, and when a scene begins by itself. Choosing a scene copies it to the section
/// `video.image`, which alone says how the picture is. ONVIF: `timg:GetPresets`, `timg:SetCurrentPreset`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VideoScenes {
    /// Picture at sunrise and sunset.
    #[schemars(title = "Morning/Dusk")]
    pub morning_dusk: VideoImage,
    /// Picture in daylight.
    #[schemars(title = "Day")]
    pub day: VideoImage,
    /// Picture in the dark.
    #[schemars(title = "Night")]
    pub night: VideoImage,
    /// Scenes begin by themselves at the times below, by the unit's clock. A picture set by hand stays until the next
    /// of them.
    #[schemars(title = "Schedule")]
    pub scheduled: bool,
    /// The scene Morning/Dusk begins for the first time.
    #[schemars(title = "Morning", extend("x-visible-when" = {"scheduled": true}))]
    pub morning_from: TimeOfDay,
    /// The scene Day begins.
    #[schemars(title = "Day", extend("x-visible-when" = {"scheduled": true}))]
    pub day_from: TimeOfDay,
    /// The scene Morning/Dusk begins for the second time.
    #[schemars(title = "Dusk", extend("x-visible-when" = {"scheduled": true}))]
    pub dusk_from: TimeOfDay,
    /// The scene Night begins; it lasts over midnight.
    #[schemars(title = "Night", extend("x-visible-when" = {"scheduled": true}))]
    pub night_from: TimeOfDay,
}

/// A time that is written here, and so is one.
const fn hour(hour: u8) -> TimeOfDay {
    match TimeOfDay::new(hour, 0) {
        Some(time) => time,
        None => panic!("no such hour"),
    }
}

impl Default for VideoScenes {
    fn default() -> Self {
        Self {
            morning_dusk: VideoImage {
                gamma: Level::clamped(56),
                ..VideoImage::default()
            },
            day: VideoImage::default(),
            night: VideoImage {
                saturation: Level::clamped(40),
                gamma: Level::clamped(60),
                // Noise of the dark is not sharpened.
                sharpness: Level::clamped(40),
                ..VideoImage::default()
            },
            scheduled: false,
            morning_from: hour(6),
            day_from: hour(8),
            dusk_from: hour(18),
            night_from: hour(20),
        }
    }
}

impl VideoScenes {
    /// How the picture is in a scene.
    pub const fn picture(&self, scene: Scene) -> &VideoImage {
        match scene {
            Scene::MorningDusk => &self.morning_dusk,
            Scene::Day => &self.day,
            Scene::Night => &self.night,
        }
    }

    /// The scene that a picture is; no two are the same.
    pub fn of(&self, picture: &VideoImage) -> Option<Scene> {
        Scene::ALL
            .into_iter()
            .find(|scene| self.picture(*scene) == picture)
    }

    /// The scene of a time of the day, and when it began: later than `time` when that was yesterday.
    pub fn at(&self, time: TimeOfDay) -> (Scene, TimeOfDay) {
        [
            (Scene::Night, self.night_from),
            (Scene::MorningDusk, self.dusk_from),
            (Scene::Day, self.day_from),
            (Scene::MorningDusk, self.morning_from),
        ]
        .into_iter()
        .find(|(_, from)| *from <= time)
        .unwrap_or((Scene::Night, self.night_from))
    }
}

impl Section for VideoScenes {
    const KEY: &'static str = "video.scenes";
    const TITLE: &'static str = "Scenes";
    const PAGE: &'static str = "Setting/Camera/Attribute/General";
    const WRITE: Permission = Permission::ImageConfig;
    const NEEDS: Option<Need> = Some(Need::Function(Function::PictureSettings));

    fn check(&self, _cx: &CheckContext<'_>, violations: &mut Violations) {
        // Which scene is in force is read from the picture alone.
        for (i, scene) in Scene::ALL.into_iter().enumerate() {
            let same = Scene::ALL[..i]
                .iter()
                .find(|other| self.picture(**other) == self.picture(scene));
            violations.require(same.is_none(), || {
                let other = same.map_or("", |s| s.title());
                let reason = format!("must differ from the scene {other} in at least one value");
                Violation::new(&format!("/{}", scene.name()), "", reason)
            });
        }
        for (pointer, time, before) in [
            ("/day_from", self.day_from, self.morning_from),
            ("/dusk_from", self.dusk_from, self.day_from),
            ("/night_from", self.night_from, self.dusk_from),
        ] {
            violations.require(before < time, || {
                Violation::new(pointer, time, format!("must be later than {before}"))
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{Actor, Error, testing::uninitialised};

    /// IMG-12: each time of the day has its scene, also over midnight.
    #[test]
    fn a_day_has_its_scenes() {
        let scenes = VideoScenes::default();
        for (time, scene) in [
            ("00:00", (Scene::Night, 20)),
            ("05:59", (Scene::Night, 20)),
            ("06:00", (Scene::MorningDusk, 6)),
            ("07:59", (Scene::MorningDusk, 6)),
            ("08:00", (Scene::Day, 8)),
            ("17:59", (Scene::Day, 8)),
            ("18:00", (Scene::MorningDusk, 18)),
            ("19:59", (Scene::MorningDusk, 18)),
            ("20:00", (Scene::Night, 20)),
            ("23:59", (Scene::Night, 20)),
        ] {
            let (found, from) = scenes.at(time.parse().unwrap());
            assert_eq!((found, from.hour()), scene, "{time}");
        }
    }

    /// IMG-13, IMG-17: each scene has its own values; a picture is one scene or none.
    #[test]
    fn scenes_differ_and_follow_each_other() {
        let t = uninitialised();
        let set = |value: Value| {
            let settings = &t.device.settings;
            settings.patch("video.scenes", &value, None, &Actor::system())
        };
        let day = serde_json::to_value(VideoImage::default()).unwrap();
        for (value, pointer) in [
            (json!({ "night": day }), "/night"),
            (json!({ "night": {"sharpness": 101} }), "/night/sharpness"),
            (json!({"day_from": "05:00"}), "/day_from"),
            (json!({"night_from": "18:00"}), "/night_from"),
            (json!({"dusk_from": "24:00"}), "/dusk_from"),
        ] {
            let Err(Error::Invalid(found)) = set(value.clone()) else {
                panic!("{value} was taken");
            };
            assert_eq!(found.0[0].pointer, pointer, "{value}");
        }
        let changed = json!({"night": {"sharpness": 20}});
        set(changed).unwrap();
        let scenes = t.device.settings.get::<VideoScenes>();
        assert_eq!(scenes.of(&scenes.night), Some(Scene::Night));
        assert_eq!(scenes.of(&VideoImage::default()), Some(Scene::Day));
        let other = VideoImage {
            contrast: Level::clamped(51),
            ..VideoImage::default()
        };
        assert_eq!(scenes.of(&other), None);
    }
}
