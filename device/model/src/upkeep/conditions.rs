//! What is wrong now and may end by itself: the findings that every page shows as a badge while they hold.

use std::sync::Arc;

use lpr_core::WatchKind;
use parking_lot::Mutex;
use serde::Serialize;
use tokio::sync::watch;

use super::{Facts, FindingSeverity, rules::RULES};
use crate::{Device, EventKind};

/// One thing that is wrong now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Condition {
    /// Word of the rule; pages have a text for it. The finding of the same word has values too.
    pub id: &'static str,
    /// How bad it is.
    pub severity: FindingSeverity,
    /// Route of the page that mends it; empty when none does.
    pub page: &'static str,
}

/// What holds now, worst first. Shared.
#[derive(Debug)]
pub struct Conditions {
    now: watch::Sender<Arc<[Condition]>>,
    /// How the picture is disturbed.
    view: Mutex<Vec<WatchKind>>,
}

impl Default for Conditions {
    fn default() -> Self {
        Self {
            now: watch::Sender::new(Arc::new([])),
            view: Mutex::default(),
        }
    }
}

impl Conditions {
    /// Follows them, beginning with those of now.
    pub fn watch(&self) -> watch::Receiver<Arc<[Condition]>> {
        self.now.subscribe()
    }

    /// How the picture is disturbed; `None` while it is not.
    pub(super) fn view(&self) -> Option<WatchKind> {
        self.view.lock().first().copied()
    }

    /// Tells who follows, if it is news.
    fn set(&self, found: Vec<Condition>) {
        self.now.send_if_modified(|now| {
            let news = **now != *found;
            if news {
                *now = found.into();
            }
            news
        });
    }
}

/// The live ones of what is wrong with `facts`, worst first.
fn conditions(facts: &Facts) -> Vec<Condition> {
    let holds = RULES.iter().filter(|r| r.live && (r.look)(facts).is_some());
    let mut all: Vec<_> = holds
        .map(|r| Condition {
            id: r.id,
            severity: r.severity,
            page: r.page,
        })
        .collect();
    all.sort_by_key(|c| c.severity);
    all
}

impl Device {
    /// Looks for what is wrong now; call it every few seconds. Who follows [`Conditions::watch`] is told of changes.
    pub fn look_at_conditions(&self) {
        match self.facts() {
            Ok(facts) => self.upkeep.conditions.set(conditions(&facts)),
            // The certificate store cannot be read: what was known stays.
            Err(e) => tracing::warn!(error = ?e, "the state of the unit could not be looked at"),
        }
    }

    /// Takes note of the picture's own alarms; true when a look is worth while.
    pub fn condition_event(&self, event: &EventKind) -> bool {
        match event {
            EventKind::PictureAlarm {
                alarm: WatchKind::Motion,
                ..
            } => false,
            EventKind::PictureAlarm { alarm, active } => {
                let mut view = self.upkeep.conditions.view.lock();
                let before = view.len();
                view.retain(|kind| kind != alarm);
                if *active {
                    view.push(*alarm);
                }
                view.len() != before
            }
            EventKind::Input { .. }
            | EventKind::Source(_)
            | EventKind::Storage { .. }
            | EventKind::Card(_)
            | EventKind::SettingsChanged { .. }
            | EventKind::ClockJumped { .. } => true,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{TestDevice, initialised};

    fn ids(t: &TestDevice) -> Vec<&'static str> {
        t.device.look_at_conditions();
        let now = t.device.upkeep.conditions.watch().borrow().clone();
        now.iter().map(|c| c.id).collect()
    }

    /// Webui map, "Top bar": what begins and ends by itself is told once when it begins and once when it ends.
    #[test]
    fn conditions_come_and_go_and_are_told_once() {
        let t = initialised();
        let before = ids(&t);
        assert!(
            !before.contains(&"default-name"),
            "what only somebody can change is no badge: {before:?}"
        );
        let mut told = t.device.upkeep.conditions.watch();
        let _ = ids(&t);
        assert!(!told.has_changed().unwrap(), "nothing is new");
        let alarm = |alarm, active| {
            t.device
                .condition_event(&EventKind::PictureAlarm { alarm, active })
        };
        assert!(
            !alarm(WatchKind::Motion, true),
            "motion is no fault of the picture"
        );
        assert_eq!(ids(&t), before);
        assert!(alarm(WatchKind::TooDark, true));
        assert!(alarm(WatchKind::TooBlurry, true));
        assert!(ids(&t).contains(&"view-disturbed"));
        assert!(told.has_changed().unwrap());
        told.mark_unchanged();
        assert!(alarm(WatchKind::TooDark, false));
        assert!(ids(&t).contains(&"view-disturbed"), "still blurry");
        assert!(!told.has_changed().unwrap());
        assert!(alarm(WatchKind::TooBlurry, false));
        assert!(!alarm(WatchKind::TooBlurry, false), "it has ended already");
        assert_eq!(ids(&t), before);
        assert!(told.has_changed().unwrap());
    }

    #[test]
    fn the_worst_is_first() {
        let t = initialised();
        let mut facts = t.device.facts().unwrap();
        facts.inputs = vec![true];
        facts.storage_failure = Some("I/O error".into());
        let all = conditions(&facts);
        assert_eq!(all[0].id, "storage-failing", "{all:?}");
        assert_eq!(all.last().unwrap().id, "alarm-input", "{all:?}");
    }
}
