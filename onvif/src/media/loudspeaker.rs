//! Audio output and decoder of the back channel (HW-1, AUDIO-1), for Media 1, Media 2 and Device IO.

use onvif_contracts::tt;
use onvif_xml::soap::Fault;
use platecam_model::{
    Device,
    settings::{AudioEncoding, AudioOutput, Volume},
};

use super::{
    audio::{items, media2_name},
    encoder::changed,
    profiles,
};
use crate::{
    call::{Answer, Call},
    fault::{self, Subcodes},
};

/// Token of the one audio output.
pub(crate) const AUDIO_OUTPUT: &str = "audio_output_1";
/// Token of its configuration.
pub(crate) const AUDIO_OUTPUT_CONFIG: &str = "audio_output_config_1";
/// Token of the decoder of the back channel.
pub(crate) const AUDIO_DECODER: &str = "audio_decoder_1";

/// Whether this unit has a loudspeaker.
pub(crate) fn is_present(device: &Device) -> bool {
    device.settings.audio_capabilities().output
}

/// Refuses what needs a loudspeaker where there is none.
///
/// # Errors
/// `ter:AudioOutputNotSupported`.
pub(super) fn require(device: &Device) -> Answer<()> {
    if is_present(device) {
        return Ok(());
    }
    Err(Fault::receiver(
        &["ActionNotSupported", "AudioOutputNotSupported"],
        "this unit has no audio output",
    ))
}

/// Checks the token of the output itself.
///
/// # Errors
/// `ter:NoAudioOutput`.
pub(crate) fn check_output(device: &Device, token: &str) -> Answer<()> {
    if is_present(device) && token == AUDIO_OUTPUT {
        return Ok(());
    }
    let other = fault::shortened(token);
    Err(Fault::sender(
        &["InvalidArgVal", "NoAudioOutput"],
        format!("there is no audio output {other}"),
    ))
}

/// Checks optional tokens of a request; the configuration `ours` exists only with a loudspeaker.
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

/// The configuration of the output, if there is one.
pub(crate) fn output(device: &Device) -> Option<tt::AudioOutputConfiguration> {
    let settings = device.settings.get::<AudioOutput>();
    is_present(device).then(|| tt::AudioOutputConfiguration {
        name: "Audio output".into(),
        use_count: profiles::uses(device, |p| p.audio_output),
        output_token: AUDIO_OUTPUT.into(),
        send_primacy: None,
        output_level: settings.volume.get().into(),
        token: AUDIO_OUTPUT_CONFIG.into(),
    })
}

/// What may be set of it: the volume.
///
/// # Errors
/// `ter:AudioOutputNotSupported`.
pub(crate) fn output_options(device: &Device) -> Answer<tt::AudioOutputConfigurationOptions> {
    require(device)?;
    Ok(tt::AudioOutputConfigurationOptions {
        output_tokens_available: vec![AUDIO_OUTPUT.into()],
        output_level_range: tt::IntRange {
            min: Volume::MIN.into(),
            max: Volume::MAX.into(),
        },
        ..Default::default()
    })
}

/// Sets the volume, live.
///
/// # Errors
/// `ter:NoConfig`, `ter:ConfigModify` naming the value and its bounds.
pub(crate) fn set_output(call: &Call<'_>, wanted: &tt::AudioOutputConfiguration) -> Answer<()> {
    tokens(call, Some(&wanted.token), None, AUDIO_OUTPUT_CONFIG)?;
    let refused = |what: String| Fault::sender(&["InvalidArgVal", "ConfigModify"], what);
    if wanted.output_token != AUDIO_OUTPUT {
        let other = fault::shortened(&wanted.output_token);
        return Err(refused(format!(
            "OutputToken {other}: the output is {AUDIO_OUTPUT}"
        )));
    }
    let volume = Volume::try_from(i64::from(wanted.output_level))
        .map_err(|why| refused(format!("OutputLevel: {why}")))?;
    store(call, |s| s.volume = volume)
}

/// The decoder of the back channel, if there is one.
pub(super) fn decoder(device: &Device) -> Option<tt::AudioDecoderConfiguration> {
    let settings = device.settings.get::<AudioOutput>();
    is_present(device).then(|| tt::AudioDecoderConfiguration {
        name: settings.decoder_name.clone(),
        use_count: profiles::uses(device, |p| p.audio_decoder),
        token: AUDIO_DECODER.into(),
    })
}

/// What it decodes: G.711, µ-law and A-law, and AAC where there is a decoder. Any bit rate of AAC is heard; those are told that the unit's own
/// encoder has.
///
/// # Errors
/// `ter:AudioOutputNotSupported`.
pub(super) fn decoder_options(
    device: &Device,
) -> Answer<Vec<tt::AudioEncoder2ConfigurationOptions>> {
    require(device)?;
    let aac = device.settings.audio_capabilities().hears_aac;
    let all = [
        AudioEncoding::G711U,
        AudioEncoding::G711A,
        AudioEncoding::Aac,
    ];
    let option = |encoding: AudioEncoding| tt::AudioEncoder2ConfigurationOptions {
        encoding: media2_name(encoding).into(),
        bitrate_list: items(encoding.bit_rates()),
        sample_rate_list: items(encoding.sample_rates()),
        secure_streaming_protocol_algorithms: None,
    };
    let heard = |encoding: &AudioEncoding| aac || *encoding != AudioEncoding::Aac;
    Ok(all.into_iter().filter(heard).map(option).collect())
}

/// The same in Media 1.
///
/// # Errors
/// `ter:AudioOutputNotSupported`.
pub(super) fn media1_decoder_options(
    device: &Device,
) -> Answer<tt::AudioDecoderConfigurationOptions> {
    require(device)?;
    let of =
        |encoding: AudioEncoding| (items(encoding.bit_rates()), items(encoding.sample_rates()));
    let (bitrate, sample_rate_range) = of(AudioEncoding::G711U);
    let g711 = tt::G711DecOptions {
        bitrate,
        sample_rate_range,
    };
    let aac = device.settings.audio_capabilities().hears_aac.then(|| {
        let (bitrate, sample_rate_range) = of(AudioEncoding::Aac);
        Box::new(tt::AACDecOptions {
            bitrate,
            sample_rate_range,
        })
    });
    Ok(tt::AudioDecoderConfigurationOptions {
        aac_dec_options: aac,
        g711_dec_options: Some(Box::new(g711)),
        ..Default::default()
    })
}

/// Sets its name; there is nothing else.
///
/// # Errors
/// `ter:NoConfig`, `ter:ConfigModify`.
pub(super) fn set_decoder(call: &Call<'_>, wanted: &tt::AudioDecoderConfiguration) -> Answer<()> {
    tokens(call, Some(&wanted.token), None, AUDIO_DECODER)?;
    store(call, |s| s.decoder_name.clone_from(&wanted.name))
}

fn store(call: &Call<'_>, change: impl FnOnce(&mut AudioOutput)) -> Answer<()> {
    let device = call.device();
    let patch = changed::<AudioOutput>(device, change)?;
    let own = Subcodes {
        invalid: "ConfigModify",
        ..Subcodes::default()
    };
    let done = device.settings.apply(&[patch], call.actor);
    done.map(drop).map_err(|e| fault::of_operation(e, own))
}
