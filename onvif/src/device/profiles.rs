//! ONVIF profiles that this unit claims in its scopes: only while nothing that they ask for is missing
//! (`docs/reference/profiles.md`).

use platecam_model::{Device, product::Function, settings::Codec};

const PREFIX: &str = "onvif://www.onvif.org/Profile/";

/// Scopes of the profiles.
pub(super) fn scopes(device: &Device) -> Vec<String> {
    let has = |functions: &[Function]| functions.iter().all(|f| device.product().has(*f));
    // Addresses, name and clock are the machine's where the camera may not change it.
    let network = device.networking.is_changeable();
    let codecs = device.settings.video_capabilities();
    let makes = |codec| codecs.codecs().contains(&codec);
    let video = makes(Codec::H264) || makes(Codec::H265);
    let streaming = network && has(&[Function::Media1]) && makes(Codec::Mjpeg);
    let advanced = network
        && video
        && has(&[
            Function::PictureSettings,
            Function::PictureAlarms,
            Function::VideoTexts,
        ]);
    [("Streaming", streaming), ("T", advanced), ("M", video)]
        .into_iter()
        .filter(|(_, whole)| *whole)
        .map(|(name, _)| format!("{PREFIX}{name}"))
        .collect()
}
