//! Exposure, backlight, day and night, white balance, noise and WDR in ONVIF's words.
//!
//! Owners are the sections `video.sensor` and `video.metering`. What the picture source has no control for, and nothing
//! in the picture stands in for, is neither offered nor taken.

use onvif_contracts::tt;
use platecam_model::{
    ports::{ControlRange, ImageCapabilities},
    settings::{
        AutoManual, DayNight, Level, MeteringMode, SensorGain, ShutterTime, VideoMetering,
        VideoSensor, WhiteBalanceMode,
    },
};

use onvif_xml::soap::Fault;

use super::{level, refused};
use crate::{call::Answer, fault};

/// Levels of red and blue that leave the colours as they are.
const NEUTRAL: (u8, u8) = (50, 50);

fn levels() -> Option<Box<tt::FloatRange>> {
    Some(Box::new(tt::FloatRange {
        min: f32::from(Level::MIN),
        max: f32::from(Level::MAX),
    }))
}

/// Adds what can be set of sensor and metering.
pub(super) fn offer(image: &ImageCapabilities, options: &mut tt::ImagingOptions20) {
    let range = |r: ControlRange| {
        Box::new(tt::FloatRange {
            min: r.min as f32,
            max: r.max as f32,
        })
    };
    options.backlight_compensation = Some(Box::new(tt::BacklightCompensationOptions20 {
        mode: vec![
            tt::BacklightCompensationMode::Off,
            tt::BacklightCompensationMode::On,
        ],
        level: None,
    }));
    let mut exposure = tt::ExposureOptions20 {
        mode: vec![tt::ExposureMode::Auto],
        ..Default::default()
    };
    if image.exposure() {
        exposure.mode.push(tt::ExposureMode::Manual);
        exposure.exposure_time = image.shutter.map(range);
        exposure.gain = image.gain.map(range);
    }
    options.exposure = Some(Box::new(exposure));
    options.ir_cut_filter_modes = vec![
        tt::IrCutFilterMode::On,
        tt::IrCutFilterMode::Off,
        tt::IrCutFilterMode::Auto,
    ];
    if image.wdr {
        options.wide_dynamic_range = Some(Box::new(tt::WideDynamicRangeOptions20 {
            mode: vec![tt::WideDynamicMode::Off, tt::WideDynamicMode::On],
            level: None,
        }));
    }
    options.white_balance = Some(Box::new(tt::WhiteBalanceOptions20 {
        mode: vec![tt::WhiteBalanceMode::Auto, tt::WhiteBalanceMode::Manual],
        yr_gain: levels(),
        yb_gain: levels(),
        extension: None,
    }));
    let noise = tt::ImagingOptions20Extension3 {
        noise_reduction_options: Some(Box::new(tt::NoiseReductionOptions { level: true })),
        ..Default::default()
    };
    options.extension = Some(Box::new(tt::ImagingOptions20Extension {
        image_stabilization: None,
        extension: Some(Box::new(tt::ImagingOptions20Extension2 {
            ir_cut_filter_auto_adjustment: None,
            extension: Some(Box::new(noise)),
        })),
    }));
}

/// The one window that stands for what is metered: of several areas the rectangle around them.
fn window(metering: &VideoMetering) -> tt::Rectangle {
    let around = metering.metered().iter().copied().reduce(|a, b| {
        let mut both = a;
        both.left = a.left.min(b.left);
        both.bottom = a.bottom.min(b.bottom);
        both.right = a.right.max(b.right);
        both.top = a.top.max(b.top);
        both
    });
    let area = around.unwrap_or(lpr_core::NormRect::FULL);
    tt::Rectangle {
        bottom: area.bottom,
        top: area.top,
        right: area.right,
        left: area.left,
    }
}

fn noise_level(sensor: &VideoSensor) -> f32 {
    if sensor.noise_reduction {
        f32::from(sensor.spatial.get()) / 100.0
    } else {
        0.0
    }
}

/// Levels of red and blue as they are told; `None` where they are measured.
fn colors(sensor: &VideoSensor) -> Option<(u8, u8)> {
    sensor.color_levels()
}

