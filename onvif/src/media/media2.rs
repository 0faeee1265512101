//! Media service 2.

use onvif_contracts::{ports::media2::Media2, tr2};
use onvif_xml::soap::Fault;
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

/// A profile with the configurations of the wanted kinds.
fn profile(call: &Call<'_>, stream: StreamId, kinds: &[String]) -> tr2::MediaProfile {
    let wants = |kind: &str| kinds.iter().any(|k| k == kind || k == "All");
    let set = tr2::ConfigurationSet {
        video_source: wants("VideoSource").then(|| Box::new(shared::source_config(call))),
        video_encoder: wants("VideoEncoder")
            .then(|| Box::new(encoder::media2(call.device(), stream))),
        analytics: wants("Analytics").then(|| Box::new(shared::analytics_config(call))),
        metadata: wants("Metadata").then(|| Box::new(shared::metadata_config())),
        ..Default::default()
    };
    tr2::MediaProfile {
        name: match stream {
            StreamId::Main => "Main stream".into(),
            StreamId::Sub => "Sub stream".into(),
        },
        token: profile_token(stream).into(),
        fixed: Some(true),
        configurations: (!kinds.is_empty()).then(|| Box::new(set)),
    }
}

/// One configuration for all: checks the tokens of a request for it.
fn single(request: &tr2::GetConfiguration, ours: &str) -> Answer<()> {
    shared::check_tokens(
        request.configuration_token.as_deref(),
        request.profile_token.as_deref(),
        ours,
    )
}

fn encoders(request: &tr2::GetConfiguration) -> Answer<Vec<StreamId>> {
    shared::encoders(
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
            capabilities: shared::media2_capabilities(),
        })
    }

    fn get_profiles(&self, request: tr2::GetProfiles) -> Answer<tr2::GetProfilesResponse> {
        let streams = match &request.token {
            Some(token) => vec![shared::stream(token)?],
            None => STREAMS.to_vec(),
        };
        Ok(tr2::GetProfilesResponse {
            profiles: streams
                .into_iter()
                .map(|s| profile(self, s, &request.r#type))
                .collect(),
        })
    }

    fn create_profile(&self, _: tr2::CreateProfile) -> Answer<tr2::CreateProfileResponse> {
        Err(Fault::receiver(
            &["Action", "MaxNVTProfiles"],
            format!("there are {} profiles, all fixed", shared::MAX_PROFILES),
        ))
    }

    fn delete_profile(&self, request: tr2::DeleteProfile) -> Answer<tr2::DeleteProfileResponse> {
        shared::stream(&request.token)?;
        Err(Fault::sender(
            &["Action", "DeletionOfFixedProfile"],
            format!("the profile '{}' is fixed", request.token),
        ))
    }

    fn get_video_source_configurations(
        &self,
        request: tr2::GetConfiguration,
    ) -> Answer<tr2::GetVideoSourceConfigurationsResponse> {
        single(&request, SOURCE_CONFIG)?;
        Ok(tr2::GetVideoSourceConfigurationsResponse {
            configurations: vec![shared::source_config(self)],
        })
    }

    fn get_video_source_configuration_options(
        &self,
        request: tr2::GetConfiguration,
    ) -> Answer<tr2::GetVideoSourceConfigurationOptionsResponse> {
        single(&request, SOURCE_CONFIG)?;
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

    fn get_video_encoder_configurations(
        &self,
        request: tr2::GetConfiguration,
    ) -> Answer<tr2::GetVideoEncoderConfigurationsResponse> {
        Ok(tr2::GetVideoEncoderConfigurationsResponse {
            configurations: encoders(&request)?
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
            options: encoder::media2_options(self.device(), &encoders(&request)?),
        })
    }

    fn set_video_encoder_configuration(
        &self,
        request: tr2::SetVideoEncoderConfiguration,
    ) -> Answer<tr2::SetConfigurationResponse> {
        let stream = encoder::stream_of(&request.configuration.token)?;
        encoder::set(self, stream, &Wanted::from(request.configuration))?;
        Ok(Default::default())
    }

    fn get_video_encoder_instances(
        &self,
        request: tr2::GetVideoEncoderInstances,
    ) -> Answer<tr2::GetVideoEncoderInstancesResponse> {
        shared::check_tokens(Some(&request.configuration_token), None, SOURCE_CONFIG)?;
        let codec = encoder::media2_options(self.device(), &STREAMS)
            .into_iter()
            .map(|o| tr2::EncoderInstance {
                encoding: o.encoding,
                number: 2,
            })
            .collect();
        Ok(tr2::GetVideoEncoderInstancesResponse {
            info: tr2::EncoderInstanceInfo { codec, total: 2 },
        })
    }

    fn get_metadata_configurations(
        &self,
        request: tr2::GetConfiguration,
    ) -> Answer<tr2::GetMetadataConfigurationsResponse> {
        single(&request, METADATA_CONFIG)?;
        Ok(tr2::GetMetadataConfigurationsResponse {
            configurations: vec![shared::metadata_config()],
        })
    }

    fn get_metadata_configuration_options(
        &self,
        request: tr2::GetConfiguration,
    ) -> Answer<tr2::GetMetadataConfigurationOptionsResponse> {
        single(&request, METADATA_CONFIG)?;
        Ok(tr2::GetMetadataConfigurationOptionsResponse {
            options: shared::metadata_options(),
        })
    }

    fn get_analytics_configurations(
        &self,
        request: tr2::GetConfiguration,
    ) -> Answer<tr2::GetAnalyticsConfigurationsResponse> {
        single(&request, ANALYTICS_CONFIG)?;
        Ok(tr2::GetAnalyticsConfigurationsResponse {
            configurations: vec![shared::analytics_config(self)],
        })
    }

    fn get_stream_uri(&self, request: tr2::GetStreamUri) -> Answer<tr2::GetStreamUriResponse> {
        let stream = shared::stream(&request.profile_token)?;
        match request.protocol.trim() {
            "RtspUnicast" | "RTSP" | "RtspOverHttp" => Ok(tr2::GetStreamUriResponse {
                uri: shared::stream_uri(self, stream),
            }),
            other => Err(Fault::sender(
                &["InvalidArgVal", "InvalidStreamSetup"],
                format!(
                    "Protocol {}: must be RtspUnicast, RTSP or RtspOverHttp",
                    fault::shortened(other)
                ),
            )),
        }
    }

    fn get_snapshot_uri(
        &self,
        request: tr2::GetSnapshotUri,
    ) -> Answer<tr2::GetSnapshotUriResponse> {
        shared::stream(&request.profile_token)?;
        Ok(tr2::GetSnapshotUriResponse {
            uri: shared::snapshot_uri(self, &request.profile_token),
        })
    }

    fn set_synchronization_point(
        &self,
        request: tr2::SetSynchronizationPoint,
    ) -> Answer<tr2::SetSynchronizationPointResponse> {
        shared::synchronize(self, &request.profile_token)?;
        Ok(Default::default())
    }
}
