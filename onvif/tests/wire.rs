//! What clients really send: envelopes, prefixes, encodings, addresses (interop traps 2 and 8).

mod common;

use common::{ADMIN, As, Bench, PORTS, envelope};
use http::Method;
use onvif_contracts::{tds, tr2, trt};
use platecam_onvif::{MAX_BODY, discovery, stream_target};

const DEVICE: &str = "/onvif/device_service";

#[tokio::test]
async fn odd_but_legal_requests_are_answered() {
    let bench = Bench::new();
    let body = "<tds:GetSystemDateAndTime/>";
    let plain = envelope("", body);
    let utf16: Vec<u8> = std::iter::once(0xFEFF)
        .chain(
            plain
                .replace("encoding=\"UTF-8\"", "encoding=\"UTF-16\"")
                .encode_utf16(),
        )
        .flat_map(u16::to_le_bytes)
        .collect();
    for request in [
        plain.clone().into_bytes(),
        format!("\u{FEFF}{plain}").into_bytes(),
        utf16,
        plain.replace('"', "'").into_bytes(),
        plain.replace("tds:", "a0.b-c_:").replace("xmlns:tds", "xmlns:a0.b-c_").into_bytes(),
        // WS-Addressing that must be understood (.NET), and a comment.
        envelope(
            "<!-- x --><w:Action xmlns:w=\"http://www.w3.org/2005/08/addressing\" s:mustUnderstand=\"1\">http://www.onvif.org/ver10/device/wsdl/GetSystemDateAndTime</w:Action><w:To xmlns:w=\"http://www.w3.org/2005/08/addressing\" s:mustUnderstand=\"true\">x</w:To>",
            body,
        )
        .into_bytes(),
        b"<Envelope xmlns='http://www.w3.org/2003/05/soap-envelope'><Body><GetSystemDateAndTime xmlns='http://www.onvif.org/ver10/device/wsdl'/></Body></Envelope>".to_vec(),
    ] {
        let answer = bench.raw(Bench::request(Method::POST, DEVICE), request.clone()).await;
        assert_eq!(answer.status, 200, "{}: {}", String::from_utf8_lossy(&request), answer.text());
        assert!(answer.headers["content-type"].to_str().unwrap().starts_with("application/soap+xml"));
    }
    let soap11 = plain.replace(
        "http://www.w3.org/2003/05/soap-envelope",
        "http://schemas.xmlsoap.org/soap/envelope/",
    );
    let answer = bench
        .raw(Bench::request(Method::POST, "/onvif/anything"), soap11)
        .await;
    assert_eq!(answer.status, 200);
    assert!(
        answer.headers["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/xml")
    );
    assert!(
        answer
            .text()
            .contains("http://schemas.xmlsoap.org/soap/envelope/")
    );
}

#[tokio::test]
async fn hostile_requests_are_refused() {
    let bench = Bench::new();
    let deep = format!("{}{}", "<a>".repeat(5000), "</a>".repeat(5000));
    for (request, status) in [
        (" ".into(), 400),
        ("not xml".into(), 400),
        ("<a/>".into(), 400),
        ("<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>".into(), 400),
        (envelope("", ""), 500),
        (envelope("", &deep), 500),
        (envelope("", "<tds:GetServices>"), 400),
        (envelope("", "<tds:GetServices/>"), 400),
        (
            envelope(
                "",
                "<tds:GetServices><tds:IncludeCapability>maybe</tds:IncludeCapability></tds:GetServices>",
            ),
            400,
        ),
        (envelope("", "<tds:NoSuchOperation/>"), 500),
        (
            envelope(
                "<x:Must xmlns:x=\"urn:x\" s:mustUnderstand=\"1\"/>",
                "<tds:GetSystemDateAndTime/>",
            ),
            500,
        ),
        ("x".repeat(MAX_BODY + 1), 413),
    ] {
        let answer = bench
            .raw(Bench::request(Method::POST, DEVICE), request.clone())
            .await;
        let start: String = request.chars().take(200).collect();
        assert_eq!(answer.status, status, "{start}: {}", answer.text());
    }
    let other =
        "<e:Envelope xmlns:e=\"http://www.w3.org/2001/12/soap-envelope\"><e:Body/></e:Envelope>";
    let answer = bench.raw(Bench::request(Method::POST, DEVICE), other).await;
    assert_eq!(
        (answer.status, answer.fault()),
        (500, vec!["VersionMismatch".into()])
    );
}

