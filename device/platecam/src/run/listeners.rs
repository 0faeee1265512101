//! The listeners follow the settings (SYS-35, NET-13..15, HTTPS-6, SEC-7).

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use platecam_host::PortProbe;
use platecam_model::{
    Actor, Device, EventKind, LogKind, Service,
    settings::{NetHttps, NetPorts, Port, Settings},
};
use platecam_onvif::{OnvifService, ReplacedPorts, ServicePorts};

use super::{restart::Ports, web::TlsConfigs};
use crate::cli::RunArgs;

/// A port that was lost to another program is tried again after this time.
const AGAIN: Duration = Duration::from_secs(5);

/// What the command line says for this run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fixed {
    listen: IpAddr,
    http: Option<u16>,
    https: Option<u16>,
    rtsp: Option<u16>,
    /// The stored ones that count for nothing in this run.
    replaced: ReplacedPorts,
}

impl Fixed {
    pub(crate) fn of(args: &RunArgs, settings: &Settings) -> Self {
        let stored = settings.get::<NetPorts>();
        let replaced = |fixed: Option<u16>, stored: Port| fixed.map(|_| stored.get());
        Self {
            listen: args.listen,
            http: args.http_port,
            https: args.https_port,
            rtsp: args.rtsp_port,
            replaced: ReplacedPorts {
                http: replaced(args.http_port, stored.http),
                https: replaced(args.https_port, stored.https),
                rtsp: replaced(args.rtsp_port, stored.rtsp),
            },
        }
    }
}

/// Where to listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) http: Option<SocketAddr>,
    pub(crate) https: Option<SocketAddr>,
    pub(crate) rtsp: SocketAddr,
    pub(crate) rtsps: Option<SocketAddr>,
    pub(crate) redirect: bool,
}

impl Wanted {
    /// What the settings and, before them, the command line say.
    pub(crate) fn of(settings: &Settings, fixed: Fixed) -> Self {
        let (ports, on) = (settings.get::<NetPorts>(), settings.get::<NetHttps>());
        let at = |port: Option<u16>, set: u16| SocketAddr::new(fixed.listen, port.unwrap_or(set));
        let http = at(fixed.http, ports.http.get());
        let https = at(fixed.https, ports.https.get());
        Self {
            http: on.http_enabled.then_some(http),
            https: on.enabled.then_some(https),
            rtsp: at(fixed.rtsp, ports.rtsp.get()),
            rtsps: ports.rtsps_enabled.then(|| at(None, ports.rtsps.get())),
            redirect: on.redirect,
        }
    }

    fn all(&self) -> [Option<SocketAddr>; 4] {
        [self.http, self.https, Some(self.rtsp), self.rtsps]
    }
}

/// The two servers and who has to know where they are. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Listeners {
    pub(crate) device: Device,
    pub(crate) onvif: OnvifService,
    pub(crate) web: Arc<platecam_web::Server>,
    pub(crate) rtsp: Arc<::rtsp::Server>,
    pub(crate) tls: Arc<TlsConfigs>,
    pub(crate) rtsps: Arc<dyn ::rtsp::Secure>,
    pub(crate) fixed: Fixed,
}

/// Where the servers listen now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Listening {
    pub(crate) http: Option<SocketAddr>,
    pub(crate) https: Option<SocketAddr>,
    pub(crate) rtsp: Option<SocketAddr>,
    pub(crate) rtsps: Option<SocketAddr>,
}

impl Listening {
    fn all(self) -> [Option<SocketAddr>; 4] {
        [self.http, self.https, self.rtsp, self.rtsps]
    }

    /// The ports, for the run after this one.
    pub(crate) fn ports(self) -> Ports {
        let [http, https, rtsp, _] = self.all().map(|a| a.map_or(0, |a| a.port()));
        Ports { http, https, rtsp }
    }
}

impl Listeners {
    /// Where the servers listen at this moment.
    pub(crate) fn now(&self) -> Listening {
        Listening {
            http: self.web.http(),
            https: self.web.https(),
            rtsp: self.rtsp.local_addrs().first().copied(),
            rtsps: self.rtsp.secure_addrs().first().copied(),
        }
    }

    /// Settings are checked against the system from now on, and what is served is told.
    pub(crate) fn begin(&mut self) {
        let now = self.now();
        // A free port that was taken once stays for the run.
        for (fixed, now) in [
            (&mut self.fixed.http, now.http),
            (&mut self.fixed.https, now.https),
            (&mut self.fixed.rtsp, now.rtsp),
        ] {
            if let (Some(0), Some(now)) = (*fixed, now) {
                *fixed = Some(now.port());
            }
        }
        let (web, rtsp) = (self.web.clone(), self.rtsp.clone());
        let own = move |port| {
            let all = [web.http(), web.https()].into_iter().flatten();
            let all = all.chain(rtsp.local_addrs()).chain(rtsp.secure_addrs());
            all.into_iter().any(|a| a.port() == port)
        };
        let probe = PortProbe::new(self.fixed.listen, own);
        self.device.settings.set_listen_probe(Arc::new(probe));
        let nothing = Listening {
            http: None,
            https: None,
            rtsp: None,
            rtsps: None,
        };
        self.tell(nothing, self.wanted().redirect);
    }

