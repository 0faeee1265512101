//! Changes of the unit's own network, on trial and back (NET-1..11).

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Duration,
};

use platecam_model::{
    Actor, Device, Error, EventKind, Origin, Permissions,
    network::{NetworkNews, Networking, TrialEnd},
    ports::{Ipv4Plan, SettingsBackend},
    settings::{NetIp, Settings, SettingsStore, all_sections},
    testing::{TestDevice, initialised},
};
use serde_json::{Value, json};

const OLD: &str = "192.0.2.10";
const NEW: &str = "192.0.2.77";

fn user(name: &str) -> Actor {
    Actor {
        user: Some(name.into()),
        permissions: Permissions::all(),
        ..Actor::anonymous(Origin::Web, None)
    }
}

fn fixed(address: &str) -> Value {
    json!({"managed": true, "ipv4_mode": "static", "ipv4_address": address, "ipv4_prefix": "255.255.255.0",
        "ipv4_gateway": "192.0.2.1", "ipv6_mode": "off", "confirm_within_s": 30})
}

/// A unit that has begun to follow its settings, then got others.
fn changed(patch: &Value) -> TestDevice {
    let t = initialised();
    t.device.serve_network();
    change(&t, patch, &user("admin")).unwrap();
    t
}

fn change(t: &TestDevice, patch: &Value, by: &Actor) -> Result<(), Error> {
    t.device.settings.patch("net.ip", patch, None, by).map(drop)
}

/// The answer leaves first; then the host is changed.
fn serve_after_grace(t: &TestDevice) {
    t.device.serve_network();
    t.clock.advance(Duration::from_secs(1));
    t.device.serve_network();
}

fn at(ip: &str) -> Option<IpAddr> {
    Some(ip.parse().unwrap())
}

fn address(device: &Device) -> String {
    device.network.interfaces()[0].addresses[0].0.to_string()
}

fn news(events: &mut platecam_model::Subscription) -> Vec<NetworkNews> {
    std::iter::from_fn(|| events.try_recv().ok())
        .filter_map(|e| match &e.kind {
            EventKind::Network(news) => Some(news.clone()),
            _ => None,
        })
        .collect()
}

#[test]
fn a_fresh_unit_leaves_the_machine_as_it_is() {
    let t = initialised();
    let mut events = t.device.bus.subscribe();
    for _ in 0..3 {
        t.device.serve_network();
        t.clock.advance(Duration::from_secs(1));
    }
    assert_eq!(t.network.applied().0, None);
    assert_eq!(address(&t.device), OLD);
    assert!(news(&mut events).is_empty());
    let report = t.device.network_report(&user("admin"), None).unwrap();
    assert_eq!(report.interfaces[0].mac, "02:00:5e:10:00:01", "NET-12");
    assert!(report.trial.is_none() && report.daemon.is_some());
}

/// NET-10: the answer leaves first, the address is told, only its user confirms, only over it.
#[test]
fn a_new_address_stays_when_its_user_confirms_over_it() {
    let t = changed(&fixed(NEW));
    let mut events = t.device.bus.subscribe();
    t.device.serve_network();
    assert_eq!(address(&t.device), OLD, "the answer has to leave");
    t.clock.advance(Duration::from_secs(1));
    t.device.serve_network();
    assert_eq!(address(&t.device), NEW);
    let trial = t
        .device
        .network_report(&user("admin"), None)
        .unwrap()
        .trial
        .unwrap();
    assert_eq!(
        (trial.addresses, trial.seconds_left),
        (vec![NEW.to_owned()], 30)
    );

    for (by, local, said) in [
        (user("admin"), at(OLD), "confirm at 192.0.2.77"),
        (user("admin"), at("127.0.0.1"), "confirm at"),
        (user("admin"), None, "confirm at"),
        (user("guest"), at(NEW), "'admin' changed"),
    ] {
        let e = t.device.confirm_network(&by, local).unwrap_err();
        assert!(
            matches!(&e, Error::Conflict(text) if text.contains(said)),
            "{e}"
        );
    }
    for (local, can) in [(OLD, false), (NEW, true)] {
        let report = t.device.network_report(&user("admin"), at(local)).unwrap();
        assert_eq!(report.trial.unwrap().confirmable, can, "{local}");
    }
    let nobody = Actor::anonymous(Origin::Web, None);
    let e = t.device.confirm_network(&nobody, at(NEW));
    assert!(matches!(e, Err(Error::Forbidden(_))));

    t.device
        .confirm_network(&user("admin"), at("::ffff:192.0.2.77"))
        .unwrap();
    t.clock.advance(Duration::from_secs(3600));
    t.device.serve_network();
    assert_eq!(address(&t.device), NEW);
    let told = news(&mut events);
    assert!(
        matches!(&told[..], [NetworkNews::Applied { by, .. }, NetworkNews::Confirmed { .. }] if by.user.as_deref() == Some("admin")),
        "{told:?}"
    );
    let report = t.device.network_report(&user("admin"), None).unwrap();
    assert_eq!(report.last.unwrap().end, TrialEnd::Confirmed);
    let e = t
        .device
        .confirm_network(&user("admin"), at(NEW))
        .unwrap_err();
    assert!(e.to_string().contains("no change"), "{e}");
}

