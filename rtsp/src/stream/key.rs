//! Key frame requests, at most two a second.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// Shortest time between two requests to a producer.
const INTERVAL: Duration = Duration::from_millis(500);

/// Debounces requests. A request that comes too early is not lost: it is made with the first frame after
/// the interval, unless that or an earlier one was a key frame.
#[derive(Default)]
pub(super) struct KeyRequests(Mutex<Pending>);

#[derive(Default)]
struct Pending {
    last: Option<Instant>,
    wanted: bool,
}

impl KeyRequests {
    /// Asks for a key frame; true when the producer is to be told now.
    pub(super) fn request(&self, now: Instant) -> bool {
        let mut pending = self.0.lock();
        pending.wanted = true;
        pending.due(now)
    }

    /// Notes a video frame; true when the producer is to be told now.
    pub(super) fn pushed(&self, key: bool, now: Instant) -> bool {
        let mut pending = self.0.lock();
        if key {
            pending.wanted = false;
        }
        pending.due(now)
    }
}

impl Pending {
    fn due(&mut self, now: Instant) -> bool {
        let free = self
            .last
            .is_none_or(|last| now.saturating_duration_since(last) >= INTERVAL);
        let due = self.wanted && free;
        if due {
            self.last = Some(now);
            self.wanted = false;
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_a_second_and_none_is_lost() {
        let requests = KeyRequests::default();
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        assert!(!requests.pushed(false, at(0)), "nobody asked");
        assert!(requests.request(at(0)));
        assert!(!requests.request(at(100)), "too early");
        assert!(!requests.pushed(false, at(400)), "still too early");
        assert!(
            requests.pushed(false, at(500)),
            "the early one, made up for"
        );
        assert!(!requests.pushed(false, at(1100)), "made once only");
        assert!(requests.request(at(1200)));
        assert!(!requests.request(at(1300)));
        assert!(!requests.pushed(true, at(1400)), "a key frame settles it");
        assert!(!requests.pushed(false, at(2000)));
    }
}
