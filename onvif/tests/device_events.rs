//! Events of the device's own course: moments, storage, failed logins, upgrade, end (Core §8.10, §10.5).

mod common;

use std::time::Duration;

use common::{
    ADMIN, Bench, envelope,
    pulled::{items, pull, running, running_over, subscribe},
};
use onvif_contracts::tt;
use platecam_model::{Actor, EventKind, RestartScope, testing::PASSWORD};

const DEVICE: &str = "/onvif/device_service";

fn of(topic: &str) -> String {
    format!(
        "<tev:Filter><wsnt:TopicExpression Dialect=\"http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet\">{topic}</wsnt:TopicExpression></tev:Filter>"
    )
}

fn value<'a>(message: &'a tt::Message, name: &str) -> Option<&'a str> {
    let data = items(message.data.as_deref());
    data.into_iter().find(|(n, _)| *n == name).map(|(_, v)| v)
}

async fn one(bench: &Bench, path: &str) -> tt::Message {
    let mut all = pull(bench, path).await;
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0).1
}

/// DEVICE-9-1-2, -8: 1970 for never (Core §8.10.2), then the time of the backup and of the reset.
#[tokio::test(start_paused = true)]
async fn backup_and_reset_are_moments() {
    let bench = running().await;
    let by = Actor::system();
    let (backup, _) = subscribe(&bench, &of("tns1:Monitoring/Backup/Last")).await;
    let (reset, _) = subscribe(&bench, &of("tns1:Monitoring/OperatingTime/LastReset")).await;
    for path in [&backup, &reset] {
        let first = one(&bench, path).await;
        assert_eq!(
            first.property_operation,
            Some(tt::PropertyOperation::Initialized)
        );
        assert_eq!(value(&first, "Status"), Some("1970-01-01T00:00:00.000Z"));
    }
    let now = bench.test.device.clock.now().to_string();
    let got = bench
        .raw(
            {
                let mut r = Bench::request(http::Method::GET, "/onvif/backup.json");
                let first = bench.raw(r.clone(), "").await;
                bench.sign(&mut r, &first, "admin", PASSWORD);
                r
            },
            "",
        )
        .await;
    assert_eq!(got.status, 200, "{}", got.text());
    assert_eq!(
        value(&one(&bench, &backup).await, "Status"),
        Some(now.as_str())
    );
    bench.test.clock.advance(Duration::from_secs(9));
    bench.test.device.restore_settings(&by).unwrap();
    let now = bench.test.device.clock.now().to_string();
    assert_eq!(
        value(&one(&bench, &reset).await, "Status"),
        Some(now.as_str())
    );
}

/// DEVICE-9-1-11, GEN-17: a record that cannot be stored is a failure, the next one that can its end.
#[tokio::test(start_paused = true)]
async fn a_failing_store_is_told() {
    let bench = running().await;
    let topic = of("tns1:Device/HardwareFailure/StorageFailure");
    let (path, _) = subscribe(&bench, &topic).await;
    let first = one(&bench, &path).await;
    assert_eq!(items(first.source.as_deref()), [("Token", "storage")]);
    assert_eq!(value(&first, "Failed"), Some("false"));
    let device = &bench.test.device;
    let reason = "disk full".to_owned();
    device.storage_event(&EventKind::RecordLost { reason });
    assert_eq!(value(&one(&bench, &path).await, "Failed"), Some("true"));
    let (late, _) = subscribe(&bench, &topic).await;
    assert_eq!(value(&one(&bench, &late).await, "Failed"), Some("true"));
    device.take_snapshot(&Actor::system()).unwrap();
    let record = device.records.get(platecam_model::RecordId(1)).unwrap();
    device.storage_event(&EventKind::RecordStored(record.into()));
    assert_eq!(value(&one(&bench, &path).await, "Failed"), Some("false"));
}

/// STOR-7, GEN-12: the card is a storage of its own; an empty slot is no failure, a pulled card is.
#[tokio::test(start_paused = true)]
async fn a_failing_card_is_told() {
    let test = platecam_model::testing::initialised();
    test.card.insert("aa", 1000);
    let bench = running_over(test).await;
    let topic = of("tns1:Device/HardwareFailure/StorageFailure");
    let (path, _) = subscribe(&bench, &topic).await;
    let first = pull(&bench, &path).await;
    let told: Vec<_> = first
        .iter()
        .map(|(_, m)| (items(m.source.as_deref())[0].1, value(m, "Failed")))
        .collect();
    assert_eq!(told, [("storage", Some("false")), ("card", Some("false"))]);
    let device = &bench.test.device;
    let told = || {
        let card = bench.test.card.status.lock().clone();
        device
            .bus
            .publish(device.clock.now(), EventKind::Card(card.into()));
    };
    bench.test.card.pull();
    told();
    let pulled = one(&bench, &path).await;
    assert_eq!(items(pulled.source.as_deref()), [("Token", "card")]);
    assert_eq!(value(&pulled, "Failed"), Some("true"));
    bench.test.card.put_back("aa", 1000);
    told();
    assert_eq!(value(&one(&bench, &path).await, "Failed"), Some("false"));
}

/// Core §10.5: too many failures from one address are told with it, once, and name the interface.
#[tokio::test(start_paused = true)]
async fn failed_logins_are_told() {
    let bench = running().await;
    let (path, _) = subscribe(&bench, &of("tns1:Device/SecurityPolicy/AuthFailed")).await;
    for _ in 0..12 {
        // Nobody from elsewhere: neither an account nor the address of the test is locked.
        let mut request = Bench::request(http::Method::POST, DEVICE);
        request.peer = Some("198.51.100.7:40000".parse().unwrap());
        let header = bench.token("nobody", "x");
        let answer = bench
            .raw(request, envelope(&header, "<tds:GetUsers/>"))
            .await;
        assert_ne!(answer.status, 200);
    }
    let told = one(&bench, &path).await;
    assert_eq!(told.property_operation, None);
    assert_eq!(value(&told, "SourceIPv4"), Some("198.51.100.7"));
    let source = items(told.source.as_deref());
    let interfaces = bench.test.device.network.interfaces();
    let [("NetworkInterface", name)] = source[..] else {
        panic!("{source:?}")
    };
    assert!(interfaces.iter().any(|i| i.name == name), "{name}");
}

/// What is told right before the end still reaches who waits for it.
#[tokio::test(start_paused = true)]
async fn the_end_is_told() {
    let bench = Bench::new();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let service = bench.service.clone();
    let running = tokio::spawn(async move {
        service
            .run(async {
                let _ = stopped.await;
            })
            .await;
    });
    tokio::task::yield_now().await;
    let topic = of("tns1:Device/OperationMode/ShutdownInitiated");
    let (path, _) = subscribe(&bench, &topic).await;
    let by = Actor::system();
    let device = bench.test.device.clone();
    let ending = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        device.restart(&by, RestartScope::Process, "test").unwrap();
        device
            .bus
            .publish(device.clock.now(), EventKind::ShuttingDown);
        stop.send(()).unwrap();
        running.await.unwrap();
    };
    let (told, ()) = tokio::join!(one(&bench, &path), ending);
    assert!(told.source.is_none() && told.data.is_none());
    let gone = bench.call(&path, "<wsnt:Unsubscribe/>", ADMIN).await;
    assert_ne!(gone.status, 200);
}
