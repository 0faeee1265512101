//! Subscriptions: their filters, queues and lives.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use lpr_core::UtcTime;
use parking_lot::Mutex;
use tokio::{sync::Notify, time::Instant};

use platecam_model::{Error, Result as ModelResult};

use super::{
    content::ContentFilter,
    history::{History, Replay},
    notice::{Notice, Operation},
    topic::TopicExpression,
};
use crate::address::Base;

/// Most pull points at a time; announced as `MaxPullPoints`. Their notifications are shared: one costs a few kilobytes
/// (`onvif/benches/README.md`).
pub(super) const MAX_PULL_POINTS: usize = 1_024;
/// Most subscriptions with push delivery at a time; announced as `MaxNotificationProducers`.
pub(super) const MAX_PUSHED: usize = 16;
/// Notifications kept for a slow subscriber; the oldest go first.
pub(super) const QUEUE: usize = 512;
/// Longest life that may be asked for.
pub(super) const MAX_LIFE: Duration = Duration::from_secs(24 * 3600);
/// Life when none is asked for.
pub(super) const DEFAULT_LIFE: Duration = Duration::from_secs(60);
/// Longest wait of one `PullMessages`.
pub(super) const MAX_WAIT: Duration = Duration::from_secs(600);
/// Most notifications in one answer; more may be asked for.
pub(super) const MAX_MESSAGES: usize = 256;

/// Which notifications a subscriber wants. Empty lists want everything.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// All of them must want the topic.
    pub topics: Vec<TopicExpression>,
    /// All of them must pass the message.
    pub contents: Vec<ContentFilter>,
    /// No `Initialized` messages (`tev:SubscriptionPolicy ChangedOnly`).
    pub changed_only: bool,
}

impl Filter {
    /// Whether the notification is wanted.
    pub fn wants(&self, notice: &Notice) -> bool {
        let initial = notice.operation == Some(Operation::Initialized);
        !(self.changed_only && initial)
            && self.topics.iter().all(|t| t.matches(notice.topic.path))
            && self.contents.iter().all(|c| c.matches(notice))
    }
}

/// Why a subscription call is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// No such subscription, or its time is over.
    #[error("no such subscription, or it has ended")]
    Unknown,
    /// Too many of them.
    #[error(
        "at most {MAX_PULL_POINTS} pull points and {MAX_PUSHED} subscriptions with push delivery at a time"
    )]
    Full,
    /// Its messages are pushed to a consumer, not fetched.
    #[error("the messages of this subscription are pushed to its consumer")]
    Pushed,
    /// The kept events cannot be read.
    #[error("the kept events cannot be read")]
    Store,
    /// Another call is waiting for messages of this subscription.
    #[error("another PullMessages is waiting on this subscription")]
    Busy,
}

/// How the messages of a subscription travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The subscriber fetches them.
    Pull,
    /// They are sent to a consumer.
    Push,
}

/// All subscriptions and the states of all properties.
#[derive(Debug, Default)]
pub struct Subscriptions(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    live: BTreeMap<String, Arc<Subscription>>,
    properties: Vec<Arc<Notice>>,
}

/// One subscription.
#[derive(Debug)]
pub struct Subscription {
    /// Its name, the last part of its address.
    pub id: String,
    /// The address that the subscriber used.
    pub base: Base,
    /// The subscriber's user name.
    pub owner: Option<String>,
    /// How its messages travel.
    pub delivery: Delivery,
    filter: Filter,
    inner: Mutex<Inner>,
    wake: Notify,
}

#[derive(Debug)]
struct Inner {
    queue: VecDeque<Arc<Notice>>,
    lost: u64,
    ends: Instant,
    pulling: bool,
    ended: bool,
    /// Reads in the past.
    replay: Option<Replay>,
}

/// What one pull brought.
#[derive(Debug)]
pub struct Pulled {
    /// The messages, oldest first; empty when the wait was over.
    pub notices: Vec<Arc<Notice>>,
    /// Time that the subscription has left.
    pub left: Duration,
}

