//! A pull point, the caller's side.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use crate::{
    case::{Outcome, Present, Stop},
    check,
    device::{Device, Reply},
    fail, soap,
    xml::Element,
};

/// Dialect of topic expressions with alternatives.
const CONCRETE_SET: &str = "http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet";

/// A subscription; ends with it.
pub(super) struct PullPoint<'d> {
    device: &'d Device,
    pub(super) address: String,
    reference: String,
    /// The device's time in its last answer.
    pub(super) current: DateTime<Utc>,
    /// When the subscription ends.
    pub(super) termination: DateTime<Utc>,
    ended: bool,
}

/// `Filter` with a topic expression.
pub(super) fn topic_filter(expression: &str) -> String {
    format!(
        "<tev:Filter><wsnt:TopicExpression Dialect=\"{CONCRETE_SET}\" xmlns:tns1=\"{}\">{expression}</wsnt:TopicExpression></tev:Filter>",
        soap::ns("tns1")
    )
}

/// `Filter` with a content expression.
pub(super) fn content_filter(expression: &str) -> String {
    format!(
        "<tev:Filter><wsnt:MessageContent Dialect=\"http://www.onvif.org/ver10/tev/messageContentFilter/ItemFilter\" xmlns:tt=\"{}\">{}</wsnt:MessageContent></tev:Filter>",
        soap::ns("tt"),
        crate::xml::escape(expression)
    )
}

/// A moment at a path.
pub(super) fn moment(element: &Element, path: &str) -> Outcome<DateTime<Utc>> {
    let text = element.text_of(path).present(path)?;
    match DateTime::parse_from_rfc3339(text) {
        Ok(at) => Ok(at.with_timezone(&Utc)),
        Err(e) => Err(Stop::Fail(format!("{path} {text:?}: {e}"))),
    }
}

/// The envelope carries the `Action` of the operation's answer.
pub(super) fn check_action(envelope: &Element, operation: &str) -> Outcome {
    let request = soap::action(operation);
    let due = request.replace("Request", "Response");
    let found = envelope.text_of("Header/Action").unwrap_or_default();
    check!(
        found == due,
        "{operation}: Action {found:?} where {due} is due"
    );
    Ok(())
}

impl<'d> PullPoint<'d> {
    /// Creates one; `time` is an `InitialTerminationTime`. If the device refuses the time, its minimum is taken.
    pub(super) fn create(device: &'d Device, filter: &str, time: Option<&str>) -> Outcome<Self> {
        let operation = "tev:CreatePullPointSubscription";
        let body = |time: Option<&str>| {
            let time = time
                .map(|t| format!("<tev:InitialTerminationTime>{t}</tev:InitialTerminationTime>"))
                .unwrap_or_default();
            format!("{filter}{time}")
        };
        let mut reply = device.reply(operation, &body(time))?;
        if let Reply::Fault(fault) = &reply
            && let Some(minimum) = fault.element.deep("MinimumTime")
        {
            reply = device.reply(operation, &body(Some(minimum.text.trim())))?;
        }
        let (answer, envelope) = match reply {
            Reply::Answer(answer, envelope) => (answer, envelope),
            Reply::Fault(f) => fail!("{operation}: fault {}: {}", f.chain(), f.reason),
            Reply::Unauthorized => fail!("{operation}: HTTP 401"),
        };
        check_action(&envelope, operation)?;
        let reference = answer
            .find("SubscriptionReference")
            .present("SubscriptionReference")?;
        let address = reference.text_of("Address").present("Address")?.to_owned();
        check!(url::Url::parse(&address).is_ok(), "{address:?} is no URL");
        let point = Self {
            device,
            address,
            reference: reference
                .all("ReferenceParameters")
                .iter()
                .flat_map(|p| &p.children)
                .map(Element::to_xml)
                .collect(),
            current: moment(&answer, "CurrentTime")?,
            termination: moment(&answer, "TerminationTime")?,
            ended: false,
        };
        check!(
            point.termination > point.current,
            "TerminationTime is not after CurrentTime"
        );
        Ok(point)
    }

    /// Calls an operation on the subscription.
    pub(super) fn reply(&self, operation: &str, body: &str) -> Outcome<Reply> {
        let auth = self.device.administrator();
        self.device
            .reply_at(&auth, &self.address, &self.reference, operation, body)
    }

