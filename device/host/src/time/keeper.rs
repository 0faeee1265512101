use std::{future::Future, net::IpAddr, time::Duration};

use platecam_model::{
    Actor, Device, Error, EventKind, LogKind, Result,
    log::{NewLogEntry, Severity},
    ports::NtpPlan,
    settings::{Settings, TimeSettings},
    time::{JumpDetector, NtpNews, NtpWatch, PosixTz},
};
use tokio::time::{Instant, MissedTickBehavior};

/// What the daemon has left to correct beyond this is corrected at once instead of over hours.
const STEP_FROM_MS: f64 = 1000.0;

/// How often is looked.
#[derive(Clone, Copy, Debug)]
pub struct TimePace {
    /// At the two clocks, for jumps; at most a second, or slow corrections would look like one.
    pub clock: Duration,
    /// At the NTP daemon.
    pub ntp: Duration,
    /// Time without a server until that is a failure.
    pub grace: Duration,
}

impl Default for TimePace {
    fn default() -> Self {
        Self {
            clock: Duration::from_secs(1),
            ntp: Duration::from_secs(10),
            grace: Duration::from_secs(60),
        }
    }
}

/// Makes zone and NTP daemon follow the settings, tells the bus of jumps of the clock (SYS-16) and of NTP's
/// luck (SYS-17), until `stop` is ready.
pub async fn keep_time(device: Device, pace: TimePace, stop: impl Future<Output = ()>) {
    let mut stop = std::pin::pin!(stop);
    let mut settings = device.settings.watch();
    let mut tick = tokio::time::interval(pace.clock);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut jumps = JumpDetector::new(device.clock.now(), device.clock.monotonic());
    let mut keeper = Keeper {
        watch: NtpWatch::new(pace.grace),
        device,
        done: None,
        retry_at: None,
        failure_told: false,
        from_dhcp: false,
        leased: Vec::new(),
    };
    let mut ask_ntp_at = Instant::now();
    loop {
        tokio::select! {
            changed = settings.changed() => {
                if changed.is_err() {
                    return;
                }
                keeper.retry_at = None;
            }
            _ = tick.tick() => {}
            () = &mut stop => return,
        }
        keeper.look_at_clocks(&mut jumps);
        let now = settings.borrow_and_update().clone();
        if Instant::now() >= ask_ntp_at
            || now.get::<TimeSettings>().ntp_from_dhcp != keeper.from_dhcp
        {
            keeper
                .look_at_lease(now.get::<TimeSettings>().ntp_from_dhcp)
                .await;
        }
        let wanted = Wanted::of(&now, &keeper.leased);
        if keeper.is_due(&wanted) {
            keeper.follow(wanted, pace.ntp).await;
            ask_ntp_at = Instant::now();
        }
        if Instant::now() >= ask_ntp_at {
            ask_ntp_at = Instant::now() + pace.ntp;
            keeper.look_at_ntp().await;
        }
    }
}

/// The settings that the machine is to follow.
#[derive(Clone, Debug, PartialEq)]
struct Wanted {
    zone_name: String,
    zone: PosixTz,
    ntp: Ntp,
}

/// What the machine's NTP daemon is to do.
#[derive(Clone, Debug, PartialEq)]
enum Ntp {
    /// What it does already: nobody has set the time of this camera, so the machine keeps its own.
    Unmanaged,
    /// Nothing.
    Off,
    /// Follow these servers.
    On(NtpPlan),
}

impl Ntp {
    fn plan(&self) -> Option<&NtpPlan> {
        match self {
            Self::On(plan) => Some(plan),
            Self::Unmanaged | Self::Off => None,
        }
    }
}

impl Wanted {
    /// `leased` are the servers that DHCP gives, while they are wanted.
    fn of(settings: &Settings, leased: &[IpAddr]) -> Self {
        let s = settings.get::<TimeSettings>();
        let ntp = if s.ntp_enabled {
            Ntp::On(NtpPlan {
                servers: if leased.is_empty() {
                    s.ntp_servers().map(str::to_owned).collect()
                } else {
                    leased.iter().map(ToString::to_string).collect()
                },
                port: s.ntp_port.get(),
                update_minutes: s.ntp_update_minutes.get(),
            })
        } else if settings.is_decided::<TimeSettings>() {
            Ntp::Off
        } else {
            Ntp::Unmanaged
        };
        Self {
            zone_name: s.zone_name.clone(),
            zone: s.effective(),
            ntp,
        }
    }
}

