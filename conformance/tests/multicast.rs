//! Multicast as a second host receives it (MCAST-1..6). The camera is on a machine of its own (`conformance/netns/run.sh`);
//! the players are at the other end of its cable, in the network namespace `$PEER`.

use std::{
    process::{Child, Command, Stdio},
    time::Duration,
};

use conformance::{Camera, Options, PASSWORD, Web, output, run_inside, run_test_inside};
use serde_json::json;

const PATIENCE: Duration = Duration::from_secs(60);

/// Joins a group and prints the number of RTP packets of one source that come, in order and none missing; gives up when
/// nothing comes for ten seconds.
const LISTENER: &str = r#"
import socket, struct, sys
group, port, wanted = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
six = ':' in group
s = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
s.bind((group, port))
if six:
    index = struct.pack('@I', socket.if_nametoindex('peer0'))
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, socket.inet_pton(socket.AF_INET6, group) + index)
else:
    s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(group) + socket.inet_aton('192.0.2.1'))
s.settimeout(10)
last, ssrc, count = None, None, 0
try:
    while count < wanted:
        data, sender = s.recvfrom(2048)
        assert sender[0] == ('2001:db8::10' if six else '192.0.2.10') and data[0] >> 6 == 2, (sender, data[:12])
        seq, source = struct.unpack('!H', data[2:4])[0], data[8:12]
        assert ssrc in (None, source), 'two sources'
        assert last in (None, (seq - 1) % 65536), (last, seq)
        last, ssrc, count = seq, source, count + 1
except TimeoutError:
    pass
print(count)
"#;

/// Runs the test below in a network of its own (root).
#[test]
fn a_second_host_plays_by_multicast() {
    run_inside("none").unwrap();
}

/// The same over IPv6 (MCAST-2, MCAST-5).
#[test]
fn a_second_host_plays_by_multicast_over_ipv6() {
    run_test_inside("none", "inside_ipv6").unwrap();
}

/// A command on the second host.
fn there(program: &str) -> Command {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", &std::env::var("PEER").unwrap(), program]);
    command
}

fn listen(group: &str, port: u16, wanted: usize) -> Child {
    let mut command = there("python3");
    let numbers = [port.to_string(), wanted.to_string()];
    command.args(["-uc", LISTENER, group]).args(numbers);
    command.stdout(Stdio::piped()).spawn().unwrap()
}

fn heard(listener: Child) -> usize {
    let done = listener.wait_with_output().unwrap();
    assert!(done.status.success(), "the listener says why above");
    String::from_utf8(done.stdout)
        .unwrap()
        .trim()
        .parse()
        .unwrap()
}

fn gstreamer(url: &str) -> Command {
    let mut play = there("gst-launch-1.0");
    play.args(["-q", "rtspsrc", "protocols=udp-mcast", "latency=100"]);
    play.args([&format!("location={url}"), "user-id=admin"]);
    play.arg(format!("user-pw={PASSWORD}"));
    play.args(["!", "rtph264depay", "!", "avdec_h264", "!", "fakesink"]);
    play.arg("num-buffers=50");
    play
}

