//! Media service 1.

use onvif_contracts::{ports::media::Media, trt, tt};
use onvif_xml::{Duration, soap::Fault};
use platecam_model::ports::StreamId;

use super::{
    ANALYTICS_CONFIG, METADATA_CONFIG, SOURCE_CONFIG, STREAMS, configurations as shared,
    encoder::{self, Wanted},
    profile_token,
};
use crate::{
    call::{Answer, Call},
    fault,
};

/// A profile as Media 1 shows it. An H.265 profile has no encoder here.
fn profile(call: &Call<'_>, stream: StreamId) -> tt::Profile {
    tt::Profile {
        name: match stream {
            StreamId::Main => "Main stream".into(),
            StreamId::Sub => "Sub stream".into(),
        },
        token: profile_token(stream).into(),
        fixed: Some(true),
        video_source_configuration: Some(Box::new(shared::source_config(call))),
        video_encoder_configuration: encoder::media1(call.device(), stream).map(Box::new),
        video_analytics_configuration: Some(Box::new(shared::analytics_config(call))),
        metadata_configuration: Some(Box::new(shared::metadata_config())),
        ..Default::default()
    }
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
fn only(token: &str, ours: &str) -> Answer<()> {
    shared::check_tokens(Some(token), None, ours)
}

impl Media for Call<'_> {
    fn get_service_capabilities(
        &self,
        _: trt::GetServiceCapabilities,
    ) -> Answer<trt::GetServiceCapabilitiesResponse> {
        Ok(trt::GetServiceCapabilitiesResponse {
            capabilities: shared::media1_capabilities(),
        })
    }

    fn get_video_sources(&self, _: trt::GetVideoSources) -> Answer<trt::GetVideoSourcesResponse> {
        Ok(trt::GetVideoSourcesResponse {
            video_sources: vec![shared::video_source(self)],
        })
    }

    fn get_profiles(&self, _: trt::GetProfiles) -> Answer<trt::GetProfilesResponse> {
        Ok(trt::GetProfilesResponse {
            profiles: STREAMS.map(|s| profile(self, s)).to_vec(),
        })
    }

    fn get_profile(&self, request: trt::GetProfile) -> Answer<trt::GetProfileResponse> {
        let stream = shared::stream(&request.profile_token)?;
        Ok(trt::GetProfileResponse {
            profile: profile(self, stream),
        })
    }

    fn create_profile(&self, _: trt::CreateProfile) -> Answer<trt::CreateProfileResponse> {
        Err(Fault::receiver(
            &["Action", "MaxNVTProfiles"],
            format!("there are {} profiles, all fixed", shared::MAX_PROFILES),
        ))
    }

    fn delete_profile(&self, request: trt::DeleteProfile) -> Answer<trt::DeleteProfileResponse> {
        shared::stream(&request.profile_token)?;
        Err(Fault::sender(
            &["Action", "DeletionOfFixedProfile"],
            format!("the profile '{}' is fixed", request.profile_token),
        ))
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
        only(&request.configuration_token, SOURCE_CONFIG)?;
        Ok(trt::GetVideoSourceConfigurationResponse {
            configuration: shared::source_config(self),
        })
    }

    fn get_compatible_video_source_configurations(
        &self,
        request: trt::GetCompatibleVideoSourceConfigurations,
    ) -> Answer<trt::GetCompatibleVideoSourceConfigurationsResponse> {
        shared::stream(&request.profile_token)?;
        Ok(trt::GetCompatibleVideoSourceConfigurationsResponse {
            configurations: vec![shared::source_config(self)],
        })
    }

    fn get_video_source_configuration_options(
        &self,
        request: trt::GetVideoSourceConfigurationOptions,
    ) -> Answer<trt::GetVideoSourceConfigurationOptionsResponse> {
        shared::check_tokens(
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
            configurations: STREAMS
                .into_iter()
                .filter_map(|s| encoder::media1(self.device(), s))
                .collect(),
        })
    }

    fn get_video_encoder_configuration(
        &self,
        request: trt::GetVideoEncoderConfiguration,
    ) -> Answer<trt::GetVideoEncoderConfigurationResponse> {
        let stream = encoder::stream_of(&request.configuration_token)?;
        Ok(trt::GetVideoEncoderConfigurationResponse {
            configuration: encoder_config(self, stream)?,
        })
    }

    fn get_compatible_video_encoder_configurations(
        &self,
        request: trt::GetCompatibleVideoEncoderConfigurations,
    ) -> Answer<trt::GetCompatibleVideoEncoderConfigurationsResponse> {
        let streams = shared::encoders(None, Some(&request.profile_token))?;
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
        let stream = encoder::stream_of(&request.configuration.token)?;
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
        only(&request.configuration_token, SOURCE_CONFIG)?;
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
            configurations: vec![shared::metadata_config()],
        })
    }

    fn get_metadata_configuration(
        &self,
        request: trt::GetMetadataConfiguration,
    ) -> Answer<trt::GetMetadataConfigurationResponse> {
        only(&request.configuration_token, METADATA_CONFIG)?;
        Ok(trt::GetMetadataConfigurationResponse {
            configuration: shared::metadata_config(),
        })
    }

    fn get_compatible_metadata_configurations(
        &self,
        request: trt::GetCompatibleMetadataConfigurations,
    ) -> Answer<trt::GetCompatibleMetadataConfigurationsResponse> {
        shared::stream(&request.profile_token)?;
        Ok(trt::GetCompatibleMetadataConfigurationsResponse {
            configurations: vec![shared::metadata_config()],
        })
    }

    fn get_metadata_configuration_options(
        &self,
        request: trt::GetMetadataConfigurationOptions,
    ) -> Answer<trt::GetMetadataConfigurationOptionsResponse> {
        shared::check_tokens(
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
        only(&request.configuration_token, ANALYTICS_CONFIG)?;
        Ok(trt::GetVideoAnalyticsConfigurationResponse {
            configuration: shared::analytics_config(self),
        })
    }

    fn get_compatible_video_analytics_configurations(
        &self,
        request: trt::GetCompatibleVideoAnalyticsConfigurations,
    ) -> Answer<trt::GetCompatibleVideoAnalyticsConfigurationsResponse> {
        shared::stream(&request.profile_token)?;
        Ok(trt::GetCompatibleVideoAnalyticsConfigurationsResponse {
            configurations: vec![shared::analytics_config(self)],
        })
    }

    fn get_stream_uri(&self, request: trt::GetStreamUri) -> Answer<trt::GetStreamUriResponse> {
        let stream = shared::stream(&request.profile_token)?;
        // ZoneMinder's probe tries misspelt types as well: what cannot be read is refused, at once.
        if request.stream_setup.stream != tt::StreamType::RtpUnicast {
            return Err(Fault::sender(
                &["InvalidArgVal", "InvalidStreamSetup"],
                format!(
                    "Stream {}: must be RTP-Unicast",
                    fault::shortened(request.stream_setup.stream.as_str())
                ),
            ));
        }
        Ok(trt::GetStreamUriResponse {
            media_uri: media_uri(shared::stream_uri(self, stream)),
        })
    }

    fn get_snapshot_uri(
        &self,
        request: trt::GetSnapshotUri,
    ) -> Answer<trt::GetSnapshotUriResponse> {
        shared::stream(&request.profile_token)?;
        Ok(trt::GetSnapshotUriResponse {
            media_uri: media_uri(shared::snapshot_uri(self, &request.profile_token)),
        })
    }

    fn set_synchronization_point(
        &self,
        request: trt::SetSynchronizationPoint,
    ) -> Answer<trt::SetSynchronizationPointResponse> {
        shared::synchronize(self, &request.profile_token)?;
        Ok(Default::default())
    }
}
