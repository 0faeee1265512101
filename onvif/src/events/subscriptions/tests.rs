use super::*;
use crate::events::{
    catalog::{CONFIGURATION_CHANGED, LICENSE_PLATE, SIGNAL_LOSS, Topic},
    notice::{ItemValue, Operation},
};

const T0: UtcTime = UtcTime::EPOCH;

fn notice(topic: &'static Topic, value: &str) -> Notice {
    Notice {
        topic,
        at: T0,
        operation: topic.property.then_some(Operation::Changed),
        source: vec![("Source", "source_1".into())],
        data: vec![("State", ItemValue::Text(value.into()))],
        elements: vec![],
    }
}

fn past() -> Arc<History> {
    Arc::new(History::new(Arc::new(
        platecam_model::testing::MemoryHistory::default(),
    )))
}

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn begin(all: &Subscriptions, filter: Filter, life: u64) -> Arc<Subscription> {
    all.begin(
        (Base::for_tests(), Some("u".into()), Delivery::Pull),
        filter,
        secs(life),
        T0,
    )
    .unwrap()
}

fn values(p: &Pulled) -> Vec<String> {
    p.notices
        .iter()
        .map(|n| match &n.data[0].1 {
            ItemValue::Text(t) | ItemValue::Path(t) => t.clone(),
        })
        .collect()
}

/// EVENT-3-1-25: states come first and again at a synchronisation point.
#[tokio::test(start_paused = true)]
async fn properties_come_as_initialized() {
    let all = Subscriptions::default();
    all.publish(notice(&SIGNAL_LOSS, "true"), None);
    all.publish(notice(&SIGNAL_LOSS, "false"), None);
    all.publish(notice(&LICENSE_PLATE, "ABC"), None);
    let s = begin(&all, Filter::default(), 60);
    let p = s.pull(secs(5), 10, (&past(), T0)).await.unwrap();
    assert_eq!(values(&p), ["false"]);
    assert_eq!(p.notices[0].operation, Some(Operation::Initialized));
    all.synchronize(&s.id, T0).unwrap();
    assert_eq!(
        values(&s.pull(secs(5), 10, (&past(), T0)).await.unwrap()),
        ["false"]
    );
    let quiet = begin(
        &all,
        Filter {
            changed_only: true,
            ..Filter::default()
        },
        60,
    );
    assert!(
        quiet
            .pull(secs(1), 10, (&past(), T0))
            .await
            .unwrap()
            .notices
            .is_empty()
    );
    all.publish(notice(&SIGNAL_LOSS, "true"), None);
    assert_eq!(
        values(&quiet.pull(secs(1), 10, (&past(), T0)).await.unwrap()),
        ["true"]
    );
}

/// EVENT-3-1-15 and Core §11.1.2: a pull answers at once when something happens, never empty
/// before its time, and never with more than the limit.
#[tokio::test(start_paused = true)]
async fn a_pull_waits_for_messages_and_no_longer() {
    let all = Arc::new(Subscriptions::default());
    let s = begin(&all, Filter::default(), 60);
    let start = Instant::now();
    let teller = all.clone();
    tokio::spawn(async move {
        tokio::time::sleep(secs(7)).await;
        for v in ["a", "b", "c"] {
            teller.publish(notice(&LICENSE_PLATE, v), None);
        }
    });
    let first = s.pull(secs(20), 2, (&past(), T0)).await.unwrap();
    assert_eq!(start.elapsed(), secs(7));
    assert_eq!(values(&first), ["a", "b"]);
    assert_eq!(
        values(&s.pull(secs(20), 2, (&past(), T0)).await.unwrap()),
        ["c"]
    );
    assert!(
        s.pull(secs(20), 2, (&past(), T0))
            .await
            .unwrap()
            .notices
            .is_empty()
    );
    assert_eq!(start.elapsed(), secs(27));
}

