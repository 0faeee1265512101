//! Base notification with a consumer over real sockets: delivery, retries, ends, and what is refused.

mod common;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use common::{ADMIN, Answer, Bench, envelope};
use http::Method;
use lpr_core::PlateRead;
use md5::{Digest, Md5};
use onvif_contracts::{tds, tt, wsnt};
use onvif_xml::{Limits, soap::Message};
use platecam_model::{EventKind, SourceState, testing::new_record};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::mpsc,
};

const EVENTS: &str = "/onvif/event_service";

/// What a consumer got: head and body of the request.
struct Got {
    head: String,
    body: Vec<u8>,
}

impl Got {
    fn notices(&self) -> Vec<(String, tt::Message)> {
        let message = Message::parse(&self.body, Limits::default()).unwrap();
        let notify: wsnt::Notify = message.body.read().unwrap();
        notify
            .notification_message
            .iter()
            .map(|n| {
                assert!(n.subscription_reference.is_some());
                let topic = n.topic.as_ref().unwrap().content.text().to_owned();
                (topic, n.message.any[0].read_as().unwrap())
            })
            .collect()
    }
}

/// A consumer that answers with `statuses` in turn and then with 202.
async fn consumer(statuses: &[u16]) -> (SocketAddr, mpsc::UnboundedReceiver<Got>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (tx, rx) = mpsc::unbounded_channel();
    let mut statuses: Vec<u16> = statuses.iter().rev().copied().collect();
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut bytes = Vec::new();
            let got = loop {
                let mut part = [0; 4096];
                let n = socket.read(&mut part).await.unwrap();
                assert!(n > 0, "the camera hangs up in the middle");
                bytes.extend_from_slice(&part[..n]);
                let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") else {
                    continue;
                };
                let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
                let length = head.split("content-length: ").nth(1).unwrap();
                let length: usize = length.lines().next().unwrap().trim().parse().unwrap();
                if bytes.len() == end + 4 + length {
                    break Got {
                        head,
                        body: bytes[end + 4..].to_vec(),
                    };
                }
            };
            let status = statuses.pop().unwrap_or(202);
            let challenge = match status {
                401 => "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\"\r\n",
                _ => "",
            };
            let answer = format!(
                "HTTP/1.1 {status} X\r\n{challenge}Content-Length: 0\r\nConnection: close\r\n\r\n"
            );
            socket.write_all(answer.as_bytes()).await.unwrap();
            tx.send(got).unwrap();
        }
    });
    (address, rx)
}

/// Calls as somebody on the unit itself: consumers on loopback are for them alone.
async fn call(bench: &Bench, path: &str, body: &str, peer: &str) -> Answer {
    call_as(bench, "admin", path, body, peer).await
}

async fn call_as(bench: &Bench, user: &str, path: &str, body: &str, peer: &str) -> Answer {
    let mut request = Bench::request(Method::POST, path);
    request.peer = Some(peer.parse().unwrap());
    let token = bench.token(user, platecam_model::testing::PASSWORD);
    bench.raw(request, envelope(&token, body)).await
}

fn subscription(to: &str, inner: &str) -> String {
    format!(
        "<wsnt:Subscribe><wsnt:ConsumerReference>\
         <wsa:Address xmlns:wsa=\"http://www.w3.org/2005/08/addressing\">{to}</wsa:Address>\
         </wsnt:ConsumerReference>{inner}</wsnt:Subscribe>"
    )
}

async fn subscribe(bench: &Bench, to: &str, inner: &str) -> (String, wsnt::SubscribeResponse) {
    let answer = call(bench, EVENTS, &subscription(to, inner), "127.0.0.1:40000").await;
    let response: wsnt::SubscribeResponse = answer.read();
    let path = response.subscription_reference.address.value.clone();
    let path = path.strip_prefix("http://192.0.2.10:8080").unwrap();
    (path.to_owned(), response)
}

const SIGNAL: &str = "<wsnt:Filter><wsnt:TopicExpression Dialect=\"http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet\">tns1:VideoSource/SignalLoss</wsnt:TopicExpression></wsnt:Filter>";

async fn running() -> Bench {
    let bench = Bench::new();
    let service = bench.service.clone();
    tokio::spawn(async move { service.run(std::future::pending()).await });
    tokio::task::yield_now().await;
    bench
}

