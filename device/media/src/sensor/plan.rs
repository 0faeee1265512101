//! What settings mean for the controls that a sensor has. Pure.

use super::{ControlInfo, ImagingSetup, Lamp, SensorCaps, Steps, White, id};

/// The controls of a sensor by number.
pub(super) struct Controls(Vec<ControlInfo>);

/// Exposure as the loop drives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Driven {
    /// In 100 microseconds.
    pub(super) time: i64,
    /// In the sensor's steps, where it has a gain.
    pub(super) gain: Option<i64>,
}

/// Longest exposure that the loop sets: a picture at 25 a second takes no longer.
const LONGEST: i64 = 400;
/// Stops that the whole range of a gain counts for; drivers do not say.
const GAIN_EV: f32 = 3.0;

impl Controls {
    pub(super) fn new(all: Vec<ControlInfo>) -> Self {
        Self(all)
    }

    pub(super) fn find(&self, id: u32) -> Option<&ControlInfo> {
        self.0.iter().find(|c| c.id == id)
    }

    fn has(&self, id: u32) -> bool {
        self.find(id).is_some()
    }

    fn gain(&self) -> Option<&ControlInfo> {
        self.find(id::GAIN).or_else(|| self.find(id::ANALOGUE_GAIN))
    }

    /// The mode of exposure in which time and iris are set by whom it is wanted; `None` where there is no choice.
    fn exposure_mode(&self, time: bool, iris: bool) -> Option<i64> {
        let items = self.find(id::EXPOSURE_AUTO)?.items.as_ref()?;
        let wanted: &[i64] = match (time, iris) {
            (false, false) => &[id::EXPOSURE_ALL_AUTO, id::EXPOSURE_IRIS_MANUAL],
            (true, false) => &[id::EXPOSURE_TIME_MANUAL, id::EXPOSURE_ALL_MANUAL],
            (false, true) => &[id::EXPOSURE_IRIS_MANUAL],
            (true, true) => &[id::EXPOSURE_ALL_MANUAL],
        };
        wanted.iter().copied().find(|mode| items.contains(mode))
    }

    /// Whether exposure time can be set by hand.
    pub(super) fn can_expose(&self) -> bool {
        self.has(id::EXPOSURE_ABSOLUTE)
            && (!self.has(id::EXPOSURE_AUTO) || self.exposure_mode(true, false).is_some())
    }

    /// Whether white balance is made in the camera.
    pub(super) fn balances(&self, white: White) -> bool {
        let auto = self.has(id::AUTO_WHITE_BALANCE);
        match white {
            White::Source | White::Auto => auto,
            White::Light { .. } => auto && self.has(id::WHITE_BALANCE_TEMPERATURE),
            White::Levels { .. } => auto && self.has(id::RED_BALANCE) && self.has(id::BLUE_BALANCE),
        }
    }

    pub(super) fn caps(&self) -> SensorCaps {
        let steps = |c: &ControlInfo, unit: i64| -> Option<Steps> {
            let scaled = |n: i64| u32::try_from(n.checked_mul(unit)?).ok();
            let least = scaled((*c.range.start()).max(0))?;
            let most = scaled((*c.range.end()).min(i64::from(u32::MAX) / unit))?;
            (least < most).then_some((least..=most, scaled(c.step)?))
        };
        let time = self.find(id::EXPOSURE_ABSOLUTE);
        SensorCaps {
            known: true,
            shutter: time
                .filter(|_| self.can_expose())
                // A second is the longest that the settings know.
                .and_then(|c| {
                    let (range, step) = steps(c, 100)?;
                    Some((*range.start()..=(*range.end()).min(1_000_000), step))
                }),
            gain: self.gain().filter(|_| self.can_expose()).and_then(|c| {
                let (range, step) = steps(c, 1)?;
                Some((*range.start()..=(*range.end()).min(65_535), step))
            }),
            iris: self.has(id::IRIS_ABSOLUTE)
                && (!self.has(id::EXPOSURE_AUTO) || self.exposure_mode(false, true).is_some()),
            wdr: self.has(id::WIDE_DYNAMIC_RANGE),
            lamp: self.has(id::FLASH_LED_MODE),
            lamp_level: self.has(id::FLASH_LED_MODE) && self.has(id::FLASH_TORCH_INTENSITY),
        }
    }

