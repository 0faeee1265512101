//! Listeners, TLS, limits, clean end.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    response::{IntoResponse, Response},
};
use http::{StatusCode, header};
use hyper::service::service_fn;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use parking_lot::Mutex;
use platecam_model::{Device, Origin};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;

use crate::{
    Config, ConnInfo, Limits, RtspTunnel, Tls, Viewer,
    app::{self, Stop},
    redirect::Redirect,
    tunnel::{self, Rewound},
};

/// Time for a TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Time that running requests get when the server stops.
const GRACE: Duration = Duration::from_secs(1);

/// Why the server could not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An address cannot be listened on: taken, not ours, or a port that needs more rights.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address wanted.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Neither HTTP nor HTTPS is wanted.
    #[error("no address to listen on")]
    NoAddress,
}

/// A running server, whose listeners may come and go while it runs.
#[derive(Debug)]
pub struct Server {
    shared: Shared,
    stop: watch::Sender<bool>,
    http: Mutex<Option<Listener>>,
    https: Mutex<Option<Listener>>,
    /// One change at a time.
    changing: tokio::sync::Mutex<()>,
}

/// One open listener.
#[derive(Debug)]
struct Listener {
    /// As asked for, the port perhaps 0.
    wanted: SocketAddr,
    local: SocketAddr,
    close: CancellationToken,
    task: JoinHandle<()>,
    tls: Arc<Mutex<Option<Arc<rustls::ServerConfig>>>>,
}

/// Which of the two listeners.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slot {
    Http,
    Https,
}

impl Server {
    /// Address of plain HTTP, with the real port.
    #[must_use]
    pub fn http(&self) -> Option<SocketAddr> {
        self.http.lock().as_ref().map(|l| l.local)
    }

    /// Address of HTTPS, with the real port.
    #[must_use]
    pub fn https(&self) -> Option<SocketAddr> {
        self.https.lock().as_ref().map(|l| l.local)
    }

    /// Serves plain HTTP at `address` from now on, or not at all. Says whether anything changed.
    ///
    /// The new listener is open before the old one closes. Connections of the old one end once their
    /// request is answered, WebSockets go on; HTTPS is not disturbed. Once this returns, the old port is
    /// free.
    ///
    /// # Errors
    /// [`Error::Listen`]; the listener is the one of before then.
    pub async fn set_http(&self, address: Option<SocketAddr>) -> Result<bool, Error> {
        self.replace(Slot::Http, address.map(|a| (a, None))).await
    }

    /// The same for HTTPS. A listener whose address stays has the TLS configuration from the next connection on.
    ///
    /// # Errors
    /// As [`Server::set_http`].
    pub async fn set_https(&self, tls: Option<Tls>) -> Result<bool, Error> {
        let wanted = tls.map(|tls| (tls.address, Some(with_alpn(&tls))));
        self.replace(Slot::Https, wanted).await
    }

    /// Whether plain HTTP answers everything with 308 to HTTPS, while HTTPS is served (SEC-7).
    pub fn set_redirect(&self, redirect: bool) {
        self.shared
            .redirect
            .wanted
            .store(redirect, Ordering::Relaxed);
    }

    /// Stops listening, ends WebSockets, lets running requests finish for a second, then returns.
    pub async fn shutdown(&self) {
        self.stop.send_replace(true);
        let tasks = &self.shared.tasks;
        tasks.close();
        if tokio::time::timeout(GRACE, tasks.wait()).await.is_err() {
            self.shared.cut.cancel();
            let _ = tokio::time::timeout(GRACE, tasks.wait()).await;
        }
    }

    async fn replace(
        &self,
        slot: Slot,
        wanted: Option<(SocketAddr, Option<Arc<rustls::ServerConfig>>)>,
    ) -> Result<bool, Error> {
        let _one = self.changing.lock().await;
        let place = match slot {
            Slot::Http => &self.http,
            Slot::Https => &self.https,
        };
        let now = place.lock().as_ref().map(|l| (l.wanted, l.local));
        let stays = match (&wanted, now) {
            (None, None) => true,
            (Some((address, _)), Some((was, local))) => *address == was || *address == local,
            _ => false,
        };
        if stays {
            if let (Some((_, tls)), Some(listener)) = (wanted, place.lock().as_ref()) {
                *listener.tls.lock() = tls;
            }
            return Ok(false);
        }
        let new = match wanted {
            Some((address, tls)) => Some(self.shared.open(address, tls).await?),
            None => None,
        };
        if slot == Slot::Https {
            let port = new.as_ref().map_or(0, |l| l.local.port());
            self.shared.redirect.port.store(port, Ordering::Relaxed);
        }
        let old = std::mem::replace(&mut *place.lock(), new);
        if let Some(old) = old {
            old.close.cancel();
            let _ = old.task.await;
        }
        Ok(true)
    }
}

