//! Media profiles: the two of the device, and those that clients make or change (interop #7:
//! Synology's "SynoProfile").

use platecam_model::{
    Device,
    ports::StreamId,
    settings::{MediaProfile, OnvifProfiles, ProfileEncoder},
};

use onvif_xml::soap::Fault;

use super::{
    ANALYTICS_CONFIG, METADATA_CONFIG, SOURCE_CONFIG,
    audio::{self, AUDIO_ENCODER, AUDIO_SOURCE_CONFIG},
    encoder, encoder_token,
    loudspeaker::{self, AUDIO_DECODER, AUDIO_OUTPUT_CONFIG},
    profile_stream, profile_token, streams,
};
use crate::{
    call::{Answer, Call},
    events, fault,
};

/// Most profiles, fixed ones included.
pub(crate) const MAX: usize = OnvifProfiles::MAX;

/// A profile as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Profile {
    pub(super) token: String,
    pub(super) name: String,
    pub(super) source: bool,
    pub(super) encoder: Option<StreamId>,
    pub(super) analytics: bool,
    pub(super) metadata: bool,
    pub(super) audio_source: bool,
    pub(super) audio_encoder: bool,
    pub(super) audio_output: bool,
    pub(super) audio_decoder: bool,
}

/// One configuration of a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Source,
    Encoder(StreamId),
    Analytics,
    Metadata,
    AudioSource,
    AudioEncoder,
    AudioOutput,
    AudioDecoder,
}

/// Kind of a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Source,
    Encoder,
    Analytics,
    Metadata,
    AudioSource,
    AudioEncoder,
    AudioOutput,
    AudioDecoder,
}

impl Part {
    /// The configuration of `kind` with this token; without a token the first one.
    ///
    /// # Errors
    /// `ter:NoConfig`.
    pub(super) fn named(device: &Device, kind: Kind, token: Option<&str>) -> Answer<Self> {
        let (ours, part) = match kind {
            Kind::Encoder => {
                let stream = token.map_or(Ok(StreamId::Main), |t| encoder::stream_of(device, t))?;
                (encoder_token(stream), Self::Encoder(stream))
            }
            Kind::Source => (SOURCE_CONFIG, Self::Source),
            Kind::Analytics => (ANALYTICS_CONFIG, Self::Analytics),
            Kind::Metadata => (METADATA_CONFIG, Self::Metadata),
            Kind::AudioSource => (AUDIO_SOURCE_CONFIG, Self::AudioSource),
            Kind::AudioEncoder => (AUDIO_ENCODER, Self::AudioEncoder),
            Kind::AudioOutput => (AUDIO_OUTPUT_CONFIG, Self::AudioOutput),
            Kind::AudioDecoder => (AUDIO_DECODER, Self::AudioDecoder),
        };
        match kind {
            Kind::AudioSource | Kind::AudioEncoder => audio::require(device)?,
            Kind::AudioOutput | Kind::AudioDecoder => loudspeaker::require(device)?,
            Kind::Source | Kind::Encoder | Kind::Analytics | Kind::Metadata => {}
        }
        match token {
            Some(token) if token != ours => Err(fault::no_config(token)),
            _ => Ok(part),
        }
    }
}

impl Profile {
    fn fixed(stream: StreamId) -> Self {
        Self {
            token: profile_token(stream).into(),
            name: match stream {
                StreamId::Main => "Main stream".into(),
                StreamId::Sub => "Sub stream".into(),
            },
            source: true,
            encoder: Some(stream),
            analytics: true,
            metadata: true,
            audio_source: true,
            audio_encoder: true,
            audio_output: true,
            audio_decoder: true,
        }
    }

    /// Whether it cannot be deleted.
    pub(super) fn is_fixed(&self) -> bool {
        profile_stream(&self.token).is_some()
    }