    fn wanted(&self) -> Wanted {
        Wanted::of(&self.device.settings.snapshot(), self.fixed)
    }

    /// Follows the settings until it is dropped.
    pub(crate) async fn follow(self) {
        let mut settings = self.device.settings.watch();
        let mut lists = self.tls.revocations();
        let mut told = Vec::new();
        loop {
            let wanted = Wanted::of(&settings.borrow_and_update(), self.fixed);
            let failed = self.apply(wanted).await;
            for why in failed.iter().filter(|why| !told.contains(*why)) {
                let system = Actor::system();
                self.device.audit(LogKind::System, &system, why.clone());
            }
            let again = !failed.is_empty();
            told = failed;
            tokio::select! {
                changed = settings.changed() => if changed.is_err() { return },
                // The store lives as long as this does.
                _ = lists.changed() => {}
                () = tokio::time::sleep(AGAIN), if again => {}
            }
        }
    }

    /// Moves what is to be moved; returns what did not work, in sentences.
    async fn apply(&self, wanted: Wanted) -> Vec<String> {
        let before = self.now();
        self.make_room(wanted, before).await;
        let mut failed = Vec::new();
        let tls = wanted.https.map(|address| platecam_web::Tls {
            address,
            config: self.tls.of(&self.device.settings.get::<NetHttps>()),
        });
        for (name, moved) in [
            ("HTTPS", self.web.set_https(tls).await),
            ("HTTP", self.web.set_http(wanted.http).await),
        ] {
            if let Err(e) = moved {
                let reason = std::error::Error::source(&e).map(|s| format!(": {s}"));
                failed.push(format!("{name}: {e}{}.", reason.unwrap_or_default()));
            }
        }
        if let Err(e) = self.rtsp.rebind(&[wanted.rtsp]).await {
            failed.push(format!("RTSP: {e}."));
        }
        let rtsps = wanted.rtsps.as_slice();
        if let Err(e) = self.rtsp.rebind_secure(rtsps, self.rtsps.clone()).await {
            failed.push(format!("RTSPS: {e}."));
        }
        self.tell(before, wanted.redirect);
        failed
    }

    /// Closes what stands where another one of ours goes: the ports of two may be exchanged.
    async fn make_room(&self, wanted: Wanted, before: Listening) {
        let (wanted, before) = (wanted.all(), before.all());
        let in_the_way = |i: usize| {
            let wants = |j: usize| j != i && wanted[j].is_some() && wanted[j] == before[i];
            wanted[i] != before[i] && (0..4).any(wants)
        };
        // None of the four can fail: nothing is opened.
        if in_the_way(0) {
            let _ = self.web.set_http(None).await;
        }
        if in_the_way(1) {
            let _ = self.web.set_https(None).await;
        }
        if in_the_way(2) {
            let _ = self.rtsp.rebind(&[]).await;
        }
        if in_the_way(3) {
            let _ = self.rtsp.rebind_secure(&[], self.rtsps.clone()).await;
        }
    }

    /// Tells ONVIF, the bus and with it the log what is not as `before`.
    fn tell(&self, before: Listening, redirect: bool) {
        let now = self.now();
        let [http, https, rtsp, rtsps] = now.all().map(|a| a.map(|a| a.port()));
        let redirect = redirect && https.is_some();
        self.web.set_redirect(redirect);
        let ports = ServicePorts {
            http,
            redirect,
            https,
            rtsp: rtsp.unwrap_or(0),
            replaced: self.fixed.replaced,
        };
        if self.onvif.ports() != ports {
            self.onvif.set_ports(ports);
        }
        let services = [
            ("HTTP", http.map(Service::Http)),
            ("HTTPS", https.map(Service::Https)),
            ("RTSP", rtsp.map(Service::Rtsp)),
            ("RTSPS", rtsps.map(Service::Rtsps)),
        ];
        let moves = before.all().into_iter().zip(now.all());
        for ((name, service), (was, is)) in services.into_iter().zip(moves) {
            match service {
                Some(service) if was != is => {
                    let kind = EventKind::ServiceReady(service);
                    self.device.bus.publish(self.device.clock.now(), kind);
                }
                None if was.is_some() => {
                    let system = Actor::system();
                    let text = format!("{name} is not listened on any more.");
                    self.device.audit(LogKind::System, &system, text);
                }
                _ => {}
            }
        }
    }
}
