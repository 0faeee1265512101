//! ONVIF's own switches (SYS-31, SYS-34, ONVIF-1..3) and the address filter (SEC-12).

mod common;

use std::time::Duration;

use common::{ADMIN, As, Bench};
use http::Method;
use onvif_contracts::{port::AccessClass, tds, tt};
use platecam_model::{Actor, settings::AccessFilter, testing::PASSWORD};
use platecam_onvif::discovery;
use serde_json::{Value, json};

const DEVICE: &str = "/onvif/device_service";

fn set(bench: &Bench, key: &str, value: Value) {
    let settings = &bench.test.device.settings;
    settings.patch(key, &value, None, &Actor::system()).unwrap();
}

/// SYS-34: everything below `/onvif/` is gone, and comes back.
#[tokio::test]
async fn switched_off_nothing_answers() {
    let bench = Bench::new();
    let time = || bench.call(DEVICE, "<tds:GetSystemDateAndTime/>", As::Nobody);
    assert_eq!(time().await.status, 200);
    let ticket = "<tds:StartFirmwareUpgrade/>";
    bench.call(DEVICE, ticket, ADMIN).await;
    set(&bench, "onvif", json!({"enabled": false}));
    assert_eq!(time().await.status, 404);
    let snapshot = Bench::request(Method::GET, "/onvif/snapshot/profile_main");
    assert_eq!(bench.raw(snapshot, "").await.status, 404);
    assert!(bench.service.firmware_upload("/onvif/firmware/x").is_none());
    set(&bench, "onvif", json!({"enabled": true}));
    assert_eq!(time().await.status, 200);
}

/// SYS-34: who waits at a pull point is answered when ONVIF is switched off.
#[tokio::test]
async fn waiting_pull_points_end() {
    let bench = Bench::new();
    let (_stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = {
        let service = bench.service.clone();
        tokio::spawn(async move {
            service
                .run(async {
                    let _ = stopped.await;
                })
                .await;
        })
    };
    let made = bench
        .call(
            "/onvif/event_service",
            "<tev:CreatePullPointSubscription/>",
            ADMIN,
        )
        .await;
    let text = made.text();
    let path = text.split("192.0.2.10:8080").nth(1).unwrap();
    let path = path.split('<').next().unwrap().to_owned();
    let pull = "<tev:PullMessages><tev:Timeout>PT10M</tev:Timeout><tev:MessageLimit>10</tev:MessageLimit></tev:PullMessages>";
    // The states of now come at once; the next one waits.
    assert_eq!(bench.call(&path, pull, ADMIN).await.status, 200);
    let waiting = bench.call(&path, pull, ADMIN);
    let off = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        set(&bench, "onvif", json!({"enabled": false}));
    };
    let both = async { tokio::join!(waiting, off).0 };
    tokio::time::timeout(Duration::from_secs(60), both)
        .await
        .expect("it is answered long before its ten minutes");
    running.abort();
}

/// ONVIF-2, ONVIF-3, C-60: without login everybody reads and watches, and does nothing else.
#[tokio::test]
async fn without_login_verification_reading_is_open_and_nothing_else() {
    let bench = Bench::new();
    set(&bench, "onvif", json!({"login_verification": false}));
    for (_, op) in platecam_onvif::operations() {
        let body = format!("<x:{0} xmlns:x=\"{1}\"/>", op.element, op.ns.uri());
        if op.waits {
            continue;
        }
        let answer = bench.call(DEVICE, &body, As::Nobody).await;
        let open = matches!(
            op.access,
            AccessClass::PreAuth | AccessClass::ReadSystem | AccessClass::ReadMedia
        );
        assert_eq!(
            answer.status == 401,
            !open,
            "{}: {}",
            op.name,
            answer.text()
        );
    }
    let snapshot = |path: &str| bench.raw(Bench::request(Method::GET, path), "");
    assert_eq!(snapshot("/onvif/snapshot/profile_main").await.status, 200);
    for closed in [
        "/onvif/record/1/full.jpg",
        "/onvif/log/system.txt",
        "/onvif/support.zip",
    ] {
        assert_eq!(
            bench
                .raw(Bench::request(Method::GET, closed), "")
                .await
                .status,
            401
        );
    }
    // Who says a name has to prove it.
    let wrong = bench
        .call(DEVICE, "<tds:GetScopes/>", As::Token("admin", "Wrong-1234"))
        .await;
    assert_eq!(wrong.status, 400);
    let set_name = "<tds:SetDiscoveryMode><tds:DiscoveryMode>Discoverable</tds:DiscoveryMode></tds:SetDiscoveryMode>";
    assert_eq!(
        bench
            .call(DEVICE, set_name, As::Digest("admin", PASSWORD))
            .await
            .status,
        200
    );
    set(&bench, "onvif", json!({"login_verification": true}));
    assert_eq!(
        bench
            .call(DEVICE, "<tds:GetScopes/>", As::Nobody)
            .await
            .status,
        401
    );
}

