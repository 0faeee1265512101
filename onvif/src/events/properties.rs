//! What can be subscribed to: `GetEventProperties` and the service's capabilities.

use onvif_contracts::{tev, wstop};
use onvif_xml::{Any, Ns, Writer, ns};
use platecam_model::{Device, product::Limit};

use super::{
    brokers::protocols,
    catalog::{Topic, Type, published},
    content::ITEM_FILTER,
    subscriptions::{MAX_PULL_POINTS, MAX_PUSHED},
    topic::{CONCRETE, CONCRETE_SET, FULL},
};

/// Capabilities of the event service.
pub(crate) fn capabilities(device: &Device) -> tev::Capabilities {
    let brokers = device.product().limit(Limit::EventBrokers);
    tev::Capabilities {
        ws_subscription_policy_support: Some(true),
        ws_pausable_subscription_manager_interface_support: Some(false),
        max_notification_producers: i32::try_from(MAX_PUSHED).ok(),
        max_pull_points: i32::try_from(MAX_PULL_POINTS).ok(),
        persistent_notification_storage: Some(true),
        event_broker_protocols: (brokers > 0).then(protocols),
        max_event_brokers: i32::try_from(brokers).ok(),
        metadata_over_mqtt: Some(false),
        ..Default::default()
    }
}

/// `GetEventProperties`.
pub(super) fn properties(device: &Device) -> tev::GetEventPropertiesResponse {
    let own = |s: &str| vec![s.to_owned()];
    tev::GetEventPropertiesResponse {
        topic_namespace_location: own("http://www.onvif.org/onvif/ver10/topics/topicns.xml"),
        fixed_topic_set: true,
        topic_set: topic_set(&published(device)),
        topic_expression_dialect: [CONCRETE, CONCRETE_SET, FULL].map(str::to_owned).to_vec(),
        message_content_filter_dialect: own(ITEM_FILTER),
        producer_properties_filter_dialect: Vec::new(),
        message_content_schema_location: own("http://www.onvif.org/onvif/ver10/schema/onvif.xsd"),
    }
}

/// The tree of topics. Only roots carry the prefix `tns1`; clients take names of children literally
/// (profiles.md, pitfalls of the test tool).
fn topic_set(catalog: &[&'static Topic]) -> wstop::TopicSetType {
    let mut roots: Vec<&str> = Vec::new();
    for topic in catalog {
        if let Some(root) = topic.path.first()
            && !roots.contains(root)
        {
            roots.push(root);
        }
    }
    wstop::TopicSetType {
        any: roots
            .into_iter()
            .map(|root| Any::written(|w| node(w, catalog, ns::TNS1, &[root])))
            .collect(),
        ..Default::default()
    }
}

/// Writes the topic at `path` with everything below it.
fn node(w: &mut Writer, catalog: &[&'static Topic], ns: Ns, path: &[&str]) {
    let Some(name) = path.last() else {
        return;
    };
    let here = catalog.iter().find(|t| t.path == path);
    w.start(ns, name);
    if here.is_some() {
        w.attribute_str(ns::WSTOP, "topic", "true");
    }
    w.end_start();
    if let Some(topic) = here {
        description(w, topic);
    }
    let mut done: Vec<&str> = Vec::new();
    for below in catalog.iter().filter(|t| t.path.starts_with(path)) {
        if let Some(child) = below.path.get(path.len())
            && !done.contains(child)
        {
            done.push(child);
            let mut path = path.to_vec();
            path.push(child);
            node(w, catalog, Ns::NONE, &path);
        }
    }
    w.end(ns, name);
}

fn description(w: &mut Writer, topic: &Topic) {
    w.start(ns::TT, "MessageDescription");
    w.attribute_str(
        Ns::NONE,
        "IsProperty",
        if topic.property { "true" } else { "false" },
    );
    w.end_start();
    list(w, "Source", topic.source, &[]);
    list(w, "Data", topic.data, topic.elements);
    w.end(ns::TT, "MessageDescription");
}

fn list(
    w: &mut Writer,
    name: &str,
    simple: &[(&'static str, Type)],
    elements: &[(&'static str, Type)],
) {
    if simple.is_empty() && elements.is_empty() {
        return;
    }
    w.start(ns::TT, name);
    w.end_start();
    let kinds = [
        ("SimpleItemDescription", simple),
        ("ElementItemDescription", elements),
    ];
    for (kind, items) in kinds {
        for (item, of) in items {
            let (prefix, of) = of.name();
            w.needs(prefix);
            w.start(ns::TT, kind);
            w.attribute_str(Ns::NONE, "Name", item);
            w.attribute_str(Ns::NONE, "Type", &format!("{}:{of}", prefix.prefix()));
            w.end_empty();
        }
    }
    w.end(ns::TT, name);
}