fn lose(bench: &Bench, lost: bool) {
    let state = if lost {
        SourceState::Failed {
            reason: "gone".into(),
            retry_in_ms: 1000,
        }
    } else {
        SourceState::Running {
            width: 1920,
            height: 1080,
            millifps: 25_000,
        }
    };
    let now = bench.test.device.clock.now();
    bench.test.device.bus.publish(now, EventKind::Source(state));
}

async fn next(rx: &mut mpsc::UnboundedReceiver<Got>) -> Got {
    tokio::time::timeout(Duration::from_secs(30), rx.recv())
        .await
        .expect("a notification within half a minute")
        .unwrap()
}

fn state(message: &tt::Message) -> (String, String) {
    let operation = message.property_operation.as_ref().unwrap().to_string();
    let data = message.data.as_ref().unwrap();
    (operation, data.simple_item[0].value.clone())
}

/// EVENT-2-1-9, 2-1-17, 2-1-24: the state first, then changes, and the state again at a synchronisation
/// point, each at the consumer's own address with WS-Addressing.
#[tokio::test]
async fn a_consumer_is_told() {
    let bench = running().await;
    let (address, mut rx) = consumer(&[]).await;
    let to = format!("http://{address}/notify?me=1");
    let (path, response) = subscribe(&bench, &to, SIGNAL).await;
    assert!(response.termination_time > response.current_time);
    let first = next(&mut rx).await;
    assert!(
        first.head.starts_with("post /notify?me=1 http/1.1"),
        "{}",
        first.head
    );
    assert!(
        first.head.contains("application/soap+xml"),
        "{}",
        first.head
    );
    let text = String::from_utf8_lossy(&first.body).into_owned();
    for part in [
        "http://docs.oasis-open.org/wsn/bw-2/NotificationConsumer/Notify",
        to.as_str(),
        "urn:uuid:",
        path.as_str(),
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let notices = first.notices();
    assert_eq!(notices.len(), 1);
    assert_eq!(notices[0].0, "tns1:VideoSource/SignalLoss");
    assert_eq!(state(&notices[0].1), ("Initialized".into(), "false".into()));
    lose(&bench, true);
    let changed = next(&mut rx).await.notices();
    assert_eq!(state(&changed[0].1), ("Changed".into(), "true".into()));
    let sync = call(
        &bench,
        &path,
        "<tev:SetSynchronizationPoint/>",
        "127.0.0.1:1",
    )
    .await;
    assert_eq!(sync.status, 200);
    let again = next(&mut rx).await.notices();
    assert_eq!(state(&again[0].1), ("Initialized".into(), "true".into()));
}

/// RECOG-5: a plate goes to a consumer of base notifications as it goes to a pull point.
#[tokio::test]
async fn a_plate_is_told_to_a_consumer() {
    let bench = running().await;
    let (address, mut rx) = consumer(&[]).await;
    let filter = SIGNAL.replace(
        "tns1:VideoSource/SignalLoss",
        "tns1:RuleEngine/Recognition/LicensePlate",
    );
    subscribe(&bench, &format!("http://{address}/plates"), &filter).await;
    let record = new_record("ABC123", bench.test.device.clock.now());
    let read = PlateRead {
        track_id: record.track_id,
        plate_number: record.plate_number.clone(),
        likelihood: 0.5,
        chars: Vec::new(),
        country_code: None,
        issuing_entity: None,
        colors: record.colors,
        vehicle_type: record.vehicle_type,
        direction: record.direction,
        captured_at: record.captured_at,
        first_seen: record.captured_at,
        last_seen: record.captured_at,
        plate_rect: None,
        plate_quad: None,
        frame_size: record.frame_size,
        frames_seen: 3,
        frames_read: 3,
        speed_mps: None,
        test: false,
    };
    let (bus, at) = (&bench.test.device.bus, record.captured_at);
    bus.publish(at, EventKind::PlateRead(Arc::new(read)));
    let stored = bench.test.device.records.insert(record).unwrap();
    let picture = format!("/onvif/record/{}/full.jpg", stored.id.0);
    bus.publish(at, EventKind::RecordStored(Arc::new(stored)));
    let notices = next(&mut rx).await.notices();
    let [(topic, message)] = notices.as_slice() else {
        panic!("{notices:?}");
    };
    assert_eq!(topic, "tns1:RuleEngine/Recognition/LicensePlate");
    let data = message.data.as_ref().unwrap();
    let value = |name: &str| {
        let item = data.simple_item.iter().find(|i| i.name == name);
        item.map_or("", |i| i.value.as_str())
    };
    assert_eq!(value("Likelihood"), "0.5");
    assert!(value("VehicleImageURI").ends_with(&picture));
    let mut elements = data.element_item.iter();
    let plate = elements.find(|e| e.name == "LicensePlateInfo").unwrap();
    let info: tt::LicensePlateInfo = plate.any[0].read_as().unwrap();
    assert_eq!(info.plate_number.value, "ABC123");
}

/// What fails is sent again with everything behind it in order; what the consumer refuses is not.
#[tokio::test]
async fn a_failed_message_is_tried_again_and_a_refused_one_is_not() {
    let bench = running().await;
    let (address, mut rx) = consumer(&[503, 202, 400]).await;
    subscribe(&bench, &format!("http://{address}/"), SIGNAL).await;
    let failed = next(&mut rx).await;
    lose(&bench, true);
    let again = next(&mut rx).await;
    assert_eq!(failed.notices()[0].1, again.notices()[0].1);
    let refused = next(&mut rx).await.notices();
    assert_eq!(state(&refused[0].1).1, "true");
    lose(&bench, false);
    let after = next(&mut rx).await.notices();
    assert_eq!(
        state(&after[0].1).1,
        "false",
        "the refused one is not repeated"
    );
}

/// EVENT-2-1-12, 2-1-21, 2-1-22: renewals by duration and date; after Unsubscribe nothing is sent and the
/// reference is dead.
#[tokio::test]
async fn subscriptions_are_renewed_and_end() {
    let bench = running().await;
    let (address, mut rx) = consumer(&[]).await;
    let inner = format!("{SIGNAL}<wsnt:InitialTerminationTime>PT10S</wsnt:InitialTerminationTime>");
    let (path, _) = subscribe(&bench, &format!("http://{address}/"), &inner).await;
    next(&mut rx).await;
    let until = bench.test.device.clock.now() + Duration::from_secs(30);
    for time in ["PT10S".to_owned(), until.to_string()] {
        let body =
            format!("<wsnt:Renew><wsnt:TerminationTime>{time}</wsnt:TerminationTime></wsnt:Renew>");
        let renewed: wsnt::RenewResponse = call(&bench, &path, &body, "127.0.0.1:1").await.read();
        assert!(renewed.termination_time > renewed.current_time);
    }
    let pull = "<tev:PullMessages><tev:Timeout>PT1S</tev:Timeout><tev:MessageLimit>1</tev:MessageLimit></tev:PullMessages>";
    let pulled = call(&bench, &path, pull, "127.0.0.1:1").await;
    assert!(
        pulled.text().contains("UnableToGetMessagesFault"),
        "{}",
        pulled.text()
    );
    let end = "<wsnt:Unsubscribe/>";
    assert_eq!(call(&bench, &path, end, "127.0.0.1:1").await.status, 200);
    let dead = call(&bench, &path, end, "127.0.0.1:1").await;
    assert!(
        dead.text().contains("ResourceUnknownFault"),
        "{}",
        dead.text()
    );
    // Another consumer hears the next change; the first one does not.
    let (other, mut told) = consumer(&[]).await;
    subscribe(&bench, &format!("http://{other}/"), SIGNAL).await;
    lose(&bench, true);
    while state(&next(&mut told).await.notices().pop().unwrap().1).1 != "true" {}
    assert!(rx.try_recv().is_err());
}

/// SSRF: what a subscriber may not make the unit send to.
#[tokio::test]
async fn odd_consumers_are_refused() {
    let bench = running().await;
    let far = "192.0.2.99:40000";
    for (to, peer) in [
        ("ftp://192.0.2.1/", far),
        ("file:///etc/passwd", far),
        ("not an address", far),
        ("", far),
        ("http://user:password@192.0.2.1/", far),
        ("http://127.0.0.1:8080/", far),
        ("http://[::1]/", far),
        ("http://[::ffff:127.0.0.1]/", far),
        ("http://0.0.0.0/", "127.0.0.1:1"),
        ("http://224.0.0.1/", "127.0.0.1:1"),
        (&format!("http://192.0.2.1/{}", "x".repeat(2000)), far),
    ] {
        let answer = call(&bench, EVENTS, &subscription(to, ""), peer).await;
        assert!(
            answer.text().contains("SubscribeCreationFailedFault"),
            "{to}: {}",
            answer.text()
        );
    }
    // A name that leads to loopback is refused when it is resolved: nothing arrives.
    let (address, mut rx) = consumer(&[]).await;
    let to = format!("http://localhost:{}/", address.port());
    assert_eq!(
        call(&bench, EVENTS, &subscription(&to, SIGNAL), far)
            .await
            .status,
        200
    );
    // The same over loopback is allowed, and what arrives is its message, not the other's.
    let near = format!("http://localhost:{}/near", address.port());
    subscribe(&bench, &near, SIGNAL).await;
    let got = next(&mut rx).await;
    assert!(got.head.starts_with("post /near "), "{}", got.head);
    assert!(rx.try_recv().is_err());
}

/// DEVICE-4-1-10: the remote user is written, read back without its password and removed; a consumer that challenges
/// gets its proof, but only where an administrator subscribed: whom it is shown to is not for everybody to choose.
#[tokio::test]
async fn a_consumer_that_wants_a_login_gets_the_remote_user_s() {
    const DEVICE: &str = "/onvif/device_service";
    const NEAR: &str = "127.0.0.1:40000";
    let bench = running().await;
    let set = |inner: &str| format!("<tds:SetRemoteUser>{inner}</tds:SetRemoteUser>");
    let user = "<tds:RemoteUser><tt:Username>camera</tt:Username>{}<tt:UseDerivedPassword>false</tt:UseDerivedPassword></tds:RemoteUser>";
    let viewer = format!(
        "<tds:CreateUsers><tds:User><tt:Username>viewer</tt:Username><tt:Password>{}</tt:Password><tt:UserLevel>User</tt:UserLevel></tds:User></tds:CreateUsers>",
        platecam_model::testing::PASSWORD
    );
    let with = user.replace("{}", "<tt:Password>secret-1</tt:Password>");
    for body in [viewer, set(&with), set(&user.replace("{}", ""))] {
        let answer = call(&bench, DEVICE, &body, NEAR).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let read = call(&bench, DEVICE, "<tds:GetRemoteUser/>", NEAR).await;
    assert!(!read.text().contains("secret-1"), "{}", read.text());
    let read: tds::GetRemoteUserResponse = read.read();
    let read = read.remote_user.unwrap();
    assert_eq!(
        (
            read.username.as_str(),
            read.password,
            read.use_derived_password
        ),
        ("camera", None, false)
    );

    let (address, mut rx) = consumer(&[401]).await;
    subscribe(&bench, &format!("http://{address}/a?b=1"), SIGNAL).await;
    assert!(!next(&mut rx).await.head.contains("authorization:"));
    let signed = next(&mut rx).await;
    let part = |name: &str| {
        let (_, rest) = signed.head.split_once(&format!("{name}=")).unwrap();
        rest.trim_start_matches('"')
            .split(['"', ','])
            .next()
            .unwrap()
    };
    let hex = |text: String| {
        let digest = Md5::digest(text.as_bytes());
        digest
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect::<String>()
    };
    let ha1 = hex("camera:r:secret-1".into());
    let ha2 = hex("POST:/a?b=1".into());
    // `cnonce` is in lower case by itself.
    let wanted = hex(format!("{ha1}:n:00000001:{}:auth:{ha2}", part("cnonce")));
    assert_eq!((part("username"), part("response")), ("camera", &*wanted));
    assert_eq!(state(&signed.notices()[0].1).1, "false");

    let (address, mut rx) = consumer(&[401]).await;
    let wanted = subscription(&format!("http://{address}/"), SIGNAL);
    let answer = call_as(&bench, "viewer", EVENTS, &wanted, NEAR).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    for _ in 0..2 {
        let got = next(&mut rx).await;
        assert!(!got.head.contains("authorization:"), "{}", got.head);
    }

    let answer = call(&bench, DEVICE, &set(""), NEAR).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let read: tds::GetRemoteUserResponse = call(&bench, DEVICE, "<tds:GetRemoteUser/>", NEAR)
        .await
        .read();
    assert!(read.remote_user.is_none());
}

/// Push and pull have places of their own.
#[tokio::test]
async fn places_are_bounded() {
    let bench = running().await;
    // Nobody listens there: each waits for its end.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let to = format!("http://{}/", silent.local_addr().unwrap());
    let wanted = Arc::new(subscription(&to, SIGNAL));
    let mut last = 0;
    for _ in 0..17 {
        last = call(&bench, EVENTS, &wanted, "127.0.0.1:1").await.status;
    }
    assert_eq!(last, 500, "the seventeenth");
    let pull = bench
        .call(EVENTS, "<tev:CreatePullPointSubscription/>", ADMIN)
        .await;
    assert_eq!(pull.status, 200);
}