fn with_alpn(tls: &Tls) -> Arc<rustls::ServerConfig> {
    let mut rustls = (*tls.config).clone();
    rustls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Arc::new(rustls)
}

/// Starts the server. `extra` routers (ONVIF) bring their own full paths and have no fallback.
///
/// # Errors
/// [`Error::Listen`] when an address cannot be had; nothing listens then.
pub async fn serve(
    config: Config,
    device: Device,
    extra: Vec<Router>,
    rtsp: Arc<dyn RtspTunnel>,
) -> Result<Server, Error> {
    if config.http.is_none() && config.https.is_none() {
        return Err(Error::NoAddress);
    }
    let (stop, stopping) = watch::channel(false);
    let shared = Shared {
        device: device.clone(),
        router: app::router(device, rtsp.clone(), config.limits, extra, stopping.clone()),
        rtsp,
        gate: Arc::new(Gate::new(config.limits)),
        limits: config.limits,
        stop: Stop(stopping),
        cut: CancellationToken::new(),
        tasks: TaskTracker::new(),
        redirect: Arc::default(),
    };
    // On an error the server is dropped, and with its sender everything that listens.
    let server = Server {
        shared,
        stop,
        http: Mutex::default(),
        https: Mutex::default(),
        changing: tokio::sync::Mutex::default(),
    };
    server.set_http(config.http).await?;
    server.set_https(config.https).await?;
    Ok(server)
}

/// What all listeners and connections need.
#[derive(Clone)]
struct Shared {
    device: Device,
    router: Router,
    rtsp: Arc<dyn RtspTunnel>,
    gate: Arc<Gate>,
    limits: Limits,
    stop: Stop,
    /// Ends what did not end in time.
    cut: CancellationToken,
    tasks: TaskTracker,
    redirect: Arc<Redirect>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared")
            .field("device", &self.device)
            .finish_non_exhaustive()
    }
}

impl Shared {
    async fn open(
        &self,
        address: SocketAddr,
        tls: Option<Arc<rustls::ServerConfig>>,
    ) -> Result<Listener, Error> {
        let listener = listen(address).await?;
        let failed = |source| Error::Listen { address, source };
        let local = listener.local_addr().map_err(failed)?;
        let close = CancellationToken::new();
        let tls = Arc::new(Mutex::new(tls));
        let door = Door {
            shared: self.clone(),
            tls: tls.clone(),
            close: close.clone(),
        };
        Ok(Listener {
            wanted: address,
            local,
            close,
            task: self.tasks.spawn(door.accept(listener)),
            tls,
        })
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, Error> {
    TcpListener::bind(address)
        .await
        .map_err(|source| Error::Listen { address, source })
}

/// For a connection whose address was shut out while it was open: it ends with this.
fn not_admitted() -> Response {
    let headers = [(header::CONNECTION, "close")];
    (StatusCode::FORBIDDEN, headers, Body::empty()).into_response()
}

/// Counts connections.
#[derive(Debug)]
struct Gate {
    all: Arc<Semaphore>,
    by_peer: Mutex<HashMap<IpAddr, usize>>,
    per_peer: usize,
}

impl Gate {
    fn new(limits: Limits) -> Self {
        Self {
            all: Arc::new(Semaphore::new(limits.connections)),
            by_peer: Mutex::new(HashMap::new()),
            per_peer: limits.connections_per_peer,
        }
    }

    fn enter(self: &Arc<Self>, peer: IpAddr) -> Option<Place> {
        let mut by_peer = self.by_peer.lock();
        let count = by_peer.entry(peer).or_insert(0);
        if *count >= self.per_peer {
            return None;
        }
        *count += 1;
        Some(Place {
            gate: self.clone(),
            peer,
        })
    }
}

/// A connection's place; leaving frees it.
struct Place {
    gate: Arc<Gate>,
    peer: IpAddr,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut by_peer = self.gate.by_peer.lock();
        if let Some(count) = by_peer.get_mut(&self.peer) {
            *count -= 1;
            if *count == 0 {
                by_peer.remove(&self.peer);
            }
        }
    }
}

/// One listener with what its connections need.
#[derive(Clone)]
struct Door {
    shared: Shared,
    /// As of now: its versions may change while it listens.
    tls: Arc<Mutex<Option<Arc<rustls::ServerConfig>>>>,
    /// The listener closes; its connections end as soon as they may.
    close: CancellationToken,
}

impl Door {
    /// Returns when the listener, or the whole server, is to close.
    async fn closing(&self) {
        let mut stop = self.shared.stop.clone();
        tokio::select! {
            () = stop.wait() => {}
            () = self.close.cancelled() => {}
        }
    }

