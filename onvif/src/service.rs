//! The entry of all HTTP requests below `/onvif/`.

use std::{net::IpAddr, sync::Arc};

use bytes::Bytes;
use http::{
    Method, Response, StatusCode,
    header::{ALLOW, AUTHORIZATION},
};
use onvif_contracts::port::Operation;
use onvif_xml::{
    ErrorKind, Limits, Ns, ns,
    soap::{Body, Code, Fault, Header, Message, OtherHeader, Version},
};
use parking_lot::Mutex;
use platecam_model::{Actor, Device, Error, UtcTime, settings::OnvifService as Switches};
use tokio::sync::broadcast;

use crate::{
    address::{Base, Ports, ServicePorts},
    answer, auth,
    call::Call,
    device::firmware::FIRMWARE_PATH,
    events::{self, Courier, History, Notice, Subscriptions},
    fault, functions,
    media::clips::Awaited,
    metadata::PlatePictures,
    model, pictures,
    request::{HttpRequest, MAX_BODY},
    route::Port,
    ticket::Tickets,
};

/// One service in the list of services.
#[derive(Debug)]
pub(crate) struct ServiceEntry {
    pub(crate) ns: Ns,
    pub(crate) path: &'static str,
}

/// Path of the device service, fixed by ONVIF.
pub const DEVICE_PATH: &str = "/onvif/device_service";
/// Path of the media service of version 1.
pub(crate) const MEDIA_PATH: &str = "/onvif/media_service";
/// Path of the media service of version 2.
pub(crate) const MEDIA2_PATH: &str = "/onvif/media2_service";
/// Path of the Device IO service.
pub(crate) const DEVICE_IO_PATH: &str = "/onvif/deviceio_service";
/// Path of the imaging service.
pub(crate) const IMAGING_PATH: &str = "/onvif/imaging_service";
/// Path of the provisioning service.
pub(crate) const PROVISIONING_PATH: &str = "/onvif/provisioning_service";
/// Path of the analytics service.
pub(crate) const ANALYTICS_PATH: &str = "/onvif/analytics_service";
/// Path of the event service.
pub(crate) const EVENT_PATH: &str = "/onvif/event_service";

/// Path of the security configuration service.
pub(crate) const SECURITY_PATH: &str = "/onvif/security_service";

/// Every service, as `GetServices` lists them.
pub(crate) static SERVICES: &[ServiceEntry] = &[
    ServiceEntry {
        ns: ns::TDS,
        path: DEVICE_PATH,
    },
    ServiceEntry {
        ns: ns::TRT,
        path: MEDIA_PATH,
    },
    ServiceEntry {
        ns: ns::TR2,
        path: MEDIA2_PATH,
    },
    ServiceEntry {
        ns: ns::TIMG,
        path: IMAGING_PATH,
    },
    ServiceEntry {
        ns: ns::TPV,
        path: PROVISIONING_PATH,
    },
    ServiceEntry {
        ns: ns::TAN,
        path: ANALYTICS_PATH,
    },
    ServiceEntry {
        ns: ns::TEV,
        path: EVENT_PATH,
    },
    ServiceEntry {
        ns: ns::TMD,
        path: DEVICE_IO_PATH,
    },
    ServiceEntry {
        ns: ns::TAS,
        path: SECURITY_PATH,
    },
];

/// Synchronisation points and notices that the metadata stream may lag behind.
const METADATA_LAG: usize = 256;

