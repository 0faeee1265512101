//! Key frame requests, at most two a second.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// Shortest time between two requests to a producer.
pub(super) const INTERVAL: Duration = Duration::from_millis(500);

/// Debounces requests. A request that comes too early is not lost: it is made with the first frame after
/// the interval, unless that or an earlier one was a key frame.
#[derive(Default)]
pub(super) struct KeyRequests(Mutex<Pending>);

#[derive(Default)]
struct Pending {
    last: Option<Instant>,
    wanted: bool,
    /// A key frame came since the last request.
    answered: bool,
}

impl KeyRequests {
    /// Asks for a key frame; true when the producer is to be told now.
    pub(super) fn request(&self, now: Instant) -> bool {
        let mut pending = self.0.lock();
        pending.wanted = true;
        pending.due(now)
    }

    /// True when a key frame came and the producer may not be asked for another yet.
    pub(super) fn answered(&self, now: Instant) -> bool {
        let pending = self.0.lock();
        pending.answered && !pending.free(now)
    }

    /// Notes a video frame; true when the producer is to be told now.
    pub(super) fn pushed(&self, key: bool, now: Instant) -> bool {
        let mut pending = self.0.lock();
        if key {
            pending.wanted = false;
            pending.answered = true;
        }
        pending.due(now)
    }
}

impl Pending {
    fn free(&self, now: Instant) -> bool {
        self.last
            .is_none_or(|last| now.saturating_duration_since(last) >= INTERVAL)
    }

    fn due(&mut self, now: Instant) -> bool {
        let due = self.wanted && self.free(now);
        if due {
            self.answered = false;
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

    #[test]
    fn a_request_is_answered_until_the_next_may_be_made() {
        let requests = KeyRequests::default();
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        requests.pushed(true, at(0));
        assert!(!requests.answered(at(10)), "nothing forbids to ask");
        assert!(requests.request(at(100)));
        assert!(!requests.answered(at(110)), "it is on its way");
        requests.pushed(false, at(120));
        assert!(!requests.answered(at(130)));
        requests.pushed(true, at(140));
        assert!(requests.answered(at(150)));
        assert!(requests.answered(at(599)));
        assert!(!requests.answered(at(600)));
    }
}