    pub(super) fn put(&mut self, part: Part) {
        match part {
            Part::Source => self.source = true,
            Part::Encoder(stream) => self.encoder = Some(stream),
            Part::Analytics => self.analytics = true,
            Part::Metadata => self.metadata = true,
            Part::AudioSource => self.audio_source = true,
            Part::AudioEncoder => self.audio_encoder = true,
            Part::AudioOutput => self.audio_output = true,
            Part::AudioDecoder => self.audio_decoder = true,
        }
    }

    pub(super) fn take(&mut self, kind: Kind) {
        match kind {
            Kind::Source => self.source = false,
            Kind::Encoder => self.encoder = None,
            Kind::Analytics => self.analytics = false,
            Kind::Metadata => self.metadata = false,
            Kind::AudioSource => self.audio_source = false,
            Kind::AudioEncoder => self.audio_encoder = false,
            Kind::AudioOutput => self.audio_output = false,
            Kind::AudioDecoder => self.audio_decoder = false,
        }
    }

    /// The source that something it holds needs and it does not hold.
    pub(super) fn lacks(&self) -> Option<&'static str> {
        if !self.source && (self.encoder.is_some() || self.analytics) {
            Some("a video source")
        } else if !self.audio_source && self.audio_encoder {
            Some("an audio source")
        } else if !self.audio_output && self.audio_decoder {
            Some("an audio output")
        } else {
            None
        }
    }

    /// Whether it plays sound, where there is any.
    pub(super) fn has_sound(&self) -> bool {
        self.audio_source && self.audio_encoder
    }

    fn stored(&self) -> MediaProfile {
        MediaProfile {
            token: self.token.clone(),
            name: self.name.clone(),
            source: self.source,
            encoder: self.encoder.map(|s| match s {
                StreamId::Main => ProfileEncoder::Main,
                StreamId::Sub => ProfileEncoder::Sub,
            }),
            analytics: self.analytics,
            metadata: self.metadata,
            audio_source: self.audio_source,
            audio_encoder: self.audio_encoder,
            audio_output: self.audio_output,
            audio_decoder: self.audio_decoder,
        }
    }
}

impl From<&MediaProfile> for Profile {
    fn from(p: &MediaProfile) -> Self {
        Self {
            token: p.token.clone(),
            name: p.name.clone(),
            source: p.source,
            encoder: p.encoder.map(|e| match e {
                ProfileEncoder::Main => StreamId::Main,
                ProfileEncoder::Sub => StreamId::Sub,
            }),
            analytics: p.analytics,
            metadata: p.metadata,
            audio_source: p.audio_source,
            audio_encoder: p.audio_encoder,
            audio_output: p.audio_output,
            audio_decoder: p.audio_decoder,
        }
    }
}

/// The device's own profiles.
fn fixed(device: &Device) -> Vec<Profile> {
    let streams = streams(device).iter();
    streams.map(|s| Profile::fixed(*s)).collect()
}

/// All profiles, fixed ones first.
pub(super) fn all(device: &Device) -> Vec<Profile> {
    let stored = &device.settings.get::<OnvifProfiles>().profiles;
    let streams = streams(device);
    let mut all = fixed(device);
    for mut profile in stored.iter().map(Profile::from) {
        // Made while the model had more.
        profile.encoder = profile.encoder.filter(|s| streams.contains(s));
        match all.iter_mut().find(|p| p.token == profile.token) {
            Some(fixed) => *fixed = profile,
            None => all.push(profile),
        }
    }
    all
}

/// The profile with this token.
///
/// # Errors
/// `ter:NoProfile`.
pub(super) fn find(device: &Device, token: &str) -> Answer<Profile> {
    all(device)
        .into_iter()
        .find(|p| p.token == token)
        .ok_or_else(|| fault::no_profile(token))
}

/// How many profiles a part is in: `UseCount`.
pub(super) fn uses(device: &Device, has: impl Fn(&Profile) -> bool) -> i32 {
    let n = all(device).iter().filter(|p| has(p)).count();
    i32::try_from(n).unwrap_or(i32::MAX)
}

