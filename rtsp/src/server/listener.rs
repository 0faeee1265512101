//! Listening sockets, which may change while the server runs.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::tls::{self, Secure};
use super::udp::{self, UdpPair};
use super::{Shared, serve_tcp};
use crate::error::Error;

/// All listeners of a server.
#[derive(Default)]
pub(super) struct Listeners {
    open: Mutex<Vec<Listener>>,
    /// The UDP sockets of every address ever listened on: sessions may go on there.
    udp: Mutex<Vec<(IpAddr, Arc<UdpPair>)>>,
    /// One change at a time.
    changing: tokio::sync::Mutex<()>,
}

/// One listener.
struct Listener {
    /// As asked for, the port perhaps 0.
    wanted: SocketAddr,
    local: SocketAddr,
    close: CancellationToken,
    task: JoinHandle<()>,
}

impl Listeners {
    pub(super) fn local_addrs(&self) -> Vec<SocketAddr> {
        self.open.lock().iter().map(|open| open.local).collect()
    }

    pub(super) async fn rebind(
        &self,
        shared: &Arc<Shared>,
        addresses: &[SocketAddr],
        secure: Option<Arc<dyn Secure>>,
    ) -> Result<(), Error> {
        let _one = self.changing.lock().await;
        let is =
            |open: &Listener, address: SocketAddr| open.wanted == address || open.local == address;
        let mut bound = Vec::new();
        for &address in addresses {
            if self.open.lock().iter().any(|open| is(open, address)) {
                continue;
            }
            let failed = |source| Error::Listen { address, source };
            let listener = listen(address).map_err(failed)?;
            let local = listener.local_addr().map_err(failed)?;
            let udp = match secure {
                Some(_) => None,
                None => self.udp(shared, address.ip())?,
            };
            bound.push((address, listener, local, udp));
        }
        // Nothing fails from here on.
        let mut old = std::mem::take(&mut *self.open.lock());
        let mut open = Vec::new();
        for &address in addresses {
            if let Some(at) = old.iter().position(|open| is(open, address)) {
                open.push(old.remove(at));
            } else if let Some(at) = bound.iter().position(|(wanted, ..)| *wanted == address) {
                let (wanted, listener, local, udp) = bound.remove(at);
                let close = shared.cancel.child_token();
                let accepting =
                    accept(shared.clone(), listener, udp, secure.clone(), close.clone());
                open.push(Listener {
                    wanted,
                    local,
                    close,
                    task: shared.tasks.spawn(accepting),
                });
            }
        }
        *self.open.lock() = open;
        for listener in old {
            listener.close.cancel();
            let _ = listener.task.await;
        }
        Ok(())
    }

    /// The UDP sockets of an address.
    fn udp(&self, shared: &Arc<Shared>, ip: IpAddr) -> Result<Option<Arc<UdpPair>>, Error> {
        if !shared.config.udp {
            return Ok(None);
        }
        let mut all = self.udp.lock();
        if let Some((_, udp)) = all.iter().find(|(of, _)| *of == ip) {
            return Ok(Some(udp.clone()));
        }
        let udp = Arc::new(UdpPair::bind(ip, shared.config.udp_port)?);
        let reports = udp::receive_reports(shared.clone(), udp.clone());
        shared.tasks.spawn(reports);
        shared
            .tasks
            .spawn(udp::receive_talk(shared.clone(), udp.clone()));
        all.push((ip, udp.clone()));
        Ok(Some(udp))
    }
}

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(1024)?;
    TcpListener::from_std(socket.into())
}

async fn accept(
    shared: Arc<Shared>,
    listener: TcpListener,
    udp: Option<Arc<UdpPair>>,
    secure: Option<Arc<dyn Secure>>,
    close: CancellationToken,
) {
    loop {
        let accepted = tokio::select! {
            () = close.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((_, peer)) if !shared.authorizer.admits(peer) => {
                tracing::debug!(%peer, "not admitted");
            }
            Ok((stream, peer)) => match &secure {
                Some(secure) => {
                    let serving = tls::serve(shared.clone(), stream, peer, secure.clone());
                    shared.tasks.spawn(serving);
                }
                None => {
                    let serving = serve_tcp(shared.clone(), stream, peer, udp.clone());
                    shared.tasks.spawn(serving);
                }
            },
            Err(error) => {
                // Out of file descriptors, most likely: give others time to close theirs.
                tracing::warn!(%error, "cannot accept an RTSP connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}
