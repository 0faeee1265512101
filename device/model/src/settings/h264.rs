//! Profiles of H.264 (NET-24, C-84).

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a player must be able to decode, lowest first. All are without B frames.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[schemars(inline)]
pub enum H264Profile {
    /// For the simplest players (H.264B); needs the most bits.
    Baseline,
    /// Arithmetic coding.
    Main,
    /// Also large transforms; needs the fewest bits.
    #[default]
    High,
}

impl H264Profile {
    /// All of them, lowest first.
    pub const ALL: [Self; 3] = [Self::Baseline, Self::Main, Self::High];

    /// The name in settings and in ONVIF.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Baseline => "Baseline",
            Self::Main => "Main",
            Self::High => "High",
        }
    }

    /// What comes out of an encoder that makes `offered`: this one, else the best below it, else the lowest.
    /// Before encoders are known it is this one.
    #[must_use]
    pub fn among(self, offered: &[Self]) -> Self {
        let all = || offered.iter().copied();
        let best = all().filter(|p| *p <= self).max();
        best.or_else(|| all().min()).unwrap_or(self)
    }
}

impl fmt::Display for H264Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::{H264Profile::*, *};
    use crate::{
        ports::VideoCapabilities,
        settings::{VideoMain, VideoSub},
    };

    /// NET-24: a player that can the chosen profile can what comes out, where the encoder lets it.
    #[test]
    fn an_encoder_that_lacks_it_makes_a_lower_one() {
        for (wanted, offered, made) in [
            (High, &[][..], High),
            (High, &H264Profile::ALL, High),
            (Main, &H264Profile::ALL, Main),
            (High, &[Baseline, Main], Main),
            (Main, &[High, Baseline], Baseline),
            (Baseline, &[Main, High], Main),
        ] {
            assert_eq!(wanted.among(offered), made, "{wanted} of {offered:?}");
        }
    }

    /// NET-24: what earlier versions stored is High, as it came out of them.
    #[test]
    fn stored_settings_without_a_profile_are_high() {
        let mut stored = serde_json::to_value(VideoMain::default()).unwrap();
        assert_eq!(
            stored.as_object_mut().unwrap().remove("h264_profile"),
            Some("High".into())
        );
        let read: VideoMain = serde_json::from_value(stored).unwrap();
        assert_eq!(read, VideoMain::default());
    }

    /// NET-24: what no encoder here makes is refused with what there is; what is set blocks no other change.
    #[test]
    fn only_what_the_encoder_makes_is_taken() {
        let t = crate::testing::initialised();
        let by = crate::Actor::system();
        let settings = &t.device.settings;
        settings.set_video_capabilities(VideoCapabilities {
            h264_profiles: vec![Baseline, Main],
            ..VideoCapabilities::default()
        });
        let set = |profile| settings.update::<VideoSub>(&by, |s| s.h264_profile = profile);
        settings
            .update::<VideoSub>(&by, |s| s.watermark = true)
            .unwrap();
        set(Baseline).unwrap();
        let error = set(High).unwrap_err().to_string();
        assert!(
            error.contains("h264_profile") && error.contains("Baseline, Main"),
            "{error}"
        );
    }
}
