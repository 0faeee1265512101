//! Imaging service: what can be corrected in the picture of any source (IMG-1..3, IMG-13, IMG-16, IMG-17).
//!
//! There is no lens and no sensor of ours: no focus, iris, exposure or filter is offered, and what a client sets of
//! them is refused. Levels are whole numbers; what lies between two is rounded. All is stored at once, whatever
//! `ForcePersistence` says.

use onvif_contracts::{ports::imaging_port::ImagingPort, timg, tt};
use onvif_xml::soap::Fault;
use platecam_model::settings::{Level, VideoImage};

use crate::{
    call::{Answer, Call},
    fault::{self, Subcodes},
    media::SOURCE,
};

/// Capabilities of the service.
pub(crate) fn capabilities() -> timg::Capabilities {
    timg::Capabilities {
        image_stabilization: Some(false),
        presets: Some(false),
        adaptable_preset: Some(false),
        ..Default::default()
    }
}

fn check_source(token: &str) -> Answer<()> {
    if token == SOURCE {
        return Ok(());
    }
    let text = format!("there is no video source '{}'", fault::shortened(token));
    Err(Fault::sender(&["InvalidArgVal", "NoSource"], text))
}

fn refused(text: String) -> Fault {
    Fault::sender(&["InvalidArgVal", "SettingsInvalid"], text)
}

/// The level that a client wants; the present one where it says nothing.
fn level(name: &str, wanted: Option<f32>, now: Level) -> Answer<Level> {
    let Some(n) = wanted else { return Ok(now) };
    let (least, most) = (f32::from(Level::MIN), f32::from(Level::MAX));
    if !(least..=most).contains(&n) {
        return Err(refused(format!("{name} {n}: is outside {least} to {most}")));
    }
    Ok(Level::clamped(n.round() as i64))
}

/// Refuses what no part of ours could do.
fn check_foreign(s: &tt::ImagingSettings20) -> Answer<()> {
    let foreign = [
        ("BacklightCompensation", s.backlight_compensation.is_some()),
        ("Exposure", s.exposure.is_some()),
        ("Focus", s.focus.is_some()),
        ("IrCutFilter", s.ir_cut_filter.is_some()),
        ("WideDynamicRange", s.wide_dynamic_range.is_some()),
        ("WhiteBalance", s.white_balance.is_some()),
    ];
    match foreign.iter().find(|(_, there)| *there) {
        Some((name, _)) => Err(refused(format!("{name} cannot be set here"))),
        None => Ok(()),
    }
}

impl ImagingPort for Call<'_> {
    fn get_service_capabilities(
        &self,
        _: timg::GetServiceCapabilities,
    ) -> Answer<timg::GetServiceCapabilitiesResponse> {
        Ok(timg::GetServiceCapabilitiesResponse {
            capabilities: capabilities(),
        })
    }

    fn get_imaging_settings(
        &self,
        request: timg::GetImagingSettings,
    ) -> Answer<timg::GetImagingSettingsResponse> {
        check_source(&request.video_source_token)?;
        let now = self.device().settings.get::<VideoImage>();
        let level = |n: Level| Some(f32::from(n.get()));
        Ok(timg::GetImagingSettingsResponse {
            imaging_settings: tt::ImagingSettings20 {
                brightness: level(now.brightness),
                color_saturation: level(now.saturation),
                contrast: level(now.contrast),
                sharpness: level(now.sharpness),
                ..Default::default()
            },
        })
    }

    fn set_imaging_settings(
        &self,
        request: timg::SetImagingSettings,
    ) -> Answer<timg::SetImagingSettingsResponse> {
        check_source(&request.video_source_token)?;
        let wanted = request.imaging_settings;
        check_foreign(&wanted)?;
        let settings = &self.device().settings;
        let now = settings.get::<VideoImage>();
        let brightness = level("Brightness", wanted.brightness, now.brightness)?;
        let contrast = level("Contrast", wanted.contrast, now.contrast)?;
        let saturation = level("ColorSaturation", wanted.color_saturation, now.saturation)?;
        let sharpness = level("Sharpness", wanted.sharpness, now.sharpness)?;
        let change = |s: &mut VideoImage| {
            (s.brightness, s.contrast) = (brightness, contrast);
            (s.saturation, s.sharpness) = (saturation, sharpness);
        };
        let own = Subcodes {
            invalid: "SettingsInvalid",
            ..Subcodes::default()
        };
        let done = settings.update(self.actor, change);
        done.map_err(|e| fault::of_operation(e, own))?;
        Ok(Default::default())
    }

    fn get_options(&self, request: timg::GetOptions) -> Answer<timg::GetOptionsResponse> {
        check_source(&request.video_source_token)?;
        let range = || {
            Some(Box::new(tt::FloatRange {
                min: f32::from(Level::MIN),
                max: f32::from(Level::MAX),
            }))
        };
        Ok(timg::GetOptionsResponse {
            imaging_options: tt::ImagingOptions20 {
                brightness: range(),
                color_saturation: range(),
                contrast: range(),
                sharpness: range(),
                ..Default::default()
            },
        })
    }

    fn get_move_options(
        &self,
        request: timg::GetMoveOptions,
    ) -> Answer<timg::GetMoveOptionsResponse> {
        check_source(&request.video_source_token)?;
        // Empty: there is no focus to move.
        Ok(Default::default())
    }

    fn get_status(&self, request: timg::GetStatus) -> Answer<timg::GetStatusResponse> {
        check_source(&request.video_source_token)?;
        Ok(Default::default())
    }
}
