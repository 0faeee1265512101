//! Dynamic DNS: a name at a provider follows the unit's address (DDNS-1..7; docs/adr/0027).

mod protocol;
mod wire;

use std::{net::IpAddr, sync::Arc, thread::JoinHandle, time::Duration};

use parking_lot::Mutex;
use platecam_model::{
    Actor, Clock, Error, EventBus, EventKind, LogKind, Result, UtcTime,
    log::{NewLogEntry, Severity},
    ports::{DdnsState, DdnsStatus, DynamicDns, Interface, Network},
    settings::{DdnsSource, NetDdns, NetIp, Revision, Section, Settings, SettingsStore},
};
use protocol::{Verdict, is_publishable};
use serde::{Deserialize, Serialize};
use tokio::{sync::Notify, time::Instant};

use crate::Database;

/// The fact that holds what the server said last.
const FACT: &str = "ddns";

/// How patient dynamic DNS is.
#[derive(Clone, Copy, Debug)]
pub struct DdnsPace {
    /// How often the unit's own address is looked at.
    pub look: Duration,
    /// First wait after a failure; doubled with each further one.
    pub first_retry: Duration,
    /// First wait after a fault that the server tells; providers ask for half an hour. Doubled as well.
    pub fault_retry: Duration,
    /// Longest wait.
    pub longest_retry: Duration,
    /// A name that nobody touched so long is told again: providers let unused ones go after a month.
    pub refresh: Duration,
}

impl Default for DdnsPace {
    fn default() -> Self {
        Self {
            look: Duration::from_secs(5),
            first_retry: Duration::from_secs(60),
            fault_retry: Duration::from_secs(30 * 60),
            longest_retry: Duration::from_secs(4 * 3600),
            refresh: Duration::from_secs(25 * 24 * 3600),
        }
    }
}

/// What outlives a restart: without it every start would be an update, which providers count as abuse.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Known {
    /// The section's revision that it is about.
    revision: u64,
    address: Option<IpAddr>,
    updated_at: Option<UtcTime>,
    answer: Option<String>,
    answered_at: Option<UtcTime>,
    /// The server refused for good.
    stopped: bool,
}

/// Follows the section `net.ddns` in a thread of its own. Dropping it ends the thread.
#[derive(Debug)]
pub struct DdnsUpdater {
    told: Arc<Mutex<DdnsStatus>>,
    stop: Arc<Notify>,
    thread: Option<JoinHandle<()>>,
}

/// What the thread needs.
pub struct DdnsParts {
    /// Keeps what the server said last.
    pub db: Database,
    /// The section.
    pub settings: Arc<SettingsStore>,
    /// The unit's addresses.
    pub network: Arc<dyn Network>,
    /// For the log.
    pub bus: EventBus,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for DdnsParts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DdnsParts").finish_non_exhaustive()
    }
}

