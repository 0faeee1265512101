use std::{fmt, sync::Arc};

use lpr_core::UtcTime;
use parking_lot::Mutex;

use crate::{
    Error, Result, SettableClock,
    ports::{NamedZone, NtpPlan, NtpStatus, TimeControl},
    time::PosixTz,
};

/// Sets the clock of this process only; its NTP server always answers and is never off.
pub struct SimulatedTime {
    clock: Arc<dyn SettableClock>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    zone: Option<PosixTz>,
    plan: Option<(NtpPlan, UtcTime)>,
    pretended: Option<NtpStatus>,
    fixed: bool,
}

impl SimulatedTime {
    /// Sets `clock`.
    pub fn new(clock: Arc<dyn SettableClock>) -> Self {
        Self {
            clock,
            state: Mutex::default(),
        }
    }

    /// Makes the daemon say `status`; `None` ends that.
    pub fn pretend(&self, status: Option<NtpStatus>) {
        self.state.lock().pretended = status;
    }

    /// Makes every change answer that this program may not, or allows it again.
    pub fn fix(&self, fixed: bool) {
        self.state.lock().fixed = fixed;
    }

    /// The servers given last.
    pub fn plan(&self) -> Option<NtpPlan> {
        self.state
            .lock()
            .plan
            .as_ref()
            .map(|(plan, _)| plan.clone())
    }
}

impl fmt::Debug for SimulatedTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimulatedTime")
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

impl TimeControl for SimulatedTime {
    fn changeable(&self) -> Result<()> {
        if self.state.lock().fixed {
            Err(Error::Unsupported(
                "the clock belongs to the machine".into(),
            ))
        } else {
            Ok(())
        }
    }

    fn set_clock(&self, to: UtcTime) -> Result<()> {
        self.changeable()?;
        self.clock.set(to);
        Ok(())
    }

    fn set_zone(&self, _name: &str, zone: &PosixTz) -> Result<()> {
        self.changeable()?;
        self.state.lock().zone = Some(zone.clone());
        Ok(())
    }

    fn set_ntp(&self, plan: Option<&NtpPlan>) -> Result<()> {
        self.changeable()?;
        let now = self.clock.now();
        self.state.lock().plan = plan.map(|p| (p.clone(), now));
        Ok(())
    }

    fn step(&self) -> Result<()> {
        self.changeable()
    }

    fn ntp_status(&self) -> NtpStatus {
        let state = self.state.lock();
        if let Some(status) = &state.pretended {
            return status.clone();
        }
        match &state.plan {
            Some((plan, since)) => NtpStatus {
                running: true,
                synchronised: true,
                source: plan.servers.first().cloned(),
                stratum: Some(2),
                last_sync: Some(*since),
                offset_ms: Some(0.0),
                remaining_ms: Some(0.0),
                error: None,
            },
            None => NtpStatus {
                running: true,
                ..NtpStatus::default()
            },
        }
    }

    fn zones(&self) -> Vec<NamedZone> {
        let zone = |name, posix: &str| posix.parse().ok().map(|p| NamedZone::new(name, p));
        [
            zone("America/New_York", "EST5EDT,M3.2.0,M11.1.0"),
            zone("UTC", "UTC0"),
            zone("Europe/Berlin", "CET-1CEST,M3.5.0,M10.5.0/3"),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    fn host_zone(&self) -> PosixTz {
        self.state.lock().zone.clone().unwrap_or_else(PosixTz::utc)
    }
}
