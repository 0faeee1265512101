//! Media service 2.

use onvif_contracts::{ports::media2::Media2, tr2};
use onvif_xml::soap::Fault;
use platecam_model::ports::StreamId;

use super::{
    ANALYTICS_CONFIG, METADATA_CONFIG, SOURCE_CONFIG,
    audio::{self, AUDIO_ENCODER, AUDIO_SOURCE_CONFIG},
    clips, configurations as shared,
    encoder::{self, Wanted},
    loudspeaker::{self, AUDIO_DECODER, AUDIO_OUTPUT_CONFIG},
    masks, metadata, modes, multicast, osd,
    profiles::{self, Kind, Part, Profile},
    streams,
};
use crate::{
    call::{Answer, Call},
    fault,
};

/// A profile with the configurations of the wanted kinds.
fn profile(call: &Call<'_>, p: Profile, kinds: &[String]) -> tr2::MediaProfile {
    let wants = |kind: &str| kinds.iter().any(|k| k == kind || k == "All");
    let encoder = p.encoder.filter(|_| wants("VideoEncoder"));
    let sounds = |has: bool, kind: &str| has && wants(kind);
    let set = tr2::ConfigurationSet {
        audio_source: sounds(p.audio_source, "AudioSource")
            .then(|| audio::source_config(call.device()))
            .flatten()
            .map(Box::new),
        audio_output: sounds(p.audio_output, "AudioOutput")
            .then(|| loudspeaker::output(call.device()))
            .flatten()
            .map(Box::new),
        audio_decoder: sounds(p.audio_decoder, "AudioDecoder")
            .then(|| loudspeaker::decoder(call.device()))
            .flatten()
            .map(Box::new),
        audio_encoder: sounds(p.audio_encoder, "AudioEncoder")
            .then(|| audio::media2(call.device()))
            .flatten()
            .map(Box::new),
        video_source: (p.source && wants("VideoSource"))
            .then(|| Box::new(shared::source_config(call))),
        video_encoder: encoder.map(|s| Box::new(encoder::media2(call.device(), s))),
        analytics: (p.analytics && wants("Analytics"))
            .then(|| Box::new(shared::analytics_config(call))),
        metadata: (p.metadata && wants("Metadata"))
            .then(|| Box::new(shared::metadata_config(call))),
        ..Default::default()
    };
    tr2::MediaProfile {
        fixed: Some(p.is_fixed()),
        name: p.name,
        token: p.token,
        configurations: (!kinds.is_empty()).then(|| Box::new(set)),
    }
}

/// The kind of a configuration by its name.
fn kind(name: &str) -> Answer<Kind> {
    match name.trim() {
        "VideoSource" => Ok(Kind::Source),
        "VideoEncoder" => Ok(Kind::Encoder),
        "Analytics" => Ok(Kind::Analytics),
        "Metadata" => Ok(Kind::Metadata),
        "AudioSource" => Ok(Kind::AudioSource),
        "AudioEncoder" => Ok(Kind::AudioEncoder),
        "AudioOutput" => Ok(Kind::AudioOutput),
        "AudioDecoder" => Ok(Kind::AudioDecoder),
        other => Err(Fault::sender(
            &["InvalidArgVal", "ConfigurationConflict"],
            format!(
                "there are no configurations of type {}",
                fault::shortened(other)
            ),
        )),
    }
}

