//! Real listeners: WebSockets, TLS, limits, clean end.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use futures_util::{SinkExt, StreamExt};
use http::{HeaderValue, StatusCode, header};
use lpr_core::WatchKind;
use platecam_model::{
    Actor, Clock, EventKind, LogKind, NewSecond, Origin, RestartScope,
    log::{NewLogEntry, Severity},
    ports::{LogStore, Records},
    testing::{self, PASSWORD, TestDevice, new_record},
};
use platecam_web::{Config, Limits, Server, serve};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Error as WsError, Message, client::IntoClientRequest},
};

use crate::{listeners::tls, support::Echo};

type Socket = WebSocketStream<TcpStream>;

async fn start(test: &TestDevice, limits: Limits) -> (Server, SocketAddr) {
    let config = Config {
        http: Some(([127, 0, 0, 1], 0).into()),
        https: None,
        limits,
    };
    let server = serve(config, test.device.clone(), Vec::new(), Arc::new(Echo))
        .await
        .unwrap();
    let address = server.http().unwrap();
    (server, address)
}

/// A session's cookie, made without the login page.
fn cookie(test: &TestDevice) -> String {
    let d = &test.device;
    let actor = d.accounts.actor("admin", Origin::Web, None).unwrap();
    let (token, _) = d.accounts.start_session(&actor, false).unwrap();
    format!("platecam_session={}", token.0)
}

async fn connect(
    address: SocketAddr,
    path: &str,
    headers: &[(header::HeaderName, &str)],
) -> Result<Socket, StatusCode> {
    let mut request = format!("ws://{address}/api/v1/{path}")
        .into_client_request()
        .unwrap();
    for (name, value) in headers {
        request
            .headers_mut()
            .insert(name, HeaderValue::from_str(value).unwrap());
    }
    let tcp = TcpStream::connect(address).await.unwrap();
    match client_async(request, tcp).await {
        Ok((socket, _)) => Ok(socket),
        Err(WsError::Http(response)) => Err(response.status()),
        Err(other) => panic!("{other}"),
    }
}

/// The next event of a type; others are passed over.
async fn next_of(socket: &mut Socket, kind: &str) -> Value {
    loop {
        match socket.next().await.expect("the socket stays open").unwrap() {
            Message::Text(text) => {
                let event: Value = serde_json::from_str(&text).unwrap();
                if event["type"] == kind {
                    return event;
                }
            }
            other => panic!("{other:?} while waiting for {kind}"),
        }
    }
}

/// LIVE-20: a stored read reaches every open page.
#[tokio::test]
async fn events_reach_every_page() {
    let test = testing::initialised();
    let (server, address) = start(&test, Limits::default()).await;
    let cookie = cookie(&test);
    let mut pages = Vec::new();
    for _ in 0..10 {
        let mut page = connect(address, "events", &[(header::COOKIE, &cookie)])
            .await
            .unwrap();
        let hello = next_of(&mut page, "hello").await;
        assert_eq!(hello["time"], test.clock.now().to_string());
        pages.push(page);
    }
    let record = test
        .store
        .insert(new_record("ABC123", test.clock.now()))
        .unwrap();
    test.device
        .bus
        .publish(test.clock.now(), EventKind::RecordStored(Arc::new(record)));
    let actor = test
        .device
        .accounts
        .actor("admin", Origin::Web, None)
        .unwrap();
    test.device
        .settings
        .patch("video.main", &json!({"bit_rate": 2048}), None, &actor)
        .unwrap();
    for page in &mut pages {
        assert_eq!(
            next_of(page, "record").await["record"]["plate_number"],
            "ABC123"
        );
        let settings = next_of(page, "settings").await;
        assert_eq!(
            (&settings["key"], &settings["revision"]),
            (&json!("video.main"), &json!(1))
        );
    }
    assert_eq!(
        next_of(&mut pages[0], "status").await["status"]["streams"][0]["encoder"],
        "x264enc"
    );
    server.shutdown().await;
    let end = pages[0].next().await;
    assert!(matches!(end, Some(Ok(Message::Close(_))) | None), "{end:?}");
}

