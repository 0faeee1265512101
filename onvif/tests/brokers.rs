//! Event brokers: their operations (EVENT-7-1-1..4) and what is published, as MQTT topics and JSON.

mod common;

use std::sync::Arc;

use common::{ADMIN, As, Bench};
use lpr_core::{Direction, FrameSize, PlateRead, PxPoint, PxQuad, PxRect, UtcTime, WatchKind};
use onvif_contracts::{tev, wsnt};
use platecam_model::{EventKind, testing::new_record};
use serde_json::{Value, json};

const EVENTS: &str = "/onvif/event_service";

fn add(address: &str, inner: &str) -> String {
    format!(
        "<tev:AddEventBroker><tev:EventBroker><tev:Address>{address}</tev:Address>{inner}</tev:EventBroker></tev:AddEventBroker>"
    )
}

const FIRST: &str = "<tev:TopicPrefix>TestDevice</tev:TopicPrefix><tev:UserName>TestUserName</tev:UserName><tev:Password>TestPassword</tev:Password><tev:QoS>0</tev:QoS>";

async fn list(bench: &Bench) -> Vec<tev::EventBrokerConfig> {
    let answer = bench.call(EVENTS, "<tev:GetEventBrokers/>", ADMIN).await;
    assert!(!answer.text().contains("Password"), "{}", answer.text());
    answer.read::<tev::GetEventBrokersResponse>().event_broker
}

/// EVENT-7-1-1 to 7-1-4.
#[tokio::test]
async fn brokers_are_added_changed_and_deleted() {
    let bench = Bench::new();
    assert_eq!(list(&bench).await, []);
    let address = "mqtt://broker.example:1884";
    assert_eq!(
        bench.call(EVENTS, &add(address, FIRST), ADMIN).await.status,
        200
    );
    let all = list(&bench).await;
    let [broker] = &all[..] else {
        panic!("{all:?}")
    };
    assert_eq!(broker.address, address);
    assert_eq!(broker.topic_prefix, "TestDevice");
    assert_eq!(broker.user_name.as_deref(), Some("TestUserName"));
    assert_eq!(
        (broker.qos, broker.publish_filter.as_ref()),
        (Some(0), None)
    );
    assert_eq!(
        (broker.status.as_deref(), broker.certificate_id.as_ref()),
        (Some("Connected"), None)
    );

    // The same address again changes it; another prefix for the topics' namespace is understood.
    let other = "<tev:TopicPrefix>TestDevice1</tev:TopicPrefix><tev:UserName>TestUserName1</tev:UserName>\
        <tev:PublishFilter xmlns:o=\"http://www.onvif.org/ver10/topics\"><wsnt:TopicExpression Dialect=\"http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet\">o:VideoSource/SignalLoss|tns1:RuleEngine//.</wsnt:TopicExpression></tev:PublishFilter><tev:QoS>1</tev:QoS>";
    assert_eq!(
        bench.call(EVENTS, &add(address, other), ADMIN).await.status,
        200
    );
    let all = list(&bench).await;
    let [broker] = &all[..] else {
        panic!("{all:?}")
    };
    assert_eq!(
        (broker.topic_prefix.as_str(), broker.qos),
        ("TestDevice1", Some(1))
    );
    let filter = &broker.publish_filter.as_ref().unwrap().any[0];
    let filter: wsnt::TopicExpressionType = filter.read_as().unwrap();
    assert_eq!(
        filter.content.text(),
        "tns1:VideoSource/SignalLoss|tns1:RuleEngine//."
    );
    assert!(filter.dialect.ends_with("ConcreteSet"));

    let second = "mqtts://[2001:db8::1]";
    assert_eq!(
        bench.call(EVENTS, &add(second, FIRST), ADMIN).await.status,
        200
    );
    let one =
        format!("<tev:GetEventBrokers><tev:Address>{second}</tev:Address></tev:GetEventBrokers>");
    let one: tev::GetEventBrokersResponse = bench.call(EVENTS, &one, ADMIN).await.read();
    assert_eq!(one.event_broker.len(), 1);
    assert_eq!(one.event_broker[0].address, "mqtts://[2001:db8::1]:8883");
    let full = bench
        .call(EVENTS, &add("mqtt://third.example", FIRST), ADMIN)
        .await;
    assert_eq!(full.fault(), ["Receiver", "Action", "TooManyEventBrokers"]);

    let delete = format!(
        "<tev:DeleteEventBroker><tev:Address>{address}</tev:Address></tev:DeleteEventBroker>"
    );
    assert_eq!(bench.call(EVENTS, &delete, ADMIN).await.status, 200);
    assert_eq!(list(&bench).await.len(), 1);
    let again = bench.call(EVENTS, &delete, ADMIN).await;
    assert_eq!(again.fault(), ["Sender", "InvalidArgVal", "InvalidAddress"]);
}

