//! Who is there now, over all protocols (USER-20, USER-21, GEN-5).

use std::{
    fmt,
    net::IpAddr,
    sync::{Arc, Weak},
    time::Duration,
};

use lpr_core::UtcTime;
use parking_lot::Mutex;
use serde::Serialize;
use tokio::sync::watch;

/// How somebody is there (C-35).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OnlineKind {
    /// A session of the web interface.
    Web,
    /// ONVIF requests.
    Onvif,
    /// An RTSP session.
    Rtsp,
    /// CGI requests.
    Cgi,
    /// Requests with an API token.
    Api,
}

/// One entry of the list of online users.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OnlineUser {
    /// For ending it; not a secret.
    pub id: String,
    /// User name.
    pub user: String,
    /// Group.
    pub group: String,
    /// Source address.
    pub address: Option<IpAddr>,
    /// Way in.
    pub kind: OnlineKind,
    /// When it began.
    pub login_time: UtcTime,
    /// Last sign of life.
    pub last_seen: UtcTime,
    /// Whether it can be ended.
    pub can_disconnect: bool,
    /// Stream or token name.
    pub detail: String,
}

/// Ends a connection; called at most once, never under a lock of ours.
pub type Hangup = Box<dyn Fn() + Send + Sync>;

/// A connection to enter.
pub struct Arrival {
    /// Way in.
    pub kind: OnlineKind,
    /// User name.
    pub user: String,
    /// Source address.
    pub peer: Option<IpAddr>,
    /// Stream or token name.
    pub detail: String,
    /// Whether it counts as a viewer of its own; not, when it belongs to a web page (C-19).
    pub counts: bool,
    /// Whether it is listed.
    pub listed: bool,
    /// Ends it.
    pub hangup: Hangup,
}

/// Requests that prove themselves one by one are listed for so long after the last.
pub(super) const RECENT: Duration = Duration::from_secs(60);
/// Entries of requests; the oldest goes first.
const MAX_RECENT: usize = 512;

/// Connections and recent requests. Web sessions are in [`super::Sessions`].
#[derive(Default)]
pub(super) struct Online {
    inner: Mutex<Inner>,
    changed: watch::Sender<u64>,
}

#[derive(Default)]
struct Inner {
    next: u64,
    entries: Vec<Entry>,
}

struct Entry {
    id: u64,
    kind: OnlineKind,
    user: String,
    peer: Option<IpAddr>,
    detail: String,
    login_time: UtcTime,
    last_seen: UtcTime,
    /// Monotonic.
    last: Duration,
    counts: bool,
    listed: bool,
    hangup: Option<Arc<Hangup>>,
}

/// A connection's place in the list; dropping it leaves.
pub struct Place {
    online: Weak<Online>,
    id: u64,
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(online) = self.online.upgrade() {
            online.inner.lock().entries.retain(|e| e.id != self.id);
            online.touch();
        }
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Place({})", self.id)
    }
}

impl fmt::Debug for Online {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Online({})", self.inner.lock().entries.len())
    }
}

impl fmt::Debug for Arrival {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Arrival({:?} {})", self.kind, self.user)
    }
}

impl Online {
    /// Enters a connection when fewer than `limit` viewers are there, `others` (web sessions) included.
    pub(super) fn enter(
        self: &Arc<Self>,
        arrival: Arrival,
        (now, wall): (Duration, UtcTime),
        others: usize,
        limit: usize,
    ) -> Option<Place> {
        let id = {
            let mut inner = self.inner.lock();
            let there = inner.entries.iter().filter(|e| e.counts).count();
            if arrival.counts && there + others >= limit {
                return None;
            }
            inner.next += 1;
            let id = inner.next;
            inner.entries.push(Entry {
                id,
                kind: arrival.kind,
                user: arrival.user,
                peer: arrival.peer,
                detail: arrival.detail,
                login_time: wall,
                last_seen: wall,
                last: now,
                counts: arrival.counts,
                listed: arrival.listed,
                hangup: Some(Arc::new(arrival.hangup)),
            });
            id
        };
        self.touch();
        Some(Place {
            online: Arc::downgrade(self),
            id,
        })
    }

    /// Notes a request that proved itself.
    pub(super) fn seen(
        &self,
        kind: OnlineKind,
        user: &str,
        peer: Option<IpAddr>,
        detail: &str,
        (now, wall): (Duration, UtcTime),
    ) {
        let mut inner = self.inner.lock();
        inner
            .entries
            .retain(|e| e.hangup.is_some() || now.saturating_sub(e.last) <= RECENT);
        let same = |e: &&mut Entry| {
            e.hangup.is_none()
                && e.kind == kind
                && e.user == user
                && e.peer == peer
                && e.detail == detail
        };
        if let Some(entry) = inner.entries.iter_mut().find(same) {
            (entry.last, entry.last_seen) = (now, wall);
            return;
        }
        let recent = inner.entries.iter().filter(|e| e.hangup.is_none());
        if recent.clone().count() >= MAX_RECENT {
            let oldest = recent.min_by_key(|e| e.last).map(|e| e.id);
            inner.entries.retain(|e| Some(e.id) != oldest);
        }
        inner.next += 1;
        let id = inner.next;
        inner.entries.push(Entry {
            id,
            kind,
            user: user.to_owned(),
            peer,
            detail: detail.to_owned(),
            login_time: wall,
            last_seen: wall,
            last: now,
            counts: false,
            listed: true,
            hangup: None,
        });
        drop(inner);
        self.touch();
    }

