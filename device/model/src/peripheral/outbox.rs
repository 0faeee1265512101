//! Plates that wait for their way out.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use lpr_core::PlateRead;
use parking_lot::Mutex;
use tokio::sync::Notify;

/// Plates that wait at a time; the oldest gives way.
pub(super) const WAITING: usize = 8;

/// A few plates in their order, and how many were lost since it worked last.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    state: Mutex<State>,
    news: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// With the monotonic time from which on they are of no use.
    waiting: VecDeque<(Arc<PlateRead>, Duration)>,
    /// While it does not work.
    lost: Option<u64>,
}

impl Outbox {
    /// Returns when something waits.
    pub(super) async fn wanted(&self) {
        loop {
            let news = self.news.notified();
            if !self.state.lock().waiting.is_empty() {
                return;
            }
            news.await;
        }
    }

    /// Puts a plate at the end; true when the oldest had to go for it.
    pub(super) fn add(&self, read: Arc<PlateRead>, until: Duration) -> bool {
        let mut state = self.state.lock();
        let full = state.waiting.len() >= WAITING;
        if full {
            state.waiting.pop_front();
        }
        state.waiting.push_back((read, until));
        drop(state);
        self.news.notify_one();
        full
    }

    /// Takes the next one that is still of use, and says how many were not any more.
    pub(super) fn take(&self, now: Duration) -> (Option<(Arc<PlateRead>, Duration)>, u64) {
        let mut state = self.state.lock();
        let mut late = 0;
        while let Some((read, until)) = state.waiting.pop_front() {
            if now < until {
                return (Some((read, until)), late);
            }
            late += 1;
        }
        (None, late)
    }

    /// So many were lost; true when it worked until now.
    pub(super) fn lose(&self, n: u64) -> bool {
        let mut state = self.state.lock();
        let first = state.lost.is_none();
        state.lost = Some(state.lost.unwrap_or(0).saturating_add(n));
        first
    }

    /// It works; how many were lost before, if it did not.
    pub(super) fn recovered(&self) -> Option<u64> {
        self.state.lock().lost.take()
    }
}
