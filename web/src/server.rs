//! Listeners, TLS, limits, clean end.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::Router;
use hyper::service::service_fn;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use parking_lot::Mutex;
use platecam_model::Device;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use crate::{
    Config, ConnInfo, Limits, RtspTunnel,
    app::{self, Stop},
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

/// A running server.
#[derive(Debug)]
pub struct Server {
    /// Address of plain HTTP, with the real port.
    pub http: Option<SocketAddr>,
    /// Address of HTTPS, with the real port.
    pub https: Option<SocketAddr>,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Server {
    /// Stops listening, ends WebSockets, lets running requests finish for a second, then returns.
    pub async fn shutdown(mut self) {
        self.stop.send_replace(true);
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(GRACE * 2, all).await.is_err() {
            self.tasks.shutdown().await;
        }
    }
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
    let mut listeners = Vec::new();
    if let Some(address) = config.http {
        listeners.push((listen(address).await?, None));
    }
    if let Some(tls) = &config.https {
        let mut rustls = (*tls.config).clone();
        rustls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        listeners.push((
            listen(tls.address).await?,
            Some(TlsAcceptor::from(Arc::new(rustls))),
        ));
    }
    if listeners.is_empty() {
        return Err(Error::NoAddress);
    }
    let (stop, stopping) = watch::channel(false);
    let router = app::router(device, rtsp, config.limits, extra, stopping.clone());
    let gate = Arc::new(Gate::new(config.limits));
    let mut server = Server {
        http: None,
        https: None,
        stop,
        tasks: JoinSet::new(),
    };
    for (listener, tls) in listeners {
        let local = listener.local_addr().ok();
        match tls {
            Some(_) => server.https = local,
            None => server.http = local,
        }
        let door = Door {
            router: router.clone(),
            tls,
            gate: gate.clone(),
            limits: config.limits,
            stop: Stop(stopping.clone()),
        };
        server.tasks.spawn(door.accept(listener));
    }
    Ok(server)
}

async fn listen(address: SocketAddr) -> Result<TcpListener, Error> {
    TcpListener::bind(address)
        .await
        .map_err(|source| Error::Listen { address, source })
}

/// Counts connections.
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
    router: Router,
    tls: Option<TlsAcceptor>,
    gate: Arc<Gate>,
    limits: Limits,
    stop: Stop,
}

impl Door {
    async fn accept(mut self, listener: TcpListener) {
        let mut connections = JoinSet::new();
        loop {
            // A place first: connections beyond the limit wait in the kernel's backlog.
            let permit = match self.gate.all.clone().acquire_owned().await {
                Ok(permit) => permit,
                Err(_) => return,
            };
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.stop.wait() => break,
            };
            let (tcp, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file descriptors, most likely; others will close theirs.
                    tracing::warn!(%error, "accept failed");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            let Some(place) = self.gate.enter(peer.ip()) else {
                tracing::debug!(%peer, "too many connections of one address");
                continue;
            };
            let door = self.clone();
            connections.spawn(async move {
                let _kept = (permit, place);
                door.connection(tcp, peer).await;
            });
            while connections.try_join_next().is_some() {}
        }
        drop(listener);
        let all = async { while connections.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(GRACE, all).await;
    }

    async fn connection(self, tcp: TcpStream, peer: SocketAddr) {
        let Ok(local) = tcp.local_addr() else { return };
        // Live video goes out in small messages that must not wait for each other.
        let _ = tcp.set_nodelay(true);
        match self.tls.clone() {
            None => {
                self.http(
                    tcp,
                    ConnInfo {
                        peer,
                        local,
                        secure: false,
                    },
                )
                .await
            }
            Some(acceptor) => match tokio::time::timeout(HANDSHAKE, acceptor.accept(tcp)).await {
                Ok(Ok(stream)) => {
                    self.http(
                        stream,
                        ConnInfo {
                            peer,
                            local,
                            secure: true,
                        },
                    )
                    .await
                }
                Ok(Err(error)) => tracing::debug!(%peer, %error, "TLS handshake failed"),
                Err(_) => tracing::debug!(%peer, "TLS handshake took too long"),
            },
        }
    }

    async fn http(
        mut self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        conn: ConnInfo,
    ) {
        let router = self.router;
        let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
            conn.attach(request.extensions_mut());
            router.clone().oneshot(request)
        });
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.header_timeout)
            .max_buf_size(self.limits.header_bytes);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(64)
            .max_header_list_size(u32::try_from(self.limits.header_bytes).unwrap_or(u32::MAX))
            .keep_alive_interval(self.limits.header_timeout)
            .keep_alive_timeout(HANDSHAKE);
        let serving = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
        tokio::pin!(serving);
        let result = tokio::select! {
            result = &mut serving => result,
            () = self.stop.wait() => {
                serving.as_mut().graceful_shutdown();
                serving.await
            }
        };
        if let Err(error) = result {
            tracing::debug!(peer = %conn.peer, %error, "connection ended");
        }
    }
}
