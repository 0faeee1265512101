//! The server: listeners, limits, the list of sessions.

mod config;
mod connection;
mod handler;
mod listener;
mod multicast;
mod player;
mod registry;
mod round;
mod session;
mod tls;
mod tunnel;
mod udp;
mod writer;

use std::io;
use std::net::{IpAddr, Shutdown, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime};

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use config::Config;
pub use multicast::Multicast;
pub use tls::{Duplex, Handshake, Secure};

use crate::auth::{Authorizer, User};
use crate::error::Error;
use crate::random;
use crate::source::MediaSource;
use crate::stream::Stream;
use connection::{Connection, Ends};
use listener::Listeners;
use multicast::Casts;
use player::Exit;
use registry::Registry;
use round::Rounds;
use tunnel::Tunnels;
use udp::UdpPair;

/// How a session's media reaches its viewer.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// RTP over UDP unicast.
    Udp,
    /// RTP over UDP multicast.
    Multicast,
    /// RTP interleaved in a plain RTSP connection.
    Tcp,
    /// Interleaved, RTSP over TLS.
    Tls,
    /// Interleaved, RTSP over WebSocket.
    WebSocket,
    /// Interleaved, RTSP tunnelled in HTTP.
    HttpTunnel,
}

impl Transport {
    /// Media goes over the session's own RTSP connection.
    pub(crate) fn is_interleaved(self) -> bool {
        !matches!(self, Transport::Udp | Transport::Multicast)
    }
}

/// What is known of a connection that somebody else accepted.
#[derive(Clone, Debug)]
pub struct ConnectionContext {
    /// The user, when the adapter has authenticated one; RTSP credentials are then not asked for.
    pub user: Option<User>,
    /// The address the client reached, for the SDP and for URLs without host.
    pub local: Option<SocketAddr>,
    /// The connection is under TLS.
    pub secure: bool,
    /// What the connection is, for the list of sessions. UDP is not offered on it.
    pub transport: Transport,
}

/// One session, for a page of online users.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionInfo {
    /// Number for [`Server::disconnect`]; not the session id of the protocol, which is a secret.
    pub id: u64,
    /// Who watches.
    pub user: User,
    /// From where.
    pub peer: SocketAddr,
    /// Name of the stream.
    pub stream: String,
    /// Path and query of the stream.
    pub url: String,
    /// How it is sent.
    pub transport: Transport,
    /// When it was set up.
    pub started: SystemTime,
    /// False before PLAY and while paused.
    pub playing: bool,
    /// Media bytes sent.
    pub bytes: u64,
    /// Frames left out because the viewer was too slow.
    pub dropped_frames: u64,
    /// Share of packets lost, 0 to 1, from the viewer's last receiver report.
    pub lost: f32,
}

/// Ends one session from outside; cheap to clone. Does nothing once the session is over.
#[derive(Clone)]
pub struct SessionEnd {
    shared: Weak<Shared>,
    id: u64,
    cancel: CancellationToken,
}

impl SessionEnd {
    /// Ends the session with BYE.
    pub fn end(&self) {
        // First, for a session that is not in the registry yet.
        self.cancel.cancel();
        if let Some(shared) = self.shared.upgrade() {
            shared.registry.end_where(|session| session.id == self.id);
        }
    }
}

impl std::fmt::Debug for SessionEnd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SessionEnd({})", self.id)
    }
}

/// A running server. Clones share it; it runs until [`Server::shutdown`].
#[derive(Clone)]
pub struct Server {
    shared: Arc<Shared>,
    listeners: Arc<Listeners>,
    /// Those of RTSPS.
    secure: Arc<Listeners>,
}

/// What all connections share.
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) cname: String,
    pub(crate) source: Arc<dyn MediaSource>,
    pub(crate) authorizer: Arc<dyn Authorizer>,
    pub(crate) registry: Registry,
    pub(crate) tunnels: Tunnels,
    pub(crate) casts: Casts,
    pub(crate) rounds: Rounds,
    pub(crate) cancel: CancellationToken,
    pub(crate) tasks: TaskTracker,
    next_connection: AtomicU64,
}

impl Server {
    /// Listens on `addresses` (port 0: any) and serves. With no address only [`Server::serve_connection`]
    /// brings clients.
    ///
    /// # Errors
    /// [`Error::Config`] for a value out of bounds, [`Error::Listen`] and [`Error::UdpPair`] for ports that
    /// cannot be had.
    pub async fn bind(
        addresses: &[SocketAddr],
        config: Config,
        source: Arc<dyn MediaSource>,
        authorizer: Arc<dyn Authorizer>,
    ) -> Result<Server, Error> {
        config.check()?;
        let cname = match config.cname.as_str() {
            "" => format!("{:08x}{:08x}", random::weak_u32(), random::weak_u32()),
            name => name.to_owned(),
        };
        let shared = Arc::new(Shared {
            registry: Registry::new(config.max_sessions),
            tunnels: Tunnels::default(),
            casts: Casts::default(),
            rounds: Rounds::default(),
            config,
            cname,
            source,
            authorizer,
            cancel: CancellationToken::new(),
            tasks: TaskTracker::new(),
            next_connection: AtomicU64::new(1),
        });
        let listeners = Arc::new(Listeners::default());
        if let Err(error) = listeners.rebind(&shared, addresses, None).await {
            shared.cancel.cancel();
            return Err(error);
        }
        shared
            .tasks
            .spawn(registry::expire_sessions(shared.clone()));
        Ok(Server {
            shared,
            listeners,
            secure: Arc::default(),
        })
    }

