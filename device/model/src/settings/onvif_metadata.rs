use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CheckContext, Section};
use crate::{Permission, Violation, Violations};

/// What the metadata track of the streams carries. ONVIF: `tr2:SetMetadataConfiguration`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OnvifMetadata {
    /// Sends analysed frames: boxes and texts of plates.
    #[schemars(title = "Analytics")]
    pub analytics: bool,
    /// Sends events.
    #[schemars(title = "Events")]
    pub events: bool,
    /// ONVIF topic expression of the events that are sent, such as `tns1:RuleEngine//.`; empty sends all.
    #[schemars(title = "Event Filter", length(max = 1024))]
    pub topic_filter: String,
    /// ONVIF content filter (ItemFilter) of the events that are sent; empty sends all.
    #[schemars(title = "Content Filter", length(max = 1024))]
    pub content_filter: String,
}

impl Default for OnvifMetadata {
    fn default() -> Self {
        Self {
            analytics: true,
            events: true,
            topic_filter: String::new(),
            content_filter: String::new(),
        }
    }
}

impl Section for OnvifMetadata {
    const KEY: &'static str = "onvif.metadata";
    const TITLE: &'static str = "ONVIF Metadata Stream";
    const PAGE: &'static str = "Setting/Network/ONVIF";
    const WRITE: Permission = Permission::VideoConfig;

    fn check(&self, _cx: &CheckContext<'_>, violations: &mut Violations) {
        for (pointer, text) in [
            ("/topic_filter", &self.topic_filter),
            ("/content_filter", &self.content_filter),
        ] {
            let good = text.len() <= 1024 && !text.chars().any(char::is_control);
            violations.require(good, || {
                let reason = "must have at most 1024 bytes without control characters";
                Violation::new(pointer, text, reason)
            });
        }
    }
}
