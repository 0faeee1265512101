//! The web server with its neighbours: ONVIF below `/onvif/`, RTSP behind the live WebSocket, TLS.

use std::{future::Future, net::SocketAddr, pin::Pin, sync::Arc};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State as Shared},
    response::{IntoResponse, Response},
    routing::{any, post},
};
use parking_lot::Mutex;
use platecam_host::CertificateStore;
use platecam_model::{Device, broadcast::MAX_CLIP_BYTES, config::MAX_CONFIG, settings::NetHttps};
use platecam_onvif::{HttpRequest, MAX_BODY, OnvifService};
use platecam_web::{ByteStream, ConnInfo, RtspTunnel, Viewer};
use rustls::{
    server::{ClientHello, NoServerSessionStorage, ResolvesServerCert},
    sign::CertifiedKey,
    version::{TLS12, TLS13},
};
use tokio::sync::watch;

use crate::{Failure, cli::exit};

/// ONVIF's HTTP side as a router of the web server.
pub(crate) fn onvif_router(service: OnvifService, device: Device) -> Router {
    Router::new()
        .route("/onvif/{*rest}", any(onvif))
        .with_state(service.clone())
        .merge(
            Router::new()
                .route("/onvif/firmware/{ticket}", post(firmware).put(firmware))
                .with_state((service.clone(), device)),
        )
        .merge(
            Router::new()
                .route("/onvif/restore/{ticket}", post(restore))
                .route(
                    "/onvif/audio-clip/{ticket}",
                    post(audio_clip).put(audio_clip),
                )
                .with_state(service),
        )
}

/// A firmware package: too large to be held in memory, so it goes past SOAP.
async fn firmware(
    Shared((service, device)): Shared<(OnvifService, Device)>,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    match service.firmware_upload(head.uri.path()) {
        Some(by) => platecam_web::receive_upgrade(device, by, &head.headers, body).await,
        None => http::StatusCode::FORBIDDEN.into_response(),
    }
}

