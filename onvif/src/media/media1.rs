//! Media service 1.

use onvif_contracts::{ports::media::Media, trt, tt};
use onvif_xml::{Duration, soap::Fault};
use platecam_model::ports::StreamId;

use super::{
    ANALYTICS_CONFIG, METADATA_CONFIG, SOURCE_CONFIG,
    audio::{self, AUDIO_ENCODER, AUDIO_SOURCE_CONFIG},
    configurations as shared,
    encoder::{self, Wanted},
    loudspeaker::{self, AUDIO_DECODER, AUDIO_OUTPUT, AUDIO_OUTPUT_CONFIG},
    metadata, multicast, osd,
    profiles::{self, Kind, Part, Profile},
    streams,
};
use crate::{
    analytics,
    call::{Answer, Call},
    fault,
};

/// A profile as Media 1 shows it. An H.265 profile has no encoder here.
fn profile(call: &Call<'_>, p: Profile) -> tt::Profile {
    let encoder = p.encoder.and_then(|s| encoder::media1(call.device(), s));
    tt::Profile {
        fixed: Some(p.is_fixed()),
        video_source_configuration: p.source.then(|| Box::new(shared::source_config(call))),
        video_encoder_configuration: encoder.map(Box::new),
        audio_source_configuration: p
            .audio_source
            .then(|| audio::source_config(call.device()))
            .flatten()
            .map(Box::new),
        audio_encoder_configuration: p
            .audio_encoder
            .then(|| audio::media1(call.device()))
            .flatten()
            .map(Box::new),
        video_analytics_configuration: p
            .analytics
            .then(|| Box::new(shared::analytics_config(call))),
        metadata_configuration: p.metadata.then(|| Box::new(shared::metadata_config(call))),
        extension: sounds(call, &p).map(Box::new),
        name: p.name,
        token: p.token,
        ..Default::default()
    }
}

/// The loudspeaker's part of a profile, if it has any.
fn sounds(call: &Call<'_>, p: &Profile) -> Option<tt::ProfileExtension> {
    let here = loudspeaker::is_present(call.device()) && (p.audio_output || p.audio_decoder);
    here.then(|| tt::ProfileExtension {
        audio_output_configuration: p
            .audio_output
            .then(|| loudspeaker::output(call.device()))
            .flatten()
            .map(Box::new),
        audio_decoder_configuration: p
            .audio_decoder
            .then(|| loudspeaker::decoder(call.device()))
            .flatten()
            .map(Box::new),
        ..Default::default()
    })
}

/// Adds a configuration to a profile, in any order.
fn add(call: &Call<'_>, profile: &str, kind: Kind, token: &str) -> Answer<()> {
    let part = Part::named(call.device(), kind, Some(token))?;
    profiles::change(call, profile, |p| {
        p.put(part);
        Ok(())
    })
}

fn remove(call: &Call<'_>, profile: &str, kind: Kind) -> Answer<()> {
    profiles::change(call, profile, |p| {
        p.take(kind);
        Ok(())
    })
}

fn encoder_config(call: &Call<'_>, stream: StreamId) -> Answer<tt::VideoEncoderConfiguration> {
    encoder::media1(call.device(), stream)
        .ok_or_else(|| fault::no_config(super::encoder_token(stream)))
}

fn media_uri(uri: String) -> tt::MediaUri {
    tt::MediaUri {
        uri,
        invalid_after_connect: false,
        invalid_after_reboot: false,
        // Zero: the address stays valid.
        timeout: Duration::from_secs(0),
    }
}

/// Whether the one configuration `ours` is asked for.
fn only(call: &Call<'_>, token: &str, ours: &str) -> Answer<()> {
    shared::check_tokens(call, Some(token), None, ours)
}

