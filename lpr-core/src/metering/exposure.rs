//! The control loop of exposure.

use super::Light;

/// Furthest correction in the picture, in stops both ways; a sensor reaches further.
pub const MAX_EV: f32 = 2.0;
/// Light that metered areas are brought to.
const TARGET: f32 = 0.46;
/// Shadows that backlight compensation brings up to it.
const SHADOW: f32 = 0.30;
/// Glare that frontlight compensation brings down to it.
const GLARE: f32 = 0.80;
/// A whole picture brighter than this with dark parts is lit from behind; a darker one with glare from the front.
const BRIGHT: f32 = 0.40;
/// An error below this is left alone, once the loop rests.
const START: f32 = 0.30;
/// The loop rests when the error is below this.
const REST: f32 = 0.10;
/// Part of the error that one step corrects, and the most it does.
const PACE: f32 = 0.6;
const STEP: f32 = 0.5;

/// What decides about exposure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Metered {
    /// Areas are metered, and their light is brought to the middle; else the whole picture, which stays as it is but
    /// for the two compensations.
    pub partial: bool,
    /// Dark parts against light are brought up.
    pub backlight: bool,
    /// Glaring parts are brought down.
    pub frontlight: bool,
}

impl Metered {
    /// Whether there is anything to control.
    #[must_use]
    pub fn any(self) -> bool {
        self.partial || self.backlight || self.frontlight
    }

    /// How many stops the light is from where it should be; positive where it is too dark.
    fn error(self, light: &Light) -> f32 {
        let stops = |target: f32, now: f32| (target / now.max(0.02)).log2();
        let lift = stops(SHADOW, light.shadow).max(0.0);
        let dim = stops(GLARE, light.glare).min(0.0);
        if self.partial {
            let mut error = stops(TARGET, light.mean);
            if self.backlight {
                error = error.max(lift);
            }
            if self.frontlight {
                error = if dim < 0.0 { error.min(dim) } else { error };
            }
            return error;
        }
        match (self.backlight, self.frontlight) {
            (true, true) if light.mean < BRIGHT => dim,
            (true, _) => lift,
            (false, true) => dim,
            (false, false) => 0.0,
        }
    }
}

/// Brings the light of what is metered to where it should be, and stays there: it sets out when the error is plain
/// and rests when it is small.
///
/// It sees the picture with its own correction in it.
#[derive(Clone, Debug, Default)]
pub struct ExposureLoop {
    ev: f32,
    moving: bool,
}

impl ExposureLoop {
    /// The correction in force, in stops.
    #[must_use]
    pub fn ev(&self) -> f32 {
        self.ev
    }

    /// One look at the picture; the new correction where it changes. `reach` is what the actuator can do.
    pub fn step(
        &mut self,
        what: Metered,
        light: &Light,
        reach: std::ops::RangeInclusive<f32>,
    ) -> Option<f32> {
        let mut error = what.error(light);
        if !what.partial && error == 0.0 && self.ev != 0.0 {
            error = self.released(what, light);
        }
        let enough = if self.moving { REST } else { START };
        self.moving = error.abs() > enough;
        if !self.moving {
            return None;
        }
        let before = self.ev;
        let (least, most) = (*reach.start(), *reach.end());
        self.ev = (self.ev + (error * PACE).clamp(-STEP, STEP)).clamp(least.min(most), most);
        // A change that nobody sees, at the end of the reach for one.
        ((self.ev - before).abs() > 0.005).then_some(self.ev)
    }

