//! The gateway's binding in a network of its own (SEC-13): needs root and iproute2.
#![allow(missing_docs, reason = "a test")]

use std::{
    fs,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use platecam_host::{HostMode, LinuxNeighbours};
use platecam_model::ports::Neighbours;

/// A network namespace; it ends with its only process.
struct Network(Child);

impl Network {
    fn new() -> Self {
        let child = Command::new("unshare")
            .args(["--net", "sleep", "600"])
            .stdout(Stdio::null())
            .spawn()
            .expect("unshare of util-linux");
        let own = fs::read_link("/proc/self/ns/net").unwrap();
        let theirs = format!("/proc/{}/ns/net", child.id());
        let end = Instant::now() + Duration::from_secs(30);
        while fs::read_link(&theirs).map_or(true, |ns| ns == own) {
            assert!(Instant::now() < end, "a namespace needs root");
            std::thread::sleep(Duration::from_millis(10));
        }
        Self(child)
    }

    fn ip(&self) -> Vec<String> {
        let target = self.0.id().to_string();
        ["nsenter", "--net", "--target", &target, "ip"]
            .map(String::from)
            .to_vec()
    }

    fn run(&self, words: &str) {
        let ip = self.ip();
        let done = Command::new(&ip[0])
            .args(&ip[1..])
            .args(words.split_whitespace())
            .status();
        assert!(done.unwrap().success(), "ip {words}");
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_kernel_holds_the_binding_against_forged_answers() {
    let network = Network::new();
    for words in [
        "link add eth9 type veth peer name wire9",
        "addr add 198.51.100.2/24 dev eth9",
        "link set eth9 up",
        "link set wire9 up",
        "route add default via 198.51.100.1",
        // What a forged answer leaves behind.
        "neigh replace 198.51.100.1 lladdr 02:00:00:00:00:66 dev eth9 nud reachable",
    ] {
        network.run(words);
    }
    let proc_net = format!("/proc/{}/net", network.0.id());
    let neighbours = LinuxNeighbours::within(HostMode::System, proc_net.into(), network.ip());
    let gateway = neighbours.gateway().unwrap();
    assert_eq!(gateway.address.to_string(), "198.51.100.1");
    assert_eq!(gateway.interface, "eth9");
    let look = || neighbours.look(&gateway).unwrap();
    let forged = look().unwrap();
    assert!(!forged.permanent);
    assert_eq!(forged.mac.to_string(), "02:00:00:00:00:66");

    let mac = "02:00:5e:10:00:01".parse().unwrap();
    neighbours.bind(&gateway, mac).unwrap();
    neighbours.bind(&gateway, mac).unwrap();
    let bound = look().unwrap();
    assert!(bound.permanent);
    assert_eq!(bound.mac, mac);

    neighbours.release(&gateway).unwrap();
    assert_eq!(look(), None);
    let refused = neighbours.release(&gateway).unwrap_err();
    assert!(
        format!("{refused:?}").contains("ip neigh del"),
        "{refused:?}"
    );
}