/// EVENT-7-2-3 and 7-2-4 ask for `ws` and `wss` where they are announced; the resource tells two brokers of one server apart.
#[tokio::test]
async fn brokers_behind_web_sockets() {
    let bench = Bench::new();
    let told = bench
        .call(EVENTS, "<tev:GetServiceCapabilities/>", As::Nobody)
        .await;
    let told: tev::GetServiceCapabilitiesResponse = told.read();
    let protocols = told.capabilities.event_broker_protocols.unwrap();
    assert_eq!(protocols, "mqtt mqtts ws wss");
    for (given, address) in [
        ("ws://broker.example", "ws://broker.example:80"),
        (
            "wss://broker.example/mqtt?x=1",
            "wss://broker.example:443/mqtt?x=1",
        ),
    ] {
        let added = bench.call(EVENTS, &add(given, FIRST), ADMIN).await;
        assert_eq!(added.status, 200, "{}", added.text());
        // The same with its port is the same broker.
        let again = bench.call(EVENTS, &add(address, FIRST), ADMIN).await;
        assert_eq!(again.status, 200, "{}", again.text());
    }
    let addresses: Vec<_> = list(&bench).await.into_iter().map(|b| b.address).collect();
    assert_eq!(
        addresses,
        [
            "ws://broker.example:80",
            "wss://broker.example:443/mqtt?x=1"
        ]
    );
    let delete = |a: &str| {
        format!("<tev:DeleteEventBroker><tev:Address>{a}</tev:Address></tev:DeleteEventBroker>")
    };
    let other = bench
        .call(EVENTS, &delete("wss://broker.example/other"), ADMIN)
        .await;
    assert_eq!(other.fault(), ["Sender", "InvalidArgVal", "InvalidAddress"]);
    let gone = bench
        .call(EVENTS, &delete("wss://broker.example/mqtt?x=1"), ADMIN)
        .await;
    assert_eq!(gone.status, 200, "{}", gone.text());
    assert_eq!(list(&bench).await.len(), 1);
}

