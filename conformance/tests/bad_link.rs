//! Viewers behind bad cables, a viewer beside them behind a good one (`conformance/netns/bad_link.py`): loss, delay, reordering, and
//! a link that is too slow for the stream. Figures are printed, the clock judges nothing.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::Duration,
};

use conformance::{Camera, Options, PASSWORD, Web, output, root, run_inside};
use serde_json::json;

const PATIENCE: Duration = Duration::from_secs(120);
/// The camera on the bad cable.
const CAMERA: &str = "198.51.100.10";

/// Runs the test below in a network of its own (root).
#[test]
fn bad_links_harm_only_who_is_behind_them() {
    run_inside("none").unwrap();
}

/// A command on the second host.
fn there(program: &str) -> Command {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", &std::env::var("PEER").unwrap(), program]);
    command
}

struct Link(Child, ChildStdin, BufReader<ChildStdout>);

impl Link {
    fn lay() -> Self {
        let mut command = Command::new(root().join("conformance/netns/bad_link.py"));
        command.arg(std::env::var("PEER").unwrap());
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut link = Self(child, input, output);
        assert_eq!(link.answer(), "ready");
        link
    }

    fn answer(&mut self) -> String {
        let mut line = String::new();
        self.2.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }

    /// What the cable does from now on; gives the packets lost so far.
    fn does(&mut self, what: &str) -> u64 {
        writeln!(self.1, "{what}").unwrap();
        let answer = self.answer();
        answer.strip_prefix("done ").unwrap().parse().unwrap()
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Decodes `count` pictures on the second host by GStreamer over UDP, with the buffer against reordering that players have.
fn decoded_over_udp(port: u16, count: u32) -> Command {
    let mut play = there("gst-launch-1.0");
    play.args(["-q", "rtspsrc", "protocols=udp", "latency=300"]);
    play.arg(format!(
        "location=rtsp://{CAMERA}:{port}/video/livemedia?Ch=1&Streamtype=0"
    ));
    play.args(["user-id=admin", &format!("user-pw={PASSWORD}")]);
    play.args(["!", "rtph264depay", "!", "avdec_h264", "!", "fakesink"]);
    play.arg(format!("num-buffers={count}"));
    play
}

/// Presentation times, in seconds, of `count` pictures that FFmpeg decodes on the second host over TCP.
fn times_over_tcp(host: &str, port: u16, count: u32) -> Vec<f64> {
    let mut play = there("ffmpeg");
    play.args(["-v", "error", "-rtsp_transport", "tcp", "-i"]);
    play.arg(format!(
        "rtsp://admin:{PASSWORD}@{host}:{port}/video/livemedia?Ch=1&Streamtype=0"
    ));
    play.args(["-map", "0:v", "-fps_mode", "passthrough", "-frames:v"]);
    play.args([&count.to_string(), "-copyts", "-f", "framecrc", "-"]);
    let said = output(&mut play, PATIENCE).unwrap();
    let base = said.lines().find_map(|line| line.strip_prefix("#tb 0: "));
    let (over, under) = base.unwrap().split_once('/').unwrap();
    let unit = over.parse::<f64>().unwrap() / under.parse::<f64>().unwrap();
    let rows = said.lines().filter(|line| !line.starts_with('#'));
    rows.map(|row| {
        row.split(',')
            .nth(2)
            .unwrap()
            .trim()
            .parse::<f64>()
            .unwrap()
            * unit
    })
    .collect()
}

fn resident_kb(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
#[ignore = "runs within the test above"]
async fn inside() {
    let mut link = Link::lay();
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        source: "demo".into(),
        listen: "0.0.0.0",
        ..Options::default()
    };
    let camera = Camera::start_in(&options, dir.path()).unwrap();
    let web = Web::login(&camera).await.unwrap();
    let rate = json!({"bit_rate_type": "CBR", "bit_rate": 6000});
    let (status, answer) = web.change("video.main", rate).await.unwrap();
    assert_eq!(status, 200, "{answer}");
    let clean = times_over_tcp("192.0.2.10", camera.rtsp, 50);
    let before = resident_kb(camera.pid());

    // Loss and reordering over UDP: the picture comes back each time.
    link.does("loss=2 delay=30 jitter=20");
    assert!(
        decoded_over_udp(camera.rtsp, 150)
            .status()
            .unwrap()
            .success(),
        "GStreamer with loss"
    );
    let lost = link.does("");
    assert!(
        lost > 10,
        "the cable lost {lost} packets: nothing was shown"
    );

    // A link of 2 Mbit/s for 6: whole pictures are left out, what comes is new, and the neighbour has all of his.
    link.does("rate=2000 delay=20");
    let port = camera.rtsp;
    let slow = std::thread::spawn(move || times_over_tcp(CAMERA, port, 40));
    let beside = times_over_tcp("192.0.2.10", camera.rtsp, 250);
    let gaps = |times: &[f64]| {
        let apart = times.windows(2).map(|pair| pair[1] - pair[0]);
        apart.fold(0_f64, f64::max)
    };
    let usual = gaps(&clean).max(0.1);
    assert!(
        gaps(&beside) <= 2.0 * usual,
        "the neighbour missed pictures: {} s",
        gaps(&beside)
    );
    let slow = slow.join().unwrap();
    let span = slow.last().unwrap() - slow[0];
    let grown = resident_kb(camera.pid()).saturating_sub(before) / 1024;
    println!(
        "  2 Mbit/s: {} pictures of {span:.1} s; the neighbour's longest gap {:.3} s; {lost} packets lost before; {grown} MB more",
        slow.len(),
        gaps(&beside)
    );
    assert!(
        span > 2.0 * slow.len() as f64 / 25.0,
        "no picture was left out: {slow:?}"
    );
    assert!(slow.is_sorted(), "{slow:?}");
    assert!(grown < 40, "{grown} MB more with a slow viewer");

    // The cable is good again: every picture comes.
    link.does("");
    let after = times_over_tcp(CAMERA, camera.rtsp, 100);
    assert!(gaps(&after) <= 2.0 * usual, "{} s", gaps(&after));
}
