use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

use parking_lot::Mutex;
use platecam_model::{
    Error, Result, UtcTime,
    ports::{NamedZone, NtpPlan, NtpStatus, TimeControl},
    time::PosixTz,
};
use rustix::time::{ClockId, Timespec, clock_settime};

use super::{chrony, tzif};
use crate::{HostMode, state_dir::write_atomic};

/// Where the machine keeps what belongs to time; Debian's places by default.
#[derive(Clone, Debug)]
pub struct TimePaths {
    /// File of sources that belongs to this program; its directory is a `sourcedir` of chrony's.
    pub sources: PathBuf,
    /// chrony's command socket, when it is not where `chronyc` looks.
    pub socket: Option<PathBuf>,
    /// The zone of the machine.
    pub localtime: PathBuf,
    /// The tz database.
    pub zoneinfo: PathBuf,
    /// Starts and stops the daemon where this program may not speak to its command socket.
    pub systemctl: PathBuf,
}

impl Default for TimePaths {
    fn default() -> Self {
        Self {
            sources: "/etc/chrony/sources.d/platecam.sources".into(),
            socket: None,
            localtime: "/etc/localtime".into(),
            zoneinfo: "/usr/share/zoneinfo".into(),
            systemctl: "systemctl".into(),
        }
    }
}

/// The daemon's unit.
const CHRONY: &str = "chrony.service";

/// This machine: the kernel's clock, `/etc/localtime`, chrony.
#[derive(Debug)]
pub struct LinuxTime {
    mode: HostMode,
    paths: TimePaths,
    plan: Mutex<Option<NtpPlan>>,
    zones: OnceLock<Vec<NamedZone>>,
}

impl LinuxTime {
    /// Changes the machine only in [`HostMode::System`].
    pub fn new(mode: HostMode, paths: TimePaths) -> Self {
        Self {
            mode,
            paths,
            plan: Mutex::default(),
            zones: OnceLock::new(),
        }
    }

    /// Asks the daemon; the error is for people.
    fn chronyc(&self, words: &[&str]) -> Result<String, String> {
        let mut command = Command::new("chronyc");
        if let Some(socket) = &self.paths.socket {
            command.arg("-h").arg(socket);
        }
        let out = command
            .args(words)
            .stdin(Stdio::null())
            .output()
            .map_err(|e| format!("the NTP daemon chrony is not there (chronyc: {e})"))?;
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        if out.status.success() {
            return Ok(text);
        }
        let error = String::from_utf8_lossy(&out.stderr);
        let said = [text.trim(), error.trim()].join(" ");
        Err(format!(
            "the NTP daemon chrony does not answer ({})",
            said.trim()
        ))
    }

    fn sources(&self) -> Result<Vec<chrony::Source>, String> {
        let list = self.chronyc(&["-c", "-N", "sources"])?;
        Ok(chrony::sources(&list))
    }

    fn apply(&self, plan: Option<&NtpPlan>) -> Result<(), String> {
        let text = chrony::sources_file(plan);
        let at = |e: io::Error| format!("{}: {e}", self.paths.sources.display());
        write_atomic(&self.paths.sources, text.as_bytes(), 0o644).map_err(at)?;
        self.command_daemon(plan).or_else(|refused| {
            let verb = if plan.is_some() { "restart" } else { "stop" };
            self.by_systemd(verb, refused)
        })
    }

    /// Only root and the daemon's own user may command it (chrony 4.3); for everybody else systemd asks polkit.
    fn by_systemd(&self, verb: &str, refused: String) -> Result<(), String> {
        let systemctl = self.paths.systemctl.to_string_lossy();
        run(&systemctl, &[verb, CHRONY]).map_err(|e| format!("{refused}; {e}"))
    }

    fn command_daemon(&self, plan: Option<&NtpPlan>) -> Result<(), String> {
        self.chronyc(&["reload", "sources"])?;
        let Some(plan) = plan else {
            // Nobody sets the clock now, the machine's own pool included.
            return self.chronyc(&["offline"]).map(drop);
        };
        self.chronyc(&["online"])?;
        for stranger in chrony::strangers(&self.sources()?, Some(plan)) {
            // What cannot be switched off is shown by the status, which then names another source.
            let _ = self.chronyc(&["offline", stranger]);
        }
        Ok(())
    }
}

impl LinuxTime {
    fn link_zone(&self, file: &Path) -> io::Result<()> {
        let fresh = self.paths.localtime.with_extension("platecam");
        let _ = fs::remove_file(&fresh);
        std::os::unix::fs::symlink(file, &fresh)?;
        fs::rename(&fresh, &self.paths.localtime)
    }
}

/// Runs a command to its end; the error is for people.
fn run(command: &str, words: &[&str]) -> Result<(), String> {
    let out = Command::new(command)
        .args(words)
        .stdin(Stdio::null())
        .output()
        .map_err(|e| format!("{command}: {e}"))?;
    if out.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&out.stderr);
    Err(format!("{command} {}: {}", words.join(" "), said.trim()))
}

