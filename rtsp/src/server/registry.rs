//! Sessions and connections of a server, and their limits.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::session::{Route, Session};
use super::{SessionInfo, Shared};

/// How much longer than promised a silent UDP session is kept.
const GRACE: Duration = Duration::from_secs(10);
/// How often silent sessions are looked for.
const SWEEP: Duration = Duration::from_secs(5);

/// All sessions and the number of connections.
pub(crate) struct Registry {
    inner: Mutex<Inner>,
}

struct Inner {
    max_sessions: usize,
    next_id: u64,
    sessions: HashMap<String, Arc<Session>>,
    by_rtcp: HashMap<SocketAddr, Arc<Session>>,
    connections: usize,
    pending: HashMap<IpAddr, usize>,
}

/// The limit of sessions is reached.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl Registry {
    pub(crate) fn new(max_sessions: usize) -> Self {
        Registry {
            inner: Mutex::new(Inner {
                max_sessions,
                next_id: 1,
                sessions: HashMap::new(),
                by_rtcp: HashMap::new(),
                connections: 0,
                pending: HashMap::new(),
            }),
        }
    }

    pub(crate) fn set_max_sessions(&self, max: usize) {
        self.inner.lock().max_sessions = max;
    }

    /// A number for a session to come.
    pub(crate) fn next_id(&self) -> u64 {
        let mut inner = self.inner.lock();
        inner.next_id += 1;
        inner.next_id - 1
    }

    /// Adds a session, unless the limit is reached.
    pub(crate) fn insert(&self, session: Session) -> Result<Arc<Session>, Full> {
        let mut inner = self.inner.lock();
        if inner.sessions.len() >= inner.max_sessions {
            drop(inner);
            return Err(Full);
        }
        let session = Arc::new(session);
        inner.sessions.insert(session.key.clone(), session.clone());
        Ok(session)
    }

    pub(crate) fn find(&self, key: &str) -> Option<Arc<Session>> {
        self.inner.lock().sessions.get(key).cloned()
    }

    /// Lets reports, or the sound of a back channel, from `from` reach the session.
    pub(crate) fn add_rtcp(&self, from: SocketAddr, session: &Arc<Session>) {
        self.inner.lock().by_rtcp.insert(from, session.clone());
    }

    /// Undoes [`Registry::add_rtcp`], for a track that is set up anew with other ports.
    pub(crate) fn remove_rtcp(&self, from: SocketAddr, session: &Session) {
        let mut inner = self.inner.lock();
        if inner
            .by_rtcp
            .get(&from)
            .is_some_and(|other| other.id == session.id)
        {
            inner.by_rtcp.remove(&from);
        }
    }

    pub(crate) fn find_rtcp(&self, from: SocketAddr) -> Option<Arc<Session>> {
        self.inner.lock().by_rtcp.get(&from).cloned()
    }

    /// Takes a session out and stops its sender.
    pub(crate) fn end(&self, session: &Session) {
        let removed = {
            let mut inner = self.inner.lock();
            for route in session.state.lock().routes.iter().flatten() {
                let Route::Udp(rtp, rtcp) = route else {
                    continue;
                };
                for from in [rtp, rtcp] {
                    let known = inner.by_rtcp.get(from);
                    if known.is_some_and(|other| other.id == session.id) {
                        inner.by_rtcp.remove(from);
                    }
                }
            }
            inner.sessions.remove(&session.key)
        };
        session.cancel.cancel();
        // The next may talk at once, whoever still holds the session.
        *session.talk.lock() = None;
        if let Some(session) = removed {
            tracing::info!(
                peer = %session.peer,
                user = session.user.name(),
                stream = session.name,
                bytes = session.stats.bytes.load(std::sync::atomic::Ordering::Relaxed),
                "RTSP session ended"
            );
        }
    }

    /// Ends all sessions that `which` picks; gives their number.
    pub(crate) fn end_where(&self, which: impl Fn(&Session) -> bool) -> usize {
        let all: Vec<Arc<Session>> = self.inner.lock().sessions.values().cloned().collect();
        all.iter()
            .filter(|session| which(session))
            .map(|session| self.end(session))
            .count()
    }

    pub(crate) fn infos(&self) -> Vec<SessionInfo> {
        let all: Vec<Arc<Session>> = self.inner.lock().sessions.values().cloned().collect();
        let mut infos: Vec<SessionInfo> = all.iter().map(|session| session.info()).collect();
        infos.sort_by_key(|info| info.id);
        infos
    }
}

/// Ends UDP sessions that have been silent for too long.
pub(crate) async fn expire_sessions(shared: Arc<Shared>) {
    let limit = shared.config.session_timeout + GRACE;
    loop {
        tokio::select! {
            () = shared.cancel.cancelled() => return,
            () = tokio::time::sleep(SWEEP) => {}
        }
        let now = Instant::now();
        shared.registry.end_where(|session| {
            !session.is_interleaved()
                && now.saturating_duration_since(session.state.lock().seen) > limit
        });
    }
}

/// A counted connection. Until [`ConnectionPlace::authenticated`] it also counts for its address.
pub(crate) struct ConnectionPlace {
    shared: Arc<Shared>,
    pending: Option<IpAddr>,
}

impl ConnectionPlace {
    /// Takes a place; `None` when a limit is reached.
    pub(crate) fn take(shared: &Arc<Shared>, peer: SocketAddr) -> Option<ConnectionPlace> {
        let address = peer.ip().to_canonical();
        let mut inner = shared.registry.inner.lock();
        let pending = inner.pending.get(&address).copied().unwrap_or(0);
        if inner.connections >= shared.config.max_connections
            || pending >= shared.config.max_pending_per_address
        {
            return None;
        }
        inner.connections += 1;
        inner.pending.insert(address, pending + 1);
        Some(ConnectionPlace {
            shared: shared.clone(),
            pending: Some(address),
        })
    }

    /// Frees the place among the address's unauthenticated connections.
    pub(crate) fn authenticated(&mut self) {
        if let Some(address) = self.pending.take() {
            let mut inner = self.shared.registry.inner.lock();
            if let Some(count) = inner.pending.get_mut(&address) {
                *count -= 1;
                if *count == 0 {
                    inner.pending.remove(&address);
                }
            }
        }
    }
}

impl Drop for ConnectionPlace {
    fn drop(&mut self) {
        self.authenticated();
        self.shared.registry.inner.lock().connections -= 1;
    }
}
