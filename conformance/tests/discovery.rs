//! Hello and Bye as a second host hears them (DISCOVERY-1-1-1, -2, -8, -9, -11; SYS-34, NET-25; WS-Discovery 2005/04 §4). The camera is
//! on a machine of its own (`conformance/netns/run.sh`); who listens is at the other end of its cable, the network namespace `$PEER`.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

use conformance::{Camera, Options, QUIET, Web, output, run_inside, run_test_inside};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(90);
const MANDATORY: [&str; 4] = ["type", "location", "hardware", "name"];

/// Prints every datagram of the group as one line of JSON, and asks by multicast when it is told `probe`.
const LISTENER: &str = r#"
import json, select, socket, struct, sys
import xml.etree.ElementTree as ET
A = '{http://schemas.xmlsoap.org/ws/2004/08/addressing}'
D = '{http://schemas.xmlsoap.org/ws/2005/04/discovery}'
PROBE = '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"><s:Header><a:MessageID>urn:uuid:0a6dc791-2be6-4991-9af1-454778a1917a</a:MessageID><a:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To><a:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</a:Action></s:Header><s:Body><d:Probe/></s:Body></s:Envelope>'
six = sys.argv[1] == '6'
family = socket.AF_INET6 if six else socket.AF_INET
s, asker = [socket.socket(family, socket.SOCK_DGRAM) for _ in range(2)]
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
index = socket.if_nametoindex('peer0')
if six:
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    to = ('ff02::c', 3702, 0, index)
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, socket.inet_pton(family, 'ff02::c') + struct.pack('i', index))
else:
    to = ('239.255.255.250', 3702)
    group = struct.pack('4s4si', socket.inet_aton(to[0]), socket.inet_aton('0.0.0.0'), index)
    s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group)
    asker.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, group)
s.bind(('', 3702))
print(json.dumps({'kind': 'ready'}), flush=True)
def show(data, sender):
    root = ET.fromstring(data)
    kind = root.findtext('.//' + A + 'Action').rsplit('/', 1)[1]
    text = lambda tag: (root.findtext('.//' + tag) or '').strip()
    sequence = root.find('.//' + D + 'AppSequence')
    declared = dict((p, u) for _, (p, u) in ET.iterparse(__import__('io').BytesIO(data), ['start-ns']))
    types = [t.split(':')[-1] + ' ' + declared.get(t.split(':')[0], '') for t in text(D + 'Types').split()]
    print(json.dumps({'kind': kind, 'from': sender[0], 'id': text(A + 'MessageID'), 'relates': text(A + 'RelatesTo'),
        'to': text(A + 'To'), 'address': text(A + 'EndpointReference/' + A + 'Address'), 'types': types,
        'scopes': text(D + 'Scopes').split(), 'xaddrs': text(D + 'XAddrs').split(),
        'version': int(text(D + 'MetadataVersion') or 0), 'instance': int(sequence.get('InstanceId')),
        'number': int(sequence.get('MessageNumber'))}), flush=True)
while True:
    for ready in select.select([s, asker, sys.stdin], [], [])[0]:
        if ready is sys.stdin:
            if not sys.stdin.readline():
                sys.exit()
            asker.sendto(PROBE.encode(), to)
            continue
        data, sender = ready.recvfrom(65536)
        if b'discovery/Probe<' not in data:
            show(data, sender)
"#;

/// Runs the test below in a network of its own (root).
#[test]
fn a_second_host_hears_hello_and_bye() {
    run_inside("none").unwrap();
}

/// Runs the test `inside_ipv6` in a network of its own (root).
#[test]
fn a_second_host_hears_hello_and_bye_over_ipv6() {
    run_test_inside("none", "inside_ipv6").unwrap();
}

/// The second host.
struct Host {
    child: Child,
    heard: mpsc::Receiver<Value>,
    all: Vec<Value>,
}

