//! Device service beyond users, time and logs: backup and restore, place.

mod common;

use common::{ADMIN, Answer, As, Bench, PORTS};
use http::Method;
use onvif_contracts::tds;
use platecam_model::{
    Actor, EventKind,
    settings::{DeviceGeneral, GeoLocation},
    testing::PASSWORD,
};
use platecam_onvif::{ReplacedPorts, ServicePorts};

const DEVICE: &str = "/onvif/device_service";

async fn fetch(bench: &Bench, uri: &str) -> Answer {
    let base = format!("http://192.0.2.10:{}", PORTS.http.unwrap());
    let mut request = Bench::request(Method::GET, uri.strip_prefix(&base).unwrap());
    let first = bench.raw(request.clone(), "").await;
    assert_eq!(first.status, 401, "a backup needs credentials");
    bench.sign(&mut request, &first, "admin", PASSWORD);
    bench.raw(request, "").await
}

async fn upload_path(bench: &Bench) -> String {
    let started = bench.call(DEVICE, "<tds:StartSystemRestore/>", ADMIN).await;
    let started: tds::StartSystemRestoreResponse = started.read();
    let (_, path) = started.upload_uri.split_once(":8080").unwrap();
    path.to_owned()
}

fn rename(bench: &Bench, name: &str) {
    let change = |s: &mut DeviceGeneral| s.name = name.into();
    let settings = &bench.test.device.settings;
    settings.update(&Actor::system(), change).unwrap();
}

fn name(bench: &Bench) -> String {
    bench
        .test
        .device
        .settings
        .get::<DeviceGeneral>()
        .name
        .clone()
}

/// DEVICE-3-1-13..15: what was backed up comes back, and the unit restarts with it.
#[tokio::test]
async fn a_backup_is_restored() {
    let bench = Bench::new();
    rename(&bench, "before");
    let uris = bench.call(DEVICE, "<tds:GetSystemUris/>", ADMIN).await;
    let uris: tds::GetSystemUrisResponse = uris.read();
    let backup = fetch(&bench, &uris.system_backup_uri.unwrap()).await;
    assert_eq!(backup.status, 200);
    assert_eq!(backup.headers["content-type"], "application/json");
    rename(&bench, "after");
    let mut events = bench.test.device.bus.subscribe();
    let path = upload_path(&bench).await;
    let done = bench.service.restore(&path, &backup.body);
    assert_eq!(done.status(), 200, "{:?}", done.body());
    assert_eq!(name(&bench), "before");
    let mut told = std::iter::from_fn(|| events.try_recv().ok());
    assert!(told.any(|e| matches!(&e.kind, EventKind::RestartWanted { .. })));
    let again = bench.service.restore(&path, &backup.body);
    assert_eq!(again.status(), 403, "an address is good once");
}

#[tokio::test]
async fn what_is_no_backup_changes_nothing() {
    let bench = Bench::new();
    rename(&bench, "before");
    let other = bench
        .test
        .device
        .export_config(&Actor::system(), None, None);
    let other = String::from_utf8(other.unwrap()).unwrap();
    let changed = other.replace("before", "forged");
    let mut events = bench.test.device.bus.subscribe();
    for (file, status) in [
        (b"\x00\xff random".as_slice(), 415),
        (b"{}", 415),
        (changed.as_bytes(), 415),
        (&vec![b' '; platecam_model::config::MAX_CONFIG + 1], 415),
    ] {
        let path = upload_path(&bench).await;
        assert_eq!(bench.service.restore(&path, file).status(), status);
        assert_eq!(name(&bench), "before");
    }
    let no_ticket = bench.service.restore("/onvif/restore/", other.as_bytes());
    assert_eq!(no_ticket.status(), 403);
    let mut told = std::iter::from_fn(|| events.try_recv().ok());
    assert!(!told.any(|e| matches!(&e.kind, EventKind::RestartWanted { .. })));
    let nobody = bench.call(DEVICE, "<tds:StartSystemRestore/>", As::Nobody);
    assert_eq!(nobody.await.status, 401);
}

async fn place(bench: &Bench) -> tds::GetGeoLocationResponse {
    let answer = bench.call(DEVICE, "<tds:GetGeoLocation/>", ADMIN).await;
    answer.read()
}