#[test]
fn what_nobody_confirms_goes_back() {
    let t = changed(&fixed(NEW));
    serve_after_grace(&t);
    let mut events = t.device.bus.subscribe();
    t.clock.advance(Duration::from_secs(29));
    t.device.serve_network();
    assert_eq!(address(&t.device), NEW);
    t.clock.advance(Duration::from_secs(1));
    t.device.serve_network();
    assert_eq!(address(&t.device), OLD);
    assert_eq!(*t.device.settings.get::<NetIp>(), NetIp::default());
    let told = news(&mut events);
    assert!(
        matches!(&told[..], [NetworkNews::RolledBack { reason }] if reason.contains("30 s")),
        "{told:?}"
    );
    // The same change can be tried anew.
    change(&t, &fixed(NEW), &user("admin")).unwrap();
    serve_after_grace(&t);
    assert_eq!(address(&t.device), NEW);
}

#[test]
fn a_trial_is_taken_back_by_hand_and_a_second_change_starts_anew() {
    let t = changed(&fixed(NEW));
    serve_after_grace(&t);
    t.clock.advance(Duration::from_secs(20));
    change(&t, &json!({"ipv4_address": "192.0.2.78"}), &user("guest")).unwrap();
    serve_after_grace(&t);
    assert_eq!(address(&t.device), "192.0.2.78");
    t.clock.advance(Duration::from_secs(20));
    t.device.serve_network();
    assert_eq!(address(&t.device), "192.0.2.78", "its own 30 s");
    let e = t
        .device
        .confirm_network(&user("admin"), at("192.0.2.78"))
        .unwrap_err();
    assert!(e.to_string().contains("'guest'"), "{e}");
    t.device.revert_network(&user("admin")).unwrap();
    t.device.serve_network();
    assert_eq!(
        address(&t.device),
        OLD,
        "back to what was confirmed, not to the first trial"
    );
    assert!(t.device.revert_network(&user("admin")).is_err());
}

#[test]
fn what_the_host_refuses_goes_back_at_once() {
    let t = changed(&fixed(NEW));
    t.network.refuse(Some("secret detail"));
    let mut events = t.device.bus.subscribe();
    t.device.serve_network();
    t.clock.advance(Duration::from_secs(1));
    t.device.serve_network();
    assert_eq!(*t.device.settings.get::<NetIp>(), NetIp::default());
    let told = news(&mut events);
    assert!(
        matches!(&told[..], [NetworkNews::RolledBack { reason }] if reason.contains("refuses") && !reason.contains("secret")),
        "{told:?}"
    );
    // Also the way back was refused: it is tried until it works.
    let before = t.network.applied().1;
    t.network.refuse(None);
    t.clock.advance(Duration::from_secs(5));
    serve_after_grace(&t);
    assert!(t.network.applied().1 > before);
    assert_eq!(address(&t.device), OLD);
}

#[test]
fn dns_and_name_need_no_confirmation() {
    let t = changed(&fixed(NEW));
    serve_after_grace(&t);
    t.device.confirm_network(&user("admin"), at(NEW)).unwrap();
    let patch =
        json!({"dns_from_dhcp": false, "dns_preferred": "192.0.2.53", "hostname": "gate-1"});
    change(&t, &patch, &user("admin")).unwrap();
    serve_after_grace(&t);
    assert!(
        t.device
            .network_report(&user("admin"), None)
            .unwrap()
            .trial
            .is_none()
    );
    assert_eq!(
        t.device.network.dns_servers(),
        [IpAddr::V4(Ipv4Addr::new(192, 0, 2, 53))]
    );
    assert_eq!(t.device.network.hostname(), "gate-1");
    t.clock.advance(Duration::from_secs(3600));
    t.device.serve_network();
    assert_eq!(t.device.network.hostname(), "gate-1");
}

