//! Audio source and encoder of both media services (AUDIO-6): they exist while sound comes from somewhere.

use onvif_contracts::tt;
use onvif_xml::{Duration, soap::Fault};
use platecam_model::{
    Device,
    settings::{AudioEncoding, AudioInput, AudioKbps, Patch, SampleRate},
};

use super::{encoder::changed, multicast::Cast, profiles};
use crate::{
    call::{Answer, Call},
    fault::{self, Subcodes},
};

/// Token of the one audio source.
pub(crate) const AUDIO_SOURCE: &str = "audio_source_1";
/// Token of its configuration.
pub(crate) const AUDIO_SOURCE_CONFIG: &str = "audio_source_config_1";
/// Token of the audio encoder.
pub(crate) const AUDIO_ENCODER: &str = "audio_encoder_1";

/// Whether there is sound.
pub(crate) fn is_present(device: &Device) -> bool {
    device.settings.audio_capabilities().present
}

/// Refuses what needs sound where there is none.
///
/// # Errors
/// `ter:AudioNotSupported`.
pub(super) fn require(device: &Device) -> Answer<()> {
    if is_present(device) {
        return Ok(());
    }
    Err(Fault::receiver(
        &["ActionNotSupported", "AudioNotSupported"],
        "no sound comes from anywhere: set an audio input first",
    ))
}

/// ONVIF's name of an encoding in Media 2.
pub(super) const fn media2_name(encoding: AudioEncoding) -> &'static str {
    match encoding {
        AudioEncoding::G711U => "PCMU",
        AudioEncoding::G711A => "PCMA",
        AudioEncoding::Aac => "mpeg4-generic",
        AudioEncoding::Opus => "opus",
    }
}

/// The same in Media 1, which knows nothing of A-law and Opus.
const fn media1_name(encoding: AudioEncoding) -> Option<tt::AudioEncoding> {
    match encoding {
        AudioEncoding::G711U => Some(tt::AudioEncoding::G711),
        AudioEncoding::Aac => Some(tt::AudioEncoding::Aac),
        AudioEncoding::G711A | AudioEncoding::Opus => None,
    }
}

/// As they are told.
pub(super) fn items(all: &[u32]) -> tt::IntItems {
    tt::IntItems {
        items: all.iter().filter_map(|n| i32::try_from(*n).ok()).collect(),
    }
}

fn int(n: u32) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}

/// The audio sources: one or none.
pub(super) fn sources(device: &Device) -> Vec<tt::AudioSource> {
    let source = || tt::AudioSource {
        channels: 1,
        token: AUDIO_SOURCE.into(),
    };
    is_present(device).then(source).into_iter().collect()
}

/// The configuration of the audio source, if there is one.
pub(super) fn source_config(device: &Device) -> Option<tt::AudioSourceConfiguration> {
    is_present(device).then(|| tt::AudioSourceConfiguration {
        name: "Audio source".into(),
        use_count: profiles::uses(device, |p| p.audio_source),
        source_token: AUDIO_SOURCE.into(),
        token: AUDIO_SOURCE_CONFIG.into(),
    })
}

/// What may be set of it: nothing but what it is.
///
/// # Errors
/// `ter:AudioNotSupported`.
pub(super) fn source_options(device: &Device) -> Answer<tt::AudioSourceConfigurationOptions> {
    require(device)?;
    Ok(tt::AudioSourceConfigurationOptions {
        input_tokens_available: vec![AUDIO_SOURCE.into()],
        extension: None,
    })
}

/// Accepts a source configuration that is the present one: there is nothing to set.
///
/// # Errors
/// `ter:NoConfig`, `ter:NoAudioSource`.
pub(super) fn check_source(call: &Call<'_>, wanted: &tt::AudioSourceConfiguration) -> Answer<()> {
    tokens(call, Some(&wanted.token), None, AUDIO_SOURCE_CONFIG)?;
    if wanted.source_token == AUDIO_SOURCE {
        return Ok(());
    }
    let other = fault::shortened(&wanted.source_token);
    Err(Fault::sender(
        &["InvalidArgVal", "ConfigModify"],
        format!("SourceToken {other}: the audio source is {AUDIO_SOURCE}"),
    ))
}

/// Checks optional tokens of a request; the configuration `ours` exists only with sound.
///
/// # Errors
/// `ter:NoConfig`, `ter:NoProfile`.
pub(super) fn tokens(
    call: &Call<'_>,
    configuration: Option<&str>,
    profile: Option<&str>,
    ours: &str,
) -> Answer<()> {
    if let Some(token) = configuration.filter(|_| !is_present(call.device())) {
        return Err(fault::no_config(token));
    }
    super::configurations::check_tokens(call, configuration, profile, ours)
}

/// The encoder configuration in Media 2, if there is one.
pub(super) fn media2(device: &Device) -> Option<tt::AudioEncoder2Configuration> {
    let input = device.settings.get::<AudioInput>();
    is_present(device).then(|| tt::AudioEncoder2Configuration {
        name: "Audio".into(),
        use_count: profiles::uses(device, |p| p.audio_encoder),
        encoding: media2_name(input.encoding).into(),
        multicast: Some(Box::new(Cast::Audio.configuration(device))),
        bitrate: int(input.kbps()),
        sample_rate: int(input.khz()),
        token: AUDIO_ENCODER.into(),
        secure_streaming_protocol_algorithm: None,
    })
}

