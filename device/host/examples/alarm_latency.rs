//! Measures from the change of a simulated contact to the driven output (GEN-18, ALARM-12): `cargo run --release -p
//! platecam-host --example alarm_latency [busy threads]`.
//!
//! The whole way of the product but for the lines: a file is written, a thread that watches it hears the edge, the alarm's
//! schedule and interval are looked at, and the output is driven.

use std::{
    hint::black_box,
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

use platecam_host::FileContact;
use platecam_model::{
    Actor, Result,
    io::Io,
    ports::{Contact, RelayOutputs},
    testing::customised,
};
use serde_json::json;

/// An output that tells when it is driven.
struct Stopwatch(mpsc::Sender<(bool, Instant)>);

impl RelayOutputs for Stopwatch {
    fn count(&self) -> usize {
        1
    }

    fn set(&self, _index: usize, closed: bool) -> Result<()> {
        let _ = self.0.send((closed, Instant::now()));
        Ok(())
    }
}

const ROUNDS: usize = 200;

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let busy: usize = std::env::args().nth(1).map_or(Ok(0), |n| n.parse())?;
    for _ in 0..busy {
        std::thread::spawn(|| {
            let mut n = 0u64;
            loop {
                n = black_box(n.wrapping_mul(31).wrapping_add(7));
            }
        });
    }
    let (driven, outputs) = mpsc::channel();
    let t = customised(|parts| parts.io = Arc::new(Io::new(Arc::new(Stopwatch(driven)), 1)));
    let alarm = json!({"input1": {"enabled": true, "output1": true, "interval_seconds": 1}});
    let by = Actor::system();
    t.device
        .settings
        .patch("event.alarm_inputs", &alarm, None, &by)?;
    t.device.follow_io_settings();
    let dir = tempfile::tempdir()?;
    let file = dir.path().join("input1");
    let device = t.device.clone();
    let mut contact = FileContact::new(file.clone());
    std::thread::spawn(move || {
        while let Ok(closed) = contact.wait(Duration::from_millis(300)) {
            device.contact_seen(0, closed);
        }
    });
    std::thread::sleep(Duration::from_millis(500));
    while outputs.try_recv().is_ok() {}
    let [mut whole, mut program] = [Vec::new(), Vec::new()];
    for round in 0..ROUNDS {
        // Out of step with the watch, which looks every 20 ms.
        std::thread::sleep(Duration::from_millis(60 + round as u64 % 20));
        let edge = Instant::now();
        std::fs::write(&file, "1")?;
        whole.push(next(&outputs)? - edge);
        std::fs::write(&file, "0")?;
        std::thread::sleep(Duration::from_millis(60));
        t.clock.advance(Duration::from_secs(11));
        t.device.serve_outputs();
        while outputs.try_recv().is_ok() {}
        // The same without the contact: what the program itself takes.
        let edge = Instant::now();
        t.device.contact_seen(0, true);
        program.push(next(&outputs)? - edge);
        t.device.contact_seen(0, false);
        t.clock.advance(Duration::from_secs(11));
        t.device.serve_outputs();
        while outputs.try_recv().is_ok() {}
    }
    println!("{ROUNDS} edges, {busy} busy threads");
    tell("contact to output", whole);
    tell("edge heard to output", program);
    Ok(())
}

/// When the output was activated next.
fn next(
    outputs: &mpsc::Receiver<(bool, Instant)>,
) -> std::result::Result<Instant, Box<dyn std::error::Error>> {
    loop {
        let (closed, at) = outputs.recv_timeout(Duration::from_secs(10))?;
        if closed {
            return Ok(at);
        }
    }
}

fn tell(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |share: usize| times[(times.len() - 1) * share / 100];
    println!(
        "{what}: median {:?}, 99 % {:?}, worst {:?}",
        at(50),
        at(99),
        at(100)
    );
}
