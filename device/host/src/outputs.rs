//! Loudspeaker and alarm outputs of this machine.

use std::{
    io::Write,
    path::PathBuf,
    process::{Child, Command, Stdio},
    str::FromStr,
    time::{Duration, Instant},
};

use gpiocdev::{Request, line::Value};
use parking_lot::Mutex;
use platecam_model::{
    Error, Result,
    ports::{RelayOutputs, VoiceOutput},
};

/// A text is said within this time, or it is given up.
const SPEECH: Duration = Duration::from_secs(60);

/// espeak-ng speaks, aplay plays: both as processes without a shell, the text on standard input.
#[derive(Debug, Default)]
pub struct EspeakVoice {
    /// One text at a time.
    busy: Mutex<()>,
}

fn in_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|dir| dir.join(program).is_file())
}

impl VoiceOutput for EspeakVoice {
    fn unavailable(&self) -> Option<String> {
        for program in ["espeak-ng", "aplay"] {
            if !in_path(program) {
                return Some(format!("the program {program} is not installed"));
            }
        }
        let playback = std::fs::read_to_string("/proc/asound/pcm").unwrap_or_default();
        if playback.contains("playback") {
            None
        } else {
            Some("this unit has no audio output".into())
        }
    }

    fn say(&self, text: &str) -> Result<()> {
        if let Some(reason) = self.unavailable() {
            return Err(Error::Unsupported(reason));
        }
        let Some(_turn) = self.busy.try_lock() else {
            return Err(Error::Conflict("another text is being said".into()));
        };
        let failed = |e: std::io::Error| Error::Unsupported(format!("voice: {e}"));
        let mut speaker = Command::new("espeak-ng")
            .args(["--stdin", "--stdout"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(failed)?;
        let sound = speaker.stdout.take().map_or_else(Stdio::null, Stdio::from);
        let player = Command::new("aplay")
            .arg("-q")
            .stdin(sound)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        if let Some(mut input) = speaker.stdin.take() {
            // A speaker that is gone shows in its status.
            let _ = input.write_all(text.as_bytes());
        }
        let spoken = ended(speaker, SPEECH);
        let played = ended(player.map_err(failed)?, SPEECH);
        if spoken && played {
            Ok(())
        } else {
            Err(Error::Unsupported(
                "the audio output did not play the text".into(),
            ))
        }
    }
}

/// Waits for the end; kills what does not end. True when it ended well.
fn ended(mut child: Child, within: Duration) -> bool {
    let end = Instant::now() + within;
    while Instant::now() < end {
        match child.try_wait() {
            Ok(Some(status)) => return status.success(),
            Ok(None) => std::thread::sleep(Duration::from_millis(20)),
            Err(_) => break,
        }
    }
    let _ = child.kill();
    let _ = child.wait();
    false
}

/// A line of a GPIO chip: `/dev/gpiochip0:17`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GpioLine {
    /// The character device.
    pub chip: PathBuf,
    /// Offset of the line.
    pub line: u32,
}

impl FromStr for GpioLine {
    type Err = String;

    fn from_str(s: &str) -> std::result::Result<Self, String> {
        s.rsplit_once(':')
            .filter(|(chip, _)| chip.starts_with("/dev/"))
            .and_then(|(chip, line)| {
                Some(Self {
                    chip: chip.into(),
                    line: line.parse().ok()?,
                })
            })
            .ok_or_else(|| format!("'{s}' is not a line such as /dev/gpiochip0:17"))
    }
}

/// Alarm outputs on GPIO lines, NO1 first: an active line closes its contact. They are open at first, and held for
/// the whole run.
#[derive(Debug)]
pub struct GpioRelays {
    lines: Vec<(GpioLine, Mutex<Request>)>,
}

impl GpioRelays {
    /// Takes the lines.
    ///
    /// # Errors
    /// [`Error::Unsupported`] naming the line that cannot be had.
    pub fn open(lines: &[GpioLine]) -> Result<Self> {
        let lines = lines.iter().map(|line| {
            let request = Request::builder()
                .on_chip(&line.chip)
                .with_consumer("platecam")
                .with_line(line.line)
                .as_output(Value::Inactive)
                .request()
                .map_err(|e| {
                    Error::Unsupported(format!("{}:{}: {e}", line.chip.display(), line.line))
                })?;
            Ok((line.clone(), Mutex::new(request)))
        });
        Ok(Self {
            lines: lines.collect::<Result<_>>()?,
        })
    }
}

impl RelayOutputs for GpioRelays {
    fn count(&self) -> usize {
        self.lines.len()
    }

    fn set(&self, index: usize, closed: bool) -> Result<()> {
        let missing = || Error::Unsupported(format!("there is no output NO{}", index + 1));
        let (line, request) = self.lines.get(index).ok_or_else(missing)?;
        let value = if closed {
            Value::Active
        } else {
            Value::Inactive
        };
        let set = request.lock().set_value(line.line, value);
        set.map_err(|e| Error::internal(format!("output NO{}: {e}", index + 1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_chip_and_offset() {
        let line: GpioLine = "/dev/gpiochip0:17".parse().unwrap();
        assert_eq!(
            (line.chip.to_str(), line.line),
            (Some("/dev/gpiochip0"), 17)
        );
        for bad in [
            "",
            "17",
            "gpiochip0:17",
            "/dev/gpiochip0",
            "/dev/gpiochip0:x",
            "/dev/gpiochip0:-1",
        ] {
            assert!(
                bad.parse::<GpioLine>()
                    .unwrap_err()
                    .contains("/dev/gpiochip0:17"),
                "{bad}"
            );
        }
    }

    #[test]
    fn a_line_that_is_not_there_is_named() {
        let line: GpioLine = "/dev/no-such-chip:3".parse().unwrap();
        let e = GpioRelays::open(&[line]).unwrap_err().to_string();
        assert!(e.contains("/dev/no-such-chip:3"), "{e}");
        let none = GpioRelays::open(&[]).unwrap();
        assert_eq!(none.count(), 0);
        assert!(matches!(none.set(0, true), Err(Error::Unsupported(_))));
    }
}
