//! Base notification and event brokers: EVENT-2-1-x, EVENT-7-1-x. The runner is the consumer.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    time::{Duration, Instant},
};

use super::pullpoint::{check_action, content_filter, moment, operation, topic, topic_filter};
use crate::{
    case::{Case, LIMIT, Need, Outcome, Present, Run, Stop, case},
    check,
    device::{Device, Reply},
    fail, skip,
    xml::{self, Element},
};

const PUSH: &[Need] = &[
    Need::Service("tev"),
    Need::AtLeast("tev", "@MaxNotificationProducers", 1),
];
const BROKER: &[Need] = &[
    Need::Service("tev"),
    Need::AtLeast("tev", "@MaxEventBrokers", 1),
];
const SUBSCRIBE: &str = "wsnt:Subscribe";

/// The cases of this file.
pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        case("EVENT-2-1-9", "Subscribe, PT10S", "S", PUSH, |d| {
            let s = Subscription::new(d, "")?;
            check!(
                (s.termination - s.current).num_seconds() >= 10,
                "it ends at {}",
                s.termination
            );
            Ok(())
        }),
        case(
            "EVENT-2-1-12",
            "Renew with a duration and with a moment",
            "S",
            PUSH,
            |d| {
                let s = Subscription::new(d, "")?;
                s.call(
                    "wsnt:Renew",
                    "<wsnt:TerminationTime>PT10S</wsnt:TerminationTime>",
                )?;
                let wanted = s.current + chrono::Duration::seconds(20);
                let text = wanted.format("%Y-%m-%dT%H:%M:%SZ");
                let a = s.call(
                    "wsnt:Renew",
                    &format!("<wsnt:TerminationTime>{text}</wsnt:TerminationTime>"),
                )?;
                let end = moment(&a, "TerminationTime")?;
                check!(
                    end + chrono::Duration::seconds(1) >= wanted,
                    "it ends at {end}, {text} was asked for"
                );
                Ok(())
            },
        ),
        case(
            "EVENT-2-1-17",
            "Notify arrives at the consumer",
            "S",
            PUSH,
            |d| {
                let mut s = Subscription::new(d, "")?;
                let m = s.notified("any message", |_| Ok(true))?;
                m.find("Message/Message")
                    .and_then(|m| m.attr("UtcTime"))
                    .present("UtcTime")?;
                Ok(())
            },
        ),
        case(
            "EVENT-2-1-18",
            "a topic filter lets only its topic through",
            "S",
            PUSH,
            |d| {
                let wanted = {
                    let mut s = Subscription::new(d, "")?;
                    topic(&s.notified("any property", |m| Ok(operation(m).is_some()))?)
                };
                let filter =
                    topic_filter(&format!("tns1:{wanted}")).replace("tev:Filter", "wsnt:Filter");
                let mut s = Subscription::new(d, &filter)?;
                s.notified(&wanted, |m| {
                    check!(
                        topic(m) == wanted,
                        "{} although only {wanted} was asked for",
                        topic(m)
                    );
                    Ok(true)
                })?;
                Ok(())
            },
        ),
        case(
            "EVENT-2-1-19",
            "a content filter of no valid form is refused",
            "S",
            PUSH,
            |d| {
                refused(
                    d,
                    &content_filter("boolean(//tt:SimpleItem[@Name=\"xyz\""),
                    &["InvalidFilterFault", "InvalidMessageContentExpressionFault"],
                )
            },
        ),
        case("EVENT-2-1-21", "Renew after Unsubscribe", "S", PUSH, |d| {
            after_end(
                d,
                "wsnt:Renew",
                "<wsnt:TerminationTime>PT10S</wsnt:TerminationTime>",
            )
        }),
        case("EVENT-2-1-22", "Unsubscribe twice", "S", PUSH, |d| {
            after_end(d, "wsnt:Unsubscribe", "")
        }),
        case(
            "EVENT-2-1-23",
            "a topic that does not exist is refused",
            "S",
            PUSH,
            |d| {
                refused(
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
        case("EVENT-2-1-28", "Unsubscribe", "S", PUSH, |d| {
            let mut s = Subscription::new(d, "")?;
            d.wait(Duration::from_secs(1))?;
            s.end()
        }),
    ];
    for (id, step, title) in [
        ("EVENT-7-1-1", "read", "GetEventBrokers, all and one"),
        (
            "EVENT-7-1-2",
            "add",
            "AddEventBroker, read back without the password",
        ),
        (
            "EVENT-7-1-3",
            "twice",
            "AddEventBroker of the same address overwrites",
        ),
        ("EVENT-7-1-4", "delete", "DeleteEventBroker"),
    ] {
        cases.push(Case {
            id: id.into(),
            title: title.into(),
            profiles: "M",
            needs: BROKER.into(),
            run: Run::For(broker, step),
            limit: LIMIT,
        });
    }
    cases
}

/// A subscription whose consumer is this process.
struct Subscription<'d> {
    device: &'d Device,
    listener: TcpListener,
    address: String,
    reference: String,
    current: chrono::DateTime<chrono::Utc>,
    termination: chrono::DateTime<chrono::Utc>,
    ended: bool,
}

