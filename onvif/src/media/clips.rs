//! Voice prompts as Media 2's audio clips (GEN-20, AUDIO-3, AUDIO-4).

use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode};
use onvif_contracts::tr2;
use onvif_xml::{DateTime, List, soap::Fault};
use parking_lot::Mutex;
use platecam_model::{
    Actor, Device, Error, Permission,
    broadcast::{MAX_CLIP_BYTES, MAX_TEXT, NewClip, Sound},
    product::Function,
    settings::{AudioClip, AudioClips, AudioOutput, ClipLanguage, RepeatInterval, Repeats, Volume},
};

use super::loudspeaker::{self, AUDIO_OUTPUT};
use crate::{
    OnvifService, answer,
    call::{Answer, Call},
    fault::{self, Subcodes},
};

/// Path of uploads; the right to one follows.
pub(crate) const CLIP_PATH: &str = "/onvif/audio-clip/";
/// WAV files with samples as they are, and with G.711 µ-law.
const FORMATS: [&str; 2] = ["audio/vnd.wave;codec=1", "audio/vnd.wave;codec=7"];
/// The voice that there is.
const VOICE: &str = "male";
/// An upload address is good for so long.
const GOOD_FOR: Duration = Duration::from_secs(60);
/// Prompts that wait for their sounds.
const WAITING: usize = 4;

/// Prompts that were added and have no sound yet.
#[derive(Debug, Default)]
pub(crate) struct Awaited(Mutex<Vec<Await>>);

#[derive(Debug)]
struct Await {
    word: String,
    clip: AudioClip,
    by: Actor,
    /// Monotonic time.
    until: Duration,
}

const OWN: Subcodes = Subcodes {
    invalid: "ConfigModify",
    not_found: "NoConfig",
    conflict: &["InvalidArgVal", "ConfigModify"],
    exhausted: "",
};

/// What of it there is; none without a loudspeaker.
pub(super) fn capabilities(call: &Call<'_>) -> Option<tr2::AudioClipCapabilities> {
    let device = call.device();
    let voice = device.product().has(Function::Voice);
    if !voice || !loudspeaker::is_present(device) {
        return None;
    }
    let int = |n: usize| i32::try_from(n).ok();
    let list = |all: &[&str]| Some(List(all.iter().map(ToString::to_string).collect()));
    let speaks = device.upkeep.voice.unavailable().is_none();
    let speech = speaks.then(|| tr2::TTSCapabilities {
        max_content_length: int(MAX_TEXT),
        tts_language: list(&["en", "de"]),
        tts_voice_type: list(&[VOICE]),
        ..Default::default()
    });
    Some(tr2::AudioClipCapabilities {
        tts_capabilities: speech.map(Box::new),
        max_audio_clip_limit: int(AudioClips::MAX),
        max_audio_clip_size: Some((MAX_CLIP_BYTES / 1024) as f32),
        supported_audio_clip_format: list(&FORMATS),
    })
}

fn shown(device: &Device, clip: &AudioClip) -> tr2::AudioClip {
    // A text becomes samples as they are.
    let file = device.upkeep.clips.get(&clip.token).ok().flatten();
    let codec = file.and_then(|f| Sound::codec(&f)).unwrap_or(1);
    let interval = i32::from(clip.interval_seconds.get());
    tr2::AudioClip {
        enabled: clip.enabled,
        name: clip.name.clone(),
        audio_output_token: vec![AUDIO_OUTPUT.into()],
        r#type: format!("audio/vnd.wave;codec={codec}"),
        repeat_cycles: clip.repeats.get().into(),
        repeat_interval: (interval > 0).then_some(interval),
        audio_output_level: clip.level().map(|v| v.get().into()),
        schedule_token: None,
    }
}

fn refused(what: impl Into<String>) -> Fault {
    Fault::sender(&["InvalidArgVal", "ConfigModify"], what)
}

fn outputs(tokens: &[String]) -> Answer<()> {
    match tokens.iter().find(|t| *t != AUDIO_OUTPUT) {
        None => Ok(()),
        Some(other) => Err(refused(format!(
            "AudioOutputToken {}: the output is {AUDIO_OUTPUT}",
            fault::shortened(other)
        ))),
    }
}

fn repeats(n: i32) -> Answer<Repeats> {
    Repeats::try_from(i64::from(n)).map_err(|why| refused(format!("RepeatCycles: {why}")))
}

