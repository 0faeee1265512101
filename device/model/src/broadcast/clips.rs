//! Voice prompts: added, removed, played, and linked to alarms and plates.

use std::time::Duration;

use lpr_core::PlateRead;

use super::{Item, MAX_CLIP_BYTES, Manner, Playing, Sound, queue::Broadcast, speakable, spelled};
use crate::{
    Actor, Device, Error, EventKind, LogKind, Permission, Result,
    alarm::Alarm,
    log::{NewLogEntry, Severity},
    settings::{
        AudioClip, AudioClips, AudioOutput, ClipLanguage, Patch, RepeatInterval, Repeats, Section,
        TOKEN_RULE, Volume, is_token,
    },
};

/// A prompt of an alarm, or one that somebody plays, is of use for so long.
const PROMPT: Duration = Duration::from_secs(60);
/// What is said to a vehicle that has driven on is of no use.
const PLATE: Duration = Duration::from_secs(10);
/// Most sound of a text, beside the wait for it.
const LONGEST: Duration = Duration::from_secs(120);
/// Stands for the plate in the text for vehicles.
const PLACE: &str = "{plate}";

/// A prompt that is to be added.
#[derive(Clone, Debug, PartialEq)]
pub struct NewClip {
    /// Everything but its sound. An empty token is made.
    pub clip: AudioClip,
    /// A WAV file for a prompt without a text.
    pub file: Option<Vec<u8>>,
}

impl NewClip {
    /// A prompt with this name, heard once.
    #[must_use]
    pub fn named(name: &str) -> Self {
        let clip = AudioClip {
            token: String::new(),
            name: name.into(),
            enabled: true,
            text: String::new(),
            language: ClipLanguage::Unit,
            repeats: Repeats::clamped(0),
            interval_seconds: RepeatInterval::clamped(0),
            own_volume: false,
            volume: Volume::clamped(50),
        };
        Self { clip, file: None }
    }
}

/// The section as it is to be.
fn whole(clips: &AudioClips) -> Result<Patch> {
    Ok(Patch {
        key: AudioClips::KEY.into(),
        value: serde_json::to_value(clips).map_err(Error::internal)?,
        if_revision: None,
    })
}

impl Device {
    /// Why nothing can be heard; `None` when sounds can.
    #[must_use]
    pub fn is_mute(&self) -> Option<String> {
        self.upkeep.loudspeaker.unavailable()
    }

    /// Whether the sound of a prompt is there; one with a text needs none.
    ///
    /// # Errors
    /// [`Error::Internal`].
    pub fn missing_sounds(&self) -> Result<Vec<String>> {
        let there = self.upkeep.clips.tokens()?;
        let clips = self.settings.get::<AudioClips>();
        let lacks = |c: &&AudioClip| c.is_recorded() && !there.contains(&c.token);
        let missing = clips.clips.iter().filter(lacks);
        Ok(missing.map(|c| c.token.clone()).collect())
    }

