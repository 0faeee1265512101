//! The lens of a camera whose zoom and focus are controls: positions, and the camera's own focus.
//!
//! Only absolute positions are used: with relative controls alone a lens could neither tell nor remember where it is.

use parking_lot::Mutex;
use platecam_model as model;
use platecam_model::ports::{self, Motor, MotorReading};

use super::{ControlInfo, SensorControls, V4l2Controls, id};
use crate::Result;
use crate::source::SourceSpec;

type Open = Box<dyn Fn() -> Result<Box<dyn SensorControls>> + Send + Sync>;

/// Zoom and focus of a sensor's controls.
pub struct ControlLens {
    open: Open,
    controls: Mutex<Box<dyn SensorControls>>,
    zoom: Option<ControlInfo>,
    focus: Option<ControlInfo>,
    auto_focus: bool,
}

impl ControlLens {
    /// The lens of a source; `None` where it has no motor.
    ///
    /// # Errors
    /// [`crate::Error::Source`] when the device cannot be asked.
    pub fn of(source: &SourceSpec) -> Result<Option<Self>> {
        let SourceSpec::V4l2 { device, .. } = source else {
            return Ok(None);
        };
        let device = device.clone();
        Self::find(Box::new(move || Ok(Box::new(V4l2Controls::open(&device)?))))
    }

    fn find(open: Open) -> Result<Option<Self>> {
        let mut controls = open()?;
        let all = controls.list()?;
        let moves = |id: u32| {
            let control = all.iter().find(|c| c.id == id)?;
            (travel(control) > 0).then(|| control.clone())
        };
        let (zoom, focus) = (moves(id::ZOOM_ABSOLUTE), moves(id::FOCUS_ABSOLUTE));
        if zoom.is_none() && focus.is_none() {
            return Ok(None);
        }
        let lens = Self {
            open,
            controls: Mutex::new(controls),
            zoom,
            auto_focus: focus.is_some() && all.iter().any(|c| c.id == id::FOCUS_AUTO),
            focus,
        };
        if let Err(error) = lens.hold_focus(&mut **lens.controls.lock()) {
            tracing::warn!(%error, "the camera goes on focusing by itself");
        }
        Ok(Some(lens))
    }

    /// While the camera focuses, its driver refuses positions.
    fn hold_focus(&self, controls: &mut dyn SensorControls) -> Result<()> {
        if self.auto_focus {
            controls.set(id::FOCUS_AUTO, 0)?;
        }
        Ok(())
    }

    /// Does something with the controls; once more where the camera was plugged in again.
    fn with<T>(&self, act: impl Fn(&mut dyn SensorControls) -> Result<T>) -> model::Result<T> {
        let mut controls = self.controls.lock();
        let first = match act(&mut **controls) {
            Ok(done) => return Ok(done),
            Err(error) => error,
        };
        let mut again = || -> Result<T> {
            let mut anew = (self.open)()?;
            self.hold_focus(&mut *anew)?;
            let done = act(&mut *anew)?;
            *controls = anew;
            Ok(done)
        };
        // The first reason is that of the command; the second may only be that the device is gone.
        again().map_err(|_| model::Error::internal(first))
    }

    fn control(&self, motor: Motor) -> model::Result<&ControlInfo> {
        let control = match motor {
            Motor::Zoom => &self.zoom,
            Motor::Focus => &self.focus,
        };
        let none = || model::Error::Unsupported(format!("there is no {} motor", motor.word()));
        control.as_ref().ok_or_else(none)
    }
}

/// Steps between the ends of a control.
fn travel(control: &ControlInfo) -> u32 {
    let (least, most) = (*control.range.start(), *control.range.end());
    u32::try_from((most - least) / control.step.max(1)).unwrap_or(0)
}

/// The value of a position. V4L2 counts focus from far to near.
fn value(control: &ControlInfo, motor: Motor, at: u32) -> i64 {
    let at = at.min(travel(control));
    let steps = match motor {
        Motor::Zoom => at,
        Motor::Focus => travel(control) - at,
    };
    control.range.start() + i64::from(steps) * control.step.max(1)
}

/// The position of a value.
fn position(control: &ControlInfo, motor: Motor, value: i64) -> u32 {
    let over = (value - control.range.start()).max(0) / control.step.max(1);
    let steps = u32::try_from(over).unwrap_or(u32::MAX).min(travel(control));
    match motor {
        Motor::Zoom => steps,
        Motor::Focus => travel(control) - steps,
    }
}

impl ports::Lens for ControlLens {
    fn travel(&self, motor: Motor) -> Option<u32> {
        self.control(motor).ok().map(travel)
    }

    fn has_auto_focus(&self) -> bool {
        self.auto_focus
    }

    fn read(&self, motor: Motor) -> model::Result<MotorReading> {
        let control = self.control(motor)?;
        let now = self.with(|c| c.get(control.id))?;
        Ok(MotorReading {
            at: position(control, motor, now),
            // Drivers do not tell; the value is where the motor is, or goes.
            moving: false,
        })
    }

