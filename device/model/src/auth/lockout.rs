use std::{collections::HashMap, net::IpAddr, time::Duration};

use parking_lot::Mutex;

/// Counts failed logins of accounts and source addresses, over all protocols (AUTH-5, AUTH-6).
#[derive(Debug, Default)]
pub struct Lockout {
    entries: Mutex<HashMap<Key, Entry>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    User(String),
    Peer(IpAddr),
}

#[derive(Clone, Copy, Debug)]
struct Entry {
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
        let mut entries = self.entries.lock();
        let mut locked = None;
        for key in keys(user, peer) {
            let e = entries.entry(key).or_insert(Entry {
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
}

fn keys(user: &str, peer: Option<IpAddr>) -> impl Iterator<Item = Key> {
    let name = user
        .chars()
        .take(64)
        .collect::<String>()
        .to_ascii_lowercase();
    std::iter::once(Key::User(name)).chain(peer.map(Key::Peer))
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
