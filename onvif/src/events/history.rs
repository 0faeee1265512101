//! Kept events: notices as texts for the store, and the way back (Core §11.1.6).

use std::{sync::Arc, time::Duration};

use lpr_core::UtcTime;
use onvif_xml::{Any, Limits};
use parking_lot::Mutex;
use platecam_model::{
    Result,
    ports::{EventHistory, HistoryPlace},
};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use super::{
    catalog::{CATALOG, EVENT_BUFFER_BEGIN, PROCESSOR_USAGE, Topic, Type},
    notice::{ItemValue, Notice, Operation},
    subscriptions::Filter,
};

/// Events wait so long for others to be stored with them.
const GATHER: Duration = Duration::from_secs(1);
/// Events that wait at most; beyond it the oldest are lost, when the store does not work.
const MOST_WAITING: usize = 1024;
/// Events looked at in one step of reading.
const STEP: usize = 256;

/// What is kept, and what waits to be.
pub(crate) struct History {
    store: Arc<dyn EventHistory>,
    waiting: Mutex<Vec<(UtcTime, String)>>,
    /// One writer at a time: who comes next finds everything stored that was told before.
    writing: Mutex<()>,
    wake: Notify,
}

impl std::fmt::Debug for History {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("History").finish_non_exhaustive()
    }
}

/// Where the pull pointer of a subscription stands in the past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Replay {
    place: HistoryPlace,
    /// The newest event of the moment of Seek: what came later is told as it came.
    up_to: i64,
    /// The begin of the buffer is still to be told.
    begin: bool,
    /// Whether nothing is left.
    pub(super) done: bool,
}

impl Replay {
    /// Reading towards the past: what happens now is not told.
    pub(super) fn is_reverse(&self) -> bool {
        self.place.reverse
    }
}

impl History {
    pub(crate) fn new(store: Arc<dyn EventHistory>) -> Self {
        Self {
            store,
            waiting: Mutex::default(),
            writing: Mutex::default(),
            wake: Notify::new(),
        }
    }

    /// Takes a notice that is to be kept. Initial states are no events, and the usage of the processors comes so
    /// often that nothing else would be left.
    pub(super) fn add(&self, notice: &Notice) {
        let skipped =
            notice.operation == Some(Operation::Initialized) || *notice.topic == PROCESSOR_USAGE;
        if skipped {
            return;
        }
        let mut waiting = self.waiting.lock();
        if waiting.len() >= MOST_WAITING {
            waiting.remove(0);
        }
        waiting.push((notice.at, encode(notice)));
        drop(waiting);
        self.wake.notify_one();
    }

    /// Stores what waits. Takes the disk's time.
    ///
    /// # Errors
    /// Those of the store; what could not be stored is lost.
    pub(crate) fn flush(&self) -> Result<()> {
        let _one = self.writing.lock();
        let events = std::mem::take(&mut *self.waiting.lock());
        self.store.append(&events)
    }

    /// Stores what is told until it is aborted.
    pub(crate) async fn keep(self: Arc<Self>) {
        loop {
            self.wake.notified().await;
            tokio::time::sleep(GATHER).await;
            let history = self.clone();
            let done = tokio::task::spawn_blocking(move || history.flush()).await;
            if let Ok(Err(e)) = done {
                tracing::warn!(error = ?e, "events could not be kept");
            }
        }
    }

    /// Begins to read at `at` (Core §11.1.5). What was told before this is stored when it returns; call it while
    /// nothing is told.
    ///
    /// # Errors
    /// Those of the store.
    pub(super) fn seek(&self, at: UtcTime, reverse: bool) -> Result<Replay> {
        self.flush()?;
        let begin = self.store.begin()?;
        // The buffer begins now where it is empty.
        let told = match reverse {
            true => begin.is_none_or(|b| b <= at),
            false => begin.is_none_or(|b| at <= b),
        };
        Ok(Replay {
            place: HistoryPlace::from(at, reverse),
            up_to: self.store.newest()?,
            begin: told,
            done: false,
        })
    }

