//! Pull points and event properties: EVENT-1-x, EVENT-3-x, EVENT-4-x, EVENT-5-x.

use std::time::{Duration, Instant};

use super::pullpoint::{
    LONG, PAUSE, PullPoint, check_action, content_filter, item, operation, topic, topic_filter,
};
use crate::{
    case::{Case, LIMIT, Need, Outcome, Present, Run, case},
    check,
    device::{Device, Reply},
    fail, skip, soap,
    xml::Element,
};

const EVENTS: &[Need] = &[Need::Service("tev")];
const CREATE: &str = "tev:CreatePullPointSubscription";

/// The cases of this file.
pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        case(
            "EVENT-1-1-2",
            "GetEventProperties",
            "STMG",
            EVENTS,
            properties,
        ),
        case(
            "EVENT-3-1-9",
            "CreatePullPointSubscription, PT10S",
            "STMG",
            EVENTS,
            |d| {
                let point = PullPoint::create(d, "", Some("PT10S"))?;
                let seconds = (point.termination - point.current).num_seconds();
                check!(
                    seconds >= 10,
                    "it ends after {seconds} s, 10 were asked for"
                );
                Ok(())
            },
        ),
        case("EVENT-3-1-12", "Renew a pull point", "SG", EVENTS, |d| {
            let point = PullPoint::create(d, "", Some("PT10S"))?;
            let a = point.call(
                "wsnt:Renew",
                "<wsnt:TerminationTime>PT10S</wsnt:TerminationTime>",
            )?;
            let (now, end) = (
                super::pullpoint::moment(&a, "CurrentTime")?,
                super::pullpoint::moment(&a, "TerminationTime")?,
            );
            check!(
                (end - now).num_seconds() >= 10,
                "it ends at {end}, asked at {now} for 10 s"
            );
            Ok(())
        }),
        case(
            "EVENT-3-1-15",
            "SetSynchronizationPoint gives states again",
            "STMG",
            EVENTS,
            synchronisation,
        ),
        case(
            "EVENT-3-1-16",
            "a topic filter lets only its topic through",
            "STMG",
            EVENTS,
            |d| {
                let wanted = property_topic(d)?;
                let mut point =
                    PullPoint::create(d, &topic_filter(&format!("tns1:{wanted}")), Some("PT60S"))?;
                let m = point.until(&wanted, |m| {
                    check!(
                        topic(m) == wanted,
                        "{} although only {wanted} was asked for",
                        topic(m)
                    );
                    Ok(true)
                })?;
                check!(operation(&m).is_some(), "no PropertyOperation");
                Ok(())
            },
        )
        .within(LONG),
        case(
            "EVENT-3-1-17",
            "a content filter of no valid form is refused",
            "STMG",
            EVENTS,
            |d| {
                refused_filter(
                    d,
                    &content_filter("boolean(//tt:SimpleItem[@Name=\"xyz\""),
                    &["InvalidFilterFault", "InvalidMessageContentExpressionFault"],
                )
            },
        ),
        case("EVENT-3-1-19", "Unsubscribe twice", "STMG", EVENTS, |d| {
            let mut point = PullPoint::create(d, "", Some("PT10S"))?;
            point.unsubscribe()?;
            match point.reply("wsnt:Unsubscribe", "")? {
                Reply::Fault(_) => Ok(()),
                other => fail!("answered a second time: {other:?}"),
            }
        }),
        case(
            "EVENT-3-1-20",
            "a pull point ends on time",
            "STMG",
            EVENTS,
            |d| {
                let mut point = PullPoint::create(d, "", Some("PT10S"))?;
                let left = point.termination - point.current;
                let left = left.to_std().unwrap_or_default();
                check!(
                    left < Duration::from_secs(60),
                    "asked for 10 s, it lasts {left:?}"
                );
                d.wait(left + Duration::from_secs(2))?;
                match point.reply("wsnt:Unsubscribe", "")? {
                    Reply::Fault(_) => {
                        let _ = point.unsubscribe();
                        Ok(())
                    }
                    other => fail!("it is still there: {other:?}"),
                }
            },
        )
        .within(LONG),
        case(
            "EVENT-3-1-22",
            "a topic that does not exist is refused",
            "STMG",
            EVENTS,
            |d| {
                refused_filter(
                    d,
                    &topic_filter("xyz"),
                    &[
                        "InvalidFilterFault",
                        "TopicNotSupportedFault",
                        "TopicNotSupported",
                        "InvalidTopicExpressionFault",
                    ],
                )
            },
        ),
        case(
            "EVENT-3-1-24",
            "PullMessages prolongs the subscription",
            "STMG",
            EVENTS,
            |d| {
                let mut point = PullPoint::create(d, "", None)?;
                let first = point.termination;
                d.wait(Duration::from_secs(1))?;
                point.pull(2, 1)?;
                check!(point.termination > point.current, "it is over");
                check!(
                    point.termination >= first,
                    "it ends earlier than before: {} < {first}",
                    point.termination
                );
                Ok(())
            },
        ),
        case(
            "EVENT-3-1-25",
            "the state of a property comes at once, and again on demand",
            "STMG",
            EVENTS,
            initialized_twice,
        )
        .within(LONG),
        case(
            "EVENT-3-1-32",
            "PullMessages takes a timeout of 60 s",
            "STMG",
            EVENTS,
            |d| {
                let mut point = PullPoint::create(d, "", Some("PT120S"))?;
                // Messages are waiting, so the answer comes at once.
                point.pull(60, 1)?;
                check!(point.termination > point.current, "it is over");
                point.unsubscribe()
            },
        )
        .within(LONG),
        case(
            "EVENT-3-1-33",
            "a filter with two topics",
            "STMG",
            EVENTS,
            |d| {
                let (a, b) = two_topics(d)?;
                filtered(d, &format!("tns1:{a}|tns1:{b}"), &[&a, &b], |t| {
                    t == a || t == b
                })
            },
        )
        .within(LONG),
        case(
            "EVENT-3-1-34",
            "a filter with everything below a topic",
            "STMG",
            EVENTS,
            |d| {
                let wanted = property_topic(d)?;
                let root = root_of(&wanted);
                filtered(d, &format!("tns1:{root}//."), &[&wanted], |t| {
                    root_of(t) == root
                })
            },
        )
        .within(LONG),
        case(
            "EVENT-3-1-35",
            "a filter with a subtree and a topic",
            "STMG",
            EVENTS,
            |d| {
                let (a, b) = two_topics(d)?;
                let root = root_of(&a);
                filtered(d, &format!("tns1:{root}//.|tns1:{b}"), &[&a, &b], |t| {
                    root_of(t) == root || t == b
                })
            },
        )
        .within(LONG),
        case("EVENT-3-1-36", "Unsubscribe", "STMG", EVENTS, |d| {
            let mut point = PullPoint::create(d, "", Some("PT60S"))?;
            d.wait(Duration::from_secs(1))?;
            point.unsubscribe()
        }),
        case(
            "EVENT-3-1-37",
            "as many pull points as announced",
            "STMG",
            &[
                Need::Service("tev"),
                Need::AtLeast("tev", "@MaxPullPoints", 2),
            ],
            many,
        )
        .within(240),
        case(
            "EVENT-3-1-38",
            "a content filter lets only its item through",
            "STM",
            EVENTS,
            item_filter,
        )
        .within(LONG),
        case(
            "EVENT-5-1-1",
            "GetServiceCapabilities of the event service",
            "STMG",
            EVENTS,
            |d| {
                let a = d.call("tev:GetServiceCapabilities", "")?;
                let c = a.find("Capabilities").present("Capabilities")?;
                let brokers: u32 = c
                    .attr("MaxEventBrokers")
                    .and_then(|v| v.parse().ok())
                    .unwrap_or(0);
                let protocols = c.attr("EventBrokerProtocols").unwrap_or_default();
                check!(
                    (brokers > 0) != protocols.trim().is_empty(),
                    "MaxEventBrokers {brokers}, protocols {protocols:?}"
                );
                Ok(())
            },
        ),
        case(
            "X-EVENT-UNKNOWN",
            "PullMessages on a subscription that is over",
            "STM",
            EVENTS,
            |d| {
                let mut point = PullPoint::create(d, "", Some("PT10S"))?;
                point.unsubscribe()?;
                match point.reply(
                    "tev:PullMessages",
                    "<tev:Timeout>PT1S</tev:Timeout><tev:MessageLimit>1</tev:MessageLimit>",
                )? {
                    Reply::Fault(_) => Ok(()),
                    other => fail!("{other:?}"),
                }
            },
        ),
        case(
            "X-EVENT-ORDER",
            "states of every announced property come at the start",
            "TM",
            EVENTS,
            all_states,
        )
        .within(LONG),
        case(
            "X-EVENT-TYPES",
            "messages have the items that GetEventProperties describes",
            "TM",
            EVENTS,
            described,
        )
        .within(LONG),
    ];
    for (id, style) in [
        ("EVENT-4-1-6", "tag"),
        ("EVENT-4-1-7", "parent"),
        ("EVENT-4-1-8", "odd"),
        ("EVENT-4-1-9", "several"),
        ("EVENT-4-1-10", "one"),
    ] {
        cases.push(Case {
            id: id.into(),
            title: format!("CreatePullPointSubscription with unusual prefixes: {style}"),
            profiles: "STMG",
            needs: EVENTS.into(),
            run: Run::For(namespaces, style),
            limit: LIMIT,
        });
    }
    cases
}

