//! `platecam launch`: picks the slot to start and becomes it. Small on purpose: it is the part that no upgrade replaces.

use std::{
    ffi::OsString,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::Command,
};

use clap::Parser;
use lpr_core::UtcTime;
use platecam_host::{
    StateDir,
    upgrade::{Choice, HostUpgrades, Slots, TrustedKeys, Wanted},
};
use platecam_model::{Clock, SystemClock, ports::FirmwareVersion};

use crate::{
    Failure,
    cli::{Cli, LaunchArgs, exit},
};

/// Where the ONNX Runtime is.
const ORT: &str = "ORT_DYLIB_PATH";

/// What the launcher tells the program that it starts.
mod env {
    /// Its own file, for a restart.
    pub(super) const LAUNCHER: &str = "PLATECAM_LAUNCHER";
    /// Its own arguments, JSON.
    pub(super) const ARGUMENTS: &str = "PLATECAM_LAUNCHER_ARGUMENTS";
    /// `ORT_DYLIB_PATH` as it was before the first start: a slot's own must not outlive it.
    pub(super) const RUNTIME: &str = "PLATECAM_LAUNCHER_ORT";
    pub(super) const SLOTS: &str = "PLATECAM_SLOTS";
    pub(super) const SLOT: &str = "PLATECAM_SLOT";
    pub(super) const VERSION: &str = "PLATECAM_SLOT_VERSION";
    pub(super) const BASE_VERSION: &str = "PLATECAM_BASE_VERSION";
    /// Seconds in which the version has to prove itself; only on trial.
    pub(super) const TRIAL: &str = "PLATECAM_TRIAL_SECONDS";
}

/// This program's own version.
pub(crate) fn own_version() -> FirmwareVersion {
    // A test holds that it is three numbers.
    env!("CARGO_PKG_VERSION").parse().unwrap_or_default()
}

/// Starts the chosen version; returns only when nothing could be started.
pub(crate) fn launch(args: &LaunchArgs) -> Failure {
    match prepare(args) {
        Ok(mut command) => {
            let e = command.exec();
            Failure::new(exit::FAILED, format!("cannot start {command:?}: {e}"))
        }
        Err(failure) => failure,
    }
}

fn prepare(args: &LaunchArgs) -> Result<Command, Failure> {
    let state = state_dir(&args.run)?;
    let own = std::env::current_exe().map_err(|e| Failure::new(exit::FAILED, e))?;
    let dir = args.slots.clone().unwrap_or_else(|| state.join("slots"));
    let choice = choose(&dir, &state);
    let program = choice.as_ref().and_then(|(_, c)| c.program.clone());
    let mut command = Command::new(program.unwrap_or_else(|| own.clone()));
    command.arg("run").args(&args.run);
    let arguments: Vec<String> = std::env::args_os()
        .skip(1)
        .map(|a| a.to_string_lossy().into_owned())
        .collect();
    command.env(env::LAUNCHER, own).env(
        env::ARGUMENTS,
        serde_json::to_string(&arguments).unwrap_or_default(),
    );
    runtime(&mut command);
    for name in [
        env::SLOTS,
        env::SLOT,
        env::VERSION,
        env::BASE_VERSION,
        env::TRIAL,
    ] {
        command.env_remove(name);
    }
    let Some((slots, choice)) = choice else {
        return Ok(command);
    };
    command
        .env(env::SLOTS, slots.dir())
        .env(env::SLOT, &choice.slot)
        .env(env::BASE_VERSION, own_version().to_string());
    if let Some(version) = choice.version {
        command.env(env::VERSION, version.to_string());
    }
    if let Some(library) = choice.onnxruntime {
        command.env(ORT, library);
    }
    if choice.trial {
        command.env(env::TRIAL, args.trial_seconds.to_string());
    }
    tracing::info!(slot = choice.slot, trial = choice.trial, "launch");
    Ok(command)
}

/// Gives the program the ONNX Runtime that this machine is set up with.
fn runtime(command: &mut Command) {
    let before = std::env::var_os(env::RUNTIME)
        .or_else(|| std::env::var_os(ORT))
        .unwrap_or_default();
    command.env(env::RUNTIME, &before);
    if before.is_empty() {
        command.env_remove(ORT);
    } else {
        command.env(ORT, before);
    }
}

