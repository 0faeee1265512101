//! The metadata track: what its frames and events carry, and what configures them.

mod common;

use std::sync::Arc;

use common::{
    ADMIN, Bench,
    plates::{at, scene},
    pulled::{EVENTS, running, taken_apart},
};
use http::Method;
use lpr_core::WatchKind;
use onvif_contracts::tt;
use platecam_model::{
    EventKind,
    testing::{PASSWORD, new_record},
};

/// The metadata track: states first, then frames and events; a synchronisation point repeats states.
#[tokio::test(start_paused = true)]
async fn the_metadata_stream_holds_frames_and_events() {
    let bench = running().await;
    let mut feed = bench.service.metadata();
    let parse = |xml: &str| -> tt::MetadataStream {
        onvif_xml::from_document(xml, onvif_xml::Limits::default()).unwrap()
    };
    let events = |xml: &str| -> Vec<String> {
        let stream = parse(xml);
        let [tt::MetadataStreamItem::Event(event)] = stream.items.as_slice() else {
            panic!("{xml}");
        };
        let names = event.items.iter().map(|i| match i {
            tt::EventStreamItem::NotificationMessage(n) => taken_apart(n).0,
            other => panic!("{other:?}"),
        });
        names.collect()
    };
    let states = [
        "tns1:RuleEngine/MyRuleDetector/VehicleDetect",
        "tns1:VideoSource/SignalLoss",
        "tns1:VideoSource/MotionAlarm",
        "tns1:VideoSource/ImageTooDark/ImagingService",
        "tns1:VideoSource/ImageTooBright/ImagingService",
        "tns1:VideoSource/ImageTooBlurry/ImagingService",
        "tns1:VideoSource/GlobalSceneChange/ImagingService",
        "tns1:Monitoring/OperatingTime/LastClockSynchronization",
        "tns1:Monitoring/OperatingTime/LastReboot",
        "tns1:Device/Trigger/Relay",
        "tns1:Device/Trigger/Relay",
        "tns1:Device/Trigger/DigitalInput",
        "tns1:Device/Trigger/DigitalInput",
        "tns1:Monitoring/OperatingTime/LastReset",
        "tns1:Monitoring/Backup/Last",
        "tns1:Device/HardwareFailure/StorageFailure",
        "tns1:Monitoring/ProcessorUsage",
    ];
    assert_eq!(events(&feed.next().await.unwrap().xml), states);
    bench.test.device.bus.publish_scene(Arc::new(scene(1)));
    let document = feed.next().await.unwrap();
    assert_eq!(document.at, at(100));
    let stream = parse(&document.xml);
    let [tt::MetadataStreamItem::VideoAnalytics(analytics)] = stream.items.as_slice() else {
        panic!("{}", document.xml);
    };
    let [tt::VideoAnalyticsStreamItem::Frame(frame)] = analytics.items.as_slice() else {
        panic!("{}", document.xml);
    };
    assert_eq!(frame.source.as_deref(), Some("PlateReader"));
    assert_eq!(frame.utc_time.unix_millis(), at(100).as_millis());
    let [vehicle, object] = frame.object.as_slice() else {
        panic!("{}", document.xml)
    };
    assert_eq!(object.object_id, Some(7));
    assert_eq!(object.parent, vehicle.object_id);
    let car = vehicle.appearance.as_ref().unwrap();
    assert!(car.vehicle_info[0].color.is_some() && car.shape.is_none());
    assert_eq!(car.class.as_ref().unwrap().r#type[0].value, "Vehicle");
    let looks = object.appearance.as_ref().unwrap();
    assert_eq!(
        looks
            .license_plate_info
            .as_ref()
            .unwrap()
            .plate_number
            .value,
        "ABC123"
    );
    assert_eq!(
        looks.class.as_ref().unwrap().r#type[0].value,
        "LicensePlate"
    );
    let shape = looks.shape.as_ref().unwrap();
    let b = &shape.bounding_box;
    assert_eq!((b.left, b.top, b.right, b.bottom), (0.0, 0.0, 0.5, -0.5));
    assert!(b.top > b.bottom, "y points upwards");
    // Counter-clockwise: the signed area is positive.
    let p = &shape.polygon[0].point;
    let area: f32 = (0..p.len())
        .map(|i| {
            let (a, b) = (&p[i], &p[(i + 1) % p.len()]);
            a.x * b.y - b.x * a.y
        })
        .sum();
    assert!(area > 0.0, "{p:?}");
    assert_eq!(
        events(&feed.next().await.unwrap().xml),
        [states[0]],
        "the vehicle came"
    );
    let sync = "<tr2:SetSynchronizationPoint><tr2:ProfileToken>profile_sub</tr2:ProfileToken></tr2:SetSynchronizationPoint>";
    assert_eq!(bench.call(EVENTS, sync, ADMIN).await.status, 200);
    assert_eq!(events(&feed.next().await.unwrap().xml), states);
    assert_eq!(
        *bench.test.media.key_frames.lock(),
        [platecam_model::ports::StreamId::Sub]
    );
}

/// Profile M 8.3: frames of a plate refer to its picture from its record on, at the unit's own address.
#[tokio::test(start_paused = true)]
async fn frames_refer_to_the_picture_of_a_recorded_plate() {
    let bench = running().await;
    let mut feed = bench.service.metadata();
    feed.next().await.unwrap();
    let bus = &bench.test.device.bus;
    let mut frame = async || loop {
        bus.publish_scene(Arc::new(scene(1)));
        let xml = feed.next().await.unwrap().xml;
        if xml.contains("LicensePlateInfo") && !xml.contains("Recognition") {
            return xml;
        }
    };
    assert!(!frame().await.contains("ImageRef"), "not stored yet");
    let mut record = new_record("ABC123", at(250));
    record.track_id = 7;
    let stored = bench.test.device.records.insert(record).unwrap();
    let id = stored.id.0;
    bus.publish(at(310), EventKind::RecordStored(Arc::new(stored)));
    tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    let url = format!("http://192.0.2.10:8080/onvif/record/{id}/plate.jpg");
    let xml = frame().await;
    assert!(
        xml.contains(&format!("<tt:ImageRef>{url}</tt:ImageRef>")),
        "{xml}"
    );
    let mut get = Bench::request(Method::GET, &format!("/onvif/record/{id}/plate.jpg"));
    let challenge = bench.raw(get.clone(), "").await;
    bench.sign(&mut get, &challenge, "admin", PASSWORD);
    assert_eq!(bench.raw(get, "").await.status, 200, "the picture is there");
}

/// MEDIA2-8-1-3, RTSS-4-1-3: the metadata configuration says what the track carries, and the track obeys it.
#[tokio::test(start_paused = true)]
async fn the_metadata_configuration_is_obeyed() {
    let bench = running().await;
    let mut feed = bench.service.metadata();
    feed.next().await.unwrap();
    let set = |service: &str, inner: &str, more: &str| {
        format!(
            "<{service}:SetMetadataConfiguration><{service}:Configuration token=\"metadata_1\"><tt:Name>n</tt:Name><tt:UseCount>1</tt:UseCount>{inner}<tt:Multicast><tt:Address><tt:Type>IPv4</tt:Type><tt:IPv4Address>0.0.0.0</tt:IPv4Address></tt:Address><tt:Port>0</tt:Port><tt:TTL>0</tt:TTL><tt:AutoStart>false</tt:AutoStart></tt:Multicast><tt:SessionTimeout>PT60S</tt:SessionTimeout></{service}:Configuration>{more}</{service}:SetMetadataConfiguration>"
        )
    };
    let filter = "<tt:Events><tt:Filter><wsnt:TopicExpression Dialect=\"http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet\">tns1:VideoSource//.</wsnt:TopicExpression><wsnt:MessageContent Dialect=\"http://www.onvif.org/ver10/tev/messageContentFilter/ItemFilter\">boolean(//tt:SimpleItem[@Name=\"State\" and @Value=\"true\"])</wsnt:MessageContent></tt:Filter></tt:Events>";
    let wanted = set(
        "tr2",
        &format!("{filter}<tt:Analytics>false</tt:Analytics>"),
        "",
    );
    let answer = bench.call(EVENTS, &wanted, ADMIN).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let told = bench
        .call(EVENTS, "<tr2:GetMetadataConfigurations/>", ADMIN)
        .await;
    for part in ["tns1:VideoSource//.", "ItemFilter", "Analytics>false<"] {
        assert!(told.text().contains(part), "{part}: {}", told.text());
    }
    let bus = &bench.test.device.bus;
    bus.publish_scene(Arc::new(scene(1)));
    for active in [false, true] {
        let alarm = WatchKind::Motion;
        bus.publish(at(1), EventKind::PictureAlarm { alarm, active });
    }
    // Neither the frame, nor the vehicle that came, nor the change of the configuration, nor the end of motion.
    let next = feed.next().await.unwrap().xml;
    assert!(
        next.contains("MotionAlarm") && next.contains("\"true\""),
        "{next}"
    );
    assert!(!next.contains("VehicleDetect"), "{next}");

    // Without events and with analytics again, over Media 1.
    let force = "<trt:ForcePersistence>true</trt:ForcePersistence>";
    let other = set("trt", "<tt:Analytics>true</tt:Analytics>", force);
    assert_eq!(bench.call(EVENTS, &other, ADMIN).await.status, 200);
    bus.publish(
        at(2),
        EventKind::PictureAlarm {
            alarm: WatchKind::TooDark,
            active: true,
        },
    );
    bus.publish_scene(Arc::new(scene(1)));
    let next = feed.next().await.unwrap().xml;
    assert!(next.contains("LicensePlateInfo"), "{next}");

    for (inner, token, subcode) in [
        ("", "metadata_9", "NoConfig"),
        (
            "<tt:Events><tt:Filter><wsnt:TopicExpression Dialect=\"http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet\">tns1:Nothing</wsnt:TopicExpression></tt:Filter></tt:Events>",
            "metadata_1",
            "ConfigModify",
        ),
    ] {
        let body = set("tr2", inner, "").replace("metadata_1", token);
        let answer = bench.call(EVENTS, &body, ADMIN).await;
        assert_eq!(answer.fault(), ["Sender", "InvalidArgVal", subcode]);
    }
}
