//! Video source modes: the video standards (SYS-3).

use onvif_contracts::{tr2, tt};
use onvif_xml::{List, soap::Fault};
use platecam_model::{
    Error,
    settings::{DeviceGeneral, VideoStandard},
};
use serde_json::json;

use super::{SOURCE, configurations::picture, encoder};
use crate::{
    call::{Answer, Call},
    fault,
};

/// Whether a token is the video source's.
///
/// # Errors
/// `ter:NoVideoSource`.
pub(crate) fn check_source(token: &str) -> Answer<()> {
    if token == SOURCE {
        return Ok(());
    }
    let missing = Error::not_found("video source", fault::shortened(token));
    Err(fault::of(missing))
}

/// `GetVideoSourceModes`.
pub(super) fn list(
    call: &Call<'_>,
    request: &tr2::GetVideoSourceModes,
) -> Answer<tr2::GetVideoSourceModesResponse> {
    check_source(&request.video_source_token)?;
    let device = call.device();
    let now = device.settings.get::<DeviceGeneral>().video_standard;
    let (width, height, _) = picture(call);
    let codecs = device.settings.video_capabilities().codecs();
    let codecs: Vec<String> = codecs
        .into_iter()
        .map(|c| encoder::encoding(c).into())
        .collect();
    let mode = |standard: VideoStandard| tr2::VideoSourceMode {
        max_framerate: standard.max_frame_rate().get() as f32,
        max_resolution: tt::VideoResolution { width, height },
        encodings: List(codecs.clone()),
        reboot: false,
        description: Some(standard.name().into()),
        token: standard.name().into(),
        enabled: Some(standard == now),
    };
    Ok(tr2::GetVideoSourceModesResponse {
        video_source_modes: VideoStandard::ALL.map(mode).to_vec(),
    })
}

/// `SetVideoSourceMode`: takes effect at once, nothing reboots.
pub(super) fn set(
    call: &Call<'_>,
    request: &tr2::SetVideoSourceMode,
) -> Answer<tr2::SetVideoSourceModeResponse> {
    check_source(&request.video_source_token)?;
    let wanted = &request.video_source_mode_token;
    let standard = VideoStandard::ALL.into_iter().find(|s| s.name() == wanted);
    let Some(standard) = standard else {
        let text = format!(
            "there is no mode {}; there are NTSC and PAL",
            fault::shortened(wanted)
        );
        return Err(Fault::sender(&["InvalidArgVal", "NoVideoSourceMode"], text));
    };
    let patch = json!({ "video_standard": standard });
    call.device()
        .settings
        .patch("device.general", &patch, None, call.actor)
        .map_err(fault::of)?;
    Ok(tr2::SetVideoSourceModeResponse { reboot: false })
}