/// curl 7.88 with `--digest` asks with an empty body first.
#[tokio::test]
async fn an_empty_request_is_challenged() {
    let bench = Bench::new();
    let mut request = Bench::request(Method::POST, DEVICE);
    let first = bench.raw(request.clone(), "").await;
    assert_eq!(first.status, 401);
    bench.sign(
        &mut request,
        &first,
        "admin",
        platecam_model::testing::PASSWORD,
    );
    let users = bench.raw(request, envelope("", "<tds:GetUsers/>")).await;
    assert_eq!(users.status, 200, "{}", users.text());
}

/// Interop trap 2, DEVICE-1-1-31: every address is on the host, port and scheme that the client used.
#[tokio::test]
async fn addresses_are_those_of_the_client() {
    let bench = Bench::new();
    let services = envelope(
        "",
        "<tds:GetServices><tds:IncludeCapability>true</tds:IncludeCapability></tds:GetServices>",
    );
    for (host, tls, start) in [
        ("cam.example:8080", false, "http://cam.example:8080/onvif/"),
        ("cam.example", false, "http://cam.example/onvif/"),
        (
            "[2001:db8::1]:8443",
            true,
            "https://[2001:db8::1]:8443/onvif/",
        ),
        ("127.0.0.1:8080", false, "http://192.0.2.10:8080/onvif/"),
    ] {
        let mut request = Bench::request(Method::POST, DEVICE);
        request.tls = tls;
        request.headers.insert("host", host.parse().unwrap());
        let answer = bench.raw(request, services.clone()).await;
        let response: tds::GetServicesResponse = answer.read();
        assert!(response.service.len() >= 4);
        for service in response.service {
            assert!(service.x_addr.starts_with(start), "{}", service.x_addr);
            assert!(service.capabilities.is_some());
        }
    }
}

/// node-onvif asks for each transport of each profile; ZoneMinder for misspelt ones.
#[tokio::test]
async fn every_profile_has_stream_and_snapshot_addresses() {
    let bench = Bench::new();
    let profiles = bench.call(DEVICE, "<trt:GetProfiles/>", ADMIN).await;
    let profiles: trt::GetProfilesResponse = profiles.read();
    let kinds = "<tr2:Type>All</tr2:Type>";
    let second = bench
        .call(
            DEVICE,
            &format!("<tr2:GetProfiles>{kinds}</tr2:GetProfiles>"),
            ADMIN,
        )
        .await;
    let second: tr2::GetProfilesResponse = second.read();
    let tokens: Vec<_> = profiles.profiles.iter().map(|p| p.token.clone()).collect();
    assert_eq!(
        tokens,
        second
            .profiles
            .iter()
            .map(|p| p.token.clone())
            .collect::<Vec<_>>()
    );
    for token in &tokens {
        for protocol in ["UDP", "HTTP", "RTSP"] {
            let body = format!(
                "<trt:GetStreamUri><trt:StreamSetup><tt:Stream>RTP-Unicast</tt:Stream><tt:Transport><tt:Protocol>{protocol}</tt:Protocol></tt:Transport></trt:StreamSetup><trt:ProfileToken>{token}</trt:ProfileToken></trt:GetStreamUri>"
            );
            let uri: trt::GetStreamUriResponse = bench.call(DEVICE, &body, ADMIN).await.read();
            let uri = uri.media_uri.uri;
            // The tunnel is on the port of the web service.
            let base = match protocol {
                "HTTP" => "http://192.0.2.10:8080".to_owned(),
                _ => format!("rtsp://192.0.2.10:{}", PORTS.rtsp),
            };
            let path = uri.strip_prefix(&base).expect(&uri);
            assert!(stream_target(path).is_some(), "{uri}");
            assert!(uri.len() <= 128);
        }
        for stream in ["RTP_multicast", "RTP_unicast", "RTP-unicast"] {
            let body = format!(
                "<trt:GetStreamUri><trt:StreamSetup><tt:Stream>{stream}</tt:Stream><tt:Transport><tt:Protocol>UDP</tt:Protocol></tt:Transport></trt:StreamSetup><trt:ProfileToken>{token}</trt:ProfileToken></trt:GetStreamUri>"
            );
            let refused = bench.call(DEVICE, &body, ADMIN).await;
            assert_eq!(
                refused.fault(),
                ["Sender", "InvalidArgVal", "InvalidStreamSetup"]
            );
        }
        for (protocol, ok) in [
            ("RtspUnicast", true),
            ("RTSP", true),
            ("RtspOverHttp", true),
            ("RtspMulticast", true),
            ("RtspsUnicast", false),
        ] {
            let body = format!(
                "<tr2:GetStreamUri><tr2:Protocol>{protocol}</tr2:Protocol><tr2:ProfileToken>{token}</tr2:ProfileToken></tr2:GetStreamUri>"
            );
            let answer = bench.call(DEVICE, &body, ADMIN).await;
            assert_eq!(answer.status == 200, ok, "{protocol}");
            if protocol == "RtspOverHttp" {
                let uri = answer.read::<tr2::GetStreamUriResponse>().uri;
                assert!(uri.starts_with("http://192.0.2.10:8080/onvif/"), "{uri}");
            }
        }
    }
    let unknown = bench
        .call(
            DEVICE,
            "<tr2:GetProfiles><tr2:Token>x</tr2:Token></tr2:GetProfiles>",
            ADMIN,
        )
        .await;
    assert_eq!(unknown.fault(), ["Sender", "InvalidArgVal", "NoProfile"]);
}