fn io(e: &std::io::Error) -> Stop {
    Stop::NotRun(format!("no consumer: {e}"))
}

/// An address of this machine that the device can reach.
fn own_address(d: &Device) -> Outcome<SocketAddr> {
    let to = (d.target().host(), d.target().port());
    let stream = TcpStream::connect((to.0.as_str(), to.1)).map_err(|e| io(&e))?;
    let mut own = stream.local_addr().map_err(|e| io(&e))?;
    own.set_port(0);
    Ok(own)
}

fn body(consumer: &str, filter: &str) -> String {
    format!(
        "<wsnt:ConsumerReference><wsa:Address>{consumer}</wsa:Address></wsnt:ConsumerReference>{filter}<wsnt:InitialTerminationTime>PT60S</wsnt:InitialTerminationTime>"
    )
}

impl<'d> Subscription<'d> {
    fn new(device: &'d Device, filter: &str) -> Outcome<Self> {
        let listener = TcpListener::bind(own_address(device)?).map_err(|e| io(&e))?;
        listener.set_nonblocking(true).map_err(|e| io(&e))?;
        let consumer = format!(
            "http://{}/notify",
            listener.local_addr().map_err(|e| io(&e))?
        );
        let (a, envelope) = match device.reply(SUBSCRIBE, &body(&consumer, filter))? {
            Reply::Answer(a, envelope) => (a, envelope),
            Reply::Fault(f) => fail!("{SUBSCRIBE}: fault {}: {}", f.chain(), f.reason),
            Reply::Unauthorized => fail!("{SUBSCRIBE}: HTTP 401"),
        };
        check_action(&envelope, SUBSCRIBE)?;
        let reference = a
            .find("SubscriptionReference")
            .present("SubscriptionReference")?;
        Ok(Self {
            device,
            listener,
            address: reference.text_of("Address").present("Address")?.to_owned(),
            reference: reference
                .all("ReferenceParameters")
                .iter()
                .flat_map(|p| &p.children)
                .map(Element::to_xml)
                .collect(),
            current: moment(&a, "CurrentTime")?,
            termination: moment(&a, "TerminationTime")?,
            ended: false,
        })
    }

    fn reply(&self, operation: &str, body: &str) -> Outcome<Reply> {
        let auth = self.device.administrator();
        self.device
            .reply_at(&auth, &self.address, &self.reference, operation, body)
    }

    fn call(&self, operation: &str, body: &str) -> Outcome<Element> {
        match self.reply(operation, body)? {
            Reply::Answer(a, _) => Ok(a),
            Reply::Fault(f) => fail!("{operation}: fault {}: {}", f.chain(), f.reason),
            Reply::Unauthorized => fail!("{operation}: HTTP 401"),
        }
    }

    /// Takes Notify requests until `wanted` likes a message.
    fn notified(
        &mut self,
        what: &str,
        mut wanted: impl FnMut(&Element) -> Outcome<bool>,
    ) -> Outcome<Element> {
        let end = Instant::now() + self.device.options().operation_delay;
        while Instant::now() < end {
            let Ok((stream, _)) = self.listener.accept() else {
                self.device.wait(Duration::from_millis(50))?;
                continue;
            };
            for text in take(stream) {
                self.device.note("Notify", "the consumer", "", &text);
                let envelope = match xml::parse(&text) {
                    Ok(envelope) => envelope,
                    Err(e) => fail!("a Notify that is no XML: {e:#}"),
                };
                let violations = self.device.schemas().violations(&envelope);
                check!(
                    violations.is_empty(),
                    "Notify breaks the schemas: {}",
                    violations.join("; ")
                );
                let action = envelope.text_of("Header/Action").unwrap_or_default();
                check!(action.ends_with("/Notify"), "Action {action:?}");
                for m in envelope.all("Body/Notify/NotificationMessage") {
                    if wanted(m)? {
                        return Ok(m.clone());
                    }
                }
            }
        }
        fail!("no Notify in time: {what}")
    }

    fn end(&mut self) -> Outcome {
        self.ended = true;
        self.call("wsnt:Unsubscribe", "").map(drop)
    }
}

impl Drop for Subscription<'_> {
    fn drop(&mut self) {
        if !self.ended {
            // The case has its verdict; what is left runs out by itself.
            let _ = self.reply("wsnt:Unsubscribe", "");
        }
    }
}