impl Subscriptions {
    /// Begins a subscription that lives for `life`; the states of all properties are its first
    /// messages.
    ///
    /// # Errors
    /// [`Refused::Full`].
    pub fn begin(
        &self,
        (base, owner, delivery): (Base, Option<String>, Delivery),
        filter: Filter,
        life: Duration,
        now: UtcTime,
    ) -> Result<Arc<Subscription>, Refused> {
        let mut state = self.0.lock();
        state.sweep();
        let alike = state.live.values().filter(|s| s.delivery == delivery);
        let most = match delivery {
            Delivery::Pull => MAX_PULL_POINTS,
            Delivery::Push => MAX_PUSHED,
        };
        if alike.count() >= most {
            return Err(Refused::Full);
        }
        let id = uuid::Uuid::new_v4().simple().to_string();
        let subscription = Arc::new(Subscription {
            id: id.clone(),
            base,
            owner,
            delivery,
            filter,
            inner: Mutex::new(Inner {
                queue: VecDeque::new(),
                lost: 0,
                ends: Instant::now() + life,
                pulling: false,
                ended: false,
                replay: None,
            }),
            wake: Notify::new(),
        });
        for property in &state.properties {
            subscription.push(&Arc::new(property.initialized(now)));
        }
        state.live.insert(id, subscription.clone());
        Ok(subscription)
    }

    /// A living subscription.
    ///
    /// # Errors
    /// [`Refused::Unknown`].
    pub fn find(&self, id: &str) -> Result<Arc<Subscription>, Refused> {
        let mut state = self.0.lock();
        state.sweep();
        state.live.get(id).cloned().ok_or(Refused::Unknown)
    }

    /// The subscription of a user who has exactly one.
    pub fn only_one_of(&self, owner: &str) -> Option<Arc<Subscription>> {
        let mut state = self.0.lock();
        state.sweep();
        let mut of = state
            .live
            .values()
            .filter(|s| s.owner.as_deref() == Some(owner));
        let first = of.next().cloned();
        first.filter(|_| of.next().is_none())
    }

    /// Ends a subscription; a waiting pull is told so.
    ///
    /// # Errors
    /// [`Refused::Unknown`].
    pub fn end(&self, id: &str) -> Result<(), Refused> {
        let mut state = self.0.lock();
        state.sweep();
        let subscription = state.live.remove(id).ok_or(Refused::Unknown)?;
        subscription.close();
        Ok(())
    }

    /// Ends all of them: the device stops.
    pub fn end_all(&self) {
        let all = std::mem::take(&mut self.0.lock().live);
        all.values().for_each(|s| s.close());
    }

    /// Tells everybody who wants to know, remembers the state of a property, and keeps the notice in `history`.
    pub(crate) fn publish(&self, notice: Notice, history: Option<&History>) {
        let notice = Arc::new(notice);
        let mut state = self.0.lock();
        if let Some(history) = history {
            history.add(&notice);
        }
        if notice.operation == Some(Operation::Deleted) {
            state.properties.retain(|p| !p.same_property(&notice));
        } else if notice.topic.property {
            match state
                .properties
                .iter_mut()
                .find(|p| p.same_property(&notice))
            {
                Some(known) => *known = notice.clone(),
                None => state.properties.push(notice.clone()),
            }
        }
        state.sweep();
        state.live.values().for_each(|s| s.push(&notice));
    }

    /// States of all properties as a new subscriber is told.
    pub fn states(&self, now: UtcTime) -> Vec<Notice> {
        let state = self.0.lock();
        state
            .properties
            .iter()
            .map(|p| p.initialized(now))
            .collect()
    }

    /// Tells one subscriber the states of all properties again.
    ///
    /// # Errors
    /// [`Refused::Unknown`].
    pub fn synchronize(&self, id: &str, now: UtcTime) -> Result<(), Refused> {
        let mut state = self.0.lock();
        state.sweep();
        let subscription = state.live.get(id).ok_or(Refused::Unknown)?;
        for property in &state.properties {
            subscription.push(&Arc::new(property.initialized(now)));
        }
        Ok(())
    }

