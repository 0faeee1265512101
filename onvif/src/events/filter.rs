//! Filters as clients send them.

use lpr_core::UtcTime;
use onvif_contracts::wsnt;
use onvif_xml::{Any, ns, soap::Fault};
use platecam_model::Device;

use super::{
    catalog::published,
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
    device: &Device,
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
                out.topics.push(topic(device, &e, now)?);
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

/// One topic expression, with the prefix `tns1`, and one content filter as they can be stored; empty for none.
///
/// # Errors
/// As [`read`], and when there are several of a kind.
pub(crate) fn texts(
    device: &Device,
    filter: Option<&wsnt::FilterType>,
    now: UtcTime,
) -> Result<(String, String), Fault> {
    let parsed = read(device, filter, None, now)?;
    if parsed.topics.len() > 1 || parsed.contents.len() > 1 {
        let reason = "one topic expression and one content filter are possible";
        return Err(faults::invalid_filter(reason, now));
    }
    let (mut topic, mut content) = (String::new(), String::new());
    for part in filter.map_or(&[][..], |f| &f.any) {
        if part.name().1 == "TopicExpression" {
            let e: wsnt::TopicExpressionType = part.read_as().map_err(Fault::from)?;
            topic = with_our_prefix(&e);
        } else {
            let e: wsnt::QueryExpressionType = part.read_as().map_err(Fault::from)?;
            content = e.content.text().trim().to_owned();
        }
    }
    Ok((topic, content))
}

/// The expression with `tns1` for whatever prefix stands for ONVIF's topics.
fn with_our_prefix(e: &wsnt::TopicExpressionType) -> String {
    let paths = e.content.text().trim().split('|').map(|path| {
        let levels = path.trim().split('/').map(|l| match l.split_once(':') {
            Some((prefix, name)) if e.content.resolve(prefix) == Some(ns::TNS1.uri()) => {
                format!("tns1:{name}")
            }
            _ => l.to_owned(),
        });
        levels.collect::<Vec<_>>().join("/")
    });
    paths.collect::<Vec<_>>().join("|")
}

/// What [`texts`] stored, as a filter; `None` when it cannot be read.
pub(crate) fn stored(topic: &str, content: &str) -> Option<Filter> {
    let resolve = |p: &str| (p == "tns1").then_some(ns::TNS1.uri());
    let mut out = Filter::default();
    if !topic.is_empty() {
        out.topics
            .push(TopicExpression::parse(topic, resolve).ok()?);
    }
    if !content.is_empty() {
        out.contents.push(ContentFilter::parse(content).ok()?);
    }
    Some(out)
}

fn topic(
    device: &Device,
    e: &wsnt::TopicExpressionType,
    now: UtcTime,
) -> Result<TopicExpression, Fault> {
    let dialect = e.dialect.trim();
    if ![CONCRETE, CONCRETE_SET, FULL, SIMPLE].contains(&dialect) {
        let reason = format!("the dialect {} is unknown", shortened(dialect));
        return Err(faults::unknown_dialect(&reason, now));
    }
    let text = e.content.text();
    let parsed = TopicExpression::parse(text, |p| e.content.resolve(p))
        .map_err(|e| faults::bad_topic(&e, now))?;
    if !parsed.all_known(published(device).iter().map(|t| t.path)) {
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
