//! What the metadata configuration says and may be set to.

use onvif_contracts::{tt, wsnt};
use onvif_xml::{Any, Mixed, Value, ns, soap::Fault};
use platecam_model::settings::OnvifMetadata;

use super::{METADATA_CONFIG, encoder, multicast::Cast};
use crate::{
    call::{Answer, Call},
    events::{self, CONCRETE_SET, ITEM_FILTER},
    fault::{self, Subcodes, shortened},
};

/// The events that are sent; `None` when none are.
pub(super) fn events_of(call: &Call<'_>) -> Option<Box<tt::EventSubscription>> {
    let settings = call.device().settings.get::<OnvifMetadata>();
    let mut any = Vec::new();
    if !settings.topic_filter.is_empty() {
        let e = wsnt::TopicExpressionType {
            content: Mixed::new(settings.topic_filter.clone(), &[ns::TNS1]),
            dialect: CONCRETE_SET.into(),
        };
        any.push(Any::written(|w| e.write(w, ns::WSNT, "TopicExpression")));
    }
    if !settings.content_filter.is_empty() {
        let e = wsnt::QueryExpressionType {
            content: Mixed::new(settings.content_filter.clone(), &[ns::TT]),
            dialect: ITEM_FILTER.into(),
        };
        any.push(Any::written(|w| e.write(w, ns::WSNT, "MessageContent")));
    }
    let filter = (!any.is_empty()).then(|| Box::new(wsnt::FilterType { any }));
    settings.events.then(|| {
        Box::new(tt::EventSubscription {
            filter,
            ..Default::default()
        })
    })
}

/// Whether analysed frames are sent.
pub(super) fn analytics(call: &Call<'_>) -> bool {
    call.device().settings.get::<OnvifMetadata>().analytics
}

/// `SetMetadataConfiguration` of both media services.
///
/// # Errors
/// `ter:NoConfig`, `ter:ConfigModify` for what cannot be had.
pub(super) fn set(call: &Call<'_>, new: &tt::MetadataConfiguration) -> Answer<()> {
    let modify = |reason: String| Fault::sender(&["InvalidArgVal", "ConfigModify"], reason);
    if new.token != METADATA_CONFIG {
        let reason = format!("no metadata configuration {}", shortened(&new.token));
        return Err(Fault::sender(&["InvalidArgVal", "NoConfig"], reason));
    }
    if let Some(other) = new
        .compression_type
        .as_deref()
        .filter(|c| !matches!(*c, "" | "None"))
    {
        let reason = format!("CompressionType {}: None is possible", shortened(other));
        return Err(modify(reason));
    }
    let filter = new.events.as_ref().and_then(|e| e.filter.as_deref());
    let (topic_filter, content_filter) =
        events::filter_texts(call.device(), filter, call.inner.now())
            .map_err(|f| modify(format!("Events: {}", f.reason)))?;
    let settings = OnvifMetadata {
        analytics: new.analytics.unwrap_or(false),
        events: new.events.is_some(),
        topic_filter,
        content_filter,
    };
    let section = encoder::changed(call.device(), |s: &mut OnvifMetadata| *s = settings)?;
    let group = Cast::Metadata.patch(call.device(), &new.multicast)?;
    let patches: Vec<_> = std::iter::once(section).chain(group).collect();
    call.device()
        .settings
        .apply(&patches, call.actor)
        .map(drop)
        .map_err(|e| {
            let own = Subcodes {
                invalid: "ConfigModify",
                ..Subcodes::default()
            };
            fault::of_operation(e, own)
        })
}