    /// Moves the pull pointer of a subscription to the kept events of `at` (Core §11.1.5); what waits for it is
    /// dropped. Takes the disk's time.
    ///
    /// # Errors
    /// [`Refused`], or that of the store.
    pub(super) fn seek(
        &self,
        id: &str,
        history: &History,
        at: UtcTime,
        reverse: bool,
    ) -> ModelResult<Result<(), Refused>> {
        // Nothing is told meanwhile: what is told from now on has a greater number.
        let mut state = self.0.lock();
        state.sweep();
        let Some(subscription) = state.live.get(id) else {
            return Ok(Err(Refused::Unknown));
        };
        if subscription.delivery == Delivery::Push {
            return Ok(Err(Refused::Pushed));
        }
        let replay = history.seek(at, reverse)?;
        let mut inner = subscription.inner.lock();
        inner.queue.clear();
        inner.replay = Some(replay);
        drop(inner);
        subscription.wake.notify_one();
        Ok(Ok(()))
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        let mut state = self.0.lock();
        state.sweep();
        state.live.len()
    }
}

impl State {
    fn sweep(&mut self) {
        let now = Instant::now();
        self.live.retain(|id, s| {
            let over = s.inner.lock().over(now);
            if over {
                tracing::debug!(subscription = %id, "subscription ended: its time was over");
                s.close();
            }
            !over
        });
    }
}

impl Inner {
    fn over(&self, now: Instant) -> bool {
        self.ended || (!self.pulling && now >= self.ends)
    }

    /// Lives at least for `life` from now on.
    fn prolong(&mut self, life: Duration) {
        self.ends = self.ends.max(Instant::now() + life);
    }

    fn left(&self) -> Duration {
        self.ends.saturating_duration_since(Instant::now())
    }
}

impl Subscription {
    /// Time left.
    pub fn left(&self) -> Duration {
        self.inner.lock().left()
    }

    /// Lives exactly for `life` from now on.
    pub fn renew(&self, life: Duration) {
        self.inner.lock().ends = Instant::now() + life;
    }

    fn close(&self) {
        self.inner.lock().ended = true;
        self.wake.notify_one();
    }

    fn push(&self, notice: &Arc<Notice>) {
        if !self.filter.wants(notice) {
            return;
        }
        let mut inner = self.inner.lock();
        if inner.replay.is_some_and(|r| r.is_reverse()) {
            return;
        }
        if inner.queue.len() >= QUEUE {
            inner.queue.pop_front();
            inner.lost += 1;
            if inner.lost.is_power_of_two() {
                tracing::warn!(subscription = %self.id, lost = inner.lost,
                    "subscriber does not fetch its messages: the oldest are dropped");
            }
        }
        inner.queue.push_back(notice.clone());
        drop(inner);
        self.wake.notify_one();
    }

    /// Takes messages: at once when there are any, else as soon as one comes, at the latest after
    /// `wait`. After a Seek those of the past come first. The subscription lives at least `wait` longer from the
    /// answer on (Core §11.1.1).
    ///
    /// # Errors
    /// [`Refused::Busy`] when another call waits, [`Refused::Unknown`] when it ended meanwhile,
    /// [`Refused::Store`] when the past cannot be read.
    pub(super) async fn pull(
        self: &Arc<Self>,
        wait: Duration,
        limit: usize,
        past: (&Arc<History>, UtcTime),
    ) -> Result<Pulled, Refused> {
        let _pulling = Pulling::begin(self)?;
        let deadline = Instant::now() + wait;
        let limit = limit.clamp(1, MAX_MESSAGES);
        loop {
            let replay = self.inner.lock().replay.filter(|r| !r.done);
            if let Some(replay) = replay {
                let notices = self.read_past(replay, limit, past).await?;
                if !notices.is_empty() {
                    let mut inner = self.inner.lock();
                    inner.prolong(wait);
                    let left = inner.left();
                    return Ok(Pulled { notices, left });
                }
                continue;
            }
            {
                let mut inner = self.inner.lock();
                // What was told before the end is still fetched by who waits for it.
                if inner.ended && inner.queue.is_empty() {
                    return Err(Refused::Unknown);
                }
                if !inner.queue.is_empty() || Instant::now() >= deadline {
                    let n = limit.min(inner.queue.len());
                    let notices = inner.queue.drain(..n).collect();
                    inner.prolong(wait);
                    let left = inner.left();
                    return Ok(Pulled { notices, left });
                }
            }
            // A push between the check and here leaves a permit, so it is not missed.
            let _ = tokio::time::timeout_at(deadline, self.wake.notified()).await;
        }
    }