    /// Adds a voice prompt and gives its token; the sound is on the disk then, and the prompt in the settings (GEN-20).
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::Malformed`] for a file that is none, [`Error::Exhausted`], [`Error::Invalid`],
    /// [`Error::Conflict`] when the token is another one's, [`Error::Internal`].
    pub fn add_clip(&self, by: &Actor, new: NewClip) -> Result<String> {
        by.require(Permission::VideoConfig)?;
        let NewClip { mut clip, file } = new;
        match &file {
            Some(file) if file.len() > MAX_CLIP_BYTES => {
                let reason = format!("has {} bytes; at most {MAX_CLIP_BYTES}", file.len());
                let what = "WAV file";
                return Err(Error::Malformed { what, reason });
            }
            Some(file) => drop(Sound::from_wav(file)?),
            None if clip.text.is_empty() => {
                let reason = "must not be empty: there is no sound either";
                return Err(Error::invalid("/text", "", reason));
            }
            None => {}
        }
        // It becomes the name of a file.
        if !clip.token.is_empty() && !is_token(&clip.token) {
            return Err(Error::invalid("/token", &clip.token, TOKEN_RULE));
        }
        let _clips = self.broadcast.clips.lock();
        let mut all = (*self.settings.get::<AudioClips>()).clone();
        if clip.token.is_empty() {
            let free = |n: &usize| all.find(&format!("clip_{n}")).is_none();
            let n = (1..).find(free).unwrap_or_default();
            clip.token = format!("clip_{n}");
        } else if all.find(&clip.token).is_some() {
            let why = format!("there is a voice prompt '{}' already", clip.token);
            return Err(Error::Conflict(why));
        }
        if all.clips.len() >= AudioClips::MAX {
            return Err(Error::Exhausted {
                what: "voice prompts",
                limit: AudioClips::MAX as u64,
            });
        }
        let token = clip.token.clone();
        all.clips.push(clip);
        // A power cut between the two leaves a file that the next start removes.
        if let Some(file) = file {
            self.upkeep.clips.put(&token, &file)?;
        }
        if let Err(e) = self.settings.apply(&[whole(&all)?], by) {
            self.upkeep.clips.remove(&token)?;
            return Err(e);
        }
        Ok(token)
    }

    /// Changes a voice prompt; its sound and its text stay.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`], [`Error::Invalid`].
    pub fn set_clip(&self, by: &Actor, clip: AudioClip) -> Result<()> {
        by.require(Permission::VideoConfig)?;
        let _clips = self.broadcast.clips.lock();
        let mut all = (*self.settings.get::<AudioClips>()).clone();
        let old = all.clips.iter_mut().find(|c| c.token == clip.token);
        let old = old.ok_or_else(|| Error::not_found("voice prompt", &clip.token))?;
        *old = AudioClip {
            text: old.text.clone(),
            language: old.language,
            ..clip
        };
        self.settings.apply(&[whole(&all)?], by).map(drop)
    }

    /// Removes a voice prompt and its sound. One that is heard, or is linked to an alarm, stays.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`], [`Error::Conflict`], [`Error::Invalid`], [`Error::Internal`].
    pub fn delete_clip(&self, by: &Actor, token: &str) -> Result<()> {
        by.require(Permission::VideoConfig)?;
        let _clips = self.broadcast.clips.lock();
        let mut all = (*self.settings.get::<AudioClips>()).clone();
        let before = all.clips.len();
        all.clips.retain(|c| c.token != token);
        if all.clips.len() == before {
            return Err(Error::not_found("voice prompt", token));
        }
        if self.broadcast.playing().is_some_and(|p| p.token == token) {
            let why = format!("the voice prompt '{token}' is being played");
            return Err(Error::Conflict(why));
        }
        self.settings.apply(&[whole(&all)?], by)?;
        self.upkeep.clips.remove(token)
    }

    /// Removes sounds that no prompt names: after a power cut, and after the prompts went by Default, Restore or an import.
    ///
    /// # Errors
    /// [`Error::Internal`].
    pub fn tidy_clips(&self) -> Result<()> {
        let _clips = self.broadcast.clips.lock();
        let clips = self.settings.get::<AudioClips>();
        for token in self.upkeep.clips.tokens()? {
            if clips.find(&token).is_none_or(|c| !c.is_recorded()) {
                self.upkeep.clips.remove(&token)?;
            }
        }
        Ok(())
    }

    /// Plays a voice prompt as soon as nothing else is heard, `repeats` times more or as often as it says itself.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`], [`Error::Unsupported`] without a loudspeaker, [`Error::Conflict`] for a
    /// prompt that is off, [`Error::Exhausted`] when too many wait.
    pub fn play_clip(&self, by: &Actor, token: &str, repeats: Option<Repeats>) -> Result<()> {
        by.require(Permission::BarrierControl)?;
        if let Some(reason) = self.is_mute() {
            return Err(Error::Unsupported(reason));
        }
        let clips = self.settings.get::<AudioClips>();
        let clip = clips.find(token);
        let mut clip = clip
            .ok_or_else(|| Error::not_found("voice prompt", token))?
            .clone();
        if !clip.enabled {
            let why = format!("the voice prompt '{token}' is switched off");
            return Err(Error::Conflict(why));
        }
        clip.repeats = repeats.unwrap_or(clip.repeats);
        self.enqueue(Item::Clip(clip), PROMPT)?;
        let what = format!("The voice prompt {token} was played.");
        self.audit(LogKind::Alarm, by, what);
        Ok(())
    }

    /// Stops a voice prompt, or everything that is heard and waits. False when there was nothing.
    ///
    /// # Errors
    /// [`Error::Forbidden`].
    pub fn stop_sounds(&self, by: &Actor, token: Option<&str>) -> Result<bool> {
        by.require(Permission::BarrierControl)?;
        Ok(self.broadcast.stop(token))
    }

    /// What is heard now.
    #[must_use]
    pub fn playing(&self) -> Option<Playing> {
        self.broadcast.playing()
    }

    /// Plays the prompt that is linked to the input of an alarm (GEN-19, GEN-20).
    pub fn announce_alarm(&self, alarm: &Alarm) {
        if alarm.prompt.is_empty() || self.is_mute().is_some() {
            return;
        }
        let clips = self.settings.get::<AudioClips>();
        let Some(clip) = clips.find(&alarm.prompt).filter(|c| c.enabled) else {
            return;
        };
        if let Err(e) = self.enqueue(Item::Clip(clip.clone()), PROMPT) {
            self.not_heard(&clip.name, &e);
        }
    }

    /// Says the text for vehicles, with the plate where it is wanted (AUDIO-3). Tests and vehicles without one are left out.
    pub fn announce_plate(&self, read: &PlateRead) {
        let output = self.settings.get::<AudioOutput>();
        if !output.announce_plates
            || read.test
            || read.plate_number.is_empty()
            || self.is_mute().is_some()
        {
            return;
        }
        let text = output
            .plate_text
            .replace(PLACE, &spelled(&read.plate_number));
        // Too many vehicles at a time: the first ones are spoken to.
        let _ = self.enqueue(Item::Text(text), PLATE);
    }

    fn enqueue(&self, item: Item, useful: Duration) -> Result<()> {
        let until = self.clock.monotonic() + useful;
        self.broadcast.add(item, until)
    }

    /// Plays what waits first, to its end. Blocks; false when nothing waited.
    pub fn play_next(&self) -> bool {
        let Some((item, until)) = self.broadcast.take(self.clock.monotonic()) else {
            return false;
        };
        let name = match &item {
            Item::Clip(clip) => clip.name.clone(),
            Item::Text(text) => text.clone(),
        };
        if let Err(e) = self.play_item(item, until) {
            self.not_heard(&name, &e);
        }
        self.broadcast.ended();
        true
    }

    fn play_item(&self, item: Item, until: Duration) -> Result<()> {
        let queue: &Broadcast = &self.broadcast;
        let manner = self.manner();
        let (sound, level, repeats, interval) = match item {
            Item::Text(text) => (self.said(&text, manner)?, None, 0, 0),
            Item::Clip(clip) => {
                let language = clip.language.of(manner.language);
                let sound = if clip.is_recorded() {
                    let file = self.upkeep.clips.get(&clip.token)?;
                    let file = file.ok_or_else(|| Error::not_found("sound of", &clip.token))?;
                    Some(Sound::from_wav(&file)?)
                } else {
                    self.said(&clip.text, Manner { language, ..manner })?
                };
                let level = clip.level().map(|v| v.get());
                (
                    sound,
                    level,
                    clip.repeats.get(),
                    clip.interval_seconds.get(),
                )
            }
        };
        let Some(sound) = sound else { return Ok(()) };
        for left in (0..=repeats).rev() {
            queue.left(left);
            let end = self.clock.monotonic().max(until) + LONGEST;
            let go_on = || !queue.stopped() && self.clock.monotonic() < end;
            let whole = self.upkeep.loudspeaker.play(&sound, level, &go_on)?;
            let pause = Duration::from_secs(interval.into());
            if !whole || left > 0 && queue.pause(pause) {
                break;
            }
        }
        Ok(())
    }

    /// The sound of a text; none when nothing of it can be said (AUDIO-5).
    fn said(&self, text: &str, manner: Manner) -> Result<Option<Sound>> {
        let text = speakable(text);
        if text.is_empty() {
            return Ok(None);
        }
        self.upkeep.voice.speak(&text, manner).map(Some)
    }

    fn not_heard(&self, name: &str, e: &Error) {
        let now = self.clock.now();
        let text = format!("The voice prompt '{name}' was not heard: {e}.");
        let by = Actor::system();
        let entry = NewLogEntry::new(now, LogKind::Alarm, Severity::Warning, &by, text);
        self.bus.publish(now, EventKind::Log(entry));
    }
}

#[cfg(test)]
#[path = "clips_tests.rs"]
mod tests;