#[tokio::test]
async fn what_cannot_be_is_refused() {
    let bench = Bench::new();
    let filter = |inner: &str| format!("{FIRST}<tev:PublishFilter>{inner}</tev:PublishFilter>");
    let content = "<wsnt:MessageContent Dialect=\"http://www.onvif.org/ver10/tev/messageContentFilter/ItemFilter\">boolean(//tt:SimpleItem)</wsnt:MessageContent>";
    let unknown = "<wsnt:TopicExpression Dialect=\"http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet\">tns1:Nothing</wsnt:TopicExpression>";
    for (address, inner, subcode) in [
        ("amqp://broker.example", FIRST.to_owned(), "InvalidProtocol"),
        ("broker.example", FIRST.to_owned(), "InvalidAddress"),
        ("mqtt://", FIRST.to_owned(), "InvalidAddress"),
        (
            "mqtt://u:p@broker.example",
            FIRST.to_owned(),
            "InvalidAddress",
        ),
        (
            "mqtt://broker.example/path",
            FIRST.to_owned(),
            "InvalidAddress",
        ),
        (
            "ws://u:p@broker.example/path",
            FIRST.to_owned(),
            "InvalidAddress",
        ),
        (
            "wss://broker.example/path#part",
            FIRST.to_owned(),
            "InvalidAddress",
        ),
        ("mqtt://broker.example", filter(content), "InvalidFilter"),
        ("mqtt://broker.example", filter(unknown), "InvalidFilter"),
        (
            "mqtt://broker.example",
            "<tev:TopicPrefix></tev:TopicPrefix>".to_owned(),
            "InvalidArgVal",
        ),
        (
            "mqtt://broker.example",
            FIRST.replace(">0<", ">3<"),
            "InvalidArgVal",
        ),
        (
            "mqtt://broker.example",
            FIRST.replace(
                "<tev:QoS>",
                "<tev:CertificateID>x</tev:CertificateID><tev:QoS>",
            ),
            "InvalidArgVal",
        ),
    ] {
        let answer = bench.call(EVENTS, &add(address, &inner), ADMIN).await;
        assert_eq!(answer.fault().last().unwrap(), subcode, "{address} {inner}");
    }
    assert_eq!(list(&bench).await, []);
    let nobody = bench
        .call(EVENTS, &add("mqtt://broker.example", FIRST), As::Nobody)
        .await;
    assert!(matches!(nobody.status, 400 | 401), "{}", nobody.status);
}

fn at(ms: i64) -> UtcTime {
    UtcTime::from_millis(1_795_000_000_000 + ms)
}

fn plate() -> PlateRead {
    let frame_size = FrameSize::new(1920, 1080).unwrap();
    let rect = PxRect::new(960.0, 540.0, 480.0, 270.0);
    PlateRead {
        track_id: 41,
        plate_number: "123456".into(),
        likelihood: 0.5,
        chars: vec![],
        country_code: Some("US".into()),
        issuing_entity: None,
        colors: lpr_core::Colors::default(),
        vehicle_type: None,
        direction: Direction::Approaching,
        captured_at: at(250),
        first_seen: at(0),
        last_seen: at(300),
        plate_rect: Some(rect),
        plate_quad: Some(PxQuad::new([
            PxPoint::new(rect.x, rect.y),
            PxPoint::new(rect.right(), rect.y),
            PxPoint::new(rect.right(), rect.bottom()),
            PxPoint::new(rect.x, rect.bottom()),
        ])),
        frame_size,
        frames_seen: 5,
        frames_read: 4,
        speed_mps: None,
        test: false,
    }
}

async fn running(inner: &str) -> Bench {
    let bench = Bench::new();
    let service = bench.service.clone();
    tokio::spawn(async move { service.run(std::future::pending()).await });
    tokio::task::yield_now().await;
    let added = bench
        .call(EVENTS, &add("mqtt://broker.example", inner), ADMIN)
        .await;
    assert_eq!(added.status, 200, "{}", added.text());
    bench
}

/// Waits for `n` messages; topic, payload and whether it is a state.
async fn published(bench: &Bench, n: usize) -> Vec<(String, Value, bool)> {
    loop {
        let all = bench.test.brokers.published.lock().clone();
        if all.len() >= n {
            assert!(all.iter().all(|(slot, _)| *slot == 0));
            let json = |p: &[u8]| serde_json::from_slice(p).unwrap();
            return all
                .into_iter()
                .map(|(_, m)| (m.topic, json(&m.payload), m.retain))
                .collect();
        }
        tokio::task::yield_now().await;
    }
}