    /// The next messages of the past; the pointer moves on, unless it was moved elsewhere meanwhile.
    async fn read_past(
        self: &Arc<Self>,
        replay: Replay,
        limit: usize,
        (history, now): (&Arc<History>, UtcTime),
    ) -> Result<Vec<Arc<Notice>>, Refused> {
        let (own, history) = (self.clone(), history.clone());
        let read =
            tokio::task::spawn_blocking(move || history.read(replay, &own.filter, limit, now));
        let failed = |e: &dyn std::fmt::Display| {
            tracing::warn!("kept events cannot be read: {e}");
            Refused::Store
        };
        let (notices, next) = read.await.map_err(|e| failed(&e))?.map_err(|e| match e {
            Error::Internal { detail } => failed(&detail),
            other => failed(&other),
        })?;
        let mut inner = self.inner.lock();
        if inner.ended {
            return Err(Refused::Unknown);
        }
        if inner.replay != Some(replay) {
            return Ok(Vec::new());
        }
        // Towards the past nothing follows but the end; towards now what was told meanwhile does.
        inner.replay = Some(next).filter(|r| !r.done || r.is_reverse());
        Ok(notices.into_iter().map(Arc::new).collect())
    }
}

impl Subscription {
    /// The next messages to push, oldest first, at most `limit`, as soon as there are any; `None` when the
    /// subscription has ended. They are taken: who cannot deliver them keeps them.
    pub(super) async fn next_batch(&self, limit: usize) -> Option<Vec<Arc<Notice>>> {
        loop {
            let ends = {
                let mut inner = self.inner.lock();
                if inner.over(Instant::now()) {
                    return None;
                }
                if !inner.queue.is_empty() {
                    let n = limit.min(inner.queue.len());
                    return Some(inner.queue.drain(..n).collect());
                }
                inner.ends
            };
            let _ = tokio::time::timeout_at(ends, self.wake.notified()).await;
        }
    }

    /// Waits until the subscription has ended.
    pub(super) async fn over(&self) {
        loop {
            let ends = {
                let inner = self.inner.lock();
                if inner.over(Instant::now()) {
                    return;
                }
                inner.ends
            };
            let _ = tokio::time::timeout_at(ends, self.wake.notified()).await;
        }
    }
}

/// Marks a waiting pull, also when the client goes away in the middle.
struct Pulling<'a>(&'a Subscription);

impl<'a> Pulling<'a> {
    fn begin(subscription: &'a Subscription) -> Result<Self, Refused> {
        if subscription.delivery == Delivery::Push {
            return Err(Refused::Pushed);
        }
        let mut inner = subscription.inner.lock();
        if inner.over(Instant::now()) {
            return Err(Refused::Unknown);
        }
        if std::mem::replace(&mut inner.pulling, true) {
            return Err(Refused::Busy);
        }
        Ok(Self(subscription))
    }
}

impl Drop for Pulling<'_> {
    fn drop(&mut self) {
        self.0.inner.lock().pulling = false;
    }
}

#[cfg(test)]
mod tests;
