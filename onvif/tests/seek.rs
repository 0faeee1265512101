//! Seek: the kept events of a device from end to end (Core §11.1.5, §11.1.6).

mod common;

use common::{
    ADMIN, Bench,
    pulled::{EVENTS, items, pull, pull_raw, running, subscribe},
};
use lpr_core::{UtcTime, WatchKind};
use onvif_contracts::tev;
use platecam_model::{EventKind, ports::EventHistory};

const MOTION: &str = "tns1:VideoSource/MotionAlarm";
const BEGIN: &str = "tns1:EventBuffer/Begin";

fn at(ms: i64) -> UtcTime {
    UtcTime::from_millis(1_795_000_000_000 + ms)
}

fn of(topics: &str) -> String {
    format!(
        "<tev:Filter><wsnt:TopicExpression Dialect=\"http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet\">{topics}</wsnt:TopicExpression></tev:Filter>"
    )
}

async fn seek(bench: &Bench, path: &str, ms: i64, reverse: bool) {
    let body = format!(
        "<tev:Seek><tev:UtcTime>{}</tev:UtcTime><tev:Reverse>{reverse}</tev:Reverse></tev:Seek>",
        at(ms)
    );
    bench
        .call(path, &body, ADMIN)
        .await
        .read::<tev::SeekResponse>();
}

/// Motion begins and ends in turn at these moments.
async fn motion(bench: &Bench, moments: &[i64]) {
    for ms in moments {
        let kind = EventKind::PictureAlarm {
            alarm: WatchKind::Motion,
            active: ms % 20 == 10,
        };
        bench.test.device.bus.publish(at(*ms), kind);
    }
    // The translator takes them.
    tokio::time::sleep(std::time::Duration::from_millis(1)).await;
}

/// Time after the start, topic and operation of each message.
async fn told(bench: &Bench, path: &str) -> Vec<(i64, String, Option<String>)> {
    let of = |(topic, m): (String, onvif_contracts::tt::Message)| {
        let ms = m.utc_time.unix_millis() - at(0).as_millis();
        (ms, topic, m.property_operation.map(|o| o.to_string()))
    };
    pull(bench, path).await.into_iter().map(of).collect()
}

fn changed(ms: i64) -> (i64, String, Option<String>) {
    (ms, MOTION.into(), Some("Changed".into()))
}

fn begin(ms: i64) -> (i64, String, Option<String>) {
    (ms, BEGIN.into(), None)
}

/// EVENT-6-1-3..5: forward the begin comes first and what happens now last; in reverse nothing follows the begin.
#[tokio::test(start_paused = true)]
async fn the_past_is_read_both_ways() {
    let bench = running().await;
    motion(&bench, &[10, 30, 20]).await;
    let (path, _) = subscribe(&bench, &of(&format!("{MOTION}|{BEGIN}"))).await;
    // The initial states that wait are dropped (Core §11.1.5).
    seek(&bench, &path, 0, false).await;
    motion(&bench, &[40]).await;
    let past = vec![begin(10), changed(10), changed(20), changed(30)];
    assert_eq!(told(&bench, &path).await, past);
    assert_eq!(
        told(&bench, &path).await,
        [changed(40)],
        "what came meanwhile"
    );
    motion(&bench, &[50]).await;
    assert_eq!(told(&bench, &path).await, [changed(50)], "what comes");
    seek(&bench, &path, 30, true).await;
    motion(&bench, &[60]).await;
    let back = vec![changed(30), changed(20), changed(10), begin(10)];
    assert_eq!(told(&bench, &path).await, back);
    assert_eq!(told(&bench, &path).await, [], "the end of the past");
    // Back to what is.
    seek(&bench, &path, 55, false).await;
    assert_eq!(told(&bench, &path).await, [changed(60)]);
}

/// EVENT-6-1-3: a filter of the begin alone.
#[tokio::test(start_paused = true)]
async fn the_begin_alone() {
    let bench = running().await;
    motion(&bench, &[10, 20]).await;
    let (path, _) = subscribe(&bench, &of(BEGIN)).await;
    for (ms, reverse) in [(99, true), (10, false)] {
        seek(&bench, &path, ms, reverse).await;
        assert_eq!(told(&bench, &path).await, [begin(10)]);
        assert_eq!(told(&bench, &path).await, []);
    }
}

/// A limit divides the past without loss, and filters hold in it.
#[tokio::test(start_paused = true)]
async fn limits_and_filters_hold_in_the_past() {
    let bench = running().await;
    motion(&bench, &[10, 20, 30]).await;
    let content = "<tev:Filter><wsnt:MessageContent Dialect=\"http://www.onvif.org/ver10/tev/messageContentFilter/ItemFilter\">boolean(//tt:SimpleItem[@Name=\"State\" and @Value=\"true\"])</wsnt:MessageContent></tev:Filter>";
    let (path, _) = subscribe(&bench, content).await;
    seek(&bench, &path, 0, false).await;
    for wanted in [10, 30] {
        let one: tev::PullMessagesResponse = pull_raw(&bench, &path, "PT5S", 1).await.read();
        let [message] = one.notification_message.as_slice() else {
            panic!("{one:?}")
        };
        let message = &common::pulled::taken_apart(message).1;
        assert_eq!(message.utc_time.unix_millis(), at(wanted).as_millis());
        assert_eq!(items(message.data.as_deref()), [("State", "true")]);
    }
}

/// What a restart leaves is found again; a store that fails is told as such, and the pull point lives on.
#[tokio::test(start_paused = true)]
async fn the_past_survives_and_a_failing_store_is_told() {
    let bench = running().await;
    motion(&bench, &[10]).await;
    // Stored by itself, without anybody's Seek.
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let history = &bench.test.history;
    for _ in 0..200 {
        // The writer has a thread of its own.
        if history.newest().unwrap() == 1 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
        tokio::task::yield_now().await;
    }
    assert_eq!(history.newest().unwrap(), 1);
    let (path, _) = subscribe(&bench, &of(MOTION)).await;
    *history.fail.lock() = true;
    let body = "<tev:Seek><tev:UtcTime>2026-01-01T00:00:00Z</tev:UtcTime></tev:Seek>";
    let refused = bench.call(&path, body, ADMIN).await;
    assert_eq!(refused.fault(), ["Receiver", "Action"]);
    *history.fail.lock() = false;
    seek(&bench, &path, 0, false).await;
    *history.fail.lock() = true;
    let refused = pull_raw(&bench, &path, "PT5S", 1).await;
    assert_eq!(refused.fault(), ["Receiver"]);
    *history.fail.lock() = false;
    assert_eq!(told(&bench, &path).await, [changed(10)]);
    let unknown = bench.call(EVENTS, body, common::As::Nobody).await;
    assert_eq!(unknown.status, 401);
}