/// ONVIF's view of the device. Cheap to clone.
#[derive(Clone, Debug)]
pub struct OnvifService(pub(crate) Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) device: Device,
    pub(crate) ports: Ports,
    pub(crate) subscriptions: Subscriptions,
    /// Notices that are kept.
    pub(crate) history: Arc<History>,
    /// What happened since the initial states were taken; [`OnvifService::run`] begins with it.
    pub(crate) events: Mutex<Option<platecam_model::Subscription>>,
    /// Sends notifications to consumers.
    pub(crate) courier: Courier,
    /// Notices for the metadata stream.
    pub(crate) notices: broadcast::Sender<Arc<Notice>>,
    /// Tells the metadata stream to say all states again.
    pub(crate) synchronize: broadcast::Sender<()>,
    /// Pictures that frames of the metadata stream refer to.
    pub(crate) plate_pictures: PlatePictures,
    /// Changes of media profiles queue here: each reads before it writes.
    pub(crate) profiles: Mutex<()>,
    /// The right to upload a firmware package.
    pub(crate) firmware: Tickets,
    /// The right to upload a backup.
    pub(crate) restore: Tickets,
    /// Voice prompts that wait for their sounds.
    pub(crate) clips: Awaited,
}

impl OnvifService {
    /// The services of `device`; `ports` are those on which the listeners really are.
    pub fn new(device: Device, ports: ServicePorts) -> Self {
        let events = Mutex::new(Some(device.bus.subscribe()));
        let inner = Inner {
            history: Arc::new(History::new(device.history.clone())),
            events,
            device,
            ports: Ports::new(ports),
            subscriptions: Subscriptions::default(),
            courier: Courier::default(),
            notices: broadcast::channel(METADATA_LAG).0,
            synchronize: broadcast::channel(4).0,
            plate_pictures: PlatePictures::default(),
            profiles: Mutex::new(()),
            firmware: Tickets::default(),
            restore: Tickets::default(),
            clips: Awaited::default(),
        };
        inner.publish_initial_states();
        Self(Arc::new(inner))
    }

    /// Listeners moved to other ports.
    pub fn set_ports(&self, ports: ServicePorts) {
        self.0.ports.set(ports);
    }

    /// The ports as told.
    pub fn ports(&self) -> ServicePorts {
        self.0.ports.get()
    }

    /// Redeems the ticket of `StartFirmwareUpgrade` that ends `path`; each is good once.
    #[must_use]
    pub fn firmware_upload(&self, path: &str) -> Option<Actor> {
        let word = path
            .strip_prefix(FIRMWARE_PATH)
            .filter(|_| self.0.is_on())?;
        let now = self.0.device.clock.monotonic();
        self.0.firmware.redeem(word, now)
    }

    /// Translates what happens on the device into notifications until `stop` is ready; then ends
    /// all subscriptions. Run it once, beside the web server.
    pub async fn run(&self, stop: impl Future<Output = ()>) {
        tokio::select! {
            () = events::run(&self.0, stop) => {}
            () = events::publish_to_brokers(&self.0) => {}
            () = self.0.history.clone().keep() => {}
        }
        self.0.subscriptions.end_all();
        let history = self.0.history.clone();
        // What was told last is kept as well.
        let _ = tokio::task::spawn_blocking(move || history.flush()).await;
    }

    /// Answers one request below `/onvif/`. `PullMessages` may wait up to ten minutes.
    ///
    /// While ONVIF is switched off everything is 404 (SYS-34).
    /// SOAP 1.2 and 1.1 by POST to any path; GET serves `/onvif/snapshot/<profile>` and
    /// `/onvif/record/<id>/{full,plate}.jpg`.
    pub async fn handle(&self, request: HttpRequest, body: Bytes) -> Response<Bytes> {
        if !self.0.is_on() {
            return answer::text(StatusCode::NOT_FOUND, "ONVIF is switched off\n");
        }
        match request.method {
            Method::POST => self.soap(request, body).await,
            Method::GET | Method::HEAD => pictures::get(&self.0, request).await,
            _ => {
                let mut r = answer::text(
                    StatusCode::METHOD_NOT_ALLOWED,
                    "ONVIF takes SOAP by POST and pictures by GET\n",
                );
                r.headers_mut()
                    .insert(ALLOW, http::HeaderValue::from_static("GET, HEAD, POST"));
                r
            }
        }
    }

