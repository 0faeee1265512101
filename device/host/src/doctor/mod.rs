//! Checks of the machine for `platecam doctor`: can it be a camera, and what is missing.

mod console;

use std::{
    fs,
    io::ErrorKind,
    net::{IpAddr, TcpListener, UdpSocket},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
};

use platecam_model::{UtcTime, time::in_bounds};
use serde::Serialize;

pub use console::console;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// Works, but not as well as it could.
    Warning,
    /// The camera will not work.
    Failed,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Word of the check.
    pub id: String,
    /// How it ended.
    pub verdict: Verdict,
    /// What was found and what to do.
    pub text: String,
}

impl Check {
    /// A check that ended so.
    pub fn new(id: &str, verdict: Verdict, text: impl Into<String>) -> Self {
        Self {
            id: id.to_owned(),
            verdict,
            text: text.into(),
        }
    }
}

/// Free space under which records will soon be lost, bytes.
const ROOM: u64 = 1 << 30;

/// The state directory: there or makeable, ours, closed to others; and whether a camera runs on it.
pub fn state_dir(path: &Path) -> (Check, bool) {
    let check = |verdict, text: String| Check::new("state", verdict, text);
    let shown = path.display();
    let meta = match fs::metadata(path) {
        Ok(meta) => meta,
        Err(e) if e.kind() == ErrorKind::NotFound => {
            let parent = path
                .parent()
                .filter(|p| !p.as_os_str().is_empty())
                .unwrap_or(Path::new("."));
            let fine = fs::metadata(parent).is_ok_and(|m| m.is_dir());
            let verdict = if fine { Verdict::Ok } else { Verdict::Warning };
            return (
                check(
                    verdict,
                    format!("{shown} does not exist yet; it is made at the first start"),
                ),
                false,
            );
        }
        Err(e) => return (check(Verdict::Failed, format!("{shown}: {e}")), false),
    };
    if !meta.is_dir() {
        return (
            check(Verdict::Failed, format!("{shown} is not a directory")),
            false,
        );
    }
    let lock = fs::OpenOptions::new().append(true).open(path.join("lock"));
    let running = lock.is_ok_and(|l| matches!(l.try_lock(), Err(fs::TryLockError::WouldBlock)));
    let mode = meta.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        let text = format!("{shown} is open to others (mode {mode:o}): chmod 700");
        return (check(Verdict::Failed, text), running);
    }
    let own = fs::metadata("/proc/self").map_or(0, |m| m.uid());
    if own != 0 && meta.uid() != own {
        let text = format!("{shown} belongs to user {}, this is user {own}", meta.uid());
        return (check(Verdict::Failed, text), running);
    }
    let text = if running {
        "is in use by a running camera"
    } else {
        "is ready"
    };
    (check(Verdict::Ok, format!("{shown} {text}")), running)
}

/// Key and certificate of the state directory.
pub fn secrets(path: &Path) -> Vec<Check> {
    let mut out = Vec::new();
    for name in ["device.key", "device.tpm"] {
        let Ok(meta) = fs::metadata(path.join(name)) else {
            continue;
        };
        let mode = meta.permissions().mode() & 0o777;
        let verdict = if mode & 0o077 == 0 {
            Verdict::Ok
        } else {
            Verdict::Failed
        };
        out.push(Check::new(
            "key",
            verdict,
            format!("{name} has mode {mode:o}; 600 is right"),
        ));
    }
    if path.join("tls").is_dir() {
        let there = fs::read_dir(path.join("tls")).is_ok_and(|mut d| d.next().is_some());
        let (verdict, text) = if there {
            (Verdict::Ok, "the device has its certificate")
        } else {
            (
                Verdict::Warning,
                "no certificate yet; one is made at the next start",
            )
        };
        out.push(Check::new("certificate", verdict, text));
    }
    out
}