/// Adds what is set of sensor and metering.
pub(super) fn tell(
    image: &ImageCapabilities,
    sensor: &VideoSensor,
    metering: &VideoMetering,
    settings: &mut tt::ImagingSettings20,
) {
    let backlight = metering.compensation && metering.backlight;
    settings.backlight_compensation = Some(Box::new(tt::BacklightCompensation20 {
        mode: if backlight {
            tt::BacklightCompensationMode::On
        } else {
            tt::BacklightCompensationMode::Off
        },
        level: None,
    }));
    let manual = sensor.exposure == AutoManual::Manual && image.exposure();
    settings.exposure = Some(Box::new(tt::Exposure20 {
        mode: if manual {
            tt::ExposureMode::Manual
        } else {
            tt::ExposureMode::Auto
        },
        window: Some(Box::new(window(metering))),
        exposure_time: (manual && image.shutter.is_some()).then_some(sensor.shutter.get() as f32),
        gain: (manual && image.gain.is_some()).then_some(sensor.gain.get() as f32),
        ..Default::default()
    }));
    settings.ir_cut_filter = Some(match sensor.day_night {
        DayNight::Color => tt::IrCutFilterMode::On,
        DayNight::BlackWhite => tt::IrCutFilterMode::Off,
        DayNight::Auto => tt::IrCutFilterMode::Auto,
    });
    if image.wdr {
        settings.wide_dynamic_range = Some(Box::new(tt::WideDynamicRange20 {
            mode: if sensor.wdr {
                tt::WideDynamicMode::On
            } else {
                tt::WideDynamicMode::Off
            },
            level: None,
        }));
    }
    let gains = colors(sensor);
    settings.white_balance = Some(Box::new(tt::WhiteBalance20 {
        mode: if gains.is_some() {
            tt::WhiteBalanceMode::Manual
        } else {
            tt::WhiteBalanceMode::Auto
        },
        cr_gain: gains.map(|(red, _)| f32::from(red)),
        cb_gain: gains.map(|(_, blue)| f32::from(blue)),
        extension: None,
    }));
    let noise = tt::ImagingSettingsExtension203 {
        noise_reduction: Some(Box::new(tt::NoiseReduction {
            level: noise_level(sensor),
        })),
        ..Default::default()
    };
    settings.extension = Some(Box::new(tt::ImagingSettingsExtension20 {
        image_stabilization: None,
        extension: Some(Box::new(tt::ImagingSettingsExtension202 {
            ir_cut_filter_auto_adjustment: Vec::new(),
            extension: Some(Box::new(noise)),
        })),
    }));
}

fn unknown(what: &str, mode: &str) -> Fault {
    refused(format!(
        "{what} {}: is no such mode",
        fault::shortened(mode)
    ))
}

/// The value of a control that a client wants.
fn value(name: &str, n: f32, range: Option<ControlRange>) -> Answer<u32> {
    let range = range.ok_or_else(|| refused(format!("{name} cannot be set here")))?;
    if !(range.min as f32..=range.max as f32).contains(&n) {
        let ControlRange { min, max, .. } = range;
        return Err(refused(format!("{name} {n}: is outside {min} to {max}")));
    }
    // Within the range: it fits.
    Ok(range.nearest(n.round() as u32))
}

fn take_exposure(
    image: &ImageCapabilities,
    wanted: &tt::Exposure20,
    sensor: &mut VideoSensor,
    metering: &mut VideoMetering,
) -> Answer<()> {
    let foreign = [
        ("Priority", wanted.priority.is_some()),
        ("MinExposureTime", wanted.min_exposure_time.is_some()),
        ("MaxExposureTime", wanted.max_exposure_time.is_some()),
        ("MinGain", wanted.min_gain.is_some()),
        ("MaxGain", wanted.max_gain.is_some()),
        ("MinIris", wanted.min_iris.is_some()),
        ("MaxIris", wanted.max_iris.is_some()),
        ("Iris", wanted.iris.is_some()),
    ];
    if let Some((name, _)) = foreign.iter().find(|(_, there)| *there) {
        return Err(refused(format!("Exposure/{name} cannot be set here")));
    }
    match &wanted.mode {
        tt::ExposureMode::Other(mode) => return Err(unknown("Exposure/Mode", mode)),
        tt::ExposureMode::Auto => sensor.exposure = AutoManual::Auto,
        tt::ExposureMode::Manual => {
            if !image.exposure() {
                return Err(refused("Exposure/Mode MANUAL: must be AUTO".into()));
            }
            sensor.exposure = AutoManual::Manual;
            if let Some(time) = wanted.exposure_time {
                let time = value("ExposureTime", time, image.shutter)?;
                sensor.shutter = ShutterTime::clamped(time.into());
            }
            if let Some(gain) = wanted.gain {
                sensor.gain = SensorGain::clamped(value("Gain", gain, image.gain)?.into());
            }
        }
    }
    if let Some(area) = &wanted.window
        && **area != window(metering)
    {
        let area = lpr_core::NormRect {
            left: area.left,
            top: area.top,
            right: area.right,
            bottom: area.bottom,
        };
        if area == lpr_core::NormRect::FULL {
            metering.mode = MeteringMode::Global;
        } else {
            metering.mode = MeteringMode::Partial;
            metering.areas = vec![area];
        }
    }
    Ok(())
}

