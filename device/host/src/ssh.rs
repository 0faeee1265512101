//! The machine's SSH server behind [`platecam_model::ports::SshControl`]: systemd is asked (SYS-30).

use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
};

use platecam_model::{
    Error, Result,
    ports::{SshControl, SshState},
};

use crate::{HostMode, state_dir::write_atomic};

/// Units that are an SSH server: Debian's and Fedora's names, each with its socket, which starts the server when
/// somebody connects.
const UNITS: [&str; 4] = ["ssh.socket", "ssh.service", "sshd.socket", "sshd.service"];

/// This machine's SSH server.
#[derive(Debug)]
pub struct LinuxSsh {
    mode: HostMode,
    systemctl: PathBuf,
    /// Exists while the server runs because this camera started it; outlives Default.
    mark: PathBuf,
}

/// A unit as `systemctl show` tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Unit {
    id: String,
    running: bool,
    enabled: bool,
}

impl LinuxSsh {
    /// Changes the machine only in [`HostMode::System`]; `mark` is a file of this program's own.
    pub fn new(mode: HostMode, mark: PathBuf) -> Self {
        Self::with(mode, mark, "systemctl".into())
    }

    fn with(mode: HostMode, mark: PathBuf, systemctl: PathBuf) -> Self {
        Self {
            mode,
            systemctl,
            mark,
        }
    }

    fn systemctl(&self, words: &[&str]) -> Result<String, String> {
        let name = self.systemctl.display();
        let out = Command::new(&self.systemctl)
            .args(words)
            .stdin(Stdio::null())
            .output()
            .map_err(|e| format!("{name}: {e}"))?;
        if out.status.success() {
            return Ok(String::from_utf8_lossy(&out.stdout).into_owned());
        }
        let said = String::from_utf8_lossy(&out.stderr);
        Err(format!("{name} {}: {}", words.join(" "), said.trim()))
    }

    /// The units that this machine has.
    fn units(&self) -> Result<Vec<Unit>, String> {
        let mut words = vec!["show", "--property=Id,LoadState,ActiveState,UnitFileState"];
        words.extend(UNITS);
        self.systemctl(&words).map(|text| units(&text))
    }

    fn switch(&self, on: bool) -> Result<(), String> {
        let all = self.units()?;
        let wrong: Vec<_> = all
            .iter()
            .filter(|u| u.running != on || u.enabled != on)
            .collect();
        // One unit is enough to run; none may be left when it is to stop.
        let target = server(&all).map(|u| u.id.clone());
        for unit in wrong {
            let concerned = !on || Some(&unit.id) == target.as_ref();
            if !concerned {
                continue;
            }
            let (keep, now) = if on {
                ("enable", "start")
            } else {
                ("disable", "stop")
            };
            if unit.enabled != on
                && let Err(why) = self.systemctl(&[keep, &unit.id])
            {
                // Without root systemd does not let us choose what a boot starts: then each start of the camera does.
                tracing::info!(why, "the boot's own choice of the SSH server stays");
            }
            if unit.running != on {
                self.systemctl(&[now, &unit.id])?;
            }
        }
        let state = self.state();
        if state.running == on {
            return Ok(());
        }
        let word = if on { "run" } else { "stop" };
        Err(format!("the SSH server does not {word}"))
    }
}

/// The unit that is started: one that runs or is enabled, else the service.
fn server(all: &[Unit]) -> Option<&Unit> {
    let service = || all.iter().find(|u| u.id.ends_with(".service"));
    all.iter()
        .find(|u| u.running)
        .or_else(|| all.iter().find(|u| u.enabled))
        .or_else(service)
}

