//! What the unit hears and how it is sent (AUDIO-6).

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::{CheckContext, Section};
use crate::{
    Permission, Violation, Violations, bounded,
    broadcast::MAX_TEXT,
    product::{Function, Need},
};

/// Where sound comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(rename_all = "lowercase")]
pub enum AudioFrom {
    /// Nowhere: no audio track is offered.
    Off,
    /// The picture source's own sound, where it has any: a file's, or that of a camera over RTSP.
    Picture,
    /// A sound device of this machine.
    Device,
}

/// Audio encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum AudioEncoding {
    /// G.711 µ-law, 8 kHz, 64 kbit/s.
    #[serde(rename = "G.711U")]
    G711U,
    /// G.711 A-law, 8 kHz, 64 kbit/s.
    #[serde(rename = "G.711A")]
    G711A,
    /// AAC-LC.
    #[serde(rename = "AAC")]
    Aac,
    /// Opus, 48 kHz.
    #[serde(rename = "Opus")]
    Opus,
}

impl AudioEncoding {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::G711U, Self::G711A, Self::Aac, Self::Opus];

    /// Sample rates that it can have, kHz.
    #[must_use]
    pub const fn sample_rates(self) -> &'static [u32] {
        match self {
            Self::G711U | Self::G711A => &[8],
            Self::Aac => &SampleRate::KHZ,
            Self::Opus => &[48],
        }
    }

    /// Bit rates that it can have, kbit/s.
    #[must_use]
    pub const fn bit_rates(self) -> &'static [u32] {
        match self {
            Self::G711U | Self::G711A => &[64],
            Self::Aac | Self::Opus => &AudioKbps::ALL,
        }
    }
}

/// One of a few numbers, in messages and schemas.
macro_rules! one_of {
    ($(#[$doc:meta])* $name:ident, $list:ident, $unit:literal, [$($n:literal),+]) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(try_from = "i64", into = "i64")]
        pub struct $name(u32);

        impl $name {
            /// All values.
            pub const $list: [u32; [$($n),+].len()] = [$($n),+];

            /// The number.
            #[must_use]
            pub const fn get(self) -> u32 {
                self.0
            }
        }

        impl TryFrom<i64> for $name {
            type Error = String;

            fn try_from(n: i64) -> Result<Self, String> {
                let known = u32::try_from(n).ok().filter(|n| Self::$list.contains(n));
                known.map(Self).ok_or_else(|| {
                    let all = Self::$list.map(|n| n.to_string()).join(", ");
                    format!("{n} is not one of {all} {}", $unit)
                })
            }
        }

        impl From<$name> for i64 {
            fn from(v: $name) -> i64 {
                v.0.into()
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({"type": "integer", "enum": Self::$list, "x-unit": $unit})
            }

            fn inline_schema() -> bool {
                true
            }
        }
    };
}

one_of!(
    /// Samples a second of AAC.
    SampleRate, KHZ, "kHz", [8, 16, 32, 48]
);
one_of!(
    /// Bit rate of AAC and Opus.
    AudioKbps, ALL, "kbit/s", [16, 24, 32, 48, 64, 96, 128]
);

/// What the unit hears. ONVIF: `tt:AudioEncoder2Configuration`.
///
/// Where nothing is heard there is no audio track and no audio source in ONVIF.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AudioInput {
    /// Where the sound comes from.
    #[schemars(title = "Audio Input")]
    pub source: AudioFrom,
    /// Name of the device as ALSA knows it, for example `default` or `hw:1,0`.
    #[schemars(
        title = "Device",
        length(min = 1, max = 64),
        extend("x-visible-when" = {"source": "device"})
    )]
    pub device: String,
    /// How sound is coded in the streams: every player knows G.711, AAC and Opus sound better.
    #[schemars(title = "Encoding")]
    pub encoding: AudioEncoding,
    /// Samples a second of AAC; G.711 has 8 kHz and Opus 48.
    #[schemars(title = "Sample Rate", extend("x-visible-when" = {"encoding": "AAC"}))]
    pub sample_rate: SampleRate,
    /// Bit rate of AAC and Opus; G.711 has 64 kbit/s.
    #[schemars(title = "Bit Rate", extend("x-visible-when" = [{"encoding": "AAC"}, {"encoding": "Opus"}]))]
    pub bit_rate: AudioKbps,
}

impl Default for AudioInput {
    fn default() -> Self {
        Self {
            source: AudioFrom::Off,
            device: "default".into(),
            encoding: AudioEncoding::G711U,
            sample_rate: SampleRate(16),
            bit_rate: AudioKbps(64),
        }
    }
}

impl AudioInput {
    /// Samples a second as sent, kHz.
    #[must_use]
    pub const fn khz(&self) -> u32 {
        match self.encoding {
            AudioEncoding::G711U | AudioEncoding::G711A => 8,
            AudioEncoding::Aac => self.sample_rate.get(),
            AudioEncoding::Opus => 48,
        }
    }

    /// Bit rate as sent, kbit/s.
    #[must_use]
    pub const fn kbps(&self) -> u32 {
        match self.encoding {
            AudioEncoding::G711U | AudioEncoding::G711A => 64,
            AudioEncoding::Aac | AudioEncoding::Opus => self.bit_rate.get(),
        }
    }
}

impl Section for AudioInput {
    const KEY: &'static str = "audio.input";
    const TITLE: &'static str = "Audio Input";
    const PAGE: &'static str = "Setting/Video/Audio/Audio";
    const WRITE: Permission = Permission::VideoConfig;