fn parts(call: &Call<'_>, list: &[tr2::ConfigurationRef]) -> Answer<Vec<Part>> {
    list.iter()
        .map(|c| Part::named(call.device(), kind(&c.r#type)?, c.token.as_deref()))
        .collect()
}

/// One configuration for all: checks the tokens of a request for it.
fn single(call: &Call<'_>, request: &tr2::GetConfiguration, ours: &str) -> Answer<()> {
    shared::check_tokens(
        call,
        request.configuration_token.as_deref(),
        request.profile_token.as_deref(),
        ours,
    )
}

/// The same for those that exist only with sound.
fn sound(call: &Call<'_>, request: &tr2::GetConfiguration, ours: &str) -> Answer<()> {
    audio::tokens(
        call,
        request.configuration_token.as_deref(),
        request.profile_token.as_deref(),
        ours,
    )
}

/// The same for those that exist only with a loudspeaker.
fn speaks(call: &Call<'_>, request: &tr2::GetConfiguration, ours: &str) -> Answer<()> {
    loudspeaker::tokens(
        call,
        request.configuration_token.as_deref(),
        request.profile_token.as_deref(),
        ours,
    )
}

fn encoders(call: &Call<'_>, request: &tr2::GetConfiguration) -> Answer<Vec<StreamId>> {
    shared::encoders(
        call,
        request.configuration_token.as_deref(),
        request.profile_token.as_deref(),
    )
}

impl Media2 for Call<'_> {
    fn get_service_capabilities(
        &self,
        _: tr2::GetServiceCapabilities,
    ) -> Answer<tr2::GetServiceCapabilitiesResponse> {
        Ok(tr2::GetServiceCapabilitiesResponse {
            capabilities: shared::media2_capabilities(self),
        })
    }

    fn get_profiles(&self, request: tr2::GetProfiles) -> Answer<tr2::GetProfilesResponse> {
        let found = match &request.token {
            Some(token) => vec![profiles::find(self.device(), token)?],
            None => profiles::all(self.device()),
        };
        Ok(tr2::GetProfilesResponse {
            profiles: found
                .into_iter()
                .map(|p| profile(self, p, &request.r#type))
                .collect(),
        })
    }

    fn create_profile(&self, request: tr2::CreateProfile) -> Answer<tr2::CreateProfileResponse> {
        let parts = parts(self, &request.configuration)?;
        let made = profiles::create(self, None, request.name, &parts)?;
        Ok(tr2::CreateProfileResponse { token: made.token })
    }

    fn delete_profile(&self, request: tr2::DeleteProfile) -> Answer<tr2::DeleteProfileResponse> {
        profiles::delete(self, &request.token)?;
        Ok(Default::default())
    }

    fn add_configuration(
        &self,
        request: tr2::AddConfiguration,
    ) -> Answer<tr2::AddConfigurationResponse> {
        let parts = parts(self, &request.configuration)?;
        profiles::change(self, &request.profile_token, |p| {
            if let Some(name) = request.name {
                p.name = name;
            }
            parts.iter().for_each(|part| p.put(*part));
            profiles::whole(p)
        })?;
        Ok(Default::default())
    }

    fn remove_configuration(
        &self,
        request: tr2::RemoveConfiguration,
    ) -> Answer<tr2::RemoveConfigurationResponse> {
        let mut kinds = Vec::new();
        for c in &request.configuration {
            if c.r#type.trim() == "All" {
                kinds.extend([
                    Kind::Source,
                    Kind::Encoder,
                    Kind::Analytics,
                    Kind::Metadata,
                    Kind::AudioSource,
                    Kind::AudioEncoder,
                    Kind::AudioOutput,
                    Kind::AudioDecoder,
                ]);
            } else {
                kinds.push(kind(&c.r#type)?);
            }
        }
        profiles::change(self, &request.profile_token, |p| {
            kinds.iter().for_each(|k| p.take(*k));
            Ok(())
        })?;
        Ok(Default::default())
    }

    fn get_video_source_configurations(
        &self,
        request: tr2::GetConfiguration,
    ) -> Answer<tr2::GetVideoSourceConfigurationsResponse> {
        single(self, &request, SOURCE_CONFIG)?;
        Ok(tr2::GetVideoSourceConfigurationsResponse {
            configurations: vec![shared::source_config(self)],
        })
    }

    fn get_video_source_configuration_options(
        &self,
        request: tr2::GetConfiguration,
    ) -> Answer<tr2::GetVideoSourceConfigurationOptionsResponse> {
        single(self, &request, SOURCE_CONFIG)?;
        Ok(tr2::GetVideoSourceConfigurationOptionsResponse {
            options: shared::source_options(self),
        })
    }

    fn set_video_source_configuration(
        &self,
        request: tr2::SetVideoSourceConfiguration,
    ) -> Answer<tr2::SetConfigurationResponse> {
        shared::check_source_config(self, &request.configuration)?;
        Ok(Default::default())
    }

    fn get_video_source_modes(
        &self,
        request: tr2::GetVideoSourceModes,
    ) -> Answer<tr2::GetVideoSourceModesResponse> {
        modes::list(self, &request)
    }

    fn set_video_source_mode(
        &self,
        request: tr2::SetVideoSourceMode,
    ) -> Answer<tr2::SetVideoSourceModeResponse> {
        modes::set(self, &request)
    }

    fn get_video_encoder_configurations(
        &self,
        request: tr2::GetConfiguration,
    ) -> Answer<tr2::GetVideoEncoderConfigurationsResponse> {
        Ok(tr2::GetVideoEncoderConfigurationsResponse {
            configurations: encoders(self, &request)?
                .into_iter()
                .map(|s| encoder::media2(self.device(), s))
                .collect(),
        })
    }

    fn get_video_encoder_configuration_options(
        &self,
        request: tr2::GetConfiguration,
    ) -> Answer<tr2::GetVideoEncoderConfigurationOptionsResponse> {
        Ok(tr2::GetVideoEncoderConfigurationOptionsResponse {
            options: encoder::media2_options(self.device(), &encoders(self, &request)?),
        })
    }

    fn set_video_encoder_configuration(
        &self,
        request: tr2::SetVideoEncoderConfiguration,
    ) -> Answer<tr2::SetConfigurationResponse> {
        let stream = encoder::stream_of(self.device(), &request.configuration.token)?;
        encoder::set(self, stream, &Wanted::from(request.configuration))?;
        Ok(Default::default())
    }

    fn get_video_encoder_instances(
        &self,
        request: tr2::GetVideoEncoderInstances,
    ) -> Answer<tr2::GetVideoEncoderInstancesResponse> {
        shared::check_tokens(
            self,
            Some(&request.configuration_token),
            None,
            SOURCE_CONFIG,
        )?;
        let streams = streams(self.device());
        let total = i32::try_from(streams.len()).unwrap_or_default();
        let codec = encoder::media2_options(self.device(), streams)
            .into_iter()
            .map(|o| tr2::EncoderInstance {
                encoding: o.encoding,
                number: total,
            })
            .collect();
        Ok(tr2::GetVideoEncoderInstancesResponse {
            info: tr2::EncoderInstanceInfo { codec, total },
        })
    }

    fn get_metadata_configurations(
        &self,
        request: tr2::GetConfiguration,
    ) -> Answer<tr2::GetMetadataConfigurationsResponse> {
        single(self, &request, METADATA_CONFIG)?;
        Ok(tr2::GetMetadataConfigurationsResponse {
            configurations: vec![shared::metadata_config(self)],
        })
    }

    fn set_metadata_configuration(
        &self,
        request: tr2::SetMetadataConfiguration,
    ) -> Answer<tr2::SetConfigurationResponse> {
        metadata::set(self, &request.configuration)?;
        Ok(Default::default())
    }

    fn get_metadata_configuration_options(
        &self,
        request: tr2::GetConfiguration,
    ) -> Answer<tr2::GetMetadataConfigurationOptionsResponse> {
        single(self, &request, METADATA_CONFIG)?;
        Ok(tr2::GetMetadataConfigurationOptionsResponse {
            options: shared::metadata_options(),
        })
    }

    fn get_analytics_configurations(
        &self,
        request: tr2::GetConfiguration,
    ) -> Answer<tr2::GetAnalyticsConfigurationsResponse> {
        single(self, &request, ANALYTICS_CONFIG)?;
        Ok(tr2::GetAnalyticsConfigurationsResponse {
            configurations: vec![shared::analytics_config(self)],
        })
    }

    fn get_audio_source_configurations(
        &self,
        request: tr2::GetConfiguration,
    ) -> Answer<tr2::GetAudioSourceConfigurationsResponse> {
        sound(self, &request, AUDIO_SOURCE_CONFIG)?;
        Ok(tr2::GetAudioSourceConfigurationsResponse {
            configurations: audio::source_config(self.device()).into_iter().collect(),
        })
    }

    fn get_audio_source_configuration_options(
        &self,
        request: tr2::GetConfiguration,
    ) -> Answer<tr2::GetAudioSourceConfigurationOptionsResponse> {
        sound(self, &request, AUDIO_SOURCE_CONFIG)?;
        Ok(tr2::GetAudioSourceConfigurationOptionsResponse {
            options: audio::source_options(self.device())?,
        })
    }

    fn set_audio_source_configuration(
        &self,
        request: tr2::SetAudioSourceConfiguration,
    ) -> Answer<tr2::SetConfigurationResponse> {
        audio::check_source(self, &request.configuration)?;
        Ok(Default::default())
    }

    fn get_audio_encoder_configurations(
        &self,
        request: tr2::GetConfiguration,
    ) -> Answer<tr2::GetAudioEncoderConfigurationsResponse> {
        sound(self, &request, AUDIO_ENCODER)?;
        Ok(tr2::GetAudioEncoderConfigurationsResponse {
            configurations: audio::media2(self.device()).into_iter().collect(),
        })
    }

    fn get_audio_encoder_configuration_options(
        &self,
        request: tr2::GetConfiguration,
    ) -> Answer<tr2::GetAudioEncoderConfigurationOptionsResponse> {
        sound(self, &request, AUDIO_ENCODER)?;
        Ok(tr2::GetAudioEncoderConfigurationOptionsResponse {
            options: audio::media2_options(self.device())?,
        })
    }

    fn set_audio_encoder_configuration(
        &self,
        request: tr2::SetAudioEncoderConfiguration,
    ) -> Answer<tr2::SetConfigurationResponse> {
        audio::set(self, &request.configuration.into())?;
        Ok(Default::default())
    }

    fn get_audio_output_configurations(
        &self,
        request: tr2::GetConfiguration,
    ) -> Answer<tr2::GetAudioOutputConfigurationsResponse> {
        speaks(self, &request, AUDIO_OUTPUT_CONFIG)?;
        Ok(tr2::GetAudioOutputConfigurationsResponse {
            configurations: loudspeaker::output(self.device()).into_iter().collect(),
        })
    }

    fn get_audio_output_configuration_options(
        &self,
        request: tr2::GetConfiguration,
    ) -> Answer<tr2::GetAudioOutputConfigurationOptionsResponse> {
        speaks(self, &request, AUDIO_OUTPUT_CONFIG)?;
        Ok(tr2::GetAudioOutputConfigurationOptionsResponse {
            options: loudspeaker::output_options(self.device())?,
        })
    }

    fn set_audio_output_configuration(
        &self,
        request: tr2::SetAudioOutputConfiguration,
    ) -> Answer<tr2::SetConfigurationResponse> {
        loudspeaker::set_output(self, &request.configuration)?;
        Ok(Default::default())
    }

    fn get_audio_decoder_configurations(
        &self,
        request: tr2::GetConfiguration,
    ) -> Answer<tr2::GetAudioDecoderConfigurationsResponse> {
        speaks(self, &request, AUDIO_DECODER)?;
        Ok(tr2::GetAudioDecoderConfigurationsResponse {
            configurations: loudspeaker::decoder(self.device()).into_iter().collect(),
        })
    }

    fn get_audio_decoder_configuration_options(
        &self,
        request: tr2::GetConfiguration,
    ) -> Answer<tr2::GetAudioDecoderConfigurationOptionsResponse> {
        speaks(self, &request, AUDIO_DECODER)?;
        Ok(tr2::GetAudioDecoderConfigurationOptionsResponse {
            options: loudspeaker::decoder_options(self.device())?,
        })
    }

    fn set_audio_decoder_configuration(
        &self,
        request: tr2::SetAudioDecoderConfiguration,
    ) -> Answer<tr2::SetConfigurationResponse> {
        loudspeaker::set_decoder(self, &request.configuration)?;
        Ok(Default::default())
    }

    fn get_audio_clips(&self, request: tr2::GetAudioClips) -> Answer<tr2::GetAudioClipsResponse> {
        clips::get(self, request.token.as_deref())
    }

    fn add_audio_clip(&self, request: tr2::AddAudioClip) -> Answer<tr2::AddAudioClipResponse> {
        clips::add(self, &request)
    }

    fn add_tts_audio_clip(
        &self,
        request: tr2::AddTTSAudioClip,
    ) -> Answer<tr2::AddTTSAudioClipResponse> {
        clips::add_text(self, &request)
    }

    fn set_audio_clip(&self, request: tr2::SetAudioClip) -> Answer<tr2::SetAudioClipResponse> {
        clips::set(self, &request)?;
        Ok(Default::default())
    }

    fn delete_audio_clip(
        &self,
        request: tr2::DeleteAudioClip,
    ) -> Answer<tr2::DeleteAudioClipResponse> {
        clips::delete(self, &request.token)?;
        Ok(Default::default())
    }

    fn play_audio_clip(&self, request: tr2::PlayAudioClip) -> Answer<tr2::PlayAudioClipResponse> {
        clips::play(self, &request)?;
        Ok(Default::default())
    }

    fn get_playing_audio_clips(
        &self,
        _: tr2::GetPlayingAudioClips,
    ) -> Answer<tr2::GetPlayingAudioClipsResponse> {
        clips::playing(self)
    }

    fn get_stream_uri(&self, request: tr2::GetStreamUri) -> Answer<tr2::GetStreamUriResponse> {
        let stream = shared::target(self, &request.profile_token)?;
        match request.protocol.trim() {
            "RtspUnicast" | "RTSP" => Ok(tr2::GetStreamUriResponse {
                uri: shared::stream_uri(self, stream),
            }),
            "RtspOverHttp" => Ok(tr2::GetStreamUriResponse {
                uri: shared::tunnel_uri(self, stream),
            }),
            "RtspMulticast" => Ok(tr2::GetStreamUriResponse {
                uri: multicast::uri(self, stream)?,
            }),
            other => Err(Fault::sender(
                &["InvalidArgVal", "InvalidStreamSetup"],
                format!(
                    "Protocol {}: must be RtspUnicast, RtspMulticast, RTSP or RtspOverHttp",
                    fault::shortened(other)
                ),
            )),
        }
    }

    fn start_multicast_streaming(
        &self,
        request: tr2::StartStopMulticastStreaming,
    ) -> Answer<tr2::SetConfigurationResponse> {
        multicast::switch(self, &request.profile_token, true)?;
        Ok(Default::default())
    }

    fn stop_multicast_streaming(
        &self,
        request: tr2::StartStopMulticastStreaming,
    ) -> Answer<tr2::SetConfigurationResponse> {
        multicast::switch(self, &request.profile_token, false)?;
        Ok(Default::default())
    }

    fn get_snapshot_uri(
        &self,
        request: tr2::GetSnapshotUri,
    ) -> Answer<tr2::GetSnapshotUriResponse> {
        let stream = shared::stream(self, &request.profile_token)?;
        Ok(tr2::GetSnapshotUriResponse {
            uri: shared::snapshot_uri(self, stream),
        })
    }

    fn set_synchronization_point(
        &self,
        request: tr2::SetSynchronizationPoint,
    ) -> Answer<tr2::SetSynchronizationPointResponse> {
        shared::synchronize(self, &request.profile_token)?;
        Ok(Default::default())
    }

    fn get_osds(&self, request: tr2::GetOSDs) -> Answer<tr2::GetOSDsResponse> {
        let (token, source) = (&request.osd_token, &request.configuration_token);
        let osds = osd::list(self, token.as_deref(), source.as_deref())?;
        Ok(tr2::GetOSDsResponse { osds })
    }

    fn get_osd_options(&self, request: tr2::GetOSDOptions) -> Answer<tr2::GetOSDOptionsResponse> {
        Ok(tr2::GetOSDOptionsResponse {
            osd_options: osd::options(self, &request.configuration_token)?,
        })
    }

    fn set_osd(&self, request: tr2::SetOSD) -> Answer<tr2::SetConfigurationResponse> {
        osd::set(self, &request.osd)?;
        Ok(Default::default())
    }

    fn create_osd(&self, request: tr2::CreateOSD) -> Answer<tr2::CreateOSDResponse> {
        let osd_token = osd::create(self, &request.osd)?;
        Ok(tr2::CreateOSDResponse { osd_token })
    }

    fn delete_osd(&self, request: tr2::DeleteOSD) -> Answer<tr2::SetConfigurationResponse> {
        osd::delete(self, &request.osd_token)?;
        Ok(Default::default())
    }

    fn get_masks(&self, request: tr2::GetMasks) -> Answer<tr2::GetMasksResponse> {
        let masks = masks::list(self, &request)?;
        Ok(tr2::GetMasksResponse { masks })
    }

    fn get_mask_options(
        &self,
        request: tr2::GetMaskOptions,
    ) -> Answer<tr2::GetMaskOptionsResponse> {
        let options = masks::options(&request.configuration_token)?;
        Ok(tr2::GetMaskOptionsResponse { options })
    }

    fn set_mask(&self, request: tr2::SetMask) -> Answer<tr2::SetConfigurationResponse> {
        masks::set(self, &request.mask)?;
        Ok(Default::default())
    }

    fn create_mask(&self, request: tr2::CreateMask) -> Answer<tr2::CreateMaskResponse> {
        let token = masks::create(self, &request.mask)?;
        Ok(tr2::CreateMaskResponse { token })
    }

    fn delete_mask(&self, request: tr2::DeleteMask) -> Answer<tr2::SetConfigurationResponse> {
        masks::delete(self, &request.token)?;
        Ok(Default::default())
    }
}
