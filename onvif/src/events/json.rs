//! Notices as messages for event brokers: MQTT topics and JSON (Core §11.12 and its annex).

use onvif_xml::to_json;
use platecam_model::ports::BrokerMessage;
use serde_json::{Map, Number, Value, json};

use super::{
    catalog::Type,
    notice::{ItemValue, Notice, Operation},
};
use crate::address::Base;

/// A notice as a message; paths on the device become URLs on `base`.
pub(super) fn message(notice: &Notice, prefix: &str, base: &Base) -> BrokerMessage {
    BrokerMessage {
        topic: topic(notice, prefix),
        // Nothing in its place takes a retained state back.
        payload: match notice.operation {
            Some(Operation::Deleted) => Vec::new(),
            _ => payload(notice, base).to_string().into_bytes(),
        },
        retain: notice.topic.property,
    }
}

/// `prefix/onvif-ej/` + the topic + `/&` + the values of the source in the order of `GetEventProperties`.
fn topic(notice: &Notice, prefix: &str) -> String {
    let mut out = format!("{prefix}/onvif-ej/{}", notice.topic.path.join("/"));
    for (i, (_, value)) in notice.source.iter().enumerate() {
        out.push_str(if i == 0 { "/&" } else { "/" });
        out.extend(value.chars().filter(|c| !matches!(c, '#' | '+')));
    }
    out
}

/// `UtcTime`, `Source` and `Data`; no operation.
fn payload(notice: &Notice, base: &Base) -> Value {
    let described = |list: &[(&'static str, Type)], name: &str| {
        list.iter().find(|(n, _)| *n == name).map(|(_, t)| *t)
    };
    let mut source = Map::new();
    for (name, value) in &notice.source {
        let of = described(notice.topic.source, name);
        source.insert((*name).into(), simple(of, value.clone()));
    }
    let mut data = Map::new();
    for (name, value) in &notice.data {
        let text = match value {
            ItemValue::Text(text) => text.clone(),
            ItemValue::Path(path) => base.url(path),
        };
        data.insert(
            (*name).into(),
            simple(described(notice.topic.data, name), text),
        );
    }
    for (name, content) in &notice.elements {
        // The item holds one element, so there are two names: the item's and the element's.
        let (_, element) = content.name();
        data.insert((*name).into(), json!({ element: to_json(content) }));
    }
    let mut out = Map::new();
    out.insert("UtcTime".into(), notice.at.to_string().into());
    if !source.is_empty() {
        out.insert("Source".into(), source.into());
    }
    if !data.is_empty() {
        out.insert("Data".into(), data.into());
    }
    out.into()
}

/// A simple item in the JSON type of its declared one.
fn simple(of: Option<Type>, text: String) -> Value {
    let typed = match of {
        Some(Type::Boolean) => text.parse().ok().map(Value::Bool),
        Some(Type::Float) => text
            .parse()
            .ok()
            .and_then(Number::from_f64)
            .map(Value::Number),
        _ => None,
    };
    typed.unwrap_or(Value::String(text))
}
