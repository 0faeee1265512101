use std::{
    collections::HashMap,
    net::IpAddr,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use parking_lot::Mutex;

/// Counts failed logins of accounts and source addresses, over all protocols (AUTH-5, AUTH-6).
#[derive(Debug, Default)]
pub struct Lockout {
    entries: Mutex<HashMap<Key, Entry>>,
    next_id: AtomicU64,
}

/// An account or address with failures, for administrators.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct LockEntry {
    /// Number for [`Lockout::unlock`].
    pub id: u64,
    /// `user` or `address`.
    pub kind: &'static str,
    /// Name or address.
    pub name: String,
    /// Failures counted.
    pub failures: u32,
    /// Whether it is locked now.
    pub locked: bool,
    /// Seconds until the lock ends; 0 when there is none.
    pub time_left_s: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    User(String),
    Peer(IpAddr),
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    /// Number shown to people.
    id: u64,
    failures: u32,
    last: Duration,
    locked_until: Option<Duration>,
}

/// Entries kept; beyond it those that failed longest ago go first, locked ones last.
const CAPACITY: usize = 4096;

impl Lockout {
    /// Time left on the lock of `user` or `peer`, if there is one at `now`.
    pub fn locked(&self, user: &str, peer: Option<IpAddr>, now: Duration) -> Option<Duration> {
        let entries = self.entries.lock();
        keys(user, peer)
            .filter_map(|k| entries.get(&k)?.locked_until)
            .filter_map(|until| until.checked_sub(now))
            .filter(|left| !left.is_zero())
            .max()
    }

    /// Notes a failure; returns the lock's length when this one locked.
    pub fn failed(
        &self,
        user: &str,
        peer: Option<IpAddr>,
        now: Duration,
        attempts: u32,
        lock_for: Duration,
    ) -> Option<Duration> {
        self.count(keys(user, peer), now, attempts, lock_for)
    }

    /// Notes a failure of an address alone, for credentials without a user name.
    pub fn failed_from(
        &self,
        peer: Option<IpAddr>,
        now: Duration,
        attempts: u32,
        lock_for: Duration,
    ) -> Option<Duration> {
        self.count(peer.map(Key::of_peer).into_iter(), now, attempts, lock_for)
    }

    /// Time left on the lock of an address, if there is one at `now`.
    pub fn locked_from(&self, peer: Option<IpAddr>, now: Duration) -> Option<Duration> {
        let entries = self.entries.lock();
        let until = entries.get(&Key::of_peer(peer?))?.locked_until?;
        until.checked_sub(now).filter(|left| !left.is_zero())
    }

    fn count(
        &self,
        keys: impl Iterator<Item = Key>,
        now: Duration,
        attempts: u32,
        lock_for: Duration,
    ) -> Option<Duration> {
        let mut entries = self.entries.lock();
        let mut locked = None;
        for key in keys {
            let e = entries.entry(key).or_insert_with(|| Entry {
                id: self.next_id.fetch_add(1, Ordering::Relaxed) + 1,
                failures: 0,
                last: now,
                locked_until: None,
            });
            // An expired lock, or failures long ago, start a new count.
            if e.locked_until.is_some_and(|until| until <= now)
                || now.saturating_sub(e.last) > lock_for
            {
                *e = Entry {
                    failures: 0,
                    last: now,
                    locked_until: None,
                    ..*e
                };
            }
            e.failures += 1;
            e.last = now;
            if e.failures >= attempts {
                e.locked_until = Some(now + lock_for);
                locked = Some(lock_for);
            }
        }
        if entries.len() > CAPACITY {
            evict(&mut entries, now);
        }
        locked
    }

    /// A success ends the count of both (C-20).
    pub fn succeeded(&self, user: &str, peer: Option<IpAddr>) {
        let mut entries = self.entries.lock();
        for key in keys(user, peer) {
            entries.remove(&key);
        }
    }

    /// Everybody with failures that still count, locked ones first.
    pub fn list(&self, now: Duration, forget_after: Duration) -> Vec<LockEntry> {
        let entries = self.entries.lock();
        let mut all: Vec<LockEntry> = entries
            .iter()
            .filter_map(|(key, e)| {
                let left = e.locked_until.and_then(|until| until.checked_sub(now));
                let left = left.filter(|l| !l.is_zero());
                let old = now.saturating_sub(e.last) > forget_after || e.locked_until.is_some();
                if left.is_none() && old {
                    return None;
                }
                let (kind, name) = match key {
                    Key::User(name) => ("user", name.clone()),
                    Key::Peer(peer) => ("address", peer.to_string()),
                };
                Some(LockEntry {
                    id: e.id,
                    kind,
                    name,
                    failures: e.failures,
                    locked: left.is_some(),
                    time_left_s: left.map_or(0, |l| l.as_secs().max(1)),
                })
            })
            .collect();
        all.sort_by_key(|e| (!e.locked, e.id));
        all
    }

    /// Forgets the failures and the lock of one entry; gives its name.
    pub fn unlock(&self, id: u64) -> Option<String> {
        let mut entries = self.entries.lock();
        let key = entries.iter().find(|(_, e)| e.id == id)?.0.clone();
        entries.remove(&key);
        Some(match key {
            Key::User(name) => name,
            Key::Peer(peer) => peer.to_string(),
        })
    }