fn properties(d: &Device) -> Outcome {
    let a = match d.reply("tev:GetEventProperties", "")? {
        Reply::Answer(a, envelope) => {
            check_action(&envelope, "tev:GetEventProperties")?;
            a
        }
        other => fail!("{other:?}"),
    };
    let dialects = a.texts("TopicExpressionDialect");
    for due in [
        "http://docs.oasis-open.org/wsn/t-1/TopicExpression/Concrete",
        "http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet",
    ] {
        check!(dialects.contains(&due.into()), "no topic dialect {due}");
    }
    let contents = a.texts("MessageContentFilterDialect");
    let item = "http://www.onvif.org/ver10/tev/messageContentFilter/ItemFilter";
    check!(contents.contains(&item.into()), "no content dialect {item}");
    a.find("TopicNamespaceLocation")
        .present("TopicNamespaceLocation")?;
    check!(!d.features().topics.is_empty(), "no topic");
    Ok(())
}

/// Message descriptions by topic path.
fn descriptions(d: &Device) -> Outcome<Vec<(String, Element)>> {
    fn collect(node: &Element, path: &str, found: &mut Vec<(String, Element)>) {
        for child in &node.children {
            if child.name.name == "MessageDescription" {
                found.push((path.to_owned(), child.clone()));
            } else {
                let below = if path.is_empty() {
                    child.name.name.clone()
                } else {
                    format!("{path}/{}", child.name.name)
                };
                collect(child, &below, found);
            }
        }
    }
    let a = d.call("tev:GetEventProperties", "")?;
    let mut found = Vec::new();
    collect(a.find("TopicSet").present("TopicSet")?, "", &mut found);
    Ok(found)
}