/// The same in Media 1; `None` for what Media 1 cannot say as well.
pub(super) fn media1(device: &Device) -> Option<tt::AudioEncoderConfiguration> {
    let input = device.settings.get::<AudioInput>();
    let encoding = media1_name(input.encoding).filter(|_| is_present(device))?;
    Some(tt::AudioEncoderConfiguration {
        name: "Audio".into(),
        use_count: profiles::uses(device, |p| p.audio_encoder),
        encoding,
        bitrate: int(input.kbps()),
        sample_rate: int(input.khz()),
        multicast: Cast::Audio.configuration(device),
        session_timeout: Duration::from_secs(60),
        token: AUDIO_ENCODER.into(),
    })
}

/// Options in Media 2, one entry an encoding that has an encoder here.
///
/// # Errors
/// `ter:AudioNotSupported`.
pub(super) fn media2_options(
    device: &Device,
) -> Answer<Vec<tt::AudioEncoder2ConfigurationOptions>> {
    require(device)?;
    let option = |encoding: AudioEncoding| tt::AudioEncoder2ConfigurationOptions {
        encoding: media2_name(encoding).into(),
        bitrate_list: items(encoding.bit_rates()),
        sample_rate_list: items(encoding.sample_rates()),
        secure_streaming_protocol_algorithms: None,
    };
    let all = device.settings.audio_capabilities().encodings();
    Ok(all.into_iter().map(option).collect())
}

/// Options in Media 1.
///
/// # Errors
/// `ter:AudioNotSupported`.
pub(super) fn media1_options(device: &Device) -> Answer<tt::AudioEncoderConfigurationOptions> {
    require(device)?;
    let option = |encoding: AudioEncoding| {
        Some(tt::AudioEncoderConfigurationOption {
            encoding: media1_name(encoding)?,
            bitrate_list: items(encoding.bit_rates()),
            sample_rate_list: items(encoding.sample_rates()),
        })
    };
    let all = device.settings.audio_capabilities().encodings();
    Ok(tt::AudioEncoderConfigurationOptions {
        options: all.into_iter().filter_map(option).collect(),
    })
}

/// What a client wants of the encoder, from either version.
pub(super) struct Wanted {
    token: String,
    encoding: String,
    kbps: i32,
    khz: i32,
    multicast: Option<tt::MulticastConfiguration>,
}

impl From<tt::AudioEncoderConfiguration> for Wanted {
    fn from(c: tt::AudioEncoderConfiguration) -> Self {
        Self {
            encoding: match c.encoding {
                tt::AudioEncoding::G711 => "PCMU".into(),
                tt::AudioEncoding::Aac => "mpeg4-generic".into(),
                other => other.as_str().to_owned(),
            },
            token: c.token,
            kbps: c.bitrate,
            khz: c.sample_rate,
            multicast: Some(c.multicast),
        }
    }
}

impl From<tt::AudioEncoder2Configuration> for Wanted {
    fn from(c: tt::AudioEncoder2Configuration) -> Self {
        Self {
            token: c.token,
            encoding: c.encoding,
            kbps: c.bitrate,
            khz: c.sample_rate,
            multicast: c.multicast.map(|m| *m),
        }
    }
}

/// Puts the wanted values into effect, live.
///
/// # Errors
/// `ter:NoConfig`, `ter:ConfigModify` naming the value and what is possible.
pub(super) fn set(call: &Call<'_>, wanted: &Wanted) -> Answer<()> {
    let device = call.device();
    tokens(call, Some(&wanted.token), None, AUDIO_ENCODER)?;
    let refused = |what: &str, value: &str, why: String| {
        Fault::sender(
            &["InvalidArgVal", "ConfigModify"],
            format!("{what} {}: {why}", fault::shortened(value)),
        )
    };
    let offered = device.settings.audio_capabilities().encodings();
    let named = |e: &AudioEncoding| media2_name(*e).eq_ignore_ascii_case(&wanted.encoding);
    let encoding = offered.iter().copied().find(named).ok_or_else(|| {
        let all: Vec<_> = offered.iter().map(|e| media2_name(*e)).collect();
        refused(
            "Encoding",
            &wanted.encoding,
            format!("must be one of {}", all.join(", ")),
        )
    })?;
    let one_of = |what: &str, value: i32, all: &[u32]| {
        if u32::try_from(value).is_ok_and(|n| all.contains(&n)) {
            return Ok(i64::from(value));
        }
        let all: Vec<_> = all.iter().map(u32::to_string).collect();
        let why = format!("must be one of {} with {}", all.join(", "), wanted.encoding);
        Err(refused(what, &value.to_string(), why))
    };
    let kbps = one_of("Bitrate", wanted.kbps, encoding.bit_rates())?;
    let khz = one_of("SampleRate", wanted.khz, encoding.sample_rates())?;
    let section = changed::<AudioInput>(device, |s| {
        s.encoding = encoding;
        // G.711 has its own; what AAC and Opus had stays for them.
        if let (AudioEncoding::Aac | AudioEncoding::Opus, Ok(kbps)) =
            (encoding, AudioKbps::try_from(kbps))
        {
            s.bit_rate = kbps;
        }
        if let (AudioEncoding::Aac, Ok(khz)) = (encoding, SampleRate::try_from(khz)) {
            s.sample_rate = khz;
        }
    })?;
    let group = match &wanted.multicast {
        Some(wanted) => Cast::Audio.patch(device, wanted)?,
        None => None,
    };
    let patches: Vec<Patch> = std::iter::once(section).chain(group).collect();
    let own = Subcodes {
        invalid: "ConfigModify",
        ..Subcodes::default()
    };
    let done = device.settings.apply(&patches, call.actor);
    done.map(drop).map_err(|e| fault::of_operation(e, own))
}
