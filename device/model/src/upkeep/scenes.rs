//! Scenes of the picture, by the clock (IMG-12). Pure but for the settings' one write: time is an argument.

use std::time::Duration;

use chrono::Timelike;

use crate::{
    Actor, Device, Result,
    settings::{Scene, Section, TimeOfDay, TimeSettings, VideoImage, VideoScenes},
};

/// What is in force, and what the schedule last asked for.
#[derive(Clone, Debug, Default)]
pub struct SceneKeeper {
    /// It has looked since the start of the unit.
    started: bool,
    /// The scene that the schedule began.
    begun: Option<Scene>,
    /// The scene in force, with its picture as it was.
    current: Option<(Scene, VideoImage)>,
}

impl SceneKeeper {
    /// The picture to be set now, if any: a scene begins, or the values of the one in force were changed.
    fn step(
        &mut self,
        scenes: &VideoScenes,
        picture: &VideoImage,
        time: TimeOfDay,
    ) -> Option<VideoImage> {
        let due = scenes.scheduled.then(|| scenes.at(time).0);
        let begins = due.filter(|scene| self.begun != Some(*scene));
        self.begun = due;
        let edited = match &self.current {
            Some((scene, was)) if was == picture => Some(*scene),
            _ => None,
        };
        let wanted = begins.or(edited).map(|scene| scenes.picture(scene));
        let wanted = wanted.filter(|wanted| *wanted != picture);
        let now = wanted.unwrap_or(picture);
        self.current = scenes.of(now).map(|scene| (scene, now.clone()));
        wanted.cloned()
    }
}

/// From one time of the day to the next such other one.
fn elapsed(from: TimeOfDay, to: TimeOfDay) -> Duration {
    let minutes = |t: TimeOfDay| 60 * u64::from(t.hour()) + u64::from(t.minute());
    Duration::from_secs(60 * ((minutes(to) + 24 * 60 - minutes(from)) % (24 * 60)))
}