/// SNAPRULE-4: a record that gets its second picture later is told anew.
#[tokio::test]
async fn a_second_picture_reaches_the_page() {
    let test = testing::initialised();
    let (_server, address) = start(&test, Limits::default()).await;
    let cookie = cookie(&test);
    let mut page = connect(address, "events", &[(header::COOKIE, &cookie)])
        .await
        .unwrap();
    next_of(&mut page, "hello").await;
    let now = test.clock.now();
    let record = test.store.insert(new_record("ABC123", now)).unwrap();
    let second = NewSecond {
        captured_at: now,
        jpeg: "later".into(),
    };
    let both = test.store.add_second(record.id, second).unwrap();
    let told = EventKind::SecondStored(Arc::new(both));
    test.device.bus.publish(now, told);
    let told = next_of(&mut page, "record_changed").await;
    assert_eq!(told["record"]["id"], record.id.0);
    assert_eq!(told["record"]["second_at"], now.to_string());
}

/// What is wrong is told to each page when it opens, when it begins and when it ends; nothing is told twice.
#[tokio::test]
async fn pages_are_told_what_is_wrong() {
    let test = testing::initialised();
    test.device.look_at_conditions();
    let (_server, address) = start(&test, Limits::default()).await;
    let cookie = cookie(&test);
    let ids = |told: &Value| -> Vec<Value> {
        let all = told["conditions"].as_array().unwrap().iter();
        all.map(|c| c["id"].clone()).collect()
    };
    let mut first = connect(address, "events", &[(header::COOKIE, &cookie)])
        .await
        .unwrap();
    let sound = ids(&next_of(&mut first, "conditions").await);
    assert!(!sound.contains(&json!("view-disturbed")), "{sound:?}");
    for active in [true, false] {
        let alarm = WatchKind::TooDark;
        let event = EventKind::PictureAlarm { alarm, active };
        assert!(test.device.condition_event(&event));
        test.device.look_at_conditions();
        test.device.look_at_conditions();
        let told = next_of(&mut first, "conditions").await;
        assert_eq!(
            ids(&told).contains(&json!("view-disturbed")),
            active,
            "{told}"
        );
        let mut late = connect(address, "events", &[(header::COOKIE, &cookie)])
            .await
            .unwrap();
        let also = next_of(&mut late, "conditions").await;
        assert_eq!(also, told);
        if active {
            let all = told["conditions"].as_array().unwrap();
            let one = all.iter().find(|c| c["id"] == "view-disturbed").unwrap();
            let want = json!({"id": "view-disturbed", "severity": "warning", "page": "/setting/event/picture"});
            assert_eq!(one, &want);
        }
    }
}

/// SYS-18: every page is told why the unit goes away before its socket closes, also where both come at once.
#[tokio::test]
async fn a_restart_is_told_before_the_end() {
    let test = testing::initialised();
    let (server, address) = start(&test, Limits::default()).await;
    let cookie = cookie(&test);
    let mut pages = Vec::new();
    for _ in 0..16 {
        let mut page = connect(address, "events", &[(header::COOKIE, &cookie)])
            .await
            .unwrap();
        next_of(&mut page, "status").await;
        pages.push(page);
    }
    let restart = EventKind::RestartWanted {
        reason: "upgrade to version 0.9.5".into(),
        scope: RestartScope::Process,
    };
    test.device.bus.publish(test.clock.now(), restart);
    server.shutdown().await;
    for page in &mut pages {
        let told = next_of(page, "restarting").await;
        assert_eq!(told["reason"], "upgrade to version 0.9.5");
    }
}

/// A page is told when its session was ended elsewhere (USER-13).
#[tokio::test]
async fn an_ended_session_ends_its_sockets() {
    let test = testing::initialised();
    let (server, address) = start(&test, Limits::default()).await;
    let cookie = cookie(&test);
    let mut page = connect(address, "events", &[(header::COOKIE, &cookie)])
        .await
        .unwrap();
    next_of(&mut page, "hello").await;
    let by = Actor::system();
    for online in test.device.accounts.online(&by).unwrap() {
        test.device.accounts.disconnect(&online.id, &by).unwrap();
    }
    assert_eq!(next_of(&mut page, "session_end").await["reason"], "ended");
    server.shutdown().await;
}