/// NET-11: an address that is taken is not taken; one that somebody takes later is told once.
#[test]
fn conflicts_of_addresses_are_found_before_and_after() {
    let t = changed(&fixed(NEW));
    let (ip, hardware) = (Ipv4Addr::new(192, 0, 2, 77), "02:00:5e:99:00:01");
    t.network.neighbour(Some((ip, hardware)));
    let mut events = t.device.bus.subscribe();
    serve_after_grace(&t);
    assert_eq!(
        (address(&t.device).as_str(), t.network.applied().0),
        (OLD, None)
    );
    let told = news(&mut events);
    assert!(
        matches!(&told[..], [NetworkNews::Conflict { .. }, NetworkNews::RolledBack { reason }] if reason.contains(hardware)),
        "{told:?}"
    );

    t.network.neighbour(None);
    change(&t, &fixed(NEW), &user("admin")).unwrap();
    serve_after_grace(&t);
    t.device.confirm_network(&user("admin"), at(NEW)).unwrap();
    t.network.neighbour(Some((ip, hardware)));
    for _ in 0..3 {
        t.clock.advance(Duration::from_secs(60));
        t.device.serve_network();
    }
    t.network.neighbour(None);
    t.clock.advance(Duration::from_secs(60));
    t.device.serve_network();
    let told: Vec<_> = news(&mut events).split_off(2);
    let address = ip;
    let hardware = hardware.to_owned();
    assert_eq!(
        told,
        [
            NetworkNews::Conflict { address, hardware },
            NetworkNews::ConflictOver { address }
        ]
    );
}

/// ONVIF has no confirmation: any authenticated request of the same user that arrives at the new address is one.
#[test]
fn over_onvif_reaching_the_unit_confirms() {
    let t = initialised();
    t.device.serve_network();
    let onvif = Actor {
        origin: Origin::Onvif,
        ..user("admin")
    };
    change(&t, &fixed(NEW), &onvif).unwrap();
    serve_after_grace(&t);
    let open = |t: &TestDevice| {
        t.device
            .network_report(&onvif, None)
            .unwrap()
            .trial
            .is_some()
    };
    t.device.network_reached(&onvif, at(OLD));
    t.device.network_reached(&user("admin"), at(NEW));
    t.device.network_reached(
        &Actor {
            user: Some("other".into()),
            ..onvif.clone()
        },
        at(NEW),
    );
    assert!(
        open(&t),
        "neither the old address, nor the web, nor somebody else"
    );
    t.device.network_reached(&onvif, at(NEW));
    assert!(!open(&t));
}

/// The part that was changed must carry the confirmation.
#[test]
fn ipv6_does_not_prove_ipv4() {
    let mut both = fixed(NEW);
    both["ipv6_mode"] = "static".into();
    both["ipv6_address"] = "2001:db8::7".into();
    let t = changed(&both);
    serve_after_grace(&t);
    t.device
        .confirm_network(&user("admin"), at("2001:db8::7"))
        .unwrap();
    change(&t, &json!({"ipv4_address": "192.0.2.78"}), &user("admin")).unwrap();
    serve_after_grace(&t);
    assert!(
        t.device
            .confirm_network(&user("admin"), at("2001:db8::7"))
            .is_err()
    );
    t.device
        .confirm_network(&user("admin"), at("192.0.2.78"))
        .unwrap();
}

/// What a restart finds on the disk, with the same host.
fn restarted(t: &TestDevice) -> (Arc<SettingsStore>, Networking) {
    let store = SettingsStore::load(
        all_sections(),
        t.store.clone(),
        t.store.clone(),
        t.device.bus.clone(),
        t.clock.clone(),
    );
    let store = Arc::new(store.unwrap());
    let networking = Networking::new(t.network.clone(), t.store.clone(), &store, &t.device.bus);
    (store, networking.unwrap())
}