/// Reads `systemctl show`: a block of lines for each unit; names that are other names of one unit come once.
fn units(text: &str) -> Vec<Unit> {
    let mut all: Vec<Unit> = Vec::new();
    for block in text.split("\n\n") {
        let value = |key: &str| {
            block
                .lines()
                .find_map(|l| l.strip_prefix(key)?.strip_prefix('='))
                .unwrap_or_default()
        };
        let id = value("Id");
        if value("LoadState") == "loaded" && all.iter().all(|u| u.id != id) {
            all.push(Unit {
                id: id.to_owned(),
                running: matches!(value("ActiveState"), "active" | "reloading" | "activating"),
                enabled: matches!(value("UnitFileState"), "enabled" | "enabled-runtime"),
            });
        }
    }
    all
}

impl SshControl for LinuxSsh {
    fn changeable(&self) -> Result<()> {
        if self.mode != HostMode::System {
            let why =
                "SSH belongs to this machine; start with --host system to let the camera switch it";
            return Err(Error::Unsupported(why.into()));
        }
        match self.units() {
            Ok(all) if all.is_empty() => {
                Err(Error::Unsupported("this machine has no SSH server".into()))
            }
            Ok(_) => Ok(()),
            Err(why) => Err(Error::Unsupported(format!("SSH cannot be switched: {why}"))),
        }
    }

    fn state(&self) -> SshState {
        match self.units() {
            Ok(all) => SshState {
                unit: server(&all).map(|u| u.id.clone()),
                running: all.iter().any(|u| u.running),
                enabled: all.iter().any(|u| u.enabled),
                error: None,
            },
            Err(why) => SshState {
                error: Some(why),
                ..SshState::default()
            },
        }
    }

    fn set(&self, on: bool) -> Result<()> {
        self.changeable()?;
        let ran = self.state().running;
        if on && !ran {
            // First, so that it is closed again whatever happens in between.
            write_atomic(&self.mark, b"", 0o600)
                .map_err(|e| Error::internal(format!("{}: {e}", self.mark.display())))?;
        }
        self.switch(on).map_err(Error::internal)?;
        if !on {
            let _ = fs::remove_file(&self.mark);
        }
        Ok(())
    }

    fn release(&self) -> Result<bool> {
        if self.mode != HostMode::System || !self.mark.exists() {
            return Ok(false);
        }
        self.set(false)?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use std::{os::unix::fs::PermissionsExt, path::Path};

    use super::*;

    /// A systemd with the units named: what it is told to do ends up in the files of `dir`.
    const SYSTEMD: &str = r#"#!/bin/sh
cd "$(dirname "$0")"
verb=$1; shift
case "$verb" in
show)
  shift
  for unit in "$@"; do
    id=$unit; load=not-found; active=inactive; file=disabled
    [ -e "alias-$unit" ] && id=$(cat "alias-$unit")
    [ -e "unit-$id" ] && load=loaded
    [ -e "active-$id" ] && active=active
    [ -e "enabled-$id" ] && file=enabled
    printf 'Id=%s\nLoadState=%s\nActiveState=%s\nUnitFileState=%s\n\n' "$id" $load $active $file
  done ;;
start) touch "active-$1" ;;
stop) rm -f "active-$1" ;;
enable|disable)
  [ -e no-unit-files ] && { echo "Interactive authentication required." >&2; exit 1; }
  [ "$verb" = enable ] && touch "enabled-$1" || rm -f "enabled-$1" ;;
