//! Two black boxes.
//!
//! The conformance runner judges any ONVIF device over the network: [`runner`], with its cases in
//! [`cases`]. See the README of this crate.
//!
//! The harness starts the release binary on free ports with a state directory of its own and speaks to
//! it only as its users do. The binary is `PLATECAM_BIN`, or `target/release/platecam` of this checkout. A missing binary or
//! tool is a failure, never a skip.

pub mod auth;
pub mod authority;
pub mod case;
pub mod cases;
mod curl;
pub mod device;
pub mod features;
pub mod jpeg;
mod netns;
mod ports;
pub mod report;
pub mod rtsp;
pub mod runner;
pub mod schema;
pub mod soap;
mod web;
mod workshop;
pub mod xml;

use std::{
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, bail, ensure};
use tempfile::TempDir;

pub use curl::soap;
pub use netns::{run_inside, run_test_inside};
pub use ports::{free_ports, unreserved};
pub use web::Web;
pub use workshop::Workshop;

/// Password of `admin` on cameras that are started initialised.
pub const PASSWORD: &str = "Gate-2026-open";

/// A picture that costs next to nothing, for tests that look at something else and share the machine with others.
pub const QUIET: &str = "test:?size=640x360&fps=5";

/// Nothing that the binary does at start or stop takes this long, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The binary under test.
///
/// # Errors
/// When it does not exist.
pub fn binary() -> Result<PathBuf> {
    let path = std::env::var_os("PLATECAM_BIN")
        .map_or_else(|| root().join("target/release/platecam"), PathBuf::from);
    ensure!(
        path.exists(),
        "{} does not exist: run `make build`, or set PLATECAM_BIN",
        path.display()
    );
    Ok(path)
}

/// The checkout.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A command of the set-up's Python environment.
#[must_use]
pub fn python() -> Command {
    Command::new(root().join(".cache/venv/bin/python"))
}

/// Runs a command to its end and returns its standard output.
///
/// # Errors
/// When it cannot start, fails, or does not end in time; the message holds both outputs.
pub fn output(command: &mut Command, within: Duration) -> Result<String> {
    let name = format!("{command:?}");
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {name}"))?;
    let (stdout, stderr) = (collect(child.stdout.take()), collect(child.stderr.take()));
    let status = wait(&mut child, within);
    if status.is_none() {
        let _ = child.kill();
        let _ = child.wait();
    }
    let (stdout, stderr) = (
        stdout.recv().unwrap_or_default(),
        stderr.recv().unwrap_or_default(),
    );
    match status {
        Some(status) if status.success() => Ok(stdout),
        Some(status) => bail!("{name}: {status}\n{stdout}\n{stderr}"),
        None => bail!("{name}: not done within {within:?}\n{stdout}\n{stderr}"),
    }
}

/// Hz of the tone of [`beeping_clip`].
pub const BEEP_HZ: f64 = 1000.0;

/// Two seconds, over and over: 100 ms of a bright picture with 100 ms of a tone, in the middle of dark and silence.
///
/// # Errors
/// Without ffmpeg.
pub fn beeping_clip(dir: &Path) -> Result<PathBuf> {
    let path = dir.join("beep.mp4");
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-y", "-f", "lavfi", "-i"]);
    command.arg("color=black:size=640x360:rate=25:duration=2,drawbox=color=white:t=fill:enable='between(t,0.999,1.079)'");
    command.args(["-f", "lavfi", "-i"]);
    command.arg(format!(
        "aevalsrc='0.7*sin(2*PI*{BEEP_HZ}*t)*between(t,1,1.1)':sample_rate=48000:duration=2"
    ));
    command.args([
        "-c:v", "libx264", "-g", "25", "-bf", "0", "-pix_fmt", "yuv420p",
    ]);
    // Lossless, so that what is measured is the camera's doing.
    command.args(["-c:a", "alac"]).arg(&path);
    output(&mut command, PATIENCE)?;
    Ok(path)
}

/// What ffprobe finds behind a URL; `transport` is `tcp` or `udp` for RTSP.
///
/// # Errors
/// When it plays nothing; the message holds ffprobe's own.
pub fn ffprobe(transport: &str, url: &str) -> Result<serde_json::Value> {
    let mut command = Command::new("ffprobe");
    command.args([
        "-v",
        "error",
        "-rtsp_transport",
        transport,
        "-of",
        "json",
        "-show_streams",
        url,
    ]);
    Ok(serde_json::from_str(&output(&mut command, PATIENCE)?)?)
}