    /// Calls an operation on the subscription and expects its answer.
    pub(super) fn call(&self, operation: &str, body: &str) -> Outcome<Element> {
        match self.reply(operation, body)? {
            Reply::Answer(answer, envelope) => {
                check_action(&envelope, operation)?;
                Ok(answer)
            }
            Reply::Fault(f) => fail!("{operation}: fault {}: {}", f.chain(), f.reason),
            Reply::Unauthorized => fail!("{operation}: HTTP 401"),
        }
    }

    /// Pulls at most `limit` messages, waiting at most `seconds`.
    pub(super) fn pull(&mut self, seconds: u64, limit: usize) -> Outcome<Vec<Element>> {
        let body = format!(
            "<tev:Timeout>PT{seconds}S</tev:Timeout><tev:MessageLimit>{limit}</tev:MessageLimit>"
        );
        let answer = self.call("tev:PullMessages", &body)?;
        self.current = moment(&answer, "CurrentTime")?;
        self.termination = moment(&answer, "TerminationTime")?;
        let messages: Vec<Element> = answer
            .all("NotificationMessage")
            .into_iter()
            .cloned()
            .collect();
        check!(
            messages.len() <= limit,
            "{} messages, {limit} were asked for",
            messages.len()
        );
        for message in &messages {
            let inner = message.find("Message/Message").present("tt:Message")?;
            inner.attr("UtcTime").present("UtcTime")?;
        }
        Ok(messages)
    }

    /// Pulls until `wanted` likes a message, for the operation delay.
    pub(super) fn until(
        &mut self,
        what: &str,
        wanted: impl FnMut(&Element) -> Outcome<bool>,
    ) -> Outcome<Element> {
        self.until_by(10, what, wanted)
    }

    /// The same, one message at a time.
    pub(super) fn until_one(
        &mut self,
        what: &str,
        wanted: impl FnMut(&Element) -> Outcome<bool>,
    ) -> Outcome<Element> {
        self.until_by(1, what, wanted)
    }

    fn until_by(
        &mut self,
        limit: usize,
        what: &str,
        mut wanted: impl FnMut(&Element) -> Outcome<bool>,
    ) -> Outcome<Element> {
        let end = Instant::now() + self.device.options().operation_delay;
        loop {
            for message in self.pull(1, limit)? {
                if wanted(&message)? {
                    return Ok(message);
                }
            }
            if Instant::now() > end {
                fail!("no message in time: {what}");
            }
        }
    }

    /// Ends it.
    pub(super) fn unsubscribe(&mut self) -> Outcome {
        self.ended = true;
        self.call("wsnt:Unsubscribe", "").map(drop)
    }
}

impl Drop for PullPoint<'_> {
    fn drop(&mut self) {
        if !self.ended {
            // The case has its verdict; what is left runs out by itself.
            let _ = self.reply("wsnt:Unsubscribe", "");
        }
    }
}

/// Topic of a notification as a path of local names.
pub(super) fn topic(message: &Element) -> String {
    let text = message.text_of("Topic").unwrap_or_default();
    text.split('/')
        .map(|step| step.rsplit(':').next().unwrap_or(step))
        .collect::<Vec<_>>()
        .join("/")
}

/// The value of a simple item: `Source`, `Token`.
pub(super) fn item<'a>(message: &'a Element, group: &str, name: &str) -> Option<&'a str> {
    message
        .all(&format!("Message/Message/{group}/SimpleItem"))
        .into_iter()
        .find(|i| i.attr("Name") == Some(name))
        .and_then(|i| i.attr("Value"))
}

/// `Initialized`, `Changed`, `Deleted`, or nothing.
pub(super) fn operation(message: &Element) -> Option<&str> {
    message.find("Message/Message")?.attr("PropertyOperation")
}

/// Runs `change` and demands an event of `topic` with `Token` = `token`, when the device announces it.
pub(super) fn announces<T>(
    device: &Device,
    topic_path: &str,
    token: impl Fn(&T) -> String,
    change: impl FnOnce() -> Outcome<T>,
) -> Outcome<T> {
    if !device.features().topic(topic_path) {
        return change();
    }
    let mut point = PullPoint::create(
        device,
        &topic_filter(&format!("tns1:{topic_path}")),
        Some("PT60S"),
    )?;
    let result = change()?;
    let wanted = token(&result);
    point.until(&format!("{topic_path} for {wanted}"), |m| {
        Ok(
            item(m, "Source", "Token") == Some(&wanted)
                || item(m, "Data", "Token") == Some(&wanted),
        )
    })?;
    Ok(result)
}

/// How long a case of events may take, seconds.
pub(super) const LONG: u64 = 120;

/// A pause between two pulls.
pub(super) const PAUSE: Duration = Duration::from_millis(500);