    /// Forgets everything about a user name, or about everybody.
    pub fn unlock_user(&self, name: Option<&str>) {
        let mut entries = self.entries.lock();
        match name.and_then(|n| keys(n, None).next()) {
            Some(key) => drop(entries.remove(&key)),
            None => entries.clear(),
        }
    }
}

impl Key {
    /// IPv6 hosts own whole /64 networks: one address more is no other client.
    fn of_peer(peer: IpAddr) -> Self {
        match peer.to_canonical() {
            IpAddr::V6(v6) => {
                let mut s = v6.segments();
                s[4..].fill(0);
                // Link-local and loopback neighbours share their prefix: they count one by one.
                let near = v6.is_loopback() || v6.is_unicast_link_local();
                Self::Peer(if near {
                    v6.into()
                } else {
                    std::net::Ipv6Addr::from(s).into()
                })
            }
            v4 => Self::Peer(v4),
        }
    }
}

fn keys(user: &str, peer: Option<IpAddr>) -> impl Iterator<Item = Key> {
    let name = user
        .chars()
        .take(64)
        .collect::<String>()
        .to_ascii_lowercase();
    std::iter::once(Key::User(name)).chain(peer.map(Key::of_peer))
}

fn evict(entries: &mut HashMap<Key, Entry>, now: Duration) {
    let mut order: Vec<_> = entries
        .iter()
        .map(|(k, e)| (e.locked_until.is_some_and(|u| u > now), e.last, k.clone()))
        .collect();
    order.sort_by_key(|(locked, last, _)| (*locked, *last));
    for (_, _, key) in order.into_iter().take(CAPACITY / 4) {
        entries.remove(&key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: Duration = Duration::from_secs(300);
    const A: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)));
    const B: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2)));

    fn at(s: u64) -> Duration {
        Duration::from_secs(s)
    }

    /// AUTH-5: the account and the address are locked, each of its own.
    #[test]
    fn locks_after_the_attempts_and_says_how_long() {
        let l = Lockout::default();
        for i in 0..4 {
            assert_eq!(l.failed("admin", A, at(i), 5, LOCK), None);
            assert_eq!(l.locked("admin", A, at(i)), None);
        }
        assert_eq!(
            l.failed("Admin", A, at(4), 5, LOCK),
            Some(LOCK),
            "names count whatever their case"
        );
        assert_eq!(
            l.locked("admin", B, at(104)),
            Some(at(200)),
            "the account from anywhere"
        );
        assert_eq!(
            l.locked("other", A, at(104)),
            Some(at(200)),
            "the address for anybody"
        );
        assert_eq!(l.locked("other", B, at(104)), None);
        assert_eq!(l.locked("admin", A, at(304)), None, "it ends");
        assert_eq!(
            l.failed("admin", A, at(305), 5, LOCK),
            None,
            "and the count starts anew"
        );
    }

    /// Administrators see who is locked and for how long, and end it.
    #[test]
    fn locks_are_listed_and_ended() {
        let l = Lockout::default();
        for _ in 0..5 {
            l.failed("admin", A, at(0), 5, LOCK);
        }
        l.failed("guard", B, at(10), 5, LOCK);
        let list = l.list(at(100), LOCK);
        let seen: Vec<_> = list
            .iter()
            .map(|e| (e.kind, e.name.as_str(), e.failures, e.locked, e.time_left_s))
            .collect();
        assert_eq!(
            seen,
            [
                ("user", "admin", 5, true, 200),
                ("address", "192.0.2.1", 5, true, 200),
                ("user", "guard", 1, false, 0),
                ("address", "192.0.2.2", 1, false, 0)
            ]
        );
        assert_eq!(l.unlock(list[0].id).as_deref(), Some("admin"));
        assert_eq!(l.unlock(list[0].id), None);
        assert_eq!(l.locked("admin", B, at(100)), None);
        assert!(l.locked_from(A, at(100)).is_some(), "the address stays");
        assert!(
            l.list(at(400), LOCK).is_empty(),
            "old failures are forgotten"
        );
        l.unlock_user(None);
        assert_eq!(l.locked("x", A, at(100)), None);
    }

    /// A host of IPv6 cannot escape by taking the next address of its network.
    #[test]
    fn an_ipv6_network_counts_as_one_address() {
        let l = Lockout::default();
        let host = |n: u16| Some(IpAddr::from([0x2001, 0xdb8, 1, 2, 3, 4, 5, n]));
        for n in 0..5 {
            l.failed_from(host(n), at(0), 5, LOCK);
        }
        assert!(l.locked_from(host(99), at(1)).is_some());
        assert!(
            l.locked_from(Some(IpAddr::from([0x2001, 0xdb8, 1, 3, 0, 0, 0, 1])), at(1))
                .is_none()
        );
    }

    #[test]
    fn success_clears_the_count() {
        let l = Lockout::default();
        for i in 0..4 {
            l.failed("admin", A, at(i), 5, LOCK);
        }
        l.succeeded("admin", A);
        assert_eq!(l.failed("admin", A, at(5), 5, LOCK), None);
    }

    #[test]
    fn memory_is_bounded_and_locks_outlive_noise() {
        let l = Lockout::default();
        for _ in 0..5 {
            l.failed("victim", None, at(0), 5, LOCK);
        }
        for i in 0..3 * CAPACITY {
            l.failed(&format!("u{i}"), None, at(1), 5, LOCK);
        }
        assert!(l.entries.lock().len() <= CAPACITY + 1);
        assert!(l.locked("victim", None, at(2)).is_some());
    }
}
