//! The thread that keeps sensor and correction as the settings want them. It runs while the source may have controls or
//! pictures have to be looked at, and not otherwise.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use lpr_core::FrameView;
use lpr_core::MediaTime;
use lpr_core::metering::{ExposureLoop, Light, MAX_EV, Twilight, WhiteBalance, WhiteGains};
use parking_lot::Mutex;
use tokio::sync::watch;

use super::plan::{Controls, Driven};
use super::{
    DayNight, ImagingSetup, SensorCaps, SensorControls, White, id, may_have_controls, open,
};
use crate::frame::FrameKind;
use crate::hub::Hub;
use crate::look::Correction;
use crate::source::{SourceSpec, SourceState};
use crate::stop::StopToken;
use crate::{Error, Result};

/// Between two looks.
const INTERVAL: Duration = Duration::from_millis(250);

/// What is wanted, what the sensor can do, and the thread where there is one.
#[derive(Default)]
pub(crate) struct Imaging {
    setup: Arc<Mutex<Arc<ImagingSetup>>>,
    caps: Arc<watch::Sender<SensorCaps>>,
    worker: Mutex<Option<Worker>>,
}

impl Imaging {
    pub(crate) fn caps(&self) -> watch::Receiver<SensorCaps> {
        self.caps.subscribe()
    }

    /// Takes what is wanted.
    pub(crate) fn set(
        &self,
        setup: ImagingSetup,
        spec: &SourceSpec,
        hub: &Arc<Hub>,
        state: &watch::Sender<SourceState>,
    ) -> Result<()> {
        hub.set_uncorrected(!setup.corrects());
        *self.setup.lock() = Arc::new(setup);
        self.follow(spec, hub, state, false)
    }

    /// Starts or ends the thread; `anew` where the source is another.
    pub(crate) fn follow(
        &self,
        spec: &SourceSpec,
        hub: &Arc<Hub>,
        state: &watch::Sender<SourceState>,
        anew: bool,
    ) -> Result<()> {
        let mut worker = self.worker.lock();
        let setup = self.setup.lock().clone();
        let controls = may_have_controls(spec);
        if anew {
            *worker = None;
            self.caps.send_replace(SensorCaps {
                known: !controls,
                ..SensorCaps::default()
            });
        }
        if !controls && !setup.measures() {
            *worker = None;
            hub.correct(Keeper::default().correction(&setup));
            return Ok(());
        }
        if worker.is_none() {
            *worker = Some(Worker::start(Task {
                spec: spec.clone(),
                setup: self.setup.clone(),
                caps: self.caps.clone(),
                hub: hub.clone(),
                state: state.subscribe(),
            })?);
        }
        Ok(())
    }

    pub(crate) fn stop(&self) {
        *self.worker.lock() = None;
    }
}

/// The running thread. Dropping it ends it.
struct Worker {
    stop: StopToken,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    fn start(task: Task) -> Result<Self> {
        let stop = StopToken::default();
        let token = stop.clone();
        let thread = std::thread::Builder::new()
            .name("imaging".into())
            .spawn(move || task.run(&token))
            .map_err(|e| Error::pipeline("imaging", e))?;
        Ok(Self {
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.stop.stop();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the imaging thread panicked");
        }
    }
}

struct Task {
    spec: SourceSpec,
    setup: Arc<Mutex<Arc<ImagingSetup>>>,
    caps: Arc<watch::Sender<SensorCaps>>,
    hub: Arc<Hub>,
    state: watch::Receiver<SourceState>,
}

impl Task {
    fn run(mut self, stop: &StopToken) {
        let mut keeper = Keeper::default();
        let mut seen = None;
        let mut told = None;
        self.state.mark_changed();
        loop {
            if self.state.has_changed().unwrap_or(false) {
                self.find(&mut keeper);
            }
            let setup = self.setup.lock().clone();
            if setup.measures()
                && let Some(frame) = self.hub.latest()
                && frame.kind == FrameKind::Picture
                && seen.replace(frame.sequence) != Some(frame.sequence)
                && let Ok(view) = frame.view()
            {
                keeper.look(&setup, &view, frame.at);
            }
            keeper.apply(&setup);
            let correction = keeper.correction(&setup);
            if told.replace(correction) != Some(correction) {
                self.hub.correct(correction);
            }
            if stop.wait(INTERVAL) {
                return;
            }
        }
    }