    /// A compensation of the whole picture is given back as far as the shadows or the glare leave room for it.
    fn released(&self, what: Metered, light: &Light) -> f32 {
        let room = |target: f32, now: f32| (target / now.max(0.02)).log2();
        if self.ev > 0.0 {
            // Nothing left to lift for, or more lifted than needed.
            let over = room(SHADOW, light.shadow);
            if what.backlight {
                over.max(-self.ev)
            } else {
                -self.ev
            }
        } else {
            let under = room(GLARE, light.glare);
            if what.frontlight {
                under.min(-self.ev)
            } else {
                -self.ev
            }
        }
        .clamp(-self.ev.abs(), self.ev.abs())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{W, area, drawn, view};
    use super::*;
    use crate::geometry::NormRect;

    const PARTIAL: Metered = Metered {
        partial: true,
        backlight: false,
        frontlight: false,
    };
    const BACK: Metered = Metered {
        partial: false,
        backlight: true,
        frontlight: false,
    };
    const FRONT: Metered = Metered {
        partial: false,
        backlight: false,
        frontlight: true,
    };

    /// A camera that looks at drawn light: exposure scales it, the sensor clips.
    struct Camera {
        exposure: ExposureLoop,
        steps: usize,
    }

    impl Camera {
        fn new() -> Self {
            Self {
                exposure: ExposureLoop::default(),
                steps: 0,
            }
        }

        fn picture(&self, scene: &dyn Fn(usize, usize) -> f32) -> Vec<u8> {
            let gain = self.exposure.ev().exp2();
            let luma = |x, y| (16.0 + 219.0 * (scene(x, y) * gain).min(1.0)) as u8;
            drawn(luma, 128, 128)
        }

        /// Looks until nothing changes; the light of the areas then, and of a part that is not metered.
        fn settle(
            &mut self,
            scene: &dyn Fn(usize, usize) -> f32,
            what: Metered,
            areas: &[NormRect],
            beside: NormRect,
        ) -> (Light, f32) {
            for _ in 0..40 {
                let data = self.picture(scene);
                let light = Light::measure(&view(&data), areas);
                if self.exposure.step(what, &light, -2.0..=2.0).is_some() {
                    self.steps += 1;
                }
            }
            let data = self.picture(scene);
            let light = Light::measure(&view(&data), areas);
            assert_eq!(
                self.exposure.step(what, &light, -2.0..=2.0),
                None,
                "it never rests: {light:?}"
            );
            (light, Light::measure(&view(&data), &[beside]).mean)
        }
    }

    const LEFT: NormRect = area(-1.0, 1.0, 0.0, -1.0);
    const RIGHT: NormRect = area(0.2, 1.0, 1.0, -1.0);

    /// METER-5: the areas are brought to the middle; when they brighten the rest darkens, and the other way round.
    #[test]
    fn the_rest_moves_inversely_to_the_areas() {
        let mut camera = Camera::new();
        let scene = |left: f32| move |x: usize, _: usize| if x < W / 2 { left } else { 0.4 };
        let rest = |camera: &mut Camera, left: f32| {
            let (light, rest) = camera.settle(&scene(left), PARTIAL, &[LEFT], RIGHT);
            // Within what the loop leaves alone.
            assert!((0.37..=0.57).contains(&light.mean), "{left}: {light:?}");
            rest
        };
        let middle = rest(&mut camera, 0.4);
        let darker = rest(&mut camera, 0.9);
        let brighter = rest(&mut camera, 0.2);
        assert!(darker < middle - 0.1, "{middle} {darker}");
        assert!(brighter > middle + 0.1, "{middle} {brighter}");
    }

    /// METER-1, METER-2: dark parts against a bright picture come up; off, they stay; what was lifted is given back
    /// when the scene no longer asks for it.
    #[test]
    fn backlight_compensation_brightens_dark_parts() {
        let backlit = |x: usize, _: usize| if x < W / 2 { 0.10 } else { 0.80 };
        let mut camera = Camera::new();
        let off = Metered::default();
        assert!(!off.any());
        let (light, _) = camera.settle(&backlit, off, &[], LEFT);
        assert_eq!((camera.steps, camera.exposure.ev()), (0, 0.0), "{light:?}");
        let (light, dark) = camera.settle(&backlit, BACK, &[], LEFT);
        assert!((0.26..=0.34).contains(&light.shadow), "{light:?}");
        assert!(dark > 0.25, "{dark}");
        // Frontlight compensation alone has nothing against dark parts.
        assert!(
            FRONT.error(&Light {
                glare: 0.5,
                ..light
            }) == 0.0
        );
        let even = |_: usize, _: usize| 0.45;
        camera.settle(&even, BACK, &[], LEFT);
        assert!(camera.exposure.ev() < 0.2, "{}", camera.exposure.ev());
    }

    /// METER-1, METER-3: glare of head lights comes down; with both on the picture decides which it is.
    #[test]
    fn frontlight_compensation_dims_glare() {
        let lights = |x: usize, _: usize| if x < W / 4 { 1.0 } else { 0.05 };
        let mut camera = Camera::new();
        let glaring = area(-1.0, 1.0, -0.5, -1.0);
        let (light, glare) = camera.settle(&lights, FRONT, &[], glaring);
        assert!(glare < 0.86 && light.glare < 0.86, "{glare} {light:?}");
        let both = Metered {
            backlight: true,
            frontlight: true,
            partial: false,
        };
        let mut camera = Camera::new();
        camera.settle(&lights, both, &[], glaring);
        assert!(camera.exposure.ev() < -0.2, "dark with glare");
        let backlit = |x: usize, _: usize| if x < W / 3 { 0.12 } else { 0.9 };
        let mut camera = Camera::new();
        camera.settle(&backlit, both, &[], LEFT);
        assert!(camera.exposure.ev() > 0.5, "bright with dark parts");
    }

    /// In areas the compensations look at their shadows and their glare.
    #[test]
    fn compensation_of_areas_looks_at_their_ends() {
        let light = Light {
            mean: 0.46,
            shadow: 0.10,
            glare: 0.95,
        };
        let with = |backlight, frontlight| {
            Metered {
                partial: true,
                backlight,
                frontlight,
            }
            .error(&light)
        };
        assert!(with(false, false).abs() < 0.01);
        assert!(with(true, false) > 1.0);
        assert!(with(false, true) < -0.2);
    }

    /// Hysteresis: small changes of a scene are left alone, a plain one is followed.
    #[test]
    fn small_changes_move_nothing() {
        let mut camera = Camera::new();
        let flat = |light: f32| move |_: usize, _: usize| light;
        camera.settle(&flat(0.3), PARTIAL, &[LEFT], RIGHT);
        let steps = camera.steps;
        assert!(steps > 0);
        for light in [0.31, 0.29, 0.32, 0.28] {
            camera.settle(&flat(light), PARTIAL, &[LEFT], RIGHT);
        }
        assert_eq!(camera.steps, steps);
        camera.settle(&flat(0.6), PARTIAL, &[LEFT], RIGHT);
        assert!(camera.steps > steps);
    }

    proptest::proptest! {
        /// Whatever is seen, the correction stays within reach and every step is bounded.
        #[test]
        fn steps_are_bounded(
            lights in proptest::collection::vec((0f32..=1.0, 0f32..=1.0, 0f32..=1.0), 1..40),
            partial: bool, backlight: bool, frontlight: bool,
        ) {
            let what = Metered { partial, backlight, frontlight };
            let mut exposure = ExposureLoop::default();
            for (mean, shadow, glare) in lights {
                let before = exposure.ev();
                exposure.step(what, &Light { mean, shadow, glare }, -1.0..=1.5);
                proptest::prop_assert!((-1.0..=1.5).contains(&exposure.ev()));
                proptest::prop_assert!((exposure.ev() - before).abs() <= STEP + 1e-5);
            }
        }
    }
}