/// Without usable slots the base version runs: a full or broken disk must not keep the camera down.
fn choose(dir: &Path, state: &Path) -> Option<(Slots, Choice)> {
    // The copy of the state is made while nobody uses it.
    let locked = StateDir::open(state);
    let now = UtcTime::from_micros(SystemClock::default().now().as_micros());
    let chosen = Slots::open(dir).and_then(|slots| {
        let choice = slots.choose(own_version(), state, now)?;
        Ok((slots, choice))
    });
    drop(locked);
    chosen
        .inspect_err(|e| tracing::error!(dir = %dir.display(), error = %e, "the slots cannot be used: the base version starts"))
        .ok()
}

/// `--state-dir` of the arguments of `run`, which are checked here too.
fn state_dir(run: &[OsString]) -> Result<PathBuf, Failure> {
    let line = ["platecam", "run"]
        .map(OsString::from)
        .into_iter()
        .chain(run.iter().cloned());
    match Cli::try_parse_from(line).map(|cli| cli.command) {
        Ok(crate::cli::Command::Run(args)) => Ok(args.state_dir),
        Ok(_) => Err(Failure::new(exit::USAGE, "launch starts `run` only")),
        Err(e) => Err(Failure::new(exit::USAGE, e)),
    }
}

/// How this process was started.
#[derive(Clone, Debug)]
pub(crate) struct Launched {
    /// The version that runs: the slot's, or this program's own.
    pub(crate) version: FirmwareVersion,
    /// Seconds to prove itself.
    pub(crate) trial_seconds: Option<u64>,
    base: FirmwareVersion,
    slot: Option<(PathBuf, String)>,
}

impl Launched {
    pub(crate) fn from_environment() -> Self {
        let text = |name: &str| std::env::var(name).ok();
        let slot = text(env::SLOTS)
            .zip(text(env::SLOT))
            .map(|(d, s)| (d.into(), s));
        let version = |name: &str| text(name).and_then(|v| v.parse().ok());
        Self {
            version: version(env::VERSION).unwrap_or_else(own_version),
            base: version(env::BASE_VERSION).unwrap_or_else(own_version),
            trial_seconds: text(env::TRIAL).and_then(|s| s.parse().ok()),
            slot,
        }
    }

    /// Upgrades for the device of `model`; `keys` is the trust file.
    ///
    /// # Errors
    /// [`Failure`] for a trust file that cannot be read.
    pub(crate) fn upgrades(
        &self,
        model: &str,
        keys: &Path,
        now: UtcTime,
    ) -> Result<HostUpgrades, Failure> {
        let keys = TrustedKeys::load(keys)?;
        let slots = self.slot.as_ref().and_then(|(dir, slot)| {
            let slots = Slots::open(dir)
                .inspect_err(
                    |e| tracing::error!(error = %e, "no upgrades: the slots cannot be used"),
                )
                .ok()?;
            Some((slots, slot.clone()))
        });
        let wanted = Wanted {
            model: model.into(),
            arch: std::env::consts::ARCH.into(),
            current: self.version,
        };
        let until = self
            .trial_seconds
            .map(|s| now + std::time::Duration::from_secs(s));
        Ok(HostUpgrades::new(wanted, keys, slots, self.base, until))
    }
}

/// The launcher and its arguments, where there is one.
pub(crate) fn launcher() -> Option<(PathBuf, Vec<String>)> {
    let arguments = std::env::var(env::ARGUMENTS).ok()?;
    let program = std::env::var_os(env::LAUNCHER)?;
    Some((program.into(), serde_json::from_str(&arguments).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_the_workspace_is_three_numbers() {
        assert_eq!(own_version().to_string(), env!("CARGO_PKG_VERSION"));
    }

    #[test]
    fn wrong_arguments_of_run_are_found_before_anything_starts() {
        let run = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();
        assert_eq!(
            state_dir(&run("--state-dir /x --source test:")).unwrap(),
            Path::new("/x")
        );
        assert_eq!(
            state_dir(&run("--max-sessions 0")).unwrap_err().code,
            exit::USAGE
        );
    }
}