    /// The source came or went: a camera that was plugged in again has its own values.
    fn find(&mut self, keeper: &mut Keeper) {
        let running = matches!(*self.state.borrow_and_update(), SourceState::Running { .. });
        keeper.lose();
        if !running {
            return;
        }
        match open(&self.spec) {
            Ok(Some(controls)) => match keeper.find(controls) {
                Ok(caps) => drop(self.caps.send_replace(caps)),
                Err(error) => tracing::warn!(%error, "the camera's controls cannot be used"),
            },
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "the camera's controls cannot be used"),
        }
    }
}

/// Sensor, control loops and what they have decided.
#[derive(Default)]
struct Keeper {
    sensor: Option<(Box<dyn SensorControls>, Controls)>,
    /// What was set, and has not been given back.
    set: BTreeMap<u32, i64>,
    exposure: ExposureLoop,
    /// Exposure time that the loop began with, while it drives the sensor.
    base: Option<i64>,
    twilight: Twilight,
    balance: WhiteBalance,
    white: WhiteGains,
}

impl Keeper {
    /// Takes the controls of a camera that has come.
    fn find(&mut self, mut controls: Box<dyn SensorControls>) -> Result<SensorCaps> {
        let all = Controls::new(controls.list()?);
        let caps = all.caps();
        self.sensor = Some((controls, all));
        Ok(caps)
    }

    /// The camera has gone.
    fn lose(&mut self) {
        self.sensor = None;
        self.set.clear();
        self.base = None;
    }

    fn is_night(&self, setup: &ImagingSetup) -> bool {
        match setup.day_night {
            DayNight::Color => false,
            DayNight::BlackWhite => true,
            DayNight::Auto(_) => self.twilight.is_night(),
        }
    }

    /// Whether the loop drives the sensor's exposure instead of the picture.
    fn drives(&self, setup: &ImagingSetup) -> bool {
        setup.metered.partial
            && setup.exposure.is_none()
            && self
                .sensor
                .as_ref()
                .is_some_and(|(_, all)| all.can_expose())
    }

    /// One look at a picture that has all corrections in it.
    fn look(&mut self, setup: &ImagingSetup, frame: &FrameView<'_>, now: MediaTime) {
        if let DayNight::Auto(threshold) = setup.day_night {
            let lifted = if self.base.is_none() {
                self.exposure.ev()
            } else {
                0.0
            };
            let light = Light::measure(frame, &[]).mean * (-lifted).exp2();
            self.twilight.step(light, threshold, now);
        }
        if setup.white == White::Auto && !self.balanced_by_sensor(setup) && !self.is_night(setup) {
            self.white = self.balance.step(frame).unwrap_or(self.white);
        }
        self.expose(setup, frame);
    }

    fn balanced_by_sensor(&self, setup: &ImagingSetup) -> bool {
        let all = self.sensor.as_ref().map(|(_, all)| all);
        all.is_some_and(|all| all.balances(setup.white))
    }

    fn expose(&mut self, setup: &ImagingSetup, frame: &FrameView<'_>) {
        let drives = self.drives(setup);
        if !setup.metered.any() || drives != self.base.is_some() {
            (self.exposure, self.base) = (ExposureLoop::default(), None);
        }
        if !setup.metered.any() {
            return;
        }
        let reach = match (&mut self.sensor, drives) {
            (Some((controls, all)), true) => {
                let base = *self.base.get_or_insert_with(|| {
                    // Before the mode changes: what the camera itself has chosen.
                    let now = controls.get(id::EXPOSURE_ABSOLUTE);
                    let default = all.find(id::EXPOSURE_ABSOLUTE).map_or(1, |c| c.default);
                    now.unwrap_or(default).max(1)
                });
                all.reach(base)
            }
            _ => -MAX_EV..=MAX_EV,
        };
        let light = Light::measure(frame, &setup.areas);
        self.exposure.step(setup.metered, &light, reach);
    }

