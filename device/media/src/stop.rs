//! A stop signal that blocking threads and async tasks can both wait on.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use tokio::sync::Notify;

#[derive(Clone, Default)]
pub(crate) struct StopToken(Arc<Inner>);

#[derive(Default)]
struct Inner {
    stopped: Mutex<bool>,
    changed: Condvar,
    notify: Notify,
}

impl StopToken {
    pub(crate) fn stop(&self) {
        *self.0.stopped.lock() = true;
        self.0.changed.notify_all();
        self.0.notify.notify_waiters();
    }

    pub(crate) fn is_stopped(&self) -> bool {
        *self.0.stopped.lock()
    }

    /// Waits at most `at_most`; true when stopped.
    pub(crate) fn wait(&self, at_most: Duration) -> bool {
        let mut stopped = self.0.stopped.lock();
        if !*stopped {
            self.0
                .changed
                .wait_while_for(&mut stopped, |s| !*s, at_most);
        }
        *stopped
    }

    /// Resolves once stopped.
    pub(crate) async fn stopped(&self) {
        loop {
            let notified = self.0.notify.notified();
            tokio::pin!(notified);
            // Registered before the flag is read, so that no stop falls between the two.
            notified.as_mut().enable();
            if self.is_stopped() {
                return;
            }
            notified.await;
        }
    }
}