impl Media for Call<'_> {
    fn get_service_capabilities(
        &self,
        _: trt::GetServiceCapabilities,
    ) -> Answer<trt::GetServiceCapabilitiesResponse> {
        Ok(trt::GetServiceCapabilitiesResponse {
            capabilities: shared::media1_capabilities(self),
        })
    }

    fn get_video_sources(&self, _: trt::GetVideoSources) -> Answer<trt::GetVideoSourcesResponse> {
        Ok(trt::GetVideoSourcesResponse {
            video_sources: vec![shared::video_source(self)],
        })
    }

    fn get_profiles(&self, _: trt::GetProfiles) -> Answer<trt::GetProfilesResponse> {
        Ok(trt::GetProfilesResponse {
            profiles: profiles::all(self.device())
                .into_iter()
                .map(|p| profile(self, p))
                .collect(),
        })
    }

    fn get_profile(&self, request: trt::GetProfile) -> Answer<trt::GetProfileResponse> {
        let found = profiles::find(self.device(), &request.profile_token)?;
        Ok(trt::GetProfileResponse {
            profile: profile(self, found),
        })
    }

    fn create_profile(&self, request: trt::CreateProfile) -> Answer<trt::CreateProfileResponse> {
        let made = profiles::create(self, request.token, request.name, &[])?;
        Ok(trt::CreateProfileResponse {
            profile: profile(self, made),
        })
    }

    fn delete_profile(&self, request: trt::DeleteProfile) -> Answer<trt::DeleteProfileResponse> {
        profiles::delete(self, &request.profile_token)?;
        Ok(Default::default())
    }

    fn add_video_source_configuration(
        &self,
        r: trt::AddVideoSourceConfiguration,
    ) -> Answer<trt::AddVideoSourceConfigurationResponse> {
        add(self, &r.profile_token, Kind::Source, &r.configuration_token)?;
        Ok(Default::default())
    }

    fn remove_video_source_configuration(
        &self,
        r: trt::RemoveVideoSourceConfiguration,
    ) -> Answer<trt::RemoveVideoSourceConfigurationResponse> {
        remove(self, &r.profile_token, Kind::Source)?;
        Ok(Default::default())
    }

    fn add_video_encoder_configuration(
        &self,
        r: trt::AddVideoEncoderConfiguration,
    ) -> Answer<trt::AddVideoEncoderConfigurationResponse> {
        add(
            self,
            &r.profile_token,
            Kind::Encoder,
            &r.configuration_token,
        )?;
        Ok(Default::default())
    }

    fn remove_video_encoder_configuration(
        &self,
        r: trt::RemoveVideoEncoderConfiguration,
    ) -> Answer<trt::RemoveVideoEncoderConfigurationResponse> {
        remove(self, &r.profile_token, Kind::Encoder)?;
        Ok(Default::default())
    }

    fn add_video_analytics_configuration(
        &self,
        r: trt::AddVideoAnalyticsConfiguration,
    ) -> Answer<trt::AddVideoAnalyticsConfigurationResponse> {
        add(
            self,
            &r.profile_token,
            Kind::Analytics,
            &r.configuration_token,
        )?;
        Ok(Default::default())
    }

    fn remove_video_analytics_configuration(
        &self,
        r: trt::RemoveVideoAnalyticsConfiguration,
    ) -> Answer<trt::RemoveVideoAnalyticsConfigurationResponse> {
        remove(self, &r.profile_token, Kind::Analytics)?;
        Ok(Default::default())
    }

    fn add_metadata_configuration(
        &self,
        r: trt::AddMetadataConfiguration,
    ) -> Answer<trt::AddMetadataConfigurationResponse> {
        add(
            self,
            &r.profile_token,
            Kind::Metadata,
            &r.configuration_token,
        )?;
        Ok(Default::default())
    }

    fn remove_metadata_configuration(
        &self,
        r: trt::RemoveMetadataConfiguration,
    ) -> Answer<trt::RemoveMetadataConfigurationResponse> {
        remove(self, &r.profile_token, Kind::Metadata)?;
        Ok(Default::default())
    }

    fn get_video_source_configurations(
        &self,
        _: trt::GetVideoSourceConfigurations,
    ) -> Answer<trt::GetVideoSourceConfigurationsResponse> {
        Ok(trt::GetVideoSourceConfigurationsResponse {
            configurations: vec![shared::source_config(self)],
        })
    }

    fn get_video_source_configuration(
        &self,
        request: trt::GetVideoSourceConfiguration,
    ) -> Answer<trt::GetVideoSourceConfigurationResponse> {
        only(self, &request.configuration_token, SOURCE_CONFIG)?;
        Ok(trt::GetVideoSourceConfigurationResponse {
            configuration: shared::source_config(self),
        })
    }

    fn get_compatible_video_source_configurations(
        &self,
        request: trt::GetCompatibleVideoSourceConfigurations,
    ) -> Answer<trt::GetCompatibleVideoSourceConfigurationsResponse> {
        profiles::find(self.device(), &request.profile_token)?;
        Ok(trt::GetCompatibleVideoSourceConfigurationsResponse {
            configurations: vec![shared::source_config(self)],
        })
    }

    fn get_video_source_configuration_options(
        &self,
        request: trt::GetVideoSourceConfigurationOptions,
    ) -> Answer<trt::GetVideoSourceConfigurationOptionsResponse> {
        shared::check_tokens(
            self,
            request.configuration_token.as_deref(),
            request.profile_token.as_deref(),
            SOURCE_CONFIG,
        )?;
        Ok(trt::GetVideoSourceConfigurationOptionsResponse {
            options: shared::source_options(self),
        })
    }

    fn set_video_source_configuration(
        &self,
        request: trt::SetVideoSourceConfiguration,
    ) -> Answer<trt::SetVideoSourceConfigurationResponse> {
        shared::check_source_config(self, &request.configuration)?;
        Ok(Default::default())
    }

    fn get_video_encoder_configurations(
        &self,
        _: trt::GetVideoEncoderConfigurations,
    ) -> Answer<trt::GetVideoEncoderConfigurationsResponse> {
        Ok(trt::GetVideoEncoderConfigurationsResponse {
            configurations: streams(self.device())
                .iter()
                .filter_map(|s| encoder::media1(self.device(), *s))
                .collect(),
        })
    }

    fn get_video_encoder_configuration(
        &self,
        request: trt::GetVideoEncoderConfiguration,
    ) -> Answer<trt::GetVideoEncoderConfigurationResponse> {
        let stream = encoder::stream_of(self.device(), &request.configuration_token)?;
        Ok(trt::GetVideoEncoderConfigurationResponse {
            configuration: encoder_config(self, stream)?,
        })
    }

    fn get_compatible_video_encoder_configurations(
        &self,
        request: trt::GetCompatibleVideoEncoderConfigurations,
    ) -> Answer<trt::GetCompatibleVideoEncoderConfigurationsResponse> {
        let streams = shared::encoders(self, None, Some(&request.profile_token))?;
        Ok(trt::GetCompatibleVideoEncoderConfigurationsResponse {
            configurations: streams
                .into_iter()
                .filter_map(|s| encoder::media1(self.device(), s))
                .collect(),
        })
    }

    fn get_video_encoder_configuration_options(
        &self,
        request: trt::GetVideoEncoderConfigurationOptions,
    ) -> Answer<trt::GetVideoEncoderConfigurationOptionsResponse> {
        let streams = shared::encoders(
            self,
            request.configuration_token.as_deref(),
            request.profile_token.as_deref(),
        )?;
        Ok(trt::GetVideoEncoderConfigurationOptionsResponse {
            options: encoder::media1_options(self.device(), &streams),
        })
    }

    fn set_video_encoder_configuration(
        &self,
        request: trt::SetVideoEncoderConfiguration,
    ) -> Answer<trt::SetVideoEncoderConfigurationResponse> {
        let stream = encoder::stream_of(self.device(), &request.configuration.token)?;
        let encoding = &request.configuration.encoding;
        if !matches!(encoding, tt::VideoEncoding::H264 | tt::VideoEncoding::Jpeg) {
            return Err(Fault::sender(
                &["InvalidArgVal", "ConfigModify"],
                format!(
                    "Encoding {}: must be H264 or JPEG here",
                    fault::shortened(encoding.as_str())
                ),
            ));
        }
        encoder::set(self, stream, &Wanted::from(request.configuration))?;
        Ok(Default::default())
    }

    fn get_guaranteed_number_of_video_encoder_instances(
        &self,
        request: trt::GetGuaranteedNumberOfVideoEncoderInstances,
    ) -> Answer<trt::GetGuaranteedNumberOfVideoEncoderInstancesResponse> {
        only(self, &request.configuration_token, SOURCE_CONFIG)?;
        let codecs = self.device().settings.video_capabilities().codecs();
        let both = |c| codecs.contains(&c).then_some(2);
        Ok(trt::GetGuaranteedNumberOfVideoEncoderInstancesResponse {
            total_number: 2,
            jpeg: both(platecam_model::settings::Codec::Mjpeg),
            h264: both(platecam_model::settings::Codec::H264),
            mpeg4: None,
        })
    }

    fn get_metadata_configurations(
        &self,
        _: trt::GetMetadataConfigurations,
    ) -> Answer<trt::GetMetadataConfigurationsResponse> {
        Ok(trt::GetMetadataConfigurationsResponse {
            configurations: vec![shared::metadata_config(self)],
        })
    }

    fn get_metadata_configuration(
        &self,
        request: trt::GetMetadataConfiguration,
    ) -> Answer<trt::GetMetadataConfigurationResponse> {
        only(self, &request.configuration_token, METADATA_CONFIG)?;
        Ok(trt::GetMetadataConfigurationResponse {
            configuration: shared::metadata_config(self),
        })
    }

    fn set_metadata_configuration(
        &self,
        request: trt::SetMetadataConfiguration,
    ) -> Answer<trt::SetMetadataConfigurationResponse> {
        metadata::set(self, &request.configuration)?;
        Ok(Default::default())
    }

    fn get_compatible_metadata_configurations(
        &self,
        request: trt::GetCompatibleMetadataConfigurations,
    ) -> Answer<trt::GetCompatibleMetadataConfigurationsResponse> {
        profiles::find(self.device(), &request.profile_token)?;
        Ok(trt::GetCompatibleMetadataConfigurationsResponse {
            configurations: vec![shared::metadata_config(self)],
        })
    }

    fn get_metadata_configuration_options(
        &self,
        request: trt::GetMetadataConfigurationOptions,
    ) -> Answer<trt::GetMetadataConfigurationOptionsResponse> {
        shared::check_tokens(
            self,
            request.configuration_token.as_deref(),
            request.profile_token.as_deref(),
            METADATA_CONFIG,
        )?;
        Ok(trt::GetMetadataConfigurationOptionsResponse {
            options: shared::metadata_options(),
        })
    }

    fn get_video_analytics_configurations(
        &self,
        _: trt::GetVideoAnalyticsConfigurations,
    ) -> Answer<trt::GetVideoAnalyticsConfigurationsResponse> {
        Ok(trt::GetVideoAnalyticsConfigurationsResponse {
            configurations: vec![shared::analytics_config(self)],
        })
    }

    fn get_video_analytics_configuration(
        &self,
        request: trt::GetVideoAnalyticsConfiguration,
    ) -> Answer<trt::GetVideoAnalyticsConfigurationResponse> {
        only(self, &request.configuration_token, ANALYTICS_CONFIG)?;
        Ok(trt::GetVideoAnalyticsConfigurationResponse {
            configuration: shared::analytics_config(self),
        })
    }

    fn get_compatible_video_analytics_configurations(
        &self,
        request: trt::GetCompatibleVideoAnalyticsConfigurations,
    ) -> Answer<trt::GetCompatibleVideoAnalyticsConfigurationsResponse> {
        profiles::find(self.device(), &request.profile_token)?;
        Ok(trt::GetCompatibleVideoAnalyticsConfigurationsResponse {
            configurations: vec![shared::analytics_config(self)],
        })
    }

    fn set_video_analytics_configuration(
        &self,
        request: trt::SetVideoAnalyticsConfiguration,
    ) -> Answer<trt::SetVideoAnalyticsConfigurationResponse> {
        analytics::replace(self, &request.configuration)?;
        Ok(Default::default())
    }

    fn get_audio_sources(&self, _: trt::GetAudioSources) -> Answer<trt::GetAudioSourcesResponse> {
        Ok(trt::GetAudioSourcesResponse {
            audio_sources: audio::sources(self.device()),
        })
    }

    fn get_audio_source_configurations(
        &self,
        _: trt::GetAudioSourceConfigurations,
    ) -> Answer<trt::GetAudioSourceConfigurationsResponse> {
        Ok(trt::GetAudioSourceConfigurationsResponse {
            configurations: audio::source_config(self.device()).into_iter().collect(),
        })
    }

    fn get_audio_source_configuration(
        &self,
        request: trt::GetAudioSourceConfiguration,
    ) -> Answer<trt::GetAudioSourceConfigurationResponse> {
        let token = &request.configuration_token;
        audio::tokens(self, Some(token), None, AUDIO_SOURCE_CONFIG)?;
        Ok(trt::GetAudioSourceConfigurationResponse {
            configuration: audio::source_config(self.device())
                .ok_or_else(|| fault::no_config(token))?,
        })
    }

    fn get_compatible_audio_source_configurations(
        &self,
        request: trt::GetCompatibleAudioSourceConfigurations,
    ) -> Answer<trt::GetCompatibleAudioSourceConfigurationsResponse> {
        profiles::find(self.device(), &request.profile_token)?;
        Ok(trt::GetCompatibleAudioSourceConfigurationsResponse {
            configurations: audio::source_config(self.device()).into_iter().collect(),
        })
    }

    fn get_audio_source_configuration_options(
        &self,
        request: trt::GetAudioSourceConfigurationOptions,
    ) -> Answer<trt::GetAudioSourceConfigurationOptionsResponse> {
        let (token, profile) = (&request.configuration_token, &request.profile_token);
        audio::tokens(
            self,
            token.as_deref(),
            profile.as_deref(),
            AUDIO_SOURCE_CONFIG,
        )?;
        Ok(trt::GetAudioSourceConfigurationOptionsResponse {
            options: audio::source_options(self.device())?,
        })
    }

    fn set_audio_source_configuration(
        &self,
        request: trt::SetAudioSourceConfiguration,
    ) -> Answer<trt::SetAudioSourceConfigurationResponse> {
        audio::check_source(self, &request.configuration)?;
        Ok(Default::default())
    }

    fn add_audio_source_configuration(
        &self,
        r: trt::AddAudioSourceConfiguration,
    ) -> Answer<trt::AddAudioSourceConfigurationResponse> {
        let (profile, token) = (&r.profile_token, &r.configuration_token);
        add(self, profile, Kind::AudioSource, token)?;
        Ok(Default::default())
    }

    fn remove_audio_source_configuration(
        &self,
        r: trt::RemoveAudioSourceConfiguration,
    ) -> Answer<trt::RemoveAudioSourceConfigurationResponse> {
        remove(self, &r.profile_token, Kind::AudioSource)?;
        Ok(Default::default())
    }

    fn get_audio_encoder_configurations(
        &self,
        _: trt::GetAudioEncoderConfigurations,
    ) -> Answer<trt::GetAudioEncoderConfigurationsResponse> {
        Ok(trt::GetAudioEncoderConfigurationsResponse {
            configurations: audio::media1(self.device()).into_iter().collect(),
        })
    }

    fn get_audio_encoder_configuration(
        &self,
        request: trt::GetAudioEncoderConfiguration,
    ) -> Answer<trt::GetAudioEncoderConfigurationResponse> {
        let token = &request.configuration_token;
        audio::tokens(self, Some(token), None, AUDIO_ENCODER)?;
        Ok(trt::GetAudioEncoderConfigurationResponse {
            configuration: audio::media1(self.device()).ok_or_else(|| fault::no_config(token))?,
        })
    }

    fn get_compatible_audio_encoder_configurations(
        &self,
        request: trt::GetCompatibleAudioEncoderConfigurations,
    ) -> Answer<trt::GetCompatibleAudioEncoderConfigurationsResponse> {
        profiles::find(self.device(), &request.profile_token)?;
        Ok(trt::GetCompatibleAudioEncoderConfigurationsResponse {
            configurations: audio::media1(self.device()).into_iter().collect(),
        })
    }

    fn get_audio_encoder_configuration_options(
        &self,
        request: trt::GetAudioEncoderConfigurationOptions,
    ) -> Answer<trt::GetAudioEncoderConfigurationOptionsResponse> {
        let (token, profile) = (&request.configuration_token, &request.profile_token);
        audio::tokens(self, token.as_deref(), profile.as_deref(), AUDIO_ENCODER)?;
        Ok(trt::GetAudioEncoderConfigurationOptionsResponse {
            options: audio::media1_options(self.device())?,
        })
    }

    fn set_audio_encoder_configuration(
        &self,
        request: trt::SetAudioEncoderConfiguration,
    ) -> Answer<trt::SetAudioEncoderConfigurationResponse> {
        audio::set(self, &request.configuration.into())?;
        Ok(Default::default())
    }

    fn add_audio_encoder_configuration(
        &self,
        r: trt::AddAudioEncoderConfiguration,
    ) -> Answer<trt::AddAudioEncoderConfigurationResponse> {
        let (profile, token) = (&r.profile_token, &r.configuration_token);
        add(self, profile, Kind::AudioEncoder, token)?;
        Ok(Default::default())
    }

    fn remove_audio_encoder_configuration(
        &self,
        r: trt::RemoveAudioEncoderConfiguration,
    ) -> Answer<trt::RemoveAudioEncoderConfigurationResponse> {
        remove(self, &r.profile_token, Kind::AudioEncoder)?;
        Ok(Default::default())
    }

    fn get_audio_outputs(&self, _: trt::GetAudioOutputs) -> Answer<trt::GetAudioOutputsResponse> {
        let output = tt::AudioOutput {
            token: AUDIO_OUTPUT.into(),
            ..Default::default()
        };
        Ok(trt::GetAudioOutputsResponse {
            audio_outputs: loudspeaker::is_present(self.device())
                .then_some(output)
                .into_iter()
                .collect(),
        })
    }

    fn get_audio_output_configurations(
        &self,
        _: trt::GetAudioOutputConfigurations,
    ) -> Answer<trt::GetAudioOutputConfigurationsResponse> {
        Ok(trt::GetAudioOutputConfigurationsResponse {
            configurations: loudspeaker::output(self.device()).into_iter().collect(),
        })
    }

    fn get_audio_output_configuration(
        &self,
        request: trt::GetAudioOutputConfiguration,
    ) -> Answer<trt::GetAudioOutputConfigurationResponse> {
        let token = &request.configuration_token;
        loudspeaker::tokens(self, Some(token), None, AUDIO_OUTPUT_CONFIG)?;
        Ok(trt::GetAudioOutputConfigurationResponse {
            configuration: loudspeaker::output(self.device())
                .ok_or_else(|| fault::no_config(token))?,
        })
    }

    fn get_compatible_audio_output_configurations(
        &self,
        request: trt::GetCompatibleAudioOutputConfigurations,
    ) -> Answer<trt::GetCompatibleAudioOutputConfigurationsResponse> {
        profiles::find(self.device(), &request.profile_token)?;
        Ok(trt::GetCompatibleAudioOutputConfigurationsResponse {
            configurations: loudspeaker::output(self.device()).into_iter().collect(),
        })
    }

    fn get_audio_output_configuration_options(
        &self,
        request: trt::GetAudioOutputConfigurationOptions,
    ) -> Answer<trt::GetAudioOutputConfigurationOptionsResponse> {
        let (token, profile) = (&request.configuration_token, &request.profile_token);
        loudspeaker::tokens(
            self,
            token.as_deref(),
            profile.as_deref(),
            AUDIO_OUTPUT_CONFIG,
        )?;
        Ok(trt::GetAudioOutputConfigurationOptionsResponse {
            options: loudspeaker::output_options(self.device())?,
        })
    }

    fn set_audio_output_configuration(
        &self,
        request: trt::SetAudioOutputConfiguration,
    ) -> Answer<trt::SetAudioOutputConfigurationResponse> {
        loudspeaker::set_output(self, &request.configuration)?;
        Ok(Default::default())
    }

    fn add_audio_output_configuration(
        &self,
        r: trt::AddAudioOutputConfiguration,
    ) -> Answer<trt::AddAudioOutputConfigurationResponse> {
        let (profile, token) = (&r.profile_token, &r.configuration_token);
        add(self, profile, Kind::AudioOutput, token)?;
        Ok(Default::default())
    }

    fn remove_audio_output_configuration(
        &self,
        r: trt::RemoveAudioOutputConfiguration,
    ) -> Answer<trt::RemoveAudioOutputConfigurationResponse> {
        remove(self, &r.profile_token, Kind::AudioOutput)?;
        Ok(Default::default())
    }

    fn get_audio_decoder_configurations(
        &self,
        _: trt::GetAudioDecoderConfigurations,
    ) -> Answer<trt::GetAudioDecoderConfigurationsResponse> {
        Ok(trt::GetAudioDecoderConfigurationsResponse {
            configurations: loudspeaker::decoder(self.device()).into_iter().collect(),
        })
    }

    fn get_audio_decoder_configuration(
        &self,
        request: trt::GetAudioDecoderConfiguration,
    ) -> Answer<trt::GetAudioDecoderConfigurationResponse> {
        let token = &request.configuration_token;
        loudspeaker::tokens(self, Some(token), None, AUDIO_DECODER)?;
        Ok(trt::GetAudioDecoderConfigurationResponse {
            configuration: loudspeaker::decoder(self.device())
                .ok_or_else(|| fault::no_config(token))?,
        })
    }

    fn get_compatible_audio_decoder_configurations(
        &self,
        request: trt::GetCompatibleAudioDecoderConfigurations,
    ) -> Answer<trt::GetCompatibleAudioDecoderConfigurationsResponse> {
        profiles::find(self.device(), &request.profile_token)?;
        Ok(trt::GetCompatibleAudioDecoderConfigurationsResponse {
            configurations: loudspeaker::decoder(self.device()).into_iter().collect(),
        })
    }

    fn get_audio_decoder_configuration_options(
        &self,
        request: trt::GetAudioDecoderConfigurationOptions,
    ) -> Answer<trt::GetAudioDecoderConfigurationOptionsResponse> {
        let (token, profile) = (&request.configuration_token, &request.profile_token);
        loudspeaker::tokens(self, token.as_deref(), profile.as_deref(), AUDIO_DECODER)?;
        Ok(trt::GetAudioDecoderConfigurationOptionsResponse {
            options: loudspeaker::media1_decoder_options(self.device())?,
        })
    }

    fn set_audio_decoder_configuration(
        &self,
        request: trt::SetAudioDecoderConfiguration,
    ) -> Answer<trt::SetAudioDecoderConfigurationResponse> {
        loudspeaker::set_decoder(self, &request.configuration)?;
        Ok(Default::default())
    }

    fn add_audio_decoder_configuration(
        &self,
        r: trt::AddAudioDecoderConfiguration,
    ) -> Answer<trt::AddAudioDecoderConfigurationResponse> {
        let (profile, token) = (&r.profile_token, &r.configuration_token);
        add(self, profile, Kind::AudioDecoder, token)?;
        Ok(Default::default())
    }

    fn remove_audio_decoder_configuration(
        &self,
        r: trt::RemoveAudioDecoderConfiguration,
    ) -> Answer<trt::RemoveAudioDecoderConfigurationResponse> {
        remove(self, &r.profile_token, Kind::AudioDecoder)?;
        Ok(Default::default())
    }

    fn get_stream_uri(&self, request: trt::GetStreamUri) -> Answer<trt::GetStreamUriResponse> {
        let stream = shared::target(self, &request.profile_token)?;
        // ZoneMinder's probe tries misspelt types as well: what cannot be read is refused, at once.
        let refused = |what: String| Fault::sender(&["InvalidArgVal", "InvalidStreamSetup"], what);
        let kind = &request.stream_setup.stream;
        let uri = match (kind, &request.stream_setup.transport.protocol) {
            (tt::StreamType::RtpUnicast, tt::TransportProtocol::Http) => {
                shared::tunnel_uri(self, stream)
            }
            (tt::StreamType::RtpUnicast, _) => shared::stream_uri(self, stream),
            (tt::StreamType::RtpMulticast, tt::TransportProtocol::Udp) => {
                multicast::uri(self, stream)?
            }
            (tt::StreamType::RtpMulticast, other) => {
                let other = fault::shortened(other.as_str());
                return Err(refused(format!(
                    "Protocol {other}: must be UDP for RTP-Multicast"
                )));
            }
            (other, _) => {
                let other = fault::shortened(other.as_str());
                return Err(refused(format!(
                    "Stream {other}: must be RTP-Unicast or RTP-Multicast"
                )));
            }
        };
        Ok(trt::GetStreamUriResponse {
            media_uri: media_uri(uri),
        })
    }

    fn start_multicast_streaming(
        &self,
        request: trt::StartMulticastStreaming,
    ) -> Answer<trt::StartMulticastStreamingResponse> {
        multicast::switch(self, &request.profile_token, true)?;
        Ok(Default::default())
    }

    fn stop_multicast_streaming(
        &self,
        request: trt::StopMulticastStreaming,
    ) -> Answer<trt::StopMulticastStreamingResponse> {
        multicast::switch(self, &request.profile_token, false)?;
        Ok(Default::default())
    }

    fn get_snapshot_uri(
        &self,
        request: trt::GetSnapshotUri,
    ) -> Answer<trt::GetSnapshotUriResponse> {
        let stream = shared::stream(self, &request.profile_token)?;
        Ok(trt::GetSnapshotUriResponse {
            media_uri: media_uri(shared::snapshot_uri(self, stream)),
        })
    }

    fn set_synchronization_point(
        &self,
        request: trt::SetSynchronizationPoint,
    ) -> Answer<trt::SetSynchronizationPointResponse> {
        shared::synchronize(self, &request.profile_token)?;
        Ok(Default::default())
    }

    fn get_osds(&self, request: trt::GetOSDs) -> Answer<trt::GetOSDsResponse> {
        let osds = osd::list(self, None, request.configuration_token.as_deref())?;
        Ok(trt::GetOSDsResponse { osds })
    }

    fn get_osd(&self, request: trt::GetOSD) -> Answer<trt::GetOSDResponse> {
        let found = osd::list(self, Some(&request.osd_token), None)?;
        let osd = found.into_iter().next();
        Ok(trt::GetOSDResponse {
            osd: osd.ok_or_else(|| fault::no_config(&request.osd_token))?,
        })
    }

    fn get_osd_options(&self, request: trt::GetOSDOptions) -> Answer<trt::GetOSDOptionsResponse> {
        Ok(trt::GetOSDOptionsResponse {
            osd_options: osd::options(self, &request.configuration_token)?,
        })
    }

    fn set_osd(&self, request: trt::SetOSD) -> Answer<trt::SetOSDResponse> {
        osd::set(self, &request.osd)?;
        Ok(Default::default())
    }

    fn create_osd(&self, request: trt::CreateOSD) -> Answer<trt::CreateOSDResponse> {
        let osd_token = osd::create(self, &request.osd)?;
        Ok(trt::CreateOSDResponse { osd_token })
    }

    fn delete_osd(&self, request: trt::DeleteOSD) -> Answer<trt::DeleteOSDResponse> {
        osd::delete(self, &request.osd_token)?;
        Ok(Default::default())
    }
}