/// Interop #7: Synology makes a profile, fills it, plays it, deletes it.
#[tokio::test]
async fn clients_make_profiles_of_their_own() {
    let bench = Bench::new();
    let two = |op: &str, configuration: &str| {
        format!(
            "<trt:{op}><trt:ProfileToken>SynoProfile</trt:ProfileToken><trt:ConfigurationToken>{configuration}</trt:ConfigurationToken></trt:{op}>"
        )
    };
    let one =
        |op: &str| format!("<trt:{op}><trt:ProfileToken>SynoProfile</trt:ProfileToken></trt:{op}>");
    let create = "<trt:CreateProfile><trt:Name>SynoProfile</trt:Name><trt:Token>SynoProfile</trt:Token></trt:CreateProfile>";
    let uri = "<tr2:GetStreamUri><tr2:Protocol>RTSP</tr2:Protocol><tr2:ProfileToken>SynoProfile</tr2:ProfileToken></tr2:GetStreamUri>";
    for (body, faults) in [
        (create.to_owned(), &[][..]),
        (create.to_owned(), &["InvalidArgVal", "ProfileExists"]),
        (uri.to_owned(), &["Action", "IncompleteConfiguration"]),
        (
            two("AddVideoSourceConfiguration", "nothing"),
            &["InvalidArgVal", "NoConfig"],
        ),
        (two("AddVideoSourceConfiguration", "source_config_1"), &[]),
        (two("AddVideoEncoderConfiguration", "encoder_sub"), &[]),
        (two("AddMetadataConfiguration", "metadata_1"), &[]),
        (uri.to_owned(), &[]),
        (one("RemoveMetadataConfiguration"), &[]),
        (one("SetSynchronizationPoint"), &[]),
    ] {
        let answer = bench.call(DEVICE, &body, ADMIN).await;
        if faults.is_empty() {
            assert_eq!(answer.status, 200, "{body}: {}", answer.text());
        } else {
            assert_eq!(answer.fault()[1..], *faults, "{body}");
        }
    }
    let mine = bench.call(DEVICE, &one("GetProfile"), ADMIN).await;
    let mine = mine.read::<trt::GetProfileResponse>().profile;
    assert_eq!(mine.fixed, Some(false));
    assert_eq!(mine.metadata_configuration, None);
    let encoder = mine.video_encoder_configuration.unwrap();
    assert_eq!(
        (encoder.token.as_str(), encoder.use_count),
        ("encoder_sub", 2)
    );
    assert_eq!(
        bench
            .call(DEVICE, &one("DeleteProfile"), ADMIN)
            .await
            .status,
        200
    );
    assert_eq!(
        bench
            .call(DEVICE, &one("DeleteProfile"), ADMIN)
            .await
            .fault(),
        ["Sender", "InvalidArgVal", "NoProfile"]
    );
    let fixed = one("DeleteProfile").replace("SynoProfile", "profile_main");
    assert_eq!(
        bench.call(DEVICE, &fixed, ADMIN).await.fault(),
        ["Sender", "Action", "DeletionOfFixedProfile"]
    );
}

