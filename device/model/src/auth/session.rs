use std::{collections::HashMap, net::IpAddr, time::Duration};

use lpr_core::UtcTime;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use tokio::sync::watch;

use crate::{Error, Result, ports::StoredSession};

/// The secret in the session cookie: 256 random bits in hexadecimal.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionToken(pub String);

impl std::fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SessionToken(***)")
    }
}

/// A web session.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    /// Number shown in the list of online users; not a secret.
    pub id: u64,
    /// User name.
    pub user: String,
    /// Must accompany every request that changes something.
    pub csrf: String,
    /// Source address.
    pub peer: Option<IpAddr>,
    /// When it began.
    pub started_at: UtcTime,
    /// Monotonic time of the last request.
    pub last_used: Duration,
    /// Set for a session that survives restarts: its end, used or not.
    pub expires_at: Option<UtcTime>,
}

/// What a session begins with.
#[derive(Clone, Debug)]
pub(super) struct NewSession<'a> {
    pub(super) user: &'a str,
    pub(super) peer: Option<IpAddr>,
    pub(super) now: Duration,
    pub(super) wall: UtcTime,
    pub(super) idle: Duration,
    /// Survives restarts, until then.
    pub(super) remember_until: Option<UtcTime>,
}

/// Web sessions. Only a hash of each token is kept, in memory; the store has those that are to be
/// remembered.
#[derive(Debug, Default)]
pub struct Sessions {
    inner: Mutex<Inner>,
    ended: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Inner {
    by_hash: HashMap<[u8; 32], Session>,
    next_id: u64,
}

/// Most sessions at a time.
const CAPACITY: usize = 4096;
/// A session that was used so recently counts as a viewer (C-19).
pub(super) const ACTIVE: Duration = Duration::from_secs(120);

impl Session {
    fn is_over(&self, now: Duration, wall: UtcTime, idle: Duration) -> bool {
        match self.expires_at {
            Some(end) => wall >= end,
            None => now.saturating_sub(self.last_used) >= idle,
        }
    }
}

impl Sessions {
    /// Takes over sessions of an earlier run.
    pub(super) fn restore(&self, stored: Vec<StoredSession>, now: Duration) {
        let mut inner = self.inner.lock();
        for s in stored {
            let Ok(hash) = <[u8; 32]>::try_from(s.hash.as_slice()) else {
                continue;
            };
            inner.next_id += 1;
            let session = Session {
                id: inner.next_id,
                user: s.user,
                csrf: String::new(),
                peer: s.peer,
                started_at: s.started_at,
                // Not counted as a viewer until it is used.
                last_used: now.saturating_sub(ACTIVE),
                expires_at: Some(s.expires_at),
            };
            inner.by_hash.insert(hash, session);
        }
    }

    /// Starts a session.
    ///
    /// # Errors
    /// [`Error::Exhausted`] when there are too many, [`Error::Internal`] without random numbers.
    pub(super) fn start(&self, new: &NewSession<'_>) -> Result<(SessionToken, Session)> {
        let token = random_hex()?;
        let mut inner = self.inner.lock();
        inner
            .by_hash
            .retain(|_, s| !s.is_over(new.now, new.wall, new.idle));
        if inner.by_hash.len() >= CAPACITY {
            return Err(Error::Exhausted {
                what: "web sessions",
                limit: CAPACITY as u64,
            });
        }
        inner.next_id += 1;
        let session = Session {
            id: inner.next_id,
            user: new.user.to_owned(),
            csrf: csrf(&token),
            peer: new.peer,
            started_at: new.wall,
            last_used: new.now,
            expires_at: new.remember_until,
        };
        inner.by_hash.insert(hash(&token), session.clone());
        Ok((SessionToken(token), session))
    }

    /// The session of a cookie; `None` when there is none, it idled longer than `idle`, or its time is over.
    pub fn find(
        &self,
        token: &str,
        now: Duration,
        wall: UtcTime,
        idle: Duration,
    ) -> Option<Session> {
        let key = hash(token);
        let mut inner = self.inner.lock();
        let session = inner.by_hash.get_mut(&key)?;
        if session.is_over(now, wall, idle) {
            inner.by_hash.remove(&key);
            return None;
        }
        session.last_used = now;
        let mut found = session.clone();
        found.csrf = csrf(token);
        Some(found)
    }

    /// Ends the session of a cookie; returns it.
    pub(super) fn end(&self, token: &str) -> Option<Session> {
        let ended = self.inner.lock().by_hash.remove(&hash(token));
        self.tell(usize::from(ended.is_some()));
        ended
    }

    /// Ends what `which` picks; returns the hashes and sessions.
    pub(super) fn end_where(&self, which: impl Fn(&Session) -> bool) -> Vec<(Vec<u8>, Session)> {
        let mut ended = Vec::new();
        self.inner.lock().by_hash.retain(|hash, s| {
            let goes = which(s);
            if goes {
                ended.push((hash.to_vec(), s.clone()));
            }
            !goes
        });
        self.tell(ended.len());
        ended
    }