fn is_property(description: &Element) -> bool {
    matches!(description.attr("IsProperty"), Some("true" | "1"))
}

/// Property topics whose state really came.
fn states(d: &Device) -> Outcome<Vec<Element>> {
    let mut point = PullPoint::create(d, "", Some("PT60S"))?;
    let mut found = Vec::new();
    let end = Instant::now() + d.options().operation_delay.min(Duration::from_secs(5));
    while Instant::now() < end {
        let messages = point.pull(1, 50)?;
        if messages.is_empty() {
            break;
        }
        found.extend(
            messages
                .into_iter()
                .filter(|m| operation(m) == Some("Initialized")),
        );
    }
    Ok(found)
}

fn property_topic(d: &Device) -> Outcome<String> {
    match states(d)?.first() {
        Some(m) => Ok(topic(m)),
        None => skip!("no property event arrives by itself"),
    }
}

fn two_topics(d: &Device) -> Outcome<(String, String)> {
    let mut topics: Vec<String> = states(d)?.iter().map(topic).collect();
    topics.sort();
    topics.dedup();
    match &topics[..] {
        [a, .., b] => Ok((a.clone(), b.clone())),
        _ => skip!("fewer than two property topics: {topics:?}"),
    }
}

fn root_of(topic: &str) -> String {
    topic.split('/').next().unwrap_or_default().to_owned()
}