    /// Controls and their values, in the order in which they are to be set. What is not named is to have its driver's
    /// default.
    pub(super) fn plan(
        &self,
        setup: &ImagingSetup,
        driven: Option<Driven>,
        night: bool,
    ) -> Vec<(u32, i64)> {
        let caps = self.caps();
        let mut plan = Vec::new();
        let mut put = |id: u32, value: &dyn Fn(&ControlInfo) -> i64| {
            if let Some(control) = self.find(id) {
                plan.push((id, control.nearest(value(control))));
            }
        };
        let by_hand = setup
            .exposure
            .filter(|_| caps.shutter.is_some() || caps.gain.is_some());
        let iris = setup.iris.filter(|_| caps.iris);
        let time = by_hand.is_some() || driven.is_some();
        if (time || iris.is_some())
            && let Some(mode) = self.exposure_mode(time, iris.is_some())
        {
            put(id::EXPOSURE_AUTO, &|_| mode);
        }
        let (time, gain) = match (by_hand, driven) {
            (Some((us, gain)), _) => (Some(i64::from(us) / 100), Some(i64::from(gain))),
            (None, Some(driven)) => (Some(driven.time), driven.gain),
            (None, None) => (None, None),
        };
        if let Some(time) = time {
            put(id::EXPOSURE_ABSOLUTE, &|_| time);
        }
        if let Some(gain) = gain {
            put(id::AUTO_GAIN, &|_| 0);
            let which = self.gain().map_or(id::GAIN, |c| c.id);
            put(which, &|_| gain);
        }
        if let Some(level) = iris {
            put(id::IRIS_ABSOLUTE, &|c| c.at_level(level));
        }
        if setup.wdr {
            put(id::WIDE_DYNAMIC_RANGE, &|_| 1);
        }
        if self.balances(setup.white) {
            match setup.white {
                White::Source => {}
                White::Auto => put(id::AUTO_WHITE_BALANCE, &|_| 1),
                White::Light { kelvin, .. } => {
                    put(id::AUTO_WHITE_BALANCE, &|_| 0);
                    put(id::WHITE_BALANCE_TEMPERATURE, &|_| kelvin.into());
                }
                White::Levels { red, blue } => {
                    put(id::AUTO_WHITE_BALANCE, &|_| 0);
                    put(id::RED_BALANCE, &|c| c.at_level(red));
                    put(id::BLUE_BALANCE, &|c| c.at_level(blue));
                }
            }
        }
        if setup.metered.backlight && !setup.metered.partial {
            put(id::BACKLIGHT_COMPENSATION, &|c| *c.range.end());
        }
        let shines = match setup.lamp {
            Lamp::Off => false,
            Lamp::On => true,
            Lamp::AtNight => night,
        };
        if shines {
            put(id::FLASH_TORCH_INTENSITY, &|c| c.at_level(setup.lamp_level));
            put(id::FLASH_LED_MODE, &|_| id::LED_TORCH);
        } else if caps.lamp && setup.lamp != Lamp::Off {
            put(id::FLASH_LED_MODE, &|_| id::LED_OFF);
        }
        plan
    }

    /// Time and gain that are `ev` stops from a time: time first, then gain.
    pub(super) fn expose(&self, base: i64, ev: f32) -> Driven {
        let Some(time) = self.find(id::EXPOSURE_ABSOLUTE) else {
            return Driven {
                time: base,
                gain: None,
            };
        };
        let longest = LONGEST.min(*time.range.end()).max(*time.range.start());
        let wanted = base.max(1) as f32 * ev.exp2();
        // `as` saturates.
        let set = time.nearest((wanted.round() as i64).min(longest));
        let rest = (wanted / longest.max(1) as f32).log2();
        let gain = self.gain().map(|gain| {
            let (least, most) = (*gain.range.start(), *gain.range.end());
            let part = (rest / GAIN_EV).clamp(0.0, 1.0);
            gain.nearest(least + ((most - least) as f32 * part) as i64)
        });
        Driven { time: set, gain }
    }

    /// How far [`Self::expose`] reaches from a time, in stops.
    pub(super) fn reach(&self, base: i64) -> std::ops::RangeInclusive<f32> {
        let Some(time) = self.find(id::EXPOSURE_ABSOLUTE) else {
            return 0.0..=0.0;
        };
        let stops = |n: i64| (n.max(1) as f32 / base.max(1) as f32).log2();
        let gain = self.gain().map_or(0.0, |_| GAIN_EV);
        stops(*time.range.start())..=stops(LONGEST.min(*time.range.end())) + gain
    }
}

#[cfg(test)]
mod tests {
    use lpr_core::metering::Metered;

    use super::super::{SensorControls, SimulatedControls};
    use super::*;

    fn camera() -> Controls {
        Controls::new(SimulatedControls::camera().list().unwrap())
    }

