//! The permission matrix of RTSP: every method of every stream as every group, over the wire. The matrices of web
//! and ONVIF are `web/tests/it/permissions.rs` and `onvif/tests/security.rs`.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    time::Duration,
};

use conformance::{Camera, Options, PASSWORD, QUIET, Web};
use md5::{Digest, Md5};
use serde_json::json;

const PATIENCE: Duration = Duration::from_secs(60);

/// An answer: status, headers as they stand, body.
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (n, value) = line.split_once(':')?;
            n.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// One connection of one user, or of nobody.
struct Client {
    stream: BufReader<TcpStream>,
    user: Option<&'static str>,
    /// Realm and nonce.
    challenge: Option<(String, String)>,
    cseq: u32,
}

impl Client {
    fn new(camera: &Camera, user: Option<&'static str>) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", camera.rtsp)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self {
            stream: BufReader::new(stream),
            user,
            challenge: None,
            cseq: 0,
        }
    }

    /// A request; a challenge is answered once where there is a user.
    fn ask(&mut self, method: &str, url: &str, headers: &[(&str, &str)]) -> Answer {
        let answer = self.send(method, url, headers);
        if answer.status != 401 || self.user.is_none() {
            return answer;
        }
        let challenge = answer.header("WWW-Authenticate").unwrap();
        let part = |name: &str| {
            let rest = challenge.split(&format!("{name}=\"")).nth(1).unwrap();
            rest.split('"').next().unwrap().to_owned()
        };
        self.challenge = Some((part("realm"), part("nonce")));
        self.send(method, url, headers)
    }

    fn send(&mut self, method: &str, url: &str, headers: &[(&str, &str)]) -> Answer {
        self.cseq += 1;
        let mut text = format!("{method} {url} RTSP/1.0\r\nCSeq: {}\r\n", self.cseq);
        for (name, value) in headers {
            text += &format!("{name}: {value}\r\n");
        }
        if let (Some(user), Some((realm, nonce))) = (self.user, &self.challenge) {
            // RFC 2069, as old players do.
            let hash = |t: String| hex::encode(Md5::digest(t));
            let who = hash(format!("{user}:{realm}:{PASSWORD}"));
            let what = hash(format!("{method}:{url}"));
            let response = hash(format!("{who}:{nonce}:{what}"));
            text += &format!(
                "Authorization: Digest username=\"{user}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{url}\", response=\"{response}\"\r\n"
            );
        }
        text += "\r\n";
        self.stream.get_mut().write_all(text.as_bytes()).unwrap();
        self.answer()
    }

    fn answer(&mut self) -> Answer {
        let mut head = String::new();
        loop {
            // Media may already come between answers.
            if let [b'$', ..] = self.stream.fill_buf().unwrap() {
                let mut frame = [0; 4];
                self.stream.read_exact(&mut frame).unwrap();
                let length = u16::from_be_bytes([frame[2], frame[3]]);
                let mut payload = vec![0; usize::from(length)];
                self.stream.read_exact(&mut payload).unwrap();
                continue;
            }
            let mut line = String::new();
            assert!(
                self.stream.read_line(&mut line).unwrap() > 0,
                "closed: {head}"
            );
            if line == "\r\n" {
                break;
            }
            head += &line;
        }
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut answer = Answer {
            status,
            head,
            body: String::new(),
        };
        let length = answer.header("Content-Length").unwrap_or("0");
        let mut body = vec![0; length.parse().unwrap()];
        self.stream.read_exact(&mut body).unwrap();
        answer.body = String::from_utf8(body).unwrap();
        answer
    }
}

/// Where the tracks of a description are set up.
fn controls(sdp: &str) -> Vec<String> {
    let media = sdp.split_once("\nm=").map_or("", |(_, media)| media);
    let controls = media.lines().filter_map(|l| l.strip_prefix("a=control:"));
    controls.map(str::to_owned).collect()
}

fn absolute(base: &str, control: &str) -> String {
    if control.starts_with("rtsp://") {
        return control.to_owned();
    }
    format!("{base}{control}")
}