/// Stores what differs from the device's own profiles, and tells of the change.
fn store(call: &Call<'_>, all: &[Profile], changed: &str) -> Answer<()> {
    let own = fixed(call.device());
    let profiles: Vec<_> = all
        .iter()
        .filter(|p| !own.contains(p))
        .map(Profile::stored)
        .collect();
    call.device()
        .settings
        .update::<OnvifProfiles>(call.actor, |s| s.profiles = profiles)
        .map_err(fault::of)?;
    call.inner
        .tell(vec![events::profile_changed(changed, call.inner.now())]);
    Ok(())
}

/// Makes a profile.
///
/// # Errors
/// `ter:MaxNVTProfiles`, `ter:ProfileExists`, `ter:ConfigurationConflict`.
pub(super) fn create(
    call: &Call<'_>,
    token: Option<String>,
    name: String,
    parts: &[Part],
) -> Answer<Profile> {
    let _one_at_a_time = call.inner.profiles.lock();
    let mut all = all(call.device());
    if all.len() >= MAX {
        return Err(Fault::receiver(
            &["Action", "MaxNVTProfiles"],
            format!("at most {MAX} profiles"),
        ));
    }
    let taken = |token: &str| all.iter().any(|p| p.token == token);
    let token = match token.filter(|t| !t.is_empty()) {
        Some(token) if taken(&token) => {
            return Err(Fault::sender(
                &["InvalidArgVal", "ProfileExists"],
                format!("there is a profile '{}'", fault::shortened(&token)),
            ));
        }
        Some(token) => token,
        // One of the first MAX + 1 numbers is free.
        None => (1..=MAX + 1)
            .map(|n| format!("profile_{n}"))
            .find(|t| !taken(t))
            .unwrap_or_default(),
    };
    let mut profile = Profile {
        token,
        name,
        source: false,
        encoder: None,
        analytics: false,
        metadata: false,
        audio_source: false,
        audio_encoder: false,
        audio_output: false,
        audio_decoder: false,
    };
    parts.iter().for_each(|p| profile.put(*p));
    if !parts.is_empty() {
        whole(&profile)?;
    }
    let changed = profile.token.clone();
    all.push(profile.clone());
    store(call, &all, &changed)?;
    Ok(profile)
}

/// Refuses a profile with an encoder or analytics but no source.
pub(super) fn whole(profile: &Profile) -> Answer<()> {
    match profile.lacks() {
        Some(source) => Err(Fault::sender(
            &["InvalidArgVal", "ConfigurationConflict"],
            format!("the profile '{}' needs {source} first", profile.token),
        )),
        None => Ok(()),
    }
}

/// Changes a profile.
///
/// # Errors
/// `ter:NoProfile`, or what `change` refuses.
pub(super) fn change(
    call: &Call<'_>,
    token: &str,
    change: impl FnOnce(&mut Profile) -> Answer<()>,
) -> Answer<()> {
    let _one_at_a_time = call.inner.profiles.lock();
    let mut all = all(call.device());
    let profile = all
        .iter_mut()
        .find(|p| p.token == token)
        .ok_or_else(|| fault::no_profile(token))?;
    change(profile)?;
    store(call, &all, token)
}

/// Deletes a profile that is not fixed.
///
/// # Errors
/// `ter:NoProfile`, `ter:DeletionOfFixedProfile`.
pub(super) fn delete(call: &Call<'_>, token: &str) -> Answer<()> {
    let _one_at_a_time = call.inner.profiles.lock();
    let mut all = all(call.device());
    let at = all
        .iter()
        .position(|p| p.token == token)
        .ok_or_else(|| fault::no_profile(token))?;
    if all[at].is_fixed() {
        return Err(Fault::sender(
            &["Action", "DeletionOfFixedProfile"],
            format!("the profile '{token}' is fixed"),
        ));
    }
    all.remove(at);
    store(call, &all, token)
}
