//! Clock, zone, NTP servers and logs over ONVIF (SYS-8..15, LOG-2..4, AUTH-7).

mod common;

use common::{ADMIN, As, Bench};
use http::Method;
use onvif_contracts::{tds, tt};
use platecam_model::{
    Actor, Clock, LogKind, Secret, UserLevel,
    auth::NewUser,
    log::{NewLogEntry, Severity},
    ports::LogStore,
    settings::TimeSettings,
    testing::PASSWORD,
};

const DEVICE: &str = "/onvif/device_service";

fn set(kind: &str, dst: bool, zone: &str, utc: Option<[i32; 6]>) -> String {
    let utc = utc.map_or(String::new(), |[y, mo, d, h, mi, s]| {
        format!(
            "<tds:UTCDateTime><tt:Time><tt:Hour>{h}</tt:Hour><tt:Minute>{mi}</tt:Minute><tt:Second>{s}</tt:Second></tt:Time>\
             <tt:Date><tt:Year>{y}</tt:Year><tt:Month>{mo}</tt:Month><tt:Day>{d}</tt:Day></tt:Date></tds:UTCDateTime>"
        )
    });
    let zone = if zone.is_empty() {
        String::new()
    } else {
        format!("<tds:TimeZone><tt:TZ>{zone}</tt:TZ></tds:TimeZone>")
    };
    format!(
        "<tds:SetSystemDateAndTime><tds:DateTimeType>{kind}</tds:DateTimeType><tds:DaylightSavings>{dst}</tds:DaylightSavings>{zone}{utc}</tds:SetSystemDateAndTime>"
    )
}

async fn get(bench: &Bench) -> tt::SystemDateTime {
    let answer = bench
        .call(DEVICE, "<tds:GetSystemDateAndTime/>", As::Nobody)
        .await;
    answer
        .read::<tds::GetSystemDateAndTimeResponse>()
        .system_date_and_time
}

const EASTERN: &str = "EST5EDT,M3.2.0,M11.1.0";

#[tokio::test]
async fn what_is_set_is_told() {
    let bench = Bench::new();
    let summer = Some([2027, 7, 1, 16, 0, 0]);
    let done = bench
        .call(DEVICE, &set("Manual", true, EASTERN, summer), ADMIN)
        .await;
    assert_eq!(done.status, 200, "{}", done.text());
    assert_eq!(
        bench.test.clock.now().to_string(),
        "2027-07-01T16:00:00.000Z"
    );
    let told = get(&bench).await;
    assert_eq!(
        (told.date_time_type, told.daylight_savings),
        (tt::SetDateTimeType::Manual, true)
    );
    assert_eq!(told.time_zone.unwrap().tz, EASTERN);
    assert_eq!(told.utc_date_time.unwrap().time.hour, 16);
    assert_eq!(
        told.local_date_time.unwrap().time.hour,
        12,
        "DST is applied"
    );

    // The flag alone: the rule stays known and is not applied.
    bench
        .call(DEVICE, &set("Manual", false, "", summer), ADMIN)
        .await;
    let told = get(&bench).await;
    assert_eq!(
        (told.daylight_savings, told.time_zone.unwrap().tz.as_str()),
        (false, EASTERN)
    );
    assert_eq!(told.local_date_time.unwrap().time.hour, 11);

    let ntp = bench
        .call(
            DEVICE,
            &set("NTP", true, "CET-1CEST,M3.5.0,M10.5.0/3", None),
            ADMIN,
        )
        .await;
    assert_eq!(ntp.status, 200, "{}", ntp.text());
    let told = get(&bench).await;
    assert_eq!(told.date_time_type, tt::SetDateTimeType::Ntp);
    assert_eq!(told.time_zone.unwrap().tz, "CET-1CEST,M3.5.0,M10.5.0/3");
    assert!(bench.test.device.settings.get::<TimeSettings>().ntp_enabled);
    // The text stays as the client wrote it, with and without DST.
    let spelt = "CET-1CEST,M3.5.0/2,M10.5.0/3";
    for dst in [true, false] {
        let body = set("Manual", dst, spelt, summer);
        assert_eq!(bench.call(DEVICE, &body, ADMIN).await.status, 200);
        assert_eq!(get(&bench).await.time_zone.unwrap().tz, spelt);
    }
}