    async fn soap(&self, request: HttpRequest, body: Bytes) -> Response<Bytes> {
        if body.len() > MAX_BODY {
            return answer::text(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("{} bytes; at most {MAX_BODY}\n", body.len()),
            );
        }
        if body.is_empty() && !request.headers.contains_key(AUTHORIZATION) {
            // libcurl (7.88, `--digest`) asks with an empty body first, to be challenged.
            let denied = auth::Denied {
                error: Error::Unauthenticated,
                how: auth::How::Challenge { stale: false },
            };
            return answer::denied_plain(&self.0.device, denied);
        }
        let ready = match self.0.admit(&request, &body) {
            Ok(Admitted::Done(response)) => return *response,
            Ok(Admitted::Later(ready)) => ready,
            Err(refused) => return *refused,
        };
        if ready.operation.waits {
            return self.0.pull_messages(&ready, &body, &request).await;
        }
        // Writes hash passwords and wait for the disk.
        let inner = self.0.clone();
        let (version, header) = (ready.version, ready.header.clone());
        let done = tokio::task::spawn_blocking(move || {
            let text = request.decode(&body);
            match Message::parse(&text, limits()) {
                Ok(message) => inner.dispatch(&ready, message.body, request.uri.path()),
                Err(e) => answer::fault(ready.version, &ready.header, &Fault::from(e)),
            }
        });
        done.await.unwrap_or_else(|e| {
            let fault = fault::of(Error::internal(format!("SOAP operation: {e}")));
            answer::fault(version, &header, &fault)
        })
    }
}

/// A request that was let in.
pub(crate) struct Ready {
    pub(crate) port: Port,
    pub(crate) operation: &'static Operation,
    pub(crate) actor: Actor,
    pub(crate) base: Base,
    pub(crate) version: Version,
    pub(crate) header: Header,
}

enum Admitted {
    Done(Box<Response<Bytes>>),
    Later(Box<Ready>),
}

pub(crate) fn limits() -> Limits {
    Limits {
        bytes: MAX_BODY * 2,
        ..Limits::default()
    }
}

/// What is told of a request that is no envelope, or one of another version (SOAP 1.2 part 1 §5.4.7).
fn unreadable(error: onvif_xml::Error) -> Fault {
    let other_version = matches!(&error.kind, ErrorKind::Unexpected { found, expected }
        if [found, expected].iter().all(|name| name.ends_with("}Envelope")));
    if other_version {
        Fault::new(Code::VersionMismatch, &[], error.to_string())
    } else {
        Fault::from(error)
    }
}

impl Inner {
    /// Reads a request up to its operation, checks who calls, and answers what neither waits nor
    /// writes.
    fn admit(&self, request: &HttpRequest, body: &[u8]) -> Result<Admitted, Box<Response<Bytes>>> {
        let text = request.decode(body);
        let message = Message::parse(&text, limits()).map_err(|e| {
            tracing::debug!(peer = ?request.peer, "unreadable SOAP request: {e}");
            let fault = unreadable(e);
            Box::new(answer::fault(
                Version::default(),
                &Header::default(),
                &fault,
            ))
        })?;
        let Message {
            version,
            header,
            body,
        } = message;
        let refuse = |fault: Fault| Box::new(answer::fault(version, &header, &fault));
        // WS-Addressing and WS-Security are understood as far as they concern us (interop trap 8).
        let known = [ns::WSA.uri(), ns::WSA04.uri(), ns::WSSE.uri()];
        let strange = |h: &&OtherHeader| h.must_understand && !known.contains(&h.uri.as_str());
        if let Some(other) = header.other.iter().find(strange) {
            return Err(refuse(Fault::new(
                Code::MustUnderstand,
                &[],
                format!(
                    "the header {{{}}}{} is not understood",
                    other.uri, other.local
                ),
            )));
        }
        let Some((port, operation)) = Port::of(body.ns, body.name) else {
            tracing::debug!(peer = ?request.peer, uri = %body.uri, name = %body.name, "unknown operation");
            return Err(refuse(Fault::action_not_supported(&fault::shortened(
                body.name,
            ))));
        };
        let actor = auth::soap(&self.device, request, &header, operation).map_err(|denied| {
            tracing::debug!(peer = ?request.peer, operation = operation.name, "refused: {}", denied.error);
            Box::new(answer::denied(&self.device, version, &header, denied))
        })?;
        if actor.user.is_some() {
            let local = request.local.map(|l| l.ip());
            self.device.network_reached(&actor, local);
        }
        if !functions::is_answered(operation) {
            // Before its body is read: whatever it holds, it is not supported.
            return Err(refuse(Fault::action_not_supported(operation.name)));
        }
        let needs = model::of_operation(port, operation);
        if let Err(e) = self.device.product().require(needs) {
            return Err(refuse(fault::of(e)));
        }
        let ready = Ready {
            port,
            operation,
            actor,
            base: self.base(request),
            version,
            header,
        };
        if operation.waits || writes(operation) {
            return Ok(Admitted::Later(Box::new(ready)));
        }
        let response = self.dispatch(&ready, body, request.uri.path());
        Ok(Admitted::Done(Box::new(response)))
    }