/// MEDIA2-1-1-2, -3, -5, -6, -7: made with configurations, emptied, refilled; fixed ones too.
#[tokio::test]
async fn profiles_are_emptied_and_refilled() {
    let bench = Bench::new();
    let configuration =
        |kind: &str| format!("<tr2:Configuration><tr2:Type>{kind}</tr2:Type></tr2:Configuration>");
    let call = |op: &str, token: &str, kinds: &[&str]| {
        let list: String = kinds.iter().map(|k| configuration(k)).collect();
        format!("<tr2:{op}><tr2:ProfileToken>{token}</tr2:ProfileToken>{list}</tr2:{op}>")
    };
    let get = |token: String| {
        let bench = &bench;
        async move {
            let body = format!(
                "<tr2:GetProfiles><tr2:Token>{token}</tr2:Token><tr2:Type>All</tr2:Type></tr2:GetProfiles>"
            );
            let answer = bench.call(DEVICE, &body, ADMIN).await;
            *answer.read::<tr2::GetProfilesResponse>().profiles[0]
                .configurations
                .clone()
                .unwrap()
        }
    };
    let create = format!(
        "<tr2:CreateProfile><tr2:Name>t</tr2:Name>{}</tr2:CreateProfile>",
        configuration("VideoSource")
    );
    let made = bench.call(DEVICE, &create, ADMIN).await;
    let token = made.read::<tr2::CreateProfileResponse>().token;
    assert!(get(token.clone()).await.video_source.is_some());
    let orphan = format!(
        "<tr2:CreateProfile><tr2:Name>t</tr2:Name>{}</tr2:CreateProfile>",
        configuration("VideoEncoder")
    );
    assert_eq!(
        bench.call(DEVICE, &orphan, ADMIN).await.fault(),
        ["Sender", "InvalidArgVal", "ConfigurationConflict"]
    );
    for token in [token.as_str(), "profile_main"] {
        let before = get("profile_main".into()).await;
        let emptied = bench
            .call(DEVICE, &call("RemoveConfiguration", token, &["All"]), ADMIN)
            .await;
        assert_eq!(emptied.status, 200, "{}", emptied.text());
        assert_eq!(get(token.into()).await, tr2::ConfigurationSet::default());
        let conflict = bench
            .call(
                DEVICE,
                &call("AddConfiguration", token, &["VideoEncoder"]),
                ADMIN,
            )
            .await;
        assert_eq!(
            conflict.fault(),
            ["Sender", "InvalidArgVal", "ConfigurationConflict"]
        );
        let all = ["VideoSource", "VideoEncoder", "Analytics", "Metadata"];
        let filled = bench
            .call(DEVICE, &call("AddConfiguration", token, &all), ADMIN)
            .await;
        assert_eq!(filled.status, 200, "{}", filled.text());
        let after = get(token.into()).await;
        assert_eq!(
            after.video_encoder.as_ref().map(|e| &e.token),
            before.video_encoder.as_ref().map(|e| &e.token)
        );
        assert!(after.metadata.is_some() && after.analytics.is_some());
    }
    let odd = bench
        .call(
            DEVICE,
            &call("AddConfiguration", "profile_main", &["PTZ"]),
            ADMIN,
        )
        .await;
    assert_eq!(odd.fault()[1..], ["InvalidArgVal", "ConfigurationConflict"]);
    let mut full = None;
    for _ in 0..12 {
        full = Some(bench.call(DEVICE, &create, ADMIN).await);
    }
    assert_eq!(
        full.unwrap().fault(),
        ["Receiver", "Action", "MaxNVTProfiles"]
    );
}