    fn without(ids: &[u32]) -> Controls {
        let all = SimulatedControls::camera().list().unwrap();
        Controls::new(all.into_iter().filter(|c| !ids.contains(&c.id)).collect())
    }

    /// Ranges and steps are the driver's, in the settings' units; what is missing is missing.
    #[test]
    fn capabilities_are_those_of_the_driver() {
        let caps = camera().caps();
        assert_eq!(caps.shutter, Some((300..=200_000, 100)));
        assert_eq!(caps.gain, Some((0..=255, 1)));
        assert!(caps.iris && caps.wdr && caps.lamp && caps.lamp_level);
        let none = Controls::new(Vec::new()).caps();
        let nothing = SensorCaps {
            known: true,
            ..SensorCaps::default()
        };
        assert_eq!(none, nothing);
        // A time that cannot be had by hand is none.
        let mut all = SimulatedControls::camera().list().unwrap();
        for control in &mut all {
            if control.id == id::EXPOSURE_AUTO {
                control.items = Some(vec![id::EXPOSURE_ALL_AUTO]);
            }
        }
        let caps = Controls::new(all).caps();
        assert!(caps.shutter.is_none() && caps.gain.is_none() && !caps.iris);
    }

    /// IMG-6..9, IMG-14, IMG-15: each setting is its control, modes before values.
    #[test]
    fn settings_become_controls() {
        let plan = |setup: ImagingSetup, night| camera().plan(&setup, None, night);
        assert_eq!(plan(ImagingSetup::default(), false), []);
        let setup = ImagingSetup {
            exposure: Some((12_345, 90)),
            ..Default::default()
        };
        let manual = [
            (id::EXPOSURE_AUTO, id::EXPOSURE_ALL_MANUAL),
            (id::EXPOSURE_ABSOLUTE, 123),
            (id::GAIN, 90),
        ];
        assert_eq!(plan(setup, false), manual);
        let setup = ImagingSetup {
            iris: Some(100),
            wdr: true,
            white: White::Light {
                kelvin: 2_555,
                red: 40,
                blue: 60,
            },
            lamp: Lamp::AtNight,
            lamp_level: 50,
            metered: Metered {
                backlight: true,
                ..Default::default()
            },
            ..Default::default()
        };
        let day = [
            (id::EXPOSURE_AUTO, id::EXPOSURE_IRIS_MANUAL),
            (id::IRIS_ABSOLUTE, 255),
            (id::WIDE_DYNAMIC_RANGE, 1),
            (id::AUTO_WHITE_BALANCE, 0),
            (id::WHITE_BALANCE_TEMPERATURE, 2_800),
            (id::BACKLIGHT_COMPENSATION, 2),
            (id::FLASH_LED_MODE, id::LED_OFF),
        ];
        assert_eq!(plan(setup.clone(), false), day);
        let night = plan(setup, true);
        assert_eq!(
            night[6..],
            [
                (id::FLASH_TORCH_INTENSITY, 250),
                (id::FLASH_LED_MODE, id::LED_TORCH)
            ]
        );
    }

    /// A camera without a control is not asked for it.
    #[test]
    fn what_is_missing_is_not_planned() {
        let setup = ImagingSetup {
            exposure: Some((1_000, 1)),
            iris: Some(1),
            wdr: true,
            white: White::Auto,
            lamp: Lamp::On,
            ..Default::default()
        };
        assert_eq!(Controls::new(Vec::new()).plan(&setup, None, true), []);
        let poor = without(&[id::WHITE_BALANCE_TEMPERATURE]);
        assert!(poor.balances(White::Auto));
        let light = White::Light {
            kelvin: 5_000,
            red: 50,
            blue: 50,
        };
        assert!(!poor.balances(light) && camera().balances(light));
        assert!(!camera().balances(White::Levels { red: 1, blue: 1 }));
    }

    /// Time first, gain when there is no more time.
    #[test]
    fn exposure_is_time_and_then_gain() {
        let camera = camera();
        let driven = |ev| camera.expose(100, ev);
        assert_eq!((driven(0.0).time, driven(0.0).gain), (100, Some(0)));
        assert_eq!((driven(1.0).time, driven(1.0).gain), (200, Some(0)));
        assert_eq!((driven(-1.0).time, driven(-9.0).time), (50, 3));
        assert_eq!((driven(3.5).time, driven(3.5).gain), (400, Some(127)));
        let reach = camera.reach(100);
        assert_eq!(*reach.end(), 2.0 + GAIN_EV);
        assert!(*reach.start() < -5.0);
        assert_eq!(driven(*reach.end()).gain, Some(255));
    }
}