esac
echo "$verb $1" >> said
"#;

    fn machine(dir: &Path, files: &[&str]) -> LinuxSsh {
        let systemctl = dir.join("systemctl");
        fs::write(&systemctl, SYSTEMD).unwrap();
        fs::set_permissions(&systemctl, fs::Permissions::from_mode(0o755)).unwrap();
        for file in files {
            fs::write(dir.join(file), "").unwrap();
        }
        LinuxSsh::with(HostMode::System, dir.join("mark"), systemctl)
    }

    fn is(ssh: &LinuxSsh, running: bool, enabled: bool) {
        let state = ssh.state();
        assert_eq!(
            (state.running, state.enabled),
            (running, enabled),
            "{state:?}"
        );
    }

    /// SYS-30.
    #[test]
    fn the_server_is_started_and_stopped_for_good() {
        let dir = tempfile::tempdir().unwrap();
        let ssh = machine(dir.path(), &["unit-ssh.service"]);
        is(&ssh, false, false);
        assert_eq!(ssh.state().unit.as_deref(), Some("ssh.service"));
        ssh.set(true).unwrap();
        is(&ssh, true, true);
        ssh.set(true).unwrap();
        ssh.set(false).unwrap();
        is(&ssh, false, false);
        let said = fs::read_to_string(dir.path().join("said")).unwrap();
        let did: Vec<_> = said.lines().filter(|l| !l.starts_with("show")).collect();
        let unit = "ssh.service";
        assert_eq!(
            did,
            ["enable", "start", "disable", "stop"].map(|v| format!("{v} {unit}"))
        );
    }

    /// A server that waits behind a socket is stopped with its socket, or the next connection would start it.
    #[test]
    fn sockets_are_stopped_too_and_aliases_are_one_unit() {
        let dir = tempfile::tempdir().unwrap();
        let files = [
            "unit-ssh.service",
            "unit-ssh.socket",
            "active-ssh.socket",
            "enabled-ssh.socket",
            "active-ssh.service",
        ];
        let ssh = machine(dir.path(), &files);
        fs::write(dir.path().join("alias-sshd.service"), "ssh.service").unwrap();
        is(&ssh, true, true);
        ssh.set(false).unwrap();
        is(&ssh, false, false);
        let said = fs::read_to_string(dir.path().join("said")).unwrap();
        assert_eq!(said.matches("stop ssh.service").count(), 1);
        assert!(said.contains("stop ssh.socket") && said.contains("disable ssh.socket"));
    }

    /// The packaged unit has no root: systemd lets it start and stop, not choose what a boot starts.
    #[test]
    fn without_the_right_to_choose_the_boot_it_is_switched_now() {
        let dir = tempfile::tempdir().unwrap();
        let ssh = machine(
            dir.path(),
            &[
                "unit-ssh.service",
                "no-unit-files",
                "active-ssh.service",
                "enabled-ssh.service",
            ],
        );
        ssh.set(false).unwrap();
        is(&ssh, false, true);
    }

    /// What the camera opened is closed when nobody wants it any more; the installer's own server stays.
    #[test]
    fn only_what_the_camera_opened_is_released() {
        let dir = tempfile::tempdir().unwrap();
        let ssh = machine(dir.path(), &["unit-ssh.service"]);
        ssh.set(true).unwrap();
        // Another run, after Default.
        let ssh = LinuxSsh::new(HostMode::Observe, dir.path().join("mark"));
        assert!(!ssh.release().unwrap(), "an observer changes nothing");
        let ssh = machine(dir.path(), &[]);
        assert!(ssh.release().unwrap());
        is(&ssh, false, false);
        assert!(!ssh.release().unwrap());
        fs::write(dir.path().join("active-ssh.service"), "").unwrap();
        ssh.set(true).unwrap();
        assert!(!ssh.release().unwrap(), "it ran before");
        is(&ssh, true, true);
    }

    #[test]
    fn who_may_not_is_told_why() {
        let dir = tempfile::tempdir().unwrap();
        let none = machine(dir.path(), &[]);
        let said = |e: Result<()>| e.unwrap_err().to_string();
        assert!(said(none.set(true)).contains("no SSH server"));
        assert_eq!(none.state(), SshState::default());
        let observer = LinuxSsh::with(HostMode::Observe, dir.path().join("mark"), "/none".into());
        assert!(said(observer.set(true)).contains("--host system"));
        let without = LinuxSsh::with(HostMode::System, dir.path().join("mark"), "/none".into());
        assert!(said(without.set(true)).contains("/none"));
        assert!(without.state().error.is_some());
        assert!(!dir.path().join("mark").exists());
    }
}
