//! Voice and alarm outputs of this machine.

use std::{
    io::{Read, Write},
    path::PathBuf,
    process::{Child, Command, Stdio},
    str::FromStr,
    time::{Duration, Instant},
};

use gpiocdev::{Request, line::Value};
use parking_lot::Mutex;
use platecam_model::{
    Error, Result,
    broadcast::{Manner, Sound},
    ports::{RelayOutputs, Voice},
    settings::Language,
};

/// The sound of a text is made within this time, or it is given up.
const SPEECH: Duration = Duration::from_secs(20);
/// Most sound of one text: two minutes of what espeak-ng makes.
const MOST: u64 = 2 * 22_050 * 120;

/// espeak-ng makes sound of text: a process of its own without a shell, the text on its standard input.
///
/// It runs only while it makes one, so that a unit that never speaks has nothing of it in memory.
#[derive(Debug, Default)]
pub struct EspeakVoice {
    /// One text at a time.
    busy: Mutex<()>,
}

/// What espeak-ng is told: its voice, and words a minute, half to twice its own 175 (AUDIO-2).
fn arguments(manner: Manner) -> [String; 4] {
    let voice = match manner.language {
        Language::English => "en-us",
        Language::German => "de",
    };
    let doubled = (f64::from(manner.speed.get()) - 50.0) / 50.0;
    let words = (175.0 * doubled.exp2()).round();
    ["-v".into(), voice.into(), "-s".into(), words.to_string()]
}

fn in_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|dir| dir.join(program).is_file())
}

impl Voice for EspeakVoice {
    fn unavailable(&self) -> Option<String> {
        let there = in_path("espeak-ng");
        (!there).then(|| "the program espeak-ng is not installed".into())
    }

    fn speak(&self, text: &str, manner: Manner) -> Result<Sound> {
        if let Some(reason) = self.unavailable() {
            return Err(Error::Unsupported(reason));
        }
        let _turn = self.busy.lock();
        let failed = |e: std::io::Error| Error::Unsupported(format!("voice: {e}"));
        let mut speaker = Command::new("espeak-ng")
            .args(["--stdin", "--stdout"])
            .args(arguments(manner))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(failed)?;
        if let Some(mut input) = speaker.stdin.take() {
            // A speaker that is gone shows in its status; a text fits into the pipe.
            let _ = input.write_all(text.as_bytes());
        }
        let output = speaker.stdout.take();
        let reader = std::thread::spawn(move || {
            let mut wav = Vec::new();
            let read = output.map(|o| o.take(MOST).read_to_end(&mut wav));
            read.transpose().map(|_| wav)
        });
        // Killed when it takes too long, which ends the reader as well.
        let spoken = ended(speaker, SPEECH);
        let wav = reader.join().unwrap_or_else(|_| Ok(Vec::new()));
        let wav = wav.map_err(failed)?;
        if !spoken {
            let why = "the voice could not say the text";
            return Err(Error::Unsupported(why.into()));
        }
        Sound::from_wav(&wav)
    }
}

/// Waits for the end; kills what does not end. True when it ended well.
fn ended(mut child: Child, within: Duration) -> bool {
    let end = Instant::now() + within;
    while Instant::now() < end {
        match child.try_wait() {
            Ok(Some(status)) => return status.success(),
            Ok(None) => std::thread::sleep(Duration::from_millis(10)),
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
    use platecam_model::settings::SpeechSpeed;

    use super::*;

    fn manner(language: Language, speed: i64) -> Manner {
        Manner {
            language,
            speed: SpeechSpeed::clamped(speed),
        }
    }

    /// AUDIO-2, AUDIO-3: in the unit's language; half to twice as quick as the voice by itself.
    #[test]
    fn speed_is_the_voices_own_in_the_middle() {
        let words = |speed| arguments(manner(Language::English, speed))[3].clone();
        assert_eq!([words(0), words(50), words(100)], ["88", "175", "350"]);
        assert_eq!(arguments(manner(Language::German, 50))[1], "de");
    }

    /// What it says is sound, and quicker speech is shorter. Needs espeak-ng, as the package does.
    #[test]
    fn a_text_becomes_sound() {
        let voice = EspeakVoice::default();
        assert_eq!(voice.unavailable(), None);
        let said = |speed| voice.speak("Welcome, A B C 1 2 3", manner(Language::English, speed));
        let (slow, quick) = (said(50).unwrap(), said(100).unwrap());
        assert_eq!(slow.rate, 22_050);
        assert!(slow.samples.iter().any(|s| s.abs() > 3_000));
        assert!(slow.millis() > 1000 && quick.millis() * 3 < slow.millis() * 2);
    }

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