    /// The next notices that `filter` wants, at most `limit`, and where the pointer stands then.
    ///
    /// # Errors
    /// Those of the store.
    pub(super) fn read(
        &self,
        mut replay: Replay,
        filter: &Filter,
        limit: usize,
        now: UtcTime,
    ) -> Result<(Vec<Notice>, Replay)> {
        let mut notices = Vec::new();
        let forward = !replay.place.reverse;
        if forward && std::mem::take(&mut replay.begin) {
            notices.extend(self.begin_notice(now)?.filter(|n| filter.wants(n)));
        }
        while notices.len() < limit && !replay.done {
            let events = self.store.read(replay.place, replay.up_to, STEP)?;
            let last = events.len() < STEP;
            for event in &events {
                if notices.len() >= limit {
                    return Ok((notices, replay));
                }
                replay.place = replay.place.behind(event);
                let notice = decode(event.at, &event.content);
                notices.extend(notice.filter(|n| filter.wants(n)));
            }
            replay.done = last;
        }
        if replay.done && notices.len() < limit && std::mem::take(&mut replay.begin) {
            notices.extend(self.begin_notice(now)?.filter(|n| filter.wants(n)));
        }
        replay.done &= !replay.begin;
        Ok((notices, replay))
    }

    /// `BeginOfBuffer`: the time of the oldest event.
    fn begin_notice(&self, now: UtcTime) -> Result<Option<Notice>> {
        let at = self.store.begin()?.unwrap_or(now);
        Ok(Some(Notice {
            topic: &EVENT_BUFFER_BEGIN,
            at,
            operation: None,
            source: Vec::new(),
            data: Vec::new(),
            elements: Vec::new(),
        }))
    }
}

/// A notice as it is stored.
#[derive(Serialize, Deserialize)]
struct Kept {
    topic: String,
    /// The property ended.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    deleted: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    source: Vec<(String, String)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    data: Vec<(String, KeptValue)>,
    /// XML documents.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    elements: Vec<(String, String)>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum KeptValue {
    Text(String),
    Path(String),
}

fn encode(notice: &Notice) -> String {
    let own = |s: &&'static str| (*s).to_owned();
    let kept = Kept {
        topic: notice.topic.path.join("/"),
        deleted: notice.operation == Some(Operation::Deleted),
        source: notice
            .source
            .iter()
            .map(|(n, v)| (own(n), v.clone()))
            .collect(),
        data: notice
            .data
            .iter()
            .map(|(n, v)| {
                let value = match v {
                    ItemValue::Text(text) => KeptValue::Text(text.clone()),
                    ItemValue::Path(path) => KeptValue::Path(path.clone()),
                };
                (own(n), value)
            })
            .collect(),
        elements: notice
            .elements
            .iter()
            .map(|(n, any)| (own(n), any.to_xml()))
            .collect(),
    };
    // Maps of texts always become JSON.
    serde_json::to_string(&kept).unwrap_or_default()
}

/// The notice of a stored text; `None` for what this firmware does not know any more.
fn decode(at: UtcTime, content: &str) -> Option<Notice> {
    fn known(list: &[(&'static str, Type)], name: &str) -> Option<&'static str> {
        list.iter().find(|(n, _)| *n == name).map(|(n, _)| *n)
    }
    let kept: Kept = serde_json::from_str(content).ok()?;
    let topic: &'static Topic = CATALOG
        .iter()
        .find(|t| t.path.join("/") == kept.topic)
        .copied()?;
    let operation = match kept.deleted {
        true => Operation::Deleted,
        false => Operation::Changed,
    };
    let source = kept.source.into_iter();
    let data = kept.data.into_iter();
    Some(Notice {
        topic,
        at,
        operation: topic.property.then_some(operation),
        source: source
            .map(|(n, v)| Some((known(topic.source, &n)?, v)))
            .collect::<Option<_>>()?,
        data: data
            .map(|(n, v)| {
                let value = match v {
                    KeptValue::Text(text) => ItemValue::Text(text),
                    KeptValue::Path(path) => ItemValue::Path(path),
                };
                Some((known(topic.data, &n)?, value))
            })
            .collect::<Option<_>>()?,
        elements: kept
            .elements
            .into_iter()
            .map(|(n, xml)| {
                let any = Any::parse(&xml, Limits::default()).ok()?;
                Some((known(topic.elements, &n)?, any))
            })
            .collect::<Option<_>>()?,
    })
}

#[cfg(test)]
mod tests;