    /// What the picture is corrected by.
    fn correction(&self, setup: &ImagingSetup) -> Correction {
        let gain = |level: u8| ((f32::from(level) - 50.0) / 50.0).exp2();
        let levels = |red, blue| WhiteGains {
            red: gain(red),
            blue: gain(blue),
        };
        let white = match setup.white {
            White::Source => WhiteGains::default(),
            _ if self.balanced_by_sensor(setup) => WhiteGains::default(),
            White::Auto => self.white,
            White::Light { red, blue, .. } | White::Levels { red, blue } => levels(red, blue),
        };
        let in_picture = setup.metered.any() && self.base.is_none();
        Correction {
            ev: if in_picture { self.exposure.ev() } else { 0.0 },
            grey: self.is_night(setup),
            white,
        }
    }

    /// Sets the controls that are not as they should be, and gives back those that nothing is wanted of any more.
    fn apply(&mut self, setup: &ImagingSetup) {
        let night = self.is_night(setup);
        if !self.drives(setup) {
            self.base = None;
        }
        let Some((controls, all)) = &mut self.sensor else {
            return;
        };
        let driven: Option<Driven> = self.base.map(|base| all.expose(base, self.exposure.ev()));
        let plan = all.plan(setup, driven, night);
        let given_back: Vec<(u32, i64)> = self
            .set
            .keys()
            .filter(|id| !plan.iter().any(|(wanted, _)| wanted == *id))
            .filter_map(|id| Some((*id, all.find(*id)?.default)))
            .collect();
        for (id, value) in &plan {
            // Once: what is refused is tried again when the camera comes back or something else is wanted.
            if self.set.insert(*id, *value) == Some(*value) {
                continue;
            }
            let name = all.find(*id).map_or("", |c| c.name.as_str());
            match controls.set(*id, *value) {
                Ok(()) => tracing::debug!(name, value, "control is set"),
                Err(error) => tracing::warn!(name, %error, "a control stays as it is"),
            }
        }
        for (id, default) in given_back {
            self.set.remove(&id);
            if let Err(error) = controls.set(id, default) {
                tracing::warn!(%error, "a control keeps its value");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use lpr_core::metering::Metered;
    use lpr_core::{FrameSize, NormRect, Planes, UtcTime};

    use super::super::SimulatedControls;
    use super::*;

    const W: usize = 64;
    const H: usize = 36;

    fn value(table: &SimulatedControls, id: u32) -> i64 {
        table.clone().get(id).unwrap()
    }

    /// Looks at an even picture of so much light.
    fn look(keeper: &mut Keeper, setup: &ImagingSetup, light: f32, second: u64) {
        let luma = (16.0 + 219.0 * light.clamp(0.0, 1.0)) as u8;
        let mut data = vec![luma; W * H];
        data.extend(vec![128; W * H / 2]);
        let planes = Planes::I420 {
            y: &data[..W * H],
            y_stride: W,
            u: &data[W * H..W * H * 5 / 4],
            v: &data[W * H * 5 / 4..],
            uv_stride: W / 2,
        };
        let size = FrameSize::new(W as u32, H as u32).unwrap();
        let at = MediaTime::from_nanos(second * 1_000_000_000);
        let frame = FrameView::new(planes, size, UtcTime::from_millis(0), at).unwrap();
        keeper.look(setup, &frame, at);
        keeper.apply(setup);
    }

    fn keeper(table: &SimulatedControls) -> Keeper {
        let mut keeper = Keeper::default();
        assert!(keeper.find(Box::new(table.clone())).unwrap().known);
        keeper
    }

    /// IMG-9, IMG-16: by hand, then a camera that lost power and came back, then auto again.
    #[test]
    fn controls_are_set_set_again_and_given_back() {
        let table = SimulatedControls::camera();
        let mut keeper = keeper(&table);
        let setup = ImagingSetup {
            exposure: Some((10_000, 7)),
            ..Default::default()
        };
        let manual = || {
            (
                value(&table, id::EXPOSURE_AUTO),
                value(&table, id::EXPOSURE_ABSOLUTE),
                value(&table, id::GAIN),
            )
        };
        keeper.apply(&setup);
        assert_eq!(manual(), (1, 100, 7));
        table.plug_in();
        keeper.apply(&setup);
        assert_eq!(manual(), (3, 250, 64), "nobody said that it was gone");
        keeper.lose();
        keeper.find(Box::new(table.clone())).unwrap();
        keeper.apply(&setup);
        assert_eq!(manual(), (1, 100, 7));
        keeper.apply(&ImagingSetup::default());
        assert_eq!(manual(), (3, 250, 64), "the driver's defaults");
        assert!(keeper.set.is_empty());
    }

    /// METER-5: where there is exposure it is driven until the areas are right, and the picture is left alone.
    #[test]
    fn metering_drives_the_exposure_of_a_camera() {
        let table = SimulatedControls::camera();
        let mut keeper = keeper(&table);
        let setup = ImagingSetup {
            metered: Metered {
                partial: true,
                ..Default::default()
            },
            areas: vec![NormRect::FULL],
            ..Default::default()
        };
        // What the lens gives at an exposure of 25 ms.
        let run = |keeper: &mut Keeper, scene: f32| {
            for second in 0..40 {
                let time = value(&table, id::EXPOSURE_ABSOLUTE) as f32 / 250.0;
                look(keeper, &setup, scene * time, second);
            }
            value(&table, id::EXPOSURE_ABSOLUTE)
        };
        let bright = run(&mut keeper, 0.9);
        assert!((100..170).contains(&bright), "{bright}");
        assert_eq!(value(&table, id::EXPOSURE_AUTO), 1);
        let dark = run(&mut keeper, 0.1);
        assert_eq!(dark, 400, "no longer than a picture");
        assert!(value(&table, id::GAIN) > 100);
        assert_eq!(keeper.correction(&setup), Correction::default());
        keeper.look_off(&table);
    }

    impl Keeper {
        /// Metering is switched off: the camera has its exposure back.
        fn look_off(&mut self, table: &SimulatedControls) {
            self.apply(&ImagingSetup::default());
            assert_eq!(value(table, id::EXPOSURE_AUTO), 3);
        }
    }

    /// METER-2, METER-3: without exposure the picture is corrected, dark parts up and glare down.
    #[test]
    fn metering_corrects_the_picture_of_a_source_without_exposure() {
        let mut keeper = Keeper::default();
        let setup = |backlight| ImagingSetup {
            metered: Metered {
                partial: false,
                backlight,
                frontlight: !backlight,
            },
            ..Default::default()
        };
        for second in 0..3 {
            look(&mut keeper, &setup(true), 0.1, second);
        }
        assert!(keeper.correction(&setup(true)).ev > 0.5);
        assert!(keeper.correction(&ImagingSetup::default()).is_neutral());
        let mut keeper = Keeper::default();
        for second in 0..3 {
            look(&mut keeper, &setup(false), 1.0, second);
        }
        assert!(keeper.correction(&setup(false)).ev < -0.1);
    }

    /// IMG-5, IMG-6: at night the picture is grey and the lamp shines; in the day neither.
    #[test]
    fn night_is_grey_and_lit() {
        let table = SimulatedControls::camera();
        let mut keeper = keeper(&table);
        let setup = ImagingSetup {
            day_night: DayNight::Auto(0.2),
            lamp: super::super::Lamp::AtNight,
            lamp_level: 100,
            ..Default::default()
        };
        let mut run = |light, seconds: std::ops::Range<u64>| {
            for second in seconds {
                look(&mut keeper, &setup, light, second);
            }
            let lamp = (
                value(&table, id::FLASH_LED_MODE),
                value(&table, id::FLASH_TORCH_INTENSITY),
            );
            (keeper.correction(&setup).grey, lamp)
        };
        assert_eq!(run(0.5, 0..10), (false, (0, 100)));
        assert_eq!(run(0.05, 10..20), (true, (2, 500)));
        assert!(!run(0.5, 20..30).0);
    }

    /// IMG-15: white balance by hand is made in the picture where the camera cannot; a control that there is, is used.
    #[test]
    fn white_balance_is_the_camera_s_where_it_can() {
        let levels = ImagingSetup {
            white: White::Levels { red: 0, blue: 100 },
            ..Default::default()
        };
        let gains = WhiteGains {
            red: 0.5,
            blue: 2.0,
        };
        assert_eq!(Keeper::default().correction(&levels).white, gains);
        let table = SimulatedControls::camera();
        let mut keeper = keeper(&table);
        let lamp = ImagingSetup {
            white: White::Light {
                kelvin: 3_000,
                red: 35,
                blue: 75,
            },
            ..Default::default()
        };
        keeper.apply(&lamp);
        assert!(keeper.correction(&lamp).is_neutral());
        assert_eq!(value(&table, id::WHITE_BALANCE_TEMPERATURE), 3_000);
        assert!(!Keeper::default().correction(&lamp).is_neutral());
    }
}