/// NET-10, HW-7: whenever the power goes, the next start is at the confirmed address, or begins the trial anew.
#[test]
fn a_power_cut_during_the_trial_goes_back() {
    let t = changed(&fixed(NEW));
    serve_after_grace(&t);
    let (store, networking) = restarted(&t);
    let r = with_parts(&t, store, networking);
    assert_eq!(address(&r), NEW, "the host still has it");
    let mut events = r.bus.subscribe();
    r.serve_network();
    assert_eq!(address(&r), OLD);
    assert_eq!(*r.settings.get::<NetIp>(), NetIp::default());
    let told = news(&mut events);
    assert!(
        matches!(&told[..], [NetworkNews::RolledBack { reason }] if reason.contains("restarted")),
        "{told:?}"
    );

    // Power cut after the settings, before the host was touched: the trial begins at the next start.
    let t = changed(&fixed(NEW));
    let (store, networking) = restarted(&t);
    let r = with_parts(&t, store, networking);
    r.serve_network();
    assert_eq!(address(&r), NEW);
    assert!(
        r.network_report(&user("admin"), None)
            .unwrap()
            .trial
            .is_some()
    );

    // After the confirmation nothing goes back.
    r.confirm_network(&user("admin"), at(NEW)).unwrap();
    let (store, networking) = restarted(&t);
    let r = with_parts(&t, store, networking);
    r.serve_network();
    assert_eq!(address(&r), NEW);
    assert!(
        r.network_report(&user("admin"), None)
            .unwrap()
            .trial
            .is_none()
    );
}

fn with_parts(t: &TestDevice, settings: Arc<SettingsStore>, networking: Networking) -> Device {
    let r = platecam_model::testing::customised(|parts| {
        parts.settings = settings;
        parts.networking = networking;
        parts.network = t.network.clone();
        parts.bus = t.device.bus.clone();
        parts.clock = t.clock.clone();
    });
    r.device
}

/// A full disk: nothing is tried that could not be taken back.
#[test]
fn without_a_note_nothing_is_tried() {
    let t = changed(&fixed(NEW));
    t.device.serve_network();
    t.clock.advance(Duration::from_secs(1));
    t.store.fail_writes(true);
    t.device.serve_network();
    assert_eq!(address(&t.device), OLD);
    t.store.fail_writes(false);
    t.clock.advance(Duration::from_secs(10));
    serve_after_grace(&t);
    assert!(
        t.store
            .load()
            .unwrap()
            .iter()
            .any(|s| s.key == "net.ip.note")
    );
}

/// `--host observe`, or no daemon: told before anything is stored.
#[test]
fn who_may_not_change_the_network_is_told_why() {
    let t = initialised();
    t.device.serve_network();
    t.network.fix(true);
    for (patch, pointer) in [
        (fixed(NEW), "/managed"),
        (json!({"hostname": "x"}), "/hostname"),
    ] {
        let Err(Error::Invalid(v)) = change(&t, &patch, &user("admin")) else {
            panic!("{patch}")
        };
        assert_eq!(v.0[0].pointer, pointer);
        assert!(v.0[0].reason.contains("--host system"), "{v}");
    }
    // What is only kept for later is no change of the network.
    change(&t, &json!({"ipv4_address": NEW}), &user("admin")).unwrap();
    let report = t.device.network_report(&user("admin"), None).unwrap();
    assert!(
        report.daemon.is_none()
            && report
                .unchangeable_reason
                .unwrap()
                .contains("--host system")
    );
}

/// Who changes one part begins with what the machine has.
#[test]
fn the_machines_own_network_is_adopted() {
    let t = initialised();
    let found = t.device.network_in_force();
    let Some(Ipv4Plan::Static(a)) = found.plan().map(|p| p.ipv4) else {
        panic!("{found:?}")
    };
    assert_eq!((a.address.to_string().as_str(), a.prefix), (OLD, 24));
    assert_eq!(a.gateway, Some(Ipv4Addr::new(192, 0, 2, 1)));
    assert!(found.managed && found.interface == "eth0");
    let _: Settings = t.device.settings.snapshot();
    change(&t, &serde_json::to_value(&found).unwrap(), &user("admin")).unwrap();
}

/// A daemon that comes late takes the next change at once, not when the unit would have looked for it anyway (NET-10).
#[test]
fn a_change_does_not_wait_for_what_failed_before_it() {
    let t = initialised();
    t.network.fix(true);
    t.device.serve_network();
    t.network.fix(false);
    change(&t, &fixed(NEW), &user("admin")).unwrap();
    t.device.serve_network();
    assert_eq!(address(&t.device), OLD, "the answer has to leave");
    t.clock.advance(Duration::from_secs(1));
    t.device.serve_network();
    assert_eq!(address(&t.device), NEW);
}
