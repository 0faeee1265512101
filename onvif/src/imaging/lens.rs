//! Focus of the imaging service. Positions are 0 (near) to 1 (far), speeds 0.01 to 1, against them negative.

use onvif_contracts::tt;
use onvif_xml::{List, soap::Fault};
use platecam_model::{
    Device,
    lens::{LensMove, MotorStatus},
    settings::{LensSettings, LensSpeed},
};

use super::refused;
use crate::call::Answer;

/// The only thing that this automatic focus does: once after each zoom.
const AFTER_MOVE: &str = "OnceAfterMove";

/// The focus motor, where there is one.
pub(super) fn motor(device: &Device) -> Option<MotorStatus> {
    device.lens_status().ok()?.focus
}

fn range(min: f32, max: f32) -> tt::FloatRange {
    tt::FloatRange { min, max }
}

/// Slowest and fastest, as a part of the fastest.
fn speeds() -> (f32, f32) {
    let part = |speed: u8| f32::from(speed) / 100.0;
    (part(LensSpeed::MIN), part(LensSpeed::MAX))
}

fn speed(name: &str, n: f32) -> Answer<LensSpeed> {
    let (least, most) = speeds();
    if !(least..=most).contains(&n) {
        return Err(refused(format!("{name} {n}: is outside {least} to {most}")));
    }
    Ok(LensSpeed::clamped((n * 100.0).round() as i64))
}

/// The setting as it is.
pub(super) fn tell(now: &LensSettings) -> tt::FocusConfiguration20 {
    tt::FocusConfiguration20 {
        auto_focus_mode: match now.auto_focus {
            true => tt::AutoFocusMode::Auto,
            false => tt::AutoFocusMode::Manual,
        },
        default_speed: Some(f32::from(now.speed.get()) / 100.0),
        af_mode: now.auto_focus.then(|| List(vec![AFTER_MOVE.into()])),
        ..Default::default()
    }
}

/// The setting as a client wants it.
pub(super) fn take(wanted: &tt::FocusConfiguration20, settings: &mut LensSettings) -> Answer<()> {
    settings.auto_focus = match &wanted.auto_focus_mode {
        tt::AutoFocusMode::Auto => true,
        tt::AutoFocusMode::Manual => false,
        tt::AutoFocusMode::Other(mode) => {
            return Err(refused(format!(
                "AutoFocusMode {mode}: must be AUTO or MANUAL"
            )));
        }
    };
    if let Some(n) = wanted.default_speed {
        settings.speed = speed("DefaultSpeed", n)?;
    }
    for (name, limit) in [
        ("NearLimit", wanted.near_limit),
        ("FarLimit", wanted.far_limit),
    ] {
        if limit.is_some() {
            return Err(refused(format!("{name} cannot be set here")));
        }
    }
    let modes = wanted.af_mode.iter().flat_map(|list| &list.0);
    match modes.into_iter().find(|mode| *mode != AFTER_MOVE) {
        Some(mode) => Err(refused(format!("AFMode {mode}: must be {AFTER_MOVE}"))),
        None => Ok(()),
    }
}

/// What can be set.
pub(super) fn options() -> tt::FocusOptions20 {
    let (least, most) = speeds();
    tt::FocusOptions20 {
        auto_focus_modes: vec![tt::AutoFocusMode::Auto, tt::AutoFocusMode::Manual],
        default_speed: Some(Box::new(range(least, most))),
        extension: Some(Box::new(tt::FocusOptions20Extension {
            af_modes: Some(List(vec![AFTER_MOVE.into()])),
        })),
        ..Default::default()
    }
}

/// How it can be moved. A motor goes to a place at its own speed.
pub(super) fn move_options() -> tt::MoveOptions20 {
    let (_, most) = speeds();
    tt::MoveOptions20 {
        absolute: Some(Box::new(tt::AbsoluteFocusOptions {
            position: range(0.0, 1.0),
            speed: None,
        })),
        relative: Some(Box::new(tt::RelativeFocusOptions20 {
            distance: range(-1.0, 1.0),
            speed: None,
        })),
        continuous: Some(Box::new(tt::ContinuousFocusOptions {
            speed: range(-most, most),
        })),
    }
}

/// The one movement of a request; `None` for a speed of 0, which stops.
pub(super) fn movement(focus: &tt::FocusMove) -> Answer<Option<LensMove>> {
    let own_speed = |speed: Option<f32>| match speed {
        Some(n) => Err(refused(format!(
            "Speed {n}: the motor has a speed of its own"
        ))),
        None => Ok(()),
    };
    Ok(Some(
        match (&focus.absolute, &focus.relative, &focus.continuous) {
            (Some(to), None, None) => {
                own_speed(to.speed)?;
                LensMove::To(to.position)
            }
            (None, Some(by), None) => {
                own_speed(by.speed)?;
                LensMove::By(by.distance)
            }
            (None, None, Some(on)) if on.speed == 0.0 => return Ok(None),
            (None, None, Some(on)) => LensMove::On {
                forward: on.speed > 0.0,
                speed: Some(speed("Speed", on.speed.abs())?),
                within: None,
            },
            _ => {
                let why = "Focus: must be one of Absolute, Relative and Continuous";
                return Err(Fault::sender(&["InvalidArgVal", "SettingsInvalid"], why));
            }
        },
    ))
}

/// Where it is.
pub(super) fn status(device: &Device) -> Option<tt::FocusStatus20> {
    let status = device.lens_status().ok()?;
    let focus = status.focus?;
    Some(tt::FocusStatus20 {
        position: focus.position,
        move_status: match focus.moving {
            true => tt::MoveStatus::Moving,
            false => tt::MoveStatus::Idle,
        },
        error: status.fault,
        extension: None,
    })
}
