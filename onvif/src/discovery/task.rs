//! The task that runs discovery.

use std::{net::IpAddr, sync::Arc, time::Duration};

use platecam_model::{
    Device,
    ports::Interface,
    settings::{AccessFilter, OnvifService as OnvifSettings},
};
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::{
    answer::{Described, Responder},
    transport::{Listener, PORT, Received, answering, open_v4, open_v6, own_address},
};
use crate::{
    address::{Base, ServicePorts},
    device::scopes,
    service::DEVICE_PATH,
    service::OnvifService,
};

/// Longest datagram that is read.
const MAX_DATAGRAM: usize = 16 * 1024;
/// Longest random wait before an answer to a multicast probe (WS-Discovery: 500 ms).
const MAX_DELAY: Duration = Duration::from_millis(500);
/// How often interfaces are looked at for new addresses.
const LOOK: Duration = Duration::from_secs(10);
/// Answers that wait for their random time at once.
const MAX_ANSWERS: usize = 64;

/// How discovery runs.
#[derive(Clone, Copy, Debug)]
pub struct DiscoveryConfig {
    /// UDP port; [`PORT`] but in tests.
    pub port: u16,
    /// Longest random wait before an answer.
    pub max_delay: Duration,
}

impl Default for DiscoveryConfig {
    fn default() -> Self {
        Self {
            port: PORT,
            max_delay: MAX_DELAY,
        }
    }
}

struct Task {
    device: Device,
    service: OnvifService,
    config: DiscoveryConfig,
    responder: Arc<Responder>,
    listeners: Vec<Arc<Listener>>,
    interfaces: Vec<Interface>,
    ports: ServicePorts,
    described: Described,
    discoverable: bool,
    answers: Arc<tokio::sync::Semaphore>,
}

/// Says hello, answers probes, says hello again when scopes, addresses or ports change, and says bye when
/// `stop` is ready. Silent, with its
/// sockets closed, while ONVIF is off or the discovery mode is `NonDiscoverable` (SYS-31, SYS-34). Without a usable network it
/// keeps looking for one.
pub async fn run(service: OnvifService, config: DiscoveryConfig, stop: impl Future<Output = ()>) {
    let device = service.0.device.clone();
    let mut settings = device.settings.watch();
    let mut ports = service.0.ports.watch();
    let mut task = Task::new(device, service, config);
    let mut look = interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    tokio::pin!(stop);
    task.refresh(true).await;
    loop {
        let mut buffer = [0u8; MAX_DATAGRAM];
        tokio::select! {
            biased;
            () = &mut stop => break,
            changed = settings.changed() => match changed {
                Ok(()) => task.refresh(false).await,
                Err(_) => break,
            },
            moved = ports.changed() => match moved {
                Ok(()) => task.refresh(false).await,
                Err(_) => break,
            },
            _ = look.tick() => task.refresh(false).await,
            (listener, received) = receive(&task.listeners, &mut buffer) => match received {
                Ok(received) => task.received(&listener, &buffer[..received.len], received),
                // Somebody else took it.
                Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(e) => {
                    tracing::debug!("discovery socket: {e}");
                    // An error that stays must not spin.
                    sleep(Duration::from_millis(100)).await;
                }
            },
        }
    }
    task.bye().await;
}

type Answered = (Arc<Listener>, std::io::Result<Received>);

/// The next datagram of any of the (at most two) sockets; never without sockets.
async fn receive(listeners: &[Arc<Listener>], buffer: &mut [u8]) -> Answered {
    match listeners {
        [] => std::future::pending().await,
        [only] => {
            let ready = only.socket.readable().await;
            (only.clone(), take(only, ready, buffer))
        }
        [a, b, ..] => {
            tokio::select! {
                ready = a.socket.readable() => (a.clone(), take(a, ready, buffer)),
                ready = b.socket.readable() => (b.clone(), take(b, ready, buffer)),
            }
        }
    }
}

fn take(
    listener: &Listener,
    ready: std::io::Result<()>,
    buffer: &mut [u8],
) -> std::io::Result<Received> {
    ready?;
    listener.try_receive(buffer)
}