impl TimeControl for LinuxTime {
    fn changeable(&self) -> Result<()> {
        if self.mode == HostMode::System {
            return Ok(());
        }
        Err(Error::Unsupported(
            "clock, zone and NTP belong to this machine; start with --host system to let the camera set them".into(),
        ))
    }

    fn set_clock(&self, to: UtcTime) -> Result<()> {
        self.changeable()?;
        let micros = to.as_micros();
        let spec = Timespec {
            tv_sec: micros.div_euclid(1_000_000),
            tv_nsec: micros.rem_euclid(1_000_000) * 1000,
        };
        clock_settime(ClockId::Realtime, spec)
            .map_err(|e| Error::internal(format!("setting the clock to {to}: {e}")))?;
        // The hardware clock is to survive a reboot; a machine without one is no failure.
        let hwclock = Command::new("hwclock")
            .arg("--systohc")
            .stdin(Stdio::null())
            .output();
        if let Ok(out) = hwclock.as_ref()
            && out.status.success()
        {
            return Ok(());
        }
        tracing::info!(?hwclock, "the hardware clock was not set");
        Ok(())
    }

    fn set_zone(&self, name: &str, zone: &PosixTz) -> Result<()> {
        self.changeable()?;
        let at = |e: io::Error| {
            Error::internal(format!("time zone {}: {e}", self.paths.localtime.display()))
        };
        // A name of the database keeps history; otherwise the rule alone must do.
        let known = plain_name(name).then(|| self.paths.zoneinfo.join(name));
        let known = known.filter(|file| {
            fs::read(file).ok().and_then(|f| tzif::footer(&f)).as_ref() == Some(zone)
        });
        match known {
            Some(file) => self.link_zone(&file).or_else(|e| {
                // Without the right to write there, systemd-timedated asks polkit.
                run("timedatectl", &["set-timezone", name]).map_err(|_| at(e))
            }),
            None => write_atomic(&self.paths.localtime, &tzif::file(zone), 0o644).or_else(|e| {
                // systemd-timedated takes names only: one whose rule of today is the same.
                let named = self.zones().into_iter().find(|z| z.posix.same_rule(zone));
                let name = named.ok_or_else(|| at(e))?.name;
                run("timedatectl", &["set-timezone", &name]).map_err(Error::internal)
            }),
        }
    }

    fn set_ntp(&self, plan: Option<&NtpPlan>) -> Result<()> {
        self.changeable()?;
        *self.plan.lock() = plan.cloned();
        self.apply(plan).map_err(Error::internal)
    }

    fn step(&self) -> Result<()> {
        self.changeable()?;
        self.chronyc(&["makestep"])
            .map(drop)
            // A daemon that starts steps the clock with its first measurements (`makestep` of its configuration).
            .or_else(|refused| self.by_systemd("restart", refused))
            .map_err(Error::internal)
    }

    fn ntp_status(&self) -> NtpStatus {
        let plan = self.plan.lock().clone();
        let said = self
            .chronyc(&["-c", "tracking"])
            .and_then(|tracking| Ok((tracking, self.sources()?)));
        match said {
            // Who does not manage the daemon takes it as it is.
            Ok((tracking, sources)) if self.mode != HostMode::System => {
                let names = sources.iter().map(|s| s.name.clone()).collect();
                let all = NtpPlan {
                    servers: names,
                    port: 123,
                    update_minutes: 1,
                };
                chrony::status(&tracking, &sources, Some(&all))
            }
            Ok((tracking, sources)) => chrony::status(&tracking, &sources, plan.as_ref()),
            Err(error) => NtpStatus {
                error: Some(error),
                ..NtpStatus::default()
            },
        }
    }

    fn zones(&self) -> Vec<NamedZone> {
        self.zones
            .get_or_init(|| zones(&self.paths.zoneinfo))
            .clone()
    }

    fn host_zone(&self) -> PosixTz {
        let file = fs::read(&self.paths.localtime).ok();
        file.and_then(|f| tzif::footer(&f))
            .unwrap_or_else(PosixTz::utc)
    }
}

/// A name that stays within the tz database.
fn plain_name(name: &str) -> bool {
    let part = |p: &str| {
        !p.is_empty()
            && p.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"_+-".contains(&b))
    };
    name.split('/').all(part)
}

/// Names of `zone1970.tab` and UTC with the rules of their files. Without a database: whole hours.
fn zones(zoneinfo: &Path) -> Vec<NamedZone> {
    let table = fs::read_to_string(zoneinfo.join("zone1970.tab")).unwrap_or_default();
    let names = table
        .lines()
        .filter(|l| !l.starts_with('#'))
        .filter_map(|l| l.split('\t').nth(2))
        .filter(|name| plain_name(name));
    let zone = |name: &str| {
        let posix = tzif::footer(&fs::read(zoneinfo.join(name)).ok()?)?;
        Some(NamedZone::new(name, posix))
    };
    let mut all: Vec<_> = names.filter_map(zone).collect();
    if all.is_empty() {
        all.extend((-12..=14).filter(|h| *h != 0).map(hours));
    }
    all.push(NamedZone::new("UTC", PosixTz::utc()));
    all.sort_by(|a, b| (a.offset_minutes, &a.name).cmp(&(b.offset_minutes, &b.name)));
    all
}