fn set(entry: &str) -> String {
    format!("<tds:SetGeoLocation>{entry}</tds:SetGeoLocation>")
}

#[tokio::test]
async fn the_place_is_set_told_and_deleted() {
    let bench = Bench::new();
    assert!(
        place(&bench).await.location.is_empty(),
        "not known at first"
    );
    let entry = r#"<tds:Location Entity="Device"><tt:GeoLocation lon="-122.25" lat="37.5" elevation="12.5"/></tds:Location>"#;
    let done = bench.call(DEVICE, &set(entry), ADMIN).await;
    assert_eq!(done.status, 200, "{}", done.text());
    let told = place(&bench).await;
    let [one] = told.location.as_slice() else {
        panic!("{told:?}")
    };
    let at = one.geo_location.as_ref().unwrap();
    assert_eq!(
        (at.lon, at.lat, at.elevation),
        (Some(-122.25), Some(37.5), Some(12.5))
    );
    let stored = bench.test.device.settings.get::<GeoLocation>();
    assert!(stored.known && (stored.latitude - 37.5).abs() < 1e-9);
    for wrong in [
        "",
        r#"<tds:Location><tt:GeoLocation lon="181" lat="0"/></tds:Location>"#,
        r#"<tds:Location><tt:GeoLocation lon="0" lat="-90.5"/></tds:Location>"#,
        r#"<tds:Location><tt:GeoLocation lon="NaN" lat="0"/></tds:Location>"#,
        r#"<tds:Location><tt:GeoLocation lon="0"/></tds:Location>"#,
        r"<tds:Location/>",
        r#"<tds:Location Entity="VideoSource" Token="x"><tt:GeoLocation lon="0" lat="0"/></tds:Location>"#,
        r#"<tds:Location AutoGeo="true"><tt:GeoLocation lon="0" lat="0"/></tds:Location>"#,
        r#"<tds:Location><tt:GeoLocation lon="0" lat="0"/><tt:GeoOrientation yaw="1"/></tds:Location>"#,
        &entry.repeat(2),
    ] {
        let fault = bench.call(DEVICE, &set(wrong), ADMIN).await.fault();
        assert_eq!(fault[0], "Sender", "{wrong}");
        assert_eq!(place(&bench).await, told, "{wrong}");
    }
    let gone = format!("<tds:DeleteGeoLocation>{entry}</tds:DeleteGeoLocation>");
    assert_eq!(bench.call(DEVICE, &gone, ADMIN).await.status, 200);
    assert!(place(&bench).await.location.is_empty());
}

/// SYS-35: a port of the command line is told as it is in use, over a changed switch and a lost listener, until another one
/// is set.
#[tokio::test]
async fn the_ports_told_are_those_in_use() {
    let bench = Bench::new();
    let told = async || -> Vec<i32> {
        let answer = bench
            .call(DEVICE, "<tds:GetNetworkProtocols/>", ADMIN)
            .await;
        let all: tds::GetNetworkProtocolsResponse = answer.read();
        let rows = all.network_protocols.into_iter();
        rows.flat_map(|row| row.port).collect()
    };
    assert_eq!(told().await, [8080, 8443, 8554]);
    bench.service.set_ports(ServicePorts {
        redirect: true,
        rtsp: 0,
        ..PORTS
    });
    assert_eq!(told().await, [8080, 8443, 554]);
    bench.service.set_ports(PORTS);
    let set = "<tds:SetNetworkProtocols><tds:NetworkProtocols><tt:Name>RTSP</tt:Name><tt:Enabled>true</tt:Enabled><tt:Port>10554</tt:Port></tds:NetworkProtocols></tds:SetNetworkProtocols>";
    assert_eq!(bench.call(DEVICE, set, ADMIN).await.status, 200);
    assert_eq!(told().await, [8080, 8443, 10554]);
    // Stored ports that are followed are told at once, before the listeners are there.
    bench.service.set_ports(ServicePorts {
        replaced: ReplacedPorts::default(),
        ..PORTS
    });
    assert_eq!(told().await, [80, 443, 10554]);
}