    fn drive(&self, motor: Motor, to: u32) -> model::Result<()> {
        let control = self.control(motor)?;
        let to = value(control, motor, to);
        self.with(|c| c.set(control.id, to))
    }

    fn set_auto_focus(&self, on: bool) -> model::Result<()> {
        if !self.auto_focus {
            let why = "the camera has no automatic focus";
            return Err(model::Error::Unsupported(why.into()));
        }
        self.with(|c| c.set(id::FOCUS_AUTO, i64::from(on)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use platecam_model::ports::Lens;

    use super::super::SimulatedControls;
    use super::*;
    use crate::Error;

    fn control(id: u32, least: i64, most: i64, step: i64, default: i64) -> ControlInfo {
        ControlInfo {
            id,
            name: "Lens".into(),
            range: least..=most,
            step,
            default,
            items: None,
        }
    }

    fn find(table: &SimulatedControls) -> Option<ControlLens> {
        let table = table.clone();
        ControlLens::find(Box::new(move || Ok(Box::new(table.clone())))).unwrap()
    }

    /// HW-11: positions are steps from wide and near; the values of V4L2 grow towards tele, and towards near.
    #[test]
    fn positions_are_controls() {
        let table = SimulatedControls::of([
            control(id::ZOOM_ABSOLUTE, 100, 405, 10, 100),
            control(id::FOCUS_ABSOLUTE, 0, 250, 5, 0),
            control(id::FOCUS_AUTO, 0, 1, 1, 1),
        ]);
        let get = |id| table.clone().get(id).unwrap();
        let lens = find(&table).unwrap();
        assert_eq!(get(id::FOCUS_AUTO), 0, "positions are ours");
        assert_eq!(lens.travel(Motor::Zoom), Some(30));
        assert_eq!(lens.travel(Motor::Focus), Some(50));
        assert_eq!(lens.read(Motor::Focus).unwrap().at, 50, "far");
        lens.drive(Motor::Zoom, 30).unwrap();
        lens.drive(Motor::Focus, 1).unwrap();
        assert_eq!(
            (get(id::ZOOM_ABSOLUTE), get(id::FOCUS_ABSOLUTE)),
            (400, 245)
        );
        assert_eq!(lens.read(Motor::Zoom).unwrap().at, 30);
        assert_eq!(lens.read(Motor::Focus).unwrap().at, 1);
        lens.drive(Motor::Zoom, 99).unwrap();
        assert_eq!(get(id::ZOOM_ABSOLUTE), 400, "the end");
        assert!(lens.has_auto_focus());
        lens.set_auto_focus(true).unwrap();
        assert_eq!(get(id::FOCUS_AUTO), 1);
    }

    #[test]
    fn a_camera_without_motors_has_no_lens() {
        assert!(find(&SimulatedControls::camera()).is_none());
        let fixed = SimulatedControls::of([control(id::ZOOM_ABSOLUTE, 5, 5, 1, 5)]);
        assert!(find(&fixed).is_none());
        let demo = SourceSpec::parse("test:", "/none".as_ref()).unwrap();
        assert!(ControlLens::of(&demo).unwrap().is_none());
        let gone = SourceSpec::parse("v4l2:/dev/no-such", "/none".as_ref()).unwrap();
        assert!(matches!(ControlLens::of(&gone), Err(Error::Source(_))));
        let null = SourceSpec::parse("v4l2:/dev/null", "/none".as_ref()).unwrap();
        assert!(ControlLens::of(&null).unwrap().is_none());
    }

    /// LPRCFG-13: a camera that was plugged in again is found again, with its focus held.
    #[test]
    fn a_camera_that_came_back_is_opened_anew() {
        struct Gone(SimulatedControls, Arc<AtomicBool>);
        impl SensorControls for Gone {
            fn list(&mut self) -> Result<Vec<ControlInfo>> {
                self.0.list()
            }
            fn get(&mut self, id: u32) -> Result<i64> {
                self.0.get(id)
            }
            fn set(&mut self, id: u32, value: i64) -> Result<()> {
                if self.1.load(Ordering::Relaxed) {
                    return Err(Error::Source("no such device".into()));
                }
                self.0.set(id, value)
            }
        }
        let table = SimulatedControls::of([
            control(id::FOCUS_ABSOLUTE, 0, 250, 5, 0),
            control(id::FOCUS_AUTO, 0, 1, 1, 1),
        ]);
        let (gone, there) = (Arc::new(AtomicBool::new(false)), table.clone());
        let first = Arc::new(Mutex::new(Some(Gone(table.clone(), gone.clone()))));
        let lens = ControlLens::find(Box::new(move || {
            Ok(match first.lock().take() {
                Some(controls) => Box::new(controls),
                None => Box::new(there.clone()),
            })
        }));
        let lens = lens.unwrap().unwrap();
        gone.store(true, Ordering::Relaxed);
        table.plug_in();
        lens.drive(Motor::Focus, 10).unwrap();
        assert_eq!(table.clone().get(id::FOCUS_ABSOLUTE).unwrap(), 200);
        assert_eq!(table.clone().get(id::FOCUS_AUTO).unwrap(), 0);
    }
}
