//! Configurations that both versions of the media service share.

use onvif_contracts::{tr2, trt, tt};
use onvif_xml::{Duration, List, soap::Fault};
use platecam_model::{SourceState, ports::StreamId, product::Function};

use super::{
    ANALYTICS_CONFIG, METADATA_CONFIG, SOURCE, SOURCE_CONFIG, StreamTarget, audio, clips, encoder,
    loudspeaker, metadata, multicast::Cast, profile_token, profiles, streams,
};
use crate::{
    analytics,
    call::{Answer, Call},
    fault, pictures,
};

/// Profiles that there can be.
pub(crate) const MAX_PROFILES: i32 = profiles::MAX as i32;

/// Size of the source's picture in pixels, and frames a second.
pub(crate) fn picture(call: &Call<'_>) -> (i32, i32, f32) {
    let status = call.device().media.status();
    match status.state {
        SourceState::Running {
            width,
            height,
            millifps,
        } => (int(width), int(height), millifps as f32 / 1000.0),
        SourceState::Connecting | SourceState::Failed { .. } => {
            // The size stays while the source is away, so that clients keep their layout.
            let known = call.device().settings.video_capabilities().source_size;
            let main = encoder::current(call.device(), StreamId::Main);
            let (w, h) = known.unwrap_or((main.resolution.width(), main.resolution.height()));
            (int(w), int(h), main.frame_rate.get() as f32)
        }
    }
}

fn int(n: u32) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}

/// The one video source.
pub(super) fn video_source(call: &Call<'_>) -> tt::VideoSource {
    let (width, height, framerate) = picture(call);
    tt::VideoSource {
        token: SOURCE.into(),
        framerate,
        resolution: tt::VideoResolution { width, height },
        ..Default::default()
    }
}

/// Its configuration: always the whole picture.
pub(crate) fn source_config(call: &Call<'_>) -> tt::VideoSourceConfiguration {
    let (width, height, _) = picture(call);
    tt::VideoSourceConfiguration {
        name: "Video source".into(),
        use_count: profiles::uses(call.device(), |p| p.source),
        token: SOURCE_CONFIG.into(),
        source_token: SOURCE.into(),
        bounds: tt::IntRectangle {
            x: 0,
            y: 0,
            width,
            height,
        },
        ..Default::default()
    }
}

/// What may be set of it: nothing but what it is.
pub(crate) fn source_options(call: &Call<'_>) -> tt::VideoSourceConfigurationOptions {
    let (width, height, _) = picture(call);
    let only = |n| tt::IntRange { min: n, max: n };
    tt::VideoSourceConfigurationOptions {
        bounds_range: tt::IntRectangleRange {
            x_range: only(0),
            y_range: only(0),
            width_range: only(width),
            height_range: only(height),
        },
        video_source_tokens_available: vec![SOURCE.into()],
        maximum_number_of_profiles: Some(MAX_PROFILES),
        ..Default::default()
    }
}

/// Accepts a source configuration that is the present one: there is nothing to set.
///
/// # Errors
/// `ter:NoConfig`, `ter:NoVideoSource`, `ter:ConfigModify`.
pub(crate) fn check_source_config(
    call: &Call<'_>,
    wanted: &tt::VideoSourceConfiguration,
) -> Answer<()> {
    let ours = source_config(call);
    if wanted.token != ours.token {
        return Err(fault::no_config(&wanted.token));
    }
    if wanted.source_token != ours.source_token {
        return Err(fault::of(platecam_model::Error::not_found(
            "video source",
            fault::shortened(&wanted.source_token),
        )));
    }
    if wanted.bounds != ours.bounds {
        let b = &wanted.bounds;
        return Err(Fault::sender(
            &["InvalidArgVal", "ConfigModify"],
            format!(
                "Bounds {},{} {}x{}: must be the whole picture, 0,0 {}x{}",
                b.x, b.y, b.width, b.height, ours.bounds.width, ours.bounds.height
            ),
        ));
    }
    Ok(())
}