impl Host {
    /// `family` is 4 or 6.
    fn listen(family: &str) -> Self {
        let mut command = there("python3");
        command.args(["-uc", LISTENER, family]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let (told, heard) = mpsc::channel();
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                println!("  heard: {line}");
                let _ = told.send(serde_json::from_str(&line).unwrap());
            }
        });
        let mut host = Self {
            child,
            heard,
            all: Vec::new(),
        };
        host.next("it listens", |m| m["kind"] == "ready");
        host
    }

    /// The next message that is so; what came before it is passed over.
    fn next(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let Ok(message) = self.heard.recv_timeout(left) else {
                panic!("never heard: {what}; {:#?}", self.all)
            };
            self.all.push(message.clone());
            if wanted(&message) {
                return message;
            }
        }
    }

    /// A multicast probe is answered; every message before the answer was heard by now.
    fn probe(&mut self) -> Value {
        self.send_probe();
        self.next("an answer to a probe", |m| m["kind"] == "ProbeMatches")
    }

    fn send_probe(&mut self) {
        use std::io::Write;
        writeln!(self.child.stdin.as_mut().unwrap(), "probe").unwrap();
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A command on the second host.
fn there(program: &str) -> Command {
    let peer = std::env::var("PEER").unwrap();
    let mut command = Command::new("ip");
    command.args(["netns", "exec", &peer, program]);
    command
}

fn number(message: &Value, key: &str) -> u64 {
    message[key].as_u64().unwrap()
}

fn has_scope(message: &Value, scope: &str) -> bool {
    message["scopes"]
        .as_array()
        .unwrap()
        .iter()
        .any(|s| s == scope)
}

async fn set(web: &Web, value: Value) {
    let (status, answer) = web.change("onvif", value).await.unwrap();
    assert_eq!(status, 200, "{answer}");
}

fn ip(args: &str) {
    let done = Command::new("ip").args(args.split(' ')).status().unwrap();
    assert!(done.success(), "ip {args}");
}

#[tokio::test]
#[ignore = "runs within the test above"]
async fn inside() {
    let mut host = Host::listen("4");
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        source: QUIET.into(),
        listen: "0.0.0.0",
        ..Options::default()
    };
    let camera = Camera::start_in(&options, dir.path()).unwrap();
    let entry = |address: &str| format!("http://{address}:{}/onvif/device_service", camera.http);

    // DISCOVERY-1-1-1, -2: Hello at the start, with everything.
    let first = host.next("Hello at the start", |m| m["kind"] == "Hello");
    assert_eq!(first["from"], "192.0.2.10");
    assert_eq!(first["to"], "urn:schemas-xmlsoap-org:ws:2005:04:discovery");
    let endpoint = first["address"].as_str().unwrap().to_owned();
    assert!(endpoint.starts_with("urn:uuid:"), "{first}");
    for t in [
        "NetworkVideoTransmitter http://www.onvif.org/ver10/network/wsdl",
        "Device http://www.onvif.org/ver10/device/wsdl",
    ] {
        assert!(
            first["types"].as_array().unwrap().contains(&json!(t)),
            "{first}"
        );
    }
    for kind in MANDATORY {
        let prefix = format!("onvif://www.onvif.org/{kind}/");
        let mut scopes = first["scopes"].as_array().unwrap().iter();
        assert!(
            scopes.any(|s| s.as_str().unwrap().starts_with(&prefix)),
            "{kind}: {first}"
        );
    }
    assert_eq!(first["xaddrs"], json!([entry("192.0.2.10")]));
    let found = host.probe();
    assert_eq!(
        found["relates"],
        "urn:uuid:0a6dc791-2be6-4991-9af1-454778a1917a"
    );
    assert_eq!(
        (&found["address"], &found["xaddrs"]),
        (&first["address"], &first["xaddrs"])
    );

    // DISCOVERY-1-1-11: the whole list after each change, with a higher version.
    let web = Web::login(&camera).await.unwrap();
    let scope = "onvif://www.onvif.org/site/north-gate";
    set(&web, json!({"scopes": [scope]})).await;
    let added = host.next("Hello with the new scope", |m| {
        m["kind"] == "Hello" && has_scope(m, scope)
    });
    assert!(
        number(&added, "version") > number(&first, "version"),
        "{added}"
    );
    assert!(
        number(&added, "number") > number(&first, "number"),
        "{added}"
    );
    assert_eq!(added["instance"], first["instance"]);
    let more = added["scopes"].as_array().unwrap().len();
    assert_eq!(more, first["scopes"].as_array().unwrap().len() + 1);
    assert!(has_scope(&host.probe(), scope));
    set(&web, json!({"scopes": []})).await;
    let removed = host.next("Hello without it", |m| {
        m["kind"] == "Hello" && !has_scope(m, scope)
    });
    assert!(
        number(&removed, "version") > number(&added, "version"),
        "{removed}"
    );

    // Another address: Hello tells where the unit is to be found now.
    ip("addr add 192.0.2.11/24 dev cam0");
    ip("addr del 192.0.2.10/24 dev cam0");
    ip("addr replace 192.0.2.11/24 dev cam0");
    let moved = host.next("Hello at the new address", |m| {
        m["kind"] == "Hello" && m["xaddrs"] == json!([entry("192.0.2.11")])
    });
    assert_eq!(
        (&moved["from"], &moved["address"]),
        (&json!("192.0.2.11"), &first["address"])
    );
    assert!(
        number(&moved, "version") > number(&removed, "version"),
        "{moved}"
    );
    assert_eq!(host.probe()["xaddrs"], moved["xaddrs"]);

    // DISCOVERY-1-1-9: who is not to be found says Bye, then nothing.
    set(&web, json!({"discovery": "NonDiscoverable"})).await;
    let bye = host.next("Bye of one that hides", |m| m["kind"] == "Bye");
    assert_eq!(bye["address"], first["address"]);
    let silent_from = host.all.len();
    host.send_probe();
    set(&web, json!({"scopes": [scope]})).await;
    set(&web, json!({"discovery": "Discoverable"})).await;
    let back = host.next("Hello of one that shows itself", |m| m["kind"] != "Bye");
    assert_eq!(back["kind"], "Hello", "{:#?}", &host.all[silent_from..]);
    assert!(has_scope(&back, scope), "{back}");

    // DISCOVERY-1-1-8: Bye at the stop; the next start is another instance.
    camera.stop().unwrap();
    let bye = host.next("Bye at the stop", |m| m["kind"] == "Bye");
    assert_eq!(bye["address"], first["address"]);
    assert!(number(&bye, "number") > number(&back, "number"), "{bye}");
    let camera = Camera::start_in(&options, dir.path()).unwrap();
    let again = host.next("Hello of the next start", |m| m["kind"] == "Hello");
    assert_eq!(again["address"], first["address"]);
    assert!(
        number(&again, "instance") > number(&first, "instance"),
        "{again}"
    );
    assert!(
        number(&again, "version") > number(&first, "version"),
        "{again}"
    );
    assert!(has_scope(&again, scope), "{again}");

    // One that starts hidden says nothing at all, not even at its stop.
    let web = Web::login(&camera).await.unwrap();
    set(&web, json!({"discovery": "NonDiscoverable"})).await;
    host.next("Bye of one that hides", |m| m["kind"] == "Bye");
    camera.stop().unwrap();
    let camera = Camera::start_in(&options, dir.path()).unwrap();
    Web::login(&camera).await.unwrap();
    camera.stop().unwrap();
    let camera = Camera::start_in(&options, dir.path()).unwrap();
    let web = Web::login(&camera).await.unwrap();
    set(&web, json!({"discovery": "Discoverable"})).await;
    let shown = host.next("anything", |_| true);
    assert_eq!(shown["kind"], "Hello", "{shown}");
    camera.stop().unwrap();
}