    fn check(&self, cx: &CheckContext<'_>, violations: &mut Violations) {
        // Characters of ALSA's names; none that its configuration language would read otherwise.
        let named = (1..=64).contains(&self.device.len())
            && self
                .device
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "_-:=,.".contains(c));
        violations.require(named, || {
            Violation::new(
                "/device",
                &self.device,
                "must have 1 to 64 letters, digits and the signs _ - : = , .",
            )
        });
        // What is stored must not block other changes where an encoder was removed.
        let known = &cx.audio.encodings;
        let can = known.is_empty() || known.contains(&self.encoding) || !cx.touches::<Self>();
        violations.require(can, || {
            Violation::new(
                "/encoding",
                format!("{:?}", self.encoding),
                "has no encoder on this unit",
            )
        });
    }
}

bounded! {
    /// Volume (AUDIO-1): 50 is as it came.
    pub struct Volume(u8) in 0..=100, unit ""
}
bounded! {
    /// Speed of speech (AUDIO-2): 50 is the voice's own.
    pub struct SpeechSpeed(u8) in 0..=100, unit ""
}

/// The loudspeaker (AUDIO-1, AUDIO-2, HW-1). ONVIF: `tt:AudioOutputConfiguration`, `tt:AudioDecoderConfiguration`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AudioOutput {
    /// Volume of the voice broadcast and of who talks; 0 is silent.
    #[schemars(title = "Volume", extend("x-widget" = "range"))]
    pub volume: Volume,
    /// Speed of the voice broadcast; 50 is the voice's own.
    #[schemars(title = "Speed", extend("x-widget" = "range"))]
    pub speed: SpeechSpeed,
    /// Each vehicle whose plate was read is spoken to.
    #[schemars(title = "Voice Broadcast")]
    pub announce_plates: bool,
    /// What is said, 1 to 256 characters; {plate} becomes the plate, sign by sign.
    #[schemars(title = "Text", length(min = 1, max = 256), extend("x-visible-when" = {"announce_plates": true}))]
    pub plate_text: String,
    /// Name of the decoder of the back channel in ONVIF clients.
    #[schemars(title = "Name of the Decoder", length(max = 64))]
    pub decoder_name: String,
}

impl Default for AudioOutput {
    fn default() -> Self {
        Self {
            volume: Volume(50),
            speed: SpeechSpeed(50),
            announce_plates: false,
            plate_text: "Welcome, {plate}".into(),
            decoder_name: "Back channel".into(),
        }
    }
}

impl Section for AudioOutput {
    const KEY: &'static str = "audio.output";
    const TITLE: &'static str = "Voice Broadcast";
    const PAGE: &'static str = "Setting/Video/Audio/Audio";
    const WRITE: Permission = Permission::VideoConfig;

    const FIELDS: &'static [(&'static str, Need)] = &[
        ("speed", Need::Function(Function::Voice)),
        ("announce_plates", Need::Function(Function::Voice)),
        ("plate_text", Need::Function(Function::Voice)),
    ];

    fn check(&self, _cx: &CheckContext<'_>, violations: &mut Violations) {
        let n = self.plate_text.chars().count();
        let good = (1..=MAX_TEXT).contains(&n) && !self.plate_text.chars().any(char::is_control);
        violations.require(good, || {
            let why = format!("has {n} characters; allowed are 1 to {MAX_TEXT} visible ones");
            Violation::new("/plate_text", &self.plate_text, why)
        });
        let n = self.decoder_name.chars().count();
        let good = n <= 64 && !self.decoder_name.chars().any(char::is_control);
        violations.require(good, || {
            let why = "must have 0 to 64 characters, none of them a control";
            Violation::new("/decoder_name", &self.decoder_name, why)
        });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{Actor, Error, testing::uninitialised};

    #[test]
    fn values_outside_their_bounds_are_refused_by_name() {
        let t = uninitialised();
        let patch = |value: &Value| {
            let by = Actor::system();
            t.device.settings.patch(AudioInput::KEY, value, None, &by)
        };
        for (value, pointer) in [
            (json!({"source": "line"}), "/source"),
            (json!({"device": ""}), "/device"),
            (json!({"device": "hw:0 }"}), "/device"),
            (json!({"device": "x".repeat(65)}), "/device"),
            (json!({"encoding": "G.726"}), "/encoding"),
            (json!({"sample_rate": 44}), "/sample_rate"),
            (json!({"bit_rate": 65}), "/bit_rate"),
        ] {
            let Err(Error::Invalid(v)) = patch(&value) else {
                panic!("{value} was accepted")
            };
            assert_eq!(v.0[0].pointer, pointer, "{value}");
        }
        patch(&json!({"source": "device", "device": "plughw:CARD=Device,DEV=0"})).unwrap();
        t.device
            .settings
            .set_audio_capabilities(crate::ports::AudioCapabilities {
                encodings: vec![AudioEncoding::G711U],
                ..Default::default()
            });
        let Err(Error::Invalid(v)) = patch(&json!({"encoding": "Opus"})) else {
            panic!("an encoding without encoder was accepted")
        };
        assert_eq!(v.0[0].pointer, "/encoding");
    }

    /// ONVIF's options are what the numbers say.
    #[test]
    fn g711_is_what_it_is() {
        let mut input = AudioInput {
            sample_rate: SampleRate(32),
            bit_rate: AudioKbps(96),
            ..AudioInput::default()
        };
        for (encoding, khz, kbps) in [
            (AudioEncoding::G711U, 8, 64),
            (AudioEncoding::G711A, 8, 64),
            (AudioEncoding::Aac, 32, 96),
            (AudioEncoding::Opus, 48, 96),
        ] {
            input.encoding = encoding;
            assert_eq!((input.khz(), input.kbps()), (khz, kbps));
            assert!(encoding.sample_rates().contains(&khz));
            assert!(encoding.bit_rates().contains(&kbps));
        }
    }
}