/// A backup to restore: larger than SOAP may be.
async fn restore(Shared(service): Shared<OnvifService>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    // One byte more than allowed reaches the service, which refuses it.
    let body = match to_bytes(body, MAX_CONFIG + 1).await {
        Ok(body) => body,
        Err(_) => vec![0; MAX_CONFIG + 1].into(),
    };
    let path = head.uri.path().to_owned();
    let done = tokio::task::spawn_blocking(move || service.restore(&path, &body));
    match done.await {
        Ok(response) => response.map(Body::from),
        Err(e) => {
            tracing::error!(error = %e, "restore");
            http::StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// The sound of a voice prompt: larger than SOAP may be.
async fn audio_clip(Shared(service): Shared<OnvifService>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    // One byte more than allowed reaches the service, which refuses it.
    let body = match to_bytes(body, MAX_CLIP_BYTES + 1).await {
        Ok(body) => body.to_vec(),
        Err(_) => vec![0; MAX_CLIP_BYTES + 1],
    };
    let path = head.uri.path().to_owned();
    let done = tokio::task::spawn_blocking(move || service.audio_clip(&path, body));
    match done.await {
        Ok(response) => response.map(Body::from),
        Err(e) => {
            tracing::error!(error = %e, "audio clip");
            http::StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

async fn onvif(Shared(service): Shared<OnvifService>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let conn = head.extensions.get::<ConnInfo>().copied();
    // One byte more than allowed reaches the service, which then says what is allowed.
    let body = match to_bytes(body, MAX_BODY + 1).await {
        Ok(body) => body,
        Err(_) => vec![0; MAX_BODY + 1].into(),
    };
    let request = HttpRequest {
        method: head.method,
        uri: head.uri,
        headers: head.headers,
        peer: conn.map(|c| c.peer),
        local: conn.map(|c| c.local),
        tls: conn.is_some_and(|c| c.secure),
    };
    service.handle(request, body).await.map(Body::from)
}

/// The RTSP server behind `/api/v1/live`.
pub(crate) struct Tunnel(pub(crate) Arc<rtsp::Server>);

impl RtspTunnel for Tunnel {
    fn port(&self) -> Option<u16> {
        self.0.local_addrs().first().map(SocketAddr::port)
    }

    fn serve(
        &self,
        stream: Box<dyn ByteStream>,
        viewer: Viewer,
    ) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let server = self.0.clone();
        let user = viewer.actor.and_then(|a| a.user).map(rtsp::User::new);
        Box::pin(async move {
            let context = rtsp::ConnectionContext {
                user,
                local: Some(viewer.local),
                secure: viewer.secure,
                transport: rtsp::Transport::WebSocket,
            };
            server.serve_connection(stream, viewer.peer, context).await;
        })
    }
}

/// Serves each new connection with the certificate that is in use then; running ones keep theirs.
#[derive(Debug)]
struct Newest(Arc<CertificateStore>);

impl ResolvesServerCert for Newest {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.current()
    }
}

/// TLS 1.2 and 1.3 (HTTPS-8) with the certificate that the store says. Without client certificates one configuration
/// for each choice of versions, kept for the run: sessions can be resumed across changes of other settings.
pub(crate) struct TlsConfigs {
    store: Arc<CertificateStore>,
    both: Arc<rustls::ServerConfig>,
    only_12: Arc<rustls::ServerConfig>,
    only_13: Arc<rustls::ServerConfig>,
    guarded: Mutex<Option<(Guard, Arc<rustls::ServerConfig>)>>,
}

/// What decides about clients.
#[derive(PartialEq, Eq)]
struct Guard {
    settings: (bool, bool, String, bool),
    lists: u64,
}

impl TlsConfigs {
    pub(crate) fn new(store: &Arc<CertificateStore>) -> Self {
        // A second installation in one process is refused; the first is the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let of = |versions: Versions| {
            let config = rustls::ServerConfig::builder_with_protocol_versions(versions)
                .with_no_client_auth()
                .with_cert_resolver(Arc::new(Newest(store.clone())));
            Arc::new(config)
        };
        Self {
            store: store.clone(),
            both: of(&BOTH),
            only_12: of(&ONLY_12),
            only_13: of(&ONLY_13),
            guarded: Mutex::default(),
        }
    }

    /// Told when the same settings mean something else: the revocation lists changed.
    pub(crate) fn revocations(&self) -> watch::Receiver<u64> {
        self.store.revocations()
    }

    /// What the settings say; they do not allow no version.
    pub(crate) fn of(&self, on: &NetHttps) -> Arc<rustls::ServerConfig> {
        match on {
            NetHttps {
                client_certificates: true,
                ..
            } => self.guarded(on),
            NetHttps { tls13: false, .. } => self.only_12.clone(),
            NetHttps { tls12: false, .. } => self.only_13.clone(),
            _ => self.both.clone(),
        }
    }

    /// With client certificates. No session is resumed: every connection is verified by what holds then.
    fn guarded(&self, on: &NetHttps) -> Arc<rustls::ServerConfig> {
        let ca = on.client_ca.clone();
        let wanted = Guard {
            settings: (on.tls12, on.tls13, ca, on.client_usage),
            lists: *self.store.revocations().borrow(),
        };
        let mut guarded = self.guarded.lock();
        if let Some((known, config)) = &*guarded
            && *known == wanted
        {
            return config.clone();
        }
        let versions: Versions = match (on.tls12, on.tls13) {
            (_, false) => &ONLY_12,
            (false, true) => &ONLY_13,
            (true, true) => &BOTH,
        };
        let verifier = self.store.client_verifier(&on.client_ca, on.client_usage);
        let mut config = rustls::ServerConfig::builder_with_protocol_versions(versions)
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(Arc::new(Newest(self.store.clone())));
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        let config = Arc::new(config);
        *guarded = Some((wanted, config.clone()));
        config
    }
}

type Versions = &'static [&'static rustls::SupportedProtocolVersion];
static BOTH: [&rustls::SupportedProtocolVersion; 2] = [&TLS13, &TLS12];
static ONLY_12: [&rustls::SupportedProtocolVersion; 1] = [&TLS12];
static ONLY_13: [&rustls::SupportedProtocolVersion; 1] = [&TLS13];

/// Why the web server did not start, with the port's number.
pub(crate) fn refused(e: &platecam_web::Error) -> Failure {
    let reason = std::error::Error::source(e)
        .map(|s| format!(": {s}"))
        .unwrap_or_default();
    Failure::new(exit::LISTEN, format!("web: {e}{reason}"))
}

/// The two addresses of the web server.
pub(crate) fn config(
    http: Option<SocketAddr>,
    https: Option<SocketAddr>,
    tls: Arc<rustls::ServerConfig>,
) -> platecam_web::Config {
    platecam_web::Config {
        http,
        https: https.map(|address| platecam_web::Tls {
            address,
            config: tls,
        }),
        ..platecam_web::Config::default()
    }
}