/// The metadata configuration: analysed frames and events, as far as they are wanted.
pub(super) fn metadata_config(call: &Call<'_>) -> tt::MetadataConfiguration {
    tt::MetadataConfiguration {
        name: "Plates and events".into(),
        use_count: profiles::uses(call.device(), |p| p.metadata),
        token: METADATA_CONFIG.into(),
        events: metadata::events_of(call),
        analytics: Some(metadata::analytics(call)),
        multicast: Cast::Metadata.configuration(call.device()),
        session_timeout: Duration::from_secs(60),
        compression_type: Some("None".into()),
        ..Default::default()
    }
}

/// What may be set of it.
pub(super) fn metadata_options() -> tt::MetadataConfigurationOptions {
    tt::MetadataConfigurationOptions {
        ptz_status_filter_options: tt::PTZStatusFilterOptions::default(),
        extension: Some(Box::new(tt::MetadataConfigurationOptionsExtension {
            compression_type: vec!["None".into()],
            ..Default::default()
        })),
        ..Default::default()
    }
}

/// The analytics configuration: modules and rules as the analytics service has them.
pub(super) fn analytics_config(call: &Call<'_>) -> tt::VideoAnalyticsConfiguration {
    let (analytics_module, rule) = analytics::parts(call);
    tt::VideoAnalyticsConfiguration {
        name: "Plate recognition".into(),
        use_count: profiles::uses(call.device(), |p| p.analytics),
        token: ANALYTICS_CONFIG.into(),
        analytics_engine_configuration: tt::AnalyticsEngineConfiguration {
            analytics_module,
            ..Default::default()
        },
        rule_engine_configuration: tt::RuleEngineConfiguration {
            rule,
            ..Default::default()
        },
    }
}

/// Checks optional tokens of a request for a configuration of which there is one.
///
/// # Errors
/// `ter:NoConfig`, `ter:NoProfile`.
pub(super) fn check_tokens(
    call: &Call<'_>,
    configuration: Option<&str>,
    profile: Option<&str>,
    ours: &str,
) -> Answer<()> {
    if let Some(token) = configuration.filter(|t| *t != ours) {
        return Err(fault::no_config(token));
    }
    match profile {
        Some(token) => profiles::find(call.device(), token).map(|_| ()),
        None => Ok(()),
    }
}

/// Encoders that a request with optional tokens is about: the named one, that of the profile, or all.
///
/// # Errors
/// `ter:NoConfig`, `ter:NoProfile`.
pub(super) fn encoders(
    call: &Call<'_>,
    configuration: Option<&str>,
    profile: Option<&str>,
) -> Answer<Vec<StreamId>> {
    if let Some(token) = profile {
        // Both encoders fit every profile: they share the one source.
        profiles::find(call.device(), token)?;
    }
    match configuration {
        Some(token) => Ok(vec![encoder::stream_of(call.device(), token)?]),
        None => Ok(streams(call.device()).to_vec()),
    }
}

/// The stream that a profile plays.
///
/// # Errors
/// `ter:NoProfile`; `ter:IncompleteConfiguration` when it has no source or no encoder.
pub(super) fn stream(call: &Call<'_>, profile: &str) -> Answer<StreamId> {
    let found = profiles::find(call.device(), profile)?;
    let video = found.encoder.filter(|_| found.source);
    video.ok_or_else(|| incomplete(profile))
}

fn incomplete(profile: &str) -> Fault {
    Fault::receiver(
        &["Action", "IncompleteConfiguration"],
        format!("the profile '{profile}' needs a video source and an encoder"),
    )
}

/// What a profile plays: video with or without its sound, or sound alone.
///
/// # Errors
/// `ter:NoProfile`; `ter:IncompleteConfiguration` when it has no source and encoder of either.
pub(super) fn target(call: &Call<'_>, profile: &str) -> Answer<StreamTarget> {
    let found = profiles::find(call.device(), profile)?;
    let video = found.encoder.filter(|_| found.source);
    if video.is_none() && !(found.has_sound() && audio::is_present(call.device())) {
        return Err(incomplete(profile));
    }
    Ok(StreamTarget {
        stream: video.unwrap_or(StreamId::Main),
        video: video.is_some(),
        audio: found.has_sound(),
        metadata: video.is_some(),
        multicast: false,
    })
}