/// RECOG-5: a plate over MQTT, as the sample of the specification has it, with our values.
#[tokio::test]
async fn a_plate_is_published_as_json() {
    let filter = format!(
        "{FIRST}<tev:PublishFilter><wsnt:TopicExpression Dialect=\"http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet\">tns1:RuleEngine/Recognition//.</wsnt:TopicExpression></tev:PublishFilter>"
    );
    let bench = running(&filter.replace("<tev:QoS>0</tev:QoS>", "")).await;
    let bus = &bench.test.device.bus;
    bus.publish(at(300), EventKind::PlateRead(Arc::new(plate())));
    let mut record = new_record("123456", at(250));
    record.track_id = 41;
    let stored = bench.test.device.records.insert(record).unwrap();
    let id = stored.id.0;
    bus.publish(at(310), EventKind::RecordStored(Arc::new(stored)));
    let all = published(&bench, 1).await;
    let [(topic, payload, retain)] = &all[..] else {
        panic!("only what the filter wants: {all:?}")
    };
    assert_eq!(
        topic,
        "TestDevice/onvif-ej/RuleEngine/Recognition/LicensePlate/&source_1/Plates"
    );
    assert!(!retain);
    let picture = |name: &str| {
        let url = payload["Data"][name].as_str().unwrap().to_owned();
        assert!(
            url.starts_with("http://") && url.contains(&format!("/onvif/record/{id}/")),
            "{url}"
        );
        url
    };
    assert_eq!(
        *payload,
        json!({
            "UtcTime": "2026-11-18T11:06:40.250Z",
            "Source": {"VideoSource": "source_1", "Rule": "Plates"},
            "Data": {
                "Likelihood": 0.5,
                "Direction": "Approaching",
                "ImageURI": picture("ImageURI"),
                "VehicleImageURI": picture("VehicleImageURI"),
                "ObjectId": {"ObjectId": {"@ObjectId": 41}},
                "BoundingBox": {"Rectangle": {"@left": 0, "@top": 0, "@right": 0.5, "@bottom": -0.5}},
                "LicensePlateInfo": {"LicensePlateInfo": {
                    "PlateNumber": {"@Likelihood": 0.5, "#text": "123456"},
                    "CountryCode": "US",
                }},
            },
        })
    );
}

/// A broker may be reached before the events are listened to.
#[tokio::test]
async fn states_are_published_to_a_broker_that_was_there_first() {
    let bench = Bench::new();
    let added = bench
        .call(EVENTS, &add("mqtt://broker.example", FIRST), ADMIN)
        .await;
    assert_eq!(added.status, 200);
    let service = bench.service.clone();
    tokio::spawn(async move { service.run(std::future::pending()).await });
    let all = published(&bench, 8).await;
    assert!(all.iter().all(|(_, _, retain)| *retain), "{all:?}");
}

/// States are retained; a broker that was just reached gets all of them.
#[tokio::test]
async fn states_are_published_when_a_broker_is_reached() {
    let bench = running(FIRST).await;
    tokio::task::yield_now().await;
    bench.test.brokers.reach(0);
    let all = published(&bench, 17).await;
    let topics: Vec<_> = all.iter().map(|(t, _, _)| t.as_str()).collect();
    assert!(
        topics.contains(&"TestDevice/onvif-ej/VideoSource/MotionAlarm/&source_1"),
        "{topics:?}"
    );
    assert!(
        topics.contains(&"TestDevice/onvif-ej/Monitoring/OperatingTime/LastReboot"),
        "{topics:?}"
    );
    assert!(all.iter().all(|(_, _, retain)| *retain));
    let kind = EventKind::PictureAlarm {
        alarm: WatchKind::Motion,
        active: true,
    };
    bench.test.device.bus.publish(at(1), kind);
    let (topic, payload, retain) = published(&bench, 18).await.pop().unwrap();
    assert_eq!(
        topic,
        "TestDevice/onvif-ej/VideoSource/MotionAlarm/&source_1"
    );
    assert!(retain);
    assert_eq!(
        payload,
        json!({"UtcTime": "2026-11-18T11:06:40.001Z", "Source": {"Source": "source_1"}, "Data": {"State": true}})
    );
}