    /// Viewers that are no web sessions.
    pub(super) fn viewers(&self) -> usize {
        self.inner
            .lock()
            .entries
            .iter()
            .filter(|e| e.counts)
            .count()
    }

    /// Everybody but web sessions; `group` tells a user's group.
    pub(super) fn list(
        &self,
        now: Duration,
        wall: UtcTime,
        group: impl Fn(&str) -> String,
    ) -> Vec<OnlineUser> {
        let inner = self.inner.lock();
        let there =
            |e: &&Entry| e.listed && (e.hangup.is_some() || now.saturating_sub(e.last) <= RECENT);
        inner
            .entries
            .iter()
            .filter(there)
            .map(|e| OnlineUser {
                id: format!("c{}", e.id),
                user: e.user.clone(),
                group: group(&e.user),
                address: e.peer,
                kind: e.kind,
                login_time: e.login_time,
                last_seen: if e.hangup.is_some() {
                    wall
                } else {
                    e.last_seen
                },
                can_disconnect: e.hangup.is_some(),
                detail: e.detail.clone(),
            })
            .collect()
    }

    /// Ends the connection of this id: its user; `None` when there is none, `Some(Err)` when it cannot be ended.
    pub(super) fn disconnect(&self, id: &str) -> Option<std::result::Result<String, ()>> {
        let id: u64 = id.strip_prefix('c')?.parse().ok()?;
        let (user, hangup) = {
            let inner = self.inner.lock();
            let entry = inner.entries.iter().find(|e| e.id == id)?;
            (entry.user.clone(), entry.hangup.clone())
        };
        let Some(hangup) = hangup else {
            return Some(Err(()));
        };
        hangup();
        Some(Ok(user))
    }

    /// Ends all connections of a user and forgets its requests (USER-13).
    pub(super) fn end_all_of(&self, user: &str) {
        let hangups: Vec<_> = {
            let mut inner = self.inner.lock();
            inner
                .entries
                .retain(|e| e.hangup.is_some() || !e.user.eq_ignore_ascii_case(user));
            let of = |e: &&Entry| e.user.eq_ignore_ascii_case(user);
            inner
                .entries
                .iter()
                .filter(of)
                .filter_map(|e| e.hangup.clone())
                .collect()
        };
        for hangup in hangups {
            hangup();
        }
        self.touch();
    }

    pub(super) fn touch(&self) {
        self.changed.send_modify(|n| *n += 1);
    }

    /// Follows comings and goings.
    pub(super) fn watch(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    const T: (Duration, UtcTime) = (Duration::from_secs(100), UtcTime::EPOCH);

    fn arrival(user: &str, ended: &Arc<AtomicU32>) -> Arrival {
        let ended = ended.clone();
        Arrival {
            kind: OnlineKind::Rtsp,
            user: user.into(),
            peer: None,
            detail: "main".into(),
            counts: true,
            listed: true,
            hangup: Box::new(move || {
                ended.fetch_add(1, Ordering::Relaxed);
            }),
        }
    }

    /// GEN-5: the next one is refused and nobody is disturbed; a place that is left is free.
    #[test]
    fn places_are_counted_and_freed() {
        let online = Arc::new(Online::default());
        let ended = Arc::default();
        let enter = |others| online.enter(arrival("a", &ended), T, others, 10);
        let mut places: Vec<_> = (0..7).map(|_| enter(3).unwrap()).collect();
        assert!(enter(3).is_none(), "seven and three web sessions are ten");
        let inside = Arrival {
            counts: false,
            listed: false,
            ..arrival("a", &ended)
        };
        let inside = online.enter(inside, T, 3, 10);
        assert!(inside.is_some(), "the page has its place already");
        assert_eq!(ended.load(Ordering::Relaxed), 0);
        places.pop();
        assert!(enter(3).is_some());
        assert_eq!(online.list(T.0, T.1, |_| "user".into()).len(), 6);
    }

    /// USER-13, USER-20, USER-21.
    #[test]
    fn connections_end_and_requests_fade() {
        let online = Arc::new(Online::default());
        let ended = Arc::default();
        let _places = [
            online.enter(arrival("a", &ended), T, 0, 10),
            online.enter(arrival("b", &ended), T, 0, 10),
        ];
        for _ in 0..3 {
            online.seen(OnlineKind::Onvif, "a", None, "", T);
        }
        let list = online.list(T.0, T.1, |_| String::new());
        assert_eq!(list.len(), 3, "requests of one client are one entry");
        assert_eq!(online.disconnect(&list[0].id), Some(Ok("a".into())));
        assert_eq!(online.disconnect(&list[2].id), Some(Err(())));
        assert_eq!(online.disconnect("c99"), None);
        assert_eq!(online.disconnect("x"), None);
        online.end_all_of("B");
        assert_eq!(ended.load(Ordering::Relaxed), 2);
        let later = T.0 + RECENT + Duration::from_secs(1);
        assert_eq!(online.list(later, T.1, |_| String::new()).len(), 2);
    }

    #[test]
    fn recent_requests_are_bounded() {
        let online = Online::default();
        for n in 0..2 * MAX_RECENT as u32 {
            let peer = Some(IpAddr::from(n.to_be_bytes()));
            online.seen(OnlineKind::Cgi, "a", peer, "", T);
        }
        assert_eq!(online.inner.lock().entries.len(), MAX_RECENT);
    }
}