/// What a client wants, bounds checked; without token and text.
fn wanted(c: &tr2::AudioClip) -> Answer<AudioClip> {
    if !FORMATS.contains(&c.r#type.trim()) {
        let other = fault::shortened(&c.r#type);
        let known = FORMATS.join(", ");
        return Err(refused(format!("Type {other}: there are {known}")));
    }
    outputs(&c.audio_output_token)?;
    if let Some(token) = &c.schedule_token {
        let other = fault::shortened(token);
        return Err(refused(format!("ScheduleToken {other}: there are none")));
    }
    let new = NewClip::named(&c.name).clip;
    let interval = i64::from(c.repeat_interval.unwrap_or_default());
    let level = c.audio_output_level.map(|n| Volume::try_from(i64::from(n)));
    Ok(AudioClip {
        enabled: c.enabled,
        repeats: repeats(c.repeat_cycles)?,
        interval_seconds: RepeatInterval::try_from(interval)
            .map_err(|why| refused(format!("RepeatInterval: {why}")))?,
        own_volume: level.is_some(),
        volume: level
            .unwrap_or(Ok(new.volume))
            .map_err(|why| refused(format!("AudioOutputLevel: {why}")))?,
        ..new
    })
}

/// `GetAudioClips`.
pub(super) fn get(call: &Call<'_>, token: Option<&str>) -> Answer<tr2::GetAudioClipsResponse> {
    loudspeaker::require(call.device())?;
    let clips = call.device().settings.get::<AudioClips>();
    if let Some(token) = token.filter(|t| clips.find(t).is_none()) {
        return Err(fault::no_config(token));
    }
    let asked = |c: &&AudioClip| token.is_none_or(|t| t == c.token);
    let items = clips.clips.iter().filter(asked);
    let item = |c: &AudioClip| tr2::GetAudioClipsResponseItem {
        token: c.token.clone(),
        configuration: shown(call.device(), c),
    };
    Ok(tr2::GetAudioClipsResponse {
        audio_clip_item: items.map(item).collect(),
    })
}

/// `AddAudioClip`: the prompt is there once its sound is.
pub(super) fn add(
    call: &Call<'_>,
    request: &tr2::AddAudioClip,
) -> Answer<tr2::AddAudioClipResponse> {
    let device = call.device();
    loudspeaker::require(device)?;
    let may = call.actor.require(Permission::VideoConfig);
    may.map_err(fault::of)?;
    let mut clip = wanted(&request.configuration)?;
    let now = device.clock.monotonic();
    let there = device.settings.get::<AudioClips>();
    let mut all = call.inner.clips.0.lock();
    all.retain(|a| now < a.until);
    let limit = |what, limit: usize| {
        let limit = limit as u64;
        fault::of_operation(Error::Exhausted { what, limit }, OWN)
    };
    if all.len() >= WAITING {
        return Err(limit("voice prompts that wait for their sounds", WAITING));
    }
    if there.clips.len() + all.len() >= AudioClips::MAX {
        return Err(limit("voice prompts", AudioClips::MAX));
    }
    let taken = |t: &str| there.find(t).is_some() || all.iter().any(|a| a.clip.token == t);
    clip.token = match request.token.as_deref().filter(|t| !t.is_empty()) {
        Some(token) if taken(token) => {
            let other = fault::shortened(token);
            return Err(refused(format!("Token {other}: is another one's")));
        }
        Some(token) => token.to_owned(),
        None => {
            let free = (1..).map(|n| format!("clip_{n}")).find(|t| !taken(t));
            free.unwrap_or_default()
        }
    };
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(|e| fault::of(Error::internal(e)))?;
    let word: String = random.iter().map(|b| format!("{b:02x}")).collect();
    let response = tr2::AddAudioClipResponse {
        token: clip.token.clone(),
        upload_uri: call.url(&format!("{CLIP_PATH}{word}")),
        expiry_time: DateTime::from(chrono::DateTime::from(device.clock.now() + GOOD_FOR)),
    };
    all.push(Await {
        word,
        clip,
        by: call.actor.clone(),
        until: now + GOOD_FOR,
    });
    Ok(response)
}

/// `AddTTSAudioClip`: a text that is said; it is played by `PlayAudioClip` and by alarms.
pub(super) fn add_text(
    call: &Call<'_>,
    request: &tr2::AddTTSAudioClip,
) -> Answer<tr2::AddTTSAudioClipResponse> {
    let device = call.device();
    loudspeaker::require(device)?;
    let speech = &request.tts_configuration;
    let language = match speech.language.split('-').next() {
        Some("en") => ClipLanguage::English,
        Some("de") => ClipLanguage::German,
        _ => {
            let other = fault::shortened(&speech.language);
            return Err(refused(format!("Language {other}: there are en and de")));
        }
    };
    if speech.voice_type != VOICE {
        let other = fault::shortened(&speech.voice_type);
        return Err(refused(format!("VoiceType {other}: there is {VOICE}")));
    }
    let clip = AudioClip {
        token: request.token.clone().unwrap_or_default(),
        text: speech.content.clone(),
        language,
        ..wanted(&request.configuration)?
    };
    let added = device.add_clip(call.actor, NewClip { clip, file: None });
    Ok(tr2::AddTTSAudioClipResponse {
        token: added.map_err(|e| fault::of_operation(e, OWN))?,
    })
}

/// `SetAudioClip`: everything but sound and text.
pub(super) fn set(call: &Call<'_>, request: &tr2::SetAudioClip) -> Answer<()> {
    loudspeaker::require(call.device())?;
    let clip = AudioClip {
        token: request.token.clone(),
        ..wanted(&request.configuration)?
    };
    let set = call.device().set_clip(call.actor, clip);
    set.map_err(|e| fault::of_operation(e, OWN))
}

/// `DeleteAudioClip`.
pub(super) fn delete(call: &Call<'_>, token: &str) -> Answer<()> {
    loudspeaker::require(call.device())?;
    let deleted = call.device().delete_clip(call.actor, token);
    deleted.map_err(|e| fault::of_operation(e, OWN))
}

/// `PlayAudioClip`: it begins when nothing else is heard; or stops it.
pub(super) fn play(call: &Call<'_>, request: &tr2::PlayAudioClip) -> Answer<()> {
    let device = call.device();
    loudspeaker::require(device)?;
    outputs(&request.audio_output_token)?;
    let done = if request.play {
        let times = request.repeat_cycles.map(repeats).transpose()?;
        device.play_clip(call.actor, &request.token, times)
    } else if device
        .settings
        .get::<AudioClips>()
        .find(&request.token)
        .is_none()
    {
        Err(Error::not_found("configuration", &request.token))
    } else {
        device
            .stop_sounds(call.actor, Some(&request.token))
            .map(drop)
    };
    done.map_err(|e| fault::of_operation(e, OWN))
}

/// `GetPlayingAudioClips`.
pub(super) fn playing(call: &Call<'_>) -> Answer<tr2::GetPlayingAudioClipsResponse> {
    let device = call.device();
    loudspeaker::require(device)?;
    let settings = device.settings.snapshot();
    let now = device.playing().filter(|p| !p.token.is_empty());
    let shown = now.map(|p| {
        let clips = settings.get::<AudioClips>();
        let own = clips.find(&p.token).and_then(AudioClip::level);
        let level = own.unwrap_or(settings.get::<AudioOutput>().volume);
        tr2::PlayingAudioClips {
            token: p.token,
            name: p.name,
            audio_output_token: vec![AUDIO_OUTPUT.into()],
            audio_output_level: level.get().into(),
            repeats_left: p.repeats_left.into(),
        }
    });
    Ok(tr2::GetPlayingAudioClipsResponse {
        playing_audio_clips: shown.into_iter().collect(),
    })
}

impl OnvifService {
    /// Takes the sound that was sent to `path`, an address of `AddAudioClip`; at most [`MAX_CLIP_BYTES`]. It takes the
    /// disk's time.
    #[must_use]
    pub fn audio_clip(&self, path: &str, file: Vec<u8>) -> Response<Bytes> {
        let device = &self.0.device;
        let word = path.strip_prefix(CLIP_PATH).unwrap_or_default();
        let now = device.clock.monotonic();
        let awaited = {
            let mut all = self.0.clips.0.lock();
            all.retain(|a| now < a.until);
            let at = all.iter().position(|a| a.word == word);
            at.filter(|_| self.0.is_on()).map(|at| all.remove(at))
        };
        let Some(Await { clip, by, .. }) = awaited else {
            let why = "the address is used up: ask AddAudioClip for another\n";
            return answer::text(StatusCode::FORBIDDEN, why);
        };
        let new = NewClip {
            clip,
            file: Some(file),
        };
        match device.add_clip(&by, new) {
            Ok(token) => answer::text(StatusCode::OK, format!("{token}\n")),
            Err(e @ (Error::Forbidden(_) | Error::Unauthenticated | Error::NotInitialised)) => {
                answer::text(StatusCode::FORBIDDEN, format!("{e}\n"))
            }
            Err(Error::Internal { detail }) => {
                tracing::error!("audio clip: {detail}");
                answer::text(StatusCode::INTERNAL_SERVER_ERROR, "internal error\n")
            }
            Err(e) => answer::text(StatusCode::UNSUPPORTED_MEDIA_TYPE, format!("{e}\n")),
        }
    }
}