impl Task {
    fn new(device: Device, service: OnvifService, config: DiscoveryConfig) -> Self {
        let seconds = device.clock.now().as_millis() / 1000;
        Self {
            responder: Arc::new(Responder::new(u32::try_from(seconds).unwrap_or(1))),
            described: Described {
                address: device.identity.uuid.urn().to_string(),
                scopes: Vec::new(),
                // Higher after each start, as scopes may have changed meanwhile.
                metadata_version: u64::try_from(seconds).unwrap_or(1),
            },
            ports: service.ports(),
            device,
            service,
            config,
            listeners: Vec::new(),
            interfaces: Vec::new(),
            discoverable: false,
            answers: Arc::new(tokio::sync::Semaphore::new(MAX_ANSWERS)),
        }
    }

    /// Opens the sockets.
    fn open(&mut self) {
        match open_v4(self.config.port) {
            Ok(v4) => self.listeners.push(Arc::new(v4)),
            Err(e) => tracing::warn!("discovery over IPv4 is not possible: {e}"),
        }
        match open_v6(self.config.port) {
            Ok(v6) => self.listeners.push(Arc::new(v6)),
            Err(e) => tracing::debug!("discovery over IPv6 is not possible: {e}"),
        }
    }

    /// Takes over scopes, mode and addresses; tells the network what changed.
    async fn refresh(&mut self, first: bool) {
        let discoverable = self
            .device
            .settings
            .get::<OnvifSettings>()
            .is_discoverable();
        let scopes = scopes::all(&self.device);
        let interfaces = self.device.network.interfaces();
        let moved = interfaces != self.interfaces;
        let ports = self.service.ports();
        let changed = scopes != self.described.scopes || moved || ports != self.ports;
        if !discoverable {
            self.bye().await;
            self.listeners.clear();
        }
        let opened = discoverable && self.listeners.is_empty();
        if opened {
            self.open();
        }
        if changed {
            self.described.scopes = scopes;
            self.interfaces = interfaces;
            self.ports = ports;
            if !first {
                self.described.metadata_version += 1;
            }
        }
        if moved || opened {
            for listener in &self.listeners {
                listener.join(&self.interfaces);
            }
        }
        let say = discoverable && (changed || first || !self.discoverable);
        self.discoverable = discoverable;
        if say {
            self.announce(|r, d, x| r.hello(d, x)).await;
        }
    }

    async fn bye(&mut self) {
        if std::mem::take(&mut self.discoverable) {
            self.announce(|r, d, x| r.bye(d, x)).await;
        }
    }

    /// Sends to the group out of every interface, each with its own address.
    async fn announce(&self, make: impl Fn(&Responder, &Described, &[String]) -> Vec<u8>) {
        for interface in self.interfaces.iter().filter(|i| i.up) {
            for listener in &self.listeners {
                let v4 = listener.group.is_ipv4();
                let Some(ip) = own_address(interface, v4) else {
                    continue;
                };
                let datagram = make(&self.responder, &self.described, &self.xaddrs(ip));
                if let Err(e) = listener.announce(interface, &datagram).await {
                    tracing::debug!(interface = %interface.name, "cannot announce: {e}");
                }
            }
        }
    }

    fn xaddrs(&self, ip: IpAddr) -> Vec<String> {
        vec![Base::at(ip, self.ports).url(DEVICE_PATH)]
    }

    /// Answers after a random wait, so that many units do not answer at once.
    fn received(&self, listener: &Arc<Listener>, datagram: &[u8], received: Received) {
        let from = received.from;
        if !self.discoverable || datagram.is_empty() {
            return;
        }
        if !self.device.settings.get::<AccessFilter>().admits(from.ip()) {
            // Not in the log: probes of a whole network come here without meaning this unit.
            return;
        }
        let own = answering(&self.interfaces, from).or_else(|| self.service.0.first_address());
        let Some(own) = own else { return };
        let Some(answer) = self.responder.answer(
            datagram,
            received.directly,
            &self.described,
            &self.xaddrs(own),
        ) else {
            return;
        };
        let Ok(permit) = self.answers.clone().try_acquire_owned() else {
            tracing::debug!(peer = %from, "too many probes at once: this one is not answered");
            return;
        };
        let (listener, wait) = (listener.clone(), random_below(self.config.max_delay));
        tokio::spawn(async move {
            sleep(wait).await;
            if let Err(e) = listener.socket.send_to(&answer, from).await {
                tracing::debug!(peer = %from, "cannot answer a probe: {e}");
            }
            drop(permit);
        });
    }
}

fn random_below(most: Duration) -> Duration {
    let mut bytes = [0; 4];
    // Without random bits there is no wait, which is harmless.
    let _ = getrandom::fill(&mut bytes);
    most.mul_f64(f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX))
}