#[tokio::test]
async fn sockets_need_a_session_and_the_right_origin() {
    let test = testing::initialised();
    let (server, address) = start(&test, Limits::default()).await;
    let cookie = cookie(&test);
    let own = format!("http://{address}");
    let protocol = (header::SEC_WEBSOCKET_PROTOCOL, "rtsp.onvif.org");
    for path in ["events", "live"] {
        // Only the live socket speaks a subprotocol.
        let with = |extra: &[(header::HeaderName, &'static str)], own_origin: bool, known: bool| {
            let mut headers: Vec<(header::HeaderName, String)> = extra
                .iter()
                .map(|(n, v)| (n.clone(), (*v).to_owned()))
                .collect();
            if path == "live" {
                headers.push((protocol.0.clone(), protocol.1.to_owned()));
            }
            if own_origin {
                headers.push((header::ORIGIN, own.clone()));
            }
            if known {
                headers.push((header::COOKIE, cookie.clone()));
            }
            headers
        };
        let foreign = [(header::ORIGIN, "http://evil.example")];
        let rows = [
            (with(&[], true, true), None),
            (with(&foreign, false, true), Some(StatusCode::FORBIDDEN)),
            (with(&[], true, false), Some(StatusCode::UNAUTHORIZED)),
        ];
        for (headers, refused) in rows {
            let headers: Vec<_> = headers
                .iter()
                .map(|(n, v)| (n.clone(), v.as_str()))
                .collect();
            let result = connect(address, path, &headers).await;
            assert_eq!(result.err(), refused, "{path} {headers:?}");
        }
    }
    server.shutdown().await;
}

/// Bytes of the RTSP connection pass both ways; the tunnel knows who watches.
#[tokio::test]
async fn live_is_a_byte_stream() {
    let test = testing::initialised();
    let (server, address) = start(&test, Limits::default()).await;
    let cookie = cookie(&test);
    let protocol = (header::SEC_WEBSOCKET_PROTOCOL, "rtsp.onvif.org");
    let mut known = connect(
        address,
        "live",
        &[protocol.clone(), (header::COOKIE, &cookie)],
    )
    .await
    .unwrap();
    known.send(Message::Binary("OPTIONS".into())).await.unwrap();
    assert_eq!(
        known.next().await.unwrap().unwrap(),
        Message::Binary("admin:OPTIONS".into())
    );
    // An ONVIF client without a cookie proves itself within RTSP.
    let mut unknown = connect(address, "live", &[protocol]).await.unwrap();
    unknown
        .send(Message::Binary("OPTIONS".into()))
        .await
        .unwrap();
    assert_eq!(
        unknown.next().await.unwrap().unwrap(),
        Message::Binary("-:OPTIONS".into())
    );
    assert_eq!(
        connect(address, "live", &[(header::COOKIE, &cookie)])
            .await
            .err(),
        Some(StatusCode::BAD_REQUEST)
    );
    server.shutdown().await;
}

#[tokio::test]
async fn socket_counts_are_bounded() {
    let test = testing::initialised();
    let limits = Limits {
        event_sockets: 1,
        ..Limits::default()
    };
    let (server, address) = start(&test, limits).await;
    let cookie = cookie(&test);
    let _first = connect(address, "events", &[(header::COOKIE, &cookie)])
        .await
        .unwrap();
    let second = connect(address, "events", &[(header::COOKIE, &cookie)]).await;
    assert_eq!(second.err(), Some(StatusCode::SERVICE_UNAVAILABLE));
    server.shutdown().await;
}

/// More connections of one address than allowed are closed at once; the others go on.
#[tokio::test]
async fn connections_of_one_address_are_bounded() {
    let test = testing::initialised();
    let limits = Limits {
        connections_per_peer: 2,
        ..Limits::default()
    };
    let (server, address) = start(&test, limits).await;
    let mut kept = Vec::new();
    for _ in 0..2 {
        let mut tcp = TcpStream::connect(address).await.unwrap();
        assert!(ask(&mut tcp).await.starts_with("HTTP/1.1 200"));
        kept.push(tcp);
    }
    let mut third = TcpStream::connect(address).await.unwrap();
    assert_eq!(ask(&mut third).await, "", "closed without an answer");
    assert!(ask(&mut kept[0]).await.starts_with("HTTP/1.1 200"));
    server.shutdown().await;
}

async fn ask(tcp: &mut (impl AsyncReadExt + AsyncWriteExt + Unpin)) -> String {
    let request = b"GET /api/v1/device HTTP/1.1\r\nHost: cam.lan\r\n\r\n";
    if tcp.write_all(request).await.is_err() {
        return String::new();
    }
    let mut buffer = vec![0; 8192];
    let n = tcp.read(&mut buffer).await.unwrap_or(0);
    String::from_utf8_lossy(&buffer[..n]).into_owned()
}

#[tokio::test]
async fn heads_are_bounded() {
    let test = testing::initialised();
    let (server, address) = start(
        &test,
        Limits {
            header_bytes: 8192,
            ..Limits::default()
        },
    )
    .await;
    let mut tcp = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "GET / HTTP/1.1\r\nHost: cam.lan\r\nX-Long: {}\r\n\r\n",
        "x".repeat(20_000)
    );
    let _ = tcp.write_all(head.as_bytes()).await;
    let mut answer = vec![0; 64];
    let n = tcp.read(&mut answer).await.unwrap_or(0);
    assert!(
        answer[..n].starts_with(b"HTTP/1.1 431"),
        "{:?}",
        String::from_utf8_lossy(&answer[..n])
    );
    server.shutdown().await;
}