/// Every method once, on one stream, with its status.
fn walk(client: &mut Client, url: &str) -> Vec<(String, u16)> {
    let mut statuses = Vec::new();
    let mut note = |what: &str, answer: &Answer| statuses.push((what.to_owned(), answer.status));
    note("OPTIONS", &client.ask("OPTIONS", url, &[]));
    let described = client.ask("DESCRIBE", url, &[("Accept", "application/sdp")]);
    note("DESCRIBE", &described);
    let mut controls = controls(&described.body);
    if controls.is_empty() {
        // Where nothing is described a stranger guesses.
        controls.push(format!("{url}/track0"));
    }
    let base = described.header("Content-Base").unwrap_or(url).to_owned();
    let mut session = String::from("0123456789abcdef");
    for (n, control) in controls.iter().enumerate() {
        let track = absolute(&base, control);
        let transport = format!("RTP/AVP/TCP;unicast;interleaved={}-{}", 2 * n, 2 * n + 1);
        let mut headers = vec![("Transport", transport.as_str())];
        if n > 0 {
            headers.push(("Session", &session));
        }
        let answer = client.ask("SETUP", &track, &headers);
        note("SETUP", &answer);
        if let Some(given) = answer.header("Session") {
            let given = given.split(';').next().unwrap_or(given);
            session = given.to_owned();
        }
    }
    for method in [
        "PLAY",
        "GET_PARAMETER",
        "SET_PARAMETER",
        "PAUSE",
        "TEARDOWN",
    ] {
        note(method, &client.ask(method, url, &[("Session", &session)]));
    }
    statuses
}

/// GEN-1..3, AUTH-6: no method of any stream, by any of its names, without the permission to watch.
#[tokio::test(flavor = "multi_thread")]
async fn every_method_of_every_stream_as_every_group() {
    let camera = Camera::start(&Options {
        source: QUIET.into(),
        ..Options::default()
    })
    .unwrap();
    let web = Web::login(&camera).await.unwrap();
    let post = async |path: &str, body| {
        let (status, answer) = web.send("POST", path, Some(body)).await.unwrap();
        assert_eq!(status, 201, "{path}: {answer}");
    };
    let mut everything = Vec::new();
    for p in web
        .get("/api/v1/permissions")
        .await
        .unwrap()
        .as_array()
        .unwrap()
    {
        everything.push(p["permission"].as_str().unwrap().to_owned());
    }
    everything.retain(|p| p != "live-view");
    assert!(everything.len() > 10, "{everything:?}");
    post(
        "/api/v1/groups",
        json!({"name": "watchers", "permissions": ["live-view"]}),
    )
    .await;
    post(
        "/api/v1/groups",
        json!({"name": "blind", "permissions": everything}),
    )
    .await;
    post("/api/v1/groups", json!({"name": "none", "permissions": []})).await;
    let groups = ["operator", "user", "watchers", "blind", "none"];
    for group in groups {
        let user = json!({"name": format!("{group}_1"), "password": PASSWORD, "confirm": PASSWORD, "group": group});
        post("/api/v1/users", user).await;
    }
    let people = [
        (None, 401),
        (Some("admin"), 200),
        (Some("operator_1"), 200),
        (Some("user_1"), 200),
        (Some("watchers_1"), 200),
        (Some("blind_1"), 403),
        (Some("none_1"), 403),
    ];
    let urls = [
        camera.rtsp_url_anonymous(0),
        camera.rtsp_url_anonymous(1),
        format!("rtsp://127.0.0.1:{}/onvif/profile_main", camera.rtsp),
        format!("rtsp://127.0.0.1:{}/onvif/profile_sub", camera.rtsp),
    ];
    tokio::task::spawn_blocking(move || {
        for url in &urls {
            for (user, want) in people {
                let statuses = walk(&mut Client::new(&camera, user), url);
                let tracks = statuses.iter().filter(|(m, _)| m == "SETUP").count();
                assert!(tracks >= 1 && (want != 200 || tracks >= 2), "{statuses:?}");
                for (method, status) in &statuses {
                    let want = if method == "OPTIONS" { 200 } else { want };
                    assert_eq!(*status, want, "{method} {url} as {user:?}: {statuses:?}");
                }
            }
        }
        sessions_are_their_owners(&camera, &urls[0]);
    })
    .await
    .unwrap();
}

/// Who may watch may not touch what another watches.
fn sessions_are_their_owners(camera: &Camera, url: &str) {
    let mut owner = Client::new(camera, Some("watchers_1"));
    let described = owner.ask("DESCRIBE", url, &[]);
    let base = described.header("Content-Base").unwrap();
    let transport = ("Transport", "RTP/AVP/TCP;unicast;interleaved=0-1");
    let track = absolute(base, &controls(&described.body)[0]);
    let setup = owner.ask("SETUP", &track, &[transport]);
    assert_eq!(setup.status, 200, "{}", setup.head);
    let session = setup.header("Session").unwrap().split(';').next().unwrap();
    let mut other = Client::new(camera, Some("user_1"));
    for method in [
        "PLAY",
        "PAUSE",
        "GET_PARAMETER",
        "SET_PARAMETER",
        "TEARDOWN",
    ] {
        let answer = other.ask(method, url, &[("Session", session)]);
        assert_eq!(answer.status, 454, "{method}: {}", answer.head);
    }
    assert_eq!(owner.ask("PLAY", url, &[("Session", session)]).status, 200);
}