/// Takes over what a client wants of sensor and metering; the store checks it.
pub(super) fn take(
    image: &ImageCapabilities,
    wanted: &tt::ImagingSettings20,
    sensor: &mut VideoSensor,
    metering: &mut VideoMetering,
) -> Answer<()> {
    if let Some(backlight) = &wanted.backlight_compensation {
        let on = match &backlight.mode {
            tt::BacklightCompensationMode::On => true,
            tt::BacklightCompensationMode::Off => false,
            tt::BacklightCompensationMode::Other(mode) => {
                return Err(unknown("BacklightCompensation/Mode", mode));
            }
        };
        metering.compensation |= on;
        metering.backlight = on;
    }
    if let Some(exposure) = &wanted.exposure {
        take_exposure(image, exposure, sensor, metering)?;
    }
    if let Some(mode) = &wanted.ir_cut_filter {
        sensor.day_night = match mode {
            tt::IrCutFilterMode::On => DayNight::Color,
            tt::IrCutFilterMode::Off => DayNight::BlackWhite,
            tt::IrCutFilterMode::Auto => DayNight::Auto,
            tt::IrCutFilterMode::Other(mode) => return Err(unknown("IrCutFilter", mode)),
        };
    }
    if let Some(wdr) = &wanted.wide_dynamic_range {
        if !image.wdr {
            return Err(refused("WideDynamicRange cannot be set here".into()));
        }
        sensor.wdr = match &wdr.mode {
            tt::WideDynamicMode::On => true,
            tt::WideDynamicMode::Off => false,
            tt::WideDynamicMode::Other(mode) => {
                return Err(unknown("WideDynamicRange/Mode", mode));
            }
        };
    }
    if let Some(white) = &wanted.white_balance {
        take_white(white, sensor)?;
    }
    let noise = wanted
        .extension
        .as_ref()
        .and_then(|e| e.extension.as_ref()?.extension.as_ref())
        .and_then(|e| e.noise_reduction.as_ref());
    if let Some(noise) = noise.filter(|n| n.level != noise_level(sensor)) {
        if !(0.0..=1.0).contains(&noise.level) {
            let text = format!("NoiseReduction/Level {}: is outside 0 to 1", noise.level);
            return Err(refused(text));
        }
        let spatial = (noise.level * 100.0).round() as i64;
        sensor.noise_reduction = spatial > 0;
        if spatial > 0 {
            sensor.spatial = Level::clamped(spatial);
        }
    }
    Ok(())
}

fn take_white(white: &tt::WhiteBalance20, sensor: &mut VideoSensor) -> Answer<()> {
    match &white.mode {
        tt::WhiteBalanceMode::Manual => {}
        tt::WhiteBalanceMode::Auto => {
            sensor.white_balance = WhiteBalanceMode::Auto;
            return Ok(());
        }
        tt::WhiteBalanceMode::Other(mode) => return Err(unknown("WhiteBalance/Mode", mode)),
    }
    let (red, blue) = colors(sensor).unwrap_or(NEUTRAL);
    let now = |n: u8| Level::clamped(n.into());
    let red = level("WhiteBalance/CrGain", white.cr_gain, now(red))?;
    let blue = level("WhiteBalance/CbGain", white.cb_gain, now(blue))?;
    let wanted = (red.get(), blue.get());
    if colors(sensor) == Some(wanted) {
        return Ok(());
    }
    (sensor.red, sensor.blue) = (red, blue);
    sensor.white_balance = if wanted == NEUTRAL {
        WhiteBalanceMode::Source
    } else {
        WhiteBalanceMode::Manual
    };
    Ok(())
}
