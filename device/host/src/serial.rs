//! Serial ports of the machine by termios (HW-4). On RS-485 the driver switches the direction: that is the device
//! tree's or `rs485conf`'s business, and where it does not, both wires are heard, the own bytes among them.

use std::{
    fmt,
    fs::{File, OpenOptions},
    io::{ErrorKind, Read, Write},
    os::{fd::AsFd, unix::fs::OpenOptionsExt},
    path::PathBuf,
    str::FromStr,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use platecam_model::{
    Error, Result,
    io::{MAX_SERIAL, end, whole},
    ports::{SerialAnswer, SerialKind, SerialPorts},
    settings::{Parity, SerialSettings},
};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    termios::{
        ControlModes, OptionalActions, QueueSelector, SpecialCodeIndex, Termios, tcflush,
        tcgetattr, tcsetattr,
    },
};

/// Without length and delimiter an answer has ended when the line is quiet for this long.
const QUIET: Duration = Duration::from_millis(200);

/// A port as the command line names it: `PATH` or `PATH:rs485`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SerialLine {
    /// Character device, for example `/dev/ttyS1`.
    pub path: PathBuf,
    /// What it is.
    pub kind: SerialKind,
}

impl FromStr for SerialLine {
    type Err = String;

    fn from_str(s: &str) -> std::result::Result<Self, String> {
        let (path, kind) = match s.rsplit_once(':') {
            Some((path, "rs485")) => (path, SerialKind::Rs485HalfDuplex),
            Some((path, "rs232")) => (path, SerialKind::Rs232),
            Some((_, other)) => return Err(format!("'{other}' is neither rs232 nor rs485")),
            None => (s, SerialKind::Rs232),
        };
        let path = PathBuf::from(path);
        if !path.is_absolute() {
            return Err(format!("'{}' is no absolute path", path.display()));
        }
        Ok(Self { path, kind })
    }
}

impl fmt::Display for SerialLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            SerialKind::Rs232 => "rs232",
            SerialKind::Rs485HalfDuplex => "rs485",
        };
        write!(f, "{}:{kind}", self.path.display())
    }
}

/// The named serial ports of this machine.
#[derive(Debug, Default)]
pub struct LinuxSerial {
    /// Each with the turn of its users.
    ports: Vec<(SerialLine, Mutex<()>)>,
}

impl LinuxSerial {
    /// The ports of these names, which are opened when they are used: an adapter may be plugged in later.
    pub fn new(lines: &[SerialLine]) -> Self {
        let ports = lines.iter().map(|line| (line.clone(), Mutex::new(())));
        Self {
            ports: ports.collect(),
        }
    }
}

/// Sets a line to raw bytes in this form.
fn set(port: &File, settings: &SerialSettings) -> rustix::io::Result<()> {
    let mut t: Termios = tcgetattr(port)?;
    t.make_raw();
    let modes = &mut t.control_modes;
    modes.remove(
        ControlModes::CSIZE
            | ControlModes::CSTOPB
            | ControlModes::PARENB
            | ControlModes::PARODD
            | ControlModes::CRTSCTS,
    );
    // Modem lines are not wired.
    modes.insert(ControlModes::CLOCAL | ControlModes::CREAD);
    modes.insert(match settings.character_length.get() {
        7 => ControlModes::CS7,
        _ => ControlModes::CS8,
    });
    if settings.stop_bits.get() == 2 {
        modes.insert(ControlModes::CSTOPB);
    }
    match settings.parity {
        Parity::None => {}
        Parity::Even => modes.insert(ControlModes::PARENB),
        Parity::Odd => modes.insert(ControlModes::PARENB | ControlModes::PARODD),
    }
    t.special_codes[SpecialCodeIndex::VMIN] = 0;
    t.special_codes[SpecialCodeIndex::VTIME] = 0;
    t.set_speed(settings.baud_rate.get())?;
    tcsetattr(port, OptionalActions::Now, &t)?;
    // What came before was for nobody; what was sent before may still be on its way.
    tcflush(port, QueueSelector::IFlush)
}

/// Waits until a port can be read or written; false when it cannot within the time.
fn ready(port: &File, what: PollFlags, within: Duration) -> rustix::io::Result<bool> {
    let mut fds = [PollFd::from_borrowed_fd(port.as_fd(), what)];
    let within = Timespec::try_from(within).map_err(|_| Errno::INVAL)?;
    loop {
        match poll(&mut fds, Some(&within)) {
            Err(Errno::INTR) => {}
            done => return done.map(|n| n > 0),
        }
    }
}

fn talk(port: &mut File, send: &[u8], answer: &SerialAnswer) -> std::io::Result<Vec<u8>> {
    let over = Instant::now() + answer.within;
    let left = || over.saturating_duration_since(Instant::now());
    let mut rest = send;
    while !rest.is_empty() {
        if !ready(port, PollFlags::OUT, left())? {
            let text = format!("{} of {} bytes were not taken", rest.len(), send.len());
            return Err(std::io::Error::new(ErrorKind::TimedOut, text));
        }
        match port.write(rest) {
            Ok(n) => rest = &rest[n..],
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(e) => return Err(e),
        }
    }
    let open = answer.length.is_none() && answer.delimiter.is_empty();
    let mut came = Vec::new();
    while end(&came, answer).is_none() && came.len() < MAX_SERIAL {
        let patience = match open && !came.is_empty() {
            true => left().min(QUIET),
            false => left(),
        };
        if patience.is_zero() || !ready(port, PollFlags::IN, patience)? {
            break;
        }
        let mut part = [0; 1024];
        match port.read(&mut part) {
            // Hung up, as a pulled adapter is.
            Ok(0) => break,
            Ok(n) => came.extend_from_slice(&part[..n]),
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(e) => return Err(e),
        }
    }
    Ok(whole(&came, answer).to_vec())
}