    async fn accept(self, listener: TcpListener) {
        loop {
            // A place first: connections beyond the limit wait in the kernel's backlog.
            let next = async {
                let permit = self.shared.gate.all.clone().acquire_owned().await;
                (permit, listener.accept().await)
            };
            let (permit, accepted) = tokio::select! {
                next = next => next,
                () = self.closing() => return,
            };
            let Ok(permit) = permit else { return };
            let (tcp, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file descriptors, most likely; others will close theirs.
                    tracing::warn!(%error, "accept failed");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            if !self.shared.device.accounts.admits(peer.ip(), Origin::Web) {
                tracing::debug!(%peer, "refused by the access filter");
                continue;
            }
            let Some(place) = self.shared.gate.enter(peer.ip()) else {
                tracing::debug!(%peer, "too many connections of one address");
                continue;
            };
            let door = self.clone();
            let cut = self.shared.cut.clone();
            self.shared.tasks.spawn(async move {
                let _kept = (permit, place);
                let _ = cut.run_until_cancelled(door.connection(tcp, peer)).await;
            });
        }
    }

    async fn connection(self, tcp: TcpStream, peer: SocketAddr) {
        let Ok(local) = tcp.local_addr() else { return };
        // Live video goes out in small messages that must not wait for each other.
        let _ = tcp.set_nodelay(true);
        let tls = self.tls.lock().clone().map(TlsAcceptor::from);
        let conn = |secure| ConnInfo {
            peer,
            local,
            secure,
        };
        match tls {
            None => self.first(tcp, conn(false)).await,
            Some(acceptor) => match tokio::time::timeout(HANDSHAKE, acceptor.accept(tcp)).await {
                Ok(Ok(stream)) => self.first(stream, conn(true)).await,
                Ok(Err(error)) => tracing::debug!(%peer, %error, "TLS handshake failed"),
                Err(_) => tracing::debug!(%peer, "TLS handshake took too long"),
            },
        }
    }

    /// Tells the halves of an RTSP tunnel, which hyper would cut off where their `Content-Length` ends, from HTTP.
    async fn first(
        self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        conn: ConnInfo,
    ) {
        let mut stream = Rewound::new(stream);
        let limits = self.shared.limits;
        let reading = stream.read_head(limits.header_bytes);
        tokio::select! {
            read = tokio::time::timeout(limits.header_timeout, reading) => if read.is_err() { return },
            // What is there already is answered.
            () = self.closing() => {}
        }
        let redirected = !conn.secure && self.shared.redirect.is_on();
        if redirected || !tunnel::is_half(stream.head()) {
            return self.http(stream, conn).await;
        }
        let viewer = Viewer {
            actor: None,
            peer: conn.peer,
            local: conn.local,
            secure: conn.secure,
        };
        let mut stop = self.shared.stop.clone();
        tokio::select! {
            () = self.shared.rtsp.serve(Box::new(stream), viewer) => {}
            () = stop.wait() => {}
        }
    }

    async fn http(
        self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        conn: ConnInfo,
    ) {
        let (router, redirect) = (self.shared.router.clone(), self.shared.redirect.clone());
        let device = self.shared.device.clone();
        let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
            conn.attach(request.extensions_mut());
            // The filter may have changed since the connection was accepted.
            let shut_out = !device.accounts.admits(conn.peer.ip(), Origin::Web);
            let elsewhere = redirect.answer(&request, &conn);
            let router = router.clone();
            async move {
                if shut_out {
                    return Ok(not_admitted());
                }
                match elsewhere {
                    Some(answer) => Ok(answer),
                    None => router.oneshot(request).await,
                }
            }
        });
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(self.shared.limits.header_timeout)
            .max_buf_size(self.shared.limits.header_bytes);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(64)
            .max_header_list_size(
                u32::try_from(self.shared.limits.header_bytes).unwrap_or(u32::MAX),
            )
            .keep_alive_interval(self.shared.limits.header_timeout)
            .keep_alive_timeout(HANDSHAKE);
        let serving = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
        tokio::pin!(serving);
        let result = tokio::select! {
            // First, as it may have been read already.
            biased;
            result = &mut serving => result,
            () = self.closing() => {
                serving.as_mut().graceful_shutdown();
                serving.await
            }
        };
        if let Err(error) = result {
            tracing::debug!(peer = %conn.peer, %error, "connection ended");
        }
    }
}