    fn dispatch(&self, ready: &Ready, body: Body<'_>, path: &str) -> Response<Bytes> {
        let call = Call {
            inner: self,
            actor: &ready.actor,
            base: &ready.base,
            path,
            to: ready.header.to.as_deref(),
        };
        match ready.port.dispatch(&call, ready.operation, body) {
            Ok(written) => {
                tracing::trace!(operation = ready.operation.name, actor = %ready.actor, "answered");
                let action = ready.operation.response_action;
                answer::soap(ready.version, &ready.header, action, written)
            }
            Err(fault) => {
                tracing::debug!(operation = ready.operation.name, actor = %ready.actor, "fault: {fault}");
                answer::fault(ready.version, &ready.header, &fault)
            }
        }
    }

    /// The port of HTTP or HTTPS, for who does not say which one was used.
    fn port(&self, tls: bool) -> u16 {
        let ports = self.ports.get();
        if tls {
            ports.https.unwrap_or(443)
        } else {
            ports.http.unwrap_or(80)
        }
    }

    /// The address that the client used.
    pub(crate) fn base(&self, request: &HttpRequest) -> Base {
        let fallback = (self.first_address(), self.port(request.tls));
        Base::of(
            &request.headers,
            request.tls,
            request.local,
            request.peer_ip(),
            fallback,
        )
    }

    /// An address under which others reach us: the first of an interface that is up, IPv4 first.
    pub(crate) fn first_address(&self) -> Option<IpAddr> {
        let mut all: Vec<IpAddr> = self
            .device
            .network
            .interfaces()
            .iter()
            .filter(|i| i.up && !i.loopback)
            .flat_map(|i| i.addresses.iter().map(|(ip, _)| *ip))
            .collect();
        all.sort_by_key(|ip| !ip.is_ipv4());
        all.first().copied()
    }

    /// Whether the services are offered at all (SYS-34).
    pub(crate) fn is_on(&self) -> bool {
        self.device.settings.get::<Switches>().enabled
    }

    /// An address of ours, for messages that nobody asked for.
    pub(crate) fn own_base(&self) -> Base {
        let ip = self.first_address().unwrap_or(IpAddr::from([127, 0, 0, 1]));
        Base::at(ip, self.ports.get())
    }

    pub(crate) fn now(&self) -> UtcTime {
        self.device.clock.now()
    }
}

/// Whether the operation may change something, and so may take long. Seek stores what waits before it reads.
fn writes(operation: &Operation) -> bool {
    use onvif_contracts::port::AccessClass as C;
    let changes = matches!(
        operation.access,
        C::WriteSystem | C::Unrecoverable | C::Actuate
    );
    changes || operation.name == "Seek"
}