#[tokio::test]
#[ignore = "runs within the test above"]
async fn inside() {
    let peer = std::env::var("PEER").unwrap();
    let route = ["-n", &peer, "route", "add", "224.0.0.0/4", "dev", "peer0"];
    output(Command::new("ip").args(route), PATIENCE).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        source: "test:".into(),
        listen: "0.0.0.0",
        ..Options::default()
    };
    let camera = Camera::start_in(&options, dir.path()).unwrap();
    let web = Web::login(&camera).await.unwrap();
    let (group, port) = ("225.1.2.3", 20_000);
    let wanted = json!({"address": group, "port": port, "ttl": 4});
    let (status, answer) = web.change("net.multicast_main", wanted).await.unwrap();
    assert_eq!(status, 200, "{answer}");

    // MCAST-5: two players of different make at once, and a host that only listens in the group.
    let url = format!(
        "rtsp://192.0.2.10:{}/onvif/profile_main/multicast",
        camera.rtsp
    );
    let mut first = gstreamer(&url).spawn().unwrap();
    let beside = listen(group, port, 300);
    let mut probe = there("ffprobe");
    probe.args(["-v", "error", "-rtsp_transport", "udp_multicast"]);
    probe.args([
        "-select_streams",
        "v",
        "-show_entries",
        "stream=codec_name,width",
    ]);
    probe.args(["-of", "csv=p=0"]);
    probe.arg(url.replace("rtsp://", &format!("rtsp://admin:{PASSWORD}@")));
    let found = output(&mut probe, PATIENCE).unwrap();
    assert!(found.contains("h264,1920"), "{found}");
    assert_eq!(heard(beside), 300);
    assert!(first.wait().unwrap().success(), "GStreamer");

    // MCAST-1: enabled it goes on by itself, also after the power was cut; MCAST-6: Restore leaves it alone.
    let (status, answer) = web
        .change("net.multicast_main", json!({"enabled": true}))
        .await
        .unwrap();
    assert_eq!(status, 200, "{answer}");
    assert_eq!(heard(listen(group, port, 100)), 100);
    drop(camera);
    let camera = Camera::start_in(&options, dir.path()).unwrap();
    assert_eq!(heard(listen(group, port, 100)), 100);

    // Another address while it is sent: the old group falls silent.
    let web = Web::login(&camera).await.unwrap();
    let (status, answer) = web
        .change("net.multicast_main", json!({"address": "225.1.2.4"}))
        .await
        .unwrap();
    assert_eq!(status, 200, "{answer}");
    assert_eq!(heard(listen("225.1.2.4", port, 100)), 100);
    assert_eq!(heard(listen(group, port, 1)), 0, "the old group");

    // MCAST-3: refused with its bounds, and nothing changed.
    let (status, answer) = web
        .change("net.multicast_main", json!({"address": "224.0.0.0"}))
        .await
        .unwrap();
    assert_eq!(status, 422, "{answer}");
    let text = answer.to_string();
    assert!(text.contains("224.0.1.0 to 238.255.255.255"), "{text}");
    assert_eq!(heard(listen("225.1.2.4", port, 10)), 10);
}

#[tokio::test]
#[ignore = "runs within the test above"]
async fn inside_ipv6() {
    let peer = std::env::var("PEER").unwrap();
    for words in [
        "addr add 2001:db8::10/64 dev cam0 nodad",
        &format!("-n {peer} addr add 2001:db8::1/64 dev peer0 nodad"),
    ] {
        output(Command::new("ip").args(words.split(' ')), PATIENCE).unwrap();
    }
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        source: "test:".into(),
        listen: "::",
        ..Options::default()
    };
    let camera = Camera::start_in(&options, dir.path()).unwrap();
    let web = Web::login(&camera).await.unwrap();
    let (group, port) = ("ff15::1:2", 20_000);
    let wanted = json!({"address": group, "port": port, "ttl": 4});
    let (status, answer) = web.change("net.multicast_main", wanted).await.unwrap();
    assert_eq!(status, 200, "{answer}");

    // A player by RTSP over IPv6, and a host that only listens in the group.
    let url = format!(
        "rtsp://[2001:db8::10]:{}/onvif/profile_main/multicast",
        camera.rtsp
    );
    let mut player = gstreamer(&url).spawn().unwrap();
    assert_eq!(heard(listen(group, port, 200)), 200);
    assert!(player.wait().unwrap().success(), "GStreamer");

    // It goes on by itself, and stops when it is switched off.
    let change = async |enabled: bool| {
        let (status, answer) = web
            .change("net.multicast_main", json!({ "enabled": enabled }))
            .await
            .unwrap();
        assert_eq!(status, 200, "{answer}");
    };
    change(true).await;
    assert_eq!(heard(listen(group, port, 100)), 100);
    change(false).await;
    assert_eq!(heard(listen(group, port, 1)), 0, "switched off");
}
