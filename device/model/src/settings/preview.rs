//! Values that are tried on the live picture before they are saved. Nothing is stored; a preview ends by itself.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::watch;

use super::{Patch, Section, Settings, SettingsStore, VideoImage, VideoSensor};
use crate::{Actor, Error, Result};

/// The sections that can be tried.
const SECTIONS: [&str; 2] = [VideoImage::KEY, VideoSensor::KEY];

/// What is being tried.
pub(super) struct Previews {
    held: Mutex<BTreeMap<&'static str, Held>>,
    changed: watch::Sender<()>,
}

struct Held {
    value: Value,
    by: Actor,
    until: Instant,
}

impl Default for Previews {
    fn default() -> Self {
        Self {
            held: Mutex::default(),
            changed: watch::channel(()).0,
        }
    }
}

impl SettingsStore {
    /// How long values are tried without being named again.
    pub const PREVIEW: Duration = Duration::from_secs(10);

    /// Tries a merge patch of a section for [`SettingsStore::PREVIEW`]; again, and it goes on. What may not be stored
    /// is not tried either.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a section that cannot be tried, [`Error::Conflict`] while somebody else tries it, and as
    /// [`SettingsStore::apply`].
    pub fn preview(&self, key: &str, value: &Value, by: &Actor, now: Instant) -> Result<()> {
        let key = known(key)?;
        self.would_be(&[patch(key, value)], by)?;
        let mut held = self.previews.held.lock();
        let before = held.get(key).filter(|h| h.until > now);
        if let Some(other) = before.filter(|h| !same(&h.by, by)) {
            let who = &other.by;
            return Err(Error::Conflict(format!("{who} tries values of {key} now")));
        }
        let news = before.is_none_or(|h| h.value != *value);
        let (value, by) = (value.clone(), by.clone());
        let until = now + Self::PREVIEW;
        held.insert(key, Held { value, by, until });
        drop(held);
        if news {
            self.previews.changed.send_replace(());
        }
        Ok(())
    }

    /// Ends what this user tries of a section.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a section that cannot be tried.
    pub fn end_preview(&self, key: &str, by: &Actor) -> Result<()> {
        let key = known(key)?;
        let mut held = self.previews.held.lock();
        if held.get(key).is_some_and(|h| same(&h.by, by)) {
            held.remove(key);
            drop(held);
            self.previews.changed.send_replace(());
        }
        Ok(())
    }

    /// All settings with what is tried now, and when the next preview ends.
    pub fn previewed(&self, now: Instant) -> (Settings, Option<Instant>) {
        let mut held = self.previews.held.lock();
        held.retain(|_, h| h.until > now);
        if held.is_empty() {
            return (self.snapshot(), None);
        }
        let patches: Vec<Patch> = held.iter().map(|(key, h)| patch(key, &h.value)).collect();
        let end = held.values().map(|h| h.until).min();
        drop(held);
        // What was stored meanwhile may not go with it: then it is not tried.
        let settings = self.would_be(&patches, &Actor::system());
        (settings.unwrap_or_else(|_| self.snapshot()), end)
    }

    /// Hears when something else is tried, or nothing any more; not when time ends it.
    pub fn watch_previews(&self) -> watch::Receiver<()> {
        self.previews.changed.subscribe()
    }
}

fn patch(key: &str, value: &Value) -> Patch {
    Patch {
        key: key.to_owned(),
        value: value.clone(),
        if_revision: None,
    }
}

fn same(a: &Actor, b: &Actor) -> bool {
    a.user == b.user && a.peer == b.peer
}

