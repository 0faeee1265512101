//! Events of the running camera: pushed to a third-party client, and published to a real MQTT broker.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

use conformance::{Camera, Options, PASSWORD, QUIET, Web, demo_truth, output, python, root};
use serde_json::Value;

/// A wait for something that must happen; only a broken program waits so long.
const PATIENCE: Duration = Duration::from_secs(180);

/// A private mosquitto.
struct Broker {
    dir: PathBuf,
    port: u16,
    child: Option<Child>,
}

impl Broker {
    fn new(dir: &Path) -> Self {
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let config = format!("listener {port} 127.0.0.1\nallow_anonymous true\n");
        fs::write(dir.join("mosquitto.conf"), config).unwrap();
        Self {
            dir: dir.to_owned(),
            port,
            child: None,
        }
    }

    fn up(&mut self) {
        let child = Command::new("mosquitto")
            .arg("-c")
            .arg(self.dir.join("mosquitto.conf"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("mosquitto: see scripts/packages.txt");
        self.child = Some(child);
        let end = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(Instant::now() < end, "mosquitto does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Topic and payload of each message from now on.
    fn listen(&self) -> Listener {
        let mut child = Command::new("mosquitto_sub")
            .args(["-h", "127.0.0.1", "-p", &self.port.to_string()])
            .args(["-q", "1", "-t", "#", "-F", "%t %p"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("mosquitto_sub: see scripts/packages.txt");
        let out = BufReader::new(child.stdout.take().unwrap());
        let (tx, messages) = mpsc::channel();
        std::thread::spawn(move || {
            for line in out.lines().map_while(std::result::Result::ok) {
                if let Some((topic, payload)) = line.split_once(" {") {
                    let payload = serde_json::from_str(&format!("{{{payload}")).unwrap();
                    let _ = tx.send((topic.to_owned(), payload));
                }
            }
        });
        Listener { child, messages }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

struct Listener {
    child: Child,
    messages: mpsc::Receiver<(String, Value)>,
}

impl Listener {
    fn next(&self) -> (String, Value) {
        self.messages
            .recv_timeout(PATIENCE)
            .expect("a message within some minutes")
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Calls an operation of the event service over Digest.
fn call(camera: &Camera, body: &str) -> String {
    let envelope = format!(
        "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" xmlns:tev=\"http://www.onvif.org/ver10/events/wsdl\"><s:Body>{body}</s:Body></s:Envelope>"
    );
    let mut curl = Command::new("curl");
    curl.args(["-sS", "--noproxy", "*", "--digest", "-u"])
        .arg(format!("admin:{PASSWORD}"))
        .args(["-H", "Content-Type: application/soap+xml", "-d", &envelope])
        .arg(camera.url("/onvif/event_service"));
    output(&mut curl, PATIENCE).unwrap()
}

fn add_broker(camera: &Camera, broker: &Broker) {
    let added = call(
        camera,
        &format!(
            "<tev:AddEventBroker><tev:EventBroker><tev:Address>mqtt://127.0.0.1:{}</tev:Address><tev:TopicPrefix>gate</tev:TopicPrefix><tev:QoS>1</tev:QoS></tev:EventBroker></tev:AddEventBroker>",
            broker.port
        ),
    );
    assert!(added.contains("AddEventBrokerResponse"), "{added}");
}

/// EVENT-2-1-17 with Home Assistant's client: states first, then a change of the clip.
#[test]
fn a_third_party_client_is_pushed_events() {
    let camera = Camera::demo().unwrap();
    let mut client = python();
    client
        .arg(root().join("conformance/onvif/push_client.py"))
        .args(["--http", &camera.http.to_string(), "--password", PASSWORD])
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("no_proxy", "127.0.0.1")
        .env("NO_PROXY", "127.0.0.1");
    println!("{}", output(&mut client, Duration::from_secs(300)).unwrap());
}

/// EVENT-7-2-5, RECOG-5: plates, motion and no tampering of the clip as JSON at a real broker.
#[test]
fn the_clip_is_published_as_plates_and_motion_without_tampering() {
    let dir = tempfile::tempdir().unwrap();
    let mut broker = Broker::new(dir.path());
    broker.up();
    let listener = broker.listen();
    let camera = Camera::demo().unwrap();
    add_broker(&camera, &broker);
    let truth = demo_truth().unwrap();
    let mut plates = Vec::new();
    let (mut moved, mut rested) = (false, false);
    while plates.len() < 3 || !moved || !rested {
        let (topic, payload) = listener.next();
        let path = topic.strip_prefix("gate/onvif-ej/").unwrap().to_owned();
        println!("  {path} {}", payload["Data"]);
        if path == "RuleEngine/Recognition/LicensePlate/&source_1/Plates" {
            let number = &payload["Data"]["LicensePlateInfo"]["LicensePlateInfo"]["PlateNumber"];
            assert!(number["@Likelihood"].is_number(), "{payload}");
            plates.push(number["#text"].as_str().unwrap().to_owned());
        } else if path.starts_with("VideoSource/MotionAlarm/") {
            let state = payload["Data"]["State"].as_bool().unwrap();
            moved |= state;
            rested |= !state;
        } else if path.starts_with("VideoSource/") {
            assert_eq!(payload["Data"]["State"], false, "{path}");
        }
    }
    let known = plates
        .iter()
        .filter(|p| truth.iter().any(|t| t.plate == **p));
    assert!(known.count() + 1 >= plates.len(), "{plates:?}");
    let status = call(&camera, "<tev:GetEventBrokers/>");
    assert!(
        status.contains(">Connected<") && status.contains(">gate<"),
        "{status}"
    );
}

/// The kept events have these plates (EVENT-6-1-4).
fn found_by_seek(camera: &Camera, plates: &[Value]) {
    // Without an address of its own the only subscription of the user is meant.
    call(
        camera,
        "<tev:CreatePullPointSubscription><tev:InitialTerminationTime>PT60S</tev:InitialTerminationTime></tev:CreatePullPointSubscription>",
    );
    let sought = call(
        camera,
        "<tev:Seek><tev:UtcTime>2000-01-01T00:00:00Z</tev:UtcTime></tev:Seek>",
    );
    assert!(sought.contains("SeekResponse"), "{sought}");
    let told = call(
        camera,
        "<tev:PullMessages><tev:Timeout>PT5S</tev:Timeout><tev:MessageLimit>256</tev:MessageLimit></tev:PullMessages>",
    );
    assert!(told.contains("tns1:EventBuffer/Begin"), "{told}");
    for plate in plates {
        let number = plate["plate_number"].as_str().unwrap();
        assert!(told.contains(number), "{number} is not in {told}");
    }
}

/// Plates that wait for a broker survive kill -9, and arrive when both are back.
#[tokio::test(flavor = "multi_thread")]
async fn plates_that_wait_survive_a_power_cut() {
    let dir = tempfile::tempdir().unwrap();
    let mut broker = Broker::new(dir.path());
    let state = dir.path().join("state");
    let camera = Camera::start_in(&Options::default(), &state).unwrap();
    // Nobody listens there yet.
    add_broker(&camera, &broker);
    let web = Web::login(&camera).await.unwrap();
    let records = |web: Web| async move {
        let page = web.get("/api/v1/records?limit=100&kind=lpr").await.unwrap();
        (web, page["items"].as_array().unwrap().clone())
    };
    let end = Instant::now() + PATIENCE;
    let (web, mut seen) = records(web).await;
    let mut web = Some(web);
    while seen.len() < 3 {
        assert!(Instant::now() < end, "no plates: {seen:?}");
        tokio::time::sleep(Duration::from_millis(500)).await;
        let (again, now) = records(web.take().unwrap()).await;
        (web, seen) = (Some(again), now);
    }
    // The newest may be between its record and the queue; the others are on the disk.
    seen.sort_by_key(|r| r["id"].as_i64());
    seen.pop();
    camera.kill().unwrap();

    broker.up();
    let listener = broker.listen();
    let options = Options {
        initialised: false,
        source: QUIET.into(),
        ..Options::default()
    };
    let camera = Camera::start_in(&options, &state).unwrap();
    found_by_seek(&camera, &seen);
    let mut wanted: Vec<_> = seen
        .iter()
        .map(|r| (r["plate_number"].clone(), r["captured_at"].clone()))
        .collect();
    while !wanted.is_empty() {
        let (_, payload) = listener.next();
        let number = &payload["Data"]["LicensePlateInfo"]["LicensePlateInfo"]["PlateNumber"];
        let told = (number["#text"].clone(), payload["UtcTime"].clone());
        wanted.retain(|w| *w != told);
    }
}
