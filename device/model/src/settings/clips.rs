//! Voice prompts: texts that are said and sounds that were uploaded.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AlarmInputs, CheckContext, Language, Section, Volume};
use crate::{
    Permission, Violation, Violations, bounded,
    broadcast::MAX_TEXT,
    product::{Function, Need},
};

bounded! {
    /// How often a prompt is heard again after the first time.
    pub struct Repeats(u8) in 0..=20, unit ""
}
bounded! {
    /// Silence between the times.
    pub struct RepeatInterval(u16) in 0..=300, unit "s"
}

/// Language of a prompt's text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum ClipLanguage {
    /// That of the unit.
    #[default]
    #[serde(rename = "unit")]
    #[schemars(title = "Language of the unit")]
    Unit,
    /// English.
    #[serde(rename = "en")]
    #[schemars(title = "English")]
    English,
    /// German.
    #[serde(rename = "de")]
    #[schemars(title = "Deutsch")]
    German,
}

impl ClipLanguage {
    /// The language, where the unit has `unit`.
    #[must_use]
    pub const fn of(self, unit: Language) -> Language {
        match self {
            Self::Unit => unit,
            Self::English => Language::English,
            Self::German => Language::German,
        }
    }
}

/// One voice prompt (GEN-20, AUDIO-3, AUDIO-4).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(deny_unknown_fields)]
pub struct AudioClip {
    /// What alarms and ONVIF clients call it: 1 to 64 letters, digits and the signs _ -.
    #[schemars(title = "Token", length(min = 1, max = 64))]
    pub token: String,
    /// Its name, 1 to 64 characters.
    #[schemars(title = "Name", length(min = 1, max = 64))]
    pub name: String,
    /// Off, it is never heard.
    #[schemars(title = "Enable")]
    pub enabled: bool,
    /// What is said; empty for a sound that was uploaded.
    #[schemars(title = "Text", length(max = 256))]
    pub text: String,
    /// Language of the text.
    #[schemars(title = "Language")]
    pub language: ClipLanguage,
    /// So often it is heard again after the first time.
    #[schemars(title = "Repeats")]
    pub repeats: Repeats,
    /// Silence between the times.
    #[schemars(title = "Interval")]
    pub interval_seconds: RepeatInterval,
    /// It has a volume of its own; otherwise that of the voice broadcast.
    #[schemars(title = "Own Volume")]
    pub own_volume: bool,
    /// Its own volume.
    #[schemars(title = "Volume")]
    pub volume: Volume,
}

impl AudioClip {
    /// Its own volume, if it has one.
    #[must_use]
    pub fn level(&self) -> Option<Volume> {
        self.own_volume.then_some(self.volume)
    }

    /// A sound was uploaded for it.
    #[must_use]
    pub fn is_recorded(&self) -> bool {
        self.text.is_empty()
    }
}

/// Voice prompts that alarms and ONVIF clients play. Sounds of those without a text are files beside the settings:
/// an exported configuration names them and does not hold them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AudioClips {
    /// The prompts, at most 20.
    #[schemars(title = "Voice Prompts", length(max = 20))]
    pub clips: Vec<AudioClip>,
}

impl AudioClips {
    /// Most prompts.
    pub const MAX: usize = 20;

    /// The prompt with this token.
    #[must_use]
    pub fn find(&self, token: &str) -> Option<&AudioClip> {
        self.clips.iter().find(|c| c.token == token)
    }
}

/// What [`is_token`] says.
pub(crate) const TOKEN_RULE: &str = "must have 1 to 64 letters, digits and the signs _ -";

/// Whether a prompt may be called so.
pub(crate) fn is_token(token: &str) -> bool {
    let sign = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    (1..=64).contains(&token.len()) && token.chars().all(sign)
}

impl Section for AudioClips {
    const KEY: &'static str = "audio.clips";
    const TITLE: &'static str = "Voice Prompts";
    const PAGE: &'static str = "Setting/Video/Audio/Audio";
    const WRITE: Permission = Permission::VideoConfig;
    const NEEDS: Option<Need> = Some(Need::Function(Function::Voice));

    fn check(&self, cx: &CheckContext<'_>, violations: &mut Violations) {
        // Where the inputs change too, it is their choice that is wrong.
        let used = cx.settings.get::<AlarmInputs>();
        for (n, input) in (1..).zip(used.inputs()) {
            let prompt = &input.prompt;
            let gone = !prompt.is_empty() && self.find(prompt).is_none();
            violations.require(!gone || cx.touches::<AlarmInputs>(), || {
                let reason = format!("is the voice prompt of alarm input {n}: it must stay");
                Violation::new("/clips", prompt, reason)
            });
        }
        let n = self.clips.len();
        violations.require(n <= Self::MAX, || {
            let reason = format!("are too many voice prompts; allowed are 0 to {}", Self::MAX);
            Violation::new("/clips", n, reason)
        });
        for (i, clip) in self.clips.iter().enumerate() {
            let at = |field: &str| format!("/clips/{i}/{field}");
            violations.require(is_token(&clip.token), || {
                Violation::new(&at("token"), &clip.token, TOKEN_RULE)
            });
            let taken = self.clips[..i].iter().any(|c| c.token == clip.token);
            violations.require(!taken, || {
                Violation::new(&at("token"), &clip.token, "is the name of another one")
            });
            let n = clip.name.chars().count();
            let fits = (1..=64).contains(&n) && !clip.name.chars().any(char::is_control);
            violations.require(fits, || {
                let reason = format!("has {n} characters; allowed are 1 to 64 visible ones");
                Violation::new(&at("name"), &clip.name, reason)
            });
            let n = clip.text.chars().count();
            let fits = n <= MAX_TEXT && !clip.text.chars().any(char::is_control);
            violations.require(fits, || {
                let reason = format!("has {n} characters; allowed are 0 to 256 visible ones");
                Violation::new(&at("text"), &clip.text, reason)
            });
        }
    }
}