    /// Listens on `addresses` from now on, instead of those before; sessions and connections go on as
    /// they are, over UDP as well. An address listened on already stays; with none, only
    /// [`Server::serve_connection`] brings clients. Once this returns, ports given up are free.
    ///
    /// New addresses are taken before old ones are given up. Where that cannot be (an address and the
    /// unspecified one of the same port), give up first: `rebind(&[])`.
    ///
    /// # Errors
    /// As [`Server::bind`]; the listeners are those of before then.
    pub async fn rebind(&self, addresses: &[SocketAddr]) -> Result<(), Error> {
        self.listeners.rebind(&self.shared, addresses, None).await
    }

    /// The same for RTSP over TLS; there is none of it until this is called. A listener that stays does so with
    /// the `secure` it began with. No UDP is offered on it.
    ///
    /// # Errors
    /// As [`Server::bind`]; the listeners are those of before then.
    pub async fn rebind_secure(
        &self,
        addresses: &[SocketAddr],
        secure: Arc<dyn Secure>,
    ) -> Result<(), Error> {
        self.secure
            .rebind(&self.shared, addresses, Some(secure))
            .await
    }

    /// The addresses listened on for RTSP over TLS, with their real ports.
    pub fn secure_addrs(&self) -> Vec<SocketAddr> {
        self.secure.local_addrs()
    }

    /// The addresses listened on, in the order given, with their real ports.
    pub fn local_addrs(&self) -> Vec<SocketAddr> {
        self.listeners.local_addrs()
    }

    /// Serves RTSP on a duplex byte stream (WebSocket, TLS) until it ends. RTP goes interleaved. A stream that
    /// begins with HTTP's GET or POST is one half of a tunnel and finds its other half, whichever way that comes.
    ///
    /// `peer` counts for limits and appears in the list of sessions.
    pub async fn serve_connection<S>(&self, stream: S, peer: SocketAddr, context: ConnectionContext)
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let (reader, writer) = tokio::io::split(stream);
        let connection = Connection {
            shared: self.shared.clone(),
            peer,
            context,
            udp: None,
            exit: None,
        };
        connection.run(Ends::new(reader, writer)).await;
    }

    /// All sessions, oldest first.
    pub fn sessions(&self) -> Vec<SessionInfo> {
        self.shared.registry.infos()
    }

    /// Ends a session with BYE; false when there is none of that number.
    pub fn disconnect(&self, id: u64) -> bool {
        self.shared.registry.end_where(|session| session.id == id) > 0
    }

    /// Ends all sessions of a user, for a changed password or permission; gives their number.
    pub fn disconnect_user(&self, name: &str) -> usize {
        self.shared
            .registry
            .end_where(|session| session.user.name() == name)
    }

    /// Sends a track of `stream` to its group ([`Stream::set_groups`]), viewers or not, until the answer is dropped;
    /// nothing while it has none. `via` is the address of the interface; without one the machine's routes choose it.
    pub fn multicast(&self, stream: &Arc<Stream>, track: usize, via: Option<IpAddr>) -> Multicast {
        Multicast::start(&self.shared, stream, track, via)
    }

    /// Changes the limit; running sessions stay.
    pub fn set_max_sessions(&self, max: usize) {
        self.shared.registry.set_max_sessions(max);
    }

    /// Stops listening, ends all sessions with BYE and waits for that, at most one second.
    pub async fn shutdown(&self) {
        self.shared.cancel.cancel();
        self.shared.tasks.close();
        let _ = tokio::time::timeout(Duration::from_secs(1), self.shared.tasks.wait()).await;
    }
}

impl Shared {
    pub(crate) fn connection_number(&self) -> u64 {
        self.next_connection.fetch_add(1, Ordering::Relaxed)
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server")
            .field("local_addrs", &self.local_addrs())
            .finish_non_exhaustive()
    }
}

/// Prepares an accepted socket.
fn tune(stream: &TcpStream) {
    // None of these is needed to work; a kernel without one is served all the same.
    let _ = stream.set_nodelay(true);
    let socket = SockRef::from(&stream);
    let _ = socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(Duration::from_secs(60)));
    // Keeps what waits in our queues, where whole frames can be dropped.
    #[cfg(target_os = "linux")]
    let _ = socket.set_tcp_notsent_lowat(128 << 10);
}

async fn serve_tcp(
    shared: Arc<Shared>,
    stream: TcpStream,
    peer: SocketAddr,
    udp: Option<Arc<UdpPair>>,
) {
    tune(&stream);
    let context = ConnectionContext {
        user: None,
        local: stream.local_addr().ok(),
        secure: false,
        transport: Transport::Tcp,
    };
    let (reader, writer) = stream.into_split();
    let writer = Arc::new(writer);
    let connection = Connection {
        shared,
        peer,
        context,
        udp,
        exit: Some(Exit::Tcp(writer.clone())),
    };
    connection.run(Ends::new(reader, SharedHalf(writer))).await;
}

/// The writing half of a socket, which a round may write to as well while its own task does not.
struct SharedHalf(Arc<OwnedWriteHalf>);

impl AsyncWrite for SharedHalf {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let stream: &TcpStream = (*self.0).as_ref();
        loop {
            ready!(stream.poll_write_ready(cx))?;
            match stream.try_write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return Poll::Ready(done),
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let stream: &TcpStream = (*self.0).as_ref();
        Poll::Ready(SockRef::from(stream).shutdown(Shutdown::Write))
    }
}
