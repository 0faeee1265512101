//! systemd-networkd and NetworkManager as they are, each on a machine of its own (`conformance/netns/run.sh`): addresses,
//! DHCP, IPv6, name, conflicts, the way back (NET-1..11). Needs root.

use std::{
    net::{IpAddr, Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use platecam_host::{HostMode, LinuxNetwork, LinuxNetworkControl, NetworkPaths};
use platecam_model::{
    Actor, Error,
    network::Networking,
    ports::{Assigned, Ipv4Plan, Ipv6Plan, Network, NetworkControl, NetworkPlan},
    testing::customised,
};
use serde_json::json;

const CAM: &str = "cam0";
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs an ignored test of this file on a machine of its own.
fn on_a_machine(daemon: &str, test: &str) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance/netns/run.sh");
    let done = Command::new(script)
        .arg(daemon)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored", "--nocapture"])
        .env("DAEMON", daemon)
        .output()
        .unwrap();
    let said = [done.stdout, done.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(done.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
fn systemd_networkd_does_what_the_settings_say() {
    on_a_machine("networkd", "the_host_follows");
}

#[test]
fn network_manager_does_what_the_settings_say() {
    on_a_machine("NetworkManager", "the_host_follows");
}

#[test]
fn an_unconfirmed_change_leaves_no_trace() {
    on_a_machine("networkd", "the_host_goes_back");
    on_a_machine("NetworkManager", "the_host_goes_back");
}

#[test]
fn without_a_daemon_nothing_is_changed() {
    on_a_machine("none", "nobody_is_there");
}

fn control(mode: HostMode) -> LinuxNetworkControl {
    assert!(std::env::var_os("PEER").is_some(), "started by run.sh only");
    LinuxNetworkControl::new(mode, NetworkPaths::default())
}

fn addresses() -> Vec<IpAddr> {
    let all = LinuxNetwork.interfaces();
    let cam = all.into_iter().find(|i| i.name == CAM);
    cam.map(|i| i.addresses.into_iter().map(|(ip, _)| ip).collect())
        .unwrap_or_default()
}

fn has(address: &str) -> bool {
    addresses().contains(&address.parse().unwrap())
}

fn wait(what: &str, met: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !met() {
        assert!(Instant::now() < end, "{what}; there is {:?}", addresses());
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A TCP connection from the other end of the cable.
fn reached_at(address: &str) -> bool {
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let connect = format!("exec 3<>/dev/tcp/{address}/{port}");
    let peer = std::env::var("PEER").unwrap();
    let done = Command::new("timeout")
        .args(["5", "ip", "netns", "exec", &peer, "bash", "-c", &connect])
        .status();
    done.unwrap().success()
}

fn fixed() -> NetworkPlan {
    NetworkPlan {
        interface: String::new(),
        ipv4: Ipv4Plan::Static(Assigned {
            address: [192, 0, 2, 77].into(),
            prefix: 24,
            gateway: Some([192, 0, 2, 1].into()),
        }),
        ipv6: Ipv6Plan::Static(Assigned {
            address: "2001:db8::77".parse().unwrap(),
            prefix: 64,
            gateway: None,
        }),
        dns_from_dhcp: false,
        dns: vec![[192, 0, 2, 53].into()],
        search: vec!["site.example".into()],
        link_local: false,
        announce: Some("gate-1".into()),
    }
}

#[test]
#[ignore = "runs on a machine of its own, started by the tests above"]
fn the_host_follows() {
    let c = control(HostMode::System);
    let daemon = std::env::var("DAEMON").unwrap();
    assert!(c.changeable().unwrap().contains(&daemon));
    assert_eq!(c.default_interface().as_deref(), Some(CAM));
    assert!(has("192.0.2.10") && reached_at("192.0.2.10"));

    // NET-2, NET-8: by hand.
    c.apply(Some(&fixed())).unwrap();
    assert!(
        has("192.0.2.77") && has("2001:db8::77"),
        "{:?}",
        addresses()
    );
    wait("the old address goes", || !has("192.0.2.10"));
    assert!(reached_at("192.0.2.77"));
    wait("the gateway comes", || {
        LinuxNetwork.gateways() == [IpAddr::from([192, 0, 2, 1])]
    });
    if daemon == "NetworkManager" {
        wait("DNS comes", || {
            LinuxNetwork.dns_servers() == [IpAddr::from([192, 0, 2, 53])]
        });
    }
    assert_eq!(c.lease(CAM), None);
    if daemon == "NetworkManager" {
        let resolver = std::fs::read_to_string("/etc/resolv.conf").unwrap();
        assert!(resolver.contains("search site.example"), "{resolver}");
    }
    // Zero configuration: an address of the link beside the other, and without it again.
    let zero = || {
        let of_link = |ip: &IpAddr| matches!(ip, IpAddr::V4(ip) if ip.is_link_local());
        addresses().into_iter().find(of_link)
    };
    let linked = NetworkPlan {
        link_local: true,
        ..fixed()
    };
    assert_eq!(zero(), None);
    c.apply(Some(&linked)).unwrap();
    wait("the link's address comes", || zero().is_some());
    assert_eq!(addresses().first(), Some(&IpAddr::from([192, 0, 2, 77])));
    assert!(reached_at("192.0.2.77"));
    c.apply(Some(&fixed())).unwrap();
    wait("the link's address goes", || zero().is_none());
    // Again is nothing new.
    c.apply(Some(&fixed())).unwrap();
    assert!(has("192.0.2.77"));

    // NET-11: only others are conflicts.
    let used = |ip: [u8; 4]| c.used_by(CAM, ip.into()).unwrap();
    assert!(used([192, 0, 2, 1]).is_some_and(|hardware| hardware.len() == 17));
    assert_eq!((used([192, 0, 2, 77]), used([192, 0, 2, 99])), (None, None));
    assert!(matches!(
        c.used_by("nowhere0", [192, 0, 2, 1].into()),
        Err(Error::Unsupported(_))
    ));

    // NET-3, NET-4: from the DHCP server, which learns the name.
    let automatic = NetworkPlan {
        ipv4: Ipv4Plan::Dhcp,
        ipv6: Ipv6Plan::Off,
        dns_from_dhcp: true,
        dns: Vec::new(),
        ..fixed()
    };
    c.apply(Some(&automatic)).unwrap();
    wait("the lease comes", || has("192.0.2.100"));
    assert!(
        !has("192.0.2.77") && !has("2001:db8::77"),
        "{:?}",
        addresses()
    );
    wait("the lease is told", || {
        c.lease(CAM).is_some_and(|l| l.address.is_some())
    });
    let lease = c.lease(CAM).unwrap();
    assert_eq!(lease.address, Some([192, 0, 2, 100].into()));
    assert_eq!(lease.server, Some([192, 0, 2, 1].into()));
    assert_eq!(lease.dns, [IpAddr::from([192, 0, 2, 53])]);
    assert_eq!(lease.ntp, [IpAddr::from([192, 0, 2, 1])]);
    assert_eq!(lease.hostname.as_deref(), Some("leased-1"));
    assert_eq!(
        LinuxNetwork.hostname(),
        "cam-test",
        "the daemon leaves it to us"
    );
    let leases = PathBuf::from(std::env::var("LEASES").unwrap());
    wait("the server knows the name", || {
        std::fs::read_to_string(&leases).is_ok_and(|l| l.contains(" gate-1 "))
    });

    let elsewhere = NetworkPlan {
        interface: "nowhere0".into(),
        ..fixed()
    };
    assert!(matches!(
        c.apply(Some(&elsewhere)),
        Err(Error::NotFound { .. })
    ));
    assert!(has("192.0.2.100"));

    // The machine's own configuration is as it was.
    c.apply(None).unwrap();
    wait("the machine's own address comes back", || {
        has("192.0.2.10") && !has("192.0.2.100")
    });
    wait("it can be reached", || reached_at("192.0.2.10"));
    c.apply(None).unwrap();
    wait("nothing changes", || reached_at("192.0.2.10"));

    c.set_hostname("gate-2").unwrap();
    assert_eq!(LinuxNetwork.hostname(), "gate-2");
    assert_eq!(
        std::fs::read_to_string("/etc/hostname").unwrap().trim(),
        "gate-2"
    );
}

/// The whole way with the real daemon: settings, trial, time over (NET-10).
#[test]
#[ignore = "runs on a machine of its own, started by the tests above"]
fn the_host_goes_back() {
    let control = Arc::new(control(HostMode::System));
    let t = customised(|parts| {
        parts.network = Arc::new(LinuxNetwork);
        let store = Arc::new(platecam_model::testing::MemoryStore::default());
        parts.networking =
            Networking::new(control.clone(), store, &parts.settings, &parts.bus).unwrap();
    });
    let by = Actor::system();
    let serve = || {
        for _ in 0..3 {
            t.device.serve_network();
            t.clock.advance(Duration::from_secs(1));
        }
    };
    serve();
    assert!(has("192.0.2.10"), "nothing was asked for");
    let change = |address: &str| {
        let patch = json!({"managed": true, "ipv4_mode": "static", "ipv4_address": address,
            "ipv4_gateway": "192.0.2.1", "ipv6_mode": "off", "confirm_within_s": 30});
        t.device
            .settings
            .patch("net.ip", &patch, None, &by)
            .unwrap();
        serve();
    };
    change("192.0.2.78");
    let trial =
        |t: &platecam_model::testing::TestDevice| t.device.network_report(&by, None).unwrap().trial;
    assert_eq!(trial(&t).unwrap().addresses, ["192.0.2.78"]);
    assert!(has("192.0.2.78") && reached_at("192.0.2.78"));
    t.clock.advance(Duration::from_secs(30));
    serve();
    assert!(trial(&t).is_none());
    wait("the old address comes back", || {
        has("192.0.2.10") && !has("192.0.2.78")
    });
    assert!(reached_at("192.0.2.10"));

    // An address that somebody has is not taken at all.
    let net = Command::new("ip")
        .args([
            "-n",
            &std::env::var("PEER").unwrap(),
            "addr",
            "add",
            "192.0.2.79/24",
            "dev",
            "peer0",
        ])
        .status();
    assert!(net.unwrap().success());
    change("192.0.2.79");
    wait("the old address stays", || {
        has("192.0.2.10") && !has("192.0.2.79")
    });
    let last = t.device.network_report(&by, None).unwrap().last.unwrap();
    assert!(
        last.reason.contains("192.0.2.79 is used by another host"),
        "{}",
        last.reason
    );
}

#[test]
#[ignore = "runs on a machine of its own, started by the tests above"]
fn nobody_is_there() {
    let c = control(HostMode::System);
    for refused in [
        c.changeable().map(drop),
        c.apply(Some(&fixed())),
        c.apply(None),
    ] {
        let Err(Error::Unsupported(why)) = refused else {
            panic!("{refused:?}")
        };
        assert!(
            why.contains("neither systemd-networkd nor NetworkManager"),
            "{why}"
        );
    }
    let observing = control(HostMode::Observe);
    for refused in [
        observing.changeable().map(drop),
        observing.apply(None),
        observing.set_hostname("x"),
    ] {
        let Err(Error::Unsupported(why)) = refused else {
            panic!("{refused:?}")
        };
        assert!(why.contains("--host system"), "{why}");
    }
    assert!(has("192.0.2.10"));
}