fn collect(pipe: Option<impl Read + Send + 'static>) -> mpsc::Receiver<String> {
    let (tx, rx) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.read_to_end(&mut bytes);
        }
        let _ = tx.send(String::from_utf8_lossy(&bytes).into_owned());
    });
    rx
}

fn wait(child: &mut Child, within: Duration) -> Option<ExitStatus> {
    let end = Instant::now() + within;
    while Instant::now() < end {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    None
}

/// How a camera is started.
#[derive(Clone, Debug)]
pub struct Options {
    /// `--source`.
    pub source: String,
    /// Whether `admin` has [`PASSWORD`] from the start.
    pub initialised: bool,
    /// More arguments.
    pub args: Vec<String>,
    /// Arguments of `launch`, when the launcher starts the camera.
    pub launcher: Option<Vec<String>>,
    /// Listens on the ports of the settings, not on free ones. A listener that is off has port 0.
    pub stored_ports: bool,
    /// `--listen`; the camera is asked over loopback all the same.
    pub listen: &'static str,
    /// Environment variables beside the test's own.
    pub env: Vec<(String, String)>,
    /// File for its standard error; without one it is the test's own.
    pub stderr: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            source: "demo".into(),
            initialised: true,
            args: Vec::new(),
            launcher: None,
            stored_ports: false,
            listen: "127.0.0.1",
            env: Vec::new(),
            stderr: None,
        }
    }
}

/// A running camera on loopback. Dropping it stops it.
#[derive(Debug)]
pub struct Camera {
    /// Plain HTTP port.
    pub http: u16,
    /// HTTPS port.
    pub https: u16,
    /// RTSP port.
    pub rtsp: u16,
    /// Its state directory.
    pub state: PathBuf,
    child: Child,
    // Deleted with the camera that made it.
    _dir: Option<TempDir>,
}

