//! Notices on the wire.

use onvif_contracts::{tt, wsnt};
use onvif_xml::{Any, Element, Mixed, Value, ns};

use super::{
    notice::{ItemValue, Notice, Operation},
    topic::CONCRETE_SET,
};
use crate::{address::Base, fault::date_time};

/// A notice as `wsnt:NotificationMessage`; paths on the device become URLs on `base`.
pub(crate) fn message(notice: &Notice, base: &Base) -> wsnt::NotificationMessageHolderType {
    let message = tt_message(notice, base);
    wsnt::NotificationMessageHolderType {
        topic: Some(Box::new(wsnt::TopicExpressionType {
            content: Mixed::new(notice.topic.expression(), &[ns::TNS1]),
            dialect: CONCRETE_SET.into(),
        })),
        message: wsnt::NotificationMessageHolderTypeMessage {
            any: vec![Any::written(|w| {
                message.write(w, tt::Message::NS, tt::Message::NAME);
            })],
        },
        ..Default::default()
    }
}

fn simple(name: &str, value: String) -> tt::ItemListSimpleItem {
    tt::ItemListSimpleItem {
        name: name.to_owned(),
        value,
    }
}

fn tt_message(notice: &Notice, base: &Base) -> tt::Message {
    let source = tt::ItemList {
        simple_item: notice
            .source
            .iter()
            .map(|(name, value)| simple(name, value.clone()))
            .collect(),
        ..Default::default()
    };
    let data = tt::ItemList {
        simple_item: notice
            .data
            .iter()
            .map(|(name, value)| match value {
                ItemValue::Text(text) => simple(name, text.clone()),
                ItemValue::Path(path) => simple(name, base.url(path)),
            })
            .collect(),
        element_item: notice
            .elements
            .iter()
            .map(|(name, content)| tt::ItemListElementItem {
                any: vec![content.clone()],
                name: (*name).to_owned(),
            })
            .collect(),
        ..Default::default()
    };
    tt::Message {
        source: (!source.simple_item.is_empty()).then(|| Box::new(source)),
        // An empty list would say that there is data.
        data: (!data.simple_item.is_empty() || !data.element_item.is_empty())
            .then(|| Box::new(data)),
        utc_time: date_time(notice.at),
        property_operation: notice.operation.map(|o| match o {
            Operation::Initialized => tt::PropertyOperation::Initialized,
            Operation::Changed => tt::PropertyOperation::Changed,
            Operation::Deleted => tt::PropertyOperation::Deleted,
        }),
        ..Default::default()
    }
}
