//! Plates by wire from the running camera: a pseudo terminal is the RS-485 line (GEN-23, HW-4), the Wiegand output a simulated
//! one (HW-5).

use std::{
    fs::{File, OpenOptions},
    io::{BufRead, BufReader},
    os::{fd::OwnedFd, unix::fs::OpenOptionsExt},
    sync::mpsc,
    time::{Duration, Instant},
};

use conformance::{Camera, Options, QUIET, Web, demo_truth};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::json;

/// Longest wait for plates on a busy machine.
const PATIENCE: Duration = Duration::from_secs(180);
/// So many passes must arrive.
const PASSES: usize = 4;

/// A line: the name of its near end, that end held open, and the lines that come out of the far one.
fn line() -> (String, File, mpsc::Receiver<String>) {
    let far: OwnedFd = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&far).unwrap();
    unlockpt(&far).unwrap();
    let name = ptsname(&far, Vec::new()).unwrap().into_string().unwrap();
    let near = OpenOptions::new()
        .read(true)
        .custom_flags(rustix::fs::OFlags::NOCTTY.bits() as i32)
        .open(&name)
        .unwrap();
    let (tx, lines) = mpsc::channel();
    std::thread::spawn(move || {
        let mut reader = BufReader::new(File::from(far));
        loop {
            let mut line = Vec::new();
            match reader.read_until(b'\n', &mut line) {
                Ok(n) if n > 0 => {
                    let text = String::from_utf8_lossy(&line).into_owned();
                    if tx.send(text).is_err() {
                        return;
                    }
                }
                _ => return,
            }
        }
    });
    (name, near, lines)
}

/// GEN-23, HW-4: the vehicles of the bundled clip come out of the serial port, each in the line that was set.
#[tokio::test(flavor = "multi_thread")]
async fn plates_of_the_clip_come_out_of_the_serial_port() {
    let (name, _near, lines) = line();
    let args = ["--serial", &format!("{name}:rs485"), "--no-discovery"];
    let camera = Camera::start(&Options {
        args: args.map(String::from).to_vec(),
        ..Options::default()
    })
    .unwrap();
    let web = Web::login(&camera).await.unwrap();
    let settings = json!({"enabled": true, "format": r"\x02{plate};{direction}\r\n"});
    let (status, answer) = web.change("peripheral.serial", settings).await.unwrap();
    assert_eq!(status, 200, "{answer}");
    // Without lines for it there is no Wiegand output.
    let gone = web.get("/api/v1/settings/peripheral.wiegand").await;
    assert!(gone.unwrap_err().to_string().contains("501"));
    let truth = demo_truth().unwrap();
    let seen = tokio::task::spawn_blocking(move || {
        let end = Instant::now() + PATIENCE;
        let mut seen = Vec::new();
        while seen.len() < PASSES {
            let left = end.saturating_duration_since(Instant::now());
            seen.push(
                lines
                    .recv_timeout(left)
                    .expect("plates within some minutes"),
            );
        }
        seen
    });
    let seen = seen.await.unwrap();
    println!("{seen:?}");
    let exact = seen.iter().filter(|line| {
        let expect = |p: &conformance::Pass| format!("\x02{};{}\r\n", p.plate, p.direction);
        truth.iter().any(|pass| expect(pass) == **line)
    });
    // One misread is the price of a busy machine.
    assert!(exact.count() >= PASSES - 1, "{seen:?}");
}

/// GEN-23, HW-5: an installer is shown the number of a plate, and a test sends it.
#[tokio::test(flavor = "multi_thread")]
async fn a_plate_is_sent_on_wiegand_by_hand() {
    let camera = Camera::start(&Options {
        source: QUIET.into(),
        args: ["--host", "simulated", "--no-discovery"]
            .map(String::from)
            .to_vec(),
        ..Options::default()
    })
    .unwrap();
    let web = Web::login(&camera).await.unwrap();
    let shown = web
        .get("/api/v1/peripherals/wiegand/number?plate=ABC123")
        .await;
    let shown = shown.unwrap();
    assert_eq!(shown["number"], 14_804_040);
    let plate = json!({"plate": "ABC123"});
    let sent = web
        .send("POST", "/api/v1/peripherals/wiegand/test", Some(plate))
        .await
        .unwrap();
    assert_eq!(sent, (200, shown));
}
