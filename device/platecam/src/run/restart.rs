//! Restart: what is waited for, and how the process begins anew.

use std::{
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Duration,
};

use platecam_host::HostPower;
use platecam_model::{
    Actor, Device, EventKind, LogKind, RestartScope, Subscription,
    log::{NewLogEntry, Severity},
    ports::{LastRun, Power, Reach},
    upkeep::RestartPlan,
};
use tokio::sync::broadcast::error::RecvError;

use crate::{Failure, cli::exit};

/// Ports of the run before, `http,https,rtsp`: a port 0 on the command line takes the same again.
const KEEP_PORTS: &str = "PLATECAM_KEEP_PORTS";

/// Why `serve` ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Ctrl-C or SIGTERM.
    Stopped,
    /// A restart was wanted.
    Restart(RestartScope),
}

/// Ready when a restart is wanted.
pub(crate) async fn wanted(mut bus: Subscription) -> RestartScope {
    loop {
        match bus.recv().await.map(|e| e.kind.clone()) {
            Ok(EventKind::RestartWanted { reason, scope }) => {
                tracing::info!(reason, ?scope, "restart");
                return scope;
            }
            Ok(_) => {}
            // The event may have been among the lost ones: the bus holds a thousand, all newer ones are looked at.
            Err(RecvError::Lagged(n)) => tracing::warn!(n, "events were missed"),
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

/// Serves Auto Restart until it is dropped.
pub(crate) async fn schedule(device: Device) {
    let mut plan = RestartPlan::new(device.upkeep.power.last_scheduled());
    let mut tick = tokio::time::interval(Duration::from_secs(1));
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let (device, mut mine) = (device.clone(), plan.clone());
        let served = tokio::task::spawn_blocking(move || {
            let result = device.serve_schedule(&mut mine);
            (mine, result)
        });
        let Ok((mine, result)) = served.await else {
            return;
        };
        plan = mine;
        if let Err(e) = result {
            tracing::error!(error = ?e, "a scheduled restart was left out");
        }
    }
}

/// Counts what happens, for metrics.
pub(crate) async fn count(device: Device) {
    let mut bus = device.bus.subscribe();
    let counters = &device.upkeep.counters;
    loop {
        match bus.recv().await {
            Ok(event) => counters.count(&event),
            Err(RecvError::Lagged(n)) => counters.lost(n),
            Err(RecvError::Closed) => return,
        }
    }
}

/// Warns in the log once a day while the certificate of HTTPS is about to end (HTTPS-9).
pub(crate) async fn watch_certificate(device: Device) {
    let mut tick = tokio::time::interval(Duration::from_secs(24 * 3600));
    loop {
        tick.tick().await;
        let asked = device.clone();
        let ending = tokio::task::spawn_blocking(move || asked.ending_certificate()).await;
        if let Ok(Ok(Some(c))) = ending {
            let text = format!(
                "The certificate {} '{}' of HTTPS ends at {}: install a new one.",
                c.id,
                c.alias,
                c.not_after.map(|t| t.to_string()).unwrap_or_default()
            );
            let (now, by) = (device.clock.now(), Actor::system());
            let entry = NewLogEntry::new(now, LogKind::System, Severity::Warning, &by, text);
            device.bus.publish(now, EventKind::Log(entry));
        }
    }
}

/// Asks the upgrade server a minute after the start, then once a day, where that is switched on (SYS-27).
pub(crate) async fn check_upgrades(device: Device) {
    const FIRST: Duration = Duration::from_secs(60);
    const EVERY: Duration = Duration::from_secs(24 * 3600);
    let mut wait = FIRST;
    loop {
        tokio::time::sleep(wait).await;
        wait = EVERY;
        let device = device.clone();
        let asked = tokio::task::spawn_blocking(move || device.upgrade_auto_check()).await;
        if let Ok(Err(e)) = asked {
            tracing::warn!(error = %e, "the upgrade server was not asked");
        }
    }
}

/// Tells the log how the last run ended (SYS-18, HW-7).
pub(crate) fn tell_start(device: &Device) {
    let version = &device.identity.firmware;
    let why = match device.upkeep.power.last_run() {
        LastRun::None => "first start".to_owned(),
        LastRun::Wanted(note) => format!("restarted: {} ({}, {})", note.reason, note.by, note.at),
        LastRun::Stopped => "stopped and started from outside".to_owned(),
        LastRun::Lost => "the last run did not end in order: power cut, crash or kill".to_owned(),
    };
    device.audit(
        LogKind::System,
        &Actor::system(),
        format!("Version {version} started: {why}."),
    );
}

/// The ports of a run, for the next one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ports {
    pub(crate) http: u16,
    pub(crate) https: u16,
    pub(crate) rtsp: u16,
}

impl Ports {
    /// Those of the run before this one.
    pub(crate) fn kept() -> Option<Self> {
        Self::parse(&std::env::var(KEEP_PORTS).ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut ports = text.split(',').map(|p| p.parse::<u16>().ok());
        let mut next = || ports.next().flatten();
        Some(Self {
            http: next()?,
            https: next()?,
            rtsp: next()?,
        })
    }
}

/// Boots the machine, or begins this program anew. Returns only when that fails.
pub(crate) fn restart(scope: RestartScope, power: &Arc<HostPower>, ports: Ports) -> Failure {
    if scope == RestartScope::Machine && power.reach() == Reach::Machine {
        match power.reboot_machine() {
            Ok(()) => return Failure::done(),
            Err(e) => {
                tracing::error!(error = %e, "the machine does not boot; Platecam starts anew")
            }
        }
    }
    let (program, arguments) = crate::launch::launcher().map_or_else(
        || (own_program(), std::env::args_os().skip(1).collect()),
        |(program, arguments)| {
            (
                program,
                arguments.into_iter().map(Into::into).collect::<Vec<_>>(),
            )
        },
    );
    let Ports { http, https, rtsp } = ports;
    let e = Command::new(&program)
        .args(arguments)
        .env(KEEP_PORTS, format!("{http},{https},{rtsp}"))
        .exec();
    Failure::new(
        exit::FAILED,
        format!("cannot start {} anew: {e}", program.display()),
    )
}

/// This program's file; where it was replaced meanwhile, the new one.
fn own_program() -> PathBuf {
    let path = std::env::current_exe().unwrap_or_else(|_| "platecam".into());
    let text = path.to_string_lossy();
    match text.strip_suffix(" (deleted)") {
        Some(replaced) if Path::new(replaced).exists() => replaced.into(),
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_kept_as_three_numbers() {
        let all = Ports {
            http: 8080,
            https: 8443,
            rtsp: 8554,
        };
        assert_eq!(Ports::parse("8080,8443,8554"), Some(all));
        for bad in ["", "1,2", "1,2,x", "70000,1,2"] {
            assert_eq!(Ports::parse(bad), None, "{bad}");
        }
    }
}