#[tokio::test]
async fn what_is_wrong_changes_nothing() {
    let bench = Bench::new();
    let good = Some([2027, 7, 1, 16, 0, 0]);
    let before = (get(&bench).await, bench.test.clock.now());
    for (body, fault) in [
        (
            set("Manual", true, "Europe/Berlin", good),
            &["Sender", "InvalidArgVal", "InvalidTimeZone"][..],
        ),
        (
            set("Manual", true, "UTC99", good),
            &["Sender", "InvalidArgVal", "InvalidTimeZone"],
        ),
        (
            set("Manual", true, EASTERN, Some([2027, 2, 29, 0, 0, 0])),
            &["Sender", "InvalidArgVal", "InvalidDateTime"],
        ),
        (
            set("Manual", true, EASTERN, Some([1999, 1, 1, 0, 0, 0])),
            &["Sender", "InvalidArgVal", "InvalidDateTime"],
        ),
        (
            set("Manual", true, EASTERN, Some([2027, -1, 1, 0, 0, 60])),
            &["Sender", "InvalidArgVal", "InvalidDateTime"],
        ),
        (
            set("Manual", true, EASTERN, None),
            &["Sender", "InvalidArgVal", "InvalidDateTime"],
        ),
        (
            set("Sundial", true, EASTERN, good),
            &["Sender", "InvalidArgVal"],
        ),
    ] {
        assert_eq!(
            bench.call(DEVICE, &body, ADMIN).await.fault(),
            fault,
            "{body}"
        );
    }
    bench.test.time.fix(true);
    let refused = bench
        .call(DEVICE, &set("Manual", true, EASTERN, good), ADMIN)
        .await;
    assert_eq!(
        refused.fault(),
        ["Receiver", "ActionNotSupported"],
        "the machine's clock is not ours"
    );
    assert_eq!((get(&bench).await, bench.test.clock.now()), before);
}

#[tokio::test]
async fn ntp_servers_are_set() {
    let bench = Bench::new();
    let host = |kind: &str, element: &str, text: &str| {
        format!(
            "<tds:NTPManual><tt:Type>{kind}</tt:Type><tt:{element}>{text}</tt:{element}></tds:NTPManual>"
        )
    };
    let body = |dhcp: bool, hosts: &str| {
        format!("<tds:SetNTP><tds:FromDHCP>{dhcp}</tds:FromDHCP>{hosts}</tds:SetNTP>")
    };
    let both = host("DNS", "DNSname", "ntp.example") + &host("IPv6", "IPv6Address", "2001:DB8::1");
    let done = bench.call(DEVICE, &body(false, &both), ADMIN).await;
    assert_eq!(done.status, 200, "{}", done.text());
    let s = bench.test.device.settings.get::<TimeSettings>();
    assert_eq!(
        s.ntp_servers().collect::<Vec<_>>(),
        ["ntp.example", "2001:db8::1"]
    );
    let told: tds::GetNTPResponse = bench.call(DEVICE, "<tds:GetNTP/>", ADMIN).await.read();
    let told = told.ntp_information.ntp_manual;
    assert_eq!(told[0].dn_sname.as_deref(), Some("ntp.example"));
    assert_eq!(told[1].ipv6_address.as_deref(), Some("2001:db8::1"));
    for (dhcp, hosts, subcode) in [
        (false, String::new(), Some("TimeSyncedToNtp")),
        (
            false,
            host("IPv4", "IPv4Address", "10.1.1"),
            Some("InvalidIPv4Address"),
        ),
        (
            false,
            host("IPv6", "IPv6Address", "FF:02"),
            Some("InvalidIPv6Address"),
        ),
        (false, host("DNS", "DNSname", "a b"), Some("InvalidDnsName")),
        (false, host("DNS", "DNSname", ""), Some("InvalidDnsName")),
        (
            false,
            host("DNS", "DNSname", "a.example").repeat(5),
            Some("InvalidDnsName"),
        ),
    ] {
        let fault = bench.call(DEVICE, &body(dhcp, &hosts), ADMIN).await.fault();
        let want: Vec<_> = ["Sender", "InvalidArgVal"]
            .into_iter()
            .chain(subcode)
            .collect();
        assert_eq!(fault, want, "{hosts}");
    }
    // DEVICE-2-1-14: from DHCP, and back.
    let done = bench.call(DEVICE, &body(true, ""), ADMIN).await;
    assert_eq!(done.status, 200, "{}", done.text());
    let told: tds::GetNTPResponse = bench.call(DEVICE, "<tds:GetNTP/>", ADMIN).await.read();
    let told = told.ntp_information;
    assert!(told.from_dhcp && told.ntp_manual.is_empty(), "{told:?}");
    assert!(told.ntp_from_dhcp.is_empty(), "nobody gave an address");
    let lease = serde_json::json!({"managed": true});
    let settings = &bench.test.device.settings;
    settings
        .patch("net.ip", &lease, None, &Actor::system())
        .unwrap();
    bench.test.device.serve_network();
    let told: tds::GetNTPResponse = bench.call(DEVICE, "<tds:GetNTP/>", ADMIN).await.read();
    let given = &told.ntp_information.ntp_from_dhcp;
    assert_eq!(given[0].ipv4_address.as_deref(), Some("192.0.2.1"));
    let done = bench.call(DEVICE, &body(false, &both), ADMIN).await;
    assert_eq!(done.status, 200, "{}", done.text());
    let told: tds::GetNTPResponse = bench.call(DEVICE, "<tds:GetNTP/>", ADMIN).await.read();
    assert!(!told.ntp_information.from_dhcp);
}

