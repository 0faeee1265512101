//! Pull points from end to end, with time under control.

mod common;

use std::{sync::Arc, time::Duration};

use common::{
    ADMIN, As, Bench,
    plates::{PLATE_FILTER, at, read, scene},
    pulled::{EVENTS, items, pull, pull_raw, running, subscribe},
};
use lpr_core::{Direction, PlateRead, WatchKind};
use onvif_contracts::{tt, wsnt};
use platecam_model::{
    Actor, EventKind, NewSecond, SourceState, UtcTime,
    testing::{PASSWORD, new_record},
};

/// RECOG-5, SNAPRULE-4: the whole way of a plate over a pull point: read, record, notification with its pictures.
#[tokio::test(start_paused = true)]
async fn a_plate_arrives_with_its_pictures() {
    let bench = running().await;
    let (path, _) = subscribe(&bench, PLATE_FILTER).await;
    let bus = &bench.test.device.bus;
    bus.publish(at(300), EventKind::PlateRead(Arc::new(read(41, "ABC123"))));
    let mut record = new_record("ABC123", at(250));
    record.track_id = 41;
    record.second = Some(NewSecond {
        captured_at: at(1250),
        jpeg: "later".into(),
    });
    let stored = bench.test.device.records.insert(record).unwrap();
    let id = stored.id.0;
    bus.publish(at(310), EventKind::RecordStored(Arc::new(stored)));
    let got = pull(&bench, &path).await;
    let [(topic, message)] = got.as_slice() else {
        panic!("{got:?}");
    };
    assert_eq!(topic, "tns1:RuleEngine/Recognition/LicensePlate");
    assert_eq!(message.utc_time.unix_millis(), at(250).as_millis());
    assert_eq!(message.property_operation, None);
    assert_eq!(
        items(message.source.as_deref()),
        [("VideoSource", "source_1"), ("Rule", "Plates")]
    );
    let plate = format!("http://192.0.2.10:8080/onvif/record/{id}/plate.jpg");
    let full = format!("http://192.0.2.10:8080/onvif/record/{id}/full.jpg");
    let second = format!("http://192.0.2.10:8080/onvif/record/{id}/second.jpg");
    assert_eq!(
        items(message.data.as_deref()),
        [
            ("Likelihood", "0.5"),
            ("ImageURI", plate.as_str()),
            ("VehicleImageURI", full.as_str()),
            ("SecondVehicleImageURI", second.as_str()),
            ("Direction", "Approaching"),
        ]
    );
    let elements = &message.data.as_ref().unwrap().element_item;
    let names: Vec<_> = elements.iter().map(|e| e.name.as_str()).collect();
    assert_eq!(
        names,
        ["ObjectId", "BoundingBox", "LicensePlateInfo", "VehicleInfo"]
    );
    let object: tt::ObjectId = elements[0].any[0].read_as().unwrap();
    assert_eq!(object.object_id, Some(41));
    let rect: tt::Rectangle = elements[1].any[0].read_as().unwrap();
    assert_eq!(
        (rect.left, rect.top, rect.right, rect.bottom),
        (0.0, 0.0, 0.5, -0.5)
    );
    let info: tt::LicensePlateInfo = elements[2].any[0].read_as().unwrap();
    assert_eq!(info.plate_number.value, "ABC123");
    assert_eq!(info.plate_number.likelihood, Some(0.5));
    assert_eq!(info.country_code.unwrap().value, "US");
    assert_eq!(info.issuing_entity.unwrap().value, "CA");
    // RECOG-1: the plate is yellow, the vehicle a blue pickup, for which ONVIF says truck.
    let color = |d: Option<Box<tt::ColorDescriptor>>| d.unwrap().color_cluster[0].color.clone();
    let plate = color(info.color);
    assert_eq!((plate.x, plate.y, plate.z), (255.0, 200.0, 0.0));
    assert_eq!(plate.likelihood, Some(0.75));
    assert!(plate.colorspace.unwrap().ends_with("/RGB"));
    let vehicle: tt::VehicleInfo = elements[3].any[0].read_as().unwrap();
    assert_eq!(vehicle.r#type.value, "Truck");
    assert_eq!(vehicle.r#type.likelihood, Some(0.75));
    let body = color(vehicle.color);
    assert_eq!((body.x, body.z, body.likelihood), (0.0, 200.0, Some(0.5)));
}

/// SNAPRULE-4: a plate is told when its first picture is there. The event names the second, and who fetches it gets it when it comes.
#[tokio::test(start_paused = true)]
async fn a_second_picture_is_told_before_it_is_there() {
    let bench = running().await;
    let device = &bench.test.device;
    let actor = Actor::system();
    let twice = serde_json::json!({"snapshot_quantity": 2});
    device
        .settings
        .patch("lpr.recognition", &twice, None, &actor)
        .unwrap();
    let (path, _) = subscribe(&bench, PLATE_FILTER).await;
    let mut stored = Vec::new();
    for (track_id, captured) in [(41, 0), (42, 0), (43, -9000)] {
        let bus = &device.bus;
        let now = device.clock.now();
        let mut new = read(track_id, "ABC123");
        new.captured_at = now;
        bus.publish(now, EventKind::PlateRead(Arc::new(new)));
        let captured = UtcTime::from_micros(now.as_micros() + captured * 1000);
        let mut record = new_record("ABC123", captured);
        record.track_id = track_id;
        let record = device.records.insert(record).unwrap();
        bus.publish(now, EventKind::RecordStored(Arc::new(record.clone())));
        stored.push(record);
    }
    let got = pull(&bench, &path).await;
    assert_eq!(got.len(), 3);
    let mut requests = Vec::new();
    for (record, (_, message)) in stored.iter().zip(&got) {
        let told = items(message.data.as_deref());
        let uri = told
            .iter()
            .find(|(name, _)| *name == "SecondVehicleImageURI");
        let path = format!("/onvif/record/{}/second.jpg", record.id.0);
        assert_eq!(uri.unwrap().1, format!("http://192.0.2.10:8080{path}"));
        let mut get = Bench::request(http::Method::GET, &path);
        let challenge = bench.raw(get.clone(), "").await;
        bench.sign(&mut get, &challenge, "admin", PASSWORD);
        requests.push(get);
    }
    let [first, never, old] = requests.try_into().unwrap();
    let comes = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let second = NewSecond {
            captured_at: device.clock.now(),
            jpeg: "later".into(),
        };
        let both = device.records.add_second(stored[0].id, second).unwrap();
        let told = EventKind::SecondStored(Arc::new(both));
        device.bus.publish(device.clock.now(), told);
    };
    let (answer, ()) = tokio::join!(bench.raw(first, ""), comes);
    assert_eq!((answer.status, answer.text()), (200, "later"));
    let before = tokio::time::Instant::now();
    assert_eq!(bench.raw(never, "").await.status, 404);
    assert_eq!(before.elapsed(), Duration::from_secs(3));
    // Whose time is over is not waited for.
    let before = tokio::time::Instant::now();
    assert_eq!(bench.raw(old, "").await.status, 404);
    assert_eq!(before.elapsed(), Duration::ZERO);
    // Nobody is told twice.
    assert!(pull(&bench, &path).await.is_empty());
}

/// SNAPRULE-1, SNAPRULE-15: a vehicle at its loops whose plate was not read has a speed, a picture and no plate.
#[tokio::test(start_paused = true)]
async fn a_vehicle_without_a_plate_is_told_without_one() {
    let bench = running().await;
    let (path, _) = subscribe(&bench, PLATE_FILTER).await;
    let bus = &bench.test.device.bus;
    let mut vehicle = read(42, "");
    (vehicle.plate_rect, vehicle.plate_quad) = (None, None);
    vehicle.speed_mps = Some(8.5);
    bus.publish(at(300), EventKind::PlateRead(Arc::new(vehicle)));
    let mut record = new_record("", at(250));
    record.track_id = 42;
    record.plate = bytes::Bytes::new();
    let stored = bench.test.device.records.insert(record).unwrap();
    let full = format!(
        "http://192.0.2.10:8080/onvif/record/{}/full.jpg",
        stored.id.0
    );
    bus.publish(at(310), EventKind::RecordStored(Arc::new(stored)));
    let got = pull(&bench, &path).await;
    let data = got[0].1.data.as_ref();
    assert_eq!(
        items(got[0].1.data.as_deref()),
        [
            ("Likelihood", "0.5"),
            ("VehicleImageURI", full.as_str()),
            ("Direction", "Approaching"),
            ("Speed", "8.5"),
        ]
    );
    let elements = &data.unwrap().element_item;
    let names: Vec<_> = elements.iter().map(|e| e.name.as_str()).collect();
    assert_eq!(names, ["ObjectId", "VehicleInfo"]);
}

/// A store that does not answer delays a plate by three seconds but never swallows it.
#[tokio::test(start_paused = true)]
async fn a_plate_without_a_record_is_told_without_pictures() {
    let bench = running().await;
    let (path, _) = subscribe(&bench, PLATE_FILTER).await;
    let bus = &bench.test.device.bus;
    bus.publish(at(300), EventKind::PlateRead(Arc::new(read(41, "ABC123"))));
    let before = tokio::time::Instant::now();
    let got = pull(&bench, &path).await;
    assert_eq!(before.elapsed(), Duration::from_secs(3));
    assert_eq!(
        items(got[0].1.data.as_deref()),
        [("Likelihood", "0.5"), ("Direction", "Approaching")]
    );
    // The record that comes too late is not a second plate.
    let mut record = new_record("ABC123", at(250));
    record.track_id = 41;
    let stored = bench.test.device.records.insert(record).unwrap();
    bus.publish(at(9000), EventKind::RecordStored(Arc::new(stored)));
    assert!(pull(&bench, &path).await.is_empty());
}

/// EVENT-3-1-25 and interop #4: states come first, change once, and end again.
#[tokio::test(start_paused = true)]
async fn vehicle_and_signal_are_properties() {
    let bench = running().await;
    let (path, _) = subscribe(&bench, "").await;
    let state = |got: &[(String, tt::Message)]| -> Vec<(String, String, String)> {
        got.iter()
            .map(|(topic, m)| {
                let operation = m.property_operation.as_ref().map(ToString::to_string);
                let data = items(m.data.as_deref());
                (
                    topic.rsplit('/').next().unwrap().to_owned(),
                    operation.unwrap_or_default(),
                    data[0].1.to_owned(),
                )
            })
            .collect()
    };
    let row = |t: &str, o: &str, v: &str| (t.to_owned(), o.to_owned(), v.to_owned());
    assert_eq!(
        state(&pull(&bench, &path).await),
        [
            row("VehicleDetect", "Initialized", "false"),
            row("SignalLoss", "Initialized", "false"),
            row("MotionAlarm", "Initialized", "false"),
            row("ImagingService", "Initialized", "false"),
            row("ImagingService", "Initialized", "false"),
            row("ImagingService", "Initialized", "false"),
            row("ImagingService", "Initialized", "false"),
            row(
                "LastClockSynchronization",
                "Initialized",
                "2026-11-18T11:06:40.000Z"
            ),
            row("LastReboot", "Initialized", "2026-11-18T11:06:40.000Z"),
            row("Relay", "Initialized", "inactive"),
            row("Relay", "Initialized", "inactive"),
            row("DigitalInput", "Initialized", "false"),
            row("DigitalInput", "Initialized", "false"),
            row("LastReset", "Initialized", "1970-01-01T00:00:00.000Z"),
            row("Last", "Initialized", "1970-01-01T00:00:00.000Z"),
            row("StorageFailure", "Initialized", "false"),
            row("ProcessorUsage", "Initialized", "25"),
        ]
    );
    let bus = &bench.test.device.bus;
    for objects in [0, 1, 2, 1, 0] {
        bus.publish_scene(Arc::new(scene(objects)));
    }
    assert_eq!(
        state(&pull(&bench, &path).await),
        [row("VehicleDetect", "Changed", "true")]
    );
    assert_eq!(
        state(&pull(&bench, &path).await),
        [row("VehicleDetect", "Changed", "false")]
    );
    let failed = SourceState::Failed {
        reason: "gone".into(),
        retry_in_ms: 1000,
    };
    for state in [failed.clone(), SourceState::Connecting, failed] {
        bus.publish(at(0), EventKind::Source(state));
    }
    assert_eq!(
        state(&pull(&bench, &path).await),
        [row("SignalLoss", "Changed", "true")]
    );
    let sync = bench
        .call(&path, "<tev:SetSynchronizationPoint/>", ADMIN)
        .await;
    assert_eq!(sync.status, 200, "{}", sync.text());
    assert_eq!(
        state(&pull(&bench, &path).await),
        [
            row("VehicleDetect", "Initialized", "false"),
            row("SignalLoss", "Initialized", "true"),
            row("MotionAlarm", "Initialized", "false"),
            row("ImagingService", "Initialized", "false"),
            row("ImagingService", "Initialized", "false"),
            row("ImagingService", "Initialized", "false"),
            row("ImagingService", "Initialized", "false"),
            row(
                "LastClockSynchronization",
                "Initialized",
                "2026-11-18T11:06:40.000Z"
            ),
            row("LastReboot", "Initialized", "2026-11-18T11:06:40.000Z"),
            row("Relay", "Initialized", "inactive"),
            row("Relay", "Initialized", "inactive"),
            row("DigitalInput", "Initialized", "false"),
            row("DigitalInput", "Initialized", "false"),
            row("LastReset", "Initialized", "1970-01-01T00:00:00.000Z"),
            row("Last", "Initialized", "1970-01-01T00:00:00.000Z"),
            row("StorageFailure", "Initialized", "false"),
            row("ProcessorUsage", "Initialized", "25"),
        ]
    );
}

/// Media2 §5.16: settings made anywhere are told.
#[tokio::test(start_paused = true)]
async fn a_changed_encoder_is_told() {
    let bench = running().await;
    let (path, _) = subscribe(
        &bench,
        "<tev:Filter><wsnt:TopicExpression Dialect=\"http://docs.oasis-open.org/wsn/t-1/TopicExpression/Concrete\">tns1:Media/ConfigurationChanged</wsnt:TopicExpression></tev:Filter>",
    )
    .await;
    let system = platecam_model::Actor::system();
    bench
        .test
        .device
        .settings
        .patch(
            "video.sub",
            &serde_json::json!({"quality": 2}),
            None,
            &system,
        )
        .unwrap();
    let got = pull(&bench, &path).await;
    assert_eq!(
        items(got[0].1.source.as_deref()),
        [("Token", "encoder_sub")]
    );
    assert_eq!(items(got[0].1.data.as_deref()), [("Type", "VideoEncoder")]);
}

/// EVENT-3-1-12, -19, -20, -24: times, Renew, Unsubscribe, and the fault of a dead subscription.
#[tokio::test(start_paused = true)]
async fn subscriptions_live_as_asked() {
    let bench = running().await;
    let (path, made) = subscribe(
        &bench,
        "<tev:InitialTerminationTime>PT20S</tev:InitialTerminationTime>",
    )
    .await;
    let end = made.termination_time.unwrap();
    assert_eq!(end.unix_millis() - made.current_time.unix_millis(), 20_000);
    let renew = |time: &str| {
        format!("<wsnt:Renew><wsnt:TerminationTime>{time}</wsnt:TerminationTime></wsnt:Renew>")
    };
    let renewed: wsnt::RenewResponse = bench.call(&path, &renew("PT90S"), ADMIN).await.read();
    let (now, end) = (
        renewed.current_time.unwrap(),
        renewed.termination_time.unwrap(),
    );
    assert_eq!(end.unix_millis() - now.unix_millis(), 90_000);
    let refused = bench.call(&path, &renew("P9Y"), ADMIN).await;
    assert_eq!(refused.status, 400);
    assert!(refused.text().contains("UnacceptableTerminationTimeFault"));
    assert!(refused.text().contains("MinimumTime"));
    let done = bench.call(&path, "<wsnt:Unsubscribe/>", ADMIN).await;
    assert_eq!(done.status, 200, "{}", done.text());
    for body in [
        "<wsnt:Unsubscribe/>".to_owned(),
        renew("PT5S"),
        "<tev:SetSynchronizationPoint/>".to_owned(),
    ] {
        let dead = bench.call(&path, &body, ADMIN).await;
        assert_eq!(dead.status, 400);
        assert!(
            dead.text().contains("ResourceUnknownFault"),
            "{}",
            dead.text()
        );
    }
    assert_eq!(pull_raw(&bench, &path, "PT1S", 1).await.status, 400);
    let (path, _) = subscribe(
        &bench,
        "<tev:InitialTerminationTime>PT20S</tev:InitialTerminationTime>",
    )
    .await;
    tokio::time::advance(Duration::from_secs(20)).await;
    let gone = bench.call(&path, "<wsnt:Unsubscribe/>", ADMIN).await;
    assert!(gone.text().contains("ResourceUnknownFault"));
}

/// EVENT-3-1-17, -22 and the bounds of PullMessages.
#[tokio::test(start_paused = true)]
async fn bad_requests_get_the_faults_of_the_specification() {
    let bench = running().await;
    let topic = |dialect: &str, text: &str| {
        format!(
            "<tev:Filter><wsnt:TopicExpression Dialect=\"{dialect}\">{text}</wsnt:TopicExpression></tev:Filter>"
        )
    };
    let content = |text: &str| {
        format!(
            "<tev:Filter><wsnt:MessageContent Dialect=\"http://www.onvif.org/ver10/tev/messageContentFilter/ItemFilter\">{text}</wsnt:MessageContent></tev:Filter>"
        )
    };
    let set = "http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet";
    for (inner, fault) in [
        (topic(set, "xyz"), "TopicNotSupportedFault"),
        (topic(set, "tns1:Nothing/Here"), "TopicNotSupportedFault"),
        (
            topic(set, "tns1:RuleEngine//"),
            "InvalidTopicExpressionFault",
        ),
        (
            topic("urn:x", "tns1:RuleEngine//."),
            "TopicExpressionDialectUnknownFault",
        ),
        (
            content("boolean(//tt:SimpleItem[@Name=\"xyz\""),
            "InvalidMessageContentExpressionFault",
        ),
        (
            "<tev:Filter><tt:Other/></tev:Filter>".into(),
            "InvalidFilterFault",
        ),
        (
            "<tev:InitialTerminationTime>PT0S</tev:InitialTerminationTime>".into(),
            "UnacceptableInitialTerminationTimeFault",
        ),
    ] {
        let body =
            format!("<tev:CreatePullPointSubscription>{inner}</tev:CreatePullPointSubscription>");
        let answer = bench.call(EVENTS, &body, ADMIN).await;
        assert_eq!(answer.status, 400, "{inner}");
        let text = answer.text();
        assert!(text.contains(fault), "{fault}: {text}");
        assert!(
            text.contains("Timestamp>") && text.contains(":Description xml:lang=\"en\">"),
            "{text}"
        );
    }
    let (path, _) = subscribe(&bench, "").await;
    let long = pull_raw(&bench, &path, "PT1H", 1).await;
    assert!(
        long.text().contains("PullMessagesFaultResponse"),
        "{}",
        long.text()
    );
    assert_eq!(
        pull_raw(&bench, &path, "PT1S", 0).await.fault(),
        ["Sender", "InvalidArgVal"]
    );
    assert_eq!(
        pull_raw(&bench, &path, "soon", 1).await.fault(),
        ["Sender", "InvalidArgVal"]
    );
    let seek = "<tev:Seek><tev:UtcTime>yesterday</tev:UtcTime></tev:Seek>";
    assert_eq!(
        bench.call(&path, seek, ADMIN).await.fault(),
        ["Sender", "InvalidArgVal"]
    );
}

/// EVENT-3-1-37 and -3-1-38: many pull points at a time, each with its own filter.
#[tokio::test(start_paused = true)]
async fn many_clients_have_their_own_filters() {
    let bench = running().await;
    let mut paths = Vec::new();
    for value in ["true", "false"] {
        let filter = format!(
            "<tev:Filter><wsnt:MessageContent Dialect=\"http://www.onvif.org/ver10/tev/messageContentFilter/ItemFilter\">boolean(//tt:SimpleItem[@Name=\"State\" and @Value=\"{value}\"])</wsnt:MessageContent></tev:Filter>"
        );
        paths.push(subscribe(&bench, &filter).await.0);
    }
    assert_ne!(paths[0], paths[1]);
    bench.test.device.bus.publish_scene(Arc::new(scene(1)));
    let lost = pull(&bench, &paths[0]).await;
    assert_eq!(items(lost[0].1.data.as_deref()), [("State", "true")]);
    let initial = pull(&bench, &paths[1]).await;
    assert_eq!(initial.len(), 7, "{initial:?}");
    // A client that sends everything to the event service (onvif-zeep) has one subscription only.
    let body = "<tev:PullMessages><tev:Timeout>PT1S</tev:Timeout><tev:MessageLimit>1</tev:MessageLimit></tev:PullMessages>";
    assert_eq!(bench.call(EVENTS, body, ADMIN).await.status, 400);
    bench.call(&paths[0], "<wsnt:Unsubscribe/>", ADMIN).await;
    assert_eq!(bench.call(EVENTS, body, ADMIN).await.status, 200);
    assert_eq!(bench.call(EVENTS, body, As::Nobody).await.status, 401);
}

/// Profile T 7.17 and 7.20: motion and tampering are properties of the video source.
#[tokio::test(start_paused = true)]
async fn motion_and_tampering_are_properties() {
    let bench = running().await;
    let filter = "<tev:Filter><wsnt:TopicExpression Dialect=\"http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet\">tns1:VideoSource//.</wsnt:TopicExpression></tev:Filter>";
    let (path, _) = subscribe(&bench, filter).await;
    assert_eq!(pull(&bench, &path).await.len(), 6, "the states");
    for (alarm, topic) in WatchKind::ALL.into_iter().zip([
        "MotionAlarm",
        "ImageTooDark/ImagingService",
        "ImageTooBright/ImagingService",
        "ImageTooBlurry/ImagingService",
        "GlobalSceneChange/ImagingService",
    ]) {
        for active in [true, false] {
            let kind = EventKind::PictureAlarm { alarm, active };
            bench.test.device.bus.publish(at(1), kind);
            let got = pull(&bench, &path).await;
            let [(told, message)] = &got[..] else {
                panic!("{got:?}")
            };
            assert_eq!(*told, format!("tns1:VideoSource/{topic}"));
            assert_eq!(items(message.source.as_deref()), [("Source", "source_1")]);
            let state = active.to_string();
            assert_eq!(items(message.data.as_deref()), [("State", state.as_str())]);
        }
    }
}

/// Analytics §7.10: who was followed is told of once, after having left; without the rule nobody is.
#[tokio::test(start_paused = true)]
async fn a_pass_is_told_of_once() {
    let bench = running().await;
    let filter = PLATE_FILTER.replace("RuleEngine/Recognition//.", "RuleEngine/ObjectTrack//.");
    let (path, _) = subscribe(&bench, &filter).await;
    let settings = &bench.test.device.settings;
    let set = |on| {
        let patch = serde_json::json!({"enabled": on, "rule_name": "Passes"});
        settings
            .patch("lpr.tracks", &patch, None, &platecam_model::Actor::system())
            .unwrap();
    };
    let bus = &bench.test.device.bus;
    bus.publish_scene(Arc::new(scene(1)));
    tokio::time::sleep(Duration::from_secs(5)).await;
    set(true);
    tokio::time::sleep(Duration::from_secs(1)).await;
    bus.publish_scene(Arc::new(scene(1)));
    bus.publish_scene(Arc::new(scene(1)));
    let got = pull(&bench, &path).await;
    let [(topic, message)] = got.as_slice() else {
        panic!("{got:?}");
    };
    assert_eq!(topic, "tns1:RuleEngine/ObjectTrack/Aggregation");
    assert_eq!(message.utc_time.unix_millis(), at(100).as_millis());
    assert_eq!(message.property_operation, None);
    assert_eq!(
        items(message.source.as_deref()),
        [("VideoSource", "source_1"), ("Rule", "Passes")]
    );
    assert_eq!(
        items(message.data.as_deref()),
        [
            ("AggregationStart", at(100).to_string().as_str()),
            ("Final", "true")
        ]
    );
}

/// INTEL-6: a vehicle that turned back is told of where there is a rule, and its record is that of no pass.
#[tokio::test(start_paused = true)]
async fn a_vehicle_that_turned_back_is_told_of() {
    let bench = running().await;
    let filter = PLATE_FILTER.replace("RuleEngine/Recognition//.", "RuleEngine/BackingDetector//.");
    let (path, _) = subscribe(&bench, &filter).await;
    let bus = &bench.test.device.bus;
    let tell = || {
        let read = PlateRead {
            direction: Direction::Departing,
            ..read(7, "BACK123")
        };
        bus.publish(at(1), EventKind::TurnedBack(Arc::new(read)));
    };
    tell();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let wanted = serde_json::json!({"backing": true, "rule_name": "U-turn"});
    let by = platecam_model::Actor::system();
    let settings = &bench.test.device.settings;
    settings
        .patch("lpr.intelligence", &wanted, None, &by)
        .unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    tell();
    let got = pull(&bench, &path).await;
    let [(topic, message)] = got.as_slice() else {
        panic!("{got:?}");
    };
    assert_eq!(topic, "tns1:RuleEngine/BackingDetector/Leaving");
    assert_eq!(message.property_operation, None);
    assert_eq!(
        items(message.source.as_deref()),
        [("VideoSource", "source_1"), ("Rule", "U-turn")]
    );
    assert_eq!(items(message.data.as_deref()), [("Direction", "Departing")]);
}
