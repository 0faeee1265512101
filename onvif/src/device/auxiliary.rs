//! Auxiliary commands: the light of the camera (IMG-6).

use onvif_xml::soap::Fault;
use platecam_model::{
    product::{Function, Need},
    settings::{IrLight, VideoSensor},
};

use crate::{
    call::{Answer, Call},
    fault,
};

/// What light they make; `Auto` is on in black and white.
const COMMANDS: [(&str, IrLight); 3] = [
    ("tt:IRLamp|On", IrLight::On),
    ("tt:IRLamp|Off", IrLight::Off),
    ("tt:IRLamp|Auto", IrLight::DayNight),
];

/// The commands that there are: none without a light.
pub(super) fn commands(call: &Call<'_>) -> Vec<String> {
    let caps = call.device().settings.image_capabilities();
    let pictures = Need::Function(Function::PictureSettings);
    if !(caps.known && caps.light && call.device().meets(Some(pictures))) {
        return Vec::new();
    }
    COMMANDS.map(|(name, _)| name.to_owned()).into()
}

/// `SendAuxiliaryCommand`.
pub(super) fn send(call: &Call<'_>, command: &str) -> Answer<()> {
    let known = commands(call);
    let wanted = COMMANDS.iter().find(|(name, _)| *name == command.trim());
    let Some((_, light)) = wanted.filter(|_| !known.is_empty()) else {
        let text = fault::shortened(command);
        let text = match known.is_empty() {
            true => format!("AuxiliaryCommand {text}: there is nothing to command"),
            false => format!(
                "AuxiliaryCommand {text}: must be one of {}",
                known.join(", ")
            ),
        };
        return Err(Fault::sender(
            &["InvalidArgVal", "AuxiliaryDataNotSupported"],
            text,
        ));
    };
    let settings = &call.device().settings;
    let changed = settings.update::<VideoSensor>(call.actor, |sensor| sensor.ir_light = *light);
    changed.map(drop).map_err(fault::of)
}