impl Device {
    /// Begins the scene that is due, and lets the picture follow the values of the scene in force. Call it once a
    /// second.
    ///
    /// # Errors
    /// As of [`SettingsStore::update`](crate::settings::SettingsStore::update).
    pub fn keep_scene(&self, keeper: &mut SceneKeeper) -> Result<()> {
        if !self.meets(VideoScenes::NEEDS) {
            return Ok(());
        }
        let all = self.settings.snapshot();
        let at = all.get::<TimeSettings>().effective();
        let at = at.local(self.clock.now()).at;
        // An hour has 60 minutes and a day 24 hours: the numbers fit.
        let Some(time) = TimeOfDay::new(at.hour() as u8, at.minute() as u8) else {
            return Ok(());
        };
        let before = keeper.clone();
        let scenes = all.get::<VideoScenes>();
        if !keeper.started {
            keeper.started = true;
            // A picture that was set since the scene began stays, also over a restart.
            let (scene, from) = scenes.at(time);
            let since = self.clock.now() - elapsed(from, time);
            let set = self.settings.read(VideoImage::KEY, &Actor::system())?;
            if set.changed_at.is_some_and(|at| at >= since) {
                keeper.begun = scenes.scheduled.then_some(scene);
            }
        }
        let image = all.get::<VideoImage>();
        let Some(picture) = keeper.step(&scenes, &image, time) else {
            return Ok(());
        };
        let change = |s: &mut VideoImage| *s = picture;
        let done = self.settings.update(&Actor::system(), change);
        if done.is_err() {
            // Tried again a second later.
            *keeper = before;
        }
        done.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{TestDevice, initialised};

    fn scene(t: &TestDevice) -> Option<Scene> {
        let all = t.device.settings.snapshot();
        all.get::<VideoScenes>().of(&all.get::<VideoImage>())
    }

    fn set(t: &TestDevice, key: &str, value: serde_json::Value) {
        let by = Actor::system();
        t.device.settings.patch(key, &value, None, &by).unwrap();
    }

    /// IMG-12: scenes begin at their times; what somebody sets by hand stays until the next.
    #[test]
    fn scenes_begin_by_the_clock() {
        let t = initialised();
        let mut keeper = SceneKeeper::default();
        set(&t, "time", json!({"time_zone": "UTC0"}));
        assert_eq!(t.device.clock.now().to_string()[11..16], *"11:06");
        t.device.keep_scene(&mut keeper).unwrap();
        assert_eq!(scene(&t), Some(Scene::Day), "the default picture");
        set(&t, "video.image", json!({"contrast": 60}));
        t.device.keep_scene(&mut keeper).unwrap();
        assert_eq!(scene(&t), None, "nothing is scheduled");
        set(&t, "video.scenes", json!({"scheduled": true}));
        t.device.keep_scene(&mut keeper).unwrap();
        assert_eq!(scene(&t), Some(Scene::Day), "begins at once");
        set(&t, "video.image", json!({"contrast": 60}));
        t.clock.advance(Duration::from_secs(3600));
        t.device.keep_scene(&mut keeper).unwrap();
        assert_eq!(scene(&t), None, "by hand, until the next");
        for (hours, expect) in [
            (7, Scene::MorningDusk),
            (2, Scene::Night),
            (10, Scene::MorningDusk),
            (2, Scene::Day),
        ] {
            t.clock.advance(Duration::from_secs(3600 * hours));
            t.device.keep_scene(&mut keeper).unwrap();
            assert_eq!(scene(&t), Some(expect));
        }
    }

    /// What was set by hand outlasts a restart of the unit; a scene that began while it was off begins late.
    #[test]
    fn a_restart_begins_only_what_is_due() {
        let t = initialised();
        set(&t, "time", json!({"time_zone": "UTC0"}));
        set(&t, "video.scenes", json!({"scheduled": true}));
        t.device.keep_scene(&mut SceneKeeper::default()).unwrap();
        set(&t, "video.image", json!({"contrast": 60}));
        for (hours, expect) in [(1, None), (5, None), (2, Some(Scene::MorningDusk))] {
            t.clock.advance(Duration::from_secs(3600 * hours));
            t.device.keep_scene(&mut SceneKeeper::default()).unwrap();
            assert_eq!(scene(&t), expect, "{}", t.device.clock.now());
        }
        set(&t, "video.image", json!({"contrast": 60}));
        // Over midnight, from 22:06 to 04:06.
        t.clock.advance(Duration::from_secs(3600 * 3));
        t.device.keep_scene(&mut SceneKeeper::default()).unwrap();
        assert_eq!(scene(&t), Some(Scene::Night));
        set(&t, "video.image", json!({"contrast": 60}));
        t.clock.advance(Duration::from_secs(3600 * 6));
        t.device.keep_scene(&mut SceneKeeper::default()).unwrap();
        assert_eq!(scene(&t), None);
    }

    /// IMG-13, IMG-16: the values of the scene in force are changed with effect; those of others are not.
    #[test]
    fn the_picture_follows_its_scene() {
        let t = initialised();
        let mut keeper = SceneKeeper::default();
        t.device.keep_scene(&mut keeper).unwrap();
        set(&t, "video.scenes", json!({"night": {"sharpness": 10}}));
        t.device.keep_scene(&mut keeper).unwrap();
        let sharpness = || t.device.settings.get::<VideoImage>().sharpness.get();
        assert_eq!(sharpness(), 50);
        set(&t, "video.scenes", json!({"day": {"sharpness": 70}}));
        t.device.keep_scene(&mut keeper).unwrap();
        assert_eq!((sharpness(), scene(&t)), (70, Some(Scene::Day)));
        // A write that fails is tried again.
        set(&t, "video.scenes", json!({"day": {"sharpness": 80}}));
        t.store.fail_writes(true);
        assert!(t.device.keep_scene(&mut keeper).is_err());
        t.store.fail_writes(false);
        t.device.keep_scene(&mut keeper).unwrap();
        assert_eq!(sharpness(), 80);
    }
}