    fn tell(&self, ended: usize) {
        if ended > 0 {
            self.ended.send_modify(|n| *n += 1);
        }
    }

    /// Tells when sessions were ended; long-lived connections then look for theirs.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.ended.subscribe()
    }

    /// Whether the session of this number still lives.
    pub fn is_alive(&self, id: u64) -> bool {
        self.inner.lock().by_hash.values().any(|s| s.id == id)
    }

    /// Sessions that count as viewers.
    pub(super) fn viewers(&self, now: Duration) -> usize {
        let inner = self.inner.lock();
        let active = |s: &&Session| now.saturating_sub(s.last_used) < ACTIVE;
        inner.by_hash.values().filter(active).count()
    }

    /// All sessions that are not over, for the list of online users.
    pub(super) fn list(&self, now: Duration, wall: UtcTime, idle: Duration) -> Vec<Session> {
        let inner = self.inner.lock();
        let alive = |s: &&Session| !s.is_over(now, wall, idle);
        let mut all: Vec<_> = inner.by_hash.values().filter(alive).cloned().collect();
        all.sort_by_key(|s| s.id);
        all
    }
}

pub(super) fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// The CSRF value follows from the token, so that a remembered session need not store it.
fn csrf(token: &str) -> String {
    let hash = Sha256::new()
        .chain_update(b"platecam csrf ")
        .chain_update(token.as_bytes());
    hex::encode(hash.finalize())
}

pub(super) fn random_hex() -> Result<String> {
    let mut bytes = [0u8; 32];
    getrandom::fill(&mut bytes).map_err(Error::internal)?;
    Ok(hex::encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Duration = Duration::from_secs(60);

    fn at(s: u64) -> Duration {
        Duration::from_secs(s)
    }

    fn wall(s: u64) -> UtcTime {
        UtcTime::EPOCH + at(s)
    }

    fn start(
        all: &Sessions,
        user: &str,
        now: u64,
        until: Option<UtcTime>,
    ) -> Result<(SessionToken, Session)> {
        all.start(&NewSession {
            user,
            peer: None,
            now: at(now),
            wall: wall(now),
            idle: IDLE,
            remember_until: until,
        })
    }

    fn find(all: &Sessions, token: &str, now: u64) -> Option<Session> {
        all.find(token, at(now), wall(now), IDLE)
    }

    #[test]
    fn lives_while_used_and_dies_idle() {
        let all = Sessions::default();
        let (token, s) = start(&all, "admin", 0, None).unwrap();
        assert_eq!(token.0.len(), 64);
        assert!(!format!("{token:?}").contains(&token.0));
        assert_ne!(token.0, s.csrf);
        assert_eq!(
            find(&all, &token.0, 59).map(|s| s.user),
            Some("admin".into())
        );
        assert!(find(&all, &token.0, 118).is_some(), "use renews it");
        assert!(find(&all, "", 118).is_none());
        assert!(find(&all, &token.0, 178).is_none());
        assert!(!all.is_alive(s.id));
    }

    /// AUTH-4, USER-13.
    #[test]
    fn ends_on_logout_and_with_the_user() {
        let all = Sessions::default();
        let mut told = all.watch();
        let [a, b, c] = ["a", "b", "B"].map(|u| start(&all, u, 0, None).unwrap().0.0);
        assert!(all.end(&a).is_some() && all.end(&a).is_none());
        assert!(told.has_changed().unwrap());
        told.mark_unchanged();
        assert_eq!(all.end_where(|s| s.user.eq_ignore_ascii_case("b")).len(), 2);
        assert!(find(&all, &b, 1).is_none() && find(&all, &c, 1).is_none());
        assert!(told.has_changed().unwrap());
    }

    /// A remembered session outlives idleness and restarts, but not its day.
    #[test]
    fn remembered_sessions_have_an_end() {
        let all = Sessions::default();
        let (token, s) = start(&all, "a", 0, Some(wall(1000))).unwrap();
        let stored = StoredSession {
            hash: hash(&token.0).to_vec(),
            user: "a".into(),
            peer: None,
            started_at: s.started_at,
            expires_at: wall(1000),
        };
        let after = Sessions::default();
        after.restore(vec![stored], at(500));
        assert_eq!(after.viewers(at(500)), 0);
        let found = find(&after, &token.0, 999).unwrap();
        assert_eq!(found.csrf, s.csrf, "the page goes on with its value");
        assert_eq!(after.viewers(at(999)), 1);
        assert!(find(&after, &token.0, 1000).is_none());
    }

    #[test]
    fn the_number_of_sessions_is_bounded() {
        let all = Sessions::default();
        for _ in 0..CAPACITY {
            start(&all, "a", 0, None).unwrap();
        }
        assert!(matches!(
            start(&all, "a", 0, None),
            Err(Error::Exhausted { .. })
        ));
        assert!(start(&all, "a", 61, None).is_ok(), "idle ones make room");
    }
}