fn filtered(
    d: &Device,
    expression: &str,
    wanted: &[&str],
    allowed: impl Fn(&str) -> bool,
) -> Outcome {
    let mut point = PullPoint::create(d, &topic_filter(expression), Some("PT60S"))?;
    let mut missing: Vec<&str> = wanted.to_vec();
    missing.dedup();
    point.until(&format!("{wanted:?}"), |m| {
        let found = topic(m);
        if !allowed(&found) {
            fail!("{found} although {expression} was asked for");
        }
        missing.retain(|w| *w != found);
        Ok(missing.is_empty())
    })?;
    Ok(())
}

fn synchronisation(d: &Device) -> Outcome {
    let mut point = PullPoint::create(d, "", Some("PT60S"))?;
    while !point.pull(1, 50)?.is_empty() {
        d.wait(PAUSE)?;
    }
    point.call("tev:SetSynchronizationPoint", "")?;
    let messages = point.pull(10, 2)?;
    check!(
        !messages.is_empty(),
        "no message after SetSynchronizationPoint"
    );
    check!(
        messages.iter().any(|m| operation(m).is_some()),
        "no property among the messages"
    );
    check!(point.termination > point.current, "it is over");
    Ok(())
}

fn initialized_twice(d: &Device) -> Outcome {
    let wanted = property_topic(d)?;
    let mut point = PullPoint::create(d, &topic_filter(&format!("tns1:{wanted}")), Some("PT60S"))?;
    let first = point.until(&wanted, |m| Ok(operation(m) == Some("Initialized")))?;
    point.call("tev:SetSynchronizationPoint", "")?;
    let items = |m: &Element| -> Vec<String> {
        m.all("Message/Message/Source/SimpleItem")
            .iter()
            .map(|i| format!("{:?}", i.attributes))
            .collect()
    };
    point.until(&format!("{wanted} again"), |m| {
        Ok(operation(m) == Some("Initialized") && items(m) == items(&first))
    })?;
    point.unsubscribe()
}

fn refused_filter(d: &Device, filter: &str, allowed: &[&str]) -> Outcome {
    let body = format!("{filter}<tev:InitialTerminationTime>PT10S</tev:InitialTerminationTime>");
    let fault = d.fault(CREATE, &body)?;
    let detail = fault.detail().present("the fault's Detail")?;
    check!(
        allowed.contains(&detail.name.name.as_str()),
        "{} where one of {allowed:?} is due",
        detail.name
    );
    super::pullpoint::moment(detail, "Timestamp")?;
    Ok(())
}

fn many(d: &Device) -> Outcome {
    let announced = d.features().number("tev", "@MaxPullPoints").unwrap_or(0);
    // More than a hundred would only take time.
    let count = announced.min(100);
    let mut points: Vec<PullPoint<'_>> = Vec::new();
    for n in 0..count {
        let mut point = PullPoint::create(d, "", Some("PT120S"))?;
        let unlike = points
            .iter()
            .all(|p| p.address != point.address || point.address.is_empty());
        check!(unlike, "the same reference twice: {}", point.address);
        if n == 0 || n == count - 1 {
            point.until("any", |_| Ok(true))?;
        }
        points.push(point);
    }
    for point in &mut points {
        point.unsubscribe()?;
    }
    Ok(())
}

fn item_filter(d: &Device) -> Outcome {
    let all = states(d)?;
    let found = all.iter().find_map(|m| {
        let i = m.find("Message/Message/Source/SimpleItem")?;
        Some((
            topic(m),
            i.attr("Name")?.to_owned(),
            i.attr("Value")?.to_owned(),
        ))
    });
    let Some((wanted, name, value)) = found else {
        skip!("no property event with a Source item");
    };
    let expression = format!("boolean(//tt:SimpleItem[@Name=\"{name}\" and @Value=\"{value}\"])");
    let mut point = PullPoint::create(d, &content_filter(&expression), Some("PT60S"))?;
    point.until(&wanted, |m| {
        let has = ["Source", "Key", "Data"]
            .iter()
            .any(|g| item(m, g, &name) == Some(&value));
        check!(has, "{} has no item {name}={value}", topic(m));
        Ok(topic(m) == wanted && operation(m) == Some("Initialized"))
    })?;
    Ok(())
}

fn all_states(d: &Device) -> Outcome {
    for message in states(d)? {
        check!(
            d.features().topic(&topic(&message)),
            "{} is not announced",
            topic(&message)
        );
    }
    Ok(())
}

