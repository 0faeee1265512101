//! Kept events: EVENT-6-1-x.

use chrono::{DateTime, TimeDelta, Utc};

use super::pullpoint::{LONG, PullPoint, topic, topic_filter};
use crate::{
    case::{Case, Need, Outcome, Present, case},
    check,
    device::Device,
    fail,
    xml::Element,
};

const NEEDS: &[Need] = &[
    Need::Service("tev"),
    Need::Flag("tev", "@PersistentNotificationStorage"),
];
const BEGIN: &str = "EventBuffer/Begin";
/// Messages may be misplaced by so much.
const TOLERANCE: TimeDelta = TimeDelta::seconds(5);
/// Wait for a message that does not come, seconds.
const QUIET: u64 = 3;
/// Most messages that a case reads.
const MOST: usize = 20_000;

/// The cases of this file.
pub(super) fn cases() -> Vec<Case> {
    vec![
        case(
            "EVENT-6-1-3",
            "Seek finds the begin of the buffer, both ways",
            "G",
            NEEDS,
            begin_alone,
        )
        .within(LONG),
        case(
            "EVENT-6-1-4",
            "Seek before the begin: forward from the begin, in the order of time",
            "G",
            NEEDS,
            forward,
        )
        .within(LONG),
        case(
            "EVENT-6-1-5",
            "Seek in reverse: back to the begin, in the order of time",
            "G",
            NEEDS,
            reverse,
        )
        .within(LONG),
    ]
}

fn seek(point: &PullPoint<'_>, at: DateTime<Utc>, reverse: bool) -> Outcome {
    let at = at.format("%Y-%m-%dT%H:%M:%S%.3fZ");
    let body = format!("<tev:UtcTime>{at}</tev:UtcTime><tev:Reverse>{reverse}</tev:Reverse>");
    point.call("tev:Seek", &body).map(drop)
}

fn time(message: &Element) -> Outcome<DateTime<Utc>> {
    let inner = message.find("Message/Message").present("tt:Message")?;
    let text = inner.attr("UtcTime").present("UtcTime")?;
    match DateTime::parse_from_rfc3339(text) {
        Ok(at) => Ok(at.with_timezone(&Utc)),
        Err(e) => fail!("UtcTime {text:?}: {e}"),
    }
}

/// The one message of the begin, then nothing.
fn only_begin(point: &mut PullPoint<'_>) -> Outcome<DateTime<Utc>> {
    let messages = point.pull(20, 1)?;
    let message = messages.first().present("the begin of the buffer")?;
    check!(topic(message) == BEGIN, "{} came", topic(message));
    check!(
        point.pull(QUIET, 1)?.is_empty(),
        "something follows the begin"
    );
    time(message)
}

fn begin_alone(d: &Device) -> Outcome {
    check!(d.features().topic(BEGIN), "{BEGIN} is not announced");
    let filter = topic_filter(&format!("tns1:{BEGIN}"));
    let mut point = PullPoint::create(d, &filter, Some("PT60S"))?;
    seek(&point, point.current, true)?;
    let begin = only_begin(&mut point)?;
    seek(&point, begin, false)?;
    let again = only_begin(&mut point)?;
    check!(again == begin, "the begin moved from {begin} to {again}");
    point.unsubscribe()
}

/// Where the buffer begins now.
fn begin(d: &Device) -> Outcome<DateTime<Utc>> {
    let filter = topic_filter(&format!("tns1:{BEGIN}"));
    let mut point = PullPoint::create(d, &filter, Some("PT60S"))?;
    seek(&point, point.current, true)?;
    let messages = point.pull(20, 1)?;
    let at = time(messages.first().present("the begin of the buffer")?)?;
    point.unsubscribe()?;
    Ok(at)
}

fn forward(d: &Device) -> Outcome {
    let begin = begin(d)?;
    let mut point = PullPoint::create(d, "", Some("PT60S"))?;
    let created = point.current;
    seek(&point, begin - TimeDelta::seconds(1), false)?;
    let (mut last, mut stored) = (begin, 0);
    let first = point.pull(20, 1)?;
    let first = first.first().present("a message")?;
    check!(topic(first) == BEGIN, "{} comes first", topic(first));
    while stored < MOST {
        let messages = point.pull(QUIET, 50)?;
        for message in &messages {
            let at = time(message)?;
            check!(at >= begin, "{at} is before the begin {begin}");
            check!(at + TOLERANCE >= last, "{at} comes after {last}");
            if at > created {
                return point.unsubscribe();
            }
            (last, stored) = (last.max(at), stored + 1);
        }
        if messages.is_empty() {
            break;
        }
    }
    check!(stored > 0, "no event is stored");
    point.unsubscribe()
}

fn reverse(d: &Device) -> Outcome {
    let begin = begin(d)?;
    let mut point = PullPoint::create(d, "", Some("PT60S"))?;
    seek(&point, point.current, true)?;
    let (mut last, mut read) = (point.current, 0);
    while read < MOST {
        let messages = point.pull(QUIET, 50)?;
        check!(!messages.is_empty(), "no message of the begin after {last}");
        for message in &messages {
            let at = time(message)?;
            check!(at >= begin, "{at} is before the begin {begin}");
            check!(at <= last + TOLERANCE, "{at} comes after {last}");
            (last, read) = (last.min(at), read + 1);
            if topic(message) == BEGIN {
                check!(
                    point.pull(QUIET, 1)?.is_empty(),
                    "something follows the begin"
                );
                return point.unsubscribe();
            }
        }
    }
    fail!("more than {MOST} messages without the begin")
}
