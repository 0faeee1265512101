//! Event service: what can be subscribed to, pull points, and the translation of the device's events.

mod brokers;
mod catalog;
mod content;
mod faults;
mod filter;
mod history;
mod json;
mod load;
mod notice;
mod properties;
mod push;
mod render;
mod rules;
mod service;
mod subscriptions;
mod topic;
mod tracks;
mod translate;

use std::{net::IpAddr, sync::Arc};

use platecam_model::{
    Event, EventKind,
    ports::{CardState, Moment},
};

use tokio::{
    sync::broadcast::error::RecvError,
    time::{Instant, MissedTickBehavior, interval, sleep_until},
};

pub(crate) use brokers::publish as publish_to_brokers;
pub(crate) use catalog::PICTURE_STATES;
pub use catalog::{
    BACKING, CATALOG, CONFIGURATION_CHANGED, DIGITAL_INPUT, LICENSE_PLATE, MOTION_ALARM,
    MOTION_REGION, OBJECT_TRACK, PROFILE_CHANGED, RELAY, SCENE_CHANGE, SIGNAL_LOSS, TOO_BLURRY,
    TOO_BRIGHT, TOO_DARK, Topic, Type, VEHICLE_DETECT,
};
pub use content::{ContentFilter, ITEM_FILTER, Items};
pub(crate) use filter::{stored as stored_filter, texts as filter_texts};
pub(crate) use history::History;
pub use notice::{ItemValue, Notice, Operation};
pub(crate) use properties::capabilities;
pub(crate) use push::Courier;
pub(crate) use render::message as render;
pub use subscriptions::{Delivery, Filter, Pulled, Refused, Subscription, Subscriptions};
pub(crate) use topic::CONCRETE_SET;
pub use topic::{BadExpression, TopicExpression};

use crate::{discovery::facing, model, service::Inner};
use load::Load;
use rules::Rules;
use translate::Translator;
pub(crate) use translate::profile_changed;

impl Inner {
    /// States that hold before anything happened.
    pub(crate) fn publish_initial_states(&self) {
        let now = self.now();
        let outputs = self.device.outputs().into_iter().enumerate();
        let inputs = self.device.inputs().into_iter().enumerate();
        let card = self.device.card.status();
        let all = Translator::initial(now, &Rules::of(&self.device.settings.snapshot()))
            .into_iter()
            .chain(outputs.map(|(i, o)| translate::relay(now, i, o.active)))
            .chain(inputs.map(|(i, s)| translate::input(now, i, s.active)))
            .chain(
                [Moment::Reset, Moment::Backup]
                    .map(|what| translate::moment(what, self.device.last_moment(what), now)),
            )
            .chain([translate::storage_failure(
                now,
                translate::STORE,
                self.device.upkeep.storage.failure().is_some(),
            )])
            .chain(
                (card.state != CardState::NoSlot)
                    .then(|| translate::storage_failure(now, translate::CARD, card.fails())),
            )
            .chain(
                self.device
                    .upkeep
                    .upgrades
                    .is_some()
                    .then(|| translate::upload_status(now, 0)),
            )
            .chain([translate::processor_usage(
                now,
                Load::default().look(&*self.device.upkeep.machine),
            )]);
        let there = |n: &Notice| self.device.meets(model::of_topic(n.topic));
        for notice in all.filter(there) {
            // A state at the start is no event.
            self.subscriptions.publish(notice, None);
        }
    }

    fn translated(&self, translator: &mut Translator, event: &Event) -> Vec<Notice> {
        if let EventKind::LockedOut { peer: Some(peer) } = event.kind {
            let interface = self.interface_facing(peer);
            return vec![translate::auth_failed(event.at, interface, peer)];
        }
        if let EventKind::RecordStored(record) = &event.kind {
            self.plate_pictures.stored(record);
        }
        translator.event(event, Instant::now())
    }

    /// The name of the interface by which `peer` comes: that of its network, else the first that is up.
    fn interface_facing(&self, peer: IpAddr) -> String {
        let all = self.device.network.interfaces();
        let own = facing(&all, peer);
        let by_address = all
            .iter()
            .find(|i| own.is_some_and(|own| i.addresses.iter().any(|(ip, _)| *ip == own)));
        let up = || all.iter().find(|i| i.up && !i.loopback);
        let found = by_address.or_else(up);
        found.map_or_else(String::new, |i| i.name.clone())
    }

    /// Tells subscribers and the metadata stream.
    pub(crate) fn tell(&self, notices: Vec<Notice>) {
        for notice in notices {
            // Nobody may be watching the metadata stream.
            let _ = self.notices.send(Arc::new(notice.clone()));
            self.subscriptions.publish(notice, Some(&self.history));
        }
    }
}

/// Translates what happens until `stop` is ready.
pub(crate) async fn run(inner: &Inner, stop: impl Future<Output = ()>) {
    let first = inner.events.lock().take();
    let mut events = first.unwrap_or_else(|| inner.device.bus.subscribe());
    let mut scenes = inner.device.bus.subscribe_scenes();
    let mut settings = inner.device.settings.watch();
    let mut translator = Translator::new(Rules::of(&settings.borrow_and_update()));
    // What happened before the subscription above.
    inner.tell(translator.source(&inner.device.media.status().state, inner.now()));
    if inner.device.card.status().fails() {
        translator.card_fails = true;
        let failed = translate::storage_failure(inner.now(), translate::CARD, true);
        inner.tell(vec![failed]);
    }
    let mut load = Load::default();
    let mut look = interval(load::EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    tokio::pin!(stop);
    loop {
        let due = translator.due(Instant::now());
        let notices = tokio::select! {
            biased;
            () = &mut stop => {
                // What was told before the end is told on.
                while let Ok(event) = events.try_recv() {
                    let notices = inner.translated(&mut translator, &event);
                    inner.tell(notices);
                }
                return;
            }
            changed = settings.changed() => {
                if changed.is_err() {
                    return;
                }
                if !inner.is_on() {
                    // Nobody may pull any more; who waits is answered now.
                    inner.subscriptions.end_all();
                }
                let rules = Rules::of(&settings.borrow_and_update());
                translator.set_rules(rules, inner.now())
            }
            event = events.recv() => match event {
                Ok(event) => inner.translated(&mut translator, &event),
                Err(RecvError::Lagged(n)) => {
                    tracing::warn!(lost = n, "ONVIF events lag behind: the oldest were lost");
                    Vec::new()
                }
                Err(RecvError::Closed) => return,
            },
            scene = scenes.recv() => match scene {
                Ok(scene) => translator.scene(&scene, Instant::now()),
                Err(RecvError::Lagged(_)) => Vec::new(),
                Err(RecvError::Closed) => return,
            },
            _ = look.tick() => {
                let usage = load.news(&*inner.device.upkeep.machine);
                let told = usage.map(|percent| translate::processor_usage(inner.now(), percent));
                told.into_iter().collect()
            }
            () = sleep_until(due) => translator.tick(Instant::now(), inner.now()),
        };
        inner.tell(notices);
    }
}
