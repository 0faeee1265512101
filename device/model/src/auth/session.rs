use std::{collections::HashMap, net::IpAddr, time::Duration};

use parking_lot::Mutex;
use sha2::{Digest, Sha256};

use crate::{Error, Result, UserLevel};

/// The secret in the session cookie: 256 random bits in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionToken(pub String);

/// A web session.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    /// Number shown in the list of online users; not a secret.
    pub id: u64,
    /// User name.
    pub user: String,
    /// Group.
    pub level: UserLevel,
    /// Must accompany every request that changes something.
    pub csrf: String,
    /// Source address.
    pub peer: Option<IpAddr>,
    /// Monotonic time of the login.
    pub started: Duration,
    /// Monotonic time of the last request.
    pub last_used: Duration,
}

/// Web sessions, in memory: a restart ends them. Only a hash of each token is kept.
#[derive(Debug, Default)]
pub struct Sessions {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    by_hash: HashMap<[u8; 32], Session>,
    next_id: u64,
}

/// Most sessions at a time.
const CAPACITY: usize = 256;

impl Sessions {
    /// Starts a session.
    ///
    /// # Errors
    /// [`Error::Exhausted`] when there are too many, [`Error::Internal`] without random numbers.
    pub fn start(
        &self,
        user: &str,
        level: UserLevel,
        peer: Option<IpAddr>,
        now: Duration,
        idle: Duration,
    ) -> Result<(SessionToken, Session)> {
        let token = random_hex()?;
        let csrf = random_hex()?;
        let mut inner = self.inner.lock();
        inner
            .by_hash
            .retain(|_, s| now.saturating_sub(s.last_used) < idle);
        if inner.by_hash.len() >= CAPACITY {
            return Err(Error::Exhausted {
                what: "web sessions",
                limit: CAPACITY as u64,
            });
        }
        inner.next_id += 1;
        let session = Session {
            id: inner.next_id,
            user: user.to_owned(),
            level,
            csrf,
            peer,
            started: now,
            last_used: now,
        };
        inner.by_hash.insert(hash(&token), session.clone());
        Ok((SessionToken(token), session))
    }

    /// The session of a cookie; `None` when there is none or it idled longer than `idle`.
    pub fn find(&self, token: &str, now: Duration, idle: Duration) -> Option<Session> {
        let key = hash(token);
        let mut inner = self.inner.lock();
        let session = inner.by_hash.get_mut(&key)?;
        if now.saturating_sub(session.last_used) >= idle {
            inner.by_hash.remove(&key);
            return None;
        }
        session.last_used = now;
        Some(session.clone())
    }

    /// Ends the session of a cookie; returns it.
    pub fn end(&self, token: &str) -> Option<Session> {
        self.inner.lock().by_hash.remove(&hash(token))
    }

    /// Ends all sessions of a user, whatever the name's case (USER-13).
    pub fn end_all_of(&self, user: &str) -> usize {
        let mut inner = self.inner.lock();
        let before = inner.by_hash.len();
        inner
            .by_hash
            .retain(|_, s| !s.user.eq_ignore_ascii_case(user));
        before - inner.by_hash.len()
    }

    /// Whether the session of this number still lives; long-lived connections ask.
    pub fn is_alive(&self, id: u64) -> bool {
        self.inner.lock().by_hash.values().any(|s| s.id == id)
    }

    /// All sessions, for the list of online users.
    pub fn list(&self) -> Vec<Session> {
        let mut all: Vec<_> = self.inner.lock().by_hash.values().cloned().collect();
        all.sort_by_key(|s| s.id);
        all
    }
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

fn random_hex() -> Result<String> {
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

    #[test]
    fn lives_while_used_and_dies_idle() {
        let all = Sessions::default();
        let (token, s) = all
            .start("admin", UserLevel::Administrator, None, at(0), IDLE)
            .unwrap();
        assert_eq!(token.0.len(), 64);
        assert_ne!(token.0, s.csrf);
        assert_eq!(
            all.find(&token.0, at(59), IDLE).map(|s| s.user),
            Some("admin".into())
        );
        assert!(all.find(&token.0, at(118), IDLE).is_some(), "use renews it");
        assert!(all.find("", at(118), IDLE).is_none());
        assert!(all.find(&token.0, at(178), IDLE).is_none());
        assert!(!all.is_alive(s.id));
    }

    /// AUTH-4, USER-13.
    #[test]
    fn ends_on_logout_and_with_the_user() {
        let all = Sessions::default();
        let start = |u: &str| {
            all.start(u, UserLevel::User, None, at(0), IDLE)
                .unwrap()
                .0
                .0
        };
        let (a, b, c) = (start("a"), start("b"), start("B"));
        assert!(all.end(&a).is_some() && all.end(&a).is_none());
        assert_eq!(all.end_all_of("b"), 2);
        assert!(all.find(&b, at(1), IDLE).is_none() && all.find(&c, at(1), IDLE).is_none());
    }

    #[test]
    fn the_number_of_sessions_is_bounded() {
        let all = Sessions::default();
        for _ in 0..CAPACITY {
            all.start("a", UserLevel::User, None, at(0), IDLE).unwrap();
        }
        assert!(matches!(
            all.start("a", UserLevel::User, None, at(0), IDLE),
            Err(Error::Exhausted { .. })
        ));
        assert!(
            all.start("a", UserLevel::User, None, at(61), IDLE).is_ok(),
            "idle ones make room"
        );
    }
}