/// Free space where the state is, or will be.
pub fn disk(path: &Path) -> Check {
    let there = path
        .ancestors()
        .find(|p| p.exists())
        .unwrap_or(Path::new("."));
    let check = |verdict, text: String| Check::new("disk", verdict, text);
    match rustix::fs::statvfs(there) {
        Ok(fs) => {
            let free = fs.f_bavail * fs.f_frsize;
            let verdict = if free < ROOM / 8 {
                Verdict::Failed
            } else if free < ROOM {
                Verdict::Warning
            } else {
                Verdict::Ok
            };
            check(
                verdict,
                format!("{} MiB are free in {}", free >> 20, there.display()),
            )
        }
        Err(e) => check(Verdict::Failed, format!("{}: {e}", there.display())),
    }
}

/// Whether the clock can be right.
pub fn clock(now: UtcTime) -> Check {
    let verdict = if in_bounds(now) {
        Verdict::Ok
    } else {
        Verdict::Failed
    };
    Check::new("clock", verdict, format!("the clock reads {now}"))
}

/// Whether a TCP port can be listened on.
pub fn port(name: &str, listen: IpAddr, port: u16) -> Check {
    let id = format!("port-{name}");
    match TcpListener::bind((listen, port)) {
        Ok(_) => Check::new(&id, Verdict::Ok, format!("{name} port {port} is free")),
        Err(e) => {
            let hint = if e.kind() == ErrorKind::PermissionDenied {
                "; ports below 1024 need CAP_NET_BIND_SERVICE"
            } else {
                ""
            };
            Check::new(
                &id,
                Verdict::Failed,
                format!("{name} port {port}: {e}{hint}"),
            )
        }
    }
}

/// Whether discovery can be answered: its port is shared, so that another program on it does no harm.
pub fn discovery() -> Check {
    let socket =
        socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::DGRAM, None).and_then(|s| {
            s.set_reuse_address(true)?;
            let any = std::net::SocketAddr::from(([0, 0, 0, 0], 3702));
            s.bind(&any.into())?;
            Ok(UdpSocket::from(s))
        });
    match socket
        .and_then(|s| s.join_multicast_v4(&[239, 255, 255, 250].into(), &[0, 0, 0, 0].into()))
    {
        Ok(()) => Check::new(
            "discovery",
            Verdict::Ok,
            "UDP port 3702 and its multicast group can be used",
        ),
        Err(e) => Check::new(
            "discovery",
            Verdict::Warning,
            format!("UDP port 3702: {e}; recorders will not find the camera by themselves"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StateDir;

    #[test]
    fn state_directories_are_judged() {
        let tmp = tempfile::tempdir().unwrap();
        let at = |name: &str| tmp.path().join(name);
        let (check, running) = state_dir(&at("new"));
        assert!(check.verdict == Verdict::Ok && !running, "{check:?}");
        let held = StateDir::open(&at("used")).unwrap();
        let (check, running) = state_dir(&at("used"));
        assert!(check.verdict == Verdict::Ok && running, "{check:?}");
        drop(held);
        assert!(!state_dir(&at("used")).1);
        fs::set_permissions(at("used"), fs::Permissions::from_mode(0o755)).unwrap();
        let (check, _) = state_dir(&at("used"));
        assert!(
            check.verdict == Verdict::Failed && check.text.contains("755"),
            "{check:?}"
        );
        fs::write(at("file"), b"").unwrap();
        assert_eq!(state_dir(&at("file")).0.verdict, Verdict::Failed);
        fs::set_permissions(at("used"), fs::Permissions::from_mode(0o700)).unwrap();
        fs::write(at("used/device.key"), b"").unwrap();
        fs::set_permissions(at("used/device.key"), fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(secrets(&at("used"))[0].verdict, Verdict::Failed);
    }

    #[test]
    fn taken_ports_and_wrong_clocks_are_found() {
        let localhost: IpAddr = [127, 0, 0, 1].into();
        let taken = TcpListener::bind((localhost, 0)).unwrap();
        let number = taken.local_addr().unwrap().port();
        let check = port("web", localhost, number);
        assert!(check.verdict == Verdict::Failed && check.text.contains(&number.to_string()));
        assert_eq!(clock(UtcTime::EPOCH).verdict, Verdict::Failed);
        assert_eq!(disk(Path::new("/no/such/place")).id, "disk");
    }
}
