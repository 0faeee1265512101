//! What is heard next.

use std::{collections::VecDeque, time::Duration};

use parking_lot::{Condvar, Mutex};
use serde::Serialize;
use tokio::sync::Notify;

use crate::{Error, Result, settings::AudioClip};

/// Sounds that wait at a time.
const WAITING: usize = 8;

/// What is to be heard.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Item {
    /// A voice prompt.
    Clip(AudioClip),
    /// A text, made at the moment.
    Text(String),
}

/// What is heard now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Playing {
    /// The prompt; empty for a text without one.
    pub token: String,
    /// Its name.
    pub name: String,
    /// So often it is heard again.
    pub repeats_left: u8,
}

/// Sounds one after the other. Nothing runs while nothing waits: who plays them waits for [`Self::wanted`].
#[derive(Debug, Default)]
pub struct Broadcast {
    state: Mutex<State>,
    changed: Condvar,
    news: Notify,
    /// Held while files and settings of prompts change together.
    pub(super) clips: Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    /// With the monotonic time from which on they are of no use.
    waiting: VecDeque<(Item, Duration)>,
    playing: Option<Playing>,
    stop: bool,
}

impl Broadcast {
    /// Returns when something waits.
    pub async fn wanted(&self) {
        loop {
            let news = self.news.notified();
            if !self.state.lock().waiting.is_empty() {
                return;
            }
            news.await;
        }
    }

    /// What is heard now.
    #[must_use]
    pub fn playing(&self) -> Option<Playing> {
        self.state.lock().playing.clone()
    }

    /// Puts something at the end of the queue.
    pub(super) fn add(&self, item: Item, until: Duration) -> Result<()> {
        let mut state = self.state.lock();
        if state.waiting.len() >= WAITING {
            return Err(Error::Exhausted {
                what: "sounds that wait to be played",
                limit: WAITING as u64,
            });
        }
        state.waiting.push_back((item, until));
        drop(state);
        self.news.notify_one();
        Ok(())
    }

    /// Takes the next one that is still of use; it is what is heard from now on.
    pub(super) fn take(&self, now: Duration) -> Option<(Item, Duration)> {
        let mut state = self.state.lock();
        loop {
            let (item, until) = state.waiting.pop_front()?;
            if now < until {
                let (token, name, repeats_left) = match &item {
                    Item::Clip(c) => (c.token.clone(), c.name.clone(), c.repeats.get()),
                    Item::Text(text) => (String::new(), text.clone(), 0),
                };
                state.stop = false;
                state.playing = Some(Playing {
                    token,
                    name,
                    repeats_left,
                });
                return Some((item, until));
            }
        }
    }

    pub(super) fn left(&self, repeats: u8) {
        if let Some(playing) = &mut self.state.lock().playing {
            playing.repeats_left = repeats;
        }
    }

    pub(super) fn stopped(&self) -> bool {
        self.state.lock().stop
    }

    /// Waits; true when stopped.
    pub(super) fn pause(&self, length: Duration) -> bool {
        let mut state = self.state.lock();
        let stop = |s: &mut State| !s.stop;
        self.changed.wait_while_for(&mut state, stop, length);
        state.stop
    }

    pub(super) fn ended(&self) {
        self.state.lock().playing = None;
    }

    /// Stops the prompt `token`, or whatever is heard, and takes it out of the queue. True when there was any.
    pub(super) fn stop(&self, token: Option<&str>) -> bool {
        let mut state = self.state.lock();
        let before = state.waiting.len();
        let meant = |item: &Item| match (token, item) {
            (None, _) => true,
            (Some(token), Item::Clip(c)) => c.token == token,
            (Some(_), Item::Text(_)) => false,
        };
        state.waiting.retain(|(item, _)| !meant(item));
        let playing = state.playing.as_ref();
        let heard = playing.is_some_and(|p| token.is_none_or(|t| t == p.token));
        state.stop |= heard;
        let any = heard || state.waiting.len() < before;
        drop(state);
        self.changed.notify_all();
        any
    }
}
