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
mod tests {
    use onvif_contracts::tt;
    use onvif_xml::{Value, ns};
    use platecam_model::testing::MemoryHistory;
    use proptest::prelude::*;

    use super::*;
    use crate::events::catalog::{LICENSE_PLATE, MOTION_ALARM};

    fn motion(ms: i64, state: &str) -> Notice {
        Notice {
            topic: &MOTION_ALARM,
            at: UtcTime::from_millis(ms),
            operation: Some(Operation::Changed),
            source: vec![("Source", "source_1".into())],
            data: vec![("State", ItemValue::Text(state.into()))],
            elements: vec![],
        }
    }

    fn history() -> History {
        History::new(Arc::new(MemoryHistory::default()))
    }

    const NOW: UtcTime = UtcTime::from_millis(99_000);

    /// Reads in steps of `limit` until nothing is left.
    fn times(h: &History, at: i64, reverse: bool, limit: usize) -> Vec<(i64, &'static str)> {
        let mut replay = h.seek(UtcTime::from_millis(at), reverse).unwrap();
        let mut out = Vec::new();
        for _ in 0..100 {
            let (notices, next) = h.read(replay, &Filter::default(), limit, NOW).unwrap();
            assert!(notices.len() <= limit);
            out.extend(notices.iter().map(|n| (n.at.as_millis(), n.topic.path[0])));
            replay = next;
            if replay.done && notices.is_empty() {
                return out;
            }
        }
        panic!("no end: {out:?}")
    }

    /// EVENT-6-1-3..5: order, bounds and begin of the buffer, whatever the steps.
    #[test]
    fn the_past_is_read_both_ways() {
        let h = history();
        assert_eq!(times(&h, 5, false, 1), [(99_000, "EventBuffer")], "empty");
        for ms in [10, 30, 20] {
            h.add(&motion(ms, "true"));
        }
        let (b, m) = ("EventBuffer", "VideoSource");
        for limit in [1, 2, 10] {
            let all = [(10, b), (10, m), (20, m), (30, m)];
            assert_eq!(times(&h, 9, false, limit), all);
            assert_eq!(times(&h, 10, false, limit), all);
            assert_eq!(times(&h, 11, false, limit), [(20, m), (30, m)]);
            assert_eq!(times(&h, 31, false, limit), []);
            let back = [(30, m), (20, m), (10, m), (10, b)];
            assert_eq!(times(&h, 99, true, limit), back);
            assert_eq!(times(&h, 30, true, limit), back);
            assert_eq!(times(&h, 29, true, limit), back[1..]);
            assert_eq!(times(&h, 9, true, limit), []);
        }
    }

    #[test]
    fn states_that_are_only_told_again_are_not_kept() {
        let h = history();
        h.add(&motion(5, "false").initialized(UtcTime::from_millis(6)));
        h.flush().unwrap();
        assert_eq!(h.store.newest().unwrap(), 0);
    }

    #[test]
    fn a_plate_comes_back_as_it_was() {
        let info = tt::ObjectId {
            object_id: Some(7),
            uuid: None,
        };
        let plate = Notice {
            topic: &LICENSE_PLATE,
            at: UtcTime::from_millis(5),
            operation: None,
            source: vec![("VideoSource", "s".into()), ("Rule", "Plates".into())],
            data: vec![
                ("Likelihood", ItemValue::Text("0.5".into())),
                (
                    "ImageURI",
                    ItemValue::Path("/onvif/record/1/plate.jpg".into()),
                ),
            ],
            elements: vec![(
                "ObjectId",
                Any::written(|w| info.write(w, ns::TT, "ObjectId")),
            )],
        };
        assert_eq!(decode(plate.at, &encode(&plate)), Some(plate));
        let strange = r#"{"topic":"Future/Topic","source":[]}"#;
        assert_eq!(decode(NOW, strange), None);
    }

    proptest! {
        #[test]
        fn any_state_comes_back(ms in 0i64..1 << 40, state in "\\PC{0,20}") {
            let notice = motion(ms, &state);
            let ended = Notice { operation: Some(Operation::Deleted), ..notice.clone() };
            prop_assert_eq!(decode(ended.at, &encode(&ended)), Some(ended));
            prop_assert_eq!(decode(notice.at, &encode(&notice)), Some(notice));
        }

        /// What is in the store may be damaged.
        #[test]
        fn any_text_is_read_or_left_out(text in "\\PC{0,80}") {
            decode(NOW, &text);
            decode(NOW, &format!(r#"{{"topic":"VideoSource/MotionAlarm","elements":[["x",{text:?}]]}}"#));
        }
    }
}