/// DISCOVERY-1-1-11 on the SOAP side: scopes are kept where they belong.
#[tokio::test]
async fn scopes_are_set_added_and_removed() {
    let bench = Bench::new();
    let scopes = || async {
        let answer = bench.call(DEVICE, "<tds:GetScopes/>", ADMIN).await;
        let all: tds::GetScopesResponse = answer.read();
        let free = all
            .scopes
            .into_iter()
            .filter(|s| s.scope_def.as_str() == "Configurable");
        free.map(|s| s.scope_item).collect::<Vec<_>>()
    };
    let set = "<tds:SetScopes><tds:Scopes>onvif://www.onvif.org/name/Gate%201</tds:Scopes><tds:Scopes>onvif://www.onvif.org/location/city/Ulm</tds:Scopes><tds:Scopes>urn://x/y</tds:Scopes></tds:SetScopes>";
    assert_eq!(bench.call(DEVICE, set, ADMIN).await.status, 200);
    let (name, place) = (
        "onvif://www.onvif.org/name/Gate%201",
        "onvif://www.onvif.org/location/city/Ulm",
    );
    assert_eq!(scopes().await, [name, place, "urn://x/y"]);
    let general = bench
        .test
        .device
        .settings
        .get::<platecam_model::settings::DeviceGeneral>();
    assert_eq!(
        (general.name.as_str(), general.location.as_str()),
        ("Gate 1", "city/Ulm")
    );
    let one = |op: &str, scope: &str| {
        format!("<tds:{op}><tds:ScopeItem>{scope}</tds:ScopeItem></tds:{op}>")
    };
    for (body, faults) in [
        (one("AddScopes", "urn://x/z"), &[][..]),
        (one("AddScopes", "urn://x/z"), &[]),
        (one("RemoveScopes", "urn://x/nothing"), &["InvalidArgVal", "NoScope"]),
        (one("RemoveScopes", name), &["OperationProhibited", "FixedScope"]),
        (one("RemoveScopes", "onvif://www.onvif.org/type/video_encoder"), &["OperationProhibited", "FixedScope"]),
        (
            "<tds:SetScopes><tds:Scopes>onvif://www.onvif.org/type/video_encoder</tds:Scopes></tds:SetScopes>".into(),
            &["OperationProhibited", "ScopeOverwrite"],
        ),
        (one("AddScopes", "not a scope"), &["InvalidArgVal"]),
        (one("RemoveScopes", "urn://x/y"), &[]),
    ] {
        let answer = bench.call(DEVICE, &body, ADMIN).await;
        if faults.is_empty() {
            assert_eq!(answer.status, 200, "{body}: {}", answer.text());
        } else {
            assert_eq!(answer.fault()[1..], *faults, "{body}");
        }
    }
    assert_eq!(scopes().await, [name, place, "urn://x/z"]);
    // A name stays, whatever is set (Core 9.3.2.2); the unit may be called by it.
    let model = format!(
        "onvif://www.onvif.org/name/{}",
        bench.test.device.identity.model
    );
    // Clients show the first.
    let all: tds::GetScopesResponse = bench.call(DEVICE, "<tds:GetScopes/>", ADMIN).await.read();
    let items = all.scopes.iter().map(|s| &s.scope_item);
    let names: Vec<_> = items.filter(|s| s.contains("/name/")).collect();
    assert_eq!(names, [name, &model]);
    let set = format!("<tds:SetScopes><tds:Scopes>{model}</tds:Scopes></tds:SetScopes>");
    assert_eq!(bench.call(DEVICE, &set, ADMIN).await.status, 200);
    let all: tds::GetScopesResponse = bench.call(DEVICE, "<tds:GetScopes/>", ADMIN).await.read();
    let named: Vec<_> = all
        .scopes
        .iter()
        .filter(|s| s.scope_item.contains("/name/"))
        .collect();
    assert_eq!(named.len(), 1);
    assert_eq!(
        (named[0].scope_def.as_str(), &named[0].scope_item),
        ("Fixed", &model)
    );
    assert_eq!(
        bench
            .call(DEVICE, &one("RemoveScopes", &model), ADMIN)
            .await
            .fault()[1..],
        ["OperationProhibited", "FixedScope"]
    );
    let many: String = (0..40)
        .map(|i| format!("<tds:ScopeItem>urn://x/{i}</tds:ScopeItem>"))
        .collect();
    let full = bench
        .call(
            DEVICE,
            &format!("<tds:AddScopes>{many}</tds:AddScopes>"),
            ADMIN,
        )
        .await;
    assert_eq!(full.fault(), ["Receiver", "Action", "TooManyScopes"]);
}

