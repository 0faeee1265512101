//! Imaging service: what can be corrected in the picture of any source (IMG-1..3, IMG-13, IMG-16, IMG-17).
//!
//! There is no lens and no sensor of ours: no focus, iris, exposure or filter is offered, and what a client sets of
//! them is refused. The presets are the scenes of `video.scenes`. Levels are whole numbers; what lies between two is rounded. All is stored at once, whatever
//! `ForcePersistence` says.

use onvif_contracts::{ports::imaging_port::ImagingPort, timg, tt};
use onvif_xml::soap::Fault;
use platecam_model::settings::{Level, Scene, VideoImage, VideoScenes};

use crate::{
    call::{Answer, Call},
    fault::{self, Subcodes},
    media::SOURCE,
};

/// Capabilities of the service.
pub(crate) fn capabilities() -> timg::Capabilities {
    timg::Capabilities {
        image_stabilization: Some(false),
        presets: Some(true),
        // Presets are changed as a section of the settings, not by imaging settings.
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

/// A scene as a preset, of the closest type that the contract has a word for.
fn preset(scene: Scene) -> timg::ImagingPreset {
    let kind = match scene {
        Scene::MorningDusk => "Sunrise(Horizon)",
        Scene::Day => "ClearWeather",
        Scene::Night => "Night",
    };
    timg::ImagingPreset {
        name: scene.title().into(),
        token: scene.name().into(),
        r#type: kind.into(),
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

    fn get_presets(&self, request: timg::GetPresets) -> Answer<timg::GetPresetsResponse> {
        check_source(&request.video_source_token)?;
        Ok(timg::GetPresetsResponse {
            preset: Scene::ALL.map(preset).to_vec(),
        })
    }

    fn get_current_preset(
        &self,
        request: timg::GetCurrentPreset,
    ) -> Answer<timg::GetCurrentPresetResponse> {
        check_source(&request.video_source_token)?;
        let all = self.device().settings.snapshot();
        let scene = all.get::<VideoScenes>().of(&all.get::<VideoImage>());
        Ok(timg::GetCurrentPresetResponse {
            preset: scene.map(|scene| Box::new(preset(scene))),
        })
    }

    fn set_current_preset(
        &self,
        request: timg::SetCurrentPreset,
    ) -> Answer<timg::SetCurrentPresetResponse> {
        check_source(&request.video_source_token)?;
        let token = request.preset_token.trim();
        let scene = Scene::ALL.into_iter().find(|s| s.name() == token);
        let scene = scene.ok_or_else(|| {
            let names = Scene::ALL.map(Scene::name).join(", ");
            let token = fault::shortened(token);
            refused(format!("PresetToken {token}: must be one of {names}"))
        })?;
        let settings = &self.device().settings;
        let picture = settings.get::<VideoScenes>().picture(scene).clone();
        let done = settings.update(self.actor, |s: &mut VideoImage| *s = picture);
        done.map_err(fault::of)?;
        Ok(Default::default())
    }

    fn get_status(&self, request: timg::GetStatus) -> Answer<timg::GetStatusResponse> {
        check_source(&request.video_source_token)?;
        Ok(Default::default())
    }
}
