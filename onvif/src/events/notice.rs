//! One notification, before it is written for a particular subscriber.

use lpr_core::UtcTime;
use onvif_xml::Any;

use super::{catalog::Topic, content::Items};

/// What a property notification says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// The state when the subscription began, or at a synchronisation point.
    Initialized,
    /// The state changed.
    Changed,
    /// What had the state is gone, as when its rule was deleted.
    Deleted,
}

/// Value of a simple item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ItemValue {
    /// As it is.
    Text(String),
    /// A path on this device: written with the address that the subscriber used.
    Path(String),
}

/// One notification.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// Its topic.
    pub topic: &'static Topic,
    /// When it happened.
    pub at: UtcTime,
    /// For properties only.
    pub operation: Option<Operation>,
    /// What it is about.
    pub source: Vec<(&'static str, String)>,
    /// What is the case.
    pub data: Vec<(&'static str, ItemValue)>,
    /// Structured data.
    pub elements: Vec<(&'static str, Any)>,
}

impl Notice {
    /// Whether this is the same property: same topic and source.
    pub fn same_property(&self, other: &Self) -> bool {
        self.topic == other.topic && self.source == other.source
    }

    /// The same state as told to a new subscriber at `now`.
    pub fn initialized(&self, now: UtcTime) -> Self {
        Self {
            at: now,
            operation: Some(Operation::Initialized),
            ..self.clone()
        }
    }
}

impl Items for Notice {
    fn any_simple(&self, see: &mut dyn FnMut(&str, &str) -> bool) -> bool {
        self.source.iter().any(|(n, v)| see(n, v))
            || self.data.iter().any(|(n, v)| match v {
                ItemValue::Text(text) | ItemValue::Path(text) => see(n, text),
            })
    }

    fn any_element(&self, see: &mut dyn FnMut(&str) -> bool) -> bool {
        self.elements.iter().any(|(n, _)| see(n))
    }
}