struct Keeper {
    device: Device,
    watch: NtpWatch,
    /// What the machine follows already.
    done: Option<Wanted>,
    /// When it did not: the next try.
    retry_at: Option<Instant>,
    failure_told: bool,
    /// Whether DHCP's servers are wanted, and which there are.
    from_dhcp: bool,
    leased: Vec<IpAddr>,
}

impl Keeper {
    fn look_at_clocks(&self, jumps: &mut JumpDetector) {
        let clock = &self.device.clock;
        let (after, monotonic) = (clock.now(), clock.monotonic());
        if let Some(before) = jumps.look(after, monotonic) {
            tracing::info!(%before, %after, "the clock was set");
            let jump = EventKind::ClockJumped { before, after };
            self.device.bus.publish(after, jump);
        }
    }

    fn is_due(&self, wanted: &Wanted) -> bool {
        self.done.as_ref() != Some(wanted) && self.retry_at.is_none_or(|at| at <= Instant::now())
    }

    async fn follow(&mut self, wanted: Wanted, retry_after: Duration) {
        let (time, now) = (self.device.time.clone(), wanted.clone());
        let before = self.done.take();
        let done = blocking(move || {
            let zone = (&now.zone_name, &now.zone);
            if before
                .as_ref()
                .is_none_or(|b| (&b.zone_name, &b.zone) != zone)
            {
                // The camera's own times do not depend on the machine's zone, and NTP must not wait for it.
                if let Err(error) = time.set_zone(&now.zone_name, &now.zone) {
                    tracing::info!(?error, "the machine keeps its time zone");
                }
            }
            if now.ntp != Ntp::Unmanaged && before.is_none_or(|b| b.ntp != now.ntp) {
                time.set_ntp(now.ntp.plan())?;
            }
            Ok(())
        })
        .await;
        match done {
            Ok(()) => {
                self.done = Some(wanted);
                self.failure_told = false;
            }
            Err(Error::Unsupported(why)) => {
                // Whoever may not change the machine uses zone and formats all the same.
                self.done = Some(wanted);
                tracing::debug!("{why}");
            }
            Err(e) => {
                self.retry_at = Some(Instant::now() + retry_after);
                tracing::error!(error = ?e, "the machine does not follow the time settings");
                if !std::mem::replace(&mut self.failure_told, true) {
                    let text = "The machine does not follow the time settings; the service's own log says why.";
                    self.note(Severity::Error, text.into());
                }
            }
        }
    }

    async fn look_at_lease(&mut self, wanted: bool) {
        self.from_dhcp = wanted;
        let device = self.device.clone();
        let look = blocking(move || {
            Ok(if wanted {
                device.leased_ntp()
            } else {
                Vec::new()
            })
        });
        self.leased = look.await.unwrap_or_default();
    }

    async fn look_at_ntp(&mut self) {
        let enabled = self.device.settings.get::<TimeSettings>().ntp_enabled;
        let time = self.device.time.clone();
        let status = blocking(move || {
            let status = time.ntp_status();
            let far = status
                .remaining_ms
                .is_some_and(|ms| ms.abs() > STEP_FROM_MS);
            if enabled && status.synchronised && far {
                // Unsupported where the daemon is not ours; it corrects slowly then.
                let _ = time.step();
            }
            Ok(status)
        });
        let Ok(status) = status.await else { return };
        let off = self.done.as_ref().is_some_and(|d| d.ntp == Ntp::Off);
        if off && self.device.time.changeable().is_ok() && status.source.is_some() {
            // The daemon was restarted, or somebody changed it: it sets the clock though NTP is off.
            self.done = None;
        }
        let now = self.device.clock.monotonic();
        match self.watch.look(enabled, &status, now) {
            None => {}
            Some(NtpNews::Failed { why }) => {
                self.note(
                    Severity::Warning,
                    format!("NTP does not work: {why}. It is tried again."),
                );
            }
            Some(NtpNews::Synchronised { at, source, first }) => {
                if first {
                    self.note(
                        Severity::Info,
                        format!("The clock follows the NTP server {source}."),
                    );
                }
                self.device
                    .bus
                    .publish(at, EventKind::ClockSynchronised { at, source });
            }
        }
    }

    fn note(&self, severity: Severity, text: String) {
        let at = self.device.clock.now();
        let entry = NewLogEntry::new(at, LogKind::System, severity, &Actor::system(), text);
        self.device.bus.publish(at, EventKind::Log(entry));
    }
}

async fn blocking<T: Send + 'static>(
    call: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(call)
        .await
        .map_err(Error::internal)?
}