/// Whether what is told leads to the service: a question by the second host that needs no user.
fn leads_to_the_service(xaddr: &str) {
    const QUESTION: &str = r#"<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body><GetSystemDateAndTime xmlns="http://www.onvif.org/ver10/device/wsdl"/></s:Body></s:Envelope>"#;
    let mut curl = there("curl");
    curl.args(["-sg", "--noproxy", "*", "--max-time", "60"]);
    curl.args(["-H", "Content-Type: application/soap+xml", "-d", QUESTION]);
    let said = output(curl.arg(xaddr), PATIENCE).unwrap();
    assert!(said.contains("GetSystemDateAndTimeResponse"), "{said}");
}

/// NET-25, DISCOVERY-1-1-1, -2, -8 over IPv6 (WS-Discovery 2005/04 §2.4: ff02::c); NET-8.
#[tokio::test]
#[ignore = "runs within the test above"]
async fn inside_ipv6() {
    output(
        there("ip").args("-6 addr add 2001:db8::1/64 dev peer0 nodad".split(' ')),
        PATIENCE,
    )
    .unwrap();
    ip("-6 addr add 2001:db8::10/64 dev cam0 nodad");
    let mut host = Host::listen("6");
    let options = Options {
        source: QUIET.into(),
        listen: "::",
        ..Options::default()
    };
    let dir = tempfile::tempdir().unwrap();
    let camera = Camera::start_in(&options, dir.path()).unwrap();
    let entry = |address: &str| format!("http://[{address}]:{}/onvif/device_service", camera.http);
    let at = |address: &str| json!([entry(address)]);

    // Multicast of the link may come from an address of the link; what is told is one that a URL can hold.
    let first = host.next("Hello at the start", |m| {
        m["kind"] == "Hello" && m["xaddrs"] == at("2001:db8::10")
    });
    let found = host.probe();
    assert_eq!(
        (&found["address"], &found["xaddrs"]),
        (&first["address"], &first["xaddrs"])
    );
    assert_eq!(
        found["relates"],
        "urn:uuid:0a6dc791-2be6-4991-9af1-454778a1917a"
    );
    leads_to_the_service(&entry("2001:db8::10"));

    // Another address, at first one that the kernel still looks for in the network: told when it can be reached.
    ip("-6 addr del 2001:db8::10/64 dev cam0");
    ip("-6 addr add 2001:db8::11/64 dev cam0");
    let moved = host.next("Hello at the new address", |m| {
        m["kind"] == "Hello" && m["xaddrs"] == at("2001:db8::11")
    });
    leads_to_the_service(&entry("2001:db8::11"));
    assert_eq!(moved["address"], first["address"]);
    assert!(
        number(&moved, "version") > number(&first, "version"),
        "{moved}"
    );
    assert_eq!(host.probe()["xaddrs"], moved["xaddrs"]);

    camera.stop().unwrap();
    let bye = host.next("Bye at the stop", |m| m["kind"] == "Bye");
    assert_eq!(bye["address"], first["address"]);
    assert!(number(&bye, "number") > number(&moved, "number"), "{bye}");
}