impl Camera {
    /// Starts a camera with a new state directory.
    ///
    /// # Errors
    /// When it does not announce its addresses.
    pub fn start(options: &Options) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let state = dir.path().join("state");
        Self::spawn(options, state, Some(dir))
    }

    /// Starts a camera with the demo clip, initialised.
    ///
    /// # Errors
    /// As [`Camera::start`].
    pub fn demo() -> Result<Self> {
        Self::start(&Options::default())
    }

    /// Starts a camera on an existing state directory, which stays.
    ///
    /// # Errors
    /// As [`Camera::start`].
    pub fn start_in(options: &Options, state: &Path) -> Result<Self> {
        Self::spawn(options, state.to_owned(), None)
    }

    fn spawn(options: &Options, state: PathBuf, dir: Option<TempDir>) -> Result<Self> {
        let mut command = Command::new(binary()?);
        match &options.launcher {
            Some(args) => command.arg("launch").args(args).arg("--"),
            None => command.arg("run"),
        };
        command.args(["--listen", options.listen]);
        if !options.stored_ports {
            command.args(["--http-port", "0", "--https-port", "0", "--rtsp-port", "0"]);
        }
        command
            .arg("--state-dir")
            .arg(&state)
            .args(["--source", &options.source])
            .args(&options.args)
            .env_remove("PLATECAM_INITIAL_PASSWORD")
            .envs(options.env.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        if let Some(file) = &options.stderr {
            command.stderr(std::fs::File::create(file)?);
        }
        if options.initialised {
            command.env("PLATECAM_INITIAL_PASSWORD", PASSWORD);
        }
        let mut child = command.spawn().context("cannot start platecam")?;
        let stdout = child
            .stdout
            .take()
            .ok_or_else(|| anyhow!("no standard output"))?;
        let announced = announced(BufReader::new(stdout));
        let mut camera = Self {
            http: 0,
            https: 0,
            rtsp: 0,
            state,
            child,
            _dir: dir,
        };
        let end = Instant::now() + PATIENCE;
        // The RTSP address comes last.
        while camera.rtsp == 0 {
            let left = end.saturating_duration_since(Instant::now());
            let line = announced.recv_timeout(left).map_err(|_| {
                anyhow!(
                    "platecam ended or did not announce its addresses: {:?}",
                    camera.child.try_wait()
                )
            })?;
            for (scheme, port) in [
                ("http://", &mut camera.http),
                ("https://", &mut camera.https),
                ("rtsp://", &mut camera.rtsp),
            ] {
                if let Some(found) = port_in(&line, scheme) {
                    *port = found;
                }
            }
        }
        Ok(camera)
    }

    /// `http://127.0.0.1:PORT` + `path`.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.http)
    }

    /// The manual's RTSP URL of a stream, with credentials; 0 is main, 1 is sub (NET-19, NET-22).
    #[must_use]
    pub fn rtsp_url(&self, stream: u8) -> String {
        format!(
            "rtsp://admin:{PASSWORD}@127.0.0.1:{}/video/livemedia?Ch=1&Streamtype={stream}",
            self.rtsp
        )
    }

    /// The same without credentials.
    #[must_use]
    pub fn rtsp_url_anonymous(&self, stream: u8) -> String {
        format!(
            "rtsp://127.0.0.1:{}/video/livemedia?Ch=1&Streamtype={stream}",
            self.rtsp
        )
    }

    /// Process number, for measuring.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends SIGTERM and waits; returns the status and the time it took.
    ///
    /// # Errors
    /// When it does not end.
    pub fn stop(mut self) -> Result<(ExitStatus, Duration)> {
        let started = Instant::now();
        self.signal(libc::SIGTERM)?;
        let status =
            wait(&mut self.child, PATIENCE).ok_or_else(|| anyhow!("platecam does not end"))?;
        Ok((status, started.elapsed()))
    }

    /// Waits until it ends by itself.
    ///
    /// # Errors
    /// When it does not within the time.
    pub fn ended(mut self, within: Duration) -> Result<ExitStatus> {
        wait(&mut self.child, within).ok_or_else(|| anyhow!("platecam does not end"))
    }

    /// Kills it without warning, as a power cut would.
    ///
    /// # Errors
    /// When there is no such process.
    pub fn kill(mut self) -> Result<()> {
        self.signal(libc::SIGKILL)?;
        wait(&mut self.child, PATIENCE).ok_or_else(|| anyhow!("platecam does not die"))?;
        Ok(())
    }

    fn signal(&self, signal: i32) -> Result<()> {
        let status = Command::new("kill")
            .arg(format!("-{signal}"))
            .arg(self.child.id().to_string())
            .status()?;
        ensure!(status.success(), "kill: {status}");
        Ok(())
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            return;
        }
        if self.signal(libc::SIGTERM).is_ok()
            && wait(&mut self.child, Duration::from_secs(5)).is_some()
        {
            return;
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn announced(out: impl BufRead + Send + 'static) -> mpsc::Receiver<String> {
    let (tx, rx) = mpsc::channel();
    std::thread::spawn(move || {
        for line in out.lines().map_while(std::result::Result::ok) {
            println!("  platecam: {line}");
            // The receiver is gone once the addresses are known; the pipe is read on all the same.
            let _ = tx.send(line);
        }
    });
    rx
}

fn port_in(line: &str, scheme: &str) -> Option<u16> {
    let authority = line.split(scheme).nth(1)?.split('/').next()?;
    authority.rsplit(':').next()?.trim().parse().ok()
}

/// One pass of the bundled clip's truth.
#[derive(Clone, Debug)]
pub struct Pass {
    /// Plate text.
    pub plate: String,
    /// `approaching` or `departing`.
    pub direction: String,
}

/// The passes of the bundled clip, in order.
///
/// # Errors
/// When the truth file cannot be read.
pub fn demo_truth() -> Result<Vec<Pass>> {
    let text = std::fs::read_to_string(root().join("assets/demo.truth.json"))?;
    let truth: serde_json::Value = serde_json::from_str(&text)?;
    let passes = truth["passes"].as_array().context("no passes")?;
    let text = |p: &serde_json::Value, key: &str| p[key].as_str().unwrap_or_default().to_owned();
    Ok(passes
        .iter()
        .map(|p| Pass {
            plate: text(p, "plate"),
            direction: text(p, "direction"),
        })
        .collect())
}