/// DEVICE-2-1-33..35: ports are read and set; what cannot be is refused.
#[tokio::test]
async fn network_protocols_are_ports() {
    let bench = Bench::new();
    let ports = || async {
        let answer = bench
            .call(DEVICE, "<tds:GetNetworkProtocols/>", ADMIN)
            .await;
        let all: tds::GetNetworkProtocolsResponse = answer.read();
        let rows = all.network_protocols.into_iter();
        rows.map(|p| (p.name.as_str().to_owned(), p.port[0]))
            .collect::<Vec<_>>()
    };
    let row = |n: &str, p| (n.to_owned(), p);
    assert_eq!(
        ports().await,
        [row("HTTP", 8080), row("HTTPS", 8443), row("RTSP", 8554)]
    );
    let set = |name: &str, enabled: bool, port: i32| {
        format!(
            "<tds:SetNetworkProtocols><tds:NetworkProtocols><tt:Name>{name}</tt:Name><tt:Enabled>{enabled}</tt:Enabled><tt:Port>{port}</tt:Port></tds:NetworkProtocols></tds:SetNetworkProtocols>"
        )
    };
    assert_eq!(
        bench
            .call(DEVICE, &set("RTSP", true, 10554), ADMIN)
            .await
            .status,
        200
    );
    assert_eq!(
        ports().await,
        [row("HTTP", 8080), row("HTTPS", 8443), row("RTSP", 10554)]
    );
    for (body, subcode) in [
        (set("FTP", true, 21), "ServiceNotSupported"),
        (set("RTSP", false, 554), "ServiceNotSupported"),
        (set("RTSP", true, 80), "PortAlreadyInUse"),
        (set("RTSP", true, 70000), "PortAlreadyInUse"),
    ] {
        assert_eq!(
            bench.call(DEVICE, &body, ADMIN).await.fault(),
            ["Sender", "InvalidArgVal", subcode]
        );
    }
}

/// HTTPS-6, SEC-7: HTTP and HTTPS are switched; one of both stays, and a refused step changes nothing.
#[tokio::test]
async fn network_protocols_are_switched() {
    let bench = Bench::new();
    let row = |name: &str, enabled: bool, port: i32| {
        format!(
            "<tds:NetworkProtocols><tt:Name>{name}</tt:Name><tt:Enabled>{enabled}</tt:Enabled><tt:Port>{port}</tt:Port></tds:NetworkProtocols>"
        )
    };
    let set = async |rows: String| {
        let body = format!("<tds:SetNetworkProtocols>{rows}</tds:SetNetworkProtocols>");
        bench.call(DEVICE, &body, ADMIN).await
    };
    let shown = async || {
        let answer = bench
            .call(DEVICE, "<tds:GetNetworkProtocols/>", ADMIN)
            .await;
        let all: tds::GetNetworkProtocolsResponse = answer.read();
        let rows = all.network_protocols.into_iter();
        rows.map(|p| (p.enabled, p.port[0])).collect::<Vec<_>>()
    };
    let off = set(row("HTTP", false, 8081) + &row("HTTPS", true, 9443)).await;
    assert_eq!(off.status, 200);
    let first = [(false, 8081), (true, 9443), (true, 8554)];
    assert_eq!(shown().await, first);
    for rows in [
        row("HTTPS", false, 9444),
        row("HTTP", false, 8081) + &row("HTTPS", false, 9443),
        row("HTTP", true, 8082) + &row("RTSP", false, 8554),
    ] {
        assert_eq!(
            set(rows).await.fault(),
            ["Sender", "InvalidArgVal", "ServiceNotSupported"]
        );
        assert_eq!(shown().await, first);
    }
    let swapped = set(row("HTTP", true, 8081) + &row("HTTPS", false, 9443)).await;
    assert_eq!(swapped.status, 200);
    assert_eq!(shown().await, [(true, 8081), (false, 9443), (true, 8554)]);
}