/// EVENT-3-1-20, 3-1-24: gone on time, prolonged by pulls, not ended under a waiting pull.
#[tokio::test(start_paused = true)]
async fn lives_end_on_time_and_pulls_prolong_them() {
    let all = Subscriptions::default();
    let s = begin(&all, Filter::default(), 20);
    tokio::time::sleep(secs(19)).await;
    assert!(all.find(&s.id).is_ok());
    // Longer than the rest of its life.
    let p = s.pull(secs(60), 1, (&past(), T0)).await.unwrap();
    assert!(p.notices.is_empty() && p.left >= secs(60));
    tokio::time::sleep(secs(59)).await;
    assert!(all.find(&s.id).is_ok());
    tokio::time::sleep(secs(1)).await;
    assert_eq!(all.find(&s.id).unwrap_err(), Refused::Unknown);
    assert_eq!(all.end(&s.id).unwrap_err(), Refused::Unknown);
    assert_eq!(
        s.pull(secs(1), 1, (&past(), T0)).await.unwrap_err(),
        Refused::Unknown
    );
    let s = begin(&all, Filter::default(), 20);
    s.renew(secs(5));
    assert_eq!(s.left(), secs(5), "a renewal may also shorten");
}

#[tokio::test(start_paused = true)]
async fn a_second_pull_is_refused_and_an_abandoned_one_frees_the_place() {
    let all = Subscriptions::default();
    let s = begin(&all, Filter::default(), 60);
    let waiting = tokio::spawn({
        let s = s.clone();
        async move {
            s.pull(secs(30), 1, (&past(), T0))
                .await
                .map(|p| p.notices.len())
        }
    });
    tokio::task::yield_now().await;
    assert_eq!(
        s.pull(secs(1), 1, (&past(), T0)).await.unwrap_err(),
        Refused::Busy
    );
    waiting.abort();
    let _ = waiting.await;
    assert!(s.pull(secs(1), 1, (&past(), T0)).await.is_ok());
    let waiting = tokio::spawn({
        let s = s.clone();
        async move {
            s.pull(secs(30), 1, (&past(), T0))
                .await
                .map(|p| p.notices.len())
        }
    });
    tokio::task::yield_now().await;
    all.end(&s.id).unwrap();
    assert_eq!(waiting.await.unwrap(), Err(Refused::Unknown));
}

/// Interop #4: a subscriber that never fetches costs bounded memory and keeps the newest.
#[tokio::test(start_paused = true)]
async fn queues_and_numbers_are_bounded() {
    let all = Subscriptions::default();
    let s = begin(&all, Filter::default(), 60);
    for i in 0..QUEUE + 10 {
        all.publish(notice(&LICENSE_PLATE, &i.to_string()), None);
    }
    let p = s.pull(secs(1), usize::MAX, (&past(), T0)).await.unwrap();
    assert_eq!(p.notices.len(), MAX_MESSAGES);
    assert_eq!(values(&p)[0], "10");
    for _ in 1..MAX_PULL_POINTS {
        begin(&all, Filter::default(), 10);
    }
    let refused = all.begin(
        (Base::for_tests(), None, Delivery::Pull),
        Filter::default(),
        secs(1),
        T0,
    );
    assert_eq!(refused.unwrap_err(), Refused::Full);
    tokio::time::sleep(secs(11)).await;
    assert_eq!(all.count(), 1);
    begin(&all, Filter::default(), 10);
}

#[tokio::test(start_paused = true)]
async fn filters_join_with_and() {
    let all = Subscriptions::default();
    let topic = |t: &str| TopicExpression::parse(t, |_| None).unwrap();
    let s = begin(
        &all,
        Filter {
            topics: vec![topic("tns1:VideoSource//.|tns1:Media//.")],
            contents: vec![
                ContentFilter::parse("//SimpleItem[@Name='State' and @Value='on']").unwrap(),
            ],
            changed_only: false,
        },
        60,
    );
    for t in [&LICENSE_PLATE, &SIGNAL_LOSS, &CONFIGURATION_CHANGED] {
        all.publish(notice(t, "on"), None);
        all.publish(notice(t, "off"), None);
    }
    let p = s.pull(secs(1), 10, (&past(), T0)).await.unwrap();
    let topics: Vec<_> = p.notices.iter().map(|n| n.topic.path[0]).collect();
    assert_eq!(topics, ["VideoSource", "Media"]);
}