fn hours(h: i32) -> NamedZone {
    let sign = if h < 0 { '-' } else { '+' };
    let posix = PosixTz::fixed(format!("{sign}{:02}", h.abs()), h * 3600);
    NamedZone::new(format!("UTC{sign}{}", h.abs()), posix)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(dir: &Path, mode: HostMode) -> LinuxTime {
        let paths = TimePaths {
            sources: dir.join("platecam.sources"),
            socket: Some(dir.join("nobody.sock")),
            localtime: dir.join("localtime"),
            zoneinfo: "/usr/share/zoneinfo".into(),
            systemctl: dir.join("systemctl"),
        };
        LinuxTime::new(mode, paths)
    }

    /// The machine's tz database gives the list (SYS-8); package tzdata is needed.
    #[test]
    fn zones_come_from_the_machine() {
        let all = zones(Path::new("/usr/share/zoneinfo"));
        assert!(all.len() > 200, "{}", all.len());
        let new_york = all.iter().find(|z| z.name == "America/New_York").unwrap();
        assert_eq!(new_york.label, "(UTC-05:00) America/New_York");
        assert_eq!(new_york.posix.to_string(), "EST5EDT,M3.2.0,M11.1.0");
        assert!(new_york.dst_start.is_some() && all.iter().any(|z| z.name == "UTC"));
        assert!(all.is_sorted_by_key(|z| z.offset_minutes));
        let none = zones(Path::new("/nonexistent"));
        assert_eq!(
            (none.len(), none[0].posix.to_string().as_str()),
            (27, "<-12>12")
        );
    }

    #[test]
    fn the_zone_is_a_link_where_the_database_has_it_and_a_file_otherwise() {
        let dir = tempfile::tempdir().unwrap();
        let t = at(dir.path(), HostMode::System);
        let localtime = dir.path().join("localtime");
        let eastern: PosixTz = "EST5EDT,M3.2.0,M11.1.0".parse().unwrap();
        t.set_zone("America/New_York", &eastern).unwrap();
        assert!(
            fs::read_link(&localtime)
                .unwrap()
                .ends_with("America/New_York")
        );
        assert_eq!(t.host_zone(), eastern);
        let own: PosixTz = "EST5EDT,M4.1.0,M10.1.0".parse().unwrap();
        for name in ["America/New_York", "", "../../etc/passwd", "Nowhere/At_All"] {
            t.set_zone(name, &own).unwrap();
            assert!(fs::read_link(&localtime).is_err());
            assert_eq!(t.host_zone(), own);
        }
        assert!(Path::new("/usr/share/zoneinfo/America/New_York").exists());
    }

    /// The packaged unit has no root: chrony takes no commands of it, systemd does.
    #[test]
    fn without_the_right_to_command_it_the_daemon_is_restarted() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let t = at(dir.path(), HostMode::System);
        let plan = NtpPlan {
            servers: vec!["ntp.example".into()],
            port: 123,
            update_minutes: 60,
        };
        let Err(Error::Internal { detail }) = t.set_ntp(Some(&plan)) else {
            panic!("neither chrony nor systemd is there")
        };
        assert!(
            detail.contains("chrony") && detail.contains("systemctl"),
            "{detail}"
        );
        let said = dir.path().join("said");
        let script = format!("#!/bin/sh\necho \"$@\" >> {}\n", said.display());
        fs::write(dir.path().join("systemctl"), script).unwrap();
        let executable = fs::Permissions::from_mode(0o755);
        fs::set_permissions(dir.path().join("systemctl"), executable).unwrap();
        t.set_ntp(Some(&plan)).unwrap();
        let sources = fs::read_to_string(dir.path().join("platecam.sources")).unwrap();
        assert!(sources.contains("server ntp.example port 123"), "{sources}");
        t.set_ntp(None).unwrap();
        let said = fs::read_to_string(said).unwrap();
        assert_eq!(said, "restart chrony.service\nstop chrony.service\n");
    }

    /// A machine that is somebody's is read, never changed.
    #[test]
    fn observing_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let t = at(dir.path(), HostMode::Observe);
        let now = UtcTime::from_millis(1_795_000_000_000);
        for refused in [
            t.changeable(),
            t.set_clock(now),
            t.set_zone("UTC", &PosixTz::utc()),
            t.set_ntp(None),
            t.step(),
        ] {
            let Err(Error::Unsupported(why)) = refused else {
                panic!("{refused:?}")
            };
            assert!(why.contains("--host system"), "{why}");
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        let status = t.ntp_status();
        assert!(!status.running && status.error.unwrap().contains("chrony"));
    }
}