/// LOG-2, AUTH-7: both logs, inline and for download; only for who may read them.
#[tokio::test]
async fn logs_are_given_to_who_may_read_them() {
    let bench = Bench::new();
    let by = Actor {
        user: Some("<admin&>".into()),
        ..Actor::system()
    };
    let now = bench.test.clock.now();
    let new = [
        (LogKind::Login, "Logged in."),
        (LogKind::SaveConfig, "Saved.\u{FFFF}"),
    ];
    let new = new.map(|(kind, text)| NewLogEntry::new(now, kind, Severity::Info, &by, text));
    bench.test.log.append(new.to_vec()).unwrap();
    let guard = NewUser::new("guard", Secret::new(PASSWORD), UserLevel::Operator);
    bench
        .test
        .device
        .accounts
        .create(vec![guard], &Actor::system())
        .unwrap();
    for (kind, has, lacks) in [
        ("Access", "Logged in.", "Saved."),
        ("System", "Saved.", "Logged in."),
    ] {
        let body =
            format!("<tds:GetSystemLog><tds:LogType>{kind}</tds:LogType></tds:GetSystemLog>");
        let log: tds::GetSystemLogResponse = bench.call(DEVICE, &body, ADMIN).await.read();
        let text = log.system_log.string.unwrap();
        assert!(
            text.contains(has) && !text.contains(lacks) && text.contains("<admin&>"),
            "{text}"
        );
        let refused = bench
            .call(DEVICE, &body, As::Token("guard", PASSWORD))
            .await;
        assert_eq!(refused.fault(), ["Sender", "NotAuthorized"]);

        let uris: tds::GetSystemUrisResponse = bench
            .call(DEVICE, "<tds:GetSystemUris/>", ADMIN)
            .await
            .read();
        let all = uris.system_log_uris.unwrap().system_log;
        let uri = &all.iter().find(|u| u.r#type.as_str() == kind).unwrap().uri;
        let path = uri.strip_prefix("http://192.0.2.10:8080").unwrap();
        let first = bench.raw(Bench::request(Method::GET, path), "").await;
        assert_eq!(first.status, 401);
        for (user, status) in [("admin", 200), ("guard", 403)] {
            let mut request = Bench::request(Method::GET, path);
            bench.sign(&mut request, &first, user, PASSWORD);
            let answer = bench.raw(request, "").await;
            assert_eq!(answer.status, status, "{user}");
            assert_eq!(answer.text().contains(has), status == 200);
        }
    }
    // READ_SYSTEM lets every user ask; who may not download is told no address (access classes, Core §5.9.4.3).
    let guard = As::Token("guard", PASSWORD);
    let uris = bench.call(DEVICE, "<tds:GetSystemUris/>", guard).await;
    let uris: tds::GetSystemUrisResponse = uris.read();
    assert_eq!(uris, tds::GetSystemUrisResponse::default());
    let body = "<tds:GetSystemLog><tds:LogType>Flight</tds:LogType></tds:GetSystemLog>";
    assert_eq!(
        bench.call(DEVICE, body, ADMIN).await.fault()[..2],
        ["Sender", "InvalidArgs"]
    );
}