/// The bodies of the requests of one connection; each is answered with 202.
fn take(mut stream: TcpStream) -> Vec<String> {
    let mut found = Vec::new();
    let _ = stream.set_nonblocking(false);
    let _ = stream.set_read_timeout(Some(Duration::from_millis(700)));
    let mut bytes = Vec::new();
    let mut part = [0; 16_384];
    loop {
        let head = bytes.windows(4).position(|w| w == b"\r\n\r\n");
        if let Some(at) = head {
            let text = String::from_utf8_lossy(&bytes[..at]).to_ascii_lowercase();
            let length = text
                .lines()
                .find_map(|l| l.strip_prefix("content-length:"))
                .and_then(|v| v.trim().parse::<usize>().ok())
                .unwrap_or(0);
            if bytes.len() >= at + 4 + length {
                found.push(String::from_utf8_lossy(&bytes[at + 4..at + 4 + length]).into_owned());
                bytes.drain(..at + 4 + length);
                if stream
                    .write_all(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
                    .is_err()
                {
                    return found;
                }
                continue;
            }
        }
        match stream.read(&mut part) {
            Ok(n) if n > 0 && bytes.len() < 1 << 20 => bytes.extend_from_slice(&part[..n]),
            _ => return found,
        }
    }
}

fn refused(d: &Device, filter: &str, allowed: &[&str]) -> Outcome {
    let filter = filter.replace("tev:Filter", "wsnt:Filter");
    let fault = d.fault(SUBSCRIBE, &body("http://192.0.2.1/notify", &filter))?;
    let detail = fault.detail().present("the fault's Detail")?;
    check!(
        allowed.contains(&detail.name.name.as_str()),
        "{} where one of {allowed:?} is due",
        detail.name
    );
    Ok(())
}

fn after_end(d: &Device, operation: &str, body: &str) -> Outcome {
    let mut s = Subscription::new(d, "")?;
    s.end()?;
    match s.reply(operation, body)? {
        Reply::Fault(_) => Ok(()),
        other => fail!("{other:?}"),
    }
}

fn brokers(d: &Device, address: &str) -> Outcome<Vec<Element>> {
    let body = if address.is_empty() {
        String::new()
    } else {
        format!("<tev:Address>{address}</tev:Address>")
    };
    let a = d.call("tev:GetEventBrokers", &body)?;
    Ok(a.all("EventBroker").into_iter().cloned().collect())
}

fn broker(d: &Device, step: &'static str) -> Outcome {
    let schemes = d
        .features()
        .capability("tev", "@EventBrokerProtocols")
        .unwrap_or_default()
        .to_owned();
    let scheme = schemes
        .split_whitespace()
        .next()
        .present("EventBrokerProtocols")?
        .to_owned();
    let before = brokers(d, "")?;
    let most = d.features().number("tev", "@MaxEventBrokers").unwrap_or(0) as usize;
    if before.len() >= most {
        skip!("the device has its most brokers ({most})");
    }
    let address = format!("{scheme}://192.0.2.77:1883");
    let add = |prefix: &str, user: &str, qos: &str| {
        d.call(
            "tev:AddEventBroker",
            &format!("<tev:EventBroker><tev:Address>{address}</tev:Address><tev:TopicPrefix>{prefix}</tev:TopicPrefix><tev:UserName>{user}</tev:UserName><tev:Password>TestPassword</tev:Password><tev:QoS>{qos}</tev:QoS></tev:EventBroker>"),
        )
    };
    add("TestDevice", "TestUserName", "0")?;
    let judged = (|| {
        if step == "twice" {
            add("TestDevice1", "TestUserName1", "1")?;
        }
        let all = brokers(d, "")?;
        check!(
            all.len() == before.len() + 1,
            "{} brokers, {} were there before",
            all.len(),
            before.len()
        );
        let one = brokers(d, &address)?;
        check!(one.len() == 1, "{} brokers for one address", one.len());
        let one = &one[0];
        check!(one.find("Password").is_none(), "the password is told");
        let wanted = if step == "twice" {
            ("TestDevice1", "TestUserName1", "1")
        } else {
            ("TestDevice", "TestUserName", "0")
        };
        let found = (
            one.text_of("TopicPrefix"),
            one.text_of("UserName"),
            one.text_of("QoS").or(Some("0")),
        );
        check!(
            found == (Some(wanted.0), Some(wanted.1), Some(wanted.2)),
            "{found:?} where {wanted:?} was set"
        );
        Ok(())
    })();
    d.call(
        "tev:DeleteEventBroker",
        &format!("<tev:Address>{address}</tev:Address>"),
    )?;
    judged?;
    check!(brokers(d, "")?.len() == before.len(), "it is still there");
    Ok(())
}