fn known(key: &str) -> Result<&'static str> {
    let known = SECTIONS.into_iter().find(|k| *k == key);
    known.ok_or_else(|| Error::not_found("preview of", key))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        Permission, Permissions,
        settings::{DayNight, VideoMain},
        testing::{TestDevice, uninitialised},
    };

    fn brightness(t: &TestDevice, now: Instant) -> u8 {
        let (all, _) = t.device.settings.previewed(now);
        all.get::<VideoImage>().brightness.get()
    }

    /// IMG-1, IMG-5: tried values are seen and not stored, and end with their time or their user.
    #[test]
    fn values_are_tried_and_go_back() {
        let t = uninitialised();
        let (settings, admin) = (&t.device.settings, Actor::system());
        let start = Instant::now();
        let tick = Duration::from_millis(1);
        let was = brightness(&t, start);
        let mut news = settings.watch_previews();
        news.mark_unchanged();
        let try_it = |value: &Value, now| settings.preview("video.image", value, &admin, now);
        try_it(&json!({"brightness": 80}), start).unwrap();
        assert!(news.has_changed().unwrap());
        news.mark_unchanged();
        assert_eq!(brightness(&t, start), 80);
        assert_eq!(
            settings.get::<VideoImage>().brightness.get(),
            was,
            "nothing is stored"
        );
        assert_eq!(settings.read("video.image", &admin).unwrap().revision.0, 0);

        // Named again it goes on, and is no news.
        let later = start + SettingsStore::PREVIEW - tick;
        try_it(&json!({"brightness": 80}), later).unwrap();
        assert!(!news.has_changed().unwrap());
        let end = later + SettingsStore::PREVIEW;
        assert_eq!(settings.previewed(end - tick).1, Some(end));
        assert_eq!(brightness(&t, end - tick), 80);
        assert_eq!(brightness(&t, end), was, "its time is over");

        // Both sections at once, above what is stored meanwhile.
        try_it(&json!({"brightness": 20}), end).unwrap();
        let night = json!({"day_night": "black_white"});
        settings
            .preview("video.sensor", &night, &admin, end)
            .unwrap();
        let stored = json!({"brightness": 60, "contrast": 70});
        settings
            .patch("video.image", &stored, None, &admin)
            .unwrap();
        let (all, _) = settings.previewed(end);
        let image = all.get::<VideoImage>();
        assert_eq!((image.brightness.get(), image.contrast.get()), (20, 70));
        assert_eq!(all.get::<VideoSensor>().day_night, DayNight::BlackWhite);
        settings.end_preview("video.image", &admin).unwrap();
        settings.end_preview("video.sensor", &admin).unwrap();
        let (all, next) = settings.previewed(end);
        assert_eq!((all.get::<VideoImage>().brightness.get(), next), (60, None));
        assert_eq!(all.get::<VideoSensor>().day_night, DayNight::Color);
    }

    #[test]
    fn what_may_not_be_stored_is_not_tried() {
        let t = uninitialised();
        let settings = &t.device.settings;
        let now = Instant::now();
        let admin = Actor::system();
        let wrong = json!({"brightness": 101});
        let Err(Error::Invalid(v)) = settings.preview("video.image", &wrong, &admin, now) else {
            panic!("101 was tried");
        };
        assert_eq!(v.0[0].pointer, "/brightness");
        let main = settings.preview(VideoMain::KEY, &json!({}), &admin, now);
        assert!(matches!(main, Err(Error::NotFound { .. })));
        let mut viewer = Actor::system();
        viewer.permissions = Permissions::of(&[Permission::LiveView]);
        let bright = json!({"brightness": 80});
        let refused = settings.preview("video.image", &bright, &viewer, now);
        assert!(matches!(refused, Err(Error::Forbidden(_))), "{refused:?}");
        assert_eq!(settings.previewed(now).1, None);
    }

    /// Two people at the page do not pull at the picture.
    #[test]
    fn one_tries_at_a_time() {
        let t = uninitialised();
        let settings = &t.device.settings;
        let (now, bright) = (Instant::now(), json!({"brightness": 80}));
        let [mut ann, mut bob] = [Actor::system(), Actor::system()];
        (ann.user, bob.user) = (Some("ann".into()), Some("bob".into()));
        settings.preview("video.image", &bright, &ann, now).unwrap();
        let refused = settings.preview("video.image", &bright, &bob, now);
        assert!(matches!(refused, Err(Error::Conflict(_))), "{refused:?}");
        settings.end_preview("video.image", &bob).unwrap();
        assert_eq!(brightness(&t, now), 80, "it is not bob's to end");
        let end = now + SettingsStore::PREVIEW;
        settings.preview("video.image", &bright, &bob, end).unwrap();
    }
}