#[tokio::test]
async fn https_serves_the_same() {
    let test = testing::initialised();
    let (tls, connector) = tls();
    let config = Config {
        http: None,
        https: Some(tls),
        limits: Limits::default(),
    };
    let server = serve(config, test.device.clone(), Vec::new(), Arc::new(Echo))
        .await
        .unwrap();

    let tcp = TcpStream::connect(server.https().unwrap()).await.unwrap();
    let mut stream = connector
        .connect("cam.lan".try_into().unwrap(), tcp)
        .await
        .unwrap();
    let body = json!({"username": "admin", "password": PASSWORD}).to_string();
    let request = format!(
        "POST /api/v1/session HTTP/1.1\r\nHost: cam.lan\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut buffer = vec![0; 8192];
    let n = stream.read(&mut buffer).await.unwrap();
    let answer = String::from_utf8_lossy(&buffer[..n]);
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    assert!(answer.contains("__Host-platecam_session="), "{answer}");
    server.shutdown().await;
}

/// A taken port is named, and a stop does not wait for idle connections.
#[tokio::test]
async fn start_and_stop() {
    let test = testing::initialised();
    let (server, address) = start(&test, Limits::default()).await;
    let config = Config {
        http: Some(address),
        ..Config::default()
    };
    let error = serve(config, test.device.clone(), Vec::new(), Arc::new(Echo))
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), format!("cannot listen on {address}"));
    let mut idle = TcpStream::connect(address).await.unwrap();
    ask(&mut idle).await;
    tokio::time::timeout(Duration::from_secs(2), server.shutdown())
        .await
        .expect("stops within 2 s");
    assert!(TcpStream::connect(address).await.is_err());
}

/// DEBUG-3..5: new entries of the chosen kinds, as they come; only for who may read the log.
#[tokio::test]
async fn the_log_is_read_live() {
    let test = testing::initialised();
    let (server, address) = start(&test, Limits::default()).await;
    let cookie = cookie(&test);
    let with = [(header::COOKIE, cookie.as_str())];
    let refused = connect(address, "log/live?kind=nothing", &with).await;
    assert_eq!(refused.err(), Some(StatusCode::UNPROCESSABLE_ENTITY));
    assert_eq!(
        connect(address, "log/live", &[]).await.err(),
        Some(StatusCode::UNAUTHORIZED)
    );
    let mut socket = connect(address, "log/live?kind=login,clear", &with)
        .await
        .unwrap();
    next_of(&mut socket, "hello").await;
    let by = platecam_model::Actor::system();
    for (kind, text) in [(LogKind::System, "no"), (LogKind::Login, "yes")] {
        let new = NewLogEntry::new(test.clock.now(), kind, Severity::Info, &by, text);
        let entry = test.log.append(vec![new]).unwrap().remove(0);
        test.device.bus.publish_entry(Arc::new(entry));
    }
    assert_eq!(next_of(&mut socket, "entry").await["entry"]["text"], "yes");
    test.device.clear_log(&by).unwrap();
    assert_eq!(
        next_of(&mut socket, "entry").await["entry"]["kind"],
        "clear"
    );
    server.shutdown().await;
}