/// SYS-31, SYS-34: silent means that nobody listens.
#[tokio::test]
async fn discovery_closes_its_sockets_and_opens_them_again() {
    let bench = Bench::new();
    let free = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let config = discovery::DiscoveryConfig {
        port,
        max_delay: Duration::ZERO,
    };
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let task = tokio::spawn(discovery::run(bench.service.clone(), config, async {
        let _ = stopped.await;
    }));
    // Without sharing, the port can be had only while nobody listens on it.
    let listens = || std::net::UdpSocket::bind(("0.0.0.0", port)).is_err();
    let until = |wanted: bool| async move {
        let end = tokio::time::Instant::now() + Duration::from_secs(60);
        while listens() != wanted {
            assert!(tokio::time::Instant::now() < end, "listens: {wanted}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    until(true).await;
    for (key, off, on) in [
        ("enabled", json!(false), json!(true)),
        ("discovery", json!("NonDiscoverable"), json!("Discoverable")),
    ] {
        set(&bench, "onvif", json!({ key: off }));
        until(false).await;
        set(&bench, "onvif", json!({ key: on }));
        until(true).await;
    }
    stop.send(()).unwrap();
    task.await.unwrap();
}

/// SEC-12 and DEVICE-7-1-1..4 of the device test tool: each change is read back; Add and Remove ignore the type.
#[tokio::test]
async fn the_address_filter_is_the_setting_of_the_web() {
    let bench = Bench::new();
    let filter = |verb: &str, kind: &str, addresses: &[(&str, i32)]| {
        let rows: String = addresses
            .iter()
            .map(|(a, n)| {
                let family = if a.contains(':') { "IPv6" } else { "IPv4" };
                format!("<tt:{family}Address><tt:Address>{a}</tt:Address><tt:PrefixLength>{n}</tt:PrefixLength></tt:{family}Address>")
            })
            .collect();
        format!(
            "<tds:{verb}IPAddressFilter><tds:IPAddressFilter><tt:Type>{kind}</tt:Type>{rows}</tds:IPAddressFilter></tds:{verb}IPAddressFilter>"
        )
    };
    let get = || async {
        let got = bench
            .call(DEVICE, "<tds:GetIPAddressFilter/>", ADMIN)
            .await
            .read::<tds::GetIPAddressFilterResponse>()
            .ip_address_filter;
        let v4 = got
            .ipv4_address
            .into_iter()
            .map(|p| (p.address, p.prefix_length));
        let v6 = got
            .ipv6_address
            .into_iter()
            .map(|p| (p.address, p.prefix_length));
        (got.r#type, v4.chain(v6).collect::<Vec<_>>())
    };
    let own = |all: &[(&str, i32)]| {
        all.iter()
            .map(|(a, n)| ((*a).to_owned(), *n))
            .collect::<Vec<_>>()
    };
    let deny = tt::IPAddressFilterType::Deny;
    assert_eq!(get().await, (deny.clone(), vec![]));
    for (body, want) in [
        (filter("Set", "Deny", &[]), vec![]),
        (
            filter("Set", "Deny", &[("198.51.100.7", 24)]),
            own(&[("198.51.100.7", 24)]),
        ),
        (
            filter("Add", "Allow", &[("203.0.113.9", 32), ("2001:db8::", 32)]),
            own(&[
                ("198.51.100.7", 24),
                ("203.0.113.9", 32),
                ("2001:db8::", 32),
            ]),
        ),
        (
            filter("Add", "Allow", &[("203.0.113.9", 32)]),
            own(&[
                ("198.51.100.7", 24),
                ("203.0.113.9", 32),
                ("2001:db8::", 32),
            ]),
        ),
        (
            filter(
                "Remove",
                "Allow",
                &[("198.51.100.7", 24), ("2001:db8::", 32)],
            ),
            own(&[("203.0.113.9", 32)]),
        ),
    ] {
        let answer = bench.call(DEVICE, &body, ADMIN).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(get().await, (deny.clone(), want));
    }
    let many: Vec<_> = (0..=AccessFilter::MAX)
        .map(|n| (format!("10.0.{}.{}", n / 256, n % 256), 32))
        .collect();
    let many: Vec<_> = many.iter().map(|(a, n)| (a.as_str(), *n)).collect();
    for (body, subcode) in [
        (
            filter("Add", "Deny", &[("198.51.100.300", 24)]),
            "InvalidIPv4Address",
        ),
        (
            filter("Add", "Deny", &[("198.51.100.1", 33)]),
            "InvalidIPv4Address",
        ),
        (
            filter("Set", "Deny", &[("2001:db8::1", -1)]),
            "InvalidIPv6Address",
        ),
        (
            filter("Remove", "Deny", &[("198.51.100.7", 24)]),
            "NoIPv4Address",
        ),
        (
            filter("Remove", "Deny", &[("2001:db8::", 32)]),
            "NoIPv6Address",
        ),
        (filter("Add", "Deny", &many), "IPFilterListIsFull"),
    ] {
        let answer = bench.call(DEVICE, &body, ADMIN).await;
        assert_eq!(answer.fault(), ["Sender", "InvalidArgVal", subcode]);
    }
    // The caller is 192.0.2.99: it does not lock itself out.
    for body in [
        filter("Set", "Allow", &[("198.51.100.0", 24)]),
        filter("Add", "Deny", &[("192.0.2.0", 24)]),
        filter("Set", "Maybe", &[]),
    ] {
        let answer = bench.call(DEVICE, &body, ADMIN).await;
        assert_eq!(
            answer.fault(),
            ["Sender", "InvalidArgVal"],
            "{}",
            answer.text()
        );
    }
    assert_eq!(get().await, (deny, own(&[("203.0.113.9", 32)])));
    let allow = filter("Set", "Allow", &[("192.0.2.0", 24)]);
    assert_eq!(bench.call(DEVICE, &allow, ADMIN).await.status, 200);
    let stored = bench.test.device.settings.get::<AccessFilter>();
    assert!(!stored.admits("198.51.100.1".parse().unwrap()));
}

/// What is in a contract and not served here answers that it is not supported, whatever the request holds, and only to
/// whom its access class lets in; the services of other contracts as well. None of them is announced.
#[tokio::test]
async fn what_is_not_served_is_not_supported() {
    let bench = Bench::new();
    let served = platecam_onvif::served();
    let is_served = |op: &onvif_contracts::port::Operation| {
        served.iter().any(|s| (s.ns, s.name) == (op.ns, op.name))
    };
    let listed = bench
        .call("/onvif/device_service", "<tds:GetServices><tds:IncludeCapability>false</tds:IncludeCapability></tds:GetServices>", As::Nobody)
        .await;
    let mut asked = 0;
    for (port, operations) in onvif_contracts::ports::ALL {
        // An upgrade within SOAP is refused with a reason of its own.
        let other = |op: &&onvif_contracts::port::Operation| {
            !is_served(op) && op.name != "UpgradeSystemFirmware"
        };
        for op in operations.iter().filter(other) {
            let body = format!(
                "<x:{} xmlns:x=\"{}\"><x:Own/></x:{0}>",
                op.element,
                op.ns.uri()
            );
            let answer = bench.call("/onvif/device_service", &body, ADMIN).await;
            assert_eq!(
                answer.fault(),
                ["Receiver", "ActionNotSupported"],
                "{port} {}: {}",
                op.name,
                answer.text()
            );
            asked += 1;
        }
        let ours = operations.iter().any(is_served);
        let own = operations.first().map(|op| op.ns.uri()).unwrap_or_default();
        let announced = listed.text().contains(&format!("<tds:Namespace>{own}<"));
        // One port type of several makes a service.
        assert!(
            !announced || ours || own.contains("advancedsecurity"),
            "{port} is announced"
        );
    }
    assert!(asked > 200, "{asked} operations");
}