impl SerialPorts for LinuxSerial {
    fn kinds(&self) -> Vec<SerialKind> {
        self.ports.iter().map(|(line, _)| line.kind).collect()
    }

    fn exchange(
        &self,
        index: usize,
        settings: &SerialSettings,
        send: &[u8],
        answer: &SerialAnswer,
    ) -> Result<Vec<u8>> {
        let missing = || Error::not_found("serial port", (index + 1).to_string());
        let (line, turn) = self.ports.get(index).ok_or_else(missing)?;
        let busy = || Error::Exhausted {
            what: "turns at the serial port",
            limit: 1,
        };
        let _turn = turn.try_lock_for(answer.within).ok_or_else(busy)?;
        let failed = |e: std::io::Error| Error::internal(format!("{}: {e}", line.path.display()));
        let mut port = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags((rustix::fs::OFlags::NOCTTY | rustix::fs::OFlags::NONBLOCK).bits() as i32)
            .open(&line.path)
            .map_err(failed)?;
        set(&port, settings).map_err(|e| failed(e.into()))?;
        talk(&mut port, send, answer).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::OwnedFd;

    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

    use super::*;

    /// Both ends of a line.
    ///
    /// The near one is held open: without a user the far one hangs up.
    fn line() -> (File, LinuxSerial, File) {
        let far: OwnedFd = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&far).unwrap();
        unlockpt(&far).unwrap();
        let name = ptsname(&far, Vec::new()).unwrap().into_string().unwrap();
        let named: SerialLine = format!("{name}:rs485").parse().unwrap();
        assert_eq!(named.to_string(), format!("{name}:rs485"));
        let near = OpenOptions::new()
            .read(true)
            .custom_flags(rustix::fs::OFlags::NOCTTY.bits() as i32)
            .open(&named.path)
            .unwrap();
        (far.into(), LinuxSerial::new(&[named]), near)
    }

    fn answer(millis: u64, length: Option<usize>, delimiter: &[u8]) -> SerialAnswer {
        SerialAnswer {
            within: Duration::from_millis(millis),
            length,
            delimiter: delimiter.to_vec(),
        }
    }

    /// HW-4: all bytes go and come as they are; the answer ends as it was said.
    #[test]
    fn bytes_go_there_and_come_back() {
        let (mut far, ports, near) = line();
        assert_eq!(ports.kinds(), [SerialKind::Rs485HalfDuplex]);
        let settings = SerialSettings {
            baud_rate: 19_200.try_into().unwrap(),
            parity: Parity::Even,
            ..SerialSettings::default()
        };
        let all: Vec<u8> = (0..=255).collect();
        let sent = all.clone();
        let peer = std::thread::spawn(move || {
            let mut heard = vec![0; 256];
            far.read_exact(&mut heard).unwrap();
            assert_eq!(heard, sent, "no byte is changed");
            far.write_all(&heard).unwrap();
            let mut word = [0; 4];
            far.read_exact(&mut word).unwrap();
            far.write_all(b"OK\r\nmore").unwrap();
            // Held open until the other end has read.
            let mut last = [0; 1];
            far.read_exact(&mut last).unwrap();
            far
        });
        let back = ports
            .exchange(0, &settings, &all, &answer(20_000, Some(256), b""))
            .unwrap();
        assert_eq!(back, all);
        let line = ports
            .exchange(0, &settings, b"open", &answer(20_000, None, b"\r\n"))
            .unwrap();
        assert_eq!(line, b"OK\r\n");
        let t = tcgetattr(&near).unwrap();
        assert_eq!(t.output_speed(), 19_200);
        // Nobody answers: the time is over, and nothing came.
        let none = ports
            .exchange(0, &settings, b"x", &answer(50, Some(1), b""))
            .unwrap();
        assert!(none.is_empty());
        drop(peer.join().unwrap());
    }

    /// HW-4: a talk does not throw away what the one before it sent and the line still carries.
    ///
    /// A terminal takes 4,096 bytes; the rest waits in the driver.
    #[test]
    fn a_talk_keeps_what_is_on_its_way() {
        let (mut far, ports, _near) = line();
        let settings = SerialSettings::default();
        let first = vec![b'a'; 6000];
        for part in [&first[..], b"second"] {
            ports
                .exchange(0, &settings, part, &answer(20_000, Some(0), b""))
                .unwrap();
        }
        let mut heard = Vec::new();
        while heard.len() < 6006 && ready(&far, PollFlags::IN, Duration::from_secs(20)).unwrap() {
            let mut part = [0; 1024];
            let n = far.read(&mut part).unwrap();
            heard.extend_from_slice(&part[..n]);
        }
        assert_eq!(heard.len(), 6006);
        assert!(heard.ends_with(b"second"));
    }

    #[test]
    fn names_are_paths_with_a_kind() {
        for (text, good) in [
            ("/dev/ttyS1", true),
            ("/dev/ttyS1:rs232", true),
            ("/dev/serial/by-id/a:rs485", true),
            ("ttyS1", false),
            ("/dev/ttyS1:rs422", false),
            ("", false),
        ] {
            assert_eq!(text.parse::<SerialLine>().is_ok(), good, "{text}");
        }
        let gone: SerialLine = "/dev/no-such-line".parse().unwrap();
        let ports = LinuxSerial::new(&[gone]);
        let settings = SerialSettings::default();
        let failed = ports.exchange(0, &settings, b"", &answer(1, None, b""));
        assert!(matches!(failed, Err(Error::Internal { .. })), "{failed:?}");
        let missing = ports.exchange(1, &settings, b"", &answer(1, None, b""));
        assert!(matches!(missing, Err(Error::NotFound { .. })));
    }
}