impl DdnsUpdater {
    /// Starts the thread.
    ///
    /// # Errors
    /// [`Error::Internal`] without one.
    pub fn start(parts: DdnsParts, pace: DdnsPace) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(Error::internal)?;
        let (told, stop) = (Arc::<Mutex<DdnsStatus>>::default(), Arc::new(Notify::new()));
        let (status, ended) = (told.clone(), stop.clone());
        let thread = std::thread::Builder::new()
            .name("ddns".into())
            .spawn(move || {
                let mut keeper = Keeper::new(parts, pace, status);
                runtime.block_on(async {
                    tokio::select! {
                        () = keeper.run() => {}
                        () = ended.notified() => {}
                    }
                });
            })
            .map_err(Error::internal)?;
        Ok(Self {
            told,
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for DdnsUpdater {
    fn drop(&mut self) {
        self.stop.notify_one();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl DynamicDns for DdnsUpdater {
    fn status(&self) -> DdnsStatus {
        self.told.lock().clone()
    }
}

struct Keeper {
    parts: DdnsParts,
    pace: DdnsPace,
    told: Arc<Mutex<DdnsStatus>>,
    known: Known,
    /// Failures since the last success.
    failures: u32,
    /// Not before this.
    next: Option<Instant>,
    /// The address that the internet saw, and when that is asked again.
    seen: Option<(IpAddr, Instant)>,
    /// The unit's own address when that was asked: another one may mean another router.
    own: Option<IpAddr>,
}

/// How an attempt failed.
enum Failure {
    /// There was no answer, or none that can be read.
    Silent(String),
    /// The server has a fault.
    Fault(String),
}

impl Keeper {
    fn new(parts: DdnsParts, pace: DdnsPace, told: Arc<Mutex<DdnsStatus>>) -> Self {
        let kept = parts.db.known_fact(FACT).unwrap_or_else(|e| {
            tracing::error!(error = ?e, "dynamic DNS");
            None
        });
        let known = kept.and_then(|text| serde_json::from_str(&text).ok());
        Self {
            parts,
            pace,
            told,
            known: known.unwrap_or_default(),
            failures: 0,
            next: None,
            seen: None,
            own: None,
        }
    }

    async fn run(&mut self) {
        let mut changes = self.parts.settings.watch();
        loop {
            let settings = changes.borrow_and_update().clone();
            self.follow(&settings).await;
            tokio::select! {
                changed = changes.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(self.pace.look) => {}
            }
        }
    }

    async fn follow(&mut self, all: &Settings) {
        let settings = all.get::<NetDdns>();
        if !settings.enabled {
            if self.known != Known::default() {
                self.remember(Known::default());
            }
            self.begin_anew();
            *self.told.lock() = DdnsStatus::default();
            return;
        }
        let revision = self.revision();
        if self.known.revision != revision {
            // Other settings: another server, another account, or the same with the right password.
            self.begin_anew();
            let known = Known {
                revision,
                ..Known::default()
            };
            self.remember(known);
        }
        if !self.known.stopped {
            self.attempt(&settings, all).await;
        }
        self.tell(&settings);
    }

    fn begin_anew(&mut self) {
        (self.failures, self.next, self.seen, self.own) = (0, None, None, None);
    }

    fn revision(&self) -> u64 {
        let view = self.parts.settings.read(NetDdns::KEY, &Actor::system());
        view.map_or(Revision(0), |v| v.revision).0
    }

    /// Updates the name if it is time to.
    async fn attempt(&mut self, settings: &NetDdns, all: &Settings) {
        if self.next.is_some_and(|next| Instant::now() < next) {
            return;
        }
        let address = match self.address(settings, all).await {
            Ok(Some(address)) => address,
            Ok(None) => return,
            Err(why) => return self.failed(settings, Failure::Silent(why)),
        };
        let now = self.parts.clock.now();
        let fresh = |at: UtcTime| at <= now && now < at + self.pace.refresh;
        if self.known.address == Some(address) && self.known.updated_at.is_some_and(fresh) {
            self.recovered();
            return;
        }
        let answer = match wire::update(settings, address).await {
            Ok(answer) => answer,
            Err(why) => return self.failed(settings, Failure::Silent(why)),
        };
        self.known.answered_at = Some(self.parts.clock.now());
        self.known.answer = Some(answer.text.clone());
        match answer.verdict {
            Verdict::Taken | Verdict::Same => {
                if self.known.address != Some(address) {
                    let text = format!("DDNS: {} points to {address} now.", settings.domain);
                    self.log(Severity::Notice, text);
                }
                self.known.address = Some(address);
                self.known.updated_at = self.known.answered_at;
                self.remember(self.known.clone());
                self.recovered();
            }
            Verdict::Refused(why) => {
                self.known.stopped = true;
                self.remember(self.known.clone());
                let text = format!(
                    "DDNS: the server refused {}: {why} ('{}'). Nothing is sent until the settings change.",
                    settings.domain, answer.text
                );
                self.log(Severity::Error, text);
            }
            Verdict::Busy(why) => {
                self.failed(
                    settings,
                    Failure::Fault(format!("{why} ('{}')", answer.text)),
                );
            }
            Verdict::Strange => {
                let why = format!("the answer is none of the protocol: '{}'", answer.text);
                self.failed(settings, Failure::Silent(why));
            }
        }
    }

    /// The address that the name should point to; `None` while there is none.
    async fn address(
        &mut self,
        settings: &NetDdns,
        all: &Settings,
    ) -> std::result::Result<Option<IpAddr>, String> {
        let own = own_address(
            &self.parts.network.interfaces(),
            &all.get::<NetIp>().interface,
        );
        if settings.source == DdnsSource::Interface {
            return Ok(own);
        }
        let moved = std::mem::replace(&mut self.own, own) != own;
        if let Some((address, again)) = self.seen
            && Instant::now() < again
            && !moved
        {
            return Ok(Some(address));
        }
        let address = wire::seen_from(settings).await?;
        let every = Duration::from_secs(u64::from(settings.check_minutes.get()) * 60);
        self.seen = Some((address, Instant::now() + every));
        Ok(Some(address))
    }

    fn failed(&mut self, settings: &NetDdns, failure: Failure) {
        let (first, why) = match failure {
            Failure::Silent(why) => (self.pace.first_retry, why),
            Failure::Fault(why) => (self.pace.fault_retry, why),
        };
        let wait = first
            .saturating_mul(1 << self.failures.min(16))
            .min(self.pace.longest_retry.max(first));
        self.next = Some(Instant::now() + wait);
        self.known.answer = Some(why.clone());
        self.known.answered_at = Some(self.parts.clock.now());
        if self.failures == 0 {
            let text = format!(
                "DDNS: {} could not be updated: {why}. It is tried again.",
                settings.domain
            );
            self.log(Severity::Warning, text);
        }
        self.failures += 1;
    }

    fn recovered(&mut self) {
        (self.failures, self.next) = (0, None);
    }

    fn tell(&self, settings: &NetDdns) {
        let left = self
            .next
            .map(|next| next.saturating_duration_since(Instant::now()));
        let state = if self.known.stopped {
            DdnsState::Stopped
        } else if self.failures > 0 {
            DdnsState::Retrying
        } else if self.known.address.is_some() {
            DdnsState::Current
        } else {
            DdnsState::Waiting
        };
        *self.told.lock() = DdnsStatus {
            state,
            server: Some(settings.update_url().to_owned()),
            address: self.known.address,
            updated_at: self.known.updated_at,
            answer: self.known.answer.clone(),
            answered_at: self.known.answered_at,
            next_try: left.map(|left| self.parts.clock.now() + left),
        };
    }

    fn remember(&mut self, known: Known) {
        let kept = serde_json::to_string(&known)
            .map_err(Error::internal)
            .and_then(|text| self.parts.db.set_fact(FACT, &text));
        if let Err(e) = kept {
            tracing::error!(error = ?e, "dynamic DNS");
        }
        self.known = known;
    }

    fn log(&self, severity: Severity, text: String) {
        let at = self.parts.clock.now();
        let entry = NewLogEntry::new(at, LogKind::System, severity, &Actor::system(), text);
        self.parts.bus.publish(at, EventKind::Log(entry));
    }
}

/// The address of the unit's interface that others can reach, IPv4 before IPv6.
fn own_address(interfaces: &[Interface], named: &str) -> Option<IpAddr> {
    let ours = |i: &&Interface| i.up && !i.loopback && (named.is_empty() || i.name == named);
    let addresses = interfaces.iter().filter(ours).flat_map(|i| &i.addresses);
    let mut good: Vec<_> = addresses
        .map(|(a, _)| *a)
        .filter(|a| is_publishable(*a))
        .collect();
    good.sort_by_key(IpAddr::is_ipv6);
    good.first().copied()
}

/// Everything that is read in an answer, for `crate::hostile`.
pub(crate) fn read_answer(status: u16, body: &str) -> (String, String, Option<IpAddr>) {
    let verdict = protocol::verdict(status, body);
    (
        format!("{verdict:?}"),
        protocol::shown(body),
        protocol::address_in(body),
    )
}