fn described(d: &Device) -> Outcome {
    let descriptions = descriptions(d)?;
    for message in states(d)? {
        let path = topic(&message);
        let mine: Vec<&Element> = descriptions
            .iter()
            .filter(|(t, _)| *t == path)
            .map(|(_, e)| e)
            .collect();
        check!(!mine.is_empty(), "{path} has no MessageDescription");
        check!(
            mine.iter().any(|m| is_property(m)),
            "{path} came as Initialized, but is no property"
        );
        for group in ["Source", "Data"] {
            let known: Vec<(&str, &Element)> = mine
                .iter()
                .flat_map(|m| m.all(&format!("{group}/SimpleItemDescription")))
                .filter_map(|i| Some((i.attr("Name")?, i)))
                .collect();
            for i in message.all(&format!("Message/Message/{group}/SimpleItem")) {
                let name = i.attr("Name").unwrap_or_default();
                let Some((_, description)) = known.iter().find(|(n, _)| *n == name) else {
                    fail!("{path}: {group} item {name} is not described");
                };
                let kind = description.attr("Type").unwrap_or_default();
                let kind = description.resolve(kind).present("a known type prefix")?;
                if let Err(why) =
                    d.schemas()
                        .check_value(&kind, i.attr("Value").unwrap_or_default(), i)
                {
                    fail!("{path}: {group} item {name}: {why}");
                }
            }
        }
    }
    Ok(())
}

fn namespaces(d: &Device, style: &'static str) -> Outcome {
    let env = soap::ENVELOPE;
    let (tev, wsa) = (soap::ns("tev"), soap::ns("wsa"));
    let action = soap::action(CREATE);
    let url = d.address("tev")?;
    let text = match style {
        "tag" => format!(
            "<Envelope xmlns=\"{env}\"><Header xmlns=\"{env}\"><Action xmlns=\"{wsa}\">{action}</Action></Header><Body xmlns=\"{env}\"><CreatePullPointSubscription xmlns=\"{tev}\"><InitialTerminationTime xmlns=\"{tev}\">PT10S</InitialTerminationTime></CreatePullPointSubscription></Body></Envelope>"
        ),
        "parent" => format!(
            "<s:Envelope xmlns:s=\"{env}\" xmlns=\"{tev}\" xmlns:w=\"{wsa}\"><s:Header><w:Action>{action}</w:Action></s:Header><s:Body><CreatePullPointSubscription><InitialTerminationTime>PT10S</InitialTerminationTime></CreatePullPointSubscription></s:Body></s:Envelope>"
        ),
        "odd" => format!(
            "<tt:Envelope xmlns:tt=\"{env}\" xmlns:wsnt=\"{tev}\" xmlns:x9=\"{wsa}\"><tt:Header><x9:Action>{action}</x9:Action></tt:Header><tt:Body><wsnt:CreatePullPointSubscription><wsnt:InitialTerminationTime>PT10S</wsnt:InitialTerminationTime></wsnt:CreatePullPointSubscription></tt:Body></tt:Envelope>"
        ),
        "several" => format!(
            "<a:Envelope xmlns:a=\"{env}\" xmlns:b=\"{env}\" xmlns:c=\"{tev}\" xmlns:d=\"{tev}\" xmlns:w=\"{wsa}\"><b:Header><w:Action>{action}</w:Action></b:Header><b:Body><c:CreatePullPointSubscription><d:InitialTerminationTime>PT10S</d:InitialTerminationTime></c:CreatePullPointSubscription></b:Body></a:Envelope>"
        ),
        _ => format!(
            "<x:Envelope xmlns:x=\"{env}\"><x:Header><x:Action xmlns:x=\"{wsa}\">{action}</x:Action></x:Header><x:Body><x:CreatePullPointSubscription xmlns:x=\"{tev}\"><x:InitialTerminationTime>PT10S</x:InitialTerminationTime></x:CreatePullPointSubscription></x:Body></x:Envelope>"
        ),
    };
    match d.send_text(&d.administrator(), &url, CREATE, &text)? {
        Reply::Answer(a, _) => {
            a.find("SubscriptionReference/Address").present("Address")?;
            Ok(())
        }
        other => fail!("{other:?}"),
    }
}