/// RTSP address of a stream, on the host that the client used.
pub(super) fn stream_uri(call: &Call<'_>, target: StreamTarget) -> String {
    call.base.rtsp(call.inner.ports.get().rtsp, &target.path())
}

/// Address of a stream that is tunnelled in HTTP: where the client reached us, under TLS if that was.
pub(super) fn tunnel_uri(call: &Call<'_>, target: StreamTarget) -> String {
    call.url(&target.path())
}

/// Where the web server takes RTSP in a WebSocket (subprotocol `rtsp.onvif.org`).
const WEB_SOCKET_PATH: &str = "/api/v1/live";

/// Its address, where the client reached us, under TLS if that was.
fn web_socket_uri(call: &Call<'_>) -> String {
    let url = call.url(WEB_SOCKET_PATH);
    let rest = url.strip_prefix("http").unwrap_or(&url);
    format!("ws{rest}")
}

/// Address of the snapshot of a stream.
pub(super) fn snapshot_uri(call: &Call<'_>, stream: StreamId) -> String {
    call.url(&pictures::snapshot_path(profile_token(stream)))
}

/// The next frame is a key frame, and the metadata stream says all states again.
pub(super) fn synchronize(call: &Call<'_>, profile: &str) -> Answer<()> {
    if let Some(stream) = profiles::find(call.device(), profile)?.encoder {
        call.device().media.request_key_frame(stream);
    }
    // Nobody may be watching the metadata stream.
    let _ = call.inner.synchronize.send(());
    Ok(())
}

/// Capabilities of Media 1.
pub(crate) fn media1_capabilities(call: &Call<'_>) -> trt::Capabilities {
    trt::Capabilities {
        profile_capabilities: trt::ProfileCapabilities {
            maximum_number_of_profiles: Some(MAX_PROFILES),
            ..Default::default()
        },
        streaming_capabilities: trt::StreamingCapabilities {
            rtp_multicast: Some(true),
            rtp_tcp: Some(false),
            rtp_rtsp_tcp: Some(true),
            non_aggregate_control: Some(false),
            ..Default::default()
        },
        snapshot_uri: Some(true),
        rotation: Some(false),
        video_source_mode: Some(false),
        osd: Some(call.device().product().has(Function::VideoTexts)),
        ..Default::default()
    }
}

/// Capabilities of Media 2.
pub(crate) fn media2_capabilities(call: &Call<'_>) -> tr2::Capabilities {
    let product = call.device().product();
    let mut kinds = vec!["VideoSource", "VideoEncoder", "Metadata", "Analytics"];
    if audio::is_present(call.device()) {
        kinds.extend(["AudioSource", "AudioEncoder"]);
    }
    if loudspeaker::is_present(call.device()) {
        kinds.extend(["AudioOutput", "AudioDecoder"]);
    }
    tr2::Capabilities {
        profile_capabilities: tr2::ProfileCapabilities {
            maximum_number_of_profiles: Some(MAX_PROFILES),
            configurations_supported: Some(List(kinds.into_iter().map(Into::into).collect())),
            ..Default::default()
        },
        streaming_capabilities: tr2::StreamingCapabilities {
            rtspstreaming: Some(true),
            rtp_multicast: Some(true),
            rtp_rtsp_tcp: Some(true),
            non_aggregate_control: Some(false),
            rtsp_web_socket_uri: Some(web_socket_uri(call)),
            ..Default::default()
        },
        snapshot_uri: Some(true),
        rotation: Some(false),
        video_source_mode: Some(true),
        osd: Some(product.has(Function::VideoTexts)),
        mask: Some(product.has(Function::PrivacyMasks)),
        audio_clip_capabilities: clips::capabilities(call).map(Box::new),
        ..Default::default()
    }
}
