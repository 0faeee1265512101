//! Alarm inputs and outputs: opens their lines, watches the inputs, lets go of the outputs in time.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use platecam_host::{FileContact, GpioContact, GpioLine, GpioRelays, GpioWiegand, HostMode};
use platecam_model::{
    Device,
    io::Io,
    ports::{Contact, ContactLine, WiegandOut},
    product::{Limit, Product},
    settings::{AlarmIo, Section},
    testing::{SimulatedOutputs, SimulatedWiegand},
};

use crate::{
    Failure,
    cli::{RunArgs, exit},
};

/// The end of a run is noticed within this time.
const LOOK: Duration = Duration::from_millis(300);

/// The lines of this machine, or simulated ones: two outputs and a Wiegand output that only remember, two inputs that are closed
/// while `simulated/input1` and `input2` of the state directory say `1`.
pub(crate) struct Lines {
    pub(crate) io: Arc<Io>,
    pub(crate) contacts: Vec<Box<dyn Contact>>,
    pub(crate) wiegand: Option<Arc<dyn WiegandOut>>,
}

impl Lines {
    /// Takes the lines.
    ///
    /// # Errors
    /// [`Failure`] naming the option and the line.
    pub(crate) fn open(
        args: &RunArgs,
        product: &Product,
        state_dir: &Path,
    ) -> Result<Self, Failure> {
        let [outputs, inputs, serial, wiegand] = [
            Limit::AlarmOutputs,
            Limit::AlarmInputs,
            Limit::SerialPorts,
            Limit::WiegandOutputs,
        ]
        .map(|l| product.limit(l) as usize);
        for (option, n, most) in [
            ("--relay", args.relays.len(), outputs),
            ("--input", args.inputs.len(), inputs),
            ("--serial", args.serial.len(), serial),
            ("--wiegand", args.wiegand.iter().len(), wiegand),
        ] {
            if n > most {
                let model = product.name();
                let why = format!("{option}: {n} lines; the model {model} has {most}");
                return Err(Failure::new(exit::USAGE, why));
            }
        }
        if args.host == HostMode::Simulated {
            let of = |n| Box::new(FileContact::new(state_dir.join("simulated").join(n))) as _;
            let contacts: Vec<Box<dyn Contact>> = ["input1", "input2"]
                .into_iter()
                .take(inputs)
                .map(of)
                .collect();
            let io = Io::new(Arc::new(SimulatedOutputs::of(outputs)), contacts.len());
            return Ok(Self {
                io: Arc::new(io),
                contacts,
                wiegand: Some(Arc::new(SimulatedWiegand::default())),
            });
        }
        let failed = |option: &str, e: &dyn std::fmt::Display| {
            Failure::new(exit::FAILED, format!("{option}: {e}"))
        };
        let relays = GpioRelays::open(&args.relays).map_err(|e| failed("--relay", &e))?;
        let contact = |line: &GpioLine| {
            let line = ContactLine {
                chip: line.chip.to_string_lossy().into_owned(),
                line: line.line,
                active_low: true,
            };
            let opened = GpioContact::open(line).map_err(|e| failed("--input", &e))?;
            Ok::<_, Failure>(Box::new(opened) as Box<dyn Contact>)
        };
        let contacts = args.inputs.iter().map(contact);
        let contacts = contacts.collect::<Result<Vec<_>, _>>()?;
        let io = Io::new(Arc::new(relays), contacts.len());
        let wiegand = args.wiegand.as_ref().map(GpioWiegand::open).transpose();
        let wiegand = wiegand.map_err(|e| failed("--wiegand", &e))?;
        Ok(Self {
            io: Arc::new(io),
            contacts,
            wiegand: wiegand.map(|w| Arc::new(w) as _),
        })
    }
}

/// Stops the watches of the inputs when dropped.
#[derive(Debug)]
pub(super) struct InputWatch(Arc<AtomicBool>);

impl Drop for InputWatch {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// Watches each input in a thread of its own: an edge is told at once (GEN-18). An input whose line is gone is logged,
/// and everything else goes on.
pub(super) fn watch(device: &Device, contacts: Vec<Box<dyn Contact>>) -> InputWatch {
    let running = Arc::new(AtomicBool::new(true));
    for (index, mut contact) in contacts.into_iter().enumerate() {
        let (device, go_on) = (device.clone(), running.clone());
        let look = move || {
            while go_on.load(Ordering::Relaxed) {
                match contact.wait(LOOK) {
                    Ok(closed) => device.contact_seen(index, closed),
                    Err(e) => {
                        tracing::error!(input = index + 1, error = ?e, "the alarm input is gone");
                        return;
                    }
                }
            }
        };
        let thread = std::thread::Builder::new().name(format!("input-{}", index + 1));
        if let Err(e) = thread.spawn(look) {
            tracing::error!(input = index + 1, error = %e, "no alarm input");
        }
    }
    InputWatch(running)
}

/// Lets go of outputs whose time is over, and follows the settings, until it is dropped.
pub(super) async fn serve(device: Device) {
    let mut timers = device.io.timers();
    let mut settings = device.settings.watch();
    let mut known = settings.borrow_and_update().get::<AlarmIo>();
    loop {
        let due = device.serve_outputs();
        let left = due.map(|t| t.saturating_sub(device.clock.monotonic()));
        tokio::select! {
            changed = timers.changed() => if changed.is_err() { return },
            changed = settings.changed() => {
                if changed.is_err() {
                    return;
                }
                let now = settings.borrow_and_update().get::<AlarmIo>();
                if now != known {
                    known = now;
                    tracing::debug!(section = AlarmIo::KEY, "alarm inputs and outputs follow");
                    device.follow_io_settings();
                }
            }
            () = tokio::time::sleep(left.unwrap_or_default()), if left.is_some() => {}
        }
    }
}