/// A unicast probe over real sockets is answered; discovery that is switched off is silent.
#[tokio::test]
async fn discovery_answers_on_its_socket() {
    use onvif_xml::discovery::{Envelope, Message, Probe};
    let bench = Bench::new();
    let free = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let config = discovery::DiscoveryConfig {
        port,
        max_delay: std::time::Duration::ZERO,
    };
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let task = tokio::spawn(discovery::run(bench.service.clone(), config, async {
        let _ = stopped.await;
    }));
    let client = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let probe = Envelope {
        message_id: "urn:uuid:p".into(),
        relates_to: None,
        app_sequence: None,
        message: Message::Probe(Probe::default()),
    };
    let mut buffer = vec![0; 65536];
    // The task may not listen yet: the probe is repeated, as clients do.
    let answer = loop {
        client
            .send_to(&probe.write(), ("127.0.0.1", port))
            .await
            .unwrap();
        let wait = std::time::Duration::from_millis(200);
        if let Ok(n) = tokio::time::timeout(wait, client.recv(&mut buffer)).await
            && let Ok(n) = n
        {
            break Envelope::parse(&buffer[..n]).unwrap();
        }
    };
    let Message::ProbeMatches(matches) = answer.message else {
        panic!("{answer:?}");
    };
    assert_eq!(
        matches[0].address,
        bench.test.device.identity.uuid.urn().to_string()
    );
    assert_eq!(
        matches[0].xaddrs,
        ["http://192.0.2.10:8080/onvif/device_service"]
    );
    assert_eq!(answer.relates_to.as_deref(), Some("urn:uuid:p"));
    let mode = "<tds:SetDiscoveryMode><tds:DiscoveryMode>NonDiscoverable</tds:DiscoveryMode></tds:SetDiscoveryMode>";
    assert_eq!(bench.call(DEVICE, mode, ADMIN).await.status, 200);
    let unknown = bench.call(DEVICE, "<tds:SetDiscoveryMode><tds:DiscoveryMode>Maybe</tds:DiscoveryMode></tds:SetDiscoveryMode>", ADMIN).await;
    assert_eq!(unknown.fault(), ["Sender", "InvalidArgVal"]);
    stop.send(()).unwrap();
    task.await.unwrap();
    assert_eq!(
        bench
            .call(DEVICE, "<tds:GetDiscoveryMode/>", As::Nobody)
            .await
            .status,
        401
    );
}

/// SYS-20, SYS-21: Soft keeps ports and users, Hard is noted and the unit restarts; nobody else may.
#[tokio::test]
async fn factory_default_is_restore_or_default() {
    use platecam_model::{
        Actor,
        ports::ResetScope,
        settings::{DeviceGeneral, NetPorts, Port},
    };
    let bench = Bench::new();
    let (settings, by) = (&bench.test.device.settings, Actor::system());
    settings
        .update(&by, |s: &mut DeviceGeneral| s.name = "Gate".into())
        .unwrap();
    settings
        .update(&by, |s: &mut NetPorts| s.http = Port::clamped(8081))
        .unwrap();
    let body = |kind: &str| {
        format!(
            "<tds:SetSystemFactoryDefault><tds:FactoryDefault>{kind}</tds:FactoryDefault></tds:SetSystemFactoryDefault>"
        )
    };
    assert_eq!(
        bench.call(DEVICE, &body("Soft"), As::Nobody).await.status,
        401
    );
    assert_eq!(bench.call(DEVICE, &body("Soft"), ADMIN).await.status, 200);
    assert_eq!(*settings.get::<DeviceGeneral>(), DeviceGeneral::default());
    assert_eq!(settings.get::<NetPorts>().http.get(), 8081);
    assert_eq!(*bench.test.store.reset.lock(), None);
    let unknown = bench.call(DEVICE, &body("Medium"), ADMIN).await;
    assert_eq!(unknown.fault(), ["Sender", "InvalidArgVal"]);
    assert_eq!(bench.call(DEVICE, &body("Hard"), ADMIN).await.status, 200);
    assert_eq!(
        *bench.test.store.reset.lock(),
        Some(ResetScope::Configuration)
    );
}
