//! Filters as clients send them.

use lpr_core::UtcTime;
use onvif_contracts::wsnt;
use onvif_xml::{Any, ns, soap::Fault};

use super::{
    catalog::CATALOG,
    content::{ContentFilter, ITEM_FILTER},
    faults,
    subscriptions::Filter,
    topic::{CONCRETE, CONCRETE_SET, FULL, SIMPLE, TopicExpression},
};
use crate::fault::shortened;

/// Most filter elements of one subscription.
const MAX_FILTERS: usize = 16;

/// Reads the filters of a subscription.
///
/// # Errors
/// The fault of WS-BaseNotification that says what is wrong.
pub(super) fn read(
    filter: Option<&wsnt::FilterType>,
    policy: Option<&[Any]>,
    now: UtcTime,
) -> Result<Filter, Fault> {
    let mut out = Filter {
        changed_only: policy.is_some_and(|p| {
            p.iter()
                .any(|a| a.name() == (ns::TEV, "ChangedOnly".to_owned()))
        }),
        ..Filter::default()
    };
    let parts = filter.map_or(&[][..], |f| &f.any);
    if parts.len() > MAX_FILTERS {
        let reason = format!("{} filters; at most {MAX_FILTERS}", parts.len());
        return Err(faults::invalid_filter(&reason, now));
    }
    for part in parts {
        let (ns, name) = part.name();
        match (ns, name.as_str()) {
            (ns::WSNT, "TopicExpression") => {
                let e: wsnt::TopicExpressionType = part.read_as().map_err(Fault::from)?;
                out.topics.push(topic(&e, now)?);
            }
            (ns::WSNT, "MessageContent") => {
                let e: wsnt::QueryExpressionType = part.read_as().map_err(Fault::from)?;
                out.contents.push(content(&e, now)?);
            }
            (_, other) => {
                let reason = format!("filters of the kind {} are unknown", shortened(other));
                return Err(faults::invalid_filter(&reason, now));
            }
        }
    }
    Ok(out)
}

fn topic(e: &wsnt::TopicExpressionType, now: UtcTime) -> Result<TopicExpression, Fault> {
    let dialect = e.dialect.trim();
    if ![CONCRETE, CONCRETE_SET, FULL, SIMPLE].contains(&dialect) {
        let reason = format!("the dialect {} is unknown", shortened(dialect));
        return Err(faults::unknown_dialect(&reason, now));
    }
    let text = e.content.text();
    let parsed = TopicExpression::parse(text, |p| e.content.resolve(p))
        .map_err(|e| faults::bad_topic(&e, now))?;
    if !parsed.all_known(CATALOG.iter().map(|t| t.path)) {
        let reason = format!("{} matches no topic of this device", shortened(text));
        return Err(faults::unsupported_topic(&reason, now));
    }
    Ok(parsed)
}

fn content(e: &wsnt::QueryExpressionType, now: UtcTime) -> Result<ContentFilter, Fault> {
    if e.dialect.trim() != ITEM_FILTER {
        let reason = format!("the dialect {} is unknown", shortened(e.dialect.trim()));
        return Err(faults::invalid_content(&reason, now));
    }
    ContentFilter::parse(e.content.text()).map_err(|e| faults::invalid_content(&e.0, now))
}
