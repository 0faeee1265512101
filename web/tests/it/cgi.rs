//! The CGI (CGI-1..4): its switch, who may call it, and each command.

use std::sync::atomic::{AtomicU32, Ordering};

use axum::body::Body;
use http::{Method, StatusCode, header};
use md5::{Digest, Md5};
use platecam_model::{
    Actor, EventKind, Permissions, Secret, UserLevel,
    auth::{NewUser, OnlineKind},
    testing::{self, PASSWORD, new_record},
};
use platecam_web::{Access, cgi_table};
use serde_json::json;

use crate::support::{Client, Reply};

static COUNT: AtomicU32 = AtomicU32::new(1);

fn md5(text: &str) -> String {
    Md5::digest(text.as_bytes())
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect()
}

/// Sends as `user` by Digest, as curl does: first without, then with the answer to the challenge.
async fn send(
    c: &Client,
    method: Method,
    target: &str,
    user: (&str, &str),
    form: Option<&str>,
) -> Reply {
    let request = |authorization: Option<String>| {
        let mut request = http::Request::builder()
            .method(method.clone())
            .uri(target)
            .header(header::HOST, "cam.lan");
        if let Some(value) = authorization {
            request = request.header(header::AUTHORIZATION, value);
        }
        if form.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        request
            .body(Body::from(form.unwrap_or_default().to_owned()))
            .unwrap()
    };
    let first = c.send(request(None)).await;
    if first.status != StatusCode::UNAUTHORIZED {
        return first;
    }
    let challenge = first.header(header::WWW_AUTHENTICATE);
    assert!(challenge.contains("algorithm=MD5"), "{challenge}");
    let nonce = challenge
        .split("nonce=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let (name, password) = user;
    let nc = format!("{:08x}", COUNT.fetch_add(1, Ordering::Relaxed));
    let ha1 = md5(&format!("{name}:Platecam:{password}"));
    let ha2 = md5(&format!("{method}:{target}"));
    let response = md5(&format!("{ha1}:{nonce}:{nc}:c:auth:{ha2}"));
    let value = format!(
        r#"Digest username="{name}", realm="Platecam", nonce="{nonce}", uri="{target}", qop=auth, nc={nc}, cnonce="c", response="{response}""#
    );
    c.send(request(Some(value))).await
}

async fn get(c: &Client, target: &str) -> Reply {
    send(c, Method::GET, target, ("admin", PASSWORD), None).await
}

fn lines(reply: &Reply) -> Vec<(String, String)> {
    assert_eq!(
        reply.header(header::CONTENT_TYPE),
        "text/plain; charset=utf-8"
    );
    let text = String::from_utf8(reply.body.to_vec()).unwrap();
    let pair = |line: &str| {
        let (key, value) = line.split_once('=').unwrap_or_else(|| panic!("{line}"));
        (key.to_owned(), value.to_owned())
    };
    text.lines().map(pair).collect()
}

fn value(reply: &Reply, key: &str) -> String {
    let all = lines(reply);
    let found = all.iter().find(|(k, _)| k == key);
    found
        .unwrap_or_else(|| panic!("no {key} in {all:?}"))
        .1
        .clone()
}

fn camera() -> Client {
    Client::new(testing::initialised())
}

/// CGI-2: off is 404 for every path, at once, and asks nobody for a password.
#[tokio::test]
async fn the_switch_counts_at_once() {
    let c = camera();
    let switch = |on: bool| {
        let value = json!({ "cgi": on });
        c.test
            .device
            .settings
            .patch("services", &value, None, &Actor::system())
            .unwrap();
    };
    for path in [
        "/cgi-bin/device.cgi",
        "/cgi-bin/nothing.cgi",
        "/cgi-bin/",
        "/cgi-bin",
    ] {
        switch(false);
        let off = get(&c, path).await;
        assert_eq!(off.status, StatusCode::NOT_FOUND, "{path}");
        assert!(off.headers.get(header::WWW_AUTHENTICATE).is_none());
        switch(true);
        let on = get(&c, path).await;
        let known = path == "/cgi-bin/device.cgi";
        let want = if known {
            StatusCode::OK
        } else {
            StatusCode::NOT_FOUND
        };
        assert_eq!(on.status, want, "{path}");
    }
}

/// CGI-3: every command as everybody, compared with its entry; nothing is open.
#[tokio::test]
async fn every_command_lets_in_whom_its_entry_names() {
    let mut problems = Vec::new();
    for route in cgi_table() {
        for (name, level) in [
            ("nobody", None),
            ("watcher", Some(UserLevel::User)),
            ("operator", Some(UserLevel::Operator)),
            ("manager", Some(UserLevel::Administrator)),
        ] {
            let c = camera();
            if let Some(level) = level {
                let new = NewUser::new(name, Secret::new(PASSWORD), level);
                c.test
                    .device
                    .accounts
                    .create(vec![new], &Actor::system())
                    .unwrap();
            }
            let form = (route.method == Method::POST).then_some("");
            let reply = send(&c, route.method.clone(), route.path, (name, PASSWORD), form).await;
            let has = level.map_or(Permissions::NONE, UserLevel::permissions);
            let want = match (level, route.access) {
                (None, _) => reply.status == StatusCode::UNAUTHORIZED,
                (_, Access::Needs(p)) => (reply.status == StatusCode::FORBIDDEN) != has.has(p),
                (_, Access::LoggedIn(_)) => reply.status != StatusCode::UNAUTHORIZED,
                (_, other) => panic!("{other}: no such entry"),
            };
            if !want {
                problems.push(format!(
                    "{} {} as {name}: {}",
                    route.method, route.path, reply.status
                ));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[tokio::test]
async fn before_the_initialisation_and_with_wrong_proofs_nobody_comes_in() {
    let c = Client::new(testing::uninitialised());
    let reply = get(&c, "/cgi-bin/device.cgi").await;
    assert_eq!(
        (reply.status, value(&reply, "error").as_str()),
        (StatusCode::FORBIDDEN, "not-initialised")
    );
    let c = camera();
    let wrong = send(
        &c,
        Method::GET,
        "/cgi-bin/device.cgi",
        ("admin", "Wrong-1234"),
        None,
    )
    .await;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    assert_eq!(value(&wrong, "message"), "user name or password is wrong");
    let basic = c
        .request(Method::GET, "/cgi-bin/device.cgi")
        .header(header::AUTHORIZATION, "Basic YWRtaW46UGFzc3cwcmQtMQ==");
    let basic = c.send(basic.body(Body::empty()).unwrap()).await;
    assert_eq!(basic.status, StatusCode::UNAUTHORIZED);
    assert_eq!(
        basic
            .headers
            .get_all(header::WWW_AUTHENTICATE)
            .iter()
            .count(),
        2
    );
    // AUTH-5, AUTH-6: one counter for all protocols.
    for _ in 0..5 {
        send(
            &c,
            Method::GET,
            "/cgi-bin/device.cgi",
            ("admin", "Wrong-1234"),
            None,
        )
        .await;
    }
    let locked = get(&c, "/cgi-bin/device.cgi").await;
    assert_eq!(
        (locked.status, value(&locked, "error").as_str()),
        (StatusCode::LOCKED, "locked")
    );
    assert!(locked.headers.contains_key(header::RETRY_AFTER));
}

/// A browser repeats Digest by itself: pages of other sites must not use that.
#[tokio::test]
async fn other_sites_cannot_use_a_browsers_password() {
    let c = camera();
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "http://evil.example"),
    ] {
        let request = c
            .request(Method::GET, "/cgi-bin/reboot.cgi")
            .header(name, value);
        let reply = c.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN, "{name}: {value}");
    }
    let head = c.request(Method::HEAD, "/cgi-bin/reboot.cgi");
    let head = c.send(head.body(Body::empty()).unwrap()).await;
    assert_eq!(head.status, StatusCode::METHOD_NOT_ALLOWED);
    assert!(c.test.power.notes.lock().is_empty());
}

#[tokio::test]
async fn device_picture_streams_and_reboot() {
    let c = camera();
    let info = get(&c, "/cgi-bin/device.cgi").await;
    assert_eq!(value(&info, "serial"), "PC00000001");
    assert_eq!(value(&info, "mac"), "02:00:5e:10:00:01");
    let picture = get(&c, "/cgi-bin/snapshot.cgi?stream=sub").await;
    assert_eq!(picture.header(header::CONTENT_TYPE), "image/jpeg");
    assert!(picture.body.starts_with(&[0xFF, 0xD8]));
    let wrong = get(&c, "/cgi-bin/snapshot.cgi?stream=third").await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    assert_eq!(
        lines(&wrong)[2..],
        [
            ("field".into(), "stream".into()),
            ("value".into(), "third".into()),
            ("reason".into(), "must be one of main, sub".into())
        ]
    );
    let streams = get(&c, "/cgi-bin/streams.cgi").await;
    assert_eq!(
        value(&streams, "main.url"),
        "rtsp://cam.lan:8554/video/livemedia?Ch=1&Streamtype=0"
    );
    assert!(!value(&streams, "sub.codec").is_empty());
    assert_eq!(value(&streams, "sub.h264_profile"), "High", "NET-24");
    let off = json!({"enabled": false});
    c.test
        .device
        .settings
        .patch("video.sub", &off, None, &Actor::system())
        .unwrap();
    assert!(
        lines(&get(&c, "/cgi-bin/streams.cgi").await)
            .iter()
            .all(|(k, _)| !k.starts_with("sub"))
    );
    let reboot = send(
        &c,
        Method::POST,
        "/cgi-bin/reboot.cgi",
        ("admin", PASSWORD),
        None,
    )
    .await;
    assert_eq!(value(&reboot, "reboot"), "simulated");
    assert!(c.test.power.notes.lock()[0].0.by.starts_with("admin@"));
}

#[tokio::test]
async fn plates_as_text_and_as_json() {
    let c = camera();
    for n in 0..3 {
        let at = c.test.device.clock.now();
        c.test
            .device
            .records
            .insert(new_record(&format!("ABC{n}"), at))
            .unwrap();
        c.test.clock.advance(std::time::Duration::from_secs(60));
    }
    let text = get(&c, "/cgi-bin/plates.cgi?count=2").await;
    let text = String::from_utf8(text.body.to_vec()).unwrap();
    let rows: Vec<Vec<&str>> = text.lines().map(|l| l.split('\t').collect()).collect();
    assert_eq!(
        rows[0],
        [
            "id",
            "time",
            "plate",
            "likelihood",
            "direction",
            "country",
            "plate_color",
            "vehicle_color",
            "vehicle_type"
        ]
    );
    assert_eq!((rows.len(), rows[1][2], rows[2][2]), (3, "ABC2", "ABC1"));
    assert_eq!(
        rows[1][3..],
        ["0.90", "approaching", "US", "white", "-", "car"]
    );
    let from = rows[1][1].replace(':', "%3A");
    let json = get(&c, &format!("/cgi-bin/plates.cgi?format=json&from={from}"))
        .await
        .json();
    assert_eq!(json["total"], 1);
    assert_eq!(json["items"][0]["plate_number"], "ABC2");
    let colors =
        serde_json::json!({"plate": {"color": "white", "likelihood": 0.75}, "vehicle": null});
    assert_eq!(json["items"][0]["colors"], colors);
    // RECOG-1
    let kind = serde_json::json!({"type": "car", "likelihood": 0.875});
    assert_eq!(json["items"][0]["vehicle_type"], kind);
    for (query, field) in [
        ("count=101", "count"),
        ("format=xml", "format"),
        ("from=today", "from"),
        ("plate=x", "plate"),
    ] {
        let reply = get(&c, &format!("/cgi-bin/plates.cgi?{query}")).await;
        assert_eq!(
            (reply.status, value(&reply, "field").as_str()),
            (StatusCode::BAD_REQUEST, field)
        );
    }
}

/// STOR-5.
#[tokio::test]
async fn the_memory_card_is_told() {
    let c = camera();
    let none = get(&c, "/cgi-bin/storage.cgi").await;
    assert_eq!(value(&none, "card.state"), "no-slot");
    c.test.card.insert("aa", 1000);
    let card = get(&c, "/cgi-bin/storage.cgi").await;
    assert_eq!(value(&card, "card.state"), "ready");
    assert_eq!(value(&card, "card.free"), "1000");
    assert_ne!(value(&card, "unit.total"), "0");
}

/// GEN-3, CGI-4: the barrier.
#[tokio::test]
async fn outputs_are_pulsed_and_the_log_says_who() {
    let c = camera();
    let mut events = c.test.device.bus.subscribe();
    assert_eq!(
        value(&get(&c, "/cgi-bin/output.cgi?action=list").await, "outputs"),
        "2"
    );
    let reply = get(&c, "/cgi-bin/output.cgi?action=pulse&output=2").await;
    assert_eq!(value(&reply, "pulsed"), "true");
    let mut told = Vec::new();
    while let Ok(e) = events.try_recv() {
        if let EventKind::Audit(a) = &e.kind {
            told.push((a.actor.to_string(), a.what.clone()));
        }
    }
    assert_eq!(
        told,
        [(
            "admin@192.0.2.7".into(),
            "Output NO2 was pulsed by hand.".into()
        )]
    );
    let reply = get(&c, "/cgi-bin/output.cgi?action=pulse&output=3").await;
    assert_eq!(
        (reply.status, value(&reply, "reason").as_str()),
        (StatusCode::BAD_REQUEST, "must be 1 to 2")
    );
}

/// Every setting can be listed, read and written by its name; bounds come from its type.
#[tokio::test]
async fn settings_by_name() {
    let c = camera();
    let groups = lines(&get(&c, "/cgi-bin/param.cgi?action=list").await);
    assert!(groups.contains(&("net.ports".into(), "rw".into())));
    for (group, _) in &groups {
        let described = get(&c, &format!("/cgi-bin/param.cgi?action=list&group={group}")).await;
        let got = get(&c, &format!("/cgi-bin/param.cgi?action=get&group={group}")).await;
        assert_eq!(
            (described.status, got.status),
            (StatusCode::OK, StatusCode::OK),
            "{group}"
        );
        for (name, _) in lines(&got).iter().skip(1) {
            assert!(!value(&described, &format!("{name}.type")).is_empty());
        }
    }
    let video = get(&c, "/cgi-bin/param.cgi?action=list&group=video.main").await;
    for (name, want) in [
        ("bit_rate.type", "integer"),
        ("bit_rate.unit", "kbit/s"),
        ("codec.type", "choice"),
    ] {
        assert_eq!(value(&video, name), want);
    }
    let (min, max) = (value(&video, "bit_rate.min"), value(&video, "bit_rate.max"));
    let set = |query: &str| format!("/cgi-bin/param.cgi?action=set&group=video.main&{query}");
    let wrong = get(&c, &set("bit_rate=1&frame_rate=x&nothing=1")).await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    let named: Vec<_> = lines(&wrong)
        .into_iter()
        .filter(|(k, _)| k == "field")
        .collect();
    assert_eq!(
        named,
        [("field".to_owned(), "frame_rate".to_owned())],
        "not readable comes first"
    );
    let wrong = get(&c, &set("bit_rate=1")).await;
    assert_eq!(
        (value(&wrong, "field"), value(&wrong, "value")),
        ("bit_rate".into(), "1".into())
    );
    assert!(
        value(&wrong, "reason").contains(&format!("{min} to {max}")),
        "{wrong:?}"
    );
    let done = get(&c, &set("bit_rate=2048&codec=H.265")).await;
    assert_eq!(value(&done, "revision"), "1");
    let now = get(
        &c,
        "/cgi-bin/param.cgi?action=get&group=video.main&name=bit_rate",
    )
    .await;
    assert_eq!(lines(&now), [("bit_rate".into(), "2048".into())]);
    let stale = get(&c, &set("bit_rate=1024&revision=0")).await;
    assert_eq!(stale.status, StatusCode::CONFLICT);
    // By form: what is secret stays out of the logs of proxies, and is never shown.
    let form = "action=set&group=device.general&name=Gate+1";
    let by_form = send(
        &c,
        Method::POST,
        "/cgi-bin/param.cgi",
        ("admin", PASSWORD),
        Some(form),
    )
    .await;
    assert_eq!(by_form.status, StatusCode::OK);
    let name = get(
        &c,
        "/cgi-bin/param.cgi?action=get&group=device.general&name=name",
    )
    .await;
    assert_eq!(value(&name, "name"), "Gate 1");
    for (query, status) in [
        ("action=get&group=nothing", StatusCode::NOT_FOUND),
        ("action=get&group=net.ports&name=ftp", StatusCode::NOT_FOUND),
        ("action=get", StatusCode::BAD_REQUEST),
        ("action=set&group=net.ports", StatusCode::BAD_REQUEST),
        ("action=drop&group=net.ports", StatusCode::BAD_REQUEST),
        (
            "action=get&group=net.ports&group=time",
            StatusCode::BAD_REQUEST,
        ),
        ("action=get&group=%00", StatusCode::BAD_REQUEST),
    ] {
        let reply = get(&c, &format!("/cgi-bin/param.cgi?{query}")).await;
        assert_eq!(reply.status, status, "{query}");
    }
}

/// Who may not read or change a section may not by CGI either.
#[tokio::test]
async fn settings_ask_for_the_sections_permission() {
    let c = camera();
    let new = NewUser::new("watcher", Secret::new(PASSWORD), UserLevel::User);
    c.test
        .device
        .accounts
        .create(vec![new], &Actor::system())
        .unwrap();
    let as_watcher = |query: &'static str| {
        let target = format!("/cgi-bin/param.cgi?{query}");
        let c = &c;
        async move { send(c, Method::GET, &target, ("watcher", PASSWORD), None).await }
    };
    let groups = lines(&as_watcher("action=list").await);
    assert!(groups.iter().all(|(_, rights)| rights == "r"), "{groups:?}");
    let refused = as_watcher("action=set&group=net.ports&http=8081").await;
    assert_eq!(
        (refused.status, value(&refused, "error").as_str()),
        (StatusCode::FORBIDDEN, "forbidden")
    );
}

/// USER-20: who comes by CGI is among the online users.
#[tokio::test]
async fn callers_are_online_users() {
    let c = camera();
    get(&c, "/cgi-bin/device.cgi").await;
    let online = c.test.device.accounts.online(&Actor::system()).unwrap();
    let one = online.iter().find(|u| u.kind == OnlineKind::Cgi).unwrap();
    assert_eq!(
        (one.user.as_str(), one.address),
        ("admin", "192.0.2.7".parse().ok())
    );
}
