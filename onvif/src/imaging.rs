//! Imaging service: what can be corrected in the picture of any source, and what its sensor can do (IMG-1..17,
//! METER-1..5).
//!
//! Focus is offered where there is a motor; iris is not, and what a client sets of it is refused. The presets are the scenes of `video.scenes`. Levels are whole numbers; what lies between two is rounded. All is stored at
//! once, in one step, whatever `ForcePersistence` says.

mod lens;
mod sensor;

use onvif_contracts::{ports::imaging_port::ImagingPort, timg, tt};
use onvif_xml::soap::Fault;
use platecam_model::Error;
use platecam_model::ports::Motor;
use platecam_model::settings::{
    LensSettings, Level, Patch, Scene, Section, VideoImage, VideoMetering, VideoScenes, VideoSensor,
};

use crate::{
    call::{Answer, Call},
    fault::{self, Subcodes},
    media::SOURCE,
    provisioning,
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

/// A section as a whole, where it changed.
fn changed<S: Section>(before: &S, after: &S) -> Answer<Option<Patch>> {
    if before == after {
        return Ok(None);
    }
    let value = serde_json::to_value(after).map_err(|e| fault::of(Error::internal(e)))?;
    Ok(Some(Patch {
        key: S::KEY.into(),
        value,
        if_revision: None,
    }))
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
        let store = &self.device().settings;
        let all = store.snapshot();
        let now = all.get::<VideoImage>();
        let level = |n: Level| Some(f32::from(n.get()));
        let mut imaging_settings = tt::ImagingSettings20 {
            brightness: level(now.brightness),
            color_saturation: level(now.saturation),
            contrast: level(now.contrast),
            sharpness: level(now.sharpness),
            ..Default::default()
        };
        sensor::tell(
            &store.image_capabilities(),
            &all.get::<VideoSensor>(),
            &all.get::<VideoMetering>(),
            &mut imaging_settings,
        );
        if lens::motor(self.device()).is_some() {
            imaging_settings.focus = Some(Box::new(lens::tell(&all.get::<LensSettings>())));
        }
        Ok(timg::GetImagingSettingsResponse { imaging_settings })
    }

    fn set_imaging_settings(
        &self,
        request: timg::SetImagingSettings,
    ) -> Answer<timg::SetImagingSettingsResponse> {
        check_source(&request.video_source_token)?;
        let wanted = request.imaging_settings;
        let settings = &self.device().settings;
        let all = settings.snapshot();
        let focused = all.get::<LensSettings>();
        let mut focus = (*focused).clone();
        match &wanted.focus {
            Some(_) if lens::motor(self.device()).is_none() => {
                return Err(refused("Focus cannot be set here".into()));
            }
            Some(wanted) => lens::take(wanted, &mut focus)?,
            None => {}
        }
        let now = all.get::<VideoImage>();
        let brightness = level("Brightness", wanted.brightness, now.brightness)?;
        let contrast = level("Contrast", wanted.contrast, now.contrast)?;
        let saturation = level("ColorSaturation", wanted.color_saturation, now.saturation)?;
        let sharpness = level("Sharpness", wanted.sharpness, now.sharpness)?;
        let picture = VideoImage {
            brightness,
            contrast,
            saturation,
            sharpness,
            ..(*now).clone()
        };
        let (was, metered) = (all.get::<VideoSensor>(), all.get::<VideoMetering>());
        let (mut to, mut metering) = ((*was).clone(), (*metered).clone());
        let image = settings.image_capabilities();
        sensor::take(&image, &wanted, &mut to, &mut metering)?;
        let patches = [
            changed(&*now, &picture)?,
            changed(&*was, &to)?,
            changed(&*metered, &metering)?,
            changed(&*focused, &focus)?,
        ];
        let patches: Vec<Patch> = patches.into_iter().flatten().collect();
        let own = Subcodes {
            invalid: "SettingsInvalid",
            ..Subcodes::default()
        };
        let done = settings.apply(&patches, self.actor);
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
        let mut imaging_options = tt::ImagingOptions20 {
            brightness: range(),
            color_saturation: range(),
            contrast: range(),
            sharpness: range(),
            ..Default::default()
        };
        sensor::offer(
            &self.device().settings.image_capabilities(),
            &mut imaging_options,
        );
        if lens::motor(self.device()).is_some() {
            imaging_options.focus = Some(Box::new(lens::options()));
        }
        Ok(timg::GetOptionsResponse { imaging_options })
    }

    fn get_move_options(
        &self,
        request: timg::GetMoveOptions,
    ) -> Answer<timg::GetMoveOptionsResponse> {
        check_source(&request.video_source_token)?;
        // Empty without a focus to move.
        let motor = lens::motor(self.device());
        Ok(timg::GetMoveOptionsResponse {
            move_options: motor.map(|_| lens::move_options()).unwrap_or_default(),
        })
    }

    fn r#move(&self, request: timg::Move) -> Answer<timg::MoveResponse> {
        check_source(&request.video_source_token)?;
        let device = self.device();
        let moved = match lens::movement(&request.focus)? {
            Some(how) => device.move_lens(Motor::Focus, how, self.actor),
            None => device.stop_lens(Some(Motor::Focus), self.actor),
        };
        moved.map_err(provisioning::refused)?;
        Ok(Default::default())
    }

    fn stop(&self, request: timg::Stop) -> Answer<timg::StopResponse> {
        check_source(&request.video_source_token)?;
        let stopped = self.device().stop_lens(Some(Motor::Focus), self.actor);
        stopped.map_err(provisioning::refused)?;
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
        Ok(timg::GetStatusResponse {
            status: tt::ImagingStatus20 {
                focus_status20: lens::status(self.device()).map(Box::new),
                extension: None,
            },
        })
    }
}
